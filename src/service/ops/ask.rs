//! `lsp/ask`: what a language server knows of a symbol or of a file, with the
//! rows it stands in, so that an edit can follow without another read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use engine::anchor::lines_of;
use engine::error::{Code, Refusal};
use engine::store::RelPath;
use lsp_bridge::Readiness;
use lsp_bridge::bridge::Bridge;
use lsp_bridge::error::BridgeError;
use lsp_bridge::intelligence::{Answer, Call, Direction, Location, Question, Symbol};

use super::place::{self, Place};
use super::reject::Rejected;
use super::rename::budget;
use super::search::show;
use crate::service::api::{
    Ask, AskAnswer, Attempt, Fault, FileMatches, Reply, Response, SymbolRow, What,
};
use crate::service::languages::document;
use crate::service::session::Session;
use crate::service::{Service, internal, now_ms};

/// Rows and symbols of one answer.
const ROWS_MAX: usize = 400;

/// Returns what a language server knows.
pub(in crate::service) fn ask(
    service: &Service,
    request: &Ask,
    session: &Session,
) -> Result<Reply, Fault> {
    match look(service, request, session) {
        Ok(answer) => {
            let files: Vec<_> = answer.files.iter().map(|file| &file.path).collect();
            let data = serde_json::json!({ "what": request.what.as_str(), "files": files });
            let state = &service.workspace.state;
            let (kind, id) = ("read.asked", &session.row.id);
            let event = state.append_event(now_ms(), kind, id, None, &data.to_string());
            let attempt = Attempt { event: event.map_err(internal)?, ..Attempt::default() };
            Ok(Reply { response: Response::Asked(answer), attempt: Some(attempt) })
        }
        Err(rejected) => rejected.answer(service, session, "read.rejected"),
    }
}

fn look(service: &Service, request: &Ask, session: &Session) -> Result<AskAnswer, Rejected> {
    let bridge = service.languages.ask()?;
    let known = match request.what {
        What::Symbols => symbols(service, bridge, request)?,
        what => of_symbol(service, bridge, request, what)?,
    };
    let Known { server, readiness, text, symbols, mut places, outside } = known;
    let (state, reason) = state_of(readiness);
    let mut more = symbols.len() > ROWS_MAX;
    places.sort_by(|a, b| (&a.0, a.1.start).cmp(&(&b.0, b.1.start)));
    more |= places.len() > ROWS_MAX;
    places.truncate(ROWS_MAX);
    let mut symbols = symbols;
    symbols.truncate(ROWS_MAX);
    let files = rows(service, session, places);
    Ok(AskAnswer { server, state, reason, text, symbols, files, outside, more })
}

/// What a server said, before its rows are shown.
struct Known {
    server: String,
    readiness: Readiness,
    text: Option<String>,
    symbols: Vec<SymbolRow>,
    /// Files and lines (from 0).
    places: Vec<(String, Range<usize>)>,
    /// What lies outside the root.
    outside: Vec<String>,
}

impl Known {
    fn of<T>(answer: &Answer<T>) -> Known {
        Known {
            server: answer.server.clone(),
            readiness: answer.readiness.clone(),
            text: None,
            symbols: Vec::new(),
            places: Vec::new(),
            outside: Vec::new(),
        }
    }

    fn take(&mut self, location: &Location) {
        match &location.path {
            Some(path) => {
                // The first line names what stands there; the rest can be read.
                let line = location.lines.0;
                self.places.push((path.clone(), line..line + 1));
            }
            None => {
                let place = format!("{}:{}", location.uri, location.lines.0 + 1);
                if !self.outside.contains(&place) && self.outside.len() < ROWS_MAX {
                    self.outside.push(place);
                }
            }
        }
    }

    fn take_symbol(&mut self, symbol: &Symbol, at: &[Location]) {
        let whole = &symbol.whole;
        self.take(&symbol.name_at);
        at.iter().for_each(|location| self.take(location));
        self.symbols.push(SymbolRow {
            name: symbol.name.clone(),
            kind: symbol.kind,
            detail: symbol.detail.clone(),
            within: symbol.containers.join(" > "),
            path: whole.path.clone().unwrap_or_else(|| whole.uri.clone()),
            lines: (whole.lines.0 + 1, whole.lines.1 + 1),
            calls: at.iter().map(|location| lines_of(&lines(location))).collect(),
        });
    }
}

fn lines(location: &Location) -> Range<usize> {
    location.lines.0..location.lines.1 + 1
}

fn of_symbol(
    service: &Service,
    bridge: &Bridge,
    request: &Ask,
    what: What,
) -> Result<Known, Rejected> {
    let Place { path, range, .. } = place::find(service, &request.spot)?;
    let (path, at, budget) = (path.as_str(), range.start, budget(request.wait_ms));
    let refused = |error: BridgeError| refused(&error, path);
    let places = |question| -> Result<Known, Rejected> {
        let answer = bridge.places(path, at, question, budget).map_err(refused)?;
        let mut known = Known::of(&answer);
        answer.value.iter().for_each(|location| known.take(location));
        Ok(known)
    };
    let calls = |direction| -> Result<Known, Rejected> {
        let answer = bridge.calls(path, at, direction, budget).map_err(refused)?;
        let mut known = Known::of(&answer);
        answer.value.iter().for_each(|Call { symbol, at }| known.take_symbol(symbol, at));
        Ok(known)
    };
    match what {
        What::Definition => places(Question::Definition),
        What::TypeDefinition => places(Question::TypeDefinition),
        What::Implementation => places(Question::Implementation),
        What::References => places(Question::References),
        What::Callers => calls(Direction::Incoming),
        What::Callees => calls(Direction::Outgoing),
        What::Hover | What::Symbols => {
            let answer = bridge.hover(path, at, budget).map_err(refused)?;
            Ok(Known { text: answer.value.clone(), ..Known::of(&answer) })
        }
    }
}

/// Returns the symbols of a file, or those of its project whose names fit a
/// query.
fn symbols(service: &Service, bridge: &Bridge, request: &Ask) -> Result<Known, Rejected> {
    let (path, _) = place::now(service, &request.spot.path)?;
    let (path, budget): (&str, Duration) = (path.as_str(), budget(request.wait_ms));
    let answer = match &request.query {
        Some(query) => bridge.workspace_symbols(path, query, budget),
        None => bridge.document_symbols(path, budget),
    };
    let answer = answer.map_err(|error| refused(&error, path))?;
    let mut known = Known::of(&answer);
    answer.value.iter().for_each(|symbol| known.take_symbol(symbol, &[]));
    Ok(known)
}

pub(super) fn refused(error: &BridgeError, path: &str) -> Rejected {
    let refusal = error.refusal();
    Rejected::of(if refusal.path.is_some() { refusal } else { refusal.at(path) })
}

/// Returns the word for what a server knew of its project, and why not more.
pub(super) fn state_of(readiness: Readiness) -> (&'static str, Option<String>) {
    match readiness {
        Readiness::Ready => ("ready", None),
        Readiness::NotReady(why) => ("loading", Some(why)),
        Readiness::Unprovable => ("unprovable", None),
    }
}

/// Returns the rows of places, file by file, which count as shown.
fn rows(
    service: &Service,
    session: &Session,
    places: Vec<(String, Range<usize>)>,
) -> Vec<FileMatches> {
    let mut files: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
    for (path, lines) in places {
        files.entry(path).or_default().push(lines);
    }
    let mut bytes = service.workspace.limits.read_bytes;
    let shown = files.into_iter().filter_map(|(path, mut lines)| {
        let path = RelPath::parse(&path).ok()?;
        let snapshot = document(&service.workspace, &path).ok()??;
        let total = snapshot.line_count();
        lines.retain(|lines| lines.end <= total);
        lines.dedup();
        show(service, session, &path, &snapshot, &lines, 0, &mut bytes).ok()
    });
    shown.collect()
}

/// Refuses what no server can be asked about.
pub(super) fn check_lines(lines: (usize, usize), total: usize) -> Result<Range<usize>, Refusal> {
    match (1..=total).contains(&lines.0) && (lines.0..=total).contains(&lines.1) {
        true => Ok(lines.0 - 1..lines.1),
        false => {
            let text = format!("there are no lines {}-{}; the file has {total}", lines.0, lines.1);
            Err(Refusal::new(Code::Malformed, text))
        }
    }
}
