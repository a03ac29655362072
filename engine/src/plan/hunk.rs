//! Hunks: operations read against the content their author saw.

use std::ops::Range;

use super::Registers;
use crate::anchor::{LineRange, span_of};
use crate::drift;
use crate::error::{Code, Refusal};
use crate::format::{Body, Expect, Op, OpKind};
use crate::snapshot::Snapshot;
use crate::text::{Encoding, each_line_of_text};

/// One operation, ready to be placed: which lines go, which lines come.
#[derive(Debug, Clone)]
pub(super) struct Hunk<'a> {
    /// Index of the operation in the script.
    pub(super) op: usize,
    /// The lines that go (0-based); empty for an insertion before that line.
    pub(super) lines: Range<usize>,
    /// The lines that come, without terminators.
    pub(super) text: &'a [&'a [u8]],
}

impl Hunk<'_> {
    /// Returns the hunk as lines that go and lines that come.
    pub(super) fn lines_and_text(&self) -> drift::Hunk<'_> {
        drift::Hunk { lines: self.lines.clone(), text: self.text }
    }
}

/// Returns the hunks of `ops`, in their order. The lines that come are kept in
/// `text`, all together: a list for each operation would cost more than all else
/// that is done here.
pub(super) fn read<'a>(
    ops: &'a [Op],
    seen: &Snapshot,
    registers: &Registers<'a>,
    text: &'a mut Vec<&'a [u8]>,
) -> Result<Vec<Hunk<'a>>, Refusal> {
    let mut read = Vec::with_capacity(ops.len());
    for (op, Op { kind, .. }) in ops.iter().enumerate() {
        let from = text.len();
        let lines = read_one(kind, seen, registers, text).map_err(|refusal| refusal.op(op))?;
        read.push((lines, from..text.len()));
    }
    let text = &*text;
    let hunk = |(op, (lines, come))| Hunk { op, lines, text: &text[come] };
    Ok(read.into_iter().enumerate().map(hunk).collect())
}

/// Returns the lines that go, and adds those that come to `text`.
fn read_one<'a>(
    kind: &'a OpKind,
    seen: &Snapshot,
    registers: &Registers<'a>,
    text: &mut Vec<&'a [u8]>,
) -> Result<Range<usize>, Refusal> {
    let (lines, body) = match kind {
        OpKind::Replace { lines, body } => (span_within(*lines, seen)?, body),
        OpKind::Insert { after, body } => {
            let at = place_within(*after, seen)?;
            (at..at, body)
        }
        OpKind::Delete { lines, .. } => return span_within(*lines, seen),
    };
    match body {
        Body::Text(written) => text.extend(each_line_of_text(written)?.map(str::as_bytes)),
        Body::Register(name) => match registers.get(name.as_str()) {
            Some(taken) => text.extend_from_slice(taken),
            None => {
                let what = format!("no delete of this call fills register {name}");
                return Err(Refusal::new(Code::Malformed, what));
            }
        },
    }
    Ok(lines)
}

/// Returns `lines` as a span, if the content has them.
pub(super) fn span_within(lines: LineRange, seen: &Snapshot) -> Result<Range<usize>, Refusal> {
    let total = seen.line_count();
    let (first, last) = lines;
    if first == 0 || last < first {
        let text =
            format!("lines {first}-{last} are no range: lines count from 1, both ends included");
        return Err(Refusal::new(Code::Malformed, text));
    }
    if last > total {
        let text = format!("line {last} lies beyond the {total} lines of the handle");
        return Err(Refusal::new(Code::Malformed, text));
    }
    Ok(span_of(lines))
}

fn place_within(after: usize, seen: &Snapshot) -> Result<usize, Refusal> {
    let total = seen.line_count();
    if after > total {
        let text = format!("line {after} lies beyond the {total} lines of the handle");
        return Err(Refusal::new(Code::Malformed, text));
    }
    Ok(after)
}

/// Refuses two ranges that share a line, and insertions strictly inside one. An
/// insertion at the edge of a range is allowed and stands outside it.
pub(super) fn check_overlap(hunks: &[Hunk<'_>]) -> Result<(), Refusal> {
    let mut sorted: Vec<&Hunk<'_>> = hunks.iter().collect();
    sorted.sort_by_key(|hunk| (hunk.lines.start, hunk.lines.end, hunk.op));
    match sorted.windows(2).find(|pair| pair[1].lines.start < pair[0].lines.end) {
        None => Ok(()),
        Some(pair) => {
            let (one, other) = (pair[0].op.min(pair[1].op), pair[0].op.max(pair[1].op));
            let line = pair[1].lines.start + 1;
            let text = format!("operations {one} and {other} meet at line {line}; make them one");
            Err(Refusal::new(Code::Overlap, text).op(other))
        }
    }
}

/// Refuses operations whose author expected other lines.
pub(super) fn check_expectations(
    ops: &[Op],
    hunks: &[Hunk<'_>],
    seen: &Snapshot,
) -> Result<(), Refusal> {
    for (op, hunk) in ops.iter().zip(hunks) {
        let Some(Expect { first, last }) = &op.expect else {
            continue;
        };
        let ends =
            [(hunk.lines.start, Some(first)), (hunk.lines.end.wrapping_sub(1), last.as_ref())];
        for (line, expected) in ends {
            let Some(expected) = expected else { continue };
            let begins = !hunk.lines.is_empty()
                && seen
                    .line(line)
                    .trim_ascii_start()
                    .starts_with(expected.as_bytes().trim_ascii_start());
            if !begins {
                let text =
                    format!("line {} does not begin with {expected:?}", line.wrapping_add(1));
                return Err(Refusal::new(Code::NotFound, text).op(hunk.op));
            }
        }
    }
    Ok(())
}

/// Refuses what cannot be written, or was not shown, byte for byte.
pub(super) fn check_encoding(hunks: &[Hunk<'_>], now: &Snapshot) -> Result<(), Refusal> {
    match now.encoding {
        Encoding::Utf8 => Ok(()),
        Encoding::Unknown8Bit => hunks.iter().try_for_each(|hunk| check_8_bit(hunk, now)),
        other => {
            let text = format!("the file is {}, which cannot be edited as lines", other.as_str());
            Err(Refusal::new(Code::Encoding, text))
        }
    }
}

fn check_8_bit(hunk: &Hunk<'_>, now: &Snapshot) -> Result<(), Refusal> {
    let hidden = hunk.lines.clone().find(|line| std::str::from_utf8(now.line(*line)).is_err());
    let text = match hidden {
        Some(line) => {
            format!("line {} is not UTF-8, so it could not be shown exactly and stays", line + 1)
        }
        None if !hunk.text.iter().all(|line| line.is_ascii()) => {
            "the file is not UTF-8 and its encoding is unknown: only ASCII can be added".to_owned()
        }
        None => return Ok(()),
    };
    Err(Refusal::new(Code::Encoding, text).op(hunk.op))
}
