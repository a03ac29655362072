//! The appliers: what becomes of a call, by our rule and by the documented
//! rules of others.
//!
//! A format says what an edit looks like, an applier what is done where the
//! file is not as the edit says. The two are measured apart: each applier here
//! is a pure function of what was seen, what is there now and the text of the
//! call. The rules of others are written from their documentation; where the
//! real program is installed, [`programs`] runs it beside its rule.

mod codex;
mod diffs;
mod hashes;
mod map;
mod operations;
mod ours;
pub mod programs;
mod quotes;

use std::sync::Arc;

use engine::anchor::Handle;
use engine::error::Code;
use engine::format::{Body, Draft, DraftFile, Find, Given, Op, OpKind, Task as DraftTask, read};
use engine::snapshot::Snapshot;

use super::format::handle;
use super::task::Task;

/// A file as its author saw it and as it is.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Relative to the root.
    pub path: String,
    /// What the author saw.
    pub seen: Arc<Snapshot>,
    /// What is there.
    pub now: Arc<Snapshot>,
    /// The handle under which it was read.
    pub handle: Handle,
    /// The other files that the call may be about.
    pub others: Vec<String>,
}

impl Situation {
    /// Returns the situation of a file that was read as `seen`.
    pub fn new(path: &str, seen: &str, now: &str) -> Situation {
        let seen_snapshot = Arc::new(Snapshot::of(seen.as_bytes().to_vec()));
        let now = match seen == now {
            true => Arc::clone(&seen_snapshot),
            false => Arc::new(Snapshot::of(now.as_bytes().to_vec())),
        };
        let (path, others) = (path.to_owned(), Vec::new());
        Situation { path, seen: seen_snapshot, now, handle: handle(0), others }
    }

    /// Returns the situations of the files of one call, each as it was read and
    /// as it is now.
    pub fn together<'a>(files: impl IntoIterator<Item = (&'a Task, &'a str)>) -> Vec<Situation> {
        let one = |(at, (task, now)): (usize, (&Task, &str))| Situation {
            handle: handle(at),
            ..Situation::new(&task.path, &task.read, now)
        };
        let mut all: Vec<Situation> = files.into_iter().enumerate().map(one).collect();
        let paths: Vec<String> = all.iter().map(|situation| situation.path.clone()).collect();
        for situation in &mut all {
            let others = paths.iter().filter(|path| **path != situation.path);
            situation.others = others.cloned().collect();
        }
        all
    }

    /// Returns what is there as text; what the benchmark holds is UTF-8.
    pub fn now(&self) -> &str {
        std::str::from_utf8(&self.now.bytes).unwrap_or("")
    }

    /// Returns what was seen as text.
    pub fn seen(&self) -> &str {
        std::str::from_utf8(&self.seen.bytes).unwrap_or("")
    }
}

/// Why an applier took nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// One of our codes, whoever rejected.
    pub code: String,
    /// What the author of the call would be told.
    pub message: String,
}

impl Rejected {
    /// Returns the rejection for `code`.
    pub fn new(code: Code, message: impl Into<String>) -> Rejected {
        Rejected { code: code.as_str().to_owned(), message: message.into() }
    }
}

/// The content after a call, or why there is none.
pub type Outcome = Result<String, Rejected>;

/// A rule by which calls of one format are applied.
#[derive(Debug, Clone, Copy)]
pub struct Applier {
    /// The format it reads.
    pub format: &'static str,
    /// Its name.
    pub name: &'static str,
    rule: Rule,
}

/// What an applier does.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// As the engine does, reading the format of this name.
    Ours(&'static str, ours::Policy),
    /// As a function does with each file; and what becomes of the other files
    /// where one is refused.
    Theirs(fn(&Situation, &str) -> Outcome, Failed),
}

/// What becomes of the other files of a call where one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// They stay as they are.
    None,
    /// Those before it are changed.
    Before,
    /// All of them are changed.
    Others,
}

/// The name of our own applier as the daemon uses it, lints included.
pub const OURS: &str = "anchord";

/// The rules of others that calibrated mistakes are made against, by format:
/// a mistake that was counted as a failed call must fail with these.
pub const REFERENCES: [(&str, &str); 6] = [
    ("replace", "unique"),
    ("blocks", "unique"),
    ("udiff", "git-apply"),
    ("patch", "unique"),
    ("linehash", "strict"),
    ("linehash16", "strict"),
];

const fn ours(
    format: &'static str,
    name: &'static str,
    reader: &'static str,
    policy: ours::Policy,
) -> Applier {
    Applier { format, name, rule: Rule::Ours(reader, policy) }
}

const fn theirs(
    format: &'static str,
    name: &'static str,
    rule: fn(&Situation, &str) -> Outcome,
    failed: Failed,
) -> Applier {
    Applier { format, name, rule: Rule::Theirs(rule, failed) }
}

/// Every applier that is a function of ours, in the order of the tables.
pub const APPLIERS: [Applier; 48] = [
    ours("anchor", OURS, "anchor", ours::LINTED),
    ours("anchor", "mapped", "anchor", ours::MAPPED),
    ours("anchor", "strict", "anchor", ours::STRICT),
    ours("lines", OURS, "lines", ours::LINTED),
    ours("lines", "mapped", "lines", ours::MAPPED),
    ours("lines", "strict", "lines", ours::STRICT),
    theirs("lines", "no-guard", numbers, Failed::Others),
    theirs("lines", "file-hash-guard", guarded, Failed::Others),
    theirs("lines", "range-verified", map::verified, Failed::Others),
    theirs("lines", "map-range", map::range, Failed::Others),
    theirs("lines", "map-neighbours", map::neighbours, Failed::Others),
    ours("hashline", OURS, "hashline", ours::LINTED),
    ours("hashline", "mapped", "hashline", ours::MAPPED),
    ours("hashline", "strict", "hashline", ours::STRICT),
    ours("linehash", OURS, "hashline", ours::LINTED),
    ours("linehash", "mapped", "hashline", ours::MAPPED),
    theirs(
        "linehash",
        "strict",
        |s, text| hashes::apply(s, text, hashes::Rule::Strict),
        Failed::Others,
    ),
    theirs(
        "linehash",
        "relocate-2",
        |s, text| hashes::apply(s, text, hashes::Rule::Within(2)),
        Failed::Others,
    ),
    theirs(
        "linehash",
        "relocate-20",
        |s, text| hashes::apply(s, text, hashes::Rule::Within(20)),
        Failed::Others,
    ),
    theirs(
        "linehash",
        "relocate-file",
        |s, text| hashes::apply(s, text, hashes::Rule::Anywhere),
        Failed::Others,
    ),
    theirs(
        "linehash",
        "relocate-nearest",
        |s, text| hashes::apply(s, text, hashes::Rule::Nearest(3)),
        Failed::Others,
    ),
    theirs(
        "linehash",
        "number-wins",
        |s, text| hashes::apply(s, text, hashes::Rule::Number),
        Failed::Others,
    ),
    theirs(
        "linehash16",
        "strict",
        |s, text| hashes::apply(s, text, hashes::Rule::Strict),
        Failed::Others,
    ),
    theirs(
        "linehash16",
        "relocate-20",
        |s, text| hashes::apply(s, text, hashes::Rule::Within(20)),
        Failed::Others,
    ),
    theirs(
        "linehash16",
        "relocate-file",
        |s, text| hashes::apply(s, text, hashes::Rule::Anywhere),
        Failed::Others,
    ),
    ours("replace", OURS, "replace", ours::LINTED),
    ours("replace", "mapped", "replace", ours::MAPPED),
    ours("replace", "strict", "replace", ours::STRICT),
    theirs(
        "replace",
        "unique",
        |s, text| quotes::apply("replace", s, text, quotes::Rule::Unique),
        Failed::Others,
    ),
    theirs(
        "replace",
        "first-match",
        |s, text| quotes::apply("replace", s, text, quotes::Rule::First),
        Failed::Others,
    ),
    theirs(
        "replace",
        "trim-fallback",
        |s, text| quotes::apply("replace", s, text, quotes::Rule::Trim),
        Failed::Others,
    ),
    ours("blocks", OURS, "blocks", ours::LINTED),
    ours("blocks", "mapped", "blocks", ours::MAPPED),
    theirs(
        "blocks",
        "unique",
        |s, text| quotes::apply("blocks", s, text, quotes::Rule::Unique),
        Failed::Others,
    ),
    theirs(
        "blocks",
        "first-match",
        |s, text| quotes::apply("blocks", s, text, quotes::Rule::First),
        Failed::Others,
    ),
    theirs(
        "blocks",
        "trim-fallback",
        |s, text| quotes::apply("blocks", s, text, quotes::Rule::Trim),
        Failed::Others,
    ),
    ours("udiff", OURS, "udiff", ours::LINTED),
    ours("udiff", "mapped", "udiff", ours::MAPPED),
    theirs("udiff", "git-apply", |s, text| diffs::apply(s, text, diffs::Rule::Git), Failed::None),
    theirs(
        "udiff",
        "patch-F2",
        |s, text| diffs::apply(s, text, diffs::Rule::Fuzz(2)),
        Failed::Others,
    ),
    ours("patch", OURS, "patch", ours::LINTED),
    ours("patch", "mapped", "patch", ours::MAPPED),
    theirs(
        "patch",
        "unique",
        |s, text| quotes::apply("patch", s, text, quotes::Rule::Unique),
        Failed::Others,
    ),
    theirs("patch", "codex", codex::apply, Failed::Before),
    ours("lsp", OURS, "lsp", ours::LINTED),
    ours("lsp", "mapped", "lsp", ours::MAPPED),
    ours("whole", OURS, "whole", ours::LINTED),
    theirs("whole", "overwrite", overwrite, Failed::Others),
];

impl Applier {
    /// Returns the applier `name` of `format`.
    pub fn of(format: &str, name: &str) -> Option<&'static Applier> {
        APPLIERS.iter().find(|applier| applier.format == format && applier.name == name)
    }

    /// Returns what becomes of a file.
    pub fn apply(&self, situation: &Situation, text: &str) -> Outcome {
        match self.rule {
            Rule::Ours(reader, policy) => ours::apply(reader, situation, text, policy),
            Rule::Theirs(rule, _) => rule(situation, text),
        }
    }

    /// Returns what becomes of each file of a call.
    pub fn apply_all(&self, situations: &[Situation], text: &str) -> Vec<Outcome> {
        let (rule, failed) = match self.rule {
            Rule::Ours(reader, policy) => {
                return ours::apply_all(reader, situations, text, policy);
            }
            Rule::Theirs(rule, failed) => (rule, failed),
        };
        let outcomes: Vec<Outcome> =
            situations.iter().map(|situation| rule(situation, text)).collect();
        let Some(at) = outcomes.iter().position(Result::is_err) else { return outcomes };
        let Err(first) = outcomes[at].clone() else { return outcomes };
        let kept = |(place, outcome): (usize, Outcome)| match failed {
            Failed::None => Err(first.clone()),
            Failed::Before if place > at => Err(first.clone()),
            _ => outcome,
        };
        outcomes.into_iter().enumerate().map(kept).collect()
    }

    /// Returns whether it is ours, in any of its settings.
    pub fn is_ours(name: &str) -> bool {
        [OURS, "mapped"].contains(&name)
    }
}

/// Returns what a call says of one of its files, as its format reads.
fn file_of(format: &str, situation: &Situation, text: &str) -> Result<DraftFile, Rejected> {
    let draft = read(format, text, Given::default());
    let draft: Draft = draft.map_err(|refusal| Rejected::new(refusal.code, refusal.message))?;
    let is_known =
        |file: &DraftFile| file.path == situation.path || situation.others.contains(&file.path);
    if !draft.files.iter().all(is_known) {
        return Err(Rejected::new(Code::Missing, "there is no such file"));
    }
    let mut its = draft.files.into_iter().filter(|file| file.path == situation.path);
    match (its.next(), its.next()) {
        (Some(file), None) => Ok(file),
        (Some(_), Some(_)) => Err(Rejected::new(Code::Malformed, "one file is named twice")),
        (None, _) => Err(Rejected::new(Code::Missing, "nothing is said of this file")),
    }
}

/// Returns the changes that a call asks for.
fn finds_of(format: &str, situation: &Situation, text: &str) -> Result<Vec<Find>, Rejected> {
    match file_of(format, situation, text)?.task {
        DraftTask::Edit { finds, to: None, .. } => Ok(finds),
        _ => Err(Rejected::new(Code::Unsupported, "this rule knows edits of lines only")),
    }
}

/// Lines (0-based, half-open) and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    old: std::ops::Range<usize>,
    new: Vec<String>,
}

/// Returns the pieces that a call names by numbers of lines, in order.
fn numbered(format: &str, situation: &Situation, text: &str) -> Result<Vec<Piece>, Rejected> {
    let finds = finds_of(format, situation, text)?;
    let piece = |find: Find| match find {
        Find::Lines(Op { kind: OpKind::Replace { lines, body: Body::Text(text) }, .. }) => {
            Some(Piece { old: lines.0 - 1..lines.1, new: lines_of(&text) })
        }
        Find::Lines(Op { kind: OpKind::Delete { lines, .. }, .. }) => {
            Some(Piece { old: lines.0 - 1..lines.1, new: Vec::new() })
        }
        Find::Lines(Op { kind: OpKind::Insert { after, body: Body::Text(text) }, .. }) => {
            Some(Piece { old: after..after, new: lines_of(&text) })
        }
        _ => None,
    };
    let pieces: Option<Vec<Piece>> = finds.into_iter().map(piece).collect();
    let mut pieces = pieces
        .ok_or_else(|| Rejected::new(Code::Unsupported, "this rule knows numbers of lines only"))?;
    pieces.sort_by_key(|piece| (piece.old.start, piece.old.end));
    Ok(pieces)
}

fn lines_of(text: &str) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(str::to_owned).collect()
}

/// Returns `text` with every piece put where it says.
fn put(text: &str, pieces: &[Piece]) -> Outcome {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut after: Vec<&str> = Vec::with_capacity(lines.len());
    let mut at = 0;
    for piece in pieces {
        if piece.old.start < at || piece.old.end < piece.old.start {
            return Err(Rejected::new(Code::Overlap, "two edits share a line"));
        }
        if piece.old.end > lines.len() {
            let text = format!("line {} does not exist", piece.old.end);
            return Err(Rejected::new(Code::NotFound, text));
        }
        after.extend(&lines[at..piece.old.start]);
        after.extend(piece.new.iter().map(String::as_str));
        at = piece.old.end;
    }
    after.extend(&lines[at..]);
    Ok(after.join("\n"))
}

/// Numbers of lines, whatever stands there now.
fn numbers(situation: &Situation, text: &str) -> Outcome {
    let after = put(situation.now(), &numbered("lines", situation, text)?)?;
    match after == situation.now() {
        true => Err(Rejected::new(Code::NoChange, "the edit changes nothing")),
        false => Ok(after),
    }
}

/// Numbers of lines, in exactly the file that was read.
fn guarded(situation: &Situation, text: &str) -> Outcome {
    match situation.seen.hash == situation.now.hash {
        true => numbers(situation, text),
        false => Err(Rejected::new(Code::Stale, "the file changed since it was read")),
    }
}

/// The whole file, whatever others did to it.
fn overwrite(situation: &Situation, text: &str) -> Outcome {
    match file_of("whole", situation, text)?.task {
        DraftTask::Write { text } | DraftTask::Create { text } => Ok(text),
        _ => Err(Rejected::new(Code::Unsupported, "this rule knows whole files only")),
    }
}
