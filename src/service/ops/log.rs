//! `edit/log`: the operations that took effect, newest first.

use crate::service::api::{Fault, Log, Operation, Reply, Response};
use crate::service::{Service, internal, plain};
use crate::state::OperationRow;
use engine::store::StepKind;

/// The most operations in one answer.
const MOST: usize = 1000;

/// Returns the operations asked for.
pub(in crate::service) fn log(service: &Service, request: &Log) -> Result<Reply, Fault> {
    let state = &service.workspace.state;
    let limit = request.limit.clamp(1, MOST);
    let rows =
        state.operations(request.before, request.path.as_deref(), limit).map_err(internal)?;
    let operations: Result<Vec<_>, Fault> =
        rows.into_iter().map(|row| operation(service, row)).collect();
    Ok(plain(Response::Log(operations?)))
}

/// Returns an operation with its files and its agent.
pub(super) fn operation(service: &Service, row: OperationRow) -> Result<Operation, Fault> {
    let state = &service.workspace.state;
    let steps = state.steps(row.id).map_err(internal)?;
    let session = state.session(&row.session).map_err(internal)?;
    let files = steps.into_iter().map(|step| {
        let path = step.step.path.as_str().to_owned();
        match step.step.kind {
            StepKind::Modify => (path, "modify", None),
            StepKind::Create => (path, "create", None),
            StepKind::Remove => (path, "remove", None),
            StepKind::Move { to } => (path, "move", Some(to.as_str().to_owned())),
        }
    });
    Ok(Operation {
        id: row.id,
        at_ms: row.at_ms,
        agent: session.map(|session| session.agent).unwrap_or_default(),
        session: row.session,
        kind: row.kind,
        target: row.target,
        undone: row.undone,
        format: row.format,
        why: row.why,
        files: files.collect(),
    })
}
