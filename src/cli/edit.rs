//! `anchord edit` and `anchord retry`: an edit from a file or from standard
//! input, in the text form or as JSON, and what became of it.

use std::io::Read;

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, diagnostics, read};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Edit {
    /// The file that holds the edit; - or nothing for standard input. It is
    /// the text form of the format, or the JSON of `edit/apply` or its `files`
    source: Option<String>,
    /// The edit format; auto recognises it, in fences and among prose too
    #[arg(long)]
    format: Option<String>,
    /// Judge the edit while it comes in, and end as soon as it can no longer
    /// succeed; it is text in the format
    #[arg(long)]
    stream: bool,
    /// The reason, for the record
    #[arg(long)]
    why: Option<String>,
    /// Your name for the request: one effect, however often sent
    #[arg(long, value_name = "ID")]
    op_id: Option<String>,
    /// Only look whether it would be applied
    #[arg(long)]
    dry_run: bool,
    /// Ask language servers: tell what they say of it (warn), or refuse what
    /// brings in an error (reject)
    #[arg(long, value_parser = ["off", "warn", "reject"])]
    lsp: Option<String>,
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

/// The most that is handed over at once of an edit that comes in, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;

/// The format of an edit that names none.
const ANCHOR: &str = "anchor";

pub(super) fn run(
    edit: &Edit,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    if edit.stream {
        return stream(edit, common, endpoint, paint);
    }
    let source = source(edit.source.as_deref())?;
    let mut params = params(&source, edit.format.as_deref())?;
    params.why = params.why.or_else(|| edit.why.clone());
    params.op_id = params.op_id.or_else(|| edit.op_id.clone());
    params.dry_run |= edit.dry_run;
    if let Some(policy) = &edit.lsp {
        let lsp = serde_json::from_value(policy.clone().into()).ok();
        params.verify.get_or_insert_default().lsp = lsp;
    }
    let result = endpoint.raw("edit/apply", &params)?;
    outcome(&result, common, endpoint, paint)
}

/// Hands the edit over as it comes in.
fn stream(
    edit: &Edit,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let mut params = wire::StreamParams {
        format: Some(edit.format.clone().unwrap_or_else(|| ANCHOR.to_owned())),
        op_id: edit.op_id.clone(),
        why: edit.why.clone(),
        dry_run: edit.dry_run,
        ..wire::StreamParams::default()
    };
    let mut input = Chunks { input: input(edit.source.as_deref())?, rest: Vec::new() };
    let mut step = wire::Step::Open;
    loop {
        let text = if step == wire::Step::Open { Some(String::new()) } else { input.next()? };
        if text.is_none() {
            step = wire::Step::Close;
        }
        params = wire::StreamParams { step, text, ..params };
        let result = endpoint.raw("edit/stream", &params)?;
        if step == wire::Step::Close {
            return outcome(&result, common, endpoint, paint);
        }
        let told = match typed::<wire::StreamResult>(&result)? {
            Answer::No(_) => return outcome(&result, common, endpoint, paint),
            Answer::Yes(told) => told,
        };
        step = wire::Step::Chunk;
        let stream = Some(told.stream);
        params = wire::StreamParams { stream, ..wire::StreamParams::default() };
        if let Some(stop) = told.stop {
            params.step = wire::Step::Cancel;
            endpoint.raw("edit/stream", &params)?;
            if common.json {
                paint.line(&result)?;
            }
            return refuse(&stop.rejection, common, paint);
        }
    }
}

/// Text that comes in pieces.
struct Chunks {
    input: Box<dyn Read>,
    /// The beginning of a character whose end is still to come.
    rest: Vec<u8>,
}

impl Chunks {
    /// Returns the next piece; `None` at the end.
    fn next(&mut self) -> Result<Option<String>, CliError> {
        loop {
            let begun = self.rest.len();
            self.rest.resize(begun + CHUNK_BYTES, 0);
            let count = self.input.read(&mut self.rest[begun..])?;
            self.rest.truncate(begun + count);
            let whole = match std::str::from_utf8(&self.rest) {
                Ok(text) => text.len(),
                Err(error) if error.error_len().is_none() && count > 0 => error.valid_up_to(),
                Err(_) => return Err(CliError::Usage("the edit is not UTF-8".into())),
            };
            let rest = self.rest.split_off(whole);
            let text = std::mem::replace(&mut self.rest, rest);
            if !text.is_empty() || count == 0 {
                let text = String::from_utf8(text).unwrap_or_default();
                return Ok((count > 0).then_some(text));
            }
        }
    }
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
        ..wire::RetryParams::default()
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
            if let Some(diagnosis) = &answer.diagnostics {
                diagnosed(diagnosis, paint)?;
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
    if let Some(change) = &answer.server {
        told(change, paint)?;
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

/// Tells what a language server changed, and what it left as it was.
fn told(change: &wire::ServerChange, paint: &mut Paint) -> Result<(), CliError> {
    let by = match change.server.as_str() {
        "" => String::new(),
        server => format!(" by {server}"),
    };
    let proof = change.proof.as_ref().map(|proof| format!(", complete by {proof}"));
    paint.line(&format!("{}{by}{}", change.title, proof.unwrap_or_default()))?;
    if let Some(diff) = &change.diff {
        paint.diff(diff)?;
        paint.faint(&format!("this change is plan {}", change.plan))?;
    }
    left(&change.uncovered, paint)
}

/// Shows places where a name stays.
fn left(files: &[wire::FileMatches], paint: &mut Paint) -> Result<(), CliError> {
    for file in files {
        paint.title(&format!("the name stays in @{} {}", file.path, file.handle))?;
        paint.rows(&file.text)?;
    }
    Ok(())
}

/// Tells what language servers say of an edit.
fn diagnosed(diagnosis: &wire::Diagnosis, paint: &mut Paint) -> Result<(), CliError> {
    let count = |files: &[wire::FileDiagnostics]| {
        files.iter().map(|file| file.diagnostics.len()).sum::<usize>()
    };
    let (new, fixed) = (count(&diagnosis.new), count(&diagnosis.fixed));
    let text = format!(
        "language servers: {new} new, {fixed} fixed, {} unchanged ({})",
        diagnosis.unchanged, diagnosis.verdict
    );
    match new == 0 && diagnosis.verdict == "fresh" {
        true => paint.good(&text)?,
        false => paint.bad(&text)?,
    }
    diagnostics::files(&diagnosis.new, paint)?;
    diagnostics::words(&diagnosis.servers, paint)
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
    left(&rejection.uncovered, paint)?;
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

/// Returns where the edit comes from.
#[expect(clippy::disallowed_methods, reason = "the edit is the caller's, not a file of the root")]
fn input(path: Option<&str>) -> Result<Box<dyn Read>, CliError> {
    Ok(match path {
        None | Some("-") => Box::new(std::io::stdin()),
        Some(path) => Box::new(std::fs::File::open(path)?),
    })
}

/// Returns the text of the edit.
fn source(path: Option<&str>) -> Result<String, CliError> {
    let mut text = String::new();
    let read = input(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    match read as u64 > MOST_BYTES {
        true => Err(CliError::Usage(format!("the edit is longer than {MOST_BYTES} bytes"))),
        false => Ok(text),
    }
}

/// Returns the parameters: whole ones, a list of files, or a text. Where a
/// format is named that is not ours, JSON is that format's own.
fn params(source: &str, format: Option<&str>) -> Result<wire::ApplyParams, CliError> {
    let wrong =
        |error: serde_json::Error| CliError::Usage(format!("the edit is no JSON of ours: {error}"));
    let ours = format.is_none_or(|format| format == ANCHOR);
    let format = format.unwrap_or(ANCHOR).to_owned();
    Ok(match source.trim_start().as_bytes().first().filter(|_| ours) {
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
