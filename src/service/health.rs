//! Health: whether edits are taken, or files only read, and why.
//!
//! Any doubt about the disk ends in reading only, with the reason. Some of it
//! passes: whether it has is tried again at the next edit, while no other is
//! under way. Some does not, and waits for a new start.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use engine::apply::{self, Durability, Failed, Recovered};
use engine::error::{Code, Refusal};
use engine::store::{Fs, FsError, RelPath, Trouble};
use serde_json::json;

use super::now_ms;
use super::workspace::Workspace;
use crate::state::State;

/// Whether edits are taken.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Why not, and what exactly was said; the state may have its own reasons.
    mode: Mutex<Option<(Trouble, String)>>,
    /// Held for reading by every transaction, for writing by what heals.
    gate: RwLock<()>,
}

/// The right to carry out a transaction. One that ends in a panic may leave its
/// transaction in between, which is seen to before the next one.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    health: &'a Health,
    _gate: RwLockReadGuard<'a, ()>,
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.health.enter(Trouble::Unfinished, "BUG: a request ended in the midst of it");
        }
    }
}

impl Health {
    /// Returns why edits are not taken, and what exactly was said, if so.
    pub(super) fn trouble(&self, state: &State) -> Option<(Trouble, String)> {
        self.lock().clone().or_else(|| state.trouble())
    }

    /// Takes no more edits because of `trouble`.
    pub(super) fn enter(&self, trouble: Trouble, reason: &str) {
        let mut mode = self.lock();
        // One that will not pass is not hidden by another.
        if mode.as_ref().is_none_or(|(known, _)| known.may_pass()) {
            tracing::error!("edits are no longer taken: {trouble}: {reason}");
            *mode = Some((trouble, reason.to_owned()));
        }
    }

    /// Heeds what the failure of a transaction says of those that follow.
    pub(super) fn heed(&self, workspace: &Workspace, failed: &Failed) {
        match failed.trouble {
            // One file may lie on a disk of its own that is full or read-only.
            Some(trouble) if trouble.may_pass() && probe(workspace).is_ok() => {}
            Some(trouble) => self.enter(trouble, &failed.refusal.message),
            None => {}
        }
    }

    /// Returns an error as a refusal of `path`, and heeds it.
    pub(super) fn refuse(&self, workspace: &Workspace, error: &FsError, path: &RelPath) -> Refusal {
        let failed = Failed { refusal: error.refuse(path), trouble: error.trouble() };
        self.heed(workspace, &failed);
        failed.refusal
    }

    /// Returns the right to carry out a transaction, held while it is.
    ///
    /// # Errors
    /// `denied` with the reason where edits are not taken.
    pub(super) fn admit(
        &self,
        workspace: &Workspace,
        durability: Durability,
    ) -> Result<Admitted<'_>, Refusal> {
        let admitted = self.enter_gate();
        if self.trouble(&workspace.state).is_none() {
            return Ok(admitted);
        }
        drop(admitted);
        self.heal(workspace, durability);
        let admitted = self.enter_gate();
        match self.trouble(&workspace.state) {
            None => Ok(admitted),
            Some((trouble, reason)) => {
                let text = format!("files are only read now, because {trouble}: {reason}");
                Err(Refusal::new(Code::Denied, format!("{text}; {}", trouble.cure())))
            }
        }
    }

    /// Finishes or takes back what a transaction left in between, if one did, before
    /// anybody looks at the files. Where that does not go yet, the next one tries.
    pub(super) fn see_to_halves(&self, workspace: &Workspace, durability: Durability) {
        let is_left = matches!(*self.lock(), Some((Trouble::Unfinished, _)));
        if is_left {
            self.heal(workspace, durability);
        }
    }

    fn enter_gate(&self) -> Admitted<'_> {
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        Admitted { health: self, _gate: gate }
    }

    /// Looks whether the trouble has passed.
    fn heal(&self, workspace: &Workspace, durability: Durability) {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let Some((trouble, _)) = self.trouble(&workspace.state) else { return };
        // A disk that could not be read for a moment looks like a state that is damaged.
        if let Err(error) = workspace.state.check_again() {
            tracing::error!("{error}");
            return;
        }
        let healed = match trouble {
            Trouble::Flush => return,
            Trouble::Unfinished => recover(workspace, durability),
            Trouble::Full | Trouble::ReadOnly | Trouble::Failing | Trouble::Damaged => Ok(()),
        };
        let healed = healed.and_then(|()| probe(workspace));
        let mut mode = self.lock();
        match (healed, &mut *mode) {
            (Ok(()), mode) => {
                tracing::info!("edits are taken again");
                *mode = None;
            }
            (Err(refusal), Some((_, reason))) => *reason = refusal.message,
            (Err(_), None) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Trouble, String)>> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes something of no account beside the slots and into the state.
fn probe(workspace: &Workspace) -> Result<(), Refusal> {
    let path = RelPath::parse("probe");
    let path = path.map_err(|error| Refusal::new(Code::Denied, error.to_string()))?;
    let files = || -> Result<(), FsError> {
        // No operation has the number 0.
        let slot = workspace.fs.slot_for(0, 0, &path)?;
        let staged = workspace.fs.stage(&slot, None, &[0; 4096]);
        workspace.fs.discard(&slot).and(staged)
    };
    files().map_err(|error| error.refuse(&path))?;
    let written = workspace.state.probe();
    written.map_err(|error| Refusal::new(Code::Denied, error.to_string()))
}

/// Finishes or takes back what is left in between, and records what was found.
///
/// # Errors
/// With what speaks against it; it can be tried again.
pub(super) fn recover(workspace: &Workspace, durability: Durability) -> Result<(), Refusal> {
    let Workspace { fs, state, .. } = workspace;
    // What is only noted to be settled is nothing to recover.
    let settled = state.flush_settled();
    settled.map_err(|error| Refusal::new(Code::Denied, error.to_string()))?;
    for recovered in apply::recover(apply::Context { fs, journal: state, durability })? {
        tracing::info!("{recovered:?}");
        let Recovered { tx, foreign, .. } = recovered;
        for path in foreign {
            let data = json!({ "path": path.as_str() }).to_string();
            let event = state.append_event(now_ms(), "external.kept", "", Some(tx), &data);
            event.map_err(|error| Refusal::new(Code::Denied, error.to_string()))?;
        }
    }
    Ok(())
}
