//! Losses of power on a disk that keeps no more than it must, played to the real
//! daemon: every call by which it changes files is written down, with its bytes,
//! and what such a disk may hold at any moment is laid out and served anew.
//!
//! Without a flush of its file, each write may be there, be missing or be torn.
//! Without a flush of its directory, each change of a name may have happened or
//! not, but an exchange and a rename happen wholly. A flush makes certain what was
//! done before it began, and what is certain of a name is the latest of its changes
//! that is. SQLite's log is a file like any other here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::deaths::{AFTERWARDS, serve};
use crate::dice::Dice;
use crate::rig::{Call, Rig, Verdict, memory, name};
use crate::scenes::{Act, SAVES, SCENES, Save, Scene, furnish};
use crate::world::World;

/// States that are laid out, unless `ANCHORD_STATES` says otherwise.
const STATES: usize = 32;

/// After so many rounds without a disk that was not there before, all are there.
const IDLE_ROUNDS: usize = 16;

/// A thing that happened to the disk.
#[derive(Debug, Clone)]
enum Event {
    /// A file comes to be, or a directory.
    Make(PathBuf, Kind),
    /// Bytes were written to the file that has this name now.
    Write(PathBuf, usize, Arc<[u8]>),
    Cut(PathBuf, usize),
    Exchange(PathBuf, PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Remove(PathBuf),
    /// A flush that is over, with how many things had happened when it began.
    Flush(PathBuf, usize),
    /// The caller was answered.
    Answered,
    /// What another program saved since is on disk.
    Saved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Directory,
    File(usize),
}

/// A change of the bytes of a file.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Arc<[u8]>),
    Cut(usize),
}

/// Names that change together.
type Naming = Vec<(PathBuf, Option<Node>)>;

/// What is on a disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    names: BTreeMap<PathBuf, Node>,
    files: Vec<Vec<u8>>,
}

/// A disk under power: as programs see it, what is certain, what is on its way, and
/// with each of that how many things had happened before it.
#[derive(Debug, Clone, Default)]
struct Disk {
    seen: BTreeMap<PathBuf, Node>,
    certain: Image,
    names: Vec<(usize, Naming)>,
    bytes: Vec<(usize, usize, Change)>,
    /// How many things have happened.
    now: usize,
}

impl Disk {
    /// Returns a disk that holds what lies below a directory.
    fn of(root: &Path) -> Disk {
        let certain = Image::of(root);
        Disk { seen: certain.names.clone(), certain, ..Disk::default() }
    }

    fn file(&self, path: &Path) -> Option<usize> {
        match self.seen.get(path)? {
            Node::File(number) => Some(*number),
            Node::Directory => None,
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Make(path, kind) if !self.seen.contains_key(path) => {
                let node = match kind {
                    Kind::Directory => Node::Directory,
                    Kind::File => {
                        self.certain.files.push(Vec::new());
                        Node::File(self.certain.files.len() - 1)
                    }
                };
                self.name(vec![(path.clone(), Some(node))]);
            }
            Event::Write(path, at, bytes) => self.change(path, Change::Write(*at, bytes.clone())),
            Event::Cut(path, length) => self.change(path, Change::Cut(*length)),
            Event::Exchange(one, other) => {
                let nodes = [one, other].map(|path| self.seen.get(path).copied());
                self.name(vec![(one.clone(), nodes[1]), (other.clone(), nodes[0])]);
            }
            Event::Rename(from, to) => {
                let node = self.seen.get(from).copied();
                self.name(vec![(from.clone(), None), (to.clone(), node)]);
            }
            Event::Link(from, to) => {
                let node = self.seen.get(from).copied();
                self.name(vec![(to.clone(), node)]);
            }
            Event::Remove(path) => self.name(vec![(path.clone(), None)]),
            Event::Flush(path, begun) => match self.file(path) {
                Some(file) => self.flush_bytes(file, *begun),
                None => self.flush_names(path, *begun),
            },
            Event::Make(..) | Event::Answered | Event::Saved => {}
        }
        self.now += 1;
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(file) = self.file(path) {
            self.bytes.push((self.now, file, change));
        }
    }

    fn name(&mut self, naming: Naming) {
        rename(&mut self.seen, &naming);
        self.names.push((self.now, naming));
    }

    fn flush_bytes(&mut self, flushed: usize, begun: usize) {
        for (at, file, change) in std::mem::take(&mut self.bytes) {
            match file == flushed && at < begun {
                true => change.apply(&mut self.certain.files[file], false),
                false => self.bytes.push((at, file, change)),
            }
        }
    }

    /// Makes the changes of names in a directory certain, and with each the
    /// earlier ones of the same names: they may lie in a rename that leads into
    /// another directory, and the latest must have the last word.
    fn flush_names(&mut self, directory: &Path, begun: usize) {
        let names = std::mem::take(&mut self.names);
        let mut certain: BTreeSet<&Path> = BTreeSet::new();
        let mut lasts = Vec::new();
        for (at, naming) in names.iter().rev() {
            let is_met = |name: &Path| {
                *at < begun && name.parent() == Some(directory) || certain.contains(name)
            };
            let falls = naming.iter().any(|(name, _)| is_met(name));
            if falls {
                certain.extend(naming.iter().map(|(name, _)| name.as_path()));
            }
            lasts.push(falls);
        }
        lasts.reverse();
        for ((at, naming), falls) in names.into_iter().zip(lasts) {
            match falls {
                true => rename(&mut self.certain.names, &naming),
                false => self.names.push((at, naming)),
            }
        }
    }

    /// Returns what may be found after a loss of power now.
    fn cut(&self, way: usize, dice: &mut Dice) -> Image {
        let mut image = self.certain.clone();
        let falls = |dice: &mut Dice| match way {
            0 => false,
            1 => true,
            _ => dice.roll(2) == 1,
        };
        for (_, naming) in &self.names {
            if falls(dice) {
                rename(&mut image.names, naming);
            }
        }
        for (_, file, change) in &self.bytes {
            if falls(dice) {
                change.apply(&mut image.files[*file], way > 1 && dice.roll(8) == 0);
            }
        }
        image
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>, torn: bool) {
        match self {
            Change::Write(at, bytes) => {
                let bytes = if torn { &bytes[..bytes.len() / 2] } else { bytes };
                file.resize(file.len().max(at + bytes.len()), 0);
                file[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Change::Cut(length) => file.resize(*length, 0),
        }
    }
}

/// Changes names. A name cannot last in a directory that does not, nor a
/// directory be gone that holds one.
fn rename(names: &mut BTreeMap<PathBuf, Node>, naming: &Naming) {
    for (name, node) in naming {
        let occupied = || names.keys().any(|other| other.parent() == Some(name));
        match node {
            Some(node) => {
                names.insert(name.clone(), *node);
            }
            None if occupied() => {}
            None => {
                names.remove(name);
            }
        }
    }
    let homes = naming.iter().filter(|(_, node)| node.is_some());
    for home in homes.flat_map(|(name, _)| name.ancestors().skip(1)) {
        // Those above what is watched are there anyway.
        let is_below = names.keys().any(|name| home.starts_with(name));
        if is_below && !names.contains_key(home) {
            names.insert(home.to_owned(), Node::Directory);
        }
    }
}

impl Image {
    /// Returns what lies below a directory.
    pub(crate) fn of(root: &Path) -> Image {
        let mut image = Image::default();
        for entry in walkdir::WalkDir::new(root).min_depth(1) {
            let entry = entry.unwrap();
            let node = match entry.file_type() {
                kind if kind.is_dir() => Node::Directory,
                kind if kind.is_file() => {
                    image.files.push(std::fs::read(entry.path()).unwrap());
                    Node::File(image.files.len() - 1)
                }
                // A socket, which is made anew.
                _ => continue,
            };
            image.names.insert(entry.path().to_owned(), node);
        }
        image
    }

    /// Lays the image out below a directory, in place of what is there.
    pub(crate) fn lay_out(&self, root: &Path) {
        let is_fixed = |path: &Path| self.names.get(path) == Some(&Node::Directory);
        for entry in walkdir::WalkDir::new(root).min_depth(1).contents_first(true) {
            let entry = entry.unwrap();
            match entry.file_type().is_dir() {
                // A directory that stays is the same one: the root is known by it.
                true if is_fixed(entry.path()) => {}
                true => std::fs::remove_dir(entry.path()).unwrap(),
                false => std::fs::remove_file(entry.path()).unwrap(),
            }
        }
        for (path, node) in &self.names {
            match node {
                Node::Directory => std::fs::create_dir_all(path).unwrap(),
                Node::File(number) => std::fs::write(path, &self.files[*number]).unwrap(),
            }
        }
        use std::os::unix::fs::PermissionsExt;
        for (path, _) in self.names.iter().filter(|(_, node)| **node == Node::Directory) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
        }
    }

    fn look(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (name, node) in &self.names {
            let bytes = match node {
                Node::File(number) => Some(&self.files[*number]),
                Node::Directory => None,
            };
            (name, bytes).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Writes calls down as they are made.
struct Recorder {
    root: PathBuf,
    events: Arc<Mutex<Vec<Event>>>,
    /// Where the next write to a descriptor goes.
    ends: BTreeMap<PathBuf, usize>,
    /// How many things had happened when a thread's flush began.
    begun: HashMap<i32, usize>,
}

impl Recorder {
    /// Notes a call once it is over; of a flush also when it began.
    fn note(&mut self, call: &Call, result: Option<i64>) {
        let Some(result) = result else {
            let count = self.events.lock().unwrap().len();
            self.begun.insert(call.thread, count);
            return;
        };
        if result < 0 {
            return;
        }
        let event = self.event(call, result);
        let Some(event) = event else { return };
        self.events.lock().unwrap().push(event);
    }

    fn event(&mut self, call: &Call, result: i64) -> Option<Event> {
        let [first, second, third, fourth, fifth, _] = call.arguments;
        let (place, thread) = (call.path_of(first), call.thread);
        let ours = |path: PathBuf| path.starts_with(&self.root).then_some(path);
        let at = |directory: u64, address: u64| {
            let name = name(thread, address);
            match directory as i32 {
                libc::AT_FDCWD => Some(PathBuf::from(name)),
                _ => Some(call.path_of(directory)?.join(name)),
            }
        };
        let bytes = |count: i64| -> Arc<[u8]> { memory(thread, second, count as usize).into() };
        match call.number {
            libc::SYS_openat => Some(Event::Make(ours(call.path_of(result as u64)?)?, Kind::File)),
            libc::SYS_mkdirat => Some(Event::Make(ours(at(first, second)?)?, Kind::Directory)),
            libc::SYS_pwrite64 => Some(Event::Write(ours(place?)?, fourth as usize, bytes(result))),
            libc::SYS_write => {
                let path = ours(place?)?;
                // A slot or a file of a few bytes, written from its beginning.
                let end = self.ends.entry(path.clone()).or_default();
                let start = *end;
                *end += result as usize;
                Some(Event::Write(path, start, bytes(result)))
            }
            libc::SYS_ftruncate => Some(Event::Cut(ours(place?)?, second as usize)),
            libc::SYS_fsync | libc::SYS_fdatasync => {
                Some(Event::Flush(ours(place?)?, self.begun[&thread]))
            }
            libc::SYS_renameat2 if fifth as u32 & libc::RENAME_EXCHANGE != 0 => {
                Some(Event::Exchange(ours(at(first, second)?)?, ours(at(third, fourth)?)?))
            }
            libc::SYS_renameat2 => {
                Some(Event::Rename(ours(at(first, second)?)?, ours(at(third, fourth)?)?))
            }
            libc::SYS_linkat => {
                Some(Event::Link(ours(at(first, second)?)?, ours(at(third, fourth)?)?))
            }
            libc::SYS_unlinkat => Some(Event::Remove(ours(at(first, second)?)?)),
            number => self.by_path(call, number),
        }
    }

    /// The old calls, whose names are paths by themselves.
    #[cfg(target_arch = "x86_64")]
    fn by_path(&self, call: &Call, number: libc::c_long) -> Option<Event> {
        let path = |address: u64| {
            let path = PathBuf::from(name(call.thread, address));
            path.starts_with(&self.root).then_some(path)
        };
        let [first, second, ..] = call.arguments;
        match number {
            libc::SYS_unlink | libc::SYS_rmdir => Some(Event::Remove(path(first)?)),
            libc::SYS_mkdir => Some(Event::Make(path(first)?, Kind::Directory)),
            libc::SYS_rename => Some(Event::Rename(path(first)?, path(second)?)),
            libc::SYS_link => Some(Event::Link(path(first)?, path(second)?)),
            _ => None,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn by_path(&self, _: &Call, _: libc::c_long) -> Option<Event> {
        None
    }
}

/// A recorded act: what there was, what happened, and what was saved afterwards.
struct Recording {
    world: World,
    session: String,
    act: Act,
    start: Disk,
    events: Vec<Event>,
    saved: Option<Vec<u8>>,
}

/// Records a scene, and what another program saves after the answer.
fn record(scene: Scene, save: Option<Save>) -> Recording {
    let world = World::new();
    furnish(&world);
    // Once before, so that everything is there that a first time makes.
    let daemon = serve(&world);
    let session = daemon.open().session.clone();
    let first = scene.prepare(&world, &mut daemon.resume(&session), 1);
    assert!(first.ask(&mut daemon.resume(&session)));
    let act = scene.prepare(&world, &mut daemon.resume(&session), 2);
    let mut client = daemon.resume(&session);
    let base = world.root.parent().unwrap().to_owned();
    let start = Disk::of(&base);
    let events = Arc::new(Mutex::new(Vec::new()));
    let mut recorder = Recorder {
        root: base,
        events: Arc::clone(&events),
        ends: BTreeMap::new(),
        begun: HashMap::new(),
    };
    let watch = Box::new(move |call: &Call, result: Option<i64>| {
        recorder.note(call, result);
        Verdict::Go
    });
    let mut rig = Rig::around(daemon.pid().as_raw_nonzero().get(), Call::is_change, watch);
    assert!(act.ask(&mut client));
    events.lock().unwrap().push(Event::Answered);
    let saved = save.map(|save| act.save(&world, save, 2).unwrap());
    if let (Some(save), Some(bytes)) = (save, &saved) {
        note_save(&mut events.lock().unwrap(), &world, &act, save, bytes);
    }
    std::thread::sleep(AFTERWARDS);
    rig.strike();
    rig.wait();
    daemon.was_reaped();
    let events = std::mem::take(&mut *events.lock().unwrap());
    Recording { world, session, act, start, events, saved }
}

/// Notes what another program did to save a file.
fn note_save(events: &mut Vec<Event>, world: &World, act: &Act, save: Save, bytes: &[u8]) {
    let path = world.path(act.file);
    let flush = |events: &mut Vec<Event>, path: &Path| {
        let flush = Event::Flush(path.to_owned(), events.len());
        events.push(flush);
    };
    match save {
        Save::ByRename => {
            let other = world.outside("saving");
            events.push(Event::Make(other.clone(), Kind::File));
            events.push(Event::Write(other.clone(), 0, bytes.into()));
            flush(events, &other);
            events.push(Event::Rename(other, path.clone()));
            flush(events, path.parent().unwrap());
        }
        Save::InPlace | Save::Revert => {
            events.push(Event::Cut(path.clone(), 0));
            events.push(Event::Write(path.clone(), 0, bytes.into()));
            flush(events, &path);
        }
    }
    events.push(Event::Saved);
}

impl Recording {
    /// Returns up to `most` different disks that may be found, with whether the
    /// answer had been given, and all that was saved since been flushed.
    fn disks(&self, dice: &mut Dice, most: usize) -> Vec<(Image, bool)> {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        // Until there are enough, or several rounds have brought nothing new.
        let (mut way, mut idle) = (0, 0);
        while found.len() < most && idle < IDLE_ROUNDS {
            let known = found.len();
            self.round(way, dice, &mut |image, answered| {
                if seen.insert((answered, image.look())) {
                    found.push((image, answered));
                }
            });
            way += 1;
            idle = if found.len() == known { idle + 1 } else { 0 };
        }
        // Some of them, from all over.
        while found.len() > most {
            found.swap_remove(dice.roll(found.len()));
        }
        found
    }

    /// Cuts the power once after everything that happened.
    fn round(&self, way: usize, dice: &mut Dice, found: &mut dyn FnMut(Image, bool)) {
        let mut disk = self.start.clone();
        let (mut answered, mut saving) = (false, false);
        for event in &self.events {
            disk.apply(event);
            match event {
                // While another program saves, its file is not to be judged.
                Event::Answered => (answered, saving) = (true, self.saved.is_some()),
                Event::Saved => saving = false,
                _ => {}
            }
            if !saving {
                found(disk.cut(way, dice), answered);
            }
        }
    }

    fn check(&self, image: &Image, answered: bool) {
        image.lay_out(self.world.root.parent().unwrap());
        let daemon = serve(&self.world);
        let saved = self.saved.clone().filter(|_| answered);
        self.act.check(&self.world, &daemon, &self.session, (answered, saved), true);
        daemon.kill();
    }
}

#[test]
fn whatever_a_weak_disk_keeps_of_the_real_thing_nothing_answered_is_lost() {
    let states = std::env::var("ANCHORD_STATES").map_or(STATES, |text| text.parse().unwrap());
    let each = states.div_ceil(SCENES.len() * SAVES.len());
    let (mut all, mut calls) = (0, 0);
    let mut dice = Dice::new(5);
    for scene in SCENES {
        for save in SAVES {
            let recording = record(scene, save);
            let disks = recording.disks(&mut dice, each);
            for (image, answered) in &disks {
                recording.check(image, *answered);
            }
            println!(
                "{scene:?}, {save:?}: {} calls, {} states",
                recording.events.len(),
                disks.len()
            );
            (all, calls) = (all + disks.len(), calls + recording.events.len());
        }
    }
    println!("recorded runs: {calls} calls, {all} states of the disk, 0 lost, 0 by halves");
}

/// Another program removes a name and flushes nothing; then a file is moved there,
/// and one of the two directories is flushed. The removal, which came first, must
/// not come back over the move. A flush covers nothing that happened after it began.
#[test]
fn the_latest_change_of_a_name_has_the_last_word() {
    let [a, d, n] = ["/w/a", "/w/d", "/w/d/n"].map(PathBuf::from);
    let files = vec![b"moved".to_vec(), b"removed".to_vec()];
    let names = [(a.clone(), Node::File(0)), (d, Node::Directory), (n.clone(), Node::File(1))];
    let certain = Image { names: names.into(), files };
    let whole = Disk { seen: certain.names.clone(), certain, ..Disk::default() };
    for flushed in ["/w", "/w/d"] {
        for (begun, moved) in [(2, true), (1, false)] {
            let mut disk = whole.clone();
            disk.apply(&Event::Remove(n.clone()));
            disk.apply(&Event::Rename(a.clone(), n.clone()));
            disk.apply(&Event::Flush(flushed.into(), begun));
            for way in 0..8 {
                let found = disk.cut(way, &mut Dice::new(way as u64));
                let at_n = found.names.get(&n).copied();
                assert!(!moved || at_n == Some(Node::File(0)), "{flushed}, {way}: {at_n:?}");
                assert!(way > 0 || moved || found.names.contains_key(&a));
            }
        }
    }
}
