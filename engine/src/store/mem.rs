//! A file system in memory, for tests that need no disk.
//!
//! It does not imitate symlinks, permissions, attributes, leases, other file
//! systems, power loss, or the moments between two system calls: whatever
//! depends on those is tested on the disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Cas, Expected, Fs, FsError, Like, RelPath, Slot, Stamp};
use crate::hash::ContentHash;

/// Files and slots in two maps.
#[derive(Debug, Default)]
pub struct MemFs {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<RelPath, File>,
    slots: BTreeMap<Slot, File>,
    writes: u64,
}

#[derive(Debug, Clone)]
struct File {
    bytes: Vec<u8>,
    /// The number of the write that made it, which stands for inode and time.
    write: u64,
}

impl MemFs {
    /// Returns a file system that holds these files.
    pub fn with(files: impl IntoIterator<Item = (RelPath, Vec<u8>)>) -> MemFs {
        let fs = MemFs::default();
        for (path, bytes) in files {
            fs.put(&path, bytes);
        }
        fs
    }

    /// Writes a file as another program would.
    pub fn put(&self, path: &RelPath, bytes: Vec<u8>) {
        let mut inner = self.lock();
        let file = inner.new_file(bytes);
        inner.files.insert(path.clone(), file);
    }

    /// Removes a file as another program would.
    pub fn delete(&self, path: &RelPath) {
        self.lock().files.remove(path);
    }

    /// Returns all files.
    pub fn files(&self) -> BTreeMap<RelPath, Vec<u8>> {
        self.lock().files.iter().map(|(path, file)| (path.clone(), file.bytes.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn new_file(&mut self, bytes: Vec<u8>) -> File {
        self.writes += 1;
        File { bytes, write: self.writes }
    }

    fn expect(&self, path: &RelPath, expected: Expected<'_>) -> Result<File, FsError> {
        let file = self.files.get(path).ok_or(FsError::Missing)?;
        let same = match expected {
            Expected::Bytes(bytes) => file.bytes == bytes,
            Expected::Hash(hash) => ContentHash::of(&file.bytes) == hash,
        };
        if same { Ok(file.clone()) } else { Err(FsError::Changed) }
    }
}

impl Fs for MemFs {
    fn resolve(&self, path: &RelPath) -> Result<RelPath, FsError> {
        Ok(path.clone())
    }

    fn stamp(&self, path: &RelPath) -> Result<Stamp, FsError> {
        let inner = self.lock();
        let file = inner.files.get(path).ok_or(FsError::Missing)?;
        let time = i128::from(file.write);
        let size = file.bytes.len() as u64;
        Ok(Stamp { file: (0, file.write), size, modified_ns: time, changed_ns: time })
    }

    fn read(&self, path: &RelPath, limit: u64) -> Result<(Vec<u8>, Stamp), FsError> {
        let stamp = self.stamp(path)?;
        if stamp.size > limit {
            return Err(FsError::TooLarge { size: stamp.size, limit });
        }
        let inner = self.lock();
        let file = inner.files.get(path).ok_or(FsError::Missing)?;
        Ok((file.bytes.clone(), stamp))
    }

    fn check_writable(&self, path: &RelPath) -> Result<(), FsError> {
        self.stamp(path).map(|_| ())
    }

    fn slot_for(&self, tx: u64, index: usize, _: &RelPath) -> Result<Slot, FsError> {
        Ok(Slot { beside: None, name: format!("{tx}-{index}") })
    }

    fn stage(&self, slot: &Slot, _: Option<Like<'_>>, bytes: &[u8]) -> Result<(), FsError> {
        let mut inner = self.lock();
        if inner.slots.contains_key(slot) {
            return Err(FsError::Exists);
        }
        let file = inner.new_file(bytes.to_vec());
        inner.slots.insert(slot.clone(), file);
        Ok(())
    }

    fn read_slot(&self, slot: &Slot, limit: u64) -> Result<Vec<u8>, FsError> {
        let inner = self.lock();
        let file = inner.slots.get(slot).ok_or(FsError::Missing)?;
        match file.bytes.len() as u64 {
            size if size > limit => Err(FsError::TooLarge { size, limit }),
            _ => Ok(file.bytes.clone()),
        }
    }

    fn slots(&self, _: &[RelPath]) -> Result<Vec<(Slot, u64)>, FsError> {
        let inner = self.lock();
        let sizes = inner.slots.iter().map(|(slot, file)| (slot.clone(), file.bytes.len() as u64));
        Ok(sizes.collect())
    }

    fn retire(&self, slot: &Slot, held: ContentHash) -> Result<(), FsError> {
        let mut inner = self.lock();
        let file = inner.slots.get(slot).ok_or(FsError::Missing)?;
        if ContentHash::of(&file.bytes) != held {
            return Err(FsError::Changed);
        }
        inner.slots.remove(slot);
        Ok(())
    }

    fn discard(&self, slot: &Slot) -> Result<(), FsError> {
        self.lock().slots.remove(slot);
        Ok(())
    }

    fn exchange(
        &self,
        slot: &Slot,
        path: &RelPath,
        expected: Expected<'_>,
    ) -> Result<Cas, FsError> {
        let mut inner = self.lock();
        let old = inner.expect(path, expected)?;
        let new = inner.slots.insert(slot.clone(), old).ok_or(FsError::Missing)?;
        inner.files.insert(path.clone(), new);
        Ok(Cas::Strict)
    }

    fn place(&self, slot: &Slot, path: &RelPath) -> Result<usize, FsError> {
        let mut inner = self.lock();
        if inner.files.contains_key(path) {
            return Err(FsError::Exists);
        }
        let file = inner.slots.remove(slot).ok_or(FsError::Missing)?;
        inner.files.insert(path.clone(), file);
        Ok(0)
    }

    fn take(&self, path: &RelPath, slot: &Slot, expected: Expected<'_>) -> Result<Cas, FsError> {
        let mut inner = self.lock();
        let old = inner.expect(path, expected)?;
        inner.files.remove(path);
        inner.slots.insert(slot.clone(), old);
        Ok(Cas::Strict)
    }

    fn rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        expected: Expected<'_>,
    ) -> Result<(Cas, usize), FsError> {
        let mut inner = self.lock();
        let file = inner.expect(from, expected)?;
        if inner.files.contains_key(to) {
            return Err(FsError::Exists);
        }
        inner.files.remove(from);
        inner.files.insert(to.clone(), file);
        Ok((Cas::Strict, 0))
    }

    fn prune(&self, _: &RelPath, _: usize) {}

    fn sync_slots(&self, _: &[&Slot]) -> Result<(), FsError> {
        Ok(())
    }

    fn sync_names(&self, _: &[&RelPath], _: &[&Slot]) -> Result<(), FsError> {
        Ok(())
    }
}
