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
use super::apply::{APPLIERS, Applier, Outcome, Situation};
use super::builds::Builder;
use super::corpus::Corpus;
use super::external::External;
use super::files::{self, Log};
use super::format::{FORMATS, Format};
use super::free::{Judges, rows_of, rows_together};
use super::mistakes::{Class, Rates};
use super::row::{Row, SCHEMA};
use super::score::Merger;
use super::task;
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
    /// Builds results, where a command was given.
    pub builder: Option<Builder>,
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
    /// The number of edits of several files.
    pub groups: usize,
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
pub(super) enum Lane<'a> {
    /// A rule that is a function of ours.
    Rule(&'static Applier),
    /// A real program.
    Program(&'a Programs, Program),
    /// A program of others that speaks the protocol.
    External(&'a External),
}

impl Lane<'_> {
    /// Returns its name in rows.
    pub(super) fn name(&self) -> &str {
        match self {
            Lane::Rule(applier) => applier.name,
            Lane::Program(_, program) => program.name(),
            Lane::External(external) => &external.applier,
        }
    }

    /// Returns what becomes of each file of a call.
    pub(super) fn apply(
        &self,
        situations: &[Situation],
        text: &str,
    ) -> Result<Vec<Outcome>, BenchError> {
        match (self, situations) {
            (Lane::Rule(applier), [one]) => Ok(vec![applier.apply(one, text)]),
            (Lane::Rule(applier), _) => Ok(applier.apply_all(situations, text)),
            (Lane::Program(programs, program), _) => programs.apply(*program, situations, text),
            (Lane::External(external), _) => {
                situations.iter().map(|situation| external.apply(situation, text)).collect()
            }
        }
    }
}

impl Settings {
    /// Returns the lanes of a format.
    pub(super) fn lanes(&self, format: &str) -> Vec<Lane<'_>> {
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
    pub(super) fn formats(&self) -> impl Iterator<Item = &'static Format> {
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
    pub fn manifest(&self, name: &str, corpus: &Corpus) -> Manifest {
        let rates = format!("{:?}", self.rates.rates);
        Manifest {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            driver: "free".to_owned(),
            corpus: name.to_owned(),
            digest: task::digest(&corpus.tasks, &corpus.groups),
            tasks: corpus.tasks.len(),
            groups: corpus.groups.len(),
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
    corpus: &Corpus,
    settings: &Settings,
    merger: Option<&Merger>,
    out: &Path,
    name: &str,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<PathBuf, BenchError> {
    let (mut log, rows) = open(out, &settings.manifest(name, corpus))?;
    let (tasks, groups) = (&corpus.tasks, &corpus.groups);
    let (part, parts) = settings.shard;
    let mine = (0..tasks.len() + groups.len()).filter(|index| index % parts.max(1) == part);
    let mine: Vec<usize> = mine.collect();
    let judges = Judges { merger, builder: settings.builder.as_ref() };
    let done = keep_whole_tasks(&mut log, &rows, &mine)?;
    progress(done, mine.len());
    let work = |number: usize| match mine[number].checked_sub(tasks.len()) {
        None => rows_of(mine[number], &tasks[mine[number]], settings, judges),
        Some(group) => rows_together(mine[number], &groups[group], settings, judges),
    };
    let mut take = |number: usize, rows: Vec<Row>| {
        log.append(&rows.iter().map(line).collect::<String>())?;
        progress(number + 1, mine.len());
        Ok(())
    };
    in_order(done..mine.len(), settings.workers, &work, &mut take)?;
    Ok(out.join(RESULTS))
}

/// Cuts off the last task, which a death may have broken off, and returns how
/// many of `mine` are whole before it.
fn keep_whole_tasks(log: &mut Log, rows: &[Row], mine: &[usize]) -> Result<usize, BenchError> {
    let Some(last) = rows.last().map(|row| row.index) else { return Ok(0) };
    let kept = rows.iter().take_while(|row| row.index != last);
    let bytes: usize = kept.map(|row| line(row).len()).sum();
    log.cut(bytes as u64)?;
    // A task that no format can say has no rows, but its place.
    Ok(mine.iter().take_while(|index| **index as u64 != last).count())
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
