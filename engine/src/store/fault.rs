//! A file system that breaks on purpose: the n-th call that writes fails, or
//! the process "dies" there and every later call fails too.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Cas, Expected, Fs, FsError, RelPath, Slot, Stamp};

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This call fails, later ones work again.
    Once,
    /// This call and all that follow fail, as if the process were gone.
    Forever,
}

/// Wraps a file system and lets one of its writing calls fail.
#[derive(Debug)]
pub struct FaultFs<F> {
    inner: F,
    fault: Fault,
    /// The call that fails, counted from 0.
    at: u64,
    calls: AtomicU64,
}

impl<F: Fs> FaultFs<F> {
    /// Returns `inner` with a fault at writing call number `at`, from 0.
    pub fn new(inner: F, fault: Fault, at: u64) -> FaultFs<F> {
        FaultFs { inner, fault, at, calls: AtomicU64::new(0) }
    }

    /// Returns the file system without the fault.
    pub fn into_inner(self) -> F {
        self.inner
    }

    /// Returns the number of writing calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn count(&self) -> Result<(), FsError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let fails = match self.fault {
            Fault::Once => call == self.at,
            Fault::Forever => call >= self.at,
        };
        if fails {
            Err(FsError::Io { action: "injected", error: std::io::ErrorKind::Other.into() })
        } else {
            Ok(())
        }
    }
}

impl<F: Fs> Fs for FaultFs<F> {
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

    fn stage(&self, slot: &Slot, like: Option<&RelPath>, bytes: &[u8]) -> Result<(), FsError> {
        self.count()?;
        self.inner.stage(slot, like, bytes)
    }

    fn read_slot(&self, slot: &Slot, limit: u64) -> Result<Vec<u8>, FsError> {
        self.inner.read_slot(slot, limit)
    }

    fn slots(&self) -> Result<Vec<(Slot, u64)>, FsError> {
        self.inner.slots()
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

    fn sync_slot(&self, slot: &Slot) -> Result<(), FsError> {
        self.count()?;
        self.inner.sync_slot(slot)
    }

    fn sync_names(&self, path: &RelPath, slot: &Slot) -> Result<(), FsError> {
        self.count()?;
        self.inner.sync_names(path, slot)
    }
}
