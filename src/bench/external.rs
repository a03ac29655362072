//! Formats and appliers of others, as programs: JSON lines on their standard
//! streams, a request each answered by one line. `docs/benchmark.md` holds the
//! protocol.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use engine::error::Code;
use serde::{Deserialize, Serialize};

use super::BenchError;
use super::apply::{Outcome, Rejected, Situation};
use super::task::{Hunk, Task};
use crate::process::Worker;

/// How long a program may take for one answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes of one answer.
const ANSWER_BYTES: u64 = 64 << 20;

/// What a program is asked.
#[derive(Debug, Serialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
enum Request<'a> {
    /// Who it is.
    Hello { version: u32 },
    /// The file as a model would read it.
    Show { path: &'a str, text: &'a str },
    /// A right edit, as a model would write it.
    Write { path: &'a str, read: &'a str, hunks: &'a [Hunk] },
    /// What becomes of a call.
    Apply { path: &'a str, seen: &'a str, now: &'a str, text: &'a str },
}

/// What it answers; which fields, the request says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    format: Option<String>,
    applier: Option<String>,
    text: Option<String>,
    result: Option<String>,
    rejected: Option<String>,
    message: String,
}

/// A format or an applier that runs as a program of its own.
#[derive(Debug)]
pub struct External {
    /// The format it reads: one of ours, or its own.
    pub format: String,
    /// Its name in rows.
    pub applier: String,
    /// Whether the format is its own, so that it writes calls as well.
    pub writes: bool,
    worker: Mutex<BufReader<Worker>>,
}

impl External {
    /// Starts a program, found at `program`, and asks who it is.
    ///
    /// # Errors
    /// Where it cannot be started or does not answer as the protocol says.
    pub fn start(program: &Path, arguments: &[&str]) -> Result<External, BenchError> {
        let name = program.display().to_string();
        let worker = Worker::spawn(program, arguments, PATIENCE);
        let worker = Mutex::new(BufReader::new(worker.map_err(BenchError::io(name.clone()))?));
        let mut external = External { format: name.clone(), applier: name, writes: false, worker };
        let answer = external.ask(&Request::Hello { version: 1 })?;
        match (answer.format, answer.applier) {
            (Some(format), Some(applier)) => {
                external.writes = super::format::Format::of(&format).is_none();
                (external.format, external.applier) = (format, applier);
                Ok(external)
            }
            _ => Err(external.strange("no format or applier in the answer to hello")),
        }
    }

    /// Returns a file as a model would read it in this format.
    ///
    /// # Errors
    /// Where the program does not answer as the protocol says.
    pub fn shown(&self, path: &str, text: &str) -> Result<String, BenchError> {
        let answer = self.ask(&Request::Show { path, text })?;
        answer.text.ok_or_else(|| self.strange("no text in the answer to show"))
    }

    /// Returns the call that says a task; `None` where the format cannot.
    ///
    /// # Errors
    /// Where the program does not answer as the protocol says.
    pub fn write(&self, task: &Task) -> Result<Option<String>, BenchError> {
        let (path, read, hunks) = (&task.path, &task.read, &task.hunks);
        Ok(self.ask(&Request::Write { path, read, hunks })?.text)
    }

    /// Returns what becomes of a call.
    ///
    /// # Errors
    /// Where the program does not answer as the protocol says.
    pub fn apply(&self, situation: &Situation, text: &str) -> Result<Outcome, BenchError> {
        let (path, seen, now) = (&situation.path, situation.seen(), situation.now());
        let answer = self.ask(&Request::Apply { path, seen, now, text })?;
        match (answer.result, answer.rejected) {
            (Some(result), None) => Ok(Ok(result)),
            (None, Some(code)) => {
                let code = Code::parse(&code).unwrap_or(Code::NotFound);
                Ok(Err(Rejected::new(code, answer.message)))
            }
            _ => Err(self.strange("neither result nor rejected in the answer to apply")),
        }
    }

    fn ask(&self, request: &Request<'_>) -> Result<Answer, BenchError> {
        let failed = |error| BenchError::Io { what: self.applier.clone(), error };
        let mut line = serde_json::to_string(request).unwrap_or_default();
        line.push('\n');
        let mut worker =
            self.worker.lock().map_err(|_| self.strange("an earlier request broke off"))?;
        worker.get_mut().write_all(line.as_bytes()).map_err(failed)?;
        line.clear();
        let mut bounded = std::io::Read::take(&mut *worker, ANSWER_BYTES);
        bounded.read_line(&mut line).map_err(failed)?;
        serde_json::from_str(&line).map_err(|error| self.strange(&error.to_string()))
    }

    fn strange(&self, what: &str) -> BenchError {
        BenchError::Malformed(format!("{}: {what}", self.applier))
    }
}
