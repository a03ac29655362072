//! Prices, as data: what an input token costs in each of its lives, and an
//! output token, all relative to each other.

use serde::Deserialize;

use crate::bench::BenchError;

const PRICES: &str = include_str!("prices.json");

/// One way of charging. Only ratios matter.
#[derive(Debug, Clone, Deserialize)]
pub struct Prices {
    /// What it is called in tables.
    pub name: String,
    /// An input token that is in no cache.
    pub input: f64,
    /// One that is put into the cache.
    pub cache_write: f64,
    /// One that is read from it.
    pub cache_read: f64,
    /// An output token.
    pub output: f64,
}

impl Prices {
    /// Returns the profiles that come with the program.
    pub fn built_in() -> Vec<Prices> {
        Prices::parse(PRICES).expect("BUG: the prices that are built in do not parse")
    }

    /// Returns the profiles written in `text`.
    ///
    /// # Errors
    /// Where they are not of the form of the built-in ones.
    pub fn parse(text: &str) -> Result<Vec<Prices>, BenchError> {
        serde_json::from_str(text)
            .map_err(|error| BenchError::Malformed(format!("the price profiles: {error}")))
    }

    /// Returns what so much input, of it from and into the cache, and so much
    /// output cost.
    pub fn of(&self, input: u64, cached: u64, written: u64, output: u64) -> f64 {
        let plain = input.saturating_sub(cached + written) as f64;
        plain * self.input
            + cached as f64 * self.cache_read
            + written as f64 * self.cache_write
            + output as f64 * self.output
    }

    /// Returns what a token costs that comes in once and is read again in each
    /// of `turns` later turns.
    pub fn read(&self, turns: f64) -> f64 {
        self.cache_write + turns * self.cache_read
    }
}
