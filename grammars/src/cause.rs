//! The cause: where the edit stands that broke a file.
//!
//! A parser notices a lost bracket where it can go on no longer, which may be the
//! end of the file, or blames all that it could not finish, which may begin at the
//! top. Who made the edit has to look at neither: at what they wrote. So an error
//! counts where it stands only if that is in lines of the edit; else the cause is
//! the part of the edit that the error is most probably owed to.

use std::ops::Range;

use engine::edit::{Change, Edit};
use engine::snapshot::Snapshot;
use engine::verify::Diagnostic;
use tree_sitter::{Node, Tree};

use crate::faults::{inner_fault, unpaired};

/// What one edit of a change altered.
struct Part {
    /// The lines of the content after that it altered, or next to which it took
    /// lines away.
    lines: Range<usize>,
    /// The bytes of the content after that are new, or between which some are gone.
    bytes: Range<usize>,
    /// Whether it leaves brackets or quotes unpaired.
    unpairs: bool,
}

/// Returns where `change` broke the content `after`, of which `tree` is the tree
/// and `new` are the new errors; `None` where there are none. An error that is no
/// more than what the parser could not finish is replaced by the one within it that
/// stands in lines of the edit.
pub(crate) fn cause(
    new: &mut [Diagnostic],
    tree: &Tree,
    (before, after): (&Snapshot, &Snapshot),
    change: &Change,
) -> Option<Range<usize>> {
    let noticed = new.first()?.range.end;
    let parts = parts(before, after, change);
    let line = |at: usize| after.lines.line_at(at);
    let is_within = |at: usize| parts.iter().any(|part| part.lines.contains(&line(at)));
    if let Some(fault) = new.iter().find(|fault| is_within(fault.range.start)) {
        return Some(fault.range.clone());
    }
    let Some(inner) = parts.iter().find_map(|part| error_in(tree, after, &part.lines)) else {
        return owed(&parts, noticed).map(|part| part.bytes.clone());
    };
    let place = inner.range.clone();
    let holds =
        |fault: &&mut Diagnostic| fault.range.start <= place.start && place.end <= fault.range.end;
    if let Some(outer) = new.iter_mut().find(holds) {
        *outer = inner;
    }
    Some(place)
}

/// Returns the error that begins in `lines`, whatever it is a part of.
pub(crate) fn error_in(
    tree: &Tree,
    snapshot: &Snapshot,
    lines: &Range<usize>,
) -> Option<Diagnostic> {
    let bytes = snapshot.lines.bytes_of(lines.clone());
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        let is_wrong = node.is_error() || node.is_missing();
        if is_wrong && bytes.contains(&node.start_byte()) {
            return Some(inner_fault(node, &snapshot.bytes));
        }
        open.extend(broken_children_in(node, &bytes).into_iter().rev());
    }
    None
}

/// Returns the children that hold an error and some of `bytes`.
fn broken_children_in<'a>(node: Node<'a>, bytes: &Range<usize>) -> Vec<Node<'a>> {
    let mut cursor = node.walk();
    let mut children = Vec::new();
    let mut more = cursor.goto_first_child_for_byte(bytes.start).is_some();
    while more && cursor.node().start_byte() <= bytes.end {
        children.extend(Some(cursor.node()).filter(Node::has_error));
        more = cursor.goto_next_sibling();
    }
    children
}

/// Returns the part to which an error is owed that ends at `noticed`: one that
/// leaves brackets unpaired, if there is any, and of those the last that begins
/// before it.
fn owed(parts: &[Part], noticed: usize) -> Option<&Part> {
    let some_unpair = parts.iter().any(|part| part.unpairs);
    let mut meant = parts.iter().filter(|part| part.unpairs || !some_unpair);
    let first = meant.clone().next();
    meant.rfind(|part| part.bytes.start <= noticed).or(first)
}

/// Returns what each edit of `change` altered.
fn parts(before: &Snapshot, after: &Snapshot, change: &Change) -> Vec<Part> {
    // By how many bytes the content has grown that stands before an edit.
    let (mut come, mut gone) = (0, 0);
    let part = |edit: &Edit| {
        let start = edit.range.start + come - gone;
        come += edit.text.len();
        gone += edit.range.len();
        part(&before.bytes[edit.range.clone()], &edit.text, start, after)
    };
    change.edits().iter().map(part).collect()
}

/// Returns what an edit altered that puts `new` in the place of `old`, at byte
/// `start` of the content after. Bytes that stood there before are none of it.
fn part(old: &[u8], new: &[u8], start: usize, after: &Snapshot) -> Part {
    let same = |pair: &(&u8, &u8)| pair.0 == pair.1;
    let head = old.iter().zip(new).take_while(same).count();
    let (gone, come) = (&old[head..], &new[head..]);
    let tail = gone.iter().rev().zip(come.iter().rev()).take_while(same).count();
    let (gone, come) = (&gone[..gone.len() - tail], &come[..come.len() - tail]);
    let bytes = start + head..start + head + come.len();
    let line = |at: usize| after.lines.line_at(at);
    // Lines that went left a seam between two that stayed.
    let is_seam = come.is_empty() && gone.contains(&b'\n');
    let first = line(bytes.start).saturating_sub(usize::from(is_seam));
    // What ends with a line does not reach into the next.
    let last = line(bytes.end - usize::from(!come.is_empty()));
    let is_odd = |text: &[u8]| memchr::memchr_iter(b'"', text).count() % 2 == 1;
    let unpairs = balance(old) != balance(new) || is_odd(old) != is_odd(new);
    Part { lines: first..last + 1, bytes, unpairs }
}

/// Returns how many more brackets of each kind are opened than closed, wherever
/// they stand.
pub(crate) fn balance(bytes: &[u8]) -> [i64; 3] {
    let mut balance = [0_i64; 3];
    for byte in bytes {
        match byte {
            b'(' => balance[0] += 1,
            b')' => balance[0] -= 1,
            b'[' => balance[1] += 1,
            b']' => balance[1] -= 1,
            b'{' => balance[2] += 1,
            b'}' => balance[2] -= 1,
            _ => {}
        }
    }
    balance
}

/// Returns an error that `change` brought into what was an error already, by the
/// trees of the contents before and after: what the parser stumbles over now was not
/// there before, or the edit leaves brackets or quotes unpaired and mends nothing.
pub(crate) fn hidden(
    (old, before): (&Tree, &Snapshot),
    (new, after): (&Tree, &Snapshot),
    change: &Change,
    mends: bool,
) -> Option<Diagnostic> {
    let undo = change.invert(&before.bytes);
    let lines_before = parts(after, before, &undo).into_iter().map(|part| part.lines);
    let mut parts = parts(before, after, change).into_iter().zip(lines_before);
    parts.find_map(|(part, lines_before)| {
        let is_proof = part.unpairs && !mends;
        let within = error_in(new, after, &part.lines)
            .filter(|_| is_proof || error_in(old, before, &lines_before).is_none());
        let around = || (is_proof && is_lost(new, &part.bytes)).then(|| unpaired(part.bytes));
        within.or_else(around)
    })
}

/// Returns whether the parser was lost at some bytes.
fn is_lost(tree: &Tree, bytes: &Range<usize>) -> bool {
    let mut node = tree.root_node().descendant_for_byte_range(bytes.start, bytes.end);
    while let Some(one) = node.filter(|one| !one.is_error()) {
        node = one.parent();
    }
    node.is_some()
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;
    use crate::SyntaxCheck;

    /// Checks in which row (0-based) an edit is said to have broken a file: one that
    /// puts the second text in the place of the first, wherever that stands.
    #[track_caller]
    fn check(path: &str, text: &str, edits: &[(&str, &str)], expected: usize) {
        let before = Snapshot::of(text.into());
        let edits = edits.iter().map(|(old, new)| {
            let at = text.find(old).expect("the text holds it");
            Edit { range: at..at + old.len(), text: (*new).into() }
        });
        let change = Change::new(edits.collect(), text.len()).expect("the edits are in order");
        let after = before.after(&change);
        let judged = SyntaxCheck::default().judge(path, &before, &after, &change);
        let judged = judged.expect("both are parsed");
        assert_eq!(judged.line(&after), Some(expected), "{:?}", judged.delta.new);
    }

    const RUST: &str = "fn f() {\n    g(1);\n}\n\nfn h() {\n    if a {\n        b();\n    }\n}\n";

    #[test]
    fn the_row_is_that_of_the_edit_wherever_the_parser_notices() {
        check("a.rs", RUST, &[("if a {\n", "if a\n")], 5);
        check("a.rs", RUST, &[("    }\n", "")], 7);
        check("a.rs", RUST, &[("fn f() {\n    g(1);\n}\n", "fn f() {\n    g(1);\n")], 2);
        check("a.py", "import a\n\n\nclass B:\n    c = [1]\n\n    d = 2\n", &[("1]", "1")], 4);
        check("a.css", "a {\n  b: c;\n}\n\nd {\n  e: f;\n}\n", &[("d {", "d ")], 4);
        check("a.json", "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n", &[("\"a\": {", "\"a\": ")], 1);
        check("a.html", "<div>\n<p>a\n</p>\n</div>\n<p>\n", &[("</div>\n", "")], 3);
    }

    #[test]
    fn of_several_edits_the_one_that_unpairs_is_meant() {
        check("a.rs", RUST, &[("g(1)", "g(2)"), ("if a {", "if a"), ("b()", "c()")], 5);
        check("a.rs", RUST, &[("f() {", "f() "), ("b()", "c()")], 0);
    }
}
