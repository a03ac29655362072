//! Leases: the kernel's word that nobody writes to a file.
//!
//! A read lease (`fcntl(F_SETLEASE, F_RDLCK)`, Linux) is granted only if nobody
//! has the file open for writing, a writable mapping included, and is broken
//! visibly if somebody tries. The opener waits until the lease is let go, which
//! is some microseconds here.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::store::FsError;

/// A read lease on an open file; let go when dropped.
pub(super) struct Lease(OwnedFd);

impl Lease {
    /// Returns a lease on the file, or `None` where none can be had: the file
    /// belongs to another user, or its file system knows no leases.
    ///
    /// # Errors
    /// `Busy` where somebody has the file open for writing.
    pub(super) fn take(file: BorrowedFd<'_>) -> Result<Option<Lease>, FsError> {
        let own =
            file.try_clone_to_owned().map_err(|error| FsError::Io { action: "lease", error })?;
        for _ in 0..50 {
            if set_lease(own.as_fd(), libc::F_RDLCK) {
                return Ok(Some(Lease(own)));
            }
            match std::io::Error::last_os_error().raw_os_error() {
                Some(libc::EAGAIN) => std::thread::sleep(std::time::Duration::from_millis(1)),
                _ => return Ok(None),
            }
        }
        Err(FsError::Busy)
    }

    /// Returns whether nobody has tried to write since the lease was taken.
    pub(super) fn is_whole(&self) -> bool {
        // SAFETY: F_GETLEASE takes no argument and touches no memory.
        #[expect(unsafe_code, reason = "no safe wrapper of F_GETLEASE exists")]
        let lease = unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_GETLEASE) };
        lease == libc::F_RDLCK
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A lease belongs to the open file, which the caller may keep longer.
        set_lease(self.0.as_fd(), libc::F_UNLCK);
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
