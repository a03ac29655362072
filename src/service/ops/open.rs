//! `session/open`: begin a session, or go on with one.

use crate::service::api::{Fault, Open, Opened, Reply, Response};
use crate::service::{Service, internal, now_ms, plain};
use crate::state::{SessionRow, fill_random};

/// The longest name that a session can be given, in bytes.
const NAME_BYTES: usize = 128;

/// Returns the session, new or resumed. A name that is not known yet begins a
/// session of that name.
pub(in crate::service) fn open(service: &Service, open: Open) -> Result<Reply, Fault> {
    let workspace = &service.workspace;
    let id = match open.resume {
        Some(name) if name.is_empty() || name.len() > NAME_BYTES => {
            return Err(Fault::InvalidParams(format!(
                "a session's name has 1 to {NAME_BYTES} bytes"
            )));
        }
        Some(name) => name,
        None => fresh_name()?,
    };
    let known = workspace.state.session(&id).map_err(internal)?;
    let keep = |new: String, old: fn(&SessionRow) -> &String| match (&known, new.is_empty()) {
        (Some(known), true) => old(known).clone(),
        _ => new,
    };
    let row = SessionRow {
        client: keep(open.client, |row| &row.client),
        agent: keep(open.agent, |row| &row.agent),
        model: keep(open.model, |row| &row.model),
        opened_ms: known.as_ref().map_or_else(now_ms, |known| known.opened_ms),
        id,
    };
    let unchanged = known.as_ref() == Some(&row);
    let session = row.id.clone();
    if !unchanged {
        let data = serde_json::json!({
            "client": row.client, "agent": row.agent, "model": row.model,
        });
        let kind = if known.is_some() { "session.resumed" } else { "session.opened" };
        service.sessions.put(row, &workspace.state).map_err(internal)?;
        let event = workspace.state.append_event(now_ms(), kind, &session, None, &data.to_string());
        event.map_err(internal)?;
    }
    let root = workspace.root.to_string_lossy().into_owned();
    Ok(plain(Response::Opened(Opened { session, root, limits: workspace.limits.clone() })))
}

/// Returns 128 random bits as text.
fn fresh_name() -> Result<String, Fault> {
    let mut bits = [0; 16];
    fill_random(&mut bits).map_err(|error| Fault::Internal(error.to_string()))?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}
