//! Stretches of text that become others → operations on whole lines.
//!
//! A quote may begin and end inside of a line; an operation may not. So each
//! stretch is widened to the lines it touches, those that touch the same line
//! become one, and lines that stay are left out at both ends.

use std::ops::Range;

use super::plain::Plain;
use crate::error::{Code, Refusal};
use crate::format::{Body, Op, OpKind};

/// Bytes of the rows that become others.
#[derive(Debug, Clone)]
pub(super) struct Splice {
    /// What goes.
    pub(super) range: Range<usize>,
    /// What comes, its line breaks LF.
    pub(super) text: Vec<u8>,
    /// The find that asks for it.
    pub(super) find: usize,
}

/// What splices come to.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The operations, from the top of the file down.
    pub(super) ops: Vec<Op>,
    /// For each operation, the first find that asked for it.
    pub(super) finds: Vec<usize>,
    /// Whether the file ends with a newline afterwards, where the text says so.
    pub(super) newline: Option<bool>,
}

/// Returns the operations that `splices` come to; `ended` says whether the last
/// line of the file is.
///
/// # Errors
/// `overlap` where two of them share a byte, `encoding` where the rest of a
/// line that one of them touches is not UTF-8.
pub(super) fn lines(
    plain: &Plain<'_>,
    mut splices: Vec<Splice>,
    ended: bool,
) -> Result<Lines, Refusal> {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    check_overlap(plain, &splices)?;
    let mut lines = Lines::default();
    let mut rest = &splices[..];
    while let Some(first) = rest.first() {
        let mut reach = reach(plain, first);
        let mut len = 1;
        while let Some(next) =
            rest.get(len).filter(|next| plain.line_at(next.range.start) < reach.end)
        {
            reach.end = reach.end.max(self::reach(plain, next).end);
            len += 1;
        }
        let (group, others) = rest.split_at(len);
        lines.push(plain, group, reach, ended)?;
        rest = others;
    }
    Ok(lines)
}

fn check_overlap(plain: &Plain<'_>, splices: &[Splice]) -> Result<(), Refusal> {
    match splices.windows(2).find(|pair| pair[1].range.start < pair[0].range.end) {
        None => Ok(()),
        Some(pair) => {
            let (one, other) = (pair[0].find.min(pair[1].find), pair[0].find.max(pair[1].find));
            let line = plain.line_at(pair[1].range.start) + 1;
            let text = format!("edits {one} and {other} meet at line {line}; make them one");
            Err(Refusal::new(Code::Overlap, text).op(other))
        }
    }
}

/// Returns the lines that a splice touches; none where whole lines come between
/// two others.
fn reach(plain: &Plain<'_>, splice: &Splice) -> Range<usize> {
    let Range { start, end } = splice.range;
    let first = plain.line_at(start);
    let whole = plain.is_start(start) && plain.is_start(end);
    let ended = splice.text.last().is_none_or(|byte| *byte == b'\n');
    let last = plain.line_at(end);
    match whole && ended || end >= plain.bytes().len() {
        true => first..last,
        false => first..last + 1,
    }
}

impl Lines {
    /// Adds what the splices of `group` make of the lines `reach`.
    fn push(
        &mut self,
        plain: &Plain<'_>,
        group: &[Splice],
        reach: Range<usize>,
        ended: bool,
    ) -> Result<(), Refusal> {
        let find = group[0].find;
        let (mut at, end) = (plain.start(reach.start), plain.start(reach.end));
        let mut text = Vec::new();
        for splice in group {
            text.extend_from_slice(&plain.bytes()[at..splice.range.start]);
            text.extend_from_slice(&splice.text);
            at = splice.range.end;
        }
        text.extend_from_slice(&plain.bytes()[at.min(end)..end]);
        // Only the last line of the file can come to lack its LF.
        if text.last().is_some_and(|byte| *byte != b'\n') {
            self.newline = Some(false);
            text.push(b'\n');
        }
        // In the file the last line has no LF: where nothing is left of it, the
        // line before it ends the file.
        let up_to_end = group.last().is_some_and(|last| last.range.end + 1 == plain.bytes().len());
        if !ended && up_to_end && (text == b"\n" || text.ends_with(b"\n\n")) {
            self.newline = Some(true);
            text.pop();
        }
        let new: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let (lines, new) = trimmed(plain, reach, &new);
        let kind = op_kind(lines, new).map_err(|refusal| refusal.op(find))?;
        self.ops.push(kind.into());
        self.finds.push(find);
        Ok(())
    }
}

/// Leaves out lines that stay at both ends, unless all of them do.
fn trimmed<'n, 'b>(
    plain: &Plain<'_>,
    lines: Range<usize>,
    new: &'n [&'b [u8]],
) -> (Range<usize>, &'n [&'b [u8]]) {
    let stays =
        |line: usize, row: &[u8]| plain.line(line) == row.strip_suffix(b"\n").unwrap_or(row);
    let head = lines.clone().zip(new).take_while(|(line, row)| stays(*line, row)).count();
    if head == lines.len() && head == new.len() {
        return (lines, new);
    }
    let (left, rest) = (lines.start + head..lines.end, &new[head..]);
    let tail = left.clone().rev().zip(rest.iter().rev()).take_while(|(l, row)| stays(*l, row));
    let tail = tail.count();
    (left.start..left.end - tail, &rest[..rest.len() - tail])
}

/// Returns the operation that puts `new` in the place of `lines`.
fn op_kind(lines: Range<usize>, new: &[&[u8]]) -> Result<OpKind, Refusal> {
    if new.is_empty() {
        return Ok(OpKind::Delete { lines: (lines.start + 1, lines.end), register: None });
    }
    let body = body(new).map_err(|row| {
        let line = (lines.start + row).min(lines.end.max(1) - 1) + 1;
        let text = format!("line {line} is not UTF-8, so it could not be shown exactly and stays");
        Refusal::new(Code::Encoding, text)
    })?;
    match lines.is_empty() {
        true => Ok(OpKind::Insert { after: lines.start, body }),
        false => Ok(OpKind::Replace { lines: (lines.start + 1, lines.end), body }),
    }
}

/// Returns rows that end in LF as the body of an operation, or the first row
/// that is no text.
fn body(rows: &[&[u8]]) -> Result<Body, usize> {
    let mut text = String::with_capacity(rows.iter().map(|row| row.len() + 1).sum());
    for (index, row) in rows.iter().enumerate() {
        let row = std::str::from_utf8(row).map_err(|_| index)?;
        let line = row.strip_suffix('\n').unwrap_or(row);
        text.push_str(line);
        // A CR at the end of a line is content, and must not become half of a
        // CRLF.
        text.push_str(if line.ends_with('\r') { "\r\n" } else { "\n" });
    }
    Ok(Body::Text(text))
}
