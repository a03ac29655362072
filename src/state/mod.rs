//! The state of one root in SQLite: journal, snapshots, handles, views,
//! operations, retries, events.
//!
//! One database, one connection, held exclusively by the one service of the
//! root. Commits go to the write-ahead log without a flush, which is enough to
//! survive the death of the process; [`State::barrier`] flushes the log, which
//! is enough to survive a power loss and covers every commit before it.

mod encoding;
mod events;
mod journal;
mod operations;
mod retries;
mod sessions;
mod snapshots;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

pub use encoding::{StoredEdit, pack_edits, pack_ranges, unpack_edits, unpack_ranges};
pub use events::{Cost, CostRow, EventRow};
pub use journal::{Facts, KnownLines, OperationJournal, OperationRecord};
pub use operations::{OperationRow, StepRow};
pub use sessions::SessionRow;
pub use snapshots::NewHandle;

/// The version of the schema that this program reads and writes.
const SCHEMA_VERSION: i64 = 1;

/// How many transactions the write-ahead log may hold before it is folded into
/// the database.
const LOG_TRANSACTIONS: u64 = 1000;

/// How long a write-ahead log that a death left behind may be, in bytes; a longer
/// one is folded at the start, or one death after another would make it grow.
const LEFT_LOG_BYTES: u64 = 4 << 20;

/// The state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database says no.
    #[error("state: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file system says no.
    #[error("state: {0}")]
    Io(#[from] std::io::Error),
    /// The database was written by a later version of this program.
    #[error("state: written by version {0} of the schema, this program reads {SCHEMA_VERSION}")]
    TooNew(i64),
    /// A record does not read as what it should be.
    #[error("state: a damaged record of {0}")]
    Damaged(&'static str),
}

/// The open state of a root.
pub struct State {
    db: Mutex<Connection>,
    /// The write-ahead log, for flushing it without holding the database.
    log: Option<File>,
    /// Names every handle of this root; see `engine::anchor::Handle::mint`.
    pub handle_key: [u8; 32],
    next_operation: AtomicU64,
    next_handle: AtomicU64,
    /// Transactions since the log was last folded.
    written: AtomicU64,
    /// Committed operations whose swaps are known to be flushed.
    settled: Mutex<Vec<u64>>,
    /// The chain value of the last event.
    chain: Mutex<[u8; 32]>,
    durable: bool,
}

impl State {
    /// Opens the state in `directory`, which must be held by the caller's lock,
    /// and makes it where there is none. Unless `durable`, nothing is flushed.
    ///
    /// # Errors
    /// Where the database cannot be opened, is damaged, or is of a later version.
    pub fn open(directory: &Path, durable: bool) -> Result<State, StateError> {
        let path = directory.join("state.db");
        let db = Connection::open(&path)?;
        // Most pages are rewritten for one short row: small ones are cheaper to log.
        db.pragma_update(None, "page_size", 2048)?;
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", if durable { "NORMAL" } else { "OFF" })?;
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        db.set_prepared_statement_cache_capacity(64);
        migrate(&db)?;
        let handle_key = handle_key(&db)?;
        let last = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|last| last as u64);
        let last_operation = last("SELECT coalesce(max(id), 0) FROM operation")?;
        let last_handle = last("SELECT coalesce(max(number), 0) FROM handle")?;
        let chain = events::last_chain(&db)?;
        let state = State {
            db: Mutex::new(db),
            log: open_log(&path, durable)?,
            handle_key,
            next_operation: AtomicU64::new(last_operation + 1),
            next_handle: AtomicU64::new(last_handle + 1),
            written: AtomicU64::new(0),
            settled: Mutex::default(),
            chain: Mutex::new(chain),
            durable,
        };
        let log = path.with_extension("db-wal");
        if log.metadata().is_ok_and(|meta| meta.len() > LEFT_LOG_BYTES) {
            state.close()?;
        }
        Ok(state)
    }

    /// Returns a name for this state, which no other state of the root has: one
    /// that is made anew after a loss must not take up the slots of the old one.
    pub fn name(&self) -> String {
        engine::hash::ContentHash::of(&self.handle_key).to_hex()[..8].to_owned()
    }

    /// Returns a number that no operation of this root ever had.
    pub fn next_operation(&self) -> u64 {
        self.next_operation.fetch_add(1, Ordering::SeqCst)
    }

    /// Makes every commit so far survive a power loss.
    ///
    /// # Errors
    /// Where the flush fails; it must not be tried again, since the system may
    /// have dropped what it could not write.
    pub fn barrier(&self) -> Result<(), StateError> {
        if let Some(log) = &self.log {
            log.sync_data()?;
        }
        Ok(())
    }

    /// Folds a long write-ahead log into the database. Slow, so not for the way
    /// of an answer.
    pub fn tidy(&self) -> Result<(), StateError> {
        if self.written.load(Ordering::Relaxed) >= LOG_TRANSACTIONS {
            self.written.store(0, Ordering::Relaxed);
            self.checkpoint("PASSIVE")?;
        }
        Ok(())
    }

    /// Folds the whole write-ahead log into the database, for a clean end.
    pub fn close(&self) -> Result<(), StateError> {
        self.checkpoint("TRUNCATE")
    }

    /// Returns what the database's own check finds; `"ok"` where all is well.
    pub fn integrity(&self) -> Result<String, StateError> {
        Ok(self.db().query_row("PRAGMA quick_check", [], |row| row.get(0))?)
    }

    fn checkpoint(&self, mode: &str) -> Result<(), StateError> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        self.db().query_row(&sql, [], |_| Ok(()))?;
        Ok(())
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic between two statements leaves an open transaction, which the
        // next one rolls back; the connection itself is sound.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `write` as one transaction.
    fn write<T>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let db = self.db();
        if !db.is_autocommit() {
            db.prepare_cached("ROLLBACK")?.execute([])?;
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let result = write(&db);
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        db.prepare_cached(end)?.execute([])?;
        result
    }
}

fn migrate(db: &Connection) -> Result<(), StateError> {
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        0 => {
            db.execute_batch(&format!("BEGIN; {} COMMIT;", include_str!("schema.sql")))?;
            db.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            Ok(())
        }
        SCHEMA_VERSION => Ok(()),
        later => Err(StateError::TooNew(later)),
    }
}

fn handle_key(db: &Connection) -> Result<[u8; 32], StateError> {
    let mut fresh = [0; 32];
    fill_random(&mut fresh)?;
    db.execute("INSERT OR IGNORE INTO meta VALUES ('handle_key', ?1)", [&fresh[..]])?;
    let key: Vec<u8> =
        db.query_row("SELECT value FROM meta WHERE key = 'handle_key'", [], |row| row.get(0))?;
    key.try_into().map_err(|_| StateError::Damaged("the handle key"))
}

/// Fills `bytes` from the system's source of randomness.
pub fn fill_random(bytes: &mut [u8]) -> Result<(), std::io::Error> {
    let mut filled = 0;
    while filled < bytes.len() {
        filled +=
            rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the write-ahead log is ours, not a user's file")]
fn open_log(path: &Path, durable: bool) -> Result<Option<File>, StateError> {
    if !durable {
        return Ok(None);
    }
    // The name of the log must survive a power loss before anything in it can.
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(Some(File::options().read(true).write(true).open(path.with_extension("db-wal"))?))
}
