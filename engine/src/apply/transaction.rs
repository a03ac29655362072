//! A transaction on its way: described, prepared, committed or taken back.

use super::step::{both, discard_if_ours, flush, is_staged, staged, undo};
use super::{Context, Durability};
use crate::error::{Code, Refusal};
use crate::store::{Cas, Expected, FsError, Intent, JournalError, Like, Step, StepKind, Trouble};

/// The contents of one step: what must be there, and what comes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Contents<'a> {
    /// The bytes that must be there; compared at the moment of the swap.
    pub before: Option<&'a [u8]>,
    /// The bytes that come.
    pub after: Option<&'a [u8]>,
    /// Whose attributes a created file gets, if it takes somebody's place.
    pub like: Option<Like<'a>>,
}

/// Why a transaction did not take effect, and what that says of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What the caller is told.
    pub refusal: Refusal,
    /// Why nothing more should be written, if so.
    pub trouble: Option<Trouble>,
}

impl Failed {
    fn of_file(error: &FsError, step: &Step) -> Failed {
        Failed { refusal: error.refuse(&step.path), trouble: error.trouble() }
    }

    fn of_journal(error: &JournalError) -> Failed {
        let refusal = Refusal::new(Code::Denied, error.to_string());
        Failed { refusal, trouble: error.trouble }
    }

    /// Returns the failure of a flush, of which nothing good can be hoped.
    fn of_flush(what: impl std::fmt::Display) -> Failed {
        let refusal = Refusal::new(Code::Denied, format!("a flush failed: {what}"));
        Failed { refusal, trouble: Some(Trouble::Flush) }
    }
}

impl From<Failed> for Refusal {
    fn from(failed: Failed) -> Refusal {
        failed.refusal
    }
}

/// A transaction that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// How well each swap was protected, in the order of the steps.
    pub cas: Vec<Cas>,
    /// Why it may not survive a loss of power, though it should: a flush failed
    /// after the commit was written. It survives the death of the process.
    pub unflushed: Option<Refusal>,
}

/// A transaction that has been described, but has not touched a file.
pub struct Transaction<'a> {
    context: Context<'a>,
    intent: Intent,
    contents: Vec<Contents<'a>>,
}

impl<'a> Transaction<'a> {
    /// Returns the transaction of `intent`, with the contents of each step.
    pub fn new(
        context: Context<'a>,
        intent: Intent,
        contents: Vec<Contents<'a>>,
    ) -> Transaction<'a> {
        debug_assert_eq!(intent.steps.len(), contents.len(), "BUG: a step without contents");
        Transaction { context, intent, contents }
    }

    /// Writes slots and intent, flushed together. No file is touched yet.
    ///
    /// # Errors
    /// With the file whose slot could not be written; nothing is left behind.
    pub fn prepare(self) -> Result<Prepared<'a>, Failed> {
        if let Err(failed) = self.stage() {
            self.clean_up();
            return Err(failed);
        }
        if let Err(error) = self.context.journal.begin(&self.intent) {
            self.clean_up();
            return Err(Failed::of_journal(&error));
        }
        if let Err(failed) = self.flush_staged() {
            // The intent may be on disk: it must not be taken for an open one,
            // and its slots stay until it cannot be.
            if self.abort().is_ok() {
                self.clean_up();
            }
            return Err(failed);
        }
        Ok(Prepared { transaction: self, done: Vec::new() })
    }

    fn stage(&self) -> Result<(), Failed> {
        for (step, contents) in self.intent.steps.iter().zip(&self.contents) {
            let own = (step.kind == StepKind::Modify).then_some(Like::File(&step.path));
            let like = own.or(contents.like);
            if let Some(after) = contents.after.filter(|_| is_staged(step)) {
                let staged = self.context.fs.stage(&step.slot, like, after);
                staged.map_err(|error| Failed::of_file(&error, step))?;
            }
        }
        Ok(())
    }

    fn flush_staged(&self) -> Result<(), Failed> {
        let Context { fs, journal, durability } = self.context;
        if durability == Durability::None {
            return Ok(());
        }
        let slots = staged(&self.intent.steps);
        let (slots, log) = both(|| fs.sync_slots(&slots), || journal.barrier());
        slots.map_err(Failed::of_flush)?;
        log.map_err(Failed::of_flush)
    }

    /// Writes that nothing has happened, for good.
    fn abort(&self) -> Result<(), JournalError> {
        let Context { journal, durability, .. } = self.context;
        journal.abort(self.intent.tx)?;
        match durability {
            Durability::Full => journal.barrier(),
            Durability::None => Ok(()),
        }
    }

    /// Removes slots that hold nothing but our own unapplied bytes.
    fn clean_up(&self) {
        for step in &self.intent.steps {
            discard_if_ours(self.context.fs, step);
        }
    }
}

/// A transaction whose new bytes and intent are on disk.
#[must_use = "a prepared transaction must be committed or rolled back"]
pub struct Prepared<'a> {
    transaction: Transaction<'a>,
    /// The steps done so far.
    done: Vec<Done>,
}

/// A step that was done.
#[derive(Debug, Clone, Copy)]
struct Done {
    cas: Cas,
    /// Parent directories that were made for it.
    made: usize,
}

impl Prepared<'_> {
    /// Swaps the files and writes the commit.
    ///
    /// # Errors
    /// `stale` where a file no longer holds what was planned against, `busy`
    /// where somebody writes to it, or what the file system or the journal said.
    /// Everything done before has been taken back then; where even that fails,
    /// the trouble is [`Trouble::Unfinished`] and recovery has to see to it.
    pub fn commit(mut self) -> Result<Committed, Failed> {
        let steps = self.transaction.intent.steps.clone();
        for (index, step) in steps.iter().enumerate() {
            match self.step(index, step) {
                Ok(done) => self.done.push(done),
                // What was done before stays as well: recovery looks at the whole.
                Err(error @ FsError::Halves(_)) => return Err(unfinished(&error, step)),
                Err(error) => return Err(self.give_up(Failed::of_file(&error, step))),
            }
        }
        let Context { journal, .. } = self.transaction.context;
        if let Err(error) = journal.commit(self.transaction.intent.tx) {
            return Err(self.give_up(Failed::of_journal(&error)));
        }
        let unflushed = self.flush(&steps).err();
        Ok(Committed { cas: self.done.iter().map(|done| done.cas).collect(), unflushed })
    }

    fn step(&self, index: usize, step: &Step) -> Result<Done, FsError> {
        let fs = self.transaction.context.fs;
        let before = self.transaction.contents[index].before.map(Expected::Bytes);
        let before = || before.ok_or(FsError::Missing);
        match &step.kind {
            StepKind::Modify => {
                fs.exchange(&step.slot, &step.path, before()?).map(|cas| Done { cas, made: 0 })
            }
            StepKind::Create => {
                fs.place(&step.slot, &step.path).map(|made| Done { cas: Cas::Strict, made })
            }
            StepKind::Remove => {
                fs.take(&step.path, &step.slot, before()?).map(|cas| Done { cas, made: 0 })
            }
            StepKind::Move { to } => {
                fs.rename(&step.path, to, before()?).map(|(cas, made)| Done { cas, made })
            }
        }
    }

    /// Makes the swaps and the commit survive, before anybody hears of them.
    fn flush(&self, steps: &[Step]) -> Result<(), Refusal> {
        let Context { fs, journal, durability } = self.transaction.context;
        if durability == Durability::None {
            return Ok(());
        }
        let done = || steps.iter().zip(self.done.iter().map(|done| done.made));
        let (names, log) = both(|| flush(fs, done()), || journal.barrier());
        names.map_err(|error| Failed::of_flush(error).refusal)?;
        log.map_err(|error| Failed::of_flush(error).refusal)?;
        journal.settle(self.transaction.intent.tx);
        Ok(())
    }

    /// Takes everything back because of `failed`.
    fn give_up(&mut self, failed: Failed) -> Failed {
        match self.roll_back() {
            Ok(()) => failed,
            Err(mut other) => {
                let (why, then) = (&failed.refusal.message, &other.refusal.message);
                other.refusal.message = format!("{why}; then {then}");
                other
            }
        }
    }

    /// Takes back what was done, in reverse, and writes the abort. A file that
    /// another program wrote to after it was swapped keeps that program's bytes;
    /// ours from before stay in its slot.
    ///
    /// # Errors
    /// `conflict` where a file was written to, once all else is taken back;
    /// what the file system or the journal said where something could not be
    /// taken back, which is then left to recovery.
    pub fn roll_back(&mut self) -> Result<(), Failed> {
        let Context { fs, durability, .. } = self.transaction.context;
        let intent = &self.transaction.intent;
        let done: Vec<_> = intent.steps.iter().zip(std::mem::take(&mut self.done)).collect();
        let mut foreign = None;
        for (step, done) in done.iter().rev() {
            match undo(fs, step) {
                Ok(()) => fs.prune(step.new_path(), done.made),
                Err(FsError::Changed | FsError::Exists | FsError::Missing) => foreign = Some(*step),
                Err(error) => return Err(unfinished(&error, step)),
            }
        }
        if let (Durability::Full, Some((first, _))) = (durability, done.first()) {
            // An abort that lasts must find all taken back: nobody looks again.
            let flushed = flush(fs, done.iter().map(|(step, done)| (*step, done.made)));
            flushed.map_err(|error| unfinished(&error, first))?;
        }
        if let Err(error) = self.transaction.abort() {
            let mut failed = Failed::of_journal(&error);
            let text = "the transaction was taken back, but that could not be written down";
            failed.refusal.message = format!("{text}: {error}");
            failed.trouble = Some(Trouble::Unfinished);
            return Err(failed);
        }
        self.transaction.clean_up();
        foreign.map_or(Ok(()), |step| Err(written_to(step)))
    }
}

fn unfinished(error: &FsError, step: &Step) -> Failed {
    let error = match error {
        FsError::Halves(why) => why.to_string(),
        error => error.to_string(),
    };
    let text = format!("the transaction could not be taken back here: {error}");
    let refusal = Refusal::new(Code::Conflict, text).at(step.path.as_str());
    Failed { refusal, trouble: Some(Trouble::Unfinished) }
}

fn written_to(step: &Step) -> Failed {
    let text = "another program wrote to the file in the middle of it, and its bytes stay";
    Failed { refusal: Refusal::new(Code::Conflict, text).at(step.path.as_str()), trouble: None }
}
