//! Rejected edits that wait for their author's word.

use rusqlite::{OptionalExtension, params};

use super::{State, StateError};

impl State {
    /// Keeps a rejected edit under `token` until `expires_ms`, and lets go of
    /// those that expired before `now_ms`. Returns false where the token is taken.
    pub fn put_retry(
        &self,
        token: &str,
        session: &str,
        record: &str,
        now_ms: i64,
        expires_ms: i64,
    ) -> Result<bool, StateError> {
        self.write(|db| {
            db.prepare_cached("DELETE FROM retry WHERE expires < ?1")?.execute([now_ms])?;
            let kept = db
                .prepare_cached("INSERT OR IGNORE INTO retry VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![token, session, expires_ms, record])?;
            Ok(kept > 0)
        })
    }

    /// Returns the session and the record kept under `token`, unless it expired.
    pub fn retry(&self, token: &str, now_ms: i64) -> Result<Option<(String, String)>, StateError> {
        let db = self.db();
        let mut select = db.prepare_cached(
            "SELECT session, record FROM retry WHERE token = ?1 AND expires >= ?2",
        )?;
        let row = select.query_row(params![token, now_ms], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(row.optional()?)
    }

    /// Lets go of a rejected edit that has been applied.
    pub fn drop_retry(&self, token: &str) -> Result<(), StateError> {
        self.db().prepare_cached("DELETE FROM retry WHERE token = ?1")?.execute([token])?;
        Ok(())
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
