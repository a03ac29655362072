//! Safeguards left out on purpose, one by one, in the real thing: a suite must
//! notice each, or it stands here why nothing can come of it. The five that need
//! another program at a very moment, or a disk that lies, are left out in the
//! engine's own tests, where that moment can be chosen (`engine/src/store/os/races.rs`).
//!
//! This is no part of an ordinary build: it takes the feature `mutants`.

use std::process::Command;

/// A safeguard, and the suite that notices that it is missing; or why none can.
type Mutant = (&'static str, Result<&'static [&'static str], &'static str>);

const MUTANTS: [Mutant; 10] = [
    ("Compare", Ok(&["savers"])),
    ("SwapBack", Ok(&["savers"])),
    ("Retire", Ok(&["last_of_all"])),
    ("SlotFlush", Ok(&["power", "weak_disk"])),
    ("SlotNameFlush", Ok(&["weak_disk"])),
    ("Barrier", Ok(&["power", "weak_disk"])),
    (
        "Synchronous",
        Err("the log is flushed by us; SQLite's own flushes guard only the fold of the log \
             into the database, which none of the scenes is long enough for"),
    ),
    (
        "CompareAgain",
        Err("it is used without leases alone, and then a displaced file is looked at again \
             after the grace, so that the bytes are kept with an event"),
    ),
    (
        "NewestStays",
        Err("the newer save is kept in the slot, with an event when the slot is to go: it \
             stands aside instead of in its place, but is not lost"),
    ),
    (
        "ReadAgain",
        Err("a torn read is shown, but no edit of it is applied: the bytes are compared \
             under the lease"),
    ),
];

/// Returns what is left out in this process and in the daemons that it starts.
pub(crate) fn lacks() -> Option<String> {
    std::env::var("ANCHORD_LACKS").ok()
}

/// Returns whether a suite fails without a safeguard.
#[expect(clippy::unwrap_used, clippy::print_stdout, reason = "a part of a test")]
fn is_noticed(safeguard: &str, suites: &[&str]) -> bool {
    suites.iter().any(|suite| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([suite, "--test-threads", "1"]).env("ANCHORD_LACKS", safeguard);
        command.env("ANCHORD_SAVES", "60000").env("ANCHORD_POINTS", "3");
        command.env("ANCHORD_STATES", "600");
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = text.lines().find(|row| row.contains("panicked at"));
        println!("{safeguard}, {suite}: {}", failed.unwrap_or("not noticed"));
        !output.status.success()
    })
}

/// Runs for many minutes.
#[test]
fn every_safeguard_is_missed() {
    // In the children, other tests are asked for.
    if lacks().is_some() {
        return;
    }
    let only = std::env::var("ANCHORD_MUTANT").ok();
    let mut unnoticed = Vec::new();
    let (mut noticed, mut harmless) = (0, 0);
    for (name, suites) in MUTANTS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        match suites {
            Ok(suites) if is_noticed(name, suites) => noticed += 1,
            Ok(_) => unnoticed.push(name),
            Err(why) => {
                harmless += 1;
                println!("{name}: harmless: {why}");
            }
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
    println!("mutants of the store: {noticed} noticed, {harmless} harmless");
}
