//! Children: the only room that starts processes.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

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
