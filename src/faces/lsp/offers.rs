//! What a person sees of agents: lenses, hints, hovers, actions and diagnostics,
//! made of the marks of a document.

use lsp_types::{
    CodeAction, CodeActionOrCommand, CodeLens, Command, Diagnostic, DiagnosticSeverity, Hover,
    HoverContents, InlayHint, InlayHintLabel, MarkupContent, MarkupKind, NumberOrString, Position,
    Range,
};
use serde_json::{Value, json};

use crate::protocol::wire::{Lines, Mark, MarksResult, Setback};

/// Takes an operation back: its number.
pub(super) const UNDO: &str = "anchord.undo";

/// Notes that a change was looked at: the file, and the operation or none for all.
pub(super) const ACCEPT: &str = "anchord.accept";

/// Shows what an operation did: its number.
pub(super) const SHOW: &str = "anchord.show";

/// Hands over the name of some lines: the text. An editor that can, puts it on its
/// clipboard instead of asking the server.
pub(super) const COPY: &str = "anchord.copyAnchor";

/// All commands.
pub(super) const COMMANDS: [&str; 4] = [UNDO, ACCEPT, SHOW, COPY];

/// Returns the lenses above what agents changed: who and why, and what to do
/// about it.
pub(super) fn lenses(marks: &MarksResult) -> Vec<CodeLens> {
    let mut lenses = Vec::new();
    for mark in &marks.changes {
        for (index, lines) in mark.lines.iter().enumerate() {
            let mut lens = |title: String, name: &str, arguments: Vec<Value>| {
                let command = Some(Command::new(title, name.to_owned(), Some(arguments)));
                lenses.push(CodeLens { range: range(*lines, 0), command, data: None });
            };
            lens(title(mark), SHOW, vec![json!(mark.operation)]);
            if index == 0 {
                lens("undo".to_owned(), UNDO, vec![json!(mark.operation)]);
                let arguments = vec![json!(marks.path), json!(mark.operation)];
                lens("accept".to_owned(), ACCEPT, arguments);
            }
        }
    }
    lenses
}

/// Returns the hints at the end of what agents changed; `width` is that of a line.
pub(super) fn hints(
    marks: &MarksResult,
    within: Range,
    width: impl Fn(usize) -> u32,
) -> Vec<InlayHint> {
    let places = marks.changes.iter().flat_map(|mark| mark.lines.iter().map(move |l| (mark, *l)));
    let hint = |(mark, (first, _)): (&Mark, Lines)| InlayHint {
        position: Position::new(first as u32 - 1, width(first - 1)),
        label: InlayHintLabel::String(title(mark)),
        kind: None,
        text_edits: None,
        tooltip: None,
        padding_left: Some(true),
        padding_right: None,
        data: None,
    };
    let is_within =
        |hint: &InlayHint| (within.start.line..=within.end.line).contains(&hint.position.line);
    places.map(hint).filter(is_within).collect()
}

/// Returns what is known of a line that an agent changed.
pub(super) fn hover(marks: &MarksResult, at: Position) -> Option<Hover> {
    let line = at.line as usize + 1;
    let at_line = |mark: &&Mark| mark.lines.iter().any(|lines| holds(*lines, line));
    let told: Vec<String> = marks.changes.iter().filter(at_line).map(told).collect();
    let value = told.join("\n\n---\n\n");
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    (!told.is_empty()).then_some(Hover { contents, range: None })
}

/// Returns what can be done about the lines of a range.
pub(super) fn actions(marks: &MarksResult, at: Range) -> Vec<CodeActionOrCommand> {
    let (first, mut last) = (at.start.line as usize + 1, at.end.line as usize + 1);
    if at.end.character == 0 && last > first {
        last -= 1;
    }
    let meets = |mark: &&Mark| mark.lines.iter().any(|(a, b)| *a <= last && first <= *b);
    let mut actions = Vec::new();
    let mut offer = |title: String, name: &str, arguments: Vec<Value>| {
        let command = Command::new(title.clone(), name.to_owned(), Some(arguments));
        let action = CodeAction { title, command: Some(command), ..CodeAction::default() };
        actions.push(CodeActionOrCommand::CodeAction(action));
    };
    for mark in marks.changes.iter().filter(meets) {
        let what = title(mark);
        offer(format!("Undo this operation: {what}"), UNDO, vec![json!(mark.operation)]);
        let arguments = vec![json!(marks.path), json!(mark.operation)];
        offer(format!("Accept: {what}"), ACCEPT, arguments);
    }
    if marks.changes.len() > 1 || !marks.setbacks.is_empty() {
        offer("Accept all changes by agents".to_owned(), ACCEPT, vec![json!(marks.path)]);
    }
    if let Some(anchor) = anchor(marks, first, last) {
        offer(format!("Copy anchor {anchor}"), COPY, vec![json!(anchor)]);
    }
    actions
}

/// Returns the name of some lines, to be pasted into a chat.
pub(super) fn anchor(marks: &MarksResult, first: usize, last: usize) -> Option<String> {
    let last = last.min(marks.total_lines);
    let lines = match last {
        _ if first > last => return None,
        last if last == first => format!("{first}"),
        last => format!("{first}-{last}"),
    };
    Some(format!("@{} {} {lines}", marks.path, marks.handle))
}

/// Returns what agents were refused, where it was.
pub(super) fn diagnostics(marks: &MarksResult) -> Vec<Diagnostic> {
    let diagnostic = |setback: &Setback| {
        let lines = setback.lines.first().copied().unwrap_or((1, 1));
        Diagnostic {
            range: range(lines, 0),
            severity: Some(match setback.code.as_str() {
                "conflict" | "stale" | "ambiguous" => DiagnosticSeverity::WARNING,
                _ => DiagnosticSeverity::INFORMATION,
            }),
            code: Some(NumberOrString::String(setback.code.clone())),
            source: Some("anchord".to_owned()),
            message: format!("an edit by {} was refused: {}", setback.agent, setback.message),
            ..Diagnostic::default()
        }
    };
    marks.setbacks.iter().map(diagnostic).collect()
}

fn title(mark: &Mark) -> String {
    let why = mark.why.as_deref().unwrap_or(match mark.format.as_str() {
        "" => "an edit",
        format => format,
    });
    let first = why.lines().next().unwrap_or_default();
    let short: String = first.chars().take(80).collect();
    format!("{}: {short} (#{})", mark.agent, mark.operation)
}

fn told(mark: &Mark) -> String {
    let model = if mark.model.is_empty() { String::new() } else { format!(" ({})", mark.model) };
    let why = mark.why.as_deref().map(|why| format!("\n\n{why}")).unwrap_or_default();
    let lines: Vec<String> = mark.lines.iter().map(|(a, b)| format!("{a}-{b}")).collect();
    format!(
        "**{}**{model}, operation {}, format `{}`, lines {}{why}",
        mark.agent,
        mark.operation,
        mark.format,
        lines.join(", ")
    )
}

fn holds((first, last): Lines, line: usize) -> bool {
    (first..=last).contains(&line)
}

fn range((first, last): Lines, column: u32) -> Range {
    let line = |line: usize| Position::new(line.saturating_sub(1) as u32, column);
    Range::new(line(first), line(last.max(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> MarksResult {
        let mark = Mark {
            operation: 7,
            at_ms: 0,
            agent: "coder".to_owned(),
            model: "m".to_owned(),
            why: Some("greet politely\nand more".to_owned()),
            format: "anchor".to_owned(),
            lines: vec![(2, 3), (9, 9)],
        };
        let setback = Setback {
            at_ms: 0,
            agent: "coder".to_owned(),
            code: "stale".to_owned(),
            message: "it changed".to_owned(),
            lines: vec![(5, 5)],
        };
        MarksResult {
            status: "ok".to_owned(),
            path: "src/a.rs".to_owned(),
            handle: "481920".to_owned(),
            total_lines: 9,
            changes: vec![mark],
            setbacks: vec![setback],
        }
    }

    fn titles(at: Range) -> Vec<String> {
        let title = |action| match action {
            CodeActionOrCommand::CodeAction(action) => action.title,
            CodeActionOrCommand::Command(command) => command.title,
        };
        actions(&marks(), at).into_iter().map(title).collect()
    }

    #[test]
    fn a_lens_says_who_and_why() {
        let lenses = lenses(&marks());
        let title = |lens: &CodeLens| lens.command.clone().unwrap().title;
        let titles: Vec<String> = lenses.iter().map(title).collect();
        let who = "coder: greet politely (#7)";
        assert_eq!(titles, [who, "undo", "accept", who]);
        assert_eq!(lenses[3].range.start.line, 8);
    }

    #[test]
    fn actions_are_about_the_lines_they_are_asked_for() {
        let line = |line| Range::new(Position::new(line, 1), Position::new(line, 1));
        assert_eq!(titles(line(2)).len(), 4);
        assert_eq!(
            titles(line(4)),
            ["Accept all changes by agents", "Copy anchor @src/a.rs 481920 5"]
        );
        let rows = Range::new(Position::new(3, 0), Position::new(5, 0));
        assert_eq!(titles(rows)[1], "Copy anchor @src/a.rs 481920 4-5");
        assert_eq!(titles(line(20)), ["Accept all changes by agents"]);
    }

    #[test]
    fn hovers_and_diagnostics_stand_where_it_happened() {
        assert!(hover(&marks(), Position::new(2, 0)).is_some());
        assert!(hover(&marks(), Position::new(3, 0)).is_none());
        let diagnostics = diagnostics(&marks());
        assert_eq!(diagnostics[0].range.start.line, 4);
        assert_eq!(diagnostics[0].message, "an edit by coder was refused: it changed");
    }
}
