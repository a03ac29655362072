//! Requests that are made again: an endpoint that is busy, or a connection
//! that breaks, is no failure of the model.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use super::Endpoint;
use crate::bench::BenchError;

/// The longest pause that an endpoint may ask for.
const LONGEST: Duration = Duration::from_secs(120);

/// The most bytes of an answer.
const ANSWER_BYTES: u64 = 32 << 20;

/// Sends `body` and returns the answer, after as many tries as it takes, within
/// what the endpoint's settings allow.
pub(super) fn post(
    endpoint: &Endpoint,
    path: &str,
    headers: &[(&str, String)],
    body: &Value,
) -> Result<Value, BenchError> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(endpoint.patience))
        .http_status_as_error(false)
        .build()
        .into();
    let url = format!("{}{path}", endpoint.url.trim_end_matches('/'));
    let body = body.to_string();
    let mut pause = endpoint.pause;
    let mut last = String::new();
    for _ in 0..endpoint.tries.max(1) {
        match once(&agent, &url, headers, &body) {
            Ok(answer) => return Ok(answer),
            Err(Failure::ForGood(message)) => return Err(failed(endpoint, &message)),
            Err(Failure::ForNow(message, asked)) => {
                last = message;
                std::thread::sleep(asked.unwrap_or(pause).min(LONGEST));
                pause = (pause * 2).min(LONGEST);
            }
        }
    }
    Err(failed(endpoint, &format!("{last} (after {} tries)", endpoint.tries)))
}

fn failed(endpoint: &Endpoint, message: &str) -> BenchError {
    BenchError::Program { program: endpoint.url.clone(), message: message.to_owned() }
}

enum Failure {
    /// Another try may do better, after so long.
    ForNow(String, Option<Duration>),
    ForGood(String),
}

fn once(
    agent: &Agent,
    url: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Result<Value, Failure> {
    let mut request = agent.post(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut answer = request.send(body).map_err(|error| match error {
        ureq::Error::BadUri(_) => Failure::ForGood(error.to_string()),
        error => Failure::ForNow(error.to_string(), None),
    })?;
    let status = answer.status().as_u16();
    let asked = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let asked = asked.and_then(|value| value.parse().ok()).map(Duration::from_secs_f64);
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_string();
    let text = text.map_err(|error| Failure::ForNow(error.to_string(), None))?;
    let short = || format!("status {status}: {}", text.chars().take(300).collect::<String>());
    match status {
        200..=299 => serde_json::from_str(&text)
            .map_err(|error| Failure::ForNow(format!("an answer that is no JSON: {error}"), None)),
        408 | 409 | 425 | 429 | 500..=599 => Err(Failure::ForNow(short(), asked)),
        _ => Err(Failure::ForGood(short())),
    }
}
