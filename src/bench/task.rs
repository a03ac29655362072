//! The task: one real edit of one file, and what others did to it meanwhile.

use std::ops::Range;
use std::path::Path;

use engine::hash::ContentHash;
use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Lines that go and lines that come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// 0-based and half-open, in the pieces of the text split at LF.
    pub old: Range<usize>,
    /// The new lines, without terminators.
    pub new: Vec<String>,
}

impl Hunk {
    /// Returns the new lines, each ended by LF.
    pub fn text(&self) -> String {
        self.new.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// An edit of one file.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name in the corpus; no other task has it.
    pub id: String,
    /// Where the file comes from: a repository, or a package.
    pub repo: String,
    /// The file, relative to there.
    pub path: String,
    /// The file as its author read it.
    pub read: String,
    /// What the author wants: minimal line hunks, sorted and disjoint.
    pub hunks: Vec<Hunk>,
    /// The file as others left it meanwhile, where the corpus knows.
    pub drifted: Option<String>,
    /// The commit that made the edit, where the corpus is a repository.
    pub commit: Option<String>,
}

/// An edit of several files, which a format may say as one call.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name in the corpus; no task and no other group has it.
    pub id: String,
    /// What becomes of each file, in the order of their paths.
    pub files: Vec<Task>,
}

/// What is taken out of a corpus: what no format is meant for, and what is no
/// edit any more but a rewriting.
pub const FILE_BYTES: Range<usize> = 200..250_000;
const LINE_CHARS: usize = 600;
const CHANGED_LINES: usize = 200;
const HUNKS: usize = 30;

impl Task {
    /// Returns the task that turns `before` into `after`; `None` where it is
    /// none, or not of the kind that is measured.
    pub fn between(id: String, repo: &str, path: &str, before: &str, after: &str) -> Option<Task> {
        if !is_measured(before) || !is_measured(after) {
            return None;
        }
        let hunks = hunks_between(before, after);
        let lines: usize = hunks.iter().map(|hunk| hunk.old.len() + hunk.new.len()).sum();
        let measured = !hunks.is_empty() && hunks.len() <= HUNKS && lines <= CHANGED_LINES;
        let (repo, path, read) = (repo.to_owned(), path.to_owned(), before.to_owned());
        let task = Task { id, repo, path, read, hunks, drifted: None, commit: None };
        // What differs in more than lines, such as the final newline, is left out.
        (measured && task.target() == after).then_some(task)
    }

    /// Returns the task with what others left of the file, if that differs and
    /// is of the kind that is measured.
    #[must_use]
    pub fn drifted_to(mut self, now: &str) -> Task {
        self.drifted = (now != self.read && is_measured(now)).then(|| now.to_owned());
        self
    }

    /// Returns the text afterwards, by nothing but the ranges of the hunks.
    pub fn target(&self) -> String {
        apply_hunks(&self.read, &self.hunks)
    }

    /// Returns the new lines alone: what any format has to say at least.
    pub fn new_text(&self) -> String {
        self.hunks.iter().map(Hunk::text).collect()
    }

    /// Returns the number of lines that go or come.
    pub fn changed_lines(&self) -> usize {
        self.hunks.iter().map(|hunk| hunk.old.len() + hunk.new.len()).sum()
    }

    /// Returns the ending of the path, by which languages are told apart here.
    pub fn ending(&self) -> &str {
        Path::new(&self.path).extension().and_then(|ending| ending.to_str()).unwrap_or("")
    }
}

/// Returns whether a file is of the kind that the corpus holds.
fn is_measured(text: &str) -> bool {
    FILE_BYTES.contains(&text.len())
        && !text.contains(['\r', '\0'])
        && text.ends_with('\n')
        && text.lines().all(|line| line.len() <= LINE_CHARS)
}

/// Returns `text` after `hunks`, which are sorted and disjoint.
pub fn apply_hunks(text: &str, hunks: &[Hunk]) -> String {
    let pieces: Vec<&str> = text.split('\n').collect();
    let mut after: Vec<&str> = Vec::with_capacity(pieces.len());
    let mut at = 0;
    for hunk in hunks {
        after.extend(&pieces[at..hunk.old.start]);
        after.extend(hunk.new.iter().map(String::as_str));
        at = hunk.old.end;
    }
    after.extend(&pieces[at..]);
    after.join("\n")
}

/// Returns the minimal line hunks between two texts, by Myers' algorithm.
pub fn hunks_between(before: &str, after: &str) -> Vec<Hunk> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    let changed = ops.into_iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    let hunk = |op: DiffOp| Hunk {
        old: op.old_range(),
        new: new[op.new_range()].iter().map(|&line| line.to_owned()).collect(),
    };
    let mut hunks: Vec<Hunk> = Vec::new();
    for next in changed.map(hunk) {
        match hunks.last_mut() {
            // A deletion and an insertion that touch are one replacement.
            Some(last) if last.old.end == next.old.start => {
                last.old.end = next.old.end;
                last.new.extend(next.new);
            }
            _ => hunks.push(next),
        }
    }
    hunks
}

/// Returns one digest of all tasks and groups, by which two runs can tell that
/// they ran over the same ones.
pub fn digest(tasks: &[Task], groups: &[Group]) -> String {
    let mut all = String::new();
    for task in tasks.iter().chain(groups.iter().flat_map(|group| &group.files)) {
        let drifted = task.drifted.as_deref().unwrap_or("");
        for part in [&task.id, &task.read, &task.target(), drifted] {
            all.push_str(&ContentHash::of(part.as_bytes()).to_hex());
        }
    }
    ContentHash::of(all.as_bytes()).to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hunks_between_two_texts_lead_from_one_to_the_other() {
        let body: String = (0..40).map(|line| format!("let line_{line} = {line};\n")).collect();
        let after = body.replace("line_7 ", "seven ").replace("let line_20 = 20;\n", "") + "end\n";
        let task = Task::between("1".into(), "r", "a.rs", &body, &after).unwrap();
        assert_eq!(task.target(), after);
        assert_eq!(task.hunks.len(), 3);
        assert_eq!(task.changed_lines(), 4);
        assert!(Task::between("1".into(), "r", "a.rs", &body, &body).is_none());
    }
}
