//! The workspace: the files of one root as the service sees them, and the
//! contents that were shown of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::anchor::Handle;
use engine::drift::{By, Link, Since};
use engine::edit::{Change, Edit};
use engine::error::{Code, Refusal};
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{Fs, FsError, OsFs, RelPath};

use super::buffers::{Buffers, Held};
use super::contents::Contents;
use super::health::Health;
use super::names::Names;
use super::policy::{Limits, check_path};
use crate::state::{NewHandle, State, StateError, unpack_edits};

/// How many bytes of contents stay in memory. One larger content is kept all
/// the same, so the whole process stays within three times the largest file.
const CONTENTS_BYTES: usize = 8 << 20;

/// How many names of one file are looked through for one that a session knows.
pub(super) const HANDLES_LOOKED_AT: usize = 100;

/// How many of our own edits are followed from a content seen to that of now.
const HISTORY_STEPS: usize = 1000;

/// The files of one root.
pub(super) struct Workspace {
    /// The root, absolute.
    pub(super) root: PathBuf,
    /// The only way to its files.
    pub(super) fs: OsFs,
    /// Everything that is kept about it.
    pub(super) state: State,
    /// The limits in force.
    pub(super) limits: Limits,
    /// Whether edits are taken.
    pub(super) health: Health,
    /// What is open in editors.
    pub(super) buffers: Buffers,
    contents: Contents,
    names: Names,
}

impl Workspace {
    /// Returns the workspace of `root`.
    pub(super) fn new(root: &Path, fs: OsFs, state: State, limits: Limits) -> Workspace {
        let contents = Contents::new(CONTENTS_BYTES);
        let (root, health, names) = (root.to_owned(), Health::default(), Names::default());
        let buffers = Buffers::default();
        Workspace { root, fs, state, limits, health, buffers, contents, names }
    }

    /// Returns the file that `text` names, its symlinks followed, and with it
    /// whether anything is there.
    ///
    /// # Errors
    /// `malformed` or `denied` where it names nothing that may be touched.
    pub(super) fn locate(&self, text: &str) -> Result<RelPath, Refusal> {
        let below = match text.starts_with('/') {
            false => text,
            true => self.below_root(text).ok_or_else(|| {
                Refusal::new(Code::Denied, "the path leads out of the root").at(text)
            })?,
        };
        let path = RelPath::parse(below)
            .map_err(|error| Refusal::new(Code::Malformed, error.to_string()).at(text))?;
        check_path(&path)?;
        let path = self.fs.resolve(&path).map_err(|error| error.refuse(&path))?;
        check_path(&path)?;
        Ok(path)
    }

    fn below_root<'a>(&self, text: &'a str) -> Option<&'a str> {
        Path::new(text).strip_prefix(&self.root).ok()?.to_str()
    }

    /// Returns the content of a file as it is now: what an editor holds of it
    /// where that is not saved, else what lies on the disk; `None` where there is
    /// neither. For `sure` see [`Workspace::on_disk`].
    pub(super) fn now(&self, path: &RelPath, sure: bool) -> Result<Option<Arc<Snapshot>>, Refusal> {
        match self.buffers.is_open(path) {
            false => self.on_disk(path, sure),
            true => self.held_or_on_disk(path, sure).map(|(_, now)| now),
        }
    }

    /// Returns what an editor holds of a file, if that is the truth of it.
    pub(super) fn held(&self, path: &RelPath) -> Result<Option<Held>, Refusal> {
        match self.buffers.is_open(path) {
            false => Ok(None),
            true => self.held_or_on_disk(path, true).map(|(held, _)| held),
        }
    }

    fn held_or_on_disk(
        &self,
        path: &RelPath,
        sure: bool,
    ) -> Result<(Option<Held>, Option<Arc<Snapshot>>), Refusal> {
        let disk = self.on_disk(path, sure)?;
        let held = self.buffers.held(path, disk.as_ref().map(|disk| &disk.hash));
        let now = held.as_ref().map(|held| Arc::clone(&held.content)).or(disk);
        Ok((held, now))
    }

    /// Returns what the file holds on the disk; `None` where there is none. With
    /// `sure`, a look at its stamp alone must rule out that it was written to;
    /// without, the bytes will be compared again before they are replaced.
    pub(super) fn on_disk(
        &self,
        path: &RelPath,
        sure: bool,
    ) -> Result<Option<Arc<Snapshot>>, Refusal> {
        let stamp = match self.fs.stamp(path) {
            Ok(stamp) => stamp,
            Err(FsError::Missing) => return Ok(None),
            Err(error) => return Err(error.refuse(path)),
        };
        if let Some(snapshot) = self.contents.current(path, &stamp, sure) {
            return Ok(Some(snapshot));
        }
        let (bytes, stamp) =
            self.fs.read(path, self.limits.file_bytes).map_err(|error| error.refuse(path))?;
        let hash = ContentHash::of(&bytes);
        let snapshot =
            self.contents.get(&hash).unwrap_or_else(|| Arc::new(Snapshot::of_hashed(bytes, hash)));
        self.contents.note(path, stamp, &snapshot);
        Ok(Some(snapshot))
    }

    /// Notes what we have just written to a file.
    pub(super) fn wrote(&self, path: &RelPath, snapshot: &Arc<Snapshot>) {
        match self.fs.stamp(path) {
            Ok(stamp) => self.contents.note(path, stamp, snapshot),
            Err(_) => self.contents.keep(snapshot),
        }
    }

    /// Notes what an editor now holds, and keeps it and what it held before: the
    /// disk has neither for sure.
    pub(super) fn held_in_editor(
        &self,
        before: &Snapshot,
        after: &Arc<Snapshot>,
    ) -> Result<(), StateError> {
        self.store(before)?;
        self.contents.keep(after);
        self.store(after)
    }

    /// Forgets what a file held, so that the next look reads it.
    pub(super) fn forget(&self, path: &RelPath) {
        self.contents.forget(path);
    }

    /// Returns the name of this content of this file, giving it one where it
    /// has none yet.
    pub(super) fn handle_of(
        &self,
        path: &RelPath,
        hash: &ContentHash,
    ) -> Result<Handle, StateError> {
        let (handle, new) = self.handle_for(path, hash)?;
        match new {
            // Two who see a content first at once are given one name.
            Some(new) if !self.state.put_handle(&new)? => return self.handle_of(path, hash),
            Some(_) => self.names.insert(handle, path, hash),
            None => {}
        }
        Ok(handle)
    }

    /// Returns the names that contents of this file were given: that of the
    /// content `now` first, then the others, newest first, the last hundred.
    pub(super) fn handles_of(
        &self,
        path: &RelPath,
        now: Option<ContentHash>,
    ) -> Result<Vec<(Handle, ContentHash)>, StateError> {
        let rows = self.state.handles_of(path.as_str(), HANDLES_LOOKED_AT)?;
        let named = rows.into_iter().filter_map(|(number, hash)| {
            Some((Handle::mint(&self.state.handle_key, number)?, ContentHash(hash)))
        });
        let mut named: Vec<_> = named.collect();
        // A file that holds again what it held long ago has an old name.
        if let Some(now) = now.filter(|now| named.iter().all(|(_, hash)| hash != now))
            && let Some(number) = self.state.handle_number(path.as_str(), &now.0)?
            && let Some(handle) = Handle::mint(&self.state.handle_key, number)
        {
            named.push((handle, now));
        }
        named.sort_by_key(|(_, hash)| Some(*hash) != now);
        Ok(named)
    }

    /// Returns the name of this content of this file, and what has to be
    /// written down if it is a new one.
    pub(super) fn handle_for(
        &self,
        path: &RelPath,
        hash: &ContentHash,
    ) -> Result<(Handle, Option<NewHandle>), StateError> {
        let mint = |number| {
            Handle::mint(&self.state.handle_key, number)
                .ok_or(StateError::Damaged("handles: all names are used up"))
        };
        if let Some(handle) = self.names.of(path, hash) {
            return Ok((handle, None));
        }
        if let Some(number) = self.state.handle_number(path.as_str(), &hash.0)? {
            let handle = mint(number)?;
            self.names.insert(handle, path, hash);
            return Ok((handle, None));
        }
        let number = self.state.next_handle();
        let new = NewHandle { number, path: path.as_str().to_owned(), hash: hash.0 };
        Ok((mint(number)?, Some(new)))
    }

    /// Notes that a new name has been written down.
    pub(super) fn named_anew(&self, handle: Handle, path: &RelPath, hash: &ContentHash) {
        self.names.insert(handle, path, hash);
    }

    /// Returns the content that `handle` names.
    ///
    /// # Errors
    /// `unknown_handle` where it was never given out for this path.
    pub(super) fn named(&self, path: &RelPath, handle: Handle) -> Result<ContentHash, Refusal> {
        if let Some(hash) = self.names.content(path, handle) {
            return Ok(hash);
        }
        let known = match handle.counter(&self.state.handle_key) {
            Some(number) => self.state.handle(number).map_err(|error| state_refusal(&error))?,
            None => None,
        };
        match known {
            Some((owner, hash)) if owner == path.as_str() => {
                let hash = ContentHash(hash);
                self.names.insert(handle, path, &hash);
                Ok(hash)
            }
            Some((owner, _)) => {
                let text = format!("handle {handle} belongs to {owner}");
                Err(Refusal::new(Code::UnknownHandle, text).at(path.as_str()))
            }
            None => {
                let text = format!("handle {handle} was never given out; read the file");
                Err(Refusal::new(Code::UnknownHandle, text).at(path.as_str()))
            }
        }
    }

    /// Returns a content that the file once held.
    ///
    /// # Errors
    /// `expired_handle` where its bytes are gone.
    pub(super) fn content(
        &self,
        path: &RelPath,
        hash: &ContentHash,
    ) -> Result<Arc<Snapshot>, Refusal> {
        if let Some(snapshot) = self.contents.get(hash) {
            return Ok(snapshot);
        }
        let kept = self.kept(path, hash).map_err(|error| state_refusal(&error))?;
        let Some(bytes) = kept else {
            let text = "the content behind the handle is gone; read the file again";
            return Err(Refusal::new(Code::ExpiredHandle, text).at(path.as_str()));
        };
        let snapshot = Arc::new(Snapshot::of_hashed(bytes, *hash));
        self.contents.keep(&snapshot);
        Ok(snapshot)
    }

    /// Keeps a content in the state, so that its handle resolves for ever.
    pub(super) fn store(&self, snapshot: &Snapshot) -> Result<(), StateError> {
        if !self.contents.is_stored(&snapshot.hash) {
            self.state.put_snapshot(&snapshot.hash.0, &snapshot.bytes)?;
            self.contents.note_stored(&snapshot.hash);
        }
        Ok(())
    }

    /// Returns whether a content is in memory, so that it was of use lately.
    pub(super) fn is_in_use(&self, hash: &ContentHash) -> bool {
        self.contents.get(hash).is_some()
    }

    /// Returns the content that a handle names, of whatever file.
    pub(super) fn content_of(&self, handle: Handle) -> Result<Option<ContentHash>, StateError> {
        let Some(number) = handle.counter(&self.state.handle_key) else { return Ok(None) };
        Ok(self.state.handle(number)?.map(|(_, hash)| ContentHash(hash)))
    }

    /// Returns the content of each file that a session was shown last.
    pub(super) fn seen_by(&self, session: &str) -> Result<Vec<(RelPath, ContentHash)>, StateError> {
        let names = self
            .state
            .viewed(session)?
            .into_iter()
            .filter_map(|name| Handle::from_number(name).counter(&self.state.handle_key));
        let mut names: Vec<u64> = names.collect();
        // Of several contents of a file, the one that was named last came last.
        names.sort_unstable();
        let mut seen = Vec::with_capacity(names.len());
        for number in names {
            let Some((path, hash)) = self.state.handle(number)? else { continue };
            seen.extend(RelPath::parse(&path).ok().map(|path| (path, ContentHash(hash))));
        }
        Ok(seen)
    }

    /// Keeps what we wrote last, so that its handles outlive this process
    /// whatever becomes of the files.
    pub(super) fn store_what_we_wrote(&self) -> Result<(), StateError> {
        self.contents.unstored().iter().try_for_each(|snapshot| self.store(snapshot))
    }

    /// Returns whether a content is known to be kept in the state.
    pub(super) fn is_stored(&self, snapshot: &Snapshot) -> bool {
        self.contents.is_stored(&snapshot.hash)
    }

    /// Returns the bytes with this digest from the database, or from the slot
    /// that displaced them. What a slot holds is believed only by its digest.
    fn kept(&self, path: &RelPath, hash: &ContentHash) -> Result<Option<Vec<u8>>, StateError> {
        if let Some(bytes) = self.state.snapshot(&hash.0)? {
            return Ok(Some(bytes));
        }
        let Some(row) = self.state.step_from(path.as_str(), &hash.0)? else { return Ok(None) };
        let bytes = self.fs.read_slot(&row.step.slot, self.limits.file_bytes).ok();
        Ok(bytes.filter(|bytes| ContentHash::of(bytes) == *hash))
    }

    /// Returns what happened to the file between two of its contents: our own
    /// edits as far as they lead from either end, and between them, if they do
    /// not meet, what others did.
    pub(super) fn since(
        &self,
        path: &RelPath,
        seen: &ContentHash,
        now: &ContentHash,
    ) -> Result<Since, StateError> {
        if seen == now {
            return Ok(Since::Same);
        }
        let last = self.own_before(path, now, Some(seen))?;
        if last.reached == *seen {
            return Ok(last.change.map_or(Since::Outside, Since::Own));
        }
        let first = self.own_after(path, seen, last.operation)?;
        let links = self.links(path, first, last, now);
        Ok(links.map_or(Since::Outside, Since::Chain))
    }

    /// Returns our own edits that led to a content, back to `until` if they go
    /// so far.
    fn own_before(
        &self,
        path: &RelPath,
        content: &ContentHash,
        until: Option<&ContentHash>,
    ) -> Result<OwnEdits, StateError> {
        let mut own = OwnEdits { change: None, reached: *content, operation: u64::MAX };
        for _ in 0..HISTORY_STEPS {
            let row = self.state.step_to(path.as_str(), &own.reached.0, own.operation)?;
            let Some(row) = row else { break };
            let (Some(edits), Some(from)) = (&row.edits, row.step.before) else { break };
            let change = change_from(edits)?;
            own.change = Some(match &own.change {
                None => change,
                Some(later) => change.compose(later),
            });
            (own.reached, own.operation) = (from, row.operation);
            if until == Some(&own.reached) {
                break;
            }
        }
        Ok(own)
    }

    /// Returns our own edits that led away from a content, those before
    /// operation `end`.
    fn own_after(
        &self,
        path: &RelPath,
        content: &ContentHash,
        end: u64,
    ) -> Result<OwnEdits, StateError> {
        let mut own = OwnEdits { change: None, reached: *content, operation: 0 };
        for _ in 0..HISTORY_STEPS {
            let row = self.state.step_after(path.as_str(), &own.reached.0, own.operation, end)?;
            let Some(row) = row else { break };
            let (Some(edits), Some(to)) = (&row.edits, row.step.after) else { break };
            let change = change_from(edits)?;
            own.change = Some(match &own.change {
                None => change,
                Some(earlier) => earlier.compose(&change),
            });
            (own.reached, own.operation) = (to, row.operation);
        }
        Ok(own)
    }

    /// Returns the way over our own edits, others' writes, and our own edits
    /// again; `None` where only others' writes are known, or the contents
    /// between are gone.
    fn links(
        &self,
        path: &RelPath,
        first: OwnEdits,
        last: OwnEdits,
        now: &ContentHash,
    ) -> Option<Vec<Link>> {
        let mut links = Vec::new();
        if let Some(change) = first.change {
            let to = self.content(path, &first.reached).ok()?;
            links.push(Link { by: By::Own(change), to });
        }
        links.push(Link { by: By::Outside, to: self.content(path, &last.reached).ok()? });
        if let Some(change) = last.change {
            links.push(Link { by: By::Own(change), to: self.content(path, now).ok()? });
        }
        (links.len() > 1).then_some(links)
    }
}

/// Edits of ours one after the other, as far as they lead.
struct OwnEdits {
    /// All of them together.
    change: Option<Change>,
    /// The content at their far end.
    reached: ContentHash,
    /// The operation at their far end.
    operation: u64,
}

/// Returns the change that was stored as `packed`.
pub(super) fn change_from(packed: &[u8]) -> Result<Change, StateError> {
    let (before_len, edits) = unpack_edits(packed)?;
    let edits = edits.into_iter().map(|edit| Edit {
        range: edit.start..edit.start + edit.removed.len(),
        text: edit.inserted,
    });
    Change::new(edits.collect(), before_len).map_err(|_| StateError::Damaged("a change"))
}

/// Returns a failure of the state as a refusal.
pub(super) fn state_refusal(error: &StateError) -> Refusal {
    Refusal::new(Code::Denied, error.to_string())
}
