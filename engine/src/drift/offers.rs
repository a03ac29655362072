//! Offers: which places may be proposed to the author of a hunk that was
//! refused.
//!
//! What is offered is taken, often without another look. So a place is offered
//! only where it is proved that the lines, or a neighbour of an insertion, did
//! not go while look-alikes came to stand there. `docs/formats.md` has the
//! clauses.

use std::ops::Range;

use super::certainty::Pairing;
use super::matching::Gap;
use super::rule::{Comparison, Hunk};

/// Ranges of lines.
pub(super) type Places = Vec<Range<usize>>;

impl Comparison<'_> {
    /// Returns those of the places that may be offered.
    pub(super) fn offered(&self, hunk: &Hunk<'_>, mut places: Places) -> Places {
        let lines = &hunk.lines;
        // What may be done is not offered to be done again.
        if self.is_done_beside(hunk, &places) || self.came_elsewhere(hunk) {
            return Vec::new();
        }
        let is_alone = places.len() == 1;
        places.retain(|place| {
            self.is_joined_for_sure(lines, place)
                || self.is_between_both(lines, place)
                || is_alone && self.is_beside_one_in_its_construct(lines, place)
        });
        // Who accepts the only place looks at no other.
        if let [place] = &places[..]
            && !self.is_joined_for_sure(lines, place)
            && !self.can_be_accepted(lines, place)
        {
            places.clear();
        }
        match places.is_empty() {
            true => self.repeats(hunk),
            false => places,
        }
    }

    /// Returns whether nothing speaks against the only place that can be meant:
    /// not the constructs around, their twins, what came and went next to the
    /// lines, nor what became of look-alikes.
    fn can_be_accepted(&self, lines: &Range<usize>, place: &Range<usize>) -> bool {
        let pair = Pairing { old: lines.clone(), new: place.clone() };
        self.is_paired(lines, place)
            && self.stands_where_it_stood(&pair)
            && self.twins_stay(lines)
            && !self.strangers_look_alike(&pair)
            && self.are_conserved(lines)
            && self.look_alikes_stand(&self.old.near(lines))
    }

    /// Returns whether the lines stand at the place and are joined there to a
    /// neighbour, or to each other, in a way that the rule believes. Of an
    /// insertion it is a neighbour that is joined to the line beyond it.
    fn is_joined_for_sure(&self, lines: &Range<usize>, place: &Range<usize>) -> bool {
        let beyond = 1 + usize::from(lines.is_empty());
        let above = lines.start.checked_sub(beyond).map(|start| start..lines.end);
        let below = lines.start..lines.end + beyond;
        let from_above =
            |run: Range<usize>| self.is_joined_run(&run) && self.is_no_stranger(&run, run.end);
        let from_below = || self.is_joined_run(&below) && self.is_no_stranger(&below, below.start);
        let by_itself = || {
            self.is_joined_run(lines)
                && self.is_no_stranger(lines, lines.start)
                && self.is_no_stranger(lines, lines.end)
        };
        self.is_paired(lines, place)
            && (self.stands_above(lines, place) && above.is_some_and(from_above)
                || self.stands_below(lines, place) && from_below()
                || by_itself())
    }

    /// Returns whether the rule believes that these lines, two or more, are still
    /// side by side: what stands between the first and the last would land.
    fn is_joined_run(&self, run: &Range<usize>) -> bool {
        run.len() > 1
            && run.end <= self.old.len()
            && self.follow(&(run.start + 1..run.end - 1)).is_some()
    }

    /// Returns whether the line at this end of the run cannot have come with the
    /// drift there: it has words, as lines without any are everywhere; it stands
    /// in the constructs it stood in; and nothing in that drift looks like a line
    /// of the run.
    fn is_no_stranger(&self, run: &Range<usize>, end: usize) -> bool {
        let is_last = end == run.end;
        let edge = if is_last { end - 1 } else { end };
        let edge = edge..edge + 1;
        let touches = |gap: &&Gap| match is_last {
            true => gap.old.start == end,
            false => gap.old.end == end,
        };
        let known = &self.old.looks[run.clone()];
        let is_strange = |looks: &[u32]| looks.iter().any(|look| known.contains(look));
        let is_clean = |gap: &Gap| {
            !is_strange(&self.old.looks[gap.old.clone()])
                && !is_strange(&self.new.looks[gap.new.clone()])
        };
        let stands = |now: usize| self.same_place(&edge, &(now..now + 1));
        self.says_something(&edge)
            && self.matching.new_of(edge.start).is_some_and(stands)
            && self.matching.gaps_near(run).iter().filter(touches).all(is_clean)
    }

    /// Returns whether the lines stand at the place between both neighbours, and
    /// no others look like all of them, in the file or in their construct.
    fn is_between_both(&self, lines: &Range<usize>, place: &Range<usize>) -> bool {
        let is_only = || self.is_unique(&self.old.near(lines)) && !self.drift_slides_to(lines);
        self.is_paired(lines, place)
            && self.stands_above(lines, place)
            && self.stands_below(lines, place)
            && (is_only() || self.place_in_its_construct(lines).as_ref() == Some(place))
    }

    /// Returns whether an insertion stands beside one of its neighbours, at the
    /// only such place in the construct of its name.
    fn is_beside_one_in_its_construct(&self, lines: &Range<usize>, place: &Range<usize>) -> bool {
        lines.is_empty()
            && (self.stands_above(lines, place) || self.stands_below(lines, place))
            && self.place_in_its_construct(lines).as_ref() == Some(place)
    }

    /// Returns the places of a line that was written several times where it stood
    /// once: there is nothing else between its neighbours, one of which is known
    /// for sure.
    fn repeats(&self, hunk: &Hunk<'_>) -> Places {
        let Range { start, end } = hunk.lines;
        let Some(above) = start.checked_sub(1).filter(|_| end == start + 1) else {
            return Vec::new();
        };
        let ends = (self.matching.new_of(above), self.matching.new_of(end));
        let (Some(first), Some(last)) = ends else { return Vec::new() };
        let between = first + 1..last;
        let is_equal = |id: &u32| *id == self.old.ids[start];
        let is_repeated = between.len() > 1 && self.new.ids[between.clone()].iter().all(is_equal);
        let is_known = || {
            self.is_joined_run(&(above.saturating_sub(1)..start))
                || self.is_joined_run(&(end..end + 2))
        };
        match is_repeated && is_known() && !hunk.is_written_at(&between, self.now) {
            true => between.map(|line| line..line + 1).collect(),
            false => Vec::new(),
        }
    }

    /// Returns whether what the hunk would write stands at one of the places or
    /// right beside it, and did not before.
    fn is_done_beside(&self, hunk: &Hunk<'_>, places: &Places) -> bool {
        let Hunk { lines, text } = hunk;
        let stood = |start: usize| {
            start + text.len() <= self.old.len()
                && hunk.is_written_at(&(start..start + text.len()), self.seen)
        };
        let stands = |start: usize| {
            start + text.len() <= self.new.len()
                && hunk.is_written_at(&(start..start + text.len()), self.now)
        };
        let is_done_at = |place: &Range<usize>| {
            let mut starts = place.start.saturating_sub(text.len())..=place.end;
            starts.any(|start| {
                let was = (lines.start + start).checked_sub(place.start);
                stands(start) && !was.is_some_and(stood)
            })
        };
        !text.is_empty() && places.iter().any(is_done_at)
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

    /// Returns whether the diff pairs the lines with the place.
    fn is_paired(&self, lines: &Range<usize>, place: &Range<usize>) -> bool {
        lines.is_empty()
            || self.matching.new_of(lines.start) == Some(place.start) && self.matching.keeps(lines)
    }

    /// Returns whether the line above the lines stands above the place.
    fn stands_above(&self, lines: &Range<usize>, place: &Range<usize>) -> bool {
        match (lines.start.checked_sub(1), place.start.checked_sub(1)) {
            (Some(old), Some(new)) => self.matching.new_of(old) == Some(new),
            (None, None) => true,
            _ => false,
        }
    }

    /// Returns whether the line below the lines stands below the place.
    fn stands_below(&self, lines: &Range<usize>, place: &Range<usize>) -> bool {
        match (lines.end == self.old.len(), place.end == self.new.len()) {
            (false, false) => self.matching.new_of(lines.end) == Some(place.end),
            (is_last, is_last_now) => is_last && is_last_now,
        }
    }
}
