//! Dice that fall the same way every time, whatever the order of the work.

use engine::hash::ContentHash;

/// A generator of numbers that depend on its seed alone (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Returns the dice of a seed and of what they are cast for.
    pub fn of(seed: u64, what: &[&str]) -> Dice {
        let digest = ContentHash::of(what.join("\u{0}").as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest.0[..8]);
        Dice(seed ^ u64::from_le_bytes(first))
    }

    /// Returns the next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `sides`; 0 where there are none.
    pub fn roll(&mut self, sides: usize) -> usize {
        match sides {
            0 => 0,
            sides => (self.bits() % sides as u64) as usize,
        }
    }

    /// Returns a number from 0 up to, but never, 1.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
