//! The benchmark: runs that are a function of corpus and seed, whatever breaks
//! them off; several files in one call; results that are built; real programs
//! beside their rules; formats of others; a model that is played by a script;
//! transcripts of others; results in an engine of others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anchord::bench::corpus::{Source, Surroundings};
use anchord::bench::row::Row;
use anchord::bench::run::read_row;
use anchord::bench::task::Task;

use crate::endpoint::Endpoint;
use crate::world::{Output, World};

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
pub(crate) fn run(command: &mut Command) -> Output {
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
    let lines = || (0..60).map(|line| format!("    let value_{line} = compute({line});"));
    let mut files: [(&str, usize, Vec<String>); 2] =
        [("a.rs", 7, lines().collect()), ("b.rs", 13, lines().collect())];
    for step in 0..30 {
        for (name, stride, lines) in &mut files {
            world.write(name, format!("fn main() {{\n{}\n}}\n", lines.join("\n")));
            let at = (step * 17) % lines.len();
            lines[at] = format!("    let changed_{step} = other({step});");
            lines.insert((step * *stride) % lines.len(), format!("    check({step});"));
            if step % 3 == 0 {
                lines.remove((step * 11) % lines.len());
            }
        }
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "step"]);
    }
    world
}

pub(crate) fn bench(world: &World, arguments: &[&str]) -> Output {
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

pub(crate) fn results(out: &Path) -> String {
    std::fs::read_to_string(out.join("results.jsonl")).unwrap()
}

pub(crate) fn rows(text: &str) -> Vec<Row> {
    text.lines().map(|line| read_row(line).unwrap()).collect()
}

#[test]
fn a_run_is_a_function_of_corpus_and_seed() {
    let world = repository();
    let formats = ["--formats", "anchor,linehash,replace,udiff", "--no-programs"];
    let whole = free(&world, "whole", &formats);
    assert!(rows(&whole).iter().any(|row| row.condition == "drift" && row.right));
    assert!(rows(&whole).iter().any(|row| row.files == 2 && row.right));
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
fn several_files_are_one_call_in_the_formats_that_can_say_so() {
    let world = repository();
    let text = free(&world, "run", &["--conditions", "clean,drift"]);
    let all = rows(&text);
    let together: Vec<&Row> = all.iter().filter(|row| row.files > 1).collect();
    let mut said: Vec<&str> = together.iter().map(|row| row.format.as_str()).collect();
    said.dedup();
    said.sort_unstable();
    said.dedup();
    let can =
        ["anchor", "blocks", "hashline", "lines", "lsp", "patch", "replace", "udiff", "whole"];
    assert_eq!(said, can);
    for call in together.iter().filter(|row| !row.is_part()) {
        let is_its = |row: &&&Row| {
            row.is_part()
                && (row.index, &row.condition, row.lane())
                    == (call.index, &call.condition, call.lane())
        };
        let files: Vec<&&Row> = together.iter().filter(is_its).collect();
        assert_eq!((files.len(), call.path.as_str()), (2, ""));
        assert_eq!(call.right, files.iter().all(|file| file.right), "{call:?}");
        assert!(call.condition != "clean" || call.right || call.applier == "codex", "{call:?}");
        // Ours does all of a call or nothing.
        let done = files.iter().filter(|file| file.accepted).count();
        let ours = ["anchord", "mapped", "strict", "git-apply", "real-git"];
        assert!(!ours.contains(&call.applier.as_str()) || done != 1, "{call:?}");
    }
    let outcomes = |name: &str| {
        let outcomes = together
            .iter()
            .filter(|row| row.condition == "drift")
            .map(|row| (row.lane(), row.outcome.as_str()));
        outcomes.filter(|(lane, _)| lane == name).map(|(_, outcome)| outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("udiff/git-apply"), outcomes("udiff/real-git"));
    assert!(
        outcomes("lines/map-neighbours").contains(&"partial"),
        "one file goes, another does not"
    );
    let place = world.outside("run");
    let report = bench(&world, &["report", place.to_str().unwrap()]);
    assert!(report.out.contains("## Several files in one call"), "{report:?}");
}

#[test]
fn results_are_built_by_the_command_of_the_user() {
    let world = repository();
    // Builds where nothing differs from the commit.
    let more = ["--formats", "lines", "--conditions", "clean,slip", "--no-programs"];
    let text = free(
        &world,
        "run",
        &[&more[..], &["--limit", "4", "--build", "git diff --quiet"]].concat(),
    );
    let single: Vec<Row> = rows(&text).into_iter().filter(|row| row.files == 1).collect();
    let wanted = |row: &Row| match (row.accepted, row.right) {
        (true, true) => "yes",
        (true, false) => "no",
        (false, _) => "",
    };
    for row in &single {
        assert_eq!(row.build, wanted(row), "{row:?}");
    }
    for word in ["yes", "no", ""] {
        assert!(single.iter().any(|row| row.build == word), "no row says {word:?}");
    }
    let parts = ["run", "--corpus", "dir:a:b", "--build", "true", "--out", "x"];
    assert_eq!(bench(&world, &parts).code, 2, "there is no commit to build");
}

/// The rules of others are functions of ours, written from their documentation;
/// where the programs are installed, they must do the same with the same calls.
#[test]
fn rules_of_others_do_as_their_programs_do() {
    let world = repository();
    let text = free(&world, "run", &["--formats", "linehash,udiff,patch", "--limit", "20"]);
    let all = rows(&text);
    let pairs = [
        ("udiff/git-apply", "udiff/real-git"),
        ("udiff/patch-F2", "udiff/real-patch"),
        ("patch/codex", "patch/real-codex"),
        ("linehash/relocate-nearest", "linehash/real-hashline"),
    ];
    for (rule, program) in pairs {
        let of = |lane: &str| -> Vec<(u64, &str, &str, &str)> {
            let told = |row: &Row| row.lane() == lane && row.files == 1;
            all.iter()
                .filter(|row| told(row))
                .map(|row| (row.index, &*row.condition, &*row.mistake, &*row.outcome))
                .collect()
        };
        let (rule_rows, program_rows) = (of(rule), of(program));
        if program_rows.is_empty() {
            println!("{program} is not installed: passed over");
            continue;
        }
        let differ = rule_rows.iter().zip(&program_rows).filter(|(a, b)| a != b);
        let differ: Vec<_> = differ.collect();
        println!("{rule} and {program}: {} of {} differ", differ.len(), rule_rows.len());
        assert_eq!(rule_rows.len(), program_rows.len());
        assert!(differ.len() * 50 <= rule_rows.len(), "{differ:?}");
    }
}

/// A conversation of another agent is given to the rules that read its formats.
#[test]
fn transcripts_of_others_are_replayed() {
    let world = World::new();
    let before = "fn main() {\n    let one = 1;\n    run(one);\n    run(one);\n}\n";
    let call = |id: &str, name: &str, input: serde_json::Value| {
        serde_json::json!({"type": "assistant", "message": {"role": "assistant", "model": "m",
            "content": [{"type": "tool_use", "id": id, "name": name, "input": input}]}})
    };
    let result = |id: &str, text: &str, failed: bool| {
        serde_json::json!({"type": "user", "message": {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": text, "is_error": failed}]}})
    };
    let quote = |old: &str, new: &str| serde_json::json!({"file_path": "/w/src/main.rs", "old_string": old, "new_string": new});
    let read = serde_json::json!({"file_path": "/w/src/main.rs"});
    let rows_in = [
        call("1", "Read", read.clone()),
        result("1", before, false),
        call("2", "Edit", quote("    run(one);\n", "")),
        result("2", "Found 2 matches of the string to replace.", true),
        call("3", "Edit", quote("one = 1", "one = 2")),
        result("3", "The file has been updated.", false),
        call("4", "Read", read),
        result("4", &before.replace("one = 1", "one = 2"), false),
        call(
            "5",
            "Edit",
            serde_json::json!({"file_path": "/w/other.rs", "old_string": "a",
            "new_string": "b"}),
        ),
        result("5", "The file has been updated.", false),
    ];
    let text: String = rows_in.iter().map(|row| format!("{row}\n")).collect();
    let file = world.outside("session.jsonl");
    std::fs::write(&file, text).unwrap();
    let out = world.outside("replayed");
    let place = out.to_str().unwrap();
    let done = bench(&world, &["replay", file.to_str().unwrap(), "--out", place]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("2 calls"), "{done:?}");
    assert!(done.out.contains("1 passed over: its file was never shown whole"), "{done:?}");
    let found: Vec<(u64, String, String, String)> = rows(&results(&out))
        .into_iter()
        .filter(|row| ["unique", "first-match", "anchord"].contains(&row.applier.as_str()))
        .map(|row| (row.index, row.applier, row.recorded, row.outcome))
        .collect();
    let row = |index: u64, applier: &str, recorded: &str, outcome: &str| {
        (index, applier.to_owned(), recorded.to_owned(), outcome.to_owned())
    };
    let wanted = [
        row(0, "anchord", "no", "not-taken"),
        row(0, "unique", "no", "not-taken"),
        row(0, "first-match", "no", "taken"),
        row(1, "anchord", "yes", "right"),
        row(1, "unique", "yes", "right"),
        row(1, "first-match", "yes", "right"),
    ];
    assert_eq!(found, wanted);
    let report = bench(&world, &["report", place]);
    assert!(report.out.contains("## Replayed calls"), "{report:?}");
}

#[test]
fn reports_and_comparisons_say_what_the_rows_say() {
    let world = repository();
    free(&world, "run", &["--formats", "anchor,lines,replace", "--no-programs"]);
    let place = world.outside("run");
    let (place, page) = (place.to_str().unwrap(), world.outside("page.html"));
    let report = bench(&world, &["report", place]);
    assert!(report.out.contains("## Under real drift"), "{report:?}");
    for told in [
        "| anchor / anchord ",
        "## From bytes to syntax (drift)",
        "## Waste by part (weak)",
        "net tokens of a right edit",
        "## Each lane against anchor/anchord, edit by edit (drift)",
    ] {
        assert!(report.out.contains(told), "{told}: {report:?}");
    }
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
        // Programs of others are asked about one file.
        let lane = lane.filter(|row| row.files == 1);
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
    Source::Git(world.root.clone()).load(&around).unwrap().tasks
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
        let report = bench(&world, &["report", out.to_str().unwrap()]);
        assert!(report.out.contains("tokens to recover"), "{report:?}");
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
