//! `symbol`: constructs by their names, and what becomes of them.
//!
//! ```text
//! @src/lib.rs 481920
//! replace impl Part > fn new
//!     pub fn new() -> Part {
//!         Part::default()
//!     }
//! .
//! body fn main
//!     run();
//! .
//! after fn main
//!
//! fn run() {}
//! .
//! delete fn unused
//! move fn helper before fn main
//! ```
//!
//! Bodies are those of the text form of `anchor`. Which lines a name means, only
//! somebody with a parser can say. `docs/formats.md` holds the grammar.

use super::anchor_text::{SENTINEL, Words, path_word, print_body, quote};
use super::builder::{Builder, Given, Reader, is_fence, malformed, read_rows, without_cr};
use super::{Act, Draft, DraftFile, Find, Side, Task};
use crate::anchor::Handle;
use crate::error::Refusal;

/// The verbs of operations.
const VERBS: &str = "replace, body, before, after, delete, move";

/// Returns the draft written in `text`.
///
/// # Errors
/// `malformed`, with the row (1-based) that cannot be read.
pub(super) fn read(text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    read_rows(reader(given), text)
}

/// Returns a reader that takes the text row by row.
pub(super) fn reader(given: Given<'_>) -> Box<dyn Reader> {
    let mut symbols = Symbols { builder: Builder::default(), open: None };
    if let Some(path) = given.path {
        let begun = symbols.builder.edit(path, given.handle);
        debug_assert!(begun.is_ok(), "BUG: an empty draft takes any file");
    }
    Box::new(symbols)
}

struct Symbols {
    builder: Builder,
    /// The operation whose body is being read.
    open: Option<Open>,
}

/// An operation without its end.
struct Open {
    name: String,
    act: fn(String) -> Act,
    text: String,
    sentinel: String,
    /// The row of its header.
    header: usize,
}

impl Reader for Symbols {
    fn row(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        if let Some(open) = self.open.take() {
            return self.body(open, row, number);
        }
        let row = without_cr(row).trim_end();
        if row.is_empty() || is_fence(row) {
            return Ok(());
        }
        if let Some(section) = row.strip_prefix('@') {
            let (path, handle) = section_of(section, number)?;
            let same = self.builder.edit(&path, handle);
            return same.map_err(|refusal| malformed(number, &refusal.message));
        }
        if self.builder.path().is_none() {
            return Err(malformed(number, "a file section begins with @path handle"));
        }
        self.op(row, number)
    }

    fn end(self: Box<Self>) -> Result<Draft, Refusal> {
        if let Some(Open { sentinel, header, .. }) = &self.open {
            let text = format!("the body is not ended by a row {sentinel:?}");
            return Err(malformed(*header, &text));
        }
        self.builder.finish("no file section: begin with @path handle")
    }

    fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }
}

impl Symbols {
    /// Takes a row of a body.
    fn body(&mut self, mut open: Open, row: &str, number: usize) -> Result<(), Refusal> {
        if without_cr(row) == open.sentinel {
            let Open { name, act, text, .. } = open;
            self.builder.push(Find::Symbol { name, act: act(text) });
            return Ok(());
        }
        let is_header = |row: &str| {
            let section = row.trim_end().strip_prefix('@');
            section.is_some_and(|section| matches!(section_of(section, 0), Ok((_, Some(_)))))
        };
        if open.sentinel == SENTINEL && is_header(row) {
            let hint = "end the body before it with \".\", or name another sentinel with <<END";
            return Err(malformed(number, &format!("{row:?} stands inside a body: {hint}")));
        }
        self.builder.row(without_cr(row));
        open.text.extend([row, "\n"]);
        self.open = Some(open);
        Ok(())
    }

    fn op(&mut self, row: &str, number: usize) -> Result<(), Refusal> {
        let (verb, rest) = row.split_once([' ', '\t']).unwrap_or((row, ""));
        let act: fn(String) -> Act = match verb {
            "replace" => Act::Replace,
            "body" => Act::Body,
            "before" => |text| Act::Insert(Side::Before, text),
            "after" => |text| Act::Insert(Side::After, text),
            "delete" => {
                let name = name_of(rest, number)?;
                self.builder.push(Find::Symbol { name, act: Act::Delete });
                return Ok(());
            }
            "move" => {
                let find = move_of(rest, number)?;
                self.builder.push(find);
                return Ok(());
            }
            _ => return Err(malformed(number, &format!("{row:?} is no operation ({VERBS})"))),
        };
        let (name, sentinel) = split_sentinel(rest);
        let name = name_of(name, number)?;
        let place = Find::Symbol { name: name.clone(), act: act("\n".to_owned()) };
        self.builder.place(place, true);
        let sentinel = sentinel.to_owned();
        self.open = Some(Open { name, act, text: String::new(), sentinel, header: number });
        Ok(())
    }
}

/// Returns path and handle of a section.
fn section_of(section: &str, number: usize) -> Result<(String, Option<Handle>), Refusal> {
    let mut words = Words(section.trim_start());
    let path = words.next(number)?.ok_or_else(|| malformed(number, "no path"))?;
    let handle = words.next(number)?.map(|word| {
        word.parse::<Handle>().map_err(|error| malformed(number, &format!("{word:?}: {error}")))
    });
    let handle = handle.transpose()?;
    words.end(number)?;
    Ok((path, handle))
}

/// Returns a name and the sentinel behind it.
fn split_sentinel(text: &str) -> (&str, &str) {
    let text = text.trim();
    let word = text.rsplit([' ', '\t']).next().unwrap_or_default();
    match word.strip_prefix("<<").filter(|end| !end.is_empty()) {
        Some(end) => (text[..text.len() - word.len()].trim_end(), end),
        None => (text, SENTINEL),
    }
}

/// Returns a name, which may be quoted.
fn name_of(text: &str, number: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if !text.starts_with('"') {
        return match text {
            "" => Err(malformed(number, "no name of a construct")),
            text => Ok(text.to_owned()),
        };
    }
    let mut words = Words(text);
    let name = words.next(number)?.filter(|name| !name.is_empty());
    words.end(number)?;
    name.ok_or_else(|| malformed(number, "no name of a construct"))
}

/// Returns the move written as `NAME after NAME`.
fn move_of(text: &str, number: usize) -> Result<Find, Refusal> {
    let sides = [(" before ", Side::Before), (" after ", Side::After)];
    // Words within quotes divide nothing.
    let mut ways = sides.iter().flat_map(|(word, side)| {
        let places = text.match_indices(word).map(|(at, _)| (at, at + word.len(), *side));
        places.filter(|(at, ..)| text[..*at].matches('"').count().is_multiple_of(2))
    });
    let (Some((end, start, side)), None) = (ways.next(), ways.next()) else {
        let text =
            "a move is written as move NAME after NAME, or before; quote a name with such a word";
        return Err(malformed(number, text));
    };
    let name = name_of(&text[..end], number)?;
    let to = name_of(&text[start..], number)?;
    Ok(Find::Symbol { name, act: Act::Move { side, to } })
}

/// Returns the draft as text, in sections.
///
/// # Errors
/// `unsupported` where it asks for what this format cannot say.
pub(super) fn write(draft: &Draft) -> Result<String, Refusal> {
    let mut out = String::new();
    for file in &draft.files {
        write_file(file, &mut out).ok_or_else(|| super::unsayable(file, "symbol"))?;
    }
    Ok(out)
}

fn write_file(file: &DraftFile, out: &mut String) -> Option<()> {
    let Task::Edit { finds, final_newline: None, to: None } = &file.task else { return None };
    out.push('@');
    out.push_str(&path_word(&file.path));
    if let Some(handle) = file.handle {
        out.push_str(&format!(" {handle}"));
    }
    out.push('\n');
    finds.iter().try_for_each(|find| write_op(find, out))
}

fn write_op(find: &Find, out: &mut String) -> Option<()> {
    let Find::Symbol { name, act } = find else { return None };
    let name = name_word(name)?;
    let (verb, text) = match act {
        Act::Replace(text) => ("replace", text),
        Act::Body(text) => ("body", text),
        Act::Insert(side, text) => (side.as_str(), text),
        Act::Delete => {
            out.push_str(&format!("delete {name}\n"));
            return Some(());
        }
        Act::Move { side, to } => {
            out.push_str(&format!("move {name} {} {}\n", side.as_str(), name_word(to)?));
            return Some(());
        }
    };
    out.push_str(&format!("{verb} {name}"));
    // A body that is not there would be one empty row.
    if text.is_empty() {
        return None;
    }
    print_body(text, out);
    Some(())
}

/// Returns a name as it is written: in quotes where it would be misread.
fn name_word(name: &str) -> Option<String> {
    let plain = name.trim() == name
        && !name.starts_with('"')
        && !["<<", " before ", " after "].iter().any(|mark| name.contains(mark));
    // A name is one row.
    (!name.is_empty() && !name.contains('\n')).then(|| match plain {
        true => name.to_owned(),
        false => quote(name),
    })
}
