//! Whether what was done with an edit is right.

use std::ops::Range;

use crate::apply::{Splice, apply};
use crate::case::Case;
use crate::edit::Edit;
use crate::file::{File, Terminator};
use crate::truth::Truth;

/// What was done with one edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It was applied in place of these lines of now; the range of an insert is
    /// empty.
    At(Range<usize>),
    /// It was taken for done; its text stands at these lines of now.
    Already(Range<usize>),
    /// It was refused.
    Refused,
}

/// What is to be said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Applied where it belongs, or rightly taken for done.
    Right,
    /// Applied elsewhere, but the bytes are the right ones: the edit stands on
    /// another of several equal lines.
    SameBytes,
    /// The place is the right one, but nothing proves that the edit is still
    /// meant. Fine where somebody has chosen it.
    Unproved,
    /// A wrong place that no text tells from the right one, see [`Case::tie`].
    Tie,
    /// Applied at a wrong place, or taken for done where it is not.
    Wrong,
    /// Refused, although the place is proved.
    RefusedValid,
    /// Refused, although it is done.
    RefusedAlready,
    /// Refused where nothing proves that the edit is still meant.
    RefusedLoose,
    /// Refused, and there is no right place.
    RefusedGone,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 9] = [
        Verdict::Right,
        Verdict::SameBytes,
        Verdict::Unproved,
        Verdict::Tie,
        Verdict::Wrong,
        Verdict::RefusedValid,
        Verdict::RefusedAlready,
        Verdict::RefusedLoose,
        Verdict::RefusedGone,
    ];
}

/// Returns what is to be said of what was done with edit `index` alone.
///
/// A place that is offered for a choice is judged as if it were applied:
/// [`Verdict::Unproved`] is then as good as [`Verdict::Right`].
pub fn judge(case: &Case, index: usize, placed: &Placed) -> Verdict {
    let edit = &case.edits[index];
    match (placed, &edit.truth) {
        (Placed::Refused, Truth::Valid { .. }) => Verdict::RefusedValid,
        (Placed::Refused, Truth::Already { .. }) => Verdict::RefusedAlready,
        (Placed::Refused, Truth::Loose { .. }) => Verdict::RefusedLoose,
        (Placed::Refused, Truth::Gone) => Verdict::RefusedGone,
        (Placed::Already(at), _) => judge_already(case, edit, at),
        (Placed::At(at), _) => judge_place(case, index, at),
    }
}

fn judge_place(case: &Case, index: usize, at: &Range<usize>) -> Verdict {
    let edit = &case.edits[index];
    if at.len() != edit.lines.len() || at.end > case.now.lines.len() {
        return Verdict::Wrong;
    }
    let places = edit.truth.places();
    let right = match edit.truth {
        Truth::Valid { .. } => Verdict::Right,
        _ => Verdict::Unproved,
    };
    if places.contains(at) || survives(case, edit, at) {
        return right;
    }
    let bytes = |at: &Range<usize>| apply(&case.now, &[(at.clone(), &edit.text)]);
    let got = bytes(at);
    match places.iter().any(|place| bytes(place) == got) {
        true => right.max(Verdict::SameBytes),
        false if case.tie(index, at) => Verdict::Tie,
        false => Verdict::Wrong,
    }
}

/// Returns whether the lines that a deletion is about stand there. Where the
/// drift took them from their place the deletion counts as done, but they can
/// still be meant.
fn survives(case: &Case, edit: &Edit, at: &Range<usize>) -> bool {
    let lines = at.clone().map(|line| case.now.lines[line].id as usize);
    edit.text.is_empty() && lines.eq(edit.lines.clone())
}

fn judge_already(case: &Case, edit: &Edit, at: &Range<usize>) -> Verdict {
    match &edit.truth {
        Truth::Already { .. } => return Verdict::Right,
        Truth::Loose { done: Some(_), .. } => return Verdict::Unproved,
        _ => {}
    }
    let seen_len = case.seen.lines.len();
    let is_new = |line: usize| case.now.lines[line].id as usize >= seen_len;
    let written = at.end <= case.now.lines.len()
        && at.clone().all(is_new)
        && edit.text.iter().map(Vec::as_slice).eq(at.clone().map(|line| case.now.content(line)));
    let gone = || {
        let ids = case.now.lines.iter().map(|line| line.id as usize);
        !ids.into_iter().any(|id| edit.lines.contains(&id))
    };
    match edit.text.is_empty() {
        // Nothing is left to delete, though more than that has happened there.
        true if gone() => Verdict::Unproved,
        false if written && (edit.lines.is_empty() || gone()) => Verdict::Unproved,
        _ => Verdict::Wrong,
    }
}

/// Returns what is to be said of the bytes that all edits together gave; none
/// where they were refused. Where many edits have several places each, only the
/// first 4096 combinations of them count as fine.
pub fn judge_bytes(case: &Case, bytes: Option<&[u8]>) -> Verdict {
    let truths = || case.edits.iter().map(|edit| &edit.truth);
    let Some(bytes) = bytes else {
        return match case.right() {
            Some(right) if right == case.now.bytes => Verdict::RefusedAlready,
            Some(_) => Verdict::RefusedValid,
            None if truths().any(|truth| *truth == Truth::Gone) => Verdict::RefusedGone,
            None => Verdict::RefusedLoose,
        };
    };
    if case.right().is_some_and(|right| right == bytes) {
        return Verdict::Right;
    }
    let mut best = Verdict::Wrong;
    let options: Vec<Vec<Choice>> =
        (0..case.edits.len()).map(|index| choices(case, index)).collect();
    each_combination(&options, &mut |chosen| {
        let verdict = chosen.iter().map(|choice| choice.1).max().unwrap_or(Verdict::Right);
        // What is in no order is right by nobody's proof.
        let verdict = verdict.max(Verdict::Unproved);
        if verdict < best && sorted(case, chosen).is_some_and(|made| made == bytes) {
            best = verdict;
        }
    });
    best
}

/// A place for an edit, none where nothing is to be done, and what is to be
/// said of it.
type Choice = (Option<Range<usize>>, Verdict);

/// Returns what can be done with an edit.
fn choices(case: &Case, index: usize) -> Vec<Choice> {
    let edit = &case.edits[index];
    let known = match edit.truth {
        Truth::Loose { .. } => Verdict::Unproved,
        _ => Verdict::Right,
    };
    let places = edit.truth.places().iter();
    let mut choices: Vec<Choice> = places.map(|at| (Some(at.clone()), known)).collect();
    match edit.truth {
        Truth::Already { .. } => choices.push((None, Verdict::Right)),
        Truth::Loose { done: Some(_), .. } => choices.push((None, Verdict::Unproved)),
        _ => {}
    }
    choices.extend(case.tie_place(index).map(|at| (Some(at), Verdict::Tie)));
    choices
}

/// The most combinations of places that are tried for the edits of one case.
const COMBINATIONS: usize = 4096;

/// Calls `with` for each way to choose one of each, the known places first.
fn each_combination(options: &[Vec<Choice>], with: &mut impl FnMut(&[Choice])) {
    let total = options.iter().fold(1_usize, |total, one| total.saturating_mul(one.len()));
    for mut number in 0..total.min(COMBINATIONS) {
        let mut chosen = Vec::with_capacity(options.len());
        for choices in options {
            chosen.push(choices[number % choices.len()].clone());
            number /= choices.len();
        }
        with(&chosen);
    }
}

/// Returns the bytes of the choices, in whatever order their places are.
fn sorted(case: &Case, chosen: &[Choice]) -> Option<Vec<u8>> {
    let all = case.edits.iter().zip(chosen);
    let mut splices: Vec<Splice<'_>> =
        all.filter_map(|(edit, choice)| Some((choice.0.clone()?, &edit.text[..]))).collect();
    splices.sort_by_key(|(at, _)| (at.start, at.end));
    apply(&case.now, &splices)
}

/// What stands around and in a range: contents and enclosing headers, with both
/// neighbours; none where a file ends.
pub(crate) struct Sight<'a> {
    file: &'a File,
    chains: Vec<u64>,
    /// Whether terminators are seen too.
    terminators: bool,
}

impl<'a> Sight<'a> {
    pub(crate) fn new(file: &'a File, terminators: bool) -> Sight<'a> {
        Sight { file, chains: file.chains(), terminators }
    }

    /// Returns line `at` as it is seen, counted from 1.
    fn line(&self, at: usize) -> Option<(&'a [u8], Option<Terminator>, u64)> {
        let line = at.checked_sub(1)?;
        let terminator = self.file.lines.get(line)?.terminator;
        let terminator = self.terminators.then_some(terminator);
        Some((self.file.content(line), terminator, self.chains[line]))
    }

    /// Returns whether the ranges look the same, neighbours included.
    fn same(&self, at: usize, other: &Sight<'_>, other_at: usize, len: usize) -> bool {
        (0..len + 2).all(|k| self.line(at + k) == other.line(other_at + k))
    }

    /// Returns the only place that looks as `range` does in `from`, if there is
    /// exactly one.
    pub(crate) fn only(&self, from: &Sight<'_>, range: &Range<usize>) -> Option<usize> {
        let last = (self.file.lines.len() + 1).checked_sub(range.len())?;
        let mut places = (0..last).filter(|at| self.same(*at, from, range.start, range.len()));
        let first = places.next()?;
        places.next().is_none().then_some(first)
    }
}
