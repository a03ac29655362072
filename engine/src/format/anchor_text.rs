//! The text form of `anchor`: raw bodies between a header and a sentinel.
//!
//! ```text
//! @src/lib.rs 481920
//! 12-14c
//! new line 12
//! new line 13
//! .
//! 20a
//! after line 20
//! .
//! 30-35d
//! ```
//!
//! The verbs and the lone dot are those of `ed` (POSIX), but every number is a
//! line of the handle. A body without its sentinel is refused, so an edit that
//! was cut off while it was written never takes effect; so is one with a header
//! in it, for then a sentinel was forgotten. `docs/formats.md` holds the
//! grammar.

use std::collections::HashSet;

use super::builder::{Event, Verb};
use super::{Action, Body, Expect, FileScript, Find, Op, OpKind, Script};
use crate::anchor::{Handle, LineRange};
use crate::error::{Code, Refusal};

/// Ends a body unless its header names another line.
pub(super) const SENTINEL: &str = ".";

/// Returns the script written in `text`.
///
/// Lenient where only one reading exists: blank lines between operations, a
/// Markdown fence around the whole, blanks around the parts of a header, `,` or
/// `..` for `-`, `i` for "insert before".
///
/// # Errors
/// `malformed`, with the row (1-based) that cannot be read.
pub fn parse(text: &str) -> Result<Script, Refusal> {
    let mut rows = Rows::new(text);
    let mut script = Script::default();
    let mut paths = HashSet::new();
    while let Some((number, row)) = rows.next_header() {
        let section = row.strip_prefix('@').ok_or_else(|| {
            let hint = "a file section begins with @path handle";
            malformed(number, &format!("{hint}, not with {row:?}"))
        })?;
        let file = parse_section(section, number, &mut rows)?;
        if !paths.insert(file.path.clone()) {
            let text = format!("{:?} has a section already; make them one", file.path);
            return Err(malformed(number, &text));
        }
        script.files.push(file);
    }
    if script.files.is_empty() {
        return Err(Refusal::new(Code::Malformed, "no file section: begin with @path handle"));
    }
    Ok(script)
}

/// Returns `script` as text, so that [`parse`] returns it again.
pub fn print(script: &Script) -> String {
    let mut out = String::new();
    for file in &script.files {
        print_section(file, &mut out);
    }
    out
}

/// The rows of the text, with the one that stands next.
struct Rows<'a> {
    rows: Vec<&'a str>,
    at: usize,
    end: usize,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Rows<'a> {
        let rows: Vec<&str> = text.split('\n').collect();
        let blank = |row: &&str| row.trim().is_empty();
        let mut at = rows.iter().take_while(|row| blank(row)).count();
        let mut end = rows.len() - rows[at..].iter().rev().take_while(|row| blank(row)).count();
        let fenced =
            end - at >= 2 && rows[at].starts_with("```") && rows[end - 1].trim_end() == "```";
        if fenced {
            (at, end) = (at + 1, end - 1);
        }
        Rows { rows, at, end }
    }

    /// Returns the next row that is not blank, and its number (1-based),
    /// without blanks at its end, and passes over it.
    fn next_header(&mut self) -> Option<(usize, &'a str)> {
        while self.at < self.end {
            let row = self.rows[self.at].trim_end();
            self.at += 1;
            if !row.is_empty() {
                return Some((self.at, row));
            }
        }
        None
    }

    /// Returns the next header that is not the beginning of another section.
    fn next_op(&mut self) -> Option<(usize, &'a str)> {
        let (number, row) = self.next_header()?;
        if row.starts_with('@') {
            self.at -= 1;
            return None;
        }
        Some((number, row))
    }

    /// Returns the rows up to the sentinel, each ended by LF.
    ///
    /// A row that would be a header outside of the body is refused, unless the
    /// author chose the sentinel and so knows where the body ends.
    fn body(&mut self, sentinel: &str, header: usize) -> Result<String, Refusal> {
        let rest = &self.rows[self.at..self.end];
        let is_end = |row: &&str| row.strip_suffix('\r').unwrap_or(row) == sentinel;
        let len = rest.iter().position(is_end).ok_or_else(|| {
            malformed(header, &format!("the body is not ended by a row {sentinel:?}"))
        })?;
        let swallowed = rest[..len].iter().position(|row| is_header(row));
        if let Some(at) = swallowed.filter(|_| sentinel == SENTINEL) {
            let hint = "end the body before it with \".\", or name another sentinel with <<END";
            let text = format!("{:?} stands inside a body: {hint}", rest[at]);
            return Err(malformed(self.at + at + 1, &text));
        }
        self.at += len + 1;
        let mut text = String::with_capacity(rest[..len].iter().map(|row| row.len() + 1).sum());
        for row in &rest[..len] {
            text.push_str(row);
            text.push('\n');
        }
        Ok(text)
    }
}

/// What a section's header says, before any body is read.
struct SectionHead {
    path: String,
    verb: FileVerb,
    sentinel: String,
}

enum FileVerb {
    Create,
    Edit(Handle),
    Write(Handle),
    Remove(Handle),
    Move(Handle, String, Option<Handle>),
}

impl SectionHead {
    fn parse(section: &str, number: usize) -> Result<SectionHead, Refusal> {
        let mut words = Words(section.trim_start());
        let path = words.next(number)?.ok_or_else(|| malformed(number, "no path"))?;
        let second =
            words.next(number)?.ok_or_else(|| malformed(number, "no handle after the path"))?;
        let verb = match second.as_str() {
            "create" => FileVerb::Create,
            word => FileVerb::parse(handle_of(word, number)?, &mut words, number)?,
        };
        let sentinel = match verb {
            FileVerb::Create | FileVerb::Write(_) => sentinel_of(&mut words, number)?,
            _ => SENTINEL.to_owned(),
        };
        words.end(number)?;
        Ok(SectionHead { path, verb, sentinel })
    }
}

impl FileVerb {
    /// Returns the verb that follows the handle.
    fn parse(handle: Handle, words: &mut Words<'_>, number: usize) -> Result<FileVerb, Refusal> {
        match words.next(number)?.as_deref() {
            None => Ok(FileVerb::Edit(handle)),
            Some("write") => Ok(FileVerb::Write(handle)),
            Some("remove") => Ok(FileVerb::Remove(handle)),
            Some("move") => {
                let to =
                    words.next(number)?.ok_or_else(|| malformed(number, "no path to move to"))?;
                let to_handle = words.next(number)?;
                let to_handle = to_handle.map(|word| handle_of(&word, number)).transpose()?;
                Ok(FileVerb::Move(handle, to, to_handle))
            }
            Some(verb) => {
                let text = format!("{verb:?} is no verb for a file");
                Err(malformed(number, &text))
            }
        }
    }
}

fn handle_of(word: &str, number: usize) -> Result<Handle, Refusal> {
    word.parse().map_err(|error| malformed(number, &format!("{word:?}: {error}")))
}

fn parse_section(section: &str, number: usize, rows: &mut Rows<'_>) -> Result<FileScript, Refusal> {
    let SectionHead { path, verb, sentinel } = SectionHead::parse(section, number)?;
    let action = match verb {
        FileVerb::Create => Action::Create { text: exact_body(rows, &sentinel, number)? },
        FileVerb::Edit(handle) => parse_ops(handle, rows)?,
        FileVerb::Write(handle) => {
            Action::Write { handle, text: exact_body(rows, &sentinel, number)? }
        }
        FileVerb::Remove(handle) => Action::Remove { handle },
        FileVerb::Move(handle, to, to_handle) => parse_move(handle, to, to_handle, rows)?,
    };
    Ok(FileScript { path, action })
}

/// Returns a move; operations that follow it are done as well.
fn parse_move(
    handle: Handle,
    to: String,
    to_handle: Option<Handle>,
    rows: &mut Rows<'_>,
) -> Result<Action, Refusal> {
    Ok(match parse_ops(handle, rows)? {
        Action::Edit { ops, final_newline, .. } if !ops.is_empty() || final_newline.is_some() => {
            Action::EditAndMove { handle, ops, final_newline, to, to_handle }
        }
        _ => Action::Move { handle, to, to_handle },
    })
}

/// Returns the body of `create` or `write`: exact text, whose final newline a
/// row `no newline` takes away.
fn exact_body(rows: &mut Rows<'_>, sentinel: &str, number: usize) -> Result<String, Refusal> {
    let mut text = rows.body(sentinel, number)?;
    let at = rows.at;
    match rows.next_op() {
        Some((_, "no newline")) => {
            let len = text.strip_suffix('\n').map_or(0, str::len);
            text.truncate(text[..len].strip_suffix('\r').map_or(len, str::len));
        }
        Some((number, row)) => {
            return Err(malformed(number, &format!("{row:?} after the body of a whole file")));
        }
        None => rows.at = at,
    }
    Ok(text)
}

fn parse_ops(handle: Handle, rows: &mut Rows<'_>) -> Result<Action, Refusal> {
    let mut ops = Vec::new();
    let mut final_newline = None;
    while let Some((number, row)) = rows.next_op() {
        let newline = match row {
            "newline" => true,
            "no newline" => false,
            _ => {
                ops.push(parse_op(row, number, rows)?);
                continue;
            }
        };
        if final_newline.replace(newline).is_some() {
            return Err(malformed(number, "the final newline is settled twice"));
        }
    }
    Ok(Action::Edit { handle, ops, final_newline })
}

/// What an operation's header says, before any body is read.
struct OpHead {
    lines: LineRange,
    verb: u8,
    tail: Tail,
}

impl OpHead {
    fn parse(row: &str, number: usize) -> Result<OpHead, Refusal> {
        let unreadable = || {
            let text = format!("{row:?} is no operation (12-14c, 20a, 30-35d)");
            malformed(number, &text)
        };
        let verb_at = row.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(unreadable)?;
        let lines = parse_lines(row[..verb_at].trim()).ok_or_else(unreadable)?;
        let verb = row.as_bytes()[verb_at];
        let place = lines.0 == lines.1;
        let known = match verb {
            b'c' | b'd' => true,
            b'a' => place,
            b'i' => place && lines.0 > 0,
            _ => false,
        };
        if !known {
            return Err(unreadable());
        }
        let mut words = Words(row[verb_at + 1..].trim_start());
        let tail = Tail::parse(&mut words, number)?;
        tail.check(verb).map_err(|text| malformed(number, text))?;
        Ok(OpHead { lines, verb, tail })
    }
}

fn parse_op(row: &str, number: usize, rows: &mut Rows<'_>) -> Result<Op, Refusal> {
    let OpHead { lines, verb, tail } = OpHead::parse(row, number)?;
    let kind = match verb {
        b'c' => OpKind::Replace { lines, body: tail.body(rows, number)? },
        b'd' => OpKind::Delete { lines, register: tail.target },
        verb => OpKind::Insert {
            after: lines.0 - usize::from(verb == b'i'),
            body: tail.body(rows, number)?,
        },
    };
    Ok(Op { kind, expect: tail.expect })
}

/// Returns whether a row would be a header, were it not in a body. Headers of
/// operations are not indented, and code that looks like them is.
fn is_header(row: &str) -> bool {
    let row = row.trim_end();
    match row.strip_prefix('@') {
        Some(section) => SectionHead::parse(section, 0).is_ok(),
        None => row.starts_with(|c: char| c.is_ascii_digit()) && OpHead::parse(row, 0).is_ok(),
    }
}

/// What may follow a verb: `"first" "last"` to expect, `<<END` for another
/// sentinel, `<name` to paste and `>name` to keep what is deleted.
#[derive(Default)]
struct Tail {
    expect: Option<Expect>,
    sentinel: Option<String>,
    source: Option<String>,
    target: Option<String>,
}

impl Tail {
    fn parse(words: &mut Words<'_>, number: usize) -> Result<Tail, Refusal> {
        let mut tail = Tail::default();
        while !words.0.is_empty() {
            let quoted = words.0.starts_with('"');
            let Some(word) = words.next(number)? else {
                break;
            };
            let slot = match (&word, quoted) {
                (_, true) => {
                    match &mut tail.expect {
                        None => tail.expect = Some(Expect { first: word, last: None }),
                        Some(Expect { last: last @ None, .. }) => *last = Some(word),
                        Some(_) => return Err(malformed(number, "more than two expected lines")),
                    }
                    continue;
                }
                (word, _) if word.starts_with("<<") => (&mut tail.sentinel, &word[2..]),
                (word, _) if word.starts_with('<') => (&mut tail.source, &word[1..]),
                (word, _) if word.starts_with('>') => (&mut tail.target, &word[1..]),
                _ => return Err(malformed(number, &format!("{word:?} after the verb"))),
            };
            if slot.1.is_empty() || slot.0.is_some() {
                return Err(malformed(number, &format!("{word:?} after the verb")));
            }
            *slot.0 = Some(slot.1.to_owned());
        }
        Ok(tail)
    }

    /// Returns what is wrong with this tail behind `verb`, if anything is.
    fn check(&self, verb: u8) -> Result<(), &'static str> {
        let deletes = verb == b'd';
        if deletes && (self.source.is_some() || self.sentinel.is_some()) {
            return Err("a delete has no body");
        }
        if !deletes && self.target.is_some() {
            return Err("only a delete can keep lines with >");
        }
        if self.source.is_some() && self.sentinel.is_some() {
            return Err("lines come from a register or from a body, not from both");
        }
        if matches!(verb, b'a' | b'i') && self.expect.is_some() {
            return Err("an insert removes no line, so it expects none");
        }
        Ok(())
    }

    fn body(&self, rows: &mut Rows<'_>, number: usize) -> Result<Body, Refusal> {
        match &self.source {
            Some(name) => Ok(Body::Register(name.clone())),
            None => rows.body(self.sentinel.as_deref().unwrap_or(SENTINEL), number).map(Body::Text),
        }
    }
}

/// Returns the lines written as `12`, `12-14`, `12,14` or `12..14`.
fn parse_lines(text: &str) -> Option<LineRange> {
    let number = |text: &str| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let (first, last) = match text.split_once(['-', ',']).or_else(|| text.split_once("..")) {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    Some((first, last))
}

fn sentinel_of(words: &mut Words<'_>, number: usize) -> Result<String, Refusal> {
    match words.next(number)? {
        None => Ok(SENTINEL.to_owned()),
        Some(word) => match word.strip_prefix("<<") {
            Some(end) if !end.is_empty() => Ok(end.to_owned()),
            _ => Err(malformed(number, &format!("{word:?} is no sentinel (<<END)"))),
        },
    }
}

/// Words divided by blanks; one in double quotes may hold blanks, with `\"` and
/// `\\` for themselves. No other backslash means anything, so each stays.
pub(super) struct Words<'a>(pub(super) &'a str);

impl Words<'_> {
    /// Returns the next word and passes over it.
    pub(super) fn next(&mut self, number: usize) -> Result<Option<String>, Refusal> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (word, rest) = match self.0.strip_prefix('"') {
            None => {
                let end = self.0.find([' ', '\t']).unwrap_or(self.0.len());
                (self.0[..end].to_owned(), &self.0[end..])
            }
            Some(quoted) => unquote(quoted)
                .ok_or_else(|| malformed(number, "a quoted word without its closing quote"))?,
        };
        self.0 = rest.trim_start();
        Ok(Some(word))
    }

    /// Refuses what is left.
    pub(super) fn end(&self, number: usize) -> Result<(), Refusal> {
        match self.0 {
            "" => Ok(()),
            rest => Err(malformed(number, &format!("{rest:?} at the end of the header"))),
        }
    }
}

/// Returns the word up to its closing quote, and what follows.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((word, &quoted[at + 1..])),
            '\\' => match chars.next()?.1 {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            c => word.push(c),
        }
    }
    None
}

/// Returns a word in quotes.
pub(super) fn quote(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns a path as it is written: in quotes where it would be misread.
pub(super) fn path_word(path: &str) -> String {
    let plain = !path.is_empty() && !path.starts_with('"') && !path.contains(char::is_whitespace);
    if plain { path.to_owned() } else { quote(path) }
}

fn print_section(file: &FileScript, out: &mut String) {
    out.push('@');
    out.push_str(&path_word(&file.path));
    match &file.action {
        Action::Create { text } => {
            out.push_str(" create");
            print_exact(text, out);
        }
        Action::Write { handle, text } => {
            out.push_str(&format!(" {handle} write"));
            print_exact(text, out);
        }
        Action::Remove { handle } => out.push_str(&format!(" {handle} remove\n")),
        Action::Move { handle, to, to_handle } => {
            out.push_str(&format!(" {handle} move {}", path_word(to)));
            if let Some(to_handle) = to_handle {
                out.push_str(&format!(" {to_handle}"));
            }
            out.push('\n');
        }
        Action::Edit { handle, ops, final_newline } => {
            out.push_str(&format!(" {handle}\n"));
            print_ops(ops, *final_newline, out);
        }
        Action::EditAndMove { handle, ops, final_newline, to, to_handle } => {
            out.push_str(&format!(" {handle} move {}", path_word(to)));
            if let Some(to_handle) = to_handle {
                out.push_str(&format!(" {to_handle}"));
            }
            out.push('\n');
            print_ops(ops, *final_newline, out);
        }
    }
}

fn print_ops(ops: &[Op], final_newline: Option<bool>, out: &mut String) {
    for op in ops {
        print_op(op, out);
    }
    match final_newline {
        Some(true) => out.push_str("newline\n"),
        Some(false) => out.push_str("no newline\n"),
        None => {}
    }
}

fn print_exact(text: &str, out: &mut String) {
    print_body(text, out);
    if !text.is_empty() && !text.ends_with('\n') {
        out.push_str("no newline\n");
    }
}

fn print_op(op: &Op, out: &mut String) {
    let (lines, verb, body) = match &op.kind {
        OpKind::Replace { lines, body } => (*lines, 'c', Some(body)),
        OpKind::Insert { after, body } => ((*after, *after), 'a', Some(body)),
        OpKind::Delete { lines, .. } => (*lines, 'd', None),
    };
    match lines {
        (first, last) if first == last => out.push_str(&first.to_string()),
        (first, last) => out.push_str(&format!("{first}-{last}")),
    }
    out.push(verb);
    if let Some(Expect { first, last }) = &op.expect {
        for expected in std::iter::once(first).chain(last) {
            out.push(' ');
            out.push_str(&quote(expected));
        }
    }
    match (&op.kind, body) {
        (_, Some(Body::Text(text))) => print_body(text, out),
        (_, Some(Body::Register(name))) => out.push_str(&format!(" <{name}\n")),
        (OpKind::Delete { register: Some(name), .. }, None) => {
            out.push_str(&format!(" >{name}\n"));
        }
        (_, None) => out.push('\n'),
    }
}

/// Ends the header, writes the rows and a sentinel that none of them equals.
pub(super) fn print_body(text: &str, out: &mut String) {
    let sentinel = sentinel_for(text);
    if sentinel != SENTINEL {
        out.push_str(&format!(" <<{sentinel}"));
    }
    out.push('\n');
    out.push_str(text);
    // A CR at the very end is content, and must not become half of a CRLF.
    match text.as_bytes().last() {
        None | Some(b'\n') => {}
        Some(b'\r') => out.push_str("\r\n"),
        Some(_) => out.push('\n'),
    }
    out.push_str(&sentinel);
    out.push('\n');
}

fn sentinel_for(text: &str) -> String {
    let rows = || text.split('\n').map(|row| row.strip_suffix('\r').unwrap_or(row));
    if !rows().any(|row| row == SENTINEL || is_header(row)) {
        return SENTINEL.to_owned();
    }
    let taken: HashSet<&str> = rows().filter(|row| row.starts_with("END")).collect();
    let mut names = (1_usize..).map(|number| format!("END{number}"));
    names.find(|name| !taken.contains(name.as_str())).expect("the rows are finitely many")
}

/// Looks at the rows of an edit while it is being written.
#[derive(Default)]
pub(super) struct Watch {
    path: Option<(String, Option<Handle>)>,
    /// The operation whose body is being written, and the sentinel.
    body: Option<(Option<Op>, String)>,
    fenced: bool,
    over: bool,
}

impl Watch {
    /// Takes the next row; returns what it tells.
    ///
    /// # Errors
    /// `malformed` where no text that begins so is an edit.
    pub(super) fn row(&mut self, row: &str, number: usize) -> Result<Vec<Event>, Refusal> {
        if self.over {
            return Ok(Vec::new());
        }
        if let Some((op, sentinel)) = &self.body {
            if row.strip_suffix('\r').unwrap_or(row) == sentinel {
                let done = op.clone();
                self.body = None;
                return Ok(done.and_then(|op| self.event(op, true)).into_iter().collect());
            }
            let swallowed = sentinel == SENTINEL && is_header(row);
            return match swallowed {
                true => Err(malformed(number, &format!("{row:?} stands inside a body"))),
                false => Ok(self.text(row).into_iter().collect()),
            };
        }
        let row = row.trim_end();
        match row {
            "" | "newline" | "no newline" => Ok(Vec::new()),
            row if row.starts_with("```") && (self.fenced || self.path.is_none()) => {
                self.over = self.fenced;
                self.fenced = true;
                Ok(Vec::new())
            }
            row => match row.strip_prefix('@') {
                Some(section) => self.section(section, number),
                None => self.op(row, number),
            },
        }
    }

    fn section(&mut self, section: &str, number: usize) -> Result<Vec<Event>, Refusal> {
        let SectionHead { path, verb, sentinel } = SectionHead::parse(section, number)?;
        let (handle, kind) = match verb {
            FileVerb::Create => (None, Verb::Create),
            FileVerb::Edit(handle) | FileVerb::Move(handle, ..) => (Some(handle), Verb::Edit),
            FileVerb::Write(handle) => (Some(handle), Verb::Write),
            FileVerb::Remove(handle) => (Some(handle), Verb::Remove),
        };
        if matches!(kind, Verb::Create | Verb::Write) {
            self.body = Some((None, sentinel));
        }
        self.path = Some((path.clone(), handle));
        Ok(vec![Event::File { path, handle, verb: kind }])
    }

    fn op(&mut self, row: &str, number: usize) -> Result<Vec<Event>, Refusal> {
        if self.path.is_none() {
            return Err(malformed(number, "a file section begins with @path handle"));
        }
        let OpHead { lines, verb, tail } = OpHead::parse(row, number)?;
        let body = Body::Text("\n".to_owned());
        let kind = match verb {
            b'c' => OpKind::Replace { lines, body },
            b'd' => OpKind::Delete { lines, register: None },
            verb => OpKind::Insert { after: lines.0 - usize::from(verb == b'i'), body },
        };
        let op = Op { kind, expect: tail.expect.clone() };
        if verb == b'd' || tail.source.is_some() {
            return Ok(self.event(op, true).into_iter().collect());
        }
        self.body = Some((Some(op.clone()), tail.sentinel.unwrap_or(SENTINEL.to_owned())));
        Ok(self.event(op, false).into_iter().collect())
    }

    /// Tells a row of a body.
    fn text(&self, row: &str) -> Option<Event> {
        let (path, _) = self.path.clone()?;
        let text = row.strip_suffix('\r').unwrap_or(row).to_owned();
        Some(Event::Row { path, text })
    }

    fn event(&self, op: Op, done: bool) -> Option<Event> {
        let (path, handle) = self.path.clone()?;
        let find = Find::Lines(op);
        Some(match done {
            true => Event::Change { path, find },
            false => Event::Place { path, handle, find, complete: true },
        })
    }
}

fn malformed(row: usize, what: &str) -> Refusal {
    Refusal::new(Code::Malformed, format!("row {row}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::lines_of_text;
    use proptest::prelude::*;

    /// Both texts must be the same script.
    #[track_caller]
    fn same(lenient: &str, strict: &str) {
        assert_eq!(parse(lenient), parse(strict));
        assert!(parse(strict).is_ok());
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        let refusal = parse(text).expect_err("it must be refused");
        assert_eq!((refusal.code, refusal.message.as_str()), (Code::Malformed, message));
    }

    #[test]
    fn what_has_one_reading_is_read() {
        let strict = "@a.rs 481920\n2-3c\nx\n.\n5a\ny\n.\n7d\n";
        same("\n\n@a.rs 481920\n\n2-3c\nx\n.\n\n5a\ny\n.\n7d", strict);
        same("```anchor\n@a.rs 481920\n2-3c\nx\n.\n5a\ny\n.\n7d\n```\n", strict);
        same("@ a.rs  481920 \n 2 - 3 c \nx\n.\n5-5a\ny\n.\n7d\t\n", strict);
        same("@\"a.rs\" 481920\n2,3c\nx\n.\n6i\ny\n.\n7..7d\n", strict);
        same("@a.rs 481920\r\n2-3c\r\nx\n.\r\n5a\r\ny\n.\r\n7d\r\n", strict);
    }

    #[test]
    fn a_body_needs_its_sentinel() {
        refused("@a 481920\n1c\nx\n", "row 2: the body is not ended by a row \".\"");
        refused("@a 481920\n1c <<END\nx\n.\n", "row 2: the body is not ended by a row \"END\"");
        let hint = "stands inside a body: end the body before it with \".\", or name another sentinel with <<END";
        refused("@a 481920\n1c\nx\n3a\ny\n.\n", &format!("row 4: \"3a\" {hint}"));
        refused("@a 481920\n1c\nx\n@b 123456\n3d\n.\n", &format!("row 4: \"@b 123456\" {hint}"));
        same("@a 481920\n1c <<E\nx\n3a\nE\n", "@a 481920\n1c <<.E\nx\n3a\n.E\n");
        same("@a 481920\n1c\n  3a\n3above\n3aa\n.\n", "@a 481920\n1c <<E\n  3a\n3above\n3aa\nE\n");
    }

    #[test]
    fn what_has_no_reading_is_refused() {
        refused("", "no file section: begin with @path handle");
        refused("@a 48192\n1d", "row 1: \"48192\": a handle is 6 or 9 decimal digits");
        refused("@a 481920 delete", "row 1: \"delete\" is no verb for a file");
        refused("@a 481920 remove now", "row 1: \"now\" at the end of the header");
        refused("@a 481920\n2-4a\nx\n.", "row 2: \"2-4a\" is no operation (12-14c, 20a, 30-35d)");
        refused(
            "@a 481920\n2a \"x\"\nx\n.",
            "row 2: an insert removes no line, so it expects none",
        );
        refused(
            "@a 481920\n2c <r <<E\nx\nE",
            "row 2: lines come from a register or from a body, not from both",
        );
        refused("@a 481920\n2c >r\nx\n.", "row 2: only a delete can keep lines with >");
        refused("@a 481920\n2d <r", "row 2: a delete has no body");
        refused("@a 481920\nnewline\nno newline", "row 3: the final newline is settled twice");
        refused(
            "@a 481920\n1d\n@a 481920\n3d",
            "row 3: \"a\" has a section already; make them one",
        );
    }

    #[test]
    fn only_quotes_and_backslashes_are_escaped() {
        let script = parse(r#"@"a \"\\\n" 481920 remove"#).expect("a quoted path");
        assert_eq!(script.files[0].path, r#"a "\\n"#);
    }

    fn text() -> impl Strategy<Value = String> {
        let row = prop_oneof![
            Just(".".to_owned()),
            Just("END1".to_owned()),
            Just("3d".to_owned()),
            Just("@a 481920".to_owned()),
            "[ab \r]{0,3}",
        ];
        (prop::collection::vec(row, 1..4), "\n?").prop_map(|(rows, end)| rows.join("\n") + &end)
    }

    fn body() -> impl Strategy<Value = Body> {
        prop_oneof![text().prop_map(Body::Text), "[a-z]{1,3}".prop_map(Body::Register)]
    }

    fn op() -> impl Strategy<Value = Op> {
        let expect = ("[ a\"\\\\n]{0,4}", prop::option::of("[ a\"]{0,3}"));
        let expect = expect.prop_map(|(first, last)| Expect { first, last });
        let expect = prop::option::of(expect);
        let lines = (1..99_usize, 1..99_usize);
        prop_oneof![
            (lines.clone(), body(), expect.clone()).prop_map(|(lines, body, expect)| {
                let kind = OpKind::Replace { lines, body };
                Op { kind, expect }
            }),
            (lines, prop::option::of("[a-z]{1,3}"), expect).prop_map(
                |(lines, register, expect)| {
                    let kind = OpKind::Delete { lines, register };
                    Op { kind, expect }
                }
            ),
            (0..99_usize, body()).prop_map(|(after, body)| OpKind::Insert { after, body }.into()),
        ]
    }

    fn action() -> impl Strategy<Value = Action> {
        let handle = (100_000..1_000_000_u32).prop_map(Handle::from_number);
        let path = "[a @\"\\\\\u{a0}]{1,4}";
        let ops = prop::collection::vec(op(), 0..4);
        prop_oneof![
            text().prop_map(|text| Action::Create { text }),
            (handle.clone(), text()).prop_map(|(handle, text)| Action::Write { handle, text }),
            handle.clone().prop_map(|handle| Action::Remove { handle }),
            (handle.clone(), path, prop::option::of(handle.clone()))
                .prop_map(|(handle, to, to_handle)| Action::Move { handle, to, to_handle }),
            (handle, ops, any::<Option<bool>>()).prop_map(|(handle, ops, final_newline)| {
                Action::Edit { handle, ops, final_newline }
            }),
        ]
    }

    /// Returns the script with its bodies as the lines they stand for.
    fn settled(mut script: Script) -> Script {
        for file in &mut script.files {
            let Action::Edit { ops, .. } = &mut file.action else {
                continue;
            };
            for op in ops {
                if let OpKind::Replace { body, .. } | OpKind::Insert { body, .. } = &mut op.kind
                    && let Body::Text(text) = body
                    && let Ok(lines) = lines_of_text(text)
                {
                    *text = lines.join("|\n|");
                }
            }
        }
        script
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_is_printed_is_read_again(
            paths in prop::collection::hash_set("[a.@\"\\\\ \u{a0}]{1,4}", 1..3),
            actions in prop::collection::vec(action(), 2),
        ) {
            let files = paths.into_iter().zip(actions);
            let files = files.map(|(path, action)| FileScript { path, action }).collect();
            let script = Script { files };
            let text = print(&script);
            prop_assert_eq!(parse(&text).map(settled), Ok(settled(script)), "{}", text);
        }
    }
}
