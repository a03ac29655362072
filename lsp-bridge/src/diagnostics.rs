//! Diagnostics: what a server found, as findings of the engine.

use engine::snapshot::Snapshot;
use engine::verify::{Diagnostic, Findings, Severity, Verdict};

use crate::message::{self, Items};
use crate::position::{self, PositionEncoding};

/// Findings beyond this number are cut, and the answer is partial.
const FINDINGS_MAX: usize = 2000;

/// Characters of a message that are kept. Some servers send whole pages.
const MESSAGE_MAX: usize = 500;

/// Returns `items`, which the server called `server` found in the content of
/// `snapshot`, in the order of their places.
///
/// `verdict` says how well the answer is bound to the content. Where some of it
/// was unreadable or too much, it is at most [`Verdict::Partial`]: what is left
/// of an answer is never shown as the whole.
pub fn findings(
    items: &Items,
    server: &str,
    snapshot: &Snapshot,
    encoding: PositionEncoding,
    verdict: Verdict,
) -> Findings {
    let of_engine = |item| diagnostic(item, server, snapshot, encoding);
    let mut diagnostics: Vec<Diagnostic> = items.readable.iter().map(of_engine).collect();
    diagnostics.sort_by_key(|found| (found.range.start, found.range.end));
    let is_whole = items.unreadable == 0 && diagnostics.len() <= FINDINGS_MAX;
    diagnostics.truncate(FINDINGS_MAX);
    Findings {
        verdict: match verdict {
            Verdict::Fresh if !is_whole => Verdict::Partial,
            verdict => verdict,
        },
        diagnostics,
    }
}

/// Returns one finding. It stands at the start of the document where the server
/// did not say where, or not so that it could be read.
fn diagnostic(
    item: &message::Diagnostic,
    server: &str,
    snapshot: &Snapshot,
    encoding: PositionEncoding,
) -> Diagnostic {
    let range = item.range.unwrap_or_default();
    let source = item.source.as_deref().filter(|source| !source.is_empty());
    Diagnostic {
        range: position::byte_range(snapshot, range, encoding),
        severity: severity(item.severity),
        source: source.unwrap_or(server).to_owned(),
        message: message(item),
    }
}

/// A finding without severity is left to the client to weigh. An error is what
/// editors make of it, and what is not overlooked.
fn severity(number: Option<i64>) -> Severity {
    match number {
        Some(2) => Severity::Warning,
        Some(3 | 4) => Severity::Hint,
        _ => Severity::Error,
    }
}

/// Returns the message in one line, behind the server's code for it.
fn message(item: &message::Diagnostic) -> String {
    let words: Vec<&str> = item.message.split_whitespace().collect();
    let text = words.join(" ");
    let whole = match code(&item.code) {
        Some(code) if !text.contains(&code) => format!("{code}: {text}"),
        _ => text,
    };
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut line: String = whole.chars().map(shown).take(MESSAGE_MAX).collect();
    if whole.chars().nth(MESSAGE_MAX).is_some() {
        line.pop();
        line.push('…');
    }
    line
}

fn code(code: &serde_json::Value) -> Option<String> {
    match code {
        serde_json::Value::String(text) if !text.is_empty() => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Object(fields) => self::code(fields.get("value")?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(json: &str) -> Items {
        serde_json::from_str(json).expect("a list")
    }

    fn findings_of(json: &str, verdict: Verdict) -> Findings {
        let snapshot = Snapshot::of("ä = 1;\r\nb = 2;\r\n".into());
        findings(&items(json), "srv", &snapshot, PositionEncoding::Utf16, verdict)
    }

    fn found(
        range: std::ops::Range<usize>,
        severity: Severity,
        source: &str,
        message: &str,
    ) -> Diagnostic {
        Diagnostic { range, severity, source: source.into(), message: message.into() }
    }

    #[test]
    fn findings_stand_at_bytes_and_in_order() {
        let json = r#"[
            {"range":{"start":{"line":1,"character":4},"end":{"line":1,"character":99}},
             "severity":2,"source":"lint","code":"W1","message":"odd\n  number"},
            {"range":{"start":{"line":0,"character":0},"end":{"line":0,"character":1}},
             "code":308,"message":"mismatch"},
            {"range":{"start":{"line":7,"character":0},"end":{"line":0,"character":1}},
             "severity":4,"source":"","code":{"value":"W2"},"message":"W2 is long"},
            {"message":"somewhere"}]"#;
        let findings = findings_of(json, Verdict::Fresh);
        assert_eq!(findings.verdict, Verdict::Fresh);
        assert_eq!(
            findings.diagnostics,
            [
                found(0..0, Severity::Error, "srv", "somewhere"),
                found(0..2, Severity::Error, "srv", "308: mismatch"),
                found(13..15, Severity::Warning, "lint", "W1: odd number"),
                found(17..17, Severity::Hint, "srv", "W2 is long"),
            ]
        );
    }

    #[test]
    fn an_answer_that_is_not_whole_is_partial() {
        let broken = r#"[{"message":"m"},{"message":7}]"#;
        assert_eq!(findings_of(broken, Verdict::Fresh).verdict, Verdict::Partial);
        assert_eq!(findings_of(broken, Verdict::Temporal).verdict, Verdict::Temporal);
        let many = format!("[{}]", vec![r#"{"message":"m"}"#; FINDINGS_MAX + 1].join(","));
        let cut = findings_of(&many, Verdict::Fresh);
        assert_eq!((cut.verdict, cut.diagnostics.len()), (Verdict::Partial, FINDINGS_MAX));
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let page = format!(r#"[{{"message":"a\u001b{}"}}]"#, "ä ".repeat(600));
        let message = &findings_of(&page, Verdict::Fresh).diagnostics[0].message;
        assert_eq!(message.chars().count(), MESSAGE_MAX);
        assert!(message.starts_with("a\u{fffd}ä") && message.ends_with('…'));
    }
}
