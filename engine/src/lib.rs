//! The engine of anchord: everything about an edit that needs no protocol, no
//! clock and no environment. No thread of it outlives a call.
//!
//! The rooms, from the ground up; each may import only those before it:
//! [`error`] the closed list of refusals · [`text`] bytes and lines · [`hash`]
//! digests · [`edit`] disjoint sorted edits · [`snapshot`] one read of one
//! file · [`anchor`] handles, views and rows · [`format`](mod@format) text ↔ script ·
//! [`drift`] from seen to now · [`plan`] script × snapshots → plan ·
//! [`verify`] checks · [`store`] files and the journal · [`apply`] the
//! transaction.

pub mod anchor;
pub mod apply;
pub mod drift;
pub mod edit;
pub mod error;
pub mod format;
pub mod hash;
pub mod plan;
pub mod snapshot;
pub mod store;
pub mod text;
pub mod verify;
