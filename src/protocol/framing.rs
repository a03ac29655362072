//! Messages: JSON-RPC 2.0 envelopes, and what is refused before any meaning is
//! looked for.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A request, or a notification where it has no id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incoming<'a> {
    #[serde(borrow)]
    jsonrpc: std::borrow::Cow<'a, str>,
    /// Echoed in the answer, whatever it is.
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
    /// What is asked for.
    #[serde(borrow)]
    pub method: std::borrow::Cow<'a, str>,
    /// The particulars.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}

/// A protocol fault. Expected outcomes are results, never these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcError {
    /// One of the constants of this type.
    pub code: i64,
    /// What is wrong, in one sentence.
    pub message: String,
}

impl RpcError {
    /// The message is no JSON.
    pub const PARSE: i64 = -32700;
    /// The message is no request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// There is no such method.
    pub const UNKNOWN_METHOD: i64 = -32601;
    /// The parameters do not fit the method.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The service failed.
    pub const INTERNAL: i64 = -32603;
    /// No session is open.
    pub const NOT_OPENED: i64 = -32000;
    /// A limit of the protocol was passed.
    pub const OVER_LIMIT: i64 = -32001;
    /// The request was cancelled.
    pub const CANCELLED: i64 = -32002;

    /// Returns the fault with this code and message.
    pub fn new(code: i64, message: impl Into<String>) -> RpcError {
        RpcError { code, message: message.into() }
    }
}

/// Returns the request in one line of text.
///
/// # Errors
/// Where it is no JSON, is nested deeper than `depth`, or is no request.
pub fn read(line: &[u8], depth: usize) -> Result<Incoming<'_>, RpcError> {
    let text = std::str::from_utf8(line).map_err(|error| {
        RpcError::new(RpcError::PARSE, format!("the message is not UTF-8: {error}"))
    })?;
    if nesting(line) > depth {
        let text = format!("the message is nested deeper than {depth}");
        return Err(RpcError::new(RpcError::OVER_LIMIT, text));
    }
    let incoming: Incoming<'_> = serde_json::from_str(text).map_err(|error| {
        let code = if error.is_data() { RpcError::INVALID_REQUEST } else { RpcError::PARSE };
        RpcError::new(code, error.to_string())
    })?;
    // Serde reads the fields from an array as well, in their order.
    if text.trim_start().starts_with('[') {
        return Err(RpcError::new(RpcError::INVALID_REQUEST, "a request is one JSON object"));
    }
    if incoming.jsonrpc != "2.0" {
        return Err(RpcError::new(RpcError::INVALID_REQUEST, "jsonrpc must be \"2.0\""));
    }
    Ok(incoming)
}

/// Returns the line that answers request `id` with `result`, which is JSON.
pub fn result_line(id: &str, result: &str) -> String {
    let mut line = String::with_capacity(result.len() + id.len() + 40);
    line.push_str(r#"{"jsonrpc":"2.0","id":"#);
    line.push_str(id);
    line.push_str(r#","result":"#);
    line.push_str(result);
    line.push_str("}\n");
    line
}

/// Returns the line that answers request `id` with a fault.
pub fn error_line(id: &str, error: &RpcError) -> String {
    let message = serde_json::Value::from(error.message.as_str());
    let code = error.code;
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{code},\"message\":{message}}}}}\n"
    )
}

/// Returns the line of a notification whose parameters are JSON.
pub fn notification_line(method: &str, params: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{params}}}\n")
}

/// Returns how deep brackets are nested, strings left out. Never recurses.
fn nesting(line: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(byte) = line.get(at) {
        match byte {
            b'"' => at = end_of_string(line, at),
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// How far a string is looked through byte by byte.
const SHORT_STRING: usize = 16;

/// Returns where the string that opens at `at` closes, or the end.
fn end_of_string(line: &[u8], at: usize) -> usize {
    let mut from = at + 1;
    // Most strings are names of a few letters, for which a search costs more than
    // it saves.
    for byte in line.iter().skip(from).take(SHORT_STRING) {
        match byte {
            b'"' => return from,
            b'\\' => break,
            _ => from += 1,
        }
    }
    while let Some(found) = memchr::memchr2(b'"', b'\\', &line[from..]) {
        match line[from + found] {
            b'"' => return from + found,
            // The escaped byte may be a quote, or not be there at all.
            _ => from = (from + found + 2).min(line.len()),
        }
    }
    line.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(nesting(br#"{"a":["[[[\"[["]}"#), 2);
        assert_eq!(nesting(br#""\\"[["#), 2);
        assert_eq!(nesting(br#"{"unclosed [["#), 1);
        assert_eq!(nesting(b"\"ends with a backslash\\"), 0);
        assert_eq!(nesting(&b"[".repeat(100_000)), 100_000);
    }

    #[track_caller]
    fn check(line: &str, code: i64) {
        let error = read(line.as_bytes(), 8).expect_err("a fault");
        assert_eq!(error.code, code, "{error:?}");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        check("{", RpcError::PARSE);
        check("nonsense", RpcError::PARSE);
        check(r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, RpcError::INVALID_REQUEST);
        check(r#"{"jsonrpc":"2.0","id":1}"#, RpcError::INVALID_REQUEST);
        check(r#"[{"jsonrpc":"2.0","id":1,"method":"a"}]"#, RpcError::INVALID_REQUEST);
        check(r#"["2.0",1,"a",{}]"#, RpcError::INVALID_REQUEST);
        check(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#, RpcError::INVALID_REQUEST);
        check(&"[".repeat(9), RpcError::OVER_LIMIT);
    }
}
