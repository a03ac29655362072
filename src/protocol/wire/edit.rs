//! Edits, what became of them, and what takes them back.

use serde::{Deserialize, Serialize};

use super::{DeltaHunk, Diagnosis, FileMatches, HandleText, Lines, ServerChange, is_false};

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
    /// Whether one edit may go to files and to documents of editors.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_mixed: bool,
}

/// Parameters of `edit/stream`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StreamParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// `open`, `chunk`, `close` or `cancel`.
    pub step: Step,
    /// The stream, after it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The next piece of the edit's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The edit format, to open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The caller's name for the request, to open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// The caller's reason, to open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// `map` (default) or `refuse`, to open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// What to check before writing, to open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// Whether only to look, to open it.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
}

/// A step of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// It begins.
    #[default]
    Open,
    /// It goes on.
    Chunk,
    /// It is complete and carried out.
    Close,
    /// It was given up.
    Cancel,
}

/// Result of `edit/stream`, save at its close.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamResult {
    /// `open`, `stopped` or `cancelled`.
    pub status: String,
    /// The stream.
    pub stream: String,
    /// Bytes taken so far.
    pub taken: usize,
    /// Why the edit can no longer succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StreamStop>,
    /// The rules of the user that fired since the last answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firings: Vec<Firing>,
}

/// A rule of the user that an edit falls under.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Firing {
    /// Its name.
    pub rule: String,
    /// `stop`, `warn` or `ask`.
    pub action: String,
    /// What the model is to be told.
    pub message: String,
    /// The file.
    pub path: String,
}

/// Why an edit can no longer succeed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamStop {
    /// The bytes after which that was so.
    pub at: usize,
    /// The reason.
    pub rejection: Rejection,
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
    /// What language servers say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsp: Option<Policy>,
    /// How long they may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsp_ms: Option<u64>,
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

/// Result of `edit/apply`, the close of `edit/stream`, `edit/retry`, `edit/undo` and `edit/redo`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EditResult {
    /// `applied` or `checked`.
    pub status: String,
    /// The operation; absent where nothing had to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// What became of each file.
    pub files: Vec<FileResult>,
    /// What looked like a slip, but was let pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lints: Vec<LintNote>,
    /// What language servers say of it, where they were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnosis>,
    /// Where the change comes from, if a language server made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerChange>,
    /// `none` where a flush failed, so that a loss of power may still undo it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<String>,
    /// The format that `auto` took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// Something in an edit that looks like a slip.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LintNote {
    /// The file.
    pub path: String,
    /// The operation within the file, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<usize>,
    /// The name of the lint, or `syntax`.
    pub lint: String,
    /// What was seen.
    pub message: String,
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
    /// `buffer` where the edit was made in an editor, which has not saved it.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
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
    /// What another program changed near the operations in question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<DeltaHunk>,
    /// For each operation, the lines of `handle` that `accept` would put it on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub landings: Vec<Option<Lines>>,
    /// The lines of `handle` that operation `op` could mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Lines>,
    /// What could be meant instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<String>,
    /// Places that a rename would leave as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<FileMatches>,
    /// Under which the edit can be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// The format that `auto` took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// Parameters of `symbol/edit`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SymbolParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// The content that is meant; the one shown last if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleText>,
    /// The construct, by its name path.
    pub symbol: String,
    /// What becomes of it.
    pub action: Option<SymbolAction>,
    /// The new text of all but `delete` and `move`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The construct below which `move` puts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The construct above which `move` puts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
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

/// What becomes of a construct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolAction {
    /// All its lines become the text.
    Replace,
    /// What stands in it becomes the text.
    Body,
    /// The text comes above it.
    InsertBefore,
    /// The text comes below it.
    InsertAfter,
    /// It goes.
    Delete,
    /// It goes beside another one.
    Move,
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
    /// Whether nobody wants it any more.
    #[serde(skip_serializing_if = "is_false")]
    pub decline: bool,
    /// The lines, in the new handle, of each operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Vec<Lines>>,
    /// The candidate that is meant, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<usize>,
    /// The fix that is meant, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<usize>,
    /// Whether the edit may go to files and to documents of editors.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_mixed: bool,
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
    /// Whether it may be taken back in files and in documents of editors.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_mixed: bool,
}
