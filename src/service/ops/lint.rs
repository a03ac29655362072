//! Lints before the write: what looks like a slip in the new text is refused
//! with its fixes, or named in the answer, as the policy says.

use engine::error::{Code, Refusal};
use engine::format::{Action, FileScript};
use engine::plan::FileState;
use engine::snapshot::Snapshot;
use engine::verify::lint::{self, Lint, LintKind, LintSet};

use super::apply::{Edit, record};
use super::reject::{Cure, Rejected};
use super::stored::{Reason, RetryRecord};
use crate::service::Service;
use crate::service::api::{LintNote, Policy};
use crate::service::policy::Checked;

/// Returns what looks like a slip in an edit, but is let pass.
///
/// # Errors
/// `lint`, with the first slip and its fixes, where the policy is to refuse.
pub(super) fn check(
    service: &Service,
    edit: &Edit,
    states: &[FileState],
    chain: Option<i64>,
) -> Result<Vec<LintNote>, Rejected> {
    let asked = edit.apply.verify;
    let usual = asked.usual_lint.unwrap_or(Policy::Warn);
    let mut notes = Vec::new();
    for (index, (file, state)) in edit.script.files.iter().zip(states).enumerate() {
        let (policy, _) = service.rules.policy(&file.path, Checked::Lint, asked.lint, usual);
        if policy == Policy::Off {
            continue;
        }
        for lint in slips(file, state) {
            if policy == Policy::Reject {
                return Err(refuse(edit, index, lint, chain));
            }
            notes.push(LintNote {
                path: file.path.clone(),
                op: names_op(file).then_some(lint.op),
                lint: lint.kind.as_str().to_owned(),
                message: lint.message,
            });
        }
    }
    Ok(notes)
}

fn slips(file: &FileScript, state: &FileState) -> Vec<Lint> {
    let seen = state.seen.as_ref().map(|seen| &*seen.snapshot);
    match (&file.action, seen) {
        (Action::Edit { ops, .. } | Action::EditAndMove { ops, .. }, Some(seen)) => {
            // Where a grammar looks at the result, counting brackets adds nothing.
            let set = match grammars::Language::of(&file.path, &seen.bytes) {
                Some(_) => LintSet::ALL.without(LintKind::Brackets),
                None => LintSet::ALL,
            };
            lint::lints(&file.path, ops, seen, set)
        }
        (Action::Write { text, .. }, Some(seen)) => whole(&file.path, text, seen),
        (Action::Create { text }, _) => whole(&file.path, text, &Snapshot::of(Vec::new())),
        _ => Vec::new(),
    }
}

/// What can be told of a whole file: there is nothing around it.
const WHOLE: LintSet = LintSet::NONE.with(LintKind::EchoedGutter).with(LintKind::Elision);

fn whole(path: &str, text: &str, seen: &Snapshot) -> Vec<Lint> {
    match text.is_empty() {
        true => Vec::new(),
        false => lint::lints(path, &[lint::whole(text, seen)], seen, WHOLE),
    }
}

/// Returns whether the file's part of the edit has operations to name.
fn names_op(file: &FileScript) -> bool {
    matches!(file.action, Action::Edit { .. } | Action::EditAndMove { .. })
}

fn refuse(edit: &Edit, index: usize, lint: Lint, chain: Option<i64>) -> Rejected {
    let file = &edit.script.files[index];
    let mut refusal = Refusal::new(Code::Lint, lint.message).at(&file.path);
    refusal.op = names_op(file).then_some(lint.op);
    let fixes = lint.fixes.iter().map(|fix| fix.what.clone()).collect();
    let rejected = Rejected::of(refusal).with(Cure { fixes, ..Cure::default() });
    if edit.apply.dry_run {
        return rejected;
    }
    let handle = file.action.handle().map(engine::anchor::Handle::number);
    rejected.waiting(RetryRecord {
        reason: Reason::Lint,
        op: Some(lint.op),
        fixes: lint.fixes.iter().map(|fix| fix.ops.iter().map(Into::into).collect()).collect(),
        ..record(&edit.apply, &edit.script, chain, index, handle, &[])
    })
}
