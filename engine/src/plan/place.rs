//! Where the hunks go: each on its own, then all together, or why not and what
//! its author can choose from.

use std::ops::Range;

use super::hunk::Hunk;
use super::{Options, Outcome, Refused, Seen};
use crate::anchor::lines_of;
use crate::drift::{self, Doubt, Placement, Trail};
use crate::error::{Code, Refusal};
use crate::format::{Body, Op, OpKind};
use crate::snapshot::Snapshot;

/// A hunk's place now.
pub(super) enum Landed {
    /// It can be applied there.
    At(Range<usize>),
    /// Its work stands there already.
    Done(Range<usize>),
    /// It cannot be applied as it is; perhaps it belongs there.
    Open(Range<usize>),
    /// It cannot be applied, and nobody can say where it belongs; here is where
    /// to look.
    Lost(Range<usize>),
    /// It cannot be proved where it belongs.
    Doubtful(Doubt),
}

impl Landed {
    fn is_settled(&self) -> bool {
        matches!(self, Landed::At(_) | Landed::Done(_))
    }

    pub(super) fn proposal(&self) -> Option<Range<usize>> {
        match self {
            Landed::At(there) | Landed::Done(there) | Landed::Open(there) => Some(there.clone()),
            Landed::Lost(_) | Landed::Doubtful(_) => None,
        }
    }

    fn rows(&self) -> Option<Range<usize>> {
        match self {
            Landed::At(rows) | Landed::Done(rows) | Landed::Open(rows) | Landed::Lost(rows) => {
                Some(rows.clone())
            }
            Landed::Doubtful(_) => None,
        }
    }
}

impl From<Placement> for Landed {
    fn from(placement: Placement) -> Landed {
        match placement {
            Placement::Lands(there) => Landed::At(there),
            Placement::Done(there) => Landed::Done(there),
            Placement::Touched(there) => Landed::Open(there),
            Placement::Absorbed(there) => Landed::Lost(there),
            Placement::Doubtful(doubt) => Landed::Doubtful(doubt),
        }
    }
}

/// Refuses a file that changed at all, where that was asked for.
pub(super) fn check_policy(
    hunks: &[Hunk<'_>],
    seen: &Seen,
    now: &Snapshot,
    options: &Options<'_>,
) -> Result<(), Refused> {
    if options.relocate || seen.since.is_same() {
        return Ok(());
    }
    let message = match seen.since.has_outside() {
        true => "another program changed the file since it was read",
        false => "an edit made since changed the file",
    };
    let count = now.line_count();
    let rows = |hunk: &Hunk<'_>| hunk.lines.start.min(count)..hunk.lines.end.min(count);
    Err(Refused {
        rows: hunks.iter().map(rows).collect(),
        landings: vec![None; hunks.len()],
        candidates: vec![Vec::new(); hunks.len()],
        ..Refused::from(Refusal::new(Code::Stale, message))
    })
}

/// Returns where each hunk stands now, or refuses with what is known.
pub(super) fn land_all(
    ops: &[Op],
    hunks: &[Hunk<'_>],
    seen: &Seen,
    now: &Snapshot,
    trail: &Trail<'_>,
) -> Result<Vec<Landed>, Refused> {
    let placed = hunks.iter().map(|hunk| trail.place(&hunk.lines_and_text()));
    let mut landed: Vec<Landed> = placed.map(Landed::from).collect();
    if seen.since.has_outside() {
        doubt_what_is_out_of_order(hunks, &mut landed);
        doubt_what_moves_past_drift(ops, hunks, &mut landed, trail);
    }
    match landed.iter().position(|landed| !landed.is_settled()) {
        None => Ok(landed),
        Some(first) => Err(refused(first, hunks, &landed, now, trail)),
    }
}

/// Hunks land disjoint and in the order in which they were written; one that
/// does not is nobody's.
fn doubt_what_is_out_of_order(hunks: &[Hunk<'_>], landed: &mut [Landed]) {
    let mut order: Vec<usize> = (0..hunks.len()).collect();
    order.sort_by_key(|&at| (hunks[at].lines.start, hunks[at].lines.end, hunks[at].op));
    let mut end = 0;
    for at in order {
        match &landed[at] {
            Landed::At(there) | Landed::Done(there) if there.start >= end => end = there.end,
            Landed::At(_) | Landed::Done(_) => landed[at] = Landed::Doubtful(Doubt::Ambiguous),
            _ => {}
        }
    }
}

/// What is moved within a file is moved past the lines between. If another
/// writer touched those, it is not the same move.
fn doubt_what_moves_past_drift(
    ops: &[Op],
    hunks: &[Hunk<'_>],
    landed: &mut [Landed],
    trail: &Trail<'_>,
) {
    for (from, op) in ops.iter().enumerate() {
        let OpKind::Delete { register: Some(name), .. } = &op.kind else { continue };
        let takes = |at: &usize| {
            matches!(&ops[*at].kind,
            OpKind::Insert { body: Body::Register(taken), .. } if taken == name)
        };
        let lines = &hunks[from].lines;
        let takers: Vec<usize> = (0..ops.len()).filter(takes).collect();
        let is_put_back =
            takers.iter().any(|&at| [lines.start, lines.end].contains(&hunks[at].lines.start));
        for to in takers.into_iter().filter(|_| !is_put_back) {
            let place = hunks[to].lines.start;
            let past = lines.end.min(place)..lines.start.max(place);
            if trail.follow(&past).is_none() {
                landed[to] = Landed::Doubtful(Doubt::Touched);
            }
        }
    }
}

/// Returns the refusal of hunks of which the first that has no place is
/// `first`.
fn refused(
    first: usize,
    hunks: &[Hunk<'_>],
    landed: &[Landed],
    now: &Snapshot,
    trail: &Trail<'_>,
) -> Refused {
    let doubtful: Vec<usize> =
        (0..landed.len()).filter(|&at| matches!(landed[at], Landed::Doubtful(_))).collect();
    let asked: Vec<drift::Hunk<'_>> =
        doubtful.iter().map(|&at| hunks[at].lines_and_text()).collect();
    let (clues, drift) = match asked.is_empty() {
        true => Default::default(),
        false => trail.clues(&asked),
    };
    let mut landings: Vec<_> = landed.iter().map(Landed::proposal).collect();
    let mut candidates = vec![Vec::new(); landed.len()];
    let mut rows: Vec<_> = landed.iter().filter_map(Landed::rows).collect();
    for (at, clues) in doubtful.into_iter().zip(clues) {
        landings[at] = clues.landing;
        candidates[at] = clues.candidates;
        rows.extend(clues.rows);
    }
    debug_assert!(rows.iter().all(|rows| rows.end <= now.line_count()));
    let (code, message) = reason(&landed[first]);
    let refusal = Refusal::new(code, message).op(hunks[first].op);
    Refused { landings, candidates, drift, rows, ..Refused::from(refusal) }
}

fn reason(landed: &Landed) -> (Code, &'static str) {
    match landed {
        Landed::Doubtful(Doubt::Touched) => {
            (Code::Conflict, "another program changed lines of this operation, or right next to it")
        }
        Landed::Doubtful(Doubt::Ambiguous) => {
            (Code::Ambiguous, "others look like the lines of this operation, and the file changed")
        }
        Landed::Doubtful(Doubt::Unbounded) => {
            (Code::Stale, "another program changed too much of the file to find the lines again")
        }
        _ => (Code::Stale, "lines of this operation changed since they were read"),
    }
}

/// Returns the refusal of an edit of which only the end of the file is in doubt.
pub(super) fn stale_end(landed: &[Landed], now: &Snapshot) -> Refused {
    let count = now.line_count();
    let message = "the end of the file changed since it was read";
    Refused {
        rows: std::iter::once(count.saturating_sub(1)..count).collect(),
        landings: landed.iter().map(Landed::proposal).collect(),
        candidates: vec![Vec::new(); landed.len()],
        ..Refused::from(Refusal::new(Code::Stale, message))
    }
}

/// Returns the hunks still to be applied, in the lines of now, and for each
/// operation what is known so far.
pub(super) fn settle<'a>(
    hunks: Vec<Hunk<'a>>,
    landed: Vec<Landed>,
    now: &Snapshot,
) -> (Vec<Hunk<'a>>, Vec<Outcome>) {
    let nothing = Outcome { lines: (1, 0), relocated: 0, already: false };
    let mut outcomes = vec![nothing; hunks.len()];
    let mut open = Vec::with_capacity(hunks.len());
    for (mut hunk, landed) in hunks.into_iter().zip(landed) {
        let op = hunk.op;
        match landed {
            Landed::Done(there) => {
                debug_assert!(there.end <= now.line_count());
                outcomes[op] = Outcome { lines: lines_of(&there), relocated: 0, already: true };
            }
            Landed::At(there) => {
                outcomes[op].relocated = there.start as i64 - hunk.lines.start as i64;
                hunk.lines = there;
                open.push(hunk);
            }
            Landed::Open(_) | Landed::Lost(_) | Landed::Doubtful(_) => {
                unreachable!("BUG: open hunks were refused")
            }
        }
    }
    (open, outcomes)
}
