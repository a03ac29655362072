//! A conversation with a model, in the two dialects that most endpoints speak.

use serde_json::{Value, json};

use super::{Endpoint, http, instruction};
use crate::bench::BenchError;
use crate::bench::format::Format;
use crate::bench::task::Task;

/// How an endpoint is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `/v1/chat/completions`, as OpenAI and most others have it.
    OpenAi,
    /// `/v1/messages`, as Anthropic has it.
    Anthropic,
}

/// What a model is told before it begins.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Of the format.
    pub system: String,
    /// Of the task.
    pub task: String,
}

impl Prompt {
    /// Returns the prompt of a task in a format, with an example of the format.
    pub fn of(task: &Task, format: &Format) -> Prompt {
        let example = example();
        let written = format.say(&example).and_then(|said| format.write(&said)).unwrap_or_default();
        let system = format!(
            "You edit one file. Read it with the tool read, then change it with the tool edit, \
             whose text is an edit in the format {}. The file {} reads\n{}and this edit makes its \
             second line `two = 2`:\n{written}\nWhere an edit is rejected, correct it. When it is \
             applied, you are done.",
            format.name,
            example.path,
            format.shown(&example.read),
        );
        Prompt { system, task: instruction(task) }
    }
}

/// A small file and an edit of it, to show a format with.
fn example() -> Task {
    let hunk = crate::bench::task::Hunk { old: 1..2, new: vec!["two = 2".to_owned()] };
    Task {
        id: "example".to_owned(),
        repo: String::new(),
        path: "example.py".to_owned(),
        read: "one = 1\ntwo = 1\nthree = 3\n".to_owned(),
        hunks: vec![hunk],
        drifted: None,
        commit: None,
    }
}

/// A call of a tool.
pub(super) struct Call {
    id: String,
    pub(super) name: String,
    /// As they came.
    pub(super) arguments: String,
    /// The text of an edit, where the arguments have one.
    pub(super) text: Option<String>,
}

/// One answer of the model.
pub(super) struct Answer {
    pub(super) calls: Vec<Call>,
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) written: u64,
    pub(super) output: u64,
}

/// A conversation so far.
pub(super) struct Chat {
    dialect: Dialect,
    system: String,
    messages: Vec<Value>,
    answer_tokens: u32,
}

impl Chat {
    pub(super) fn begin(prompt: &Prompt, endpoint: &Endpoint, answer_tokens: u32) -> Chat {
        let mut messages = Vec::new();
        if endpoint.dialect == Dialect::OpenAi {
            messages.push(json!({"role": "system", "content": prompt.system}));
        }
        messages.push(json!({"role": "user", "content": prompt.task}));
        let (dialect, system) = (endpoint.dialect, prompt.system.clone());
        Chat { dialect, system, messages, answer_tokens }
    }

    /// Asks the model for its next turn.
    pub(super) fn turn(&mut self, endpoint: &Endpoint) -> Result<Answer, BenchError> {
        let strange = |what: &str| BenchError::Malformed(format!("{}: {what}", endpoint.url));
        match self.dialect {
            Dialect::OpenAi => {
                let body = json!({
                    "model": endpoint.model, "messages": self.messages,
                    "tools": tools(self.dialect), "max_tokens": self.answer_tokens,
                });
                let key = endpoint.key.iter().map(|key| ("authorization", format!("Bearer {key}")));
                let headers: Vec<_> = key.collect();
                let answer = http::post(endpoint, "/v1/chat/completions", &headers, &body)?;
                let message = &answer["choices"][0]["message"];
                if !message.is_object() {
                    return Err(strange("an answer without a message"));
                }
                self.messages.push(message.clone());
                Ok(of_openai(message, &answer["usage"]))
            }
            Dialect::Anthropic => {
                let body = json!({
                    "model": endpoint.model, "system": self.system, "messages": self.messages,
                    "tools": tools(self.dialect), "max_tokens": self.answer_tokens,
                });
                let version = ("anthropic-version", "2023-06-01".to_owned());
                let key = endpoint.key.iter().map(|key| ("x-api-key", key.clone()));
                let headers: Vec<_> = std::iter::once(version).chain(key).collect();
                let answer = http::post(endpoint, "/v1/messages", &headers, &body)?;
                if !answer["content"].is_array() {
                    return Err(strange("an answer without content"));
                }
                let content = answer["content"].clone();
                self.messages.push(json!({"role": "assistant", "content": content}));
                Ok(of_anthropic(&answer))
            }
        }
    }

    /// Tells the model what became of a call.
    pub(super) fn reply(&mut self, call: &Call, text: &str) {
        match self.dialect {
            Dialect::OpenAi => self
                .messages
                .push(json!({"role": "tool", "tool_call_id": call.id, "content": text})),
            Dialect::Anthropic => {
                let result =
                    json!({"type": "tool_result", "tool_use_id": call.id, "content": text});
                // All results of a turn are one message.
                match self.messages.last_mut().filter(|last| last["role"] == "user") {
                    Some(last) => {
                        if let Some(content) = last["content"].as_array_mut() {
                            content.push(result);
                        }
                    }
                    None => self.messages.push(json!({"role": "user", "content": [result]})),
                }
            }
        }
    }
}

fn tools(dialect: Dialect) -> Value {
    let tool = |name: &str, what: &str, field: &str| {
        let schema = json!({
            "type": "object", "required": [field],
            "properties": {field: {"type": "string"}},
        });
        match dialect {
            Dialect::OpenAi => json!({
                "type": "function",
                "function": {"name": name, "description": what, "parameters": schema},
            }),
            Dialect::Anthropic => {
                json!({"name": name, "description": what, "input_schema": schema})
            }
        }
    };
    json!([
        tool("read", "Shows the file.", "path"),
        tool("edit", "Applies an edit in the format that was described.", "text"),
    ])
}

fn of_openai(message: &Value, usage: &Value) -> Answer {
    let call = |call: &Value| {
        let arguments = call["function"]["arguments"].as_str().unwrap_or("").to_owned();
        let parsed: Option<Value> = serde_json::from_str(&arguments).ok();
        Call {
            id: text(&call["id"]),
            name: text(&call["function"]["name"]),
            text: parsed.and_then(|parsed| parsed["text"].as_str().map(str::to_owned)),
            arguments,
        }
    };
    Answer {
        calls: message["tool_calls"]
            .as_array()
            .map_or(Vec::new(), |c| c.iter().map(call).collect()),
        input: usage["prompt_tokens"].as_u64().unwrap_or(0),
        cached: usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0),
        // There, what is put into the cache is not told.
        written: 0,
        output: usage["completion_tokens"].as_u64().unwrap_or(0),
    }
}

fn of_anthropic(answer: &Value) -> Answer {
    let call = |block: &Value| Call {
        id: text(&block["id"]),
        name: text(&block["name"]),
        arguments: block["input"].to_string(),
        text: block["input"]["text"].as_str().map(str::to_owned),
    };
    let blocks = answer["content"].as_array().into_iter().flatten();
    let usage = &answer["usage"];
    let cached = usage["cache_read_input_tokens"].as_u64().unwrap_or(0);
    let written = usage["cache_creation_input_tokens"].as_u64().unwrap_or(0);
    Answer {
        calls: blocks.filter(|block| block["type"] == "tool_use").map(call).collect(),
        // There, what is cached is not part of the input.
        input: usage["input_tokens"].as_u64().unwrap_or(0) + cached + written,
        cached,
        written,
        output: usage["output_tokens"].as_u64().unwrap_or(0),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}
