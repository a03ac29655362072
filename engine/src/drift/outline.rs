//! Named constructs without a grammar: by indentation, brackets at the start of
//! a line, section headers and headings.
//!
//! A line that deeper lines follow heads a construct, and its text is the name.
//! It reaches to the last deeper line and takes in a closing bracket below it.
//! What heads a branch or a loop names nothing, and neither does a bracket
//! alone. `[section]` in the first column reaches to the next one; so does a
//! heading of Markdown, to the next of its level.

use super::constructs::{Construct, Nesting};
use crate::snapshot::Snapshot;

/// Constructs this deep inside of others are not looked for: nobody names
/// things at that depth.
const DEPTH: usize = 48;

/// Words that begin lines which head other lines and yet name nothing.
const CONTROL: [&str; 33] = [
    "if", "else", "elif", "elsif", "elseif", "for", "foreach", "while", "until", "loop", "do",
    "switch", "match", "case", "default", "select", "when", "try", "catch", "except", "finally",
    "rescue", "ensure", "begin", "with", "using", "lock", "unless", "return", "unsafe", "then",
    "defer", "go",
];

/// Returns the constructs of a file named `path`. Runs in O(bytes).
pub(super) fn outline(path: &str, snapshot: &Snapshot) -> Nesting {
    let is_markdown = [".md", ".markdown", ".mdx"].iter().any(|end| path.ends_with(end));
    let mut outline = Outline { snapshot, found: Vec::new(), open: Vec::new() };
    match is_markdown {
        true => outline.headings(),
        false => outline.indentation(),
    }
    Nesting::of(outline.found)
}

struct Outline<'a> {
    snapshot: &'a Snapshot,
    found: Vec<Construct>,
    open: Vec<Open>,
}

/// A header whose lines are still coming.
struct Open {
    start: usize,
    depth: usize,
    /// The last line that belongs to it so far.
    last: usize,
}

impl Outline<'_> {
    fn indentation(&mut self) {
        let mut section: Option<Open> = None;
        let mut literal: Option<&[u8]> = None;
        let has_literals = LITERALS.iter().any(|open| holds(&self.snapshot.bytes, open));
        let Snapshot { bytes, lines, .. } = self.snapshot;
        for line in 0..lines.count() {
            let text = &bytes[lines.bytes_of(line..line + 1)];
            let content = text.trim_ascii();
            if let Some(end) = literal {
                literal = (!holds(content, end)).then_some(end);
                self.open.iter_mut().for_each(|open| open.last = line);
                continue;
            }
            if content.is_empty() {
                continue;
            }
            literal = if has_literals { literal_end(content) } else { None };
            let depth = depth_of(text);
            if is_comment(content) {
                // It may stand anywhere, so it heads nothing and ends nothing.
                let around = self.open.iter_mut().filter(|open| open.depth < depth);
                around.for_each(|open| open.last = line);
                continue;
            }
            if depth == 0 && is_section(content) {
                self.close_from(0);
                let next = Open { start: line, depth: 0, last: line };
                self.close_section(section.replace(next), line);
                continue;
            }
            self.next_line(line, depth, content);
        }
        self.close_from(0);
        self.close_section(section, lines.count());
    }

    fn next_line(&mut self, line: usize, depth: usize, content: &[u8]) {
        let continues = matches!(content[0], b'}' | b')' | b']') || is_end(content);
        let opens_alone = matches!(content, b"{" | b"(" | b"[");
        let keep = self.open.iter().take_while(|open| open.depth < depth).count();
        for open in &mut self.open[..keep] {
            open.last = line;
        }
        let same = self.open.get_mut(keep).filter(|open| open.depth == depth);
        let snapshot = self.snapshot;
        let has_brace_below = |open: &Open| {
            let header = snapshot.line(open.start).trim_ascii();
            opens_alone
                && open.last == open.start
                && !header.ends_with(b",")
                && !header.ends_with(b";")
                && !header.ends_with(b"\"")
        };
        if let Some(open) = same.filter(|open| continues || has_brace_below(open)) {
            open.last = line;
            self.close_from(keep + 1);
            return;
        }
        self.close_from(keep);
        if self.open.len() < DEPTH {
            self.open.push(Open { start: line, depth, last: line });
        }
    }

    fn headings(&mut self) {
        let mut fence: Option<&[u8]> = None;
        for line in 0..self.snapshot.line_count() {
            let content = self.snapshot.line(line).trim_ascii();
            if let Some(open) = fence {
                if content.starts_with(open) {
                    fence = None;
                }
            } else if content.starts_with(b"```") || content.starts_with(b"~~~") {
                fence = Some(&content[..3]);
            } else if let Some(level) = heading_level(content) {
                let keep = self.open.iter().take_while(|open| open.depth < level).count();
                self.close_from(keep);
                self.open.push(Open { start: line, depth: level, last: line });
            }
            self.open.iter_mut().for_each(|open| open.last = line);
        }
        self.close_from(0);
    }

    fn close_from(&mut self, keep: usize) {
        while self.open.len() > keep {
            let open = self.open.pop();
            self.close(open);
        }
    }

    /// Notes a section, which reaches to where the next begins: the blank lines and
    /// comments at its end are nobody else's.
    fn close_section(&mut self, section: Option<Open>, end: usize) {
        self.close(section.map(|open| Open { last: end - 1, ..open }));
    }

    /// Notes a construct, unless its line heads no other, or names nothing.
    fn close(&mut self, open: Option<Open>) {
        let Some(Open { start, last, .. }) = open else { return };
        // A bracket alone is known by the first line inside.
        let bare = |line: &usize| !self.snapshot.line(*line).iter().any(u8::is_ascii_alphanumeric);
        let named = (start..last).find(|line| !bare(line)).unwrap_or(start);
        let header = self.snapshot.line(named).trim_ascii();
        if start < last && !names_nothing(header) {
            let name = String::from_utf8_lossy(header).into_owned();
            self.found.push(Construct { lines: start..last + 1, name });
        }
    }
}

/// Returns the column of the first character that is no blank; a tab reaches to
/// the next multiple of 8.
fn depth_of(text: &[u8]) -> usize {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    blanks.fold(0, |column, byte| if *byte == b'\t' { column / 8 * 8 + 8 } else { column + 1 })
}

/// Returns whether a line is a comment, or a word to a preprocessor.
fn is_comment(content: &[u8]) -> bool {
    const DIRECTIVES: [&str; 10] =
        ["if", "ifdef", "ifndef", "else", "elif", "endif", "define", "undef", "include", "pragma"];
    match content {
        [b'/', b'/' | b'*', ..] | [b'-', b'-', ..] | [b'#'] | [b'#', b' ' | b'#' | b'!', ..] => {
            true
        }
        [b'#', rest @ ..] => DIRECTIVES.iter().any(|word| word.as_bytes() == first_word(rest)),
        _ => false,
    }
}

/// What begins a literal of several lines.
const LITERALS: [&[u8]; 4] = [b"\"\"\"", b"'''", b"r#\"", b"r\""];

/// Returns what ends the literal that a line leaves open, if it leaves one open.
fn literal_end(content: &[u8]) -> Option<&'static [u8]> {
    for quotes in [b"\"\"\"", b"'''"] {
        if memchr::memmem::find_iter(content, quotes).count() % 2 == 1 {
            return Some(quotes);
        }
    }
    match content {
        [.., b'r', b'#', b'"'] => Some(b"\"#"),
        [.., before, b'r', b'"'] if !before.is_ascii_alphanumeric() => Some(b"\""),
        b"r\"" => Some(b"\""),
        _ => None,
    }
}

fn holds(content: &[u8], end: &[u8]) -> bool {
    memchr::memmem::find(content, end).is_some()
}

fn is_section(content: &[u8]) -> bool {
    content.len() > 2 && content[0] == b'[' && content[content.len() - 1] == b']'
}

fn heading_level(content: &[u8]) -> Option<usize> {
    let level = content.iter().take_while(|byte| **byte == b'#').count();
    ((1..=6).contains(&level) && content.get(level).is_none_or(|byte| *byte == b' '))
        .then_some(level)
}

fn is_end(content: &[u8]) -> bool {
    first_word(content) == b"end"
}

/// Returns whether a header with this text gives no identity: a bracket alone,
/// a branch, a loop.
fn names_nothing(content: &[u8]) -> bool {
    let word = first_word(content);
    !content.iter().any(u8::is_ascii_alphanumeric)
        || CONTROL.iter().any(|control| control.as_bytes() == word)
}

fn first_word(content: &[u8]) -> &[u8] {
    let len = content.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
    &content[..len.count()]
}
