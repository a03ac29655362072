//! `anchord match` and `anchord rewrite`: code by its shape, and what becomes of
//! it.

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::search::{Where, found, more};
use super::{CliError, Common, End, edit};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Match {
    /// Code with holes, as "foo($A, $$$REST)"
    pattern: String,
    #[command(flatten)]
    place: Where,
    /// Only files in this language
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Rows to show before and after each match
    #[arg(short = 'C', long, value_name = "ROWS")]
    context: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Rewrite {
    /// Code with holes, as "foo($A, $$$REST)"
    pattern: String,
    /// What it becomes, with the same holes
    rewrite: String,
    #[command(flatten)]
    place: Where,
    /// Only files in this language
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Apply it at once, without a look at what it would do
    #[arg(long)]
    apply: bool,
}

pub(super) fn find(
    find: &Match,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::PatternParams {
        context: find.context,
        ..params(&find.pattern, &find.place, find.lang.as_ref())
    };
    let result = endpoint.raw("pattern/search", &params)?;
    found(&result, common, paint)
}

pub(super) fn run(
    rewrite: &Rewrite,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::PatternParams {
        rewrite: Some(rewrite.rewrite.clone()),
        ..params(&rewrite.pattern, &rewrite.place, rewrite.lang.as_ref())
    };
    let result = endpoint.raw("pattern/rewrite", &params)?;
    if common.json && !rewrite.apply {
        paint.line(&result)?;
    }
    let answer = match typed::<wire::RewriteResult>(&result)? {
        Answer::No(rejection) => return edit::refuse(&rejection, common, paint),
        Answer::Yes(answer) => answer,
    };
    match (&answer.retry, rewrite.apply) {
        (Some(token), true) => {
            let retry = wire::RetryParams {
                retry: token.clone(),
                accept: true,
                ..wire::RetryParams::default()
            };
            let result = endpoint.raw("edit/retry", &retry)?;
            edit::outcome(&result, common, endpoint, paint)
        }
        _ if common.json => Ok(End::Done),
        _ => preview(&answer, paint),
    }
}

fn preview(answer: &wire::RewriteResult, paint: &mut Paint) -> Result<End, CliError> {
    for file in &answer.files {
        paint.title(&format!("@{} {}", file.path, file.handle))?;
        paint.diff(&file.text)?;
    }
    more(answer.more, paint)?;
    match &answer.retry {
        Some(token) => paint.line(&format!("anchord retry {token}    applies all of it"))?,
        None => paint.faint("nothing would change")?,
    }
    Ok(End::Done)
}

fn params(pattern: &str, place: &Where, lang: Option<&String>) -> wire::PatternParams {
    wire::PatternParams {
        pattern: pattern.to_owned(),
        language: lang.cloned(),
        paths: place.paths.clone(),
        globs: place.glob.clone(),
        all: place.all,
        limit: place.limit,
        ..wire::PatternParams::default()
    }
}
