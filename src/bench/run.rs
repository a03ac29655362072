//! The driver `free`: every task in every format by every applier, without a
//! model; and what all drivers share: shards, workers, resuming.
//!
//! A run is a function of its corpus, its seed and its settings: the same rows,
//! byte for byte, whatever the number of workers and shards, and however often
//! it was broken off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};

use super::BenchError;
use super::apply::programs::{Program, Programs};
use super::apply::{APPLIERS, Applier, Outcome, REFERENCES, Situation};
use super::dice::Dice;
use super::external::External;
use super::files::{self, Log};
use super::format::{FORMATS, Family, Format, repeated};
use super::mistakes::{Class, Rates, SLIPS, inject, slip};
use super::row::{Row, SCHEMA};
use super::score::{Merger, Truth};
use super::task::{self, Task};
use crate::tokens;

/// How many tasks may wait for an earlier one before workers pause.
const AHEAD: usize = 64;

/// What a call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The file as it was read, the call as it should be.
    Clean,
    /// The file as others left it.
    Drift,
    /// Mistakes as models of this class make them.
    Mistakes(Class),
    /// One of each slip.
    Slips,
}

impl Condition {
    /// All of them, in the order of the rows.
    pub const ALL: [Condition; 5] = [
        Condition::Clean,
        Condition::Drift,
        Condition::Mistakes(Class::Strong),
        Condition::Mistakes(Class::Weak),
        Condition::Slips,
    ];

    /// Returns the name used in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Clean => "clean",
            Condition::Drift => "drift",
            Condition::Mistakes(class) => class.as_str(),
            Condition::Slips => "slip",
        }
    }
}

/// What is run.
#[derive(Debug)]
pub struct Settings {
    /// Chooses mistakes.
    pub seed: u64,
    /// What calls meet.
    pub conditions: Vec<Condition>,
    /// The formats that are run; all where it is empty.
    pub formats: Vec<String>,
    /// How often mistakes are made.
    pub rates: Rates,
    /// Real programs, where they are to run.
    pub programs: Option<Programs>,
    /// Formats and appliers of others.
    pub externals: Vec<External>,
    /// This part of so many, from 0.
    pub shard: (usize, usize),
    /// How many tasks are worked on at once.
    pub workers: usize,
    /// Whether rows keep the text of the call.
    pub keep_text: bool,
}

/// What is written beside the rows: what the run was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of this program.
    pub version: String,
    /// The driver.
    pub driver: String,
    /// The corpus, as it was named.
    pub corpus: String,
    /// One digest of all tasks.
    pub digest: String,
    /// Their number, all shards together.
    pub tasks: usize,
    /// The seed.
    pub seed: u64,
    /// What calls meet.
    pub conditions: Vec<String>,
    /// `format/applier`, in the order of the rows.
    pub lanes: Vec<String>,
    /// One digest of the rates of mistakes.
    pub rates: String,
    /// This part, from 1, of so many.
    pub shard: (usize, usize),
    /// What counts tokens.
    pub tokenizer: String,
}

/// One way of applying calls of a format.
enum Lane<'a> {
    Rule(&'static Applier),
    Program(&'a Programs, Program),
    External(&'a External),
}

impl Lane<'_> {
    fn name(&self) -> &str {
        match self {
            Lane::Rule(applier) => applier.name,
            Lane::Program(_, program) => program.name(),
            Lane::External(external) => &external.applier,
        }
    }

    fn apply(&self, situation: &Situation, text: &str) -> Result<Outcome, BenchError> {
        match self {
            Lane::Rule(applier) => Ok((applier.apply)(situation, text)),
            Lane::Program(programs, program) => programs.apply(*program, situation, text),
            Lane::External(external) => external.apply(situation, text),
        }
    }
}

impl Settings {
    /// Returns the lanes of a format.
    fn lanes(&self, format: &str) -> Vec<Lane<'_>> {
        let rules = APPLIERS.iter().filter(|applier| applier.format == format).map(Lane::Rule);
        let programs = self.programs.iter().flat_map(|programs| {
            let installed = programs.installed.iter();
            let fit = installed.filter(|program| program.format() == format);
            fit.map(|program| Lane::Program(programs, *program))
        });
        let externals = self.externals.iter().filter(|external| external.format == format);
        rules.chain(programs).chain(externals.map(Lane::External)).collect()
    }

    /// Returns the formats of ours that are run.
    fn formats(&self) -> impl Iterator<Item = &'static Format> {
        let wanted = |format: &&Format| {
            self.formats.is_empty() || self.formats.iter().any(|name| name == format.name)
        };
        FORMATS.iter().filter(wanted)
    }

    /// Returns the lanes of all formats, as a manifest names them.
    fn lane_names(&self) -> Vec<String> {
        let ours = self.formats().flat_map(|format| {
            let lanes = self.lanes(format.name).into_iter();
            lanes.map(move |lane| format!("{}/{}", format.name, lane.name()))
        });
        let own = self.externals.iter().filter(|external| external.writes);
        ours.chain(own.map(|own| format!("{}/{}", own.format, own.applier))).collect()
    }

    /// Returns the manifest of a run of these settings.
    pub fn manifest(&self, corpus: &str, tasks: &[Task]) -> Manifest {
        let rates = format!("{:?}", self.rates.rates);
        Manifest {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            driver: "free".to_owned(),
            corpus: corpus.to_owned(),
            digest: task::digest(tasks),
            tasks: tasks.len(),
            seed: self.seed,
            conditions: self.conditions.iter().map(|c| c.as_str().to_owned()).collect(),
            lanes: self.lane_names(),
            rates: engine::hash::ContentHash::of(rates.as_bytes()).to_hex(),
            shard: (self.shard.0 + 1, self.shard.1),
            tokenizer: tokens::DEFAULT.to_owned(),
        }
    }
}

/// The name of the rows and of the manifest in the directory of a run.
pub const RESULTS: &str = "results.jsonl";
/// See [`RESULTS`].
pub const MANIFEST: &str = "run.json";

/// Returns the rows' file of the directory `out`, after it was seen that what
/// lies there belongs to the same run.
///
/// # Errors
/// Where another run's results lie there, or nothing can be written.
pub fn open(out: &Path, manifest: &Manifest) -> Result<(Log, Vec<Row>), BenchError> {
    let path = out.join(MANIFEST);
    if files::is_there(&path) {
        let found: Manifest = serde_json::from_str(&files::text(&path)?)
            .map_err(|error| BenchError::Malformed(format!("{}: {error}", path.display())))?;
        if found != *manifest {
            let text = format!("{} holds another run; choose another --out", out.display());
            return Err(BenchError::Usage(text));
        }
    } else {
        let text = serde_json::to_string_pretty(manifest).unwrap_or_default();
        files::write(&path, text + "\n")?;
    }
    let (log, lines) = Log::open(&out.join(RESULTS))?;
    let rows: Result<Vec<Row>, BenchError> = lines.iter().map(|line| read_row(line)).collect();
    Ok((log, rows?))
}

/// Returns the row of a line.
///
/// # Errors
/// Where it is none, or of another schema.
pub fn read_row(line: &str) -> Result<Row, BenchError> {
    let row: Row = serde_json::from_str(line)
        .map_err(|error| BenchError::Malformed(format!("a row of results: {error}")))?;
    match row.schema {
        SCHEMA => Ok(row),
        other => Err(BenchError::Malformed(format!("rows of schema {other}, not {SCHEMA}"))),
    }
}

/// Returns a row as a line.
pub fn line(row: &Row) -> String {
    serde_json::to_string(row).unwrap_or_default() + "\n"
}

/// Runs what is left of a run, and calls `progress` with the number of tasks
/// done, of so many.
///
/// # Errors
/// Where a program or a file fails; what was written so far stays.
pub fn free(
    tasks: &[Task],
    settings: &Settings,
    merger: Option<&Merger>,
    out: &Path,
    corpus: &str,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<PathBuf, BenchError> {
    let (mut log, rows) = open(out, &settings.manifest(corpus, tasks))?;
    let mine = mine(tasks, settings.shard);
    let done = keep_whole_tasks(&mut log, &rows)?;
    progress(done.min(mine.len()), mine.len());
    let work = |number: usize| {
        let (index, task) = mine[number];
        rows_of(index, task, settings, merger)
    };
    let mut take = |number: usize, rows: Vec<Row>| {
        log.append(&rows.iter().map(line).collect::<String>())?;
        progress(number + 1, mine.len());
        Ok(())
    };
    in_order(done.min(mine.len())..mine.len(), settings.workers, &work, &mut take)?;
    Ok(out.join(RESULTS))
}

/// Returns the tasks of a shard with their places in the corpus.
fn mine(tasks: &[Task], (part, parts): (usize, usize)) -> Vec<(usize, &Task)> {
    tasks.iter().enumerate().filter(|(index, _)| index % parts.max(1) == part).collect()
}

/// Cuts off the last task, which a death may have broken off, and returns how
/// many are whole before it.
fn keep_whole_tasks(log: &mut Log, rows: &[Row]) -> Result<usize, BenchError> {
    let Some(last) = rows.last().map(|row| row.index) else { return Ok(0) };
    let kept = rows.iter().take_while(|row| row.index != last);
    let bytes: usize = kept.clone().map(|row| line(row).len()).sum();
    let mut whole: Vec<u64> = kept.map(|row| row.index).collect();
    whole.dedup();
    log.cut(bytes as u64)?;
    Ok(whole.len())
}

/// Does `work` for every number on several threads and hands the results to
/// `take` in order. The first failure ends it.
pub fn in_order<T: Send>(
    numbers: std::ops::Range<usize>,
    workers: usize,
    work: &(dyn Fn(usize) -> Result<T, BenchError> + Sync),
    take: &mut dyn FnMut(usize, T) -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    let next = AtomicUsize::new(numbers.start);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::sync_channel(AHEAD);
        for _ in 0..workers.max(1) {
            let sender = sender.clone();
            let (next, stop) = (&next, &stop);
            let end = numbers.end;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end || sender.send((number, work(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = numbers.start;
        let mut taken = Ok(());
        for (number, result) in results {
            early.insert(number, result);
            while let (Ok(()), Some(result)) = (&taken, early.remove(&due)) {
                taken = result.and_then(|result| take(due, result));
                due += 1;
            }
            if taken.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        taken
    })
}

/// Returns the rows of one task.
fn rows_of(
    index: usize,
    task: &Task,
    settings: &Settings,
    merger: Option<&Merger>,
) -> Result<Vec<Row>, BenchError> {
    let clean = Truth::clean(task);
    let drifted = match merger.filter(|_| settings.conditions.contains(&Condition::Drift)) {
        Some(merger) => merger.drifted(task)?,
        None => None,
    };
    let bench = TaskBench {
        index,
        task,
        settings,
        clean: (Situation::new(&task.path, &task.read, &task.read), clean),
        drifted: drifted.map(|truth| (Situation::new(&task.path, &task.read, &truth.now), truth)),
        tok_plain: tokens::count(&task.read) as u64,
        tok_new: tokens::count(&task.new_text()) as u64,
    };
    let mut rows = Vec::new();
    for format in settings.formats() {
        bench.format(format, &mut rows)?;
    }
    for external in settings.externals.iter().filter(|external| external.writes) {
        bench.external(external, &mut rows)?;
    }
    for (row, seq) in rows.iter_mut().zip(0..) {
        row.seq = seq;
    }
    Ok(rows)
}

/// One task under measurement.
struct TaskBench<'a> {
    index: usize,
    task: &'a Task,
    settings: &'a Settings,
    clean: (Situation, Truth),
    drifted: Option<(Situation, Truth)>,
    tok_plain: u64,
    tok_new: u64,
}

impl TaskBench<'_> {
    /// Adds the rows of one format, under every condition.
    fn format(&self, format: &Format, rows: &mut Vec<Row>) -> Result<(), BenchError> {
        let Ok(said) = format.say(self.task) else { return Ok(()) };
        let Ok(right) = format.write(&said) else { return Ok(()) };
        let mut base = self.base(format.name, &format.shown(&self.task.read));
        base.tok_repeat = tokens::count(&repeated(&said, self.task)) as u64;
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
                        let Some(text) = slip(format, self.task, kind, &mut dice) else { continue };
                        let base = Row { mistake: kind.to_owned(), ..base.clone() };
                        self.call(&base, &text, &lanes, &self.clean, rows)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the rows of a format that a program of others writes and applies.
    fn external(&self, external: &External, rows: &mut Vec<Row>) -> Result<(), BenchError> {
        let Some(text) = external.write(self.task)? else { return Ok(()) };
        let shown = external.shown(&self.task.path, &self.task.read)?;
        let mut base = self.base(&external.format, &shown);
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
        Dice::of(self.settings.seed, &[&[self.task.id.as_str()], what].concat())
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
            Some(applier) => (applier.apply)(&self.clean.0, text).is_err(),
            None => true,
        };
        match inject(format, self.task, kind, &mut dice, fails) {
            Some(text) => (kind.to_owned(), text),
            None => none(),
        }
    }

    fn base(&self, format: &str, shown: &str) -> Row {
        let task = self.task;
        Row {
            schema: SCHEMA,
            driver: "free".to_owned(),
            seed: self.settings.seed,
            index: self.index as u64,
            task: task.id.clone(),
            repo: task.repo.clone(),
            path: task.path.clone(),
            format: format.to_owned(),
            last: true,
            hunks: task.hunks.len() as u64,
            changed: task.changed_lines() as u64,
            lines: task.read.lines().count() as u64,
            tok_read: tokens::count(shown) as u64,
            tok_plain: self.tok_plain,
            tok_new: self.tok_new,
            ..Row::default()
        }
    }

    /// Adds the rows of one call, by every applier.
    fn call(
        &self,
        base: &Row,
        text: &str,
        lanes: &[Lane<'_>],
        (situation, truth): &(Situation, Truth),
        rows: &mut Vec<Row>,
    ) -> Result<(), BenchError> {
        let tok_out = tokens::count(text) as u64;
        for lane in lanes {
            let outcome = lane.apply(situation, text)?;
            let mut row = Row { applier: lane.name().to_owned(), tok_out, ..base.clone() };
            truth.judge(&outcome, &mut row);
            if let Err(rejected) = &outcome {
                row.tok_error = tokens::count(&rejected.message) as u64;
            }
            if self.settings.keep_text {
                row.text = text.to_owned();
            }
            rows.push(row);
        }
        Ok(())
    }
}

/// Returns the rows of several shards as the rows of the whole.
///
/// # Errors
/// Where a shard is missing, or they belong to different runs.
pub fn merge(shards: &[PathBuf], out: &Path) -> Result<usize, BenchError> {
    let mut rows = Vec::new();
    let mut manifests: Vec<Manifest> = Vec::new();
    for shard in shards {
        let text = files::text(&shard.join(MANIFEST))?;
        let manifest: Manifest = serde_json::from_str(&text)
            .map_err(|error| BenchError::Malformed(format!("{}: {error}", shard.display())))?;
        manifests.push(manifest);
        for line in files::text(&shard.join(RESULTS))?.lines() {
            rows.push(read_row(line)?);
        }
    }
    let whole = whole_run(&manifests)?;
    rows.sort_by_key(|row| (row.index, row.seq));
    files::write(
        &out.join(MANIFEST),
        serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n",
    )?;
    files::write(&out.join(RESULTS), rows.iter().map(line).collect::<String>())?;
    Ok(rows.len())
}

/// Returns the manifest of the run that these are all shards of.
fn whole_run(manifests: &[Manifest]) -> Result<Manifest, BenchError> {
    let Some(first) = manifests.first() else {
        return Err(BenchError::Usage("no shard to merge".into()));
    };
    let whole = Manifest { shard: (1, 1), ..first.clone() };
    let mut parts: Vec<usize> = manifests.iter().map(|manifest| manifest.shard.0).collect();
    parts.sort_unstable();
    let same = manifests.iter().all(|other| {
        Manifest { shard: (1, 1), ..other.clone() } == whole && other.shard.1 == first.shard.1
    });
    if !same || parts != (1..=first.shard.1).collect::<Vec<_>>() {
        let text = format!("these are not all {} shards of one run", first.shard.1);
        return Err(BenchError::Usage(text));
    }
    Ok(whole)
}
