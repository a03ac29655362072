//! The plan: script × snapshots → what is to be written, or why not.
//!
//! A pure function. Each operation is read in the lines of the content its
//! author saw, held against what this session was shown, carried to the
//! content of now, and laid out as one [`Change`] a file.

mod end;
mod hunk;
mod place;
mod quote;
mod splice;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::anchor::{LineRange, View};
use crate::drift::{Constructs, Drifted, Since, Trail};
use crate::edit::Change;
use crate::error::{Code, Refusal};
use crate::format::{Action, Body, FileScript, Op, OpKind, Script};
use crate::snapshot::Snapshot;
use hunk::Hunk;

pub use quote::{
    Choice, Difference, Kind, Known, Nearest, Resolved, Shown, Unresolved, Way, foresee, resolve,
    resolve_with,
};
/// How a script is to be planned.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// What gives lines their identity; without it, indentation and headers do.
    pub constructs: Option<&'a dyn Constructs>,
    /// Whether operations may go where their lines stand now; otherwise any
    /// change since they were read is refused.
    pub relocate: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { constructs: None, relocate: true }
    }
}

/// What is known of one file of the script.
#[derive(Debug, Clone)]
pub struct FileState {
    /// Its content at this moment; `None` where there is no such file.
    pub now: Option<Arc<Snapshot>>,
    /// The content behind the handle that the script names, if it names one.
    pub seen: Option<Seen>,
    /// The content at the destination of a move.
    pub to: Option<Arc<Snapshot>>,
    /// The content behind the handle given for the destination.
    pub to_seen: Option<Arc<Snapshot>>,
}

/// What the author of a script was shown of a file.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The content behind the handle.
    pub snapshot: Arc<Snapshot>,
    /// The lines of it that this session was shown.
    pub view: View,
    /// What happened to the file since.
    pub since: Since,
}

/// What a whole script comes to.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The files, in the order of the script.
    pub files: Vec<FilePlan>,
}

/// What one file's part of the script comes to.
#[derive(Debug, Clone)]
pub struct FilePlan {
    /// Relative to the root.
    pub path: String,
    /// What is to be done.
    pub action: Planned,
    /// What became of each operation, in the order of the script.
    pub ops: Vec<Outcome>,
}

/// What is to be done to one file.
#[derive(Debug, Clone)]
pub enum Planned {
    /// Its content changes.
    Modify {
        /// The content to be replaced, byte for byte.
        before: Arc<Snapshot>,
        /// How it changes.
        change: Change,
        /// The same in lines: disjoint, sorted ranges of `before` and the
        /// number of lines each becomes.
        hunks: Vec<(Range<usize>, usize)>,
    },
    /// It comes to be.
    Create {
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// It goes.
    Remove {
        /// The content to be removed, byte for byte.
        before: Arc<Snapshot>,
    },
    /// Its content changes and it gets another path.
    EditAndMove {
        /// The content to be moved, byte for byte.
        before: Arc<Snapshot>,
        /// How it changes.
        change: Change,
        /// As in [`Planned::Modify`].
        hunks: Vec<(Range<usize>, usize)>,
        /// The new path.
        to: String,
        /// As in [`Planned::Move`].
        replaced: Option<Arc<Snapshot>>,
    },
    /// It gets another path.
    Move {
        /// The content to be moved, byte for byte.
        before: Arc<Snapshot>,
        /// The new path.
        to: String,
        /// The content that goes there, byte for byte; `None` where the
        /// destination must be free.
        replaced: Option<Arc<Snapshot>>,
    },
    /// Everything asked for is there already.
    Keep {
        /// The content as it is.
        now: Arc<Snapshot>,
    },
}

impl Planned {
    /// Returns the content that is there before, where it is replaced or goes.
    pub fn before(&self) -> Option<&Arc<Snapshot>> {
        match self {
            Planned::Modify { before, .. }
            | Planned::Remove { before }
            | Planned::EditAndMove { before, .. }
            | Planned::Move { before, .. } => Some(before),
            Planned::Create { .. } | Planned::Keep { .. } => None,
        }
    }
}

/// What became of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its lines in the content after the edit; `(n + 1, n)` where none is left.
    pub lines: LineRange,
    /// By how many lines its place had moved since it was seen; 0 if not at all.
    pub relocated: i64,
    /// Whether it found its work done.
    pub already: bool,
}

/// A script that was refused, and where its operations would land.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The reason, with its file and operation.
    pub refusal: Refusal,
    /// Index of the refused file in the script.
    pub file: usize,
    /// For each operation of that file: the lines of now (0-based) it would
    /// fall on, or `None` where nothing can be proposed. Empty unless stale, in
    /// conflict or ambiguous.
    pub landings: Vec<Option<Range<usize>>>,
    /// For each operation of that file: where it could be meant (0-based lines
    /// of now), if that is more than one place. As long as `landings`.
    pub candidates: Vec<Vec<Range<usize>>>,
    /// What other writers did near the refused operation; a few lines.
    pub drift: Vec<Drifted>,
    /// The lines of the content (0-based) that the author has to look at.
    pub rows: Vec<Range<usize>>,
}

/// Returns what `script` comes to; `states` holds one entry a file.
///
/// # Errors
/// [`Refused`] with the first file that cannot be done as asked. Nothing is
/// planned then, for any file.
pub fn plan(script: &Script, states: &[FileState], options: &Options<'_>) -> Result<Plan, Refused> {
    let registers = registers(script, states)?;
    let files = script.files.iter().zip(states).enumerate();
    let files: Result<Vec<FilePlan>, Refused> = files
        .map(|(index, (file, state))| {
            plan_file(file, state, &registers, options).map_err(|r| r.in_file(index, file))
        })
        .collect();
    let plan = Plan { files: files? };
    match idle_file(&plan, script) {
        Some(index) => {
            let refusal = Refusal::new(Code::NoChange, "every byte would stay as it is");
            Err(Refused::from(refusal).in_file(index, &script.files[index]))
        }
        None => Ok(plan),
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused {
            refusal,
            file: 0,
            landings: Vec::new(),
            candidates: Vec::new(),
            drift: Vec::new(),
            rows: Vec::new(),
        }
    }
}

impl Refused {
    fn in_file(mut self, index: usize, file: &FileScript) -> Refused {
        self.file = index;
        self.refusal = self.refusal.at(&file.path);
        self
    }
}

/// The lines that deletes of the script took away, by name, each with the
/// snapshot it stood in.
type Registers<'a> = HashMap<&'a str, Vec<&'a [u8]>>;

fn registers<'a>(script: &'a Script, states: &'a [FileState]) -> Result<Registers<'a>, Refused> {
    let mut registers = Registers::new();
    for (index, (file, state)) in script.files.iter().zip(states).enumerate() {
        let (Action::Edit { ops, .. } | Action::EditAndMove { ops, .. }, Some(seen)) =
            (&file.action, &state.seen)
        else {
            continue;
        };
        for (number, op) in ops.iter().enumerate() {
            let OpKind::Delete { lines, register: Some(name) } = &op.kind else {
                continue;
            };
            let span = hunk::span_within(*lines, &seen.snapshot)
                .map_err(|refusal| Refused::from(refusal.op(number)).in_file(index, file))?;
            let taken = span.map(|line| seen.snapshot.line(line)).collect();
            if registers.insert(name.as_str(), taken).is_some() {
                let twice =
                    Refusal::new(Code::Malformed, format!("register {name} is filled twice"));
                return Err(Refused::from(twice.op(number)).in_file(index, file));
            }
        }
    }
    Ok(registers)
}

/// Returns the first file whose part changes nothing, unless the plan as a
/// whole only finds its work done.
fn idle_file(plan: &Plan, script: &Script) -> Option<usize> {
    let idle = |file: &FilePlan| match &file.action {
        Planned::Modify { before, change, .. } => change.keeps(&before.bytes),
        Planned::Keep { .. } => file.ops.iter().any(|op| !op.already),
        _ => false,
    };
    debug_assert_eq!(plan.files.len(), script.files.len());
    plan.files.iter().position(idle)
}

fn plan_file(
    file: &FileScript,
    state: &FileState,
    registers: &Registers<'_>,
    options: &Options<'_>,
) -> Result<FilePlan, Refused> {
    let planned = match &file.action {
        Action::Create { text } => plan_create(text, state)?,
        Action::Remove { .. } => Planned::Remove { before: unchanged(state)? },
        Action::Move { to, .. } => plan_move(to, state)?,
        Action::Write { text, .. } => return plan_write(&file.path, text, state, options),
        Action::Edit { ops, final_newline, .. } => {
            return plan_edit(&file.path, ops, *final_newline, state, registers, options);
        }
        Action::EditAndMove { ops, final_newline, to, .. } => {
            // Like every move, it never relocates.
            unchanged(state)?;
            let edit = plan_edit(&file.path, ops, *final_newline, state, registers, options)?;
            return Ok(edit_and_move(edit, to, destination(to, state)?));
        }
    };
    Ok(FilePlan { path: file.path.clone(), action: planned, ops: Vec::new() })
}

fn plan_create(text: &str, state: &FileState) -> Result<Planned, Refusal> {
    match &state.now {
        Some(_) => {
            Err(Refusal::new(Code::Exists, "the file is there already; read it, then edit it"))
        }
        None => Ok(Planned::Create { bytes: text.as_bytes().to_vec() }),
    }
}

fn plan_move(to: &str, state: &FileState) -> Result<Planned, Refusal> {
    let before = unchanged(state)?;
    Ok(Planned::Move { before, to: to.to_owned(), replaced: destination(to, state)? })
}

/// Returns the plan of an edit as one that moves the file as well.
fn edit_and_move(edit: FilePlan, to: &str, replaced: Option<Arc<Snapshot>>) -> FilePlan {
    let to = to.to_owned();
    let action = match edit.action {
        Planned::Modify { before, change, hunks } => {
            Planned::EditAndMove { before, change, hunks, to, replaced }
        }
        Planned::Keep { now } => Planned::Move { before: now, to, replaced },
        other => other,
    };
    FilePlan { action, ..edit }
}

/// Returns the content that a move to `to` replaces, if one stands there.
fn destination(to: &str, state: &FileState) -> Result<Option<Arc<Snapshot>>, Refusal> {
    match (&state.to, &state.to_seen) {
        (None, None) => Ok(None),
        (Some(now), Some(seen)) if now.hash == seen.hash => Ok(Some(Arc::clone(now))),
        (Some(_), Some(_)) => {
            let text = format!("{to} changed since it was read; a move never relocates");
            Err(Refusal::new(Code::Stale, text))
        }
        (Some(_), None) => {
            let text =
                format!("{to} is there already; give its handle as to_handle to overwrite it");
            Err(Refusal::new(Code::Exists, text))
        }
        (None, Some(_)) => Err(Refusal::new(Code::Missing, format!("{to} is not there"))),
    }
}

/// Returns the content of now where it is the content that was seen: what a
/// remove, a move and a write ask for, since they never relocate.
fn unchanged(state: &FileState) -> Result<Arc<Snapshot>, Refusal> {
    let (now, seen) = now_and_seen(state)?;
    match seen.since.is_same() {
        true => Ok(Arc::clone(now)),
        false => Err(Refusal::new(
            Code::Stale,
            "changed since it was read; a whole file never relocates",
        )),
    }
}

fn now_and_seen(state: &FileState) -> Result<(&Arc<Snapshot>, &Seen), Refusal> {
    let now =
        state.now.as_ref().ok_or_else(|| Refusal::new(Code::Missing, "the file is not there"))?;
    let seen = state.seen.as_ref().ok_or_else(|| {
        Refusal::new(Code::UnknownHandle, "this handle was never given out for this path")
    })?;
    Ok((now, seen))
}

/// A whole new text is a replacement of all lines, so that the byte-order mark
/// and each line's terminator stay; only the final newline is as written.
fn plan_write(
    path: &str,
    text: &str,
    state: &FileState,
    options: &Options<'_>,
) -> Result<FilePlan, Refused> {
    let (now, _) = now_and_seen(state)?;
    if let Err(refusal) = unchanged(state) {
        let rows = std::iter::once(0..now.line_count()).collect();
        return Err(Refused { rows, ..Refused::from(refusal) });
    }
    let total = now.line_count();
    let kind = match (total, text) {
        (0, "") => {
            return Ok(FilePlan { path: path.to_owned(), ..keep(now) });
        }
        (_, "") => OpKind::Delete { lines: (1, total), register: None },
        (0, text) => OpKind::Insert { after: 0, body: Body::Text(text.to_owned()) },
        (_, text) => OpKind::Replace { lines: (1, total), body: Body::Text(text.to_owned()) },
    };
    let newline = (!text.is_empty()).then(|| text.ends_with('\n'));
    plan_edit(path, &[kind.into()], newline, state, &Registers::new(), options)
}

fn keep(now: &Arc<Snapshot>) -> FilePlan {
    let ops = vec![Outcome { lines: (1, 0), relocated: 0, already: false }];
    FilePlan { path: String::new(), action: Planned::Keep { now: Arc::clone(now) }, ops }
}

fn plan_edit(
    path: &str,
    ops: &[Op],
    final_newline: Option<bool>,
    state: &FileState,
    registers: &Registers<'_>,
    options: &Options<'_>,
) -> Result<FilePlan, Refused> {
    let (now, seen) = now_and_seen(state)?;
    let mut text = Vec::with_capacity(ops.len());
    let hunks = hunk::read(ops, &seen.snapshot, registers, &mut text)?;
    hunk::check_overlap(&hunks)?;
    hunk::check_expectations(ops, &hunks, &seen.snapshot)?;
    if ops.is_empty() && final_newline.is_none() {
        return Err(Refusal::new(Code::Malformed, "no operation for this file").into());
    }
    let wish = end::wish(final_newline, &hunks, &seen.snapshot, now);
    let last = end::touched_line(wish, &hunks, &seen.snapshot);
    place::check_policy(&hunks, seen, now, options)?;
    let trail = Trail::of(&seen.since, &seen.snapshot, now, path, options.constructs);
    let landed = place::land_all(ops, &hunks, seen, now, &trail)?;
    check_view(&hunks, last, seen)?;
    if wish.is_some() && !end::stands(last, &hunks, &landed, seen, &trail, now) {
        return Err(place::stale_end(&landed, now));
    }
    let (open, outcomes) = place::settle(hunks, landed, now);
    let ends_so = wish.is_none_or(|wanted| now.lines.final_newline() == wanted);
    if open.is_empty() && !ops.is_empty() && ends_so {
        let action = Planned::Keep { now: Arc::clone(now) };
        return Ok(FilePlan { path: path.to_owned(), action, ops: outcomes });
    }
    hunk::check_encoding(&open, now)?;
    lay_out(path, open, outcomes, final_newline, now)
}

/// Lays the open hunks out as one change of `now`.
fn lay_out(
    path: &str,
    mut open: Vec<Hunk<'_>>,
    mut outcomes: Vec<Outcome>,
    final_newline: Option<bool>,
    now: &Arc<Snapshot>,
) -> Result<FilePlan, Refused> {
    open.sort_by_key(|hunk| (hunk.lines.start, hunk.lines.end, hunk.op));
    let mut shift = 0_i64;
    let mut hunks = Vec::with_capacity(open.len());
    for hunk in &open {
        let start = (hunk.lines.start as i64 + shift) as usize;
        outcomes[hunk.op].lines = (start + 1, start + hunk.text.len());
        shift += hunk.text.len() as i64 - hunk.lines.len() as i64;
        hunks.push((hunk.lines.clone(), hunk.text.len()));
    }
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.already) {
        let len = outcome.lines.1 + 1 - outcome.lines.0;
        let start = View::line_through(outcome.lines.0 - 1, &hunks);
        outcome.lines = (start + 1, start + len);
    }
    let change = splice::change(&open, final_newline, now)?;
    let action = Planned::Modify { before: Arc::clone(now), change, hunks };
    Ok(FilePlan { path: path.to_owned(), action, ops: outcomes })
}

/// Refuses hunks on lines that this session was never shown; `last` is a line
/// whose newline comes or goes.
fn check_view(hunks: &[Hunk<'_>], last: Option<usize>, seen: &Seen) -> Result<(), Refused> {
    let total = seen.snapshot.line_count();
    let unseen = |span: &Range<usize>| {
        if !span.is_empty() {
            return !seen.view.contains(span.clone());
        }
        // A place between two lines is known once one of them is.
        let near = [span.start.checked_sub(1), Some(span.start).filter(|line| *line < total)];
        total > 0 && !near.into_iter().flatten().any(|line| seen.view.contains(line..line + 1))
    };
    let last = last.map(|line| line..line + 1);
    let first = hunks.iter().find(|hunk| unseen(&hunk.lines));
    if first.is_none() && !last.as_ref().is_some_and(unseen) {
        return Ok(());
    }
    let rows = hunks.iter().map(|hunk| hunk.lines.clone()).chain(last).filter(unseen).collect();
    let mut refusal =
        Refusal::new(Code::Unseen, "the edit touches lines this session was never shown");
    refusal.op = first.map(|hunk| hunk.op);
    Err(Refused { rows, ..Refused::from(refusal) })
}
