//! Language servers through a real daemon: renames and findings in one operation
//! with the edit, and guests that misbehave while edits go on.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::guest::{
    configuration, fake_server, honest, is_alive, processes, scripted, wait_for_end,
};
use crate::world::{Client, World, applied, rejected, wait_for};

/// Findings of an answer: file, first line, severity and message.
fn told(files: &Value) -> Vec<(String, u64, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let files = files.as_array().into_iter().flatten();
    let found = files.flat_map(|file| {
        let found = file["diagnostics"].as_array().unwrap().iter();
        found.map(|one| {
            let line = one["lines"][0].as_u64().unwrap();
            (text(&file["path"]), line, text(&one["severity"]), text(&one["message"]))
        })
    });
    found.collect()
}

fn error(path: &str, line: u64, message: &str) -> (String, u64, String, String) {
    (path.to_owned(), line, "error".to_owned(), message.to_owned())
}

/// Reads a file and replaces its first line; returns the answer.
fn replace_first(client: &mut Client, path: &str, text: &str, verify: Value) -> Value {
    let handle = client.call("file/read", json!({"path": path}))["handle"].clone();
    let ops = json!([{"op": "replace", "lines": [1, 1], "text": text}]);
    let files = json!([{"path": path, "handle": handle, "ops": ops}]);
    client.call("edit/apply", json!({"format": "anchor", "files": files, "verify": verify}))
}

/// What an edit says that asks for the word of language servers.
fn warn() -> Value {
    json!({"lsp": "warn", "lsp_ms": 30_000})
}

#[test]
fn a_rename_is_one_operation_over_all_files() {
    let world = honest(&[
        ("a.fake", "def name\nx\n"),
        ("lib/b.fake", "use name\n"),
        ("c.fake", "use name\nuse name\n"),
        ("notes.txt", "name\n"),
    ]);
    let before = world.tree();
    let daemon = world.serve();
    let mut client = daemon.open();
    let asked = json!({"path": "c.fake", "line": 2, "name": "name", "to": "other"});
    let mut look = asked.clone();
    look["dry_run"] = json!(true);
    let seen = client.call("lsp/rename", look);
    assert_eq!((&seen["status"], &seen["server"]["proof"]), (&json!("checked"), &json!("census")));
    assert!(seen["server"]["diff"].as_str().unwrap().contains("+use other"), "{seen}");
    assert_eq!(world.tree(), before);

    let mut exactly = asked;
    exactly["plan"] = seen["server"]["plan"].clone();
    let renamed = client.call("lsp/rename", exactly);
    assert_eq!(renamed["status"], "applied", "{renamed}");
    assert_eq!(renamed["files"].as_array().unwrap().len(), 3);
    assert_eq!(renamed["files"][1]["window"], "1\tuse other\n2\tuse other\n");
    assert_eq!(world.text("a.fake"), "def other\nx\n");
    assert_eq!(world.text("lib/b.fake"), "use other\n");
    assert_eq!(world.text("notes.txt"), "name\n");

    // The rows that were shown can be edited at once; others were not seen.
    let handle = renamed["files"][1]["handle"].clone();
    let edit = |path: &str, handle: &Value, line: usize| {
        let ops = json!([{"op": "replace", "lines": [line, line], "text": "use other, too"}]);
        json!({"format": "anchor", "files": [{"path": path, "handle": handle, "ops": ops}]})
    };
    assert_eq!(client.call("edit/apply", edit("c.fake", &handle, 2))["status"], "applied");
    let handle = renamed["files"][0]["handle"].clone();
    let unseen = client.call("edit/apply", edit("a.fake", &handle, 2));
    assert_eq!(unseen["rejection"]["code"], "unseen", "{unseen}");
    client.call("edit/undo", json!({}));
    client.call("edit/undo", json!({"operation": renamed["operation"]}));
    assert_eq!(world.tree(), before);
}

#[test]
fn a_place_is_named_by_handle_symbol_or_name_and_none_is_guessed() {
    let world = honest(&[("a.fake", "x\ndef name\nuse name name\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let handle = client.call("file/read", json!({"path": "a.fake"}))["handle"].clone();
    let mut ask = |place: Value| {
        let mut params = json!({"path": "a.fake", "to": "other", "dry_run": true});
        params.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        let answer = client.call("lsp/rename", params);
        answer["rejection"]["code"].as_str().unwrap_or("done").to_owned()
    };
    assert_eq!(ask(json!({"line": 2, "name": "name"})), "done");
    assert_eq!(ask(json!({"line": 2, "column": 6})), "done");
    assert_eq!(ask(json!({"line": 3, "column": 10, "name": "name"})), "done");
    assert_eq!(ask(json!({"line": 3, "name": "name"})), "ambiguous");
    assert_eq!(ask(json!({"name": "name"})), "ambiguous");
    assert_eq!(ask(json!({"line": 1, "name": "name"})), "not_found");
    assert_eq!(ask(json!({"line": 9, "name": "name"})), "not_found");
    assert_eq!(ask(json!({"symbol": "name"})), "unsupported");
    assert_eq!(ask(json!({"line": 2})), "malformed");
    assert_eq!(ask(json!({})), "malformed");
    // The line of the handle is followed through our own edits and others'.
    world.write("a.fake", "new\nx\ndef name\nuse name name\n");
    assert_eq!(ask(json!({"line": 2, "name": "name", "handle": handle})), "done");
    world.write("a.fake", "new\nx\nname: def name\nuse name name\n");
    assert_eq!(ask(json!({"line": 2, "name": "name", "handle": handle})), "stale");
}

#[test]
fn what_a_server_leaves_out_is_shown_under_handles_and_needs_consent() {
    let script = json!({"on": {"textDocument/rename": [[{"rename_partly": {"files": 1}}]]}});
    let world = World::with(&[("a.fake", "def name\n"), ("b.fake", "x\nuse name\n")]);
    let profile = json!({"ready": "two_answers", "findings": ["pull"]});
    world.configure(&configuration(&script, &profile));
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut asked = json!({"path": "a.fake", "line": 1, "name": "name", "to": "other"});
    let refused = client.call("lsp/rename", asked.clone());
    let rejection = &refused["rejection"];
    assert_eq!(rejection["code"], "approval", "{refused}");
    assert_eq!(rejection["uncovered"][0]["text"], "2\tuse name\n");
    let handle = &rejection["uncovered"][0]["handle"];
    // What was shown can be edited.
    let ops = json!([{"op": "replace", "lines": [2, 2], "text": "use name"}]);
    let same =
        json!({"format": "anchor", "files": [{"path": "b.fake", "handle": handle, "ops": ops}]});
    assert_eq!(client.call("edit/apply", same)["rejection"]["code"], "no_change");
    asked["accept_uncovered"] = json!(true);
    let renamed = client.call("lsp/rename", asked);
    assert_eq!(renamed["server"]["proof"], "consent", "{renamed}");
    assert_eq!(renamed["server"]["uncovered"][0]["path"], "b.fake");
    assert_eq!(
        (world.text("a.fake"), world.text("b.fake")),
        ("def other\n".into(), "x\nuse name\n".into())
    );
}

#[test]
fn a_file_moves_with_what_names_it() {
    let world = honest(&[("lib/part.fake", "def name\n"), ("a.fake", "import lib/part\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let moved =
        client.call("lsp/rename_file", json!({"path": "lib/part.fake", "to": "lib/piece.fake"}));
    assert_eq!(moved["status"], "applied", "{moved}");
    assert!(!world.path("lib/part.fake").exists());
    assert_eq!(world.text("lib/piece.fake"), "def name\n");
    let again = client.call("lsp/rename_file", json!({"path": "lib/piece.fake", "to": "a.fake"}));
    assert_eq!(again["rejection"]["code"], "exists", "{again}");
    client.call("edit/undo", json!({}));
    assert_eq!(world.text("lib/part.fake"), "def name\n");
}

#[test]
fn an_edit_says_what_it_broke_and_what_it_mended() {
    let world = honest(&[("a.fake", "def name\nERROR old\n"), ("b.fake", "use name\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    // Nobody is asked who was not to be asked.
    let plain = replace_first(&mut client, "a.fake", "def name x", json!({}));
    assert_eq!(plain["status"], "applied");
    assert!(plain.get("diagnostics").is_none(), "{plain}");
    assert!(processes(&mut client).is_empty());

    let broken = replace_first(&mut client, "a.fake", "ERROR new", warn());
    let said = &broken["diagnostics"];
    assert_eq!(
        (&broken["status"], &said["verdict"]),
        (&json!("applied"), &json!("fresh")),
        "{broken}"
    );
    assert!(told(&said["new"]).contains(&error("a.fake", 1, "E1: new")), "{said}");
    assert_eq!((said["unchanged"].as_u64(), told(&said["fixed"]).len()), (Some(1), 0));
    assert_eq!(said["new"][0]["handle"], broken["files"][0]["handle"]);
    assert_eq!(said["new"][0]["text"], "1\tERROR new\n");

    let mended = replace_first(&mut client, "a.fake", "def name", warn());
    let said = &mended["diagnostics"];
    assert_eq!((said["new"].is_null(), said["unchanged"].as_u64()), (true, Some(1)), "{mended}");
    assert!(told(&said["fixed"]).contains(&error("a.fake", 1, "E1: new")), "{said}");

    // The whole can be asked for, with rows under a handle for the next edit.
    let all = client.call("lsp/diagnostics", json!({"paths": ["."]}));
    assert_eq!(told(&all["files"]), [error("a.fake", 2, "E1: old")], "{all}");
    assert_eq!(
        (&all["verdict"], &all["files"][0]["text"]),
        (&json!("fresh"), &json!("2\tERROR old\n"))
    );
    let last = client.call("lsp/diagnostics", json!({}));
    assert_eq!(last["servers"].as_array().unwrap().len(), 1, "only what the session changed");
}

#[test]
fn an_edit_breaks_other_files_and_says_so() {
    let world = honest(&[("a.fake", "def name\n"), ("b.fake", "x\nuse name\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    // Who refers to what is known once a server runs.
    client.call("lsp/diagnostics", json!({"paths": ["."]}));
    let broken = replace_first(&mut client, "a.fake", "def other", warn());
    let said = &broken["diagnostics"];
    assert_eq!(told(&said["new"]), [error("b.fake", 2, "E2: undefined name name")], "{said}");
    assert_eq!(said["new"][0]["text"], "2\tuse name\n");
}

#[test]
fn an_edit_is_judged_before_the_write_where_the_policy_asks() {
    let world = honest(&[("a.fake", "def name\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let strict = json!({"lsp": "reject", "lsp_ms": 30_000});
    let refused = replace_first(&mut client, "a.fake", "ERROR new", strict.clone());
    assert_eq!(refused["rejection"]["code"], "lint", "{refused}");
    assert_eq!(refused["rejection"]["rows"], "1\tERROR new\n");
    assert_eq!(world.text("a.fake"), "def name\n");
    // The server was shown what was never written, and forgets it.
    let all = client.call("lsp/diagnostics", json!({"paths": ["a.fake"]}));
    assert_eq!((&all["files"], &all["verdict"]), (&json!([]), &json!("fresh")));
    let fine = replace_first(&mut client, "a.fake", "WARN a little", strict);
    assert_eq!(
        (&fine["status"], &fine["diagnostics"]["verdict"]),
        (&json!("applied"), &json!("fresh"))
    );
    let retry = refused["rejection"]["retry"].clone();
    let undone = client.call("edit/undo", json!({}));
    assert_eq!(undone["status"], "applied");
    let forced = client.call("edit/retry", json!({"retry": retry, "accept": true}));
    assert_eq!(forced["status"], "applied", "{forced}");
    assert_eq!(world.text("a.fake"), "ERROR new\n");
}

#[test]
fn what_others_write_reaches_the_server() {
    let world = honest(&[("a.fake", "use name\n"), ("b.fake", "def name\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut found = || {
        let all = client.call("lsp/diagnostics", json!({"paths": ["a.fake"]}));
        assert_eq!(all["verdict"], "fresh", "{all}");
        told(&all["files"]).len()
    };
    assert_eq!(found(), 0);
    world.write("a.fake", "ERROR by another program\n");
    assert_eq!(found(), 1);
    world.write("a.fake", "use name\n");
    assert_eq!(found(), 0);
    // A file that the server has not open.
    world.write("b.fake", "def other\n");
    wait_for("the change to be told", || found() == 1);
}

/// Asks for everything that a misbehaving server could spoil, and returns how
/// long an edit took that asked for its word.
fn go_on(world: &World, client: &mut Client) -> Duration {
    let edited = replace_first(client, "a.fake", "one", json!({}));
    assert_eq!(edited["status"], "applied", "{edited}");
    let start = Instant::now();
    let verify = json!({"lsp": "warn", "lsp_ms": 800});
    let edited = replace_first(client, "a.fake", "two", verify);
    let took = start.elapsed();
    assert_eq!(edited["status"], "applied", "{edited}");
    assert_eq!(edited["diagnostics"]["verdict"], "inconclusive", "{edited}");
    assert!(edited["diagnostics"]["servers"][0]["reason"].is_string(), "{edited}");
    let asked = json!({"path": "a.fake", "line": 2, "name": "name", "to": "x", "wait_ms": 800});
    let refused = client.call("lsp/rename", asked);
    assert_eq!(refused["status"], "rejected", "{refused}");
    assert_eq!(world.text("a.fake"), "two\ndef name\n");
    took
}

#[test]
fn edits_go_on_whatever_a_server_does() {
    let on = |method: &str, steps: Value| json!({"on": {method: [steps]}});
    let junk = json!([{"raw": {"text": "Content-Length: 5\r\n\r\n{{{{{", "count": 500}}]);
    let outside = json!([{"reply": {"changes": {"file:///etc/passwd": [
        {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
         "newText": "x"}]}}}]);
    let cases = [
        ("it hangs", on("initialize", json!(["hang"]))),
        ("it ends at once", on("initialize", json!([{"exit": 3}]))),
        ("it sends junk", on("initialize", junk)),
        (
            "it hangs later",
            json!({"on": {
            "textDocument/diagnostic": [["hang"]], "textDocument/rename": [["hang"]]}}),
        ),
        (
            "it dies of every question",
            json!({"on": {
            "textDocument/diagnostic": [[{"exit": 1}]], "textDocument/rename": [[{"exit": 1}]]}}),
        ),
        (
            "it edits outside the root",
            json!({"on": {
            "textDocument/diagnostic": [["hang"]], "textDocument/rename": [outside]}}),
        ),
    ];
    for (what, script) in cases {
        let world = scripted(&script, &[("a.fake", "x\ndef name\n")]);
        let daemon = world.serve();
        let mut client = daemon.open();
        let took = go_on(&world, &mut client);
        assert!(took < Duration::from_secs(20), "{what}: {took:?}");
        let guests = processes(&mut client);
        daemon.stop();
        wait_for_end(&guests);
    }
}

#[test]
fn a_server_may_neither_edit_by_itself_nor_run_commands_nor_answer_for_old_versions() {
    let place = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}});
    let edit = json!({"changes": {"$uri": [{"range": place, "newText": "stolen"}]}});
    let old = json!({"documentChanges": [{
        "textDocument": {"uri": "$uri", "version": -7},
        "edits": [{"range": {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 8}},
                   "newText": "other"}]}]});
    let script = json!({"on": {
        "textDocument/didOpen": [["default",
            {"request": {"id": "e", "method": "workspace/applyEdit", "params": {"edit": edit}}},
            {"request": {"id": "c", "method": "workspace/executeCommand", "params": {"command": "x"}}}]],
        "textDocument/rename": [[{"reply": old}]],
    }});
    let world = scripted(&script, &[("a.fake", "x\ndef name\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let asked = json!({"path": "a.fake", "line": 2, "name": "name", "to": "other"});
    let refused = client.call("lsp/rename", asked);
    assert_eq!(refused["rejection"]["code"], "lsp_version", "{refused}");
    let edited = replace_first(&mut client, "a.fake", "y", warn());
    assert_eq!(edited["diagnostics"]["verdict"], "fresh", "{edited}");
    assert_eq!(world.text("a.fake"), "y\ndef name\n");
}

#[test]
fn what_comes_late_is_an_event_and_told_to_who_listens() {
    let slow = json!({"on": {"textDocument/diagnostic": [[{"sleep_ms": 1500}, "default"]]}});
    let world = scripted(&slow, &[("a.fake", "x\n")]);
    let daemon = world.serve();
    let (mut client, mut other) = (daemon.open(), daemon.open());
    other.call("session/listen", json!({"servers": true}));
    let edited =
        replace_first(&mut client, "a.fake", "ERROR new", json!({"lsp": "warn", "lsp_ms": 100}));
    assert_eq!(edited["diagnostics"]["verdict"], "inconclusive", "{edited}");
    let pending = edited["diagnostics"]["pending"].clone();
    assert!(pending.is_u64(), "{edited}");
    let mut late = Value::Null;
    wait_for("the servers' word", || {
        let events = client.call("events/tail", json!({"limit": 1000}));
        let events = events["events"].as_array().unwrap().clone();
        late = events.into_iter().find(|event| event["type"] == "lsp.late").unwrap_or_default();
        !late.is_null()
    });
    assert_eq!(
        (&late["data"]["pending"], &late["data"]["files"][0]["new"]),
        (&pending, &json!(["E1: new"]))
    );
    let told = other.receive();
    assert_eq!((&told["method"], &told["params"]), (&json!("lsp/late"), &late["data"]), "{told}");
}

#[test]
fn no_server_outlives_the_daemon_however_it_ends() {
    // A server that would not go by itself.
    let stubborn = json!({"ignore_end": true});
    for kill in [true, false] {
        let world = scripted(&stubborn, &[("a.fake", "def name\n")]);
        let daemon = world.serve();
        let mut client = daemon.open();
        client.call("lsp/diagnostics", json!({"paths": ["a.fake"]}));
        let guests = processes(&mut client);
        assert!(guests.len() >= 2 && guests.iter().all(|guest| is_alive(*guest)), "{guests:?}");
        match kill {
            true => daemon.kill(),
            false => drop(daemon.stop()),
        }
        wait_for_end(&guests);
    }
}

#[test]
fn a_server_that_is_killed_is_started_again_and_one_that_is_idle_is_stopped() {
    let world = World::with(&[("a.fake", "ERROR a\n")]);
    let mut settings =
        configuration(&json!({}), &json!({"ready": "immediate", "findings": ["pull"]}));
    settings["language_servers"]["idle_seconds"] = json!(3);
    world.configure(&settings);
    let daemon = world.serve();
    let (mut client, mut other) = (daemon.open(), daemon.open());
    let ask = |client: &mut Client| {
        let all = client.call("lsp/diagnostics", json!({"paths": ["a.fake"]}));
        assert_eq!(told(&all["files"]), [error("a.fake", 1, "E1: a")], "{all}");
    };
    ask(&mut client);
    let first = processes(&mut client);
    ask(&mut other);
    assert_eq!(processes(&mut other), first, "one server for all sessions");
    for guest in &first {
        let pid = Pid::from_raw(*guest as i32).unwrap();
        // A guard goes with its server, so it may be gone already.
        let _gone = kill_process(pid, Signal::KILL);
    }
    wait_for_end(&first);
    wait_for("the daemon to notice", || processes(&mut client).is_empty());
    ask(&mut client);
    let second = processes(&mut client);
    assert!(second != first && !second.is_empty());
    wait_for_end(&second);
    assert!(processes(&mut client).is_empty());
    ask(&mut client);
}

#[test]
fn twenty_roots_are_not_twenty_servers_for_ever() {
    let world = World::with(&[("a.fake", "ERROR a\n")]);
    let profile = json!({"ready": "immediate", "findings": ["pull"]});
    let mut settings = configuration(&json!({}), &profile);
    settings["language_servers"]["idle_seconds"] = json!(2);
    world.configure(&settings);
    let daemon = world.serve();
    let mut guests = Vec::new();
    for number in 0..20 {
        let root = world.outside(&format!("root{number}"));
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("a.fake"), "ERROR a\n").unwrap();
        let mut client = daemon.connect().opened(json!({"root": root}));
        let found = client.call("lsp/diagnostics", json!({"paths": ["a.fake"]}));
        assert_eq!(told(&found["files"]).len(), 1, "{found}");
        guests.extend(processes(&mut client));
    }
    wait_for_end(&guests);
}

#[test]
fn an_agent_asks_for_the_word_of_servers_with_its_edit() {
    let world = honest(&[("a.fake", "def name\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut call = |name: &str, arguments: Value| {
        let answer = client.call("tool/call", json!({"name": name, "arguments": arguments}));
        answer["text"].as_str().unwrap().to_owned()
    };
    call("read", json!({"path": "a.fake"}));
    let text = "@b.fake create\nERROR new\n.\n";
    let edited = call("edit", json!({"text": text, "lsp": "warn"}));
    assert!(edited.contains("language servers: 1 new, 0 fixed, 0 unchanged (fresh)"), "{edited}");
    // Three calls: what is wrong, the edit that mends it, and its word.
    let found = call("diagnostics", json!({}));
    let (header, rest) = found.split_once('\n').unwrap();
    assert_eq!(rest, "1\tERROR new\nerror in 1: E1: new (fake)");
    let mended =
        call("edit", json!({"text": format!("{header}\n1c\nuse name\n.\n"), "lsp": "warn"}));
    assert!(mended.ends_with("language servers: 0 new, 1 fixed, 0 unchanged (fresh)"), "{mended}");
    let renamed =
        call("rename", json!({"path": "a.fake", "line": 1, "name": "name", "to": "other"}));
    assert!(renamed.contains("rename name to other, complete by census\n@a.fake "), "{renamed}");
    let known =
        call("lookup", json!({"what": "references", "path": "a.fake", "line": 1, "name": "other"}));
    assert!(
        known.contains("\n1\tdef other\n@b.fake ") && known.ends_with("\n1\tuse other"),
        "{known}"
    );
}

#[test]
fn nothing_of_a_repository_runs_without_the_users_trust() {
    let profile = json!({"ready": "immediate", "findings": ["pull"]});
    let world = World::with(&[("a.fake", "ERROR a\n")]);
    std::fs::copy(fake_server(), world.path("server")).unwrap();
    let mut settings = configuration(&json!({}), &profile);
    let row = &mut settings["language_servers"]["servers"]["fake"];
    row["command"][0] = json!(world.path("server"));
    let check = |settings: &Value, expected: &str| {
        world.configure(settings);
        let daemon = world.serve();
        let answer = daemon.open().call("lsp/diagnostics", json!({"paths": ["a.fake"]}));
        let code = answer["rejection"]["code"].as_str().unwrap_or("done");
        assert_eq!(code, expected, "{answer}");
        daemon.stop();
    };
    check(&settings, "denied");
    settings["language_servers"]["trusted"] = json!([world.root]);
    check(&settings, "done");
    // One that lies elsewhere, but runs what it finds.
    let mut settings = configuration(&json!({}), &profile);
    settings["language_servers"]["servers"]["fake"]["needs_trust"] = json!(true);
    check(&settings, "denied");
    // What a repository says of servers is not read.
    let theirs = json!({"language_servers": {"trusted": ["/"]}});
    world.write(".anchord/config.json", theirs.to_string());
    world.write("anchord/config.json", theirs.to_string());
    check(&settings, "denied");
    settings["language_servers"]["trusted"] = json!([world.root.parent().unwrap()]);
    check(&settings, "done");
    settings["language_servers"]["trusted"] = json!(["elsewhere"]);
    check(&settings, "unsupported");
}

#[test]
fn people_rename_and_ask_for_findings_as_agents_do() {
    let world = honest(&[("a.fake", "def name\nERROR a\n"), ("b.fake", "use name\n")]);
    let looked = world.run(&["rename", "a.fake:1", "name", "other", "--dry-run"]);
    assert_eq!(looked.code, 0, "{looked:?}");
    assert!(looked.out.contains("+def other") && looked.out.contains("this change is plan"));
    let renamed = world.run(&["rename", "a.fake:1", "name", "other"]);
    assert_eq!(renamed.code, 0, "{renamed:?}");
    assert!(
        renamed.out.contains("rename name to other by fake, complete by census"),
        "{renamed:?}"
    );
    assert_eq!(world.text("b.fake"), "use other\n");
    let found = world.run(&["diagnostics", "a.fake"]);
    assert_eq!(found.code, 1, "{found:?}");
    assert!(found.out.contains("2:1 error fake: E1: a"), "{found:?}");
    let edit = world.run_on("@c.fake create\nERROR new\n.\n", &["edit", "--lsp", "warn"]);
    assert!(edit.out.contains("language servers: 1 new, 0 fixed, 0 unchanged (fresh)"), "{edit:?}");
    let refused = world.run_on("@d.fake create\nERROR new\n.\n", &["edit", "--lsp", "reject"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(!world.path("d.fake").exists());
    let doctor = world.run(&["doctor"]);
    assert!(doctor.out.contains("language servers: found fake"), "{doctor:?}");
    world.configure(&json!({"language_servers": {"trust": []}}));
    let doctor = world.run(&["doctor"]);
    assert!(doctor.code == 1 && doctor.out.contains("unknown field `trust`"), "{doctor:?}");
}

#[test]
fn what_a_server_knows_comes_with_rows_that_can_be_edited() {
    let world = honest(&[("a.fake", "x\ndef name\n"), ("b.fake", "use name\nuse name\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut ask = |what: &str| {
        let place = json!({"what": what, "path": "b.fake", "line": 1, "name": "name"});
        client.call("lsp/ask", place)
    };
    let found = ask("references");
    assert_eq!((&found["status"], &found["state"]), (&json!("ok"), &json!("ready")), "{found}");
    let rows: Vec<&str> = found["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["text"].as_str().unwrap())
        .collect();
    assert_eq!(rows, ["2\tdef name\n", "1\tuse name\n2\tuse name\n"]);
    let defined = ask("definition");
    assert_eq!(defined["files"][0]["matches"], json!([[2, 2]]), "{defined}");
    assert!(ask("hover")["text"].is_string());
    let symbols = client.call("lsp/ask", json!({"what": "symbols", "path": "a.fake"}));
    assert_eq!(
        (&symbols["symbols"][0]["name"], &symbols["symbols"][0]["lines"]),
        (&json!("name"), &json!([2, 2]))
    );
    let all = json!({"what": "symbols", "path": "b.fake", "query": "na"});
    assert_eq!(client.call("lsp/ask", all)["symbols"][0]["path"], "a.fake");
    assert_eq!(client.fault("lsp/ask", json!({"what": "everything", "path": "a.fake"})), -32602);
    // The rows were shown, so they can be edited.
    let handle = found["files"][0]["handle"].clone();
    let ops = json!([{"op": "replace", "lines": [2, 2], "text": "def other"}]);
    let files = json!([{"path": "a.fake", "handle": handle, "ops": ops}]);
    let edited = client.call("edit/apply", json!({"format": "anchor", "files": files}));
    assert_eq!(edited["status"], "applied", "{edited}");
}

#[test]
fn what_a_server_offers_is_done_in_one_operation_or_refused() {
    let world = honest(&[("a.fake", "ERROR a\nx\n"), ("b.fake", "use b\nuse a\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let listed = client.call("lsp/actions", json!({"path": "a.fake", "lines": [1, 1]}));
    assert_eq!(listed["status"], "ok", "{listed}");
    let titles: Vec<&str> = listed["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["title"].as_str().unwrap())
        .collect();
    assert!(!titles.is_empty(), "{listed}");
    let able =
        listed["actions"].as_array().unwrap().iter().find(|one| one.get("disabled").is_none());
    let title = able.expect("an action that is an edit")["title"].clone();
    let before = world.text("a.fake");
    let one = json!({"path": "a.fake", "lines": [1, 1], "title": title, "apply": true});
    let done = client.call("lsp/actions", one);
    assert_eq!(done["status"], "applied", "{done}");
    assert_ne!(world.text("a.fake"), before);
    client.call("edit/undo", json!({}));
    assert_eq!(world.text("a.fake"), before);
    let none = json!({"path": "a.fake", "title": "no such thing", "apply": true});
    assert_eq!(client.call("lsp/actions", none)["rejection"]["code"], "not_found");
}

#[test]
fn a_file_is_formatted_whole_in_part_or_where_it_was_changed() {
    let world = honest(&[("a.fake", "def one  \nx\ndef two  \n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let untouched = client.call("lsp/format", json!({"path": "a.fake", "changed": true}));
    assert_eq!(untouched["rejection"]["code"], "not_found", "{untouched}");
    let looked = client.call("lsp/format", json!({"path": "a.fake", "dry_run": true}));
    assert_eq!(looked["status"], "checked", "{looked}");
    let part = client.call("lsp/format", json!({"path": "a.fake", "lines": [[3, 3]]}));
    assert_eq!(part["status"], "applied", "{part}");
    assert_eq!(world.text("a.fake"), "def one  \nx\ndef two\n");
    let whole = client.call("lsp/format", json!({"path": "a.fake"}));
    assert_eq!(whole["status"], "applied", "{whole}");
    assert_eq!(world.text("a.fake"), "def one\nx\ndef two\n");
    let again = client.call("lsp/format", json!({"path": "a.fake"}));
    assert_eq!(again["rejection"]["code"], "no_change", "{again}");
    replace_first(&mut client, "a.fake", "def one  ", json!({}));
    let changed = client.call("lsp/format", json!({"path": "a.fake", "changed": true}));
    assert_eq!(changed["status"], "applied", "{changed}");
    assert_eq!(world.text("a.fake"), "def one\nx\ndef two\n");
}

/// Returns a world with an honest server and these rules of the user.
fn ruled(rules: &Value, files: &[(&str, &str)]) -> World {
    let world = World::with(files);
    let profile = json!({"ready": "immediate", "findings": ["pull"]});
    let mut configuration = configuration(&json!({}), &profile);
    configuration["rules"] = rules.clone();
    world.configure(&configuration);
    world
}

#[test]
fn rules_of_the_user_hold_for_what_servers_write() {
    let rules = json!([
        {"name": "no-evil", "pattern": "evil", "action": "stop", "repeat": true, "message": "no"},
        {"name": "later", "pattern": "later", "action": "warn", "repeat": true, "message": "soon"},
    ]);
    let world = ruled(&rules, &[("a.fake", "def name\nx\n"), ("b.fake", "use name  \n")]);
    let before = world.tree();
    let daemon = world.serve();
    let mut client = daemon.open();
    let rename = |to: &str| json!({"path": "a.fake", "line": 1, "name": "name", "to": to});
    let refused = rejected(&client.call("lsp/rename", rename("evil")), "denied");
    assert_eq!(
        (&refused["message"], &refused["path"]),
        (&json!("no (rule no-evil)"), &json!("a.fake"))
    );
    assert!(refused["retry"].is_null(), "{refused}");
    let mut look = rename("evil");
    look["dry_run"] = json!(true);
    rejected(&client.call("lsp/rename", look), "denied");
    assert_eq!(world.tree(), before);
    let warned = client.call("lsp/rename", rename("later"));
    applied(&warned);
    assert_eq!(warned["lints"][0]["message"], "soon (rule later)", "{warned}");
    // A row that stays as it is is not new, whatever stands in it.
    world.write("b.fake", "evil  \nuse later  \n");
    let formatted = client.call("lsp/format", json!({"path": "b.fake", "lines": [[2, 2]]}));
    applied(&formatted);
    rejected(&client.call("lsp/format", json!({"path": "b.fake"})), "denied");
}

#[test]
fn what_servers_write_waits_for_consent() {
    let vendor = json!([{"name": "vendor", "pattern": "^vendor/", "over": "path", "action": "ask",
                         "repeat": true, "message": "others wrote this"}]);
    let world = ruled(&vendor, &[("a.fake", "def name\n"), ("vendor/b.fake", "use name  \n")]);
    let before = world.tree();
    let daemon = world.serve();
    let mut client = daemon.open();
    let rename = json!({"path": "a.fake", "line": 1, "name": "name", "to": "other", "op_id": "r"});
    let asked = rejected(&client.call("lsp/rename", rename.clone()), "approval");
    assert_eq!(asked["path"], "vendor/b.fake", "{asked}");
    // To put it elsewhere is no consent, and what was consented to is this change.
    rejected(&client.retry_at(&asked["retry"], json!([[1, 1]])), "malformed");
    world.write("a.fake", "def name\nuse name\n");
    rejected(&client.accept(&asked["retry"]), "stale");
    world.write("a.fake", "def name\n");
    assert_eq!(world.tree(), before);
    let done = client.accept(&asked["retry"]);
    applied(&done);
    assert_eq!(world.text("vendor/b.fake"), "use other  \n");
    assert_eq!(client.call("lsp/rename", rename)["operation"], done["operation"]);
    rejected(&client.accept(&asked["retry"]), "not_found");

    // So it is with all that servers write, and after a new start.
    let format = json!({"path": "vendor/b.fake"});
    let asked = rejected(&client.call("lsp/format", format.clone()), "approval");
    let declined = json!({"retry": asked["retry"], "decline": true});
    client.call("edit/retry", declined);
    rejected(&client.accept(&asked["retry"]), "not_found");
    let format = rejected(&client.call("lsp/format", format), "approval");
    let session = client.session.clone();
    drop(client);
    drop(daemon);
    let daemon = world.serve();
    let mut client = daemon.resume(&session);
    applied(&client.accept(&format["retry"]));
    assert_eq!(world.text("vendor/b.fake"), "use other\n");
    let moved = json!({"path": "a.fake", "to": "vendor/a.fake"});
    let asked = rejected(&client.call("lsp/rename_file", moved), "approval");
    applied(&client.accept(&asked["retry"]));
    assert_eq!(world.text("vendor/a.fake"), "def other\n");
    world.write("vendor/c.fake", "ERROR a\nx\n");
    let listed = client.call("lsp/actions", json!({"path": "vendor/c.fake", "lines": [1, 1]}));
    let mut offers = listed["actions"].as_array().unwrap().iter();
    let title = &offers.find(|one| one.get("disabled").is_none()).unwrap()["title"];
    let action = json!({"path": "vendor/c.fake", "lines": [1, 1], "title": title, "apply": true});
    let asked = rejected(&client.call("lsp/actions", action), "approval");
    applied(&client.accept(&asked["retry"]));
    assert_ne!(world.text("vendor/c.fake"), "ERROR a\nx\n");
}
