//! Identity: which named construct of the old side is which of the new side.
//!
//! A construct is known by its path: its own name and those of everything
//! around it. Where a path occurs exactly once on both sides, it is the same
//! construct; where it occurs more often, twins cannot be told apart by name.

use std::ops::Range;

use foldhash::HashMap;

use super::constructs::{Construct, Lines, Nesting, holds};
use super::matching::Matching;

/// The constructs of both sides.
#[derive(Debug)]
pub(super) struct Identities {
    old: Tree,
    new: Tree,
    /// By path.
    paths: Vec<Uses>,
}

/// The lines of a construct, which of them is its header, and the number of its
/// name.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) lines: Range<usize>,
    pub(super) header: usize,
    pub(super) name: u32,
}

impl Lines for Span {
    fn taken(&mut self) -> &mut Range<usize> {
        &mut self.lines
    }
}

/// The constructs of one side.
#[derive(Debug)]
struct Tree {
    /// Invariant: sorted by first line, outer before inner, and any two are
    /// disjoint or one within the other.
    spans: Vec<Span>,
    /// For each construct, the number of its path.
    paths: Vec<u32>,
    /// For each construct, the one around it.
    parents: Vec<Option<u32>>,
}

/// How often something occurs on each side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uses {
    pub(super) old: u32,
    pub(super) new: u32,
}

/// The smallest construct around a place on both sides, or the file.
pub(super) struct Scope {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
    /// Whether its first line is a header that names it.
    pub(super) has_header: bool,
    /// Whether its path occurs once on either side.
    pub(super) is_unique: bool,
}

impl Scope {
    /// Returns the lines of the old side without the header.
    pub(super) fn body(&self) -> Range<usize> {
        self.old.start + usize::from(self.has_header)..self.old.end
    }
}

impl Identities {
    /// Returns the identities of two nestings.
    pub(super) fn of_names(old: Nesting, new: Nesting) -> Identities {
        let mut names = HashMap::default();
        let mut spans = |nesting: Nesting| {
            let constructs = nesting.into_constructs().into_iter();
            let span = |one: Construct| {
                let Construct { lines, header, name } = one;
                Span { lines, header, name: number(&mut names, name) }
            };
            constructs.map(span).collect()
        };
        let (old, new) = (spans(old), spans(new));
        Identities::of(old, new)
    }

    /// Returns the identities of the constructs of two sides, each sorted, outer
    /// before inner. Equal names have equal numbers on both sides.
    pub(super) fn of(old: Vec<Span>, new: Vec<Span>) -> Identities {
        let mut numbers = Numbers::default();
        let old = numbers.tree(old);
        let new = numbers.tree(new);
        let mut paths = vec![Uses::default(); numbers.0.len()];
        old.paths.iter().for_each(|&path| paths[path as usize].old += 1);
        new.paths.iter().for_each(|&path| paths[path as usize].new += 1);
        Identities { old, new, paths }
    }

    /// Returns whether lines of the old side and their counterparts stand in the
    /// same constructs: on every level the header is the very line, and the name
    /// the same.
    pub(super) fn keep_their_place(
        &self,
        old: &Range<usize>,
        new: &Range<usize>,
        matching: &Matching,
    ) -> bool {
        let mut around = self.old.around(old);
        let mut around_new = self.new.around(new);
        let is_same = |old: usize, new: usize| {
            let (old, new) = (&self.old.spans[old], &self.new.spans[new]);
            old.name == new.name && matching.new_of(old.header) == Some(new.header)
        };
        loop {
            match (around.next(), around_new.next()) {
                (None, None) => return true,
                (Some(old), Some(new)) if is_same(old, new) => {}
                _ => return false,
            }
        }
    }

    /// Returns for each of the lines of the old side that stands in a construct
    /// how often the path of the innermost occurs.
    pub(super) fn uses(&self, lines: &Range<usize>) -> impl Iterator<Item = Uses> {
        let innermost = |line: usize| self.old.around(&(line..line + 1)).next();
        lines.clone().filter_map(innermost).map(|one| self.paths[self.old.paths[one] as usize])
    }

    /// Returns the smallest construct that holds the lines of the old side, with
    /// the smallest that holds those of the new side; none where no construct
    /// does.
    pub(super) fn scope(&self, old: &Range<usize>, new: &Range<usize>) -> Option<Scope> {
        let (old, new) = (self.old.around(old).next()?, self.new.around(new).next()?);
        let path = self.old.paths[old];
        let Uses { old: olds, new: news } = self.paths[path as usize];
        Some(Scope {
            old: self.old.lines(old),
            new: self.new.lines(new),
            has_header: true,
            is_unique: path == self.new.paths[new] && olds == 1 && news == 1,
        })
    }
}

impl Tree {
    /// Returns the constructs that hold all of `lines`, innermost first.
    fn around(&self, lines: &Range<usize>) -> impl Iterator<Item = usize> {
        let last = self.spans.partition_point(|one| one.lines.start <= lines.start);
        let up = |&one: &usize| self.parents[one].map(|parent| parent as usize);
        let chain = std::iter::successors(last.checked_sub(1), up);
        let lines = lines.clone();
        chain.filter(move |&one| holds(&self.spans[one].lines, &lines))
    }

    fn lines(&self, construct: usize) -> Range<usize> {
        self.spans[construct].lines.clone()
    }
}

/// The numbers that paths were given, by the path around and the name.
#[derive(Default)]
struct Numbers(HashMap<(Option<u32>, u32), u32>);

impl Numbers {
    fn tree(&mut self, spans: Vec<Span>) -> Tree {
        let mut paths: Vec<u32> = Vec::with_capacity(spans.len());
        let mut parents: Vec<Option<u32>> = Vec::with_capacity(spans.len());
        let mut open: Vec<usize> = Vec::new();
        for (index, Span { lines, name, .. }) in spans.iter().enumerate() {
            while open.last().is_some_and(|&one| spans[one].lines.end <= lines.start) {
                open.pop();
            }
            let parent = open.last().copied();
            paths.push(number(&mut self.0, (parent.map(|one| paths[one]), *name)));
            parents.push(parent.map(|one| one as u32));
            open.push(index);
        }
        Tree { spans, paths, parents }
    }
}

/// Returns the number of `key`, a new one if it has none yet.
fn number<K: std::hash::Hash + Eq>(numbers: &mut HashMap<K, u32>, key: K) -> u32 {
    let fresh = numbers.len() as u32;
    *numbers.entry(key).or_insert(fresh)
}
