//! The one file that knows tower-lsp, which is no longer maintained: the server,
//! and the wrapper that mends what is wrong with it.
//!
//! As it is, notifications overtake each other, a cancellation waits behind slow
//! requests, a panic ends the process and `exit` hangs. The wrapper takes in
//! what is told of documents while a message is read, in the order of the wire,
//! gives every other request a task of its own, and ends the process itself.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument,
    Notification,
};
use lsp_types::request::ApplyWorkspaceEdit;
use lsp_types::{
    ApplyWorkspaceEditParams, DidChangeTextDocumentParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DidSaveTextDocumentParams, DocumentChanges, InitializeParams,
    InitializeResult, OneOf, OptionalVersionedTextDocumentIdentifier, PositionEncodingKind,
    SaveOptions, ServerCapabilities, ServerInfo, TextDocumentEdit, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, TextEdit, Url,
    WorkspaceEdit,
};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tower_lsp::jsonrpc::{Error, Request, Response, Result};
use tower_lsp::{Client, ExitedError, LanguageServer, LspService, Server, async_trait};
use tower_service::Service;

use super::Connect;
use super::document::Encoding;
use super::editor::{Editor, EditorEdit, Future_, Introduction, Outward, folder_of};

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
    let (service, socket) = LspService::new(face);
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
        let answer = self.inner.call(request);
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
        let outward = Arc::new(Told { client: self.client.clone() });
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

    async fn shutdown(&self) -> Result<()> {
        self.over.shutdown.store(true, Ordering::SeqCst);
        Ok(())
    }
}

fn introduction(params: &InitializeParams) -> Introduction {
    let client = params.client_info.clone();
    let folders = params.workspace_folders.iter().flatten();
    let folder = folders.map(|folder| &folder.uri).find_map(folder_of);
    #[expect(deprecated, reason = "older editors know no folders")]
    let folder = folder.or_else(|| params.root_uri.as_ref().and_then(folder_of));
    let general = params.capabilities.general.as_ref();
    let offered = general.and_then(|general| general.position_encodings.as_ref());
    let offers_utf8 = offered.is_some_and(|kinds| kinds.contains(&PositionEncodingKind::UTF8));
    Introduction {
        name: client.as_ref().map_or_else(|| "an editor".to_owned(), |client| client.name.clone()),
        version: client.and_then(|client| client.version).unwrap_or_default(),
        folder: folder.map(PathBuf::from),
        encoding: if offers_utf8 { Encoding::Utf8 } else { Encoding::Utf16 },
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
        ..ServerCapabilities::default()
    }
}

/// The way to the editor.
struct Told {
    client: Client,
}

impl Outward for Told {
    fn apply(&self, edit: EditorEdit) -> Future_<(bool, Option<String>)> {
        let client = self.client.clone();
        Box::pin(async move {
            match client.send_request::<ApplyWorkspaceEdit>(apply_params(edit)).await {
                Ok(answer) => (answer.applied, answer.failure_reason),
                Err(error) => (false, Some(error.message.into_owned())),
            }
        })
    }

    fn news(&self, _documents: Vec<Url>) {}

    fn working(&self, _agent: &str, _what: &str) {}
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
