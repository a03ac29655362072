//! Faces: decode, dispatch, encode. They hold no truth of their own.

pub mod rpc;
