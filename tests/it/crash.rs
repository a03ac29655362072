//! Deaths of the daemon, at any moment: what was answered is kept (P6), what was
//! not is done wholly or not at all (P5) and once (P7); sessions, handles, retry
//! tokens and undo go on as if nothing had happened.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::chain::Chain;
use crate::dice::Dice;
use crate::world::{Client, Daemon, World, applied, handle, rejected, run, wait_for};

/// How often the daemon is killed, unless `ANCHORD_KILLS` says otherwise.
const KILLS: usize = 60;

/// How many agents edit at once.
const AGENTS: usize = 4;

/// An agent that carries out one transaction after another, each over several
/// files, takes every fifth back and does it again after all, and never reads a
/// file twice.
struct Agent {
    number: usize,
    session: String,
    /// How many of its transactions were answered.
    done: usize,
    /// The last operation that was answered.
    operation: Value,
    /// How often the last transaction was taken back or done again.
    turns: usize,
    /// What was sent, but not answered.
    pending: Option<Call>,
    /// The handles of its files after the last transaction.
    names: Names,
}

#[derive(Clone, Default)]
struct Names {
    log: String,
    made: Option<String>,
    moved: String,
    shared: String,
}

/// A request that can be sent again if its answer does not come.
#[derive(Clone)]
enum Call {
    Edit(Value),
    Undo(Value),
}

impl Call {
    fn message(&self) -> (&'static str, Value) {
        match self {
            Call::Edit(edit) => ("edit/apply", edit.clone()),
            Call::Undo(operation) => ("edit/undo", json!({"operation": operation})),
        }
    }
}

impl Agent {
    fn new(number: usize, world: &World, daemon: &Daemon) -> Agent {
        world.write(&format!("{number}/log"), "0\n");
        world.write(&format!("{number}/moved-0"), "m\n");
        let mut client = daemon.open();
        let names = Names {
            log: client.handle(&format!("{number}/log")),
            made: None,
            moved: client.handle(&format!("{number}/moved-0")),
            shared: client.handle("shared"),
        };
        let session = client.session.clone();
        Agent { number, session, done: 0, operation: Value::Null, turns: 2, pending: None, names }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.number)
    }

    fn next(&self) -> Call {
        match self.done % 5 {
            0 if self.turns < 2 => Call::Undo(self.operation.clone()),
            _ => Call::Edit(self.next_edit()),
        }
    }

    /// Returns its next transaction: one file edited, one made, one moved, the
    /// one that was made before removed, and now and then a line of a file that
    /// belongs to all.
    fn next_edit(&self) -> Value {
        let (step, names) = (self.done + 1, &self.names);
        let text = format!("{step}\n");
        let log = json!([{"op": "insert", "after": 0, "text": text}]);
        let (made, moved) = (format!("made-{step}"), format!("moved-{}", self.done));
        let to = self.path(&format!("moved-{step}"));
        let mut files = vec![
            json!({"path": self.path("log"), "handle": names.log, "ops": log}),
            json!({"path": self.path(&made), "op": "create", "text": text}),
            json!({"path": self.path(&moved), "handle": names.moved, "op": "move", "to": to}),
        ];
        if let Some(made) = &names.made {
            let path = self.path(&format!("made-{}", self.done));
            files.push(json!({"path": path, "handle": made, "op": "remove"}));
        }
        if step % 4 == 0 {
            let line = self.number + 1;
            let ops = json!([{"op": "replace", "lines": [line, line], "text": text}]);
            files.push(json!({"path": "shared", "handle": names.shared, "ops": ops}));
        }
        let op_id = format!("{}-{step}", self.number);
        json!({"format": "anchor", "op_id": op_id, "files": files})
    }

    /// Works until the daemon is gone.
    fn work(&mut self, mut client: Client) {
        loop {
            let call = self.pending.take().unwrap_or_else(|| self.next());
            let (method, params) = call.message();
            self.pending = Some(call);
            if client.try_request(method, &params).is_err() {
                return;
            }
            let Ok(Some(line)) = client.try_line() else { return };
            let answer: Value = serde_json::from_str(&line).unwrap();
            self.note(&answer["result"]);
        }
    }

    /// Notes the answer to what was pending.
    #[track_caller]
    fn note(&mut self, answer: &Value) {
        assert_eq!(answer["status"], "applied", "agent {}: {answer}", self.number);
        self.operation = answer["operation"].clone();
        let files = answer["files"].as_array().unwrap();
        // Its own line was changed and changed back, so the old handle is of no use.
        let shared = files.iter().find(|file| file["path"] == "shared");
        self.names.shared = shared.map_or_else(|| self.names.shared.clone(), handle);
        if let Some(Call::Undo(_)) = self.pending.take() {
            self.turns += 1;
            return;
        }
        (self.done, self.turns) = (self.done + 1, 0);
        self.names.log = handle(&files[0]);
        self.names.made = Some(handle(&files[1]));
        self.names.moved = handle(&files[2]);
    }

    /// Returns how many of its transactions should be on disk: as far as was
    /// answered, and if what is pending was done as well.
    fn levels(&self) -> (usize, usize) {
        let taken_back = self.turns % 2 == 1;
        let level = self.done - usize::from(taken_back);
        match &self.pending {
            None => (level, level),
            Some(Call::Undo(_)) if !taken_back => (level, level - 1),
            Some(_) => (level, level + 1),
        }
    }

    /// Checks that all is on disk that was answered, perhaps what was not, and
    /// each transaction wholly. Returns whether what is pending was done.
    #[track_caller]
    fn check(&self, world: &World) -> bool {
        let log = world.text(&self.path("log"));
        let found: usize = log.lines().next().unwrap().parse().unwrap();
        let (answered, pending) = self.levels();
        assert!([answered, pending].contains(&found), "{found}: {answered} or {pending}");
        let whole: String = (0..=found).rev().map(|step| format!("{step}\n")).collect();
        assert_eq!(log, whole);
        let mut names: Vec<String> = fs::read_dir(world.path(&self.number.to_string()))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let made = (found > 0).then(|| format!("made-{found}"));
        let expected = [Some("log".into()), made, Some(format!("moved-{found}"))];
        assert_eq!(names, expected.into_iter().flatten().collect::<Vec<_>>());
        let shared = world.text("shared");
        assert_eq!(shared.lines().nth(self.number), Some((found / 4 * 4).to_string().as_str()));
        self.pending.is_some() && found == pending
    }

    /// Sends again what was not answered; it must have one effect in all.
    #[track_caller]
    fn send_again(&mut self, world: &World, daemon: &Daemon) {
        let Some(call) = self.pending.clone() else { return };
        let (_, level) = self.levels();
        let mut client = daemon.resume(&self.session);
        let (method, params) = call.message();
        let answer = client.call(method, params);
        match (&call, answer["rejection"]["code"].as_str()) {
            // It was taken back already; by what is on record.
            (Call::Undo(operation), Some("no_change")) => {
                let by =
                    client.call("edit/show", json!({"operation": operation}))["undone_by"].take();
                let shared = json!({"path": "shared", "handle": client.handle("shared")});
                self.note(&json!({"status": "applied", "operation": by, "files": [shared]}));
            }
            _ => self.note(&answer),
        }
        assert_eq!(self.levels().0, level);
        self.check(world);
    }
}

/// One who waits through every death with an edit that was refused and one that
/// is to be taken back.
struct Keeper {
    session: String,
    token: Value,
    before: String,
    after: String,
}

impl Keeper {
    fn new(world: &World, daemon: &Daemon, round: usize) -> Keeper {
        let mut client = daemon.open();
        let name = client.handle("kept");
        let before = world.text("kept");
        let ops = json!([{"op": "insert", "after": 0, "text": format!("kept {round}\n")}]);
        applied(&client.edit("kept", &name, ops));
        let after = world.text("kept");
        let name = client.handle("refused");
        world.write("refused", format!("outside {round}\nrefused\n"));
        let ops = json!([{"op": "replace", "lines": [1, 1], "text": "late\n"}]);
        let stale = rejected(&client.edit("refused", &name, ops), "conflict");
        Keeper { session: client.session.clone(), token: stale["retry"].clone(), before, after }
    }

    /// Does after the death what was begun before.
    #[track_caller]
    fn go_on(&self, world: &World, daemon: &Daemon) {
        let mut client = daemon.resume(&self.session);
        applied(&client.call("edit/undo", json!({})));
        assert_eq!(world.text("kept"), self.before);
        applied(&client.call("edit/redo", json!({})));
        assert_eq!(world.text("kept"), self.after);
        applied(&client.retry_at(&self.token, json!([[2, 2]])));
        assert!(world.text("refused").ends_with("\nlate\n"));
        fs::remove_file(world.path("refused")).unwrap();
    }
}

#[test]
fn whenever_the_daemon_dies_nothing_is_lost_or_done_by_halves() {
    let kills = std::env::var("ANCHORD_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let world = World::with(&[("kept", "0\n"), ("shared", &"0\n".repeat(AGENTS))]);
    let mut dice = Dice::new(7);
    let mut daemon = world.serve();
    let mut agents: Vec<Agent> =
        (0..AGENTS).map(|number| Agent::new(number, &world, &daemon)).collect();
    let mut chain = Chain::from(&world);
    let mut unanswered = [0; 2];
    for round in 0..kills {
        world.write("refused", "refused\n");
        let keeper = Keeper::new(&world, &daemon, round);
        let delay = Duration::from_micros(dice.roll(60_000) as u64);
        std::thread::scope(|scope| {
            for agent in &mut agents {
                let client = daemon.resume(&agent.session);
                scope.spawn(move || agent.work(client));
            }
            std::thread::sleep(delay);
            daemon.strike();
        });
        daemon.kill();
        daemon = world.serve_with(&["--durability", ["none", "none", "full"][dice.roll(3)]]);
        for agent in &mut agents {
            let was_done = agent.check(&world);
            unanswered[usize::from(was_done)] += usize::from(agent.pending.is_some());
            agent.send_again(&world, &daemon);
        }
        keeper.go_on(&world, &daemon);
    }
    let mut client = daemon.open();
    chain.follow(&client.events(0), 1, "refused");
    chain.ends_in(&world);
    let examined = client.call("state/examine", json!({}));
    assert!(examined["findings"].as_array().unwrap().iter().all(|finding| finding["well"] == true));
    let done: usize = agents.iter().map(|agent| agent.done).sum();
    println!(
        "{kills} deaths, {done} transactions, {} links; unanswered: {} undone, {} done",
        chain.links, unanswered[0], unanswered[1]
    );
}

#[test]
fn what_deaths_leave_of_the_log_is_folded() {
    let world = World::new();
    let mut dice = Dice::new(1);
    let log = || fs::metadata(world.state().join("state.db-wal")).unwrap().len();
    let mut longest = 0;
    for round in 0..6 {
        // What does not pack well, so that it fills the log.
        let noise: Vec<u8> = (0..2 << 20).map(|_| b' ' + dice.roll(90) as u8).collect();
        world.write("f", noise);
        let daemon = world.serve();
        daemon.open().read("f");
        daemon.kill();
        longest = longest.max(log());
        assert!(longest < 8 << 20, "{longest} bytes after {round}");
    }
    assert!(longest > 4 << 20, "it was long enough to be folded");
}

#[test]
fn a_clean_end_leaves_neither_socket_nor_log() {
    let world = World::with(&[("a", "x\n")]);
    for durability in ["none", "full"] {
        let daemon = world.serve_with(&["--durability", durability]);
        let mut client = daemon.open();
        let name = client.handle("a");
        let ops = json!([{"op": "insert", "after": 0, "text": "x\n"}]);
        let name = applied(&client.edit("a", &name, ops.clone()));
        // Somebody is still connected.
        let status = daemon.stop();
        assert_eq!(status.code(), Some(0));
        assert!(client.is_over());
        assert!(!world.socket().exists());
        let log = fs::metadata(world.state().join("state.db-wal")).map_or(0, |log| log.len());
        assert_eq!(log, 0);
        let daemon = world.serve();
        applied(&daemon.resume(&client.session).edit("a", &name, ops));
    }
}

/// A daemon that is told to end finishes what is under way.
#[test]
fn what_is_answered_before_a_clean_end_is_kept() {
    let world = World::with(&[("shared", &"0\n".repeat(AGENTS))]);
    let mut dice = Dice::new(3);
    let mut daemon = world.serve();
    let mut agents: Vec<Agent> =
        (0..AGENTS).map(|number| Agent::new(number, &world, &daemon)).collect();
    for _ in 0..8 {
        let delay = Duration::from_micros(dice.roll(30_000) as u64);
        std::thread::scope(|scope| {
            for agent in &mut agents {
                let client = daemon.resume(&agent.session);
                scope.spawn(move || agent.work(client));
            }
            std::thread::sleep(delay);
            assert_eq!(daemon.stop().code(), Some(0));
        });
        daemon = world.serve();
        for agent in &mut agents {
            agent.check(&world);
            agent.send_again(&world, &daemon);
        }
    }
}

#[test]
fn a_socket_that_a_death_left_is_taken_over() {
    let world = World::with(&[("a", "x\n")]);
    world.serve().kill();
    assert!(world.socket().exists());
    assert!(UnixStream::connect(world.socket()).is_err());
    // Nobody listens, so the command line serves itself.
    assert_eq!(world.run(&["read", "a"]).code, 0);
    let daemon = world.serve();
    assert_eq!(daemon.open().read("a")["text"], "1\tx\n");
    // And so does one conversation over stdio.
    daemon.kill();
    let mut client = world.stdio_with(&["--durability", "none", "--idle-exit", "1"]);
    client.call("session/open", json!({}));
    assert_eq!(client.read("a")["text"], "1\tx\n");
    client.finish();
    assert_eq!(client.exit_code(), 0);
    wait_for("the daemon it started to end", || !world.socket().exists());
}

#[test]
fn a_second_daemon_of_a_root_is_refused() {
    let world = World::with(&[("a", "x\n")]);
    let daemon = world.serve();
    for root in [world.root.clone(), world.root.join("."), world.root.join("../root")] {
        let second = world.run(&["serve", "--root", root.to_str().unwrap()]);
        assert_eq!(second.code, 2, "{second:?}");
        assert!(second.err.contains("another process serves this root"), "{second:?}");
    }
    assert_eq!(daemon.open().read("a")["text"], "1\tx\n");
}

#[test]
fn of_many_daemons_that_start_at_once_one_serves() {
    let world = World::with(&[("a", "x\n")]);
    let mut children: Vec<_> = (0..6)
        .map(|_| {
            let mut command = world.command();
            command.args(["serve", "--durability", "none", "--idle-exit", "1"]);
            command.stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    wait_for("five to be refused", || {
        let ended = children.iter_mut().filter_map(|child| child.try_wait().unwrap());
        ended.filter(|status| status.code() == Some(2)).count() == 5
    });
    // It goes when nobody has called for a while.
    wait_for("the sixth to end", || {
        children.iter_mut().all(|child| child.try_wait().unwrap().is_some())
    });
    assert!(!world.socket().exists());
}

#[test]
fn a_daemon_stays_as_long_as_somebody_is_there() {
    let world = World::with(&[("a", "x\n")]);
    let mut daemon = world.serve_with(&["--durability", "none", "--idle-exit", "1"]);
    let mut client = daemon.open();
    std::thread::sleep(Duration::from_millis(2500));
    assert!(daemon.is_running());
    assert_eq!(client.read("a")["text"], "1\tx\n");
    drop(client);
    assert_eq!(daemon.ended().code(), Some(0));
    assert!(!world.socket().exists());
}

#[test]
fn whoever_speaks_over_stdio_is_told_when_the_daemon_dies() {
    let world = World::with(&[("a", "x\n")]);
    let daemon = world.serve();
    let mut client = world.stdio();
    client.call("session/open", json!({}));
    daemon.kill();
    assert!(client.is_over());
    assert_eq!(client.exit_code(), 2);
}

/// A copied root starts fresh: what is known of the original says nothing about
/// the copy.
#[test]
fn a_copy_of_a_root_is_another_root() {
    let world = World::with(&[("a", "x\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("a");
    let copy = World::new();
    for (path, bytes) in world.tree() {
        copy.write(&path, bytes);
    }
    fs::create_dir(copy.path(".anchord")).unwrap();
    fs::copy(world.path(".anchord/root"), copy.path(".anchord/root")).unwrap();
    let there = client.call("session/open", json!({"root": copy.root}));
    assert_ne!(there["root"], json!(world.root));
    let ops = json!([{"op": "delete", "lines": [1, 1]}]);
    rejected(&client.edit("a", &name, ops), "unknown_handle");
}

/// Another state home is another state, but the files are the same.
#[test]
fn one_process_serves_a_root_whatever_its_state_home() {
    let world = World::with(&[("a", "x\n")]);
    let mut daemon = world.serve();
    let elsewhere = world.outside("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let start = |arguments: &[&str]| {
        let mut command = world.command();
        command.env("XDG_STATE_HOME", &elsewhere).args(arguments);
        run(command, "")
    };
    let refused = start(&["serve", "--durability", "none"]);
    assert_ne!(refused.code, 0);
    let home = world.home.to_str().unwrap();
    assert!(refused.err.contains("another process serves this root"), "{refused:?}");
    assert!(refused.err.contains(home), "{refused:?}");
    // A command goes to whoever serves it.
    let read = start(&["read", "a"]);
    assert_eq!((read.code, read.out.lines().nth(1)), (0, Some("1\tx")), "{read:?}");
    assert!(daemon.is_running());
    // Nor does it become another root when it gets a git directory.
    fs::create_dir(world.path(".git")).unwrap();
    assert_ne!(start(&["serve", "--durability", "none"]).code, 0);
    daemon.kill();
    let read = start(&["read", "a"]);
    assert_eq!(read.code, 0, "{read:?}");
}
