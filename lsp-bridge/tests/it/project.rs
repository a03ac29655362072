//! Many edits in a row on a project of 300 files with real servers: what each
//! edit's delta says against the difference of two runs over the whole project.
//!
//! The runs are made by a second server, which is shown the same files and has
//! all the time it needs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine::verify::{Diagnostic, Severity, Verdict};
use lsp_bridge::Trust;
use lsp_bridge::files::Files;
use lsp_bridge::policy::Policy;
use lsp_bridge::spawn::Spawn;
use lsp_bridge::table::Table;
use lsp_bridge::verify::Options;
use serde_json::{Map, Value, json};

use crate::rig::{AMPLE, Parts, Rig, Spawner, policy, say};

/// Modules that define a function, and users of each.
const MODULES: usize = 30;
const USERS: usize = 9;

/// Files of a real project, which servers hold open all at once.
const OPEN_MAX: usize = 400;

/// How one language writes the project.
struct Language {
    server: &'static str,
    program: &'static str,
    settings: (&'static str, &'static str),
    extension: &'static str,
    /// A module whose function takes what is put for `TYPE`.
    module: fn(usize, &str) -> String,
    /// A user that puts what it gets into a `TYPE`.
    user: fn(usize, usize, &str) -> String,
    types: (&'static str, &'static str),
    comment: &'static str,
}

const LANGUAGES: [Language; 4] = [
    Language {
        server: "ty",
        program: "ty",
        settings: ("pyproject.toml", ""),
        extension: "py",
        module: python_module,
        user: python_user,
        types: ("int", "str"),
        comment: "# ä\n",
    },
    Language {
        server: "pyright",
        program: "pyright-langserver",
        settings: ("pyproject.toml", ""),
        extension: "py",
        module: python_module,
        user: python_user,
        types: ("int", "str"),
        comment: "# ä\n",
    },
    Language {
        server: "tsgo",
        program: "tsgo",
        settings: ("tsconfig.json", "{ \"compilerOptions\": { \"strict\": true } }\n"),
        extension: "ts",
        module: typescript_module,
        user: typescript_user,
        types: ("number", "string"),
        comment: "// ä\n",
    },
    Language {
        server: "typescript-language-server",
        program: "typescript-language-server",
        settings: ("tsconfig.json", "{ \"compilerOptions\": { \"strict\": true } }\n"),
        extension: "ts",
        module: typescript_module,
        user: typescript_user,
        types: ("number", "string"),
        comment: "// ä\n",
    },
];

fn python_module(module: usize, kind: &str) -> String {
    format!("def compute{module}(x: {kind}) -> int:\n    return 1\n")
}

fn python_user(module: usize, user: usize, kind: &str) -> String {
    format!(
        "from module{module} import compute{module}\n\n\nvalue{user}: {kind} = compute{module}({user})\n"
    )
}

fn typescript_module(module: usize, kind: &str) -> String {
    format!("export function compute{module}(x: {kind}): number {{\n    return 1;\n}}\n")
}

fn typescript_user(module: usize, user: usize, kind: &str) -> String {
    format!(
        "import {{ compute{module} }} from \"./module{module}\";\n\n\nexport const value{user}: {kind} = compute{module}({user});\n"
    )
}

impl Language {
    fn is_for(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.split_once('.').is_some_and(|(_, extension)| extension == self.extension)
    }

    fn rig(&self, root: Option<&Rig>) -> Rig {
        let table = Table::builtin().expect("a table");
        let others = table.servers().iter().filter(|spec| spec.name != self.server);
        let rows: Map<String, Value> =
            others.map(|spec| (spec.name.clone(), json!({ "enabled": false }))).collect();
        let policy = Policy { documents: OPEN_MAX + 100, ..policy() };
        let parts = Parts { table: Value::Object(rows), policy, trust: Trust::Trusted };
        match root {
            Some(other) => Rig::at(parts, other.root()),
            None => Rig::new(parts, &[self.settings]),
        }
    }

    fn write(&self, rig: &Rig) -> Vec<String> {
        let mut paths = Vec::new();
        let mut write = |path: String, text: String| {
            rig.disk.write(&path, &text);
            paths.push(path);
        };
        for module in 0..MODULES {
            let extension = self.extension;
            write(format!("module{module}.{extension}"), (self.module)(module, self.types.0));
            for user in 0..USERS {
                let path = format!("user{module}_{user}.{extension}");
                write(path, (self.user)(module, user, self.types.0));
            }
        }
        paths
    }

    /// Returns a file and its new text: something that breaks, mends or moves.
    fn edit(&self, rig: &Rig, dice: Dice<'_>) -> (String, String) {
        let (module, user) = (dice(MODULES), dice(USERS));
        let is_module = dice(4) == 0;
        let path = match is_module {
            true => format!("module{module}.{}", self.extension),
            false => format!("user{module}_{user}.{}", self.extension),
        };
        let text = rig.disk.read(&path);
        if dice(3) == 0 {
            return (path, format!("{}{text}", self.comment));
        }
        let kind = if dice(2) == 0 { self.types.0 } else { self.types.1 };
        let new = match is_module {
            true => (self.module)(module, kind),
            false => (self.user)(module, user, kind),
        };
        (path, new)
    }
}

/// Findings of the whole project: by file, the line's text and the message.
type Found = BTreeMap<(String, String), usize>;

fn whole(rig: &Rig, paths: &[String]) -> Found {
    let mut found = Found::new();
    for evidence in rig.bridge.diagnostics(paths.to_vec(), Duration::from_secs(600)) {
        assert_eq!(evidence.findings.verdict, Verdict::Fresh, "{:?}", evidence.reason);
        for finding in evidence.findings.diagnostics.into_iter().filter(is_finding) {
            *found.entry((evidence.path.clone(), finding.message)).or_default() += 1;
        }
    }
    found
}

/// Returns whether it is an error or a warning. What editors grey out comes as a
/// hint, and goes and comes without an edit.
fn is_finding(found: &Diagnostic) -> bool {
    found.severity != Severity::Hint
}

/// Returns what is in one and not in the other, with its number.
fn without(one: &Found, other: &Found) -> Vec<(String, String)> {
    let more = one.iter().flat_map(|(key, count)| {
        let count = count.saturating_sub(other.get(key).copied().unwrap_or_default());
        std::iter::repeat_n(key.clone(), count)
    });
    more.collect()
}

/// What came of the edits.
#[derive(Debug, Default)]
struct Tally {
    exact: usize,
    falsely_clean: usize,
    missed: usize,
    inconclusive: usize,
    latencies_ms: Vec<u128>,
}

/// Returns a number below the one that it is given, each time another.
type Dice<'a> = &'a mut dyn FnMut(usize) -> usize;

fn run(language: &Language, edits: usize) -> Tally {
    let rig = language.rig(None);
    match real_files(language) {
        None => {
            let paths = language.write(&rig);
            edit_in_a_row(language, &rig, &paths, edits, &mut |dice| language.edit(&rig, dice))
        }
        Some(files) => {
            rig.disk.write(language.settings.0, language.settings.1);
            files.iter().for_each(|(path, text)| rig.disk.write(path, text));
            let paths: Vec<String> = files.keys().cloned().collect();
            say(&format!("{}: a project of {} files", language.server, paths.len()));
            let mut edit =
                |dice: Dice<'_>| edit_of_real(&rig, &files, &paths, language.comment, dice);
            edit_in_a_row(language, &rig, &paths, edits, &mut edit)
        }
    }
}

/// Returns the files of the folder that `ANCHORD_PROJECT` names, where it is in
/// the language: those of some size, as many as servers hold open.
#[expect(clippy::disallowed_methods, reason = "files of packages, no user's file")]
fn real_files(language: &Language) -> Option<BTreeMap<String, String>> {
    let root = PathBuf::from(std::env::var_os("ANCHORD_PROJECT")?);
    let mut open = vec![root.clone()];
    let mut files = BTreeMap::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let below = path.strip_prefix(&root).ok().and_then(|path| path.to_str());
            match (entry.file_type(), below) {
                (Ok(kind), _) if kind.is_dir() => open.push(path),
                (Ok(_), Some(below)) if language.is_for(below) => {
                    let text = std::fs::read_to_string(&path).unwrap_or_default();
                    files.insert(below.to_owned(), text);
                }
                _ => {}
            }
        }
    }
    files.retain(|_, text| text.len() > 1000);
    (!files.is_empty()).then(|| files.into_iter().take(OPEN_MAX).collect())
}

/// Returns whether a line gives a local variable a simple value: in a function of
/// a class in Python, in any function in TypeScript.
fn is_local(line: &&str) -> bool {
    let (name, value) = line.split_once(" = ").unwrap_or_default();
    let is_name = |name: &str| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty()
    };
    let is_declared = match name.trim_start().strip_prefix("const ") {
        Some(name) => line.starts_with("  ") && is_name(name),
        None => line.starts_with("        ") && is_name(name.trim_start()),
    };
    is_declared
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "._()'".contains(c))
        && value.matches('(').count() == value.matches(')').count()
}

/// Returns a file of a real project and its new text: a value that is not
/// defined, a comment, or the file as it was.
fn edit_of_real(
    rig: &Rig,
    files: &BTreeMap<String, String>,
    paths: &[String],
    comment: &str,
    dice: Dice<'_>,
) -> (String, String) {
    let path = paths[dice(paths.len())].clone();
    let text = rig.disk.read(&path);
    match dice(4) {
        0 => (path, format!("{comment}{text}")),
        1 => {
            // Some file that was edited before, rather than one that was not.
            let edited = paths.iter().filter(|path| rig.disk.read(path) != files[*path]);
            let edited: Vec<&String> = edited.collect();
            let path = edited.get(dice(edited.len().max(1))).map_or(path, |path| (*path).clone());
            let text = files[&path].clone();
            (path, text)
        }
        _ => {
            let locals: Vec<&str> = text.lines().filter(is_local).collect();
            let Some(line) = locals.get(dice(locals.len().max(1))) else {
                return (path, text);
            };
            let (name, _) = line.split_once(" = ").expect("an assignment");
            let new = text.replacen(line, &format!("{name} = undefined_{}", dice(1000)), 1);
            (path, new)
        }
    }
}

fn edit_in_a_row(
    language: &Language,
    rig: &Rig,
    paths: &[String],
    edits: usize,
    edit: &mut dyn FnMut(Dice<'_>) -> (String, String),
) -> Tally {
    let judge = language.rig(Some(rig));
    let mut tally = Tally::default();
    let mut before = whole(&judge, paths);
    let mut state = 4711_u64;
    let mut dice = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % sides
    };
    while tally.exact + tally.missed + tally.inconclusive < edits {
        let (path, text) = edit(&mut dice);
        if rig.disk.read(&path) == text {
            continue;
        }
        let start = Instant::now();
        let last = rig.disk.snapshot(&path).expect("a file").line_count();
        let dependents = rig.bridge.dependents(&path, (0, last), AMPLE).expect("files").value;
        let options = Options { budget: AMPLE, dependents, ..Options::default() };
        let report = rig.edits(&[(&path, &text)], options);
        tally.latencies_ms.push(start.elapsed().as_millis());
        let after = whole(&judge, paths);
        let (new, fixed) = (without(&after, &before), without(&before, &after));
        before = after;
        let told = |pick: fn(&lsp_bridge::verify::FileReport) -> &Vec<Diagnostic>| {
            let mut told: Vec<(String, String)> = report
                .files
                .iter()
                .flat_map(|file| {
                    pick(file)
                        .iter()
                        .filter(|one| is_finding(one))
                        .map(|one| (file.path.clone(), one.message.clone()))
                })
                .collect();
            told.sort();
            told
        };
        let (told_new, told_fixed) = (told(|file| &file.delta.new), told(|file| &file.delta.fixed));
        if report.verdict() == Verdict::Inconclusive {
            tally.inconclusive += 1;
        } else if (&told_new, &told_fixed) == (&new, &fixed) {
            tally.exact += 1;
        } else {
            say(&format!("{path}: told {told_new:?} {told_fixed:?}, true {new:?} {fixed:?}"));
            tally.missed += 1;
            tally.falsely_clean += usize::from(told_new.is_empty() && !new.is_empty());
        }
    }
    tally.latencies_ms.sort_unstable();
    tally
}

#[test]
fn every_delta_is_the_difference_of_two_whole_runs() {
    let edits = std::env::var("ANCHORD_EDITS").ok().and_then(|edits| edits.parse().ok());
    let edits = edits.unwrap_or(6);
    let wanted = std::env::var("ANCHORD_SERVER").ok();
    for language in LANGUAGES {
        let is_wanted = wanted.as_ref().is_none_or(|name| name == language.server);
        if !is_wanted || Spawner.find(language.program).is_none() {
            say(&format!("{} was passed over", language.server));
            continue;
        }
        let tally = run(&language, edits);
        let median = tally.latencies_ms[tally.latencies_ms.len() / 2];
        say(&format!(
            "{}: {} exact, {} missed, {} falsely clean, {} inconclusive, median {median} ms",
            language.server, tally.exact, tally.missed, tally.falsely_clean, tally.inconclusive
        ));
        assert_eq!((tally.missed, tally.falsely_clean), (0, 0), "{}", language.server);
    }
}
