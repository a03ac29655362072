//! Which lines of one content are the lines of another: the line diff.
//!
//! Lines that occur once on both sides are matched first, as far as they keep
//! their order; what lies between them is matched the same way again, and what
//! holds no such line goes to Myers' algorithm. The work is bounded by a
//! budget, not by a clock, so that the same contents always give the same
//! answer; where it runs out, lines are left unmatched and nothing of the
//! result may be relied on.

use std::convert::Infallible;
use std::ops::Range;

use similar::algorithms::{DiffHook, myers};

use super::lines::Side;

/// How often a stretch between matched lines is searched for lines that are
/// unique in it.
const ROUNDS: usize = 8;

/// Steps that Myers' algorithm may take in all, by a pessimistic estimate; about
/// half a second.
const BUDGET: u64 = 100_000_000;

/// No line.
const NONE: u32 = u32::MAX;

/// Lines that went and lines that came in their place. Not both are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// The lines of the old side, each with the line of the new side that it is.
#[derive(Debug)]
pub(super) struct Matching {
    /// By old line. Invariant: ascending where there is a line.
    new_of: Vec<u32>,
    /// By new line; the inverse.
    old_of: Vec<u32>,
    /// The stretches without partner, ascending: lines that went, and lines
    /// that came in their place.
    gaps: Vec<Gap>,
    /// Whether the budget was enough.
    pub(super) is_complete: bool,
}

impl Matching {
    /// Returns the matching of two sides.
    pub(super) fn of(old: &Side, new: &Side) -> Matching {
        let mut search = Search {
            old,
            new,
            matching: Matching {
                new_of: vec![NONE; old.len()],
                old_of: vec![NONE; new.len()],
                gaps: Vec::new(),
                is_complete: true,
            },
            uses: vec![Use::default(); old.number_count()],
            budget: BUDGET,
        };
        search.run();
        search.matching.find_gaps();
        search.matching
    }

    /// Returns the gaps, ascending.
    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Returns the nearest gap that ends above line `line` of the old side, with
    /// a kept line between, and the nearest that begins behind it.
    pub(super) fn gaps_around(&self, lines: &Range<usize>) -> (Option<&Gap>, Option<&Gap>) {
        let above = self.gaps.partition_point(|gap| gap.old.end < lines.start);
        let below = self.gaps.partition_point(|gap| gap.old.start <= lines.end);
        (above.checked_sub(1).map(|at| &self.gaps[at]), self.gaps.get(below))
    }

    /// Returns the gaps that touch the lines or a neighbour of theirs; where there
    /// is none, the nearest on either side.
    pub(super) fn gaps_near(&self, lines: &Range<usize>) -> &[Gap] {
        let above = self.gaps.partition_point(|gap| gap.old.end + 1 < lines.start);
        let below = self.gaps.partition_point(|gap| gap.old.start <= lines.end + 1);
        match above < below {
            true => &self.gaps[above..below],
            false => &self.gaps[above.saturating_sub(1)..(below + 1).min(self.gaps.len())],
        }
    }

    fn find_gaps(&mut self) {
        let (mut old, mut new) = (0, 0);
        while old < self.new_of.len() || new < self.old_of.len() {
            let gone = self.new_of[old..].iter().take_while(|&&line| line == NONE).count();
            let come = self.old_of[new..].iter().take_while(|&&line| line == NONE).count();
            if gone + come > 0 {
                self.gaps.push(Gap { old: old..old + gone, new: new..new + come });
            }
            (old, new) = (old + gone, new + come);
            let kept =
                self.new_of[old..].iter().zip(new..).take_while(|(line, at)| **line == *at as u32);
            let kept = kept.count();
            (old, new) = (old + kept, new + kept);
        }
    }

    /// Returns the line of the new side that this line of the old side is.
    pub(super) fn new_of(&self, line: usize) -> Option<usize> {
        line_of(&self.new_of, line)
    }

    /// Returns the line of the old side that this line of the new side is.
    pub(super) fn old_of(&self, line: usize) -> Option<usize> {
        line_of(&self.old_of, line)
    }

    /// Returns whether the lines of the old side stand on the new side, all of
    /// them and side by side.
    pub(super) fn keeps(&self, lines: &Range<usize>) -> bool {
        let Some(block) = self.new_of.get(lines.clone()) else { return false };
        let Some(&first) = block.first() else { return true };
        first != NONE && block.iter().zip(first..).all(|(line, at)| *line == at)
    }

    /// Returns whether a line of the old side and the line above it stand on the
    /// new side, one below the other.
    pub(super) fn is_joined(&self, line: usize) -> bool {
        line > 0 && self.keeps(&(line - 1..line + 1))
    }

    fn join(&mut self, old: usize, new: usize, len: usize) {
        for step in 0..len {
            self.new_of[old + step] = (new + step) as u32;
            self.old_of[new + step] = (old + step) as u32;
        }
    }
}

fn line_of(lines: &[u32], line: usize) -> Option<usize> {
    lines.get(line).filter(|&&other| other != NONE).map(|&other| other as usize)
}

/// A stretch of both sides in which nothing is matched yet.
struct Stretch {
    old: Range<usize>,
    new: Range<usize>,
    rounds: usize,
}

/// How often a line occurs in the stretch at hand, and where on the new side.
#[derive(Clone, Copy, Default)]
struct Use {
    old: u32,
    new: u32,
    place: u32,
}

struct Search<'a> {
    old: &'a Side,
    new: &'a Side,
    matching: Matching,
    uses: Vec<Use>,
    budget: u64,
}

impl Search<'_> {
    fn run(&mut self) {
        let whole = Stretch { old: 0..self.old.len(), new: 0..self.new.len(), rounds: ROUNDS };
        let mut open = vec![whole];
        while let Some(stretch) = open.pop() {
            let stretch = self.trimmed(stretch);
            if stretch.old.is_empty() || stretch.new.is_empty() {
                continue;
            }
            let anchors = if stretch.rounds > 0 { self.anchors(&stretch) } else { Vec::new() };
            match anchors.is_empty() {
                true => self.myers(&stretch),
                false => open.extend(self.between(&stretch, &anchors)),
            }
        }
    }

    /// Matches what both sides share at either end, and returns the rest.
    fn trimmed(&mut self, stretch: Stretch) -> Stretch {
        let Stretch { mut old, mut new, rounds } = stretch;
        let (a, b) = (&self.old.ids[old.clone()], &self.new.ids[new.clone()]);
        let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        self.matching.join(old.start, new.start, head);
        let (a, b) = (&a[head..], &b[head..]);
        let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
        (old.start, new.start) = (old.start + head, new.start + head);
        (old.end, new.end) = (old.end - tail, new.end - tail);
        self.matching.join(old.end, new.end, tail);
        Stretch { old, new, rounds }
    }

    /// Returns pairs of lines that are unique in the stretch on both sides: the
    /// most that keep their order.
    fn anchors(&mut self, stretch: &Stretch) -> Vec<(u32, u32)> {
        let (old, new) = (self.old, self.new);
        for &id in &old.ids[stretch.old.clone()] {
            self.uses[id as usize].old += 1;
        }
        for line in stretch.new.clone() {
            let met = &mut self.uses[new.ids[line] as usize];
            met.new += 1;
            met.place = line as u32;
        }
        let unique = stretch.old.clone().filter_map(|line| {
            let met = self.uses[old.ids[line] as usize];
            (met.old == 1 && met.new == 1).then_some((line as u32, met.place))
        });
        let pairs = ascending(unique.collect());
        for &id in old.ids[stretch.old.clone()].iter().chain(&new.ids[stretch.new.clone()]) {
            self.uses[id as usize] = Use::default();
        }
        pairs
    }

    /// Matches the anchors, and returns what lies between them.
    fn between(&mut self, stretch: &Stretch, anchors: &[(u32, u32)]) -> Vec<Stretch> {
        let mut rest = Vec::new();
        let (mut old, mut new) = (stretch.old.start, stretch.new.start);
        let end = (stretch.old.end as u32, stretch.new.end as u32);
        for &(next_old, next_new) in anchors.iter().chain([&end]) {
            let (next_old, next_new) = (next_old as usize, next_new as usize);
            if old < next_old || new < next_new {
                let rounds = stretch.rounds - 1;
                rest.push(Stretch { old: old..next_old, new: new..next_new, rounds });
            }
            if next_old < stretch.old.end {
                self.matching.join(next_old, next_new, 1);
            }
            (old, new) = (next_old + 1, next_new + 1);
        }
        rest
    }

    fn myers(&mut self, stretch: &Stretch) {
        let lines = (stretch.old.len() + stretch.new.len()) as u64;
        // The algorithm gives up on the best script after about √lines rounds.
        let cost = lines * lines.isqrt().max(256).min(lines);
        if cost > self.budget {
            self.matching.is_complete = false;
            return;
        }
        self.budget -= cost;
        let (old, new) = (&self.old.ids, &self.new.ids);
        let mut hook = Joining(&mut self.matching);
        let (old_range, new_range) = (stretch.old.clone(), stretch.new.clone());
        match myers::diff(&mut hook, &old[..], old_range, &new[..], new_range) {
            Ok(()) => {}
        }
    }
}

/// Takes what Myers' algorithm finds.
struct Joining<'a>(&'a mut Matching);

impl DiffHook for Joining<'_> {
    type Error = Infallible;

    fn equal(&mut self, old: usize, new: usize, len: usize) -> Result<(), Infallible> {
        self.0.join(old, new, len);
        Ok(())
    }
}

/// Returns the longest run of pairs, in their order, whose second parts ascend.
/// Runs in O(n log n), in O(n) where they all do.
fn ascending(pairs: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    if pairs.is_sorted_by_key(|pair| pair.1) {
        return pairs;
    }
    // The pair with the lowest second part that ends a run of each length, and
    // for each pair the one before it in such a run.
    let mut ends: Vec<u32> = Vec::new();
    let mut before: Vec<u32> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let at = ends.partition_point(|&end| pairs[end as usize].1 < pair.1);
        before.push(if at == 0 { NONE } else { ends[at - 1] });
        match ends.get_mut(at) {
            Some(end) => *end = index as u32,
            None => ends.push(index as u32),
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied().unwrap_or(NONE);
    while at != NONE {
        run.push(pairs[at as usize]);
        at = before[at as usize];
    }
    run.reverse();
    run
}
