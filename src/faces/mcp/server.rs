//! The server: MCP on our standard streams. The only file that knows the SDK.
//!
//! The SDK speaks the revisions of the protocol, from the handshakes of 2024 to
//! the stateless one of 2026; what is said in them is decided here. Every result
//! is one text and nothing beside it, unless the operator asked for more: many
//! clients show their model whatever else there is.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
    CustomRequest, CustomResult, ElicitRequestParams, ElicitationAction, ElicitationSchema,
    ErrorCode, ErrorData, Implementation, JsonObject, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, MetaObject, PaginatedRequestParams,
    ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, Resource, ResourceContents, ResourceTemplate, ServerCapabilities,
    ServerConfig, SubscriptionFilter, Tool, ToolAnnotations,
};
use rmcp::service::{
    ElicitationMode, RequestContext, RoleServer, ServerInitializeError, SubscriptionContext,
    SubscriptionSink,
};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::{ServerHandler, serve_server};
use serde_json::{Value, json};
use tokio::time::{Instant, interval_at};

use super::worker::{Backend, BackendError, Caller, ToolCall, Worker, gone};
use super::{resources, tools};
use crate::protocol::wire::ToolResult;

/// The longest message that is read, in bytes. The daemon takes half of it and
/// says so; what is longer than this is passed over by the SDK, unanswered.
const MESSAGE_BYTES: usize = 64 << 20;

/// How often a client that asked for it hears that its call is still carried
/// out.
const PROGRESS: Duration = Duration::from_secs(1);

/// Files whose addresses are listed, those that were touched last.
const FILES_LISTED: usize = 100;

/// How long a client may keep a content that a handle names: it never changes.
const CONTENT_FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// The code of a rejection that consent lifts.
const APPROVAL: &str = "approval";

/// Characters of an edit that are shown to the person who is to consent to it.
const SHOWN_OF_EDIT: usize = 2000;

/// Subscriptions of one client at once.
const MOST_SUBSCRIPTIONS: usize = 16;

/// Methods of MCP whose parameters may be wrong.
const METHODS_WITH_PARAMETERS: [&str; 5] =
    ["tools/call", "tools/list", "resources/list", "resources/read", "subscriptions/listen"];

/// What a server offers.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The root, for the model to know where it is.
    pub root: String,
    /// Whether the extended tools are listed from the start.
    pub all: bool,
    /// Whether results carry structured content beside the text.
    pub structured: bool,
}

/// Why a server ended before its client did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The system gives no thread, or no way to the standard streams.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The client does not speak MCP.
    #[error("the client does not speak MCP: {0}")]
    Handshake(String),
}

/// Serves one client on our standard streams until it closes them.
///
/// # Errors
/// [`ServeError`]
pub fn serve(backend: impl Backend, offer: Offer) -> Result<(), ServeError> {
    // One thread, so that calls are handed over in the order in which they came.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = Server::new(Worker::start(backend)?, offer);
    let served = runtime.block_on(async {
        let (reader, writer) = rmcp::transport::stdio_pipes();
        let transport = AsyncRwTransport::new(reader, writer).with_max_line_length(MESSAGE_BYTES);
        match serve_server(server, transport).await {
            Ok(running) => running.waiting().await.map(|_| ()).map_err(io::Error::other),
            // A client that left before it said anything has been served.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(ServerInitializeError::ExpectedInitializeRequest(_)) => {
                let text = "its first message is no request".to_owned();
                return Err(ServeError::Handshake(text));
            }
            Err(error) => return Err(ServeError::Handshake(error.to_string())),
        }
        .map_err(ServeError::Io)
    });
    // A read of the standard input cannot be taken back, and need not end.
    runtime.shutdown_background();
    served
}

/// What one client is served with.
struct Server {
    worker: Worker,
    offer: Offer,
    /// Whether the extended tools are listed by now.
    all: AtomicBool,
    /// Who wants to hear when the list of tools changes.
    listeners: Mutex<Vec<SubscriptionSink>>,
    files: Mutex<Files>,
}

/// The files that were read or edited, with the handle of the last time.
#[derive(Default)]
struct Files {
    by_path: BTreeMap<String, (u64, String)>,
    touches: u64,
}

impl Files {
    fn touch(&mut self, path: &str, handle: &str) {
        self.touches += 1;
        self.by_path.insert(path.to_owned(), (self.touches, handle.to_owned()));
        if self.by_path.len() > FILES_LISTED {
            let oldest = self.by_path.iter().min_by_key(|(_, (touch, _))| *touch);
            let oldest = oldest.map(|(path, _)| path.clone());
            oldest.map(|path| self.by_path.remove(&path));
        }
    }
}

impl Server {
    fn new(worker: Worker, offer: Offer) -> Server {
        Server {
            worker,
            all: AtomicBool::new(offer.all),
            offer,
            listeners: Mutex::default(),
            files: Mutex::default(),
        }
    }

    /// Returns the answer to a call, telling the client meanwhile that it is
    /// still carried out.
    async fn ask(
        &self,
        call: ToolCall,
        context: &RequestContext<RoleServer>,
    ) -> Result<Result<ToolResult, BackendError>, ErrorData> {
        let mut answer = match self.worker.send(caller(context), call) {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        let token = context.meta.get_progress_token();
        let mut ticks = interval_at(Instant::now() + PROGRESS, PROGRESS);
        let mut seconds = 0.0;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => {
                    return Ok(answer.unwrap_or_else(|_| Err(BackendError::Unreachable(gone()))));
                }
                () = context.ct.cancelled() => {
                    return Err(ErrorData::internal_error("cancelled", None));
                }
                _ = ticks.tick() => {
                    seconds += PROGRESS.as_secs_f64();
                    if let Some(token) = &token {
                        let progress = ProgressNotificationParam::new(token.clone(), seconds)
                            .with_message("still at it");
                        let _gone = context.peer.notify_progress(progress).await;
                    }
                }
            }
        }
    }

    /// Notes a file whose address is to be listed.
    fn note(&self, result: &ToolResult) {
        if let (Some(path), Some(handle)) = (&result.path, &result.handle) {
            self.files.lock().unwrap_or_else(PoisonError::into_inner).touch(path, handle);
        }
    }

    /// Puts an edit that needs consent to the person, and has it carried out
    /// where that is given. Where it is not, the edit is forgotten, so that nothing
    /// carries it out any more.
    async fn with_consent(
        &self,
        token: String,
        refused: ToolResult,
        edit: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<ToolResult, ErrorData> {
        let question = ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: question(&refused, edit),
            requested_schema: ElicitationSchema::new(BTreeMap::new()),
        };
        let answer = tokio::select! {
            answer = context.peer.create_elicitation(question) => answer,
            () = context.ct.cancelled() => {
                return Err(ErrorData::internal_error("cancelled", None));
            }
        };
        let (choice, came_of_it) = match answer {
            Ok(answer) if answer.action == ElicitationAction::Accept => ("accept", ""),
            Ok(_) => ("decline", "The user was asked, and did not consent."),
            Err(_) => ("decline", "The user could not be asked."),
        };
        let arguments = json!({"token": token, "choice": choice}).to_string();
        let retry = ToolCall { name: "retry".to_owned(), arguments, full: self.offer.structured };
        let result = self.ask(retry, context).await?;
        let result = result.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        if came_of_it.is_empty() {
            return Ok(result);
        }
        let text = format!("{}\n{came_of_it}", why(&refused));
        Ok(ToolResult { text, retry: None, result: None, ..refused })
    }

    /// Returns what the client is told of a call.
    fn told(&self, result: ToolResult) -> CallToolResult {
        let failed = result.unfit || result.rejected.is_some();
        let content = vec![ContentBlock::text(result.text.clone())];
        let mut told = match failed {
            true => CallToolResult::error(content),
            false => CallToolResult::success(content),
        };
        if self.offer.structured {
            told.meta = Some(facts(&result));
            told.structured_content =
                result.result.and_then(|result| serde_json::from_str(result.get()).ok());
        }
        told
    }

    /// Lists the extended tools from now on.
    async fn list_more(&self, context: &RequestContext<RoleServer>) -> CallToolResult {
        if !self.all.swap(true, Ordering::SeqCst) {
            let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for listener in listeners {
                let _gone = listener.notify_tool_list_changed().await;
            }
            if !is_stateless(context) {
                let _gone = context.peer.notify_tool_list_changed().await;
            }
        }
        let more = tools::ALL.iter().filter(|tool| !tool.core);
        let rows: Vec<String> =
            more.map(|tool| format!("{}: {}\n", tool.name, tool.description)).collect();
        CallToolResult::success(vec![ContentBlock::text(format!("Listed now:\n{}", rows.concat()))])
    }

    fn listed_tools(&self) -> Vec<Tool> {
        let all = self.all.load(Ordering::SeqCst);
        let listed = tools::ALL.iter().filter(|tool| all || tool.core);
        let mut listed: Vec<Tool> = listed.map(listing).collect();
        if !all {
            listed.push(listing_of_more());
        }
        listed
    }
}

/// Returns a tool as clients list it. The annotations are what holds whatever
/// the arguments: an edit may remove a file, and sent twice it may insert twice.
fn listing(tool: &tools::Tool) -> Tool {
    let annotations = ToolAnnotations::new().read_only(tool.read_only).open_world(false);
    let annotations = match tool.read_only {
        true => annotations,
        false => annotations.destructive(true).idempotent(false),
    };
    Tool::new(tool.name, tool.description, object(tool.schema())).with_annotations(annotations)
}

fn listing_of_more() -> Tool {
    let schema = object(json!({"type": "object", "properties": {}}));
    let annotations = ToolAnnotations::new().read_only(true).open_world(false);
    Tool::new(tools::MORE, tools::MORE_DESCRIPTION, schema).with_annotations(annotations)
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(map) => Arc::new(map),
        _ => Arc::default(),
    }
}

/// Returns the particulars of a result, for programs.
fn facts(result: &ToolResult) -> MetaObject {
    let facts = [
        ("anchord/rejected", result.rejected.clone().map(Value::from)),
        ("anchord/operation", result.operation.map(Value::from)),
        ("anchord/retry", result.retry.clone().map(Value::from)),
        ("anchord/path", result.path.clone().map(Value::from)),
        ("anchord/handle", result.handle.clone().map(Value::from)),
    ];
    let mut meta = MetaObject::new();
    for (name, value) in facts {
        if let Some(value) = value {
            meta.insert(name.to_owned(), value);
        }
    }
    meta
}

fn caller(context: &RequestContext<RoleServer>) -> Caller {
    let client = context.client_info();
    client.map(|client| Caller { name: client.name, version: client.version }).unwrap_or_default()
}

/// Returns whether the client speaks a revision in which nothing is sent but in
/// answer to a request.
fn is_stateless(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// Returns the token of an edit that the person is to be asked about: where it
/// needs consent, and the client says that it can ask.
fn awaits_consent(result: &ToolResult, context: &RequestContext<RoleServer>) -> Option<String> {
    let can_ask = !is_stateless(context)
        && context.peer.supported_elicitation_modes().contains(&ElicitationMode::Form);
    let token = result.retry.clone().filter(|_| can_ask)?;
    (result.rejected.as_deref() == Some(APPROVAL)).then_some(token)
}

/// Returns what the person is asked: why, and what the edit is.
fn question(refused: &ToolResult, asked: &str) -> String {
    let asked: Value = serde_json::from_str(asked).unwrap_or_default();
    // A rename has no text: what it asks for is all that can be shown of it.
    let edit = asked["text"].as_str().map_or_else(|| asked.to_string(), str::to_owned);
    let edit: String = edit.chars().take(SHOWN_OF_EDIT).collect();
    format!("An edit needs your consent. {}\n\n{edit}", why(refused))
}

/// Returns why an edit was refused. What the model could do about it stands in
/// the rows below.
fn why(refused: &ToolResult) -> &str {
    refused.text.lines().next().unwrap_or_default()
}

fn failed(error: &BackendError) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(error.to_string())])
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .build();
        let root = &self.offer.root;
        let instructions = format!(
            "Files under {root}: read, then edit by handle. Paths are relative to it. An edit of \
             lines that changed meanwhile is rejected with the rows of now."
        );
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new("anchord", env!("CARGO_PKG_VERSION")).with_title("anchord"),
            )
            .with_instructions(instructions)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.listed_tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == tools::MORE {
            return Ok(self.list_more(&context).await.into());
        }
        if tools::find(&request.name).is_none() {
            let text = format!("there is no tool {:?}", request.name);
            return Err(ErrorData::invalid_params(text, None));
        }
        let arguments = Value::Object(request.arguments.unwrap_or_default()).to_string();
        let full = self.offer.structured;
        let call = ToolCall { name: request.name.into_owned(), arguments, full };
        let asked = call.arguments.clone();
        Ok(match self.ask(call, &context).await? {
            Ok(result) => {
                let result = match awaits_consent(&result, &context) {
                    Some(token) => self.with_consent(token, result, &asked, &context).await?,
                    None => result,
                };
                self.note(&result);
                self.told(result).into()
            }
            Err(error) => failed(&error).into(),
        })
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let resource = |(path, (_, handle)): (&String, &(u64, String))| {
            Resource::new(resources::uri(path, Some(handle)), path).with_mime_type("text/plain")
        };
        Ok(ListResourcesResult::with_all_items(files.by_path.iter().map(resource).collect()))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = ResourceTemplate::new(resources::TEMPLATE, "file")
            .with_description("A file with its handle, as read shows it")
            .with_mime_type("text/plain");
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let invalid = |text: String| ErrorData::invalid_params(text, None);
        let arguments = resources::arguments(&request.uri).map_err(invalid)?;
        let by_handle = arguments.contains_key("handle");
        let arguments = Value::Object(arguments).to_string();
        let call = ToolCall { name: "read".to_owned(), arguments, full: false };
        let result = self.ask(call, &context).await?;
        let result = result.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        if result.unfit {
            return Err(invalid(result.text));
        }
        if result.rejected.is_some() {
            let data = json!({"uri": request.uri});
            return Err(ErrorData::resource_not_found(result.text, Some(data)));
        }
        self.note(&result);
        let contents = ResourceContents::text(result.text, request.uri);
        let read = ReadResourceResult::new(vec![contents]);
        if !is_stateless(&context) {
            return Ok(read.into());
        }
        let fresh = if by_handle { CONTENT_FRESH } else { Duration::ZERO };
        let fresh = fresh.as_millis() as u64;
        Ok(read.with_cache_scope(CacheScope::Private).with_ttl_ms(fresh).into())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        (listeners.len() < MOST_SUBSCRIPTIONS).then(|| requested.clone())
    }

    /// Refuses what the SDK cannot read as a request of the protocol: an unknown
    /// method, or a known one with parameters that do not fit it.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        match METHODS_WITH_PARAMETERS.contains(&&method[..]) {
            true => Err(ErrorData::invalid_params(format!("not the parameters of {method}"), None)),
            false => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None)),
        }
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let listeners = || self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners().push(context.sink().clone());
        // The list may have changed while the subscription was being made.
        if self.all.load(Ordering::SeqCst) != self.offer.all {
            let _gone = context.sink().notify_tool_list_changed().await;
        }
        context.cancelled().await;
        listeners().retain(|listener| listener.id() != context.sink().id());
        Ok(())
    }
}
