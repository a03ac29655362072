//! The judge of a stream: whether an edit that is still being written can
//! succeed, by what its session was shown and what the files hold now.
//!
//! It stops nothing that would be applied. A place whose lines have changed is
//! hopeless unless the new text is what stands there by now, so such a doubt is
//! kept until a row of the new text stands nowhere in the file.

use std::collections::HashMap;
use std::sync::Arc;

use engine::anchor::Handle;
use engine::error::{Code, Refusal};
use engine::format::{Action, Body, Draft, DraftFile, Event, FileScript, Find, Op, OpKind};
use engine::format::{Script, Task, Verb};
use engine::plan::{self, Known, foresee, resolve};
use engine::snapshot::Snapshot;

use super::apply::{Edit, explain_plan, gather, locate};
use super::draft::{self, Written};
use super::reject::Rejected;
use crate::service::Service;
use crate::service::api::Apply;
use crate::service::session::Session;

/// The most events of a stream that are judged. Each may cost a search through
/// its file; what comes later is judged at the close.
const JUDGED: usize = 1000;

/// The most earlier changes of a file that are kept; the engine looks at no
/// more.
const EARLIER: usize = 65;

/// The most contents of a file in which a place is looked for while it may
/// still be said which is meant.
const CONTENTS: usize = 16;

/// What was made of a stream so far.
#[derive(Default)]
pub(in crate::service) struct Judge {
    files: HashMap<String, File>,
    judged: usize,
}

/// What is known of a file of the edit.
#[derive(Default)]
struct File {
    handle: Option<Handle>,
    /// The changes that were told.
    earlier: Vec<Find>,
    /// Why the change that is being written fails, unless its text is what
    /// stands in this content.
    doubt: Option<(Rejected, Arc<Snapshot>)>,
}

/// What a judgement needs besides the event.
pub(super) struct Bench<'a> {
    pub(super) service: &'a Service,
    pub(super) session: &'a Session,
    pub(super) apply: &'a Apply,
    /// Whether the content that is meant may be named behind a place.
    pub(super) named_late: bool,
}

impl Judge {
    /// Returns why the edit can no longer succeed after `event`, however it
    /// goes on.
    pub(super) fn hear(&mut self, event: &Event, bench: &Bench<'_>) -> Result<(), Rejected> {
        let file = self.files.entry(event.path().to_owned()).or_default();
        if let Event::Row { text, .. } = event {
            return match file.doubt.take_if(|(_, now)| !holds(now, text)) {
                Some((rejected, _)) => Err(rejected),
                None => Ok(()),
            };
        }
        if let Event::File { handle, .. } | Event::Place { handle, .. } = event {
            file.handle = *handle;
        }
        if self.judged == JUDGED {
            return Ok(());
        }
        self.judged += 1;
        file.doubt = None;
        file.judge(event, bench)?;
        if let Event::Change { find, .. } = event
            && file.earlier.len() < EARLIER
        {
            file.earlier.push(find.clone());
        }
        Ok(())
    }
}

impl File {
    fn judge(&mut self, event: &Event, bench: &Bench<'_>) -> Result<(), Rejected> {
        let Bench { service, session, apply, named_late } = *bench;
        let task = Task::Edit { finds: Vec::new(), final_newline: None, to: None };
        let file = DraftFile { path: event.path().to_owned(), handle: self.handle, task };
        let known = draft::known(service, session, &file).map_err(Rejected::of)?;
        let action = match foresee(event, &known, &self.earlier) {
            Ok(action) => action,
            Err(_) if named_late && self.elsewhere(event, &file, bench) => return Ok(()),
            Err(unresolved) => {
                let mut unresolved = *unresolved;
                unresolved.refusal = unresolved.refusal.at(&file.path);
                let draft = Draft { files: vec![file] };
                let looking = Apply { dry_run: true, ..apply.clone() };
                let written = Written { text: "", choices: Vec::new(), at: None, chain: None };
                return Err(draft::explain(
                    service,
                    unresolved,
                    &draft,
                    &[known],
                    &looking,
                    written,
                ));
            }
        };
        let is_change = matches!(event, Event::Change { .. });
        if named_late && !is_change && !self.is_only_content(&file, bench) {
            // The content that will be named may be another one.
            return Ok(());
        }
        match stale(event, action, &file, &known, bench) {
            None => Ok(()),
            Some(rejected) if is_certain(event, &known) => Err(rejected),
            Some(rejected) => {
                self.doubt = known.now.map(|now| (rejected, now));
                Ok(())
            }
        }
    }

    /// Returns whether the place is not hopeless in another content that the
    /// session was shown, or that cannot be told.
    fn elsewhere(&self, event: &Event, file: &DraftFile, bench: &Bench<'_>) -> bool {
        if self.handle.is_some() {
            return false;
        }
        let shown = draft::shown_handles(bench.service, bench.session, &file.path);
        let Ok(Some(shown)) = shown else { return true };
        let hopeless = |handle: &Handle| {
            let file = DraftFile { handle: Some(*handle), ..file.clone() };
            let known = draft::known(bench.service, bench.session, &file);
            known.is_ok_and(|known| foresee(event, &known, &self.earlier).is_err())
        };
        shown.len() > CONTENTS || !shown.iter().all(hopeless)
    }

    /// Returns whether it is known which content of the file is meant.
    fn is_only_content(&self, file: &DraftFile, bench: &Bench<'_>) -> bool {
        let shown = draft::shown_handles(bench.service, bench.session, &file.path);
        self.handle.is_some() || matches!(shown, Ok(Some(shown)) if shown.len() == 1)
    }
}

/// Returns whether nothing that follows can make the event come out otherwise:
/// all of it is known, or the file is as it was shown, so that nothing of it
/// can have been done meanwhile.
fn is_certain(event: &Event, known: &Known) -> bool {
    let same = match (&known.shown, &known.now) {
        (Some(shown), Some(now)) => shown.snapshot.hash == now.hash,
        _ => false,
    };
    same || matches!(event, Event::Change { .. } | Event::File { verb: Verb::Remove, .. })
}

/// Returns whether a row of new text stands in a content.
fn holds(content: &Snapshot, row: &str) -> bool {
    memchr::memmem::find(&content.bytes, row.as_bytes()).is_some()
}

/// Returns why the lines that an event names are no longer what they were, or
/// were never shown.
fn stale(
    event: &Event,
    touched: Option<Action>,
    file: &DraftFile,
    known: &Known,
    bench: &Bench<'_>,
) -> Option<Rejected> {
    let (shown, now) = (known.shown.as_ref()?, known.now.as_ref()?);
    let lines = now.line_count();
    let same = shown.snapshot.hash == now.hash;
    if same && shown.view.count_in(&(0..lines)) == lines {
        return None;
    }
    let action = asked(event, touched, file, known)?;
    let Bench { service, session, apply, .. } = *bench;
    let script = Script { files: vec![FileScript { path: file.path.clone(), action }] };
    let looking = Apply { dry_run: true, ..apply.clone() };
    let mut edit = Edit { script, apply: looking, notes: Vec::new(), texts: None };
    // What cannot be looked at any more is judged at the close.
    locate(service, &mut edit.script).ok()?;
    let states = gather(service, session, &edit.script).ok()?;
    let options = plan::Options { constructs: Some(&*service.syntax), relocate: apply.relocate };
    let refused = plan::plan(&edit.script, &states, &options).err()?;
    let counts = matches!(
        refused.refusal.code,
        Code::Stale | Code::Conflict | Code::Ambiguous | Code::Unseen
    );
    counts.then(|| explain_plan(service, refused, &states, &edit.script, &edit, None))
}

/// Returns what an event asks for, as far as it is known: of a change whose text
/// is still to come, that its lines go.
fn asked(
    event: &Event,
    touched: Option<Action>,
    file: &DraftFile,
    known: &Known,
) -> Option<Action> {
    let handle = known.shown.as_ref()?.handle;
    match event {
        Event::File { verb: Verb::Write, .. } => {
            Some(Action::Write { handle, text: String::new() })
        }
        Event::File { verb: Verb::Remove, .. } => Some(Action::Remove { handle }),
        Event::Place {
            find: Find::Lines(Op { kind: OpKind::Insert { after, .. }, .. }), ..
        } => {
            let body = Body::Text("\n".to_owned());
            let op = Op::from(OpKind::Insert { after: *after, body });
            Some(Action::Edit { handle, ops: vec![op], final_newline: None })
        }
        Event::Place { .. } => touched,
        Event::Change { find: Find::Lines(op), .. } if is_placeholder(&op.kind) => None,
        // Which lines a name means, only a parser knows.
        Event::Change { find: Find::Symbol { .. }, .. } => None,
        // Which of several places is meant is not known.
        Event::Change { find: Find::Text(_), .. } if touched.is_none() => None,
        Event::Change { find, .. } => {
            let finds = vec![find.clone()];
            let task = Task::Edit { finds, final_newline: None, to: None };
            let draft = Draft { files: vec![DraftFile { task, ..file.clone() }] };
            let resolved = resolve(&draft, std::slice::from_ref(known), &[]).ok()?;
            resolved.script.files.into_iter().next().map(|file| file.action)
        }
        Event::File { .. } | Event::Row { .. } => None,
    }
}

/// Returns whether an operation's text is not that of its author: a register,
/// or a reader that keeps no text.
fn is_placeholder(kind: &OpKind) -> bool {
    match kind {
        OpKind::Replace { body, .. } | OpKind::Insert { body, .. } => match body {
            Body::Text(text) => text == "\n",
            Body::Register(_) => true,
        },
        OpKind::Delete { register, .. } => register.is_some(),
    }
}

/// Returns the refusal of a text that is too long.
pub(super) fn too_long(taken: usize) -> Refusal {
    let text = format!("the edit is longer than may be kept, after {taken} bytes");
    Refusal::new(Code::TooLarge, text)
}
