//! `anchord undo`, `redo`, `log` and `show`: what was done, and back.

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, edit};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Undo {
    /// The operation; the session's last one if none is named
    operation: Option<u64>,
    /// Let it be taken back in files and in open documents of editors at once
    #[arg(long)]
    allow_mixed: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Log {
    /// Only operations that touched this file
    path: Option<String>,
    /// How many at most
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Only operations before this one
    #[arg(long)]
    before: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The operation
    operation: u64,
}

pub(super) fn undo(
    undo: &Undo,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::UndoParams {
        session: None,
        operation: undo.operation,
        allow_mixed: undo.allow_mixed,
    };
    let result = endpoint.raw("edit/undo", &params)?;
    edit::outcome(&result, common, endpoint, paint)
}

pub(super) fn redo(
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let result = endpoint.raw("edit/redo", &wire::NoParams::default())?;
    edit::outcome(&result, common, endpoint, paint)
}

pub(super) fn log(
    log: &Log,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::LogParams {
        session: None,
        limit: Some(log.limit),
        before: log.before,
        path: log.path.clone(),
    };
    let result = endpoint.raw("edit/log", &params)?;
    if common.json {
        paint.line(&result)?;
        return Ok(End::Done);
    }
    match typed::<wire::LogResult>(&result)? {
        Answer::No(rejection) => edit::refuse(&rejection, common, paint),
        Answer::Yes(answer) => {
            for operation in &answer.operations {
                list(operation, paint)?;
            }
            Ok(End::Done)
        }
    }
}

pub(super) fn show(
    show: &Show,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::ShowParams { session: None, operation: show.operation };
    let result = endpoint.raw("edit/show", &params)?;
    if common.json {
        paint.line(&result)?;
    }
    match typed::<wire::ShowResult>(&result)? {
        Answer::No(rejection) => edit::refuse(&rejection, common, paint),
        Answer::Yes(_) if common.json => Ok(End::Done),
        Answer::Yes(answer) => {
            list(&answer.operation, paint)?;
            paint.diff(&answer.diff)?;
            Ok(End::Done)
        }
    }
}

fn list(operation: &wire::Operation, paint: &mut Paint) -> Result<(), CliError> {
    let files: Vec<String> = operation
        .files
        .iter()
        .map(|file| match &file.to {
            Some(to) => format!("{} → {to}", file.path),
            None => format!("{} {}", file.kind, file.path),
        })
        .collect();
    let who = match operation.agent.as_str() {
        "" => &operation.session,
        agent => agent,
    };
    let of = operation.target.map(|target| format!(" of {target}")).unwrap_or_default();
    let head =
        format!("{} {}{of} by {who}: {}", operation.operation, operation.kind, files.join(", "));
    match operation.undone_by {
        Some(by) => paint.faint(&format!("{head} (taken back by {by})"))?,
        None => paint.line(&head)?,
    }
    if let Some(why) = &operation.why {
        paint.faint(&format!("  {why}"))?;
    }
    Ok(())
}
