//! What the sweep asks and does: what is kept, how much of it there is, and what
//! must stay.

use std::sync::atomic::Ordering;

use engine::store::{RelPath, Slot};
use rusqlite::{OptionalExtension, params};

use super::{State, StateError};

/// What [`State::snapshot_bytes`] holds before it was counted.
pub(super) const UNCOUNTED: u64 = u64::MAX;

impl State {
    /// Returns how many bytes all kept contents take, packed. Counted once, then
    /// kept up to date.
    pub fn snapshot_bytes(&self) -> Result<u64, StateError> {
        let known = self.snapshot_bytes.load(Ordering::SeqCst);
        if known != UNCOUNTED {
            return Ok(known);
        }
        self.read(|db| {
            let sum = "SELECT coalesce(sum(length(packed)), 0) FROM snapshot";
            let bytes = db.query_row(sum, [], |row| row.get::<_, i64>(0))? as u64;
            // Nobody writes while the database is held here.
            self.snapshot_bytes.store(bytes, Ordering::SeqCst);
            Ok(bytes)
        })
    }

    /// Returns up to `count` kept contents after position `after`, oldest first:
    /// positions and digests.
    pub fn oldest_snapshots(
        &self,
        after: i64,
        count: usize,
    ) -> Result<Vec<(i64, [u8; 32])>, StateError> {
        self.read(|db| {
            let select =
                "SELECT rowid, hash FROM snapshot WHERE rowid > ?1 ORDER BY rowid LIMIT ?2";
            let mut select = db.prepare_cached(select)?;
            let rows = select
                .query_map(params![after, count as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Lets go of these contents.
    pub fn drop_snapshots(&self, hashes: &[[u8; 32]]) -> Result<(), StateError> {
        let gone = self.write(|db| {
            let mut gone = 0;
            for hash in hashes {
                let size = "SELECT length(packed) FROM snapshot WHERE hash = ?1";
                let size = db.prepare_cached(size)?.query_row([&hash[..]], |row| row.get(0));
                gone += size.optional()?.unwrap_or(0_i64) as u64;
                let delete = "DELETE FROM snapshot WHERE hash = ?1";
                db.prepare_cached(delete)?.execute([&hash[..]])?;
            }
            Ok(gone)
        })?;
        if self.snapshot_bytes.load(Ordering::SeqCst) != UNCOUNTED {
            self.snapshot_bytes.fetch_sub(gone, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Returns the contents of files that were removed since `since_ms` by an
    /// operation that was not taken back.
    pub fn removed_since(&self, since_ms: i64) -> Result<Vec<[u8; 32]>, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT DISTINCT step.before FROM operation JOIN step ON step.operation = operation.id
                 WHERE operation.at >= ?1 AND operation.state IN (1, 2)
                   AND operation.undone IS NULL AND step.kind = 2",
            )?;
            let rows = select.query_map([since_ms], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Returns when an operation began, whatever became of it, in milliseconds
    /// since 1970.
    pub fn begun_ms(&self, operation: u64) -> Result<Option<i64>, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT at FROM operation WHERE id = ?1")?;
            Ok(select.query_row([operation as i64], |row| row.get(0)).optional()?)
        })
    }

    /// Returns the directories beside which slots lie, on other mounts.
    pub fn besides(&self) -> Result<Vec<RelPath>, StateError> {
        self.read(|db| {
            let select = "SELECT DISTINCT beside FROM step WHERE beside IS NOT NULL";
            let mut select = db.prepare_cached(select)?;
            let rows = select.query_map([], |row| row.get::<_, String>(0))?;
            let parse =
                |text: String| RelPath::parse(&text).map_err(|_| StateError::Damaged("a step"));
            rows.map(|row| parse(row?)).collect()
        })
    }

    /// Writes down, with its event, that a late writer wrote into a slot.
    pub fn keep_conflict(
        &self,
        slot: &Slot,
        path: &RelPath,
        operation: u64,
        at_ms: i64,
        data: &str,
    ) -> Result<(), StateError> {
        self.write(|db| {
            let beside = slot.beside.as_ref().map_or("", RelPath::as_str);
            let new = db
                .prepare_cached("INSERT OR IGNORE INTO conflict VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![slot.name, beside, path.as_str(), operation as i64, at_ms])?;
            if new > 0 {
                let kind = "external.late_write_kept";
                self.append(db, at_ms, kind, "", Some(operation), data)?;
            }
            Ok(())
        })
    }

    /// Returns whether a late writer wrote into a slot.
    pub fn is_conflict(&self, slot: &Slot) -> Result<bool, StateError> {
        self.read(|db| {
            let beside = slot.beside.as_ref().map_or("", RelPath::as_str);
            let select = "SELECT 1 FROM conflict WHERE slot = ?1 AND beside = ?2";
            Ok(db.prepare_cached(select)?.exists(params![slot.name, beside])?)
        })
    }

    /// Returns the slots into which late writers wrote, with the files they meant.
    pub fn conflicts(&self) -> Result<Vec<(Slot, RelPath)>, StateError> {
        self.read(|db| {
            let select = "SELECT slot, beside, path FROM conflict ORDER BY at";
            let mut select = db.prepare_cached(select)?;
            let mut rows = select.query([])?;
            let mut conflicts = Vec::new();
            while let Some(row) = rows.next()? {
                let damaged = |_| StateError::Damaged("a kept slot");
                let beside: String = row.get(1)?;
                let beside = match beside.as_str() {
                    "" => None,
                    text => Some(RelPath::parse(text).map_err(damaged)?),
                };
                let path: String = row.get(2)?;
                let path = RelPath::parse(&path).map_err(damaged)?;
                conflicts.push((Slot { beside, name: row.get(0)? }, path));
            }
            Ok(conflicts)
        })
    }
}
