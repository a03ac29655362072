//! The MCP face: the tools that a model is given, and the server that offers
//! them.
//!
//! It has two halves. The first (`tools`, `arguments`, `text`) runs where the
//! service is: it turns a call of a tool into a request of the protocol, and the
//! response into what the model reads, so that exactly this is counted. The
//! second (`server`) runs in the process that an agent starts, speaks MCP
//! there, and sends every call to the first as `tool/call`. So no state of a
//! conversation lies in that process: the daemon may die between two calls.
//! `docs/mcp.md` describes it for those who use it.

mod arguments;
mod resources;
mod server;
mod servers;
mod text;
pub mod tools;
mod worker;

use serde_json::value::RawValue;

use crate::protocol::framing::RpcError;
use crate::protocol::{from_wire, to_wire, wire};
use crate::service::api::Response;

pub use server::{Offer, ServeError, serve};
pub use worker::{Backend, BackendError, Caller, ToolCall};

/// A call of a tool whose answer is still to come.
#[derive(Debug)]
pub struct Asked {
    /// The arguments, as they came in.
    pub arguments: String,
    full: bool,
}

/// Returns the request that a call of a tool stands for; where its arguments do
/// not fit the tool, the answer that says so.
///
/// # Errors
/// Where there is no such tool.
pub fn asked(
    params: wire::ToolParams,
) -> Result<Result<(from_wire::Call, Asked), wire::ToolResult>, RpcError> {
    let wire::ToolParams { session, name, arguments, op_id, full } = params;
    let Some(tool) = tools::find(&name) else {
        let text = format!("there is no tool {name:?}");
        return Err(RpcError::new(RpcError::INVALID_PARAMS, text));
    };
    let params = match arguments::params(tool, arguments.get(), op_id) {
        Ok(params) => params.to_string(),
        Err(text) => return Ok(Err(unfit(&text))),
    };
    let mut call = match from_wire::call(tool.method, &params) {
        Ok(call) => call,
        Err(error) => return Ok(Err(unfit(&error.message))),
    };
    call.session = session.or(call.session);
    Ok(Ok((call, Asked { arguments: arguments.get().to_owned(), full })))
}

fn unfit(text: &str) -> wire::ToolResult {
    let text = format!("arguments: {text}");
    wire::ToolResult { status: "ok".to_owned(), text, unfit: true, ..Default::default() }
}

impl Asked {
    /// Returns the answer to the call.
    ///
    /// # Errors
    /// Where the response cannot be written as JSON, which would be a bug of ours.
    pub fn answer(&self, response: Response) -> Result<wire::ToolResult, RpcError> {
        let mut answer = text::answer(&response);
        if self.full {
            let result = to_wire::response(response)?;
            let result = RawValue::from_string(result)
                .map_err(|error| RpcError::new(RpcError::INTERNAL, error.to_string()))?;
            answer.result = Some(result);
        }
        Ok(answer)
    }
}
