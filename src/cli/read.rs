//! `anchord read`: lines of a file, under a header that an edit can begin with.

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, edit};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Read {
    /// The file
    path: String,
    /// Which lines, as 12 or 12-40; all if none are named
    lines: Vec<String>,
    /// The construct to show, as "impl Foo > fn bar"
    #[arg(long, value_name = "PATH", conflicts_with_all = ["lines", "around"])]
    symbol: Option<String>,
    /// A line; show the innermost construct around it
    #[arg(long, value_name = "LINE", conflicts_with = "lines")]
    around: Option<usize>,
    /// How rows bear their numbers
    #[arg(long, value_parser = ["tab", "colon", "sparse", "none"], default_value = "tab")]
    gutter: String,
    /// A handle you have: show only what differs
    #[arg(long, value_name = "HANDLE")]
    known: Option<String>,
}

pub(super) fn run(
    read: &Read,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let lines: Vec<wire::Lines> =
        read.lines.iter().map(|text| lines(text)).collect::<Result<_, _>>()?;
    let params = wire::ReadParams {
        path: read.path.clone(),
        lines: (!lines.is_empty()).then_some(lines),
        symbol: read.symbol.clone(),
        around: read.around,
        gutter: serde_json::from_value(read.gutter.clone().into()).ok(),
        known: read.known.clone().map(wire::HandleText::Text),
        ..wire::ReadParams::default()
    };
    let result = endpoint.raw("file/read", &params)?;
    if common.json {
        paint.line(&result)?;
    }
    match typed::<wire::ReadResult>(&result)? {
        Answer::No(rejection) => edit::refuse(&rejection, common, paint),
        Answer::Yes(_) if common.json => Ok(End::Done),
        Answer::Yes(answer) => show(&answer, paint).map(|()| End::Done),
    }
}

fn show(answer: &wire::ReadResult, paint: &mut Paint) -> Result<(), CliError> {
    paint.title(&format!("@{} {}", answer.path, answer.handle))?;
    if answer.unchanged {
        paint.faint("unchanged")?;
    }
    for hunk in answer.delta.iter().flatten() {
        let (old, new) = (hunk.old, hunk.new);
        paint.faint(&format!("lines {}-{} became {}-{}", old.0, old.1, new.0, new.1))?;
        paint.rows(&hunk.text)?;
    }
    if let Some(text) = &answer.text {
        paint.rows(text)?;
    }
    if answer.encoding != "utf-8" {
        let what = format!("{} bytes, {}", answer.bytes, answer.encoding);
        paint.faint(&what)?;
    }
    if let Some(next) = answer.next {
        paint.faint(&format!("… go on at line {next} of {}", answer.total_lines))?;
    }
    Ok(())
}

/// Returns the lines written as `12` or `12-40`.
pub(super) fn lines(text: &str) -> Result<wire::Lines, CliError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => Ok((first, last)),
        _ => Err(CliError::Usage(format!("{text:?} are no lines: write 12 or 12-40"))),
    }
}
