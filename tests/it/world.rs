//! The world of a test: a root and a state home of its own, real daemons, real
//! clients over their sockets, and the command line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anchord::daemon::Place;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A user that is nobody's.
pub(crate) const NOBODY: u32 = 65534;

/// A root and a state home that go with the test.
pub(crate) struct World {
    directory: tempfile::TempDir,
    /// Where the files are.
    pub(crate) root: PathBuf,
    /// Where states lie.
    pub(crate) home: PathBuf,
}

impl World {
    /// Returns a world without files.
    pub(crate) fn new() -> World {
        World::below(&std::env::temp_dir())
    }

    /// Returns a world without files that lies in a directory.
    pub(crate) fn below(place: &Path) -> World {
        let mut builder = tempfile::Builder::new();
        let directory = builder.prefix("anchord-it-").tempdir_in(place).unwrap();
        // Whoever a test runs the program as must be able to get here.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let [root, home] = ["root", "home"].map(|name| directory.path().join(name));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&home).unwrap();
        World { directory, root, home }
    }

    /// Returns a world with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> World {
        let world = World::new();
        files.iter().for_each(|(name, text)| world.write(name, text));
        world
    }

    /// Returns a place outside the root.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the path of a file of the root.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file as a program would that does not know us: in place.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Returns the bytes of a file.
    #[track_caller]
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Returns a file as text.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// Returns every file of the root with its bytes, ours left out.
    pub(crate) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        // Old slots may go while we look.
        let files = walkdir::WalkDir::new(&self.root).into_iter();
        let files = files.filter_entry(|entry| entry.file_name() != ".anchord");
        let files = files.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let named = files.map(|entry| {
            let path = entry.path().strip_prefix(&self.root).unwrap().to_str().unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        });
        named.collect()
    }

    /// Returns a command that runs the program in this world.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(program());
        self.settle(&mut command);
        command
    }

    /// Returns a command that runs the program as a user without rights, to whom
    /// root and state are given; `None` where we cannot become somebody else.
    pub(crate) fn command_as_nobody(&self) -> Option<Command> {
        let found = run(Command::new("sh"), "setpriv --version").code == 0;
        if !rustix::process::geteuid().is_root() || !found {
            println!("left out: it takes root and setpriv(1) to become somebody else");
            return None;
        }
        for directory in [&self.root, &self.home] {
            chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let user = NOBODY.to_string();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).arg(program());
        self.settle(&mut command);
        Some(command)
    }

    /// Gives a command the directory and the environment of this world.
    pub(crate) fn settle(&self, command: &mut Command) {
        let ours =
            ["XDG_STATE_HOME", "ANCHORD_SESSION", "ANCHORD_LOG", "NO_COLOR", "CLICOLOR_FORCE"];
        ours.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.env("XDG_STATE_HOME", &self.home).env("TMPDIR", self.directory.path());
        command.env("XDG_CONFIG_HOME", self.outside("config"));
        command.current_dir(&self.root).stdin(Stdio::null());
    }

    /// Writes the user's configuration of this world.
    pub(crate) fn configure(&self, configuration: &Value) {
        let path = self.outside("config/anchord/config.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, configuration.to_string()).unwrap();
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_on("", arguments)
    }

    /// Runs the program to its end, with `input` on its standard input.
    pub(crate) fn run_on(&self, input: &str, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.args(arguments);
        run(command, input)
    }

    /// Returns where the daemon of this root listens.
    pub(crate) fn socket(&self) -> PathBuf {
        Place::of(&self.root, &self.home).unwrap().socket()
    }

    /// Returns whether a daemon serves this root.
    #[allow(dead_code, reason = "not every binary of tests has a use for it")]
    pub(crate) fn is_served(&self) -> bool {
        // A disk from which the power was taken says nothing of where that would be.
        let place = Place::of(&self.root, &self.home);
        place.is_ok_and(|place| is_answered(&place.socket()))
    }

    /// Returns where the state of this root lies.
    pub(crate) fn state(&self) -> PathBuf {
        Place::of(&self.root, &self.home).unwrap().state
    }

    /// Starts a daemon that flushes nothing: the tests lose processes, not power.
    pub(crate) fn serve(&self) -> Daemon {
        self.serve_with(&["--durability", "none"])
    }

    /// Starts a daemon.
    #[track_caller]
    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Daemon {
        let log = self.outside("daemon.log");
        let mut command = self.command();
        command.args(["serve", "--root"]).arg(&self.root).args(arguments);
        command.stderr(File::options().create(true).append(true).open(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let socket = self.socket();
        wait_for("the daemon to listen", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the daemon ended ({status}): {}", fs::read_to_string(&log).unwrap());
            }
            is_answered(&socket)
        });
        Daemon { child, socket }
    }

    /// Returns a client over the standard streams of `serve --stdio`.
    pub(crate) fn stdio(&self) -> Client {
        self.stdio_with(&["--durability", "none"])
    }

    /// Returns a client over the standard streams of `serve --stdio`.
    pub(crate) fn stdio_with(&self, arguments: &[&str]) -> Client {
        let (ours, child) = self.start(&[&["serve", "--stdio"], arguments].concat());
        Client::over(ours, Some(child))
    }

    /// Returns a client over the standard streams of `mcp` that speaks for itself.
    pub(crate) fn mcp(&self, arguments: &[&str]) -> Client {
        let fixed = ["mcp", "--durability", "none", "--idle-exit", "1"];
        let (ours, child) = self.start(&[&fixed, arguments].concat());
        Client::over(ours, Some(child))
    }

    /// Starts the program; returns the other end of its standard streams.
    pub(crate) fn start(&self, arguments: &[&str]) -> (UnixStream, Child) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut command = self.command();
        command.args(arguments);
        command.stdin(OwnedFd::from(theirs.try_clone().unwrap())).stdout(OwnedFd::from(theirs));
        (ours, command.spawn().unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.outside("daemon.log")).unwrap_or_default();
            println!("what the daemons said:\n{log}");
            println!("the world is left at {}", self.directory.path().display());
            self.directory.disable_cleanup(true);
        }
    }
}

/// Returns the program: this build's, unless `ANCHORD_IT_PROGRAM` names another.
pub(crate) fn program() -> PathBuf {
    let other = std::env::var_os("ANCHORD_IT_PROGRAM");
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_anchord").into()).into()
}

/// Returns whether somebody answers at a socket. One that can be connected to may
/// be that of a daemon that is gone, held by a child that it was about to start.
fn is_answered(socket: &Path) -> bool {
    let ask = || {
        let mut client = Client::over(UnixStream::connect(socket).ok()?, None);
        client.try_request("are/you/there", &json!({})).ok()?;
        client.try_line().ok()?
    };
    ask().is_some()
}

/// Waits until something is so.
///
/// # Panics
/// Where it does not come about.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its standard output.
    pub(crate) out: String,
    /// Its standard error.
    pub(crate) err: String,
}

impl Output {
    /// Returns the standard output, read as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs a command to its end, with `input` on its standard input.
pub(crate) fn run(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // One that does not read its input is no failure.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Output {
        code: output.status.code().expect("an exit code, not a signal"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// A daemon of ours; it dies with the test.
pub(crate) struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Daemon {
    /// Returns a client that has not opened a session.
    pub(crate) fn connect(&self) -> Client {
        Client::to(&self.socket)
    }

    /// Returns a client in a session of its own.
    pub(crate) fn open(&self) -> Client {
        self.connect().opened(json!({"client": {"name": "it", "version": "1"}}))
    }

    /// Returns a client in a session that may have been there before.
    pub(crate) fn resume(&self, session: &str) -> Client {
        self.connect().opened(json!({"resume": session}))
    }

    /// Returns a client in a session of its own, unless it is turned away.
    pub(crate) fn open_if_admitted(&self) -> Option<Client> {
        let mut client = self.connect();
        client.try_request("session/open", &json!({})).ok()?;
        client.try_line().ok()?.map(|_| client)
    }

    /// Returns where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns its process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Returns whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it as a power switch would, at once and for good.
    pub(crate) fn kill(mut self) {
        self.strike();
        self.child.wait().unwrap();
    }

    /// Notes that somebody else has waited for its end.
    #[allow(dead_code, reason = "not every binary of tests has a use for it")]
    pub(crate) fn was_reaped(self) {
        std::mem::forget(self);
    }

    /// Sends it the signal that nobody hears.
    pub(crate) fn strike(&self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).unwrap();
    }

    /// Ends it as a service manager would, and returns how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("the daemon to end", || !self.is_running());
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// One who speaks the protocol.
pub(crate) struct Client {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    next: u64,
    child: Option<Child>,
    /// The session it opened, if it did.
    pub(crate) session: String,
}

impl Client {
    /// Returns a client of whoever listens at a socket.
    pub(crate) fn to(socket: &Path) -> Client {
        Client::over(UnixStream::connect(socket).unwrap(), None)
    }

    fn over(stream: UnixStream, child: Option<Child>) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Client { reader, writer: stream, next: 0, child, session: String::new() }
    }

    /// Opens a session.
    pub(crate) fn opened(mut self, params: Value) -> Client {
        let opened = self.call("session/open", params);
        opened["session"].as_str().unwrap().clone_into(&mut self.session);
        self
    }

    /// Returns another end of the same conversation, to write while this one reads.
    pub(crate) fn twin(&self) -> Client {
        Client::over(self.writer.try_clone().unwrap(), None)
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    /// Sends bytes as they are, if anybody takes them.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.writer.write_all(bytes)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        self.writer.shutdown(Shutdown::Write).unwrap();
    }

    /// Sends a request without waiting; returns its id.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> u64 {
        self.try_request(method, params).unwrap()
    }

    /// Sends a request without waiting, if anybody takes it.
    pub(crate) fn try_request(&mut self, method: &str, params: &Value) -> std::io::Result<u64> {
        self.next += 1;
        let message =
            json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.try_send(format!("{message}\n").as_bytes()).map(|()| self.next)
    }

    /// Returns the next line that comes in; none at the end.
    pub(crate) fn try_line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        // A line without its end was cut off.
        Ok(line.ends_with('\n').then_some(line))
    }

    /// Returns the next message that comes in.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Value {
        let line = self.try_line().unwrap().expect("a message, not the end");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Returns whether the other side ended the conversation.
    pub(crate) fn is_over(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.reader.read(&mut byte), Ok(0) | Err(_))
    }

    /// Returns the message that answers a request.
    #[track_caller]
    pub(crate) fn exchange(&mut self, method: &str, params: &Value) -> Value {
        let id = self.request(method, params);
        let answer = self.receive();
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(id)), "{answer}");
        answer
    }

    /// Returns the result of a request that must have one.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.exchange(method, &params);
        assert!(answer.get("error").is_none(), "{method} {params}: {answer}");
        answer["result"].take()
    }

    /// Returns the code of the fault that a request must end in.
    #[track_caller]
    pub(crate) fn fault(&mut self, method: &str, params: Value) -> i64 {
        let answer = self.exchange(method, &params);
        answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{method} {params}: {answer}"))
    }

    /// Reads a whole file.
    #[track_caller]
    pub(crate) fn read(&mut self, path: &str) -> Value {
        let read = self.call("file/read", json!({"path": path}));
        assert_eq!(read["status"], "ok", "{read}");
        read
    }

    /// Reads a whole file, for its handle.
    #[track_caller]
    pub(crate) fn handle(&mut self, path: &str) -> String {
        handle(&self.read(path))
    }

    /// Asks for an edit of several files.
    #[track_caller]
    pub(crate) fn apply(&mut self, files: Value) -> Value {
        self.call("edit/apply", json!({"format": "anchor", "files": files}))
    }

    /// Asks for an edit of one file.
    #[track_caller]
    pub(crate) fn edit(&mut self, path: &str, handle: &str, ops: Value) -> Value {
        self.apply(json!([{"path": path, "handle": handle, "ops": ops}]))
    }

    /// Asks for an edit in the text form.
    #[track_caller]
    pub(crate) fn edit_text(&mut self, text: &str) -> Value {
        self.call("edit/apply", json!({"format": "anchor", "text": text}))
    }

    /// Asks for a rejected edit to be applied as it was proposed.
    #[track_caller]
    pub(crate) fn accept(&mut self, token: &Value) -> Value {
        self.call("edit/retry", json!({"retry": token, "accept": true}))
    }

    /// Asks for a rejected edit to be applied at these lines.
    #[track_caller]
    pub(crate) fn retry_at(&mut self, token: &Value, at: Value) -> Value {
        self.call("edit/retry", json!({"retry": token, "at": at}))
    }

    /// Returns every event after number `since`.
    #[track_caller]
    pub(crate) fn events(&mut self, since: i64) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let last = events.last().map_or(since, |event| event["seq"].as_i64().unwrap());
            let page = self.call("events/tail", json!({"since": last, "limit": 1000}));
            match page["events"].as_array().unwrap() {
                page if page.is_empty() => return events,
                page => events.extend(page.iter().cloned()),
            }
        }
    }

    /// Waits for the end of the program that it speaks through.
    pub(crate) fn exit_code(mut self) -> i32 {
        let mut child = self.child.take().expect("a client over stdio");
        wait_for("serve --stdio to end", || child.try_wait().unwrap().is_some());
        child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ended_before = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// Returns the handle in an answer to a read.
#[track_caller]
pub(crate) fn handle(read: &Value) -> String {
    read["handle"].as_str().unwrap_or_else(|| panic!("{read}")).to_owned()
}

/// Returns the handle of the only file of an edit that must have been applied.
#[track_caller]
pub(crate) fn applied(edit: &Value) -> String {
    assert_eq!(edit["status"], "applied", "{edit}");
    handle(&edit["files"][0])
}

/// Returns the rejection of a request that must have been rejected so.
#[track_caller]
pub(crate) fn rejected(result: &Value, code: &str) -> Value {
    assert_eq!(result["status"], "rejected", "{result}");
    assert_eq!(result["rejection"]["code"], code, "{result}");
    result["rejection"].clone()
}
