//! Named constructs: what gives lines their identity.
//!
//! Two lines with the same bytes are told apart by the function, class or
//! section they stand in. Who finds those is not this room's affair: a parser
//! can, and so can indentation.

use std::ops::Range;

use crate::error::Refusal;
use crate::snapshot::Snapshot;

/// Something that finds the named constructs of a content.
pub trait Constructs: Send + Sync {
    /// Returns the constructs of `snapshot` as a file named `path`; `None` where
    /// they cannot be told: no grammar, too large, too broken.
    fn constructs(&self, path: &str, snapshot: &Snapshot) -> Option<Nesting>;

    /// Returns the constructs that the name path `name` may mean in `snapshot` as
    /// a file named `path`, in the order of the file; at least one.
    ///
    /// # Errors
    /// `not_found`, and what speaks against telling it: `unsupported` without a
    /// grammar, `encoding`, `too_large`, `timeout`.
    fn named(&self, path: &str, snapshot: &Snapshot, name: &str) -> Result<Vec<Named>, Refusal>;
}

/// A construct that was asked for by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its whole path, outermost first.
    pub path: String,
    /// The lines it takes (0-based), with the comments and attributes above it.
    pub lines: Range<usize>,
    /// The bytes of its body, brackets included where the language has them.
    pub body: Option<Range<usize>>,
    /// Whether nothing else stands on its lines, so that they can be changed
    /// without changing anything but it.
    pub is_alone: bool,
}

/// One named construct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Construct {
    /// The lines it takes (0-based), with the comments and attributes above it.
    pub lines: Range<usize>,
    /// The line of its name (0-based). What stands above it may change, and the
    /// construct stays what it is.
    pub header: usize,
    /// Its kind and its own name, such as `fn bar` or `impl Foo`.
    pub name: String,
}

/// The constructs of one content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nesting {
    /// Invariant: sorted by first line, outer before inner, and any two are
    /// disjoint or one within the other.
    constructs: Vec<Construct>,
}

impl Nesting {
    /// Returns the nesting of `constructs`, in any order. One that overlaps
    /// another without lying within it is cut to what comes before the other.
    pub fn of(mut constructs: Vec<Construct>) -> Nesting {
        nest(&mut constructs);
        Nesting { constructs }
    }

    /// Returns the constructs, sorted by first line, outer before inner.
    pub fn constructs(&self) -> &[Construct] {
        &self.constructs
    }

    /// Returns the constructs themselves, in the same order.
    pub(super) fn into_constructs(self) -> Vec<Construct> {
        self.constructs
    }

    /// Returns the constructs that hold all of `lines`, outermost first. An
    /// empty range is a place between two lines, and is held by what holds both.
    pub fn around(&self, lines: &Range<usize>) -> impl Iterator<Item = &Construct> {
        let until = self.constructs.partition_point(|one| one.lines.start <= lines.start);
        let lines = lines.clone();
        self.constructs[..until].iter().filter(move |construct| construct.holds(&lines))
    }
}

impl Construct {
    /// Returns whether all of `lines` lie in the construct; of an empty range,
    /// which is a place between two lines, whether both of those do.
    pub fn holds(&self, lines: &Range<usize>) -> bool {
        holds(&self.lines, lines)
    }
}

impl Lines for Construct {
    fn taken(&mut self) -> &mut Range<usize> {
        &mut self.lines
    }
}

/// Something that takes lines.
pub(super) trait Lines {
    /// Returns the lines it takes.
    fn taken(&mut self) -> &mut Range<usize>;
}

/// Sorts things by their lines, outer before inner. One that overlaps another
/// without lying within it is cut to what comes before the other.
pub(super) fn nest(all: &mut Vec<impl Lines>) {
    let mut order: Vec<(Range<usize>, _)> =
        all.drain(..).map(|mut one| (one.taken().clone(), one)).collect();
    order.sort_by_key(|(lines, _)| (lines.start, std::cmp::Reverse(lines.end)));
    all.extend(order.into_iter().map(|(_, one)| one));
    let mut ends: Vec<(usize, usize)> = Vec::new();
    for index in 0..all.len() {
        let lines = all[index].taken().clone();
        while ends.last().is_some_and(|(_, end)| *end <= lines.start) {
            ends.pop();
        }
        while let Some((outer, _)) = ends.last().copied().filter(|(_, end)| *end < lines.end) {
            all[outer].taken().end = lines.start;
            ends.pop();
        }
        ends.push((index, lines.end));
    }
    all.retain_mut(|one| one.taken().start < one.taken().end);
}

/// Returns whether all of `lines` lie in the lines of a construct; of a place
/// between two lines, whether both of those do.
pub(super) fn holds(construct: &Range<usize>, lines: &Range<usize>) -> bool {
    match lines.is_empty() {
        true => construct.start < lines.start && lines.start < construct.end,
        false => construct.start <= lines.start && lines.end <= construct.end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn construct(lines: Range<usize>, name: &str) -> Construct {
        Construct { header: lines.start, lines, name: name.into() }
    }

    fn names(nesting: &Nesting, lines: Range<usize>) -> Vec<&str> {
        nesting.around(&lines).map(|construct| construct.name.as_str()).collect()
    }

    #[test]
    fn around_names_what_holds_all_lines() {
        let nesting = Nesting::of(vec![
            construct(2..4, "fn a"),
            construct(1..9, "impl Foo"),
            construct(4..8, "fn b"),
        ]);
        assert_eq!(names(&nesting, 2..3), ["impl Foo", "fn a"]);
        assert_eq!(names(&nesting, 3..5), ["impl Foo"]);
        assert_eq!(names(&nesting, 4..4), ["impl Foo"]);
        assert_eq!(names(&nesting, 5..5), ["impl Foo", "fn b"]);
        assert!(names(&nesting, 0..2).is_empty());
    }

    #[test]
    fn a_construct_that_overlaps_the_next_is_cut() {
        let nesting = Nesting::of(vec![construct(0..5, "a"), construct(3..8, "b")]);
        assert_eq!(nesting.constructs(), [construct(0..3, "a"), construct(3..8, "b")]);
    }
}
