//! Languages: what a file is written in, its syntax tree, and what is wrong
//! with it.
//!
//! The rooms, from the ground up: [`language`] the registry · [`parse`](mod@parse) a
//! parse that is bounded in size, nesting and time · [`check`] the check that
//! counts syntax errors for the engine.

pub mod check;
pub mod language;
pub mod parse;

pub use check::SyntaxCheck;
pub use language::Language;
