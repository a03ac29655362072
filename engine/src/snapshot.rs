//! A snapshot: one read of one file, with everything that is known about it.

use std::sync::OnceLock;

use crate::edit::Change;
use crate::hash::ContentHash;
use crate::text::{Encoding, Eol, LineIndex};

/// The bytes of a file at one moment, indexed by line. Two snapshots with one
/// hash are the same content.
#[derive(Debug)]
pub struct Snapshot {
    /// The bytes, as they are on disk.
    pub bytes: Vec<u8>,
    /// Where the lines start.
    pub lines: LineIndex,
    /// The identity of the content.
    pub hash: ContentHash,
    /// How the bytes stand for characters.
    pub encoding: Encoding,
    /// How the lines end, once somebody has asked.
    eol: OnceLock<Eol>,
}

impl Snapshot {
    /// Returns the snapshot of `bytes`. Runs in O(n), about 1 ms a megabyte.
    pub fn of(bytes: Vec<u8>) -> Snapshot {
        let hash = ContentHash::of(&bytes);
        Snapshot::of_hashed(bytes, hash)
    }

    /// Returns the snapshot of `bytes`, whose digest the caller has computed.
    pub fn of_hashed(bytes: Vec<u8>, hash: ContentHash) -> Snapshot {
        let lines = LineIndex::of(&bytes);
        let encoding = Encoding::of(&bytes);
        Snapshot { bytes, lines, hash, encoding, eol: OnceLock::new() }
    }

    /// Returns the snapshot of this content after `change`, without looking for
    /// lines in unchanged bytes.
    pub fn after(&self, change: &Change) -> Snapshot {
        let bytes = change.apply(&self.bytes);
        let pieces = change.edits().iter().map(|edit| (edit.range.clone(), edit.text.as_slice()));
        let lines = self.lines.spliced(&bytes, pieces);
        let hash = ContentHash::of(&bytes);
        let encoding = Encoding::of(&bytes);
        Snapshot { bytes, lines, hash, encoding, eol: OnceLock::new() }
    }

    /// Returns the number of lines.
    pub fn line_count(&self) -> usize {
        self.lines.count()
    }

    /// Returns line `line` (0-based) without its terminator.
    pub fn line(&self, line: usize) -> &[u8] {
        self.lines.content(&self.bytes, line)
    }

    /// Returns how the lines end. Looks at the bytes the first time only.
    pub fn eol(&self) -> Eol {
        *self.eol.get_or_init(|| self.lines.eol(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Edit;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_spliced_index_is_the_index_of_the_result(
            before in "(\u{feff})?[a\r\n]{0,16}", a in 0..20usize, b in 0..20usize,
            text in "[a\r\n]{0,5}", more in "[a\r\n]{0,5}",
        ) {
            let (a, b) = (a.min(before.len()), b.min(before.len()));
            let edits = vec![
                Edit { range: a.min(b)..a.max(b), text: text.into_bytes() },
                Edit { range: before.len()..before.len(), text: more.into_bytes() },
            ];
            let change = Change::new(edits, before.len()).expect("ends are sorted");
            let after = Snapshot::of(before.into_bytes()).after(&change);
            prop_assert_eq!(&after.lines, &LineIndex::of(&after.bytes));
        }
    }
}
