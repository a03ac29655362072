//! `edit/undo` and `edit/redo`: take an operation back by a new operation.
//!
//! ```text
//! edit 1   edit 2   undo 3 (of 2)   redo 4 (of 3)   undo 5 (of 4)
//! ```
//!
//! An undo inverts the recorded changes and carries them through everything we
//! did to the files since; it never touches a byte that was written later.

use std::collections::HashMap;
use std::sync::Arc;

use engine::anchor::View;
use engine::drift::{Hunk, Placement, Since, Trail, line_hunks};
use engine::edit::{Change, Edit};
use engine::error::{Code, Refusal};
use engine::hash::ContentHash;
use engine::plan::{FilePlan, Plan, Planned};
use engine::snapshot::Snapshot;
use engine::store::{RelPath, Slot, StepKind};

use super::reject::Rejected;
use super::transact::{Author, Operation, carry_out};
use crate::service::Service;
use crate::service::api::{Attempt, Fault, Reply, Response, Undo};
use crate::service::session::Session;
use crate::service::workspace::{change_from, state_refusal};
use crate::state::{OperationRecord, OperationRow, StateError, StepRow};

/// Takes back an operation: the one named, or the session's last.
pub(in crate::service) fn undo(
    service: &Service,
    request: &Undo,
    session: &Session,
) -> Result<Reply, Fault> {
    let state = &service.workspace.state;
    let target = match request.operation {
        Some(id) => state.operation(id),
        None => state.last_undoable(&session.row.id),
    };
    let allow_mixed = request.allow_mixed;
    take_back(service, session, target, ("undo", "there is nothing to undo"), allow_mixed)
}

/// Takes back the session's last undo.
pub(in crate::service) fn redo(service: &Service, session: &Session) -> Result<Reply, Fault> {
    let target = service.workspace.state.last_redoable(&session.row.id);
    take_back(service, session, target, ("redo", "there is nothing to redo"), false)
}

fn take_back(
    service: &Service,
    session: &Session,
    target: Result<Option<OperationRow>, StateError>,
    (kind, nothing): (&str, &str),
    allow_mixed: bool,
) -> Result<Reply, Fault> {
    let result = target
        .map_err(|error| state_refusal(&error))
        .and_then(|target| target.ok_or_else(|| Refusal::new(Code::NotFound, nothing)))
        .and_then(|target| invert(service, session, &target, kind, allow_mixed));
    match result {
        Ok(done) => {
            let attempt = Attempt { event: done.event, ..Attempt::default() };
            Ok(Reply { response: Response::Edit(done.answer), attempt: Some(attempt) })
        }
        Err(refusal) => Rejected::of(refusal).answer(service, session, "undo.rejected"),
    }
}

fn invert(
    service: &Service,
    session: &Session,
    target: &OperationRow,
    kind: &str,
    allow_mixed: bool,
) -> Result<super::transact::Done, Refusal> {
    let state = &service.workspace.state;
    let steps = state.steps(target.id).map_err(|error| state_refusal(&error))?;
    let paths = steps.iter().flat_map(|row| [row.step.path.clone(), row.step.new_path().clone()]);
    let _turn = service.turn(paths.collect())?;
    let again = state.operation(target.id).map_err(|error| state_refusal(&error))?;
    if let Some(by) = again.and_then(|row| row.undone) {
        let text = format!("operation {} was taken back by operation {by}", target.id);
        return Err(Refusal::new(Code::NoChange, text));
    }
    let mut plan = Plan { files: Vec::with_capacity(steps.len()) };
    for row in steps.iter().rev() {
        let file = invert_step(service, row, &plan)?;
        plan.files.push(file);
    }
    let views = plan.files.iter().map(|_| View::default()).collect();
    let record = OperationRecord {
        kind: kind.into(),
        target: Some(target.id),
        format: target.format.clone(),
        ..OperationRecord::default()
    };
    let (author, like) = (Author::Session, displaced_by(&steps));
    let operation =
        Operation { plan: &plan, views, author, record, chain: None, like, allow_mixed };
    carry_out(service, session, operation)
}

/// Returns where what was removed lies, by its path: a file that comes back has
/// the mode and all else that it had.
fn displaced_by(steps: &[StepRow]) -> HashMap<String, Slot> {
    let removed = steps.iter().filter(|row| row.step.kind == StepKind::Remove);
    removed.map(|row| (row.step.path.as_str().to_owned(), row.step.slot.clone())).collect()
}

/// Returns what takes a step back, after everything that is planned already.
fn invert_step(service: &Service, row: &StepRow, earlier: &Plan) -> Result<FilePlan, Refusal> {
    let step = &row.step;
    let (path, action) = match &step.kind {
        StepKind::Modify => (&step.path, invert_modify(service, row)?),
        StepKind::Create => {
            (&step.path, Planned::Remove { before: untouched(service, &step.path, step.after)? })
        }
        StepKind::Remove => (&step.path, invert_remove(service, row, earlier)?),
        StepKind::Move { to } => {
            let before = untouched(service, to, step.before)?;
            if !is_free(service, &step.path, earlier)? {
                return Err(later_work(&step.path, "a file stands at its old path"));
            }
            let target = step.path.as_str().to_owned();
            (to, Planned::Move { before, to: target, replaced: None })
        }
    };
    Ok(FilePlan { path: path.as_str().to_owned(), action, ops: Vec::new() })
}

fn invert_modify(service: &Service, row: &StepRow) -> Result<Planned, Refusal> {
    let workspace = &service.workspace;
    let path = &row.step.path;
    let damaged =
        || Refusal::new(Code::Denied, "the record of the change is damaged").at(path.as_str());
    let (edits, after) = row.edits.as_ref().zip(row.step.after).ok_or_else(damaged)?;
    let now = workspace.now(path, false)?.ok_or_else(|| later_work(path, "the file is gone"))?;
    let inverse = inverse_of(edits).map_err(|error| state_refusal(&error))?;
    let since = workspace.since(path, &after, &now.hash).map_err(|error| state_refusal(&error))?;
    let change = match since {
        Since::Same => inverse,
        Since::Own(later) => carried(&inverse, &later)
            .ok_or_else(|| later_work(path, "its lines were changed by a later operation"))?,
        // People type all the time; what they left alone can be taken back.
        since if workspace.buffers.is_open(path) => {
            let from = workspace.content(path, &after)?;
            placed(service, path, &inverse, &from, &since, &now)
                .ok_or_else(|| later_work(path, "its lines were changed since"))?
        }
        Since::Outside | Since::Chain(_) => {
            return Err(later_work(path, "another program wrote to the file"));
        }
    };
    let hunks = line_hunks(&change, &now, &now.after(&change));
    Ok(Planned::Modify { before: now, change, hunks })
}

/// Returns `change`, one of the content `from`, as a change of `now`, or `None`
/// where its lines are not provably the same there.
fn placed(
    service: &Service,
    path: &RelPath,
    change: &Change,
    from: &Snapshot,
    since: &Since,
    now: &Snapshot,
) -> Option<Change> {
    let to = from.after(change);
    let trail = Trail::of(since, from, now, path.as_str(), Some(&*service.syntax));
    let (mut edits, mut shift) = (Vec::new(), 0_i64);
    for (old, count) in line_hunks(change, from, &to) {
        let start = (old.start as i64 + shift) as usize;
        shift += count as i64 - old.len() as i64;
        let text = to.bytes[to.lines.bytes_of(start..start + count)].to_vec();
        let hunk = Hunk { lines: old.clone(), text: &[] };
        let Placement::Lands(there) = trail.place(&hunk) else { return None };
        let range = now.lines.bytes_of(there);
        let is_same = from.bytes[from.lines.bytes_of(old)] == now.bytes[range.clone()];
        let is_behind = range.start == now.bytes.len() && !now.lines.final_newline();
        if !is_same || is_behind && !now.bytes.is_empty() {
            return None;
        }
        edits.push(Edit { range, text });
    }
    edits.sort_by_key(|edit| edit.range.start);
    Change::new(edits, now.bytes.len()).ok()
}

/// Returns the change that takes a stored change back.
fn inverse_of(edits: &[u8]) -> Result<Change, StateError> {
    let change = change_from(edits)?;
    let (_, stored) = crate::state::unpack_edits(edits)?;
    let mut shift = 0_i64;
    let inverse = stored.into_iter().map(|edit| {
        let start = (edit.start as i64 + shift) as usize;
        shift += edit.inserted.len() as i64 - edit.removed.len() as i64;
        Edit { range: start..start + edit.inserted.len(), text: edit.removed }
    });
    Change::new(inverse.collect(), change.after_len()).map_err(|_| StateError::Damaged("a change"))
}

/// Returns `change` as a change of the content after `later`, or `None` where
/// `later` touched what it would touch.
fn carried(change: &Change, later: &Change) -> Option<Change> {
    let edits = change.edits().iter().map(|edit| {
        let written_at = |at: usize| {
            later.edits().iter().any(|other| {
                other.range.start < at && at < other.range.end
                    || other.range.is_empty() && other.range.start == at
            })
        };
        if edit.range.is_empty() && written_at(edit.range.start) {
            return None;
        }
        Some(Edit { range: later.map_range(edit.range.clone())?, text: edit.text.clone() })
    });
    Change::new(edits.collect::<Option<_>>()?, later.after_len()).ok()
}

fn invert_remove(service: &Service, row: &StepRow, earlier: &Plan) -> Result<Planned, Refusal> {
    let (workspace, path) = (&service.workspace, &row.step.path);
    if !is_free(service, path, earlier)? {
        return Err(later_work(path, "a file stands there again"));
    }
    let before = row.step.before.ok_or_else(|| later_work(path, "its record is damaged"))?;
    let content = workspace.content(path, &before)?;
    Ok(Planned::Create { bytes: content.bytes.clone() })
}

/// Returns whether nothing stands at `path`, or nothing will once what is
/// planned is done: a move over another file is taken back before that file is.
fn is_free(service: &Service, path: &RelPath, earlier: &Plan) -> Result<bool, Refusal> {
    let leaves = |file: &FilePlan| {
        file.path == path.as_str()
            && matches!(file.action, Planned::Remove { .. } | Planned::Move { .. })
    };
    Ok(earlier.files.iter().any(leaves) || service.workspace.now(path, false)?.is_none())
}

/// Returns the content of now, if it is still the one the operation left.
fn untouched(
    service: &Service,
    path: &RelPath,
    left: Option<ContentHash>,
) -> Result<Arc<Snapshot>, Refusal> {
    match service.workspace.now(path, false)? {
        Some(now) if Some(now.hash) == left => Ok(now),
        Some(_) => Err(later_work(path, "the file was changed since")),
        None => Err(later_work(path, "the file is gone")),
    }
}

fn later_work(path: &RelPath, what: &str) -> Refusal {
    let text = format!("taking this back would lose later work: {what}");
    Refusal::new(Code::Conflict, text).at(path.as_str())
}
