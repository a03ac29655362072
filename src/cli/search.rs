//! `anchord list` and `anchord search`: names of files, and lines that match,
//! each file under a header that an edit can begin with.

use super::endpoint::{Answer, Endpoint, typed};
use super::paint::Paint;
use super::{CliError, Common, End, edit};
use crate::protocol::wire;

/// Where to look.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// Files and directories to look in [default: the root]
    pub(super) paths: Vec<String>,
    /// Only paths that match this pattern
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) glob: Vec<String>,
    /// Hidden and ignored files as well
    #[arg(short, long)]
    pub(super) all: bool,
    /// How many at most
    #[arg(long, value_name = "NUMBER")]
    pub(super) limit: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    place: Where,
    /// How many directories deep to go
    #[arg(long, value_name = "NUMBER")]
    depth: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Search {
    /// What to look for, a regular expression
    pattern: String,
    #[command(flatten)]
    place: Where,
    /// The pattern is a text, not a regular expression
    #[arg(short = 'F', long)]
    literal: bool,
    /// Upper and lower case are the same
    #[arg(short, long)]
    ignore_case: bool,
    /// Rows to show before and after each match
    #[arg(short = 'C', long, value_name = "ROWS")]
    context: Option<usize>,
}

pub(super) fn list(
    list: &List,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::ListParams {
        session: None,
        paths: list.place.paths.clone(),
        globs: list.place.glob.clone(),
        all: list.place.all,
        depth: list.depth,
        limit: list.place.limit,
    };
    let result = endpoint.raw("file/list", &params)?;
    if common.json {
        paint.line(&result)?;
    }
    match typed::<wire::ListResult>(&result)? {
        Answer::No(rejection) => edit::refuse(&rejection, common, paint),
        Answer::Yes(_) if common.json => Ok(End::Done),
        Answer::Yes(answer) => {
            answer.paths.iter().try_for_each(|path| paint.line(path))?;
            more(answer.more, paint)
        }
    }
}

pub(super) fn run(
    search: &Search,
    common: &Common,
    endpoint: &mut Endpoint,
    paint: &mut Paint,
) -> Result<End, CliError> {
    let params = wire::SearchParams {
        session: None,
        pattern: search.pattern.clone(),
        literal: search.literal,
        ignore_case: search.ignore_case,
        paths: search.place.paths.clone(),
        globs: search.place.glob.clone(),
        all: search.place.all,
        context: search.context,
        limit: search.place.limit,
    };
    let result = endpoint.raw("file/search", &params)?;
    found(&result, common, paint)
}

/// Shows the matches of a search.
pub(super) fn found(result: &str, common: &Common, paint: &mut Paint) -> Result<End, CliError> {
    if common.json {
        paint.line(result)?;
    }
    match typed::<wire::SearchResult>(result)? {
        Answer::No(rejection) => edit::refuse(&rejection, common, paint),
        Answer::Yes(_) if common.json => Ok(End::Done),
        Answer::Yes(answer) => {
            for file in &answer.files {
                paint.title(&format!("@{} {}", file.path, file.handle))?;
                paint.rows(&file.text)?;
            }
            more(answer.more, paint)
        }
    }
}

/// Says that there is more than was shown.
pub(super) fn more(more: bool, paint: &mut Paint) -> Result<End, CliError> {
    if more {
        paint.faint("… there are more; name a directory, or raise --limit")?;
    }
    Ok(End::Done)
}
