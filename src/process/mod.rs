//! Children: the only room that starts processes.

mod group;
mod run;
mod tree;

pub use run::{Ended, Job, run};

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use group::{GUARD, Group, Start, Streams, guard};

/// Starts a program that outlives us: with no input, no output and, once it
/// calls [`leave_terminal`], no terminal.
///
/// # Errors
/// Where the program cannot be started.
#[expect(clippy::disallowed_methods, reason = "this is the room that starts processes")]
pub fn spawn_detached(program: &Path, arguments: &[&str], directory: &Path) -> io::Result<u32> {
    let child = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child.id())
}

/// Begins a session of its own, so that the signals of the terminal and of the
/// starter's process group do not reach us.
pub fn leave_terminal() {
    // Only a group leader fails here, and a group leader has what it wants.
    let _leader = rustix::process::setsid();
}

/// Limits the address space of this process to `bytes`, for good.
///
/// # Errors
/// Where the system does not let us.
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    let limit = rustix::process::Rlimit { current: Some(bytes), maximum: Some(bytes) };
    Ok(rustix::process::setrlimit(rustix::process::Resource::As, limit)?)
}

/// Has allocations of this size and more given back to the system as soon as
/// they are freed. By itself glibc begins to keep them for later, once for each
/// thread, and a daemon that edits large files holds several of them that nobody
/// needs. Nothing, with another C library.
pub fn give_back_large_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "no safe wrapper of mallopt(3) exists")]
    // SAFETY: it changes a number of the allocator, which does so under its lock.
    // Where it does not, memory is kept as it was before.
    let _is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES) };
}

/// From which size on memory is given back at once, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BYTES: libc::c_int = 4 << 20;

/// A child that answers on its standard output what it is asked on its standard
/// input. Its environment is empty; it is killed when this is dropped, and ends
/// by itself when we are killed, since its input ends then.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    patience: Duration,
}

impl Worker {
    /// Starts a worker that may take `patience` for each read and write.
    ///
    /// # Errors
    /// Where the program cannot be started.
    #[expect(clippy::disallowed_methods, reason = "this is the room that starts processes")]
    pub fn spawn(program: &Path, arguments: &[&str], patience: Duration) -> io::Result<Worker> {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                // A write takes what the pipe has room for, so that a child that
                // does not read cannot hold us.
                rustix::fs::fcntl_setfl(&input, rustix::fs::OFlags::NONBLOCK)?;
                Ok(Worker { child, input, output, patience })
            }
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn wait(&self, end: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
        let mut ends = [PollFd::from_borrowed_fd(end, what)];
        let patience = Timespec::try_from(self.patience).ok();
        match poll(&mut ends, patience.as_ref())? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl Read for Worker {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(self.output.as_fd(), PollFlags::IN)?;
        self.output.read(buffer)
    }
}

impl Write for Worker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.input.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.wait(self.input.as_fd(), PollFlags::OUT)?;
                self.input.write(bytes)
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.flush()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
