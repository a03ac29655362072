//! The older form of `hashline`: JSON whose anchors are a line and its hash.
//!
//! ```json
//! {"path": "src/lib.rs", "edits": [
//!   {"op": "replace", "pos": "12#ZP", "end": "14#MQ", "lines": ["new line 12", "new line 13"]},
//!   {"op": "append", "pos": "20#XS", "lines": ["after line 20"]},
//!   {"set_line": {"anchor": "30:a3", "new_text": "line 30"}}
//! ]}
//! ```

use serde_json::Value;

use super::builder::{Builder, Given};
use super::json::{self, Object, malformed};
use super::replace::PATH;
use super::{Anchor, Body, Draft, Find, LAST, LineHash, Op, OpKind, Quote};
use crate::anchor::LineRange;
use crate::error::Refusal;

/// The letters of a hash behind `#`, by the value of its half bytes.
const LETTERS: &[u8; 16] = b"ZPMQVRWSNKTXJBYH";

/// The fields that hold anchors.
pub(super) const ANCHORS: [&str; 5] = ["pos", "end", "anchor", "start_anchor", "end_anchor"];

pub(super) const LINES: [&str; 4] = ["lines", "new_text", "text", "content"];

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the field that cannot be read.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    let mut builder = Builder::default();
    let mut loose = Vec::new();
    for value in json::values(text)? {
        let is_file = value.get("edits").is_some() || value.get("ops").is_some();
        match (is_file, given.path) {
            (false, Some(_)) => loose.push(value),
            _ => read_file(Object::of(value, "the edit")?, given, &mut builder)?,
        }
    }
    if let (Some(path), false) = (given.path, loose.is_empty()) {
        builder.edit(path, given.handle)?;
        loose.into_iter().try_for_each(|edit| read_edit(edit, &mut builder))?;
    }
    builder.finish("no edit")
}

fn read_file(mut file: Object, given: Given<'_>, builder: &mut Builder) -> Result<(), Refusal> {
    let path = file.text(&PATH)?.or(given.path.map(str::to_owned));
    let path = path.ok_or_else(|| malformed("the edit: path is missing"))?;
    let handle = file.handle(&["handle"])?.or(given.handle);
    let edits = file.array(&["edits", "ops"])?;
    let edits = edits.ok_or_else(|| malformed("the edit: edits is missing"))?;
    file.end()?;
    builder.edit(&path, handle)?;
    edits.into_iter().try_for_each(|edit| read_edit(edit, builder))
}

fn read_edit(edit: Value, builder: &mut Builder) -> Result<(), Refusal> {
    let mut edit = Object::of(edit, "an edit")?;
    let named = ["set_line", "replace_lines", "insert_after"];
    let mut inner = None;
    for name in named {
        if let Some(value) = edit.take(&[name])? {
            inner = Some((name, Object::of(value, "an edit")?));
            break;
        }
    }
    let find = match inner {
        Some((name, mut inner)) => {
            edit.end()?;
            let find = read_named(name, &mut inner)?;
            inner.end()?;
            find
        }
        None => {
            let find = read_op(&mut edit)?;
            edit.end()?;
            find
        }
    };
    builder.push(find);
    Ok(())
}

/// Reads `set_line`, `replace_lines` and `insert_after`.
fn read_named(name: &str, edit: &mut Object) -> Result<Find, Refusal> {
    if name == "replace_lines" {
        let first = anchor(edit, "start_anchor")?;
        let last = anchor(edit, "end_anchor")?;
        return replace(first, last, text_of(edit)?);
    }
    let first = anchor(edit, "anchor")?;
    let text = text_of(edit)?;
    match name {
        "set_line" => replace(first.clone(), first, text),
        _ => insert(first.line, text, vec![first]),
    }
}

/// Reads `{op, pos, end, lines}`.
fn read_op(edit: &mut Object) -> Result<Find, Refusal> {
    let op = edit.some_text(&["op"])?;
    if op == "replace_text" {
        let (old, new) = (edit.some_text(&["oldText"])?, edit.some_text(&["newText"])?);
        return Ok(Find::Text(Quote { old, new, ..Quote::default() }));
    }
    let first = edit.take(&["pos", "anchor", "start"])?.map(anchor_of).transpose()?;
    let last = edit.take(&["end"])?.map(anchor_of).transpose()?;
    let text = text_of(edit)?;
    match (op.as_str(), first, last) {
        ("replace", Some(first), Some(last)) => replace(first, last, text),
        ("replace", Some(first), None) => replace(first.clone(), first, text),
        ("append", first, None) => {
            let after = first.as_ref().map_or(LAST, |anchor| anchor.line);
            insert(after, text, first.into_iter().collect())
        }
        ("prepend", first, None) => {
            let after = first.as_ref().map_or(0, |anchor| anchor.line - 1);
            insert(after, text, first.into_iter().collect())
        }
        _ => Err(malformed(&format!("an edit: op {op:?} with these fields is unknown"))),
    }
}

fn anchor(edit: &mut Object, name: &'static str) -> Result<Anchor, Refusal> {
    let value = edit.take(&[name])?;
    anchor_of(value.ok_or_else(|| malformed(&format!("an edit: {name} is missing")))?)
}

/// Returns the anchor written as `12#ZP`, `12:a3` or `{line, hash}`; what the
/// line says may stand behind it.
fn anchor_of(value: Value) -> Result<Anchor, Refusal> {
    let unreadable = |text: &str| malformed(&format!("{text:?} is no anchor (12#ZP, 12:a3)"));
    let (text, said) = match value {
        Value::String(text) => (text, None),
        value => {
            let mut object = Object::of(value, "an anchor")?;
            let line = object.number(&["line"])?;
            let hash = object.some_text(&["hash"])?;
            let said = object.text(&["textHint", "text"])?;
            object.end()?;
            (format!("{}#{hash}", line.unwrap_or_default()), said)
        }
    };
    let (line, hash) = text.split_once(['#', ':']).ok_or_else(|| unreadable(&text))?;
    let line = line.trim().parse().ok().filter(|line| *line > 0);
    // Behind the hash may stand what the line says, as it was shown.
    let (hash, shown) = hash.split_once([':', '|']).map_or((hash, None), |(h, t)| (h, Some(t)));
    let shown = said.or(shown.map(str::to_owned));
    match (line, hash_of(hash.trim())) {
        (Some(line), Some(hash)) => Ok(Anchor { line, hash, text: shown }),
        _ => Err(unreadable(&text)),
    }
}

/// Returns the hash written in two letters of the alphabet or two hexadecimal
/// digits; the two share no spelling.
fn hash_of(text: &str) -> Option<LineHash> {
    let letter = |byte: u8| LETTERS.iter().position(|letter| *letter == byte);
    let [high, low] = *text.as_bytes() else { return None };
    match (letter(high), letter(low)) {
        (Some(high), Some(low)) => Some(LineHash::Letters((high << 4 | low) as u8)),
        _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
        _ => u8::from_str_radix(text, 16).ok().map(LineHash::Hex),
    }
}

/// Returns the place that an anchor alone names.
pub(super) fn place(value: Value) -> Option<Find> {
    let anchor = anchor_of(value).ok()?;
    let kind = OpKind::Delete { lines: (anchor.line, anchor.line), register: None };
    Some(hashed(kind, vec![anchor]))
}

/// Returns the new lines; an empty text is none.
fn text_of(edit: &mut Object) -> Result<String, Refusal> {
    match edit.take(&LINES)? {
        None => Ok(String::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(text),
        Some(Value::String(text)) => Ok(text + "\n"),
        Some(Value::Array(lines)) => lines.into_iter().map(line).collect(),
        Some(_) => Err(malformed("an edit: lines is neither a list nor a text")),
    }
}

fn line(line: Value) -> Result<String, Refusal> {
    match line {
        Value::String(line) if !line.contains('\n') => Ok(line + "\n"),
        _ => Err(malformed("an edit: one of its lines is no line")),
    }
}

fn replace(first: Anchor, last: Anchor, text: String) -> Result<Find, Refusal> {
    let lines: LineRange = (first.line, last.line);
    let kind = match text.is_empty() {
        true => OpKind::Delete { lines, register: None },
        false => OpKind::Replace { lines, body: Body::Text(text) },
    };
    Ok(hashed(kind, vec![first, last]))
}

fn insert(after: usize, text: String, anchors: Vec<Anchor>) -> Result<Find, Refusal> {
    match text.is_empty() {
        true => Err(malformed("an edit: an insertion without a line")),
        false => Ok(hashed(OpKind::Insert { after, body: Body::Text(text) }, anchors)),
    }
}

fn hashed(kind: OpKind, mut anchors: Vec<Anchor>) -> Find {
    anchors.dedup();
    let op = Op { kind, expect: None };
    match anchors.is_empty() {
        true => Find::Lines(op),
        false => Find::Hashed { op, anchors },
    }
}
