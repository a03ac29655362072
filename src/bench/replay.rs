//! The driver `replay`: recorded calls, given to other appliers.
//!
//! A recording is any file of rows that keep their text, such as a live run's.
//! The model is not asked again: what it wrote stays, and what becomes of it is
//! what is measured.

use std::collections::HashMap;
use std::path::Path;

use super::BenchError;
use super::apply::{APPLIERS, Situation};
use super::row::Row;
use super::run::{Manifest, RESULTS, line, open};
use super::score::Truth;
use super::task::{Task, digest};
use crate::tokens;

/// Gives every recorded call to every applier of its format and writes the
/// rows; returns how many calls were replayed.
///
/// # Errors
/// Where a call is about a task that the corpus does not hold, or nothing can
/// be written.
pub fn replay(
    recorded: &[Row],
    tasks: &[Task],
    out: &Path,
    corpus: &str,
) -> Result<usize, BenchError> {
    let calls: Vec<&Row> = recorded.iter().filter(|row| !row.text.is_empty()).collect();
    if calls.is_empty() {
        return Err(BenchError::Usage("the rows keep no text of their calls".into()));
    }
    let by_name: HashMap<&str, &Task> = tasks.iter().map(|task| (task.id.as_str(), task)).collect();
    let mut lanes: Vec<String> = Vec::new();
    let mut text = String::new();
    for (call, seq) in calls.iter().zip(0..) {
        let task = by_name.get(call.task.as_str()).ok_or_else(|| {
            BenchError::Usage(format!("the corpus does not hold the task {}", call.task))
        })?;
        for row in rows_of(call, task) {
            if !lanes.contains(&row.lane()) {
                lanes.push(row.lane());
            }
            text += &line(&Row { seq, ..row });
        }
    }
    let manifest = Manifest {
        schema: super::row::SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        driver: "replay".to_owned(),
        corpus: corpus.to_owned(),
        digest: digest(tasks),
        tasks: tasks.len(),
        seed: calls[0].seed,
        conditions: vec!["replay".to_owned()],
        lanes,
        rates: String::new(),
        shard: (1, 1),
        tokenizer: tokens::DEFAULT.to_owned(),
    };
    let (mut log, _) = open(out, &manifest)?;
    log.cut(0)?;
    log.append(&text)?;
    debug_assert!(out.join(RESULTS).is_file());
    Ok(calls.len())
}

fn rows_of<'a>(call: &'a Row, task: &'a Task) -> impl Iterator<Item = Row> + 'a {
    let situation = Situation::new(&task.path, &task.read, &task.read);
    let truth = Truth::clean(task);
    let appliers = APPLIERS.iter().filter(|applier| applier.format == call.format);
    appliers.map(move |applier| {
        let outcome = (applier.apply)(&situation, &call.text);
        let mut row = Row {
            driver: "replay".to_owned(),
            condition: "replay".to_owned(),
            applier: applier.name.to_owned(),
            code: String::new(),
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
