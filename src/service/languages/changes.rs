//! Changes on disk: what others wrote to the files of the root since servers
//! were last told.
//!
//! Looked for before each question, by the stamps of the files; nothing watches
//! in between. A root whose stamps take long to look at is looked at less often,
//! so that looking takes a twentieth of the time at most. What a server has open
//! is compared before each question in any case.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::store::{Fs, RelPath, Stamp};
use lsp_bridge::FileEvent;
use lsp_bridge::bridge::Bridge;

use crate::service::walk::{Found, Scope, walk};
use crate::service::workspace::Workspace;

/// Files whose stamps are kept.
const FILES_MAX: usize = 50_000;

/// How many times as long as a look took nobody looks again.
const REST: u32 = 20;

/// The stamps of the files when servers were last told of them.
#[derive(Default)]
pub(super) struct Changes {
    last: Mutex<Option<Look>>,
}

struct Look {
    stamps: HashMap<RelPath, Stamp>,
    next: Instant,
}

impl Changes {
    /// Tells the servers that run what changed since they were last told. Where
    /// none runs, those that will be started read the disk themselves.
    pub(super) fn tell(&self, bridge: &Bridge, workspace: &Workspace) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_running = bridge.is_running();
        if is_running && last.as_ref().is_some_and(|last| Instant::now() < last.next) {
            return;
        }
        let look = Look::now(workspace);
        let before = last.replace(look).filter(|_| is_running);
        if let (Some(before), Some(now)) = (before, &*last) {
            let events = before.events(now);
            if !events.is_empty() {
                bridge.files_changed(&events);
            }
        }
    }

    /// Takes note of what we have written ourselves, which is told at once.
    pub(super) fn note(&self, workspace: &Workspace, paths: &[&str]) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(look) = &mut *last else { return };
        for path in paths.iter().filter_map(|path| RelPath::parse(path).ok()) {
            match workspace.fs.stamp(&path) {
                Ok(stamp) => look.stamps.insert(path, stamp),
                Err(_) => look.stamps.remove(&path),
            };
        }
    }
}

impl Look {
    fn now(workspace: &Workspace) -> Look {
        let start = Instant::now();
        let scope = Scope::default();
        let found = walk(workspace, &scope).into_iter().flatten();
        let files = found.filter_map(|found| match found {
            Found::File(path) => Some(path),
            Found::Directory(_) => None,
        });
        let stamped = files.take(FILES_MAX).filter_map(|path| {
            let stamp = workspace.fs.stamp(&path).ok()?;
            Some((path, stamp))
        });
        let stamps = stamped.collect();
        let took = start.elapsed();
        Look { stamps, next: Instant::now() + took.min(Duration::from_secs(60)) * REST }
    }

    /// Returns what happened until `now`.
    fn events(&self, now: &Look) -> Vec<(String, FileEvent)> {
        let mut events = Vec::new();
        for (path, stamp) in &now.stamps {
            match self.stamps.get(path) {
                Some(before) if before == stamp => {}
                Some(_) => events.push((path.as_str().to_owned(), FileEvent::Changed)),
                None => events.push((path.as_str().to_owned(), FileEvent::Created)),
            }
        }
        let gone = self.stamps.keys().filter(|path| !now.stamps.contains_key(*path));
        events.extend(gone.map(|path| (path.as_str().to_owned(), FileEvent::Deleted)));
        events.sort_by(|a, b| a.0.cmp(&b.0));
        events
    }
}
