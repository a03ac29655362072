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
        match session.has_fired(&rule.name, state) {
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
        let event =
            state.append_event(now_ms(), "rule.fired", &session.row.id, None, &data.to_string());
        session.note_fired(&rule.name);
        Some(event.map(|_| firing).map_err(internal))
    }
}

/// What the rules say of an edit.
#[derive(Default)]
pub(super) struct Verdict {
    /// What they warn of.
    pub(super) notes: Vec<LintNote>,
    /// Why the edit is refused, and whether consent would help.
    pub(super) refusal: Option<(Refusal, bool)>,
}

/// Returns what the rules say of a whole edit.
pub(super) fn check(
    by: Ruled<'_>,
    session: &Session,
    draft: &Draft,
    mut watch: Watch,
) -> Result<Verdict, Fault> {
    let mut firings = Vec::new();
    for file in &draft.files {
        firings.extend(watch.path(by, session, &file.path)?);
        if let Task::Edit { to: Some(to), .. } = &file.task {
            firings.extend(watch.path(by, session, &to.path)?);
        }
    }
    for (path, row) in draft.new_rows() {
        firings.extend(watch.row(by, session, path, row)?);
    }
    Ok(Verdict::of(firings))
}

impl Verdict {
    fn of(firings: Vec<Firing>) -> Verdict {
        let mut verdict = Verdict::default();
        for firing in firings {
            let refusal = refusal(&firing);
            match (firing.action, &verdict.refusal) {
                (RuleAction::Warn, _) => verdict.notes.push(LintNote {
                    path: firing.path,
                    op: None,
                    lint: "rule".to_owned(),
                    message: refusal.message,
                }),
                (RuleAction::Stop, None | Some((_, true))) => {
                    verdict.refusal = Some((refusal, false));
                }
                (RuleAction::Ask, None) => verdict.refusal = Some((refusal, true)),
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

/// Returns the first firing that ends a stream, as its rejection.
pub(super) fn stops(firings: &[Firing]) -> Option<Rejected> {
    let stop = firings.iter().find(|firing| firing.action == RuleAction::Stop)?;
    Some(Rejected::of(refusal(stop)))
}
