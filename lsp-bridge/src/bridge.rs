//! The bridge: what the rooms above ask of language servers.
//!
//! Whoever asks is synchronous and may wait; the servers are waited for on a
//! small runtime of the bridge's own, which starts with the first question that
//! needs a server. A question that the caller no longer waits for does not hold
//! up the next one.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::error::BridgeError;
use crate::files::Files;
use crate::policy::Policy;
use crate::server::{FileEvent, Server};
use crate::spawn::Spawn;
use crate::status::{self, Installed, ServerStatus};
use crate::supervisor::{Candidate, Supervisor, Trust};
use crate::table::{Role, Table};
use crate::verify::LateReport;

/// How long behind its start a server may register what it does.
const REGISTERS: Duration = Duration::from_secs(1);

/// What a bridge is made of.
pub struct Setup {
    /// The root, absolute and without symbolic links.
    pub root: PathBuf,
    /// Whether what lies in the root may be run.
    pub trust: Trust,
    /// The servers.
    pub table: Table,
    /// The bounds on them.
    pub policy: Policy,
    /// Who starts them.
    pub spawner: Arc<dyn Spawn>,
    /// Who holds the files.
    pub files: Arc<dyn Files>,
    /// Who hears of findings that came after the answer was given.
    pub listener: Listener,
}

/// Hears of what came too late for an answer. Called on a thread of the bridge;
/// it must not wait.
pub type Listener = Arc<dyn Fn(LateReport) + Send + Sync>;

/// The language servers of one root. When it is dropped, all of them are killed.
pub struct Bridge {
    pub(crate) inner: Arc<Inner>,
    runtime: OnceLock<Option<Runtime>>,
}

/// What the questions share.
pub(crate) struct Inner {
    pub(crate) supervisor: Arc<Supervisor>,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) listener: Listener,
    pub(crate) late: std::sync::atomic::AtomicU64,
}

impl Bridge {
    /// Returns a bridge; nothing runs yet.
    pub fn new(setup: Setup) -> Bridge {
        let Setup { root, trust, table, policy, spawner, files, listener } = setup;
        let supervisor = Arc::new(Supervisor::new(root, trust, table, policy, spawner));
        let late = std::sync::atomic::AtomicU64::new(0);
        let inner = Arc::new(Inner { supervisor, files, listener, late });
        Bridge { inner, runtime: OnceLock::new() }
    }

    /// Returns whether any installed server is for the file at `path`. Asks no
    /// server and starts none.
    pub fn serves(&self, path: &str) -> bool {
        self.inner.supervisor.candidates(path).is_ok()
    }

    /// Returns the names of the servers for the file at `path`, that of the
    /// language first.
    pub fn servers_for(&self, path: &str) -> Vec<String> {
        let mut candidates = self.inner.supervisor.candidates(path).unwrap_or_default();
        candidates.sort_by_key(|candidate| candidate.spec.role != Role::Language);
        candidates.into_iter().map(|candidate| candidate.spec.name.clone()).collect()
    }

    /// Returns why no server is for the file at `path`, if none is.
    pub fn unserved(&self, path: &str) -> Option<BridgeError> {
        self.inner.supervisor.candidates(path).err()
    }

    /// Starts the servers for the file at `path` without waiting for them, so
    /// that they have loaded when they are asked.
    pub fn warm_up(&self, path: &str) {
        let Some(runtime) = self.runtime() else { return };
        for candidate in self.inner.supervisor.candidates(path).into_iter().flatten() {
            let supervisor = Arc::clone(&self.inner.supervisor);
            let until = Instant::now() + supervisor.policy.initialize;
            runtime.spawn(async move {
                // Whoever asks next hears of a failure.
                let _started = supervisor.server(candidate, until).await;
            });
        }
    }

    /// Returns whether any server runs.
    pub fn is_running(&self) -> bool {
        !self.inner.supervisor.running().is_empty()
    }

    /// Tells all running servers which files changed on disk. Of a file that a
    /// server has open, it hears with the next question.
    pub fn files_changed(&self, changes: &[(String, FileEvent)]) {
        for server in self.inner.supervisor.running() {
            for (path, event) in changes {
                if *event == FileEvent::Deleted {
                    server.forget(path);
                }
            }
            let is_news = |(path, event): &&(String, FileEvent)| {
                *event != FileEvent::Changed || server.shown(path).is_none()
            };
            let news: Vec<_> = changes.iter().filter(is_news).cloned().collect();
            if !news.is_empty() {
                // A server that is gone hears nothing, and knows nothing.
                let _gone = server.files_changed(&news);
            }
        }
    }

    /// Returns what runs, what is down, and how much memory it takes.
    pub fn status(&self) -> Vec<ServerStatus> {
        status::of_running(&self.inner.supervisor)
    }

    /// Returns for each server of the table whether it is installed and allowed.
    pub fn installed(&self) -> Vec<Installed> {
        status::of_table(&self.inner.supervisor)
    }

    /// Stops all servers and waits until they are gone.
    pub fn stop(&self) {
        let supervisor = Arc::clone(&self.inner.supervisor);
        // Without a runtime, nothing runs.
        if self.runtime.get().is_some() {
            let _stopped = self.wait(async move { supervisor.stop("the bridge is closed").await });
        }
    }

    /// Waits for `future` on the runtime.
    ///
    /// # Errors
    /// Where there is no runtime, or the future panicked.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, BridgeError> {
        let runtime = self.runtime().ok_or(BridgeError::Fault)?;
        let (sender, receiver) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Nobody may wait any longer.
            let _left = sender.send(future.await);
        });
        receiver.recv().map_err(|_| BridgeError::Fault)
    }

    fn runtime(&self) -> Option<&Runtime> {
        let runtime = self.runtime.get_or_init(|| {
            let runtime = Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("anchord-lsp")
                .enable_all()
                .build()
                .ok()?;
            let supervisor = Arc::downgrade(&self.inner.supervisor);
            let every = self.inner.supervisor.policy.look;
            runtime.spawn(Supervisor::look_after(supervisor, every));
            Some(runtime)
        });
        runtime.as_ref()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.inner.supervisor.kill();
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Inner {
    /// Returns the server that knows the language of `path`.
    pub(crate) async fn server(
        &self,
        path: &str,
        until: Instant,
    ) -> Result<Arc<Server>, BridgeError> {
        let candidate = self.supervisor.candidate(path)?;
        self.running(candidate, until).await
    }

    /// Returns the server called `name`, or the first for `path` that answers
    /// `method`: that of the language first.
    pub(crate) async fn server_with(
        &self,
        path: &str,
        method: &'static str,
        name: Option<&str>,
        until: Instant,
    ) -> Result<Arc<Server>, BridgeError> {
        let mut candidates = self.supervisor.candidates(path)?;
        candidates.sort_by_key(|candidate| candidate.spec.role != Role::Language);
        candidates.retain(|candidate| name.is_none_or(|name| candidate.spec.name == name));
        let mut trouble = None;
        for candidate in candidates {
            match self.running(candidate, until).await {
                Ok(server) => {
                    // What is registered late is registered soon behind the start.
                    let soon = until.min(server.started + REGISTERS);
                    let has = |server: &Server| method.is_empty() || server.has(method);
                    if server.until(soon, has).await {
                        return Ok(server);
                    }
                }
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        let what = "answers that about";
        Err(trouble.unwrap_or_else(|| BridgeError::NoServer { what, path: path.to_owned() }))
    }

    /// Returns the server for a candidate.
    pub(crate) async fn running(
        &self,
        candidate: Candidate,
        until: Instant,
    ) -> Result<Arc<Server>, BridgeError> {
        self.supervisor.server(candidate, until).await
    }

    /// Makes the server's copies of its open documents those of now: somebody
    /// may have written meanwhile. Whoever calls holds the turn.
    pub(crate) fn catch_up(&self, server: &Server, but: &[&str]) -> Result<(), BridgeError> {
        for path in server.open_paths() {
            if but.contains(&path.as_str()) {
                continue;
            }
            match self.files.snapshot(&path) {
                // What can no longer be shown is closed like what is gone.
                Some(snapshot) => match server.show_if_open(&path, &snapshot) {
                    Err(BridgeError::Refused(_)) => server.forget(&path),
                    shown => shown?,
                },
                None => server.forget(&path),
            }
        }
        Ok(())
    }

    /// Takes the turn at a server, which other questions may hold.
    ///
    /// # Errors
    /// Where it does not come in time.
    pub(crate) async fn turn<'a>(
        &self,
        server: &'a Server,
        until: Instant,
    ) -> Result<tokio::sync::MutexGuard<'a, ()>, BridgeError> {
        let _wanted = server.want_turn();
        let turn = tokio::time::timeout_at(until, server.turn.lock()).await;
        turn.map_err(|_| BridgeError::TooSlow {
            server: server.spec.name.clone(),
            why: "it is busy with other requests".into(),
        })
    }
}

/// Returns the moment `budget` from now.
pub(crate) fn until(budget: Duration) -> Instant {
    // A budget beyond all clocks is a day.
    let day = Duration::from_secs(86_400);
    Instant::now() + budget.min(day)
}
