//! `file/list`: the names of files.

use crate::service::api::{Fault, List, ListAnswer, Reply, Response};
use crate::service::session::Session;
use crate::service::walk::{Found, Scope, walk};
use crate::service::{Service, plain};

use super::reject::Rejected;

/// The most names in one answer.
const MOST: usize = 10_000;

/// Returns the names asked for, or a rejection.
pub(in crate::service) fn list(
    service: &Service,
    request: List,
    session: &Session,
) -> Result<Reply, Fault> {
    let List { paths, globs, all, depth, limit } = request;
    let limit = limit.clamp(1, MOST);
    let scope = Scope { paths, globs, all, depth };
    let mut found = match walk(&service.workspace, &scope) {
        Ok(found) => found,
        Err(refusal) => return Rejected::of(refusal).answer(service, session, "read.rejected"),
    };
    let name = |found: Found| match found {
        Found::File(path) => path.as_str().to_owned(),
        Found::Directory(path) => format!("{}/", path.as_str()),
    };
    let paths = found.by_ref().take(limit).map(name).collect();
    let more = found.next().is_some();
    Ok(plain(Response::List(ListAnswer { paths, more })))
}
