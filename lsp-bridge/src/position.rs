//! Positions: lines and columns of the protocol ↔ byte offsets of a snapshot.
//!
//! Lines are those of the engine, ended by LF or CRLF, and the byte-order mark
//! is not part of the first: it is not sent to servers either. The protocol
//! takes a CR alone for a line's end as well, and some servers do not; servers
//! for JavaScript add U+2028 and U+2029. Behind the first of these no two
//! servers agree on the number of a line, see [`disputed_line_end`].
//!
//! A byte that is not UTF-8 counts as one unit in every encoding, as editors
//! show it.

use std::ops::Range as Bytes;

use engine::snapshot::Snapshot;

use crate::message::{Position, Range};

/// The unit in which columns are counted, as agreed upon with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PositionEncoding {
    /// Bytes of UTF-8.
    Utf8,
    /// Code units of UTF-16: what counts where nothing was agreed upon.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

impl PositionEncoding {
    /// Returns the name used by the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            PositionEncoding::Utf8 => "utf-8",
            PositionEncoding::Utf16 => "utf-16",
            PositionEncoding::Utf32 => "utf-32",
        }
    }

    /// Returns the encoding that the protocol calls `name`, if it is one.
    pub fn parse(name: &str) -> Option<PositionEncoding> {
        let all = [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32];
        all.into_iter().find(|encoding| encoding.as_str() == name)
    }

    fn units(self, c: char) -> usize {
        match self {
            PositionEncoding::Utf8 => c.len_utf8(),
            PositionEncoding::Utf16 => c.len_utf16(),
            PositionEncoding::Utf32 => 1,
        }
    }
}

/// Returns the byte that `position` means, clamped to the document: a column
/// behind the line's end is the line's end, a line behind the last is the end
/// of the document, and what lies within a character is its start. Runs in
/// O(line).
pub fn byte_offset(snapshot: &Snapshot, position: Position, encoding: PositionEncoding) -> usize {
    let line = position.line as usize;
    if line >= line_count(snapshot) {
        return snapshot.bytes.len();
    }
    let (column, _) = byte_column(snapshot.line(line), position.character, encoding);
    snapshot.lines.start(line) + column
}

/// Returns the byte that `position` means, or `None` where that is not in the
/// document or within a character. A column behind the line's end is the line's
/// end, for so the protocol says, and the start of the line behind the last is
/// the end of the document, for so many servers say "all of it".
pub fn exact_byte_offset(
    snapshot: &Snapshot,
    position: Position,
    encoding: PositionEncoding,
) -> Option<usize> {
    let line = position.line as usize;
    let count = line_count(snapshot);
    if line >= count {
        return (line == count && position.character == 0).then_some(snapshot.bytes.len());
    }
    let (column, is_boundary) = byte_column(snapshot.line(line), position.character, encoding);
    is_boundary.then(|| snapshot.lines.start(line) + column)
}

/// Returns the bytes that `range` means, each end clamped; empty at its start
/// where it ends before it.
pub fn byte_range(snapshot: &Snapshot, range: Range, encoding: PositionEncoding) -> Bytes<usize> {
    let start = byte_offset(snapshot, range.start, encoding);
    let end = byte_offset(snapshot, range.end, encoding);
    start..end.max(start)
}

/// Returns the position of byte `offset`: of the start of its character, of the
/// end of its line where it belongs to the terminator, of the end of the
/// document where it lies behind that. Runs in O(line).
pub fn position(snapshot: &Snapshot, offset: usize, encoding: PositionEncoding) -> Position {
    let line = snapshot.lines.line_at(offset.min(snapshot.bytes.len()));
    let content = snapshot.line(line);
    let column = offset.saturating_sub(snapshot.lines.start(line));
    let before = characters(content, encoding).take_while(|c| c.at + c.len <= column);
    Position { line: line as u32, character: before.map(|c| c.units as u32).sum() }
}

/// Returns where the first line ends that servers do not agree upon: at a CR
/// without LF, at U+2028 or at U+2029. Positions before it mean the same to
/// everyone.
pub fn disputed_line_end(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|&at| match &bytes[at..] {
        [b'\r', rest @ ..] => rest.first() != Some(&b'\n'),
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => true,
        _ => false,
    })
}

/// Returns the number of lines as the protocol counts them: behind the last
/// terminator there is one more.
pub fn line_count(snapshot: &Snapshot) -> usize {
    snapshot.line_count() + usize::from(snapshot.lines.final_newline())
}

/// One character of a line, or one byte that is none.
struct Character {
    at: usize,
    len: usize,
    units: usize,
}

fn characters(line: &[u8], encoding: PositionEncoding) -> impl Iterator<Item = Character> {
    let mut at = 0;
    let chunks = line.utf8_chunks();
    let all = chunks.flat_map(move |chunk| {
        let valid = chunk.valid().chars();
        let valid = valid.map(move |c| (c.len_utf8(), encoding.units(c)));
        valid.chain(chunk.invalid().iter().map(|_| (1, 1)))
    });
    all.map(move |(len, units)| {
        at += len;
        Character { at: at - len, len, units }
    })
}

/// Returns the byte of a line at which `column` units have passed, and whether
/// a character starts or the line ends there.
fn byte_column(line: &[u8], column: u32, encoding: PositionEncoding) -> (usize, bool) {
    let mut left = column as usize;
    for character in characters(line, encoding) {
        if left < character.units {
            return (character.at, left == 0);
        }
        left -= character.units;
    }
    (line.len(), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use PositionEncoding::{Utf8, Utf16, Utf32};
    use proptest::prelude::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    fn snapshot(text: &str) -> Snapshot {
        Snapshot::of(text.into())
    }

    #[test]
    fn columns_count_in_the_unit_agreed_upon() {
        let snapshot = snapshot("x\r\naä𝄞b\r\n");
        for (encoding, column) in [(Utf8, 7), (Utf16, 4), (Utf32, 3)] {
            assert_eq!(byte_offset(&snapshot, at(1, column), encoding), 10);
            assert_eq!(position(&snapshot, 10, encoding), at(1, column));
        }
    }

    #[test]
    fn positions_are_clamped() {
        let snapshot = snapshot("𝄞a\r\nb");
        assert_eq!(byte_offset(&snapshot, at(0, 99), Utf16), 5);
        assert_eq!(byte_offset(&snapshot, at(0, 1), Utf16), 0);
        assert_eq!(byte_offset(&snapshot, at(9, 0), Utf16), 8);
        assert_eq!(byte_offset(&snapshot, at(u32::MAX, u32::MAX), Utf8), 8);
        assert_eq!(position(&snapshot, 2, Utf8), at(0, 0));
        assert_eq!(position(&snapshot, 6, Utf16), at(0, 3));
        assert_eq!(position(&snapshot, 99, Utf16), at(1, 1));
        let inverted = Range { start: at(1, 0), end: at(0, 0) };
        assert_eq!(byte_range(&snapshot, inverted, Utf16), 7..7);
    }

    #[test]
    fn exact_offsets_are_in_the_document() {
        let exact =
            |text, line, character| exact_byte_offset(&snapshot(text), at(line, character), Utf16);
        assert_eq!(exact("a𝄞\n", 0, 1), Some(1));
        assert_eq!(exact("a𝄞\n", 0, 2), None);
        assert_eq!(exact("a𝄞\n", 0, 99), Some(5));
        assert_eq!(exact("a\n", 1, 0), Some(2));
        assert_eq!(exact("a\n", 1, 5), Some(2));
        assert_eq!(exact("a\n", 2, 0), Some(2));
        assert_eq!(exact("a\n", 2, 1), None);
        assert_eq!(exact("a\n", 3, 0), None);
        assert_eq!(exact("", 0, 0), Some(0));
        assert_eq!(exact("", 1, 0), Some(0));
        assert_eq!(exact("", 2, 0), None);
    }

    #[test]
    fn the_byte_order_mark_is_before_the_first_line() {
        let snapshot = snapshot("\u{feff}ab\n");
        assert_eq!(byte_offset(&snapshot, at(0, 1), Utf8), 4);
        assert_eq!(position(&snapshot, 4, Utf8), at(0, 1));
        assert_eq!(position(&snapshot, 1, Utf8), at(0, 0));
    }

    #[test]
    fn some_line_ends_are_disputed() {
        assert_eq!(disputed_line_end("a\r\nb\n\u{c}\u{85}".as_bytes()), None);
        assert_eq!(disputed_line_end(b"a\r\nb\rc\n"), Some(4));
        assert_eq!(disputed_line_end(b"a\r"), Some(1));
        assert_eq!(disputed_line_end("a\u{2028}b".as_bytes()), Some(1));
    }

    #[test]
    fn names_are_those_of_the_protocol() {
        for encoding in [Utf8, Utf16, Utf32] {
            assert_eq!(PositionEncoding::parse(encoding.as_str()), Some(encoding));
        }
        assert_eq!(PositionEncoding::parse("utf-7"), None);
    }

    fn encodings() -> impl Strategy<Value = PositionEncoding> {
        prop_oneof![Just(Utf8), Just(Utf16), Just(Utf32)]
    }

    /// Bytes with all that is awkward: CRLF, a lone CR, astral characters, cut
    /// and overlong sequences.
    fn contents() -> impl Strategy<Value = Vec<u8>> {
        let pieces: [&[u8]; 10] = [
            b"a",
            b"\n",
            b"\r\n",
            b"\r",
            "ä".as_bytes(),
            "\u{2028}".as_bytes(),
            "𝄞".as_bytes(),
            b"\xff",
            b"\xf0\x9d",
            b"\xc0\x80",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..16)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn offsets_survive_the_way_there_and_back(bytes in contents(), encoding in encodings()) {
            let snapshot = Snapshot::of(bytes);
            for line in 0..line_count(&snapshot) {
                let start = snapshot.lines.start(line);
                let content = snapshot.line(line);
                let places = characters(content, encoding).map(|c| c.at).chain([content.len()]);
                for offset in places.map(|column| start + column) {
                    let there = position(&snapshot, offset, encoding);
                    prop_assert_eq!(there.line as usize, line);
                    prop_assert_eq!(byte_offset(&snapshot, there, encoding), offset);
                    prop_assert_eq!(exact_byte_offset(&snapshot, there, encoding), Some(offset));
                }
            }
        }

        #[test]
        fn any_position_stays_in_the_document(
            bytes in contents(), encoding in encodings(), line in 0..20u32, character in 0..20u32,
        ) {
            let snapshot = Snapshot::of(bytes);
            let offset = byte_offset(&snapshot, at(line, character), encoding);
            let back = position(&snapshot, offset, encoding);
            prop_assert!(back <= at(line, character) || back.line < line);
            prop_assert_eq!(byte_offset(&snapshot, back, encoding), offset);
            if let Some(exact) = exact_byte_offset(&snapshot, at(line, character), encoding) {
                prop_assert_eq!(exact, offset);
            }
        }

        #[test]
        fn columns_are_those_of_the_standard_library(line in "[a-cä-ö𝄞-𝄢\u{2028}]{0,12}") {
            let snapshot = Snapshot::of(line.clone().into_bytes());
            for (offset, _) in line.char_indices() {
                let column = |encoding| position(&snapshot, offset, encoding).character as usize;
                prop_assert_eq!(column(Utf8), offset);
                prop_assert_eq!(column(Utf16), line[..offset].encode_utf16().count());
                prop_assert_eq!(column(Utf32), line[..offset].chars().count());
            }
        }

        #[test]
        fn every_offset_has_the_position_of_a_character_at_or_before_it(
            bytes in contents(), encoding in encodings(), offset in 0..60usize,
        ) {
            let snapshot = Snapshot::of(bytes);
            let there = position(&snapshot, offset, encoding);
            let back = exact_byte_offset(&snapshot, there, encoding);
            prop_assert!(back.is_some_and(|back| back <= offset || offset < snapshot.lines.bom()));
        }
    }
}
