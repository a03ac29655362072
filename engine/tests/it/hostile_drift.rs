//! The rule of drift against a generator that knows where every line went:
//! look-alike blocks, equal bodies, names that occur twice, and others who
//! insert, delete, swap, copy, rename, move and reformat them.
//!
//! `ANCHORD_CASES` is the number of cases; they are those of the seeds from 1.
//! `ANCHORD_SEEDS=FIRST..LAST` names other seeds; of a few, what goes wrong is
//! shown line by line.

use std::cell::Cell;

use engine::plan::{Outcome, Refused};
use hostile::{Case, Edit, Placed, Truth, Verdict, case, judge, judge_bytes, show, tie};

use crate::model::Tally;
use crate::shared::{Drifted, content_after, op};
use crate::sound;

/// Cases where nothing else is asked for.
const CASES: u64 = 20_000;

/// So few seeds are asked for to look at them.
const FEW: u64 = 10;

/// What the run must reach: valid edits that are applied, in percent.
const APPLIED: usize = 75;

/// In so many cases there may be one tie.
const TIES: u64 = 100_000;

/// What is counted.
#[derive(Default)]
struct Run {
    ties: Cell<u64>,
    edits: Tally,
    choices: Tally,
    whole: Tally,
    /// Whether what goes wrong is shown line by line.
    shows: bool,
}

#[test]
fn hostile_drift() {
    crate::shared::leave_out();
    let seeds = hostile::seeds(|name| std::env::var(name).ok(), CASES);
    let (first, last) = (*seeds.start(), *seeds.end());
    let run = Run { shows: last - first < FEW, ..Run::default() };
    let mut wrong = Vec::new();
    for case in seeds.map(case) {
        for index in 0..case.edits.len() {
            if let Err(why) = one_edit(&case, index, &run) {
                wrong.push(format!("seed {} edit {index}: {why}", case.seed));
            }
        }
        if let Err(why) = all_edits(&case, &run.whole) {
            let all = plan(&case, &case.edits).unwrap_or_default();
            all.iter().enumerate().for_each(|(index, placed)| run.show(&case, index, placed));
            wrong.push(format!("seed {}: {why}", case.seed));
        }
    }
    run.edits.print(&format!("hostile drift, edit by edit (seeds {first} to {last})"));
    run.choices.print("  what refused edits offer");
    run.whole.print("  all edits of a case together");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    let (cases, ties) = (last - first + 1, run.ties.get());
    assert!(ties <= (cases / TIES).max(1), "{ties} ties in {cases} cases");
    let (applied, lost) = (run.edits.of("valid, applied"), run.edits.of("valid, refused"));
    assert!(applied * 100 >= APPLIED * (applied + lost), "only {applied} of {}", applied + lost);
}

/// Tries one edit of a case, and judges where it went.
fn one_edit(case: &Case, index: usize, run: &Run) -> Result<(), String> {
    let (edit, edits) = (&case.edits[index], &run.edits);
    match plan(case, &case.edits[index..=index]) {
        Ok(placed) => {
            let verdict = judge(case, index, &placed[0]);
            match verdict {
                Verdict::Right | Verdict::SameBytes => edits.count("valid, applied"),
                Verdict::Unproved => edits.count("loose, applied at its place"),
                Verdict::Tie | Verdict::Wrong => {
                    run.show(case, index, &placed[0]);
                    let by_looks = (verdict == Verdict::Tie).then_some("tie, by its looks");
                    let tie = tie(case, edit, &placed[0]).or(by_looks);
                    let tie = tie.ok_or("applied at a wrong place")?;
                    edits.count(tie);
                    run.ties.update(|ties| ties + 1);
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
            judge_choices(case, index, &refused, run)?;
        }
    }
    Ok(())
}

/// Counts whether a refused edit could be retried with a choice. One that has a
/// right place is offered none without it; one that has none is offered none at
/// all, unless it is a tie.
fn judge_choices(case: &Case, index: usize, refused: &Refused, run: &Run) -> Result<(), String> {
    let edit = &case.edits[index];
    let offered = refused.landings[0].iter().chain(&refused.candidates[0]);
    let offered: Vec<Placed> = offered.map(|place| Placed::At(place.clone())).collect();
    let kind = match edit.truth {
        Truth::Valid { .. } => "valid",
        Truth::Already { .. } => "done already",
        Truth::Loose { .. } => "loose",
        Truth::Gone => "gone",
    };
    let is_right = |placed: &Placed| judge(case, index, placed) <= Verdict::Unproved;
    let is_tie = |placed: &Placed| {
        judge(case, index, placed) == Verdict::Tie || tie(case, edit, placed).is_some()
    };
    let what = match (offered.len(), offered.iter().any(is_right)) {
        (0, _) => "nothing",
        (1, true) => "the right place",
        (_, true) => "several, the right one among them",
        _ if offered.iter().all(is_tie) => "ties",
        (_, false) => "wrong places",
    };
    run.choices.count(format!("{kind}: {what}"));
    if !matches!(what, "ties" | "wrong places") {
        return Ok(());
    }
    offered.iter().for_each(|placed| run.show(case, index, placed));
    if what == "ties" {
        println!("  {kind}, and a tie is offered: seed {} edit {index}", case.seed);
        return Ok(());
    }
    Err(format!("{kind}, and offered only what is wrong"))
}

impl Run {
    fn show(&self, case: &Case, index: usize, placed: &Placed) {
        if self.shows {
            println!("{}", show(case, index, placed));
        }
    }
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
    // What is done already is told in the lines of afterwards.
    let mut grown = 0;
    let place = |(edit, outcome): (&Edit, &Outcome)| match outcome.already {
        true => {
            let was = |line: usize| (line as i64 - grown) as usize;
            Placed::Already(was(outcome.lines.0 - 1)..was(outcome.lines.1))
        }
        false => {
            grown += edit.text.len() as i64 - edit.lines.len() as i64;
            let shift = |line: usize| (line as i64 + outcome.relocated) as usize;
            Placed::At(shift(edit.lines.start)..shift(edit.lines.end))
        }
    };
    Ok(edits.iter().zip(&file.ops).map(place).collect())
}
