//! A disk that keeps a record: a file system and a journal in memory that write
//! down every change and every flush, in order, so that a loss of power can be
//! played at any moment of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::hash::ContentHash;
use engine::store::{
    Cas, Expected, Fs, FsError, Intent, Journal, JournalError, RelPath, Slot, Stamp, Unfinished,
};

use super::Omit;

/// The bytes of a file.
pub(super) type Bytes = Arc<[u8]>;

/// A name on the disk: of a file or a directory of the tree, or of a slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Name {
    Tree(String),
    Slot(String),
}

/// A directory, whose flush makes the names in it last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Directory {
    Tree(String),
    Slots,
}

impl Name {
    pub(super) fn directory(&self) -> Directory {
        match self {
            Name::Slot(_) => Directory::Slots,
            Name::Tree(path) => Directory::Tree(parent_of(path).to_owned()),
        }
    }
}

pub(super) fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Directory,
    /// The file with this number.
    File(usize),
}

/// Names that change together, and what each leads to afterwards.
pub(super) type Naming = Vec<(Name, Option<Node>)>;

/// A row of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// An intent, and what was settled by then.
    Begin(Intent, Vec<u64>),
    Commit(u64),
    Abort(u64),
    /// Settled, by a note of its own.
    Settled(u64),
}

impl Record {
    /// Returns whether it notes that transaction `tx` is settled.
    pub(super) fn settles(&self, tx: u64) -> bool {
        match self {
            Record::Begin(_, settled) => settled.contains(&tx),
            Record::Settled(other) => *other == tx,
            Record::Commit(_) | Record::Abort(_) => false,
        }
    }
}

/// A flush, in an order that does not depend on which thread came first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flush {
    File(usize),
    Directory(Directory),
    Journal,
}

/// What happened, one thing after the other.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// The file with this number holds these bytes now.
    Write(usize, Bytes),
    Names(Naming),
    Flush(Flush),
    Record(Record),
    /// Transaction `.0` is about to begin.
    Started(usize),
    /// The caller was told that transaction `.0` took effect, or that it did not.
    Answered(usize, bool),
    /// Another program begins to save a file.
    Saving(String),
    /// It saved the file, or removed it, and flushed that if `.2`.
    Saved(String, Option<Bytes>, bool),
}

/// What is on a disk, and in the journal.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    pub(super) names: BTreeMap<Name, Node>,
    pub(super) files: Vec<Bytes>,
    pub(super) records: Vec<Record>,
}

impl Image {
    /// Returns the bytes of the file at `name`.
    pub(super) fn bytes(&self, name: &Name) -> Option<&Bytes> {
        match self.names.get(name)? {
            Node::File(number) => Some(&self.files[*number]),
            Node::Directory => None,
        }
    }

    /// Returns the bytes of a file of the tree.
    pub(super) fn at(&self, path: &str) -> Option<&Bytes> {
        self.bytes(&Name::Tree(path.to_owned()))
    }

    /// Returns whether `name` is that of a directory with something in it.
    pub(super) fn is_occupied(&self, name: &Name) -> bool {
        let Name::Tree(path) = name else { return false };
        self.names.get(name) == Some(&Node::Directory)
            && self.names.keys().any(|n| n.directory() == Directory::Tree(path.clone()))
    }
}

/// The number with which the hook is called where an answer is given too early.
pub(super) const ANSWER: u64 = 0;

/// What is done from outside in the midst of a transaction.
pub(super) type Hook = Box<dyn FnMut(&Sim, u64) + Send>;

/// The disk, with everything that ever happened to it.
pub(super) struct Sim {
    inner: Mutex<Inner>,
    hook: Mutex<Option<Hook>>,
    pub(super) omit: Omit,
}

#[derive(Default)]
struct Inner {
    image: Image,
    events: Vec<Event>,
    /// Calls that change something, so far.
    calls: u64,
    /// Transactions that are settled, but not written down as such.
    settled: BTreeSet<u64>,
}

impl Sim {
    /// Returns a disk that holds `image` for certain.
    pub(super) fn over(image: Image, omit: Omit) -> Sim {
        let inner = Inner { image, ..Inner::default() };
        Sim { inner: Mutex::new(inner), hook: Mutex::default(), omit }
    }

    /// Calls `hook` before every call that changes something, with its number.
    pub(super) fn hook(&self, hook: Hook) {
        *self.hook.lock().unwrap() = Some(hook);
    }

    /// Returns what is on the disk now, as programs see it.
    pub(super) fn image(&self) -> Image {
        self.lock().image.clone()
    }

    /// Returns everything that happened.
    pub(super) fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// Notes something that is no change.
    pub(super) fn note(&self, event: Event) {
        self.lock().events.push(event);
    }

    /// Saves a file as another program would: in place, or by a rename.
    pub(super) fn save(&self, path: &str, bytes: Option<Bytes>, in_place: bool, flushed: bool) {
        let mut inner = self.lock();
        let name = Name::Tree(path.to_owned());
        let there = inner.image.names.get(&name).copied();
        inner.events.push(Event::Saving(path.to_owned()));
        let flush = match (&bytes, there) {
            (Some(bytes), Some(Node::File(number))) if in_place => {
                inner.write(number, Arc::clone(bytes));
                vec![Flush::File(number)]
            }
            (Some(bytes), _) => {
                let number = inner.make(Arc::clone(bytes));
                // Nobody renames a file that was not flushed and calls it saved.
                inner.events.push(Event::Flush(Flush::File(number)));
                inner.name(vec![(name.clone(), Some(Node::File(number)))]);
                vec![Flush::Directory(name.directory())]
            }
            (None, Some(_)) => {
                inner.name(vec![(name.clone(), None)]);
                vec![Flush::Directory(name.directory())]
            }
            (None, None) => Vec::new(),
        };
        if flushed {
            inner.events.extend(flush.into_iter().map(Event::Flush));
        }
        inner.events.push(Event::Saved(path.to_owned(), bytes, flushed));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call that changes something, and lets others at the disk first.
    fn call(&self) -> MutexGuard<'_, Inner> {
        let number = {
            let mut inner = self.lock();
            inner.calls += 1;
            inner.calls
        };
        self.run_hook(number);
        self.lock()
    }

    fn run_hook(&self, number: u64) {
        // Taken out meanwhile, since what it does calls here as well.
        let hook = self.hook.lock().unwrap().take();
        if let Some(mut hook) = hook {
            hook(self, number);
            self.hook(hook);
        }
    }
}

impl Inner {
    fn make(&mut self, bytes: Bytes) -> usize {
        self.image.files.push(Arc::from([]));
        let number = self.image.files.len() - 1;
        self.write(number, bytes);
        number
    }

    fn write(&mut self, number: usize, bytes: Bytes) {
        self.image.files[number] = Arc::clone(&bytes);
        self.events.push(Event::Write(number, bytes));
    }

    fn name(&mut self, naming: Naming) {
        for (name, node) in &naming {
            match node {
                Some(node) => self.image.names.insert(name.clone(), *node),
                None => self.image.names.remove(name),
            };
        }
        self.events.push(Event::Names(naming));
    }

    fn expect(&self, path: &RelPath, expected: Expected<'_>) -> Result<Node, FsError> {
        let name = tree(path);
        let bytes = self.image.bytes(&name).ok_or(FsError::Missing)?;
        let same = match expected {
            Expected::Bytes(expected) => bytes[..] == *expected,
            Expected::Hash(hash) => ContentHash::of(bytes) == hash,
        };
        if same { Ok(self.image.names[&name]) } else { Err(FsError::Changed) }
    }

    fn make_parents(&mut self, path: &RelPath) -> usize {
        let mut missing = Vec::new();
        let mut at = path.parent();
        while let Some(parent) = at {
            if self.image.names.contains_key(&tree(&parent)) {
                break;
            }
            at = parent.parent();
            missing.push(parent);
        }
        for parent in missing.iter().rev() {
            self.name(vec![(tree(parent), Some(Node::Directory))]);
        }
        missing.len()
    }

    /// Gives what stands at `from` another name, which must be free.
    fn rename(&mut self, from: Name, to: Name) -> Result<(), FsError> {
        if self.image.names.contains_key(&to) {
            return Err(FsError::Exists);
        }
        let node = *self.image.names.get(&from).ok_or(FsError::Missing)?;
        self.name(vec![(from, None), (to, Some(node))]);
        Ok(())
    }
}

fn tree(path: &RelPath) -> Name {
    Name::Tree(path.as_str().to_owned())
}

fn slot_name(slot: &Slot) -> Name {
    Name::Slot(slot.name.clone())
}

impl Fs for Sim {
    fn resolve(&self, path: &RelPath) -> Result<RelPath, FsError> {
        Ok(path.clone())
    }

    fn stamp(&self, path: &RelPath) -> Result<Stamp, FsError> {
        let inner = self.lock();
        let bytes = inner.image.at(path.as_str()).ok_or(FsError::Missing)?;
        let size = bytes.len() as u64;
        Ok(Stamp { file: (0, 0), size, modified_ns: 0, changed_ns: 0 })
    }

    fn read(&self, path: &RelPath, _: u64) -> Result<(Vec<u8>, Stamp), FsError> {
        let stamp = self.stamp(path)?;
        let inner = self.lock();
        Ok((inner.image.at(path.as_str()).ok_or(FsError::Missing)?.to_vec(), stamp))
    }

    fn check_writable(&self, path: &RelPath) -> Result<(), FsError> {
        self.stamp(path).map(|_| ())
    }

    fn slot_for(&self, tx: u64, index: usize, _: &RelPath) -> Result<Slot, FsError> {
        Ok(Slot { beside: None, name: format!("{tx}-{index}") })
    }

    fn stage(
        &self,
        slot: &Slot,
        _: Option<engine::store::Like<'_>>,
        bytes: &[u8],
    ) -> Result<(), FsError> {
        let mut inner = self.call();
        let name = slot_name(slot);
        if inner.image.names.contains_key(&name) {
            inner.name(vec![(name.clone(), None)]);
        }
        let number = inner.make(Arc::from(bytes));
        inner.name(vec![(name, Some(Node::File(number)))]);
        Ok(())
    }

    fn read_slot(&self, slot: &Slot, _: u64) -> Result<Vec<u8>, FsError> {
        let inner = self.lock();
        Ok(inner.image.bytes(&slot_name(slot)).ok_or(FsError::Missing)?.to_vec())
    }

    fn slots(&self, _: &[RelPath]) -> Result<Vec<(Slot, u64)>, FsError> {
        Ok(Vec::new())
    }

    fn retire(&self, slot: &Slot, _: ContentHash) -> Result<(), FsError> {
        self.discard(slot)
    }

    fn discard(&self, slot: &Slot) -> Result<(), FsError> {
        let mut inner = self.call();
        let name = slot_name(slot);
        if inner.image.names.contains_key(&name) {
            inner.name(vec![(name, None)]);
        }
        Ok(())
    }

    fn exchange(
        &self,
        slot: &Slot,
        path: &RelPath,
        expected: Expected<'_>,
    ) -> Result<Cas, FsError> {
        let mut inner = self.call();
        let old = inner.expect(path, expected)?;
        let slot = slot_name(slot);
        let new = *inner.image.names.get(&slot).ok_or(FsError::Missing)?;
        inner.name(vec![(tree(path), Some(new)), (slot, Some(old))]);
        Ok(Cas::Strict)
    }

    fn place(&self, slot: &Slot, path: &RelPath) -> Result<usize, FsError> {
        let mut inner = self.call();
        let made = inner.make_parents(path);
        let placed = inner.rename(slot_name(slot), tree(path));
        drop(inner);
        placed.map(|()| made).inspect_err(|_| self.prune(path, made))
    }

    fn take(&self, path: &RelPath, slot: &Slot, expected: Expected<'_>) -> Result<Cas, FsError> {
        let mut inner = self.call();
        inner.expect(path, expected)?;
        let slot = slot_name(slot);
        if inner.image.names.contains_key(&slot) {
            inner.name(vec![(slot.clone(), None)]);
        }
        inner.rename(tree(path), slot).map(|()| Cas::Strict)
    }

    fn rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        expected: Expected<'_>,
    ) -> Result<(Cas, usize), FsError> {
        let mut inner = self.call();
        inner.expect(from, expected)?;
        let made = inner.make_parents(to);
        let renamed = inner.rename(tree(from), tree(to));
        drop(inner);
        renamed.map(|()| (Cas::Strict, made)).inspect_err(|_| self.prune(to, made))
    }

    fn prune(&self, path: &RelPath, count: usize) {
        let mut inner = self.lock();
        let mut at = path.parent();
        for _ in 0..count {
            let Some(directory) = at else { return };
            if inner.image.is_occupied(&tree(&directory)) {
                return;
            }
            inner.name(vec![(tree(&directory), None)]);
            at = directory.parent();
        }
    }

    fn sync_slots(&self, slots: &[&Slot]) -> Result<(), FsError> {
        let mut inner = self.lock();
        for slot in slots {
            let node = inner.image.names.get(&slot_name(slot)).copied();
            let Some(Node::File(number)) = node else { return Err(FsError::Missing) };
            if self.omit != Omit::SlotFlush {
                inner.events.push(Event::Flush(Flush::File(number)));
            }
        }
        if self.omit != Omit::SlotNameFlush {
            inner.events.push(Event::Flush(Flush::Directory(Directory::Slots)));
        }
        Ok(())
    }

    fn sync_names(&self, paths: &[&RelPath], _: &[&Slot]) -> Result<(), FsError> {
        let mut inner = self.lock();
        let names: BTreeSet<&str> = paths.iter().map(|path| parent_of(path.as_str())).collect();
        for name in names {
            let there = name.is_empty() || inner.image.names.contains_key(&Name::Tree(name.into()));
            let flushed = !matches!(self.omit, Omit::NameFlushes | Omit::TreeNameFlush);
            if there && flushed {
                let directory = Directory::Tree(name.to_owned());
                inner.events.push(Event::Flush(Flush::Directory(directory)));
            }
        }
        if !matches!(self.omit, Omit::NameFlushes | Omit::DisplacedNameFlush) {
            inner.events.push(Event::Flush(Flush::Directory(Directory::Slots)));
        }
        Ok(())
    }
}

impl Journal for Sim {
    fn begin(&self, intent: &Intent) -> Result<(), JournalError> {
        let mut inner = self.call();
        let settled = std::mem::take(&mut inner.settled).into_iter().collect();
        match self.omit {
            Omit::Intent => inner.record(None),
            Omit::CommitAfterSteps => {
                inner.record(Some(Record::Begin(intent.clone(), settled)));
                inner.record(Some(Record::Commit(intent.tx)));
            }
            _ => inner.record(Some(Record::Begin(intent.clone(), settled))),
        }
        Ok(())
    }

    fn commit(&self, tx: u64) -> Result<(), JournalError> {
        let mut inner = self.call();
        match self.omit {
            Omit::Commit | Omit::CommitAfterSteps => inner.record(None),
            _ => inner.record(Some(Record::Commit(tx))),
        }
        drop(inner);
        match self.omit {
            Omit::AnswerAfterFlush => self.run_hook(ANSWER),
            Omit::SettleAfterFlush => self.lock().record(Some(Record::Settled(tx))),
            _ => {}
        }
        Ok(())
    }

    fn abort(&self, tx: u64) -> Result<(), JournalError> {
        let mut inner = self.call();
        let record = (self.omit != Omit::Abort).then_some(Record::Abort(tx));
        inner.record(record);
        Ok(())
    }

    fn barrier(&self) -> Result<(), JournalError> {
        let mut inner = self.lock();
        let last = inner.image.records.last();
        let omitted = match last {
            Some(Record::Begin(..)) => self.omit == Omit::IntentBarrier,
            Some(Record::Commit(_)) => self.omit == Omit::CommitBarrier,
            Some(Record::Abort(_)) => self.omit == Omit::AbortBarrier,
            Some(Record::Settled(_)) => false,
            None => true,
        };
        if !omitted && self.omit != Omit::Barriers {
            inner.events.push(Event::Flush(Flush::Journal));
        }
        Ok(())
    }

    fn settle(&self, tx: u64) {
        self.lock().settled.insert(tx);
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>, JournalError> {
        let inner = self.lock();
        let settled = |tx: u64| inner.settled.contains(&tx);
        let open = unfinished_of(&inner.image.records).into_iter();
        Ok(open.filter(|one| !settled(one.intent.tx)).collect())
    }
}

impl Inner {
    fn record(&mut self, record: Option<Record>) {
        if let Some(record) = record {
            self.image.records.push(record.clone());
            self.events.push(Event::Record(record));
        }
    }
}

/// Returns how transaction `tx` ended, by these records.
pub(super) fn outcome_of(records: &[Record], tx: u64) -> Option<bool> {
    records.iter().rev().find_map(|record| match record {
        Record::Commit(other) if *other == tx => Some(true),
        Record::Abort(other) if *other == tx => Some(false),
        _ => None,
    })
}

fn unfinished_of(records: &[Record]) -> Vec<Unfinished> {
    let settled: BTreeSet<u64> = records
        .iter()
        .flat_map(|record| match record {
            Record::Begin(_, settled) => settled.clone(),
            Record::Abort(tx) | Record::Settled(tx) => vec![*tx],
            Record::Commit(_) => Vec::new(),
        })
        .collect();
    let intents = records.iter().filter_map(|record| match record {
        Record::Begin(intent, _) if !settled.contains(&intent.tx) => Some(intent.clone()),
        _ => None,
    });
    let unfinished = |intent: Intent| {
        let committed = outcome_of(records, intent.tx) == Some(true);
        Unfinished { intent, committed }
    };
    intents.map(unfinished).collect()
}
