//! `lines`: ranges of lines and what becomes of them, as JSON.
//!
//! ```json
//! {"path": "src/lib.rs", "handle": "481920", "edits": [
//!   {"start": 12, "end": 14, "text": "new line 12\nnew line 13\n"},
//!   {"start": 21, "end": 20, "text": "between 20 and 21\n"},
//!   {"start": 30, "end": 35, "text": ""}
//! ]}
//! ```

use super::builder::{Builder, Given};
use super::json::{self, Object, malformed};
use super::replace::PATH;
use super::{Body, Draft, DraftFile, Find, LAST, Op, OpKind, Task};
use crate::error::Refusal;

pub(super) const START: [&str; 5] = ["start", "start_line", "startLine", "first", "line"];
pub(super) const END: [&str; 4] = ["end", "end_line", "endLine", "last"];
const AFTER: [&str; 3] = ["after", "insert_after", "insert_line"];
pub(super) const TEXT: [&str; 6] =
    ["text", "new_text", "newText", "content", "new_string", "replacement"];
const EDITS: [&str; 3] = ["edits", "changes", "replacements"];

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the field that cannot be read.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    let mut builder = Builder::default();
    for value in json::values(text)? {
        read_file(Object::of(value, "the edit")?, given, &mut builder)?;
    }
    builder.finish("no edit")
}

fn read_file(mut file: Object, given: Given<'_>, builder: &mut Builder) -> Result<(), Refusal> {
    let path = file.text(&PATH)?.or(given.path.map(str::to_owned));
    let path = path.ok_or_else(|| malformed("the edit: path is missing"))?;
    let handle = file.handle(&["handle"])?.or(given.handle);
    builder.edit(&path, handle)?;
    let Some(edits) = file.array(&EDITS)? else {
        builder.push(read_edit(&mut file)?.into());
        return file.end();
    };
    file.end()?;
    for edit in edits {
        let mut edit = Object::of(edit, "an edit")?;
        builder.push(read_edit(&mut edit)?.into());
        edit.end()?;
    }
    Ok(())
}

fn read_edit(edit: &mut Object) -> Result<Op, Refusal> {
    let (start, end) = (edit.number(&START)?, edit.number(&END)?);
    let after = edit.number(&AFTER)?;
    let text = edit.some_text(&TEXT)?;
    let kind = match (start, end, after) {
        (None, None, Some(after)) => OpKind::Insert { after, body: Body::Text(text) },
        (Some(0), ..) => return Err(malformed("an edit: lines count from 1")),
        (Some(start), Some(end), None) if end.checked_add(1) == Some(start) => {
            OpKind::Insert { after: end, body: Body::Text(text) }
        }
        (Some(start), Some(end), None) if text.is_empty() => {
            OpKind::Delete { lines: (start, end), register: None }
        }
        (Some(start), Some(end), None) => {
            OpKind::Replace { lines: (start, end), body: Body::Text(text) }
        }
        _ => return Err(malformed("an edit: give start and end, or after")),
    };
    match &kind {
        OpKind::Insert { body: Body::Text(text), .. } if text.is_empty() => {
            Err(malformed("an edit: an insertion without a line"))
        }
        _ => Ok(kind.into()),
    }
}

/// Returns the draft as text, an object a file.
///
/// # Errors
/// `unsupported` where it asks for what this format cannot say.
pub(super) fn write(draft: &Draft) -> Result<String, Refusal> {
    let files: Result<Vec<String>, Refusal> = draft.files.iter().map(write_file).collect();
    Ok(files?.join("\n"))
}

fn write_file(file: &DraftFile) -> Result<String, Refusal> {
    let edits: Option<Vec<String>> = match &file.task {
        Task::Edit { finds, final_newline: None, to: None } => finds.iter().map(edit).collect(),
        _ => None,
    };
    let edits = edits.ok_or_else(|| super::unsayable(file, "lines"))?;
    let mut fields = vec![("path", json::string(&file.path))];
    fields.extend(file.handle.map(|handle| ("handle", json::string(&handle.to_string()))));
    fields.push(("edits", json::array(&edits)));
    Ok(json::object(&fields))
}

fn edit(find: &Find) -> Option<String> {
    let Find::Lines(Op { kind, expect: None }) = find else { return None };
    let (start, end, text) = match kind {
        OpKind::Replace { lines: (start, end), body: Body::Text(text) } => {
            (*start, *end, &text[..])
        }
        OpKind::Insert { after, body: Body::Text(text) } if *after != LAST => {
            (after + 1, *after, &text[..])
        }
        OpKind::Delete { lines: (start, end), register: None } => (*start, *end, ""),
        _ => return None,
    };
    let fields =
        [("start", start.to_string()), ("end", end.to_string()), ("text", json::string(text))];
    Some(json::object(&fields))
}
