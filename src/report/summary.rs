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
    /// Of several files, some changed and others not.
    pub partial: u64,
    /// Rejected although a right result exists.
    pub rejected: u64,
    /// Applied with the syntax tree of the right result, right ones among them.
    pub same_tree: u64,
    /// Applied with more syntax errors than the right result, of the applied
    /// calls of which that can be told.
    pub broken: Share,
    /// Applied with a result that builds, of those of which that was asked.
    pub builds: Share,
    /// Calls for which none exists, since others changed the same lines.
    pub conflicts: u64,
    /// Those of them that were applied all the same.
    pub blind: u64,
    /// Lines that wrong results have otherwise than the right ones.
    pub collateral: u64,
    /// Tokens, summed: the file as shown, the file alone, the call, its new
    /// text, what it says again, what was said of rejections.
    pub tokens: Tokens,
    /// The same of the calls that came out right.
    pub useful: Tokens,
    /// Lines of the files.
    pub lines: u64,
    /// Calls by mistake: made, rejected, right.
    pub mistakes: BTreeMap<String, (u64, u64, u64)>,
    /// Replayed calls, by what the tool did that was recorded (`yes` it took
    /// them, `no`, or nobody knows): calls, and how many were taken here.
    pub recorded: BTreeMap<String, Share>,
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
    /// What was said of rejections.
    pub error: u64,
}

impl Tokens {
    fn add(&mut self, row: &Row) {
        self.read += row.tok_read;
        self.plain += row.tok_plain;
        self.out += row.tok_out;
        self.new += row.tok_new;
        self.repeat += row.tok_repeat;
        self.error += row.tok_error;
    }
}

impl Tally {
    fn add(&mut self, row: &Row) {
        let is_known = !matches!(row.outcome.as_str(), "taken" | "not-taken");
        match (row.defined, row.accepted) {
            _ if !is_known => {}
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
            "partial" => self.partial += 1,
            "rejected" => self.rejected += 1,
            _ => {}
        }
        self.same_tree += u64::from(row.tree == "same");
        self.broken.count(&row.syntax, "broken");
        self.builds.count(&row.build, "yes");
        self.collateral += row.collateral;
        self.lines += row.lines;
        self.tokens.add(row);
        if row.right {
            self.useful.add(row);
        }
        if !row.mistake.is_empty() {
            let counts = self.mistakes.entry(row.mistake.clone()).or_default();
            counts.0 += 1;
            counts.1 += u64::from(!row.accepted);
            counts.2 += u64::from(row.right);
        }
        if row.driver == "replay" {
            let share = self.recorded.entry(row.recorded.clone()).or_default();
            share.all += 1;
            share.of += u64::from(row.accepted);
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

    /// Returns the share of results that are right but for white space, right
    /// ones among them.
    pub fn blank_success(&self) -> Share {
        Share { of: self.right + self.whitespace, all: self.defined }
    }

    /// Returns the share of results with the right syntax tree.
    pub fn tree_success(&self) -> Share {
        Share { of: self.same_tree, all: self.defined }
    }

    /// Returns the mean of a sum of tokens, a right edit; `None` where there is
    /// none.
    pub fn per_right(&self, sum: u64) -> Option<f64> {
        (self.right > 0).then(|| sum as f64 / self.right as f64)
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
    /// Tokens, by the word of the endpoint.
    pub spent: Spent,
    /// Tokens by our count: calls that failed, what was said of rejections,
    /// lines that were shown again.
    pub wasted: (u64, u64, u64),
    /// By the number of failed calls (3 stands for 3 and more): tasks, right.
    pub failures: [(u64, u64); 4],
    /// Tasks that came right after a failed call, and what that took from the
    /// first failed call on: edit calls, tokens in and out.
    pub recovered: (u64, u64, u64),
    /// By task: repeats, and how many of them ended right.
    pub repeats: BTreeMap<String, (u64, u64)>,
}

/// Tokens of live runs: input, of it from the cache and into the cache, output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// Input.
    pub input: u64,
    /// Of it from the cache.
    pub cached: u64,
    /// Of it into the cache.
    pub written: u64,
    /// Output.
    pub output: u64,
}

impl Live {
    /// Returns the most repeats of a task that all tasks have.
    pub fn least_repeats(&self) -> u64 {
        self.repeats.values().map(|(all, _)| *all).min().unwrap_or(0)
    }

    /// Returns the share of tasks of which `k` repeats, drawn at random, are all
    /// right: pass^k.
    pub fn pass_all(&self, k: u64) -> f64 {
        // The chance that k draws without putting back are all right.
        let chance = |(all, right): &(u64, u64)| -> f64 {
            (0..k).map(|drawn| right.saturating_sub(drawn) as f64 / (all - drawn) as f64).product()
        };
        let tasks = self.repeats.values().filter(|(all, _)| *all >= k);
        let (sum, count) = tasks.fold((0.0, 0), |(sum, count), of| (sum + chance(of), count + 1));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }
}

/// What has happened so far in one task of a live run.
#[derive(Debug, Default)]
struct Course {
    failed: u64,
    calls: u64,
    tokens: u64,
}

/// All counts of some rows.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The lanes in the order in which they occur.
    pub lanes: Vec<(Lane, Tally)>,
    /// Calls about several files, by lane: as wholes.
    pub together: Vec<(Lane, Tally)>,
    /// The same calls, file by file.
    pub parts: Vec<(Lane, Tally)>,
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
        let mut places: BTreeMap<(Lane, u8), usize> = BTreeMap::new();
        let mut tasks: Vec<&str> = Vec::new();
        let mut courses: BTreeMap<(&str, String, u32), Course> = BTreeMap::new();
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
                summary.add_live(row, courses.entry(unit).or_default());
                continue;
            }
            let lane = Lane {
                condition: row.condition.clone(),
                format: row.format.clone(),
                applier: row.applier.clone(),
            };
            let (kind, lanes) = match (row.files > 1, row.is_part()) {
                (false, _) => (0, &mut summary.lanes),
                (true, false) => (1, &mut summary.together),
                (true, true) => (2, &mut summary.parts),
            };
            let place = *places.entry((lane.clone(), kind)).or_insert_with(|| {
                lanes.push((lane, Tally::default()));
                lanes.len() - 1
            });
            lanes[place].1.add(row);
        }
        tasks.sort_unstable();
        tasks.dedup();
        summary.tasks = tasks.len();
        summary
    }

    fn add_live(&mut self, row: &Row, course: &mut Course) {
        let key = (row.model.clone(), row.format.clone(), row.applier.clone());
        let live = self.live.entry(key).or_default();
        let called = !matches!(row.outcome.as_str(), "no-call" | "gave-up");
        live.calls += u64::from(called);
        live.rejected += u64::from(called && !row.accepted);
        live.spent.input += row.tok_in;
        live.spent.cached += row.tok_cached;
        live.spent.written += row.tok_written;
        live.spent.output += row.tok_model;
        live.wasted.0 += if row.right { 0 } else { row.tok_out };
        live.wasted.1 += row.tok_error;
        live.wasted.2 += row.tok_reread;
        // What comes behind the first failed call is spent on mending it.
        if course.failed > 0 {
            course.calls += u64::from(called);
            course.tokens += row.tok_in + row.tok_model;
        }
        course.failed += u64::from(called && !row.right);
        if row.last {
            live.tasks += 1;
            live.right += u64::from(row.right);
            live.first += u64::from(row.right && row.attempt == 0);
            live.silent += u64::from(row.accepted && !row.right);
            let slot = &mut live.failures[(course.failed as usize).min(3)];
            slot.0 += 1;
            slot.1 += u64::from(row.right);
            if row.right && course.failed > 0 {
                live.recovered.0 += 1;
                live.recovered.1 += course.calls;
                live.recovered.2 += course.tokens;
            }
            let repeats = live.repeats.entry(row.task.clone()).or_default();
            repeats.0 += 1;
            repeats.1 += u64::from(row.right);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_so_many_repeats_are_drawn_without_putting_back() {
        let repeats = [("a", (3, 3)), ("b", (3, 2)), ("c", (3, 0))];
        let repeats = repeats.into_iter().map(|(name, of)| (name.to_owned(), of)).collect();
        let live = Live { repeats, ..Live::default() };
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found}");
        assert_eq!(live.least_repeats(), 3);
        near(live.pass_all(1), 5.0 / 9.0);
        near(live.pass_all(2), (1.0 + 1.0 / 3.0) / 3.0);
        near(live.pass_all(3), 1.0 / 3.0);
    }

    #[test]
    fn what_mends_a_failed_call_is_counted_from_there() {
        let row = |attempt: u32, right: bool, last: bool| Row {
            driver: "live".to_owned(),
            task: "a".to_owned(),
            outcome: if right { "right" } else { "rejected" }.to_owned(),
            attempt,
            last,
            right,
            accepted: right,
            defined: true,
            files: 1,
            tok_in: 100,
            tok_model: 10,
            tok_out: 7,
            ..Row::default()
        };
        let rows = [row(0, false, false), row(1, false, false), row(2, true, true)];
        let summary = Summary::of(&rows);
        let live = summary.live.values().next().unwrap();
        assert_eq!(live.recovered, (1, 2, 220));
        assert_eq!(live.failures[2], (1, 1));
        assert_eq!(live.wasted, (14, 0, 0));
    }
}
