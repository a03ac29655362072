//! Losses of power on a disk that keeps no more than it must: recorded runs of
//! the transaction are cut at every moment, what may be left is recovered, and
//! held against what callers were told and what other programs saved. Steps that
//! the protocol consists of are left out one by one, which must be noticed.

mod crash;
mod dice;
mod oracle;
mod run;
mod sim;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use engine::apply::{Context, Durability, recover};

use dice::Dice;
use oracle::Known;
use run::Run;
use sim::{Image, Sim};

/// States of the disk in the short form; `ANCHORD_CASES` says otherwise.
const STATES: usize = 50_000;

/// States within which a missing step must be noticed.
const PATIENCE: usize = 400_000;

/// What is left out, or done too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Omit {
    Nothing,
    /// New bytes are not flushed before the swaps.
    SlotFlush,
    /// The names of the slots are not flushed before the swaps.
    SlotNameFlush,
    /// No intent is written.
    Intent,
    /// The intent is not flushed before the swaps.
    IntentBarrier,
    /// The commit is written before the swaps.
    CommitAfterSteps,
    /// No commit is written.
    Commit,
    /// The commit is not flushed before the answer.
    CommitBarrier,
    /// No directory is flushed before the answer.
    NameFlushes,
    /// Of the directories, those of the files are not flushed.
    TreeNameFlush,
    /// Of the directories, that of the slots is not flushed.
    DisplacedNameFlush,
    /// No abort is written.
    Abort,
    /// The abort is not flushed before the refusal.
    AbortBarrier,
    /// The journal is never flushed.
    Barriers,
    /// It is answered before the last flush.
    AnswerAfterFlush,
    /// It is noted as settled before its swaps are flushed.
    SettleAfterFlush,
    /// Nothing is recovered.
    Recovery,
}

/// Every step that can be left out, and where nothing can come of it, why.
const MUTANTS: [(Omit, Option<&str>); 16] = [
    (Omit::SlotFlush, None),
    (Omit::SlotNameFlush, None),
    (Omit::Intent, None),
    (Omit::IntentBarrier, None),
    (Omit::CommitAfterSteps, None),
    (Omit::Commit, None),
    (Omit::CommitBarrier, None),
    (Omit::NameFlushes, None),
    (Omit::TreeNameFlush, None),
    (Omit::DisplacedNameFlush, None),
    (Omit::Abort, None),
    (Omit::AbortBarrier, None),
    (Omit::Barriers, None),
    (Omit::AnswerAfterFlush, None),
    (Omit::SettleAfterFlush, None),
    (Omit::Recovery, None),
];

/// What came of many losses of power.
#[derive(Default)]
struct Tally {
    runs: u64,
    states: usize,
    /// The first thing that was wrong.
    wrong: Option<String>,
}

impl Tally {
    /// Cuts the power in runs until there were so many different states, or
    /// something was wrong.
    fn of(omit: Omit, states: usize) -> Tally {
        let mut tally = Tally::default();
        while tally.states < states && tally.wrong.is_none() {
            tally.runs += 1;
            tally.play(tally.runs, omit);
        }
        tally
    }

    fn play(&mut self, seed: u64, omit: Omit) {
        let run = run::record(seed, omit);
        let mut seen = HashSet::new();
        let mut dice = Dice::new(!seed);
        let start = run.start.clone();
        crash::play(start, &run.events, 5, &mut dice, &mut |count, image, dice| {
            if self.wrong.is_some() || !seen.insert(look_of(count, &image)) {
                return;
            }
            self.states += 1;
            let result = self.recovers(&run, count, &image, omit, dice);
            // Of its own, so that it does not change what else is played.
            let mut other = Dice::new(seed << 20 ^ count as u64);
            let result = result.and_then(|()| self.dies_first(&run, count, omit, &mut other));
            if let Err(what) = result {
                self.wrong = Some(format!("seed {seed} after {count} events: {what}"));
            }
        });
    }

    /// Recovers twice, checks, and now and then cuts the power of that as well.
    fn recovers(
        &mut self,
        run: &Run,
        count: usize,
        image: &Image,
        omit: Omit,
        dice: &mut Dice,
    ) -> Result<(), String> {
        let known = Known::after(run, count);
        let sim = recovered(image, omit)?;
        known.check(&sim.image())?;
        if dice.roll(8) > 0 || omit == Omit::Recovery {
            return Ok(());
        }
        let mut result = Ok(());
        crash::play(image.clone(), &sim.events(), 3, dice, &mut |_, image, _| {
            if result.is_ok() {
                self.states += 1;
                result = recovered(&image, omit)
                    .and_then(|sim| known.check(&sim.image()))
                    .map_err(|what| format!("and once more in the recovery: {what}"));
            }
        });
        result
    }
}

impl Tally {
    /// Now and then kills the process, recovers, and cuts the power only in that: of
    /// what the dead one did not flush, nothing is certain yet.
    fn dies_first(
        &mut self,
        run: &Run,
        count: usize,
        omit: Omit,
        dice: &mut Dice,
    ) -> Result<(), String> {
        if dice.roll(8) > 0 || omit == Omit::Recovery {
            return Ok(());
        }
        let known = Known::after(run, count);
        let (disk, seen) = crash::killed(run.start.clone(), &run.events[..count], dice);
        let sim = recovered(&seen, omit)?;
        known.check(&sim.image()).map_err(|what| format!("killed: {what}"))?;
        let mut result = Ok(());
        crash::play_on(disk, &sim.events(), 3, dice, &mut |_, image, _| {
            if result.is_ok() {
                self.states += 1;
                result = recovered(&image, omit)
                    .and_then(|sim| known.check(&sim.image()))
                    .map_err(|what| format!("killed, and then in the recovery: {what}"));
            }
        });
        result
    }
}

/// Returns the disk after a recovery, and another one that must find nothing.
fn recovered(image: &Image, omit: Omit) -> Result<Sim, String> {
    let sim = Sim::over(image.clone(), omit);
    if omit == Omit::Recovery {
        return Ok(sim);
    }
    let context = Context { fs: &sim, journal: &sim, durability: Durability::Full };
    recover(context).map_err(|refusal| refusal.to_string())?;
    let once = sim.image();
    let again = Sim::over(once.clone(), omit);
    let context = Context { fs: &again, journal: &again, durability: Durability::Full };
    recover(context).map_err(|refusal| refusal.to_string())?;
    match again.image().names == once.names {
        true => Ok(sim),
        false => Err("a second recovery finds something to do".into()),
    }
}

fn look_of(count: usize, image: &Image) -> u64 {
    let mut hasher = DefaultHasher::new();
    (count, image.records.len()).hash(&mut hasher);
    for name in image.names.keys() {
        (name, image.bytes(name)).hash(&mut hasher);
    }
    hasher.finish()
}

#[test]
fn whatever_a_weak_disk_keeps_nothing_answered_is_lost() {
    let states = std::env::var("ANCHORD_CASES").map_or(STATES, |text| text.parse().unwrap());
    let tally = Tally::of(Omit::Nothing, states);
    println!("weak disk: {} states of {} runs", tally.states, tally.runs);
    assert_eq!(tally.wrong, None);
}

#[test]
fn a_step_of_the_protocol_that_is_left_out_is_noticed() {
    let mut missed = Vec::new();
    for (omit, harmless) in MUTANTS {
        let patience = if harmless.is_some() { STATES / 2 } else { PATIENCE };
        let tally = Tally::of(omit, patience);
        let states = tally.states;
        match (&tally.wrong, harmless) {
            (Some(what), None) => println!("{omit:?}: noticed after {states} states: {what}"),
            (None, Some(why)) => println!("{omit:?}: harmless, as {states} states agree: {why}"),
            (wrong, _) => missed.push(format!("{omit:?}: {wrong:?} after {states} states")),
        }
    }
    let noticed = MUTANTS.iter().filter(|(_, harmless)| harmless.is_none()).count();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    println!("mutants of the protocol: {noticed} noticed, {} harmless", MUTANTS.len() - noticed);
}

/// Runs that once went wrong: a move that another program took back, a move to a
/// name that comes back, a move whose old name another program took, a move that
/// was taken back before the next one to the same name, a save into a file without
/// a name that lasts.
const ONCE_WRONG: [u64; 5] = [564, 920, 8276, 13538, 20252];

#[test]
fn runs_that_once_went_wrong_go_right() {
    for seed in ONCE_WRONG {
        let mut tally = Tally::default();
        tally.play(seed, Omit::Nothing);
        assert_eq!(tally.wrong, None);
    }
}
