//! Flushes: many at once.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{self, Mode, OFlags};
use rustix::io::retry_on_intr;

use super::slots::SlotDir;
use super::{OsFs, io, open_error};
use crate::store::{FsError, Slot};

/// Something to be flushed.
pub(super) enum Flush<'a> {
    Slot(&'a Slot),
    Directory(&'a SlotDir<'a>),
}

impl Flush<'_> {
    fn run(&self, fs: &OsFs) -> Result<(), FsError> {
        let flush = |file: BorrowedFd<'_>| retry_on_intr(|| fs::fsync(file)).map_err(io("flush"));
        match self {
            Flush::Directory(directory) => flush(directory.as_fd()),
            Flush::Slot(slot) => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let directory = fs.slot_dir(slot)?;
                let file = fs::openat(directory, slot.name.as_str(), flags, Mode::empty());
                flush(file.map_err(open_error)?.as_fd())
            }
        }
    }
}

/// The most flushes under way at once.
const FLUSHERS: usize = 24;

/// Flushes all at once: a flush is nearly all waiting, and the disk gathers
/// those that wait together.
pub(super) fn flush_all(fs: &OsFs, all: &[Flush<'_>]) -> Result<(), FsError> {
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    let run = |some: &[Flush<'_>]| some.iter().try_for_each(|one| one.run(fs));
    std::thread::scope(|scope| {
        let share = others.len().div_ceil(FLUSHERS).max(1);
        let begin = |some| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, move || run(some));
            thread.map_err(|_| some)
        };
        let threads: Vec<_> = others.chunks(share).map(begin).collect();
        let mut result = first.run(fs);
        for thread in threads {
            let other = match thread {
                Ok(thread) => thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p)),
                // The system has no thread to give: one after the other, then.
                Err(some) => run(some),
            };
            result = result.and(other);
        }
        result
    })
}
