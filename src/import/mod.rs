//! Foreign transcripts: what agents of others said, and what their tools
//! answered, read for the edits in them.
//!
//! Any conversation is a row of `events`: texts, calls of tools, results. From
//! these `follow` learns what files hold (a tool showed them whole, or wrote
//! them), which edits were asked for, in which format, whether the tool took
//! them, and what a file held afterwards. Files are never looked at.

mod calls;
mod events;
mod follow;

pub use follow::Transcript;

use crate::bench::BenchError;

/// Returns the edits of a transcript, in the order in which they were asked for.
///
/// These forms are known, whole as JSON or an object a line: messages of OpenAI
/// (`tool_calls`) and of Anthropic (`tool_use`), requests and answers of these,
/// sessions of Claude Code, rollouts of Codex and items of the Responses API,
/// sessions of pi, and trajectories (ATIF).
///
/// # Errors
/// Where the text is no JSON, or holds nothing of these forms.
pub fn read(text: &str) -> Result<Transcript, BenchError> {
    let events = events::read(text)?;
    Ok(follow::follow(events))
}

#[cfg(test)]
mod tests;
