//! What the check of an edit costs: files of 10,000 and 100,000 lines, cold and
//! with the tree of the content before; outlines and constructs; parse speed.
//!
//! `--short` measures each thing once, so that the bench cannot rot.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::time::Duration;

use engine::drift::Constructs;
use engine::edit::{Change, Edit};
use engine::snapshot::Snapshot;
use grammars::{Language, SyntaxCheck};
use rustix::time::{ClockId, clock_gettime};

/// An item of a file, with `§` where its number goes, for some languages.
const ITEMS: [(&str, &str); 5] = [
    (
        "a.rs",
        "/// Says §.\npub fn name_§(first: &str, second: u32) -> Result<String, Error> {\n    \
         let text = format!(\"{first} {second}\");\n    match text.len() {\n        0 => Err(Error::Empty),\n        \
         _ => Ok(text + \"§\"),\n    }\n}\n\n",
    ),
    (
        "a.py",
        "# Says §.\ndef name_§(first, second=1):\n    text = f\"{first} {second}\"\n    for word in text.split():\n        \
         if word:\n            return [word, {\"a\": §}]\n    return None\n\n\n",
    ),
    (
        "a.ts",
        "/** Says §. */\nexport function name_§(first: string, second = 1): string[] {\n  \
         const text = `${first} ${second}`;\n  if (text.length === 0) {\n    return [];\n  }\n  \
         return text.split(\" \").map((word) => word + §);\n}\n\n",
    ),
    (
        "a.go",
        "// name§ says §.\nfunc name§(first string, second int) ([]string, error) {\n\ttext := first\n\tif second > 0 {\n\t\t\
         return nil, errors.New(\"§\")\n\t}\n\treturn strings.Split(text, \" \"), nil\n}\n\n",
    ),
    (
        "a.c",
        "/* Says §. */\nstatic int name_§(const char *first, int second)\n{\n    size_t len = strlen(first);\n    \
         if (len == 0) {\n        return -§;\n    }\n    return (int)len + second;\n}\n\n",
    ),
];

fn main() {
    let is_short = std::env::args().any(|argument| argument == "--short");
    let rounds = if is_short { 1 } else { 41 };
    println!("medians of {rounds}, ms of CPU time");
    println!(
        "{:8}{:>9}{:>9}{:>9}{:>11}{:>10}{:>10}{:>10}{:>9}",
        "file", "lines", "KB", "parse", "cold edit", "warm edit", "warm, bad", "outline", "MB/s"
    );
    for lines in [10_000, 100_000] {
        for (path, item) in ITEMS {
            if Language::of_path(path).is_some() {
                row(path, item, lines, if lines > 10_000 { rounds.min(11) } else { rounds });
            }
        }
    }
}

fn row(path: &str, item: &str, lines: usize, rounds: usize) {
    let before = content(item, lines);
    let (good, bad) = (edit(&before, "second", "third"), edit(&before, "(", ""));
    let cold = SyntaxCheck::default();
    let parse = median(rounds, |_| {
        let check = SyntaxCheck::default();
        let start = now();
        let _found = check.findings(path, &before);
        now() - start
    });
    let warm = |(change, after): &(Change, Snapshot)| {
        let _known = cold.findings(path, &before);
        median(rounds, |_| {
            let check = SyntaxCheck::default();
            // The tree of the content before, or of its window, is kept.
            let (same, _) = edit(&before, "first", "other");
            let _kept = check.judge(path, &before, &before.after(&same), &same);
            let start = now();
            let judged = check.judge(path, &before, after, change);
            let took = now() - start;
            assert!(judged.is_ok(), "{path}: {judged:?}");
            took
        })
    };
    let once = median(rounds, |_| {
        let check = SyntaxCheck::default();
        let start = now();
        let judged = check.judge(path, &before, &good.1, &good.0);
        let is_sound = judged.as_ref().is_ok_and(|judged| judged.delta.new.is_empty());
        assert!(is_sound, "{path}: {judged:?}");
        now() - start
    });
    let outline = median(rounds, |_| {
        let start = now();
        let _found = cold.constructs(path, &before);
        now() - start
    });
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    // Larger ones are parsed whole by a worker alone.
    let is_whole = before.bytes.len() <= 1 << 20;
    let whole = |value: f64| if is_whole { format!("{value:.1}") } else { "-".to_owned() };
    println!(
        "{path:8}{:9}{:9}{:>9}{:11.2}{:10.2}{:10.2}{:>10}{:>9}",
        before.line_count(),
        before.bytes.len() / 1000,
        whole(ms(parse)),
        ms(once),
        ms(warm(&good)),
        ms(warm(&bad)),
        whole(ms(outline)),
        whole(before.bytes.len() as f64 / 1e6 / parse.as_secs_f64()),
    );
}

/// Returns the CPU time of this thread: other work on the machine is not counted.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

fn content(item: &str, lines: usize) -> Snapshot {
    let count = lines / item.lines().count();
    let text: String = (0..count).map(|number| item.replace('§', &number.to_string())).collect();
    Snapshot::of(text.into_bytes())
}

/// Returns the change of the first `old` in the middle of the content.
fn edit(before: &Snapshot, old: &str, new: &str) -> (Change, Snapshot) {
    let middle = before.lines.start(before.line_count() / 2);
    let text = String::from_utf8_lossy(&before.bytes[middle..]);
    let at = middle + text.find(old).expect("each item holds it");
    let edits = vec![Edit { range: at..at + old.len(), text: new.into() }];
    let change = Change::new(edits, before.bytes.len()).expect("one edit");
    let after = before.after(&change);
    (change, after)
}

fn median(rounds: usize, measure: impl Fn(usize) -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..rounds).map(measure).collect();
    times.sort();
    times[rounds / 2]
}
