//! Retries of edits that real drift made the rule refuse: one that has a right
//! result gets it by its token and `at`, and one that has none stays refused,
//! whatever is accepted or chosen.
//!
//! The corpora lie beside the tree, where there are any; a test that needs one
//! passes over its absence.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anchord::bench::corpus::{Source, Surroundings};
use anchord::bench::score::Merger;
use anchord::bench::task::{Hunk, Task, hunks_between};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::{Client, World};

/// An edit of a file that was changed since it was read.
struct Drifted {
    id: String,
    path: String,
    read: Vec<u8>,
    now: Vec<u8>,
    hunks: Vec<Hunk>,
    /// What must come out; `None` where the edit has no right result.
    right: Option<Vec<u8>>,
    /// The lines of now where the hunks belong; empty where it is not known.
    places: Vec<Range<usize>>,
}

#[derive(Debug, Default)]
struct Tally {
    applied: usize,
    placed: usize,
    kept_refused: usize,
    /// Not tried, since it is not known where the lines are now.
    nowhere: usize,
}

#[test]
fn real_edits_that_are_refused_are_put_right_or_stay_refused() {
    let Some(file) = beside("corpus/drift-triples.jsonl.zst") else { return };
    let folder = tempfile::tempdir().unwrap();
    let around = Surroundings { cache: folder.path(), limit: None, seed: 1, say: &|_| () };
    let tasks = Source::Triples(file).load(&around).unwrap().tasks;
    let git = Merger::new(folder.path()).unwrap();
    let tally = try_all(tasks.into_iter().map(|task| merged(task, &git)));
    println!("retries of real drift (988 triples, no seed): {tally:?}");
    assert_eq!((tally.kept_refused, tally.nowhere), (273, 0));
    assert!(tally.placed > 0);
}

#[test]
fn edits_of_the_drift_fuzz_are_put_right_or_stay_refused() {
    let Some(file) = beside("cases/drift-fuzz.jsonl.gz") else { return };
    let mut rows = String::new();
    let packed = std::fs::File::open(file).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut rows).unwrap();
    let tally = try_all(rows.lines().map(fuzzed));
    println!("retries of the drift fuzz (400 rows, no seed): {tally:?}");
    assert!(tally.placed > 0 && tally.kept_refused > 0);
}

/// Tries each of the edits by a daemon, and what was refused once more.
fn try_all(edits: impl Iterator<Item = Drifted>) -> Tally {
    let world = World::new();
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut tally = Tally::default();
    for (number, mut edit) in edits.enumerate() {
        edit.path = format!("{number}/{}", edit.path);
        edit.try_it(&world, &mut client, &mut tally);
    }
    tally
}

impl Drifted {
    fn try_it(&self, world: &World, client: &mut Client, tally: &mut Tally) {
        let Drifted { id, path, read, now, right, .. } = self;
        world.write(path, read);
        let handle = client.handle(path);
        world.write(path, now);
        let ops: Vec<Value> = self.hunks.iter().map(op).collect();
        let files = json!([{"path": path, "handle": handle, "ops": ops}]);
        let verify = json!({"lint": "off", "syntax": "off"});
        let params = json!({"format": "anchor", "files": files, "verify": verify});
        let answer = client.call("edit/apply", params);
        let token = &answer["rejection"]["retry"];
        match (answer["status"] == "applied", right) {
            (true, right) => {
                assert_eq!(Some(&world.bytes(path)), right.as_ref(), "{id}");
                tally.applied += 1;
            }
            (false, Some(_)) if self.places.is_empty() => tally.nowhere += 1,
            (false, Some(right)) => {
                self.put(client, token);
                assert_eq!(&world.bytes(path), right, "{id}");
                tally.placed += 1;
            }
            (false, None) => {
                self.stays_refused(world, client, token);
                tally.kept_refused += 1;
            }
        }
    }

    /// Puts the edit where it belongs, by its token.
    fn put(&self, client: &mut Client, token: &Value) {
        // A place between two lines is named by the line above it.
        let at: Vec<_> = self.places.iter().map(|at| [at.start + 1, at.end]).collect();
        let mut answer = client.retry_at(token, json!(at));
        if answer["rejection"]["code"] == "unseen" {
            // The places are shown now, and can be accepted.
            answer = client.accept(&answer["rejection"]["retry"]);
        }
        assert_eq!(answer["status"], "applied", "{}: {answer}", self.id);
    }

    /// Takes whatever the rejection offers of an edit that has no right result.
    fn stays_refused(&self, world: &World, client: &mut Client, token: &Value) {
        for choice in [json!({"accept": true}), json!({"candidate": 1}), json!({"fix": 1})] {
            let mut params = choice.clone();
            params["retry"] = token.clone();
            let answer = client.call("edit/retry", params);
            assert_ne!(answer["status"], "applied", "{} by {choice}", self.id);
            assert_eq!(world.bytes(&self.path), self.now, "{}", self.id);
        }
    }
}

/// Returns where a corpus lies; `None` where there is none.
fn beside(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    if !path.is_file() {
        println!("no {name} beside the tree: passed over");
        return None;
    }
    Some(path)
}

/// Returns a real edit with what git makes of it and of what others did.
fn merged(task: Task, git: &Merger) -> Drifted {
    let right = git.drifted(&task).unwrap().unwrap().right;
    let now = task.drifted.unwrap();
    let drift = hunks_between(&task.read, &now);
    Drifted {
        places: task.hunks.iter().map(|hunk| moved(&hunk.old, &drift)).collect(),
        right: right.map(String::into_bytes),
        id: task.id,
        path: task.path,
        read: task.read.into(),
        now: now.into(),
        hunks: task.hunks,
    }
}

/// Returns where lines are after the drift above them.
fn moved(lines: &Range<usize>, drift: &[Hunk]) -> Range<usize> {
    let above = drift.iter().filter(|hunk| hunk.old.end <= lines.start);
    let (gone, come) =
        above.fold((0, 0), |(gone, come), hunk| (gone + hunk.old.len(), come + hunk.new.len()));
    lines.start + come - gone..lines.end + come - gone
}

/// Reads a row of the drift fuzz. Of a single operation, the place is where the
/// bytes of now begin to differ from those that must come out.
fn fuzzed(row: &str) -> Drifted {
    let row: Value = serde_json::from_str(row).unwrap();
    let bytes = |key: &str| Some(STANDARD.decode(row[key].as_str()?).unwrap());
    let (read, now) = (bytes("base").unwrap(), bytes("current").unwrap());
    let right = bytes("want");
    let hunks: Vec<Hunk> = row["edit"].as_array().unwrap().iter().map(fuzzed_hunk).collect();
    let places = match (&hunks[..], &right) {
        ([hunk], Some(want)) => {
            let same = now.split(|byte| *byte == b'\n').zip(want.split(|byte| *byte == b'\n'));
            let at = same.take_while(|(now, want)| now == want).count();
            std::iter::once(at..at + hunk.old.len()).collect()
        }
        _ => Vec::new(),
    };
    let id = row["id"].as_str().unwrap().to_owned();
    Drifted { id, path: "f.rs".to_owned(), read, now, hunks, right, places }
}

/// Reads `{s, e, lines}`, or `{after, lines}`.
fn fuzzed_hunk(value: &Value) -> Hunk {
    let number = |key: &str| value[key].as_u64().map(|number| number as usize);
    let new = serde_json::from_value(value["lines"].clone()).unwrap();
    let old = match number("after") {
        Some(after) => after..after,
        None => number("s").unwrap() - 1..number("e").unwrap(),
    };
    Hunk { old, new }
}

/// Returns the hunk as an operation of the protocol.
fn op(hunk: &Hunk) -> Value {
    let (text, lines) = (hunk.text(), [hunk.old.start + 1, hunk.old.end]);
    match (hunk.old.is_empty(), text.is_empty()) {
        (true, _) => json!({"op": "insert", "after": hunk.old.start, "text": text}),
        (false, true) => json!({"op": "delete", "lines": lines}),
        (false, false) => json!({"op": "replace", "lines": lines, "text": text}),
    }
}
