//! From a plan to an operation: slots, swaps, facts, and the answer.

use std::collections::HashMap;
use std::sync::Arc;

use engine::anchor::{Gutter, Handle, View, render, span_of};
use engine::apply::{Committed, Contents, Context, Failed, Transaction};
use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::hash::ContentHash;
use engine::plan::{FilePlan, Outcome, Plan, Planned};
use engine::snapshot::Snapshot;
use engine::store::{Cas, Fs, Intent, Like, RelPath, Slot, Step, StepKind, Trouble};
use serde::Serialize;
use serde_json::json;

use super::editor::{self, InEditor};
use super::stored::StoredAnswer;
use crate::service::api::{EditAnswer, FileAnswer};
use crate::service::buffers::Held;
use crate::service::ledger::Job;
use crate::service::session::Session;
use crate::service::sweep::Displaced;
use crate::service::workspace::{Workspace, state_refusal};
use crate::service::{Service, now_ms};
use crate::state::{Facts, KnownLines, NewHandle, OperationJournal, OperationRecord, pack_edits};

/// An operation to be carried out.
pub(super) struct Operation<'a> {
    /// What is to be done.
    pub(super) plan: &'a Plan,
    /// For each file of the plan, the lines of its content of now that the
    /// session knows.
    pub(super) views: Vec<View>,
    /// Who wrote the new lines.
    pub(super) author: Author,
    /// Kind, format, reason and name of the operation.
    pub(super) record: OperationRecord,
    /// The event of the first attempt, if this is a retry.
    pub(super) chain: Option<i64>,
    /// Whether it may go to files and to documents of editors at once.
    pub(super) allow_mixed: bool,
    /// Slots whose attributes the files that are made get, by their paths.
    pub(super) like: HashMap<String, Slot>,
}

/// Who wrote the new lines of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// The session, which therefore knows them.
    Session,
    /// A language server: the session knows those that the answer shows.
    Server,
}

/// An operation that took effect.
pub(super) struct Done {
    pub(super) answer: EditAnswer,
    /// The event it left.
    pub(super) event: i64,
}

/// Rows shown before and after lines that landed elsewhere.
const CONTEXT: usize = 2;

/// Rows shown of one file that a language server changed.
const SERVER_ROWS: usize = 40;

/// Carries out an operation, whose files the caller holds the turn at: what is
/// open in editors there, the rest on the disk.
///
/// # Errors
/// `stale` where a file was written to since the plan was made, and whatever
/// else speaks against a swap. Nothing has changed then.
pub(super) fn carry_out(
    service: &Service,
    session: &Session,
    operation: Operation<'_>,
) -> Result<Done, Refusal> {
    let workspace = &*service.workspace;
    let _admitted = workspace.health.admit(workspace, service.durability)?;
    let Operation { plan, views, author, mut record, chain, like, allow_mixed } = operation;
    for before in plan.files.iter().filter_map(|file| file.action.before()) {
        service.ledger.wait_for(&before.hash);
    }
    let mut files: Vec<Target> = plan
        .files
        .iter()
        .zip(views)
        .map(|(file, view)| Target::of(workspace, file, view, author))
        .collect::<Result<_, _>>()?;
    let mut held = hold(service, &mut files, plan)?;
    let mut answer = EditAnswer { applied: true, ..EditAnswer::default() };
    answer.files =
        files.iter().zip(&plan.files).map(|(target, file)| target.answer(file)).collect();
    let tx = workspace.state.next_operation();
    let (mut steps, mut in_editors) = (Vec::new(), Vec::new());
    for (index, (target, file)) in files.iter().zip(&plan.files).enumerate() {
        match held[index].take() {
            Some(held) => {
                in_editors.extend(target.in_editor(file, held));
                answer.files[index].in_buffer = true;
            }
            None => {
                let like = like.get(&file.path).map(Like::Slot);
                target.push_steps(workspace, file, tx, like, &mut steps)?;
            }
        }
    }
    if steps.is_empty() && in_editors.is_empty() {
        let event = record_idle(service, session, &record, plan, chain)?;
        return Ok(Done { answer, event });
    }
    editor::check_mixed(&in_editors, plan.files.len(), allow_mixed)?;
    record.session = session.row.id.clone();
    record.at_ms = now_ms();
    if record.op_id.is_some() {
        record.answer = serde_json::to_string(&StoredAnswer::from(&answer)).unwrap_or_default();
    }
    record.handles = files.iter().filter_map(|target| target.new.clone()).collect();
    record.edits = steps.iter().map(|(_, part)| part.edits.clone()).collect();
    record.in_editors = in_editors.iter().map(editor_step).collect();
    let facts = Facts {
        views: facts_of(&files, session, workspace)?,
        event: describe(&record, &steps, chain),
    };
    let label = label(session, &record);
    let journal = OperationJournal::new(&workspace.state, record, facts);
    let committed = take_effect(service, &journal, tx, &steps, (&in_editors, &label))?;
    for (target, answer) in files.iter().zip(&answer.files) {
        target.remember(workspace, session, answer.in_buffer)?;
    }
    service.languages.wrote(&plan.files);
    // A ledger that is too full to be told looks at them before they go.
    let _told = service.ledger.send(Job::Slots(displaced(tx, &steps)));
    answer.operation = Some(tx);
    answer.unflushed = committed.unflushed.is_some();
    name_weak_swaps(&mut answer, &steps, &committed.cas);
    tell(service, session, &files, tx);
    Ok(Done { answer, event: journal.event() })
}

/// Returns for each file what an editor holds of it, if its change is to be made
/// there; refuses what cannot be carried out.
fn hold(
    service: &Service,
    files: &mut [Target],
    plan: &Plan,
) -> Result<Vec<Option<Held>>, Refusal> {
    let workspace = &*service.workspace;
    let mut held = Vec::with_capacity(files.len());
    for (target, file) in files.iter_mut().zip(&plan.files) {
        target.check(workspace, file)?;
        let holder = editor::holder(service, &target.path, file)?;
        if holder.is_some() {
            target.name(workspace)?;
        }
        held.push(holder);
    }
    Ok(held)
}

/// Makes it so: the slots are written, the editors asked, the files swapped.
fn take_effect(
    service: &Service,
    journal: &OperationJournal<'_>,
    tx: u64,
    steps: &[(Step, Part<'_>)],
    (in_editors, label): (&[InEditor<'_>], &str),
) -> Result<Committed, Refusal> {
    let workspace = &*service.workspace;
    if steps.is_empty() {
        editor::carry_out(service, in_editors, label)?;
        let noted = journal.note(tx).map_err(|error| state_refusal(&error));
        return noted.map(|()| Committed { cas: Vec::new(), unflushed: None }).inspect_err(|_| {
            editor::take_back(service, in_editors, label);
        });
    }
    let context = Context { fs: &workspace.fs, journal, durability: service.durability };
    let contents = steps.iter().map(|(_, part)| part.contents).collect();
    let intent = Intent { tx, steps: steps.iter().map(|(step, _)| step.clone()).collect() };
    let heed = |failed: &Failed| workspace.health.heed(workspace, failed);
    let mut prepared = Transaction::new(context, intent, contents).prepare().inspect_err(heed)?;
    if let Err(refusal) = editor::carry_out(service, in_editors, label) {
        prepared.roll_back().inspect_err(heed)?;
        return Err(refusal);
    }
    let committed = prepared.commit().inspect_err(|failed| {
        heed(failed);
        editor::take_back(service, in_editors, label);
    })?;
    if let Some(refusal) = &committed.unflushed {
        workspace.health.enter(Trouble::Flush, &refusal.message);
    }
    Ok(committed)
}

/// Returns what an editor calls the edit.
fn label(session: &Session, record: &OperationRecord) -> String {
    let who = Some(&session.row.agent).filter(|agent| !agent.is_empty());
    let who = who.unwrap_or(&session.row.client);
    match &record.why {
        Some(why) => format!("{who}: {why}"),
        None => format!("{who}: {}", record.kind),
    }
}

/// Tells those who have seen the files, or have them open.
fn tell(service: &Service, session: &Session, files: &[Target], operation: u64) {
    if !service.mail.is_heard() {
        return;
    }
    let who = Some(&session.row.agent).filter(|agent| !agent.is_empty());
    let names: Vec<&str> = files.iter().map(|target| target.to.as_str()).collect();
    let what = format!("edited {}", names.join(", "));
    service.mail.work(&session.row.id, who.unwrap_or(&session.row.client), &what);
    for target in files {
        if let Some(after) = &target.after {
            service.mail.saw(&session.row.id, &target.to, after.hash);
        }
        for path in [&target.path, &target.to] {
            service.looks.landed(&session.row.id, path);
            service.mail.touched(path, Some(&session.row.id), Some(operation));
            service.mail.news(path, &service.workspace.buffers.editors_of(path));
        }
    }
}

/// Returns what was done in a document, as it is written down: it displaced
/// nothing on the disk.
fn editor_step(edit: &InEditor<'_>) -> (Step, Option<Vec<u8>>) {
    let before = &edit.held.content;
    let step = Step {
        path: edit.path.clone(),
        kind: StepKind::Modify,
        before: Some(before.hash),
        after: Some(edit.after.hash),
        slot: Slot { beside: None, name: String::new() },
    };
    (step, Some(pack(edit.change, before)))
}

/// Returns what the steps of an operation displaced.
fn displaced(operation: u64, steps: &[(Step, Part<'_>)]) -> Vec<Displaced> {
    let displaced = |(step, part): &(Step, Part<'_>)| {
        let took = matches!(step.kind, StepKind::Modify | StepKind::Remove);
        let before = step.before.filter(|_| took)?;
        let bytes = part.contents.before.map_or(0, |bytes| bytes.len() as u64);
        Some(Displaced {
            operation,
            path: step.path.clone(),
            slot: step.slot.clone(),
            before,
            bytes,
        })
    };
    steps.iter().filter_map(displaced).collect()
}

/// What a file is to become.
struct Target {
    path: RelPath,
    /// Where it stands afterwards.
    to: RelPath,
    /// Its content afterwards.
    after: Option<Arc<Snapshot>>,
    /// The name of that content.
    handle: Option<Handle>,
    /// What has to be written down of it, if it is a new one.
    new: Option<NewHandle>,
    /// What the session knows of that content.
    view: View,
    /// The lines that the answer shows.
    window: View,
}

/// What a step needs besides its description.
struct Part<'a> {
    contents: Contents<'a>,
    edits: Option<Vec<u8>>,
}

impl Target {
    fn of(
        workspace: &Workspace,
        file: &FilePlan,
        view: View,
        author: Author,
    ) -> Result<Target, Refusal> {
        let path = RelPath::parse(&file.path).map_err(bad_path)?;
        let is_known = author == Author::Session;
        let mut to = path.clone();
        let (after, mut view) = match &file.action {
            Planned::Modify { before, change, hunks } => {
                (Some(Arc::new(before.after(change))), view.through(hunks, is_known))
            }
            Planned::Create { bytes } => {
                let after = Snapshot::of(bytes.clone());
                let view = if is_known { View::all(after.line_count()) } else { View::default() };
                (Some(Arc::new(after)), view)
            }
            Planned::Remove { .. } => (None, View::default()),
            Planned::Move { before, to: target, .. } => {
                to = RelPath::parse(target).map_err(bad_path)?;
                (Some(Arc::clone(before)), view)
            }
            Planned::EditAndMove { before, change, hunks, to: target, .. } => {
                to = RelPath::parse(target).map_err(bad_path)?;
                (Some(Arc::new(before.after(change))), view.through(hunks, is_known))
            }
            Planned::Keep { now } => (Some(Arc::clone(now)), view),
        };
        let window = after.as_ref().map(|after| match author {
            Author::Session => moved_rows(after, &file.ops),
            Author::Server => changed_rows(after, &file.ops),
        });
        let window = window.unwrap_or_default();
        // What the window shows is seen.
        window.ranges().iter().for_each(|rows| {
            view.add(rows.clone());
        });
        let named = after.as_ref().map(|after| workspace.handle_for(&to, &after.hash)).transpose();
        let (handle, new) = match named.map_err(|error| state_refusal(&error))? {
            Some((handle, new)) => (Some(handle), new),
            None => (None, None),
        };
        Ok(Target { path, to, after, handle, new, view, window })
    }

    /// Refuses what could not be swapped without losing something, and what
    /// would grow beyond the limit.
    fn check(&self, workspace: &Workspace, file: &FilePlan) -> Result<(), Refusal> {
        let size = self.after.as_ref().map_or(0, |after| after.bytes.len() as u64);
        let limit = workspace.limits.file_bytes;
        if size > limit {
            let text = format!("the file would have {size} bytes, the limit is {limit}");
            return Err(Refusal::new(Code::TooLarge, text).at(&file.path));
        }
        match &file.action {
            // What is staged is checked as it is staged.
            Planned::Create { .. } | Planned::Keep { .. } | Planned::Modify { .. } => Ok(()),
            Planned::Remove { .. }
            | Planned::Move { replaced: None, .. }
            | Planned::EditAndMove { replaced: None, .. } => check_writable(workspace, &self.path),
            Planned::Move { replaced: Some(_), .. }
            | Planned::EditAndMove { replaced: Some(_), .. } => {
                check_writable(workspace, &self.to)?;
                check_writable(workspace, &self.path)
            }
        }
    }

    fn push_steps<'a>(
        &'a self,
        workspace: &Workspace,
        file: &'a FilePlan,
        tx: u64,
        restored: Option<Like<'a>>,
        steps: &mut Vec<(Step, Part<'a>)>,
    ) -> Result<(), Refusal> {
        let hash = |snapshot: &Arc<Snapshot>| Some(snapshot.hash);
        let after = self.after.as_deref();
        let mut push = |path: &RelPath,
                        kind,
                        before: Option<&'a Arc<Snapshot>>,
                        new: Option<&'a Snapshot>,
                        edits,
                        like| {
            let slot = workspace.fs.slot_for(tx, steps.len(), path);
            let slot = slot.map_err(|error| workspace.health.refuse(workspace, &error, path))?;
            let contents = Contents {
                before: before.map(|snapshot| &snapshot.bytes[..]),
                after: new.map(|snapshot| &snapshot.bytes[..]),
                like,
            };
            let (before, after) = (before.and_then(hash), new.map(|new| new.hash));
            let step = Step { path: path.clone(), kind, before, after, slot };
            steps.push((step, Part { contents, edits }));
            Ok::<(), Refusal>(())
        };
        match &file.action {
            Planned::Keep { .. } => Ok(()),
            Planned::Modify { before, change, .. } => {
                let edits = Some(pack(change, before));
                push(&self.path, StepKind::Modify, Some(before), after, edits, None)
            }
            Planned::Create { .. } => {
                push(&self.path, StepKind::Create, None, after, None, restored)
            }
            Planned::Remove { before } => {
                push(&self.path, StepKind::Remove, Some(before), None, None, None)
            }
            Planned::EditAndMove { before, replaced, .. } => {
                if let Some(replaced) = replaced {
                    push(&self.to, StepKind::Remove, Some(replaced), None, None, None)?;
                }
                // The new file takes the attributes of the old one, which goes.
                push(&self.to, StepKind::Create, None, after, None, Some(Like::File(&self.path)))?;
                push(&self.path, StepKind::Remove, Some(before), None, None, None)
            }
            Planned::Move { before, replaced, .. } => {
                if let Some(replaced) = replaced {
                    push(&self.to, StepKind::Remove, Some(replaced), None, None, None)?;
                }
                let kind = StepKind::Move { to: self.to.clone() };
                push(&self.path, kind, Some(before), None, None, None)
            }
        }
    }

    /// Names the content at once: others see it in the editor before the operation
    /// is written down, and may name it themselves.
    fn name(&mut self, workspace: &Workspace) -> Result<(), Refusal> {
        let Some(after) = &self.after else { return Ok(()) };
        let handle = workspace.handle_of(&self.to, &after.hash);
        self.handle = Some(handle.map_err(|error| state_refusal(&error))?);
        self.new = None;
        Ok(())
    }

    /// Returns what an editor has to do to the document that it holds.
    fn in_editor<'a>(&self, file: &'a FilePlan, held: Held) -> Option<InEditor<'a>> {
        let Planned::Modify { change, .. } = &file.action else { return None };
        let after = Arc::clone(self.after.as_ref()?);
        Some(InEditor { path: self.path.clone(), held, change, after })
    }

    fn answer(&self, file: &FilePlan) -> FileAnswer {
        FileAnswer {
            path: self.to.as_str().to_owned(),
            handle: self.handle,
            ops: file.ops.clone(),
            window: self.window(),
            cas: None,
            in_buffer: false,
        }
    }

    /// Returns the rows that the answer shows.
    fn window(&self) -> Option<String> {
        let (after, rows) = (self.after.as_ref()?, self.window.ranges());
        (!rows.is_empty()).then(|| render(after, rows, Gutter::Tab))
    }

    fn remember(
        &self,
        workspace: &Workspace,
        session: &Session,
        in_buffer: bool,
    ) -> Result<(), Refusal> {
        if self.path != self.to || self.after.is_none() {
            workspace.forget(&self.path);
        }
        if let (Some(after), Some(handle)) = (&self.after, self.handle) {
            workspace.named_anew(handle, &self.to, &after.hash);
            if !in_buffer {
                workspace.wrote(&self.to, after);
            }
            session.remember(handle, self.whole_view(session, workspace)?);
        }
        Ok(())
    }

    /// Returns what the session knows of the content, counting what it knew of
    /// the same content before.
    fn whole_view(&self, session: &Session, workspace: &Workspace) -> Result<View, Refusal> {
        let Some(handle) = self.handle.filter(|_| self.new.is_none()) else {
            // Nobody was ever shown what has had no name until now.
            return Ok(self.view.clone());
        };
        let known =
            session.view(handle, &workspace.state).map_err(|error| state_refusal(&error))?;
        let mut view = self.view.clone();
        for range in known.unwrap_or_default().ranges() {
            view.add(range.clone());
        }
        Ok(view)
    }
}

fn check_writable(workspace: &Workspace, path: &RelPath) -> Result<(), Refusal> {
    workspace.fs.check_writable(path).map_err(|error| error.refuse(path))
}

/// Returns the lines around operations that landed on other lines than named.
fn moved_rows(after: &Snapshot, ops: &[Outcome]) -> View {
    let moved = ops.iter().filter(|op| op.relocated != 0).map(|op| {
        let span = span_of(op.lines);
        let end = span.end.max(span.start) + CONTEXT;
        span.start.saturating_sub(CONTEXT)..end.min(after.line_count())
    });
    View::of(moved)
}

/// Returns the first of the lines that operations wrote.
fn changed_rows(after: &Snapshot, ops: &[Outcome]) -> View {
    let mut left = SERVER_ROWS;
    let total = after.line_count();
    let rows = ops.iter().map(|op| {
        let span = span_of(op.lines);
        let end = span.end.min(span.start + left).min(total);
        left -= end.saturating_sub(span.start);
        span.start.min(end)..end
    });
    View::of(rows.filter(|rows| !rows.is_empty()).collect::<Vec<_>>())
}

/// Returns a change as it is stored.
fn pack(change: &Change, before: &Snapshot) -> Vec<u8> {
    let edits = change.edits().iter();
    let edits =
        edits.map(|edit| (edit.range.start, &before.bytes[edit.range.clone()], &edit.text[..]));
    pack_edits(change.before_len(), edits)
}

fn facts_of(
    files: &[Target],
    session: &Session,
    workspace: &Workspace,
) -> Result<Vec<KnownLines>, Refusal> {
    let fact = |target: &Target| {
        let handle = target.handle?;
        let view = target.whole_view(session, workspace);
        Some(view.map(|view| (handle.number(), view.ranges().to_vec())))
    };
    files.iter().filter_map(fact).collect()
}

/// The particulars of the event of an operation.
#[derive(Serialize)]
struct Particulars<'a> {
    format: &'a str,
    why: Option<&'a str>,
    target: Option<u64>,
    chain: Option<i64>,
    files: Vec<FileParticulars<'a>>,
}

/// Which bytes of a file became which.
#[derive(Serialize)]
struct FileParticulars<'a> {
    path: &'a str,
    kind: &'static str,
    to: Option<&'a str>,
    before: Option<String>,
    after: Option<String>,
    bytes: [Option<usize>; 2],
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    place: Option<&'static str>,
}

/// Returns the particulars of the event: which bytes became which.
fn describe(record: &OperationRecord, steps: &[(Step, Part<'_>)], chain: Option<i64>) -> String {
    let hex = |hash: Option<ContentHash>| hash.map(ContentHash::to_hex);
    let files = steps.iter().map(|(step, part)| {
        let (kind, to) = match &step.kind {
            StepKind::Modify => ("modify", None),
            StepKind::Create => ("create", None),
            StepKind::Remove => ("remove", None),
            StepKind::Move { to } => ("move", Some(to.as_str())),
        };
        let size = |bytes: Option<&[u8]>| bytes.map(<[u8]>::len);
        FileParticulars {
            path: step.path.as_str(),
            kind,
            to,
            before: hex(step.before),
            after: hex(step.after),
            bytes: [size(part.contents.before), size(part.contents.after)],
            place: None,
        }
    });
    let in_editors = record.in_editors.iter().map(|(step, _)| FileParticulars {
        path: step.path.as_str(),
        kind: "modify",
        to: None,
        before: hex(step.before),
        after: hex(step.after),
        bytes: [None, None],
        place: Some("buffer"),
    });
    let particulars = Particulars {
        format: &record.format,
        why: record.why.as_deref(),
        target: record.target,
        chain,
        files: files.chain(in_editors).collect(),
    };
    serde_json::to_string(&particulars).unwrap_or_default()
}

/// Records an edit that found all its work done.
fn record_idle(
    service: &Service,
    session: &Session,
    record: &OperationRecord,
    plan: &Plan,
    chain: Option<i64>,
) -> Result<i64, Refusal> {
    let paths: Vec<&str> = plan.files.iter().map(|file| file.path.as_str()).collect();
    let data = json!({ "format": record.format, "already": paths, "chain": chain }).to_string();
    let state = &service.workspace.state;
    let event = state.append_event(now_ms(), "edit.applied", &session.row.id, None, &data);
    event.map_err(|error| state_refusal(&error))
}

/// Names, in the answer, the files whose swap was protected less than strictly.
fn name_weak_swaps(answer: &mut EditAnswer, steps: &[(Step, Part<'_>)], cas: &[Cas]) {
    for ((step, _), cas) in steps.iter().zip(cas) {
        let path = step.new_path().as_str();
        let file = answer.files.iter_mut().find(|file| file.path == path);
        if let Some(file) = file.filter(|_| *cas != Cas::Strict) {
            file.cas = Some(*cas);
        }
    }
}

fn bad_path(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::Malformed, error.to_string())
}
