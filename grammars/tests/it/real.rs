//! Real files: those of the packages that the project itself is built from, as
//! the package manager keeps them, and of the folder that `ANCHORD_FILES` names.
//! A language of which there are too few is passed over, and said so.

use std::path::{Path, PathBuf};

use engine::drift::Constructs;
use engine::edit::{Change, Edit};
use engine::snapshot::Snapshot;
use grammars::check::Unread;
use grammars::worker::LIMITS;
use grammars::{Language, SyntaxCheck};

/// Files of each language.
const FILES: usize = 20;

/// The languages that are held to the bars: those of the default build. The
/// others are counted.
const HELD: [&str; 17] = [
    "bash",
    "c",
    "cpp",
    "css",
    "go",
    "html",
    "java",
    "javascript",
    "json",
    "jsonc",
    "markdown",
    "python",
    "rust",
    "toml",
    "tsx",
    "typescript",
    "yaml",
];

/// Files that are looked at, of all there are.
const WALK_MAX: usize = 60_000;

/// What was counted of one language.
#[derive(Debug, Default)]
struct Counts {
    files: usize,
    bytes: usize,
    sound: usize,
    named: usize,
    reported: usize,
    refused: usize,
    /// The lengths of the outlines, in hundredths of the files'.
    outlines: Vec<usize>,
}

#[test]
fn real_files_are_parsed_checked_and_outlined() {
    let files = files();
    println!("language: files, KB; sound, named, injected error at its row, refused; outline %");
    let mut outlines = Vec::new();
    for language in Language::all() {
        let of_language = files.iter().filter(|path| {
            Language::of_path(&path.to_string_lossy()).is_some_and(|one| one.id == language.id)
        });
        let mut counts = Counts::default();
        for path in of_language {
            if counts.files < FILES {
                count(path, &mut counts);
            }
        }
        println!("{}: {}", language.id, counts.text());
        if counts.files == FILES && HELD.contains(&language.id) {
            counts.hold(language);
        }
        // Data has keys, of which an outline tells little.
        let is_code = !["json", "jsonc", "toml", "yaml", "markdown", "html"].contains(&language.id);
        outlines.extend(counts.outlines.into_iter().filter(|_| is_code));
    }
    outlines.sort_unstable();
    println!(
        "median outline of {} files of code: {:?} %",
        outlines.len(),
        outlines.get(outlines.len() / 2)
    );
}

impl Counts {
    fn text(&self) -> String {
        let mut outlines = self.outlines.clone();
        outlines.sort_unstable();
        let median = outlines.get(outlines.len() / 2).copied().unwrap_or_default();
        let Counts { files, bytes, sound, named, reported, refused, .. } = self;
        format!("{files}, {}; {sound}, {named}, {reported}, {refused}; {median}", bytes / 1000)
    }

    #[track_caller]
    fn hold(&self, language: &Language) {
        let is = |ids: &[&str]| ids.contains(&language.id);
        // Few elements have an id, and small scripts no function.
        let is_named = is(&["html", "bash"]) || self.named * 10 >= FILES * 8;
        assert!(is_named, "{}: few files have names: {self:?}", language.id);
        let is_sound = is(&["c", "cpp", "css", "html"]) || self.sound * 10 >= FILES * 9;
        assert!(is_sound, "{}: few files are sound: {self:?}", language.id);
        // A grammar of HTML takes nearly everything, that of Kotlin gives up the
        // whole class.
        let is_reported =
            language.total || is(&["html", "kotlin"]) || self.reported * 10 >= FILES * 9;
        assert!(is_reported, "{}: few errors are found: {self:?}", language.id);
    }
}

fn count(path: &Path, counts: &mut Counts) {
    let (name, Some(bytes)) = (path.to_string_lossy(), read(path)) else {
        return;
    };
    let check = SyntaxCheck::here(LIMITS);
    let before = Snapshot::of(bytes);
    // Minified and generated files are not what people edit.
    let is_plain = (400..200_000).contains(&before.bytes.len()) && before.line_count() > 15;
    let found = match check.findings(&name, &before) {
        Ok(found) if is_plain => found,
        Err(Unread::NoLanguage | Unread::Encoding) | Ok(_) => return,
        Err(why) => panic!("{name}: {why:?}"),
    };
    counts.files += 1;
    counts.bytes += before.bytes.len();
    counts.sound += usize::from(found.diagnostics.is_empty());
    let outline = check.outline(&name, &before).expect("what is parsed has an outline");
    counts.named += usize::from(!outline.symbols().is_empty());
    counts.outlines.push(100 * outline.text(2).len() / before.bytes.len());
    let nesting = check.constructs(&name, &before).expect("what is parsed has constructs");
    assert!(nesting.constructs().len() <= outline.symbols().len());

    // Where something is defined, for in a comment every line is sound.
    let middle = before.line_count() / 2;
    let line = outline.symbols().iter().map(|symbol| symbol.lines.start);
    let line = line.min_by_key(|line| line.abs_diff(middle)).unwrap_or(middle);
    let at = before.lines.start(line);
    let edits = vec![Edit { range: at..at, text: injected(&name).into() }];
    let change = Change::new(edits, before.bytes.len()).expect("one edit");
    let after = before.after(&change);
    let judged = check.judge(&name, &before, &after, &change).expect("it was parsed before");
    let rows = judged.delta.new.iter().map(|fault| after.lines.line_at(fault.range.start));
    counts.reported += usize::from(rows.into_iter().any(|row| row.abs_diff(line) <= 1));
    counts.refused += usize::from(judged.is_broken());
}

/// Returns a line that stands nowhere in a file of the language.
fn injected(path: &str) -> &'static str {
    let id = Language::of_path(path).map_or("", |language| language.id);
    match id {
        "html" => "</b x=<\n",
        "yaml" => "]} : - {\n",
        _ => ")]\n",
    }
}

/// Returns the paths of the files, in an order that is always the same and takes
/// a little of everything.
fn files() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut open: Vec<PathBuf> = home.iter().map(|home| home.join("registry/src")).collect();
    // Looked into first, as the last.
    open.extend(std::env::var_os("ANCHORD_FILES").map(PathBuf::from));
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
        if files.len() > WALK_MAX {
            break;
        }
    }
    let mixed = |path: &PathBuf| {
        let bytes = path.as_os_str().as_encoded_bytes().iter();
        bytes
            .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))
            .reverse_bits()
    };
    files.sort_by_key(mixed);
    files
}

#[expect(clippy::disallowed_methods, reason = "files of packages, no user's file")]
fn read(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}
