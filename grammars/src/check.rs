//! The syntax check: what a grammar finds wrong with a content.
//!
//! It tells what is new from what was there before better than it tells right
//! from wrong: some healthy files (a third of all C) do not parse without an
//! error, so its findings count as a delta only. An error that lies within
//! another is not reported; where a file is broken already, a second fault in
//! the same place goes unseen.

use std::ops::Range;

use engine::snapshot::Snapshot;
use engine::text::Eol;
use engine::verify::{Check, Diagnostic, Findings, Severity, Verdict};
use tree_sitter::{Node, Tree};

use crate::language::Language;
use crate::parse::{Limits, Parse, parse};

/// The name under which syntax errors are reported.
pub const SOURCE: &str = "syntax";

/// Findings beyond this number say nothing more: the answer is cut there, and
/// `Partial`.
const FINDINGS_MAX: usize = 256;

/// Characters of a source text that a message quotes.
const QUOTED_MAX: usize = 40;

/// Looks for syntax errors, in the languages of the registry.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyntaxCheck {
    /// What the parse of one content may cost.
    pub limits: Limits,
}

impl Check for SyntaxCheck {
    fn check(&self, path: &str, snapshot: &Snapshot) -> Findings {
        let Some(language) = Language::of(path, &snapshot.bytes) else {
            return Findings::inconclusive();
        };
        if language.total {
            return findings(Vec::new());
        }
        if !is_parsable(snapshot) {
            return Findings::inconclusive();
        }
        match parse(language, &snapshot.bytes, self.limits) {
            Parse::Parsed(tree) => findings(faults(language, &tree, &snapshot.bytes)),
            Parse::TooLarge | Parse::Unfit | Parse::TimedOut => Findings::inconclusive(),
        }
    }
}

/// Returns whether grammars would see the lines that the file has: they know
/// UTF-8, and no line that is ended by CR alone.
fn is_parsable(snapshot: &Snapshot) -> bool {
    snapshot.encoding.is_text() && snapshot.eol() != Eol::Cr
}

fn findings(mut diagnostics: Vec<Diagnostic>) -> Findings {
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
fn faults(language: &Language, tree: &Tree, bytes: &[u8]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if node.is_error() || node.is_missing() {
            let fault = fault(node, bytes);
            found.extend(Some(fault).filter(|fault| !is_tolerated(language, fault)));
        } else if node.has_error() {
            let broken = broken_children(node);
            if broken.is_empty() {
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

fn diagnostic(range: Range<usize>, message: String) -> Diagnostic {
    Diagnostic { range, severity: Severity::Error, source: SOURCE.to_owned(), message }
}

fn is_tolerated(language: &Language, fault: &Diagnostic) -> bool {
    language.tolerated.contains(&fault.message.as_str())
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

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;
    use engine::edit::{Change, Edit};
    use engine::verify::Delta;
    use std::time::Duration;

    fn check_text(path: &str, text: &str) -> Findings {
        SyntaxCheck::default().check(path, &Snapshot::of(text.into()))
    }

    /// Checks that `text` is sound with the marks taken out, and that without
    /// what they enclose the first finding is in `row` (1-based).
    #[track_caller]
    fn check(path: &str, text: &str, row: usize) {
        let sound = text.replace(['«', '»'], "");
        assert_eq!(check_text(path, &sound), findings(vec![]), "sound");
        let crlf = sound.replace('\n', "\r\n");
        assert_eq!(check_text(path, &crlf), findings(vec![]), "sound, with CRLF");

        let (head, rest) = text.split_once('«').expect("a mark opens");
        let (_, tail) = rest.split_once('»').expect("a mark closes");
        let broken = Snapshot::of([head, tail].concat().into());
        let found = SyntaxCheck::default().check(path, &broken);
        let rows = (found.diagnostics.iter()).map(|at| 1 + broken.lines.line_at(at.range.start));
        assert_eq!(rows.min(), Some(row), "{found:?}");
        assert_eq!(found.verdict, Verdict::Fresh);
        assert!(found.diagnostics.iter().all(|fault| fault.message.chars().count() <= 53));
    }

    #[test]
    fn bash() {
        check("a.sh", "f() {\n  echo \"x\"\n}\n\nf 1 «'»b'\n", 5);
        check("a.sh", "f«(») {\n  echo x\n}\n", 1);
        check("a.sh", "if [ 1 -gt 2 «]»; then\n  echo x\nfi\n", 1);
        check("a.sh", "a=1\nf() {\n  echo x\n«}»\n", 3);
    }

    #[test]
    fn c() {
        check("a.c", "int f(int a«)» {\n    return a;\n}\n", 1);
        check("a.c", "int f(void) {\n    int x[3«]»;\n    return 1;\n}\n", 2);
        check("a.c", "int f(void) {\n    return 1«;»\n}\n", 2);
        check("a.c", "char *f(void) {\n    return «\"»x\";\n}\n", 2);
    }

    #[test]
    fn go() {
        check("a.go", "package a\n\nfunc f(a int«)» int {\n\treturn a\n}\n", 3);
        check("a.go", "package a\n\nfunc f() {\n\tg(\"x«\"»)\n}\n", 4);
        check("a.go", "package a\n\nfunc f() «{»\n\tg()\n}\n", 5);
    }

    #[test]
    fn java() {
        check("A.java", "class A {\n    int f(int a«)» {\n        return a;\n    }\n}\n", 2);
        check("A.java", "class A {\n    int f() {\n        return 1«;»\n    }\n}\n", 3);
        check("A.java", "class A {\n    int f() {\n        return 1;\n    «}»\n}\n", 5);
    }

    #[test]
    fn javascript() {
        check("a.js", "function f(a«)» {\n  return [a];\n}\n", 1);
        check("a.js", "function f(a) {\n  return [a«]»;\n}\n", 2);
        check("a.js", "const s = `a${b«}»`;\nconst t = 1;\n", 1);
        check("a.jsx", "const s = (\n  <a b={1}>\n    {c«}»\n  </a>\n);\n", 1);
    }

    #[test]
    fn json() {
        check("a.json", "{\n  \"a\": [1, 2«]»,\n  \"b\": 1\n}\n", 2);
        check("a.json", "{\n  \"a\": «\"»b\"\n}\n", 2);
        check("a.json", "{\n  \"a\": 1«,»\n  \"b\": 2\n}\n", 2);
        check("tsconfig.json", "{\n  // a\n  \"a\": [1,],\n  \"b\": {\"c\": 1«}»,\n}\n", 5);
        assert_eq!(check_text("a.json", "{\"a\": 1,}").diagnostics.len(), 1);
    }

    #[test]
    fn every_text_is_markdown() {
        let text = "# a\n\n[b](c\n\n```rs\nfn (\n";
        assert_eq!(check_text("a.md", text), findings(vec![]));
    }

    #[test]
    fn python() {
        check("a.py", "def f(a«)»:\n    return a\n", 1);
        check("a.py", "def f(a):\n    return [a«]»\n", 2);
        check("a.py", "def f(a):\n    s = \"x«\"»\n    return s\n", 2);
        check("a.py", "def f(a):\n    if a«:»\n        return 1\n", 2);
    }

    #[test]
    fn rust() {
        check("a.rs", "fn f(a: u8«)» -> u8 {\n    a\n}\n", 1);
        check("a.rs", "fn f() {\n    let s = \"x«\"»;\n}\n", 2);
        check("a.rs", "fn f() {\n    let s = 1«;»\n}\n", 2);
        check("a.rs", "struct S {\n    x: u8,\n«}»\n", 2);
        check("a.rs", "use a::b;\n\nfn f() {\n    if a «{»\n    }\n}\n\nfn g() {}\n", 3);
    }

    #[test]
    fn toml() {
        check("a.toml", "[a]\nb = \"c\"\nd = [1, 2«]»\n", 3);
        check("a.toml", "[a«]»\nb = \"c\"\n", 1);
        check("a.toml", "[a]\nb = «\"»c\"\n", 2);
    }

    #[test]
    fn typescript() {
        check("a.ts", "function f(a: number«)»: number {\n  return a;\n}\n", 1);
        check("a.ts", "interface A {\n  b: string;\n}\nconst s: string = «\"»b\";\n", 4);
        check("a.tsx", "const v = <a b={1}>{c}</a>;\nconst w = <a>{c«}»</a>;\n", 2);
    }

    #[test]
    fn yaml() {
        check("a.yaml", "a: 1\nb:\n  - c: \"d\"\n    e: [1, 2«]»\n", 4);
        check("a.yaml", "a: 'b«'»\nc: d\n", 1);
        check("a.yml", "a: 1\nb: 2\nc «:» 3\n", 3);
        check("a.yml", "a: 1\nb«:»\n  - c: 2\n  - d: 3\n", 2);
    }

    #[test]
    fn only_errors_that_an_edit_brings_in_are_new() {
        let before = Snapshot::of(b"fn f( {}\n\nfn g() {}\n\nfn h() { let x = ; }\n".to_vec());
        let edit = |range, text: &str| Edit { range, text: text.into() };
        let edits = vec![edit(0..0, "// A comment.\n"), edit(17..19, "{ 1 + }")];
        let change = Change::new(edits, before.bytes.len()).expect("the edits are in order");
        let after = before.after(&change);

        let check = SyntaxCheck::default();
        let (old, new) = (check.check("a.rs", &before), check.check("a.rs", &after));
        let delta = Delta::of(&old, &new, &change);
        assert_eq!((old.diagnostics.len(), delta.unchanged), (2, 2));
        assert_eq!((delta.new.len(), delta.fixed.len()), (1, 0));
        assert_eq!(delta.new[0].message, "missing identifier");
    }

    #[test]
    fn what_cannot_be_parsed_is_inconclusive() {
        assert_eq!(check_text("a.unknown", "fn f( {"), Findings::inconclusive());
        assert_eq!(check_text("a.rs", "fn f() {}\rfn g( {}\r"), Findings::inconclusive());
        assert_eq!(check_text("a.rs", "fn f( {\0}"), Findings::inconclusive());
        let utf16 = Snapshot::of(b"\xff\xfef\0n\0".to_vec());
        assert_eq!(SyntaxCheck::default().check("a.rs", &utf16), Findings::inconclusive());
    }

    #[test]
    fn no_time_is_inconclusive_and_never_an_empty_list() {
        let limits = Limits { time: Duration::ZERO, ..Limits::default() };
        let long = Snapshot::of("fn f() { let x = 1; }\n".repeat(1000).into());
        assert_eq!(SyntaxCheck { limits }.check("a.rs", &long), Findings::inconclusive());
    }

    #[test]
    fn more_findings_than_anyone_reads_are_cut() {
        let found = check_text("a.json", &"{\"a\": 1,}\n".repeat(1000));
        assert_eq!(found.diagnostics.len(), FINDINGS_MAX);
        assert_eq!(found.verdict, Verdict::Partial);
    }

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
