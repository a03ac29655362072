//! The guest of a test: a language server that does as a script says, and what
//! the system knows of its processes.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::world::{Client, World, program, wait_for};

/// Returns the program that is the server.
///
/// # Panics
/// Where it was not built, which building the tests of all packages does.
pub(crate) fn fake_server() -> PathBuf {
    let path = program().with_file_name("anchord-fake-language-server");
    assert!(path.is_file(), "build it first: cargo build -p anchord-lsp-bridge --bins");
    path
}

/// Returns the configuration of a server for `.fake` files with this script and
/// this profile, and nothing else.
pub(crate) fn configuration(script: &Value, profile: &Value) -> Value {
    let mut script = script.clone();
    script["capabilities"] = json!({"diagnosticProvider": {}});
    script["push"] = json!("none");
    let row = json!({
        "command": [fake_server(), script.to_string()], "languages": {"fake": [".fake"]},
        "install": "it comes with the tests", "profile": profile,
    });
    json!({"language_servers": {"servers": {"fake": row}}})
}

/// Returns a world with these files, served by an honest fake server that is
/// asked for its findings.
pub(crate) fn honest(files: &[(&str, &str)]) -> World {
    scripted(&json!({}), files)
}

/// Returns a world with these files, served by a fake server with this script.
pub(crate) fn scripted(script: &Value, files: &[(&str, &str)]) -> World {
    let world = World::with(files);
    world.configure(&configuration(script, &json!({"ready": "immediate", "findings": ["pull"]})));
    world
}

/// Returns the processes of the servers that run, with all that they started.
pub(crate) fn processes(client: &mut Client) -> Vec<u32> {
    let status = client.call("lsp/status", json!({}));
    let running = status["running"].as_array().unwrap().iter();
    let leaders = running.filter_map(|server| server["process"].as_u64());
    leaders.flat_map(|leader| family(leader as u32)).collect()
}

/// Returns a process and all that lie beneath it.
fn family(leader: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{leader}/task/{leader}/children"));
    let children = children.unwrap_or_default();
    let beneath = children.split_whitespace().flat_map(|child| family(child.parse().unwrap()));
    std::iter::once(leader).chain(beneath.collect::<Vec<_>>()).collect()
}

/// Returns whether a process runs; one that is only still to be buried does not.
pub(crate) fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// Waits until none of these processes runs.
#[track_caller]
pub(crate) fn wait_for_end(processes: &[u32]) {
    wait_for("the servers to be gone", || !processes.iter().any(|process| is_alive(*process)));
}
