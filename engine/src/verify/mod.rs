//! Verification: what a check finds in a content, and what of it is new.
//!
//! A check looks at a whole content; only what the edit brought in counts. So
//! findings before the edit are carried through it, and those after that stand
//! where none stood before are new.

pub mod lint;

use std::ops::Range;

use crate::edit::{Bias, Change};
use crate::snapshot::Snapshot;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The program does not compile, parse or run.
    Error,
    /// Something is probably wrong.
    Warning,
    /// Something could be better.
    Hint,
}

/// One finding of a check.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// The bytes it stands at.
    pub range: Range<usize>,
    /// How much it weighs.
    pub severity: Severity,
    /// Who found it: `syntax`, or the name of a language server.
    pub source: String,
    /// What was found, in one line.
    pub message: String,
}

/// How far an answer of a check can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is about exactly these bytes and complete.
    Fresh,
    /// It is about exactly these bytes, and more may come.
    Partial,
    /// It came after the edit, but nothing binds it to these bytes.
    Temporal,
    /// There is no answer: no checker, no time, no memory. Never the same as an
    /// empty list.
    Inconclusive,
}

/// What a check found in one content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// How far the list can be trusted.
    pub verdict: Verdict,
    /// The findings, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

impl Findings {
    /// Returns the answer of a check that has none.
    pub fn inconclusive() -> Findings {
        Findings { verdict: Verdict::Inconclusive, diagnostics: Vec::new() }
    }
}

/// Something that can look for faults in a content.
pub trait Check: Send + Sync {
    /// Returns what is wrong with `snapshot` as a file named `path`.
    fn check(&self, path: &str, snapshot: &Snapshot) -> Findings;
}

/// What an edit did to the findings of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The weaker of the two verdicts.
    pub verdict: Verdict,
    /// Findings that stand where none like them stood before.
    pub new: Vec<Diagnostic>,
    /// Findings that are gone.
    pub fixed: Vec<Diagnostic>,
    /// Number of findings that stayed.
    pub unchanged: usize,
}

impl Delta {
    /// Returns what `change` did: findings before, carried through the change,
    /// against findings after. Two are the same where place, source and message
    /// agree; one of two equal ones can stay and the other be new.
    pub fn of(before: &Findings, after: &Findings, change: &Change) -> Delta {
        let mut carried: Vec<Diagnostic> =
            before.diagnostics.iter().map(|diagnostic| carry(diagnostic, change)).collect();
        let mut new = Vec::new();
        let mut unchanged = 0;
        for diagnostic in &after.diagnostics {
            match carried.iter().position(|old| old == diagnostic) {
                Some(at) => {
                    carried.swap_remove(at);
                    unchanged += 1;
                }
                None => new.push(diagnostic.clone()),
            }
        }
        Delta { verdict: weaker(before.verdict, after.verdict), new, fixed: carried, unchanged }
    }
}

fn carry(diagnostic: &Diagnostic, change: &Change) -> Diagnostic {
    let start = change.map_pos(diagnostic.range.start, Bias::After);
    let end = change.map_pos(diagnostic.range.end, Bias::Before);
    Diagnostic { range: start..end.max(start), ..diagnostic.clone() }
}

fn weaker(a: Verdict, b: Verdict) -> Verdict {
    let rank = |verdict| match verdict {
        Verdict::Fresh => 0,
        Verdict::Partial => 1,
        Verdict::Temporal => 2,
        Verdict::Inconclusive => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Edit;

    fn finding(range: Range<usize>, message: &str) -> Diagnostic {
        let severity = Severity::Error;
        Diagnostic { range, severity, source: "syntax".into(), message: message.into() }
    }

    fn findings(diagnostics: Vec<Diagnostic>) -> Findings {
        Findings { verdict: Verdict::Fresh, diagnostics }
    }

    #[test]
    fn only_what_the_edit_brought_in_is_new() {
        let change =
            Change::new(vec![Edit { range: 0..0, text: b"12345".to_vec() }], 40).expect("one edit");
        let before = findings(vec![finding(10..12, "old"), finding(20..21, "gone")]);
        let after = findings(vec![finding(2..3, "new"), finding(15..17, "old")]);
        let delta = Delta::of(&before, &after, &change);
        assert_eq!(delta.new, [finding(2..3, "new")]);
        assert_eq!(delta.fixed, [finding(25..26, "gone")]);
        assert_eq!((delta.unchanged, delta.verdict), (1, Verdict::Fresh));
    }

    #[test]
    fn an_inconclusive_side_makes_the_delta_inconclusive() {
        let change = Change::new(vec![], 4).expect("no edit");
        let delta = Delta::of(&Findings::inconclusive(), &findings(vec![]), &change);
        assert_eq!(delta.verdict, Verdict::Inconclusive);
    }
}
