//! The formats: one edit as each of them would have it written, and one file
//! as each of them would have it read.
//!
//! Every format gets its leanest form: the path once, minimal hunks, no reply
//! around it. So token counts are lower bounds.

use engine::anchor::{Gutter, Handle, render};
use engine::error::{Code, Refusal};
use engine::format::{
    Action, Body, Draft, FileScript, Find, Lines, OpKind, Row, Script, Task as DraftTask, draft_in,
    write,
};
use engine::snapshot::Snapshot;

use super::linehash::{self, Edits, Width};
use super::task::{Hunk, Task};

/// The handle under which every file of the benchmark was read: six digits, as
/// the daemon gives them out.
const HANDLE: u32 = 481_920;

/// Which observed mistakes a format has part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Quotes of old text.
    Quote,
    /// Diffs with context.
    Diff,
    /// A hash for every line.
    Hash,
    /// Bare numbers of lines.
    Number,
    /// The whole file.
    Whole,
}

/// A way of writing an edit.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name; that of the engine where it has the format.
    pub name: &'static str,
    /// The mistakes that were counted for formats like it.
    pub family: Family,
    /// How a file is shown to whoever writes in it.
    pub reads: Reads,
}

/// How a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// With numbers of lines, or without.
    Gutter(Gutter),
    /// With a number and a hash for every line.
    Hashes(Width),
}

/// The formats, in the order of the tables.
pub const FORMATS: [Format; 11] = [
    Format { name: "anchor", family: Family::Number, reads: Reads::Gutter(Gutter::Tab) },
    Format { name: "lines", family: Family::Number, reads: Reads::Gutter(Gutter::Colon) },
    Format { name: "hashline", family: Family::Number, reads: Reads::Gutter(Gutter::Colon) },
    Format { name: "linehash", family: Family::Hash, reads: Reads::Hashes(Width::Narrow) },
    Format { name: "linehash16", family: Family::Hash, reads: Reads::Hashes(Width::Wide) },
    Format { name: "replace", family: Family::Quote, reads: Reads::Gutter(Gutter::None) },
    Format { name: "blocks", family: Family::Quote, reads: Reads::Gutter(Gutter::None) },
    Format { name: "udiff", family: Family::Diff, reads: Reads::Gutter(Gutter::None) },
    Format { name: "patch", family: Family::Diff, reads: Reads::Gutter(Gutter::None) },
    Format { name: "lsp", family: Family::Number, reads: Reads::Gutter(Gutter::Tab) },
    Format { name: "whole", family: Family::Whole, reads: Reads::Gutter(Gutter::None) },
];

/// An edit as it is said, before it is written down.
#[derive(Debug, Clone)]
pub enum Said {
    /// In a format of the engine.
    Draft(Draft),
    /// With a hash for every line.
    Hashes(Edits),
}

impl Format {
    /// Returns the format called `name`.
    pub fn of(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// Returns the edit as it is said in this format.
    ///
    /// # Errors
    /// `unsupported` where the format cannot say it.
    pub fn say(&self, task: &Task) -> Result<Said, Refusal> {
        if let Reads::Hashes(width) = self.reads {
            return Ok(Said::Hashes(linehash::of_task(task, width)));
        }
        self.say_together(std::slice::from_ref(task))
    }

    /// Returns the edits of several files as one call says them.
    ///
    /// # Errors
    /// `unsupported` where the format cannot say it.
    pub fn say_together(&self, tasks: &[Task]) -> Result<Said, Refusal> {
        if matches!(self.reads, Reads::Hashes(_)) {
            return Err(Refusal::new(Code::Unsupported, "a call of hashes is about one file"));
        }
        let content = |path: &str| {
            let task = tasks.iter().find(|task| task.path == path)?;
            let lines = task.read.lines().collect();
            Some(Lines { lines, final_newline: task.read.ends_with('\n') })
        };
        draft_in(self.name, &script(tasks), content).map(Said::Draft)
    }

    /// Returns what was said as text.
    ///
    /// # Errors
    /// `unsupported` where the format cannot say it.
    pub fn write(&self, said: &Said) -> Result<String, Refusal> {
        match said {
            Said::Draft(draft) => write(self.name, draft),
            Said::Hashes(edits) => Ok(serde_json::to_string(edits).unwrap_or_default()),
        }
    }

    /// Returns a file as it is shown to whoever writes in this format.
    pub fn shown(&self, text: &str) -> String {
        match self.reads {
            Reads::Hashes(width) => linehash::rows(text, width),
            Reads::Gutter(gutter) => {
                let snapshot = Snapshot::of(text.as_bytes().to_vec());
                let all = 0..snapshot.line_count();
                render(&snapshot, std::slice::from_ref(&all), gutter)
            }
        }
    }
}

/// Returns the handle under which the file at this place of a call was read.
pub fn handle(at: usize) -> Handle {
    Handle::from_number(HANDLE + at as u32)
}

/// Returns the tasks, each of a file of its own, as one script of the engine.
pub fn script<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> Script {
    let file = |(at, task): (usize, &Task)| {
        let ops = task.hunks.iter().map(|hunk| op(hunk).into()).collect();
        let action = Action::Edit { handle: handle(at), ops, final_newline: None };
        FileScript { path: task.path.clone(), action }
    };
    Script { files: tasks.into_iter().enumerate().map(file).collect() }
}

fn op(hunk: &Hunk) -> OpKind {
    let lines = (hunk.old.start + 1, hunk.old.end);
    let body = Body::Text(hunk.text());
    match (hunk.old.is_empty(), hunk.new.is_empty()) {
        (true, _) => OpKind::Insert { after: hunk.old.start, body },
        (false, true) => OpKind::Delete { lines, register: None },
        (false, false) => OpKind::Replace { lines, body },
    }
}

/// Returns the text of the file that an edit says again: quotes and context.
/// New text that happens to equal old text is not counted, except in a whole
/// file, where all that is not new is.
pub fn repeated(said: &Said, tasks: &[Task]) -> String {
    let Said::Draft(draft) = said else { return String::new() };
    let mut text = String::new();
    for file in &draft.files {
        match &file.task {
            DraftTask::Edit { finds, .. } => {
                finds.iter().for_each(|find| repeat_of(find, &mut text));
            }
            DraftTask::Write { .. } => {
                let task = tasks.iter().find(|task| task.path == file.path);
                text.extend(task.map(kept));
            }
            _ => {}
        }
    }
    text
}

fn repeat_of(find: &Find, text: &mut String) {
    match find {
        // What is kept around the change is said twice, in the old text and in
        // the new one.
        Find::Text(quote) => {
            text.extend([quote.old.as_str(), "\n"]);
            let (old, new): (Vec<&str>, Vec<&str>) =
                (quote.old.lines().collect(), quote.new.lines().collect());
            let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
            let rest = old.len().min(new.len()) - head;
            let tail = old.iter().rev().zip(new.iter().rev()).take(rest);
            let tail = tail.take_while(|(a, b)| a == b).count();
            let kept = old[..head].iter().chain(&old[old.len() - tail..]);
            kept.for_each(|line| text.extend([line, "\n"]));
        }
        Find::Rows(hunk) => {
            let old = hunk.rows.iter().filter_map(Row::before);
            old.for_each(|line| text.extend([line, "\n"]));
        }
        _ => {}
    }
}

/// Returns the lines that a task leaves as they are.
fn kept(task: &Task) -> String {
    let pieces: Vec<&str> = task.read.split('\n').collect();
    let mut kept = String::new();
    let mut at = 0;
    for hunk in &task.hunks {
        pieces[at..hunk.old.start].iter().for_each(|line| kept.extend([line, "\n"]));
        at = hunk.old.end;
    }
    pieces[at..].iter().for_each(|line| kept.extend([line, "\n"]));
    kept
}
