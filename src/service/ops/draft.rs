//! Drafts: what an edit's text says becomes a script, in the lines of what its
//! session saw.

use std::ops::Range;
use std::sync::Arc;

use engine::anchor::{Handle, lines_of};
use engine::error::{Code, Refusal};
use engine::format::{
    self, Act, Body, Draft, DraftFile, Find, Given, Hunk, Op, OpKind, Row, Script, Task,
};
use engine::plan::{Choice, Known, Nearest, Resolved, Shown, Unresolved, Way, resolve_with};
use engine::store::RelPath;

use super::reject::{Cure, Rejected, Rows};
use super::retry::moved_op;
use super::stored::{RetryRecord, StoredText};
use crate::service::Service;
use crate::service::api::{Apply, LintNote, Texts};
use crate::service::session::Session;
use crate::service::workspace::{HANDLES_LOOKED_AT, state_refusal};

/// A file of a draft, the content it is to be placed in, and the lines of it.
type At<'a> = (usize, Handle, &'a [(usize, usize)]);

/// An edit that was written as text, and what was said of it since.
pub(super) struct Written<'a> {
    pub(super) text: &'a str,
    /// Places that the author chose.
    pub(super) choices: Vec<Choice>,
    /// The lines, of a content, that the finds of one file are put on instead.
    pub(super) at: Option<At<'a>>,
    /// The event of the first attempt, if this is a retry.
    pub(super) chain: Option<i64>,
}

/// What a text comes to.
pub(super) struct Read {
    /// None where the edit came as a script.
    pub(super) script: Option<Script>,
    /// What the author has to know of how places were found.
    pub(super) notes: Vec<LintNote>,
    /// The new lines and the old ones, as the text says them; `None` where it
    /// names lines by their numbers.
    pub(super) texts: Option<(Texts, Texts)>,
}

/// Returns the script that a text in some format comes to.
///
/// # Errors
/// `malformed` and `unsupported` for the text itself; else what speaks against
/// a file or a place, with its cure.
pub(super) fn read(
    service: &Service,
    session: &Session,
    apply: &Apply,
    written: Written<'_>,
) -> Result<Read, Rejected> {
    let draft = format::read(&apply.format, written.text, Given::default());
    let mut draft = draft.map_err(Rejected::of)?;
    if let Some((file, handle, at)) = written.at {
        place(&mut draft, file, handle, at).map_err(Rejected::of)?;
    }
    settle(service, session, apply, &draft, written)
}

/// Returns the script that a draft comes to.
///
/// # Errors
/// What speaks against a file or a place, with its cure.
pub(super) fn settle(
    service: &Service,
    session: &Session,
    apply: &Apply,
    draft: &Draft,
    written: Written<'_>,
) -> Result<Read, Rejected> {
    let known = draft.files.iter().map(|file| known(service, session, file));
    let known: Vec<Known> = known.collect::<Result<_, Refusal>>().map_err(Rejected::of)?;
    match resolve_with(draft, &known, &written.choices, Some(&*service.syntax)) {
        Ok(resolved) => {
            let notes = notes(draft, &resolved);
            let quotes = draft.files.iter().any(|file| !by_number(file));
            let texts = quotes.then(|| texts(draft));
            Ok(Read { script: Some(resolved.script), notes, texts })
        }
        Err(unresolved) => Err(explain(service, *unresolved, draft, &known, apply, written)),
    }
}

/// Returns what is known of one file of a draft.
pub(super) fn known(
    service: &Service,
    session: &Session,
    file: &DraftFile,
) -> Result<Known, Refusal> {
    let workspace = &service.workspace;
    let path = workspace.locate(&file.path)?;
    let now = workspace.now(&path, false)?;
    let broken = |error| state_refusal(&error);
    let shown = match file.handle {
        Some(handle) => Some((handle, workspace.named(&path, handle)?)),
        None => {
            let now = now.as_ref().map(|now| now.hash);
            let named = workspace.handles_of(&path, now).map_err(broken)?;
            let mut shown = None;
            for (handle, hash) in named {
                if session.view(handle, &workspace.state).map_err(broken)?.is_some() {
                    shown = Some((handle, hash));
                    break;
                }
            }
            shown
        }
    };
    let Some((handle, hash)) = shown else { return Ok(Known { shown: None, now }) };
    let snapshot = match &now {
        Some(now) if now.hash == hash => Arc::clone(now),
        _ => workspace.content(&path, &hash)?,
    };
    let view = session.view(handle, &workspace.state).map_err(broken)?.unwrap_or_default();
    Ok(Known { shown: Some(Shown { handle, snapshot, view }), now })
}

/// Returns the names of the contents of a file that the session was shown;
/// `None` where there may be more of them.
pub(super) fn shown_handles(
    service: &Service,
    session: &Session,
    path: &str,
) -> Result<Option<Vec<Handle>>, Refusal> {
    let workspace = &service.workspace;
    let path = workspace.locate(path)?;
    let broken = |error| state_refusal(&error);
    let mut shown = Vec::new();
    let named = workspace.handles_of(&path, None).map_err(broken)?;
    if named.len() >= HANDLES_LOOKED_AT {
        return Ok(None);
    }
    for (handle, _) in named {
        if session.view(handle, &workspace.state).map_err(broken)?.is_some() {
            shown.push(handle);
        }
    }
    Ok(Some(shown))
}

/// Names the places that were settled by what the session was shown.
fn notes(draft: &Draft, resolved: &Resolved) -> Vec<LintNote> {
    let mut notes = Vec::new();
    for (file, ways) in draft.files.iter().zip(&resolved.ways) {
        for (op, _) in ways.iter().enumerate().filter(|(_, way)| **way == Way::Shown) {
            notes.push(LintNote {
                path: file.path.clone(),
                op: Some(op),
                lint: "shown".to_owned(),
                message: "the old text stands in several places; only this one was shown".into(),
            });
        }
    }
    notes
}

/// Returns whether a file's part of the edit names its lines by number.
fn by_number(file: &DraftFile) -> bool {
    match &file.task {
        Task::Edit { finds, .. } => finds.iter().all(|find| matches!(find, Find::Lines(_))),
        _ => true,
    }
}

/// Returns the texts that the model wrote: new ones, and old ones again.
fn texts(draft: &Draft) -> (Texts, Texts) {
    let (mut new, mut old) = (Texts::default(), Texts::default());
    for file in &draft.files {
        match &file.task {
            Task::Create { text } | Task::Write { text } => new.push(text),
            Task::Remove { .. } => {}
            Task::Edit { finds, .. } => finds.iter().for_each(|find| match find {
                Find::Lines(op) | Find::Hashed { op, .. } => new.extend(new_text(op)),
                Find::Text(quote) => {
                    new.push(&quote.new);
                    old.push(&quote.old);
                }
                Find::Rows(hunk) => {
                    let added = |row: &&Row| matches!(row, Row::Add(_));
                    new.extend(hunk.rows.iter().filter(added).filter_map(Row::after));
                    old.extend(hunk.rows.iter().filter_map(Row::before));
                }
                Find::Span { new: text, .. } => new.push(text),
                Find::Symbol { act, .. } => new.extend(act.text()),
            }),
        }
    }
    (new, old)
}

fn new_text(op: &Op) -> Option<&str> {
    match &op.kind {
        OpKind::Replace { body: Body::Text(text), .. }
        | OpKind::Insert { body: Body::Text(text), .. } => Some(text),
        _ => None,
    }
}

/// Puts the finds of a file on lines of a content.
fn place(
    draft: &mut Draft,
    file: usize,
    handle: Handle,
    at: &[(usize, usize)],
) -> Result<(), Refusal> {
    let wrong = |text: String| Refusal::new(Code::Malformed, text);
    let Some(DraftFile { handle: named, task: Task::Edit { finds, .. }, .. }) =
        draft.files.get_mut(file)
    else {
        return Err(wrong("this part of the edit has no lines to place".into()));
    };
    if at.len() != finds.len() {
        return Err(wrong(format!("at names {} ranges for {} edits", at.len(), finds.len())));
    }
    let moved = finds.iter().zip(at).map(|(find, lines)| Some(moved_op(on_lines(find)?, *lines)));
    let moved: Option<Vec<Option<Op>>> = moved.collect();
    let moved = moved.ok_or_else(|| wrong("an edit within a line cannot be placed".into()))?;
    *finds = moved.into_iter().flatten().map(Find::Lines).collect();
    *named = Some(handle);
    Ok(())
}

/// Returns a find as an operation on whole lines, whichever they are.
fn on_lines(find: &Find) -> Option<Op> {
    let somewhere = (1, 1);
    let replace = |mut text: String| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        match text.is_empty() {
            true => Op::from(OpKind::Delete { lines: somewhere, register: None }),
            false => Op::from(OpKind::Replace { lines: somewhere, body: Body::Text(text) }),
        }
    };
    match find {
        Find::Lines(op) | Find::Hashed { op, .. } => Some(op.clone()),
        Find::Text(quote) => Some(replace(quote.new.clone())),
        Find::Rows(Hunk { rows, .. }) => Some(replace(
            rows.iter().filter_map(Row::after).map(|row| format!("{row}\n")).collect(),
        )),
        Find::Symbol { act: Act::Insert(_, text), .. } => {
            Some(OpKind::Insert { after: 0, body: Body::Text(text.clone()) }.into())
        }
        Find::Symbol { act: Act::Delete, .. } => Some(replace(String::new())),
        Find::Symbol { act, .. } => act.text().map(|text| replace(text.to_owned())),
        Find::Span { .. } => None,
    }
}

/// Returns a refused draft with what its author has to look at.
pub(super) fn explain(
    service: &Service,
    unresolved: Unresolved,
    draft: &Draft,
    known: &[Known],
    apply: &Apply,
    written: Written<'_>,
) -> Rejected {
    let lines = unresolved.rows();
    let Unresolved { mut refusal, file, of_now, candidates, nearest } = unresolved;
    let (path, known) = (&draft.files[file].path, &known[file]);
    if let Some(nearest) = &nearest {
        refusal.message.push_str(&resembles(nearest));
    }
    let rows = match (&known.shown, &known.now) {
        (_, Some(now)) if of_now => {
            let path = RelPath::parse(path).ok();
            let handle = path.and_then(|path| service.workspace.handle_of(&path, &now.hash).ok());
            handle.map(|handle| (handle, Arc::clone(now)))
        }
        (Some(shown), _) => Some((shown.handle, Arc::clone(&shown.snapshot))),
        _ => None,
    };
    let rows = rows.filter(|_| !lines.is_empty());
    let handle = rows.as_ref().map(|(handle, _)| handle.number());
    let rows = rows.map(|(handle, snapshot)| Rows { snapshot, handle, lines });
    let spans: Vec<Range<usize>> = if of_now { Vec::new() } else { candidates };
    let op = refusal.op;
    let cure = Cure { rows, candidates: spans.clone(), ..Cure::default() };
    let rejected = Rejected::of(refusal).with(cure);
    if apply.dry_run {
        return rejected;
    }
    let pairs = spans.iter().map(|span| (span.start, span.end)).collect();
    let text = StoredText::new(written.text, &written.choices);
    rejected.waiting(RetryRecord {
        text: Some(text),
        op,
        candidates: vec![pairs],
        ..super::apply::record(apply, &Script::default(), written.chain, file, handle, &[])
    })
}

/// Returns what a quote was perhaps meant to be, in a few words.
fn resembles(nearest: &Nearest) -> String {
    let (first, last) = lines_of(&nearest.lines);
    let lines =
        if first == last { format!("line {first}") } else { format!("lines {first}-{last}") };
    match nearest.differences.first() {
        Some(one) => format!("; nearest is {lines}, where line {} differs: {}", one.line, one.kind),
        None => format!("; nearest is {lines}"),
    }
}
