//! Contents in memory: what each file held when we last looked, and the latest
//! contents by digest, within a bound of bytes. Contents that no file holds any
//! more have a quarter of it: the state can tell them again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{RelPath, Stamp};

/// A stamp taken within this time of the last write may hide a second write:
/// file systems keep time in ticks of up to 10 ms.
const TICK: Duration = Duration::from_millis(20);

/// Which part of the bound contents may take that no file holds.
const LEFT_SHARE: usize = 4;

/// The contents in memory.
#[derive(Debug)]
pub(super) struct Contents {
    inner: Mutex<Inner>,
    budget: usize,
}

#[derive(Debug, Default)]
struct Inner {
    current: HashMap<RelPath, Current>,
    by_hash: HashMap<ContentHash, Kept>,
    /// Contents in memory that are known to be in the state as well.
    stored: HashSet<ContentHash>,
    /// Digests, least recently added first; some are not in memory any more.
    order: VecDeque<Added>,
    /// How many contents were added so far.
    added: u64,
    bytes: usize,
    /// Digests of contents that no file held when they came here, oldest first;
    /// some are held again by now, or gone.
    left: VecDeque<Added>,
    /// What those of them take that no file holds now, in bytes.
    left_bytes: usize,
}

/// A content, and which addition of all it came by: one that went may come again.
type Added = (ContentHash, u64);

#[derive(Debug)]
struct Kept {
    snapshot: Arc<Snapshot>,
    /// Which addition it came by.
    added: u64,
    /// How many files hold it.
    holders: usize,
    /// Whether it is counted among those that no file holds.
    is_left: bool,
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
        inner.get(&current.hash)
    }

    /// Notes that `path` holds this content under this stamp.
    pub(super) fn note(&self, path: &RelPath, stamp: Stamp, snapshot: &Arc<Snapshot>) {
        let mut inner = self.lock();
        let current = Current { stamp, looked: SystemTime::now(), hash: snapshot.hash };
        let before = inner.current.insert(path.clone(), current);
        if let Some(before) = before {
            inner.leave(&before.hash);
        }
        inner.add(snapshot);
        inner.hold(&snapshot.hash);
        inner.shrink(self.budget);
    }

    /// Keeps a content for a while.
    pub(super) fn keep(&self, snapshot: &Arc<Snapshot>) {
        let mut inner = self.lock();
        if inner.add(snapshot) {
            inner.set_left(&snapshot.hash, true);
        }
        inner.shrink(self.budget);
    }

    /// Forgets what `path` holds.
    pub(super) fn forget(&self, path: &RelPath) {
        let mut inner = self.lock();
        if let Some(before) = inner.current.remove(path) {
            inner.leave(&before.hash);
            inner.shrink(self.budget);
        }
    }

    /// Returns the content with this digest, if it is in memory.
    pub(super) fn get(&self, hash: &ContentHash) -> Option<Arc<Snapshot>> {
        self.lock().get(hash)
    }

    /// Returns the contents that files hold and that are not known to be in the
    /// state: what we wrote last.
    pub(super) fn unstored(&self) -> Vec<Arc<Snapshot>> {
        let inner = self.lock();
        let hashes = inner.current.values().map(|current| current.hash);
        let unstored = hashes.filter(|hash| !inner.stored.contains(hash));
        unstored.filter_map(|hash| inner.get(&hash)).collect()
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
    fn get(&self, hash: &ContentHash) -> Option<Arc<Snapshot>> {
        self.by_hash.get(hash).map(|kept| Arc::clone(&kept.snapshot))
    }

    /// Adds a content that nobody holds yet; returns whether it is new here.
    fn add(&mut self, snapshot: &Arc<Snapshot>) -> bool {
        let hash = snapshot.hash;
        if self.by_hash.contains_key(&hash) {
            return false;
        }
        let (snapshot, added) = (Arc::clone(snapshot), self.added);
        self.added += 1;
        self.order.push_back((hash, added));
        self.bytes += weight(&snapshot);
        self.by_hash.insert(hash, Kept { snapshot, added, holders: 0, is_left: false });
        true
    }

    /// Notes that one file more holds the content.
    fn hold(&mut self, hash: &ContentHash) {
        if let Some(kept) = self.by_hash.get_mut(hash) {
            kept.holders += 1;
            self.set_left(hash, false);
        }
    }

    /// Notes that one file less holds the content.
    fn leave(&mut self, hash: &ContentHash) {
        let Some(kept) = self.by_hash.get_mut(hash) else { return };
        // One that went and came again is held by fewer than have held it.
        kept.holders = kept.holders.saturating_sub(1);
        if kept.holders == 0 {
            self.set_left(hash, true);
        }
    }

    fn set_left(&mut self, hash: &ContentHash, is_left: bool) {
        let Some(kept) = self.by_hash.get_mut(hash).filter(|kept| kept.is_left != is_left) else {
            return;
        };
        kept.is_left = is_left;
        let bytes = weight(&kept.snapshot);
        if is_left {
            self.left.push_back((*hash, kept.added));
            self.left_bytes += bytes;
        } else {
            self.left_bytes -= bytes;
        }
    }

    /// Lets go what is beyond the bounds; the latest content stays.
    fn shrink(&mut self, budget: usize) {
        while self.left_bytes > budget / LEFT_SHARE {
            let Some(oldest) = self.left.pop_front() else { break };
            if self.kept(&oldest).is_some_and(|kept| kept.is_left) {
                self.remove(&oldest.0);
            }
        }
        while self.bytes > budget && self.by_hash.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { break };
            if self.kept(&oldest).is_some() {
                self.remove(&oldest.0);
            }
        }
        for queue in [&mut self.order, &mut self.left] {
            if queue.len() > 2 * self.by_hash.len() + 64 {
                let is_here = |(hash, added): &Added| {
                    self.by_hash.get(hash).is_some_and(|kept| kept.added == *added)
                };
                let mut seen = HashSet::new();
                queue.retain(|added| is_here(added) && seen.insert(*added));
            }
        }
        // Stamps are small, but files are many.
        if self.current.len() > 2 * self.by_hash.len() + 1024 {
            let by_hash = &self.by_hash;
            self.current.retain(|_, current| by_hash.contains_key(&current.hash));
        }
    }

    /// Returns what was added then, if it is still here since.
    fn kept(&self, (hash, added): &Added) -> Option<&Kept> {
        self.by_hash.get(hash).filter(|kept| kept.added == *added)
    }

    fn remove(&mut self, hash: &ContentHash) {
        self.stored.remove(hash);
        let Some(gone) = self.by_hash.remove(hash) else { return };
        self.bytes -= weight(&gone.snapshot);
        if gone.is_left {
            self.left_bytes -= weight(&gone.snapshot);
        }
    }
}

/// Returns the bytes that a content takes in memory.
fn weight(snapshot: &Snapshot) -> usize {
    snapshot.bytes.len() + 4 * snapshot.line_count() + 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUDGET: usize = 4_000;

    fn stamp() -> Stamp {
        Stamp { file: (0, 0), size: 0, modified_ns: 0, changed_ns: 0 }
    }

    fn content(number: usize) -> Arc<Snapshot> {
        Arc::new(Snapshot::of(vec![b'A' + number as u8; 100 * (number % 13)]))
    }

    /// Does the steps, each a deed with a file and a content: a look, a use, a loss.
    fn check(steps: &[(u8, usize, usize)]) -> Result<(), TestCaseError> {
        let contents = Contents::new(BUDGET);
        for &(step, file, number) in steps {
            let path = RelPath::parse(&format!("f{file}")).unwrap();
            let snapshot = content(number);
            match step {
                0 => contents.note(&path, stamp(), &snapshot),
                1 => contents.keep(&snapshot),
                _ => contents.forget(&path),
            }
            if step == 0 {
                prop_assert!(contents.current(&path, &stamp(), true).is_some());
            }
            let inner = contents.lock();
            let taken = |left: bool| -> usize {
                let kept = inner.by_hash.values().filter(|kept| kept.is_left || !left);
                kept.map(|kept| weight(&kept.snapshot)).sum()
            };
            prop_assert_eq!((taken(false), taken(true)), (inner.bytes, inner.left_bytes));
            prop_assert!(inner.bytes <= BUDGET && inner.left_bytes <= BUDGET / LEFT_SHARE);
            let queued = inner.order.len().max(inner.left.len());
            prop_assert!(queued <= 2 * inner.by_hash.len() + 64);
        }
        Ok(())
    }

    #[test]
    fn a_content_that_went_and_came_again_is_as_young_as_any() {
        let steps = [(0, 1, 2), (0, 1, 6), (0, 2, 30), (0, 4, 12), (0, 1, 4), (0, 3, 2)];
        check(&steps).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn the_bounds_hold_and_the_latest_content_stays(
            steps in prop::collection::vec((0..3_u8, 0..6_usize, 0..40_usize), 1..200),
        ) {
            check(&steps)?;
        }
    }
}
