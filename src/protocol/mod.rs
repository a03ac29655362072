//! The protocol, version 1: JSON-RPC 2.0, one JSON message a line.
//!
//! [`wire`] holds the types as they are written, serde twins of the service's;
//! [`from_wire`] and [`to_wire`] convert; [`framing`] reads and writes
//! messages. `docs/protocol.md` describes it for those who call it.

pub mod framing;
pub mod from_wire;
pub mod to_wire;
pub mod wire;

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// All methods, in the order of `docs/protocol.md`.
pub const METHODS: [&str; 35] = [
    "session/open",
    "session/listen",
    "file/read",
    "file/list",
    "file/search",
    "file/outline",
    "edit/apply",
    "edit/stream",
    "symbol/edit",
    "pattern/search",
    "pattern/rewrite",
    "edit/retry",
    "edit/undo",
    "edit/redo",
    "lsp/diagnostics",
    "lsp/rename",
    "lsp/rename_file",
    "lsp/ask",
    "lsp/actions",
    "lsp/format",
    "lsp/status",
    "edit/log",
    "edit/show",
    "stats/summary",
    "events/tail",
    "state/examine",
    "tool/call",
    "buffer/open",
    "buffer/change",
    "buffer/save",
    "buffer/close",
    "buffer/answer",
    "buffer/marks",
    "buffer/accept",
    "anchor/resolve",
];

/// All notifications that the service sends to those who listen.
pub const NOTIFICATIONS: [&str; 4] =
    ["file/changed", "buffer/edit", "buffer/news", "session/working"];
