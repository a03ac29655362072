//! Real files: those of published packages in the folder that `ANCHORD_FILES` names
//! (`.ci/files` makes one), else those of the packages that the project itself is
//! built from. Of each language some are taken by a rule that knows nothing of how
//! they come out (`files.rs`), and every one of them counts.
//!
//! # What it means that a file passes
//!
//! - It is read: check, outline and constructs have an answer.
//! - Its outline holds together: the path of each symbol means that symbol.
//! - Edits at a definition that do no harm (`slips.rs`) bring in no error.
//! - Slips there, each an error in its language, are found, as new, and the row that
//!   is named (`Judgement::line`) is the row in which the slip was made.
//! - Where the file is sound and its grammar exact, each slip is refused.
//!
//! A healthy file that its grammar reads with errors (macros, another version of the
//! language) is excused from nothing but the last: what is new is told there too.
//! How many files are sound, and how many of the definitions that one can see without
//! a parser (`defined.rs`) are in the outlines, is held by a bar for each language.
//! Every text is Markdown, so that nothing in it is an error. Of more than 20 files of
//! a language one in a hundred is excused.

mod defined;
mod files;
mod slips;

use std::collections::BTreeMap;
use std::time::Duration;

use engine::drift::Constructs;
use engine::snapshot::Snapshot;
use grammars::lexeme::Lexeme;
use grammars::outline::{Outline, Resolution};
use grammars::parse::Limits;
use grammars::worker::LIMITS;
use grammars::{Language, SyntaxCheck};

use files::{RealFile, taken};
use slips::{Slip, Sound, Spot};

/// Files of each language, unless `ANCHORD_CASES` says otherwise.
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

/// What was counted of one language.
#[derive(Debug, Default)]
struct Counts {
    files: usize,
    bytes: usize,
    /// Files that parse without an error.
    sound: usize,
    /// Definitions that one can see, and those of them that the outline holds. Not
    /// among them: those that it lacks and that are tokens of a macro, of which only
    /// the macro knows what they are.
    defined: [usize; 3],
    /// Of each slip: how often it was made, found, found at its row; made where it
    /// has to be refused, refused there.
    slips: BTreeMap<Slip, [usize; 5]>,
    /// Of each harmless edit: how often it was made, and called an error.
    harmless: BTreeMap<Sound, [usize; 2]>,
    /// The lengths of the outlines, in hundredths of the files'.
    outlines: Vec<usize>,
}

#[test]
fn real_files_are_parsed_checked_and_outlined() {
    let each = std::env::var("ANCHORD_CASES").ok().and_then(|text| text.parse().ok());
    let each = each.unwrap_or(FILES);
    let files = taken(&files::folder(), each);
    println!("language: files, KB, sound; definitions, in the outline, in macros; outline %");
    println!("  slip: made, found, at its row; to be refused, refused / no harm: made, called one");
    let (mut outlines, mut short) = (Vec::new(), Vec::new());
    for language in Language::all() {
        let mut counts = Counts::default();
        files.get(language.id).into_iter().flatten().for_each(|file| counts.count(file));
        println!("{}: {}", language.id, counts.text());
        if HELD.contains(&language.id) {
            match counts.files >= FILES {
                true => short.extend(counts.short_of(language)),
                false => println!("  passed over: fewer than {FILES} files (see .ci/files)"),
            }
        }
        // Data has keys, of which an outline tells little.
        let is_code = !["json", "jsonc", "toml", "yaml", "markdown", "html"].contains(&language.id);
        outlines.extend(counts.outlines.into_iter().filter(|_| is_code));
    }
    outlines.sort_unstable();
    let median = outlines.get(outlines.len() / 2);
    println!("median outline of {} files of code: {median:?} %", outlines.len());
    assert!(short.is_empty(), "{short:#?}");
}

impl Counts {
    fn text(&self) -> String {
        let mut outlines = self.outlines.clone();
        outlines.sort_unstable();
        let median = outlines.get(outlines.len() / 2).copied().unwrap_or_default();
        let Counts { files, bytes, sound, defined, slips, harmless, .. } = self;
        let [all, held, in_macros] = defined;
        let kb = bytes / 1000;
        format!(
            "{files}, {kb}, {sound}; {all}, {held}, {in_macros}; {median}\n  {slips:?} / {harmless:?}"
        )
    }

    /// Returns what falls short of the bars.
    fn short_of(&self, language: &Language) -> Vec<String> {
        let mut short = Vec::new();
        let mut hold = |is_held: bool, what: String| {
            if !is_held {
                short.push(format!("{}: {what}", language.id));
            }
        };
        // In the long form there are always some files that no grammar is made for.
        let excused = if self.files > FILES { self.files.div_ceil(100) } else { 0 };
        for (slip, [made, found, at_its_row, certain, refused]) in &self.slips {
            hold(found + excused >= *made, format!("{slip:?} is not always found"));
            hold(at_its_row + excused >= *made, format!("{slip:?} is not found at its row"));
            hold(refused + excused >= *certain, format!("{slip:?} is not always refused"));
        }
        hold(language.total || self.slips.len() >= 3, "few slips can be made".to_owned());
        for (edit, [_, errors]) in &self.harmless {
            hold(*errors <= excused, format!("{edit:?} is called an error"));
        }
        let is_exact = language.reading() == "exact";
        hold(!is_exact || self.sound * 10 >= self.files * 9, "few are sound".to_owned());
        let [all, held, _] = self.defined;
        hold(held * 100 >= all * 95, "many definitions are not in the outlines".to_owned());
        short
    }

    /// Tries a file.
    fn count(&mut self, file: &RealFile) {
        // How long a parse may take is held elsewhere, and not on a busy machine.
        let limits = Limits { time: Duration::from_secs(20), ..LIMITS };
        let check = SyntaxCheck::here(limits);
        let (name, before) = (&file.path, &file.content);
        let found = check.findings(name, before).unwrap_or_else(|why| panic!("{name}: {why}"));
        let outline = check.outline(name, before).unwrap_or_else(|why| panic!("{name}: {why}"));
        let nesting = check.constructs(name, before).expect("what has an outline has constructs");
        assert!(nesting.constructs().len() <= outline.symbols().len());
        paths_lead_back(name, &outline);
        let is_sound = found.diagnostics.is_empty();
        self.files += 1;
        self.bytes += before.bytes.len();
        self.sound += usize::from(is_sound);
        self.outlines.push(100 * outline.text(2).len() / before.bytes.len());
        if is_sound {
            self.count_defined(file, &check, &outline);
        }
        let Some(spot) = Spot::of(file.language, before, &outline) else {
            return;
        };
        for slip in Slip::ALL {
            self.count_slip(file, &check, slip, &spot, is_sound);
        }
        for sound in Sound::ALL {
            self.count_harmless(file, &check, sound, &spot);
        }
    }

    fn count_defined(&mut self, file: &RealFile, check: &SyntaxCheck, outline: &Outline) {
        let text = String::from_utf8_lossy(&file.content.bytes);
        for (row, line) in text.lines().enumerate() {
            let Some(name) = defined::defined(file.language.id, line) else { continue };
            let start = file.content.lines.start(row);
            let at = start + (name.as_ptr() as usize - line.as_ptr() as usize);
            let place = at..at + name.len();
            let lexeme = check.lexemes(&file.path, &file.content, std::slice::from_ref(&place));
            let is_code = lexeme.is_ok_and(|found| found == [Lexeme::Code]);
            // The keys of data are texts.
            let is_data = ["json", "jsonc", "yaml"].contains(&file.language.id);
            if !is_code && !is_data {
                continue;
            }
            let mut symbols = outline.symbols().iter().filter(|one| one.lines.contains(&row));
            let is_held = symbols.any(|one| one.name.contains(name));
            if !is_held && slips::is_in_macro(file.language, &file.content, at) {
                self.defined[2] += 1;
                continue;
            }
            self.defined[0] += 1;
            self.defined[1] += usize::from(is_held);
            show(!is_held, || format!("not in the outline: {name} in row {row} of {}", file.path));
        }
    }

    fn count_slip(
        &mut self,
        file: &RealFile,
        check: &SyntaxCheck,
        slip: Slip,
        spot: &Spot,
        is_sound: bool,
    ) {
        let before = &file.content;
        let Some((change, row)) = slip.at(file.language, before, spot) else { return };
        let after = before.after(&change);
        let judged = check.judge(&file.path, before, &after, &change);
        let judged = judged.unwrap_or_else(|why| panic!("{slip:?} in {}: {why}", file.path));
        let line = judged.line(&after);
        let is_certain = is_sound && file.language.reading() == "exact";
        let count = self.slips.entry(slip).or_default();
        count[0] += 1;
        count[1] += usize::from(line.is_some());
        count[2] += usize::from(line == Some(row));
        count[3] += usize::from(is_certain);
        count[4] += usize::from(is_certain && judged.is_broken());
        let new = &judged.delta.new;
        show(line != Some(row), || {
            format!("{slip:?} in {row} is in {line:?}: {} {new:?}", file.path)
        });
    }

    fn count_harmless(&mut self, file: &RealFile, check: &SyntaxCheck, sound: Sound, spot: &Spot) {
        let before: &Snapshot = &file.content;
        let Some(change) = sound.at(file.language, before, spot) else { return };
        let judged = check.judge(&file.path, before, &before.after(&change), &change);
        let judged = judged.unwrap_or_else(|why| panic!("{sound:?} in {}: {why}", file.path));
        let new = &judged.delta.new;
        let count = self.harmless.entry(sound).or_default();
        count[0] += 1;
        count[1] += usize::from(!new.is_empty());
        show(!new.is_empty(), || format!("{sound:?} is an error in {}: {new:?}", file.path));
    }
}

/// Says what came out otherwise than it should, if that is asked for.
fn show(is_wrong: bool, what: impl FnOnce() -> String) {
    if is_wrong && std::env::var_os("ANCHORD_SHOW").is_some() {
        println!("    {}", what());
    }
}

#[track_caller]
fn paths_lead_back(name: &str, outline: &Outline) {
    for index in 0..outline.symbols().len() {
        let path = outline.path(index);
        let leads = match outline.resolve(&path) {
            Resolution::None => false,
            Resolution::One(one) => one == index,
            Resolution::Many(found) => found.contains(&index),
        };
        assert!(leads, "{name}: {path}");
    }
}
