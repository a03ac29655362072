//! `hashline`: sections of line operations, as oh-my-pi writes them, and the
//! older anchors with a hash for every line.
//!
//! ```text
//! [src/lib.rs#481920]
//! PUT 12.=14:
//! +new line 12
//! +new line 13
//! PUT >20:
//! +after line 20
//! CUT 30.=35
//! ```
//!
//! Our handle takes the place of the tag. The older form is JSON with anchors
//! such as `12#ZP` or `12:a3`; what the hash says is held against the line.
//! `docs/formats.md` holds the grammar.

use super::builder::{Builder, Given, Reader, is_fence, malformed, read_rows, without_cr};
use super::{Body, Destination, Draft, DraftFile, Find, LAST, Op, OpKind, Task, hashes};
use crate::anchor::{Handle, LineRange};
use crate::error::{Code, Refusal};

/// The register of a cut that names none.
const ANONYMOUS: &str = "_";

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the row (1-based) or the field that cannot be read;
/// `unsupported` for an operation on a block, which needs a parser.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    match is_json(text.split('\n')) {
        Some(true) => hashes::read(text, given),
        _ => read_rows(reader(given), text),
    }
}

/// Returns whether a text that begins with these rows is JSON; `None` where
/// they do not say. A section begins with a bracket as an array does.
pub(super) fn is_json<'a>(rows: impl Iterator<Item = &'a str>) -> Option<bool> {
    let first = rows.map(str::trim).find(|row| !row.is_empty() && !is_fence(row))?;
    let inner = first.strip_prefix('[').map(str::trim_start);
    Some(
        first.starts_with('{')
            || inner.is_some_and(|rest| rest.is_empty() || rest.starts_with(['{', '[', '"', ']'])),
    )
}

/// Returns a reader that takes the text row by row.
pub(super) fn reader(given: Given<'_>) -> Box<dyn Reader> {
    let mut hashline = Hashline { builder: Builder::default(), open: None, cuts: 0, pastes: None };
    if let Some(path) = given.path {
        // The only section there is; a header of its own is refused as its twin.
        let begun = hashline.builder.edit(path, given.handle);
        debug_assert!(begun.is_ok(), "BUG: an empty draft takes any file");
    }
    Box::new(hashline)
}

struct Hashline {
    builder: Builder,
    /// The operation whose rows are being read, with the row of its header.
    open: Option<(Op, usize)>,
    /// The cuts that name no register, and the row of the first paste of what
    /// they took.
    cuts: usize,
    pastes: Option<usize>,
}

impl Reader for Hashline {
    fn row(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let row = without_cr(row);
        if let Some(text) = row.strip_prefix('+') {
            return self.text(text, number);
        }
        let mark = row.trim();
        if mark.is_empty() || is_fence(mark) || ["*** Begin Patch", "*** End Patch"].contains(&mark)
        {
            return Ok(());
        }
        if mark == "*** Abort" {
            return Err(malformed(number, "the edit was aborted"));
        }
        let known = ["[", "PUT", "CUT", "REM", "MV"].iter().any(|word| mark.starts_with(word));
        if self.open.is_some() && !known {
            let text = format!("{mark:?} is no operation, and rows of text begin with +");
            return Err(malformed(number, &text));
        }
        self.close()?;
        if let Some(inner) = mark.strip_prefix('[').and_then(|mark| mark.strip_suffix(']')) {
            return self.section(inner, number);
        }
        if self.builder.path().is_none() {
            return Err(malformed(number, "a section begins with [path#handle]"));
        }
        let (verb, rest) = mark.split_once(char::is_whitespace).unwrap_or((mark, ""));
        match verb {
            "PUT" => self.put(rest.trim(), number),
            "CUT" => self.cut(rest.trim(), number),
            "REM" if rest.is_empty() => self.remove(number),
            "MV" => self.move_to(rest.trim(), number),
            _ => Err(malformed(number, &format!("{mark:?} is no operation (PUT, CUT, REM, MV)"))),
        }
    }

    fn end(mut self: Box<Self>) -> Result<Draft, Refusal> {
        self.close()?;
        if let Some(number) = self.pastes.filter(|_| self.cuts != 1) {
            let text = format!("{} cuts fill the register that is pasted here", self.cuts);
            return Err(malformed(number, &text));
        }
        let one = self.pastes.is_some();
        let mut draft = self.builder.finish("no section: begin with [path#handle]")?;
        if !one {
            forget_anonymous(&mut draft);
        }
        Ok(draft)
    }

    fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }
}

/// Takes the register from cuts that nobody pastes.
fn forget_anonymous(draft: &mut Draft) {
    for file in &mut draft.files {
        let Task::Edit { finds, .. } = &mut file.task else { continue };
        for find in finds {
            if let Find::Lines(Op { kind: OpKind::Delete { register, .. }, .. }) = find
                && register.as_deref() == Some(ANONYMOUS)
            {
                *register = None;
            }
        }
    }
}

impl Hashline {
    fn section(&mut self, inner: &str, number: usize) -> Result<(), Refusal> {
        let (path, tag) = inner
            .rsplit_once('#')
            .ok_or_else(|| malformed(number, "a section begins with [path#handle]"))?;
        let tag = tag.trim();
        let handle = tag.parse::<Handle>();
        let handle = handle.map_err(|error| malformed(number, &format!("{tag:?}: {error}")))?;
        let same = self.builder.edit(path.trim(), Some(handle));
        same.map_err(|refusal| malformed(number, &refusal.message))
    }

    fn text(&mut self, text: &str, number: usize) -> Result<(), Refusal> {
        match &mut self.open {
            Some((
                Op { kind: OpKind::Replace { body, .. } | OpKind::Insert { body, .. }, .. },
                _,
            )) => {
                if let Body::Text(lines) = body {
                    lines.extend([text, "\n"]);
                }
                self.builder.row(text);
                Ok(())
            }
            _ => Err(malformed(number, "a row of text belongs behind a PUT that ends in a colon")),
        }
    }

    /// Ends the operation whose rows were read.
    fn close(&mut self) -> Result<(), Refusal> {
        let Some((op, number)) = self.open.take() else { return Ok(()) };
        let empty = |body: &Body| matches!(body, Body::Text(text) if text.is_empty());
        match &op.kind {
            OpKind::Replace { body, .. } | OpKind::Insert { body, .. } if empty(body) => {
                Err(malformed(number, "no row of text; to remove lines use CUT"))
            }
            _ => {
                self.builder.push(Find::Lines(op));
                Ok(())
            }
        }
    }

    fn put(&mut self, rest: &str, number: usize) -> Result<(), Refusal> {
        let (place, body) = match rest.split_once(':') {
            Some((place, "")) => (place.trim(), None),
            Some(_) => return Err(malformed(number, "text behind the colon; rows begin with +")),
            None => {
                let (place, name) = register_of(rest, number)?;
                if name.is_none() {
                    self.pastes.get_or_insert(number);
                }
                (place, Some(Body::Register(name.unwrap_or(ANONYMOUS).to_owned())))
            }
        };
        let is_text = body.is_none();
        let kind = put_kind(place, body.unwrap_or(Body::Text(String::new())), number)?;
        let op = Op::from(kind);
        if is_text {
            self.builder.place(Find::Lines(op.clone()), true);
            self.open = Some((op, number));
        } else {
            self.builder.push(Find::Lines(op));
        }
        Ok(())
    }

    fn cut(&mut self, rest: &str, number: usize) -> Result<(), Refusal> {
        let (place, name) = register_of(rest, number)?;
        let lines = lines_of(place, number)?;
        if name.is_none() {
            self.cuts += 1;
        }
        let register = Some(name.unwrap_or(ANONYMOUS).to_owned());
        self.builder.push(Find::Lines(OpKind::Delete { lines, register }.into()));
        Ok(())
    }

    fn remove(&mut self, number: usize) -> Result<(), Refusal> {
        let untouched = |task: &&mut Task| matches!(task, Task::Edit { finds, to: None, .. } if finds.is_empty());
        match self.builder.task().filter(untouched) {
            Some(task) => {
                *task = Task::Remove { old: None };
                Ok(())
            }
            None => Err(malformed(number, "a file that goes has no other operation")),
        }
    }

    fn move_to(&mut self, path: &str, number: usize) -> Result<(), Refusal> {
        if path.is_empty() {
            return Err(malformed(number, "no path to move to"));
        }
        let to = Destination { path: path.to_owned(), handle: None };
        self.builder.move_to(to).map_err(|text| malformed(number, text))
    }
}

/// Returns what a `PUT` does at `place`.
fn put_kind(place: &str, body: Body, number: usize) -> Result<OpKind, Refusal> {
    if place == ">$" {
        return Ok(OpKind::Insert { after: LAST, body });
    }
    if let Some(line) = place.strip_prefix('>') {
        return Ok(OpKind::Insert { after: line_of(line, number)?, body });
    }
    if let Some(line) = place.strip_prefix('<') {
        let line = line_of(line, number)?;
        return Ok(OpKind::Insert { after: line - 1, body });
    }
    Ok(OpKind::Replace { lines: lines_of(place, number)?, body })
}

/// Returns what stands before `@name`, and the name.
fn register_of(text: &str, number: usize) -> Result<(&str, Option<&str>), Refusal> {
    let Some((place, name)) = text.split_once('@') else { return Ok((text, None)) };
    let name = name.trim();
    let plain = !name.is_empty() && !name.contains(char::is_whitespace) && name != ANONYMOUS;
    match plain {
        true => Ok((place.trim(), Some(name))),
        false => Err(malformed(number, &format!("{name:?} is no name of a register"))),
    }
}

fn line_of(text: &str, number: usize) -> Result<usize, Refusal> {
    let text = text.trim();
    if text.ends_with('*') {
        let text = "the block that opens on a line cannot be told without a parser; give its lines";
        return Err(Refusal::new(Code::Unsupported, format!("row {number}: {text}")));
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let line = digits.then(|| text.parse().ok()).flatten().filter(|line| *line > 0);
    line.ok_or_else(|| malformed(number, &format!("{text:?} is no line")))
}

/// Returns the lines written as `12`, `12.=14`, `12-14` or `12..14`.
fn lines_of(text: &str, number: usize) -> Result<LineRange, Refusal> {
    let parts = [".=", "..", "-", "="].iter().find_map(|sign| text.split_once(sign));
    let (first, last) = parts.unwrap_or((text, text));
    Ok((line_of(first, number)?, line_of(last, number)?))
}

/// Returns the draft as text, in sections.
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
    let unsayable = || super::unsayable(file, "hashline");
    let handle = file.handle.ok_or_else(unsayable)?;
    out.push_str(&format!("[{}#{handle}]\n", file.path));
    match &file.task {
        Task::Remove { .. } => out.push_str("REM\n"),
        Task::Edit { finds, final_newline: None, to } => {
            for find in finds {
                let Find::Lines(Op { kind, expect: None }) = find else { return Err(unsayable()) };
                write_op(kind, out);
            }
            if let Some(Destination { path, handle: None }) = to {
                out.push_str(&format!("MV {path}\n"));
            } else if to.is_some() {
                return Err(unsayable());
            }
        }
        _ => return Err(unsayable()),
    }
    Ok(())
}

fn write_op(kind: &OpKind, out: &mut String) {
    let span = |(first, last): LineRange| match first == last {
        true => first.to_string(),
        false => format!("{first}.={last}"),
    };
    let (place, body) = match kind {
        OpKind::Replace { lines, body } => (span(*lines), body),
        OpKind::Insert { after: 0, body } => ("<1".to_owned(), body),
        OpKind::Insert { after: LAST, body } => (">$".to_owned(), body),
        OpKind::Insert { after, body } => (format!(">{after}"), body),
        OpKind::Delete { lines, register } => {
            let named = register.as_deref().filter(|name| *name != ANONYMOUS);
            let name = named.map(|name| format!(" @{name}")).unwrap_or_default();
            out.push_str(&format!("CUT {}{name}\n", span(*lines)));
            return;
        }
    };
    match body {
        Body::Register(name) if name == ANONYMOUS => out.push_str(&format!("PUT {place}\n")),
        Body::Register(name) => out.push_str(&format!("PUT {place} @{name}\n")),
        Body::Text(text) => {
            out.push_str(&format!("PUT {place}:\n"));
            text.split_inclusive('\n').for_each(|row| out.extend(["+", row]));
        }
    }
}
