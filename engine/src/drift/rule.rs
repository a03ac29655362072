//! The rule: where a hunk that was written for one content belongs in another,
//! if that can be proved.

use std::cell::OnceCell;
use std::ops::Range;

use super::certainty::Pairing;
use super::clause::Clause;
use super::constructs::Constructs;
use super::identity::Identities;
use super::lines::{Side, number};
use super::matching::Matching;
use super::outline::Outliner;
use crate::snapshot::Snapshot;

/// How far a hunk is slid over equal lines before its place is nobody's.
const MOST_SLIDES: usize = 1_000;

/// Lines that go and lines that come, in the lines of one content.
#[derive(Debug, Clone)]
pub struct Hunk<'a> {
    /// The lines that go (0-based); empty for an insertion before that line.
    pub lines: Range<usize>,
    /// The lines that come, without terminators.
    pub text: &'a [&'a [u8]],
}

impl Hunk<'_> {
    /// Returns whether the lines `there` of `now` are what this hunk would put
    /// there.
    pub(super) fn is_written_at(&self, there: &Range<usize>, now: &Snapshot) -> bool {
        there.clone().map(|line| now.line(line)).eq(self.text.iter().copied())
    }
}

/// What the rule says of a hunk. Lines are 0-based and half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The very lines stand here, between the neighbours they had.
    Lands(Range<usize>),
    /// Another writer made the same change; the new lines stand here.
    Done(Range<usize>),
    /// It cannot be proved where the hunk belongs.
    Refused(Doubt),
}

/// Why a hunk cannot be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Its lines were changed, or a line next to them, or something was written
    /// between them.
    Touched,
    /// Its lines stand somewhere, but others look like them, and nothing tells
    /// for sure which are which.
    Ambiguous,
    /// One of our own later edits changed its lines.
    Overwritten,
    /// The contents could not be compared within bounds.
    Unbounded,
}

/// Two contents of one file, compared once for all hunks.
pub struct Comparison<'a> {
    pub(super) seen: &'a Snapshot,
    pub(super) now: &'a Snapshot,
    path: &'a str,
    constructs: Option<&'a dyn Constructs>,
    /// The line of each number of a line.
    texts: Vec<&'a [u8]>,
    pub(super) old: Side,
    pub(super) new: Side,
    pub(super) matching: Matching,
    /// By look, whether such a line came or went anywhere.
    pub(super) moved: OnceCell<Vec<bool>>,
    by_grammar: OnceCell<Option<Identities>>,
    by_layout: OnceCell<Identities>,
}

impl<'a> Comparison<'a> {
    /// Returns the comparison of two contents of the file `path`. Without
    /// `constructs`, or where they tell nothing, indentation and headers give
    /// lines their identity.
    ///
    /// Runs in O(bytes) where the contents are alike, and in bounded time
    /// always.
    pub fn of(
        seen: &'a Snapshot,
        now: &'a Snapshot,
        path: &'a str,
        constructs: Option<&'a dyn Constructs>,
    ) -> Comparison<'a> {
        let (old, new, texts) = number(seen, now);
        let matching = Matching::of(&old, &new);
        Comparison {
            seen,
            now,
            path,
            constructs,
            texts,
            old,
            new,
            matching,
            moved: OnceCell::new(),
            by_grammar: OnceCell::new(),
            by_layout: OnceCell::new(),
        }
    }

    /// Returns where `hunk` belongs now. The same contents and the same hunk
    /// always give the same answer.
    pub fn place(&self, hunk: &Hunk<'_>) -> Verdict {
        if Clause::Complete.asks() && !self.matching.is_complete {
            return Verdict::Refused(Doubt::Unbounded);
        }
        let Some(span) = slid(hunk, self.seen) else {
            return Verdict::Refused(Doubt::Ambiguous);
        };
        let Some(gap) = self.between_neighbours(&span) else {
            return Verdict::Refused(Doubt::Touched);
        };
        let pair = Pairing { old: span, new: gap };
        let is_kept = self.is_kept(&pair);
        let above = hunk.lines.start - pair.old.start;
        let below = pair.old.end - hunk.lines.end;
        let there = pair.new.start + above..(pair.new.end.max(below) - below);
        match (is_kept, !is_kept && self.is_done(hunk, &pair)) {
            (true, _) if self.is_certain(&pair) => Verdict::Lands(there),
            (_, true) if self.is_certainly_done(hunk, &pair, &there) => Verdict::Done(there),
            (false, false) => Verdict::Refused(Doubt::Touched),
            _ => Verdict::Refused(Doubt::Ambiguous),
        }
    }

    /// Returns where untouched lines stand now, or the place between two.
    pub fn follow(&self, lines: &Range<usize>) -> Option<Range<usize>> {
        let gap = self.between_neighbours(lines).filter(|_| self.matching.is_complete)?;
        let pair = Pairing { old: lines.clone(), new: gap };
        (self.is_kept(&pair) && self.is_certain(&pair)).then_some(pair.new)
    }

    /// Returns the drift in lines: sorted, disjoint ranges of the lines of before,
    /// each with the number of lines that came in their place.
    pub fn line_hunks(&self) -> Vec<(Range<usize>, usize)> {
        let gaps = self.matching.gaps().iter();
        gaps.map(|gap| (gap.old.clone(), gap.new.len())).collect()
    }

    /// Returns the lines of the new side between the neighbours of the lines of
    /// the old side, if both neighbours are there. The start and the end of the
    /// file are neighbours of what stands there.
    fn between_neighbours(&self, lines: &Range<usize>) -> Option<Range<usize>> {
        let start = match lines.start.checked_sub(1) {
            None => 0,
            Some(above) => self.matching.new_of(above)? + 1,
        };
        let end = match lines.end == self.old.len() {
            true => self.new.len(),
            false => self.matching.new_of(lines.end)?,
        };
        Some(start..end)
    }

    /// Returns whether all of the old lines stand between their neighbours, and
    /// nothing else does.
    fn is_kept(&self, pair: &Pairing) -> bool {
        let paired = |(old, new)| self.matching.new_of(old) == Some(new);
        pair.old.len() == pair.new.len()
            && Clause::Kept.holds(|| pair.old.clone().zip(pair.new.clone()).all(paired))
    }

    /// Returns whether what the hunk would make of the lines stands between
    /// their neighbours.
    fn is_done(&self, hunk: &Hunk<'_>, pair: &Pairing) -> bool {
        let seen = |lines: Range<usize>| lines.map(|line| self.seen.line(line));
        let above = seen(pair.old.start..hunk.lines.start);
        let below = seen(hunk.lines.end..pair.old.end);
        let wanted = above.chain(hunk.text.iter().copied()).chain(below);
        pair.new.clone().map(|line| self.now.line(line)).eq(wanted)
    }

    /// Returns whether it was this hunk's work that was done at its place.
    fn is_certainly_done(&self, hunk: &Hunk<'_>, pair: &Pairing, there: &Range<usize>) -> bool {
        let Some((taken, text)) = changed(hunk, self.seen) else { return false };
        let start = there.start + (taken.start - hunk.lines.start);
        let written = start..start + text.len();
        Clause::DoneSays.holds(|| says_something(hunk, self.seen))
            && self.is_certainly_replaced(pair, &taken, &written)
    }

    /// Returns where the lines stand if no drift touches the hunk, however either
    /// is slid over equal lines: then a three-way merge has no conflict here.
    pub(super) fn untouched(&self, hunk: &Hunk<'_>) -> Option<Range<usize>> {
        let span = slid(hunk, self.seen)
            .filter(|span| Clause::OfferSlides.holds(|| !self.drift_slides_to(span)))?;
        let pair = Pairing { new: self.between_neighbours(&span)?, old: span };
        let start = pair.new.start + (hunk.lines.start - pair.old.start);
        Clause::OfferKept.holds(|| self.is_kept(&pair)).then(|| start..start + hunk.lines.len())
    }

    /// Returns who tells what stands where: the grammar, if there is one, and
    /// indentation. What a grammar cannot parse it has no names for, or wrong ones,
    /// and where there is no name nothing could differ.
    pub(super) fn witnesses(&self) -> impl Iterator<Item = &Identities> {
        self.by_grammar().into_iter().chain(std::iter::once_with(|| self.by_layout()))
    }

    fn by_grammar(&self) -> Option<&Identities> {
        let by = |one: &dyn Constructs| {
            let old = one.constructs(self.path, self.seen)?;
            Some(Identities::of_names(old, one.constructs(self.path, self.now)?))
        };
        self.by_grammar.get_or_init(|| self.constructs.and_then(by)).as_ref()
    }

    fn by_layout(&self) -> &Identities {
        self.by_layout.get_or_init(|| {
            let outliner = Outliner::new(self.path, &self.texts);
            Identities::of(outliner.outline(&self.old), outliner.outline(&self.new))
        })
    }
}

/// Returns whether anything but blanks and brackets comes or goes; that such a
/// line is there or not says nothing about who did it.
fn says_something(hunk: &Hunk<'_>, seen: &Snapshot) -> bool {
    let Some(core) = changed(hunk, seen) else { return false };
    let gone = core.0.map(|line| seen.line(line));
    gone.chain(core.1.iter().copied()).any(|line| line.iter().any(u8::is_ascii_alphanumeric))
}

/// Returns the lines that really go and those that really come: what both have
/// in common at either end is left out. `None` where nothing is left.
pub(super) fn changed<'a>(
    hunk: &'a Hunk<'_>,
    seen: &Snapshot,
) -> Option<(Range<usize>, &'a [&'a [u8]])> {
    let Hunk { lines, text } = hunk;
    let both = lines.len().min(text.len());
    let head = (0..both).take_while(|&at| seen.line(lines.start + at) == text[at]).count();
    let from_end = |at: usize| seen.line(lines.end - 1 - at) == text[text.len() - 1 - at];
    let tail = (0..both - head).take_while(|&at| from_end(at)).count();
    let (core, text) = (lines.start + head..lines.end - tail, &text[head..text.len() - tail]);
    (!core.is_empty() || !text.is_empty()).then_some((core, text))
}

/// Returns the lines that the hunk touches, however it is slid over equal
/// lines; `None` where it slides on and on.
fn slid(hunk: &Hunk<'_>, seen: &Snapshot) -> Option<Range<usize>> {
    let lines = &hunk.lines;
    if !Clause::Span.asks() {
        return Some(lines.clone());
    }
    let gone = |line: usize| seen.line(line);
    // What slides is what goes or what comes; where both do, nothing slides.
    let (core, run): (_, Vec<&[u8]>) = match changed(hunk, seen) {
        Some((core, text)) if core.is_empty() => (core, text.to_vec()),
        Some((core, [])) => (core.clone(), core.map(gone).collect()),
        _ => return Some(lines.clone()),
    };
    let above = (0..core.start).rev().zip((0..run.len()).rev().cycle());
    let up = above.take(MOST_SLIDES).take_while(|&(line, at)| gone(line) == run[at]).count();
    let below = (core.end..seen.line_count()).zip((0..run.len()).cycle());
    let down = below.take(MOST_SLIDES).take_while(|&(line, at)| gone(line) == run[at]).count();
    let span = (core.start - up).min(lines.start)..(core.end + down).max(lines.end);
    (up < MOST_SLIDES && down < MOST_SLIDES).then_some(span)
}
