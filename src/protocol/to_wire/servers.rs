//! What language servers answer.

use super::ok;
use crate::protocol::wire;
use crate::service::api;

pub(super) fn diagnosed(answer: api::Diagnosed) -> wire::DiagnosticsResult {
    wire::DiagnosticsResult {
        status: ok(),
        verdict: answer.verdict.to_owned(),
        files: answer.files.iter().map(file).collect(),
        servers: answer.servers.iter().map(word).collect(),
        more: answer.more,
    }
}

pub(super) fn diagnosis(diagnosis: &api::Diagnosis) -> wire::Diagnosis {
    wire::Diagnosis {
        verdict: diagnosis.verdict.to_owned(),
        new: diagnosis.new.iter().map(file).collect(),
        fixed: diagnosis.fixed.iter().map(file).collect(),
        unchanged: diagnosis.unchanged,
        servers: diagnosis.servers.iter().map(word).collect(),
        pending: diagnosis.pending,
    }
}

fn file(file: &api::FileDiagnostics) -> wire::FileDiagnostics {
    wire::FileDiagnostics {
        path: file.path.clone(),
        handle: file.handle.map(|handle| handle.to_string()),
        diagnostics: file.diagnostics.iter().map(diagnostic).collect(),
        text: file.text.clone(),
    }
}

fn diagnostic(found: &api::Diagnostic) -> wire::Diagnostic {
    wire::Diagnostic {
        lines: found.lines,
        column: found.column,
        severity: found.severity.to_owned(),
        source: found.source.clone(),
        message: found.message.clone(),
    }
}

fn word(word: &api::ServerWord) -> wire::ServerWord {
    wire::ServerWord {
        server: word.server.clone(),
        path: word.path.clone(),
        verdict: word.verdict.to_owned(),
        reason: word.reason.clone(),
    }
}

pub(super) fn change(change: &api::ServerChange) -> wire::ServerChange {
    wire::ServerChange {
        server: change.server.clone(),
        title: change.title.clone(),
        proof: change.proof.map(str::to_owned),
        plan: change.plan.clone(),
        uncovered: change.uncovered.iter().cloned().map(super::file_matches).collect(),
        more: change.more,
        diff: change.diff.clone(),
    }
}

pub(super) fn servers(answer: api::ServersAnswer) -> wire::ServersResult {
    let running = |server: api::RunningServer| wire::RunningServer {
        name: server.name,
        project: server.project,
        state: server.state.to_owned(),
        detail: server.detail,
        process: server.process,
        memory_bytes: server.memory_bytes,
        documents: server.documents,
        seconds: server.seconds,
    };
    let known = |server: api::KnownServer| wire::KnownServer {
        name: server.name,
        languages: server.languages,
        program: server.program,
        trouble: server.trouble,
        install: server.install,
    };
    wire::ServersResult {
        status: ok(),
        running: answer.running.into_iter().map(running).collect(),
        known: answer.known.into_iter().map(known).collect(),
        trouble: answer.trouble,
    }
}

pub(super) fn asked(answer: api::AskAnswer) -> wire::AskResult {
    let symbol = |symbol: api::SymbolRow| wire::SymbolRow {
        name: symbol.name,
        kind: symbol.kind.to_owned(),
        detail: symbol.detail,
        within: symbol.within,
        path: symbol.path,
        lines: symbol.lines,
        calls: symbol.calls,
    };
    wire::AskResult {
        status: ok(),
        server: answer.server,
        state: answer.state.to_owned(),
        reason: answer.reason,
        text: answer.text,
        symbols: answer.symbols.into_iter().map(symbol).collect(),
        files: answer.files.into_iter().map(super::file_matches).collect(),
        outside: answer.outside,
        more: answer.more,
    }
}

pub(super) fn actions(answer: api::ActionsAnswer) -> wire::ActionsResult {
    let action = |action: api::OfferedAction| wire::OfferedAction {
        title: action.title,
        kind: action.kind,
        preferred: action.preferred,
        disabled: action.disabled,
        server: action.server,
    };
    wire::ActionsResult {
        status: ok(),
        path: answer.path,
        state: answer.state.to_owned(),
        actions: answer.actions.into_iter().map(action).collect(),
    }
}
