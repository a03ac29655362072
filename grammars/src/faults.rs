//! Faults: what a syntax tree says is wrong with a content.
//!
//! An error that lies within another is not reported; where a file is broken
//! already, a second fault in the same place goes unseen.

use std::ops::Range;

use engine::verify::{Diagnostic, Findings, Severity, Verdict};
use tree_sitter::{Node, Tree};

use crate::language::{Language, Lenience};
use crate::lenient::let_pass;

/// The name under which syntax errors are reported.
pub const SOURCE: &str = "syntax";

/// Findings beyond this number say nothing more: the answer is cut there, and
/// `Partial`.
pub(crate) const FINDINGS_MAX: usize = 256;

/// Characters of a source text that a message quotes.
const QUOTED_MAX: usize = 40;

/// Returns what is wrong with `bytes`, whose syntax tree is `tree`. Layout is
/// looked at in the bytes of `near` alone, where the grammar does not ask for it.
pub fn faults(language: &Language, tree: &Tree, bytes: &[u8], near: Range<usize>) -> Findings {
    let mut found = found(language, tree, bytes);
    if language.has_indents {
        misplaced(tree, bytes, &near, &mut found);
    }
    let_pass(language, tree, bytes, &mut found);
    findings(found)
}

pub(crate) fn findings(mut diagnostics: Vec<Diagnostic>) -> Findings {
    let verdict = match diagnostics.len() > FINDINGS_MAX {
        true => Verdict::Partial,
        false => Verdict::Fresh,
    };
    diagnostics.truncate(FINDINGS_MAX);
    // What is missing is found behind blanks and reported before them.
    diagnostics.sort_by_key(|fault| fault.range.start);
    Findings { verdict, diagnostics }
}

/// Returns what is wrong, in the order of the places, and no more than one
/// finding over the limit.
fn found(language: &Language, tree: &Tree, bytes: &[u8]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if node.is_error() || node.is_missing() {
            let is_tolerated = language.has_last_commas && is_last_comma(node);
            found.extend((!is_tolerated).then(|| fault(node, bytes)));
        } else if node.has_error() {
            let broken = broken_children(node);
            // An element is incomplete for its grammar whose end is implied.
            if broken.is_empty() && language.lenience != Lenience::Tags {
                let message = format!("incomplete {}", node.kind());
                found.push(diagnostic(node.byte_range(), message));
            }
            open.extend(broken.into_iter().rev());
        }
        if found.len() > FINDINGS_MAX {
            break;
        }
    }
    found
}

/// Adds the statements in `near` that do not begin in the column of the first of
/// their block. Grammars take such a line for one of the block all the same.
fn misplaced(tree: &Tree, bytes: &[u8], near: &Range<usize>, found: &mut Vec<Diagnostic>) {
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        let is_block = matches!(node.kind(), "module" | "block");
        let column = if is_block { block_column(node, bytes) } else { None };
        let mut cursor = node.walk();
        let mut more = cursor.goto_first_child_for_byte(near.start).is_some();
        while more && cursor.node().start_byte() <= near.end && found.len() <= FINDINGS_MAX {
            let child = cursor.node();
            let here = child.start_position().column;
            let is_wrong = column.is_some_and(|column| column != here);
            if is_wrong && is_statement(child, bytes) {
                let line = memchr::memchr(b'\n', &bytes[child.byte_range()]);
                let end = line.map_or(child.end_byte(), |line| child.start_byte() + line);
                found.push(diagnostic(child.start_byte()..end, "unexpected indentation".into()));
            }
            open.extend(may_hold_statements(child.kind()).then_some(child));
            more = cursor.goto_next_sibling();
        }
    }
}

/// Returns the column of the first statement of a block.
fn block_column(block: Node<'_>, bytes: &[u8]) -> Option<usize> {
    let mut cursor = block.walk();
    let mut more = cursor.goto_first_child();
    while more {
        if is_statement(cursor.node(), bytes) {
            return Some(cursor.node().start_position().column);
        }
        more = cursor.goto_next_sibling();
    }
    None
}

/// Returns whether a node of a block is a sound statement at the beginning of a
/// line.
fn is_statement(node: Node<'_>, bytes: &[u8]) -> bool {
    let line = node.start_byte().saturating_sub(node.start_position().column);
    let before = &bytes[line..node.start_byte()];
    let is_first = before.iter().all(|byte| matches!(byte, b' ' | b'\t'));
    is_first && node.is_named() && !node.is_extra() && !node.has_error()
}

fn may_hold_statements(kind: &str) -> bool {
    let others = [
        "block",
        "for_statement",
        "if_statement",
        "match_statement",
        "try_statement",
        "while_statement",
        "with_statement",
    ];
    kind.ends_with("_definition") || kind.ends_with("_clause") || others.contains(&kind)
}

/// Returns the children within which something is wrong. The tokens that a
/// grammar hides may be missing as well; then there is none.
fn broken_children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    let children = node.children(&mut cursor);
    children.filter(|child| child.has_error()).collect()
}

fn fault(node: Node<'_>, bytes: &[u8]) -> Diagnostic {
    if node.is_missing() {
        return missing(node, bytes);
    }
    if let Some(opener) = unclosed(node) {
        return diagnostic(opener.byte_range(), format!("unclosed `{}`", opener.kind()));
    }
    let range = match node.parent() {
        Some(_) => node.byte_range(),
        None => where_it_ended(node.end_byte(), bytes),
    };
    let message = unexpected(&bytes[range.clone()]);
    diagnostic(range, message)
}

/// Returns the finding about a token that is not there: at the end of the text
/// before it, for that is where one would write it.
fn missing(token: Node<'_>, bytes: &[u8]) -> Diagnostic {
    let at = bytes[..token.start_byte()].trim_ascii_end().len();
    let name = token.kind();
    let message = match token.is_named() {
        true => format!("missing {name}"),
        false => format!("missing `{name}`"),
    };
    diagnostic(at..at, message)
}

/// Returns the last bracket that is opened and not closed directly within an
/// error of several lines. Such an error begins far before the fault, at what
/// the bracket left unfinished.
fn unclosed(error: Node<'_>) -> Option<Node<'_>> {
    if error.start_position().row == error.end_position().row {
        return None;
    }
    let mut open: Vec<Node<'_>> = Vec::new();
    for child in error.children(&mut error.walk()) {
        match child.kind() {
            "(" | "[" | "{" => open.push(child),
            ")" | "]" | "}" => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}

/// Returns the line on which a parser gave up that had read up to `end`: the
/// next one with text or, where there is none, the last.
fn where_it_ended(end: usize, bytes: &[u8]) -> Range<usize> {
    let read = bytes[..end].trim_ascii_end();
    let unread = bytes[end..].trim_ascii_start();
    let start = match unread.is_empty() {
        true => memchr::memrchr(b'\n', read).map_or(0, |newline| newline + 1),
        false => bytes.len() - unread.len(),
    };
    let len = memchr::memchr(b'\n', &bytes[start..]).unwrap_or(bytes.len() - start);
    start..start + bytes[start..start + len].trim_ascii_end().len()
}

pub(crate) fn diagnostic(range: Range<usize>, message: String) -> Diagnostic {
    Diagnostic { range, severity: Severity::Error, source: SOURCE.to_owned(), message }
}

/// Returns whether an error is no more than a comma before a closing bracket, or
/// the value that is missing behind it.
fn is_last_comma(error: Node<'_>) -> bool {
    let next = next_token(error, Node::next_sibling);
    if !matches!(next, Some("]" | "}")) {
        return false;
    }
    if error.is_missing() {
        return next_token(error, Node::prev_sibling) == Some(",");
    }
    let mut cursor = error.walk();
    let mut parts = error.children(&mut cursor).filter(|part| !part.is_extra());
    parts.next().is_some_and(|part| part.kind() == ",") && parts.next().is_none()
}

/// Returns the kind of the first sibling that is no comment, going by `next`.
fn next_token<'a>(node: Node<'a>, next: fn(&Node<'a>) -> Option<Node<'a>>) -> Option<&'a str> {
    let mut at = next(&node);
    while let Some(sibling) = at.filter(Node::is_extra) {
        at = next(&sibling);
    }
    at.map(|sibling| sibling.kind())
}

/// Returns the finding about brackets that an edit of these bytes left unpaired.
pub(crate) fn unpaired(range: Range<usize>) -> Diagnostic {
    diagnostic(range, "unpaired brackets or quotes".to_owned())
}

/// Returns the finding about an error within another.
pub(crate) fn inner_fault(node: Node<'_>, bytes: &[u8]) -> Diagnostic {
    match node.is_missing() {
        true => missing(node, bytes),
        false => diagnostic(node.byte_range(), unexpected(&bytes[node.byte_range()])),
    }
}

/// Returns the message about a text that fits nowhere. It quotes the first line
/// and not more than a message may, and nothing that could steer a terminal.
fn unexpected(bytes: &[u8]) -> String {
    let bytes = bytes.trim_ascii_start();
    // No character has more than 4 bytes.
    let head = bytes.get(..4 * (QUOTED_MAX + 1)).unwrap_or(bytes);
    let head = String::from_utf8_lossy(head);
    let line = head.lines().next().unwrap_or_default().trim_end();
    if line.is_empty() {
        return "syntax error".to_owned();
    }
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut quoted: String = line.chars().map(shown).take(QUOTED_MAX).collect();
    if line.chars().count() > QUOTED_MAX {
        quoted.pop();
        quoted.push('…');
    }
    format!("unexpected `{quoted}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_quotes_one_short_line_and_no_control_character() {
        assert_eq!(unexpected(b"\n  a b \n c"), "unexpected `a b`");
        assert_eq!(unexpected(b" \n"), "syntax error");
        assert_eq!(unexpected(b"a\x1b[2J\xff"), "unexpected `a\u{fffd}[2J\u{fffd}`");
        let long = unexpected("ä".repeat(200).as_bytes());
        assert_eq!(long, format!("unexpected `{}…`", "ä".repeat(39)));
        assert_eq!(unexpected("ä".repeat(40).as_bytes()).matches('ä').count(), 40);
    }
}
