//! Renames: complete or not at all, whatever the server says.

use std::sync::Arc;
use std::time::Duration;

use engine::error::Code;
use lsp_bridge::census::TextCensus;
use lsp_bridge::error::BridgeError;
use lsp_bridge::files::Files;
use lsp_bridge::rename::{Proof, Rename, RenameRequest};
use lsp_bridge::source_change::{FileOperation, SourceChange};
use serde_json::{Value, json};

use crate::rig::{AMPLE, Rig};

/// One file that defines a name and 41 others that use it.
fn project() -> Vec<(String, String)> {
    let users = (0..41).map(|user| (format!("user{user}.fake"), "use name\n".to_owned()));
    std::iter::once(("a.fake".to_owned(), "def name\n".to_owned())).chain(users).collect()
}

fn rig(script: &Value, ready: &str, files: &[(String, String)]) -> Rig {
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Rig::fake(script, &json!({ "ready": ready, "findings": ["pull"] }), &files)
}

fn request(budget: Duration) -> RenameRequest {
    RenameRequest {
        path: "a.fake".into(),
        offset: 4,
        old_name: "name".into(),
        new_name: "other".into(),
        budget,
        accept_uncovered: false,
    }
}

fn rename(rig: &Rig, request: RenameRequest) -> Result<Rename, BridgeError> {
    let files = Arc::clone(&rig.disk) as Arc<dyn Files>;
    rig.bridge.rename(request, Arc::new(TextCensus(files)))
}

fn apply(rig: &Rig, change: &SourceChange) {
    for file in &change.files {
        let after = file.change.apply(&file.before.bytes);
        rig.disk.write(&file.path, std::str::from_utf8(&after).expect("UTF-8"));
    }
}

#[test]
fn a_rename_covers_files_that_are_not_open() {
    let rig = rig(&json!({}), "immediate", &project());
    let rename = rename(&rig, request(AMPLE)).expect("a rename");
    assert_eq!((rename.change.files.len(), rename.uncovered.len()), (42, 0));
    assert_eq!(rename.proof, Proof::Census);
    apply(&rig, &rename.change);
    assert_eq!(rig.disk.read("user7.fake"), "use other\n");
}

#[test]
fn a_rename_right_after_the_start_is_complete_or_refused() {
    for (kind, ready) in [("progress", "progress"), ("status", "status"), ("silent", "two_answers")]
    {
        let script = json!({ "indexing": { "ms": 400, "kind": kind } });
        let rig = rig(&script, ready, &project());
        let rename = rename(&rig, request(AMPLE)).expect("a rename");
        assert_eq!(rename.change.files.len(), 42, "{kind}");
    }
    for (kind, ready) in [("progress", "progress"), ("status", "status"), ("silent", "two_answers")]
    {
        let script = json!({ "indexing": { "ms": 600_000, "kind": kind } });
        let rig = rig(&script, ready, &project());
        let error = rename(&rig, request(Duration::from_millis(2500))).expect_err("incomplete");
        let BridgeError::Incomplete { uncovered, .. } = &error else { panic!("{kind}: {error}") };
        assert_eq!(uncovered.len(), 41, "{kind}");
        assert_eq!(error.refusal().code, Code::Approval);
    }
}

#[test]
fn what_a_server_leaves_out_is_named_and_needs_consent() {
    let script =
        json!({ "on": { "textDocument/rename": [[{ "rename_partly": { "files": 40 } }]] } });
    let rig = rig(&script, "two_answers", &project());
    let error = rename(&rig, request(AMPLE)).expect_err("incomplete");
    let BridgeError::Incomplete { uncovered, .. } = error else { panic!("{error}") };
    assert_eq!(uncovered.len(), 2);
    assert_eq!((uncovered[0].line, uncovered[0].range.clone()), (0, 4..8));
    let consent = RenameRequest { accept_uncovered: true, ..request(AMPLE) };
    let rename = rename(&rig, consent).expect("a rename");
    assert_eq!((rename.proof, rename.uncovered.len()), (Proof::Consent, 2));
}

#[test]
fn a_server_that_knows_all_says_what_is_another_symbol() {
    let mut files = project();
    files.push(("z.fake".into(), "a note about name\n".into()));
    let script =
        json!({ "on": { "textDocument/rename": [[{ "rename_partly": { "files": 42 } }]] } });
    let rig = rig(&script, "immediate", &files);
    let rename = rename(&rig, request(AMPLE)).expect("a rename");
    assert_eq!((rename.proof, rename.uncovered.len()), (Proof::Ready, 1));
    assert_eq!(rename.uncovered[0].path, "z.fake");
}

#[track_caller]
fn check_refused(script: &Value, change: impl FnOnce(&mut RenameRequest), code: Code) {
    let rig = rig(script, "immediate", &project()[..3]);
    let mut request = request(AMPLE);
    change(&mut request);
    let refusal = rename(&rig, request).expect_err("a refusal").refusal();
    assert_eq!(refusal.code, code, "{refusal}");
}

fn answers(edit: Value) -> Value {
    json!({ "on": { "textDocument/rename": [[{ "reply": edit }]] } })
}

fn edit_at(line: u32, from: u32, to: u32) -> Value {
    json!({ "range": { "start": { "line": line, "character": from },
        "end": { "line": line, "character": to } }, "newText": "other" })
}

#[test]
fn an_answer_that_is_not_exact_is_refused() {
    let none = |_: &mut RenameRequest| {};
    check_refused(&json!({ "document_changes": 99 }), none, Code::LspVersion);
    check_refused(
        &answers(json!({ "changes": { "file:///etc/a.fake": [edit_at(0, 0, 1)] } })),
        none,
        Code::Denied,
    );
    check_refused(
        &answers(json!({ "changes": { "$root/../a.fake": [edit_at(0, 4, 8)] } })),
        none,
        Code::Denied,
    );
    check_refused(
        &answers(json!({ "changes": { "$root/a.fake": [edit_at(0, 0, 3)] } })),
        none,
        Code::LspVersion,
    );
    check_refused(
        &answers(json!({ "changes": { "$root/a.fake": [edit_at(9, 4, 8)] } })),
        none,
        Code::LspVersion,
    );
    check_refused(
        &answers(json!({ "changes": { "$root/none.fake": [edit_at(0, 4, 8)] } })),
        none,
        Code::Missing,
    );
    let twice = json!([edit_at(0, 4, 8), edit_at(0, 5, 8)]);
    check_refused(&answers(json!({ "changes": { "$root/a.fake": twice } })), none, Code::Overlap);
    check_refused(&answers(json!(null)), none, Code::NotFound);
    check_refused(&answers(json!({})), none, Code::NotFound);
    check_refused(
        &answers(json!({ "changes": { "$root/a.fake": [{ "newText": "x" }] } })),
        none,
        Code::Unsupported,
    );
    let error = json!({ "on": { "textDocument/rename": [[{ "reply_error": { "code": -32602, "message": "no" } }]] } });
    check_refused(&error, none, Code::NotFound);
}

#[test]
fn the_place_must_be_the_symbol() {
    let none = |_: &mut RenameRequest| {};
    check_refused(&json!({}), |request| request.offset = 1, Code::NotFound);
    check_refused(&json!({}), |request| request.offset = 900, Code::NotFound);
    check_refused(&json!({}), |request| request.old_name = "nam".into(), Code::NotFound);
    check_refused(&json!({}), |request| request.new_name = String::new(), Code::Malformed);
    check_refused(&json!({}), |request| request.new_name = "name".into(), Code::NoChange);
    check_refused(&json!({}), |request| request.path = "none.fake".into(), Code::Missing);
    check_refused(&json!({}), |request| request.path = "user1.txt".into(), Code::Missing);
    let prepares =
        |range: Value| json!({ "on": { "textDocument/prepareRename": [[{ "reply": range }]] } });
    check_refused(&prepares(json!(null)), none, Code::NotFound);
    check_refused(&prepares(edit_at(0, 0, 3)), none, Code::NotFound);
    let rig = rig(&prepares(json!({ "defaultBehavior": true })), "immediate", &project());
    rename(&rig, request(AMPLE)).expect("the server leaves the range to us");
}

#[test]
fn a_server_that_cannot_rename_is_told_apart() {
    let script = json!({ "capabilities": { "renameProvider": null } });
    check_refused(&script, |_| {}, Code::Unsupported);
}

#[test]
fn versions_of_documents_that_are_not_open_mean_nothing() {
    for version in [json!(null), json!(0)] {
        let rig = rig(&json!({ "document_changes": version }), "immediate", &project());
        let renamed = rename(&rig, request(AMPLE));
        match version {
            // The document that is open is at another version than 0.
            Value::Number(_) => {
                assert_eq!(renamed.expect_err("a version").refusal().code, Code::LspVersion)
            }
            _ => assert_eq!(renamed.expect("a rename").change.files.len(), 42),
        }
    }
}

#[test]
fn a_file_is_moved_with_all_that_names_it() {
    let files =
        [("lib/part.fake", "def x\n"), ("a.fake", "see part here\n"), ("b.fake", "departure\n")];
    let rig = Rig::fake(&json!({}), &json!({ "ready": "immediate" }), &files);
    let change = rig.bridge.rename_file("lib/part.fake", "lib/piece.fake", AMPLE).expect("a move");
    assert_eq!(change.files.len(), 1);
    assert_eq!(change.files[0].path, "a.fake");
    let moved = FileOperation::Rename {
        from: "lib/part.fake".into(),
        to: "lib/piece.fake".into(),
        overwrite: false,
    };
    assert_eq!(change.operations, [moved]);
    rig.bridge.renamed_file("lib/part.fake", "lib/piece.fake");
    let error = rig.bridge.rename_file("lib/part.fake", "a.fake", AMPLE).expect_err("taken");
    assert_eq!(error.refusal().code, Code::Exists);
}
