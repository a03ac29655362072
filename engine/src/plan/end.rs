//! The end of the file, where the author says how it is to end.
//!
//! A wish for a final newline gives or takes the newline of the last line. That
//! line is touched then like any other: it must have been shown, and must still
//! be the last.

use std::ops::Range;

use super::Seen;
use super::hunk::Hunk;
use super::place::Landed;
use crate::drift::Trail;
use crate::snapshot::Snapshot;

/// Returns the wish, unless the file ends so and no hunk reaches its end.
pub(super) fn wish(
    final_newline: Option<bool>,
    hunks: &[Hunk<'_>],
    seen: &Snapshot,
    now: &Snapshot,
) -> Option<bool> {
    let reached = hunks.iter().any(|hunk| hunk.lines.end == seen.line_count());
    final_newline.filter(|wanted| reached || now.lines.final_newline() != *wanted)
}

/// Returns the line of `seen` whose newline comes or goes, unless that is a new
/// line.
pub(super) fn touched_line(
    wish: Option<bool>,
    hunks: &[Hunk<'_>],
    seen: &Snapshot,
) -> Option<usize> {
    let last = last_kept(hunks, seen.line_count())?;
    let terminated = seen.lines.terminator(&seen.bytes, last).is_some();
    (wish? != terminated).then_some(last)
}

/// Returns whether the end that was seen is the end of now, as far as anything
/// but the hunks themselves goes.
pub(super) fn stands(
    touched_line: Option<usize>,
    hunks: &[Hunk<'_>],
    landed: &[Landed],
    seen: &Seen,
    trail: &Trail<'_>,
    now: &Snapshot,
) -> bool {
    let total = seen.snapshot.line_count();
    let is_last = |there: &Range<usize>| there.end == now.line_count();
    let reached = hunks.iter().zip(landed).any(|(hunk, landed)| {
        hunk.lines.end == total && landed.proposal().as_ref().is_some_and(is_last)
    });
    if reached && touched_line.is_none() {
        return true;
    }
    let Some(line) = last_kept(hunks, total) else {
        return now.line_count() == 0;
    };
    trail.follow(&(line..line + 1)).is_some_and(|there| reached || is_last(&there))
}

/// Returns the line of `total` that is last once the hunks are applied, unless
/// that is a new one.
fn last_kept(hunks: &[Hunk<'_>], total: usize) -> Option<usize> {
    let mut from_the_end: Vec<&Hunk<'_>> = hunks.iter().collect();
    from_the_end.sort_by_key(|hunk| (hunk.lines.end, hunk.lines.start));
    let mut end = total;
    for hunk in from_the_end.into_iter().rev() {
        if hunk.lines.end < end {
            break;
        }
        if !hunk.text.is_empty() {
            return None;
        }
        end = hunk.lines.start;
    }
    end.checked_sub(1)
}
