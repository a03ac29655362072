//! What the record tells: operations, statistics, events, and what is wrong with it.

use serde::{Deserialize, Serialize};

/// Parameters of `edit/log`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// How many at most; 20 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only those before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Only those that touched this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Result of `edit/log`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogResult {
    /// `ok`
    pub status: String,
    /// The operations, newest first.
    pub operations: Vec<Operation>,
}

/// An operation that took effect.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    /// Its number.
    pub operation: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The session that asked for it.
    pub session: String,
    /// The agent of that session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// `edit`, `undo` or `redo`.
    pub kind: String,
    /// The operation it undid or redid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u64>,
    /// The operation that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<u64>,
    /// The format it was written in.
    pub format: String,
    /// The caller's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What happened to which file.
    pub files: Vec<OperationFile>,
}

/// What an operation did to a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperationFile {
    /// The file.
    pub path: String,
    /// `modify`, `create`, `remove` or `move`.
    pub kind: String,
    /// Where a move went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Parameters of `edit/show`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowParams {
    /// The session, if not the connection's last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The operation.
    pub operation: u64,
}

/// Result of `edit/show`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowResult {
    /// `ok`
    pub status: String,
    /// The operation.
    #[serde(flatten)]
    pub operation: Operation,
    /// Its changes as a unified diff.
    pub diff: String,
}

/// Parameters of `stats/summary`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatsParams {
    /// Only of this session; of all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What to group by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<GroupBy>,
}

/// What a summary is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// A group a session.
    Session,
    /// A group an agent.
    Agent,
    /// A group a model.
    Model,
    /// A group an edit format.
    Format,
}

/// Result of `stats/summary`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatsResult {
    /// `ok`
    pub status: String,
    /// The tokenizer of every figure in tokens.
    pub tokenizer: String,
    /// A row a group.
    pub groups: Vec<StatsGroup>,
}

/// What the attempts of one group came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatsGroup {
    /// The group.
    pub name: String,
    /// Reads served.
    pub reads: usize,
    /// Edits somebody wanted: chains of an attempt and its retries.
    pub edits: usize,
    /// Edit attempts, retries included.
    pub attempts: usize,
    /// Edits applied at the first try.
    pub first_try: usize,
    /// Edits applied at any try.
    pub landed: usize,
    /// Edits undone later.
    pub undone: usize,
    /// `first_try / edits`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_try_rate: Option<f64>,
    /// `landed / edits`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed_rate: Option<f64>,
    /// Rejected attempts by code.
    pub rejected: std::collections::BTreeMap<String, usize>,
    /// Bytes received.
    pub bytes_in: usize,
    /// Bytes sent.
    pub bytes_out: usize,
    /// Tokens the model wrote.
    pub tokens_in: usize,
    /// Tokens the model read.
    pub tokens_out: usize,
    /// Streams that were given up after they could no longer succeed.
    #[serde(default)]
    pub stopped: usize,
    /// Tokens that need not be written because of that.
    #[serde(default)]
    pub saved: usize,
    /// Tokens that need not have been spent, by part.
    pub wasted: Wasted,
    /// Attempts whose cost is an estimate or was never counted.
    pub uncounted: usize,
}

/// Wasted tokens by part.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Wasted {
    /// The sum of the parts.
    pub total: usize,
    /// Payload of rejected edits.
    pub rejected: usize,
    /// Payload of edits undone later.
    pub reverted: usize,
    /// Answers that told of a rejection.
    pub errors: usize,
    /// Unchanged lines shown again.
    pub reread: usize,
    /// Old text written again.
    pub old_text: usize,
    /// Line numbers.
    pub gutter: usize,
    /// Everything around the new text of applied edits.
    pub envelope: usize,
}

/// Parameters of `events/tail`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TailParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Only events after this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// How many at most; 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Result of `events/tail`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TailResult {
    /// `ok`
    pub status: String,
    /// The events, oldest first.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// Its number; there are no gaps.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// The session it happened in.
    pub session: String,
    /// The operation it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<i64>,
    /// The particulars.
    pub data: serde_json::Value,
}

/// Result of `state/examine`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExamineResult {
    /// `ok`
    pub status: String,
    /// What was looked at.
    pub findings: Vec<Finding>,
}

/// Something that was looked at for trouble.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// Whether all is well.
    pub well: bool,
    /// What was seen.
    pub detail: String,
}
