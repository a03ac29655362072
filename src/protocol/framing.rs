//! Messages: JSON-RPC 2.0 envelopes, and what is refused before any meaning is
//! looked for.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A request, or a notification where it has no id.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// Echoed in the answer, whatever JSON it is.
    pub id: Option<&'a str>,
    /// What is asked for.
    pub method: Cow<'a, str>,
    /// The particulars. They are read once, by whoever knows what they have to
    /// say; only then it is known that they are JSON, see [`check`].
    pub params: Option<&'a str>,
}

/// The members of a request, read by serde.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
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
/// Where it is no JSON, is nested deeper than `depth`, or is no request. Of a
/// request with an id, `params` may still be no JSON.
pub fn read(line: &[u8], depth: usize) -> Result<Incoming<'_>, RpcError> {
    let text = text(line)?;
    let (incoming, nesting) = match skim(text) {
        Some((incoming, nesting)) => (Some(incoming), nesting),
        None => (None, nesting(line)),
    };
    if nesting > depth {
        let text = format!("the message is nested deeper than {depth}");
        return Err(RpcError::new(RpcError::OVER_LIMIT, text));
    }
    incoming.map_or_else(|| envelope(text), Ok)
}

/// Refuses a line that is no JSON throughout, or no request. Whoever would answer
/// a request with a fault asks this first, for [`read`] leaves `params` to others.
///
/// # Errors
/// The fault of the message as a whole.
pub fn check(line: &[u8]) -> Result<(), RpcError> {
    envelope(text(line)?).map(|_| ())
}

fn text(line: &[u8]) -> Result<&str, RpcError> {
    std::str::from_utf8(line).map_err(|error| {
        RpcError::new(RpcError::PARSE, format!("the message is not UTF-8: {error}"))
    })
}

/// Returns the request that `text` is, having looked at all of it.
fn envelope(text: &str) -> Result<Incoming<'_>, RpcError> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| {
        let code = if error.is_data() { RpcError::INVALID_REQUEST } else { RpcError::PARSE };
        RpcError::new(code, error.to_string())
    })?;
    // Serde reads the fields from an array as well, in their order.
    if text.trim_start().starts_with('[') {
        return Err(RpcError::new(RpcError::INVALID_REQUEST, "a request is one JSON object"));
    }
    let Envelope { jsonrpc, id, method, params } = envelope;
    if jsonrpc != "2.0" {
        return Err(RpcError::new(RpcError::INVALID_REQUEST, "jsonrpc must be \"2.0\""));
    }
    Ok(Incoming { id: id.map(RawValue::get), method, params: params.map(RawValue::get) })
}

/// Returns a request as nearly all are written, and how deep it is nested: its
/// members are found in one pass, without a look at what `params` says. `None`
/// for every other text, right or wrong.
fn skim(text: &str) -> Option<(Incoming<'_>, usize)> {
    let (mut version, mut id, mut method, mut params) = (None, None, None, None);
    let mut deepest = 0;
    let mut rest = trimmed(text).strip_prefix('{')?;
    loop {
        let (name, _, after) = split_value(trimmed(rest))?;
        let (value, depth, after) = split_value(trimmed(trimmed(after).strip_prefix(':')?))?;
        let member = match name {
            r#""jsonrpc""# => &mut version,
            r#""id""# => &mut id,
            r#""method""# => &mut method,
            r#""params""# => &mut params,
            _ => return None,
        };
        if member.replace(value).is_some() {
            return None;
        }
        deepest = deepest.max(depth);
        rest = trimmed(after);
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let is_plain = version == Some(r#""2.0""#)
        && trimmed(rest.strip_prefix('}')?).is_empty()
        && params.is_none_or(|params| params.starts_with('{'));
    let id = serde_json::from_str::<Option<&RawValue>>(id?).ok()??.get();
    let method = Cow::Borrowed(serde_json::from_str(method?).ok()?);
    is_plain.then_some((Incoming { id: Some(id), method, params }, 1 + deepest))
}

/// Returns `text` from what is not blank in JSON on.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// Returns the value that `text` begins with, as far as quotes and brackets tell,
/// how deep it is nested, and what follows. Never recurses.
fn split_value(text: &str) -> Option<(&str, usize, &str)> {
    let bytes = text.as_bytes();
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    let end = loop {
        match bytes.get(at)? {
            b'"' => at = end_of_string(bytes, at)?,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.checked_sub(1)?,
            // A number or a word, which nothing but what follows it ends.
            _ if depth == 0 => break bytes.iter().position(|byte| b",} \t\n\r".contains(byte))?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break at;
        }
    };
    let (value, rest) = text.split_at(end);
    Some((value, deepest, rest))
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
            b'"' => match end_of_string(line, at) {
                Some(end) => at = end,
                None => break,
            },
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

/// How many words of a string are looked through one by one.
const SHORT_STRING: usize = 4;

/// Returns where the string that opens at `at` closes.
fn end_of_string(line: &[u8], at: usize) -> Option<usize> {
    let mut from = at + 1;
    loop {
        let found = from + quote_or_escape(line.get(from..)?)?;
        if line[found] == b'"' {
            return Some(found);
        }
        // The escaped byte may be a quote, or not be there at all.
        from = found + 2;
    }
}

/// Returns where the first quote or backslash stands. Most strings are names of a
/// few letters, for which a search by vector instructions costs more than it
/// saves.
fn quote_or_escape(bytes: &[u8]) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().take(SHORT_STRING).enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ every_byte(b'"')) | zero_bytes(word ^ every_byte(b'\\'));
        if found != 0 {
            return Some(8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    let seen = 8 * words.len().min(SHORT_STRING);
    Some(seen + memchr::memchr2(b'"', b'\\', &bytes[seen..])?)
}

/// Returns a word with the highest bit of its lowest zero byte set, and perhaps
/// bits above that; 0 where no byte is zero.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(every_byte(1)) & !word & every_byte(0x80)
}

/// Returns the word whose bytes are all `byte`.
const fn every_byte(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_its_first_plain_quote() {
        for len in 0..80 {
            let letters = "é~!#]".repeat(len).into_bytes();
            let letters = &letters[..len];
            for (between, end) in [(&b""[..], 1), (b"\\\"", 3), (b"\\\\", 3)] {
                let string = [b"\"", letters, between, b"\"\"\\"].concat();
                assert_eq!(end_of_string(&string, 0), Some(len + end), "{string:?}");
            }
            assert_eq!(end_of_string(&[b"\"", letters].concat(), 0), None);
        }
    }

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
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"b":{}}}}}"#,
            "[".repeat(9)
        );
        check(&deep, RpcError::OVER_LIMIT);
    }

    #[test]
    fn a_request_is_skimmed_as_it_is_read() {
        let lines = [
            r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#,
            r#"{"method":"a/b","params":{"b":["}\\",{}],"c":"\"]"},"jsonrpc":"2.0","id":"x,}"}"#,
            " { \"id\" : [ 1 , {} ] ,\t\"jsonrpc\":\"2.0\" , \"method\":\"a\" ,\r\n\"params\": { } } ",
            "{\"jsonrpc\":\"2.0\",\"id\":-1.5e3,\"method\":\"a\",\"params\":{\"text\":\"seventeen letters, é\"}}",
        ];
        for line in lines {
            let (skimmed, depth) = skim(line).expect("a plain request");
            let read = envelope(line).expect("a request");
            assert_eq!(format!("{skimmed:?}"), format!("{read:?}"));
            assert_eq!(depth, nesting(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn what_is_not_plain_is_not_skimmed() {
        let lines = [
            r#"{"jsonrpc":"2.0","method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"\u0061"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","more":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{}]"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a"}}"#,
            r#"{"jsonrpc":"2.0","id":01,"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a",}"#,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\u{c}\"method\":\"a\"}",
        ];
        for line in lines {
            assert!(skim(line).is_none(), "{line}");
        }
    }

    #[test]
    fn params_that_are_no_json_are_found_by_a_closer_look() {
        let line = br#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"b":nothing}}"#;
        assert_eq!(read(line, 8).expect("a request").params, Some(r#"{"b":nothing}"#));
        assert_eq!(super::check(line).expect_err("a fault").code, RpcError::PARSE);
    }
}
