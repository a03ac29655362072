//! Policy: the limits, and the paths that no request may touch.

use engine::error::{Code, Refusal};
use engine::store::RelPath;

/// The one table of limits. Each is a bound on one request, not a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Nesting of one message.
    pub depth: usize,
    /// Bytes of a file that is edited or read.
    pub file_bytes: u64,
    /// Bytes of the rows of one read.
    pub read_bytes: usize,
    /// Operations of one edit, over all its files.
    pub operations: usize,
    /// Files of one edit.
    pub files: usize,
    /// How long a request waits for its turn at a file, in milliseconds.
    pub wait_ms: u64,
    /// How long a rejected edit can be retried, in seconds.
    pub retry_seconds: i64,
    /// Requests of one connection that may be under way at once.
    pub in_flight: usize,
    /// Connections at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes: 32 << 20,
            depth: 64,
            file_bytes: 128 << 20,
            read_bytes: 4 << 20,
            operations: 10_000,
            files: 200,
            wait_ms: 10_000,
            retry_seconds: 24 * 3600,
            in_flight: 32,
            connections: 256,
        }
    }
}

/// Directories whose content runs code or is the truth of another program.
const PROTECTED: [&str; 5] = [".git", ".hg", ".jj", ".svn", ".anchord"];

/// Refuses paths that lead into a protected directory. Names are compared
/// without case, since some file systems fold it.
pub fn check_path(path: &RelPath) -> Result<(), Refusal> {
    let protected = |part: &str| PROTECTED.iter().any(|name| part.eq_ignore_ascii_case(name));
    match path.parts().find(|part| protected(part)) {
        None => Ok(()),
        Some(part) => {
            let text = format!("{part} is protected: what lies in it is not ours to read or write");
            Err(Refusal::new(Code::Denied, text).at(path.as_str()))
        }
    }
}
