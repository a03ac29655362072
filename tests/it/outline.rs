//! What a file defines, and its constructs read by name: what is shown, what
//! counts as seen, and what is asked when a name means none or several.

use std::collections::HashMap;
use std::path::PathBuf;

use anchord::tokens;
use serde_json::{Value, json};

use crate::world::{Client, Daemon, World, applied, rejected};

const LIB: &str = "\
//! Parts.

/// A part.
#[derive(Debug)]
pub struct Part {
    name: String,
}

impl Part {
    pub fn new(name: &str) -> Part {
        Part { name: name.to_owned() }
    }
}

impl Default for Part {
    fn default() -> Part {
        Part::new(\"part\")
    }
}

pub mod tests {
    pub fn new() {}
}
";

fn open(files: &[(&str, &str)]) -> (World, Daemon) {
    let world = World::with(files);
    let daemon = world.serve();
    (world, daemon)
}

#[test]
fn an_outline_shows_lines_and_signatures() {
    let (_world, daemon) = open(&[("src/lib.rs", LIB)]);
    let mut client = daemon.open();
    let answer = client.call("file/outline", json!({"path": "src/lib.rs"}));
    let rows = "\
3-7\tpub struct Part
9-13\timpl Part
10-12\t  pub fn new(name: &str) -> Part
15-19\timpl Default for Part
16-18\t  fn default() -> Part
21-23\tpub mod tests
22\t  pub fn new()
";
    assert_eq!(answer["text"], rows, "{answer}");
    assert_eq!(answer["language"], "rust");
    assert_eq!(answer["reading"], "exact");
    assert_eq!(answer["total_lines"], 23);
    let mut check = |params: Value, text: &str, more: bool| {
        let answer = client.call("file/outline", params);
        assert_eq!(answer["text"], text, "{answer}");
        assert_eq!(answer["more"].as_bool().unwrap_or(false), more);
    };
    let path = "src/lib.rs";
    let inner = "15-19\timpl Default for Part\n16-18\t  fn default() -> Part\n";
    check(json!({"path": path, "symbol": "Default for Part"}), inner, false);
    let tops = "3-7\tpub struct Part\n9-13\timpl Part\n15-19\timpl Default for Part\n21-23\tpub mod tests\n";
    check(json!({"path": path, "depth": 1}), tops, false);
    check(json!({"path": path, "limit": 1}), "3-7\tpub struct Part\n", true);
}

#[test]
fn of_an_outline_only_the_lines_that_it_shows_whole_are_seen() {
    let text = "def first(a):\n    return a\n\nclass Second:\n  def inner(self):\n    return 2\n";
    let (world, daemon) = open(&[("a.py", text)]);
    let mut client = daemon.open();
    let answer = client.call("file/outline", json!({"path": "a.py"}));
    assert_eq!(answer["text"], "1-2\tdef first(a):\n4-6\tclass Second:\n5-6\t  def inner(self):\n");
    assert_eq!(answer["shown"], json!([[1, 1], [4, 5]]));
    let handle = answer["handle"].as_str().unwrap();
    let line =
        |line: usize, text: &str| json!([{"op": "replace", "lines": [line, line], "text": text}]);
    rejected(&client.edit("a.py", handle, line(2, "    return b\n")), "unseen");
    applied(&client.edit("a.py", handle, line(1, "def first(a, b):\n")));
    assert!(world.text("a.py").starts_with("def first(a, b):\n    return a\n"));
}

#[test]
fn a_construct_is_read_by_its_path_or_around_a_line() {
    let (world, daemon) = open(&[("src/lib.rs", LIB)]);
    let mut client = daemon.open();
    let mut read = |what: Value| {
        let mut params = what;
        params["path"] = "src/lib.rs".into();
        client.call("file/read", params)
    };
    let answer = read(json!({"symbol": "impl Part > fn new"}));
    assert_eq!(answer["symbol"], "impl Part > fn new");
    assert_eq!(answer["shown"], json!([[10, 12]]));
    assert!(answer["text"].as_str().unwrap().starts_with("10\t    pub fn new(name"));
    // What is written above a construct belongs to it.
    assert_eq!(read(json!({"symbol": "struct Part"}))["shown"], json!([[3, 7]]));
    assert_eq!(read(json!({"symbol": "Part::default"}))["shown"], json!([[16, 18]]));
    let around = read(json!({"around": 17}));
    assert_eq!(around["symbol"], "impl Default for Part > fn default");
    assert_eq!(around["shown"], json!([[16, 18]]));
    let handle = around["handle"].as_str().unwrap().to_owned();
    let ops = json!([{"op": "replace", "lines": [17, 17], "text": "        Part::new(\"x\")\n"}]);
    applied(&client.edit("src/lib.rs", &handle, ops));
    assert!(world.text("src/lib.rs").contains("Part::new(\"x\")"));
}

#[test]
fn a_name_that_means_none_or_several_is_refused_with_what_it_may_mean() {
    let (_world, daemon) = open(&[("src/lib.rs", LIB), ("notes.txt", "a\n")]);
    let mut client = daemon.open();
    let mut refused = |params: Value, code: &str, message: &str| {
        let answer = client.call("file/read", params);
        let rejection = rejected(&answer, code).clone();
        assert_eq!(rejection["message"], message);
        rejection
    };
    let several = refused(
        json!({"path": "src/lib.rs", "symbol": "new"}),
        "ambiguous",
        "\"new\" may mean impl Part > fn new (10-12), mod tests > fn new (22-22)",
    );
    assert_eq!(several["candidates"], json!([[10, 12], [22, 22]]));
    refused(
        json!({"path": "src/lib.rs", "symbol": "fn defaults"}),
        "not_found",
        "no construct is called \"fn defaults\"; alike are impl Default for Part > fn default (16-18)",
    );
    refused(
        json!({"path": "src/lib.rs", "around": 1}),
        "not_found",
        "no construct stands around line 1",
    );
    refused(
        json!({"path": "src/lib.rs", "around": 1, "lines": [[1, 2]]}),
        "malformed",
        "give one of lines, symbol and around",
    );
    refused(
        json!({"path": "notes.txt", "symbol": "a"}),
        "unsupported",
        "the file is in no language that has a grammar here",
    );
    let answer = client.call("file/outline", json!({"path": "notes.txt"}));
    rejected(&answer, "unsupported");
}

#[test]
fn an_outline_is_of_the_content_that_is_named() {
    let (world, daemon) = open(&[("a.py", "def old():\n    pass\n")]);
    let mut client = daemon.open();
    let outline = |client: &mut Client, params: Value| client.call("file/outline", params);
    let handle = outline(&mut client, json!({"path": "a.py"}))["handle"].clone();
    world.write("a.py", "def new():\n    pass\n");
    assert_eq!(outline(&mut client, json!({"path": "a.py"}))["text"], "1-2\tdef new():\n");
    let old = outline(&mut client, json!({"path": "a.py", "handle": handle}));
    assert_eq!(old["text"], "1-2\tdef old():\n");
}

/// How many files are outlined, and how many of one language.
const REAL_FILES: usize = 200;
const OF_ONE_LANGUAGE: usize = 40;

/// Lines of a page: whoever wants to know what stands on one reads it.
const PAGE: usize = 50;

/// Returns real files of many languages: those of the packages this is built
/// from, and of the folder that `ANCHORD_FILES` names, mixed.
fn real_files() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let folders = home.map(|home| home.join("registry/src"));
    let folders = folders.into_iter().chain(std::env::var_os("ANCHORD_FILES").map(PathBuf::from));
    let walked = folders.flat_map(|folder| walkdir::WalkDir::new(folder).into_iter().flatten());
    let files = walked.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort_by_key(|path| xxhash_rust::xxh32::xxh32(path.as_os_str().as_encoded_bytes(), 0));
    files.retain(|path| path.to_str().and_then(grammars::Language::of_path).is_some());
    files
}

#[test]
fn an_outline_takes_a_tenth_of_its_file() {
    let world = World::new();
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut shares = Vec::new();
    let mut of_language = HashMap::new();
    for (number, path) in real_files().into_iter().enumerate() {
        if shares.len() == REAL_FILES {
            break;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let language = path.to_str().and_then(grammars::Language::of_path);
        let outlined = of_language.entry(language.map(|language| language.id)).or_insert(0);
        if text.lines().count() < PAGE || *outlined == OF_ONE_LANGUAGE {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name in plain text");
        let name = format!("{number}/{name}");
        world.write(&name, &text);
        let answer = client.call("file/outline", json!({"path": name}));
        // A file without a definition is none to outline.
        if let Some(outline) = answer["text"].as_str().filter(|outline| !outline.is_empty()) {
            *outlined += 1;
            shares.push(100 * tokens::count(outline) / tokens::count(&text).max(1));
        }
    }
    shares.sort_unstable();
    let of = |share: usize| shares.get(shares.len() * share / 100).copied().unwrap_or(0);
    let files = shares.len();
    println!(
        "outlines: {files} real files, {} % of the tokens on the median, {} % of nine in ten",
        of(50),
        of(90)
    );
    assert!(files < 20 || of(50) <= 10, "{shares:?}");
}
