//! `anchord diagnostics`: what language servers find, each file under a header
//! that an edit can begin with.

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, edit};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Diagnostics {
    /// Files and directories [default: what the session changed last]
    paths: Vec<String>,
    /// How long language servers may take
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

pub(super) fn run(
    which: &Diagnostics,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::DiagnosticsParams {
        session: None,
        paths: which.paths.clone(),
        wait_ms: which.wait.map(|seconds| seconds.saturating_mul(1000)),
    };
    let result = endpoint.raw("lsp/diagnostics", &params)?;
    if common.json {
        paint.line(&result)?;
    }
    let answer = match typed::<wire::DiagnosticsResult>(&result)? {
        Answer::No(rejection) => return edit::refuse(&rejection, common, paint),
        Answer::Yes(answer) => answer,
    };
    let has_errors = answer.files.iter().flat_map(|file| &file.diagnostics);
    let has_errors = has_errors.clone().any(|found| found.severity == "error");
    if !common.json {
        files(&answer.files, paint)?;
        words(&answer.servers, paint)?;
        match (answer.files.is_empty(), answer.verdict.as_str()) {
            (true, "fresh") => paint.good("nothing was found")?,
            (true, verdict) => paint.bad(&format!("nothing was found, but that is {verdict}"))?,
            (false, verdict) => paint.faint(verdict)?,
        }
    }
    Ok(if has_errors { End::Rejected } else { End::Done })
}

/// Shows findings, file by file.
pub(super) fn files(files: &[wire::FileDiagnostics], paint: &mut Paint) -> Result<(), CliError> {
    for file in files {
        let handle = file.handle.as_ref().map(|handle| format!(" {handle}")).unwrap_or_default();
        paint.title(&format!("@{}{handle}", file.path))?;
        for found in &file.diagnostics {
            let (line, column) = (found.lines.0, found.column);
            let text =
                format!("{line}:{column} {} {}: {}", found.severity, found.source, found.message);
            match found.severity.as_str() {
                "error" => paint.bad(&text)?,
                _ => paint.line(&text)?,
            }
        }
        paint.rows(&file.text)?;
    }
    Ok(())
}

/// Shows whose word is not to be relied upon, and why.
pub(super) fn words(words: &[wire::ServerWord], paint: &mut Paint) -> Result<(), CliError> {
    for word in words.iter().filter(|word| word.verdict != "fresh") {
        let why = word.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        paint.faint(&format!("{} on {} is {}{why}", word.server, word.path, word.verdict))?;
    }
    Ok(())
}
