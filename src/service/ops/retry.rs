//! `edit/retry`: apply a rejected edit after all, without its being written
//! again.

use engine::anchor::{Handle, LineRange, lines_of};
use engine::error::{Code, Refusal};
use engine::format::{Action, Op, OpKind, Script};

use super::apply::{Edit, attempt};
use super::reject::Rejected;
use super::stored::{RETRY_VERSION, RetryRecord};
use crate::service::api::{Apply, Fault, Reply, Response, Retry, Source};
use crate::service::session::Session;
use crate::service::{Service, internal, now_ms};

/// Returns what became of the edit this time.
pub(in crate::service) fn retry(
    service: &Service,
    request: &Retry,
    session: &Session,
) -> Result<Reply, Fault> {
    let state = &service.workspace.state;
    let kept = state.retry(&request.token, now_ms()).map_err(internal)?;
    let reject = |refusal| Rejected::of(refusal).answer(service, session, "edit.rejected");
    let record = match kept {
        Some((owner, record)) if owner == session.row.id => read(&record)?,
        _ => return reject(unknown(&request.token)),
    };
    let (chain, format) = (record.chain, record.format.clone());
    let edit = match prepare(record, request) {
        Ok(edit) => edit,
        Err(refusal) => {
            let rejected = Rejected::of(refusal).of_edit(&format, Vec::new(), Some(chain));
            return rejected.answer(service, session, "edit.rejected");
        }
    };
    let reply = attempt(service, edit, session, Some(chain))?;
    if matches!(reply.response, Response::Edit(_)) {
        state.drop_retry(&request.token).map_err(internal)?;
    }
    Ok(reply)
}

fn read(record: &str) -> Result<RetryRecord, Fault> {
    let record: RetryRecord =
        serde_json::from_str(record).map_err(|error| Fault::Internal(error.to_string()))?;
    match record.version {
        RETRY_VERSION => Ok(record),
        later => Err(Fault::Internal(format!("a retry of version {later}"))),
    }
}

fn unknown(token: &str) -> Refusal {
    Refusal::new(Code::NotFound, format!("no edit of this session waits under {token}"))
}

/// Returns the edit as its author now wants it.
fn prepare(record: RetryRecord, request: &Retry) -> Result<Edit, Refusal> {
    let mut script = Script::from(record.script);
    let landings: Vec<Option<LineRange>> = record
        .landings
        .iter()
        .map(|span| span.map(|(start, end)| lines_of(&(start..end))))
        .collect();
    match (request.accept, request.at.is_empty()) {
        (true, false) | (false, true) => {
            return Err(Refusal::new(Code::Malformed, "give either accept or at"));
        }
        (false, false) => {
            let places = request.at.iter().copied().map(Some).collect();
            place(&mut script, record.file, record.handle, places)?;
        }
        (true, true) if landings.is_empty() => rename(&mut script, record.file, record.handle),
        (true, true) if landings.contains(&None) => {
            let text = "there is no landing to accept; name the lines with at";
            return Err(Refusal::new(Code::Conflict, text).at(&script.files[record.file].path));
        }
        (true, true) => place(&mut script, record.file, record.handle, landings)?,
    }
    let apply = Apply {
        source: Source::Script(Script::default()),
        format: record.format,
        op_id: record.op_id,
        why: record.why,
        relocate: record.relocate,
        dry_run: false,
    };
    Ok(Edit { script, apply })
}

/// Names the new content in a file action that has no lines.
fn rename(script: &mut Script, file: usize, handle: Option<u32>) {
    let Some(new) = handle.map(Handle::from_number) else { return };
    match &mut script.files[file].action {
        Action::Edit { handle, .. }
        | Action::EditAndMove { handle, .. }
        | Action::Write { handle, .. }
        | Action::Remove { handle }
        | Action::Move { handle, .. } => *handle = new,
        Action::Create { .. } => {}
    }
}

/// Puts the operations of a file on these lines of the new content.
fn place(
    script: &mut Script,
    file: usize,
    handle: Option<u32>,
    places: Vec<Option<LineRange>>,
) -> Result<(), Refusal> {
    rename(script, file, handle);
    let section = &mut script.files[file];
    let (Action::Edit { ops, .. } | Action::EditAndMove { ops, .. }) = &mut section.action else {
        let text = "this part of the edit has no lines to place; accept it or write it anew";
        return Err(Refusal::new(Code::Malformed, text).at(&section.path));
    };
    if places.len() != ops.len() {
        let text = format!("at names {} ranges for {} operations", places.len(), ops.len());
        return Err(Refusal::new(Code::Malformed, text).at(&section.path));
    }
    let moved = std::mem::take(ops).into_iter().zip(places);
    *ops = moved.filter_map(|(op, lines)| moved_op(op, lines?)).collect();
    Ok(())
}

/// Returns an operation on other lines; `(n + 1, n)` is the place after line n.
/// What was to be deleted and is gone leaves nothing to do.
fn moved_op(op: Op, lines: LineRange) -> Option<Op> {
    let empty = lines.1 < lines.0;
    let kind = match op.kind {
        OpKind::Replace { body, .. } if empty => OpKind::Insert { after: lines.1, body },
        OpKind::Replace { body, .. } => OpKind::Replace { lines, body },
        OpKind::Insert { body, .. } => OpKind::Insert { after: lines.1, body },
        OpKind::Delete { .. } if empty => return None,
        OpKind::Delete { register, .. } => OpKind::Delete { lines, register },
    };
    // What its author expected stood on the lines of the old content.
    Some(Op { kind, expect: None })
}
