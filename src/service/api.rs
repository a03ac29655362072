//! The service as its callers see it: one method over a closed list of requests
//! and responses, in plain values. No face, no wire.

mod code;
mod editors;
mod record;
mod servers;
mod streams;
mod texts;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::anchor::{Gutter, Handle, LineRange};
use engine::error::{Code, Refusal};
use engine::format::Script;
use engine::plan::Outcome;
use engine::snapshot::Snapshot;
use engine::store::Cas;

pub use super::policy::Limits;
pub use code::*;
pub use editors::*;
pub use record::*;
pub use servers::*;
pub use streams::{Firing, RuleAction, StreamAnswer, StreamStep, StreamStop};
pub use texts::Texts;

/// The service, wherever it runs.
pub trait Call: Send + Sync {
    /// Carries out one request.
    ///
    /// # Errors
    /// [`Fault`] where the request cannot be understood or served at all. A
    /// refused edit is a [`Response`], not an error.
    fn call(&self, request: Request, context: &Context) -> Result<Reply, Fault>;

    /// Counts what an attempt cost, once its answer is on its way.
    fn count(&self, attempt: Attempt, sent: Traffic);

    /// Returns the limits in force.
    fn limits(&self) -> Limits;

    /// Returns whether requests wait for nothing but the processor and their
    /// turn, so that a thread may carry one out in the middle of other work.
    fn is_quick(&self) -> bool;

    /// Begins to gather notes for a session; `wake` is called whenever there may
    /// be some. Returns the number of the listener.
    ///
    /// # Errors
    /// [`Fault::NotOpened`] where there is no such session.
    fn listen(&self, session: &str, interest: Interest, wake: Wake) -> Result<u64, Fault>;

    /// Returns the notes that a listener has not been given yet.
    fn notes(&self, listener: u64) -> Notes;

    /// Ends a listener. Documents that its session has open are forgotten with the
    /// last one.
    fn hang_up(&self, listener: u64);
}

/// What a request comes with.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The session that speaks; none before it is opened.
    pub session: Option<String>,
    /// Whether the caller has lost interest.
    pub cancel: Cancel,
}

/// A flag that the caller may raise.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Raises the flag.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Returns whether the flag is raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A response, and what the ledger needs to count it.
#[derive(Debug)]
pub struct Reply {
    /// The answer.
    pub response: Response,
    /// Given to [`Call::count`] once the answer is encoded.
    pub attempt: Option<Attempt>,
}

/// A read or an edit whose cost is still to be counted.
#[derive(Debug, Default)]
pub struct Attempt {
    /// The event it left.
    pub event: i64,
    /// Texts that the model wrote and that matter: the new lines.
    pub new_text: Texts,
    /// What the model wrote in earlier requests, where it came in pieces.
    pub written: String,
    /// Texts that the model wrote although they were there: expected lines.
    pub old_text: Texts,
    /// The rows that were read: their content, their lines, how they were numbered.
    pub rows: Option<(Arc<Snapshot>, Vec<std::ops::Range<usize>>, Gutter)>,
    /// Share of these rows that the session had been shown before, in lines.
    pub reread: (usize, usize),
}

/// What went over the wire for an attempt.
#[derive(Debug, Default)]
pub struct Traffic {
    /// The request's parameters, as sent.
    pub request: String,
    /// The answer, as sent.
    pub response: String,
}

/// Why a request cannot be served at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No session is open.
    #[error("open a session first")]
    NotOpened,
    /// A limit of the protocol was passed.
    #[error("{0}")]
    OverLimit(String),
    /// The caller cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// The parameters make no sense.
    #[error("{0}")]
    InvalidParams(String),
    /// The service failed; the request may be tried again.
    #[error("{0}")]
    Internal(String),
}

/// Everything that can be asked.
#[derive(Debug, Clone)]
pub enum Request {
    /// Begin or resume a session.
    Open(Open),
    /// Show lines of a file.
    Read(Read),
    /// Name files.
    List(List),
    /// Find lines.
    Search(Search),
    /// Show what a file defines.
    Outline(Outline),
    /// Find code by its shape, and rewrite it.
    Pattern(PatternSearch),
    /// Change files.
    Apply(Apply),
    /// Change files by an edit that is still being written.
    Stream(StreamStep),
    /// Apply a rejected edit after all.
    Retry(Retry),
    /// Ask language servers what is wrong with files.
    Diagnose(Diagnose),
    /// Rename a symbol everywhere.
    Rename(Rename),
    /// Move a file, and what names it with it.
    RenameFile(RenameFile),
    /// Ask what a language server knows.
    Ask(Ask),
    /// Have a language server offer or do something.
    Actions(Actions),
    /// Format a file.
    Format(Format),
    /// Say how language servers are.
    Servers,
    /// Take an operation back.
    Undo(Undo),
    /// Take an undo back.
    Redo,
    /// List operations.
    Log(Log),
    /// Show one operation.
    Show(Show),
    /// Sum up.
    Stats(Stats),
    /// List events.
    Tail(Tail),
    /// Look for trouble.
    Examine,
    /// Take in what an editor tells of a document.
    Buffer(Buffer),
    /// Take in what an editor says of an edit.
    EditorAnswer(EditorAnswer),
    /// Show what agents did to a file since a person last looked.
    Marks {
        /// The file.
        path: String,
    },
    /// Note that a person has looked.
    Accept(Accept),
    /// Find lines of some content in that of now.
    Resolve(Resolve),
}

/// Everything that can be answered.
#[derive(Debug, Clone)]
pub enum Response {
    /// To [`Request::Open`].
    Opened(Opened),
    /// To [`Request::Read`].
    Read(ReadAnswer),
    /// To [`Request::List`].
    List(ListAnswer),
    /// To [`Request::Search`], and to [`Request::Pattern`] without a rewrite.
    Search(SearchAnswer),
    /// To [`Request::Pattern`] with a rewrite.
    Rewrite(RewriteAnswer),
    /// To [`Request::Outline`].
    Outline(OutlineAnswer),
    /// To [`Request::Apply`], the close of a [`Request::Stream`],
    /// [`Request::Retry`], [`Request::Undo`], [`Request::Redo`], and whatever
    /// has a language server change files.
    Edit(EditAnswer),
    /// To [`Request::Stream`], save at its close.
    Stream(StreamAnswer),
    /// To [`Request::Diagnose`].
    Diagnosed(Diagnosed),
    /// To [`Request::Ask`].
    Asked(AskAnswer),
    /// To [`Request::Actions`], where nothing is to be done.
    Actions(ActionsAnswer),
    /// To [`Request::Servers`].
    Servers(ServersAnswer),
    /// To [`Request::Log`].
    Log(Vec<Operation>),
    /// To [`Request::Show`].
    Show(OperationDetail),
    /// To [`Request::Stats`].
    Stats(Summary),
    /// To [`Request::Tail`].
    Tail(Vec<Event>),
    /// To [`Request::Examine`].
    Examined(Vec<Finding>),
    /// To [`Request::Buffer`].
    Buffer(BufferState),
    /// To [`Request::Marks`].
    Marks(Marks),
    /// To [`Request::Resolve`].
    Resolved(Resolved),
    /// To what needs no answer.
    Done,
    /// To any of them.
    Rejected(Rejection),
}

/// Asks for a session.
#[derive(Debug, Clone, Default)]
pub struct Open {
    /// The program that asks, with its version.
    pub client: String,
    /// The agent, as it calls itself.
    pub agent: String,
    /// The model behind the agent.
    pub model: String,
    /// The session to go on with, or a name for a new one.
    pub resume: Option<String>,
}

/// A session.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its name.
    pub session: String,
    /// The root, absolute.
    pub root: String,
    /// The limits in force.
    pub limits: Limits,
}

/// Asks for lines of a file.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// Relative to the root, or absolute within it.
    pub path: String,
    /// Which lines; all of them where none are named.
    pub lines: Vec<LineRange>,
    /// The construct whose lines are meant, by its name path.
    pub symbol: Option<String>,
    /// A line (1-based); the innermost construct around it is meant.
    pub around: Option<usize>,
    /// How rows bear their numbers.
    pub gutter: Gutter,
    /// A handle the caller has: only what differs need be shown.
    pub known: Option<Handle>,
    /// The content to show, where it is not that of now.
    pub handle: Option<Handle>,
}

/// Lines of a file.
#[derive(Debug, Clone)]
pub struct ReadAnswer {
    /// The file, its symlinks followed.
    pub path: String,
    /// The name of its content.
    pub handle: Handle,
    /// The rows, or that there is nothing new.
    pub body: ReadBody,
    /// The construct that was asked for, by its whole path.
    pub symbol: Option<String>,
    /// The lines that the rows show.
    pub shown: Vec<LineRange>,
    /// Where to go on reading, if the page was full.
    pub next: Option<usize>,
    /// Number of lines.
    pub total_lines: usize,
    /// How lines end.
    pub eol: &'static str,
    /// Whether the last line is terminated.
    pub final_newline: bool,
    /// How bytes stand for characters.
    pub encoding: &'static str,
    /// Size in bytes.
    pub bytes: usize,
}

/// What a read shows.
#[derive(Debug, Clone)]
pub enum ReadBody {
    /// The rows.
    Text(String),
    /// The known content is the content of now.
    Unchanged,
    /// What differs from the known content.
    Delta(Vec<DeltaHunk>),
}

/// One difference between a known content and that of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaHunk {
    /// Lines of the known content that went; `(n + 1, n)` where none did.
    pub old: LineRange,
    /// Lines of now that came; `(n + 1, n)` where none did.
    pub new: LineRange,
    /// The rows that came.
    pub text: String,
}

/// Asks for the names of files.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// Files and directories to look below; the root where none are named.
    pub paths: Vec<String>,
    /// Patterns of paths, one of which must match, if there are any.
    pub globs: Vec<String>,
    /// Whether hidden and ignored files count as well.
    pub all: bool,
    /// How many directories deep to go; those at the end are named themselves.
    pub depth: Option<usize>,
    /// How many names at most.
    pub limit: usize,
}

/// Names of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAnswer {
    /// The names, sorted; those of directories end with `/`.
    pub paths: Vec<String>,
    /// Whether there are more.
    pub more: bool,
}

/// Asks for lines that match a pattern.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// What to look for: a regular expression, or a text.
    pub pattern: String,
    /// Whether the pattern is a text.
    pub literal: bool,
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
    /// Files and directories to look in; the root where none are named.
    pub paths: Vec<String>,
    /// Patterns of paths, one of which must match, if there are any.
    pub globs: Vec<String>,
    /// Whether hidden and ignored files count as well.
    pub all: bool,
    /// How many rows to show before and after each match.
    pub context: usize,
    /// How many matches at most.
    pub limit: usize,
}

/// Lines that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchAnswer {
    /// The files with matches, sorted by name.
    pub files: Vec<FileMatches>,
    /// Number of matches in them.
    pub matches: usize,
    /// Whether there may be more: a limit of number or time was reached.
    pub more: bool,
}

/// The matches of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMatches {
    /// The file.
    pub path: String,
    /// The name of its content.
    pub handle: Handle,
    /// Number of lines.
    pub total_lines: usize,
    /// The lines of each match.
    pub matches: Vec<LineRange>,
    /// The rows, without those that are too long to show.
    pub text: String,
}

/// An edit as it came in.
#[derive(Debug, Clone)]
pub enum Source {
    /// Already a script.
    Script(Script),
    /// To be read in the format it names.
    Text(String),
    /// Not to be understood; refused and counted like any other.
    Malformed(Refusal),
}

/// Asks for an edit.
#[derive(Debug, Clone)]
pub struct Apply {
    /// What is to happen.
    pub source: Source,
    /// The format it was written in.
    pub format: String,
    /// The caller's own name for the request: one effect, however often sent.
    pub op_id: Option<String>,
    /// The caller's reason.
    pub why: Option<String>,
    /// Whether an edit may land on other lines than those it names.
    pub relocate: bool,
    /// What to check before anything is written.
    pub verify: Verify,
    /// Whether only to look.
    pub dry_run: bool,
    /// Whether one edit may go to several files of which some are open in
    /// editors, although it is then not all or none.
    pub allow_mixed: bool,
}

impl Apply {
    /// Returns the edit as text, if it came as one.
    pub fn text(self) -> Option<String> {
        match self.source {
            Source::Text(text) => Some(text),
            Source::Script(_) | Source::Malformed(_) => None,
        }
    }
}

/// What to check before anything is written; where nothing is said, the
/// service's own policy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verify {
    /// Whether the result parses as well as what was there.
    pub syntax: Option<Policy>,
    /// Whether the new text looks like a slip.
    pub lint: Option<Policy>,
    /// What language servers say of it: to refuse, they are asked before the
    /// write, else after it.
    pub lsp: Option<Policy>,
    /// How long language servers may take, in milliseconds.
    pub lsp_ms: Option<u64>,
    /// What a slip leads to where neither the request nor a rule says anything.
    pub usual_lint: Option<Policy>,
}

/// What a finding leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The edit is refused.
    Reject,
    /// The answer names it.
    Warn,
    /// Nobody looks.
    Off,
}

/// An edit that took effect, or would.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditAnswer {
    /// Whether it took effect; otherwise it was a dry run.
    pub applied: bool,
    /// The operation; `None` where nothing had to be written.
    pub operation: Option<u64>,
    /// What became of each file.
    pub files: Vec<FileAnswer>,
    /// What looked like a slip, but was let pass.
    pub lints: Vec<LintNote>,
    /// What language servers say of it, where they were asked.
    pub diagnostics: Option<Diagnosis>,
    /// Where the change comes from, if a language server made it.
    pub server: Option<ServerChange>,
    /// Whether a flush failed, so that a loss of power may still undo it.
    pub unflushed: bool,
    /// The format that the text was recognised as, where none was named.
    pub format: Option<String>,
}

/// Something in an edit that looks like a slip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintNote {
    /// The file.
    pub path: String,
    /// The operation within the file, from 0; `None` where it is the file's.
    pub op: Option<usize>,
    /// The name of the lint, or `syntax`.
    pub lint: String,
    /// What was seen, in one sentence.
    pub message: String,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAnswer {
    /// Where it is now, or was before it was removed.
    pub path: String,
    /// The name of its content; `None` where it was removed.
    pub handle: Option<Handle>,
    /// What became of each operation.
    pub ops: Vec<Outcome>,
    /// The rows around operations that landed on other lines than named.
    pub window: Option<String>,
    /// How well the swap was protected, if it was less than strictly.
    pub cas: Option<Cas>,
    /// Whether it was made in the text of an editor, where it waits to be saved.
    pub in_buffer: bool,
}

/// A refused edit or read, with its cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// For the caller that branches.
    pub code: Code,
    /// For the one who must act.
    pub message: String,
    /// The file.
    pub path: Option<String>,
    /// The operation within the file, from 0.
    pub op: Option<usize>,
    /// The name of the content that the rows show: that of now where the edit is
    /// stale, the one that the edit named where its lines were not seen.
    pub handle: Option<Handle>,
    /// The rows around each operation in question.
    pub rows: Option<String>,
    /// What another program changed near the operations in question, as
    /// differences between the content that was seen and that of now.
    pub drift: Vec<DeltaHunk>,
    /// For each operation, the lines of `handle` that `accept` would put it on.
    pub landings: Vec<Option<LineRange>>,
    /// The several lines of `handle` that operation `op` could mean; a retry
    /// names one by its number, from 1.
    pub candidates: Vec<LineRange>,
    /// What could be meant instead, in few words; a retry names one by its
    /// number, from 1.
    pub fixes: Vec<String>,
    /// Places that a rename would leave as they are.
    pub uncovered: Vec<FileMatches>,
    /// Under which the edit can be sent again without being written again.
    pub retry: Option<String>,
    /// The format that the text was recognised as, where none was named.
    pub format: Option<String>,
}

/// Asks for a rejected edit to be applied after all.
#[derive(Debug, Clone, Default)]
pub struct Retry {
    /// The token of the rejection.
    pub token: String,
    /// Whether to take the landings as proposed.
    pub accept: bool,
    /// Whether the edit is to be forgotten instead.
    pub decline: bool,
    /// The lines, in the new handle, of each operation of the rejected file.
    pub at: Vec<LineRange>,
    /// The candidate that is meant, from 1.
    pub candidate: Option<usize>,
    /// The fix that is meant, from 1.
    pub fix: Option<usize>,
    /// Whether the edit may go to files and editors at once, although it is then
    /// not all or none.
    pub allow_mixed: bool,
}

/// Asks for an operation to be taken back; the session's last one if none is
/// named.
#[derive(Debug, Clone, Default)]
pub struct Undo {
    /// The operation.
    pub operation: Option<u64>,
    /// As in [`Apply`].
    pub allow_mixed: bool,
}
