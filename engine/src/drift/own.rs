//! Our own edits: their scripts are recorded, so positions map exactly and
//! nothing is guessed.

use std::ops::Range;

use crate::edit::{Bias, Change, Edit};
use crate::snapshot::Snapshot;

/// Where lines stand after a change of ours (0-based, half-open).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Landing {
    /// The very lines, untouched.
    Exact(Range<usize>),
    /// What has become of them; an edit changed them or wrote between them.
    Touched(Range<usize>),
    /// An edit that reaches beyond them took them in, so what has become of
    /// them alone cannot be told; this is where it stands.
    Absorbed(Range<usize>),
}

/// Returns where the lines `span` of `seen` stand in `now`. An empty span is a
/// place between two lines, and stays exact as long as nothing was written
/// right at it.
pub(super) fn land(
    change: &Change,
    seen: &Snapshot,
    now: &Snapshot,
    span: &Range<usize>,
) -> Landing {
    match follow(change, seen, now, span) {
        Some(there) => Landing::Exact(there),
        None => became(change, seen, now, span),
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
        && there.clone().zip(span.clone()).all(|(new, old)| now.line(new) == seen.line(old));
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

/// Returns what stands now where the touched lines stood.
fn became(change: &Change, seen: &Snapshot, now: &Snapshot, span: &Range<usize>) -> Landing {
    let bytes = seen.lines.bytes_of(span.clone());
    let wide = widened(change, &bytes);
    let there = lines_at(remains(change, &wide), wide.is_empty(), now);
    match wide == bytes {
        true => Landing::Touched(there),
        false => Landing::Absorbed(there),
    }
}

/// Returns the bytes with all of the edits that reach over an end of them.
fn widened(change: &Change, bytes: &Range<usize>) -> Range<usize> {
    let over = |at: usize| {
        let mut edits = change.edits().iter();
        edits.find(move |edit| edit.range.start < at && at < edit.range.end)
    };
    let start = over(bytes.start).map_or(bytes.start, |edit| edit.range.start);
    let end = over(bytes.end).map_or(bytes.end, |edit| edit.range.end);
    start..end
}

/// Returns the bytes that stand now where `bytes` stood, neither end of which
/// lies inside an edit. What was inserted right before or behind them is none
/// of theirs; at a place between two bytes, it is all there is.
fn remains(change: &Change, bytes: &Range<usize>) -> Range<usize> {
    let is_place = bytes.is_empty();
    let moved = |at: usize, ends_count: bool| {
        let counts = |edit: &&Edit| match ends_count {
            true => edit.range.end <= at,
            false => edit.range.start < at,
        };
        let before = change.edits().iter().filter(counts);
        let grown: i64 = before.map(|edit| edit.text.len() as i64 - edit.range.len() as i64).sum();
        (at as i64 + grown) as usize
    };
    moved(bytes.start, !is_place)..moved(bytes.end, is_place)
}

/// Returns the lines that hold the bytes. Only at the end of a file without
/// final newline does a place between two lines become one inside of a line;
/// what was written there begins with the next.
fn lines_at(bytes: Range<usize>, is_place: bool, now: &Snapshot) -> Range<usize> {
    let line = |at: usize, inside: usize| {
        // U+FEFF that came to stand at the very start is no line's.
        let at = at.max(now.lines.bom());
        let starting = now.lines.line_starting_at(at);
        starting.unwrap_or_else(|| now.lines.line_at(at) + inside)
    };
    let end = line(bytes.end, 1);
    line(bytes.start, usize::from(is_place)).min(end)..end
}

/// Returns a change in lines: sorted, disjoint ranges of the lines of `before`,
/// each with the number of lines of `after` that stand there.
pub fn line_hunks(
    change: &Change,
    before: &Snapshot,
    after: &Snapshot,
) -> Vec<(Range<usize>, usize)> {
    let mut hunks: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for edit in change.edits() {
        let old = touched_lines(before, &edit.range);
        let start = change.map_pos(edit.range.start, Bias::Before);
        let end = change.map_pos(edit.range.end, Bias::After);
        let new = touched_lines(after, &(start..end));
        match hunks.last_mut() {
            Some((last_old, last_new)) if old.start < last_old.end || new.start < last_new.end => {
                last_old.end = last_old.end.max(old.end);
                last_new.end = last_new.end.max(new.end);
            }
            _ => hunks.push((old, new)),
        }
    }
    hunks.into_iter().map(|(old, new)| (old, new.len())).collect()
}

/// Returns the lines that bytes lie in; none for a place where a line starts.
fn touched_lines(snapshot: &Snapshot, bytes: &Range<usize>) -> Range<usize> {
    let lines = &snapshot.lines;
    // The byte-order mark is no line's.
    let (start, end) = (bytes.start.max(lines.bom()), bytes.end.max(lines.bom()));
    let first = lines.line_starting_at(start).unwrap_or_else(|| lines.line_at(start));
    let last = lines.line_starting_at(end).unwrap_or_else(|| lines.line_at(end) + 1);
    first..last.min(snapshot.line_count()).max(first)
}
