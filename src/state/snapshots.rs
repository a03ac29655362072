//! Contents that were shown, and the handles that name them.

use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension, params};

use super::{State, StateError};

impl State {
    /// Keeps the content with this digest.
    pub fn put_snapshot(&self, hash: &[u8; 32], bytes: &[u8]) -> Result<(), StateError> {
        if self.has_snapshot(hash)? {
            return Ok(());
        }
        // Packed piece by piece: the worst case of all at once is as large again.
        let mut packed = Vec::with_capacity(bytes.len() / 3 + 1024);
        zstd::stream::copy_encode(bytes, &mut packed, 1)?;
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
            let mut select =
                db.prepare_cached("SELECT size, packed FROM snapshot WHERE hash = ?1")?;
            select.query_row([&hash[..]], |row| Ok((row.get(0)?, row.get(1)?))).optional()?
        };
        match row {
            None => Ok(None),
            Some((size, packed)) => Ok(Some(zstd::bulk::decompress(&packed, size as usize)?)),
        }
    }

    /// Returns the path and digest of handle number `number`, if it was ever
    /// given out.
    pub fn handle(&self, number: u64) -> Result<Option<(String, [u8; 32])>, StateError> {
        let Ok(number) = i64::try_from(number) else { return Ok(None) };
        let db = self.db();
        let mut select = db.prepare_cached("SELECT path, hash FROM handle WHERE number = ?1")?;
        Ok(select.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Returns the number of the handle of this content of this path.
    pub fn handle_number(&self, path: &str, hash: &[u8; 32]) -> Result<Option<u64>, StateError> {
        let db = self.db();
        let mut select =
            db.prepare_cached("SELECT number FROM handle WHERE path = ?1 AND hash = ?2")?;
        let number = select.query_row(params![path, &hash[..]], |row| row.get::<_, i64>(0));
        Ok(number.optional()?.map(|number| number as u64))
    }

    /// Returns a number that no handle of this root ever had. Whoever gives it
    /// out writes it down first, with [`State::put_handle`] or with an operation.
    pub fn next_handle(&self) -> u64 {
        self.next_handle.fetch_add(1, Ordering::SeqCst)
    }

    /// Writes down what a handle names. Returns false where somebody has given
    /// the content another name meanwhile; this one names nothing then.
    pub fn put_handle(&self, handle: &NewHandle) -> Result<bool, StateError> {
        let db = self.db();
        let mut known = db.prepare_cached("SELECT 1 FROM handle WHERE path = ?1 AND hash = ?2")?;
        if known.exists(params![handle.path, &handle.hash[..]])? {
            return Ok(false);
        }
        put_handle(&db, handle).map(|()| true)
    }
}

/// A handle that is given out for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHandle {
    /// Its number.
    pub number: u64,
    /// The file.
    pub path: String,
    /// The digest of the content.
    pub hash: [u8; 32],
}

pub(super) fn put_handle(db: &Connection, handle: &NewHandle) -> Result<(), StateError> {
    let NewHandle { number, path, hash } = handle;
    db.prepare_cached("INSERT INTO handle VALUES (?1, ?2, ?3)")?.execute(params![
        *number as i64,
        path,
        &hash[..]
    ])?;
    Ok(())
}
