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
mod ours;
pub mod programs;
mod quotes;

use std::sync::Arc;

use engine::error::Code;
use engine::format::{Body, Draft, DraftFile, Find, Given, Op, OpKind, Task as DraftTask, read};
use engine::snapshot::Snapshot;

/// A file as its author saw it and as it is.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Relative to the root.
    pub path: String,
    /// What the author saw.
    pub seen: Arc<Snapshot>,
    /// What is there.
    pub now: Arc<Snapshot>,
}

impl Situation {
    /// Returns the situation of a file that was read as `seen`.
    pub fn new(path: &str, seen: &str, now: &str) -> Situation {
        let seen_snapshot = Arc::new(Snapshot::of(seen.as_bytes().to_vec()));
        let now = match seen == now {
            true => Arc::clone(&seen_snapshot),
            false => Arc::new(Snapshot::of(now.as_bytes().to_vec())),
        };
        Situation { path: path.to_owned(), seen: seen_snapshot, now }
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
    /// The rule.
    pub apply: fn(&Situation, &str) -> Outcome,
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

const fn applier(
    format: &'static str,
    name: &'static str,
    apply: fn(&Situation, &str) -> Outcome,
) -> Applier {
    Applier { format, name, apply }
}

/// Every applier that is a function of ours, in the order of the tables.
pub const APPLIERS: [Applier; 47] = [
    applier("anchor", OURS, |s, text| ours::apply("anchor", s, text, ours::LINTED)),
    applier("anchor", "mapped", |s, text| ours::apply("anchor", s, text, ours::MAPPED)),
    applier("anchor", "strict", |s, text| ours::apply("anchor", s, text, ours::STRICT)),
    applier("lines", OURS, |s, text| ours::apply("lines", s, text, ours::LINTED)),
    applier("lines", "mapped", |s, text| ours::apply("lines", s, text, ours::MAPPED)),
    applier("lines", "strict", |s, text| ours::apply("lines", s, text, ours::STRICT)),
    applier("lines", "no-guard", numbers),
    applier("lines", "file-hash-guard", guarded),
    applier("lines", "range-verified", map::verified),
    applier("lines", "map-range", map::range),
    applier("lines", "map-neighbours", map::neighbours),
    applier("hashline", OURS, |s, text| ours::apply("hashline", s, text, ours::LINTED)),
    applier("hashline", "mapped", |s, text| ours::apply("hashline", s, text, ours::MAPPED)),
    applier("hashline", "strict", |s, text| ours::apply("hashline", s, text, ours::STRICT)),
    applier("linehash", OURS, |s, text| ours::apply("hashline", s, text, ours::LINTED)),
    applier("linehash", "mapped", |s, text| ours::apply("hashline", s, text, ours::MAPPED)),
    applier("linehash", "strict", |s, text| hashes::apply(s, text, hashes::Rule::Strict)),
    applier("linehash", "relocate-2", |s, text| hashes::apply(s, text, hashes::Rule::Within(2))),
    applier("linehash", "relocate-20", |s, text| hashes::apply(s, text, hashes::Rule::Within(20))),
    applier("linehash", "relocate-file", |s, text| hashes::apply(s, text, hashes::Rule::Anywhere)),
    applier("linehash", "number-wins", |s, text| hashes::apply(s, text, hashes::Rule::Number)),
    applier("linehash16", "strict", |s, text| hashes::apply(s, text, hashes::Rule::Strict)),
    applier("linehash16", "relocate-20", |s, text| {
        hashes::apply(s, text, hashes::Rule::Within(20))
    }),
    applier("linehash16", "relocate-file", |s, text| {
        hashes::apply(s, text, hashes::Rule::Anywhere)
    }),
    applier("replace", OURS, |s, text| ours::apply("replace", s, text, ours::LINTED)),
    applier("replace", "mapped", |s, text| ours::apply("replace", s, text, ours::MAPPED)),
    applier("replace", "strict", |s, text| ours::apply("replace", s, text, ours::STRICT)),
    applier("replace", "unique", |s, text| quotes::apply("replace", s, text, quotes::Rule::Unique)),
    applier("replace", "first-match", |s, text| {
        quotes::apply("replace", s, text, quotes::Rule::First)
    }),
    applier("replace", "trim-fallback", |s, text| {
        quotes::apply("replace", s, text, quotes::Rule::Trim)
    }),
    applier("blocks", OURS, |s, text| ours::apply("blocks", s, text, ours::LINTED)),
    applier("blocks", "mapped", |s, text| ours::apply("blocks", s, text, ours::MAPPED)),
    applier("blocks", "unique", |s, text| quotes::apply("blocks", s, text, quotes::Rule::Unique)),
    applier("blocks", "first-match", |s, text| {
        quotes::apply("blocks", s, text, quotes::Rule::First)
    }),
    applier("blocks", "trim-fallback", |s, text| {
        quotes::apply("blocks", s, text, quotes::Rule::Trim)
    }),
    applier("udiff", OURS, |s, text| ours::apply("udiff", s, text, ours::LINTED)),
    applier("udiff", "mapped", |s, text| ours::apply("udiff", s, text, ours::MAPPED)),
    applier("udiff", "git-apply", |s, text| diffs::apply(s, text, diffs::Rule::Git)),
    applier("udiff", "patch-F2", |s, text| diffs::apply(s, text, diffs::Rule::Fuzz(2))),
    applier("patch", OURS, |s, text| ours::apply("patch", s, text, ours::LINTED)),
    applier("patch", "mapped", |s, text| ours::apply("patch", s, text, ours::MAPPED)),
    applier("patch", "unique", |s, text| quotes::apply("patch", s, text, quotes::Rule::Unique)),
    applier("patch", "codex", codex::apply),
    applier("lsp", OURS, |s, text| ours::apply("lsp", s, text, ours::LINTED)),
    applier("lsp", "mapped", |s, text| ours::apply("lsp", s, text, ours::MAPPED)),
    applier("whole", OURS, |s, text| ours::apply("whole", s, text, ours::LINTED)),
    applier("whole", "overwrite", overwrite),
];

impl Applier {
    /// Returns the applier `name` of `format`.
    pub fn of(format: &str, name: &str) -> Option<&'static Applier> {
        APPLIERS.iter().find(|applier| applier.format == format && applier.name == name)
    }

    /// Returns whether it is ours, in any of its settings.
    pub fn is_ours(name: &str) -> bool {
        [OURS, "mapped"].contains(&name)
    }
}

/// Returns the one file that a call is about, as its format reads.
fn file_of(format: &str, situation: &Situation, text: &str) -> Result<DraftFile, Rejected> {
    let draft = read(format, text, Given::default());
    let draft: Draft = draft.map_err(|refusal| Rejected::new(refusal.code, refusal.message))?;
    match <[DraftFile; 1]>::try_from(draft.files) {
        Ok([file]) if file.path == situation.path => Ok(file),
        Ok(_) => Err(Rejected::new(Code::Missing, "there is no such file")),
        Err(_) => Err(Rejected::new(Code::Malformed, "an edit of several files")),
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
