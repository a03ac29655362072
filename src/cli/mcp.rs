//! `anchord mcp`: the tools of an agent, over MCP on our standard streams.
//!
//! One process is one session. It holds nothing else: every call goes to the
//! daemon of the root, which is started when the first call comes and again
//! should it have gone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::value::RawValue;

use super::serve::DaemonOptions;
use super::{CliError, Common, End, SESSION, state_home};
use crate::client::{self, Client, ClientError};
use crate::daemon::Place;
use crate::faces::mcp::{self, Backend, BackendError, Caller, Offer, ToolCall};
use crate::protocol::framing::RpcError;
use crate::protocol::wire;

/// How long it may take until a daemon answers, after another one died.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Mcp {
    /// Which tools are listed: the core ones and one that lists the others, or all
    #[arg(long, value_parser = ["core", "all"], default_value = "core")]
    tools: String,
    /// Put structured content and _meta beside the text; many clients show both to
    /// their model
    #[arg(long)]
    structured: bool,
    /// The agent, for the record [default: what the client calls itself]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The model behind the agent, for the record
    #[arg(long, value_name = "NAME", default_value = "")]
    model: String,
    #[command(flatten)]
    daemon: DaemonOptions,
}

pub(super) fn run(mcp: &Mcp, common: &Common) -> Result<End, CliError> {
    let root = common.root()?;
    if common.root.is_none() && is_nobodys_project(&root) {
        let text = format!("{} is no project: give --root DIR", root.display());
        return Err(CliError::Usage(text));
    }
    let place = Place::of(&root, &state_home()?)?;
    let root = place.root.to_string_lossy().into_owned();
    let offer = Offer { root: root.clone(), all: mcp.tools == "all", structured: mcp.structured };
    let daemon = Daemon {
        program: std::env::current_exe()?,
        arguments: mcp.daemon.arguments(&root),
        place,
        agent: mcp.agent.clone(),
        model: mcp.model.clone(),
        session: (common.session != SESSION).then(|| common.session.clone()),
        client: None,
        names: Names::new(),
    };
    mcp::serve(daemon, offer)?;
    Ok(End::Done)
}

/// Returns whether a directory is one in which some clients start their servers
/// for want of a better one.
fn is_nobodys_project(root: &Path) -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    root.parent().is_none() || home.is_some_and(|home| home == root)
}

/// The daemon of the root, as one session sees it.
struct Daemon {
    program: PathBuf,
    arguments: Vec<String>,
    place: Place,
    agent: Option<String>,
    model: String,
    /// The session, once it is known.
    session: Option<String>,
    client: Option<Client>,
    names: Names,
}

/// Names for edits that no other process and no other edit has.
struct Names {
    prefix: String,
    given: u64,
}

impl Names {
    fn new() -> Names {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Names { prefix: format!("mcp-{}-{}", std::process::id(), now.as_nanos()), given: 0 }
    }

    fn next(&mut self) -> String {
        self.given += 1;
        format!("{}-{}", self.prefix, self.given)
    }
}

impl Backend for Daemon {
    fn call(&mut self, caller: &Caller, call: &ToolCall) -> Result<wire::ToolResult, BackendError> {
        let arguments =
            RawValue::from_string(call.arguments.clone()).map_err(|error| unreachable(&error))?;
        let params = wire::ToolParams {
            session: None,
            name: call.name.clone(),
            arguments,
            op_id: Some(self.names.next()),
            full: call.full,
        };
        let params = serde_json::to_string(&params).map_err(|error| unreachable(&error))?;
        let result = match self.send(caller, &params) {
            // The daemon went away, before it heard of the call or in the midst
            // of it. What may be asked twice is asked of the next one.
            Err(ClientError::NotSent(_)) => self.send(caller, &params),
            Err(ClientError::Connection(error)) if is_end(&error) && is_safe(&call.name) => {
                self.send(caller, &params)
            }
            result => result,
        };
        let text = result.map_err(|error| explained(error, &call.name))?;
        serde_json::from_str(&text).map_err(|error| unreachable(&error))
    }
}

/// Returns whether a call may be sent again when nobody knows what became of it:
/// it changes nothing, or bears a name under which it has one effect.
fn is_safe(tool: &str) -> bool {
    !matches!(tool, "retry" | "undo" | "redo")
}

fn is_end(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
}

fn unreachable(error: &dyn std::fmt::Display) -> BackendError {
    BackendError::Unreachable(error.to_string())
}

fn explained(error: ClientError, tool: &str) -> BackendError {
    match error {
        ClientError::Fault(fault) if fault.code == RpcError::UNKNOWN_METHOD => {
            BackendError::Unreachable(
                "an older daemon serves this root, which has no tools; end it".to_owned(),
            )
        }
        ClientError::Fault(fault) => BackendError::Fault(fault),
        ClientError::Connection(error) if !is_safe(tool) => BackendError::Unreachable(format!(
            "the daemon went away during the call ({error}); read the file to see whether it \
             took effect"
        )),
        error => unreachable(&error),
    }
}

impl Daemon {
    /// Sends a call over the connection, making one where there is none.
    fn send(&mut self, caller: &Caller, params: &str) -> Result<String, ClientError> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => self.attach(caller)?,
        };
        let result = client.call("tool/call", params);
        // After anything but an answer, nobody knows what comes next on this one.
        if matches!(result, Ok(_) | Err(ClientError::Fault(_))) {
            self.client = Some(client);
        }
        result
    }

    /// Connects to the daemon and opens the session there. One that is dying may
    /// still be connected to for a moment, and then hangs up.
    fn attach(&mut self, caller: &Caller) -> Result<Client, ClientError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_attach(caller) {
                Err(ClientError::NotSent(_) | ClientError::Connection(_))
                    if Instant::now() < deadline =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                result => return result,
            }
        }
    }

    fn try_attach(&mut self, caller: &Caller) -> Result<Client, ClientError> {
        let (socket, root) = (self.place.socket(), &self.place.root);
        let stream = client::find_or_start(&socket, &self.program, &self.arguments, root)?;
        let mut client = Client::over(stream)?;
        let agent = self.agent.clone().unwrap_or_else(|| caller.name.clone());
        let open = wire::OpenParams {
            client: wire::Client { name: caller.name.clone(), version: caller.version.clone() },
            agent: Some(wire::Agent { name: agent, model: self.model.clone() }),
            resume: self.session.clone(),
            ..wire::OpenParams::default()
        };
        let nonsense = |error: serde_json::Error| ClientError::Nonsense(error.to_string());
        let open = serde_json::to_string(&open).map_err(nonsense)?;
        let opened = client.call("session/open", &open)?;
        let opened: wire::OpenResult = serde_json::from_str(&opened).map_err(nonsense)?;
        self.session = Some(opened.session);
        Ok(client)
    }
}
