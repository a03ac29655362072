//! What an honest server of the fake language answers.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::language;
use crate::script::Script;
use crate::world::{World, lock};

/// Returns the answer to `method`: an object with `result` or `error`.
pub(crate) fn answer(world: &Mutex<World>, script: &Script, method: &str, params: &Value) -> Value {
    let world = &*lock(world);
    let result = match method {
        "initialize" => initialize(world, script),
        "shutdown" => Value::Null,
        "fake/state" => state(world, params),
        "textDocument/diagnostic" => {
            json!({ "kind": "full", "items": world.findings(uri(params)) })
        }
        "textDocument/prepareRename" => prepare(world, params),
        "textDocument/references" => places(world, params, ""),
        "textDocument/definition" => places(world, params, "def "),
        "textDocument/hover" => hover(world, params),
        "textDocument/documentSymbol" => symbols(world, uri(params)),
        "workspace/symbol" => workspace_symbols(world, params),
        "textDocument/formatting" => formatting(world, uri(params)),
        "textDocument/codeAction" => code_actions(world, params),
        "workspace/willRenameFiles" => will_rename(world, params),
        _ => {
            let message = format!("the fake server has no {method}");
            return json!({ "error": { "code": -32601, "message": message } });
        }
    };
    json!({ "result": result })
}

fn uri(params: &Value) -> &str {
    params["textDocument"]["uri"].as_str().unwrap_or_default()
}

fn initialize(world: &World, script: &Script) -> Value {
    let mut capabilities = json!({
        "positionEncoding": world.columns,
        "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
        "renameProvider": { "prepareProvider": true },
        "referencesProvider": true, "definitionProvider": true, "hoverProvider": true,
        "documentSymbolProvider": true, "workspaceSymbolProvider": true,
        "documentFormattingProvider": true, "codeActionProvider": true,
        "workspace": { "fileOperations": { "willRename": { "filters": [
            { "scheme": "file", "pattern": { "glob": "**/*.fake" } }] } } },
    });
    for (name, value) in script.capabilities.as_object().into_iter().flatten() {
        match value {
            Value::Null => {
                capabilities.as_object_mut().map(|all| all.remove(name));
            }
            value => capabilities[name] = value.clone(),
        }
    }
    json!({ "capabilities": capabilities, "serverInfo": { "name": "fake", "version": "1" } })
}

/// Returns what the server holds, for tests that look inside.
fn state(world: &World, params: &Value) -> Value {
    let document = world.documents.get(uri(params));
    json!({
        "text": document.map(|(_, text)| text),
        "version": document.map(|(version, _)| version),
        "open": world.documents.keys().collect::<Vec<_>>(),
        "log": world.log, "answers": world.answers, "last": world.last, "root": world.root,
    })
}

/// Returns the word that a request points at, with its row and line.
fn word<'a>(world: &'a World, params: &Value) -> Option<(String, &'a str, usize, (usize, usize))> {
    let (_, text) = world.documents.get(uri(params))?;
    let at = world.offset(text, &params["position"]);
    let line = text[..at].matches('\n').count();
    let row = text.split('\n').nth(line)?;
    let start = text[..at].rfind('\n').map_or(0, |before| before + 1);
    let place = language::word_at(row, at - start)?;
    Some((row[place.0..place.1].to_owned(), row, line, place))
}

fn prepare(world: &World, params: &Value) -> Value {
    word(world, params).map_or(Value::Null, |(name, row, line, (start, end))| {
        json!({ "range": world.range(row, line, start, end), "placeholder": name })
    })
}

/// Returns the locations of the word, of those rows that begin with `before`.
fn places(world: &World, params: &Value, before: &str) -> Value {
    let Some((name, ..)) = word(world, params) else { return Value::Null };
    let mut found = Vec::new();
    for (uri, text) in world.files() {
        for (line, row) in text.split('\n').enumerate().filter(|(_, row)| row.starts_with(before)) {
            for (start, end) in language::places(row, &name) {
                let range = world.range(row, line, start, end);
                found.push(json!({ "uri": uri, "range": range }));
            }
        }
    }
    json!(found)
}

fn hover(world: &World, params: &Value) -> Value {
    word(world, params).map_or(Value::Null, |(name, ..)| {
        json!({ "contents": { "kind": "markdown", "value": format!("the name `{name}`") } })
    })
}

fn symbols(world: &World, uri: &str) -> Value {
    let Some((_, text)) = world.documents.get(uri) else { return Value::Null };
    let rows = text.split('\n').enumerate();
    let found = rows.filter_map(|(line, row)| {
        let name = language::after_word(row, "def ")?;
        let start = row.find(name)?;
        Some(json!({
            "name": name, "kind": 12, "range": world.range(row, line, 0, row.len()),
            "selectionRange": world.range(row, line, start, start + name.len()),
        }))
    });
    found.collect()
}

fn workspace_symbols(world: &World, params: &Value) -> Value {
    let query = params["query"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    for (uri, text) in world.files() {
        for (line, row) in text.split('\n').enumerate() {
            let name = language::after_word(row, "def ").filter(|name| name.contains(query));
            if let Some(name) = name {
                let range = world.range(row, line, 0, row.len());
                let location = json!({ "uri": uri, "range": range });
                found.push(json!({ "name": name, "kind": 12, "location": location }));
            }
        }
    }
    json!(found)
}

/// Returns edits that take white space from the ends of lines.
fn formatting(world: &World, uri: &str) -> Value {
    let Some((_, text)) = world.documents.get(uri) else { return Value::Null };
    let rows = text.split('\n').enumerate();
    let edits = rows.filter(|(_, row)| row.trim_end().len() < row.len()).map(|(line, row)| {
        let range = world.range(row, line, row.trim_end().len(), row.len());
        json!({ "range": range, "newText": "" })
    });
    edits.collect()
}

/// Returns one action that removes each error in the range, one that only runs
/// a command, and one that sorts the lines that use names.
fn code_actions(world: &World, params: &Value) -> Value {
    let uri = uri(params);
    let Some((_, text)) = world.documents.get(uri) else { return Value::Null };
    let first = params["range"]["start"]["line"].as_u64().unwrap_or_default() as usize;
    let last = params["range"]["end"]["line"].as_u64().unwrap_or_default() as usize;
    let mut actions = Vec::new();
    for (line, row) in text.split('\n').enumerate() {
        if let (Some(start), true) = (row.find("ERROR"), (first..=last).contains(&line)) {
            let edit = json!({ "range": world.range(row, line, start, row.len()), "newText": "" });
            actions.push(json!({
                "title": "Remove the error", "kind": "quickfix", "isPreferred": true,
                "edit": { "changes": { uri: [edit] } },
            }));
        }
    }
    actions.push(json!({
        "title": "Run a program", "kind": "source",
        "command": { "title": "Run", "command": "fake.run", "arguments": [] },
    }));
    json!(actions)
}

fn will_rename(world: &World, params: &Value) -> Value {
    let stem = |uri: &Value| {
        let name = uri.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(".fake").to_owned()
    };
    let old = stem(&params["files"][0]["oldUri"]);
    let new = stem(&params["files"][0]["newUri"]);
    json!({ "changes": replaced(world, &old, &new, None) })
}

/// Returns what a rename does, in the first `files` files only where that is
/// given.
pub(crate) fn rename(
    world: &Mutex<World>,
    script: &Script,
    params: &Value,
    files: Option<usize>,
) -> Value {
    let world = &*lock(world);
    let Some((name, ..)) = word(world, params) else { return Value::Null };
    let new = params["newName"].as_str().unwrap_or_default();
    let first = files.map(|count| (count, uri(params)));
    let changes = replaced(world, &name, new, first);
    match &script.document_changes {
        None => json!({ "changes": changes }),
        Some(version) => {
            let changes = changes.as_object().into_iter().flatten();
            let entries = changes.map(|(uri, edits)| {
                let document = json!({ "uri": uri, "version": version });
                json!({ "textDocument": document, "edits": edits })
            });
            json!({ "documentChanges": entries.collect::<Vec<_>>() })
        }
    }
}

/// Returns edits by document that replace the word `old`, in all files, or in
/// so many of them and one that must be among them.
fn replaced(world: &World, old: &str, new: &str, first: Option<(usize, &str)>) -> Value {
    let mut changes = serde_json::Map::new();
    let mut files: Vec<(String, String)> = world.files().into_iter().collect();
    if let Some((count, named)) = first {
        files.sort_by_key(|(uri, _)| uri != named);
        files.truncate(count);
    }
    for (uri, text) in files {
        let mut edits = Vec::new();
        for (line, row) in text.split('\n').enumerate() {
            for (start, end) in language::places(row, old) {
                let range = world.range(row, line, start, end);
                edits.push(json!({ "range": range, "newText": new }));
            }
        }
        if !edits.is_empty() {
            changes.insert(uri, json!(edits));
        }
    }
    Value::Object(changes)
}
