//! The forms of transcripts, brought to one: texts, calls of tools, results.

use serde_json::Value;

use crate::bench::BenchError;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// The model wrote a text.
    Said(String),
    /// The user did.
    Told(String),
    /// The model called a tool.
    Call {
        /// Under this name it is answered.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments: an object, or a text where the tool takes one.
        arguments: Value,
    },
    /// A tool answered.
    Result {
        /// The call.
        id: String,
        /// The answer.
        text: String,
        /// Whether it says that the call failed, where the form can say that.
        failed: Option<bool>,
    },
    /// Who answers from here on.
    Model(String),
}

/// Returns what happened in a transcript.
pub(super) fn read(text: &str) -> Result<Vec<Event>, BenchError> {
    let mut events = Vec::new();
    match serde_json::from_str::<Value>(text) {
        Ok(value) => of_value(&value, &mut events),
        Err(_) => {
            for (row, number) in text.lines().zip(1..).filter(|(row, _)| !row.trim().is_empty()) {
                let value = serde_json::from_str(row).map_err(|error| {
                    BenchError::Malformed(format!("line {number} of the transcript: {error}"))
                })?;
                of_value(&value, &mut events);
            }
        }
    }
    match events.is_empty() {
        true => Err(BenchError::Malformed("no transcript of a form that is known".into())),
        false => Ok(events),
    }
}

fn of_value(value: &Value, events: &mut Vec<Event>) {
    if let Some(all) = value.as_array() {
        all.iter().for_each(|value| of_value(value, events));
        return;
    }
    let model = ["model", "model_name"].iter().find_map(|name| value[*name].as_str());
    events.extend(model.map(|model| Event::Model(model.to_owned())));
    let kind = value["type"].as_str().unwrap_or("");
    if kind == "response_item" {
        // A rollout tells the same twice: what was sent, and what was shown.
        of_value(&value["payload"], events);
    } else if is_item(kind) {
        item(kind, value, events);
    } else if value["role"].is_string() {
        message(value, events);
    } else if value["message"].is_object() {
        of_value(&value["message"], events);
    } else if value["source"].is_string() {
        step(value, events);
    } else {
        // A request, an answer, or a trajectory.
        for name in ["messages", "steps", "input", "output", "choices"] {
            if value[name].is_array() {
                of_value(&value[name], events);
            }
        }
    }
}

/// Returns whether this is an item of the Responses API that is no message.
fn is_item(kind: &str) -> bool {
    matches!(
        kind,
        "function_call"
            | "custom_tool_call"
            | "local_shell_call"
            | "function_call_output"
            | "custom_tool_call_output"
            | "local_shell_call_output"
    )
}

fn item(kind: &str, value: &Value, events: &mut Vec<Event>) {
    let id = text(&value["call_id"]);
    if kind.ends_with("_output") {
        let (text, failed) = output(&value["output"]);
        events.push(Event::Result { id, text, failed });
        return;
    }
    let name = value["name"].as_str().unwrap_or("shell").to_owned();
    let arguments = match kind {
        "function_call" => parsed(&value["arguments"]),
        "custom_tool_call" => value["input"].clone(),
        _ => value["action"].clone(),
    };
    events.push(Event::Call { id, name, arguments });
}

/// Returns the text of an output, and whether it failed: Codex wraps the text
/// and the exit code into JSON.
fn output(value: &Value) -> (String, Option<bool>) {
    let text = content(value);
    let wrapped: Option<Value> = serde_json::from_str(&text).ok().filter(Value::is_object);
    let Some(wrapped) = wrapped.filter(|wrapped| wrapped["output"].is_string()) else {
        return (text, None);
    };
    let failed = wrapped["metadata"]["exit_code"].as_i64().map(|code| code != 0);
    (self::text(&wrapped["output"]), failed)
}

fn message(value: &Value, events: &mut Vec<Event>) {
    let role = value["role"].as_str().unwrap_or("");
    let result = |id: &Value, failed: &Value| Event::Result {
        id: text(id),
        text: content(&value["content"]),
        failed: failed.as_bool(),
    };
    match role {
        "tool" => events.push(result(&value["tool_call_id"], &Value::Null)),
        "toolResult" => events.push(result(&value["toolCallId"], &value["isError"])),
        "assistant" | "user" => {
            let is_model = role == "assistant";
            match value["content"].as_array() {
                Some(blocks) => blocks.iter().for_each(|of| block(of, is_model, events)),
                None => said(text(&value["content"]), is_model, events),
            }
        }
        _ => {}
    }
    for call in value["tool_calls"].as_array().into_iter().flatten() {
        events.push(Event::Call {
            id: text(&call["id"]),
            name: text(&call["function"]["name"]),
            arguments: parsed(&call["function"]["arguments"]),
        });
    }
}

fn block(block: &Value, is_model: bool, events: &mut Vec<Event>) {
    match block["type"].as_str().unwrap_or("") {
        "text" | "output_text" | "input_text" => said(text(&block["text"]), is_model, events),
        "tool_use" => events.push(Event::Call {
            id: text(&block["id"]),
            name: text(&block["name"]),
            arguments: block["input"].clone(),
        }),
        "toolCall" => events.push(Event::Call {
            id: text(&block["id"]),
            name: text(&block["name"]),
            arguments: block["arguments"].clone(),
        }),
        "tool_result" => events.push(Event::Result {
            id: text(&block["tool_use_id"]),
            text: content(&block["content"]),
            // What is not called an error there is none.
            failed: Some(block["is_error"].as_bool().unwrap_or(false)),
        }),
        _ => {}
    }
}

/// Adds the events of one step of a trajectory.
fn step(value: &Value, events: &mut Vec<Event>) {
    let is_model = value["source"] == "agent";
    said(content(&value["message"]), is_model, events);
    for call in value["tool_calls"].as_array().into_iter().flatten() {
        events.push(Event::Call {
            id: text(&call["tool_call_id"]),
            name: text(&call["function_name"]),
            arguments: call["arguments"].clone(),
        });
    }
    for result in value["observation"]["results"].as_array().into_iter().flatten() {
        let (text, failed) = output(&result["content"]);
        events.push(Event::Result { id: self::text(&result["source_call_id"]), text, failed });
    }
}

fn said(text: String, is_model: bool, events: &mut Vec<Event>) {
    if !text.is_empty() {
        events.push(if is_model { Event::Said(text) } else { Event::Told(text) });
    }
}

/// Returns arguments that are sent as text; what is no JSON stays a text.
fn parsed(value: &Value) -> Value {
    let inner = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    inner.unwrap_or_else(|| value.clone())
}

/// Returns a content that is a text, or blocks with texts.
fn content(value: &Value) -> String {
    match value.as_array() {
        Some(blocks) => blocks.iter().map(|block| text(&block["text"])).collect(),
        None => text(value),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}
