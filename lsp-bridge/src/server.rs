//! A running server: its handshake, its documents, its end.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::capabilities::{self, Capabilities, Sync};
use crate::collect::Evidence;
use crate::connection::{Connection, Host, RequestError, Streams, lock};
use crate::document::{self, Copy};
use crate::error::BridgeError;
use crate::known::{Known, Status};
use crate::policy::Policy;
use crate::position::PositionEncoding;
use crate::spawn::{Command, Process, Spawn};
use crate::table::{Ready, ServerSpec};
use crate::uri;

/// One life of one server. Its documents are moved by whoever holds the
/// [`Server::turn`].
pub(crate) struct Server {
    pub(crate) spec: Arc<ServerSpec>,
    /// The folder of its project, beneath the root; empty for the root itself.
    pub(crate) project: String,
    /// The number of this life; evidence of another proves nothing.
    pub(crate) epoch: u64,
    pub(crate) known: Arc<Known>,
    /// Held while documents are moved and asked about.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) encoding: PositionEncoding,
    pub(crate) started: Instant,
    root: PathBuf,
    policy: Policy,
    connection: Connection,
    process: Mutex<Leash>,
    documents: Mutex<HashMap<String, Copy>>,
    last_version: AtomicI64,
    /// Moves with each change of any document: what a check across files found
    /// before it may no longer hold.
    world: AtomicU64,
    uses: AtomicU64,
    last_use: Mutex<Instant>,
    requests: AtomicUsize,
    /// How many wait for the turn.
    waiting: AtomicUsize,
    evidence: Mutex<HashMap<String, Held>>,
}

/// Evidence and the state of all documents for which it holds.
struct Held {
    world: u64,
    evidence: Evidence,
}

/// What is known about a server's knowledge of its project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It knows all of it.
    Ready,
    /// It is still loading, or unwell: what.
    NotReady(String),
    /// It does not say.
    Unprovable,
}

/// Where and how a server is to live.
pub(crate) struct Place<'a> {
    pub(crate) spec: Arc<ServerSpec>,
    pub(crate) program: PathBuf,
    pub(crate) root: &'a Path,
    pub(crate) project: String,
    pub(crate) epoch: u64,
}

impl Server {
    /// Starts a server and greets it.
    ///
    /// # Errors
    /// Where it cannot be started, or does not answer as it should in time; it
    /// is killed then.
    pub(crate) async fn start(
        place: Place<'_>,
        spawner: &dyn Spawn,
        policy: &Policy,
    ) -> Result<Arc<Server>, BridgeError> {
        let down = |why: String| BridgeError::Down { server: place.spec.name.clone(), why };
        let directory = match place.project.as_str() {
            // To join nothing is to add a slash, which some servers repeat.
            "" => place.root.to_path_buf(),
            project => place.root.join(project),
        };
        let command = Command {
            program: place.program,
            arguments: place.spec.command.iter().skip(1).cloned().collect(),
            directory: directory.clone(),
            environment: place.spec.environment.clone().into_iter().collect(),
        };
        let guest = spawner.spawn(&command).map_err(|error| down(error.to_string()))?;
        let process = Leash(guest.process);
        let folder = uri::of_path(&directory);
        let known = Known::new(Arc::clone(&place.spec), place.root.to_path_buf(), folder.clone());
        let known = Arc::new(known);
        let streams = Streams { input: guest.input, output: guest.output, errors: guest.errors };
        let host: Arc<dyn Host> = Arc::clone(&known) as Arc<dyn Host>;
        let connection = Connection::open(streams, policy, host);
        let connection = connection.map_err(|error| down(error.to_string()))?;
        let capabilities = greet(&connection, &place.spec, &folder, policy).await.map_err(down)?;
        let forced = place.spec.profile.columns.as_deref().and_then(PositionEncoding::parse);
        let encoding = forced.unwrap_or_else(|| capabilities.encoding());
        known.look(|said| said.capabilities.take_offer(capabilities));
        Ok(Arc::new(Server {
            spec: place.spec,
            project: place.project,
            epoch: place.epoch,
            known,
            turn: tokio::sync::Mutex::new(()),
            encoding,
            started: Instant::now(),
            root: place.root.to_path_buf(),
            policy: policy.clone(),
            connection,
            process: Mutex::new(process),
            documents: Mutex::default(),
            last_version: AtomicI64::new(0),
            world: AtomicU64::new(0),
            uses: AtomicU64::new(0),
            last_use: Mutex::new(Instant::now()),
            requests: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            evidence: Mutex::default(),
        }))
    }

    /// Returns why the server is of no more use, if it is.
    pub(crate) fn end(&self) -> Option<String> {
        let end = self.connection.end()?;
        let status = lock(&self.process).0.ended();
        Some(status.map(|status| format!("{end}; {status}")).unwrap_or(end))
    }

    /// Asks. A request that the server withdraws because it heard of a newer
    /// content is asked again while there is time.
    ///
    /// # Errors
    /// [`BridgeError`] with the server's name.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
        until: Instant,
    ) -> Result<T, BridgeError> {
        let _asked = self.in_use();
        let mut pause = Duration::from_millis(50);
        loop {
            let patience = until.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                let server = self.spec.name.clone();
                return Err(BridgeError::TooSlow {
                    server,
                    why: format!("no time is left for {method}"),
                });
            }
            let answer = self.connection.request(method, &params, patience).await;
            match answer {
                Err(RequestError::Refused(error))
                    if error.is_temporary() && Instant::now() + pause < until =>
                {
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(Duration::from_secs(1));
                }
                answer => return answer.map_err(|error| self.failed(error)),
            }
        }
    }

    /// Returns whether the server answers `method`.
    pub(crate) fn has(&self, method: &str) -> bool {
        self.known.look(|said| said.capabilities.has(method))
    }

    /// Returns the name of the file at `path` in the protocol.
    pub(crate) fn uri(&self, path: &str) -> String {
        uri::of_file(&self.root, path)
    }

    /// Returns where the file at `path` lies.
    pub(crate) fn absolute(&self, path: &str) -> String {
        self.root.join(path).to_string_lossy().into_owned()
    }

    /// Returns the path of what the server calls `uri`, if it lies in the root.
    pub(crate) fn path(&self, uri: &str) -> Option<String> {
        uri::path_beneath(&self.root, uri)
    }

    /// Makes the server's copy of `path` that of `snapshot` and returns its
    /// version. Whoever calls holds the turn.
    ///
    /// # Errors
    /// Where the content cannot be shown to a server: not UTF-8, too large; or
    /// where the server is gone.
    pub(crate) fn show(&self, path: &str, snapshot: &Snapshot) -> Result<i64, BridgeError> {
        let used = self.uses.fetch_add(1, Ordering::Relaxed);
        let mut documents = lock(&self.documents);
        if let Some(copy) = documents.get_mut(path) {
            copy.used = used;
            return self.renew(path, copy, snapshot);
        }
        self.check_showable(path, snapshot)?;
        self.world.fetch_add(1, Ordering::Relaxed);
        let copy = self.send_open(path, snapshot)?;
        let version = copy.version;
        documents.insert(path.to_owned(), copy.used_at(used));
        self.close_unused(&mut documents);
        Ok(version)
    }

    /// Does as [`Server::show`] for a document that is open, without marking it
    /// as used; nothing for any other.
    ///
    /// # Errors
    /// As [`Server::show`].
    pub(crate) fn show_if_open(&self, path: &str, snapshot: &Snapshot) -> Result<(), BridgeError> {
        match lock(&self.documents).get_mut(path) {
            Some(copy) => self.renew(path, copy, snapshot).map(|_version| ()),
            None => Ok(()),
        }
    }

    fn renew(&self, path: &str, copy: &mut Copy, snapshot: &Snapshot) -> Result<i64, BridgeError> {
        if copy.hash == snapshot.hash {
            return Ok(copy.version);
        }
        self.check_showable(path, snapshot)?;
        self.world.fetch_add(1, Ordering::Relaxed);
        self.send_change(path, copy, snapshot)
    }

    fn check_showable(&self, path: &str, snapshot: &Snapshot) -> Result<(), BridgeError> {
        use engine::error::{Code, Refusal};
        let refused =
            |code, message: &str| Err(BridgeError::Refused(Refusal::new(code, message).at(path)));
        if snapshot.bytes.len() > self.policy.document_bytes {
            return refused(Code::TooLarge, "it is too large to be shown to a language server");
        }
        match document::text(snapshot) {
            Some(_) => Ok(()),
            None => {
                refused(Code::Encoding, "it is not UTF-8, so no language server sees its bytes")
            }
        }
    }

    fn send_open(&self, path: &str, snapshot: &Snapshot) -> Result<Copy, BridgeError> {
        let version = self.last_version.fetch_add(1, Ordering::Relaxed) + 1;
        let copy = Copy::of(snapshot, version).ok_or(BridgeError::Fault)?;
        let document = json!({
            "uri": self.uri(path),
            "languageId": self.spec.language(path).unwrap_or("plaintext"),
            "version": version,
            "text": document::text(snapshot),
        });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }))?;
        Ok(copy)
    }

    fn send_change(
        &self,
        path: &str,
        copy: &mut Copy,
        snapshot: &Snapshot,
    ) -> Result<i64, BridgeError> {
        let sync = self.known.look(|said| said.capabilities.sync());
        if sync == Sync::None {
            // A server that hears of no changes hears of a new document.
            self.tell(
                "textDocument/didClose",
                json!({ "textDocument": { "uri": self.uri(path) } }),
            )?;
            *copy = self.send_open(path, snapshot)?.used_at(copy.used);
            return Ok(copy.version);
        }
        let changes = copy.follow(snapshot, sync, self.encoding).ok_or(BridgeError::Fault)?;
        copy.version = self.last_version.fetch_add(1, Ordering::Relaxed) + 1;
        let document = json!({ "uri": self.uri(path), "version": copy.version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.tell("textDocument/didChange", params)?;
        Ok(copy.version)
    }

    /// Closes the documents that were unused for longest, beyond the number that
    /// is kept.
    fn close_unused(&self, documents: &mut HashMap<String, Copy>) {
        while documents.len() > self.policy.documents.max(1) {
            let oldest = documents.iter().min_by_key(|(_, copy)| copy.used);
            let Some(path) = oldest.map(|(path, _)| path.clone()) else { return };
            self.close(documents, &path);
        }
    }

    fn close(&self, documents: &mut HashMap<String, Copy>, path: &str) {
        if documents.remove(path).is_some() {
            self.world.fetch_add(1, Ordering::Relaxed);
            self.known.look(|said| said.published.remove(path));
            lock(&self.evidence).remove(path);
            let document = json!({ "textDocument": { "uri": self.uri(path) } });
            // A server that is gone has closed everything.
            let _gone = self.tell("textDocument/didClose", document);
        }
    }

    /// Closes `path`, which is gone.
    pub(crate) fn forget(&self, path: &str) {
        self.close(&mut lock(&self.documents), path);
    }

    /// Returns under which version the server has `path` and since when, if it
    /// is open.
    pub(crate) fn shown(&self, path: &str) -> Option<Shown> {
        let documents = lock(&self.documents);
        let copy = documents.get(path)?;
        Some(Shown { version: copy.version, hash: copy.hash, at: copy.sent })
    }

    /// Keeps evidence about a document, for as long as no document changes.
    pub(crate) fn keep(&self, evidence: Evidence) {
        let held = Held { world: self.world(), evidence };
        lock(&self.evidence).insert(held.evidence.path.clone(), held);
    }

    /// Returns the evidence about `path` with this content, where no document
    /// has changed since.
    pub(crate) fn kept(&self, path: &str, hash: ContentHash) -> Option<Evidence> {
        let evidence = lock(&self.evidence);
        let held = evidence.get(path)?;
        let holds = held.world == self.world() && held.evidence.hash == hash;
        holds.then(|| held.evidence.clone())
    }

    /// Marks that somebody waits for the turn, until the mark is dropped.
    pub(crate) fn want_turn(&self) -> Wanted<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.known.stir();
        Wanted(self)
    }

    /// Returns whether somebody waits for the turn.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Returns the paths of all open documents, the last used first.
    pub(crate) fn open_paths(&self) -> Vec<String> {
        let documents = lock(&self.documents);
        let mut paths: Vec<(u64, String)> =
            documents.iter().map(|(path, copy)| (copy.used, path.clone())).collect();
        paths.sort_unstable_by_key(|(used, _)| std::cmp::Reverse(*used));
        paths.into_iter().map(|(_, path)| path).collect()
    }

    /// Returns a number that moves with each change of any document.
    pub(crate) fn world(&self) -> u64 {
        self.world.load(Ordering::Relaxed)
    }

    /// Tells the server that `path` is on disk as it was shown.
    pub(crate) fn saved(&self, path: &str, snapshot: &Snapshot) -> Result<(), BridgeError> {
        let save = self.known.look(|said| said.capabilities.save());
        let Some(with_text) = save.filter(|_| self.shown(path).is_some()) else { return Ok(()) };
        let mut params = json!({ "textDocument": { "uri": self.uri(path) } });
        if with_text {
            params["text"] = json!(document::text(snapshot));
        }
        self.tell("textDocument/didSave", params)
    }

    /// Tells the server which files were created, changed or deleted on disk.
    pub(crate) fn files_changed(&self, changes: &[(String, FileEvent)]) -> Result<(), BridgeError> {
        self.world.fetch_add(1, Ordering::Relaxed);
        let changes = changes
            .iter()
            .map(|(path, event)| json!({ "uri": self.uri(path), "type": *event as u32 }));
        let changes: Vec<Value> = changes.collect();
        self.tell("workspace/didChangeWatchedFiles", json!({ "changes": changes }))
    }

    /// Tells.
    pub(crate) fn tell(&self, method: &str, params: Value) -> Result<(), BridgeError> {
        self.connection.notify(method, params).map_err(|error| self.failed(error))
    }

    /// Returns what is known now of the server's knowledge of its project.
    pub(crate) fn readiness(&self) -> Readiness {
        self.known.look(|said| match self.spec.profile.ready {
            Ready::Immediate => Readiness::Ready,
            Ready::TwoAnswers => Readiness::Unprovable,
            Ready::FirstPull if said.has_answered_pull => Readiness::Ready,
            Ready::FirstPull if !said.capabilities.has("textDocument/diagnostic") => {
                Readiness::Unprovable
            }
            Ready::FirstPull => Readiness::NotReady("it has answered nothing yet".into()),
            Ready::Status => of_status(said.status.as_ref()),
            Ready::Progress => match (said.progress.begun, said.progress.is_idle()) {
                (0, _) => Readiness::Unprovable,
                (_, true) => Readiness::Ready,
                (_, false) => Readiness::NotReady(said.progress.titles().join(", ")),
            },
        })
    }

    /// Waits until `is_met` says so about what the server has said, and returns
    /// whether it did before the time was over and the server gone.
    pub(crate) async fn until(&self, until: Instant, is_met: impl Fn(&Server) -> bool) -> bool {
        let mut words = self.known.words();
        loop {
            words.borrow_and_update();
            if is_met(self) {
                return true;
            }
            if self.connection.end().is_some() {
                return false;
            }
            match tokio::time::timeout_at(until, words.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return is_met(self),
            }
        }
    }

    /// Marks the server as in use until the mark is dropped.
    pub(crate) fn in_use(&self) -> InUse<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        InUse(self)
    }

    /// Returns how long the server has been unused; `None` while it is in use.
    pub(crate) fn unused_for(&self) -> Option<Duration> {
        let is_idle = self.requests.load(Ordering::Relaxed) == 0;
        is_idle.then(|| lock(&self.last_use).elapsed())
    }

    /// Returns the memory that it holds, in bytes, if the system says.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        lock(&self.process).0.memory_bytes()
    }

    /// Returns the id that the system knows it by.
    pub(crate) fn process_id(&self) -> u32 {
        lock(&self.process).0.id()
    }

    /// Returns the last rows of its standard error.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.connection.complaints()
    }

    /// Returns how it says it is.
    pub(crate) fn status(&self) -> Option<Status> {
        self.known.look(|said| said.status.clone())
    }

    /// Asks the server to end, and kills it with all that it started. Servers
    /// are known that say goodbye and stay.
    pub(crate) async fn stop(&self, why: &str) {
        if self.connection.end().is_none() {
            let half = self.policy.shutdown / 2;
            let asked = self.connection.request::<Value>("shutdown", Value::Null, half).await;
            if asked.is_ok() && self.connection.notify("exit", Value::Null).is_ok() {
                let _slow = tokio::time::timeout(half, self.connection.until_end()).await;
            }
        }
        self.kill(why);
    }

    /// Kills the server with all that it started.
    pub(crate) fn kill(&self, why: &str) {
        self.connection.close(why);
        lock(&self.process).0.kill();
    }

    pub(crate) fn failed(&self, error: RequestError) -> BridgeError {
        BridgeError::Request { server: self.spec.name.clone(), error }
    }
}

/// What happened to a file on disk, numbered as in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileEvent {
    /// It is new.
    Created = 1,
    /// It has another content.
    Changed = 2,
    /// It is gone.
    Deleted = 3,
}

/// A document as a server has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) version: i64,
    pub(crate) hash: ContentHash,
    /// When it was sent.
    pub(crate) at: Instant,
}

/// A mark that somebody waits for the turn.
pub(crate) struct Wanted<'a>(&'a Server);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A mark that a server is in use.
pub(crate) struct InUse<'a>(&'a Server);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        *lock(&self.0.last_use) = Instant::now();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A process that does not outlive its owner.
struct Leash(Box<dyn Process>);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// Says hello and returns what the server can do.
///
/// # Errors
/// Why there is no answer, with the server's last complaint.
async fn greet(
    connection: &Connection,
    spec: &ServerSpec,
    folder: &str,
    policy: &Policy,
) -> Result<Capabilities, String> {
    let greeting = greeting(spec, folder);
    let answer = connection.request::<Value>("initialize", greeting, policy.initialize).await;
    let answer = answer.map_err(|error| match connection.complaints().pop() {
        Some(complaint) => format!("{error} ({complaint})"),
        None => error.to_string(),
    })?;
    let gone = |error: RequestError| error.to_string();
    connection.notify("initialized", json!({})).map_err(gone)?;
    // Empty settings would erase a server's own.
    if spec.settings.as_object().is_some_and(|settings| !settings.is_empty()) {
        let settings = json!({ "settings": spec.settings });
        connection.notify("workspace/didChangeConfiguration", settings).map_err(gone)?;
    }
    Ok(Capabilities::of(&answer))
}

fn of_status(status: Option<&Status>) -> Readiness {
    match status {
        None => Readiness::NotReady("it has not said how it is".into()),
        Some(status) if status.health != "ok" => {
            Readiness::NotReady(format!("it is unwell: {} {}", status.health, status.message))
        }
        Some(status) if !status.is_quiescent => Readiness::NotReady("it is loading".into()),
        Some(_) => Readiness::Ready,
    }
}

/// Returns the content of `initialize`.
fn greeting(spec: &ServerSpec, folder: &str) -> Value {
    json!({
        "processId": std::process::id(),
        "clientInfo": { "name": "anchord", "version": env!("CARGO_PKG_VERSION") },
        "rootUri": folder,
        "workspaceFolders": [{ "uri": folder, "name": spec.name }],
        "initializationOptions": spec.initialization_options,
        "capabilities": capabilities::of_client(spec.profile.columns.as_deref()),
    })
}
