//! A soak: a daemon that is used for as long as is asked takes no more memory, no
//! more descriptors and no more room for slots and contents than after its first
//! third. What was done is written down for good, so the record alone grows: by so
//! much an operation, which is told.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::world::{Client, Daemon, World};

/// Seconds, unless `ANCHORD_SOAK` says otherwise.
const SECONDS: u64 = 6;

/// Bytes that slots may take, and contents that were shown.
const SLOT_BYTES: u64 = 2_000_000;
const SNAPSHOT_BYTES: u64 = 400_000;

/// What the daemon takes.
#[derive(Debug, Clone, Copy)]
struct Taken {
    memory: u64,
    descriptors: usize,
    slots: u64,
    state: u64,
    operations: u64,
}

fn size_of(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap();
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|meta| meta.len()).sum()
}

fn taken(world: &World, daemon: &Daemon, operations: u64) -> Taken {
    let process = Path::new("/proc").join(daemon.pid().as_raw_nonzero().to_string());
    let status = fs::read_to_string(process.join("status")).unwrap();
    let memory = status.lines().find_map(|row| row.strip_prefix("VmRSS:")).unwrap();
    Taken {
        memory: memory.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024,
        descriptors: fs::read_dir(process.join("fd")).unwrap().count(),
        slots: size_of(&world.path(".anchord")),
        state: size_of(&world.state()),
        operations,
    }
}

/// One who does everything that one can do, in turns, and now and then leaves and
/// comes back as somebody else.
struct User<'a> {
    world: &'a World,
    daemon: &'a Daemon,
    client: Client,
    dice: Dice,
    operations: u64,
}

impl User<'_> {
    fn act(&mut self) {
        let file = format!("f{}", self.dice.roll(8));
        match self.dice.roll(12) {
            0 => self.client = self.daemon.open(),
            1 => {
                // What does not pack well, and is not shown twice.
                let text: String =
                    (0..4000).map(|_| (b'!' + self.dice.roll(90) as u8) as char).collect();
                self.world.write(&file, format!("one\n{text}\n"));
                self.client.read(&file);
            }
            2 => self.count(|client| client.call("edit/undo", json!({}))),
            3 => {
                // Refused, with a token that nobody uses.
                let name = self.client.handle(&file);
                self.world.write(&file, "another\n");
                let ops = json!([{"op": "replace", "lines": [1, 1], "text": "late\n"}]);
                self.client.edit(&file, &name, ops);
            }
            4 => {
                let name = format!("made{}", self.operations);
                let made = json!([{"path": name, "op": "create", "text": "made\n"}]);
                self.count(|client| client.apply(made));
                let handle = self.client.handle(&name);
                let gone = json!([{"path": name, "handle": handle, "op": "remove"}]);
                self.count(|client| client.apply(gone));
            }
            _ => {
                let (name, text) = (self.client.handle(&file), format!("{}\n", self.operations));
                let ops = json!([{"op": "replace", "lines": [1, 1], "text": text}]);
                self.count(|client| client.edit(&file, &name, ops));
            }
        }
    }

    fn count(&mut self, ask: impl FnOnce(&mut Client) -> Value) {
        let answer = ask(&mut self.client);
        self.operations += u64::from(answer["status"] == "applied");
    }
}

#[test]
fn a_daemon_takes_no_more_after_long_use() {
    let seconds = std::env::var("ANCHORD_SOAK").map_or(SECONDS, |text| text.parse().unwrap());
    let world = World::new();
    (0..8).for_each(|file| world.write(&format!("f{file}"), "one\n"));
    let limits = [format!("slot_bytes={SLOT_BYTES}"), format!("snapshot_bytes={SNAPSHOT_BYTES}")];
    // A removed file may be taken back for so long, and its content stays.
    let undo = "undo_seconds=1";
    let arguments =
        ["--durability", "none", "--limit", &limits[0], "--limit", &limits[1], "--limit", undo];
    let daemon = world.serve_with(&arguments);
    let (client, dice) = (daemon.open(), Dice::new(3));
    let mut user = User { world: &world, daemon: &daemon, client, dice, operations: 0 };
    let begun = Instant::now();
    let mut work_until = |part: u32| {
        while begun.elapsed() < Duration::from_secs(seconds) * part / 3 {
            user.act();
        }
        user.client.call("stats/summary", json!({}));
        taken(&world, &daemon, user.operations)
    };
    let (early, late) = (work_until(1), work_until(3));
    println!("after a third: {early:?}\nat the end:    {late:?}");
    let more = late.operations - early.operations;
    assert!(more > 0);
    assert!(late.descriptors <= early.descriptors + 8, "descriptors");
    assert!(late.memory < early.memory + (24 << 20), "memory");
    assert!(late.slots < 3 * SLOT_BYTES, "slots");
    let each = late.state.saturating_sub(early.state) / more;
    println!(
        "soak: {seconds} s, {} operations; {} kB more memory, {} more descriptors, slots {} kB of {} kB, \
         the record grew by {each} bytes an operation",
        late.operations,
        (late.memory as i64 - early.memory as i64) / 1024,
        late.descriptors as i64 - early.descriptors as i64,
        late.slots / 1000,
        SLOT_BYTES / 1000,
    );
}
