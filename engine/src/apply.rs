//! The transaction: all of a plan's files, or none.
//!
//! [`Transaction::prepare`] writes the new bytes into slots and the intent into
//! the journal; [`Prepared::commit`] swaps the files one by one, each only if it
//! still holds what was planned against, and takes everything back if one does
//! not. [`recover`] finishes or takes back what a death left in between.
//!
//! The order is what makes it hold, and there are two flushes whatever the
//! number of files:
//!
//! ```text
//! stage slots → flush slots ∥ (INTENT, barrier) → swap each file
//!             → flush directories ∥ (COMMIT, barrier) → answer
//! ```
//!
//! # Not promised
//! Programs that read the tree directly may see some files swapped before
//! others. Isolation between transactions is the caller's: it holds the queue
//! of every path.

use std::thread;

use crate::error::{Code, Refusal};
use crate::hash::ContentHash;
use crate::store::{
    Cas, Expected, Fs, FsError, Intent, Journal, JournalError, RelPath, Step, StepKind, Unfinished,
};

/// How much an answered transaction survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Death of the process and loss of power.
    #[default]
    Full,
    /// Death of the process only; nothing is flushed.
    None,
}

/// What is needed to carry out a transaction.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The files.
    pub fs: &'a dyn Fs,
    /// The log.
    pub journal: &'a dyn Journal,
    /// What to flush.
    pub durability: Durability,
}

/// The contents of one step: what must be there, and what comes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Contents<'a> {
    /// The bytes that must be there; compared at the moment of the swap.
    pub before: Option<&'a [u8]>,
    /// The bytes that come.
    pub after: Option<&'a [u8]>,
    /// The file whose attributes a created one gets, if it takes its place.
    pub like: Option<&'a RelPath>,
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
    pub fn prepare(self) -> Result<Prepared<'a>, Refusal> {
        if let Err(refusal) = self.stage().and_then(|()| self.record()) {
            self.clean_up();
            return Err(refusal);
        }
        Ok(Prepared { transaction: self, done: Vec::new() })
    }

    fn stage(&self) -> Result<(), Refusal> {
        for (step, contents) in self.intent.steps.iter().zip(&self.contents) {
            let like = (step.kind == StepKind::Modify).then_some(&step.path).or(contents.like);
            if let Some(after) = contents.after.filter(|_| uses_staging(step)) {
                self.context.fs.stage(&step.slot, like, after).map_err(|e| e.refuse(&step.path))?;
            }
        }
        Ok(())
    }

    fn record(&self) -> Result<(), Refusal> {
        let Context { fs, journal, durability } = self.context;
        journal.begin(&self.intent).map_err(journal_refusal)?;
        if durability == Durability::None {
            return Ok(());
        }
        let staged = self.intent.steps.iter().filter(|step| uses_staging(step));
        let flush = |step: &Step| fs.sync_slot(&step.slot).map_err(|e| e.refuse(&step.path));
        let flushed = in_parallel(staged, flush, || journal.barrier().map_err(journal_refusal));
        flushed.inspect_err(|_| {
            // The intent may be on disk: it must not be taken for an open one.
            let _aborted = journal.abort(self.intent.tx);
        })
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
    /// Swaps the files and writes the commit. Returns how well each swap was
    /// protected, in the order of the steps.
    ///
    /// # Errors
    /// `stale` where a file no longer holds what was planned against, `busy`
    /// where somebody writes to it, or what the file system said. Everything
    /// done before has been taken back then.
    pub fn commit(mut self) -> Result<Vec<Cas>, Refusal> {
        let steps = self.transaction.intent.steps.clone();
        for (index, step) in steps.iter().enumerate() {
            match self.step(index, step) {
                Ok(done) => self.done.push(done),
                Err(error) => {
                    self.roll_back()?;
                    return Err(error.refuse(&step.path));
                }
            }
        }
        self.finish(&steps)?;
        Ok(self.done.iter().map(|done| done.cas).collect())
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
    fn finish(&self, steps: &[Step]) -> Result<(), Refusal> {
        let Context { fs, journal, durability } = self.transaction.context;
        let tx = self.transaction.intent.tx;
        journal.commit(tx).map_err(journal_refusal)?;
        if durability == Durability::None {
            return Ok(());
        }
        let flush = |step: &Step| sync_step(fs, step).map_err(|e| e.refuse(&step.path));
        in_parallel(steps.iter(), flush, || journal.barrier().map_err(journal_refusal))?;
        journal.settle(tx);
        Ok(())
    }

    /// Takes back what was done, in reverse, and writes the abort.
    ///
    /// # Errors
    /// `conflict` where another program wrote to a file after it was swapped:
    /// its bytes stay, and ours stay in the journal for recovery.
    pub fn roll_back(&mut self) -> Result<(), Refusal> {
        let Context { fs, journal, durability } = self.transaction.context;
        let intent = &self.transaction.intent;
        for (step, done) in intent.steps.iter().zip(self.done.drain(..)).rev() {
            undo_step(fs, step).map_err(|error| {
                let text = format!("the transaction could not be taken back here: {error}");
                Refusal::new(Code::Conflict, text).at(step.path.as_str())
            })?;
            fs.prune(step.new_path(), done.made);
        }
        journal.abort(intent.tx).map_err(journal_refusal)?;
        if durability == Durability::Full {
            journal.barrier().map_err(journal_refusal)?;
        }
        self.transaction.clean_up();
        Ok(())
    }
}

/// What recovery did with one unfinished transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// The transaction.
    pub tx: u64,
    /// Whether its files now hold what it wrote; otherwise they hold what was
    /// there before it.
    pub committed: bool,
}

/// Finishes or takes back every transaction that a death left open. Idempotent:
/// it may itself die anywhere and be run again.
///
/// A transaction is finished where it was committed (a power loss may still
/// have undone its swaps), or where every file is either done or can still be
/// done; otherwise what was done of it is taken back. Bytes that are neither
/// the old nor the new ones are somebody's work and are left alone.
///
/// # Errors
/// Where the journal or the file system fails; the rest stays open.
pub fn recover(context: Context<'_>) -> Result<Vec<Recovered>, Refusal> {
    let Context { fs, journal, durability } = context;
    let mut recovered = Vec::new();
    for Unfinished { intent, committed } in journal.unfinished().map_err(journal_refusal)? {
        let forward =
            committed || intent.steps.iter().all(|step| stage_of(fs, step) != Stage::Foreign);
        let steps: Box<dyn Iterator<Item = &Step>> = match forward {
            true => Box::new(intent.steps.iter()),
            false => Box::new(intent.steps.iter().rev()),
        };
        for step in steps {
            match (stage_of(fs, step), forward) {
                (Stage::Todo, true) => do_step(fs, step).map_err(|e| e.refuse(&step.path))?,
                (Stage::Done, false) => undo_step(fs, step).map_err(|e| e.refuse(&step.path))?,
                _ => {}
            }
            if durability == Durability::Full {
                sync_step(fs, step).map_err(|error| error.refuse(&step.path))?;
            }
        }
        end(journal, intent.tx, committed, forward).map_err(journal_refusal)?;
        if !forward {
            intent.steps.iter().for_each(|step| discard_if_ours(fs, step));
        }
        recovered.push(Recovered { tx: intent.tx, committed: forward });
    }
    Ok(recovered)
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has happened, and it still can.
    Todo,
    /// It has happened.
    Done,
    /// Neither: somebody else was there.
    Foreign,
}

fn stage_of(fs: &dyn Fs, step: &Step) -> Stage {
    let file = |path| fs.read(path, u64::MAX).ok().map(|(bytes, _)| ContentHash::of(&bytes));
    let slot = || fs.read_slot(&step.slot, u64::MAX).ok().map(|bytes| ContentHash::of(&bytes));
    let at_path = file(&step.path);
    let (todo, done) = match &step.kind {
        StepKind::Modify => (at_path == step.before && slot() == step.after, at_path == step.after),
        StepKind::Create => (at_path.is_none() && slot() == step.after, at_path == step.after),
        StepKind::Remove => (at_path == step.before, slot() == step.before),
        StepKind::Move { to } => {
            let at_target = file(to);
            let here = at_path == step.before && at_target.is_none();
            (here, at_path.is_none() && at_target == step.before)
        }
    };
    match (done, todo) {
        (true, _) => Stage::Done,
        (false, true) => Stage::Todo,
        (false, false) => Stage::Foreign,
    }
}

fn do_step(fs: &dyn Fs, step: &Step) -> Result<(), FsError> {
    let before = || step.before.map(Expected::Hash).ok_or(FsError::Missing);
    match &step.kind {
        StepKind::Modify => fs.exchange(&step.slot, &step.path, before()?).map(|_| ()),
        StepKind::Create => fs.place(&step.slot, &step.path).map(|_| ()),
        StepKind::Remove => fs.take(&step.path, &step.slot, before()?).map(|_| ()),
        StepKind::Move { to } => fs.rename(&step.path, to, before()?).map(|_| ()),
    }
}

fn undo_step(fs: &dyn Fs, step: &Step) -> Result<(), FsError> {
    let after = || step.after.map(Expected::Hash).ok_or(FsError::Missing);
    match &step.kind {
        StepKind::Modify => fs.exchange(&step.slot, &step.path, after()?).map(|_| ()),
        StepKind::Create => fs.take(&step.path, &step.slot, after()?).map(|_| ()),
        StepKind::Remove => fs.place(&step.slot, &step.path).map(|_| ()),
        StepKind::Move { to } => {
            let before = step.before.map(Expected::Hash).ok_or(FsError::Missing)?;
            fs.rename(to, &step.path, before).map(|_| ())
        }
    }
}

fn sync_step(fs: &dyn Fs, step: &Step) -> Result<(), FsError> {
    fs.sync_names(&step.path, &step.slot)?;
    match &step.kind {
        StepKind::Move { to } => fs.sync_names(to, &step.slot),
        _ => Ok(()),
    }
}

/// Removes the slot of a step that did not happen, unless it holds bytes that
/// are not ours.
fn discard_if_ours(fs: &dyn Fs, step: &Step) {
    let held = fs.read_slot(&step.slot, u64::MAX).map(|bytes| ContentHash::of(&bytes));
    if held.is_ok_and(|hash| Some(hash) == step.after) {
        let _gone = fs.discard(&step.slot);
    }
}

fn uses_staging(step: &Step) -> bool {
    matches!(step.kind, StepKind::Modify | StepKind::Create)
}

impl Step {
    /// Returns the path at which the file stands after the step.
    pub fn new_path(&self) -> &RelPath {
        match &self.kind {
            StepKind::Move { to } => to,
            _ => &self.path,
        }
    }
}

/// Runs `each` on all items and `also`, at once: a flush is nearly all waiting.
fn in_parallel<'s, E: Send>(
    items: impl Iterator<Item = &'s Step>,
    each: impl Fn(&'s Step) -> Result<(), E> + Sync,
    also: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let each = &each;
        let others: Vec<_> = items.map(|item| scope.spawn(move || each(item))).collect();
        let mut result = also();
        for other in others {
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(other);
        }
        result
    })
}

fn journal_refusal(error: JournalError) -> Refusal {
    Refusal::new(Code::Denied, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fault, FaultFs, MemFs, MemJournal, RelPath};
    use std::collections::BTreeMap;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).expect("a plain path")
    }

    fn files(pairs: &[(&str, &str)]) -> BTreeMap<RelPath, Vec<u8>> {
        pairs.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect()
    }

    fn before() -> BTreeMap<RelPath, Vec<u8>> {
        files(&[("edit", "one"), ("remove", "two"), ("move", "three")])
    }

    fn after() -> BTreeMap<RelPath, Vec<u8>> {
        files(&[("edit", "ONE"), ("create", "new"), ("moved/here", "three")])
    }

    /// One step of each kind.
    fn intent() -> (Intent, Vec<Contents<'static>>) {
        let hash = |text: &str| Some(ContentHash::of(text.as_bytes()));
        let step = |index: usize, name: &str, kind, before, after| Step {
            path: path(name),
            kind,
            before,
            after,
            slot: crate::store::Slot { beside: None, name: format!("1-{index}") },
        };
        let steps = vec![
            step(0, "edit", StepKind::Modify, hash("one"), hash("ONE")),
            step(1, "create", StepKind::Create, None, hash("new")),
            step(2, "remove", StepKind::Remove, hash("two"), None),
            step(3, "move", StepKind::Move { to: path("moved/here") }, hash("three"), None),
        ];
        let contents = |before: Option<&'static str>, after: Option<&'static str>| Contents {
            before: before.map(str::as_bytes),
            after: after.map(str::as_bytes),
            like: None,
        };
        let contents = vec![
            contents(Some("one"), Some("ONE")),
            contents(None, Some("new")),
            contents(Some("two"), None),
            contents(Some("three"), None),
        ];
        (Intent { tx: 1, steps }, contents)
    }

    fn run(fs: &dyn Fs, journal: &MemJournal) -> Result<Vec<Cas>, Refusal> {
        let (intent, contents) = intent();
        let context = Context { fs, journal, durability: Durability::Full };
        Transaction::new(context, intent, contents).prepare()?.commit()
    }

    fn recover_all(fs: &MemFs, journal: &MemJournal) {
        for _ in 0..2 {
            let context = Context { fs, journal, durability: Durability::Full };
            recover(context).expect("recovery needs nothing that fails here");
        }
    }

    #[test]
    fn every_kind_of_step_takes_effect() {
        let (fs, journal) = (MemFs::with(before()), MemJournal::default());
        assert_eq!(run(&fs, &journal).map(|cas| cas.len()), Ok(4));
        assert_eq!(fs.files(), after());
        assert_eq!(journal.outcome(1), Some(true));
    }

    #[test]
    fn an_error_at_any_call_leaves_all_or_none() {
        let mut failed = 0;
        for at in 0..40 {
            let (fs, journal) = (MemFs::with(before()), MemJournal::default());
            let fs = FaultFs::new(fs, Fault::Once, at);
            let result = run(&fs, &journal);
            let fs = fs.into_inner();
            if result.is_err() && journal.outcome(1) != Some(true) {
                failed += 1;
                assert_eq!(fs.files(), before(), "call {at}");
            }
            recover_all(&fs, &journal);
            let expected = if journal.outcome(1) == Some(true) { after() } else { before() };
            assert_eq!(fs.files(), expected, "call {at} after recovery");
        }
        assert!(failed >= 8, "only {failed} calls failed before the commit");
    }

    #[test]
    fn death_at_any_call_leaves_all_or_none() {
        let mut outcomes = Vec::new();
        for at in 0..40 {
            let (fs, journal) = (MemFs::with(before()), MemJournal::default());
            let fs = FaultFs::new(fs, Fault::Forever, at);
            let answered = run(&fs, &journal).is_ok();
            let fs = fs.into_inner();
            recover_all(&fs, &journal);
            let applied = fs.files() == after();
            assert!(applied || fs.files() == before(), "call {at}: {:?}", fs.files());
            assert!(applied || !answered, "call {at}: an answered transaction is gone");
            outcomes.push(applied);
        }
        assert!(outcomes.contains(&true) && outcomes.contains(&false));
    }

    #[test]
    fn a_file_that_changed_meanwhile_takes_everything_back() {
        for name in ["edit", "remove", "move", "create", "moved/here"] {
            let (fs, journal) = (MemFs::with(before()), MemJournal::default());
            let (intent, contents) = intent();
            let context = Context { fs: &fs, journal: &journal, durability: Durability::None };
            let prepared = Transaction::new(context, intent, contents).prepare();
            let prepared = prepared.expect("nothing has changed yet");
            fs.put(&path(name), b"somebody else".to_vec());
            let refusal = prepared.commit().expect_err("the file changed");
            assert!(matches!(refusal.code, Code::Stale | Code::Exists), "{name}: {refusal}");
            let mut expected = before();
            expected.insert(path(name), b"somebody else".to_vec());
            assert_eq!(fs.files(), expected, "{name}");
            assert_eq!(journal.outcome(1), Some(false));
        }
    }

    #[test]
    fn recovery_leaves_other_peoples_bytes_alone() {
        let (fs, journal) = (MemFs::with(before()), MemJournal::default());
        let dying = FaultFs::new(fs, Fault::Forever, 5);
        run(&dying, &journal).expect_err("it dies between two swaps");
        let fs = dying.into_inner();
        fs.put(&path("remove"), b"somebody else".to_vec());
        recover_all(&fs, &journal);
        let mut expected = before();
        expected.insert(path("remove"), b"somebody else".to_vec());
        assert_eq!(fs.files(), expected);
    }
}
