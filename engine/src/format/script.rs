//! The script: an edit as it was asked for, whatever the format.

use super::{Draft, DraftFile, Find, Task, unsayable};
use crate::anchor::{Handle, LineRange};
use crate::error::Refusal;

/// The edits of one call, a file each. No path occurs twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// The files, in the order of the call.
    pub files: Vec<FileScript>,
}

/// What is to happen to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileScript {
    /// Relative to the root, with `/`.
    pub path: String,
    /// What is to happen.
    pub action: Action,
}

/// What can happen to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Some of its lines change.
    Edit {
        /// The content whose lines are meant.
        handle: Handle,
        /// In any order; the lines are always those of the handle.
        ops: Vec<Op>,
        /// Whether the file ends with a newline afterwards; `None` leaves that
        /// to the rules of the text.
        final_newline: Option<bool>,
    },
    /// It comes to be, with exactly this text.
    Create {
        /// The bytes to write, as UTF-8.
        text: String,
    },
    /// All of its lines are replaced.
    Write {
        /// The content to be replaced.
        handle: Handle,
        /// The new lines.
        text: String,
    },
    /// It goes.
    Remove {
        /// The content to be removed.
        handle: Handle,
    },
    /// Some of its lines change, and it gets another path.
    EditAndMove {
        /// The content whose lines are meant.
        handle: Handle,
        /// As in [`Action::Edit`].
        ops: Vec<Op>,
        /// As in [`Action::Edit`].
        final_newline: Option<bool>,
        /// The new path, relative to the root.
        to: String,
        /// As in [`Action::Move`].
        to_handle: Option<Handle>,
    },
    /// It gets another path, its bytes unchanged.
    Move {
        /// The content to be moved.
        handle: Handle,
        /// The new path, relative to the root.
        to: String,
        /// The content that may be overwritten there; without it the
        /// destination must be free.
        to_handle: Option<Handle>,
    },
}

impl Action {
    /// Returns the content the author refers to, if any.
    pub fn handle(&self) -> Option<Handle> {
        match *self {
            Action::Edit { handle, .. }
            | Action::EditAndMove { handle, .. }
            | Action::Write { handle, .. }
            | Action::Remove { handle }
            | Action::Move { handle, .. } => Some(handle),
            Action::Create { .. } => None,
        }
    }

    /// Returns the new path and the content that may be overwritten there, if
    /// the file gets another path.
    pub fn destination(&self) -> Option<(&str, Option<Handle>)> {
        match self {
            Action::EditAndMove { to, to_handle, .. } | Action::Move { to, to_handle, .. } => {
                Some((to, *to_handle))
            }
            _ => None,
        }
    }
}

/// One operation on lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Where and what.
    pub kind: OpKind,
    /// What the author believes to stand there.
    pub expect: Option<Expect>,
}

impl From<OpKind> for Op {
    fn from(kind: OpKind) -> Op {
        Op { kind, expect: None }
    }
}

/// The three operations on lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpKind {
    /// The lines become the body.
    Replace {
        /// 1-based, inclusive.
        lines: LineRange,
        /// The new lines.
        body: Body,
    },
    /// The body comes after a line; 0 is the start of the file.
    Insert {
        /// 1-based, or 0.
        after: usize,
        /// The new lines.
        body: Body,
    },
    /// The lines go.
    Delete {
        /// 1-based, inclusive.
        lines: LineRange,
        /// The name under which a [`Body`] of the same call can use them.
        register: Option<String>,
    },
}

/// The new lines of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// As written.
    Text(String),
    /// The lines that a delete of this call took away under this name.
    Register(String),
}

/// The first characters of the first and of the last line of a range: proof, at
/// a few tokens, that the author knows what is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// How the first line begins, leading blanks left out.
    pub first: String,
    /// How the last line begins, leading blanks left out.
    pub last: Option<String>,
}

impl Op {
    /// Returns the lines it names (1-based, inclusive); an insertion after line
    /// n names the place `(n + 1, n)`.
    pub fn lines(&self) -> LineRange {
        match self.kind {
            OpKind::Replace { lines, .. } | OpKind::Delete { lines, .. } => lines,
            OpKind::Insert { after, .. } => (after.saturating_add(1), after),
        }
    }
}

/// Returns the script that a draft says without anything to be looked up.
pub(super) fn of(draft: &Draft) -> Result<Script, Refusal> {
    let files: Result<Vec<FileScript>, Refusal> = draft.files.iter().map(of_file).collect();
    Ok(Script { files: files? })
}

fn of_file(file: &DraftFile) -> Result<FileScript, Refusal> {
    let refuse = || unsayable(file, "anchor");
    let handle = || file.handle.ok_or_else(refuse);
    let action = match &file.task {
        Task::Create { text } => Action::Create { text: text.clone() },
        Task::Write { text } => Action::Write { handle: handle()?, text: text.clone() },
        Task::Remove { .. } => Action::Remove { handle: handle()? },
        Task::Edit { finds, final_newline, to } => {
            let op = |find: &Find| match find {
                Find::Lines(op) => Some(op.clone()),
                _ => None,
            };
            let ops: Option<Vec<Op>> = finds.iter().map(op).collect();
            let (ops, handle, final_newline) = (ops.ok_or_else(refuse)?, handle()?, *final_newline);
            match to.clone() {
                None => Action::Edit { handle, ops, final_newline },
                Some(to) if ops.is_empty() && final_newline.is_none() => {
                    Action::Move { handle, to: to.path, to_handle: to.handle }
                }
                Some(to) => Action::EditAndMove {
                    handle,
                    ops,
                    final_newline,
                    to: to.path,
                    to_handle: to.handle,
                },
            }
        }
    };
    Ok(FileScript { path: file.path.clone(), action })
}
