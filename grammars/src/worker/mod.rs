//! A worker: a process that parses what may not come back.
//!
//! A parse within a process can be asked to stop, not made to. So what is risky
//! is given to a child that can be killed: [`serve`] is what the child runs on
//! its standard streams, [`Workers`] what its owner asks. Who starts it, with
//! which limits of memory and time, is the owner's affair; it hands in a function
//! that does. Where a child dies or is too late, that request has no answer, and
//! the next one gets a new child.

mod codec;
mod message;

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::snapshot::Snapshot;

pub use message::{Answer, Ask};

use crate::check::SyntaxCheck;
use crate::parse::Limits;

/// What one child parses before another takes its place: memory that a grammar
/// lost goes with it.
const REQUESTS_MAX: usize = 1000;

/// What a parse may cost in a process of its own.
pub const LIMITS: Limits =
    Limits { content_bytes: 16 << 20, line_bytes: 16 << 20, time: Duration::from_secs(1) };

/// Answers requests from `input` on `output` until the input ends: what a child
/// does that is a worker. `time` is what one parse may take before it is asked to
/// stop.
///
/// # Errors
/// Where the streams fail, or what comes is no request: then the owner is not
/// one of ours, and nothing it says can be trusted.
pub fn serve(input: &mut dyn Read, output: &mut dyn Write, time: Duration) -> io::Result<()> {
    let check = SyntaxCheck::here(Limits { time, ..LIMITS });
    while let Some(frame) = codec::read_frame(input)? {
        let (path, ask) = message::ask(&frame)?;
        drop(frame);
        codec::write_frame(output, &message::of_answer(&answer(&check, &path, ask)))?;
    }
    Ok(())
}

fn answer(check: &SyntaxCheck, path: &str, ask: Ask) -> Answer {
    let answer = match ask {
        Ask::Findings(bytes) => check.findings(path, &Snapshot::of(bytes)).map(Answer::Findings),
        Ask::Outline(bytes) => check.outline(path, &Snapshot::of(bytes)).map(Answer::Outline),
        Ask::Judgement(bytes, change) => {
            let before = Snapshot::of(bytes);
            let after = before.after(&change);
            check.judge(path, &before, &after, &change).map(Answer::Judgement)
        }
    };
    answer.unwrap_or_else(Answer::Unread)
}

/// The streams to and from a child. A read or a write that takes longer than the
/// owner has patience must fail, and dropping it must end the child.
pub trait Channel: Read + Write + Send {}

impl<T: Read + Write + Send> Channel for T {}

/// Starts a child and returns the streams to it.
pub type Spawn = Box<dyn Fn() -> io::Result<Box<dyn Channel>> + Send + Sync>;

/// Children that parse, started when they are needed.
pub struct Workers {
    spawn: Spawn,
    crew: Mutex<Crew>,
    returned: Condvar,
    children_max: usize,
    patience: Duration,
}

#[derive(Default)]
struct Crew {
    idle: Vec<Child>,
    busy: usize,
}

struct Child {
    channel: Box<dyn Channel>,
    requests: usize,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("children_max", &self.children_max).finish_non_exhaustive()
    }
}

impl Workers {
    /// Returns workers of which `children_max` run at one time at most; whoever
    /// comes when all are busy waits for `patience`.
    pub fn new(spawn: Spawn, children_max: usize, patience: Duration) -> Workers {
        let (crew, returned) = (Mutex::default(), Condvar::new());
        Workers { spawn, crew, returned, children_max: children_max.max(1), patience }
    }

    /// Returns what a worker answers about the file named `path`.
    ///
    /// # Errors
    /// Where no child could be started or all were busy, where the child died or
    /// was too late: [`io::Error`] of the kind that its streams gave.
    pub fn ask(&self, path: &str, ask: &Ask) -> io::Result<Answer> {
        let len = match ask {
            Ask::Findings(bytes) | Ask::Outline(bytes) => bytes.len(),
            Ask::Judgement(bytes, change) => bytes.len().max(change.after_len()),
        };
        let frame = message::of_ask(path, ask);
        let idle = self.enter()?;
        let turn = Turn { workers: self };
        let mut child = match idle {
            Some(child) => child,
            None => Child { channel: (self.spawn)()?, requests: 0 },
        };
        codec::write_frame(&mut child.channel, &frame)?;
        let frame = codec::read_frame(&mut child.channel)?;
        let frame = frame.ok_or(io::ErrorKind::UnexpectedEof)?;
        let answer = message::answer(&frame, len)?;
        turn.keep(child);
        Ok(answer)
    }

    /// Waits for a turn; returns a child that is idle, if there is one.
    fn enter(&self) -> io::Result<Option<Child>> {
        let start = Instant::now();
        let mut crew = self.crew.lock().unwrap_or_else(PoisonError::into_inner);
        while crew.busy >= self.children_max {
            let left = self.patience.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let woken = self.returned.wait_timeout(crew, left);
            crew = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        crew.busy += 1;
        Ok(crew.idle.pop())
    }
}

/// A turn at a worker, given back whatever becomes of it.
struct Turn<'a> {
    workers: &'a Workers,
}

impl Turn<'_> {
    /// Leaves a child that answered to the next.
    fn keep(self, mut child: Child) {
        child.requests += 1;
        if child.requests < REQUESTS_MAX {
            let mut crew = self.workers.crew.lock().unwrap_or_else(PoisonError::into_inner);
            crew.idle.push(child);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.workers.crew.lock().unwrap_or_else(PoisonError::into_inner).busy -= 1;
        self.workers.returned.notify_one();
    }
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;
    use engine::edit::{Change, Edit};
    use std::os::unix::net::UnixStream;
    use std::thread;

    /// Returns workers that are threads, which nobody can kill.
    fn threads(children_max: usize) -> Workers {
        let spawn = || {
            let (ours, theirs) = UnixStream::pair()?;
            ours.set_read_timeout(Some(Duration::from_secs(30)))?;
            thread::spawn(move || {
                let mut output = theirs.try_clone()?;
                serve(&mut &theirs, &mut output, Duration::from_secs(1))
            });
            Ok(Box::new(ours) as Box<dyn Channel>)
        };
        Workers::new(Box::new(spawn), children_max, Duration::from_secs(30))
    }

    fn snapshot(text: &str) -> Snapshot {
        Snapshot::of(text.into())
    }

    #[test]
    fn a_worker_answers_what_the_check_would() {
        let check = SyntaxCheck::default();
        let workers = threads(1);
        let text = "/// A.\nfn f() {}\n\nfn g( {}\n";
        let before = snapshot(text);
        let edits = vec![Edit { range: 14..16, text: b"{".to_vec() }];
        let change = Change::new(edits, text.len()).expect("one edit");
        let asks = [
            (Ask::Findings(text.into()), check.findings("a.rs", &before).map(Answer::Findings)),
            (Ask::Outline(text.into()), check.outline("a.rs", &before).map(Answer::Outline)),
            (
                Ask::Judgement(text.into(), change.clone()),
                check
                    .judge("a.rs", &before, &before.after(&change), &change)
                    .map(Answer::Judgement),
            ),
            (Ask::Findings(b"\0".to_vec()), Err(crate::check::Unread::Unfit)),
        ];
        for (ask, expected) in asks {
            let expected = expected.unwrap_or_else(Answer::Unread);
            assert_eq!(workers.ask("a.rs", &ask).expect("the thread lives"), expected);
        }
    }

    #[test]
    fn risky_content_goes_to_a_worker() {
        let line = snapshot(&format!("let a = [{}];\n", "1, ".repeat(10_000)));
        let alone = SyntaxCheck::default();
        assert_eq!(alone.findings("a.js", &line), Err(crate::check::Unread::NoWorker));
        let check = SyntaxCheck::with_workers(threads(2));
        assert_eq!(check.findings("a.js", &line).map(|found| found.diagnostics.len()), Ok(0));
        assert_eq!(check.outline("a.js", &line).map(|found| found.symbols().len()), Ok(1));
    }

    #[test]
    fn a_dead_child_costs_one_request() {
        let spawned = std::sync::atomic::AtomicUsize::new(0);
        let living = threads(1);
        let spawn = move || match spawned.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Ok(Box::new(UnixStream::pair()?.0) as Box<dyn Channel>),
            _ => (living.spawn)(),
        };
        let workers = Workers::new(Box::new(spawn), 1, Duration::from_secs(30));
        let ask = Ask::Findings(b"{}".to_vec());
        assert!(workers.ask("a.json", &ask).is_err());
        assert!(workers.ask("a.json", &ask).is_ok());
    }

    #[test]
    fn no_frame_whatever_brings_an_end_down() {
        let (path, ask) = ("a.rs", Ask::Outline(b"fn f() {}".to_vec()));
        let frame = message::of_ask(path, &ask);
        assert_eq!(message::ask(&frame).expect("it is whole"), (path.to_owned(), ask));
        let answered = message::of_answer(&answer(
            &SyntaxCheck::default(),
            path,
            Ask::Outline(b"fn f() {}".to_vec()),
        ));
        for len in 0..frame.len() {
            assert!(message::ask(&frame[..len]).is_err());
        }
        for len in 0..answered.len() {
            assert!(message::answer(&answered[..len], 9).is_err());
        }
        for at in 0..answered.len() {
            let mut bent = answered.clone();
            bent[at] ^= 0x81;
            // Any outcome will do that is not a panic.
            let _outcome = (message::answer(&bent, 9), message::ask(&bent));
        }
    }
}
