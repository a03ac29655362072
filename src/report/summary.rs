//! Counts of rows, by lane and condition.

use std::collections::BTreeMap;

use super::stats::Share;
use crate::bench::row::Row;

/// What the calls of one lane under one condition came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Calls for which a right result exists.
    pub defined: u64,
    /// Applied and right, byte for byte.
    pub right: u64,
    /// Applied and right but for white space.
    pub whitespace: u64,
    /// Applied, a neighbouring line doubled or lost.
    pub boundary: u64,
    /// Applied, the work of others undone.
    pub lost_update: u64,
    /// Applied and wrong otherwise.
    pub misplaced: u64,
    /// Rejected although a right result exists.
    pub rejected: u64,
    /// Calls for which none exists, since others changed the same lines.
    pub conflicts: u64,
    /// Those of them that were applied all the same.
    pub blind: u64,
    /// Lines that wrong results have otherwise than the right ones.
    pub collateral: u64,
    /// Tokens, summed: the file as shown, the file alone, the call, its new
    /// text, what it says again, what was said of rejections.
    pub tokens: Tokens,
    /// Lines of the files.
    pub lines: u64,
    /// Calls by mistake: made, rejected, right.
    pub mistakes: BTreeMap<String, (u64, u64, u64)>,
    /// Rejections by code.
    pub codes: BTreeMap<String, u64>,
}

/// Sums of tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tokens {
    /// The file as it is shown in the format.
    pub read: u64,
    /// The file without any gutter.
    pub plain: u64,
    /// The call.
    pub out: u64,
    /// Its new text.
    pub new: u64,
    /// Old text that it says again.
    pub repeat: u64,
    /// Calls that were rejected, or applied and wrong.
    pub failed: u64,
    /// What was said of rejections.
    pub error: u64,
}

impl Tally {
    fn add(&mut self, row: &Row) {
        match (row.defined, row.accepted) {
            (true, _) => self.defined += 1,
            (false, accepted) => {
                self.conflicts += 1;
                self.blind += u64::from(accepted);
            }
        }
        match row.outcome.as_str() {
            "right" => self.right += 1,
            "whitespace" => self.whitespace += 1,
            "boundary" => self.boundary += 1,
            "lost-update" => self.lost_update += 1,
            "misplaced" => self.misplaced += 1,
            "rejected" => self.rejected += 1,
            _ => {}
        }
        self.collateral += row.collateral;
        self.lines += row.lines;
        let tokens = &mut self.tokens;
        tokens.read += row.tok_read;
        tokens.plain += row.tok_plain;
        tokens.out += row.tok_out;
        tokens.new += row.tok_new;
        tokens.repeat += row.tok_repeat;
        tokens.error += row.tok_error;
        if row.defined && !row.right {
            tokens.failed += row.tok_out;
        }
        if !row.mistake.is_empty() {
            let counts = self.mistakes.entry(row.mistake.clone()).or_default();
            counts.0 += 1;
            counts.1 += u64::from(!row.accepted);
            counts.2 += u64::from(row.right);
        }
        if !row.code.is_empty() {
            *self.codes.entry(row.code.clone()).or_default() += 1;
        }
    }

    /// Returns all calls.
    pub fn calls(&self) -> u64 {
        self.defined + self.conflicts
    }

    /// Returns how many calls were applied with a wrong result, and said to be
    /// done.
    pub fn silent(&self) -> u64 {
        self.whitespace + self.boundary + self.lost_update + self.misplaced
    }

    /// Returns the share of right results among calls that have one.
    pub fn success(&self) -> Share {
        Share { of: self.right, all: self.defined }
    }

    /// Returns the share of wrong results that were called done.
    pub fn corruption(&self) -> Share {
        Share { of: self.silent(), all: self.defined }
    }

    /// Returns the share of rejections where a right result exists.
    pub fn false_rejection(&self) -> Share {
        Share { of: self.rejected, all: self.defined }
    }

    /// Returns the share of conflicts that were applied all the same.
    pub fn blind_share(&self) -> Share {
        Share { of: self.blind, all: self.conflicts }
    }

    /// Returns the mean of a sum of tokens, a call.
    pub fn mean(&self, sum: u64) -> f64 {
        if self.calls() == 0 { 0.0 } else { sum as f64 / self.calls() as f64 }
    }
}

/// A lane: condition, format, applier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// What calls met.
    pub condition: String,
    /// The format of the calls.
    pub format: String,
    /// The rule or program.
    pub applier: String,
}

/// What a live lane came to: tasks, not calls.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Tasks, repeats counted.
    pub tasks: u64,
    /// Right at the end.
    pub right: u64,
    /// Right with the first edit call.
    pub first: u64,
    /// Edit calls.
    pub calls: u64,
    /// Edit calls that were rejected.
    pub rejected: u64,
    /// Ended with an edit that was applied and is wrong.
    pub silent: u64,
    /// Input tokens, those of them from the cache, output tokens, by the word
    /// of the endpoint.
    pub tokens: (u64, u64, u64),
    /// By the number of failed calls (3 stands for 3 and more): tasks, right.
    pub failures: [(u64, u64); 4],
}

/// All counts of some rows.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The lanes in the order in which they occur.
    pub lanes: Vec<(Lane, Tally)>,
    /// Live lanes: model, format, applier.
    pub live: BTreeMap<(String, String, String), Live>,
    /// Rows.
    pub rows: u64,
    /// Names of tasks, counted once.
    pub tasks: usize,
    /// The seeds that occur.
    pub seeds: Vec<u64>,
}

impl Summary {
    /// Returns the counts of some rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Summary {
        let mut summary = Summary::default();
        let mut places: BTreeMap<Lane, usize> = BTreeMap::new();
        let mut tasks: Vec<&str> = Vec::new();
        let mut failed: BTreeMap<(&str, String, u32), (u64, bool)> = BTreeMap::new();
        for row in rows {
            summary.rows += 1;
            if tasks.last() != Some(&row.task.as_str()) {
                tasks.push(&row.task);
            }
            if !summary.seeds.contains(&row.seed) {
                summary.seeds.push(row.seed);
            }
            if row.driver == "live" {
                let unit = (row.task.as_str(), row.model.clone() + &row.lane(), row.repeat);
                summary.add_live(row, failed.entry(unit).or_default());
                continue;
            }
            let lane = Lane {
                condition: row.condition.clone(),
                format: row.format.clone(),
                applier: row.applier.clone(),
            };
            let place = *places.entry(lane.clone()).or_insert_with(|| {
                summary.lanes.push((lane, Tally::default()));
                summary.lanes.len() - 1
            });
            summary.lanes[place].1.add(row);
        }
        tasks.sort_unstable();
        tasks.dedup();
        summary.tasks = tasks.len();
        summary
    }

    fn add_live(&mut self, row: &Row, failed: &mut (u64, bool)) {
        let key = (row.model.clone(), row.format.clone(), row.applier.clone());
        let live = self.live.entry(key).or_default();
        let called = !matches!(row.outcome.as_str(), "no-call" | "gave-up");
        live.calls += u64::from(called);
        live.rejected += u64::from(called && !row.accepted);
        live.tokens.0 += row.tok_in;
        live.tokens.1 += row.tok_cached;
        live.tokens.2 += row.tok_model;
        failed.0 += u64::from(called && !row.right);
        if row.last {
            live.tasks += 1;
            live.right += u64::from(row.right);
            live.first += u64::from(row.right && row.attempt == 0);
            live.silent += u64::from(row.accepted && !row.right);
            let slot = &mut live.failures[(failed.0 as usize).min(3)];
            slot.0 += 1;
            slot.1 += u64::from(row.right);
        }
    }

    /// Returns the lanes under one condition.
    pub fn under<'s>(&'s self, condition: &'s str) -> impl Iterator<Item = &'s (Lane, Tally)> {
        self.lanes.iter().filter(move |(lane, _)| lane.condition == condition)
    }

    /// Returns what a format costs where nothing goes wrong: one tally a
    /// format, since the appliers do not change what is written.
    pub fn formats(&self) -> Vec<(&str, &Tally)> {
        let mut formats: Vec<(&str, &Tally)> = Vec::new();
        for (lane, tally) in self.under("clean") {
            if !formats.iter().any(|(name, _)| *name == lane.format) {
                formats.push((&lane.format, tally));
            }
        }
        formats
    }
}
