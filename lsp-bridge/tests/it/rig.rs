//! What the tests stand on: a root with files, a spawner, a bridge.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::edit::Change;
use engine::snapshot::Snapshot;
use lsp_bridge::bridge::{Bridge, Setup};
use lsp_bridge::files::Files;
use lsp_bridge::policy::Policy;
use lsp_bridge::spawn::{Command, Guest, Process, Spawn};
use lsp_bridge::status::State;
use lsp_bridge::table::Table;
use lsp_bridge::verify::{Edited, FileReport, LateReport, Options};
use lsp_bridge::{Trust, uri};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};
use serde_json::{Value, json};

/// Far more time than anything here takes on a busy machine.
pub(crate) const AMPLE: Duration = Duration::from_secs(60);

/// A root and its bridge.
pub(crate) struct Rig {
    pub(crate) bridge: Bridge,
    pub(crate) disk: Arc<Disk>,
    pub(crate) late: Arc<Mutex<Vec<LateReport>>>,
    /// Kept until the end, where it is the rig's own.
    _folder: Option<tempfile::TempDir>,
}

/// What a rig is made of, where that is not the usual.
pub(crate) struct Parts {
    /// Changes to the table of servers.
    pub(crate) table: Value,
    pub(crate) policy: Policy,
    pub(crate) trust: Trust,
}

impl Parts {
    /// Returns the fake server with this script and this profile.
    pub(crate) fn fake(script: &Value, profile: &Value) -> Parts {
        let program = env!("CARGO_BIN_EXE_anchord-fake-language-server");
        let row = json!({
            "command": [program, script.to_string()], "languages": { "fake": [".fake"] },
            "settings": { "fake": { "level": 3 } }, "root_markers": ["project"],
            "install": "it comes with the tests", "profile": profile,
        });
        Parts { table: json!({ "fake": row }), policy: policy(), trust: Trust::Untrusted }
    }
}

/// Returns a policy for servers that answer at once or never.
pub(crate) fn policy() -> Policy {
    Policy {
        write: Duration::from_millis(500),
        shutdown: Duration::from_secs(2),
        backoff: Duration::from_millis(5),
        look: Duration::from_millis(20),
        ..Policy::default()
    }
}

impl Rig {
    /// Returns a root with `files`, served by a fake server.
    pub(crate) fn fake(script: &Value, profile: &Value, files: &[(&str, &str)]) -> Rig {
        Rig::new(Parts::fake(script, profile), files)
    }

    pub(crate) fn new(parts: Parts, files: &[(&str, &str)]) -> Rig {
        let folder = tempfile::tempdir().expect("a folder");
        let rig = Rig::at(parts, folder.path().canonicalize().expect("a folder"));
        for (path, text) in files {
            rig.disk.write(path, text);
        }
        Rig { _folder: Some(folder), ..rig }
    }

    /// Returns a rig over a root that somebody else keeps.
    pub(crate) fn at(parts: Parts, root: PathBuf) -> Rig {
        let disk = Arc::new(Disk { root: root.clone() });
        let late = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&late);
        let bridge = Bridge::new(Setup {
            root,
            trust: parts.trust,
            table: Table::with(&parts.table).expect("a table"),
            policy: parts.policy,
            spawner: Arc::new(Spawner),
            files: Arc::clone(&disk) as Arc<dyn Files>,
            listener: Arc::new(move |report| heard.lock().expect("a list").push(report)),
        });
        Rig { bridge, disk, late, _folder: None }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.disk.root.clone()
    }

    pub(crate) fn uri(&self, path: &str) -> String {
        uri::of_file(&self.root(), path)
    }

    /// Writes a file and verifies that, as an edit does.
    pub(crate) fn edit(&self, path: &str, text: &str, options: Options) -> Vec<FileReport> {
        self.edits(&[(path, text)], options).files
    }

    pub(crate) fn edits(
        &self,
        files: &[(&str, &str)],
        options: Options,
    ) -> lsp_bridge::verify::Report {
        let edits = files.iter().map(|(path, text)| {
            let before = self.disk.snapshot(path).expect("a file");
            let change = Change::whole(&before.bytes, text.as_bytes());
            let after = Arc::new(before.after(&change));
            self.disk.write(path, text);
            Edited { path: (*path).to_owned(), before, after, change }
        });
        self.bridge.verify(edits.collect(), options)
    }

    /// Returns the processes of all servers.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let servers = self.bridge.status().into_iter();
        let running = servers.filter_map(|server| match server.state {
            State::Running { process, .. } => Some(process),
            State::Down { .. } => None,
        });
        running.collect()
    }

    /// Returns why servers are down.
    pub(crate) fn failures(&self) -> Vec<String> {
        let servers = self.bridge.status().into_iter();
        let down = servers.filter_map(|server| match server.state {
            State::Running { .. } => None,
            State::Down { why } => Some(why),
        });
        down.collect()
    }
}

/// Returns options that leave ample time for the answer.
pub(crate) fn patient() -> Options {
    Options { budget: AMPLE, ..Options::default() }
}

/// Returns options for servers that are not going to answer.
pub(crate) fn impatient() -> Options {
    Options { budget: Duration::from_millis(700), ..Options::default() }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + AMPLE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came to be that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn is_alive(process: u32) -> bool {
    let process = Pid::from_raw(i32::try_from(process).expect("an id"));
    test_kill_process(process.expect("an id")).is_ok()
}

/// The files of the root, as they are on disk.
pub(crate) struct Disk {
    root: PathBuf,
}

#[expect(clippy::disallowed_methods, reason = "a test's own files")]
impl Disk {
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.root.join(path)).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).expect("a file")
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.root.join(path)).ok()
    }
}

impl Files for Disk {
    fn snapshot(&self, path: &str) -> Option<Arc<Snapshot>> {
        self.bytes(path).map(|bytes| Arc::new(Snapshot::of(bytes)))
    }

    fn list(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.root, &self.root, &mut found);
        found.sort();
        found
    }
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<String>) {
    for entry in folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        if path.is_dir() {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !is_hidden && entry.file_name() != "node_modules" {
                collect(&path, root, found);
            }
        } else if let Some(path) = path.strip_prefix(root).expect("beneath").to_str() {
            found.push(path.to_owned());
        }
    }
}

/// Starts servers as children of the test, each in a group of its own.
pub(crate) struct Spawner;

impl Spawn for Spawner {
    fn find(&self, program: &str) -> Option<PathBuf> {
        if program.starts_with('/') {
            return Path::new(program).is_file().then(|| program.into());
        }
        let path = std::env::var_os("ANCHORD_SERVERS").or_else(|| std::env::var_os("PATH"))?;
        let folders = std::env::split_paths(&path);
        folders.map(|folder| folder.join(program)).find(|program| program.is_file())
    }

    #[expect(clippy::disallowed_methods, reason = "a test starts what the program will")]
    fn spawn(&self, command: &Command) -> io::Result<Guest> {
        let mut program = Program::new(&command.program);
        program.args(&command.arguments).current_dir(&command.directory);
        program.envs(command.environment.iter().cloned());
        if let Some(servers) = std::env::var_os("ANCHORD_SERVERS") {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let all = std::env::split_paths(&servers).chain(std::env::split_paths(&path));
            program.env("PATH", std::env::join_paths(all).expect("folders"));
        }
        // Some start a component manager that wants to fetch what is missing.
        program.env("RUSTUP_DIST_SERVER", "http://127.0.0.1:9").process_group(0);
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn()?;
        let (input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        match (input, output, errors) {
            (Some(input), Some(output), Some(errors)) => Ok(Guest {
                input: input.into(),
                output: output.into(),
                errors: errors.into(),
                process: Box::new(Group(child)),
            }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }
}

struct Group(Child);

impl Process for Group {
    fn id(&self) -> u32 {
        self.0.id()
    }

    fn memory_bytes(&self) -> Option<u64> {
        let status = format!("proc/{}/status", self.0.id());
        let status = String::from_utf8(Disk { root: "/".into() }.bytes(&status)?).ok()?;
        let resident = status.lines().find_map(|row| row.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = resident.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes * 1024)
    }

    fn ended(&mut self) -> Option<String> {
        let status = self.0.try_wait().ok()??;
        Some(status.to_string())
    }

    fn kill(&mut self) {
        if let Some(group) = Pid::from_raw(self.0.id() as i32) {
            let _gone = kill_process_group(group, Signal::KILL);
        }
        let _reaped = self.0.wait();
    }
}

/// Sends a signal to the groups of these processes.
pub(crate) fn signal(processes: &[u32], signal: Signal) {
    for process in processes {
        let group = Pid::from_raw(*process as i32).expect("an id");
        kill_process_group(group, signal).expect("a group");
    }
}

/// Holds these processes up, with all that belongs to their groups, and waits
/// until they are: a thread that runs goes on until the system comes to it.
pub(crate) fn hold_up(processes: &[u32]) {
    signal(processes, Signal::STOP);
    wait_until("the processes to stand still", || {
        processes.iter().all(|process| threads(*process).iter().all(|state| *state == 'T'))
    });
}

/// Returns the states of the threads of a process, as the system calls them.
#[expect(clippy::disallowed_methods, reason = "a test looks at processes")]
fn threads(process: u32) -> Vec<char> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let state = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        // The name before it may hold anything.
        stat.rsplit_once(") ")?.1.chars().next()
    };
    tasks.filter_map(state).collect()
}

/// Tells whoever runs the tests, with `--nocapture`.
#[expect(clippy::print_stdout, reason = "what was passed over or measured must be seen")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}
