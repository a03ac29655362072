//! Calls of tools, as a model makes them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::is_false;

/// Parameters of `tool/call`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ToolParams {
    /// The session, if not the connection's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The tool.
    pub name: String,
    /// Its arguments, as the model wrote them.
    pub arguments: Box<RawValue>,
    /// The caller's own name for an edit: one effect, however often sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<String>,
    /// Whether the result of the method is wanted as well.
    #[serde(skip_serializing_if = "is_false")]
    pub full: bool,
}

/// Result of `tool/call`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ToolResult {
    /// `ok`
    pub status: String,
    /// What the model is to read.
    pub text: String,
    /// The code of the rejection, where the call was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// Whether the arguments do not fit the tool, so that nothing was asked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unfit: bool,
    /// The file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// The operation, where files were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// Under which a rejected edit can be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// The result of the method that the tool stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
}
