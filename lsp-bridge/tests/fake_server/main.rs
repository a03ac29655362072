//! A language server that does as a script says: honest by default, and slow,
//! silent, wrong or hostile where it is told to be.
//!
//! Usage: `anchord-fake-language-server SCRIPT`, with the script as JSON (see
//! [`script`]). It serves a small language of its own (see [`language`]), so
//! that its true findings are known for every text.

mod answers;
mod language;
mod script;
mod wire;
mod world;

use std::io::BufReader;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use script::{IndexingKind, Push, Script, Step};
use wire::Outgoing;
use world::World;

fn main() -> ExitCode {
    let script = std::env::args().nth(1).unwrap_or_else(|| "{}".to_owned());
    let script: Script = match serde_json::from_str(&script) {
        Ok(script) => script,
        Err(error) => {
            wire::complain(&format!("the script cannot be read: {error}"));
            return ExitCode::from(2);
        }
    };
    for row in &script.stderr {
        wire::complain(row);
    }
    let mut input = BufReader::new(std::io::stdin());
    let mut fake = Fake::new(script);
    while let Some(message) = wire::read(&mut input) {
        fake.take(&message);
    }
    // The client closed our input.
    match fake.script.ignore_end {
        true => hang(),
        false => ExitCode::SUCCESS,
    }
}

/// The server: its script, what it knows, and how often each method came.
struct Fake {
    script: Arc<Script>,
    world: Arc<Mutex<World>>,
    outgoing: Outgoing,
    counts: std::collections::HashMap<String, usize>,
}

impl Fake {
    fn new(script: Script) -> Fake {
        let world = World::new(&script);
        Fake {
            script: Arc::new(script),
            world: Arc::new(Mutex::new(world)),
            outgoing: Outgoing::default(),
            counts: std::collections::HashMap::new(),
        }
    }

    fn take(&mut self, message: &Value) {
        let Some(method) = message["method"].as_str() else {
            world::lock(&self.world).answers.push(message.clone());
            return;
        };
        {
            let mut world = world::lock(&self.world);
            world.log.push(method.to_owned());
            world.last.insert(method.to_owned(), message["params"].clone());
            world.track(method, &message["params"]);
        }
        let turn = self.turn(message);
        let count = self.counts.entry(method.to_owned()).or_default();
        *count += 1;
        let steps = match self.script.on.get(method) {
            Some(lists) if !lists.is_empty() => lists[(*count - 1).min(lists.len() - 1)].clone(),
            _ => vec![Step::Default],
        };
        turn.run(&steps);
    }

    fn turn(&self, message: &Value) -> Turn {
        Turn {
            script: Arc::clone(&self.script),
            world: Arc::clone(&self.world),
            outgoing: self.outgoing.clone(),
            message: message.clone(),
        }
    }
}

/// What is done about one message.
#[derive(Clone)]
struct Turn {
    script: Arc<Script>,
    world: Arc<Mutex<World>>,
    outgoing: Outgoing,
    message: Value,
}

impl Turn {
    fn run(&self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&self, step: &Step) {
        match step {
            Step::Default => self.answer_honestly(),
            Step::SleepMs(ms) => std::thread::sleep(Duration::from_millis(*ms)),
            Step::Later { ms, steps } => self.later(*ms, steps.clone()),
            Step::Reply(result) => self.reply(json!({ "result": self.filled(result) })),
            Step::ReplyError(error) => self.reply(json!({ "error": error })),
            Step::ReplyAs { id, result } => {
                self.outgoing.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
            }
            Step::Notify { method, params } => self.notify(method, self.filled(params)),
            Step::Request { id, method, params } => {
                let params = self.filled(params);
                self.outgoing.send(
                    &json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }),
                );
            }
            Step::Raw { text, count } => self.outgoing.raw(text.as_bytes(), *count),
            Step::Publish { version, empty } => self.publish(version.as_ref(), *empty),
            Step::RenamePartly { files } => self.rename(*files),
            Step::Exit(code) => std::process::exit(*code),
            Step::Hang => hang(),
        }
    }

    fn later(&self, ms: u64, steps: Vec<Step>) {
        let turn = self.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(ms));
            turn.run(&steps);
        });
    }

    fn answer_honestly(&self) {
        let method = self.message["method"].as_str().unwrap_or_default();
        match method {
            "initialized" => self.begin_indexing(),
            "textDocument/didOpen" | "textDocument/didChange" => self.publish_all(),
            "exit" if !self.script.ignore_end => std::process::exit(0),
            "textDocument/rename" => {
                let whole = world::lock(&self.world).indexed;
                self.rename((!whole).then_some(1));
            }
            _ if self.message["id"].is_null() => {}
            _ => self.reply(answers::answer(&self.world, &self.script, method, self.params())),
        }
    }

    /// Says that an index is built, and after the time of the script that it is
    /// whole. Until then a rename finds one file only, as with real servers.
    fn begin_indexing(&self) {
        let Some(indexing) = self.script.indexing else { return };
        world::lock(&self.world).indexed = false;
        self.announce(indexing.kind, true);
        let turn = self.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(indexing.ms));
            world::lock(&turn.world).indexed = true;
            turn.announce(indexing.kind, false);
        });
    }

    fn announce(&self, kind: IndexingKind, begins: bool) {
        match kind {
            IndexingKind::Silent => {}
            IndexingKind::Status => self.notify(
                "experimental/serverStatus",
                json!({ "health": self.script.health, "quiescent": !begins }),
            ),
            IndexingKind::Progress => {
                if begins {
                    self.outgoing.send(&json!({
                        "jsonrpc": "2.0", "id": "progress",
                        "method": "window/workDoneProgress/create",
                        "params": { "token": "indexing" },
                    }));
                }
                let value = match begins {
                    true => json!({ "kind": "begin", "title": "Indexing" }),
                    false => json!({ "kind": "end" }),
                };
                self.notify("$/progress", json!({ "token": "indexing", "value": value }));
            }
        }
    }

    /// Publishes what the document of the message now holds, as the script has
    /// it.
    fn publish_all(&self) {
        match self.script.push {
            Push::None => {}
            Push::Versioned => self.publish(Some(&json!("$version")), false),
            Push::Unversioned => self.publish(None, false),
        }
    }

    fn publish(&self, version: Option<&Value>, empty: bool) {
        let uri = self.params()["textDocument"]["uri"].clone();
        let found = match empty {
            true => json!([]),
            false => world::lock(&self.world).findings(uri.as_str().unwrap_or_default()),
        };
        let mut params = json!({ "uri": uri, "diagnostics": found });
        if let Some(version) = version {
            params["version"] = self.filled(version);
        }
        self.notify("textDocument/publishDiagnostics", params);
    }

    fn rename(&self, files: Option<usize>) {
        let answer = answers::rename(&self.world, &self.script, self.params(), files);
        self.reply(json!({ "result": answer }));
    }

    fn notify(&self, method: &str, params: Value) {
        self.outgoing.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn reply(&self, mut content: Value) {
        content["jsonrpc"] = json!("2.0");
        content["id"] = self.message["id"].clone();
        self.outgoing.send(&content);
    }

    fn params(&self) -> &Value {
        &self.message["params"]
    }

    /// Returns `value` with its placeholders filled in: `$uri` and `$version`
    /// of the message's document, `$root` of the workspace.
    fn filled(&self, value: &Value) -> Value {
        let document = &self.params()["textDocument"];
        match value {
            Value::String(text) if text == "$version" => document["version"].clone(),
            Value::String(text) => {
                let root = world::lock(&self.world).root.clone();
                let uri = document["uri"].as_str().unwrap_or_default();
                json!(text.replace("$uri", uri).replace("$root", &root))
            }
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(fields) => {
                let filled = |(name, value): (&String, &Value)| {
                    let name = self.filled(&json!(name));
                    (name.as_str().unwrap_or_default().to_owned(), self.filled(value))
                };
                Value::Object(fields.iter().map(filled).collect())
            }
            other => other.clone(),
        }
    }
}

fn hang() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
