//! The checks before a write, through a real daemon: killers of parsers, which
//! stop nobody, and the user's rules of what a finding leads to.

use serde_json::{Value, json};

use crate::world::{World, applied, rejected};

/// Texts that bring parsers down or keep them busy.
fn killers() -> Vec<(&'static str, String)> {
    vec![
        ("a.js", "a+".repeat(5 << 20)),
        ("a.rs", "(".repeat(1 << 20)),
        ("a.json", "[".repeat(4 << 20)),
        ("a.py", "f\"{".repeat(100_000)),
        ("a.sh", "$(".repeat(200_000)),
        ("a.md", "[".repeat(1 << 20)),
        ("a.html", "<a>".repeat(300_000)),
    ]
}

#[test]
fn killers_of_parsers_are_refused_while_others_are_served() {
    let world = World::with(&[("ok.rs", "fn a() {}\n")]);
    let killers = killers();
    killers.iter().for_each(|(path, text)| world.write(path, text));
    let daemon = world.serve();
    let mut busy = daemon.open();
    let mut other = daemon.open();
    for (path, _) in &killers {
        busy.request("file/outline", &json!({"path": path}));
        busy.request("file/read", &json!({"path": path, "symbol": "a"}));
        let served = other.call("file/outline", json!({"path": "ok.rs"}));
        assert_eq!(served["text"], "1\tfn a()\n", "while {path} is parsed");
    }
    for (path, _) in killers.iter().flat_map(|killer| [killer, killer]) {
        let answer = busy.receive();
        let result = &answer["result"];
        let refused = ["timeout", "too_large", "unsupported", "not_found"];
        let code = result["rejection"]["code"].as_str().unwrap_or_default();
        assert!(result["status"] == "ok" || refused.contains(&code), "{path}: {answer}");
    }
    applied(&edited(&mut busy, "ok.rs", "fn b() {}\n", &Value::Null));
}

/// Reads a file and replaces its first line.
#[track_caller]
fn edited(client: &mut crate::world::Client, path: &str, text: &str, verify: &Value) -> Value {
    let read = client.call("file/read", json!({"path": path}));
    let mut params = json!({
        "format": "anchor",
        "files": [{
            "path": path, "handle": read["handle"],
            "ops": [{"op": "replace", "lines": [1, 1], "text": text}],
        }],
    });
    if verify.is_object() {
        params["verify"] = verify.clone();
    }
    client.call("edit/apply", params)
}

#[test]
fn an_edit_that_writes_a_killer_stops_nobody() {
    let world = World::with(&[("a.js", "a();\n"), ("ok.rs", "fn a() {}\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let killer = format!("{};\n", "a+".repeat(400_000));
    let answer = edited(&mut client, "a.js", &killer, &Value::Null);
    assert!(["applied", "rejected"].contains(&answer["status"].as_str().unwrap()), "{answer}");
    rejected(&edited(&mut client, "ok.rs", "fn a() {\n", &Value::Null), "syntax");
}

#[test]
fn the_user_says_what_a_check_leads_to() {
    let world = World::with(&[
        ("src/a.rs", "fn a() {}\n"),
        ("tests/a.rs", "fn a() {}\n"),
        ("gen/a.rs", "fn a() {}\n"),
        ("db/a.rs", "fn a() {}\n"),
    ]);
    let root = world.path("").to_str().unwrap().to_owned();
    let verify = ["tests/**:syntax=warn", "gen/**:syntax=off"];
    world.configure(&json!({
        "verify": verify, "roots": {root: {"verify": ["db/**:syntax=require"]}},
    }));
    let daemon = world.serve();
    let mut client = daemon.open();
    let broken = "fn a() {\n";
    let usual = rejected(&edited(&mut client, "src/a.rs", broken, &Value::Null), "syntax");
    assert!(usual["retry"].is_string());
    let required = edited(&mut client, "db/a.rs", broken, &json!({"syntax": "off"}));
    assert_eq!(rejected(&required, "syntax")["retry"], Value::Null);
    let warned = edited(&mut client, "tests/a.rs", broken, &Value::Null);
    applied(&warned);
    assert_eq!(warned["lints"][0]["lint"], "syntax", "{warned}");
    let off = edited(&mut client, "gen/a.rs", broken, &Value::Null);
    applied(&off);
    assert_eq!(off["lints"], Value::Null, "{off}");
    // A request says more than what is usual.
    world.write("tests/a.rs", "fn a() {}\n");
    rejected(&edited(&mut client, "tests/a.rs", broken, &json!({"syntax": "reject"})), "syntax");
    let accepted = client.call("edit/retry", json!({"retry": usual["retry"], "accept": true}));
    applied(&accepted);
}

#[test]
fn rules_that_cannot_be_read_let_nothing_pass() {
    let world = World::with(&[("a.rs", "fn a() {}\n")]);
    world.configure(&json!({"verify": ["syntax=perhaps"]}));
    let daemon = world.serve();
    let mut client = daemon.open();
    rejected(&edited(&mut client, "a.rs", "fn a() {\n", &json!({"syntax": "off"})), "syntax");
    applied(&edited(&mut client, "a.rs", "fn b() {}\n", &Value::Null));
    let examined = client.call("state/examine", json!({}));
    let findings = examined["findings"].as_array().unwrap();
    let rules = findings.iter().find(|finding| finding["subject"] == "rules of checks").unwrap();
    assert_eq!(rules["well"], false, "{rules}");
}
