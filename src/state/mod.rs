//! The state of one root in SQLite: journal, snapshots, handles, views,
//! operations, retries, events.
//!
//! One database, one connection, held exclusively by the one service of the
//! root. Commits go to the write-ahead log without a flush, which is enough to
//! survive the death of the process; [`State::barrier`] flushes the log, which
//! is enough to survive a power loss and covers every commit before it.

mod encoding;
mod error;
mod events;
mod journal;
mod operations;
mod retention;
mod retries;
mod sessions;
mod snapshots;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::store::Trouble;
use rusqlite::Connection;

pub use encoding::{StoredEdit, pack_edits, pack_ranges, unpack_edits, unpack_ranges};
pub use error::StateError;
pub use events::{Cost, CostRow, EventRow};
pub use journal::{Facts, KnownLines, OperationJournal, OperationRecord};
pub use operations::{OperationRow, StepRow};
pub use sessions::SessionRow;
pub use snapshots::NewHandle;

/// The version of the schema that this program reads and writes.
const SCHEMA_VERSION: i64 = 2;

/// How many transactions the write-ahead log may hold before it is folded into
/// the database.
const LOG_TRANSACTIONS: u64 = 1000;

/// How long a write-ahead log that a death left behind may be, in bytes; a longer
/// one is folded at the start, or one death after another would make it grow.
const LEFT_LOG_BYTES: u64 = 4 << 20;

/// The open state of a root.
pub struct State {
    db: Mutex<Connection>,
    /// The write-ahead log, for flushing it without holding the database.
    log: Option<File>,
    /// Names every handle of this root; see `engine::anchor::Handle::mint`.
    pub handle_key: [u8; 32],
    next_operation: AtomicU64,
    next_handle: AtomicU64,
    /// Numbers below this one are kept from being given out again after a loss of
    /// power, which may take the notes of those that were.
    reserved_handles: AtomicU64,
    /// The first number that was not given out before the last loss of power.
    first_handle: AtomicU64,
    /// Transactions since the log was last folded.
    written: AtomicU64,
    /// What all kept contents take, in bytes, once it was counted.
    snapshot_bytes: AtomicU64,
    /// Committed operations whose swaps are known to be flushed.
    settled: Mutex<Vec<u64>>,
    /// The chain value of the last event.
    chain: Mutex<[u8; 32]>,
    /// What becomes true once the transaction under way is committed.
    pending: Mutex<Pending>,
    /// Why it cannot be written to, and what exactly was said.
    trouble: Mutex<Option<(Trouble, String)>>,
    /// Rejected edits that could not be written down.
    unwritten_retries: Mutex<Vec<retries::Unwritten>>,
    /// Whether this stands in, in memory, for a state that cannot be opened.
    stand_in: bool,
    durable: bool,
    /// Whether the log is never flushed, on purpose.
    #[cfg(feature = "mutants")]
    lacks_barrier: std::sync::atomic::AtomicBool,
}

/// What a transaction under way will have done to the values in memory.
#[derive(Debug, Default)]
struct Pending {
    /// The chain value of the last event in it.
    chain: Option<[u8; 32]>,
    /// Operations that it writes down as settled.
    settled: Vec<u64>,
}

impl State {
    /// Opens the state in `directory`, which must be held by the caller's lock,
    /// and makes it where there is none. Unless `durable`, nothing is flushed.
    ///
    /// # Errors
    /// Where the database cannot be opened, is damaged, or is of a later version.
    pub fn open(directory: &Path, durable: bool) -> Result<State, StateError> {
        let path = directory.join("state.db");
        let state = State::over(Connection::open(&path)?, Some(&path), durable)?;
        if durable {
            state.skip_forgotten_handles();
        }
        let log = path.with_extension("db-wal");
        if log.metadata().is_ok_and(|meta| meta.len() > LEFT_LOG_BYTES) {
            state.close()?;
        }
        Ok(state)
    }

    /// Returns an empty state in memory, to read files by, in place of one that
    /// cannot be opened. It is in the trouble that `error` stands for as long as
    /// it lives, and nothing in it outlives it.
    ///
    /// # Errors
    /// `error` itself, where it is no trouble of the disk.
    pub fn stand_in(error: StateError) -> Result<State, StateError> {
        let Some(trouble) = error.trouble() else { return Err(error) };
        let mut state = State::over(Connection::open_in_memory()?, None, false)?;
        state.trouble = Mutex::new(Some((trouble, error.to_string())));
        state.stand_in = true;
        Ok(state)
    }

    fn over(db: Connection, path: Option<&Path>, durable: bool) -> Result<State, StateError> {
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
        Ok(State {
            db: Mutex::new(db),
            log: path.map(|path| open_log(path, durable)).transpose()?.flatten(),
            handle_key,
            next_operation: AtomicU64::new(last_operation + 1),
            next_handle: AtomicU64::new(last_handle + 1),
            first_handle: AtomicU64::new(0),
            reserved_handles: AtomicU64::new(if durable { 0 } else { u64::MAX }),
            written: AtomicU64::new(0),
            snapshot_bytes: AtomicU64::new(retention::UNCOUNTED),
            settled: Mutex::default(),
            chain: Mutex::new(chain),
            pending: Mutex::default(),
            trouble: Mutex::default(),
            unwritten_retries: Mutex::default(),
            stand_in: false,
            durable,
            #[cfg(feature = "mutants")]
            lacks_barrier: false.into(),
        })
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
        let Some(log) = &self.log else { return Ok(()) };
        #[cfg(feature = "mutants")]
        if self.lacks_barrier.load(Ordering::Relaxed) {
            return Ok(());
        }
        log.sync_data().map_err(|error| {
            self.enter(Trouble::Flush, &error.to_string());
            StateError::Io(error)
        })
    }

    /// Leaves a safeguard out on purpose, if it is one of the state's.
    #[cfg(feature = "mutants")]
    pub fn leave_out(&self, safeguard: &str) {
        self.lacks_barrier.store(safeguard == "Barrier", Ordering::Relaxed);
        if safeguard == "Synchronous" {
            let off = self.read(|db| Ok(db.pragma_update(None, "synchronous", "OFF")?));
            off.unwrap_or_else(|error| tracing::warn!("{error}"));
        }
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
        self.read(|db| Ok(db.query_row("PRAGMA quick_check", [], |row| row.get(0))?))
    }

    /// Returns why nothing can be written, and what exactly was said, if so.
    /// What only was to be noted is kept in memory meanwhile.
    pub fn trouble(&self) -> Option<(Trouble, String)> {
        self.lock_trouble().clone()
    }

    /// Writes something of no account, to see whether that goes again.
    pub fn probe(&self) -> Result<(), StateError> {
        self.write(|db| {
            let number = self.written.load(Ordering::Relaxed) as i64;
            let insert = "INSERT OR REPLACE INTO meta VALUES ('probe', ?1)";
            db.prepare_cached(insert)?.execute([number])?;
            Ok(())
        })
    }

    /// Where the state was found damaged while it was in use, reads all of it again:
    /// an error of the disk that passes looks the same at first.
    ///
    /// # Errors
    /// `Damaged` where it is.
    pub fn check_again(&self) -> Result<(), StateError> {
        if !matches!(self.trouble(), Some((Trouble::Damaged, _))) {
            return Ok(());
        }
        if self.stand_in || self.integrity()? != "ok" {
            return Err(StateError::Damaged("the state"));
        }
        *self.lock_trouble() = None;
        Ok(())
    }

    fn checkpoint(&self, mode: &str) -> Result<(), StateError> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        self.read(|db| Ok(db.query_row(&sql, [], |_| Ok(()))?))
    }

    fn enter(&self, trouble: Trouble, text: &str) {
        let mut known = self.lock_trouble();
        // One that will not pass is not hidden by another.
        if known.as_ref().is_none_or(|(known, _)| known.may_pass()) {
            if known.is_none() {
                tracing::error!("nothing is written down any more: {trouble}: {text}");
            }
            *known = Some((trouble, text.to_owned()));
        }
    }

    /// Notes what the outcome of a call says of all that follow.
    fn heed<T>(&self, result: Result<T, StateError>, wrote: bool) -> Result<T, StateError> {
        match &result {
            Err(error) => {
                if let Some(trouble) = error.trouble() {
                    self.enter(trouble, &error.to_string());
                }
            }
            Ok(_) if wrote && !self.stand_in => {
                let mut known = self.lock_trouble();
                if known.as_ref().is_some_and(|(known, _)| known.may_pass()) {
                    *known = None;
                }
            }
            Ok(_) => {}
        }
        result
    }

    fn lock_trouble(&self) -> MutexGuard<'_, Option<(Trouble, String)>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic between two statements leaves an open transaction, which the
        // next one rolls back; the connection itself is sound.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` on the database.
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let result = read(&self.db());
        self.heed(result, false)
    }

    /// Runs `write` as one transaction.
    fn write<T>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let db = self.db();
        let result = self.transact(&db, write);
        drop(db);
        self.heed(result, true)
    }

    /// Runs `write` as one transaction, for what is worth writing down but no
    /// reason to refuse anything: where the state is in trouble, it is `lost`.
    fn note<T>(
        &self,
        lost: T,
        write: impl FnOnce(&Connection) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        match self.write(write) {
            Err(error) if error.trouble().is_some() => Ok(lost),
            result => result,
        }
    }

    /// Runs `write` between BEGIN and COMMIT, or ROLLBACK; the values in memory
    /// follow the database.
    fn transact<T>(
        &self,
        db: &Connection,
        write: impl FnOnce(&Connection) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        if !db.is_autocommit() {
            db.prepare_cached("ROLLBACK")?.execute([])?;
            self.forget_pending();
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let result = write(db).and_then(|value| {
            db.prepare_cached("COMMIT")?.execute([])?;
            Ok(value)
        });
        if result.is_ok() {
            let pending = std::mem::take(&mut *self.lock_pending());
            if let Some(chain) = pending.chain {
                *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
            }
            return result;
        }
        self.forget_pending();
        // A COMMIT that failed may have ended the transaction by itself.
        if !db.is_autocommit() {
            let _the_next_one_does_it = db.prepare_cached("ROLLBACK").map(|mut s| s.execute([]));
        }
        result
    }

    fn forget_pending(&self) {
        let pending = std::mem::take(&mut *self.lock_pending());
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).extend(pending.settled);
    }

    fn lock_pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What brings the schema of each version to the next, from none on.
const SCHEMA: [&str; SCHEMA_VERSION as usize] =
    [include_str!("schema.sql"), include_str!("schema_2.sql")];

fn migrate(db: &Connection) -> Result<(), StateError> {
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let Some(steps) = usize::try_from(version).ok().and_then(|version| SCHEMA.get(version..))
    else {
        return Err(StateError::TooNew(version));
    };
    if !steps.is_empty() {
        let steps = steps.concat();
        db.execute_batch(&format!(
            "BEGIN; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        ))?;
    }
    Ok(())
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
