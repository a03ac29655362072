//! Trouble: what keeps a store from taking more changes, until somebody acts.

use std::fmt;

/// Why a store must not be written to any more.
///
/// A single call that fails is an error; this is what it says of all that
/// follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The disk is full, or a quota is.
    Full,
    /// The file system takes no changes.
    ReadOnly,
    /// The journal's disk fails to read or write.
    Failing,
    /// A flush failed: what was written before it may be gone, and a second
    /// flush that succeeds would prove nothing.
    Flush,
    /// A transaction could be neither finished nor taken back.
    Unfinished,
    /// The journal does not read as what was written.
    Damaged,
}

impl Trouble {
    /// Returns the trouble that an error of the system stands for, if it says
    /// more than that one call failed.
    pub fn of(error: &std::io::Error) -> Option<Trouble> {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(Trouble::Full),
            ErrorKind::ReadOnlyFilesystem => Some(Trouble::ReadOnly),
            _ => None,
        }
    }

    /// Returns whether it can pass by itself, so that a write may be tried again.
    pub fn may_pass(self) -> bool {
        matches!(self, Trouble::Full | Trouble::ReadOnly | Trouble::Failing)
    }

    /// Returns what somebody has to do about it.
    pub fn cure(self) -> &'static str {
        match self {
            Trouble::Full => "make room on the disk; the next edit is tried again",
            Trouble::ReadOnly => "make the file system writable; the next edit is tried again",
            Trouble::Failing => "look after the disk; the next edit is tried again",
            Trouble::Flush => "look after the disk, then start the daemon again",
            Trouble::Unfinished => "put right what the reason names; the next edit tries again",
            Trouble::Damaged => "stop the daemon and move the state directory away",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Full => "the disk is full",
            Trouble::ReadOnly => "the file system takes no changes",
            Trouble::Failing => "the disk fails",
            Trouble::Flush => "a flush failed",
            Trouble::Unfinished => "a transaction is left in between",
            Trouble::Damaged => "the state is damaged",
        })
    }
}
