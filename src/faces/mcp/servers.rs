//! What a model reads of language servers.

use super::text::{lines, row};
use crate::service::api::{
    ActionsAnswer, AskAnswer, Diagnosed, Diagnosis, FileDiagnostics, FileMatches, ServerChange,
    ServerWord, ServersAnswer,
};

/// Servers whose doubts are told; the rest say much the same.
const WORDS_TOLD: usize = 3;

pub(super) fn diagnosed_text(answer: &Diagnosed) -> String {
    let mut text = String::new();
    answer.files.iter().for_each(|file| file_text(file, &mut text));
    if answer.files.is_empty() {
        match answer.verdict {
            "fresh" => text.push_str("no findings\n"),
            verdict => row(&mut text, format_args!("no findings, but the answer is {verdict}")),
        }
    } else if answer.verdict != "fresh" {
        row(&mut text, format_args!("({})", answer.verdict));
    }
    words_text(&answer.servers, &mut text);
    if answer.more {
        text.push_str("(there are more)\n");
    }
    text
}

/// Adds what language servers say of an edit.
pub(super) fn diagnosis_text(diagnosis: &Diagnosis, text: &mut String) {
    let count = |files: &[FileDiagnostics]| -> usize {
        files.iter().map(|file| file.diagnostics.len()).sum()
    };
    let (new, fixed) = (count(&diagnosis.new), count(&diagnosis.fixed));
    row(
        text,
        format_args!(
            "language servers: {new} new, {fixed} fixed, {} unchanged ({})",
            diagnosis.unchanged, diagnosis.verdict
        ),
    );
    diagnosis.new.iter().for_each(|file| file_text(file, text));
    words_text(&diagnosis.servers, text);
    if let Some(pending) = diagnosis.pending {
        row(text, format_args!("(more may come: pending {pending})"));
    }
}

fn file_text(file: &FileDiagnostics, text: &mut String) {
    match file.handle {
        Some(handle) => row(text, format_args!("@{} {handle}", file.path)),
        None => row(text, format_args!("{}", file.path)),
    }
    text.push_str(&file.text);
    for found in &file.diagnostics {
        let (at, severity) = (lines(found.lines), found.severity);
        row(text, format_args!("{severity} in {at}: {} ({})", found.message, found.source));
    }
}

fn words_text(words: &[ServerWord], text: &mut String) {
    let doubtful = words.iter().filter(|word| word.verdict != "fresh" && word.reason.is_some());
    for word in doubtful.take(WORDS_TOLD) {
        let why = word.reason.as_deref().unwrap_or_default();
        row(text, format_args!("({} on {}: {why})", word.server, word.path));
    }
}

/// Adds what a language server changed.
pub(super) fn change_text(change: &ServerChange, text: &mut String) {
    let proof = change.proof.map(|proof| format!(", complete by {proof}")).unwrap_or_default();
    row(text, format_args!("{}{proof}", change.title));
    if let Some(diff) = &change.diff {
        text.push_str(diff);
        row(text, format_args!("(plan {})", change.plan));
    }
    uncovered_text(&change.uncovered, text);
}

/// Adds places where a name stays.
pub(super) fn uncovered_text(files: &[FileMatches], text: &mut String) {
    for file in files {
        row(text, format_args!("the name stays in @{} {}", file.path, file.handle));
        text.push_str(&file.text);
    }
}

pub(super) fn servers_text(answer: &ServersAnswer) -> String {
    let mut text = String::new();
    for server in &answer.running {
        let memory = server.memory_bytes.map(|bytes| format!(", {} MiB", bytes >> 20));
        let memory = memory.unwrap_or_default();
        let detail = match server.detail.as_str() {
            "" => String::new(),
            detail => format!(": {detail}"),
        };
        let (name, state) = (&server.name, server.state);
        row(&mut text, format_args!("{name} {state}{memory}{detail}"));
    }
    for server in answer.known.iter().filter(|server| server.program.is_some()) {
        row(&mut text, format_args!("found {} for {}", server.name, server.languages.join(", ")));
    }
    if let Some(trouble) = &answer.trouble {
        row(&mut text, format_args!("none can be used: {trouble}"));
    }
    if text.is_empty() {
        text.push_str("no language servers are installed\n");
    }
    text
}

pub(super) fn asked_text(known: &AskAnswer) -> String {
    let mut text = String::new();
    for symbol in &known.symbols {
        let within = match symbol.within.as_str() {
            "" => String::new(),
            within => format!(" in {within}"),
        };
        let calls: Vec<String> = symbol.calls.iter().map(|call| lines(*call)).collect();
        let calls = match calls.is_empty() {
            true => String::new(),
            false => format!(", calls in {}", calls.join(", ")),
        };
        let (kind, name, path, at) = (symbol.kind, &symbol.name, &symbol.path, lines(symbol.lines));
        row(&mut text, format_args!("{kind} {name}{within}: {path} {at}{calls}"));
    }
    for file in &known.files {
        row(&mut text, format_args!("@{} {}", file.path, file.handle));
        text.push_str(&file.text);
    }
    for place in &known.outside {
        row(&mut text, format_args!("outside: {place}"));
    }
    if let Some(shown) = &known.text {
        row(&mut text, format_args!("{}", shown.trim_end()));
    }
    if text.is_empty() {
        text.push_str("nothing\n");
    }
    if known.state != "ready" {
        let why = known.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        row(&mut text, format_args!("({} is {}{why})", known.server, known.state));
    }
    if known.more {
        text.push_str("(there are more)\n");
    }
    text
}

pub(super) fn actions_text(offered: &ActionsAnswer) -> String {
    let mut text = String::new();
    for action in &offered.actions {
        let kind = match action.kind.as_str() {
            "" => String::new(),
            kind => format!(" ({kind})"),
        };
        let preferred = if action.preferred { ", preferred" } else { "" };
        let disabled = action.disabled.as_ref().map(|why| format!(", not to be had: {why}"));
        let disabled = disabled.unwrap_or_default();
        row(&mut text, format_args!("{}{kind}{preferred}{disabled}", action.title));
    }
    if text.is_empty() {
        text.push_str("nothing is offered\n");
    }
    text
}
