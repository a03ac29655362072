//! The watcher: a hint that files may have changed, never proof. What a hint is
//! about is looked at before anybody is told, and what no hint came for is found
//! out when it is read or edited.
//!
//! Only the directories of files that somebody listens for are watched. Hints go
//! through a bounded queue; those that find it full are lost.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use engine::store::RelPath;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::mail::Mail;

/// How many hints may wait.
const MOST_WAITING: usize = 1024;

/// How many directories are watched; files in others are only looked at when
/// somebody asks for them.
const MOST_DIRECTORIES: usize = 1024;

/// The watcher of a root.
pub(super) struct Watch {
    root: PathBuf,
    mail: Arc<Mail>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Made when somebody first listens; none where the system gives none.
    watcher: Option<RecommendedWatcher>,
    failed: bool,
    directories: HashSet<PathBuf>,
}

impl Watch {
    /// Returns a watcher that watches nothing yet.
    pub(super) fn new(root: &Path, mail: Arc<Mail>) -> Watch {
        Watch { root: root.to_owned(), mail, inner: Mutex::default() }
    }

    /// Watches the directories of these files as well.
    pub(super) fn watch<'a>(&self, paths: impl Iterator<Item = &'a RelPath>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for path in paths {
            if inner.failed || inner.directories.len() >= MOST_DIRECTORIES {
                return;
            }
            let whole = self.root.join(path.as_str());
            let Some(directory) = whole.parent().map(Path::to_owned) else { continue };
            if inner.directories.contains(&directory) {
                continue;
            }
            let watched = self.watch_one(&mut inner, &directory);
            if let Err(error) = watched {
                tracing::debug!("watching {}: {error}", directory.display());
            }
            // One that cannot be watched is not tried with every file in it.
            inner.directories.insert(directory);
        }
    }

    fn watch_one(&self, inner: &mut Inner, directory: &Path) -> notify::Result<()> {
        let watcher = match &mut inner.watcher {
            Some(watcher) => watcher,
            empty => match start(&self.root, &self.mail) {
                Ok(watcher) => empty.insert(watcher),
                Err(error) => {
                    inner.failed = true;
                    return Err(error);
                }
            },
        };
        watcher.watch(directory, RecursiveMode::NonRecursive)
    }
}

/// Starts a watcher and the thread that passes its hints on; the thread ends with
/// the watcher.
fn start(root: &Path, mail: &Arc<Mail>) -> notify::Result<RecommendedWatcher> {
    let (hints, waiting) = sync_channel(MOST_WAITING);
    let watcher = notify::recommended_watcher(move |event| pass(&hints, event))?;
    let (root, mail) = (root.to_owned(), Arc::clone(mail));
    let run = move || tell(&root, &mail, &waiting);
    std::thread::Builder::new().name("watch".to_owned()).spawn(run)?;
    Ok(watcher)
}

fn pass(hints: &SyncSender<PathBuf>, event: notify::Result<Event>) {
    let Ok(event) = event else { return };
    if event.kind.is_access() {
        return;
    }
    for path in event.paths {
        if let Err(TrySendError::Disconnected(_)) = hints.try_send(path) {
            return;
        }
    }
}

fn tell(root: &Path, mail: &Mail, hints: &Receiver<PathBuf>) {
    while let Ok(path) = hints.recv() {
        let below = path.strip_prefix(root).ok().and_then(Path::to_str);
        if let Some(path) = below.and_then(|path| RelPath::parse(path).ok()) {
            mail.touched(&path, None, None);
        }
    }
}
