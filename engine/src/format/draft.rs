//! The draft: an edit as its text says it, before anybody looked at a file.
//!
//! A [`Script`](super::Script) names lines of a content. Most formats name them
//! by what stands there instead: by text, by hashes, by positions; and they say
//! no handle, because their authors mean what they read last. A draft holds all
//! of that as written. What it comes to is the plan's concern, which has the
//! contents.

use super::{Action, Body, FileScript, Op, OpKind, Script};
use crate::anchor::{Handle, LineRange};

/// The edits of one call, a file each. No path occurs twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// The files, in the order of the call.
    pub files: Vec<DraftFile>,
}

/// What is asked for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftFile {
    /// Relative to the root, with `/`.
    pub path: String,
    /// The content that is meant; without it, the one that the session saw
    /// last of this path.
    pub handle: Option<Handle>,
    /// What is to happen.
    pub task: Task,
}

/// What can be asked for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Some of its lines change, and it may get another path.
    Edit {
        /// The changes. None at all where only the path is to change.
        finds: Vec<Find>,
        /// Whether the file ends with a newline afterwards; `None` leaves that
        /// to the rules of the text.
        final_newline: Option<bool>,
        /// The new path, if it is to get one.
        to: Option<Destination>,
    },
    /// It comes to be, with exactly this text.
    Create {
        /// The bytes to write, as UTF-8.
        text: String,
    },
    /// It has this text afterwards: all lines of the content that was seen are
    /// replaced, or, where none was seen, it comes to be.
    Write {
        /// The new lines.
        text: String,
    },
    /// It goes.
    Remove {
        /// All of its lines, where the format says them.
        old: Option<Hunk>,
    },
}

/// Where a file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The new path, relative to the root.
    pub path: String,
    /// The content that may be overwritten there; without it the destination
    /// must be free.
    pub handle: Option<Handle>,
}

/// One change, and how its place is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Find {
    /// By the numbers of its lines.
    Lines(Op),
    /// By the numbers of its lines, each with a hash of what stands there.
    Hashed {
        /// The operation.
        op: Op,
        /// The lines it names.
        anchors: Vec<Anchor>,
    },
    /// By the text that stands there; it may begin and end inside of a line.
    Text(Quote),
    /// By whole lines that stand there.
    Rows(Hunk),
    /// By two positions.
    Span {
        /// Where the old text begins.
        start: Position,
        /// Where it ends; the same place for an insertion.
        end: Position,
        /// The new text. Its line breaks become those of the file.
        new: String,
    },
    /// By the name of a construct, which a parser finds.
    Symbol {
        /// Its name path, such as `impl Part > fn new`.
        name: String,
        /// What becomes of it.
        act: Act,
    },
}

/// What becomes of a construct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// All its lines become this text.
    Replace(String),
    /// What stands in it becomes this text; its signature and its brackets stay.
    Body(String),
    /// This text comes beside it.
    Insert(Side, String),
    /// It goes.
    Delete,
    /// It goes beside another construct of the same file.
    Move {
        /// On which side.
        side: Side,
        /// The name path of the other one.
        to: String,
    },
}

impl Act {
    /// Returns the text that its author wrote, if any.
    pub fn text(&self) -> Option<&str> {
        match self {
            Act::Replace(text) | Act::Body(text) | Act::Insert(_, text) => Some(text),
            Act::Delete | Act::Move { .. } => None,
        }
    }
}

/// A side of a construct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Above its first line.
    Before,
    /// Below its last line.
    After,
}

impl Side {
    /// Returns `before` or `after`.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Before => "before",
            Side::After => "after",
        }
    }
}

/// The line of an insertion that comes behind the last line, however many there
/// are.
pub const LAST: usize = usize::MAX;

/// A line and what its author believes to stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The line, 1-based.
    pub line: usize,
    /// The hash of what stands there.
    pub hash: LineHash,
    /// What the line says, `...` standing for anything.
    pub text: Option<String>,
}

/// The hash of a line: the lowest byte of its XXH32 (seed 0). It tells a slip,
/// and proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineHash {
    /// Of the line without the white space at its end; written as two letters
    /// behind `#`.
    Letters(u8),
    /// Of the line without any white space; written as two hexadecimal digits
    /// behind `:`.
    Hex(u8),
}

impl LineHash {
    /// Returns whether this is the hash of `line`.
    pub fn is_of(self, line: &[u8]) -> bool {
        let byte = |line: &[u8]| xxhash_rust::xxh32::xxh32(line, 0) as u8;
        match self {
            LineHash::Letters(hash) => byte(line.trim_ascii_end()) == hash,
            LineHash::Hex(hash) => {
                let bare: Vec<u8> =
                    line.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                byte(&bare) == hash
            }
        }
    }
}

impl Anchor {
    /// Returns whether this can be said of `line`.
    pub fn fits(&self, line: &[u8]) -> bool {
        let Some(text) = &self.text else { return self.hash.is_of(line) };
        let mut rest = line.trim_ascii();
        let text = text.replace('…', "...");
        let parts: Vec<&str> = text.trim().split("...").collect();
        let said = parts.iter().enumerate().all(|(index, part)| {
            let part = part.as_bytes();
            let at = match (index, index + 1 == parts.len()) {
                (0, true) => (rest == part).then_some(0),
                (0, false) => rest.starts_with(part).then_some(0),
                (_, true) => rest.ends_with(part).then(|| rest.len() - part.len()),
                _ => memchr::memmem::find(rest, part),
            };
            at.is_some_and(|at| {
                rest = &rest[at + part.len()..];
                true
            })
        });
        said && self.hash.is_of(line)
    }
}

impl From<Op> for Find {
    fn from(op: Op) -> Find {
        Find::Lines(op)
    }
}

/// A stretch of text that becomes another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quote {
    /// The text that stands there. Not empty.
    pub old: String,
    /// What becomes of it.
    pub new: String,
    /// Whether every occurrence is meant, not the only one.
    pub all: bool,
    /// What else is said of the place.
    pub hint: Hint,
}

/// A run of whole lines, some of which go and between some of which lines come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hunk {
    /// The lines, in order.
    pub rows: Vec<Row>,
    /// Whether the file ends with a newline before and after, where the hunk
    /// reaches its end and says so.
    pub newline: (Option<bool>, Option<bool>),
    /// What else is said of the place.
    pub hint: Hint,
}

/// One line of a [`Hunk`], without its terminator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// It stands there and stays.
    Keep(String),
    /// It stands there and goes.
    Remove(String),
    /// It comes.
    Add(String),
}

impl Row {
    /// Returns the line, if it stands there before the change.
    pub fn before(&self) -> Option<&str> {
        match self {
            Row::Keep(text) | Row::Remove(text) => Some(text),
            Row::Add(_) => None,
        }
    }

    /// Returns the line, if it stands there after the change.
    pub fn after(&self) -> Option<&str> {
        match self {
            Row::Keep(text) | Row::Add(text) => Some(text),
            Row::Remove(_) => None,
        }
    }
}

/// What a format says of a place besides the text that stands there. It can
/// only choose among places where that text stands; it never makes one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hint {
    /// The lines (1-based) it lies on, as its author believes: counted where
    /// the text alone fits several places. With no text at all, the place
    /// before the first of them.
    pub line: Option<usize>,
    /// Lines that stand above it, in order, leading and trailing blanks left
    /// out.
    pub under: Vec<String>,
    /// Whether it reaches the end of the file.
    pub at_end: bool,
}

/// A place in a content, as language servers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 0.
    pub line: usize,
    /// The column, from 0, in UTF-16 code units.
    pub character: usize,
}

impl Find {
    fn new_texts(&self) -> Vec<&str> {
        match self {
            Find::Lines(op) | Find::Hashed { op, .. } => match &op.kind {
                OpKind::Replace { body: Body::Text(text), .. }
                | OpKind::Insert { body: Body::Text(text), .. } => vec![text],
                _ => Vec::new(),
            },
            Find::Text(quote) => vec![&quote.new],
            Find::Rows(hunk) => {
                let added = |row: &&Row| matches!(row, Row::Add(_));
                let row = |row| Row::after(row).map(|row| if row.is_empty() { "\n" } else { row });
                hunk.rows.iter().filter(added).filter_map(row).collect()
            }
            Find::Span { new, .. } => vec![new],
            Find::Symbol { act, .. } => act.text().into_iter().collect(),
        }
    }

    /// Returns the lines that are named by number, if any are.
    pub fn lines(&self) -> Option<LineRange> {
        match self {
            Find::Lines(op) | Find::Hashed { op, .. } => Some(op.lines()),
            Find::Span { start, end, .. } => {
                Some((start.line.saturating_add(1), end.line.saturating_add(1)))
            }
            Find::Text(_) | Find::Rows(_) | Find::Symbol { .. } => None,
        }
    }
}

impl Draft {
    /// Returns the draft of an edit of one file.
    pub fn of_file(path: impl Into<String>, handle: Option<Handle>, task: Task) -> Draft {
        Draft { files: vec![DraftFile { path: path.into(), handle, task }] }
    }

    /// Returns each row of new text, with the path of its file.
    pub fn new_rows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().flat_map(|file| {
            let rows = file.new_texts().into_iter().flat_map(rows_of);
            rows.map(|row| (file.path.as_str(), row))
        })
    }
}

impl DraftFile {
    fn new_texts(&self) -> Vec<&str> {
        match &self.task {
            Task::Create { text } | Task::Write { text } => vec![text],
            Task::Remove { .. } => Vec::new(),
            Task::Edit { finds, .. } => finds.iter().flat_map(Find::new_texts).collect(),
        }
    }
}

/// Returns the rows of a text, without their terminators.
fn rows_of(text: &str) -> impl Iterator<Item = &str> {
    let rows = text.split_inclusive('\n');
    rows.map(|row| row.trim_end_matches('\n')).map(|row| row.strip_suffix('\r').unwrap_or(row))
}

impl From<Script> for Draft {
    fn from(script: Script) -> Draft {
        Draft { files: script.files.into_iter().map(DraftFile::from).collect() }
    }
}

impl From<FileScript> for DraftFile {
    fn from(file: FileScript) -> DraftFile {
        let handle = file.action.handle();
        let edit = |ops: Vec<Op>, final_newline, to| Task::Edit {
            finds: ops.into_iter().map(Find::from).collect(),
            final_newline,
            to,
        };
        let task = match file.action {
            Action::Edit { ops, final_newline, .. } => edit(ops, final_newline, None),
            Action::EditAndMove { ops, final_newline, to, to_handle, .. } => {
                edit(ops, final_newline, Some(Destination { path: to, handle: to_handle }))
            }
            Action::Move { to, to_handle, .. } => {
                edit(Vec::new(), None, Some(Destination { path: to, handle: to_handle }))
            }
            Action::Create { text } => Task::Create { text },
            Action::Write { text, .. } => Task::Write { text },
            Action::Remove { .. } => Task::Remove { old: None },
        };
        DraftFile { path: file.path, handle, task }
    }
}
