//! Renames: of a symbol, and of a file.
//!
//! A rename is complete or does not happen. Most servers answer a request right
//! after their start with success and with the one file that is open. So a
//! rename waits until the server knows its project, as far as it says so; what
//! it answers must change places that hold the old name, in versions that we
//! hold; and a census of the name says what it leaves out. Where it leaves
//! nothing out, it is complete whatever the server knows. Where it does, and the
//! server does not prove that it knows all, it is refused unless the caller
//! consents to the places that are left.

use std::ops::Range as Bytes;
use std::sync::Arc;
use std::time::Duration;

use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bridge::{Bridge, Inner, until};
use crate::census::{Census, Occurrence, uncovered, word_around};
use crate::collect::{Quest, raw_items};
use crate::error::BridgeError;
use crate::message::{Position, Range, WorkspaceEdit};
use crate::position::{byte_range, position};
use crate::server::{FileEvent, Readiness, Server};
use crate::source_change::{FileOperation, SourceChange, source_change};
use crate::table::Ready;

/// How long a server that shows its progress may take until it shows any.
const PROGRESS_BEGINS: Duration = Duration::from_millis(1500);

/// How long no other progress may begin once all has ended.
const PROGRESS_SETTLES: Duration = Duration::from_millis(300);

/// How long a server that does not say whether it is ready may find nothing to
/// rename.
const PREPARES: Duration = Duration::from_secs(5);

/// How long lies between two answers that are to be equal.
const BETWEEN_ANSWERS: Duration = Duration::from_millis(1000);

/// What is to be renamed.
#[derive(Debug, Clone)]
pub struct RenameRequest {
    /// A file that holds the symbol.
    pub path: String,
    /// A byte of the symbol there.
    pub offset: usize,
    /// Its name, which must stand there.
    pub old_name: String,
    /// The name that it gets.
    pub new_name: String,
    /// How long the answer may take.
    pub budget: Duration,
    /// Whether the places that the server leaves out are the caller's wish,
    /// where the server does not prove that it knows all.
    pub accept_uncovered: bool,
}

/// A rename that can be carried out.
#[derive(Debug, Clone)]
pub struct Rename {
    /// What it does.
    pub change: SourceChange,
    /// The server that it is from.
    pub server: String,
    /// The life of the server.
    pub epoch: u64,
    /// What proves that nothing is left out.
    pub proof: Proof,
    /// Places where the old name stands and stays: other symbols, comments,
    /// texts; or what the server does not know.
    pub uncovered: Vec<Occurrence>,
}

/// What proves that a rename is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The old name stands nowhere else.
    Census,
    /// The server says that it knows its whole project.
    Ready,
    /// Two answers were equal, and the caller consents to what is left out.
    Consent,
}

impl Bridge {
    /// Returns what a rename of a symbol does.
    ///
    /// # Errors
    /// [`BridgeError::Incomplete`] where places are left out and nothing proves
    /// that they should be; else why there is no server, no answer, or none that
    /// may be carried out.
    pub fn rename(
        &self,
        request: RenameRequest,
        census: Arc<dyn Census>,
    ) -> Result<Rename, BridgeError> {
        let inner = Arc::clone(&self.inner);
        self.wait(async move { inner.rename(&request, census).await })?
    }

    /// Returns what moving the file at `from` to `to` does: to the files that
    /// name it, and then to itself.
    ///
    /// # Errors
    /// As [`Bridge::rename`], but without a census: a path is written in too many
    /// ways.
    pub fn rename_file(
        &self,
        from: &str,
        to: &str,
        budget: Duration,
    ) -> Result<SourceChange, BridgeError> {
        let inner = Arc::clone(&self.inner);
        let (from, to) = (from.to_owned(), to.to_owned());
        self.wait(async move { inner.rename_file(&from, &to, until(budget)).await })?
    }

    /// Tells all running servers that a file was moved.
    pub fn renamed_file(&self, from: &str, to: &str) {
        for server in self.inner.supervisor.running() {
            server.forget(from);
            if server.has("workspace/didRenameFiles") {
                // A server that is gone hears nothing, and knows nothing.
                let _gone = server.tell("workspace/didRenameFiles", renaming(&server, from, to));
            }
        }
        let events = [(from.to_owned(), FileEvent::Deleted), (to.to_owned(), FileEvent::Created)];
        self.files_changed(&events);
    }
}

fn renaming(server: &Server, from: &str, to: &str) -> Value {
    json!({ "files": [{ "oldUri": server.uri(from), "newUri": server.uri(to) }] })
}

impl Inner {
    async fn rename(
        &self,
        request: &RenameRequest,
        census: Arc<dyn Census>,
    ) -> Result<Rename, BridgeError> {
        let until = until(request.budget);
        let path = request.path.as_str();
        let snapshot = self.snapshot(path)?;
        let word = named_word(&snapshot, request)?;
        let server = self.server(path, until).await?;
        let place = position(&snapshot, word.start, server.encoding);
        if !server.has("textDocument/rename") {
            server
                .until(until.min(server.started + PROGRESS_BEGINS), |server| {
                    server.has("textDocument/rename")
                })
                .await;
        }
        if !server.has("textDocument/rename") {
            return Err(BridgeError::NoServer { what: "renames in", path: path.to_owned() });
        }
        let _turn = self.turn(&server, until).await?;
        let _used = server.in_use();
        self.catch_up(&server, &[])?;
        server.show(path, &snapshot)?;
        get_ready(&server, path, &snapshot, until).await;
        prepare(&server, request, &snapshot, place, until).await?;
        let (spec, name) = (Arc::clone(&server.spec), request.old_name.clone());
        // It reads every file, which is nothing for the threads that listen to
        // servers.
        let count = move || census.occurrences(&name, &|path| spec.language(path).is_some());
        let count = tokio::task::spawn_blocking(count);
        let occurrences = tokio::time::timeout_at(until, count).await.map_err(|_| {
            let why = "there was no time to look for the name in all files".to_owned();
            BridgeError::TooSlow { server: server.spec.name.clone(), why }
        })?;
        let occurrences = occurrences.map_err(|_| BridgeError::Fault)?;
        self.ask_until_complete(&server, request, place, occurrences, until).await
    }

    /// Asks for the edits until they are complete, or the server is ready, or
    /// two answers are equal.
    async fn ask_until_complete(
        &self,
        server: &Server,
        request: &RenameRequest,
        place: Position,
        occurrences: Vec<Occurrence>,
        until: Instant,
    ) -> Result<Rename, BridgeError> {
        let mut before: Option<SourceChange> = None;
        loop {
            // What the server was when it was asked, not what it became.
            let readiness = server.readiness();
            let change = self.ask_rename(server, request, place, until).await?;
            let left = uncovered(occurrences.clone(), &change);
            let is_settled = before.as_ref().is_some_and(|before| before.is_same(&change));
            let proof = match readiness {
                _ if left.is_empty() => Some(Proof::Census),
                Readiness::Ready => Some(Proof::Ready),
                Readiness::Unprovable if is_settled && request.accept_uncovered => {
                    Some(Proof::Consent)
                }
                _ => None,
            };
            let (name, epoch) = (server.spec.name.clone(), server.epoch);
            if let Some(proof) = proof {
                return Ok(Rename { change, server: name, epoch, proof, uncovered: left });
            }
            let is_final = is_settled && readiness == Readiness::Unprovable;
            if is_final || Instant::now() + BETWEEN_ANSWERS >= until {
                let why = why_incomplete(&readiness, is_settled);
                return Err(BridgeError::Incomplete { server: name, why, uncovered: left });
            }
            before = Some(change);
            tokio::time::sleep(BETWEEN_ANSWERS).await;
        }
    }

    async fn ask_rename(
        &self,
        server: &Server,
        request: &RenameRequest,
        place: Position,
        until: Instant,
    ) -> Result<SourceChange, BridgeError> {
        let mut params = at(server, &request.path, place);
        params["newName"] = json!(request.new_name);
        let edit: Option<WorkspaceEdit> = server.ask("textDocument/rename", params, until).await?;
        let change = source_change(&edit.unwrap_or_default(), server, self.files.as_ref())?;
        if change.is_empty() {
            let message = "the server has nothing to rename there";
            return Err(Refusal::new(Code::NotFound, message).at(&request.path).into());
        }
        for file in &change.files {
            let strange = file.change.edits().iter().position(|edit| {
                let word = word_around(&file.before.bytes, edit.range.clone());
                !holds(&file.before.bytes[word], &request.old_name)
            });
            if let Some(index) = strange {
                let message = "the server renames a place that does not hold the old name";
                return Err(Refusal::new(Code::LspVersion, message)
                    .at(&file.path)
                    .op(index)
                    .into());
            }
        }
        Ok(change)
    }

    async fn rename_file(
        &self,
        from: &str,
        to: &str,
        until: Instant,
    ) -> Result<SourceChange, BridgeError> {
        let snapshot = self.snapshot(from)?;
        if self.files.snapshot(to).is_some() {
            return Err(Refusal::new(Code::Exists, "a file is to be moved there").at(to).into());
        }
        let server = self.server(from, until).await?;
        if !server.has("workspace/willRenameFiles") {
            let what = "follows a move of";
            return Err(BridgeError::NoServer { what, path: from.to_owned() });
        }
        let _turn = self.turn(&server, until).await?;
        let _used = server.in_use();
        self.catch_up(&server, &[])?;
        server.show(from, &snapshot)?;
        get_ready(&server, from, &snapshot, until).await;
        let mut change = self.ask_until_settled(&server, from, to, until).await?;
        let is_moved = change.operations.iter().any(
            |operation| matches!(operation, FileOperation::Rename { from: other, .. } if other == from),
        );
        if !is_moved {
            let (from, to) = (from.to_owned(), to.to_owned());
            change.operations.push(FileOperation::Rename { from, to, overwrite: false });
        }
        Ok(change)
    }

    async fn ask_until_settled(
        &self,
        server: &Server,
        from: &str,
        to: &str,
        until: Instant,
    ) -> Result<SourceChange, BridgeError> {
        let mut before: Option<SourceChange> = None;
        loop {
            let readiness = server.readiness();
            let params = renaming(server, from, to);
            let edit: Option<WorkspaceEdit> =
                server.ask("workspace/willRenameFiles", params, until).await?;
            let change = source_change(&edit.unwrap_or_default(), server, self.files.as_ref())?;
            let is_settled = before.as_ref().is_some_and(|before| before.is_same(&change));
            match readiness {
                Readiness::Ready => return Ok(change),
                Readiness::Unprovable if is_settled => return Ok(change),
                _ if Instant::now() + BETWEEN_ANSWERS >= until => {
                    let why = why_incomplete(&readiness, is_settled);
                    return Err(BridgeError::TooSlow { server: server.spec.name.clone(), why });
                }
                _ => {}
            }
            before = Some(change);
            tokio::time::sleep(BETWEEN_ANSWERS).await;
        }
    }

    /// Returns the content of the file at `path` as it is now.
    ///
    /// # Errors
    /// A refusal where there is none.
    pub(crate) fn snapshot(&self, path: &str) -> Result<Arc<Snapshot>, BridgeError> {
        let missing = || Refusal::new(Code::Missing, "there is no such file").at(path);
        self.files.snapshot(path).ok_or_else(|| missing().into())
    }
}

/// Returns the content of a request about one place.
pub(crate) fn at(server: &Server, path: &str, place: Position) -> Value {
    json!({ "textDocument": { "uri": server.uri(path) }, "position": place })
}

/// Checks that the old name stands at the place as a whole word, and returns its
/// bytes.
fn named_word(snapshot: &Snapshot, request: &RenameRequest) -> Result<Bytes<usize>, Refusal> {
    let refused = |code, message: &str| Refusal::new(code, message).at(&request.path);
    if request.offset >= snapshot.bytes.len() {
        return Err(refused(Code::NotFound, "the place lies behind the end of the file"));
    }
    if request.old_name.is_empty() || request.new_name.is_empty() {
        return Err(refused(Code::Malformed, "a name must not be empty"));
    }
    if request.old_name == request.new_name {
        return Err(refused(Code::NoChange, "the new name is the old one"));
    }
    let word = word_around(&snapshot.bytes, request.offset..request.offset);
    match snapshot.bytes[word.clone()] == *request.old_name.as_bytes() {
        true => Ok(word),
        false => Err(refused(Code::NotFound, "the old name does not stand at this place")),
    }
}

fn holds(bytes: &[u8], name: &str) -> bool {
    memchr::memmem::find(bytes, name.as_bytes()).is_some()
}

/// Gives the server the time that it needs to load its project, as far as it
/// says when it has. What it is then is asked for again behind each answer.
///
/// A quarter of the time is left over, so that a server that never gets ready
/// still says what it knows, and the census what it does not.
async fn get_ready(server: &Server, path: &str, snapshot: &Snapshot, until: Instant) {
    let until = Instant::now() + until.saturating_duration_since(Instant::now()) * 3 / 4;
    match server.spec.profile.ready {
        Ready::Immediate | Ready::TwoAnswers => {}
        Ready::FirstPull => {
            let since = Instant::now();
            // The answer itself is of no interest, only that there is one.
            let quest = Quest { path, snapshot, since, checks: None, until };
            let _items = raw_items(server, quest).await;
        }
        Ready::Status => {
            let is_settled =
                |server: &Server| server.status().is_some_and(|status| status.is_quiescent);
            server.until(until, is_settled).await;
        }
        Ready::Progress => {
            let has_begun = |server: &Server| server.known.look(|said| said.progress.begun > 0);
            server.until(until.min(Instant::now() + PROGRESS_BEGINS), has_begun).await;
            rest(server, until).await;
        }
    }
}

/// Waits until no progress has run for a while.
async fn rest(server: &Server, until: Instant) {
    let is_idle = |server: &Server| server.known.look(|said| said.progress.is_idle());
    while server.until(until, is_idle).await {
        let begun = server.known.look(|said| said.progress.begun);
        let settles = until.min(Instant::now() + PROGRESS_SETTLES);
        let begins = |server: &Server| server.known.look(|said| said.progress.begun > begun);
        if !server.until(settles, begins).await {
            return;
        }
    }
}

/// Asks the server what it would rename, where it can be asked, and checks that
/// this is the symbol. Servers are known that rename another.
async fn prepare(
    server: &Server,
    request: &RenameRequest,
    snapshot: &Snapshot,
    place: Position,
    until: Instant,
) -> Result<(), BridgeError> {
    if !server.known.look(|said| said.capabilities.has_prepare_rename()) {
        return Ok(());
    }
    let params = at(server, &request.path, place);
    let patience = until.min(Instant::now() + PREPARES);
    let answer = loop {
        let is_ready = server.readiness() == Readiness::Ready;
        match server.ask("textDocument/prepareRename", params.clone(), until).await? {
            // A server that has not looked at the file yet says the same as one
            // that never renames anything there.
            Value::Null if !is_ready && Instant::now() + BETWEEN_ANSWERS < patience => {
                tokio::time::sleep(BETWEEN_ANSWERS).await;
            }
            answer => break answer,
        }
    };
    let range = if answer["range"].is_object() { &answer["range"] } else { &answer };
    let refused =
        |message: &str| Err(Refusal::new(Code::NotFound, message).at(&request.path).into());
    if answer.is_null() {
        return refused("the server renames nothing there");
    }
    // A server that leaves the range to us takes the word at the place.
    let Ok(range) = serde_json::from_value::<Range>(range.clone()) else { return Ok(()) };
    let bytes = byte_range(snapshot, range, server.encoding);
    match snapshot.bytes[bytes] == *request.old_name.as_bytes() {
        true => Ok(()),
        false => refused("the server would rename something else there"),
    }
}

fn why_incomplete(readiness: &Readiness, is_settled: bool) -> String {
    match readiness {
        Readiness::NotReady(why) => format!("it is not ready: {why}"),
        _ if is_settled => "it does not say whether it knows the whole project".to_owned(),
        _ => "it does not come to rest".to_owned(),
    }
}
