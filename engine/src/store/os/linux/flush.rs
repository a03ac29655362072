//! Flushes: many at once.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs;
use rustix::io::retry_on_intr;

use super::io;
use crate::store::FsError;

/// The most flushes under way at once.
const FLUSHERS: usize = 24;

/// Lets the disk begin with the bytes of a file, without waiting. Where it is done
/// for all files before the first of them is flushed, a file system with a log finds
/// room for all of them in one entry of it, instead of one entry after the other.
pub(super) fn begin(file: &File) {
    // SAFETY: the call takes a descriptor and numbers, and touches no memory.
    #[expect(unsafe_code, reason = "no safe wrapper of sync_file_range exists")]
    let _the_flush_tells =
        unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

fn flush(file: BorrowedFd<'_>) -> Result<(), FsError> {
    retry_on_intr(|| fs::fsync(file)).map_err(io("flush"))
}

/// Flushes all at once: a flush is nearly all waiting, and the disk gathers
/// those that wait together.
pub(super) fn flush_all(all: &[BorrowedFd<'_>]) -> Result<(), FsError> {
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    let run = |some: &[BorrowedFd<'_>]| some.iter().try_for_each(|one| flush(one.as_fd()));
    std::thread::scope(|scope| {
        let share = others.len().div_ceil(FLUSHERS).max(1);
        let begin = |some| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, move || run(some));
            thread.map_err(|_| some)
        };
        let threads: Vec<_> = others.chunks(share).map(begin).collect();
        let mut result = flush(first.as_fd());
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
