//! Real programs beside their rules: `git apply`, GNU `patch`, the `apply_patch`
//! of Codex and the `hashline` of crates.io, each where it is installed.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::error::Code;

use super::operations::operations;
use super::{Outcome, Rejected, Situation};
use crate::bench::BenchError;
use crate::bench::files::{self, Scratch};
use crate::process::{Ended, Job, run};

/// How long a program may take for one call.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that applies calls of one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `git apply`.
    Git,
    /// `patch -F2`.
    Patch,
    /// `codex`, called as its own `apply_patch`.
    Codex,
    /// `hashline patch`.
    Hashline,
}

impl Program {
    /// Every program that is known.
    pub const ALL: [Program; 4] = [Program::Git, Program::Patch, Program::Codex, Program::Hashline];

    /// Returns the format it reads.
    pub fn format(self) -> &'static str {
        match self {
            Program::Git | Program::Patch => "udiff",
            Program::Codex => "patch",
            Program::Hashline => "linehash",
        }
    }

    /// Returns its name in rows.
    pub fn name(self) -> &'static str {
        match self {
            Program::Git => "real-git",
            Program::Patch => "real-patch",
            Program::Codex => "real-codex",
            Program::Hashline => "real-hashline",
        }
    }

    fn command(self) -> &'static str {
        match self {
            Program::Git => "git",
            Program::Patch => "patch",
            Program::Codex => "codex",
            Program::Hashline => "hashline",
        }
    }

    /// Returns its arguments, and what it reads, for a call about files.
    fn call(self, situations: &[Situation], text: &str) -> (Vec<String>, String) {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        match (self, situations) {
            (Program::Git, _) => (owned(&["apply", "-p1", "-"]), text.to_owned()),
            (Program::Patch, _) => {
                let words = ["-p1", "-F2", "-s", "-f", "--no-backup-if-mismatch", "-r", "-"];
                (owned(&words), text.to_owned())
            }
            (Program::Hashline, [one, ..]) => {
                let (file, operations) = operations(one, text);
                (owned(&["patch", &file, "-"]), operations)
            }
            _ => (owned(&["--codex-run-as-apply-patch", text]), String::new()),
        }
    }
}

/// The programs that are installed, and where they work.
#[derive(Debug)]
pub struct Programs {
    scratch: Scratch,
    next: AtomicU64,
    /// Those that answered when they were asked for their version.
    pub installed: Vec<Program>,
}

impl Programs {
    /// Looks for the programs; they will work beneath `parent`, which must lie
    /// in no repository.
    ///
    /// # Errors
    /// Where no directory can be made there.
    pub fn find(parent: &Path) -> Result<Programs, BenchError> {
        let scratch = Scratch::new(parent, "programs")?;
        let answers = |program: &Program| {
            let arguments = vec!["--version".to_owned()];
            let directory = scratch.path();
            let program = program.command();
            let job = Job { program, arguments, directory, input: b"", patience: PATIENCE };
            run(&job).is_ok_and(|ended| ended.success)
        };
        let installed = Program::ALL.into_iter().filter(answers).collect();
        Ok(Programs { scratch, next: AtomicU64::new(0), installed })
    }

    /// Applies a call with the real program and returns what became of each file.
    ///
    /// # Errors
    /// Where the program cannot be run, which is no rejection.
    pub fn apply(
        &self,
        program: Program,
        situations: &[Situation],
        text: &str,
    ) -> Result<Vec<Outcome>, BenchError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch.path().join(number.to_string());
        for situation in situations {
            files::write(&folder.join(&situation.path), situation.now())?;
        }
        let (arguments, input) = program.call(situations, text);
        let input = input.as_bytes();
        let command = program.command();
        let directory = folder.as_path();
        let job = Job { program: command, arguments, directory, input, patience: PATIENCE };
        let ended = run(&job).map_err(BenchError::io(command))?;
        let outcome = |situation: &Situation| {
            let after = files::text(&folder.join(&situation.path));
            match (after, ended.success) {
                (Ok(after), true) => Ok(after),
                // A program that fails may have changed some files before.
                (Ok(after), false) if situations.len() > 1 && after != situation.now() => Ok(after),
                (_, false) => Err(Rejected::new(Code::NotFound, message(&ended))),
                (Err(_), true) => {
                    let text = "the program left no text where the file was";
                    Err(Rejected::new(Code::Missing, text))
                }
            }
        };
        let outcomes = situations.iter().map(outcome).collect();
        files::remove_folder(&folder);
        Ok(outcomes)
    }
}

/// Returns what a program said, in few enough words for a row.
fn message(ended: &Ended) -> String {
    let said = if ended.errors.is_empty() { &ended.output } else { &ended.errors };
    String::from_utf8_lossy(said).chars().take(2000).collect()
}
