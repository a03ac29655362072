//! The client side of language servers: what they send, as values of the
//! engine.
//!
//! Bytes to values, from the ground up: [`framing`] bytes ↔ message bodies ·
//! [`message`] the structs that bodies are read into · [`position`] positions
//! of the protocol ↔ byte offsets · [`uri`] names of documents ↔ paths ·
//! [`diagnostics`] findings of a server · [`edits`] a workspace edit → a change
//! of one document · [`source_change`] the same for all documents and files.
//!
//! Servers: [`table`] which there are · [`policy`] what they are granted ·
//! [`spawn`] who starts them · `connection` messages to and from one · `known`
//! what one has said · `server` one life of one · `supervisor` all of them.
//!
//! Questions: [`bridge`] who asks · [`collect`] findings with the evidence that
//! they are fresh · [`delta`] what an edit did to them · [`verify`] both for an
//! edit · [`rename`] and [`census`] · [`intelligence`] places, symbols, texts ·
//! [`actions`] what a server offers to do.
//!
//! Nothing here starts a process by itself, reads a file or writes one: a
//! [`spawn::Spawn`] and a [`files::Files`] are handed in, and what a server
//! wants to change comes back as a value.

pub mod actions;
pub mod bridge;
mod capabilities;
pub mod census;
pub mod collect;
mod connection;
pub mod delta;
pub mod diagnostics;
mod document;
pub mod edits;
pub mod error;
pub mod files;
pub mod framing;
pub mod intelligence;
mod known;
pub mod message;
pub mod policy;
pub mod position;
pub mod rename;
mod server;
pub mod source_change;
pub mod spawn;
pub mod status;
mod supervisor;
pub mod table;
mod tsserver;
pub mod uri;
pub mod verify;

pub use connection::RequestError;
pub use server::{FileEvent, Readiness};
pub use supervisor::Trust;
