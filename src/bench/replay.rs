//! The driver `replay`: recorded calls, given to other appliers.
//!
//! A recording is any file of rows that keep their text, such as a live run's,
//! or a transcript of another program. The model is not asked again: what it
//! wrote stays, and what becomes of it is what is measured.

use std::collections::HashMap;
use std::path::Path;

use super::BenchError;
use super::apply::{APPLIERS, Applier, Situation};
use super::format::Format;
use super::row::{Row, SCHEMA};
use super::run::{Manifest, line, open};
use super::score::{Truth, whole};
use super::task::{Task, digest};
use crate::tokens;

/// A file of a recorded edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// The file, relative.
    pub path: String,
    /// What it held.
    pub before: String,
    /// What it held afterwards, where the tool took the edit: as it was shown
    /// later, or by the rule of a tool that replaces text that stands there
    /// once.
    pub after: Option<String>,
}

/// An edit that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The tool, or `reply` for an edit in the text of the model.
    pub tool: String,
    /// The model, where the transcript says it.
    pub model: String,
    /// The format of ours that reads it.
    pub format: &'static str,
    /// The edit, in this format.
    pub text: String,
    /// Its files.
    pub files: Vec<FileState>,
    /// Whether the tool took it, where the transcript says so.
    pub taken: Option<bool>,
}

/// What is replayed.
#[derive(Debug, Default)]
pub struct Recording<'a> {
    /// Rows that keep the text of their calls.
    pub rows: Vec<Row>,
    /// Calls of transcripts.
    pub calls: Vec<Recorded>,
    /// What rows are about; and of transcripts what is right, where a task has
    /// the very file.
    pub tasks: &'a [Task],
}

/// Gives every recorded call to every applier of its format and writes the
/// rows; returns how many calls were replayed.
///
/// # Errors
/// Where a row is about a task that the corpus does not hold, or nothing can be
/// written.
pub fn replay(recording: &Recording<'_>, out: &Path, corpus: &str) -> Result<usize, BenchError> {
    let rows: Vec<&Row> = recording.rows.iter().filter(|row| !row.text.is_empty()).collect();
    let count = rows.len() + recording.calls.len();
    if count == 0 {
        let text = "nothing is recorded there that can be replayed";
        return Err(BenchError::Usage(text.into()));
    }
    let mut all = Vec::new();
    let tasks = recording.tasks;
    let by_name: HashMap<&str, &Task> = tasks.iter().map(|task| (task.id.as_str(), task)).collect();
    for row in &rows {
        let task = by_name.get(row.task.as_str()).ok_or_else(|| {
            BenchError::Usage(format!("the corpus does not hold the task {}", row.task))
        })?;
        all.extend(again(row, task));
    }
    for (index, call) in recording.calls.iter().enumerate() {
        all.extend(rows_of(index, call, tasks));
    }
    let mut lanes: Vec<String> = Vec::new();
    for lane in all.iter().map(Row::lane) {
        if !lanes.contains(&lane) {
            lanes.push(lane);
        }
    }
    let seed = rows.first().map_or(0, |row| row.seed);
    let (mut log, _) = open(out, &manifest(tasks, corpus, seed, lanes))?;
    log.cut(0)?;
    log.append(&all.iter().map(line).collect::<String>())?;
    Ok(count)
}

fn manifest(tasks: &[Task], corpus: &str, seed: u64, lanes: Vec<String>) -> Manifest {
    Manifest {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        driver: "replay".to_owned(),
        corpus: corpus.to_owned(),
        digest: digest(tasks, &[]),
        tasks: tasks.len(),
        groups: 0,
        seed,
        conditions: vec!["replay".to_owned()],
        lanes,
        rates: String::new(),
        shard: (1, 1),
        tokenizer: tokens::DEFAULT.to_owned(),
    }
}

fn appliers(format: &str) -> impl Iterator<Item = &'static Applier> {
    APPLIERS.iter().filter(move |applier| applier.format == format)
}

/// Returns the rows of a call that a row of results keeps.
fn again<'a>(call: &'a Row, task: &'a Task) -> impl Iterator<Item = Row> + 'a {
    let situation = Situation::new(&task.path, &task.read, &task.read);
    let truth = Truth::clean(task);
    appliers(&call.format).zip(0..).map(move |(applier, seq)| {
        let outcome = applier.apply(&situation, &call.text);
        let mut row = Row {
            driver: "replay".to_owned(),
            condition: "replay".to_owned(),
            applier: applier.name.to_owned(),
            seq,
            recorded: if call.accepted { "yes" } else { "no" }.to_owned(),
            code: String::new(),
            tree: String::new(),
            syntax: String::new(),
            tok_error: 0,
            text: String::new(),
            ..call.clone()
        };
        truth.judge(&outcome, &mut row);
        if let Err(rejected) = &outcome {
            row.tok_error = tokens::count(&rejected.message) as u64;
        }
        row
    })
}

/// Returns the rows of a call of a transcript.
fn rows_of(index: usize, call: &Recorded, tasks: &[Task]) -> Vec<Row> {
    let paths: Vec<&str> = call.files.iter().map(|file| file.path.as_str()).collect();
    let mut situations = Vec::new();
    let mut truths = Vec::new();
    for file in &call.files {
        let mut situation = Situation::new(&file.path, &file.before, &file.before);
        let others = paths.iter().filter(|path| **path != file.path);
        situation.others = others.map(|&path| path.to_owned()).collect();
        situations.push(situation);
        truths.push(truth(call, file, tasks));
    }
    let base = base(index, call);
    let mut rows = Vec::new();
    for applier in appliers(call.format) {
        let outcomes = applier.apply_all(&situations, &call.text);
        let base = Row { applier: applier.name.to_owned(), ..base.clone() };
        let judged = outcomes.iter().zip(&truths).map(|(outcome, truth)| {
            let mut row = base.clone();
            row.path.clone_from(&truth.path);
            truth.judge(outcome, &mut row);
            row
        });
        let files: Vec<Row> = judged.collect();
        let mut row = whole(&base, &files);
        // Where nobody knows what is right, all that can be said is whether
        // something was done.
        if !row.defined {
            row.outcome = if row.accepted { "taken" } else { "not-taken" }.to_owned();
        }
        let refused = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
        row.tok_error = refused.map_or(0, |refused| tokens::count(&refused.message) as u64);
        row.seq = rows.len() as u64;
        rows.push(row);
    }
    rows
}

/// Returns what should become of a file: what a task of the corpus says that
/// has the same file, else what the recording shows.
fn truth(call: &Recorded, file: &FileState, tasks: &[Task]) -> Truth {
    let is_it = |task: &&Task| {
        let ends = file.path.ends_with(&task.path) || task.path.ends_with(&file.path);
        ends && task.read == file.before
    };
    let right = match tasks.iter().find(is_it) {
        Some(task) => Some(task.target()),
        None => file.after.clone().filter(|_| call.taken == Some(true)),
    };
    let target = right.clone().unwrap_or_else(|| file.before.clone());
    Truth::of(&file.path, &file.before, right, target)
}

fn base(index: usize, call: &Recorded) -> Row {
    let sum = |of: &dyn Fn(&str) -> usize| -> u64 {
        call.files.iter().map(|file| of(&file.before) as u64).sum()
    };
    let format = Format::of(call.format);
    let shown = |text: &str| format.map_or(0, |format| tokens::count(&format.shown(text)));
    let path = match call.files.as_slice() {
        [one] => one.path.clone(),
        _ => String::new(),
    };
    Row {
        schema: SCHEMA,
        driver: "replay".to_owned(),
        condition: "replay".to_owned(),
        index: index as u64,
        task: format!("call {index}"),
        path,
        files: call.files.len() as u64,
        format: call.format.to_owned(),
        model: call.model.clone(),
        last: true,
        lines: sum(&|text| text.lines().count()),
        tok_read: sum(&shown),
        tok_plain: sum(&|text| tokens::count(text)),
        tok_out: tokens::count(&call.text) as u64,
        recorded: match call.taken {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        }
        .to_owned(),
        ..Row::default()
    }
}
