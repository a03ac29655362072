//! From the arguments of a tool to the parameters of its method.
//!
//! Models write arguments freely, so a reading is lenient where there is only
//! one: the whole object written as a string of JSON, a number as a string and
//! the other way round, lines as text, as a number or as pairs.

use serde_json::{Map, Value, json};

use super::tools::{Kind, Tool};
use crate::protocol::wire::Lines;

/// The edit format unless a call names another.
const FORMAT: &str = "anchor";

/// Returns the parameters of the tool's method; where the arguments do not fit,
/// what is wrong with them.
pub(super) fn params(tool: &Tool, arguments: &str, op_id: Option<String>) -> Result<Value, String> {
    let mut given = checked(tool, object(arguments)?)?;
    match tool.method {
        "file/read" => {
            if let Some(lines) = given.remove("lines") {
                given.insert("lines".to_owned(), json!(lines_of(&lines)?));
            }
        }
        "file/list" | "file/search" | "pattern/search" | "pattern/rewrite" => {
            for (one, many) in [("path", "paths"), ("glob", "globs")] {
                if let Some(value) = given.remove(one) {
                    given.insert(many.to_owned(), json!([value]));
                }
            }
        }
        "edit/apply" => {
            given.entry("format").or_insert_with(|| FORMAT.into());
            if let Some(lsp) = given.remove("lsp") {
                given.insert("verify".to_owned(), json!({"lsp": lsp}));
            }
            if let Some(op_id) = op_id {
                given.insert("op_id".to_owned(), op_id.into());
            }
        }
        "lsp/diagnostics" => {
            if let Some(value) = given.remove("path") {
                given.insert("paths".to_owned(), json!([value]));
            }
        }
        "symbol/edit" | "lsp/rename" | "lsp/rename_file" | "lsp/actions" | "lsp/format" => {
            if let Some(lines) = given.remove("lines") {
                let lines = lines_of(&lines)?;
                let one = lines.first().copied().filter(|_| lines.len() == 1);
                let lines = match tool.method {
                    "lsp/actions" => json!(one.ok_or("lines are one range here, as 12-14")?),
                    _ => json!(lines),
                };
                given.insert("lines".to_owned(), lines);
            }
            if let Some(op_id) = op_id {
                given.insert("op_id".to_owned(), op_id.into());
            }
        }
        "edit/retry" => return retry(&given),
        _ => {}
    }
    Ok(Value::Object(given))
}

/// Returns the arguments as an object.
fn object(arguments: &str) -> Result<Map<String, Value>, String> {
    let value: Value = serde_json::from_str(arguments).map_err(|error| error.to_string())?;
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => Ok(map),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(map)) => Ok(map),
            _ => Err("a string that holds no object".to_owned()),
        },
        _ => Err("no object".to_owned()),
    }
}

/// Returns the arguments that are there, each of the kind that the tool takes.
fn checked(tool: &Tool, given: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut checked = Map::new();
    for (name, value) in given {
        let Some(argument) = tool.arguments.iter().find(|argument| argument.name == name) else {
            let listed = tool.arguments.iter().filter(|argument| argument.listed);
            let known: Vec<&str> = listed.map(|argument| argument.name).collect();
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
            return Err(format!("{} takes {known}, but not {name:?}", tool.name));
        };
        // What was left out is often written as null.
        if value.is_null() {
            continue;
        }
        let value = match argument.kind {
            Kind::Number => number(value),
            Kind::Flag => flag(value),
            Kind::Text if name == "lines" => Some(value),
            Kind::Text => text(value),
        };
        let value = value.ok_or_else(|| format!("{name} is of another type"))?;
        checked.insert(name, value);
    }
    let missing = tool.arguments.iter().find(|a| a.required && !checked.contains_key(a.name));
    match missing {
        Some(argument) => Err(format!("{} needs {}", tool.name, argument.name)),
        None => Ok(checked),
    }
}

fn number(value: Value) -> Option<Value> {
    match value {
        Value::Number(number) => number.as_u64().map(Value::from),
        Value::String(text) => text.trim().parse::<u64>().ok().map(Value::from),
        _ => None,
    }
}

fn flag(value: Value) -> Option<Value> {
    match &value {
        Value::Bool(_) => Some(value),
        Value::String(text) => text.trim().parse::<bool>().ok().map(Value::from),
        _ => None,
    }
}

fn text(value: Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(value),
        // A handle is often written as a number.
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

/// Returns the parameters of a retry.
fn retry(given: &Map<String, Value>) -> Result<Value, String> {
    let token = given.get("token").cloned().unwrap_or_default();
    let choice = given.get("choice").and_then(Value::as_str).unwrap_or_default().trim();
    let (word, rest) = match choice.split_once(char::is_whitespace) {
        _ if choice.starts_with(|c: char| c.is_ascii_digit()) => ("at", choice),
        Some((word, rest)) => (word, rest.trim()),
        None => (choice, ""),
    };
    let numbered = |name: &str| match rest.parse::<usize>() {
        Ok(number) => Ok(json!({"retry": token, name: number})),
        Err(_) => Err(format!("choice {name} takes its number, as {name} 1")),
    };
    match (word, rest) {
        ("" | "accept", "") => Ok(json!({"retry": token, "accept": true})),
        ("decline", "") => Ok(json!({"retry": token, "decline": true})),
        ("at", rest) => Ok(json!({"retry": token, "at": ranges(rest)?})),
        ("candidate" | "fix", _) => numbered(word),
        _ => Err(format!("choice {choice:?} is neither accept nor at with lines")),
    }
}

/// Returns lines that are written as text, as one number, or as pairs.
fn lines_of(value: &Value) -> Result<Vec<Lines>, String> {
    match value {
        Value::String(text) => ranges(text),
        Value::Number(number) => ranges(&number.to_string()),
        value => serde_json::from_value(value.clone())
            .map_err(|_| "lines are written as 1-80,120".to_owned()),
    }
}

/// Returns the ranges of `1-80,120 200-`; the last has no end.
fn ranges(text: &str) -> Result<Vec<Lines>, String> {
    let parts = text.split([',', ' ', '\t', '\n']).filter(|part| !part.is_empty());
    let ranges: Option<Vec<Lines>> = parts.map(range).collect();
    match ranges {
        Some(ranges) if !ranges.is_empty() => Ok(ranges),
        _ => Err(format!("{text:?} are no lines: write 1-80,120")),
    }
}

fn range(text: &str) -> Option<Lines> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let last = match last {
        "" => usize::MAX,
        last => last.parse().ok()?,
    };
    Some((first.parse().ok()?, last))
}

#[cfg(test)]
mod tests {
    use super::super::tools::find;
    use super::*;

    #[track_caller]
    fn check(tool: &str, arguments: &str, expected: &str) {
        let tool = find(tool).unwrap();
        let params = params(tool, arguments, Some("once".to_owned()));
        let text = params.map_or_else(|error| error, |params| params.to_string());
        assert_eq!(text, expected, "{arguments}");
    }

    #[test]
    fn what_is_written_one_way_is_read_that_way() {
        check("read", r#"{"path":"a"}"#, r#"{"path":"a"}"#);
        check(
            "read",
            r#"{"path":"a","lines":"1-80, 120"}"#,
            r#"{"lines":[[1,80],[120,120]],"path":"a"}"#,
        );
        check("undo", r#"{"operation":3}"#, r#"{"operation":3}"#);
        check("redo", "{}", "{}");
        check("edit", r#"{"text":"x"}"#, r#"{"format":"anchor","op_id":"once","text":"x"}"#);
        check(
            "edit",
            r#"{"text":"x","lsp":"warn"}"#,
            r#"{"format":"anchor","op_id":"once","text":"x","verify":{"lsp":"warn"}}"#,
        );
        check("diagnostics", r#"{"path":"a"}"#, r#"{"paths":["a"]}"#);
        check(
            "rename",
            r#"{"path":"a","line":"3","name":"b","to":"c","dry_run":"true"}"#,
            r#"{"dry_run":true,"line":3,"name":"b","op_id":"once","path":"a","to":"c"}"#,
        );
        check("retry", r#"{"token":"r1"}"#, r#"{"accept":true,"retry":"r1"}"#);
        check("retry", r#"{"token":"r1","choice":"accept"}"#, r#"{"accept":true,"retry":"r1"}"#);
        check(
            "retry",
            r#"{"token":"r1","choice":"at 1-2 5"}"#,
            r#"{"at":[[1,2],[5,5]],"retry":"r1"}"#,
        );
        check("retry", r#"{"token":"r1","choice":"fix 2"}"#, r#"{"fix":2,"retry":"r1"}"#);
        check("retry", r#"{"token":"r1","choice":"decline"}"#, r#"{"decline":true,"retry":"r1"}"#);
    }

    #[test]
    fn what_can_mean_one_thing_only_is_read_as_that() {
        check("read", r#""{\"path\":\"a\"}""#, r#"{"path":"a"}"#);
        check(
            "read",
            r#"{"path":"a","known":481920,"lines":null}"#,
            r#"{"known":"481920","path":"a"}"#,
        );
        check("read", r#"{"path":"a","lines":7}"#, r#"{"lines":[[7,7]],"path":"a"}"#);
        check("read", r#"{"path":"a","lines":[[1,2]]}"#, r#"{"lines":[[1,2]],"path":"a"}"#);
        check("undo", r#"{"operation":"3"}"#, r#"{"operation":3}"#);
        check("undo", "null", "{}");
        check(
            "retry",
            r#"{"token":"r1","choice":" 7-6, 9"}"#,
            r#"{"at":[[7,6],[9,9]],"retry":"r1"}"#,
        );
    }

    #[test]
    fn what_fits_no_tool_is_named() {
        check("read", "{}", "read needs path");
        check("read", "[1]", "no object");
        check("read", r#"{"path":["a"]}"#, "path is of another type");
        check(
            "read",
            r#"{"path":"a","line":3}"#,
            r#"read takes path, lines, known, but not "line""#,
        );
        check("read", r#"{"path":"a","lines":"a-b"}"#, r#""a-b" are no lines: write 1-80,120"#);
        check("read", r#"{"path":"a","lines":[1,80]}"#, "lines are written as 1-80,120");
        check("redo", r#"{"x":1}"#, r#"redo takes nothing, but not "x""#);
        check("undo", r#"{"operation":-1}"#, "operation is of another type");
        check(
            "retry",
            r#"{"token":"r1","choice":"yes"}"#,
            r#"choice "yes" is neither accept nor at with lines"#,
        );
        check("retry", r#"{"token":"r1","choice":"fix"}"#, "choice fix takes its number, as fix 1");
    }
}
