//! `edit/retry`: apply a rejected edit after all, without its being written
//! again.

use engine::anchor::{Handle, LineRange, lines_of};
use engine::error::{Code, Refusal};
use engine::format::{Action, Body, Op, OpKind, Script};
use engine::plan;

use super::apply::{Edit, attempt};
use super::draft::{self, Written};
use super::reject::{Cure, Rejected};
use super::rule::{self, Watch};
use super::stored::{RETRY_VERSION, Reason, RetryRecord};
use super::stored_change::Wanted;
use super::{actions, format, rename};
use crate::service::api::{Apply, Fault, Policy, Reply, Response, Retry, Source, Texts, Verify};
use crate::service::session::Session;
use crate::service::{Service, internal, now_ms, plain};

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
    if request.decline {
        state.drop_retry(&request.token).map_err(internal)?;
        return Ok(plain(Response::Done));
    }
    if !record.rules.is_empty() {
        match Choice::of(request) {
            Ok(Choice::Accept) => rule::consented(service, session, &record.rules)?,
            Ok(_) => return reject(no_consent()),
            Err(refusal) => return reject(refusal),
        }
    }
    if let Some(rejected) = ruled_out(service, session, &record)? {
        let rejected = rejected.of_edit(&record.format, Texts::default(), None);
        return rejected.answer(service, session, "edit.rejected");
    }
    if let Some(change) = record.change {
        let reply = carried(service, session, change.consented())?;
        return settled(service, request, reply);
    }
    // What was only shown was no attempt.
    let chain = (record.reason != Reason::Preview).then_some(record.chain);
    let format = record.format.clone();
    let prepared = match record.text.is_some() {
        true => read_again(service, session, record, request),
        false => prepare(record, request),
    };
    let edit = match prepared {
        Ok(edit) => edit,
        Err(rejected) => {
            let rejected = rejected.of_edit(&format, Texts::default(), chain);
            return rejected.answer(service, session, "edit.rejected");
        }
    };
    let reply = attempt(service, edit, session, chain)?;
    settled(service, request, reply)
}

/// Returns what became of a change of a language server that was consented to.
fn carried(service: &Service, session: &Session, wanted: Wanted) -> Result<Reply, Fault> {
    match wanted {
        Wanted::Rename(request) => rename::rename(service, &request, session),
        Wanted::RenameFile(request) => rename::rename_file(service, &request, session),
        Wanted::Action(request) => actions::actions(service, &request, session),
        Wanted::Format(request) => format::format(service, &request, session),
    }
}

/// Returns the reply; an edit that was carried out waits no longer.
fn settled(service: &Service, request: &Retry, reply: Reply) -> Result<Reply, Fault> {
    let state = &service.workspace.state;
    if matches!(reply.response, Response::Edit(_)) {
        state.drop_retry(&request.token).map_err(internal)?;
    }
    Ok(reply)
}

fn read(record: &str) -> Result<RetryRecord, Fault> {
    let record: RetryRecord =
        serde_json::from_str(record).map_err(|error| Fault::Internal(error.to_string()))?;
    match record.version {
        1..=RETRY_VERSION => Ok(record),
        later => Err(Fault::Internal(format!("a retry of version {later}"))),
    }
}

/// Returns what the rules of the user have against an edit that was only shown so
/// far: they were not asked then.
fn ruled_out(
    service: &Service,
    session: &Session,
    record: &RetryRecord,
) -> Result<Option<Rejected>, Fault> {
    if record.reason != Reason::Preview || !record.rules.is_empty() {
        return Ok(None);
    }
    let rules = match service.user_rules() {
        Err(refusal) => return Ok(Some(Rejected::of(refusal))),
        Ok(rules) => rules,
    };
    let draft = Script::from(record.script.clone()).into();
    let verdict = rule::check((service, rules), session, &draft, Watch::default())?;
    Ok(verdict.refusal.map(|refusal| match refusal.code {
        Code::Approval => {
            Rejected::of(refusal).waiting(RetryRecord { rules: verdict.asks, ..record.clone() })
        }
        _ => Rejected::of(refusal),
    }))
}

fn no_consent() -> Refusal {
    Refusal::new(Code::Malformed, "the edit waits for consent: accept it as it is, or decline it")
}

fn unknown(token: &str) -> Refusal {
    Refusal::new(Code::NotFound, format!("no edit of this session waits under {token}"))
}

/// What the author says to a rejected edit.
enum Choice<'a> {
    Accept,
    At(&'a [LineRange]),
    Candidate(usize),
    Fix(usize),
}

impl Choice<'_> {
    fn of(request: &Retry) -> Result<Choice<'_>, Refusal> {
        let at = Some(&request.at[..]).filter(|at| !at.is_empty());
        // To allow a mixed edit says nothing of its places.
        let plain = request.allow_mixed
            && at.is_none()
            && request.candidate.is_none()
            && request.fix.is_none();
        match (request.accept || plain, at, request.candidate, request.fix) {
            (true, None, None, None) => Ok(Choice::Accept),
            (false, Some(at), None, None) => Ok(Choice::At(at)),
            (false, None, Some(number), None) => Ok(Choice::Candidate(number)),
            (false, None, None, Some(number)) => Ok(Choice::Fix(number)),
            _ => {
                let text = "give one of accept, decline, at, candidate and fix";
                Err(Refusal::new(Code::Malformed, text))
            }
        }
    }
}

/// Returns the edit as its author now wants it.
fn prepare(mut record: RetryRecord, request: &Retry) -> Result<Edit, Rejected> {
    let choice = Choice::of(request).map_err(Rejected::of)?;
    let mut script = Script::from(record.script.clone());
    let mut verify = Verify::from(record.verify);
    match (choice, record.reason) {
        (Choice::Accept, Reason::Lint) => verify.lint = Some(Policy::Warn),
        (Choice::Accept, Reason::Syntax) => verify.syntax = Some(Policy::Warn),
        (Choice::Accept, Reason::Servers) => verify.lsp = Some(Policy::Warn),
        (Choice::Fix(number), _) => fix(&mut script, &record, number).map_err(Rejected::of)?,
        (Choice::At(at), _) => {
            let places = at.iter().copied().map(Some).collect();
            place(&mut script, record.file, record.handle, places).map_err(Rejected::of)?;
        }
        (Choice::Candidate(number), _) => {
            choose(&mut record, number).map_err(Rejected::of)?;
            land(&mut script, &record)?;
        }
        (Choice::Accept, Reason::Preview) => {}
        (Choice::Accept, Reason::Place) => land(&mut script, &record)?,
    }
    let apply = Apply {
        source: Source::Script(Script::default()),
        format: record.format,
        op_id: record.op_id,
        why: record.why,
        relocate: record.relocate,
        verify,
        dry_run: false,
        allow_mixed: request.allow_mixed,
    };
    Ok(Edit { script, apply, notes: Vec::new(), texts: None })
}

/// Returns the edit of a text whose places are now known.
fn read_again(
    service: &Service,
    session: &Session,
    record: RetryRecord,
    request: &Retry,
) -> Result<Edit, Rejected> {
    let chosen = Choice::of(request).map_err(Rejected::of)?;
    let Some(stored) = &record.text else { return prepare(record, request) };
    let mut choices = stored.choices();
    let mut at = None;
    match chosen {
        Choice::Accept => {}
        Choice::At(lines) => {
            at = record.handle.map(|handle| (record.file, Handle::from_number(handle), lines));
        }
        Choice::Fix(number) => return Err(Rejected::of(no_such("fix", number, 0))),
        Choice::Candidate(number) => {
            let candidates = record.candidates.first().map_or(&[][..], Vec::as_slice);
            let index = number.checked_sub(1);
            let Some(&(start, end)) = index.and_then(|index| candidates.get(index)) else {
                return Err(Rejected::of(no_such("candidate", number, candidates.len())));
            };
            let find = record.op.unwrap_or(0);
            choices.push(plan::Choice { file: record.file, find, lines: start..end });
        }
    }
    let apply = Apply {
        source: Source::Script(Script::default()),
        format: record.format.clone(),
        op_id: record.op_id.clone(),
        why: record.why.clone(),
        relocate: record.relocate,
        verify: record.verify.into(),
        dry_run: false,
        allow_mixed: request.allow_mixed,
    };
    let chain = Some(record.chain);
    let read =
        draft::read(service, session, &apply, Written { text: &stored.text, choices, at, chain });
    read.map(|read| Edit::of(read, apply))
}

/// Puts the operations where the rejection said they would land.
///
/// # Errors
/// `ambiguous`, with the candidates of the next operation that has several, or
/// `conflict` where one has none.
fn land(script: &mut Script, record: &RetryRecord) -> Result<(), Rejected> {
    if record.landings.is_empty() {
        rename(script, record.file, record.handle);
        return Ok(());
    }
    let Some(open) = record.landings.iter().position(Option::is_none) else {
        let lines =
            |span: &Option<(usize, usize)>| span.map(|(start, end)| lines_of(&(start..end)));
        let places = record.landings.iter().map(lines).collect();
        return place(script, record.file, record.handle, places).map_err(Rejected::of);
    };
    let path = &script.files[record.file].path;
    match record.candidates.get(open).filter(|candidates| !candidates.is_empty()) {
        Some(candidates) => {
            let text = "this operation could mean several places; name one by its number";
            let spans = candidates.iter().map(|(start, end)| *start..*end).collect();
            let refusal = Refusal::new(Code::Ambiguous, text).at(path).op(open);
            let record = RetryRecord { op: Some(open), ..record.clone() };
            let cure = Cure { candidates: spans, ..Cure::default() };
            Err(Rejected::of(refusal).with(cure).waiting(record))
        }
        None => {
            let text = "there is no landing to accept; name the lines with at";
            Err(Rejected::of(Refusal::new(Code::Conflict, text).at(path).op(open)))
        }
    }
}

/// Lands the operation in question on the candidate of this number.
fn choose(record: &mut RetryRecord, number: usize) -> Result<(), Refusal> {
    let op = record.op.unwrap_or(0);
    let candidates = record.candidates.get(op).map_or(&[][..], Vec::as_slice);
    let chosen = number.checked_sub(1).and_then(|index| candidates.get(index)).copied();
    let Some(chosen) = chosen else {
        return Err(no_such("candidate", number, candidates.len()));
    };
    record.landings[op] = Some(chosen);
    Ok(())
}

/// Puts the fix of this number in the place of the operation in question.
fn fix(script: &mut Script, record: &RetryRecord, number: usize) -> Result<(), Refusal> {
    let fix = number.checked_sub(1).and_then(|index| record.fixes.get(index));
    let (Some(fix), Some(op)) = (fix, record.op) else {
        return Err(no_such("fix", number, record.fixes.len()));
    };
    let mut fix = fix.iter().cloned().map(Op::from);
    match &mut script.files[record.file].action {
        Action::Edit { ops, .. } | Action::EditAndMove { ops, .. } => {
            ops.splice(op..=op, fix);
            match ops.is_empty() {
                true => Err(Refusal::new(Code::NoChange, "nothing is left to be done")),
                false => Ok(()),
            }
        }
        Action::Write { text, .. } | Action::Create { text } => {
            if let Some(new) = fix.next().and_then(text_of) {
                *text = new;
            }
            Ok(())
        }
        Action::Remove { .. } | Action::Move { .. } => Ok(()),
    }
}

/// Returns the text of an operation that stands for a whole file.
fn text_of(op: Op) -> Option<String> {
    match op.kind {
        OpKind::Replace { body: Body::Text(text), .. }
        | OpKind::Insert { body: Body::Text(text), .. } => Some(text),
        _ => None,
    }
}

fn no_such(what: &str, number: usize, count: usize) -> Refusal {
    let text = match count {
        0 => format!("the rejection offered no {what}"),
        _ => format!("there is no {what} {number}; the rejection offered {count}"),
    };
    Refusal::new(Code::Malformed, text)
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
pub(super) fn moved_op(op: Op, lines: LineRange) -> Option<Op> {
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
