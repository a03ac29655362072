//! Our own applier: the engine, from text to bytes, without a daemon around it.

use std::sync::Arc;

use engine::anchor::View;
use engine::drift::Since;
use engine::error::{Code, Refusal};
use engine::format::{Action, Given, read};
use engine::plan::{FileState, Known, Options, Planned, Seen, Shown, plan, resolve};
use engine::verify::lint::{LintSet, lints};

use super::{Outcome, Rejected, Situation};
use crate::bench::format::handle;

/// How far our applier goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Whether an edit follows its lines through what others did.
    relocate: bool,
    /// Whether slips in the new text are refused.
    lint: bool,
}

/// As the daemon does by default.
pub(super) const LINTED: Policy = Policy { relocate: true, lint: true };
/// Drift is followed, and new text is taken as it comes.
pub(super) const MAPPED: Policy = Policy { relocate: true, lint: false };
/// Any change since the read is refused.
pub(super) const STRICT: Policy = Policy { relocate: false, lint: false };

/// Applies a call for an author who was shown the whole file.
pub(super) fn apply(format: &str, situation: &Situation, text: &str, policy: Policy) -> Outcome {
    applied(format, situation, text, policy)
        .map_err(|refusal| Rejected::new(refusal.code, refusal.message))
}

fn applied(
    format: &str,
    situation: &Situation,
    text: &str,
    policy: Policy,
) -> Result<String, Refusal> {
    let draft = read(format, text, Given::default())?;
    let [file] = draft.files.as_slice() else {
        return Err(Refusal::new(Code::Malformed, "an edit of several files"));
    };
    if file.path != situation.path {
        return Err(Refusal::new(Code::Missing, "the file is not there"));
    }
    if file.handle.is_some_and(|named| named != handle()) {
        return Err(Refusal::new(Code::UnknownHandle, "this handle was never given out"));
    }
    let (seen, now) = (Arc::clone(&situation.seen), Arc::clone(&situation.now));
    let view = View::all(seen.line_count());
    let shown = Shown { handle: handle(), snapshot: Arc::clone(&seen), view: view.clone() };
    let known = Known { shown: Some(shown), now: Some(Arc::clone(&now)) };
    let resolved = resolve(&draft, &[known], &[]).map_err(|unresolved| unresolved.refusal)?;
    let since = if seen.hash == now.hash { Since::Same } else { Since::Outside };
    let state = FileState {
        now: Some(now),
        seen: Some(Seen { snapshot: Arc::clone(&seen), view, since }),
        to: None,
        to_seen: None,
    };
    let options = Options { constructs: None, relocate: policy.relocate };
    let planned = plan(&resolved.script, &[state], &options).map_err(|refused| refused.refusal)?;
    if let (true, Action::Edit { ops, .. }) = (policy.lint, &resolved.script.files[0].action)
        && let Some(lint) = lints(&situation.path, ops, &seen, LintSet::ALL).into_iter().next()
    {
        return Err(Refusal::new(Code::Lint, lint.message));
    }
    let bytes = match &planned.files[0].action {
        Planned::Modify { before, change, .. } => change.apply(&before.bytes),
        Planned::Keep { now } => now.bytes.clone(),
        _ => return Err(Refusal::new(Code::Unsupported, "only edits are measured")),
    };
    String::from_utf8(bytes).map_err(|_| Refusal::new(Code::Encoding, "no longer UTF-8"))
}
