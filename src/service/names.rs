//! Names in memory: the handles that were spoken of lately.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::anchor::Handle;
use engine::hash::ContentHash;
use engine::store::RelPath;

/// How many names stay in memory; the others are looked up again.
const MOST: usize = 20_000;

/// Handles and what they name, both ways.
#[derive(Debug, Default)]
pub(super) struct Names {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_handle: HashMap<Handle, (RelPath, ContentHash)>,
    by_content: HashMap<RelPath, HashMap<ContentHash, Handle>>,
}

impl Names {
    /// Notes a name that is written down.
    pub(super) fn insert(&self, handle: Handle, path: &RelPath, hash: &ContentHash) {
        let mut inner = self.lock();
        if inner.by_handle.len() >= MOST {
            *inner = Inner::default();
        }
        inner.by_handle.insert(handle, (path.clone(), *hash));
        inner.by_content.entry(path.clone()).or_default().insert(*hash, handle);
    }

    /// Returns the name of a content of a file.
    pub(super) fn of(&self, path: &RelPath, hash: &ContentHash) -> Option<Handle> {
        self.lock().by_content.get(path)?.get(hash).copied()
    }

    /// Returns the content that a handle names, if it names one of this file.
    pub(super) fn content(&self, path: &RelPath, handle: Handle) -> Option<ContentHash> {
        let inner = self.lock();
        let (owner, hash) = inner.by_handle.get(&handle)?;
        (owner == path).then_some(*hash)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
