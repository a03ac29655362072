//! What a file has besides its bytes (P2), as a table: each attribute through
//! each operation, on the disk of the tests and on tmpfs, stays or is refused by
//! its name; and many at the same files, whatever way they come in, of whom nobody
//! loses an edit that was answered.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, setxattr};
use serde_json::{Value, json};

use crate::mounts::Mount;
use crate::world::{Client, World};

/// Edits of all together, unless `ANCHORD_TOGETHER` says otherwise.
const TOGETHER: usize = 400;

/// How a daemon is come to that ends soon after.
const WAY: [&str; 4] = ["--durability", "none", "--idle-exit", "1"];

/// Something that a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    Mode(u32),
    Owner,
    Group,
    /// An access list that lets one more user read.
    AccessList,
    Extended(&'static str, usize),
    ReadOnly,
    HardLink,
}

const ATTRIBUTES: [Attribute; 14] = [
    Attribute::Mode(0o600),
    Attribute::Mode(0o644),
    Attribute::Mode(0o755),
    Attribute::Mode(0o640),
    Attribute::Mode(0o4755),
    Attribute::Mode(0o2755),
    Attribute::Mode(0o1644),
    Attribute::Owner,
    Attribute::Group,
    Attribute::AccessList,
    Attribute::Extended("user.small", 1),
    Attribute::Extended("user.large", 2000),
    Attribute::ReadOnly,
    Attribute::HardLink,
];

/// An access list in the form of the kernel: owner rw, user 65533 r, group r, mask
/// r, others none.
fn access_list() -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in
        [(1, 6, u32::MAX), (2, 4, 65533), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)]
    {
        bytes.extend(u16::to_le_bytes(tag));
        bytes.extend(u16::to_le_bytes(rights));
        bytes.extend(u32::to_le_bytes(id));
    }
    bytes
}

impl Attribute {
    /// Gives it to a file; returns whether that goes here.
    fn give(self, path: &Path) -> bool {
        let set = |name: &str, value: &[u8]| setxattr(path, name, value, XattrFlags::empty());
        let mode = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).is_ok();
        match self {
            Attribute::Mode(bits) => mode(bits),
            Attribute::Owner => chown(path, Some(1234), None).is_ok(),
            Attribute::Group => chown(path, None, Some(4321)).is_ok(),
            Attribute::AccessList => set("system.posix_acl_access", &access_list()).is_ok(),
            Attribute::Extended(name, size) => set(name, &vec![b'x'; size]).is_ok(),
            Attribute::ReadOnly => mode(0o444),
            Attribute::HardLink => fs::hard_link(path, path.with_extension("second")).is_ok(),
        }
    }

    /// Returns the code and a word of the refusal of whatever replaces the file.
    fn refusal(self) -> Option<(&'static str, &'static str)> {
        match self {
            Attribute::ReadOnly => Some(("denied", "0444")),
            Attribute::HardLink => Some(("attribute", "hard link")),
            _ => None,
        }
    }
}

/// What a file has besides its bytes.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    mode: u32,
    owner: (u32, u32),
    links: u64,
    extended: Vec<(&'static str, Vec<u8>)>,
}

/// Returns everything that a file has, to be held against what it has afterwards.
fn look_of(path: &Path) -> Look {
    let meta = fs::metadata(path).unwrap();
    let names = ["user.small", "user.large", "system.posix_acl_access"].into_iter();
    let extended = names.filter_map(|name| {
        let mut value = vec![0; 4096];
        let size = getxattr(path, name, &mut value[..]).ok()?;
        value.truncate(size);
        Some((name, value))
    });
    let owner = (meta.uid(), meta.gid());
    Look { mode: meta.mode(), owner, links: meta.nlink(), extended: extended.collect() }
}

/// Something that is done to a file, and where it stands then.
const OPERATIONS: [(&str, &str); 6] = [
    ("edit", "f"),
    ("write", "f"),
    ("edit and undo", "f"),
    ("move", "g"),
    ("edit and move", "g"),
    ("remove and undo", "f"),
];

fn carry_out(client: &mut Client, operation: &str) -> Value {
    let name = client.handle("f");
    let edit = json!([{"op": "replace", "lines": [1, 1], "text": "two\n"}]);
    let edited = json!({"path": "f", "handle": name, "ops": edit});
    match operation {
        "edit" => client.apply(json!([edited])),
        "write" => {
            client.apply(json!([{"path": "f", "handle": name, "op": "write", "text": "whole\n"}]))
        }
        "move" => client.apply(json!([{"path": "f", "handle": name, "op": "move", "to": "g"}])),
        "edit and move" => client.edit_text(&format!("@f {name} move g\n1c\ntwo\n.\n")),
        _ => {
            let first = match operation {
                "edit and undo" => edited,
                _ => json!({"path": "f", "handle": name, "op": "remove"}),
            };
            let first = client.apply(json!([first]));
            match first["status"] == "applied" {
                true => client.call("edit/undo", json!({})),
                false => first,
            }
        }
    }
}

/// Carries every operation out on files with every attribute; returns how many
/// there were, and how many were refused.
fn check_table(world: &World, place: &str) -> (usize, usize) {
    let daemon = world.serve();
    let mut client = daemon.open();
    let (mut done, mut refused) = (0, 0);
    for attribute in ATTRIBUTES {
        for (operation, end) in OPERATIONS {
            for name in ["f", "g", "f.second"] {
                let _not_there = fs::remove_file(world.path(name));
            }
            world.write("f", "one\n");
            let about = format!("{place}: {attribute:?}, {operation}");
            if !attribute.give(&world.path("f")) {
                println!("left out: {about}");
                continue;
            }
            let before = look_of(&world.path("f"));
            let answer = carry_out(&mut client, operation);
            match attribute.refusal() {
                None => {
                    assert_eq!(answer["status"], "applied", "{about}: {answer}");
                    assert_eq!(look_of(&world.path(end)), before, "{about}");
                    done += 1;
                }
                Some((code, word)) => {
                    assert_eq!(answer["rejection"]["code"], code, "{about}: {answer}");
                    let message = answer["rejection"]["message"].as_str().unwrap();
                    assert!(message.contains(word), "{about}: {message}");
                    let after = (look_of(&world.path("f")), world.text("f"));
                    assert_eq!(after, (before, "one\n".into()), "{about}");
                    refused += 1;
                }
            }
        }
    }
    (done, refused)
}

#[test]
fn every_attribute_stays_or_is_refused_by_name() {
    let world = World::new();
    let (mut done, mut refused) = check_table(&world, "the disk of the tests");
    let memory = world.outside("memory");
    fs::create_dir(&memory).unwrap();
    if let Some(_mount) = Mount::tmpfs(&memory, 16 << 20) {
        let (more, no) = check_table(&World::below(&memory), "tmpfs");
        (done, refused) = (done + more, refused + no);
    }
    println!("attributes: kept by {done} operations, {refused} refused by name");
}

/// One who writes rows of its own at the head of files that others write to.
struct Writer {
    number: usize,
    client: Client,
}

impl Writer {
    /// Returns the rows whose edits were answered.
    fn run(mut self, edits: usize) -> Vec<String> {
        let mut rows = Vec::new();
        for step in 0..edits {
            let row = format!("writer {} step {step}", self.number);
            let file = format!("f{}", (step + self.number) % 3);
            let handle = self.client.handle(&file);
            let ops = json!([{"op": "insert", "after": 0, "text": row}]);
            let mut answer = self.client.edit(&file, &handle, ops);
            while answer["status"] == "rejected" {
                let token = answer["rejection"]["retry"].clone();
                assert_eq!(answer["rejection"]["code"], "stale", "{answer}");
                answer = self.client.accept(&token);
            }
            rows.push(row);
        }
        rows
    }
}

/// Two find no daemon and each would start one, two come through its socket, and
/// every edit of all of them that was answered stands in its file once.
#[test]
fn whatever_way_they_come_nobody_loses_an_edit() {
    let edits = std::env::var("ANCHORD_TOGETHER").map_or(TOGETHER, |text| text.parse().unwrap());
    let world = World::with(&[("f0", "end\n"), ("f1", "end\n"), ("f2", "end\n")]);
    let open = |mut client: Client| {
        client.call("session/open", json!({}));
        client
    };
    let starters = std::thread::scope(|scope| {
        let starting = [0, 1].map(|_| scope.spawn(|| open(world.stdio_with(&WAY))));
        starting.map(|one| one.join().unwrap())
    });
    let joiners = [0, 1].map(|_| open(Client::to(&world.socket())));
    let writers = starters.into_iter().chain(joiners).enumerate();
    let mut rows: Vec<String> = std::thread::scope(|scope| {
        let running = writers.map(|(number, client)| {
            let writer = Writer { number, client };
            scope.spawn(move || writer.run(edits / 4))
        });
        let running: Vec<_> = running.collect();
        running.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let texts = ["f0", "f1", "f2"].map(|name| world.text(name)).concat();
    let mut found: Vec<&str> = texts.lines().filter(|row| *row != "end").collect();
    rows.sort();
    found.sort_unstable();
    assert_eq!(found, rows);
    println!(
        "together: {} edits answered by two daemons' clients and two others, 0 lost",
        rows.len()
    );
}
