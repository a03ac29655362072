//! `replace`: a text and what becomes of it, as the tools of most coding agents
//! take it.
//!
//! ```json
//! {"path": "src/lib.rs", "old_string": "run()", "new_string": "run_all()"}
//! {"path": "src/lib.rs", "edits": [{"old_string": "a", "new_string": "b", "replace_all": true}]}
//! ```
//!
//! Several files are an array, or objects one behind the other. The fields may
//! bear the names that other tools give them; `docs/formats.md` lists them.

use super::builder::{Builder, Given};
use super::json::{self, Object, malformed};
use super::{Draft, DraftFile, Find, Quote, Task};
use crate::error::Refusal;

/// The names of the fields, ours first.
pub(super) const PATH: [&str; 6] =
    ["path", "file_path", "filePath", "target_file", "filename", "file"];
pub(super) const OLD: [&str; 7] =
    ["old_string", "oldString", "old_str", "old_text", "oldText", "search", "old"];
pub(super) const NEW: [&str; 7] =
    ["new_string", "newString", "new_str", "new_text", "newText", "replace", "new"];
const ALL: [&str; 3] = ["replace_all", "replaceAll", "all"];
const EDITS: [&str; 3] = ["edits", "replacements", "changes"];
const HANDLE: [&str; 1] = ["handle"];

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
    let path = match (given.path, file.text(&PATH)?) {
        (_, Some(path)) => path,
        (Some(path), None) => path.to_owned(),
        (None, None) => return Err(malformed("the edit: path is missing")),
    };
    let handle = file.handle(&HANDLE)?.or(given.handle);
    let edits = file.array(&EDITS)?;
    let Some(edits) = edits else {
        let quote = read_quote(&mut file)?;
        file.end()?;
        return add(&path, handle, quote, builder);
    };
    file.end()?;
    if edits.is_empty() {
        return Err(malformed("the edit: edits is empty"));
    }
    for edit in edits {
        let mut edit = Object::of(edit, "an edit")?;
        let quote = read_quote(&mut edit)?;
        edit.end()?;
        add(&path, handle, quote, builder)?;
    }
    Ok(())
}

fn read_quote(edit: &mut Object) -> Result<Quote, Refusal> {
    Ok(Quote {
        old: edit.some_text(&OLD)?,
        new: edit.some_text(&NEW)?,
        all: edit.flag(&ALL)?,
        ..Quote::default()
    })
}

/// Adds a quote; one without old text makes the file.
fn add(
    path: &str,
    handle: Option<crate::anchor::Handle>,
    quote: Quote,
    builder: &mut Builder,
) -> Result<(), Refusal> {
    if quote.old.is_empty() {
        let refuse = |_| malformed("an empty old_string makes a new file, and is its only edit");
        return builder.file(path, None, Task::Create { text: quote.new }).map_err(refuse);
    }
    builder.edit(path, handle)?;
    builder.push(Find::Text(quote));
    Ok(())
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
    let mut fields = vec![("path", json::string(&file.path))];
    fields.extend(file.handle.map(|handle| ("handle", json::string(&handle.to_string()))));
    let quotes: Option<Vec<Vec<Field>>> = match &file.task {
        Task::Create { text } => Some(vec![quote("", text, false)]),
        Task::Edit { finds, final_newline: None, to: None } => finds
            .iter()
            .map(|find| match find {
                Find::Text(Quote { old, new, all, .. }) => Some(quote(old, new, *all)),
                _ => None,
            })
            .collect(),
        _ => None,
    };
    let quotes = quotes.ok_or_else(|| super::unsayable(file, "replace"))?;
    match &quotes[..] {
        [only] => fields.extend(only.iter().cloned()),
        _ => {
            let quotes: Vec<String> = quotes.iter().map(|quote| json::object(quote)).collect();
            fields.push(("edits", json::array(&quotes)));
        }
    }
    Ok(json::object(&fields))
}

/// A name and its value, which is JSON already.
type Field = (&'static str, String);

fn quote(old: &str, new: &str, all: bool) -> Vec<Field> {
    let mut fields = vec![("old_string", json::string(old)), ("new_string", json::string(new))];
    if all {
        fields.push(("replace_all", "true".to_owned()));
    }
    fields
}
