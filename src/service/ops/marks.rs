//! `buffer/marks` and `buffer/accept`: what agents did to a file since a person
//! last looked, where that stands now, and that it was looked at.
//! `anchor/resolve`: where lines of some content stand now.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use engine::anchor::{LineRange, View, lines_of, span_of};
use engine::drift::Trail;
use engine::error::{Code, Refusal};
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{RelPath, StepKind};

use super::read::content;
use super::reject::Rejected;
use crate::service::api::{
    Accept, Fault, Mark, Marks, Reply, Resolve, Resolved, Response, Setback,
};
use crate::service::session::Session;
use crate::service::workspace::state_refusal;
use crate::service::{Service, internal, now_ms, plain};
use crate::state::{OperationRow, StateError, StepRow, unpack_edits};

/// How many operations on a file are looked at, newest first.
const OPERATIONS: usize = 50;

/// How many of them are told.
const MARKS: usize = 20;

/// How many setbacks are remembered, over all files.
const SETBACKS: usize = 100;

/// How long a setback is told, in milliseconds.
const SETBACK_MS: i64 = 600_000;

/// Lines of one place that are followed one by one, where they cannot be together.
const LINES: usize = 200;

/// The event of a change that a person has looked at.
const ACCEPTED: &str = "change.accepted";

/// What is remembered for people.
#[derive(Default)]
pub(in crate::service) struct Looks {
    /// Operations that were looked at, read from the record when first needed.
    accepted: OnceLock<Mutex<HashSet<u64>>>,
    setbacks: Mutex<VecDeque<Refused>>,
}

/// An edit that was refused.
#[derive(Debug, Clone)]
pub(in crate::service) struct Refused {
    pub(in crate::service) session: String,
    pub(in crate::service) path: RelPath,
    pub(in crate::service) setback: Setback,
    /// The content that its lines are of.
    pub(in crate::service) of: Option<ContentHash>,
    pub(in crate::service) lines: Vec<Range<usize>>,
}

impl Looks {
    fn accepted(&self, service: &Service) -> Result<MutexGuard<'_, HashSet<u64>>, StateError> {
        let known = match self.accepted.get() {
            Some(known) => known,
            None => {
                let all = service.workspace.state.operations_of_events(ACCEPTED)?;
                self.accepted.get_or_init(|| Mutex::new(all.into_iter().collect()))
            }
        };
        Ok(known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers an edit that was refused.
    pub(in crate::service) fn refused(&self, refused: Refused) {
        let mut setbacks = self.lock();
        setbacks.retain(|one| one.session != refused.session || one.path != refused.path);
        if setbacks.len() >= SETBACKS {
            setbacks.pop_front();
        }
        setbacks.push_back(refused);
    }

    /// Forgets what was refused of a session at a file: it got its way.
    pub(in crate::service) fn landed(&self, session: &str, path: &RelPath) {
        self.lock().retain(|one| one.session != session || one.path != *path);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Refused>> {
        self.setbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the marks of a file.
pub(in crate::service) fn marks(
    service: &Service,
    path: &str,
    session: &Session,
) -> Result<Reply, Fault> {
    match look(service, path, session) {
        Ok(marks) => Ok(plain(Response::Marks(marks))),
        Err(refusal) => Rejected::of(refusal).answer(service, session, "buffer.rejected"),
    }
}

fn look(service: &Service, path: &str, session: &Session) -> Result<Marks, Refusal> {
    let (path, now, handle) = content(service, path, None)?;
    let refuse = |error: StateError| state_refusal(&error);
    let state = &service.workspace.state;
    let rows = state.operations(None, Some(path.as_str()), OPERATIONS).map_err(refuse)?;
    let accepted = service.looks.accepted(service).map_err(refuse)?.clone();
    let is_news = |row: &OperationRow| {
        row.kind != "undo"
            && row.undone.is_none()
            && row.session != session.row.id
            && !accepted.contains(&row.id)
    };
    let mut changes = Vec::new();
    for row in rows.into_iter().filter(is_news).take(MARKS) {
        changes.extend(mark(service, &path, row, &now).map_err(refuse)?);
    }
    let setbacks = setbacks(service, &path, &now);
    let path = path.as_str().to_owned();
    Ok(Marks { path, handle, total_lines: now.line_count(), changes, setbacks })
}

/// Returns what an operation did to the file, as far as it still stands there.
fn mark(
    service: &Service,
    path: &RelPath,
    row: OperationRow,
    now: &Arc<Snapshot>,
) -> Result<Option<Mark>, StateError> {
    let workspace = &service.workspace;
    let steps = workspace.state.steps(row.id)?;
    let step = steps.iter().find(|step| step.step.new_path() == path);
    let Some((step, after)) = step.and_then(|step| Some((step, step.step.after?))) else {
        return Ok(None);
    };
    let Ok(content) = workspace.content(path, &after) else { return Ok(None) };
    let written = written(step, &content)?;
    let lines = follow(service, path, &content, now, &written);
    if lines.is_empty() {
        return Ok(None);
    }
    let session = workspace.state.session(&row.session)?;
    let (agent, model) = session.map(|row| (name(&row.agent, &row.client), row.model)).unzip();
    Ok(Some(Mark {
        operation: row.id,
        at_ms: row.at_ms,
        agent: agent.unwrap_or_default(),
        model: model.unwrap_or_default(),
        why: row.why,
        format: row.format,
        lines,
    }))
}

fn name(agent: &str, client: &str) -> String {
    if agent.is_empty() { client.to_owned() } else { agent.to_owned() }
}

/// Returns the lines that a step wrote, in the content it left.
fn written(step: &StepRow, after: &Snapshot) -> Result<Vec<Range<usize>>, StateError> {
    let total = after.line_count();
    let Some(packed) = step.edits.as_ref().filter(|_| step.step.kind == StepKind::Modify) else {
        return Ok(View::all(total).ranges().to_vec());
    };
    let mut shift = 0_i64;
    let places = unpack_edits(packed)?.1.into_iter().map(|edit| {
        let start = (edit.start as i64 + shift) as usize;
        shift += edit.inserted.len() as i64 - edit.removed.len() as i64;
        let end = start + edit.inserted.len();
        let first = after.lines.line_at(start.min(after.bytes.len()));
        match edit.inserted.is_empty() {
            // Where lines went, the line that follows stands for them.
            true => first.min(total.saturating_sub(1))..(first + 1).min(total),
            false => first..(after.lines.line_at(end - 1) + 1).min(total),
        }
    });
    Ok(View::of(places.filter(|lines| !lines.is_empty())).ranges().to_vec())
}

/// Returns where lines of a content stand now; those that do not are left out.
fn follow(
    service: &Service,
    path: &RelPath,
    from: &Snapshot,
    now: &Snapshot,
    lines: &[Range<usize>],
) -> Vec<LineRange> {
    let Ok(since) = service.workspace.since(path, &from.hash, &now.hash) else {
        return Vec::new();
    };
    let trail = Trail::of(&since, from, now, path.as_str(), Some(&*service.syntax));
    let mut there = View::default();
    for range in lines {
        match trail.follow(range) {
            Some(whole) => {
                there.add(whole);
            }
            None => {
                let single = range.clone().take(LINES).map(|line| line..line + 1);
                single.filter_map(|line| trail.follow(&line)).for_each(|line| {
                    there.add(line);
                });
            }
        }
    }
    there.ranges().iter().map(lines_of).collect()
}

fn setbacks(service: &Service, path: &RelPath, now: &Snapshot) -> Vec<Setback> {
    let known: Vec<Refused> = {
        let mut setbacks = service.looks.lock();
        setbacks.retain(|one| one.setback.at_ms + SETBACK_MS > now_ms());
        setbacks.iter().filter(|one| one.path == *path).cloned().collect()
    };
    let placed = |refused: Refused| {
        let of = refused.of.and_then(|hash| service.workspace.content(path, &hash).ok());
        let lines = of.map(|of| follow(service, path, &of, now, &refused.lines));
        Setback { lines: lines.unwrap_or_default(), ..refused.setback }
    };
    known.into_iter().map(placed).collect()
}

/// Notes that a person has looked at what agents did to a file: at one
/// operation, or at all of them, and at what was refused.
pub(in crate::service) fn accept(
    service: &Service,
    accept: &Accept,
    session: &Session,
) -> Result<Reply, Fault> {
    let path = match service.workspace.locate(&accept.path) {
        Ok(path) => path,
        Err(refusal) => return Rejected::of(refusal).answer(service, session, "buffer.rejected"),
    };
    let state = &service.workspace.state;
    let rows = state.operations(None, Some(path.as_str()), OPERATIONS).map_err(internal)?;
    let mut accepted = service.looks.accepted(service).map_err(internal)?;
    for row in rows {
        let is_meant = accept.operation.is_none_or(|operation| operation == row.id);
        if is_meant && accepted.insert(row.id) {
            let data = serde_json::json!({ "path": path.as_str() }).to_string();
            let event =
                state.append_event(now_ms(), ACCEPTED, &session.row.id, Some(row.id), &data);
            event.map_err(internal)?;
        }
    }
    drop(accepted);
    if accept.operation.is_none() {
        service.looks.lock().retain(|one| one.path != path);
    }
    service.mail.news(&path, &service.workspace.buffers.editors_of(&path));
    Ok(plain(Response::Done))
}

/// Returns where lines of a content stand now.
pub(in crate::service) fn resolve(
    service: &Service,
    request: &Resolve,
    session: &Session,
) -> Result<Reply, Fault> {
    let resolved = || -> Result<Resolved, Refusal> {
        let (path, now, handle) = content(service, &request.path, None)?;
        let hash = service.workspace.named(&path, request.handle)?;
        let from = service.workspace.content(&path, &hash)?;
        let (first, last) = request.lines;
        if first == 0 || last < first || last > from.line_count() {
            let text = format!("lines {first}-{last} are none of handle {}", request.handle);
            return Err(Refusal::new(Code::Malformed, text).at(path.as_str()));
        }
        let span = span_of(request.lines);
        let since = service.workspace.since(&path, &hash, &now.hash);
        let since = since.map_err(|error| state_refusal(&error))?;
        let trail = Trail::of(&since, &from, &now, path.as_str(), Some(&*service.syntax));
        let lines = trail.follow(&span).map(|there| lines_of(&there));
        Ok(Resolved { path: path.as_str().to_owned(), handle, lines })
    };
    match resolved() {
        Ok(resolved) => Ok(plain(Response::Resolved(resolved))),
        Err(refusal) => Rejected::of(refusal).answer(service, session, "buffer.rejected"),
    }
}
