//! Edits: what a workspace edit does to one document, as a change of the
//! engine.
//!
//! A server's edit is exact or refused, like any other: it must speak of the
//! version and the lines that we have, its ranges must lie in the document,
//! between characters and apart from each other. All ranges refer to the
//! document before the edit, also where an edit lists the document twice; so
//! editors read them.
//!
//! New text takes the line ends of a document whose lines all end alike, as in
//! editors. Some servers write LF whatever the document has.

use engine::edit::{Change, Disorder, Edit};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::text::{Encoding, Eol};

use crate::message::{DocumentChange, Position, TextEdit, WorkspaceEdit};
use crate::position::{PositionEncoding, disputed_line_end, exact_byte_offset};
use crate::uri::is_same_uri;

/// The document that an edit is about, as we last sent it to the server.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its name in the protocol.
    pub uri: &'a str,
    /// Its version, where it is open at the server. Only then does a version in
    /// the edit mean anything.
    pub version: Option<i64>,
    /// Its content.
    pub snapshot: &'a Snapshot,
    /// How columns are counted.
    pub encoding: PositionEncoding,
}

/// Returns what `edit` does to `document`; an empty change where it does not
/// mention it.
///
/// # Errors
/// A refusal: `lsp_version` where the server speaks of another version or of
/// lines that are not there, `overlap` where two edits share bytes, `encoding`
/// where bytes cannot be counted as the server counts them, `unsupported` for
/// snippets and for operations on the file itself, `malformed` for a range that
/// ends before it starts.
pub fn change(edit: &WorkspaceEdit, document: &Document<'_>) -> Result<Change, Refusal> {
    let mut edits: Vec<&TextEdit> = Vec::new();
    match &edit.document_changes {
        Some(changes) => {
            for change in changes {
                edits.extend(edits_of(change, document)?);
            }
        }
        None => {
            let changes = edit.changes.iter().flatten();
            let ours = changes.filter(|(uri, _)| is_same_uri(uri, document.uri));
            edits.extend(ours.flat_map(|(_, edits)| edits));
        }
    }
    change_of(edits, document)
}

/// Returns what `edits` do to `document`, as formatters send them: without a
/// name or version.
///
/// # Errors
/// As [`change`].
pub fn change_of<'a>(
    edits: impl IntoIterator<Item = &'a TextEdit>,
    document: &Document<'_>,
) -> Result<Change, Refusal> {
    let eol = document.snapshot.eol();
    let mut exact = Vec::new();
    for (index, edit) in edits.into_iter().enumerate() {
        let edit = exact_edit(edit, document, eol).map_err(|refusal| refusal.op(index))?;
        exact.push((index, edit));
    }
    check_countable(&exact, document.snapshot)?;
    // The sort is stable: insertions at one place keep their order, and stand
    // before what is replaced there.
    exact.sort_by_key(|(_, edit)| (edit.range.start, edit.range.end));
    let (indices, exact): (Vec<usize>, Vec<Edit>) = exact.into_iter().unzip();
    Change::new(exact, document.snapshot.bytes.len()).map_err(|disorder| match disorder {
        Disorder::Overlap(at) => {
            Refusal::new(Code::Overlap, "two edits of the server share text").op(indices[at])
        }
        Disorder::OutOfBounds(at) => out_of_document().op(indices[at]),
    })
}

/// Returns the edits of one entry, none where it is about another document.
fn edits_of<'a>(
    change: &'a DocumentChange,
    document: &Document<'_>,
) -> Result<&'a [TextEdit], Refusal> {
    if let Some(kind) = &change.kind {
        let files = [&change.uri, &change.old_uri, &change.new_uri];
        let is_ours = |uri: &String| is_same_uri(uri, document.uri);
        return match files.into_iter().flatten().any(is_ours) {
            true => Err(Refusal::new(
                Code::Unsupported,
                format!("the server wants to {kind} the file itself"),
            )),
            false => Ok(&[]),
        };
    }
    match &change.text_document {
        Some(named) if is_same_uri(&named.uri, document.uri) => {
            check_version(named.version, document.version)?;
            Ok(change.edits.as_deref().unwrap_or_default())
        }
        _ => Ok(&[]),
    }
}

/// Checks that the server speaks of the version that it was sent.
pub(crate) fn check_version(theirs: Option<i64>, ours: Option<i64>) -> Result<(), Refusal> {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) if theirs != ours => Err(Refusal::new(
            Code::LspVersion,
            format!("the server edits version {theirs} of the document, it is at {ours}"),
        )),
        _ => Ok(()),
    }
}

fn exact_edit(edit: &TextEdit, document: &Document<'_>, eol: Eol) -> Result<Edit, Refusal> {
    let Some(text) = literal_text(edit) else {
        let message = "the server sent a snippet, which was not asked for";
        return Err(Refusal::new(Code::Unsupported, message));
    };
    let offset = |position: Position| {
        exact_byte_offset(document.snapshot, position, document.encoding)
            .ok_or_else(out_of_document)
    };
    let range = offset(edit.range.start)?..offset(edit.range.end)?;
    if edit.range.end < edit.range.start {
        let message = "an edit of the server ends before it starts";
        return Err(Refusal::new(Code::Malformed, message));
    }
    Ok(Edit { range, text: with_line_ends(text, eol).into_bytes() })
}

/// Returns the new text, unless it is that of a snippet.
fn literal_text(edit: &TextEdit) -> Option<&str> {
    edit.new_text.as_deref().filter(|_| edit.insert_text_format != Some(2))
}

fn out_of_document() -> Refusal {
    Refusal::new(Code::LspVersion, "the server edits a place that the document does not have")
}

/// Checks that the server counts the lines and columns before the last edit as
/// we do.
fn check_countable(edits: &[(usize, Edit)], snapshot: &Snapshot) -> Result<(), Refusal> {
    if !edits.is_empty() && snapshot.encoding != Encoding::Utf8 {
        let message = "the document is not UTF-8, so the server does not see its bytes";
        return Err(Refusal::new(Code::Encoding, message));
    }
    let last = edits.iter().max_by_key(|(_, edit)| edit.range.end);
    match last {
        Some((index, edit)) if is_disputed_before(edit.range.end, snapshot) => Err(Refusal::new(
            Code::Encoding,
            "before the edit stands CR, U+2028 or U+2029 by itself, which some servers take \
             for the end of a line",
        )
        .op(*index)),
        _ => Ok(()),
    }
}

fn is_disputed_before(end: usize, snapshot: &Snapshot) -> bool {
    disputed_line_end(&snapshot.bytes).is_some_and(|at| at < end)
}

/// Returns `text` with the line ends of a document that has one kind of them.
fn with_line_ends(text: &str, eol: Eol) -> String {
    match eol {
        Eol::Lf => text.replace("\r\n", "\n"),
        Eol::CrLf => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        Eol::Cr | Eol::Mixed | Eol::None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Range;
    use proptest::prelude::*;

    fn text_edit(range: [u32; 4], text: &str) -> TextEdit {
        let [line, character, end_line, end_character] = range;
        TextEdit {
            range: Range {
                start: Position { line, character },
                end: Position { line: end_line, character: end_character },
            },
            new_text: Some(text.to_owned()),
            insert_text_format: None,
        }
    }

    fn document(snapshot: &Snapshot) -> Document<'_> {
        Document {
            uri: "file:///a b.rs",
            version: Some(3),
            snapshot,
            encoding: PositionEncoding::Utf16,
        }
    }

    fn after(text: &[u8], edits: &[TextEdit]) -> Result<Vec<u8>, Code> {
        let snapshot = Snapshot::of(text.to_vec());
        let change = change_of(edits, &document(&snapshot)).map_err(|refusal| refusal.code)?;
        Ok(change.apply(text))
    }

    #[track_caller]
    fn check(text: &str, edits: &[([u32; 4], &str)], expected: Result<&str, Code>) {
        let edits: Vec<TextEdit> =
            edits.iter().map(|(range, text)| text_edit(*range, text)).collect();
        let found = after(text.as_bytes(), &edits);
        assert_eq!(found.as_deref(), expected.map(str::as_bytes).as_ref().map(|bytes| *bytes));
    }

    fn check_json(json: &str, expected: Result<&str, Code>) {
        let edit: WorkspaceEdit = serde_json::from_str(json).expect("a workspace edit");
        let snapshot = Snapshot::of(b"abc\n".to_vec());
        let found = change(&edit, &document(&snapshot)).map_err(|refusal| refusal.code);
        let found = found.map(|change| change.apply(&snapshot.bytes));
        assert_eq!(found, expected.map(|text| text.as_bytes().to_vec()));
    }

    #[test]
    fn edits_refer_to_the_text_before_and_come_in_any_order() {
        check("ab\ncd\n", &[([1, 0, 1, 1], "C"), ([0, 1, 0, 2], "")], Ok("a\nCd\n"));
        check("ab\n", &[([0, 1, 0, 1], "1"), ([0, 1, 0, 1], "2")], Ok("a12b\n"));
        check("ab\n", &[([0, 0, 0, 1], "A"), ([0, 0, 0, 0], "1")], Ok("1Ab\n"));
        check("𝄞b\n", &[([0, 2, 0, 3], "c")], Ok("𝄞c\n"));
        check("a\nb", &[([0, 0, 2, 0], "all")], Ok("all"));
        check("ab\n", &[], Ok("ab\n"));
    }

    #[test]
    fn edits_that_share_text_are_refused() {
        check("abcd", &[([0, 0, 0, 2], "x"), ([0, 1, 0, 3], "y")], Err(Code::Overlap));
        check("abcd", &[([0, 0, 0, 2], "x"), ([0, 0, 0, 2], "x")], Err(Code::Overlap));
        check("abcd", &[([0, 0, 0, 2], "x"), ([0, 1, 0, 1], "y")], Err(Code::Overlap));
    }

    #[test]
    fn places_that_are_not_in_the_document_are_refused() {
        check("ab\n", &[([3, 0, 3, 0], "x")], Err(Code::LspVersion));
        check("ab\n", &[([0, 0, 7, 0], "x")], Err(Code::LspVersion));
        check("𝄞\n", &[([0, 1, 0, 2], "x")], Err(Code::LspVersion));
        check("ab\n", &[([0, 2, 0, 1], "x")], Err(Code::Malformed));
        check("ab\n", &[([0, 9, 0, 8], "x")], Err(Code::Malformed));
    }

    #[test]
    fn what_the_server_counts_otherwise_is_refused() {
        check("a\rb\nc\n", &[([1, 0, 1, 1], "x")], Err(Code::Encoding));
        check("a\u{2028}b\n", &[([0, 2, 0, 2], "x")], Err(Code::Encoding));
        check("a\rb\nc\n", &[([0, 0, 0, 1], "x")], Ok("x\rb\nc\n"));
        let latin1 = after(b"\xe4\n", &[text_edit([0, 0, 0, 0], "x")]);
        assert_eq!(latin1, Err(Code::Encoding));
    }

    #[test]
    fn new_text_takes_the_line_ends_of_the_document() {
        check("a\r\nb\r\n", &[([1, 0, 1, 0], "x\ny\r\n")], Ok("a\r\nx\r\ny\r\nb\r\n"));
        check("a\nb\n", &[([1, 0, 1, 0], "x\r\n")], Ok("a\nx\nb\n"));
        check("a\nb\r\n", &[([1, 0, 1, 0], "x\r\ny\n")], Ok("a\nx\r\ny\nb\r\n"));
    }

    #[test]
    fn an_edit_must_speak_of_our_version() {
        let with = |version: &str| {
            format!(
                r#"{{"documentChanges":[{{"textDocument":{{"uri":"file:///a%20b.rs","version":{version}}},
                "edits":[{{"range":{{"start":{{"line":0,"character":0}},"end":{{"line":0,"character":1}}}},
                "newText":"X"}}]}}]}}"#
            )
        };
        check_json(&with("3"), Ok("Xbc\n"));
        check_json(&with("null"), Ok("Xbc\n"));
        check_json(&with("2"), Err(Code::LspVersion));
        assert_eq!(check_version(Some(0), None), Ok(()));
    }

    #[test]
    fn only_edits_of_the_document_count() {
        let edit = r#"[{"range":{"start":{"line":0,"character":0},"end":{"line":0,"character":1}},"newText":"X"}]"#;
        check_json(&format!(r#"{{"changes":{{"file:///a b.rs":{edit}}}}}"#), Ok("Xbc\n"));
        check_json(&format!(r#"{{"changes":{{"file:///c.rs":{edit}}}}}"#), Ok("abc\n"));
        check_json(r#"{"changes":null,"documentChanges":null}"#, Ok("abc\n"));
        let both = r#"{"changes":{"file:///a b.rs":EDIT},"documentChanges":[]}"#;
        check_json(&both.replace("EDIT", edit), Ok("abc\n"));
    }

    #[test]
    fn operations_on_the_file_and_snippets_are_refused() {
        let rename = r#"{"documentChanges":[{"kind":"rename","oldUri":"file:///OLD","newUri":"file:///n"}]}"#;
        check_json(&rename.replace("OLD", "a%20b.rs"), Err(Code::Unsupported));
        check_json(rename, Ok("abc\n"));
        let snippet = TextEdit { insert_text_format: Some(2), ..text_edit([0, 0, 0, 0], "$0") };
        assert_eq!(after(b"a", &[snippet]), Err(Code::Unsupported));
    }

    #[test]
    fn a_refusal_names_the_edit_as_the_server_counts_it() {
        let snapshot = Snapshot::of(b"abcd".to_vec());
        let edits = [text_edit([0, 1, 0, 3], "x"), text_edit([0, 0, 0, 2], "y")];
        let refusal = change_of(&edits, &document(&snapshot)).expect_err("they overlap");
        assert_eq!(refusal.op, Some(0));
    }

    /// Applies edits one by one, from the back, to lines of UTF-16: the simple
    /// truth. `None` where one reaches into the next.
    fn from_the_back(text: &str, edits: &[TextEdit]) -> Option<String> {
        let offset = |position: Position| {
            let lines: Vec<&str> = text.split_inclusive('\n').chain([""]).collect();
            let before: usize = lines[..position.line as usize].iter().map(|line| line.len()).sum();
            let line = lines[position.line as usize].trim_end_matches(['\r', '\n']);
            let units: Vec<u16> = line.encode_utf16().take(position.character as usize).collect();
            before + String::from_utf16(&units).expect("between characters").len()
        };
        let mut order: Vec<usize> = (0..edits.len()).collect();
        order.sort_by_key(|&index| (edits[index].range.start, edits[index].range.end, index));
        let mut text_now = text.to_owned();
        let mut limit = text.len();
        for index in order.into_iter().rev() {
            let edit = &edits[index];
            let range = offset(edit.range.start)..offset(edit.range.end);
            if range.end > limit {
                return None;
            }
            limit = range.start;
            text_now.replace_range(range, edit.new_text.as_deref().expect("a text"));
        }
        Some(text_now)
    }

    fn text_and_edits() -> impl Strategy<Value = (String, Vec<TextEdit>)> {
        let text = prop_oneof!["([abä𝄞]{0,3}\n){0,4}[a𝄞]{0,2}", "([abä𝄞]{0,3}\r\n){1,4}"];
        text.prop_flat_map(|text| {
            let snapshot = Snapshot::of(text.clone().into_bytes());
            let boundaries: Vec<Position> = (0..=text.len())
                .filter(|&at| text.is_char_boundary(at) && !text[..at].ends_with('\r'))
                .map(|at| crate::position::position(&snapshot, at, PositionEncoding::Utf16))
                .collect();
            let place = prop::sample::select(boundaries);
            let edit = (place.clone(), place, "[xy]{0,2}").prop_map(|(a, b, text)| TextEdit {
                range: Range { start: a.min(b), end: a.max(b) },
                new_text: Some(text),
                insert_text_format: None,
            });
            (Just(text), prop::collection::vec(edit, 0..5))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_change_does_what_its_edits_do_from_the_back((text, edits) in text_and_edits()) {
            let expected = from_the_back(&text, &edits).map(String::into_bytes);
            prop_assert_eq!(after(text.as_bytes(), &edits), expected.ok_or(Code::Overlap));
        }
    }
}
