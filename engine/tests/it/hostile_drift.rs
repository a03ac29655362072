//! The rule of drift against a generator that knows where every line went:
//! look-alike blocks, equal bodies, names that occur twice, and others who
//! insert, delete, swap, copy, rename, move and reformat them.
//!
//! `ANCHORD_CASES` is the number of cases; they are those of the seeds from 1.

use std::ops::Range;

use engine::plan::{Outcome, Refused};
use hostile::{Case, Edit, Placed, Truth, Verdict, cases, judge, judge_bytes, tie};

use crate::model::Tally;
use crate::shared::{Drifted, content_after, op};
use crate::sound;

/// Cases where nothing else is asked for.
const CASES: u64 = 20_000;

/// What the run must reach: valid edits that are applied, in percent.
const APPLIED: usize = 75;

#[test]
fn hostile_drift() {
    let asked = std::env::var("ANCHORD_CASES").ok().and_then(|text| text.parse().ok());
    let count = asked.unwrap_or(CASES);
    let (edits, choices, whole) = (Tally::default(), Tally::default(), Tally::default());
    let mut wrong = Vec::new();
    for case in cases(1, count) {
        for index in 0..case.edits.len() {
            if let Err(why) = one_edit(&case, index, &edits, &choices) {
                wrong.push(format!("seed {} edit {index}: {why}", case.seed));
            }
        }
        if let Err(why) = all_edits(&case, &whole) {
            wrong.push(format!("seed {}: {why}", case.seed));
        }
    }
    edits.print(&format!("hostile drift, edit by edit (seeds 1 to {count})"));
    choices.print("  what refused edits offer");
    whole.print("  all edits of a case together");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    let (applied, lost) = (edits.of("valid, applied"), edits.of("valid, refused"));
    assert!(applied * 100 >= APPLIED * (applied + lost), "only {applied} of {}", applied + lost);
}

/// Tries one edit of a case, and judges where it went.
fn one_edit(case: &Case, index: usize, edits: &Tally, choices: &Tally) -> Result<(), String> {
    let edit = &case.edits[index];
    match plan(case, &case.edits[index..=index]) {
        Ok(placed) => {
            let verdict = judge(case, index, &placed[0]);
            match verdict {
                Verdict::Right | Verdict::SameBytes => edits.count("valid, applied"),
                Verdict::Unproved => edits.count("loose, applied at its place"),
                Verdict::Tie | Verdict::Wrong => {
                    let by_looks = (verdict == Verdict::Tie).then_some("tie, by its looks");
                    let tie = tie(case, edit, &placed[0]).or(by_looks);
                    let tie = tie.ok_or("applied at a wrong place")?;
                    edits.count(tie);
                    println!("  {tie}: seed {} edit {index}, {:?}", case.seed, case.style);
                }
                other => return Err(format!("{other:?} of what was applied")),
            }
            if matches!(edit.truth, Truth::Already { .. }) {
                edits.count("  of these, done already");
            }
        }
        Err(refused) => {
            edits.count(match edit.truth {
                Truth::Valid { .. } => "valid, refused",
                Truth::Already { .. } => "done already, refused",
                Truth::Loose { .. } => "loose, refused",
                Truth::Gone => "gone, refused",
            });
            judge_choices(case, index, &refused, choices);
        }
    }
    Ok(())
}

/// Counts whether a refused edit could be retried with a choice, and whether
/// all choices are right.
fn judge_choices(case: &Case, index: usize, refused: &Refused, choices: &Tally) {
    let edit = &case.edits[index];
    let offered: Vec<&Range<usize>> =
        refused.landings[0].iter().chain(&refused.candidates[0]).collect();
    let is_right = |place: &&Range<usize>| {
        judge(case, index, &Placed::At((**place).clone())) <= Verdict::Unproved
    };
    let kind = match edit.truth {
        Truth::Valid { .. } => "valid",
        Truth::Already { .. } => "done already",
        Truth::Loose { .. } => "loose",
        Truth::Gone => "gone",
    };
    let what = match (offered.len(), offered.iter().any(is_right)) {
        (0, _) => "nothing",
        (1, true) => "the right place",
        (1, false) => "a wrong place",
        (_, true) => "several, the right one among them",
        (_, false) => "several, none right",
    };
    choices.count(format!("{kind}: {what}"));
}

/// Tries all edits of a case as one.
fn all_edits(case: &Case, whole: &Tally) -> Result<(), String> {
    let drifted = drifted(case);
    let result = drifted.plan(case.edits.iter().map(as_op).collect());
    let bytes = result.ok().map(|file| {
        assert_eq!(sound::check(&file), Ok(()), "seed {}", case.seed);
        content_after(&file)
    });
    match judge_bytes(case, bytes.as_deref()) {
        // Each edit was judged by itself; together they make no other bytes.
        Verdict::Wrong if case.edits.len() > 1 => {
            let placed = plan(case, &case.edits).expect("it was applied just now");
            let each = case.edits.iter().zip(&placed).enumerate();
            let is_fair = |(index, (edit, placed)): (usize, (&Edit, &Placed))| {
                judge(case, index, placed) <= Verdict::Unproved || tie(case, edit, placed).is_some()
            };
            let fair = each.into_iter().all(is_fair);
            whole.count("applied, with a tie");
            if fair { Ok(()) } else { Err("the bytes of all edits are wrong".into()) }
        }
        verdict => {
            whole.count(match verdict {
                Verdict::Right | Verdict::SameBytes => "right",
                Verdict::Unproved => "loose, applied",
                Verdict::Tie | Verdict::Wrong => "applied, with a tie",
                Verdict::RefusedValid => "valid, refused",
                _ => "refused rightly",
            });
            Ok(())
        }
    }
}

fn drifted(case: &Case) -> Drifted {
    Drifted::new(case.path, case.seen.bytes.clone(), case.now.bytes.clone())
}

fn as_op(edit: &Edit) -> engine::format::Op {
    let line = |line: &Vec<u8>| String::from_utf8(line.clone()).expect("the generator's text");
    let text: Vec<String> = edit.text.iter().map(line).collect();
    op(edit.lines.clone(), &text)
}

/// Returns where each of the edits went, in the lines of now.
fn plan(case: &Case, edits: &[Edit]) -> Result<Vec<Placed>, Box<Refused>> {
    let file = drifted(case).plan(edits.iter().map(as_op).collect())?;
    let place = |(edit, outcome): (&Edit, &Outcome)| match outcome.already {
        // Only a plan in which nothing else changes keeps the numbers of now.
        true => Placed::Already(outcome.lines.0 - 1..outcome.lines.1),
        false => {
            let shift = |line: usize| (line as i64 + outcome.relocated) as usize;
            Placed::At(shift(edit.lines.start)..shift(edit.lines.end))
        }
    };
    Ok(edits.iter().zip(&file.ops).map(place).collect())
}
