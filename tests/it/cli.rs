//! The command line: the same verbs for people, with their exit codes, in this
//! process or through a daemon; nobody can tell which.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::{Output, World, program, run};

const THREE: &str = "one\ntwo\nthree\n";

const COMMANDS: [&str; 12] = [
    "read",
    "edit",
    "retry",
    "undo",
    "redo",
    "log",
    "show",
    "stats",
    "serve",
    "doctor",
    "tour",
    "completions",
];

/// Returns the handle that `anchord read` prints.
#[track_caller]
fn handle(world: &World, path: &str) -> String {
    let read = world.run(&["read", path]);
    assert_eq!(read.code, 0, "{read:?}");
    read.out.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned()
}

/// Returns the token that a refusal prints.
#[track_caller]
fn token(refused: &Output) -> String {
    let hint = refused.out.lines().find_map(|line| line.strip_prefix("anchord retry "));
    hint.unwrap_or_else(|| panic!("{refused:?}")).split(' ').next().unwrap().to_owned()
}

/// Checks exit code and output of a command.
#[track_caller]
fn check(world: &World, arguments: &[&str], input: &str, code: i32, out: &str) {
    let output = world.run_on(input, arguments);
    assert_eq!(
        (output.code, output.out.as_str(), output.err.as_str()),
        (code, out, ""),
        "{arguments:?}"
    );
}

#[test]
fn reading_shows_rows_under_a_header_that_an_edit_can_begin_with() {
    let world = World::with(&[("a", THREE), ("latin", "x\n")]);
    let name = handle(&world, "a");
    let head = format!("@a {name}\n");
    check(&world, &["read", "a"], "", 0, &format!("{head}1\tone\n2\ttwo\n3\tthree\n"));
    check(&world, &["read", "a", "2"], "", 0, &format!("{head}2\ttwo\n"));
    check(&world, &["read", "a", "1", "3-9"], "", 0, &format!("{head}1\tone\n3\tthree\n"));
    check(&world, &["read", "a", "1-2", "--gutter", "none"], "", 0, &format!("{head}one\ntwo\n"));
    check(
        &world,
        &["read", "a", "2-3", "--gutter", "colon"],
        "",
        0,
        &format!("{head}2:two\n3:three\n"),
    );
    check(&world, &["read", "--known", &name, "a"], "", 0, &format!("{head}unchanged\n"));
    world.write("latin", b"caf\xe9\n");
    let name = handle(&world, "latin");
    let rows = format!("@latin {name}\n1\tcaf\u{fffd}\n5 bytes, unknown-8bit\n");
    check(&world, &["read", "latin"], "", 0, &rows);
    check(&world, &["read", "b"], "", 1, "missing: b: the file is not there\n");
}

#[test]
fn an_edit_is_taken_from_a_file_or_standard_input_in_either_form() {
    let world = World::with(&[("a", "0\n")]);
    let ways: [(&str, &[&str]); 3] =
        [("", &["edit", "../edit"]), ("-", &["edit", "-"]), ("none", &["edit"])];
    let mut step = 0;
    for (way, arguments) in ways {
        let forms: [fn(&str, &str) -> String; 4] = [
            |name, text| format!("@a {name}\n1c\n{text}.\n"),
            |name, text| json!({"files": [of(name, text)]}).to_string(),
            |name, text| {
                json!({"format": "anchor", "text": format!("@a {name}\n1c\n{text}.\n")}).to_string()
            },
            |name, text| format!(" \n{}\n", json!([of(name, text)])),
        ];
        for form in forms {
            step += 1;
            let text = format!("{step}\n");
            let name = handle(&world, "a");
            let edit = form(&name, &text);
            fs::write(world.outside("edit"), &edit).unwrap();
            let input = if way.is_empty() { "" } else { &edit };
            let output = world.run_on(input, arguments);
            assert_eq!((output.code, world.text("a")), (0, text), "{output:?}");
            let name = handle(&world, "a");
            let before = step - 1;
            let expected = format!(
                "applied as operation {step}\n@a {name}\nlines 1-1\n\
                 --- a/a\n+++ b/a\n@@ -1 +1 @@\n-{before}\n+{step}\n"
            );
            assert_eq!(output.out, expected);
        }
    }
}

fn of(name: &str, text: &str) -> Value {
    json!({"path": "a", "handle": name, "ops": [{"op": "replace", "lines": [1, 1], "text": text}]})
}

#[test]
fn options_of_an_edit_are_heeded() {
    let world = World::with(&[("a", "0\n")]);
    let name = handle(&world, "a");
    let edit = format!("@a {name}\n1c\n1\n.\n");
    let dry = world.run_on(&edit, &["edit", "--dry-run"]);
    assert_eq!((dry.code, dry.out.as_str()), (0, "checked\n@a\nlines 1-1\n"));
    assert_eq!(world.text("a"), "0\n");
    for _ in 0..2 {
        let once = world.run_on(&edit, &["edit", "--op-id", "once", "--why", "to see"]);
        assert_eq!((once.code, once.out.lines().next()), (0, Some("applied as operation 1")));
    }
    check(&world, &["log"], "", 0, "1 edit by cli: modify a\n  to see\n");
}

#[test]
fn a_refusal_tells_how_to_go_on() {
    let world = World::with(&[("a", THREE)]);
    let name = handle(&world, "a");
    world.write("a", "zero\none\nTWO\nthree\n");
    let refused = world.run_on(&format!("@a {name}\n2c\n2\n.\n3c\n3\n.\n"), &["edit"]);
    let (now, token) = (handle(&world, "a"), token(&refused));
    let expected = format!(
        "conflict: a: another program changed lines of this operation, or right next to it\n\
         @a {now}\n1\tzero\n2\tone\n3\tTWO\n4\tthree\n\
         after line 0 became lines 1-1\nlines 2-2 became lines 3-3\n\
         anchord retry {token} --at LINES…    puts each operation there\n"
    );
    assert_eq!((refused.code, refused.out), (1, expected));
    let none = world.run(&["retry", &token]);
    assert_eq!((none.code, none.out.starts_with("conflict: a: ")), (1, true), "{none:?}");
    let few = world.run(&["retry", &token, "--at", "3"]);
    assert_eq!((few.code, few.out.starts_with("malformed: a: ")), (1, true), "{few:?}");
    let retried = world.run(&["retry", &token, "--at", "3", "4-4"]);
    assert_eq!((retried.code, world.text("a")), (0, "zero\none\n2\n3\n".into()), "{retried:?}");
    // And where there is a place to accept.
    let unseen = format!("@a {now}\n1c\n0\n.\n");
    let unseen = world.run_on(&unseen, &["--session", "other", "edit"]);
    assert!(unseen.out.ends_with("    tries it again\n"), "{unseen:?}");
    let accepted = world.run(&["--session", "other", "retry", &self::token(&unseen)]);
    assert_eq!((accepted.code, world.text("a")), (0, "0\none\n2\n3\n".into()), "{accepted:?}");
}

#[test]
fn what_was_done_is_listed_shown_and_taken_back() {
    let world = World::with(&[("a", THREE), ("b", "b\n")]);
    let (a, b) = (handle(&world, "a"), handle(&world, "b"));
    let edit = format!("@a {a}\n2d\n@b {b} move c\n@new create\nn\n.\n");
    assert_eq!(world.run_on(&edit, &["edit"]).code, 0);
    let diff = "--- a/a\n+++ b/a\n@@ -1,3 +1,2 @@\n one\n-two\n three\n\
                rename from b\nrename to c\n--- a/new\n+++ b/new\n@@ -0,0 +1 @@\n+n\n";
    let listed = "1 edit by cli: modify a, b → c, create new\n";
    check(&world, &["show", "1"], "", 0, &format!("{listed}{diff}"));
    let undone = world.run(&["undo"]);
    assert_eq!(
        (undone.code, undone.out.lines().next()),
        (0, Some("applied as operation 2")),
        "{undone:?}"
    );
    assert_eq!(
        (world.text("a"), world.text("b"), world.path("new").exists()),
        (THREE.into(), "b\n".into(), false)
    );
    assert_eq!(world.run(&["redo"]).code, 0);
    assert_eq!((world.text("a"), world.text("c")), ("one\nthree\n".into(), "b\n".into()));
    assert_eq!(world.run(&["undo", "3"]).code, 0);
    let log = "4 undo of 3 by cli: remove new, c → b, modify a\n\
               3 redo of 2 by cli: modify a, b → c, create new (taken back by 4)\n\
               2 undo of 1 by cli: remove new, c → b, modify a (taken back by 3)\n\
               1 edit by cli: modify a, b → c, create new (taken back by 2)\n";
    check(&world, &["log"], "", 0, log);
    check(&world, &["log", "-n", "1"], "", 0, &log[..log.find('\n').unwrap() + 1]);
    check(&world, &["log", "--before", "2"], "", 0, &log[log.rfind("1 edit").unwrap()..]);
    check(&world, &["log", "no/such"], "", 0, "");
    check(&world, &["undo", "1"], "", 1, "no_change: operation 1 was taken back by operation 2\n");
    check(&world, &["show", "9"], "", 1, "not_found: operation 9 never took effect here\n");
    check(&world, &["--session", "other", "undo"], "", 1, "not_found: there is nothing to undo\n");
}

#[test]
fn figures_are_told() {
    let world = World::with(&[("a", THREE)]);
    let name = handle(&world, "a");
    world.run_on(&format!("@a {name}\n2d\n"), &["edit"]);
    world.run_on(&format!("@a {name}\n9d\n"), &["edit"]);
    let stats = world.run(&["stats"]);
    let mut lines = stats.out.lines();
    let head = "all|  2 edits: 1 at the first try (50.0 %), 1 after retries (50.0 %), 0 undone|  rejected: malformed 1";
    assert_eq!(lines.by_ref().take(3).collect::<Vec<_>>().join("|"), head);
    assert!(lines.next().unwrap().starts_with("  1 reads, 2 edit attempts; "), "{stats:?}");
    assert!(lines.next().unwrap().starts_with("  wasted: "), "{stats:?}");
    for by in ["session", "agent", "model", "format"] {
        assert_eq!(world.run(&["stats", "--by", by]).code, 0);
    }
    check(&world, &["stats", "--of", "nobody"], "", 0, "");
}

#[test]
fn a_doctor_finds_nothing_in_a_healthy_root_and_what_was_altered() {
    let world = World::with(&[("a", THREE)]);
    handle(&world, "a");
    let doctor = world.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{doctor:?}");
    for line in
        ["served by  this process, since no daemon runs", "database: every page reads as it should"]
    {
        assert!(doctor.out.lines().any(|have| have == line), "{doctor:?}");
    }
    let report = world.run(&["doctor", "--json"]).json();
    assert_eq!(report["root"], json!(world.root.canonicalize().unwrap()));
    assert_eq!(report["state"], json!(world.state()));

    let state = world.state().join("state.db");
    let altered = rusqlite::Connection::open(state).unwrap();
    altered
        .execute_batch("DROP TRIGGER event_fixed; UPDATE event SET data = '{}' WHERE seq = 2")
        .unwrap();
    drop(altered);
    let doctor = world.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.out.contains("event 2 does not follow from the one before it"), "{doctor:?}");
}

#[test]
fn a_usage_that_makes_no_sense_is_told_from_a_refusal() {
    let world = World::with(&[("a", THREE)]);
    fs::write(world.outside("not-utf-8"), b"\xff").unwrap();
    let fails = |arguments: &[&str], input: &str, told: &str| {
        let output = world.run_on(input, arguments);
        assert_eq!((output.code, output.out.as_str()), (2, ""), "{arguments:?}: {output:?}");
        assert!(output.err.contains(told), "{arguments:?}: {output:?}");
        assert!(!output.err.contains('\u{1b}'), "{output:?}");
    };
    fails(&[], "", "Usage: anchord");
    fails(&["frobnicate"], "", "unrecognized subcommand");
    fails(&["read"], "", "required arguments");
    fails(&["read", "a", "--gutter", "wide"], "", "possible values");
    fails(&["read", "a", "one"], "", "are no lines");
    fails(&["read", "a", "2-x"], "", "are no lines");
    fails(&["read", "a", "--known", "12"], "", "a handle is 6 or 9 decimal digits");
    fails(&["--root", "no/such", "read", "a"], "", "the root no/such");
    fails(&["--root", "a", "read", "a"], "", "no directory");
    fails(&["edit", "no/such"], "", "No such file");
    fails(&["edit", "../not-utf-8"], "", "UTF-8");
    fails(&["edit"], "{\"files\": 7}", "no JSON of ours");
    fails(&["edit"], "[{]", "no JSON of ours");
    fails(&["edit"], "{\"unknown\": 7}", "no JSON of ours");
    fails(&["show", "one"], "", "invalid value");
    fails(&["stats", "--by", "day"], "", "possible values");
    fails(&["serve", "--durability", "some"], "", "possible values");
    fails(&["serve", "--limit", "speed=7"], "", "is no limit");
    fails(&["tour", "no/such"], "", "no/such is no directory");
    fails(&["--session", "", "read", "a"], "", "a session's name has 1 to 128 bytes");
}

#[test]
fn help_names_every_verb() {
    let world = World::new();
    for flag in ["--help", "-h"] {
        let help = world.run(&[flag]);
        assert_eq!((help.code, help.err.as_str()), (0, ""));
        let names =
            |command: &&str| help.out.lines().any(|line| line.trim_start().starts_with(*command));
        assert!(COMMANDS.iter().all(names), "{help:?}");
    }
    for command in COMMANDS {
        assert_eq!(world.run(&[command, "--help"]).code, 0, "{command}");
    }
    let version = world.run(&["--version"]);
    assert_eq!(version.out, format!("anchord {}\n", env!("CARGO_PKG_VERSION")));
    // Nothing of this needs a state.
    assert_eq!(fs::read_dir(&world.home).unwrap().count(), 0);
}

#[test]
fn completions_know_every_verb() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = world.run(&["completions", shell]);
        assert_eq!(script.code, 0);
        assert!(COMMANDS.iter().all(|command| script.out.contains(command)), "{shell}");
    }
    assert_eq!(world.run(&["completions", "abacus"]).code, 2);
}

#[test]
fn json_is_the_answer_of_the_protocol() {
    let world = World::with(&[("a", THREE)]);
    let one_line = |arguments: &[&str], input: &str, code: i32| {
        let output = world.run_on(input, arguments);
        assert_eq!(
            (output.code, output.out.lines().count()),
            (code, 1),
            "{arguments:?}: {output:?}"
        );
        output.json()
    };
    let read = one_line(&["--json", "read", "a", "2"], "", 0);
    assert_eq!(read["text"], "2\ttwo\n");
    let name = read["handle"].as_str().unwrap();
    let edit = one_line(&["edit", "--json"], &format!("@a {name}\n2d\n"), 0);
    assert_eq!((&edit["status"], &edit["operation"]), (&json!("applied"), &json!(1)));
    let refused = one_line(&["--json", "edit"], &format!("@a {name}\n1d\n"), 1);
    assert_eq!(refused["rejection"]["code"], "unseen");
    let token = refused["rejection"]["retry"].as_str().unwrap();
    assert_eq!(one_line(&["--json", "retry", token], "", 0)["operation"], 2);
    assert_eq!(one_line(&["--json", "undo"], "", 0)["operation"], 3);
    assert_eq!(one_line(&["--json", "redo"], "", 0)["operation"], 4);
    assert_eq!(one_line(&["--json", "log"], "", 0)["operations"].as_array().unwrap().len(), 4);
    assert_eq!(one_line(&["--json", "show", "1"], "", 0)["kind"], "edit");
    assert_eq!(one_line(&["--json", "show", "9"], "", 1)["rejection"]["code"], "not_found");
    assert_eq!(one_line(&["--json", "stats"], "", 0)["groups"][0]["edits"], 2);
    assert_eq!(one_line(&["--json", "doctor"], "", 0)["findings"][0]["well"], true);
    assert_eq!(one_line(&["--json", "read", "b"], "", 1)["rejection"]["code"], "missing");
}

#[test]
fn sessions_are_named_by_option_or_environment() {
    let world = World::with(&[("a", THREE)]);
    let name = handle(&world, "a");
    let edit = |line: usize| format!("@a {name}\n{line}d\n");
    assert_eq!(world.run_on(&edit(1), &["edit"]).code, 0);
    // Another session has not been shown the lines.
    let mut command = world.command();
    command.arg("edit").env("ANCHORD_SESSION", "mine");
    assert!(run(command, &edit(2)).out.starts_with("unseen: "));
    assert_eq!(world.run(&["read", "a", "--session", "mine"]).code, 0);
    let mut command = world.command();
    command.arg("undo").env("ANCHORD_SESSION", "mine");
    assert_eq!(run(command, "").out, "not_found: there is nothing to undo\n");
    assert_eq!(world.run(&["undo"]).code, 0);
}

#[test]
fn the_root_is_the_nearest_repository() {
    let world = World::with(&[("sub/a", "a\n"), (".git/HEAD", "ref: refs/heads/main\n")]);
    let mut command = world.command();
    command.args(["read", "sub/a"]).current_dir(world.path("sub"));
    assert_eq!(run(command, "").code, 0);
    let mut command = world.command();
    command.args(["read", "a", "--root", "."]).current_dir(world.path("sub"));
    assert_eq!(run(command, "").code, 0);
    assert!(world.path(".git/anchord").is_dir() && world.path("sub/.anchord").is_dir());
}

#[test]
fn colour_is_for_terminals_and_not_for_those_who_decline() {
    let world = World::with(&[("a", THREE)]);
    let name = handle(&world, "a");
    world.run_on(&format!("@a {name}\n2c\nTWO\n.\n"), &["edit"]);
    let plain = world.run(&["show", "1"]).out;
    assert!(!plain.contains('\u{1b}') && plain.contains("\n-two\n+TWO\n"), "{plain}");
    let on_terminal = |name: &str, value: &str| {
        let mut command = Command::new("script");
        let shown = format!("{} show 1", program().display());
        command.args(["--quiet", "--return", "--command", &shown, "/dev/null"]);
        world.settle(&mut command);
        command.env(name, value).env("TERM", "xterm-256color");
        run(command, "")
    };
    if run(Command::new("sh"), "script --version").code != 0 {
        return println!("left out: no script(1) to make a terminal");
    }
    let coloured = on_terminal("UNUSED", "");
    assert_eq!(coloured.code, 0, "{coloured:?}");
    assert!(
        coloured.out.contains("\u{1b}[31m-two") && coloured.out.contains("\u{1b}[32m+TWO"),
        "{coloured:?}"
    );
    let declined = on_terminal("NO_COLOR", "1");
    assert!(!declined.out.contains('\u{1b}') && declined.out.contains("-two"), "{declined:?}");
}

/// Reads one line of what a command says, and closes the pipe.
fn first_line(world: &World, arguments: &[&str]) -> Output {
    let mut command = world.command();
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut out).unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    Output { code: child.wait().unwrap().code().expect("an exit code, not a signal"), out, err }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let world = World::with(&[("a", &"a line that fills the pipe\n".repeat(10_000))]);
    let commands: [&[&str]; 4] =
        [&["read", "a"], &["--json", "read", "a"], &["completions", "bash"], &["tour"]];
    for arguments in commands {
        let output = first_line(&world, arguments);
        assert_eq!((output.code, output.err.as_str()), (0, ""), "{arguments:?}");
        assert!(!output.out.is_empty());
    }
}

/// Returns an output with handles, tokens and times replaced by the order in
/// which they came up.
fn normal(text: &str, names: &mut Vec<String>) -> String {
    let mut normal = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
        let number = &rest[start..start + digits];
        normal += &rest[..start];
        if digits < 6 {
            normal += number;
        } else {
            let known = names.iter().position(|name| name == number);
            let index = known.unwrap_or_else(|| {
                names.push(number.to_owned());
                names.len() - 1
            });
            normal += &format!("#{index}");
        }
        rest = &rest[start + digits..];
    }
    normal + rest
}

/// Everything that can be asked, with what is left to be filled in: the handle of
/// the first line, or the token of the last line, of the answer before.
const SCRIPT: [(&[&str], &str); 18] = [
    (&["read", "a"], ""),
    (&["edit"], "@a HANDLE\n1c\nuno\n.\n"),
    (&["edit"], "@a HANDLE\n3c\ntres\n.\n"),
    (&["read", "a", "2"], ""),
    (&["--session", "other", "edit"], "@a HANDLE\n3c\nTRES\n.\n"),
    (&["--session", "other", "retry", "TOKEN"], ""),
    (&["undo", "1"], ""),
    (&["redo"], ""),
    (&["edit", "--dry-run"], "@b create\nb\n.\n"),
    (&["edit"], "@b create\nb\n.\n"),
    (&["edit"], "@b create\nb\n.\n"),
    (&["log"], ""),
    (&["show", "2"], ""),
    (&["stats", "--by", "session"], ""),
    (&["--json", "log", "-n", "2"], ""),
    (&["--json", "read", "b"], ""),
    (&["read", "c"], ""),
    (&["show", "99"], ""),
];

/// Runs the script and returns what it said.
fn said(world: &World) -> Vec<(i32, String, String)> {
    let mut names = Vec::new();
    let (mut handle, mut token) = (String::new(), String::new());
    SCRIPT
        .iter()
        .map(|(arguments, input)| {
            let arguments: Vec<&str> = arguments
                .iter()
                .map(|word| if *word == "TOKEN" { token.as_str() } else { word })
                .collect();
            let output = world.run_on(&input.replace("HANDLE", &handle), &arguments);
            let head = output.out.lines().find_map(|line| line.strip_prefix("@a "));
            head.unwrap_or(&handle).to_owned().clone_into(&mut handle);
            let hint = output.out.lines().find_map(|line| line.strip_prefix("anchord retry "));
            hint.map_or(token.clone(), |hint| hint[..7].to_owned()).clone_into(&mut token);
            let mut normal = |text: &str| normal(text, &mut names);
            (output.code, normal(&output.out), normal(&output.err))
        })
        .collect()
}

#[test]
fn nobody_can_tell_who_serves() {
    let worlds = [World::with(&[("a", THREE)]), World::with(&[("a", THREE)])];
    let alone = said(&worlds[0]);
    let daemon = worlds[1].serve_with(&[]);
    let served = said(&worlds[1]);
    for ((alone, served), (arguments, _)) in alone.iter().zip(&served).zip(SCRIPT) {
        assert_eq!(alone, served, "{arguments:?}");
    }
    let codes: Vec<i32> = alone.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1]);
    // And from one to the other in the middle of it.
    assert_eq!(daemon.stop().code(), Some(0));
    let again = worlds[1].run(&["undo"]);
    assert_eq!((again.code, worlds[1].path("b").exists()), (0, false), "{again:?}");
}

#[test]
fn commands_at_once_wait_for_each_other() {
    let world = World::with(&[("a", THREE)]);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let world = &world;
            scope.spawn(move || {
                let create = format!("@new-{number} create\nx\n.\n");
                let output = world.run_on(&create, &["edit"]);
                assert_eq!(output.code, 0, "{output:?}");
            });
        }
    });
    assert_eq!(world.run(&["log"]).out.lines().count(), 8);
}

#[test]
fn limits_can_be_set() {
    let world = World::with(&[("a", THREE)]);
    let daemon = world.serve_with(&["--limit", "file_bytes=10", "--limit", "operations=1"]);
    let told = "too_large: a: the file has 14 bytes, the limit is 10\n";
    check(&world, &["read", "a"], "", 1, told);
    let two = "@b create\n.\n@c create\n.\n";
    let refused = world.run_on(two, &["edit"]);
    assert!(
        refused.out.starts_with("too_large: 2 operations on 2 files; the limits are 1 and "),
        "{refused:?}"
    );
    drop(daemon);
    check(&world, &["read", "a", "9"], "", 0, &format!("@a {}\n", handle(&world, "a")));
}

/// Runs the tour and returns where it left its copy.
#[track_caller]
fn tour(world: &World, arguments: &[&str]) -> String {
    fs::create_dir(world.outside("tmp")).unwrap();
    let mut command = world.command();
    command.arg("tour").args(arguments).env("TMPDIR", world.outside("tmp"));
    let output = run(command, "");
    assert_eq!((output.code, output.err.as_str()), (0, ""), "{output:?}");
    let steps: Vec<&str> = output.out.lines().filter(|line| line.starts_with("── ")).collect();
    assert_eq!(steps.len(), 8, "{steps:?}");
    for told in [
        "applied as operation 1\n",
        "\"retry\":\"r",
        "\nconflict: ",
        "at the first try",
        "\nunknown",
    ] {
        assert_eq!(output.out.contains(told), told != "\nunknown", "{told}: {}", output.out);
    }
    let left = output.out.lines().last().unwrap().strip_prefix("The copy is left at ");
    left.unwrap_or_else(|| panic!("{}", output.out)).to_owned()
}

#[test]
fn a_tour_needs_nothing_but_itself() {
    let world = World::new();
    let copy = tour(&world, &[]);
    assert!(fs::read_to_string(format!("{copy}/engine/src/text.rs")).unwrap().starts_with("//! "));
    // It touches neither this root nor this state.
    assert_eq!(fs::read_dir(&world.root).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&world.home).unwrap().count(), 0);
}

#[test]
fn a_tour_of_a_directory_works_on_a_copy() {
    let long: String = (1..=30).map(|line| format!("line {line}\n")).collect();
    let world = World::with(&[("long", &long), ("short", "x\n"), ("sub/other", "y\n")]);
    let before = world.tree();
    let copy = tour(&world, &["."]);
    assert_eq!(world.tree(), before);
    assert_eq!(fs::read_to_string(format!("{copy}/sub/other")).unwrap(), "y\n");
    let toured = fs::read_to_string(format!("{copy}/long")).unwrap();
    assert!(
        toured.starts_with("saved by another program\n") && toured.contains("written by an agent"),
        "{toured}"
    );
}

#[test]
fn a_tour_of_nothing_says_so() {
    let world = World::with(&[("short", "x\n")]);
    let mut command = world.command();
    command.args(["tour", "."]).env("TMPDIR", world.outside("."));
    let output = run(command, "");
    assert_eq!(
        (output.code, output.err.contains("no text file of 12 lines")),
        (2, true),
        "{output:?}"
    );
}
