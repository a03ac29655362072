//! The sweep: slots of past operations go, oldest first, once all together take
//! more room than the limit allows.
//!
//! A slot holds what an operation displaced. Its undo does not need it, since
//! the change is recorded; a removed file is, so it is kept in the state before
//! its slot goes. What a late writer put into a displaced file stays where it
//! is, and an event says so.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use engine::error::Refusal;
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{Fs, Slot, StepKind};
use serde_json::json;

use super::now_ms;
use super::workspace::{Workspace, state_refusal};
use crate::state::StepRow;

/// How long a displaced file may still be written to by a program that opened
/// it before, in milliseconds.
const GRACE_MS: i64 = 2000;

/// Slots that are not ours to remove: a late writer's bytes are in them.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    kept: Mutex<HashSet<String>>,
}

impl Sweep {
    /// Removes old slots until the rest takes at most three quarters of the
    /// limit; does nothing below the limit. Returns how many went.
    pub(super) fn run(&self, workspace: &Workspace) -> Result<usize, Refusal> {
        let mut slots = workspace.fs.slots().map_err(|error| broken(&error))?;
        let mut bytes: u64 = slots.iter().map(|(_, size)| size).sum();
        let limit = workspace.limits.slot_bytes;
        if bytes <= limit {
            return Ok(0);
        }
        slots.sort_by_key(|(slot, _)| slot.owner());
        let mut gone = 0;
        for (slot, size) in slots {
            if bytes <= limit / 4 * 3 {
                break;
            }
            if self.remove(workspace, &slot)? {
                bytes -= size;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Removes a slot if nobody needs it; returns whether it did.
    fn remove(&self, workspace: &Workspace, slot: &Slot) -> Result<bool, Refusal> {
        let Some((operation, index)) = slot.owner() else { return Ok(false) };
        let state = &workspace.state;
        let row = state.operation(operation).map_err(|error| state_refusal(&error))?;
        let old = row.is_some_and(|row| row.at_ms + GRACE_MS < now_ms());
        let settled = state.is_settled(operation).map_err(|error| state_refusal(&error))?;
        if !old || !settled || self.lock().contains(&slot.name) {
            return Ok(false);
        }
        let steps = state.steps(operation).map_err(|error| state_refusal(&error))?;
        let Some(step) = steps.get(index) else { return Ok(false) };
        let bytes = workspace.fs.read_slot(slot, u64::MAX).map_err(|error| broken(&error))?;
        if Some(ContentHash::of(&bytes)) != step.step.before {
            self.keep(workspace, slot, step)?;
            return Ok(false);
        }
        if step.step.kind == StepKind::Remove {
            let stored = workspace.store(&Snapshot::of(bytes));
            stored.map_err(|error| state_refusal(&error))?;
        }
        workspace.fs.discard(slot).map_err(|error| broken(&error))?;
        Ok(true)
    }

    /// Notes that somebody wrote into a displaced file.
    fn keep(&self, workspace: &Workspace, slot: &Slot, row: &StepRow) -> Result<(), Refusal> {
        let data = json!({ "path": row.step.path.as_str(), "slot": slot.name }).to_string();
        let kind = "external.late_write_kept";
        let event = workspace.state.append_event(now_ms(), kind, "", Some(row.operation), &data);
        event.map_err(|error| state_refusal(&error))?;
        self.lock().insert(slot.name.clone());
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken(error: &engine::store::FsError) -> Refusal {
    Refusal::new(engine::error::Code::Denied, error.to_string())
}
