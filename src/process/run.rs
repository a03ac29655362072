//! A program that is run to its end, within limits of time and output.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The most bytes that are kept of each stream of a program.
const OUTPUT_BYTES: u64 = 1 << 30;

/// A program and what it is given.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// The program, looked up in the search path.
    pub program: &'a str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs.
    pub directory: &'a Path,
    /// What it reads on its standard input.
    pub input: &'a [u8],
    /// How long it may take.
    pub patience: Duration,
}

/// How a program ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Whether it said that all went well.
    pub success: bool,
    /// Its exit code, if it was not killed.
    pub code: Option<i32>,
    /// What it wrote on its standard output.
    pub output: Vec<u8>,
    /// What it wrote on its standard error.
    pub errors: Vec<u8>,
}

/// Runs a program in a process group of its own and returns how it ended. The
/// group is killed when the time is up.
///
/// # Errors
/// Where it cannot be started; `TimedOut` where it took too long.
#[expect(clippy::disallowed_methods, reason = "this is the room that starts processes")]
pub fn run(job: &Job<'_>) -> io::Result<Ended> {
    let mut child = Command::new(job.program)
        .args(&job.arguments)
        .current_dir(job.directory)
        .process_group(0)
        .stdin(if job.input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let ended = follow(&mut child, job);
    if ended.is_err() {
        if let Some(group) = Pid::from_raw(child.id() as i32) {
            let _gone = kill_process_group(group, Signal::KILL);
        }
        let _reaped = child.wait();
    }
    ended
}

/// Feeds a child, keeps what it writes and waits for its end.
fn follow(child: &mut Child, job: &Job<'_>) -> io::Result<Ended> {
    let deadline = Instant::now() + job.patience;
    let (sender, streams) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        let input = job.input.to_vec();
        // A program that reads nothing breaks the pipe, which is its right.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
    }
    keep(child.stdout.take(), false, sender.clone());
    keep(child.stderr.take(), true, sender);
    let mut kept = [Vec::new(), Vec::new()];
    for _ in 0..2 {
        let left = deadline.saturating_duration_since(Instant::now());
        let (is_error, bytes) =
            streams.recv_timeout(left).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        kept[usize::from(is_error)] = bytes;
    }
    // Both streams are closed, so the end is near; a program that closed them
    // and goes on is waited for within the same limit.
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let status = child.wait()?;
    let [output, errors] = kept;
    Ok(Ended { success: status.success(), code: status.code(), output, errors })
}

/// Reads a stream to its end on a thread of its own.
fn keep(
    stream: Option<impl Read + Send + 'static>,
    is_error: bool,
    to: mpsc::Sender<(bool, Vec<u8>)>,
) {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            let _broken = stream.take(OUTPUT_BYTES).read_to_end(&mut bytes);
        }
        let _gone = to.send((is_error, bytes));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job<'a>(program: &'a str, arguments: &[&str], input: &'a [u8]) -> Job<'a> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let patience = Duration::from_secs(20);
        Job { program, arguments, directory: Path::new("/"), input, patience }
    }

    #[test]
    fn a_program_is_run_to_its_end() {
        let ended = run(&job("cat", &[], b"what it is given")).unwrap();
        assert!(ended.success);
        assert_eq!(ended.output, b"what it is given");
        let ended = run(&job("sh", &["-c", "echo no >&2; exit 3"], b"")).unwrap();
        assert_eq!((ended.code, ended.errors.as_slice()), (Some(3), b"no\n".as_slice()));
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        let short = Duration::from_millis(200);
        let late = run(&Job { patience: short, ..job("sh", &["-c", "sleep 60 & wait"], b"") });
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
