//! `whole`: files as they are to be, each in a Markdown fence below its path,
//! or as JSON.
//!
//! A fence that is closed too early would cut a file off without anybody
//! noticing; so nothing may stand behind a fence but the next file.

use super::blocks::path_in;
use super::builder::{Builder, Given, Reader, malformed, read_rows, without_cr};
use super::json::{self, Object};
use super::replace::PATH;
use super::{Draft, DraftFile, Task};
use crate::anchor::Handle;
use crate::error::Refusal;

pub(super) const TEXT: [&str; 5] = ["text", "content", "contents", "file_text", "new_content"];

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the row (1-based) or the field that cannot be read.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    if is_json(text) {
        return read_json(text, given);
    }
    read_rows(reader(given), text)
}

/// Returns whether the files are objects. A fence alone says nothing: what it
/// holds may be a file of JSON.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn read_json(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    let mut builder = Builder::default();
    for value in json::values(text)? {
        let mut file = Object::of(value, "the file")?;
        let path = file.text(&PATH)?.or(given.path.map(str::to_owned));
        let path = path.ok_or_else(|| json::malformed("the file: path is missing"))?;
        let handle = file.handle(&["handle"])?.or(given.handle);
        let text = file.some_text(&TEXT)?;
        file.end()?;
        builder.file(&path, handle, Task::Write { text })?;
    }
    builder.finish("no file")
}

/// Returns a reader that takes the text row by row.
pub(super) fn reader(given: Given<'_>) -> Box<dyn Reader> {
    Box::new(Whole {
        given: given.path.map(str::to_owned),
        handle: given.handle,
        builder: Builder::default(),
        above: None,
        fence: None,
        inner: false,
        closed: false,
        files: 0,
    })
}

struct Whole {
    given: Option<String>,
    handle: Option<Handle>,
    builder: Builder,
    /// The row directly above, with its number.
    above: Option<(String, usize)>,
    /// The sign and the length of the open fence, and the row that opened it.
    fence: Option<(char, usize, usize)>,
    /// Whether a fence of the text itself is open.
    inner: bool,
    /// Whether the row directly above closed a fence.
    closed: bool,
    files: usize,
}

impl Reader for Whole {
    fn row(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        if let Some((sign, len, opened)) = self.fence {
            let mark = row.trim_end();
            if mark.len() >= len && mark.chars().all(|c| c == sign) {
                self.fence = None;
                self.closed = true;
                return match self.inner {
                    false => Ok(()),
                    true => Err(malformed(
                        opened,
                        "the text leaves a fence open; its own must be longer",
                    )),
                };
            }
            let run = mark.len() - mark.trim_start_matches(sign).len();
            if run >= len {
                self.inner = true;
            }
            if let Some(Task::Write { text }) = self.builder.task() {
                text.extend([row, "\n"]);
            }
            self.builder.row(without_cr(row));
            return Ok(());
        }
        let sign = row.chars().next().filter(|c| matches!(c, '`' | '~'));
        let len = sign.map_or(0, |sign| row.len() - row.trim_start_matches(sign).len());
        match sign {
            Some(sign) if len >= 3 => self.open(sign, len, number),
            _ => self.outside(row, number),
        }
    }

    fn end(self: Box<Self>) -> Result<Draft, Refusal> {
        match (self.fence, &self.above) {
            (Some((.., opened)), _) => Err(malformed(opened, "the fence is not closed")),
            (None, Some((row, number))) if self.files > 0 => Err(behind(row, *number)),
            _ => self.builder.finish("no file: a path, and below it a fence"),
        }
    }

    fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }
}

fn behind(row: &str, number: usize) -> Refusal {
    let text = format!("{row:?} behind a fence: if the text holds fences, its own must be longer");
    malformed(number, &text)
}

impl Whole {
    fn outside(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let row = row.trim();
        if let Some((row, number)) = self.above.take().filter(|_| self.files > 0) {
            return Err(behind(&row, number));
        }
        let closed = std::mem::take(&mut self.closed);
        if closed && !row.is_empty() {
            return Err(behind(row, number));
        }
        self.above = (!row.is_empty()).then(|| (row.to_owned(), number));
        Ok(())
    }

    fn open(&mut self, sign: char, len: usize, number: usize) -> Result<(), Refusal> {
        let above = self.above.take().map(|(row, _)| row);
        let named = above.as_deref().and_then(|row| {
            let (path, handle) = match row.rsplit_once(' ') {
                Some((path, word)) if word.parse::<Handle>().is_ok() => (path, word.parse().ok()),
                _ => (row, None),
            };
            Some((path_in(path)?, handle))
        });
        let (path, handle) = match (named, &self.given) {
            (Some((path, _)), _) if self.files > 0 && !path.contains(['.', '/']) => {
                return Err(behind(&path, number));
            }
            (Some((path, handle)), _) => (path, handle.or(self.handle)),
            (None, Some(given)) if above.is_none() && self.files == 0 => {
                (given.clone(), self.handle)
            }
            (None, _) => return Err(malformed(number, "no path above the fence")),
        };
        self.files += 1;
        (self.inner, self.closed) = (false, false);
        self.fence = Some((sign, len, number));
        let task = Task::Write { text: String::new() };
        let begun = self.builder.file(&path, handle, task);
        begun.map_err(|refusal| malformed(number, &refusal.message))
    }
}

/// Returns the draft as text: in fences where it can be said so, else as JSON.
///
/// # Errors
/// `unsupported` where it asks for what this format cannot say.
pub(super) fn write(draft: &Draft) -> Result<String, Refusal> {
    let fits = |file: &DraftFile| {
        matches!(&file.task, Task::Write { text } if text.is_empty() || text.ends_with('\n'))
            && path_in(&file.path).as_deref() == Some(&file.path)
    };
    let fenced = draft.files.iter().all(fits);
    let mut out = String::new();
    for file in &draft.files {
        let Task::Write { text } = &file.task else { return Err(super::unsayable(file, "whole")) };
        match fenced {
            true => {
                // Behind a fence stands a blank row, or the end.
                out.push_str(if out.is_empty() { "" } else { "\n" });
                write_fence(file, text, &mut out);
            }
            false => write_json(file, text, &mut out),
        }
    }
    Ok(out)
}

fn write_fence(file: &DraftFile, text: &str, out: &mut String) {
    let ticks = |row: &str| row.len() - row.trim_start_matches('`').len();
    let longest = text.lines().map(ticks).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    let handle = file.handle.map(|handle| format!(" {handle}")).unwrap_or_default();
    out.push_str(&format!("{}{handle}\n{fence}\n{text}{fence}\n", file.path));
}

fn write_json(file: &DraftFile, text: &str, out: &mut String) {
    let mut fields = vec![("path", json::string(&file.path))];
    fields.extend(file.handle.map(|handle| ("handle", json::string(&handle.to_string()))));
    fields.push(("text", json::string(text)));
    out.push_str(&json::object(&fields));
    out.push('\n');
}
