//! `state/examine`: look for trouble, for `anchord doctor`.

use engine::store::Trouble;
use lsp_bridge::error::BridgeError;

use super::servers;
use crate::service::api::{Fault, Finding, Reply, Response};
use crate::service::walk::{Found, Scope, walk};
use crate::service::{Service, plain};

/// Returns what was looked at and what was seen.
pub(in crate::service) fn examine(service: &Service) -> Result<Reply, Fault> {
    let findings = [database, record, writing, late, paths, durability, rules, languages]
        .map(|look| look(service))
        .into();
    Ok(plain(Response::Examined(findings)))
}

fn database(service: &Service) -> Finding {
    let check = service.workspace.state.integrity().unwrap_or_else(|error| error.to_string());
    Finding {
        subject: "database",
        well: check == "ok",
        detail: match check.as_str() {
            "ok" => "every page reads as it should".into(),
            trouble => format!("{trouble}; {}", Trouble::Damaged.cure()),
        },
    }
}

fn record(service: &Service) -> Finding {
    let broken = service.workspace.state.broken_link();
    Finding {
        subject: "record of events",
        well: matches!(broken, Ok(None)),
        detail: match broken {
            Ok(None) => "every event follows from the one before it".into(),
            Ok(Some(seq)) => {
                format!("event {seq} does not follow from the one before it: it was altered")
            }
            Err(error) => error.to_string(),
        },
    }
}

fn writing(service: &Service) -> Finding {
    let workspace = &service.workspace;
    let trouble = workspace.health.trouble(&workspace.state);
    Finding {
        subject: "writing",
        well: trouble.is_none(),
        detail: match trouble {
            None => "edits are taken".into(),
            Some((trouble, reason)) => {
                let cure = trouble.cure();
                format!("files are only read, because {trouble}: {reason}; {cure}")
            }
        },
    }
}

fn late(service: &Service) -> Finding {
    let kept = service.workspace.state.conflicts().unwrap_or_default();
    let named: Vec<String> =
        kept.iter().map(|(slot, path)| format!("{path} in slot {}", slot.name)).collect();
    Finding {
        subject: "late writes",
        well: true,
        detail: match named.is_empty() {
            true => "none".into(),
            false => format!("kept, not applied: {}", named.join(", ")),
        },
    }
}

fn rules(service: &Service) -> Finding {
    let fault = service.rules.fault.as_ref();
    Finding {
        subject: "rules of checks",
        well: fault.is_none(),
        detail: match fault {
            None => "read".into(),
            Some(fault) => format!(
                "the configuration cannot be read, so no edit may pass a check that it fails: {fault}"
            ),
        },
    }
}

fn paths(service: &Service) -> Finding {
    let by_kernel = service.workspace.fs.facilities().beneath;
    Finding {
        subject: "paths",
        well: true,
        detail: match by_kernel {
            true => "kept beneath the root by the kernel (openat2)",
            false => "kept beneath the root part by part, since the system has no openat2",
        }
        .into(),
    }
}

fn durability(service: &Service) -> Finding {
    Finding {
        subject: "durability",
        well: true,
        detail: format!("{:?}: what an answered edit survives", service.durability).to_lowercase(),
    }
}

/// Files that are looked at for languages that nobody serves.
const FILES_LOOKED_AT: usize = 5000;

fn languages(service: &Service) -> Finding {
    let servers = servers::look(service);
    let subject = "language servers";
    if let Some(trouble) = servers.trouble {
        return Finding { subject, well: false, detail: format!("none is used: {trouble}") };
    }
    let running = servers.running.iter().map(|server| {
        let memory = server.memory_bytes.map(|bytes| format!(", {} MiB", bytes >> 20));
        let why = Some(&server.detail).filter(|detail| !detail.is_empty());
        let why = why.map(|why| format!(", {why}")).unwrap_or_default();
        format!("{} is {}{}{why}", server.name, server.state, memory.unwrap_or_default())
    });
    let found = servers.known.iter().filter(|server| server.program.is_some());
    let found: Vec<&str> = found.map(|server| server.name.as_str()).collect();
    let found = match found.is_empty() {
        true => "none is found".to_owned(),
        false => format!("found {}", found.join(", ")),
    };
    let parts: Vec<String> = [found].into_iter().chain(running).chain(missing(service)).collect();
    let is_down = servers.running.iter().any(|server| server.state == "down");
    Finding { subject, well: !is_down, detail: parts.join("; ") }
}

/// Returns what the root has files for, but no server that can be used: why, and
/// what to do about it.
fn missing(service: &Service) -> Vec<String> {
    let Ok(bridge) = service.languages.as_they_are() else { return Vec::new() };
    let scope = Scope::default();
    let found = walk(&service.workspace, &scope).into_iter().flatten().take(FILES_LOOKED_AT);
    let mut reasons: Vec<String> = Vec::new();
    let mut endings = std::collections::HashSet::new();
    for found in found {
        let Found::File(path) = found else { continue };
        let name = path.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        let ending = name.rsplit_once('.').map_or(name.clone(), |(_, ending)| ending.to_owned());
        if !endings.insert(ending) {
            continue;
        }
        let why = match bridge.unserved(path.as_str()) {
            None | Some(BridgeError::NoServer { .. }) => continue,
            Some(why) => why.to_string(),
        };
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }
    reasons
}
