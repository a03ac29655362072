//! What the bridge asks of whoever may start processes.
//!
//! The bridge itself starts nothing. It is handed a [`Spawn`], which knows how a
//! child is cut off from its starter: a clean environment, a process group of
//! its own, the death of the whole group with the starter's.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A program to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program, absolute.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Variables that are set in addition to those that every child gets.
    pub environment: Vec<(String, String)>,
}

/// A program that was started. Its three streams are pipes.
pub struct Guest {
    /// What it reads.
    pub input: OwnedFd,
    /// What it says.
    pub output: OwnedFd,
    /// What it complains of.
    pub errors: OwnedFd,
    /// The program itself.
    pub process: Box<dyn Process>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("id", &self.process.id()).finish_non_exhaustive()
    }
}

/// A running program with all that it started.
pub trait Process: Send {
    /// Returns the id that the system knows it by.
    fn id(&self) -> u32;

    /// Returns the memory that it holds, with all that it started, in bytes;
    /// `None` where the system does not say.
    fn memory_bytes(&self) -> Option<u64>;

    /// Returns how it ended, in words, or `None` while it runs.
    fn ended(&mut self) -> Option<String>;

    /// Kills it and all that it started, and waits for its end. Does nothing
    /// where it has ended by itself, but for what it may have left behind.
    fn kill(&mut self);
}

/// Starts programs.
pub trait Spawn: Send + Sync {
    /// Returns where `program` lies: by the search path where it is a bare name,
    /// itself where it is absolute and there.
    fn find(&self, program: &str) -> Option<PathBuf>;

    /// Starts a program.
    ///
    /// # Errors
    /// Where that cannot be done.
    fn spawn(&self, command: &Command) -> io::Result<Guest>;

    /// Returns whether there is a file or folder of this name, which decides
    /// where the project of a file begins.
    fn exists(&self, path: &Path) -> bool;
}
