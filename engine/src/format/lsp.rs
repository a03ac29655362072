//! `lsp`: a WorkspaceEdit of the Language Server Protocol (3.17), as JSON.
//!
//! Positions count UTF-16 code units. The version of a document is its handle,
//! or null. Creating, renaming and deleting files are understood; options that
//! would overwrite or pass over something are not.

use serde_json::Value;

use super::builder::{FILES, Given};
use super::json::{self, Object, malformed};
use super::{Destination, Draft, DraftFile, Find, Position, Task};
use crate::anchor::Handle;
use crate::error::{Code, Refusal};

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the field that cannot be read; `unsupported` for snippets,
/// and for options that overwrite or pass over files.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    let mut edit = WorkspaceEdit { files: Vec::new(), handle: given.handle };
    for value in json::values(text)? {
        edit.read(Object::of(value, "the edit")?)?;
    }
    edit.draft()
}

/// The files of a WorkspaceEdit.
struct WorkspaceEdit {
    files: Vec<File>,
    handle: Option<Handle>,
}

/// One file of it.
struct File {
    /// Its path before the edit.
    path: String,
    /// Its path so far.
    now: String,
    handle: Option<Handle>,
    finds: Vec<Find>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Known,
    Created,
    Deleted,
}

impl WorkspaceEdit {
    fn read(&mut self, mut edit: Object) -> Result<(), Refusal> {
        let documents = edit.array(&["documentChanges"])?;
        let changes = edit.take(&["changes"])?;
        edit.take(&["changeAnnotations"])?;
        edit.end()?;
        match (documents, changes) {
            (Some(documents), _) => {
                // Where both are there, `documentChanges` counts (3.17, WorkspaceEdit).
                documents.into_iter().try_for_each(|change| self.document(change))
            }
            (None, Some(Value::Object(changes))) => {
                changes.into_iter().try_for_each(|(uri, edits)| {
                    let edits = edits.as_array().cloned();
                    let edits = edits.ok_or_else(|| malformed("changes: edits are no array"))?;
                    self.edits(&uri, None, edits)
                })
            }
            _ => Err(malformed("the edit: neither documentChanges nor changes")),
        }
    }

    fn document(&mut self, change: Value) -> Result<(), Refusal> {
        let mut change = Object::of(change, "a document change")?;
        match change.text(&["kind"])?.as_deref() {
            None => {
                let document = change.take(&["textDocument"])?;
                let document = document.ok_or_else(|| malformed("a change: no textDocument"))?;
                let mut document = Object::of(document, "textDocument")?;
                let uri = document.some_text(&["uri"])?;
                let version = document.handle(&["version"])?;
                document.end()?;
                let edits = change.array(&["edits"])?;
                let edits = edits.ok_or_else(|| malformed("a change: edits is missing"))?;
                change.end()?;
                self.edits(&uri, version, edits)
            }
            Some(kind) => {
                let kind = kind.to_owned();
                self.file_operation(&kind, change)
            }
        }
    }

    fn file_operation(&mut self, kind: &str, mut change: Object) -> Result<(), Refusal> {
        change.take(&["annotationId"])?;
        if let Some(options) = change.take(&["options"])? {
            let mut options = Object::of(options, "options")?;
            for name in ["overwrite", "ignoreIfExists", "recursive", "ignoreIfNotExists"] {
                if options.flag(&[name])? {
                    let text = format!("the option {name}: nothing is overwritten or passed over");
                    return Err(Refusal::new(Code::Unsupported, text));
                }
            }
            options.end()?;
        }
        match kind {
            "create" => {
                let path = path_of(&change.some_text(&["uri"])?)?;
                self.add(path, Kind::Created)?;
            }
            "delete" => {
                let path = path_of(&change.some_text(&["uri"])?)?;
                self.add(path, Kind::Deleted)?;
            }
            "rename" => {
                let from = path_of(&change.some_text(&["oldUri"])?)?;
                let to = path_of(&change.some_text(&["newUri"])?)?;
                let file = self.file(&from)?;
                if file.path != file.now {
                    return Err(malformed("a file that is renamed twice"));
                }
                file.now = to;
            }
            other => return Err(malformed(&format!("a change: kind {other:?} is unknown"))),
        }
        change.end()
    }

    fn add(&mut self, path: String, kind: Kind) -> Result<(), Refusal> {
        if self.files.iter().any(|file| file.now == path || file.path == path) {
            return Err(malformed(&format!("{path:?} comes or goes besides another change")));
        }
        if self.files.len() == FILES {
            return Err(Refusal::new(Code::TooLarge, format!("more than {FILES} files")));
        }
        let (now, handle) = (path.clone(), self.handle);
        self.files.push(File { path, now, handle, finds: Vec::new(), kind });
        Ok(())
    }

    /// Returns the file that stands at `path` so far.
    fn file(&mut self, path: &str) -> Result<&mut File, Refusal> {
        let known = self.files.iter().position(|file| file.now == path);
        let index = match known {
            Some(index) => index,
            None => {
                self.add(path.to_owned(), Kind::Known)?;
                self.files.len() - 1
            }
        };
        Ok(&mut self.files[index])
    }

    fn edits(
        &mut self,
        uri: &str,
        version: Option<Handle>,
        edits: Vec<Value>,
    ) -> Result<(), Refusal> {
        let file = self.file(&path_of(uri)?)?;
        if file.kind == Kind::Deleted {
            return Err(malformed("a file that is deleted and edited"));
        }
        if let Some(version) = version {
            if file.handle.is_some_and(|handle| handle != version) {
                return Err(malformed("a document in two versions"));
            }
            file.handle = Some(version);
        }
        for edit in edits {
            file.finds.push(text_edit(edit)?);
        }
        Ok(())
    }

    fn draft(self) -> Result<Draft, Refusal> {
        let files: Result<Vec<DraftFile>, Refusal> =
            self.files.into_iter().map(File::draft).collect();
        let files = files?;
        match files.is_empty() {
            true => Err(malformed("the edit changes nothing")),
            false => Ok(Draft { files }),
        }
    }
}

impl File {
    fn draft(self) -> Result<DraftFile, Refusal> {
        let File { path, now, handle, finds, kind } = self;
        let to = (now != path).then_some(Destination { path: now, handle: None });
        let task = match kind {
            Kind::Deleted => Task::Remove { old: None },
            Kind::Created => Task::Create { text: created(finds)? },
            Kind::Known if finds.is_empty() && to.is_none() => {
                return Err(malformed("no edit for this file").at(&path));
            }
            Kind::Known => Task::Edit { finds, final_newline: None, to },
        };
        let handle = handle.filter(|_| kind != Kind::Created);
        Ok(DraftFile { path, handle, task })
    }
}

/// Returns the text of a new file, into which everything goes at its start.
fn created(finds: Vec<Find>) -> Result<String, Refusal> {
    let start = Position { line: 0, character: 0 };
    let text = |find: Find| match find {
        Find::Span { start: from, end, new } if from == start && end == start => Ok(new),
        _ => Err(malformed("an edit of a new file lies behind its start")),
    };
    finds.into_iter().map(text).collect()
}

fn text_edit(edit: Value) -> Result<Find, Refusal> {
    let mut edit = Object::of(edit, "a text edit")?;
    if edit.take(&["snippet"])?.is_some() {
        return Err(Refusal::new(Code::Unsupported, "snippets"));
    }
    edit.take(&["annotationId"])?;
    let range = edit.take(&["range"])?;
    let range = range.ok_or_else(|| malformed("a text edit: range is missing"))?;
    let mut range = Object::of(range, "a range")?;
    let (start, end) = (position(range.take(&["start"])?)?, position(range.take(&["end"])?)?);
    range.end()?;
    let new = edit.some_text(&["newText"])?;
    edit.end()?;
    Ok(Find::Span { start, end, new })
}

fn position(value: Option<Value>) -> Result<Position, Refusal> {
    let value = value.ok_or_else(|| malformed("a range: an end is missing"))?;
    let mut position = Object::of(value, "a position")?;
    let (line, character) = (position.number(&["line"])?, position.number(&["character"])?);
    position.end()?;
    match (line, character) {
        (Some(line), Some(character)) => Ok(Position { line, character }),
        _ => Err(malformed("a position: line and character")),
    }
}

/// Returns the path in a URI of a file; what is no URI is a path.
fn path_of(uri: &str) -> Result<String, Refusal> {
    let Some(rest) = uri.strip_prefix("file://") else {
        return match uri.contains("://") {
            true => Err(malformed(&format!("{uri:?} is no file"))),
            false => Ok(uri.to_owned()),
        };
    };
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let mut bytes = Vec::new();
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (digit(left.next()), digit(left.next())) {
            (Some(high), Some(low)) => bytes.push((high << 4 | low) as u8),
            _ => return Err(malformed(&format!("{uri:?} is no URI"))),
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed(&format!("{uri:?} is not UTF-8")))
}

/// Returns the draft as text.
///
/// # Errors
/// `unsupported` where it asks for what this format cannot say.
pub(super) fn write(draft: &Draft) -> Result<String, Refusal> {
    let mut changes = Vec::new();
    for file in &draft.files {
        write_file(file, &mut changes)?;
    }
    Ok(json::object(&[("documentChanges", json::array(&changes))]))
}

fn write_file(file: &DraftFile, changes: &mut Vec<String>) -> Result<(), Refusal> {
    let unsayable = || super::unsayable(file, "lsp");
    let path = &file.path;
    if path.starts_with("file://") || path.contains("://") {
        return Err(unsayable());
    }
    match &file.task {
        Task::Create { text } => {
            changes.push(file_change("create", &[("uri", path)]));
            if !text.is_empty() {
                let start = Position { line: 0, character: 0 };
                let find = Find::Span { start, end: start, new: text.clone() };
                changes.push(edits_of(path, None, &[find]).ok_or_else(unsayable)?);
            }
        }
        Task::Remove { old: None } => changes.push(file_change("delete", &[("uri", path)])),
        Task::Edit { finds, final_newline: None, to } => {
            if !finds.is_empty() {
                changes.push(edits_of(path, file.handle, finds).ok_or_else(unsayable)?);
            }
            if let Some(Destination { path: to, handle: None }) = to {
                changes.push(file_change("rename", &[("oldUri", path), ("newUri", to)]));
            } else if to.is_some() {
                return Err(unsayable());
            }
        }
        _ => return Err(unsayable()),
    }
    Ok(())
}

fn file_change(kind: &str, uris: &[(&str, &str)]) -> String {
    let mut fields = vec![("kind", json::string(kind))];
    fields.extend(uris.iter().map(|(name, uri)| (*name, json::string(uri))));
    json::object(&fields)
}

fn edits_of(path: &str, handle: Option<Handle>, finds: &[Find]) -> Option<String> {
    let place = |at: Position| {
        json::object(&[("line", at.line.to_string()), ("character", at.character.to_string())])
    };
    let edit = |find: &Find| match find {
        Find::Span { start, end, new } => {
            let range = json::object(&[("start", place(*start)), ("end", place(*end))]);
            Some(json::object(&[("range", range), ("newText", json::string(new))]))
        }
        _ => None,
    };
    let edits: Option<Vec<String>> = finds.iter().map(edit).collect();
    let version = handle.map_or("null".to_owned(), |handle| handle.to_string());
    let document = json::object(&[("uri", json::string(path)), ("version", version)]);
    Some(json::object(&[("textDocument", document), ("edits", json::array(&edits?))]))
}
