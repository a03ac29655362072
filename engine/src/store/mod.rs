//! The store: files that can be compared and swapped, and the journal that
//! makes several swaps one.
//!
//! [`Fs`] is the only way to user files; [`OsFs`] is the disk, [`MemFs`] an
//! honest fake, [`FaultFs`] breaks either on purpose, [`FaultJournal`] the
//! journal. A *slot* is a file beside the tree that holds the new bytes before a
//! swap and the old ones after it: staging area, undo image and recovery
//! evidence in one. It is never moved.

mod fault;
mod journal;
mod mem;
pub mod os;
mod path;
mod trouble;

pub use fault::{Fault, FaultFs, FaultJournal, Faults};
pub use journal::{Intent, Journal, JournalError, MemJournal, Step, StepKind, Unfinished};
pub use mem::MemFs;
pub use os::OsFs;
pub use path::RelPath;
pub use trouble::Trouble;

use crate::error::{Code, Refusal};
use crate::hash::ContentHash;

/// The name of a slot. It lies in the root's slot directory, or beside the
/// target where that is another file system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The directory of the target, where the slot lies beside it.
    pub beside: Option<RelPath>,
    /// Transaction and number of the file within it, as `12-0`, after what tells
    /// one journal's slots from another's.
    pub name: String,
}

impl Slot {
    /// Returns the transaction that named the slot, and the number of its file.
    pub fn owner(&self) -> Option<(u64, usize)> {
        let mut parts = self.name.rsplit('-');
        let index = parts.next()?.parse().ok()?;
        Some((parts.next()?.parse().ok()?, index))
    }
}

/// What the file system says of a file without reading it. Two equal stamps,
/// taken a while apart, mean that nothing was written in between; it is a
/// reason to skip a read, never a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Device and inode.
    pub file: (u64, u64),
    /// Size in bytes.
    pub size: u64,
    /// Last change of the content, in nanoseconds since 1970.
    pub modified_ns: i128,
    /// Last change of content or attributes, in nanoseconds since 1970.
    pub changed_ns: i128,
}

/// Whose attributes a new file gets.
#[derive(Debug, Clone, Copy)]
pub enum Like<'a> {
    /// Those of a file, whose place it takes.
    File(&'a RelPath),
    /// Those of a file that was displaced; where it is gone, none.
    Slot(&'a Slot),
}

/// What a file must hold at the moment of a swap.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'a> {
    /// Exactly these bytes.
    Bytes(&'a [u8]),
    /// Bytes with this digest.
    Hash(ContentHash),
}

/// How well a swap was protected against programs that do not know us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cas {
    /// The bytes cannot have changed between the look and the swap.
    Strict,
    /// They were compared before and after the swap, without a lease.
    Weak,
}

impl Cas {
    /// Returns the name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Cas::Strict => "strict",
            Cas::Weak => "weak",
        }
    }
}

/// Why the file system did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// There is no such file.
    #[error("the file is not there")]
    Missing,
    /// The place is taken.
    #[error("something is there already")]
    Exists,
    /// It is a directory, a device or a pipe.
    #[error("it is {0}, not a regular file")]
    NotAFile(&'static str),
    /// The path leads out of the root.
    #[error("the path leads out of the root")]
    Outside,
    /// Permissions forbid it.
    #[error("{0}")]
    Denied(String),
    /// The file does not hold what was expected.
    #[error("the file changed")]
    Changed,
    /// Somebody is writing to the file.
    #[error("another program has the file open for writing")]
    Busy,
    /// The file passes the limit.
    #[error("the file has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// An attribute could not be kept.
    #[error("{0}")]
    Attribute(String),
    /// It was done by halves, and what was done could not be taken back.
    #[error("it could not be taken back: {0}")]
    Halves(Box<FsError>),
    /// Anything else.
    #[error("{action}: {error}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
}

impl FsError {
    /// Returns the error as a refusal of `path`.
    pub fn refuse(&self, path: &RelPath) -> Refusal {
        let code = match self {
            FsError::Missing => Code::Missing,
            FsError::Exists => Code::Exists,
            FsError::NotAFile(_) => Code::Unsupported,
            FsError::Outside | FsError::Denied(_) | FsError::Io { .. } => Code::Denied,
            FsError::Changed => Code::Stale,
            FsError::Halves(_) => Code::Conflict,
            FsError::Busy => Code::Busy,
            FsError::TooLarge { .. } => Code::TooLarge,
            FsError::Attribute(_) => Code::Attribute,
        };
        Refusal::new(code, self.to_string()).at(path.as_str())
    }

    /// Returns what the error says of the calls that follow, if anything.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            FsError::Io { error, .. } => Trouble::of(error),
            FsError::Halves(_) => Some(Trouble::Unfinished),
            _ => None,
        }
    }

    /// Returns the error of a call that was done by halves and could not be taken
    /// back because of `self`.
    pub(crate) fn by_halves(self) -> FsError {
        FsError::Halves(Box::new(self))
    }
}

/// A file system with one root. Every path is resolved beneath the root, so
/// that neither a symlink nor a race leads out of it.
pub trait Fs: Send + Sync {
    /// Returns `path` with its symlinks followed, still beneath the root. The
    /// last part need not exist.
    fn resolve(&self, path: &RelPath) -> Result<RelPath, FsError>;

    /// Returns what the system says of the file, without reading it.
    fn stamp(&self, path: &RelPath) -> Result<Stamp, FsError>;

    /// Returns the bytes of the file, unless there are more than `limit`, and
    /// the stamp they were read under.
    fn read(&self, path: &RelPath, limit: u64) -> Result<(Vec<u8>, Stamp), FsError>;

    /// Refuses where the file could not be changed without losing an attribute
    /// or breaking a permission. Nothing is written.
    fn check_writable(&self, path: &RelPath) -> Result<(), FsError>;

    /// Returns the slot for file `index` of transaction `tx`, on the file
    /// system of `path`.
    fn slot_for(&self, tx: u64, index: usize, path: &RelPath) -> Result<Slot, FsError>;

    /// Writes `bytes` into a new slot, with the attributes of `like`; refuses
    /// first what [`Fs::check_writable`] refuses of it, if it is a file.
    fn stage(&self, slot: &Slot, like: Option<Like<'_>>, bytes: &[u8]) -> Result<(), FsError>;

    /// Returns the bytes of a slot.
    fn read_slot(&self, slot: &Slot, limit: u64) -> Result<Vec<u8>, FsError>;

    /// Returns the digest of the bytes of a slot.
    fn slot_hash(&self, slot: &Slot) -> Result<ContentHash, FsError> {
        self.read_slot(slot, u64::MAX).map(|bytes| ContentHash::of(&bytes))
    }

    /// Returns the slots that this journal named, in the root's slot directory
    /// and beside these directories, with their sizes in bytes, in no order.
    fn slots(&self, beside: &[RelPath]) -> Result<Vec<(Slot, u64)>, FsError>;

    /// Removes a slot that holds this content, if nobody has it open for writing.
    fn retire(&self, slot: &Slot, held: ContentHash) -> Result<(), FsError>;

    /// Removes a slot; one that is gone already is no error.
    fn discard(&self, slot: &Slot) -> Result<(), FsError>;

    /// Swaps the slot and the file, if the file holds what is expected.
    fn exchange(&self, slot: &Slot, path: &RelPath, expected: Expected<'_>)
    -> Result<Cas, FsError>;

    /// Makes the slot the file `path`, which must not exist. Returns the number
    /// of parent directories that were made for it.
    fn place(&self, slot: &Slot, path: &RelPath) -> Result<usize, FsError>;

    /// Makes the file the slot, if it holds what is expected.
    fn take(&self, path: &RelPath, slot: &Slot, expected: Expected<'_>) -> Result<Cas, FsError>;

    /// Gives the file another path, which must be free, if it holds what is
    /// expected. Returns the number of parent directories that were made too.
    fn rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        expected: Expected<'_>,
    ) -> Result<(Cas, usize), FsError>;

    /// Removes up to `count` parent directories of `path`, innermost first, as
    /// long as they are empty.
    fn prune(&self, path: &RelPath, count: usize);

    /// Makes the bytes of these slots, and their names, survive a power loss.
    fn sync_slots(&self, slots: &[&Slot]) -> Result<(), FsError>;

    /// Makes the names in the directories of these files and slots survive a
    /// power loss.
    fn sync_names(&self, paths: &[&RelPath], slots: &[&Slot]) -> Result<(), FsError>;
}
