//! What it costs to refuse a quote that stands nowhere, and to name the lines it
//! was perhaps meant to be: a block of 12 rows with a letter wrong in each.
//!
//! `cargo bench -p anchord-engine --bench nearest` prints the table; `-- --short`
//! does less.

#![expect(clippy::print_stdout, reason = "the table of a bench is its product")]

use std::fmt::Write;
use std::sync::Arc;

use engine::anchor::View;
use engine::format::{Given, read};
use engine::plan::{Known, Shown, resolve};
use engine::snapshot::Snapshot;

/// The rows of the block.
const BLOCK: usize = 12;

/// What one row measures: a name, the number of lines, and how one is written.
type Row = (&'static str, usize, fn(usize) -> String);

const ROWS: [Row; 5] = [
    ("10,000 lines of code", 10_000, code),
    ("100,000 lines of code", 100_000, code),
    ("100,000 lines that are nearly alike", 100_000, alike),
    ("100,000 lines of 300 letters", 100_000, long),
    ("1,000,000 lines of code", 1_000_000, code),
];

fn code(line: usize) -> String {
    let mixed = (line as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    match line % 5 {
        0 => format!("    let value_{mixed} = compute({line}, other[{mixed}]);"),
        1 => format!("    if value_{mixed} > {line} {{"),
        2 => format!("        self.count_{mixed} += 1; // {line}"),
        3 => "    }".to_owned(),
        _ => format!("fn name_{mixed}(a: u32) -> u32 {{"),
    }
}

fn alike(line: usize) -> String {
    format!("    row(\"the same text in every line\", {});", line % 10)
}

fn long(line: usize) -> String {
    format!("{line} {}", "some words that fill a line ".repeat(11))
}

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    println!("CPU ms, the best of several runs; the bound for 100,000 lines is 50");
    for (name, lines, write) in ROWS.iter().take(if short { 2 } else { ROWS.len() }) {
        let text: Vec<String> = (0..*lines).map(write).collect();
        let runs = (0..if short { 1 } else { 5 }).map(|_| measure(&text));
        println!("{name:<40} {:>8.1}", runs.fold(f64::MAX, f64::min));
    }
}

/// Returns the CPU time of this thread, in milliseconds.
fn cpu_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Returns how long it takes to refuse the block in these lines, in CPU ms.
fn measure(lines: &[String]) -> f64 {
    let content = lines.join("\n") + "\n";
    let snapshot = Arc::new(Snapshot::of(content.into_bytes()));
    let view = View::all(snapshot.line_count());
    let handle = "481920".parse().expect("it is a handle");
    let shown = Some(Shown { handle, snapshot: Arc::clone(&snapshot), view });
    let known = Known { shown, now: Some(snapshot) };
    let start = lines.len() / 2;
    let mut edit = "f\n<<<<<<< SEARCH\n".to_owned();
    for line in &lines[start..start + BLOCK] {
        let middle = line.floor_char_boundary(line.len() / 2);
        let _ = writeln!(edit, "{}#{}", &line[..middle], &line[middle + 1..]);
    }
    edit.push_str("=======\nnew\n>>>>>>> REPLACE\n");
    let draft = read("blocks", &edit, Given::default()).expect("it is an edit");
    let begun = cpu_ms();
    let refused = resolve(&draft, std::slice::from_ref(&known), &[]);
    let took = cpu_ms() - begun;
    let nearest = refused.err().and_then(|unresolved| unresolved.nearest);
    let found = nearest.is_some_and(|nearest| nearest.lines == (start..start + BLOCK));
    if !found {
        println!("    (the lines it was meant to be are not the ones named)");
    }
    took
}
