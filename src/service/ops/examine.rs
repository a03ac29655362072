//! `state/examine`: look for trouble, for `anchord doctor`.

use engine::store::Trouble;

use crate::service::api::{Fault, Finding, Reply, Response};
use crate::service::{Service, plain};

/// Returns what was looked at and what was seen.
pub(in crate::service) fn examine(service: &Service) -> Result<Reply, Fault> {
    let findings = vec![database(service), record(service), writing(service), durability(service)];
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

fn durability(service: &Service) -> Finding {
    Finding {
        subject: "durability",
        well: true,
        detail: format!("{:?}: what an answered edit survives", service.durability).to_lowercase(),
    }
}
