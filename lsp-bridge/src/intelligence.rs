//! What servers know: places, symbols, calls, texts. Each answer says what the
//! server knew of its project when it gave it, for an empty list of a server
//! that is still loading means nothing.

use std::ops::Range as Bytes;
use std::sync::Arc;
use std::time::Duration;

use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bridge::{Bridge, Inner, until};
use crate::edits::{Document, change_of};
use crate::error::BridgeError;
use crate::message::{Range, TextEdit};
use crate::position::{byte_range, position};
use crate::rename::at;
use crate::server::{Readiness, Server};
use crate::source_change::FileChange;
use crate::verify::DEPENDENTS_MAX;

/// Places or symbols that one answer may have.
const RESULTS_MAX: usize = 10_000;

/// Symbols whose references are asked for at once.
const SYMBOLS_MAX: usize = 8;

/// How deep symbols may lie in each other.
const DEPTH_MAX: usize = 32;

/// Characters of a text that a server shows.
const TEXT_MAX: usize = 20_000;

/// An answer and what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The server.
    pub server: String,
    /// What it knew of its project when it was asked.
    pub readiness: Readiness,
    /// The answer.
    pub value: T,
}

/// What is asked of a symbol that leads to places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Where it is defined.
    Definition,
    /// Where its type is defined.
    TypeDefinition,
    /// Where it is implemented.
    Implementation,
    /// Where it stands, with its declaration.
    References,
}

impl Question {
    fn method(self) -> &'static str {
        match self {
            Question::Definition => "textDocument/definition",
            Question::TypeDefinition => "textDocument/typeDefinition",
            Question::Implementation => "textDocument/implementation",
            Question::References => "textDocument/references",
        }
    }
}

/// A stretch of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, where it lies in the root.
    pub path: Option<String>,
    /// The file, as the server writes it.
    pub uri: String,
    /// Its first and its last line, from 0.
    pub lines: (usize, usize),
    /// The bytes, where the file lies in the root and can be read.
    pub bytes: Option<Bytes<usize>>,
    /// The content that they are bytes of.
    pub content: Option<engine::hash::ContentHash>,
}

/// A symbol of a file or of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// What it is, in the protocol's words.
    pub kind: &'static str,
    /// What else the server says of it, such as its signature.
    pub detail: String,
    /// The names of what it lies in, the outermost first.
    pub containers: Vec<String>,
    /// All of it.
    pub whole: Location,
    /// Its name in the text.
    pub name_at: Location,
}

/// A call: who calls or is called, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The other end.
    pub symbol: Symbol,
    /// The places of the call, in the file of the caller.
    pub at: Vec<Location>,
}

/// In which direction calls are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Who calls it.
    Incoming,
    /// What it calls.
    Outgoing,
}

/// How a formatter is to indent where nothing else tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indentation {
    /// Columns of one step.
    pub width: u32,
    /// Whether by spaces.
    pub spaces: bool,
}

impl Default for Indentation {
    fn default() -> Indentation {
        Indentation { width: 4, spaces: true }
    }
}

impl Bridge {
    /// Returns the places that lead on from byte `offset` of the file at `path`.
    ///
    /// # Errors
    /// Why there is no server or no answer.
    pub fn places(
        &self,
        path: &str,
        offset: usize,
        question: Question,
        budget: Duration,
    ) -> Result<Answer<Vec<Location>>, BridgeError> {
        self.ask(path, Wanted::method(question.method()), budget, move |asking| async move {
            let mut params = asking.at(offset);
            if question == Question::References {
                params["context"] = json!({ "includeDeclaration": true });
            }
            let answer = asking.ask(question.method(), params).await?;
            Ok(asking.locations(&answer))
        })
    }

    /// Returns what the server shows of the symbol at byte `offset`, as text with
    /// markup; `None` where there is nothing.
    ///
    /// # Errors
    /// Why there is no server or no answer.
    pub fn hover(
        &self,
        path: &str,
        offset: usize,
        budget: Duration,
    ) -> Result<Answer<Option<String>>, BridgeError> {
        self.ask(path, Wanted::method("textDocument/hover"), budget, move |asking| async move {
            let answer = asking.ask("textDocument/hover", asking.at(offset)).await?;
            Ok(text_of(&answer["contents"]).filter(|text| !text.is_empty()))
        })
    }

    /// Returns the symbols of the file at `path`, in the server's order, those
    /// that lie in others behind them.
    ///
    /// # Errors
    /// Why there is no server or no answer.
    pub fn document_symbols(
        &self,
        path: &str,
        budget: Duration,
    ) -> Result<Answer<Vec<Symbol>>, BridgeError> {
        self.ask(path, Wanted::method("textDocument/documentSymbol"), budget, |asking| async move {
            let answer = asking.ask("textDocument/documentSymbol", asking.document()).await?;
            let mut symbols = Vec::new();
            asking.symbols(&answer, &mut Vec::new(), &mut symbols);
            Ok(symbols)
        })
    }

    /// Returns the symbols of the project that `path` belongs to whose names fit
    /// `query`.
    ///
    /// # Errors
    /// Why there is no server or no answer.
    pub fn workspace_symbols(
        &self,
        path: &str,
        query: &str,
        budget: Duration,
    ) -> Result<Answer<Vec<Symbol>>, BridgeError> {
        let query = query.to_owned();
        self.ask(path, Wanted::method("workspace/symbol"), budget, move |asking| async move {
            let answer = asking.ask("workspace/symbol", json!({ "query": query })).await?;
            let mut symbols = Vec::new();
            asking.symbols(&answer, &mut Vec::new(), &mut symbols);
            Ok(symbols)
        })
    }

    /// Returns the other files that stand to be broken by a change of the lines
    /// `lines` (first and last, from 0) of the file at `path`: those that refer to
    /// symbols whose names or bodies lie there, [`DEPENDENTS_MAX`] at most, in
    /// the order of the symbols. To be asked before the change is written, for
    /// nothing refers to what is gone.
    ///
    /// # Errors
    /// Why there is no server or no answer.
    pub fn dependents(
        &self,
        path: &str,
        lines: (usize, usize),
        budget: Duration,
    ) -> Result<Answer<Vec<String>>, BridgeError> {
        self.ask(
            path,
            Wanted::method("textDocument/documentSymbol"),
            budget,
            move |asking| async move {
                let answer = asking.ask("textDocument/documentSymbol", asking.document()).await?;
                let mut symbols = Vec::new();
                asking.symbols(&answer, &mut Vec::new(), &mut symbols);
                symbols.retain(|symbol| {
                    let (first, last) = symbol.whole.lines;
                    first <= lines.1 && lines.0 <= last
                });
                let mut found: Vec<String> = Vec::new();
                for symbol in symbols.iter().take(SYMBOLS_MAX) {
                    let Some(bytes) = &symbol.name_at.bytes else { continue };
                    let mut params = asking.at(asking.name_in(symbol, bytes.clone()));
                    params["context"] = json!({ "includeDeclaration": false });
                    let answer = asking.ask(Question::References.method(), params).await?;
                    for place in asking.locations(&answer) {
                        let other = place.path.filter(|other| *other != asking.path);
                        found.extend(other.filter(|other| !found.contains(other)));
                    }
                    if found.len() >= DEPENDENTS_MAX {
                        break;
                    }
                }
                found.truncate(DEPENDENTS_MAX);
                Ok(found)
            },
        )
    }

    /// Returns the calls of, or from, the function at byte `offset`.
    ///
    /// # Errors
    /// Why there is no server or no answer.
    pub fn calls(
        &self,
        path: &str,
        offset: usize,
        direction: Direction,
        budget: Duration,
    ) -> Result<Answer<Vec<Call>>, BridgeError> {
        self.ask(
            path,
            Wanted::method("textDocument/prepareCallHierarchy"),
            budget,
            move |asking| async move {
                let items =
                    asking.ask("textDocument/prepareCallHierarchy", asking.at(offset)).await?;
                let Some(item) = items.as_array().and_then(|items| items.first()) else {
                    return Ok(Vec::new());
                };
                let (method, end) = match direction {
                    Direction::Incoming => ("callHierarchy/incomingCalls", "from"),
                    Direction::Outgoing => ("callHierarchy/outgoingCalls", "to"),
                };
                let params = json!({ "item": item });
                let answer: Value = asking.server.ask(method, params, asking.until).await?;
                let calls = answer.as_array().into_iter().flatten().take(RESULTS_MAX);
                Ok(calls.filter_map(|call| asking.call(call, end, item)).collect())
            },
        )
    }

    /// Returns what the server's formatter does to the file at `path`; of a part
    /// of it, where `lines` names first and last line, from 0. A server that
    /// formats only whole files is asked for all, and what it does elsewhere is
    /// left out.
    ///
    /// # Errors
    /// Why there is no server, no answer, or none that may be carried out.
    pub fn format(
        &self,
        path: &str,
        lines: Option<(usize, usize)>,
        indentation: Indentation,
        budget: Duration,
    ) -> Result<Answer<FileChange>, BridgeError> {
        self.ask(
            path,
            Wanted::method("textDocument/formatting"),
            budget,
            move |asking| async move {
                let Indentation { width, spaces } = indentation;
                let mut params = asking.document();
                let last_newline = asking.snapshot.lines.final_newline();
                params["options"] = json!({
                    "tabSize": width, "insertSpaces": spaces, "insertFinalNewline": last_newline,
                });
                let method =
                    match lines.filter(|_| asking.server.has("textDocument/rangeFormatting")) {
                        Some((first, last)) => {
                            params["range"] = json!({
                                "start": { "line": first, "character": 0 },
                                "end": { "line": last + 1, "character": 0 },
                            });
                            "textDocument/rangeFormatting"
                        }
                        None => "textDocument/formatting",
                    };
                let answer = asking.ask(method, params).await?;
                asking.formatted(&answer, lines)
            },
        )
    }

    /// Returns the answer to a request that this crate knows nothing of, as the
    /// server of `path` sends it. For what only one server offers; what it
    /// changes goes through no transaction.
    ///
    /// # Errors
    /// Why there is no server or no answer.
    pub fn raw(
        &self,
        path: &str,
        method: &str,
        params: Value,
        budget: Duration,
    ) -> Result<Value, BridgeError> {
        let method = method.to_owned();
        let answer = self.ask(path, Wanted::method(""), budget, move |asking| async move {
            asking.server.ask(&method, params, asking.until).await
        });
        answer.map(|answer| answer.value)
    }

    /// Asks a server for `path` when it has the file's content of now: the one
    /// that is named, else the first that answers `method`.
    pub(crate) fn ask<T, F>(
        &self,
        path: &str,
        wanted: Wanted<'_>,
        budget: Duration,
        question: impl FnOnce(Asking) -> F + Send + 'static,
    ) -> Result<Answer<T>, BridgeError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BridgeError>> + Send,
    {
        let (inner, path) = (Arc::clone(&self.inner), path.to_owned());
        let (method, name) = (wanted.method, wanted.server.map(str::to_owned));
        self.wait(async move {
            let until = until(budget);
            let snapshot = inner.snapshot(&path)?;
            let server = inner.server_with(&path, method, name.as_deref(), until).await?;
            // The turn is held until the answer is there: it is about the
            // documents of now.
            let turn = Arc::clone(&server);
            let _turn = inner.turn(&turn, until).await?;
            let used = Arc::clone(&server);
            let _used = used.in_use();
            inner.catch_up(&server, &[])?;
            server.show(&path, &snapshot)?;
            let (name, readiness) = (server.spec.name.clone(), server.readiness());
            let asking = Asking { inner, server, path, snapshot, until };
            Ok(Answer { server: name, readiness, value: question(asking).await? })
        })?
    }
}

/// Which server is to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// What it must answer; empty where anything will do.
    pub(crate) method: &'static str,
    /// Its name, where it is known.
    pub(crate) server: Option<&'a str>,
}

impl Wanted<'_> {
    /// Returns whoever answers `method`.
    pub(crate) fn method(method: &'static str) -> Wanted<'static> {
        Wanted { method, server: None }
    }
}

/// One question to one server about one file.
pub(crate) struct Asking {
    pub(crate) inner: Arc<Inner>,
    pub(crate) server: Arc<Server>,
    pub(crate) path: String,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) until: Instant,
}

impl Asking {
    pub(crate) async fn ask(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Value, BridgeError> {
        // What is registered late is registered soon behind the start.
        let has = |server: &Server| server.has(method);
        let soon = self.server.started + Duration::from_secs(1);
        if !self.server.until(self.until.min(soon), has).await {
            return Err(BridgeError::NoServer {
                what: "answers that about",
                path: self.path.clone(),
            });
        }
        self.server.ask(method, params, self.until).await
    }

    pub(crate) fn document(&self) -> Value {
        json!({ "textDocument": { "uri": self.server.uri(&self.path) } })
    }

    fn at(&self, offset: usize) -> Value {
        at(&self.server, &self.path, position(&self.snapshot, offset, self.server.encoding))
    }

    /// Returns the locations in an answer: one, a list, or a list of links.
    fn locations(&self, answer: &Value) -> Vec<Location> {
        let list = answer.as_array().map_or(std::slice::from_ref(answer), Vec::as_slice);
        list.iter().take(RESULTS_MAX).filter_map(|one| self.location(one)).collect()
    }

    fn location(&self, one: &Value) -> Option<Location> {
        let uri = one["uri"].as_str().or_else(|| one["targetUri"].as_str())?;
        let ranges = ["range", "targetSelectionRange", "targetRange"];
        let range = ranges.into_iter().map(|name| &one[name]).find(|range| range.is_object())?;
        self.stretch(uri, range)
    }

    fn stretch(&self, uri: &str, range: &Value) -> Option<Location> {
        let range: Range = serde_json::from_value(range.clone()).ok()?;
        let path = self.server.path(uri);
        let snapshot = path.as_deref().and_then(|path| match path == self.path {
            true => Some(Arc::clone(&self.snapshot)),
            false => self.inner.files.snapshot(path),
        });
        let bytes =
            snapshot.as_ref().map(|snapshot| byte_range(snapshot, range, self.server.encoding));
        Some(Location {
            path,
            uri: uri.to_owned(),
            lines: (range.start.line as usize, range.end.line as usize),
            bytes,
            content: snapshot.map(|snapshot| snapshot.hash),
        })
    }

    /// Adds the symbols in `answer`, which are flat or lie in each other.
    fn symbols(&self, answer: &Value, containers: &mut Vec<String>, found: &mut Vec<Symbol>) {
        for one in answer.as_array().into_iter().flatten() {
            if found.len() >= RESULTS_MAX || containers.len() > DEPTH_MAX {
                return;
            }
            if let Some(symbol) = self.symbol(one, &self.server.uri(&self.path), containers) {
                containers.push(symbol.name.clone());
                found.push(symbol);
                self.symbols(&one["children"], containers, found);
                containers.pop();
            }
        }
    }

    /// Returns one symbol, which lies in the document `uri` where it does not
    /// say where.
    fn symbol(&self, one: &Value, uri: &str, containers: &[String]) -> Option<Symbol> {
        let (whole, name_at) = match &one["location"] {
            Value::Null => {
                let uri = one["uri"].as_str().unwrap_or(uri);
                let whole = self.stretch(uri, &one["range"])?;
                let name = self.stretch(uri, &one["selectionRange"]);
                (whole.clone(), name.unwrap_or(whole))
            }
            location => {
                let whole = self.location(location)?;
                (whole.clone(), whole)
            }
        };
        let mut containers = containers.to_vec();
        containers.extend(one["containerName"].as_str().map(str::to_owned));
        containers.retain(|container| !container.is_empty());
        Some(Symbol {
            name: one["name"].as_str()?.to_owned(),
            kind: kind(one["kind"].as_u64()),
            detail: one["detail"].as_str().unwrap_or_default().to_owned(),
            containers,
            whole,
            name_at,
        })
    }

    /// Returns where the name of a symbol stands. Servers that do not tell it
    /// apart from the whole give the whole.
    fn name_in(&self, symbol: &Symbol, bytes: Bytes<usize>) -> usize {
        let name = symbol.name.split(|c: char| !(c.is_alphanumeric() || c == '_')).next();
        let text = self.snapshot.bytes.get(bytes.clone()).unwrap_or_default();
        let at = memchr::memmem::find(text, name.unwrap_or_default().as_bytes());
        bytes.start + at.unwrap_or_default()
    }

    fn call(&self, call: &Value, end: &str, item: &Value) -> Option<Call> {
        let symbol = self.symbol(&call[end], "", &[])?;
        // The ranges of outgoing calls lie in the file of who calls.
        let caller = if end == "from" { &call[end]["uri"] } else { &item["uri"] };
        let ranges = call["fromRanges"].as_array().into_iter().flatten().take(RESULTS_MAX);
        let at = ranges.filter_map(|range| self.stretch(caller.as_str()?, range));
        Some(Call { symbol, at: at.collect() })
    }

    fn formatted(
        &self,
        answer: &Value,
        lines: Option<(usize, usize)>,
    ) -> Result<FileChange, BridgeError> {
        let unreadable =
            |_| Refusal::new(Code::Unsupported, "the formatter's edits cannot be read");
        let edits: Option<Vec<TextEdit>> =
            serde_json::from_value(answer.clone()).map_err(unreadable)?;
        let document = Document {
            uri: &self.server.uri(&self.path),
            version: None,
            snapshot: &self.snapshot,
            encoding: self.server.encoding,
        };
        let edits = edits.unwrap_or_default();
        let change = change_of(&edits, &document).map_err(|refusal| refusal.at(&self.path))?;
        let change = match lines {
            Some(lines) => within(&change, &self.snapshot, lines),
            None => change,
        };
        let before = Arc::clone(&self.snapshot);
        Ok(FileChange { path: self.path.clone(), before, change })
    }
}

/// Returns what of `change` lies within the lines. An edit of the whole file is
/// cut along the lines that it keeps first.
fn within(change: &Change, before: &Snapshot, (first, last): (usize, usize)) -> Change {
    let after = before.after(change);
    let fine = crate::delta::refined(change, before, &after);
    let line = |at: usize| before.lines.line_at(at);
    let edits = fine.edits().iter().filter(|edit| {
        let end = edit.range.end.saturating_sub(usize::from(!edit.range.is_empty()));
        line(edit.range.start) >= first && line(end) <= last
    });
    Change::new(edits.cloned().collect(), before.bytes.len()).unwrap_or_default()
}

/// Returns the text in what a server shows: a text, markup, or a list of these.
fn text_of(contents: &Value) -> Option<String> {
    let text = match contents {
        Value::String(text) => text.clone(),
        Value::Object(fields) => fields.get("value")?.as_str()?.to_owned(),
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().filter_map(text_of).collect();
            parts.join("\n\n")
        }
        _ => return None,
    };
    Some(text.chars().take(TEXT_MAX).collect())
}

/// Returns the protocol's word for a kind of symbol.
fn kind(number: Option<u64>) -> &'static str {
    const KINDS: [&str; 26] = [
        "file",
        "module",
        "namespace",
        "package",
        "class",
        "method",
        "property",
        "field",
        "constructor",
        "enum",
        "interface",
        "function",
        "variable",
        "constant",
        "string",
        "number",
        "boolean",
        "array",
        "object",
        "key",
        "null",
        "enum member",
        "struct",
        "event",
        "operator",
        "type parameter",
    ];
    let index = number.and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
    index.and_then(|index| KINDS.get(index).copied()).unwrap_or("symbol")
}
