//! The ledger: counts what each attempt cost, after its answer, on a thread of
//! its own, and does what else can wait.
//!
//! Jobs are taken in batches, so that a burst of requests wakes the thread once
//! and is written down in one transaction.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::anchor::{Gutter, render};
use engine::hash::ContentHash;
use engine::snapshot::Snapshot;

use super::api::{Attempt, Traffic};
use super::sweep::{Displaced, Sweep};
use super::workspace::Workspace;
use crate::process::Worker;
use crate::state::Cost;
use crate::tokens;

/// How much text is counted exactly; more is estimated by its bytes.
const EXACT_BYTES: usize = 1 << 20;

/// How many jobs may wait, and with how much text. Beyond it costs are
/// estimated at once.
const WAITING_JOBS: usize = 4096;
const WAITING_BYTES: usize = 4 << 20;

/// How long jobs are gathered before they are done.
const GATHER: Duration = Duration::from_millis(50);

/// How long anybody waits for the ledger to catch up.
const CATCH_UP: Duration = Duration::from_secs(10);

/// How long the counting process is kept when there is nothing to count.
const IDLE: Duration = Duration::from_secs(10);

/// How long the counting process may take for one text.
const PATIENCE: Duration = Duration::from_secs(10);

/// Work that can wait until after the answer.
pub(super) enum Job {
    /// Count an attempt.
    Count(Box<(Attempt, Traffic)>),
    /// Keep a content that was too large to be kept before the answer.
    Keep(Arc<Snapshot>),
    /// An operation took effect: there are slots more.
    Slots(Vec<Displaced>),
    /// Say when everything before it is done.
    Mark(SyncSender<()>),
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Job::Count(job) => {
                let (attempt, sent) = &**job;
                let texts = attempt.new_text.weight() + attempt.old_text.weight();
                sent.request.len() + sent.response.len() + attempt.written.len() + texts
            }
            Job::Keep(_) | Job::Slots(_) | Job::Mark(_) => 0,
        }
    }
}

/// The thread and the way to it.
pub(super) struct Ledger {
    inbox: Arc<Inbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Inbox {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    kept: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// Large contents that are not kept yet.
    keeping: HashSet<ContentHash>,
    /// Whether somebody waits for what is waiting, so that nothing is gathered.
    urgent: bool,
    over: bool,
}

impl Ledger {
    /// Starts the ledger of a workspace; tokens are counted by `counter`, or in
    /// this process where there is none.
    pub(super) fn start(
        workspace: Arc<Workspace>,
        counter: Option<PathBuf>,
    ) -> std::io::Result<Ledger> {
        let inbox = Arc::new(Inbox::default());
        let theirs = Arc::clone(&inbox);
        let run = move || work(&workspace, &theirs, &mut Counter::new(counter));
        let thread = std::thread::Builder::new().name("ledger".into()).spawn(run)?;
        Ok(Ledger { inbox, thread: Mutex::new(Some(thread)) })
    }

    /// Hands over a job; gives it back where too many wait.
    pub(super) fn send(&self, job: Job) -> Result<(), Job> {
        let mut waiting = self.inbox.lock();
        let full = waiting.jobs.len() >= WAITING_JOBS || waiting.bytes >= WAITING_BYTES;
        if waiting.over || (full && !matches!(job, Job::Mark(_))) {
            return Err(job);
        }
        let first = waiting.jobs.is_empty();
        waiting.bytes += job.bytes();
        waiting.urgent |= matches!(job, Job::Mark(_));
        if let Job::Keep(snapshot) = &job {
            waiting.keeping.insert(snapshot.hash);
        }
        let wake = first || waiting.urgent;
        waiting.jobs.push_back(job);
        drop(waiting);
        if wake {
            self.inbox.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits until everything handed over so far is done, for a while.
    pub(super) fn catch_up(&self) {
        let (done, wait) = sync_channel(1);
        if self.send(Job::Mark(done)).is_ok() {
            let _late = wait.recv_timeout(CATCH_UP);
        }
    }

    /// Waits until a content is kept, if it is one of those that are about to be,
    /// for a while. An edit holds two contents of its file; with a third one in
    /// here that nobody else holds, large files would take too much memory.
    pub(super) fn wait_for(&self, hash: &ContentHash) {
        let mut waiting = self.inbox.lock();
        if waiting.keeping.contains(hash) {
            waiting.urgent = true;
            self.inbox.arrived.notify_one();
            let is_waiting = |waiting: &mut Waiting| waiting.keeping.contains(hash);
            let _late = self.inbox.kept.wait_timeout_while(waiting, CATCH_UP, is_waiting);
        }
    }

    /// Finishes what waits and ends the thread.
    pub(super) fn stop(&self) {
        self.inbox.lock().over = true;
        self.inbox.arrived.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _panicked = thread.join();
        }
    }
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for jobs and takes them all; `None` at the end. An empty batch
    /// means that nothing came for so long.
    fn take(&self, patience: Duration) -> Option<VecDeque<Job>> {
        let mut waiting = self.lock();
        if waiting.jobs.is_empty() && !waiting.over {
            waiting = self.wait(waiting, patience);
        }
        if !waiting.jobs.is_empty() && !waiting.urgent && !waiting.over {
            waiting = self.wait(waiting, GATHER);
        }
        if waiting.jobs.is_empty() && waiting.over {
            return None;
        }
        waiting.urgent = false;
        waiting.bytes = 0;
        Some(std::mem::take(&mut waiting.jobs))
    }

    fn wait<'a>(
        &self,
        waiting: MutexGuard<'a, Waiting>,
        patience: Duration,
    ) -> MutexGuard<'a, Waiting> {
        self.arrived.wait_timeout(waiting, patience).unwrap_or_else(PoisonError::into_inner).0
    }
}

fn work(workspace: &Workspace, inbox: &Inbox, counter: &mut Counter) {
    let mut sweep = Sweep::default();
    let mut worked = Instant::now();
    while let Some(jobs) = inbox.take(sweep.next().map_or(IDLE, |next| next.min(IDLE))) {
        match jobs.is_empty() {
            true if worked.elapsed() >= IDLE => counter.rest(),
            true => {}
            false => worked = Instant::now(),
        }
        let mut costs = Vec::new();
        let mut marks = Vec::new();
        for job in jobs {
            match job {
                Job::Count(job) => {
                    counter.estimated = false;
                    costs.push((job.0.event, cost(&job.0, &job.1, counter)));
                }
                Job::Keep(snapshot) => {
                    report(workspace.store(&snapshot));
                    inbox.lock().keeping.remove(&snapshot.hash);
                    inbox.kept.notify_all();
                }
                Job::Slots(displaced) => displaced.into_iter().for_each(|slot| sweep.note(slot)),
                Job::Mark(done) => marks.push(done),
            }
        }
        if let Err(refusal) = sweep.run(workspace) {
            tracing::warn!("sweeping: {refusal}");
        }
        if !costs.is_empty() {
            report(workspace.state.put_costs(&costs).and_then(|()| workspace.state.tidy()));
        }
        for mark in marks {
            let _nobody_waits = mark.send(());
        }
    }
}

fn report(result: Result<(), crate::state::StateError>) {
    if let Err(error) = result {
        tracing::warn!("the ledger: {error}");
    }
}

/// Returns what an attempt cost where there is no time to count: an estimate.
pub(super) fn estimated(attempt: &Attempt, sent: &Traffic) -> Cost {
    let mut counter = Counter { exact: 0, ..Counter::new(None) };
    cost(attempt, sent, &mut counter)
}

fn cost(attempt: &Attempt, sent: &Traffic, counter: &mut Counter) -> Cost {
    let parts = [&sent.request, &attempt.written, &sent.response].map(String::as_str);
    let texts = attempt.new_text.iter().chain(attempt.old_text.iter());
    let counts = counter.count(&parts.into_iter().chain(texts).collect::<Vec<_>>());
    let (parts, texts) = counts.split_at(parts.len());
    let (new, old) = texts.split_at(attempt.new_text.iter().count());
    let mut cost = Cost {
        bytes_in: sent.request.len() + attempt.written.len(),
        bytes_out: sent.response.len(),
        tokens_in: parts[0] + parts[1],
        tokens_out: parts[2],
        text: new.iter().sum(),
        old_text: old.iter().sum(),
        ..Cost::default()
    };
    if let Some((snapshot, lines, gutter)) = &attempt.rows {
        let plain = render(snapshot, lines, Gutter::None);
        let numbered = (*gutter != Gutter::None).then(|| render(snapshot, lines, *gutter));
        let texts: Vec<&str> = std::iter::once(&*plain).chain(numbered.as_deref()).collect();
        let counts = counter.count(&texts);
        let plain = counts[0];
        cost.text = plain;
        cost.gutter = counts.get(1).map_or(0, |numbered| numbered.saturating_sub(plain));
        let (seen, shown) = attempt.reread;
        cost.reread = (plain * seen).checked_div(shown).unwrap_or(0);
    }
    cost.estimated = counter.estimated;
    cost
}

/// Counts text exactly up to a bound, and by its bytes beyond it.
///
/// The vocabulary takes 70 MB, more than all the rest, so a daemon counts in a
/// process of its own, which ends when there is nothing to count.
struct Counter {
    exact: usize,
    estimated: bool,
    program: Option<PathBuf>,
    worker: Option<Worker>,
}

impl Counter {
    fn new(program: Option<PathBuf>) -> Counter {
        Counter { exact: EXACT_BYTES, estimated: false, program, worker: None }
    }

    /// Returns the number of tokens of each text.
    fn count(&mut self, texts: &[&str]) -> Vec<usize> {
        let bound = self.exact;
        let is_short = |text: &&str| !text.is_empty() && text.len() <= bound;
        let short: Vec<&str> = texts.iter().copied().filter(is_short).collect();
        let counts = self.exactly(&short).unwrap_or_else(|error| {
            tracing::warn!("the counting process: {error}");
            self.worker = None;
            Vec::new()
        });
        let mut counts = counts.into_iter();
        let count = |text: &&str| {
            let exact = if is_short(text) { counts.next() } else { None };
            exact.unwrap_or_else(|| {
                self.estimated |= !text.is_empty();
                tokens::estimate(text.len())
            })
        };
        texts.iter().map(count).collect()
    }

    fn exactly(&mut self, texts: &[&str]) -> std::io::Result<Vec<usize>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let Some(program) = &self.program else {
            return Ok(texts.iter().map(|text| tokens::count(text)).collect());
        };
        let worker = match &mut self.worker {
            Some(worker) => worker,
            empty => empty.insert(Worker::spawn(program, &[tokens::SERVE], PATIENCE)?),
        };
        tokens::ask(worker, texts)
    }

    /// Lets the counting process go.
    fn rest(&mut self) {
        self.worker = None;
    }
}
