//! Lints: the suite of cases, how often they cry at real edits, and how many
//! slips they catch when slips are put into the same edits.

mod corpus;
mod random;
mod real;
mod slips;
mod suite;

use crate::dice::Dice;

impl Dice {
    /// Returns one of `items`.
    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        (!items.is_empty()).then(|| &items[self.roll(items.len())])
    }
}
