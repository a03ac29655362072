//! Trees: syntax trees that are kept, so that the next edit of a content is
//! parsed from the last.

use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::edit::{Change, Edit};
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use tree_sitter::{InputEdit, Point, Tree};

use crate::language::Language;

/// What all trees together may take, unless said otherwise.
const BYTES_MAX: usize = 96 << 20;

/// Bytes that a node of a tree takes, on the average of real files.
const NODE_BYTES: usize = 48;

/// Syntax trees by content and language, the least recently used dropped first.
#[derive(Debug)]
pub struct Trees {
    /// The most recently used last.
    kept: Mutex<Vec<Kept>>,
    bytes_max: usize,
}

#[derive(Debug)]
struct Kept {
    hash: ContentHash,
    language: &'static str,
    tree: Tree,
    bytes: usize,
}

impl Default for Trees {
    fn default() -> Trees {
        Trees::new(BYTES_MAX)
    }
}

impl Trees {
    /// Returns an empty store that holds about `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Trees {
        Trees { kept: Mutex::default(), bytes_max }
    }

    /// Returns the tree of a content, if it is kept. Costs no copy.
    pub fn get(&self, language: &Language, hash: ContentHash) -> Option<Tree> {
        let mut kept = self.lock();
        let at = kept.iter().position(|one| one.hash == hash && one.language == language.id)?;
        let one = kept.remove(at);
        let tree = one.tree.clone();
        kept.push(one);
        Some(tree)
    }

    /// Returns whether the tree of a content is kept.
    pub fn has(&self, language: &Language, hash: ContentHash) -> bool {
        self.lock().iter().any(|one| one.hash == hash && one.language == language.id)
    }

    /// Keeps the tree of a content, unless it takes more than half of the room.
    pub fn put(&self, language: &'static Language, hash: ContentHash, tree: &Tree) {
        let bytes = NODE_BYTES * tree.root_node().descendant_count();
        if bytes > self.bytes_max / 2 {
            return;
        }
        let mut kept = self.lock();
        kept.retain(|one| one.hash != hash || one.language != language.id);
        kept.push(Kept { hash, language: language.id, tree: tree.clone(), bytes });
        let mut total: usize = kept.iter().map(|one| one.bytes).sum();
        let too_many = kept.iter().take_while(|one| {
            let over = total > self.bytes_max;
            total -= if over { one.bytes } else { 0 };
            over
        });
        let gone = too_many.count();
        kept.drain(..gone);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        // Whole entries are put in and taken out, so that a caller that panicked
        // left the list as it should be.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the tree of `before`, told of the edits of `change`: what a parse of
/// the content after begins with.
pub fn edited(tree: &Tree, before: &Snapshot, change: &Change) -> Tree {
    let mut tree = tree.clone();
    // The last first, so that the places of the others stay as they are.
    for edit in change.edits().iter().rev() {
        tree.edit(&input_edit(before, edit));
    }
    tree
}

fn input_edit(before: &Snapshot, edit: &Edit) -> InputEdit {
    let start_position = point(before, edit.range.start);
    InputEdit {
        start_byte: edit.range.start,
        old_end_byte: edit.range.end,
        new_end_byte: edit.range.start + edit.text.len(),
        start_position,
        old_end_position: point(before, edit.range.end),
        new_end_position: behind(start_position, &edit.text),
    }
}

/// Returns row and column of a byte, as parsers count them: rows end at LF, and
/// the byte-order mark is a part of the first.
fn point(snapshot: &Snapshot, at: usize) -> Point {
    let row = snapshot.lines.line_at(at);
    let start = if row == 0 { 0 } else { snapshot.lines.start(row) };
    Point { row, column: at - start }
}

fn behind(start: Point, text: &[u8]) -> Point {
    let rows = memchr::memchr_iter(b'\n', text).count();
    let last = memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1);
    let column = text.len() - last + if rows == 0 { start.column } else { 0 };
    Point { row: start.row + rows, column }
}

#[cfg(all(test, feature = "lang-json"))]
mod tests {
    use super::*;
    use crate::parse::{Limits, Parse, parse};

    fn tree(text: &str) -> (Snapshot, Tree) {
        let json = Language::of_id("json").expect("JSON is in the registry");
        let Parse::Parsed(tree) = parse(json, text.as_bytes(), Limits::default()) else {
            unreachable!("a small text is parsed");
        };
        (Snapshot::of(text.into()), tree)
    }

    #[test]
    fn the_least_recently_used_is_dropped() {
        let json = Language::of_id("json").expect("JSON is in the registry");
        let (one, one_tree) = tree("[1, 2]");
        let (two, two_tree) = tree("[3, 4]");
        let (three, three_tree) = tree("[5, 6]");
        let trees = Trees::new(2 * NODE_BYTES * one_tree.root_node().descendant_count());
        trees.put(json, one.hash, &one_tree);
        trees.put(json, two.hash, &two_tree);
        assert!(trees.get(json, one.hash).is_some());
        trees.put(json, three.hash, &three_tree);
        let kept = [&one, &two, &three].map(|one| trees.get(json, one.hash).is_some());
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn a_tree_that_is_too_large_is_not_kept() {
        let json = Language::of_id("json").expect("JSON is in the registry");
        let (one, one_tree) = tree("[1, 2]");
        let trees = Trees::new(NODE_BYTES);
        trees.put(json, one.hash, &one_tree);
        assert!(trees.get(json, one.hash).is_none());
    }

    #[test]
    fn points_are_rows_and_bytes() {
        let snapshot = Snapshot::of("\u{feff}ab\nä\n".as_bytes().to_vec());
        let at = |byte| (point(&snapshot, byte).row, point(&snapshot, byte).column);
        assert_eq!([at(0), at(4), at(6), at(8), at(9)], [(0, 0), (0, 4), (1, 0), (1, 2), (2, 0)]);
        assert_eq!(behind(Point::new(2, 3), b"ab"), Point::new(2, 5));
        assert_eq!(behind(Point::new(2, 3), b"ab\nc\nde"), Point::new(4, 2));
    }
}
