//! What was asked of a language server, written down while its change waits for
//! consent: serde twins of the requests, so that either can change without the
//! other.

use engine::anchor::{Handle, LineRange};
use serde::{Deserialize, Serialize};

use super::stored::StoredVerify;
use crate::service::api::{Actions, Format, How, Rename, RenameFile, Spot, Stretch};

/// A request whose change waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredChange {
    what: StoredRequest,
    how: StoredHow,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum StoredRequest {
    Rename {
        spot: StoredSpot,
        to: String,
        accept_uncovered: bool,
    },
    RenameFile {
        path: String,
        to: String,
    },
    Action {
        path: String,
        handle: Option<u32>,
        lines: Option<LineRange>,
        kind: Option<String>,
        title: Option<String>,
    },
    Format {
        path: String,
        stretch: StoredStretch,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredSpot {
    path: String,
    handle: Option<u32>,
    line: Option<usize>,
    column: Option<usize>,
    name: Option<String>,
    symbol: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum StoredStretch {
    Whole,
    Lines(Vec<LineRange>),
    Changed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredHow {
    wait_ms: u64,
    plan: Option<String>,
    op_id: Option<String>,
    why: Option<String>,
    verify: StoredVerify,
}

/// A change that a language server is asked for.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Rename(Rename),
    RenameFile(RenameFile),
    Action(Actions),
    Format(Format),
}

impl Wanted {
    /// Returns how it is to be carried out.
    pub(super) fn how(&self) -> &How {
        match self {
            Wanted::Rename(request) => &request.how,
            Wanted::RenameFile(request) => &request.how,
            Wanted::Action(request) => &request.how,
            Wanted::Format(request) => &request.how,
        }
    }

    /// Returns what to write down of it, so that `plan` and no other change is
    /// carried out later.
    pub(super) fn stored(&self, plan: &str) -> StoredChange {
        let how = self.how();
        let what = match self {
            Wanted::Rename(Rename { spot, to, accept_uncovered, .. }) => StoredRequest::Rename {
                spot: spot.into(),
                to: to.clone(),
                accept_uncovered: *accept_uncovered,
            },
            Wanted::RenameFile(RenameFile { path, to, .. }) => {
                StoredRequest::RenameFile { path: path.clone(), to: to.clone() }
            }
            Wanted::Action(request) => StoredRequest::Action {
                path: request.path.clone(),
                handle: request.handle.map(Handle::number),
                lines: request.lines,
                kind: request.kind.clone(),
                title: request.title.clone(),
            },
            Wanted::Format(Format { path, stretch, .. }) => {
                let stretch = match stretch {
                    Stretch::Whole => StoredStretch::Whole,
                    Stretch::Lines(lines) => StoredStretch::Lines(lines.clone()),
                    Stretch::Changed => StoredStretch::Changed,
                };
                StoredRequest::Format { path: path.clone(), stretch }
            }
        };
        let how = StoredHow {
            wait_ms: how.wait_ms,
            plan: Some(plan.to_owned()),
            op_id: how.op_id.clone(),
            why: how.why.clone(),
            verify: how.verify.into(),
        };
        StoredChange { what, how }
    }
}

impl StoredChange {
    /// Returns the request again, now that somebody has consented to its change.
    pub(super) fn consented(self) -> Wanted {
        let StoredHow { wait_ms, plan, op_id, why, verify } = self.how;
        let verify = verify.into();
        let how = How { wait_ms, dry_run: false, plan, op_id, why, verify, consented: true };
        let named = |number: Option<u32>| number.map(Handle::from_number);
        match self.what {
            StoredRequest::Rename { spot, to, accept_uncovered } => {
                Wanted::Rename(Rename { spot: spot.into(), to, accept_uncovered, how })
            }
            StoredRequest::RenameFile { path, to } => {
                Wanted::RenameFile(RenameFile { path, to, how })
            }
            StoredRequest::Action { path, handle, lines, kind, title } => {
                let handle = named(handle);
                Wanted::Action(Actions { path, handle, lines, kind, title, apply: true, how })
            }
            StoredRequest::Format { path, stretch } => {
                let stretch = match stretch {
                    StoredStretch::Whole => Stretch::Whole,
                    StoredStretch::Lines(lines) => Stretch::Lines(lines),
                    StoredStretch::Changed => Stretch::Changed,
                };
                Wanted::Format(Format { path, stretch, how })
            }
        }
    }
}

impl From<&Spot> for StoredSpot {
    fn from(spot: &Spot) -> StoredSpot {
        let Spot { path, handle, line, column, name, symbol } = spot.clone();
        StoredSpot { path, handle: handle.map(Handle::number), line, column, name, symbol }
    }
}

impl From<StoredSpot> for Spot {
    fn from(stored: StoredSpot) -> Spot {
        let StoredSpot { path, handle, line, column, name, symbol } = stored;
        Spot { path, handle: handle.map(Handle::from_number), line, column, name, symbol }
    }
}
