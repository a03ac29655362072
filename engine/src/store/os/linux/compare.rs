//! Bytes of open files: read, and held against what is expected.

use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::Stat;
use rustix::io::{Errno, retry_on_intr};

use super::io;
use crate::hash::{ContentHash, Hasher};
use crate::store::{Expected, FsError};

/// How much of a file is held against the expected bytes at a time.
const COMPARE_BYTES: usize = 64 * 1024;

/// Reads a file of about `size` bytes; at most one byte more, so that one that
/// grows is noticed and one that never ends is left.
pub(super) fn read_all(file: impl AsFd, size: u64) -> Result<Vec<u8>, FsError> {
    let most = size as usize + 1;
    let mut bytes = Vec::with_capacity(most);
    while bytes.len() < most {
        let spare = rustix::buffer::spare_capacity(&mut bytes);
        match rustix::io::read(&file, spare) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(io("read the file")(error)),
        }
    }
    Ok(bytes)
}

/// Returns the digest of an open file, read a piece at a time.
pub(super) fn digest(file: &File) -> Result<ContentHash, FsError> {
    let mut buffer = Vec::with_capacity(COMPARE_BYTES);
    let mut hasher = Hasher::default();
    let mut at = 0;
    loop {
        buffer.clear();
        let read = || rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), at);
        match retry_on_intr(read).map_err(io("read the file"))? {
            0 => return Ok(hasher.finish()),
            count => at += count as u64,
        }
        hasher.update(&buffer);
    }
}

/// Compares the bytes of an open file with what is expected, a piece at a time.
pub(super) fn compare(file: &File, stat: &Stat, expected: Expected<'_>) -> Result<(), FsError> {
    // One byte more than there should be tells at once that there is no more.
    let piece = (stat.st_size as usize + 1).min(COMPARE_BYTES);
    let mut buffer = Vec::with_capacity(piece);
    let mut comparison = Comparison::of(expected);
    if let Expected::Bytes(bytes) = expected
        && bytes.len() as u64 != stat.st_size as u64
    {
        return Err(FsError::Changed);
    }
    let mut at = 0;
    loop {
        buffer.clear();
        let count = retry_on_intr(|| {
            rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), at)
        })
        .map_err(io("compare the file"))?;
        at += count as u64;
        if !comparison.accepts(&buffer) {
            return Err(FsError::Changed);
        }
        // A regular file gives less than was asked for only at its end.
        if count < piece {
            return if comparison.ends_well() { Ok(()) } else { Err(FsError::Changed) };
        }
    }
}

/// A comparison under way: what is still expected.
enum Comparison<'a> {
    Bytes(&'a [u8]),
    Hash(ContentHash, Box<Hasher>),
}

impl<'a> Comparison<'a> {
    fn of(expected: Expected<'a>) -> Comparison<'a> {
        match expected {
            Expected::Bytes(bytes) => Comparison::Bytes(bytes),
            Expected::Hash(hash) => Comparison::Hash(hash, Box::default()),
        }
    }

    fn accepts(&mut self, piece: &[u8]) -> bool {
        match self {
            Comparison::Bytes(rest) => rest.strip_prefix(piece).map(|left| *rest = left).is_some(),
            Comparison::Hash(_, hasher) => {
                hasher.update(piece);
                true
            }
        }
    }

    fn ends_well(&self) -> bool {
        match self {
            Comparison::Bytes(rest) => rest.is_empty(),
            Comparison::Hash(hash, hasher) => hasher.finish() == *hash,
        }
    }
}
