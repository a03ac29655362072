//! Scores: what one call came to, held against the truth.
//!
//! The truth is never made by our own applier: without drift it is the known
//! content afterwards, with drift what `git merge-file` makes of the three.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use engine::hash::ContentHash;
use grammars::equal::Parsed;
use grammars::parse::Limits;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::BenchError;
use super::apply::Outcome;
use super::files::{self, Scratch};
use super::row::Row;
use super::task::Task;
use crate::process::{Job, run};

/// How long git may take for one merge.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a parse may take: so long that what is found does not depend on
/// how busy the machine is.
pub const PARSE: Limits =
    Limits { content_bytes: 1 << 20, line_bytes: 64 << 10, time: Duration::from_secs(60) };

/// What a call on one file should come to.
#[derive(Debug)]
pub struct Truth {
    /// The file.
    pub path: String,
    /// What is there.
    pub now: String,
    /// What should be there afterwards; `None` where others changed the same
    /// lines.
    pub right: Option<String>,
    /// What the author would leave who knows of no others.
    pub target: String,
    /// The right result, parsed, once it was needed.
    tree: OnceLock<Option<Parsed>>,
    /// What was found of wrong results: many rules go wrong in the same way.
    known: Mutex<Vec<(ContentHash, Looks)>>,
}

/// What a parser says of a wrong result: whether it has the right tree, and no
/// more errors than the right one; `None` where no grammar is there.
type Looks = Option<(bool, bool)>;

impl Truth {
    /// Returns the truth of a file that is to become `right`.
    pub fn of(path: &str, now: &str, right: Option<String>, target: String) -> Truth {
        let (path, now) = (path.to_owned(), now.to_owned());
        let (tree, known) = (OnceLock::new(), Mutex::default());
        Truth { path, now, right, target, tree, known }
    }

    /// Returns the truth where nobody else touched the file.
    pub fn clean(task: &Task) -> Truth {
        let target = task.target();
        Truth::of(&task.path, &task.read, Some(target.clone()), target)
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
        row.blank_right = matches!(name, "right" | "whitespace");
        row.outcome = name.to_owned();
        row.collateral = collateral;
        if let (Ok(result), Some(right)) = (outcome, &self.right) {
            let looks = if row.right { Some((true, true)) } else { self.looks(result, right) };
            let word = |yes: &str, no: &str, is: bool| if is { yes } else { no }.to_owned();
            row.tree = looks.map_or_else(String::new, |looks| word("same", "other", looks.0));
            row.syntax = looks.map_or_else(String::new, |looks| word("kept", "broken", looks.1));
        }
        if let Err(rejected) = outcome {
            row.code = rejected.code.clone();
        }
    }

    /// Returns what a parser says of a wrong result.
    fn looks(&self, result: &str, right: &str) -> Looks {
        let hash = ContentHash::of(result.as_bytes());
        let known = |of: &[(ContentHash, Looks)]| {
            of.iter().find(|(other, _)| *other == hash).map(|(_, looks)| *looks)
        };
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(looks) = known(&all) {
            return looks;
        }
        let tree = |text: &str| Parsed::of(&self.path, text.as_bytes(), PARSE);
        let wanted = self.tree.get_or_init(|| tree(right));
        let looks = wanted
            .as_ref()
            .zip(tree(result))
            .map(|(wanted, found)| (found.is_same(wanted), found.faults() <= wanted.faults()));
        all.push((hash, looks));
        looks
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

/// Returns the row of a call by the rows of its files.
///
/// A call about several files is right where all of them are, and rejected where
/// none was changed; what lies between is `partial`, whatever was said of it.
pub fn whole(base: &Row, files: &[Row]) -> Row {
    if let [one] = files {
        return one.clone();
    }
    let all = |is: fn(&Row) -> bool| files.iter().all(is);
    let any = |is: fn(&Row) -> bool| files.iter().any(is);
    let (defined, accepted) = (all(|file| file.defined), all(|file| file.accepted));
    let right = all(|file| file.right);
    let wrong = files.iter().find(|file| file.is_silently_wrong());
    let outcome = match (defined, any(|file| file.accepted)) {
        (true, false) => "rejected",
        (false, false) => "refused",
        _ if any(|file| !file.defined && file.accepted) => "blind",
        _ if !accepted => "partial",
        _ => wrong.map_or("right", |wrong| wrong.outcome.as_str()),
    };
    let worst = |of: fn(&Row) -> &str, words: [&str; 2]| {
        let word = words.into_iter().find(|word| files.iter().any(|file| of(file) == *word));
        let all_known = files.iter().all(|file| !of(file).is_empty());
        let known = accepted && (all_known || word == Some(words[0]));
        word.filter(|_| known).unwrap_or_default().to_owned()
    };
    Row {
        defined,
        accepted,
        right,
        outcome: outcome.to_owned(),
        blank_right: all(|file| file.blank_right),
        tree: worst(|file| &file.tree, ["other", "same"]),
        syntax: worst(|file| &file.syntax, ["broken", "kept"]),
        build: worst(|file| &file.build, ["no", "yes"]),
        code: files.iter().find(|file| !file.accepted).map_or_else(String::new, |f| f.code.clone()),
        collateral: files.iter().map(|file| file.collateral).sum(),
        ..base.clone()
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
        Ok(Some(Truth::of(&task.path, now, right, target)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::apply::Rejected;
    use engine::error::Code;

    fn judged(path: &str, right: &str, result: &str) -> Row {
        let truth = Truth::of(path, "", Some(right.to_owned()), right.to_owned());
        let mut row = Row::default();
        truth.judge(&Ok(result.to_owned()), &mut row);
        row
    }

    #[test]
    fn a_wrong_result_is_looked_at_from_bytes_to_syntax() {
        let right = "fn f() {\n    // Calls.\n    g();\n}\n";
        let looks = |path: &str, result: &str| {
            let row = judged(path, right, result);
            (row.right, row.blank_right, row.tree, row.syntax)
        };
        let told = |right, blank, tree: &str, syntax: &str| {
            (right, blank, tree.to_owned(), syntax.to_owned())
        };
        assert_eq!(looks("a.rs", right), told(true, true, "same", "kept"));
        assert_eq!(
            looks("a.rs", &right.replace("    g", "  g")),
            told(false, true, "same", "kept")
        );
        assert_eq!(
            looks("a.rs", &right.replace("    // Calls.\n", "")),
            told(false, false, "same", "kept")
        );
        assert_eq!(looks("a.rs", &right.replace('g', "h")), told(false, false, "other", "kept"));
        assert_eq!(looks("a.rs", &right.replace("}\n", "")), told(false, false, "other", "broken"));
        assert_eq!(looks("a.unknown", &right.replace('g', "h")), told(false, false, "", ""));
    }

    #[test]
    fn a_call_about_several_files_is_right_where_all_are() {
        let base = Row { files: 2, ..Row::default() };
        let right = judged("a.rs", "fn f() {}\n", "fn f() {}\n");
        let wrong = judged("a.rs", "fn f() {}\n", "fn f() {\n");
        let truth = Truth::of("a.rs", "", Some(String::new()), String::new());
        let mut rejected = Row::default();
        truth.judge(&Err(Rejected::new(Code::Stale, "")), &mut rejected);
        let conflict = Row { defined: false, ..rejected.clone() };
        let blind = Row { accepted: true, ..conflict.clone() };
        let outcome = |files: [&Row; 2]| whole(&base, &files.map(Row::clone)).outcome;
        assert_eq!(outcome([&right, &right]), "right");
        assert_eq!(outcome([&right, &wrong]), wrong.outcome);
        assert_eq!(outcome([&right, &rejected]), "partial");
        assert_eq!(outcome([&rejected, &rejected]), "rejected");
        assert_eq!(outcome([&rejected, &conflict]), "refused");
        assert_eq!(outcome([&right, &conflict]), "partial");
        assert_eq!(outcome([&right, &blind]), "blind");
        assert_eq!(whole(&base, &[right.clone(), wrong]).syntax, "broken");
        assert_eq!(whole(&base, &[right.clone(), right]).syntax, "kept");
    }
}
