//! The operations, one a file: each turns a request into a response.

pub(super) mod apply;
pub(super) mod buffer;
mod construct;
mod draft;
mod editor;
pub(super) mod examine;
mod lint;
pub(super) mod list;
pub(super) mod log;
pub(super) mod marks;
pub(super) mod notes;
pub(super) mod open;
pub(super) mod outline;
pub(super) mod read;
mod reject;
pub(super) mod retry;
pub(super) mod search;
pub(super) mod show;
pub(super) mod stats;
mod stored;
mod syntax;
pub(super) mod tail;
mod transact;
pub(super) mod undo;
