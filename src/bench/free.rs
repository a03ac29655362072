//! One task, or one group of files, through every format, applier and
//! condition: the rows that the driver `free` writes for it.

use std::cell::RefCell;

use super::BenchError;
use super::apply::{Applier, Outcome, REFERENCES, Situation};
use super::builds::Builder;
use super::dice::Dice;
use super::external::External;
use super::format::{Family, Format, Reads, repeated};
use super::mistakes::{Class, SLIPS, inject, slip};
use super::row::{Row, SCHEMA};
use super::run::{Condition, Lane, Settings};
use super::score::{Merger, Truth, whole};
use super::task::{Group, Task};
use crate::tokens;

/// Who says what is right, beside the corpus.
#[derive(Clone, Copy)]
pub(super) struct Judges<'a> {
    /// Merges what others did.
    pub(super) merger: Option<&'a Merger>,
    /// Builds results.
    pub(super) builder: Option<&'a Builder>,
}

/// What calls meet: the files, and what should become of each.
struct Met {
    situations: Vec<Situation>,
    truths: Vec<Truth>,
}

impl Met {
    fn of(tasks: &[Task], truths: Vec<Truth>) -> Met {
        let files = tasks.iter().zip(&truths).map(|(task, truth)| (task, truth.now.as_str()));
        Met { situations: Situation::together(files), truths }
    }

    /// Returns the files as they were read.
    fn clean(tasks: &[Task]) -> Met {
        Met::of(tasks, tasks.iter().map(Truth::clean).collect())
    }

    /// Returns the files as others left them; `None` where they left all as
    /// they were, or nobody can say what is right.
    fn drifted(
        tasks: &[Task],
        settings: &Settings,
        merger: Option<&Merger>,
    ) -> Result<Option<Met>, BenchError> {
        let wanted = settings.conditions.contains(&Condition::Drift)
            && tasks.iter().any(|task| task.drifted.is_some());
        let Some(merger) = merger.filter(|_| wanted) else { return Ok(None) };
        let truth = |task: &Task| Ok(merger.drifted(task)?.unwrap_or_else(|| Truth::clean(task)));
        let truths: Result<Vec<Truth>, BenchError> = tasks.iter().map(truth).collect();
        Ok(Some(Met::of(tasks, truths?)))
    }
}

/// Returns the rows of one task.
pub(super) fn rows_of(
    index: usize,
    task: &Task,
    settings: &Settings,
    judges: Judges<'_>,
) -> Result<Vec<Row>, BenchError> {
    let bench = TaskBench::of(index, std::slice::from_ref(task), &task.id, settings, judges)?;
    let mut rows = Vec::new();
    for format in settings.formats() {
        bench.format(format, &mut rows)?;
    }
    for external in settings.externals.iter().filter(|external| external.writes) {
        bench.external(external, &mut rows)?;
    }
    Ok(numbered(rows))
}

/// Returns the rows of the edit of several files, as one call in each format
/// that can say it.
pub(super) fn rows_together(
    index: usize,
    group: &Group,
    settings: &Settings,
    judges: Judges<'_>,
) -> Result<Vec<Row>, BenchError> {
    let bench = TaskBench::of(index, &group.files, &group.id, settings, judges)?;
    let mut rows = Vec::new();
    for format in settings.formats() {
        bench.together(format, &mut rows)?;
    }
    Ok(numbered(rows))
}

fn numbered(mut rows: Vec<Row>) -> Vec<Row> {
    for (row, seq) in rows.iter_mut().zip(0..) {
        row.seq = seq;
    }
    rows
}

/// One task under measurement: its file, or its files.
struct TaskBench<'a> {
    index: usize,
    tasks: &'a [Task],
    name: &'a str,
    settings: &'a Settings,
    judges: Judges<'a>,
    clean: Met,
    drifted: Option<Met>,
    /// Tokens of the files as they are shown, by how that is.
    shown: RefCell<Vec<(Reads, u64)>>,
    tok_plain: u64,
    tok_new: u64,
}

impl<'a> TaskBench<'a> {
    fn of(
        index: usize,
        tasks: &'a [Task],
        name: &'a str,
        settings: &'a Settings,
        judges: Judges<'a>,
    ) -> Result<TaskBench<'a>, BenchError> {
        let sum = |text: fn(&Task) -> u64| tasks.iter().map(text).sum();
        Ok(TaskBench {
            index,
            tasks,
            name,
            settings,
            judges,
            clean: Met::clean(tasks),
            drifted: Met::drifted(tasks, settings, judges.merger)?,
            shown: RefCell::default(),
            tok_plain: sum(|task| tokens::count(&task.read) as u64),
            tok_new: sum(|task| tokens::count(&task.new_text()) as u64),
        })
    }

    /// Adds the rows of one format, under every condition.
    fn format(&self, format: &Format, rows: &mut Vec<Row>) -> Result<(), BenchError> {
        let task = &self.tasks[0];
        let Ok(said) = format.say(task) else { return Ok(()) };
        let Ok(right) = format.write(&said) else { return Ok(()) };
        let mut base = self.base(format.name, self.tok_read(format));
        base.tok_repeat = tokens::count(&repeated(&said, self.tasks)) as u64;
        let lanes = self.settings.lanes(format.name);
        for condition in &self.settings.conditions {
            base.condition = condition.as_str().to_owned();
            match (condition, &self.drifted) {
                (Condition::Clean, _) => self.call(&base, &right, &lanes, &self.clean, rows)?,
                (Condition::Drift, Some(drifted)) => {
                    self.call(&base, &right, &lanes, drifted, rows)?;
                }
                (Condition::Drift, None) => {}
                (Condition::Mistakes(class), _) => {
                    let (kind, text) = self.mistaken(format, *class, &right);
                    let base = Row { mistake: kind, ..base.clone() };
                    if format.family != Family::Whole {
                        self.call(&base, &text, &lanes, &self.clean, rows)?;
                    }
                }
                (Condition::Slips, _) => {
                    for kind in SLIPS {
                        let mut dice = self.dice(&[format.name, kind]);
                        let Some(text) = slip(format, task, kind, &mut dice) else { continue };
                        let base = Row { mistake: kind.to_owned(), ..base.clone() };
                        self.call(&base, &text, &lanes, &self.clean, rows)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the rows of one call about all files, without mistakes.
    fn together(&self, format: &Format, rows: &mut Vec<Row>) -> Result<(), BenchError> {
        let Ok(said) = format.say_together(self.tasks) else { return Ok(()) };
        let Ok(text) = format.write(&said) else { return Ok(()) };
        let mut base = self.base(format.name, self.tok_read(format));
        base.tok_repeat = tokens::count(&repeated(&said, self.tasks)) as u64;
        let mut lanes = self.settings.lanes(format.name);
        // The protocol asks programs of others about one file.
        lanes.retain(|lane| !matches!(lane, Lane::External(_)));
        let met =
            [(Condition::Clean, Some(&self.clean)), (Condition::Drift, self.drifted.as_ref())];
        for (condition, met) in met {
            let Some(met) = met.filter(|_| self.settings.conditions.contains(&condition)) else {
                continue;
            };
            base.condition = condition.as_str().to_owned();
            self.call(&base, &text, &lanes, met, rows)?;
        }
        Ok(())
    }

    /// Adds the rows of a format that a program of others writes and applies.
    fn external(&self, external: &External, rows: &mut Vec<Row>) -> Result<(), BenchError> {
        let task = &self.tasks[0];
        let Some(text) = external.write(task)? else { return Ok(()) };
        let shown = external.shown(&task.path, &task.read)?;
        let mut base = self.base(&external.format, tokens::count(&shown) as u64);
        let lanes = [Lane::External(external)];
        base.condition = Condition::Clean.as_str().to_owned();
        self.call(&base, &text, &lanes, &self.clean, rows)?;
        if let Some(drifted) = &self.drifted {
            base.condition = Condition::Drift.as_str().to_owned();
            self.call(&base, &text, &lanes, drifted, rows)?;
        }
        Ok(())
    }

    fn dice(&self, what: &[&str]) -> Dice {
        Dice::of(self.settings.seed, &[&[self.name], what].concat())
    }

    /// Returns the call with the mistake that falls to it, if one does.
    fn mistaken(&self, format: &Format, class: Class, right: &str) -> (String, String) {
        let mut dice = self.dice(&[format.name, class.as_str()]);
        let none = || (String::new(), right.to_owned());
        let Some(kind) = self.settings.rates.draw(format.family, class, &mut dice) else {
            return none();
        };
        let reference = REFERENCES.iter().find(|(name, _)| *name == format.name);
        let reference = reference.and_then(|(format, name)| Applier::of(format, name));
        let fails = |text: &str| match reference {
            Some(applier) => applier.apply(&self.clean.situations[0], text).is_err(),
            None => true,
        };
        match inject(format, &self.tasks[0], kind, &mut dice, fails) {
            Some(text) => (kind.to_owned(), text),
            None => none(),
        }
    }

    /// Returns the tokens of all files as this format shows them. Formats share
    /// what they show, and counting is most of the work.
    fn tok_read(&self, format: &Format) -> u64 {
        let mut shown = self.shown.borrow_mut();
        if let Some((_, count)) = shown.iter().find(|(reads, _)| *reads == format.reads) {
            return *count;
        }
        let of = |task: &Task| tokens::count(&format.shown(&task.read)) as u64;
        let count = self.tasks.iter().map(of).sum();
        shown.push((format.reads, count));
        count
    }

    /// Returns what all rows of a format have in common; of several files, the
    /// sums.
    fn base(&self, format: &str, tok_read: u64) -> Row {
        let sum = |of: fn(&Task) -> usize| self.tasks.iter().map(of).sum::<usize>() as u64;
        let first = &self.tasks[0];
        Row {
            schema: SCHEMA,
            driver: "free".to_owned(),
            seed: self.settings.seed,
            index: self.index as u64,
            task: self.name.to_owned(),
            repo: first.repo.clone(),
            path: if self.tasks.len() == 1 { first.path.clone() } else { String::new() },
            files: self.tasks.len() as u64,
            format: format.to_owned(),
            last: true,
            hunks: sum(|task| task.hunks.len()),
            changed: sum(Task::changed_lines),
            lines: sum(|task| task.read.lines().count()),
            tok_read,
            tok_plain: self.tok_plain,
            tok_new: self.tok_new,
            ..Row::default()
        }
    }

    /// Adds the rows of one call, by every applier: one of the whole, and where
    /// there are several files one of each.
    fn call(
        &self,
        base: &Row,
        text: &str,
        lanes: &[Lane<'_>],
        met: &Met,
        rows: &mut Vec<Row>,
    ) -> Result<(), BenchError> {
        let tok_out = tokens::count(text) as u64;
        for lane in lanes {
            let outcomes = lane.apply(&met.situations, text)?;
            let base = Row { applier: lane.name().to_owned(), ..base.clone() };
            let mut files = Vec::new();
            for (outcome, truth) in outcomes.iter().zip(&met.truths) {
                files.push(self.file(&base, outcome, truth)?);
            }
            let refused = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
            let tok_error = refused.map_or(0, |refused| tokens::count(&refused.message) as u64);
            let text = if self.settings.keep_text { text.to_owned() } else { String::new() };
            rows.push(Row { tok_out, tok_error, text, ..whole(&base, &files) });
            if files.len() > 1 {
                rows.extend(files);
            }
        }
        Ok(())
    }

    /// Returns the row of one file of a call.
    fn file(&self, base: &Row, outcome: &Outcome, truth: &Truth) -> Result<Row, BenchError> {
        let task = self.tasks.iter().find(|task| task.path == truth.path);
        let mut row = base.clone();
        if let Some(task) = task.filter(|_| self.tasks.len() > 1) {
            row.path.clone_from(&task.path);
            row.hunks = task.hunks.len() as u64;
            row.changed = task.changed_lines() as u64;
            row.lines = task.read.lines().count() as u64;
            // Tokens are those of the whole call.
            (row.tok_read, row.tok_plain, row.tok_new, row.tok_repeat) = (0, 0, 0, 0);
        }
        truth.judge(outcome, &mut row);
        if let (Some(builder), Some(task)) = (self.judges.builder, task) {
            builder.judge(task, truth, outcome, &mut row)?;
        }
        Ok(row)
    }
}
