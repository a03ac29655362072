//! Deaths at every call that changes files: of an edit, of several files, of an
//! undo, with and without a save by another program after the answer; of a
//! recovery; of what clears old slots away.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::{Call, Rig, Verdict, Watch, Watched};
use crate::scenes::{Act, SAVES, SCENES, Save, Scene, furnish};
use crate::world::{Daemon, World, applied, wait_for};

/// How many calls lie between two deaths; every call with `ANCHORD_POINTS=all`.
const STRIDE: u64 = 16;

/// How long a daemon lives on after its answer.
pub(crate) const AFTERWARDS: Duration = Duration::from_millis(15);

/// Returns how many calls lie between two at which something happens: `short`,
/// unless it is said otherwise.
pub(crate) fn stride(short: u64) -> u64 {
    match std::env::var("ANCHORD_POINTS").as_deref() {
        Ok("all") => 1,
        Ok(stride) => stride.parse().unwrap(),
        Err(_) => short,
    }
}

/// Returns a watch that ends the process at its call number `at`, from 1.
pub(crate) fn death_at(at: u64) -> Watch {
    let mut seen = 0;
    Box::new(move |_, result| {
        seen += u64::from(result.is_none());
        if result.is_none() && seen == at { Verdict::End } else { Verdict::Go }
    })
}

/// Asks while the daemon is watched, and kills it at last; returns whether it was
/// answered, what was saved afterwards, and whether it died at a call.
pub(crate) fn ask_and_die(
    world: &World,
    daemon: Daemon,
    session: &str,
    act: &Act,
    save: Option<(Save, usize)>,
    watch: Watch,
) -> (bool, Option<Vec<u8>>, bool) {
    let mut client = daemon.resume(session);
    let mut rig = Rig::around(daemon.pid().as_raw_nonzero().get(), Call::is_change, watch);
    let answered = act.ask(&mut client);
    let saved =
        save.filter(|_| answered).map(|(save, round)| act.save(world, save, round).unwrap());
    if answered {
        std::thread::sleep(AFTERWARDS);
    }
    let died = rig.has_ended();
    rig.strike();
    rig.wait();
    daemon.was_reaped();
    (answered, saved, died)
}

/// Serves with everything flushed, so that every call of that is there.
pub(crate) fn serve(world: &World) -> Daemon {
    world.serve_with(&["--durability", "full"])
}

/// Starts a daemon that is watched from its first call on.
pub(crate) fn start_watched(world: &World, watched: Watched, watch: Watch) -> Rig {
    let mut command = Command::new(crate::world::program());
    world.settle(&mut command);
    command.args(["serve", "--durability", "full", "--idle-exit", "1", "--root"]);
    command.arg(&world.root).stderr(std::process::Stdio::null());
    Rig::starting(command, watched, watch)
}

/// Kills at every so many calls of a scene; returns how many deaths there were.
fn die_at_every_call(scene: Scene, save: Option<Save>, first: u64) -> usize {
    let world = World::new();
    furnish(&world);
    let mut daemon = serve(&world);
    let session = daemon.open().session.clone();
    let (mut at, mut deaths) = (first, 0);
    loop {
        deaths += 1;
        let act = scene.prepare(&world, &mut daemon.resume(&session), deaths);
        let save = save.map(|save| (save, deaths));
        let (answered, saved, died) =
            ask_and_die(&world, daemon, &session, &act, save, death_at(at));
        daemon = serve(&world);
        act.check(&world, &daemon, &session, (answered, saved), false);
        if !died {
            assert!(answered, "a request that nothing stopped is answered");
            return deaths;
        }
        at += stride(STRIDE);
    }
}

#[test]
fn a_death_at_any_call_leaves_all_or_nothing() {
    let mut deaths = 0;
    for (number, scene) in SCENES.into_iter().enumerate() {
        for (other, save) in SAVES.into_iter().enumerate() {
            // Not always the same calls of those that are passed over.
            let first = 1 + (number * SAVES.len() + other) as u64 % stride(STRIDE);
            let more = die_at_every_call(scene, save, first);
            println!("{scene:?}, {save:?}: {more} deaths");
            deaths += more;
        }
    }
    println!("deaths at calls: {deaths}, 0 lost, 0 by halves");
}

/// The recovery dies as well, again and again, each time one call later.
#[test]
fn a_death_in_the_recovery_is_recovered_from() {
    let (mut deaths, mut second) = (0, 0);
    for at in (7..).step_by(11 * stride(STRIDE) as usize) {
        let world = World::new();
        furnish(&world);
        let mut daemon = serve(&world);
        let session = daemon.open().session.clone();
        let act = Scene::Mixed.prepare(&world, &mut daemon.resume(&session), 1);
        let (answered, _, died) = ask_and_die(&world, daemon, &session, &act, None, death_at(at));
        deaths += 1;
        for start in (1..).step_by(stride(STRIDE) as usize) {
            let mut rig = start_watched(&world, Call::is_change, death_at(start));
            wait_for("a start", || rig.has_ended() || rig.is_over() || world.is_served());
            let ended = rig.has_ended();
            rig.strike();
            rig.wait();
            if !ended {
                break;
            }
            second += 1;
        }
        daemon = serve(&world);
        act.check(&world, &daemon, &session, (answered, None), false);
        if !died {
            break;
        }
    }
    println!("deaths in the recovery: {second}, of {deaths} deaths before");
}

/// With these limits slots and contents go as soon as nobody needs them.
const NARROW: [&str; 6] =
    ["--durability", "full", "--limit", "slot_bytes=1", "--limit", "snapshot_bytes=1000"];

/// A daemon that may end while it clears old slots away: what it was asked last,
/// and whether it answered.
pub(crate) struct Clearing {
    session: String,
    /// The operation that removed a file.
    removed: Value,
    edit: Value,
    pub(crate) answered: bool,
    pub(crate) died: bool,
}

impl Clearing {
    /// Lets a daemon clear old slots away under a watch, and kills it at last;
    /// `afterwards` comes before that.
    pub(crate) fn watched(world: &World, watch: Watch, afterwards: impl FnOnce(&Rig)) -> Clearing {
        let daemon = world.serve_with(&NARROW);
        let mut client = daemon.open();
        let session = client.session.clone();
        let name = client.handle("made-0");
        let files = json!([{"path": "made-0", "handle": name, "op": "remove"}]);
        let removed = client.apply(files)["operation"].clone();
        let mut name = client.handle("one");
        for round in 1..5 {
            let text = format!("{round}\n");
            let ops = json!([{"op": "replace", "lines": [1, 1], "text": text}]);
            name = applied(&client.edit("one", &name, ops));
        }
        // Until the grace of what was displaced is over.
        std::thread::sleep(Duration::from_millis(2300));
        let pid = daemon.pid().as_raw_nonzero().get();
        let mut rig = Rig::around(pid, Call::is_change, watch);
        let ops = json!([{"op": "replace", "lines": [1, 1], "text": "last\n"}]);
        let edit = json!({"format": "anchor", "op_id": "last",
            "files": [{"path": "one", "handle": name, "ops": ops}]});
        let asked = client.try_request("edit/apply", &edit).is_ok();
        let answer = asked.then(|| client.try_line().ok().flatten()).flatten();
        let answered = answer.is_some();
        if answered {
            std::thread::sleep(Duration::from_millis(60));
        }
        let died = rig.has_ended();
        afterwards(&rig);
        rig.strike();
        rig.wait();
        daemon.was_reaped();
        Clearing { session, removed, edit, answered, died }
    }

    /// Checks that nothing that was answered, and nothing that an undo needs, went.
    /// Where reads may be `forgotten`, the edit that was not answered may be as well.
    pub(crate) fn check(&self, world: &World, forgotten: bool) {
        let daemon = world.serve_with(&NARROW);
        let mut client = daemon.resume(&self.session);
        let expected: &[&str] = if self.answered { &["last\n"] } else { &["4\n", "last\n"] };
        assert!(expected.contains(&world.text("one").as_str()), "{}", world.text("one"));
        let again = client.call("edit/apply", self.edit.clone());
        let unknown = ["unknown_handle", "unseen"].map(Value::from);
        if !(forgotten && !self.answered && unknown.contains(&again["rejection"]["code"])) {
            applied(&again);
            assert_eq!(world.text("one"), "last\n");
        }
        let undone = client.call("edit/undo", json!({"operation": self.removed}));
        assert_eq!(undone["status"], Value::from("applied"), "{undone}");
        assert_eq!(world.text("made-0"), "made\n");
        daemon.kill();
    }
}

/// What clears away dies; nothing that an undo needs goes with it.
#[test]
fn a_death_while_old_slots_are_cleared_away() {
    let mut deaths = 0;
    for at in (3..).step_by(stride(STRIDE) as usize) {
        let world = World::new();
        furnish(&world);
        let clearing = Clearing::watched(&world, death_at(at), |_| {});
        clearing.check(&world, false);
        deaths += 1;
        if !clearing.died {
            break;
        }
    }
    println!("deaths while slots are cleared away: {deaths}");
}
