//! Why the bridge has no answer.

use engine::error::{Code, Refusal};

use crate::census::Occurrence;
use crate::connection::RequestError;

/// Why there is no answer from a language server.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BridgeError {
    /// No server in the table is for such files, or does what is asked.
    #[error("no language server {what} {path}")]
    NoServer {
        /// What it would have to do.
        what: &'static str,
        /// The file.
        path: String,
    },
    /// The servers for such files are not installed.
    #[error("{server} is not installed; {install}")]
    NotInstalled {
        /// The preferred one.
        server: String,
        /// How a person gets it.
        install: String,
    },
    /// The server would run what it finds in the repository, or lies in it.
    #[error("{server} is not started in a root that is not trusted: {why}")]
    NotTrusted {
        /// The server.
        server: String,
        /// What it would do.
        why: &'static str,
    },
    /// The server could not be started, or ends again and again.
    #[error("{server} does not run: {why}")]
    Down {
        /// The server.
        server: String,
        /// What happened.
        why: String,
    },
    /// There was not enough time.
    #[error("{server} needs more time: {why}")]
    TooSlow {
        /// The server.
        server: String,
        /// For what.
        why: String,
    },
    /// The server did not give an answer that can be used.
    #[error("{server}: {error}")]
    Request {
        /// The server.
        server: String,
        /// Why not.
        error: RequestError,
    },
    /// A document changed while the server was asked about it.
    #[error("{path} changed while {server} was asked about it")]
    Superseded {
        /// The server.
        server: String,
        /// The document.
        path: String,
    },
    /// A rename leaves places out, and nothing proves that they should be.
    #[error(
        "{server} leaves out {} places that hold the old name, and {why}",
        uncovered.len()
    )]
    Incomplete {
        /// The server.
        server: String,
        /// What is missing for a proof.
        why: String,
        /// The places.
        uncovered: Vec<Occurrence>,
    },
    /// What is asked, or what the server answered, is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A fault of the bridge itself ended the request.
    #[error("the request ended by a fault of the bridge")]
    Fault,
}

impl BridgeError {
    /// Returns the error as a refusal, for callers that answer in the terms of
    /// the engine.
    pub fn refusal(&self) -> Refusal {
        let code = match self {
            BridgeError::Refused(refusal) => return refusal.clone(),
            BridgeError::NoServer { .. } | BridgeError::NotInstalled { .. } => Code::Unsupported,
            BridgeError::NotTrusted { .. } => Code::Denied,
            BridgeError::Incomplete { .. } => Code::Approval,
            BridgeError::TooSlow { .. } => Code::Timeout,
            BridgeError::Superseded { .. } => Code::LspVersion,
            BridgeError::Down { .. } | BridgeError::Fault => Code::Busy,
            BridgeError::Request { error, .. } => match error {
                RequestError::Refused(error) if error.is_temporary() => Code::Busy,
                RequestError::Refused(_) => Code::NotFound,
                RequestError::Timeout { .. } => Code::Timeout,
                RequestError::Ended(_) | RequestError::Busy => Code::Busy,
                RequestError::Unreadable { .. } => Code::Unsupported,
            },
        };
        Refusal::new(code, self.to_string())
    }
}
