//! `state/examine`: look for trouble, for `anchord doctor`.

use engine::store::Trouble;

use crate::service::api::{Fault, Finding, Reply, Response};
use crate::service::{Service, plain};

/// Returns what was looked at and what was seen.
pub(in crate::service) fn examine(service: &Service) -> Result<Reply, Fault> {
    let findings =
        [database, record, writing, late, paths, durability].map(|look| look(service)).into();
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
