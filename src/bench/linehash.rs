//! Anchors with a hash for every line: the format that hash-anchored editing
//! became known by, in two widths, for the appliers of others.
//!
//! The narrow form (two letters, 8 bits) is the older form of the engine's
//! `hashline`, so ours reads it too. The wide one (four hexadecimal digits, 16
//! bits) exists here only, to measure what more bits are worth.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh32::xxh32;

use super::task::Task;

/// The letters of a narrow hash, by the value of its half bytes.
pub(super) const LETTERS: &[u8; 16] = b"ZPMQVRWSNKTXJBYH";

/// How many bits of a line's hash are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Eight, as two letters.
    Narrow,
    /// Sixteen, as four hexadecimal digits.
    Wide,
}

/// The edits of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edits {
    /// The file.
    pub path: String,
    /// The edits, in the order of the file.
    pub edits: Vec<Edit>,
}

/// One edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// What is done.
    pub op: Verb,
    /// The first line, or the one that an insertion comes behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<String>,
    /// The last line, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The new lines.
    pub lines: Vec<String>,
}

/// What is done with the lines of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// They become the new ones.
    Replace,
    /// The new ones come behind them.
    Append,
    /// The new ones come at the start of the file.
    Prepend,
}

/// Returns the hash of a line, blanks at its end left out.
pub fn hash(line: &str, width: Width) -> String {
    let hash = xxh32(line.trim_ascii_end().as_bytes(), 0);
    match width {
        Width::Narrow => {
            let letter = |shift: u32| char::from(LETTERS[(hash >> shift & 15) as usize]);
            [letter(4), letter(0)].iter().collect()
        }
        Width::Wide => format!("{:04x}", hash & 0xffff),
    }
}

/// Returns the anchor of a line (0-based) that says `line`.
pub fn anchor(number: usize, line: &str, width: Width) -> String {
    format!("{}#{}", number + 1, hash(line, width))
}

/// Returns the line (1-based) and the hash of an anchor, if it is one.
pub fn parts(anchor: &str) -> Option<(usize, &str)> {
    let (line, hash) = anchor.split_once('#')?;
    let line = line.parse().ok().filter(|line| *line > 0)?;
    matches!(hash.len(), 2 | 4).then_some((line, hash))
}

/// Returns the width of an anchor's hash.
pub fn width(hash: &str) -> Width {
    if hash.len() == 4 { Width::Wide } else { Width::Narrow }
}

/// Returns the edits of a task.
pub fn of_task(task: &Task, width: Width) -> Edits {
    let pieces: Vec<&str> = task.read.split('\n').collect();
    let at = |line: usize| anchor(line, pieces[line], width);
    let edit = |hunk: &super::task::Hunk| {
        let (start, end) = (hunk.old.start, hunk.old.end);
        let (op, pos, last) = match (end - start, start) {
            (0, 0) => (Verb::Prepend, None, None),
            (0, _) => (Verb::Append, Some(at(start - 1)), None),
            (1, _) => (Verb::Replace, Some(at(start)), None),
            _ => (Verb::Replace, Some(at(start)), Some(at(end - 1))),
        };
        Edit { op, pos, end: last, lines: hunk.new.clone() }
    };
    Edits { path: task.path.clone(), edits: task.hunks.iter().map(edit).collect() }
}

/// Returns a file as a model reads it in this format.
pub fn rows(text: &str, width: Width) -> String {
    let rows = text.lines().enumerate();
    rows.map(|(number, line)| format!("{}:{line}\n", anchor(number, line, width))).collect()
}
