//! Identity: which named construct of the old side is which of the new side.
//!
//! A construct is known by its path: its own name and those of everything
//! around it. Where a path occurs exactly once on both sides, it is the same
//! construct; where it occurs more often, twins cannot be told apart by name.

use std::ops::Range;

use foldhash::HashMap;

use super::constructs::Nesting;
use super::matching::Matching;

/// The constructs of both sides.
#[derive(Debug)]
pub(super) struct Identities {
    old: Tree,
    new: Tree,
    /// By path.
    paths: Vec<Uses>,
}

/// The constructs of one side.
#[derive(Debug)]
struct Tree {
    nesting: Nesting,
    /// For each construct, the number of its name.
    names: Vec<u32>,
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
    /// Returns the identities of two nestings. Runs in O(n log n).
    pub(super) fn of(old: Nesting, new: Nesting) -> Identities {
        let mut numbers = Numbers::default();
        let old = numbers.tree(old);
        let new = numbers.tree(new);
        let count = |old: &[u32], new: &[u32], len: usize| {
            let mut uses = vec![Uses::default(); len];
            old.iter().for_each(|&number| uses[number as usize].old += 1);
            new.iter().for_each(|&number| uses[number as usize].new += 1);
            uses
        };
        let paths = count(&old.paths, &new.paths, numbers.paths.len());
        Identities { old, new, paths }
    }

    /// Returns whether a construct is known that holds these lines of the old side.
    pub(super) fn knows(&self, old: &Range<usize>) -> bool {
        self.old.around(old).next().is_some()
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
            self.old.names[old] == self.new.names[new]
                && matching.new_of(self.old.lines(old).start) == Some(self.new.lines(new).start)
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

    /// Returns the smallest construct that holds the lines of the old side and is
    /// told by its path, on both sides.
    pub(super) fn counterpart(&self, old: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
        let is_told = |one: &usize| {
            let Uses { old, new } = self.paths[self.old.paths[*one] as usize];
            old == 1 && new == 1
        };
        let one = self.old.around(old).find(is_told)?;
        let path = self.old.paths[one];
        let other = self.new.paths.iter().position(|other| *other == path)?;
        Some((self.old.lines(one), self.new.lines(other)))
    }

    /// Returns whether lines of both sides stand in constructs of the same path,
    /// or in none.
    pub(super) fn have_the_same_path(&self, old: &Range<usize>, new: &Range<usize>) -> bool {
        let path = |tree: &Tree, lines| tree.around(lines).next().map(|one| tree.paths[one]);
        path(&self.old, old) == path(&self.new, new)
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
        let constructs = self.nesting.constructs();
        let last = constructs.partition_point(|one| one.lines.start <= lines.start);
        let up = |&one: &usize| self.parents[one].map(|parent| parent as usize);
        let chain = std::iter::successors(last.checked_sub(1), up);
        let lines = lines.clone();
        chain.filter(move |&one| constructs[one].holds(&lines))
    }

    fn lines(&self, construct: usize) -> Range<usize> {
        self.nesting.constructs()[construct].lines.clone()
    }
}

/// The numbers that names and paths were given.
#[derive(Default)]
struct Numbers {
    names: HashMap<String, u32>,
    /// By the path around it and the name.
    paths: HashMap<(Option<u32>, u32), u32>,
}

impl Numbers {
    fn tree(&mut self, nesting: Nesting) -> Tree {
        let constructs = nesting.constructs();
        let mut tree = Tree {
            names: Vec::with_capacity(constructs.len()),
            paths: Vec::with_capacity(constructs.len()),
            parents: Vec::with_capacity(constructs.len()),
            nesting: Nesting::default(),
        };
        let mut open: Vec<usize> = Vec::new();
        for (index, construct) in constructs.iter().enumerate() {
            let start = construct.lines.start;
            while open.last().is_some_and(|&one| constructs[one].lines.end <= start) {
                open.pop();
            }
            let parent = open.last().copied();
            let name = number(&mut self.names, construct.name.clone());
            let path = number(&mut self.paths, (parent.map(|one| tree.paths[one]), name));
            tree.names.push(name);
            tree.paths.push(path);
            tree.parents.push(parent.map(|one| one as u32));
            open.push(index);
        }
        tree.nesting = nesting;
        tree
    }
}

/// Returns the number of `key`, a new one if it has none yet.
fn number<K: std::hash::Hash + Eq>(numbers: &mut HashMap<K, u32>, key: K) -> u32 {
    let fresh = numbers.len() as u32;
    *numbers.entry(key).or_insert(fresh)
}
