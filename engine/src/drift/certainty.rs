//! Certainty: whether the place that a diff gives is the place that was meant.
//!
//! A diff is one of many ways to read what happened. Where look-alikes stand
//! about, another reading may put the lines elsewhere; then their identity has
//! to come from what carries it.

use std::ops::Range;

use super::clause::Clause;
use super::identity::Scope;
use super::lines::Side;
use super::matching::Gap;
use super::rule::Comparison;

/// How many unchanged lines on each side make a place recognizable.
const CONTEXT: usize = 3;

/// The same within a construct that is known by its name: what stands around
/// there is its own.
const CONTEXT_WITHIN: usize = 8;

/// So many lines of which there is no other make a piece known.
const SINGLES: usize = 3;

/// Lines on each side that are searched for such lines.
const PIECE: usize = 14;

/// Drift with fewer unchanged lines between is close: it may have taken a few
/// lines away and left others that look like them.
const CLOSE: usize = 3;

/// Drift with so many unchanged lines between is far away.
const FAR: usize = 6;

/// The same below, where another name begins above.
const WIDE: usize = 9;

/// So many lines in a row that went here and came there have moved.
const RUN: usize = 3;

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

/// Lines that nothing changed and nothing parted.
struct Piece {
    /// At most [`PIECE`] of them on either side of the place, and the place.
    lines: Range<usize>,
    /// How many of them stand above the place, up to the nearest drift; without
    /// number where there is none.
    above: usize,
    /// The same below it.
    below: usize,
    /// How many lines went or came together, in the drift on either side.
    beside: usize,
    /// Whether any of that went.
    something_went: bool,
    /// Whether it begins with the file.
    is_first: bool,
    /// Whether it ends with the file.
    is_last: bool,
}

impl Piece {
    /// Returns whether it is a short one between two drifts, one of them close, that
    /// took something and are at least half as long: it may be what moved, and what
    /// went and came beside it what stayed.
    fn is_an_island(&self) -> bool {
        self.drift() < CLOSE
            && self.above.max(self.below) < FAR
            && self.something_went
            && 2 * self.beside >= self.lines.len()
    }

    /// Returns how many lines stand between the place and the nearest drift.
    fn drift(&self) -> usize {
        self.above.min(self.below)
    }
}

impl Comparison<'_> {
    /// Returns whether the lines that the diff pairs are the same lines. They
    /// and their neighbours are unchanged and adjacent.
    pub(super) fn is_certain(&self, pair: &Pairing) -> bool {
        if Clause::Slides.asks() && self.drift_slides_to(&pair.old) {
            return self.is_certain_beside_a_slide(pair);
        }
        let piece = self.piece(&pair.old);
        if Clause::LongIsland.asks() && piece.is_an_island() && piece.beside >= piece.lines.len() {
            return false;
        }
        if self.is_known(pair) {
            return true;
        }
        let is_close = piece.drift() < CLOSE || piece.is_last && piece.above <= FAR;
        if Clause::Island.asks() && piece.is_an_island()
            || Clause::Doubles.asks() && is_close && self.holds_a_double(&pair.old)
        {
            return false;
        }
        if piece.is_first {
            return true;
        }
        if self.has_a_name_of_its_own(pair) {
            return Clause::NamedStrangers.holds(|| !self.something_like_it_came(pair))
                && Clause::NamedLookAlike.holds(|| {
                    piece.above.max(piece.below) > WIDE
                        || self.singles(&self.old.near(&pair.old)) > 0
                        || !self.has_a_look_alike_beside(&pair.old)
                });
        }
        match Clause::Names.holds(|| self.stands_where_it_stood(pair)) {
            true => self.is_held_by_names(&piece, pair),
            false => self.is_held_without_names(&piece, pair),
        }
    }

    /// Returns whether lines cannot be others although what came next to them could
    /// as well have come among them: the construct around them is the only one of
    /// its name, and what it was.
    fn is_certain_beside_a_slide(&self, pair: &Pairing) -> bool {
        let scope = self.scope(pair);
        let piece = self.piece(&pair.old);
        Clause::SlideFar.holds(|| piece.above.max(piece.below) >= FAR)
            && Clause::SlideStrangers
                .holds(|| !piece.something_went || !self.strangers_look_alike(pair))
            && Clause::SlideInOneName.holds(|| scope.is_unique)
            && Clause::SlideStands.holds(|| self.stands_where_it_stood(pair))
            && Clause::SlideInWhole.holds(|| self.is_whole(&scope, pair))
            && Clause::SlideCopies.holds(|| self.copies_stand(&scope.body()))
    }

    /// Returns whether lines whose constructs are the very same cannot be others
    /// that look like them.
    fn is_held_by_names(&self, piece: &Piece, pair: &Pairing) -> bool {
        let (drift, far) = (piece.drift(), piece.above.max(piece.below));
        let singles = self.singles(&piece.lines);
        let is_conserved = || self.are_conserved(&self.old.near(&pair.old));
        // One line, or the name of a construct, and so far away drift.
        let is_held_by_one = |away: usize| {
            let at_the_end = || piece.above >= away || is_conserved();
            piece.is_last && Clause::OneAtTheEnd.holds(at_the_end)
                || far >= FAR
                    && Clause::OneWithin.holds(|| match drift {
                        WIDE.. => is_conserved(),
                        _ => self.is_untouched(&pair.old),
                    })
        };
        let is_held = |is_unique: bool| match singles {
            0 if is_unique && is_held_by_one(CLOSE) => true,
            0 => piece.is_last && Clause::None.holds(|| piece.above >= FAR || is_conserved()),
            1 => is_held_by_one(FAR + 1),
            2 => Clause::TwoWithin
                .holds(|| piece.is_last || drift >= WIDE || !self.has_a_trace(&pair.old)),
            _ => true,
        };
        // The less is known of the piece, the further away look-alikes must be.
        let is_enough = piece.is_last || singles >= SINGLES;
        let close = if is_enough { CLOSE - 1 } else { CLOSE };
        let scope = self.scope(pair);
        let is_whole = || scope.is_unique && self.is_whole(&scope, pair);
        let is_held_by_it = || {
            is_whole()
                && Clause::WholeFar.holds(|| far > FAR)
                && Clause::WholeCopies.holds(|| self.copies_stand(&scope.body()))
                && Clause::WholeConserved.holds(is_conserved)
        };
        Clause::CloseConserved.holds(|| drift >= CLOSE || self.words_are_conserved(&pair.old))
            && Clause::CloseLookAlike
                .holds(|| drift >= close || !self.has_a_look_alike_beside(&pair.old))
            && Clause::NamesTwins.holds(|| singles >= SINGLES || self.twins_stay(&pair.old))
            && (is_held(scope.is_unique) || is_held_by_it())
    }

    /// Returns whether lines cannot be others although a construct around them
    /// has another name or another end: names came or went, so it was renamed and
    /// not exchanged for another.
    fn is_held_without_names(&self, piece: &Piece, pair: &Pairing) -> bool {
        let (drift, far) = (piece.drift(), piece.above.max(piece.below));
        let window = self.window(&pair.old, &self.file(), CONTEXT_WITHIN);
        // So many single lines are a name of their own.
        let is_named = || {
            let singles = window.clone().filter(|line| self.is_single(*line));
            (drift >= FAR || piece.is_last)
                && singles.take(SINGLES + 1).count() > SINGLES
                && self.are_conserved(&self.old.near(&pair.old))
        };
        Clause::RenamedDoubles.holds(|| !self.holds_a_double(&pair.old))
            && Clause::RenamedFar.holds(|| drift >= FAR || far >= WIDE)
            && Clause::RenamedUnique.holds(|| self.is_unique(&self.old.near(&pair.old)))
            && Clause::RenamedConserved.holds(|| match drift {
                FAR.. => true,
                0..=CLOSE => self.are_conserved(&window),
                _ => self.are_conserved(&self.old.near(&pair.old)),
            })
            && Clause::RenamedTwins.holds(|| !self.twins_stay(&pair.old) || is_named())
            && Clause::RenamedBracketed.holds(|| self.is_bracketed(&pair.old))
            && Clause::RenamedStrangers.holds(|| !self.strange_runs_of(2, &window, pair))
    }

    /// Returns whether lines between two single ones are known by four of them
    /// close by.
    fn is_known(&self, pair: &Pairing) -> bool {
        let near = self.window(&pair.old, &self.file(), CONTEXT_WITHIN);
        let single = near.filter(|line| self.is_single(*line)).take(SINGLES + 1).count();
        Clause::KnownBracketed.holds(|| self.is_bracketed(&pair.old))
            && Clause::KnownSingles.holds(|| single > SINGLES)
            && Clause::KnownStands.holds(|| self.stands_where_it_stood(pair))
    }

    /// Returns whether lines between two single ones stand in the only construct of
    /// its name, which is what it was.
    fn has_a_name_of_its_own(&self, pair: &Pairing) -> bool {
        let scope = self.scope(pair);
        scope.is_unique
            && Clause::NamedWhole.holds(|| self.is_whole(&scope, pair))
            && Clause::NamedBracketed.holds(|| self.is_bracketed(&pair.old))
            && Clause::NamedStands.holds(|| self.stands_where_it_stood(pair))
    }

    /// Returns whether two lines in a row are equal, of the lines and their
    /// neighbours: nobody can say which of the two is meant, if one of them went.
    fn holds_a_double(&self, lines: &Range<usize>) -> bool {
        let near = &self.old.ids[self.old.near(lines)];
        near.windows(2).any(|two| two[0] == two[1])
    }

    /// Returns whether lines of which there are others have one that came or went
    /// in the nearest drift: it, or one like a neighbour.
    fn has_a_look_alike_beside(&self, lines: &Range<usize>) -> bool {
        let near = &self.old.looks[self.old.near(lines)];
        let is_strange =
            || self.strange_runs(lines).any(|run| run.iter().any(|look| near.contains(look)));
        // Of an insertion it is the neighbours that there may be others of.
        let are_unique = match lines.is_empty() {
            true => self.is_unique(&self.old.near(lines)),
            false => self.is_unique(lines),
        };
        !are_unique && is_strange()
    }

    /// Returns whether one place alone looks like these lines, on either side.
    pub(super) fn is_unique(&self, lines: &Range<usize>) -> bool {
        let looks = &self.old.looks[lines.clone()];
        let once = |side: &Side| count(side, looks, &(0..side.len())) == Some(1);
        once(&self.old) && once(&self.new)
    }

    /// Returns whether anything that looks like one of the lines or a neighbour came
    /// or went, wherever that was.
    fn has_a_trace(&self, lines: &Range<usize>) -> bool {
        let moved = self.moved.get_or_init(|| self.looks_of_drift());
        let near = &self.old.looks[self.old.near(lines)];
        near.iter().any(|&look| moved[look as usize])
    }

    /// Returns by look whether such a line came or went anywhere.
    fn looks_of_drift(&self) -> Vec<bool> {
        let mut moved = vec![false; self.old.number_count()];
        for gap in self.matching.gaps() {
            let (old, new) = (&self.old.looks[gap.old.clone()], &self.new.looks[gap.new.clone()]);
            old.iter().chain(new).for_each(|&look| moved[look as usize] = true);
        }
        moved
    }

    /// Returns whether nothing that looks like one of the lines or a neighbour came
    /// or went anywhere, and all lines close by are there as often as they were.
    fn is_untouched(&self, lines: &Range<usize>) -> bool {
        !self.has_a_trace(lines)
            && self.are_conserved(&self.window(lines, &self.file(), CONTEXT_WITHIN))
    }

    /// Returns the piece around the lines.
    fn piece(&self, lines: &Range<usize>) -> Piece {
        let (above, below) = self.matching.gaps_around(lines);
        let first = above.map_or(0, |gap| gap.old.end);
        let end = below.map_or(self.old.len(), |gap| gap.old.start);
        let longest = |gap: &&Gap| gap.old.len().max(gap.new.len());
        Piece {
            lines: first.max(lines.start.saturating_sub(PIECE))..end.min(lines.end + PIECE),
            above: above.map_or(usize::MAX, |_| lines.start - first),
            below: below.map_or(usize::MAX, |_| end - lines.end),
            beside: above.iter().chain(&below).map(longest).max().unwrap_or(0),
            something_went: above.iter().chain(&below).any(|gap| !gap.old.is_empty()),
            is_first: above.is_none(),
            is_last: below.is_none(),
        }
    }

    /// Returns how many of the lines are single, counted up to [`SINGLES`].
    fn singles(&self, lines: &Range<usize>) -> usize {
        lines.clone().filter(|line| self.is_single(*line)).take(SINGLES).count()
    }

    /// Returns whether there is no line that looks like this one, before and now.
    fn is_single(&self, line: usize) -> bool {
        let look = self.old.looks[line];
        self.old.places_of(look).len() == 1 && self.new.places_of(look).len() == 1
    }

    /// Returns whether each of the lines is there as often as it was: if one of
    /// them went and a look-alike stands there, it is one more or one less, unless
    /// as many came as went.
    pub(super) fn are_conserved(&self, lines: &Range<usize>) -> bool {
        let count = |side: &Side, look: u32| side.places_of(look).len();
        let mut looks = self.old.looks[lines.clone()].iter();
        looks.all(|look| count(&self.old, *look) == count(&self.new, *look))
    }

    /// Returns whether each of the lines and either neighbour that says something
    /// is there as often as it was.
    fn words_are_conserved(&self, lines: &Range<usize>) -> bool {
        let speaks = |line: &usize| self.says_something(&(*line..*line + 1));
        let mut near = self.old.near(lines).filter(speaks);
        near.all(|line| self.are_conserved(&(line..line + 1)))
    }

    /// Returns whether what came or went next to the lines looks like them: it
    /// may be that they went, and others came to stand there.
    pub(super) fn strangers_look_alike(&self, pair: &Pairing) -> bool {
        self.strange_runs_of(2, &self.old.near(&pair.old), pair)
    }

    /// Returns whether what came next to the lines looks like two of them: it may
    /// be they, and others came to stand here.
    fn something_like_it_came(&self, pair: &Pairing) -> bool {
        let (above, below) = self.matching.gaps_around(&pair.old);
        let came = above.into_iter().chain(below).map(|gap| &self.new.looks[gap.new.clone()]);
        self.hold_a_run_of(2, &self.old.near(&pair.old), came)
    }

    /// Returns whether `count` of these lines, one below the other, came or went
    /// together next to the pair.
    fn strange_runs_of(&self, count: usize, lines: &Range<usize>, pair: &Pairing) -> bool {
        self.hold_a_run_of(count, lines, self.strange_runs(&pair.old))
    }

    /// Returns whether one of the drifts holds `count` of the lines in a row. Lines
    /// that say nothing come and go everywhere.
    fn hold_a_run_of<'a>(
        &self,
        count: usize,
        lines: &Range<usize>,
        mut drifts: impl Iterator<Item = &'a [u32]>,
    ) -> bool {
        let starts = lines.start..(lines.end + 1).saturating_sub(count).max(lines.start);
        let runs = starts.map(|start| start..start + count);
        let runs = runs.filter(|run| self.says_something(run)).take(MOST_STEPS);
        let runs: Vec<&[u32]> = runs.map(|run| &self.old.looks[run]).collect();
        drifts.any(|drift| drift.windows(count).take(MOST_STEPS).any(|run| runs.contains(&run)))
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
        let mut uses = self.witnesses().flat_map(|one| one.uses(&near).take(MOST_STEPS));
        uses.all(|uses| uses.old == uses.new)
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
        Clause::DoneLess.holds(|| self.is_less(taken, written)) && self.is_the_place_of(pair)
    }

    /// Returns whether there is less of what was taken than there was, none of it
    /// came elsewhere, and what was written does not stand right beside it once
    /// more: what only moved, or stood there before, was not done.
    fn is_less(&self, taken: &Range<usize>, written: &Range<usize>) -> bool {
        let (gone, come) = (&self.old.looks[taken.clone()], &self.new.looks[written.clone()]);
        // A few lines may have been written anywhere; three in a row have moved.
        let around = &self.old.looks[self.old.near(taken)];
        let (few, three) = (gone.windows(gone.len().clamp(1, RUN)), around.windows(RUN));
        let runs: Vec<&[u32]> = few.chain(three).take(MOST_STEPS).collect();
        let holds =
            |looks: &[u32]| runs.iter().any(|run| looks.windows(run.len()).any(|one| one == *run));
        let mut others =
            self.matching.gaps().iter().filter(|gap| !gap.new.contains(&written.start));
        let moved = |gap: &Gap| holds(&self.new.looks[gap.new.clone()]);
        let near = self.new.near(written);
        let mut beside = (near.start..written.start).chain(written.end..near.end);
        (gone.is_empty() || self.are_fewer(taken) && !others.any(moved))
            && beside.all(|line| !come.contains(&self.new.looks[line]))
    }

    /// Returns whether fewer places look like these lines now than before.
    fn are_fewer(&self, lines: &Range<usize>) -> bool {
        let looks = &self.old.looks[lines.clone()];
        let was = count(&self.old, looks, &(0..self.old.len()));
        was.is_some() && count(&self.new, looks, &(0..self.new.len())) < was
    }

    /// Returns whether the new lines stand where the old lines stood, and nowhere
    /// else is such a place: what is left above is known, and so is what is left
    /// below.
    fn is_the_place_of(&self, pair: &Pairing) -> bool {
        let scope = self.scope(pair);
        let window = self.window(&pair.old, &scope, CONTEXT);
        let near = self.old.near(&pair.old);
        // Lines that only moved are not done, nor is what became of them.
        let is_gone = pair.old.is_empty()
            || self.are_fewer(&(near.start..pair.old.end))
                && self.are_fewer(&(pair.old.start..near.end));
        // At an end of the file an insertion parts no lines.
        let at_an_end = pair.old.is_empty() && near.len() < 2;
        Clause::DoneStays.holds(|| self.neighbours_stay(pair))
            && Clause::DoneGone.holds(|| is_gone)
            && Clause::DoneNextDoor.holds(|| !self.went_next_door(pair))
            && Clause::DoneFewer.holds(|| at_an_end || self.are_fewer(&window))
            && Clause::DoneThin.holds(|| self.neither_side_is_thin(&pair.old))
            && Clause::DoneKnown.holds(|| self.both_sides_are_known(&pair.old, &scope))
    }

    /// Returns whether what is left on either side of lines that are gone is more
    /// than the one line next to them, or holds a line of which there is no other.
    fn neither_side_is_thin(&self, lines: &Range<usize>) -> bool {
        let piece = self.piece(lines);
        let is_known = |kept, side: Range<usize>| kept > 1 || self.singles(&side) > 0;
        is_known(piece.above, piece.lines.start..lines.start)
            && is_known(piece.below, lines.end..piece.lines.end)
    }

    /// Returns whether what is left on either side of lines that are gone is known:
    /// there is no other such piece. By the other one a piece is known too that
    /// says nothing, or all look-alikes of which stand where they stood.
    fn both_sides_are_known(&self, lines: &Range<usize>, scope: &Scope) -> bool {
        let file = self.file();
        let window = self.window(lines, &file, CONTEXT_WITHIN);
        let (above, below) = (window.start..lines.start, lines.end..window.end);
        let is_known = |lines: &Range<usize>| {
            let looks = &self.old.looks[lines.clone()];
            let once = |scope: &Scope| {
                count(&self.old, looks, &scope.old) == Some(1)
                    && count(&self.new, looks, &scope.new) == Some(1)
            };
            lines.is_empty() || once(&file) || scope.is_unique && once(scope)
        };
        let stands = |lines: &Range<usize>| !self.says_something(lines) || self.copies_stand(lines);
        match (is_known(&above), is_known(&below)) {
            (true, true) => true,
            (true, false) => stands(&below),
            (false, true) => stands(&above),
            (false, false) => false,
        }
    }

    /// Returns whether the lines stand between two lines of which there is no
    /// other, with nothing but unchanged lines between. Those two may be the
    /// first or the last of the lines themselves, but not one and the same.
    fn is_bracketed(&self, lines: &Range<usize>) -> bool {
        let is_single = |line: &usize| self.is_single(*line);
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
        let Pairing { old, new } = pair;
        let line = |old: usize, new: usize| self.same_place(&(old..old + 1), &(new..new + 1));
        let both = old.is_empty() || line(old.start, new.start) && line(old.end - 1, new.end - 1);
        both && self.neighbours_stay(pair)
    }

    /// Returns whether the constructs around both neighbours together, and around
    /// each of them, are those that were.
    fn neighbours_stay(&self, pair: &Pairing) -> bool {
        let (old, new) = (self.old.near(&pair.old), self.new.near(&pair.new));
        let line = |old: usize, new: usize| self.same_place(&(old..old + 1), &(new..new + 1));
        let each = old.is_empty()
            || !new.is_empty() && line(old.start, new.start) && line(old.end - 1, new.end - 1);
        each && self.same_place(&old, &new)
    }

    /// Returns whether lines of both sides stand in the same constructs.
    pub(super) fn same_place(&self, old: &Range<usize>, new: &Range<usize>) -> bool {
        self.witnesses().all(|one| one.keep_their_place(old, new, &self.matching))
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
        self.witnesses().find_map(|one| one.scope(&old, &new)).unwrap_or_else(|| self.file())
    }

    /// Returns the file as a scope: of it there is no other.
    fn file(&self) -> Scope {
        Scope {
            old: 0..self.old.len(),
            new: 0..self.new.len(),
            has_header: false,
            is_unique: false,
        }
    }

    /// Returns whether what another writer took or added next to the lines could
    /// as well be lines among them: it can be slid there over equal lines, or a
    /// part at its end looks like the lines and all that lies between.
    pub(super) fn drift_slides_to(&self, lines: &Range<usize>) -> bool {
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

    /// Returns whether every place that looked like these lines is unchanged.
    fn copies_stand(&self, lines: &Range<usize>) -> bool {
        self.copies(lines).is_some_and(|copies| copies.iter().all(|copy| self.matching.keeps(copy)))
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
