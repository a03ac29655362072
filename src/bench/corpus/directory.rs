//! Two directories: each file that both have, and have otherwise, is an edit;
//! all of them together are one of several files.

use std::path::Path;

use super::super::BenchError;
use super::super::files;
use super::super::task::Task;
use super::{Corpus, group, is_source};

/// Returns the tasks that lead from one directory to the other.
pub(super) fn load(before: &Path, after: &Path) -> Result<Corpus, BenchError> {
    let repo = after.file_name().map(|name| name.to_string_lossy().into_owned());
    let repo = repo.unwrap_or_default();
    let mut tasks = Vec::new();
    for path in files::below(before) {
        let Some(name) = path.to_str().filter(|name| is_source(name)) else { continue };
        // What is missing there, or is no text, is no edit.
        let (Ok(old), Ok(new)) =
            (files::text(&before.join(&path)), files::text(&after.join(&path)))
        else {
            continue;
        };
        tasks.extend(Task::between(name.to_owned(), &repo, name, &old, &new));
    }
    let groups = group("all".to_owned(), tasks.clone()).into_iter().collect();
    Ok(Corpus { tasks, groups })
}
