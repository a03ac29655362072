//! What the bridge asks of whoever holds the files.

use std::sync::Arc;

use engine::snapshot::Snapshot;

/// The files of a root as they are now: as an editor has them open, else as they
/// are on disk. The bridge itself reads none.
pub trait Files: Send + Sync {
    /// Returns the content of the file at `path` beneath the root; `None` where
    /// there is none, or none that may be seen.
    fn snapshot(&self, path: &str) -> Option<Arc<Snapshot>>;

    /// Returns the paths of all files that a name is looked for in, without
    /// those that version control ignores.
    fn list(&self) -> Vec<String>;
}
