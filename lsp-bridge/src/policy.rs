//! Policy: how much time, memory and patience a server is given.

use std::time::Duration;

use crate::framing;

/// Every bound on servers, with what a person would choose. They are bounds on
/// guests: none of them is needed for a right answer, all of them for an answer
/// at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How much of the stream one message may take.
    pub frames: framing::Limits,
    /// How long a server may take for its `initialize`.
    pub initialize: Duration,
    /// How long a request that names no time of its own may take.
    pub request: Duration,
    /// How long a message may wait until the server reads it. One that does not
    /// read is stopped.
    pub write: Duration,
    /// Bytes that may wait for a server to read them.
    pub queue_bytes: usize,
    /// How long a server may take for its `shutdown` and `exit` before it is
    /// killed.
    pub shutdown: Duration,
    /// How long a server runs without being asked anything.
    pub idle: Duration,
    /// Starts of one server within [`Policy::restart_window`]. One that ends
    /// more often is left alone until the window has passed.
    pub starts: usize,
    /// See [`Policy::starts`].
    pub restart_window: Duration,
    /// The pause before a second start; it doubles with each further one.
    pub backoff: Duration,
    /// Memory that one server may hold, in bytes, with all that it started. One
    /// that holds more is stopped when it is next looked at.
    pub memory_bytes: u64,
    /// Servers that run at once in one root. The one that was unused for longest
    /// goes first.
    pub servers: usize,
    /// Documents that are kept open at one server.
    pub documents: usize,
    /// Bytes of a document that is shown to a server.
    pub document_bytes: usize,
    /// Requests that one server may owe us at once.
    pub pending: usize,
    /// Broken messages within one life of a server.
    pub faults: usize,
    /// How often running servers are looked at: idle ones, heavy ones, dead
    /// ones.
    pub look: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            frames: framing::Limits::default(),
            initialize: Duration::from_secs(20),
            request: Duration::from_secs(10),
            write: Duration::from_secs(10),
            queue_bytes: 256 << 20,
            shutdown: Duration::from_secs(3),
            idle: Duration::from_secs(600),
            starts: 3,
            restart_window: Duration::from_secs(600),
            backoff: Duration::from_millis(500),
            memory_bytes: 4 << 30,
            servers: 8,
            documents: 64,
            document_bytes: 8 << 20,
            pending: 256,
            faults: 100,
            look: Duration::from_secs(5),
        }
    }
}
