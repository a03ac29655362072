//! Digests: what tells one content from another.
//!
//! Everything is BLAKE3 with its full 256 bits; nothing is ever shortened and
//! then compared.

use std::fmt;

/// The BLAKE3 digest of a file's bytes. Two contents that differ have, for
/// every practical purpose, two digests that differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// Returns the digest of `bytes`. Runs at several gigabytes a second.
    pub fn of(bytes: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(bytes).as_bytes())
    }

    /// Returns 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Returns the digest written as 64 hexadecimal digits, if it is one.
    pub fn from_hex(text: &str) -> Option<ContentHash> {
        Some(ContentHash(*blake3::Hash::from_hex(text).ok()?.as_bytes()))
    }
}

/// A digest under way, for contents that come in pieces.
#[derive(Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Returns the digest of all pieces so far as if they were one slice.
    pub fn finish(&self) -> ContentHash {
        ContentHash(*self.0.finalize().as_bytes())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b3:{}", &self.to_hex()[..12])
    }
}

/// Returns 64 pseudo-random bits that only the holder of `key` can predict.
///
/// This is keyed BLAKE3 over `domain` and `input`, cut to its first 8 bytes;
/// it mints names and never proves anything.
pub fn keyed_u64(key: &[u8; 32], domain: u8, input: u64) -> u64 {
    let mut message = [0; 9];
    message[0] = domain;
    message[1..].copy_from_slice(&input.to_le_bytes());
    let digest = blake3::keyed_hash(key, &message);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_le_bytes(first)
}
