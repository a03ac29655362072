//! `anchord stats`: edit-success rate and wasted tokens.

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, edit};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Stats {
    /// What to group by
    #[arg(long, value_parser = ["session", "agent", "model", "format"])]
    by: Option<String>,
    /// Only this session's
    #[arg(long, value_name = "SESSION")]
    of: Option<String>,
}

pub(super) fn run(
    stats: &Stats,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let by = stats.by.clone().and_then(|by| serde_json::from_value(by.into()).ok());
    let params = wire::StatsParams { session: stats.of.clone(), by };
    let result = endpoint.raw("stats/summary", &params)?;
    if common.json {
        paint.line(&result)?;
        return Ok(End::Done);
    }
    match typed::<wire::StatsResult>(&result)? {
        Answer::No(rejection) => edit::refuse(&rejection, common, paint),
        Answer::Yes(answer) => show(&answer, paint).map(|()| End::Done),
    }
}

/// Writes the figures of every group.
pub(super) fn show(answer: &wire::StatsResult, paint: &mut Paint) -> Result<(), CliError> {
    for group in &answer.groups {
        paint.title(&group.name)?;
        let rate = |rate: Option<f64>| {
            rate.map_or("–".to_owned(), |rate| format!("{:.1} %", rate * 100.0))
        };
        paint.line(&format!(
            "  {} edits: {} at the first try ({}), {} after retries ({}), {} undone",
            group.edits,
            group.first_try,
            rate(group.first_try_rate),
            group.landed,
            rate(group.landed_rate),
            group.undone,
        ))?;
        if !group.rejected.is_empty() {
            let codes = group.rejected.iter().map(|(code, count)| format!("{code} {count}"));
            let codes: Vec<String> = codes.collect();
            paint.line(&format!("  rejected: {}", codes.join(", ")))?;
        }
        paint.line(&format!(
            "  {} reads, {} edit attempts; {} tokens written, {} read ({})",
            group.reads, group.attempts, group.tokens_in, group.tokens_out, answer.tokenizer,
        ))?;
        paint.line(&format!("  wasted: {}", wasted(&group.wasted)))?;
        if group.uncounted > 0 {
            paint.faint(&format!("  {} attempts estimated or not counted", group.uncounted))?;
        }
    }
    Ok(())
}

fn wasted(wasted: &wire::Wasted) -> String {
    let parts = [
        ("rejected", wasted.rejected),
        ("reverted", wasted.reverted),
        ("errors", wasted.errors),
        ("re-read", wasted.reread),
        ("old text", wasted.old_text),
        ("gutter", wasted.gutter),
        ("envelope", wasted.envelope),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, tokens)| *tokens > 0)
        .map(|(part, tokens)| format!("{part} {tokens}"))
        .collect();
    match parts.is_empty() {
        true => "nothing".to_owned(),
        false => format!("{} tokens ({})", wasted.total, parts.join(", ")),
    }
}
