//! A small inventory: one sample of what the grammar of Rust has to know.

use std::collections::HashMap;
use std::fmt;

/// The most parts that one shelf holds.
pub const SHELF_MAX: usize = 64;

static EMPTY: &str = "";

/// A part and how many there are.
#[derive(Debug, Clone)]
pub struct Part {
    name: String,
    count: u32,
}

pub struct Marker;

pub type Shelf<'a> = HashMap<&'a str, Part>;

pub enum Outcome<T> {
    Found(T),
    Missing { name: String },
}

pub trait Stock {
    type Key;
    fn find(&self, key: &Self::Key) -> Option<&Part>;

    fn is_empty(&self) -> bool {
        true
    }
}

impl Part {
    // Counts start at one.
    pub fn new(name: &str) -> Part {
        Part { name: name.to_owned(), count: 1 }
    }

    pub async fn fetch<'a, T>(&'a mut self, from: T) -> Result<(), T>
    where
        T: fmt::Debug,
    {
        self.count += if self.count > 9 { 0 } else { 1 };
        let _ = format!("{from:?} {}", '{');
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.name, self.count)
    }
}

impl<T: Clone> From<T> for Outcome<T> {
    fn from(value: T) -> Self {
        Outcome::Found(value)
    }
}

macro_rules! parts {
    ($($name:expr),*) => {
        vec![$(Part::new($name)),*]
    };
}

extern "C" {
    fn abs(value: i32) -> i32;
}

pub mod shelf {
    use super::*;

    pub fn count(parts: &[Part]) -> u32 {
        parts.iter().map(|part| part.count).sum()
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn counts() {
            assert_eq!(super::count(&parts!["bolt", r#"a "nut""#]), 2);
        }
    }
}
