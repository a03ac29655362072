//! Edits that are still being written, and the rules of the user over them, as
//! callers see them.

use super::{Apply, Rejection};

/// Asks for a step of an edit that comes in pieces.
#[derive(Debug, Clone)]
pub enum StreamStep {
    /// Begin: how the edit is to be carried out, and as its source the first
    /// piece.
    Open(Box<Apply>),
    /// Go on.
    Chunk {
        /// The stream.
        stream: String,
        /// The next piece.
        text: String,
    },
    /// The edit is complete: carry it out.
    Close {
        /// The stream.
        stream: String,
        /// The last piece.
        text: String,
    },
    /// The edit was given up.
    Cancel {
        /// The stream.
        stream: String,
    },
}

/// What is known of an edit that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamAnswer {
    /// The stream.
    pub stream: String,
    /// Whether it is still there.
    pub open: bool,
    /// Bytes taken so far.
    pub taken: usize,
    /// Why the edit can no longer succeed, if it cannot.
    pub stop: Option<StreamStop>,
    /// The rules that fired since the last answer.
    pub firings: Vec<Firing>,
}

/// A rule of the user that an edit falls under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// Its name.
    pub rule: String,
    /// What is to happen.
    pub action: RuleAction,
    /// What the model is to be told.
    pub message: String,
    /// The file.
    pub path: String,
}

/// What is to happen to an edit that falls under a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// It is refused.
    Stop,
    /// Its author is told.
    Warn,
    /// It waits for consent.
    Ask,
}

impl RuleAction {
    /// Returns its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleAction::Stop => "stop",
            RuleAction::Warn => "warn",
            RuleAction::Ask => "ask",
        }
    }
}

/// Why an edit can no longer succeed, however it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStop {
    /// The bytes after which that was so.
    pub at: usize,
    /// The reason, with what its author has to look at.
    pub rejection: Rejection,
}
