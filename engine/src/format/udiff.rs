//! `udiff`: unified diffs, as `diff -u` and git write them.
//!
//! The counts of a hunk's header are not believed but counted again, and its
//! line number only chooses among places where the old lines stand, all of
//! them, exactly: there is no fuzz. `docs/formats.md` holds the grammar.

use super::builder::{Builder, Given, Reader, is_fence, malformed, read_rows, without_cr};
use super::{Destination, Draft, DraftFile, Find, Hint, Hunk, Row, Task};
use crate::anchor::Handle;
use crate::error::{Code, Refusal};

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the row (1-based) that cannot be read; `unsupported` for
/// modes, copies and binary patches.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    read_rows(reader(given), text)
}

/// Returns a reader that takes the text row by row.
pub(super) fn reader(given: Given<'_>) -> Box<dyn Reader> {
    Box::new(Diff {
        given: given.path.map(str::to_owned),
        handle: given.handle,
        builder: Builder::default(),
        state: State::Prose,
        file: File::default(),
        hunk: None,
        held: Vec::new(),
        fenced: false,
    })
}

struct Diff {
    given: Option<String>,
    handle: Option<Handle>,
    builder: Builder,
    state: State,
    /// The file whose header was read.
    file: File,
    /// The hunk that is being read.
    hunk: Option<Open>,
    /// Rows that are a header if `@@` follows them, and part of the hunk if
    /// not.
    held: Vec<(String, usize)>,
    fenced: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but text that says nothing, so far or again.
    Prose,
    /// Within the header of a file.
    Header,
    /// Within the hunks of a file.
    Hunks,
    /// Behind the mark that ends a mailed patch.
    Signature,
}

/// What the header of a file says.
#[derive(Default)]
struct File {
    /// The path of `diff --git`.
    git: Option<String>,
    /// The paths of `---` and `+++`; `None` inside stands for `/dev/null`.
    old: Option<Option<String>>,
    new: Option<Option<String>>,
    rename: (Option<String>, Option<String>),
    /// Whether the header says that the file comes to be, or goes.
    comes: bool,
    goes: bool,
    /// Whether the builder knows the file.
    begun: bool,
}

/// A hunk that is being read.
struct Open {
    hunk: Hunk,
    /// The old line and counts of its header, where it has numbers.
    numbers: Option<Numbers>,
    /// Blank rows that may be context, or may be nothing.
    blank: usize,
    /// Whether one of the rows is a new one.
    has_new: bool,
    number: usize,
}

/// The numbers of a hunk's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) old: usize,
    pub(super) old_count: usize,
    pub(super) new_count: usize,
}

impl Numbers {
    /// Returns the numbers in `-12,3 +12,4` and what follows them.
    pub(super) fn of(text: &str) -> Option<(Numbers, &str)> {
        let (old, rest) = text.trim_start().strip_prefix('-')?.split_once(' ')?;
        let rest = rest.trim_start().strip_prefix('+')?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(rest.len());
        let range = |text: &str| -> Option<(usize, usize)> {
            match text.split_once(',') {
                Some((line, count)) => Some((line.parse().ok()?, count.parse().ok()?)),
                None => Some((text.parse().ok()?, 1)),
            }
        };
        let ((old, old_count), (_, new_count)) = (range(old)?, range(&rest[..end])?);
        Some((Numbers { old, old_count, new_count }, &rest[end..]))
    }

    /// Returns the line that the hunk begins with, or before which it comes.
    pub(super) fn line(self) -> usize {
        self.old.saturating_add(usize::from(self.old_count == 0))
    }
}

impl Reader for Diff {
    fn row(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let row = without_cr(row);
        if self.hunk.is_some() {
            return self.in_hunk(row, number);
        }
        self.outside(row, number)
    }

    fn end(mut self: Box<Self>) -> Result<Draft, Refusal> {
        for (row, number) in std::mem::take(&mut self.held) {
            self.body(&row, number)?;
        }
        self.close_hunk()?;
        self.close_file(0)?;
        self.builder.finish("no diff: a file begins with --- and +++")
    }

    fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }
}

impl Diff {
    /// Takes a row while a hunk is open.
    fn in_hunk(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let wants = ["--- ", "+++ "].get(self.held.len());
        if wants.is_some_and(|start| row.starts_with(start)) {
            self.held.push((row.to_owned(), number));
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        if held.len() == 2 && row.starts_with("@@") {
            self.close_hunk()?;
            for (row, number) in held {
                self.outside(&row, number)?;
            }
            return self.outside(row, number);
        }
        for (row, number) in held {
            self.body(&row, number)?;
        }
        if row.starts_with("--- ") {
            self.held.push((row.to_owned(), number));
            return Ok(());
        }
        self.body(row, number)
    }

    /// Takes a row of the open hunk, or ends it.
    fn body(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let Some(open) = self.hunk.as_mut() else { return self.outside(row, number) };
        let kind = row.chars().next();
        match kind {
            Some('-') if row == "-- " && open.is_full() => {
                self.close_hunk()?;
                self.state = State::Signature;
            }
            Some(' ' | '-' | '+') => {
                let so_far = open.before_first_new(kind);
                open.push(kind, &row[1..], number)?;
                if let Some(hunk) = so_far {
                    self.builder.place(Find::Rows(hunk), false);
                }
                if kind == Some('+') {
                    self.builder.row(&row[1..]);
                }
            }
            Some('\\') => return open.no_newline(number),
            None => open.blank += 1,
            Some(_) => {
                self.close_hunk()?;
                return self.outside(row, number);
            }
        }
        Ok(())
    }

    /// Takes a row while no hunk is open.
    fn outside(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        match self.state {
            State::Signature => return Ok(()),
            State::Prose if is_fence(row) => self.fenced = !self.fenced,
            _ if row.starts_with("diff --git ") => {
                self.close_file(number)?;
                self.file.git = git_path(&row["diff --git ".len()..]);
                self.state = State::Header;
            }
            _ if row.starts_with("diff -") || row.starts_with("Index: ") => {
                self.close_file(number)?;
                self.state = State::Header;
            }
            _ if row.starts_with("--- ") && row != "--- " => {
                if self.file.old.is_some() {
                    self.close_file(number)?;
                }
                self.file.old = Some(path_of(&row[4..], number)?);
                self.state = State::Header;
            }
            State::Header if row.starts_with("+++ ") => {
                self.file.new = Some(path_of(&row[4..], number)?);
            }
            _ if row.starts_with("@@") => return self.open_hunk(row, number),
            State::Header => return self.header(row, number),
            State::Hunks if is_fence(row) => {
                self.close_file(number)?;
                self.state = State::Prose;
            }
            State::Hunks if !row.trim().is_empty() => {
                let text = format!("{row:?} is no row of a diff: a kept line begins with a blank");
                return Err(malformed(number, &text));
            }
            State::Prose | State::Hunks => {}
        }
        Ok(())
    }

    /// Takes a row of git's extended header.
    fn header(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let refuse = |what: &str| {
            Err(Refusal::new(Code::Unsupported, format!("row {number}: {what} cannot be changed")))
        };
        let file = &mut self.file;
        if let Some(path) = row.strip_prefix("rename from ") {
            file.rename.0 = Some(unquoted(path, number)?);
        } else if let Some(path) = row.strip_prefix("rename to ") {
            file.rename.1 = Some(unquoted(path, number)?);
        } else if let Some(mode) = row.strip_prefix("new file mode ") {
            file.comes = true;
            if mode.trim() != "100644" {
                return refuse("modes");
            }
        } else if row.starts_with("deleted file mode ") {
            file.goes = true;
        } else if row.starts_with("old mode ") || row.starts_with("new mode ") {
            return refuse("modes");
        } else if row.starts_with("copy ") {
            return refuse("copies");
        } else if row.starts_with("Binary files ") || row.starts_with("GIT binary patch") {
            return refuse("binary files");
        } else if !row.trim().is_empty()
            && !["index ", "similarity index ", "dissimilarity index ", "====="]
                .iter()
                .any(|known| row.starts_with(known))
        {
            return Err(malformed(number, &format!("{row:?} is no row of a diff's header")));
        }
        Ok(())
    }

    fn open_hunk(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        self.begin_file(number)?;
        self.state = State::Hunks;
        let inner = row.trim_start_matches('@');
        let numbers = Numbers::of(inner).filter(|(_, rest)| rest.trim_start().starts_with("@@"));
        let numbers = numbers.map(|(numbers, _)| numbers);
        let unnumbered = ["", "@@", "... @@", "…", "… @@"].contains(&inner.trim());
        if numbers.is_none() && !unnumbered {
            return Err(malformed(number, &format!("{row:?} is no header (@@ -12,3 +12,4 @@)")));
        }
        self.hunk = Some(Open { hunk: Hunk::default(), numbers, blank: 0, has_new: false, number });
        Ok(())
    }

    /// Ends the open hunk, if there is one.
    fn close_hunk(&mut self) -> Result<(), Refusal> {
        let Some(open) = self.hunk.take() else { return Ok(()) };
        let number = open.number;
        let hunk = open.close()?;
        let file = &self.file;
        if file.is_created() || file.is_removed() {
            return self.whole(hunk, number);
        }
        if !hunk.rows.iter().any(|row| !matches!(row, Row::Keep(_))) {
            return Err(malformed(number, "the hunk changes nothing"));
        }
        self.builder.push(Find::Rows(hunk));
        Ok(())
    }

    /// Takes the only hunk of a file that comes or goes.
    fn whole(&mut self, hunk: Hunk, number: usize) -> Result<(), Refusal> {
        let creates = self.file.is_created();
        let strange = |row: &Row| match row {
            Row::Add(_) => !creates,
            Row::Remove(_) => creates,
            Row::Keep(_) => true,
        };
        let newline = if creates { hunk.newline.1 } else { hunk.newline.0 };
        match self.builder.task() {
            _ if hunk.rows.iter().any(strange) => {
                Err(malformed(number, "a file that comes or goes has rows of one kind only"))
            }
            Some(Task::Create { text }) if text.is_empty() => {
                text.extend(hunk.rows.iter().filter_map(Row::after).flat_map(|row| [row, "\n"]));
                if newline == Some(false) {
                    text.pop();
                }
                Ok(())
            }
            Some(Task::Remove { old: old @ None }) => {
                *old = Some(hunk);
                Ok(())
            }
            _ => Err(malformed(number, "a file that comes or goes has one hunk")),
        }
    }

    /// Tells the builder of the file whose header was read.
    fn begin_file(&mut self, number: usize) -> Result<(), Refusal> {
        if self.file.begun {
            return Ok(());
        }
        let path = self.file.path().or_else(|| self.given.clone());
        let path = path.ok_or_else(|| malformed(number, "no path: --- and +++"))?;
        if !self.file.agrees() {
            let text = "the paths of rename and those of --- and +++ are not the same";
            return Err(malformed(number, text));
        }
        let at = |refusal: Refusal| malformed(number, &refusal.message);
        if self.file.is_created() {
            self.builder.file(&path, None, Task::Create { text: String::new() }).map_err(at)?;
        } else if self.file.is_removed() {
            self.builder.file(&path, self.handle, Task::Remove { old: None }).map_err(at)?;
        } else {
            self.builder.edit(&path, self.handle).map_err(at)?;
        }
        if let Some(to) = self.file.target(&path) {
            let to = Destination { path: to, handle: None };
            self.builder.move_to(to).map_err(|text| malformed(number, text))?;
        }
        self.file.begun = true;
        Ok(())
    }

    /// Ends the file, which may have no hunk at all.
    fn close_file(&mut self, number: usize) -> Result<(), Refusal> {
        let file = &self.file;
        let bare = file.comes || file.goes || file.rename.1.is_some();
        if !file.begun && bare {
            self.begin_file(number)?;
        } else if !file.begun && file.old.is_some() {
            return Err(malformed(number, "a file without a hunk"));
        }
        self.file = File::default();
        Ok(())
    }
}

impl File {
    fn is_created(&self) -> bool {
        self.comes || self.old == Some(None)
    }

    fn is_removed(&self) -> bool {
        self.goes || self.new == Some(None)
    }

    /// Returns the path before the change, or after it for a new file.
    fn path(&self) -> Option<String> {
        if let Some(from) = &self.rename.0 {
            return Some(from.clone());
        }
        let side = |path: &Option<Option<String>>| path.clone().flatten();
        let (old, new) = (side(&self.old), side(&self.new));
        let bare = |path: String, prefix: &str| match path.strip_prefix(prefix) {
            Some(rest) => rest.to_owned(),
            None => path,
        };
        match (old, new) {
            (Some(old), Some(new)) if old.starts_with("a/") && new.starts_with("b/") => {
                Some(bare(old, "a/"))
            }
            (Some(old), Some(_)) => Some(old),
            (Some(old), None) => Some(bare(old, "a/")),
            (None, Some(new)) => Some(bare(new, "b/")),
            (None, None) => self.git.clone(),
        }
    }

    /// Returns whether what is renamed is what `---` and `+++` name, as far as
    /// each is said.
    fn agrees(&self) -> bool {
        let same = |renamed: &Option<String>, side: &Option<Option<String>>, prefix: &str| match (
            renamed, side,
        ) {
            (Some(renamed), Some(Some(path))) => {
                path == renamed || path.strip_prefix(prefix) == Some(renamed)
            }
            (Some(_), Some(None)) => false,
            _ => true,
        };
        same(&self.rename.0, &self.old, "a/") && same(&self.rename.1, &self.new, "b/")
    }

    /// Returns the path after the change, where it is another.
    fn target(&self, path: &str) -> Option<String> {
        self.rename.1.clone().filter(|to| to != path)
    }
}

impl Open {
    /// Returns whether the rows so far are as many as the header says.
    fn is_full(&self) -> bool {
        let count = |pick: fn(&Row) -> Option<&str>| self.hunk.rows.iter().filter_map(pick).count();
        self.numbers.is_some_and(|numbers| {
            count(Row::before) >= numbers.old_count && count(Row::after) >= numbers.new_count
        })
    }

    /// Returns the rows before the first new one, where that comes next.
    fn before_first_new(&self, kind: Option<char>) -> Option<Hunk> {
        let rows = &self.hunk.rows;
        let is_first = kind == Some('+') && !self.has_new;
        let so_far = || Hunk { rows: rows.clone(), ..Hunk::default() };
        (is_first && !rows.is_empty() && self.blank == 0).then(so_far)
    }

    /// Takes a row.
    ///
    /// # Errors
    /// `malformed` behind the row that ends its side of the file.
    fn push(&mut self, kind: Option<char>, text: &str, number: usize) -> Result<(), Refusal> {
        let (old, new) = self.hunk.newline;
        let behind = (kind != Some('+') && old.is_some()) || (kind != Some('-') && new.is_some());
        if behind || (self.blank > 0 && (old.is_some() || new.is_some())) {
            return Err(malformed(number, "a row behind the last one of the file"));
        }
        for _ in 0..std::mem::take(&mut self.blank) {
            self.hunk.rows.push(Row::Keep(String::new()));
        }
        let text = text.to_owned();
        self.has_new |= kind == Some('+');
        self.hunk.rows.push(match kind {
            Some('-') => Row::Remove(text),
            Some('+') => Row::Add(text),
            _ => Row::Keep(text),
        });
        Ok(())
    }

    /// Takes the row `\ No newline at end of file`.
    fn no_newline(&mut self, number: usize) -> Result<(), Refusal> {
        let blank = std::mem::take(&mut self.blank);
        self.hunk.rows.extend(std::iter::repeat_n(Row::Keep(String::new()), blank));
        let (old, new) = &mut self.hunk.newline;
        match self.hunk.rows.last() {
            Some(Row::Keep(_)) => (*old, *new) = (Some(false), Some(false)),
            Some(Row::Remove(_)) => *old = Some(false),
            Some(Row::Add(_)) => *new = Some(false),
            None => return Err(malformed(number, "no row before it lacks its newline")),
        }
        Ok(())
    }

    /// Returns the hunk with what its header and its last rows say.
    fn close(mut self) -> Result<Hunk, Refusal> {
        let (old, new) = self.hunk.newline;
        if old.is_some() || new.is_some() {
            // What one side says of its last line, the other says by silence.
            self.hunk.newline = (old.or(Some(true)), new.or(Some(true)));
        }
        let has_old = self.hunk.rows.iter().any(|row| row.before().is_some());
        self.hunk.hint = Hint { line: self.numbers.map(Numbers::line), ..Hint::default() };
        if !has_old && self.numbers.is_none_or(|numbers| numbers.old_count > 0) {
            let text = "lines come between no others: show a line before or after them";
            return Err(malformed(self.number, text));
        }
        Ok(self.hunk)
    }
}

/// Returns the path of a `---` or `+++` row; `None` for `/dev/null`.
fn path_of(text: &str, number: usize) -> Result<Option<String>, Refusal> {
    // Behind a tab stands a date.
    let text = text.split('\t').next().unwrap_or_default().trim_end();
    match text {
        "/dev/null" => Ok(None),
        "" => Err(malformed(number, "no path")),
        text => unquoted(text, number).map(Some),
    }
}

/// Returns the path in `a/path b/path`, if both are the same.
fn git_path(text: &str) -> Option<String> {
    let half = text.len() / 2;
    let (old, new) = (text.get(..half)?, text.get(half + 1..)?);
    let same = text.as_bytes().get(half) == Some(&b' ')
        && old.strip_prefix("a/").is_some_and(|path| new.strip_prefix("b/") == Some(path));
    same.then(|| old[2..].to_owned())
}

/// Returns a path without the quotes and escapes that git writes it with.
fn unquoted(text: &str, number: usize) -> Result<String, Refusal> {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Ok(text.to_owned());
    };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        let escaped = match byte {
            b'\\' => rest.next(),
            byte => {
                bytes.push(byte);
                continue;
            }
        };
        bytes.push(match escaped {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(byte @ (b'"' | b'\\')) => byte,
            Some(first @ b'0'..=b'3') => {
                let digits = [Some(first), rest.next(), rest.next()];
                let value = digits.into_iter().try_fold(0_u8, |value, digit| {
                    let digit = digit.filter(|digit| (b'0'..=b'7').contains(digit))?;
                    Some(value.wrapping_mul(8) + (digit - b'0'))
                });
                value.ok_or_else(|| malformed(number, "an escape of a path is cut off"))?
            }
            _ => return Err(malformed(number, "an escape of a path is unknown")),
        });
    }
    String::from_utf8(bytes).map_err(|_| malformed(number, "a path is not UTF-8"))
}

/// Returns the draft as text.
///
/// # Errors
/// `unsupported` where it asks for what this format cannot say.
pub(super) fn write(draft: &Draft) -> Result<String, Refusal> {
    let mut out = String::new();
    let mut bare = false;
    for file in &draft.files {
        let mut text = String::new();
        write_file(file, &mut text)?;
        // What follows a file without a hunk would be taken for the rest of its
        // header.
        if bare && text.starts_with("--- ") {
            out.push_str(&format!("diff --git a/{0} b/{0}\n", file.path));
        }
        bare = !text.contains("\n@@");
        out.push_str(&text);
    }
    Ok(out)
}

fn write_file(file: &DraftFile, out: &mut String) -> Result<(), Refusal> {
    let unsayable = || super::unsayable(file, "udiff");
    if file.path.contains(['\n', '\t', '"']) {
        return Err(unsayable());
    }
    let path = &file.path;
    match &file.task {
        Task::Create { text } => {
            let rows = text.split_inclusive('\n').map(|row| row.strip_suffix('\n').unwrap_or(row));
            let rows: Vec<Row> = rows.map(|row| Row::Add(row.to_owned())).collect();
            let newline = (None, (!text.ends_with('\n')).then_some(false));
            let hint = Hint { line: Some(1), ..Hint::default() };
            out.push_str(&format!("diff --git a/{path} b/{path}\nnew file mode 100644\n"));
            if !rows.is_empty() {
                out.push_str(&format!("--- /dev/null\n+++ b/{path}\n"));
                write_hunk(&Hunk { rows, newline, hint }, &mut 0, out);
            }
        }
        Task::Remove { old: Some(hunk) } => {
            out.push_str(&format!("--- a/{path}\n+++ /dev/null\n"));
            write_hunk(hunk, &mut 0, out);
        }
        Task::Edit { finds, final_newline: None, to } => {
            let to_path = to.as_ref().map_or(path, |to| &to.path);
            if let Some(to) = to {
                let (from, to) = (path, &to.path);
                out.push_str(&format!(
                    "diff --git a/{from} b/{to}\nrename from {from}\nrename to {to}\n"
                ));
            }
            if !finds.is_empty() {
                out.push_str(&format!("--- a/{path}\n+++ b/{to_path}\n"));
            }
            let mut shift = 0;
            for find in finds {
                let Find::Rows(hunk) = find else { return Err(unsayable()) };
                write_hunk(hunk, &mut shift, out);
            }
        }
        _ => return Err(unsayable()),
    }
    Ok(())
}

fn write_hunk(hunk: &Hunk, shift: &mut i64, out: &mut String) {
    let count = |pick: fn(&Row) -> Option<&str>| hunk.rows.iter().filter_map(pick).count();
    let (old, new) = (count(Row::before), count(Row::after));
    match hunk.hint.line {
        None => out.push_str("@@ @@\n"),
        Some(line) => {
            // A side without lines names the line before it.
            let from = line - usize::from(old == 0);
            let there = (line as i64 + *shift) as usize;
            let to = there - usize::from(new == 0).min(there);
            out.push_str(&format!("@@ -{from},{old} +{to},{new} @@\n"));
        }
    }
    *shift += new as i64 - old as i64;
    let last =
        |pick: fn(&Row) -> Option<&str>| hunk.rows.iter().rposition(|row| pick(row).is_some());
    let ends = [(hunk.newline.0, last(Row::before)), (hunk.newline.1, last(Row::after))];
    for (index, row) in hunk.rows.iter().enumerate() {
        let (mark, text) = match row {
            Row::Keep(text) => (" ", text),
            Row::Remove(text) => ("-", text),
            Row::Add(text) => ("+", text),
        };
        out.extend([mark, text, "\n"]);
        if ends.iter().any(|(newline, last)| *newline == Some(false) && *last == Some(index)) {
            out.push_str("\\ No newline at end of file\n");
        }
    }
}
