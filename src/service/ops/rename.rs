//! `lsp/rename` and `lsp/rename_file`: a symbol under another name, a file at
//! another place, and everything that names them, in one operation.

use std::sync::Arc;
use std::time::Duration;

use engine::error::{Code, Refusal};
use engine::store::RelPath;
use lsp_bridge::census::Occurrence;
use lsp_bridge::error::BridgeError;
use lsp_bridge::rename::{Proof, RenameRequest};

use super::place::{self, Place};
use super::reject::{Cure, Rejected};
use super::search::show;
use super::server_change::{Proposal, carry};
use super::stored_change::Wanted;
use crate::service::Service;
use crate::service::api::{Fault, FileMatches, Rename, RenameFile, Reply, ServerChange, Texts};
use crate::service::languages::document;
use crate::service::session::Session;

/// The longest that a server is waited for.
const LONGEST: Duration = Duration::from_secs(300);

/// Files of one answer in which places are left out.
const UNCOVERED_FILES: usize = 20;

/// Bytes of the rows that show such places.
const UNCOVERED_BYTES: usize = 16 << 10;

/// Renames a symbol.
pub(in crate::service) fn rename(
    service: &Service,
    request: &Rename,
    session: &Session,
) -> Result<Reply, Fault> {
    let new_text = Texts::from_iter([request.to.as_str()]);
    let wanted = Wanted::Rename(request.clone());
    carry(service, session, &wanted, new_text, || propose(service, request, session))
}

fn propose(service: &Service, request: &Rename, session: &Session) -> Result<Proposal, Rejected> {
    let Place { path, range, name, .. } = place::find(service, &request.spot)?;
    check_name(&request.to)?;
    let bridge = service.languages.ask()?;
    let asked = RenameRequest {
        path: path.as_str().to_owned(),
        offset: range.start,
        old_name: name.clone(),
        new_name: request.to.clone(),
        budget: budget(request.how.wait_ms),
        accept_uncovered: request.accept_uncovered,
    };
    let census = service.languages.census();
    let renamed =
        bridge.rename(asked, census).map_err(|error| refused(service, session, &path, error))?;
    let (uncovered, more) = matches(service, session, &renamed.uncovered);
    let told = ServerChange {
        server: renamed.server,
        title: format!("rename {name} to {}", request.to),
        proof: Some(match renamed.proof {
            Proof::Census => "census",
            Proof::Ready => "ready",
            Proof::Consent => "consent",
        }),
        uncovered,
        more,
        ..ServerChange::default()
    };
    Ok(Proposal { change: renamed.change, told })
}

/// Refuses what can be a name in no language, before a server is asked.
fn check_name(name: &str) -> Result<(), Refusal> {
    match name.is_empty() || name.contains(char::is_control) || name.trim() != name {
        true => Err(Refusal::new(Code::Malformed, format!("{name:?} is no name"))),
        false => Ok(()),
    }
}

/// Moves a file, and what names it with it.
pub(in crate::service) fn rename_file(
    service: &Service,
    request: &RenameFile,
    session: &Session,
) -> Result<Reply, Fault> {
    let new_text = Texts::from_iter([request.to.as_str()]);
    let wanted = Wanted::RenameFile(request.clone());
    carry(service, session, &wanted, new_text, || {
        let (from, _) = place::now(service, &request.path)?;
        let to = service.workspace.locate(&request.to)?;
        let bridge = service.languages.ask()?;
        let budget = budget(request.how.wait_ms);
        let change = bridge.rename_file(from.as_str(), to.as_str(), budget);
        let change = change.map_err(|error| Rejected::of(error.refusal().at(from.as_str())))?;
        let told =
            ServerChange { title: format!("move {from} to {to}"), ..ServerChange::default() };
        Ok(Proposal { change, told })
    })
}

/// Returns how long a server may take.
pub(super) fn budget(wait_ms: u64) -> Duration {
    Duration::from_millis(wait_ms).min(LONGEST)
}

/// Returns why a server's answer cannot be used; of a rename that leaves places
/// out, with these.
fn refused(service: &Service, session: &Session, path: &RelPath, error: BridgeError) -> Rejected {
    let refusal = error.refusal();
    let refusal = if refusal.path.is_some() { refusal } else { refusal.at(path.as_str()) };
    match error {
        BridgeError::Incomplete { uncovered, .. } => {
            let (uncovered, _) = matches(service, session, &uncovered);
            Rejected::of(refusal).with(Cure { uncovered, ..Cure::default() })
        }
        _ => Rejected::of(refusal),
    }
}

/// Returns places as the matches of a search, whose rows count as shown, and
/// whether there are more.
fn matches(
    service: &Service,
    session: &Session,
    places: &[Occurrence],
) -> (Vec<FileMatches>, bool) {
    let mut files = Vec::new();
    let mut bytes = UNCOVERED_BYTES;
    let mut more = false;
    for places in places.chunk_by(|a, b| a.path == b.path) {
        if files.len() >= UNCOVERED_FILES || bytes == 0 {
            more = true;
            break;
        }
        let Ok(path) = RelPath::parse(&places[0].path) else { continue };
        let Ok(Some(snapshot)) = document(&service.workspace, &path) else { continue };
        let total = snapshot.line_count();
        let lines = places.iter().map(|place| place.line..place.line + 1);
        let mut lines: Vec<_> = lines.filter(|line| line.end <= total).collect();
        lines.dedup();
        let shown = show(service, session, &path, &Arc::clone(&snapshot), &lines, 0, &mut bytes);
        files.extend(shown);
    }
    (files, more)
}
