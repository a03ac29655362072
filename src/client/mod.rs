//! The client: one request after another over the socket of a daemon.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::process;
use crate::protocol::framing::RpcError;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a daemon may take to come up.
const START: Duration = Duration::from_secs(10);

/// A connection to a daemon.
pub struct Client {
    stream: BufReader<UnixStream>,
    next: u64,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The request did not get through, so nothing of it happened.
    #[error("the daemon: {0}")]
    NotSent(io::Error),
    /// The connection broke.
    #[error("the daemon: {0}")]
    Connection(#[from] io::Error),
    /// The daemon answered with a fault.
    #[error("{}", .0.message)]
    Fault(RpcError),
    /// The answer is no answer.
    #[error("the daemon answered what is no answer: {0}")]
    Nonsense(String),
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<RpcError>,
}

impl Client {
    /// Connects to the daemon that listens at `socket`.
    ///
    /// # Errors
    /// Where nobody listens there.
    pub fn connect(socket: &Path) -> io::Result<Client> {
        Client::over(UnixStream::connect(socket)?)
    }

    /// Returns the client at this end of a connection.
    ///
    /// # Errors
    /// Where the system does not take how long we wait.
    pub fn over(stream: UnixStream) -> io::Result<Client> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { stream: BufReader::new(stream), next: 0 })
    }

    /// Carries out one request and returns its result as JSON.
    ///
    /// # Errors
    /// [`ClientError`]; a refused edit is a result.
    pub fn call(&mut self, method: &str, params: &str) -> Result<String, ClientError> {
        self.next += 1;
        let method = serde_json::Value::from(method);
        let id = self.next;
        let line = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":{method},\"params\":{params}}}\n"
        );
        self.stream.get_mut().write_all(line.as_bytes()).map_err(ClientError::NotSent)?;
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it went away").into());
        }
        let answer: Answer<'_> = serde_json::from_str(&line)
            .map_err(|error| ClientError::Nonsense(error.to_string()))?;
        match (answer.result, answer.error) {
            (Some(result), None) => Ok(result.get().to_owned()),
            (None, Some(error)) => Err(ClientError::Fault(error)),
            _ => Err(ClientError::Nonsense("neither result nor error".into())),
        }
    }
}

/// Connects to the daemon at `socket`, starting `program` with `arguments` where
/// nobody listens there yet.
///
/// # Errors
/// Where no daemon comes up in time.
pub fn find_or_start(
    socket: &Path,
    program: &Path,
    arguments: &[String],
    directory: &Path,
) -> io::Result<UnixStream> {
    if let Ok(stream) = UnixStream::connect(socket) {
        return Ok(stream);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    process::spawn_detached(program, &arguments, directory)?;
    let deadline = Instant::now() + START;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
