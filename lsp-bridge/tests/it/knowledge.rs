//! Places, symbols, texts and actions: values that an edit can follow from.

use engine::error::Code;
use engine::verify::Verdict;
use lsp_bridge::intelligence::{Indentation, Question};
use lsp_bridge::source_change::FileOperation;
use serde_json::{Value, json};

use crate::rig::{AMPLE, Rig};

const FILES: [(&str, &str); 2] =
    [("a.fake", "𝄞 def no\ndef name\nuse name  \nERROR x\n"), ("b.fake", "use name \n")];

fn rig(script: &Value) -> Rig {
    Rig::fake(script, &json!({ "ready": "immediate" }), &FILES)
}

/// The byte at which `name` is defined.
const NAME: usize = 16;

#[test]
fn places_are_bytes_of_files() {
    let rig = rig(&json!({}));
    let found = rig.bridge.places("a.fake", NAME, Question::References, AMPLE).expect("places");
    let at: Vec<_> = found
        .value
        .into_iter()
        .map(|place| (place.path.expect("inside"), place.lines.0, place.bytes.expect("bytes")))
        .collect();
    let expected = [("a.fake", 1, NAME..20), ("a.fake", 2, 25..29), ("b.fake", 0, 4..8)];
    assert_eq!(at, expected.map(|(path, line, bytes)| (path.to_owned(), line, bytes)));
    let found = rig.bridge.places("b.fake", 5, Question::Definition, AMPLE).expect("places");
    assert_eq!(found.value[0].lines, (1, 1));
}

#[test]
fn places_outside_the_root_are_shown_and_not_read() {
    let place =
        json!({ "start": { "line": 3, "character": 0 }, "end": { "line": 4, "character": 0 } });
    let reply = json!([{ "targetUri": "file:///lib/x.fake", "targetRange": place,
        "targetSelectionRange": place }, { "uri": 7 }, null]);
    let rig = rig(&json!({ "on": { "textDocument/definition": [[{ "reply": reply }]] } }));
    let found = rig.bridge.places("a.fake", NAME, Question::Definition, AMPLE).expect("places");
    assert_eq!(found.value.len(), 1);
    assert_eq!((&found.value[0].path, &found.value[0].bytes), (&None, &None));
    assert_eq!(found.value[0].lines, (3, 4));
}

#[test]
fn symbols_and_texts() {
    let rig = rig(&json!({}));
    let symbols = rig.bridge.document_symbols("a.fake", AMPLE).expect("symbols").value;
    assert_eq!((symbols[0].name.as_str(), symbols[0].kind), ("name", "function"));
    assert_eq!(symbols[0].name_at.bytes, Some(NAME..20));
    let symbols = rig.bridge.workspace_symbols("b.fake", "nam", AMPLE).expect("symbols").value;
    assert_eq!(symbols[0].whole.path.as_deref(), Some("a.fake"));
    let hover = rig.bridge.hover("a.fake", NAME, AMPLE).expect("an answer").value;
    assert_eq!(hover.as_deref(), Some("the name `name`"));
    let error = rig.bridge.places("a.fake", NAME, Question::Implementation, AMPLE);
    assert_eq!(error.expect_err("not offered").refusal().code, Code::Unsupported);
}

#[test]
fn symbols_lie_in_each_other_only_so_deep() {
    let range =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 1 } });
    let mut symbol = json!({ "name": "x", "kind": 99, "range": range, "selectionRange": range });
    for _ in 0..40 {
        symbol = json!({ "name": "y", "kind": 5, "range": range, "selectionRange": range,
            "children": [symbol] });
    }
    let rig = rig(&json!({ "on": { "textDocument/documentSymbol": [[{ "reply": [symbol] }]] } }));
    let symbols = rig.bridge.document_symbols("a.fake", AMPLE).expect("symbols").value;
    assert_eq!((symbols.len(), symbols[3].containers.len()), (33, 3));
}

#[test]
fn a_file_or_some_lines_of_it_are_formatted() {
    let rig = rig(&json!({}));
    let format = |lines| {
        let change = rig.bridge.format("a.fake", lines, Indentation::default(), AMPLE);
        let change = change.expect("a change").value;
        String::from_utf8(change.change.apply(&change.before.bytes)).expect("UTF-8")
    };
    assert_eq!(format(None), FILES[0].1.replace("name  ", "name"));
    assert_eq!(format(Some((2, 2))), FILES[0].1.replace("name  ", "name"));
    assert_eq!(format(Some((0, 1))), FILES[0].1);
}

#[test]
fn an_action_is_an_edit_and_no_command() {
    let rig = rig(&json!({}));
    let error = FILES[0].1.find("ERROR").expect("an error");
    let actions = rig.bridge.code_actions("a.fake", error..error, None, AMPLE).expect("actions");
    let [cure, program] = actions.value.as_slice() else { panic!("{actions:?}") };
    assert!(cure.is_preferred && cure.disabled.is_none());
    let change = rig.bridge.action_change("a.fake", cure, AMPLE).expect("a change").value;
    let after = change.files[0].change.apply(&change.files[0].before.bytes);
    assert_eq!(String::from_utf8(after).expect("UTF-8"), FILES[0].1.replace("ERROR x", ""));
    let refusal = rig.bridge.action_change("a.fake", program, AMPLE).expect_err("a command");
    assert_eq!(refusal.refusal().code, Code::Unsupported);
}

#[test]
fn a_server_is_handed_its_own_findings_to_offer_cures() {
    let found = json!([{ "range": { "start": { "line": 3, "character": 0 },
        "end": { "line": 3, "character": 5 } }, "message": "m", "data": { "fix": 7 }, "tags": [1] }]);
    let rig = rig(&json!({ "capabilities": { "diagnosticProvider": {} }, "on": {
        "textDocument/diagnostic": [[{ "reply": { "items": found } }]],
        "textDocument/codeAction": [[{ "reply": [] }]] } }));
    let error = FILES[0].1.find("ERROR").expect("an error");
    rig.bridge.code_actions("a.fake", error..error + 2, None, AMPLE).expect("actions");
    let state = rig.bridge.raw("a.fake", "fake/state", json!({}), AMPLE).expect("a state");
    let context = &state["last"]["textDocument/codeAction"]["context"]["diagnostics"][0];
    assert_eq!((&context["data"]["fix"], &context["tags"]), (&json!(7), &json!([1])));
}

#[test]
fn an_action_may_create_move_and_edit_files() {
    let insert = |text: &str| {
        json!([{ "range": { "start": { "line": 0, "character": 0 },
        "end": { "line": 0, "character": 0 } }, "newText": text }])
    };
    let edits = |uri: &str, text: &str| json!({ "textDocument": { "uri": uri, "version": null }, "edits": insert(text) });
    let edit = json!({ "documentChanges": [
        { "kind": "create", "uri": "$root/new.fake" }, edits("$root/new.fake", "def new\n"),
        { "kind": "rename", "oldUri": "$root/b.fake", "newUri": "$root/c.fake" },
        edits("$root/c.fake", "# "), { "kind": "delete", "uri": "$root/a.fake" }] });
    let action = json!([{ "title": "t", "kind": "source.organizeImports", "edit": edit }]);
    let rig = rig(&json!({ "on": { "textDocument/codeAction": [[{ "reply": action }]] } }));
    let change = rig.bridge.organize_imports("a.fake", AMPLE).expect("a change").value;
    assert_eq!(change.files.len(), 1);
    assert_eq!(change.files[0].path, "b.fake");
    let [
        FileOperation::Create { path, text, .. },
        FileOperation::Rename { to, .. },
        FileOperation::Delete { .. },
    ] = change.operations.as_slice()
    else {
        panic!("{:?}", change.operations)
    };
    assert_eq!(
        (path.as_str(), text.as_slice(), to.as_str()),
        ("new.fake", b"def new\n".as_slice(), "c.fake")
    );
}

#[test]
fn answers_that_cannot_be_read_are_errors_or_nothing() {
    for reply in [json!(7), json!("x"), json!([7, null, {}]), json!({ "uri": "x" })] {
        let on = ["references", "documentSymbol", "hover", "codeAction"]
            .map(|method| (format!("textDocument/{method}"), json!([[{ "reply": reply }]])));
        let on: serde_json::Map<String, Value> = on.into_iter().collect();
        let rig = rig(&json!({ "on": on }));
        let found = rig.bridge.places("a.fake", NAME, Question::References, AMPLE);
        assert_eq!(found.expect("nothing").value, []);
        assert_eq!(rig.bridge.document_symbols("a.fake", AMPLE).expect("nothing").value, []);
        assert_eq!(rig.bridge.hover("a.fake", NAME, AMPLE).expect("nothing").value, None);
        assert_eq!(
            rig.bridge.code_actions("a.fake", 0..0, None, AMPLE).expect("nothing").value,
            []
        );
        let now = rig.bridge.diagnostics(vec!["a.fake".into()], AMPLE);
        assert_ne!(now[0].findings.verdict, Verdict::Inconclusive);
    }
}
