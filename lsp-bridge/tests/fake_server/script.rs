//! The script: what the fake server does otherwise than an honest server.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// All of it. Everything absent is honest and fast.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Script {
    /// Capabilities that are added to those of an honest server; `null` takes
    /// one away.
    pub(crate) capabilities: Value,
    /// How findings are published.
    pub(crate) push: Push,
    /// In which unit columns are counted, whatever was agreed upon.
    pub(crate) columns: Option<String>,
    /// How long the server knows only open documents, and how it says so.
    pub(crate) indexing: Option<Indexing>,
    /// What `experimental/serverStatus` calls the server's health.
    pub(crate) health: String,
    /// Whether renames come as `documentChanges`, with this version for all.
    pub(crate) document_changes: Option<Value>,
    /// Lines on the standard error at the start.
    pub(crate) stderr: Vec<String>,
    /// Whether `exit` and the end of the input are passed over.
    pub(crate) ignore_end: bool,
    /// What is done when a method comes: one list for each time, the last for
    /// all times after it.
    pub(crate) on: HashMap<String, Vec<Vec<Step>>>,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            capabilities: Value::Null,
            push: Push::Versioned,
            columns: None,
            indexing: None,
            health: "ok".into(),
            document_changes: None,
            stderr: Vec::new(),
            ignore_end: false,
            on: HashMap::new(),
        }
    }
}

/// How findings are published after each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Push {
    None,
    Versioned,
    Unversioned,
}

/// The time during which a rename finds one file only.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Indexing {
    pub(crate) ms: u64,
    pub(crate) kind: IndexingKind,
}

/// How a server says that it indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IndexingKind {
    /// Not at all.
    Silent,
    /// By `$/progress`.
    Progress,
    /// By `experimental/serverStatus`.
    Status,
}

/// One thing to do. In texts, `$uri`, `$version` and `$root` are filled in.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// What an honest server does.
    Default,
    /// Nothing, and nothing else is read meanwhile.
    SleepMs(u64),
    /// The steps, from another thread.
    Later { ms: u64, steps: Vec<Step> },
    /// An answer to the message.
    Reply(Value),
    /// An error as the answer.
    ReplyError(Value),
    /// An answer to something else.
    ReplyAs { id: Value, result: Value },
    /// A notification.
    Notify { method: String, params: Value },
    /// A request to the client.
    Request { id: Value, method: String, params: Value },
    /// Bytes as they are, so often.
    Raw {
        text: String,
        #[serde(default = "once")]
        count: usize,
    },
    /// The findings of the message's document, or none.
    Publish {
        #[serde(default)]
        version: Option<Value>,
        #[serde(default)]
        empty: bool,
    },
    /// A rename that finds so many files only.
    RenamePartly { files: Option<usize> },
    /// The end of the server.
    Exit(i32),
    /// The end of everything but the process.
    Hang,
}

fn once() -> usize {
    1
}
