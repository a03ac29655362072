//! Differences of two contents in lines, for showing them.

use std::ops::Range;
use std::time::{Duration, Instant};

use engine::snapshot::Snapshot;
use similar::{Algorithm, DiffOp};

/// How long a diff may search for the shortest answer; beyond it the answer is
/// right, but longer than it need be.
const PATIENCE: Duration = Duration::from_millis(200);

/// Lines (0-based) of one content that stand for lines of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Lines that went.
    pub(super) old: Range<usize>,
    /// Lines that came.
    pub(super) new: Range<usize>,
}

/// Returns the differing lines, sorted and disjoint.
pub(super) fn hunks(old: &Snapshot, new: &Snapshot) -> Vec<Hunk> {
    let (old_lines, new_lines) = (old.line_count(), new.line_count());
    let same_head = |line: &usize| old.line(*line) == new.line(*line);
    let head = (0..old_lines.min(new_lines)).take_while(same_head).count();
    let same_tail = |back: &usize| old.line(old_lines - 1 - back) == new.line(new_lines - 1 - back);
    let tail = (0..old_lines.min(new_lines) - head).take_while(same_tail).count();
    let lines = |snapshot: &'_ Snapshot, range: Range<usize>| -> Vec<Vec<u8>> {
        range.map(|line| snapshot.line(line).to_vec()).collect()
    };
    let a = lines(old, head..old_lines - tail);
    let b = lines(new, head..new_lines - tail);
    let deadline = Some(Instant::now() + PATIENCE);
    let ops = similar::capture_diff_slices_deadline(Algorithm::Myers, &a, &b, deadline);
    let changed = ops.into_iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    let shift = |range: Range<usize>| range.start + head..range.end + head;
    changed.map(|op| Hunk { old: shift(op.old_range()), new: shift(op.new_range()) }).collect()
}

/// Returns the difference as a unified diff of `path`, with three lines of
/// context, bytes that are not UTF-8 shown as U+FFFD.
pub(super) fn unified(path: &str, to: &str, old: &Snapshot, new: &Snapshot) -> String {
    let text = |snapshot: &Snapshot| String::from_utf8_lossy(&snapshot.bytes).into_owned();
    let (a, b) = (text(old), text(new));
    let diff = similar::TextDiff::configure().timeout(PATIENCE).diff_lines(&a, &b);
    diff.unified_diff()
        .context_radius(3)
        .header(&format!("a/{path}"), &format!("b/{to}"))
        .to_string()
}
