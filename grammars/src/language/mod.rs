//! Languages: which file is written in which, and the grammar for it.
//!
//! The registry is a static table, one row a language and one cargo feature a
//! row. A file is found by its path, then by the shebang of its first line, then
//! by how it begins; where its text shows that it only borrows the name (a C++ header, a Helm
//! template), it is in the other language or in none. No answer is better than
//! a wrong one: the wrong grammar refuses sound edits.

mod table;

use engine::text::BOM;
use memchr::memmem;

use table::LANGUAGES;

/// A language and how its files are recognised.
#[derive(Debug)]
pub struct Language {
    /// The name used on the wire.
    pub id: &'static str,
    /// Patterns for the last component of a path or, where they hold a `/`, for
    /// its last two; `*` stands once, for any text. The longest match decides.
    pub globs: &'static [&'static str],
    /// Programs that a shebang names, without their version.
    pub interpreters: &'static [&'static str],
    /// How its files begin, in small letters, whatever they are called.
    pub(crate) openings: &'static [&'static str],
    /// Other languages whose files bear the same names.
    pub(crate) look_alikes: &'static [LookAlike],
    /// Whether a comma may stand before a closing bracket, which the grammar
    /// rejects.
    pub(crate) has_last_commas: bool,
    /// Whether every text is well formed, so that there is nothing to check.
    pub total: bool,
    /// Whether its scanner was tried with mutated files long enough to be trusted
    /// within this process.
    pub(crate) is_proven: bool,
    /// The query that finds what has a name: a file of `queries/`.
    pub(crate) query: &'static str,
    /// Whether a function may be defined in several clauses that follow each
    /// other.
    pub(crate) has_clauses: bool,
    /// How well the grammar reads healthy files.
    pub(crate) reading: Reading,
    /// What its grammar lets pass, though the language does not.
    pub(crate) lenience: Lenience,
    /// Whether the statements of a block must begin in one column, which the
    /// grammar does not ask for.
    pub(crate) has_indents: bool,
    /// Whether any sequence of its top-level items is a file as well, so that some
    /// of them can be parsed alone.
    pub(crate) has_windows: bool,
    /// How the grammar's own scanner remembers nesting.
    pub(crate) nesting: Nesting,
    pub(crate) grammar: fn() -> tree_sitter::Language,
}

/// Another language whose files bear the same names.
#[derive(Debug)]
pub(crate) struct LookAlike {
    /// Texts that only it has.
    pub(crate) marks: &'static [&'static str],
    /// Its name in the registry; empty where the registry lacks it.
    pub(crate) id: &'static str,
}

/// How well a grammar reads the healthy files of its language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each kind belongs to a language, which the build may lack")]
pub(crate) enum Reading {
    /// Nearly all of them without an error.
    Exact,
    /// Those in which no macro changes what the text looks like.
    Preprocessed,
    /// Many with an error: dialects, templates, recent syntax.
    Loose,
}

/// What a grammar takes for sound that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each kind belongs to a language, which the build may lack")]
pub(crate) enum Lenience {
    /// Nothing that is known.
    None,
    /// Tags that close nothing, and elements that are never closed.
    Tags,
    /// A brace that closes nothing.
    Braces,
}

/// How the scanner of a grammar, which is written by hand in C, keeps track of
/// nesting. It may write 1,024 bytes of state and some write more: then the
/// process is aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each kind belongs to a language, which the build may lack")]
pub(crate) enum Nesting {
    /// It does not, or stops by itself when its state is full.
    Safe,
    /// Two bytes for each indentation that is open (Python).
    Indents,
    /// Four bytes for each mapping and sequence that is open (YAML).
    Blocks,
}

impl Language {
    /// Returns the language of a file named `path` that holds `bytes`, if the
    /// registry has it. Look-alikes are told apart by the first mebibyte.
    pub fn of(path: &str, bytes: &[u8]) -> Option<&'static Language> {
        let language = Language::of_path(path)
            .or_else(|| Language::of_shebang(bytes))
            .or_else(|| Language::of_opening(bytes))?;
        let head = bytes.get(..1 << 20).unwrap_or(bytes);
        let has = |mark: &&str| memmem::find(head, mark.as_bytes()).is_some();
        let other = language.look_alikes.iter().find(|other| other.marks.iter().any(has));
        other.map_or(Some(language), |other| Language::of_id(other.id))
    }

    /// Returns the language that files named `path` are usually in. Letter case
    /// counts: `.C` is C++ by custom.
    pub fn of_path(path: &str) -> Option<&'static Language> {
        let best = LANGUAGES.iter().filter_map(|language| {
            let matching = language.globs.iter().filter(|glob| matches(glob, path));
            Some((matching.map(|glob| glob.len()).max()?, language))
        });
        best.max_by_key(|(len, _)| *len).map(|(_, language)| language)
    }

    /// Returns the language of the interpreter that the first line of `bytes`
    /// names.
    pub fn of_shebang(bytes: &[u8]) -> Option<&'static Language> {
        let interpreter = interpreter(bytes)?;
        let named = |language: &&Language| language.interpreters.contains(&interpreter);
        LANGUAGES.iter().find(named)
    }

    /// Returns the language whose files begin as `bytes` do, blanks and the
    /// byte-order mark left aside.
    pub fn of_opening(bytes: &[u8]) -> Option<&'static Language> {
        let text = bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start();
        let opens = |opening: &&str| {
            let head = text.get(..opening.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(opening.as_bytes()))
        };
        LANGUAGES.iter().find(|language| language.openings.iter().any(opens))
    }

    /// Returns the language with this `id`.
    pub fn of_id(id: &str) -> Option<&'static Language> {
        LANGUAGES.iter().find(|language| language.id == id)
    }

    /// Returns how well the grammar reads healthy files: `exact`, nearly all
    /// without an error; `preprocessed`, those in which no macro changes what the
    /// text looks like; `loose`, many only with errors.
    pub fn reading(&self) -> &'static str {
        match self.reading {
            Reading::Exact => "exact",
            Reading::Preprocessed => "preprocessed",
            Reading::Loose => "loose",
        }
    }

    /// Returns every language that this build knows.
    pub fn all() -> &'static [Language] {
        LANGUAGES
    }

    /// Returns the grammar.
    pub fn grammar(&self) -> tree_sitter::Language {
        (self.grammar)()
    }
}

/// Returns whether `glob` fits the end of `path`.
fn matches(glob: &str, path: &str) -> bool {
    let components = 1 + glob.matches('/').count();
    let start = path.rmatch_indices('/').nth(components - 1);
    let end_of_path = &path[start.map_or(0, |(at, _)| at + 1)..];
    match glob.split_once('*') {
        None => end_of_path == glob,
        Some((head, tail)) => {
            end_of_path.len() >= head.len() + tail.len()
                && end_of_path.starts_with(head)
                && end_of_path.ends_with(tail)
        }
    }
}

/// Returns the program that a shebang starts, without directory and version:
/// `python` for `#!/usr/bin/env -S python3.13 -u`.
fn interpreter(bytes: &[u8]) -> Option<&str> {
    // The kernel reads no more than 256 bytes of the line either.
    let line = bytes.get(..256).unwrap_or(bytes).strip_prefix(b"#!")?;
    let line = line.split(|&byte| byte == b'\n').next()?;
    let mut words = str::from_utf8(line).ok()?.split_ascii_whitespace().map(program);
    let first = words.next()?;
    let program = match first {
        "env" => words.find(|word| !word.starts_with('-') && !word.contains('='))?,
        _ => first,
    };
    Some(program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

/// Returns the last component of a path.
fn program(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expected: Option<&str>) {
        let found = Language::of(path, text.as_bytes());
        assert_eq!(found.map(|language| language.id), expected);
    }

    #[test]
    fn each_grammar_fits_this_tree_sitter() {
        for language in Language::all() {
            let mut parser = tree_sitter::Parser::new();
            parser
                .set_language(&language.grammar())
                .expect("the grammar has an ABI that this tree-sitter reads");
        }
    }

    #[test]
    fn no_name_has_two_languages() {
        let mut seen = std::collections::HashSet::new();
        for language in Language::all() {
            let interpreters = language.interpreters.iter().map(|name| ("runs", *name));
            let globs = language.globs.iter().map(|name| ("matches", *name));
            for name in interpreters.chain(globs).chain([("is", language.id)]) {
                assert!(seen.insert(name), "{name:?} twice");
            }
        }
    }

    #[test]
    fn a_glob_fits_the_end_of_a_path() {
        assert!(matches("*.rs", "a/b.rs") && matches("*.rs", ".rs"));
        assert!(!matches("*.rs", "a.rs/b") && !matches("*.rs", "ars"));
        assert!(matches(".vscode/*.json", "x/.vscode/launch.json"));
        assert!(matches(".vscode/*.json", ".vscode/launch.json"));
        assert!(!matches(".vscode/*.json", "x.vscode/launch.json"));
        assert!(!matches("a*a", "a"));
    }

    #[test]
    fn a_path_has_the_language_of_its_longest_match() {
        check("src/lib.rs", "", Some("rust"));
        check("a/b.json", "", Some("json"));
        check("tsconfig.build.json", "", Some("jsonc"));
        check(".vscode/settings.json", "", Some("jsonc"));
        check("Cargo.lock", "", Some("toml"));
        check("a.d.ts", "", Some("typescript"));
        check("Main.C", "", Some("cpp"));
        check("noext", "", None);
        check("", "", None);
    }

    #[test]
    fn a_shebang_names_the_language_where_the_path_does_not() {
        check("bin/tool", "#!/bin/sh\n", Some("bash"));
        check("bin/tool", "#! /usr/bin/python3.13 -u", Some("python"));
        check("bin/tool", "#!/usr/bin/env node\n", Some("javascript"));
        check("bin/tool", "#!/usr/bin/env -S A=1 deno run\n", Some("typescript"));
        check("bin/tool", "#!/usr/bin/perl\n", None);
        check("bin/tool", "#!\n", None);
        check("bin/tool", "#!/usr/bin/env\n", None);
        check("bin/tool", "\n#!/bin/sh\n", None);
        check("tool.py", "#!/bin/sh\n", Some("python"));
    }

    #[cfg(feature = "all")]
    #[test]
    fn an_opening_names_the_language_where_nothing_else_does() {
        check("page", "\u{feff}\n<!doctype HTML>\n", Some("html"));
        check("index", "<?php\n", Some("php"));
        check("build/image", "# syntax=docker/dockerfile:1\nFROM a\n", Some("dockerfile"));
        check("page.md", "<!doctype html>\n", Some("markdown"));
        check("page", "text <!doctype html>\n", None);
    }

    #[test]
    fn a_look_alike_has_no_language() {
        check("a.h", "int f(void);\n", Some("c"));
        check("a.h", "#pragma once\nclass A {};\n", Some("cpp"));
        check("a.h", "@interface A\n@end\n", None);
        check("a.html", "<p>{{ a }}</p>\n", None);
        check("values.yaml", "a: 1\n", Some("yaml"));
        check("templates/a.yaml", "a: {{ .Values.a }}\n", None);
        check("a.ts", "<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n", None);
    }
}
