//! The sweep: what operations leave behind goes, oldest first, once all together
//! takes more room than the limits allow.
//!
//! Two things are left behind. A *slot* holds what an operation displaced; it is
//! looked at again after a grace, since a program that had opened the file may
//! have written to it, and what a late writer put there stays for good, with an
//! event. A *snapshot* holds what was shown. The undo of a change needs neither,
//! since the change is recorded; that of a removal does, and so does a rejected
//! edit that waits. What these need stays, whatever the limits say: of a removed
//! file the slot itself, since only that knows its mode and owner.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use engine::anchor::Handle;
use engine::error::Refusal;
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{Fs, FsError, RelPath, Slot, Step, StepKind};
use serde_json::{Value, json};

use super::now_ms;
use super::workspace::{Workspace, state_refusal};
use crate::state::StateError;

/// How long a displaced file may still be written to by a program that opened
/// it before.
const GRACE: Duration = Duration::from_secs(2);

/// How many displaced files wait for the end of their grace; with more, the
/// oldest are looked at when their slots go.
const WAITING: usize = 10_000;

/// How many slots or snapshots are looked at, and let go, at a time.
const BATCH: usize = 256;

/// What an operation displaced.
#[derive(Debug, Clone)]
pub(super) struct Displaced {
    /// The operation.
    pub(super) operation: u64,
    /// The file.
    pub(super) path: RelPath,
    /// Where its bytes of before are.
    pub(super) slot: Slot,
    /// What they must be.
    pub(super) before: ContentHash,
    /// Their number.
    pub(super) bytes: u64,
}

/// What is left behind, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// What all slots take together; unknown before the first look.
    slot_bytes: Option<u64>,
    waiting: VecDeque<(Instant, Displaced)>,
    /// When something was last let go: it is not tried again at once, since what
    /// is left may be needed.
    swept: Option<Instant>,
}

impl Sweep {
    /// Notes that there is a slot more.
    pub(super) fn note(&mut self, displaced: Displaced) {
        if let Some(bytes) = &mut self.slot_bytes {
            *bytes += displaced.bytes;
        }
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((Instant::now() + GRACE, displaced));
    }

    /// Returns how long it is until something has to be looked at.
    pub(super) fn next(&self) -> Option<Duration> {
        let (due, _) = self.waiting.front()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Does what there is to do.
    ///
    /// # Errors
    /// With what speaks against it; all that can wait is tried again.
    pub(super) fn run(&mut self, workspace: &Workspace) -> Result<(), Refusal> {
        while self.waiting.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            let Some((_, displaced)) = self.waiting.pop_front() else { break };
            look_again(workspace, &displaced)?;
        }
        let known = match self.slot_bytes {
            Some(bytes) => bytes,
            None => list(workspace)?.iter().map(|(_, size)| size).sum(),
        };
        self.slot_bytes = Some(known);
        if self.swept.is_some_and(|swept| swept.elapsed() < GRACE) {
            return Ok(());
        }
        if known > workspace.limits.slot_bytes {
            self.swept = Some(Instant::now());
            self.slot_bytes = Some(sweep_slots(workspace)?);
        }
        let limit = workspace.limits.snapshot_bytes;
        let state = &workspace.state;
        if state.snapshot_bytes().map_err(|error| state_refusal(&error))? > limit {
            self.swept = Some(Instant::now());
            sweep_snapshots(workspace, limit / 4 * 3).map_err(|error| state_refusal(&error))?;
        }
        Ok(())
    }
}

/// Looks whether somebody wrote to a displaced file after all.
fn look_again(workspace: &Workspace, displaced: &Displaced) -> Result<(), Refusal> {
    let Displaced { slot, before, path, operation, .. } = displaced;
    match workspace.fs.slot_hash(slot) {
        Ok(hash) if hash != *before => keep(workspace, slot, path, *operation),
        // Swept already, or not to be read now: it is looked at before it goes.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Notes that somebody wrote into a displaced file: its slot stays for good.
fn keep(workspace: &Workspace, slot: &Slot, path: &RelPath, operation: u64) -> Result<(), Refusal> {
    let data = json!({ "path": path.as_str(), "slot": slot.name }).to_string();
    let kept = workspace.state.keep_conflict(slot, path, operation, now_ms(), &data);
    kept.map_err(|error| state_refusal(&error))
}

/// Returns every slot of ours, wherever it lies, with its size in bytes.
fn list(workspace: &Workspace) -> Result<Vec<(Slot, u64)>, Refusal> {
    let besides = workspace.state.besides().map_err(|error| state_refusal(&error))?;
    workspace.fs.slots(&besides).map_err(|error| broken(&error))
}

/// Removes old slots until the rest takes at most three quarters of the limit.
/// Returns how much that is.
fn sweep_slots(workspace: &Workspace) -> Result<u64, Refusal> {
    let state = &workspace.state;
    let refuse = |error: StateError| state_refusal(&error);
    let mut slots = list(workspace)?;
    let mut bytes: u64 = slots.iter().map(|(_, size)| size).sum();
    slots.sort_by_key(|(slot, _)| slot.owner());
    let needed = Needed::of(workspace).map_err(refuse)?;
    let most = workspace.limits.slot_bytes / 4 * 3;
    for batch in slots.chunks(BATCH) {
        let (mut going, mut left) = (Vec::new(), bytes);
        for (slot, size) in batch {
            if left <= most {
                break;
            }
            if let Some(step) = may_go(workspace, &needed, slot)? {
                going.push((slot, *size, step));
                left -= size;
            }
        }
        if going.is_empty() {
            continue;
        }
        // A slot shows that its operation was done. Before it goes, that nothing is
        // left to do must be written down for good, and with it what is kept of the
        // slot: else a recovery would do the operation again, to whatever stands
        // there by then.
        state.flush_settled().and_then(|()| state.barrier()).map_err(refuse)?;
        for (slot, size, step) in going {
            if remove(workspace, slot, &step)? {
                bytes -= size;
            }
        }
    }
    Ok(bytes)
}

/// Returns the step that left a slot behind, if nobody needs that any more. What
/// an undo or a waiting edit needs of its content is kept as a snapshot.
fn may_go(workspace: &Workspace, needed: &Needed, slot: &Slot) -> Result<Option<Step>, Refusal> {
    let Some((operation, index)) = slot.owner() else { return Ok(None) };
    let state = &workspace.state;
    let refuse = |error: StateError| state_refusal(&error);
    let begun = state.begun_ms(operation).map_err(refuse)?;
    let old = begun.is_some_and(|at| at + (GRACE.as_millis() as i64) < now_ms());
    if !old || !state.is_settled(operation).map_err(refuse)? {
        return Ok(None);
    }
    if state.is_conflict(slot).map_err(refuse)? {
        return Ok(None);
    }
    let mut steps = state.steps(operation).map_err(refuse)?;
    if index >= steps.len() {
        return Ok(None);
    }
    let step = steps.swap_remove(index).step;
    let Some(hash) = step.before.filter(|hash| needed.0.contains(hash)) else {
        return Ok(Some(step));
    };
    if step.kind == StepKind::Remove {
        // What comes back by an undo has its mode and owner from here.
        return Ok(None);
    }
    let bytes = workspace.fs.read_slot(slot, u64::MAX).map_err(|error| broken(&error))?;
    if ContentHash::of(&bytes) == hash {
        workspace.store(&Snapshot::of(bytes)).map_err(refuse)?;
    }
    Ok(Some(step))
}

/// Removes a slot that holds what its step left there; returns whether it did.
fn remove(workspace: &Workspace, slot: &Slot, step: &Step) -> Result<bool, Refusal> {
    // An operation that was taken back has its own new bytes there.
    for hash in [step.before, step.after].into_iter().flatten() {
        match workspace.fs.retire(slot, hash) {
            Ok(()) => return Ok(true),
            Err(FsError::Changed) => {}
            // Somebody has it open for writing, or it went by itself.
            Err(FsError::Busy | FsError::Missing) => return Ok(false),
            Err(error) => return Err(broken(&error)),
        }
    }
    let Some((operation, _)) = slot.owner() else { return Ok(false) };
    keep(workspace, slot, &step.path, operation)?;
    Ok(false)
}

/// Lets go of old snapshots until the rest takes at most `bytes`.
fn sweep_snapshots(workspace: &Workspace, bytes: u64) -> Result<(), StateError> {
    let needed = Needed::of(workspace)?;
    let state = &workspace.state;
    let mut after = 0;
    while state.snapshot_bytes()? > bytes {
        let page = state.oldest_snapshots(after, BATCH)?;
        let Some(last) = page.last() else { break };
        after = last.0;
        let hashes = page.into_iter().map(|(_, hash)| ContentHash(hash));
        let idle = hashes.filter(|hash| !needed.0.contains(hash) && !workspace.is_in_use(hash));
        let idle: Vec<[u8; 32]> = idle.map(|hash| hash.0).collect();
        state.drop_snapshots(&idle)?;
    }
    Ok(())
}

/// Contents that an undo or a rejected edit that waits cannot do without.
struct Needed(HashSet<ContentHash>);

impl Needed {
    fn of(workspace: &Workspace) -> Result<Needed, StateError> {
        let (state, now) = (&workspace.state, now_ms());
        let since = now.saturating_sub(workspace.limits.undo_seconds.saturating_mul(1000));
        let removed = state.removed_since(since)?;
        let mut needed: HashSet<ContentHash> = removed.into_iter().map(ContentHash).collect();
        for record in state.retries(now)? {
            let Ok(record) = serde_json::from_str(&record) else { continue };
            for handle in handles_in(&record) {
                needed.extend(workspace.content_of(handle)?);
            }
        }
        Ok(Needed(needed))
    }
}

/// Returns every handle that a rejected edit names, whatever its form.
fn handles_in(record: &Value) -> Vec<Handle> {
    let named = |name: &str| matches!(name, "handle" | "to_handle");
    match record {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value.as_u64().and_then(|n| u32::try_from(n).ok()) {
                Some(number) if named(name) => vec![Handle::from_number(number)],
                _ => handles_in(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(handles_in).collect(),
        _ => Vec::new(),
    }
}

fn broken(error: &FsError) -> Refusal {
    Refusal::new(engine::error::Code::Denied, error.to_string())
}
