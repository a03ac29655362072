//! The ledger: counts what each attempt cost, after its answer, on a thread of
//! its own, and does what else can wait.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::anchor::{Gutter, render};
use engine::snapshot::Snapshot;

use super::api::{Attempt, Traffic};
use super::workspace::Workspace;
use crate::state::Cost;
use crate::tokens;

/// How much text is counted exactly; more is estimated by its bytes.
const EXACT_BYTES: usize = 1 << 20;

/// How many jobs may wait. Beyond it costs are estimated at once.
const WAITING_JOBS: usize = 1024;

/// How long a summary waits for the ledger to catch up.
const CATCH_UP: Duration = Duration::from_secs(10);

/// Work that can wait until after the answer.
pub(super) enum Job {
    /// Count an attempt.
    Count(Box<(Attempt, Traffic)>),
    /// Keep a content that was too large to be kept before the answer.
    Keep(Arc<Snapshot>),
    /// Say when everything before it is done.
    Mark(SyncSender<()>),
}

/// The thread and the way to it.
pub(super) struct Ledger {
    jobs: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Ledger {
    /// Starts the ledger of a workspace.
    pub(super) fn start(workspace: Arc<Workspace>) -> std::io::Result<Ledger> {
        let (sender, receiver) = sync_channel(WAITING_JOBS);
        let run = move || work(&workspace, &receiver);
        let thread = std::thread::Builder::new().name("ledger".into()).spawn(run)?;
        Ok(Ledger { jobs: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    /// Hands over a job; gives it back where too many wait.
    pub(super) fn send(&self, job: Job) -> Result<(), Job> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        match jobs.as_ref().map(|sender| sender.try_send(job)) {
            Some(Err(TrySendError::Full(job) | TrySendError::Disconnected(job))) => Err(job),
            _ => Ok(()),
        }
    }

    /// Waits until everything handed over so far is done, for a while.
    pub(super) fn catch_up(&self) {
        let (done, wait) = sync_channel(1);
        let sender = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if sender.is_some_and(|sender| sender.send(Job::Mark(done)).is_ok()) {
            let _late = wait.recv_timeout(CATCH_UP);
        }
    }

    /// Finishes what waits and ends the thread.
    pub(super) fn stop(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _panicked = thread.join();
        }
    }
}

fn work(workspace: &Workspace, jobs: &Receiver<Job>) {
    for job in jobs {
        let result = match job {
            Job::Count(job) => {
                let cost = cost(&job.0, &job.1, EXACT_BYTES);
                workspace.state.put_cost(job.0.event, &cost)
            }
            Job::Keep(snapshot) => workspace.state.put_snapshot(&snapshot.hash.0, &snapshot.bytes),
            Job::Mark(done) => {
                let _nobody_waits = done.send(());
                Ok(())
            }
        };
        if let Err(error) = result.and_then(|()| workspace.state.tidy()) {
            tracing::warn!("the ledger: {error}");
        }
    }
}

/// Returns what an attempt cost; text beyond `exact` bytes is estimated.
pub(super) fn cost(attempt: &Attempt, sent: &Traffic, exact: usize) -> Cost {
    let mut counter = Counter { exact, estimated: false };
    let mut cost = Cost {
        bytes_in: sent.request.len(),
        bytes_out: sent.response.len(),
        tokens_in: counter.count(&sent.request),
        tokens_out: counter.count(&sent.response),
        text: attempt.new_text.iter().map(|text| counter.count(text)).sum(),
        old_text: attempt.old_text.iter().map(|text| counter.count(text)).sum(),
        ..Cost::default()
    };
    if let Some((snapshot, lines, gutter)) = &attempt.rows {
        let plain = counter.count(&render(snapshot, lines, Gutter::None));
        let numbered = match gutter {
            Gutter::None => plain,
            gutter => counter.count(&render(snapshot, lines, *gutter)),
        };
        cost.text = plain;
        cost.gutter = numbered.saturating_sub(plain);
        let (seen, shown) = attempt.reread;
        cost.reread = (plain * seen).checked_div(shown).unwrap_or(0);
    }
    cost.estimated = counter.estimated;
    cost
}

/// Counts text exactly up to a bound, and by its bytes beyond it.
struct Counter {
    exact: usize,
    estimated: bool,
}

impl Counter {
    fn count(&mut self, text: &str) -> usize {
        if text.len() <= self.exact {
            return tokens::count(text);
        }
        self.estimated = true;
        tokens::estimate(text.len())
    }
}
