//! Probes: small edits with the exact bytes that must come out, made for a
//! study of other tools: byte probes, and random drift whose right place is
//! known. They lie beside the tree, not in it; the same kinds are cases of
//! `tests/cases/text-rules.md` and `tests/cases/drift.md`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::format::{Op, OpKind};
use engine::snapshot::Snapshot;
use serde_json::Value;

use crate::model::Tally;
use crate::shared::{self, Drifted, content_after, op};
use crate::sound;

const LOST: &str = "refused, though it is right";

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
fn byte_probes() {
    shared::leave_out();
    let Some(rows) = shared::read("cases/byte-probes.jsonl") else { return };
    let tally = check("byte probes", &rows);
    assert_eq!(tally.of(LOST), 0);
}

/// Random drift between read and edit, in Rust of equal functions.
#[test]
fn drift_fuzz() {
    shared::leave_out();
    let Some(rows) = shared::read("cases/drift-fuzz.jsonl.gz") else { return };
    let tally = check("drift fuzz", &rows);
    let (applied, lost) = (tally.of("exact"), tally.of(LOST));
    assert!(applied >= 99 * lost, "{lost} of {} valid edits were refused", applied + lost);
}

/// Runs every row; what is applied must be right.
fn check(name: &str, rows: &str) -> Tally {
    let tally = Tally::default();
    for row in rows.lines() {
        let probe = Probe::read(row);
        match verdict(&probe) {
            Ok(verdict) => {
                if verdict == LOST {
                    println!("  {}: {verdict}", probe.id);
                }
                tally.count(verdict);
            }
            Err(why) => panic!("{}: {why}", probe.id),
        }
    }
    tally.print(&format!("{name} ({} rows, no seed)", rows.lines().count()));
    tally
}

fn verdict(probe: &Probe) -> Result<&'static str, String> {
    let file = Drifted::new("probe.rs", probe.base.clone(), probe.current.clone());
    match (file.plan(probe.ops.clone()), &probe.want) {
        (Ok(_), None) => Err("applied, where it must be refused".to_owned()),
        (Ok(file), Some(want)) => {
            sound::check(&file)?;
            match content_after(&file) {
                found if found == *want => Ok("exact"),
                found => Err(format!("came to \"{}\"", found.escape_ascii())),
            }
        }
        (Err(refused), None) if shared::can_be_taken(&refused) => {
            Err("refused, but offered a place".to_owned())
        }
        (Err(_), None) => Ok("refused rightly"),
        (Err(_), Some(want)) if !probe.stays_in_its_place(&file, want) => {
            Ok("refused, as a neighbour changed or something moved past")
        }
        (Err(_), Some(_)) => Ok(LOST),
    }
}

impl Probe {
    /// Returns whether the lines stand, with both their neighbours and on the
    /// same side of every line that is there only once, where the one edit must
    /// be made; going by nothing but the bytes that must come out.
    fn stays_in_its_place(&self, file: &Drifted, want: &[u8]) -> bool {
        let [Op { kind: OpKind::Replace { lines, .. } | OpKind::Delete { lines, .. }, .. }] =
            &self.ops[..]
        else {
            return true;
        };
        let want = Snapshot::of(want.to_vec());
        let text = |of: &Snapshot| -> Vec<Vec<u8>> {
            (0..of.line_count()).map(|line| of.line(line).to_vec()).collect()
        };
        let (seen, now, want) = (text(&file.seen), text(&file.now), text(&want));
        let first = lines.0 - 1;
        let start = now.iter().zip(&want).take_while(|(now, want)| now == want).count();
        let len = lines.1 - first;
        let around = |of: &[Vec<u8>], at: usize| {
            of[at.saturating_sub(1)..(at + len + 1).min(of.len())].to_vec()
        };
        let place = |line: &Vec<u8>| {
            let only = |of: &[Vec<u8>]| of.iter().filter(|other| *other == line).count() == 1;
            let is_only = only(&seen) && only(&now);
            is_only.then(|| now.iter().position(|other| other == line)).flatten()
        };
        around(&seen, first) == around(&now, start)
            && seen[..first].iter().filter_map(place).all(|place| place < start)
            && seen[lines.1..].iter().filter_map(place).all(|place| place >= start + len)
    }

    fn read(row: &str) -> Probe {
        let row: Value = serde_json::from_str(row).expect("a row is JSON");
        let bytes = |key: &str| Some(STANDARD.decode(row[key].as_str()?).expect("base64"));
        let ops = row["edit"].as_array().expect("operations");
        Probe {
            id: row["id"].to_string(),
            base: bytes("base").expect("bytes that were read"),
            current: bytes("current").expect("bytes of now"),
            ops: ops.iter().map(read_op).collect(),
            want: bytes("want"),
        }
    }
}

/// Reads `{s, e, lines}`, which deletes where `lines` is empty, or
/// `{after, lines}`.
fn read_op(value: &Value) -> Op {
    let number = |key: &str| value[key].as_u64().map(|number| number as usize);
    let lines = value["lines"].as_array().expect("lines").iter();
    let text: Vec<&str> = lines.map(|line| line.as_str().expect("a line")).collect();
    match number("after") {
        Some(after) => op(after..after, &text),
        None => op(number("s").expect("a start") - 1..number("e").expect("an end"), &text),
    }
}
