//! The commands of tsserver behind the servers that wrap it.
//!
//! Such a server publishes without a version and says nothing where nothing is
//! wrong; but it hands requests on to tsserver, in order with the changes of
//! documents, and tsserver answers at once. Lines and columns are those of
//! tsserver: from 1, in units of UTF-16.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::message::{Diagnostic, Items, Position, Range};

/// What is asked for the findings of one file.
pub(crate) const COMMANDS: [&str; 3] =
    ["syntacticDiagnosticsSync", "semanticDiagnosticsSync", "suggestionDiagnosticsSync"];

/// Returns the content of `workspace/executeCommand` about the file at `file`,
/// which is absolute.
pub(crate) fn request(command: &str, file: &str) -> Value {
    json!({
        "command": "typescript.tsserverRequest",
        "arguments": [command, { "file": file }, { "isAsync": false, "lowPriority": false }],
    })
}

/// Returns the findings in an answer of tsserver; `None` where it holds none,
/// not even an empty list.
pub(crate) fn items(answer: &Value) -> Option<Items> {
    let body = answer["body"].as_array().filter(|_| answer["success"] != json!(false))?;
    let mut items = Items::default();
    for one in body {
        match diagnostic(one) {
            Some(diagnostic) => items.readable.push(diagnostic),
            None => items.unreadable += 1,
        }
    }
    Some(items)
}

fn diagnostic(one: &Value) -> Option<Diagnostic> {
    let range = Range { start: position(&one["start"])?, end: position(&one["end"])? };
    let severity = match one["category"].as_str() {
        Some("warning") => 2,
        Some("suggestion") => 4,
        Some("message") => 3,
        _ => 1,
    };
    Some(Diagnostic {
        range: Some(range),
        severity: Some(severity),
        code: one["code"].clone(),
        source: Some(one["source"].as_str().unwrap_or("typescript").to_owned()),
        message: one["text"].as_str()?.to_owned(),
        rest: BTreeMap::new(),
    })
}

fn position(place: &Value) -> Option<Position> {
    let from_zero = |name: &str| u32::try_from(place[name].as_u64()?.checked_sub(1)?).ok();
    Some(Position { line: from_zero("line")?, character: from_zero("offset")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one() {
        let answer = json!({ "success": true, "body": [
            { "start": { "line": 2, "offset": 5 }, "end": { "line": 2, "offset": 6 },
              "text": "Type 'string' is not assignable to type 'number'.", "code": 2322,
              "category": "error" },
            { "start": { "line": 0, "offset": 5 }, "end": {}, "text": "x" }] });
        let items = items(&answer).expect("a list");
        assert_eq!((items.readable.len(), items.unreadable), (1, 1));
        let start = items.readable[0].range.expect("a range").start;
        assert_eq!(start, Position { line: 1, character: 4 });
        assert_eq!(items.readable[0].severity, Some(1));
    }

    #[test]
    fn an_answer_without_a_list_is_no_answer() {
        assert!(items(&json!({ "success": false, "body": [] })).is_none());
        assert!(items(&Value::Null).is_none());
        assert!(items(&json!({ "success": true })).is_none());
    }
}
