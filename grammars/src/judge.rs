//! The judgement: how much the new errors of an edit prove.

use engine::edit::Change;
use engine::snapshot::Snapshot;
use engine::verify::{Delta, Findings, Verdict};
use tree_sitter::Tree;

use crate::faults::faults;
use crate::language::Language;

/// How much it proves that errors are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing: the parser was lost before, or finds errors in healthy files of
    /// this language as well.
    Low,
    /// The edit broke what was sound.
    High,
}

/// What an edit did to the syntax of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The errors that are new, gone, and still there.
    pub delta: Delta,
    /// What the new ones prove.
    pub confidence: Confidence,
}

impl Judgement {
    /// Returns the judgement on an edit that broke nothing.
    pub(crate) fn sound() -> Judgement {
        let delta =
            Delta { verdict: Verdict::Fresh, new: Vec::new(), fixed: Vec::new(), unchanged: 0 };
        Judgement { delta, confidence: Confidence::High }
    }
}

/// Returns what `change` did, by the trees of the contents before and after.
pub(crate) fn judge(
    language: &Language,
    (old, before): (&Tree, &Snapshot),
    (new, after): (&Tree, &Snapshot),
    change: &Change,
) -> Judgement {
    let old = faults(language, old, &before.bytes);
    let new = faults(language, new, &after.bytes);
    let confidence = confidence(&old);
    Judgement { delta: Delta::of(&old, &new, change), confidence }
}

fn confidence(old: &Findings) -> Confidence {
    match old.diagnostics.is_empty() {
        true => Confidence::High,
        false => Confidence::Low,
    }
}
