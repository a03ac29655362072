//! An insertion written as a replacement.
//!
//! The author named the line after which new ones were to come, and with it gave
//! it up. The new rows then have nothing of the line: none of its words, or its
//! bracket without their partner.

use std::collections::HashSet;

use super::balance::balance;
use super::boundary::shown;
use super::place::{Place, Work, is_blank};
use super::{Lint, LintKind};

/// A line of so many words says enough to tell whether anything of it is left.
const WORDS_MIN: usize = 3;

/// Where less than one in so many of the line's words come again, nothing is.
const WORDS_PER_KEPT: usize = 6;

pub(super) fn lint(work: &Work<'_>, place: &Place<'_>) -> Option<Lint> {
    let written: Vec<&str> =
        place.rows.iter().copied().filter(|row| !is_blank(row.as_bytes())).collect();
    if place.old.len() != 1 || written.len() < 2 {
        return None;
    }
    let line = std::str::from_utf8(work.line(place.old.start)).ok()?;
    let lost = !is_blank(line.as_bytes())
        && (is_unbalanced(work, place) && !has_most(line, &written)
            || is_header(work, place, line, &written)
            || is_strange(line, &written) && stands_alone(line, &written));
    if !lost {
        return None;
    }
    let number = place.old.start + 1;
    let message = format!(
        "{} gives way to {} rows that have nothing of it; an insertion was probably meant",
        shown((number, number)),
        place.rows.len()
    );
    let after = place.inserted(work, format!("insert after line {number}"), number);
    let before = place.inserted(work, format!("insert before line {number}"), number - 1);
    Some(Lint {
        kind: LintKind::InsertAsReplace,
        op: place.op,
        rows: (1, place.rows.len()),
        message,
        fixes: vec![after, before],
    })
}

/// Returns whether the brackets of the edit would be nearer to balance if the
/// line stayed.
fn is_unbalanced(work: &Work<'_>, place: &Place<'_>) -> bool {
    let own = work.lexis.and_then(|lexis| balance(lexis, work.lines(place.old.clone())));
    match (own, work.imbalance) {
        (Some(own), Some(total)) => (total + own).weight() < total.weight(),
        _ => false,
    }
}

/// Returns whether the line heads a block by indentation alone, which then would
/// have no header.
fn is_header(work: &Work<'_>, place: &Place<'_>, line: &str, written: &[&str]) -> bool {
    let below = work.lines(place.below.clone()).find(|line| !is_blank(line));
    let below = below.map_or(0, |below| below.len() - below.trim_ascii_start().len());
    let opens = |row: &str| row.trim_end().ends_with([':', ',', '(', '[', '{', '\\']);
    line.trim_end().ends_with(':')
        && below > indent(line).len()
        && written.last().is_some_and(|last| indent(last).len() < below && !opens(last))
        && !has_most(line, written)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    parts.filter(|part| !part.is_empty())
}

/// Returns how many words `line` has, and how many of them come again.
fn kept(line: &str, written: &[&str]) -> (usize, usize) {
    let all: HashSet<&str> = words(line).collect();
    let again: HashSet<&str> =
        written.iter().flat_map(|row| words(row)).filter(|word| all.contains(word)).collect();
    (all.len(), again.len())
}

/// Returns whether the new rows have the line itself or nearly all its words.
fn has_most(line: &str, written: &[&str]) -> bool {
    let (all, again) = kept(line, written);
    all > 0 && again * 10 >= all * 9
}

/// Returns whether the new rows have next to nothing of a line that says enough
/// to tell.
fn is_strange(line: &str, written: &[&str]) -> bool {
    let (all, again) = kept(line, written);
    all >= WORDS_MIN && again * WORDS_PER_KEPT < all && !is_comment(line)
}

/// Returns whether a line is a comment: these are written anew from scratch.
fn is_comment(line: &str) -> bool {
    let marks = ["//", "#", "--", "/*", "*", ";", "%", "<!--", "\"\"\""];
    marks.iter().any(|mark| line.trim_start().starts_with(mark))
}

/// Returns whether the rows are whole in themselves: they begin and end in the
/// column of the line.
fn stands_alone(line: &str, written: &[&str]) -> bool {
    let ends = [written.first(), written.last()];
    ends.into_iter().flatten().all(|row| indent(row) == indent(line))
}

fn indent(row: &str) -> &str {
    &row[..row.len() - row.trim_start().len()]
}
