//! Real edits: what people changed in public repositories, as operations.

use std::io::{BufRead, BufReader};
use std::ops::Range;

use engine::format::{Body, Op, OpKind};
use engine::snapshot::Snapshot;
use serde_json::Value;

use super::Dice;

/// The window of the compressed corpus, as a power of two: above what a decoder
/// allows by itself.
const WINDOW_LOG: u32 = 27;

/// One edit of one file.
pub(super) struct RealEdit {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) read: Snapshot,
    /// Minimal line hunks, sorted and disjoint.
    pub(super) hunks: Vec<Hunk>,
    /// What somebody else did to the same content: the commit before, taken back.
    pub(super) drift: Vec<Hunk>,
}

/// Lines that go (0-based) and rows that come.
#[derive(Debug, Clone)]
pub(super) struct Hunk {
    pub(super) old: Range<usize>,
    pub(super) new: Vec<String>,
}

/// Returns the real edits; none where the corpus does not lie beside the tree.
#[expect(clippy::disallowed_methods, reason = "a file of test data, no user's file")]
pub(super) fn load() -> Vec<RealEdit> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/drift-triples.jsonl.zst");
    let Ok(file) = std::fs::File::open(path) else {
        println!("no corpus of real edits beside the tree: skipped");
        return Vec::new();
    };
    let mut decoder = zstd::Decoder::new(file).expect("a compressed file");
    decoder.window_log_max(WINDOW_LOG).expect("a window that is allowed");
    let rows = BufReader::new(decoder).lines().map(|row| row.expect("a row of the corpus"));
    rows.filter_map(|row| RealEdit::read(&row)).collect()
}

impl RealEdit {
    fn read(row: &str) -> Option<RealEdit> {
        let row: Value = serde_json::from_str(row).expect("a row is JSON");
        let text = |key: &str| row[key].as_str().expect("a text").to_owned();
        let read = Snapshot::of(text("read").into_bytes());
        let hunks = |key: &str| -> Vec<Hunk> {
            let hunks = row[key].as_array().expect("hunks").iter();
            hunks.map(|hunk| Hunk::read(hunk, &read)).collect()
        };
        let (hunks, drift) = (hunks("edit"), hunks("drift"));
        let lines = hunks.iter().all(|hunk| hunk.old.end <= read.line_count());
        lines.then(|| RealEdit { id: text("id"), path: text("path"), read, hunks, drift })
    }

    /// Returns the lines of `range` as rows.
    pub(super) fn rows(&self, range: Range<usize>) -> Vec<String> {
        range.map(|line| String::from_utf8_lossy(self.read.line(line)).into_owned()).collect()
    }

    /// Returns `hunks` wider, as people and models write them: up to `most`
    /// unchanged lines on each side are written again, and hunks that come to
    /// touch are one.
    pub(super) fn widened(&self, hunks: &[Hunk], dice: &mut Dice, most: usize) -> Vec<Hunk> {
        let mut wide: Vec<Hunk> = Vec::new();
        for hunk in hunks {
            let start = hunk.old.start.saturating_sub(dice.roll(most + 1));
            let end = (hunk.old.end + dice.roll(most + 1)).min(self.read.line_count());
            let behind = self.rows(hunk.old.end..end);
            match wide.last_mut().filter(|last| last.old.end >= start) {
                Some(last) => {
                    let keep = last.new.len() - last.old.end.saturating_sub(hunk.old.start);
                    last.new.truncate(keep);
                    let between = last.old.end.min(hunk.old.start)..hunk.old.start;
                    last.new.extend(self.rows(between));
                    last.new.extend(hunk.new.iter().cloned().chain(behind));
                    last.old.end = end;
                }
                None => {
                    let before = self.rows(start..hunk.old.start);
                    let new = [before, hunk.new.clone(), behind].concat();
                    wide.push(Hunk { old: start..end, new });
                }
            }
        }
        wide
    }
}

impl Hunk {
    fn read(hunk: &Value, read: &Snapshot) -> Hunk {
        let number = |at: usize| hunk[at].as_u64().expect("a line number") as usize;
        let new = hunk[2].as_array().expect("rows").iter();
        let mut new: Vec<String> = new.map(|row| row.as_str().expect("a row").to_owned()).collect();
        let mut end = number(1);
        // The corpus counts an empty last piece behind a final newline.
        if end > read.line_count() && new.last().is_some_and(String::is_empty) {
            new.pop();
            end -= 1;
        }
        Hunk { old: number(0)..end, new }
    }

    /// Returns the hunk as an operation; `None` where it does nothing.
    pub(super) fn op(&self) -> Option<Op> {
        let text: String = self.new.iter().map(|row| format!("{row}\n")).collect();
        let lines = (self.old.start + 1, self.old.end);
        let kind = match (self.old.is_empty(), self.new.is_empty()) {
            (true, true) => return None,
            (true, false) => OpKind::Insert { after: self.old.start, body: Body::Text(text) },
            (false, true) => OpKind::Delete { lines, register: None },
            (false, false) => OpKind::Replace { lines, body: Body::Text(text) },
        };
        Some(kind.into())
    }
}

/// Returns hunks as operations.
pub(super) fn ops(hunks: &[Hunk]) -> Vec<Op> {
    hunks.iter().filter_map(Hunk::op).collect()
}
