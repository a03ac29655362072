//! Code found by its shape in many files, and rewritten: shown first, then all
//! or none.

use serde_json::{Value, json};

use crate::world::{Client, World, applied, rejected};

fn world() -> World {
    World::with(&[
        ("src/a.rs", "fn a() {\n    old(1, 2);\n    old( x,\n        y);\n    keep(1);\n}\n"),
        ("src/b.rs", "fn b() { old(old(1, 2), 3); old(4, 5) }\r\n"),
        ("lib.py", "old(1, 2)\n"),
        ("notes.md", "old(1, 2)\n"),
        ("broken.rs", "fn ( {{{ old(1, 2)\n"),
    ])
}

fn rewrite(client: &mut Client, extra: &Value) -> Value {
    let mut params = json!({"pattern": "old($A, $B)", "rewrite": "new($B, $A)"});
    params.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    client.call("pattern/rewrite", params)
}

#[test]
fn code_is_found_by_its_shape() {
    let world = world();
    let daemon = world.serve();
    let mut client = daemon.open();
    let search = json!({"pattern": "old($A, $B)", "language": "rust", "paths": ["src"]});
    let answer = client.call("pattern/search", search);
    assert_eq!(answer["matches"], 4, "{answer}");
    assert_eq!(answer["files"][0]["matches"], json!([[2, 2], [3, 4]]));
    assert_eq!(answer["files"][0]["text"], "2\t    old(1, 2);\n3\t    old( x,\n4\t        y);\n");
    // What was shown can be edited.
    let handle = answer["files"][0]["handle"].as_str().unwrap();
    let ops = json!([{"op": "replace", "lines": [2, 2], "text": "    new();\n"}]);
    applied(&client.edit("src/a.rs", handle, ops));
    let python =
        client.call("pattern/search", json!({"pattern": "old($$$ARGS)", "globs": ["*.py"]}));
    assert_eq!(python["files"][0]["path"], "lib.py", "{python}");
}

#[test]
fn a_rewrite_is_shown_and_then_applied_as_one() {
    let world = world();
    let daemon = world.serve();
    let mut client = daemon.open();
    let before = world.text("src/a.rs");
    let answer = rewrite(&mut client, &json!({"language": "rust", "paths": ["src"]}));
    assert_eq!(answer["matches"], 4, "{answer}");
    assert_eq!(
        answer["files"][0]["text"],
        "-2\t    old(1, 2);\n+\t    new(2, 1);\n-3\t    old( x,\n-4\t        y);\n+\t    new(y, x);\n"
    );
    assert_eq!(world.text("src/a.rs"), before, "nothing is written yet");
    let applied_at = client.call("edit/retry", json!({"retry": answer["retry"], "accept": true}));
    assert_eq!(applied_at["status"], "applied", "{applied_at}");
    assert_eq!(applied_at["files"].as_array().unwrap().len(), 2);
    assert_eq!(
        world.text("src/a.rs"),
        "fn a() {\n    new(2, 1);\n    new(y, x);\n    keep(1);\n}\n"
    );
    assert_eq!(world.text("src/b.rs"), "fn b() { new(3, old(1, 2)); new(5, 4) }\r\n");
    let stats = client.call("stats/summary", json!({}));
    let group = &stats["groups"][0];
    assert_eq!((&group["edits"], &group["first_try"]), (&json!(1), &json!(1)), "{stats}");
    client.call("edit/undo", json!({}));
    assert_eq!(world.text("src/a.rs"), before);
}

#[test]
fn a_rewrite_is_of_the_bytes_that_were_shown() {
    let world = world();
    let daemon = world.serve();
    let mut client = daemon.open();
    let answer = rewrite(&mut client, &json!({"paths": ["src"]}));
    let b = world.text("src/b.rs");
    world.write("src/a.rs", world.text("src/a.rs").replace("old(1, 2)", "old(1, 3)"));
    let refused = client.call("edit/retry", json!({"retry": answer["retry"], "accept": true}));
    assert_eq!(refused["status"], "rejected", "{refused}");
    assert_eq!(world.text("src/b.rs"), b, "all or none");
    let again = rewrite(&mut client, &json!({"paths": ["src"]}));
    world.write("src/a.rs", format!("// New.\n{}", world.text("src/a.rs")));
    applied(&client.call("edit/retry", json!({"retry": again["retry"], "accept": true})));
    assert!(world.text("src/a.rs").starts_with("// New.\nfn a() {\n    new(3, 1);\n"));
}

#[test]
fn a_rewrite_that_breaks_the_syntax_is_refused() {
    let world = world();
    let daemon = world.serve();
    let mut client = daemon.open();
    let answer = rewrite(&mut client, &json!({"rewrite": "new($A, ", "globs": ["a.rs"]}));
    let accept = json!({"retry": answer["retry"], "accept": true});
    rejected(&client.call("edit/retry", accept), "syntax");
}

#[test]
fn what_finds_nothing_or_is_no_pattern_is_told() {
    let world = world();
    let daemon = world.serve();
    let mut client = daemon.open();
    let none = client.call("pattern/search", json!({"pattern": "nothing($A)"}));
    assert_eq!((&none["matches"], &none["files"]), (&json!(0), &json!([])));
    let same = rewrite(&mut client, &json!({"rewrite": "old($A, $B)", "globs": ["lib.py"]}));
    assert_eq!(same["retry"], Value::Null, "{same}");
    let mut refused = |params: Value, code: &str, message: &str| {
        let rejection = rejected(&client.call("pattern/search", params), code);
        assert!(rejection["message"].as_str().unwrap().starts_with(message), "{rejection}");
    };
    refused(json!({"pattern": " "}), "malformed", "the pattern is empty");
    let not_one = "the pattern is not one piece of code of rust";
    refused(json!({"pattern": "foo(", "language": "rust"}), "malformed", not_one);
    refused(json!({"pattern": "$A", "globs": ["*.py"]}), "malformed", "the pattern is only a hole");
    refused(
        json!({"pattern": "a", "language": "klingon"}),
        "unsupported",
        "\"klingon\" is no language",
    );
    assert_eq!(client.fault("pattern/rewrite", json!({"pattern": "a"})), -32602);
    assert_eq!(client.fault("pattern/search", json!({"pattern": "a", "rewrite": "b"})), -32602);
}

#[test]
fn a_search_by_shape_is_bounded() {
    let world = World::new();
    world.write("a.py", "f(1)\n".repeat(300));
    let daemon = world.serve();
    let mut client = daemon.open();
    let answer = client.call("pattern/search", json!({"pattern": "f($A)"}));
    assert_eq!((&answer["matches"], &answer["more"]), (&json!(100), &json!(true)));
    let long = "x".repeat(70_000);
    rejected(&client.call("pattern/search", json!({"pattern": long})), "malformed");
}
