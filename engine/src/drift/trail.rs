//! The trail: what happened to a file between being seen and now, link by link,
//! and where a hunk goes along it.

use std::ops::Range;
use std::sync::Arc;

use super::clues::{Clues, Drifted};
use super::constructs::Constructs;
use super::own::{Landing, land, line_hunks};
use super::rule::{Comparison, Doubt, Hunk, Verdict};
use crate::edit::Change;
use crate::snapshot::Snapshot;

/// What happened to a file since its author saw it.
#[derive(Debug, Clone)]
pub enum Since {
    /// Nothing: the bytes are the same.
    Same,
    /// Only edits of ours, which together make this change.
    Own(Change),
    /// Somebody else wrote to it, and what else happened is not known.
    Outside,
    /// Edits of ours and the writes of others, oldest first. Invariant: each
    /// change is one of the content that the link before it leads to, and the
    /// last link leads to the content of now.
    Chain(Vec<Link>),
}

/// One step from a content to another.
#[derive(Debug, Clone)]
pub struct Link {
    /// Whose step it was.
    pub by: By,
    /// The content it led to.
    pub to: Arc<Snapshot>,
}

/// Whose step it was.
#[derive(Debug, Clone)]
pub enum By {
    /// Edits of ours, which together make this change.
    Own(Change),
    /// Another program.
    Outside,
}

impl Since {
    /// Returns whether the bytes are what they were.
    pub fn is_same(&self) -> bool {
        matches!(self, Since::Same)
    }

    /// Returns whether anybody but us wrote to the file.
    pub fn has_outside(&self) -> bool {
        match self {
            Since::Same | Since::Own(_) => false,
            Since::Outside => true,
            Since::Chain(links) => links.iter().any(|link| matches!(link.by, By::Outside)),
        }
    }
}

/// Where a hunk goes. Lines are 0-based and half-open, in the content of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// The very lines.
    Lands(Range<usize>),
    /// Its work is done; its new lines stand here.
    Done(Range<usize>),
    /// What has become of its lines: an edit of ours changed them or wrote
    /// between them.
    Touched(Range<usize>),
    /// An edit of ours that reaches beyond its lines took them in; this is where
    /// that stands.
    Absorbed(Range<usize>),
    /// It cannot be proved where it belongs.
    Doubtful(Doubt),
}

/// The way from what was seen to now, worked out once for all hunks of a file.
pub struct Trail<'a> {
    seen: &'a Snapshot,
    now: &'a Snapshot,
    path: &'a str,
    constructs: Option<&'a dyn Constructs>,
    stages: Vec<Stage<'a>>,
}

enum Stage<'a> {
    Own(&'a Change, &'a Snapshot, &'a Snapshot),
    Outside(Box<Comparison<'a>>),
}

impl<'a> Trail<'a> {
    /// Returns the way from `seen` to `now` of the file `path`; `constructs`
    /// give lines their identity, see [`Comparison::of`].
    pub fn of(
        since: &'a Since,
        seen: &'a Snapshot,
        now: &'a Snapshot,
        path: &'a str,
        constructs: Option<&'a dyn Constructs>,
    ) -> Trail<'a> {
        let outside =
            |from, to| Stage::Outside(Box::new(Comparison::of(from, to, path, constructs)));
        let stages = match since {
            Since::Same => Vec::new(),
            Since::Own(change) => vec![Stage::Own(change, seen, now)],
            Since::Outside => vec![outside(seen, now)],
            Since::Chain(links) => {
                let before = std::iter::once(seen).chain(links.iter().map(|link| &*link.to));
                let stage = |(link, from): (&'a Link, &'a Snapshot)| match &link.by {
                    By::Own(change) => Stage::Own(change, from, &link.to),
                    By::Outside => outside(from, &link.to),
                };
                links.iter().zip(before).map(stage).collect()
            }
        };
        Trail { seen, now, path, constructs, stages }
    }

    /// Returns where the hunk goes.
    pub fn place(&self, hunk: &Hunk<'_>) -> Placement {
        let mut at = Placement::Lands(hunk.lines.clone());
        for stage in &self.stages {
            at = match at {
                Placement::Lands(lines) => self.step(stage, &Hunk { lines, text: hunk.text }),
                Placement::Done(lines) => match stage.follow(&lines) {
                    Some(there) => Placement::Done(there),
                    None => Placement::Doubtful(Doubt::Touched),
                },
                lost => return lost,
            };
        }
        at
    }

    /// Returns where untouched lines stand now, or the place between two.
    pub fn follow(&self, lines: &Range<usize>) -> Option<Range<usize>> {
        self.stages.iter().try_fold(lines.clone(), |lines, stage| stage.follow(&lines))
    }

    /// Returns each step in lines: sorted, disjoint ranges of the lines before
    /// it, each with the number of lines that came in their place.
    pub fn line_hunks(&self) -> Vec<Vec<(Range<usize>, usize)>> {
        let hunks = |stage: &Stage<'_>| match stage {
            Stage::Own(change, from, to) => line_hunks(change, from, to),
            Stage::Outside(comparison) => comparison.line_hunks(),
        };
        self.stages.iter().map(hunks).collect()
    }

    /// Returns what is known of hunks that have no certain place, and of the
    /// drift about the first of them.
    ///
    /// Only what stands in the two contents counts here, not the way between.
    pub fn clues(&self, hunks: &[Hunk<'_>]) -> (Vec<Clues>, Vec<Drifted>) {
        let whole;
        let comparison = match &self.stages[..] {
            [Stage::Outside(only)] => only,
            _ => {
                whole = Comparison::of(self.seen, self.now, self.path, self.constructs);
                &whole
            }
        };
        let clues = hunks.iter().map(|hunk| comparison.clues(hunk)).collect();
        let drift = hunks.first().map(|hunk| comparison.drift_near(&hunk.lines));
        (clues, drift.unwrap_or_default())
    }

    fn step(&self, stage: &Stage<'_>, hunk: &Hunk<'_>) -> Placement {
        match stage {
            Stage::Own(change, from, to) => match land(change, from, to, &hunk.lines) {
                Landing::Exact(there) => Placement::Lands(there),
                Landing::Touched(there) if hunk.is_written_at(&there, to) => Placement::Done(there),
                // With other stages to come, nobody can say where that is now.
                _ if self.stages.len() > 1 => Placement::Doubtful(Doubt::Overwritten),
                Landing::Touched(there) => Placement::Touched(there),
                Landing::Absorbed(there) => Placement::Absorbed(there),
            },
            Stage::Outside(comparison) => match comparison.place(hunk) {
                Verdict::Lands(there) => Placement::Lands(there),
                Verdict::Done(there) => Placement::Done(there),
                Verdict::Refused(doubt) => Placement::Doubtful(doubt),
            },
        }
    }
}

impl Stage<'_> {
    fn follow(&self, lines: &Range<usize>) -> Option<Range<usize>> {
        match self {
            Stage::Own(change, from, to) => match land(change, from, to, lines) {
                Landing::Exact(there) => Some(there),
                _ => None,
            },
            Stage::Outside(comparison) => comparison.follow(lines),
        }
    }
}
