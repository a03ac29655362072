//! The types as they are written in JSON. Field names are the protocol; unknown
//! fields are refused, so that a misspelt option is never silently ignored.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Two line numbers: first and last, 1-based, both included.
pub type Lines = (usize, usize);

/// A handle, which models write as a string or as a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HandleText {
    /// `"481920"`, as it is sent.
    Text(String),
    /// `481920`.
    Number(u64),
}

/// Parameters of `session/open`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenParams {
    /// The root to work in; the daemon's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The program that speaks.
    pub client: Client,
    /// Versions of the protocol that the caller speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Vec<u32>>,
    /// The agent behind the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// A session to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

/// A program.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// An agent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// The model behind it.
    pub model: String,
}

/// Result of `session/open`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenResult {
    /// The name of the session.
    pub session: String,
    /// The version of the protocol that is spoken.
    pub protocol: u32,
    /// This program.
    pub server: Client,
    /// The root, absolute.
    pub root: String,
    /// The edit formats that are understood.
    pub formats: Vec<String>,
    /// The limits in force, by name.
    pub limits: std::collections::BTreeMap<String, u64>,
}

/// Parameters of `file/read`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// Which lines; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<Lines>>,
    /// `tab`, `colon`, `sparse` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gutter: Option<Gutter>,
    /// A handle the caller has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<HandleText>,
    /// The content to show; that of now if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleText>,
}

/// How rows bear their line numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gutter {
    /// `12<TAB>text`
    Tab,
    /// `12:text`
    Colon,
    /// A number on every tenth row.
    Sparse,
    /// None.
    None,
}

/// Result of `file/read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadResult {
    /// `ok`
    pub status: String,
    /// The file, its symlinks followed.
    pub path: String,
    /// The name of its content.
    pub handle: String,
    /// The rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether the known content is that of now.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unchanged: bool,
    /// What differs from the known content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Vec<DeltaHunk>>,
    /// The lines that the rows show.
    pub shown: Vec<Lines>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    /// Number of lines.
    pub total_lines: usize,
    /// `lf`, `crlf`, `cr`, `mixed` or `none`.
    pub eol: String,
    /// Whether the last line is terminated.
    pub final_newline: bool,
    /// `utf-8`, `utf-8-bom`, `unknown-8bit`, `utf-16le`, `utf-16be` or `binary`.
    pub encoding: String,
    /// Size in bytes.
    pub bytes: usize,
}

/// One difference from a known content.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeltaHunk {
    /// Lines of the known content that went; `[n + 1, n]` where none did.
    pub old: Lines,
    /// Lines of now that came; `[n + 1, n]` where none did.
    pub new: Lines,
    /// The rows that came.
    pub text: String,
}

/// Parameters of `edit/apply`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApplyParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The edit format.
    pub format: String,
    /// The files, in the structured form of `anchor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<FileParams>>,
    /// The edit as text, in every other form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The caller's name for the request: one effect, however often sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// The caller's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// `map` (default) or `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// What to check before writing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// Whether only to look.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
}

/// Whether an edit may land on other lines than those it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drift {
    /// Where they are provably the same lines.
    Map,
    /// Never.
    Refuse,
}

/// What to check before writing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verify {
    /// The syntax of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syntax: Option<Policy>,
    /// Slips in the new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lint: Option<Policy>,
}

/// What a finding leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The edit is refused.
    Reject,
    /// The answer names it.
    Warn,
    /// Nobody looks.
    Off,
}

/// One file of an edit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileParams {
    /// The file.
    pub path: String,
    /// The content that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleText>,
    /// What happens to the whole file; absent where only lines change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<FileOp>,
    /// What happens to its lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops: Option<Vec<OpParams>>,
    /// The text of `create` and `write`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where `move` goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The content that `move` may overwrite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_handle: Option<HandleText>,
    /// Whether the file ends with a newline afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_newline: Option<bool>,
}

/// What happens to a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileOp {
    /// It comes to be.
    Create,
    /// All its lines are replaced.
    Write,
    /// It goes.
    Remove,
    /// It gets another path.
    Move,
}

/// One operation on lines.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpParams {
    /// `replace`, `insert` or `delete`.
    pub op: LineOp,
    /// The lines of `replace` and `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
    /// The line before an `insert`; 0 is the start of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<usize>,
    /// The new lines of `replace` and `insert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What happens to lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineOp {
    /// They become the text.
    Replace,
    /// The text comes after one.
    Insert,
    /// They go.
    Delete,
}

/// Result of `edit/apply`, `edit/retry`, `edit/undo` and `edit/redo`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EditResult {
    /// `applied` or `checked`.
    pub status: String,
    /// The operation; absent where nothing had to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// What became of each file.
    pub files: Vec<FileResult>,
}

/// What became of one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileResult {
    /// Where it is now, or was before it was removed.
    pub path: String,
    /// The name of its content; absent where it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// What became of each operation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ops: Vec<OpResult>,
    /// The rows around operations that landed on other lines than named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// `weak` where the swap was protected less than strictly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cas: Option<String>,
}

/// What became of one operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpResult {
    /// Its lines in the new content; `[n + 1, n]` where none is left.
    pub lines: Lines,
    /// By how many lines its place had moved, as `+3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relocated: Option<String>,
    /// Whether it found its work done.
    #[serde(default, skip_serializing_if = "is_false")]
    pub already: bool,
}

/// Result of any method that refuses what was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RejectedResult {
    /// `rejected`
    pub status: String,
    /// Why, and the cure.
    pub rejection: Rejection,
}

/// Why a request was refused, and its cure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rejection {
    /// One of the codes of `docs/errors.md`.
    pub code: String,
    /// What to do about it.
    pub message: String,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The operation within the file, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<usize>,
    /// The name of the content that the rows show: that of now where the edit is
    /// stale, the one that the edit named where its lines were not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// The rows around each operation in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// For each operation, the lines of `handle` that `accept` would put it on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub landings: Vec<Option<Lines>>,
    /// Under which the edit can be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
}

/// Parameters of `edit/retry`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The token of the rejection.
    pub retry: String,
    /// Whether to take the landings as proposed.
    #[serde(skip_serializing_if = "is_false")]
    pub accept: bool,
    /// The lines, in the new handle, of each operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Vec<Lines>>,
}

/// Parameters of `edit/undo`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UndoParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The operation; the session's last if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
}

/// Parameters of `edit/redo` and `state/examine`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

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

/// Parameters of the notification `$/cancelRequest`.
#[derive(Debug, Clone, Deserialize)]
pub struct CancelParams<'a> {
    /// The id of the request.
    #[serde(borrow)]
    pub id: &'a RawValue,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Parameters of `tool/call`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ToolParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The tool.
    pub name: String,
    /// Its arguments, as the model wrote them.
    pub arguments: Box<RawValue>,
    /// The caller's own name for an edit: one effect, however often sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// Whether the result of the method is wanted as well.
    #[serde(skip_serializing_if = "is_false")]
    pub full: bool,
}

/// Result of `tool/call`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ToolResult {
    /// `ok`
    pub status: String,
    /// What the model is to read.
    pub text: String,
    /// The code of the rejection, where the call was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// Whether the arguments do not fit the tool, so that nothing was asked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unfit: bool,
    /// The file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// The operation, where files were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// Under which a rejected edit can be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// The result of the method that the tool stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
}
