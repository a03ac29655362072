//! Retries of what the rule of drift refused: an edit that has a right place can
//! be put there by its token, and one that has none stays refused, whatever is
//! accepted or chosen from what the rejection offered.
//!
//! `ANCHORD_RETRIES` is the number of hostile cases; they are those of the seeds
//! from 1.

use hostile::{Case, Edit, Placed, Truth, Verdict, cases, judge, judge_bytes, tie};
use serde_json::{Value, json};

use crate::world::{Client, World};

/// Cases where nothing else is asked for.
const CASES: u64 = 120;

#[derive(Debug, Default)]
struct Tally {
    applied: usize,
    placed: usize,
    kept_refused: usize,
    /// Refused edits that were offered what no text tells from a right place.
    ties: usize,
    /// Refused edits without a right place that an offer let through.
    let_through: Vec<String>,
}

#[test]
fn a_refused_edit_is_put_right_by_its_token_or_stays_refused() {
    let asked = std::env::var("ANCHORD_RETRIES").ok().and_then(|text| text.parse().ok());
    let world = World::new();
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut tally = Tally::default();
    let count = asked.unwrap_or(CASES);
    for case in cases(1, count) {
        for index in 0..case.edits.len() {
            // Each edit by itself, so that its place is the only question.
            let edits = vec![case.edits[index].clone()];
            let alone = Case { edits, ..case.clone() };
            try_one(&world, &mut client, &alone, index, &mut tally);
        }
    }
    println!(
        "retries (hostile seeds 1 to {count}): {} applied at once, {} put right by at, \
         {} without a right place stay refused, {} let through by an offer, {} ties offered",
        tally.applied,
        tally.placed,
        tally.kept_refused,
        tally.let_through.len(),
        tally.ties
    );
    assert!(tally.placed > 0 && tally.kept_refused > 0);
    assert!(tally.let_through.is_empty(), "{:#?}", tally.let_through);
}

/// Tries the only edit of a case, and what can be retried of it.
fn try_one(world: &World, client: &mut Client, case: &Case, index: usize, tally: &mut Tally) {
    let edit = &case.edits[0];
    let path = format!("{}-{index}/{}", case.seed, case.path);
    world.write(&path, &case.seen.bytes);
    let handle = client.handle(&path);
    world.write(&path, &case.now.bytes);
    let files = json!([{"path": path, "handle": handle, "ops": [op(edit)]}]);
    let verify = json!({"lint": "off", "syntax": "off"});
    let params = json!({"format": "anchor", "files": files, "verify": verify});
    let answer = client.call("edit/apply", params);
    if answer["status"] == "applied" {
        tally.applied += 1;
        return;
    }
    let rejection = &answer["rejection"];
    let token = &rejection["retry"];
    if offers_a_tie(case, rejection) {
        tally.ties += 1;
        return;
    }
    let place = edit.truth.places().first();
    match (place, &edit.truth) {
        (Some(at), _) => {
            // A place between two lines is named by the line above it.
            let at = json!([[at.start + 1, at.end]]);
            let mut retried = client.call("edit/retry", json!({"retry": token, "at": at}));
            if retried["rejection"]["code"] == "unseen" {
                // The place is shown now, and can be accepted.
                retried = client.accept(&retried["rejection"]["retry"]);
            }
            assert_eq!(retried["status"], "applied", "seed {}: {retried}", case.seed);
            let verdict = judge_bytes(case, Some(&world.bytes(&path)));
            assert!(verdict <= Verdict::Unproved, "seed {}: {verdict:?}", case.seed);
            tally.placed += 1;
        }
        (None, Truth::Gone) => stays_refused(world, client, (case, &path, token), tally),
        (None, _) => {}
    }
}

/// Returns whether an edit without a right place is offered one that another
/// history of the same texts makes right.
fn offers_a_tie(case: &Case, rejection: &Value) -> bool {
    let edit = &case.edits[0];
    let list = |key: &str| rejection[key].as_array().cloned().unwrap_or_default();
    let offered = [list("landings"), list("candidates")].concat();
    let is_tie = |lines: &Value| {
        let (Some(first), Some(last)) = (lines[0].as_u64(), lines[1].as_u64()) else {
            return false;
        };
        let placed = Placed::At(first as usize - 1..last as usize);
        judge(case, 0, &placed) == Verdict::Tie || tie(case, edit, &placed).is_some()
    };
    edit.truth == Truth::Gone && offered.iter().any(is_tie)
}

/// Takes whatever the rejection offers of an edit that has no right place.
fn stays_refused(
    world: &World,
    client: &mut Client,
    (case, path, token): (&Case, &str, &Value),
    tally: &mut Tally,
) {
    let choices = [json!({"accept": true}), json!({"candidate": 1}), json!({"fix": 1})];
    for choice in choices {
        let mut params = choice.clone();
        params["retry"] = token.clone();
        let answer = client.call("edit/retry", params);
        if answer["status"] == "applied" {
            tally.let_through.push(format!("seed {} by {choice}", case.seed));
            return;
        }
        assert_eq!(world.bytes(path), case.now.bytes, "seed {}", case.seed);
    }
    tally.kept_refused += 1;
}

/// Returns the edit as an operation of the protocol.
fn op(edit: &Edit) -> Value {
    let line = |line: &Vec<u8>| format!("{}\n", String::from_utf8_lossy(line));
    let text: String = edit.text.iter().map(line).collect();
    let lines = [edit.lines.start + 1, edit.lines.end];
    match (edit.lines.is_empty(), text.is_empty()) {
        (true, _) => json!({"op": "insert", "after": edit.lines.start, "text": text}),
        (false, true) => json!({"op": "delete", "lines": lines}),
        (false, false) => json!({"op": "replace", "lines": lines, "text": text}),
    }
}
