//! Operations: what was done, by whom and why, and how to take it back.

use engine::store::Step;
use rusqlite::{Connection, OptionalExtension, params};

use super::journal::step_from;
use super::{State, StateError};

/// An operation that took effect.
#[derive(Debug, Clone)]
pub struct OperationRow {
    /// Its number, which is also that of its transaction.
    pub id: u64,
    /// The session that asked for it.
    pub session: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `edit`, `undo` or `redo`.
    pub kind: String,
    /// The operation it undid or redid.
    pub target: Option<u64>,
    /// The operation that undid it.
    pub undone: Option<u64>,
    /// The format it was written in.
    pub format: String,
    /// The caller's reason.
    pub why: Option<String>,
    /// The answer it got, as JSON.
    pub answer: String,
}

/// One step of an operation, with its change.
#[derive(Debug, Clone)]
pub struct StepRow {
    /// The operation.
    pub operation: u64,
    /// What happened.
    pub step: Step,
    /// The change as `pack_edits` wrote it; only for a file that was modified.
    pub edits: Option<Vec<u8>>,
}

const COLUMNS: &str = "id, session, at, kind, target, undone, format, why, answer";

impl State {
    /// Returns the operation with this number, if it took effect.
    pub fn operation(&self, id: u64) -> Result<Option<OperationRow>, StateError> {
        let sql = format!("SELECT {COLUMNS} FROM operation WHERE id = ?1 AND state IN (1, 2)");
        self.read(|db| one(db, &sql, params![id as i64]))
    }

    /// Returns the operation that the session asked for under this name.
    pub fn operation_once(
        &self,
        session: &str,
        op_id: &str,
    ) -> Result<Option<OperationRow>, StateError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operation WHERE session = ?1 AND op_id = ?2 AND state IN (1, 2)"
        );
        self.read(|db| one(db, &sql, params![session, op_id]))
    }

    /// Returns the session's last operation that an undo would take back.
    pub fn last_undoable(&self, session: &str) -> Result<Option<OperationRow>, StateError> {
        self.last_of(session, "('edit', 'redo')")
    }

    /// Returns the session's last undo that a redo would take back.
    pub fn last_redoable(&self, session: &str) -> Result<Option<OperationRow>, StateError> {
        self.last_of(session, "('undo')")
    }

    fn last_of(&self, session: &str, kinds: &str) -> Result<Option<OperationRow>, StateError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operation
             WHERE session = ?1 AND kind IN {kinds} AND undone IS NULL AND state IN (1, 2)
             ORDER BY id DESC LIMIT 1"
        );
        self.read(|db| one(db, &sql, params![session]))
    }

    /// Returns up to `limit` operations before number `before`, newest first;
    /// only those that touched `path`, if one is named.
    pub fn operations(
        &self,
        before: Option<u64>,
        path: Option<&str>,
        limit: usize,
    ) -> Result<Vec<OperationRow>, StateError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operation
             WHERE state IN (1, 2) AND (?1 IS NULL OR id < ?1)
               AND (?2 IS NULL OR id IN (SELECT operation FROM step WHERE path = ?2 OR target = ?2))
             ORDER BY id DESC LIMIT ?3"
        );
        self.read(|db| {
            let mut select = db.prepare_cached(&sql)?;
            let before = before.map(|id| id as i64);
            let rows = select.query_map(params![before, path, limit as i64], operation_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Returns the steps of an operation, in their order.
    pub fn steps(&self, operation: u64) -> Result<Vec<StepRow>, StateError> {
        let sql =
            "SELECT kind, path, target, before, after, slot, beside, edits, operation FROM step
                   WHERE operation = ?1 ORDER BY number";
        self.read(|db| step_rows(db, sql, params![operation as i64]))
    }

    /// Returns the last step before operation `before` that left `path` with the
    /// content `after` by changing its lines.
    pub fn step_to(
        &self,
        path: &str,
        after: &[u8; 32],
        before: u64,
    ) -> Result<Option<StepRow>, StateError> {
        let sql =
            "SELECT kind, path, target, before, after, slot, beside, edits, operation FROM step
                   WHERE path = ?1 AND after = ?2 AND operation < ?3 AND kind = 0
                     AND (SELECT state FROM operation WHERE id = operation) IN (1, 2)
                   ORDER BY operation DESC LIMIT 1";
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        self.read(|db| Ok(step_rows(db, sql, params![path, &after[..], before])?.pop()))
    }

    /// Returns the last step between operations `start` and `end` that found
    /// `path` with the content `before` and changed its lines.
    pub fn step_after(
        &self,
        path: &str,
        before: &[u8; 32],
        start: u64,
        end: u64,
    ) -> Result<Option<StepRow>, StateError> {
        let sql =
            "SELECT kind, path, target, before, after, slot, beside, edits, operation FROM step
                   WHERE path = ?1 AND before = ?2 AND operation > ?3 AND operation < ?4
                     AND kind = 0
                     AND (SELECT state FROM operation WHERE id = operation) IN (1, 2)
                   ORDER BY operation DESC LIMIT 1";
        let [start, end] = [start, end].map(|id| i64::try_from(id).unwrap_or(i64::MAX));
        self.read(|db| Ok(step_rows(db, sql, params![path, &before[..], start, end])?.pop()))
    }

    /// Returns the last step that took the content `before` away from `path`, so
    /// that its slot may still hold it.
    pub fn step_from(&self, path: &str, before: &[u8; 32]) -> Result<Option<StepRow>, StateError> {
        let sql = "SELECT kind, path, target, before, after, slot, beside, edits, operation FROM step
                   WHERE path = ?1 AND before = ?2 AND kind IN (0, 2) AND slot <> '' ORDER BY operation DESC LIMIT 1";
        self.read(|db| Ok(step_rows(db, sql, params![path, &before[..]])?.pop()))
    }
}

fn one(
    db: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Option<OperationRow>, StateError> {
    Ok(db.prepare_cached(sql)?.query_row(params, operation_row).optional()?)
}

fn operation_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<OperationRow> {
    let number = |number: Option<i64>| number.map(|number| number as u64);
    Ok(OperationRow {
        id: row.get::<_, i64>(0)? as u64,
        session: row.get(1)?,
        at_ms: row.get(2)?,
        kind: row.get(3)?,
        target: number(row.get(4)?),
        undone: number(row.get(5)?),
        format: row.get(6)?,
        why: row.get(7)?,
        answer: row.get(8)?,
    })
}

fn step_rows(
    db: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Vec<StepRow>, StateError> {
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        let operation = row.get::<_, i64>(8)? as u64;
        steps.push(StepRow { operation, step: step_from(row)?, edits: row.get(7)? });
    }
    Ok(steps)
}
