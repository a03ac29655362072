//! Risk: which content is parsed in a process of its own.
//!
//! A parse within the process can be asked to stop, not made to, and an
//! assertion in a scanner takes the whole process along. So what is far from
//! what people write goes to the worker: long lines, on which scanners that look
//! ahead become quadratic; deep nesting; large files; and what a grammar's
//! scanner was never tried with.

use crate::language::Language;
use crate::parse::lines;

/// Where the parse of a content may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// In this process.
    Low,
    /// In a process that can be killed.
    High,
}

/// The most bytes that are parsed in this process.
pub(crate) const CONTENT_MAX: usize = 1 << 20;

/// The longest line that is parsed in this process.
pub(crate) const LINE_MAX: usize = 16 << 10;

/// The most brackets that may be open at one time.
const BRACKETS_MAX: usize = 400;

impl Risk {
    /// Returns where `bytes` may be parsed. Runs in O(n), a gigabyte a second.
    pub fn of(language: &Language, bytes: &[u8]) -> Risk {
        let is_high = !language.is_proven
            || bytes.len() > CONTENT_MAX
            || lines(bytes).any(|line| line.len() > LINE_MAX)
            || brackets(bytes) > BRACKETS_MAX;
        if is_high { Risk::High } else { Risk::Low }
    }
}

/// Returns how many brackets are open at one time at most, wherever they stand:
/// one in a string counts as well.
fn brackets(bytes: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in bytes {
        match byte {
            b'(' | b'[' | b'{' => {
                open += 1;
                most = most.max(open);
            }
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Risk) {
        let language = Language::of_id("javascript").expect("the registry has it");
        assert_eq!(Risk::of(language, text.as_bytes()), expected);
    }

    #[test]
    fn what_people_write_is_parsed_here() {
        check("", Risk::Low);
        check(&"f({a: [1]});\n".repeat(10_000), Risk::Low);
        check(&"let s = ':(';\n".repeat(100), Risk::Low);
    }

    #[test]
    fn what_no_one_writes_is_parsed_elsewhere() {
        check(&"a+".repeat(10_000), Risk::High);
        check(&"f();\n".repeat(1 << 20), Risk::High);
        check(&"[\n".repeat(500), Risk::High);
    }
}
