//! The rig: a process is stopped at every call that touches files, and may be
//! ended there, or the disk taken from it, or the call be written down or fail.
//!
//! It is traced (ptrace(2)) from a thread of its own, which alone may wait for
//! it; the test goes on talking to it meanwhile.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use libc::{c_long, c_void, pid_t};

/// A call that touches files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// Whose it is.
    pub(crate) thread: pid_t,
    /// Its number in the kernel's table.
    pub(crate) number: c_long,
    pub(crate) arguments: [u64; 6],
}

impl Call {
    /// Returns the path of one of its descriptors.
    pub(crate) fn path_of(&self, descriptor: u64) -> Option<PathBuf> {
        let link = format!("/proc/{}/fd/{}", self.thread, descriptor as i32);
        std::fs::read_link(link).ok()
    }

    /// Returns whether it changes a file, or flushes one.
    pub(crate) fn is_change(&self) -> bool {
        let number = self.number;
        let by_name = [
            libc::SYS_renameat2,
            libc::SYS_linkat,
            libc::SYS_unlinkat,
            libc::SYS_mkdirat,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_link,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mkdir,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rmdir,
        ];
        let by_descriptor = [
            libc::SYS_write,
            libc::SYS_pwrite64,
            libc::SYS_ftruncate,
            libc::SYS_fallocate,
            libc::SYS_fsync,
            libc::SYS_fdatasync,
            libc::SYS_fchmod,
            libc::SYS_fchown,
            libc::SYS_fsetxattr,
        ];
        let makes = |flags: u64| flags as i32 & libc::O_CREAT != 0;
        match number {
            libc::SYS_openat => makes(self.arguments[2]),
            _ if by_name.contains(&number) => true,
            // Not what goes into sockets and pipes.
            _ if by_descriptor.contains(&number) => {
                self.path_of(self.arguments[0]).is_some_and(|path| path.is_absolute())
            }
            _ => false,
        }
    }
}

impl Call {
    /// Returns whether it finds, opens or reads a file, or asks about one.
    pub(crate) fn is_look(&self) -> bool {
        match self.number {
            libc::SYS_openat | libc::SYS_openat2 | libc::SYS_faccessat2 => true,
            libc::SYS_newfstatat | libc::SYS_statx | libc::SYS_readlinkat => true,
            libc::SYS_fcntl => {
                [libc::F_SETLEASE, libc::F_GETLEASE].contains(&(self.arguments[1] as i32))
            }
            libc::SYS_read
            | libc::SYS_pread64
            | libc::SYS_fstat
            | libc::SYS_getdents64
            | libc::SYS_flistxattr
            | libc::SYS_fgetxattr => {
                self.path_of(self.arguments[0]).is_some_and(|path| path.is_absolute())
            }
            _ => false,
        }
    }
}

/// What becomes of a call, decided before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is made.
    Go,
    /// It is not, and its process is ended.
    End,
    /// It is not, and its process is told this error.
    Fail(i32),
}

/// Which calls are watched.
pub(crate) type Watched = fn(&Call) -> bool;

/// What is done at each of them: before it, without a result, and after it.
pub(crate) type Watch = Box<dyn FnMut(&Call, Option<i64>) -> Verdict + Send>;

/// A process that is watched.
pub(crate) struct Rig {
    process: pid_t,
    thread: Option<JoinHandle<()>>,
    ended: Arc<AtomicBool>,
}

impl Rig {
    /// Watches these calls of a process that runs already, from now on.
    pub(crate) fn around(process: i32, watched: Watched, watch: Watch) -> Rig {
        Rig::start(move || seize(process).map(|()| process), watched, watch)
    }

    /// Starts a program and watches these of its calls, from the first on. It must
    /// be waited for here alone.
    pub(crate) fn starting(mut command: Command, watched: Watched, watch: Watch) -> Rig {
        let start = move || {
            // SAFETY: between fork and exec, only a call that touches no memory.
            #[expect(unsafe_code, reason = "no safe wrapper of PTRACE_TRACEME exists")]
            let child: Child =
                unsafe { command.pre_exec(|| ptrace(libc::PTRACE_TRACEME, 0, 0, 0)).spawn()? };
            let process = child.id() as pid_t;
            wait_for(process, 0)?;
            ptrace(libc::PTRACE_SETOPTIONS, process, 0, OPTIONS)?;
            ptrace(libc::PTRACE_SYSCALL, process, 0, 0)?;
            Ok(process)
        };
        Rig::start(start, watched, watch)
    }

    fn start(
        start: impl FnOnce() -> io::Result<pid_t> + Send + 'static,
        watched: Watched,
        watch: Watch,
    ) -> Rig {
        let ended = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = std::sync::mpsc::channel();
        let watcher =
            Watcher { watched, watch, ended: Arc::clone(&ended), under_way: HashMap::new() };
        let thread = std::thread::spawn(move || {
            let process = start().unwrap();
            ready.send(process).unwrap();
            watcher.run(process);
        });
        let process = is_ready.recv().expect("the process can be watched");
        Rig { process, thread: Some(thread), ended }
    }

    /// Returns whether the process was ended at a call.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Returns whether the process is gone.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends the process, unless it is gone already.
    pub(crate) fn strike(&self) {
        if !self.is_over() {
            strike(self.process);
        }
    }

    /// Waits until the process is gone.
    pub(crate) fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

const OPTIONS: u64 =
    (libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL) as u64;

/// A stop at a call, as waitpid(2) tells it.
const AT_CALL: i32 = libc::SIGTRAP | 0x80;

struct Watcher {
    watched: Watched,
    watch: Watch,
    ended: Arc<AtomicBool>,
    /// Calls that were begun, by their threads, and the errors they end in.
    under_way: HashMap<pid_t, (Call, Option<i32>)>,
}

impl Watcher {
    fn run(mut self, process: pid_t) {
        // An error means that nothing is left to wait for.
        while let Ok((thread, status)) = wait_for(-1, libc::__WNOTHREAD) {
            if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                if thread == process {
                    return;
                }
                continue;
            }
            let mut signal = 0;
            match libc::WSTOPSIG(status) {
                AT_CALL => {
                    if self.at_call(thread) == Verdict::End {
                        self.end(process);
                    }
                }
                // A new thread, or the stop that was asked for at the beginning.
                libc::SIGTRAP | libc::SIGSTOP => {}
                other => signal = other as u64,
            }
            // One that died meanwhile is reported next.
            let _gone = ptrace(libc::PTRACE_SYSCALL, thread, 0, signal);
        }
    }

    fn at_call(&mut self, thread: pid_t) -> Verdict {
        match stop_of(thread) {
            Some(Stop::Entry(call))
                if (self.watched)(&call) && !self.ended.load(Ordering::SeqCst) =>
            {
                let verdict = (self.watch)(&call, None);
                let error = match verdict {
                    Verdict::Fail(error) => Some(error).filter(|_| leave_out(thread)),
                    Verdict::Go | Verdict::End => None,
                };
                self.under_way.insert(thread, (call, error));
                verdict
            }
            Some(Stop::Exit(result)) => match self.under_way.remove(&thread) {
                Some((call, Some(error))) => {
                    give_back(thread, -i64::from(error));
                    (self.watch)(&call, Some(-i64::from(error)))
                }
                Some((call, None)) => (self.watch)(&call, Some(result)),
                None => Verdict::Go,
            },
            _ => Verdict::Go,
        }
    }

    fn end(&self, process: pid_t) {
        self.ended.store(true, Ordering::SeqCst);
        strike(process);
    }
}

/// Whether calls can be made to fail on this machine.
pub(crate) const CAN_FAIL: bool = cfg!(target_arch = "x86_64");

/// Lets a thread that is about to make a call make none; returns whether it does.
fn leave_out(thread: pid_t) -> bool {
    #[cfg(target_arch = "x86_64")]
    return set_register(thread, libc::ORIG_RAX, -1).is_ok();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Gives a thread that comes back from a call another result.
fn give_back(thread: pid_t, result: i64) {
    #[cfg(target_arch = "x86_64")]
    set_register(thread, libc::RAX, result).unwrap();
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("{thread} {result}");
}

#[cfg(target_arch = "x86_64")]
fn set_register(thread: pid_t, register: i32, value: i64) -> io::Result<()> {
    let at = register as u64 * size_of::<u64>() as u64;
    ptrace(libc::PTRACE_POKEUSER, thread, at, value as u64)
}

fn strike(process: pid_t) {
    // SAFETY: a signal touches no memory of ours.
    #[expect(unsafe_code, reason = "the process is known by its number alone")]
    unsafe {
        libc::kill(process, libc::SIGKILL);
    }
}

enum Stop {
    Entry(Call),
    Exit(i64),
}

fn stop_of(thread: pid_t) -> Option<Stop> {
    // SAFETY: the structure is plain numbers, for which zero is a value.
    #[expect(unsafe_code, reason = "a structure of the kernel's")]
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::ptrace_syscall_info>() as u64;
    let at = (&raw mut info) as u64;
    ptrace_raw(libc::PTRACE_GET_SYSCALL_INFO, thread, size, at).ok()?;
    // SAFETY: `op` says which of the variants the kernel wrote.
    #[expect(unsafe_code, reason = "a union of the kernel's")]
    unsafe {
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => {
                let entry = info.u.entry;
                let number = entry.nr as c_long;
                Some(Stop::Entry(Call { thread, number, arguments: entry.args }))
            }
            libc::PTRACE_SYSCALL_INFO_EXIT => Some(Stop::Exit(info.u.exit.sval)),
            _ => None,
        }
    }
}

/// Takes hold of all threads of a process that runs.
fn seize(process: pid_t) -> io::Result<()> {
    let mut known = Vec::new();
    // Until no new one has come while the others were taken.
    loop {
        let entries = std::fs::read_dir(format!("/proc/{process}/task"))?;
        let threads = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let new: Vec<pid_t> = threads.filter(|thread| !known.contains(thread)).collect();
        if new.is_empty() {
            return Ok(());
        }
        for thread in new {
            known.push(thread);
            // A thread of one that is traced already is traced as well.
            if ptrace(libc::PTRACE_SEIZE, thread, 0, OPTIONS).is_ok() {
                ptrace(libc::PTRACE_INTERRUPT, thread, 0, 0)?;
            }
        }
    }
}

fn wait_for(process: pid_t, flags: i32) -> io::Result<(pid_t, i32)> {
    let mut status = 0;
    loop {
        // SAFETY: the status is a number of ours.
        #[expect(unsafe_code, reason = "no safe wrapper takes __WNOTHREAD")]
        let found = unsafe { libc::waitpid(process, &raw mut status, libc::__WALL | flags) };
        match found {
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            found => return Ok((found, status)),
        }
    }
}

fn ptrace(request: u32, thread: pid_t, address: u64, data: u64) -> io::Result<()> {
    ptrace_raw(request, thread, address, data).map(|_| ())
}

fn ptrace_raw(request: u32, thread: pid_t, address: u64, data: u64) -> io::Result<c_long> {
    // SAFETY: what is written to, if anything, is the caller's, of the size given.
    #[expect(unsafe_code, reason = "no safe wrapper of ptrace exists")]
    let result =
        unsafe { libc::ptrace(request, thread, address as *mut c_void, data as *mut c_void) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

/// Returns bytes of a traced process's memory.
pub(crate) fn memory(thread: pid_t, address: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: count };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: count };
    // SAFETY: `local` is a buffer of ours of that size; the kernel checks the other.
    #[expect(unsafe_code, reason = "no safe wrapper of process_vm_readv exists")]
    let read =
        unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    bytes.truncate(usize::try_from(read).unwrap_or(0));
    bytes
}

/// Returns a text of a traced process's memory, as the kernel reads names.
pub(crate) fn name(thread: pid_t, address: u64) -> String {
    let mut bytes = Vec::new();
    // Not past a page, which may be the last one.
    while bytes.len() < 4096 {
        let at = address + bytes.len() as u64;
        let piece = memory(thread, at, 256.min(4096 - (at as usize % 4096)));
        if piece.is_empty() {
            break;
        }
        let end = piece.iter().position(|byte| *byte == 0);
        bytes.extend(&piece[..end.unwrap_or(piece.len())]);
        if end.is_some() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
