//! The builder: what the readers of all formats make their drafts with, and
//! what it tells of a draft while it is still being written.

use super::{Destination, Draft, DraftFile, Find, Task};
use crate::anchor::Handle;
use crate::error::{Code, Refusal};

/// What is known of an edit at some point of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file is named, and what is to happen to it.
    File {
        /// Its path, as written.
        path: String,
        /// The content that is meant, if the format says it.
        handle: Option<Handle>,
        /// What is to happen.
        verb: Verb,
    },
    /// The place of a change is named. Its new text may still be missing.
    Place {
        /// The file, as written.
        path: String,
        /// The content that is meant, if the format says it.
        handle: Option<Handle>,
        /// The change, with as much of its new text as is known.
        find: Find,
        /// Whether all that is said of the place is in it; otherwise more old
        /// text may follow.
        complete: bool,
    },
    /// A row of new text is complete. What is to become of it is told by the
    /// place before it or the change behind it.
    Row {
        /// The file, as written.
        path: String,
        /// The row, without its terminator.
        text: String,
    },
    /// A change is complete.
    Change {
        /// The file, as written.
        path: String,
        /// The change.
        find: Find,
    },
}

impl Event {
    /// Returns the file that it is about, as written.
    pub fn path(&self) -> &str {
        match self {
            Event::File { path, .. }
            | Event::Place { path, .. }
            | Event::Row { path, .. }
            | Event::Change { path, .. } => path,
        }
    }
}

/// What is to happen to a file, as far as its first row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Some of its lines change, or its path.
    Edit,
    /// It comes to be.
    Create,
    /// It comes to be, or all of its lines are replaced.
    Write,
    /// It goes.
    Remove,
}

/// What a caller says besides the text: for formats that are used with the path
/// beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Given<'a> {
    /// The file that the text is about.
    pub path: Option<&'a str>,
    /// The content of it that is meant.
    pub handle: Option<Handle>,
}

/// The most files that a draft may name.
pub(super) const FILES: usize = 10_000;

/// A draft in the making.
#[derive(Debug, Default)]
pub(super) struct Builder {
    draft: Draft,
    events: Vec<Event>,
    /// Whether somebody asks for what becomes known.
    listened: bool,
    /// The file of the draft that changes go to.
    current: usize,
}

impl Builder {
    /// Adds a file whose whole task is known.
    ///
    /// # Errors
    /// `malformed` where the path occurs already.
    pub(super) fn file(
        &mut self,
        path: &str,
        handle: Option<Handle>,
        task: Task,
    ) -> Result<(), Refusal> {
        let verb = match &task {
            Task::Edit { .. } => Verb::Edit,
            Task::Create { .. } => Verb::Create,
            Task::Write { .. } => Verb::Write,
            Task::Remove { .. } => Verb::Remove,
        };
        if self.draft.files.iter().any(|file| file.path == path) {
            let text = format!("{path:?} occurs twice in one edit, and not as text alone");
            return Err(Refusal::new(Code::Malformed, text));
        }
        if self.draft.files.len() == FILES {
            return Err(Refusal::new(Code::TooLarge, format!("more than {FILES} files")));
        }
        if self.listened {
            self.events.push(Event::File { path: path.to_owned(), handle, verb });
        }
        self.current = self.draft.files.len();
        self.draft.files.push(DraftFile { path: path.to_owned(), handle, task });
        Ok(())
    }

    /// Goes to the edit of a file, which may have begun earlier.
    ///
    /// # Errors
    /// `malformed` where something else is to happen to that file, or to
    /// another content of it.
    pub(super) fn edit(&mut self, path: &str, handle: Option<Handle>) -> Result<(), Refusal> {
        let known = self.draft.files.iter().position(|file| file.path == path);
        let Some(known) = known else {
            let task = Task::Edit { finds: Vec::new(), final_newline: None, to: None };
            return self.file(path, handle, task);
        };
        let file = &self.draft.files[known];
        let same = matches!(file.task, Task::Edit { to: None, .. }) && file.handle == handle;
        if !same {
            let text = format!("{path:?} occurs twice in one edit, and not as text alone");
            return Err(Refusal::new(Code::Malformed, text));
        }
        self.current = known;
        Ok(())
    }

    /// Returns the path of the file that changes go to.
    pub(super) fn path(&self) -> Option<&str> {
        self.draft.files.get(self.current).map(|file| file.path.as_str())
    }

    /// Tells the place of a change of the current file; `complete` as in
    /// [`Event::Place`].
    pub(super) fn place(&mut self, find: Find, complete: bool) {
        if let Some(file) = self.draft.files.get(self.current).filter(|_| self.listened) {
            let (path, handle) = (file.path.clone(), file.handle);
            self.events.push(Event::Place { path, handle, find, complete });
        }
    }

    /// Tells a row of new text of the current file.
    pub(super) fn row(&mut self, text: &str) {
        if let Some(file) = self.draft.files.get(self.current).filter(|_| self.listened) {
            self.events.push(Event::Row { path: file.path.clone(), text: text.to_owned() });
        }
    }

    /// Adds a change of the current file.
    pub(super) fn push(&mut self, find: Find) {
        let Some(file) = self.draft.files.get_mut(self.current) else { return };
        if let Task::Edit { finds, .. } = &mut file.task {
            if self.listened {
                self.events.push(Event::Change { path: file.path.clone(), find: find.clone() });
            }
            finds.push(find);
        }
    }

    /// Gives the current file another path.
    ///
    /// # Errors
    /// With what is wrong, where it has one or is not being edited.
    pub(super) fn move_to(&mut self, destination: Destination) -> Result<(), &'static str> {
        match self.draft.files.get_mut(self.current).map(|file| &mut file.task) {
            Some(Task::Edit { to: to @ None, .. }) => {
                *to = Some(destination);
                Ok(())
            }
            _ => Err("only a file that is edited can be moved, and only once"),
        }
    }

    /// Replaces the task of the current file.
    pub(super) fn task(&mut self) -> Option<&mut Task> {
        self.draft.files.get_mut(self.current).map(|file| &mut file.task)
    }

    /// Makes the builder keep what becomes known.
    pub(super) fn listen(&mut self) {
        self.listened = true;
    }

    /// Returns what has become known since the last call.
    pub(super) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Returns the draft.
    ///
    /// # Errors
    /// `malformed` where it names no file, or a file without anything to do.
    pub(super) fn finish(self, nothing: &str) -> Result<Draft, Refusal> {
        if self.draft.files.is_empty() {
            return Err(Refusal::new(Code::Malformed, nothing));
        }
        let idle = |file: &&DraftFile| matches!(&file.task, Task::Edit { finds, final_newline: None, to: None } if finds.is_empty());
        match self.draft.files.iter().find(idle) {
            None => Ok(self.draft),
            Some(file) => {
                Err(Refusal::new(Code::Malformed, "no operation for this file").at(&file.path))
            }
        }
    }
}

/// A reader of a format that is written in rows.
pub(super) trait Reader: Send {
    /// Takes the next row, without its LF; `number` counts from 1.
    ///
    /// # Errors
    /// `malformed` where no text that begins so is an edit.
    fn row(&mut self, row: &str, number: usize) -> Result<(), Refusal>;

    /// Returns the draft, once all rows were taken.
    ///
    /// # Errors
    /// `malformed` where the text is not complete.
    fn end(self: Box<Self>) -> Result<Draft, Refusal>;

    /// Returns the draft so far, and what is known of it.
    fn builder(&mut self) -> &mut Builder;
}

/// Returns the draft that `reader` reads in `text`.
pub(super) fn read_rows(mut reader: Box<dyn Reader>, text: &str) -> Result<Draft, Refusal> {
    for (row, number) in text.strip_suffix('\n').unwrap_or(text).split('\n').zip(1..) {
        reader.row(row, number)?;
    }
    reader.end()
}

/// Returns a row without the CR of a CRLF.
pub(super) fn without_cr(row: &str) -> &str {
    row.strip_suffix('\r').unwrap_or(row)
}

/// Returns whether a row opens or closes a Markdown fence.
pub(super) fn is_fence(row: &str) -> bool {
    let row = row.trim_start();
    row.starts_with("```") || row.starts_with("~~~")
}

/// Returns the refusal of row `number`.
pub(super) fn malformed(number: usize, what: &str) -> Refusal {
    Refusal::new(Code::Malformed, format!("row {number}: {what}"))
}
