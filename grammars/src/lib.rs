//! Languages: what a file is written in, its syntax tree, what is wrong with it
//! and what it defines.
//!
//! The rooms, from the ground up: [`language`] the registry · [`parse`](mod@parse)
//! a parse that is bounded in size, nesting and time · [`risk`] what is parsed in
//! a process of its own · [`trees`] trees that are kept · [`faults`] what is wrong
//! by a tree · [`judge`] what an edit did to that, and where · [`outline`] what is defined by
//! a tree · [`lexeme`] what a stretch is part of · [`check`] all of it for contents ·
//! [`worker`] a process that parses what may not come back · [`pattern`](mod@pattern)
//! code with holes · [`constructs`] for the engine's drift · [`equal`] whether two
//! contents are the same to a parser.

mod cause;
pub mod check;
pub mod constructs;
pub mod equal;
pub mod faults;
pub mod judge;
pub mod language;
mod layout;
mod lenient;
pub mod lexeme;
pub mod outline;
pub mod parse;
pub mod pattern;
pub mod risk;
pub mod trees;
mod window;
pub mod worker;

pub use check::SyntaxCheck;
pub use language::Language;
pub use outline::Outline;
