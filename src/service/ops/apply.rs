//! `edit/apply`: plan a script against what the session saw, and carry it out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use engine::anchor::{Gutter, Handle, View, lines_of, render};
use engine::drift::{Drifted, Since, Trail};
use engine::error::{Code, Refusal};
use engine::format::{self, Action, Body, Draft, FileScript, Given, OpKind, Script};
use engine::plan::{self, FileState, Plan, Refused, Seen};
use engine::snapshot::Snapshot;
use engine::store::RelPath;

use super::draft::{self, Read, Written};
use super::lint;
use super::reject::{Cure, Rejected, Rows};
use super::rule::{self, Verdict, Watch};
use super::stored::{RETRY_VERSION, Reason, RetryRecord, StoredAnswer, StoredText};
use super::syntax;
use super::transact::{Author, Done, Operation, carry_out};
use super::verify::{self, Asked};
use crate::service::Service;
use crate::service::api::{
    Apply, Attempt, DeltaHunk, EditAnswer, Fault, FileAnswer, LintNote, Policy, Reply, Response,
    Source, Texts,
};
use crate::service::session::Session;
use crate::service::workspace::state_refusal;
use crate::state::OperationRecord;

/// The format whose scripts name lines by themselves.
const ANCHOR: &str = "anchor";

/// What stands for the format of a text that is to be recognised.
pub(super) const AUTO: &str = "auto";

/// How often a file may be written to under our eyes before we give up.
const TRIES: usize = 3;

/// Lines shown of a file that was to be removed or moved, but changed.
const FIRST_LOOK: usize = 40;

/// Returns what became of the edit.
pub(in crate::service) fn apply(
    service: &Service,
    apply: Apply,
    session: &Session,
) -> Result<Reply, Fault> {
    let watch = Watch::new(apply.dry_run);
    apply_watched(service, apply, session, watch)
}

/// Returns what became of an edit that the user's rules look at by `watch`.
pub(super) fn apply_watched(
    service: &Service,
    mut apply: Apply,
    session: &Session,
    watch: Watch,
) -> Result<Reply, Fault> {
    if apply.format != AUTO {
        return apply_known(service, apply, session, watch);
    }
    match recognised(&mut apply) {
        Ok(()) => {
            let format = apply.format.clone();
            let mut reply = apply_known(service, apply, session, watch)?;
            match &mut reply.response {
                Response::Edit(answer) => answer.format = Some(format),
                Response::Rejected(rejection) => rejection.format = Some(format),
                _ => {}
            }
            Ok(reply)
        }
        Err(refusal) => {
            let text = apply.text().as_deref().into_iter().collect();
            let rejected = Rejected::of(refusal).of_edit(AUTO, text, None);
            rejected.answer(service, session, "edit.rejected")
        }
    }
}

/// Puts the format that a reply is in, and the part of it that is the edit, in
/// the place of the reply.
fn recognised(apply: &mut Apply) -> Result<(), Refusal> {
    let text = match &apply.source {
        Source::Text(text) => text,
        Source::Script(_) => {
            let text = "the format auto comes as text, not as files";
            return Err(Refusal::new(Code::Malformed, text));
        }
        Source::Malformed(refusal) => return Err(refusal.clone()),
    };
    let found = format::recognise(text, Given::default())?;
    let text = found.text.to_owned();
    apply.format = found.name.to_owned();
    apply.source = Source::Text(text);
    Ok(())
}

fn apply_known(
    service: &Service,
    mut apply: Apply,
    session: &Session,
    watch: Watch,
) -> Result<Reply, Fault> {
    // People and models slip when they write text; a program that fills in
    // fields has seen to that itself.
    let usual = if matches!(apply.source, Source::Text(_)) { Policy::Reject } else { Policy::Warn };
    apply.verify.usual_lint.get_or_insert(usual);
    apply.verify.lsp.get_or_insert(service.languages.standard.verify);
    match read(service, session, &apply, watch)? {
        Ok(read) => attempt(service, Edit::of(read, apply), session, None),
        Err(rejected) => {
            let format = std::mem::take(&mut apply.format);
            let text = apply.text().as_deref().into_iter().collect();
            let rejected = rejected.of_edit(&format, text, None);
            rejected.answer(service, session, "edit.rejected")
        }
    }
}

/// An edit that was understood.
pub(super) struct Edit {
    pub(super) script: Script,
    /// How it was asked for; its source has been read.
    pub(super) apply: Apply,
    /// What its author has to know of how its places were found.
    pub(super) notes: Vec<LintNote>,
    /// The new texts and the old ones, where the script does not say them as
    /// they were written.
    pub(super) texts: Option<(Texts, Texts)>,
}

impl Edit {
    pub(super) fn of(read: Read, mut apply: Apply) -> Edit {
        let Read { script, notes, texts } = read;
        // One that was given is taken, not copied.
        let given = std::mem::replace(&mut apply.source, Source::Script(Script::default()));
        let script = script.unwrap_or_else(|| match given {
            Source::Script(given) => given,
            Source::Text(_) | Source::Malformed(_) => Script::default(),
        });
        Edit { script, apply, notes, texts }
    }
}

/// Returns the script that was asked for.
fn read(
    service: &Service,
    session: &Session,
    apply: &Apply,
    watch: Watch,
) -> Result<Result<Read, Rejected>, Fault> {
    let wanted = match wanted(apply) {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Err(Rejected::of(refusal))),
    };
    let verdict = match service.user_rules() {
        Err(refusal) => return Ok(Err(Rejected::of(refusal))),
        Ok(rules) if rules.is_empty() => Verdict::default(),
        Ok(rules) => rule::check((service, rules), session, &wanted.draft(), watch)?,
    };
    if let Some(refusal) = verdict.refusal {
        return Ok(Err(ruled_out(refusal, verdict.asks, apply, &wanted)));
    }
    let read = match wanted {
        Wanted::Script(script) => {
            let script = match script {
                Cow::Borrowed(_) => None,
                Cow::Owned(script) => Some(script),
            };
            Ok(Read { script, notes: Vec::new(), texts: None })
        }
        Wanted::Draft(draft, text) => {
            let written = Written { text, choices: Vec::new(), at: None, chain: None };
            draft::settle(service, session, apply, &draft, written)
        }
    };
    Ok(read.map(|mut read| {
        read.notes.extend(verdict.notes);
        read
    }))
}

/// What an edit asks for, before anybody looked at a file.
enum Wanted<'a> {
    /// It names lines by their numbers.
    Script(Cow<'a, Script>),
    /// It names them otherwise, in this text.
    Draft(Draft, &'a str),
}

impl Wanted<'_> {
    fn draft(&self) -> Draft {
        match self {
            Wanted::Script(script) => Script::clone(script).into(),
            Wanted::Draft(draft, _) => draft.clone(),
        }
    }
}

/// Returns what was asked for, in whichever form.
fn wanted(apply: &Apply) -> Result<Wanted<'_>, Refusal> {
    match &apply.source {
        _ if !format::NAMES.contains(&apply.format.as_str()) => {
            let known = format::NAMES.join(", ");
            let text =
                format!("format {:?} is not known; known are: {known}, {AUTO}", apply.format);
            Err(Refusal::new(Code::Unsupported, text))
        }
        Source::Script(_) if apply.format != ANCHOR => {
            let text = format!("the format {} comes as text, not as files", apply.format);
            Err(Refusal::new(Code::Malformed, text))
        }
        Source::Script(script) => Ok(Wanted::Script(Cow::Borrowed(script))),
        Source::Text(text) if apply.format == ANCHOR => {
            Ok(Wanted::Script(Cow::Owned(format::parse(text)?)))
        }
        Source::Text(text) => {
            let draft = format::read(&apply.format, text, Given::default())?;
            Ok(Wanted::Draft(draft, text))
        }
        Source::Malformed(refusal) => Err(refusal.clone()),
    }
}

/// Returns an edit that a rule of the user refuses; one that may be consented to
/// waits for that, under the rules that ask.
fn ruled_out(refusal: Refusal, rules: Vec<String>, apply: &Apply, wanted: &Wanted<'_>) -> Rejected {
    let may_consent = refusal.code == Code::Approval;
    let rejected = Rejected::of(refusal);
    if apply.dry_run || !may_consent {
        return rejected;
    }
    rejected.waiting(match wanted {
        Wanted::Script(script) => {
            RetryRecord { rules, ..record(apply, script, None, 0, None, &[]) }
        }
        Wanted::Draft(_, text) => RetryRecord {
            text: Some(StoredText::new(text, &[])),
            rules,
            ..record(apply, &Script::default(), None, 0, None, &[])
        },
    })
}

/// Tries an edit; `chain` is the event of the first attempt, if this is a retry.
pub(super) fn attempt(
    service: &Service,
    mut edit: Edit,
    session: &Session,
    chain: Option<i64>,
) -> Result<Reply, Fault> {
    let (new_text, old_text) = edit.texts.take().unwrap_or_else(|| texts(&edit.script));
    match try_edit(service, &mut edit, session, chain) {
        Ok((Done { mut answer, event }, asked)) => {
            // The turn at the files is over: nobody waits for the servers but
            // who asked for their word.
            answer.diagnostics = asked.and_then(|asked| asked.answer(service, session));
            let attempt = Attempt { event, new_text, old_text, ..Attempt::default() };
            let attempt = Some(attempt).filter(|attempt| attempt.event > 0);
            Ok(Reply { response: Response::Edit(answer), attempt })
        }
        Err(rejected) => {
            let rejected = rejected.of_edit(&edit.apply.format, new_text, chain);
            rejected.answer(service, session, "edit.rejected")
        }
    }
}

fn try_edit(
    service: &Service,
    edit: &mut Edit,
    session: &Session,
    chain: Option<i64>,
) -> Result<(Done, Option<Asked>), Rejected> {
    let limits = &service.workspace.limits;
    check_size(&edit.script, limits.operations, limits.files).map_err(Rejected::of)?;
    let paths = locate(service, &mut edit.script).map_err(Rejected::of)?;
    let edit = &*edit;
    let turn = service.turn(paths.clone());
    let _turn = turn.map_err(|refusal| waiting(refusal, edit, chain))?;
    let before = done_before(service, edit.apply.op_id.as_deref(), session);
    if let Some(done) = before.map_err(Rejected::of)? {
        return Ok((done, None));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let states = gather(service, session, &edit.script)
            .map_err(|refusal| waiting(refusal, edit, chain))?;
        let options =
            plan::Options { constructs: Some(&*service.syntax), relocate: edit.apply.relocate };
        let plan = plan::plan(&edit.script, &states, &options).map_err(|refused| {
            explain_plan(service, refused, &states, &edit.script, edit, chain)
        })?;
        let mut lints = lint::check(service, edit, &states, chain)?;
        lints.extend(syntax::check(service, edit, &plan, chain)?);
        lints.extend(edit.notes.iter().cloned());
        let asked = verify::ask(service, edit, &plan, chain)?;
        if edit.apply.dry_run {
            return Ok((checked(&plan, lints), asked.filter(Asked::is_early)));
        }
        let views = views_of_now(service, session, &edit.script, &states)
            .map_err(|refusal| waiting(refusal, edit, chain))?;
        let record = OperationRecord {
            kind: "edit".into(),
            format: edit.apply.format.clone(),
            op_id: edit.apply.op_id.clone(),
            why: edit.apply.why.clone(),
            ..OperationRecord::default()
        };
        let (author, like) = (Author::Session, HashMap::new());
        let allow_mixed = edit.apply.allow_mixed;
        let operation = Operation { plan: &plan, views, author, record, chain, like, allow_mixed };
        match carry_out(service, session, operation) {
            Err(refusal) if is_in_editor(service, &refusal) => {
                return Err(overtaken(service, session, refusal, edit, chain));
            }
            // Somebody wrote to a file since we looked: look again.
            Err(refusal) if refusal.code == Code::Stale && tries < TRIES => {
                paths.iter().for_each(|path| service.workspace.forget(path));
            }
            Err(refusal) => return Err(waiting(refusal, edit, chain)),
            Ok(mut done) => {
                done.answer.lints = lints;
                return Ok((done, asked));
            }
        }
    }
}

/// Returns whether an edit was overtaken by somebody who types in an editor: it
/// is not tried again then, since people do not stop for it.
fn is_in_editor(service: &Service, refusal: &Refusal) -> bool {
    let path = refusal.path.as_deref().and_then(|path| RelPath::parse(path).ok());
    refusal.code == Code::Stale && path.is_some_and(|path| service.workspace.buffers.is_open(&path))
}

/// Returns an edit that was overtaken in an editor, with the rows and landings
/// that it has there now.
fn overtaken(
    service: &Service,
    session: &Session,
    refusal: Refusal,
    edit: &Edit,
    chain: Option<i64>,
) -> Rejected {
    let now = gather(service, session, &edit.script);
    let Ok(states) = now else { return waiting(refusal, edit, chain) };
    let options = plan::Options { constructs: Some(&*service.syntax), relocate: false };
    match plan::plan(&edit.script, &states, &options) {
        Err(mut refused) if refused.refusal.code == Code::Stale => {
            refused.refusal.message = refusal.message;
            explain_plan(service, refused, &states, &edit.script, edit, chain)
        }
        _ => waiting(refusal, edit, chain),
    }
}

/// Resolves the paths of a script; returns all files it touches.
pub(super) fn locate(service: &Service, script: &mut Script) -> Result<Vec<RelPath>, Refusal> {
    let mut paths = Vec::new();
    for file in &mut script.files {
        let path = service.workspace.locate(&file.path)?;
        file.path = path.as_str().to_owned();
        paths.push(path);
        if let Action::Move { to, .. } | Action::EditAndMove { to, .. } = &mut file.action {
            let target = service.workspace.locate(to)?;
            *to = target.as_str().to_owned();
            paths.push(target);
        }
    }
    let mut sorted: Vec<&RelPath> = paths.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(paths),
        Some(pair) => {
            let text = "the path occurs twice in one call; make it one section";
            Err(Refusal::new(Code::Malformed, text).at(pair[0].as_str()))
        }
    }
}

fn check_size(script: &Script, operations: usize, files: usize) -> Result<(), Refusal> {
    let count = |file: &FileScript| match &file.action {
        Action::Edit { ops, .. } | Action::EditAndMove { ops, .. } => ops.len(),
        _ => 1,
    };
    let asked: usize = script.files.iter().map(count).sum();
    if script.files.is_empty() {
        return Err(Refusal::new(Code::Malformed, "the edit names no file"));
    }
    if asked > operations || script.files.len() > files {
        let text = format!(
            "{asked} operations on {} files; the limits are {operations} and {files}",
            script.files.len()
        );
        return Err(Refusal::new(Code::TooLarge, text));
    }
    Ok(())
}

/// Returns the first answer to a request that is repeated under the same name.
pub(super) fn done_before(
    service: &Service,
    op_id: Option<&str>,
    session: &Session,
) -> Result<Option<Done>, Refusal> {
    let Some(op_id) = op_id else { return Ok(None) };
    let state = &service.workspace.state;
    let row =
        state.operation_once(&session.row.id, op_id).map_err(|error| state_refusal(&error))?;
    let Some(row) = row else { return Ok(None) };
    let stored: StoredAnswer = serde_json::from_str(&row.answer).map_err(|error| {
        let text = format!("operation {} was applied, but its answer is damaged: {error}", row.id);
        Refusal::new(Code::Denied, text)
    })?;
    Ok(Some(Done { answer: stored.again(row.id), event: 0 }))
}

/// Returns what is known of each file of the script.
pub(super) fn gather(
    service: &Service,
    session: &Session,
    script: &Script,
) -> Result<Vec<FileState>, Refusal> {
    script.files.iter().map(|file| gather_one(service, session, file)).collect()
}

fn gather_one(
    service: &Service,
    session: &Session,
    file: &FileScript,
) -> Result<FileState, Refusal> {
    let workspace = &service.workspace;
    let path = parse(&file.path)?;
    let now = workspace.now(&path, false)?;
    let seen = match (file.action.handle(), &now) {
        (Some(handle), Some(now)) => Some(seen(service, session, file, &path, handle, now)?),
        _ => None,
    };
    let (mut to, mut to_seen) = (None, None);
    if let Some((target, to_handle)) = file.action.destination() {
        let target = parse(target)?;
        to = workspace.now(&target, false)?;
        if let Some(handle) = to_handle {
            let hash = workspace.named(&target, handle)?;
            to_seen = Some(workspace.content(&target, &hash)?);
        }
    }
    Ok(FileState { now, seen, to, to_seen })
}

fn seen(
    service: &Service,
    session: &Session,
    file: &FileScript,
    path: &RelPath,
    handle: Handle,
    now: &Arc<Snapshot>,
) -> Result<Seen, Refusal> {
    let workspace = &service.workspace;
    let hash = workspace.named(path, handle)?;
    let view = session.view(handle, &workspace.state).map_err(|error| state_refusal(&error))?;
    let whole = matches!(file.action, Action::Remove { .. } | Action::Move { .. });
    if view.is_none() && whole {
        let text = format!("this session was never shown handle {handle}; read the file first");
        return Err(Refusal::new(Code::Unseen, text).at(path.as_str()));
    }
    let (snapshot, since) = match hash == now.hash {
        true => (Arc::clone(now), Since::Same),
        false => {
            let since = workspace.since(path, &hash, &now.hash);
            (workspace.content(path, &hash)?, since.map_err(|error| state_refusal(&error))?)
        }
    };
    // What no rows can show is refused as what it is, not as unseen.
    let view = match snapshot.encoding.is_text() {
        true => view.unwrap_or_default(),
        false => View::all(snapshot.line_count()),
    };
    Ok(Seen { snapshot, view, since })
}

/// Returns what the session knows of each file's content of now.
fn views_of_now(
    service: &Service,
    session: &Session,
    script: &Script,
    states: &[FileState],
) -> Result<Vec<View>, Refusal> {
    let view = |(file, state): (&FileScript, &FileState)| match (&state.seen, &state.now) {
        (Some(Seen { snapshot, view, since }), Some(now)) if !since.is_same() => {
            // It may have been shown the content of now as well.
            let trail = Trail::of(since, snapshot, now, &file.path, None);
            let steps = trail.line_hunks();
            let mut whole = steps.iter().fold(view.clone(), |view, step| view.through(step, false));
            let known = view_of(service, session, &parse(&file.path)?, now)?;
            known.ranges().iter().for_each(|range| {
                whole.add(range.clone());
            });
            Ok(whole)
        }
        (Some(seen), _) => Ok(seen.view.clone()),
        (None, _) => Ok(View::default()),
    };
    script.files.iter().zip(states).map(view).collect()
}

pub(super) fn view_of(
    service: &Service,
    session: &Session,
    path: &RelPath,
    now: &Snapshot,
) -> Result<View, Refusal> {
    let workspace = &service.workspace;
    let handle = workspace.handle_of(path, &now.hash).map_err(|error| state_refusal(&error))?;
    let view = session.view(handle, &workspace.state).map_err(|error| state_refusal(&error))?;
    Ok(view.unwrap_or_default())
}

/// Returns the answer to a dry run.
pub(super) fn checked(plan: &Plan, lints: Vec<LintNote>) -> Done {
    let file = |file: &plan::FilePlan| FileAnswer {
        path: file.path.clone(),
        handle: None,
        ops: file.ops.clone(),
        window: None,
        cas: None,
        in_buffer: false,
    };
    let files = plan.files.iter().map(file).collect();
    Done { answer: EditAnswer { files, lints, ..EditAnswer::default() }, event: 0 }
}

/// Returns a refused edit that waits for a retry, where one can help.
fn waiting(refusal: Refusal, edit: &Edit, chain: Option<i64>) -> Rejected {
    let curable = matches!(
        refusal.code,
        Code::Busy
            | Code::Stale
            | Code::Missing
            | Code::Exists
            | Code::Denied
            | Code::Attribute
            | Code::Timeout
    ) || is_mixed(&refusal);
    let rejected = Rejected::of(refusal);
    match curable && !edit.apply.dry_run {
        true => rejected.waiting(record(&edit.apply, &edit.script, chain, 0, None, &[])),
        false => rejected,
    }
}

/// Returns whether an edit was refused because some of its files are open in
/// editors; a retry may allow that.
fn is_mixed(refusal: &Refusal) -> bool {
    refusal.code == Code::Unsupported && refusal.path.is_some()
}

/// Returns a refused plan with what its author has to look at.
pub(super) fn explain_plan(
    service: &Service,
    refused: Refused,
    states: &[FileState],
    script: &Script,
    edit: &Edit,
    chain: Option<i64>,
) -> Rejected {
    let Refused { refusal, file, landings, candidates, drift, rows } = refused;
    let (state, action) = (&states[file], &script.files[file].action);
    if refusal.code == Code::Stale && is_about_destination(state, action) {
        // Its rows are another file's; whoever wants to overwrite it reads it first.
        return Rejected::of(refusal);
    }
    let rows = match refusal.code {
        Code::Stale | Code::Conflict | Code::Ambiguous => {
            rows_of_now(service, &script.files[file], state, rows)
        }
        Code::Unseen => match (&state.seen, action.handle()) {
            (Some(seen), Some(handle)) => {
                Some(Rows { snapshot: Arc::clone(&seen.snapshot), handle, lines: rows })
            }
            _ => None,
        },
        _ => return waiting(refusal, edit, chain),
    };
    let handle = rows.as_ref().map(|rows| rows.handle.number());
    let op = refusal.op;
    let pairs = |spans: &Vec<Range<usize>>| spans.iter().map(|s| (s.start, s.end)).collect();
    let record = RetryRecord {
        op,
        candidates: candidates.iter().map(pairs).collect(),
        ..record(&edit.apply, script, chain, file, handle, &landings)
    };
    let cure = Cure {
        drift: drifted(&drift, state),
        candidates: op.and_then(|op| candidates.get(op)).cloned().unwrap_or_default(),
        rows,
        landings,
        ..Cure::default()
    };
    let rejected = Rejected::of(refusal).with(cure);
    if edit.apply.dry_run { rejected } else { rejected.waiting(record) }
}

/// Returns what others wrote, as differences that can be shown.
fn drifted(drift: &[Drifted], state: &FileState) -> Vec<DeltaHunk> {
    let Some(now) = &state.now else { return Vec::new() };
    let hunk = |drifted: &Drifted| DeltaHunk {
        old: lines_of(&drifted.old),
        new: lines_of(&drifted.new),
        text: render(now, std::slice::from_ref(&drifted.new), Gutter::Tab),
    };
    drift.iter().map(hunk).collect()
}

/// Returns whether a stale move is stale where it goes, not where it comes from.
fn is_about_destination(state: &FileState, action: &Action) -> bool {
    let source = state.seen.as_ref().map(|seen| &seen.since);
    action.destination().is_some() && source.is_some_and(Since::is_same)
}

fn rows_of_now(
    service: &Service,
    file: &FileScript,
    state: &FileState,
    mut lines: Vec<Range<usize>>,
) -> Option<Rows> {
    let now = state.now.as_ref()?;
    let handle = service.workspace.handle_of(&parse(&file.path).ok()?, &now.hash).ok()?;
    if lines.is_empty() {
        lines.push(0..now.line_count().min(FIRST_LOOK));
    }
    Some(Rows { snapshot: Arc::clone(now), handle, lines })
}

/// Returns what is kept of a refused edit.
pub(super) fn record(
    apply: &Apply,
    script: &Script,
    chain: Option<i64>,
    file: usize,
    handle: Option<u32>,
    landings: &[Option<Range<usize>>],
) -> RetryRecord {
    RetryRecord {
        version: RETRY_VERSION,
        script: script.into(),
        format: apply.format.clone(),
        op_id: apply.op_id.clone(),
        why: apply.why.clone(),
        relocate: apply.relocate,
        verify: apply.verify.into(),
        reason: Reason::Place,
        chain: chain.unwrap_or(0),
        file,
        handle,
        landings: landings.iter().map(|span| span.as_ref().map(|s| (s.start, s.end))).collect(),
        candidates: Vec::new(),
        op: None,
        text: None,
        fixes: Vec::new(),
        rules: Vec::new(),
        change: None,
    }
}

/// Returns the texts that the model wrote: new lines, and expected ones.
fn texts(script: &Script) -> (Texts, Texts) {
    let (mut new, mut old) = (Texts::default(), Texts::default());
    for file in &script.files {
        match &file.action {
            Action::Create { text } | Action::Write { text, .. } => new.push(text),
            Action::Edit { ops, .. } | Action::EditAndMove { ops, .. } => {
                new.reserve(ops.len());
                for op in ops {
                    if let OpKind::Replace { body: Body::Text(text), .. }
                    | OpKind::Insert { body: Body::Text(text), .. } = &op.kind
                    {
                        new.push(text);
                    }
                    let expected = op.expect.iter();
                    let ends = expected.flat_map(|e| [Some(&e.first), e.last.as_ref()]);
                    old.extend(ends.flatten().map(String::as_str));
                }
            }
            Action::Remove { .. } | Action::Move { .. } => {}
        }
    }
    (new, old)
}

fn parse(path: &str) -> Result<RelPath, Refusal> {
    RelPath::parse(path).map_err(|error| Refusal::new(Code::Malformed, error.to_string()).at(path))
}
