//! The stream: an edit that is looked at while it is being written.
//!
//! What becomes known is told as soon as the grammar allows, so that somebody
//! who has the contents can see that the edit will fail before its author has
//! written it to the end. The draft at the close is that of [`read`], whatever
//! the chunks were.

use serde_json::Value;

use super::builder::{Event, FILES, Given, Reader, Verb};
use super::json::{Scanner, Step, Told};
use super::{
    Body, Draft, Find, Op, OpKind, Quote, anchor_text, blocks, hashes, hashline, lines, patch,
    read, replace, symbol, udiff, whole,
};
use crate::anchor::Handle;
use crate::error::Refusal;

/// The most places that are kept until their file is named.
const WAITING: usize = 1000;

/// How often a text that has not said what it is, is looked at from its start.
const LOOKS: usize = 1000;

/// An edit in the making.
pub struct Stream {
    name: String,
    given: (Option<String>, Option<Handle>),
    text: String,
    /// Where the row begins that is not complete yet, and its number.
    row: usize,
    number: usize,
    inner: Inner,
    /// Whether nothing but white space was taken.
    blank: bool,
    /// How often the text was looked at for what it is.
    looks: usize,
}

enum Inner {
    /// The first row has not said yet what it is.
    Undecided,
    Anchor(anchor_text::Watch),
    Rows(Box<dyn Reader>),
    Json(Scanner, Fields),
}

impl Stream {
    /// Returns a stream that has taken nothing yet.
    ///
    /// # Errors
    /// `unsupported` for a name that is no format.
    pub fn open(name: &str, given: Given<'_>) -> Result<Stream, Refusal> {
        let inner = match name {
            "anchor" => Inner::Anchor(anchor_text::Watch::default()),
            "blocks" => rows(blocks::reader(given)),
            "udiff" => rows(udiff::reader(given)),
            "patch" => rows(patch::reader(given)),
            "symbol" => rows(symbol::reader(given)),
            "hashline" | "whole" => Inner::Undecided,
            "replace" | "lines" | "lsp" => json(name, given),
            _ => return Err(super::unknown(name)),
        };
        Ok(Stream {
            name: name.to_owned(),
            given: (given.path.map(str::to_owned), given.handle),
            text: String::new(),
            row: 0,
            number: 0,
            inner,
            blank: true,
            looks: 0,
        })
    }

    /// Takes more of the text, in pieces of any size; returns what it tells.
    /// Each character is looked at once.
    ///
    /// # Errors
    /// `malformed` where no text that begins so is an edit.
    pub fn push(&mut self, chunk: &str) -> Result<Vec<Event>, Refusal> {
        let from = self.text.len();
        self.text.push_str(chunk);
        if matches!(self.inner, Inner::Undecided) {
            match self.may_decide(chunk).then(|| self.decide()).flatten() {
                None => return Ok(Vec::new()),
                Some(inner) => self.inner = inner,
            }
            return self.look(0);
        }
        self.look(from)
    }

    /// Returns whether the content that a place is meant in may be named behind
    /// the place, as fields of an object come in any order.
    pub fn names_content_late(&self) -> bool {
        matches!(self.inner, Inner::Json(..))
    }

    /// Returns the bytes taken so far.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Returns whether nothing was taken yet.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns everything that was taken, as text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Returns the draft of everything that was taken.
    ///
    /// # Errors
    /// As [`read`].
    pub fn close(self) -> Result<Draft, Refusal> {
        let given = Given { path: self.given.0.as_deref(), handle: self.given.1 };
        read(&self.name, &self.text, given)
    }

    /// Returns whether `chunk` may have said what the text is: with the first
    /// character of it, or the end of a row.
    fn may_decide(&mut self, chunk: &str) -> bool {
        let was_blank = self.blank;
        self.blank &= chunk.trim().is_empty();
        let says = !self.blank && (was_blank || chunk.contains('\n')) && self.looks < LOOKS;
        self.looks += usize::from(says);
        says
    }

    /// Returns what the text is, once its first row is complete.
    fn decide(&self) -> Option<Inner> {
        let given = Given { path: self.given.0.as_deref(), handle: self.given.1 };
        let complete = self.text.rfind('\n').map_or("", |end| &self.text[..end]);
        let is_json = match self.name.as_str() {
            "whole" => {
                let begun = self.text.trim_start();
                (!begun.is_empty()).then(|| whole::is_json(begun))
            }
            _ if self.text.trim_start().starts_with('{') => Some(true),
            _ => hashline::is_json(complete.split('\n')),
        };
        Some(match (is_json?, self.name.as_str()) {
            (true, name) => json(name, given),
            (false, "whole") => rows(whole::reader(given)),
            (false, _) => rows(hashline::reader(given)),
        })
    }

    /// Looks at the text from byte `from`.
    fn look(&mut self, from: usize) -> Result<Vec<Event>, Refusal> {
        let mut events = Vec::new();
        if let Inner::Json(scanner, fields) = &mut self.inner {
            let mut tell = |way: &[Step], told: Told<'_>| match told {
                Told::Scalar(value) => fields.take(way, value, &mut events),
                Told::Row(text) => fields.row(way, text, &mut events),
            };
            scanner.push(&self.text[from..], &mut tell)?;
            return Ok(events);
        }
        while let Some(len) = self.text[self.row.max(from)..].find('\n') {
            let end = self.row.max(from) + len;
            let row = &self.text[self.row..end];
            self.number += 1;
            match &mut self.inner {
                Inner::Anchor(watch) => events.extend(watch.row(row, self.number)?),
                Inner::Rows(reader) => {
                    reader.row(row, self.number)?;
                    events.extend(reader.builder().events());
                }
                Inner::Undecided | Inner::Json(..) => {}
            }
            self.row = end + 1;
        }
        Ok(events)
    }
}

fn rows(mut reader: Box<dyn Reader>) -> Inner {
    reader.builder().listen();
    Inner::Rows(reader)
}

fn json(name: &str, given: Given<'_>) -> Inner {
    let fields = Fields {
        format: name.to_owned(),
        given: given.path.map(str::to_owned),
        handle: given.handle,
        files: Vec::new(),
        waiting: Vec::new(),
        range: (Vec::new(), None, None),
        quote: (Vec::new(), None, None),
    };
    Inner::Json(Scanner::by_row(), fields)
}

/// What the scalars of a JSON format tell.
struct Fields {
    format: String,
    given: Option<String>,
    handle: Option<Handle>,
    /// The objects that name a file, with its path.
    files: Vec<(Vec<Step>, String)>,
    /// Places whose file is not known yet.
    waiting: Vec<(Vec<Step>, Find)>,
    /// The first and the last line of the object that was read last.
    range: (Vec<Step>, Option<usize>, Option<usize>),
    /// The old and the new text of the object that was read last.
    quote: (Vec<Step>, Option<String>, Option<String>),
}

impl Fields {
    /// Takes one scalar.
    fn take(&mut self, way: &[Step], value: &Value, events: &mut Vec<Event>) {
        // So many files are refused at the close.
        let Some((Step::Field(name), object)) =
            way.split_last().filter(|_| self.files.len() < FILES)
        else {
            return;
        };
        let name = name.as_str();
        let is_path = match self.format.as_str() {
            "lsp" => matches!(name, "uri" | "oldUri"),
            _ => replace::PATH.contains(&name),
        };
        if let (true, Some(path)) = (is_path, value.as_str()) {
            return self.file(object, path, events);
        }
        if let Some(find) = self.place(object, name, value) {
            match self.path_of(object) {
                Some(path) => events.push(self.event(path, find)),
                None if self.waiting.len() < WAITING => {
                    self.waiting.push((object.to_vec(), find));
                }
                None => {}
            }
        }
        if let (Some(find), Some(path)) = (self.quoted(object, name, value), self.path_of(object)) {
            events.push(Event::Change { path, find });
        }
    }

    /// Takes one row of a text.
    fn row(&mut self, way: &[Step], text: &str, events: &mut Vec<Event>) {
        let new: &[&str] = match self.format.as_str() {
            "replace" => &replace::NEW,
            "lines" => &lines::TEXT,
            "hashline" => &hashes::LINES,
            "whole" => &whole::TEXT,
            // Which file an edit is about may be said behind it.
            _ => &[],
        };
        let is_item = matches!(way.last(), Some(Step::Item(_)));
        let field = if is_item { way.split_last().map_or(way, |(_, way)| way) } else { way };
        let Some((Step::Field(name), object)) = field.split_last() else { return };
        if let (true, Some(path)) = (new.contains(&name.as_str()), self.path_of(object)) {
            events.push(Event::Row { path, text: text.strip_suffix('\r').unwrap_or(text).into() });
        }
    }

    /// Returns the quote of an object, once both of its texts are known.
    fn quoted(&mut self, object: &[Step], name: &str, value: &Value) -> Option<Find> {
        let text = value.as_str().filter(|_| self.format == "replace")?;
        if self.quote.0 != object {
            self.quote = (object.to_vec(), None, None);
        }
        let slot = match () {
            () if replace::OLD.contains(&name) => &mut self.quote.1,
            () if replace::NEW.contains(&name) => &mut self.quote.2,
            () => return None,
        };
        *slot = Some(text.to_owned());
        let (old, new) = (self.quote.1.clone()?, self.quote.2.clone()?);
        // One without old text makes a file.
        (!old.is_empty()).then_some(Find::Text(Quote { old, new, all: true, ..Quote::default() }))
    }

    fn file(&mut self, object: &[Step], path: &str, events: &mut Vec<Event>) {
        let verb = if self.format == "whole" { Verb::Write } else { Verb::Edit };
        let known = self.files.iter().any(|(_, known)| known == path);
        self.files.push((object.to_vec(), path.to_owned()));
        // An empty old text makes a file, and of `lsp` the kind of a change is
        // not known yet: neither says that the file must be there.
        if !known && verb == Verb::Write {
            events.push(Event::File { path: path.to_owned(), handle: self.handle, verb });
        }
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(way, _)| way.starts_with(object));
        self.waiting = waiting;
        let ready: Vec<(Vec<Step>, Find)> = ready;
        events.extend(ready.into_iter().map(|(_, find)| self.event(path.to_owned(), find)));
    }

    fn path_of(&self, object: &[Step]) -> Option<String> {
        let around = self.files.iter().rev().find(|(way, _)| object.starts_with(way));
        around.map(|(_, path)| path.clone()).or_else(|| self.given.clone())
    }

    fn event(&self, path: String, find: Find) -> Event {
        Event::Place { path, handle: self.handle, find, complete: true }
    }

    /// Returns the place that a scalar names.
    fn place(&mut self, object: &[Step], name: &str, value: &Value) -> Option<Find> {
        match (self.format.as_str(), value) {
            ("replace", Value::String(old)) if replace::OLD.contains(&name) && !old.is_empty() => {
                // Whether all places are meant may be said later.
                Some(Find::Text(Quote { old: old.clone(), all: true, ..Quote::default() }))
            }
            ("hashline", value) if hashes::ANCHORS.contains(&name) => hashes::place(value.clone()),
            ("lines", Value::Number(number)) => {
                let number = usize::try_from(number.as_u64()?).ok()?;
                self.range(object, name, number)
            }
            _ => None,
        }
    }

    /// Returns the lines of a range, once both ends are known.
    fn range(&mut self, object: &[Step], name: &str, number: usize) -> Option<Find> {
        if self.range.0 != object {
            self.range = (object.to_vec(), None, None);
        }
        let (_, start, end) = &mut self.range;
        if lines::START.contains(&name) {
            *start = Some(number);
        } else if lines::END.contains(&name) {
            *end = Some(number);
        } else {
            return None;
        }
        let (start, end) = ((*start)?, (*end)?);
        let body = Body::Text("\n".to_owned());
        let kind = match end.checked_add(1)? == start {
            true => OpKind::Insert { after: end, body },
            false => OpKind::Replace { lines: (start, end), body },
        };
        Some(Find::Lines(Op::from(kind)))
    }
}
