//! `anchord bench`: edit formats measured on real edits.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::paint::Paint;
use super::{CliError, End};
use crate::bench::apply::programs::Programs;
use crate::bench::apply::{Applier, OURS};
use crate::bench::builds::Builder;
use crate::bench::corpus::{Source, Surroundings};
use crate::bench::external::External;
use crate::bench::format::Format;
use crate::bench::live;
use crate::bench::mistakes::{Class, Rates};
use crate::bench::replay::{Recording, replay};
use crate::bench::row::Row;
use crate::bench::run::{Condition, MANIFEST, Manifest, RESULTS, Settings, free, merge, read_row};
use crate::bench::score::Merger;
use crate::bench::{BenchError, files};
use crate::import;
use crate::report::compare::{Question, against, compare};
use crate::report::prices::Prices;
use crate::report::{Summary, html, markdown, tables};

/// The format whose lane the others are held against in a report.
const REFERENCE: &str = "anchor";

#[derive(Debug, clap::Args)]
pub(super) struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run every format and applier over a corpus, without a model
    Run(Run),
    /// Give the tasks to a model: a read and an edit tool, one format a lane
    Live(Live),
    /// Give recorded calls to other appliers
    Replay(Replay),
    /// Put the results of all shards of a run together
    Merge(Merge),
    /// Render results as a table, a page of Markdown or of HTML
    Report(Report),
    /// Hold two runs, or two lanes, against each other; exit code 1 where B is worse
    Compare(Compare),
}

/// Where tasks come from, and which of them are taken.
#[derive(Debug, clap::Args)]
struct Corpus {
    /// git:DIR, dir:BEFORE:AFTER, published, published:FILE, or a file of drift triples
    #[arg(long, value_name = "SOURCE", default_value = "git:.")]
    corpus: String,
    /// At most so many tasks, chosen by the seed
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Chooses tasks and mistakes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where downloaded packages are kept [default: the cache of the user]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// What drives the calls: free needs no model
    #[arg(long, value_parser = ["free"], default_value = "free")]
    driver: String,
    #[command(flatten)]
    corpus: Corpus,
    /// Where results go; a run that was broken off there goes on
    #[arg(long, value_name = "DIR", default_value = "anchord-bench")]
    out: PathBuf,
    /// What calls meet: clean, drift, strong, weak, slip
    #[arg(long, value_delimiter = ',', value_parser = ["clean", "drift", "strong", "weak", "slip"])]
    conditions: Vec<String>,
    /// Formats to run [default: all]
    #[arg(long, value_delimiter = ',')]
    formats: Vec<String>,
    /// This part of so many, as in 2/5
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Tasks worked on at once [default: the number of cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Leave the real programs out (git, patch, codex)
    #[arg(long)]
    no_programs: bool,
    /// A program that adds a format or an applier by JSON lines; may be given often
    #[arg(long, value_name = "COMMAND")]
    external: Vec<String>,
    /// Rates of mistakes to use instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// Keep the text of every call in its row
    #[arg(long)]
    keep_text: bool,
    /// Build results by this command, in a copy of the repository of the corpus
    #[arg(long, value_name = "COMMAND")]
    build: Option<String>,
    /// How long one build may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    build_patience: u64,
}

#[derive(Debug, clap::Args)]
struct Live {
    #[command(flatten)]
    corpus: Corpus,
    /// Where results go; a run that was broken off there goes on
    #[arg(long, value_name = "DIR", default_value = "anchord-bench")]
    out: PathBuf,
    /// The endpoint, without the path of the method
    #[arg(long, value_name = "URL")]
    url: String,
    /// How the endpoint is spoken to
    #[arg(long, value_parser = ["openai", "anthropic"], default_value = "openai")]
    dialect: String,
    /// The model
    #[arg(long, value_name = "NAME")]
    model: String,
    /// The variable of the environment that holds the key
    #[arg(long, value_name = "VARIABLE", default_value = "ANCHORD_BENCH_KEY")]
    key: String,
    /// Lanes, as FORMAT or FORMAT/APPLIER
    #[arg(long, value_delimiter = ',', default_value = "anchor,replace,patch")]
    lanes: Vec<String>,
    /// How often each task is given
    #[arg(long, default_value_t = 1)]
    repeats: u32,
    /// The most answers of the model for one task
    #[arg(long, default_value_t = 8)]
    turns: u32,
    /// The most tokens of the run, in and out
    #[arg(long, value_name = "TOKENS", default_value_t = 5_000_000)]
    budget: u64,
    /// The most output tokens of one answer
    #[arg(long, value_name = "TOKENS", default_value_t = 8192)]
    answer_tokens: u32,
    /// Tasks worked on at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    jobs: usize,
    /// How long one answer may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
    /// How often a request is made that fails or is put off
    #[arg(long, value_name = "N", default_value_t = 8)]
    tries: u32,
    /// The first pause before the next try, in milliseconds; each is twice as long
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pause: u64,
}

#[derive(Debug, clap::Args)]
struct Replay {
    /// Directories of runs, files of rows that keep the text of their calls, or
    /// transcripts of other programs
    #[arg(required = true)]
    recorded: Vec<PathBuf>,
    /// What the rows are about; of transcripts, what is right of the same files
    #[arg(long, value_name = "SOURCE")]
    corpus: Option<String>,
    /// Where downloaded packages are kept [default: the cache of the user]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Where results go
    #[arg(long, value_name = "DIR", default_value = "anchord-bench")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Merge {
    /// The directories of all shards
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// Where the whole goes
    #[arg(long, value_name = "DIR", default_value = "anchord-bench")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Report {
    /// Directories of runs, or files of rows
    #[arg(default_value = "anchord-bench")]
    results: Vec<PathBuf>,
    /// Write the report as one HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Price profiles to use instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Compare {
    /// Directory of a run, or file of rows
    a: PathBuf,
    /// The one that is held against it
    b: PathBuf,
    /// Only this lane of A, as FORMAT/APPLIER
    #[arg(long, value_name = "LANE")]
    lane_a: Option<String>,
    /// Only this lane of B
    #[arg(long, value_name = "LANE")]
    lane_b: Option<String>,
    /// Chooses the draws of the intervals
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Reads `I/N`, from 1, as a place from 0.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let number = |text: &str| text.parse::<usize>().ok();
    let parts = text.split_once('/').and_then(|(i, n)| Some((number(i)?, number(n)?)));
    match parts {
        Some((part, parts)) if 1 <= part && part <= parts => Ok((part - 1, parts)),
        _ => Err("a shard is I/N with I from 1 to N".to_owned()),
    }
}

pub(super) fn run(bench: &Bench, paint: &mut Paint) -> Result<End, CliError> {
    match &bench.command {
        Command::Run(run) => run_free(run, paint),
        Command::Live(live) => run_live(live, paint),
        Command::Replay(again) => replay_all(again, paint),
        Command::Merge(shards) => {
            let rows = merge(&shards.shards, &shards.out)?;
            paint.good(&format!("{rows} rows in {}", shards.out.join(RESULTS).display()))?;
            Ok(End::Done)
        }
        Command::Report(report) => show(report, paint),
        Command::Compare(compare) => hold(compare, paint),
    }
}

fn replay_all(again: &Replay, paint: &mut Paint) -> Result<End, CliError> {
    let mut recording = Recording::default();
    let mut passed: BTreeMap<&str, usize> = BTreeMap::new();
    for path in &again.recorded {
        let text = if path.is_dir() { String::new() } else { files::text(path)? };
        let is_rows = text.lines().next().is_none_or(|row| row.contains("\"driver\":"));
        if is_rows {
            recording.rows.extend(rows_of(path)?.0);
        } else {
            let transcript = import::read(&text)?;
            recording.calls.extend(transcript.calls);
            for (why, count) in transcript.passed {
                *passed.entry(why).or_default() += count;
            }
        }
    }
    // Rows are about tasks; a transcript shows its files itself.
    let name = match &again.corpus {
        None if recording.rows.is_empty() => None,
        named => Some(named.clone().unwrap_or_else(|| "git:.".to_owned())),
    };
    let corpus = name
        .clone()
        .map(|corpus| Corpus { corpus, limit: None, seed: 1, cache: again.cache.clone() }.load());
    let tasks = corpus.transpose()?.unwrap_or_default().tasks;
    recording.tasks = &tasks;
    let calls = replay(&recording, &again.out, name.as_deref().unwrap_or("as shown"))?;
    paint.good(&format!("{calls} calls in {}", again.out.join(RESULTS).display()))?;
    for (why, count) in passed {
        paint.faint(&format!("{count} passed over: {why}"))?;
    }
    Ok(End::Done)
}

fn run_free(run: &Run, paint: &mut Paint) -> Result<End, CliError> {
    let edits = run.corpus.load()?;
    let settings = settings(run)?;
    let files = edits.groups.iter().flat_map(|group| &group.files);
    let drifts = settings.conditions.contains(&Condition::Drift)
        && edits.tasks.iter().chain(files).any(|task| task.drifted.is_some());
    let merger = drifts.then(|| Merger::new(&std::env::temp_dir())).transpose()?;
    let bar = bar("tasks");
    let progress = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let corpus = &run.corpus.corpus;
    let results = free(&edits, &settings, merger.as_ref(), &run.out, corpus, &progress)?;
    bar.finish_and_clear();
    let groups = match edits.groups.len() {
        0 => String::new(),
        groups => format!(" and {groups} of several files"),
    };
    paint.good(&format!(
        "{} tasks{groups}, seed {}: {}",
        edits.tasks.len(),
        run.corpus.seed,
        results.display()
    ))?;
    paint.faint(&format!("anchord bench report {}", run.out.display()))?;
    Ok(End::Done)
}

fn run_live(run: &Live, paint: &mut Paint) -> Result<End, CliError> {
    let lane = |name: &String| {
        let (format, applier) = name.split_once('/').unwrap_or((name, OURS));
        let found = Format::of(format).zip(Applier::of(format, applier));
        found.ok_or_else(|| CliError::Usage(format!("there is no lane {name}")))
    };
    let lanes: Result<Vec<_>, CliError> = run.lanes.iter().map(lane).collect();
    let settings = live::Settings {
        endpoint: live::Endpoint {
            url: run.url.clone(),
            dialect: match run.dialect.as_str() {
                "anthropic" => live::Dialect::Anthropic,
                _ => live::Dialect::OpenAi,
            },
            key: std::env::var(&run.key).ok(),
            model: run.model.clone(),
            patience: Duration::from_secs(run.patience),
            tries: run.tries,
            pause: Duration::from_millis(run.pause),
        },
        lanes: lanes?,
        repeats: run.repeats,
        turns: run.turns,
        budget: run.budget,
        answer_tokens: run.answer_tokens,
        workers: run.jobs,
        seed: run.corpus.seed,
    };
    let tasks = run.corpus.load()?.tasks;
    let bar = bar("units");
    let progress = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let ended = live::live(&tasks, &settings, &run.out, &run.corpus.corpus, &progress)?;
    bar.finish_and_clear();
    let results = run.out.join(RESULTS);
    let text = format!(
        "{} of {} units, {} tokens spent: {}",
        ended.done,
        ended.units,
        ended.spent,
        results.display()
    );
    match ended.done == ended.units {
        true => paint.good(&text)?,
        false => paint.bad(&format!("{text}; the budget is used up, run it again to go on"))?,
    }
    Ok(if ended.done == ended.units { End::Done } else { End::Rejected })
}

fn settings(run: &Run) -> Result<Settings, CliError> {
    let wanted = |condition: &Condition| {
        run.conditions.is_empty() || run.conditions.iter().any(|name| name == condition.as_str())
    };
    // Slips are asked for by name: they are six more calls a lane.
    let usual = [
        Condition::Clean,
        Condition::Drift,
        Condition::Mistakes(Class::Strong),
        Condition::Mistakes(Class::Weak),
    ];
    let all = if run.conditions.is_empty() { usual.to_vec() } else { Condition::ALL.to_vec() };
    let programs = match run.no_programs {
        true => None,
        false => Some(Programs::find(&std::env::temp_dir())?),
    };
    let rates = match &run.rates {
        Some(path) => Rates::parse(&files::text(path)?)?,
        None => Rates::built_in().clone(),
    };
    let externals: Result<Vec<External>, CliError> =
        run.external.iter().map(|command| external(command)).collect();
    if let Some(unknown) = run.formats.iter().find(|name| Format::of(name).is_none()) {
        return Err(CliError::Usage(format!("{unknown:?} is no format of the benchmark")));
    }
    Ok(Settings {
        seed: run.corpus.seed,
        conditions: all.into_iter().filter(wanted).collect(),
        formats: run.formats.clone(),
        rates,
        programs,
        externals: externals?,
        shard: run.shard.unwrap_or((0, 1)),
        workers: run.jobs.unwrap_or_else(cores),
        keep_text: run.keep_text,
        builder: builder(run)?,
    })
}

/// Returns what builds results, if a command was given.
fn builder(run: &Run) -> Result<Option<Builder>, CliError> {
    let Some(command) = &run.build else { return Ok(None) };
    let Source::Git(folder) = Source::parse(&run.corpus.corpus)? else {
        return Err(CliError::Usage("--build needs a corpus from a repository: git:DIR".into()));
    };
    let patience = Duration::from_secs(run.build_patience);
    Ok(Some(Builder::new(&folder, &std::env::temp_dir(), command, patience)?))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Starts a program of others; its environment is empty, so the search path is
/// followed here.
fn external(command: &str) -> Result<External, CliError> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or_else(|| CliError::Usage("--external is empty".into()))?;
    let arguments: Vec<&str> = words.collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = match program.contains('/') {
        true => Some(PathBuf::from(program)),
        false => {
            std::env::split_paths(&path).map(|folder| folder.join(program)).find(|p| p.is_file())
        }
    };
    let found = found.ok_or_else(|| CliError::Usage(format!("{program} is not installed")))?;
    Ok(External::start(&found, &arguments)?)
}

impl Corpus {
    fn load(&self) -> Result<crate::bench::corpus::Corpus, CliError> {
        let cache = match &self.cache {
            Some(cache) => cache.clone(),
            None => cache_home()?.join("anchord/bench"),
        };
        let bar = bar("");
        let say = |what: &str| bar.set_message(what.to_owned());
        let around = Surroundings { cache: &cache, limit: self.limit, seed: self.seed, say: &say };
        let edits = Source::parse(&self.corpus)?.load(&around)?;
        bar.finish_and_clear();
        Ok(edits)
    }
}

/// Returns `$XDG_CACHE_HOME`, else `~/.cache`.
fn cache_home() -> Result<PathBuf, CliError> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .ok_or_else(|| CliError::Usage("neither XDG_CACHE_HOME nor HOME is set".into()))
}

/// Returns a progress bar, hidden where nobody looks.
fn bar(of: &str) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let look = match of {
        "" => "{spinner} {msg}".to_owned(),
        of => format!("{{bar:40}} {{pos}}/{{len}} {of}, {{eta}} left"),
    };
    if let Ok(style) = ProgressStyle::with_template(&look) {
        bar.set_style(style);
    }
    bar
}

/// Returns the rows of a run's directory or of a file, and what the run was.
fn rows_of(path: &Path) -> Result<(Vec<Row>, Option<Manifest>), CliError> {
    let (file, manifest) = match path.is_dir() {
        true => (path.join(RESULTS), files::text(&path.join(MANIFEST)).ok()),
        false => (path.to_owned(), None),
    };
    let manifest = manifest.and_then(|text| serde_json::from_str(&text).ok());
    let rows: Result<Vec<Row>, BenchError> = files::text(&file)?.lines().map(read_row).collect();
    Ok((rows?, manifest))
}

fn show(report: &Report, paint: &mut Paint) -> Result<End, CliError> {
    let mut rows = Vec::new();
    let mut about = Vec::new();
    for path in &report.results {
        let (more, manifest) = rows_of(path)?;
        rows.extend(more);
        about.extend(manifest.map(|run| {
            let (version, driver) = (run.version, run.driver);
            // The name of a file tells more than where it lies on this machine.
            let corpus = run.corpus.rsplit('/').next().unwrap_or_default();
            format!("anchord {version}, driver {driver}, corpus {corpus} ({} tasks, digest {:.12}), tokens by {}", run.tasks, run.digest, run.tokenizer)
        }));
    }
    let prices = match &report.prices {
        Some(path) => Prices::parse(&files::text(path)?)?,
        None => Prices::built_in(),
    };
    let summary = Summary::of(&rows);
    let seeds: Vec<String> = summary.seeds.iter().map(u64::to_string).collect();
    about.push(format!(
        "{} rows of {} tasks, seed {}",
        summary.rows,
        summary.tasks,
        seeds.join(", ")
    ));
    let about = about.join("; ");
    let mut tables = tables::all(&summary, &prices);
    let seed = summary.seeds.first().copied().unwrap_or(1);
    let pairs = against(&rows, &format!("{REFERENCE}/{OURS}"), "drift", seed);
    tables.extend(Some(pairs).filter(|table| !table.rows.is_empty()));
    let text = format!("# Edit formats, measured\n\n{about}\n\n{}", markdown(&tables));
    if let Some(path) = &report.html {
        files::write(path, html::page(&summary, &prices, &tables, &about))?;
        paint.good(&path.display().to_string())?;
    }
    if let Some(path) = &report.markdown {
        files::write(path, &text)?;
        paint.good(&path.display().to_string())?;
    }
    if report.html.is_none() && report.markdown.is_none() {
        paint.raw(&text)?;
    }
    Ok(End::Done)
}

fn hold(question: &Compare, paint: &mut Paint) -> Result<End, CliError> {
    let (a, b) = (rows_of(&question.a)?.0, rows_of(&question.b)?.0);
    let asked = Question {
        lane_a: question.lane_a.clone(),
        lane_b: question.lane_b.clone(),
        seed: question.seed,
    };
    let comparison = compare(&a, &b, &asked);
    if comparison.pairs == 0 {
        return Err(CliError::Usage("the two have no call in common".into()));
    }
    paint.raw(&markdown(std::slice::from_ref(&comparison.table)))?;
    match comparison.worse.is_empty() {
        true => {
            paint.good(&format!(
                "{} pairs, seed {}: B is not worse",
                comparison.pairs, question.seed
            ))?;
            Ok(End::Done)
        }
        false => {
            paint.bad(&format!("B is worse: {}", comparison.worse.join("; ")))?;
            Ok(End::Rejected)
        }
    }
}
