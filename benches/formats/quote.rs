//! Quotes: the least a format must repeat of the old text when the old text is
//! the address.
//!
//! Each hunk grows by whole lines until its old text occurs once in the file:
//! the fewest lines that do, those before the hunk first. Hunks whose lines
//! meet become one. This is a lower bound: models quote more than they need,
//! and the text of one call can make the quote of a later one ambiguous.

use std::ops::Range;

use crate::corpus::RealEdit;

/// Old lines and what they become.
pub(crate) struct Quote {
    pub(crate) old: String,
    pub(crate) new: String,
}

/// How the old text is looked for.
#[derive(Clone, Copy)]
pub(crate) enum Search {
    /// Anywhere in the text, as `str_replace` does.
    Substring,
    /// As whole lines, as SEARCH/REPLACE does.
    Lines,
}

/// Returns the quotes of `edit`, in order, without the newline at their ends;
/// a quote that only removes lines holds it in the old text.
pub(crate) fn quotes(edit: &RealEdit, search: Search) -> Vec<Quote> {
    let pieces = edit.pieces();
    let total = edit.line_count();
    let mut grown: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (index, hunk) in edit.hunks.iter().enumerate() {
        let lines =
            grow(hunk.old.clone(), total, |lines| occurs_once(edit, &pieces, lines, search));
        match grown.last_mut() {
            Some((last, hunks)) if lines.start < last.end => {
                *last = last.start.min(lines.start)..last.end.max(lines.end);
                hunks.end = index + 1;
            }
            _ => grown.push((lines, index..index + 1)),
        }
    }
    grown
        .into_iter()
        .map(|(lines, hunks)| {
            let new = edit.replaced(lines.clone(), &edit.hunks[hunks]);
            quote(&pieces[lines], &new)
        })
        .collect()
}

fn quote(old: &[&str], new: &[&str]) -> Quote {
    let newline = if new.is_empty() { "\n" } else { "" };
    Quote { old: old.join("\n") + newline, new: new.join("\n") }
}

/// Returns the fewest lines around `lines` that satisfy `enough`; all lines
/// where none do.
fn grow(lines: Range<usize>, total: usize, enough: impl Fn(&Range<usize>) -> bool) -> Range<usize> {
    let widest = lines.start + (total - lines.end);
    for more in 0..=widest {
        let fewest_after = more.saturating_sub(lines.start);
        let most_after = more.min(total - lines.end);
        for after in fewest_after..=most_after {
            let wider = lines.start - (more - after)..lines.end + after;
            if enough(&wider) {
                return wider;
            }
        }
    }
    0..total
}

fn occurs_once(edit: &RealEdit, pieces: &[&str], lines: &Range<usize>, search: Search) -> bool {
    let old = &pieces[lines.clone()];
    if old.iter().all(|line| line.is_empty()) {
        return false;
    }
    match search {
        Search::Substring => edit.read.matches(&old.join("\n")).nth(1).is_none(),
        Search::Lines => {
            let mut places = pieces.windows(old.len()).filter(|window| *window == old);
            places.nth(1).is_none()
        }
    }
}
