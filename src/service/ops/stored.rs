//! What the service writes down of scripts and answers, as JSON with a version:
//! serde twins of the values, so that either can change without the other.

use engine::anchor::{Handle, LineRange};
use engine::format::{Action, Body, Expect, FileScript, Op, OpKind, Script};
use engine::plan::{Choice, Outcome};
use serde::{Deserialize, Serialize};

use super::stored_change::StoredChange;
use crate::service::api::{EditAnswer, FileAnswer, Policy, Verify};

/// A rejected edit that waits for its author's word. Version 5; what versions 1
/// to 4 lack has a default.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RetryRecord {
    pub(super) version: u8,
    pub(super) script: StoredScript,
    pub(super) format: String,
    pub(super) op_id: Option<String>,
    pub(super) why: Option<String>,
    pub(super) relocate: bool,
    #[serde(default)]
    pub(super) verify: StoredVerify,
    /// What `accept` accepts.
    #[serde(default)]
    pub(super) reason: Reason,
    /// The event of the first attempt.
    pub(super) chain: i64,
    /// The file of the script that was refused.
    pub(super) file: usize,
    /// The content that the landings are lines of.
    pub(super) handle: Option<u32>,
    /// For each operation of that file, where it would land (0-based).
    pub(super) landings: Vec<Option<(usize, usize)>>,
    /// For each operation of that file, where else it could be meant (0-based).
    #[serde(default)]
    pub(super) candidates: Vec<Vec<(usize, usize)>>,
    /// The operation that was refused.
    #[serde(default)]
    pub(super) op: Option<usize>,
    /// The edit as it was written, where its places could not be found.
    #[serde(default)]
    pub(super) text: Option<StoredText>,
    /// What each fix puts in the place of that operation.
    #[serde(default)]
    pub(super) fixes: Vec<Vec<StoredOp>>,
    /// The rules of the user that ask for consent to it.
    #[serde(default)]
    pub(super) rules: Vec<String>,
    /// What was asked of a language server, in the place of a script.
    #[serde(default)]
    pub(super) change: Option<StoredChange>,
}

/// An edit as it was written, and the places its author chose: file, find and
/// lines (0-based).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredText {
    pub(super) text: String,
    choices: Vec<(usize, usize, usize, usize)>,
}

impl StoredText {
    pub(super) fn new(text: &str, choices: &[Choice]) -> StoredText {
        let choice =
            |choice: &Choice| (choice.file, choice.find, choice.lines.start, choice.lines.end);
        StoredText { text: text.to_owned(), choices: choices.iter().map(choice).collect() }
    }

    /// Returns the places its author chose.
    pub(super) fn choices(&self) -> Vec<Choice> {
        let choice = |&(file, find, start, end): &(usize, usize, usize, usize)| Choice {
            file,
            find,
            lines: start..end,
        };
        self.choices.iter().map(choice).collect()
    }
}

/// The version of [`RetryRecord`] that is written.
pub(super) const RETRY_VERSION: u8 = 5;

/// What an edit was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Reason {
    /// Where it would land, or anything else that may be otherwise by now.
    #[default]
    Place,
    /// What its text looks like.
    Lint,
    /// What it would do to the syntax.
    Syntax,
    /// Nothing: it was shown, and waits to be wanted.
    Preview,
    /// What language servers would say of it.
    Servers,
}

/// What was to be checked.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct StoredVerify {
    syntax: Option<StoredPolicy>,
    lint: Option<StoredPolicy>,
    #[serde(default)]
    lsp: Option<StoredPolicy>,
    #[serde(default)]
    lsp_ms: Option<u64>,
    #[serde(default)]
    usual_lint: Option<StoredPolicy>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum StoredPolicy {
    Reject,
    Warn,
    Off,
}

impl From<Verify> for StoredVerify {
    fn from(verify: Verify) -> StoredVerify {
        let policy = |policy| match policy {
            Policy::Reject => StoredPolicy::Reject,
            Policy::Warn => StoredPolicy::Warn,
            Policy::Off => StoredPolicy::Off,
        };
        StoredVerify {
            syntax: verify.syntax.map(policy),
            lint: verify.lint.map(policy),
            lsp: verify.lsp.map(policy),
            lsp_ms: verify.lsp_ms,
            usual_lint: verify.usual_lint.map(policy),
        }
    }
}

impl From<StoredVerify> for Verify {
    fn from(stored: StoredVerify) -> Verify {
        let policy = |policy| match policy {
            StoredPolicy::Reject => Policy::Reject,
            StoredPolicy::Warn => Policy::Warn,
            StoredPolicy::Off => Policy::Off,
        };
        Verify {
            syntax: stored.syntax.map(policy),
            lint: stored.lint.map(policy),
            lsp: stored.lsp.map(policy),
            lsp_ms: stored.lsp_ms,
            usual_lint: stored.usual_lint.map(policy),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredScript(Vec<StoredFile>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredFile {
    path: String,
    action: StoredAction,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum StoredAction {
    Edit {
        handle: u32,
        ops: Vec<StoredOp>,
        final_newline: Option<bool>,
    },
    Create {
        text: String,
    },
    Write {
        handle: u32,
        text: String,
    },
    Remove {
        handle: u32,
    },
    EditAndMove {
        handle: u32,
        ops: Vec<StoredOp>,
        final_newline: Option<bool>,
        to: String,
        to_handle: Option<u32>,
    },
    Move {
        handle: u32,
        to: String,
        to_handle: Option<u32>,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredOp {
    kind: StoredKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expect: Option<(String, Option<String>)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum StoredKind {
    Replace { lines: LineRange, body: StoredBody },
    Insert { after: usize, body: StoredBody },
    Delete { lines: LineRange, register: Option<String> },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum StoredBody {
    Text(String),
    Register(String),
}

impl From<&Script> for StoredScript {
    fn from(script: &Script) -> StoredScript {
        let file = |file: &FileScript| StoredFile {
            path: file.path.clone(),
            action: match &file.action {
                Action::Edit { handle, ops, final_newline } => StoredAction::Edit {
                    handle: handle.number(),
                    ops: ops.iter().map(StoredOp::from).collect(),
                    final_newline: *final_newline,
                },
                Action::EditAndMove { handle, ops, final_newline, to, to_handle } => {
                    StoredAction::EditAndMove {
                        handle: handle.number(),
                        ops: ops.iter().map(StoredOp::from).collect(),
                        final_newline: *final_newline,
                        to: to.clone(),
                        to_handle: to_handle.map(Handle::number),
                    }
                }
                Action::Create { text } => StoredAction::Create { text: text.clone() },
                Action::Write { handle, text } => {
                    StoredAction::Write { handle: handle.number(), text: text.clone() }
                }
                Action::Remove { handle } => StoredAction::Remove { handle: handle.number() },
                Action::Move { handle, to, to_handle } => StoredAction::Move {
                    handle: handle.number(),
                    to: to.clone(),
                    to_handle: to_handle.map(Handle::number),
                },
            },
        };
        StoredScript(script.files.iter().map(file).collect())
    }
}

impl From<StoredScript> for Script {
    fn from(stored: StoredScript) -> Script {
        let named = Handle::from_number;
        let file = |file: StoredFile| FileScript {
            path: file.path,
            action: match file.action {
                StoredAction::Edit { handle, ops, final_newline } => Action::Edit {
                    handle: named(handle),
                    ops: ops.into_iter().map(Op::from).collect(),
                    final_newline,
                },
                StoredAction::EditAndMove { handle, ops, final_newline, to, to_handle } => {
                    Action::EditAndMove {
                        handle: named(handle),
                        ops: ops.into_iter().map(Op::from).collect(),
                        final_newline,
                        to,
                        to_handle: to_handle.map(named),
                    }
                }
                StoredAction::Create { text } => Action::Create { text },
                StoredAction::Write { handle, text } => {
                    Action::Write { handle: named(handle), text }
                }
                StoredAction::Remove { handle } => Action::Remove { handle: named(handle) },
                StoredAction::Move { handle, to, to_handle } => {
                    Action::Move { handle: named(handle), to, to_handle: to_handle.map(named) }
                }
            },
        };
        Script { files: stored.0.into_iter().map(file).collect() }
    }
}

impl From<&Op> for StoredOp {
    fn from(op: &Op) -> StoredOp {
        let body = |body: &Body| match body {
            Body::Text(text) => StoredBody::Text(text.clone()),
            Body::Register(name) => StoredBody::Register(name.clone()),
        };
        let kind = match &op.kind {
            OpKind::Replace { lines, body: new } => {
                StoredKind::Replace { lines: *lines, body: body(new) }
            }
            OpKind::Insert { after, body: new } => {
                StoredKind::Insert { after: *after, body: body(new) }
            }
            OpKind::Delete { lines, register } => {
                StoredKind::Delete { lines: *lines, register: register.clone() }
            }
        };
        let expect = op.expect.as_ref().map(|expect| (expect.first.clone(), expect.last.clone()));
        StoredOp { kind, expect }
    }
}

impl From<StoredOp> for Op {
    fn from(stored: StoredOp) -> Op {
        let body = |body: StoredBody| match body {
            StoredBody::Text(text) => Body::Text(text),
            StoredBody::Register(name) => Body::Register(name),
        };
        let kind = match stored.kind {
            StoredKind::Replace { lines, body: new } => OpKind::Replace { lines, body: body(new) },
            StoredKind::Insert { after, body: new } => OpKind::Insert { after, body: body(new) },
            StoredKind::Delete { lines, register } => OpKind::Delete { lines, register },
        };
        Op { kind, expect: stored.expect.map(|(first, last)| Expect { first, last }) }
    }
}

/// An answer as a repeated request gets it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredAnswer {
    files: Vec<StoredFileAnswer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredFileAnswer {
    path: String,
    handle: Option<u32>,
    ops: Vec<(usize, usize, i64, bool)>,
    #[serde(default)]
    in_buffer: bool,
}

impl From<&EditAnswer> for StoredAnswer {
    fn from(answer: &EditAnswer) -> StoredAnswer {
        let op = |op: &Outcome| (op.lines.0, op.lines.1, op.relocated, op.already);
        let file = |file: &FileAnswer| StoredFileAnswer {
            path: file.path.clone(),
            handle: file.handle.map(Handle::number),
            ops: file.ops.iter().map(op).collect(),
            in_buffer: file.in_buffer,
        };
        StoredAnswer { files: answer.files.iter().map(file).collect() }
    }
}

impl StoredAnswer {
    /// Returns the answer of operation `id` again.
    pub(super) fn again(self, id: u64) -> EditAnswer {
        let op = |(first, last, relocated, already)| Outcome {
            lines: (first, last),
            relocated,
            already,
        };
        let file = |file: StoredFileAnswer| FileAnswer {
            path: file.path,
            handle: file.handle.map(Handle::from_number),
            ops: file.ops.into_iter().map(op).collect(),
            window: None,
            cas: None,
            in_buffer: file.in_buffer,
        };
        let files = self.files.into_iter().map(file).collect();
        EditAnswer { applied: true, operation: Some(id), files, ..EditAnswer::default() }
    }
}
