//! Findings and their evidence: what an edit brought in and what it mended, and
//! never a stale or empty answer shown as clean.

use std::sync::Arc;

use engine::edit::Change;
use engine::verify::{Diagnostic, Verdict};
use lsp_bridge::collect::Kind;
use lsp_bridge::files::Files;
use lsp_bridge::verify::{Edited, FileReport, Options};
use serde_json::{Value, json};

use crate::rig::{AMPLE, Rig, impatient, patient, wait_until};

const CLEAN: &str = "def name\n\nuse name\n";
const BROKEN: &str = "def name\nERROR one\nuse name\n";
const MOVED: &str = "def name\n\n𝄞 WARN two\nERROR one\nuse name\n";

fn pulling() -> Value {
    json!({ "push": "none", "capabilities": { "diagnosticProvider": {} } })
}

fn profile(findings: &str) -> Value {
    json!({ "ready": "immediate", "findings": [findings], "versioned": true, "settle_ms": 50 })
}

fn names(found: &[Diagnostic]) -> Vec<&str> {
    found.iter().map(|one| one.message.as_str()).collect()
}

/// Returns new, fixed and unchanged findings, and the verdict.
fn seen(report: &FileReport) -> (Vec<&str>, Vec<&str>, usize, Verdict) {
    let delta = &report.delta;
    (names(&delta.new), names(&delta.fixed), delta.unchanged, delta.verdict)
}

#[track_caller]
fn check_delta(script: &Value, profile: &Value, kind: Kind, verdict: Verdict) {
    let rig = Rig::fake(script, profile, &[("a.fake", CLEAN)]);
    let check = |text: &str, new: &[&str], fixed: &[&str], unchanged| {
        let reports = rig.edit("a.fake", text, patient());
        assert_eq!(reports[0].after.kind, kind, "{:?}", reports[0].after.reason);
        let expected = (new.to_vec(), fixed.to_vec(), unchanged, verdict);
        assert_eq!(seen(&reports[0]), expected);
    };
    check(BROKEN, &["E1: one"], &[], 0);
    check(MOVED, &["W1: two"], &[], 1);
    check(BROKEN, &[], &["W1: two"], 1);
    check(CLEAN, &[], &["E1: one"], 0);
    check("", &[], &[], 0);
}

#[test]
fn an_edit_that_breaks_mends_or_moves_is_told_exactly() {
    check_delta(&pulling(), &profile("pull"), Kind::Pull, Verdict::Fresh);
    check_delta(&json!({}), &profile("push"), Kind::Versioned, Verdict::Fresh);
    let unversioned = json!({ "push": "unversioned" });
    check_delta(&unversioned, &profile("push"), Kind::Settled, Verdict::Temporal);
    // A server of which nothing is known but that it names versions.
    let unknown = json!({ "settle_ms": 50 });
    check_delta(&json!({}), &unknown, Kind::Versioned, Verdict::Partial);
}

#[test]
fn every_unit_of_columns_and_every_way_of_sync_is_right() {
    for columns in ["utf-8", "utf-16", "utf-32"] {
        for sync in [0, 1, 2] {
            let mut script = pulling();
            script["columns"] = json!(columns);
            script["capabilities"]["textDocumentSync"] = json!(sync);
            let rig = Rig::fake(&script, &profile("pull"), &[("a.fake", CLEAN)]);
            for text in [MOVED, "𝄞𝄞 ERROR ä\r\n", "\u{feff}ERROR x", "ä\rERROR y\n"] {
                let reports = rig.edit("a.fake", text, patient());
                let at = text.find("ERROR").expect("an error");
                let found = reports[0].after.findings.diagnostics.iter();
                let starts: Vec<usize> = found
                    .filter(|found| found.message.starts_with("E1"))
                    .map(|found| found.range.start)
                    .collect();
                assert_eq!(starts, [at], "{columns} {sync} {text:?}");
            }
        }
    }
}

#[test]
fn what_a_server_says_of_an_older_version_does_not_count() {
    let late =
        json!({ "later": { "ms": 150, "steps": [{ "publish": { "version": "$version" } }] } });
    let script = json!({ "on": { "textDocument/didChange": [[
        // An empty list for the version before, and one for a version to come.
        { "notify": { "method": "textDocument/publishDiagnostics",
            "params": { "uri": "$uri", "version": 1, "diagnostics": [] } } },
        { "notify": { "method": "textDocument/publishDiagnostics",
            "params": { "uri": "$uri", "version": 99, "diagnostics": [] } } }, late]] } });
    let rig = Rig::fake(&script, &profile("push"), &[("a.fake", CLEAN)]);
    let reports = rig.edit("a.fake", BROKEN, patient());
    assert_eq!(seen(&reports[0]), (vec!["E1: one"], vec![], 0, Verdict::Fresh));
}

#[test]
fn a_version_that_is_published_twice_counts_the_second_time() {
    let script = json!({ "on": { "textDocument/didChange": [[
        { "publish": { "version": "$version", "empty": true } },
        { "later": { "ms": 10, "steps": [{ "publish": { "version": "$version" } }] } }]] } });
    let slow = json!({ "findings": ["push"], "versioned": true, "settle_ms": 300 });
    let rig = Rig::fake(&script, &slow, &[("a.fake", CLEAN)]);
    let reports = rig.edit("a.fake", BROKEN, patient());
    assert_eq!(seen(&reports[0]), (vec!["E1: one"], vec![], 0, Verdict::Fresh));
}

#[test]
fn silence_is_never_clean() {
    let script = json!({ "on": { "textDocument/didChange": [[]] } });
    let rig = Rig::fake(&script, &profile("push"), &[("a.fake", BROKEN)]);
    let reports = rig.edit("a.fake", CLEAN, impatient());
    assert_eq!(seen(&reports[0]), (vec![], vec![], 0, Verdict::Inconclusive));
    assert!(reports[0].after.reason.is_some());
    assert_eq!(reports[0].after.kind, Kind::Nothing);
}

#[test]
fn a_server_that_is_silent_where_nothing_is_wrong_is_believed_so_far() {
    let script = json!({ "on": {
        "textDocument/didOpen": [[]], "textDocument/didChange": [[], ["default"]] } });
    let mut silent = profile("push");
    silent["silent_on_clean"] = json!(true);
    let rig = Rig::fake(&script, &silent, &[("a.fake", CLEAN)]);
    let budget = std::time::Duration::from_secs(1);
    let options = Options { budget, late: budget, ..patient() };
    let reports = rig.edit("a.fake", "def name\n", options);
    // Both sides are silent: nothing more than that came later than the edit.
    assert_ne!(seen(&reports[0]).3, Verdict::Fresh);
    assert!(reports[0].delta.new.is_empty());
}

#[test]
fn an_empty_answer_of_a_server_that_loads_is_not_clean() {
    let mut script = pulling();
    script["indexing"] = json!({ "ms": 300, "kind": "status" });
    let mut status = profile("pull");
    status["ready"] = json!("status");
    let rig = Rig::fake(&script, &status, &[("a.fake", CLEAN)]);
    let reports = rig.edit("a.fake", BROKEN, patient());
    assert_eq!(seen(&reports[0]), (vec!["E1: one"], vec![], 0, Verdict::Fresh));

    script["indexing"]["ms"] = json!(600_000);
    let rig = Rig::fake(&script, &status, &[("a.fake", CLEAN)]);
    let reports = rig.edit("a.fake", "def name\n", impatient());
    assert_eq!(reports[0].delta.verdict, Verdict::Inconclusive);

    // One that is unwell never gets well by waiting.
    script["indexing"]["ms"] = json!(10);
    script["health"] = json!("warning");
    let rig = Rig::fake(&script, &status, &[("a.fake", CLEAN)]);
    let reports = rig.edit("a.fake", "def name\n", patient());
    assert_eq!(reports[0].delta.verdict, Verdict::Inconclusive);
    assert!(reports[0].after.reason.as_ref().expect("a reason").contains("unwell"));
}

#[test]
fn a_request_that_is_withdrawn_is_asked_again() {
    for code in [-32801, -32802] {
        let mut script = pulling();
        let withdrawn = json!([{ "reply_error": { "code": code, "message": "later" } }]);
        script["on"] = json!({ "textDocument/diagnostic": [withdrawn, withdrawn, ["default"]] });
        let rig = Rig::fake(&script, &profile("pull"), &[("a.fake", CLEAN)]);
        let reports = rig.edit("a.fake", BROKEN, patient());
        assert_eq!(seen(&reports[0]), (vec!["E1: one"], vec![], 0, Verdict::Fresh));
    }
}

#[test]
fn reports_are_read_by_what_they_hold() {
    let check = |reply: Value, verdict| {
        let mut script = pulling();
        script["on"] = json!({ "textDocument/diagnostic": [["default"], [{ "reply": reply }]] });
        let rig = Rig::fake(&script, &profile("pull"), &[("a.fake", CLEAN)]);
        let reports = rig.edit("a.fake", BROKEN, impatient());
        assert_eq!(reports[0].delta.verdict, verdict, "{reply}");
    };
    let place =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 1 } });
    check(json!({ "kind": "", "items": [{ "range": place, "message": "m" }] }), Verdict::Fresh);
    check(json!({ "kind": "full", "items": [{ "range": place }] }), Verdict::Partial);
    check(json!({ "kind": "unchanged", "resultId": "1" }), Verdict::Inconclusive);
    check(json!(null), Verdict::Inconclusive);
    check(json!([]), Verdict::Inconclusive);
}

#[test]
fn a_server_that_registers_later_is_asked_all_the_same() {
    let script = json!({ "push": "none", "on": { "initialized": [[{ "later": { "ms": 100, "steps": [
        { "request": { "id": 1, "method": "client/registerCapability", "params": { "registrations": [
            { "id": "d", "method": "textDocument/diagnostic",
              "registerOptions": { "identifier": "fake" } }] } } }] } }]] } });
    let rig = Rig::fake(&script, &profile("pull"), &[("a.fake", CLEAN)]);
    let reports = rig.edit("a.fake", BROKEN, patient());
    assert_eq!(reports[0].after.kind, Kind::Pull);
    assert_eq!(seen(&reports[0]), (vec!["E1: one"], vec![], 0, Verdict::Fresh));
}

#[test]
fn a_server_that_never_offers_to_be_asked_is_listened_to() {
    let rig = Rig::fake(&json!({}), &profile("pull"), &[("a.fake", CLEAN)]);
    let reports = rig.edit("a.fake", BROKEN, patient());
    assert_eq!(reports[0].after.kind, Kind::Versioned);
    assert_eq!(seen(&reports[0]).0, ["E1: one"]);
}

#[test]
fn what_comes_late_is_told_and_never_taken_for_clean() {
    let mut script = pulling();
    let slow = json!([{ "sleep_ms": 1500 }, "default"]);
    script["on"] = json!({ "textDocument/diagnostic": [["default"], slow, ["default"]] });
    let rig = Rig::fake(&script, &profile("pull"), &[("a.fake", CLEAN)]);
    let report = rig.edits(&[("a.fake", BROKEN)], impatient());
    assert_eq!(report.verdict(), Verdict::Inconclusive);
    let pending = report.pending.expect("something is pending");
    let heard = || rig.late.lock().expect("a list").clone();
    wait_until("the rest is in", || !heard().is_empty());
    let late = &heard()[0];
    assert_eq!(late.pending, pending);
    assert_eq!(seen(&late.files[0]), (vec!["E1: one"], vec![], 0, Verdict::Fresh));
}

#[test]
fn the_next_edit_does_not_wait_for_what_is_late() {
    let mut script = pulling();
    let never = json!([]);
    script["on"] = json!({ "textDocument/diagnostic": [["default"], never, ["default"]] });
    let rig = Rig::fake(&script, &profile("pull"), &[("a.fake", CLEAN)]);
    let first = rig.edits(&[("a.fake", BROKEN)], impatient());
    assert_eq!(first.verdict(), Verdict::Inconclusive);
    let second = rig.edits(&[("a.fake", CLEAN)], patient());
    assert_eq!(second.verdict(), Verdict::Fresh);
    assert_eq!(seen(&second.files[0]).1, ["E1: one"]);
    // What was late has been overtaken and is told to nobody.
    assert!(rig.late.lock().expect("a list").is_empty());
}

#[test]
fn a_compiler_that_looks_at_what_is_saved_is_waited_for() {
    let progress = |kind: &str| {
        json!({ "notify": { "method": "$/progress",
        "params": { "token": "check/0", "value": { "kind": kind, "title": "check" } } } })
    };
    let found = json!([{ "range": { "start": { "line": 0, "character": 0 },
        "end": { "line": 0, "character": 3 } }, "severity": 1, "source": "compiler",
        "message": "borrowed" }]);
    let publish = json!({ "notify": { "method": "textDocument/publishDiagnostics",
        "params": { "uri": "$uri", "diagnostics": found } } });
    let mut script = pulling();
    script["on"] = json!({ "textDocument/didSave": [[{ "later": { "ms": 50, "steps": [
        // A run that the next one cuts off ends as well.
        progress("begin"), progress("end"), progress("begin"), publish, progress("end")] } }]] });
    let compiler = json!({ "ready": "immediate", "findings": ["pull", "check"],
        "check_token": "check/", "settle_ms": 50 });
    let rig = Rig::fake(&script, &compiler, &[("a.fake", CLEAN)]);
    let reports = rig.edit("a.fake", BROKEN, patient());
    let after = &reports[0].after;
    let messages: Vec<&str> =
        after.findings.diagnostics.iter().map(|found| found.message.as_str()).collect();
    assert_eq!((messages, after.findings.verdict), (vec!["borrowed", "E1: one"], Verdict::Fresh));

    // What is not saved is not compiled, so the answer is one part of it.
    let unsaved = Options { is_saved: false, ..patient() };
    let reports = rig.edit("a.fake", CLEAN, unsaved);
    assert_eq!(reports[0].after.findings.verdict, Verdict::Partial);
}

#[test]
fn an_edit_that_breaks_another_file_is_told() {
    let files = [("a.fake", "def name\n"), ("b.fake", "use name\n"), ("c.fake", "use name\n")];
    let rig = Rig::fake(&pulling(), &profile("pull"), &files);
    let options = || Options { dependents: vec!["b.fake".into(), "c.fake".into()], ..patient() };
    let reports = rig.edit("a.fake", "def other\n", options());
    let broken: Vec<&str> = reports
        .iter()
        .filter(|report| !report.delta.new.is_empty())
        .map(|report| report.path.as_str())
        .collect();
    assert_eq!(broken, ["b.fake", "c.fake"]);
    let reports = rig.edit("a.fake", "def name\n", options());
    let fixed: usize = reports.iter().map(|report| report.delta.fixed.len()).sum();
    assert_eq!((fixed, reports.len()), (2, 3));
}

#[test]
fn an_edit_can_be_judged_before_it_is_written() {
    let rig = Rig::fake(&pulling(), &profile("pull"), &[("a.fake", CLEAN)]);
    let before = rig.disk.snapshot("a.fake").expect("a file");
    let change = Change::whole(&before.bytes, BROKEN.as_bytes());
    let after = Arc::new(before.after(&change));
    let edit = Edited { path: "a.fake".into(), before, after, change };
    let unsaved = Options { is_saved: false, ..patient() };
    let report = rig.bridge.verify(vec![edit], unsaved);
    assert_eq!(seen(&report.files[0]).0, ["E1: one"]);
    assert_eq!(rig.disk.read("a.fake"), CLEAN);
    // The server is shown what is on disk before it is asked again.
    let now = rig.bridge.diagnostics(vec!["a.fake".into()], AMPLE);
    assert_eq!(now[0].findings.diagnostics, []);
    assert_eq!(now[0].findings.verdict, Verdict::Fresh);
}

#[test]
fn a_server_that_is_started_again_knows_what_is_open() {
    let mut script = pulling();
    script["on"] = json!({ "textDocument/hover": [[{ "exit": 0 }]] });
    let rig = Rig::fake(&script, &profile("pull"), &[("a.fake", CLEAN)]);
    let first = rig.edit("a.fake", BROKEN, patient());
    rig.bridge.hover("a.fake", 4, AMPLE).expect_err("it ends");
    let second = rig.edit("a.fake", MOVED, patient());
    assert_eq!(seen(&second[0]), (vec!["W1: two"], vec![], 1, Verdict::Fresh));
    assert!(second[0].after.epoch > first[0].after.epoch);
}

#[test]
fn files_that_no_server_sees_are_told_apart() {
    let rig = Rig::fake(&pulling(), &profile("pull"), &[("a.txt", "x\n"), ("b.fake", "x\n")]);
    let report = rig.edits(&[("a.txt", "y\n")], patient());
    assert_eq!((report.files.len(), report.verdict()), (0, Verdict::Inconclusive));
    let found = rig.bridge.diagnostics(vec!["a.txt".into(), "b.fake".into()], AMPLE);
    assert_eq!(found.len(), 1);
    let missing = rig.bridge.diagnostics(vec!["c.fake".into()], AMPLE);
    assert_eq!(missing[0].findings.verdict, Verdict::Inconclusive);
}

#[test]
fn a_server_says_which_files_depend_on_lines() {
    let files =
        [("a.fake", "def one\ndef two\n"), ("b.fake", "use two\n"), ("c.fake", "use one\n")];
    let rig = Rig::fake(&pulling(), &profile("pull"), &files);
    let of = |lines| rig.bridge.dependents("a.fake", lines, AMPLE).expect("files").value;
    assert_eq!(of((0, 0)), ["c.fake"]);
    assert_eq!(of((0, 1)), ["c.fake", "b.fake"]);
    assert_eq!(of((2, 2)), [""; 0]);
}
