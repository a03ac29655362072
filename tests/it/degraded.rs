//! Degraded modes: a full disk, a read-only one, a state that is damaged. Edits
//! are refused with the reason, files are read all the same, `state/examine`
//! tells what to do, and where the trouble passes, so does the mode.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::mounts::Mount;
use crate::world::{Client, World, applied, handle, rejected, wait_for};

/// Fills a file system to the last byte.
fn fill(directory: &Path) {
    let filler = directory.join("filler");
    let mut chunk = 1 << 20;
    let mut bytes = Vec::new();
    while chunk > 0 {
        bytes.resize(bytes.len() + chunk, b'x');
        if fs::write(&filler, &bytes).is_err() {
            bytes.truncate(bytes.len() - chunk);
            chunk /= 2;
        }
    }
    // What did not fit was written as far as it did.
    assert!(fs::write(directory.join("more"), vec![b'x'; 4096]).is_err());
    let _partly = fs::remove_file(directory.join("more"));
}

/// Makes room on it again. A process that another test is just starting may hold
/// the file open for a moment, and its bytes with it.
fn make_room(directory: &Path) {
    fs::remove_file(directory.join("filler")).unwrap();
    wait_for("room on the disk", || {
        let system = rustix::fs::statvfs(directory).unwrap();
        system.f_bavail * system.f_frsize > 64 << 10
    });
}

fn replace(text: &str) -> Value {
    json!([{"op": "replace", "lines": [1, 1], "text": text}])
}

/// Returns what `state/examine` says of writing.
fn writing(client: &mut Client) -> (bool, String) {
    let examined = client.call("state/examine", json!({}));
    let findings = examined["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["subject"] == "writing").unwrap();
    (finding["well"] == true, finding["detail"].as_str().unwrap().to_owned())
}

/// Checks that `doctor` says of writing that it does not go, why, and what to do.
#[track_caller]
fn doctor_tells(world: &World, why: &str) {
    let cure = match why {
        "the disk is full" => "make room on the disk",
        "the file system takes no changes" => "make the file system writable",
        "the state is damaged" => "move the state directory away",
        other => panic!("no cure is known of {other}"),
    };
    let doctor = world.run(&["doctor"]);
    let row = doctor.out.lines().find(|row| row.contains("writing: "));
    let told = row.is_some_and(|row| row.contains(why) && row.contains(cure));
    assert!(told && doctor.code != 0, "{doctor:?}");
}

/// Checks that files are read, and edits refused for a reason that says `why`.
/// Returns the token of the refused edit.
#[track_caller]
fn only_reads(world: &World, client: &mut Client, why: &str) -> Value {
    let name = client.handle("f");
    assert_eq!(client.handle("f"), name);
    // The first is told what the system said, and whoever comes next, why.
    rejected(&client.edit("f", &name, replace("mine\n")), "denied");
    let refused = rejected(&client.edit("f", &name, replace("mine\n")), "denied");
    assert!(refused["message"].as_str().unwrap().contains(why), "{refused}");
    let token = refused["retry"].clone();
    assert!(token.is_string(), "{refused}");
    assert_eq!(world.text("f"), "one\n");
    world.write("fresh", format!("never seen {name}\n"));
    let fresh = client.read("fresh");
    assert_eq!(fresh["text"], format!("1\tnever seen {name}\n"));
    assert_eq!(client.handle("fresh"), handle(&fresh));
    let undone = client.call("edit/undo", json!({}));
    assert_eq!(undone["status"], "rejected", "{undone}");
    let (well, detail) = writing(client);
    assert!(!well && detail.contains(why), "{detail}");
    doctor_tells(world, why);
    token
}

/// Edits `f` and takes it back, so that there is something to undo.
fn begin(client: &mut Client) {
    let name = client.handle("f");
    applied(&client.edit("f", &name, replace("two\n")));
    applied(&client.call("edit/undo", json!({})));
    let name = client.handle("g");
    applied(&client.edit("g", &name, replace(&format!("after {name}\n"))));
}

/// Checks that all is well again, and that nothing has to be written twice.
#[track_caller]
fn all_is_well(world: &World, client: &mut Client, token: &Value) {
    applied(&client.accept(token));
    assert_eq!(world.text("f"), "mine\n");
    let (well, detail) = writing(client);
    assert!(well, "{detail}");
    applied(&client.call("edit/undo", json!({})));
    let examined = client.call("state/examine", json!({}));
    let whole = examined["findings"].as_array().unwrap().iter().all(|f| f["well"] == true);
    assert!(whole, "{examined}");
}

#[test]
fn a_full_disk_under_the_files() {
    let world = World::new();
    let Some(_disk) = Mount::tmpfs(&world.root, 1 << 20) else { return };
    world.write("g", "one\n");
    world.write("fresh", "so long that it can be written over\n");
    for durability in ["none", "full"] {
        world.write("f", "one\n");
        let daemon = world.serve_with(&["--durability", durability]);
        let mut client = daemon.open();
        begin(&mut client);
        fill(&world.root);
        let token = only_reads(&world, &mut client, "the disk is full");
        make_room(&world.root);
        all_is_well(&world, &mut client, &token);
    }
}

#[test]
fn a_full_disk_under_the_state() {
    let world = World::with(&[("f", "one\n"), ("g", "one\n")]);
    let Some(_disk) = Mount::tmpfs(&world.home, 2 << 20) else { return };
    for durability in ["none", "full"] {
        world.write("f", "one\n");
        let daemon = world.serve_with(&["--durability", durability]);
        let mut client = daemon.open();
        begin(&mut client);
        fill(&world.home);
        // What is left of the last page of the log takes some notes yet.
        for round in 0..400 {
            world.write("fresh", format!("{round} {}", "filling the log\n".repeat(round)));
            client.read("fresh");
        }
        let token = only_reads(&world, &mut client, "the disk is full");
        make_room(&world.home);
        all_is_well(&world, &mut client, &token);
    }
}

#[test]
fn a_file_system_that_takes_no_changes() {
    let world = World::with(&[("f", "one\n"), ("g", "one\n")]);
    let Some(disk) = Mount::tmpfs(&world.root, 4 << 20) else { return };
    world.write("f", "one\n");
    world.write("g", "one\n");
    let daemon = world.serve();
    let mut client = daemon.open();
    begin(&mut client);
    world.write("fresh", "never seen\n");
    let name = client.handle("f");
    disk.set_read_only(true);
    let refused = rejected(&client.edit("f", &name, replace("mine\n")), "denied");
    let (well, detail) = writing(&mut client);
    assert!(!well && detail.contains("the file system takes no changes"), "{detail}: {refused}");
    assert_eq!(client.read("fresh")["text"], "1\tnever seen\n");
    doctor_tells(&world, "the file system takes no changes");
    disk.set_read_only(false);
    all_is_well(&world, &mut client, &refused["retry"]);
}

#[test]
fn a_damaged_state_is_told_and_files_are_read() {
    let world = World::with(&[("f", "one\n"), ("g", "one\n")]);
    let daemon = world.serve();
    begin(&mut daemon.open());
    assert_eq!(daemon.stop().code(), Some(0));
    let database = world.state().join("state.db");
    let whole = fs::read(&database).unwrap();
    let damages: [fn(&mut Vec<u8>); 2] = [
        |bytes| bytes.fill(0x5a),
        // Its first page alone says what it is; the rest is nonsense.
        |bytes| bytes[2048..].fill(0x5a),
    ];
    for damage in damages {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&database, &bytes).unwrap();
        let daemon = world.serve();
        only_reads(&world, &mut daemon.open(), "the state is damaged");
        daemon.kill();
        assert_eq!(fs::read(&database).unwrap(), bytes, "it is left for somebody to look at");
        let doctor = world.run(&["doctor"]);
        assert!(doctor.out.contains("move the state directory away"), "{doctor:?}");
        fs::remove_file(world.path("fresh")).unwrap();
    }
    fs::write(&database, whole).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("f");
    applied(&client.edit("f", &name, replace("mine\n")));
}
