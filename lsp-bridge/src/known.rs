//! What a server has said: its findings, its progress, its health. It speaks
//! whenever it likes; whoever waits for something looks here after each word.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::capabilities::Capabilities;
use crate::connection::{Fault, Host, lock};
use crate::message::{self, Items, PublishDiagnostics};
use crate::table::ServerSpec;
use crate::uri;

/// Documents whose publications are kept.
const PUBLISHED_MAX: usize = 5000;

/// Findings of one publication that are kept; more makes it unreadable in part.
const ITEMS_MAX: usize = 2001;

/// Progress tokens that are followed at once.
const PROGRESS_MAX: usize = 1000;

/// What one server has said so far.
pub(crate) struct Known {
    spec: Arc<ServerSpec>,
    /// The root: what lies outside is not kept.
    root: PathBuf,
    /// The folder of the project, as a URI.
    project: String,
    said: Mutex<Said>,
    /// Moves with each word.
    words: watch::Sender<u64>,
}

/// All words, sorted.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) capabilities: Capabilities,
    /// The last publication for each path.
    pub(crate) published: HashMap<String, Published>,
    /// Publications that were not kept.
    pub(crate) overflowed: bool,
    pub(crate) progress: Progress,
    /// The last `experimental/serverStatus`.
    pub(crate) status: Option<Status>,
    /// How often the server asked us to ask again for findings.
    pub(crate) refreshes: u64,
    /// Whether a request for findings was ever answered.
    pub(crate) has_answered_pull: bool,
    /// Why nothing more will come.
    pub(crate) ended: Option<String>,
}

/// One publication.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// The version it is about; none where the server does not say, or says 0,
    /// which we never send and some servers say of files that are not open.
    pub(crate) version: Option<i64>,
    pub(crate) items: Arc<Items>,
    pub(crate) at: Instant,
}

/// What runs at the server, by its tokens.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Title by token.
    running: HashMap<String, String>,
    /// How many ever began.
    pub(crate) begun: u64,
    /// When the last one ended.
    pub(crate) last_end: Option<Instant>,
    /// The number of the last beginning and end of each token, for tokens that
    /// tell of a check.
    checks: CheckRuns,
}

/// The runs of a check.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct CheckRuns {
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) last_begin: Option<Instant>,
    pub(crate) last_end: Option<Instant>,
}

/// How the server says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    /// Whether it has nothing left to load.
    pub(crate) is_quiescent: bool,
    /// `ok`, or what it calls it.
    pub(crate) health: String,
    /// What it says about it.
    pub(crate) message: String,
}

impl Progress {
    /// Returns whether nothing runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Returns the titles of what runs.
    pub(crate) fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = self.running.values().cloned().collect();
        titles.sort();
        titles
    }

    /// Returns the runs of the check.
    pub(crate) fn checks(&self) -> CheckRuns {
        self.checks
    }

    fn follow(&mut self, params: &Value, check_token: &str) {
        let token = match &params["token"] {
            Value::String(token) => token.clone(),
            other => other.to_string(),
        };
        let is_check = !check_token.is_empty() && token.starts_with(check_token);
        match params["value"]["kind"].as_str() {
            Some("begin") if self.running.len() < PROGRESS_MAX => {
                let title = params["value"]["title"].as_str().unwrap_or_default();
                self.running.insert(token, title.chars().take(100).collect());
                self.begun += 1;
                if is_check {
                    self.checks.begun += 1;
                    self.checks.last_begin = Some(Instant::now());
                }
            }
            Some("end") if self.running.remove(&token).is_some() => {
                self.last_end = Some(Instant::now());
                if is_check {
                    self.checks.ended += 1;
                    self.checks.last_end = self.last_end;
                }
            }
            _ => {}
        }
    }
}

impl Known {
    pub(crate) fn new(spec: Arc<ServerSpec>, root: PathBuf, project: String) -> Known {
        let words = watch::Sender::new(0);
        Known { spec, root, project, said: Mutex::default(), words }
    }

    /// Looks at what was said, for as long as `look` takes.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Said) -> T) -> T {
        look(&mut lock(&self.said))
    }

    /// Returns what moves with each word. To be taken before the look after
    /// which one waits, so that no word is missed.
    pub(crate) fn words(&self) -> watch::Receiver<u64> {
        self.words.subscribe()
    }

    /// Tells all who wait to look again.
    pub(crate) fn stir(&self) {
        self.words.send_modify(|words| *words += 1);
    }

    /// Returns the settings that one item of `workspace/configuration` asks for.
    fn settings(&self, item: &Value) -> Value {
        let section = item["section"].as_str().unwrap_or_default();
        let parts = section.split('.').filter(|part| !part.is_empty());
        parts.fold(&self.spec.settings, |value, part| &value[part]).clone()
    }

    fn publish(&self, params: Option<&RawValue>) {
        let Ok(published) = message::read::<PublishDiagnostics>(params) else { return };
        let Some(path) = uri::path_beneath(&self.root, &published.uri) else { return };
        let mut items = published.diagnostics;
        items.unreadable += items.readable.len().saturating_sub(ITEMS_MAX);
        items.readable.truncate(ITEMS_MAX);
        self.look(|said| {
            if said.published.len() >= PUBLISHED_MAX && !said.published.contains_key(&path) {
                said.overflowed = true;
                return;
            }
            let version = published.version.filter(|version| *version > 0);
            let at = Instant::now();
            said.published.insert(path, Published { version, items: Arc::new(items), at });
        });
    }
}

impl Host for Known {
    fn notified(&self, method: &str, params: Option<&RawValue>) {
        match method {
            "textDocument/publishDiagnostics" => self.publish(params),
            "$/progress" => {
                let params: Value = message::read(params).unwrap_or_default();
                let token = &self.spec.profile.check_token;
                self.look(|said| said.progress.follow(&params, token));
            }
            "experimental/serverStatus" => {
                let params: Value = message::read(params).unwrap_or_default();
                let text = |name: &str| params[name].as_str().unwrap_or_default();
                let status = Status {
                    is_quiescent: params["quiescent"] == true,
                    health: text("health").chars().take(40).collect(),
                    message: text("message").chars().take(400).collect(),
                };
                self.look(|said| said.status = Some(status));
            }
            _ => return,
        }
        self.stir();
    }

    fn asked(&self, method: &str, params: Option<&RawValue>) -> Result<Value, Fault> {
        let params: Value = message::read(params).unwrap_or_default();
        match method {
            "workspace/configuration" => {
                let items = params["items"].as_array().into_iter().flatten();
                Ok(items.map(|item| self.settings(item)).collect())
            }
            "client/registerCapability" => {
                self.look(|said| said.capabilities.register(&params));
                self.stir();
                Ok(Value::Null)
            }
            "client/unregisterCapability" => {
                self.look(|said| said.capabilities.unregister(&params));
                self.stir();
                Ok(Value::Null)
            }
            "workspace/diagnostic/refresh" => {
                self.look(|said| said.refreshes += 1);
                self.stir();
                Ok(Value::Null)
            }
            "workspace/workspaceFolders" => {
                Ok(json!([{ "uri": self.project, "name": self.spec.name }]))
            }
            // An edit that nobody asked for goes through no transaction.
            "workspace/applyEdit" => Ok(json!({
                "applied": false,
                "failureReason": "edits are taken from answers, not from requests",
            })),
            "window/showDocument" => Ok(json!({ "success": false })),
            "window/workDoneProgress/create" | "window/showMessageRequest" => Ok(Value::Null),
            _ if method.ends_with("/refresh") => Ok(Value::Null),
            _ => Err(Fault { code: -32601, message: format!("there is no {method} here") }),
        }
    }

    fn ended(&self, why: &str) {
        self.look(|said| said.ended = Some(why.to_owned()));
        self.stir();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    fn known(settings: Value) -> Known {
        let row = json!({ "mine": { "command": ["mine"], "languages": {}, "settings": settings,
            "profile": { "check_token": "check/" } } });
        let table = Table::with(&row).expect("a table");
        let spec = Arc::new(table.servers()[0].clone());
        Known::new(spec, "/r".into(), "file:///r/p".into())
    }

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).expect("JSON")
    }

    fn asked(known: &Known, method: &str, params: &Value) -> Result<Value, i64> {
        known.asked(method, Some(&raw(params))).map_err(|fault| fault.code)
    }

    #[test]
    fn every_request_of_a_server_is_answered() {
        let known = known(json!({ "a": { "b": 1 } }));
        let items = json!({ "items": [{ "section": "a.b" }, { "section": "c" }, {}, 7] });
        let all = json!({ "a": { "b": 1 } });
        assert_eq!(
            asked(&known, "workspace/configuration", &items),
            Ok(json!([1, null, all, all]))
        );
        let edit = asked(&known, "workspace/applyEdit", &json!({ "edit": {} }));
        assert_eq!(edit.expect("an answer")["applied"], false);
        assert_eq!(asked(&known, "window/showMessageRequest", &json!({})), Ok(Value::Null));
        assert_eq!(asked(&known, "workspace/codeLens/refresh", &Value::Null), Ok(Value::Null));
        assert_eq!(asked(&known, "mine/own", &Value::Null), Err(-32601));
    }

    #[test]
    fn publications_outside_the_root_are_not_kept() {
        let known = known(Value::Null);
        for (uri, version) in [("file:///r/a", 0), ("file:///r/b", 3), ("file:///s/a", 1)] {
            let params = json!({ "uri": uri, "version": version, "diagnostics": [] });
            known.notified("textDocument/publishDiagnostics", Some(&raw(&params)));
        }
        known.look(|said| {
            assert_eq!((said.published.len(), said.published["a"].version), (2, None));
            assert_eq!(said.published["b"].version, Some(3));
        });
    }

    #[test]
    fn progress_ends_once_for_each_beginning() {
        let known = known(Value::Null);
        let tell = |token: Value, kind: &str| {
            let params = json!({ "token": token, "value": { "kind": kind, "title": "T" } });
            known.notified("$/progress", Some(&raw(&params)));
        };
        tell(json!(1), "end");
        tell(json!("check/0"), "begin");
        tell(json!(1), "begin");
        tell(json!(1), "report");
        known.look(|said| assert_eq!(said.progress.titles(), ["T", "T"]));
        tell(json!("check/0"), "end");
        tell(json!("check/0"), "end");
        known.look(|said| {
            let runs = said.progress.checks();
            assert_eq!((runs.begun, runs.ended, said.progress.is_idle()), (1, 1, false));
        });
    }
}
