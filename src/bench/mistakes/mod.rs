//! Mistakes: which ones models make in which format, how often, and how a
//! right call becomes a wrong one.
//!
//! The rates (`rates.json`) are counted, and each names its source. What was
//! counted are *failed* calls, so a mistake is made in a variant that the rule
//! of the counted tool refuses. What another rule makes of the same call is
//! what the benchmark asks.

mod inject;
mod slips;

use std::sync::OnceLock;

use serde::Deserialize;

use super::BenchError;
use super::dice::Dice;
use super::format::Family;

pub use inject::inject;
pub use slips::{SLIPS, slip};

const RATES: &str = include_str!("../rates.json");

/// How able a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The models that lead their time.
    Strong,
    /// Small and fast ones.
    Weak,
}

impl Class {
    /// Returns the name used in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Strong => "strong",
            Class::Weak => "weak",
        }
    }
}

/// The rates of all mistakes.
#[derive(Debug, Clone, Deserialize)]
pub struct Rates {
    /// Where they were counted.
    pub source: String,
    /// What was counted of each family as a whole.
    pub totals: Vec<Total>,
    /// One row a family and kind.
    pub rates: Vec<Rate>,
}

/// The failed calls of a family.
#[derive(Debug, Clone, Deserialize)]
pub struct Total {
    /// The family of formats, by name.
    pub family: String,
    /// Failed calls per 100.
    pub strong: f64,
    /// Failed calls per 100.
    pub weak: f64,
    /// Where it was counted.
    pub source: String,
}

/// How often one mistake is made.
#[derive(Debug, Clone, Deserialize)]
pub struct Rate {
    /// The family of formats, by name.
    pub family: String,
    /// The mistake.
    pub kind: String,
    /// Per 100 calls.
    pub strong: f64,
    /// Per 100 calls.
    pub weak: f64,
    /// Where it was counted.
    pub source: String,
}

impl Rates {
    /// Returns the rates that come with the program.
    pub fn built_in() -> &'static Rates {
        static BUILT_IN: OnceLock<Rates> = OnceLock::new();
        BUILT_IN.get_or_init(|| {
            serde_json::from_str(RATES).expect("BUG: the rates that are built in do not parse")
        })
    }

    /// Returns the rates written in `text`.
    ///
    /// # Errors
    /// Where it is not of the form of the built-in ones.
    pub fn parse(text: &str) -> Result<Rates, BenchError> {
        serde_json::from_str(text)
            .map_err(|error| BenchError::Malformed(format!("the rates of mistakes: {error}")))
    }

    /// Returns the mistake that the dice choose for one call, mostly none.
    pub fn draw(&self, family: Family, class: Class, dice: &mut Dice) -> Option<&str> {
        let mut left = dice.share() * 100.0;
        for rate in self.rates.iter().filter(|rate| rate.family == name(family)) {
            let share = if class == Class::Strong { rate.strong } else { rate.weak };
            if left < share {
                return Some(&rate.kind);
            }
            left -= share;
        }
        None
    }
}

/// Returns the name of a family in the rates.
pub fn name(family: Family) -> &'static str {
    match family {
        Family::Quote => "quote",
        Family::Diff => "diff",
        Family::Hash => "hash",
        Family::Number => "number",
        Family::Whole => "whole",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rates_of_a_family_add_up_to_what_was_counted_of_it() {
        let rates = Rates::built_in();
        for total in &rates.totals {
            let of = |class: fn(&Rate) -> f64| -> f64 {
                rates.rates.iter().filter(|rate| rate.family == total.family).map(class).sum()
            };
            let (strong, weak) = (of(|rate| rate.strong), of(|rate| rate.weak));
            assert!((strong - total.strong).abs() < 0.1, "{}: {strong}", total.family);
            // Four kinds of malformed patches occurred too seldom for a rate.
            assert!((weak - total.weak).abs() < 1.2, "{}: {weak}", total.family);
        }
    }
}
