//! What those who listen are told, and what editors tell of their documents.

use serde::{Deserialize, Serialize};

use super::{HandleText, Lines, is_false};

/// Parameters of `session/listen`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Whether to be told when files change that the session has seen.
    #[serde(skip_serializing_if = "is_false")]
    pub files: bool,
    /// Whether it is an editor that listens.
    #[serde(skip_serializing_if = "is_false")]
    pub editor: bool,
    /// Whether that editor makes edits that come too late.
    #[serde(skip_serializing_if = "is_false")]
    pub careless: bool,
    /// Whether to be told what language servers say late.
    #[serde(skip_serializing_if = "is_false")]
    pub servers: bool,
}

/// Result of `session/listen`, `buffer/answer` and `buffer/accept`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DoneResult {
    /// `ok`
    pub status: String,
}

/// The notification `file/changed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileChanged {
    /// The session that is told.
    pub session: String,
    /// The file.
    pub path: String,
    /// The content that the session saw last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Whether the file is gone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gone: bool,
    /// `buffer` where what changed is text in an editor that is not saved.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<ChangedLines>,
    /// The agent that changed it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The operation that changed it last, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
}

/// Lines that differ.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangedLines {
    /// Lines of the content seen that went.
    pub old: Lines,
    /// Lines of now that came.
    pub new: Lines,
}

/// The notification `buffer/edit`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BufferEdit {
    /// Under which the editor answers.
    pub request: u64,
    /// The file.
    pub path: String,
    /// The version of the document that the edits are of.
    pub version: i64,
    /// Sorted and disjoint.
    pub edits: Vec<ByteEdit>,
    /// Who wants it and why.
    pub label: String,
}

/// A replacement in a text of UTF-8.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByteEdit {
    /// The bytes that go: the first, and the first behind them, from 0.
    pub range: (usize, usize),
    /// What comes.
    pub text: String,
}

/// The notification `buffer/news`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BufferNews {
    /// The file.
    pub path: String,
}

/// The notification `session/working`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Working {
    /// The agent, as it calls itself.
    pub agent: String,
    /// What it did, in few words.
    pub what: String,
}

/// Parameters of `buffer/open`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BufferOpenParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// The number of the document's version.
    pub version: i64,
    /// What the document holds; absent where the editor cannot tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// Parameters of `buffer/change`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BufferChangeParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// The number of the document's version now.
    pub version: i64,
    /// One after the other: each of the text that those before it left.
    pub edits: Vec<ByteEdit>,
    /// How many bytes the text has now.
    pub bytes: usize,
}

/// Parameters of `buffer/save`, `buffer/close` and `buffer/marks`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BufferParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
}

/// Result of `buffer/open`, `buffer/change`, `buffer/save` and `buffer/close`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BufferResult {
    /// `ok`
    pub status: String,
    /// The file, its symlinks followed.
    pub path: String,
}

/// Parameters of `buffer/answer`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BufferAnswerParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The number of the request.
    pub request: u64,
    /// Whether the editor says that it made the edit.
    pub applied: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Result of `buffer/marks`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarksResult {
    /// `ok`
    pub status: String,
    /// The file, its symlinks followed.
    pub path: String,
    /// The name of its content.
    pub handle: String,
    /// Number of lines.
    pub total_lines: usize,
    /// What agents changed, newest first.
    #[serde(default)]
    pub changes: Vec<Mark>,
    /// What they were refused lately.
    #[serde(default)]
    pub setbacks: Vec<Setback>,
}

/// A change by an agent that still stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mark {
    /// The operation.
    pub operation: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The agent, or the program that speaks for it.
    pub agent: String,
    /// Its model.
    pub model: String,
    /// Its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The format of the edit.
    pub format: String,
    /// The lines that are left of it.
    pub lines: Vec<Lines>,
}

/// An edit by an agent that was refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setback {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The agent, or the program that speaks for it.
    pub agent: String,
    /// The code of the rejection.
    pub code: String,
    /// Its message.
    pub message: String,
    /// The lines in question, as far as they are there.
    pub lines: Vec<Lines>,
}

/// Parameters of `buffer/accept`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcceptParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// The operation; all of them if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
}

/// Parameters of `anchor/resolve`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveParams {
    /// The session, if not the connection's last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// The content that is meant.
    pub handle: HandleText,
    /// Its lines.
    pub lines: Lines,
}

/// Result of `anchor/resolve`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveResult {
    /// `ok`
    pub status: String,
    /// The file, its symlinks followed.
    pub path: String,
    /// The name of its content of now.
    pub handle: String,
    /// Where the lines stand there; absent where nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
}
