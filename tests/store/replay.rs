//! Losses of power on a disk that keeps no more than it must, played to the real
//! daemon: every call by which it changes files is written down, with its bytes,
//! and what such a disk may hold at any moment is laid out and served anew.
//!
//! Without a flush of its file, each write may be there, be missing or be torn.
//! Without a flush of its directory, each change of a name may have happened or
//! not, but an exchange and a rename happen wholly. SQLite's log is a file like
//! any other here.

use std::collections::{BTreeMap, HashSet};
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
    Flush(PathBuf),
    /// The caller was answered, and what another program saved since is on disk.
    Answered,
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

#[derive(Debug, Clone, Default)]
struct Image {
    names: BTreeMap<PathBuf, Node>,
    files: Vec<Vec<u8>>,
}

/// A disk under power: as programs see it, what is certain, what is on its way.
#[derive(Debug, Clone, Default)]
struct Disk {
    seen: BTreeMap<PathBuf, Node>,
    certain: Image,
    names: Vec<Naming>,
    bytes: Vec<(usize, Change)>,
}

impl Disk {
    /// Returns a disk that holds what lies below a directory.
    fn of(root: &Path) -> Disk {
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
        Disk { seen: image.names.clone(), certain: image, ..Disk::default() }
    }

    fn file(&self, path: &Path) -> Option<usize> {
        match self.seen.get(path)? {
            Node::File(number) => Some(*number),
            Node::Directory => None,
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Make(path, kind) => {
                if self.seen.contains_key(path) {
                    return;
                }
                let node = match kind {
                    Kind::Directory => Node::Directory,
                    Kind::File => {
                        self.certain.files.push(Vec::new());
                        Node::File(self.certain.files.len() - 1)
                    }
                };
                self.name(vec![(path.clone(), Some(node))]);
            }
            Event::Write(path, at, bytes) => {
                let change = Change::Write(*at, Arc::clone(bytes));
                self.bytes.extend(self.file(path).map(|file| (file, change)));
            }
            Event::Cut(path, length) => {
                self.bytes.extend(self.file(path).map(|file| (file, Change::Cut(*length))));
            }
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
            Event::Flush(path) => self.flush(path),
            Event::Answered => {}
        }
    }

    fn name(&mut self, naming: Naming) {
        rename(&mut self.seen, &naming);
        self.names.push(naming);
    }

    fn flush(&mut self, path: &Path) {
        if let Some(file) = self.file(path) {
            let changes = std::mem::take(&mut self.bytes);
            for (other, change) in changes {
                match other == file {
                    true => change.apply(&mut self.certain.files[file], false),
                    false => self.bytes.push((other, change)),
                }
            }
            return;
        }
        let touches = |naming: &Naming| naming.iter().any(|(name, _)| name.parent() == Some(path));
        for naming in std::mem::take(&mut self.names) {
            match touches(&naming) {
                true => rename(&mut self.certain.names, &naming),
                false => self.names.push(naming),
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
        for naming in &self.names {
            if falls(dice) {
                rename(&mut image.names, naming);
            }
        }
        for (file, change) in &self.bytes {
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
    /// Lays the image out below a directory, in place of what is there.
    fn lay_out(&self, root: &Path) {
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
}

impl Recorder {
    /// Notes a call; what names things is noted before it, what makes or flushes
    /// them after it.
    fn note(&mut self, call: &Call, result: Option<i64>) {
        let Some(result) = result else { return };
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
            libc::SYS_fsync | libc::SYS_fdatasync => Some(Event::Flush(ours(place?)?)),
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
    let mut recorder = Recorder { root: base, events: Arc::clone(&events), ends: BTreeMap::new() };
    let watch = Box::new(move |call: &Call, result: Option<i64>| {
        recorder.note(call, result);
        Verdict::Go
    });
    let mut rig = Rig::around(daemon.pid().as_raw_nonzero().get(), watch);
    assert!(act.ask(&mut client));
    events.lock().unwrap().push(Event::Answered);
    let saved = save.map(|save| act.save(&world, save, 2));
    if let Some(bytes) = &saved {
        let path = world.path(act.file);
        let mut events = events.lock().unwrap();
        match save {
            Some(Save::ByRename) => {
                let other = world.outside("saving");
                events.push(Event::Make(other.clone(), Kind::File));
                events.push(Event::Write(other.clone(), 0, bytes[..].into()));
                events.push(Event::Flush(other.clone()));
                events.push(Event::Rename(other, path.clone()));
                events.push(Event::Flush(path.parent().unwrap().to_owned()));
            }
            _ => {
                events.push(Event::Cut(path.clone(), 0));
                events.push(Event::Write(path.clone(), 0, bytes[..].into()));
                events.push(Event::Flush(path));
            }
        }
    }
    std::thread::sleep(AFTERWARDS);
    rig.strike();
    rig.wait();
    daemon.was_reaped();
    let events = std::mem::take(&mut *events.lock().unwrap());
    Recording { world, session, act, start, events, saved }
}

impl Recording {
    /// Returns different disks that may be found, with whether the answer had been
    /// given, and all that was saved since been flushed.
    fn disks(&self, dice: &mut Dice, most: usize) -> Vec<(Image, bool, bool)> {
        let mut disk = self.start.clone();
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        let mut answered = None;
        // Those from the answer to the end of the save are not undisturbed.
        let save = match self.events.iter().position(|event| matches!(event, Event::Answered)) {
            Some(at) if self.saved.is_some() => at + 6,
            _ => 0,
        };
        let ways = (most / self.events.len()).clamp(2, 64);
        for (at, event) in self.events.iter().enumerate() {
            disk.apply(event);
            if matches!(event, Event::Answered) {
                answered = Some(at);
            }
            let saving = answered.is_some() && at < save && self.saved.is_some();
            if saving {
                continue;
            }
            for way in 0..ways {
                let image = disk.cut(way, dice);
                if seen.insert((answered.is_some(), image.look())) {
                    found.push((image, answered.is_some(), answered.is_some()));
                }
            }
        }
        // Some of them, from all over.
        while found.len() > most {
            found.swap_remove(dice.roll(found.len()));
        }
        found
    }

    fn check(&self, image: &Image, answered: bool, saved: bool) {
        image.lay_out(self.world.root.parent().unwrap());
        let daemon = serve(&self.world);
        let saved = self.saved.clone().filter(|_| saved);
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
            for (image, answered, saved) in &disks {
                recording.check(image, *answered, *saved);
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
