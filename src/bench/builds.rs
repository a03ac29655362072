//! Builds: whether a result still builds, by a command of the user, in a copy
//! of the repository that the corpus was made from.
//!
//! The copy is brought to the commit that made the edit, the file is replaced by
//! the result, and the command runs there. So the right result is the commit
//! itself; where that does not build, nothing can be told of others.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use engine::hash::ContentHash;

use super::BenchError;
use super::apply::Outcome;
use super::files::{self, Scratch};
use super::row::Row;
use super::score::Truth;
use super::task::Task;
use crate::process::{Job, run};

/// How long git may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// A copy of a repository in which results are built, one after another.
#[derive(Debug)]
pub struct Builder {
    command: String,
    patience: Duration,
    copy: Mutex<Copy>,
}

#[derive(Debug)]
struct Copy {
    scratch: Scratch,
    /// What was built: commit, path and result, and whether it went well.
    known: Vec<(ContentHash, bool)>,
}

impl Builder {
    /// Copies the repository at `folder` beneath `parent`, to run `command` there
    /// by the shell, each time for `patience` at most.
    ///
    /// # Errors
    /// Where it cannot be copied.
    pub fn new(
        folder: &Path,
        parent: &Path,
        command: &str,
        patience: Duration,
    ) -> Result<Builder, BenchError> {
        let scratch = Scratch::new(parent, "build")?;
        let from = folder.canonicalize().map_err(BenchError::io(folder.display().to_string()))?;
        let from = from.display().to_string();
        git(scratch.path(), &["clone", "-q", "--shared", "--no-checkout", &from, "."])?;
        let copy = Mutex::new(Copy { scratch, known: Vec::new() });
        Ok(Builder { command: command.to_owned(), patience, copy })
    }

    /// Writes into `row` whether the result builds. Nothing is written where the
    /// right result does not, or where the corpus knows no commit.
    ///
    /// # Errors
    /// Where git fails; a command that fails or takes too long is an answer.
    pub fn judge(
        &self,
        task: &Task,
        truth: &Truth,
        outcome: &Outcome,
        row: &mut Row,
    ) -> Result<(), BenchError> {
        let (Ok(result), Some(right), Some(commit)) = (outcome, &truth.right, &task.commit) else {
            return Ok(());
        };
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.builds(&mut copy, commit, &task.path, right)? {
            return Ok(());
        }
        let builds = self.builds(&mut copy, commit, &task.path, result)?;
        row.build = if builds { "yes" } else { "no" }.to_owned();
        Ok(())
    }

    fn builds(
        &self,
        copy: &mut Copy,
        commit: &str,
        path: &str,
        content: &str,
    ) -> Result<bool, BenchError> {
        let hash = ContentHash::of([commit, path, content].join("\u{0}").as_bytes());
        if let Some((_, builds)) = copy.known.iter().find(|(other, _)| *other == hash) {
            return Ok(*builds);
        }
        let folder: PathBuf = copy.scratch.path().to_owned();
        // What builds left behind and git ignores stays, so that they go on there.
        git(&folder, &["checkout", "-q", "--force", "--detach", commit])?;
        files::write(&folder.join(path), content)?;
        let arguments = vec!["-c".to_owned(), self.command.clone()];
        let directory = folder.as_path();
        let patience = self.patience;
        let ended = run(&Job { program: "sh", arguments, directory, input: b"", patience });
        let builds = ended.is_ok_and(|ended| ended.success);
        copy.known.push((hash, builds));
        Ok(builds)
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<(), BenchError> {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let job = Job { program: "git", arguments, directory: folder, input: b"", patience: PATIENCE };
    let ended = run(&job).map_err(BenchError::io("git"))?;
    match ended.success {
        true => Ok(()),
        false => Err(BenchError::Program {
            program: "git".into(),
            message: String::from_utf8_lossy(&ended.errors).trim().to_owned(),
        }),
    }
}
