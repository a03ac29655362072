//! Sessions: who is speaking, and which lines it has been shown.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::anchor::{Handle, View};

use crate::state::{SessionRow, State, StateError};

/// The sessions that spoke lately; all others are in the state.
#[derive(Default)]
pub(super) struct Sessions {
    open: Mutex<HashMap<String, Arc<Session>>>,
}

/// One session.
pub(super) struct Session {
    /// Its particulars.
    pub(super) row: SessionRow,
    memory: Arc<Memory>,
}

/// What a session knows, also when it is opened again.
#[derive(Default)]
struct Memory {
    views: Mutex<HashMap<Handle, View>>,
    /// The rules that events of a kind are about; none before the record was asked.
    rules: Mutex<HashMap<&'static str, HashSet<String>>>,
    /// Held while a view grows: the session may speak over several connections.
    showing: Mutex<()>,
}

/// How many views a session keeps in memory; the others are read again.
const VIEWS_IN_MEMORY: usize = 10_000;

/// How many sessions are kept in memory before those that do not speak just now are
/// left to the state.
const SESSIONS_IN_MEMORY: usize = 1_000;

impl Sessions {
    /// Returns the session with this name, from memory or from the state.
    pub(super) fn get(&self, id: &str, state: &State) -> Result<Option<Arc<Session>>, StateError> {
        if let Some(session) = self.lock().get(id) {
            return Ok(Some(Arc::clone(session)));
        }
        Ok(state.session(id)?.map(|row| self.insert(row, state)))
    }

    /// Stores a session, or gives one of the same name its new particulars.
    pub(super) fn put(&self, row: SessionRow, state: &State) -> Result<Arc<Session>, StateError> {
        state.put_session(&row)?;
        let mut open = self.lock();
        make_room(&mut open, state);
        let memory = open.get(&row.id).map(|known| Arc::clone(&known.memory)).unwrap_or_default();
        let session = Arc::new(Session { row, memory });
        open.insert(session.row.id.clone(), Arc::clone(&session));
        Ok(session)
    }

    fn insert(&self, row: SessionRow, state: &State) -> Arc<Session> {
        let session = Session { row, memory: Arc::default() };
        let mut open = self.lock();
        make_room(&mut open, state);
        Arc::clone(open.entry(session.row.id.clone()).or_insert_with(|| Arc::new(session)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of the sessions that nobody speaks in just now, where there are many. What
/// they know is in the state, unless that cannot be written to.
fn make_room(open: &mut HashMap<String, Arc<Session>>, state: &State) {
    if open.len() >= SESSIONS_IN_MEMORY && state.trouble().is_none() {
        let speaks = |session: &Arc<Session>| {
            Arc::strong_count(session) > 1 || Arc::strong_count(&session.memory) > 1
        };
        open.retain(|_, session| speaks(session));
    }
}

impl Session {
    /// Returns which lines of `handle` the session was shown; `None` where it
    /// was never shown the handle at all.
    pub(super) fn view(&self, handle: Handle, state: &State) -> Result<Option<View>, StateError> {
        if let Some(view) = self.lock().get(&handle) {
            return Ok(Some(view.clone()));
        }
        let stored = state.view(&self.row.id, handle.number())?.map(View::of);
        if let Some(view) = &stored {
            self.remember(handle, view.clone());
        }
        Ok(stored)
    }

    /// Notes that the session was shown these lines of `handle`, and writes it
    /// down if any of them is new. Returns how many were shown before.
    pub(super) fn show(
        &self,
        handle: Handle,
        lines: &[std::ops::Range<usize>],
        state: &State,
    ) -> Result<usize, StateError> {
        let _alone = self.memory.showing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.view(handle, state)?;
        let fresh = known.is_none();
        let mut view = known.unwrap_or_default();
        let before = lines.iter().map(|range| view.count_in(range)).sum();
        let grew = lines.iter().filter(|range| view.add((*range).clone())).count() > 0;
        if grew || fresh {
            state.put_view(&self.row.id, handle.number(), view.ranges())?;
            self.remember(handle, view);
        }
        Ok(before)
    }

    /// Returns the rules of the user that events of this kind are about.
    pub(super) fn rules(
        &self,
        kind: &'static str,
        state: &State,
    ) -> Result<HashSet<String>, StateError> {
        let mut known = self.memory.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = known.get(kind) {
            return Ok(rules.clone());
        }
        let rules: HashSet<_> = state.rules_of_events(kind, &self.row.id)?.into_iter().collect();
        known.insert(kind, rules.clone());
        Ok(rules)
    }

    /// Notes an event about a rule, which has been written down already.
    pub(super) fn note_rule(&self, kind: &'static str, rule: &str) {
        let mut known = self.memory.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = known.get_mut(kind) {
            rules.insert(rule.to_owned());
        }
    }

    /// Notes a view that has been written down already.
    pub(super) fn remember(&self, handle: Handle, view: View) {
        let mut views = self.lock();
        if views.len() >= VIEWS_IN_MEMORY {
            views.clear();
        }
        views.insert(handle, view);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Handle, View>> {
        self.memory.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
