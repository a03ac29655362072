//! Names of files and lines that match: what is in scope and what is not, the
//! handles under which an edit can follow, and the bounds.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::world::{World, applied, rejected};

fn world() -> World {
    World::with(&[
        ("src/main.rs", "fn main() {\n    greet();\n}\n"),
        ("src/lib.rs", "pub fn greet() {\n    // Greet\n    todo();\n}\n"),
        ("docs/a.md", "# Greet\n"),
        (".hidden", "greet\n"),
        (".gitignore", "target/\n"),
        ("target/out.rs", "greet\n"),
        (".git/config", "greet\n"),
        ("image.bin", "greet\0\n"),
    ])
}

/// Returns path and matches of each file.
fn found(answer: &Value) -> Vec<(String, Value)> {
    let files = answer["files"].as_array().unwrap_or_else(|| panic!("{answer}"));
    files.iter().map(|f| (f["path"].as_str().unwrap().to_owned(), f["matches"].clone())).collect()
}

#[test]
fn a_list_names_what_is_neither_hidden_nor_ignored() {
    let world = world();
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut check = |params: Value, paths: &[&str], more: bool| {
        let answer = client.call("file/list", params);
        assert_eq!(answer["paths"], json!(paths), "{answer}");
        assert_eq!(answer["more"].as_bool().unwrap_or(false), more);
    };
    check(json!({}), &["docs/a.md", "image.bin", "src/lib.rs", "src/main.rs"], false);
    check(json!({"paths": ["src/"]}), &["src/lib.rs", "src/main.rs"], false);
    check(json!({"globs": ["*.md"]}), &["docs/a.md"], false);
    check(json!({"globs": ["src/m*"]}), &["src/main.rs"], false);
    check(json!({"depth": 1}), &["docs/", "image.bin", "src/"], false);
    check(json!({"limit": 1}), &["docs/a.md"], true);
    let all = [
        ".gitignore",
        ".hidden",
        "docs/a.md",
        "image.bin",
        "src/lib.rs",
        "src/main.rs",
        "target/out.rs",
    ];
    check(json!({"all": true}), &all, false);
}

#[test]
fn a_search_names_lines_under_handles_that_an_edit_can_follow() {
    let world = world();
    let daemon = world.serve();
    let mut client = daemon.open();
    let answer = client.call("file/search", json!({"pattern": r"\bgreet\b"}));
    let lines = |answer: &Value| found(answer);
    assert_eq!(
        lines(&answer),
        [("src/lib.rs".into(), json!([[1, 1]])), ("src/main.rs".into(), json!([[2, 2]]))]
    );
    let main = &answer["files"][1];
    assert_eq!(main["text"], "2\t    greet();\n");
    let ops = json!([{"op": "replace", "lines": [2, 2], "text": "    part();\n"}]);
    applied(&client.edit("src/main.rs", main["handle"].as_str().unwrap(), ops.clone()));
    assert_eq!(world.text("src/main.rs"), "fn main() {\n    part();\n}\n");
    // What the search did not show stays unseen.
    let other = client.edit("src/lib.rs", answer["files"][0]["handle"].as_str().unwrap(), ops);
    rejected(&other, "unseen");
}

#[test]
fn a_search_is_of_text_case_context_and_scope() {
    let world = world();
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut check = |params: Value, expected: Value| {
        let answer = client.call("file/search", params);
        let found: Vec<Value> = found(&answer).into_iter().map(|(p, m)| json!([p, m])).collect();
        assert_eq!(json!(found), expected, "{answer}");
    };
    check(
        json!({"pattern": "GREET", "ignore_case": true}),
        json!([
            ["docs/a.md", [[1, 1]]],
            ["src/lib.rs", [[1, 1], [2, 2]]],
            ["src/main.rs", [[2, 2]]]
        ]),
    );
    check(
        json!({"pattern": "greet()", "literal": true}),
        json!([["src/lib.rs", [[1, 1]]], ["src/main.rs", [[2, 2]]]]),
    );
    check(json!({"pattern": "greet", "globs": ["*.md"]}), json!([]));
    check(
        json!({"pattern": "greet", "paths": ["src/main.rs"]}),
        json!([["src/main.rs", [[2, 2]]]]),
    );
    check(json!({"pattern": r"\{\n\s+greet"}), json!([["src/main.rs", [[1, 2]]]]));
    check(
        json!({"pattern": "^greet", "all": true}),
        json!([[".hidden", [[1, 1]]], ["target/out.rs", [[1, 1]]]]),
    );
    let answer = client.call("file/search", json!({"pattern": "todo", "context": 1}));
    assert_eq!(answer["files"][0]["text"], "2\t    // Greet\n3\t    todo();\n4\t}\n");
}

#[test]
fn a_search_is_bounded() {
    let world = World::new();
    let long = format!("needle {}\nneedle\n", "x".repeat(5000));
    world.write("a", &long);
    world.write("b", "needle\n".repeat(2000));
    let daemon = world.serve();
    let mut client = daemon.open();
    let answer = client.call("file/search", json!({"pattern": "needle"}));
    assert_eq!((&answer["matches"], &answer["more"]), (&json!(100), &json!(true)));
    assert_eq!(answer["files"][0]["matches"], json!([[1, 1], [2, 2]]));
    assert_eq!(answer["files"][0]["text"], "2\tneedle\n", "a long line is not shown");
    let most = client.call("file/search", json!({"pattern": "needle", "limit": 1_000_000}));
    assert_eq!(most["matches"], 1000);
    for pattern in ["", "(", r"(a{1000}){1000}"] {
        let answer = client.call("file/search", json!({"pattern": pattern}));
        rejected(&answer, "malformed");
    }
}

#[test]
fn a_search_stays_inside() {
    let world = world();
    std::fs::create_dir(world.outside("out")).unwrap();
    std::fs::write(world.outside("out").join("secret"), "greet\n").unwrap();
    symlink(world.outside("out"), world.path("link")).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    for (path, code) in
        [("../out", "malformed"), ("link", "denied"), ("/etc", "denied"), (".git", "denied")]
    {
        let answer = client.call("file/search", json!({"pattern": "greet", "paths": [path]}));
        rejected(&answer, code);
    }
    let answer = client.call("file/search", json!({"pattern": "^greet", "all": true}));
    let paths: Vec<String> = found(&answer).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [".hidden", "target/out.rs"]);
}
