//! From the wire to the service.

mod code;
mod servers;

use engine::anchor::{Gutter, Handle};
use engine::error::{Code, Refusal};
use engine::format::{Action, Body, FileScript, Op, OpKind, Script};
use serde::Deserialize;

use super::framing::RpcError;
use super::wire;
use crate::service::api;

/// A request, and the session it names.
#[derive(Debug)]
pub struct Call {
    /// What is asked for.
    pub request: api::Request,
    /// The session it names; the connection's last one if none.
    pub session: Option<String>,
}

/// Operations in a log unless the caller says how many.
const LOG_LIMIT: usize = 20;

/// Events in a tail unless the caller says how many.
const TAIL_LIMIT: usize = 100;

/// Names in a list unless the caller says how many.
const LIST_LIMIT: usize = 1000;

/// Matches of a search unless the caller says how many.
const SEARCH_LIMIT: usize = 100;

/// Returns the request that `method` and `params` stand for.
///
/// # Errors
/// Where there is no such method, or the parameters do not fit it.
pub fn call(method: &str, params: &str) -> Result<Call, RpcError> {
    let call = |session, request| Ok(Call { request, session });
    match method {
        "session/open" => {
            let params: wire::OpenParams = read(params)?;
            call(None, api::Request::Open(open(params)?))
        }
        "file/read" => {
            let params: wire::ReadParams = read(params)?;
            call(params.session.clone(), api::Request::Read(read_request(params)?))
        }
        "file/list" => {
            let params: wire::ListParams = read(params)?;
            call(params.session.clone(), api::Request::List(list(params)))
        }
        "file/search" => {
            let params: wire::SearchParams = read(params)?;
            call(params.session.clone(), api::Request::Search(search(params)))
        }
        "file/outline" | "symbol/edit" | "pattern/search" | "pattern/rewrite" => {
            code::call(method, params)
        }
        "edit/apply" => {
            let params: wire::ApplyParams = read(params)?;
            call(params.session.clone(), api::Request::Apply(apply(params)))
        }
        "edit/stream" => {
            let params: wire::StreamParams = read(params)?;
            call(params.session.clone(), api::Request::Stream(stream(params)?))
        }
        "edit/retry" => {
            let params: wire::RetryParams = read(params)?;
            call(params.session.clone(), api::Request::Retry(retry(params)))
        }
        "edit/undo" => {
            let wire::UndoParams { session, operation, allow_mixed } = read(params)?;
            call(session, api::Request::Undo(api::Undo { operation, allow_mixed }))
        }
        "edit/redo" => call(read::<wire::NoParams>(params)?.session, api::Request::Redo),
        "lsp/diagnostics" | "lsp/rename" | "lsp/rename_file" | "lsp/ask" | "lsp/actions"
        | "lsp/format" | "lsp/status" => servers::call(method, params),
        "edit/log" => {
            let wire::LogParams { session, limit, before, path } = read(params)?;
            let limit = limit.unwrap_or(LOG_LIMIT);
            call(session, api::Request::Log(api::Log { limit, before, path }))
        }
        "edit/show" => {
            let wire::ShowParams { session, operation } = read(params)?;
            call(session, api::Request::Show(api::Show { operation }))
        }
        "stats/summary" => {
            let wire::StatsParams { session, by } = read(params)?;
            call(None, api::Request::Stats(api::Stats { session, by: group_by(by) }))
        }
        "events/tail" => {
            let wire::TailParams { session, since, limit } = read(params)?;
            let tail = api::Tail { since: since.unwrap_or(0), limit: limit.unwrap_or(TAIL_LIMIT) };
            call(session, api::Request::Tail(tail))
        }
        "state/examine" => call(read::<wire::NoParams>(params)?.session, api::Request::Examine),
        _ => buffer(method, params),
    }
}

fn unknown(method: &str) -> RpcError {
    RpcError::new(RpcError::UNKNOWN_METHOD, format!("there is no method {method:?}"))
}

/// Returns what an editor tells of a document, or asks.
fn buffer(method: &str, params: &str) -> Result<Call, RpcError> {
    let call = |session, path, event| {
        let request = api::Request::Buffer(api::Buffer { path, event });
        Ok(Call { request, session })
    };
    match method {
        "buffer/open" => {
            let wire::BufferOpenParams { session, path, version, text, unknown } = read(params)?;
            let unknown = || unknown.unwrap_or_else(|| "its text is not known".to_owned());
            let text = match text {
                Some(text) => api::DocumentText::Known(text),
                None => api::DocumentText::Unknown(unknown()),
            };
            call(session, path, api::BufferEvent::Opened { version, text })
        }
        "buffer/change" => {
            let wire::BufferChangeParams { session, path, version, edits, bytes } = read(params)?;
            let edit = |wire::ByteEdit { range, text }| api::ByteEdit { range, text };
            let edits = edits.into_iter().map(edit).collect();
            call(session, path, api::BufferEvent::Changed { version, edits, bytes })
        }
        "buffer/save" => {
            let wire::BufferParams { session, path } = read(params)?;
            call(session, path, api::BufferEvent::Saved)
        }
        "buffer/close" => {
            let wire::BufferParams { session, path } = read(params)?;
            call(session, path, api::BufferEvent::Closed)
        }
        "buffer/answer" => {
            let wire::BufferAnswerParams { session, request, applied, reason } = read(params)?;
            let answer = api::EditorAnswer { request, applied, reason };
            Ok(Call { request: api::Request::EditorAnswer(answer), session })
        }
        "anchor/resolve" => {
            let wire::ResolveParams { session, path, handle: text, lines } = read(params)?;
            let invalid =
                |refusal: Refusal| RpcError::new(RpcError::INVALID_PARAMS, refusal.message);
            let handle = handle(&text).map_err(invalid)?;
            let request = api::Request::Resolve(api::Resolve { path, handle, lines });
            Ok(Call { request, session })
        }
        "buffer/marks" => {
            let wire::BufferParams { session, path } = read(params)?;
            Ok(Call { request: api::Request::Marks { path }, session })
        }
        "buffer/accept" => {
            let wire::AcceptParams { session, path, operation } = read(params)?;
            let request = api::Request::Accept(api::Accept { path, operation });
            Ok(Call { request, session })
        }
        _ => Err(unknown(method)),
    }
}

fn retry(params: wire::RetryParams) -> api::Retry {
    api::Retry {
        token: params.retry,
        accept: params.accept,
        decline: params.decline,
        at: params.at.unwrap_or_default(),
        candidate: params.candidate,
        fix: params.fix,
        allow_mixed: params.allow_mixed,
    }
}

/// Returns what a session wants to hear of, and the session.
///
/// # Errors
/// Where the parameters are not those of `session/listen`.
pub fn listen(params: &str) -> Result<(Option<String>, api::Interest), RpcError> {
    let wire::ListenParams { session, files, editor, careless, servers } = read(params)?;
    Ok((session, api::Interest { files, editor, careless, servers }))
}

/// Returns the parameters of `tool/call`.
///
/// # Errors
/// Where they are not what it takes.
pub fn tool(params: &str) -> Result<wire::ToolParams, RpcError> {
    read(params)
}

fn read<'a, T: Deserialize<'a>>(params: &'a str) -> Result<T, RpcError> {
    // Serde reads the fields from an array as well, in an order nobody promised.
    if params.starts_with('[') {
        return Err(invalid("params must be an object"));
    }
    serde_json::from_str(params).map_err(|error| invalid(&error.to_string()))
}

fn invalid(text: &str) -> RpcError {
    RpcError::new(RpcError::INVALID_PARAMS, text)
}

fn open(params: wire::OpenParams) -> Result<api::Open, RpcError> {
    if params.protocol.is_some_and(|versions| !versions.contains(&super::VERSION)) {
        return Err(invalid("this server speaks version 1 of the protocol"));
    }
    let wire::Client { name, version } = params.client;
    let agent = params.agent.unwrap_or_default();
    let client = format!("{name} {version}").trim().to_owned();
    Ok(api::Open { client, agent: agent.name, model: agent.model, resume: params.resume })
}

fn named(text: Option<wire::HandleText>) -> Result<Option<Handle>, RpcError> {
    let handle = text.map(|text| handle(&text)).transpose();
    handle.map_err(|refusal| invalid(&refusal.message))
}

fn read_request(params: wire::ReadParams) -> Result<api::Read, RpcError> {
    Ok(api::Read {
        path: params.path,
        lines: params.lines.unwrap_or_default(),
        symbol: params.symbol,
        around: params.around,
        gutter: gutter(params.gutter),
        known: named(params.known)?,
        handle: named(params.handle)?,
    })
}

fn list(params: wire::ListParams) -> api::List {
    let wire::ListParams { paths, globs, all, depth, limit, .. } = params;
    api::List { paths, globs, all, depth, limit: limit.unwrap_or(LIST_LIMIT) }
}

fn search(params: wire::SearchParams) -> api::Search {
    api::Search {
        pattern: params.pattern,
        literal: params.literal,
        ignore_case: params.ignore_case,
        paths: params.paths,
        globs: params.globs,
        all: params.all,
        context: params.context.unwrap_or(0),
        limit: params.limit.unwrap_or(SEARCH_LIMIT),
    }
}

fn gutter(gutter: Option<wire::Gutter>) -> Gutter {
    match gutter {
        None | Some(wire::Gutter::Tab) => Gutter::Tab,
        Some(wire::Gutter::Colon) => Gutter::Colon,
        Some(wire::Gutter::Sparse) => Gutter::Sparse,
        Some(wire::Gutter::None) => Gutter::None,
    }
}

fn group_by(by: Option<wire::GroupBy>) -> api::GroupBy {
    match by {
        None => api::GroupBy::All,
        Some(wire::GroupBy::Session) => api::GroupBy::Session,
        Some(wire::GroupBy::Agent) => api::GroupBy::Agent,
        Some(wire::GroupBy::Model) => api::GroupBy::Model,
        Some(wire::GroupBy::Format) => api::GroupBy::Format,
    }
}

/// Returns the edit; one that makes no sense is refused by the service, so that
/// it is counted.
fn apply(params: wire::ApplyParams) -> api::Apply {
    let source = match (params.files, params.text) {
        (Some(files), None) => match script(files) {
            Ok(script) => api::Source::Script(script),
            Err(refusal) => api::Source::Malformed(refusal),
        },
        (None, Some(text)) => api::Source::Text(text),
        _ => api::Source::Malformed(malformed("give either files or text")),
    };
    api::Apply {
        source,
        format: params.format,
        op_id: params.op_id,
        why: params.why,
        relocate: params.drift != Some(wire::Drift::Refuse),
        verify: verify(params.verify.unwrap_or_default()),
        dry_run: params.dry_run,
        allow_mixed: params.allow_mixed,
    }
}

fn stream(params: wire::StreamParams) -> Result<api::StreamStep, RpcError> {
    let wire::StreamParams { session, step, stream, text, format, .. } = params;
    let (op_id, why, dry_run) = (params.op_id, params.why, params.dry_run);
    let text = text.unwrap_or_default();
    if step == wire::Step::Open {
        if stream.is_some() {
            return Err(invalid("a stream is named by the answer to open"));
        }
        let (drift, verify) = (params.drift, params.verify);
        let text = Some(text);
        let format = format.ok_or_else(|| invalid("open needs the format"))?;
        let edit = wire::ApplyParams {
            session,
            format,
            files: None,
            text,
            op_id,
            why,
            drift,
            verify,
            dry_run,
            allow_mixed: false,
        };
        return Ok(api::StreamStep::Open(Box::new(apply(edit))));
    }
    let opens = [format.is_some(), op_id.is_some(), why.is_some(), dry_run];
    if opens.contains(&true) || params.drift.is_some() || params.verify.is_some() {
        return Err(invalid("how the edit is to be carried out is said by open alone"));
    }
    let stream = stream.ok_or_else(|| invalid("name the stream"))?;
    match step {
        wire::Step::Chunk => Ok(api::StreamStep::Chunk { stream, text }),
        wire::Step::Cancel if !text.is_empty() => Err(invalid("cancel takes no text")),
        wire::Step::Cancel => Ok(api::StreamStep::Cancel { stream }),
        wire::Step::Open | wire::Step::Close => Ok(api::StreamStep::Close { stream, text }),
    }
}

fn verify(verify: wire::Verify) -> api::Verify {
    let policy = |policy: wire::Policy| match policy {
        wire::Policy::Reject => api::Policy::Reject,
        wire::Policy::Warn => api::Policy::Warn,
        wire::Policy::Off => api::Policy::Off,
    };
    api::Verify {
        syntax: verify.syntax.map(policy),
        lint: verify.lint.map(policy),
        lsp: verify.lsp.map(policy),
        lsp_ms: verify.lsp_ms,
        usual_lint: None,
    }
}

fn script(files: Vec<wire::FileParams>) -> Result<Script, Refusal> {
    let files = files.into_iter().map(|file| {
        let path = file.path.clone();
        let action = action(file).map_err(|refusal| refusal.at(&path))?;
        Ok(FileScript { path, action })
    });
    Ok(Script { files: files.collect::<Result<_, Refusal>>()? })
}

fn action(file: wire::FileParams) -> Result<Action, Refusal> {
    let wire::FileParams { op, ops, text, to, to_handle, final_newline, .. } = file;
    let named = |what: &str| match &file.handle {
        Some(text) => handle(text),
        None => Err(malformed(&format!("{what} needs the handle of the content it means"))),
    };
    let unused = |what: &str, given: bool| match given {
        true => Err(malformed(&format!("{what} is given, but not used here"))),
        false => Ok(()),
    };
    let only_lines = ops.is_some() || final_newline.is_some();
    if op != Some(wire::FileOp::Move) {
        unused("to", to.is_some() || to_handle.is_some())?;
    }
    if op.is_some() {
        unused("ops or final_newline", only_lines)?;
    }
    match (op, text) {
        (None, None) => {
            let handle = named("an edit")?;
            Ok(Action::Edit { handle, ops: line_ops(ops.unwrap_or_default())?, final_newline })
        }
        (Some(wire::FileOp::Create), Some(text)) => Ok(Action::Create { text }),
        (Some(wire::FileOp::Write), Some(text)) => {
            Ok(Action::Write { handle: named("write")?, text })
        }
        (Some(wire::FileOp::Create | wire::FileOp::Write), None) => {
            Err(malformed("create and write need text"))
        }
        (Some(wire::FileOp::Remove), None) => Ok(Action::Remove { handle: named("remove")? }),
        (Some(wire::FileOp::Move), None) => {
            let to = to.ok_or_else(|| malformed("move needs to"))?;
            let to_handle = to_handle.map(|text| handle(&text)).transpose()?;
            Ok(Action::Move { handle: named("move")?, to, to_handle })
        }
        (_, Some(_)) => Err(malformed("text belongs to create and write, or into an operation")),
    }
}

fn line_ops(params: Vec<wire::OpParams>) -> Result<Vec<Op>, Refusal> {
    let mut ops = Vec::with_capacity(params.len());
    for (index, op) in params.into_iter().enumerate() {
        ops.push(line_op(op).map_err(|refusal| refusal.op(index))?);
    }
    Ok(ops)
}

fn line_op(op: wire::OpParams) -> Result<Op, Refusal> {
    let wire::OpParams { op, lines, after, text } = op;
    let kind = match (op, lines, after, text) {
        (wire::LineOp::Replace, Some(lines), None, Some(text)) => {
            OpKind::Replace { lines, body: Body::Text(text) }
        }
        (wire::LineOp::Insert, None, Some(after), Some(text)) => {
            OpKind::Insert { after, body: Body::Text(text) }
        }
        (wire::LineOp::Delete, Some(lines), None, None) => OpKind::Delete { lines, register: None },
        (wire::LineOp::Replace, ..) => return Err(malformed("replace takes lines and text")),
        (wire::LineOp::Insert, ..) => return Err(malformed("insert takes after and text")),
        (wire::LineOp::Delete, ..) => return Err(malformed("delete takes lines alone")),
    };
    Ok(kind.into())
}

fn handle(text: &wire::HandleText) -> Result<Handle, Refusal> {
    let text = match text {
        wire::HandleText::Text(text) => text.clone(),
        wire::HandleText::Number(number) => number.to_string(),
    };
    text.parse().map_err(|error| malformed(&format!("{text:?}: {error}")))
}

fn malformed(text: &str) -> Refusal {
    Refusal::new(Code::Malformed, text)
}
