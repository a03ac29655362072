//! Calls with a hash for every line, as the program `hashline` of crates.io has
//! them: operations on single lines, in JSON.
//!
//! It hashes lines as our narrow form does and writes the same eight bits as
//! hexadecimal digits, so a call says the same to both, mistakes included. It
//! takes one line of text an operation; a replacement by several is one and
//! insertions behind it.

use serde_json::{Value, json};

use super::Situation;
use crate::bench::linehash::{Edit, Edits, LETTERS, Verb, Width, anchor, parts};

/// Returns the file of a call and its operations. What cannot be said so is
/// handed on as it is, and refused.
pub(super) fn operations(situation: &Situation, text: &str) -> (String, String) {
    let Ok(edits) = serde_json::from_str::<Edits>(text) else {
        return (situation.path.clone(), text.to_owned());
    };
    let seen: Vec<&str> = situation.seen().split('\n').collect();
    let ops: Vec<Value> = edits.edits.iter().flat_map(|edit| of_edit(edit, &seen)).collect();
    (edits.path, json!({ "ops": ops }).to_string())
}

fn of_edit(edit: &Edit, seen: &[&str]) -> Vec<Value> {
    let pos = edit.pos.as_deref().map(theirs);
    let end = edit.end.as_deref().map(theirs);
    let first = || theirs(&anchor(0, seen[0], Width::Narrow));
    let behind = |at: &str, line: &String| json!({"op": "insert", "anchor": at, "content": line});
    match (edit.op, pos, end) {
        (Verb::Prepend, ..) => {
            let insert =
                |line| json!({"op": "insert", "anchor": first(), "content": line, "before": true});
            edit.lines.iter().map(insert).collect()
        }
        (Verb::Append, Some(pos), _) => edit.lines.iter().map(|line| behind(&pos, line)).collect(),
        (Verb::Replace, Some(pos), end) => {
            let range = end.as_ref().map_or(pos.clone(), |end| format!("{pos}..{end}"));
            let Some((line, more)) = edit.lines.split_first() else {
                return deletions(edit, &pos, end.as_deref(), seen);
            };
            let replace = json!({"op": "edit", "anchor": range, "content": line});
            let last = end.unwrap_or(pos);
            std::iter::once(replace).chain(more.iter().map(|line| behind(&last, line))).collect()
        }
        _ => vec![json!({"op": "delete", "anchor": "none"})],
    }
}

/// Returns a deletion of each line: a range cannot be deleted. The lines between
/// the ends bear the hashes under which they were shown.
fn deletions(edit: &Edit, pos: &str, end: Option<&str>, seen: &[&str]) -> Vec<Value> {
    let line = |anchor: &Option<String>| Some(parts(anchor.as_deref()?)?.0);
    let delete = |anchor: &str| json!({"op": "delete", "anchor": anchor});
    let between = match (line(&edit.pos), line(&edit.end)) {
        (Some(start), Some(end)) => start..end.saturating_sub(1),
        _ => 0..0,
    };
    let inner = between.filter_map(|at| {
        let text = seen.get(at)?;
        Some(delete(&theirs(&anchor(at, text, Width::Narrow))))
    });
    std::iter::once(delete(pos)).chain(inner).chain(end.map(delete)).collect()
}

/// Returns an anchor of ours as theirs; what is none stays as it is.
fn theirs(anchor: &str) -> String {
    let Some((line, hash)) = parts(anchor) else { return anchor.to_owned() };
    let digit = |letter| LETTERS.iter().position(|other| *other == letter);
    match hash
        .bytes()
        .map(|letter| digit(letter).map(|value| format!("{value:x}")))
        .collect::<Option<String>>()
    {
        Some(hash) => format!("{line}:{hash}"),
        None => anchor.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops(edit: Value) -> Vec<Value> {
        let situation = Situation::new("a.rs", "one\ntwo\nthree\n", "one\ntwo\nthree\n");
        let text = json!({"path": "a.rs", "edits": [edit]}).to_string();
        let (path, ops) = operations(&situation, &text);
        assert_eq!(path, "a.rs");
        let ops: Value = serde_json::from_str(&ops).unwrap();
        ops["ops"].as_array().unwrap().clone()
    }

    #[test]
    fn a_call_says_the_same_in_operations_on_lines() {
        let at = |line: usize, text: &str| anchor(line, text, Width::Narrow);
        let (two, three) = (at(1, "two"), at(2, "three"));
        let hex = |anchor: &str| theirs(anchor);
        assert!(hex(&two).starts_with("2:") && hex(&two).len() == 4);
        let replace = json!({"op": "replace", "pos": two, "end": three, "lines": ["a", "b"]});
        let range = format!("{}..{}", hex(&two), hex(&three));
        assert_eq!(
            ops(replace),
            [
                json!({"op": "edit", "anchor": range, "content": "a"}),
                json!({"op": "insert", "anchor": hex(&three), "content": "b"}),
            ]
        );
        let delete = json!({"op": "replace", "pos": at(0, "one"), "end": three, "lines": []});
        let all = [at(0, "one"), two, three]
            .map(|anchor| json!({"op": "delete", "anchor": hex(&anchor)}));
        assert_eq!(ops(delete), all);
        let prepend = json!({"op": "prepend", "lines": ["zero"]});
        assert_eq!(ops(prepend)[0]["before"], true);
    }
}
