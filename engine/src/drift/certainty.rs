//! Certainty: whether the place that a diff gives is the place that was meant.
//!
//! A diff is one of many ways to read what happened. Where look-alikes stand
//! about, another reading may put the lines elsewhere; then their identity has
//! to come from what carries it.

use std::ops::Range;

use super::identity::Scope;
use super::lines::Side;
use super::matching::Gap;
use super::rule::Comparison;

/// How many unchanged lines on each side make a place recognizable.
const CONTEXT: usize = 3;

/// The same within a construct that is known by its name: what stands around
/// there is its own.
const CONTEXT_WITHIN: usize = 8;

/// Lines at the edge of a change that are held against the lines next to it.
const MOST_STEPS: usize = 400;

/// Look-alikes of a block that are looked at; where there are more, it is not
/// told apart from them.
const MOST_COPIES: usize = 100;

/// Lines of the old side and the lines of the new side that they may be.
pub(super) struct Pairing {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

impl Comparison<'_> {
    /// Returns whether the lines that the diff pairs are the same lines. They
    /// and their neighbours are unchanged and adjacent.
    pub(super) fn is_certain(&self, pair: &Pairing) -> bool {
        if self.drift_slides_to(&pair.old) {
            let scope = self.scope(pair);
            return scope.is_unique
                && self.stands_where_it_stood(pair)
                && self.is_whole(&scope, pair)
                && self.copies_stand(&scope.body());
        }
        if self.is_bracketed(&pair.old) {
            return !self.something_moved_past(&pair.old) || !self.has_changed_sides(pair);
        }
        let scope = self.scope(pair);
        self.stands_where_it_stood(pair)
            && (self.is_unique(&pair.old, &self.file())
                || self.neighbours_stand(pair)
                    && !self.a_copy_took_over(&scope.body())
                    && (scope.is_unique && self.is_certain_within(&scope, pair)
                        || self.is_unique(&self.window(&pair.old, &scope, CONTEXT), &self.file())
                        || scope.keeps_its_twins && self.is_certain_by_the_file(&scope, pair)))
    }

    /// Returns whether a line that was next to the unchanged lines around these,
    /// and of which there is no other, stands elsewhere now. Only then can the
    /// lines have left the construct they stood in.
    fn something_moved_past(&self, lines: &Range<usize>) -> bool {
        let (above, below) = self.matching.gaps_around(lines);
        let moved = |line: usize| self.is_unique(&(line..line + 1), &self.file());
        let near = |gap: Option<&Gap>| gap.map_or(0..0, |gap| gap.old.clone());
        let mut last = near(above).rev().take(MOST_STEPS);
        let mut first = near(below).take(MOST_STEPS);
        last.any(moved) || first.any(moved)
    }

    fn has_changed_sides(&self, pair: &Pairing) -> bool {
        self.identities().have_changed_sides(&pair.old, &pair.new, &self.matching)
    }

    /// Returns whether the new lines are what became of the old lines. Both have
    /// the same neighbours, unchanged.
    pub(super) fn is_certainly_replaced(&self, pair: &Pairing) -> bool {
        let scope = self.scope(pair);
        let window = self.window(&pair.old, &scope, CONTEXT);
        let (above, below) = (pair.old.start - window.start, window.end - pair.old.end);
        let there = pair.new.start - above..pair.new.end + below;
        let (looks, new_looks) = (&self.old.looks[window.clone()], &self.new.looks[there]);
        let once = |scope: &Scope| {
            count(&self.old, looks, &scope.old) == Some(1)
                && count(&self.new, new_looks, &scope.new) == Some(1)
        };
        let file = self.file();
        let are_fewer = |lines: Range<usize>| {
            let looks = &self.old.looks[lines];
            let was = count(&self.old, looks, &file.old);
            was.is_some() && count(&self.new, looks, &file.new) < was
        };
        let near = self.old.near(&pair.old);
        // Lines that only moved are not done, nor is what became of them.
        let is_gone = pair.old.is_empty()
            || are_fewer(near.start..pair.old.end) && are_fewer(pair.old.start..near.end);
        // At an end of the file an insertion parts no lines.
        let at_an_end = pair.old.is_empty() && near.len() < 2;
        self.same_place(&near, &self.new.near(&pair.new))
            && is_gone
            && !self.went_next_door(pair)
            && (at_an_end || are_fewer(window))
            && (once(&file) || scope.is_unique && once(&scope))
    }

    /// Returns whether the construct of this name holds only one such place.
    fn is_certain_within(&self, scope: &Scope, pair: &Pairing) -> bool {
        self.is_whole(scope, pair) && self.copies_stand(&scope.body())
            || self.is_anchored(scope, pair)
                && self.keeps_its_count(&self.window(&pair.old, scope, CONTEXT), scope)
            || self.is_unique(&self.window(&pair.old, scope, CONTEXT_WITHIN), scope)
    }

    /// Returns whether nothing happened between the place and an end of the
    /// file, nor to any place that looks like it.
    fn is_certain_by_the_file(&self, scope: &Scope, pair: &Pairing) -> bool {
        let window = self.window(&pair.old, scope, CONTEXT);
        // The header is known by its name, the rest by what it looks like.
        let looks = window.start.max(scope.body().start)..window.end;
        self.is_anchored(&self.file(), pair)
            && self.copies_stand(&looks)
            && self.keeps_its_count(&looks, &self.file())
    }

    /// Returns whether the lines stand between two lines of which there is no
    /// other, with nothing but unchanged lines between. Those two may be the
    /// first or the last of the lines themselves, but not one and the same.
    fn is_bracketed(&self, lines: &Range<usize>) -> bool {
        let is_single = |line: &usize| self.is_unique(&(*line..line + 1), &self.file());
        // The neighbours are known to be joined to the lines.
        let above = (lines.start.saturating_sub(CONTEXT_WITHIN)..lines.start).rev();
        let is_joined = |line: &usize| line + 1 == lines.start || self.matching.is_joined(line + 1);
        let above = above.take_while(is_joined).find(is_single);
        let below = lines.end..(lines.end + CONTEXT_WITHIN).min(self.old.len());
        let is_joined = |line: &usize| *line == lines.end || self.matching.is_joined(*line);
        let below = below.take_while(is_joined).find(is_single);
        let first = lines.clone().next().filter(is_single);
        let last = lines.clone().next_back().filter(is_single);
        matches!((above.or(first), below.or(last)), (Some(above), Some(below)) if above < below)
    }

    /// Returns whether all constructs around the lines are those that were.
    fn stands_where_it_stood(&self, pair: &Pairing) -> bool {
        let same = |old: &Range<usize>, new: &Range<usize>| self.same_place(old, new);
        let Pairing { old, new } = pair;
        let first = |lines: &Range<usize>| lines.start..lines.start + 1;
        let last = |lines: &Range<usize>| lines.end - 1..lines.end;
        same(&self.old.near(old), &self.new.near(new))
            && (old.is_empty() || same(&first(old), &first(new)) && same(&last(old), &last(new)))
    }

    /// Returns whether the constructs around either neighbour are those that were.
    fn neighbours_stand(&self, pair: &Pairing) -> bool {
        let (old, new) = (self.old.near(&pair.old), self.new.near(&pair.new));
        let same = |old: usize, new: usize| {
            let (old, new) = (old..old + 1, new..new + 1);
            self.same_place(&old, &new)
        };
        (old.start == pair.old.start || same(old.start, new.start))
            && (old.end == pair.old.end || same(old.end - 1, new.end - 1))
    }

    /// Returns whether lines of both sides stand in the same constructs.
    pub(super) fn same_place(&self, old: &Range<usize>, new: &Range<usize>) -> bool {
        let stands = |side: &Side, look| !side.places_of(look).is_empty();
        let has_line = |old: usize, new: usize| {
            stands(&self.new, self.old.looks[old]) || stands(&self.old, self.new.looks[new])
        };
        self.identities().keep_their_place(old, new, &self.matching, &has_line)
    }

    /// Returns whether one of the old lines stands, as a new one, next to the
    /// place: then another diff may have left it where it was.
    fn went_next_door(&self, pair: &Pairing) -> bool {
        let near =
            pair.new.start.saturating_sub(CONTEXT)..(pair.new.end + CONTEXT).min(self.new.len());
        let gone = &self.old.looks[pair.old.clone()];
        let is_new = |line: &usize| self.matching.old_of(*line).is_none();
        let mut strange = near.filter(|line| !pair.new.contains(line)).filter(is_new);
        strange.any(|line| gone.contains(&self.new.looks[line]))
    }

    /// Returns the construct around the lines and their neighbours; the whole
    /// file where there is none.
    fn scope(&self, pair: &Pairing) -> Scope {
        let (old, new) = (self.old.near(&pair.old), self.new.near(&pair.new));
        self.identities().scope(&old, &new).unwrap_or_else(|| self.file())
    }

    /// Returns the file as a scope: of it there is no other.
    fn file(&self) -> Scope {
        Scope {
            old: 0..self.old.len(),
            new: 0..self.new.len(),
            has_header: false,
            is_unique: false,
            keeps_its_twins: true,
        }
    }

    /// Returns whether what another writer took or added next to the lines could
    /// as well be lines among them: it can be slid there over equal lines, or a
    /// part at its end looks like the lines and all that lies between.
    fn drift_slides_to(&self, lines: &Range<usize>) -> bool {
        let (above, below) = self.matching.gaps_around(lines);
        let ids = &self.old.ids[..];
        // An insertion touches its neighbours.
        let (first, end) = match lines.is_empty() {
            true => (lines.start.saturating_sub(1), (lines.end + 1).min(ids.len())),
            false => (lines.start, lines.end),
        };
        let slides_down = |gap: &Gap| {
            let (between, through) = (&ids[gap.old.end..lines.start], &ids[gap.old.end..end]);
            self.runs(gap).any(|(ids, run, is_all)| {
                let mut steps = 1..=run.len().min(MOST_STEPS);
                is_all && ids[run.start..].starts_with(between)
                    || steps.any(|step| ids[run.end - step..].starts_with(through))
            })
        };
        let slides_up = |gap: &Gap| {
            let (between, through) = (&ids[lines.end..gap.old.start], &ids[first..gap.old.start]);
            self.runs(gap).any(|(ids, run, is_all)| {
                let mut steps = 1..=run.len().min(MOST_STEPS);
                is_all && ids[..run.end].ends_with(between)
                    || steps.any(|step| ids[..run.start + step].ends_with(through))
            })
        };
        above.is_some_and(slides_down) || below.is_some_and(slides_up)
    }

    /// Returns what went and what came, each with the lines of its side and
    /// whether it is all there was.
    fn runs<'a>(
        &'a self,
        gap: &'a Gap,
    ) -> impl Iterator<Item = (&'a [u32], &'a Range<usize>, bool)> {
        let old = (&self.old.ids[..], &gap.old, gap.new.is_empty());
        let new = (&self.new.ids[..], &gap.new, gap.old.is_empty());
        [old, new].into_iter().filter(|(_, run, _)| !run.is_empty())
    }

    /// Returns whether the scope is what it was, byte for byte, and the lines
    /// stand at the same place of it.
    fn is_whole(&self, scope: &Scope, pair: &Pairing) -> bool {
        self.old.ids[scope.old.clone()] == self.new.ids[scope.new.clone()]
            && pair.new.start >= scope.new.start
            && pair.old.start - scope.old.start == pair.new.start - scope.new.start
    }

    /// Returns whether nothing changed from one end of the scope to the lines,
    /// with their neighbour beyond.
    fn is_anchored(&self, scope: &Scope, pair: &Pairing) -> bool {
        let (old, new) = (self.old.near(&pair.old), self.new.near(&pair.new));
        let equal = |a: Range<usize>, b: Range<usize>| self.old.ids[a] == self.new.ids[b];
        let within = scope.new.start <= new.start
            && new.end <= scope.new.end
            && scope.old.start <= old.start
            && old.end <= scope.old.end;
        within
            && (equal(scope.old.start..old.end, scope.new.start..new.end)
                || equal(old.start..scope.old.end, new.start..scope.new.end))
    }

    /// Returns whether exactly one place of the scope looks like these lines, on
    /// either side.
    fn is_unique(&self, lines: &Range<usize>, scope: &Scope) -> bool {
        let looks = &self.old.looks[lines.clone()];
        let once = |side: &Side, scope| count(side, looks, scope) == Some(1);
        once(&self.old, &scope.old) && once(&self.new, &scope.new)
    }

    /// Returns whether as many places of the scope look like these lines as did.
    fn keeps_its_count(&self, lines: &Range<usize>, scope: &Scope) -> bool {
        let looks = &self.old.looks[lines.clone()];
        let was = count(&self.old, looks, &scope.old);
        was.is_some() && was == count(&self.new, looks, &scope.new)
    }

    /// Returns whether every place that looked like these lines is unchanged.
    fn copies_stand(&self, lines: &Range<usize>) -> bool {
        self.copies(lines).is_some_and(|copies| copies.iter().all(|copy| self.matching.keeps(copy)))
    }

    /// Returns whether these lines may have gone, and others that looked like
    /// them may have come to stand in their place: such others are gone, and
    /// little that stayed lies between.
    fn a_copy_took_over(&self, lines: &Range<usize>) -> bool {
        let near = |copy: &Range<usize>| {
            let between = copy.end.min(lines.end)..copy.start.max(lines.start);
            let kept = between.filter(|&line| self.matching.new_of(line).is_some());
            kept.take(lines.len() + 2).count() < lines.len() + 2
        };
        let gone = |copy: &Range<usize>| copy != lines && !self.matching.keeps(copy);
        let copies = self.copies(lines);
        copies.is_none_or(|copies| copies.iter().any(|copy| gone(copy) && near(copy)))
    }

    /// Returns the places of the old side that look like these lines, unless
    /// there are too many.
    fn copies(&self, lines: &Range<usize>) -> Option<Vec<Range<usize>>> {
        let looks = &self.old.looks[lines.clone()];
        let places = self.old.places_of_block(looks, &(0..self.old.len()), MOST_COPIES)?;
        let ranges = places.into_iter().map(|start| start..start + lines.len());
        Some(ranges.collect()).filter(|copies: &Vec<_>| copies.len() < MOST_COPIES)
    }

    /// Returns the lines with up to `context` of the unchanged lines on each
    /// side that stand in the scope.
    fn window(&self, lines: &Range<usize>, scope: &Scope, context: usize) -> Range<usize> {
        let kept = |line: &usize| self.matching.is_joined(*line);
        let above = (scope.old.start + 1..lines.start).rev().take(context.saturating_sub(1));
        let below = (lines.end..scope.old.end.saturating_sub(1)).take(context.saturating_sub(1));
        let above = above.take_while(kept).count() + usize::from(lines.start > scope.old.start);
        let below = below.take_while(|line| kept(&(line + 1))).count()
            + usize::from(lines.end < scope.old.end);
        lines.start - above..lines.end + below
    }
}

/// Returns how many places of the scope look like this, unless they are too
/// many to count.
fn count(side: &Side, looks: &[u32], scope: &Range<usize>) -> Option<usize> {
    let places = side.places_of_block(looks, scope, MOST_COPIES)?;
    Some(places.len()).filter(|count| *count < MOST_COPIES)
}
