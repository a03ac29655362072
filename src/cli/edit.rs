//! `anchord edit` and `anchord retry`: an edit from a file or from standard
//! input, in the text form or as JSON, and what became of it.

use std::io::Read;

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, read};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Edit {
    /// The file that holds the edit; - or nothing for standard input. It is
    /// the text form of the format, or the JSON of `edit/apply` or its `files`
    source: Option<String>,
    /// The edit format
    #[arg(long, default_value = "anchor")]
    format: String,
    /// The reason, for the record
    #[arg(long)]
    why: Option<String>,
    /// Your name for the request: one effect, however often sent
    #[arg(long, value_name = "ID")]
    op_id: Option<String>,
    /// Only look whether it would be applied
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Retry {
    /// The token of the rejection
    token: String,
    /// Put each operation on these lines of the new handle, as 12 or 12-40;
    /// without any, accept the landings as proposed
    #[arg(long, value_name = "LINES", num_args = 1.., conflicts_with_all = ["candidate", "fix"])]
    at: Vec<String>,
    /// Take the candidate of this number
    #[arg(long, value_name = "NUMBER", conflicts_with = "fix")]
    candidate: Option<usize>,
    /// Take the fix of this number
    #[arg(long, value_name = "NUMBER")]
    fix: Option<usize>,
    /// Let the edit go to files and to open documents of editors at once
    #[arg(long)]
    allow_mixed: bool,
}

/// The most that is read from standard input, in bytes.
const MOST_BYTES: u64 = 32 << 20;

pub(super) fn run(
    edit: &Edit,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let source = source(edit.source.as_deref())?;
    let mut params = params(&source, &edit.format)?;
    params.why = params.why.or_else(|| edit.why.clone());
    params.op_id = params.op_id.or_else(|| edit.op_id.clone());
    params.dry_run |= edit.dry_run;
    let result = endpoint.raw("edit/apply", &params)?;
    outcome(&result, common, endpoint, paint)
}

pub(super) fn retry(
    retry: &Retry,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let at: Vec<wire::Lines> =
        retry.at.iter().map(|text| read::lines(text)).collect::<Result<_, _>>()?;
    let params = wire::RetryParams {
        session: None,
        retry: retry.token.clone(),
        accept: at.is_empty() && retry.candidate.is_none() && retry.fix.is_none(),
        at: (!at.is_empty()).then_some(at),
        candidate: retry.candidate,
        fix: retry.fix,
        allow_mixed: retry.allow_mixed,
    };
    let result = endpoint.raw("edit/retry", &params)?;
    outcome(&result, common, endpoint, paint)
}

/// Tells what became of an edit.
pub(super) fn outcome(
    result: &str,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    if common.json {
        paint.line(result)?;
    }
    match typed::<wire::EditResult>(result)? {
        Answer::No(rejection) => refuse(&rejection, common, paint),
        Answer::Yes(_) if common.json => Ok(End::Done),
        Answer::Yes(answer) => {
            summarize(&answer, paint)?;
            if let Some(operation) = answer.operation {
                let show = wire::ShowParams { session: None, operation };
                let shown = endpoint.raw("edit/show", &show)?;
                if let Answer::Yes(shown) = typed::<wire::ShowResult>(&shown)? {
                    paint.diff(&shown.diff)?;
                }
            }
            Ok(End::Done)
        }
    }
}

fn summarize(answer: &wire::EditResult, paint: &mut Paint) -> Result<(), CliError> {
    let operation = answer.operation.map(|id| format!(" as operation {id}")).unwrap_or_default();
    paint.good(&format!("{}{operation}", answer.status))?;
    for lint in &answer.lints {
        let op = lint.op.map(|op| format!(", operation {op}")).unwrap_or_default();
        paint.bad(&format!("{}: {}{op}: {}", lint.lint, lint.path, lint.message))?;
    }
    for file in &answer.files {
        match &file.handle {
            Some(handle) => paint.title(&format!("@{} {handle}", file.path))?,
            None => paint.title(&format!("@{}", file.path))?,
        }
        for op in &file.ops {
            let (first, last) = op.lines;
            let moved =
                op.relocated.as_ref().map(|by| format!(", relocated {by}")).unwrap_or_default();
            let already = if op.already { ", was there already" } else { "" };
            match first > last {
                true => paint.faint(&format!("after line {last}{moved}{already}"))?,
                false => paint.faint(&format!("lines {first}-{last}{moved}{already}"))?,
            }
        }
        if file.place.is_some() {
            paint.faint("made in the editor that has the file open; not saved yet")?;
        }
        if let Some(cas) = &file.cas {
            paint.faint(&format!("swapped with {cas} protection against other programs"))?;
        }
    }
    Ok(())
}

/// Tells why a request was refused, and what cures it.
pub(super) fn refuse(
    rejection: &wire::Rejection,
    common: &Common,
    paint: &mut Paint,
) -> Result<End, CliError> {
    if common.json {
        return Ok(End::Rejected);
    }
    let path = rejection.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
    paint.bad(&format!("{}: {path}{}", rejection.code, rejection.message))?;
    if let (Some(path), Some(handle)) = (&rejection.path, &rejection.handle) {
        paint.title(&format!("@{path} {handle}"))?;
    }
    if let Some(rows) = &rejection.rows {
        paint.rows(rows)?;
    }
    for hunk in &rejection.drift {
        let (old, new) = (places(&[Some(hunk.old)]), places(&[Some(hunk.new)]));
        paint.faint(&format!("{old} became {new}"))?;
    }
    if let Some(token) = &rejection.retry {
        hints(rejection, token).iter().try_for_each(|hint| paint.line(hint))?;
    }
    Ok(End::Rejected)
}

/// Returns the commands that cure a rejection.
fn hints(rejection: &wire::Rejection, token: &str) -> Vec<String> {
    let landings = &rejection.landings;
    let retry = format!("anchord retry {token}");
    let mut hints = Vec::new();
    for (number, lines) in (1..).zip(&rejection.candidates) {
        let place = places(&[Some(*lines)]);
        hints.push(format!("{retry} --candidate {number}    puts it on {place}"));
    }
    for (number, fix) in (1..).zip(&rejection.fixes) {
        hints.push(format!("{retry} --fix {number}    {fix}"));
    }
    hints.push(match landings.is_empty() || landings.contains(&None) {
        false => format!("{retry}    puts it on {}", places(landings)),
        true if !rejection.fixes.is_empty() => format!("{retry}    applies it as it is"),
        true if landings.is_empty() => format!("{retry}    tries it again"),
        true => format!("{retry} --at LINES…    puts each operation there"),
    });
    hints
}

fn places(landings: &[Option<wire::Lines>]) -> String {
    let place = |(first, last): &wire::Lines| match first > last {
        true => format!("after line {last}"),
        false => format!("lines {first}-{last}"),
    };
    landings.iter().flatten().map(place).collect::<Vec<_>>().join(", ")
}

/// Returns the text of the edit.
#[expect(clippy::disallowed_methods, reason = "the edit is the caller's, not a file of the root")]
fn source(path: Option<&str>) -> Result<String, CliError> {
    let mut text = String::new();
    let read = match path {
        None | Some("-") => std::io::stdin().lock().take(MOST_BYTES + 1).read_to_string(&mut text),
        Some(path) => std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text),
    }?;
    match read as u64 > MOST_BYTES {
        true => Err(CliError::Usage(format!("the edit is longer than {MOST_BYTES} bytes"))),
        false => Ok(text),
    }
}

/// Returns the parameters: whole ones, a list of files, or a text.
fn params(source: &str, format: &str) -> Result<wire::ApplyParams, CliError> {
    let wrong =
        |error: serde_json::Error| CliError::Usage(format!("the edit is no JSON of ours: {error}"));
    let format = format.to_owned();
    Ok(match source.trim_start().as_bytes().first() {
        Some(b'{') => {
            let mut params: wire::ApplyParams = serde_json::from_str(source).map_err(wrong)?;
            if params.format.is_empty() {
                params.format = format;
            }
            params
        }
        Some(b'[') => {
            let files = serde_json::from_str(source).map_err(wrong)?;
            wire::ApplyParams { format, files: Some(files), ..wire::ApplyParams::default() }
        }
        _ => wire::ApplyParams {
            format,
            text: Some(source.to_owned()),
            ..wire::ApplyParams::default()
        },
    })
}
