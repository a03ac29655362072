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

mod recovery;
mod step;
#[cfg(test)]
mod tests;
mod transaction;

pub use recovery::{Recovered, recover};
pub use transaction::{Committed, Contents, Failed, Prepared, Transaction};

use crate::store::{Fs, Journal};

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
