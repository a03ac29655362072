//! Leases: the kernel's word that nobody writes to a file.
//!
//! A read lease (`fcntl(F_SETLEASE, F_RDLCK)`, Linux) is granted only if nobody
//! has the file open for writing, a writable mapping included, and is broken
//! visibly if somebody tries. The opener waits until the lease is let go, which
//! is some microseconds here.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use crate::store::FsError;

/// A file, and a read lease on it if one could be had; let go when dropped.
pub(super) struct Leased {
    pub(super) file: File,
    held: bool,
}

impl Leased {
    /// Returns the file with a lease, or without one where none can be had: the
    /// file belongs to another user, its file system knows no leases, or they are
    /// not `offered`.
    ///
    /// # Errors
    /// `Busy` where somebody has the file open for writing.
    pub(super) fn take(file: File, offered: bool) -> Result<Leased, FsError> {
        if !offered {
            return Ok(Leased { file, held: false });
        }
        for _ in 0..50 {
            if set_lease(file.as_fd(), libc::F_RDLCK) {
                return Ok(Leased { file, held: true });
            }
            match std::io::Error::last_os_error().raw_os_error() {
                Some(libc::EAGAIN) => std::thread::sleep(std::time::Duration::from_millis(1)),
                _ => return Ok(Leased { file, held: false }),
            }
        }
        Err(FsError::Busy)
    }

    /// Returns whether nobody has tried to write since the lease was taken;
    /// `None` where there is no lease.
    pub(super) fn is_whole(&self) -> Option<bool> {
        // SAFETY: F_GETLEASE takes no argument and touches no memory.
        #[expect(unsafe_code, reason = "no safe wrapper of F_GETLEASE exists")]
        let lease = unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_GETLEASE) };
        self.held.then_some(lease == libc::F_RDLCK)
    }
}

fn set_lease(file: BorrowedFd<'_>, kind: libc::c_int) -> bool {
    // SAFETY: F_SETLEASE takes one integer and touches no memory.
    #[expect(unsafe_code, reason = "no safe wrapper of F_SETLEASE exists")]
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) };
    result == 0
}

/// A broken lease is announced by SIGIO, whose default is to end the process;
/// we ask the lease itself instead.
pub(super) fn ignore_broken_lease_signal() {
    // SAFETY: SIG_IGN is a valid disposition, and nothing else here uses SIGIO.
    #[expect(unsafe_code, reason = "no safe wrapper of signal(2) exists")]
    unsafe {
        libc::signal(libc::SIGIO, libc::SIG_IGN);
    }
}
