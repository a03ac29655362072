//! Made transcripts in the true forms of those who write them.

use serde_json::{Value, json};

use super::*;

const BEFORE: &str = "fn main() {\n    let one = 1;\n    run(one);\n}\n";
const AFTER: &str = "fn main() {\n    let one = 2;\n    run(one);\n}\n";
const PATCH: &str = "*** Begin Patch\n*** Update File: src/main.rs\n@@\n-    let one = 1;\n+    let one = 2;\n*** End Patch\n";

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Returns a text with numbers of lines as a tool shows them.
fn numbers(text: &str, width: usize, mark: &str) -> String {
    let rows = text.lines().zip(1..);
    let rows: Vec<String> =
        rows.map(|(row, number)| format!("{number:>width$}{mark}{row}")).collect();
    rows.join("\n")
}

/// Holds the only call of a transcript against what it must be.
#[track_caller]
fn check(text: &str, tool: &str, format: &str, taken: Option<bool>, after: Option<&str>) {
    let found = read(text).unwrap();
    assert_eq!(found.calls.len(), 1, "{found:?}");
    let call = &found.calls[0];
    assert_eq!((call.tool.as_str(), call.format, call.taken), (tool, format, taken));
    assert_eq!(call.files.len(), 1);
    assert_eq!(call.files[0].path, "src/main.rs");
    assert_eq!(call.files[0].before, BEFORE);
    assert_eq!(call.files[0].after.as_deref(), after);
    let draft = engine::format::read(format, &call.text, engine::format::Given::default()).unwrap();
    assert_eq!(draft.files[0].path, "src/main.rs");
}

fn edit_of_anthropic(id: &str) -> Value {
    let input = json!({
        "file_path": "/src/main.rs", "old_string": "one = 1", "new_string": "one = 2",
        "replace_all": false,
    });
    json!({"role": "assistant", "content": [
        {"type": "text", "text": "I change the number."},
        {"type": "tool_use", "id": id, "name": "Edit", "input": input},
    ]})
}

fn read_of_anthropic() -> [Value; 2] {
    let shown = numbers(BEFORE, 6, "→") + "\n\n<system-reminder>\nNote.\n</system-reminder>\n";
    [
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1",
            "name": "Read", "input": {"file_path": "/src/main.rs"}}]}),
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1",
            "content": [{"type": "text", "text": shown}]}]}),
    ]
}

#[test]
fn messages_of_anthropic_hold_edits_and_whether_they_were_taken() {
    let [call, result] = read_of_anthropic();
    let done = json!({"role": "user", "content": [{"type": "tool_result",
        "tool_use_id": "toolu_2", "content": "The file has been updated."}]});
    let request = json!({"model": "a-model", "max_tokens": 100, "messages": [
        {"role": "user", "content": "Make it two."}, call, result, edit_of_anthropic("toolu_2"),
        done,
    ]});
    check(&request.to_string(), "Edit", "replace", Some(true), Some(AFTER));
    assert_eq!(read(&request.to_string()).unwrap().calls[0].model, "a-model");
    let failed = json!({"role": "user", "content": [{"type": "tool_result", "is_error": true,
        "tool_use_id": "toolu_2", "content": "String to replace not found in file."}]});
    let [call, result] = read_of_anthropic();
    let rows = lines(&[call, result, edit_of_anthropic("toolu_2"), failed]);
    check(&rows, "Edit", "replace", Some(false), None);
}

#[test]
fn a_session_of_claude_code_is_a_message_a_line() {
    let [call, result] = read_of_anthropic();
    let row = |kind: &str, message: Value| {
        json!({"parentUuid": null, "isSidechain": false, "type": kind, "cwd": "/", "message": message,
            "uuid": "u", "timestamp": "2026-02-01T00:00:00Z"})
    };
    let done = json!({"role": "user", "content": [{"tool_use_id": "toolu_2", "type": "tool_result",
        "content": "The file /src/main.rs has been updated."}]});
    let rows = [
        json!({"type": "summary", "summary": "An edit", "leafUuid": "l"}),
        row("user", json!({"role": "user", "content": "Make it two."})),
        row("assistant", call),
        row("user", result),
        row("assistant", edit_of_anthropic("toolu_2")),
        row("user", done),
    ];
    check(&lines(&rows), "Edit", "replace", Some(true), Some(AFTER));
}

#[test]
fn messages_of_openai_hold_arguments_as_text() {
    let call = |id: &str, name: &str, arguments: Value| {
        json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function",
            "function": {"name": name, "arguments": arguments.to_string()}}]})
    };
    let result =
        |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let show = call("c1", "read_file", json!({"path": "./src/main.rs"}));
    let patch = call("c2", "apply_patch", json!({"input": PATCH}));
    let again = call("c3", "read_file", json!({"path": "src/main.rs"}));
    let messages = [
        json!({"role": "system", "content": "You edit."}),
        show.clone(),
        result("c1", BEFORE),
        patch,
        result("c2", "Success. Updated the following files:\nM src/main.rs\n"),
        again,
        result("c3", AFTER),
    ];
    // What a patch makes of a file is known once that was shown again.
    check(
        &json!({"messages": messages}).to_string(),
        "apply_patch",
        "patch",
        Some(true),
        Some(AFTER),
    );
    let edit = json!({"command": "str_replace", "path": "/src/main.rs", "old_str": "one = 7",
        "new_str": "one = 2"});
    let rows = [
        show,
        result("c1", BEFORE),
        call("c2", "str_replace_editor", edit),
        result("c2", "No replacement was performed, old_str `one = 7` did not appear verbatim."),
    ];
    check(&json!(rows).to_string(), "str_replace_editor", "replace", Some(false), None);
}

#[test]
fn a_rollout_of_codex_says_everything_twice_and_is_read_once() {
    let item = |payload: Value| json!({"timestamp": "2026-02-01T00:00:00Z", "type": "response_item", "payload": payload});
    let shell = json!({"command": ["bash", "-lc", "cat src/main.rs"]}).to_string();
    let output = |text: &str| json!({"output": text, "metadata": {"exit_code": 0}}).to_string();
    let rows = [
        json!({"type": "session_meta", "payload": {"id": "s", "cwd": "/work"}}),
        json!({"type": "turn_context", "payload": {"model": "a-model"}}),
        item(
            json!({"type": "function_call", "name": "shell", "arguments": shell, "call_id": "c1"}),
        ),
        item(json!({"type": "function_call_output", "call_id": "c1", "output": output(BEFORE)})),
        item(json!({"type": "custom_tool_call", "status": "completed", "call_id": "c2",
            "name": "apply_patch", "input": PATCH})),
        json!({"type": "event_msg", "payload": {"type": "patch_apply_end", "call_id": "c2"}}),
        item(json!({"type": "custom_tool_call_output", "call_id": "c2",
            "output": output("Success. Updated the following files:\nM src/main.rs\n")})),
    ];
    check(&lines(&rows), "apply_patch", "patch", Some(true), None);
}

#[test]
fn a_trajectory_and_a_session_of_pi_are_read_too() {
    let edit = json!({"path": "src/main.rs", "oldText": "one = 1", "newText": "one = 2"});
    let steps = json!({"schema_version": "ATIF-v1.7", "session_id": "s",
        "agent": {"name": "pi", "version": "1", "model_name": "a-model"}, "steps": [
        {"step_id": 1, "source": "user", "message": "Make it two."},
        {"step_id": 2, "source": "agent", "message": "", "tool_calls": [
            {"tool_call_id": "c1", "function_name": "read", "arguments": {"path": "src/main.rs"}}],
            "observation": {"results": [{"source_call_id": "c1", "content": BEFORE}]}},
        {"step_id": 3, "source": "agent", "message": "", "tool_calls": [
            {"tool_call_id": "c2", "function_name": "edit", "arguments": edit}],
            "observation": {"results": [{"source_call_id": "c2", "content": "Successfully replaced."}]}},
    ]});
    check(&steps.to_string(), "edit", "replace", Some(true), Some(AFTER));
    let row = |message: Value| json!({"type": "message", "id": "m", "message": message});
    let call = |id: &str, name: &str, arguments: &Value| {
        row(json!({"role": "assistant", "content": [
            {"type": "toolCall", "id": id, "name": name, "arguments": arguments}]}))
    };
    let result = |id: &str, text: &str, is_error: bool| {
        row(json!({"role": "toolResult", "toolCallId": id, "isError": is_error,
            "content": [{"type": "text", "text": text}]}))
    };
    let rows = [
        json!({"type": "session", "version": 3, "id": "s", "cwd": "/work"}),
        call("c1", "read", &json!({"path": "src/main.rs"})),
        result("c1", BEFORE, false),
        call("c2", "edit", &edit),
        result("c2", "Could not find the exact text.", true),
    ];
    check(&lines(&rows), "edit", "replace", Some(false), None);
}

#[test]
fn a_reply_with_blocks_is_an_edit_whose_end_nobody_tells() {
    let shown = format!("These are the files:\n\nsrc/main.rs\n```rust\n{BEFORE}```\n");
    let reply = "I change the number.\n\nsrc/main.rs\n```rust\n<<<<<<< SEARCH\n    let one = 1;\n=======\n    let one = 2;\n>>>>>>> REPLACE\n```\n";
    let rows =
        [json!({"role": "user", "content": shown}), json!({"role": "assistant", "content": reply})];
    check(&json!(rows).to_string(), "reply", "blocks", None, None);
}

#[test]
fn what_was_never_shown_whole_is_passed_over_and_counted() {
    let rows = [edit_of_anthropic("toolu_2")];
    let found = read(&json!(rows).to_string()).unwrap();
    assert_eq!((found.calls.len(), found.passed.values().sum::<usize>()), (0, 1));
    let part = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1",
        "name": "Read", "input": {"file_path": "/src/main.rs", "limit": 2}}]});
    let [_, result] = read_of_anthropic();
    let rows = [part, result, edit_of_anthropic("toolu_2")];
    assert_eq!(read(&json!(rows).to_string()).unwrap().calls.len(), 0);
    assert!(read("no transcript").is_err());
    assert!(read("{\"a\": 1}").is_err());
}

#[test]
fn edits_in_a_row_build_on_each_other() {
    let [call, result] = read_of_anthropic();
    let done = |id: &str| {
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id,
            "content": "updated"}]})
    };
    let second = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_3",
        "name": "MultiEdit", "input": {"file_path": "/src/main.rs", "edits": [
            {"old_string": "one = 2", "new_string": "one = 3"},
            {"old_string": "run(", "new_string": "go("}]}}]});
    let rows =
        [call, result, edit_of_anthropic("toolu_2"), done("toolu_2"), second, done("toolu_3")];
    let found = read(&lines(&rows)).unwrap();
    assert_eq!(found.calls.len(), 2);
    assert_eq!(found.calls[1].files[0].before, AFTER);
    let after = AFTER.replace("one = 2", "one = 3").replace("run(", "go(");
    assert_eq!(found.calls[1].files[0].after, Some(after));
}
