//! The driver `live`: a model reads and edits, in one format a lane.
//!
//! A task is told in words that determine its bytes. The model has a `read`
//! tool, which shows the file as the format wants it, and an `edit` tool, whose
//! text one applier takes or rejects. Each task, format and repeat is a unit
//! with a fresh copy of the file; its rows are written at once when it has
//! ended, so that a run that is killed goes on with the next unit, and repeats
//! and loses none.

mod chat;
mod http;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::error::Code;

use super::BenchError;
use super::apply::{Applier, Outcome, Rejected, Situation};
use super::files::Log;
use super::format::{Format, handle, repeated};
use super::row::{Row, SCHEMA};
use super::run::{Manifest, in_order, line, open};
use super::score::Truth;
use super::task::{Task, apply_hunks, digest};
use crate::tokens;

use chat::{Call, Chat};
pub use chat::{Dialect, Prompt};

/// How a model is reached.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where requests go, without the path of the method.
    pub url: String,
    /// How it is spoken to.
    pub dialect: Dialect,
    /// The key, if it wants one.
    pub key: Option<String>,
    /// The model.
    pub model: String,
    /// How long one answer may take.
    pub patience: Duration,
    /// How often a request is made again that failed or was put off.
    pub tries: u32,
    /// The first pause before that; each further one is twice as long, unless
    /// the endpoint says how long it wants.
    pub pause: Duration,
}

/// What is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The model.
    pub endpoint: Endpoint,
    /// The lanes: format and applier.
    pub lanes: Vec<(&'static Format, &'static Applier)>,
    /// How often each task is given.
    pub repeats: u32,
    /// The most answers of the model for one unit.
    pub turns: u32,
    /// The most tokens, in and out, of the whole run; units that have not
    /// begun by then are left for another run.
    pub budget: u64,
    /// The most output tokens of one answer.
    pub answer_tokens: u32,
    /// Units worked on at once.
    pub workers: usize,
    /// Written into the rows.
    pub seed: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Units that have their rows.
    pub done: usize,
    /// All units.
    pub units: usize,
    /// Tokens spent by this process.
    pub spent: u64,
}

/// One task in one lane, once.
#[derive(Clone, Copy)]
struct Unit<'a> {
    index: usize,
    task: &'a Task,
    lane: usize,
    repeat: u32,
}

/// Runs what is left of a run.
///
/// # Errors
/// Where the endpoint refuses for good, or a file fails; the rows of all units
/// that ended before stay.
pub fn live(
    tasks: &[Task],
    settings: &Settings,
    out: &Path,
    corpus: &str,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Ended, BenchError> {
    let (mut log, rows) = open(out, &manifest(tasks, settings, corpus))?;
    let done = whole_units(&mut log, rows)?;
    let all = units(tasks, settings);
    let left: Vec<&Unit<'_>> =
        all.iter().filter(|unit| !done.contains(&unit.name(settings))).collect();
    let before = all.len() - left.len();
    progress(before, all.len());
    let spent = AtomicU64::new(0);
    let work = |number: usize| {
        if spent.load(Ordering::Relaxed) >= settings.budget {
            return Ok(Vec::new());
        }
        let rows = Talk::of(left[number], settings)?.rows()?;
        let tokens = rows.iter().map(|row| row.tok_in + row.tok_model).sum();
        spent.fetch_add(tokens, Ordering::Relaxed);
        Ok(rows)
    };
    let mut ended = before;
    let mut take = |_: usize, rows: Vec<Row>| {
        ended += usize::from(!rows.is_empty());
        log.append(&rows.iter().map(line).collect::<String>())?;
        progress(ended, all.len());
        Ok(())
    };
    in_order(0..left.len(), settings.workers, &work, &mut take)?;
    Ok(Ended { done: ended, units: all.len(), spent: spent.load(Ordering::Relaxed) })
}

fn manifest(tasks: &[Task], settings: &Settings, corpus: &str) -> Manifest {
    let lane = |lane: &(&Format, &Applier)| format!("{}/{}", lane.0.name, lane.1.name);
    Manifest {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        driver: "live".to_owned(),
        corpus: corpus.to_owned(),
        digest: digest(tasks, &[]),
        tasks: tasks.len(),
        groups: 0,
        seed: settings.seed,
        conditions: vec![format!("live {} x{}", settings.endpoint.model, settings.repeats)],
        lanes: settings.lanes.iter().map(lane).collect(),
        rates: String::new(),
        shard: (1, 1),
        tokenizer: tokens::DEFAULT.to_owned(),
    }
}

fn units<'a>(tasks: &'a [Task], settings: &Settings) -> Vec<Unit<'a>> {
    let mut units = Vec::new();
    for (index, task) in tasks.iter().enumerate() {
        for repeat in 0..settings.repeats {
            let lanes = 0..settings.lanes.len();
            units.extend(lanes.map(|lane| Unit { index, task, lane, repeat }));
        }
    }
    units
}

impl Unit<'_> {
    fn name(&self, settings: &Settings) -> String {
        let (format, applier) = settings.lanes[self.lane];
        format!("{}\u{0}{}/{}\u{0}{}", self.task.id, format.name, applier.name, self.repeat)
    }
}

/// Returns the units whose last row is there. The rows of a unit are one write;
/// should a death have torn it, what there is of it is cut off.
fn whole_units(log: &mut Log, rows: Vec<Row>) -> Result<HashSet<String>, BenchError> {
    let whole = rows.iter().rposition(|row| row.last).map_or(0, |last| last + 1);
    let bytes: usize = rows[..whole].iter().map(|row| line(row).len()).sum();
    log.cut(bytes as u64)?;
    let name = |row: &Row| format!("{}\u{0}{}\u{0}{}", row.task, row.lane(), row.repeat);
    Ok(rows[..whole].iter().map(name).collect())
}

/// The conversation about one unit.
struct Talk<'a> {
    unit: &'a Unit<'a>,
    settings: &'a Settings,
    chat: Chat,
    truth: Truth,
    base: Row,
    rows: Vec<Row>,
    /// How often the file was shown.
    shown: u64,
}

/// What was spent since the last row, in tokens: input, what of it was in the
/// cache and what was put there, output, and rows that were shown again.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Spent {
    input: u64,
    cached: u64,
    written: u64,
    output: u64,
    again: u64,
}

impl Spent {
    fn put(self, row: &mut Row) {
        (row.tok_in, row.tok_cached, row.tok_written) = (self.input, self.cached, self.written);
        (row.tok_model, row.tok_reread) = (self.output, self.again);
    }
}

impl<'a> Talk<'a> {
    fn of(unit: &'a Unit<'a>, settings: &'a Settings) -> Result<Talk<'a>, BenchError> {
        let (format, applier) = settings.lanes[unit.lane];
        let task = unit.task;
        let prompt = Prompt::of(task, format);
        let said = format.say(task).ok();
        let base = Row {
            schema: SCHEMA,
            driver: "live".to_owned(),
            seed: settings.seed,
            index: unit.index as u64,
            task: task.id.clone(),
            repo: task.repo.clone(),
            path: task.path.clone(),
            files: 1,
            format: format.name.to_owned(),
            applier: applier.name.to_owned(),
            condition: "live".to_owned(),
            model: settings.endpoint.model.clone(),
            repeat: unit.repeat,
            hunks: task.hunks.len() as u64,
            changed: task.changed_lines() as u64,
            lines: task.read.lines().count() as u64,
            tok_read: tokens::count(&format.shown(&task.read)) as u64,
            tok_plain: tokens::count(&task.read) as u64,
            tok_new: tokens::count(&task.new_text()) as u64,
            tok_repeat: said.map_or(0, |said| {
                tokens::count(&repeated(&said, std::slice::from_ref(task))) as u64
            }),
            ..Row::default()
        };
        let chat = Chat::begin(&prompt, &settings.endpoint, settings.answer_tokens);
        Ok(Talk {
            unit,
            settings,
            chat,
            truth: Truth::clean(task),
            base,
            rows: Vec::new(),
            shown: 0,
        })
    }

    /// Talks until the edit is right, the model stops, or its turns are used
    /// up; returns a row an edit call, and one where none was made.
    fn rows(mut self) -> Result<Vec<Row>, BenchError> {
        let mut spent = Spent::default();
        for _ in 0..self.settings.turns {
            let answer = self.chat.turn(&self.settings.endpoint)?;
            spent.input += answer.input;
            spent.cached += answer.cached;
            spent.written += answer.written;
            spent.output += answer.output;
            if answer.calls.is_empty() {
                break;
            }
            for call in answer.calls {
                let (reply, ends) = self.carry_out(&call, &mut spent);
                self.chat.reply(&call, &reply);
                if ends {
                    return Ok(self.finish(spent));
                }
            }
        }
        Ok(self.finish(spent))
    }

    fn carry_out(&mut self, call: &Call, spent: &mut Spent) -> (String, bool) {
        let (format, applier) = self.settings.lanes[self.unit.lane];
        let task = self.unit.task;
        match call.name.as_str() {
            "read" => {
                let text = format.shown(&task.read);
                self.shown += 1;
                // Nobody else is at the file, so all of it is as it was.
                spent.again += if self.shown > 1 { self.base.tok_read } else { 0 };
                (format!("{} {}\n{text}", task.path, handle(0)), false)
            }
            "edit" => {
                let situation = Situation::new(&task.path, &task.read, &task.read);
                let outcome: Outcome = match &call.text {
                    Some(text) => applier.apply(&situation, text),
                    None => {
                        Err(Rejected::new(Code::Malformed, "the arguments are no JSON with text"))
                    }
                };
                self.note(call, &outcome, spent);
                match outcome {
                    // A model that is told that all went well looks no further.
                    Ok(_) => ("applied".to_owned(), true),
                    Err(rejected) => (format!("{}: {}", rejected.code, rejected.message), false),
                }
            }
            other => (format!("there is no tool {other}"), false),
        }
    }

    fn note(&mut self, call: &Call, outcome: &Outcome, spent: &mut Spent) {
        let text = call.text.clone().unwrap_or_else(|| call.arguments.clone());
        let mut row = self.base.clone();
        row.attempt = self.rows.len() as u32;
        row.tok_out = tokens::count(&text) as u64;
        if let Err(rejected) = outcome {
            row.tok_error = tokens::count(&rejected.message) as u64;
        }
        row.text = text;
        std::mem::take(spent).put(&mut row);
        self.truth.judge(outcome, &mut row);
        self.rows.push(row);
    }

    /// Marks the last row; where there is none, or the model gave up after a
    /// rejection, that is a row too.
    fn finish(mut self, spent: Spent) -> Vec<Row> {
        if self.rows.is_empty() || spent != Spent::default() {
            let mut row = self.base.clone();
            row.defined = true;
            row.outcome = if self.rows.is_empty() { "no-call" } else { "gave-up" }.to_owned();
            row.attempt = self.rows.len() as u32;
            spent.put(&mut row);
            self.rows.push(row);
        }
        for (row, seq) in self.rows.iter_mut().zip(0..) {
            row.seq = seq;
        }
        if let Some(last) = self.rows.last_mut() {
            last.last = true;
        }
        self.rows
    }
}

/// Returns what a model is told of a task: its hunks, each with the lines that
/// go and those that come, and where; whoever follows it writes its very bytes.
pub fn instruction(task: &Task) -> String {
    let pieces: Vec<&str> = task.read.split('\n').collect();
    let block = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let mut text = format!("In {}, make exactly these changes and no others.\n", task.path);
    for (hunk, number) in task.hunks.iter().zip(1..) {
        let new: Vec<&str> = hunk.new.iter().map(String::as_str).collect();
        let (new, old) = (block(&new), block(&pieces[hunk.old.clone()]));
        let line = hunk.old.start + 1;
        text += &match (hunk.old.is_empty(), hunk.new.is_empty()) {
            (true, _) => format!("\n{number}. Before line {line}, insert:\n```\n{new}```\n"),
            (_, true) => format!("\n{number}. From line {line} on, delete:\n```\n{old}```\n"),
            _ => format!(
                "\n{number}. From line {line} on, replace:\n```\n{old}```\nby:\n```\n{new}```\n"
            ),
        };
    }
    debug_assert_eq!(apply_hunks(&task.read, &task.hunks), task.target());
    text
}
