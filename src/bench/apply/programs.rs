//! Real programs beside their rules: `git apply`, GNU `patch` and the
//! `apply_patch` of Codex, each where it is installed.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::error::Code;

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
}

impl Program {
    /// Every program that is known.
    pub const ALL: [Program; 3] = [Program::Git, Program::Patch, Program::Codex];

    /// Returns the format it reads.
    pub fn format(self) -> &'static str {
        if self == Program::Codex { "patch" } else { "udiff" }
    }

    /// Returns its name in rows.
    pub fn name(self) -> &'static str {
        match self {
            Program::Git => "real-git",
            Program::Patch => "real-patch",
            Program::Codex => "real-codex",
        }
    }

    fn command(self) -> &'static str {
        match self {
            Program::Git => "git",
            Program::Patch => "patch",
            Program::Codex => "codex",
        }
    }

    fn arguments(self, text: &str) -> Vec<String> {
        let words: &[&str] = match self {
            Program::Git => &["apply", "-p1", "-"],
            Program::Patch => &["-p1", "-F2", "-s", "-f", "--no-backup-if-mismatch", "-r", "-"],
            Program::Codex => &["--codex-run-as-apply-patch", text],
        };
        words.iter().map(|&word| word.to_owned()).collect()
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

    /// Applies a call with the real program.
    ///
    /// # Errors
    /// Where the program cannot be run, which is no rejection.
    pub fn apply(
        &self,
        program: Program,
        situation: &Situation,
        text: &str,
    ) -> Result<Outcome, BenchError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch.path().join(number.to_string());
        let file = folder.join(&situation.path);
        files::write(&file, situation.now())?;
        let input = if program == Program::Codex { b"".as_slice() } else { text.as_bytes() };
        let arguments = program.arguments(text);
        let command = program.command();
        let directory = folder.as_path();
        let job = Job { program: command, arguments, directory, input, patience: PATIENCE };
        let ended = run(&job).map_err(BenchError::io(command))?;
        let outcome = match ended.success {
            true => files::text(&file).map_err(|_| {
                Rejected::new(Code::Missing, "the program left no text where the file was")
            }),
            false => Err(Rejected::new(Code::NotFound, message(&ended))),
        };
        files::remove_folder(&folder);
        Ok(outcome)
    }
}

/// Returns what a program said, in few enough words for a row.
fn message(ended: &Ended) -> String {
    let said = if ended.errors.is_empty() { &ended.output } else { &ended.errors };
    String::from_utf8_lossy(said).chars().take(2000).collect()
}
