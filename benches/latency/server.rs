//! The server: the real binary, and a caller that speaks the protocol to it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clock::{Cost, measure};
use crate::corpus;

pub(crate) struct Server {
    process: Child,
    stream: BufReader<UnixStream>,
    handle: String,
    calls: u64,
}

impl Server {
    pub(crate) fn start(directory: &Path, root: &Path) -> Server {
        Server::start_with(directory, root, "none")
    }

    /// Starts a server whose answered edits survive what `durability` says.
    pub(crate) fn start_with(directory: &Path, root: &Path, durability: &str) -> Server {
        let home = directory.join("state");
        let process = Command::new(env!("CARGO_BIN_EXE_anchord"))
            .args(["serve", "--durability", durability, "--idle-exit", "0", "--root"])
            .arg(root)
            .env("XDG_STATE_HOME", &home)
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let place = anchord::daemon::Place::of(root, &home).expect("the root has a place");
        let deadline = Instant::now() + Duration::from_secs(10);
        let stream = loop {
            match UnixStream::connect(place.socket()) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "the server comes up: {error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let (stream, handle) = (BufReader::new(stream), String::new());
        let mut server = Server { process, stream, handle, calls: 0 };
        server.call("session/open", &json!({ "client": { "name": "latency", "version": "1" } }));
        server
    }

    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let line = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let answer = self.exchange(&format!("{line}\n"));
        let answer: Value = serde_json::from_str(&answer).expect("an answer");
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    fn exchange(&mut self, line: &str) -> String {
        self.stream.get_mut().write_all(line.as_bytes()).expect("the server listens");
        let mut answer = String::new();
        self.stream.read_line(&mut answer).expect("the server answers");
        answer
    }

    pub(crate) fn read(&mut self, path: &str, lines: (usize, usize)) {
        let read = self.call("file/read", &json!({ "path": path, "lines": [lines] }));
        self.handle = read["handle"].as_str().expect("a handle").to_owned();
    }

    /// Returns the handle of a file that is read whole.
    pub(crate) fn handle(&mut self, path: &str) -> String {
        let read = self.call("file/read", &json!({ "path": path }));
        read["handle"].as_str().expect("a handle").to_owned()
    }

    /// Replaces `count` lines from `first` on, each by an operation of its own,
    /// in one call; returns what a call costs.
    pub(crate) fn edits(&mut self, first: usize, count: usize, repeats: usize) -> Cost {
        let pid = self.process.id();
        measure(pid, repeats, |repeat| {
            let ops = (first..first + count).map(|line| {
                json!({ "op": "replace", "lines": [line, line], "text": format!("edited {repeat} at {line}\n") })
            });
            let file =
                json!({ "path": "f.rs", "handle": self.handle, "ops": ops.collect::<Vec<_>>() });
            // The minimal program checks nothing of the text either.
            let verify = json!({ "syntax": "off", "lint": "off" });
            let params = json!({ "format": "anchor", "files": [file], "verify": verify });
            let applied = self.call("edit/apply", &params);
            assert_eq!(applied["status"], "applied", "{applied}");
            self.handle = applied["files"][0]["handle"].as_str().expect("a handle").to_owned();
        })
    }

    /// Reads one page again and again.
    pub(crate) fn pages(&mut self, lines: (usize, usize), repeats: usize) -> Cost {
        self.read("f.rs", lines);
        let params = json!({ "path": "f.rs", "lines": [lines] });
        let line = json!({ "jsonrpc": "2.0", "id": 0, "method": "file/read", "params": params });
        let line = format!("{line}\n");
        let pid = self.process.id();
        measure(pid, repeats, |_| {
            let answer = self.exchange(&line);
            assert!(answer.contains("\"status\":\"ok\""));
        })
    }

    /// Reads some of the many files, each once.
    pub(crate) fn read_files(&mut self, files: std::ops::Range<usize>) -> Cost {
        let pid = self.process.id();
        let mut names = files.map(corpus::name);
        measure(pid, names.len(), |_| {
            let path = names.next().expect("one name a call");
            self.call("file/read", &json!({ "path": path }));
        })
    }

    /// Returns the most memory the server has used so far, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the server runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("the server is ours");
        self.process.wait().expect("the server ends");
    }
}
