//! `lsp/actions`: what language servers offer to do about lines of a file, and
//! one of these done, through a transaction like any other.

use std::ops::Range;
use std::time::Instant;

use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use lsp_bridge::actions::Action;
use lsp_bridge::bridge::Bridge;

use super::ask::{check_lines, refused, state_of};
use super::place::{carried, now};
use super::reject::Rejected;
use super::rename::budget;
use super::server_change::{Proposal, carry};
use super::stored_change::Wanted;
use crate::service::Service;
use crate::service::api::{
    Actions, ActionsAnswer, Fault, OfferedAction, Reply, Response, ServerChange,
};
use crate::service::plain;
use crate::service::session::Session;

/// Returns what is offered, or what became of the one that is to be done.
pub(in crate::service) fn actions(
    service: &Service,
    request: &Actions,
    session: &Session,
) -> Result<Reply, Fault> {
    if request.apply {
        let new_text = request.title.as_deref().into_iter().collect();
        let wanted = Wanted::Action(request.clone());
        return carry(service, session, &wanted, new_text, || propose(service, request));
    }
    match list(service, request) {
        Ok(answer) => Ok(plain(Response::Actions(answer))),
        Err(rejected) => rejected.answer(service, session, "read.rejected"),
    }
}

/// One offer, and who makes it.
struct Offer {
    server: String,
    action: Action,
}

fn list(service: &Service, request: &Actions) -> Result<ActionsAnswer, Rejected> {
    let (path, offers, state) = offers(service, request)?;
    let offered = |Offer { server, action }: Offer| OfferedAction {
        title: action.title,
        kind: action.kind,
        preferred: action.is_preferred,
        disabled: action.disabled,
        server,
    };
    let actions = offers.into_iter().map(offered).collect();
    Ok(ActionsAnswer { path: path.as_str().to_owned(), state, actions })
}

/// Returns what all servers for the file offer, and the worst of their states.
fn offers(
    service: &Service,
    request: &Actions,
) -> Result<(RelPath, Vec<Offer>, &'static str), Rejected> {
    let bridge = service.languages.ask()?;
    let (path, snapshot) = now(service, &request.path)?;
    let range = bytes(service, request, &path, &snapshot)?;
    let until = Instant::now() + budget(request.how.wait_ms);
    let (mut offers, mut state, mut trouble) = (Vec::new(), "ready", None);
    for server in bridge.servers_for(path.as_str()) {
        let left = until.saturating_duration_since(Instant::now());
        let only = request.kind.as_deref();
        match bridge.code_actions_of(&server, path.as_str(), range.clone(), only, left) {
            Ok(answer) => {
                let (word, _) = state_of(answer.readiness);
                state = if word == "ready" { state } else { word };
                let server = answer.server;
                let offered = answer.value.into_iter();
                let is_asked = |action: &Action| {
                    request.kind.as_deref().is_none_or(|kind| action.kind.starts_with(kind))
                };
                let asked = offered.filter(is_asked);
                offers.extend(asked.map(|action| Offer { server: server.clone(), action }));
            }
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    match (offers.is_empty(), trouble.or_else(|| bridge.unserved(path.as_str()))) {
        (true, Some(error)) => Err(refused(&error, path.as_str())),
        _ => Ok((path, offers, state)),
    }
}

/// Returns the bytes that are asked about; the whole file where no lines are
/// named.
fn bytes(
    service: &Service,
    request: &Actions,
    path: &RelPath,
    snapshot: &Snapshot,
) -> Result<Range<usize>, Rejected> {
    let Some(lines) = request.lines else { return Ok(0..snapshot.bytes.len()) };
    let lines = match request.handle {
        Some(handle) => {
            let first = lines.0.checked_sub(1).filter(|first| *first < lines.1);
            let text = "lines are numbered from 1, the first before the last";
            let malformed = || Refusal::new(Code::Malformed, text).at(path.as_str());
            let first = first.ok_or_else(malformed)?;
            carried(service, (path, snapshot), handle, &(first..lines.1))?
        }
        None => check_lines(lines, snapshot.line_count())
            .map_err(|refusal| refusal.at(path.as_str()))?,
    };
    let mut bytes = snapshot.lines.bytes_of(lines);
    // Up to the end of the last row: behind it, the next one begins.
    while bytes.end > bytes.start && matches!(snapshot.bytes[bytes.end - 1], b'\n' | b'\r') {
        bytes.end -= 1;
    }
    Ok(bytes)
}

fn propose(service: &Service, request: &Actions) -> Result<Proposal, Rejected> {
    let (path, offers, _) = offers(service, request)?;
    let is_meant =
        |offer: &&Offer| request.title.as_ref().is_none_or(|title| offer.action.title == *title);
    let meant: Vec<&Offer> = offers.iter().filter(is_meant).collect();
    let refuse = |code, text: &str| Rejected::of(Refusal::new(code, text).at(path.as_str()));
    let Offer { server, action } = match meant[..] {
        [one] => one,
        [] => return Err(refuse(Code::NotFound, "no such action is offered here")),
        _ => {
            let titles: Vec<&str> = meant.iter().map(|offer| offer.action.title.as_str()).collect();
            let text = format!("several actions are offered; name one: {}", titles.join(" · "));
            return Err(refuse(Code::Ambiguous, &text));
        }
    };
    let bridge: &Bridge = service.languages.ask()?;
    let budget = budget(request.how.wait_ms);
    let change = bridge.action_change_of(server, path.as_str(), action, budget);
    let change = change.map_err(|error| refused(&error, path.as_str()))?;
    if change.value.is_empty() {
        return Err(refuse(Code::NoChange, "the action changes nothing"));
    }
    let (server, title) = (server.clone(), action.title.clone());
    let told = ServerChange { server, title, ..ServerChange::default() };
    Ok(Proposal { change: change.value, told })
}
