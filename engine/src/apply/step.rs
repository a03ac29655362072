//! One step of a transaction: done, undone, flushed.

use std::thread;

use crate::store::{Expected, Fs, FsError, RelPath, Slot, Step, StepKind};

impl Step {
    /// Returns the path at which the file stands after the step.
    pub fn new_path(&self) -> &RelPath {
        match &self.kind {
            StepKind::Move { to } => to,
            _ => &self.path,
        }
    }
}

/// Does a step whose contents are known by their digests. Returns the number of
/// parent directories that were made for it.
pub(super) fn redo(fs: &dyn Fs, step: &Step) -> Result<usize, FsError> {
    let before = || step.before.map(Expected::Hash).ok_or(FsError::Missing);
    match &step.kind {
        StepKind::Modify => fs.exchange(&step.slot, &step.path, before()?).map(|_| 0),
        StepKind::Create => fs.place(&step.slot, &step.path),
        StepKind::Remove => fs.take(&step.path, &step.slot, before()?).map(|_| 0),
        StepKind::Move { to } => fs.rename(&step.path, to, before()?).map(|(_, made)| made),
    }
}

/// Takes a step back, if nobody has written to its file since.
pub(super) fn undo(fs: &dyn Fs, step: &Step) -> Result<(), FsError> {
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

/// Flushes the names that some steps changed; with each comes the number of
/// directories that were made for it, whose own names are new too.
pub(super) fn flush<'s>(
    fs: &dyn Fs,
    steps: impl Iterator<Item = (&'s Step, usize)>,
) -> Result<(), FsError> {
    let (mut paths, mut slots) = (Vec::new(), Vec::new());
    for (step, made) in steps {
        paths.push(step.path.clone());
        let mut at = Some(step.new_path().clone());
        for _ in 0..=made {
            let Some(path) = at else { break };
            at = path.parent();
            paths.push(path);
        }
        slots.push(&step.slot);
    }
    fs.sync_names(&paths.iter().collect::<Vec<_>>(), &slots)
}

/// Returns the slots that hold new bytes before the steps.
pub(super) fn staged(steps: &[Step]) -> Vec<&Slot> {
    steps.iter().filter(|step| is_staged(step)).map(|step| &step.slot).collect()
}

/// Returns whether the step's slot holds new bytes before it.
pub(super) fn is_staged(step: &Step) -> bool {
    matches!(step.kind, StepKind::Modify | StepKind::Create)
}

/// Removes the slot of a step that did not happen, unless it holds bytes that
/// are not ours.
pub(super) fn discard_if_ours(fs: &dyn Fs, step: &Step) {
    if fs.slot_hash(&step.slot).is_ok_and(|hash| Some(hash) == step.after) {
        let _gone = fs.discard(&step.slot);
    }
}

/// Runs both at once, `one` on a thread of its own if there is one to be had: a
/// flush is nearly all waiting.
pub(super) fn both<A: Send, B>(one: impl Fn() -> A + Sync, other: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, &one);
        let second = other();
        let first = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => one(),
        };
        (first, second)
    })
}
