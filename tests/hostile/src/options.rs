//! What a caller can ask of the cases.

use std::ops::RangeInclusive;

use crate::step::StepKind;
use crate::style::Style;

/// What the cases are made of; by default of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The styles to choose from; empty counts as all.
    pub styles: Vec<Style>,
    /// The steps to choose from; empty counts as all.
    pub steps: Vec<StepKind>,
    /// How many lines a file has, about; by default from none to 200, most
    /// often some dozens.
    pub lines: Option<RangeInclusive<usize>>,
    /// How many edits are pending.
    pub edits: RangeInclusive<usize>,
    /// How many steps the drift has. One more is added where it would leave
    /// the bytes as they were.
    pub drift: RangeInclusive<usize>,
}

impl Default for Options {
    fn default() -> Options {
        Options { styles: Vec::new(), steps: Vec::new(), lines: None, edits: 1..=3, drift: 1..=4 }
    }
}
