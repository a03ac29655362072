//! The supervisor: which servers run, since when, and for how long.
//!
//! There is one server for each project and row of the table, whoever asks. It
//! starts when it is first needed and stops when nobody has needed it for long,
//! when it holds too much memory, or when others need its place. One that ends
//! by itself is started again after a pause that doubles, and not at all after
//! some times.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::lock;
use crate::error::BridgeError;
use crate::policy::Policy;
use crate::server::{Place, Server};
use crate::spawn::Spawn;
use crate::table::{Role, ServerSpec, Table};

/// Whether what lies in a root may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Only servers that run nothing of it, and that do not lie in it.
    #[default]
    Untrusted,
    /// All servers.
    Trusted,
}

/// All servers of one root.
pub(crate) struct Supervisor {
    pub(crate) root: PathBuf,
    pub(crate) policy: Policy,
    trust: Trust,
    table: Table,
    spawner: Arc<dyn Spawn>,
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
    epochs: AtomicU64,
}

/// The row of the table and the folder of the project.
pub(crate) type Key = (String, String);

/// The place of one server, through all its lives.
#[derive(Default)]
struct Slot {
    /// Held while the server is started, so that it is started once.
    starting: tokio::sync::Mutex<()>,
    state: Mutex<SlotState>,
}

#[derive(Default)]
struct SlotState {
    server: Option<Arc<Server>>,
    /// When it was started of late.
    starts: VecDeque<Instant>,
    /// Why it is not running, where that was not our wish.
    failure: Option<String>,
}

/// A server that could be used for a file.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) spec: Arc<ServerSpec>,
    program: PathBuf,
    project: String,
}

impl Candidate {
    /// Returns what the server is known by: its row and its project.
    pub(crate) fn key(&self) -> Key {
        (self.spec.name.clone(), self.project.clone())
    }
}

impl Supervisor {
    pub(crate) fn new(
        root: PathBuf,
        trust: Trust,
        table: Table,
        policy: Policy,
        spawner: Arc<dyn Spawn>,
    ) -> Supervisor {
        let slots = Mutex::default();
        let epochs = AtomicU64::new(0);
        Supervisor { root, policy, trust, table, spawner, slots, epochs }
    }

    /// Returns the installed servers for `path`, the preferred one of each role.
    ///
    /// # Errors
    /// Where there is none: none in the table, none installed, none allowed.
    pub(crate) fn candidates(&self, path: &str) -> Result<Vec<Candidate>, BridgeError> {
        let mut found: Vec<Candidate> = Vec::new();
        let mut refused = None;
        for (spec, _) in self.table.for_path(path) {
            if found.iter().any(|other| other.spec.role == spec.role) {
                continue;
            }
            match self.program(spec) {
                Ok(program) => found.push(Candidate {
                    spec: Arc::new(spec.clone()),
                    program,
                    project: self.project(spec, path),
                }),
                // The preferred one says what is missing.
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        let none = BridgeError::NoServer { what: "is known for", path: path.to_owned() };
        match found.is_empty() {
            true => Err(refused.unwrap_or(none)),
            false => Ok(found),
        }
    }

    /// Returns the server that knows the language of `path`.
    ///
    /// # Errors
    /// As [`Supervisor::candidates`].
    pub(crate) fn candidate(&self, path: &str) -> Result<Candidate, BridgeError> {
        let mut all = self.candidates(path)?;
        all.sort_by_key(|candidate| candidate.spec.role != Role::Language);
        let none = BridgeError::NoServer { what: "is known for", path: path.to_owned() };
        all.into_iter().next().ok_or(none)
    }

    /// Returns where the program of a server lies.
    ///
    /// # Errors
    /// Where it is not there, or the trust does not reach so far.
    pub(crate) fn program(&self, spec: &ServerSpec) -> Result<PathBuf, BridgeError> {
        let name = spec.command.first().map(String::as_str).unwrap_or_default();
        let not_trusted = |why| BridgeError::NotTrusted { server: spec.name.clone(), why };
        let is_trusted = self.trust == Trust::Trusted;
        if spec.needs_trust && !is_trusted {
            return Err(not_trusted("it runs what it finds there"));
        }
        let program = self.spawner.find(name).ok_or_else(|| BridgeError::NotInstalled {
            server: spec.name.clone(),
            install: spec.install.clone(),
        })?;
        match program.starts_with(&self.root) && !is_trusted {
            true => Err(not_trusted("its program lies in it")),
            false => Ok(program),
        }
    }

    /// Returns the folder of the project that `path` belongs to, beneath the
    /// root.
    fn project(&self, spec: &ServerSpec, path: &str) -> String {
        let folders = Path::new(path).ancestors().skip(1);
        let mut marked = folders.filter(|folder| {
            let holds = |marker: &String| self.spawner.exists(&self.root.join(folder).join(marker));
            spec.root_markers.iter().any(holds)
        });
        let folder = match spec.outermost_root {
            true => marked.last(),
            false => marked.next(),
        };
        folder.and_then(Path::to_str).unwrap_or_default().to_owned()
    }

    /// Returns the running server for a candidate, which is started where it
    /// does not run. The start goes on when nobody waits for it any longer.
    ///
    /// # Errors
    /// Where it does not start, ends again and again, or needs more time.
    pub(crate) async fn server(
        self: &Arc<Self>,
        candidate: Candidate,
        until: Instant,
    ) -> Result<Arc<Server>, BridgeError> {
        let name = candidate.spec.name.clone();
        let supervisor = Arc::clone(self);
        let start = tokio::spawn(async move { supervisor.start(candidate).await });
        match tokio::time::timeout_at(until, start).await {
            Ok(Ok(server)) => server,
            Ok(Err(_)) => Err(BridgeError::Fault),
            Err(_) => Err(BridgeError::TooSlow { server: name, why: "it is starting".into() }),
        }
    }

    async fn start(self: Arc<Self>, candidate: Candidate) -> Result<Arc<Server>, BridgeError> {
        let slot = Arc::clone(lock(&self.slots).entry(candidate.key()).or_default());
        let _starting = slot.starting.lock().await;
        if let Some(server) = slot.alive() {
            return Ok(server);
        }
        slot.pause(&candidate.spec.name, &self.policy).await?;
        self.make_room(&slot).await;
        let place = Place {
            spec: candidate.spec,
            program: candidate.program,
            root: &self.root,
            project: candidate.project,
            epoch: self.epochs.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let started = Server::start(place, self.spawner.as_ref(), &self.policy).await;
        let mut state = lock(&slot.state);
        match &started {
            Ok(server) => {
                state.server = Some(Arc::clone(server));
                state.failure = None;
            }
            Err(error) => state.failure = Some(error.to_string()),
        }
        started
    }

    /// Stops the server that was unused for longest where there are as many as
    /// there may be. All in use: there is one more for a while.
    async fn make_room(&self, ours: &Arc<Slot>) {
        let others: Vec<Arc<Slot>> = {
            let slots = lock(&self.slots);
            slots.values().filter(|slot| !Arc::ptr_eq(slot, ours)).cloned().collect()
        };
        let mut running: Vec<(Duration, Arc<Slot>)> = Vec::new();
        let mut count = 0;
        for slot in others {
            let Some(server) = slot.alive() else { continue };
            count += 1;
            running.extend(server.unused_for().map(|unused| (unused, Arc::clone(&slot))));
        }
        running.sort_by_key(|(unused, _)| *unused);
        while count >= self.policy.servers.max(1) {
            let Some((_, slot)) = running.pop() else { return };
            slot.stop("others need its place").await;
            count -= 1;
        }
    }

    /// Returns all servers that run.
    pub(crate) fn running(&self) -> Vec<Arc<Server>> {
        let slots = lock(&self.slots);
        let mut running: Vec<Arc<Server>> =
            slots.values().filter_map(|slot| slot.alive()).collect();
        running.sort_by_key(|server| server.epoch);
        running
    }

    /// Returns row, project and cause for each server that is down.
    pub(crate) fn failures(&self) -> Vec<(String, String, String)> {
        let slots = lock(&self.slots);
        let failed = slots.iter().filter_map(|((name, project), slot)| {
            let why = slot.failure()?;
            Some((name.clone(), project.clone(), why))
        });
        let mut failed: Vec<_> = failed.collect();
        failed.sort();
        failed
    }

    /// Returns all rows of the table that are in use.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &ServerSpec> {
        self.table.servers().iter().filter(|spec| spec.enabled)
    }

    /// Stops all servers, at the same time.
    pub(crate) async fn stop(&self, why: &str) {
        let slots: Vec<Arc<Slot>> = lock(&self.slots).values().cloned().collect();
        let why = why.to_owned();
        let stops = slots.into_iter().map(|slot| {
            let why = why.clone();
            tokio::spawn(async move { slot.stop(&why).await })
        });
        for stop in stops.collect::<Vec<_>>() {
            // A stop that panicked has dropped its server, which kills it.
            let _stopped = stop.await;
        }
    }

    /// Kills all servers at once.
    pub(crate) fn kill(&self) {
        for server in self.running() {
            server.kill("the bridge is gone");
        }
    }

    /// Looks after running servers for as long as there is a supervisor.
    pub(crate) async fn look_after(supervisor: Weak<Supervisor>, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let Some(supervisor) = supervisor.upgrade() else { return };
            let slots: Vec<Arc<Slot>> = lock(&supervisor.slots).values().cloned().collect();
            for slot in slots {
                slot.look_after(&supervisor.policy).await;
            }
        }
    }
}

impl Slot {
    /// Returns the server, where there is one that lives. One that has ended is
    /// buried.
    fn alive(&self) -> Option<Arc<Server>> {
        let mut state = lock(&self.state);
        let end = state.server.as_ref()?.end();
        let Some(why) = end else { return state.server.clone() };
        if let Some(server) = state.server.take() {
            let complaint = server.complaints().pop();
            let complaint = complaint.map(|row| format!(" ({row})")).unwrap_or_default();
            state.failure = Some(format!("{why}{complaint}"));
            server.kill(&why);
        }
        None
    }

    fn failure(&self) -> Option<String> {
        self.alive();
        let state = lock(&self.state);
        state.failure.clone().filter(|_| state.server.is_none())
    }

    /// Waits until the server may be started again, and counts the start.
    ///
    /// # Errors
    /// Where it was started too often of late.
    async fn pause(&self, name: &str, policy: &Policy) -> Result<(), BridgeError> {
        let now = Instant::now();
        let pause = {
            let mut state = lock(&self.state);
            while state.starts.front().is_some_and(|at| now - *at > policy.restart_window) {
                state.starts.pop_front();
            }
            // A server that was stopped by our wish may start at once.
            let again = if state.failure.is_some() { state.starts.len() } else { 0 };
            if again >= policy.starts.max(1) {
                let last = state.failure.clone().unwrap_or_default();
                let why = format!("it ended {again} times of late, at last: {last}");
                return Err(BridgeError::Down { server: name.to_owned(), why });
            }
            if state.failure.is_none() {
                state.starts.clear();
            }
            state.starts.push_back(now);
            match again {
                0 => Duration::ZERO,
                again => policy.backoff * (1 << (again - 1).min(10)),
            }
        };
        tokio::time::sleep(pause).await;
        Ok(())
    }

    async fn stop(&self, why: &str) {
        let server = lock(&self.state).server.take();
        if let Some(server) = server {
            server.stop(why).await;
        }
    }

    async fn look_after(&self, policy: &Policy) {
        let Some(server) = self.alive() else { return };
        let memory = server.memory_bytes().unwrap_or_default();
        if memory > policy.memory_bytes {
            let why = format!("it held {} MiB of memory", memory >> 20);
            {
                let mut state = lock(&self.state);
                state.failure = Some(why.clone());
                state.server = None;
            }
            server.kill(&why);
        } else if server.unused_for().is_some_and(|unused| unused > policy.idle) {
            drop(server);
            self.stop("nobody needed it").await;
        }
    }
}
