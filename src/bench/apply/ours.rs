//! Our own applier: the engine with its grammars, from text to bytes, without a
//! daemon around it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use engine::anchor::View;
use engine::drift::{Constructs, Named, Nesting, Since};
use engine::error::{Code, Refusal};
use engine::format::{Action, Given, read};
use engine::hash::ContentHash;
use engine::plan::{FileState, Known, Options, Planned, Seen, Shown, plan, resolve};
use engine::snapshot::Snapshot;
use engine::verify::lint::{LintSet, lints};
use grammars::SyntaxCheck;

use super::{Outcome, Rejected, Situation};
use crate::bench::score::PARSE;

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

/// Returns who knows the constructs of a file: the grammars, as in the daemon,
/// save that what the daemon gives to a child is not looked at here.
fn constructs() -> &'static dyn Constructs {
    static GRAMMARS: OnceLock<Remembered> = OnceLock::new();
    GRAMMARS
        .get_or_init(|| Remembered { grammars: SyntaxCheck::within(PARSE), last: Mutex::default() })
}

/// Contents whose constructs are remembered. Every format brings the same two
/// contents of a task, some twenty times each.
const REMEMBERED: usize = 64;

/// The grammars, and what they last said.
struct Remembered {
    grammars: SyntaxCheck,
    last: Mutex<VecDeque<(String, ContentHash, Option<Nesting>)>>,
}

impl Constructs for Remembered {
    fn constructs(&self, path: &str, snapshot: &Snapshot) -> Option<Nesting> {
        let lock = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., known)) =
            lock().iter().find(|(of, hash, _)| of == path && *hash == snapshot.hash)
        {
            return known.clone();
        }
        let found = self.grammars.constructs(path, snapshot);
        let mut last = lock();
        last.truncate(REMEMBERED - 1);
        last.push_front((path.to_owned(), snapshot.hash, found.clone()));
        found
    }

    fn named(&self, path: &str, snapshot: &Snapshot, name: &str) -> Result<Vec<Named>, Refusal> {
        self.grammars.named(path, snapshot, name)
    }
}

/// Applies a call for an author who was shown the whole file.
pub(super) fn apply(format: &str, situation: &Situation, text: &str, policy: Policy) -> Outcome {
    let mut results = applied(format, std::slice::from_ref(situation), text, policy)?;
    results.pop().ok_or_else(|| Rejected::new(Code::Missing, "nothing is said of the file"))
}

/// Applies a call about several files, all of which were shown: all are changed
/// or none.
pub(super) fn apply_all(
    format: &str,
    situations: &[Situation],
    text: &str,
    policy: Policy,
) -> Vec<Outcome> {
    match applied(format, situations, text, policy) {
        Ok(results) => results.into_iter().map(Ok).collect(),
        Err(refused) => situations.iter().map(|_| Err(refused.clone())).collect(),
    }
}

/// Returns the contents of all files afterwards.
fn applied(
    format: &str,
    situations: &[Situation],
    text: &str,
    policy: Policy,
) -> Result<Vec<String>, Rejected> {
    planned(format, situations, text, policy)
        .map_err(|refusal| Rejected::new(refusal.code, refusal.message))
}

fn planned(
    format: &str,
    situations: &[Situation],
    text: &str,
    policy: Policy,
) -> Result<Vec<String>, Refusal> {
    let draft = read(format, text, Given::default())?;
    let mut named = Vec::new();
    for file in &draft.files {
        let situation = situations.iter().find(|situation| situation.path == file.path);
        let situation =
            situation.ok_or_else(|| Refusal::new(Code::Missing, "the file is not there"))?;
        if file.handle.is_some_and(|named| named != situation.handle) {
            return Err(Refusal::new(Code::UnknownHandle, "this handle was never given out"));
        }
        named.push(situation);
    }
    let known: Vec<Known> = named.iter().map(|situation| situation.known()).collect();
    let resolved = resolve(&draft, &known, &[]).map_err(|unresolved| unresolved.refusal)?;
    let states: Vec<FileState> = named.iter().map(|situation| situation.state()).collect();
    let options = Options { constructs: Some(constructs()), relocate: policy.relocate };
    let planned = plan(&resolved.script, &states, &options).map_err(|refused| refused.refusal)?;
    for (file, situation) in resolved.script.files.iter().zip(&named) {
        if let (true, Action::Edit { ops, .. }) = (policy.lint, &file.action)
            && let Some(lint) =
                lints(&situation.path, ops, &situation.seen, LintSet::ALL).into_iter().next()
        {
            return Err(Refusal::new(Code::Lint, lint.message));
        }
    }
    let contents = |situation: &Situation| {
        let at = named.iter().position(|named| named.path == situation.path);
        let bytes = match at.map(|at| &planned.files[at].action) {
            Some(Planned::Modify { before, change, .. }) => change.apply(&before.bytes),
            Some(Planned::Keep { now }) => now.bytes.clone(),
            None => situation.now.bytes.clone(),
            Some(_) => return Err(Refusal::new(Code::Unsupported, "only edits are measured")),
        };
        String::from_utf8(bytes).map_err(|_| Refusal::new(Code::Encoding, "no longer UTF-8"))
    };
    situations.iter().map(contents).collect()
}

impl Situation {
    /// Returns what the author knows of the file.
    fn known(&self) -> Known {
        let view = View::all(self.seen.line_count());
        let shown = Shown { handle: self.handle, snapshot: Arc::clone(&self.seen), view };
        Known { shown: Some(shown), now: Some(Arc::clone(&self.now)) }
    }

    /// Returns the file as it is and as it was seen.
    fn state(&self) -> FileState {
        let since = if self.seen.hash == self.now.hash { Since::Same } else { Since::Outside };
        let view = View::all(self.seen.line_count());
        FileState {
            now: Some(Arc::clone(&self.now)),
            seen: Some(Seen { snapshot: Arc::clone(&self.seen), view, since }),
            to: None,
            to_seen: None,
        }
    }
}
