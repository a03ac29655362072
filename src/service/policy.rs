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
    /// How long a search may look, in milliseconds.
    pub search_ms: u64,
    /// How long a rejected edit can be retried, in seconds.
    pub retry_seconds: i64,
    /// Requests of one connection that may be under way at once.
    pub in_flight: usize,
    /// Connections at once.
    pub connections: usize,
    /// Edits that may be under way in pieces at once.
    pub streams: usize,
    /// Bytes that may be kept of all of them together.
    pub stream_bytes: usize,
    /// How long an edit under way may wait for its next piece, in seconds.
    pub stream_seconds: u64,
    /// Bytes that the slots of past operations may take together.
    pub slot_bytes: u64,
    /// Bytes that contents which were shown may take together in the state.
    pub snapshot_bytes: u64,
    /// How long a removal can certainly be taken back, in seconds.
    pub undo_seconds: i64,
}

impl Limits {
    /// Returns all limits by name, in the order of `docs/protocol.md`.
    pub fn entries(&self) -> [(&'static str, u64); 17] {
        [
            ("message_bytes", self.message_bytes as u64),
            ("depth", self.depth as u64),
            ("file_bytes", self.file_bytes),
            ("read_bytes", self.read_bytes as u64),
            ("operations", self.operations as u64),
            ("files", self.files as u64),
            ("wait_ms", self.wait_ms),
            ("search_ms", self.search_ms),
            ("retry_seconds", self.retry_seconds as u64),
            ("in_flight", self.in_flight as u64),
            ("connections", self.connections as u64),
            ("streams", self.streams as u64),
            ("stream_bytes", self.stream_bytes as u64),
            ("stream_seconds", self.stream_seconds),
            ("slot_bytes", self.slot_bytes),
            ("snapshot_bytes", self.snapshot_bytes),
            ("undo_seconds", self.undo_seconds as u64),
        ]
    }

    /// Sets the limit called `name`; returns whether there is one.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        match name {
            "message_bytes" => self.message_bytes = value as usize,
            "depth" => self.depth = value as usize,
            "file_bytes" => self.file_bytes = value,
            "read_bytes" => self.read_bytes = value as usize,
            "operations" => self.operations = value as usize,
            "files" => self.files = value as usize,
            "wait_ms" => self.wait_ms = value,
            "search_ms" => self.search_ms = value,
            "retry_seconds" => self.retry_seconds = value as i64,
            "in_flight" => self.in_flight = value as usize,
            "connections" => self.connections = value as usize,
            "streams" => self.streams = value as usize,
            "stream_bytes" => self.stream_bytes = value as usize,
            "stream_seconds" => self.stream_seconds = value,
            "slot_bytes" => self.slot_bytes = value,
            "snapshot_bytes" => self.snapshot_bytes = value,
            "undo_seconds" => self.undo_seconds = value as i64,
            _ => return false,
        }
        true
    }
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
            search_ms: 10_000,
            retry_seconds: 24 * 3600,
            in_flight: 32,
            connections: 256,
            streams: 256,
            stream_bytes: 128 << 20,
            stream_seconds: 600,
            slot_bytes: 1 << 30,
            snapshot_bytes: 1 << 30,
            undo_seconds: 30 * 24 * 3600,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_can_be_set_by_its_name() {
        for (index, (name, default)) in Limits::default().entries().into_iter().enumerate() {
            let mut limits = Limits::default();
            assert!(limits.set(name, default + 1));
            assert_eq!(limits.entries()[index], (name, default + 1));
        }
        assert!(!Limits::default().set("nonsense", 1));
    }
}
