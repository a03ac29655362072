//! MCP as its clients speak it: the client of the official SDK, a client that
//! speaks for itself, and, where they are installed, the SDKs of other languages.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anchord::faces::mcp::tools;
use anchord::tokens;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ProtocolVersion, ReadResourceRequestParams,
    ResourceContents, SubscriptionFilter,
};
use rmcp::service::{RunningService, serve_client_with_lifecycle};
use rmcp::{ClientLifecycleMode, RoleClient, serve_client};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::tidy::page;
use crate::world::{Client, PATIENCE, World, run, wait_for};

/// The tools that are listed on demand.
const EXTENDED: [&str; 17] = [
    "list",
    "search",
    "outline",
    "symbol",
    "match",
    "rewrite",
    "rename",
    "rename_file",
    "diagnostics",
    "lookup",
    "actions",
    "format",
    "servers",
    "redo",
    "log",
    "show",
    "stats",
];

/// The most that the core tools may cost, in tokens of o200k.
const CORE_TOKENS: usize = 450;

/// An agent that speaks MCP through the SDK.
struct Agent {
    runtime: Runtime,
    client: RunningService<RoleClient, ()>,
    child: Child,
}

impl Agent {
    fn new(world: &World, arguments: &[&str]) -> Agent {
        Agent::with(world, arguments, None)
    }

    /// Returns an agent that speaks the stateless revision.
    fn stateless(world: &World, arguments: &[&str]) -> Agent {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        Agent::with(world, arguments, Some(ClientLifecycleMode::Discover { preferred_versions }))
    }

    fn with(world: &World, arguments: &[&str], mode: Option<ClientLifecycleMode>) -> Agent {
        let fixed = ["mcp", "--durability", "none", "--idle-exit", "1"];
        let (stream, child) = world.start(&[&fixed, arguments].concat());
        stream.set_nonblocking(true).unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async {
            let stream = tokio::net::UnixStream::from_std(stream).unwrap();
            match mode {
                None => serve_client((), stream).await.unwrap(),
                Some(mode) => serve_client_with_lifecycle((), stream, mode).await.unwrap(),
            }
        });
        Agent { runtime, client, child }
    }

    /// Waits for what the SDK does, but not for ever.
    #[track_caller]
    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let bounded = async { tokio::time::timeout(PATIENCE, work).await };
        self.runtime.block_on(bounded).expect("an answer in time")
    }

    fn tools(&self) -> Vec<rmcp::model::Tool> {
        self.wait(self.client.list_all_tools()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        self.tools().into_iter().map(|tool| tool.name.into_owned()).collect()
    }

    #[track_caller]
    fn result(&self, tool: &str, arguments: Value) -> CallToolResult {
        let Value::Object(arguments) = arguments else { panic!("{arguments} is no object") };
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        self.wait(self.client.call_tool(call)).unwrap()
    }

    /// Calls a tool; returns its text, and whether it is marked as an error.
    #[track_caller]
    fn call(&self, tool: &str, arguments: Value) -> (bool, String) {
        let result = self.result(tool, arguments);
        let [content] = &result.content[..] else { panic!("one text, not {:?}", result.content) };
        assert_eq!((&result.structured_content, &result.meta), (&None, &None));
        (result.is_error.unwrap_or_default(), content.as_text().unwrap().text.clone())
    }

    /// Calls a tool that must succeed.
    #[track_caller]
    fn good(&self, tool: &str, arguments: Value) -> String {
        let (failed, text) = self.call(tool, arguments);
        assert!(!failed, "{text}");
        text
    }

    /// Calls a tool that must fail.
    #[track_caller]
    fn bad(&self, tool: &str, arguments: Value) -> String {
        let (failed, text) = self.call(tool, arguments);
        assert!(failed, "{text}");
        text
    }

    /// Reads a file; returns its handle and its rows.
    #[track_caller]
    fn read(&self, path: &str) -> (String, String) {
        shown(&self.good("read", json!({"path": path})))
    }

    #[track_caller]
    fn resource(&self, uri: &str) -> String {
        let read = self.client.read_resource(ReadResourceRequestParams::new(uri));
        let read = self.wait(read).unwrap();
        match &read.contents[..] {
            [ResourceContents::TextResourceContents { text, .. }] => text.clone(),
            contents => panic!("{contents:?}"),
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Returns the handle and the rows of a text that shows a file.
#[track_caller]
fn shown(text: &str) -> (String, String) {
    let at = text.find('@').unwrap_or_else(|| panic!("no file in {text}"));
    let (head, rows) = text[at..].split_once('\n').unwrap_or((&text[at..], ""));
    (head.rsplit(' ').next().unwrap().to_owned(), rows.to_owned())
}

/// Returns the token that a rejection offers.
#[track_caller]
fn token(text: &str) -> String {
    let (_, rest) = text.rsplit_once("retry ").unwrap_or_else(|| panic!("no token in {text}"));
    rest.split(' ').next().unwrap().to_owned()
}

#[test]
fn the_core_tools_keep_to_their_budget() {
    let world = World::new();
    let agent = Agent::new(&world, &[]);
    let listed = agent.tools();
    let names: Vec<&str> = listed.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(names, ["read", "edit", "retry", "undo", "more"]);
    let costs = listed.iter().map(|tool| {
        let sent = json!({
            "name": tool.name, "description": tool.description, "inputSchema": *tool.input_schema,
        });
        tokens::count(&sent.to_string())
    });
    let costs: Vec<usize> = costs.collect();
    let total: usize = costs.iter().sum();
    println!("tokens of o200k: {total} = {costs:?}");
    assert!(total <= CORE_TOKENS, "{total} tokens: {costs:?}");
    let said = format!("costs {total} tokens of o200k");
    assert!(page("docs/mcp.md").contains(&said), "docs/mcp.md does not say: {said}");
}

#[test]
fn what_the_tools_say_of_themselves_is_true() {
    let world = World::new();
    let agent = Agent::new(&world, &["--tools", "all"]);
    for tool in agent.tools() {
        let reads = [
            "read",
            "list",
            "search",
            "outline",
            "match",
            "rewrite",
            "diagnostics",
            "lookup",
            "servers",
            "log",
            "show",
            "stats",
        ];
        let reads = reads.contains(&tool.name.as_ref());
        let hints = tool.annotations.unwrap();
        assert_eq!(hints.read_only_hint, Some(reads), "{}", tool.name);
        assert_eq!(hints.open_world_hint, Some(false), "{}", tool.name);
        assert_eq!(hints.destructive_hint, (!reads).then_some(true), "{}", tool.name);
        assert_eq!(hints.idempotent_hint, (!reads).then_some(false), "{}", tool.name);
    }
}

/// The example that teaches the format is an edit in that format.
#[test]
fn the_description_of_edit_shows_an_edit() {
    let world = World::new();
    let edit = Agent::new(&world, &[]).tools().remove(1);
    let description = edit.description.unwrap();
    let (_, example) = description.split_once("per file:\n").unwrap();
    let (example, _) = example.split_once("\n\n").unwrap();
    let example = example.replace("@path handle", "@path 481920");
    let script = engine::format::parse(&example).unwrap();
    let engine::format::Action::Edit { ops, .. } = &script.files[0].action else {
        panic!("{script:?}")
    };
    assert_eq!(ops.len(), 3);
}

#[test]
fn every_tool_can_be_called() {
    let world = World::with(&[("a", "one\ntwo\nthree\n")]);
    let agent = Agent::new(&world, &["--tools", "all"]);
    assert_eq!(agent.names(), [&["read", "edit", "retry", "undo"][..], &EXTENDED].concat());
    let (handle, rows) = agent.read("a");
    assert_eq!(rows, "1\tone\n2\ttwo\n3\tthree");
    let text = format!("@a {handle}\n2c\nTWO\nand more\n.\n");
    let edited = agent.good("edit", json!({"text": text, "why": "louder"}));
    let (handle, rows) = shown(&edited);
    assert_eq!((edited.lines().next(), &rows[..]), (Some("applied as operation 1"), "lines 2-3"));
    assert_eq!(world.text("a"), "one\nTWO\nand more\nthree\n");

    world.write("a", "zero\none\ntoo\nand more\nthree\n");
    let ops = format!("@a {handle}\n2c\n2\n.\n");
    let token = token(&agent.bad("edit", json!({"text": ops})));
    let retried = agent.good("retry", json!({"token": token, "choice": "at 3"}));
    assert!(retried.starts_with("applied as operation 2\n@a "), "{retried}");
    assert_eq!(world.text("a"), "zero\none\n2\nand more\nthree\n");

    let undone = agent.good("undo", json!({}));
    assert!(undone.starts_with("applied as operation 3\n@a "), "{undone}");
    agent.good("redo", json!({}));
    assert_eq!(world.text("a"), "zero\none\n2\nand more\nthree\n");
    let log = agent.good("log", json!({"path": "a", "limit": "3"}));
    let rows: Vec<&str> = log.lines().collect();
    assert_eq!(rows.len(), 3, "{log}");
    assert!(rows[0].starts_with("4 redo of 3 by "), "{log}");
    assert!(rows[2].ends_with(", modify a (taken back by 3)"), "{log}");
    let shown = agent.good("show", json!({"operation": 1}));
    assert!(shown.contains(", modify a: louder\n--- a/a\n+++ b/a\n"), "{shown}");
    assert!(shown.ends_with("\n-two\n+TWO\n+and more\n three"), "{shown}");
    let stats = agent.good("stats", json!({"by": "format"}));
    assert!(stats.starts_with("anchor: 2 edits, 1 at first try, 2 landed, 0 undone;"), "{stats}");
}

#[test]
fn reads_say_what_rows_do_not() {
    let world = World::with(&[("a", "1\n2\n3\n4"), ("empty", "")]);
    world.write("dots", b"\xff\xfe\x00\x01");
    let agent = Agent::new(&world, &[]);
    let (handle, rows) = agent.read("a");
    assert_eq!(rows, "1\t1\n2\t2\n3\t3\n4\t4\n(no newline at the end)");
    let part = agent.good("read", json!({"path": "a", "lines": "2,3-"}));
    assert_eq!(part, format!("@a {handle}\n2\t2\n3\t3\n4\t4\n(no newline at the end)"));
    let part = agent.good("read", json!({"path": "a", "lines": "2"}));
    assert_eq!(part, format!("@a {handle}\n2\t2\n(4 lines)"));
    let again = agent.good("read", json!({"path": "a", "known": handle}));
    assert_eq!(again, format!("@a {handle}\nunchanged"));
    assert_eq!(agent.read("empty").1, "(no lines)");
    let odd = agent.read("dots").1;
    assert!(odd.ends_with(" 4 bytes)"), "{odd}");

    let numbers: String = (1..=40).map(|number| format!("{number}\n")).collect();
    world.write("b", &numbers);
    let (known, _) = agent.read("b");
    world.write("b", numbers.replacen("\n9\n", "\nnine\nten\n", 1));
    let delta = agent.good("read", json!({"path": "b", "known": known}));
    assert_eq!(shown(&delta).1, "lines 9 are now 9-10:\n9\tnine\n10\tten");
}

#[test]
fn a_rejection_is_an_error_with_its_cure() {
    let world = World::with(&[("a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")]);
    let agent = Agent::new(&world, &[]);
    let (handle, _) = shown(&agent.good("read", json!({"path": "a", "lines": "1-2"})));
    let edit = |lines: &str| json!({"text": format!("@a {handle}\n{lines}c\nnew\n.\n")});
    let unseen = agent.bad("edit", edit("8"));
    let token = token(&unseen);
    let expected = format!(
        "unseen: the edit touches lines this session was never shown\n@a {handle}\n6\t6\n7\t7\n\
         8\t8\n9\t9\nretry {token} accept: "
    );
    assert!(unseen.starts_with(&expected), "{unseen}");
    let rest = unseen.replace("\n6\t6\n7\t7\n8\t8\n9\t9", "");
    assert!(tokens::count(&rest) <= 60, "{} tokens: {rest}", tokens::count(&rest));
    let retry = json!({"token": token, "choice": "accept"});
    assert!(tokens::count(&retry.to_string()) <= 15, "{retry}");
    for choice in ["12-14", "at 12-14", "at 7", "120-134", "candidate 2", "fix 1"] {
        let retry = json!({"token": token, "choice": choice}).to_string();
        println!("{} tokens: {retry}", tokens::count(&retry));
        assert!(tokens::count(&retry) <= 15, "{} tokens: {retry}", tokens::count(&retry));
    }
    agent.good("retry", retry);
    assert_eq!(world.text("a"), "1\n2\n3\n4\n5\n6\n7\nnew\n9\n");

    let check = |tool: &str, arguments: Value, expected: &str| {
        assert_eq!(agent.bad(tool, arguments), expected);
    };
    check("read", json!({"path": "b"}), "missing: b: the file is not there");
    check("read", json!({"path": "../b"}), &agent.bad("read", json!({"path": "../b"})));
    check("edit", json!({"text": "x"}), &agent.bad("edit", json!({"text": "x"})));
    check("retry", json!({"token": "r1"}), "not_found: no edit of this session waits under r1");
    check("read", json!({}), "arguments: read needs path");
    check("edit", json!({"txt": "x"}), r#"arguments: edit takes text, why, format, but not "txt""#);
    let odd = agent.bad("edit", json!({"text": "x", "format": "odd"}));
    assert!(
        odd.starts_with(r#"unsupported: format "odd" is not known; known are: anchor"#),
        "{odd}"
    );
    let call = CallToolRequestParams::new("nothing");
    let error = agent.wait(agent.client.call_tool(call)).unwrap_err();
    assert!(error.to_string().contains("there is no tool"), "{error}");
}

#[test]
fn a_stale_edit_says_where_it_would_land() {
    let world = World::with(&[("a", "1\n2\n3\n")]);
    let [one, two] = [0, 1].map(|_| Agent::new(&world, &[]));
    let (handle, _) = one.read("a");
    two.read("a");
    two.good("edit", json!({"text": format!("@a {handle}\n0a\nzero\n.\n2c\ntwo\n.\n")}));
    let stale = one.bad("edit", json!({"text": format!("@a {handle}\n2c\nTWO\n.\n3d\n")}));
    let token = token(&stale);
    let place = "puts it on 3, 4";
    assert!(stale.starts_with("stale (operation 1): "), "{stale}");
    assert!(stale.ends_with(&format!("\nretry {token} accept: {place}")), "{stale}");
    one.good("retry", json!({"token": token}));
    assert_eq!(world.text("a"), "zero\n1\nTWO\n");
}

#[test]
fn agents_share_one_daemon() {
    let world = World::with(&[("a", "1\n2\n3\n")]);
    let [one, two] = [0, 1].map(|_| Agent::new(&world, &[]));
    let ((handle, _), (same, _)) = (one.read("a"), two.read("a"));
    assert_eq!(handle, same);
    one.good("edit", json!({"text": format!("@a {handle}\n0a\nzero\n.\n")}));
    // What the other agent did is followed, since both went through one daemon.
    let edited = two.good("edit", json!({"text": format!("@a {handle}\n3c\nthree\n.\n")}));
    assert!(edited.contains("\nlines 4 relocated +1\n"), "{edited}");
    assert_eq!(world.text("a"), "zero\n1\n2\nthree\n");
    // Each is a session of its own.
    let log = two.good("log", json!({}));
    let by: Vec<&str> = log.lines().map(|row| row.split(' ').nth(1).unwrap()).collect();
    assert_eq!(by, ["edit", "edit"], "{log}");
    let sessions = world.run(&["stats", "--by", "session", "--json"]).json();
    assert_eq!(sessions["groups"].as_array().unwrap().len(), 2, "{sessions}");
}

#[test]
fn more_tools_are_listed_on_demand() {
    let world = World::new();
    let agent = Agent::new(&world, &[]);
    assert_eq!(agent.names().len(), 5);
    let more = agent.good("more", json!({}));
    assert!(more.contains("\nstats: "), "{more}");
    assert_eq!(agent.names()[4..], EXTENDED);
    // Tools can be called whether they are listed or not.
    assert_eq!(Agent::new(&world, &[]).good("log", json!({})), "no operations");

    let agent = Agent::stateless(&world, &[]);
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut subscription = agent.wait(agent.client.listen(filter)).unwrap();
    agent.good("more", json!({}));
    let heard = agent.wait(subscription.next()).unwrap();
    assert!(format!("{heard:?}").contains("ToolListChanged"), "{heard:?}");
    assert_eq!(agent.names().len(), 4 + EXTENDED.len());
}

#[test]
fn every_revision_of_the_protocol_is_spoken() {
    let world = World::with(&[("a", "1\n")]);
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = world.mcp(&[]);
        let params = json!({
            "protocolVersion": version, "capabilities": {},
            "clientInfo": {"name": "it", "version": "1"},
        });
        let begun = client.call("initialize", params);
        assert_eq!(begun["protocolVersion"], version);
        assert_eq!(begun["serverInfo"]["name"], "anchord");
        initialized(&mut client);
        let read = client.call("tools/call", json!({"name": "read", "arguments": {"path": "a"}}));
        assert_eq!(read.as_object().unwrap().keys().collect::<Vec<_>>(), ["content", "isError"]);
        assert_eq!(client.fault("nothing/here", json!({})), -32601);
    }
    let agent = Agent::stateless(&world, &[]);
    let (handle, rows) = agent.read("a");
    assert_eq!(rows, "1\t1");
    agent.good("edit", json!({"text": format!("@a {handle}\n1d\n")}));
    assert_eq!(world.text("a"), "");
}

fn initialized(client: &mut Client) {
    let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    client.send(format!("{message}\n").as_bytes());
}

/// Returns a client that speaks for itself and has begun.
fn begun(world: &World) -> Client {
    begun_with(world, &json!({}))
}

fn begun_with(world: &World, capabilities: &Value) -> Client {
    let mut client = world.mcp(&[]);
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": capabilities,
        "clientInfo": {"name": "it", "version": "1"},
    });
    client.call("initialize", params);
    initialized(&mut client);
    client
}

fn tool_call(tool: &str, arguments: &Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}

/// Asks for an edit that needs consent; the person answers so, if asked. Returns
/// the text of the call.
fn edit_with_consent(world: &World, capabilities: &Value, answer: Option<&str>) -> String {
    let mut client = begun_with(world, capabilities);
    let read = client.call("tools/call", tool_call("read", &json!({"path": "a"})));
    let (handle, _) = shown(read["content"][0]["text"].as_str().unwrap());
    let text = format!("@a {handle}\n1c\nLATER\n.\n");
    let id = client.request("tools/call", &tool_call("edit", &json!({"text": text})));
    if let Some(action) = answer {
        let asked = client.receive();
        assert_eq!(asked["method"], "elicitation/create", "{asked}");
        let message = asked["params"]["message"].as_str().unwrap();
        assert!(message.contains("a: not now (rule later)"), "{message}");
        assert!(message.ends_with(&text), "{message}");
        let mut answer = json!({"jsonrpc": "2.0", "id": asked["id"]});
        match action {
            "fail" => answer["error"] = json!({"code": -32603, "message": "no screen"}),
            _ => answer["result"] = json!({"action": action, "content": {}}),
        }
        client.send(format!("{answer}\n").as_bytes());
    }
    let told = client.receive();
    assert_eq!(told["id"], id, "{told}");
    told["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

/// Returns how many rejected edits can still be carried out; the daemon has to end
/// for that.
fn edits_waiting(world: &World) -> i64 {
    wait_for("the daemon to end", || !world.is_served());
    let state = rusqlite::Connection::open(world.state().join("state.db")).unwrap();
    state.query_row("SELECT count(*) FROM retry", [], |row| row.get(0)).unwrap()
}

#[test]
fn the_person_is_asked_for_consent_where_the_client_can() {
    let world = World::with(&[("a", "1\n")]);
    let rule = json!({"name": "later", "pattern": "LATER", "action": "ask", "repeat": true,
                      "message": "not now"});
    world.configure(&json!({"rules": [rule]}));
    for (action, came_of_it) in [
        ("decline", "The user was asked, and did not consent."),
        ("cancel", "The user was asked, and did not consent."),
        ("fail", "The user could not be asked."),
    ] {
        let told = edit_with_consent(&world, &json!({"elicitation": {}}), Some(action));
        assert_eq!(told, format!("approval: a: not now (rule later)\n{came_of_it}"));
        // It waits under no token, not even under one that would be guessed.
        assert_eq!(edits_waiting(&world), 0, "{action}");
    }
    assert_eq!(world.text("a"), "1\n");
    // Who cannot be asked by the server is asked by the model, which has the token.
    let told = edit_with_consent(&world, &json!({}), None);
    assert!(told.starts_with("approval: ") && !told.contains("user was asked"), "{told}");
    assert_eq!(edits_waiting(&world), 1);
    // One that can show a page, but no form, is not asked.
    let told = edit_with_consent(&world, &json!({"elicitation": {"url": {}}}), None);
    assert!(told.starts_with("approval: "), "{told}");
    let told = edit_with_consent(&world, &json!({"elicitation": {"form": {}}}), Some("accept"));
    assert!(told.starts_with("applied as operation 1\n"), "{told}");
    assert_eq!(world.text("a"), "LATER\n");
}

#[test]
fn calls_are_carried_out_in_their_order() {
    let world = World::new();
    let mut client = begun(&world);
    let names: Vec<String> = (0..20).map(|number| format!("f{number}")).collect();
    for name in &names {
        let text = format!("@{name} create\nx\n.\n");
        client.request("tools/call", &tool_call("edit", &json!({"text": text})));
        client.request("tools/call", &tool_call("read", &json!({"path": name})));
    }
    for _ in 0..names.len() * 2 {
        let answer = client.receive();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
    }
}

/// Returns whether all threads of a process have stopped.
fn is_stopped(pid: Pid) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).unwrap();
    let mut states = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")));
    states.all(|status| status.is_ok_and(|status| status.contains("\nState:\tT")))
}

#[test]
fn a_call_that_takes_long_says_so_and_one_that_waits_can_be_cancelled() {
    let world = World::with(&[("a", "1\n")]);
    let daemon = world.serve();
    let mut client = begun(&world);
    client.call("tools/call", tool_call("read", &json!({"path": "a"})));
    let pid = daemon.pid();
    kill_process(pid, Signal::STOP).unwrap();
    wait_for("every thread of the daemon to stop", || is_stopped(pid));
    let mut slow = tool_call("read", &json!({"path": "a"}));
    slow["_meta"] = json!({"progressToken": "p"});
    let slow = client.request("tools/call", &slow);
    let cancelled = tool_call("edit", &json!({"text": "@b create\nx\n.\n"}));
    let cancelled = client.request("tools/call", &cancelled);
    let params = json!({"requestId": cancelled});
    let message = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    client.send(format!("{message}\n").as_bytes());
    for seconds in [1.0, 2.0] {
        let note = client.receive();
        assert_eq!(note["method"], "notifications/progress", "{note}");
        assert_eq!(note["params"]["progressToken"], "p");
        assert_eq!(note["params"]["progress"], seconds);
    }
    kill_process(pid, Signal::CONT).unwrap();
    let mut answer = client.receive();
    while answer["method"] == "notifications/progress" {
        answer = client.receive();
    }
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(slow), &json!(false)));
    // Nothing is said of a call that was cancelled, and nothing of it happened.
    let next = client.exchange("tools/call", &tool_call("read", &json!({"path": "b"})));
    assert_eq!(next["result"]["isError"], true, "{next}");
}

#[test]
fn a_session_outlives_its_daemon() {
    let world = World::with(&[("a", "1\n2\n3\n")]);
    let daemon = world.serve();
    let agent = Agent::new(&world, &[]);
    let (handle, _) = agent.read("a");
    let edited = agent.good("edit", json!({"text": format!("@a {handle}\n1c\none\n.\n")}));
    daemon.kill();
    // What was shown counts as shown, and what was edited is followed.
    let again = agent.good("edit", json!({"text": format!("@a {handle}\n3c\nthree\n.\n")}));
    assert!(again.starts_with("applied as operation 2\n"), "{edited}{again}");
    agent.good("undo", json!({}));
    assert_eq!(world.text("a"), "one\n2\n3\n");
}

/// Sends a call to a daemon that does not get to it before it dies; returns the
/// answer to the call.
fn call_into_death(world: &World, tool: &str, arguments: &Value) -> CallToolResult {
    let daemon = world.serve();
    let mut client = begun(world);
    let read = client.call("tools/call", tool_call("read", &json!({"path": "a"})));
    let (handle, _) = shown(read["content"][0]["text"].as_str().unwrap());
    kill_process(daemon.pid(), Signal::STOP).unwrap();
    wait_for("every thread of the daemon to stop", || is_stopped(daemon.pid()));
    let arguments = arguments.to_string().replace("HANDLE", &handle);
    let call = tool_call(tool, &serde_json::from_str(&arguments).unwrap());
    let id = client.request("tools/call", &call);
    // The call is with the daemon once somebody waits for its answer.
    std::thread::sleep(Duration::from_millis(300));
    daemon.kill();
    let mut answer = client.receive();
    assert_eq!(answer["id"], id, "{answer}");
    serde_json::from_value(answer["result"].take()).unwrap()
}

#[test]
fn a_call_that_dies_with_the_daemon_has_one_effect_or_says_so() {
    let world = World::with(&[("a", "1\n")]);
    let edit = json!({"text": "@a HANDLE\n0a\nzero\n.\n"});
    let edited = call_into_death(&world, "edit", &edit);
    assert_eq!(edited.is_error, Some(false), "{edited:?}");
    assert_eq!(world.text("a"), "zero\n1\n");

    let world = World::with(&[("a", "1\n")]);
    let undone = call_into_death(&world, "undo", &json!({}));
    assert_eq!(undone.is_error, Some(true));
    let text = &undone.content[0].as_text().unwrap().text;
    assert!(text.contains("read the file to see whether it took effect"), "{text}");
}

#[test]
fn files_are_resources_by_their_handles() {
    let world = World::with(&[("a b", "1\n2\n"), ("c", "3\n")]);
    for agent in [Agent::new(&world, &[]), Agent::stateless(&world, &[])] {
        let templates = agent.client.list_all_resource_templates();
        let templates = agent.wait(templates).unwrap();
        assert_eq!(templates[0].uri_template, "anchord:///{+path}{?handle,lines}");
        world.write("a b", "1\n2\n");
        let (handle, _) = agent.read("a b");
        let listed = agent.wait(agent.client.list_all_resources()).unwrap();
        let uri = format!("anchord:///a%20b?handle={handle}");
        let listed: Vec<&str> = listed.iter().map(|resource| &resource.uri[..]).collect();
        assert_eq!(listed, [&uri]);
        // A handle names its content, whatever the file holds by now.
        world.write("a b", "other\n");
        assert_eq!(agent.resource(&uri), format!("@a b {handle}\n1\t1\n2\t2"));
        let now = agent.resource("anchord:///a%20b");
        assert_eq!(shown(&now).1, "1\tother");
        for wrong in ["anchord:///c?handle=123456", "anchord:///d", "file:///c", "anchord:///../c"]
        {
            let read = agent.client.read_resource(ReadResourceRequestParams::new(wrong));
            agent.wait(read).unwrap_err();
        }
    }
}

#[test]
fn structured_content_stands_beside_the_text_where_it_is_asked_for() {
    let world = World::with(&[("a", "1\n")]);
    let agent = Agent::new(&world, &["--structured"]);
    let read = agent.result("read", json!({"path": "a"}));
    let structured = read.structured_content.unwrap();
    assert_eq!(structured["text"], "1\t1\n");
    let meta = read.meta.unwrap();
    assert_eq!(meta["anchord/handle"], structured["handle"]);
    let missing = agent.result("read", json!({"path": "b"}));
    assert_eq!(missing.structured_content.unwrap()["rejection"]["code"], "missing");
    assert_eq!(missing.meta.unwrap()["anchord/rejected"], "missing");
}

#[test]
fn a_place_that_is_no_project_needs_to_be_named() {
    let world = World::new();
    let mut command = world.command();
    command.arg("mcp").env("HOME", &world.root);
    let refused = run(command, "");
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("is no project: give --root DIR"), "{refused:?}");
    let mut command = world.command();
    command.args(["mcp", "--root", "."]).env("HOME", &world.root);
    assert_eq!(run(command, "").code, 0);
}

/// The SDK, like those of other languages, passes over what is no JSON at all,
/// lest two programs answer each other's errors for ever.
#[test]
fn what_is_no_mcp_is_passed_over_refused_or_ends_the_process() {
    let world = World::with(&[("a", "1\n")]);
    let mut client = begun(&world);
    client.send(b"this is no JSON\n[]\n");
    let refused = client.receive();
    assert_eq!((&refused["error"]["code"], refused.get("id")), (&json!(-32600), None), "{refused}");
    assert_eq!(client.fault("tools/call", json!({"name": 7})), -32602);
    assert_eq!(client.fault("tools/fetch", json!({"name": "read"})), -32601);
    let wrong = client.call("tools/call", tool_call("read", &json!({"path": []})));
    assert_eq!(wrong["content"][0]["text"], "arguments: path is of another type");
    // The end of the input is the end of the process.
    client.finish();
    assert_eq!(client.exit_code(), 0);
    let mut client = world.mcp(&[]);
    initialized(&mut client);
    assert_eq!(client.exit_code(), 2);
}

/// What an agent knows of its own work.
#[derive(Debug, Default)]
struct Diary {
    reads: usize,
    edits: usize,
    attempts: usize,
    first_try: usize,
    landed: usize,
    undone: usize,
    rejected: BTreeMap<String, usize>,
    tokens_in: usize,
    tokens_out: usize,
}

/// An agent that works by a script and keeps a diary.
struct Scripted {
    agent: Agent,
    diary: Diary,
}

impl Scripted {
    /// Calls a tool and notes what it cost.
    fn call(&mut self, tool: &str, arguments: Value) -> (bool, String) {
        self.diary.tokens_in += tokens::count(&arguments.to_string());
        let (failed, text) = self.agent.call(tool, arguments);
        self.diary.tokens_out += tokens::count(&text);
        (failed, text)
    }

    fn read(&mut self, path: &str) -> (String, String) {
        let (failed, text) = self.call("read", json!({"path": path}));
        assert!(!failed, "{text}");
        self.diary.reads += 1;
        shown(&text)
    }

    /// Notes what became of an attempt; returns whether it was applied.
    fn noted(&mut self, answer: &(bool, String), tries: usize) -> bool {
        let (failed, text) = answer;
        self.diary.attempts += 1;
        if *failed {
            let code = text.split([':', ' ']).next().unwrap().to_owned();
            *self.diary.rejected.entry(code).or_default() += 1;
        } else {
            self.diary.landed += 1;
            self.diary.first_try += usize::from(tries == 0);
        }
        !failed
    }

    /// Puts `new` in the place of the line that holds `mark`, however often others
    /// come between: `meanwhile` is what they do after each look at the file.
    fn replace(&mut self, path: &str, mark: &str, new: &str, mut meanwhile: impl FnMut(usize)) {
        loop {
            let (handle, rows) = self.read(path);
            let line = line_of(&rows, mark).expect("the mark is there");
            meanwhile(0);
            let text = format!("@{path} {handle}\n{line}c\n{new}\n.\n");
            let mut answer = self.call("edit", json!({"text": text, "why": mark}));
            self.diary.edits += 1;
            let mut tries = 0;
            while !self.noted(&answer, tries) {
                tries += 1;
                // What is not among the rows is looked for in the whole file.
                let Some(line) = line_of(&answer.1, mark) else { break };
                meanwhile(tries);
                let choice = format!("at {line}");
                let retry = json!({"token": token(&answer.1), "choice": choice});
                answer = self.call("retry", retry);
            }
            if !answer.0 {
                return;
            }
        }
    }
}

/// Returns the number of the row that holds `mark`.
fn line_of(rows: &str, mark: &str) -> Option<usize> {
    let row = rows.lines().find(|row| row.contains('\t') && row.contains(mark))?;
    row.split('\t').next()?.parse().ok()
}

/// What other writers do while the agent works.
struct Others<'a> {
    world: &'a World,
    agent: Agent,
    dice: Dice,
    /// Lines that they have written, which must be there at the end.
    written: Vec<(String, String)>,
}

impl Others<'_> {
    /// Comes between, in one way or another.
    fn come_between(&mut self, path: &str, mark: &str) {
        let name = format!("other {}", self.written.len());
        match self.dice.roll(5) {
            0 => return,
            // A program that knows nothing of us, far from the line or at it.
            1 => {
                let text = self.world.text(path);
                self.world.write(path, format!("{name}\n{text}"));
            }
            2 => {
                let text = self.world.text(path);
                self.world.write(path, text.replace(mark, &format!("{mark} // {name}")));
                // The agent writes over this line, which it has been shown.
                return;
            }
            // Another agent, far from the line or around it.
            3 => self.edit(path, 0, &name),
            _ => {
                let (_, rows) = self.agent.read(path);
                self.edit(path, line_of(&rows, mark).unwrap() - 1, &name);
            }
        }
        self.written.push((path.to_owned(), name));
    }

    fn edit(&self, path: &str, after: usize, name: &str) {
        let (handle, _) = self.agent.read(path);
        let text = format!("@{path} {handle}\n{after}a\n{name}\n.\n");
        self.agent.good("edit", json!({"text": text}));
    }
}

#[test]
fn twenty_tasks_with_others_at_the_same_files_equal_the_statistics() {
    let world = World::new();
    let path = |task: usize| format!("src/file{}.txt", task % 4);
    for file in 0..4 {
        let line = |line: usize| match (line % 10, line / 10) {
            (5, ten) => format!("task {} of file {file}\n", ten * 4 + file),
            _ => format!("line {line} of file {file}\n"),
        };
        world.write(&path(file), (0..50).map(line).collect::<String>());
    }
    let agent = Agent::new(&world, &["--session", "scripted", "--model", "none"]);
    let mut scripted = Scripted { agent, diary: Diary::default() };
    let others = Agent::new(&world, &[]);
    let mut others =
        Others { world: &world, agent: others, dice: Dice::new(8), written: Vec::new() };
    for task in 0..20 {
        let (path, mark) = (path(task), format!("task {task} of"));
        let mut busy = true;
        scripted.replace(&path, &mark, &format!("done {task}"), |tries| {
            if busy && tries < 3 {
                others.come_between(&path, &mark);
            }
            busy = tries < 2;
        });
        if task % 7 == 3 {
            // Second thoughts, and third ones.
            scripted.call("undo", json!({}));
            scripted.call("redo", json!({}));
        }
    }
    let (failed, undone) = scripted.call("undo", json!({}));
    assert!(!failed, "{undone}");
    scripted.diary.undone += 1;

    for task in 0..19 {
        let text = world.text(&path(task));
        let done = text.lines().filter(|line| *line == format!("done {task}")).count();
        assert_eq!((done, text.contains(&format!("task {task} of"))), (1, false), "{text}");
    }
    assert!(world.text(&path(19)).contains("task 19 of"));
    for (path, name) in &others.written {
        assert!(world.text(path).lines().any(|line| line == name), "{name} is lost");
    }
    let diary = &scripted.diary;
    println!("{diary:?}, {} others", others.written.len());
    assert!(diary.rejected.values().sum::<usize>() >= 5, "others hardly came between: {diary:?}");
    check(&world, diary);
}

/// Holds the statistics of a session against its diary.
#[track_caller]
fn check(world: &World, diary: &Diary) {
    let stats = world.run(&["stats", "--of", "scripted", "--json"]).json();
    let group = &stats["groups"][0];
    let counted = |name: &str| group[name].as_u64().unwrap() as usize;
    let names = ["reads", "edits", "attempts", "first_try", "landed", "undone", "tokens_in"];
    let counted: Vec<usize> =
        names.map(counted).into_iter().chain([counted("tokens_out")]).collect();
    let Diary { reads, edits, attempts, first_try, landed, undone, tokens_in, tokens_out, .. } =
        *diary;
    let own = [reads, edits, attempts, first_try, landed, undone, tokens_in, tokens_out];
    assert_eq!(counted, own, "{names:?}, tokens_out: {group:#}");
    assert_eq!(group["rejected"], json!(diary.rejected));
    assert_eq!(group["uncounted"], 0);
}

/// Runs a program of another SDK against the server, if it is installed.
#[track_caller]
fn foreign(what: &str, is_there: &str, mut command: Command) {
    let world = World::with(&[("a", "one\ntwo\nthree\n")]);
    world.settle(&mut command);
    command.arg(crate::world::program()).arg(&world.root);
    let tools: Vec<&str> = tools::ALL.iter().map(|tool| tool.name).collect();
    command.env("ANCHORD_IT_TOOLS", tools.join(","));
    if run(Command::new("sh"), is_there).code != 0 {
        println!("left out: {what} is not installed");
        return;
    }
    let done = run(command, "");
    println!("{}{}", done.out, done.err);
    assert_eq!(done.code, 0, "{what}: {}{}", done.out, done.err);
    assert_eq!(world.text("a"), "one\nTWO\nthree\n", "{what}");
}

#[test]
fn the_python_sdk_calls_every_tool() {
    let mut command = Command::new("python3");
    command.arg("-c").arg(include_str!("mcp_client.py"));
    foreign("the PyPI package mcp", "python3 -c 'import mcp'", command);
}

/// Returns a command that runs a script with packages of npm, and what tells
/// whether one of them is there.
fn node(script: &str, package: &str) -> (String, Command) {
    let mut command = Command::new("node");
    command.args(["--input-type=module", "-e", script, "--"]);
    // Node looks for packages from where it stands, so the place is named.
    let home = std::env::var("ANCHORD_NODE_MODULES").unwrap_or_default();
    command.env("ANCHORD_NODE_MODULES", &home);
    (format!("test -d '{home}/@modelcontextprotocol/{package}' && node --version"), command)
}

/// What the scenarios of the suite call, and what does the same here: a text, an
/// error, a call that takes its time, one that has a question for the person; a file,
/// and a file by the template.
fn names_of_the_suite() -> Value {
    let new = "@vendor/new create\none\n.\n";
    json!({
        "tools": {
            "test_simple_text": {"name": "read", "arguments": {"path": "a"}},
            "test_error_handling": {"name": "read", "arguments": {"path": "missing"}},
            "test_tool_with_progress": {"name": "read", "arguments": {"path": "a"}},
            "test_elicitation": {"name": "edit", "arguments": {"text": new}},
        },
        "resources": {
            "test://static-text": "anchord:///a",
            "test://template/123/data": "anchord:///123?lines=1-2",
        },
    })
}

/// Starts the relay to a process of `anchord mcp`, which ends with its standard
/// input; returns what it prints.
fn relay(world: &World, node: &Path) -> (Child, impl Iterator<Item = String> + use<>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mcp_relay.mjs");
    let mut command = Command::new(node);
    world.settle(&mut command);
    command.arg(script).arg(names_of_the_suite().to_string()).arg(crate::world::program());
    command.arg("mcp").arg("--root").arg(&world.root).args(["--durability", "none"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let rows = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, rows.map(Result::unwrap))
}

/// The official suite speaks HTTP. What it finds wrong and is meant to be so stands
/// in `mcp_conformance.yml`; what stands there must fail.
#[test]
fn the_conformance_suite_finds_nothing_but_what_is_listed() {
    let modules = std::env::var("ANCHORD_NODE_MODULES").unwrap_or_default();
    let modules = Path::new(&modules);
    // It wants a newer Node than many systems have.
    let node = modules.join("node/bin/node");
    let suite = modules.join("@modelcontextprotocol/conformance/dist/index.js");
    if !(node.exists() && suite.exists()) {
        println!("left out: the npm packages @modelcontextprotocol/conformance and node");
        return;
    }
    let world = World::with(&[("a", "one\n"), ("123", "one\ntwo\n")]);
    let rule = json!({"name": "vendor", "pattern": "^vendor/", "over": "path", "action": "ask",
                      "message": "others wrote this"});
    world.configure(&json!({"rules": [rule]}));
    let daemon = world.serve();
    let (mut relay, mut told) = relay(&world, &node);
    let address = told.next().unwrap();
    let run_suite = |scenario: &[&str]| {
        let mut command = Command::new(&node);
        command.arg(&suite).args(["server", "--url", &address]).args(scenario);
        command.current_dir(world.outside(""));
        run(command, "")
    };
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mcp_conformance.yml");
    let list = list.to_str().unwrap();
    // Progress is told of a call that takes longer than a second: the daemon is held
    // up for a while.
    let slow = std::thread::scope(|scope| {
        kill_process(daemon.pid(), Signal::STOP).unwrap();
        let thread = scope.spawn(|| run_suite(&["--scenario", "tools-call-with-progress"]));
        assert_eq!(told.by_ref().take(3).count(), 3);
        kill_process(daemon.pid(), Signal::CONT).unwrap();
        thread.join().unwrap()
    });
    let done = run_suite(&["--suite", "all", "--expected-failures", list]);
    drop(relay.stdin.take());
    relay.wait().unwrap();
    println!("{}", done.out);
    assert!(slow.out.contains("0 failed"), "{}{}", slow.out, slow.err);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
}

/// Each call is a process of its own, which takes two seconds.
#[test]
fn the_inspector_calls_every_tool() {
    let (is_there, command) = node(
        concat!(include_str!("mcp_calls.mjs"), include_str!("mcp_inspector.mjs")),
        "inspector",
    );
    foreign("the npm package @modelcontextprotocol/inspector", &is_there, command);
}

#[test]
fn the_typescript_sdk_calls_every_tool() {
    let (is_there, command) =
        node(concat!(include_str!("mcp_calls.mjs"), include_str!("mcp_client.mjs")), "sdk");
    foreign("the npm package @modelcontextprotocol/sdk", &is_there, command);
}
