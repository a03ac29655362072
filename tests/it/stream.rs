//! `edit/stream` and `format: "auto"` over the wire: whatever the pieces, the
//! close says what the whole says, and a hopeless edit is stopped early.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::suite::{Case, Suite};
use crate::world::{Client, World, applied, rejected};

/// The formats and their pages.
const PAGES: [(&str, &str); 11] = [
    ("anchor", include_str!("../cases/anchor-text.md")),
    ("anchor", include_str!("../cases/text-rules.md")),
    ("replace", include_str!("../cases/replace.md")),
    ("blocks", include_str!("../cases/blocks.md")),
    ("udiff", include_str!("../cases/udiff.md")),
    ("patch", include_str!("../cases/patch.md")),
    ("hashline", include_str!("../cases/hashline.md")),
    ("lines", include_str!("../cases/lines.md")),
    ("whole", include_str!("../cases/whole.md")),
    ("lsp", include_str!("../cases/lsp.md")),
    ("symbol", include_str!("../cases/symbol.md")),
];

/// Opens a stream; returns its name.
#[track_caller]
fn open(client: &mut Client, format: &str) -> String {
    let opened = client.call("edit/stream", json!({"step": "open", "format": format}));
    assert_eq!(opened["status"], "open", "{opened}");
    opened["stream"].as_str().expect("a name").to_owned()
}

fn chunk(client: &mut Client, stream: &str, text: &str) -> Value {
    client.call("edit/stream", json!({"step": "chunk", "stream": stream, "text": text}))
}

fn close(client: &mut Client, stream: &str) -> Value {
    client.call("edit/stream", json!({"step": "close", "stream": stream}))
}

fn cancel(client: &mut Client, stream: &str) -> Value {
    client.call("edit/stream", json!({"step": "cancel", "stream": stream}))
}

/// Returns the text in pieces of random sizes.
fn pieces(text: &str, dice: &mut Dice) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let most = [1, 4, 40, rest.len()][dice.roll(4)];
        let mut len = (1 + dice.roll(most)).min(rest.len());
        while !rest.is_char_boundary(len) {
            len += 1;
        }
        pieces.push(rest[..len].to_owned());
        rest = &rest[len..];
    }
    pieces
}

/// Lays out what a case starts from, for some sessions; returns the edit.
fn stage(world: &World, case: &Case, clients: &mut [Client], other: &mut Client) -> Option<String> {
    let edit = case.blocks.iter().find(|block| block.kind == "edit")?;
    for name in world.tree().keys() {
        std::fs::remove_file(world.path(name)).unwrap();
    }
    let mut handle = "481920".to_owned();
    for block in &case.blocks {
        let path = block.option("path").unwrap_or("f");
        match block.kind.as_str() {
            "before" => {
                world.write(path, &block.bytes);
                for client in &mut *clients {
                    let shown = read(client, path, block.option("shown"));
                    if let Some(shown) = shown.filter(|_| path == "f" || handle == "481920") {
                        handle = shown;
                    }
                }
            }
            "since" => {
                let _read = read(other, path, None);
                let text = block.text().replace("HANDLE", &handle).replace("481920", &handle);
                other.call("edit/apply", json!({"format": "anchor", "text": text}));
            }
            "outside" if block.has("gone") => std::fs::remove_file(world.path(path)).unwrap(),
            "outside" => world.write(path, &block.bytes),
            _ => {}
        }
    }
    Some(edit.text().replace("HANDLE", &handle).replace("481920", &handle))
}

/// Reads what a case shows of a file; returns its handle.
fn read(client: &mut Client, path: &str, shown: Option<&str>) -> Option<String> {
    let mut params = json!({"path": path});
    if let Some(shown) = shown {
        let number = |word: &str| word.parse::<usize>().unwrap_or(0);
        let pair = |word: &str| match word.split_once('-') {
            Some((first, last)) => (number(first), number(last)),
            None => (number(word), number(word)),
        };
        let lines: Vec<_> = shown.split(',').filter(|w| *w != "none").map(pair).collect();
        if lines.is_empty() {
            return None;
        }
        params["lines"] = json!(lines);
    }
    Some(client.call("file/read", params)["handle"].as_str()?.to_owned())
}

#[test]
fn every_case_streams_as_it_stands() {
    let world = World::new();
    let daemon = world.serve();
    let mut dice = Dice::new(1);
    let (mut cases, mut stops, mut refused): (usize, Vec<f64>, usize) = (0, Vec::new(), 0);
    for (format, page) in PAGES {
        for case in Suite::read("page", page).cases {
            let mut clients = [daemon.open(), daemon.open()];
            let mut other = daemon.open();
            let Some(text) = stage(&world, &case, &mut clients, &mut other) else { continue };
            let [batch, client] = &mut clients;
            cases += 1;
            let whole = json!({"format": format, "text": text, "dry_run": true});
            let whole = batch.call("edit/apply", whole);
            let open = json!({"step": "open", "format": format, "dry_run": true});
            let stream = client.call("edit/stream", open)["stream"].as_str().unwrap().to_owned();
            let mut stop = None;
            for piece in pieces(&text, &mut dice) {
                let told = chunk(client, &stream, &piece);
                stop = stop.or_else(|| told["stop"]["at"].as_u64());
            }
            let heading = format!("{format}: {}", case.heading);
            assert_eq!(close(client, &stream), whole, "{heading}: {text}");
            refused += usize::from(whole["status"] == "rejected");
            if let Some(at) = stop {
                assert_eq!(whole["status"], "rejected", "{heading} was stopped after {at}: {text}");
                stops.push(at as f64 / text.len().max(1) as f64);
            }
        }
    }
    let mean = 100.0 * stops.iter().sum::<f64>() / stops.len() as f64;
    println!("{cases} cases, {refused} refused, {} of them stopped", stops.len());
    println!("stopped after {mean:.0} % of their text in the mean");
    assert!(cases > 300 && stops.len() > refused / 3, "the pages have lost their cases");
}

/// Returns an edit in each format that changes line 2 of `f`, with a new text
/// of many rows.
fn doomed(handle: &str, old: &str) -> Vec<(&'static str, String)> {
    let new = "let something = new(\"that is longer than what it replaces\");\n".repeat(20);
    let plus = new.lines().map(|row| format!("+{row}\n")).collect::<String>();
    let text = Value::from(new.clone()).to_string();
    vec![
        ("anchor", format!("@f {handle}\n2c\n{new}.\n")),
        ("blocks", format!("f\n<<<<<<< SEARCH\n{old}\n=======\n{new}>>>>>>> REPLACE\n")),
        ("udiff", format!("--- a/f\n+++ b/f\n@@ -1,3 +1,22 @@\n one\n-{old}\n{plus} three\n")),
        (
            "patch",
            format!("*** Begin Patch\n*** Update File: f\n@@\n one\n-{old}\n{plus}*** End Patch\n"),
        ),
        ("hashline", format!("[f#{handle}]\nPUT 2:\n{plus}")),
        ("replace", format!(r#"{{"path": "f", "old_string": "{old}\n", "new_string": {text}}}"#)),
        ("lines", format!(r#"{{"path": "f", "start": 2, "end": 2, "text": {text}}}"#)),
        ("whole", format!(r#"{{"path": "f", "text": {text}}}"#)),
    ]
}

/// Streams an edit in pieces of four letters until it is stopped; returns the
/// stop and the share of the text after which it came.
#[track_caller]
fn stopped(client: &mut Client, format: &str, text: &str) -> (Value, f64) {
    let stream = open(client, format);
    let letters: Vec<char> = text.chars().collect();
    for piece in letters.chunks(4) {
        let piece: String = piece.iter().collect();
        let told = chunk(client, &stream, &piece);
        if told["status"] == "stopped" {
            let at = told["stop"]["at"].as_f64().unwrap() / text.len() as f64;
            assert_eq!(cancel(client, &stream)["status"], "cancelled");
            return (told["stop"]["rejection"].clone(), at);
        }
    }
    panic!("{format} is not stopped: {text}");
}

#[test]
fn what_was_changed_meanwhile_is_stopped_early_with_the_cure() {
    let (mut shares, mut count) = (0.0, 0);
    for index in 0..8 {
        let world = World::with(&[("f", "one\ntwo\nthree\n")]);
        let daemon = world.serve();
        let mut client = daemon.open();
        let handle = client.handle("f");
        world.write("f", "one\n2\nthree\n");
        let (format, text) = doomed(&handle, "two").remove(index);
        let (rejection, at) = stopped(&mut client, format, &text);
        let code = rejection["code"].as_str().unwrap();
        assert!(["conflict", "stale"].contains(&code), "{format}: {rejection}");
        assert!(rejection["rows"].as_str().unwrap().contains("2\t2\n"), "{format}: {rejection}");
        assert!(at < 0.25, "{format} is stopped after {at}");
        println!("{format}: {code} after {:.0} %", 100.0 * at);
        (shares, count) = (shares + at, count + 1);
        // The rows count as shown now: the edit can follow under their handle.
        let handle = rejection["handle"].as_str().unwrap();
        let edit = json!([{"op": "replace", "lines": [2, 2], "text": "TWO\n"}]);
        applied(&client.edit("f", handle, edit));
        assert_eq!(world.text("f"), "one\nTWO\nthree\n");
    }
    println!("stopped after {:.0} % in the mean", 100.0 * shares / f64::from(count));
}

#[test]
fn what_stands_nowhere_is_stopped_early() {
    let world = World::with(&[("f", "one\ntwo\nthree\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f");
    for (format, text) in doomed(&handle, "twofold") {
        // The others say nothing of the old text.
        if ["replace", "blocks", "udiff", "patch"].contains(&format) {
            let (rejection, at) = stopped(&mut client, format, &text);
            assert_eq!(rejection["code"], "not_found", "{format}: {rejection}");
            assert!(at < 0.25, "{format} is stopped after {at}");
        }
    }
    assert_eq!(world.text("f"), "one\ntwo\nthree\n");
}

#[test]
fn every_reason_stops_as_soon_as_it_is_known() {
    let long: String = (0..100).map(|n| format!("{n}\n")).collect();
    let world = World::with(&[("f", "one\ntwo\nthree\n"), ("unread", "a\n"), ("long", &long)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f");
    let first = client.call("file/read", json!({"path": "long", "lines": [[1, 3]]}));
    let long = first["handle"].as_str().unwrap().to_owned();
    let body = "+a row that need not be written\n".repeat(20);
    let mut check = |format: &str, head: &str, code: &str| {
        let text = format!("{head}{body}");
        let (rejection, at) = stopped(&mut client, format, &text);
        assert_eq!(rejection["code"], code, "{head}: {rejection}");
        assert_eq!(at, head.len() as f64 / text.len() as f64, "{head}: {rejection}");
    };
    check("hashline", &format!("[f#{handle}]\nPUT 9:\n"), "malformed");
    check("hashline", &format!("[f#{handle}]\nPUT x:\n"), "malformed");
    check("hashline", "[f#999999]\n", "unknown_handle");
    check("hashline", &format!("[f#{long}]\n"), "unknown_handle");
    check("hashline", &format!("[long#{long}]\nPUT 50:\n"), "unseen");
    check("hashline", &format!("[gone#{handle}]\n"), "unknown_handle");
    check("hashline", &format!("[../f#{handle}]\n"), "malformed");
    check("hashline", &format!("[.git/config#{handle}]\n"), "denied");
    check("patch", "*** Begin Patch\n*** Add File: f\n", "exists");
    check("patch", "*** Begin Patch\n*** Delete File: unread\n", "unseen");
    check("patch", "*** Begin Patch\n*** Delete File: gone\n", "missing");
}

/// A stale place is no reason to stop while the new text is what stands there.
#[test]
fn what_is_there_already_is_not_stopped() {
    let world = World::with(&[("f", "one\ntwo\nthree\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f");
    let edit = json!([{"op": "replace", "lines": [2, 2], "text": "TWO\nmore\n"}]);
    applied(&client.edit("f", &handle, edit));
    let stream = open(&mut client, "anchor");
    for piece in [&format!("@f {handle}\n2c\n"), "TWO\n", "more\n", ".\n"] {
        assert_eq!(chunk(&mut client, &stream, piece)["status"], "open", "{piece}");
    }
    let closed = close(&mut client, &stream);
    applied(&closed);
    assert_eq!(closed["files"][0]["ops"][0]["already"], true, "{closed}");
}

#[test]
fn a_stream_that_goes_well_is_applied_once_and_counted_as_one_edit() {
    let world = World::with(&[("f", "one\ntwo\nthree\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f");
    let text = format!("@f {handle}\n2c\nTWO\n.\n");
    let open = json!({"step": "open", "format": "anchor", "text": text, "op_id": "once"});
    let opened = client.call("edit/stream", open);
    let stream = opened["stream"].as_str().unwrap();
    assert_eq!((&opened["status"], &opened["taken"]), (&json!("open"), &json!(text.len())));
    applied(&close(&mut client, stream));
    assert_eq!(world.text("f"), "one\nTWO\nthree\n");
    // It is over.
    rejected(&close(&mut client, stream), "not_found");
    rejected(&chunk(&mut client, stream, "x"), "not_found");
    let group = client.call("stats/summary", json!({}))["groups"][0].take();
    assert_eq!((&group["edits"], &group["attempts"]), (&json!(1), &json!(1)), "{group}");
    assert!(group["bytes_in"].as_u64().unwrap() > text.len() as u64, "{group}");
}

#[test]
fn what_a_stop_saved_is_counted() {
    let world = World::with(&[("f", "one\ntwo\nthree\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f");
    let (_, text) = doomed(&handle, "twofold").remove(1);
    let (_, at) = stopped(&mut client, "blocks", &text);
    let events = client.call("events/tail", json!({}))["events"].take();
    let kinds: Vec<&str> =
        events.as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert!(kinds.ends_with(&["stream.stopped", "edit.rejected"]), "{kinds:?}");
    let stopped_at = &events.as_array().unwrap().last().unwrap()["data"]["stopped_at"];
    assert_eq!(stopped_at.as_f64().unwrap(), at * text.len() as f64);
    // The model writes it again, and well.
    let (_, text) = doomed(&handle, "two").remove(1);
    applied(&client.call("edit/apply", json!({"format": "blocks", "text": text})));
    let group = client.call("stats/summary", json!({}))["groups"][0].take();
    assert_eq!((&group["stopped"], &group["attempts"]), (&json!(1), &json!(2)), "{group}");
    assert_eq!(group["rejected"]["not_found"], 1, "{group}");
    let saved = group["saved"].as_u64().unwrap();
    // 20 rows of some 13 tokens were not written in vain.
    assert!((200..400).contains(&saved), "{group}");
}

#[test]
fn streams_end_with_their_connection_and_belong_to_their_session() {
    let world = World::with(&[("f", "one\n")]);
    let daemon = world.serve();
    let (mut client, mut other) = (daemon.open(), daemon.open());
    let stream = open(&mut client, "anchor");
    rejected(&chunk(&mut other, &stream, "x"), "not_found");
    rejected(&cancel(&mut other, &stream), "not_found");
    assert_eq!(chunk(&mut client, &stream, "@f ")["taken"], 3);
    drop(client);
    crate::world::wait_for("the end of the stream", || {
        let events = other.call("events/tail", json!({}))["events"].take();
        events.as_array().unwrap().iter().any(|event| event["type"] == "stream.cancelled")
    });
}

#[test]
fn streams_are_bounded() {
    let world = World::with(&[("f", "one\n")]);
    let limits = ["streams=2", "stream_bytes=2000", "stream_seconds=1"];
    let limits = limits.iter().flat_map(|limit| ["--limit", limit]);
    let arguments: Vec<&str> = ["--durability", "none"].into_iter().chain(limits).collect();
    let daemon = world.serve_with(&arguments);
    let mut client = daemon.open();
    let (one, two) = (open(&mut client, "whole"), open(&mut client, "auto"));
    let busy = client.call("edit/stream", json!({"step": "open", "format": "whole"}));
    rejected(&busy, "busy");
    chunk(&mut client, &one, &"x\n".repeat(900));
    let told = chunk(&mut client, &two, &"x\n".repeat(900));
    assert_eq!(told["stop"]["rejection"]["code"], "too_large", "{told}");
    rejected(&close(&mut client, &two), "too_large");
    // One place is free now, and after a second without a word the other too.
    open(&mut client, "whole");
    std::thread::sleep(std::time::Duration::from_millis(1200));
    open(&mut client, "whole");
    open(&mut client, "whole");
    rejected(&chunk(&mut client, &one, "x"), "not_found");
}

#[test]
fn steps_that_make_no_sense_are_faults() {
    let world = World::new();
    let daemon = world.serve();
    let mut client = daemon.open();
    for params in [
        json!({"step": "open"}),
        json!({"step": "open", "format": "anchor", "stream": "s1"}),
        json!({"step": "chunk", "text": "x"}),
        json!({"step": "chunk", "stream": "s1", "format": "anchor"}),
        json!({"step": "cancel", "stream": "s1", "text": "x"}),
        json!({"step": "pause", "stream": "s1"}),
    ] {
        assert_eq!(client.fault("edit/stream", params.clone()), -32602, "{params}");
    }
    let unknown = client.call("edit/stream", json!({"step": "open", "format": "ed"}));
    rejected(&unknown, "unsupported");
}

#[test]
fn a_reply_in_an_unknown_format_is_recognised() {
    let world = World::with(&[("f", "one\ntwo\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    client.handle("f");
    let auto = |text: &str| json!({"format": "auto", "text": text});
    let diff = "I change it:\n\n```diff\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+ONE\n```\nDone.\n";
    let answer = client.call("edit/apply", auto(diff));
    applied(&answer);
    assert_eq!(answer["format"], "udiff");
    let quote =
        "```json\n{\"path\": \"f\", \"old_string\": \"two\", \"new_string\": \"TWO\"}\n```\n";
    let stream = open(&mut client, "auto");
    for piece in quote.split_inclusive('\n') {
        assert_eq!(chunk(&mut client, &stream, piece)["status"], "open");
    }
    let answer = close(&mut client, &stream);
    applied(&answer);
    assert_eq!(answer["format"], "replace");
    assert_eq!(world.text("f"), "ONE\nTWO\n");
    // What is refused says how it was read, too.
    let nowhere = "f\n<<<<<<< SEARCH\nthree\n=======\n3\n>>>>>>> REPLACE\n";
    let refusal = rejected(&client.call("edit/apply", auto(nowhere)), "not_found");
    assert_eq!(refusal["format"], "blocks");
    let two = "```\n@f 481920\n1d\n```\nor\n```\n[f#481920]\nCUT 1\n```\n";
    let refusal = rejected(&client.call("edit/apply", auto(two)), "malformed");
    assert!(refusal["message"].as_str().unwrap().contains("anchor or hashline"), "{refusal}");
    rejected(&client.call("edit/apply", auto("I changed it.")), "malformed");
}

#[test]
fn the_command_line_streams_and_recognises() {
    let world = World::with(&[("f", "one\ntwo\n")]);
    assert_eq!(world.run(&["read", "f"]).code, 0);
    let diff = "Here:\n```diff\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+ONE ü\n```\n";
    let said = world.run_on(diff, &["edit", "--format", "auto"]);
    assert_eq!(said.code, 0, "{said:?}");
    let quote = "{\"path\": \"f\", \"old_string\": \"two\", \"new_string\": \"TWO\"}";
    let said = world.run_on(quote, &["edit", "--format", "replace"]);
    assert_eq!(said.code, 0, "{said:?}");
    let block = "f\n<<<<<<< SEARCH\nTWO\n=======\nzwölf\n>>>>>>> REPLACE\n";
    let said = world.run_on(block, &["edit", "--stream", "--format", "blocks"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(world.text("f"), "ONE ü\nzwölf\n");
    // The rest of a hopeless edit is not waited for.
    let (ours, mut child) = world.start(&["edit", "--stream", "--format", "blocks"]);
    let mut input = ours;
    std::io::Write::write_all(&mut input, b"f\n<<<<<<< SEARCH\ntwelve\n=======\nnev").unwrap();
    crate::world::wait_for("the end of the command", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    drop(input);
    let said =
        world.run_on("f\n<<<<<<< SEARCH\n\u{fffd}\n", &["edit", "--stream", "--format", "ed"]);
    assert_eq!(said.code, 1, "{said:?}");
}

/// A world whose user has these rules.
fn ruled(rules: &Value) -> World {
    let world = World::with(&[("f.rs", "one\ntwo\n"), ("vendor/x", "a\n")]);
    let directory = world.outside("config/anchord");
    std::fs::create_dir_all(&directory).unwrap();
    let text = json!({"rules": rules}).to_string();
    std::fs::write(directory.join("config.json"), text).unwrap();
    world
}

fn rules() -> Value {
    json!([
        {"name": "no-unwrap", "pattern": r"\.unwrap\(\)", "files": ["*.rs"], "action": "stop",
         "message": "return the error instead"},
        {"name": "no-vendor", "pattern": "^vendor/", "over": "path", "action": "ask", "repeat": true,
         "message": "ask before you touch what others wrote"},
        {"name": "no-later", "pattern": "LATER", "action": "warn", "repeat": true,
         "message": "leave nothing to be done"},
    ])
}

/// Returns what a rule warns of in an answer.
#[track_caller]
fn warned(answer: &Value) -> &str {
    let lints = answer["lints"].as_array().expect("there are lints");
    let rule = lints.iter().find(|lint| lint["lint"] == "rule").expect("a rule warns");
    rule["message"].as_str().unwrap()
}

#[test]
fn rules_of_the_user_hold_for_whole_edits() {
    let world = ruled(&rules());
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f.rs");
    let replace = |text: &str| json!([{"op": "replace", "lines": [1, 1], "text": text}]);
    let refused = rejected(&client.edit("f.rs", &handle, replace("a.unwrap();\n")), "denied");
    assert_eq!(refused["message"], "return the error instead (rule no-unwrap)");
    assert!(refused["retry"].is_null(), "{refused}");
    // It fires once a session, and is noted; a warning comes every time.
    let edit = client.edit("f.rs", &handle, replace("a.unwrap(); // LATER\n"));
    applied(&edit);
    assert_eq!(warned(&edit), "leave nothing to be done (rule no-later)");
    let handle = client.handle("f.rs");
    let edit = client.edit("f.rs", &handle, replace("// LATER\n"));
    applied(&edit);
    assert_eq!(warned(&edit), "leave nothing to be done (rule no-later)");
    let fired = client.events(0);
    let fired: Vec<&str> = fired
        .iter()
        .filter(|event| event["type"] == "rule.fired")
        .map(|event| event["data"]["rule"].as_str().unwrap())
        .collect();
    assert_eq!(fired, ["no-unwrap", "no-later", "no-later"]);
    // Consent is given by the token, for this edit alone: the second one is asked
    // for again, although it finds its work done.
    let handle = client.handle("vendor/x");
    for _ in 0..2 {
        let edit = json!([{"op": "insert", "after": 1, "text": "b\n"}]);
        let asked = rejected(&client.edit("vendor/x", &handle, edit), "approval");
        assert_eq!(asked["path"], "vendor/x");
        applied(&client.accept(&asked["retry"]));
    }
    let text = json!({"format": "blocks", "text":
        "vendor/x\n<<<<<<< SEARCH\na\n=======\nc\n>>>>>>> REPLACE\n"});
    let asked = rejected(&client.call("edit/apply", text), "approval");
    applied(&client.accept(&asked["retry"]));
    assert_eq!(world.text("vendor/x"), "c\nb\n");
    // Another session is another.
    let mut other = daemon.open();
    let handle = other.handle("f.rs");
    rejected(&other.edit("f.rs", &handle, replace("a.unwrap();\n")), "denied");
}

/// To send an edit again, or to ask for it otherwise, is no consent.
#[test]
fn what_needs_consent_is_asked_for_until_somebody_consents() {
    let mut rules = rules();
    rules[1].as_object_mut().unwrap().remove("repeat");
    let world = ruled(&rules);
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("vendor/x");
    let ask = |client: &mut Client, text: &str| {
        let edit = json!([{"op": "replace", "lines": [1, 1], "text": text}]);
        rejected(&client.edit("vendor/x", &handle, edit), "approval")["retry"].clone()
    };
    let declined = ask(&mut client, "b\n");
    // Consent is to the edit as it was shown.
    rejected(&client.retry_at(&declined, json!([[1, 1]])), "malformed");
    rejected(&client.call("edit/retry", json!({"retry": declined, "candidate": 1})), "malformed");
    let nothing = client.call("edit/retry", json!({"retry": declined, "decline": true}));
    assert_eq!(nothing, json!({"status": "ok"}));
    rejected(&client.accept(&declined), "not_found");
    assert_eq!(world.text("vendor/x"), "a\n");
    // It is asked for again, also by a session that was opened anew.
    ask(&mut client, "b\n");
    let consented = ask(&mut client, "c\n");
    applied(&client.accept(&consented));
    // Once is enough where the rule does not repeat.
    let handle = client.handle("vendor/x");
    let edit = json!([{"op": "replace", "lines": [1, 1], "text": "d\n"}]);
    applied(&client.edit("vendor/x", &handle, edit));
    let events = client.events(0);
    let of_kind = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((of_kind("rule.fired"), of_kind("rule.consented")), (3, 1));
}

/// A rewrite is only shown first, and carried out by the token of what was shown.
#[test]
fn rules_of_the_user_hold_for_rewrites() {
    let mut rules = rules();
    rules[0]["repeat"] = json!(true);
    let world = ruled(&rules);
    world.write("f.rs", "fn f() { a(); }\n");
    world.write("vendor/y.rs", "fn f() { a(); }\n");
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut shown = |rewrite: &str, path: &str| {
        let params = json!({"pattern": "a()", "rewrite": rewrite, "paths": [path]});
        let shown = client.call("pattern/rewrite", params);
        assert!(shown["retry"].is_string(), "{shown}");
        client.accept(&shown["retry"])
    };
    rejected(&shown("a.unwrap()", "f.rs"), "denied");
    let asked = rejected(&shown("b()", "vendor/y.rs"), "approval")["retry"].clone();
    assert_eq!(world.text("vendor/y.rs"), "fn f() { a(); }\n");
    applied(&client.accept(&asked));
    assert_eq!(world.text("vendor/y.rs"), "fn f() { b(); }\n");
    assert_eq!(world.text("f.rs"), "fn f() { a(); }\n");
}

#[test]
fn rules_of_the_user_stop_a_stream_at_the_row() {
    let world = ruled(&rules());
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f.rs");
    let head = format!("@f.rs {handle}\n1c\nlet a = 1; // LATER\nlet b = a.unwrap();\n");
    let text = format!("{head}let c = 2;\n.\n");
    let stream = open(&mut client, "anchor");
    let told = chunk(&mut client, &stream, &text);
    assert_eq!((&told["status"], &told["stop"]["at"]), (&json!("stopped"), &json!(head.len())));
    assert_eq!(told["stop"]["rejection"]["code"], "denied", "{told}");
    let names: Vec<&str> =
        told["firings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect();
    assert_eq!(names, ["no-later", "no-unwrap"], "{told}");
    // The close says what the whole would have been told, and notes nothing anew.
    let refused = rejected(&close(&mut client, &stream), "denied");
    assert_eq!(refused["message"], "return the error instead (rule no-unwrap)");
    let fired = client.events(0).iter().filter(|event| event["type"] == "rule.fired").count();
    assert_eq!(fired, 2);
    // It has fired; the model knows, and insists.
    let stream = open(&mut client, "anchor");
    assert_eq!(chunk(&mut client, &stream, &text)["status"], "open");
    applied(&close(&mut client, &stream));
    // Asking does not stop.
    let handle = client.handle("vendor/x");
    let stream = open(&mut client, "anchor");
    let told = chunk(&mut client, &stream, &format!("@vendor/x {handle}\n1c\nb\n.\n"));
    assert_eq!((&told["status"], &told["firings"][0]["action"]), (&json!("open"), &json!("ask")));
    rejected(&close(&mut client, &stream), "approval");
}

/// A root cannot bring rules, and rules that cannot be read are not passed over.
#[test]
fn rules_are_the_users_alone() {
    let world = World::with(&[("f", "one\n"), (".anchord.json", &rules().to_string())]);
    world.write("anchord/config.json", json!({"rules": rules()}).to_string());
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f");
    let edit = json!([{"op": "insert", "after": 1, "text": "a.unwrap()\n"}]);
    applied(&client.edit("f", &handle, edit.clone()));
    let world = ruled(&json!([{"name": "a", "pattern": "(", "action": "stop", "message": "m"}]));
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.handle("f.rs");
    let refused = rejected(&client.edit("f.rs", &handle, edit), "denied");
    assert!(refused["message"].as_str().unwrap().contains("rule \"a\""), "{refused}");
}
