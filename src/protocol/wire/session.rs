//! What opens a session and takes a request back.

use serde::{Deserialize, Serialize};

/// Parameters of `session/open`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenParams {
    /// The root to work in; the daemon's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The program that speaks.
    pub client: Client,
    /// Versions of the protocol that the caller speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Vec<u32>>,
    /// The agent behind the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// A session to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

/// A program.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// An agent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// The model behind it.
    pub model: String,
}

/// Result of `session/open`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenResult {
    /// The name of the session.
    pub session: String,
    /// The version of the protocol that is spoken.
    pub protocol: u32,
    /// This program.
    pub server: Client,
    /// The root, absolute.
    pub root: String,
    /// The edit formats that are understood.
    pub formats: Vec<String>,
    /// The limits in force, by name.
    pub limits: std::collections::BTreeMap<String, u64>,
}

/// Parameters of `edit/redo` and `state/examine`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// Parameters of the notification `$/cancelRequest`.
#[derive(Debug, Clone, Deserialize)]
pub struct CancelParams<'a> {
    /// The id of the request.
    #[serde(borrow)]
    pub id: &'a serde_json::value::RawValue,
}
