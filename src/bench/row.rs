//! The row: what one call came to. The one schema of everything that a
//! benchmark writes, and all that a report reads.

use serde::{Deserialize, Serialize};

/// The version of the schema; a reader refuses rows of another one.
pub const SCHEMA: u32 = 2;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    /// See [`Row::task`].
    pub task: &'a str,
    /// See [`Row::path`].
    pub path: &'a str,
    /// See [`Row::condition`].
    pub condition: &'a str,
    /// See [`Row::mistake`].
    pub mistake: &'a str,
    /// See [`Row::format`].
    pub format: &'a str,
    /// See [`Row::applier`].
    pub applier: &'a str,
    /// Repeat and attempt.
    pub tries: (u32, u32),
}

/// One call: an edit, in a format, by an applier.
///
/// Every field is always there, so that the rows of any run load as one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `free`, `replay` or `live`.
    pub driver: String,
    /// The seed of the run.
    pub seed: u64,
    /// Place of the task in its corpus, from 0.
    pub index: u64,
    /// Place of the row among those of its task, from 0.
    pub seq: u64,
    /// Name of the task.
    pub task: String,
    /// Repository or package.
    pub repo: String,
    /// The file; empty in the row of a call about several.
    pub path: String,
    /// The files that the call is about. Where there are several, one row holds
    /// the whole of the call and each file has one of its own, without tokens.
    pub files: u64,
    /// The format of the call.
    pub format: String,
    /// The rule or program that took it or did not.
    pub applier: String,
    /// `clean`, `drift`, `strong` and `weak` (calibrated mistakes), `slip`;
    /// in live runs `live`.
    pub condition: String,
    /// The mistake that was put in, if one was.
    pub mistake: String,
    /// The model, in live runs.
    pub model: String,
    /// Which repeat of the task, from 0.
    pub repeat: u32,
    /// Which edit call of the task, from 0.
    pub attempt: u32,
    /// Whether no further call follows for this task, format and repeat.
    pub last: bool,
    /// Whether a right result exists: not where others changed the same lines.
    pub defined: bool,
    /// Whether the call was applied.
    pub accepted: bool,
    /// Whether the result is right, byte for byte.
    pub right: bool,
    /// What it came to: `right`, `rejected`; where it was applied and is wrong,
    /// `whitespace`, `boundary`, `lost-update` or `misplaced`; where no right
    /// result exists, `refused` or `blind`; of several files, `partial` where
    /// some were changed and others not. A recorded call whose right result
    /// nobody knows is `taken` or `not-taken`.
    pub outcome: String,
    /// Whether the result is right but for white space.
    pub blank_right: bool,
    /// Whether the result has the syntax tree of the right one, but for places
    /// and comments: `same`, `other`; empty where nothing was applied or no
    /// grammar is there.
    pub tree: String,
    /// Whether the result has no more syntax errors than the right one: `kept`,
    /// `broken`, or empty.
    pub syntax: String,
    /// Whether the result builds, by the command that was given and where the
    /// right one does: `yes`, `no`, or empty.
    pub build: String,
    /// Why it was rejected, as one of our codes.
    pub code: String,
    /// Lines that differ between the result and the right one.
    pub collateral: u64,
    /// Runs of changed lines of the task.
    pub hunks: u64,
    /// Lines that go or come.
    pub changed: u64,
    /// Lines of the file.
    pub lines: u64,
    /// Tokens of the file as it is shown in this format.
    pub tok_read: u64,
    /// Tokens of the file without any gutter.
    pub tok_plain: u64,
    /// Tokens of the call.
    pub tok_out: u64,
    /// Tokens of the new text alone.
    pub tok_new: u64,
    /// Tokens of old text that the call says again.
    pub tok_repeat: u64,
    /// Tokens of what the author was told of a rejection.
    pub tok_error: u64,
    /// Tokens of lines that were shown before and not changed since, in live
    /// runs.
    pub tok_reread: u64,
    /// Input tokens that the endpoint reported, in live runs.
    pub tok_in: u64,
    /// Those of them that it had in its cache.
    pub tok_cached: u64,
    /// Those of them that it put into its cache.
    pub tok_written: u64,
    /// Output tokens that the endpoint reported.
    pub tok_model: u64,
    /// Whether the tool that was recorded took the call, in replays: `yes`,
    /// `no`, or empty where the recording does not say.
    pub recorded: String,
    /// The call, where the run keeps it.
    pub text: String,
}

impl Row {
    /// Returns what the row is about: rows of two runs with the same key can be
    /// compared.
    pub fn key(&self) -> Key<'_> {
        Key {
            task: &self.task,
            path: &self.path,
            condition: &self.condition,
            mistake: &self.mistake,
            format: &self.format,
            applier: &self.applier,
            tries: (self.repeat, self.attempt),
        }
    }

    /// Returns whether the row is that of one file of a call about several.
    pub fn is_part(&self) -> bool {
        self.files > 1 && !self.path.is_empty()
    }

    /// Returns whether the call was applied, called done, and is not right.
    pub fn is_silently_wrong(&self) -> bool {
        self.defined && self.accepted && !self.right
    }

    /// Returns `format/applier`.
    pub fn lane(&self) -> String {
        format!("{}/{}", self.format, self.applier)
    }
}
