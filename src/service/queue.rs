//! The queue: at most one edit at a file at a time, in the order of arrival.
//!
//! A request takes its place in the queues of all its files at once, so two
//! requests can never wait for each other.

use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use engine::error::{Code, Refusal};
use engine::store::RelPath;

use super::sync::{Condvar, Mutex, MutexGuard};

/// The queues of all files that somebody is at or waits for.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    waiting: HashMap<RelPath, VecDeque<u64>>,
}

/// A place in the queues; while it is held, its files are the holder's alone.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    queue: &'a Queue,
    ticket: u64,
    paths: Vec<RelPath>,
}

impl Queue {
    /// Waits for the turn at all of `paths`.
    ///
    /// # Errors
    /// `busy` where the turn does not come in time.
    pub(super) fn take(
        &self,
        paths: Vec<RelPath>,
        patience: Duration,
    ) -> Result<Turn<'_>, Refusal> {
        let mut inner = self.lock();
        let ticket = inner.next;
        inner.next += 1;
        for path in &paths {
            inner.waiting.entry(path.clone()).or_default().push_back(ticket);
        }
        let turn = Turn { queue: self, ticket, paths };
        let deadline = Instant::now() + patience;
        while let Some(path) = inner.first_blocked(ticket, &turn.paths) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = format!("others were at the file for {} ms", patience.as_millis());
                let refusal = Refusal::new(Code::Busy, text).at(path.as_str());
                drop(inner);
                return Err(refusal);
            }
            inner = self.moved.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(inner);
        Ok(turn)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn first_blocked<'a>(&self, ticket: u64, paths: &'a [RelPath]) -> Option<&'a RelPath> {
        paths.iter().find(|path| self.waiting[*path].front() != Some(&ticket))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut inner = self.queue.lock();
        let mut others = false;
        for path in &self.paths {
            let Some(queue) = inner.waiting.get_mut(path) else { continue };
            queue.retain(|ticket| *ticket != self.ticket);
            others |= !queue.is_empty();
            if queue.is_empty() {
                inner.waiting.remove(path);
            }
        }
        drop(inner);
        if others {
            self.queue.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::run;
    use super::*;

    fn paths(names: &[&str]) -> Vec<RelPath> {
        names.iter().map(|name| RelPath::parse(name).unwrap()).collect()
    }

    /// Orders of threads are the concern of `tests/schedules`, which has these tests
    /// over the locks of its model checker as well.
    #[test]
    fn a_turn_is_exclusive_and_ends() {
        run(|| {
            let queue = Queue::default();
            let turn = queue.take(paths(&["a", "b"]), Duration::ZERO).unwrap();
            let late = queue.take(paths(&["b"]), Duration::ZERO).unwrap_err();
            assert_eq!((late.code, late.path.as_deref()), (Code::Busy, Some("b")));
            queue.take(paths(&["c"]), Duration::ZERO).unwrap();
            drop(turn);
            queue.take(paths(&["b"]), Duration::ZERO).unwrap();
            assert!(queue.lock().waiting.is_empty());
        });
    }
}
