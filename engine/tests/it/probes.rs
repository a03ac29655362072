//! Byte probes: small edits with the exact bytes that must come out, made for a
//! study of other tools. They lie beside the tree, not in it; the same kinds
//! are cases of `tests/cases/text-rules.md`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::anchor::{Handle, View};
use engine::drift::Since;
use engine::error::Code;
use engine::format::{Action, Body, FileScript, Op, OpKind, Script};
use engine::plan::{FilePlan, FileState, Planned, Refused, Seen, plan};
use engine::snapshot::Snapshot;
use serde_json::Value;

use crate::model::Tally;
use crate::sound;

/// One row of the file.
struct Probe {
    id: String,
    base: Vec<u8>,
    current: Vec<u8>,
    ops: Vec<Op>,
    /// The bytes that must come out; `None` where the edit must be refused.
    want: Option<Vec<u8>>,
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a file of test data, no user's file")]
fn byte_probes() {
    let rows = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/cases/byte-probes.jsonl");
    let Ok(rows) = std::fs::read_to_string(rows) else {
        println!("no byte probes beside the tree: skipped");
        return;
    };
    let tally = Tally::default();
    for row in rows.lines() {
        let probe = Probe::read(row);
        match check(&probe) {
            Ok(verdict) => tally.count(verdict),
            Err(why) => panic!("{}: {why}", probe.id),
        }
    }
    tally.print("byte probes");
}

/// What another program did to the file is not mapped, so where it did
/// anything, the edit must be refused even if a right result exists.
fn check(probe: &Probe) -> Result<&'static str, String> {
    let drifted = probe.base != probe.current;
    match (apply(probe), &probe.want) {
        (Ok(_), None) => Err("applied, where it must be refused".to_owned()),
        (Ok(_), Some(_)) if drifted => Err("relocated through another's drift".to_owned()),
        (Ok(file), Some(want)) => {
            sound::check(&file)?;
            match &file.action {
                Planned::Modify { before, change, .. } if change.apply(&before.bytes) == *want => {
                    Ok("exact")
                }
                other => Err(format!("came to {other:?}")),
            }
        }
        (Err(refused), want) if drifted => match (refused.refusal.code, want) {
            (Code::Stale, None) => Ok("refused rightly as stale"),
            (Code::Stale, Some(_)) => Ok("refused as stale, not relocated"),
            (code, _) => Err(format!("refused as {code}")),
        },
        (Err(_), None) => Ok("refused rightly"),
        (Err(refused), Some(_)) => Err(refused.refusal.to_string()),
    }
}

fn apply(probe: &Probe) -> Result<FilePlan, Box<Refused>> {
    let seen = Arc::new(Snapshot::of(probe.base.clone()));
    let since = match probe.base == probe.current {
        true => Since::Same,
        false => Since::Outside,
    };
    let state = FileState {
        now: Some(Arc::new(Snapshot::of(probe.current.clone()))),
        seen: Some(Seen { view: View::all(seen.line_count()), snapshot: seen, since }),
        to: None,
        to_seen: None,
    };
    let action = Action::Edit {
        handle: Handle::from_number(481_920),
        ops: probe.ops.clone(),
        final_newline: None,
    };
    let path = "probe".to_owned();
    let script = Script { files: vec![FileScript { path, action }] };
    let plan = plan(&script, &[state]).map_err(Box::new)?;
    Ok(plan.files.into_iter().next().expect("one file was asked for"))
}

impl Probe {
    fn read(row: &str) -> Probe {
        let row: Value = serde_json::from_str(row).expect("a row is JSON");
        let bytes = |key: &str| Some(STANDARD.decode(row[key].as_str()?).expect("base64"));
        let ops = row["edit"].as_array().expect("operations");
        Probe {
            id: row["id"].to_string(),
            base: bytes("base").expect("bytes that were read"),
            current: bytes("current").expect("bytes of now"),
            ops: ops.iter().map(op).collect(),
            want: bytes("want"),
        }
    }
}

/// Reads `{s, e, lines}`, which deletes where `lines` is empty, or
/// `{after, lines}`.
fn op(op: &Value) -> Op {
    let number = |key: &str| op[key].as_u64().map(|number| number as usize);
    let lines = op["lines"].as_array().expect("lines").iter();
    let rows = lines.map(|line| line.as_str().expect("a line").to_owned() + "\n");
    let body = Body::Text(rows.collect());
    if let Some(after) = number("after") {
        return OpKind::Insert { after, body }.into();
    }
    let lines = (number("s").expect("a start"), number("e").expect("an end"));
    let kind = match &body {
        Body::Text(text) if text.is_empty() => OpKind::Delete { lines, register: None },
        _ => OpKind::Replace { lines, body },
    };
    kind.into()
}
