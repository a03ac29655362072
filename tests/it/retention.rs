//! Bounded disk: what operations leave behind goes, and what a late writer, a
//! waiting edit or an undo needs of it stays.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use serde_json::{Value, json};

use crate::mounts::Mount;
use crate::world::{Client, World, applied, handle, rejected, wait_for};

fn replace(text: &str) -> Value {
    json!([{"op": "replace", "lines": [1, 1], "text": text}])
}

/// Returns how many slots lie in a directory, and their bytes.
fn slots(directory: &Path) -> (usize, u64) {
    let Ok(entries) = fs::read_dir(directory) else { return (0, 0) };
    let ours = entries.map(Result::unwrap).filter(|entry| {
        let name = entry.file_name().into_string().unwrap();
        name.split('-').count() == 3
    });
    let sizes: Vec<u64> = ours.filter_map(|entry| Some(entry.metadata().ok()?.len())).collect();
    (sizes.len(), sizes.iter().sum())
}

/// Opens a file as one does who looked it up before it was displaced, and opens
/// it for writing only afterwards.
fn looked_up(path: &Path) -> impl FnOnce() -> File + use<> {
    let place = rustix::fs::open(path, OFlags::PATH, Mode::empty()).unwrap();
    move || {
        let path = format!("/proc/self/fd/{}", place.as_raw_fd());
        OpenOptions::new().write(true).open(path).unwrap()
    }
}

fn events(client: &mut Client, kind: &str) -> Vec<Value> {
    client.events(0).into_iter().filter(|event| event["type"] == kind).collect()
}

/// P4: what a late writer writes is not applied, and not lost.
#[test]
fn a_late_writers_bytes_stay() {
    let world = World::with(&[("f", "one\n"), ("g", "one\n")]);
    let daemon = world.serve_with(&["--durability", "none", "--limit", "slot_bytes=1"]);
    let mut client = daemon.open();
    let open = looked_up(&world.path("f"));
    let name = client.handle("f");
    applied(&client.edit("f", &name, replace("two\n")));
    open().write_all(b"late, and longer\n").unwrap();
    wait_for("the late write to be seen", || {
        !events(&mut client, "external.late_write_kept").is_empty()
    });
    assert_eq!(world.text("f"), "two\n");
    let told = events(&mut client, "external.late_write_kept");
    assert_eq!((told.len(), &told[0]["data"]["path"]), (1, &json!("f")), "{told:?}");
    let slot = world.path(".anchord").join(told[0]["data"]["slot"].as_str().unwrap());
    // All other slots go; this one stays, also over a new start.
    daemon.kill();
    let daemon = world.serve_with(&["--durability", "none", "--limit", "slot_bytes=1"]);
    let mut client = daemon.open();
    let mut name = client.handle("g");
    wait_for("the other slots to go", || {
        name = applied(&client.edit("g", &name, replace(&format!("{name}\n"))));
        std::thread::sleep(std::time::Duration::from_millis(100));
        slots(&world.path(".anchord")).0 < 25
    });
    assert_eq!(fs::read(&slot).unwrap(), b"late, and longer\n");
    assert_eq!(events(&mut client, "external.late_write_kept").len(), 1);
    let examined = client.call("state/examine", json!({}));
    let findings = examined["findings"].as_array().unwrap();
    let late = findings.iter().find(|finding| finding["subject"] == "late writes").unwrap();
    assert!(late["detail"].as_str().unwrap().contains("f in slot"), "{late}");
}

/// That an operation is settled is only noted for the next write. A slot that goes
/// before that is written down would take along what shows that the file was
/// removed: a recovery would remove what another program put there since.
#[test]
fn what_was_put_back_after_the_sweep_is_not_removed_once_more() {
    for durability in ["none", "full"] {
        let world = World::with(&[("f", "one\n")]);
        let limits = ["--limit", "slot_bytes=1", "--limit", "undo_seconds=0"];
        let arguments = [&["--durability", durability], &limits[..]].concat();
        let daemon = world.serve_with(&arguments);
        let mut client = daemon.open();
        let name = client.handle("f");
        let removed = client.apply(json!([{"path": "f", "handle": name, "op": "remove"}]));
        assert_eq!(removed["status"], "applied", "{removed}");
        assert_eq!(slots(&world.path(".anchord")).0, 1);
        wait_for("the slot to go", || slots(&world.path(".anchord")).0 == 0);
        world.write("f", "one\n");
        daemon.kill();
        let _daemon = world.serve_with(&arguments);
        assert_eq!(world.tree().keys().collect::<Vec<_>>(), ["f"], "{durability}");
    }
}

#[test]
fn slots_on_another_mount_go_too() {
    let world = World::with(&[("f", "one\n")]);
    fs::create_dir(world.path("other")).unwrap();
    let Some(_other) = Mount::tmpfs(&world.path("other"), 8 << 20) else { return };
    world.write("other/g", "one\n");
    let daemon = world.serve_with(&["--durability", "none", "--limit", "slot_bytes=1"]);
    let mut client = daemon.open();
    let mut name = client.handle("other/g");
    for round in 0..20 {
        name = applied(&client.edit("other/g", &name, replace(&format!("{round}\n"))));
    }
    let place = world.path("other/.anchord");
    assert_eq!(fs::read_to_string(place.join(".gitignore")).unwrap(), "*\n");
    assert_eq!(slots(&place).0, 20);
    let mut name = client.handle("f");
    wait_for("its slots to go, and their directory", || {
        name = applied(&client.edit("f", &name, replace(&format!("{name}\n"))));
        std::thread::sleep(std::time::Duration::from_millis(100));
        !place.exists()
    });
    for round in (0..19).rev() {
        let undone = client.call("edit/undo", json!({"operation": round + 2}));
        assert_eq!(undone["status"], "applied", "{undone}");
        assert_eq!(world.text("other/g"), format!("{round}\n"));
    }
}

#[test]
fn contents_go_within_their_limit_but_not_what_is_needed() {
    let world = World::with(&[("gone", "gone\n"), ("stale", "one\n"), ("f", "0\n")]);
    let limits = ["snapshot_bytes=100000", "slot_bytes=1"];
    let arguments = ["--durability", "none", "--limit", limits[0], "--limit", limits[1]];
    let daemon = world.serve_with(&arguments);
    let mut client = daemon.open();
    let old = client.handle("f");
    let name = client.handle("gone");
    let gone = json!([{"path": "gone", "handle": name, "op": "remove"}]);
    let removed = client.apply(gone)["operation"].clone();
    let name = client.handle("stale");
    world.write("stale", "outside\none\n");
    let refused = rejected(&client.edit("stale", &name, replace("two\n")), "conflict");
    // What does not pack well, and more of it than stays in memory.
    let mut dice = crate::dice::Dice::new(11);
    for _ in 0..400 {
        let text: String = (0..30_000).map(|_| (b'!' + dice.roll(90) as u8) as char).collect();
        world.write("f", text + "\n");
        client.read("f");
    }
    client.call("stats/summary", json!({}));
    std::thread::sleep(std::time::Duration::from_millis(2100));
    client.read("stale");
    client.call("stats/summary", json!({}));
    let session = client.session.clone();
    assert_eq!(daemon.stop().code(), Some(0));
    let size = fs::metadata(world.state().join("state.db")).unwrap().len();
    println!("400 contents of 30 kB: the database has {size} bytes");
    let daemon = world.serve_with(&arguments);
    let mut client = daemon.resume(&session);
    let edit = client.edit("f", &old, replace("mine\n"));
    rejected(&edit, "expired_handle");
    applied(&client.retry_at(&refused["retry"], json!([[2, 2]])));
    assert_eq!(world.text("stale"), "outside\ntwo\n");
    let undone = client.call("edit/undo", json!({"operation": removed}));
    assert_eq!((&undone["status"], world.text("gone").as_str()), (&json!("applied"), "gone\n"));
    // What was let go is kept again when it is shown again.
    let shown = client.read("f");
    let next = world.text("f") + "more\n";
    world.write("f", &next);
    let seen = client.call("file/read", json!({"path": "f", "known": handle(&shown)}));
    assert_eq!(seen["status"], "ok", "{seen}");
}
