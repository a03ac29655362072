//! The refusals of a quote: none, many, or never shown.

use std::ops::Range;

use super::nearest::{self, Difference, Nearest};
use super::plain::{Needle, Plain};
use super::{CANDIDATES, Unresolved, boxed};
use crate::anchor::View;
use crate::error::{Code, Refusal};

/// Returns the refusal of an edit of a file that the session never saw.
pub(super) fn never_shown() -> Box<Unresolved> {
    boxed(Refusal::new(Code::Unseen, "this session was never shown the file; read it first"))
}

/// Returns the lines of the places, the first few of them.
fn candidates(plain: &Plain<'_>, needle: &Needle<'_>, found: &[usize]) -> Vec<Range<usize>> {
    let lines = |at: &usize| plain.lines_of(&(*at..at + needle.text.len()));
    found.iter().take(CANDIDATES).map(lines).collect()
}

/// Returns the refusal of a text that stands in several places.
pub(super) fn ambiguous(
    plain: &Plain<'_>,
    index: usize,
    needle: &Needle<'_>,
    found: &[usize],
    of_now: bool,
) -> Box<Unresolved> {
    let more = if found.len() > CANDIDATES { "more than " } else { "" };
    let count = found.len().min(CANDIDATES);
    let text = format!("the old text stands in {more}{count} places; quote more around it");
    Box::new(Unresolved {
        candidates: candidates(plain, needle, found),
        of_now,
        ..Refusal::new(Code::Ambiguous, text).op(index).into()
    })
}

/// Returns the refusal of a text that stands only in the file as it is now.
pub(super) fn unseen(
    now: &Plain<'_>,
    index: usize,
    needle: &Needle<'_>,
    found: &[usize],
) -> Box<Unresolved> {
    let line = now.line_at(found[0]) + 1;
    let text = format!("the old text stands at line {line} of now, which was never shown");
    Box::new(Unresolved {
        candidates: candidates(now, needle, found),
        of_now: true,
        ..Refusal::new(Code::Unseen, text).op(index).into()
    })
}

/// Returns the refusal of a text that stands nowhere, with what it was perhaps
/// meant to be.
pub(super) fn nowhere(
    plain: &Plain<'_>,
    view: &View,
    (index, old): (usize, &str),
    needle: &Needle<'_>,
    of_now: bool,
) -> Box<Unresolved> {
    let nearest = nearest::nearest(plain, view, old, needle.whole_lines);
    let mut text = "the old text stands nowhere".to_owned();
    if let Some(Nearest { lines, differences }) = &nearest {
        text += &format!("; nearest are lines {}-{}", lines.start + 1, lines.end);
        for Difference { line, kind, .. } in differences.iter().take(1) {
            text += &format!(", line {line}: {kind}");
        }
    }
    Box::new(Unresolved { nearest, of_now, ..Refusal::new(Code::NotFound, text).op(index).into() })
}
