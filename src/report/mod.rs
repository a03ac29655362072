//! Reports: rows of results, rendered for people.
//!
//! `results.jsonl` is the only source. [`Summary`] counts, [`tables`] makes
//! tables of the counts, and these are printed as text and Markdown
//! ([`markdown`]) or as one page that needs nothing else ([`html`]).

pub mod compare;
pub mod html;
mod plots;
pub mod prices;
pub mod stats;
mod summary;
pub mod tables;

pub use summary::{Lane, Live, Spent, Summary, Tally, Tokens};
pub use tables::{Table, markdown};
