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
mod json;
mod patch;
mod replace;
mod script;
mod udiff;

pub use anchor_text::{parse, print};
pub use builder::{Event, Given, Verb};
pub use draft::{Destination, Draft, DraftFile, Find, Hint, Hunk, Position, Quote, Row, Task};
pub use script::{Action, Body, Expect, FileScript, Op, OpKind, Script};

use crate::error::{Code, Refusal};

/// The formats this engine reads, by the name used on the wire.
pub const NAMES: [&str; 5] = ["anchor", "replace", "blocks", "udiff", "patch"];

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
    match name {
        "replace" => replace::write(draft),
        "blocks" => blocks::write(draft),
        "udiff" => udiff::write(draft),
        "patch" => patch::write(draft),
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

/// Returns the byte that stands for a line in the anchors of `hashline`: the
/// lowest of XXH32 (seed 0) of the line without its white space, as the
/// programs that brought these anchors up compute it. It tells a slip, and
/// proves nothing.
pub fn line_hash(line: &[u8]) -> u8 {
    let bare: Vec<u8> = line.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    xxhash_rust::xxh32::xxh32(&bare, 0) as u8
}
