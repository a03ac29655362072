//! What a file defines, and its constructs read by name: what is shown, what
//! counts as seen, and what is asked when a name means none or several.

use std::path::PathBuf;

use anchord::tokens;
use engine::snapshot::Snapshot;
use grammars::SyntaxCheck;
use grammars::worker::LIMITS;
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

/// Files that are looked at.
const FILES: usize = 200;

/// Returns files of code of the packages that the project is built from, as the
/// package manager keeps them, a little of everything.
fn real_files() -> Vec<(String, Vec<u8>)> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sources = home.map(|home| home.join("registry/src")).into_iter();
    let walk = sources.flat_map(|sources| walkdir::WalkDir::new(sources).into_iter().flatten());
    let paths = walk.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    let is_code = |path: &PathBuf| {
        let known = path.extension().and_then(|extension| extension.to_str());
        ["rs", "c", "h", "cpp", "py", "js", "ts", "go", "java", "sh"].map(Some).contains(&known)
    };
    let mut paths: Vec<PathBuf> = paths.filter(is_code).collect();
    let mixed = |path: &PathBuf| {
        let bytes = path.as_os_str().as_encoded_bytes().iter();
        bytes
            .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))
            .reverse_bits()
    };
    paths.sort_by_key(mixed);
    let read = |path: PathBuf| Some((path.to_str()?.to_owned(), std::fs::read(path).ok()?));
    let is_plain = |bytes: &[u8]| (400..200_000).contains(&bytes.len());
    paths.into_iter().filter_map(read).filter(|(_, bytes)| is_plain(bytes)).take(FILES).collect()
}

#[test]
fn an_outline_costs_at_most_a_tenth_of_the_tokens_of_its_file() {
    let files = real_files();
    if files.len() < FILES {
        println!("only {} files are here", files.len());
        return;
    }
    let check = SyntaxCheck::here(LIMITS);
    let mut shares: Vec<usize> = Vec::new();
    for (path, bytes) in &files {
        let snapshot = Snapshot::of(bytes.clone());
        let Ok(outline) = check.outline(path, &snapshot) else { continue };
        let rows = format!("@{path} 481920\n{}", outline.text(usize::MAX));
        let file = tokens::count(&String::from_utf8_lossy(bytes));
        shares.push(1000 * tokens::count(&rows) / file.max(1));
    }
    shares.sort_unstable();
    let at = |part: usize| shares[(shares.len() - 1) * part / 4];
    println!("{} files; tokens in thousandths: {} {} {}", shares.len(), at(1), at(2), at(3));
    assert!(shares.len() >= FILES * 9 / 10, "{} files have outlines", shares.len());
    assert!(at(2) <= 100, "an outline costs {} thousandths of its file", at(2));
}
