//! Retries of edits that real drift made the rule refuse: one that has a right
//! result gets it by its token and `at`, and one that has none stays refused,
//! whatever is accepted or chosen.
//!
//! The corpora lie beside the tree, where there are any; a test that needs one
//! passes over its absence.

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::{Client, World};

/// The window of the packed corpora, as a power of two.
const WINDOW_LOG: u32 = 27;

/// Lines that go (0-based, of the text split at LF) and lines that come.
type Hunk = (usize, usize, Vec<String>);

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
    let Some(rows) = rows("corpus/drift-triples.jsonl.zst") else { return };
    let folder = tempfile::tempdir().unwrap();
    let tally = try_all(rows.lines().map(|row| triple(row, folder.path())));
    println!("retries of real drift (988 triples, no seed): {tally:?}");
    assert_eq!((tally.kept_refused, tally.nowhere), (273, 0));
    assert!(tally.placed > 0);
}

#[test]
fn edits_of_the_drift_fuzz_are_put_right_or_stay_refused() {
    let Some(rows) = rows("cases/drift-fuzz.jsonl.gz") else { return };
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

/// Reads a corpus; `None` where there is none.
fn rows(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("no {name} beside the tree: passed over");
        return None;
    };
    let mut text = String::new();
    if name.ends_with(".zst") {
        let mut decoder = zstd::Decoder::new(&bytes[..]).unwrap();
        decoder.window_log_max(WINDOW_LOG).unwrap();
        decoder.read_to_string(&mut text).unwrap();
    } else {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    }
    Some(text)
}

/// Reads a triple; what is right is a three-way merge made by `git merge-file`.
fn triple(row: &str, folder: &Path) -> Drifted {
    let row: Value = serde_json::from_str(row).unwrap();
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    let hunks = |key: &str| -> Vec<Hunk> { serde_json::from_value(row[key].clone()).unwrap() };
    let (read, edit, drift) = (text("read"), hunks("edit"), hunks("drift"));
    let (target, now) = (apply(&read, &edit), apply(&read, &drift));
    let right = merge_file(folder, &target, &read, &now);
    let places = edit.iter().map(|hunk| moved(hunk, &drift)).collect();
    let (id, path) = (text("id"), text("path"));
    Drifted { id, path, read: read.into(), now: now.into(), hunks: edit, right, places }
}

/// Returns where the lines of a hunk are after the drift above it.
fn moved((start, end, _): &Hunk, drift: &[Hunk]) -> Range<usize> {
    let above = drift.iter().filter(|(_, last, _)| last <= start);
    let (gone, come) = above
        .fold((0, 0), |(gone, come), (first, last, text)| (gone + last - first, come + text.len()));
    start + come - gone..end + come - gone
}

fn apply(text: &str, hunks: &[Hunk]) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut after: Vec<&str> = Vec::new();
    let mut at = 0;
    for (start, end, new) in hunks {
        after.extend(&lines[at..*start]);
        after.extend(new.iter().map(String::as_str));
        at = *end;
    }
    after.extend(&lines[at..]);
    after.join("\n")
}

fn merge_file(folder: &Path, ours: &str, base: &str, theirs: &str) -> Option<Vec<u8>> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let files = [file("ours", ours), file("base", base), file("theirs", theirs)];
    let merge = Command::new("git").args(["merge-file", "-p", "-q"]).args(files).output();
    let merge = merge.unwrap();
    merge.status.success().then_some(merge.stdout)
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
        ([(start, end, _)], Some(want)) => {
            let same = now.split(|byte| *byte == b'\n').zip(want.split(|byte| *byte == b'\n'));
            let at = same.take_while(|(now, want)| now == want).count();
            std::iter::once(at..at + (end - start)).collect()
        }
        _ => Vec::new(),
    };
    let id = row["id"].as_str().unwrap().to_owned();
    Drifted { id, path: "f.rs".to_owned(), read, now, hunks, right, places }
}

/// Reads `{s, e, lines}`, or `{after, lines}`.
fn fuzzed_hunk(value: &Value) -> Hunk {
    let number = |key: &str| value[key].as_u64().map(|number| number as usize);
    let text = serde_json::from_value(value["lines"].clone()).unwrap();
    match number("after") {
        Some(after) => (after, after, text),
        None => (number("s").unwrap() - 1, number("e").unwrap(), text),
    }
}

/// Returns the hunk as an operation of the protocol.
fn op((start, end, text): &Hunk) -> Value {
    let text: String = text.iter().map(|line| format!("{line}\n")).collect();
    match (start == end, text.is_empty()) {
        (true, _) => json!({"op": "insert", "after": start, "text": text}),
        (false, true) => json!({"op": "delete", "lines": [start + 1, end]}),
        (false, false) => json!({"op": "replace", "lines": [start + 1, end], "text": text}),
    }
}
