//! The record: what was done, what it cost, and what is wrong.

/// Asks for operations, newest first.
#[derive(Debug, Clone)]
pub struct Log {
    /// How many at most.
    pub limit: usize,
    /// Only those before this one.
    pub before: Option<u64>,
    /// Only those that touched this file.
    pub path: Option<String>,
}

/// An operation that took effect.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its number.
    pub id: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The session that asked for it.
    pub session: String,
    /// The agent of that session.
    pub agent: String,
    /// `edit`, `undo` or `redo`.
    pub kind: String,
    /// The operation it undid or redid.
    pub target: Option<u64>,
    /// The operation that took it back.
    pub undone: Option<u64>,
    /// The format it was written in.
    pub format: String,
    /// The caller's reason.
    pub why: Option<String>,
    /// What happened to which file: `modify`, `create`, `remove`, `move`.
    pub files: Vec<(String, &'static str, Option<String>)>,
}

/// Asks for one operation.
#[derive(Debug, Clone)]
pub struct Show {
    /// Its number.
    pub operation: u64,
}

/// One operation with what it changed.
#[derive(Debug, Clone)]
pub struct OperationDetail {
    /// The operation.
    pub operation: Operation,
    /// Its changes as a unified diff without context lines from other files.
    pub diff: String,
}

/// Asks for a summary.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Only of this session.
    pub session: Option<String>,
    /// What to group by.
    pub by: GroupBy,
}

/// What a summary is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// One group for all.
    #[default]
    All,
    /// A group a session.
    Session,
    /// A group an agent.
    Agent,
    /// A group a model.
    Model,
    /// A group an edit format.
    Format,
}

/// What the attempts came to.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The tokenizer of every figure in tokens.
    pub tokenizer: &'static str,
    /// A row a group.
    pub groups: Vec<Group>,
}

/// What the attempts of one group came to. All tokens are of the tokenizer that
/// the summary names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// The session, agent, model or format; `all` for everything.
    pub name: String,
    /// Reads served.
    pub reads: usize,
    /// Edits somebody wanted: chains of an attempt and its retries.
    pub edits: usize,
    /// Of these, those applied at the first try.
    pub first_try: usize,
    /// Of these, those applied at any try.
    pub landed: usize,
    /// Of these, those undone later.
    pub undone: usize,
    /// Edit attempts, retries included.
    pub attempts: usize,
    /// Rejected attempts by code.
    pub rejected: Vec<(String, usize)>,
    /// Bytes received and sent.
    pub bytes: (usize, usize),
    /// Streams that were given up after they could no longer succeed.
    pub stopped: usize,
    /// Tokens that need not be written because of that; `docs/protocol.md` has
    /// the formula.
    pub saved: usize,
    /// Tokens the model wrote and read.
    pub tokens: (usize, usize),
    /// Where tokens went that need not have gone.
    pub waste: Waste,
    /// Attempts whose cost is an estimate or was never counted.
    pub uncounted: usize,
}

/// Wasted tokens by part; `docs/protocol.md` has the formulas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waste {
    /// Payload of rejected edits.
    pub rejected: usize,
    /// Payload of edits that were undone later.
    pub reverted: usize,
    /// Answers that told of a rejection.
    pub errors: usize,
    /// Unchanged lines that the session was shown again.
    pub reread: usize,
    /// Old text that was written again.
    pub old_text: usize,
    /// Line numbers.
    pub gutter: usize,
    /// Everything around the new text of applied edits.
    pub envelope: usize,
}

impl Waste {
    /// Returns the sum of the parts.
    pub fn total(&self) -> usize {
        self.rejected
            + self.reverted
            + self.errors
            + self.reread
            + self.old_text
            + self.gutter
            + self.envelope
    }
}

/// Asks for events, oldest first.
#[derive(Debug, Clone)]
pub struct Tail {
    /// Only those after this number.
    pub since: i64,
    /// How many at most.
    pub limit: usize,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its number; there are no gaps.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What happened: `edit.applied`, `read.served` …
    pub kind: String,
    /// The session it happened in; empty for the service itself.
    pub session: String,
    /// The operation it is about.
    pub operation: Option<i64>,
    /// The particulars, as JSON.
    pub data: String,
}

/// Something that was looked at for trouble.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// Whether all is well.
    pub well: bool,
    /// What was seen, and what to do if it is not well.
    pub detail: String,
}
