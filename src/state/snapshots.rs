//! Contents that were shown, and the handles that name them.

use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension, params};

use super::retention::UNCOUNTED;
use super::{State, StateError};

/// From here on numbers of handles are not written down. Half of all there are.
const PASSING: u64 = 450_000_000;

/// How many names are reserved at a time: so many may be passed over after a loss
/// of power.
const RESERVED: u64 = 4096;

impl State {
    /// Keeps the content with this digest.
    pub fn put_snapshot(&self, hash: &[u8; 32], bytes: &[u8]) -> Result<(), StateError> {
        if self.has_snapshot(hash)? {
            return Ok(());
        }
        // Packed piece by piece: the worst case of all at once is as large again.
        let mut packed = Vec::with_capacity(bytes.len() / 3 + 1024);
        zstd::stream::copy_encode(bytes, &mut packed, 1)?;
        self.note((), |db| {
            let insert = "INSERT OR IGNORE INTO snapshot VALUES (?1, ?2, ?3)";
            let size = bytes.len() as i64;
            let new = db.prepare_cached(insert)?.execute(params![&hash[..], size, packed])?;
            if new > 0 && self.snapshot_bytes.load(Ordering::SeqCst) != UNCOUNTED {
                self.snapshot_bytes.fetch_add(packed.len() as u64, Ordering::SeqCst);
            }
            Ok(())
        })
    }

    /// Returns whether the content with this digest is kept.
    pub fn has_snapshot(&self, hash: &[u8; 32]) -> Result<bool, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT 1 FROM snapshot WHERE hash = ?1")?;
            Ok(select.exists([&hash[..]])?)
        })
    }

    /// Returns the content with this digest, if it is kept.
    pub fn snapshot(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, StateError> {
        let row: Option<(i64, Vec<u8>)> = self.read(|db| {
            let mut select =
                db.prepare_cached("SELECT size, packed FROM snapshot WHERE hash = ?1")?;
            Ok(select.query_row([&hash[..]], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
        })?;
        match row {
            None => Ok(None),
            Some((size, packed)) => Ok(Some(zstd::bulk::decompress(&packed, size as usize)?)),
        }
    }

    /// Returns the path and digest of handle number `number`, if it was ever
    /// given out.
    pub fn handle(&self, number: u64) -> Result<Option<(String, [u8; 32])>, StateError> {
        let Ok(number) = i64::try_from(number) else { return Ok(None) };
        self.read(|db| {
            let mut select =
                db.prepare_cached("SELECT path, hash FROM handle WHERE number = ?1")?;
            Ok(select.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
        })
    }

    /// Returns the last `limit` handles of a path, each its number and the digest
    /// of its content, newest first.
    pub fn handles_of(&self, path: &str, limit: usize) -> Result<Vec<(u64, [u8; 32])>, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT number, hash FROM handle WHERE path = ?1 ORDER BY number DESC LIMIT ?2",
            )?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?));
            Ok(select.query_map(params![path, limit as i64], row)?.collect::<Result<_, _>>()?)
        })
    }

    /// Returns the number of the handle of this content of this path.
    pub fn handle_number(&self, path: &str, hash: &[u8; 32]) -> Result<Option<u64>, StateError> {
        self.read(|db| {
            let mut select =
                db.prepare_cached("SELECT number FROM handle WHERE path = ?1 AND hash = ?2")?;
            let number = select.query_row(params![path, &hash[..]], |row| row.get::<_, i64>(0));
            Ok(number.optional()?.map(|number| number as u64))
        })
    }

    /// Returns a number that no handle of this root ever had. Whoever gives it
    /// out writes it down first, with [`State::put_handle`] or with an operation.
    ///
    /// Where the state is in trouble nothing can be written down, so the number
    /// comes from a range of its own, from which this process draws at random:
    /// a name that is forgotten must not be given again to something else.
    pub fn next_handle(&self) -> u64 {
        if self.trouble().is_none() {
            let number = self.next_handle.fetch_add(1, Ordering::SeqCst);
            if number < self.reserved_handles.load(Ordering::SeqCst) {
                return number;
            }
            match self.reserve_handles(number) {
                Ok(()) => return number,
                Err(error) => tracing::warn!("names cannot be reserved: {error}"),
            }
        }
        let mut bits = [0; 8];
        let _all_alike = super::fill_random(&mut bits);
        PASSING + u64::from_le_bytes(bits) % PASSING
    }

    /// Goes past the names that were given out before a loss of power took the
    /// notes of them: an old name must not come to name something else. The death
    /// of a process takes none, so they are passed over after a new start of the
    /// system alone.
    pub(super) fn skip_forgotten_handles(&self) {
        let skip = || {
            let reserved: Option<String> = self.read(|db| {
                let select = "SELECT value FROM meta WHERE key = 'reserved_handles'";
                Ok(db.query_row(select, [], |row| row.get(0)).optional()?)
            })?;
            let reserved = reserved.as_deref().and_then(Reserved::parse).unwrap_or_default();
            let first = if reserved.start == this_start() { reserved.first } else { reserved.end };
            self.next_handle.fetch_max(first, Ordering::SeqCst);
            self.first_handle.store(first, Ordering::SeqCst);
            self.reserve_handles(self.next_handle.load(Ordering::SeqCst))
        };
        if let Err(error) = skip() {
            tracing::warn!("names cannot be reserved: {error}");
        }
    }

    /// Reserves names from `number` on, for good.
    fn reserve_handles(&self, number: u64) -> Result<(), StateError> {
        let (first, end) = (self.first_handle.load(Ordering::SeqCst), number + RESERVED);
        self.write(|db| {
            let insert = "INSERT OR REPLACE INTO meta VALUES ('reserved_handles', ?1)";
            db.prepare_cached(insert)?.execute([format!("{first} {end} {}", this_start())])?;
            Ok(())
        })?;
        self.barrier()?;
        self.reserved_handles.fetch_max(end, Ordering::SeqCst);
        Ok(())
    }

    /// Writes down what a handle names. Returns false where somebody has given
    /// the content another name meanwhile; this one names nothing then.
    ///
    /// One that was drawn in trouble is never written down. Where the state gets
    /// into trouble just here, false comes back, so that one is drawn.
    pub fn put_handle(&self, handle: &NewHandle) -> Result<bool, StateError> {
        if handle.number >= PASSING {
            return Ok(true);
        }
        self.note(false, |db| {
            let select = "SELECT 1 FROM handle WHERE path = ?1 AND hash = ?2";
            if db.prepare_cached(select)?.exists(params![handle.path, &handle.hash[..]])? {
                return Ok(false);
            }
            put_handle(db, handle).map(|()| true)
        })
    }
}

/// The names that may have been given out since a start of the system.
#[derive(Debug, Default)]
struct Reserved<'a> {
    /// The first of them.
    first: u64,
    /// The first that is none of them.
    end: u64,
    /// What tells that start from others.
    start: &'a str,
}

impl Reserved<'_> {
    fn parse(text: &str) -> Option<Reserved<'_>> {
        let mut parts = text.splitn(3, ' ');
        let mut number = || parts.next()?.parse().ok();
        let (first, end) = (number()?, number()?);
        Some(Reserved { first, end, start: parts.next()? })
    }
}

/// Returns what tells this start of the system from others, if it says.
#[expect(clippy::disallowed_methods, reason = "what the kernel says, no user's file")]
fn this_start() -> String {
    let start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    start.map_or_else(|_| String::new(), |start| start.trim().to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_before_a_loss_of_power_are_not_given_out_again() {
        let directory = tempfile::tempdir().unwrap();
        let open = || State::open(directory.path(), true).unwrap();
        let first = open().next_handle();
        // A process that died has lost nothing but what it did not write down.
        assert_eq!(open().next_handle(), first);
        let state = open();
        state
            .write(|db| {
                let other = "UPDATE meta SET value = replace(value, ?1, 'another start')
                         WHERE key = 'reserved_handles'";
                Ok(db.execute(other, [this_start()])?)
            })
            .unwrap();
        drop(state);
        assert_eq!(open().next_handle(), first + RESERVED);
        // Nor at the start after that.
        let state = open();
        let last = (0..=RESERVED).map(|_| state.next_handle()).last();
        assert_eq!(last, Some(first + RESERVED * 2));
    }
}
