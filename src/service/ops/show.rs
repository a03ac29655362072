//! `edit/show`: one operation, with what it changed.

use engine::error::{Code, Refusal};
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{RelPath, StepKind};

use super::log::operation;
use crate::service::api::{Fault, OperationDetail, Rejection, Reply, Response, Show};
use crate::service::workspace::change_from;
use crate::service::{Service, diff, internal, plain};
use crate::state::StepRow;

/// Returns the operation asked for.
pub(in crate::service) fn show(service: &Service, request: &Show) -> Result<Reply, Fault> {
    let state = &service.workspace.state;
    let Some(row) = state.operation(request.operation).map_err(internal)? else {
        let text = format!("operation {} never took effect here", request.operation);
        return Ok(plain(Response::Rejected(bare(Refusal::new(Code::NotFound, text)))));
    };
    let steps = state.steps(row.id).map_err(internal)?;
    let diff = steps.iter().map(|step| diff_of(service, step)).collect();
    Ok(plain(Response::Show(OperationDetail { operation: operation(service, row)?, diff })))
}

/// Returns a refusal as a rejection that no session is told the cure of.
fn bare(refusal: Refusal) -> Rejection {
    let Refusal { code, message, path, op } = refusal;
    Rejection {
        code,
        message,
        path,
        op,
        handle: None,
        rows: None,
        drift: Vec::new(),
        landings: Vec::new(),
        candidates: Vec::new(),
        fixes: Vec::new(),
        uncovered: Vec::new(),
        retry: None,
        format: None,
    }
}

/// Returns the unified diff of a step, or one line that says what happened where
/// a content is no longer kept.
fn diff_of(service: &Service, row: &StepRow) -> String {
    let step = &row.step;
    let path = step.path.as_str();
    let empty = Snapshot::of(Vec::new());
    let kept = |hash: Option<ContentHash>| content(service, &step.path, hash);
    match &step.kind {
        StepKind::Move { to } => format!("rename from {path}\nrename to {to}\n"),
        StepKind::Create => match kept(step.after) {
            Some(after) => diff::unified(path, path, &empty, &after),
            None => format!("create {path}\n"),
        },
        StepKind::Remove => match kept(step.before) {
            Some(before) => diff::unified(path, path, &before, &empty),
            None => format!("remove {path}\n"),
        },
        StepKind::Modify => match (kept(step.before), &row.edits) {
            (Some(before), Some(edits)) => match change_from(edits) {
                Ok(change) => diff::unified(path, path, &before, &before.after(&change)),
                Err(error) => format!("modify {path}: {error}\n"),
            },
            _ => format!("modify {path}\n"),
        },
    }
}

fn content(
    service: &Service,
    path: &RelPath,
    hash: Option<ContentHash>,
) -> Option<std::sync::Arc<Snapshot>> {
    let hash = hash?;
    let kept = service.workspace.content(path, &hash).ok();
    // What an edit of ours wrote last is in the file itself.
    kept.or_else(|| service.workspace.now(path, false).ok()?.filter(|now| now.hash == hash))
}
