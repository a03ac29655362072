//! The life of servers: lazy start, one for all, hostile ones contained, none
//! left behind.

use std::time::Duration;

use lsp_bridge::Trust;
use lsp_bridge::error::BridgeError;
use lsp_bridge::intelligence::Question;
use lsp_bridge::verify::Options;
use serde_json::{Value, json};

use crate::rig::{AMPLE, Parts, Rig, impatient, is_alive, patient, policy, wait_until};

const FILES: [(&str, &str); 2] = [("a.fake", "def name\nuse name\n"), ("b.fake", "use name\n")];

fn rig(script: &Value) -> Rig {
    Rig::fake(script, &json!({ "ready": "immediate" }), &FILES)
}

/// Asks for something that an honest server answers.
fn places(rig: &Rig) -> Result<usize, BridgeError> {
    let found = rig.bridge.places("a.fake", 4, Question::References, AMPLE)?;
    Ok(found.value.len())
}

#[track_caller]
fn check_unharmed(script: &Value) {
    let rig = rig(script);
    assert_eq!(places(&rig).expect("an answer"), 3);
    assert_eq!(places(&rig).expect("an answer"), 3);
    assert_eq!(rig.bridge.status().len(), 1);
}

#[test]
fn nothing_runs_before_it_is_needed_and_one_serves_all() {
    let rig = rig(&json!({}));
    assert!(rig.bridge.serves("a.fake") && !rig.bridge.serves("a.txt"));
    assert!(rig.bridge.status().is_empty());
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| places(&rig))).collect();
        for one in asking {
            assert_eq!(one.join().expect("no panic").expect("an answer"), 3);
        }
    });
    assert_eq!(rig.processes().len(), 1);
}

#[test]
fn junk_and_strange_answers_are_passed_over() {
    check_unharmed(&json!({ "on": { "initialize": [[
        { "raw": { "text": "Loading 3 plugins: fine\n\n" } }, "default"]] } }));
    check_unharmed(&json!({ "on": { "textDocument/references": [[
        { "reply_as": { "id": 4711, "result": [] } }, { "reply_as": { "id": "x", "result": [] } },
        { "reply_as": { "id": null, "result": [] } }, "default", "default", { "reply": [] }]] } }));
    check_unharmed(&json!({ "on": { "textDocument/references": [[
        { "raw": { "text": "Content-Length: 2\r\n\r\n[]Content-Length: 4\r\n\r\nnull" } },
        { "notify": { "method": "textDocument/publishDiagnostics", "params": { "uri": 7 } } },
        { "notify": { "method": "$/progress", "params": [] } },
        { "notify": { "method": "own/thing", "params": null } }, "default"]] } }));
    check_unharmed(&json!({ "stderr": ["a", "b"], "on": { "textDocument/didOpen": [[
        { "sleep_ms": 50 }, "default"]] } }));
}

#[test]
fn requests_of_a_server_are_answered_and_edits_refused() {
    let ask = |id: Value, method: &str, params: Value| json!({ "request": { "id": id, "method": method, "params": params } });
    let rig = rig(&json!({ "on": { "textDocument/references": [[
        ask(json!(1), "workspace/configuration", json!({ "items": [{ "section": "fake" }] })),
        ask(json!("b"), "workspace/applyEdit", json!({ "edit": { "changes": {} } })),
        ask(json!(3), "own/question", json!(null)), "default"],
        [{ "reply": [] }]], "textDocument/hover": [[{ "sleep_ms": 100 }, "default"]] } }));
    places(&rig).expect("an answer");
    let answers = || {
        let state = lsp_state(&rig, "a.fake");
        state["answers"].as_array().cloned().expect("a list")
    };
    wait_until("all answers are there", || answers().len() == 3);
    let answers = answers();
    assert_eq!(answers[0]["result"], json!([{ "level": 3 }]));
    assert_eq!((&answers[1]["id"], &answers[1]["result"]["applied"]), (&json!("b"), &json!(false)));
    assert_eq!(answers[2]["error"]["code"], -32601);
}

/// Returns what the fake server holds. It shows it as a hover.
fn lsp_state(rig: &Rig, path: &str) -> Value {
    let shown = rig.bridge.workspace_symbols(path, "", AMPLE);
    shown.expect("an answer");
    rig.bridge
        .raw(path, "fake/state", json!({ "textDocument": { "uri": rig.uri(path) } }), AMPLE)
        .expect("an answer")
}

#[test]
fn a_server_that_ends_is_started_again_but_not_for_ever() {
    let rig = rig(&json!({ "on": { "textDocument/references": [[{ "exit": 3 }]] },
        "stderr": ["out of luck"] }));
    for _ in 0..3 {
        let error = places(&rig).expect_err("no answer");
        assert!(matches!(error, BridgeError::Request { .. }), "{error}");
    }
    wait_until("its end is known", || rig.failures().len() == 1);
    let error = places(&rig).expect_err("no server");
    assert!(matches!(error, BridgeError::Down { .. }), "{error}");
    assert!(error.to_string().contains("3 times") && error.to_string().contains("out of luck"));
    // Edits go on: the verdict says that nothing is known.
    let reports = rig.edit("a.fake", "def name\nERROR x\n", patient());
    assert!(reports[0].after.reason.as_ref().expect("a reason").contains("3 times"));
}

#[track_caller]
fn check_stopped(script: &Value, cause: &str) {
    let rig = rig(script);
    let end = places(&rig).expect_err("no answer");
    let end = format!("{end} {:?}", rig.failures());
    assert!(end.contains(cause), "{end}");
    wait_until("nothing is left", || rig.processes().is_empty());
}

#[test]
fn a_server_that_breaks_the_protocol_is_stopped() {
    let answers = |steps: Value| json!({ "on": { "textDocument/references": [[steps]] } });
    let junk = json!({ "raw": { "text": "junk\n", "count": 2000 } });
    check_stopped(&answers(junk), "junk too often");
    let large = json!({ "raw": { "text": "Content-Length: 99999999999\r\n\r\n" } });
    check_stopped(&answers(large), "more than");
    let endless = json!({ "raw": { "text": "X: y\r\n", "count": 100_000 } });
    check_stopped(&answers(endless), "header of more than");
    let cut = json!({ "raw": { "text": "Content-Length: 10\r\n\r\n{" } });
    let script = json!({ "on": { "textDocument/references": [[cut, { "exit": 0 }]] } });
    check_stopped(&script, "stream ended");
    check_stopped(&json!({ "on": { "initialize": [[{ "exit": 1 }]] } }), "closed its output");
    check_stopped(
        &json!({ "on": { "initialize": [[{ "reply_error": { "code": 1, "message": "no" } }]] } }),
        "no (1)",
    );
}

#[test]
fn a_server_that_hangs_holds_nobody() {
    for method in ["initialize", "textDocument/didOpen", "textDocument/didChange"] {
        let rig = rig(&json!({ "on": { method: [["hang"]] } }));
        let reports = rig.edit("a.fake", "def name\nERROR x\n", impatient());
        assert_eq!(reports.len(), 1, "{method}");
        assert!(reports[0].delta.new.is_empty() && reports[0].after.reason.is_some());
        let process = rig.processes();
        drop(rig);
        assert!(process.iter().all(|process| !is_alive(*process)), "{method}");
    }
}

#[test]
fn a_server_that_stops_reading_is_stopped() {
    let rig = rig(&json!({ "on": { "textDocument/didChange": [["hang"]] } }));
    places(&rig).expect("an answer");
    let long = format!("def name\n{}", "WARN x\n".repeat(100_000));
    let once = || Options { late: Duration::ZERO, ..impatient() };
    rig.edit("a.fake", &long, once());
    let more = format!("ERROR first\n{long}ERROR last\n");
    rig.edit("a.fake", &more, once());
    wait_until("it is stopped", || rig.processes().is_empty());
    assert!(rig.failures()[0].contains("stopped reading"), "{:?}", rig.failures());
}

#[test]
fn what_is_not_installed_or_not_trusted_does_not_run() {
    let mut parts = Parts::fake(&json!({}), &json!({}));
    parts.table["fake"]["command"] = json!(["a-program-that-nobody-has"]);
    let error = places(&Rig::new(parts, &FILES)).expect_err("no program");
    assert!(matches!(&error, BridgeError::NotInstalled { .. }), "{error}");
    assert!(error.to_string().contains("it comes with the tests"));

    let mut parts = Parts::fake(&json!({}), &json!({}));
    parts.table["fake"]["needs_trust"] = json!(true);
    let error = places(&Rig::new(parts, &FILES)).expect_err("no trust");
    assert!(matches!(&error, BridgeError::NotTrusted { .. }), "{error}");

    let mut parts = Parts::fake(&json!({}), &json!({}));
    parts.table["fake"]["needs_trust"] = json!(true);
    parts.trust = Trust::Trusted;
    assert_eq!(places(&Rig::new(parts, &FILES)).expect("an answer"), 3);
}

#[test]
fn a_program_in_the_root_is_not_run() {
    let rig = rig(&json!({}));
    rig.disk.write("server", "#!/bin/sh\n");
    let mut parts = Parts::fake(&json!({}), &json!({}));
    parts.table["fake"]["command"] = json!([rig.root().join("server")]);
    let other = Rig::at(parts, rig.root());
    let error = places(&other).expect_err("no trust");
    assert!(error.to_string().contains("its program lies in it"), "{error}");
}

#[test]
fn servers_that_nobody_needs_are_stopped() {
    let mut parts = Parts::fake(&json!({}), &json!({}));
    parts.policy.idle = Duration::from_millis(50);
    let rig = Rig::new(parts, &FILES);
    places(&rig).expect("an answer");
    wait_until("it is stopped", || rig.processes().is_empty());
    assert_eq!(rig.failures(), [""; 0]);
    // It starts again as if nothing had been, as often as it is needed.
    for _ in 0..5 {
        assert_eq!(places(&rig).expect("an answer"), 3);
        wait_until("it is stopped", || rig.processes().is_empty());
    }
}

#[test]
fn a_server_that_holds_too_much_memory_is_stopped() {
    let mut parts = Parts::fake(&json!({}), &json!({}));
    parts.policy.memory_bytes = 1;
    let rig = Rig::new(parts, &FILES);
    // It may be stopped before it answers.
    let _answer = places(&rig);
    wait_until("it is stopped", || rig.processes().is_empty() && !rig.failures().is_empty());
    assert!(rig.failures()[0].contains("of memory"));
}

#[test]
fn many_projects_do_not_mean_as_many_servers() {
    let mut parts = Parts::fake(&json!({}), &json!({}));
    parts.policy.servers = 3;
    let rig = Rig::new(parts, &[]);
    for project in 0..20 {
        rig.disk.write(&format!("p{project}/project"), "");
        let path = format!("p{project}/src/a.fake");
        rig.disk.write(&path, "def name\nuse name\n");
        let found = rig.bridge.places(&path, 4, Question::References, AMPLE);
        assert_eq!(found.expect("an answer").value.len(), 2);
        assert!(rig.processes().len() <= 3);
    }
    let projects: Vec<String> =
        rig.bridge.status().into_iter().map(|server| server.project).collect();
    assert_eq!(projects, ["p17", "p18", "p19"]);
}

#[test]
fn nothing_is_left_when_the_bridge_is_closed_or_dropped() {
    for script in
        [json!({}), json!({ "ignore_end": true }), json!({ "on": { "shutdown": [["hang"]] } })]
    {
        let mut parts = Parts::fake(&script, &json!({}));
        parts.policy.shutdown = Duration::from_millis(300);
        let rig = Rig::new(parts, &FILES);
        places(&rig).expect("an answer");
        let processes = rig.processes();
        assert!(is_alive(processes[0]));
        rig.bridge.stop();
        assert!(!is_alive(processes[0]), "{script}");
        places(&rig).expect("an answer");
        let processes = rig.processes();
        drop(rig);
        assert!(!is_alive(processes[0]), "{script}");
    }
}

#[test]
fn a_limit_on_documents_closes_the_oldest() {
    let mut parts = Parts::fake(&json!({}), &json!({}));
    parts.policy = lsp_bridge::policy::Policy { documents: 2, ..policy() };
    let rig = Rig::new(parts, &[("a.fake", ""), ("b.fake", ""), ("c.fake", "")]);
    for path in ["a.fake", "b.fake", "a.fake", "c.fake"] {
        rig.bridge.document_symbols(path, AMPLE).expect("an answer");
    }
    assert_eq!(lsp_state(&rig, "c.fake")["open"], json!([rig.uri("a.fake"), rig.uri("c.fake")]));
}

#[test]
fn a_server_hears_what_happens_on_disk() {
    let rig = rig(&json!({}));
    places(&rig).expect("an answer");
    rig.bridge.document_symbols("b.fake", AMPLE).expect("an answer");
    // Another program writes a file that is open, and deletes one.
    rig.disk.write("a.fake", "def other\r\nüse 𝄞 other\n");
    rig.disk.remove("b.fake");
    rig.bridge.document_symbols("a.fake", AMPLE).expect("an answer");
    let state = lsp_state(&rig, "a.fake");
    assert_eq!(state["text"], "def other\r\nüse 𝄞 other\n");
    assert_eq!(state["open"], json!([rig.uri("a.fake")]));
}
