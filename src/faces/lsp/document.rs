//! A document as the editor has it: its text, and positions of the protocol ↔
//! bytes of that text.

use lsp_types::{Position, Range, TextDocumentContentChangeEvent, Url};
use ropey::{Rope, RopeSlice};

use crate::protocol::wire::ByteEdit;

/// The unit in which columns are counted, as agreed upon with the editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    /// Bytes of UTF-8.
    Utf8,
    /// Code units of UTF-16: what counts where nothing was agreed upon.
    #[default]
    Utf16,
}

/// An open document.
#[derive(Debug)]
pub(super) struct Document {
    /// What the editor calls it.
    pub(super) uri: Url,
    /// What the service is told that it is: an absolute path.
    pub(super) path: String,
    /// What the service calls it, once it said so; none where it is none of its
    /// files.
    pub(super) name: Option<String>,
    /// The number of its version.
    pub(super) version: i32,
    /// Why its text cannot be followed, if so.
    pub(super) unknown: Option<String>,
    text: Rope,
}

/// What a change of a document comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// These edits, one after the other.
    Edits(Vec<(usize, usize, String)>),
    /// The text cannot be followed from here on.
    Lost,
}

impl Document {
    /// Returns the document as it was opened.
    pub(super) fn open(uri: Url, path: String, version: i32, text: &str) -> Document {
        let text = Rope::from_str(text);
        let unknown = has_lone_cr(text.slice(..)).then(disputed);
        Document { uri, path, name: None, version, unknown, text }
    }

    /// Returns its text.
    pub(super) fn text(&self) -> String {
        self.text.to_string()
    }

    /// Returns the length of its text in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len_bytes()
    }

    /// Applies what the editor changed, and returns it in bytes.
    pub(super) fn follow(
        &mut self,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Followed {
        self.version = version;
        let mut edits = Vec::with_capacity(changes.len());
        for change in changes {
            let (start, end) = match change.range {
                Some(range) => self.bytes_of(range, encoding),
                None => (0, self.text.len_bytes()),
            };
            self.replace(start, end, &change.text);
            edits.push((start, end, change.text));
        }
        match self.unknown {
            None => Followed::Edits(edits),
            Some(_) => Followed::Lost,
        }
    }

    /// Returns an edit as the editor has to be told.
    pub(super) fn told(&self, edit: ByteEdit, encoding: Encoding) -> Option<(Range, String)> {
        let ByteEdit { range: (start, end), text } = edit;
        if start > end || end > self.text.len_bytes() {
            return None;
        }
        let (start, end, text) = self.before_last_eol(start, end, text);
        let range = Range::new(self.position(start, encoding), self.position(end, encoding));
        Some((range, text))
    }

    /// Returns lines that come behind the last one as the same text before its
    /// terminator: Neovim since 0.8 puts an empty line behind what is inserted where
    /// no line begins any more.
    fn before_last_eol(&self, start: usize, end: usize, text: String) -> (usize, usize, String) {
        let bytes = self.text.len_bytes();
        for eol in ["\r\n", "\n"] {
            let Some(lines) = text.strip_suffix(eol).filter(|_| start == bytes) else { continue };
            let at = bytes.checked_sub(eol.len());
            let before = at.and_then(|at| self.text.get_byte(at.checked_sub(1)?));
            let is_there = at.is_some_and(|at| self.text.bytes_at(at).eq(eol.bytes()))
                && (eol != "\n" || before != Some(b'\r'));
            if let Some(at) = at.filter(|_| is_there) {
                return (at, at, format!("{eol}{lines}"));
            }
            break;
        }
        (start, end, text)
    }

    /// Returns the length of a line without its end, in units of the encoding.
    pub(super) fn width(&self, line: usize, encoding: Encoding) -> u32 {
        match line < self.text.len_lines() {
            true => units(content(self.text.line(line)), encoding),
            false => 0,
        }
    }

    fn replace(&mut self, start: usize, end: usize, text: &str) {
        let chars = self.text.byte_to_char(start)..self.text.byte_to_char(end);
        self.text.remove(chars.clone());
        self.text.insert(chars.start, text);
        if self.unknown.is_none() {
            let to = (chars.start + text.chars().count() + 1).min(self.text.len_chars());
            let near = self.text.slice(chars.start.saturating_sub(1)..to);
            let cut_at_end = to < self.text.len_chars() && near.chars().last() == Some('\r');
            let near = if cut_at_end { near.slice(..near.len_chars() - 1) } else { near };
            self.unknown = has_lone_cr(near).then(disputed);
        }
    }

    fn bytes_of(&self, range: Range, encoding: Encoding) -> (usize, usize) {
        let start = self.byte(range.start, encoding);
        (start, self.byte(range.end, encoding).max(start))
    }

    /// Returns the byte that a position means, clamped to the document.
    fn byte(&self, position: Position, encoding: Encoding) -> usize {
        let line = position.line as usize;
        if line >= self.text.len_lines() {
            return self.text.len_bytes();
        }
        let start = self.text.line_to_byte(line);
        let content = content(self.text.line(line));
        let column = (position.character as usize).min(units(content, encoding) as usize);
        let char = match encoding {
            Encoding::Utf8 => content.byte_to_char(column),
            Encoding::Utf16 => content.utf16_cu_to_char(column),
        };
        start + content.char_to_byte(char)
    }

    fn position(&self, byte: usize, encoding: Encoding) -> Position {
        let line = self.text.byte_to_line(byte);
        let before = self.text.byte_slice(self.text.line_to_byte(line)..byte);
        Position::new(line as u32, units(before, encoding))
    }
}

/// Returns the line without its end.
fn content(line: RopeSlice<'_>) -> RopeSlice<'_> {
    let mut end = line.len_chars();
    for terminator in ['\n', '\r'] {
        if end > 0 && line.char(end - 1) == terminator {
            end -= 1;
        }
    }
    line.slice(..end)
}

fn units(text: RopeSlice<'_>, encoding: Encoding) -> u32 {
    let units = match encoding {
        Encoding::Utf8 => text.len_bytes(),
        Encoding::Utf16 => text.len_utf16_cu(),
    };
    units as u32
}

/// Returns whether a CR stands without an LF: editors do not agree whether a line
/// ends there, so that their positions mean nothing behind it.
fn has_lone_cr(text: RopeSlice<'_>) -> bool {
    let mut after_cr = false;
    for chunk in text.chunks() {
        if !after_cr && memchr::memchr(b'\r', chunk.as_bytes()).is_none() {
            continue;
        }
        for byte in chunk.bytes() {
            if after_cr && byte != b'\n' {
                return true;
            }
            after_cr = byte == b'\r';
        }
    }
    after_cr
}

fn disputed() -> String {
    "it has a CR without LF, after which editors do not agree on the numbers of lines".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::open(Url::parse("file:///a").unwrap(), "/a".to_owned(), 1, text)
    }

    fn change(from: (u32, u32), to: (u32, u32), text: &str) -> TextDocumentContentChangeEvent {
        let range = Range::new(Position::new(from.0, from.1), Position::new(to.0, to.1));
        let range = Some(range);
        TextDocumentContentChangeEvent { range, range_length: None, text: text.to_owned() }
    }

    #[test]
    fn positions_are_bytes_of_the_text() {
        let document = document("aä𝄞b\r\n\nc");
        for (encoding, column) in [(Encoding::Utf8, 7), (Encoding::Utf16, 4)] {
            assert_eq!(document.byte(Position::new(0, column), encoding), 7);
            assert_eq!(document.position(7, encoding), Position::new(0, column));
            assert_eq!(document.byte(Position::new(0, 99), encoding), 8);
            assert_eq!(document.byte(Position::new(9, 0), encoding), 12);
            assert_eq!(document.byte(Position::new(2, 0), encoding), 11);
        }
    }

    #[track_caller]
    fn check_told(before: &str, text: &str, at: (u32, u32), expected: &str) {
        let mut document = document(before);
        let edit = ByteEdit { range: (before.len(), before.len()), text: text.to_owned() };
        let (range, told) = document.told(edit, Encoding::Utf16).unwrap();
        assert_eq!((range.start, &told[..]), (Position::new(at.0, at.1), expected), "{before:?}");
        document.follow(2, vec![change(at, at, &told)], Encoding::Utf16);
        assert_eq!(document.text(), format!("{before}{text}"));
    }

    #[test]
    fn lines_behind_the_last_one_are_told_before_its_end() {
        check_told("a\nbc\n", "d\ne\n", (1, 2), "\nd\ne");
        check_told("a\r\n", "d\r\n", (0, 1), "\r\nd");
        // These have no such end, or another one.
        check_told("a\nb", "\nd\n", (1, 1), "\nd\n");
        check_told("a\r\n", "d\n", (1, 0), "d\n");
        check_told("", "d\n", (0, 0), "d\n");
        check_told("a\n", "d", (1, 0), "d");
    }

    #[test]
    fn changes_are_of_the_text_that_those_before_left() {
        let mut document = document("ab\ncd\n");
        let changes = vec![change((0, 1), (1, 1), "X\nY\n"), change((1, 0), (1, 1), "")];
        let followed = document.follow(2, changes, Encoding::Utf16);
        let edits = vec![(1, 4, "X\nY\n".to_owned()), (3, 4, String::new())];
        assert_eq!(followed, Followed::Edits(edits));
        assert_eq!(document.text(), "aX\n\nd\n");
    }

    #[track_caller]
    fn check_lost(before: &str, change: TextDocumentContentChangeEvent, is_lost: bool) {
        let mut document = document(before);
        let followed = document.follow(2, vec![change], Encoding::Utf16);
        assert_eq!(followed == Followed::Lost, is_lost, "{:?}", document.text());
    }

    #[test]
    fn a_lone_cr_ends_the_agreement() {
        check_lost("a\r\nb\r\n", change((0, 1), (0, 1), "x\r\ny"), false);
        check_lost("a\nb\n", change((0, 1), (0, 1), "\r"), false);
        check_lost("ab\n", change((0, 1), (0, 1), "\r"), true);
        check_lost("ab", change((0, 2), (0, 2), "\r"), true);
        check_lost("a\rb", change((0, 0), (0, 0), "x"), true);
    }
}
