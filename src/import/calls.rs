//! Calls of the tools of others: what they read, write and edit.

use engine::format::{Given, read, recognise};
use serde_json::{Value, json};

/// What a call is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// It shows a file: whole, or a part of it.
    Read {
        /// The file.
        path: String,
        /// Whether no part was asked for.
        whole: bool,
    },
    /// It makes a file, or writes it anew.
    Write {
        /// The file.
        path: String,
        /// All it holds from then on.
        content: String,
    },
    /// It edits files.
    Edit(Edit),
    /// It may have changed a file in a way that is not followed.
    Unfollowed(String),
    /// It is about no file that can be told.
    Other,
}

/// An edit as it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edit {
    /// The format of ours that reads it.
    pub(super) format: &'static str,
    /// The edit in this format.
    pub(super) text: String,
    /// The files.
    pub(super) paths: Vec<String>,
    /// Old text, new text, and whether it is replaced everywhere; where that is
    /// all that the edit says.
    pub(super) quotes: Vec<(String, String, bool)>,
}

const PATHS: [&str; 6] = ["path", "file_path", "filePath", "target_file", "filename", "file"];
const OLD: [&str; 6] = ["old_string", "oldString", "old_str", "old_text", "oldText", "oldStr"];
const NEW: [&str; 6] = ["new_string", "newString", "new_str", "new_text", "newText", "newStr"];
const CONTENTS: [&str; 4] = ["content", "file_text", "contents", "text"];
const PARTS: [&str; 7] =
    ["offset", "limit", "view_range", "start_line", "end_line", "startLine", "endLine"];

/// The first and the last row of a patch.
const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

/// Returns what a call is about.
pub(super) fn kind(name: &str, arguments: &Value) -> Kind {
    // Names bear those of their servers before them.
    let name = name.rsplit(['.', '/']).next().unwrap_or(name);
    let name = name.rsplit("__").next().unwrap_or(name).to_lowercase();
    if let Some(patch) = texts(arguments).find_map(patch) {
        return edit("patch", patch);
    }
    let Some(path) = field(arguments, &PATHS) else {
        return shown_by_shell(arguments);
    };
    let path = relative(path);
    if let Some(diff) = texts(arguments).find(|text| text.contains("<<<<<<< SEARCH")) {
        return edit("blocks", format!("{path}\n{}\n", diff.trim_end_matches('\n')));
    }
    let command = arguments["command"].as_str().unwrap_or(&name);
    let quotes = quotes(arguments);
    if !quotes.is_empty() {
        return Kind::Edit(quoted(path, quotes));
    }
    match field(arguments, &CONTENTS) {
        Some(content) if command.contains("write") || command.contains("create") => {
            Kind::Write { path, content: content.to_owned() }
        }
        _ if command.contains("read") || command.contains("view") || command == "cat" => {
            let whole = PARTS.iter().all(|part| arguments[*part].is_null());
            Kind::Read { path, whole }
        }
        // Inserting, undoing and whatever else there is.
        _ => Kind::Unfollowed(path),
    }
}

/// Returns the edit in a reply of the model, if it is one.
pub(super) fn in_reply(reply: &str) -> Option<Edit> {
    let marked = [BEGIN, "<<<<<<< SEARCH", "\n+++ "].iter().any(|mark| reply.contains(mark));
    let found = recognise(reply, Given::default()).ok().filter(|_| marked)?;
    let format = ["patch", "blocks", "udiff"].into_iter().find(|name| *name == found.name)?;
    match edit(format, found.text.to_owned()) {
        Kind::Edit(edit) => Some(edit),
        _ => None,
    }
}

fn edit(format: &'static str, text: String) -> Kind {
    let paths = match read(format, &text, Given::default()) {
        Ok(draft) => draft.files.into_iter().map(|file| file.path).collect(),
        // What our reader refuses may be read by others: the rows say the files.
        Err(_) => named(format, &text),
    };
    match paths.is_empty() {
        true => Kind::Other,
        false => Kind::Edit(Edit { format, text, paths, quotes: Vec::new() }),
    }
}

/// Returns the files that a text names which could not be read.
fn named(format: &str, text: &str) -> Vec<String> {
    let marks: &[&str] = match format {
        "patch" => &["*** Update File: "],
        "udiff" => &["+++ b/", "+++ "],
        _ => return text.lines().next().map(|path| path.trim().to_owned()).into_iter().collect(),
    };
    let name = |row: &str| marks.iter().find_map(|mark| row.strip_prefix(mark)).map(str::to_owned);
    let mut paths: Vec<String> = text.lines().filter_map(name).collect();
    paths.dedup();
    paths
}

fn quoted(path: String, quotes: Vec<(String, String, bool)>) -> Edit {
    let one = |(old, new, all): &(String, String, bool)| match all {
        true => json!({"old_string": old, "new_string": new, "replace_all": true}),
        false => json!({"old_string": old, "new_string": new}),
    };
    let edits: Vec<Value> = quotes.iter().map(one).collect();
    let text = json!({"path": path, "edits": edits}).to_string();
    Edit { format: "replace", text, paths: vec![path], quotes }
}

/// Returns the quotes of a call, or of the list of them that it has.
fn quotes(arguments: &Value) -> Vec<(String, String, bool)> {
    let lists = ["edits", "replacements", "changes"];
    let list = lists.iter().find_map(|name| arguments[*name].as_array());
    let one = |of: &Value| {
        let (old, new) = (field(of, &OLD)?, field(of, &NEW).unwrap_or(""));
        let all = ["replace_all", "replaceAll"].iter().any(|name| of[*name] == true);
        Some((old.to_owned(), new.to_owned(), all))
    };
    match list {
        Some(list) => list.iter().filter_map(one).collect(),
        None => one(arguments).into_iter().collect(),
    }
}

/// Returns what a shell does with files, where that is plain to see.
fn shown_by_shell(arguments: &Value) -> Kind {
    let command = match (&arguments["command"], &arguments["cmd"]) {
        (Value::Array(words), _) => words.last().and_then(Value::as_str),
        (Value::String(command), _) | (_, Value::String(command)) => Some(command.as_str()),
        _ => None,
    };
    let words: Vec<&str> = command.unwrap_or("").split_whitespace().collect();
    match words[..] {
        ["cat", path] | ["cat", "-n", path] => Kind::Read { path: relative(path), whole: true },
        _ => Kind::Other,
    }
}

/// Returns the patch within a text, its paths made relative.
fn patch(text: &str) -> Option<String> {
    let start = text.find(BEGIN)?;
    let end = text[start..].find(END).map_or(text.len(), |end| start + end + END.len());
    let row = |row: &str| match row.strip_prefix("*** Update File: ") {
        Some(path) => format!("*** Update File: {}\n", relative(path)),
        None => format!("{row}\n"),
    };
    Some(text[start..end].lines().map(row).collect())
}

/// Returns every text among the arguments.
fn texts(arguments: &Value) -> impl Iterator<Item = &str> {
    let own = arguments.as_str();
    let fields = arguments.as_object().into_iter().flat_map(|fields| fields.values());
    let inner = fields.flat_map(|value| match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect::<Vec<_>>(),
    });
    own.into_iter().chain(inner)
}

fn field<'a>(arguments: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| arguments[*name].as_str())
}

/// Returns a path as edits say it here: never absolute, nor through `.`.
pub(super) fn relative(path: &str) -> String {
    let path = path.trim().trim_start_matches("./").trim_start_matches('/');
    path.replace("/./", "/")
}
