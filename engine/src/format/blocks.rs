//! `blocks`: SEARCH/REPLACE, as aider and Roo Code write it.
//!
//! ```text
//! src/lib.rs
//! <<<<<<< SEARCH
//! the lines
//! that stand there
//! =======
//! the lines that come
//! >>>>>>> REPLACE
//! ```
//!
//! The path stands alone in the row above the block, or above the Markdown
//! fence that opens there; without one, the block is about the file of the
//! block before it. What stands between blocks is prose. `docs/formats.md`
//! holds the grammar.

use super::builder::{Builder, Given, Reader, is_fence, malformed, read_rows, without_cr};
use super::{Draft, DraftFile, Find, Hint, Hunk, Row, Task};
use crate::anchor::Handle;
use crate::error::Refusal;

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the row (1-based) that cannot be read.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    read_rows(reader(given), text)
}

/// Returns a reader that takes the text row by row.
pub(super) fn reader(given: Given<'_>) -> Box<dyn Reader> {
    Box::new(Blocks {
        given: given.path.map(str::to_owned),
        handle: given.handle,
        builder: Builder::default(),
        above: None,
        state: State::Outside,
        line: None,
        opened: 0,
        search: Vec::new(),
        replace: Vec::new(),
    })
}

struct Blocks {
    given: Option<String>,
    handle: Option<Handle>,
    builder: Builder,
    /// The row directly above, fences left out; `None` after a blank one.
    above: Option<String>,
    state: State,
    /// The line that `:start_line:` names.
    line: Option<usize>,
    /// The row that opened the block.
    opened: usize,
    search: Vec<String>,
    replace: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    /// Directly behind the first marker, where a line number may stand.
    Head,
    /// Behind a line number, where a rule of dashes may stand.
    Rule,
    Search,
    Replace,
}

/// The three markers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    Search,
    Divider,
    Replace,
}

impl Marker {
    /// Returns the marker that a row is, if it is one: 5 to 9 signs, as aider
    /// reads them.
    fn of(row: &str) -> Option<Marker> {
        let row = row.trim_end();
        let sign = row.chars().next()?;
        let rest = row.trim_start_matches(sign);
        if !(5..=9).contains(&(row.len() - rest.len())) {
            return None;
        }
        match (sign, rest) {
            ('<', " SEARCH" | " SEARCH>") => Some(Marker::Search),
            ('=', "") => Some(Marker::Divider),
            ('>', " REPLACE") => Some(Marker::Replace),
            _ => None,
        }
    }
}

impl Reader for Blocks {
    fn row(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let row = without_cr(row);
        let marker = Marker::of(row);
        match (self.state, marker) {
            (State::Outside, Some(Marker::Search)) => self.open(number),
            (State::Outside, Some(_)) => {
                Err(malformed(number, &format!("{row:?} without <<<<<<< SEARCH before it")))
            }
            (State::Outside, None) => {
                self.outside(row);
                Ok(())
            }
            (State::Head | State::Rule | State::Search, Some(Marker::Divider)) => {
                self.state = State::Replace;
                self.tell_place();
                Ok(())
            }
            (State::Replace, Some(Marker::Replace)) => self.close(number),
            (_, Some(_)) => {
                let text = format!("{row:?} stands inside a block; as text it is \\{row}");
                Err(malformed(number, &text))
            }
            (State::Replace, None) => {
                self.builder.row(unescaped(row));
                self.replace.push(unescaped(row).to_owned());
                Ok(())
            }
            (_, None) => self.searched(row, number),
        }
    }

    fn end(self: Box<Self>) -> Result<Draft, Refusal> {
        match self.state {
            State::Outside => self.builder.finish("no block: begin with <<<<<<< SEARCH"),
            State::Replace => {
                Err(malformed(self.opened, "the block is not ended by >>>>>>> REPLACE"))
            }
            _ => Err(malformed(self.opened, "the block has no =======")),
        }
    }

    fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }
}

impl Blocks {
    fn outside(&mut self, row: &str) {
        if is_fence(row) {
            return;
        }
        let row = row.trim();
        self.above = (!row.is_empty()).then(|| row.to_owned());
    }

    fn open(&mut self, number: usize) -> Result<(), Refusal> {
        let path = match (&self.given, self.above.take()) {
            (Some(given), _) => given.clone(),
            (None, Some(above)) if above.trim_matches('.').is_empty() => self.earlier(number)?,
            (None, Some(above)) => path_in(&above).ok_or_else(|| {
                let text = format!("{above:?} is no path: it stands alone above the block");
                malformed(number, &text)
            })?,
            (None, None) => self.earlier(number)?,
        };
        self.builder
            .edit(&path, self.handle)
            .map_err(|refusal| malformed(number, &refusal.message))?;
        self.state = State::Head;
        self.opened = number;
        self.line = None;
        Ok(())
    }

    /// Returns the path of the block before this one.
    fn earlier(&self, number: usize) -> Result<String, Refusal> {
        let path = self.builder.path().map(str::to_owned);
        path.ok_or_else(|| malformed(number, "no path above the block"))
    }

    /// Takes a row before the divider.
    fn searched(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        if self.state == State::Rule && row.trim_end() == "-------" {
            self.state = State::Search;
            return Ok(());
        }
        let named = [":start_line:", ":end_line:"].map(|key| row.strip_prefix(key));
        if let (State::Head | State::Rule, Some(digits)) =
            (self.state, named.into_iter().flatten().next())
        {
            let line = digits.trim().parse().ok().filter(|line| *line > 0);
            let line = line.ok_or_else(|| malformed(number, &format!("{row:?} names no line")))?;
            if named[0].is_some() {
                self.line = Some(line);
            }
            self.state = State::Rule;
            return Ok(());
        }
        self.state = State::Search;
        self.search.push(unescaped(row).to_owned());
        Ok(())
    }

    fn hunk(&mut self) -> Hunk {
        let gone = std::mem::take(&mut self.search).into_iter().map(Row::Remove);
        let come = std::mem::take(&mut self.replace).into_iter().map(Row::Add);
        let hint = Hint { line: self.line, ..Hint::default() };
        Hunk { rows: gone.chain(come).collect(), hint, ..Hunk::default() }
    }

    fn tell_place(&mut self) {
        if !self.search.is_empty() {
            let rows = self.search.iter().cloned().map(Row::Remove).collect();
            let hint = Hint { line: self.line, ..Hint::default() };
            let hunk = Hunk { rows, hint, ..Hunk::default() };
            self.builder.place(Find::Rows(hunk), true);
        }
    }

    fn close(&mut self, number: usize) -> Result<(), Refusal> {
        self.state = State::Outside;
        self.above = None;
        if !self.search.is_empty() {
            let hunk = self.hunk();
            self.builder.push(Find::Rows(hunk));
            return Ok(());
        }
        let text: String = self.replace.drain(..).map(|row| row + "\n").collect();
        match self.builder.task() {
            Some(task @ Task::Edit { .. }) if !text.is_empty() && is_empty(task) => {
                *task = Task::Create { text };
                Ok(())
            }
            _ => {
                let text = "an empty SEARCH makes a new file, and is its only block";
                Err(malformed(number, text))
            }
        }
    }
}

fn is_empty(task: &Task) -> bool {
    matches!(task, Task::Edit { finds, .. } if finds.is_empty())
}

/// Returns the path in the row above a block, without the marks that models put
/// around one.
pub(super) fn path_in(row: &str) -> Option<String> {
    let bare = row.trim_end_matches(':').trim_start_matches('#').trim();
    let quoted = bare.trim_matches('*').trim().trim_matches('`');
    let is_quoted = bare.contains('`');
    let plain = !quoted.is_empty()
        && !quoted.contains('`')
        && (is_quoted || !quoted.contains(char::is_whitespace));
    plain.then(|| quoted.trim().to_owned())
}

/// Returns a row of text: one that would be a marker or a line number, were it
/// not for the backslashes before it, has one too many.
fn unescaped(row: &str) -> &str {
    match row.strip_prefix('\\') {
        Some(rest) if needs_escape(rest.trim_start_matches('\\')) => rest,
        _ => row,
    }
}

fn needs_escape(row: &str) -> bool {
    let special = row.starts_with(":start_line:") || row.starts_with(":end_line:");
    Marker::of(row).is_some() || special || row.trim_end() == "-------"
}

/// Returns the draft as text; the rows it holds are written as they are.
///
/// # Errors
/// `unsupported` where it asks for what this format cannot say.
pub(super) fn write(draft: &Draft) -> Result<String, Refusal> {
    let mut out = String::new();
    for file in &draft.files {
        write_file(file, &mut out)?;
    }
    Ok(out)
}

fn write_file(file: &DraftFile, out: &mut String) -> Result<(), Refusal> {
    let blank = file.path.contains(char::is_whitespace);
    let path = if blank { format!("`{}`", file.path) } else { file.path.clone() };
    // What stands above a block must be read as this path and nothing else.
    let misread = path_in(&path).as_deref() != Some(&file.path)
        || path.trim_matches('.').is_empty()
        || is_fence(&path)
        || Marker::of(&path).is_some();
    if misread {
        return Err(super::unsayable(file, "blocks"));
    }
    out.push_str(&path);
    out.push('\n');
    match &file.task {
        Task::Create { text } if text.ends_with('\n') => {
            let rows: Vec<Row> = text.lines().map(|row| Row::Add(row.to_owned())).collect();
            write_block(&Hunk { rows, ..Hunk::default() }, out);
        }
        Task::Edit { finds, final_newline: None, to: None } => {
            for find in finds {
                let Find::Rows(hunk) = find else { return Err(super::unsayable(file, "blocks")) };
                if hunk.newline != (None, None)
                    || !hunk.rows.iter().any(|row| row.before().is_some())
                {
                    return Err(super::unsayable(file, "blocks"));
                }
                write_block(hunk, out);
            }
        }
        _ => return Err(super::unsayable(file, "blocks")),
    }
    Ok(())
}

fn write_block(hunk: &Hunk, out: &mut String) {
    out.push_str("<<<<<<< SEARCH\n");
    if let Some(line) = hunk.hint.line {
        out.push_str(&format!(":start_line:{line}\n-------\n"));
    }
    hunk.rows.iter().filter_map(Row::before).for_each(|row| push_row(row, out));
    out.push_str("=======\n");
    hunk.rows.iter().filter_map(Row::after).for_each(|row| push_row(row, out));
    out.push_str(">>>>>>> REPLACE\n");
}

fn push_row(row: &str, out: &mut String) {
    let escape = if needs_escape(row.trim_start_matches('\\')) { "\\" } else { "" };
    out.extend([escape, row, "\n"]);
}
