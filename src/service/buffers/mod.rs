//! Documents that are open in editors. While somebody has unsaved text in one,
//! that text is the truth of the file: reads show it, edits are made of it and
//! carried out by the editor.
//!
//! An editor is a session that opened documents. What it tells of them comes in
//! order; between two of its words nothing is known of what a person types, so
//! an edit is asked for of one version of a document, and only what the document
//! holds afterwards tells whether it was made.

mod document;
mod request;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use engine::error::{Code, Refusal};
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::RelPath;

use super::api::{BufferEvent, ByteEdit};
use document::Document;
pub(super) use request::{Landed, Wanted};

/// Documents that may be open at once, over all editors.
const MOST_DOCUMENTS: usize = 2000;

/// All open documents.
#[derive(Default)]
pub(super) struct Buffers {
    inner: Mutex<Inner>,
    /// Raised whenever a document changes or an editor answers.
    moved: Condvar,
    /// How many are open, so that nobody pays for editors that are not there.
    count: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    open: HashMap<RelPath, Vec<Document>>,
    /// The edits that were asked for and are not decided yet.
    requests: HashMap<u64, Pending>,
    next_request: u64,
    /// Grows with every change, to tell which document was changed last.
    clock: u64,
}

/// An edit that was asked for.
struct Pending {
    editor: String,
    path: RelPath,
    /// What the document holds once it is made.
    after: ContentHash,
    /// Whether the document held it at any time since.
    was_there: bool,
    /// What the editor said of it.
    answer: Option<Answer>,
}

/// What an editor said of an edit.
#[derive(Debug, Clone)]
struct Answer {
    applied: bool,
    reason: Option<String>,
    at: std::time::Instant,
}

/// What an editor holds of a file, where that is the truth of it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The session of the editor.
    pub(super) editor: String,
    /// The version of the document.
    pub(super) version: i64,
    /// Its text, as the bytes it would be saved as.
    pub(super) content: Arc<Snapshot>,
    /// Whether the person has not changed it since it was saved or opened.
    pub(super) is_saved: bool,
    /// Whether another editor holds other unsaved text of the same file.
    pub(super) is_split: bool,
}

impl Buffers {
    /// Takes in what an editor tells of a document; `disk` is what the file holds.
    ///
    /// # Errors
    /// `not_found` where the document is not open there, or is not what the
    /// editor thinks: it has to open it again. `too_large` where too many are.
    pub(super) fn heed(
        &self,
        editor: &str,
        path: &RelPath,
        event: BufferEvent,
        disk: Option<&Arc<Snapshot>>,
    ) -> Result<(), Refusal> {
        let mut inner = self.lock();
        inner.clock += 1;
        let clock = inner.clock;
        match event {
            BufferEvent::Opened { version, text } => {
                inner.close(editor, path);
                if inner.open.values().map(Vec::len).sum::<usize>() >= MOST_DOCUMENTS {
                    let text = format!("{MOST_DOCUMENTS} documents are open already");
                    return Err(Refusal::new(Code::TooLarge, text).at(path.as_str()));
                }
                let document = Document::open(editor, version, text, disk, clock);
                inner.open.entry(path.clone()).or_default().push(document);
            }
            BufferEvent::Changed { version, edits, bytes } => {
                let document = inner.document(editor, path)?;
                document.change(version, &edits, bytes, clock).map_err(|r| r.at(path.as_str()))?;
                inner.notice(editor, path);
            }
            BufferEvent::Saved => inner.document(editor, path)?.saved(disk),
            BufferEvent::Closed => inner.close(editor, path),
        }
        self.note_count(&inner);
        drop(inner);
        self.moved.notify_all();
        Ok(())
    }

    /// Forgets all documents of an editor; returns their files.
    pub(super) fn drop_editor(&self, editor: &str) -> Vec<RelPath> {
        let mut inner = self.lock();
        let mut files = Vec::new();
        for (path, documents) in &mut inner.open {
            let before = documents.len();
            documents.retain(|document| document.editor != editor);
            if documents.len() < before {
                files.push(path.clone());
            }
        }
        inner.open.retain(|_, documents| !documents.is_empty());
        self.note_count(&inner);
        drop(inner);
        self.moved.notify_all();
        files
    }

    /// Returns whether any editor has the file open. Costs nothing where no
    /// document is open at all.
    pub(super) fn is_open(&self, path: &RelPath) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.lock().open.contains_key(path)
    }

    /// Returns the editors that have the file open.
    pub(super) fn editors_of(&self, path: &RelPath) -> Vec<String> {
        let inner = self.lock();
        let documents = inner.open.get(path).into_iter().flatten();
        documents.map(|document| document.editor.clone()).collect()
    }

    /// Returns what an editor holds of the file, where that is the truth: text
    /// that is not saved, else what the file holds as well. `disk` is the digest
    /// of what the file holds.
    pub(super) fn held(&self, path: &RelPath, disk: Option<&ContentHash>) -> Option<Held> {
        let mut inner = self.lock();
        let documents = inner.open.get_mut(path)?;
        let mut best: Option<(bool, u64, Held)> = None;
        let mut unsaved: Vec<ContentHash> = Vec::new();
        for document in documents {
            let used = document.used;
            let Some(held) = document.held() else { continue };
            let is_dirty = !held.is_saved;
            if is_dirty {
                unsaved.push(held.content.hash);
            } else if disk != Some(&held.content.hash) {
                // Another program wrote the file, and the editor has not read it
                // again: there is nothing in it that could get lost.
                continue;
            }
            if best.as_ref().is_none_or(|(dirty, at, _)| (is_dirty, used) > (*dirty, *at)) {
                best = Some((is_dirty, used, held));
            }
        }
        unsaved.dedup();
        best.map(|(_, _, held)| Held { is_split: unsaved.len() > 1, ..held })
    }

    /// Returns why the file cannot be edited although it is open: an editor has
    /// text in it that cannot be carried over.
    pub(super) fn obstacle(&self, path: &RelPath) -> Option<Refusal> {
        let inner = self.lock();
        let documents = inner.open.get(path).into_iter().flatten();
        let reason = documents.filter_map(|document| document.opaque.as_deref()).next()?;
        let text = format!("the file is open in an editor, and {reason}; close it there first");
        Some(Refusal::new(Code::Encoding, text).at(path.as_str()))
    }

    fn note_count(&self, inner: &Inner) {
        self.count.store(inner.open.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn document(&mut self, editor: &str, path: &RelPath) -> Result<&mut Document, Refusal> {
        let documents = self.open.get_mut(path).into_iter().flatten();
        let found = documents.into_iter().find(|document| document.editor == editor);
        found.ok_or_else(|| {
            Refusal::new(Code::NotFound, "the document is not open here").at(path.as_str())
        })
    }

    /// Notices which edits a document holds right after a change: the next key may
    /// come before anybody else looks.
    fn notice(&mut self, editor: &str, path: &RelPath) {
        let is_theirs = |one: &Pending| one.editor == editor && one.path == *path;
        if !self.requests.values().any(is_theirs) {
            return;
        }
        let held = self.document(editor, path).ok().and_then(Document::held);
        let Some(held) = held else { return };
        for request in self.requests.values_mut().filter(|one| is_theirs(one)) {
            request.was_there |= request.after == held.content.hash;
        }
    }

    fn close(&mut self, editor: &str, path: &RelPath) {
        let Some(documents) = self.open.get_mut(path) else { return };
        documents.retain(|document| document.editor != editor);
        if documents.is_empty() {
            self.open.remove(path);
        }
    }
}

/// Returns the edits of a change of `before` as the editor has to make them.
pub(super) fn edits_for(
    held: &Held,
    change: &engine::edit::Change,
    buffers: &Buffers,
    path: &RelPath,
) -> Option<Vec<ByteEdit>> {
    let mut inner = buffers.lock();
    let document = inner.document(&held.editor, path).ok()?;
    document.edits_for(&held.content, change)
}
