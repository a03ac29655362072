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

use serde_json::{Map, Value, json};

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
    let mut out = Map::new();
    out.insert("path".into(), file.path.as_str().into());
    if let Some(handle) = file.handle {
        out.insert("handle".into(), handle.to_string().into());
    }
    let quotes: Option<Vec<Value>> = match &file.task {
        Task::Create { text } => Some(vec![json!({"old_string": "", "new_string": text})]),
        Task::Edit { finds, final_newline: None, to: None } => finds.iter().map(quote).collect(),
        _ => None,
    };
    let mut quotes = quotes.ok_or_else(|| super::unsayable(file, "replace"))?;
    match (quotes.pop(), quotes.is_empty()) {
        (Some(Value::Object(only)), true) => out.extend(only),
        (last, _) => {
            quotes.extend(last);
            out.insert("edits".into(), quotes.into());
        }
    }
    Ok(Value::Object(out).to_string())
}

fn quote(find: &Find) -> Option<Value> {
    let Find::Text(Quote { old, new, all, .. }) = find else { return None };
    let mut quote = json!({"old_string": old, "new_string": new});
    if *all {
        quote["replace_all"] = true.into();
    }
    Some(quote)
}
