//! The benchmark of edit formats: the same real edits in every format, under
//! real drift and real mistakes, scored on bytes, with and without a model.
//!
//! Four layers, one row schema:
//!
//! ```text
//! corpus ── tasks ──┐
//! format × applier ─┼─ driver (free, replay, live) ── rows ── results.jsonl
//! mistakes ─────────┘                                            │
//!                                                    report, compare, DuckDB
//! ```
//!
//! The oracle is never our own applier: without drift it is the known content
//! afterwards, with drift it is what `git merge-file` makes of the three
//! contents. `docs/benchmark.md` says what the figures mean.

pub mod apply;
pub mod builds;
pub mod corpus;
pub mod dice;
pub mod external;
pub mod files;
pub mod format;
mod free;
pub mod linehash;
pub mod live;
pub mod mistakes;
pub mod replay;
pub mod row;
pub mod run;
pub mod score;
pub mod task;

use std::io;
use std::path::PathBuf;

/// Why a benchmark cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file or a program could not be reached.
    #[error("{what}: {error}")]
    Io {
        /// The file or program.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// A corpus, a result or an answer does not read as one.
    #[error("{0}")]
    Malformed(String),
    /// A program that is needed said no.
    #[error("{program} failed: {message}")]
    Program {
        /// Its name.
        program: String,
        /// The end of what it wrote.
        message: String,
    },
    /// Downloaded bytes are not those of the manifest.
    #[error("{path}: the checksum is {found}, the manifest says {expected}")]
    Checksum {
        /// The archive.
        path: PathBuf,
        /// The manifest's.
        expected: String,
        /// That of the bytes.
        found: String,
    },
    /// What is asked for does not exist or does not go together.
    #[error("{0}")]
    Usage(String),
}

impl BenchError {
    /// Returns a function that makes the error of `what` out of what the system
    /// said.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> BenchError {
        let what = what.into();
        move |error| BenchError::Io { what, error }
    }
}
