//! The house rules, held by tests: who may import whom (the table of rooms in
//! `docs/architecture.md`), what only some rooms may reach for, how long
//! functions and files may be, what may not stand in the tree.
//!
//! Imports are read from the syntax of every file: `use` in all its forms, and
//! paths in expressions, types, attributes and the arguments of macros. What a
//! method call reaches is not seen; it needs no arrow that is not there already.

use std::collections::BTreeMap;
use std::path::Path;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The most lines of a function, from its signature to its last brace.
const FUNCTION_LINES: usize = 70;

/// The most lines of a file, its tests left out.
const FILE_LINES: usize = 800;

/// The crates of the workspace, as paths name them, and where their modules lie.
const CRATES: [(&str, &str); 5] = [
    ("anchord", "src/"),
    ("engine", "engine/src/"),
    ("grammars", "grammars/src/"),
    ("hostile", "tests/hostile/src/"),
    ("lsp_bridge", "lsp-bridge/src/"),
];

/// What only some places may name, with the reason.
const RESERVED: [Reserved; 6] = [
    Reserved {
        paths: &["std::fs", "tokio::fs"],
        places: &[
            "engine/src/store/os/",
            "src/bench/files.rs",
            "src/cli/edit.rs",
            "src/cli/tour/",
            "src/daemon/",
            "src/process/",
            "src/state/",
        ],
        why: "user files are touched through engine::store alone",
    },
    Reserved {
        paths: &["std::process::Command", "tokio::process"],
        places: &["src/process/"],
        why: "only src/process starts processes",
    },
    Reserved {
        paths: &["std::env"],
        places: &["src/cli/", "src/daemon/", "grammars/benches/", "engine/benches/"],
        why: "only the command line and the daemon read the environment",
    },
    Reserved {
        paths: &["std::time::SystemTime", "std::time::Instant", "std::time::UNIX_EPOCH"],
        places: &["src/", "grammars/src/", "lsp-bridge/src/"],
        why: "the engine has no clock",
    },
    Reserved {
        paths: &["serde", "serde_json"],
        places: &["src/", "lsp-bridge/src/", "engine/src/format/"],
        why: "wire and stored forms are no concern of the engine; some edit formats are JSON",
    },
    Reserved {
        paths: &["tokio"],
        places: &["src/daemon/", "src/faces/", "lsp-bridge/src/"],
        why: "everything below the faces is synchronous, but for what waits for language servers",
    },
];

struct Reserved {
    paths: &'static [&'static str],
    /// Beginnings of the paths of files.
    places: &'static [&'static str],
    why: &'static str,
}

#[test]
fn rooms_import_what_the_table_allows() {
    let rooms = Rooms::read(&page("docs/architecture.md"));
    let mut wrong = Vec::new();
    for source in sources() {
        let module = module_of(&source.path);
        for import in read(&source).imports {
            if let Err(why) = rooms.check(&module, &import) {
                wrong.push(format!("{}:{}: {why}", source.path, import.line));
            }
        }
    }
    none("imports that the table of rooms does not allow", &wrong);
}

#[test]
fn every_module_has_a_room_and_every_room_exists() {
    let rooms = Rooms::read(&page("docs/architecture.md"));
    let modules: Vec<Parts> = sources().iter().map(|source| module_of(&source.path)).collect();
    // A crate's root only says which modules there are.
    let homeless = modules.iter().filter(|module| module.len() > 1 && rooms.of(module).is_none());
    none("modules without a room", &homeless.map(|module| module.join("::")).collect::<Vec<_>>());
    let empty = rooms.rows.iter().filter(|room| !modules.iter().any(|m| m.starts_with(&room.path)));
    none("rooms that do not exist", &empty.map(|room| room.path.join("::")).collect::<Vec<_>>());
}

#[test]
fn arrows_go_down_only() {
    let rooms = Rooms::read(&page("docs/architecture.md"));
    let mut wrong = Vec::new();
    for (index, room) in rooms.rows.iter().enumerate() {
        for entry in room.may.iter().chain(&room.in_tests) {
            let below = rooms.rows[index + 1..].iter().any(|other| meet(&other.path, entry));
            if !below {
                wrong.push(format!("{} → {}", room.path.join("::"), entry.join("::")));
            }
        }
    }
    none("arrows to a room that does not stand below", &wrong);
}

#[test]
fn only_some_places_reach_for_the_surroundings() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !is_test(&source.path)) {
        for import in read(source).imports {
            let met = RESERVED.iter().filter(|reserved| reserved.is_met_by(&import.path));
            let strange = |reserved: &&Reserved| {
                !reserved.places.iter().any(|place| source.path.starts_with(place))
            };
            wrong.extend(met.filter(strange).map(|reserved| {
                let (file, line) = (&source.path, import.line);
                format!("{file}:{line}: {}: {}", import.path.join("::"), reserved.why)
            }));
        }
    }
    none("paths that are reserved for other rooms", &wrong);
}

#[test]
fn the_engine_depends_on_no_serialization_and_no_runtime() {
    let manifest = page("engine/Cargo.toml");
    let rows = manifest.lines().skip_while(|row| *row != "[dependencies]").skip(1);
    let names: Vec<&str> = rows
        .take_while(|row| !row.starts_with('['))
        .filter_map(|row| row.split(['.', ' ', '=']).next())
        .filter(|name| ["serde", "tokio", "chrono", "time"].contains(name))
        .collect();
    none("dependencies that the engine must not have", &names);
}

#[test]
fn every_file_says_what_it_is() {
    let sources = sources();
    let silent = sources.iter().filter(|source| !source.text.starts_with("//! "));
    none("files that do not open with //!", &silent.map(|s| &s.path).collect::<Vec<_>>());
}

#[test]
fn functions_and_files_fit() {
    let mut wrong = Vec::new();
    for source in sources() {
        let facts = read(&source);
        let long = facts.functions.iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES);
        wrong.extend(long.map(|(name, line, lines)| {
            format!("{}:{line}: fn {name} has {lines} lines", source.path)
        }));
        let lines = source.text.lines().count() - facts.test_lines;
        if lines > FILE_LINES && !is_test(&source.path) {
            wrong.push(format!("{} has {lines} lines without its tests", source.path));
        }
    }
    none("functions or files that are too long", &wrong);
}

#[test]
fn every_exception_has_a_reason() {
    let sources = sources();
    let bare = sources.iter().flat_map(|source| {
        let lines = read(source).bare_exceptions.into_iter();
        lines.map(move |line| format!("{}:{line}", source.path))
    });
    none("allow or expect without a reason", &bare.collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_for_later_and_no_machine_is_named() {
    // Put together here, so that this file does not hold them.
    let later = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME"];
    let machine = ["work", "root"].map(|name| format!("/{name}/"));
    let mut wrong = Vec::new();
    for (path, text) in files() {
        for (row, number) in text.lines().zip(1..) {
            let left = later.iter().find(|mark| has_word(row, mark));
            let named = machine.iter().find(|place| has_place(row, place));
            wrong.extend(left.or(named).map(|what| format!("{path}:{number}: {what}")));
        }
    }
    none("marks for later, or paths of a machine", &wrong);
}

/// Fails with what was found, if anything was.
#[track_caller]
fn none<T: std::fmt::Display>(what: &str, found: &[T]) {
    let rows: Vec<String> = found.iter().map(|one| format!("  {one}")).collect();
    assert!(found.is_empty(), "{what}:\n{}", rows.join("\n"));
}

fn has_word(row: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    row.split(|c| !part(c)).any(|other| other == word)
}

/// Returns whether `row` names a place of the file system, not a part of one.
fn has_place(row: &str, place: &str) -> bool {
    row.match_indices(place).any(|(at, _)| {
        let before = row[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '}' | '/'))
    })
}

/// A path in parts, the crate first.
type Parts = Vec<String>;

fn parts(path: &str) -> Parts {
    path.split("::").map(str::to_owned).collect()
}

/// Returns whether one path lies in the other.
fn meet(one: &[String], other: &[String]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

impl Reserved {
    fn is_met_by(&self, path: &[String]) -> bool {
        // To import a whole parent is to import what is reserved in it.
        self.paths.iter().any(|reserved| meet(path, &parts(reserved)))
    }
}

/// The table of rooms.
struct Rooms {
    rows: Vec<Room>,
}

struct Room {
    path: Parts,
    may: Vec<Parts>,
    in_tests: Vec<Parts>,
}

impl Rooms {
    /// Reads the table whose first column is headed `room`: names stand between
    /// backticks, everything else is for people.
    fn read(page: &str) -> Rooms {
        let mut rows = page.lines().skip_while(|row| !row.starts_with("| room |")).skip(2);
        let mut rooms = Rooms { rows: Vec::new() };
        for row in rows.by_ref().take_while(|row| row.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            let [names, _, may] = cells[..] else { panic!("no row of three cells: {row}") };
            let (may, in_tests) = may.split_once("tests also").unwrap_or((may, ""));
            for name in quoted(names) {
                let path = room_path(name);
                let full = |entry: &str| full_path(entry, &path[0]);
                let may = quoted(may).map(full).collect();
                let in_tests = quoted(in_tests).map(full).collect();
                rooms.rows.push(Room { path: path.clone(), may, in_tests });
            }
        }
        assert!(!rooms.rows.is_empty(), "the page holds no table of rooms");
        rooms
    }

    /// Returns the room that a module belongs to.
    fn of(&self, module: &[String]) -> Option<&Room> {
        let rooms = self.rows.iter().filter(|room| module.starts_with(&room.path));
        rooms.max_by_key(|room| room.path.len())
    }

    fn check(&self, module: &[String], import: &Import) -> Result<(), String> {
        let ours = CRATES.iter().any(|(name, _)| import.path[0] == *name);
        if !ours || import.path.starts_with(module) {
            return Ok(());
        }
        let path = import.path.join("::");
        let Some(room) = self.of(module) else {
            return Err(format!("{path}, from {}, which has no room", module.join("::")));
        };
        let allowed = |entries: &[Parts]| entries.iter().any(|e| import.path.starts_with(e));
        let own = import.path.starts_with(&room.path);
        match own || allowed(&room.may) || import.in_test && allowed(&room.in_tests) {
            true => Ok(()),
            false => Err(format!("{} imports {path}", room.path.join("::"))),
        }
    }
}

/// Returns what stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Returns the path of the room that the table calls `name`.
fn room_path(name: &str) -> Parts {
    let krate = CRATES.iter().find(|(_, folder)| folder.trim_end_matches("/src/") == name);
    match (name.strip_prefix("src/"), krate) {
        (Some(file), _) if file.ends_with(".rs") => vec![name.to_owned()],
        (Some(room), _) => vec!["anchord".to_owned(), room.to_owned()],
        (None, Some((krate, _))) => vec![(*krate).to_owned()],
        (None, None) => parts(name),
    }
}

/// Returns what an entry means in the row of a room of crate `krate`.
fn full_path(entry: &str, krate: &str) -> Parts {
    let path = parts(&entry.replace('-', "_"));
    let names_crate = CRATES.iter().any(|(name, _)| path[0] == *name);
    match names_crate {
        true => path,
        false => [vec![krate.to_owned()], path].concat(),
    }
}

/// Returns the module that a file holds; what is no crate of the workspace is
/// called by its directory.
fn module_of(file: &str) -> Parts {
    if file == "src/main.rs" {
        return vec![file.to_owned()];
    }
    let krate = CRATES.iter().find_map(|(name, folder)| Some((*name, file.strip_prefix(folder)?)));
    let (krate, rest) = krate.unwrap_or_else(|| {
        let of_tests = [
            "engine/tests/",
            "grammars/tests/",
            "grammars/benches/",
            "engine/benches/",
            "lsp-bridge/tests/",
            "tests/hostile/tests/",
            "tests/",
            "benches/",
        ];
        let folder = of_tests.into_iter().find(|folder| file.starts_with(folder));
        let folder = folder.unwrap_or_else(|| panic!("{file} lies in no crate"));
        // One binary a directory: its name is no module.
        let rest = file[folder.len()..].split_once('/').map_or("main.rs", |(_, rest)| rest);
        (folder.trim_end_matches('/'), rest)
    });
    let mut module = vec![krate.to_owned()];
    module.extend(rest.trim_end_matches(".rs").split('/').map(str::to_owned));
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

/// One file of Rust.
struct Source {
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let sources = files().into_iter().filter(|(path, _)| path.ends_with(".rs"));
    let sources: Vec<Source> = sources.map(|(path, text)| Source { path, text }).collect();
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    sources
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.starts_with("benches/") || path.contains("/tests/")
}

/// Returns the text files of the tree, as version control keeps them, by their
/// paths from its root.
fn files() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let walk = ignore::WalkBuilder::new(root)
        .hidden(false)
        .parents(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let entries = walk.map(|entry| entry.expect("the tree can be read"));
    let files = entries.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    files
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(root).expect("it lies in the tree");
            Some((path.to_str()?.to_owned(), text_of(entry.path())?))
        })
        .collect()
}

/// Returns a file of the tree, by its path from the root.
pub(crate) fn page(path: &str) -> String {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    text_of(&whole).unwrap_or_else(|| panic!("{path} is not there, or no text"))
}

#[expect(clippy::disallowed_methods, reason = "a file of the project, no user's file")]
fn text_of(path: &Path) -> Option<String> {
    String::from_utf8(std::fs::read(path).ok()?).ok()
}

/// What the rules ask of one file.
#[derive(Default)]
struct Facts {
    imports: Vec<Import>,
    /// Name, line and length of each function.
    functions: Vec<(String, usize, usize)>,
    /// Lines with an exception that gives no reason.
    bare_exceptions: Vec<usize>,
    /// Number of lines that are tests.
    test_lines: usize,
}

/// A path that a file names, from its crate on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    path: Parts,
    line: usize,
    in_test: bool,
}

fn read(source: &Source) -> Facts {
    let file =
        syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
    let mut reader = Reader { module: module_of(&source.path), ..Reader::default() };
    reader.visit_file(&file);
    reader.facts
}

/// Walks the syntax of one file.
#[derive(Default)]
struct Reader {
    /// Where the walk is, modules within the file included.
    module: Parts,
    in_test: bool,
    facts: Facts,
}

impl Reader {
    /// Notes a path, once it is known what its first parts mean here.
    fn note(&mut self, path: &[String], span: Span) {
        let mut module = self.module.clone();
        let mut rest = path;
        match rest.first().map(String::as_str) {
            Some("crate") => {
                module.truncate(1);
                rest = &rest[1..];
            }
            Some("self" | "super") => {
                while let Some(step @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if step == "super" {
                        module.pop();
                    }
                    rest = &rest[1..];
                }
            }
            _ => module.clear(),
        }
        module.extend_from_slice(rest);
        let import = Import { path: module, line: span.start().line, in_test: self.in_test };
        if !import.path.is_empty() && !self.facts.imports.contains(&import) {
            self.facts.imports.push(import);
        }
    }

    fn note_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.note_tree(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) if name.ident == "self" => {
                self.note(before, name.ident.span())
            }
            syn::UseTree::Name(name) => self.note(&with(&name.ident), name.ident.span()),
            syn::UseTree::Rename(name) if name.ident == "self" => {
                self.note(before, name.ident.span());
            }
            syn::UseTree::Rename(name) => self.note(&with(&name.ident), name.ident.span()),
            syn::UseTree::Glob(glob) => self.note(before, glob.span()),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.note_tree(tree, before));
            }
        }
    }

    /// Notes the paths in tokens that nobody has parsed: a macro's or an
    /// attribute's arguments.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.note_tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while is_colon(at + 1) && is_colon(at + 2) {
                        let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else { break };
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.note(&path, first.span());
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn note_function(&mut self, signature: &syn::Signature, end: Span) {
        let line = signature.span().start().line;
        let lines = end.end().line + 1 - line;
        self.facts.functions.push((signature.ident.to_string(), line, lines));
    }

    /// Walks what `attributes` may mark as a test.
    fn within(&mut self, attributes: &[syn::Attribute], walk: impl FnOnce(&mut Reader)) {
        let outer = self.in_test;
        self.in_test |= attributes.iter().any(is_test_mark);
        walk(self);
        self.in_test = outer;
    }
}

/// Returns whether an attribute is `#[test]`, or a `#[cfg]` that asks for tests.
fn is_test_mark(attribute: &syn::Attribute) -> bool {
    match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) => list.path.is_ident("cfg") && asks_for_tests(list.tokens.clone()),
        _ => false,
    }
}

/// Returns whether a condition needs `test`: alone, or as a part of `all`.
fn asks_for_tests(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    let is =
        |at: usize, name: &str| matches!(tokens.get(at), Some(TokenTree::Ident(i)) if i == name);
    (0..tokens.len()).any(|at| match &tokens[at] {
        TokenTree::Ident(_) => is(at, "test"),
        TokenTree::Group(group) => at > 0 && is(at - 1, "all") && asks_for_tests(group.stream()),
        _ => false,
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes: &[syn::Attribute] = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => &[],
        };
        let outer = self.in_test;
        self.within(attributes, |reader| {
            if reader.in_test && !outer {
                let span = item.span();
                reader.facts.test_lines += span.end().line + 1 - span.start().line;
            }
            visit::visit_item(reader, item);
        });
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Parts = path.segments.iter().map(|part| part.ident.to_string()).collect();
        // One name alone is something that a `use` has brought in.
        if parts.len() > 1 {
            self.note(&parts, path.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.note_tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            let excepts = list.path.is_ident("allow") || list.path.is_ident("expect");
            let has_reason = list
                .tokens
                .clone()
                .into_iter()
                .any(|token| matches!(token, TokenTree::Ident(name) if name == "reason"));
            if excepts && !has_reason {
                self.facts.bare_exceptions.push(attribute.span().start().line);
            }
            if !excepts {
                self.note_tokens(list.tokens.clone());
            }
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note_function(&item.sig, item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note_function(&item.sig, item.block.span());
        self.within(&item.attrs, |reader| visit::visit_impl_item_fn(reader, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.note_function(&item.sig, block.span());
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// Holds what is read from `source`, a file at `path`, against what it names.
#[track_caller]
fn check(path: &str, source: &str, names: &[&str]) {
    let source = Source { path: path.to_owned(), text: source.to_owned() };
    let imports = read(&source).imports.into_iter();
    let found = imports.map(|import| {
        let mark = if import.in_test { " in a test" } else { "" };
        import.path.join("::") + mark
    });
    assert_eq!(found.collect::<Vec<_>>(), names);
}

#[test]
fn imports_are_read_from_every_form_of_use() {
    let file = "src/service/ops/read.rs";
    check(file, "use engine::plan;", &["engine::plan"]);
    check(
        file,
        "use engine::{plan::{self, Plan}, text::*};",
        &["engine::plan", "engine::plan::Plan", "engine::text"],
    );
    check(
        file,
        "pub(crate) use crate::{state as s, tokens};",
        &["anchord::state", "anchord::tokens"],
    );
    check(file, "use super::reject::Rows;", &["anchord::service::ops::reject::Rows"]);
    check(file, "use super::super::super::state;", &["anchord::state"]);
    check(file, "use self::inner::X;", &["anchord::service::ops::read::inner::X"]);
    check(file, "fn f() { use std::fs; }", &["std::fs"]);
    check("src/service/mod.rs", "use super::state;", &["anchord::state"]);
    check("engine/src/plan/mod.rs", "use crate::text;", &["engine::text"]);
    check("engine/tests/it/world.rs", "use crate::sound;", &["engine/tests::sound"]);
    check("tests/it/docs.rs", "use anchord::protocol;", &["anchord::protocol"]);
}

#[test]
fn imports_are_read_from_paths() {
    let file = "src/state/mod.rs";
    check(file, "fn f() -> engine::hash::Hash { g() }", &["engine::hash::Hash"]);
    check(
        file,
        "fn f() { crate::cli::g::<super::cli::T>() }",
        &["anchord::cli::g", "anchord::cli::T"],
    );
    check(file, "static X: Vec<Box<dyn engine::store::Fs>> = vec![];", &["engine::store::Fs"]);
    check(
        file,
        "fn f() { g!(a, [crate::cli::X { b: engine::plan::C }]) }",
        &["anchord::cli::X", "engine::plan::C"],
    );
    check(file, "#[derive(serde::Serialize)] struct S;", &["serde::Serialize"]);
    check(file, "impl engine::verify::Check for S {}", &["engine::verify::Check"]);
    check(file, "fn f() { let engine = 1; engine + 1; }", &[]);
    check(file, "/// [`crate::cli`]\nfn f() { \"engine::plan\"; } // engine::plan", &[]);
}

#[test]
fn code_in_tests_is_told_from_other_code() {
    let source = "use a::b; #[cfg(test)] mod tests { use super::X; #[test] fn f() { c::d() } }";
    check(
        "grammars/src/check.rs",
        source,
        &["a::b", "grammars::check::X in a test", "c::d in a test"],
    );
    check("grammars/src/check.rs", "#[cfg(not(test))] use a::b;", &["a::b"]);
    check("grammars/src/check.rs", "#[cfg(any(test, x))] use a::b;", &["a::b"]);
    check("grammars/src/check.rs", "#[cfg(all(x, test))] use a::b;", &["a::b in a test"]);
    check("grammars/src/check.rs", "#[cfg(test)] use a::b; use c::d;", &["a::b in a test", "c::d"]);
}

#[test]
fn a_table_allows_what_it_names_and_no_more() {
    let rooms = Rooms::read(concat!(
        "| room | owns | may import |\n|---|---|---|\n",
        "| `src/client` | a | `protocol`, `service::api` for its values |\n",
        "| `grammars` | b | `engine::text`; tests also `engine::edit` |\n",
        "| `engine::plan`, `engine::drift` | c | `text` |\n",
    ));
    let allows = |module: &str, path: &str, in_test| {
        let import = Import { path: parts(path), line: 1, in_test };
        rooms.check(&parts(module), &import).is_ok()
    };
    for path in
        ["anchord::protocol::wire", "anchord::service::api", "anchord::client::x", "std::fs"]
    {
        assert!(allows("anchord::client::x", path, false), "{path}");
    }
    for path in ["anchord::service", "anchord::service::ops", "anchord::servicex", "engine::text"] {
        assert!(!allows("anchord::client::x", path, false), "{path}");
    }
    assert!(allows("engine::drift", "engine::text::Eol", false));
    assert!(!allows("engine::drift", "engine::plan", false));
    assert!(allows("grammars::check", "engine::edit", true));
    assert!(!allows("grammars::check", "engine::edit", false));
    assert!(!allows("anchord::cli", "anchord::client", false), "a module without a room");
}

#[test]
fn lengths_and_exceptions_are_read() {
    let text = "#[allow(dead_code)]\nfn f() {\n}\nimpl X {\n    #[expect(a, reason = \"b\")]\n    \
                fn g(\n    ) {\n    }\n}\n#[cfg(test)]\nmod tests {\n}\n";
    let facts = read(&Source { path: "src/cli/mod.rs".to_owned(), text: text.to_owned() });
    assert_eq!(facts.functions, [("f".to_owned(), 2, 2), ("g".to_owned(), 6, 3)]);
    assert_eq!((facts.bare_exceptions, facts.test_lines), (vec![1], 3));
}

#[test]
fn marks_are_whole_words_and_places_are_whole_paths() {
    let (mark, place) = ("TO".to_owned() + "DO", format!("/{}/", "work"));
    assert!(has_word(&format!("// {mark}: later"), &mark));
    assert!(!has_word(&format!("{mark}S are not marks"), &mark));
    assert!(has_place(&format!("see {place}x"), &place));
    assert!(!has_place(&format!("a{place}x"), &place));
}
