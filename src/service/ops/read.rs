//! `file/read`: show lines of a file under the handle of its content.

use std::ops::Range;
use std::sync::Arc;

use engine::anchor::{Handle, LineRange, View, lines_of, render, span_of};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use engine::text::Encoding;

use super::construct;
use super::reject::Rejected;
use crate::service::api::{Attempt, DeltaHunk, Fault, Read, ReadAnswer, ReadBody, Reply, Response};
use crate::service::ledger::Job;
use crate::service::session::Session;
use crate::service::workspace::state_refusal;
use crate::service::{Service, diff, now_ms};

/// Contents up to this size are kept before the answer, larger ones after it.
const KEEP_AT_ONCE: usize = 4 << 20;

/// Returns the rows asked for, or a rejection.
pub(in crate::service) fn read(
    service: &Service,
    request: &Read,
    session: &Session,
) -> Result<Reply, Fault> {
    match look(service, request, session) {
        Ok((answer, attempt)) => {
            Ok(Reply { response: Response::Read(answer), attempt: Some(attempt) })
        }
        Err(rejected) => rejected.answer(service, session, "read.rejected"),
    }
}

fn look(
    service: &Service,
    request: &Read,
    session: &Session,
) -> Result<(ReadAnswer, Attempt), Rejected> {
    let workspace = &service.workspace;
    let (path, now, handle) = content(service, &request.path, request.handle)?;
    let construct = construct::asked(service, request, &path, &now)?;
    let lines = construct.as_ref().map(|(_, lines)| vec![*lines]);
    let lines = lines.as_ref().unwrap_or(&request.lines);
    let page = Page::of(&now, lines, workspace.limits.read_bytes)
        .map_err(|refusal| refusal.at(path.as_str()))?;
    let (body, shown) = match request.known {
        Some(known) => {
            against_known(service, request, session, (&path, known), (&now, handle), &page)?
        }
        None => (text(&now, &page, request), page.ranges.clone()),
    };
    let state = &workspace.state;
    let seen = session.show(handle, &shown, state).map_err(|error| state_refusal(&error))?;
    saw(service, session, &path, &now);
    let symbol = construct.map(|(symbol, _)| symbol);
    let answer = ReadAnswer { symbol, ..describe(&path, &now, handle, body, &shown, page.next) };
    let event = record(service, session, &answer).map_err(|error| state_refusal(&error))?;
    let rows = shown.iter().map(ExactSizeIterator::len).sum();
    let attempt = Attempt {
        event,
        rows: Some((now, shown, request.gutter)),
        reread: (seen, rows),
        ..Attempt::default()
    };
    Ok((answer, attempt))
}

/// Notes that the session saw this content, for what it will be told of the file.
pub(super) fn saw(service: &Service, session: &Session, path: &RelPath, now: &Snapshot) {
    if service.mail.is_heard() {
        service.mail.saw(&session.row.id, path, now.hash);
        if service.mail.wants(path) {
            service.watch.watch(std::iter::once(path));
        }
    }
}

/// Returns the content of a file that is to be shown, that of now unless another
/// is named, and its name.
pub(super) fn content(
    service: &Service,
    path: &str,
    handle: Option<Handle>,
) -> Result<(RelPath, Arc<Snapshot>, Handle), Refusal> {
    let workspace = &service.workspace;
    let path = workspace.locate(path)?;
    let now = match handle {
        Some(handle) => workspace.content(&path, &workspace.named(&path, handle)?)?,
        None => workspace.now(&path, true)?.ok_or_else(|| missing(&path))?,
    };
    keep(service, &now)?;
    let handle = workspace.handle_of(&path, &now.hash).map_err(|error| state_refusal(&error))?;
    Ok((path, now, handle))
}

/// Keeps the content, so that the handle resolves after a restart.
pub(super) fn keep(service: &Service, now: &Arc<Snapshot>) -> Result<(), Refusal> {
    let workspace = &service.workspace;
    let store = || workspace.store(now).map_err(|error| state_refusal(&error));
    if workspace.is_stored(now) {
        return Ok(());
    }
    if now.bytes.len() <= KEEP_AT_ONCE {
        return store();
    }
    match service.ledger.send(Job::Keep(Arc::clone(now))) {
        Ok(()) => Ok(()),
        Err(_) => store(),
    }
}

/// What a read shows of a content.
struct Page {
    ranges: Vec<Range<usize>>,
    /// The line (1-based) to go on with, if the page was full.
    next: Option<usize>,
}

impl Page {
    /// Returns the lines asked for, as far as `limit` bytes go.
    fn of(now: &Snapshot, lines: &[LineRange], limit: usize) -> Result<Page, Refusal> {
        let total = now.line_count();
        if !now.encoding.is_text() {
            return Ok(Page { ranges: Vec::new(), next: None });
        }
        let asked = match lines {
            [] => View::all(total),
            lines => View::of(
                lines
                    .iter()
                    .map(|range| check_range(*range, total))
                    .collect::<Result<Vec<_>, _>>()?,
            ),
        };
        let mut left = limit;
        let mut ranges = Vec::new();
        for range in asked.ranges() {
            let end = fitting(now, range, left);
            if end > range.start {
                left -= now.lines.bytes_of(range.start..end).len();
                ranges.push(range.start..end);
            }
            if end < range.end {
                if ranges.is_empty() {
                    return Err(long_line(end, limit));
                }
                return Ok(Page { ranges, next: Some(end + 1) });
            }
        }
        Ok(Page { ranges, next: None })
    }
}

/// Returns the end of the longest part of `range` that has at most `bytes` bytes.
fn fitting(now: &Snapshot, range: &Range<usize>, bytes: usize) -> usize {
    let whole = now.lines.bytes_of(range.clone());
    if whole.len() <= bytes {
        return range.end;
    }
    now.lines.line_at(whole.start + bytes).clamp(range.start, range.end)
}

fn check_range(lines: LineRange, total: usize) -> Result<Range<usize>, Refusal> {
    let (first, last) = lines;
    if first == 0 || last < first {
        let text =
            format!("lines {first}-{last} are no range: lines count from 1, both ends included");
        return Err(Refusal::new(Code::Malformed, text));
    }
    // A range that reaches beyond the end shows what there is of it.
    let span = span_of((first, last.min(total)));
    Ok(span.start.min(span.end)..span.end)
}

fn long_line(line: usize, limit: usize) -> Refusal {
    let text = format!("line {} alone is longer than a page of {limit} bytes", line + 1);
    Refusal::new(Code::TooLarge, text)
}

fn text(now: &Snapshot, page: &Page, request: &Read) -> ReadBody {
    ReadBody::Text(render(now, &page.ranges, request.gutter))
}

/// Returns as little as the caller needs to know the content, given one it has.
fn against_known(
    service: &Service,
    request: &Read,
    session: &Session,
    (path, known): (&RelPath, Handle),
    (now, handle): (&Arc<Snapshot>, Handle),
    page: &Page,
) -> Result<(ReadBody, Vec<Range<usize>>), Refusal> {
    let workspace = &service.workspace;
    let hash = workspace.named(path, known)?;
    let view = session.view(known, &workspace.state).map_err(|error| state_refusal(&error))?;
    let view = view.unwrap_or_default();
    let whole = (text(now, page, request), page.ranges.clone());
    if known == handle {
        let seen = page.ranges.iter().all(|range| view.contains(range.clone()));
        return Ok(if seen { (ReadBody::Unchanged, Vec::new()) } else { whole });
    }
    let Ok(old) = workspace.content(path, &hash) else { return Ok(whole) };
    let hunks = diff::hunks(&old, now);
    let replaced: Vec<_> = hunks.iter().map(|hunk| (hunk.old.clone(), hunk.new.len())).collect();
    let carried = view.through(&replaced, true);
    let new_lines: usize = hunks.iter().map(|hunk| hunk.new.len()).sum();
    let page_lines: usize = page.ranges.iter().map(ExactSizeIterator::len).sum();
    let seen = page.ranges.iter().all(|range| carried.contains(range.clone()));
    // A delta is worth it where it shows less than the page and leaves nothing out.
    if !seen || (new_lines + hunks.len()) * 2 >= page_lines {
        return Ok(whole);
    }
    let hunk = |hunk: diff::Hunk| DeltaHunk {
        text: render(now, std::slice::from_ref(&hunk.new), request.gutter),
        old: lines_of(&hunk.old),
        new: lines_of(&hunk.new),
    };
    let carried = carried.ranges().to_vec();
    let state = &workspace.state;
    session.show(handle, &carried, state).map_err(|error| state_refusal(&error))?;
    let shown = hunks.iter().map(|hunk| hunk.new.clone()).filter(|new| !new.is_empty()).collect();
    Ok((ReadBody::Delta(hunks.into_iter().map(hunk).collect()), shown))
}

fn describe(
    path: &RelPath,
    now: &Snapshot,
    handle: Handle,
    body: ReadBody,
    shown: &[Range<usize>],
    next: Option<usize>,
) -> ReadAnswer {
    let encoding = match (now.encoding, now.lines.bom()) {
        (Encoding::Utf8, 3) => "utf-8-bom",
        (encoding, _) => encoding.as_str(),
    };
    ReadAnswer {
        path: path.as_str().to_owned(),
        handle,
        body,
        symbol: None,
        shown: shown.iter().map(lines_of).collect(),
        next,
        total_lines: now.line_count(),
        eol: now.eol().as_str(),
        final_newline: now.lines.final_newline(),
        encoding,
        bytes: now.bytes.len(),
    }
}

fn record(
    service: &Service,
    session: &Session,
    answer: &ReadAnswer,
) -> Result<i64, crate::state::StateError> {
    let kind = match answer.body {
        ReadBody::Unchanged => "read.unchanged",
        _ => "read.served",
    };
    let data = serde_json::json!({
        "path": answer.path, "handle": answer.handle.to_string(), "shown": answer.shown,
    });
    service.workspace.state.append_event(now_ms(), kind, &session.row.id, None, &data.to_string())
}

fn missing(path: &RelPath) -> Refusal {
    Refusal::new(Code::Missing, "the file is not there").at(path.as_str())
}
