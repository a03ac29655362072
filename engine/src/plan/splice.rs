//! Hunks → one [`Change`]: which terminator every line gets.
//!
//! A replaced line keeps its own terminator. A new line takes that of the line
//! before it, else of the line after it, else LF; the neighbours of its place
//! count as they are before the edit, even those that go. A file without final
//! newline keeps none when its last line is replaced or something is appended,
//! unless the caller says otherwise.

use std::ops::Range;

use super::hunk::Hunk;
use crate::edit::{Change, Edit};
use crate::error::{Code, Refusal};
use crate::snapshot::Snapshot;
use crate::text::Terminator;

/// Returns the change that the hunks (sorted, disjoint, in the lines of `now`)
/// make.
///
/// # Errors
/// `malformed` where an empty last line is to go without newline, `encoding`
/// where other lines than these would come about.
pub(super) fn change(
    hunks: &[Hunk<'_>],
    final_newline: Option<bool>,
    now: &Snapshot,
) -> Result<Change, Refusal> {
    let (inner, tail) = hunks.split_at(tail(hunks, now.line_count()));
    let inner = inner.iter().map(|hunk| hunk_edit(hunk, true, now));
    let mut edits: Vec<Edit> = inner.collect();
    edits.extend(tail_edits(tail, final_newline, now)?);
    edits.retain(|edit| now.bytes[edit.range.clone()] != edit.text);
    let change = Change::new(edits, now.bytes.len()).expect("BUG: hunks are sorted and disjoint");
    check_line_count(&change, hunks, now)?;
    Ok(change)
}

/// Refuses a change after which the lines would not be the lines that were
/// asked for: where no LF is left in the file, a lone CR ends a line, and
/// U+FEFF alone is a byte-order mark.
fn check_line_count(change: &Change, hunks: &[Hunk<'_>], now: &Snapshot) -> Result<(), Refusal> {
    let has_lf = |bytes: &[u8]| memchr::memchr(b'\n', bytes).is_some();
    if change.pieces(&now.bytes).into_iter().any(has_lf) {
        return Ok(());
    }
    let come: usize = hunks.iter().map(|hunk| hunk.text.len()).sum();
    let go: usize = hunks.iter().map(|hunk| hunk.lines.len()).sum();
    if now.after(change).line_count() == now.line_count() + come - go {
        return Ok(());
    }
    let text = "a lone CR or U+FEFF would not stay content here, as no line of the file ends in LF";
    Err(Refusal::new(Code::Encoding, text))
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

/// Returns the edit of one hunk; `ends` says whether its last line is
/// terminated. Looks at no other hunk, so what an operation writes does not
/// depend on its company.
fn hunk_edit(hunk: &Hunk<'_>, ends: bool, now: &Snapshot) -> Edit {
    let mut last = None;
    let longest = |line: &&[u8]| line.len() + Terminator::CrLf.bytes().len();
    let mut text = Vec::with_capacity(hunk.text.iter().map(longest).sum());
    for (index, line) in hunk.text.iter().enumerate() {
        last = own(&hunk.lines, index, now).or(last);
        text.extend_from_slice(line);
        if ends || index + 1 < hunk.text.len() {
            let ending = last.get_or_insert_with(|| neighbour(hunk.lines.start, now));
            text.extend_from_slice(ending.bytes());
        }
    }
    Edit { range: now.lines.bytes_of(hunk.lines.clone()), text }
}

/// Returns the edits of everything that happens at the end of the file. Where
/// its last line is a new one, it ends as it ended before.
fn tail_edits(
    tail: &[Hunk<'_>],
    final_newline: Option<bool>,
    now: &Snapshot,
) -> Result<Vec<Edit>, Refusal> {
    let total = now.line_count();
    let start = tail.first().map_or(total, |hunk| hunk.lines.start);
    let terminated = now.lines.final_newline();
    let new = |hunk: &Hunk<'_>| hunk.text.last().map(|line| line.is_empty());
    let last_new = (0..tail.len()).rev().find_map(|index| Some((index, new(&tail[index])?)));
    let Some((last, is_empty)) = last_new else {
        return Ok(Vec::from_iter(end_edit(start..total, final_newline, now)?));
    };
    let ends = match final_newline {
        Some(false) if is_empty => return Err(empty_without_newline()),
        Some(wanted) => wanted,
        // Without a terminator the empty line would be none.
        None => terminated || is_empty,
    };
    let hunks = tail.iter().enumerate();
    let edits = hunks.map(|(index, hunk)| hunk_edit(hunk, ends || index != last, now));
    let mut edits: Vec<Edit> = edits.collect();
    if start == total && !terminated {
        let newline = neighbour(total, now).bytes();
        edits[0].text.splice(0..0, newline.iter().copied());
    }
    Ok(edits)
}

/// Returns the edit where no new line stands at the end: lines may go, and the
/// newline of the line that is last then may come or go.
fn end_edit(
    gone: Range<usize>,
    final_newline: Option<bool>,
    now: &Snapshot,
) -> Result<Option<Edit>, Refusal> {
    let start = now.lines.start(gone.start);
    let end = now.bytes.len();
    let last = gone.start.checked_sub(1);
    let terminator = last.and_then(|line| now.lines.terminator(&now.bytes, line));
    let (range, text) = match (final_newline, last, terminator) {
        (Some(false), Some(line), Some(_)) if now.line(line).is_empty() => {
            return Err(empty_without_newline());
        }
        (Some(false), _, Some(terminator)) => (start - terminator.bytes().len()..end, Vec::new()),
        (Some(true), Some(_), None) => (end..end, neighbour(gone.start, now).bytes().to_vec()),
        _ if gone.is_empty() => return Ok(None),
        _ => (start..end, Vec::new()),
    };
    Ok(Some(Edit { range, text }))
}

fn empty_without_newline() -> Refusal {
    let text = "the last line is empty, so without its newline it would be none; delete it instead";
    Refusal::new(Code::Malformed, text)
}

/// Returns the terminator of the line that new line `index` of a hunk replaces.
fn own(lines: &Range<usize>, index: usize, now: &Snapshot) -> Option<Terminator> {
    let line = lines.start + index;
    (line < lines.end).then(|| now.lines.terminator(&now.bytes, line)).flatten()
}

/// Returns the terminator for a new line at `place`: that of the nearest
/// terminated line before it, else of the line after it, else LF.
fn neighbour(place: usize, now: &Snapshot) -> Terminator {
    let of = |line: usize| {
        (line < now.line_count()).then(|| now.lines.terminator(&now.bytes, line)).flatten()
    };
    let before =
        place.checked_sub(1).and_then(|line| of(line).or_else(|| of(line.checked_sub(1)?)));
    before.or_else(|| of(place)).unwrap_or(Terminator::Lf)
}
