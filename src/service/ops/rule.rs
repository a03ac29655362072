//! The user's rules over an edit: who falls under one, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use engine::error::{Code, Refusal};
use engine::format::{Draft, Task};
use serde_json::json;

use super::reject::Rejected;
use crate::service::api::{Fault, Firing, LintNote, RuleAction};
use crate::service::rules::{Rule, Rules};
use crate::service::session::Session;
use crate::service::{Service, internal, now_ms};

/// The event of a rule that an edit fell under.
const FIRED: &str = "rule.fired";

/// The event of an edit that somebody consented to.
const CONSENTED: &str = "rule.consented";

/// The service and the rules it was started with.
pub(super) type Ruled<'a> = (&'a Service, &'a Rules);

/// The rules over one edit.
#[derive(Default)]
pub(in crate::service) struct Watch {
    /// The rules that it falls under, and those of them that have fired.
    under: BTreeSet<String>,
    fired: BTreeSet<String>,
    /// The rules that fired while it was being written: they have been noted,
    /// and fire again.
    before: BTreeSet<String>,
    /// The files that were looked at, as written, with what they are.
    paths: BTreeMap<String, String>,
    /// Whether nothing is to be noted.
    silent: bool,
}

impl Watch {
    /// Returns the watch over an edit that is only looked at, if it is `silent`.
    pub(super) fn new(silent: bool) -> Watch {
        Watch { silent, ..Watch::default() }
    }

    /// Returns the watch over the whole of an edit that was watched while it was
    /// being written.
    pub(super) fn again(&self) -> Watch {
        Watch { before: self.fired.clone(), silent: self.silent, ..Watch::default() }
    }

    /// Returns what fires at the name of a file.
    pub(super) fn path(
        &mut self,
        (service, rules): Ruled<'_>,
        session: &Session,
        written: &str,
    ) -> Result<Vec<Firing>, Fault> {
        if self.paths.contains_key(written) {
            return Ok(Vec::new());
        }
        // A rule is about the file, whatever way leads to it.
        let path = service.workspace.locate(written);
        let path = path.map_or_else(|_| written.to_owned(), |path| path.as_str().to_owned());
        self.paths.insert(written.to_owned(), path.clone());
        let found: Vec<&Rule> = rules.of_path(&path).collect();
        found.into_iter().filter_map(|rule| self.fire(service, session, rule, &path)).collect()
    }

    /// Returns what fires at a row of new text.
    pub(super) fn row(
        &mut self,
        (service, rules): Ruled<'_>,
        session: &Session,
        written: &str,
        row: &str,
    ) -> Result<Vec<Firing>, Fault> {
        let mut firings = self.path((service, rules), session, written)?;
        let path = self.paths.get(written).cloned().unwrap_or_default();
        for rule in rules.of_row(&path, row) {
            firings.extend(self.fire(service, session, rule, &path).transpose()?);
        }
        Ok(firings)
    }

    /// Returns the firing of a rule, unless it has fired already.
    fn fire(
        &mut self,
        service: &Service,
        session: &Session,
        rule: &Rule,
        path: &str,
    ) -> Option<Result<Firing, Fault>> {
        let state = &service.workspace.state;
        let firing = Firing {
            rule: rule.name.clone(),
            action: rule.action,
            message: rule.message.clone(),
            path: path.to_owned(),
        };
        if !self.under.insert(rule.name.clone()) {
            return None;
        }
        if self.before.contains(&rule.name) {
            return Some(Ok(firing));
        }
        // A rule that asks has had its say once somebody has consented; to send
        // the edit again is no consent.
        let settled = match rule.action {
            RuleAction::Ask => session.rules(CONSENTED, state),
            RuleAction::Stop | RuleAction::Warn => session.rules(FIRED, state),
        };
        match settled.map(|rules| rules.contains(&rule.name)) {
            Err(error) => return Some(Err(internal(error))),
            Ok(true) if !rule.repeat => return None,
            Ok(_) => self.fired.insert(rule.name.clone()),
        };
        if self.silent {
            return Some(Ok(firing));
        }
        let data = json!({
            "rule": rule.name, "action": rule.action.as_str(), "path": path, "message": rule.message,
        });
        let event = state.append_event(now_ms(), FIRED, &session.row.id, None, &data.to_string());
        session.note_rule(FIRED, &rule.name);
        Some(event.map(|_| firing).map_err(internal))
    }
}

/// What the rules say of an edit.
#[derive(Default)]
pub(super) struct Verdict {
    /// What they warn of.
    pub(super) notes: Vec<LintNote>,
    /// Why the edit is refused: `approval` where consent would help.
    pub(super) refusal: Option<Refusal>,
    /// The rules that ask for consent.
    pub(super) asks: Vec<String>,
}

/// Returns what the rules say of a whole edit.
pub(super) fn check(
    by: Ruled<'_>,
    session: &Session,
    draft: &Draft,
    mut watch: Watch,
) -> Result<Verdict, Fault> {
    let paths = draft.files.iter().flat_map(|file| {
        let to = match &file.task {
            Task::Edit { to, .. } => to.as_ref().map(|to| to.path.as_str()),
            _ => None,
        };
        std::iter::once(file.path.as_str()).chain(to)
    });
    check_rows(by, session, paths, draft.new_rows(), &mut watch)
}

/// Returns what the rules say of these paths, and of new rows in files.
pub(super) fn check_rows<'a>(
    by: Ruled<'_>,
    session: &Session,
    paths: impl Iterator<Item = &'a str>,
    rows: impl Iterator<Item = (&'a str, &'a str)>,
    watch: &mut Watch,
) -> Result<Verdict, Fault> {
    let mut firings = Vec::new();
    for path in paths {
        firings.extend(watch.path(by, session, path)?);
    }
    for (path, row) in rows {
        firings.extend(watch.row(by, session, path, row)?);
    }
    Ok(Verdict::of(firings))
}

impl Verdict {
    fn of(firings: Vec<Firing>) -> Verdict {
        let mut verdict = Verdict::default();
        for firing in firings {
            let refusal = refusal(&firing);
            let refused = verdict.refusal.as_ref().map(|refusal| refusal.code);
            if firing.action == RuleAction::Ask {
                verdict.asks.push(firing.rule.clone());
            }
            match (firing.action, refused) {
                (RuleAction::Warn, _) => verdict.notes.push(LintNote {
                    path: firing.path,
                    op: None,
                    lint: "rule".to_owned(),
                    message: refusal.message,
                }),
                (RuleAction::Stop, None | Some(Code::Approval)) | (RuleAction::Ask, None) => {
                    verdict.refusal = Some(refusal);
                }
                (RuleAction::Stop | RuleAction::Ask, Some(_)) => {}
            }
        }
        verdict
    }
}

/// Returns what a rule says, as a refusal.
pub(super) fn refusal(firing: &Firing) -> Refusal {
    let code = match firing.action {
        RuleAction::Ask => Code::Approval,
        RuleAction::Stop | RuleAction::Warn => Code::Denied,
    };
    let text = format!("{} (rule {})", firing.message, firing.rule);
    Refusal::new(code, text).at(&firing.path)
}

/// Notes that somebody consented to an edit under these rules.
pub(super) fn consented(
    service: &Service,
    session: &Session,
    rules: &[String],
) -> Result<(), Fault> {
    for rule in rules {
        let data = json!({ "rule": rule }).to_string();
        let state = &service.workspace.state;
        state.append_event(now_ms(), CONSENTED, &session.row.id, None, &data).map_err(internal)?;
        session.note_rule(CONSENTED, rule);
    }
    Ok(())
}

/// Returns the first firing that ends a stream, as its rejection.
pub(super) fn stops(firings: &[Firing]) -> Option<Rejected> {
    let stop = firings.iter().find(|firing| firing.action == RuleAction::Stop)?;
    Some(Rejected::of(refusal(stop)))
}
