//! Contents in memory: what each file held when we last looked, and the latest
//! contents by digest, within a bound of bytes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{RelPath, Stamp};

/// A stamp taken within this time of the last write may hide a second write:
/// file systems keep time in ticks of up to 10 ms.
const TICK: Duration = Duration::from_millis(20);

/// The contents in memory.
#[derive(Debug)]
pub(super) struct Contents {
    inner: Mutex<Inner>,
    budget: usize,
}

#[derive(Debug, Default)]
struct Inner {
    current: HashMap<RelPath, Current>,
    by_hash: HashMap<ContentHash, Arc<Snapshot>>,
    /// Contents in memory that are known to be in the state as well.
    stored: HashSet<ContentHash>,
    /// Digests, least recently added first.
    order: VecDeque<ContentHash>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Current {
    stamp: Stamp,
    looked: SystemTime,
    hash: ContentHash,
}

impl Contents {
    /// Returns a cache that holds up to `budget` bytes, or one content if that
    /// is larger.
    pub(super) fn new(budget: usize) -> Contents {
        Contents { inner: Mutex::default(), budget }
    }

    /// Returns the content that `path` held when its stamp was `stamp`. With
    /// `sure`, only where no write can hide behind an equal stamp.
    pub(super) fn current(
        &self,
        path: &RelPath,
        stamp: &Stamp,
        sure: bool,
    ) -> Option<Arc<Snapshot>> {
        let inner = self.lock();
        let current = inner.current.get(path).filter(|current| current.stamp == *stamp)?;
        if sure && !current.is_settled() {
            return None;
        }
        inner.by_hash.get(&current.hash).cloned()
    }

    /// Notes that `path` holds this content under this stamp.
    pub(super) fn note(&self, path: &RelPath, stamp: Stamp, snapshot: &Arc<Snapshot>) {
        let mut inner = self.lock();
        let current = Current { stamp, looked: SystemTime::now(), hash: snapshot.hash };
        inner.current.insert(path.clone(), current);
        inner.add(snapshot, self.budget);
    }

    /// Keeps a content for a while.
    pub(super) fn keep(&self, snapshot: &Arc<Snapshot>) {
        self.lock().add(snapshot, self.budget);
    }

    /// Forgets what `path` holds.
    pub(super) fn forget(&self, path: &RelPath) {
        self.lock().current.remove(path);
    }

    /// Returns the content with this digest, if it is in memory.
    pub(super) fn get(&self, hash: &ContentHash) -> Option<Arc<Snapshot>> {
        self.lock().by_hash.get(hash).cloned()
    }

    /// Returns the contents that files hold and that are not known to be in the
    /// state: what we wrote last.
    pub(super) fn unstored(&self) -> Vec<Arc<Snapshot>> {
        let inner = self.lock();
        let hashes = inner.current.values().map(|current| current.hash);
        let unstored = hashes.filter(|hash| !inner.stored.contains(hash));
        unstored.filter_map(|hash| inner.by_hash.get(&hash).cloned()).collect()
    }

    /// Returns whether the content is known to be in the state.
    pub(super) fn is_stored(&self, hash: &ContentHash) -> bool {
        self.lock().stored.contains(hash)
    }

    /// Notes that the content is in the state.
    pub(super) fn note_stored(&self, hash: &ContentHash) {
        let mut inner = self.lock();
        if inner.by_hash.contains_key(hash) {
            inner.stored.insert(*hash);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    /// Returns whether the last write was long over when we looked.
    fn is_settled(&self) -> bool {
        let looked = self.looked.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let written = self.stamp.modified_ns.max(self.stamp.changed_ns);
        looked as i128 - written > TICK.as_nanos() as i128
    }
}

impl Inner {
    fn add(&mut self, snapshot: &Arc<Snapshot>, budget: usize) {
        if self.by_hash.insert(snapshot.hash, Arc::clone(snapshot)).is_none() {
            self.order.push_back(snapshot.hash);
            self.bytes += weight(snapshot);
        }
        while self.bytes > budget && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { break };
            self.stored.remove(&oldest);
            if let Some(gone) = self.by_hash.remove(&oldest) {
                self.bytes -= weight(&gone);
            }
        }
        // Stamps are small, but files are many.
        if self.current.len() > 2 * self.by_hash.len() + 1024 {
            let by_hash = &self.by_hash;
            self.current.retain(|_, current| by_hash.contains_key(&current.hash));
        }
    }
}

/// Returns the bytes that a content takes in memory.
fn weight(snapshot: &Snapshot) -> usize {
    snapshot.bytes.len() + 4 * snapshot.line_count() + 256
}
