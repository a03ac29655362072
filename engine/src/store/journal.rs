//! The journal: what a transaction is about to do, and whether it did.
//!
//! The intent is written before the first file is touched and the commit after
//! the last, so that recovery can always tell which of the two the files should
//! look like.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{RelPath, Slot, Trouble};
use crate::hash::ContentHash;

/// What a transaction is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The number of the transaction; never used twice in a root.
    pub tx: u64,
    /// What happens to each file, in this order.
    pub steps: Vec<Step>,
}

/// What happens to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file.
    pub path: RelPath,
    /// What happens.
    pub kind: StepKind,
    /// The content before; `None` where there was no file.
    pub before: Option<ContentHash>,
    /// The content after; `None` where no file is left at `path`.
    pub after: Option<ContentHash>,
    /// Holds the new bytes before the step, the old ones after it.
    pub slot: Slot,
}

/// The four things that can happen to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepKind {
    /// Slot and file change places.
    Modify,
    /// The slot becomes the file.
    Create,
    /// The file becomes the slot.
    Remove,
    /// The file gets another path; the slot is not used.
    Move {
        /// The new path.
        to: RelPath,
    },
}

/// The journal could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal: {text}")]
pub struct JournalError {
    /// What went wrong.
    pub text: String,
    /// What that says of the writes that follow, if anything.
    pub trouble: Option<Trouble>,
}

impl JournalError {
    /// Returns an error that says nothing of the writes that follow.
    pub fn new(text: impl Into<String>) -> JournalError {
        JournalError { text: text.into(), trouble: None }
    }
}

/// A log of transactions.
///
/// A record written by `begin`, `commit` or `abort` survives the death of the
/// process at once, and a power loss after the next [`Journal::barrier`].
pub trait Journal: Send + Sync {
    /// Writes what is about to happen.
    fn begin(&self, intent: &Intent) -> Result<(), JournalError>;

    /// Writes that it happened.
    fn commit(&self, tx: u64) -> Result<(), JournalError>;

    /// Writes that it did not happen, or was taken back.
    fn abort(&self, tx: u64) -> Result<(), JournalError>;

    /// Makes everything written so far survive a power loss.
    fn barrier(&self) -> Result<(), JournalError>;

    /// Notes that the swaps of a committed transaction survive a power loss by
    /// now, so that recovery need not look at it again. May be lost.
    fn settle(&self, tx: u64);

    /// Returns the transactions that recovery has to look at, oldest first.
    fn unfinished(&self) -> Result<Vec<Unfinished>, JournalError>;
}

/// A transaction that a death may have left in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// What it was about to do.
    pub intent: Intent,
    /// Whether its commit is written, so that it must be finished.
    pub committed: bool,
}

/// A journal in memory, for tests.
#[derive(Debug, Default)]
pub struct MemJournal {
    records: Mutex<Vec<Record>>,
}

#[derive(Debug)]
struct Record {
    intent: Intent,
    committed: Option<bool>,
    settled: bool,
}

impl MemJournal {
    /// Returns how transaction `tx` ended: `Some(true)` committed,
    /// `Some(false)` aborted, `None` unfinished or unknown.
    pub fn outcome(&self, tx: u64) -> Option<bool> {
        self.lock().iter().find(|record| record.intent.tx == tx)?.committed
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, tx: u64, committed: bool) -> Result<(), JournalError> {
        let mut records = self.lock();
        match records.iter_mut().find(|record| record.intent.tx == tx) {
            Some(record) if record.committed.is_none() => {
                record.committed = Some(committed);
                Ok(())
            }
            _ => Err(JournalError::new(format!("transaction {tx} is not open"))),
        }
    }
}

impl Journal for MemJournal {
    fn begin(&self, intent: &Intent) -> Result<(), JournalError> {
        let intent = intent.clone();
        self.lock().push(Record { intent, committed: None, settled: false });
        Ok(())
    }

    fn commit(&self, tx: u64) -> Result<(), JournalError> {
        self.end(tx, true)
    }

    fn abort(&self, tx: u64) -> Result<(), JournalError> {
        self.end(tx, false)
    }

    fn barrier(&self) -> Result<(), JournalError> {
        Ok(())
    }

    fn settle(&self, tx: u64) {
        for record in self.lock().iter_mut().filter(|record| record.intent.tx == tx) {
            record.settled = true;
        }
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>, JournalError> {
        let records = self.lock();
        let open =
            records.iter().filter(|record| record.committed != Some(false) && !record.settled);
        let unfinished = |record: &Record| Unfinished {
            intent: record.intent.clone(),
            committed: record.committed == Some(true),
        };
        Ok(open.map(unfinished).collect())
    }
}
