//! JSON as models write it: in a fence, as a string in a string, several values
//! one behind the other; never with a field twice or with one nobody knows.
//!
//! The scanner looks at every character once, as it comes, and tells each
//! scalar as soon as it is complete. What it lets pass is then parsed by a
//! library.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::builder::is_fence;
use crate::error::{Code, Refusal};

/// The deepest nesting that is read.
const DEPTH: usize = 64;

/// Fields that say nothing of the edit, but that callers make models fill in.
const IGNORED: [&str; 8] = [
    "explanation",
    "instruction",
    "instructions",
    "description",
    "reason",
    "why",
    "thought",
    "toolSummary",
];

/// Returns the values in `text`.
///
/// # Errors
/// `malformed` where it is no JSON, or has a field twice.
pub(super) fn values(text: &str) -> Result<Vec<Value>, Refusal> {
    let mut scanner = Scanner::default();
    scanner.push(text, &mut |_, _| ())?;
    scanner.end()?;
    let body = without_fence(text);
    let parsed: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_str(body).into_iter::<Value>().collect();
    let values = parsed.map_err(|error| malformed(&format!("no JSON: {error}")))?;
    let mut out = Vec::new();
    for value in values {
        match value {
            // A string in which a model has put its JSON once more.
            Value::String(inner) if looks_like_json(&inner) => out.extend(self::values(&inner)?),
            Value::Array(items) => out.extend(items),
            value => out.push(value),
        }
    }
    match out.is_empty() {
        true => Err(malformed("no JSON value")),
        false => Ok(out),
    }
}

/// Returns whether a text begins as an object or an array does.
pub(super) fn looks_like_json(text: &str) -> bool {
    without_fence(text).starts_with(['{', '['])
}

/// Returns the text without blanks at its ends and without a fence.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let Some((first, rest)) = text.split_once('\n').filter(|(first, _)| is_fence(first)) else {
        return text;
    };
    debug_assert!(is_fence(first));
    match rest.trim_end().rsplit_once('\n') {
        Some((body, last)) if is_fence(last) => body.trim(),
        None if is_fence(rest) => "",
        _ => rest.trim(),
    }
}

/// Returns an object with its fields in this order, each value JSON already:
/// what is needed to see that an edit is hopeless comes first.
pub(super) fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// Returns an array of what is JSON already.
pub(super) fn array(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// Returns a text as JSON.
pub(super) fn string(text: &str) -> String {
    Value::from(text).to_string()
}

/// Returns the refusal of something that JSON says.
pub(super) fn malformed(what: &str) -> Refusal {
    Refusal::new(Code::Malformed, what)
}

/// An object whose fields are taken one by one, so that none is overlooked.
pub(super) struct Object {
    fields: Map<String, Value>,
    what: &'static str,
}

impl Object {
    /// Returns `value` as the object that is called `what`.
    ///
    /// # Errors
    /// `malformed` where it is none.
    pub(super) fn of(value: Value, what: &'static str) -> Result<Object, Refusal> {
        match value {
            Value::Object(fields) => Ok(Object { fields, what }),
            Value::String(inner) if looks_like_json(&inner) => {
                let mut values = values(&inner)?;
                match (values.pop(), values.is_empty()) {
                    (Some(value @ Value::Object(_)), true) => Object::of(value, what),
                    _ => Err(malformed(&format!("{what} is no object"))),
                }
            }
            _ => Err(malformed(&format!("{what} is no object"))),
        }
    }

    /// Returns the field that has one of `names`, if it is there and not null.
    ///
    /// # Errors
    /// `malformed` where two of them are there.
    pub(super) fn take(&mut self, names: &[&str]) -> Result<Option<Value>, Refusal> {
        let mut found = None;
        for name in names {
            let Some(value) = self.fields.remove(*name).filter(|value| !value.is_null()) else {
                continue;
            };
            if found.replace(value).is_some() {
                let text = format!("{} has {} under two names", self.what, names[0]);
                return Err(malformed(&text));
            }
        }
        Ok(found)
    }

    /// Returns a text field.
    ///
    /// # Errors
    /// `malformed` where it is there and no string.
    pub(super) fn text(&mut self, names: &[&str]) -> Result<Option<String>, Refusal> {
        match self.take(names)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(names[0], "is no string")),
        }
    }

    /// Returns a text field that must be there.
    ///
    /// # Errors
    /// `malformed` where it is missing or no string.
    pub(super) fn some_text(&mut self, names: &[&str]) -> Result<String, Refusal> {
        self.text(names)?.ok_or_else(|| self.wrong(names[0], "is missing"))
    }

    /// Returns a field that is a number from 0, perhaps written as a string.
    ///
    /// # Errors
    /// `malformed` where it is there and no such number.
    pub(super) fn number(&mut self, names: &[&str]) -> Result<Option<usize>, Refusal> {
        let number = match self.take(names)? {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        number.map(Some).ok_or_else(|| self.wrong(names[0], "is no number from 0"))
    }

    /// Returns a field that is true or false, false where it is missing.
    ///
    /// # Errors
    /// `malformed` where it is there and neither.
    pub(super) fn flag(&mut self, names: &[&str]) -> Result<bool, Refusal> {
        match self.take(names)? {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(_) => Err(self.wrong(names[0], "is neither true nor false")),
        }
    }

    /// Returns a field that is an array, perhaps written as a string.
    ///
    /// # Errors
    /// `malformed` where it is there and no array.
    pub(super) fn array(&mut self, names: &[&str]) -> Result<Option<Vec<Value>>, Refusal> {
        match self.take(names)? {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(Value::String(inner)) if looks_like_json(&inner) => values(&inner).map(Some),
            Some(_) => Err(self.wrong(names[0], "is no array")),
        }
    }

    /// Returns a handle, as a string or a number.
    ///
    /// # Errors
    /// `malformed` where it is there and no handle.
    pub(super) fn handle(
        &mut self,
        names: &[&str],
    ) -> Result<Option<crate::anchor::Handle>, Refusal> {
        let word = match self.take(names)? {
            None => return Ok(None),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        let handle = word.parse().map_err(|error| malformed(&format!("{word:?}: {error}")))?;
        Ok(Some(handle))
    }

    /// Ends the object.
    ///
    /// # Errors
    /// `malformed` where a field is left that nobody asked for.
    pub(super) fn end(self) -> Result<(), Refusal> {
        let known = |name: &&String| !IGNORED.contains(&name.as_str());
        match self.fields.iter().filter(|(_, value)| !value.is_null()).map(|(k, _)| k).find(known) {
            None => Ok(()),
            Some(name) => Err(self.wrong(name, "is no field of it")),
        }
    }

    fn wrong(&self, name: &str, what: &str) -> Refusal {
        malformed(&format!("{}: {name} {what}", self.what))
    }
}

/// One step of the way to a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a field.
    Field(String),
    /// Into an array.
    Item(usize),
}

/// Reads JSON character by character.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    open: Vec<Frame>,
    /// The scalar that is being read, as written, and where its last row
    /// begins.
    raw: String,
    row: usize,
    /// Whether somebody asks for the rows of texts.
    by_row: bool,
    kind: Scalar,
    escaped: bool,
    /// Whether a fence was opened, and whether it was closed.
    fence: Fence,
    values: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Scalar {
    #[default]
    None,
    Text,
    /// A number or a word.
    Other,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Fence {
    #[default]
    Before,
    /// In the row that opens it.
    Opening,
    Body,
    /// Behind the value: only the end of a fence.
    After,
}

#[derive(Debug)]
enum Frame {
    Object { seen: HashSet<String>, key: Option<String>, next: Next },
    Array { index: usize, next: Next },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    KeyOrEnd,
    Key,
    Colon,
    ValueOrEnd,
    Value,
    CommaOrEnd,
}

/// What the scanner tells.
pub(super) enum Told<'a> {
    /// A scalar.
    Scalar(&'a Value),
    /// A row of a text, which goes on or ends with it.
    Row(&'a str),
}

/// What is called for each scalar, and before it for its rows: the way to it,
/// and what it is.
pub(super) type Tell<'t> = &'t mut dyn FnMut(&[Step], Told<'_>);

impl Scanner {
    /// Returns a scanner that tells the rows of texts as well.
    pub(super) fn by_row() -> Scanner {
        Scanner { by_row: true, ..Scanner::default() }
    }

    /// Takes more text.
    ///
    /// # Errors
    /// `malformed` where no JSON begins so.
    pub(super) fn push(&mut self, chunk: &str, tell: Tell<'_>) -> Result<(), Refusal> {
        chunk.chars().try_for_each(|c| self.take(c, tell))
    }

    /// Ends the text.
    ///
    /// # Errors
    /// `malformed` where something is left open.
    pub(super) fn end(&mut self) -> Result<(), Refusal> {
        if self.open.is_empty() && self.kind == Scalar::Other {
            self.scalar(&mut |_, _| ())?;
        }
        match self.open.is_empty() && self.kind == Scalar::None {
            true => Ok(()),
            false => Err(malformed("no JSON: it ends before its last bracket or quote")),
        }
    }

    fn take(&mut self, c: char, tell: Tell<'_>) -> Result<(), Refusal> {
        if self.kind == Scalar::Text {
            return self.in_text(c, tell);
        }
        if self.kind == Scalar::Other {
            if !matches!(c, ',' | '}' | ']' | ':' | '{' | '[' | '"') && !c.is_ascii_whitespace() {
                self.raw.push(c);
                return Ok(());
            }
            self.scalar(tell)?;
        }
        if self.open.is_empty() && self.between(c)? {
            return Ok(());
        }
        match c {
            c if c.is_ascii_whitespace() => Ok(()),
            '{' | '[' => self.begin(c),
            '}' | ']' => self.close(c),
            ',' | ':' => self.punctuation(c),
            c => {
                self.raw.clear();
                self.row = 0;
                self.kind = if c == '"' { Scalar::Text } else { Scalar::Other };
                if c != '"' {
                    self.raw.push(c);
                }
                self.check_place(c == '"')
            }
        }
    }

    /// Takes a character outside of every value; returns whether it belongs to
    /// a fence.
    fn between(&mut self, c: char) -> Result<bool, Refusal> {
        match (self.fence, c) {
            (Fence::Before, '`' | '~') if self.values == 0 => {
                self.fence = Fence::Opening;
                Ok(true)
            }
            (Fence::Opening, c) => {
                if c == '\n' {
                    self.fence = Fence::Body;
                }
                Ok(true)
            }
            (Fence::Body, '`' | '~') => {
                self.fence = Fence::After;
                Ok(true)
            }
            (Fence::After, c) if c == '`' || c == '~' || c.is_ascii_whitespace() => Ok(true),
            (Fence::After, _) => Err(malformed("no JSON: text behind the fence")),
            _ => Ok(false),
        }
    }

    fn in_text(&mut self, c: char, tell: Tell<'_>) -> Result<(), Refusal> {
        match c {
            'n' if self.escaped => {
                self.escaped = false;
                self.row_done(self.raw.len() - 1, tell);
                self.raw.push(c);
                self.row = self.raw.len();
                return Ok(());
            }
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = true,
            '"' => {
                if self.row < self.raw.len() {
                    self.row_done(self.raw.len(), tell);
                }
                return self.scalar(tell);
            }
            c if c < ' ' => return Err(malformed("no JSON: a control character in a string")),
            _ => {}
        }
        self.raw.push(c);
        Ok(())
    }

    /// Tells the row of the text that ends at byte `end`. A text that cannot be
    /// read is refused once it is complete.
    fn row_done(&self, end: usize, tell: Tell<'_>) {
        let is_key = matches!(
            self.open.last(),
            Some(Frame::Object { next: Next::KeyOrEnd | Next::Key, .. })
        );
        if self.by_row && !is_key {
            let literal = format!("\"{}\"", &self.raw[self.row..end]);
            if let Ok(row) = serde_json::from_str::<String>(&literal) {
                tell(&self.way(), Told::Row(&row));
            }
        }
    }

    /// Returns the way to where the scanner stands. Values one behind the other
    /// are told apart like items.
    fn way(&self) -> Vec<Step> {
        let way = std::iter::once(Step::Item(self.values));
        way.chain(self.open.iter().map(Frame::step)).collect()
    }

    fn begin(&mut self, c: char) -> Result<(), Refusal> {
        self.check_place(false)?;
        if self.open.len() == DEPTH {
            return Err(malformed(&format!("no JSON that is nested deeper than {DEPTH}")));
        }
        self.open.push(match c {
            '{' => Frame::Object { seen: HashSet::new(), key: None, next: Next::KeyOrEnd },
            _ => Frame::Array { index: 0, next: Next::ValueOrEnd },
        });
        Ok(())
    }

    fn close(&mut self, c: char) -> Result<(), Refusal> {
        let fits = match (self.open.pop(), c) {
            (Some(Frame::Object { next, .. }), '}') => {
                matches!(next, Next::KeyOrEnd | Next::CommaOrEnd)
            }
            (Some(Frame::Array { next, .. }), ']') => {
                matches!(next, Next::ValueOrEnd | Next::CommaOrEnd)
            }
            _ => false,
        };
        if !fits {
            return Err(malformed(&format!("no JSON: {c:?} where it does not belong")));
        }
        self.value_done();
        Ok(())
    }

    fn punctuation(&mut self, c: char) -> Result<(), Refusal> {
        let next = match (self.open.last_mut(), c) {
            (Some(Frame::Object { next: next @ Next::Colon, .. }), ':') => {
                *next = Next::Value;
                return Ok(());
            }
            (Some(Frame::Object { next: next @ Next::CommaOrEnd, .. }), ',') => {
                *next = Next::Key;
                return Ok(());
            }
            (Some(Frame::Array { next: next @ Next::CommaOrEnd, index }), ',') => {
                *index += 1;
                next
            }
            _ => return Err(malformed(&format!("no JSON: {c:?} where it does not belong"))),
        };
        *next = Next::Value;
        Ok(())
    }

    /// Refuses a value or a key where none can stand.
    fn check_place(&self, is_text: bool) -> Result<(), Refusal> {
        let fits = match self.open.last() {
            None => true,
            Some(Frame::Object { next, .. }) => match next {
                Next::KeyOrEnd | Next::Key => is_text,
                next => *next == Next::Value,
            },
            Some(Frame::Array { next, .. }) => matches!(next, Next::ValueOrEnd | Next::Value),
        };
        if fits { Ok(()) } else { Err(malformed("no JSON: a value where none belongs")) }
    }

    /// Ends the scalar that is being read.
    fn scalar(&mut self, tell: Tell<'_>) -> Result<(), Refusal> {
        let is_text = std::mem::take(&mut self.kind) == Scalar::Text;
        let raw = std::mem::take(&mut self.raw);
        let literal = if is_text { format!("\"{raw}\"") } else { raw };
        let value: Value = serde_json::from_str(&literal)
            .map_err(|error| malformed(&format!("no JSON: {error} in {:?}", cut(&literal))))?;
        if let (Some(Frame::Object { seen, key, next }), Value::String(name)) =
            (self.open.last_mut(), &value)
            && matches!(next, Next::KeyOrEnd | Next::Key)
        {
            if !seen.insert(name.clone()) {
                return Err(malformed(&format!("the field {:?} stands there twice", cut(name))));
            }
            (*key, *next) = (Some(name.clone()), Next::Colon);
            return Ok(());
        }
        tell(&self.way(), Told::Scalar(&value));
        self.value_done();
        Ok(())
    }

    fn value_done(&mut self) {
        match self.open.last_mut() {
            Some(Frame::Object { next, .. } | Frame::Array { next, .. }) => {
                *next = Next::CommaOrEnd;
            }
            None => self.values += 1,
        }
    }
}

impl Frame {
    fn step(&self) -> Step {
        match self {
            Frame::Object { key, .. } => Step::Field(key.clone().unwrap_or_default()),
            Frame::Array { index, .. } => Step::Item(*index),
        }
    }
}

/// Returns the beginning of a text, for a message.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}
