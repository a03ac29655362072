//! The transaction in memory: an error or a death at any call, another program
//! at any moment.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::*;
use crate::error::{Code, Refusal};
use crate::hash::ContentHash;
use crate::store::{
    Fault, FaultFs, FaultJournal, Faults, Intent, MemFs, MemJournal, RelPath, Slot, Step, StepKind,
    Trouble,
};

type Files = BTreeMap<RelPath, Vec<u8>>;

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a plain path")
}

fn files(pairs: &[(&str, &str)]) -> Files {
    pairs.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect()
}

fn before() -> Files {
    files(&[("edit", "one"), ("remove", "two"), ("move", "three")])
}

fn after() -> Files {
    files(&[("edit", "ONE"), ("create", "new"), ("moved/here", "three")])
}

/// One step of each kind, from `before` to `after`.
fn intent(tx: u64) -> (Intent, Vec<Contents<'static>>) {
    let moved = StepKind::Move { to: path("moved/here") };
    described(
        tx,
        [
            ("edit", StepKind::Modify, Some("one"), Some("ONE")),
            ("create", StepKind::Create, None, Some("new")),
            ("remove", StepKind::Remove, Some("two"), None),
            ("move", moved, Some("three"), None),
        ],
    )
}

/// The same taken back, as an undo does: from `after` to `before`.
fn back(tx: u64) -> (Intent, Vec<Contents<'static>>) {
    described(
        tx,
        [
            ("moved/here", StepKind::Move { to: path("move") }, Some("three"), None),
            ("remove", StepKind::Create, None, Some("two")),
            ("create", StepKind::Remove, Some("new"), None),
            ("edit", StepKind::Modify, Some("ONE"), Some("one")),
        ],
    )
}

/// A file, what happens to it, what it holds before and after.
type Described = (&'static str, StepKind, Option<&'static str>, Option<&'static str>);

fn described(tx: u64, steps: [Described; 4]) -> (Intent, Vec<Contents<'static>>) {
    let hash = |text: Option<&str>| text.map(|text| ContentHash::of(text.as_bytes()));
    let bytes = |text: Option<&'static str>| text.map(str::as_bytes);
    let contents = steps.iter().map(|(_, _, before, after)| Contents {
        before: bytes(*before),
        after: bytes(*after),
        like: None,
    });
    let contents = contents.collect();
    let step = |(index, (name, kind, before, after)): (usize, Described)| Step {
        path: path(name),
        kind,
        before: hash(before),
        after: hash(after),
        slot: Slot { beside: None, name: format!("{tx}-{index}") },
    };
    let steps = steps.into_iter().enumerate().map(step).collect();
    (Intent { tx, steps }, contents)
}

/// Carries out transaction 2, from whichever of the two states there is to the
/// other, in the very store that something happened to.
fn carry_on(fs: &MemFs, journal: &MemJournal, about: &str) {
    let is_before = fs.files() == before();
    let (intent, contents) = if is_before { intent(2) } else { back(2) };
    let context = Context { fs, journal, durability: Durability::Full };
    let done = Transaction::new(context, intent, contents).prepare().and_then(Prepared::commit);
    assert!(matches!(done, Ok(Committed { unflushed: None, .. })), "{about}: {done:?}");
    assert_eq!(fs.files(), if is_before { after() } else { before() }, "{about}, carried on");
    assert_eq!(journal.outcome(2), Some(true), "{about}");
    recover_all(fs, journal);
    assert_eq!(fs.files(), if is_before { after() } else { before() }, "{about}, and recovered");
}

/// A store in which call number `at` fails.
struct Broken<'a> {
    faults: std::sync::Arc<Faults>,
    fs: FaultFs<'a, MemFs>,
    journal: FaultJournal<'a, MemJournal>,
}

impl<'a> Broken<'a> {
    fn at(
        fs: &'a MemFs,
        journal: &'a MemJournal,
        fault: Fault,
        at: u64,
        error: ErrorKind,
    ) -> Broken<'a> {
        let faults = Faults::new(fault, at, error);
        let fs = FaultFs::new(fs, &faults);
        Broken { fs, journal: FaultJournal::new(journal, &faults), faults }
    }

    fn run(&self) -> Result<Committed, Failed> {
        self.carry_out(intent(1))
    }

    fn carry_out(
        &self,
        (intent, contents): (Intent, Vec<Contents<'_>>),
    ) -> Result<Committed, Failed> {
        let context =
            Context { fs: &self.fs, journal: &self.journal, durability: Durability::Full };
        Transaction::new(context, intent, contents).prepare()?.commit()
    }
}

/// What can go wrong with a call, as kinds of errors: interrupted, I/O, no
/// space, quota, no access, not permitted, read-only, too many open files, not
/// there, there already, out of memory, not supported.
const ERRORS: [ErrorKind; 12] = [
    ErrorKind::Interrupted,
    ErrorKind::Other,
    ErrorKind::StorageFull,
    ErrorKind::QuotaExceeded,
    ErrorKind::PermissionDenied,
    ErrorKind::ResourceBusy,
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::WouldBlock,
    ErrorKind::NotFound,
    ErrorKind::AlreadyExists,
    ErrorKind::OutOfMemory,
    ErrorKind::Unsupported,
];

fn recover_all(fs: &MemFs, journal: &MemJournal) -> Vec<Recovered> {
    let mut all = Vec::new();
    for _ in 0..2 {
        let context = Context { fs, journal, durability: Durability::Full };
        all.extend(recover(context).expect("recovery needs nothing that fails here"));
    }
    all
}

#[test]
fn every_kind_of_step_takes_effect() {
    let (fs, journal) = (MemFs::with(before()), MemJournal::default());
    let whole = Broken::at(&fs, &journal, Fault::Once, u64::MAX, ErrorKind::Other);
    let committed = whole.run().expect("nothing fails");
    assert_eq!((committed.cas.len(), committed.unflushed), (4, None));
    assert_eq!(fs.files(), after());
    assert_eq!(journal.outcome(1), Some(true));
    assert_eq!(whole.faults.calls(), 12);
}

#[test]
fn an_error_at_any_call_leaves_all_or_none_and_is_told_truly() {
    let mut told = [0; 3];
    for (error, at) in every_error() {
        for (from, to, request) in ways() {
            let (fs, journal) = (MemFs::with(from.clone()), MemJournal::default());
            let result = Broken::at(&fs, &journal, Fault::Once, at, error).carry_out(request);
            let about = format!("{error} at call {at}: {result:?}");
            match &result {
                Ok(Committed { unflushed: None, .. }) => unreachable!("{about}"),
                Ok(Committed { unflushed: Some(_), .. }) => told[0] += 1,
                Err(Failed { trouble: Some(Trouble::Unfinished), .. }) => told[1] += 1,
                Err(_) => told[2] += 1,
            }
            let expected = if result.is_ok() { to } else { from };
            assert_eq!(fs.files(), expected, "{about}");
            // The next request works in this store, whether recovery comes first or
            // not; after a flush that failed nothing is taken before it.
            if at % 2 == 0 || result.is_ok() {
                recover_all(&fs, &journal);
                assert_eq!(fs.files(), expected, "{about}, recovered");
            }
            carry_on(&fs, &journal, &about);
        }
    }
    let [unflushed, unfinished, refused] = told;
    println!("errors: {refused} refused, {unflushed} applied but not flushed, all carried on");
    assert_eq!((unflushed, unfinished, refused), (48, 0, 240));
}

/// Every error at every call.
fn every_error() -> impl Iterator<Item = (ErrorKind, u64)> {
    ERRORS.into_iter().flat_map(|error| (0..12).map(move |at| (error, at)))
}

/// An operation and its undo: what there is, what comes of it, the request.
fn ways() -> [(Files, Files, (Intent, Vec<Contents<'static>>)); 2] {
    [(before(), after(), intent(1)), (after(), before(), back(1))]
}

/// Whatever the store says, it says it of what it did.
#[test]
fn what_keeps_failing_is_left_to_recovery() {
    for (error, at) in every_error() {
        for (from, to, request) in ways() {
            let (fs, journal) = (MemFs::with(from.clone()), MemJournal::default());
            let result = Broken::at(&fs, &journal, Fault::Forever, at, error).carry_out(request);
            let about = format!("{error} from call {at}: {result:?}");
            let left = matches!(&result, Err(f) if f.trouble == Some(Trouble::Unfinished));
            let flushed = matches!(&result, Err(f) if f.trouble == Some(Trouble::Flush));
            let whole = [&from, &to].contains(&&fs.files());
            assert!(whole || left, "{about}");
            recover_all(&fs, &journal);
            let found = fs.files();
            match &result {
                Ok(_) => assert_eq!(found, to, "{about}"),
                Err(_) if left || flushed => assert!([from, to].contains(&found)),
                Err(_) => assert_eq!(found, from, "{about}"),
            }
            carry_on(&fs, &journal, &about);
        }
    }
}

/// Recovery is told an error at each of its calls, once and from then on, after a
/// death at each call of the transaction: it says so, and the next one ends it.
#[test]
fn an_error_at_any_call_of_the_recovery_is_recovered_from() {
    let (mut told, mut runs) = (0, 0);
    for fault in [Fault::Once, Fault::Forever] {
        for (error, died) in every_error() {
            for at in 0.. {
                let (fs, journal) = (MemFs::with(before()), MemJournal::default());
                let dead = Broken::at(&fs, &journal, Fault::Forever, died, ErrorKind::Other);
                let _nobody_hears = dead.run();
                let broken = Broken::at(&fs, &journal, fault, at, error);
                let context = Context {
                    fs: &broken.fs,
                    journal: &broken.journal,
                    durability: Durability::Full,
                };
                let result = recover(context);
                let about = format!("died at {died}, {error} at call {at}: {result:?}");
                recover_all(&fs, &journal);
                let is_after = fs.files() == after();
                assert!(is_after || fs.files() == before(), "{about}: {:?}", fs.files());
                assert_ne!(journal.outcome(1), Some(!is_after), "{about}");
                carry_on(&fs, &journal, &about);
                if broken.faults.calls() <= at {
                    assert!(result.is_ok(), "{about}");
                    break;
                }
                (told, runs) = (told + usize::from(result.is_err()), runs + 1);
            }
        }
    }
    println!("errors in the recovery: {runs}, {told} told, all recovered from and carried on");
}

#[test]
fn a_flush_that_fails_after_the_commit_is_no_refusal() {
    for at in [10, 11] {
        let (fs, journal) = (MemFs::with(before()), MemJournal::default());
        let result = Broken::at(&fs, &journal, Fault::Once, at, ErrorKind::Other).run();
        let unflushed = result.expect("it took effect").unflushed.expect("and may be lost");
        assert!(unflushed.message.contains("flush"), "{unflushed}");
        assert_eq!((fs.files(), journal.outcome(1)), (after(), Some(true)));
    }
}

#[test]
fn a_file_that_changed_meanwhile_takes_everything_back() {
    for name in ["edit", "remove", "move", "create", "moved/here"] {
        let (fs, journal) = (MemFs::with(before()), MemJournal::default());
        let (intent, contents) = intent(1);
        let context = Context { fs: &fs, journal: &journal, durability: Durability::None };
        let prepared = Transaction::new(context, intent, contents).prepare();
        let prepared = prepared.expect("nothing has changed yet");
        fs.put(&path(name), b"somebody else".to_vec());
        let refusal = Refusal::from(prepared.commit().expect_err("the file changed"));
        assert!(matches!(refusal.code, Code::Stale | Code::Exists), "{name}: {refusal}");
        let mut expected = before();
        expected.insert(path(name), b"somebody else".to_vec());
        assert_eq!(fs.files(), expected, "{name}");
        assert_eq!(journal.outcome(1), Some(false));
    }
}

/// What another program does to a file while we are dead.
type Meddling = (&'static str, Option<&'static str>);

/// Runs until call `at`, then lets another program at the files, and recovers.
fn die_at(at: u64, meddlings: &[Meddling]) -> (MemFs, MemJournal, Vec<Recovered>) {
    let (fs, journal) = (MemFs::with(before()), MemJournal::default());
    let _nobody_hears = Broken::at(&fs, &journal, Fault::Forever, at, ErrorKind::Other).run();
    for (name, text) in meddlings {
        match text {
            Some(text) => fs.put(&path(name), text.as_bytes().to_vec()),
            None => fs.delete(&path(name)),
        }
    }
    let recovered = recover_all(&fs, &journal);
    (fs, journal, recovered)
}

/// The calls: two slots, the intent, two flushes, four steps, the commit.
const FIRST_STEP: u64 = 5;

/// A table: how many steps were done before the death, what another program did
/// then, and whether recovery goes forward.
#[test]
fn a_step_that_was_done_stays_done_whatever_became_of_its_file() {
    let cases: [(u64, &[Meddling], bool); 14] = [
        (1, &[("edit", Some("mine"))], true),
        (1, &[("edit", Some("one"))], true),
        (1, &[("edit", None)], true),
        (2, &[("create", Some("mine"))], true),
        (2, &[("create", None)], true),
        (3, &[("remove", Some("mine"))], true),
        (3, &[("edit", Some("mine")), ("create", Some("mine")), ("remove", Some("mine"))], true),
        (0, &[("edit", Some("mine"))], false),
        (0, &[("create", Some("mine"))], false),
        (1, &[("remove", Some("mine"))], false),
        (1, &[("edit", Some("mine")), ("remove", Some("mine"))], false),
        (2, &[("move", Some("mine"))], false),
        (3, &[("moved/here", Some("mine"))], false),
        (3, &[("move", None)], false),
    ];
    for (done, meddlings, forward) in cases {
        let about = format!("{done} done, {meddlings:?}");
        let (fs, journal, recovered) = die_at(FIRST_STEP + done, meddlings);
        assert_eq!(journal.outcome(1), Some(forward), "{about}");
        let mut expected = if forward { after() } else { before() };
        for (name, text) in meddlings {
            match text {
                Some(text) => expected.insert(path(name), text.as_bytes().to_vec()),
                None => expected.remove(&path(name)),
            };
        }
        assert_eq!(fs.files(), expected, "{about}");
        assert_eq!(recovered.len(), 1, "{about}: it is settled at once");
        // A file in the place of one that was removed is nobody's loss.
        let foreign = meddlings.iter().filter(|(name, _)| !forward || *name != "remove");
        let mut foreign: Vec<&str> = foreign.map(|(name, _)| *name).collect();
        foreign.iter_mut().filter(|name| **name == "move").for_each(|name| *name = "moved/here");
        let named: Vec<&str> = recovered[0].foreign.iter().map(RelPath::as_str).collect();
        assert_eq!(named, foreign, "{about}");
    }
}

#[test]
fn death_at_any_call_leaves_all_or_none() {
    let mut outcomes = Vec::new();
    for at in 0..12 {
        let (fs, journal, _) = die_at(at, &[]);
        let applied = fs.files() == after();
        assert!(applied || fs.files() == before(), "call {at}: {:?}", fs.files());
        assert_ne!(journal.outcome(1), Some(!applied), "call {at}");
        outcomes.push(applied);
    }
    assert!(outcomes.contains(&true) && outcomes.contains(&false));
}
