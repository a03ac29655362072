//! What it costs to carry an edit over drift: numbering the lines of both
//! sides, the line diff, and the proof for one hunk and for a hundred; and the
//! two kinds of content on which diffs blow up.
//!
//! Contents are made from a seed: code whose lines repeat as much as in real
//! files. `cargo bench -p anchord-engine --bench drift` prints the table;
//! `-- --short` does less.

#![expect(clippy::print_stdout, reason = "the table of a bench is its product")]

use engine::drift::{Comparison, Hunk, Verdict};
use engine::snapshot::Snapshot;

/// What one row measures.
struct Row {
    name: &'static str,
    lines: usize,
    write: fn(usize, &mut Dice) -> Vec<String>,
    drift: fn(&mut Vec<String>, &mut Dice),
}

const ROWS: [Row; 7] = [
    Row {
        name: "10,000 lines, 10 drifted places",
        lines: 10_000,
        write: code,
        drift: |l, d| change(l, d, 10),
    },
    Row {
        name: "100,000 lines, 1 drifted place",
        lines: 100_000,
        write: code,
        drift: |l, d| change(l, d, 1),
    },
    Row {
        name: "100,000 lines, 100 drifted places",
        lines: 100_000,
        write: code,
        drift: |l, d| change(l, d, 100),
    },
    Row {
        name: "100,000 lines, 10,000 drifted places",
        lines: 100_000,
        write: code,
        drift: |l, d| change(l, d, 10_000),
    },
    Row {
        name: "100,000 lines, shuffled",
        lines: 100_000,
        write: code,
        drift: |lines, dice| shuffle(lines, dice),
    },
    Row {
        name: "100,000 lines of 50 kinds, shuffled",
        lines: 100_000,
        write: few,
        drift: |lines, dice| shuffle(lines, dice),
    },
    Row {
        name: "1,000,000 lines, 1,000 drifted places",
        lines: 1_000_000,
        write: code,
        drift: |l, d| change(l, d, 1_000),
    },
];

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    println!("CPU ms, the best of several runs; hunks are replaced lines spread over the file");
    println!("{:<40} {:>9} {:>9} {:>9} {:>9}", "", "compare", "+ 1 hunk", "+ 100", "placed");
    for row in ROWS.iter().take(if short { 3 } else { ROWS.len() }) {
        row.run(if short { 3 } else { 7 });
    }
}

impl Row {
    fn run(&self, repeats: usize) {
        let mut dice = Dice(17);
        let mut lines = (self.write)(self.lines, &mut dice);
        let seen = Snapshot::of(lines.concat().into_bytes());
        (self.drift)(&mut lines, &mut dice);
        let now = Snapshot::of(lines.concat().into_bytes());
        let (mut compare, mut one, mut hundred, mut placed) = (f64::MAX, f64::MAX, f64::MAX, 0);
        for _ in 0..repeats {
            let start = thread_ms();
            let comparison = Comparison::of(&seen, &now, "bench.rs", None);
            let ms = || thread_ms() - start;
            compare = compare.min(ms());
            let count = seen.line_count();
            place(&comparison, count / 2);
            one = one.min(ms());
            let spread = (0..100).map(|index| index * count / 100 + 7);
            placed = spread.filter(|line| place(&comparison, *line)).count();
            hundred = hundred.min(ms());
        }
        println!("{:<40} {compare:>9.2} {one:>9.2} {hundred:>9.2} {placed:>9}", self.name);
    }
}

/// Returns the CPU time of this thread, in milliseconds.
fn thread_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Returns whether a replacement of one line is placed.
fn place(comparison: &Comparison<'_>, line: usize) -> bool {
    let text: [&[u8]; 1] = [b"    edited();"];
    let verdict = comparison.place(&Hunk { lines: line..line + 1, text: &text });
    matches!(verdict, Verdict::Lands(_))
}

/// Returns code of functions of about a dozen lines.
fn code(count: usize, dice: &mut Dice) -> Vec<String> {
    let mut lines = Vec::with_capacity(count + 16);
    while lines.len() < count {
        let name = lines.len();
        lines.push(format!(
            "pub fn handle_{name}(input: &[u8], limit: usize) -> Result<usize> {{\n"
        ));
        for _ in 0..2 + dice.below(12) {
            let number = dice.below(1_000);
            lines.push(match dice.below(6) {
                0 => "\n".to_owned(),
                1 => format!("    let value_{number} = input.len().min(limit);\n"),
                2 => "    if limit == 0 {\n        return Err(Error::Empty);\n    }\n".to_owned(),
                3 => format!("    total += table[{number}];\n"),
                4 => "    trace!(\"next\");\n".to_owned(),
                _ => format!("    check(limit, {number})?;\n"),
            });
        }
        lines.push("    Ok(total)\n".to_owned());
        lines.push("}\n".to_owned());
        lines.push("\n".to_owned());
    }
    lines
}

/// Changes, adds or removes a line in `count` places.
fn change(lines: &mut Vec<String>, dice: &mut Dice, count: usize) {
    let step = lines.len() / count;
    for index in (0..count).rev() {
        let at = index * step + dice.below(step);
        match dice.below(3) {
            0 => lines[at] = format!("    changed({index});\n"),
            1 => lines.insert(at, format!("    added({index});\n")),
            _ => drop(lines.remove(at)),
        }
    }
}

fn shuffle(lines: &mut [String], dice: &mut Dice) {
    for at in (1..lines.len()).rev() {
        lines.swap(at, dice.below(at + 1));
    }
}

/// Returns lines none of which is unique, so that there is nothing to hold on to.
fn few(count: usize, dice: &mut Dice) -> Vec<String> {
    (0..count).map(|_| format!("    kind {};\n", dice.below(50))).collect()
}

/// SplitMix64: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}
