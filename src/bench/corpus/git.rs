//! A repository: each file that a commit changes is an edit, and the commit
//! before it on the same file, taken back, is what others did meanwhile. What a
//! commit does to several files is an edit of several files too.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::super::BenchError;
use super::super::task::{Group, Task};
use super::{Corpus, Surroundings, group, is_source};
use crate::process::{Job, run};

/// How long git may take for the whole history.
const PATIENCE: Duration = Duration::from_secs(600);

/// The most edits that are looked at: the newest ones.
const MOST_EDITS: usize = 20_000;

/// One file in one commit.
struct Step {
    commit: String,
    path: String,
    before: String,
    after: String,
}

/// Returns the edits of a repository, the oldest first.
pub(super) fn load(folder: &Path, around: &Surroundings<'_>) -> Result<Corpus, BenchError> {
    (around.say)("reading the history");
    let log = git(
        folder,
        &["log", "--no-merges", "--diff-filter=M", "--raw", "--no-abbrev", "--format=commit %H"],
        b"",
    )?;
    let mut steps = steps(&String::from_utf8_lossy(&log));
    steps.truncate(MOST_EDITS);
    steps.reverse();
    let blobs = blobs(folder, &steps)?;
    let repo = folder.canonicalize().ok();
    let repo = repo.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy());
    let repo = repo.unwrap_or_default().into_owned();
    let mut last: HashMap<&str, &Step> = HashMap::new();
    let mut tasks = Vec::new();
    for step in &steps {
        let text = |blob: &str| blobs.get(blob).map(String::as_str);
        if let (Some(before), Some(after)) = (text(&step.before), text(&step.after)) {
            let id = format!("{}:{}", &step.commit[..12], step.path);
            let task = Task::between(id, &repo, &step.path, before, after);
            let task = task.map(|task| Task { commit: Some(step.commit.clone()), ..task });
            // The step before must have led to what was read here.
            let earlier = last.get(step.path.as_str()).filter(|last| last.after == step.before);
            let earlier = earlier.and_then(|last| text(&last.before));
            tasks.extend(task.map(|task| match earlier {
                Some(now) => task.drifted_to(now),
                None => task,
            }));
        }
        last.insert(&step.path, step);
    }
    let groups = groups(&steps, &tasks);
    Ok(Corpus { tasks, groups })
}

/// Returns the commits that change several files, all of which are measured.
fn groups(steps: &[Step], tasks: &[Task]) -> Vec<Group> {
    let commits = steps.chunk_by(|a, b| a.commit == b.commit);
    let mut tasks = tasks.chunk_by(|a, b| a.commit == b.commit).peekable();
    let mut groups = Vec::new();
    for commit in commits {
        let name = commit[0].commit.as_str();
        let is_its = |files: &&[Task]| files[0].commit.as_deref() == Some(name);
        let Some(files) = tasks.next_if(is_its) else { continue };
        // An edit without some of its files would be another edit.
        let files = if files.len() == commit.len() { files.to_vec() } else { Vec::new() };
        groups.extend(group(format!("{}:*", &name[..12]), files));
    }
    groups
}

/// Returns the changes that a raw log lists, the newest first.
fn steps(log: &str) -> Vec<Step> {
    let mut commit = String::new();
    let mut steps = Vec::new();
    for row in log.lines() {
        if let Some(name) = row.strip_prefix("commit ") {
            commit = name.to_owned();
        }
        let Some((head, path)) = row.strip_prefix(':').and_then(|row| row.split_once('\t')) else {
            continue;
        };
        let words: Vec<&str> = head.split(' ').collect();
        if let [mode, _, before, after, _] = words[..]
            && mode.starts_with("100")
            && commit.len() >= 12
            && is_source(path)
        {
            let (before, after) = (before.to_owned(), after.to_owned());
            steps.push(Step { commit: commit.clone(), path: path.to_owned(), before, after });
        }
    }
    steps
}

/// Returns the contents of all steps that are text.
fn blobs(folder: &Path, steps: &[Step]) -> Result<HashMap<String, String>, BenchError> {
    let mut names: Vec<&str> =
        steps.iter().flat_map(|step| [step.before.as_str(), step.after.as_str()]).collect();
    names.sort_unstable();
    names.dedup();
    let asked = names.iter().flat_map(|name| [*name, "\n"]).collect::<String>();
    let answer = git(folder, &["cat-file", "--batch"], asked.as_bytes())?;
    let mut rest = answer.as_slice();
    let mut blobs = HashMap::new();
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let words: Vec<&str> = head.split(' ').collect();
        let [name, "blob", len] = words[..] else {
            // `NAME missing`: a shallow or partial clone.
            rest = &rest[end + 1..];
            continue;
        };
        let len: usize = len.parse().unwrap_or(usize::MAX);
        let Some(bytes) = rest.get(end + 1..).and_then(|rest| rest.get(..len)) else { break };
        if let Ok(text) = std::str::from_utf8(bytes) {
            blobs.insert(name.to_owned(), text.to_owned());
        }
        rest = rest.get(end + 1 + len + 1..).unwrap_or_default();
    }
    Ok(blobs)
}

fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, BenchError> {
    let quoted = ["-c", "core.quotePath=false", "--no-pager"];
    let arguments = quoted.iter().chain(arguments).map(|&argument| argument.to_owned()).collect();
    let job = Job { program: "git", arguments, directory: folder, input, patience: PATIENCE };
    let ended = run(&job).map_err(BenchError::io("git"))?;
    match ended.success {
        true => Ok(ended.output),
        false => Err(BenchError::Program {
            program: "git".into(),
            message: String::from_utf8_lossy(&ended.errors).trim().to_owned(),
        }),
    }
}
