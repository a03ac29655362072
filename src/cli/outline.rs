//! `anchord outline`: what a file defines, under a header that an edit can begin
//! with.

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, edit};
use crate::protocol::wire;

#[derive(Debug, clap::Args)]
pub(super) struct Outline {
    /// The file
    path: String,
    /// Only this construct and what stands in it, as "impl Foo > fn bar"
    symbol: Option<String>,
    /// How many levels to show
    #[arg(long, value_name = "NUMBER")]
    depth: Option<usize>,
    /// How many rows at most
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

pub(super) fn run(
    outline: &Outline,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::OutlineParams {
        path: outline.path.clone(),
        symbol: outline.symbol.clone(),
        depth: outline.depth,
        limit: outline.limit,
        ..wire::OutlineParams::default()
    };
    let result = endpoint.raw("file/outline", &params)?;
    if common.json {
        paint.line(&result)?;
    }
    match typed::<wire::OutlineResult>(&result)? {
        Answer::No(rejection) => edit::refuse(&rejection, common, paint),
        Answer::Yes(_) if common.json => Ok(End::Done),
        Answer::Yes(answer) => {
            paint.title(&format!("@{} {}", answer.path, answer.handle))?;
            paint.rows(&answer.text)?;
            if answer.more {
                paint.faint("… there is more; name a depth or a symbol, or raise --limit")?;
            }
            Ok(End::Done)
        }
    }
}
