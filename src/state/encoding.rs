//! Written encodings, each with a version in its first byte.

use super::StateError;

/// Version 1: numbers as LEB128, bytes with their length before them.
const VERSION: u8 = 1;
/// Version 1 again, packed with zstd because it is long.
const PACKED: u8 = 2;
/// From this length on, packing pays: it takes longer than to write a few pages.
const PACK_FROM: usize = 16 << 10;
/// Room for an edit of one line, both ways.
const SHORT_EDIT: usize = 64;

/// One edit as it is stored: what went and what came at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEdit {
    /// Byte offset in the content before.
    pub start: usize,
    /// The bytes that went.
    pub removed: Vec<u8>,
    /// The bytes that came.
    pub inserted: Vec<u8>,
}

/// Returns the stored form of a change: the length of the content before, and
/// its edits.
pub fn pack_edits<'a>(
    before_len: usize,
    edits: impl ExactSizeIterator<Item = (usize, &'a [u8], &'a [u8])>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + SHORT_EDIT * edits.len());
    out.push(VERSION);
    push_number(&mut out, before_len as u64);
    push_number(&mut out, edits.len() as u64);
    for (start, removed, inserted) in edits {
        push_number(&mut out, start as u64);
        push_bytes(&mut out, removed);
        push_bytes(&mut out, inserted);
    }
    if out.len() < PACK_FROM {
        return out;
    }
    match zstd::bulk::compress(&out[1..], 1) {
        Ok(packed) => {
            let mut head = vec![PACKED];
            push_number(&mut head, out.len() as u64 - 1);
            head.extend(packed);
            head
        }
        Err(_) => out,
    }
}

/// Returns the change that [`pack_edits`] stored.
pub fn unpack_edits(stored: &[u8]) -> Result<(usize, Vec<StoredEdit>), StateError> {
    let damaged = || StateError::Damaged("a change");
    let (&version, mut rest) = stored.split_first().ok_or_else(damaged)?;
    let unpacked;
    if version == PACKED {
        let len = take_number(&mut rest).ok_or_else(damaged)?;
        unpacked = zstd::bulk::decompress(rest, len as usize).map_err(|_| damaged())?;
        rest = &unpacked;
    } else if version != VERSION {
        return Err(damaged());
    }
    let mut read = || {
        let before_len = take_number(&mut rest)? as usize;
        let count = take_number(&mut rest)? as usize;
        let mut edits = Vec::with_capacity(count.min(rest.len()));
        for _ in 0..count {
            let start = take_number(&mut rest)? as usize;
            let removed = take_bytes(&mut rest)?.to_vec();
            let inserted = take_bytes(&mut rest)?.to_vec();
            edits.push(StoredEdit { start, removed, inserted });
        }
        Some((before_len, edits))
    };
    read().ok_or_else(damaged)
}

/// Returns the stored form of sorted, disjoint ranges of lines.
pub fn pack_ranges(ranges: &[std::ops::Range<usize>]) -> Vec<u8> {
    let mut out = vec![VERSION];
    let mut at = 0;
    for range in ranges {
        push_number(&mut out, (range.start - at) as u64);
        push_number(&mut out, range.len() as u64);
        at = range.end;
    }
    out
}

/// Returns the ranges that [`pack_ranges`] stored.
pub fn unpack_ranges(stored: &[u8]) -> Result<Vec<std::ops::Range<usize>>, StateError> {
    let damaged = || StateError::Damaged("a view");
    let (VERSION, mut rest) =
        stored.split_first().map(|(v, rest)| (*v, rest)).ok_or_else(damaged)?
    else {
        return Err(damaged());
    };
    let mut ranges = Vec::new();
    let mut at = 0;
    while !rest.is_empty() {
        let gap = take_number(&mut rest).ok_or_else(damaged)? as usize;
        let len = take_number(&mut rest).ok_or_else(damaged)? as usize;
        ranges.push(at + gap..at + gap + len);
        at += gap + len;
    }
    Ok(ranges)
}

fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take_number(rest)? as usize;
    let (bytes, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn edits_come_back_as_they_went(
            len in any::<u32>(),
            edits in prop::collection::vec((any::<u32>(), "\\PC{0,9}", "x{0,9000}"), 0..4),
        ) {
            let parts = edits.iter().map(|(at, a, b)| (*at as usize, a.as_bytes(), b.as_bytes()));
            let parts: Vec<_> = parts.collect();
            let stored = pack_edits(len as usize, parts.iter().copied());
            let (before_len, back) = unpack_edits(&stored).unwrap();
            prop_assert_eq!(before_len, len as usize);
            let back: Vec<_> = back.iter().map(|e| (e.start, &e.removed[..], &e.inserted[..])).collect();
            prop_assert_eq!(back, parts);
        }

        #[test]
        fn ranges_come_back_as_they_went(gaps in prop::collection::vec((0..99usize, 1..99usize), 0..9)) {
            let mut at = 0;
            let ranges: Vec<_> = gaps.iter().map(|(gap, len)| {
                let start = at + gap;
                at = start + len;
                start..at
            }).collect();
            prop_assert_eq!(unpack_ranges(&pack_ranges(&ranges)).unwrap(), ranges);
        }

        #[test]
        fn damage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _either = unpack_edits(&bytes);
        }
    }
}
