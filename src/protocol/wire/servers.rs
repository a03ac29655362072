//! What is asked of language servers, and what they answer.

use serde::{Deserialize, Serialize};

use super::{FileMatches, HandleText, Lines, Verify, is_false};

/// The notification `lsp/late`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LspLate {
    /// The number that the answer of the edit gave.
    pub pending: u64,
    /// What the servers say now.
    pub files: Vec<LateFile>,
}

/// What one language server said late of one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LateFile {
    /// The file.
    pub path: String,
    /// The server.
    pub server: String,
    /// What its word is worth.
    pub verdict: String,
    /// The messages of what the edit brought.
    pub new: Vec<String>,
    /// The messages of what it mended.
    pub fixed: Vec<String>,
    /// How many findings stayed.
    pub unchanged: usize,
}

/// Parameters of `lsp/diagnostics`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiagnosticsParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Files and directories; what the session changed last if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// How long it may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Parameters of `lsp/rename`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RenameParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file in which the symbol stands.
    pub path: String,
    /// The content that the line is one of; that of now if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleText>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The character in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The symbol's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The symbol by what it lies in, in place of a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Its new name.
    pub to: String,
    /// Whether what the server leaves out is meant to stay.
    #[serde(skip_serializing_if = "is_false")]
    pub accept_uncovered: bool,
    /// How long the server may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Whether only to look.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// The change that was looked at: any other is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The caller's name for the request: one effect, however often sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// The caller's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// Parameters of `lsp/rename_file`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RenameFileParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// Where it goes.
    pub to: String,
    /// How long the server may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Whether only to look.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// The change that was looked at: any other is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The caller's name for the request: one effect, however often sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// The caller's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// What language servers say of an edit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Diagnosis {
    /// `fresh`, `partial`, `temporal` or `inconclusive`: the worst of all.
    pub verdict: String,
    /// What the edit brought in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<FileDiagnostics>,
    /// What is gone with it, in the files as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<FileDiagnostics>,
    /// Number of findings that stayed.
    pub unchanged: usize,
    /// What each server's word is worth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerWord>,
    /// Under which the event `lsp.late` tells what was not in yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
}

/// What was found in one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileDiagnostics {
    /// The file.
    pub path: String,
    /// The name of the content that the findings are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// The findings, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The rows they stand in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// One finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Its lines.
    pub lines: Lines,
    /// Where it begins in the first, in characters from 1.
    pub column: usize,
    /// `error`, `warning` or `hint`.
    pub severity: String,
    /// Who found it.
    pub source: String,
    /// What was found.
    pub message: String,
}

/// What the word of one server about one file is worth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerWord {
    /// The server.
    pub server: String,
    /// The file.
    pub path: String,
    /// As for the whole.
    pub verdict: String,
    /// Why it is not better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A change that a language server made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerChange {
    /// The server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// What it does.
    pub title: String,
    /// `census`, `ready` or `consent`: what proves that it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// Its name.
    pub plan: String,
    /// Places where the old name stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<FileMatches>,
    /// Whether there are more of these.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
    /// The change as a unified diff, where it was only looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// Result of `lsp/diagnostics`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiagnosticsResult {
    /// `ok`
    pub status: String,
    /// `fresh`, `partial`, `temporal` or `inconclusive`: the worst of all.
    pub verdict: String,
    /// The files with findings.
    pub files: Vec<FileDiagnostics>,
    /// What each server's word is worth.
    pub servers: Vec<ServerWord>,
    /// Whether files or findings were left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// Result of `lsp/status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServersResult {
    /// `ok`
    pub status: String,
    /// Those that run or are down.
    pub running: Vec<RunningServer>,
    /// Those that are known.
    pub known: Vec<KnownServer>,
    /// Why none can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A server that runs, or is down though it should not be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunningServer {
    /// Its name.
    pub name: String,
    /// The folder of its project; empty for the root.
    pub project: String,
    /// `ready`, `loading`, `unprovable` or `down`.
    pub state: String,
    /// What it does, or what happened.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The process with which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// The memory that it holds with all that it started, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Documents that are open at it.
    pub documents: usize,
    /// Seconds since its start.
    pub seconds: u64,
}

/// A server of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KnownServer {
    /// Its name.
    pub name: String,
    /// The languages it is for.
    pub languages: Vec<String>,
    /// Where its program lies, if it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// How a person gets it.
    pub install: String,
}

/// Parameters of `lsp/ask`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AskParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What is asked.
    pub what: String,
    /// The file in which the symbol stands.
    pub path: String,
    /// The content that the line is one of; that of now if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleText>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The character in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The symbol's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The symbol by what it lies in, in place of a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// What the names of the project's symbols are to fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// How long it may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Result of `lsp/ask`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AskResult {
    /// `ok`
    pub status: String,
    /// The server.
    pub server: String,
    /// `ready`, `loading` or `unprovable`: what it knew of its project.
    pub state: String,
    /// What it was still doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it shows of the symbol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Symbols: those asked for, or the other ends of calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<SymbolRow>,
    /// The rows of all places, file by file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileMatches>,
    /// Places outside the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<String>,
    /// Whether there are more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// A symbol as a language server names it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SymbolRow {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// What else the server says of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What it lies in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub within: String,
    /// The file.
    pub path: String,
    /// All of it.
    pub lines: Lines,
    /// The lines of the calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Lines>,
}

/// Parameters of `lsp/actions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActionsParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// The content that the lines are of; that of now if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleText>,
    /// About which lines; the whole file if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
    /// How the kinds begin that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The action that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether it is to be done.
    #[serde(skip_serializing_if = "is_false")]
    pub apply: bool,
    /// How long the servers may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Whether only to look.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// The change that was looked at: any other is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The caller's name for the request: one effect, however often sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// The caller's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// Result of `lsp/actions`, where nothing is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActionsResult {
    /// `ok`
    pub status: String,
    /// The file.
    pub path: String,
    /// `ready`, `loading` or `unprovable`: the worst of all servers.
    pub state: String,
    /// The actions.
    pub actions: Vec<OfferedAction>,
}

/// Something that a language server offers to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OfferedAction {
    /// What it does; its name.
    pub title: String,
    /// What kind of action it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Whether the server would choose it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub preferred: bool,
    /// Why it cannot be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// Who offers it.
    pub server: String,
}

/// Parameters of `lsp/format`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FormatParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The file.
    pub path: String,
    /// Which lines of now; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<Lines>>,
    /// Only what the session wrote last.
    #[serde(skip_serializing_if = "is_false")]
    pub changed: bool,
    /// How long the server may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Whether only to look.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// The change that was looked at: any other is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The caller's name for the request: one effect, however often sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// The caller's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}
