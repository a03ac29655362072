//! `lsp/status`: which language servers run and how, and which could.

use lsp_bridge::Readiness;
use lsp_bridge::status::{Installed, ServerStatus, State};

use crate::service::api::{Fault, KnownServer, Reply, Response, RunningServer, ServersAnswer};
use crate::service::{Service, plain};

/// Returns how language servers are. Starts none.
pub(in crate::service) fn servers(service: &Service) -> Result<Reply, Fault> {
    Ok(plain(Response::Servers(look(service))))
}

/// Returns how language servers are.
pub(super) fn look(service: &Service) -> ServersAnswer {
    match service.languages.as_they_are() {
        Ok(bridge) => ServersAnswer {
            running: bridge.status().into_iter().map(running).collect(),
            known: bridge.installed().into_iter().map(known).collect(),
            trouble: None,
        },
        Err(why) => ServersAnswer { trouble: Some(why.to_owned()), ..ServersAnswer::default() },
    }
}

fn running(status: ServerStatus) -> RunningServer {
    let ServerStatus { name, project, state } = status;
    match state {
        State::Running {
            process,
            readiness,
            doing,
            memory_bytes,
            documents,
            seconds,
            complaints,
            ..
        } => {
            let (state, why) = match readiness {
                Readiness::Ready => ("ready", String::new()),
                Readiness::NotReady(why) => ("loading", why),
                Readiness::Unprovable => ("unprovable", String::new()),
            };
            let said = complaints.last().map(|row| format!("it said: {row}")).unwrap_or_default();
            let parts = [doing.join(", "), why, said];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            let (detail, process) = (parts.join("; "), Some(process));
            RunningServer {
                name,
                project,
                state,
                detail,
                process,
                memory_bytes,
                documents,
                seconds,
            }
        }
        State::Down { why } => RunningServer {
            name,
            project,
            state: "down",
            detail: why,
            process: None,
            memory_bytes: None,
            documents: 0,
            seconds: 0,
        },
    }
}

fn known(installed: Installed) -> KnownServer {
    let Installed { name, languages, program, install, .. } = installed;
    let (program, trouble) = match program {
        Ok(program) => (Some(program.to_string_lossy().into_owned()), None),
        Err(why) => (None, Some(why)),
    };
    KnownServer { name, languages, program, trouble, install }
}
