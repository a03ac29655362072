//! Edits that meet: those of different lines never do, and of those that do none
//! gets lost.

use serde_json::{Value, json};

use crate::world::{Client, World, handle};

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
