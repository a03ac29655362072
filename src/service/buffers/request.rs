//! An edit that an editor is asked for, and the judgement whether it was made.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use engine::drift::line_hunks;
use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::RelPath;

use super::{Answer, Buffers, Held, Pending};
use crate::service::diff;

/// How long an editor may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the text may take to follow an editor's word that it made the edit:
/// editors gather what they tell for up to half a second.
const GRACE: Duration = Duration::from_millis(1500);

/// An edit that was asked for.
pub(in crate::service) struct Wanted<'a> {
    /// The file.
    pub(in crate::service) path: &'a RelPath,
    /// What the document held, and where.
    pub(in crate::service) held: &'a Held,
    /// What it is to hold.
    pub(in crate::service) after: &'a Snapshot,
    /// What makes the one of the other.
    pub(in crate::service) change: &'a Change,
}

/// An edit that is in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Landed {
    /// The document held exactly what it was to hold.
    Exactly,
    /// It is in there, with what a person typed right after it.
    Beneath,
}

/// What can be said so far.
enum Judgement {
    Landed(Landed),
    Refused(String),
    Later(Instant),
}

impl Buffers {
    /// Returns the number under which an editor will answer.
    pub(in crate::service) fn expect_answer(&self, wanted: &Wanted<'_>) -> u64 {
        let mut inner = self.lock();
        inner.next_request += 1;
        let id = inner.next_request;
        let request = Pending {
            editor: wanted.held.editor.clone(),
            path: wanted.path.clone(),
            after: wanted.after.hash,
            was_there: false,
            answer: None,
        };
        inner.requests.insert(id, request);
        id
    }

    /// Takes in what an editor says of an edit.
    pub(in crate::service) fn answered(&self, id: u64, applied: bool, reason: Option<String>) {
        let mut inner = self.lock();
        if let Some(request) = inner.requests.get_mut(&id) {
            request.answer = Some(Answer { applied, reason, at: Instant::now() });
        }
        drop(inner);
        self.moved.notify_all();
    }

    /// Waits until it is known whether edit `id` was made.
    ///
    /// # Errors
    /// `stale` where it was not: somebody typed meanwhile, or the editor would
    /// not. `timeout` where the editor says nothing.
    pub(in crate::service) fn wait_for(
        &self,
        id: u64,
        wanted: &Wanted<'_>,
    ) -> Result<Landed, Refusal> {
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.lock();
        let result = loop {
            let request = inner.requests.get(&id);
            if request.is_some_and(|request| request.was_there) {
                break Ok(Landed::Exactly);
            }
            let answer = request.and_then(|request| request.answer.clone());
            let now = inner
                .document(&wanted.held.editor, wanted.path)
                .ok()
                .and_then(|document| document.held())
                .map(|held| held.content);
            match judge(wanted, now.as_ref(), answer.as_ref(), deadline) {
                Judgement::Landed(landed) => break Ok(landed),
                Judgement::Refused(text) => break Err(Refusal::new(Code::Stale, text)),
                Judgement::Later(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() && answer.is_none() {
                        let text = "the editor that has the file open does not answer; read the \
                                    file to see whether it made the edit after all";
                        break Err(Refusal::new(Code::Timeout, text));
                    }
                    let wait = self.moved.wait_timeout(inner, left);
                    inner = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        };
        inner.requests.remove(&id);
        result.map_err(|refusal| refusal.at(wanted.path.as_str()))
    }
}

/// Judges by what the document holds; what the editor says only tells when there
/// is nothing more to wait for.
fn judge(
    wanted: &Wanted<'_>,
    now: Option<&Arc<Snapshot>>,
    answer: Option<&Answer>,
    deadline: Instant,
) -> Judgement {
    let Some(now) = now else {
        return Judgement::Refused("the editor closed the file meanwhile".to_owned());
    };
    if now.hash == wanted.after.hash {
        return Judgement::Landed(Landed::Exactly);
    }
    match answer {
        None => Judgement::Later(deadline),
        Some(Answer { applied: false, reason, .. }) => {
            let reason = reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let text = format!(
                "the file is open in an editor, which did not make the edit{reason}: somebody \
                 typed there meanwhile"
            );
            Judgement::Refused(text)
        }
        Some(Answer { applied: true, at, .. }) => {
            if now.hash != wanted.held.content.hash && is_beneath(wanted, now) {
                return Judgement::Landed(Landed::Beneath);
            }
            match *at + GRACE {
                until if until > Instant::now() => Judgement::Later(until),
                _ => Judgement::Refused(
                    "the file is open in an editor whose text is not what the edit makes of it: \
                     somebody typed there meanwhile"
                        .to_owned(),
                ),
            }
        }
    }
}

/// Returns whether `now` is what the edit makes of the document with something
/// more in it, away from what the edit wrote: between the two, no line that the
/// edit wrote was touched, nor one next to it.
fn is_beneath(wanted: &Wanted<'_>, now: &Snapshot) -> bool {
    let (before, after) = (&wanted.held.content, wanted.after);
    let later = diff::hunks(after, now);
    let mut shift = 0_i64;
    let written = line_hunks(wanted.change, before, after).into_iter().map(|(old, new)| {
        let start = (old.start as i64 + shift) as usize;
        shift += new as i64 - old.len() as i64;
        start.saturating_sub(1)..start + new + 1
    });
    let is_free = |lines: std::ops::Range<usize>| {
        later.iter().all(|hunk| hunk.old.end <= lines.start || hunk.old.start >= lines.end)
    };
    written.into_iter().all(is_free)
}
