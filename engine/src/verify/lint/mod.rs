//! Lints: slips in the text of an edit that no address can catch.
//!
//! The lines an edit names are checked against what its author saw; what the
//! author writes there is not. A line from just outside the range written once
//! more, line numbers copied into the text, a comment that stands for the code
//! it left out: all of them fall on the right place and are wrong. Each lint
//! looks for one such slip and says what was probably meant. Nothing is changed
//! here: a fix is a proposal that the author takes or leaves.
//!
//! A lint must not cry at what people really write. How often each does was
//! measured on real edits, and `docs/formats.md` gives the figures.

mod balance;
mod boundary;
mod brackets;
mod elision;
mod gutter;
mod indentation;
mod insertion;
mod place;

use crate::anchor::LineRange;
use crate::format::Op;
use crate::snapshot::Snapshot;
pub use place::whole;

use place::Work;

/// The slips that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LintKind {
    /// Every row of the text bears the line number it was shown with.
    EchoedGutter,
    /// The text begins or ends with lines that stand just outside the range.
    RepeatedBoundary,
    /// A row stands for code that was left out.
    Elision,
    /// A line is replaced by several that have nothing of it.
    InsertAsReplace,
    /// The rows are indented unlike what stands around them.
    Indentation,
    /// The edit opens brackets that it does not close, or closes too many.
    Brackets,
}

impl LintKind {
    /// Every kind, in the order in which an operation's lints are reported.
    pub const ALL: [LintKind; 6] = [
        LintKind::EchoedGutter,
        LintKind::RepeatedBoundary,
        LintKind::Elision,
        LintKind::InsertAsReplace,
        LintKind::Indentation,
        LintKind::Brackets,
    ];

    /// Returns the name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            LintKind::EchoedGutter => "echoed-gutter",
            LintKind::RepeatedBoundary => "repeated-boundary",
            LintKind::Elision => "elision",
            LintKind::InsertAsReplace => "insert-as-replace",
            LintKind::Indentation => "indentation",
            LintKind::Brackets => "brackets",
        }
    }
}

/// Which lints to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LintSet(u8);

impl LintSet {
    /// No lint at all.
    pub const NONE: LintSet = LintSet(0);
    /// Every lint.
    pub const ALL: LintSet = LintSet((1 << LintKind::ALL.len()) - 1);

    /// Returns this set and `kind`.
    #[must_use]
    pub const fn with(self, kind: LintKind) -> LintSet {
        LintSet(self.0 | 1 << kind as u8)
    }

    /// Returns this set but for `kind`. Where a grammar checks the syntax,
    /// [`LintKind::Brackets`] has nothing to add.
    #[must_use]
    pub const fn without(self, kind: LintKind) -> LintSet {
        LintSet(self.0 & !(1 << kind as u8))
    }

    /// Returns whether `kind` is in it.
    pub const fn contains(self, kind: LintKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

/// One slip that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// What kind of slip.
    pub kind: LintKind,
    /// Index of the operation among those of its file.
    pub op: usize,
    /// The rows of the operation's text that it is about, 1-based, both ends
    /// included.
    pub rows: LineRange,
    /// What was found, in one sentence of at most 60 tokens.
    pub message: String,
    /// What was probably meant, the likeliest first. Empty where that cannot be
    /// told.
    pub fixes: Vec<Fix>,
}

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words.
    pub what: String,
    /// The operations that take the place of the one with the lint, in the same
    /// lines. None where nothing is left to be done.
    pub ops: Vec<Op>,
}

/// Returns the slips of `set` in the text of `ops`, the operations on one file
/// named `path`, whose author saw `seen`; in the order of the operations.
///
/// The name only tells how the language writes comments and strings. For a
/// whole file that is written anew see [`whole`]. Operations that are no
/// operations (lines that are not there, an empty text) are left to the plan,
/// and so is what is not text. Runs in O(text + lines removed + operations), and
/// once in O(file) where the brackets of the edit do not balance.
pub fn lints(path: &str, ops: &[Op], seen: &Snapshot, set: LintSet) -> Vec<Lint> {
    if set == LintSet::NONE || !seen.encoding.is_text() {
        return Vec::new();
    }
    let work = Work::new(path, ops, seen);
    let mut found: Vec<Lint> =
        work.places.iter().flat_map(|place| place::lints(&work, place, set)).collect();
    if found.is_empty() && set.contains(LintKind::Brackets) {
        found.extend(brackets::lint(&work));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Body, OpKind};

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let all = LintKind::ALL.into_iter();
        assert!(all.clone().all(|kind| LintSet::ALL.contains(kind)));
        assert!(all.clone().all(|kind| !LintSet::NONE.contains(kind)));
        let set = LintSet::NONE.with(LintKind::Elision).with(LintKind::Brackets);
        let set = set.without(LintKind::Brackets);
        assert_eq!(all.filter(|kind| set.contains(*kind)).collect::<Vec<_>>(), [LintKind::Elision]);
        assert_eq!(LintSet::ALL.without(LintKind::Brackets).with(LintKind::Brackets), LintSet::ALL);
    }

    #[test]
    fn a_whole_file_is_looked_at_as_one_operation() {
        let seen = Snapshot::of(b"a();\nb();\nc();\n".to_vec());
        let op = whole("x();\na();\n// ... rest of the code ...\n", &seen);
        let found = lints("a.js", &[op], &seen, LintSet::ALL);
        let [Lint { kind: LintKind::Elision, fixes, .. }] = &found[..] else {
            panic!("one elision: {found:?}");
        };
        let body = Body::Text("x();\na();\nb();\nc();\n".to_owned());
        assert_eq!(fixes[0].ops, [OpKind::Replace { lines: (1, 3), body }.into()]);

        let new = Snapshot::of(Vec::new());
        let found = lints("a.js", &[whole("1\ta();\n2\tb();\n", &new)], &new, LintSet::ALL);
        assert_eq!(found.first().map(|lint| lint.kind), Some(LintKind::EchoedGutter));
        let off = LintSet::ALL.without(LintKind::EchoedGutter);
        assert_eq!(lints("a.js", &[whole("1\ta();\n", &new)], &new, off), []);
    }
}
