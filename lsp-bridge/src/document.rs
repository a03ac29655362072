//! A document as a server holds it: the text that we last sent, and what must
//! be sent so that it becomes another.
//!
//! The copy is a rope: what changed since is found without a second copy of the
//! whole, and the positions of a change cost O(log n) wherever it lies.

use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::text::{Encoding, bom_len};
use ropey::Rope;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::capabilities::Sync;
use crate::message::{Position, Range};
use crate::position::{PositionEncoding, disputed_line_end};

/// The copy of a document at one server.
#[derive(Debug)]
pub(crate) struct Copy {
    rope: Rope,
    /// Whether everyone counts its lines alike.
    is_countable: bool,
    /// The version under which the server has it.
    pub(crate) version: i64,
    /// The content, with its byte-order mark.
    pub(crate) hash: ContentHash,
    /// When that was sent.
    pub(crate) sent: Instant,
    /// When it was last asked for, as a number that grows.
    pub(crate) used: u64,
}

impl Copy {
    /// Returns the copy of `snapshot` under `version`; `None` where the content
    /// is not UTF-8 and so cannot be sent as it is.
    pub(crate) fn of(snapshot: &Snapshot, version: i64) -> Option<Copy> {
        let text = text(snapshot)?;
        Some(Copy {
            rope: Rope::from_str(text),
            is_countable: disputed_line_end(text.as_bytes()).is_none(),
            version,
            hash: snapshot.hash,
            sent: Instant::now(),
            used: 0,
        })
    }

    /// Returns the copy as last used at `used`.
    pub(crate) fn used_at(self, used: u64) -> Copy {
        Copy { used, ..self }
    }

    /// Makes the copy that of `snapshot` and returns the changes to be sent; for
    /// a server that takes none of them, the whole text.
    ///
    /// `None` where the content is not UTF-8; the copy stays as it was.
    pub(crate) fn follow(
        &mut self,
        snapshot: &Snapshot,
        sync: Sync,
        encoding: PositionEncoding,
    ) -> Option<Value> {
        let text = text(snapshot)?;
        let was_countable = self.is_countable;
        let (range, new) = self.difference(text);
        self.is_countable = disputed_line_end(text.as_bytes()).is_none();
        self.hash = snapshot.hash;
        self.sent = Instant::now();
        let whole = sync != Sync::Ranged || !(was_countable && self.is_countable);
        let change = match whole {
            true => json!({ "text": text }),
            false => json!({ "range": self.range(&range, encoding), "text": new }),
        };
        let chars = self.rope.byte_to_char(range.start)..self.rope.byte_to_char(range.end);
        self.rope.remove(chars.clone());
        self.rope.insert(chars.start, new);
        Some(json!([change]))
    }

    /// Returns the bytes of the copy that differ from `text`, and what stands
    /// there in it. Neither end cuts a character or a CRLF.
    fn difference<'a>(&self, text: &'a str) -> (std::ops::Range<usize>, &'a str) {
        let old_len = self.rope.len_bytes();
        let same = self.rope.bytes().zip(text.bytes()).take_while(|(a, b)| a == b);
        let mut head = same.count();
        while !(text.is_char_boundary(head) && self.may_cut(head)) {
            head -= 1;
        }
        let most = (old_len - head).min(text.len() - head);
        let mut back = self.rope.bytes_at(old_len);
        let ours = std::iter::from_fn(|| back.prev());
        let same = ours.zip(text.bytes().rev()).take(most).take_while(|(a, b)| a == b);
        let mut tail = same.count();
        while !(text.is_char_boundary(text.len() - tail) && self.may_cut(old_len - tail)) {
            tail -= 1;
        }
        (head..old_len - tail, &text[head..text.len() - tail])
    }

    /// Returns whether a change may start or end at byte `at` of the copy: where
    /// a character starts that is not the LF behind a CR.
    fn may_cut(&self, at: usize) -> bool {
        if at == self.rope.len_bytes() || at == 0 {
            return true;
        }
        let starts = self.rope.char_to_byte(self.rope.byte_to_char(at)) == at;
        starts && !(self.rope.byte(at) == b'\n' && self.rope.byte(at - 1) == b'\r')
    }

    fn range(&self, bytes: &std::ops::Range<usize>, encoding: PositionEncoding) -> Range {
        let start = self.position(bytes.start, encoding);
        Range { start, end: self.position(bytes.end, encoding) }
    }

    fn position(&self, at: usize, encoding: PositionEncoding) -> Position {
        let line = self.rope.byte_to_line(at);
        let before = self.rope.byte_slice(self.rope.line_to_byte(line)..at);
        let column = match encoding {
            PositionEncoding::Utf8 => before.len_bytes(),
            PositionEncoding::Utf16 => before.len_utf16_cu(),
            PositionEncoding::Utf32 => before.len_chars(),
        };
        Position { line: line as u32, character: column as u32 }
    }
}

/// Returns what servers are sent of a content: all of it but the byte-order
/// mark; `None` where it is not UTF-8.
pub(crate) fn text(snapshot: &Snapshot) -> Option<&str> {
    match snapshot.encoding {
        Encoding::Utf8 => std::str::from_utf8(&snapshot.bytes[bom_len(&snapshot.bytes)..]).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::byte_offset;
    use proptest::prelude::*;

    fn snapshot(text: &str) -> Snapshot {
        Snapshot::of(text.as_bytes().to_vec())
    }

    fn changed(before: &str, after: &str) -> Value {
        let mut copy = Copy::of(&snapshot(before), 1).expect("UTF-8");
        let change = copy.follow(&snapshot(after), Sync::Ranged, PositionEncoding::Utf16);
        assert_eq!(copy.rope.to_string(), after.trim_start_matches('\u{feff}'));
        change.expect("UTF-8")[0].clone()
    }

    #[test]
    fn only_what_differs_is_sent() {
        assert_eq!(
            changed("a\n𝄞b\nc\n", "a\n𝄞B\nc\n"),
            json!({ "range": { "start": { "line": 1, "character": 2 },
                               "end": { "line": 1, "character": 3 } }, "text": "B" })
        );
    }

    #[test]
    fn a_change_cuts_neither_character_nor_line_end() {
        assert_eq!(changed("a\r\n", "a\n")["range"]["start"]["character"], 1);
        assert_eq!(changed("a\r\n", "a\n")["text"], "\n");
        assert_eq!(changed("ä", "å")["text"], "å");
        assert_eq!(changed("a\r\nb", "ab")["text"], "");
    }

    #[test]
    fn where_lines_are_disputed_the_whole_is_sent() {
        assert_eq!(changed("a\rb\n", "a\rc\n"), json!({ "text": "a\rc\n" }));
        assert_eq!(changed("ab\n", "a\u{2028}c\n"), json!({ "text": "a\u{2028}c\n" }));
    }

    #[test]
    fn what_is_not_text_is_not_sent() {
        assert!(Copy::of(&Snapshot::of(b"\xe4\n".to_vec()), 1).is_none());
        assert_eq!(text(&snapshot("\u{feff}a")), Some("a"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_server_that_applies_the_change_has_the_text(
            before in "(\u{feff})?([abä𝄞]|\r\n|\n){0,12}", after in "([abä𝄞]|\r\n|\n){0,12}",
            encoding in prop_oneof![
                Just(PositionEncoding::Utf8), Just(PositionEncoding::Utf16), Just(PositionEncoding::Utf32)
            ],
        ) {
            let held = snapshot(before.trim_start_matches('\u{feff}'));
            let mut copy = Copy::of(&snapshot(&before), 1).expect("UTF-8");
            let change = copy.follow(&snapshot(&after), Sync::Ranged, encoding).expect("UTF-8");
            let range: Range = serde_json::from_value(change[0]["range"].clone()).expect("a range");
            let start = byte_offset(&held, range.start, encoding);
            let end = byte_offset(&held, range.end, encoding);
            let mut bytes = held.bytes.clone();
            bytes.splice(start..end, change[0]["text"].as_str().expect("a text").bytes());
            prop_assert_eq!(&String::from_utf8(bytes).expect("UTF-8"), &after);
            prop_assert_eq!(copy.rope.to_string(), after);
        }
    }
}
