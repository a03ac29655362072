//! The samples: for each language a file that shows what its grammar has to
//! know, `samples/<id>.*`, and beside it what its outline is, `<id>.outline`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::snapshot::Snapshot;
use engine::verify::{Check, Findings, Verdict};
use grammars::outline::{Collected, Symbol, collect};
use grammars::parse::{Limits, Parse, parse};
use grammars::{Language, Outline, SyntaxCheck};

/// Returns whether a file is the outline of a sample.
fn is_expected(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "outline")
}

/// Returns the sample of a language.
fn sample(id: &str) -> (PathBuf, Vec<u8>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let entries = std::fs::read_dir(&folder).expect("the samples lie beside the tests");
    let path = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .find(|path| path.file_stem().is_some_and(|stem| stem == id) && !is_expected(path))
        .unwrap_or_else(|| panic!("no sample of {id}"));
    let bytes = read(&path);
    (path, bytes)
}

#[expect(clippy::disallowed_methods, reason = "a file of the project, no user's file")]
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_language_has_a_sample_that_it_parses() {
    for language in Language::all() {
        let (path, bytes) = sample(language.id);
        let path = path.to_str().expect("the samples have plain names");
        let found = Language::of(path, &bytes).map(|language| language.id);
        assert_eq!(found, Some(language.id), "{path}");
        let findings = SyntaxCheck::default().check(path, &Snapshot::of(bytes));
        let sound = Findings { verdict: Verdict::Fresh, diagnostics: Vec::new() };
        assert_eq!(findings, sound, "{path}");
    }
}

/// Returns the outline of a content, whatever it costs.
#[track_caller]
pub(crate) fn outline(language: &Language, snapshot: &Snapshot) -> Outline {
    let Parse::Parsed(tree) = parse(language, &snapshot.bytes, Limits::default()) else {
        panic!("a sample is parsed");
    };
    match collect(language, &tree, snapshot, Duration::from_secs(60)) {
        Collected::Outline(outline) => outline,
        other => panic!("{}: {other:?}", language.id),
    }
}

/// Returns one row a symbol: its lines, its path, its signature.
fn rows(outline: &Outline) -> String {
    let symbols = outline.symbols().iter().enumerate();
    let row = |(index, symbol): (usize, &Symbol)| {
        let (first, last) = (symbol.lines.start + 1, symbol.lines.end);
        let body = if symbol.body.is_some() { " …" } else { "" };
        format!("{first}-{last}\t{}\t{}{body}\n", outline.path(index), symbol.signature)
    };
    symbols.map(row).collect()
}

/// With `ANCHORD_BLESS=1` the expected outlines are written anew; then the
/// difference is for people to judge.
#[test]
fn every_sample_has_its_outline() {
    for language in Language::all() {
        let (path, bytes) = sample(language.id);
        let found = rows(&outline(language, &Snapshot::of(bytes)));
        let expected = path.with_file_name(format!("{}.outline", language.id));
        if std::env::var("ANCHORD_BLESS").is_ok() {
            write(&expected, &found);
        }
        assert_eq!(found, String::from_utf8_lossy(&read(&expected)), "{}", language.id);
    }
}

#[expect(clippy::disallowed_methods, reason = "a file of the project, no user's file")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the samples can be written");
}
