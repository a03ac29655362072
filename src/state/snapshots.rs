//! Contents that were shown, and the handles that name them.

use rusqlite::{OptionalExtension, params};

use super::{State, StateError};

impl State {
    /// Keeps the content with this digest.
    pub fn put_snapshot(&self, hash: &[u8; 32], bytes: &[u8]) -> Result<(), StateError> {
        if self.has_snapshot(hash)? {
            return Ok(());
        }
        let packed = zstd::bulk::compress(bytes, 1)?;
        let db = self.db();
        let mut insert = db.prepare_cached("INSERT OR IGNORE INTO snapshot VALUES (?1, ?2, ?3)")?;
        insert.execute(params![&hash[..], bytes.len() as i64, packed])?;
        Ok(())
    }

    /// Returns whether the content with this digest is kept.
    pub fn has_snapshot(&self, hash: &[u8; 32]) -> Result<bool, StateError> {
        let db = self.db();
        let mut select = db.prepare_cached("SELECT 1 FROM snapshot WHERE hash = ?1")?;
        Ok(select.exists([&hash[..]])?)
    }

    /// Returns the content with this digest, if it is kept.
    pub fn snapshot(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, StateError> {
        let row: Option<(i64, Vec<u8>)> = {
            let db = self.db();
            let mut select = db.prepare_cached("SELECT size, packed FROM snapshot WHERE hash = ?1")?;
            select.query_row([&hash[..]], |row| Ok((row.get(0)?, row.get(1)?))).optional()?
        };
        match row {
            None => Ok(None),
            Some((size, packed)) => Ok(Some(zstd::bulk::decompress(&packed, size as usize)?)),
        }
    }

    /// Returns the path and digest that a handle names, if it was ever given out.
    pub fn handle(&self, number: u32) -> Result<Option<(String, [u8; 32])>, StateError> {
        let db = self.db();
        let mut select = db.prepare_cached("SELECT path, hash FROM handle WHERE number = ?1")?;
        Ok(select.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Returns the handle of this content of this path, minting one where there
    /// is none yet. `mint` turns a counter that is never reused into a name.
    pub fn handle_for(
        &self,
        path: &str,
        hash: &[u8; 32],
        mint: impl Fn(u64) -> Option<u32>,
    ) -> Result<u32, StateError> {
        self.write(|db| {
            let mut select = db.prepare_cached("SELECT number FROM handle WHERE path = ?1 AND hash = ?2")?;
            if let Some(number) = select.query_row(params![path, &hash[..]], |row| row.get(0)).optional()? {
                return Ok(number);
            }
            let mut next = db.prepare_cached(
                "INSERT INTO meta VALUES ('handles', 1)
                 ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value",
            )?;
            let counter: i64 = next.query_row([], |row| row.get(0))?;
            let number = mint(counter as u64 - 1).ok_or(StateError::Damaged("handles: all are used up"))?;
            let mut insert = db.prepare_cached("INSERT INTO handle VALUES (?1, ?2, ?3)")?;
            insert.execute(params![number, path, &hash[..]])?;
            Ok(number)
        })
    }
}
