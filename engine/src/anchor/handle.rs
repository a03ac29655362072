//! The handle: one opaque name per path and exact bytes.
//!
//! Six decimal digits cost two tokens in most tokenizers. They come from a
//! keyed permutation of a counter that is never reused, so no name is given
//! twice, and guessing a live one is hopeless without being expensive. Once one
//! name in a hundred is taken, nine digits follow.

use std::fmt;
use std::str::FromStr;

use crate::hash::keyed_u64;

/// The name of one content of one path. It resolves only together with the
/// path, and means nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(u32);

/// First name and number of names of the short form: no leading zero, which
/// models drop.
const SHORT: Names = Names { first: 100_000, count: 900_000, half_bits: 10, domain: 6 };
const LONG: Names = Names { first: 100_000_000, count: 900_000_000, half_bits: 15, domain: 9 };

/// How many short names are given out before the long ones begin: one in a
/// hundred, so that an invented name is wrong at least 99 times in 100.
const SHORT_USED: u64 = SHORT.count / 100;

impl Handle {
    /// Returns the handle number `counter` (from 0) of the root that owns
    /// `key`. Different counters give different handles.
    ///
    /// After 900,009,000 handles the names are used up and `None` comes back.
    pub fn mint(key: &[u8; 32], counter: u64) -> Option<Handle> {
        let name = match counter.checked_sub(SHORT_USED) {
            None => SHORT.name(key, counter),
            Some(beyond) if beyond < LONG.count => LONG.name(key, beyond),
            Some(_) => return None,
        };
        Some(Handle(name))
    }

    /// Returns the number under which [`Handle::mint`] gives this handle for
    /// `key`; it need not have been given out yet. `None` for what is no name.
    pub fn counter(self, key: &[u8; 32]) -> Option<u64> {
        match self.0.checked_sub(LONG.first) {
            Some(_) => Some(LONG.index(key, self.0)? + SHORT_USED),
            None => SHORT.index(key, self.0).filter(|index| *index < SHORT_USED),
        }
    }

    /// Returns the handle as a number, for storing.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Returns the handle that was stored as `number`.
    pub fn from_number(number: u32) -> Handle {
        Handle(number)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The text is not a handle: six or nine decimal digits without a leading zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a handle is 6 or 9 decimal digits")]
pub struct NotAHandle;

impl FromStr for Handle {
    type Err = NotAHandle;

    fn from_str(text: &str) -> Result<Handle, NotAHandle> {
        let plain = matches!(text.len(), 6 | 9)
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && !text.starts_with('0');
        if !plain {
            return Err(NotAHandle);
        }
        text.parse().map(Handle).map_err(|_| NotAHandle)
    }
}

/// Rounds of the permutation.
const ROUNDS: u8 = 4;

/// A range of names and the permutation over it.
struct Names {
    first: u32,
    count: u64,
    /// The permutation works on two halves of so many bits: 4^bits ≥ count.
    half_bits: u32,
    domain: u8,
}

impl Names {
    /// Returns the name at `index`: a four-round Feistel network, walked until
    /// it falls into the range (cycle walking; Black and Rogaway, "Ciphers with
    /// Arbitrary Finite Domains", 2002). A permutation of the larger domain
    /// restricted so is a permutation of the range.
    fn name(&self, key: &[u8; 32], index: u64) -> u32 {
        let mut at = index;
        loop {
            at = self.permute(key, at);
            if at < self.count {
                return self.first + at as u32;
            }
        }
    }

    /// Returns the index whose name is `name`: the same walk backwards.
    fn index(&self, key: &[u8; 32], name: u32) -> Option<u64> {
        let mut at = u64::from(name.checked_sub(self.first)?);
        if at >= self.count {
            return None;
        }
        loop {
            at = self.permute_back(key, at);
            if at < self.count {
                return Some(at);
            }
        }
    }

    fn permute(&self, key: &[u8; 32], input: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (input >> self.half_bits, input & mask);
        for round in 0..ROUNDS {
            let mixed = keyed_u64(key, self.domain * 16 + round, right) & mask;
            (left, right) = (right, left ^ mixed);
        }
        left << self.half_bits | right
    }

    fn permute_back(&self, key: &[u8; 32], output: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (output >> self.half_bits, output & mask);
        for round in (0..ROUNDS).rev() {
            let mixed = keyed_u64(key, self.domain * 16 + round, left) & mask;
            (left, right) = (right ^ mixed, left);
        }
        left << self.half_bits | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_given_twice() {
        let key = [7; 32];
        let names: HashSet<Handle> = (0..60_000).filter_map(|n| Handle::mint(&key, n)).collect();
        assert_eq!(names.len(), 60_000);
        let short = names.iter().filter(|handle| handle.to_string().len() == 6).count();
        assert_eq!(short as u64, SHORT_USED);
        assert!(names.iter().all(|handle| handle.to_string().parse() == Ok(*handle)));
    }

    #[test]
    fn names_depend_on_the_key_and_end_one_day() {
        assert_ne!(Handle::mint(&[1; 32], 0), Handle::mint(&[2; 32], 0));
        assert_eq!(Handle::mint(&[1; 32], SHORT_USED + LONG.count), None);
    }

    #[test]
    fn only_digits_without_a_leading_zero_are_handles() {
        for text in ["", "12345", "1234567", "012345", "12345a", "+12345", "1234567890"] {
            assert_eq!(text.parse::<Handle>(), Err(NotAHandle), "{text}");
        }
    }
}
