//! Groups: a program with all that it starts, which ends as one and does not
//! outlive us.
//!
//! Between us and the program stands a guard, this program under another name.
//! It waits for two ends: for the program's, which it passes on, and for ours,
//! upon which it kills everything beneath itself. So nothing is left even where
//! we are killed. Whatever loses its own parent in the group becomes the
//! guard's child, where the system offers that, so that nothing slips away.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getppid, kill_process, kill_process_group, waitid,
};

use super::tree;

/// How often a guard looks whether its starter still lives, where the system
/// does not tell by itself.
const LOOK: Duration = Duration::from_millis(200);

/// What a guard answers where the program cannot be started.
const NOT_STARTED: u8 = 127;

/// The name under which the program guards others.
pub const GUARD: &str = "guard-server";

/// A program to be started with its three streams as pipes.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [String],
    /// Where it runs.
    pub directory: &'a Path,
    /// Its whole environment.
    pub environment: &'a [(OsString, OsString)],
    /// The program that guards it, called with [`GUARD`]; without one, it
    /// outlives us where we are killed.
    pub guard: Option<&'a Path>,
}

/// The other ends of its streams.
#[derive(Debug)]
pub struct Streams {
    /// What it reads.
    pub input: OwnedFd,
    /// What it says.
    pub output: OwnedFd,
    /// What it complains of.
    pub errors: OwnedFd,
}

/// A running program with all that it started.
#[derive(Debug)]
pub struct Group {
    leader: Child,
    is_over: bool,
}

impl Group {
    /// Starts a program in a group of its own.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(start: Start<'_>) -> io::Result<(Group, Streams)> {
        let mut command = command(start);
        command.current_dir(start.directory).env_clear();
        command.envs(start.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut leader = command.process_group(0).spawn()?;
        let streams = (leader.stdin.take(), leader.stdout.take(), leader.stderr.take());
        let group = Group { leader, is_over: false };
        match streams {
            (Some(input), Some(output), Some(errors)) => {
                let (input, output, errors) = (input.into(), output.into(), errors.into());
                Ok((group, Streams { input, output, errors }))
            }
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Returns the id of the group, which is that of its first process.
    pub fn id(&self) -> u32 {
        self.leader.id()
    }

    /// Returns the memory that the group holds, in bytes; `None` where the
    /// system does not say.
    pub fn memory_bytes(&self) -> Option<u64> {
        let own = tree::resident_bytes(self.id())?;
        Some(
            own + tree::beneath(self.id())
                .into_iter()
                .filter_map(tree::resident_bytes)
                .sum::<u64>(),
        )
    }

    /// Returns how it ended, in words, or `None` while it runs. Its id stays its
    /// own until it is killed.
    pub fn ended(&mut self) -> Option<String> {
        if self.is_over {
            return Some("it was killed".to_owned());
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(pid(self.id())?), options).ok()??;
        let told = |signal: i32| format!("it was ended by signal {signal}");
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) if code > 128 => Some(told(code - 128)),
            (Some(code), _) => Some(format!("it ended with exit code {code}")),
            (None, signal) => Some(told(signal.unwrap_or_default())),
        }
    }

    /// Kills the program and all that it started, and waits for its end.
    pub fn kill(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        strike(self.id());
        // Nothing survives that signal, so this is no wait.
        let _reaped = self.leader.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the room that starts processes")]
fn command(start: Start<'_>) -> Command {
    let Some(guard) = start.guard else {
        let mut command = Command::new(start.program);
        command.args(start.arguments);
        return command;
    };
    let mut command = Command::new(guard);
    command.arg(GUARD).arg(std::process::id().to_string()).arg(start.program);
    command.args(start.arguments);
    command
}

/// Runs a program until its end, or until process `starter` is gone, and returns
/// its exit code: what a process does that was called with [`GUARD`]. A signal
/// is told as 128 and its number.
pub fn guard(starter: u32, program: &OsStr, arguments: &[OsString]) -> u8 {
    take_over_orphans();
    let Ok(mut child) = guarded(program, arguments) else { return NOT_STARTED };
    std::thread::spawn(move || {
        wait_for_end(starter);
        strike(std::process::id());
    });
    let code = child.wait().map_or(NOT_STARTED, code_of);
    for orphan in tree::beneath(std::process::id()) {
        end(orphan);
    }
    code
}

#[expect(clippy::disallowed_methods, reason = "this is the room that starts processes")]
fn guarded(program: &OsStr, arguments: &[OsString]) -> io::Result<Child> {
    Command::new(program).args(arguments).spawn()
}

fn code_of(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(signal).unwrap_or_default();
    u8::try_from(code).unwrap_or(NOT_STARTED)
}

/// Returns once process `starter` is gone, which is the one that started us.
fn wait_for_end(starter: u32) {
    let Some(starter) = pid(starter) else { return };
    let is_there = || getppid() == Some(starter);
    #[cfg(target_os = "linux")]
    {
        use rustix::event::{PollFd, PollFlags, poll};
        use rustix::process::{PidfdFlags, pidfd_open};
        // An id can be another's by now; it is ours if it is still our parent's.
        if let Ok(end) = pidfd_open(starter, PidfdFlags::empty())
            && is_there()
        {
            let mut ends = [PollFd::new(&end, PollFlags::IN)];
            while is_there() && poll(&mut ends, None).is_err() {}
            return;
        }
    }
    while is_there() {
        std::thread::sleep(LOOK);
    }
}

/// Makes us the parent of whatever beneath us loses its own.
fn take_over_orphans() {
    // Where that is refused, orphans of the group are still killed with it.
    #[cfg(target_os = "linux")]
    let _refused = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Kills the group of `leader`, and what it started in other groups.
fn strike(leader: u32) {
    let strays = tree::beneath(leader);
    strays.into_iter().for_each(end);
    if let Some(group) = pid(leader) {
        // One that is gone already is what is wanted.
        let _gone = kill_process_group(group, Signal::KILL);
    }
}

fn end(process: u32) {
    if let Some(process) = pid(process) {
        let _gone = kill_process(process, Signal::KILL);
    }
}

fn pid(process: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(process).ok()?)
}
