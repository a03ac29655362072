//! Made-up patches, applied by us and by real programs: wherever both accept
//! one, the bytes are the same, or they differ by a policy that has a name.
//!
//! `udiff` is held against `git apply` and GNU patch without fuzz, where they
//! are installed. `patch` is held against the `apply_patch` of `@openai/codex`:
//! with `ANCHORD_NPM=1`, which installs it from npm, or with the program that
//! `ANCHORD_CODEX` names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use engine::format::{Given, read};

use crate::dice::Dice;
use crate::world::World;

/// The variables of the long forms.
const CASES: &str = "ANCHORD_CASES";
const NPM: &str = "ANCHORD_NPM";
const CODEX: &str = "ANCHORD_CODEX";

/// The policies by which an accepted patch may come out otherwise, as
/// `docs/formats.md` names them, and what they change.
type Same = fn(&[u8], &[u8]) -> bool;
const POLICIES: [(&str, Same); 2] = [
    ("mixed terminators kept", |ours, theirs| without_cr(ours) == without_cr(theirs)),
    ("no final newline added", |ours, theirs| {
        let (ours, theirs) = (without_cr(ours), without_cr(theirs));
        ours.strip_suffix(b"\n").unwrap_or(&ours) == theirs.strip_suffix(b"\n").unwrap_or(&theirs)
    }),
];

/// What else is done otherwise: a refusal of theirs that has written something.
const ALL_OR_NOTHING: &str = "all or nothing";

/// Where the text stands in several places, and a program that counts the rows
/// around a change takes another one than the header names.
const NUMBERED: &str = "the line whose number a hunk bears";

/// The policies that show in these runs.
pub(crate) const NAMED: [&str; 4] = [POLICIES[0].0, POLICIES[1].0, ALL_OR_NOTHING, NUMBERED];

fn without_cr(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| *byte != b'\r').collect()
}

impl Dice {
    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn one_of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

/// Lines of made-up files; some are often repeated.
const LINES: [&str; 12] = [
    "}",
    "",
    "a",
    "b",
    "    x();",
    "fn f() {",
    "fn g() {",
    "    let y = 1;",
    "-- a",
    "+ b",
    "\tindented",
    "wörter",
];

/// A line with its terminator.
type Line = (String, &'static str);

/// A row of a comparison of two files.
#[derive(Clone, PartialEq, Debug)]
enum Row {
    Keep(Line),
    Go(Line),
    Come(Line),
}

fn lines(dice: &mut Dice, count: usize) -> Vec<Line> {
    let style = dice.roll(10);
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..count {
        // Most lines occur once, as they do in files.
        let text = match dice.one_in(3) {
            true => dice.one_of(&LINES).to_owned(),
            false => format!("line {}", dice.roll(1000)),
        };
        let crlf = style == 0 || (style == 1 && dice.one_in(2));
        lines.push((text, if crlf { "\r\n" } else { "\n" }));
    }
    if let Some(last) = lines.last_mut().filter(|_| dice.one_in(6)) {
        last.1 = "";
    }
    lines
}

/// Returns a made-up file and what becomes of it, row by row.
fn changed(dice: &mut Dice) -> Vec<Row> {
    let count = 1 + dice.roll(16);
    let before = lines(dice, count);
    let mut rows = Vec::new();
    let last = before.len() - 1;
    for (index, line) in before.into_iter().enumerate() {
        let ended = |dice: &mut Dice| (format!("new {}", dice.roll(1000)), "\n");
        match dice.roll(8) {
            0 => rows.push(Row::Go(line)),
            1 => {
                let eol = if dice.one_in(4) && index == last { line.1 } else { "\n" };
                rows.extend([Row::Go(line), Row::Come((ended(dice).0, eol))]);
            }
            2 if !line.1.is_empty() => rows.extend([Row::Keep(line), Row::Come(ended(dice))]),
            _ => rows.push(Row::Keep(line)),
        }
    }
    if rows.iter().all(|row| matches!(row, Row::Keep(_))) {
        rows.insert(0, Row::Come(("first".into(), "\n")));
    }
    rows
}

/// Returns the bytes of one side.
fn side(rows: &[Row], before: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        match row {
            Row::Keep(line) => bytes.extend([&line.0, line.1].concat().into_bytes()),
            Row::Go(line) if before => bytes.extend([&line.0, line.1].concat().into_bytes()),
            Row::Come(line) if !before => bytes.extend([&line.0, line.1].concat().into_bytes()),
            _ => {}
        }
    }
    bytes
}

/// Returns the runs of rows that lie within `context` rows of a change.
fn hunks(rows: &[Row], context: usize) -> Vec<std::ops::Range<usize>> {
    let mut hunks: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if matches!(row, Row::Keep(_)) {
            continue;
        }
        let (start, end) = (index.saturating_sub(context), (index + 1 + context).min(rows.len()));
        match hunks.last_mut() {
            Some(hunk) if hunk.end >= start => hunk.end = end,
            _ => hunks.push(start..end),
        }
    }
    hunks
}

/// Returns a row as a diff says it.
fn said(row: &Row, marks_end: bool) -> String {
    let (mark, line) = match row {
        Row::Keep(line) => (' ', line),
        Row::Go(line) => ('-', line),
        Row::Come(line) => ('+', line),
    };
    match line.1 {
        "" if marks_end => format!("{mark}{}\n\\ No newline at end of file\n", line.0),
        "" => format!("{mark}{}\n", line.0),
        eol => format!("{mark}{}{eol}", line.0),
    }
}

/// Returns the rows as a unified diff, its line numbers wrong by `shift`.
fn unified(rows: &[Row], context: usize, shift: i64, marks_end: bool) -> String {
    let mut text = "--- a/f\n+++ b/f\n".to_owned();
    let count = |rows: &[Row], before: bool| {
        let counts = |row: &&Row| match row {
            Row::Keep(_) => true,
            Row::Go(_) => before,
            Row::Come(_) => !before,
        };
        rows.iter().filter(counts).count()
    };
    for hunk in hunks(rows, context) {
        let start = |before: bool| {
            let (above, own) =
                (count(&rows[..hunk.start], before), count(&rows[hunk.clone()], before));
            let line = above as i64 + i64::from(own > 0) + shift;
            (line.max(i64::from(own > 0)), own)
        };
        let ((old, old_count), (new, new_count)) = (start(true), start(false));
        let _ = writeln!(text, "@@ -{old},{old_count} +{new},{new_count} @@");
        rows[hunk].iter().for_each(|row| text.push_str(&said(row, marks_end)));
    }
    text
}

/// What the files are afterwards; `None` where the patch was refused.
type After = Option<BTreeMap<String, Vec<u8>>>;

/// Returns what we make of an edit.
fn ours(format: &str, text: &str, files: &BTreeMap<String, Vec<u8>>) -> After {
    let mut world = World::default();
    files.iter().for_each(|(path, bytes)| world.add(path, bytes.clone(), None));
    let draft = read(format, text, Given::default()).ok()?;
    let script = world.resolve(&draft, &[]).ok()?.script;
    let plan = world.plan(&script).ok()?;
    let moved =
        script.files.iter().filter_map(|file| Some(file.action.destination()?.0.to_owned()));
    let named = script.files.iter().map(|file| file.path.clone());
    let paths: std::collections::BTreeSet<String> =
        moved.chain(named).chain(files.keys().cloned()).collect();
    let after = |path: String| world.content_after(&plan, &path).map(|bytes| (path, bytes));
    Some(paths.into_iter().filter_map(after).collect())
}

/// A directory for one program to work in.
struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { directory: tempfile::tempdir().expect("a directory") }
    }

    /// Returns what a program makes of files; `None` where it refuses.
    #[expect(clippy::disallowed_methods, reason = "a program that we are held against")]
    fn run(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        program: &Path,
        args: &[&str],
        input: &str,
    ) -> After {
        let root = self.directory.path();
        for name in listed(root).keys() {
            std::fs::remove_file(root.join(name)).expect("it is there");
        }
        for (name, bytes) in files {
            std::fs::write(root.join(name), bytes).expect("it is written");
        }
        let mut command = Command::new(program);
        command.args(args).current_dir(root).env("HOME", root).env("GIT_CONFIG_NOSYSTEM", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        // One that ends without reading has refused.
        let _unread = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        let accepted = child.wait().expect("it ends").success();
        accepted.then(|| listed(root))
    }

    /// Returns whether the files are no longer these.
    fn has_changed(&self, files: &BTreeMap<String, Vec<u8>>) -> bool {
        listed(self.directory.path()) != *files
    }
}

/// Returns the files in a directory.
#[expect(clippy::disallowed_methods, reason = "what a program that we are held against left")]
fn listed(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(root).expect("the directory is there").flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let file = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, std::fs::read(entry.path()).expect("it is readable"))
    };
    files.map(file).collect()
}

#[expect(clippy::disallowed_methods, reason = "a program that we are held against")]
fn is_installed(program: &str) -> bool {
    let tried = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    let there = tried.is_ok_and(|status| status.success());
    if !there {
        println!("{program} is not installed: passed over");
    }
    there
}

fn cases(usual: usize) -> u64 {
    let asked = std::env::var(CASES).ok().and_then(|count| count.parse().ok());
    asked.map_or(usual as u64, |count: u64| count.min(10_000))
}

/// What came of the patches.
#[derive(Default, Debug)]
struct Tally {
    both: usize,
    only_ours: usize,
    only_theirs: usize,
    neither: usize,
    policies: BTreeMap<&'static str, usize>,
}

impl Tally {
    #[track_caller]
    fn add(
        &mut self,
        ours: &After,
        theirs: &After,
        others: &After,
        by_number: Option<&Vec<u8>>,
        what: &str,
    ) {
        let (ours, theirs) = match (ours, theirs) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (Some(_), None) => return self.only_ours += 1,
            (None, Some(_)) => return self.only_theirs += 1,
            (None, None) => return self.neither += 1,
        };
        self.both += 1;
        if ours == theirs {
            return;
        }
        let alike = |text: &Vec<u8>| without_cr(text) == without_cr(&ours["f"]);
        let others = others.as_ref().map(|others| &others["f"]);
        if others.is_some_and(alike) || by_number.is_some_and(alike) {
            *self.policies.entry(NUMBERED).or_default() += 1;
            return;
        }
        let by = |same: Same| {
            ours.keys().eq(theirs.keys()) && ours.iter().all(|(p, bytes)| same(bytes, &theirs[p]))
        };
        let Some((name, _)) = POLICIES.iter().find(|(_, same)| by(*same)) else {
            panic!("{what}\nours: {}\ntheirs: {}", shown(ours), shown(theirs));
        };
        *self.policies.entry(name).or_default() += 1;
    }
}

fn shown(files: &BTreeMap<String, Vec<u8>>) -> String {
    files
        .iter()
        .map(|(path, text)| format!("{path} {:?}\n", String::from_utf8_lossy(text)))
        .collect()
}

#[test]
fn unified_diffs_come_out_as_git_and_patch_make_them() {
    let (git, patch) = (is_installed("git"), is_installed("patch"));
    let bench = Bench::new();
    let (mut by_git, mut by_patch) = (Tally::default(), Tally::default());
    for seed in 0..cases(300) {
        let dice = &mut Dice(seed);
        let rows = changed(dice);
        let context = dice.roll(4);
        // Rows that come between no others bear only a number, which nothing
        // can show to be wrong.
        let bare = context == 0;
        let shift = if dice.one_in(3) && !bare { dice.roll(7) as i64 - 3 } else { 0 };
        let text = unified(&rows, context, shift, !dice.one_in(12));
        let mut target = side(&rows, true);
        match dice.roll(8) {
            _ if bare => {}
            // Somebody wrote lines above, or the file holds everything twice.
            0 => target.splice(0..0, b"above\nabove too\n".iter().copied()).for_each(drop),
            1 => target.extend(target.clone()),
            _ => {}
        }
        // What the numbers say, where the file holds everything twice.
        let twice = [side(&rows, true), side(&rows, true)].concat() == target;
        let by_number = twice.then(|| [side(&rows, false), side(&rows, true)].concat());
        let files = BTreeMap::from([("f".to_owned(), target)]);
        let ours = ours("udiff", &text, &files);
        let what = format!("seed {seed}:\n{text}in {}", shown(&files));
        let (mut of_git, mut of_patch) = (None, None);
        if git {
            let zero: &[&str] = if context == 0 { &["--unidiff-zero"] } else { &[] };
            let args = [&["apply", "--whitespace=nowarn"], zero].concat();
            of_git = bench.run(&files, Path::new("git"), &args, &text);
        }
        if patch {
            let args = ["-p1", "--fuzz=0", "--force", "--silent", "--no-backup-if-mismatch", "-r-"];
            of_patch = bench.run(&files, Path::new("patch"), &args, &text);
        }
        let numbered = by_number.as_ref();
        by_git.add(&ours, &of_git, &of_patch, numbered, &format!("git apply, {what}"));
        by_patch.add(&ours, &of_patch, &of_git, numbered, &format!("patch, {what}"));
    }
    println!("git apply: {by_git:?}\nGNU patch: {by_patch:?}");
    assert!(!git || by_git.both > by_git.neither, "{by_git:?}");
    assert!(!patch || by_patch.both > by_patch.neither, "{by_patch:?}");
}

/// Returns the rows as a hunk each of `*** Update File`.
fn patched(dice: &mut Dice, rows: &[Row], context: usize) -> String {
    let mut text = String::new();
    for hunk in hunks(rows, context) {
        let above = rows[..hunk.start].iter().rev().find_map(|row| match row {
            Row::Keep((text, _)) if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        });
        match above.filter(|_| dice.one_in(3)) {
            Some(header) => text.push_str(&format!("@@ {header}\n")),
            None => text.push_str("@@\n"),
        }
        let at_end = hunk.end == rows.len();
        // The format marks no end of a file without a newline.
        rows[hunk].iter().for_each(|row| {
            let said = said(row, false);
            text.push_str(said.trim_end_matches(['\r', '\n']));
            text.push('\n');
        });
        if at_end && dice.one_in(3) {
            text.push_str("*** End of File\n");
        }
    }
    text
}

#[test]
fn patches_come_out_as_codex_makes_them() {
    let Some((_kept, program)) = codex() else { return };
    let bench = Bench::new();
    let mut tally = Tally::default();
    for seed in 0..cases(300) {
        let dice = &mut Dice(seed);
        let mut files = BTreeMap::new();
        let mut text = "*** Begin Patch\n".to_owned();
        for name in ["f", "g"].iter().take(1 + dice.roll(2)) {
            let rows = changed(dice);
            let context = dice.roll(4);
            files.insert((*name).to_owned(), side(&rows, true));
            match dice.roll(10) {
                0 => {
                    files.remove(*name);
                    let _ = writeln!(text, "*** Add File: {name}\n+one\n+\n+two");
                }
                1 => {
                    let _ = writeln!(text, "*** Delete File: {name}");
                }
                2 => {
                    let _ = writeln!(text, "*** Update File: {name}\n*** Move to: {name}.new");
                    text.push_str(&patched(dice, &rows, context));
                }
                _ => {
                    let _ = writeln!(text, "*** Update File: {name}");
                    text.push_str(&patched(dice, &rows, context));
                }
            }
        }
        text.push_str("*** End Patch\n");
        let ours = ours("patch", &text, &files);
        let args = ["--codex-run-as-apply-patch", &text];
        let theirs = bench.run(&files, &program, &args, "");
        if theirs.is_none() && bench.has_changed(&files) {
            *tally.policies.entry(ALL_OR_NOTHING).or_default() += 1;
        }
        tally.add(
            &ours,
            &theirs,
            &None,
            None,
            &format!("apply_patch, seed {seed}:\n{text}in {}", shown(&files)),
        );
    }
    println!("apply_patch of Codex: {tally:?}");
    assert!(tally.both > tally.neither, "{tally:?}");
}

/// Returns the program of Codex, and the directory it was installed in.
#[expect(clippy::disallowed_methods, reason = "a program that we are held against")]
fn codex() -> Option<(Option<tempfile::TempDir>, PathBuf)> {
    if let Some(program) = std::env::var_os(CODEX) {
        return Some((None, program.into()));
    }
    if std::env::var_os(NPM).is_none() {
        println!("{NPM} is not set: @openai/codex is not installed, and passed over");
        return None;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--silent", "@openai/codex"]);
    let installed = npm.current_dir(directory.path()).status().expect("npm is there");
    assert!(installed.success(), "npm installs @openai/codex");
    let program = find(directory.path(), "codex").expect("the package holds the program");
    Some((Some(directory), program))
}

/// Returns the large file of this name below a directory: the program, not what
/// starts it.
fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(directory).ok()?.flatten().find_map(|entry| {
        let kind = entry.file_type().ok()?;
        let large = || entry.metadata().is_ok_and(|about| about.len() > 1 << 20);
        match () {
            () if kind.is_dir() => find(&entry.path(), name),
            () if entry.file_name() == name && large() => Some(entry.path()),
            () => None,
        }
    })
}
