//! Identity: which named construct of the old side is which of the new side.
//!
//! A construct is known by the names of everything around it and its own. Only
//! where that whole path occurs exactly once on both sides is it the same one.

use std::collections::hash_map::Entry;
use std::ops::Range;

use foldhash::{HashMap, HashMapExt};

use super::constructs::Nesting;

/// The constructs of both sides, their paths as numbers.
#[derive(Debug)]
pub(super) struct Identities {
    old: Paths,
    new: Paths,
    /// For each path, how often it occurs on the old and on the new side, and
    /// its last construct on the new side.
    uses: Vec<(u32, u32, u32)>,
}

/// The constructs of one side.
#[derive(Debug)]
struct Paths {
    nesting: Nesting,
    /// For each construct, the number of its path.
    path: Vec<u32>,
    /// For each construct, the one around it.
    parent: Vec<Option<u32>>,
}

impl Identities {
    /// Returns the identities of two nestings. Runs in O(n log n).
    pub(super) fn of(old: Nesting, new: Nesting) -> Identities {
        let mut numbers = HashMap::with_capacity(old.constructs().len());
        let (old_path, old_parent) = paths(&old, &mut numbers);
        let (new_path, new_parent) = paths(&new, &mut numbers);
        let mut uses = vec![(0, 0, 0); numbers.len()];
        for &path in &old_path {
            uses[path as usize].0 += 1;
        }
        for (index, &path) in new_path.iter().enumerate() {
            uses[path as usize].1 += 1;
            uses[path as usize].2 = index as u32;
        }
        drop(numbers);
        Identities {
            old: Paths { nesting: old, path: old_path, parent: old_parent },
            new: Paths { nesting: new, path: new_path, parent: new_parent },
            uses,
        }
    }

    /// Returns the smallest construct that holds the lines of the old side and
    /// has its one counterpart on the new side, as lines of both.
    pub(super) fn shared(&self, lines: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
        self.old.around(lines).find_map(|construct| {
            let (old, new, there) = self.uses[self.old.path[construct] as usize];
            (old == 1 && new == 1)
                .then(|| (self.old.lines(construct), self.new.lines(there as usize)))
        })
    }

    /// Returns the lines of the smallest construct that holds the lines of the old
    /// side, whatever its name.
    pub(super) fn innermost(&self, lines: &Range<usize>) -> Option<Range<usize>> {
        self.old.around(lines).next().map(|one| self.old.lines(one))
    }

    /// Returns whether both ranges stand in constructs of the same path, or both
    /// in none.
    pub(super) fn same_path(&self, old: &Range<usize>, new: &Range<usize>) -> bool {
        let path = |side: &Paths, lines| side.around(lines).next().map(|one| side.path[one]);
        path(&self.old, old) == path(&self.new, new)
    }
}

impl Paths {
    /// Returns the constructs that hold all of `lines`, innermost first.
    fn around(&self, lines: &Range<usize>) -> impl Iterator<Item = usize> {
        let constructs = self.nesting.constructs();
        let last = constructs.partition_point(|one| one.lines.start <= lines.start);
        let up = |&one: &usize| self.parent[one].map(|parent| parent as usize);
        let chain = std::iter::successors(last.checked_sub(1), up);
        let lines = lines.clone();
        chain.filter(move |&one| constructs[one].holds(&lines))
    }

    fn lines(&self, construct: usize) -> Range<usize> {
        self.nesting.constructs()[construct].lines.clone()
    }
}

/// Returns for each construct the number of its path, and the construct around
/// it.
fn paths(
    nesting: &Nesting,
    numbers: &mut HashMap<(Option<u32>, String), u32>,
) -> (Vec<u32>, Vec<Option<u32>>) {
    let constructs = nesting.constructs();
    let mut path: Vec<u32> = Vec::with_capacity(constructs.len());
    let mut parents = Vec::with_capacity(constructs.len());
    let mut open: Vec<usize> = Vec::new();
    for (index, construct) in constructs.iter().enumerate() {
        while open.last().is_some_and(|&one| constructs[one].lines.end <= construct.lines.start) {
            open.pop();
        }
        let parent = open.last().copied();
        let fresh = numbers.len() as u32;
        let key = (parent.map(|one| path[one]), construct.name.clone());
        path.push(match numbers.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert(fresh),
        });
        parents.push(parent.map(|one| one as u32));
        open.push(index);
    }
    (path, parents)
}
