//! What a model reads: the answer to a call, in as few tokens as it takes.
//!
//! A row `@path handle` stands before rows of a file, and can be copied into an
//! edit as it is. Rows stand as they are, so nothing is escaped.

use std::fmt::Write;

use super::servers;
use crate::protocol::wire::{self, Lines};
use crate::service::api::{
    EditAnswer, FileAnswer, Group, ListAnswer, Operation, OperationDetail, OutlineAnswer,
    ReadAnswer, ReadBody, Rejection, Response, RewriteAnswer, SearchAnswer, Summary,
};

/// Operations of one file whose lines are told; a long edit is summed up.
const OPERATIONS_TOLD: usize = 20;

/// Returns the answer to a call that was answered with `response`.
pub(super) fn answer(response: &Response) -> wire::ToolResult {
    let mut answer = wire::ToolResult { status: "ok".to_owned(), ..Default::default() };
    match response {
        Response::Read(read) => {
            answer.text = read_text(read);
            answer.path = Some(read.path.clone());
            answer.handle = Some(read.handle.to_string());
        }
        Response::Edit(edit) => {
            answer.text = edit_text(edit);
            answer.operation = edit.operation;
            if let [file] = &edit.files[..] {
                answer.path = Some(file.path.clone());
                answer.handle = file.handle.map(|handle| handle.to_string());
            }
        }
        Response::Rejected(rejection) => {
            answer.text = rejection_text(rejection);
            answer.rejected = Some(rejection.code.as_str().to_owned());
            answer.path.clone_from(&rejection.path);
            answer.handle = rejection.handle.map(|handle| handle.to_string());
            answer.retry.clone_from(&rejection.retry);
        }
        Response::List(list) => answer.text = list_text(list),
        Response::Search(search) => answer.text = search_text(search),
        Response::Rewrite(rewrite) => {
            answer.text = rewrite_text(rewrite);
            answer.retry.clone_from(&rewrite.retry);
        }
        Response::Outline(outline) => {
            answer.text = outline_text(outline);
            answer.path = Some(outline.path.clone());
            answer.handle = Some(outline.handle.to_string());
        }
        Response::Diagnosed(found) => answer.text = servers::diagnosed_text(found),
        Response::Asked(known) => answer.text = servers::asked_text(known),
        Response::Actions(offered) => answer.text = servers::actions_text(offered),
        Response::Servers(all) => answer.text = servers::servers_text(all),
        Response::Log(operations) => answer.text = log_text(operations),
        Response::Show(detail) => answer.text = show_text(detail),
        Response::Stats(summary) => answer.text = stats_text(summary),
        // No tool asks for these.
        Response::Opened(_)
        | Response::Stream(_)
        | Response::Tail(_)
        | Response::Examined(_)
        | Response::Buffer(_)
        | Response::Marks(_)
        | Response::Resolved(_) => {}
        Response::Done => answer.text = "forgotten".to_owned(),
    }
    if answer.text.ends_with('\n') {
        answer.text.pop();
    }
    answer
}

fn read_text(read: &ReadAnswer) -> String {
    let mut text = format!("@{} {}\n", read.path, read.handle);
    match &read.body {
        ReadBody::Text(rows) => text.push_str(rows),
        ReadBody::Unchanged => text.push_str("unchanged\n"),
        ReadBody::Delta(hunks) => {
            for hunk in hunks {
                row(
                    &mut text,
                    format_args!("lines {} are now {}:", lines(hunk.old), lines(hunk.new)),
                );
                text.push_str(&hunk.text);
            }
        }
    }
    let shown_last = read.shown.last().map_or(0, |range| range.1);
    match read.next {
        Some(next) => {
            row(&mut text, format_args!("(go on at line {next} of {})", read.total_lines))
        }
        None if matches!(read.body, ReadBody::Text(_)) && shown_last < read.total_lines => {
            row(&mut text, format_args!("({} lines)", read.total_lines));
        }
        None if read.total_lines == 0 && read.encoding != "binary" => text.push_str("(no lines)\n"),
        None => {}
    }
    if !matches!(read.encoding, "utf-8" | "utf-8-bom") {
        row(&mut text, format_args!("({}, {} bytes)", read.encoding, read.bytes));
    }
    if !read.final_newline && shown_last == read.total_lines && shown_last > 0 {
        text.push_str("(no newline at the end)\n");
    }
    text
}

fn edit_text(edit: &EditAnswer) -> String {
    let mut text = match (edit.applied, edit.operation) {
        (true, Some(operation)) => format!("applied as operation {operation}\n"),
        (true, None) => "applied: all of it was there already\n".to_owned(),
        (false, _) => "checked, not applied\n".to_owned(),
    };
    if let Some(change) = &edit.server {
        servers::change_text(change, &mut text);
    }
    edit.files.iter().for_each(|file| file_text(file, edit.applied, &mut text));
    for lint in &edit.lints {
        row(&mut text, format_args!("({}: {})", lint.lint, lint.message));
    }
    if let Some(diagnosis) = &edit.diagnostics {
        servers::diagnosis_text(diagnosis, &mut text);
    }
    text
}

fn list_text(list: &ListAnswer) -> String {
    let mut text = list.paths.join("\n");
    let end = match (list.more, text.is_empty()) {
        (true, _) => "\n(there are more)\n",
        (false, true) => "no files\n",
        (false, false) => "\n",
    };
    text.push_str(end);
    text
}

fn search_text(search: &SearchAnswer) -> String {
    let mut text = String::new();
    for file in &search.files {
        row(&mut text, format_args!("@{} {}", file.path, file.handle));
        text.push_str(&file.text);
    }
    match (search.more, text.is_empty()) {
        (true, _) => text.push_str("(there may be more)\n"),
        (false, true) => text.push_str("no matches\n"),
        (false, false) => {}
    }
    text
}

fn rewrite_text(rewrite: &RewriteAnswer) -> String {
    let mut text = String::new();
    for file in &rewrite.files {
        row(&mut text, format_args!("@{} {}", file.path, file.handle));
        text.push_str(&file.text);
    }
    if rewrite.more {
        text.push_str("(there may be more, which would stay)\n");
    }
    match &rewrite.retry {
        Some(token) => row(&mut text, format_args!("retry {token} accept: applies all of it")),
        None => text.push_str("nothing would change\n"),
    }
    text
}

fn outline_text(outline: &OutlineAnswer) -> String {
    let mut text = format!("@{} {}\n{}", outline.path, outline.handle, outline.text);
    match (outline.more, outline.text.is_empty()) {
        (true, _) => text.push_str("(there is more: name a depth or a symbol)\n"),
        (false, true) => text.push_str("defines nothing\n"),
        (false, false) => {}
    }
    text
}

fn file_text(file: &FileAnswer, applied: bool, text: &mut String) {
    match file.handle {
        Some(handle) => row(text, format_args!("@{} {handle}", file.path)),
        None if applied => row(text, format_args!("{} is gone", file.path)),
        None => row(text, format_args!("{}", file.path)),
    }
    let told = file.ops.iter().take(OPERATIONS_TOLD).map(|op| {
        let moved = match op.relocated {
            0 => String::new(),
            by => format!(" relocated {by:+}"),
        };
        let already = if op.already { " already there" } else { "" };
        format!("{}{moved}{already}", lines(op.lines))
    });
    let told: Vec<String> = told.collect();
    if !told.is_empty() {
        let rest = file.ops.len() - told.len();
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        row(text, format_args!("lines {}{rest}", told.join(", ")));
    }
    if let Some(window) = &file.window {
        text.push_str(window);
    }
    if file.in_buffer {
        text.push_str("made in an open editor, not saved\n");
    }
    if file.cas.is_some_and(|cas| cas.as_str() == "weak") {
        text.push_str("(weakly protected against other programs while it was written)\n");
    }
}

fn rejection_text(rejection: &Rejection) -> String {
    let mut text = rejection.code.as_str().to_owned();
    if let (Some(op), true) = (rejection.op, rejection.landings.len() > 1) {
        let _to_a_string = write!(text, " (operation {})", op + 1);
    }
    match (&rejection.path, rejection.handle) {
        (Some(path), Some(handle)) => {
            row(&mut text, format_args!(": {}\n@{path} {handle}", rejection.message));
        }
        (Some(path), None) => row(&mut text, format_args!(": {path}: {}", rejection.message)),
        (None, _) => row(&mut text, format_args!(": {}", rejection.message)),
    }
    text.push_str(rejection.rows.as_deref().unwrap_or_default());
    for hunk in &rejection.drift {
        row(&mut text, format_args!("({} became {})", lines(hunk.old), lines(hunk.new)));
    }
    servers::uncovered_text(&rejection.uncovered, &mut text);
    let Some(token) = &rejection.retry else { return text };
    for (number, place) in (1..).zip(&rejection.candidates) {
        let place = lines(*place);
        row(&mut text, format_args!("retry {token} candidate {number}: puts it on {place}"));
    }
    for (number, fix) in (1..).zip(&rejection.fixes) {
        row(&mut text, format_args!("retry {token} fix {number}: {fix}"));
    }
    let landings: Option<Vec<Lines>> = rejection.landings.iter().copied().collect();
    match landings {
        Some(landings) if landings.is_empty() => {
            row(&mut text, format_args!("retry {token} accept: apply it as it is"));
        }
        Some(landings) => {
            let places: Vec<String> = landings.into_iter().map(lines).collect();
            let places = places.join(", ");
            row(&mut text, format_args!("retry {token} accept: puts it on {places}"));
        }
        None => {
            let count = rejection.landings.len();
            let what = if count == 1 { "LINES".to_owned() } else { format!("{count} RANGES") };
            row(&mut text, format_args!("retry {token} at {what}: none is proposed"));
        }
    }
    text
}

fn log_text(operations: &[Operation]) -> String {
    let mut text = String::new();
    for operation in operations {
        operation_text(operation, &mut text);
    }
    if text.is_empty() {
        text.push_str("no operations\n");
    }
    text
}

fn operation_text(operation: &Operation, text: &mut String) {
    let files: Vec<String> = operation
        .files
        .iter()
        .map(|(path, kind, to)| match to {
            Some(to) => format!("{kind} {path} to {to}"),
            None => format!("{kind} {path}"),
        })
        .collect();
    let who = match operation.agent.as_str() {
        "" => &operation.session,
        agent => agent,
    };
    let of = operation.target.map(|target| format!(" of {target}")).unwrap_or_default();
    let by = operation.undone.map(|by| format!(" (taken back by {by})")).unwrap_or_default();
    let why = operation.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let (id, kind, files) = (operation.id, &operation.kind, files.join(", "));
    row(text, format_args!("{id} {kind}{of} by {who}, {files}{by}{why}"));
}

fn show_text(detail: &OperationDetail) -> String {
    let mut text = String::new();
    operation_text(&detail.operation, &mut text);
    text.push_str(&detail.diff);
    text
}

fn stats_text(summary: &Summary) -> String {
    let mut text = String::new();
    for group in &summary.groups {
        group_text(group, summary.tokenizer, &mut text);
    }
    if text.is_empty() {
        text.push_str("nothing counted yet\n");
    }
    text
}

fn group_text(group: &Group, tokenizer: &str, text: &mut String) {
    let Group { name, edits, first_try, landed, undone, attempts, reads, .. } = group;
    row(
        text,
        format_args!(
            "{name}: {edits} edits, {first_try} at first try, {landed} landed, {undone} undone; \
             {attempts} attempts, {reads} reads"
        ),
    );
    if !group.rejected.is_empty() {
        let codes = group.rejected.iter().map(|(code, count)| format!("{code} {count}"));
        row(text, format_args!("rejected: {}", codes.collect::<Vec<_>>().join(", ")));
    }
    let (written, read) = group.tokens;
    let wasted = group.waste.total();
    row(
        text,
        format_args!("tokens ({tokenizer}): {written} written, {read} read, {wasted} wasted"),
    );
}

/// Returns lines as they are written: `4`, `4-5`, or the place after a line.
pub(super) fn lines((first, last): Lines) -> String {
    match first {
        first if first == last => first.to_string(),
        first if first > last => format!("after {last}"),
        first => format!("{first}-{last}"),
    }
}

/// Adds a row.
pub(super) fn row(text: &mut String, content: std::fmt::Arguments<'_>) {
    let _to_a_string = writeln!(text, "{content}");
}
