//! A parse that is bounded in size, nesting and time.
//!
//! # Limitations
//! A parse within the process can be asked to stop, but not made to: the
//! grammar's parser asks the clock only every hundred steps, and a scanner
//! written by hand in C may take its time over one step, write past its
//! buffer, or abort the process. So what is known to do that is never parsed:
//! contents over 1 MiB or with a line over 64 KiB (hand-written scanners look
//! ahead to the end of the line, which makes some of them quadratic), contents
//! with NUL (the scanner of bash never returns), and layout that is nested
//! deeper than the state of a scanner (YAML at 254 levels and Python at 511
//! abort). What is left overran a deadline of 50 ms by 600 ms at most in the
//! trials, and took up to 80 MiB. Only a process of its own is safe from the
//! rest.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

use crate::language::Language;
use crate::layout::is_too_deep;

/// How much a parse may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the whole content.
    pub content_bytes: usize,
    /// Length of one line.
    pub line_bytes: usize,
    /// Time until the parse is asked to stop.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { content_bytes: 1 << 20, line_bytes: 64 << 10, time: Duration::from_secs(1) }
    }
}

/// What became of a parse.
#[derive(Debug)]
pub enum Parse {
    /// The syntax tree of the whole content, sound or not.
    Parsed(Tree),
    /// The content or one of its lines is longer than the limits allow.
    TooLarge,
    /// The grammar's scanner would not survive the content: it holds NUL, or
    /// its layout is nested too deep.
    Unfit,
    /// The time was over before the end was reached.
    TimedOut,
}

/// Returns the syntax tree of `bytes`, within `limits`.
///
/// The grammar reads UTF-8; bytes that are not count as errors where they stand
/// outside comments and strings.
pub fn parse(language: &Language, bytes: &[u8], limits: Limits) -> Parse {
    reparse(language, bytes, None, limits)
}

/// Returns the syntax tree of `bytes`, within `limits`, made from the tree of
/// the content before, which has been told of the edits. Runs in about the time
/// that the edited parts need.
///
/// It is not always the tree that a parse from nothing gives: where the text is
/// broken, how the parser went on depends on where it began.
pub fn reparse(language: &Language, bytes: &[u8], before: Option<&Tree>, limits: Limits) -> Parse {
    if is_too_large(bytes, limits) {
        Parse::TooLarge
    } else if memchr::memchr(0, bytes).is_some() || is_too_deep(language.nesting, bytes) {
        Parse::Unfit
    } else {
        parse_for(language, bytes, before, limits.time)
    }
}

fn is_too_large(bytes: &[u8], limits: Limits) -> bool {
    bytes.len() > limits.content_bytes || lines(bytes).any(|line| line.len() > limits.line_bytes)
}

fn parse_for(language: &Language, bytes: &[u8], before: Option<&Tree>, time: Duration) -> Parse {
    let mut parser = Parser::new();
    parser
        .set_language(&language.grammar())
        .expect("each grammar of the registry fits this tree-sitter, as a test holds");
    let start = Instant::now();
    let mut watch = |_: &ParseState| match start.elapsed() < time {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut watch);
    // Always the whole rest: to feign an early end past the deadline would stop
    // the parser sooner, but it re-reads, finds another text, and crashes.
    let mut read = |at, _| bytes.get(at..).unwrap_or_default();
    match parser.parse_with_options(&mut read, before, Some(options)) {
        Some(tree) => Parse::Parsed(tree),
        None => Parse::TimedOut,
    }
}

/// Returns the lines of `bytes` as the grammars see them, ended by LF alone.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n')
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;

    fn parse_as(path: &str, text: &str) -> Parse {
        let language = Language::of_path(path).expect("the registry has the language");
        parse(language, text.as_bytes(), Limits::default())
    }

    #[test]
    fn a_parse_answers_the_tree() {
        let Parse::Parsed(tree) = parse_as("a.rs", "\u{feff}fn f() {}\r\n") else {
            panic!("a small file is parsed");
        };
        assert!(!tree.root_node().has_error());
    }

    #[test]
    fn a_killer_of_parsers_is_refused_at_once() {
        assert!(matches!(parse_as("a.js", &"a+".repeat(1 << 20)), Parse::TooLarge));
        assert!(matches!(parse_as("a.js", &"a+".repeat(40 << 10)), Parse::TooLarge));
        assert!(matches!(parse_as("a.js", "a\0"), Parse::Unfit));
    }

    #[test]
    fn a_deadline_ends_a_parse_that_the_size_allows() {
        let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
        let rust = Language::of_path("a.rs").expect("Rust is in the registry");
        for unit in ["fn f() { let x = 1; }\n", "(((((((\n", "a<b<\n", "\"\n"] {
            let text = unit.repeat((900 << 10) / unit.len());
            let outcome = parse(rust, text.as_bytes(), limits);
            assert!(matches!(outcome, Parse::Parsed(_) | Parse::TimedOut), "{outcome:?}");
        }
    }
}
