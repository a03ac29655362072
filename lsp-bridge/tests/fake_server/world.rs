//! What the fake server knows: open documents, the files of the workspace, and
//! what has happened.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::language;
use crate::script::Script;

/// The state of the server.
#[derive(Default)]
pub(crate) struct World {
    /// The workspace, as a URI.
    pub(crate) root: String,
    /// Open documents by their URI, with their version.
    pub(crate) documents: BTreeMap<String, (i64, String)>,
    /// Whether closed files are known.
    pub(crate) indexed: bool,
    /// Every method that came.
    pub(crate) log: Vec<String>,
    /// The content of the last message of each method.
    pub(crate) last: BTreeMap<String, Value>,
    /// Every answer that came.
    pub(crate) answers: Vec<Value>,
    /// `utf-8`, `utf-16` or `utf-32`.
    pub(crate) columns: String,
    /// Whether the script chose the unit of columns.
    forced: bool,
}

/// Locks the state; a thread that panicked before does not matter here.
pub(crate) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(script: &Script) -> World {
        let columns = script.columns.clone();
        World {
            indexed: true,
            forced: columns.is_some(),
            columns: columns.unwrap_or_else(|| "utf-16".to_owned()),
            ..World::default()
        }
    }

    /// Follows the documents and the handshake.
    pub(crate) fn track(&mut self, method: &str, params: &Value) {
        let document = &params["textDocument"];
        let uri = document["uri"].as_str().unwrap_or_default().to_owned();
        let version = document["version"].as_i64().unwrap_or_default();
        match method {
            "initialize" => self.initialize(params),
            "textDocument/didOpen" => {
                let text = document["text"].as_str().unwrap_or_default().to_owned();
                self.documents.insert(uri, (version, text));
            }
            "textDocument/didChange" => {
                let changes = params["contentChanges"].as_array().cloned().unwrap_or_default();
                let mut text = self.documents.remove(&uri).unwrap_or_default().1;
                for change in changes {
                    text = self.changed(&text, &change);
                }
                self.documents.insert(uri, (version, text));
            }
            "textDocument/didClose" => {
                self.documents.remove(&uri);
            }
            _ => {}
        }
    }

    fn initialize(&mut self, params: &Value) {
        self.root = params["rootUri"].as_str().unwrap_or_default().to_owned();
        let offered = params["capabilities"]["general"]["positionEncodings"].as_array();
        let first = offered.and_then(|offered| offered.first()?.as_str());
        if let Some(first) = first.filter(|_| !self.forced) {
            self.columns = first.to_owned();
        }
    }

    fn changed(&self, text: &str, change: &Value) -> String {
        let new = change["text"].as_str().unwrap_or_default();
        if change["range"].is_null() {
            return new.to_owned();
        }
        let start = self.offset(text, &change["range"]["start"]);
        let end = self.offset(text, &change["range"]["end"]);
        format!("{}{new}{}", &text[..start], &text[end..])
    }

    /// Returns the byte of `text` that a position means.
    pub(crate) fn offset(&self, text: &str, position: &Value) -> usize {
        let line = position["line"].as_u64().unwrap_or_default() as usize;
        let column = position["character"].as_u64().unwrap_or_default() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let row = text[start..].split('\n').next().unwrap_or_default();
        let mut passed = 0;
        for (at, c) in row.char_indices() {
            if passed >= column {
                return start + at;
            }
            passed += self.units(c);
        }
        start + row.len()
    }

    fn units(&self, c: char) -> usize {
        match self.columns.as_str() {
            "utf-8" => c.len_utf8(),
            "utf-32" => 1,
            _ => c.len_utf16(),
        }
    }

    /// Returns the range of bytes `start..end` of line `line`.
    pub(crate) fn range(&self, row: &str, line: usize, start: usize, end: usize) -> Value {
        let column = |at: usize| row[..at].chars().map(|c| self.units(c)).sum::<usize>();
        json!({
            "start": { "line": line, "character": column(start) },
            "end": { "line": line, "character": column(end) },
        })
    }

    /// Returns all files of the workspace by URI, open ones as they are open.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        if let Some(path) = self.root.strip_prefix("file://") {
            collect(Path::new(path), path, &self.root, &mut files);
        }
        for (uri, (_, text)) in &self.documents {
            files.insert(uri.clone(), text.clone());
        }
        files
    }

    /// Returns the findings of an open document, as the protocol has them.
    pub(crate) fn findings(&self, uri: &str) -> Value {
        let Some((_, text)) = self.documents.get(uri) else { return json!([]) };
        let files = self.files();
        let names: Vec<&str> = files
            .values()
            .flat_map(|text| text.lines().filter_map(|row| language::after_word(row, "def ")))
            .collect();
        let found = language::findings(text, |name| names.contains(&name));
        let rows: Vec<&str> = text.lines().collect();
        let shown = found.iter().map(|one| {
            json!({
                "range": self.range(rows[one.line], one.line, one.start, one.end),
                "severity": one.severity, "code": one.code, "source": "fake",
                "message": one.message,
            })
        });
        shown.collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's server reads a test's files")]
fn collect(folder: &Path, root: &str, root_uri: &str, files: &mut BTreeMap<String, String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, root, root_uri, files);
        } else if path.extension().is_some_and(|extension| extension == "fake") {
            insert(&path, root, root_uri, std::fs::read_to_string(&path).ok(), files);
        }
    }
}

fn insert(
    path: &Path,
    root: &str,
    root_uri: &str,
    text: Option<String>,
    files: &mut BTreeMap<String, String>,
) {
    let relative = path.strip_prefix(root).ok().and_then(Path::to_str);
    if let (Some(relative), Some(text)) = (relative, text) {
        files.insert(format!("{root_uri}/{relative}"), text);
    }
}
