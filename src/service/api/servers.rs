//! What is asked of language servers, and what they answer.

use engine::anchor::{Handle, LineRange};

use super::{FileMatches, Verify};

/// What language servers say of an edit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnosis {
    /// The worst of all verdicts: `fresh`, `partial`, `temporal` or
    /// `inconclusive`. Only where it is `fresh` does no news mean that all is
    /// well.
    pub verdict: &'static str,
    /// What the edit brought in.
    pub new: Vec<FileDiagnostics>,
    /// What is gone with it, in the files as they were.
    pub fixed: Vec<FileDiagnostics>,
    /// Number of findings that stayed.
    pub unchanged: usize,
    /// What each server's word is worth.
    pub servers: Vec<ServerWord>,
    /// Under which the event `lsp.late` tells what was not in yet.
    pub pending: Option<u64>,
}

/// What was found in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiagnostics {
    /// The file.
    pub path: String,
    /// The name of the content that the findings are in; `None` where nobody has
    /// seen it.
    pub handle: Option<Handle>,
    /// The findings, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The rows they stand in.
    pub text: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its lines.
    pub lines: LineRange,
    /// Where it begins in the first, in characters from 1.
    pub column: usize,
    /// `error`, `warning` or `hint`.
    pub severity: &'static str,
    /// Who found it.
    pub source: String,
    /// What was found, in one line.
    pub message: String,
}

/// What the word of one server about one file is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerWord {
    /// The server.
    pub server: String,
    /// The file.
    pub path: String,
    /// See [`Diagnosis::verdict`].
    pub verdict: &'static str,
    /// Why it is not better.
    pub reason: Option<String>,
}

/// Asks language servers what is wrong with files.
#[derive(Debug, Clone, Default)]
pub struct Diagnose {
    /// Files and directories; what the session changed last where none are
    /// named.
    pub paths: Vec<String>,
    /// How long it may take, in milliseconds.
    pub wait_ms: u64,
}

/// What is wrong with files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosed {
    /// See [`Diagnosis::verdict`].
    pub verdict: &'static str,
    /// The files with findings.
    pub files: Vec<FileDiagnostics>,
    /// What each server's word is worth.
    pub servers: Vec<ServerWord>,
    /// Whether files or findings were left out.
    pub more: bool,
}

/// A place in a file where a symbol stands.
#[derive(Debug, Clone, Default)]
pub struct Spot {
    /// The file.
    pub path: String,
    /// The content that the line is one of; that of now where there is none.
    pub handle: Option<Handle>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The character in the line, from 1.
    pub column: Option<usize>,
    /// The symbol's name, which must stand there.
    pub name: Option<String>,
    /// The symbol by what it lies in, such as `Part::new`, in place of a line.
    pub symbol: Option<String>,
}

/// Asks for a symbol to be renamed everywhere.
#[derive(Debug, Clone, Default)]
pub struct Rename {
    /// Where it stands.
    pub spot: Spot,
    /// Its new name.
    pub to: String,
    /// Whether the places that the server leaves out are meant to stay, although
    /// it does not prove that it knows all.
    pub accept_uncovered: bool,
    /// How it is to be carried out.
    pub how: How,
}

/// Asks for a file to be moved, and for what names it to follow.
#[derive(Debug, Clone, Default)]
pub struct RenameFile {
    /// The file.
    pub path: String,
    /// Where it goes.
    pub to: String,
    /// How it is to be carried out.
    pub how: How,
}

/// How a change that a language server makes is to be carried out.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// How long the server may take, in milliseconds.
    pub wait_ms: u64,
    /// Whether only to look.
    pub dry_run: bool,
    /// The change that was looked at: any other is refused.
    pub plan: Option<String>,
    /// The caller's own name for the request: one effect, however often sent.
    pub op_id: Option<String>,
    /// The caller's reason.
    pub why: Option<String>,
    /// What to check.
    pub verify: Verify,
    /// Whether somebody consented to what the user's rules ask about.
    pub consented: bool,
}

/// A change that a language server made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerChange {
    /// The server.
    pub server: String,
    /// What it does, in few words.
    pub title: String,
    /// What proves that it is complete: `census`, `ready` or `consent`; `None`
    /// where it need not be.
    pub proof: Option<&'static str>,
    /// Its name, by which exactly this change can be asked for.
    pub plan: String,
    /// Places that it leaves as they are, although the old name stands there.
    pub uncovered: Vec<FileMatches>,
    /// Whether there are more of these.
    pub more: bool,
    /// The change as a unified diff, where it was only looked at.
    pub diff: Option<String>,
}

/// How language servers are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServersAnswer {
    /// Those that run or are down.
    pub running: Vec<RunningServer>,
    /// Those that are known.
    pub known: Vec<KnownServer>,
    /// Why none can be used, if so.
    pub trouble: Option<String>,
}

/// A server that runs, or is down though it should not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningServer {
    /// Its row of the table.
    pub name: String,
    /// The folder of its project; empty for the root.
    pub project: String,
    /// `ready`, `loading`, `unprovable` or `down`.
    pub state: &'static str,
    /// What it does, or what happened.
    pub detail: String,
    /// The process with which it ends.
    pub process: Option<u32>,
    /// The memory that it holds with all that it started, in bytes.
    pub memory_bytes: Option<u64>,
    /// Documents that are open at it.
    pub documents: usize,
    /// Seconds since its start.
    pub seconds: u64,
}

/// A server of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownServer {
    /// Its name.
    pub name: String,
    /// The languages it is for.
    pub languages: Vec<String>,
    /// Where its program lies, if it can be used.
    pub program: Option<String>,
    /// Why it cannot be used.
    pub trouble: Option<String>,
    /// How a person gets it.
    pub install: String,
}

/// What is asked of a symbol, or of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum What {
    /// Where it is defined.
    #[default]
    Definition,
    /// Where its type is defined.
    TypeDefinition,
    /// Where it is implemented.
    Implementation,
    /// Where it stands.
    References,
    /// What the server shows of it.
    Hover,
    /// Who calls it.
    Callers,
    /// What it calls.
    Callees,
    /// The symbols of the file, or of its project by a query.
    Symbols,
}

impl What {
    /// All of them.
    pub const ALL: [What; 8] = [
        What::Definition,
        What::TypeDefinition,
        What::Implementation,
        What::References,
        What::Hover,
        What::Callers,
        What::Callees,
        What::Symbols,
    ];

    /// Returns its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Definition => "definition",
            What::TypeDefinition => "type_definition",
            What::Implementation => "implementation",
            What::References => "references",
            What::Hover => "hover",
            What::Callers => "callers",
            What::Callees => "callees",
            What::Symbols => "symbols",
        }
    }
}

/// Asks what a language server knows.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// What.
    pub what: What,
    /// Of which symbol; of [`What::Symbols`], only the file counts.
    pub spot: Spot,
    /// What names of the project's symbols are to fit.
    pub query: Option<String>,
    /// How long it may take, in milliseconds.
    pub wait_ms: u64,
}

/// What a language server knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskAnswer {
    /// The server.
    pub server: String,
    /// What it knew of its project: `ready`, `loading` or `unprovable`. Only
    /// where it is `ready` does an empty answer mean that there is nothing.
    pub state: &'static str,
    /// What it was still doing.
    pub reason: Option<String>,
    /// What it shows of the symbol.
    pub text: Option<String>,
    /// Symbols: those asked for, or the other ends of calls.
    pub symbols: Vec<SymbolRow>,
    /// The rows of all places, file by file.
    pub files: Vec<FileMatches>,
    /// Places outside the root.
    pub outside: Vec<String>,
    /// Whether there are more.
    pub more: bool,
}

/// A symbol as a language server names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolRow {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: &'static str,
    /// What else the server says of it.
    pub detail: String,
    /// What it lies in, the outermost first.
    pub within: String,
    /// The file.
    pub path: String,
    /// All of it.
    pub lines: LineRange,
    /// The lines of the calls, in the file of who calls.
    pub calls: Vec<LineRange>,
}

/// Asks what language servers offer to do, or for one of these to be done.
#[derive(Debug, Clone, Default)]
pub struct Actions {
    /// The file.
    pub path: String,
    /// The content that the lines are of; that of now where there is none.
    pub handle: Option<Handle>,
    /// About which lines; the whole file where none are named.
    pub lines: Option<LineRange>,
    /// How the kinds begin that count.
    pub kind: Option<String>,
    /// The action that is meant.
    pub title: Option<String>,
    /// Whether it is to be done.
    pub apply: bool,
    /// How it is to be carried out.
    pub how: How,
}

/// What language servers offer to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActionsAnswer {
    /// The file.
    pub path: String,
    /// See [`AskAnswer::state`]: the worst of all servers.
    pub state: &'static str,
    /// The actions.
    pub actions: Vec<OfferedAction>,
}

/// Something that a language server offers to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedAction {
    /// What it does; its name.
    pub title: String,
    /// What kind of action it is.
    pub kind: String,
    /// Whether the server would choose it.
    pub preferred: bool,
    /// Why it cannot be done.
    pub disabled: Option<String>,
    /// Who offers it.
    pub server: String,
}

/// Asks for a file to be formatted.
#[derive(Debug, Clone, Default)]
pub struct Format {
    /// The file.
    pub path: String,
    /// How much of it.
    pub stretch: Stretch,
    /// How it is to be carried out.
    pub how: How,
}

/// How much of a file is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Stretch {
    /// All of it.
    #[default]
    Whole,
    /// These lines of now.
    Lines(Vec<LineRange>),
    /// What the session wrote last.
    Changed,
}
