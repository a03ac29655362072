//! anchord: the daemon through which coding agents change files.
//!
//! The library is the program without its `main`: tests and benches use it as
//! the program does. `docs/architecture.md` says which room owns what.

pub mod bench;
pub mod cli;
pub mod client;
pub mod daemon;
pub mod faces;
pub mod import;
pub mod process;
pub mod protocol;
pub mod report;
pub mod service;
pub mod state;
pub mod tokens;
