//! Edit formats: text ↔ [`Draft`], one file a format.
//!
//! A draft is an edit as its text says it; a [`Script`] is the same in the
//! lines of the content its author saw. Neither knows anything of the file as
//! it is now; that is the plan's concern, which also makes the one of the
//! other.

mod anchor_text;
mod blocks;
mod builder;
mod draft;
mod hashes;
mod hashline;
mod json;
mod lines;
mod lsp;
mod patch;
mod recognise;
mod replace;
mod said;
mod script;
mod stream;
mod symbol;
mod udiff;
mod whole;

pub use anchor_text::{parse, print};
pub use builder::{Event, Given, Verb};
pub use draft::{
    Act, Anchor, Destination, Draft, DraftFile, Find, Hint, Hunk, LAST, LineHash, Position, Quote,
    Row, Side, Task,
};
pub use recognise::{Recognised, recognise};
pub use said::{Lines, draft_in};
pub use script::{Action, Body, Expect, FileScript, Op, OpKind, Script};
pub use stream::Stream;

use crate::error::{Code, Refusal};

/// The formats this engine reads, by the name used on the wire.
pub const NAMES: [&str; 10] = [
    "anchor", "replace", "blocks", "udiff", "patch", "hashline", "lines", "whole", "lsp", "symbol",
];

/// Returns the draft written in `text` in the format called `name`.
///
/// # Errors
/// `unsupported` for a name that is none, `malformed` for text that is not in
/// that format.
pub fn read(name: &str, text: &str, given: Given<'_>) -> Result<Draft, Refusal> {
    match name {
        "anchor" => parse(text).map(Draft::from),
        "replace" => replace::read(text, given),
        "blocks" => blocks::read(text, given),
        "udiff" => udiff::read(text, given),
        "patch" => patch::read(text, given),
        "hashline" => hashline::read(text, given),
        "lines" => lines::read(text, given),
        "whole" => whole::read(text, given),
        "lsp" => lsp::read(text, given),
        "symbol" => symbol::read(text, given),
        _ => Err(unknown(name)),
    }
}

/// Returns `draft` as text in the format called `name`, so that [`read`]
/// returns it again.
///
/// # Errors
/// `unsupported` for a name that is none, and where the draft asks for what
/// that format cannot say.
pub fn write(name: &str, draft: &Draft) -> Result<String, Refusal> {
    let text = print_as(name, draft)?;
    // Paths and rows may hold what the format takes for its own.
    match (read(name, &text, Given::default()), draft.files.first()) {
        (Ok(again), _) if again == *draft => Ok(text),
        (_, Some(file)) => Err(unsayable(file, name)),
        (_, None) => Err(Refusal::new(Code::Unsupported, "the edit names no file")),
    }
}

fn print_as(name: &str, draft: &Draft) -> Result<String, Refusal> {
    match name {
        "anchor" => script::of(draft).map(|script| print(&script)),
        "replace" => replace::write(draft),
        "blocks" => blocks::write(draft),
        "udiff" => udiff::write(draft),
        "patch" => patch::write(draft),
        "hashline" => hashline::write(draft),
        "lines" => lines::write(draft),
        "whole" => whole::write(draft),
        "lsp" => lsp::write(draft),
        "symbol" => symbol::write(draft),
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::new(Code::Unsupported, format!("{name:?} is no format; there are {NAMES:?}"))
}

/// Returns the refusal to write what a format cannot say.
fn unsayable(file: &DraftFile, name: &str) -> Refusal {
    let text = format!("the format {name} cannot say what is asked for this file");
    Refusal::new(Code::Unsupported, text).at(&file.path)
}
