//! Drift triples: what was read, what its author wants, and what others did
//! meanwhile, as rows of JSON.

use std::path::Path;

use serde::Deserialize;

use super::super::BenchError;
use super::super::files;
use super::super::task::{Hunk, Task, apply_hunks};

#[derive(Deserialize)]
struct Triple {
    id: String,
    #[serde(default)]
    repo: String,
    path: String,
    read: String,
    edit: Vec<(usize, usize, Vec<String>)>,
    #[serde(default)]
    drift: Vec<(usize, usize, Vec<String>)>,
}

/// Returns the tasks of a file, packed or not.
pub(super) fn load(file: &Path) -> Result<Vec<Task>, BenchError> {
    let text = files::text(file)?;
    text.lines().zip(1..).map(|(row, number)| task(row, number, file)).collect()
}

fn task(row: &str, number: usize, file: &Path) -> Result<Task, BenchError> {
    let wrong =
        |what: String| BenchError::Malformed(format!("{}:{number}: {what}", file.display()));
    let triple: Triple = serde_json::from_str(row).map_err(|error| wrong(error.to_string()))?;
    let pieces = triple.read.split('\n').count();
    let edit = hunks(triple.edit, pieces).ok_or_else(|| wrong("hunks out of order".into()))?;
    let drift = hunks(triple.drift, pieces).ok_or_else(|| wrong("drift out of order".into()))?;
    let drifted = (!drift.is_empty()).then(|| apply_hunks(&triple.read, &drift));
    let Triple { id, repo, path, read, .. } = triple;
    Ok(Task { id, repo, path, read, hunks: edit, drifted, commit: None })
}

/// Returns the hunks, if they are sorted, disjoint and within the text.
fn hunks(rows: Vec<(usize, usize, Vec<String>)>, pieces: usize) -> Option<Vec<Hunk>> {
    let mut end = 0;
    let hunk = |(start, stop, new): (usize, usize, Vec<String>)| {
        let fits = end <= start && start <= stop && stop <= pieces;
        end = stop;
        fits.then_some(Hunk { old: start..stop, new })
    };
    rows.into_iter().map(hunk).collect()
}
