//! Rejected edits that wait for their author's word.

use std::sync::{MutexGuard, PoisonError};

use rusqlite::{OptionalExtension, params};

use super::{State, StateError};

/// A rejected edit that waits in memory, because the state is in trouble.
#[derive(Debug, Clone)]
pub(super) struct Unwritten {
    token: String,
    session: String,
    expires_ms: i64,
    record: String,
}

/// How many wait in memory; the oldest make room.
const UNWRITTEN: usize = 64;

impl State {
    /// Keeps a rejected edit under `token` until `expires_ms`, and lets go of
    /// those that expired before `now_ms`. Returns false where the token is taken.
    /// Where the state is in trouble, it is kept in memory.
    pub fn put_retry(
        &self,
        token: &str,
        session: &str,
        record: &str,
        now_ms: i64,
        expires_ms: i64,
    ) -> Result<bool, StateError> {
        let kept = self.note(None, |db| {
            db.prepare_cached("DELETE FROM retry WHERE expires < ?1")?.execute([now_ms])?;
            let kept = db
                .prepare_cached("INSERT OR IGNORE INTO retry VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![token, session, expires_ms, record])?;
            Ok(Some(kept > 0))
        })?;
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let mut unwritten = self.unwritten();
        if unwritten.len() >= UNWRITTEN {
            unwritten.remove(0);
        }
        let [token, session, record] = [token, session, record].map(str::to_owned);
        unwritten.push(Unwritten { token, session, expires_ms, record });
        Ok(true)
    }

    /// Returns the session and the record kept under `token`, unless it expired.
    pub fn retry(&self, token: &str, now_ms: i64) -> Result<Option<(String, String)>, StateError> {
        let is_it = |kept: &&Unwritten| kept.token == token && kept.expires_ms >= now_ms;
        if let Some(kept) = self.unwritten().iter().find(is_it) {
            return Ok(Some((kept.session.clone(), kept.record.clone())));
        }
        self.read(|db| {
            let select = "SELECT session, record FROM retry WHERE token = ?1 AND expires >= ?2";
            let mut select = db.prepare_cached(select)?;
            let row =
                select.query_row(params![token, now_ms], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(row.optional()?)
        })
    }

    /// Returns the records of all rejected edits that wait.
    pub fn retries(&self, now_ms: i64) -> Result<Vec<String>, StateError> {
        let mut records: Vec<String> =
            self.unwritten().iter().map(|kept| kept.record.clone()).collect();
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT record FROM retry WHERE expires >= ?1")?;
            let rows = select.query_map([now_ms], |row| row.get(0))?;
            records.extend(rows.collect::<Result<Vec<String>, _>>()?);
            Ok(records)
        })
    }

    /// Lets go of a rejected edit that has been applied.
    pub fn drop_retry(&self, token: &str) -> Result<(), StateError> {
        self.unwritten().retain(|kept| kept.token != token);
        self.note((), |db| {
            db.prepare_cached("DELETE FROM retry WHERE token = ?1")?.execute([token])?;
            Ok(())
        })
    }

    fn unwritten(&self) -> MutexGuard<'_, Vec<Unwritten>> {
        self.unwritten_retries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_taken_stays_with_its_edit() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::open(directory.path(), false).unwrap();
        assert!(state.put_retry("r1", "s", "first", 0, 10).unwrap());
        assert!(!state.put_retry("r1", "s", "second", 5, 15).unwrap());
        assert_eq!(state.retry("r1", 10).unwrap(), Some(("s".into(), "first".into())));
        // Once it expired, it is free again.
        assert_eq!(state.retry("r1", 11).unwrap(), None);
        assert!(state.put_retry("r1", "s", "third", 11, 20).unwrap());
    }
}
