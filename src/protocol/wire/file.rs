//! What is asked and answered about files: reads, lists and searches.

use serde::{Deserialize, Serialize};

use super::is_false;

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
    /// The construct whose lines are meant, by its name path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// A line; the innermost construct around it is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub around: Option<usize>,
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
    /// The construct that was asked for, by its whole path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
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

/// Parameters of `file/list`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Files and directories to look below; the root if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Patterns of paths, one of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub globs: Vec<String>,
    /// Whether hidden and ignored files count as well.
    #[serde(skip_serializing_if = "is_false")]
    pub all: bool,
    /// How many directories deep to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// How many names at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Result of `file/list`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListResult {
    /// `ok`
    pub status: String,
    /// The names, sorted; those of directories end with `/`.
    pub paths: Vec<String>,
    /// Whether there are more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// Parameters of `file/search`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What to look for.
    pub pattern: String,
    /// Whether the pattern is a text, not a regular expression.
    #[serde(skip_serializing_if = "is_false")]
    pub literal: bool,
    /// Whether upper and lower case are the same.
    #[serde(skip_serializing_if = "is_false")]
    pub ignore_case: bool,
    /// Files and directories to look in; the root if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Patterns of paths, one of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub globs: Vec<String>,
    /// Whether hidden and ignored files count as well.
    #[serde(skip_serializing_if = "is_false")]
    pub all: bool,
    /// How many rows to show before and after each match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// How many matches at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Result of `file/search`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SearchResult {
    /// `ok`
    pub status: String,
    /// The files with matches, sorted by name.
    pub files: Vec<FileMatches>,
    /// Number of matches in them.
    pub matches: usize,
    /// Whether there may be more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// The matches of one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileMatches {
    /// The file.
    pub path: String,
    /// The name of its content.
    pub handle: String,
    /// Number of lines.
    pub total_lines: usize,
    /// The lines of each match.
    pub matches: Vec<Lines>,
    /// The rows.
    pub text: String,
}

/// Parameters of `file/outline`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutlineParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// The content to show; that of now if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleText>,
    /// The construct to show with what stands in it; the whole file if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// How many levels to show; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// How many rows at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Result of `file/outline`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutlineResult {
    /// `ok`
    pub status: String,
    /// The file, its symlinks followed.
    pub path: String,
    /// The name of its content.
    pub handle: String,
    /// The language it was read in.
    pub language: String,
    /// `exact`, `preprocessed` or `loose`.
    pub reading: String,
    /// A row for each construct: its lines and its signature.
    pub text: String,
    /// The lines that rows show whole, as they are.
    pub shown: Vec<Lines>,
    /// Number of lines.
    pub total_lines: usize,
    /// Whether there are more rows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// Parameters of `pattern/search` and `pattern/rewrite`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatternParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Code with holes.
    pub pattern: String,
    /// What matches becomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<String>,
    /// The only language that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Files and directories to look in; the root if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Patterns of paths, one of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub globs: Vec<String>,
    /// Whether hidden and ignored files count as well.
    #[serde(skip_serializing_if = "is_false")]
    pub all: bool,
    /// How many rows to show before and after each match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// How many matches at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Result of `pattern/rewrite`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RewriteResult {
    /// `ok`
    pub status: String,
    /// The files with matches, sorted by name.
    pub files: Vec<FileRewrite>,
    /// Number of matches in them.
    pub matches: usize,
    /// Whether there may be more, which are not rewritten.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
    /// Under which it can be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
}

/// What a rewrite would do to one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileRewrite {
    /// The file.
    pub path: String,
    /// The name of its content.
    pub handle: String,
    /// Number of matches.
    pub matches: usize,
    /// The rows that go, and those that come.
    pub text: String,
}
