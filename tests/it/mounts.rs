//! File systems of a test's own, which nobody else sees and which go with it.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, mount_remount, unmount,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// A mounted file system; it is gone with this.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) at: PathBuf,
}

impl Mount {
    /// Mounts a file system in memory of so many bytes at `at`, for this thread
    /// and what it starts; `None` where we may not.
    pub(crate) fn tmpfs(at: &Path, bytes: u64) -> Option<Mount> {
        Mount::new(Path::new("none"), at, "tmpfs", &format!("size={bytes}"))
    }

    fn new(source: &Path, at: &Path, kind: &str, options: &str) -> Option<Mount> {
        let mounted = alone().and_then(|()| {
            let options = CString::new(options).unwrap();
            mount(source, at, kind, MountFlags::empty(), options.as_c_str())
        });
        match mounted {
            Ok(()) => Some(Mount { at: at.to_owned() }),
            Err(error) => {
                println!("left out: no {kind} of our own: {error}");
                None
            }
        }
    }

    /// Lets nobody write to it, or everybody again.
    pub(crate) fn set_read_only(&self, read_only: bool) {
        let flags = if read_only { MountFlags::RDONLY } else { MountFlags::empty() };
        mount_remount(&self.at, flags, "").unwrap();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _busy = unmount(&self.at, UnmountFlags::DETACH);
    }
}

/// Gives this thread mounts of its own.
pub(crate) fn alone() -> Result<(), rustix::io::Errno> {
    // SAFETY: only this thread's view of the file system changes; no descriptor
    // is closed and no memory is unshared.
    #[expect(unsafe_code, reason = "the call is unsafe for flags that are not given")]
    unsafe {
        unshare_unsafe(UnshareFlags::NEWNS)?;
    }
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)
}
