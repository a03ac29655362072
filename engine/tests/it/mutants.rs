//! Clauses of the rule of drift left out on purpose, one by one: a suite must
//! notice each, or it stands here why none can.
//!
//! This is no part of an ordinary build: it takes the feature `mutants`.

use std::process::Command;

use engine::drift::Clause;

/// The suites, the quickest first.
const SUITES: [&str; 8] = [
    "seeds_that_went_wrong",
    "seeds_that_were_offered_a_wrong_place",
    "drift_rules",
    "byte_probes",
    "better_hashline_drift",
    "drift_fuzz",
    "hostile_drift::hostile_drift",
    "real_drift_is_followed_or_refused",
];

/// Seeds of hostile drift that are tried without a clause.
const CASES: &str = "60000";

const UNBOUNDED: &str = "no suite asks for a place in a diff that was cut short";

const OTHERS: &str = "with the other clauses in place no case tells it from none; it is kept, as what it \
                      asks for was not shown to follow from them";

const FEWER: &str = "without it no wrong place is offered, but more that are ties; without all of \
                     these together wrong ones are, in 2 of a million fresh cases";

/// Clauses that no suite misses, and why each is kept.
const REDUNDANT: [(Clause, &str); 25] = [
    (Clause::Complete, UNBOUNDED),
    (Clause::SlideStrangers, OTHERS),
    (Clause::SlideStands, OTHERS),
    (Clause::SlideInWhole, OTHERS),
    (Clause::SlideCopies, OTHERS),
    (Clause::Island, OTHERS),
    (Clause::NamedStands, OTHERS),
    (Clause::None, OTHERS),
    (Clause::CloseLookAlike, OTHERS),
    (Clause::RenamedFar, OTHERS),
    (Clause::RenamedTwins, OTHERS),
    (Clause::RenamedStrangers, OTHERS),
    (Clause::DoneSays, OTHERS),
    (Clause::DoneLess, OTHERS),
    (Clause::DoneStays, OTHERS),
    (Clause::DoneGone, OTHERS),
    (Clause::DoneNextDoor, OTHERS),
    (Clause::DoneFewer, OTHERS),
    (Clause::DoneKnown, OTHERS),
    (Clause::OfferNotElsewhere, OTHERS),
    (Clause::OfferWords, FEWER),
    (Clause::OfferStays, FEWER),
    (Clause::OfferTwins, FEWER),
    (Clause::OfferStrangers, FEWER),
    (Clause::OfferConserved, FEWER),
];

/// Returns the first suite that fails without a clause.
#[expect(clippy::unwrap_used, reason = "a part of a test")]
fn noticed_by(clause: Clause) -> Option<String> {
    SUITES.iter().find_map(|suite| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([suite, "--test-threads", "1"]);
        command.env("ANCHORD_LACKS", format!("{clause:?}")).env("ANCHORD_CASES", CASES);
        let output = command.output().unwrap();
        (!output.status.success()).then(|| (*suite).to_owned())
    })
}

/// Runs for minutes.
#[test]
fn every_clause_is_missed() {
    let only = std::env::var("ANCHORD_MUTANT").ok();
    let (mut noticed, mut redundant) = (0, 0);
    let mut unnoticed = Vec::new();
    for clause in Clause::ALL {
        if only.as_ref().is_some_and(|only| !format!("{clause:?}").starts_with(only)) {
            continue;
        }
        let known = REDUNDANT.iter().find(|(known, _)| *known == clause);
        match (noticed_by(clause), known) {
            (Some(suite), None) => {
                noticed += 1;
                println!("{clause:?}: noticed by {suite}");
            }
            (None, Some((_, why))) => {
                redundant += 1;
                println!("{clause:?}: redundant: {why}");
            }
            (Some(suite), Some(_)) => panic!("{clause:?} is not redundant: {suite} notices"),
            (None, None) => unnoticed.push(clause),
        }
    }
    println!("mutants of the rule of drift: {noticed} noticed, {redundant} redundant");
    assert!(unnoticed.is_empty(), "not noticed: {unnoticed:?}");
}
