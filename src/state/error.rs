//! Why the state could not be read or written.

use engine::store::Trouble;
use rusqlite::ErrorCode;

use super::SCHEMA_VERSION;

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

impl StateError {
    /// Returns what the error says of the calls that follow, if anything.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            StateError::Database(rusqlite::Error::SqliteFailure(error, _)) => match error.code {
                ErrorCode::DiskFull => Some(Trouble::Full),
                ErrorCode::ReadOnly => Some(Trouble::ReadOnly),
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => Some(Trouble::Failing),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(Trouble::Damaged),
                _ => None,
            },
            StateError::Io(error) => Trouble::of(error),
            StateError::Damaged(_) => Some(Trouble::Damaged),
            StateError::Database(_) | StateError::TooNew(_) => None,
        }
    }
}
