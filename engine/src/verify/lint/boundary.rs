//! Lines from just outside the range, written once more.
//!
//! Whoever writes lines anew begins easily with the one above them or ends with
//! the one below. The rows are found by their text; blank lines alone do not
//! count, nor does a row that the range itself begins or ends with, which stays
//! where it was. A closing bracket or `end` looks like any other: it is a slip
//! only where it is one too many.

use std::ops::Range;

use memchr::memmem;

use super::balance::{Balance, balance};
use super::place::{Place, Work, is_blank};
use super::{Fix, Lint, LintKind};
use crate::anchor::{LineRange, lines_of};
use crate::format::OpKind;

/// What opens and what closes where neither is a bracket.
const PAIRS: [(&str, &str); 2] = [("/*", "*/"), ("#if", "#endif")];

pub(super) fn lint(work: &Work<'_>, place: &Place<'_>) -> Option<Lint> {
    let mut above = repeated_above(work, place);
    let mut below = repeated_below(work, place);
    if above + below > place.rows.len() {
        // One row cannot be both; the end of a text is written with less care.
        above = 0;
    }
    let end = place.rows.len() - below..place.rows.len();
    let (begins, ends) = (says(place, 0..above), says(place, end.clone()));
    // A row that only closes is judged as if what is certainly too much were gone.
    let sure_above = if begins == Says::Something { 0..above } else { 0..0 };
    let sure_below = if ends == Says::Something { end.clone() } else { 0..0 };
    let is_slip = |says, rows: Range<usize>, other: Range<usize>| match says {
        Says::Nothing => false,
        Says::Something => true,
        Says::End => is_extra(work, place, rows, other),
    };
    above = if is_slip(begins, 0..above, sure_below) { above } else { 0 };
    below = if is_slip(ends, end, sure_above) { below } else { 0 };
    if above + below == 0 {
        return None;
    }
    let rows = match (above, below) {
        (0, below) => (place.rows.len() - below + 1, place.rows.len()),
        (above, 0) => (1, above),
        _ => (1, place.rows.len()),
    };
    let fixes = fixes(work, place, above, below);
    let message = message(place, above, below);
    Some(Lint { kind: LintKind::RepeatedBoundary, op: place.op, rows, message, fixes })
}

/// Returns how many of the first rows stand just above the range.
fn repeated_above(work: &Work<'_>, place: &Place<'_>) -> usize {
    let most = place.rows.len().min(place.above.len());
    let from = place.above.end - most..place.above.end;
    let lines: Vec<&[u8]> = work.lines(from).collect();
    let rows: Vec<&[u8]> = place.rows[..most].iter().map(|row| row.as_bytes()).collect();
    let count = overlap(&lines, &rows);
    let stays = count <= place.old.len()
        && work.lines(place.old.clone()).zip(&rows).take(count).all(|(line, row)| line == *row);
    if stays { 0 } else { count }
}

/// Returns how many of the last rows stand just below the range.
fn repeated_below(work: &Work<'_>, place: &Place<'_>) -> usize {
    let most = place.rows.len().min(place.below.len());
    let lines: Vec<&[u8]> = work.lines(place.below.start..place.below.start + most).collect();
    let rows: Vec<&[u8]> =
        place.rows[place.rows.len() - most..].iter().map(|row| row.as_bytes()).collect();
    let count = overlap(&rows, &lines);
    let last = work.lines(place.old.clone()).rev().zip(rows.iter().rev());
    let stays = count <= place.old.len() && last.take(count).all(|(line, row)| line == *row);
    if stays { 0 } else { count }
}

/// Returns the largest number of items that end `left` and begin `right`. Runs
/// in O(n), by the failure function of Knuth, Morris and Pratt.
fn overlap(left: &[&[u8]], right: &[&[u8]]) -> usize {
    let mut failure = vec![0; right.len()];
    let step = |failure: &[usize], mut matched: usize, item: &[u8]| {
        while matched > 0 && (matched == right.len() || right[matched] != item) {
            matched = failure[matched - 1];
        }
        matched + usize::from(right.get(matched) == Some(&item))
    };
    for at in 1..right.len() {
        failure[at] = step(&failure, failure[at - 1], right[at]);
    }
    left.iter().fold(0, |matched, item| step(&failure, matched, item))
}

/// What rows say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// They are blank, or none.
    Nothing,
    /// That something ends.
    End,
    Something,
}

fn says(place: &Place<'_>, rows: Range<usize>) -> Says {
    let telling = || place.rows[rows.clone()].iter().filter(|row| !is_blank(row.as_bytes()));
    match (telling().next(), telling().all(|row| is_closer(row))) {
        (None, _) => Says::Nothing,
        (Some(_), true) => Says::End,
        (Some(_), false) => Says::Something,
    }
}

/// Returns whether a row only ends something.
fn is_closer(row: &str) -> bool {
    let row = row.trim();
    let word = matches!(row, "end" | "fi" | "done" | "esac" | "#endif" | "*/");
    word || row.bytes().all(|byte| b")]};,>".contains(&byte))
}

/// Returns whether the closing `rows` are too many, in a text without `other`.
/// Brackets are counted; where they cannot be, or are none, columns tell.
fn is_extra(work: &Work<'_>, place: &Place<'_>, rows: Range<usize>, other: Range<usize>) -> bool {
    if let Some((open, close)) =
        PAIRS.iter().find(|pair| place.rows[rows.clone()].iter().any(|row| row.trim() == pair.1))
    {
        return is_extra_of_pair(work, place, open, close);
    }
    let of = |rows: Range<usize>| {
        balance(work.lexis?, place.rows[rows].iter().map(|row| row.as_bytes()))
    };
    match (of(rows.clone()), of(other), work.delta(place), work.imbalance) {
        (Some(own), Some(other), Some(delta), Some(total)) if own != Balance::EVEN => {
            let (delta, total) = (delta - other, total - other);
            delta != Balance::EVEN && (total - own).weight() < total.weight()
        }
        _ => closes_nothing(place, rows.start),
    }
}

/// Returns whether the text closes more often than the lines that go.
fn is_extra_of_pair(work: &Work<'_>, place: &Place<'_>, open: &str, close: &str) -> bool {
    let count = |line: &[u8]| {
        let has = |mark: &str| memmem::find(line, mark.as_bytes()).is_some();
        i64::from(has(close)) - i64::from(has(open))
    };
    let new: i64 = place.rows.iter().map(|row| count(row.as_bytes())).sum();
    let old: i64 = work.lines(place.old.clone()).map(count).sum();
    new > old
}

/// Returns whether the closing row `first` has no row above it in the text that
/// it could close: the nearest that stands as far left stands farther left, or
/// closes something itself.
fn closes_nothing(place: &Place<'_>, first: usize) -> bool {
    let column = |row: &str| row.len() - row.trim_start().len();
    let at = column(place.rows[first]);
    let mut above = place.rows[..first].iter().rev().filter(|row| !is_blank(row.as_bytes()));
    above.find(|row| column(row) <= at).is_none_or(|row| column(row) < at || is_closer(row))
}

/// The likeliest is that the range was meant to hold the repeated lines, which
/// comes to the same bytes as a text without them. If a line is repeated on one
/// side only, the range may as well have slipped, and then it took a line on the
/// other side that was to stay.
fn fixes(work: &Work<'_>, place: &Place<'_>, above: usize, below: usize) -> Vec<Fix> {
    let rows = &place.rows[above..place.rows.len() - below];
    let without = match (rows.is_empty(), place.old.is_empty()) {
        (false, _) => place.with_rows(work, "without the repeated lines", rows),
        (true, true) => None,
        (true, false) => {
            let lines = lines_of(&place.old);
            let op = OpKind::Delete { lines, register: None }.into();
            Some(Fix { what: "delete the lines only".to_owned(), ops: vec![op] })
        }
    };
    without.into_iter().chain(moved(work, place, above, below)).collect()
}

/// Returns the fix that moves the range over the repeated lines.
fn moved(work: &Work<'_>, place: &Place<'_>, above: usize, below: usize) -> Option<Fix> {
    let len = place.old.len();
    if len == 0 || above > 0 && below > 0 || above.max(below) >= len {
        return None;
    }
    let old = match above {
        0 => place.old.start + below..place.old.end + below,
        above => place.old.start - above..place.old.end - above,
    };
    let OpKind::Replace { body, .. } = &work.ops[place.op].kind else { return None };
    let lines = lines_of(&old);
    let op = OpKind::Replace { lines, body: body.clone() }.into();
    Some(Fix { what: format!("replace {} instead", shown(lines)), ops: vec![op] })
}

fn message(place: &Place<'_>, above: usize, below: usize) -> String {
    let over = lines_of(&(place.above.end - above..place.above.end));
    let under = lines_of(&(place.below.start..place.below.start + below));
    let what = match (above, below) {
        (_, 0) => format!("begins with {}", shown(over)),
        (0, _) => format!("ends with {}", shown(under)),
        _ => format!("begins with {} and ends with {}", shown(over), shown(under)),
    };
    let place = match place.old.is_empty() {
        true => format!("text inserted after line {}", place.old.start),
        false => format!("text for {}", shown(lines_of(&place.old))),
    };
    format!("the {place} {what}, which would stand there twice")
}

/// Returns lines as a message names them.
pub(super) fn shown((first, last): LineRange) -> String {
    match first == last {
        true => format!("line {first}"),
        false => format!("lines {first}-{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(text: &str) -> Vec<&[u8]> {
        text.as_bytes().chunks(1).collect()
    }

    proptest! {
        #[test]
        fn the_overlap_is_the_longest(left in "[ab]{0,12}", right in "[ab]{0,12}") {
            let most = left.len().min(right.len());
            let naive = (0..=most).rev().find(|&n| left[left.len() - n..] == right[..n]);
            prop_assert_eq!(Some(overlap(&items(&left), &items(&right))), naive);
        }
    }
}
