//! Edit formats: text ↔ [`Script`], one file a format.
//!
//! A script is what an author asked for, in the lines of the content the author
//! saw. It knows nothing of the file as it is now; that is the plan's concern.

mod anchor_text;
mod script;

pub use anchor_text::{parse, print};
pub use script::{Action, Body, Expect, FileScript, Op, OpKind, Script};

/// The formats this engine reads, by the name used on the wire.
pub const NAMES: [&str; 1] = ["anchor"];
