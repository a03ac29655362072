//! The language server face: what an editor and the service tell each other.
//!
//! It runs in a process that the editor starts, speaks the Language Server
//! Protocol there, and attaches to the daemon of the root by its socket. What
//! the editor says of its documents goes on as `buffer/…`; edits that the
//! service wants made in them come as notifications and go to the editor as
//! `workspace/applyEdit`. The daemon may die in between: the documents are told
//! to the next one again. `docs/editors.md` describes it for those who use it.

mod document;
mod editor;
mod link;
mod offers;
mod server;

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

pub use server::serve;

/// One who finds the daemon of a root, and starts it where none runs.
pub trait Connect: Send + Sync + 'static {
    /// Returns the root to work in, where the editor works in `folder`.
    ///
    /// # Errors
    /// Where that is no directory.
    fn root(&self, folder: Option<&Path>) -> io::Result<PathBuf>;

    /// Connects to the daemon of `root`.
    ///
    /// # Errors
    /// Where none can be reached or started.
    fn connect(&self, root: &Path) -> io::Result<UnixStream>;
}
