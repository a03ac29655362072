//! Named constructs without a grammar: by indentation, brackets at the start of
//! a line, section headers and headings.
//!
//! A line that deeper lines follow heads a construct, and its text is the name.
//! It reaches to the last deeper line and takes in a closing bracket below it.
//! What heads a branch or a loop names nothing, and neither does a bracket
//! alone. `[section]` in the first column reaches to the next one; so does a
//! heading of Markdown, to the next of its level.

use super::constructs::nest;
use super::identity::Span;
use super::lines::Side;

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

/// Outlines the two sides of a comparison. What there is to know of a line is
/// looked up once, however often it occurs.
pub(super) struct Outliner<'a> {
    /// By the number of a line.
    texts: &'a [&'a [u8]],
    /// The same.
    facts: Vec<Fact>,
    is_markdown: bool,
}

/// What a line is, wherever it stands.
#[derive(Clone, Copy)]
struct Fact {
    kind: Kind,
    /// The column of the first character that is no blank; of a heading, its level.
    depth: u32,
    /// Whether it has more than blanks and brackets.
    says_something: bool,
    /// Whether it gives its name to what it heads.
    is_name: bool,
    /// Whether a brace alone below it may open its body.
    may_open_below: bool,
    /// What ends the literal that it leaves open, if it does.
    literal: Option<&'static [u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    /// It may stand anywhere, so it heads nothing and ends nothing.
    Comment,
    /// `[section]` in the first column.
    Section,
    /// It goes on with what stands above in its column: a closing bracket, `end`.
    Closes,
    /// An opening bracket alone.
    Opens,
    /// Of Markdown.
    Heading,
    /// Of Markdown: what begins and ends a block of code.
    Fence(&'static [u8]),
    Other,
}

impl<'a> Outliner<'a> {
    /// Returns what outlines a file named `path` with these lines. Runs in
    /// O(bytes).
    pub(super) fn new(path: &str, texts: &'a [&'a [u8]]) -> Outliner<'a> {
        let is_markdown = [".md", ".markdown", ".mdx"].iter().any(|end| path.ends_with(end));
        let fact = if is_markdown { Fact::of_prose } else { Fact::of_code };
        let facts = texts.iter().map(|text| fact(text)).collect();
        Outliner { texts, facts, is_markdown }
    }

    /// Returns the constructs of a side, sorted, outer before inner; each is called
    /// by the look of its header. Runs in O(lines).
    pub(super) fn outline(&self, side: &Side) -> Vec<Span> {
        let mut outline = Outline { outliner: self, side, found: Vec::new(), open: Vec::new() };
        match self.is_markdown {
            true => outline.headings(),
            false => outline.indentation(),
        }
        let mut found = outline.found;
        nest(&mut found);
        found
    }
}

impl Fact {
    fn of_code(text: &[u8]) -> Fact {
        let content = text.trim_ascii();
        let depth = depth_of(text);
        let kind = match content {
            [] => Kind::Blank,
            _ if is_comment(content) => Kind::Comment,
            _ if depth == 0 && is_section(content) => Kind::Section,
            [b'}' | b')' | b']', ..] => Kind::Closes,
            _ if is_end(content) => Kind::Closes,
            b"{" | b"(" | b"[" => Kind::Opens,
            _ => Kind::Other,
        };
        let says_something = content.iter().any(u8::is_ascii_alphanumeric);
        Fact {
            kind,
            depth: depth as u32,
            says_something,
            is_name: says_something && !names_nothing(content),
            may_open_below: !matches!(content, [.., b',' | b';' | b'"']),
            literal: literal_end(content),
        }
    }

    fn of_prose(text: &[u8]) -> Fact {
        let content = text.trim_ascii();
        let level = heading_level(content);
        let kind = match content {
            [b'`', b'`', b'`', ..] => Kind::Fence(b"```"),
            [b'~', b'~', b'~', ..] => Kind::Fence(b"~~~"),
            _ if level.is_some() => Kind::Heading,
            _ => Kind::Other,
        };
        let says_something = content.iter().any(u8::is_ascii_alphanumeric);
        Fact {
            kind,
            depth: level.unwrap_or_default() as u32,
            says_something,
            is_name: says_something && !names_nothing(content),
            may_open_below: false,
            literal: None,
        }
    }
}

struct Outline<'a> {
    outliner: &'a Outliner<'a>,
    side: &'a Side,
    found: Vec<Span>,
    open: Vec<Open>,
}

/// A header whose lines are still coming.
struct Open {
    start: usize,
    depth: u32,
    /// The last line that belongs to it so far.
    last: usize,
}

impl Outline<'_> {
    fn indentation(&mut self) {
        let mut section: Option<Open> = None;
        let mut literal: Option<&[u8]> = None;
        for line in 0..self.side.len() {
            if let Some(end) = literal {
                let text = self.outliner.texts[self.side.ids[line] as usize];
                literal = (!holds(text, end)).then_some(end);
                self.open.iter_mut().for_each(|open| open.last = line);
                continue;
            }
            let fact = *self.fact(line);
            if fact.kind == Kind::Blank {
                continue;
            }
            literal = fact.literal;
            match fact.kind {
                Kind::Comment => {
                    let around = self.open.iter_mut().filter(|open| open.depth < fact.depth);
                    around.for_each(|open| open.last = line);
                }
                Kind::Section => {
                    self.close_from(0);
                    let next = Open { start: line, depth: 0, last: line };
                    self.close_section(section.replace(next), line);
                }
                _ => self.next_line(line, fact),
            }
        }
        self.close_from(0);
        self.close_section(section, self.side.len());
    }

    fn next_line(&mut self, line: usize, fact: Fact) {
        let Fact { kind, depth, .. } = fact;
        let keep = self.open.iter().take_while(|open| open.depth < depth).count();
        for open in &mut self.open[..keep] {
            open.last = line;
        }
        let goes_on = self.open.get(keep).is_some_and(|open| {
            let has_brace_below = kind == Kind::Opens
                && open.last == open.start
                && self.fact(open.start).may_open_below;
            open.depth == depth && (kind == Kind::Closes || has_brace_below)
        });
        if goes_on {
            self.open[keep].last = line;
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
        for line in 0..self.side.len() {
            let Fact { kind, depth, .. } = *self.fact(line);
            match (kind, fence) {
                (Kind::Fence(begin), None) => fence = Some(begin),
                (Kind::Fence(end), Some(begin)) if begin == end => fence = None,
                (Kind::Heading, None) => {
                    let keep = self.open.iter().take_while(|open| open.depth < depth).count();
                    self.close_from(keep);
                    self.open.push(Open { start: line, depth, last: line });
                }
                _ => {}
            }
            self.open.iter_mut().for_each(|open| open.last = line);
        }
        self.close_from(0);
    }

    fn fact(&self, line: usize) -> &Fact {
        &self.outliner.facts[self.side.ids[line] as usize]
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
        if start >= last {
            return;
        }
        // A bracket alone is known by the first line inside.
        let named = (start..last).find(|line| self.fact(*line).says_something);
        if let Some(named) = named.filter(|line| self.fact(*line).is_name) {
            self.found.push(Span {
                lines: start..last + 1,
                header: start,
                name: self.side.looks[named],
            });
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

/// Returns what ends the literal that a line leaves open, if it leaves one open.
fn literal_end(content: &[u8]) -> Option<&'static [u8]> {
    memchr::memchr2(b'"', b'\'', content)?;
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
