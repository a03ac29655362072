//! Workers as real processes: what brings a parser down takes a child along and
//! nothing else. This program is both ends: with `serve` as its argument it is
//! the child. With `fuzz N` it gives each language N mutated samples and tells
//! which of them killed the child.

#![expect(clippy::print_stdout, reason = "a program of its own that says what it found")]

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use engine::snapshot::Snapshot;
use grammars::check::Unread;
use grammars::worker::{Ask, Channel, Workers, serve};
use grammars::{Language, SyntaxCheck};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a child may stay silent before it is killed.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a child may take of memory, in kibibytes.
const MEMORY_KIB: usize = 512 << 10;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => {
            serve(&mut io::stdin().lock(), &mut io::stdout().lock(), Duration::from_millis(500))
        }
        Some("fuzz") => {
            let count = arguments.get(1).and_then(|count| count.parse().ok());
            fuzz(count.unwrap_or(1000));
            Ok(())
        }
        _ => {
            killers_kill_children_only();
            println!("1 passed, 0 failed");
            Ok(())
        }
    }
}

/// Checks that each killer of parsers is refused or parsed, that the same child
/// or another goes on, and that what is healthy is judged meanwhile.
fn killers_kill_children_only() {
    let check = SyntaxCheck::with_workers(workers(2));
    let long_line = snapshot(format!("let a = [{}];\n", "1, ".repeat(10_000)));
    let healthy = || check.findings("a.js", &long_line).map(|found| found.diagnostics.len());
    for (path, text) in killers() {
        if Language::of_path(path).is_none() {
            continue;
        }
        let killer = snapshot(text);
        let outcome = std::thread::scope(|scope| {
            let killed = scope.spawn(|| check.findings(path, &killer));
            assert_eq!(healthy(), Ok(0), "while {path} is parsed");
            killed.join().expect("no thread panics")
        });
        let outcome = outcome.map(|found| found.diagnostics.len());
        let refused = [Unread::TimedOut, Unread::NoWorker, Unread::Unfit, Unread::TooLarge];
        assert!(outcome.is_ok() || refused.map(Err).contains(&outcome), "{path}: {outcome:?}");
        println!("{path}, {} bytes: {outcome:?}", killer.bytes.len());
    }
    assert_eq!(healthy(), Ok(0));
}

/// Returns contents that take a parser's time or memory, or its process.
fn killers() -> Vec<(&'static str, String)> {
    let nested = |unit: &str, levels| (0..levels).map(|n| format!("{:n$}{unit}", "")).collect();
    vec![
        ("a.js", "a+".repeat(5 << 20)),
        ("a.js", "a?".repeat(1 << 20)),
        ("a.ts", "a<b<".repeat(1 << 19)),
        ("a.rs", "(".repeat(1 << 20)),
        ("a.rs", "fn f() { \"\n".repeat(1 << 17)),
        ("a.json", "[".repeat(4 << 20)),
        ("a.yaml", nested("a:\n", 1500)),
        ("a.yaml", "- ".repeat(50_000)),
        ("a.py", nested("if x:\n", 1500)),
        ("a.py", "f\"{".repeat(100_000)),
        ("a.sh", "$(".repeat(200_000)),
        ("a.sh", "a <<E\n".repeat(50_000)),
        ("a.md", "> ".repeat(50_000)),
        ("a.md", "[".repeat(1 << 20)),
        ("a.html", "<a>".repeat(300_000)),
        ("a.css", "a{".repeat(300_000)),
        ("a.cpp", "R\"(".repeat(100_000)),
        ("a.c", "#if 1\n".repeat(200_000)),
        ("a.hs", nested("a = do\n", 1500)),
        ("a.rb", "<<A\n".repeat(50_000)),
    ]
}

fn snapshot(text: String) -> Snapshot {
    Snapshot::of(text.into_bytes())
}

fn workers(children_max: usize) -> Workers {
    let spawn = || Ok(Box::new(Process::spawn()?) as Box<dyn Channel>);
    Workers::new(Box::new(spawn), children_max, Duration::from_secs(60))
}

/// A child that is killed when it is dropped.
struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Process {
    #[expect(clippy::disallowed_methods, reason = "a test of children needs a child")]
    fn spawn() -> io::Result<Process> {
        let program = std::env::current_exe()?;
        let limited = format!("ulimit -v {MEMORY_KIB}; ulimit -c 0; exec \"$0\" serve");
        let mut child = Command::new("sh")
            .args([Path::new("-c"), Path::new(&limited), &program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Process { child, input, output })
    }
}

impl Read for Process {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ends = [PollFd::new(&self.output, PollFlags::IN)];
        let patience = Timespec::try_from(PATIENCE).ok();
        match poll(&mut ends, patience.as_ref())? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => self.output.read(buffer),
        }
    }
}

impl Write for Process {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.input.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.flush()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Gives each language `count` mutated samples, one after the other, and prints
/// what each did to the child.
fn fuzz(count: usize) {
    let mut dice = Dice(20_261_122);
    println!("seed 20261122, {count} mutated samples a language");
    for language in Language::all() {
        let (path, sample) = sample(language.id);
        let workers = workers(1);
        let mut deaths = 0;
        for _ in 0..count {
            let text = mutated(&sample, &mut dice);
            if let Err(error) = workers.ask(&path, &Ask::Outline(text.clone())) {
                deaths += 1;
                println!("{}: {error}; {} bytes", language.id, text.len());
            }
        }
        println!("{}: {deaths} of {count} killed the child", language.id);
    }
}

#[expect(clippy::disallowed_methods, reason = "a file of the project, no user's file")]
fn sample(id: &str) -> (String, Vec<u8>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let entries = std::fs::read_dir(folder).expect("the samples lie beside the tests");
    let mut paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let is_sample = |path: &std::path::PathBuf| {
        let is = |part: Option<&std::ffi::OsStr>, text| part.is_some_and(|part| part == text);
        is(path.file_stem(), id) && !is(path.extension(), "outline")
    };
    let path = paths.find(is_sample).expect("each language has a sample");
    let bytes = std::fs::read(&path).expect("a sample can be read");
    (path.to_string_lossy().into_owned(), bytes)
}

/// Bytes that mean something to some parser.
const MARKS: &[u8] = b"(){}[]<>\"'`\\/#:;,\n \t\xff$%&*-+=|~^!?@";

/// Returns a sample with up to eight pieces of it lost, doubled, moved or many
/// times repeated.
fn mutated(sample: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut text = sample.to_vec();
    for _ in 0..1 + dice.below(8) {
        let from = dice.below(text.len());
        let to = (from + 1 + dice.below(40)).min(text.len());
        let piece = text[from..to].to_vec();
        match dice.below(5) {
            0 => drop(text.drain(from..to)),
            1 => drop(text.splice(from..from, piece)),
            2 => {
                let at = dice.below(text.len());
                drop(text.splice(at..at, piece));
            }
            3 => {
                let many = piece.repeat(1 + dice.below(400));
                drop(text.splice(from..from, many));
            }
            _ => text[from] = MARKS[dice.below(MARKS.len())],
        }
        if text.is_empty() {
            break;
        }
    }
    text
}

/// Numbers by chance, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}
