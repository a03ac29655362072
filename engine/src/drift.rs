//! Drift: where lines that an author saw stand now.
//!
//! Only our own edits are followed: their scripts are recorded, so positions
//! map exactly and nothing is guessed. What another writer did is never mapped
//! here; the edit is refused and its author decides.

use std::ops::Range;

use crate::edit::{Bias, Change};
use crate::snapshot::Snapshot;

/// What happened to a file since its author saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// Nothing: the bytes are the same.
    Same,
    /// Only edits of ours, which together make this change.
    Own(Change),
    /// Somebody else wrote to it, with or without edits of ours.
    Outside,
}

/// Where lines stand now (0-based, half-open).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landing {
    /// The very lines, untouched.
    Exact(Range<usize>),
    /// What has become of them; somebody changed them or wrote between them.
    Touched(Range<usize>),
    /// Nothing can be said.
    Unknown,
}

/// Returns where the lines `span` of `seen` stand in `now`. An empty span is a
/// place between two lines, and stays exact as long as nothing was written
/// right at it.
pub fn land(since: &Since, seen: &Snapshot, now: &Snapshot, span: Range<usize>) -> Landing {
    match since {
        Since::Same => Landing::Exact(span),
        Since::Outside => Landing::Unknown,
        Since::Own(change) => match follow(change, seen, now, &span) {
            Some(there) => Landing::Exact(there),
            None => Landing::Touched(remains(change, seen, now, &span)),
        },
    }
}

/// Returns where untouched lines stand now.
fn follow(
    change: &Change,
    seen: &Snapshot,
    now: &Snapshot,
    span: &Range<usize>,
) -> Option<Range<usize>> {
    let bytes = seen.lines.bytes_of(span.clone());
    let start = if bytes.is_empty() {
        follow_place(change, bytes.start)?
    } else {
        change.map_range(bytes)?.start
    };
    let first = now.lines.line_starting_at(start)?;
    let there = first..first + span.len();
    let same = there.end <= now.line_count()
        && there
            .clone()
            .zip(span.clone())
            .all(|(new, old)| now.line(new) == seen.line(old));
    same.then_some(there)
}

/// Returns where a place between two bytes is now, unless it was written to.
fn follow_place(change: &Change, at: usize) -> Option<usize> {
    let written = change.edits().iter().any(|edit| {
        edit.range.start < at && at < edit.range.end
            || edit.range.is_empty() && edit.range.start == at
    });
    (!written).then(|| change.map_pos(at, Bias::Before))
}

/// Returns the lines that stand now where the touched lines stood.
fn remains(change: &Change, seen: &Snapshot, now: &Snapshot, span: &Range<usize>) -> Range<usize> {
    let bytes = seen.lines.bytes_of(span.clone());
    let start = change.map_pos(bytes.start, Bias::Before);
    let end = change.map_pos(bytes.end, Bias::After);
    let within = now.lines.line_at(start) + usize::from(span.is_empty());
    let first = now.lines.line_starting_at(start).unwrap_or(within);
    let last = now
        .lines
        .line_starting_at(end)
        .unwrap_or_else(|| now.lines.line_at(end) + 1);
    first.min(last)..last.min(now.line_count())
}
