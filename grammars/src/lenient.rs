//! What grammars let pass: tags that do not pair, as browsers do, and the brace that
//! closes nothing in a shell, as a word like any other. That is no reason to be
//! silent about an edit that lost the other one.

use engine::verify::Diagnostic;
use tree_sitter::{Node, Tree};

use crate::faults::{FINDINGS_MAX, diagnostic};
use crate::language::{Language, Lenience};

/// Elements that HTML lets one leave open, and those that have no end.
const UNCLOSED: [&str; 32] = [
    "area", "base", "body", "br", "caption", "col", "colgroup", "dd", "dt", "embed", "head", "hr",
    "html", "img", "input", "li", "link", "meta", "optgroup", "option", "p", "param", "rp", "rt",
    "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track",
];

/// Adds what the grammar of `language` lets pass and the language does not.
pub(crate) fn let_pass(
    language: &Language,
    tree: &Tree,
    bytes: &[u8],
    found: &mut Vec<Diagnostic>,
) {
    match language.lenience {
        Lenience::None => {}
        Lenience::Tags => unpaired_tags(tree, bytes, found),
        Lenience::Braces => stray_braces(tree, bytes, found),
    }
}

/// Adds the commands that are called like a closing brace.
fn stray_braces(tree: &Tree, bytes: &[u8], found: &mut Vec<Diagnostic>) {
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if found.len() > FINDINGS_MAX {
            return;
        }
        if node.kind() == "command_name" && &bytes[node.byte_range()] == b"}" {
            found.push(diagnostic(node.byte_range(), "unexpected `}`".to_owned()));
        }
        let mut cursor = node.walk();
        open.extend(node.children(&mut cursor));
    }
}

/// Adds the tags that close nothing and the elements that are never closed, though
/// they must be.
fn unpaired_tags(tree: &Tree, bytes: &[u8], found: &mut Vec<Diagnostic>) {
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if found.len() > FINDINGS_MAX {
            return;
        }
        match node.kind() {
            "erroneous_end_tag" => found.extend(tag(node, bytes, "unexpected `</")),
            "element" => found.extend(unclosed(node, bytes)),
            _ => {}
        }
        let mut cursor = node.walk();
        open.extend(node.children(&mut cursor));
    }
}

fn unclosed(element: Node<'_>, bytes: &[u8]) -> Option<Diagnostic> {
    let start = element.child(0).filter(|child| child.kind() == "start_tag")?;
    let last = element.child_count().checked_sub(1)?;
    let is_closed = element.child(last).is_some_and(|child| child.kind() == "end_tag");
    let name = name(start, bytes)?.to_ascii_lowercase();
    let must = !is_closed && !UNCLOSED.contains(&name.as_str());
    must.then(|| tag(start, bytes, "unclosed `<"))?
}

/// Returns the finding about a tag.
fn tag(node: Node<'_>, bytes: &[u8], what: &str) -> Option<Diagnostic> {
    let name: String = name(node, bytes)?.chars().take(40).collect();
    Some(diagnostic(node.byte_range(), format!("{what}{name}>`")))
}

/// Returns the name of a tag.
fn name<'a>(tag: Node<'_>, bytes: &'a [u8]) -> Option<&'a str> {
    let mut cursor = tag.walk();
    let is_name = |child: &Node<'_>| child.kind().ends_with("tag_name");
    let name = tag.children(&mut cursor).find(is_name)?;
    str::from_utf8(&bytes[name.byte_range()]).ok()
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use crate::SyntaxCheck;
    use engine::snapshot::Snapshot;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let found = SyntaxCheck::default().findings(path, &Snapshot::of(text.into()));
        let found = found.expect("it is parsed").diagnostics;
        let messages: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(messages, expected, "{text}");
    }

    #[test]
    fn a_tag_that_has_no_other_is_found() {
        check("a.html", "<div><span>a</div>\n", &["unclosed `<span>`"]);
        check("a.html", "<div>a</div>\n</section>\n", &["unexpected `</section>`"]);
    }

    #[test]
    fn a_brace_that_closes_nothing_is_found() {
        check("a.sh", "f()\n  if a; then\n    b\n  fi\n}\n", &["unexpected `}`"]);
        check("a.sh", "f() {\n  echo } '}'\n}\n", &[]);
    }

    #[test]
    fn what_may_be_left_open_is_not() {
        check("a.html", "<!doctype html>\n<p>a<br>\n<ul><li>b<li>c</ul><img src=a>\n", &[]);
        check("a.html", "<table><tr><td>a<td>b</table>\n", &[]);
    }
}
