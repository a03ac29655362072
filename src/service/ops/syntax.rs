//! The syntax check before the write: an edit that breaks what parsed is refused,
//! or named in the answer, as the policy says.

use std::sync::Arc;

use engine::anchor::{Gutter, View, render};
use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::plan::{FilePlan, Plan, Planned};
use engine::snapshot::Snapshot;
use engine::verify::Diagnostic;

use super::apply::{Edit, record};
use super::reject::{Cure, Rejected};
use super::stored::{Reason, RetryRecord};
use crate::service::Service;
use crate::service::api::{LintNote, Policy};
use crate::service::policy::Checked;

/// Rows shown before and after an error.
const CONTEXT: usize = 2;

/// The most errors whose rows are shown.
const ERRORS_SHOWN: usize = 3;

/// Returns the syntax errors that a plan would bring in, but that are let pass:
/// the policy says so, or the parser was lost before. A new file is refused only
/// where that is asked for: it may be broken on purpose, and nothing was sound.
///
/// # Errors
/// `syntax`, with the rows of the errors as they would be, where the policy is
/// to refuse and the file parsed before, or is new.
pub(super) fn check(
    service: &Service,
    edit: &Edit,
    plan: &Plan,
    chain: Option<i64>,
) -> Result<Vec<LintNote>, Rejected> {
    let asked = edit.apply.verify.syntax;
    let mut notes = Vec::new();
    for (index, file) in plan.files.iter().enumerate() {
        let is_new = matches!(file.action, Planned::Create { .. });
        let usual = if is_new { Policy::Warn } else { Policy::Reject };
        let (policy, is_required) = service.rules.policy(&file.path, Checked::Syntax, asked, usual);
        if policy == Policy::Off {
            continue;
        }
        let Some(broken) = broken(service, file) else { continue };
        if policy == Policy::Reject && broken.is_certain {
            return Err(refuse(edit, (index, file), &broken, is_required, chain));
        }
        notes.push(note(file, &broken));
    }
    Ok(notes)
}

/// Returns the syntax errors that a plan would bring in, all of which are let
/// pass.
pub(super) fn notes(service: &Service, plan: &Plan) -> Vec<LintNote> {
    let note = |file| Some(note(file, &broken(service, file)?));
    plan.files.iter().filter_map(note).collect()
}

fn broken(service: &Service, file: &FilePlan) -> Option<Broken> {
    match &file.action {
        Planned::Modify { before, change, .. } | Planned::EditAndMove { before, change, .. } => {
            look(service, &file.path, before, change)
        }
        Planned::Create { bytes } => {
            // A file comes to be by an edit of nothing, which has no error.
            let nothing = Arc::new(Snapshot::of(Vec::new()));
            let broken = look(service, &file.path, &nothing, &Change::whole(&[], bytes));
            broken.filter(|broken| broken.is_certain)
        }
        _ => None,
    }
}

fn note(file: &FilePlan, broken: &Broken) -> LintNote {
    LintNote {
        path: file.path.clone(),
        op: None,
        lint: "syntax".to_owned(),
        message: broken.message(),
    }
}

/// What an edit would break.
struct Broken {
    after: Snapshot,
    /// New errors, at least one.
    errors: Vec<Diagnostic>,
    /// The line (0-based) in which the edit broke it, which may be none of those in
    /// which the errors were noticed.
    line: usize,
    /// Whether the file parsed before.
    is_certain: bool,
}

/// Returns what a change would break; `None` where it breaks nothing, or nobody
/// can say.
fn look(service: &Service, path: &str, before: &Arc<Snapshot>, change: &Change) -> Option<Broken> {
    // The content after is made only for a file that has a grammar, which a new
    // file may name in its first line.
    let first = if before.bytes.is_empty() {
        change.edits().first()?.text.as_slice()
    } else {
        &before.bytes
    };
    grammars::Language::of(path, first)?;
    let after = before.after(change);
    let judgement = service.syntax.judge(path, before, &after, change).ok()?;
    let is_certain = judgement.is_broken();
    let line = judgement.line(&after)?;
    let errors = judgement.delta.new;
    (!errors.is_empty()).then_some(Broken { after, errors, line, is_certain })
}

impl Broken {
    fn message(&self) -> String {
        let is_there = |error: &&Diagnostic| self.line_of(error) == self.line;
        let first = self.errors.iter().find(is_there).unwrap_or(&self.errors[0]);
        let noticed = match self.line_of(first) {
            noticed if noticed == self.line => String::new(),
            noticed => format!(", noticed in line {}", noticed + 1),
        };
        let more = match self.errors.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        format!("new syntax error in line {}{noticed}: {}{more}", self.line + 1, first.message)
    }

    fn line_of(&self, error: &Diagnostic) -> usize {
        self.after.lines.line_at(error.range.start.min(self.after.bytes.len().saturating_sub(1)))
    }

    /// Returns the rows around where the edit broke it and around the first errors,
    /// as they would be.
    fn rows(&self) -> String {
        let total = self.after.line_count();
        let lines = self.errors.iter().take(ERRORS_SHOWN).map(|error| self.line_of(error));
        let around = [self.line].into_iter().chain(lines).map(|line| {
            let line = line.min(total.saturating_sub(1));
            line.saturating_sub(CONTEXT)..(line + 1 + CONTEXT).min(total)
        });
        render(&self.after, View::of(around).ranges(), Gutter::Tab)
    }
}

fn refuse(
    edit: &Edit,
    (index, file): (usize, &FilePlan),
    broken: &Broken,
    is_required: bool,
    chain: Option<i64>,
) -> Rejected {
    let rule = if is_required { "; a rule of this path lets none pass" } else { "" };
    let refusal = Refusal::new(Code::Syntax, broken.message() + rule).at(&file.path);
    let cure = Cure { preview: Some(broken.rows()), ..Cure::default() };
    let rejected = Rejected::of(refusal).with(cure);
    if edit.apply.dry_run || is_required {
        return rejected;
    }
    let handle = edit.script.files[index].action.handle().map(engine::anchor::Handle::number);
    rejected.waiting(RetryRecord {
        reason: Reason::Syntax,
        ..record(&edit.apply, &edit.script, chain, index, handle, &[])
    })
}
