//! The one file that knows tower-lsp, which is no longer maintained: the server,
//! and the wrapper that mends what is wrong with it.
//!
//! As it is, notifications overtake each other, a cancellation waits behind slow
//! requests, a panic ends the process and `exit` hangs. The wrapper takes in
//! what is told of documents while a message is read, in the order of the wire,
//! gives every other request a task of its own, and ends the process itself.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument,
    Notification, Progress,
};
use lsp_types::request::{
    ApplyWorkspaceEdit, CodeLensRefresh, InlayHintRefreshRequest, WorkDoneProgressCreate,
};
use lsp_types::{
    ApplyWorkspaceEditParams, ClientCapabilities, CodeActionParams, CodeActionProviderCapability,
    CodeActionResponse, CodeLens, CodeLensOptions, CodeLensParams, DidChangeTextDocumentParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    DocumentChanges, ExecuteCommandOptions, ExecuteCommandParams, Hover, HoverParams,
    HoverProviderCapability, InitializeParams, InitializeResult, InlayHint, InlayHintParams,
    MessageType, NumberOrString, OneOf, OptionalVersionedTextDocumentIdentifier,
    PositionEncodingKind, ProgressParams, ProgressParamsValue, Range, SaveOptions,
    ServerCapabilities, ServerInfo, TextDocumentEdit, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, TextEdit, Url,
    WorkDoneProgress, WorkDoneProgressBegin, WorkDoneProgressCreateParams, WorkDoneProgressEnd,
    WorkDoneProgressReport, WorkspaceEdit,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, Request, Response, Result};
use tower_lsp::{Client, ExitedError, LanguageServer, LspService, Server, async_trait};
use tower_service::Service;

use super::Connect;
use super::document::Encoding;
use super::editor::{Editor, EditorEdit, Future_, Introduction, Outward, folder_of};
use super::offers;

/// How long what is under way may take at the end.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Requests under way at once. Each has a task of its own, so this bounds only
/// how many answers may be outstanding.
const MOST_REQUESTS: usize = 4096;

/// Serves an editor on standard input and output until it leaves. Returns whether
/// it left as the protocol wants it.
///
/// # Errors
/// Where the system gives no threads.
pub fn serve(connect: impl Connect, session: String) -> io::Result<bool> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let editor = Editor::new(Arc::new(connect), session);
    let well = runtime.block_on(run(editor));
    runtime.shutdown_timeout(LAST_WORDS);
    Ok(well)
}

async fn run(editor: Arc<Editor>) -> bool {
    let over = Arc::new(Over::default());
    let face = |client| Face { editor: Arc::clone(&editor), client, over: Arc::clone(&over) };
    let service = LspService::build(face);
    let service = service.custom_method("anchord/anchors", Face::anchors);
    let (service, socket) = service.custom_method("anchord/resolve", Face::resolve).finish();
    let ordered = Ordered { inner: service, editor: Arc::clone(&editor), over: Arc::clone(&over) };
    let server = Server::new(tokio::io::stdin(), tokio::io::stdout(), socket);
    tokio::select! {
        () = server.concurrency_level(MOST_REQUESTS).serve(ordered) => {}
        () = over.exit.notified() => {
            // The answer to `shutdown` may still be on its way.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    over.shutdown.load(Ordering::SeqCst)
}

/// How it ends.
#[derive(Default)]
struct Over {
    /// Whether `shutdown` came.
    shutdown: AtomicBool,
    /// Raised by `exit`.
    exit: Notify,
}

/// The wrapper.
struct Ordered {
    inner: LspService<Face>,
    editor: Arc<Editor>,
    over: Arc<Over>,
}

type Answer = std::result::Result<Option<Response>, ExitedError>;

impl Service<Request> for Ordered {
    type Response = Option<Response>;
    type Error = ExitedError;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<std::result::Result<(), ExitedError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.id().is_none() && self.heed(&request) {
            return Box::pin(std::future::ready(Ok(None)));
        }
        let id = request.id().cloned();
        let is_of_life = matches!(request.method(), "initialize" | "initialized" | "shutdown");
        let answer = self.inner.call(without_null(request));
        if is_of_life {
            return answer;
        }
        let task = tokio::spawn(answer);
        Box::pin(async move {
            match task.await {
                Ok(answer) => answer,
                // One bad request ends one request.
                Err(_) => Ok(id.map(|id| Response::from_error(id, Error::internal_error()))),
            }
        })
    }
}

impl Ordered {
    /// Takes in a notification that has its place in the order of the wire;
    /// returns whether it is one.
    fn heed(&self, request: &Request) -> bool {
        let editor = &self.editor;
        match request.method() {
            DidOpenTextDocument::METHOD => {
                if let Some(DidOpenTextDocumentParams { text_document: opened }) = read(request) {
                    editor.opened(opened.uri, opened.version, &opened.text);
                }
            }
            DidChangeTextDocument::METHOD => {
                let params = read::<DidChangeTextDocumentParams>(request);
                if let Some(DidChangeTextDocumentParams { text_document, content_changes }) = params
                {
                    editor.changed(&text_document.uri, text_document.version, content_changes);
                }
            }
            DidSaveTextDocument::METHOD => {
                if let Some(params) = read::<DidSaveTextDocumentParams>(request) {
                    editor.saved(&params.text_document.uri);
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Some(params) = read::<DidCloseTextDocumentParams>(request) {
                    editor.closed(&params.text_document.uri);
                }
            }
            "exit" => self.over.exit.notify_one(),
            _ => return false,
        }
        true
    }
}

/// Returns the request without parameters where they are `null`, which some editors
/// send for none, and tower-lsp refuses.
fn without_null(request: Request) -> Request {
    match request.into_parts() {
        (method, Some(id), None | Some(Value::Null)) => Request::build(method).id(id).finish(),
        (method, None, None | Some(Value::Null)) => Request::build(method).finish(),
        (method, Some(id), Some(params)) => Request::build(method).id(id).params(params).finish(),
        (method, None, Some(params)) => Request::build(method).params(params).finish(),
    }
}

fn read<T: DeserializeOwned>(request: &Request) -> Option<T> {
    serde_json::from_value(request.params()?.clone()).ok()
}

/// The server, as tower-lsp wants it.
struct Face {
    editor: Arc<Editor>,
    client: Client,
    over: Arc<Over>,
}

#[async_trait]
impl LanguageServer for Face {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let introduction = introduction(&params);
        let encoding = introduction.encoding;
        let outward = Arc::new(Told::new(&self.client, &self.editor, &params.capabilities));
        self.editor.begin(introduction, outward).map_err(|error| Error {
            message: error.to_string().into(),
            ..Error::internal_error()
        })?;
        let server_info = Some(ServerInfo {
            name: "anchord".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        });
        Ok(InitializeResult { capabilities: capabilities(encoding), server_info })
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let marks = self.editor.marks(&params.text_document.uri).await;
        Ok(marks.map(|marks| offers::lenses(&marks)))
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let uri = &params.text_document.uri;
        let Some(marks) = self.editor.marks(uri).await else { return Ok(None) };
        let encoding = self.editor.encoding();
        let hints = self.editor.with(uri, |document| {
            offers::hints(&marks, params.range, |line| document.width(line, encoding))
        });
        Ok(hints)
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let at = params.text_document_position_params;
        let marks = self.editor.marks(&at.text_document.uri).await;
        Ok(marks.and_then(|marks| offers::hover(&marks, at.position)))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        // Who asks for one kind of action asks to have it carried out.
        if params.context.only.is_some() {
            return Ok(None);
        }
        let marks = self.editor.marks(&params.text_document.uri).await;
        Ok(marks.map(|marks| offers::actions(&marks, params.range)))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        // Answered when an edit was made, before that is proved: an editor that waits
        // for the answer may not tell before it what was changed.
        let (editor, client) = (Arc::clone(&self.editor), self.client.clone());
        let mut made = std::pin::pin!(self.editor.made());
        made.as_mut().enable();
        let work = tokio::spawn(async move {
            let (kind, text) = carry_out(&editor, &params.command, &params.arguments).await;
            client.show_message(kind, text).await;
        });
        tokio::select! {
            () = made => {}
            _ended = work => {}
        }
        Ok(None)
    }

    async fn shutdown(&self) -> Result<()> {
        self.over.shutdown.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Lines of a document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnchorsParams {
    text_document: lsp_types::TextDocumentIdentifier,
    /// Whole lines; all of them where none are named.
    range: Option<Range>,
}

/// The name of some lines, as an anchor says it.
#[derive(Debug, Deserialize)]
struct ResolveParams {
    anchor: String,
}

impl Face {
    /// Answers `anchord/anchors`.
    async fn anchors(&self, params: AnchorsParams) -> Result<Value> {
        let Some(marks) = self.editor.marks(&params.text_document.uri).await else {
            return Ok(Value::Null);
        };
        let (first, last) = match params.range {
            Some(range) => (range.start.line as usize + 1, range.end.line as usize + 1),
            None => (1, marks.total_lines),
        };
        Ok(json!({
            "path": marks.path, "handle": marks.handle,
            "lines": [first, last.min(marks.total_lines)],
            "anchor": offers::anchor(&marks, first, last),
        }))
    }

    /// Answers `anchord/resolve`.
    async fn resolve(&self, params: ResolveParams) -> Result<Value> {
        let parts = parts_of(&params.anchor)
            .ok_or_else(|| Error::invalid_params("an anchor is @PATH HANDLE LINES"))?;
        let (path, handle, lines) = parts;
        let asked = json!({ "path": path, "handle": handle, "lines": [lines.0, lines.1] });
        let found = self.editor.ask("anchor/resolve", asked).await;
        let found =
            found.map_err(|text| Error { message: text.into(), ..Error::internal_error() })?;
        if found["status"] != "ok" {
            let text = found["rejection"]["message"].as_str().unwrap_or_default().to_owned();
            return Err(Error::invalid_params(text));
        }
        let uri = self.editor.uri_of(found["path"].as_str().unwrap_or_default());
        Ok(json!({ "uri": uri, "handle": found["handle"], "lines": found["lines"] }))
    }
}

/// Carries out a command; returns what the person is told.
async fn carry_out(editor: &Editor, command: &str, arguments: &[Value]) -> (MessageType, String) {
    let first = arguments.first().cloned().unwrap_or_default();
    let outcome = match command {
        offers::UNDO => {
            let params = json!({ "operation": first, "allow_mixed": true });
            editor.ask("edit/undo", params).await
        }
        offers::ACCEPT => {
            let mut params = json!({ "path": first });
            if let Some(operation) = arguments.get(1) {
                params["operation"] = operation.clone();
            }
            editor.ask("buffer/accept", params).await
        }
        offers::SHOW => editor.ask("edit/show", json!({ "operation": first })).await,
        offers::COPY => return (MessageType::INFO, first.as_str().unwrap_or_default().into()),
        _ => Err(format!("there is no command {command}")),
    };
    match outcome {
        Err(text) => (MessageType::ERROR, text),
        Ok(result) if result["status"] == "rejected" => {
            let text = result["rejection"]["message"].as_str().unwrap_or_default();
            (MessageType::WARNING, text.to_owned())
        }
        Ok(result) => (MessageType::INFO, told(command, &first, &result)),
    }
}

/// Returns what is said of a command that was carried out.
fn told(command: &str, argument: &Value, result: &Value) -> String {
    match command {
        offers::UNDO => format!("operation {argument} was taken back"),
        offers::SHOW => result["diff"].as_str().unwrap_or_default().to_owned(),
        _ => "accepted".to_owned(),
    }
}

/// Returns path, handle and lines of an anchor.
fn parts_of(anchor: &str) -> Option<(&str, &str, (usize, usize))> {
    let (rest, lines) = anchor.trim().strip_prefix('@')?.rsplit_once(' ')?;
    let (path, handle) = rest.rsplit_once(' ')?;
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    Some((path, handle, (first.parse().ok()?, last.parse().ok()?)))
}

fn introduction(params: &InitializeParams) -> Introduction {
    let client = params.client_info.clone();
    let folders = params.workspace_folders.iter().flatten();
    let folder = folders.map(|folder| &folder.uri).find_map(folder_of);
    let folder = folder.or_else(|| params.root_uri.as_ref().and_then(folder_of));
    let general = params.capabilities.general.as_ref();
    let offered = general.and_then(|general| general.position_encodings.as_ref());
    // Neovim compares an edit's version with what it has told, not with the buffer;
    // our package for it compares with the buffer, and says so.
    let experimental = params.capabilities.experimental.as_ref();
    let is_guarded = experimental.is_some_and(|known| known["anchord"]["guarded"] == true);
    let is_neovim = client.as_ref().is_some_and(|client| client.name == "Neovim");
    let offers_utf8 = offered.is_some_and(|kinds| kinds.contains(&PositionEncodingKind::UTF8));
    Introduction {
        name: client.as_ref().map_or_else(|| "an editor".to_owned(), |client| client.name.clone()),
        version: client.and_then(|client| client.version).unwrap_or_default(),
        folder,
        encoding: if offers_utf8 { Encoding::Utf8 } else { Encoding::Utf16 },
        careless: is_neovim && !is_guarded,
    }
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions {
            include_text: Some(false),
        })),
        ..TextDocumentSyncOptions::default()
    };
    ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        inlay_hint_provider: Some(OneOf::Left(true)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        code_action_provider: Some(CodeActionProviderCapability::Simple(true)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: offers::COMMANDS.map(str::to_owned).to_vec(),
            ..ExecuteCommandOptions::default()
        }),
        experimental: Some(json!({ "anchord": { "anchors": true, "resolve": true } })),
        ..ServerCapabilities::default()
    }
}

/// The way to the editor.
struct Told {
    client: Client,
    /// To the task that tells of news; full is as good as woken.
    news: mpsc::Sender<Url>,
    /// To the task that shows what agents do.
    work: mpsc::Sender<String>,
}

/// News that may wait.
const MOST_NEWS: usize = 256;

/// How many refreshes an editor may leave unanswered.
const MOST_REFRESHES: usize = 64;

/// How long after an agent's last deed it is shown as working.
const AT_WORK: Duration = Duration::from_secs(2);

/// How long an edit waits before the editor is told something that needs no
/// answer: Emacs 28 leaves what comes right behind the answer to a command lying
/// until something else comes.
const NUDGE: Duration = Duration::from_millis(400);

impl Told {
    fn new(client: &Client, editor: &Arc<Editor>, capabilities: &ClientCapabilities) -> Told {
        let (news, documents) = mpsc::channel(MOST_NEWS);
        tokio::spawn(tell_news(
            client.clone(),
            Arc::clone(editor),
            documents,
            Refreshes::of(capabilities),
        ));
        let (work, deeds) = mpsc::channel(MOST_NEWS);
        let window = capabilities.window.as_ref();
        if window.and_then(|window| window.work_done_progress) == Some(true) {
            tokio::spawn(tell_work(client.clone(), deeds));
        }
        Told { client: client.clone(), news, work }
    }
}

impl Outward for Told {
    fn apply(&self, edit: EditorEdit) -> Future_<(bool, Option<String>)> {
        let client = self.client.clone();
        Box::pin(async move {
            let asking = client.clone();
            let mut answer = tokio::spawn(async move {
                asking.send_request::<ApplyWorkspaceEdit>(apply_params(edit)).await
            });
            loop {
                match tokio::time::timeout(NUDGE, &mut answer).await {
                    Ok(Ok(Ok(answer))) => return (answer.applied, answer.failure_reason),
                    Ok(Ok(Err(error))) => return (false, Some(error.message.into_owned())),
                    Ok(Err(ended)) => return (false, Some(ended.to_string())),
                    Err(_) => {
                        client.log_message(MessageType::LOG, "an edit waits for the editor").await;
                    }
                }
            }
        })
    }

    fn news(&self, documents: Vec<Url>) {
        for document in documents {
            let _others_wait = self.news.try_send(document);
        }
    }

    fn working(&self, agent: &str, what: &str) {
        let _nobody_looks = self.work.try_send(format!("{agent} {what}"));
    }
}

/// What the editor asks for again when it is told to.
#[derive(Clone, Copy)]
struct Refreshes {
    lenses: bool,
    hints: bool,
}

impl Refreshes {
    fn of(capabilities: &ClientCapabilities) -> Refreshes {
        let workspace = capabilities.workspace.as_ref();
        let lenses = workspace.and_then(|workspace| workspace.code_lens.as_ref());
        let hints = workspace.and_then(|workspace| workspace.inlay_hint.as_ref());
        Refreshes {
            lenses: lenses.and_then(|lenses| lenses.refresh_support) == Some(true),
            hints: hints.and_then(|hints| hints.refresh_support) == Some(true),
        }
    }
}

/// Publishes what agents were refused in documents of which there is news, and
/// has the editor ask for the rest again.
async fn tell_news(
    client: Client,
    editor: Arc<Editor>,
    mut documents: mpsc::Receiver<Url>,
    refreshes: Refreshes,
) {
    let mut asked = JoinSet::new();
    while let Some(document) = documents.recv().await {
        if let Some(marks) = editor.marks(&document).await {
            let diagnostics = offers::diagnostics(&marks);
            client.publish_diagnostics(document, diagnostics, None).await;
        }
        // An editor that says nothing to a refresh must not hold up the next; one
        // that never does is not asked for ever.
        while asked.try_join_next().is_some() {}
        if asked.len() >= MOST_REFRESHES {
            continue;
        }
        if refreshes.lenses {
            asked.spawn(refresh::<CodeLensRefresh>(client.clone()));
        }
        if refreshes.hints {
            asked.spawn(refresh::<InlayHintRefreshRequest>(client.clone()));
        }
    }
}

async fn refresh<R>(client: Client)
where
    R: lsp_types::request::Request<Params = ()>,
{
    let _refused = client.send_request::<R>(()).await;
}

/// Waits for an answer of the editor, but not for ever. The request is not given
/// up: tower-lsp panics at an answer that nobody waits for any more.
async fn within<T: Send + 'static>(
    time: Duration,
    answer: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    tokio::time::timeout(time, tokio::spawn(answer)).await.ok()?.ok()
}

/// Shows, as progress, what agents do for as long as they do something.
async fn tell_work(client: Client, mut deeds: mpsc::Receiver<String>) {
    let mut number = 0;
    while let Some(deed) = deeds.recv().await {
        number += 1;
        let token = NumberOrString::String(format!("anchord-{number}"));
        let params = WorkDoneProgressCreateParams { token: token.clone() };
        let asking = client.clone();
        let created = async move { asking.send_request::<WorkDoneProgressCreate>(params).await };
        if !matches!(within(AT_WORK, created).await, Some(Ok(()))) {
            continue;
        }
        let tell = |progress| {
            let value = ProgressParamsValue::WorkDone(progress);
            client.send_notification::<Progress>(ProgressParams { token: token.clone(), value })
        };
        tell(WorkDoneProgress::Begin(WorkDoneProgressBegin {
            title: "agents".to_owned(),
            message: Some(deed),
            ..WorkDoneProgressBegin::default()
        }))
        .await;
        while let Ok(Some(deed)) = tokio::time::timeout(AT_WORK, deeds.recv()).await {
            let report = WorkDoneProgressReport { message: Some(deed), ..Default::default() };
            tell(WorkDoneProgress::Report(report)).await;
        }
        tell(WorkDoneProgress::End(WorkDoneProgressEnd::default())).await;
    }
}

/// Returns the request for an edit: always of one version of the document, so
/// that an editor can see when it comes too late.
fn apply_params(edit: EditorEdit) -> ApplyWorkspaceEditParams {
    let EditorEdit { uri, version, edits, label } = edit;
    let edits = edits.into_iter().map(|(range, text)| OneOf::Left(TextEdit::new(range, text)));
    let document = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri, version: Some(version) },
        edits: edits.collect(),
    };
    let changes = Some(DocumentChanges::Edits(vec![document]));
    let edit = WorkspaceEdit { document_changes: changes, ..WorkspaceEdit::default() };
    ApplyWorkspaceEditParams { label: Some(label), edit }
}
