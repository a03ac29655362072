//! `lsp/format`: a file, some of its lines, or those that the session changed
//! last, as the formatter of a language server would write them.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::drift::line_hunks;
use engine::edit::{Change, Edit};
use engine::error::{Code, Refusal};
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use lsp_bridge::bridge::Bridge;
use lsp_bridge::intelligence::Indentation;
use lsp_bridge::source_change::{FileChange, SourceChange};

use super::ask::{check_lines, refused};
use super::place::now;
use super::reject::Rejected;
use super::rename::budget;
use super::server_change::{Proposal, carry};
use super::stored_change::Wanted;
use crate::service::Service;
use crate::service::api::{Fault, Format, Reply, ServerChange, Stretch, Texts};
use crate::service::session::Session;
use crate::service::workspace::{change_from, state_refusal};

/// Stretches of lines that are formatted at once.
const STRETCHES_MAX: usize = 50;

/// Rows that are looked at for how a file indents.
const ROWS_LOOKED_AT: usize = 1000;

/// Operations that are looked through for the session's last one at the file.
const OPERATIONS: usize = 50;

/// Formats.
pub(in crate::service) fn format(
    service: &Service,
    request: &Format,
    session: &Session,
) -> Result<Reply, Fault> {
    let wanted = Wanted::Format(request.clone());
    carry(service, session, &wanted, Texts::default(), || propose(service, request, session))
}

fn propose(service: &Service, request: &Format, session: &Session) -> Result<Proposal, Rejected> {
    let (path, snapshot) = now(service, &request.path)?;
    let refuse = |code, text: &str| Refusal::new(code, text).at(path.as_str());
    let stretches = match &request.stretch {
        Stretch::Whole => None,
        Stretch::Lines(lines) => {
            let total = snapshot.line_count();
            let checked = lines.iter().map(|lines| check_lines(*lines, total));
            let checked = checked.collect::<Result<Vec<_>, _>>();
            Some(checked.map_err(|refusal| refusal.at(path.as_str()))?)
        }
        Stretch::Changed => Some(changed(service, session, &path, &snapshot)?),
    };
    if stretches.as_ref().is_some_and(Vec::is_empty) {
        return Err(refuse(Code::NotFound, "this session changed no lines that still stand").into());
    }
    if stretches.as_ref().is_some_and(|lines| lines.len() > STRETCHES_MAX) {
        let text = format!("at most {STRETCHES_MAX} ranges of lines are formatted at once");
        return Err(refuse(Code::TooLarge, &text).into());
    }
    let bridge = service.languages.ask()?;
    let budget = budget(request.how.wait_ms);
    let (server, change) = formatted(bridge, &path, &snapshot, stretches, budget)?;
    if change.is_empty() {
        return Err(refuse(Code::NoChange, "it is formatted already").into());
    }
    let file = FileChange { path: path.as_str().to_owned(), before: snapshot, change };
    let change = SourceChange { files: Vec::from([file]), operations: Vec::new() };
    let told = ServerChange { server, title: format!("format {path}"), ..ServerChange::default() };
    Ok(Proposal { change, told })
}

/// Returns what the formatter does to some stretches of lines, or to all.
fn formatted(
    bridge: &Bridge,
    path: &RelPath,
    snapshot: &Arc<Snapshot>,
    stretches: Option<Vec<Range<usize>>>,
    budget: Duration,
) -> Result<(String, Change), Rejected> {
    let until = Instant::now() + budget;
    let stretches: Vec<Option<(usize, usize)>> = match stretches {
        None => Vec::from([None]),
        Some(lines) => lines.iter().map(|lines| Some((lines.start, lines.end - 1))).collect(),
    };
    let mut edits: Vec<Edit> = Vec::new();
    let mut server = String::new();
    for lines in stretches {
        let left = until.saturating_duration_since(Instant::now());
        let answer = bridge.format(path.as_str(), lines, indentation(snapshot), left);
        let answer = answer.map_err(|error| refused(&error, path.as_str()))?;
        if answer.value.before.hash != snapshot.hash {
            let text = "the file was written to while the formatter was asked";
            return Err(Refusal::new(Code::Stale, text).at(path.as_str()).into());
        }
        server = answer.server;
        // Neighbouring stretches may be given the same edit.
        let news = answer.value.change.edits().iter();
        let news: Vec<Edit> = news.filter(|edit| !edits.contains(edit)).cloned().collect();
        edits.extend(news);
    }
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let change = Change::new(edits, snapshot.bytes.len()).map_err(|_| {
        let text = "the formatter changes the same lines in several ways; format one range";
        Refusal::new(Code::Overlap, text).at(path.as_str())
    })?;
    Ok((server, if change.keeps(&snapshot.bytes) { Change::default() } else { change }))
}

/// Returns the lines of now (from 0) that the session's last operation at the
/// file wrote, as far as they still stand.
fn changed(
    service: &Service,
    session: &Session,
    path: &RelPath,
    now: &Snapshot,
) -> Result<Vec<Range<usize>>, Refusal> {
    let (workspace, state) = (&service.workspace, &service.workspace.state);
    let broken = |error: crate::state::StateError| state_refusal(&error);
    let rows = state.operations(None, Some(path.as_str()), OPERATIONS).map_err(broken)?;
    let Some(row) = rows.into_iter().find(|row| row.session == session.row.id) else {
        return Ok(Vec::new());
    };
    let steps = state.steps(row.id).map_err(broken)?;
    let Some(step) = steps.into_iter().find(|step| step.step.new_path() == path) else {
        return Ok(Vec::new());
    };
    let Some(written) = step.step.after else { return Ok(Vec::new()) };
    let lines = match (&step.edits, step.step.before) {
        (Some(edits), Some(before)) => {
            let change = change_from(edits).map_err(broken)?;
            let before = workspace.content(path, &before)?;
            written_lines(&line_hunks(&change, &before, &before.after(&change)))
        }
        _ => std::iter::once(0..usize::MAX).collect(),
    };
    carried(service, path, (written, now), lines)
}

fn written_lines(hunks: &[(Range<usize>, usize)]) -> Vec<Range<usize>> {
    let mut shift = 0_i64;
    let lines = hunks.iter().map(|(old, new)| {
        let start = (old.start as i64 + shift) as usize;
        shift += *new as i64 - old.len() as i64;
        start..start + new
    });
    lines.filter(|lines| !lines.is_empty()).collect()
}

/// Returns lines of a content that was written as lines of now.
fn carried(
    service: &Service,
    path: &RelPath,
    (written, now): (ContentHash, &Snapshot),
    lines: Vec<Range<usize>>,
) -> Result<Vec<Range<usize>>, Refusal> {
    use engine::drift::{Since, Trail};
    let workspace = &service.workspace;
    let since = workspace.since(path, &written, &now.hash);
    let since = since.map_err(|error| state_refusal(&error))?;
    let moved: Vec<Range<usize>> = match &since {
        Since::Same => lines,
        since => {
            let seen = workspace.content(path, &written)?;
            let constructs = Some(&*service.syntax as &dyn engine::drift::Constructs);
            let trail = Trail::of(since, &seen, now, path.as_str(), constructs);
            lines.iter().filter_map(|lines| trail.follow(lines)).collect()
        }
    };
    let total = now.line_count();
    let cut = moved.into_iter().map(|lines| lines.start..lines.end.min(total));
    Ok(cut.filter(|lines| !lines.is_empty()).collect())
}

/// Returns how a file indents, by its rows.
fn indentation(snapshot: &Snapshot) -> Indentation {
    let rows = (0..snapshot.line_count().min(ROWS_LOOKED_AT)).map(|line| snapshot.line(line));
    let mut widths: Vec<u32> = Vec::new();
    for row in rows {
        if row.first() == Some(&b'\t') {
            return Indentation { width: 4, spaces: false };
        }
        let width = row.iter().take_while(|byte| **byte == b' ').count();
        if width > 1 && width < row.len() {
            widths.push(width as u32);
        }
    }
    let width = widths.into_iter().min().filter(|width| *width <= 8);
    Indentation { width: width.unwrap_or(Indentation::default().width), spaces: true }
}
