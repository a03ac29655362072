//! A census of a name: everywhere it stands, whatever a server knows.
//!
//! Servers report success on renames that leave files out. So the places of a
//! rename are held against every place where the name stands as a whole word.
//! Not each of these is the same symbol, or a symbol at all; but a rename that
//! covers them all has left nothing out, and of any other one can say what it
//! left.

use std::ops::Range;
use std::sync::Arc;

use engine::snapshot::Snapshot;

use crate::files::Files;
use crate::source_change::SourceChange;

/// Places that one census may have. A name with more is not one to be counted.
const OCCURRENCES_MAX: usize = 100_000;

/// One place where a name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The file.
    pub path: String,
    /// The line, from 0.
    pub line: usize,
    /// The bytes.
    pub range: Range<usize>,
}

/// Someone who can say where a name stands. With a parser, comments and texts
/// can be left out.
pub trait Census: Send + Sync {
    /// Returns all places of `name` in the files that `is_counted` says.
    fn occurrences(&self, name: &str, is_counted: &dyn Fn(&str) -> bool) -> Vec<Occurrence>;
}

/// A census of whole words in the text of all files.
pub struct TextCensus(pub Arc<dyn Files>);

impl Census for TextCensus {
    fn occurrences(&self, name: &str, is_counted: &dyn Fn(&str) -> bool) -> Vec<Occurrence> {
        let mut found = Vec::new();
        for path in self.0.list() {
            if !is_counted(&path) || found.len() >= OCCURRENCES_MAX {
                continue;
            }
            if let Some(snapshot) = self.0.snapshot(&path) {
                found.extend(in_snapshot(name, &path, &snapshot));
            }
        }
        found.truncate(OCCURRENCES_MAX);
        found
    }
}

/// Returns the places where `name` stands in a content as a whole word.
pub fn in_snapshot(name: &str, path: &str, snapshot: &Snapshot) -> Vec<Occurrence> {
    if name.is_empty() {
        return Vec::new();
    }
    let finder = memchr::memmem::Finder::new(name);
    let starts = finder.find_iter(&snapshot.bytes);
    let words = starts.map(|start| start..start + name.len());
    let words = words.filter(|range| word_around(&snapshot.bytes, range.clone()) == *range);
    let found = words.map(|range| Occurrence {
        path: path.to_owned(),
        line: snapshot.lines.line_at(range.start),
        range,
    });
    found.collect()
}

/// Returns the places that `change` leaves as they are.
pub fn uncovered(occurrences: Vec<Occurrence>, change: &SourceChange) -> Vec<Occurrence> {
    let is_covered = |occurrence: &Occurrence| {
        let files = &change.files;
        let index = files.binary_search_by(|file| file.path.cmp(&occurrence.path));
        index.is_ok_and(|index| {
            let edits = files[index].change.edits();
            let first = edits.partition_point(|edit| edit.range.end < occurrence.range.start);
            edits.get(first).is_some_and(|edit| edit.range.start <= occurrence.range.end)
        })
    };
    occurrences.into_iter().filter(|occurrence| !is_covered(occurrence)).collect()
}

/// Returns the word that `range` lies in: as far as parts of words reach to both
/// sides of it.
pub(crate) fn word_around(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let mut start = range.start;
    while start > 0 && is_part(bytes[start - 1]) {
        start -= 1;
    }
    let rest = &bytes[range.end..];
    let len = rest.iter().position(|&byte| !is_part(byte)).unwrap_or(rest.len());
    start..range.end + len
}

/// Returns whether a byte is part of a name. All that is not ASCII counts: no
/// language separates names by it.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_change::FileChange;
    use engine::edit::{Change, Edit};

    fn starts(name: &str, text: &str) -> Vec<usize> {
        let snapshot = Snapshot::of(text.into());
        in_snapshot(name, "a", &snapshot).into_iter().map(|found| found.range.start).collect()
    }

    #[test]
    fn only_whole_words_count() {
        assert_eq!(starts("ab", "ab cab abc a.ab ab_ äab ab"), [0, 13, 25]);
        assert_eq!(starts("aa", "aaaa aa"), [5]);
        assert_eq!(starts("", "a"), [0; 0]);
        assert_eq!(starts("ä", "ä xä"), [0]);
    }

    #[test]
    fn what_an_edit_touches_is_covered() {
        let snapshot = Arc::new(Snapshot::of(b"ab ab\nab".to_vec()));
        let edits = vec![
            Edit { range: 0..2, text: b"x".to_vec() },
            // A shorthand is written out by an insertion before the name.
            Edit { range: 6..6, text: b"x: ".to_vec() },
        ];
        let change = Change::new(edits, 8).expect("sorted");
        let files = vec![FileChange { path: "a".into(), before: Arc::clone(&snapshot), change }];
        let change = SourceChange { files, operations: vec![] };
        let mut found = in_snapshot("ab", "a", &snapshot);
        found.extend(in_snapshot("ab", "b", &snapshot));
        let left: Vec<(String, usize, usize)> = uncovered(found, &change)
            .into_iter()
            .map(|found| (found.path, found.line, found.range.start))
            .collect();
        let expected = [("a", 0, 3), ("b", 0, 0), ("b", 0, 3), ("b", 1, 6)];
        assert_eq!(left, expected.map(|(path, line, at)| (path.to_owned(), line, at)));
    }
}
