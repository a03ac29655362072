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
//! was cut off while it was written never takes effect. `docs/formats.md` holds
//! the grammar.

use super::{Action, Body, Expect, FileScript, Op, OpKind, Script};
use crate::anchor::{Handle, LineRange};
use crate::error::{Code, Refusal};

/// Ends a body unless its header names another line.
const SENTINEL: &str = ".";

/// Returns the script written in `text`.
///
/// Lenient where only one reading exists: blank lines between operations, a
/// Markdown fence around the whole, blanks at the ends of headers, `,` or `..`
/// for `-`, `i` for "insert before".
///
/// # Errors
/// `malformed`, with the row (1-based) that cannot be read.
pub fn parse(text: &str) -> Result<Script, Refusal> {
    let mut rows = Rows::new(text);
    let mut script = Script::default();
    while let Some((number, row)) = rows.next_header() {
        let section = row.strip_prefix('@').ok_or_else(|| {
            let hint = "a file section begins with @path handle";
            malformed(number, &format!("{hint}, not with {row:?}"))
        })?;
        let file = parse_section(section, number, &mut rows)?;
        script.files.push(file);
    }
    if script.files.is_empty() {
        return Err(Refusal::new(
            Code::Malformed,
            "no file section: begin with @path handle",
        ));
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
    fn body(&mut self, sentinel: &str, header: usize) -> Result<String, Refusal> {
        let rest = &self.rows[self.at..self.end];
        let is_end = |row: &&str| row.strip_suffix('\r').unwrap_or(row) == sentinel;
        let len = rest.iter().position(|row| is_end(row)).ok_or_else(|| {
            malformed(
                header,
                &format!("the body is not ended by a row {sentinel:?}"),
            )
        })?;
        self.at += len + 1;
        let mut text = String::with_capacity(rest[..len].iter().map(|row| row.len() + 1).sum());
        for row in &rest[..len] {
            text.push_str(row);
            text.push('\n');
        }
        Ok(text)
    }
}

fn parse_section(section: &str, number: usize, rows: &mut Rows<'_>) -> Result<FileScript, Refusal> {
    let mut words = Words(section.trim_start());
    let path = words
        .next(number)?
        .ok_or_else(|| malformed(number, "no path"))?;
    let second = words
        .next(number)?
        .ok_or_else(|| malformed(number, "no handle after the path"))?;
    if second == "create" {
        let sentinel = sentinel_of(&mut words, number)?;
        let text = exact_body(rows, &sentinel, number)?;
        return Ok(FileScript {
            path,
            action: Action::Create { text },
        });
    }
    let handle: Handle = second
        .parse()
        .map_err(|error| malformed(number, &format!("{second:?}: {error}")))?;
    let action = match words.next(number)?.as_deref() {
        None => parse_ops(handle, rows)?,
        Some("write") => {
            let sentinel = sentinel_of(&mut words, number)?;
            Action::Write {
                handle,
                text: exact_body(rows, &sentinel, number)?,
            }
        }
        Some("remove") => Action::Remove { handle },
        Some("move") => parse_move(handle, &mut words, number)?,
        Some(verb) => {
            return Err(malformed(
                number,
                &format!("{verb:?} is no verb for a file"),
            ));
        }
    };
    words.end(number)?;
    Ok(FileScript { path, action })
}

fn parse_move(handle: Handle, words: &mut Words<'_>, number: usize) -> Result<Action, Refusal> {
    let to = words
        .next(number)?
        .ok_or_else(|| malformed(number, "no path to move to"))?;
    let to_handle = match words.next(number)? {
        None => None,
        Some(word) => Some(
            word.parse()
                .map_err(|error| malformed(number, &format!("{word:?}: {error}")))?,
        ),
    };
    Ok(Action::Move {
        handle,
        to,
        to_handle,
    })
}

/// Returns the body of `create` or `write`: exact text, whose final newline a
/// row `no newline` takes away.
fn exact_body(rows: &mut Rows<'_>, sentinel: &str, number: usize) -> Result<String, Refusal> {
    let mut text = rows.body(sentinel, number)?;
    let at = rows.at;
    match rows.next_op() {
        Some((_, "no newline")) => {
            text.pop();
        }
        Some((number, row)) => {
            return Err(malformed(
                number,
                &format!("{row:?} after the body of a whole file"),
            ));
        }
        None => rows.at = at,
    }
    Ok(text)
}

fn parse_ops(handle: Handle, rows: &mut Rows<'_>) -> Result<Action, Refusal> {
    let mut ops = Vec::new();
    let mut final_newline = None;
    while let Some((number, row)) = rows.next_op() {
        match row {
            "newline" => final_newline = Some(true),
            "no newline" => final_newline = Some(false),
            _ => ops.push(parse_op(row, number, rows)?),
        }
    }
    Ok(Action::Edit {
        handle,
        ops,
        final_newline,
    })
}

fn parse_op(row: &str, number: usize, rows: &mut Rows<'_>) -> Result<Op, Refusal> {
    let unreadable = || {
        malformed(
            number,
            &format!("{row:?} is no operation (12-14c, 20a, 30-35d)"),
        )
    };
    let verb_at = row
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(unreadable)?;
    let lines = parse_lines(row[..verb_at].trim()).ok_or_else(unreadable)?;
    let mut words = Words(row[verb_at + 1..].trim_start());
    let tail = Tail::parse(&mut words, number)?;
    let kind = match row.as_bytes()[verb_at] {
        b'c' => OpKind::Replace {
            lines,
            body: tail.body(rows, number)?,
        },
        b'a' if lines.0 == lines.1 => OpKind::Insert {
            after: lines.0,
            body: tail.body(rows, number)?,
        },
        b'i' if lines.0 == lines.1 && lines.0 > 0 => OpKind::Insert {
            after: lines.0 - 1,
            body: tail.body(rows, number)?,
        },
        b'd' if tail.sentinel.is_none() && tail.source.is_none() => OpKind::Delete {
            lines,
            register: tail.target,
        },
        _ => return Err(unreadable()),
    };
    Ok(Op {
        kind,
        expect: tail.expect,
    })
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
                        None => {
                            tail.expect = Some(Expect {
                                first: word,
                                last: None,
                            })
                        }
                        Some(Expect {
                            last: last @ None, ..
                        }) => *last = Some(word),
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

    fn body(&self, rows: &mut Rows<'_>, number: usize) -> Result<Body, Refusal> {
        match (&self.source, &self.target) {
            (_, Some(_)) => Err(malformed(number, "only a delete can keep lines with >")),
            (Some(name), None) => Ok(Body::Register(name.clone())),
            (None, None) => rows
                .body(self.sentinel.as_deref().unwrap_or(SENTINEL), number)
                .map(Body::Text),
        }
    }
}

/// Returns the lines written as `12`, `12-14`, `12,14` or `12..14`.
fn parse_lines(text: &str) -> Option<LineRange> {
    let number = |text: &str| {
        let text = text.trim();
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())?
    };
    let (first, last) = match text
        .split_once(['-', ','])
        .or_else(|| text.split_once(".."))
    {
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
            _ => Err(malformed(
                number,
                &format!("{word:?} is no sentinel (<<END)"),
            )),
        },
    }
}

/// Words divided by blanks; one in double quotes may hold blanks, with `\"` and
/// `\\` for themselves.
struct Words<'a>(&'a str);

impl Words<'_> {
    fn next(&mut self, number: usize) -> Result<Option<String>, Refusal> {
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

    fn end(&self, number: usize) -> Result<(), Refusal> {
        match self.0 {
            "" => Ok(()),
            rest => Err(malformed(
                number,
                &format!("{rest:?} at the end of the header"),
            )),
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
            '\\' => word.push(chars.next()?.1),
            c => word.push(c),
        }
    }
    None
}

fn quote(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

fn path_word(path: &str) -> String {
    let plain = !path.starts_with('"') && !path.contains([' ', '\t']);
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
        Action::Move {
            handle,
            to,
            to_handle,
        } => {
            out.push_str(&format!(" {handle} move {}", path_word(to)));
            if let Some(to_handle) = to_handle {
                out.push_str(&format!(" {to_handle}"));
            }
            out.push('\n');
        }
        Action::Edit {
            handle,
            ops,
            final_newline,
        } => {
            out.push_str(&format!(" {handle}\n"));
            for op in ops {
                print_op(op, out);
            }
            match final_newline {
                Some(true) => out.push_str("newline\n"),
                Some(false) => out.push_str("no newline\n"),
                None => {}
            }
        }
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
    for expected in op
        .expect
        .iter()
        .flat_map(|expect| [Some(&expect.first), expect.last.as_ref()])
    {
        if let Some(expected) = expected {
            out.push(' ');
            out.push_str(&quote(expected));
        }
    }
    match (&op.kind, body) {
        (_, Some(Body::Text(text))) => print_body(text, out),
        (_, Some(Body::Register(name))) => out.push_str(&format!(" <{name}\n")),
        (
            OpKind::Delete {
                register: Some(name),
                ..
            },
            None,
        ) => {
            out.push_str(&format!(" >{name}\n"));
        }
        (_, None) => out.push('\n'),
    }
}

/// Ends the header, writes the rows and a sentinel that none of them equals.
fn print_body(text: &str, out: &mut String) {
    let taken = |sentinel: &str| {
        text.split('\n')
            .any(|row| row.strip_suffix('\r').unwrap_or(row) == sentinel)
    };
    let mut sentinel = SENTINEL.to_owned();
    let mut tries = 0;
    while taken(&sentinel) {
        tries += 1;
        sentinel = format!("END{tries}");
    }
    if tries > 0 {
        out.push_str(&format!(" <<{sentinel}"));
    }
    out.push('\n');
    out.push_str(text);
    if !text.is_empty() && !text.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(&sentinel);
    out.push('\n');
}

fn malformed(row: usize, what: &str) -> Refusal {
    Refusal::new(Code::Malformed, format!("row {row}: {what}"))
}
