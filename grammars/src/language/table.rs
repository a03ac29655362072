//! The table of languages, in the order of their names.

use super::{Language, Lenience, LookAlike, Nesting, Reading};

/// A row with nothing but the defaults.
#[allow(dead_code, reason = "the build may lack every language")]
const PLAIN: Language = Language {
    id: "",
    query: "",
    has_clauses: false,
    is_proven: true,
    has_windows: false,
    has_indents: false,
    reading: Reading::Exact,
    globs: &[],
    interpreters: &[],
    openings: &[],
    look_alikes: &[],
    has_last_commas: false,
    lenience: Lenience::None,
    total: false,
    nesting: Nesting::Safe,
    grammar: || unreachable!("BUG: a row of the registry without a grammar"),
};

/// Templates of Helm, Jinja and their kin: they become what their name says
/// only when they are filled in.
#[allow(dead_code, reason = "the build may lack every language")]
const TEMPLATE: LookAlike =
    LookAlike { marks: &["{{-", "{{ .", "{{.", "{{ include", "{%"], id: "" };

pub(super) static LANGUAGES: &[Language] = &[
    #[cfg(feature = "lang-bash")]
    Language {
        id: "bash",
        query: include_str!("../../queries/bash.scm"),
        lenience: Lenience::Braces,
        has_windows: true,
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
        query: include_str!("../../queries/c.scm"),
        has_windows: true,
        reading: Reading::Preprocessed,
        globs: &["*.c", "*.h"],
        // Headers of C++ and Objective-C bear the same name.
        look_alikes: &[
            LookAlike { marks: &["@interface", "@protocol", "@class"], id: "objc" },
            LookAlike {
                marks: &[
                    "\nclass ",
                    "\nnamespace ",
                    "\nusing ",
                    "std::",
                    "template <",
                    "template<",
                ],
                id: "cpp",
            },
        ],
        grammar: || tree_sitter_c::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-cpp")]
    Language {
        id: "cpp",
        query: include_str!("../../queries/cpp.scm"),
        has_windows: true,
        reading: Reading::Preprocessed,
        globs: &[
            "*.C", "*.H", "*.c++", "*.cc", "*.cpp", "*.cxx", "*.h++", "*.hh", "*.hpp", "*.hxx",
            "*.inl", "*.ino", "*.ipp", "*.tpp",
        ],
        grammar: || tree_sitter_cpp::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-csharp")]
    Language {
        id: "csharp",
        query: include_str!("../../queries/csharp.scm"),
        globs: &["*.cs", "*.csx"],
        interpreters: &["dotnet-script"],
        grammar: || tree_sitter_c_sharp::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-css")]
    Language {
        id: "css",
        query: include_str!("../../queries/css.scm"),
        has_windows: true,
        reading: Reading::Loose,
        globs: &["*.css"],
        look_alikes: &[TEMPLATE],
        grammar: || tree_sitter_css::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-dockerfile")]
    Language {
        id: "dockerfile",
        query: include_str!("../../queries/dockerfile.scm"),
        reading: Reading::Loose,
        globs: &[
            "*.Containerfile",
            "*.Dockerfile",
            "*.dockerfile",
            "Containerfile",
            "Containerfile.*",
            "Dockerfile",
            "Dockerfile.*",
        ],
        openings: &["# syntax=docker/", "# syntax = docker/"],
        look_alikes: &[TEMPLATE],
        grammar: || tree_sitter_containerfile::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-elixir")]
    Language {
        id: "elixir",
        query: include_str!("../../queries/elixir.scm"),
        has_windows: true,
        has_clauses: true,
        globs: &["*.ex", "*.exs", "mix.lock"],
        interpreters: &["elixir"],
        grammar: || tree_sitter_elixir::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-go")]
    Language {
        id: "go",
        query: include_str!("../../queries/go.scm"),
        has_windows: true,
        globs: &["*.go"],
        grammar: || tree_sitter_go::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-haskell")]
    Language {
        id: "haskell",
        query: include_str!("../../queries/haskell.scm"),
        has_windows: true,
        has_clauses: true,
        globs: &["*.hs", "*.hs-boot"],
        interpreters: &["runghc", "runhaskell"],
        grammar: || tree_sitter_haskell::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-html")]
    Language {
        id: "html",
        query: include_str!("../../queries/html.scm"),
        reading: Reading::Loose,
        lenience: Lenience::Tags,
        globs: &["*.htm", "*.html", "*.xhtml"],
        openings: &["<!doctype html", "<html"],
        look_alikes: &[TEMPLATE, LookAlike { marks: &["<%", "<?php", "{{"], id: "" }],
        grammar: || tree_sitter_html::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-java")]
    Language {
        id: "java",
        query: include_str!("../../queries/java.scm"),
        globs: &["*.java"],
        grammar: || tree_sitter_java::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-javascript")]
    Language {
        id: "javascript",
        query: include_str!("../../queries/javascript.scm"),
        has_windows: true,
        globs: &["*.js", "*.jsx", "*.cjs", "*.mjs", "Jakefile"],
        interpreters: &["node", "nodejs"],
        // Flow has types, which JavaScript has not.
        look_alikes: &[LookAlike { marks: &["@flow"], id: "flow" }],
        grammar: || tree_sitter_javascript::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-json")]
    Language {
        id: "json",
        query: include_str!("../../queries/json.scm"),
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
        query: include_str!("../../queries/json.scm"),
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
        has_last_commas: true,
        grammar: || tree_sitter_json::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-kotlin")]
    Language {
        id: "kotlin",
        query: include_str!("../../queries/kotlin.scm"),
        has_windows: true,
        globs: &["*.kt", "*.kts"],
        interpreters: &["kotlin"],
        grammar: || tree_sitter_kotlin_ng::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-lua")]
    Language {
        id: "lua",
        query: include_str!("../../queries/lua.scm"),
        has_windows: true,
        globs: &["*.lua", "*.rockspec", ".luacheckrc"],
        interpreters: &["lua", "luajit"],
        grammar: || tree_sitter_lua::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-markdown")]
    Language {
        id: "markdown",
        query: include_str!("../../queries/markdown.scm"),
        // Once in a thousand mutated files, the scanner (0.5.4) aborts the process.
        is_proven: false,
        globs: &["*.md", "*.markdown", "*.mkd"],
        total: true,
        grammar: || tree_sitter_md::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-php")]
    Language {
        id: "php",
        query: include_str!("../../queries/php.scm"),
        globs: &["*.php", "*.phtml"],
        openings: &["<?php"],
        interpreters: &["php"],
        grammar: || tree_sitter_php::LANGUAGE_PHP.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-python")]
    Language {
        id: "python",
        query: include_str!("../../queries/python.scm"),
        has_windows: true,
        has_indents: true,
        globs: &["*.py", "*.pyi", "*.pyw", "SConscript", "SConstruct", "wscript"],
        interpreters: &["python", "pypy", "uv"],
        nesting: Nesting::Indents,
        grammar: || tree_sitter_python::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-ruby")]
    Language {
        id: "ruby",
        query: include_str!("../../queries/ruby.scm"),
        has_windows: true,
        globs: &[
            "*.gemspec",
            "*.podspec",
            "*.rake",
            "*.rb",
            "*.ru",
            ".irbrc",
            "Brewfile",
            "Capfile",
            "Fastfile",
            "Gemfile",
            "Guardfile",
            "Podfile",
            "Rakefile",
            "Vagrantfile",
        ],
        interpreters: &["jruby", "rake", "ruby"],
        grammar: || tree_sitter_ruby::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-rust")]
    Language {
        id: "rust",
        query: include_str!("../../queries/rust.scm"),
        has_windows: true,
        globs: &["*.rs"],
        interpreters: &["cargo", "rust-script"],
        grammar: || tree_sitter_rust::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-scala")]
    Language {
        id: "scala",
        query: include_str!("../../queries/scala.scm"),
        has_windows: true,
        globs: &["*.sbt", "*.sc", "*.scala"],
        interpreters: &["amm", "scala", "scala-cli"],
        grammar: || tree_sitter_scala::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-sql")]
    Language {
        id: "sql",
        query: include_str!("../../queries/sql.scm"),
        has_windows: true,
        reading: Reading::Loose,
        globs: &["*.sql"],
        look_alikes: &[TEMPLATE],
        grammar: || tree_sitter_sequel::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-swift")]
    Language {
        id: "swift",
        query: include_str!("../../queries/swift.scm"),
        has_windows: true,
        reading: Reading::Loose,
        globs: &["*.swift"],
        interpreters: &["swift"],
        grammar: || tree_sitter_swift::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-toml")]
    Language {
        id: "toml",
        query: include_str!("../../queries/toml.scm"),
        has_windows: true,
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
        id: "tsx",
        query: include_str!("../../queries/typescript.scm"),
        has_windows: true,
        globs: &["*.tsx"],
        grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-typescript")]
    Language {
        id: "typescript",
        query: include_str!("../../queries/typescript.scm"),
        has_windows: true,
        globs: &["*.ts", "*.cts", "*.mts"],
        interpreters: &["bun", "deno", "ts-node", "tsx"],
        // Translations of Qt programs bear the same name.
        look_alikes: &[LookAlike { marks: &["<!DOCTYPE TS"], id: "qt-linguist" }],
        grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-yaml")]
    Language {
        id: "yaml",
        query: include_str!("../../queries/yaml.scm"),
        has_windows: true,
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
        look_alikes: &[TEMPLATE],
        nesting: Nesting::Blocks,
        grammar: || tree_sitter_yaml::LANGUAGE.into(),
        ..PLAIN
    },
    #[cfg(feature = "lang-zig")]
    Language {
        id: "zig",
        query: include_str!("../../queries/zig.scm"),
        has_windows: true,
        globs: &["*.zig"],
        grammar: || tree_sitter_zig::LANGUAGE.into(),
        ..PLAIN
    },
];
