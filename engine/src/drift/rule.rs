//! The rule: where a hunk that was written for one content belongs in another,
//! if that can be proved.

use std::cell::OnceCell;
use std::ops::Range;

use super::constructs::Constructs;
use super::identity::Identities;
use super::lines::{Side, number};
use super::matching::{Gap, Matching};
use super::outline::outline;
use crate::snapshot::Snapshot;

/// Lines that go and lines that come, in the lines of one content.
#[derive(Debug, Clone, Copy)]
pub struct Hunk<'a> {
    /// The first of the lines that go (0-based).
    pub start: usize,
    /// The line behind the last of them; `start` for an insertion before it.
    pub end: usize,
    /// The lines that come, without terminators.
    pub text: &'a [&'a [u8]],
}

/// What the rule says of a hunk. Lines are 0-based and half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The very lines stand here, and so do their neighbours.
    Lands(Range<usize>),
    /// Another writer made the same change; the new lines stand here.
    Done(Range<usize>),
    /// It cannot be proved where the hunk belongs.
    Refused(Doubt),
}

/// Why a hunk cannot be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Its lines, or a line next to them, were changed.
    Touched,
    /// Several places could be meant, and nothing tells them apart.
    Ambiguous,
    /// The two contents could not be compared within bounds.
    Unbounded,
}

/// Two contents of one file, compared once for all hunks.
pub struct Comparison<'a> {
    seen: &'a Snapshot,
    now: &'a Snapshot,
    path: &'a str,
    constructs: Option<&'a dyn Constructs>,
    old: Side,
    new: Side,
    matching: Matching,
    identities: OnceCell<Identities>,
}

/// How far a hunk is slid over equal lines before it counts as ambiguous.
const CONTEXT: usize = 3;
const MOST_SLIDES: usize = 1_000;

impl<'a> Comparison<'a> {
    /// Returns the comparison of two contents of the file `path`.
    pub fn of(
        seen: &'a Snapshot,
        now: &'a Snapshot,
        path: &'a str,
        constructs: Option<&'a dyn Constructs>,
    ) -> Comparison<'a> {
        let (old, new) = number(seen, now);
        let matching = Matching::of(&old, &new);
        Comparison { seen, now, path, constructs, old, new, matching, identities: OnceCell::new() }
    }

    fn identities(&self) -> &Identities {
        self.identities.get_or_init(|| {
            let by = |one: &dyn Constructs| {
                let old = one.constructs(self.path, self.seen)?;
                Some(Identities::of(old, one.constructs(self.path, self.now)?))
            };
            let plain = || {
                Identities::of(outline(self.path, self.seen), outline(self.path, self.now))
            };
            self.constructs.and_then(by).unwrap_or_else(plain)
        })
    }

    /// Returns where `hunk` belongs now.
    pub fn place(&self, hunk: &Hunk<'_>) -> Verdict {
        if !self.matching.is_complete {
            return Verdict::Refused(Doubt::Unbounded);
        }
        let Some(span) = slid(hunk, self.seen) else {
            return Verdict::Refused(Doubt::Ambiguous);
        };
        if let Some(there) = self.intact(&span) {
            if self.is_certain(&span, &there) {
                let start = there.start + (hunk.start - span.start);
                return Verdict::Lands(start..start + (hunk.end - hunk.start));
            }
            return Verdict::Refused(Doubt::Ambiguous);
        }
        match self.done(hunk, &span) {
            Some(there) => Verdict::Done(there),
            None => Verdict::Refused(Doubt::Touched),
        }
    }

    /// Returns where the lines `span` stand, if they and both their neighbours
    /// are what they were, side by side.
    fn intact(&self, span: &Range<usize>) -> Option<Range<usize>> {
        let there = self.from_above(span.start)?;
        let end = there + span.len();
        let kept = |at: usize| self.matching.new_of(span.start + at) == Some(there + at);
        let below = self.from_below(span.end)?;
        ((0..span.len()).all(kept) && below == end).then_some(there..end)
    }

    /// Returns the new line behind the line above `line`.
    fn from_above(&self, line: usize) -> Option<usize> {
        match line.checked_sub(1) {
            None => Some(0),
            Some(above) => Some(self.matching.new_of(above)? + 1),
        }
    }

    /// Returns the new line that `line` is; the end for the end.
    fn from_below(&self, line: usize) -> Option<usize> {
        match line == self.old.len() {
            true => Some(self.new.len()),
            false => self.matching.new_of(line),
        }
    }

    fn is_certain(&self, span: &Range<usize>, there: &Range<usize>) -> bool {
        if self.drift_slides_to(span) {
            return self.is_same_construct(span, there, false);
        }
        let (old, new) = (0..self.old.len(), 0..self.new.len());
        if self.is_unique(span, &old, &new) {
            return true;
        }
        let wide = self.window(span);
        if self.is_unique(&wide, &old, &new) && self.identities().same_path(span, there) {
            return true;
        }
        self.is_same_construct(span, there, true)
    }

    /// Returns whether what another writer took or added next to the lines could
    /// as well be lines among them: it can be slid there over equal lines.
    fn drift_slides_to(&self, span: &Range<usize>) -> bool {
        let (above, below) = self.matching.gaps_around(span);
        let run = |gap: &Gap| match (gap.old.is_empty(), gap.new.is_empty()) {
            (true, false) => Some((&self.new.ids, gap.new.clone())),
            (false, true) => Some((&self.old.ids, gap.old.clone())),
            _ => None,
        };
        let reaches_down = above.is_some_and(|gap| {
            let need = span.start - gap.old.end;
            run(gap).is_some_and(|(ids, lines)| {
                (0..need).all(|at| ids[lines.start + at] == ids[lines.end + at])
            })
        });
        let reaches_up = below.is_some_and(|gap| {
            let need = gap.old.start - span.end;
            run(gap).is_some_and(|(ids, lines)| {
                (1..=need).all(|at| ids[lines.start - at] == ids[lines.end - at])
            })
        });
        reaches_down || reaches_up
    }

    /// Returns the lines with as many of the unchanged lines around them, in the
    /// construct they stand in, as make a place recognizable.
    fn window(&self, span: &Range<usize>) -> Range<usize> {
        let within = self.identities().innermost(span).unwrap_or(0..self.old.len());
        let mut wide = span.clone();
        let joined = |line: usize| {
            self.matching.new_of(line + 1).zip(self.matching.new_of(line)).is_some_and(|(a, b)| a == b + 1)
        };
        for _ in 0..CONTEXT {
            if wide.start > within.start && (wide.start == self.old.len() || wide.start == span.start || joined(wide.start - 1)) {
                wide.start -= 1;
            }
            if wide.end < within.end && (wide.end == 0 || wide.end == span.end || joined(wide.end - 1)) {
                wide.end += 1;
            }
        }
        wide
    }

    fn is_same_construct(&self, span: &Range<usize>, there: &Range<usize>, inner: bool) -> bool {
        let Some((old, new)) = self.identities().shared(span) else { return false };
        if !(new.start <= there.start && there.end <= new.end) {
            return false;
        }
        if self.old.ids[old.clone()] == self.new.ids[new.clone()] {
            return span.start - old.start == there.start - new.start;
        }
        let block = match span.is_empty() {
            true => span.start - 1..span.start + 1,
            false => span.clone(),
        };
        inner && self.is_unique(&block, &old, &new)
    }

    /// Returns whether the lines `block` stand once in each of the scopes.
    fn is_unique(&self, block: &Range<usize>, old: &Range<usize>, new: &Range<usize>) -> bool {
        let ids = &self.old.ids[block.clone()];
        self.old.places_of_block(ids, old, 2).len() == 1
            && self.new.places_of_block(ids, new, 2).len() == 1
    }

    /// Returns where the hunk's work stands, if another writer did it.
    fn done(&self, hunk: &Hunk<'_>, span: &Range<usize>) -> Option<Range<usize>> {
        let there = self.from_above(span.start)?..self.from_below(span.end)?;
        let head = span.start..hunk.start;
        let tail = hunk.end..span.end;
        let old_lines = |lines: Range<usize>| lines.map(|line| self.seen.line(line));
        let wanted =
            old_lines(head.clone()).chain(hunk.text.iter().copied()).chain(old_lines(tail.clone()));
        let len = head.len() + hunk.text.len() + tail.len();
        if there.start > there.end || there.len() != len {
            return None;
        }
        let same = there.clone().map(|line| self.now.line(line)).eq(wanted);
        same.then(|| there.start + head.len()..there.end - tail.len())
    }
}

/// Returns the lines that the hunk touches, however it is slid over equal
/// lines; `None` where it slides without end.
fn slid(hunk: &Hunk<'_>, seen: &Snapshot) -> Option<Range<usize>> {
    let stated = hunk.start..hunk.end;
    let gone = |line: usize| seen.line(line);
    let both = stated.len().min(hunk.text.len());
    let head = (0..both).take_while(|&at| gone(stated.start + at) == hunk.text[at]).count();
    let from_end = |at: usize| {
        gone(stated.end - 1 - at) == hunk.text[hunk.text.len() - 1 - at]
    };
    let tail = (0..both - head).take_while(|&at| from_end(at)).count();
    let core = stated.start + head..stated.end - tail;
    let text = &hunk.text[head..hunk.text.len() - tail];
    // What slides is what goes or what comes; where both do, nothing slides.
    let rest: Vec<&[u8]> = match (core.is_empty(), text.is_empty()) {
        (true, _) => text.to_vec(),
        (false, true) => core.clone().map(gone).collect(),
        (false, false) => return Some(stated),
    };
    if rest.is_empty() {
        return Some(stated);
    }
    let period = rest.len();
    let above = (0..core.start).rev().zip((0..period).rev().cycle());
    let up = above.take(MOST_SLIDES).take_while(|&(line, at)| gone(line) == rest[at]).count();
    let below = (core.end..seen.line_count()).zip((0..period).cycle());
    let down = below.take(MOST_SLIDES).take_while(|&(line, at)| gone(line) == rest[at]).count();
    let bounded = up < MOST_SLIDES && down < MOST_SLIDES;
    let span = (core.start - up).min(stated.start)..(core.end + down).max(stated.end);
    bounded.then_some(span)
}
