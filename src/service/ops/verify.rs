//! Verification of an edit by language servers: asked before the write where
//! they may refuse it, after it where they are only to tell.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::plan::{FilePlan, Plan, Planned};
use engine::snapshot::Snapshot;
use engine::verify::{Diagnostic, Severity, Verdict};
use lsp_bridge::verify::{Edited, FileReport, Options, Report};

use super::apply::{Edit, record};
use super::diagnose::{Side, findings};
use super::reject::{Cure, Rejected};
use super::stored::{Reason, RetryRecord};
use crate::service::Service;
use crate::service::api::{Diagnosis, Policy, ServerWord, Verify};
use crate::service::languages::word;
use crate::service::session::Session;

/// The longest that an edit may wait for language servers.
const LONGEST: Duration = Duration::from_secs(120);

/// How long servers are listened to after the answer.
const LATE: Duration = Duration::from_secs(30);

/// Changed places of one edit whose dependents are looked for.
const PLACES_MAX: usize = 8;

/// What language servers are asked about an edit.
pub(super) struct Asked {
    edits: Vec<Edited>,
    dependents: Vec<String>,
    until: Instant,
    /// What they said before the write.
    early: Option<Report>,
}

/// Asks language servers what has to be known before the write: who may be
/// broken by it, and where the policy is to refuse, what it would break.
/// `None` where nobody is to be asked.
///
/// # Errors
/// `lint`, where the policy is to refuse and a server finds new errors.
pub(super) fn ask(
    service: &Service,
    edit: &Edit,
    plan: &Plan,
    chain: Option<i64>,
) -> Result<Option<Asked>, Rejected> {
    let verify = edit.apply.verify;
    let Some(mut asked) = Asked::of(service, verify, plan) else { return Ok(None) };
    if verify.lsp == Some(Policy::Reject) {
        let report = asked.report(service, false);
        if let Some((path, message)) = report.as_ref().and_then(refused) {
            let refusal = Refusal::new(Code::Lint, message).at(path);
            return Err(refuse(refusal, edit, &asked, report.as_ref(), chain));
        }
        asked.early = report;
    }
    Ok(Some(asked))
}

impl Asked {
    /// Returns what is to be asked about a plan, with its dependents; `None`
    /// where nobody is to be asked, or nobody could answer.
    pub(super) fn of(service: &Service, verify: Verify, plan: &Plan) -> Option<Asked> {
        if matches!(verify.lsp, None | Some(Policy::Off)) {
            return None;
        }
        let budget = verify.lsp_ms.unwrap_or(service.languages.standard.verify_ms);
        let budget = Duration::from_millis(budget).min(LONGEST);
        let edits: Vec<Edited> = plan.files.iter().filter_map(edited).collect();
        let bridge = service.languages.ask().ok();
        let is_served = |edit: &Edited| bridge.is_none_or(|bridge| bridge.serves(&edit.path));
        if edits.is_empty() || !edits.iter().any(is_served) {
            return None;
        }
        let until = Instant::now() + budget;
        let mut asked = Asked { edits, dependents: Vec::new(), until, early: None };
        asked.dependents = asked.look_for_dependents(service, budget / 4);
        Some(asked)
    }

    /// Returns whether the servers have been asked already.
    pub(super) fn is_early(&self) -> bool {
        self.early.is_some()
    }

    /// Returns the other files that the edit may break, as far as servers that
    /// run say so in time: nothing refers to what is gone.
    fn look_for_dependents(&self, service: &Service, budget: Duration) -> Vec<String> {
        let Ok(bridge) = service.languages.ask() else { return Vec::new() };
        let until = Instant::now() + budget;
        let mut found: Vec<String> = Vec::new();
        for edit in &self.edits {
            // Places that lie close are asked about as one.
            let index = &edit.before.lines;
            for change in edit.change.edits().iter().take(PLACES_MAX) {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() || !bridge.is_running() {
                    return found;
                }
                let last = edit.before.bytes.len().saturating_sub(1);
                let line = |at: usize| index.line_at(at.min(last));
                let lines = (line(change.range.start), line(change.range.end));
                let Ok(answer) = bridge.dependents(&edit.path, lines, left) else { continue };
                for path in answer.value {
                    let is_edited = self.edits.iter().any(|edit| edit.path == path);
                    if !is_edited && !found.contains(&path) {
                        found.push(path);
                    }
                }
            }
        }
        found
    }

    fn report(&self, service: &Service, is_saved: bool) -> Option<Report> {
        let bridge = service.languages.ask().ok()?;
        let options = Options {
            budget: self.until.saturating_duration_since(Instant::now()),
            late: if is_saved { LATE } else { Duration::ZERO },
            is_saved,
            dependents: self.dependents.clone(),
        };
        Some(bridge.verify(self.edits.clone(), options))
    }

    /// Returns what the servers say of the edit, which has been written, or
    /// which they were asked about before.
    pub(super) fn answer(self, service: &Service, session: &Session) -> Option<Diagnosis> {
        let report = match &self.early {
            Some(report) => report.clone(),
            None => match self.report(service, true) {
                Some(report) => report,
                None => return Some(self.without_servers(service)),
            },
        };
        Some(self.diagnosis(service, session, &report))
    }

    /// Returns the answer where the configuration keeps servers from being asked.
    fn without_servers(&self, service: &Service) -> Diagnosis {
        let reason = service.languages.as_they_are().err().map(str::to_owned);
        let word = |edit: &Edited| ServerWord {
            server: String::new(),
            path: edit.path.clone(),
            verdict: word(Verdict::Inconclusive),
            reason: reason.clone(),
        };
        let servers = self.edits.iter().map(word).collect();
        Diagnosis { verdict: word_of_nobody(), servers, ..Diagnosis::default() }
    }

    fn diagnosis(&self, service: &Service, session: &Session, report: &Report) -> Diagnosis {
        let (mut new, mut fixed) = (Vec::new(), Vec::new());
        for file in &report.files {
            let edit = self.edits.iter().find(|edit| edit.path == file.path);
            let after = edit.map(|edit| Arc::clone(&edit.after));
            let before = edit.map(|edit| Arc::clone(&edit.before));
            new.push((file.path.clone(), after, file.delta.new.clone()));
            fixed.push((file.path.clone(), before, file.delta.fixed.clone()));
        }
        Diagnosis {
            verdict: word(report.verdict()),
            new: findings(service, session, new, Side::After),
            fixed: findings(service, session, fixed, Side::Before),
            unchanged: report.files.iter().map(|file| file.delta.unchanged).sum(),
            servers: report.files.iter().map(server_word).collect(),
            pending: report.pending,
        }
    }
}

fn word_of_nobody() -> &'static str {
    word(Verdict::Inconclusive)
}

fn server_word(file: &FileReport) -> ServerWord {
    let reason = file.after.reason.clone().or_else(|| file.before.reason.clone());
    let verdict = word(file.delta.verdict);
    ServerWord { server: file.server.clone(), path: file.path.clone(), verdict, reason }
}

/// Returns what an edit does to one file, where a server can be asked about it.
fn edited(file: &FilePlan) -> Option<Edited> {
    let path = file.path.clone();
    match &file.action {
        Planned::Modify { before, change, .. } => {
            let (before, change) = (Arc::clone(before), change.clone());
            let after = Arc::new(before.after(&change));
            Some(Edited { path, before, after, change })
        }
        Planned::Create { bytes } => {
            let before = Arc::new(Snapshot::of(Vec::new()));
            let change = Change::whole(b"", bytes);
            let after = Arc::new(Snapshot::of(bytes.clone()));
            Some(Edited { path, before, after, change })
        }
        _ => None,
    }
}

/// Returns the file with the first error that is proved to be new, and how many
/// there are.
fn refused(report: &Report) -> Option<(&str, String)> {
    let is_error = |found: &&Diagnostic| found.severity == Severity::Error;
    let is_proved = |file: &&FileReport| file.delta.verdict != Verdict::Inconclusive;
    let files = report.files.iter().filter(is_proved);
    let mut errors = files.flat_map(|file| {
        let new = file.delta.new.iter().filter(is_error);
        new.map(move |found| (file, found))
    });
    let (file, first) = errors.next()?;
    let more = match errors.count() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some((&file.path, format!("{} finds a new error: {}{more}", file.server, first.message)))
}

fn refuse(
    refusal: Refusal,
    edit: &Edit,
    asked: &Asked,
    report: Option<&Report>,
    chain: Option<i64>,
) -> Rejected {
    let preview = report.map(|report| rows(asked, report)).filter(|rows| !rows.is_empty());
    let index = refusal
        .path
        .as_ref()
        .and_then(|path| edit.script.files.iter().position(|file| file.path == *path));
    let rejected = Rejected::of(refusal).with(Cure { preview, ..Cure::default() });
    if edit.apply.dry_run {
        return rejected;
    }
    let index = index.unwrap_or_default();
    let handle = edit.script.files.get(index).and_then(|file| file.action.handle());
    let handle = handle.map(engine::anchor::Handle::number);
    rejected.waiting(RetryRecord {
        reason: Reason::Servers,
        ..record(&edit.apply, &edit.script, chain, index, handle, &[])
    })
}

/// Returns the rows of the first new errors, as they would be.
fn rows(asked: &Asked, report: &Report) -> String {
    use engine::anchor::{Gutter, View, render};
    let Some(file) = report.files.iter().find(|file| !file.delta.new.is_empty()) else {
        return String::new();
    };
    let Some(edit) = asked.edits.iter().find(|edit| edit.path == file.path) else {
        return String::new();
    };
    let total = edit.after.line_count();
    let lines = file.delta.new.iter().take(3).map(|found| {
        let last = edit.after.bytes.len().saturating_sub(1);
        let line = edit.after.lines.line_at(found.range.start.min(last));
        line.saturating_sub(2).min(total)..(line + 3).min(total)
    });
    render(&edit.after, View::of(lines).ranges(), Gutter::Tab)
}
