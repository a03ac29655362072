//! Documents: the contents that language servers are shown, from one place.

use std::sync::Arc;

use engine::error::Refusal;
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use lsp_bridge::files::Files;

use crate::service::walk::{Found, Scope, walk};
use crate::service::workspace::Workspace;

/// Returns what a language server is to see of the file at `path`; `None` where
/// there is none. All contents that servers are shown, or that their answers
/// are held against, come from here.
///
/// # Errors
/// Where the file cannot be read.
pub(in crate::service) fn document(
    workspace: &Workspace,
    path: &RelPath,
) -> Result<Option<Arc<Snapshot>>, Refusal> {
    workspace.now(path, true)
}

/// The documents of one root.
pub(in crate::service) struct Documents(pub(super) Arc<Workspace>);

impl Files for Documents {
    fn snapshot(&self, path: &str) -> Option<Arc<Snapshot>> {
        let path = self.0.locate(path).ok()?;
        document(&self.0, &path).ok()?
    }

    fn list(&self) -> Vec<String> {
        let scope = Scope::default();
        let Ok(found) = walk(&self.0, &scope) else { return Vec::new() };
        let files = found.filter_map(|found| match found {
            Found::File(path) => Some(path.as_str().to_owned()),
            Found::Directory(_) => None,
        });
        files.collect()
    }
}
