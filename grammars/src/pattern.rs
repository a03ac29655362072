//! Patterns: code with holes, held against syntax trees.
//!
//! A pattern is a piece of code in which `$NAME` stands for one node, `$$$NAME`
//! for any number of them, and `$_` for one that nobody asks for; the same name
//! twice means the same code. What matches is what has the same tree, however it
//! is laid out. The matching itself is ast-grep's.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Instant;

use ast_grep_core::matcher::{MatcherExt, PatternBuilder};
use ast_grep_core::tree_sitter::{LanguageExt, StrDoc};
use ast_grep_core::{AstGrep, Node, PatternError};
use engine::snapshot::Snapshot;

use crate::check::{SyntaxCheck, Unread};
use crate::language::Language;
use crate::parse::{Limits, Parse, parse};

/// Stands for `$` where a grammar has to read it as part of a name.
const EXPANDO: char = 'µ';

/// The most bytes of a pattern.
const PATTERN_BYTES: usize = 64 << 10;

/// Nodes that are looked at between two looks at the clock.
const STEP: usize = 256;

/// A pattern in one language.
#[derive(Clone)]
pub struct Pattern {
    language: &'static Language,
    inner: ast_grep_core::Pattern,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternFault {
    /// There is nothing in it.
    Empty,
    /// It is longer than 64 KiB.
    TooLong,
    /// It is no piece of code of the language, or several.
    NotOne,
    /// It is a name alone, which would match everything.
    OnlyHole,
}

impl std::fmt::Display for PatternFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PatternFault::Empty => "the pattern is empty",
            PatternFault::TooLong => "the pattern is longer than 64 KiB",
            PatternFault::NotOne => "the pattern is not one piece of code",
            PatternFault::OnlyHole => "the pattern is only a hole: it would match everything",
        })
    }
}

/// A place that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The bytes it takes.
    pub bytes: Range<usize>,
    /// What becomes of them.
    pub rewritten: Option<Vec<u8>>,
}

/// The matches of one content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matches {
    /// Sorted and disjoint: of two that lie within each other, the outer one.
    pub matches: Vec<Match>,
    /// Whether the number or the time was not enough for all.
    pub more: bool,
}

impl Pattern {
    /// Returns the pattern that `text` is in `language`.
    ///
    /// # Errors
    /// [`PatternFault`] where it is none.
    pub fn of(language: &'static Language, text: &str) -> Result<Pattern, PatternFault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(PatternFault::Empty);
        }
        if text.len() > PATTERN_BYTES {
            return Err(PatternFault::TooLong);
        }
        let text = with_expandos(text);
        let found = contexts(language).iter().find_map(|(before, after)| {
            let whole = format!("{before}{text}{after}");
            node_of(language, whole, before.len()..before.len() + text.len())
        });
        let inner = found.ok_or(PatternFault::NotOne)?;
        match inner.node {
            ast_grep_core::matcher::PatternNode::MetaVar { .. } => Err(PatternFault::OnlyHole),
            _ => Ok(Pattern { language, inner }),
        }
    }
}

impl SyntaxCheck {
    /// Returns where `pattern` matches in `snapshot` as a file named `path`, up to
    /// `most` places, and what `rewrite` makes of each.
    ///
    /// # Errors
    /// [`Unread`] where the file is in another language, or cannot be parsed in
    /// this process.
    pub fn matches(
        &self,
        path: &str,
        snapshot: &Snapshot,
        pattern: &Pattern,
        rewrite: Option<&str>,
        (most, deadline): (usize, Instant),
    ) -> Result<Matches, Unread> {
        let language = pattern.language;
        let tree = self.tree_of(language, path, snapshot)?;
        let text = std::str::from_utf8(&snapshot.bytes).map_err(|_| Unread::Encoding)?;
        let doc = StrDoc { src: text.to_owned(), lang: Tongue(language), tree };
        let root = AstGrep::doc(doc);
        Ok(search(&root, pattern, rewrite, most, deadline))
    }
}

fn search(
    root: &AstGrep<StrDoc<Tongue>>,
    pattern: &Pattern,
    rewrite: Option<&str>,
    most: usize,
    deadline: Instant,
) -> Matches {
    let mut found = Matches::default();
    let mut end = 0;
    for (count, node) in root.root().dfs().enumerate() {
        if count % STEP == 0 && Instant::now() > deadline {
            found.more = true;
            break;
        }
        if node.range().start < end {
            continue;
        }
        let Some(one) = pattern.inner.match_node(node) else { continue };
        if found.matches.len() == most {
            found.more = true;
            break;
        }
        let edit = one.make_edit(&pattern.inner, &rewrite.unwrap_or_default());
        let bytes = edit.position..edit.position + edit.deleted_length;
        end = bytes.end.max(bytes.start + 1);
        found.matches.push(Match { bytes, rewritten: rewrite.map(|_| edit.inserted_text) });
    }
    found
}

/// Returns the text with the signs of its holes as grammars can read them.
fn with_expandos(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let signs = rest[at..].len() - rest[at..].trim_start_matches('$').len();
        let next = rest[at + signs..].chars().next();
        let is_hole = signs == 3 || next.is_some_and(|c| c.is_ascii_uppercase() || c == '_');
        out.push_str(&rest[..at]);
        let sign = if is_hole { EXPANDO } else { '$' };
        out.extend(std::iter::repeat_n(sign, signs));
        rest = &rest[at + signs..];
    }
    out.push_str(rest);
    out
}

/// Returns what may stand around a piece of code so that it is a file.
fn contexts(language: &Language) -> &'static [(&'static str, &'static str)] {
    match language.id {
        "c" | "cpp" => &[("", ""), ("void f() { ", "; }"), ("void f() { ", " }")],
        "go" => &[("", ""), ("func f() { ", " }")],
        "java" | "csharp" => &[
            ("", ""),
            ("class C { void f() { ", "; } }"),
            ("class C { void f() { ", " } }"),
            ("class C { ", " }"),
        ],
        "php" => &[("", ""), ("<?php ", ";"), ("<?php ", "")],
        "css" => &[("", ""), ("a { ", " }"), ("a { ", "; }")],
        "rust" => &[("", ""), ("fn f() { ", " }"), ("fn f() { ", "; }"), ("impl T { ", " }")],
        "typescript" | "tsx" | "javascript" => &[("", ""), ("class C { ", " }"), ("(", ")")],
        _ => &[("", "")],
    }
}

/// Returns the pattern of the node that takes `range` of a sound text: of several,
/// the innermost, since a statement is also the expression that it holds.
fn node_of(
    language: &'static Language,
    text: String,
    range: Range<usize>,
) -> Option<ast_grep_core::Pattern> {
    let Parse::Parsed(tree) = parse(language, text.as_bytes(), Limits::default()) else {
        return None;
    };
    if tree.root_node().has_error() {
        return None;
    }
    let root = AstGrep::doc(StrDoc { src: text, lang: Tongue(language), tree });
    let takes = |node: &Node<'_, StrDoc<Tongue>>| node.range() == range;
    let mut node = root.root().dfs().find(takes)?;
    while let Some(only) = only_child(&node).filter(takes) {
        node = only;
    }
    // The whole text is one piece of code only where something in it is.
    node.parent()?;
    Some(ast_grep_core::Pattern::from(node))
}

fn only_child<'a>(node: &Node<'a, StrDoc<Tongue>>) -> Option<Node<'a, StrDoc<Tongue>>> {
    let mut children = node.children();
    let first = children.next()?;
    children.next().is_none().then_some(first)
}

/// A language of the registry, as ast-grep asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Tongue(&'static Language);

impl ast_grep_core::Language for Tongue {
    fn pre_process_pattern<'q>(&self, query: &'q str) -> Cow<'q, str> {
        Cow::Owned(with_expandos(query))
    }

    fn expando_char(&self) -> char {
        EXPANDO
    }

    fn kind_to_id(&self, kind: &str) -> u16 {
        self.0.grammar().id_for_node_kind(kind, true)
    }

    fn field_to_id(&self, field: &str) -> Option<u16> {
        self.0.grammar().field_id_for_name(field).map(std::num::NonZero::get)
    }

    fn build_pattern(
        &self,
        builder: &PatternBuilder<'_>,
    ) -> Result<ast_grep_core::Pattern, PatternError> {
        builder.build(|text| StrDoc::try_new(text, *self))
    }
}

impl LanguageExt for Tongue {
    fn get_ts_language(&self) -> tree_sitter::Language {
        self.0.grammar()
    }
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, pattern: &str, rewrite: &str, expected: &str) {
        let language = Language::of_path(path).expect("a known language");
        let pattern = Pattern::of(language, pattern).expect("a pattern");
        let snapshot = Snapshot::of(text.as_bytes().to_vec());
        let deadline = Instant::now() + Duration::from_secs(10);
        let found = SyntaxCheck::default()
            .matches(path, &snapshot, &pattern, Some(rewrite), (100, deadline))
            .expect("it can be parsed");
        let mut after = text.to_owned();
        for one in found.matches.iter().rev() {
            let new = one.rewritten.clone().expect("a rewrite was given");
            after.replace_range(one.bytes.clone(), &String::from_utf8(new).expect("UTF-8"));
        }
        assert_eq!(after, expected);
    }

    #[test]
    fn holes_are_filled_from_the_match() {
        check(
            "a.rs",
            "fn f() { a.unwrap(); b(1, 2); }",
            "$A.unwrap()",
            "$A?",
            "fn f() { a?; b(1, 2); }",
        );
        check(
            "a.rs",
            "fn f() { foo(1, 2, 3); }",
            "foo($A, $$$REST)",
            "bar($$$REST, $A)",
            "fn f() { bar(2, 3, 1); }",
        );
        check(
            "a.py",
            "x = foo(1)\ny = foo( 2 )\n",
            "foo($A)",
            "bar($A)",
            "x = bar(1)\ny = bar(2)\n",
        );
        check("a.ts", "const a = b && b.c;", "$A && $A.c", "$A?.c", "const a = b?.c;");
        check("a.ts", "const a = b && d.c;", "$A && $A.c", "$A?.c", "const a = b && d.c;");
        check(
            "a.js",
            "console.log('a');\nf(console.log)\n",
            "console.log($A)",
            "log($A)",
            "log('a');\nf(console.log)\n",
        );
        check(
            "a.go",
            "package a\n\nfunc f() {\n\tfmt.Println(1)\n}\n",
            "fmt.Println($A)",
            "log.Print($A)",
            "package a\n\nfunc f() {\n\tlog.Print(1)\n}\n",
        );
        check(
            "a.c",
            "int f(void) { return old(1, 2); }",
            "old($A, $B)",
            "new($B, $A)",
            "int f(void) { return new(2, 1); }",
        );
        check(
            "a.java",
            "class A { void f() { x.old(1); } }",
            "$X.old($A)",
            "$X.now($A)",
            "class A { void f() { x.now(1); } }",
        );
    }

    #[test]
    fn the_outer_of_two_matches_counts() {
        check("a.py", "f(f(1))\n", "f($A)", "g($A)", "g(f(1))\n");
    }

    #[test]
    fn what_is_no_one_piece_of_code_is_no_pattern() {
        let fault = |path: &str, text: &str| {
            let language = Language::of_path(path).expect("a known language");
            Pattern::of(language, text).map(|_| ()).expect_err("no pattern")
        };
        assert_eq!(fault("a.rs", "  "), PatternFault::Empty);
        assert_eq!(fault("a.rs", "foo("), PatternFault::NotOne);
        assert_eq!(fault("a.rs", "$A"), PatternFault::OnlyHole);
        assert_eq!(fault("a.py", "a = 1\nb = 2"), PatternFault::NotOne);
    }

    #[test]
    fn signs_that_are_no_holes_stay() {
        assert_eq!(with_expandos("$A $$$ARGS $$$ $a $1 a$"), "µA µµµARGS µµµ $a $1 a$");
    }
}
