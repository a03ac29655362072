//! The rule of drift on hostile cases, with the names that grammars give:
//! `engine/tests/it/hostile_drift.rs` does the same without a grammar.
//!
//! `ANCHORD_CASES` is the number of cases; they are those of the seeds from 1.
//! `ANCHORD_SEEDS=FIRST..LAST` names other seeds; of a few, what goes wrong is
//! shown line by line.

use std::collections::BTreeMap;

use ::hostile::{Case, Placed, Truth, Verdict, case, judge, show, tie};
use engine::drift::{Comparison, Hunk, Verdict as Rule};
use engine::snapshot::Snapshot;
use grammars::SyntaxCheck;

/// Cases where nothing else is asked for.
const CASES: u64 = 2_000;

/// Seeds at which the rule once was wrong, or at a tie that another witness tells.
const ONCE: [u64; 6] = [119_182, 134_811, 599_392, 766_366, 804_171, 961_317];

/// So few seeds are asked for to look at them.
const FEW: u64 = 10;

#[test]
fn hostile_drift_with_grammars() {
    let seeds = ::hostile::seeds(|name| std::env::var(name).ok(), CASES);
    let (first, last) = (*seeds.start(), *seeds.end());
    let check = SyntaxCheck::default();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in seeds.map(case) {
        for (index, (placed, offers)) in place(&case, &check).into_iter().enumerate() {
            judge_offers(&case, index, &offers, &mut wrong);
            let what = verdict(&case, index, &placed);
            *counts.entry(what).or_default() += 1;
            if last - first < FEW && (what == "wrong" || what.starts_with("tie")) {
                println!("{}", show(&case, index, &placed));
            }
            match what {
                "wrong" => wrong.push(format!("seed {} edit {index}", case.seed)),
                what if what.starts_with("tie") => {
                    println!("  {what}: seed {} edit {index}, {:?}", case.seed, case.style);
                }
                _ => {}
            }
        }
    }
    println!("hostile drift with grammars (seeds {first} to {last}): {counts:?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let of = |what: &str| counts.get(what).copied().unwrap_or(0);
    let (applied, lost) = (of("valid, applied"), of("valid, refused"));
    assert!(applied * 4 >= 3 * (applied + lost), "only {applied} of {}", applied + lost);
    let ties: usize =
        counts.iter().filter(|(what, _)| what.starts_with("tie")).map(|(_, n)| n).sum();
    let most = (last - first + 1).div_ceil(100_000);
    assert!(ties as u64 <= most, "{ties} ties, where {most} should be the most");
}

#[test]
fn what_once_went_wrong_with_grammars_does_no_more() {
    let check = SyntaxCheck::default();
    for case in ONCE.map(case) {
        for (index, (placed, _)) in place(&case, &check).into_iter().enumerate() {
            let what = verdict(&case, index, &placed);
            assert!(what != "wrong" && !what.starts_with("tie"), "seed {}: {what}", case.seed);
        }
    }
}

/// Returns where each edit of a case goes, by itself, and what its refusal offers.
fn place(case: &Case, check: &SyntaxCheck) -> Vec<(Placed, Vec<Placed>)> {
    let (seen, now) = (Snapshot::of(case.seen.bytes.clone()), Snapshot::of(case.now.bytes.clone()));
    let comparison = Comparison::of(&seen, &now, case.path, Some(check));
    let place = |edit: &::hostile::Edit| {
        let text: Vec<&[u8]> = edit.text.iter().map(Vec::as_slice).collect();
        let hunk = Hunk { lines: edit.lines.clone(), text: &text };
        match comparison.place(&hunk) {
            Rule::Lands(at) => (Placed::At(at), Vec::new()),
            Rule::Done(at) => (Placed::Already(at), Vec::new()),
            Rule::Refused(_) => {
                let clues = comparison.clues(&hunk);
                let offers = clues.landing.into_iter().chain(clues.candidates);
                (Placed::Refused, offers.map(Placed::At).collect())
            }
        }
    };
    case.edits.iter().map(place).collect()
}

/// An edit with a right place is offered none without it, one without a right
/// place is offered none at all, unless it is a tie.
fn judge_offers(case: &Case, index: usize, offers: &[Placed], wrong: &mut Vec<String>) {
    let edit = &case.edits[index];
    let is_right = |placed: &Placed| judge(case, index, placed) <= Verdict::Unproved;
    let is_tie = |placed: &Placed| {
        judge(case, index, placed) == Verdict::Tie || tie(case, edit, placed).is_some()
    };
    // To do once more what is done is no harm that a retry could hide.
    let is_done = matches!(edit.truth, Truth::Already { .. });
    if offers.is_empty() || is_done || offers.iter().any(is_right) {
        return;
    }
    match offers.iter().all(is_tie) {
        true => println!("  a tie is offered: seed {} edit {index}", case.seed),
        false => wrong.push(format!("seed {} edit {index}: offered a wrong place", case.seed)),
    }
}

fn verdict(case: &Case, index: usize, placed: &Placed) -> &'static str {
    let edit = &case.edits[index];
    match judge(case, index, placed) {
        Verdict::Right | Verdict::SameBytes => "valid, applied",
        Verdict::Unproved => "loose, applied at its place",
        Verdict::Tie => tie(case, edit, placed).unwrap_or("tie, by its looks"),
        Verdict::Wrong => tie(case, edit, placed).unwrap_or("wrong"),
        _ if matches!(edit.truth, Truth::Valid { .. }) => "valid, refused",
        _ => "refused, and not valid",
    }
}
