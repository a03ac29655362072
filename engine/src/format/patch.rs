//! `patch`: the format between `*** Begin Patch` and `*** End Patch`, as Codex
//! and its kin write it.
//!
//! ```text
//! *** Begin Patch
//! *** Update File: src/lib.rs
//! @@ fn main() {
//!      let list = read();
//! -    run();
//! +    run(list);
//! *** End Patch
//! ```
//!
//! `docs/formats.md` holds the grammar.

use super::builder::{Builder, Given, Reader, malformed, read_rows, without_cr};
use super::udiff::Numbers;
use super::{Destination, Draft, DraftFile, Find, Hunk, Row, Task};
use crate::anchor::Handle;
use crate::error::Refusal;

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const END_OF_FILE: &str = "*** End of File";

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the row (1-based) that cannot be read.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    read_rows(reader(given), text)
}

/// Returns a reader that takes the text row by row.
pub(super) fn reader(given: Given<'_>) -> Box<dyn Reader> {
    Box::new(Patch {
        handle: given.handle,
        builder: Builder::default(),
        state: State::Before,
        hunk: None,
        blank: 0,
        told: false,
    })
}

struct Patch {
    handle: Option<Handle>,
    builder: Builder,
    state: State,
    /// The hunk that is being read, and the row it began with.
    hunk: Option<(Hunk, usize)>,
    /// Blank rows that may be blank lines, or divide two hunks.
    blank: usize,
    /// Whether a row of the hunk is a new one, and so its place is told.
    told: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    /// Between files: only the header of one can follow.
    Files,
    Add,
    /// Directly behind the header, where a new path may stand.
    Update,
    Hunks,
    After,
}

impl Reader for Patch {
    fn row(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let row = without_cr(row);
        let mark = row.trim();
        match self.state {
            State::Before => {
                if mark == BEGIN {
                    self.state = State::Files;
                }
                Ok(())
            }
            State::After => behind(row, number),
            _ if self.is_text(row) => self.text(row, number),
            _ if mark == END => {
                self.close_hunk()?;
                self.state = State::After;
                Ok(())
            }
            _ if mark == END_OF_FILE => self.end_of_file(number),
            _ if mark.starts_with("*** ") => self.header(mark, number),
            _ => self.text(row, number),
        }
    }

    fn end(self: Box<Self>) -> Result<Draft, Refusal> {
        match self.state {
            State::Before => Err(malformed(1, &format!("no {BEGIN}"))),
            State::After => self.builder.finish("the patch names no file"),
            _ => Err(malformed(1, &format!("the patch is not ended by {END}"))),
        }
    }

    fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }
}

fn no_header(row: &str, number: usize) -> Refusal {
    let heads = "*** Add File: , *** Update File: , *** Delete File: ";
    malformed(number, &format!("{row:?} is no header of a file ({heads})"))
}

/// Refuses what may have been meant as part of the patch.
fn behind(row: &str, number: usize) -> Result<(), Refusal> {
    let is_prose = !row.starts_with([' ', '+', '-', '@', '*']) || row.trim().is_empty();
    match is_prose {
        true => Ok(()),
        false => Err(malformed(number, &format!("{row:?} behind {END}"))),
    }
}

impl Patch {
    /// Returns whether a row bears the mark of a row of text. Models indent
    /// markers as well; within a hunk only the last one may be.
    fn is_text(&self, row: &str) -> bool {
        let in_hunk = self.hunk.as_ref().is_some_and(|(hunk, _)| !hunk.rows.is_empty());
        match row.as_bytes().first() {
            Some(b'+' | b'-') => true,
            Some(b' ') => in_hunk && row.trim() != END,
            _ => false,
        }
    }

    fn text(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        match self.state {
            State::Add => self.added(row, number),
            State::Update | State::Hunks => self.hunk_row(row, number),
            _ if row.trim().is_empty() => Ok(()),
            _ => Err(no_header(row, number)),
        }
    }

    fn header(&mut self, mark: &str, number: usize) -> Result<(), Refusal> {
        let named = |head: &str| mark.strip_prefix(head).map(str::trim).filter(|p| !p.is_empty());
        let at = |refusal: Refusal| malformed(number, &refusal.message);
        if let (State::Update, Some(to)) = (self.state, named("*** Move to: ")) {
            let to = Destination { path: to.to_owned(), handle: None };
            self.state = State::Hunks;
            return self.builder.move_to(to).map_err(|text| malformed(number, text));
        }
        self.close_hunk()?;
        if let Some(path) = named("*** Add File: ") {
            self.state = State::Add;
            self.builder.file(path, None, Task::Create { text: String::new() }).map_err(at)
        } else if let Some(path) = named("*** Delete File: ") {
            self.state = State::Files;
            self.builder.file(path, self.handle, Task::Remove { old: None }).map_err(at)
        } else if let Some(path) = named("*** Update File: ") {
            self.state = State::Update;
            self.builder.edit(path, self.handle).map_err(at)
        } else {
            Err(no_header(mark, number))
        }
    }

    fn added(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let Some(line) = row.strip_prefix('+') else {
            let text = format!("{row:?} in a new file, whose rows begin with +");
            return Err(malformed(number, &text));
        };
        if let Some(Task::Create { text }) = self.builder.task() {
            text.extend([line, "\n"]);
        }
        self.builder.row(line);
        Ok(())
    }

    fn hunk_row(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        self.state = State::Hunks;
        if let Some(header) = row.strip_prefix("@@") {
            return self.open_hunk(header, number);
        }
        let mark = row.chars().next();
        if mark.is_some_and(|mark| !matches!(mark, ' ' | '-' | '+')) {
            let text = format!("{row:?} is no row of a hunk: a kept line begins with a blank");
            return Err(malformed(number, &text));
        }
        let (hunk, _) = self.hunk.get_or_insert_with(|| (Hunk::default(), number));
        if hunk.hint.at_end {
            return match mark {
                None => Ok(()),
                Some(_) => Err(malformed(number, &format!("a row behind {END_OF_FILE}"))),
            };
        }
        if mark.is_none() {
            self.blank += 1;
            return Ok(());
        }
        let blank = std::mem::take(&mut self.blank);
        hunk.rows.extend(std::iter::repeat_n(Row::Keep(String::new()), blank));
        let text = row.get(1..).unwrap_or_default().to_owned();
        let is_first = mark == Some('+') && !self.told;
        self.told |= is_first;
        if is_first && !hunk.rows.is_empty() {
            let so_far = hunk.clone();
            self.builder.place(Find::Rows(so_far), false);
        }
        if mark == Some('+') {
            self.builder.row(&text);
        }
        hunk.rows.push(match mark {
            Some('-') => Row::Remove(text),
            Some('+') => Row::Add(text),
            _ => Row::Keep(text),
        });
        Ok(())
    }

    fn open_hunk(&mut self, header: &str, number: usize) -> Result<(), Refusal> {
        // Headers one below the other lead to one place.
        let is_bare = self.hunk.as_ref().is_some_and(|(hunk, _)| hunk.rows.is_empty());
        if !is_bare {
            self.close_hunk()?;
        }
        let (hunk, _) = self.hunk.get_or_insert_with(|| (Hunk::default(), number));
        match Numbers::of(header).filter(|(_, rest)| rest.trim_start().starts_with("@@")) {
            Some((numbers, _)) => hunk.hint.line = Some(numbers.line()),
            None => {
                let name = header.trim().trim_end_matches("@@").trim();
                if !name.is_empty() {
                    hunk.hint.under.push(name.to_owned());
                }
            }
        }
        Ok(())
    }

    fn end_of_file(&mut self, number: usize) -> Result<(), Refusal> {
        match &mut self.hunk {
            Some((hunk, _)) if !hunk.rows.is_empty() => {
                hunk.hint.at_end = true;
                Ok(())
            }
            _ => Err(malformed(number, &format!("{END_OF_FILE} behind no row"))),
        }
    }

    fn close_hunk(&mut self) -> Result<(), Refusal> {
        (self.blank, self.told) = (0, false);
        let Some((mut hunk, number)) = self.hunk.take() else { return Ok(()) };
        if !hunk.rows.iter().any(|row| !matches!(row, Row::Keep(_))) {
            return Err(malformed(number, "the hunk changes nothing"));
        }
        if !hunk.rows.iter().any(|row| row.before().is_some()) {
            hunk.hint.line = None;
            hunk.hint.at_end = false;
        }
        self.builder.push(Find::Rows(hunk));
        Ok(())
    }
}

/// Returns the draft as text.
///
/// # Errors
/// `unsupported` where it asks for what this format cannot say.
pub(super) fn write(draft: &Draft) -> Result<String, Refusal> {
    let mut out = format!("{BEGIN}\n");
    for file in &draft.files {
        write_file(file, &mut out)?;
    }
    out.push_str(END);
    out.push('\n');
    Ok(out)
}

fn write_file(file: &DraftFile, out: &mut String) -> Result<(), Refusal> {
    let unsayable = || super::unsayable(file, "patch");
    let path = &file.path;
    if path.trim() != path || path.contains('\n') {
        return Err(unsayable());
    }
    match &file.task {
        Task::Create { text } if text.is_empty() || text.ends_with('\n') => {
            out.push_str(&format!("*** Add File: {path}\n"));
            text.split_inclusive('\n').for_each(|row| out.extend(["+", row]));
        }
        Task::Remove { .. } => out.push_str(&format!("*** Delete File: {path}\n")),
        Task::Edit { finds, final_newline: None, to } => {
            out.push_str(&format!("*** Update File: {path}\n"));
            if let Some(to) = to {
                out.push_str(&format!("*** Move to: {}\n", to.path));
            }
            for find in finds {
                let Find::Rows(hunk) = find else { return Err(unsayable()) };
                if hunk.newline != (None, None) {
                    return Err(unsayable());
                }
                write_hunk(hunk, out);
            }
        }
        _ => return Err(unsayable()),
    }
    Ok(())
}

fn write_hunk(hunk: &Hunk, out: &mut String) {
    hunk.hint.under.iter().for_each(|name| out.push_str(&format!("@@ {name}\n")));
    match hunk.hint.line {
        Some(line) => {
            let count = |pick: fn(&Row) -> Option<&str>| hunk.rows.iter().filter_map(pick).count();
            let (old, new) = (count(Row::before), count(Row::after));
            // A side without lines names the line before it.
            let from = line.saturating_sub(usize::from(old == 0));
            out.push_str(&format!("@@ -{from},{old} +{from},{new} @@\n"));
        }
        None if hunk.hint.under.is_empty() => out.push_str("@@\n"),
        None => {}
    }
    for row in &hunk.rows {
        let (mark, text) = match row {
            Row::Keep(text) => (" ", text),
            Row::Remove(text) => ("-", text),
            Row::Add(text) => ("+", text),
        };
        out.extend([mark, text, "\n"]);
    }
    if hunk.hint.at_end {
        out.push_str(END_OF_FILE);
        out.push('\n');
    }
}
