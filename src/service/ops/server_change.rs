//! What a language server would change, as one operation of ours: planned by the
//! exact bytes that its answer is about, checked, and carried out wholly or not
//! at all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use engine::anchor::{View, lines_of};
use engine::drift::line_hunks;
use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::format::Script;
use engine::hash::Hasher;
use engine::plan::{FilePlan, Outcome, Plan, Planned};
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use lsp_bridge::source_change::{FileChange, FileOperation, SourceChange};

use super::apply::{checked, done_before, record, view_of};
use super::reject::Rejected;
use super::rule::{self, Watch};
use super::stored::RetryRecord;
use super::stored_change::Wanted;
use super::syntax;
use super::transact::{Author, Done, Operation, carry_out};
use super::verify::Asked;
use crate::service::api::{
    Apply, Attempt, EditAnswer, Fault, How, LintNote, Policy, Reply, Response, ServerChange,
    Source, Texts, Verify,
};
use crate::service::languages::document;
use crate::service::session::Session;
use crate::service::{Service, diff};
use crate::state::OperationRecord;

/// How often a file may be written to under our eyes before we give up.
const TRIES: usize = 3;

/// Bytes of the diff that a look at a change shows.
const DIFF_MAX: usize = 256 << 10;

/// The format that such operations are recorded under.
const FORMAT: &str = "lsp";

/// What a server would change, and what is known of it.
pub(super) struct Proposal {
    pub(super) change: SourceChange,
    pub(super) told: ServerChange,
}

/// Asks for a change and carries it out, or only looks at it. It is asked for
/// again where a file was written to meanwhile.
pub(super) fn carry(
    service: &Service,
    session: &Session,
    wanted: &Wanted,
    new_text: Texts,
    mut propose: impl FnMut() -> Result<Proposal, Rejected>,
) -> Result<Reply, Fault> {
    let mut tries = 0;
    let mut watched = Watched { watch: Watch::new(wanted.how().dry_run), notes: Vec::new() };
    let result = loop {
        tries += 1;
        match try_once(service, session, wanted, &mut propose, &mut watched) {
            Err(Tried::Again(_)) if tries < TRIES => {}
            Err(Tried::Again(refusal)) => break Err(Rejected::of(refusal)),
            Err(Tried::Refused(rejected)) => break Err(rejected),
            Err(Tried::Failed(fault)) => return Err(fault),
            Ok((done, asked)) => break Ok((done, asked)),
        }
    };
    match result {
        Ok((Done { mut answer, event }, asked)) => {
            answer.diagnostics = asked.and_then(|asked| asked.answer(service, session));
            let attempt = Attempt { event, new_text, ..Attempt::default() };
            let attempt = Some(attempt).filter(|attempt| attempt.event > 0);
            Ok(Reply { response: Response::Edit(answer), attempt })
        }
        Err(rejected) => {
            rejected.of_edit(FORMAT, new_text, None).answer(service, session, "edit.rejected")
        }
    }
}

/// Why an attempt came to nothing.
enum Tried {
    /// A file was written to meanwhile.
    Again(Refusal),
    Refused(Rejected),
    Failed(Fault),
}

/// What the user's rules say of a change, over all attempts at it.
struct Watched {
    watch: Watch,
    /// What they warn of.
    notes: Vec<LintNote>,
}

impl From<Refusal> for Tried {
    fn from(refusal: Refusal) -> Tried {
        Tried::Refused(Rejected::of(refusal))
    }
}

fn try_once(
    service: &Service,
    session: &Session,
    wanted: &Wanted,
    propose: &mut impl FnMut() -> Result<Proposal, Rejected>,
    watched: &mut Watched,
) -> Result<(Done, Option<Asked>), Tried> {
    let how = wanted.how();
    if let Some(done) = done_before(service, how.op_id.as_deref(), session)? {
        return Ok((done, None));
    }
    let Proposal { change, mut told } = propose().map_err(Tried::Refused)?;
    told.plan = name_of(&change);
    if how.plan.as_ref().is_some_and(|plan| *plan != told.plan) {
        let text = "the server's change is another one by now; look at it again";
        return Err(Refusal::new(Code::Stale, text).into());
    }
    let plan = plan_of(service, &change)?;
    if !how.consented {
        ask_rules(service, session, wanted, (&plan, &told.plan), watched)?;
    }
    let paths = plan.files.iter().flat_map(paths_of).collect::<Result<Vec<_>, Refusal>>()?;
    let _turn = service.turn(paths.clone())?;
    for file in &plan.files {
        check_unmoved(service, file).map_err(Tried::Again)?;
    }
    let verify = verify_of(service, how);
    let mut lints = match verify.syntax {
        Some(Policy::Off) => Vec::new(),
        _ => syntax::notes(service, &plan),
    };
    lints.extend(watched.notes.iter().cloned());
    if how.dry_run {
        told.diff = Some(preview(&plan));
        let mut done = checked(&plan, lints);
        done.answer.server = Some(told);
        return Ok((done, None));
    }
    if plan.files.is_empty() {
        let answer = EditAnswer { applied: true, server: Some(told), ..EditAnswer::default() };
        return Ok((Done { answer, event: 0 }, None));
    }
    let asked = Asked::of(service, verify, &plan);
    let mut done = match carry_out(service, session, operation(service, session, &plan, how)?) {
        Err(refusal) if refusal.code == Code::Stale => {
            paths.iter().for_each(|path| service.workspace.forget(path));
            return Err(Tried::Again(refusal));
        }
        done => done?,
    };
    done.answer.lints = lints;
    done.answer.server = Some(told);
    Ok((done, asked))
}

/// Lets the user's rules see a change before it is carried out; one that they ask
/// about waits for consent, by its name.
fn ask_rules(
    service: &Service,
    session: &Session,
    wanted: &Wanted,
    (plan, name): (&Plan, &str),
    watched: &mut Watched,
) -> Result<(), Tried> {
    let rules = service.user_rules()?;
    if rules.is_empty() {
        return Ok(());
    }
    let files: Vec<RelPath> =
        plan.files.iter().flat_map(paths_of).collect::<Result<_, Refusal>>()?;
    let rows = new_rows(plan);
    let rows = rows.iter().map(|(path, row)| (*path, row.as_str()));
    let paths = files.iter().map(RelPath::as_str);
    let verdict = rule::check_rows((service, rules), session, paths, rows, &mut watched.watch);
    let verdict = verdict.map_err(Tried::Failed)?;
    watched.notes.extend(verdict.notes);
    let Some(refusal) = verdict.refusal else { return Ok(()) };
    let may_consent = refusal.code == Code::Approval && !wanted.how().dry_run;
    let rejected = Rejected::of(refusal);
    Err(Tried::Refused(match may_consent {
        true => rejected.waiting(waiting(wanted, name, verdict.asks)),
        false => rejected,
    }))
}

/// Returns what waits while somebody is asked.
fn waiting(wanted: &Wanted, plan: &str, rules: Vec<String>) -> RetryRecord {
    let how = wanted.how();
    let apply = Apply {
        source: Source::Text(String::new()),
        format: FORMAT.to_owned(),
        op_id: how.op_id.clone(),
        why: how.why.clone(),
        relocate: false,
        verify: how.verify,
        dry_run: false,
        allow_mixed: false,
    };
    let change = Some(wanted.stored(plan));
    RetryRecord { rules, change, ..record(&apply, &Script::default(), None, 0, None, &[]) }
}

/// Returns the rows that a plan brings into files.
fn new_rows(plan: &Plan) -> Vec<(&str, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut rows = Vec::new();
    for file in &plan.files {
        let (path, after, lines) = match &file.action {
            Planned::Modify { before, change, hunks } => {
                (&file.path, before.after(change), outcomes(hunks))
            }
            Planned::EditAndMove { before, change, hunks, to, .. } => {
                (to, before.after(change), outcomes(hunks))
            }
            Planned::Create { bytes } => {
                let after = Snapshot::of(bytes.clone());
                let all = Outcome { lines: (1, after.line_count()), relocated: 0, already: false };
                (&file.path, after, vec![all])
            }
            Planned::Move { .. } | Planned::Remove { .. } | Planned::Keep { .. } => continue,
        };
        let spans = lines.iter().flat_map(|outcome| outcome.lines.0..=outcome.lines.1);
        rows.extend(spans.map(|line| (path.as_str(), text(after.line(line - 1)))));
    }
    rows
}

/// Returns what is to be checked: a change of a server is never refused for what
/// the server finds in it.
fn verify_of(service: &Service, how: &How) -> Verify {
    let lsp = how.verify.lsp.unwrap_or(service.languages.standard.verify);
    let lsp = if lsp == Policy::Reject { Policy::Warn } else { lsp };
    Verify { lsp: Some(lsp), ..how.verify }
}

fn operation<'a>(
    service: &Service,
    session: &Session,
    plan: &'a Plan,
    how: &How,
) -> Result<Operation<'a>, Refusal> {
    let view = |file: &FilePlan| match before(&file.action) {
        Some(before) => view_of(service, session, &parse(&file.path)?, before),
        None => Ok(View::default()),
    };
    let views = plan.files.iter().map(view).collect::<Result<_, Refusal>>()?;
    let record = OperationRecord {
        kind: "edit".into(),
        format: FORMAT.into(),
        op_id: how.op_id.clone(),
        why: how.why.clone(),
        ..OperationRecord::default()
    };
    let like = HashMap::new();
    Ok(Operation {
        plan,
        views,
        author: Author::Server,
        record,
        chain: None,
        like,
        allow_mixed: false,
    })
}

/// Returns the content that a file must have.
fn before(action: &Planned) -> Option<&Arc<Snapshot>> {
    match action {
        Planned::Modify { before, .. }
        | Planned::Remove { before }
        | Planned::Move { before, .. }
        | Planned::EditAndMove { before, .. } => Some(before),
        Planned::Create { .. } | Planned::Keep { .. } => None,
    }
}

/// Checks that a file still has the content that the server was asked about.
fn check_unmoved(service: &Service, file: &FilePlan) -> Result<(), Refusal> {
    let now = document(&service.workspace, &parse(&file.path)?)?;
    let is_same = match before(&file.action) {
        Some(before) => now.as_ref().is_some_and(|now| now.hash == before.hash),
        None => now.is_none(),
    };
    match is_same {
        true => Ok(()),
        false => {
            let text = "the file was written to while the language server was asked";
            Err(Refusal::new(Code::Stale, text).at(&file.path))
        }
    }
}

fn paths_of(file: &FilePlan) -> Vec<Result<RelPath, Refusal>> {
    let mut paths = Vec::from([parse(&file.path)]);
    if let Planned::Move { to, .. } | Planned::EditAndMove { to, .. } = &file.action {
        paths.push(parse(to));
    }
    paths
}

/// Returns the plan that carries out a change: operations on files first, each
/// with what is edited in it.
fn plan_of(service: &Service, change: &SourceChange) -> Result<Plan, Refusal> {
    let mut edits: BTreeMap<&str, &FileChange> =
        change.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut plan = Plan { files: Vec::new() };
    for operation in &change.operations {
        plan.files.extend(planned(service, operation, &mut edits)?);
    }
    for (path, file) in edits {
        let hunks = line_hunks(&file.change, &file.before, &file.before.after(&file.change));
        let ops = outcomes(&hunks);
        let (before, change) = (Arc::clone(&file.before), file.change.clone());
        let action = Planned::Modify { before, change, hunks };
        plan.files.push(FilePlan { path: path.to_owned(), action, ops });
    }
    check(service, &plan)?;
    Ok(plan)
}

/// Refuses what is too much, or touches a file twice or by another name.
fn check(service: &Service, plan: &Plan) -> Result<(), Refusal> {
    let limit = service.workspace.limits.files;
    if plan.files.len() > limit {
        let text = format!("the server changes {} files; the limit is {limit}", plan.files.len());
        return Err(Refusal::new(Code::TooLarge, text));
    }
    let mut met = HashSet::new();
    for path in plan.files.iter().flat_map(paths_of) {
        let path = path?;
        let located = service.workspace.locate(path.as_str())?;
        if located != path {
            let text = format!("the server changes it by another name, {path}");
            return Err(Refusal::new(Code::Unsupported, text).at(located.as_str()));
        }
        if !met.insert(path.clone()) {
            let text = "the server does several things to it";
            return Err(Refusal::new(Code::Unsupported, text).at(path.as_str()));
        }
    }
    Ok(())
}

fn planned(
    service: &Service,
    operation: &FileOperation,
    edits: &mut BTreeMap<&str, &FileChange>,
) -> Result<Option<FilePlan>, Refusal> {
    let plain = |path: &str, action| FilePlan { path: path.to_owned(), action, ops: Vec::new() };
    Ok(Some(match operation {
        FileOperation::Create { path, text, overwrite } => match now(service, path)? {
            Some(now) if *overwrite => {
                let change = Change::whole(&now.bytes, text);
                let hunks = line_hunks(&change, &now, &now.after(&change));
                plain(path, Planned::Modify { before: now, change, hunks })
            }
            Some(_) => return Err(Refusal::new(Code::Exists, "it is there already").at(path)),
            None => plain(path, Planned::Create { bytes: text.clone() }),
        },
        FileOperation::Rename { from, to, overwrite } => {
            let before = there(service, from)?;
            let replaced = now(service, to)?;
            if replaced.is_some() && !overwrite {
                return Err(Refusal::new(Code::Exists, "a file is to be moved there").at(to));
            }
            let to = to.clone();
            match edits.remove(from.as_str()) {
                None => plain(from, Planned::Move { before, to, replaced }),
                Some(edit) => {
                    let change = edit.change.clone();
                    let hunks = line_hunks(&change, &before, &before.after(&change));
                    let ops = outcomes(&hunks);
                    let action = Planned::EditAndMove { before, change, hunks, to, replaced };
                    FilePlan { path: from.clone(), action, ops }
                }
            }
        }
        FileOperation::Delete { path } => {
            plain(path, Planned::Remove { before: there(service, path)? })
        }
    }))
}

fn now(service: &Service, path: &str) -> Result<Option<Arc<Snapshot>>, Refusal> {
    document(&service.workspace, &service.workspace.locate(path)?)
}

fn there(service: &Service, path: &str) -> Result<Arc<Snapshot>, Refusal> {
    let missing = || Refusal::new(Code::Missing, "there is no such file to move or remove");
    now(service, path)?.ok_or_else(|| missing().at(path))
}

/// Returns where the new lines stand.
fn outcomes(hunks: &[(std::ops::Range<usize>, usize)]) -> Vec<Outcome> {
    let mut shift = 0_i64;
    let outcomes = hunks.iter().map(|(old, new)| {
        let start = (old.start as i64 + shift) as usize;
        shift += *new as i64 - old.len() as i64;
        Outcome { lines: lines_of(&(start..start + new)), relocated: 0, already: false }
    });
    outcomes.collect()
}

/// Returns a name for a change: the same for the same bytes of the same files.
fn name_of(change: &SourceChange) -> String {
    let mut hasher = Hasher::default();
    for file in &change.files {
        hasher.update(format!("{}\0{}\0", file.path, file.before.hash.to_hex()).as_bytes());
        for edit in file.change.edits() {
            hasher.update(format!("{:?}{}\0", edit.range, edit.text.len()).as_bytes());
            hasher.update(&edit.text);
        }
    }
    hasher.update(format!("{:?}", change.operations).as_bytes());
    hasher.finish().to_hex()[..12].to_owned()
}

/// Returns the plan as a diff, as far as one can be read.
fn preview(plan: &Plan) -> String {
    let empty = Snapshot::of(Vec::new());
    let mut text = String::new();
    for file in &plan.files {
        let path = &file.path;
        let diff = match &file.action {
            Planned::Modify { before, change, .. } => {
                diff::unified(path, path, before, &before.after(change))
            }
            Planned::EditAndMove { before, change, to, .. } => {
                diff::unified(path, to, before, &before.after(change))
            }
            Planned::Move { to, .. } => format!("rename from {path}\nrename to {to}\n"),
            Planned::Create { bytes } => {
                diff::unified(path, path, &empty, &Snapshot::of(bytes.clone()))
            }
            Planned::Remove { before } => diff::unified(path, path, before, &empty),
            Planned::Keep { .. } => String::new(),
        };
        if text.len() + diff.len() > DIFF_MAX {
            text.push_str(&format!("(the change of {path} is not shown)\n"));
        } else {
            text.push_str(&diff);
        }
    }
    text
}

fn parse(path: &str) -> Result<RelPath, Refusal> {
    RelPath::parse(path).map_err(|error| Refusal::new(Code::Malformed, error.to_string()).at(path))
}
