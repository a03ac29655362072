//! A store that breaks on purpose: the n-th call that writes fails, or the
//! process "dies" there and every later call fails too.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    Cas, Expected, Fs, FsError, Intent, Journal, JournalError, Like, RelPath, Slot, Stamp, Trouble,
    Unfinished,
};
use crate::hash::ContentHash;

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This call fails, later ones work again.
    Once,
    /// This call and all that follow fail, as if the process were gone.
    Forever,
}

/// Which call fails, and how. One value counts the calls of everything it is
/// given to, in the order they are made.
#[derive(Debug)]
pub struct Faults {
    fault: Fault,
    /// The call that fails, counted from 0.
    at: u64,
    error: ErrorKind,
    calls: AtomicU64,
}

impl Faults {
    /// Returns a fault at writing call number `at`, from 0, that looks like
    /// `error`.
    pub fn new(fault: Fault, at: u64, error: ErrorKind) -> Arc<Faults> {
        Arc::new(Faults { fault, at, error, calls: AtomicU64::new(0) })
    }

    /// Returns the number of writing calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn count(&self) -> Result<(), std::io::Error> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let fails = match self.fault {
            Fault::Once => call == self.at,
            Fault::Forever => call >= self.at,
        };
        if fails { Err(self.error.into()) } else { Ok(()) }
    }
}

/// Wraps a journal and lets one of its writing calls fail.
#[derive(Debug)]
pub struct FaultJournal<'a, J> {
    inner: &'a J,
    faults: Arc<Faults>,
}

impl<'a, J: Journal> FaultJournal<'a, J> {
    /// Returns `inner` with these faults.
    pub fn new(inner: &'a J, faults: &Arc<Faults>) -> FaultJournal<'a, J> {
        FaultJournal { inner, faults: Arc::clone(faults) }
    }

    fn count(&self) -> Result<(), JournalError> {
        self.faults.count().map_err(|error| {
            let trouble = Trouble::of(&error);
            JournalError { text: error.to_string(), trouble }
        })
    }
}

impl<J: Journal> Journal for FaultJournal<'_, J> {
    fn begin(&self, intent: &Intent) -> Result<(), JournalError> {
        self.count()?;
        self.inner.begin(intent)
    }

    fn commit(&self, tx: u64) -> Result<(), JournalError> {
        self.count()?;
        self.inner.commit(tx)
    }

    fn abort(&self, tx: u64) -> Result<(), JournalError> {
        self.count()?;
        self.inner.abort(tx)
    }

    fn barrier(&self) -> Result<(), JournalError> {
        self.count()?;
        self.inner.barrier()
    }

    fn settle(&self, tx: u64) {
        self.inner.settle(tx);
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>, JournalError> {
        self.inner.unfinished()
    }
}

/// Wraps a file system and lets one of its writing calls fail.
#[derive(Debug)]
pub struct FaultFs<'a, F> {
    inner: &'a F,
    faults: Arc<Faults>,
}

impl<'a, F: Fs> FaultFs<'a, F> {
    /// Returns `inner` with these faults.
    pub fn new(inner: &'a F, faults: &Arc<Faults>) -> FaultFs<'a, F> {
        FaultFs { inner, faults: Arc::clone(faults) }
    }

    fn count(&self) -> Result<(), FsError> {
        self.faults.count().map_err(|error| FsError::Io { action: "injected", error })
    }
}

impl<F: Fs> Fs for FaultFs<'_, F> {
    fn resolve(&self, path: &RelPath) -> Result<RelPath, FsError> {
        self.inner.resolve(path)
    }

    fn stamp(&self, path: &RelPath) -> Result<Stamp, FsError> {
        self.inner.stamp(path)
    }

    fn read(&self, path: &RelPath, limit: u64) -> Result<(Vec<u8>, Stamp), FsError> {
        self.inner.read(path, limit)
    }

    fn check_writable(&self, path: &RelPath) -> Result<(), FsError> {
        self.inner.check_writable(path)
    }

    fn slot_for(&self, tx: u64, index: usize, path: &RelPath) -> Result<Slot, FsError> {
        self.inner.slot_for(tx, index, path)
    }

    fn stage(&self, slot: &Slot, like: Option<Like<'_>>, bytes: &[u8]) -> Result<(), FsError> {
        self.count()?;
        self.inner.stage(slot, like, bytes)
    }

    fn read_slot(&self, slot: &Slot, limit: u64) -> Result<Vec<u8>, FsError> {
        self.inner.read_slot(slot, limit)
    }

    fn slots(&self, beside: &[RelPath]) -> Result<Vec<(Slot, u64)>, FsError> {
        self.inner.slots(beside)
    }

    fn retire(&self, slot: &Slot, held: ContentHash) -> Result<(), FsError> {
        self.count()?;
        self.inner.retire(slot, held)
    }

    fn discard(&self, slot: &Slot) -> Result<(), FsError> {
        self.count()?;
        self.inner.discard(slot)
    }

    fn exchange(
        &self,
        slot: &Slot,
        path: &RelPath,
        expected: Expected<'_>,
    ) -> Result<Cas, FsError> {
        self.count()?;
        self.inner.exchange(slot, path, expected)
    }

    fn place(&self, slot: &Slot, path: &RelPath) -> Result<usize, FsError> {
        self.count()?;
        self.inner.place(slot, path)
    }

    fn take(&self, path: &RelPath, slot: &Slot, expected: Expected<'_>) -> Result<Cas, FsError> {
        self.count()?;
        self.inner.take(path, slot, expected)
    }

    fn rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        expected: Expected<'_>,
    ) -> Result<(Cas, usize), FsError> {
        self.count()?;
        self.inner.rename(from, to, expected)
    }

    fn prune(&self, path: &RelPath, count: usize) {
        self.inner.prune(path, count);
    }

    fn sync_slots(&self, slots: &[&Slot]) -> Result<(), FsError> {
        self.count()?;
        self.inner.sync_slots(slots)
    }

    fn sync_names(&self, paths: &[&RelPath], slots: &[&Slot]) -> Result<(), FsError> {
        self.count()?;
        self.inner.sync_names(paths, slots)
    }
}
