//! Clues: what the author of a hunk that was refused has to know to place it
//! himself.
//!
//! That is what stands where the lines stood, what others did next to them, and
//! the places that may be proposed, which `offers` finds. Where the lines were
//! changed or are gone there is none, however much another place looks like it.

use std::ops::Range;

use super::rule::{Comparison, Hunk};

/// The most places that are offered for one hunk.
pub const MOST_CANDIDATES: usize = 8;

/// The most lines of drift that are told, old and new together.
pub const MOST_DRIFT_LINES: usize = 10;

/// The most lines of one range that are shown.
const MOST_ROWS: usize = 40;

/// What is known of a hunk that has no certain place. Lines are 0-based and
/// half-open, in the content of now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clues {
    /// Where to look.
    pub rows: Vec<Range<usize>>,
    /// The place that may be proposed, if there is one.
    pub landing: Option<Range<usize>>,
    /// The places of a line that was written several times in a row, any of which
    /// can be meant; ascending, no more than [`MOST_CANDIDATES`].
    pub candidates: Vec<Range<usize>>,
}

/// Lines that another writer took, and those that came in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// Lines of what was seen (0-based).
    pub old: Range<usize>,
    /// Lines of now (0-based).
    pub new: Range<usize>,
}

impl Comparison<'_> {
    /// Returns what is known of the hunk, for its author to decide.
    pub fn clues(&self, hunk: &Hunk<'_>) -> Clues {
        let is_known = self.matching.is_complete;
        let landing = is_known.then(|| self.landing(hunk)).flatten();
        let candidates = match landing {
            None if is_known => self.repeats(hunk),
            _ => Vec::new(),
        };
        let place = self.place_now(&hunk.lines);
        let offered = landing.iter().chain(&candidates).cloned();
        let rows = std::iter::once(place).chain(offered).collect();
        Clues { rows, landing, candidates }
    }

    /// Returns the drift next to these lines of the old side, else the nearest;
    /// no more than [`MOST_DRIFT_LINES`] lines.
    pub fn drift_near(&self, lines: &Range<usize>) -> Vec<Drifted> {
        let mut left = MOST_DRIFT_LINES;
        let mut near = Vec::new();
        for gap in self.matching.gaps_near(lines) {
            let old = gap.old.start..gap.old.end.min(gap.old.start + left);
            left -= old.len();
            let new = gap.new.start..gap.new.end.min(gap.new.start + left);
            left -= new.len();
            if !old.is_empty() || !new.is_empty() {
                near.push(Drifted { old, new });
            }
        }
        near
    }

    /// Returns whether any of the lines has more than blanks and brackets.
    pub(super) fn says_something(&self, lines: &Range<usize>) -> bool {
        let mut lines = lines.clone();
        lines.any(|line| self.seen.line(line).iter().any(u8::is_ascii_alphanumeric))
    }

    /// Returns what stands now where the lines stood: everything between the
    /// nearest lines above and below that stayed.
    fn place_now(&self, lines: &Range<usize>) -> Range<usize> {
        let above = (0..lines.start).rev().find_map(|line| self.matching.new_of(line));
        let below = (lines.end..self.old.len()).find_map(|line| self.matching.new_of(line));
        let start = above.map_or(0, |line| line + 1);
        let end = below.unwrap_or(self.new.len()).max(start);
        start..end.min(start + MOST_ROWS)
    }
}
