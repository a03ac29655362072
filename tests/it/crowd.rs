//! A crowd: 64 agents edit 200 files at once, and none of their work is lost.
//!
//! Every edit writes a row that nobody else writes. At the end each row that was
//! answered as applied must stand in its file exactly once, every other not at
//! all, and the chain of contents in the events must be whole and end in the
//! files on disk.

use std::collections::HashMap;
use std::thread;

use serde_json::{Value, json};

use crate::chain::Chain;
use crate::dice::Dice;
use crate::world::{Client, Daemon, World, handle};

/// Agents at once.
const AGENTS: usize = 64;

/// Files that are edited at a time; the first ten are everybody's favourites.
const FILES: usize = 200;

/// After so many edits of one agent the crowd moves on to other files, so that the
/// files of a long run are no longer than those of a short one.
const STAY: usize = 100;

/// Edits of the whole crowd, unless `ANCHORD_CROWD_EDITS` says otherwise.
const EDITS: usize = 6_400;

/// Lines of a file before anybody came.
const LINES: usize = 40;

/// What one agent did.
#[derive(Default)]
struct Work {
    /// Rows that were answered as applied, with the number of their file.
    rows: Vec<(usize, String)>,
    first_try: usize,
    retried: usize,
    given_up: usize,
}

struct Agent {
    number: usize,
    client: Client,
    dice: Dice,
    /// The last handle it has of each file, and the lines it read under it.
    known: HashMap<usize, (String, usize)>,
    work: Work,
}

fn name(file: usize) -> String {
    format!("d{}/f{file}.txt", file % 7)
}

impl Agent {
    fn run(mut self, edits: usize) -> Work {
        for step in 0..edits {
            if step % STAY == 0 {
                self.known.clear();
            }
            let file = match self.dice.roll(10) {
                0..3 => self.dice.roll(10),
                _ => self.dice.roll(FILES),
            };
            let file = step / STAY * FILES + file;
            self.edit(file, format!("agent {} step {step}", self.number));
        }
        self.work
    }

    fn edit(&mut self, file: usize, row: String) {
        let (handle, lines) = self.look(file);
        let after = self.dice.roll(lines + 1);
        let op = json!([{"op": "insert", "after": after, "text": row}]);
        let mut result = self.client.edit(&name(file), &handle, op);
        let mut tries = 1;
        while result["status"] == "rejected" {
            let rejection = &result["rejection"];
            // Others wrote at this very place: it goes after what they wrote.
            assert_eq!(rejection["code"], "stale", "{result}");
            if tries == 20 || rejection["landings"][0].is_null() {
                self.known.remove(&file);
                self.work.given_up += 1;
                return;
            }
            tries += 1;
            result = self.client.accept(&rejection["retry"].clone());
        }
        match tries {
            1 => self.work.first_try += 1,
            _ => self.work.retried += 1,
        }
        self.note(file, &result);
        self.work.rows.push((file, row));
    }

    /// Returns a handle of the file, most often an old one, and how many lines
    /// of its content there are.
    fn look(&mut self, file: usize) -> (String, usize) {
        if let Some(known) = self.known.get(&file).filter(|_| self.dice.roll(8) > 0) {
            return known.clone();
        }
        let read = self.client.read(&name(file));
        let lines = read["total_lines"].as_u64().unwrap() as usize;
        self.known.insert(file, (handle(&read), lines));
        self.known[&file].clone()
    }

    /// Notes the new handle. What others wrote meanwhile it has not seen, so it
    /// goes on under the old one now and then, and reads again otherwise.
    fn note(&mut self, file: usize, result: &Value) {
        assert_eq!(result["status"], "applied", "{result}");
        if self.dice.roll(3) == 0 {
            self.known.remove(&file);
        }
    }
}

fn crowd(daemon: &Daemon, edits: usize) -> Vec<Work> {
    thread::scope(|scope| {
        let agents = (0..AGENTS).map(|number| {
            let (client, dice) = (daemon.open(), Dice::new(number as u64));
            let agent =
                Agent { number, client, dice, known: HashMap::new(), work: Work::default() };
            scope.spawn(move || agent.run(edits / AGENTS))
        });
        let agents: Vec<_> = agents.collect();
        agents.into_iter().map(|agent| agent.join().unwrap()).collect()
    })
}

/// Follows every event there is, a page at a time.
fn follow_all(chain: &mut Chain, client: &mut Client) {
    let mut last = 0;
    loop {
        let page = client.call("events/tail", json!({"since": last, "limit": 1000}));
        let events = page["events"].as_array().unwrap();
        let Some(end) = events.last() else { return };
        chain.follow(events, last + 1, "");
        last = end["seq"].as_i64().unwrap();
    }
}

#[test]
fn nobody_loses_an_update() {
    let edits = std::env::var("ANCHORD_CROWD_EDITS").map_or(EDITS, |text| text.parse().unwrap());
    let world = World::new();
    let content: String = (0..LINES).map(|line| format!("line {line}\n")).collect();
    let files = (edits / AGENTS).div_ceil(STAY) * FILES;
    for file in 0..files {
        world.write(&name(file), &content);
    }
    let mut chain = Chain::from(&world);
    let daemon = world.serve();
    let work = crowd(&daemon, edits);

    let tree = world.tree();
    let mut expected: HashMap<String, Vec<&str>> = HashMap::new();
    for (file, row) in work.iter().flat_map(|work| &work.rows) {
        expected.entry(name(*file)).or_default().push(row);
    }
    for (path, bytes) in &tree {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let mut rows: Vec<&str> = text.lines().filter(|row| row.starts_with("agent")).collect();
        let mut answered = expected.remove(path).unwrap_or_default();
        rows.sort_unstable();
        answered.sort_unstable();
        assert_eq!(rows, answered, "{path}");
        let others: Vec<&str> = text.lines().filter(|row| !row.starts_with("agent")).collect();
        assert!(others.into_iter().eq(content.lines()), "{path}");
    }
    assert!(expected.is_empty());

    follow_all(&mut chain, &mut daemon.open());
    chain.ends_in(&world);
    let sum = |count: fn(&Work) -> usize| work.iter().map(count).sum::<usize>();
    let (first, retried, given_up) =
        (sum(|work| work.first_try), sum(|work| work.retried), sum(|work| work.given_up));
    assert_eq!(first + retried + given_up, edits / AGENTS * AGENTS);
    assert_eq!(chain.links, first + retried);
    println!(
        "crowd: {AGENTS} agents, {files} files: {first} edits at the first try, {retried} after a retry, \
         {given_up} given up, 0 lost"
    );
}
