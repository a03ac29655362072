//! Errors of the system at every call: each of twelve, once and from then on, at
//! each call by which the daemon looks at a file, changes or flushes one, its
//! database and the log of that among them. What is answered is true, files are as
//! before or after, and once the error has passed the next request works; where a
//! flush failed, after a new start.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::deaths::{AFTERWARDS, ask_and_die, death_at, serve, start_watched, stride};
use crate::mounts::Mount;
use crate::replay::Image;
use crate::rig::{CAN_FAIL, Call, Rig, Verdict, Watch};
use crate::scenes::{Act, SCENES, Scene, furnish};
use crate::world::{Client, Daemon, World, handle, wait_for};

/// Interrupted, I/O, no space, quota, no access, not permitted, read-only, too many
/// open files, not there, there already, out of memory, not supported.
const ERRORS: [i32; 12] = [
    libc::EINTR,
    libc::EIO,
    libc::ENOSPC,
    libc::EDQUOT,
    libc::EACCES,
    libc::EPERM,
    libc::EROFS,
    libc::EMFILE,
    libc::ENOENT,
    libc::EEXIST,
    libc::ENOMEM,
    libc::EOPNOTSUPP,
];

/// How many calls lie between two that fail; every one with `ANCHORD_POINTS=all`,
/// and then with every error.
const STRIDE: u64 = 29;

/// So many interruptions in a row are enough: one who is interrupted tries again.
const INTERRUPTIONS: u64 = 40;

/// A failure that is to come.
#[derive(Debug, Clone, Copy)]
struct Failure {
    /// The call that fails, from 1.
    at: u64,
    error: i32,
    /// Whether all calls after it fail as well.
    lasts: bool,
}

/// Every failure at a call, or one of each kind where not all are asked for.
fn failures_at(at: u64) -> Vec<Failure> {
    let all = stride(STRIDE) == 1;
    let some =
        ERRORS.iter().enumerate().filter(|(n, _)| all || (at as usize + n).is_multiple_of(12));
    let both =
        |(_, error): (usize, &i32)| [false, true].map(|lasts| Failure { at, error: *error, lasts });
    some.flat_map(both).collect()
}

/// What fails, and how many calls were made since that was said.
#[derive(Default)]
struct Armed {
    failure: Option<Failure>,
    /// The call from which on calls are counted.
    from: Option<fn(&Call) -> bool>,
    calls: u64,
    failed: u64,
    what: String,
}

impl Armed {
    fn verdict(&mut self, call: &Call) -> Verdict {
        let Some(Failure { at, error, lasts }) = self.failure else { return Verdict::Go };
        if self.from.is_some_and(|is_first| !is_first(call)) {
            return Verdict::Go;
        }
        self.from = None;
        self.calls += 1;
        let fails = self.calls == at || lasts && self.calls > at;
        if !fails || error == libc::EINTR && self.failed == INTERRUPTIONS {
            return Verdict::Go;
        }
        if self.failed == 0 {
            self.what = format!("{} {:?}", call.number, call.path_of(call.arguments[0]));
        }
        self.failed += 1;
        Verdict::Fail(error)
    }
}

fn is_touched(call: &Call) -> bool {
    call.is_change() || call.is_look()
}

/// Returns a watch that lets calls fail as is said meanwhile.
fn watch(armed: &Arc<Mutex<Armed>>) -> Watch {
    let armed = Arc::clone(armed);
    Box::new(move |call, result| match result {
        None => armed.lock().unwrap().verdict(call),
        Some(_) => Verdict::Go,
    })
}

/// What came of it.
#[derive(Debug, Default)]
struct Tally {
    points: u64,
    applied: u64,
    refused: u64,
    restarts: u64,
}

/// A daemon whose calls can be made to fail.
struct Patient<'a> {
    world: &'a World,
    daemon: Daemon,
    rig: Rig,
    armed: Arc<Mutex<Armed>>,
    session: String,
}

impl<'a> Patient<'a> {
    fn new(world: &'a World, session: Option<String>) -> Patient<'a> {
        let daemon = serve(world);
        let session = session.unwrap_or_else(|| daemon.open().session.clone());
        let armed = Arc::default();
        let pid = daemon.pid().as_raw_nonzero().get();
        let rig = Rig::around(pid, is_touched, watch(&armed));
        Patient { world, daemon, rig, armed, session }
    }

    fn client(&self) -> Client {
        self.daemon.resume(&self.session)
    }

    /// Returns whether it takes no edits any more until it is started anew.
    fn only_reads(&self) -> bool {
        let examined = self.client().call("state/examine", json!({}));
        let findings = examined["findings"].as_array().unwrap();
        findings.iter().any(|finding| finding.to_string().contains("start the daemon again"))
    }

    /// Kills it and starts it anew.
    fn again(mut self) -> Patient<'a> {
        self.rig.strike();
        self.rig.wait();
        self.daemon.was_reaped();
        Patient::new(self.world, Some(self.session))
    }

    /// Asks while calls fail; returns the answer, and whether any did.
    fn ask(&self, act: &Act, failure: Failure) -> (Value, bool, String) {
        self.ask_from(act, failure, None)
    }

    /// The same, with calls counted from this one on.
    fn ask_from(
        &self,
        act: &Act,
        failure: Failure,
        from: Option<fn(&Call) -> bool>,
    ) -> (Value, bool, String) {
        let mut client = self.client();
        *self.armed.lock().unwrap() = Armed { failure: Some(failure), from, ..Armed::default() };
        client.request(act.method, &act.params);
        let line = client.try_line();
        let Ok(Some(line)) = &line else {
            let what = &self.armed.lock().unwrap().what;
            panic!("no answer to {}, {failure:?} at {what}: {line:?}", act.params);
        };
        let answer = serde_json::from_str(line).unwrap();
        // What is done after the answer may fail as well.
        std::thread::sleep(AFTERWARDS);
        let armed = std::mem::take(&mut *self.armed.lock().unwrap());
        (answer, armed.failed > 0, armed.what)
    }
}

/// Returns whether an answer says that it was done; else it must say why not.
fn is_applied(answer: &Value, about: &str) -> bool {
    let result = &answer["result"];
    if result["status"] == "applied" {
        return true;
    }
    let code = [&result["rejection"]["code"], &answer["error"]["code"]];
    assert!(code[0].is_string() || code[1].is_i64(), "an error without a code: {about}: {answer}");
    false
}

/// Checks that the request has its effect now, and once; starts the daemon anew
/// where it asks for that.
fn carry_on<'a>(
    mut patient: Patient<'a>,
    act: &Act,
    tally: &mut Tally,
    about: &str,
) -> Patient<'a> {
    for last in [false, true] {
        let answer = patient.client().exchange(act.method, &act.params);
        let done = answer["result"]["rejection"]["code"] == "no_change"
            && patient.world.tree() == act.after;
        if done || is_applied(&answer, about) {
            assert_eq!(patient.world.tree(), act.after, "{about}, sent again: {answer}");
            // What finds its work done writes nothing, also where files are only read.
            return match patient.only_reads() {
                true => patient.again(),
                false => patient,
            };
        }
        let message = answer["result"]["rejection"]["message"].as_str().unwrap_or_default();
        let asks = message.contains("start the daemon again");
        assert!(!last && asks, "{about}, sent again: {answer}");
        tally.restarts += 1;
        patient = patient.again();
        let found = patient.world.tree();
        assert!([&act.before, &act.after].contains(&&found), "{about}, started again: {found:?}");
    }
    patient
}

/// Lets every so many calls of a scene fail.
fn fail_at_every_call(scene: Scene, place: &std::path::Path, first: u64, tally: &mut Tally) {
    let world = World::below(place);
    furnish(&world);
    let mut patient = Patient::new(&world, None);
    let mut round = 0;
    for at in (first..).step_by(stride(STRIDE) as usize) {
        let mut met = false;
        for failure in failures_at(at) {
            round += 1;
            let act = scene.prepare(&world, &mut patient.client(), round);
            let (answer, failed, what) = patient.ask(&act, failure);
            let about = format!("{scene:?}, {failure:?} at {what}: {answer}");
            let found = world.tree();
            if is_applied(&answer, &about) {
                assert_eq!(found, act.after, "{about}");
                tally.applied += u64::from(failed);
            } else {
                let message = answer["result"]["rejection"]["message"].as_str();
                let told = message.is_some_and(|text| text.contains("could not be taken back"));
                let left = failure.lasts && (act.method == "edit/apply" || told);
                assert!(found == act.before || left, "{about}: {found:?}");
                tally.refused += 1;
            }
            patient = carry_on(patient, &act, tally, &about);
            tally.points += u64::from(failed);
            met |= failed;
        }
        if !met {
            return;
        }
    }
}

/// A file has just been moved or swapped when this is asked: whether the lease on it
/// is whole.
fn is_look_at_lease(call: &Call) -> bool {
    call.number == libc::SYS_fcntl && call.arguments[1] as i32 == libc::F_GETLEASE
}

/// What was moved already and cannot be moved back is left to the recovery, and not
/// forgotten: a transaction that was found so once lost a file that it removed.
#[test]
fn what_cannot_be_taken_back_is_seen_to_later() {
    let Some((place, _mount)) = quick_place() else { return };
    let mut points = 0;
    for scene in SCENES {
        let world = World::below(place.path());
        furnish(&world);
        let mut patient = Patient::new(&world, None);
        for round in 1..=12 {
            let act = scene.prepare(&world, &mut patient.client(), round);
            // From the first look at a lease on, and two calls later each round: a look
            // of another file, or the move back itself.
            let failure =
                Failure { at: 1 + 2 * (round as u64 - 1), error: libc::EINTR, lasts: true };
            let from: fn(&Call) -> bool = is_look_at_lease;
            let (answer, failed, what) = patient.ask_from(&act, failure, Some(from));
            let about = format!("{scene:?}, {failure:?} at {what}: {answer}");
            is_applied(&answer, &about);
            points += u64::from(failed);
            patient = carry_on(patient, &act, &mut Tally::default(), &about);
        }
    }
    println!("moves that cannot be taken back: {points}");
    assert!(points > 30);
}

/// Returns a directory in memory, where flushes take no time; the disk of the tests
/// where nobody may mount one. `None` on a machine where calls cannot be made to fail.
fn quick_place() -> Option<(tempfile::TempDir, Option<Mount>)> {
    if !CAN_FAIL {
        println!("left out: calls cannot be made to fail on this machine");
        return None;
    }
    let place = tempfile::tempdir().unwrap();
    let mount = Mount::tmpfs(place.path(), 256 << 20);
    Some((place, mount))
}

#[test]
fn an_error_at_any_call_is_told_and_passes() {
    let Some((place, _mount)) = quick_place() else { return };
    let one = std::env::var("ANCHORD_SCENE").unwrap_or_default();
    for (number, scene) in SCENES.into_iter().enumerate() {
        if !one.is_empty() && one != format!("{scene:?}") {
            continue;
        }
        let mut tally = Tally::default();
        let first = 1 + (number as u64 * 7) % stride(STRIDE);
        fail_at_every_call(scene, place.path(), first, &mut tally);
        println!("errors at calls, {scene:?}: {tally:?}");
        assert!(tally.points > 0);
    }
}

/// After a flush that failed nothing is taken: files are read, `doctor` says what to
/// do, and a new start takes edits again. What was told to be applied is kept.
#[test]
fn a_flush_that_fails_ends_in_reading_only() {
    let Some((place, _mount)) = quick_place() else { return };
    let world = World::below(place.path());
    furnish(&world);
    let (mut patient, mut flushes, mut tally) = (Patient::new(&world, None), 0, Tally::default());
    // Several threads flush, so that which call is the n-th differs: where few of those
    // that failed were flushes, all calls are gone through once more.
    let (mut at, mut round) = (0, 1);
    for turn in 1.. {
        at += 1;
        let act = Scene::Five.prepare(&world, &mut patient.client(), turn);
        let failure = Failure { at, error: libc::EIO, lasts: false };
        let (answer, failed, what) = patient.ask(&act, failure);
        let about = format!("{failure:?} at {what}: {answer}");
        let [fsync, fdatasync] = [libc::SYS_fsync, libc::SYS_fdatasync].map(|n| format!("{n} "));
        if what.starts_with(&fsync) || what.starts_with(&fdatasync) {
            flushes += 1;
            let mut client = patient.client();
            let read = client.read("one");
            assert_eq!(read["status"], "ok", "{about}");
            let ops = json!([{"op": "replace", "lines": [1, 1], "text": "no\n"}]);
            let refused = client.edit("one", &handle(&read), ops);
            let message = refused["rejection"]["message"].as_str().unwrap_or_default();
            let cure = "look after the disk, then start the daemon again";
            assert!(
                message.contains("a flush failed") && message.contains(cure),
                "{about}: {refused}"
            );
            let doctor = world.run(&["doctor"]);
            assert!(doctor.out.contains(cure) && doctor.code != 0, "{about}: {doctor:?}");
        }
        patient = carry_on(patient, &act, &mut tally, &about);
        if !failed && (flushes > 4 || round == 5) {
            break;
        }
        if !failed {
            (at, round) = (0, round + 1);
        }
    }
    assert!(flushes > 4, "{flushes}");
    println!(
        "flushes that fail: {flushes}, each ended in reading only, {} new starts",
        tally.restarts
    );
}

/// The recovery of what a death left behind is told errors: it ends, or serves what
/// it can, and the next start finds everything whole.
#[test]
fn an_error_at_any_call_of_a_start_is_recovered_from() {
    let Some((place, _mount)) = quick_place() else { return };
    let (mut starts, mut ended) = (0, 0);
    // Before the first swap, in the midst of the swaps, before the commit.
    for death in [18, 26, 34] {
        let world = World::below(place.path());
        furnish(&world);
        let daemon = serve(&world);
        let session = daemon.open().session.clone();
        let act = Scene::Mixed.prepare(&world, &mut daemon.resume(&session), 1);
        let (answered, _, _) = ask_and_die(&world, daemon, &session, &act, None, death_at(death));
        let base = world.root.parent().unwrap().to_owned();
        let dead = Image::of(&base);
        for at in (1 + death % stride(STRIDE)..).step_by(stride(STRIDE) as usize) {
            let mut met = false;
            for failure in failures_at(at) {
                dead.lay_out(&base);
                let (failed, served) = start_badly(&world, failure);
                let daemon = serve(&world);
                act.check(&world, &daemon, &session, (answered, None), false);
                daemon.kill();
                (starts, ended) = (starts + u64::from(failed), ended + u64::from(!served));
                met |= failed;
            }
            if !met {
                break;
            }
        }
    }
    assert!(starts > 0);
    println!("errors at calls of a start: {starts}, {ended} of them ended it, 0 by halves");
}

/// Starts a daemon whose calls fail, and kills it; returns whether any did, and
/// whether it came to serve.
fn start_badly(world: &World, failure: Failure) -> (bool, bool) {
    let armed = Arc::new(Mutex::new(Armed { failure: Some(failure), ..Armed::default() }));
    let mut rig = start_watched(world, is_touched, watch(&armed));
    let mut served = false;
    wait_for("a start, or its end", || {
        served = world.is_served();
        served || rig.is_over() || is_stuck(&armed)
    });
    if served {
        std::thread::sleep(Duration::from_millis(5));
    }
    rig.strike();
    rig.wait();
    let failed = armed.lock().unwrap().failed > 0;
    (failed, served)
}

/// Returns whether a failure that lasts is met again and again: whoever waits for it
/// to pass would wait for ever here.
fn is_stuck(armed: &Mutex<Armed>) -> bool {
    armed.lock().unwrap().failed > 2_000
}
