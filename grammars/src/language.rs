//! Languages: which file is written in which, and the grammar for it.
//!
//! The registry is a static table, one row a language and one cargo feature a
//! row. A file is found by its path, then by the shebang of its first line;
//! where its text shows that it only borrows the name (a C++ header, a Helm
//! template), it has no language. No answer is better than a wrong one: the
//! wrong grammar refuses sound edits.

use memchr::memmem;

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
    /// Texts which show that a file is in another language after all.
    pub foreign: &'static [&'static str],
    /// Messages about what the grammar rejects, though the language allows it.
    pub tolerated: &'static [&'static str],
    /// Whether every text is well formed, so that there is nothing to check.
    pub total: bool,
    /// How the grammar's own scanner remembers nesting.
    pub(crate) nesting: Nesting,
    grammar: fn() -> tree_sitter::Language,
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
        let language = Language::of_path(path).or_else(|| Language::of_shebang(bytes))?;
        let head = bytes.get(..1 << 20).unwrap_or(bytes);
        let is_foreign = |mark: &&str| memmem::find(head, mark.as_bytes()).is_some();
        (!language.foreign.iter().any(is_foreign)).then_some(language)
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

    /// Returns the language with this `id`.
    pub fn of_id(id: &str) -> Option<&'static Language> {
        LANGUAGES.iter().find(|language| language.id == id)
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

/// A row with nothing but the defaults.
#[allow(dead_code, reason = "the build may lack every language")]
const PLAIN: Language = Language {
    id: "",
    globs: &[],
    interpreters: &[],
    foreign: &[],
    tolerated: &[],
    total: false,
    nesting: Nesting::Safe,
    grammar: || unreachable!("BUG: a row of the registry without a grammar"),
};

static LANGUAGES: &[Language] = &[
    #[cfg(feature = "lang-bash")]
    Language {
        id: "bash",
        globs: &[
            "*.sh",
            "*.bash",
            "*.ebuild",
            "*.eclass",
            ".bashrc",
            ".bash_aliases",
            ".bash_login",
            ".bash_logout",
            ".bash_profile",
            ".envrc",
            ".profile",
            "PKGBUILD",
        ],
        interpreters: &["bash", "sh", "dash", "ash"],
        grammar: || tree_sitter_bash::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-c")]
    Language {
        id: "c",
        globs: &["*.c", "*.h"],
        // Headers of C++ and Objective-C bear the same name.
        foreign: &[
            "\nclass ",
            "\nnamespace ",
            "\nusing ",
            "std::",
            "template <",
            "template<",
            "@interface",
            "@protocol",
            "@class",
        ],
        grammar: || tree_sitter_c::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-go")]
    Language { id: "go", globs: &["*.go"], grammar: || tree_sitter_go::LANGUAGE.into(), ..PLAIN },
    #[cfg(feature = "lang-java")]
    Language {
        id: "java",
        globs: &["*.java"],
        grammar: || tree_sitter_java::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-javascript")]
    Language {
        id: "javascript",
        globs: &["*.js", "*.jsx", "*.cjs", "*.mjs", "Jakefile"],
        interpreters: &["node", "nodejs"],
        // Flow has types, which JavaScript has not.
        foreign: &["@flow"],
        grammar: || tree_sitter_javascript::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-json")]
    Language {
        id: "json",
        globs: &[
            "*.json",
            "*.geojson",
            "*.ipynb",
            "*.jsonl",
            "*.ndjson",
            "*.webmanifest",
            "Pipfile.lock",
            "composer.lock",
            "deno.lock",
            "flake.lock",
        ],
        grammar: || tree_sitter_json::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-json")]
    Language {
        id: "jsonc",
        globs: &[
            "*.code-snippets",
            "*.code-workspace",
            "*.jsonc",
            ".devcontainer.json",
            ".eslintrc.json",
            ".jshintrc",
            ".swcrc",
            ".vscode/*.json",
            "deno.json",
            "devcontainer.json",
            "jsconfig*.json",
            "tsconfig*.json",
        ],
        // A comma may stand before the closing bracket.
        tolerated: &["unexpected `,`", "missing number"],
        grammar: || tree_sitter_json::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-markdown")]
    Language {
        id: "markdown",
        globs: &["*.md", "*.markdown", "*.mkd"],
        total: true,
        grammar: || tree_sitter_md::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-python")]
    Language {
        id: "python",
        globs: &["*.py", "*.pyi", "*.pyw", "SConscript", "SConstruct", "wscript"],
        interpreters: &["python", "pypy", "uv"],
        nesting: Nesting::Indents,
        grammar: || tree_sitter_python::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-rust")]
    Language {
        id: "rust",
        globs: &["*.rs"],
        interpreters: &["cargo", "rust-script"],
        grammar: || tree_sitter_rust::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-toml")]
    Language {
        id: "toml",
        globs: &[
            "*.toml",
            ".cargo/config",
            "Cargo.lock",
            "Pipfile",
            "pdm.lock",
            "poetry.lock",
            "uv.lock",
        ],
        grammar: || tree_sitter_toml_ng::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-typescript")]
    Language {
        id: "typescript",
        globs: &["*.ts", "*.cts", "*.mts"],
        interpreters: &["bun", "deno", "ts-node", "tsx"],
        // Translations of Qt programs bear the same name.
        foreign: &["<!DOCTYPE TS"],
        grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-typescript")]
    Language {
        id: "tsx",
        globs: &["*.tsx"],
        grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-yaml")]
    Language {
        id: "yaml",
        globs: &[
            "*.yaml",
            "*.yml",
            "*.cff",
            "*.sublime-syntax",
            ".clang-format",
            ".clang-tidy",
            ".clangd",
            ".yamllint",
            "pubspec.lock",
        ],
        // Templates of Helm and Jinja become YAML only when they are filled in.
        foreign: &["{{-", "{{ .", "{{.", "{{ include", "{%"],
        nesting: Nesting::Blocks,
        grammar: || tree_sitter_yaml::LANGUAGE.into(),
        ..PLAIN
    },
];

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
        check("Main.C", "", None);
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

    #[test]
    fn a_look_alike_has_no_language() {
        check("a.h", "int f(void);\n", Some("c"));
        check("a.h", "#pragma once\nclass A {};\n", None);
        check("values.yaml", "a: 1\n", Some("yaml"));
        check("templates/a.yaml", "a: {{ .Values.a }}\n", None);
        check("a.ts", "<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n", None);
    }
}
