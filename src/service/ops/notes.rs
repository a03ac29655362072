//! `session/listen`: what sessions are told without asking.

use engine::anchor::lines_of;
use engine::hash::ContentHash;
use engine::store::RelPath;

use crate::service::api::{Fault, FileChange, Interest, Note, Notes, Wake};
use crate::service::mail::{Touched, Waiting};
use crate::service::session::Session;
use crate::service::{Service, diff, internal};

/// How many differences of one file are told.
const MOST_HUNKS: usize = 200;

/// Begins to gather notes for a session.
pub(in crate::service) fn listen(
    service: &Service,
    session: &Session,
    interest: Interest,
    wake: Wake,
) -> Result<u64, Fault> {
    let seen = match interest.files {
        true => service.workspace.seen_by(&session.row.id).map_err(internal)?,
        false => Vec::new(),
    };
    service.watch.watch(seen.iter().map(|(path, _)| path));
    Ok(service.mail.listen(&session.row.id, interest, wake, seen))
}

/// Returns the notes that wait for a listener.
pub(in crate::service) fn take(service: &Service, listener: u64) -> Notes {
    let Waiting { session, mut notes, touched, again } = service.mail.take(listener);
    for (path, seen, touched) in touched {
        notes.extend(change(service, listener, &session, &path, seen, &touched).map(Note::Changed));
    }
    Notes { notes, again }
}

/// Returns how a file differs from what the session saw, if it does and the
/// session was not told before.
fn change(
    service: &Service,
    listener: u64,
    session: &str,
    path: &RelPath,
    seen: ContentHash,
    touched: &Touched,
) -> Option<FileChange> {
    let workspace = &service.workspace;
    // One that cannot be read now will be told of when it is touched again.
    let now = workspace.now(path, true).ok()?;
    let hash = now.as_ref().map(|now| now.hash);
    let is_news = service.mail.tell(listener, path, hash);
    if !is_news || hash == Some(seen) {
        return None;
    }
    let before = workspace.content(path, &seen).ok();
    let hunks = match (&before, &now) {
        (Some(before), Some(now)) => diff::hunks(before, now),
        _ => Vec::new(),
    };
    let lines = |hunk: &diff::Hunk| (lines_of(&hunk.old), lines_of(&hunk.new));
    let by = touched.by.as_deref().and_then(|by| workspace.state.session(by).ok().flatten());
    Some(FileChange {
        session: session.to_owned(),
        path: path.as_str().to_owned(),
        seen: workspace.handle_of(path, &seen).ok(),
        is_gone: now.is_none(),
        is_unsaved: workspace.held(path).ok().flatten().is_some_and(|held| !held.is_saved),
        hunks: hunks.iter().take(MOST_HUNKS).map(lines).collect(),
        agent: by.map(|row| row.agent).filter(|agent| !agent.is_empty()),
        operation: touched.operation,
    })
}
