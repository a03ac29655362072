//! Offers: which places may be proposed to the author of a hunk that was
//! refused.
//!
//! What is offered is taken, often without another look. So a place is offered
//! only where a three-way merge would see no conflict, and it is proved that the
//! lines, or a neighbour of an insertion, did not go while look-alikes came to
//! stand there. `docs/formats.md` has the clauses.

use std::ops::Range;

use super::certainty::Pairing;
use super::clause::Clause;
use super::clues::MOST_CANDIDATES;
use super::matching::Gap;
use super::rule::{Comparison, Hunk};

impl Comparison<'_> {
    /// Returns the place that may be proposed for a hunk that was refused, if it is
    /// for sure the only one that can be meant.
    pub(super) fn landing(&self, hunk: &Hunk<'_>) -> Option<Range<usize>> {
        let (lines, place) = (&hunk.lines, self.untouched(hunk)?);
        // What may be done is not offered to be done again.
        let is_new = Clause::OfferNotElsewhere.holds(|| !self.came_elsewhere(hunk));
        let is_only = || {
            Clause::OfferUnique.holds(|| self.is_unique(&self.old.near(lines)))
                && self.can_be_accepted(lines, &place)
        };
        (is_new && (self.is_joined_for_sure(lines) || is_only())).then_some(place)
    }

    /// Returns whether nothing speaks against the only place that can be meant:
    /// not the constructs around, their twins, nor what came and went next to the
    /// lines or looks like them.
    fn can_be_accepted(&self, lines: &Range<usize>, place: &Range<usize>) -> bool {
        let pair = Pairing { old: lines.clone(), new: place.clone() };
        Clause::OfferStands.holds(|| self.stands_where_it_stood(&pair))
            && Clause::OfferTwins.holds(|| self.twins_stay(lines))
            && Clause::OfferStrangers.holds(|| !self.strangers_look_alike(&pair))
            && Clause::OfferConserved.holds(|| self.are_conserved(lines))
    }

    /// Returns whether the lines are joined to a neighbour, or to each other, in a
    /// way that the rule believes, and the end of that run says where it is. Of an
    /// insertion it is a neighbour that is joined to the line beyond it.
    fn is_joined_for_sure(&self, lines: &Range<usize>) -> bool {
        let beyond = 1 + usize::from(lines.is_empty());
        let above = lines.start.checked_sub(beyond).map(|start| start..lines.end);
        let below = lines.start..lines.end + beyond;
        above.is_some_and(|run| self.is_joined_run(&run) && self.says_where_it_is(run.end - 1))
            || self.is_joined_run(&below) && self.says_where_it_is(below.start)
            || self.is_joined_run(lines)
                && self.says_where_it_is(lines.start)
                && self.says_where_it_is(lines.end - 1)
    }

    /// Returns whether the rule believes that these lines, two or more, are still
    /// side by side: what stands between the first and the last would land.
    fn is_joined_run(&self, run: &Range<usize>) -> bool {
        run.len() > 1
            && run.end <= self.old.len()
            && self.follow(&(run.start + 1..run.end - 1)).is_some()
    }

    /// Returns whether a line has words, as lines without any are everywhere, and
    /// stands in the constructs it stood in.
    fn says_where_it_is(&self, line: usize) -> bool {
        let stands = |now: usize| self.same_place(&(line..line + 1), &(now..now + 1));
        Clause::OfferWords.holds(|| self.says_something(&(line..line + 1)))
            && Clause::OfferStays.holds(|| self.matching.new_of(line).is_some_and(stands))
    }

    /// Returns the places of a line that was written several times where it stood
    /// once: there is nothing else between its neighbours, one of which is known
    /// for sure.
    pub(super) fn repeats(&self, hunk: &Hunk<'_>) -> Vec<Range<usize>> {
        let Range { start, end } = hunk.lines;
        let Some(above) = start.checked_sub(1).filter(|_| end == start + 1) else {
            return Vec::new();
        };
        let ends = (self.matching.new_of(above), self.matching.new_of(end));
        let (Some(first), Some(last)) = ends else { return Vec::new() };
        let between = first + 1..last;
        let is_equal = |id: &u32| *id == self.old.ids[start];
        let is_repeated = between.len() > 1 && self.new.ids[between.clone()].iter().all(is_equal);
        let is_joined = || {
            self.is_joined_run(&(above.saturating_sub(1)..start))
                || self.is_joined_run(&(end..end + 2))
        };
        let may_be_done = || hunk.is_written_at(&between, self.now) || self.came_elsewhere(hunk);
        match is_repeated && Clause::OfferRepeats.holds(is_joined) && !may_be_done() {
            true => between.take(MOST_CANDIDATES).map(|line| line..line + 1).collect(),
            false => Vec::new(),
        }
    }

    /// Returns whether what the hunk would write came with the drift, wherever
    /// that was; lines without words come everywhere.
    fn came_elsewhere(&self, hunk: &Hunk<'_>) -> bool {
        let text = hunk.text;
        let has_words = text.iter().any(|line| line.iter().any(u8::is_ascii_alphanumeric));
        let came = |gap: &Gap| {
            let starts = gap.new.start.saturating_sub(text.len() - 1)..gap.new.end;
            let mut fits = starts.take_while(|start| start + text.len() <= self.new.len());
            !gap.new.is_empty()
                && fits.any(|start| hunk.is_written_at(&(start..start + text.len()), self.now))
        };
        has_words && self.matching.gaps().iter().any(came)
    }
}
