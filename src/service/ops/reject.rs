//! Rejections: the refusal, the rows that cure it, and the token under which
//! the edit waits.

use std::ops::Range;
use std::sync::Arc;

use engine::anchor::{Gutter, Handle, View, lines_of, render};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::RelPath;

use super::marks::Refused;
use super::read::keep;
use super::stored::RetryRecord;
use crate::service::api::{
    Attempt, DeltaHunk, Fault, FileMatches, Rejection, Reply, Response, Setback, Texts,
};
use crate::service::session::Session;
use crate::service::{Service, internal, now_ms};
use crate::state::fill_random;

/// Rows shown before and after the lines in question.
const CONTEXT: usize = 2;

/// The most rows that a rejection shows; who needs more reads the file.
const ROWS: usize = 400;

/// A request that was refused, before it is answered.
#[derive(Debug)]
pub(super) struct Rejected {
    refusal: Refusal,
    /// What the author needs to decide.
    cure: Box<Cure>,
    retry: Option<Box<RetryRecord>>,
    new_text: Texts,
    format: String,
    /// The event of the first attempt, if this was a retry.
    chain: Option<i64>,
    /// The bytes of a stream after which it could no longer succeed.
    stopped_at: Option<usize>,
}

/// What the author of a refused edit is told besides the reason.
#[derive(Debug, Default)]
pub(super) struct Cure {
    /// What to look at.
    pub(super) rows: Option<Rows>,
    /// Rows of what the file would be; they do not count as shown.
    pub(super) preview: Option<String>,
    /// What another program changed near by.
    pub(super) drift: Vec<DeltaHunk>,
    /// Where each operation would land (0-based).
    pub(super) landings: Vec<Option<Range<usize>>>,
    /// Where the operation in question could be meant (0-based).
    pub(super) candidates: Vec<Range<usize>>,
    /// What could be meant instead, in few words.
    pub(super) fixes: Vec<String>,
    /// Places that a rename would leave as they are, which the session has been
    /// shown.
    pub(super) uncovered: Vec<FileMatches>,
}

/// What the author has to look at.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) handle: Handle,
    pub(super) lines: Vec<Range<usize>>,
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Rejected {
        Rejected::of(refusal)
    }
}

impl Rejected {
    /// Returns a rejection without a cure.
    pub(super) fn of(refusal: Refusal) -> Rejected {
        Rejected {
            refusal,
            cure: Box::default(),
            retry: None,
            new_text: Texts::default(),
            format: String::new(),
            chain: None,
            stopped_at: None,
        }
    }

    /// Returns the rejection with what its author needs to decide.
    pub(super) fn with(mut self, cure: Cure) -> Rejected {
        self.cure = Box::new(cure);
        self
    }

    /// Returns the rejection of an edit that may be retried.
    pub(super) fn waiting(mut self, record: RetryRecord) -> Rejected {
        self.retry = Some(Box::new(record));
        self
    }

    /// Returns the rejection of an edit in this format with this new text;
    /// `chain` is the event of the first attempt, if it was a retry.
    pub(super) fn of_edit(mut self, format: &str, new_text: Texts, chain: Option<i64>) -> Rejected {
        self.format = format.to_owned();
        self.new_text = new_text;
        self.chain = chain;
        self
    }

    /// Returns the content and the lines that the author has to look at.
    pub(super) fn looks_at(&self) -> Option<(Handle, Vec<Range<usize>>)> {
        self.cure.rows.as_ref().map(|rows| (rows.handle, rows.around()))
    }

    /// Returns the rejection of a stream that could no longer succeed after so
    /// many bytes. Its rows do not count as shown yet: the close must say what
    /// it would have said without the stop.
    pub(super) fn stopped_at(mut self, bytes: usize) -> Rejected {
        self.stopped_at = Some(bytes);
        self
    }

    /// Records the rejection as an event of this kind and returns the answer.
    pub(super) fn answer(
        self,
        service: &Service,
        session: &Session,
        kind: &str,
    ) -> Result<Reply, Fault> {
        let state = &service.workspace.state;
        let Cure { rows, preview, drift, landings, candidates, fixes, uncovered } = *self.cure;
        let noted = self.stopped_at.is_none();
        let Refusal { code, message, path, op } = self.refusal;
        if kind == "edit.rejected" && service.mail.is_heard() {
            tell_people(service, session, (code, &message), path.as_deref(), rows.as_ref());
        }
        let shown = rows.map(|rows| rows.show(service, session, noted)).transpose()?;
        let chain = self.chain;
        let mut data = serde_json::json!({
            "code": code.as_str(), "path": path, "op": op, "format": self.format, "chain": chain,
            "message": message,
        });
        if let Some(bytes) = self.stopped_at {
            data["stopped_at"] = bytes.into();
        }
        let event = state.append_event(now_ms(), kind, &session.row.id, None, &data.to_string());
        let event = event.map_err(internal)?;
        let retry = match self.retry {
            None => None,
            Some(mut record) => {
                record.chain = chain.unwrap_or(event);
                Some(wait_under_token(service, session, &record)?)
            }
        };
        let (handle, rows) = shown.unzip();
        let rejection = Rejection {
            code,
            message,
            path,
            op,
            handle,
            rows: rows.or(preview).filter(|rows| !rows.is_empty()),
            drift,
            landings: landings.iter().map(|span| span.as_ref().map(lines_of)).collect(),
            candidates: candidates.iter().map(lines_of).collect(),
            fixes,
            uncovered,
            retry,
            format: None,
        };
        let attempt = Attempt { event, new_text: self.new_text, ..Attempt::default() };
        Ok(Reply { response: Response::Rejected(rejection), attempt: Some(attempt) })
    }
}

/// Remembers the rejection for those who have the file open.
fn tell_people(
    service: &Service,
    session: &Session,
    (code, message): (Code, &str),
    path: Option<&str>,
    rows: Option<&Rows>,
) {
    let Some(path) = path.and_then(|path| RelPath::parse(path).ok()) else { return };
    let who = Some(&session.row.agent).filter(|agent| !agent.is_empty());
    let setback = Setback {
        at_ms: now_ms(),
        agent: who.unwrap_or(&session.row.client).clone(),
        code,
        message: message.to_owned(),
        lines: Vec::new(),
    };
    let editors = service.workspace.buffers.editors_of(&path);
    service.looks.refused(Refused {
        session: session.row.id.clone(),
        path: path.clone(),
        setback,
        of: rows.map(|rows| rows.snapshot.hash),
        lines: rows.map(|rows| rows.lines.clone()).unwrap_or_default(),
    });
    service.mail.news(&path, &editors);
}

impl Rows {
    /// Renders the rows and, where they are `noted`, notes that the session was
    /// shown them.
    fn show(
        self,
        service: &Service,
        session: &Session,
        noted: bool,
    ) -> Result<(Handle, String), Fault> {
        let lines = self.around();
        let state = &service.workspace.state;
        keep(service, &self.snapshot).map_err(|refusal| Fault::Internal(refusal.message))?;
        if noted {
            session.show(self.handle, &lines, state).map_err(internal)?;
        }
        Ok((self.handle, render(&self.snapshot, &lines, Gutter::Tab)))
    }

    /// Returns the lines in question with their context, as far as rows go.
    fn around(&self) -> Vec<Range<usize>> {
        let total = self.snapshot.line_count();
        if !self.snapshot.encoding.is_text() {
            return Vec::new();
        }
        let wide = |range: &Range<usize>| {
            let start = range.start.min(total).saturating_sub(CONTEXT);
            start..(range.end.max(range.start) + CONTEXT).min(total)
        };
        let mut left = ROWS;
        let mut lines = Vec::new();
        for range in View::of(self.lines.iter().map(wide)).ranges() {
            let end = range.end.min(range.start + left);
            left -= end - range.start;
            lines.push(range.start..end);
        }
        lines.retain(|range| !range.is_empty());
        lines
    }
}

/// Keeps a rejected edit and returns the token under which it waits. Only its
/// own session can use it, so it need not be hard to guess; with 6 digits it is
/// 3 tokens, and a retry that names lines stays within 15.
pub(super) fn wait_under_token(
    service: &Service,
    session: &Session,
    record: &RetryRecord,
) -> Result<String, Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault::Internal(error.to_string());
    let record = serde_json::to_string(record).map_err(|error| fault(&error))?;
    let now = now_ms();
    let expires = now + 1000 * service.workspace.limits.retry_seconds;
    let state = &service.workspace.state;
    loop {
        let mut bits = [0; 8];
        fill_random(&mut bits).map_err(|error| fault(&error))?;
        let token = format!("r{:06}", u64::from_le_bytes(bits) % 1_000_000);
        // Another edit may wait under it: of 15,000, two are likely to meet.
        if state.put_retry(&token, &session.row.id, &record, now, expires).map_err(internal)? {
            return Ok(token);
        }
    }
}
