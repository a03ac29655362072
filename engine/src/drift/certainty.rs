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

/// So many lines of which there is no other make a piece known by itself.
const SINGLES: usize = 4;

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
        let scope = self.scope(pair);
        if self.drift_slides_to(&pair.old) {
            return scope.is_unique
                && self.stands_where_it_stood(pair)
                && self.is_whole(&scope, pair)
                && self.copies_stand(&scope.body());
        }
        match self.is_bracketed(&pair.old) {
            true => {
                (self.is_singular(pair)
                    || self.stands_where_it_stood(pair) && self.twins_stay(&pair.old))
                    && (!self.something_moved_past(&pair.old) || !self.has_changed_sides(pair))
            }
            false => {
                self.stands_where_it_stood(pair)
                    && !self.strangers_look_alike(pair)
                    && self.twins_stay(&pair.old)
                    && self.is_told_apart(&scope, pair)
            }
        }
    }

    /// Returns whether lines that may have look-alikes, in constructs that are
    /// the very same, cannot be one of those.
    fn is_told_apart(&self, scope: &Scope, pair: &Pairing) -> bool {
        let window = || self.window(&pair.old, scope, CONTEXT);
        self.is_unique(&pair.old, &self.file())
            || !self.a_copy_took_over(&scope.body())
                && (scope.is_unique && self.is_certain_within(scope, pair)
                    || self.copies_stand(&self.old.near(&pair.old))
                        && self.is_unique(&window(), &self.file())
                    || scope.keeps_its_twins && self.is_certain_by_the_file(scope, pair))
    }

    /// Returns whether the lines stand in a piece that nothing changed and that
    /// is known by itself, whatever became of the constructs around: by a few
    /// lines of which there is no other. A copy has none, as long as there is
    /// what it was copied from.
    fn is_singular(&self, pair: &Pairing) -> bool {
        let file = self.file();
        let piece = self.window(&pair.old, &file, CONTEXT_WITHIN);
        let single = piece.filter(|line| self.is_unique(&(*line..line + 1), &file));
        single.take(SINGLES).count() == SINGLES
    }

    /// Returns whether what came or went next to the lines looks like them: it
    /// may be that they went, and others came to stand there.
    pub(super) fn strangers_look_alike(&self, pair: &Pairing) -> bool {
        self.strange_runs_of(2, &self.old.near(&pair.old), pair)
    }

    /// Returns whether `count` of these lines, one below the other, came or went
    /// together next to the pair. Lines that say nothing come and go everywhere.
    fn strange_runs_of(&self, count: usize, lines: &Range<usize>, pair: &Pairing) -> bool {
        let starts = lines.start..(lines.end + 1).saturating_sub(count).max(lines.start);
        let runs = starts.map(|start| start..start + count);
        let runs = runs.filter(|run| self.says_something(run)).take(MOST_STEPS);
        let runs: Vec<&[u32]> = runs.map(|run| &self.old.looks[run]).collect();
        let holds =
            |drift: &[u32]| drift.windows(count).take(MOST_STEPS).any(|run| runs.contains(&run));
        self.strange_runs(&pair.old).any(holds)
    }

    /// Returns the looks of what went and of what came in the nearest drift
    /// above and below.
    fn strange_runs(&self, lines: &Range<usize>) -> impl Iterator<Item = &[u32]> {
        let (above, below) = self.matching.gaps_around(lines);
        above
            .into_iter()
            .chain(below)
            .flat_map(|gap| [&self.old.looks[gap.old.clone()], &self.new.looks[gap.new.clone()]])
    }

    /// Returns whether no construct that the lines or their neighbours stand in
    /// has more or fewer twins than it had.
    pub(super) fn twins_stay(&self, lines: &Range<usize>) -> bool {
        let near = self.old.near(lines);
        self.identities().uses(&near).take(MOST_STEPS).all(|uses| uses.old == uses.new)
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
    /// the same neighbours, unchanged. `taken` are those of the old lines that
    /// the hunk takes, `written` those of the new lines that it writes.
    pub(super) fn is_certainly_replaced(
        &self,
        pair: &Pairing,
        taken: &Range<usize>,
        written: &Range<usize>,
    ) -> bool {
        self.is_conserved(taken, written) && self.is_the_place_of(pair)
    }

    /// Returns whether there is less of what was taken than there was, and what
    /// was written does not stand right beside it once more: what only moved, or
    /// stood there before, was not done.
    fn is_conserved(&self, taken: &Range<usize>, written: &Range<usize>) -> bool {
        let file = self.file();
        let (gone, come) = (&self.old.looks[taken.clone()], &self.new.looks[written.clone()]);
        let is_fewer = || {
            let was = count(&self.old, gone, &file.old);
            was.is_some() && count(&self.new, gone, &file.new) < was
        };
        let near = self.new.near(written);
        let mut beside = (near.start..written.start).chain(written.end..near.end);
        (gone.is_empty() || is_fewer()) && beside.all(|line| !come.contains(&self.new.looks[line]))
    }

    /// Returns whether the new lines stand where the old lines stood, and nowhere
    /// else is such a place.
    fn is_the_place_of(&self, pair: &Pairing) -> bool {
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

    /// Returns whether all constructs around the lines and around either
    /// neighbour are those that were.
    pub(super) fn stands_where_it_stood(&self, pair: &Pairing) -> bool {
        let (near, new_near) = (self.old.near(&pair.old), self.new.near(&pair.new));
        let line = |old: usize, new: usize| self.same_place(&(old..old + 1), &(new..new + 1));
        let both = |old: &Range<usize>, new: &Range<usize>| {
            old.is_empty()
                || !new.is_empty() && line(old.start, new.start) && line(old.end - 1, new.end - 1)
        };
        self.same_place(&near, &new_near) && both(&pair.old, &pair.new) && both(&near, &new_near)
    }

    /// Returns whether lines of both sides stand in the same constructs.
    pub(super) fn same_place(&self, old: &Range<usize>, new: &Range<usize>) -> bool {
        self.identities().keep_their_place(old, new, &self.matching)
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
    pub(super) fn copies_stand(&self, lines: &Range<usize>) -> bool {
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
