//! Lexemes: whether a stretch of a content is code, comment or text.

use std::ops::Range;

use tree_sitter::{Node, Tree};

/// What a stretch of a content is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lexeme {
    /// Code.
    Code,
    /// A comment.
    Comment,
    /// A text that holds more than the stretch.
    Text,
    /// A text that holds nothing but the stretch.
    WholeText,
}

/// How grammars call what stands in a text and is code all the same.
const CODE_IN_TEXT: [&str; 3] = ["interpolation", "substitution", "expansion"];

/// Returns what the bytes `range` are part of, by a tree of the content.
pub(crate) fn lexeme(tree: &Tree, range: &Range<usize>) -> Lexeme {
    let mut at = tree.root_node().descendant_for_byte_range(range.start, range.end);
    while let Some(node) = at {
        let kind = node.kind();
        if CODE_IN_TEXT.iter().any(|part| kind.contains(part)) {
            return Lexeme::Code;
        }
        if kind.contains("comment") {
            return Lexeme::Comment;
        }
        if is_text(kind) {
            return text(node, range);
        }
        at = node.parent();
    }
    Lexeme::Code
}

/// Returns whether nodes of this kind are texts, as the grammars call them.
fn is_text(kind: &str) -> bool {
    let kinds = ["string", "char_literal", "character_literal", "heredoc_body", "raw_text"];
    kinds.iter().any(|part| kind.contains(part)) && !kind.contains("_name")
}

fn text(node: Node<'_>, range: &Range<usize>) -> Lexeme {
    // What stands around the content: quotes, and letters before them.
    let mut whole = node;
    while let Some(parent) = whole.parent().filter(|parent| is_text(parent.kind())) {
        whole = parent;
    }
    let around = whole.byte_range().len() - range.len();
    let same = whole.start_byte() + 3 >= range.start && range.end + 3 >= whole.end_byte();
    match same && around <= 6 && is_quoted(whole, range) {
        true => Lexeme::WholeText,
        false => Lexeme::Text,
    }
}

/// Returns whether the stretch is a whole part of the text, or all of it that
/// is no part of its own.
fn is_quoted(whole: Node<'_>, range: &Range<usize>) -> bool {
    let mut cursor = whole.walk();
    let parts = whole.named_children(&mut cursor).filter(|part| part.kind().contains("content"));
    let parts: Vec<Range<usize>> = parts.map(|part| part.byte_range()).collect();
    parts.is_empty() || parts == [range.clone()]
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;
    use crate::SyntaxCheck;
    use engine::snapshot::Snapshot;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[Lexeme]) {
        let snapshot = Snapshot::of(text.into());
        let ranges: Vec<_> = text.match_indices("name").map(|(at, _)| at..at + 4).collect();
        let found = SyntaxCheck::default().lexemes(path, &snapshot, &ranges);
        assert_eq!(found.as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn code_comments_and_texts_are_told_apart() {
        use Lexeme::{Code, Comment, Text, WholeText};
        let python = "# name\nname = f\"{name} name\"\nx = \"name\"\n\"\"\"name and\"\"\"\n";
        check("a.py", python, &[Comment, Code, Code, Text, WholeText, Text]);
        check("a.rs", "// name\nfn name() { g(\"name\"); }\n", &[Comment, Code, WholeText]);
        check("a.ts", "/* name */ let name = `${name} name`;\n", &[Comment, Code, Code, Text]);
        check("a.c", "int name = f(\"the name\"); // name\n", &[Code, Text, Comment]);
        check("a.go", "package a\n\nvar name = \"name\" // name\n", &[Code, WholeText, Comment]);
        check("a.sh", "name=1 # name\necho \"$name\" 'name'\n", &[Code, Comment, Code, WholeText]);
    }
}
