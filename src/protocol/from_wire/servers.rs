//! What is asked of language servers.

use engine::anchor::Handle;

use super::{Call, handle, invalid, read, verify};
use crate::protocol::framing::RpcError;
use crate::protocol::wire;
use crate::service::api;

/// How long findings are waited for unless the caller says how long, in
/// milliseconds.
const DIAGNOSTICS_MS: u64 = 10_000;

/// How long any other answer is waited for unless the caller says how long, in
/// milliseconds.
const ASK_MS: u64 = 10_000;

/// How long a change is waited for unless the caller says how long, in
/// milliseconds: a large project takes long to load.
const CHANGE_MS: u64 = 60_000;

/// Returns the request that a method of language servers stands for.
pub(super) fn call(method: &str, params: &str) -> Result<Call, RpcError> {
    let call = |session, request| Ok(Call { request, session });
    match method {
        "lsp/diagnostics" => {
            let wire::DiagnosticsParams { session, paths, wait_ms } = read(params)?;
            let wait_ms = wait_ms.unwrap_or(DIAGNOSTICS_MS);
            call(session, api::Request::Diagnose(api::Diagnose { paths, wait_ms }))
        }
        "lsp/rename" => {
            let params: wire::RenameParams = read(params)?;
            call(params.session.clone(), api::Request::Rename(rename(params)?))
        }
        "lsp/rename_file" => {
            let wire::RenameFileParams {
                session,
                path,
                to,
                wait_ms,
                dry_run,
                plan,
                op_id,
                why,
                verify: checks,
            } = read(params)?;
            let wait_ms = wait_ms.unwrap_or(CHANGE_MS);
            let verify = verify(checks.unwrap_or_default());
            let how = api::How { wait_ms, dry_run, plan, op_id, why, verify, consented: false };
            call(session, api::Request::RenameFile(api::RenameFile { path, to, how }))
        }
        "lsp/ask" => {
            let params: wire::AskParams = read(params)?;
            call(params.session.clone(), api::Request::Ask(ask(params)?))
        }
        "lsp/actions" => {
            let params: wire::ActionsParams = read(params)?;
            call(params.session.clone(), api::Request::Actions(actions(params)?))
        }
        "lsp/format" => {
            let params: wire::FormatParams = read(params)?;
            call(params.session.clone(), api::Request::Format(format(params)?))
        }
        _ => call(read::<wire::NoParams>(params)?.session, api::Request::Servers),
    }
}

fn rename(params: wire::RenameParams) -> Result<api::Rename, RpcError> {
    let spot = api::Spot {
        path: params.path,
        handle: named(params.handle.as_ref())?,
        line: params.line,
        column: params.column,
        name: params.name,
        symbol: params.symbol,
    };
    let how = api::How {
        wait_ms: params.wait_ms.unwrap_or(CHANGE_MS),
        dry_run: params.dry_run,
        plan: params.plan,
        op_id: params.op_id,
        why: params.why,
        verify: verify(params.verify.unwrap_or_default()),
        consented: false,
    };
    Ok(api::Rename { spot, to: params.to, accept_uncovered: params.accept_uncovered, how })
}

fn ask(params: wire::AskParams) -> Result<api::Ask, RpcError> {
    let what = api::What::ALL.into_iter().find(|what| what.as_str() == params.what);
    let what = what.ok_or_else(|| {
        let all = api::What::ALL.map(api::What::as_str).join(", ");
        invalid(&format!("what is one of {all}, not {:?}", params.what))
    })?;
    let spot = api::Spot {
        path: params.path,
        handle: named(params.handle.as_ref())?,
        line: params.line,
        column: params.column,
        name: params.name,
        symbol: params.symbol,
    };
    let wait_ms = params.wait_ms.unwrap_or(ASK_MS);
    Ok(api::Ask { what, spot, query: params.query, wait_ms })
}

fn actions(params: wire::ActionsParams) -> Result<api::Actions, RpcError> {
    let how = api::How {
        wait_ms: params.wait_ms.unwrap_or(ASK_MS),
        dry_run: params.dry_run,
        plan: params.plan,
        op_id: params.op_id,
        why: params.why,
        verify: verify(params.verify.unwrap_or_default()),
        consented: false,
    };
    Ok(api::Actions {
        path: params.path,
        handle: named(params.handle.as_ref())?,
        lines: params.lines,
        kind: params.kind,
        title: params.title,
        apply: params.apply,
        how,
    })
}

fn format(params: wire::FormatParams) -> Result<api::Format, RpcError> {
    let stretch = match (params.lines, params.changed) {
        (None, false) => api::Stretch::Whole,
        (None, true) => api::Stretch::Changed,
        (Some(lines), false) => api::Stretch::Lines(lines),
        (Some(_), true) => return Err(invalid("give one of lines and changed")),
    };
    let how = api::How {
        wait_ms: params.wait_ms.unwrap_or(ASK_MS),
        dry_run: params.dry_run,
        plan: params.plan,
        op_id: params.op_id,
        why: params.why,
        verify: verify(params.verify.unwrap_or_default()),
        consented: false,
    };
    Ok(api::Format { path: params.path, stretch, how })
}

fn named(text: Option<&wire::HandleText>) -> Result<Option<Handle>, RpcError> {
    text.map(handle).transpose().map_err(|refusal| invalid(&refusal.message))
}
