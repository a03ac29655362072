//! Other programs that save a file while it is swapped, in the five ways in which
//! programs save: none of their saves may be lost without trace (P4).
//!
//! One thread saves a file again and again, as a program does that knows nothing
//! of us; another edits it as fast as it can through the store. Each edit carries
//! on the number of the save that it was made from. A save is accounted for if the
//! file carries its number, or a displaced file was found to hold it; it is lost
//! if neither comes about. The kernel treats threads and processes alike here.
//!
//! What was displaced is kept for a time, and a program that found the file before
//! and writes to it later than that is beyond what is promised. On a busy machine a
//! thread may be held up for so long between the two; such a save is counted by
//! itself.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::hash::ContentHash;
use engine::store::os::Facilities;
use engine::store::{Cas, Expected, Fs, FsError, Like, OsFs, RelPath, Slot};

use crate::dice::Dice;
use crate::images;
use crate::mounts::Mount;

/// How a program saves a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Opens it empty and writes.
    Truncate,
    /// Opens it and writes over what is there, after a while.
    Overwrite,
    /// Writes a new file and gives it the name.
    Rename,
    /// Removes it and makes it anew.
    Unlink,
    /// Finds the file, and opens what it found after a while.
    Late,
}

const STYLES: [Style; 5] =
    [Style::Truncate, Style::Overwrite, Style::Rename, Style::Unlink, Style::Late];

/// Saves of each style on each file system, unless `ANCHORD_SAVES` says how many
/// there are in all; `ANCHORD_PLACE` names one file system alone.
const SAVES: u64 = 300;

/// Bytes of a file.
const SIZE: usize = 600;

/// When a displaced file is looked at, after the swap; the last time, it goes. The
/// daemon looks once and keeps it longer.
const LOOKS: [Duration; 4] =
    [Duration::from_millis(3), Duration::from_millis(30), Duration::from_millis(200), GRACE];

/// How long the daemon keeps what was displaced, at least.
const GRACE: Duration = Duration::from_secs(2);

/// How long a save may be nowhere to be found before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the two threads share.
#[derive(Default)]
struct Shared {
    over: AtomicBool,
    /// Saves that were found in displaced files.
    kept: Mutex<HashSet<u64>>,
    swaps: AtomicU64,
    refused: AtomicU64,
    weak: AtomicU64,
}

/// What came of it.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    saves: u64,
    swaps: u64,
    refused: u64,
    kept: u64,
    weak: u64,
    too_late: u64,
    lost: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.saves += other.saves;
        self.swaps += other.swaps;
        self.refused += other.refused;
        self.kept += other.kept;
        self.weak += other.weak;
        self.too_late += other.too_late;
        self.lost += other.lost;
    }
}

fn content(head: &str) -> Vec<u8> {
    let mut bytes = format!("{head}\n").into_bytes();
    bytes.resize(SIZE, b'.');
    bytes
}

/// Returns the number of the save that a content carries, if it is whole.
fn number(bytes: &[u8]) -> Option<u64> {
    let whole = bytes.len() == SIZE;
    let line = bytes.split(|byte| *byte == b'\n').next().filter(|_| whole)?;
    std::str::from_utf8(line).ok()?.rsplit_once(' ')?.1.parse().ok()
}

fn spin(most_us: usize, dice: &mut Dice) {
    let (begun, time) = (Instant::now(), Duration::from_micros(dice.roll(most_us) as u64));
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// A program that saves.
struct Saver<'a> {
    style: Style,
    path: PathBuf,
    shared: &'a Shared,
    dice: Dice,
}

impl Saver<'_> {
    /// Saves so many times, or until a save is lost. Returns how many there were,
    /// how many came too late to be kept, and how many are lost.
    fn run(mut self, saves: u64) -> (u64, u64, u64) {
        let mut too_late = 0;
        for save in 1..=saves {
            let mut begun = Instant::now();
            while self.save(&content(&format!("saved {save}"))).is_none() {
                begun = Instant::now();
            }
            let is_late = begun.elapsed() >= GRACE;
            if !self.is_accounted_for(save) {
                if !is_late {
                    return (save, too_late, 1);
                }
                too_late += 1;
            }
            spin(40, &mut self.dice);
        }
        (saves, too_late, 0)
    }

    /// Saves once; none where somebody else was quicker.
    fn save(&mut self, bytes: &[u8]) -> Option<()> {
        let open = || OpenOptions::new().write(true).create(true).truncate(false).open(&self.path);
        match self.style {
            Style::Truncate => {
                let mut options = OpenOptions::new();
                let mut file =
                    options.write(true).create(true).truncate(true).open(&self.path).unwrap();
                spin(20, &mut self.dice);
                file.write_all(bytes).unwrap();
            }
            Style::Overwrite => {
                let file = open().unwrap();
                spin(60, &mut self.dice);
                let half = bytes.len() / 2;
                file.write_all_at(&bytes[..half], 0).unwrap();
                file.write_all_at(&bytes[half..], half as u64).unwrap();
            }
            Style::Rename => {
                let new = self.path.with_extension("new");
                fs::write(&new, bytes).unwrap();
                spin(20, &mut self.dice);
                fs::rename(new, &self.path).unwrap();
            }
            Style::Unlink => {
                let _gone = fs::remove_file(&self.path);
                let new = OpenOptions::new().write(true).create_new(true).open(&self.path);
                new.ok()?.write_all(bytes).unwrap();
            }
            Style::Late => {
                let found = self.find()?;
                spin(60, &mut self.dice);
                let again = format!("/proc/self/fd/{}", found.as_raw_fd());
                let file = OpenOptions::new().write(true).open(again).unwrap();
                file.write_all_at(bytes, 0).unwrap();
            }
        }
        Some(())
    }

    /// Finds the file without opening it.
    fn find(&self) -> Option<File> {
        let path = rustix::fs::OFlags::PATH.bits() as i32;
        OpenOptions::new().read(true).custom_flags(path).open(&self.path).ok()
    }

    fn is_accounted_for(&self, save: u64) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if fs::read(&self.path).is_ok_and(|bytes| number(&bytes) == Some(save)) {
                return true;
            }
            if self.shared.kept.lock().unwrap().contains(&save) {
                return true;
            }
        }
        false
    }
}

/// One who edits as the daemon does.
struct Editor<'a> {
    fs: &'a OsFs,
    path: RelPath,
    shared: &'a Shared,
    dice: Dice,
    next: u64,
    /// What was displaced, by how often it was looked at.
    displaced: [VecDeque<Displaced>; LOOKS.len()],
}

struct Displaced {
    at: Instant,
    slot: Slot,
    held: ContentHash,
}

impl Editor<'_> {
    fn run(mut self) {
        while !self.shared.over.load(Ordering::Relaxed) {
            if let Ok((bytes, _)) = self.fs.read(&self.path, SIZE as u64 * 2)
                && let Some(number) = number(&bytes)
            {
                self.edit(&bytes, number);
            }
            self.look_after(false);
        }
        self.look_after(true);
    }

    fn edit(&mut self, bytes: &[u8], number: u64) {
        self.next += 1;
        let new = content(&format!("edited {} {number}", self.next));
        let slot = self.fs.slot_for(self.next, 0, &self.path).unwrap();
        match self.fs.stage(&slot, Some(Like::File(&self.path)), &new) {
            Ok(()) => {}
            // Gone meanwhile.
            Err(FsError::Missing) => return,
            Err(error) => panic!("{error}"),
        }
        let done = match self.dice.roll(8) {
            0 => self.make_anew(&slot, bytes),
            _ => self.fs.exchange(&slot, &self.path, Expected::Bytes(bytes)),
        };
        let held = match done {
            Ok(cas) => {
                self.shared.swaps.fetch_add(1, Ordering::Relaxed);
                self.shared.weak.fetch_add(u64::from(cas == Cas::Weak), Ordering::Relaxed);
                ContentHash::of(bytes)
            }
            Err(_) => {
                self.shared.refused.fetch_add(1, Ordering::Relaxed);
                ContentHash::of(&new)
            }
        };
        // Our own bytes are looked at like others: a late writer may be there too.
        self.displaced[0].push_back(Displaced { at: Instant::now(), slot, held });
    }

    /// Takes the file away and puts another in its place.
    fn make_anew(&mut self, slot: &Slot, bytes: &[u8]) -> Result<Cas, FsError> {
        self.next += 1;
        let taken = self.fs.slot_for(self.next, 0, &self.path)?;
        let cas = self.fs.take(&self.path, &taken, Expected::Bytes(bytes))?;
        let held = ContentHash::of(bytes);
        self.displaced[0].push_back(Displaced { at: Instant::now(), slot: taken, held });
        self.fs.place(slot, &self.path).map(|_| cas)
    }

    /// Looks again at what was displaced, as often as it is time for, and lets go
    /// of it at last.
    fn look_after(&mut self, at_once: bool) {
        for (look, after) in LOOKS.iter().enumerate() {
            let is_due = |one: &Displaced| at_once || one.at.elapsed() >= *after;
            while self.displaced[look].front().is_some_and(is_due) {
                let Some(one) = self.displaced[look].pop_front() else { break };
                let left = match look + 1 == LOOKS.len() {
                    true => self.retire(one),
                    false => self.look_at(one),
                };
                if let Some(one) = left {
                    let next = (look + 1).min(LOOKS.len() - 1);
                    self.displaced[next].push_back(one);
                    if next == look {
                        break;
                    }
                }
            }
        }
    }

    fn look_at(&self, one: Displaced) -> Option<Displaced> {
        match self.fs.read_slot(&one.slot, SIZE as u64 * 2) {
            Ok(bytes) => {
                let held = ContentHash::of(&bytes);
                if held != one.held {
                    self.note(&bytes);
                }
                // It is kept, so what comes after this is there as well.
                Some(Displaced { held, ..one })
            }
            Err(FsError::Missing) => None,
            Err(FsError::Busy) => Some(one),
            Err(error) => panic!("{error}"),
        }
    }

    fn retire(&self, one: Displaced) -> Option<Displaced> {
        match self.fs.retire(&one.slot, one.held) {
            Ok(()) | Err(FsError::Missing) => None,
            Err(FsError::Changed) => {
                self.note(&self.fs.read_slot(&one.slot, SIZE as u64 * 2).unwrap());
                None
            }
            Err(FsError::Busy) => Some(one),
            Err(error) => panic!("{error}"),
        }
    }

    fn note(&self, bytes: &[u8]) {
        if let Some(number) = number(bytes) {
            self.shared.kept.lock().unwrap().insert(number);
        }
    }
}

/// Lets one save and another edit below `directory`.
fn race(directory: &Path, style: Style, facilities: Facilities, saves: u64) -> Tally {
    let work = tempfile::tempdir_in(directory).unwrap();
    let [root, slots] = ["root", "slots"].map(|name| work.path().join(name));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&slots).unwrap();
    let path = root.join("f");
    fs::write(&path, content("saved 0")).unwrap();
    let fs = OsFs::open_with(&root, &slots, "p", facilities).unwrap();
    let shared = Shared::default();
    let (saves, too_late, lost) = std::thread::scope(|scope| {
        let editor = Editor {
            fs: &fs,
            path: RelPath::parse("f").unwrap(),
            shared: &shared,
            dice: Dice::new(style as u64),
            next: 0,
            displaced: Default::default(),
        };
        scope.spawn(move || editor.run());
        let saver = Saver { style, path, shared: &shared, dice: Dice::new(!(style as u64)) };
        let saved = saver.run(saves);
        shared.over.store(true, Ordering::Relaxed);
        saved
    });
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Tally {
        saves,
        too_late,
        lost,
        swaps: count(&shared.swaps),
        refused: count(&shared.refused),
        weak: count(&shared.weak),
        kept: shared.kept.lock().unwrap().len() as u64,
    }
}

/// Returns what the files are swapped with: everything, unless something is left
/// out on purpose.
fn facilities() -> Facilities {
    Facilities {
        #[cfg(feature = "mutants")]
        lacks: crate::mutants::lacks().and_then(|name| engine::store::os::Safeguard::named(&name)),
        ..Facilities::default()
    }
}

/// A program that found a file before the swap, and writes to it once all looks
/// are over: its bytes are not thrown away with what was displaced.
#[test]
fn what_is_written_last_of_all_is_not_thrown_away() {
    let work = tempfile::tempdir().unwrap();
    let [root, slots] = ["root", "slots"].map(|name| work.path().join(name));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&slots).unwrap();
    fs::write(root.join("f"), content("saved 1")).unwrap();
    let fs = OsFs::open_with(&root, &slots, "p", facilities()).unwrap();
    let (path, before) = (RelPath::parse("f").unwrap(), content("saved 1"));
    let slot = fs.slot_for(1, 0, &path).unwrap();
    fs.stage(&slot, Some(Like::File(&path)), &content("edited 1")).unwrap();
    let shared = Shared::default();
    let dice = Dice::new(0);
    let saver = Saver { style: Style::Late, path: root.join("f"), shared: &shared, dice };
    let found = saver.find().unwrap();
    fs.exchange(&slot, &path, Expected::Bytes(&before)).unwrap();
    let again = format!("/proc/self/fd/{}", found.as_raw_fd());
    fs::write(again, content("saved 2")).unwrap();
    let retired = fs.retire(&slot, ContentHash::of(&before));
    assert!(matches!(retired, Err(FsError::Changed)), "{retired:?}");
    assert_eq!(fs.read_slot(&slot, 9999).unwrap(), content("saved 2"));
}

#[test]
fn no_save_of_another_program_is_lost() {
    let world = tempfile::tempdir().unwrap();
    let [here, memory, xfs, btrfs] = ["here", "tmpfs", "xfs", "btrfs"].map(|name| {
        let path = world.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    });
    let mounts = [
        ("tmpfs", Mount::tmpfs(&memory, 1 << 30), memory),
        ("xfs", images::mount_new("xfs", &xfs, &world.path().join("xfs.image")), xfs),
        ("btrfs", images::mount_new("btrfs", &btrfs, &world.path().join("btrfs.image")), btrfs),
    ];
    let mut places = vec![("here", here)];
    for (name, mount, path) in &mounts {
        if mount.is_some() {
            places.push((name, path.clone()));
        }
    }
    if let Ok(only) = std::env::var("ANCHORD_PLACE") {
        places.retain(|(name, _)| *name == only);
    }
    let cells = (places.len() * STYLES.len()) as u64;
    let saves = std::env::var("ANCHORD_SAVES");
    let saves = saves.map_or(SAVES, |text| text.parse::<u64>().unwrap().div_ceil(cells));
    let mut all = Tally::default();
    for (name, path) in &places {
        for style in STYLES {
            let tally = race(path, style, facilities(), saves);
            println!("{name}, {style:?}: {tally:?}");
            assert_eq!((tally.lost, tally.weak), (0, 0), "{name}, {style:?}");
            all.add(tally);
        }
    }
    println!(
        "savers: {} saves of {} styles on {} file systems, {} swaps, {} refused, {} saves kept aside, \
         {} later than {GRACE:?} after they found the file, {} lost",
        all.saves,
        STYLES.len(),
        places.len(),
        all.swaps,
        all.refused,
        all.kept,
        all.too_late,
        all.lost
    );
}
