//! Edits that meet: those of different lines never do, and of those that do none
//! gets lost.

use std::fs::{self, File};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Client, Daemon, World, handle, wait_for};

const CLIENTS: usize = 32;

/// Asks for an edit until it is applied, each time in view of what the answer
/// shows; returns how often it was refused.
fn insist(
    client: &mut Client,
    mut answer: Value,
    again: impl Fn(&mut Client, &Value) -> Value,
) -> usize {
    let mut refused = 0;
    while answer["status"] != "applied" {
        refused += 1;
        answer = again(client, &answer["rejection"]);
    }
    refused
}

#[test]
fn edits_of_different_lines_never_meet() {
    let world = World::with(&[("f", &"old\n".repeat(CLIENTS))]);
    let daemon = world.serve();
    // All of them have read the same content before the first one edits.
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| daemon.open()).collect();
    let names: Vec<String> = clients.iter_mut().map(|client| client.handle("f")).collect();
    std::thread::scope(|scope| {
        for ((mut client, name), line) in clients.into_iter().zip(names).zip(1..) {
            scope.spawn(move || {
                let text = format!("new {line}\nmore\n");
                let ops = json!([{"op": "replace", "lines": [line, line], "text": text}]);
                let answer = client.edit("f", &name, ops);
                assert_eq!(answer["status"], "applied", "{answer}");
            });
        }
    });
    let expected: String = (1..=CLIENTS).map(|line| format!("new {line}\nmore\n")).collect();
    assert_eq!(world.text("f"), expected);
}

/// Inserts at one place all meet; each lands by its token, without being written
/// again.
#[test]
fn edits_of_one_place_land_by_their_tokens() {
    let world = World::with(&[("f", "first\nlast\n")]);
    let daemon = world.serve();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| daemon.open()).collect();
    let name = clients.iter_mut().map(|client| client.handle("f")).last().unwrap();
    let refused: usize = std::thread::scope(|scope| {
        let insert = |(mut client, number): (Client, usize)| {
            let ops = json!([{"op": "insert", "after": 1, "text": format!("{number}\n")}]);
            let answer = client.edit("f", &name, ops);
            insist(&mut client, answer, |client, rejection| {
                assert_eq!(rejection["code"], "stale", "{rejection}");
                client.accept(&rejection["retry"])
            })
        };
        let threads: Vec<_> = clients
            .into_iter()
            .zip(0..)
            .map(|member| scope.spawn(move || insert(member)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(refused >= CLIENTS - 1, "all but the first met somebody: {refused}");
    let text = world.text("f");
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.remove(0), lines.pop()), ("first", Some("last")));
    let mut numbers: Vec<usize> = lines.iter().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..CLIENTS).collect::<Vec<_>>());
}

/// Everybody adds to what one line holds; whoever is too late writes it anew, in
/// view of the row that the refusal shows.
#[test]
fn whoever_is_too_late_is_shown_what_to_build_upon() {
    let world = World::with(&[("f", "above\nmarks:\nbelow\n")]);
    let daemon = world.serve();
    let add = |client: &mut Client, name: &Value, line: &Value, text: &str, mark: usize| {
        let ops =
            json!([{"op": "replace", "lines": [line, line], "text": format!("{text} {mark}\n")}]);
        client.edit("f", name.as_str().unwrap(), ops)
    };
    std::thread::scope(|scope| {
        for mark in 0..CLIENTS {
            let (daemon, add) = (&daemon, &add);
            scope.spawn(move || {
                let mut client = daemon.open();
                let read = client.read("f");
                let text = read["text"].as_str().unwrap().lines().nth(1).unwrap();
                let text = text.strip_prefix("2\t").unwrap();
                let answer = add(&mut client, &json!(handle(&read)), &json!(2), text, mark);
                insist(&mut client, answer, |client, rejection| {
                    assert_eq!(rejection["code"], "stale", "{rejection}");
                    let landing = &rejection["landings"][0][0];
                    let number = format!("{landing}\t");
                    let mut rows = rejection["rows"].as_str().unwrap().lines();
                    let text = rows.find_map(|row| row.strip_prefix(&number)).unwrap();
                    add(client, &rejection["handle"], landing, text, mark)
                });
            });
        }
    });
    let text = world.text("f");
    let marks = text.strip_prefix("above\nmarks: ").and_then(|text| text.strip_suffix("\nbelow\n"));
    let mut marks: Vec<usize> =
        marks.unwrap().split(' ').map(|mark| mark.parse().unwrap()).collect();
    marks.sort_unstable();
    assert_eq!(marks, (0..CLIENTS).collect::<Vec<_>>());
}

/// A session that speaks over several connections has been shown what all of
/// them were shown together.
#[test]
fn what_a_session_is_shown_at_once_adds_up() {
    let lines = 64;
    let world = World::with(&[("f", &"x\n".repeat(lines))]);
    let daemon = world.serve();
    for round in 0..20 {
        let session = format!("s{round}");
        std::thread::scope(|scope| {
            for first in 0..8 {
                let (daemon, session) = (&daemon, &session);
                scope.spawn(move || {
                    let mut client = daemon.resume(session);
                    for line in (first + 1..=lines).step_by(8) {
                        client.call("file/read", json!({"path": "f", "lines": [[line, line]]}));
                    }
                });
            }
        });
        let mut client = daemon.resume(&session);
        let part = client.call("file/read", json!({"path": "f", "lines": [[1, 1]]}));
        let all = json!([{"op": "delete", "lines": [1, lines]}]);
        let edit = json!([{"path": "f", "handle": handle(&part), "ops": all}]);
        let edit = json!({"format": "anchor", "files": edit, "dry_run": true});
        assert_eq!(client.call("edit/apply", edit)["status"], "checked");
    }
}

/// Whoever does not get a turn at a file in time is told so, and goes on by the
/// token.
#[test]
fn a_turn_that_does_not_come_is_busy() {
    let world = World::with(&[("f", &"old\n".repeat(CLIENTS))]);
    // Nobody waits, and every edit takes as long as the disk does.
    let daemon = world.serve_with(&["--limit", "wait_ms=0"]);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| daemon.open()).collect();
    let name = clients.iter_mut().map(|client| client.handle("f")).last().unwrap();
    let refused: usize = std::thread::scope(|scope| {
        let edit = |(mut client, line): (Client, usize)| {
            let ops =
                json!([{"op": "replace", "lines": [line, line], "text": format!("{line}\n")}]);
            let answer = client.edit("f", &name, ops);
            insist(&mut client, answer, |client, rejection| {
                assert_eq!((&rejection["code"], &rejection["path"]), (&json!("busy"), &json!("f")));
                std::thread::sleep(Duration::from_millis(1));
                client.accept(&rejection["retry"])
            })
        };
        let threads: Vec<_> =
            clients.into_iter().zip(1..).map(|member| scope.spawn(move || edit(member))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(refused > 0, "of {CLIENTS} at once, somebody came too early");
    let expected: String = (1..=CLIENTS).map(|line| format!("{line}\n")).collect();
    assert_eq!(world.text("f"), expected);
}

/// How many saves by others and how many edits must have met.
const SAVES: usize = 1000;
const EDITS: usize = 50;

/// Edits the last line of a file until it is told to stop.
fn edit_without_rest(daemon: &Daemon, over: &AtomicBool, applied: &AtomicUsize) {
    let mut client = daemon.open();
    while !over.load(Ordering::SeqCst) {
        let read = client.call("file/read", json!({"path": "f"}));
        // It is missing or empty for a moment while others save it.
        if read["total_lines"] != 2 {
            continue;
        }
        let text = format!("edit {}\n", applied.load(Ordering::SeqCst));
        let ops = json!([{"op": "replace", "lines": [2, 2], "text": text}]);
        let answer = client.edit("f", &handle(&read), ops);
        let refused = ["stale", "conflict", "ambiguous", "busy", "no_change", "missing"];
        match answer["rejection"]["code"].as_str() {
            None => drop(applied.fetch_add(1, Ordering::SeqCst)),
            Some(code) => assert!(refused.contains(&code), "{answer}"),
        }
    }
}

/// Saves the file as programs do that do not know us, in place or by rename.
fn save(world: &World, number: usize) {
    let text = format!("save {number}\n-\n");
    if number.is_multiple_of(2) {
        File::create(world.path("f")).unwrap().write_all(text.as_bytes()).unwrap();
    } else {
        fs::write(world.path("f.new"), &text).unwrap();
        fs::rename(world.path("f.new"), world.path("f")).unwrap();
    }
}

/// Returns whether a save is where it belongs. A swap that failed may be seen for
/// an instant, until it is taken back.
fn stays(world: &World, number: usize) -> bool {
    let begins = format!("save {number}\n");
    (0..100).any(|look| {
        std::thread::sleep(Duration::from_micros(look * 20));
        fs::read(world.path("f")).is_ok_and(|bytes| bytes.starts_with(begins.as_bytes()))
    })
}

/// Returns whether a save is kept in a slot: it was written into the file that our
/// edit had just displaced.
fn is_kept(world: &World, number: usize) -> bool {
    let begins = format!("save {number}\n");
    let slots = fs::read_dir(world.path(".anchord")).unwrap().map(|slot| slot.unwrap().path());
    let mut texts = slots.filter_map(|slot| fs::read(slot).ok());
    texts.any(|bytes| bytes.starts_with(begins.as_bytes()))
}

/// P4: a save by a program that does not know us is never lost without trace,
/// however it falls together with our edits.
#[test]
fn no_save_of_another_program_is_lost() {
    let world = World::with(&[("f", "save\n-\n")]);
    let daemon = world.serve();
    let (over, applied) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut saves, mut kept) = (0, 0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| edit_without_rest(&daemon, &over, &applied));
        }
        wait_for("saves and edits enough", || {
            save(&world, saves);
            if !stays(&world, saves) {
                assert!(is_kept(&world, saves), "save {saves} is lost");
                kept += 1;
            }
            saves += 1;
            saves >= SAVES && applied.load(Ordering::SeqCst) >= EDITS
        });
        over.store(true, Ordering::SeqCst);
    });
    let applied = applied.into_inner();
    println!("{saves} saves by others among {applied} edits: {kept} kept in a slot, 0 lost");
}
