//! Edits of constructs by their names, with real grammars: the lines they mean,
//! what has to have been seen, and what becomes of one that breaks the syntax.

use serde_json::{Value, json};

use crate::world::{Client, World, applied, rejected};

const LIB: &str = "\
pub struct Part {
    name: String,
}

impl Part {
    /// Makes one.
    pub fn new(name: &str) -> Part {
        Part { name: name.to_owned() }
    }

    pub fn name(&self) -> &str { &self.name }
}

fn unused() {}

fn last() {}
";

/// Reads a file whole and edits a construct of it.
#[track_caller]
fn edit(client: &mut Client, path: &str, edit: Value) -> Value {
    client.call("file/read", json!({"path": path}));
    let mut params = edit;
    params["path"] = path.into();
    client.call("symbol/edit", params)
}

#[track_caller]
fn check(path: &str, before: &str, params: Value, after: &str) {
    let world = World::with(&[(path, before)]);
    let daemon = world.serve();
    applied(&edit(&mut daemon.open(), path, params));
    assert_eq!(world.text(path), after);
}

#[test]
fn a_construct_is_replaced_whole_or_within() {
    let whole = json!({
        "symbol": "Part::new", "action": "replace",
        "text": "    pub fn new() -> Part {\n        Part { name: String::new() }\n    }\n",
    });
    let new = "    pub fn new() -> Part {\n        Part { name: String::new() }\n    }\n";
    let start = LIB.find("    /// Makes").unwrap();
    let end = LIB.find("\n    pub fn name").unwrap();
    check("a.rs", LIB, whole, &[&LIB[..start], new, &LIB[end..]].concat());
    let body = json!({
        "symbol": "Part::new", "action": "body", "text": "        Part { name: name.into() }\n",
    });
    check("a.rs", LIB, body, &LIB.replace("name.to_owned()", "name.into()"));
    let inline =
        json!({"symbol": "fn name", "action": "body", "text": "        self.name.trim()\n"});
    let name = "{\n        self.name.trim()\n    }";
    check("a.rs", LIB, inline, &LIB.replace("{ &self.name }", name));
}

#[test]
fn bodies_are_those_of_the_language() {
    let check = |path: &str, before: &str, symbol: &str, text: &str, after: &str| {
        check(path, before, json!({"symbol": symbol, "action": "body", "text": text}), after);
    };
    check(
        "a.py",
        "def f(a):\n    return a\n\nx = 1\n",
        "f",
        "    return 2\n",
        "def f(a):\n    return 2\n\nx = 1\n",
    );
    check(
        "a.py",
        "class A:\n    def f(self): return 1\n",
        "A.f",
        "        x = 1\n        return x\n",
        "class A:\n    def f(self):\n        x = 1\n        return x\n",
    );
    check(
        "a.go",
        "package a\n\nfunc f() int {\n\treturn 1\n}\n",
        "f",
        "\treturn 2\n",
        "package a\n\nfunc f() int {\n\treturn 2\n}\n",
    );
    check(
        "a.ts",
        "export class A {\n  f(): void {\n    one();\n  }\n}\n",
        "A.f",
        "    two();\n",
        "export class A {\n  f(): void {\n    two();\n  }\n}\n",
    );
    check(
        "a.c",
        "int f(void)\n{\n    return 1;\n}\n",
        "f",
        "    return 2;\n",
        "int f(void)\n{\n    return 2;\n}\n",
    );
    check(
        "a.java",
        "class A {\n    int f() {\n        return 1;\n    }\n}\n",
        "A.f",
        "        return 2;\n",
        "class A {\n    int f() {\n        return 2;\n    }\n}\n",
    );
    check("a.sh", "f() {\n  one\n}\n", "f", "  two\n", "f() {\n  two\n}\n");
}

#[test]
fn text_comes_beside_a_construct_and_constructs_go() {
    let after = json!({"symbol": "unused", "action": "insert_after", "text": "\nfn more() {}\n"});
    let expected = LIB.replace("fn unused() {}\n", "fn unused() {}\n\nfn more() {}\n");
    check("a.rs", LIB, after, &expected);
    let before =
        json!({"symbol": "struct Part", "action": "insert_before", "text": "/// A part.\n"});
    check("a.rs", LIB, before, &format!("/// A part.\n{LIB}"));
    let delete = json!({"symbol": "unused", "action": "delete"});
    check("a.rs", LIB, delete, &LIB.replace("fn unused() {}\n\n", ""));
    let moved = json!({"symbol": "last", "action": "move", "before": "unused"});
    let swapped =
        LIB.replace("fn unused() {}\n\nfn last() {}\n", "fn last() {}\n\nfn unused() {}\n\n");
    check("a.rs", LIB, moved, &swapped);
    let heading = json!({"symbol": "Two", "action": "delete"});
    check("a.md", "# One\n\na\n\n## Two\n\nb\n", heading, "# One\n\na\n\n");
}

#[test]
fn only_what_was_shown_of_a_construct_can_be_changed() {
    let world = World::with(&[("a.rs", LIB)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let body = json!({"path": "a.rs", "symbol": "Part::new", "action": "body", "text": "        todo!()\n"});
    let never = client.call("symbol/edit", body.clone());
    rejected(&never, "unseen");
    client.call("file/outline", json!({"path": "a.rs"}));
    let refused = client.call("symbol/edit", body);
    let rejection = rejected(&refused, "unseen");
    assert!(rejection["rows"].as_str().unwrap().contains("name.to_owned()"), "{rejection}");
    // The rows were shown now, so nothing has to be written again.
    let retried = client.call("edit/retry", json!({"retry": rejection["retry"], "accept": true}));
    applied(&retried);
    assert!(world.text("a.rs").contains("        todo!()\n"));
}

#[test]
fn a_construct_is_that_of_the_content_that_was_seen() {
    let world = World::with(&[("a.rs", LIB)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let read = client.call("file/read", json!({"path": "a.rs", "symbol": "last"}));
    world.write("a.rs", format!("//! New.\n\n{LIB}"));
    let params = json!({
        "path": "a.rs", "handle": read["handle"], "symbol": "last", "action": "replace",
        "text": "fn last() -> u8 { 1 }\n",
    });
    let answer = client.call("symbol/edit", params.clone());
    applied(&answer);
    assert_eq!(answer["files"][0]["ops"][0]["relocated"], "+2", "{answer}");
    assert!(world.text("a.rs").ends_with("fn last() -> u8 { 1 }\n"));
    // What another program did to it is a conflict, whatever it is called.
    world.write("a.rs", LIB.replace("fn last() {}", "fn last() { done() }"));
    let conflict = client.call("symbol/edit", params);
    assert_eq!(conflict["status"], "rejected", "{conflict}");
}

#[test]
fn several_that_a_name_may_mean_are_offered() {
    let world = World::with(&[(
        "a.py",
        "class A:\n    def f(self):\n        pass\n\nclass B:\n    def f(self):\n        pass\n",
    )]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let params = json!({"symbol": "f", "action": "body", "text": "        return 1\n"});
    let rejection = rejected(&edit(&mut client, "a.py", params), "ambiguous");
    assert_eq!(rejection["candidates"], json!([[2, 3], [6, 7]]));
    let chosen = json!({"retry": rejection["retry"], "candidate": 2});
    applied(&client.call("edit/retry", chosen));
    assert!(world.text("a.py").ends_with("class B:\n    def f(self):\n        return 1\n"));
}

#[test]
fn an_edit_of_a_construct_is_checked_like_any_other() {
    let world = World::with(&[("a.rs", LIB)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let params = json!({"symbol": "unused", "action": "replace", "text": "fn unused() {\n"});
    let rejection = rejected(&edit(&mut client, "a.rs", params), "syntax");
    assert!(rejection["retry"].is_string(), "{rejection}");
    assert_eq!(world.text("a.rs"), LIB);
    let mut malformed = |params: Value, message: &str| {
        let rejection = rejected(&edit(&mut client, "a.rs", params), "malformed");
        assert_eq!(rejection["message"], message);
    };
    malformed(json!({"symbol": "last"}), "say what is to happen: action");
    malformed(json!({"symbol": "last", "action": "body"}), "the text is missing");
    malformed(json!({"symbol": "last", "action": "move"}), "move needs before or after");
    malformed(
        json!({"symbol": "Part::name", "action": "delete", "text": "x"}),
        "text is given, but not used here",
    );
    let text = "@a.rs\nbody fn last\n    run();\n.\ndelete fn unused\n";
    applied(&client.call("edit/apply", json!({"format": "symbol", "text": text})));
    assert!(world.text("a.rs").ends_with("}\n\nfn last() {\n    run();\n}\n"));
}
