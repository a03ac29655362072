//! Hunks → one [`Change`]: which terminator every line gets.
//!
//! A replaced line keeps its own terminator. A new line takes that of the line
//! before it, else of the line after it, else LF. A file without final newline
//! keeps none when its last line is replaced or something is appended, unless
//! the caller says otherwise.

use std::ops::Range;

use super::hunk::Hunk;
use crate::edit::{Change, Edit};
use crate::error::{Code, Refusal};
use crate::snapshot::Snapshot;
use crate::text::Terminator;

/// Returns the change that the hunks (sorted, disjoint, in the lines of `now`)
/// make.
pub(super) fn change(hunks: &[Hunk<'_>], final_newline: Option<bool>, now: &Snapshot) -> Change {
    let tail_from = tail(hunks, now.line_count());
    let (inner, tail) = hunks.split_at(tail_from);
    let mut edits: Vec<Edit> = inner.iter().map(|hunk| inner_edit(hunk, now)).collect();
    edits.extend(tail_edit(tail, final_newline, now));
    edits.retain(|edit| now.bytes[edit.range.clone()] != edit.text);
    Change::new(edits, now.bytes.len()).expect("BUG: hunks are sorted and disjoint")
}

/// Refuses a change whose lines would not be the lines that were asked for: a
/// lone CR in the new text ends a line where the file has no LF.
pub(super) fn check_line_count(
    change: &Change,
    now: &Snapshot,
    expected: usize,
) -> Result<(), Refusal> {
    let has_lf = |bytes: &[u8]| memchr::memchr(b'\n', bytes).is_some();
    let has_cr = |bytes: &[u8]| memchr::memchr(b'\r', bytes).is_some();
    let may_differ = change
        .edits()
        .iter()
        .any(|edit| has_cr(&edit.text) || edit.range.len() > 0)
        && !change.pieces(&now.bytes).into_iter().any(has_lf);
    if may_differ && now.after(change).line_count() != expected {
        let text = "a lone CR would end a line here, since no line of the file ends in LF";
        return Err(Refusal::new(Code::Encoding, text));
    }
    Ok(())
}

/// Returns the index of the first of those hunks at the end that reach the end
/// of the file without a kept line between them.
fn tail(hunks: &[Hunk<'_>], total: usize) -> usize {
    let mut from = hunks.len();
    let mut reach = total;
    while from > 0 && hunks[from - 1].lines.end == reach {
        reach = hunks[from - 1].lines.start;
        from -= 1;
    }
    from
}

/// Returns the edit of a hunk behind which a line follows, so that every line
/// it replaces is terminated.
fn inner_edit(hunk: &Hunk<'_>, now: &Snapshot) -> Edit {
    let mut text = Vec::new();
    let mut last = neighbour(hunk.lines.start, now);
    for (index, line) in hunk.text.iter().enumerate() {
        last = own(&hunk.lines, index, now).unwrap_or(last);
        text.extend_from_slice(line);
        text.extend_from_slice(last.bytes());
    }
    Edit {
        range: now.lines.bytes_of(hunk.lines.clone()),
        text,
    }
}

/// Returns the edit of everything that happens at the end of the file.
fn tail_edit(tail: &[Hunk<'_>], final_newline: Option<bool>, now: &Snapshot) -> Option<Edit> {
    let total = now.line_count();
    let start = tail.first().map_or(total, |hunk| hunk.lines.start);
    let gone = start..total;
    let terminated = now.lines.final_newline();
    let lines: Vec<(Option<Terminator>, &[u8])> = tail
        .iter()
        .flat_map(|hunk| {
            let own_of = move |index| own(&hunk.lines, index, now);
            hunk.text
                .iter()
                .enumerate()
                .map(move |(index, line)| (own_of(index), *line))
        })
        .collect();
    if lines.is_empty() {
        return end_edit(gone, final_newline, now);
    }
    let mut text = Vec::new();
    let mut last = neighbour(start, now);
    if gone.is_empty() && !terminated {
        text.extend_from_slice(last.bytes());
    }
    let ends = final_newline.unwrap_or(terminated);
    for (index, (own, line)) in lines.iter().enumerate() {
        last = own.unwrap_or(last);
        text.extend_from_slice(line);
        if ends || index + 1 < lines.len() {
            text.extend_from_slice(last.bytes());
        }
    }
    Some(Edit {
        range: now.lines.start(start)..now.bytes.len(),
        text,
    })
}

/// Returns the edit where no new line stands at the end: lines may go, and the
/// newline of the line that is last then may come or go.
fn end_edit(gone: Range<usize>, final_newline: Option<bool>, now: &Snapshot) -> Option<Edit> {
    let start = now.lines.start(gone.start);
    let end = now.bytes.len();
    let last = gone.start.checked_sub(1);
    let terminator = last.and_then(|line| now.lines.terminator(&now.bytes, line));
    match (final_newline, last, terminator) {
        (Some(false), _, Some(terminator)) => Some(Edit {
            range: start - terminator.bytes().len()..end,
            text: Vec::new(),
        }),
        (Some(true), Some(_), None) => Some(Edit {
            range: end..end,
            text: neighbour(gone.start, now).bytes().to_vec(),
        }),
        _ if gone.is_empty() => None,
        _ => Some(Edit {
            range: start..end,
            text: Vec::new(),
        }),
    }
}

/// Returns the terminator of the line that new line `index` of a hunk replaces.
fn own(lines: &Range<usize>, index: usize, now: &Snapshot) -> Option<Terminator> {
    let line = lines.start + index;
    (line < lines.end)
        .then(|| now.lines.terminator(&now.bytes, line))
        .flatten()
}

/// Returns the terminator for a new line at `place`: that of the nearest
/// terminated line before it, else of the line after it, else LF.
fn neighbour(place: usize, now: &Snapshot) -> Terminator {
    let of = |line: usize| {
        (line < now.line_count())
            .then(|| now.lines.terminator(&now.bytes, line))
            .flatten()
    };
    let before = place
        .checked_sub(1)
        .and_then(|line| of(line).or_else(|| of(line.checked_sub(1)?)));
    before.or_else(|| of(place)).unwrap_or(Terminator::Lf)
}
