//! `pattern/search` and `pattern/rewrite`: code that has the shape of a pattern,
//! in many files, and what a rewrite would make of it. A rewrite is shown first;
//! it waits under a token, and takes effect in all files or in none.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::anchor::{Gutter, Handle, View, lines_of, render};
use engine::error::{Code, Refusal};
use engine::format::{Action, Body, FileScript, Op, OpKind, Script};
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use grammars::Language;
use grammars::pattern::{Match, Matches, Pattern, PatternFault};

use super::apply::record;
use super::read::keep;
use super::reject::{Rejected, wait_under_token};
use super::stored::{Reason, RetryRecord};
use crate::service::api::{
    Apply, Attempt, Cancel, Fault, FileMatches, FileRewrite, PatternSearch, Reply, Response,
    RewriteAnswer, SearchAnswer, Source, Verify,
};
use crate::service::session::Session;
use crate::service::walk::{Found, Scope, walk};
use crate::service::workspace::state_refusal;
use crate::service::{Service, internal, now_ms};

/// The most matches in one answer.
const MOST: usize = 1000;

/// Returns the matches or what a rewrite would make of them, or a rejection.
pub(in crate::service) fn pattern(
    service: &Service,
    request: PatternSearch,
    session: &Session,
    cancel: &Cancel,
) -> Result<Reply, Fault> {
    let found = match look(service, &request, cancel) {
        Ok(found) if cancel.is_cancelled() && found.more => return Err(Fault::Cancelled),
        Ok(found) => found,
        Err(refusal) => {
            return Rejected::of(refusal).answer(service, session, "read.rejected");
        }
    };
    let event = note(service, session, &found)?;
    let response = match request.rewrite {
        None => found.shown(service, session, request.context).map(Response::Search),
        Some(_) => found.previewed(service, session).map(Response::Rewrite),
    };
    match response {
        Ok(response) => {
            let attempt = Some(Attempt { event, ..Attempt::default() });
            Ok(Reply { response, attempt })
        }
        Err(refusal) => Rejected::of(refusal).answer(service, session, "read.rejected"),
    }
}

/// The files with matches.
struct Search {
    files: Vec<Matching>,
    more: bool,
}

struct Matching {
    path: RelPath,
    snapshot: Arc<Snapshot>,
    matches: Vec<Match>,
}

fn look(service: &Service, request: &PatternSearch, cancel: &Cancel) -> Result<Search, Refusal> {
    let limits = &service.workspace.limits;
    let deadline = Instant::now() + Duration::from_millis(limits.search_ms);
    let mut patterns = Patterns::of(request)?;
    let scope = Scope {
        paths: request.paths.clone(),
        globs: request.globs.clone(),
        all: request.all,
        depth: None,
    };
    let most_files = if request.rewrite.is_some() { limits.files } else { usize::MAX };
    let mut left = request.limit.clamp(1, MOST);
    let mut search = Search { files: Vec::new(), more: false };
    for found in walk(&service.workspace, &scope)? {
        let is_full = left == 0 || search.files.len() == most_files;
        if Instant::now() > deadline || cancel.is_cancelled() || is_full {
            search.more = true;
            break;
        }
        let Found::File(path) = found else { continue };
        // The name tells most files that are in no language, unread.
        let by_name = Language::of_path(path.as_str());
        if by_name.is_none_or(|language| !patterns.concerns(language)) {
            continue;
        }
        let Ok(Some(snapshot)) = service.workspace.now(&path, true) else { continue };
        let Some(language) = Language::of(path.as_str(), &snapshot.bytes) else { continue };
        let Some(pattern) = patterns.of_language(language) else { continue };
        let bounds = (left, deadline);
        let rewrite = request.rewrite.as_deref();
        let matches = service.syntax.matches(path.as_str(), &snapshot, pattern, rewrite, bounds);
        // What cannot be parsed has no code that could match.
        let Ok(Matches { matches, more }) = matches else { continue };
        search.more |= more;
        if !matches.is_empty() {
            left -= matches.len();
            search.files.push(Matching { path, snapshot, matches });
        }
    }
    match patterns.fault {
        Some(fault) if search.files.is_empty() && !patterns.is_any() => Err(fault),
        _ => Ok(search),
    }
}

/// The pattern in each language in which it was needed.
struct Patterns<'a> {
    text: &'a str,
    /// The only language that is meant, if one is named.
    only: Option<&'static Language>,
    known: BTreeMap<&'static str, Option<Pattern>>,
    /// Why it is none in some language.
    fault: Option<Refusal>,
}

impl<'a> Patterns<'a> {
    fn of(request: &'a PatternSearch) -> Result<Patterns<'a>, Refusal> {
        let only = match &request.language {
            None => None,
            Some(id) => Some(Language::of_id(id).ok_or_else(|| {
                let known: Vec<&str> = Language::all().iter().map(|one| one.id).collect();
                let text = format!("{id:?} is no language here; known are {}", known.join(", "));
                Refusal::new(Code::Unsupported, text)
            })?),
        };
        let mut patterns =
            Patterns { text: &request.pattern, only, known: BTreeMap::new(), fault: None };
        if let Some(language) = only {
            patterns.of_language(language);
            if let Some(fault) = patterns.fault.take() {
                return Err(fault);
            }
        }
        match request.pattern.trim() {
            "" => Err(Refusal::new(Code::Malformed, PatternFault::Empty.to_string())),
            _ => Ok(patterns),
        }
    }

    fn concerns(&self, language: &Language) -> bool {
        self.only.is_none_or(|only| only.id == language.id)
    }

    fn of_language(&mut self, language: &'static Language) -> Option<&Pattern> {
        if !self.concerns(language) {
            return None;
        }
        if !self.known.contains_key(language.id) {
            let pattern = Pattern::of(language, self.text).map_err(|fault| {
                let text = format!("{fault} of {}", language.id);
                self.fault = Some(Refusal::new(Code::Malformed, text));
            });
            self.known.insert(language.id, pattern.ok());
        }
        self.known.get(language.id)?.as_ref()
    }

    /// Returns whether it is a pattern in any language.
    fn is_any(&self) -> bool {
        self.known.values().any(Option::is_some)
    }
}

impl Search {
    /// Shows the lines of the matches.
    fn shown(
        self,
        service: &Service,
        session: &Session,
        context: usize,
    ) -> Result<SearchAnswer, Refusal> {
        let mut answer = SearchAnswer { files: Vec::new(), matches: 0, more: self.more };
        for file in self.files {
            let total = file.snapshot.line_count();
            let lines: Vec<Range<usize>> = file.matches.iter().map(|one| file.lines(one)).collect();
            let wide = |lines: &Range<usize>| {
                lines.start.saturating_sub(context)..(lines.end + context).min(total)
            };
            let view = View::of(lines.iter().map(wide));
            let handle = file.show(service, session, &view)?;
            answer.matches += lines.len();
            answer.files.push(FileMatches {
                path: file.path.as_str().to_owned(),
                handle,
                total_lines: total,
                matches: lines.iter().map(lines_of).collect(),
                text: render(&file.snapshot, view.ranges(), Gutter::Tab),
            });
        }
        Ok(answer)
    }

    /// Shows what a rewrite would make of the matches, and keeps it under a token.
    fn previewed(self, service: &Service, session: &Session) -> Result<RewriteAnswer, Refusal> {
        let mut script = Script::default();
        let mut answer =
            RewriteAnswer { files: Vec::new(), matches: 0, more: self.more, retry: None };
        let mut bytes = service.workspace.limits.read_bytes;
        for file in self.files {
            let pieces = file.pieces();
            let text = file.diff(&pieces);
            if text.len() > bytes {
                answer.more = true;
                break;
            }
            bytes -= text.len();
            let view = View::of(pieces.iter().map(|piece| piece.lines.clone()));
            let handle = file.show(service, session, &view)?;
            let path = file.path.as_str().to_owned();
            let matches = file.matches.len();
            if !pieces.is_empty() {
                let ops = pieces.into_iter().map(Piece::op).collect();
                let action = Action::Edit { handle, ops, final_newline: None };
                script.files.push(FileScript { path: path.clone(), action });
            }
            answer.matches += matches;
            answer.files.push(FileRewrite { path, handle, matches, text });
        }
        if !script.files.is_empty() {
            answer.retry = Some(wait(service, session, &script)?);
        }
        Ok(answer)
    }
}

/// Keeps a rewrite that was shown, until its author takes it.
fn wait(service: &Service, session: &Session, script: &Script) -> Result<String, Refusal> {
    let apply = Apply {
        source: Source::Script(Script::default()),
        format: "anchor".to_owned(),
        op_id: None,
        why: Some("rewrite by pattern".to_owned()),
        relocate: true,
        verify: Verify::default(),
        dry_run: false,
        allow_mixed: false,
    };
    let kept =
        RetryRecord { reason: Reason::Preview, ..record(&apply, script, None, 0, None, &[]) };
    wait_under_token(service, session, &kept)
        .map_err(|fault| Refusal::new(Code::Denied, fault.to_string()))
}

/// Lines of a file, and what a rewrite makes of them.
struct Piece {
    lines: Range<usize>,
    /// The new lines, each ended by LF; empty where none is left.
    text: String,
}

impl Piece {
    fn op(self) -> Op {
        let lines = lines_of(&self.lines);
        Op::from(match self.text.is_empty() {
            true => OpKind::Delete { lines, register: None },
            false => OpKind::Replace { lines, body: Body::Text(self.text) },
        })
    }
}

impl Matching {
    /// Returns the lines of a match.
    fn lines(&self, one: &Match) -> Range<usize> {
        let line = |at: usize| self.snapshot.lines.line_at(at);
        line(one.bytes.start)..line(one.bytes.end.max(one.bytes.start + 1) - 1) + 1
    }

    /// Returns the lines that change, those of matches that share lines as one.
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<(Range<usize>, Vec<&Match>)> = Vec::new();
        for one in &self.matches {
            let lines = self.lines(one);
            match pieces.last_mut() {
                Some((last, matches)) if lines.start < last.end => {
                    last.end = last.end.max(lines.end);
                    matches.push(one);
                }
                _ => pieces.push((lines, vec![one])),
            }
        }
        let pieces = pieces.into_iter().map(|(lines, matches)| self.piece(lines, &matches));
        pieces.filter(|piece| piece.text.as_bytes() != self.old(&piece.lines)).collect()
    }

    fn piece(&self, lines: Range<usize>, matches: &[&Match]) -> Piece {
        let bytes = &self.snapshot.bytes;
        let end =
            self.snapshot.lines.start(lines.end - 1) + self.snapshot.line(lines.end - 1).len();
        let mut at = self.snapshot.lines.start(lines.start);
        let mut text = Vec::new();
        for one in matches {
            text.extend_from_slice(&bytes[at..one.bytes.start]);
            text.extend_from_slice(one.rewritten.as_deref().unwrap_or_default());
            at = one.bytes.end;
        }
        text.extend_from_slice(bytes.get(at..end).unwrap_or_default());
        // The text is UTF-8, or it would not have been parsed.
        let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
        match text.trim().is_empty() {
            true => Piece { lines, text: String::new() },
            false => Piece { lines, text: text + "\n" },
        }
    }

    /// Returns lines as they are, each ended by LF.
    fn old(&self, lines: &Range<usize>) -> Vec<u8> {
        let lines = lines.clone().map(|line| self.snapshot.line(line));
        lines.flat_map(|line| [line, b"\n"].concat()).collect()
    }

    /// Returns old and new lines as a reader sees them: `-12⇥old`, `+⇥new`.
    fn diff(&self, pieces: &[Piece]) -> String {
        let mut text = String::new();
        for piece in pieces {
            for row in
                render(&self.snapshot, std::slice::from_ref(&piece.lines), Gutter::Tab).lines()
            {
                text.extend(["-", row, "\n"]);
            }
            for row in piece.text.lines() {
                text.extend(["+\t", row, "\n"]);
            }
        }
        text
    }

    /// Notes that the session was shown some lines; returns the name of the
    /// content.
    fn show(&self, service: &Service, session: &Session, view: &View) -> Result<Handle, Refusal> {
        let workspace = &service.workspace;
        let broken = |error: crate::state::StateError| state_refusal(&error);
        keep(service, &self.snapshot)?;
        let handle = workspace.handle_of(&self.path, &self.snapshot.hash).map_err(broken)?;
        session.show(handle, view.ranges(), &workspace.state).map_err(broken)?;
        Ok(handle)
    }
}

fn note(service: &Service, session: &Session, found: &Search) -> Result<i64, Fault> {
    let files: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    let matches: usize = found.files.iter().map(|file| file.matches.len()).sum();
    let data = serde_json::json!({ "files": files, "matches": matches }).to_string();
    let state = &service.workspace.state;
    state.append_event(now_ms(), "read.matched", &session.row.id, None, &data).map_err(internal)
}
