//! `state/examine`: look for trouble, for `anchord doctor`.

use crate::service::api::{Fault, Finding, Reply, Response};
use crate::service::{Service, internal, plain};

/// Returns what was looked at and what was seen.
pub(in crate::service) fn examine(service: &Service) -> Result<Reply, Fault> {
    let state = &service.workspace.state;
    let check = state.integrity().map_err(internal)?;
    let broken = state.broken_link().map_err(internal)?;
    let database = Finding {
        subject: "database",
        well: check == "ok",
        detail: match check.as_str() {
            "ok" => "every page reads as it should".into(),
            trouble => format!("{trouble}; stop the daemon and move the state directory away"),
        },
    };
    let record = Finding {
        subject: "record of events",
        well: broken.is_none(),
        detail: match broken {
            None => "every event follows from the one before it".into(),
            Some(seq) => {
                format!("event {seq} does not follow from the one before it: it was altered")
            }
        },
    };
    let durability = Finding {
        subject: "durability",
        well: true,
        detail: format!("{:?}: what an answered edit survives", service.durability).to_lowercase(),
    };
    Ok(plain(Response::Examined(vec![database, record, durability])))
}
