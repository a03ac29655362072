//! Clues: what the author of a hunk that was refused has to know to place it
//! himself.
//!
//! A place is offered only where the old lines stand, letter for letter, and
//! could be the ones that were meant. Where they were changed or are gone,
//! there is no such place, however much another one looks like it. Which of the
//! places found here are offered, `offers` says.

use std::ops::Range;

use super::offers::Places;
use super::rule::{Comparison, Hunk};

/// The most places that are offered for one hunk.
pub const MOST_CANDIDATES: usize = 8;

/// The most lines of drift that are told, old and new together.
pub const MOST_DRIFT_LINES: usize = 10;

/// The most lines of one range that are shown.
const MOST_ROWS: usize = 40;

/// The most places that are looked at.
const MOST_PLACES: usize = 200;

/// What is known of a hunk that has no certain place. Lines are 0-based and
/// half-open, in the content of now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clues {
    /// Where to look.
    pub rows: Vec<Range<usize>>,
    /// The only place that can be meant, if there is exactly one.
    pub landing: Option<Range<usize>>,
    /// The places that can be meant, where there are several; ascending, no more
    /// than [`MOST_CANDIDATES`].
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
        let lines = &hunk.lines;
        let mut places = Vec::new();
        // What may be done is not offered to be done again.
        if self.matching.is_complete && !self.may_be_done(hunk) {
            places = match lines.is_empty() {
                true => self.places_to_insert(lines.start),
                false => self.places_of_lines(lines),
            };
            places.extend(self.place_in_its_construct(lines));
        }
        places.sort_by_key(|place| (place.start, place.end));
        places.dedup();
        places = self.offered(hunk, places);
        places.truncate(MOST_CANDIDATES);
        let mut clues = Clues { rows: vec![self.place_now(lines)], ..Clues::default() };
        match places.len() {
            1 => clues.landing = places.pop(),
            _ => clues.candidates = places,
        }
        let offered = clues.landing.iter().chain(&clues.candidates).cloned();
        clues.rows.extend(offered.collect::<Vec<_>>());
        clues
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

    /// Returns the places of now where the old lines stand and may be meant.
    fn places_of_lines(&self, lines: &Range<usize>) -> Places {
        let Some((old, new)) = self.equal_places(lines) else { return Vec::new() };
        let stays = |place: &Range<usize>| self.matching.keeps(place);
        let own = stays(lines).then(|| self.matching.new_of(lines.start)).flatten();
        let taken = |there: &Range<usize>| {
            let others = old.iter().filter(|place| *place != lines && stays(place));
            others.into_iter().any(|place| self.matching.new_of(place.start) == Some(there.start))
        };
        let free = new.iter().filter(|there| !taken(there));
        let may_be_meant = |there: &&Range<usize>| {
            self.witnesses().all(|one| one.have_the_same_path(lines, there))
                || own == Some(there.start) && self.same_place(lines, there)
        };
        let places: Places = free.filter(may_be_meant).cloned().collect();
        match own {
            Some(_) => places,
            // They went, and may have gone elsewhere: only what is nobody else's
            // can say so.
            None if old.len() == 1 && new.len() == 1 && self.says_something(lines) => places,
            None => Vec::new(),
        }
    }

    /// Returns the place in the construct of the same name, wherever that went:
    /// the same one where it is unchanged, else the only one with these lines.
    pub(super) fn place_in_its_construct(&self, lines: &Range<usize>) -> Option<Range<usize>> {
        let near = self.old.near(lines);
        let (old, new) = self.witnesses().find_map(|one| one.counterpart(&near))?;
        if self.old.ids[old.clone()] == self.new.ids[new.clone()] {
            let start = new.start + (lines.start - old.start);
            return Some(start..start + lines.len());
        }
        let block = if lines.is_empty() { near.clone() } else { lines.clone() };
        let (before, after) = self.equal_places(&block)?;
        let within = |scope: &Range<usize>, places: Places| {
            let fits = |place: &Range<usize>| scope.start <= place.start && place.end <= scope.end;
            let mut places = places.into_iter().filter(fits);
            places.next().filter(|_| places.next().is_none())
        };
        within(&old, before)?;
        let start = within(&new, after)?.start + (lines.start - block.start);
        Some(start..start + lines.len())
    }

    /// Returns where lines with the contents of these stand on both sides,
    /// unless those are too many.
    fn equal_places(&self, lines: &Range<usize>) -> Option<(Places, Places)> {
        let looks = &self.old.looks[lines.clone()];
        let ranges = |starts: Vec<usize>| -> Option<Places> {
            let ranges = starts.into_iter().map(|start| start..start + lines.len());
            Some(ranges.collect()).filter(|ranges: &Places| ranges.len() < MOST_PLACES)
        };
        let whole = |len| 0..len;
        let mut old =
            ranges(self.old.places_of_block(looks, &whole(self.old.len()), MOST_PLACES)?)?;
        let mut new =
            ranges(self.new.places_of_block(looks, &whole(self.new.len()), MOST_PLACES)?)?;
        let wanted = || lines.clone().map(|line| self.seen.line(line));
        old.retain(|place| place.clone().map(|line| self.seen.line(line)).eq(wanted()));
        new.retain(|place| place.clone().map(|line| self.now.line(line)).eq(wanted()));
        Some((old, new))
    }

    /// Returns whether any of the lines has more than blanks and brackets.
    pub(super) fn says_something(&self, lines: &Range<usize>) -> bool {
        let mut lines = lines.clone();
        lines.any(|line| self.seen.line(line).iter().any(u8::is_ascii_alphanumeric))
    }

    /// Returns the places beside those neighbours of the place that stand.
    fn places_to_insert(&self, at: usize) -> Places {
        let below_the_upper = match at.checked_sub(1) {
            None => Some(0),
            Some(above) => self.matching.new_of(above).map(|line| line + 1),
        };
        let above_the_lower = match at == self.old.len() {
            true => Some(self.new.len()),
            false => self.matching.new_of(at),
        };
        if below_the_upper == above_the_lower && 0 < at && at < self.old.len() {
            let both = self.places_of_lines(&(at - 1..at + 1));
            return both.iter().map(|pair| pair.start + 1..pair.start + 1).collect();
        }
        let stays = |line: &usize, place: usize| {
            let there = self.matching.new_of(*line).unwrap_or(place);
            let (line, there) = (*line..line + 1, there..there + 1);
            self.witnesses().all(|one| one.have_the_same_path(&line, &there))
        };
        let upper = below_the_upper.filter(|&place| at == 0 || stays(&(at - 1), place));
        let lower = above_the_lower.filter(|&place| at == self.old.len() || stays(&at, place));
        upper.into_iter().chain(lower).map(|place| place..place).collect()
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
