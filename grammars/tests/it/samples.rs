//! The samples: for each language a file that shows what its grammar has to
//! know, `samples/<id>.*`.

use std::path::{Path, PathBuf};

use engine::snapshot::Snapshot;
use engine::verify::{Check, Findings, Verdict};
use grammars::{Language, SyntaxCheck};

/// Returns the sample of a language.
fn sample(id: &str) -> (PathBuf, Vec<u8>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let entries = std::fs::read_dir(&folder).expect("the samples lie beside the tests");
    let path = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .find(|path| path.file_stem().is_some_and(|stem| stem == id))
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
