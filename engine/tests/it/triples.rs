//! Real edits that met real drift: commits of ten public repositories, whose
//! right answer is a three-way merge made by `git merge-file`, not by us.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::model::Tally;
use crate::shared::{self, Drifted, content_after, op};
use crate::sound;

/// Lines that go (0-based, half-open, of the text split at LF) and lines that
/// come.
type Hunk = (usize, usize, Vec<String>);

#[derive(Deserialize)]
struct Triple {
    id: String,
    path: String,
    read: String,
    edit: Vec<Hunk>,
    drift: Vec<Hunk>,
}

/// Every clean merge but a few is applied, with exactly its bytes; no conflict
/// is, nor can it be carried out by taking what is offered.
#[test]
fn real_drift_is_followed_or_refused() {
    shared::leave_out();
    let Some(rows) = shared::read("corpus/drift-triples.jsonl.zst") else { return };
    let folder = tempfile::tempdir().expect("a directory for git");
    let tally = Tally::default();
    let mut wrong = Vec::new();
    for row in rows.lines() {
        let triple: Triple = serde_json::from_str(row).expect("a row is a triple");
        let verdict = triple.judge(folder.path());
        if verdict.starts_with("wrong") {
            wrong.push(format!("{} {verdict}", triple.id));
        }
        tally.count(verdict);
    }
    tally.print("real drift (988 triples, no seed)");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tally.of("clean, right") >= 712, "fewer clean merges are applied than were");
    assert_eq!(tally.of("conflict, refused"), 273);
}

impl Triple {
    fn judge(&self, folder: &Path) -> &'static str {
        let (target, now) = (apply(&self.read, &self.edit), apply(&self.read, &self.drift));
        let right = merge_file(folder, &target, &self.read, &now);
        let drifted = Drifted::new(&self.path, self.read.clone().into(), now.into());
        let ops = self.edit.iter().map(|(start, end, text)| op(*start..*end, text));
        match (drifted.plan(ops.collect()), right) {
            (Ok(file), Some(right)) => {
                assert_eq!(sound::check(&file), Ok(()), "{}", self.id);
                match content_after(&file) == right {
                    true => "clean, right",
                    false => "wrong bytes",
                }
            }
            (Ok(_), None) => "wrong: a conflict was applied",
            (Err(_), Some(_)) => "clean, refused",
            // What is offered is taken, so it would be applied.
            (Err(refused), None) if shared::can_be_taken(&refused) => {
                "wrong: a conflict was offered a place"
            }
            (Err(_), None) => "conflict, refused",
        }
    }
}

fn apply(text: &str, hunks: &[Hunk]) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut after: Vec<&str> = Vec::new();
    let mut at = 0;
    for (start, end, new) in hunks {
        after.extend(&lines[at..*start]);
        after.extend(new.iter().map(String::as_str));
        at = *end;
    }
    after.extend(&lines[at..]);
    after.join("\n")
}

/// Returns what git makes of the three; `None` for a conflict.
#[expect(clippy::disallowed_methods, reason = "git is the judge, on files of the test")]
fn merge_file(folder: &Path, ours: &str, base: &str, theirs: &str) -> Option<Vec<u8>> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file for git");
        path
    };
    let files = [file("ours", ours), file("base", base), file("theirs", theirs)];
    let merge = Command::new("git").args(["merge-file", "-p", "-q"]).args(files).output();
    let merge = merge.expect("git is there");
    merge.status.success().then_some(merge.stdout)
}
