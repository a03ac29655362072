//! The delta: which findings an edit brought in, and which are gone.
//!
//! Findings have no names, so those before and after must be matched. A finding
//! is what it is by its source, severity and message, with numbers of places
//! masked; where it stands is carried through the edit. What does not match
//! exactly may still be the same one: its line was touched by the edit, or moved
//! as a whole. Both sides are counted: one new error never hides behind one that
//! is fixed.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use engine::edit::{Bias, Change, Edit};
use engine::snapshot::Snapshot;
use engine::verify::{Delta, Diagnostic, Findings, Severity, Verdict};
use similar::{Algorithm, DiffTag, capture_diff_slices, capture_diff_slices_deadline};

use crate::collect::weaker;

/// How alike two lines are that hold one finding before and after.
const ALIKE: f32 = 0.6;

/// Bytes of a line that are compared.
const LINE_BYTES: usize = 400;

/// How long the lines of a large replacement may be matched.
const REFINING: Duration = Duration::from_millis(200);

/// A content and what was found in it.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The content.
    pub snapshot: &'a Snapshot,
    /// The findings.
    pub findings: &'a Findings,
}

/// Returns what `change` did to the findings. Its verdict is the worse of both;
/// where there are no findings before that can be held against those after, the
/// delta is `inconclusive` and nothing is called new.
pub fn delta(before: Side<'_>, after: Side<'_>, change: &Change) -> Delta {
    let verdict = weaker(before.findings.verdict, after.findings.verdict);
    if verdict == Verdict::Inconclusive {
        return Delta { verdict, new: Vec::new(), fixed: Vec::new(), unchanged: 0 };
    }
    let change = refined(change, before.snapshot, after.snapshot);
    let mut matching = Matching::new(before, after, &change);
    matching.by_place(Bias::After);
    matching.by_place(Bias::Before);
    matching.by_touched_line();
    matching.by_moved_line();
    matching.delta(verdict)
}

/// The findings of both sides that have no partner yet.
struct Matching<'a> {
    before: Side<'a>,
    after: Side<'a>,
    change: &'a Change,
    old: Vec<&'a Diagnostic>,
    new: Vec<&'a Diagnostic>,
    unchanged: usize,
}

/// What a finding is, wherever it stands.
type Identity<'a> = (&'a str, Severity, String);

fn identity(finding: &Diagnostic) -> Identity<'_> {
    (&finding.source, finding.severity, masked(&finding.message))
}

impl<'a> Matching<'a> {
    fn new(before: Side<'a>, after: Side<'a>, change: &'a Change) -> Matching<'a> {
        let old = before.findings.diagnostics.iter().collect();
        let new = after.findings.diagnostics.iter().collect();
        Matching { before, after, change, old, new, unchanged: 0 }
    }

    /// Matches what stands where the edit carried it.
    fn by_place(&mut self, bias: Bias) {
        let mut places: HashMap<(Identity<'a>, usize), Vec<&'a Diagnostic>> = HashMap::new();
        for finding in self.new.iter().rev() {
            places.entry((identity(finding), finding.range.start)).or_default().push(finding);
        }
        let mut met: Vec<*const Diagnostic> = Vec::new();
        let change = self.change;
        self.old.retain(|finding| {
            let at = change.map_pos(finding.range.start, bias);
            let partner = places.get_mut(&(identity(finding), at)).and_then(Vec::pop);
            met.extend(partner.map(std::ptr::from_ref));
            partner.is_none()
        });
        self.meet(&met);
    }

    /// Matches what stands on lines that one hunk of the edit touched, the most
    /// alike first.
    fn by_touched_line(&mut self) {
        let hunks = hunks(self.change);
        let hunk_of = |lines: &dyn Fn(&Hunk) -> Range<usize>, snapshot: &Snapshot, at: usize| {
            let line = line_of(snapshot, at);
            hunks.iter().position(|hunk| {
                let bytes = lines(hunk);
                (line_of(snapshot, bytes.start)..=line_of(snapshot, bytes.end)).contains(&line)
            })
        };
        let mut pairs = Vec::new();
        for (left, old) in self.old.iter().enumerate() {
            let hunk = hunk_of(&|hunk| hunk.old.clone(), self.before.snapshot, old.range.start);
            let Some(hunk) = hunk else { continue };
            for (right, new) in self.new.iter().enumerate() {
                let theirs =
                    hunk_of(&|hunk| hunk.new.clone(), self.after.snapshot, new.range.start);
                if theirs == Some(hunk) && identity(old) == identity(new) {
                    let ratio =
                        likeness(line(self.before.snapshot, old), line(self.after.snapshot, new));
                    pairs.push((ratio, left, right));
                }
            }
        }
        pairs.retain(|(ratio, ..)| *ratio >= ALIKE);
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        self.pair_up(pairs.into_iter().map(|(_, left, right)| (left, right)));
    }

    /// Matches what stands on a line that occurs once on each side.
    fn by_moved_line(&mut self) {
        if self.old.is_empty() || self.new.is_empty() {
            return;
        }
        let once_before = lines_that_occur_once(self.before.snapshot);
        let once_after = lines_that_occur_once(self.after.snapshot);
        let mut pairs = Vec::new();
        for (left, old) in self.old.iter().enumerate() {
            let text = line(self.before.snapshot, old);
            if !once_before.contains(text) || !once_after.contains(text) {
                continue;
            }
            for (right, new) in self.new.iter().enumerate() {
                let same_line = line(self.after.snapshot, new) == text;
                if same_line && identity(old) == identity(new) {
                    pairs.push((left, right));
                }
            }
        }
        self.pair_up(pairs.into_iter());
    }

    /// Takes the pairs out, each finding once.
    fn pair_up(&mut self, pairs: impl Iterator<Item = (usize, usize)>) {
        let (mut left_used, mut right_used) = (HashSet::new(), HashSet::new());
        for (left, right) in pairs {
            if !left_used.contains(&left) && !right_used.contains(&right) {
                left_used.insert(left);
                right_used.insert(right);
            }
        }
        self.unchanged += left_used.len();
        remove(&mut self.old, &left_used);
        remove(&mut self.new, &right_used);
    }

    fn meet(&mut self, met: &[*const Diagnostic]) {
        self.unchanged += met.len();
        self.new.retain(|finding| !met.contains(&std::ptr::from_ref(*finding)));
    }

    fn delta(self, verdict: Verdict) -> Delta {
        let carried = |old: &&Diagnostic| {
            let start = self.change.map_pos(old.range.start, Bias::After);
            let end = self.change.map_pos(old.range.end, Bias::Before);
            Diagnostic { range: start..end.max(start), ..(*old).clone() }
        };
        Delta {
            verdict,
            new: self.new.iter().map(|finding| (*finding).clone()).collect(),
            fixed: self.old.iter().map(carried).collect(),
            unchanged: self.unchanged,
        }
    }
}

fn remove(findings: &mut Vec<&Diagnostic>, used: &HashSet<usize>) {
    let mut index = 0;
    findings.retain(|_| {
        index += 1;
        !used.contains(&(index - 1))
    });
}

/// One replacement, by its bytes on both sides.
struct Hunk {
    old: Range<usize>,
    new: Range<usize>,
}

fn hunks(change: &Change) -> Vec<Hunk> {
    let mut shift = 0_i64;
    let hunks = change.edits().iter().map(|edit| {
        let start = (edit.range.start as i64 + shift) as usize;
        shift += edit.text.len() as i64 - edit.range.len() as i64;
        Hunk { old: edit.range.clone(), new: start..start + edit.text.len() }
    });
    hunks.collect()
}

fn line_of(snapshot: &Snapshot, at: usize) -> usize {
    snapshot.lines.line_at(at.min(snapshot.bytes.len()))
}

/// Returns the line that a finding starts on, without white space at its ends.
fn line<'a>(snapshot: &'a Snapshot, finding: &Diagnostic) -> &'a [u8] {
    let line = line_of(snapshot, finding.range.start);
    match line < snapshot.line_count() {
        true => snapshot.line(line).trim_ascii(),
        false => b"",
    }
}

fn lines_that_occur_once(snapshot: &Snapshot) -> HashSet<&[u8]> {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for line in 0..snapshot.line_count() {
        *counts.entry(snapshot.line(line).trim_ascii()).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count == 1).map(|(line, _)| line).collect()
}

/// Returns how alike two lines are, from 0 to 1.
fn likeness(a: &[u8], b: &[u8]) -> f32 {
    let head = |line: &[u8]| line[..line.len().min(LINE_BYTES)].to_vec();
    let (a, b) = (head(a), head(b));
    if a.is_empty() && b.is_empty() {
        return 1.0;
    }
    let ops = capture_diff_slices(Algorithm::Myers, &a, &b);
    let same: usize =
        ops.iter().filter(|op| op.tag() == DiffTag::Equal).map(|op| op.old_range().len()).sum();
    2.0 * same as f32 / (a.len() + b.len()) as f32
}

/// Returns `message` with what moves with an edit masked: numbers behind `line`,
/// and places written as `12:34`.
fn masked(message: &str) -> String {
    let mut masked = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let len = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        masked.push_str(before);
        let is_place = before.ends_with(':') && !before.ends_with("::")
            || number[len..].strip_prefix(':').is_some_and(|rest| rest.starts_with(digit))
            || ["line ", "Line ", "column "].iter().any(|word| before.ends_with(word));
        masked.push_str(if is_place { "#" } else { &number[..len] });
        rest = &number[len..];
    }
    masked.push_str(rest);
    masked
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// Returns the change with large replacements cut along the lines that they
/// keep: a tool that writes a file anew moves nothing.
pub(crate) fn refined(change: &Change, before: &Snapshot, after: &Snapshot) -> Change {
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    let is_large =
        |edit: &Edit| lines(&before.bytes[edit.range.clone()]) > 2 && lines(&edit.text) > 2;
    if !change.edits().iter().any(is_large) || change.before_len() != before.bytes.len() {
        return change.clone();
    }
    let deadline = Instant::now() + REFINING;
    let edits = change.edits().iter().flat_map(|edit| match is_large(edit) {
        true => split(edit, &before.bytes, deadline),
        false => vec![edit.clone()],
    });
    let refined = Change::new(edits.collect(), before.bytes.len());
    let is_same = |refined: &Change| refined.after_len() == after.bytes.len();
    refined.ok().filter(is_same).unwrap_or_else(|| change.clone())
}

/// Returns the edits of whole lines that do what `edit` does.
fn split(edit: &Edit, before: &[u8], deadline: Instant) -> Vec<Edit> {
    let rows = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    let (old, new) = (rows(&before[edit.range.clone()]), rows(&edit.text));
    let starts = |rows: &[Vec<u8>]| -> Vec<usize> {
        let mut at = 0;
        let ends = rows.iter().map(|row| {
            at += row.len();
            at
        });
        std::iter::once(0).chain(ends.collect::<Vec<_>>()).collect()
    };
    let (old_at, new_at) = (starts(&old), starts(&new));
    let ops = capture_diff_slices_deadline(Algorithm::Patience, &old, &new, Some(deadline));
    let changed = ops.iter().filter(|op| op.tag() != DiffTag::Equal);
    let edits = changed.map(|op| {
        let (old, new) = (op.old_range(), op.new_range());
        let start = edit.range.start + old_at[old.start];
        Edit {
            range: start..edit.range.start + old_at[old.end],
            text: edit.text[new_at[new.start]..new_at[new.end]].to_vec(),
        }
    });
    edits.collect()
}
