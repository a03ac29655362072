//! Where commands are carried out: by the daemon of the root if one runs, else
//! in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CliError, Common, state_home, surroundings};
use crate::client::{Client, ClientError};
use crate::daemon::{DaemonError, Place, Root};
use crate::faces::rpc::{Conversation, OneRoot};
use crate::protocol::wire::{self, RejectedResult};
use crate::service::Options;
use crate::service::api::{Call, Cancel};

/// How long to wait for another process that serves the root for a moment.
const PATIENCE: Duration = Duration::from_secs(10);

/// One way to the service.
pub(super) enum Endpoint {
    /// Through the daemon.
    Daemon(Client),
    /// In this process, which holds the root until the end.
    Here(Box<Here>),
}

/// The service in this process.
pub(super) struct Here {
    conversation: Conversation,
    _root: Root,
}

/// An answer, typed.
pub(super) enum Answer<T> {
    /// As asked.
    Yes(T),
    /// Refused.
    No(Box<wire::Rejection>),
}

impl Endpoint {
    /// Opens a way to the service and, in it, the session.
    pub(super) fn open(common: &Common) -> Result<Endpoint, CliError> {
        let place = Place::of(&common.root()?, &state_home()?)?;
        let mut endpoint = Endpoint::find(&place)?;
        let open = wire::OpenParams {
            client: wire::Client {
                name: "anchord-cli".into(),
                version: env!("CARGO_PKG_VERSION").into(),
            },
            resume: Some(common.session.clone()),
            ..wire::OpenParams::default()
        };
        endpoint.raw("session/open", &open)?;
        Ok(endpoint)
    }

    fn find(place: &Place) -> Result<Endpoint, CliError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(client) = Client::connect(&place.socket()) {
                return Ok(Endpoint::Daemon(client));
            }
            let options = Options { surroundings: surroundings(), ..Options::default() };
            match Root::open(place.clone(), options) {
                Ok(root) => return Ok(Endpoint::here(root)),
                Err(DaemonError::Taken) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                // Whoever has another state home is served there all the same.
                Err(DaemonError::Elsewhere(state)) if Instant::now() < deadline => {
                    if let Ok(client) = Client::connect(&state.join("socket")) {
                        return Ok(Endpoint::Daemon(client));
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns the way to a root that this process serves.
    pub(super) fn here(root: Root) -> Endpoint {
        let service = Arc::clone(&root.service) as Arc<dyn Call>;
        let conversation = Conversation::new(Arc::new(OneRoot(service)));
        Endpoint::Here(Box::new(Here { conversation, _root: root }))
    }

    /// Returns the way to the daemon at `socket`.
    pub(super) fn at(socket: &Path) -> Result<Endpoint, CliError> {
        Ok(Endpoint::Daemon(Client::connect(socket)?))
    }

    /// Carries out a request and returns its result as JSON.
    pub(super) fn raw(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<String, CliError> {
        let params = serde_json::to_string(params)?;
        match self {
            Endpoint::Daemon(client) => Ok(client.call(method, &params)?),
            Endpoint::Here(here) => here
                .conversation
                .answer(method, &params, &Cancel::default())
                .map_err(|error| ClientError::Fault(error).into()),
        }
    }
}

/// Returns a result as what it is.
pub(super) fn typed<T: DeserializeOwned>(result: &str) -> Result<Answer<T>, CliError> {
    #[derive(serde::Deserialize)]
    struct Status {
        status: String,
    }
    let Status { status } = serde_json::from_str(result)?;
    if status == "rejected" {
        let rejected: RejectedResult = serde_json::from_str(result)?;
        return Ok(Answer::No(Box::new(rejected.rejection)));
    }
    Ok(Answer::Yes(serde_json::from_str(result)?))
}
