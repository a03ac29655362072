//! `file/search`: lines that match a pattern, each file under its handle, so
//! that an edit can follow without another read.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::anchor::{Gutter, View, lines_of, render};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::{Fs, RelPath};
use grep_matcher::LineTerminator;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{Searcher, SearcherBuilder, Sink, SinkMatch};

use super::read::{keep, saw};
use super::reject::Rejected;
use crate::service::api::{
    Attempt, Cancel, Fault, FileMatches, Reply, Response, Search, SearchAnswer,
};
use crate::service::session::Session;
use crate::service::walk::{Found, Scope, walk};
use crate::service::workspace::state_refusal;
use crate::service::{Service, internal, now_ms};

/// The most matches in one answer.
const MOST: usize = 1000;

/// A line longer than this many bytes is counted, but not shown: it is
/// generated, and would fill the answer alone.
const LONG_LINE: usize = 2000;

/// How large a compiled pattern may be, in bytes.
const PATTERN_BYTES: usize = 10 << 20;

/// Returns the matches, or a rejection.
pub(in crate::service) fn search(
    service: &Service,
    request: Search,
    session: &Session,
    cancel: &Cancel,
) -> Result<Reply, Fault> {
    match look(service, request, session, cancel) {
        Ok(answer) if cancel.is_cancelled() && answer.more => Err(Fault::Cancelled),
        Ok(answer) => {
            let event = record(service, session, &answer)?;
            let attempt = Attempt { event, ..Attempt::default() };
            Ok(Reply { response: Response::Search(answer), attempt: Some(attempt) })
        }
        Err(refusal) => Rejected::of(refusal).answer(service, session, "read.rejected"),
    }
}

fn look(
    service: &Service,
    request: Search,
    session: &Session,
    cancel: &Cancel,
) -> Result<SearchAnswer, Refusal> {
    let limits = &service.workspace.limits;
    let deadline = Instant::now() + Duration::from_millis(limits.search_ms);
    let matcher = matcher(&request)?;
    let mut searcher = searcher(&request);
    let Search { paths, globs, all, context, limit, .. } = request;
    let scope = Scope { paths, globs, all, depth: None };
    let mut left = limit.clamp(1, MOST);
    let mut bytes = limits.read_bytes;
    let mut answer = SearchAnswer { files: Vec::new(), matches: 0, more: false };
    for found in walk(&service.workspace, &scope)? {
        if Instant::now() > deadline || cancel.is_cancelled() || left == 0 {
            answer.more = true;
            break;
        }
        let Found::File(path) = found else { continue };
        let Some(snapshot) = matching(service, &path, &matcher, &mut searcher) else { continue };
        let lines = lines(&snapshot, &matcher, &mut searcher, left + 1);
        answer.more |= lines.len() > left;
        let lines = &lines[..lines.len().min(left)];
        let file = show(service, session, &path, &snapshot, lines, context, &mut bytes)?;
        left -= lines.len();
        answer.matches += lines.len();
        answer.files.push(file);
    }
    Ok(answer)
}

fn matcher(request: &Search) -> Result<RegexMatcher, Refusal> {
    let mut builder = RegexMatcherBuilder::new();
    builder
        .case_insensitive(request.ignore_case)
        .fixed_strings(request.literal)
        .multi_line(true)
        .crlf(!spans_lines(request))
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES);
    let wrong = |error: grep_regex::Error| Refusal::new(Code::Malformed, error.to_string());
    match request.pattern.is_empty() {
        true => Err(Refusal::new(Code::Malformed, "the pattern is empty")),
        false => builder.build(&request.pattern).map_err(wrong),
    }
}

fn searcher(request: &Search) -> Searcher {
    let mut builder = SearcherBuilder::new();
    builder.line_number(false);
    match spans_lines(request) {
        true => builder.multi_line(true),
        false => builder.line_terminator(LineTerminator::crlf()),
    };
    builder.build()
}

/// Returns whether a match can go over several lines: only where the pattern
/// says so, since it costs the search its speed.
fn spans_lines(request: &Search) -> bool {
    request.pattern.contains('\n') || !request.literal && request.pattern.contains(r"\n")
}

/// Returns what the file holds, if it is text, not too large, and has a match.
/// One that cannot be read is passed over, as one that is not there.
fn matching(
    service: &Service,
    path: &RelPath,
    matcher: &RegexMatcher,
    searcher: &mut Searcher,
) -> Option<Arc<Snapshot>> {
    let workspace = &service.workspace;
    // What is open in an editor is searched as it is there.
    let open = workspace.held(path).ok()?.map(|held| held.content);
    let read = || workspace.fs.read(path, workspace.limits.file_bytes).map(|(bytes, _)| bytes);
    let bytes = match &open {
        Some(content) => std::borrow::Cow::Borrowed(&content.bytes[..]),
        None => std::borrow::Cow::Owned(read().ok()?),
    };
    // A NUL byte in the first few kilobytes is what tells binary files from text.
    let head = &bytes[..bytes.len().min(8192)];
    if memchr::memchr(0, head).is_some() {
        return None;
    }
    let mut first = Lines { spans: Vec::new(), most: 1 };
    let searched = searcher.search_slice(matcher, &bytes, &mut first);
    debug_assert!(searched.is_ok(), "BUG: a slice can always be searched");
    if first.spans.is_empty() {
        return None;
    }
    let snapshot = workspace.now(path, true).ok()??;
    snapshot.encoding.is_text().then_some(snapshot)
}

/// Returns the lines of each match, at most `most`.
fn lines(
    snapshot: &Snapshot,
    matcher: &RegexMatcher,
    searcher: &mut Searcher,
    most: usize,
) -> Vec<Range<usize>> {
    let mut found = Lines { spans: Vec::new(), most };
    let searched = searcher.search_slice(matcher, &snapshot.bytes, &mut found);
    debug_assert!(searched.is_ok(), "BUG: a slice can always be searched");
    let index = &snapshot.lines;
    let line = |at: usize| index.line_at(at.min(snapshot.bytes.len().saturating_sub(1)));
    found.spans.iter().map(|span| line(span.start)..line(span.end - 1) + 1).collect()
}

/// The bytes of the matching lines.
struct Lines {
    spans: Vec<Range<usize>>,
    most: usize,
}

impl Sink for &mut Lines {
    type Error = std::io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, std::io::Error> {
        let start = found.absolute_byte_offset() as usize;
        self.spans.push(start..start + found.bytes().len().max(1));
        Ok(self.spans.len() < self.most)
    }
}

/// Renders the matches of one file and notes that the session was shown them.
pub(super) fn show(
    service: &Service,
    session: &Session,
    path: &RelPath,
    snapshot: &Arc<Snapshot>,
    matches: &[Range<usize>],
    context: usize,
    bytes: &mut usize,
) -> Result<FileMatches, Refusal> {
    let workspace = &service.workspace;
    let broken = |error: crate::state::StateError| state_refusal(&error);
    keep(service, snapshot)?;
    let handle = workspace.handle_of(path, &snapshot.hash).map_err(broken)?;
    let total = snapshot.line_count();
    let wide = |lines: &Range<usize>| {
        lines.start.saturating_sub(context)..(lines.end + context).min(total)
    };
    let mut shown = View::default();
    for line in View::of(matches.iter().map(wide)).ranges().iter().cloned().flatten() {
        let size = snapshot.lines.bytes_of(line..line + 1).len();
        if size <= LONG_LINE && size <= *bytes {
            *bytes -= size;
            shown.add(line..line + 1);
        }
    }
    session.show(handle, shown.ranges(), &workspace.state).map_err(broken)?;
    saw(service, session, path, snapshot);
    Ok(FileMatches {
        path: path.as_str().to_owned(),
        handle,
        total_lines: total,
        matches: matches.iter().map(lines_of).collect(),
        text: render(snapshot, shown.ranges(), Gutter::Tab),
    })
}

fn record(service: &Service, session: &Session, answer: &SearchAnswer) -> Result<i64, Fault> {
    let files: Vec<_> = answer.files.iter().map(|file| &file.path).collect();
    let data = serde_json::json!({ "files": files, "matches": answer.matches }).to_string();
    let state = &service.workspace.state;
    state.append_event(now_ms(), "read.searched", &session.row.id, None, &data).map_err(internal)
}
