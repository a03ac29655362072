//! The journal of transactions on SQLite: intent and commit are rows of the
//! operation, written together with the facts they make true.

use std::ops::Range;
use std::sync::PoisonError;

use engine::store::{Intent, Journal, JournalError, RelPath, Slot, Step, StepKind, Unfinished};
use rusqlite::{Connection, params};

use super::sessions::put_view;
use super::snapshots::{NewHandle, put_handle};
use super::{State, StateError};

/// An operation as it is announced, before anything happens.
#[derive(Debug, Clone, Default)]
pub struct OperationRecord {
    /// The session that asks for it.
    pub session: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `edit`, `undo` or `redo`.
    pub kind: String,
    /// The operation that is undone or redone.
    pub target: Option<u64>,
    /// The caller's own name for the request.
    pub op_id: Option<String>,
    /// The format the edit was written in.
    pub format: String,
    /// The caller's reason.
    pub why: Option<String>,
    /// The answer that will be given, as JSON, so that a repeated request gets
    /// it; empty where the request has no name and cannot be repeated.
    pub answer: String,
    /// For each step, its change as `pack_edits` wrote it.
    pub edits: Vec<Option<Vec<u8>>>,
    /// The handles that the answer gives out for the first time.
    pub handles: Vec<NewHandle>,
    /// What was done in the documents of editors, with its change. It is written
    /// with the commit: there is nothing in it for recovery to finish.
    pub in_editors: Vec<(Step, Option<Vec<u8>>)>,
}

/// A handle and the lines of its content that a session knows.
pub type KnownLines = (u32, Vec<Range<usize>>);

/// What becomes true with the commit. It is written with the intent, so that
/// recovery can make it true as well.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Handles and the lines of them that the session knows from now on.
    pub views: Vec<KnownLines>,
    /// The particulars of the event, as JSON.
    pub event: String,
}

/// The journal of one operation.
pub struct OperationJournal<'a> {
    state: &'a State,
    record: OperationRecord,
    facts: Facts,
    /// The number of the event that the commit wrote.
    event: std::sync::atomic::AtomicI64,
}

impl<'a> OperationJournal<'a> {
    /// Returns the journal of `record`, whose commit makes `facts` true.
    pub fn new(state: &'a State, record: OperationRecord, facts: Facts) -> OperationJournal<'a> {
        OperationJournal { state, record, facts, event: 0.into() }
    }

    /// Returns the number of the event that the commit wrote.
    pub fn event(&self) -> i64 {
        self.event.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Writes down an operation that touched no file, only documents of editors:
    /// intent and commit at once.
    ///
    /// # Errors
    /// Where it cannot be written; the documents are changed all the same.
    pub fn note(&self, tx: u64) -> Result<(), StateError> {
        let intent = Intent { tx, steps: Vec::new() };
        let event = self.state.write(|db| {
            self.announce(db, &intent)?;
            self.conclude(db, tx)
        })?;
        self.event.store(event, std::sync::atomic::Ordering::SeqCst);
        Journal::settle(self.state, tx);
        Ok(())
    }

    fn announce(&self, db: &Connection, intent: &Intent) -> Result<(), StateError> {
        let OperationRecord {
            session,
            at_ms,
            kind,
            target,
            op_id,
            format,
            why,
            answer,
            edits,
            handles,
            in_editors: _,
        } = &self.record;
        let id = intent.tx as i64;
        let target = target.map(|id| id as i64);
        db.prepare_cached(
            "INSERT INTO operation
                    (id, state, session, at, kind, target, op_id, format, why, answer, event)
             VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            id,
            session,
            at_ms,
            kind,
            target,
            op_id,
            format,
            why,
            answer,
            self.facts.event
        ])?;
        for (number, step) in intent.steps.iter().enumerate() {
            put_step(db, id, number, step, edits.get(number).and_then(Option::as_ref))?;
        }
        handles.iter().try_for_each(|handle| put_handle(db, handle))?;
        // Of a content that never comes to be, it does no harm to know lines.
        for (handle, ranges) in &self.facts.views {
            put_view(db, session, *handle, ranges)?;
        }
        self.state.write_settled(db)
    }

    fn conclude(&self, db: &Connection, tx: u64) -> Result<i64, StateError> {
        let record = &self.record;
        let state = if self.state.durable { COMMITTED } else { SETTLED };
        set_state(db, tx, state)?;
        for ((step, edits), number) in record.in_editors.iter().zip(record.edits.len()..) {
            put_step(db, tx as i64, number, step, edits.as_ref())?;
        }
        if let Some(target) = record.target {
            db.prepare_cached("UPDATE operation SET undone = ?2 WHERE id = ?1")?
                .execute(params![target as i64, tx as i64])?;
        }
        let kind = event_kind(&record.kind);
        self.state.append(db, record.at_ms, &kind, &record.session, Some(tx), &self.facts.event)
    }
}

/// Returns the kind of event that an operation of this kind leaves.
fn event_kind(operation: &str) -> String {
    format!("edit.{}", if operation == "edit" { "applied" } else { operation })
}

/// No operation can be unfinished that is older than so many others: the limit
/// of connections is far below it.
const IN_FLIGHT: i64 = 100_000;

const COMMITTED: i64 = 1;
const SETTLED: i64 = 2;
const ABORTED: i64 = 3;

impl Journal for OperationJournal<'_> {
    fn begin(&self, intent: &Intent) -> Result<(), JournalError> {
        self.state.write(|db| self.announce(db, intent)).map_err(journal_error)
    }

    fn commit(&self, tx: u64) -> Result<(), JournalError> {
        let event = self.state.write(|db| self.conclude(db, tx)).map_err(journal_error)?;
        self.event.store(event, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }

    fn abort(&self, tx: u64) -> Result<(), JournalError> {
        self.state.write(|db| set_state(db, tx, ABORTED)).map_err(journal_error)
    }

    fn barrier(&self) -> Result<(), JournalError> {
        self.state.barrier().map_err(journal_error)
    }

    fn settle(&self, tx: u64) {
        Journal::settle(self.state, tx);
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>, JournalError> {
        Journal::unfinished(self.state)
    }
}

/// The journal as recovery sees it: it ends operations that others began.
impl Journal for State {
    fn begin(&self, _: &Intent) -> Result<(), JournalError> {
        Err(JournalError::new("BUG: an operation begins with its record"))
    }

    fn commit(&self, tx: u64) -> Result<(), JournalError> {
        let finish = |db: &Connection| {
            set_state(db, tx, COMMITTED)?;
            db.prepare_cached(
                "UPDATE operation SET undone = ?1
                 WHERE id = (SELECT target FROM operation WHERE id = ?1)",
            )?
            .execute([tx as i64])?;
            let (session, at, kind, event): (String, i64, String, String) = db
                .prepare_cached("SELECT session, at, kind, event FROM operation WHERE id = ?1")?
                .query_row([tx as i64], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?;
            self.append(db, at, &event_kind(&kind), &session, Some(tx), &event)?;
            self.append(db, at, "tx.recovered", &session, Some(tx), r#"{"committed":true}"#)
        };
        self.write(finish).map(|_| ()).map_err(journal_error)
    }

    fn abort(&self, tx: u64) -> Result<(), JournalError> {
        let take_back = |db: &Connection| {
            set_state(db, tx, ABORTED)?;
            let (session, at): (String, i64) = db
                .prepare_cached("SELECT session, at FROM operation WHERE id = ?1")?
                .query_row([tx as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
            self.append(db, at, "tx.recovered", &session, Some(tx), r#"{"committed":false}"#)
        };
        self.write(take_back).map(|_| ()).map_err(journal_error)
    }

    fn barrier(&self) -> Result<(), JournalError> {
        State::barrier(self).map_err(journal_error)
    }

    fn settle(&self, tx: u64) {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).push(tx);
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>, JournalError> {
        let unfinished = |db: &Connection| {
            let mut select = db.prepare(
                "SELECT id, state FROM operation
                 WHERE state < 2 AND id > (SELECT max(id) FROM operation) - ?1 ORDER BY id",
            )?;
            let rows = select
                .query_map([IN_FLIGHT], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
            let mut found = Vec::new();
            for row in rows {
                let (id, state) = row?;
                let steps = steps_of(db, id)?;
                let intent = Intent { tx: id as u64, steps };
                found.push(Unfinished { intent, committed: state == COMMITTED });
            }
            Ok(found)
        };
        self.read(unfinished).map_err(journal_error)
    }
}

impl State {
    /// Writes down which operations are settled, on the way of another write.
    fn write_settled(&self, db: &Connection) -> Result<(), StateError> {
        let settled =
            std::mem::take(&mut *self.settled.lock().unwrap_or_else(PoisonError::into_inner));
        let mut pending = self.lock_pending();
        pending.settled = settled;
        pending.settled.iter().try_for_each(|tx| set_state(db, *tx, SETTLED))
    }

    /// Returns whether recovery has nothing more to do with an operation.
    pub fn is_settled(&self, operation: u64) -> Result<bool, StateError> {
        let noted = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.contains(&operation) {
            return Ok(true);
        }
        drop(noted);
        self.read(|db| {
            let mut select =
                db.prepare_cached("SELECT 1 FROM operation WHERE id = ?1 AND state >= ?2")?;
            Ok(select.exists(params![operation as i64, SETTLED])?)
        })
    }

    /// Writes down which operations are settled: at a clean end, and before what
    /// shows that they were done goes.
    pub fn flush_settled(&self) -> Result<(), StateError> {
        // Whoever just writes some of them down holds the database until that is done.
        let db = self.db();
        let is_idle = self.settled.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        drop(db);
        if is_idle {
            return Ok(());
        }
        self.write(|db| self.write_settled(db))
    }
}

fn set_state(db: &Connection, tx: u64, state: i64) -> Result<(), StateError> {
    db.prepare_cached("UPDATE operation SET state = ?2 WHERE id = ?1")?
        .execute(params![tx as i64, state])?;
    Ok(())
}

fn put_step(
    db: &Connection,
    operation: i64,
    number: usize,
    step: &Step,
    edits: Option<&Vec<u8>>,
) -> Result<(), StateError> {
    let (kind, target) = match &step.kind {
        StepKind::Modify => (0, None),
        StepKind::Create => (1, None),
        StepKind::Remove => (2, None),
        StepKind::Move { to } => (3, Some(to.as_str())),
    };
    let hash = |hash: &Option<engine::hash::ContentHash>| hash.map(|hash| hash.0.to_vec());
    db.prepare_cached("INSERT INTO step VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)")?.execute(
        params![
            operation,
            number as i64,
            kind,
            step.path.as_str(),
            target,
            hash(&step.before),
            hash(&step.after),
            step.slot.name,
            step.slot.beside.as_ref().map(RelPath::as_str),
            edits,
        ],
    )?;
    Ok(())
}

/// Returns the steps that an operation makes on the disk, in their order.
pub(super) fn steps_of(db: &Connection, operation: i64) -> Result<Vec<Step>, StateError> {
    let mut select = db.prepare_cached(
        "SELECT kind, path, target, before, after, slot, beside FROM step
         WHERE operation = ?1 AND slot <> '' ORDER BY number",
    )?;
    let mut rows = select.query([operation])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(step_from(row)?);
    }
    Ok(steps)
}

/// Reads a step from the columns kind, path, target, before, after, slot, beside.
pub(super) fn step_from(row: &rusqlite::Row<'_>) -> Result<Step, StateError> {
    let damaged = || StateError::Damaged("a step");
    let path = |text: String| RelPath::parse(&text).map_err(|_| damaged());
    let target: Option<String> = row.get(2)?;
    let beside: Option<String> = row.get(6)?;
    let hash = |hash: Option<[u8; 32]>| hash.map(engine::hash::ContentHash);
    let kind = match (row.get::<_, i64>(0)?, target) {
        (0, _) => StepKind::Modify,
        (1, _) => StepKind::Create,
        (2, _) => StepKind::Remove,
        (3, Some(to)) => StepKind::Move { to: path(to)? },
        _ => return Err(damaged()),
    };
    Ok(Step {
        path: path(row.get(1)?)?,
        kind,
        before: hash(row.get(3)?),
        after: hash(row.get(4)?),
        slot: Slot { beside: beside.map(path).transpose()?, name: row.get(5)? },
    })
}

fn journal_error(error: StateError) -> JournalError {
    JournalError { text: error.to_string(), trouble: error.trouble() }
}
