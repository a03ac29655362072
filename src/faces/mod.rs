//! Faces: decode, dispatch, encode. They hold no truth of their own.

pub mod lsp;
pub mod mcp;
pub mod rpc;
