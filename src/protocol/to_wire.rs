//! From the service to the wire.

mod servers;

use std::collections::BTreeMap;

use engine::plan::Outcome;

use super::framing::RpcError;
use super::wire;
use crate::service::api;

/// Returns a response as JSON.
///
/// # Errors
/// Where it cannot be written as JSON, which would be a bug of ours.
pub fn response(response: api::Response) -> Result<String, RpcError> {
    match response {
        api::Response::Opened(opened) => json(&open_result(&opened)),
        api::Response::Read(answer) => read_json(answer),
        api::Response::List(api::ListAnswer { paths, more }) => {
            json(&wire::ListResult { status: ok(), paths, more })
        }
        api::Response::Search(answer) => json(&search_result(answer)),
        api::Response::Rewrite(answer) => json(&rewrite_result(answer)),
        api::Response::Outline(answer) => json(&outline_result(answer)),
        api::Response::Stream(answer) => json(&stream_result(&answer)),
        api::Response::Edit(answer) => json(&edit_result(&answer)),
        api::Response::Diagnosed(answer) => json(&servers::diagnosed(answer)),
        api::Response::Asked(answer) => json(&servers::asked(answer)),
        api::Response::Actions(answer) => json(&servers::actions(answer)),
        api::Response::Servers(answer) => json(&servers::servers(answer)),
        api::Response::Log(operations) => json(&wire::LogResult {
            status: ok(),
            operations: operations.iter().map(operation).collect(),
        }),
        api::Response::Show(detail) => json(&wire::ShowResult {
            status: ok(),
            operation: operation(&detail.operation),
            diff: detail.diff,
        }),
        api::Response::Stats(summary) => json(&wire::StatsResult {
            status: ok(),
            tokenizer: summary.tokenizer.to_owned(),
            groups: summary.groups.iter().map(group).collect(),
        }),
        api::Response::Tail(events) => {
            json(&wire::TailResult { status: ok(), events: events.iter().map(event).collect() })
        }
        api::Response::Examined(findings) => json(&wire::ExamineResult {
            status: ok(),
            findings: findings.iter().map(finding).collect(),
        }),
        api::Response::Buffer(state) => {
            json(&wire::BufferResult { status: ok(), path: state.path })
        }
        api::Response::Marks(marks) => json(&marks_result(marks)),
        api::Response::Resolved(resolved) => json(&wire::ResolveResult {
            status: ok(),
            path: resolved.path,
            handle: resolved.handle.to_string(),
            lines: resolved.lines,
        }),
        api::Response::Done => done(),
        api::Response::Rejected(refused) => json(&wire::RejectedResult {
            status: "rejected".to_owned(),
            rejection: rejection(&refused),
        }),
    }
}

/// Returns the answer to what needs none.
///
/// # Errors
/// Where it cannot be written as JSON, which would be a bug of ours.
pub fn done() -> Result<String, RpcError> {
    json(&wire::DoneResult { status: ok() })
}

/// Returns a note as a notification: its method, and its parameters as JSON.
///
/// # Errors
/// Where it cannot be written as JSON, which would be a bug of ours.
pub fn note(note: api::Note) -> Result<(&'static str, String), RpcError> {
    Ok(match note {
        api::Note::Changed(change) => ("file/changed", json(&file_changed(change))?),
        api::Note::Edit(edit) => ("buffer/edit", json(&buffer_edit(edit))?),
        api::Note::News { path } => ("buffer/news", json(&wire::BufferNews { path })?),
        api::Note::Late(late) => ("lsp/late", json(&lsp_late(late))?),
        api::Note::Work { agent, what } => {
            ("session/working", json(&wire::Working { agent, what })?)
        }
    })
}

fn file_changed(change: api::FileChange) -> wire::FileChanged {
    let lines = |(old, new)| wire::ChangedLines { old, new };
    wire::FileChanged {
        session: change.session,
        path: change.path,
        seen: change.seen.map(|handle| handle.to_string()),
        gone: change.is_gone,
        place: change.is_unsaved.then(in_buffer),
        ranges: change.hunks.into_iter().map(lines).collect(),
        agent: change.agent,
        operation: change.operation,
    }
}

fn lsp_late(late: api::Late) -> wire::LspLate {
    let file = |file: api::LateFile| wire::LateFile {
        path: file.path,
        server: file.server,
        verdict: file.verdict.to_owned(),
        new: file.new,
        fixed: file.fixed,
        unchanged: file.unchanged,
    };
    wire::LspLate { pending: late.pending, files: late.files.into_iter().map(file).collect() }
}

fn buffer_edit(edit: api::EditorEdit) -> wire::BufferEdit {
    let api::EditorEdit { request, path, version, edits, label } = edit;
    let edit = |api::ByteEdit { range, text }| wire::ByteEdit { range, text };
    let edits = edits.into_iter().map(edit).collect();
    wire::BufferEdit { request, path, version, edits, label }
}

fn marks_result(marks: api::Marks) -> wire::MarksResult {
    let mark = |mark: api::Mark| wire::Mark {
        operation: mark.operation,
        at_ms: mark.at_ms,
        agent: mark.agent,
        model: mark.model,
        why: mark.why,
        format: mark.format,
        lines: mark.lines,
    };
    let setback = |setback: api::Setback| wire::Setback {
        at_ms: setback.at_ms,
        agent: setback.agent,
        code: setback.code.as_str().to_owned(),
        message: setback.message,
        lines: setback.lines,
    };
    wire::MarksResult {
        status: ok(),
        path: marks.path,
        handle: marks.handle.to_string(),
        total_lines: marks.total_lines,
        changes: marks.changes.into_iter().map(mark).collect(),
        setbacks: marks.setbacks.into_iter().map(setback).collect(),
    }
}

fn in_buffer() -> String {
    "buffer".to_owned()
}

/// Returns the answer to a call of a tool as JSON.
///
/// # Errors
/// Where it cannot be written as JSON, which would be a bug of ours.
pub fn tool(answer: &wire::ToolResult) -> Result<String, RpcError> {
    json(answer)
}

/// Returns a fault of the service as a fault of the protocol.
pub fn fault(fault: &api::Fault) -> RpcError {
    let code = match fault {
        api::Fault::NotOpened => RpcError::NOT_OPENED,
        api::Fault::OverLimit(_) => RpcError::OVER_LIMIT,
        api::Fault::Cancelled => RpcError::CANCELLED,
        api::Fault::InvalidParams(_) => RpcError::INVALID_PARAMS,
        api::Fault::Internal(_) => RpcError::INTERNAL,
    };
    RpcError::new(code, fault.to_string())
}

fn json(value: &impl serde::Serialize) -> Result<String, RpcError> {
    serde_json::to_string(value)
        .map_err(|error| RpcError::new(RpcError::INTERNAL, error.to_string()))
}

fn ok() -> String {
    "ok".to_owned()
}

fn open_result(opened: &api::Opened) -> wire::OpenResult {
    wire::OpenResult {
        session: opened.session.clone(),
        protocol: super::VERSION,
        server: wire::Client { name: "anchord".into(), version: env!("CARGO_PKG_VERSION").into() },
        root: opened.root.clone(),
        formats: engine::format::NAMES.into_iter().chain(["auto"]).map(str::to_owned).collect(),
        limits: opened.limits.entries().map(|(name, limit)| (name.to_owned(), limit)).into(),
    }
}

/// Returns the answer to a read. Its rows are nearly all of it, and escaping
/// them most of the work, so they are escaped by vector instructions and put in
/// front of the other fields.
fn read_json(mut answer: api::ReadAnswer) -> Result<String, RpcError> {
    let rows = match &mut answer.body {
        api::ReadBody::Text(rows) => std::mem::take(rows),
        _ => return json(&read_result(answer)),
    };
    let escaped = json_escape_simd::escape(&rows);
    let mut rest = read_result(answer);
    rest.text = None;
    let rest = json(&rest)?;
    let mut whole = String::with_capacity(escaped.len() + rest.len() + 16);
    whole.push_str(r#"{"text":"#);
    whole.push_str(&escaped);
    whole.push(',');
    whole.push_str(&rest[1..]);
    Ok(whole)
}

fn read_result(answer: api::ReadAnswer) -> wire::ReadResult {
    let unchanged = matches!(answer.body, api::ReadBody::Unchanged);
    let (mut text, mut delta) = (None, None);
    match answer.body {
        api::ReadBody::Text(rows) => text = Some(rows),
        api::ReadBody::Unchanged => {}
        api::ReadBody::Delta(hunks) => delta = Some(hunks.into_iter().map(delta_hunk).collect()),
    }
    wire::ReadResult {
        status: ok(),
        path: answer.path,
        handle: answer.handle.to_string(),
        text,
        unchanged,
        delta,
        symbol: answer.symbol,
        shown: answer.shown,
        next: answer.next,
        total_lines: answer.total_lines,
        eol: answer.eol.to_owned(),
        final_newline: answer.final_newline,
        encoding: answer.encoding.to_owned(),
        bytes: answer.bytes,
    }
}

fn search_result(answer: api::SearchAnswer) -> wire::SearchResult {
    let files = answer.files.into_iter().map(file_matches).collect();
    wire::SearchResult { status: ok(), files, matches: answer.matches, more: answer.more }
}

fn file_matches(file: api::FileMatches) -> wire::FileMatches {
    wire::FileMatches {
        path: file.path,
        handle: file.handle.to_string(),
        total_lines: file.total_lines,
        matches: file.matches,
        text: file.text,
    }
}

fn rewrite_result(answer: api::RewriteAnswer) -> wire::RewriteResult {
    let file = |file: api::FileRewrite| wire::FileRewrite {
        path: file.path,
        handle: file.handle.to_string(),
        matches: file.matches,
        text: file.text,
    };
    let api::RewriteAnswer { files, matches, more, retry } = answer;
    let files = files.into_iter().map(file).collect();
    wire::RewriteResult { status: ok(), files, matches, more, retry }
}

fn outline_result(answer: api::OutlineAnswer) -> wire::OutlineResult {
    wire::OutlineResult {
        status: ok(),
        path: answer.path,
        handle: answer.handle.to_string(),
        language: answer.language.to_owned(),
        reading: answer.reading.to_owned(),
        text: answer.text,
        shown: answer.shown,
        total_lines: answer.total_lines,
        more: answer.more,
    }
}

fn delta_hunk(hunk: api::DeltaHunk) -> wire::DeltaHunk {
    wire::DeltaHunk { old: hunk.old, new: hunk.new, text: hunk.text }
}

fn edit_result(answer: &api::EditAnswer) -> wire::EditResult {
    let file = |file: &api::FileAnswer| wire::FileResult {
        path: file.path.clone(),
        handle: file.handle.map(|handle| handle.to_string()),
        ops: file.ops.iter().map(op_result).collect(),
        window: file.window.clone(),
        cas: file.cas.map(|cas| cas.as_str().to_owned()),
        place: file.in_buffer.then(in_buffer),
    };
    wire::EditResult {
        status: if answer.applied { "applied" } else { "checked" }.to_owned(),
        operation: answer.operation,
        files: answer.files.iter().map(file).collect(),
        lints: answer.lints.iter().map(lint_note).collect(),
        diagnostics: answer.diagnostics.as_ref().map(servers::diagnosis),
        server: answer.server.as_ref().map(servers::change),
        durability: answer.unflushed.then(|| "none".to_owned()),
        format: answer.format.clone(),
    }
}

fn stream_result(answer: &api::StreamAnswer) -> wire::StreamResult {
    let status = match (answer.open, &answer.stop) {
        (false, _) => "cancelled",
        (true, None) => "open",
        (true, Some(_)) => "stopped",
    };
    let stop = answer
        .stop
        .as_ref()
        .map(|stop| wire::StreamStop { at: stop.at, rejection: rejection(&stop.rejection) });
    let (stream, taken) = (answer.stream.clone(), answer.taken);
    let firing = |firing: &api::Firing| wire::Firing {
        rule: firing.rule.clone(),
        action: firing.action.as_str().to_owned(),
        message: firing.message.clone(),
        path: firing.path.clone(),
    };
    let firings = answer.firings.iter().map(firing).collect();
    wire::StreamResult { status: status.to_owned(), stream, taken, stop, firings }
}

fn lint_note(note: &api::LintNote) -> wire::LintNote {
    let api::LintNote { path, op, lint, message } = note.clone();
    wire::LintNote { path, op, lint, message }
}

fn op_result(outcome: &Outcome) -> wire::OpResult {
    wire::OpResult {
        lines: outcome.lines,
        relocated: (outcome.relocated != 0).then(|| format!("{:+}", outcome.relocated)),
        already: outcome.already,
    }
}

fn rejection(rejection: &api::Rejection) -> wire::Rejection {
    wire::Rejection {
        code: rejection.code.as_str().to_owned(),
        message: rejection.message.clone(),
        path: rejection.path.clone(),
        op: rejection.op,
        handle: rejection.handle.map(|handle| handle.to_string()),
        rows: rejection.rows.clone(),
        drift: rejection.drift.iter().cloned().map(delta_hunk).collect(),
        landings: rejection.landings.clone(),
        candidates: rejection.candidates.clone(),
        fixes: rejection.fixes.clone(),
        uncovered: rejection.uncovered.iter().cloned().map(file_matches).collect(),
        retry: rejection.retry.clone(),
        format: rejection.format.clone(),
    }
}

fn operation(operation: &api::Operation) -> wire::Operation {
    let file = |(path, kind, to): &(String, &'static str, Option<String>)| wire::OperationFile {
        path: path.clone(),
        kind: (*kind).to_owned(),
        to: to.clone(),
    };
    wire::Operation {
        operation: operation.id,
        at_ms: operation.at_ms,
        session: operation.session.clone(),
        agent: operation.agent.clone(),
        kind: operation.kind.clone(),
        target: operation.target,
        undone_by: operation.undone,
        format: operation.format.clone(),
        why: operation.why.clone(),
        files: operation.files.iter().map(file).collect(),
    }
}

fn group(group: &api::Group) -> wire::StatsGroup {
    let rate = |count: usize| (group.edits > 0).then(|| count as f64 / group.edits as f64);
    let waste = group.waste;
    wire::StatsGroup {
        name: group.name.clone(),
        reads: group.reads,
        edits: group.edits,
        attempts: group.attempts,
        first_try: group.first_try,
        landed: group.landed,
        undone: group.undone,
        first_try_rate: rate(group.first_try),
        landed_rate: rate(group.landed),
        rejected: group.rejected.iter().cloned().collect::<BTreeMap<_, _>>(),
        bytes_in: group.bytes.0,
        bytes_out: group.bytes.1,
        tokens_in: group.tokens.0,
        tokens_out: group.tokens.1,
        stopped: group.stopped,
        saved: group.saved,
        wasted: wire::Wasted {
            total: waste.total(),
            rejected: waste.rejected,
            reverted: waste.reverted,
            errors: waste.errors,
            reread: waste.reread,
            old_text: waste.old_text,
            gutter: waste.gutter,
            envelope: waste.envelope,
        },
        uncounted: group.uncounted,
    }
}

fn event(event: &api::Event) -> wire::Event {
    wire::Event {
        seq: event.seq,
        at_ms: event.at_ms,
        kind: event.kind.clone(),
        session: event.session.clone(),
        operation: event.operation,
        data: serde_json::from_str(&event.data).unwrap_or_default(),
    }
}

fn finding(finding: &api::Finding) -> wire::Finding {
    wire::Finding {
        subject: finding.subject.to_owned(),
        well: finding.well,
        detail: finding.detail.clone(),
    }
}
