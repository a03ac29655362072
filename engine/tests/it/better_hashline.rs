//! Cases of drift that another project keeps: exact edits, relocations that
//! are safe, and everything that must be refused. They lie beside the tree.

use engine::format::{Body, Op, OpKind};
use serde_json::Value;

use crate::shared::{self, Drifted, content_after, op};
use crate::sound;

/// Where our rules of text say otherwise on purpose: several inserts after one
/// line keep the order of the call.
const OTHERWISE: [(&str, &str); 1] =
    [("better-hashline/same-boundary-batch", "one\nfirst\nsecond\ntwo\n")];

#[test]
fn better_hashline_drift() {
    shared::leave_out();
    let Some(rows) = shared::read("cases/better-hashline-drift.jsonl") else { return };
    let mut wrong = Vec::new();
    for row in rows.lines() {
        let case: Value = serde_json::from_str(row).expect("a row is JSON");
        let id = case["id"].as_str().expect("an id");
        let otherwise = OTHERWISE.iter().find(|(other, _)| *other == id).map(|(_, after)| *after);
        let expected = otherwise.or(case["after"]["f"].as_str());
        let found = apply(&case);
        if found.as_deref() != expected {
            wrong.push(format!("{id}: {found:?}, expected {expected:?}"));
        }
    }
    println!("better-hashline: {} rows, no seed, {} wrong", rows.lines().count(), wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the file after the edit; `None` where it is refused.
fn apply(case: &Value) -> Option<String> {
    let bytes = |key: &str| case[key]["f"].as_str().expect("a file").as_bytes().to_vec();
    let ops = case["edit"].as_array().expect("operations").iter().enumerate();
    let file = Drifted::new("f", bytes("base"), bytes("before"));
    let ops = ops.flat_map(|(index, value)| ops_of(index, value, case));
    let plan = file.plan(ops.collect()).ok()?;
    assert_eq!(sound::check(&plan), Ok(()));
    Some(String::from_utf8(content_after(&plan)).expect("text"))
}

/// A move is a delete whose lines come again elsewhere. A copy is an insert of
/// what was read; that it was read is said by replacing the lines by themselves,
/// unless the edit replaces them anyway.
fn ops_of(index: usize, value: &Value, case: &Value) -> Vec<Op> {
    let number = |value: &Value, key: &str| value[key].as_u64().map(|number| number as usize);
    let text: Vec<&str> =
        value["lines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let after = number(value, "afterLine");
    let Some(first) = number(value, "startLine") else {
        let after = after.expect("a place");
        return vec![op(after..after, &text)];
    };
    let last = number(value, "endLine").expect("an end");
    match (value["op"].as_str(), after) {
        (Some("move_range"), Some(after)) => {
            let name = format!("r{index}");
            let body = Body::Register(name.clone());
            let delete = OpKind::Delete { lines: (first, last), register: Some(name) };
            vec![delete.into(), OpKind::Insert { after, body }.into()]
        }
        (Some("copy_range"), Some(after)) => {
            let base: Vec<&str> = case["base"]["f"].as_str().expect("a file").lines().collect();
            let copied = &base[first - 1..last];
            let others = case["edit"].as_array().expect("operations").iter();
            let is_replaced = others.filter(|other| *other != value).any(|other| {
                number(other, "startLine").is_some_and(|line| (first..=last).contains(&line))
            });
            let source = (!is_replaced).then(|| op(first - 1..last, copied));
            source.into_iter().chain([op(after..after, copied)]).collect()
        }
        _ => vec![op(first - 1..last, &text)],
    }
}
