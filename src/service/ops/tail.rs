//! `events/tail`: the record of what happened, oldest first.

use crate::service::api::{Event, Fault, Reply, Response, Tail};
use crate::service::{Service, internal, plain};

/// The most events in one answer.
const MOST: usize = 1000;

/// Returns the events asked for.
pub(in crate::service) fn tail(service: &Service, request: &Tail) -> Result<Reply, Fault> {
    let limit = request.limit.clamp(1, MOST);
    let rows = service.workspace.state.events(request.since, limit).map_err(internal)?;
    let events = rows.into_iter().map(|row| Event {
        seq: row.seq,
        at_ms: row.at_ms,
        kind: row.kind,
        session: row.session,
        operation: row.operation,
        data: row.data,
    });
    Ok(plain(Response::Tail(events.collect())))
}
