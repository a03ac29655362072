//! `file/outline`: what a file defines, in few tokens.

use engine::anchor::{View, lines_of};
use engine::snapshot::Snapshot;
use grammars::Language;
use grammars::check::Unread;
use grammars::outline::{Detail, Row};

use super::construct::{named, outline_of};
use super::read::content;
use super::reject::Rejected;
use crate::service::api::{Attempt, Fault, Outline, OutlineAnswer, Reply, Response};
use crate::service::session::Session;
use crate::service::workspace::state_refusal;
use crate::service::{Service, internal, now_ms};

/// The most rows in one answer.
const MOST: usize = 10_000;

/// Which part of a file its outline may take, in bytes. Rows have more tokens a
/// byte than code has, and the whole is to be a tenth of the file in tokens.
const ROOM_SHARE: usize = 18;

/// What an outline may take of however small a file, in bytes.
const ROOM: usize = 400;

/// Returns the outline asked for, or a rejection.
pub(in crate::service) fn outline(
    service: &Service,
    request: &Outline,
    session: &Session,
) -> Result<Reply, Fault> {
    match look(service, request, session) {
        Ok(answer) => {
            let event = record(service, session, &answer)?;
            let attempt = Attempt { event, ..Attempt::default() };
            Ok(Reply { response: Response::Outline(answer), attempt: Some(attempt) })
        }
        Err(rejected) => rejected.answer(service, session, "read.rejected"),
    }
}

fn look(
    service: &Service,
    request: &Outline,
    session: &Session,
) -> Result<OutlineAnswer, Rejected> {
    let (path, now, handle) = content(service, &request.path, request.handle)?;
    let language = Language::of(path.as_str(), &now.bytes);
    let language = language.ok_or_else(|| Unread::NoLanguage.refusal().at(path.as_str()))?;
    let outline = outline_of(service, &path, &now)?;
    let symbols = match &request.symbol {
        Some(name) => outline.within(named(&outline, name, &path)?),
        None => 0..outline.symbols().len(),
    };
    let limit = request.limit.clamp(1, MOST);
    let detail = match (request.depth, &request.symbol) {
        (Some(depth), _) => Detail::of_depth(depth),
        (None, Some(_)) => Detail::of_depth(usize::MAX),
        (None, None) => outline.detail_within(room(&now)),
    };
    let mut rows = outline.rows(symbols, detail);
    let mut answer = OutlineAnswer {
        path: path.as_str().to_owned(),
        handle,
        language: language.id,
        reading: language.reading(),
        text: String::new(),
        shown: Vec::new(),
        total_lines: now.line_count(),
        more: false,
    };
    let mut shown = View::default();
    for row in rows.by_ref().take(limit) {
        answer.text.push_str(&row.to_string());
        answer.text.push('\n');
        if shows_its_line(&row, &now) {
            shown.add(row.symbol.line..row.symbol.line + 1);
        }
    }
    let is_deeper = request.depth.is_none() && outline.is_deeper_than(detail.depth);
    answer.more = rows.next().is_some() || is_deeper;
    answer.shown = shown.ranges().iter().map(lines_of).collect();
    let seen = session.show(handle, shown.ranges(), &service.workspace.state);
    seen.map_err(|error| state_refusal(&error))?;
    Ok(answer)
}

/// Returns how many bytes the rows of a whole file may take where nobody says how
/// deep they are to go: few beside the file, which could be read instead.
fn room(now: &Snapshot) -> usize {
    (now.bytes.len() / ROOM_SHARE).max(ROOM)
}

/// Returns whether a row shows a line as it is, and says that it is that line:
/// only then has its reader seen it.
fn shows_its_line(row: &Row<'_>, now: &Snapshot) -> bool {
    let line = row.symbol.line;
    line == row.symbol.lines.start && now.line(line) == row.signature().as_bytes()
}

fn record(service: &Service, session: &Session, answer: &OutlineAnswer) -> Result<i64, Fault> {
    let data = serde_json::json!({
        "path": answer.path, "handle": answer.handle.to_string(), "shown": answer.shown,
    });
    let state = &service.workspace.state;
    state
        .append_event(now_ms(), "read.outlined", &session.row.id, None, &data.to_string())
        .map_err(internal)
}
