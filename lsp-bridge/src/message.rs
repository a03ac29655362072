//! Messages: what servers send, read leniently.
//!
//! The structs are our own. The types that follow the specification to the
//! letter lose what does not: a report with `"kind": ""` and one error in it is
//! read by them as a report without errors. So unknown fields are passed over,
//! `null` means absent, and what is only shown may be wrong in part: a
//! diagnostic that cannot be read is counted, never dropped in silence. What is
//! applied is read strictly: one text edit that cannot be read spoils its
//! workspace edit.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// One message, before its content is read.
#[derive(Debug)]
pub enum Message<'a> {
    /// The server asks; whatever it is, it must be answered.
    Request {
        /// What the answer must bear.
        id: Id,
        /// What is asked.
        method: String,
        /// The content, for [`read`].
        params: Option<&'a RawValue>,
    },
    /// The server tells.
    Notification {
        /// What is told.
        method: String,
        /// The content, for [`read`].
        params: Option<&'a RawValue>,
    },
    /// The server answers.
    Response {
        /// The id of our request; `None` where the server could not read it.
        id: Option<Id>,
        /// The content, for [`read`], or why there is none. No content is the
        /// answer `null`.
        result: Result<Option<&'a RawValue>, ResponseError>,
    },
}

/// The id of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// A number, the kind that we send.
    Number(i64),
    /// A text, the kind that some servers send.
    Text(String),
}

/// Why a server did not answer a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct ResponseError {
    /// One of the protocol's codes, or the server's own.
    #[serde(default, deserialize_with = "lenient")]
    pub code: i64,
    /// What the server says about it.
    #[serde(default, deserialize_with = "lenient")]
    pub message: String,
}

impl ResponseError {
    /// The server has heard of a newer content in the meantime.
    pub const CONTENT_MODIFIED: i64 = -32801;
    /// The server gave the request up by itself.
    pub const SERVER_CANCELLED: i64 = -32802;

    /// Returns whether the same request may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        matches!(self.code, ResponseError::CONTENT_MODIFIED | ResponseError::SERVER_CANCELLED)
    }
}

impl<'a> Message<'a> {
    /// Returns the message in `body`.
    ///
    /// # Errors
    /// Where the body is not one JSON object with a method or an id. Batches
    /// are not part of the protocol.
    pub fn parse(body: &'a [u8]) -> Result<Message<'a>, MessageError> {
        let envelope: Envelope<'a> = serde_json::from_slice(body)?;
        // The method goes first: an id of the server's own choice may equal one
        // of ours.
        Ok(match (envelope.method, envelope.id) {
            (Some(method), Some(id)) => Message::Request { id, method, params: envelope.params },
            (Some(method), None) => Message::Notification { method, params: envelope.params },
            (None, id) => Message::Response {
                result: match envelope.error {
                    Some(error) => Err(error),
                    None if id.is_none() => return Err(MessageError::Neither),
                    None => Ok(envelope.result),
                },
                id,
            },
        })
    }
}

/// Why a body is not a message, or its content not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It is not JSON, or JSON of another shape.
    #[error("the message cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// It bears neither a method nor an id.
    #[error("the message is neither a request nor an answer")]
    Neither,
}

/// Returns the content of a message as a `T`; no content is read as `null`.
///
/// # Errors
/// Where it has not the shape of a `T`.
pub fn read<T: DeserializeOwned>(content: Option<&RawValue>) -> Result<T, MessageError> {
    let json = content.map_or("null", RawValue::get);
    Ok(serde_json::from_str(json)?)
}

#[derive(Deserialize)]
struct Envelope<'a> {
    id: Option<Id>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<ResponseError>,
}

/// A place in a document: a line and a column in the units that were agreed
/// upon. Both count from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize, Serialize,
)]
pub struct Position {
    /// The line.
    #[serde(deserialize_with = "coordinate")]
    pub line: u32,
    /// The column.
    #[serde(deserialize_with = "coordinate")]
    pub character: u32,
}

/// A stretch of a document. `end` is the first place behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
pub struct Range {
    /// Where it starts.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
}

/// `textDocument/publishDiagnostics`: all findings about one document.
#[derive(Debug, Clone, Deserialize)]
pub struct PublishDiagnostics {
    /// The document, as the server writes it.
    pub uri: String,
    /// The version that the findings are about, where the server says so.
    #[serde(default, deserialize_with = "lenient")]
    pub version: Option<i64>,
    /// The findings.
    #[serde(default)]
    pub diagnostics: Items,
}

/// The answer to `textDocument/diagnostic`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticReport {
    /// The findings. They are all there are, whatever the report's `kind` says;
    /// absent where they are what they were for the result of this id.
    pub items: Option<Items>,
    /// The server's name for this answer. Some servers give every answer the
    /// same.
    #[serde(default, deserialize_with = "lenient")]
    pub result_id: Option<String>,
}

/// A list of findings, some of which may not have been readable.
#[derive(Debug, Clone, Default)]
pub struct Items {
    /// Those that were.
    pub readable: Vec<Diagnostic>,
    /// Number of those that were not.
    pub unreadable: usize,
}

/// One finding of a server. It can be sent back as it came, with all that the
/// server needs to offer a cure for it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Diagnostic {
    /// Where it stands, if that was readable.
    #[serde(default, deserialize_with = "lenient")]
    pub range: Option<Range>,
    /// 1 error, 2 warning, 3 information, 4 hint.
    #[serde(default, deserialize_with = "lenient")]
    pub severity: Option<i64>,
    /// The server's code for it: a text, a number, or with old servers an
    /// object with `value`.
    #[serde(default)]
    pub code: Value,
    /// Who found it: a compiler or linter behind the server.
    #[serde(default, deserialize_with = "lenient")]
    pub source: Option<String>,
    /// What was found.
    #[serde(deserialize_with = "text")]
    pub message: String,
    /// Whatever else the server says of it.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// The edits that a server proposes, to any number of documents.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceEdit {
    /// The older form: edits by document, without versions.
    pub changes: Option<BTreeMap<String, Vec<TextEdit>>>,
    /// The newer form. Where it is present, it alone counts.
    pub document_changes: Option<Vec<DocumentChange>>,
}

/// Edits of one document, or an operation on files.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentChange {
    /// `create`, `rename` or `delete`; absent for edits.
    pub kind: Option<String>,
    /// The document that is edited.
    pub text_document: Option<VersionedDocument>,
    /// The edits.
    pub edits: Option<Vec<TextEdit>>,
    /// The file that is created or deleted.
    pub uri: Option<String>,
    /// The file that is renamed.
    pub old_uri: Option<String>,
    /// What it is renamed to.
    pub new_uri: Option<String>,
    /// What is done where the file is there already, or is not.
    pub options: Option<OperationOptions>,
}

/// What an operation on files does where it meets something.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationOptions {
    /// What is there is replaced.
    pub overwrite: bool,
    /// What is there stays, and nothing is done.
    pub ignore_if_exists: bool,
    /// What is not there need not be deleted.
    pub ignore_if_not_exists: bool,
    /// A folder goes with all that lies in it.
    pub recursive: bool,
}

/// A document and the version of it that somebody speaks of.
#[derive(Debug, Clone, Deserialize)]
pub struct VersionedDocument {
    /// The document, as the server writes it.
    pub uri: String,
    /// The version; absent where the server does not know of one.
    pub version: Option<i64>,
}

/// One replacement in a document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextEdit {
    /// What is replaced.
    pub range: Range,
    /// By what; absent in the kinds of edit that we do not announce.
    pub new_text: Option<String>,
    /// 2 for a snippet, whose text is not meant literally.
    pub insert_text_format: Option<i64>,
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Items, D::Error> {
        let values = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
        let mut items = Items::default();
        for value in values {
            match Diagnostic::deserialize(value) {
                Ok(diagnostic) => items.readable.push(diagnostic),
                Err(_) => items.unreadable += 1,
            }
        }
        Ok(items)
    }
}

/// Reads a field that may be of the wrong type: that is the same as absent.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// Reads a text, or an object that holds it in `value`, as messages with markup
/// do.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Text {
        Plain(String),
        Markup { value: String },
    }
    Ok(match Text::deserialize(deserializer)? {
        Text::Plain(text) | Text::Markup { value: text } => text,
    })
}

/// Reads a line or column. Servers write "the end" as a number of any size, so
/// what is too large is the largest; what is negative or broken is refused, for
/// an edit would land at a wrong place.
fn coordinate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    struct Coordinate;

    impl serde::de::Visitor<'_> for Coordinate {
        type Value = u32;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a line or column")
        }

        fn visit_u64<E>(self, number: u64) -> Result<u32, E> {
            Ok(u32::try_from(number).unwrap_or(u32::MAX))
        }

        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<u32, E> {
            match number >= 0.0 && number.fract() == 0.0 {
                // The cast saturates.
                true => Ok(number as u32),
                false => Err(E::custom("a line or column is a whole number from 0")),
            }
        }
    }

    deserializer.deserialize_any(Coordinate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Message<'_> {
        Message::parse(body.as_bytes()).expect("a message")
    }

    fn from_json<T: DeserializeOwned>(json: &str) -> T {
        serde_json::from_str(json).expect("the shape of a message's content")
    }

    #[test]
    fn a_method_makes_a_request_or_a_notification() {
        let Message::Request { id, method, params } =
            parse(r#"{"jsonrpc":"2.0","id":"a","method":"m","params":[1],"more":{}}"#)
        else {
            panic!("a method and an id make a request");
        };
        assert_eq!((id, method.as_str()), (Id::Text("a".into()), "m"));
        assert_eq!(read::<Vec<i32>>(params).expect("a list"), [1]);
        let silent = parse(r#"{"id":null,"method":"m","params":null}"#);
        assert!(matches!(silent, Message::Notification { params: None, .. }));
    }

    #[test]
    fn an_answer_has_a_result_or_an_error() {
        let Message::Response { id, result } = parse(r#"{"id":7,"result":null}"#) else {
            panic!("an id without a method is an answer");
        };
        assert_eq!(id, Some(Id::Number(7)));
        assert_eq!(read::<Option<i32>>(result.expect("a result")).expect("null"), None);

        let Message::Response { id, result } =
            parse(r#"{"id":null,"error":{"code":-32801,"message":"content modified"}}"#)
        else {
            panic!("an error makes an answer");
        };
        let error = result.expect_err("an error");
        assert!(id.is_none() && error.is_temporary());
        assert_eq!(error.to_string(), "content modified (-32801)");
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for body in
            ["", "[]", "1", "{}", r#"{"result":1}"#, r#"{"id":{},"method":"m"}"#, "{\"method\":"]
        {
            assert!(Message::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Message::parse(b"{\"method\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_diagnostic_that_cannot_be_read_is_counted() {
        let published: PublishDiagnostics = from_json(
            r#"{"uri":"file:///a","version":"3","diagnostics":[
                {"range":{"start":{"line":1,"character":2},"end":{"line":1,"character":1.7e308}},
                 "severity":"x","code":{"value":"E1"},"message":{"kind":"markdown","value":"m"}},
                {"range":null,"message":"n","tags":[9]},
                {"range":{"start":{"line":-1,"character":0},"end":{"line":0,"character":0}},"message":"o"},
                {"severity":1}, 7]}"#,
        );
        assert_eq!((published.version, published.diagnostics.unreadable), (None, 2));
        let [first, second, third] = published.diagnostics.readable.as_slice() else {
            panic!("three of five are readable");
        };
        assert_eq!((first.message.as_str(), first.severity), ("m", None));
        assert_eq!(first.range.expect("a range").end.character, u32::MAX);
        assert_eq!((second.range, third.range), (None, None));
    }

    #[test]
    fn items_make_a_report_full_whatever_its_kind() {
        let full = r#"{"kind":"","items":[{"range":null,"message":"m"}]}"#;
        let full: DiagnosticReport = from_json(full);
        assert_eq!(full.items.expect("items").readable.len(), 1);
        let unchanged: DiagnosticReport = from_json(r#"{"kind":"unchanged","resultId":"1"}"#);
        assert!(unchanged.items.is_none());
        assert_eq!(unchanged.result_id.as_deref(), Some("1"));
    }

    #[test]
    fn one_unreadable_text_edit_spoils_its_workspace_edit() {
        let edit = |line: &str| {
            let range = format!(
                r#"{{"start":{{"line":{line},"character":0}},"end":{{"line":9,"character":0}}}}"#
            );
            let json =
                format!(r#"{{"changes":{{"file:///a":[{{"range":{range},"newText":""}}]}}}}"#);
            serde_json::from_str::<WorkspaceEdit>(&json)
        };
        assert!(edit("0").is_ok() && edit("4294967296").is_ok());
        assert!(edit("-1").is_err() && edit("0.5").is_err() && edit("null").is_err());
    }
}
