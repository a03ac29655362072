//! The client side of language servers: what they send, as values of the
//! engine.
//!
//! The rooms, from the ground up: [`framing`] bytes ↔ message bodies ·
//! [`message`] the structs that bodies are read into · [`position`] positions
//! of the protocol ↔ byte offsets · [`diagnostics`] findings of a server ·
//! [`edits`] a workspace edit → a change of one document.
//!
//! Nothing here starts a process or waits for one.

pub mod diagnostics;
pub mod edits;
pub mod framing;
pub mod message;
pub mod position;
