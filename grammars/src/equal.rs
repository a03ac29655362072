//! Equality as a parser sees it: two contents with the same syntax tree,
//! whatever the blanks and comments between.
//!
//! Places are not compared, nor are comments, documentation among them. The text
//! of each leaf is, and that of the gaps between nodes, unless it is blank where
//! blanks mean nothing.

use tree_sitter::{Node, Tree};

use crate::faults::faults;
use crate::language::Language;
use crate::parse::{Limits, Parse, parse};
use crate::risk::Risk;

/// A content and its tree.
#[derive(Debug)]
pub struct Parsed {
    language: &'static Language,
    bytes: Vec<u8>,
    tree: Tree,
}

impl Parsed {
    /// Returns the content of a file named `path` with its tree; `None` where no
    /// grammar is there for it, or it is not to be parsed in this process.
    pub fn of(path: &str, bytes: &[u8], limits: Limits) -> Option<Parsed> {
        let language = Language::of(path, bytes)?;
        if language.total || Risk::of(language, bytes) == Risk::High {
            return None;
        }
        match parse(language, bytes, limits) {
            Parse::Parsed(tree) => Some(Parsed { language, bytes: bytes.to_vec(), tree }),
            _ => None,
        }
    }

    /// Returns how many syntax errors the check finds.
    pub fn faults(&self) -> usize {
        let all = 0..self.bytes.len();
        faults(self.language, &self.tree, &self.bytes, all).diagnostics.len()
    }

    /// Returns whether the two trees are the same but for places and comments.
    pub fn is_same(&self, other: &Parsed) -> bool {
        self.language.id == other.language.id && events(self) == events(other)
    }
}

/// What is met on the way through a tree.
#[derive(Debug, PartialEq, Eq)]
enum Event<'a> {
    Open(u16),
    Text(&'a [u8]),
    Close,
}

/// An open node: the end of the last of its children, and whether blanks in it
/// mean something.
struct Level {
    at: usize,
    is_text: bool,
}

/// Returns the events of a tree in order, comments left out.
fn events(parsed: &Parsed) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    let mut open: Vec<Level> = Vec::new();
    let mut cursor = parsed.tree.walk();
    loop {
        let node = cursor.node();
        if let Some(level) = open.last_mut() {
            gap(&parsed.bytes, level, node.start_byte(), &mut events);
            level.at = node.end_byte().max(level.at);
        }
        // What is extra and no error is a comment.
        if !node.is_extra() || node.is_error() {
            events.push(Event::Open(node.kind_id()));
            if cursor.goto_first_child() {
                open.push(Level { at: node.start_byte(), is_text: is_text(node) });
                continue;
            }
            events.push(Event::Text(&parsed.bytes[node.byte_range()]));
            events.push(Event::Close);
        }
        while !cursor.goto_next_sibling() {
            let Some(level) = open.pop().filter(|_| cursor.goto_parent()) else { return events };
            gap(&parsed.bytes, &level, cursor.node().end_byte(), &mut events);
            events.push(Event::Close);
        }
    }
}

/// Adds the text between two children, if it says something.
fn gap<'a>(bytes: &'a [u8], level: &Level, end: usize, events: &mut Vec<Event<'a>>) {
    let text = bytes.get(level.at..end).unwrap_or_default();
    let says = if level.is_text { !text.is_empty() } else { !text.trim_ascii().is_empty() };
    if says {
        events.push(Event::Text(text));
    }
}

/// Returns whether a node holds text in which blanks count.
fn is_text(node: Node<'_>) -> bool {
    const TEXTS: [&str; 6] = ["string", "template", "text", "char", "regex", "heredoc"];
    TEXTS.iter().any(|text| node.kind().contains(text))
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;

    fn same(path: &str, one: &str, other: &str) -> Option<bool> {
        let parsed = |text: &str| Parsed::of(path, text.as_bytes(), Limits::default());
        Some(parsed(one)?.is_same(&parsed(other)?))
    }

    #[test]
    fn blanks_and_comments_make_no_other_tree() {
        let one = "fn f(a: u8) -> u8 {\n    // Adds one.\n    a + 1\n}\n";
        assert_eq!(same("a.rs", one, "fn f(a:u8)->u8{ a+1 }\n"), Some(true));
        assert_eq!(same("a.rs", one, "fn f(a: u8) -> u8 {\n    a - 1\n}\n"), Some(false));
        assert_eq!(same("a.rs", one, "fn f(b: u8) -> u8 {\n    a + 1\n}\n"), Some(false));
        assert_eq!(same("a.py", "if a:\n    b()\n    c()\n", "if a:\n  b()\n  c()\n"), Some(true));
    }

    #[test]
    fn layout_and_text_that_mean_something_do() {
        assert_eq!(same("a.py", "if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n"), Some(false));
        assert_eq!(same("a.js", "f(\"a  b\");\n", "f(\"a b\");\n"), Some(false));
        assert_eq!(same("a.js", "f(`  `);\n", "f(` `);\n"), Some(false));
        assert_eq!(same("a.rs", "f(\" \");\n", "f(\"  \");\n"), Some(false));
    }

    #[test]
    fn what_has_no_grammar_or_no_end_cannot_be_told() {
        assert_eq!(same("a.unknown", "a", "a"), None);
        assert_eq!(same("a.rs", "fn f() {}\n", "fn f() {\n"), Some(false));
        let broken = Parsed::of("a.rs", b"fn f() {\n", Limits::default()).unwrap();
        assert!(broken.faults() > 0);
        let sound = Parsed::of("a.rs", b"fn f() {}\n", Limits::default()).unwrap();
        assert_eq!(sound.faults(), 0);
    }
}
