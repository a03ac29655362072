//! What is told and asked about documents of editors, and what sessions are told
//! without asking.

use std::sync::Arc;

use engine::anchor::{Handle, LineRange};
use engine::error::Code;

/// Called when there may be notes; it must return at once.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What a listener wants to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interest {
    /// Changes of files that its session has seen.
    pub files: bool,
    /// Everything that an editor has to know: edits to be made in its documents,
    /// and what agents do to them.
    pub editor: bool,
    /// Whether that editor makes an edit also where somebody typed since the
    /// version that it is of, so that it may overwrite what was typed.
    pub careless: bool,
    /// What language servers say too late for the answer of an edit.
    pub servers: bool,
}

/// Notes for a listener.
#[derive(Debug, Default)]
pub struct Notes {
    /// The notes, in order.
    pub notes: Vec<Note>,
    /// How long until there may be more, without another wake.
    pub again: Option<std::time::Duration>,
}

/// Something that a session is told without having asked.
#[derive(Debug, Clone)]
pub enum Note {
    /// A file that it has seen is not what it saw.
    Changed(FileChange),
    /// An edit that its editor has to make.
    Edit(EditorEdit),
    /// There is news of a document that it has open.
    News {
        /// The file.
        path: String,
    },
    /// Language servers said what was not in when an edit was answered.
    Late(Late),
    /// An agent did something.
    Work {
        /// The agent, as it calls itself.
        agent: String,
        /// What it did, in few words.
        what: String,
    },
}

/// What language servers said after an edit was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// The number that the answer gave.
    pub pending: u64,
    /// What they say of each file.
    pub files: Vec<LateFile>,
}

/// What one language server said late of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateFile {
    /// The file.
    pub path: String,
    /// The server.
    pub server: String,
    /// What its word is worth.
    pub verdict: &'static str,
    /// The messages of what the edit brought.
    pub new: Vec<String>,
    /// The messages of what it mended.
    pub fixed: Vec<String>,
    /// How many findings stayed.
    pub unchanged: usize,
}

/// A change of a file that a session has seen.
#[derive(Debug, Clone)]
pub struct FileChange {
    /// The session that is told.
    pub session: String,
    /// The file.
    pub path: String,
    /// The content that the session saw last.
    pub seen: Option<Handle>,
    /// Whether the file is gone.
    pub is_gone: bool,
    /// Whether what changed is text in an editor that is not saved.
    pub is_unsaved: bool,
    /// What differs: lines of the content seen, and what they are now.
    pub hunks: Vec<(LineRange, LineRange)>,
    /// The agent that changed it, if that is known.
    pub agent: Option<String>,
    /// The operation that changed it last, if it was one.
    pub operation: Option<u64>,
}

/// An edit of an open document, to be made by its editor.
#[derive(Debug, Clone)]
pub struct EditorEdit {
    /// Under which the editor answers.
    pub request: u64,
    /// The file.
    pub path: String,
    /// The version of the document that the edits are of.
    pub version: i64,
    /// Sorted and disjoint; all of the text as it was before any of them.
    pub edits: Vec<ByteEdit>,
    /// Who wants it and why.
    pub label: String,
}

/// A replacement in a text of UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByteEdit {
    /// The bytes that go.
    pub range: (usize, usize),
    /// What comes.
    pub text: String,
}

/// What an editor tells of a document.
#[derive(Debug, Clone)]
pub struct Buffer {
    /// The file, relative to the root or absolute.
    pub path: String,
    /// What happened.
    pub event: BufferEvent,
}

/// What happened to a document.
#[derive(Debug, Clone)]
pub enum BufferEvent {
    /// It was opened.
    Opened {
        /// The number of its version.
        version: i64,
        /// What it holds.
        text: DocumentText,
    },
    /// Somebody typed.
    Changed {
        /// The number of its version now.
        version: i64,
        /// Each an edit of the text that those before it left.
        edits: Vec<ByteEdit>,
        /// How long the text is now, so that a mistake is noticed.
        bytes: usize,
    },
    /// It was saved.
    Saved,
    /// It was closed; what was not saved is gone.
    Closed,
}

/// What a document holds.
#[derive(Debug, Clone)]
pub enum DocumentText {
    /// This text.
    Known(String),
    /// Something that cannot be followed; why.
    Unknown(String),
}

/// What an editor says of an edit that it was asked for.
#[derive(Debug, Clone)]
pub struct EditorAnswer {
    /// The number of the request.
    pub request: u64,
    /// Whether it made it, in its own words.
    pub applied: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// What agents did to a file since a person last looked.
#[derive(Debug, Clone)]
pub struct Marks {
    /// The file.
    pub path: String,
    /// The name of its content.
    pub handle: Handle,
    /// Number of lines.
    pub total_lines: usize,
    /// What they changed, newest first.
    pub changes: Vec<Mark>,
    /// What they were refused lately.
    pub setbacks: Vec<Setback>,
}

/// A change by an agent that still stands.
#[derive(Debug, Clone)]
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
    pub why: Option<String>,
    /// The format of the edit.
    pub format: String,
    /// The lines that are left of it.
    pub lines: Vec<LineRange>,
}

/// An edit by an agent that was refused.
#[derive(Debug, Clone)]
pub struct Setback {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The agent, or the program that speaks for it.
    pub agent: String,
    /// Why.
    pub code: Code,
    /// Why, in words.
    pub message: String,
    /// The lines in question, as far as they are there.
    pub lines: Vec<LineRange>,
}

/// Notes that a person has looked at what agents did to a file.
#[derive(Debug, Clone)]
pub struct Accept {
    /// The file.
    pub path: String,
    /// The operation; all of them where none is named.
    pub operation: Option<u64>,
}

/// Asks where lines stand now.
#[derive(Debug, Clone)]
pub struct Resolve {
    /// The file.
    pub path: String,
    /// The content that they are lines of.
    pub handle: Handle,
    /// The lines.
    pub lines: LineRange,
}

/// Where lines stand now.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The file.
    pub path: String,
    /// The name of its content of now.
    pub handle: Handle,
    /// Where they stand, if they do.
    pub lines: Option<LineRange>,
}

/// A document as the service knows it now.
#[derive(Debug, Clone)]
pub struct BufferState {
    /// The file, relative to the root.
    pub path: String,
}
