//! The gutter copied into the text: rows that bear their line number.
//!
//! Only where every row bears one in the same spelling, the numbers count up by
//! one, and they are right: they begin where the operation does, or a row is the
//! very line whose number it bears. A file that has such numbers of its own keeps
//! them.

use std::collections::HashSet;

use super::place::{Place, Work};
use super::{Fix, Lint, LintKind};

/// What stands between a number and the text.
const SEPARATORS: [&str; 6] = ["\t", "→", " |", "|", ":", " "];

/// So many lines on each side tell the columns of a text.
const AROUND: usize = 12;

/// A way to write a line number before a row.
#[derive(Debug, Clone, Copy)]
struct Spelling {
    /// What introduces a short digest of the line behind its number.
    digest: Option<u8>,
    separator: &'static str,
    /// Only each tenth row and the first bear a number, the others a tab alone.
    sparse: bool,
}

/// Rows without their gutter.
struct Stripped<'a> {
    rows: Vec<&'a str>,
    first: usize,
    spelling: Spelling,
}

pub(super) fn lint(work: &Work<'_>, place: &Place<'_>) -> Option<Lint> {
    let mut stripped = spellings().find_map(|spelling| strip(&place.rows, spelling))?;
    if !is_right(work, place, &stripped) || is_native(work, place, stripped.spelling) {
        return None;
    }
    if !matches!(stripped.spelling.separator, "\t" | " ") {
        unpad(work, place, &mut stripped.rows);
    }
    let last = stripped.first + stripped.rows.len() - 1;
    let numbers = match stripped.first == last {
        true => format!("its line number, {last}"),
        false => format!("its line number, {} to {last}", stripped.first),
    };
    let fix: Option<Fix> = place.with_rows(work, "without the line numbers", &stripped.rows);
    Some(Lint {
        kind: LintKind::EchoedGutter,
        op: place.op,
        rows: (1, place.rows.len()),
        message: format!("every row of the text begins with {numbers}, as it was shown"),
        fixes: fix.into_iter().collect(),
    })
}

fn spellings() -> impl Iterator<Item = Spelling> {
    let digests = [Some(b'#'), Some(b':'), None];
    let full = digests.into_iter().flat_map(|digest| {
        let separators = SEPARATORS.into_iter();
        // A number and a blank alone are too common: a list, a table.
        let separators = separators.filter(move |sep| digest.is_some() || *sep != " ");
        separators.map(move |separator| Spelling { digest, separator, sparse: false })
    });
    full.chain([Spelling { digest: None, separator: "\t", sparse: true }])
}

/// Returns the rows without their gutter, if every one has it in this spelling
/// and the numbers count up.
fn strip<'a>(rows: &[&'a str], spelling: Spelling) -> Option<Stripped<'a>> {
    let (first, _) = numbered(rows.first()?, spelling)?;
    let mut stripped = Vec::with_capacity(rows.len());
    for (row, number) in rows.iter().zip(first..) {
        let text = match numbered(row, spelling) {
            Some((found, text)) => (found == number).then_some(text)?,
            None if spelling.sparse && !number.is_multiple_of(10) => row.strip_prefix('\t')?,
            None => return None,
        };
        stripped.push(text);
    }
    Some(Stripped { rows: stripped, first, spelling })
}

/// Takes one blank more from every row where the separator had one behind it:
/// where more rows then stand in columns that the lines around stand in.
fn unpad(work: &Work<'_>, place: &Place<'_>, rows: &mut [&str]) {
    if !rows.iter().all(|row| row.is_empty() || row.starts_with(' ')) {
        return;
    }
    let blanks = |line: &[u8]| line.len() - line.trim_ascii_start().len();
    let around = place.old.start.saturating_sub(AROUND)..place.old.end + AROUND;
    let around = around.start..around.end.min(work.seen.line_count());
    let columns: HashSet<usize> = work.lines(around).map(blanks).collect();
    let fitting = |pad: usize| {
        let full = rows.iter().filter(|row| !row.trim().is_empty());
        full.filter(|row| columns.contains(&(blanks(row.as_bytes()) - pad))).count()
    };
    if fitting(1) > fitting(0) {
        rows.iter_mut().for_each(|row| *row = row.strip_prefix(' ').unwrap_or(row));
    }
}

/// Returns the number a row begins with, and the text behind it.
fn numbered(row: &str, spelling: Spelling) -> Option<(usize, &str)> {
    let row = row.trim_start_matches(' ');
    let digits = row.bytes().take_while(u8::is_ascii_digit).count();
    let number = row[..digits].parse().ok().filter(|_| (1..=9).contains(&digits))?;
    let mut rest = &row[digits..];
    if let Some(mark) = spelling.digest {
        rest = rest.strip_prefix(char::from(mark))?;
        let len = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        rest = rest.get(len..).filter(|_| (2..=8).contains(&len))?;
    }
    Some((number, rest.strip_prefix(spelling.separator)?))
}

/// Returns whether the numbers are those of the lines: of the first that goes,
/// of the one an insertion comes after or before, or of a line that is repeated
/// whole.
fn is_right(work: &Work<'_>, place: &Place<'_>, stripped: &Stripped<'_>) -> bool {
    let first = place.old.start + 1;
    let starts = stripped.first == first || place.old.is_empty() && stripped.first + 1 == first;
    let is_line = |(row, number): (&&str, usize)| {
        let line = number.checked_sub(1).filter(|line| *line < work.seen.line_count());
        !row.trim().is_empty() && line.is_some_and(|line| work.line(line) == row.as_bytes())
    };
    starts || stripped.rows.iter().zip(stripped.first..).any(is_line)
}

/// Returns whether the lines that go, or those around, bear such numbers
/// themselves.
fn is_native(work: &Work<'_>, place: &Place<'_>, spelling: Spelling) -> bool {
    let around = place.old.start.saturating_sub(1)..place.old.end + 1;
    let around = around.start..around.end.min(work.seen.line_count());
    let around = if place.old.is_empty() { around } else { place.old.clone() };
    let bears =
        |line: &[u8]| std::str::from_utf8(line).is_ok_and(|row| numbered(row, spelling).is_some());
    let bearing = work.lines(around.clone()).filter(|line| bears(line)).count();
    bearing * 2 > around.len()
}
