//! Sessions and what each has been shown.

use std::ops::Range;

use rusqlite::{OptionalExtension, params};

use super::{State, StateError, pack_ranges, unpack_ranges};

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its name.
    pub id: String,
    /// The program that opened it, with its version.
    pub client: String,
    /// The agent, as it called itself.
    pub agent: String,
    /// The model behind the agent.
    pub model: String,
    /// Milliseconds since 1970.
    pub opened_ms: i64,
}

impl State {
    /// Stores a session; one of the same name takes the new particulars.
    pub fn put_session(&self, session: &SessionRow) -> Result<(), StateError> {
        let SessionRow { id, client, agent, model, opened_ms } = session;
        self.note((), |db| {
            db.prepare_cached(
                "INSERT INTO session (id, client, agent, model, opened) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET client = ?2, agent = ?3, model = ?4",
            )?
            .execute(params![id, client, agent, model, opened_ms])?;
            Ok(())
        })
    }

    /// Returns the session with this name.
    pub fn session(&self, id: &str) -> Result<Option<SessionRow>, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT id, client, agent, model, opened FROM session WHERE id = ?1",
            )?;
            let row = select.query_row([id], |row| {
                Ok(SessionRow {
                    id: row.get(0)?,
                    client: row.get(1)?,
                    agent: row.get(2)?,
                    model: row.get(3)?,
                    opened_ms: row.get(4)?,
                })
            });
            Ok(row.optional()?)
        })
    }

    /// Returns the lines of `handle` that the session was shown.
    pub fn view(
        &self,
        session: &str,
        handle: u32,
    ) -> Result<Option<Vec<Range<usize>>>, StateError> {
        self.read(|db| {
            let mut select =
                db.prepare_cached("SELECT ranges FROM view WHERE session = ?1 AND handle = ?2")?;
            let stored: Option<Vec<u8>> =
                select.query_row(params![session, handle], |row| row.get(0)).optional()?;
            stored.map(|stored| unpack_ranges(&stored)).transpose()
        })
    }

    /// Returns the handles that the session was shown lines of, at most ten
    /// thousand.
    pub fn viewed(&self, session: &str) -> Result<Vec<u32>, StateError> {
        self.read(|db| {
            let mut select =
                db.prepare_cached("SELECT handle FROM view WHERE session = ?1 LIMIT 10000")?;
            let rows = select.query_map([session], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Stores the lines of `handle` that the session was shown.
    pub fn put_view(
        &self,
        session: &str,
        handle: u32,
        ranges: &[Range<usize>],
    ) -> Result<(), StateError> {
        self.note((), |db| put_view(db, session, handle, ranges))
    }
}

pub(super) fn put_view(
    db: &rusqlite::Connection,
    session: &str,
    handle: u32,
    ranges: &[Range<usize>],
) -> Result<(), StateError> {
    db.prepare_cached("INSERT OR REPLACE INTO view VALUES (?1, ?2, ?3)")?.execute(params![
        session,
        handle,
        pack_ranges(ranges)
    ])?;
    Ok(())
}
