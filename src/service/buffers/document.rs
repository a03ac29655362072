//! One document of one editor: its text in a rope, its version, and the bytes
//! that it stands for.

use std::sync::Arc;

use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::text::{Encoding, Eol, bom_len};
use ropey::Rope;

use super::Held;
use crate::service::api::{ByteEdit, DocumentText};

/// A document as its editor has it.
pub(super) struct Document {
    /// The session of the editor.
    pub(super) editor: String,
    /// Why its text is not known, if so.
    pub(super) opaque: Option<String>,
    /// When it was last changed, as a number that grows.
    pub(super) used: u64,
    version: i64,
    text: Rope,
    frame: Frame,
    /// What it held when it was last known to be saved.
    saved: Option<ContentHash>,
    /// The bytes it stands for, until the next change.
    content: Option<Arc<Snapshot>>,
}

/// What an editor takes off a file when it opens it, and puts back when it saves:
/// no editor sends the byte-order mark, and some send every line end as LF.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Frame {
    bom: bool,
    crlf: bool,
}

impl Frame {
    /// Returns what the editor took off `disk` to get `text`.
    fn of(text: &str, disk: &Snapshot) -> Frame {
        let crlf = disk.eol() == Eol::CrLf && !text.contains('\r') && text.contains('\n');
        Frame { bom: bom_len(&disk.bytes) > 0 && !text.starts_with('\u{feff}'), crlf }
    }

    fn bytes(self, text: &Rope) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len_bytes() + 3);
        if self.bom {
            bytes.extend_from_slice("\u{feff}".as_bytes());
        }
        for chunk in text.chunks() {
            match self.crlf {
                false => bytes.extend_from_slice(chunk.as_bytes()),
                true => bytes.extend_from_slice(chunk.replace('\n', "\r\n").as_bytes()),
            }
        }
        bytes
    }

    /// Returns where byte `at` of the bytes lies in the editor's text.
    fn inward(self, bytes: &[u8], at: usize) -> usize {
        let bom = if self.bom { 3 } else { 0 };
        let start = bom.min(at);
        let added = match self.crlf {
            true => memchr::memchr_iter(b'\r', &bytes[start..at]).count(),
            false => 0,
        };
        at - start - added
    }
}

impl Document {
    /// Returns the document as it was opened; `disk` is what the file holds.
    pub(super) fn open(
        editor: &str,
        version: i64,
        text: DocumentText,
        disk: Option<&Arc<Snapshot>>,
        clock: u64,
    ) -> Document {
        let (text, mut opaque) = match text {
            DocumentText::Known(text) => (text, None),
            DocumentText::Unknown(reason) => (String::new(), Some(reason)),
        };
        if disk.is_some_and(|disk| disk.encoding != Encoding::Utf8) {
            opaque = Some("it is not UTF-8, so that the editor shows other characters".to_owned());
        }
        let frame = disk.map(|disk| Frame::of(&text, disk)).unwrap_or_default();
        let mut document = Document {
            editor: editor.to_owned(),
            opaque,
            used: clock,
            version,
            text: Rope::from_str(&text),
            frame,
            saved: None,
            content: None,
        };
        document.saved(disk);
        document
    }

    /// Changes the text: each edit is one of the text that those before it left,
    /// and `bytes` is how long it must be in the end.
    pub(super) fn change(
        &mut self,
        version: i64,
        edits: &[ByteEdit],
        bytes: usize,
        clock: u64,
    ) -> Result<(), Refusal> {
        if self.opaque.is_some() {
            return Ok(());
        }
        (self.version, self.used, self.content) = (version, clock, None);
        for edit in edits {
            let (start, end) = edit.range;
            if start > end || end > self.text.len_bytes() {
                return Err(lost());
            }
            let chars = self.text.byte_to_char(start)..self.text.byte_to_char(end);
            if self.text.char_to_byte(chars.start) != start {
                return Err(lost());
            }
            self.text.remove(chars.clone());
            self.text.insert(chars.start, &edit.text);
        }
        if self.text.len_bytes() != bytes {
            return Err(lost());
        }
        Ok(())
    }

    /// Notes that it was saved, if the file holds it.
    pub(super) fn saved(&mut self, disk: Option<&Arc<Snapshot>>) {
        if self.opaque.is_some() {
            return;
        }
        let content = self.content();
        if disk.is_some_and(|disk| disk.hash == content.hash) {
            self.saved = Some(content.hash);
        }
    }

    /// Returns what it holds, if that is known.
    pub(super) fn held(&mut self) -> Option<Held> {
        if self.opaque.is_some() {
            return None;
        }
        let content = self.content();
        Some(Held {
            editor: self.editor.clone(),
            version: self.version,
            is_saved: self.saved == Some(content.hash),
            content,
            is_split: false,
        })
    }

    /// Returns a change of the bytes `before` as edits of the editor's text, or
    /// `None` where these are not its bytes any more.
    pub(super) fn edits_for(
        &mut self,
        before: &Snapshot,
        change: &Change,
    ) -> Option<Vec<ByteEdit>> {
        if self.opaque.is_some() || self.content().hash != before.hash {
            return None;
        }
        let frame = self.frame;
        let edit = |edit: &engine::edit::Edit| {
            let place = |at| frame.inward(&before.bytes, at);
            let text = String::from_utf8(edit.text.clone()).ok()?;
            let text = if frame.crlf { text.replace("\r\n", "\n") } else { text };
            Some(ByteEdit { range: (place(edit.range.start), place(edit.range.end)), text })
        };
        change.edits().iter().map(edit).collect()
    }

    fn content(&mut self) -> Arc<Snapshot> {
        let (frame, text) = (self.frame, &self.text);
        let content = self.content.get_or_insert_with(|| Arc::new(Snapshot::of(frame.bytes(text))));
        Arc::clone(content)
    }
}

/// Returns what is said where the editor's text and ours are no longer the same.
fn lost() -> Refusal {
    Refusal::new(Code::NotFound, "the change is none of the document as it is known here")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(bytes: &[u8]) -> Arc<Snapshot> {
        Arc::new(Snapshot::of(bytes.to_vec()))
    }

    fn opened(text: &str, disk: &[u8]) -> Document {
        let text = DocumentText::Known(text.to_owned());
        Document::open("e", 1, text, Some(&snapshot(disk)), 1)
    }

    #[track_caller]
    fn check_frame(disk: &str, text: &str) {
        let mut document = opened(text, disk.as_bytes());
        let held = document.held().unwrap();
        assert!(held.is_saved, "{disk:?} is opened as {text:?}");
        let at = disk.find('b').unwrap();
        let edit = engine::edit::Edit { range: at..at + 1, text: b"B\r\nC".to_vec() };
        let change = Change::new(vec![edit], disk.len()).unwrap();
        let edits = document.edits_for(&held.content, &change).unwrap();
        let bytes = text.len() - 1 + edits[0].text.len();
        document.change(2, &edits, bytes, 2).unwrap();
        let after = document.held().unwrap();
        assert_eq!(after.content.bytes, change.apply(disk.as_bytes()));
        assert!(!after.is_saved);
    }

    #[test]
    fn what_an_editor_takes_off_comes_back() {
        check_frame("a\r\nb\r\n", "a\r\nb\r\n");
        check_frame("a\r\nb\r\n", "a\nb\n");
        check_frame("\u{feff}a\r\nb\r\n", "a\nb\n");
        check_frame("\u{feff}ä\r\nb", "ä\r\nb");
    }

    #[test]
    fn text_that_is_not_the_files_is_not_saved() {
        assert!(!opened("a\nb\n", b"a\nc\n").held().unwrap().is_saved);
        let text = DocumentText::Known(String::new());
        assert!(!Document::open("e", 1, text, None, 1).held().unwrap().is_saved);
    }

    #[test]
    fn what_is_not_utf_8_is_not_known() {
        let mut document = opened("ä\n", b"\xe4\n");
        assert!(document.held().is_none() && document.opaque.is_some());
        document.change(2, &[], 0, 2).unwrap();
    }

    #[test]
    fn a_change_that_does_not_fit_is_noticed() {
        let edit = |start, end| ByteEdit { range: (start, end), text: "x".to_owned() };
        for (edits, bytes) in [
            (vec![edit(0, 9)], 1),
            (vec![edit(2, 1)], 4),
            (vec![edit(1, 2)], 4),
            (vec![edit(0, 2)], 9),
        ] {
            let mut document = opened("äb\n", "äb\n".as_bytes());
            assert!(document.change(2, &edits, bytes, 2).is_err(), "{edits:?}");
        }
    }
}
