//! What is said of what was done with an edit.

use std::ops::Range;

use hostile::{Case, Options, Placed, StepKind, Truth, Verdict};
use hostile::{case_with, cases, judge, judge_bytes};

/// Returns cases whose drift is made of one kind of step.
fn only(step: StepKind) -> impl Iterator<Item = Case> {
    let options = Options { steps: Vec::from([step]), ..Options::default() };
    (0..crate::count() / 4).map(move |seed| case_with(seed, &options))
}

/// Returns the verdict for edit `index` at a place.
fn at(case: &Case, index: usize, place: &Range<usize>) -> Verdict {
    judge(case, index, &Placed::At(place.clone()))
}

#[test]
fn every_other_place_is_wrong_or_gives_the_same_bytes() {
    for case in cases(0, crate::count() / 20) {
        for (index, edit) in case.edits.iter().enumerate() {
            let Truth::Valid { at: right } = &edit.truth else { continue };
            let last = case.now.lines.len() + 1 - edit.lines.len();
            for start in (0..last).filter(|start| *start != right.start) {
                let verdict = at(&case, index, &(start..start + edit.lines.len()));
                let fine = [Verdict::Wrong, Verdict::SameBytes, Verdict::Tie];
                assert!(fine.contains(&verdict), "{verdict:?} for seed {}", case.seed);
            }
        }
    }
}

#[test]
fn what_is_done_is_done_once() {
    let mut met = 0;
    for case in only(StepKind::SameEdit) {
        for (index, edit) in case.edits.iter().enumerate() {
            let Truth::Already { at: place } = &edit.truth else { continue };
            met += 1;
            let verdict = judge(&case, index, &Placed::Already(place.clone()));
            assert_eq!(verdict, Verdict::Right, "seed {}", case.seed);
            let again = at(&case, index, &(place.start..place.start + edit.lines.len()));
            // Of equal lines, another can still be there to be deleted.
            let fine = again == Verdict::Unproved && edit.text.is_empty();
            assert!(fine || again >= Verdict::Tie, "{again:?} for seed {}", case.seed);
            let verdict = judge(&case, index, &Placed::Refused);
            assert_eq!(verdict, Verdict::RefusedAlready, "seed {}", case.seed);
        }
    }
    assert!(met > 100, "only {met} edits were done already");
}

#[test]
fn what_is_not_done_is_not_taken_for_done() {
    for case in cases(0, crate::count()) {
        for (index, edit) in case.edits.iter().enumerate() {
            let Truth::Valid { at } = &edit.truth else { continue };
            let already = Placed::Already(at.start..at.start + edit.text.len());
            assert_eq!(judge(&case, index, &already), Verdict::Wrong, "seed {}", case.seed);
        }
    }
}

#[test]
fn a_name_that_is_taken_over_makes_ties() {
    let mut ties = 0;
    for case in only(StepKind::TakeName) {
        for index in 0..case.edits.len() {
            let Some(place) = case.tie_place(index) else { continue };
            let verdict = at(&case, index, &place);
            let fine = [Verdict::Tie, Verdict::SameBytes];
            assert!(fine.contains(&verdict), "{verdict:?} for seed {}", case.seed);
            ties += usize::from(verdict == Verdict::Tie);
        }
    }
    assert!(ties > 10, "only {ties} ties");
}

#[test]
fn bytes_are_judged_as_a_whole() {
    for case in cases(0, crate::count() / 4) {
        let refused = judge_bytes(&case, None);
        assert!(refused >= Verdict::RefusedValid, "seed {}", case.seed);
        assert_eq!(refused <= Verdict::RefusedAlready, case.right().is_some());
        let other = [&case.now.bytes[..], b"\nno edit says this"].concat();
        assert_eq!(judge_bytes(&case, Some(&other)), Verdict::Wrong, "seed {}", case.seed);
        let gone = case.edits.iter().any(|edit| edit.truth == Truth::Gone);
        let untouched = judge_bytes(&case, Some(&case.now.bytes));
        assert!(!gone || untouched >= Verdict::Unproved, "seed {}", case.seed);
    }
}
