//! Mail: what sessions are told without asking. Notes wait here, coalesced and
//! bounded, until the connection of their listener takes them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::hash::ContentHash;
use engine::store::RelPath;

use super::api::{EditorEdit, Interest, Late, Note, Wake};

/// How long a file must have been left alone before a session is told.
const QUIET: Duration = Duration::from_millis(100);

/// How long a session may wait for the news of a file that is written to again
/// and again.
const LATEST: Duration = Duration::from_secs(1);

/// How many files a listener is told of; of those it saw before them it is not.
const MOST_SEEN: usize = 10_000;

/// How many edits may wait for an editor.
const MOST_EDITS: usize = 64;

/// How much of what language servers said late may wait for a listener; of more
/// the oldest goes.
const MOST_LATE: usize = 64;

/// All who listen.
#[derive(Default)]
pub(super) struct Mail {
    inner: Mutex<Inner>,
    /// How many listen, so that nobody pays where no one does.
    count: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    listeners: HashMap<u64, Listener>,
    next: u64,
}

/// One who listens.
struct Listener {
    session: String,
    interest: Interest,
    wake: Wake,
    /// The content of each file that the session saw last.
    seen: HashMap<RelPath, ContentHash>,
    /// The content of each file that the session was told of last; `None` where
    /// it was gone.
    told: HashMap<RelPath, Option<ContentHash>>,
    /// Files that may have changed since.
    touched: BTreeMap<RelPath, Touched>,
    edits: VecDeque<EditorEdit>,
    news: BTreeSet<String>,
    late: VecDeque<Late>,
    work: Option<(String, String)>,
}

/// A file that may have changed.
#[derive(Debug, Clone)]
pub(super) struct Touched {
    /// The session that changed it, if that is known.
    pub(super) by: Option<String>,
    /// The operation that changed it, if it was one.
    pub(super) operation: Option<u64>,
    first: Instant,
    last: Instant,
}

impl Touched {
    fn due(&self) -> Instant {
        (self.last + QUIET).min(self.first + LATEST)
    }
}

/// What waits for a listener.
#[derive(Default)]
pub(super) struct Waiting {
    /// The session of the listener.
    pub(super) session: String,
    /// What needs no more thought.
    pub(super) notes: Vec<Note>,
    /// Files that may have changed, with the content that the session saw.
    pub(super) touched: Vec<(RelPath, ContentHash, Touched)>,
    /// How long until more may be due.
    pub(super) again: Option<Duration>,
}

impl Mail {
    /// Adds a listener; `seen` is what its session saw of each file.
    pub(super) fn listen(
        &self,
        session: &str,
        interest: Interest,
        wake: Wake,
        seen: Vec<(RelPath, ContentHash)>,
    ) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        let listener = Listener {
            session: session.to_owned(),
            interest,
            wake,
            seen: seen.into_iter().collect(),
            told: HashMap::new(),
            touched: BTreeMap::new(),
            edits: VecDeque::new(),
            news: BTreeSet::new(),
            late: VecDeque::new(),
            work: None,
        };
        inner.listeners.insert(id, listener);
        self.count.store(inner.listeners.len(), Ordering::Release);
        id
    }

    /// Removes a listener; returns its session where it was an editor's last.
    pub(super) fn hang_up(&self, id: u64) -> Option<String> {
        let mut inner = self.lock();
        let gone = inner.listeners.remove(&id)?;
        self.count.store(inner.listeners.len(), Ordering::Release);
        let is_last = !inner.has_editor(&gone.session);
        (gone.interest.editor && is_last).then_some(gone.session)
    }

    /// Returns whether an editor listens in this session.
    pub(super) fn has_editor(&self, session: &str) -> bool {
        self.lock().has_editor(session)
    }

    /// Returns whether the editor of this session makes edits that come too late.
    pub(super) fn is_careless(&self, session: &str) -> bool {
        let inner = self.lock();
        let mut editors = inner.listeners.values().filter(|one| one.interest.editor);
        editors.any(|one| one.interest.careless && one.session == session)
    }

    /// Returns whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Returns whether anybody wants to know of this file.
    pub(super) fn wants(&self, path: &RelPath) -> bool {
        self.is_heard() && self.lock().listeners.values().any(|one| one.seen.contains_key(path))
    }

    /// Notes which content of a file a session saw.
    pub(super) fn saw(&self, session: &str, path: &RelPath, hash: ContentHash) {
        if !self.is_heard() {
            return;
        }
        for listener in self.lock().listeners.values_mut() {
            if listener.session != session || !listener.interest.files {
                continue;
            }
            if listener.seen.len() >= MOST_SEEN && !listener.seen.contains_key(path) {
                listener.seen.clear();
            }
            listener.told.remove(path);
            listener.seen.insert(path.clone(), hash);
        }
    }

    /// Notes that a file may have changed.
    pub(super) fn touched(&self, path: &RelPath, by: Option<&str>, operation: Option<u64>) {
        if !self.is_heard() {
            return;
        }
        let now = Instant::now();
        let mut inner = self.lock();
        for listener in inner.listeners.values_mut() {
            if by == Some(&listener.session) || !listener.seen.contains_key(path) {
                continue;
            }
            let touched = listener.touched.entry(path.clone());
            let touched = touched.or_insert_with(|| Touched {
                by: None,
                operation: None,
                first: now,
                last: now,
            });
            touched.last = now;
            touched.by = by.map(str::to_owned).or(touched.by.take());
            touched.operation = operation.or(touched.operation);
            (listener.wake)();
        }
    }

    /// Tells the editors of these sessions that there is news of a file.
    pub(super) fn news(&self, path: &RelPath, editors: &[String]) {
        self.to_editors(|listener| {
            let wants = editors.contains(&listener.session);
            wants && listener.news.insert(path.as_str().to_owned())
        });
    }

    /// Tells all editors what an agent of another session did.
    pub(super) fn work(&self, session: &str, agent: &str, what: &str) {
        self.to_editors(|listener| {
            let others = listener.session != session;
            if others {
                listener.work = Some((agent.to_owned(), what.to_owned()));
            }
            others
        });
    }

    /// Tells what language servers said late to all who want to know: each knows
    /// by the number whether it asked.
    pub(super) fn late(&self, late: &Late) {
        if !self.is_heard() {
            return;
        }
        for listener in self.lock().listeners.values_mut().filter(|one| one.interest.servers) {
            if listener.late.len() >= MOST_LATE {
                listener.late.pop_front();
            }
            listener.late.push_back(late.clone());
            (listener.wake)();
        }
    }

    /// Hands an edit to an editor; returns whether it takes it.
    pub(super) fn ask(&self, editor: &str, edit: &EditorEdit) -> bool {
        let mut taken = false;
        self.to_editors(|listener| {
            let is_theirs = !taken && listener.session == editor;
            let takes = is_theirs && listener.edits.len() < MOST_EDITS;
            if takes {
                listener.edits.push_back(edit.clone());
                taken = true;
            }
            takes
        });
        taken
    }

    /// Returns what waits for a listener and takes it out.
    pub(super) fn take(&self, id: u64) -> Waiting {
        let mut inner = self.lock();
        let Some(listener) = inner.listeners.get_mut(&id) else { return Waiting::default() };
        let now = Instant::now();
        let edits = listener.edits.drain(..).map(Note::Edit);
        let news = std::mem::take(&mut listener.news).into_iter().map(|path| Note::News { path });
        let work = listener.work.take().map(|(agent, what)| Note::Work { agent, what });
        let late = listener.late.drain(..).map(Note::Late);
        let notes = edits.chain(news).chain(late).chain(work).collect();
        let (due, later): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut listener.touched)
            .into_iter()
            .partition(|(_, touched)| touched.due() <= now);
        let again = later.values().map(|touched| touched.due().saturating_duration_since(now));
        let again = again.min();
        listener.touched = later;
        let touched = due.into_iter().filter_map(|(path, touched)| {
            let seen = *listener.seen.get(&path)?;
            Some((path, seen, touched))
        });
        Waiting { session: listener.session.clone(), notes, touched: touched.collect(), again }
    }

    /// Notes that a listener is told what a file holds now; returns whether that
    /// is news to it.
    pub(super) fn tell(&self, id: u64, path: &RelPath, now: Option<ContentHash>) -> bool {
        let mut inner = self.lock();
        let Some(listener) = inner.listeners.get_mut(&id) else { return false };
        if listener.told.len() >= MOST_SEEN {
            listener.told.clear();
        }
        listener.told.insert(path.clone(), now) != Some(now)
    }

    fn to_editors(&self, mut tell: impl FnMut(&mut Listener) -> bool) {
        if !self.is_heard() {
            return;
        }
        let mut inner = self.lock();
        for listener in inner.listeners.values_mut().filter(|one| one.interest.editor) {
            if tell(listener) {
                (listener.wake)();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn has_editor(&self, session: &str) -> bool {
        let mut listeners = self.listeners.values();
        listeners.any(|one| one.interest.editor && one.session == session)
    }
}
