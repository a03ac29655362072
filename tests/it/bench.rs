//! The benchmark: runs that are a function of corpus and seed, whatever breaks
//! them off; the real edits; formats of others; a model that is played by a
//! script; results in an engine of others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anchord::bench::corpus::{Source, Surroundings};
use anchord::bench::row::Row;
use anchord::bench::run::read_row;
use anchord::bench::task::Task;
use anchord::report::Summary;
use anchord::report::stats::Share;

use crate::endpoint::Endpoint;
use crate::world::{Output, World};

/// Where the real edits lie, from the root of the project.
const TRIPLES: &str = "../shared/corpus/drift-triples.jsonl.zst";

/// A program of others: a format of its own, whose calls are line numbers and
/// new lines, applied to whatever stands there.
const PLUGIN: &str = r#"
import json, sys

def answer(ask):
    kind = ask["ask"]
    if kind == "hello":
        return {"format": "mini", "applier": "python"}
    if kind == "show":
        rows = enumerate(ask["text"].split("\n"), 1)
        return {"text": "".join(f"{number} {row}\n" for number, row in rows)}
    if kind == "write":
        return {"text": json.dumps([[h["old"]["start"], h["old"]["end"], h["new"]] for h in ask["hunks"]])}
    lines = ask["now"].split("\n")
    for start, end, new in reversed(json.loads(ask["text"])):
        if end > len(lines):
            return {"rejected": "not_found", "message": "no such line"}
        lines[start:end] = new
    return {"result": "\n".join(lines)}

for row in sys.stdin:
    print(json.dumps(answer(json.loads(row))), flush=True)
"#;

/// Runs a program to its end.
fn run(command: &mut Command) -> Output {
    let Ok(output) = command.output() else {
        return Output { code: -1, out: String::new(), err: "it cannot be started".to_owned() };
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    Output { code, out: text(&output.stdout), err: text(&output.stderr) }
}

/// Returns a repository with a history in which people go on where others were.
fn repository() -> World {
    let world = World::new();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        command.args(who).args(arguments).current_dir(&world.root);
        let done = run(&mut command);
        assert_eq!(done.code, 0, "{done:?}");
    };
    git(&["init", "-q"]);
    let mut lines: Vec<String> =
        (0..60).map(|line| format!("    let value_{line} = compute({line});")).collect();
    for step in 0..30 {
        for name in ["a.rs", "b.rs"] {
            world.write(name, format!("fn main() {{\n{}\n}}\n", lines.join("\n")));
        }
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "step"]);
        let at = (step * 17) % lines.len();
        lines[at] = format!("    let changed_{step} = other({step});");
        lines.insert((step * 7) % lines.len(), format!("    check({step});"));
        if step % 3 == 0 {
            lines.remove((step * 11) % lines.len());
        }
    }
    world
}

fn bench(world: &World, arguments: &[&str]) -> Output {
    run(world.command().arg("bench").args(arguments))
}

/// Runs the driver `free` over the world's own history, into `out`.
#[track_caller]
fn free(world: &World, out: &str, more: &[&str]) -> String {
    let target = world.outside(out);
    let source = format!("git:{}", world.root.display());
    let mut arguments = vec!["run", "--corpus", &source, "--out", target.to_str().unwrap()];
    arguments.extend(more);
    let done = bench(world, &arguments);
    assert_eq!(done.code, 0, "{done:?}");
    results(&target)
}

fn results(out: &Path) -> String {
    std::fs::read_to_string(out.join("results.jsonl")).unwrap()
}

fn rows(text: &str) -> Vec<Row> {
    text.lines().map(|line| read_row(line).unwrap()).collect()
}

#[test]
fn a_run_is_a_function_of_corpus_and_seed() {
    let world = repository();
    let formats = ["--formats", "anchor,linehash,replace,udiff", "--no-programs"];
    let whole = free(&world, "whole", &formats);
    assert!(rows(&whole).iter().any(|row| row.condition == "drift" && row.right));
    assert_eq!(whole, free(&world, "one", &[&formats[..], &["--jobs", "1"]].concat()));
    let parts = ["part1", "part2", "part3"];
    for (part, shard) in parts.iter().zip(["1/3", "2/3", "3/3"]) {
        free(&world, part, &[&formats[..], &["--shard", shard]].concat());
    }
    let places = parts.map(|part| world.outside(part).to_str().unwrap().to_owned());
    let merged = world.outside("merged");
    let to = ["--out", merged.to_str().unwrap()];
    let merge: Vec<&str> =
        ["merge"].into_iter().chain(places.iter().map(String::as_str)).chain(to).collect();
    assert_eq!(bench(&world, &merge).code, 0);
    assert_eq!(whole, results(&merged));
    // Two of three are no run.
    let two = bench(&world, &["merge", &places[0], &places[1], "--out", "x"]);
    assert_eq!(two.code, 2, "{two:?}");
}

#[test]
fn a_run_that_was_broken_off_goes_on() {
    let world = repository();
    let formats = ["--formats", "anchor,patch", "--no-programs", "--conditions", "clean,weak"];
    let whole = free(&world, "run", &formats);
    let file = world.outside("run").join("results.jsonl");
    for left in [0, whole.len() / 3, whole.len() / 2 + 7, whole.len() - 1] {
        std::fs::write(&file, &whole[..left]).unwrap();
        assert_eq!(whole, free(&world, "run", &formats), "{left} bytes were left");
    }
    // Another run does not go on there.
    let source = format!("git:{}", world.root.display());
    let out = world.outside("run");
    let other =
        bench(&world, &["run", "--corpus", &source, "--seed", "2", "--out", out.to_str().unwrap()]);
    assert_eq!(other.code, 2, "{other:?}");
}

#[test]
fn reports_and_comparisons_say_what_the_rows_say() {
    let world = repository();
    free(&world, "run", &["--formats", "anchor,lines,replace", "--no-programs"]);
    let place = world.outside("run");
    let (place, page) = (place.to_str().unwrap(), world.outside("page.html"));
    let report = bench(&world, &["report", place]);
    assert!(report.out.contains("## Under real drift"), "{report:?}");
    assert!(report.out.contains("| anchor / anchord "), "{report:?}");
    assert_eq!(bench(&world, &["report", place, "--html", page.to_str().unwrap()]).code, 0);
    let html = std::fs::read_to_string(page).unwrap();
    assert_eq!(html.matches("<svg").count(), 3, "a plot for each kind of row there is");
    assert!(!html.contains("http"), "the page needs nothing else");
    let same = bench(&world, &["compare", place, place]);
    assert_eq!(same.code, 0, "{same:?}");
    let lanes = ["--lane-a", "anchor/anchord", "--lane-b", "lines/no-guard"];
    let worse = bench(&world, &[&["compare", place, place], &lanes[..]].concat());
    assert_eq!(worse.code, 1, "{worse:?}");
}

/// Returns the real edits, if they lie beside the tree.
fn triples(limit: usize) -> Option<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TRIPLES);
    if !path.is_file() {
        println!("no {TRIPLES} beside the tree: passed over");
        return None;
    }
    let limit = std::env::var("ANCHORD_EDITS").unwrap_or_else(|_| limit.to_string());
    Some((path.to_str().unwrap().to_owned(), limit))
}

/// Of another study on other edits of the same repositories: appliers by the
/// shares (right, silently wrong, falsely rejected) of 1,430 edits, and of 558
/// conflicts that were applied anyway, in percent.
const NOTES: [(&str, [f64; 4]); 11] = [
    ("lines/no-guard", [57.8, 39.2, 3.0, 84.6]),
    ("lines/file-hash-guard", [0.0, 0.0, 100.0, 0.0]),
    ("lines/range-verified", [81.3, 1.0, 17.7, 15.6]),
    ("lines/map-range", [97.3, 0.1, 2.5, 25.3]),
    ("lines/map-neighbours", [97.3, 0.0, 2.7, 0.2]),
    ("linehash/strict", [57.1, 0.7, 42.2, 9.3]),
    ("linehash/relocate-file", [62.7, 1.0, 36.3, 15.9]),
    ("linehash16/relocate-file", [76.8, 1.0, 22.2, 15.2]),
    ("replace/unique", [96.5, 0.2, 3.3, 16.5]),
    ("udiff/git-apply", [88.9, 0.0, 11.1, 1.1]),
    ("udiff/patch-F2", [96.6, 0.0, 3.4, 6.5]),
];

/// Ours never errs on real drift and rejects least; the table of the other
/// study comes out again; mistakes fail as often as they were counted.
#[test]
fn real_edits_come_out_as_they_were_measured_before() {
    let Some((corpus, limit)) = triples(90) else { return };
    let world = World::new();
    let out = world.outside("real");
    let formats = "anchor,lines,linehash,linehash16,replace,udiff,patch";
    let run = bench(
        &world,
        &[
            "run",
            "--corpus",
            &corpus,
            "--limit",
            &limit,
            "--no-programs",
            "--formats",
            formats,
            "--conditions",
            "drift,strong,weak",
            "--out",
            out.to_str().unwrap(),
        ],
    );
    assert_eq!(run.code, 0, "{run:?}");
    let rows = rows(&results(&out));
    let summary = Summary::of(&rows);
    let mut wrong = Vec::new();
    for (lane, tally) in summary.under("drift").filter(|(lane, _)| lane.applier == "anchord") {
        assert_eq!((tally.silent(), tally.blind), (0, 0), "{lane:?}");
        assert!(tally.false_rejection().interval().0 < 0.02, "{lane:?}");
    }
    for (lane, tally) in summary.under("drift") {
        let name = format!("{}/{}", lane.format, lane.applier);
        let Some((_, noted)) = NOTES.iter().find(|(other, _)| *other == name) else { continue };
        let shares =
            [tally.success(), tally.corruption(), tally.false_rejection(), tally.blind_share()];
        for ((share, noted), of) in shares.into_iter().zip(noted).zip([1430, 1430, 1430, 558]) {
            wrong.extend(
                apart(share, *noted, of).then(|| format!("{name}: {share:?}, noted {noted}")),
            );
        }
    }
    for (class, lane, counted) in COUNTED {
        let found = summary
            .under(class)
            .find(|(other, _)| format!("{}/{}", other.format, other.applier) == lane);
        let share = found.unwrap().1.false_rejection();
        wrong.extend(
            apart(share, counted, 1430)
                .then(|| format!("{class} {lane}: {share:?}, counted {counted}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Failed calls per 100 of the tools that were counted, and the rules that
/// stand for them here.
const COUNTED: [(&str, &str, f64); 6] = [
    ("strong", "replace/unique", 4.3),
    ("weak", "replace/unique", 28.8),
    ("strong", "patch/unique", 13.7),
    ("weak", "patch/unique", 50.2),
    ("strong", "linehash/strict", 7.7),
    ("weak", "linehash/strict", 26.3),
];

/// Returns whether a share and one in percent that was found on so many others
/// cannot both be: their intervals are apart.
fn apart(share: Share, noted: f64, others: u64) -> bool {
    let of = (noted * others as f64 / 100.0).round() as u64;
    let other = Share { of, all: others };
    let (one, other) = (share.interval(), other.interval());
    one.1 < other.0 || other.1 < one.0
}

#[test]
fn a_format_and_an_applier_of_others_is_a_program() {
    let world = repository();
    if run(Command::new("python3").arg("--version")).code != 0 {
        println!("no python3: passed over");
        return;
    }
    let plugin = world.outside("plugin.py");
    std::fs::write(&plugin, PLUGIN).unwrap();
    let command = format!("{} {}", python().display(), plugin.display());
    let text =
        free(&world, "run", &["--formats", "lines", "--no-programs", "--external", &command]);
    let summary_rows = rows(&text);
    let of = |format: &str, applier: &str| -> BTreeMap<(String, String), String> {
        let lane = summary_rows.iter().filter(|row| row.format == format && row.applier == applier);
        let lane = lane.filter(|row| ["clean", "drift"].contains(&row.condition.as_str()));
        lane.map(|row| ((row.task.clone(), row.condition.clone()), row.outcome.clone())).collect()
    };
    // The same rule in two languages.
    assert!(of("mini", "python").len() > 60);
    assert_eq!(of("mini", "python"), of("lines", "no-guard"));
}

/// Returns where Python really is: what the shell finds may be a script that
/// needs an environment.
fn python() -> PathBuf {
    let ask = "import sys; print(sys.executable)";
    run(Command::new("python3").args(["-c", ask])).out.trim().into()
}

#[test]
fn results_load_into_an_engine_as_they_are() {
    if run(Command::new("python3").args(["-c", "import duckdb"])).code != 0 {
        println!("no duckdb in python3: passed over");
        return;
    }
    let world = repository();
    let text = free(&world, "run", &["--formats", "anchor,lines", "--no-programs"]);
    let file = world.outside("run").join("results.jsonl");
    let ask = format!(
        "import duckdb\nfor row in duckdb.sql(\"select format, applier, condition, count(*), \
         count(*) filter (where \\\"right\\\"), sum(tok_out) from '{}' group by all order by all\").fetchall(): print(*row)",
        file.display()
    );
    let loaded = run(Command::new("python3").args(["-c", &ask]));
    let mut counts: BTreeMap<(String, String, String), (u64, u64, u64)> = BTreeMap::new();
    for row in rows(&text) {
        let count = counts.entry((row.format, row.applier, row.condition)).or_default();
        count.0 += 1;
        count.1 += u64::from(row.right);
        count.2 += row.tok_out;
    }
    let wanted: String = counts
        .iter()
        .map(|((a, b, c), (n, right, out))| format!("{a} {b} {c} {n} {right} {out}\n"))
        .collect();
    assert_eq!(loaded.out, wanted, "{}", loaded.err);
}

/// The tasks of the world's history, as the program finds them.
fn tasks(world: &World, limit: usize) -> Vec<Task> {
    let cache = world.outside("cache");
    let around = Surroundings { cache: &cache, limit: Some(limit), seed: 1, say: &|_| {} };
    Source::Git(world.root.clone()).load(&around).unwrap()
}

/// A whole run with a model that makes the calibrated mistakes, over an endpoint
/// that fails, puts off and breaks connections, killed in the middle.
#[test]
fn a_live_run_loses_and_repeats_nothing() {
    let world = repository();
    for dialect in ["openai", "anthropic"] {
        let tasks = tasks(&world, 50);
        let endpoint = Endpoint::start(tasks.clone());
        let out = world.outside(dialect);
        let source = format!("git:{}", world.root.display());
        let url = endpoint.url();
        let mut command = world.command();
        command.args(["bench", "live", "--corpus", &source, "--limit", "50", "--url", &url]);
        command.args(["--dialect", dialect, "--model", "weak", "--pause", "5", "--jobs", "3"]);
        command.args(["--lanes", "anchor,replace/unique,patch/codex"]);
        command.arg("--out").arg(&out);
        let mut first = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let file = out.join("results.jsonl");
        let written = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
        while written() < 40 {
            assert!(Instant::now() < deadline, "the run does not get on");
            std::thread::sleep(Duration::from_millis(5));
        }
        first.kill().unwrap();
        first.wait().unwrap();
        let before = results(&out);
        let before: Vec<&str> = before.lines().take(20).collect();
        let ended = run(&mut command);
        assert_eq!(ended.code, 0, "{ended:?}");
        let text = results(&out);
        assert_eq!(text.lines().take(20).collect::<Vec<_>>(), before, "what was found stays");
        check_live(&rows(&text), tasks.len());
        let faults = endpoint.faults();
        assert!(faults.iter().all(|count| *count > 0), "not every fault occurred: {faults:?}");
        check_replay(&world, &out, &source);
        // A run that is complete asks nothing more.
        let asked = endpoint.asked();
        assert_eq!(run(&mut command).code, 0);
        assert_eq!((endpoint.asked(), results(&out)), (asked, text));
    }
}

/// Every task has its rows once in every lane, and one last row.
fn check_live(rows: &[Row], tasks: usize) {
    assert_eq!(tasks, 50);
    let mut units: BTreeMap<(String, String), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        units.entry((row.task.clone(), row.lane())).or_default().push(row);
    }
    assert_eq!(units.len(), tasks * 3);
    for (name, rows) in &units {
        assert_eq!(rows.iter().filter(|row| row.last).count(), 1, "{name:?}");
        let attempts: Vec<u32> = rows.iter().map(|row| row.attempt).collect();
        assert_eq!(attempts, (0..rows.len() as u32).collect::<Vec<_>>(), "{name:?}");
        assert!(rows.last().unwrap().last, "{name:?}");
        assert!(rows.iter().all(|row| row.tok_in > 0), "{name:?}");
    }
    let right = units.values().filter(|rows| rows.last().unwrap().right).count();
    assert!(right * 10 > units.len() * 7, "only {right} of {} came out right", units.len());
    assert!(rows.iter().any(|row| !row.accepted), "no mistake was made");
}

/// What was recorded is given to every applier of its format.
fn check_replay(world: &World, out: &Path, source: &str) {
    let to = world.outside("replayed");
    let _none = std::fs::remove_dir_all(&to);
    let place = to.to_str().unwrap();
    let done = bench(world, &["replay", out.to_str().unwrap(), "--corpus", source, "--out", place]);
    assert_eq!(done.code, 0, "{done:?}");
    let (recorded, replayed) = (rows(&results(out)), rows(&results(&to)));
    for row in recorded.iter().filter(|row| !row.text.is_empty()) {
        let same = replayed.iter().find(|other| {
            (&other.task, other.lane(), other.attempt) == (&row.task, row.lane(), row.attempt)
        });
        assert_eq!(same.unwrap().outcome, row.outcome, "a rule does the same again");
    }
    assert!(replayed.iter().any(|row| row.applier == "first-match"));
}
