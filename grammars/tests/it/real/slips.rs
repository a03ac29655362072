//! What is done to a real file at one of its definitions: slips, each of which is
//! an error in its language wherever it stands, and edits that are none.

use engine::edit::{Change, Edit};
use engine::snapshot::Snapshot;
use engine::text::Eol;
use grammars::Language;
use grammars::outline::{Outline, Symbol};
use grammars::parse::{Parse, parse};
use grammars::worker::LIMITS;
use tree_sitter::{Node, Tree};

/// A slip that breaks the syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slip {
    /// A line comes that closes what is not open.
    Closer,
    /// A line comes that nobody could read.
    Statement,
    /// The bracket goes that is the next one below.
    Bracket,
    /// The closing quote goes of the next text below.
    Quote,
}

impl Slip {
    /// Every slip.
    pub(super) const ALL: [Slip; 4] = [Slip::Closer, Slip::Statement, Slip::Bracket, Slip::Quote];
}

/// An edit that breaks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sound {
    /// An empty line comes.
    Blank,
    /// A comment comes.
    Comment,
    /// A name gets another letter.
    Name,
}

impl Sound {
    /// Every edit that breaks nothing.
    pub(super) const ALL: [Sound; 3] = [Sound::Blank, Sound::Comment, Sound::Name];
}

/// Where in a file it is done.
pub(super) struct Spot {
    /// The line before which lines come.
    line: usize,
    /// The line from which on a token goes, and in which the name stands.
    row: usize,
    /// What is defined there, if anything is.
    name: String,
}

impl Spot {
    /// Returns the definition that is nearest to the middle of a file; where it has
    /// none, the beginning of what stands there. `None` where all of it is comment.
    pub(super) fn of(language: &Language, content: &Snapshot, outline: &Outline) -> Option<Spot> {
        let middle = content.line_count() / 2;
        // A line that comes has to come before all of it.
        let is_first = |one: &&Symbol| {
            let start = content.lines.start(one.lines.start);
            let before = content.bytes.get(start..one.bytes.start).unwrap_or_default();
            before.iter().all(|byte| byte.is_ascii_alphanumeric() || b" \t".contains(byte))
        };
        let symbols = outline.symbols().iter().filter(is_first);
        let symbol = symbols.min_by_key(|one| one.line.abs_diff(middle));
        if let Some(symbol) = symbol {
            let (line, row) = (symbol.lines.start, symbol.line);
            return Some(Spot { line, row, name: symbol.name.clone() });
        }
        let tree = tree(language, content)?;
        let mut cursor = tree.walk();
        let parts = tree.root_node().named_children(&mut cursor).filter(|part| !part.is_extra());
        let rows = parts.map(|part| part.start_position().row);
        let line = rows.min_by_key(|row| row.abs_diff(middle))?;
        Some(Spot { line, row: line, name: String::new() })
    }
}

impl Slip {
    /// Returns the edit that makes the slip at `spot`, and the row of the content
    /// after in which it stands; `None` where there is nothing to break.
    pub(super) fn at(
        self,
        language: &Language,
        before: &Snapshot,
        spot: &Spot,
    ) -> Option<(Change, usize)> {
        let edit = match self {
            Slip::Closer => insert(before, spot.line, closer(language)?),
            Slip::Statement => insert(before, spot.line, statement(language)?),
            Slip::Bracket => remove(before, language, spot, is_bracket)?,
            Slip::Quote => remove(before, language, spot, is_closing_quote)?,
        };
        let row = before.lines.line_at(edit.range.start);
        Some((change(before, edit), row))
    }
}

impl Sound {
    /// Returns the edit that does no harm at `spot`; `None` where there is none.
    pub(super) fn at(self, language: &Language, before: &Snapshot, spot: &Spot) -> Option<Change> {
        let edit = match self {
            Sound::Blank => insert(before, spot.line, "\n"),
            Sound::Comment => insert(before, spot.line, comment(language)?),
            Sound::Name => longer_name(before, spot)?,
        };
        Some(change(before, edit))
    }
}

fn longer_name(before: &Snapshot, spot: &Spot) -> Option<Edit> {
    let word = spot.name.trim_start_matches(['.', '#']);
    let at = String::from_utf8_lossy(before.line(spot.row)).find(word)?;
    let end = before.lines.start(spot.row) + at + word.len();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    // The frames of an animation are named by the language.
    let is_own = !["from", "to"].contains(&word);
    let is_word = word.len() > 1 && word.bytes().all(is_letter) && is_own;
    is_word.then_some(Edit { range: end..end, text: b"x".to_vec() })
}

fn change(before: &Snapshot, edit: Edit) -> Change {
    Change::new(vec![edit], before.bytes.len()).expect("one edit")
}

fn insert(before: &Snapshot, line: usize, text: &str) -> Edit {
    let at = before.lines.start(line);
    let text = match before.eol() {
        Eol::CrLf => text.replace('\n', "\r\n"),
        _ => text.to_owned(),
    };
    Edit { range: at..at, text: text.into_bytes() }
}

/// Returns a line that closes what is not open.
fn closer(language: &Language) -> Option<&'static str> {
    match language.id {
        "markdown" => None,
        "html" => Some("</b x=<\n"),
        "yaml" => Some("]} : - {\n"),
        _ => Some(")]\n"),
    }
}

/// Returns a line that has no reading in the language.
fn statement(language: &Language) -> Option<&'static str> {
    match language.id {
        "markdown" => None,
        "bash" => Some("if then fi (\n"),
        "css" => Some("a { color: ; ) }\n"),
        "dockerfile" => Some("FROM ( = \n"),
        "html" => Some("</section>\n"),
        "json" | "jsonc" => Some("\"a\" \"b\" : 1,\n"),
        "python" => Some("def (:\n"),
        "toml" => Some("key = = 1\n"),
        "yaml" => Some("a: b: [c\n"),
        _ => Some("= ( ;\n"),
    }
}

/// Returns a comment that takes a line of its own.
fn comment(language: &Language) -> Option<&'static str> {
    match language.id {
        "json" => None,
        "css" => Some("/* Sound. */\n"),
        "html" | "markdown" => Some("<!-- Sound. -->\n"),
        "bash" | "dockerfile" | "elixir" | "python" | "ruby" | "toml" | "yaml" => {
            Some("# Sound.\n")
        }
        "haskell" | "lua" | "sql" => Some("-- Sound.\n"),
        _ => Some("// Sound.\n"),
    }
}

/// Returns whether byte `at` is one of the tokens that a macro is given.
pub(super) fn is_in_macro(language: &Language, content: &Snapshot, at: usize) -> bool {
    if language.id != "rust" {
        return false;
    }
    let Some(tree) = tree(language, content) else { return false };
    let mut node = tree.root_node().descendant_for_byte_range(at, at + 1);
    while let Some(one) = node.filter(|one| one.kind() != "token_tree") {
        node = one.parent();
    }
    node.is_some()
}

fn tree(language: &Language, content: &Snapshot) -> Option<Tree> {
    match parse(language, &content.bytes, LIMITS) {
        Parse::Parsed(tree) => Some(tree),
        _ => None,
    }
}

/// Returns the edit that removes the first token from `spot` on that is meant.
fn remove(
    before: &Snapshot,
    language: &Language,
    spot: &Spot,
    is_meant: fn(Node<'_>, &str, &[u8]) -> bool,
) -> Option<Edit> {
    let tree = tree(language, before)?;
    // Not above the name: in a comment no bracket is missed.
    let from = before.lines.start(spot.row);
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if node.end_byte() <= from {
            continue;
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        if node.start_byte() >= from
            && children.is_empty()
            && is_meant(node, language.id, &before.bytes)
        {
            let end = node.end_byte();
            return Some(Edit { range: end - 1..end, text: Vec::new() });
        }
        open.extend(children.into_iter().rev());
    }
    None
}

/// Returns whether a token is a bracket that has to be there.
fn is_bracket(token: Node<'_>, language: &str, _: &[u8]) -> bool {
    let parent = token.parent().map_or("", |parent| parent.kind());
    let is_needed = match language {
        // A shell has other uses for what is left of these.
        "bash" => ["compound_statement", "subshell", "command_substitution"].contains(&parent),
        // What is left is a plain text, unless it is the closing one that goes.
        "yaml" => ["]", "}"].contains(&token.kind()),
        // A macro needs no parameters.
        "c" | "cpp" => parent != "preproc_params",
        "markdown" => false,
        _ => true,
    };
    let is_one = ["(", ")", "[", "]", "{", "}"].contains(&token.kind());
    let is_of_tag = [">", "/>"].contains(&token.kind()) && parent.ends_with("_tag");
    is_needed && !token.is_missing() && (is_one || is_of_tag)
}

/// Returns whether a token closes a text.
fn is_closing_quote(token: Node<'_>, language: &str, bytes: &[u8]) -> bool {
    // What is left of a script may be another one, by the quotes that follow.
    if language == "bash" || token.is_missing() {
        return false;
    }
    let text = &bytes[token.byte_range()];
    let [first, .., last] = text else {
        let parent = token.parent().map_or("", |parent| parent.kind());
        let kinds = ["string", "attribute_value", "quote_scalar"];
        let is_text = kinds.iter().any(|kind| parent.contains(kind));
        return matches!(text, b"\"" | b"'") && token.next_sibling().is_none() && is_text;
    };
    // Some grammars have a text as one token.
    let kind = token.kind();
    let is_whole = !kind.contains("content") && !kind.contains("fragment");
    let is_text = kind.contains("string") || kind.contains("quote_scalar");
    matches!(last, b'"' | b'\'') && first == last && is_whole && is_text
}
