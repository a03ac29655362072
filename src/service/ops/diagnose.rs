//! `lsp/diagnostics`: what language servers find in files, with the rows it
//! stands in, so that an edit can follow without another read.

use std::sync::Arc;
use std::time::Duration;

use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use engine::verify::{Diagnostic as Found, Severity, Verdict};
use lsp_bridge::collect::Evidence;
use lsp_bridge::error::BridgeError;

use super::reject::Rejected;
use super::search::show;
use crate::service::api::{
    Attempt, Diagnose, Diagnosed, Diagnostic, Fault, FileDiagnostics, Reply, Response, ServerWord,
};
use crate::service::languages::{document, word};
use crate::service::session::Session;
use crate::service::walk::{self, Scope, walk};
use crate::service::workspace::state_refusal;
use crate::service::{Service, internal, now_ms};

/// The longest that servers are waited for.
const LONGEST: Duration = Duration::from_secs(120);

/// Files of one answer.
const FILES_MAX: usize = 200;

/// Findings of one answer; the files that would hold more are named all the
/// same.
const FINDINGS_MAX: usize = 200;

/// Operations of the session whose files are looked at where none are named.
const OPERATIONS: usize = 50;

/// Which content findings are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// One that was replaced: its rows are not shown.
    Before,
    /// That of now.
    After,
}

/// Returns what is wrong with the files.
pub(in crate::service) fn diagnose(
    service: &Service,
    request: &Diagnose,
    session: &Session,
) -> Result<Reply, Fault> {
    match look(service, request, session) {
        Ok(answer) => {
            let event = note(service, session, &answer)?;
            let attempt = Some(Attempt { event, ..Attempt::default() });
            Ok(Reply { response: Response::Diagnosed(answer), attempt })
        }
        Err(refusal) => Rejected::of(refusal).answer(service, session, "read.rejected"),
    }
}

fn look(service: &Service, request: &Diagnose, session: &Session) -> Result<Diagnosed, Refusal> {
    let bridge = service.languages.ask()?;
    let (paths, is_cut) = match request.paths.is_empty() {
        true => changed(service, session)?,
        false => named(service, &request.paths)?,
    };
    let served: Vec<String> = paths.iter().filter(|path| bridge.serves(path)).cloned().collect();
    if served.is_empty() {
        return Err(unserved(service, &paths));
    }
    let budget = Duration::from_millis(request.wait_ms).min(LONGEST);
    let evidence = bridge.diagnostics(served, budget);
    let verdicts = evidence.iter().map(|one| one.findings.verdict);
    let verdict = verdicts.max_by_key(|verdict| rank(*verdict));
    let found: usize = evidence.iter().map(|one| one.findings.diagnostics.len()).sum();
    let files = merged(&evidence);
    Ok(Diagnosed {
        verdict: word(verdict.unwrap_or(Verdict::Inconclusive)),
        files: findings(service, session, files, Side::After),
        servers: evidence.into_iter().map(server_word).collect(),
        more: is_cut || found > FINDINGS_MAX,
    })
}

/// Returns the files that are named, and whether there were too many.
fn named(service: &Service, paths: &[String]) -> Result<(Vec<String>, bool), Refusal> {
    let workspace = &service.workspace;
    for path in paths.iter().filter(|path| !matches!(path.trim_end_matches('/'), "" | ".")) {
        let located = workspace.locate(path)?;
        if workspace.root.join(located.as_str()).symlink_metadata().is_err() {
            return Err(Refusal::new(Code::Missing, "the file is not there").at(path));
        }
    }
    let scope = Scope { paths: paths.to_vec(), ..Scope::default() };
    let found = walk(workspace, &scope)?.filter_map(|found| match found {
        walk::Found::File(path) => Some(path.as_str().to_owned()),
        walk::Found::Directory(_) => None,
    });
    let bridge = service.languages.as_they_are().ok();
    let (mut served, mut unserved) = (Vec::new(), Vec::new());
    for path in found {
        match bridge.and_then(|bridge| bridge.unserved(&path)) {
            None if served.len() >= FILES_MAX => return Ok((served, true)),
            None => served.push(path),
            // One that somebody could serve says more than any other.
            Some(BridgeError::NoServer { .. }) => unserved.push(path),
            Some(_) => unserved.insert(0, path),
        }
        unserved.truncate(1);
    }
    Ok((if served.is_empty() { unserved } else { served }, false))
}

/// Returns the files that the session changed last.
fn changed(service: &Service, session: &Session) -> Result<(Vec<String>, bool), Refusal> {
    let state = &service.workspace.state;
    let broken = |error: crate::state::StateError| state_refusal(&error);
    let mut paths: Vec<String> = Vec::new();
    for row in state.operations(None, None, OPERATIONS).map_err(broken)? {
        if row.session != session.row.id {
            continue;
        }
        for step in state.steps(row.id).map_err(broken)? {
            let path = step.step.new_path();
            let is_there = matches!(service.workspace.now(path, false), Ok(Some(_)));
            if is_there && !paths.iter().any(|other| other == path.as_str()) {
                paths.push(path.as_str().to_owned());
            }
        }
    }
    let is_cut = paths.len() > FILES_MAX;
    paths.truncate(FILES_MAX);
    Ok((paths, is_cut))
}

/// Returns why nobody can be asked about these files.
fn unserved(service: &Service, paths: &[String]) -> Refusal {
    let Some(first) = paths.first() else {
        let text =
            "no files are named that a language server is for, and this session changed none";
        return Refusal::new(Code::NotFound, text);
    };
    let why = service.languages.as_they_are().ok().and_then(|bridge| bridge.unserved(first));
    match why {
        Some(error) => error.refusal().at(first),
        None => Refusal::new(Code::Unsupported, "no language server is for it").at(first),
    }
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fresh => 0,
        Verdict::Partial => 1,
        Verdict::Temporal => 2,
        Verdict::Inconclusive => 3,
    }
}

fn server_word(evidence: Evidence) -> ServerWord {
    let verdict = word(evidence.findings.verdict);
    ServerWord { server: evidence.server, path: evidence.path, verdict, reason: evidence.reason }
}

type FileFindings = (String, Option<Arc<Snapshot>>, Vec<Found>);

/// Returns the findings of all servers, file by file.
fn merged(evidence: &[Evidence]) -> Vec<FileFindings> {
    let mut files: Vec<FileFindings> = Vec::new();
    for one in evidence {
        match files.last_mut().filter(|(path, _, _)| *path == one.path) {
            Some((_, _, found)) => found.extend(one.findings.diagnostics.iter().cloned()),
            None => files.push((one.path.clone(), None, one.findings.diagnostics.clone())),
        }
    }
    files
}

/// Returns findings as they are told, with the rows they stand in, which count
/// as shown. A file without a content is taken as it is now.
pub(super) fn findings(
    service: &Service,
    session: &Session,
    files: Vec<FileFindings>,
    side: Side,
) -> Vec<FileDiagnostics> {
    let mut left = FINDINGS_MAX;
    let mut bytes = service.workspace.limits.read_bytes;
    let mut told: Vec<FileDiagnostics> = Vec::new();
    for (path, snapshot, mut found) in files {
        found.sort_by_key(|one| (one.range.start, one.range.end));
        found.truncate(left);
        left -= found.len();
        let Some(file) = of_file(service, session, path, snapshot, &found, side, &mut bytes) else {
            continue;
        };
        // Several servers may speak of one file.
        match told.iter_mut().find(|other| other.path == file.path && other.text == file.text) {
            Some(other) => other.diagnostics.extend(file.diagnostics),
            None => told.push(file),
        }
    }
    told
}

fn of_file(
    service: &Service,
    session: &Session,
    path: String,
    snapshot: Option<Arc<Snapshot>>,
    found: &[Found],
    side: Side,
    bytes: &mut usize,
) -> Option<FileDiagnostics> {
    if found.is_empty() {
        return None;
    }
    let place = RelPath::parse(&path).ok()?;
    let now = || document(&service.workspace, &place).ok().flatten();
    let snapshot = snapshot.or_else(now)?;
    let diagnostics: Vec<Diagnostic> = found.iter().map(|one| told(&snapshot, one)).collect();
    let (mut handle, mut text) = (None, String::new());
    if side == Side::After {
        let rows: Vec<_> = diagnostics.iter().map(|one| one.lines.0 - 1..one.lines.0).collect();
        let total = snapshot.line_count();
        let rows: Vec<_> = rows.into_iter().filter(|row| row.end <= total).collect();
        let shown = show(service, session, &place, &snapshot, &rows, 0, bytes).ok()?;
        (handle, text) = (Some(shown.handle), shown.text);
    }
    Some(FileDiagnostics { path, handle, diagnostics, text })
}

/// Returns one finding in lines.
fn told(snapshot: &Snapshot, found: &Found) -> Diagnostic {
    let end = snapshot.bytes.len();
    let (start, stop) = (found.range.start.min(end), found.range.end.min(end));
    let line = |at: usize| snapshot.lines.line_at(at.min(end.saturating_sub(1)));
    let first = line(start);
    let begin = snapshot.lines.start(first).min(start);
    let before = String::from_utf8_lossy(&snapshot.bytes[begin..start]);
    let last = line(stop.saturating_sub(1).max(start));
    Diagnostic {
        lines: (first + 1, last.max(first) + 1),
        column: before.trim_start_matches('\u{feff}').chars().count() + 1,
        severity: match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        },
        source: found.source.clone(),
        message: found.message.clone(),
    }
}

fn note(service: &Service, session: &Session, answer: &Diagnosed) -> Result<i64, Fault> {
    let files: Vec<_> = answer.files.iter().map(|file| &file.path).collect();
    let data = serde_json::json!({ "files": files, "verdict": answer.verdict }).to_string();
    let state = &service.workspace.state;
    state.append_event(now_ms(), "read.diagnosed", &session.row.id, None, &data).map_err(internal)
}
