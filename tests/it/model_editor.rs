//! A model of an editor: it speaks the real protocol to the real `anchord lsp`,
//! and knows at every moment what its documents hold.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{PATIENCE, World};

/// How an editor treats an edit that is of an older version of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It refuses it.
    Honest,
    /// It throws it away and says that it made it.
    Liar,
    /// It refuses every edit.
    Unwilling,
    /// It does not answer.
    Silent,
}

/// A document: its version, its text, and what an undo would bring back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    pub(crate) version: i64,
    pub(crate) text: String,
    undo: Vec<String>,
}

/// The editor.
pub(crate) struct Model {
    stream: UnixStream,
    child: Child,
    root: PathBuf,
    input: Vec<u8>,
    next: u64,
    pub(crate) manner: Manner,
    /// Whether it tells of a change before it answers the request that made it.
    pub(crate) tells_first: bool,
    pub(crate) texts: BTreeMap<String, Text>,
    /// What came in and was neither an answer nor an edit.
    pub(crate) heard: VecDeque<Value>,
    /// The edits that it did not answer.
    pub(crate) unanswered: Vec<Value>,
    /// How many edits of the service it made.
    pub(crate) made: usize,
}

impl Model {
    /// Starts `anchord lsp` and introduces itself.
    pub(crate) fn start(world: &World) -> Model {
        let root = world.root.to_str().unwrap();
        let arguments = ["lsp", "--root", root, "--durability", "none", "--idle-exit", "1"];
        let (stream, child) = world.start(&arguments);
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut model = Model {
            stream,
            child,
            root: world.root.clone(),
            input: Vec::new(),
            next: 0,
            manner: Manner::Honest,
            tells_first: false,
            texts: BTreeMap::new(),
            heard: VecDeque::new(),
            unanswered: Vec::new(),
            made: 0,
        };
        let capabilities = json!({
            "general": {"positionEncodings": ["utf-16"]},
            "window": {"workDoneProgress": true},
            "workspace": {"applyEdit": true, "workspaceEdit": {"documentChanges": true},
                          "codeLens": {"refreshSupport": true}},
        });
        let params = json!({
            "processId": null, "rootUri": model.uri(""), "capabilities": capabilities,
            "clientInfo": {"name": "model", "version": "1"},
        });
        let known = model.request("initialize", &params);
        assert_eq!(known["serverInfo"]["name"], "anchord", "{known}");
        model.tell("initialized", &json!({}));
        model
    }

    /// Returns what a file is called.
    pub(crate) fn uri(&self, name: &str) -> String {
        let path = if name.is_empty() { self.root.clone() } else { self.root.join(name) };
        format!("file://{}", path.to_str().unwrap())
    }

    /// Opens a file with this text.
    pub(crate) fn open(&mut self, name: &str, text: &str) {
        let uri = self.uri(name);
        let document = json!({"uri": uri, "languageId": "text", "version": 1, "text": text});
        self.tell("textDocument/didOpen", &json!({ "textDocument": document }));
        let text = Text { version: 1, text: text.to_owned(), undo: Vec::new() };
        self.texts.insert(name.to_owned(), text);
        self.listen_until("the service to know the document", |model| {
            let params = json!({"textDocument": {"uri": model.uri(name)}});
            !model.request("anchord/anchors", &params).is_null()
        });
    }

    /// Types: the bytes of a range become a text.
    pub(crate) fn replace(&mut self, name: &str, range: std::ops::Range<usize>, new: &str) {
        let uri = self.uri(name);
        let text = self.texts.get_mut(name).unwrap();
        let (start, end) = (place(&text.text, range.start), place(&text.text, range.end));
        text.undo.push(text.text.clone());
        text.text.replace_range(range, new);
        text.version += 1;
        let params = json!({
            "textDocument": {"uri": uri, "version": text.version},
            "contentChanges": [{"range": {"start": start, "end": end}, "text": new}],
        });
        self.tell("textDocument/didChange", &params);
    }

    /// Takes back the last change, whoever made it; returns whether there was one.
    pub(crate) fn undo(&mut self, name: &str) -> bool {
        let Some(before) = self.texts.get_mut(name).unwrap().undo.pop() else { return false };
        self.put(name, before);
        true
    }

    /// Replaces the whole text and tells so.
    fn put(&mut self, name: &str, new: String) {
        let uri = self.uri(name);
        let text = self.texts.get_mut(name).unwrap();
        text.text.clone_from(&new);
        text.version += 1;
        let params = json!({
            "textDocument": {"uri": uri, "version": text.version},
            "contentChanges": [{"text": new}],
        });
        self.tell("textDocument/didChange", &params);
    }

    /// Saves a document.
    pub(crate) fn save(&mut self, name: &str) {
        std::fs::write(self.root.join(name), &self.texts[name].text).unwrap();
        let params = json!({"textDocument": {"uri": self.uri(name)}});
        self.tell("textDocument/didSave", &params);
    }

    /// Closes a document without saving it.
    pub(crate) fn close(&mut self, name: &str) {
        self.texts.remove(name);
        let params = json!({"textDocument": {"uri": self.uri(name)}});
        self.tell("textDocument/didClose", &params);
    }

    /// Answers at last what it did not answer.
    pub(crate) fn answer_late(&mut self) {
        for id in std::mem::take(&mut self.unanswered) {
            self.send(&json!({"jsonrpc": "2.0", "id": id, "result": {"applied": true}}));
        }
    }

    /// Dies without a word.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
    }

    /// Leaves as the protocol wants it; returns the exit code.
    pub(crate) fn leave(mut self) -> i32 {
        self.request("shutdown", &Value::Null);
        self.tell("exit", &Value::Null);
        self.child.wait().unwrap().code().unwrap()
    }

    /// Asks for something and returns the result.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no answer to {method}");
            let Some(mut message) = self.receive(Duration::from_millis(100)) else { continue };
            if message["id"] == id && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
            self.heed(message);
        }
    }

    /// Takes in what comes for a while.
    pub(crate) fn listen(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if let Some(message) = self.receive(left.max(Duration::from_millis(1))) {
                self.heed(message);
            }
            if left.is_zero() {
                return;
            }
        }
    }

    /// Listens until something is so.
    #[track_caller]
    pub(crate) fn listen_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Model) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            self.listen(Duration::from_millis(5));
        }
    }

    fn heed(&mut self, message: Value) {
        match message["method"].as_str() {
            Some("workspace/applyEdit") => self.make(&message),
            Some(_) if message.get("id").is_some() => {
                let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": null});
                self.send(&answer);
                self.heard.push_back(message);
            }
            Some(_) => self.heard.push_back(message),
            None => {}
        }
    }

    /// Makes an edit of the service, or not.
    fn make(&mut self, message: &Value) {
        let change = &message["params"]["edit"]["documentChanges"][0];
        assert!(change["textDocument"]["version"].is_i64(), "a version: {message}");
        let uri = change["textDocument"]["uri"].as_str().unwrap();
        let root = self.uri("");
        let name = uri.strip_prefix(&format!("{root}/")).unwrap().to_owned();
        let text = self.texts.get(&name).cloned().unwrap_or_default();
        let is_late = change["textDocument"]["version"] != text.version;
        let applied = match self.manner {
            Manner::Silent => return self.unanswered.push(message["id"].clone()),
            Manner::Unwilling => false,
            Manner::Liar => true,
            Manner::Honest => !is_late,
        };
        let answer = json!({
            "jsonrpc": "2.0", "id": message["id"], "result": {"applied": applied},
        });
        if is_late || !applied {
            return self.send(&answer);
        }
        let new = with_edits(&text.text, change["edits"].as_array().unwrap());
        self.texts.get_mut(&name).unwrap().undo.push(text.text);
        self.made += 1;
        if self.tells_first {
            self.put(&name, new);
            self.send(&answer);
        } else {
            self.send(&answer);
            self.put(&name, new);
        }
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let whole = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(whole.as_bytes()).unwrap();
    }

    /// Returns the next message, if one comes in time.
    fn receive(&mut self, patience: Duration) -> Option<Value> {
        loop {
            if let Some(message) = self.take() {
                return Some(message);
            }
            self.stream.set_read_timeout(Some(patience)).unwrap();
            let mut bytes = [0; 65536];
            match self.stream.read(&mut bytes) {
                Ok(0) => panic!("anchord lsp has ended"),
                Ok(count) => self.input.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn take(&mut self) -> Option<Value> {
        let text = String::from_utf8_lossy(&self.input);
        let head = text.find("\r\n\r\n")?;
        let length = text[..head].split("Content-Length: ").nth(1)?;
        let length: usize = length.lines().next()?.trim().parse().unwrap();
        let start = head + 4;
        if self.input.len() < start + length {
            return None;
        }
        let message = serde_json::from_slice(&self.input[start..start + length]).unwrap();
        self.input.drain(..start + length);
        Some(message)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Returns the position of a byte, in UTF-16.
fn place(text: &str, at: usize) -> Value {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count();
    json!({"line": line, "character": before[start..].encode_utf16().count()})
}

/// Returns the byte of a position.
fn byte(text: &str, position: &Value) -> usize {
    let line = position["line"].as_u64().unwrap() as usize;
    let column = position["character"].as_u64().unwrap() as usize;
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let start = starts.clone().nth(line).unwrap_or(text.len());
    let mut units = 0;
    for (at, c) in text[start..].char_indices() {
        if units >= column {
            return start + at;
        }
        units += c.len_utf16();
    }
    text.len()
}

/// Returns the text with all edits made, each of the text before any of them.
fn with_edits(text: &str, edits: &[Value]) -> String {
    let mut new = String::new();
    let mut at = 0;
    for edit in edits {
        let range = &edit["range"];
        let (start, end) = (byte(text, &range["start"]), byte(text, &range["end"]));
        assert!(at <= start && start <= end, "sorted and disjoint: {edits:?}");
        new.push_str(&text[at..start]);
        new.push_str(edit["newText"].as_str().unwrap());
        at = end;
    }
    new + &text[at..]
}
