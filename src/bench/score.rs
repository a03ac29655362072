//! Scores: what one call came to, held against the truth.
//!
//! The truth is never made by our own applier: without drift it is the known
//! content afterwards, with drift what `git merge-file` makes of the three.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::BenchError;
use super::apply::Outcome;
use super::files::{self, Scratch};
use super::row::Row;
use super::task::Task;
use crate::process::{Job, run};

/// How long git may take for one merge.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a call on one file should come to.
#[derive(Debug, Clone)]
pub struct Truth {
    /// What is there.
    pub now: String,
    /// What should be there afterwards; `None` where others changed the same
    /// lines.
    pub right: Option<String>,
    /// What the author would leave who knows of no others.
    pub target: String,
}

impl Truth {
    /// Returns the truth where nobody else touched the file.
    pub fn clean(task: &Task) -> Truth {
        let target = task.target();
        Truth { now: task.read.clone(), right: Some(target.clone()), target }
    }

    /// Writes into `row` what `outcome` came to.
    pub fn judge(&self, outcome: &Outcome, row: &mut Row) {
        row.defined = self.right.is_some();
        row.accepted = outcome.is_ok();
        let (name, collateral) = match (outcome, &self.right) {
            (Ok(result), Some(right)) if result == right => ("right", 0),
            (Ok(result), Some(right)) => self.fault(result, right),
            (Ok(_), None) => ("blind", 0),
            (Err(_), Some(_)) => ("rejected", 0),
            (Err(_), None) => ("refused", 0),
        };
        row.right = name == "right";
        row.outcome = name.to_owned();
        row.collateral = collateral;
        if let Err(rejected) = outcome {
            row.code = rejected.code.clone();
        }
    }

    /// Returns how a wrong result is wrong, and in how many lines.
    fn fault(&self, result: &str, right: &str) -> (&'static str, u64) {
        let (gone, come) = difference(right, result);
        let lines = (gone.len() + come.len()) as u64;
        let bare = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
        let name = if bare(result) == bare(right) {
            "whitespace"
        } else if result == self.target && self.now != right {
            "lost-update"
        } else if lines == 1 {
            "boundary"
        } else {
            "misplaced"
        };
        (name, lines)
    }
}

/// Returns the lines of one text that are not in the other, and the reverse.
fn difference<'a>(right: &'a str, result: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (right.split('\n').collect(), result.split('\n').collect());
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        if !matches!(op, DiffOp::Equal { .. }) {
            gone.extend(&old[op.old_range()]);
            come.extend(&new[op.new_range()]);
        }
    }
    (gone, come)
}

/// The judge of drift: git, in a directory of its own.
#[derive(Debug)]
pub struct Merger {
    scratch: Scratch,
    next: AtomicU64,
}

impl Merger {
    /// Returns a judge that works beneath `parent`.
    ///
    /// # Errors
    /// Where no directory can be made there.
    pub fn new(parent: &Path) -> Result<Merger, BenchError> {
        Ok(Merger { scratch: Scratch::new(parent, "merge")?, next: AtomicU64::new(0) })
    }

    /// Returns the truth where others left the file as the corpus says; `None`
    /// where it says nothing.
    ///
    /// # Errors
    /// Where git cannot be run.
    pub fn drifted(&self, task: &Task) -> Result<Option<Truth>, BenchError> {
        let Some(now) = &task.drifted else { return Ok(None) };
        let target = task.target();
        let right = self.merge(&target, &task.read, now)?;
        Ok(Some(Truth { now: now.clone(), right, target }))
    }

    /// Returns what git makes of two texts that come from one; `None` for a
    /// conflict.
    fn merge(&self, ours: &str, base: &str, theirs: &str) -> Result<Option<String>, BenchError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut arguments: Vec<String> =
            ["merge-file", "-p", "-q"].iter().map(|&argument| argument.to_owned()).collect();
        let mut paths = Vec::new();
        for (side, text) in [("ours", ours), ("base", base), ("theirs", theirs)] {
            let name = format!("{number}-{side}");
            let path = self.scratch.path().join(&name);
            files::write(&path, text)?;
            arguments.push(name);
            paths.push(path);
        }
        let directory = self.scratch.path();
        let job = Job { program: "git", arguments, directory, input: b"", patience: PATIENCE };
        let ended = run(&job).map_err(BenchError::io("git"))?;
        paths.iter().for_each(|path| files::remove_file(path));
        // Git answers the number of conflicts, or 255 where it cannot merge.
        match ended.code {
            Some(0) => Ok(Some(String::from_utf8_lossy(&ended.output).into_owned())),
            Some(1..=127) => Ok(None),
            _ => Err(BenchError::Program {
                program: "git merge-file".into(),
                message: String::from_utf8_lossy(&ended.errors).trim().to_owned(),
            }),
        }
    }
}
