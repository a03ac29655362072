//! The protocol over its real carriers: every method, every fault, many callers.

use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Barrier;

use anchord::tokens;
use serde_json::{Value, json};

use crate::world::{Client, World, applied, handle, rejected, wait_for};

const THREE: &str = "one\ntwo\nthree\n";

#[test]
fn a_session_names_what_it_offers_and_can_be_resumed() {
    let world = World::new();
    let daemon = world.serve();
    let mut client = daemon.connect();
    let params = json!({
        "root": world.root, "client": {"name": "it", "version": "1"}, "protocol": [1, 2],
        "agent": {"name": "tester", "model": "none"},
    });
    let opened = client.call("session/open", params);
    assert_eq!(opened["protocol"], 1);
    assert_eq!(opened["server"]["name"], "anchord");
    let mut formats: Vec<&str> = engine::format::NAMES.to_vec();
    formats.push("auto");
    assert_eq!(opened["formats"], json!(formats));
    assert_eq!(opened["root"], json!(world.root.canonicalize().unwrap()));
    let limits = ["message_bytes", "depth", "file_bytes", "operations", "files", "read_bytes"];
    let limits = limits.map(|name| opened["limits"][name].as_u64().unwrap());
    assert_eq!(limits, [32 << 20, 64, 128 << 20, 10_000, 200, 4 << 20]);
    let session = opened["session"].as_str().unwrap();
    assert_eq!(daemon.resume(session).session, session);
    // A name that nobody has begins a session of that name.
    assert_eq!(daemon.resume("mine").session, "mine");
}

#[test]
fn nobody_else_can_come_near() {
    let world = World::new();
    let daemon = world.serve();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(daemon.socket().to_owned()), 0o600);
    assert_eq!(mode(world.state()), 0o700);
    assert_eq!(mode(world.path(".anchord")), 0o700);
    assert_eq!(world.text(".anchord/.gitignore"), "*\n");
}

/// P10: the kernel says who calls, and only the same user is heard; not even root
/// is anybody else.
#[test]
fn whoever_is_another_user_is_turned_away() {
    let world = World::with(&[("a", THREE)]);
    let Some(mut command) = world.command_as_nobody() else { return };
    let mut child = command.args(["serve", "--durability", "none"]).spawn().unwrap();
    let mut socket = None;
    wait_for("the daemon to listen", || {
        let states = fs::read_dir(world.home.join("anchord")).into_iter().flatten();
        socket =
            states.map(|state| state.unwrap().path().join("socket")).find(|path| path.exists());
        socket.as_ref().is_some_and(|socket| UnixStream::connect(socket).is_ok())
    });
    let mut client = Client::to(&socket.unwrap());
    assert!(client.try_request("session/open", &json!({})).is_err() || client.is_over());
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn one_connection_can_open_several_roots() {
    let world = World::with(&[("a", "here\n")]);
    fs::create_dir(world.outside("other")).unwrap();
    fs::write(world.outside("other/a"), "there\n").unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let here = client.session.clone();
    let there = client.call("session/open", json!({"root": world.outside("other")}));
    assert_eq!(client.read("a")["text"], "1\tthere\n");
    let read = |session: &Value| json!({"path": "a", "session": session});
    assert_eq!(client.call("file/read", read(&json!(here)))["text"], "1\there\n");
    assert_eq!(client.call("file/read", read(&there["session"]))["text"], "1\tthere\n");
}

#[test]
fn a_read_describes_the_file() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut read = client.read("./a");
    let name = read["handle"].take();
    assert!(name.as_str().is_some_and(|name| name.len() == 6), "{name}");
    let expected = json!({
        "status": "ok", "path": "a", "handle": null, "text": "1\tone\n2\ttwo\n3\tthree\n",
        "shown": [[1, 3]], "total_lines": 3, "eol": "lf", "final_newline": true,
        "encoding": "utf-8", "bytes": 14,
    });
    assert_eq!(read, expected);
    // Same bytes, same handle: by another way, in part, in another session.
    assert_eq!(client.handle(world.path("a").to_str().unwrap()), name);
    let part = client.call("file/read", json!({"path": "a", "lines": [[2, 2]]}));
    assert_eq!(part["handle"], name);
    assert_eq!(daemon.open().handle("a"), name);
}

#[test]
fn rows_bear_their_numbers_as_asked() {
    let world = World::with(&[("a", &"x\n".repeat(12))]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut check = |gutter: Value, rows: &str| {
        let params = json!({"path": "a", "lines": [[8, 11]], "gutter": gutter});
        assert_eq!(client.call("file/read", params)["text"], rows, "{gutter}");
    };
    check(Value::Null, "8\tx\n9\tx\n10\tx\n11\tx\n");
    check(json!("tab"), "8\tx\n9\tx\n10\tx\n11\tx\n");
    check(json!("colon"), "8:x\n9:x\n10:x\n11:x\n");
    check(json!("sparse"), "8\tx\n\tx\n10\tx\n\tx\n");
    check(json!("none"), "x\nx\nx\nx\n");
}

#[test]
fn lines_are_shown_as_asked() {
    let world = World::with(&[("a", "1\n2\n3\n4\n5\n6\n7\n8\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut check = |lines: Value, text: &str, shown: Value| {
        let read = client.call("file/read", json!({"path": "a", "lines": lines, "gutter": "none"}));
        assert_eq!((&read["text"], &read["shown"]), (&json!(text), &shown), "{lines}");
        assert_eq!(read["total_lines"], 8);
    };
    check(json!([[2, 3]]), "2\n3\n", json!([[2, 3]]));
    check(json!([[7, 7], [1, 2]]), "1\n2\n7\n", json!([[1, 2], [7, 7]]));
    check(json!([[1, 3], [2, 5], [6, 6]]), "1\n2\n3\n4\n5\n6\n", json!([[1, 6]]));
    check(json!([[7, 99]]), "7\n8\n", json!([[7, 8]]));
    check(json!([[9, 99]]), "", json!([]));
    check(json!([]), "1\n2\n3\n4\n5\n6\n7\n8\n", json!([[1, 8]]));
    for lines in [json!([[0, 1]]), json!([[3, 2]])] {
        rejected(&client.call("file/read", json!({"path": "a", "lines": lines})), "malformed");
    }
}

#[test]
fn a_large_file_comes_in_pages() {
    let line = |number: usize| format!("{number:07} {}\n", "x".repeat(91));
    let text: String = (1..=110_000).map(line).collect();
    let world = World::with(&[("a", &text)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut whole = String::new();
    let mut pages = 0;
    let mut next = json!(1);
    while let Some(from) = next.as_u64() {
        let params = json!({"path": "a", "lines": [[from, 110_000]], "gutter": "none"});
        let page = client.call("file/read", params);
        whole += page["text"].as_str().unwrap();
        assert!(page["text"].as_str().unwrap().len() <= 4 << 20);
        (next, pages) = (page["next"].clone(), pages + 1);
    }
    assert_eq!(pages, 3);
    assert!(whole == text);
    assert_eq!(client.read("a")["next"], (4 << 20) / 100 + 1);
}

#[test]
fn a_line_longer_than_a_page_is_refused() {
    let world = World::with(&[("a", &format!("short\n{}\nshort\n", "x".repeat(5 << 20)))]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let read = client.read("a");
    assert_eq!((&read["text"], &read["next"]), (&json!("1\tshort\n"), &json!(2)));
    let long = client.call("file/read", json!({"path": "a", "lines": [[2, 3]]}));
    assert!(rejected(&long, "too_large")["message"].as_str().unwrap().starts_with("line 2 alone"));
    let behind = client.call("file/read", json!({"path": "a", "lines": [[3, 3]]}));
    assert_eq!(behind["text"], "3\tshort\n");
}

#[test]
fn what_is_known_is_not_shown_again() {
    let text: String = (1..=40).map(|number| format!("line {number}\n")).collect();
    let world = World::with(&[("a", &text), ("b", "b\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let known = client.handle("a");
    let again = client.call("file/read", json!({"path": "a", "known": known}));
    assert_eq!((&again["unchanged"], again.get("text")), (&json!(true), None), "{again}");

    world.write("a", text.replace("line 7\n", "").replace("line 30\n", "thirty\nmore\n"));
    let delta = client.call("file/read", json!({"path": "a", "known": known}));
    let expected = json!([
        {"old": [7, 7], "new": [7, 6], "text": ""},
        {"old": [30, 30], "new": [29, 30], "text": "29\tthirty\n30\tmore\n"},
    ]);
    assert_eq!((&delta["delta"], delta.get("text")), (&expected, None), "{delta}");
    // What the delta leaves out is known as well, since it did not change.
    let ops = json!([{"op": "delete", "lines": [1, 40]}]);
    applied(&client.edit("a", &handle(&delta), ops));

    // A delta would be longer than the rows, so the rows come.
    world.write("a", "all new\n");
    let whole = client.call("file/read", json!({"path": "a", "known": known}));
    assert_eq!((&whole["text"], whole.get("delta")), (&json!("1\tall new\n"), None), "{whole}");
    let foreign = client.call("file/read", json!({"path": "b", "known": known}));
    rejected(&foreign, "unknown_handle");
}

#[test]
fn what_another_session_knows_is_shown() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let known = daemon.open().handle("a");
    let read = daemon.open().call("file/read", json!({"path": "a", "known": known}));
    assert_eq!(read["text"], "1\tone\n2\ttwo\n3\tthree\n");
}

#[test]
fn an_edit_lands_in_the_lines_of_its_handle() {
    let world = World::with(&[("a", "1\n2\n3\n4\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("a");
    let ops = json!([
        {"op": "delete", "lines": [4, 4]},
        {"op": "replace", "lines": [2, 2], "text": "two\nand a half\n"},
        {"op": "insert", "after": 0, "text": "zero"},
    ]);
    let edit = client.edit("a", &name, ops);
    assert_eq!(world.text("a"), "zero\n1\ntwo\nand a half\n3\n");
    assert_eq!((&edit["status"], &edit["operation"]), (&json!("applied"), &json!(1)));
    let lines = [json!([6, 5]), json!([3, 4]), json!([1, 1])];
    let ops = edit["files"][0]["ops"].as_array().unwrap();
    assert_eq!(ops.iter().map(|op| op["lines"].clone()).collect::<Vec<_>>(), lines);
    assert_eq!(client.handle("a"), applied(&edit));
    // The author knows what it wrote and what it left, and need not read again.
    applied(&client.edit("a", &applied(&edit), json!([{"op": "delete", "lines": [1, 5]}])));
    assert_eq!(world.text("a"), "");
}

#[test]
fn the_text_form_means_the_same() {
    let world = World::with(&[("a", "1\n2\n3\n4\n"), ("gone", "x\n"), ("from", "y\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let [a, gone, from] = ["a", "gone", "from"].map(|path| client.handle(path));
    let text = format!(
        "@a {a}\n2-3c \"2\" \"3\"\ntwo\n.\n4d >four\n0a <four\n@new/file create\nnew\n.\n\
         @gone {gone} remove\n@from {from} move to\n"
    );
    let edit = client.edit_text(&text);
    assert_eq!(edit["status"], "applied", "{edit}");
    assert_eq!(world.text("a"), "4\n1\ntwo\n");
    assert_eq!((world.text("new/file"), world.text("to")), ("new\n".into(), "y\n".into()));
    assert!(!world.path("gone").exists() && !world.path("from").exists());
    let paths: Vec<&Value> =
        edit["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, ["a", "new/file", "gone", "to"]);
    assert_eq!(edit["files"][2].get("handle"), None);
}

#[test]
fn a_handle_may_be_written_as_a_number() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let number: u64 = client.handle("a").parse().unwrap();
    let unchanged = client.call("file/read", json!({"path": "a", "known": number}));
    assert_eq!(unchanged["unchanged"], true);
    let ops = json!([{"op": "delete", "lines": [1, 1]}]);
    let edit = client.apply(json!([{"path": "a", "handle": number, "ops": ops}]));
    applied(&edit);
    for wrong in [json!(12), json!("12345x"), json!("0123456"), json!("")] {
        let edit = client.apply(json!([{"path": "a", "handle": wrong, "op": "remove"}]));
        rejected(&edit, "malformed");
        assert_eq!(client.fault("file/read", json!({"path": "a", "known": wrong})), -32602);
    }
}

#[test]
fn a_rejected_edit_is_retried_without_being_written_again() {
    let world = World::with(&[("a", "1\n2\n3\n4\n5\n6\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let part = client.call("file/read", json!({"path": "a", "lines": [[1, 1]]}));
    let ops = json!([{"op": "replace", "lines": [6, 6], "text": "six\n"}]);
    let unseen = rejected(&client.edit("a", &handle(&part), ops.clone()), "unseen");
    assert_eq!(unseen["rows"], "4\t4\n5\t5\n6\t6\n");
    let edit = client.accept(&unseen["retry"]);
    assert_eq!(world.text("a"), "1\n2\n3\n4\n5\nsix\n");
    // A token is good for one effect.
    rejected(&client.accept(&unseen["retry"]), "not_found");

    let whole = client.call("file/read", json!({"path": "a"}));
    assert_eq!(handle(&whole), applied(&edit));
    world.write("a", "0\n1\n2\n3\n4\n5\n6.\n");
    let ops = json!([
        {"op": "replace", "lines": [6, 6], "text": "6\n"}, {"op": "insert", "after": 1, "text": "+\n"},
        {"op": "delete", "lines": [3, 3]},
    ]);
    let stale = rejected(&client.edit("a", &applied(&edit), ops), "conflict");
    assert_eq!(stale["landings"], json!([null, [3, 2], [4, 4]]));
    for at in [json!([[7, 7]]), json!([[7, 7], [3, 2], [4, 4], [5, 5]]), json!([])] {
        rejected(&client.retry_at(&stale["retry"], at), "malformed");
    }
    applied(&client.retry_at(&stale["retry"], json!([[7, 7], [3, 2], [4, 4]])));
    assert_eq!(world.text("a"), "0\n1\n+\n2\n4\n5\n6\n");
}

#[test]
fn an_undo_is_an_operation_and_can_be_undone() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("a");
    client.edit("a", &name, json!([{"op": "replace", "lines": [1, 1], "text": "ONE\n"}]));
    client.edit("a", &name, json!([{"op": "replace", "lines": [3, 3], "text": "THREE\n"}]));
    let mut check = |method: &str, params: Value, text: &str| {
        let done = client.call(method, params);
        applied(&done);
        assert_eq!(world.text("a"), text);
        done["operation"].clone()
    };
    // An earlier one goes, the later one stays.
    check("edit/undo", json!({"operation": 1}), "one\ntwo\nTHREE\n");
    check("edit/undo", json!({}), THREE);
    check("edit/redo", json!({}), "one\ntwo\nTHREE\n");
    check("edit/undo", json!({}), THREE);
    let last = check("edit/undo", json!({"operation": 3}), "ONE\ntwo\nthree\n");
    assert_eq!(last, 7);

    let log = client.call("edit/log", json!({}));
    let kinds = log["operations"].as_array().unwrap().iter().map(|operation| {
        let [id, target, undone] =
            ["operation", "target", "undone_by"].map(|key| operation[key].as_u64());
        (id.unwrap(), operation["kind"].as_str().unwrap(), target, undone)
    });
    let expected = [
        (7, "undo", Some(3), None),
        (6, "undo", Some(5), None),
        (5, "redo", Some(4), Some(6)),
        (4, "undo", Some(2), Some(5)),
        (3, "undo", Some(1), Some(7)),
        (2, "edit", None, Some(4)),
        (1, "edit", None, Some(3)),
    ];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
}

#[test]
fn an_undo_takes_back_whatever_was_done_to_files() {
    let world =
        World::with(&[("edited", THREE), ("removed", "r\n"), ("moved", "m\n"), ("over", "o\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let [edited, removed, moved, over] =
        ["edited", "removed", "moved", "over"].map(|path| client.handle(path));
    let files = json!([
        {"path": "edited", "handle": edited, "ops": [{"op": "delete", "lines": [2, 2]}]},
        {"path": "removed", "handle": removed, "op": "remove"},
        {"path": "moved", "handle": moved, "op": "move", "to": "over", "to_handle": over},
        {"path": "deep/er/created", "op": "create", "text": "c"},
    ]);
    let before = world.tree();
    assert_eq!(client.apply(files)["status"], "applied");
    let after = world.tree();
    assert_eq!(after["over"], b"m\n");
    for _ in 0..2 {
        assert_eq!(client.call("edit/undo", json!({}))["status"], "applied");
        assert_eq!(world.tree(), before);
        assert_eq!(client.call("edit/redo", json!({}))["status"], "applied");
        assert_eq!(world.tree(), after);
    }
}

#[test]
fn the_log_can_be_narrowed_and_shown() {
    let world = World::with(&[("a", THREE), ("b", "b\n")]);
    let daemon = world.serve();
    let params = json!({"agent": {"name": "smith", "model": "m"}});
    let mut client = daemon.connect().opened(params);
    let [a, b] = ["a", "b"].map(|path| client.handle(path));
    let why = json!({
        "format": "anchor", "why": "because",
        "files": [{"path": "a", "handle": a, "ops": [{"op": "delete", "lines": [2, 2]}]}],
    });
    client.call("edit/apply", why);
    client.apply(json!([{"path": "b", "handle": b, "op": "move", "to": "c"}]));
    let mut ids = |params: Value| -> Vec<u64> {
        let log = client.call("edit/log", params);
        let ids = log["operations"].as_array().unwrap().iter().map(|row| row["operation"].as_u64());
        ids.collect::<Option<_>>().unwrap()
    };
    assert_eq!(ids(json!({})), [2, 1]);
    assert_eq!(ids(json!({"limit": 1})), [2]);
    assert_eq!(ids(json!({"before": 2})), [1]);
    assert_eq!(ids(json!({"path": "a"})), [1]);
    assert_eq!(ids(json!({"path": "c"})), [2]);
    assert_eq!(ids(json!({"path": "d"})), [0; 0]);

    let mut shown = client.call("edit/show", json!({"operation": 1}));
    assert!(shown["at_ms"].take().as_i64().unwrap() > 1_600_000_000_000);
    let session = client.session.clone();
    let diff = "--- a/a\n+++ b/a\n@@ -1,3 +1,2 @@\n one\n-two\n three\n";
    let expected = json!({
        "status": "ok", "operation": 1, "at_ms": null, "session": session, "agent": "smith",
        "kind": "edit", "format": "anchor", "why": "because",
        "files": [{"path": "a", "kind": "modify"}], "diff": diff,
    });
    assert_eq!(shown, expected);
    let moved = client.call("edit/show", json!({"operation": 2}));
    assert_eq!(moved["diff"], "rename from b\nrename to c\n");
    rejected(&client.call("edit/show", json!({"operation": 3})), "not_found");
}

#[test]
fn events_have_no_gap_and_tell_what_became_of_what() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("a");
    let ops = json!([{"op": "replace", "lines": [2, 2], "text": "TWO\n"}]);
    let edit = applied(&client.edit("a", &name, ops));
    rejected(&client.edit("a", &edit, json!([{"op": "delete", "lines": [9, 9]}])), "malformed");
    client.call("edit/undo", json!({}));
    let events = client.events(0);
    let numbers = events.iter().map(|event| event["seq"].as_u64().unwrap());
    assert!(numbers.eq(1..=events.len() as u64), "{events:?}");
    let kinds: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(
        kinds,
        ["session.opened", "read.served", "edit.applied", "edit.rejected", "edit.undo"]
    );
    assert!(events.iter().all(|event| event["session"] == *client.session));
    assert!(events.is_sorted_by_key(|event| event["at_ms"].as_i64()));
    let digest = |text: &str| json!(blake3::hash(text.as_bytes()).to_hex().as_str());
    let (before, after) = (digest(THREE), digest("one\nTWO\nthree\n"));
    let file = &events[2]["data"]["files"][0];
    assert_eq!((&file["before"], &file["after"]), (&before, &after));
    let file = &events[4]["data"]["files"][0];
    assert_eq!((&file["before"], &file["after"]), (&after, &before));
    assert_eq!((&events[2]["operation"], &events[4]["operation"]), (&json!(1), &json!(2)));
    assert_eq!(events[3]["data"]["code"], "malformed");

    let page = client.call("events/tail", json!({"since": 2, "limit": 2}));
    let page: Vec<&Value> = page["events"].as_array().unwrap().iter().map(|e| &e["seq"]).collect();
    assert_eq!(page, [3, 4]);
}

#[test]
fn a_healthy_state_is_called_so() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    client.read("a");
    let examined = client.call("state/examine", json!({}));
    let findings = examined["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 8);
    assert!(findings.iter().all(|finding| finding["well"] == true), "{examined}");
}

/// One who notes what every call and answer cost.
struct Accountant<'a> {
    client: &'a mut Client,
    /// What was sent and what came back, for each call.
    calls: Vec<[String; 2]>,
}

impl Accountant<'_> {
    #[track_caller]
    fn call(&mut self, method: &str, params: &Value) -> Value {
        let params = params.to_string();
        let head = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":"#);
        self.client.send(format!("{head}{params}}}\n").as_bytes());
        let line = self.client.try_line().unwrap().unwrap();
        let result = line.strip_prefix(r#"{"jsonrpc":"2.0","id":1,"result":"#);
        let result =
            result.and_then(|rest| rest.strip_suffix("}\n")).unwrap_or_else(|| panic!("{line}"));
        let value = serde_json::from_str(result).unwrap();
        self.calls.push([params, result.to_owned()]);
        value
    }

    fn bytes(&self, side: usize) -> usize {
        self.calls.iter().map(|call| call[side].len()).sum()
    }

    /// Returns the tokens of one side of some calls.
    fn tokens(&self, side: usize, calls: &[usize]) -> usize {
        calls.iter().map(|call| tokens::count(&self.calls[*call][side])).sum()
    }
}

const FIRST: &str = "fn first() {}\n";
const LATE: &str = "fn last_one() {}\n";
const THIRD: &str = "fn third() {}\n";

/// Ten calls, by their numbers.
fn ten_calls(script: &mut Accountant<'_>) {
    let replace = |name: &Value, line: usize, text: &str| {
        let ops = json!([{"op": "replace", "lines": [line, line], "text": text}]);
        json!({"format": "anchor", "files": [{"path": "a.rs", "handle": name, "ops": ops}]})
    };
    // 0: lines 1 to 9 are read.
    let read = script.call("file/read", &json!({"path": "a.rs", "lines": [[1, 9]]}));
    // 1: applied at the first try.
    let edit = script.call("edit/apply", &replace(&read["handle"], 1, FIRST));
    // 2: rejected, 3: landed by its token.
    let edit = script.call("edit/apply", &replace(&edit["files"][0]["handle"], 20, LATE));
    let token = rejected(&edit, "unseen")["retry"].clone();
    let edit = script.call("edit/retry", &json!({"retry": token, "accept": true}));
    let name = applied(&edit);
    // 4: rejected for good.
    let edit = script.call("edit/apply", &replace(&json!(name), 2, "fn line_2() {}\n"));
    rejected(&edit, "no_change");
    // 5: lines 5 to 14 are read, of which 5 to 9 were shown before.
    script.call("file/read", &json!({"path": "a.rs", "lines": [[5, 14]]}));
    // 6: applied, with old text; 7: the same, and taken back by 8.
    let edit = format!("@a.rs {name}\n3c \"fn line_3\" \"fn\"\n{THIRD}.\n");
    let edit = script.call("edit/apply", &json!({"format": "anchor", "text": edit}));
    let edit = format!("@a.rs {}\n4c \"fn line_4\"\nfn fourth() {{}}\n.\n", applied(&edit));
    applied(&script.call("edit/apply", &json!({"format": "anchor", "text": edit})));
    applied(&script.call("edit/undo", &json!({})));
    // 9: a read that is refused.
    rejected(&script.call("file/read", &json!({"path": "b.rs"})), "missing");
}

/// Returns what the ten calls wasted, part by part.
fn waste_of_ten_calls(script: &Accountant<'_>, text: &str) -> Value {
    let rows = |lines: RangeInclusive<usize>, gutter: bool| -> usize {
        let rows = lines.map(|line| {
            let text = text.lines().nth(line - 1).unwrap();
            if gutter { format!("{line}\t{text}\n") } else { format!("{text}\n") }
        });
        tokens::count(&rows.collect::<String>())
    };
    let gutter = |lines: RangeInclusive<usize>| rows(lines.clone(), true) - rows(lines, false);
    let old_text = tokens::count("fn line_3") + tokens::count("fn");
    // Of a retry the new text was not written, so nothing is around it.
    let around = |call: usize, text: usize| script.tokens(0, &[call]).saturating_sub(text);
    let parts = [
        ("rejected", script.tokens(0, &[2, 4])),
        ("reverted", script.tokens(0, &[7])),
        ("errors", script.tokens(1, &[2, 4, 9])),
        ("reread", rows(5..=14, false) * 5 / 10),
        ("old_text", old_text),
        ("gutter", gutter(1..=9) + gutter(5..=14)),
        (
            "envelope",
            around(1, tokens::count(FIRST))
                + around(3, tokens::count(LATE))
                + around(6, tokens::count(THIRD) + old_text),
        ),
    ];
    let total: usize = parts.iter().map(|(_, tokens)| tokens).sum();
    parts.into_iter().chain([("total", total)]).collect()
}

#[test]
fn every_figure_can_be_computed_again_by_hand() {
    let text: String = (1..=20).map(|number| format!("fn line_{number}() {{}}\n")).collect();
    let world = World::with(&[("a.rs", &text)]);
    let daemon = world.serve();
    let mut client = daemon.connect().opened(json!({"agent": {"name": "smith", "model": "m-1"}}));
    let mut script = Accountant { client: &mut client, calls: Vec::new() };
    ten_calls(&mut script);
    let all: Vec<usize> = (0..script.calls.len()).collect();
    let expected = json!({
        "name": "all", "reads": 2, "edits": 5, "attempts": 6, "first_try": 3, "landed": 4, "undone": 1,
        "first_try_rate": 0.6, "landed_rate": 0.8, "rejected": {"unseen": 1, "no_change": 1},
        "bytes_in": script.bytes(0), "bytes_out": script.bytes(1),
        "tokens_in": script.tokens(0, &all), "tokens_out": script.tokens(1, &all),
        "wasted": waste_of_ten_calls(&script, &text),
        "uncounted": 0, "stopped": 0, "saved": 0,
    });
    let summary = client.call("stats/summary", json!({}));
    assert_eq!(summary["tokenizer"], "o200k");
    assert_eq!(summary["groups"], json!([expected]));
    // Redone, it is no longer taken back.
    applied(&client.call("edit/redo", json!({})));
    let group = client.call("stats/summary", json!({}))["groups"][0].take();
    assert_eq!((&group["undone"], &group["wasted"]["reverted"]), (&json!(0), &json!(0)));
}

/// The record is summed up by 2,000 rows at a time.
#[test]
fn figures_of_a_long_record_are_those_of_all_of_it() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    for read in 1..=4_001 {
        client.read("a");
        if matches!(read, 1_999 | 2_000 | 2_001 | 4_000 | 4_001) {
            let summary = client.call("stats/summary", json!({}));
            assert_eq!(summary["groups"][0]["reads"], read, "{summary}");
        }
    }
}

#[test]
fn figures_can_be_grouped() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut sessions = Vec::new();
    for (agent, model) in [("smith", "m-1"), ("jones", "m-2"), ("smith", "m-2")] {
        let mut client = daemon.connect().opened(json!({"agent": {"name": agent, "model": model}}));
        let name = client.handle("a");
        let text = format!("{agent} {model}\n");
        let ops = json!([{"op": "replace", "lines": [1, 1], "text": text}]);
        applied(&client.edit("a", &name, ops));
        sessions.push(client.session.clone());
    }
    let mut client = daemon.connect();
    let mut check = |params: Value, expected: &[(&str, u64, u64)]| {
        let summary = client.call("stats/summary", params.clone());
        let groups = summary["groups"].as_array().unwrap().iter().map(|group| {
            let figures = ["reads", "edits"].map(|figure| group[figure].as_u64().unwrap());
            (group["name"].as_str().unwrap(), figures[0], figures[1])
        });
        assert_eq!(groups.collect::<Vec<_>>(), expected, "{params}");
    };
    check(json!({}), &[("all", 3, 3)]);
    check(json!({"session": sessions[1]}), &[("all", 1, 1)]);
    check(json!({"by": "agent"}), &[("jones", 1, 1), ("smith", 2, 2)]);
    check(json!({"by": "model"}), &[("m-1", 1, 1), ("m-2", 2, 2)]);
    check(json!({"by": "format"}), &[("anchor", 0, 3)]);
    let mut each: Vec<_> = sessions.iter().map(|session| (session.as_str(), 1, 1)).collect();
    each.sort_unstable();
    check(json!({"by": "session"}), &each);
}

#[test]
fn a_message_that_is_no_request_is_a_fault() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{}1{}}}"#,
        "[".repeat(64),
        "]".repeat(64)
    );
    let mut check = |line: &[u8], code: i64, id: Value| {
        client.send(&[line, b"\n"].concat());
        let answer = client.receive();
        let line = String::from_utf8_lossy(line);
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &id),
            "{line}: {answer}"
        );
        assert_eq!(answer["jsonrpc"], "2.0");
    };
    let null = Value::Null;
    check(b"{", -32700, null.clone());
    check(b"nonsense", -32700, null.clone());
    check(b"\"half a string", -32700, null.clone());
    check(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", -32700, null.clone());
    check(
        br#"{"jsonrpc":"2.0","id":1,"method":"edit/log","params":{}} extra"#,
        -32700,
        null.clone(),
    );
    // What is wrong in there is seen late, and is the same fault.
    for (method, params) in
        [("edit/log", "{\"limit\":}"), ("edit/log", "{\"more\":1,}"), ("edit/write", "{1}")]
    {
        let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        check(line.as_bytes(), -32700, null.clone());
    }
    check(b"1", -32600, null.clone());
    check(b"null", -32600, null.clone());
    check(b"{}", -32600, null.clone());
    check(br#"{"jsonrpc":"1.0","id":1,"method":"edit/log"}"#, -32600, null.clone());
    check(br#"{"jsonrpc":"2.0","id":1}"#, -32600, null.clone());
    check(br#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600, null.clone());
    check(br#"{"jsonrpc":"2.0","id":1,"method":"edit/log","more":1}"#, -32600, null.clone());
    check(br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"edit/log"}"#, -32600, null.clone());
    // A batch, and an array that reads like a request.
    check(b"[]", -32600, null.clone());
    check(br#"[{"jsonrpc":"2.0","id":1,"method":"edit/log"}]"#, -32600, null.clone());
    check(br#"["2.0",1,"edit/log",{}]"#, -32600, null.clone());
    check(deep.as_bytes(), -32001, null);
    check(br#"{"jsonrpc":"2.0","id":1,"method":"edit/write"}"#, -32601, json!(1));
    check(br#"{"jsonrpc":"2.0","id":"x","method":""}"#, -32601, json!("x"));
    check(
        br#"{"jsonrpc":"2.0","id":2.5,"method":"file/read","params":{"path":7}}"#,
        -32602,
        json!(2.5),
    );
    // And the conversation goes on.
    assert_eq!(client.read("a")["total_lines"], 3);
}

#[test]
fn parameters_that_do_not_fit_are_a_fault() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut check = |method: &str, params: &str| {
        let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        client.send(format!("{line}\n").as_bytes());
        let answer = client.receive();
        assert_eq!(answer["error"]["code"], -32602, "{line}: {answer}");
    };
    check("file/read", r#"{"path":"a","gutters":"tab"}"#);
    check("file/read", r#"{"path":"a","path":"b"}"#);
    check("file/read", r#"{"path":"a","gutter":"wide"}"#);
    check("file/read", r#"{"path":"a","lines":[1,2]}"#);
    check("file/read", r#"{"path":"a","lines":[[-1,2]]}"#);
    check("file/read", r#"["a"]"#);
    check("file/read", "7");
    check(
        "edit/apply",
        r#"{"format":"anchor","files":[{"path":"a","ops":[{"op":"replace","line":1}]}]}"#,
    );
    check("edit/apply", r#"{"format":"anchor","files":[{"path":"a","op":"delete"}]}"#);
    check("edit/apply", r#"{"format":"anchor","text":"","drift":"sometimes"}"#);
    check("edit/show", "{}");
    check("edit/undo", r#"{"operation":"1"}"#);
    check("stats/summary", r#"{"by":"day"}"#);
    check("session/open", r#"{"protocol":[2]}"#);
    check("session/open", r#"{"resume":""}"#);
    check("session/open", r#"{"root":"relative"}"#);
    check("session/open", r#"{"root":"/nowhere/at/all"}"#);
}

#[test]
fn files_are_for_those_who_opened_a_session() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.connect();
    let mut check =
        |method: &str, params: Value| assert_eq!(client.fault(method, params), -32000, "{method}");
    check("file/read", json!({"path": "a"}));
    check("file/read", json!({"path": "a", "session": "nobody"}));
    check(
        "edit/apply",
        json!({"format": "anchor", "files": [{"path": "b", "op": "create", "text": "x"}]}),
    );
    check("edit/retry", json!({"retry": "r00000000", "accept": true}));
    check("edit/undo", json!({"operation": 1}));
    check("edit/redo", json!({}));
    assert!(!world.path("b").exists());
}

#[test]
fn a_message_that_is_too_long_is_a_fault_and_what_follows_is_heard() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut writer = client.twin();
    // The answer comes before the end of the message, so somebody must listen.
    let sender = std::thread::spawn(move || {
        let head = r#"{"jsonrpc":"2.0","id":1,"method":"edit/apply","params":{"text":""#;
        writer.send(head.as_bytes());
        let piece = vec![b'x'; 1 << 20];
        (0..33).for_each(|_| writer.send(&piece));
        writer.send(b"\"}}\n");
    });
    let answer = client.receive();
    assert_eq!(
        (&answer["error"]["code"], &answer["id"]),
        (&json!(-32001), &Value::Null),
        "{answer}"
    );
    sender.join().unwrap();
    assert_eq!(client.read("a")["total_lines"], 3);
    // Nothing at all between two line ends is no message.
    client.send(b"\n  \r\n");
    assert_eq!(client.read("a")["total_lines"], 3);
}

#[test]
fn a_notification_is_heard_but_not_answered() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    client.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"$/whatever\",\"params\":{}}\n");
    client.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":77}}\n");
    client.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"no/such\",\"params\":{}}\n");
    let files = json!([{"path": "b", "op": "create", "text": "x"}]);
    let edit = json!({"jsonrpc": "2.0", "method": "edit/apply", "params": {"format": "anchor", "files": files}});
    client.send(format!("{edit}\n").as_bytes());
    assert_eq!(client.read("a")["total_lines"], 3);
    assert_eq!(world.text("b"), "x");
}

#[test]
fn what_is_cancelled_while_it_waits_never_happens() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let create = |number: u32| {
        let files = json!([{"path": format!("new-{number}"), "op": "create", "text": "x\n"}]);
        let params = json!({"format": "anchor", "files": files});
        format!(
            "{}\n",
            json!({"jsonrpc": "2.0", "id": number, "method": "edit/apply", "params": params})
        )
    };
    let cancel = |id: u32| {
        let params = json!({"id": id});
        format!("{}\n", json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": params}))
    };
    // One write, so that all of it is there when the first one is begun.
    let burst = (0..24).map(create).collect::<String>() + &cancel(20) + &cancel(22) + &cancel(99);
    client.send(burst.as_bytes());
    for number in 0..24 {
        let answer = client.receive();
        assert_eq!(answer["id"], number, "in the order they came: {answer}");
        match number {
            20 | 22 => assert_eq!(answer["error"]["code"], -32002, "{answer}"),
            _ => assert_eq!(answer["result"]["status"], "applied", "{answer}"),
        }
        assert_eq!(world.path(&format!("new-{number}")).exists(), !matches!(number, 20 | 22));
    }
}

#[test]
fn more_than_may_wait_is_answered_in_order() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let ids: Vec<u64> =
        (0..300).map(|_| client.request("file/read", &json!({"path": "a"}))).collect();
    for id in ids {
        assert_eq!(client.receive()["id"], id);
    }
}

#[test]
fn many_callers_are_served_at_once() {
    let world = World::new();
    (0..32).for_each(|number| world.write(&format!("f{number}"), "0\n"));
    let daemon = world.serve();
    std::thread::scope(|scope| {
        for number in 0..32 {
            let (daemon, world) = (&daemon, &world);
            scope.spawn(move || {
                let mut client = daemon.open();
                let path = format!("f{number}");
                let mut name = client.handle(&path);
                for step in 1..=10 {
                    let ops =
                        json!([{"op": "replace", "lines": [1, 1], "text": format!("{step}\n")}]);
                    name = applied(&client.edit(&path, &name, ops));
                }
                assert_eq!(world.text(&path), "10\n");
            });
        }
    });
    assert_eq!(
        daemon.open().call("edit/log", json!({"limit": 1000}))["operations"]
            .as_array()
            .unwrap()
            .len(),
        320
    );
}

#[test]
fn a_content_has_one_name_for_all_who_ask_at_once() {
    let world = World::new();
    let files: Vec<String> = (0..40).map(|number| format!("f{number}")).collect();
    files.iter().for_each(|path| world.write(path, path));
    let daemon = world.serve();
    let start = Barrier::new(8);
    let names: Vec<Vec<String>> = std::thread::scope(|scope| {
        let ask = || {
            let mut client = daemon.open();
            start.wait();
            files.iter().map(|path| client.handle(path)).collect()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(names.iter().all(|named| *named == names[0]), "{names:?}");
}

#[test]
fn more_callers_than_allowed_are_turned_away_until_one_goes() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    // The connections that waited for the daemon may still be on their way out.
    let mut clients = Vec::new();
    wait_for("256 places", || {
        clients =
            (0..256).map(|_| daemon.open_if_admitted()).collect::<Option<_>>().unwrap_or_default();
        !clients.is_empty()
    });
    assert!(daemon.connect().is_over());
    clients.pop();
    wait_for("a free place", || daemon.open_if_admitted().is_some());
    assert_eq!(clients[0].read("a")["total_lines"], 3);
}

#[test]
fn a_caller_that_dies_harms_nobody() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut other = daemon.open();
    let name = other.handle("a");
    let mut dying = daemon.resume(&other.session);
    let ops = json!([{"op": "delete", "lines": [1, 1]}]);
    let edit = json!({"format": "anchor", "files": [{"path": "a", "handle": name, "ops": ops}]});
    let message =
        json!({"jsonrpc": "2.0", "id": 1, "method": "edit/apply", "params": edit}).to_string();
    // In the middle of a message: it was never sent.
    dying.send(&message.as_bytes()[..message.len() - 5]);
    drop(dying);
    let mut cut = daemon.resume(&other.session);
    // The whole message, but not its line end: it may have been cut off.
    cut.send(message.as_bytes());
    cut.finish();
    assert!(cut.is_over());
    assert_eq!(other.read("a")["total_lines"], 3);
    assert_eq!(world.text("a"), THREE);
    // After a message, before its answer: it was sent.
    let mut dying = daemon.resume(&other.session);
    dying.send(format!("{message}\n").as_bytes());
    drop(dying);
    wait_for("the edit", || world.text("a") == "two\nthree\n");
    assert_eq!(other.read("a")["total_lines"], 2);
}

#[test]
fn the_same_op_id_has_one_effect_and_one_answer_also_after_a_death() {
    let world = World::with(&[("a", THREE), ("b", "b\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let [a, b] = ["a", "b"].map(|path| client.handle(path));
    let edit = json!({
        "format": "anchor", "op_id": "once",
        "files": [
            {"path": "a", "handle": a, "ops": [{"op": "insert", "after": 1, "text": "more\n"}]},
            {"path": "b", "handle": b, "op": "remove"},
        ],
    });
    let first = client.call("edit/apply", edit.clone());
    assert_eq!(first["status"], "applied");
    assert_eq!(client.call("edit/apply", edit.clone()), first);
    let session = client.session.clone();
    daemon.kill();
    let daemon = world.serve();
    let mut client = daemon.resume(&session);
    assert_eq!(client.call("edit/apply", edit.clone()), first);
    assert_eq!(world.text("a"), "one\nmore\ntwo\nthree\n");
    let log = client.call("edit/log", json!({}));
    assert_eq!(log["operations"].as_array().unwrap().len(), 1);
    // It is this session's name for it, and nobody else's.
    let mut other = daemon.open();
    let name = other.handle("a");
    let ops = json!([{"op": "delete", "lines": [1, 1]}]);
    let edit = json!({"format": "anchor", "op_id": "once", "files": [{"path": "a", "handle": name, "ops": ops}]});
    assert_eq!(other.call("edit/apply", edit)["operation"], 2);
}

#[test]
fn the_same_op_id_sent_twice_at_once_has_one_effect() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("a");
    let edit = json!({
        "format": "anchor", "op_id": "once",
        "files": [{"path": "a", "handle": name, "ops": [{"op": "insert", "after": 0, "text": "zero\n"}]}],
    });
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let send = || daemon.resume(&client.session).call("edit/apply", edit.clone());
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(world.text("a"), "zero\none\ntwo\nthree\n");
}

#[test]
fn over_stdio_it_is_the_same() {
    let world = World::with(&[("a", THREE), ("b", THREE)]);
    let daemon = world.serve();
    let script = |mut client: Client, path: &str| {
        let mut opened = client.call("session/open", json!({"client": {"name": "it"}}));
        opened["session"].take();
        let mut read = client.read(path);
        let ops = json!([{"op": "delete", "lines": [2, 2]}]);
        let mut edit = client.edit(path, &handle(&read), ops.clone());
        let again = client.edit(path, &applied(&edit), json!([{"op": "delete", "lines": [5, 5]}]));
        ["handle", "path"].iter().for_each(|field| drop(read[field].take()));
        ["operation", "files"].iter().for_each(|field| drop(edit[field].take()));
        let fault = client.fault("no/such", json!({}));
        client.finish();
        (opened, read, edit, rejected(&again, "malformed")["message"].clone(), fault, client)
    };
    let (opened, read, edit, message, fault, mut socket) = script(daemon.connect(), "a");
    assert!(socket.is_over());
    let over_stdio = script(world.stdio(), "b");
    let (opened_too, read_too, edit_too, message_too, fault_too, mut stdio) = over_stdio;
    assert_eq!(
        (opened, read, edit, message, fault),
        (opened_too, read_too, edit_too, message_too, fault_too)
    );
    assert!(stdio.is_over());
    assert_eq!(stdio.exit_code(), 0);
}
