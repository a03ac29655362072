//! Rows that stand for code that was left out.
//!
//! `// ... rest of the code unchanged ...` is a note from one who writes to one
//! who reads; as the text of an edit it deletes what it speaks of. A note that
//! says so in words is one wherever it stands. Three dots alone are one only
//! where the text leaves out lines of the range next to them: they are also a
//! body in Python, a parameter in C and a habit of comments everywhere.

use std::collections::HashSet;

use super::place::{Place, Work, is_blank};
use super::{Fix, Lint, LintKind};

/// A fix is looked for up to so many notes in one text.
const NOTES_MAX: usize = 16;

/// No note is longer.
const NOTE_BYTES_MAX: usize = 240;

/// So many rows around a note are compared at most to find its place.
const CONTEXT_MAX: usize = 8;

/// How plainly a row says that it stands for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// In words.
    Plain,
    /// By dots, or in words that may mean something else.
    Hint,
}

/// What begins a comment in some language, longer marks first.
const OPENERS: [&str; 16] = [
    "<!--", "{/*", "{{!--", "/**", "/*", "(*", "{#", "@*", "///", "//", "--", ";;", "#", ";", "%",
    "*",
];

/// What ends one.
const CLOSERS: [&str; 8] = ["--}}", "-->", "*/}", "*/", "*)", "#}", "*@", "--"];

/// Words that say that something is left as it is.
const CORE: [&str; 32] = [
    "existing",
    "rest",
    "remaining",
    "remainder",
    "unchanged",
    "same",
    "omitted",
    "previous",
    "before",
    "unmodified",
    "original",
    "elided",
    "truncated",
    "skipped",
    "snip",
    "snipped",
    "stays",
    "stay",
    "remains",
    "remain",
    "keep",
    "kept",
    "identical",
    "untouched",
    "intact",
    "continues",
    "unaltered",
    "abbreviated",
    "unaffected",
    "brevity",
    "as-is",
    "preserved",
];

/// Words that may stand beside them.
const FILLER: [&str; 78] = [
    "the",
    "of",
    "this",
    "that",
    "and",
    "in",
    "is",
    "are",
    "as",
    "it",
    "its",
    "for",
    "to",
    "here",
    "above",
    "below",
    "from",
    "with",
    "no",
    "not",
    "all",
    "any",
    "other",
    "others",
    "more",
    "etc",
    "code",
    "function",
    "functions",
    "method",
    "methods",
    "file",
    "class",
    "classes",
    "implementation",
    "implementations",
    "body",
    "logic",
    "lines",
    "line",
    "content",
    "contents",
    "imports",
    "section",
    "part",
    "parts",
    "block",
    "test",
    "tests",
    "fields",
    "properties",
    "props",
    "cases",
    "definitions",
    "handlers",
    "routes",
    "styles",
    "config",
    "options",
    "parameters",
    "arguments",
    "variables",
    "items",
    "entries",
    "elements",
    "module",
    "component",
    "script",
    "document",
    "statements",
    "declarations",
    "helpers",
    "your",
    "my",
    "goes",
    "just",
    "changes",
    "stuff",
];

pub(super) fn lint(work: &Work<'_>, place: &Place<'_>) -> Option<Lint> {
    let mut notes: Vec<(usize, Strength)> = Vec::new();
    for (row, text) in place.rows.iter().enumerate() {
        if let Some(strength) = strength(work, text) {
            notes.push((row, strength));
        }
    }
    if notes.is_empty() {
        return None;
    }
    let old = Removed::of(work, place);
    notes.retain(|(row, _)| !work.kept_notes().contains(place.rows[*row].trim().as_bytes()));
    let gaps = old.has_gap(place);
    notes.retain(|&(row, strength)| {
        strength == Strength::Plain || gaps && old.is_beside(place, row) && !is_code(place, row)
    });
    let (first, last) = (notes.first()?.0, notes.last()?.0);
    let rows: Vec<usize> = notes.iter().map(|(row, _)| *row).collect();
    let note: String = place.rows[first].trim().chars().take(32).collect();
    Some(Lint {
        kind: LintKind::Elision,
        op: place.op,
        rows: (first + 1, last + 1),
        message: format!(
            "row {} of the text, {note:?}, stands for code that it leaves out",
            first + 1
        ),
        fixes: fix(work, place, &rows).into_iter().collect(),
    })
}

/// Returns how plainly a row says that it stands for others, if it does at all.
fn strength(work: &Work<'_>, row: &str) -> Option<Strength> {
    // Few rows are short and hold one of these; all others are done with here.
    if row.len() > NOTE_BYTES_MAX {
        return None;
    }
    let dots = row.contains("...") || row.contains('…');
    let wordy = || row.len() < 100 && has_core(row);
    if !dots && !wordy() {
        return None;
    }
    let (text, in_comment) = uncommented(row.trim());
    let inner = text.trim_matches(|c: char| "[]()<>".contains(c) || c.is_whitespace());
    let words = inner.trim_matches(|c: char| matches!(c, '.' | '…') || c.is_whitespace());
    let before = inner.len() - inner.trim_start_matches(['.', '…']).len();
    let after = inner.len() - inner.trim_end_matches(['.', '…']).len();
    // A spread, `...rest`, begins with a name right behind the dots.
    let spread =
        before > 0 && inner[before..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let dots = before >= 3 && (in_comment || !spread) || after >= 3;
    if words.is_empty() {
        return dots.then_some(Strength::Hint);
    }
    let said = Said::of(words);
    let plain = said.core >= 1 && said.strange <= usize::from(said.core > 1);
    match (dots, in_comment) {
        (true, _) if plain && (in_comment || before >= 3 && said.words >= 2) => {
            Some(work.plainly())
        }
        (false, true) if said.core >= 2 && said.strange == 0 && said.words >= 3 => {
            Some(Strength::Hint)
        }
        _ => None,
    }
}

/// Returns the notes among the lines that go, trimmed: to write one again is to
/// keep it.
pub(super) fn notes_in<'a>(
    work: &Work<'a>,
    gone: impl Iterator<Item = &'a [u8]>,
) -> HashSet<&'a [u8]> {
    let is_note =
        |line: &&[u8]| std::str::from_utf8(line).is_ok_and(|row| strength(work, row).is_some());
    gone.filter(is_note).map(<[u8]>::trim_ascii).collect()
}

impl Work<'_> {
    /// Returns how plainly words speak in this file: in prose they are content.
    fn plainly(&self) -> Strength {
        if self.is_prose { Strength::Hint } else { Strength::Plain }
    }
}

fn has_core(row: &str) -> bool {
    words(row).any(|word| CORE.contains(&word.as_str()))
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
    parts.filter(|part| part.chars().any(char::is_alphanumeric)).map(str::to_lowercase)
}

/// The words of a note by their kind.
struct Said {
    words: usize,
    core: usize,
    strange: usize,
}

impl Said {
    fn of(text: &str) -> Said {
        let mut said = Said { words: 0, core: 0, strange: 0 };
        for word in words(text) {
            said.words += 1;
            match () {
                () if CORE.contains(&word.as_str()) => said.core += 1,
                () if FILLER.contains(&word.as_str()) => {}
                () => said.strange += 1,
            }
        }
        said
    }
}

/// Returns a row without the marks of a comment around it, and whether there
/// were any.
fn uncommented(row: &str) -> (&str, bool) {
    let Some(mark) = OPENERS.iter().find(|mark| row.starts_with(**mark)) else {
        return (row, false);
    };
    let text = row[mark.len()..].trim();
    let end = CLOSERS.iter().find(|end| text.ends_with(**end));
    (end.map_or(text, |end| text[..text.len() - end.len()].trim()), true)
}

/// Returns whether dots are code: a body in Python, the last parameter of a list.
fn is_code(place: &Place<'_>, row: usize) -> bool {
    if uncommented(place.rows[row].trim()).1 {
        return false;
    }
    let above = place.rows[..row].iter().rev().map(|row| row.trim()).find(|row| !row.is_empty());
    above.is_some_and(|above| {
        [":", ",", "(", "\"\"\"", "'''"].iter().any(|end| above.ends_with(end))
    })
}

/// What a note can be held against: the lines that go, trimmed.
struct Removed<'a>(HashSet<&'a [u8]>);

impl<'a> Removed<'a> {
    fn of(work: &Work<'a>, place: &Place<'_>) -> Removed<'a> {
        let lines = work.lines(place.old.clone()).map(<[u8]>::trim_ascii);
        Removed(lines.filter(|line| !line.is_empty()).collect())
    }

    /// Returns whether the text leaves out at least two lines of the range.
    fn has_gap(&self, place: &Place<'_>) -> bool {
        let written: HashSet<&[u8]> = place.rows.iter().map(|row| row.trim().as_bytes()).collect();
        self.0.iter().filter(|line| !written.contains(*line)).count() >= 2
    }

    /// Returns whether the row above or below `row` is a line of the range.
    fn is_beside(&self, place: &Place<'_>, row: usize) -> bool {
        let known = |row: &&str| self.0.contains(row.trim().as_bytes());
        let is_text = |row: &&&str| !row.trim().is_empty();
        let above = place.rows[..row].iter().rev().find(is_text);
        let below = place.rows[row + 1..].iter().find(is_text);
        above.is_some_and(known) || below.is_some_and(known)
    }
}

/// Returns the text with the lines that its notes stand for, where the rows next
/// to each note occur exactly once in the range, or are the ones it begins or
/// ends with.
fn fix(work: &Work<'_>, place: &Place<'_>, notes: &[usize]) -> Option<Fix> {
    if place.old.is_empty() || notes.len() > NOTES_MAX {
        return None;
    }
    let old = work.lines(place.old.clone()).map(std::str::from_utf8);
    let old: Vec<&str> = old.collect::<Result<_, _>>().ok()?;
    let mut rows: Vec<&str> = Vec::with_capacity(old.len());
    let (mut written, mut kept) = (0, 0);
    for (at, &note) in notes.iter().enumerate() {
        let next = notes.get(at + 1).map_or(place.rows.len(), |next| *next);
        let (above, below) = (&place.rows[written..note], &place.rows[note + 1..next]);
        let from_top = written == 0 && old.starts_with(above);
        let start = if from_top { above.len() } else { only_end(&old, above)? };
        let to_bottom = next == place.rows.len() && old.ends_with(below);
        let end = if to_bottom { old.len() - below.len() } else { only_start(&old, below)? };
        if start < kept || end < start {
            return None;
        }
        rows.extend(above);
        rows.extend(&old[start..end]);
        (written, kept) = (note + 1, end);
    }
    rows.extend(&place.rows[written..]);
    // If nothing but what was left out was meant, there is no edit to propose.
    let what = if notes.len() > 1 { "notes stand" } else { "note stands" };
    (rows != old).then(|| place.with_rows(work, format!("keep the lines the {what} for"), &rows))?
}

/// Returns where the last of `rows` end in `old`: behind the only place that has
/// them. More rows are taken until there is one place or none.
fn only_end(old: &[&str], rows: &[&str]) -> Option<usize> {
    let most = rows.len().min(CONTEXT_MAX);
    (1..=most).find_map(|count| only(old, &rows[rows.len() - count..]).map(|at| at + count))
}

/// Returns where the first of `rows` start in `old`.
fn only_start(old: &[&str], rows: &[&str]) -> Option<usize> {
    let most = rows.len().min(CONTEXT_MAX);
    (1..=most).find_map(|count| only(old, &rows[..count]))
}

/// Returns the only place in `old` that has `rows`, unless all are blank.
fn only(old: &[&str], rows: &[&str]) -> Option<usize> {
    if rows.iter().all(|row| is_blank(row.as_bytes())) {
        return None;
    }
    let mut places = old.windows(rows.len()).enumerate().filter(|(_, lines)| *lines == rows);
    let (at, _) = places.next()?;
    places.next().is_none().then_some(at)
}
