//! The editor as the service sees it: its documents, and the two links to the
//! daemon. What is told of documents goes over the first, in order; what a
//! person asks goes over the second, since it may wait for the first.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use lsp_types::{Range, TextDocumentContentChangeEvent, Url};
use serde_json::{Value, json};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, mpsc};

use super::Connect;
use super::document::{Document, Encoding, Followed};
use super::link::{self, Job, Link, Outcome, Owner};
use crate::protocol::wire;

/// What the editor can be asked and told.
pub(super) trait Outward: Send + Sync + 'static {
    /// Asks for an edit of a document; returns whether it was made and why not,
    /// in the editor's words.
    fn apply(&self, edit: EditorEdit) -> Future_<(bool, Option<String>)>;

    /// Tells that there is news of a document, or of all of them.
    fn news(&self, documents: Vec<Url>);

    /// Tells what an agent did, in few words.
    fn working(&self, agent: &str, what: &str);
}

/// A future that can go to another thread.
pub(super) type Future_<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An edit that the editor is asked for.
#[derive(Debug)]
pub(super) struct EditorEdit {
    pub(super) uri: Url,
    pub(super) version: i32,
    pub(super) edits: Vec<(Range, String)>,
    pub(super) label: String,
}

/// How the editor introduced itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Introduction {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) folder: Option<PathBuf>,
    pub(super) encoding: Encoding,
    /// Whether it makes edits that come too late.
    pub(super) careless: bool,
}

/// The editor.
pub(super) struct Editor {
    connect: Arc<dyn Connect>,
    /// The session, by a name that nobody else has.
    session: String,
    introduction: OnceLock<(Introduction, PathBuf)>,
    outward: OnceLock<Arc<dyn Outward>>,
    documents: Mutex<HashMap<Url, Document>>,
    telling: OnceLock<Link>,
    asking: OnceLock<Link>,
    behind: AtomicBool,
    /// Raised whenever the editor has said what became of an edit.
    made: Notify,
}

impl Editor {
    /// Returns the editor before it has said anything.
    pub(super) fn new(connect: Arc<dyn Connect>, session: String) -> Arc<Editor> {
        Arc::new(Editor {
            connect,
            session,
            introduction: OnceLock::new(),
            outward: OnceLock::new(),
            documents: Mutex::default(),
            telling: OnceLock::new(),
            asking: OnceLock::new(),
            behind: AtomicBool::new(false),
            made: Notify::new(),
        })
    }

    /// Begins the conversation with the daemon.
    ///
    /// # Errors
    /// Where the folder is no directory.
    pub(super) fn begin(
        self: &Arc<Editor>,
        introduction: Introduction,
        outward: Arc<dyn Outward>,
    ) -> io::Result<()> {
        let root = self.connect.root(introduction.folder.as_deref())?;
        let _again = self.introduction.set((introduction, root));
        let _again = self.outward.set(outward);
        for (slot, tells) in [(&self.telling, true), (&self.asking, false)] {
            let (link, jobs) = Link::new();
            if slot.set(link).is_ok() {
                let end = End { editor: Arc::downgrade(self), tells };
                tokio::spawn(link::carry(Arc::new(end), jobs));
            }
        }
        Ok(())
    }

    /// Returns the unit of columns.
    pub(super) fn encoding(&self) -> Encoding {
        self.introduction.get().map(|(known, _)| known.encoding).unwrap_or_default()
    }

    /// Notes that a document was opened.
    pub(super) fn opened(&self, uri: Url, version: i32, text: &str) {
        let Some(path) = path_of(&uri) else { return };
        let document = Document::open(uri.clone(), path, version, text);
        let mut documents = self.lock();
        self.tell(open(&document));
        documents.insert(uri, document);
    }

    /// Notes what was changed in a document.
    pub(super) fn changed(
        &self,
        uri: &Url,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) {
        let mut documents = self.lock();
        let Some(document) = documents.get_mut(uri) else { return };
        let was_known = document.unknown.is_none();
        match document.follow(version, changes, self.encoding()) {
            Followed::Edits(edits) => {
                let edit = |(start, end, text)| wire::ByteEdit { range: (start, end), text };
                let params = wire::BufferChangeParams {
                    session: None,
                    path: document.path.clone(),
                    version: i64::from(version),
                    edits: edits.into_iter().map(edit).collect(),
                    bytes: document.bytes(),
                };
                self.tell(Job::about(document.uri.as_str(), "buffer/change", &params));
            }
            Followed::Lost if was_known => self.tell(open(document)),
            Followed::Lost => {}
        }
    }

    /// Notes that a document was saved.
    pub(super) fn saved(&self, uri: &Url) {
        let documents = self.lock();
        let Some(document) = documents.get(uri) else { return };
        let params = wire::BufferParams { session: None, path: document.path.clone() };
        self.tell(Job::about(document.uri.as_str(), "buffer/save", &params));
    }

    /// Notes that a document was closed.
    pub(super) fn closed(&self, uri: &Url) {
        let mut documents = self.lock();
        let Some(document) = documents.remove(uri) else { return };
        let params = wire::BufferParams { session: None, path: document.path.clone() };
        self.tell(Job::about(document.uri.as_str(), "buffer/close", &params));
    }

    /// Asks the service something in the session of this editor.
    pub(super) async fn ask(&self, method: &'static str, params: Value) -> Outcome {
        match self.asking.get() {
            Some(link) => link.ask(method, params).await,
            None => Err("the conversation has not begun".to_owned()),
        }
    }

    /// Returns what agents did to a document; `None` where it is none of the
    /// service's files, or the service does not answer.
    pub(super) async fn marks(&self, uri: &Url) -> Option<wire::MarksResult> {
        let path = self.name_of(uri)?;
        let marks = self.ask("buffer/marks", json!({ "path": path })).await.ok()?;
        serde_json::from_value(marks).ok()
    }

    /// Returns something of a document, if it is one of the service's files.
    pub(super) fn with<T>(&self, uri: &Url, look: impl FnOnce(&Document) -> T) -> Option<T> {
        self.lock().get(uri).map(look)
    }

    /// Returns when the editor has said what became of its next edit.
    pub(super) fn made(&self) -> Notified<'_> {
        self.made.notified()
    }

    /// Returns the name of an open document.
    pub(super) fn name_of(&self, uri: &Url) -> Option<String> {
        self.lock().get(uri)?.name.clone()
    }

    /// Returns where a file lies.
    pub(super) fn uri_of(&self, name: &str) -> Option<Url> {
        let documents = self.lock();
        let open = documents.values().find(|document| document.name.as_deref() == Some(name));
        let open = open.map(|document| document.uri.clone());
        let (_, root) = self.introduction.get()?;
        open.or_else(|| Url::from_file_path(root.join(name)).ok())
    }

    /// Tells the daemon; where too much waits already, everything is told again.
    fn tell(&self, job: Job) {
        let Some(link) = self.telling.get() else { return };
        if !link.send(job) {
            self.behind.store(true, Ordering::SeqCst);
        }
    }

    /// Has an edit made in a document.
    fn edit(self: &Arc<Editor>, edit: wire::BufferEdit) {
        let request = edit.request;
        let asked = self.in_document(edit);
        let (Some(outward), Some(asked)) = (self.outward.get().cloned(), asked) else {
            let reason = "the document changed before the editor could be asked";
            return self.answer(request, false, Some(reason.to_owned()));
        };
        let editor = Arc::clone(self);
        tokio::spawn(async move {
            // The service does not wait for ever. To say in the place of the editor that
            // it did not make the edit would be a guess: it may be busy, and make it yet.
            let (applied, reason) = outward.apply(asked).await;
            editor.made.notify_waiters();
            editor.answer(request, applied, reason);
        });
    }

    /// Returns the edit in the words of the editor, if its document still is of
    /// the version that is meant.
    fn in_document(&self, edit: wire::BufferEdit) -> Option<EditorEdit> {
        let documents = self.lock();
        let named = |document: &&Document| document.name.as_deref() == Some(&edit.path);
        let document = documents.values().find(named)?;
        if i64::from(document.version) != edit.version {
            return None;
        }
        let told = |edit| document.told(edit, self.encoding());
        let edits = edit.edits.into_iter().map(told).collect::<Option<_>>()?;
        let (uri, version) = (document.uri.clone(), document.version);
        Some(EditorEdit { uri, version, edits, label: edit.label })
    }

    fn answer(&self, request: u64, applied: bool, reason: Option<String>) {
        let params = wire::BufferAnswerParams { session: None, request, applied, reason };
        self.tell(Job::about("", "buffer/answer", &params));
    }

    fn heed(self: &Arc<Editor>, method: &str, params: Value) {
        let outward = self.outward.get();
        match (method, outward) {
            ("buffer/edit", _) => {
                if let Ok(edit) = serde_json::from_value(params) {
                    self.edit(edit);
                }
            }
            ("buffer/news", Some(outward)) => {
                let name = params["path"].as_str().unwrap_or_default();
                outward.news(self.uri_of(name).into_iter().collect());
            }
            ("session/working", Some(outward)) => {
                let text = |field: &str| params[field].as_str().unwrap_or_default().to_owned();
                outward.working(&text("agent"), &text("what"));
            }
            _ => {}
        }
    }

    /// Takes in what the service says of a document that it was told of.
    fn answered(&self, uri: &str, outcome: Outcome) {
        let Ok(uri) = Url::parse(uri) else { return };
        let mut documents = self.lock();
        let Some(document) = documents.get_mut(&uri) else { return };
        let Ok(result) = outcome else { return };
        match (result["status"].as_str(), result["rejection"]["code"].as_str()) {
            (Some("ok"), _) => {
                document.name = result["path"].as_str().map(str::to_owned);
            }
            // It holds another text than we think it does, or none.
            (_, Some("not_found")) if document.name.is_some() => {
                document.name = None;
                self.tell(open(document));
            }
            _ => document.name = None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Url, Document>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what tells the service that a document is open.
fn open(document: &Document) -> Job {
    let text = document.unknown.is_none().then(|| document.text());
    let params = wire::BufferOpenParams {
        session: None,
        path: document.path.clone(),
        version: i64::from(document.version),
        text,
        unknown: document.unknown.clone(),
    };
    Job::about(document.uri.as_str(), "buffer/open", &params)
}

fn path_of(uri: &Url) -> Option<String> {
    if uri.scheme() != "file" {
        return None;
    }
    uri.to_file_path().ok()?.to_str().map(str::to_owned)
}

/// The near end of one of the two links. It holds the editor weakly, so that the
/// links end with it.
struct End {
    editor: Weak<Editor>,
    /// Whether documents are told over it.
    tells: bool,
}

impl Owner for End {
    fn connect(&self) -> io::Result<std::os::unix::net::UnixStream> {
        let gone = || io::Error::other("the editor has gone");
        let editor = self.editor.upgrade().ok_or_else(gone)?;
        let (_, root) = editor.introduction.get().ok_or_else(gone)?;
        editor.connect.connect(root)
    }

    fn begin(&self, jobs: &mut mpsc::Receiver<Job>) -> Vec<Job> {
        let Some(editor) = self.editor.upgrade() else { return Vec::new() };
        let known = editor.introduction.get().map(|(known, _)| known.clone()).unwrap_or_default();
        let careless = known.careless;
        let opening = wire::OpenParams {
            client: wire::Client { name: known.name, version: known.version },
            resume: Some(editor.session.clone()),
            ..wire::OpenParams::default()
        };
        let mut begin = vec![Job::about("", "session/open", &opening)];
        if self.tells {
            let documents = editor.lock();
            editor.behind.store(false, Ordering::SeqCst);
            // All that waits is in the documents by now.
            while jobs.try_recv().is_ok() {}
            let listening =
                wire::ListenParams { editor: true, careless, ..wire::ListenParams::default() };
            begin.push(Job::about("", "session/listen", &listening));
            begin.extend(documents.values().map(open));
        }
        begin
    }

    fn heed(&self, method: &str, params: Value) {
        if let Some(editor) = self.editor.upgrade() {
            editor.heed(method, params);
        }
    }

    fn answered(&self, document: &str, outcome: Outcome) {
        if let Some(editor) = self.editor.upgrade() {
            editor.answered(document, outcome);
        }
    }

    fn is_behind(&self) -> bool {
        let editor = self.editor.upgrade();
        self.tells && editor.is_some_and(|editor| editor.behind.load(Ordering::SeqCst))
    }
}

/// Returns the folder that a URI names.
pub(super) fn folder_of(uri: &Url) -> Option<PathBuf> {
    uri.to_file_path().ok().filter(|path: &PathBuf| Path::is_absolute(path))
}
