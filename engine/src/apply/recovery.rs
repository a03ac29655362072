//! Recovery: what a death left in between is finished or taken back.

use super::step::{both, discard_if_ours, flush, is_staged, redo, undo};
use super::{Context, Durability};
use crate::error::{Code, Refusal};
use crate::hash::ContentHash;
use crate::store::{Fs, FsError, Journal, JournalError, RelPath, Slot, Step, StepKind, Unfinished};

/// What recovery did with one unfinished transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The transaction.
    pub tx: u64,
    /// Whether its files now hold what it wrote; otherwise they hold what was
    /// there before it.
    pub committed: bool,
    /// Files that hold neither, because another program wrote to them.
    pub foreign: Vec<RelPath>,
}

/// Finishes or takes back every transaction that a death left open. Idempotent:
/// it may itself die anywhere and be run again.
///
/// A transaction is finished where it was committed (a power loss may still
/// have undone its swaps), or where every step is either done or can still be
/// done; otherwise what was done of it is taken back. A slot that holds the old
/// bytes proves that its step was done, whatever has become of the file since.
/// Bytes that are neither the old nor the new ones are somebody's work and are
/// left alone.
///
/// # Errors
/// Where the journal or the file system fails; the rest stays open.
pub fn recover(context: Context<'_>) -> Result<Vec<Recovered>, Refusal> {
    let mut recovered = Vec::new();
    for unfinished in context.journal.unfinished().map_err(|error| refuse(&error))? {
        recovered.push(recover_one(context, &unfinished)?);
    }
    Ok(recovered)
}

fn recover_one(context: Context<'_>, unfinished: &Unfinished) -> Result<Recovered, Refusal> {
    let Context { fs, journal, durability } = context;
    let Unfinished { intent, committed } = unfinished;
    let steps = &intent.steps;
    let stages = stages_of(fs, steps)?;
    let forward = *committed || stages.iter().all(|stage| *stage != Stage::Foreign);
    let pairs = || steps.iter().zip(&stages);
    if forward {
        let todo = pairs().filter(|(_, stage)| **stage == Stage::Todo).map(|(step, _)| step);
        flush_before(context, &todo.collect::<Vec<_>>())?;
        for (step, _) in pairs().filter(|(_, stage)| **stage == Stage::Todo) {
            redo(fs, step).map_err(|error| error.refuse(&step.path))?;
        }
    } else {
        for (step, _) in pairs().rev().filter(|(_, stage)| **stage == Stage::Done) {
            take_back(fs, step).map_err(|error| error.refuse(&step.path))?;
        }
    }
    if durability == Durability::Full {
        // Whatever directories were made for it, here or before the death.
        let flushed = flush(fs, steps.iter().map(|step| (step, usize::MAX)));
        flushed.map_err(|error| Refusal::new(Code::Denied, error.to_string()))?;
    }
    end(journal, intent.tx, *committed, forward).map_err(|error| refuse(&error))?;
    if !forward {
        steps.iter().for_each(|step| discard_if_ours(fs, step));
    }
    let foreign = pairs().filter(|(_, stage)| **stage > Stage::Done);
    let foreign = foreign.map(|(step, _)| step.new_path().clone()).collect();
    Ok(Recovered { tx: intent.tx, committed: forward, foreign })
}

/// Makes the new bytes and the intent survive before files are swapped for them: who
/// wrote them may have been killed before it flushed them.
fn flush_before(context: Context<'_>, todo: &[&Step]) -> Result<(), Refusal> {
    let Context { fs, journal, durability } = context;
    if durability == Durability::None || todo.is_empty() {
        return Ok(());
    }
    let staged: Vec<&Slot> =
        todo.iter().filter(|step| is_staged(step)).map(|step| &step.slot).collect();
    let (slots, log) = both(|| fs.sync_slots(&staged), || journal.barrier());
    slots.map_err(|error| Refusal::new(Code::Denied, error.to_string()))?;
    log.map_err(|error| refuse(&error))
}

/// Takes a step back; what another program did to the file meanwhile stays.
fn take_back(fs: &dyn Fs, step: &Step) -> Result<(), FsError> {
    match undo(fs, step) {
        Err(FsError::Changed | FsError::Exists | FsError::Missing) => Ok(()),
        result => result,
    }
}

fn end(journal: &dyn Journal, tx: u64, committed: bool, forward: bool) -> Result<(), JournalError> {
    match (committed, forward) {
        (true, _) => {}
        (false, true) => journal.commit(tx)?,
        (false, false) => journal.abort(tx)?,
    }
    journal.barrier()?;
    journal.settle(tx);
    Ok(())
}

/// How far a step has come, judged by the bytes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nothing has happened, and it still can.
    Todo,
    /// It has happened.
    Done,
    /// It has happened, and then somebody else wrote to the file.
    Overwritten,
    /// Somebody else was there, before or after: its own bytes do not tell.
    Unclear,
    /// It has not happened and cannot: somebody else was there.
    Foreign,
}

/// Returns how far each step has come.
///
/// Steps are done in order, and only once every slot is on disk. So a step that
/// was certainly done tells of the others: all before it were done, and a slot
/// that held new bytes and is gone became the file.
fn stages_of(fs: &dyn Fs, steps: &[Step]) -> Result<Vec<Stage>, Refusal> {
    let stage = |step| stage_of(fs, step).map_err(|error| error.refuse(&step.path));
    let mut stages = steps.iter().map(stage).collect::<Result<Vec<Stage>, _>>()?;
    let is_certain = |stage: &Stage| matches!(stage, Stage::Done | Stage::Overwritten);
    let certain = stages.iter().rposition(is_certain);
    for (index, (stage, step)) in stages.iter_mut().zip(steps).enumerate() {
        if *stage == Stage::Unclear {
            let proven = match step.kind {
                StepKind::Create => certain.is_some(),
                _ => certain.is_some_and(|last| index < last),
            };
            *stage = if proven { Stage::Overwritten } else { Stage::Foreign };
        }
    }
    Ok(stages)
}

fn stage_of(fs: &dyn Fs, step: &Step) -> Result<Stage, FsError> {
    let at_path = Found::of(fs.read(&step.path, u64::MAX).map(|(bytes, _)| bytes))?;
    let in_slot = || Found::of(fs.read_slot(&step.slot, u64::MAX));
    Ok(match &step.kind {
        StepKind::Modify => match in_slot()? {
            slot if slot.is(step.before) && at_path.is(step.after) => Stage::Done,
            slot if slot.is(step.before) => Stage::Overwritten,
            slot if slot.is(step.after) && at_path.is(step.before) => Stage::Todo,
            // What a late writer put into the displaced file is there.
            slot if !slot.is(step.after) && at_path.is(step.after) => Stage::Done,
            _ => Stage::Foreign,
        },
        StepKind::Create => match in_slot()? {
            Found::Nothing if at_path.is(step.after) => Stage::Done,
            Found::Nothing => Stage::Unclear,
            slot if slot.is(step.after) && at_path == Found::Nothing => Stage::Todo,
            _ => Stage::Foreign,
        },
        StepKind::Remove => match in_slot()? {
            slot if slot.is(step.before) => Stage::Done,
            Found::Nothing if at_path.is(step.before) => Stage::Todo,
            Found::Nothing => Stage::Foreign,
            _ => Stage::Overwritten,
        },
        StepKind::Move { to } => {
            let at_target = Found::of(fs.read(to, u64::MAX).map(|(bytes, _)| bytes))?;
            match (at_path, at_target) {
                (Found::Nothing, target) if target.is(step.before) => Stage::Done,
                (Found::Nothing, Found::Nothing) => Stage::Unclear,
                // Moved, and then somebody saved over it: there is no way back.
                (Found::Nothing, _) => Stage::Overwritten,
                (path, Found::Nothing) if path.is(step.before) => Stage::Todo,
                // Moved, and then somebody made a new file in the old place.
                (path, target) if !path.is(step.before) && target.is(step.before) => {
                    Stage::Overwritten
                }
                _ => Stage::Foreign,
            }
        }
    })
}

/// What was found in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Bytes(ContentHash),
    /// Something that is no file of ours: a directory, a symlink.
    Other,
}

impl Found {
    fn of(read: Result<Vec<u8>, FsError>) -> Result<Found, FsError> {
        match read {
            Ok(bytes) => Ok(Found::Bytes(ContentHash::of(&bytes))),
            Err(FsError::Missing) => Ok(Found::Nothing),
            Err(FsError::NotAFile(_) | FsError::Outside) => Ok(Found::Other),
            Err(error) => Err(error),
        }
    }

    fn is(self, hash: Option<ContentHash>) -> bool {
        hash.is_some_and(|hash| self == Found::Bytes(hash))
    }
}

fn refuse(error: &JournalError) -> Refusal {
    Refusal::new(Code::Denied, error.to_string())
}
