//! Losses of power: what may be left of a recorded run, under a model weaker than
//! any file system.
//!
//! Without a flush of the file, its bytes are the old ones, the new ones, half of
//! them, or nothing of sense. Without a flush of a directory, each change of a
//! name in it may or may not have happened, in any combination; an exchange or a
//! rename happens wholly or not at all, with the directory it leads into. What is
//! certain of a name is the latest of its changes that is. Flushes that follow
//! each other may have come in any order. Of the journal, a beginning is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::dice::Dice;
use super::sim::{Bytes, Directory, Event, Flush, Image, Name, Naming, Node};

/// A disk under power: what is certain, and what is on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    /// What no loss of power takes away.
    certain: Image,
    names: Vec<Naming>,
    /// Bytes on their way, by the number of the file.
    bytes: BTreeMap<usize, Bytes>,
    /// How many of the records are certain.
    records: usize,
}

impl Disk {
    pub(super) fn over(image: Image) -> Disk {
        let records = image.records.len();
        Disk { certain: image, records, ..Disk::default() }
    }

    /// Lets something happen.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Write(number, bytes) => {
                let files = &mut self.certain.files;
                files.resize(files.len().max(number + 1), Arc::from([]));
                self.bytes.insert(*number, Arc::clone(bytes));
            }
            Event::Names(naming) => self.names.push(naming.clone()),
            Event::Record(record) => self.certain.records.push(record.clone()),
            Event::Flush(flush) => self.flush(flush),
            Event::Started(_) | Event::Answered(..) => {}
            Event::Saving(_) | Event::Saved(..) => {}
        }
    }

    fn flush(&mut self, flush: &Flush) {
        match flush {
            Flush::File(number) => {
                if let Some(bytes) = self.bytes.remove(number) {
                    self.certain.files[*number] = bytes;
                }
            }
            Flush::Journal => self.records = self.certain.records.len(),
            Flush::Directory(directory) => self.flush_names(directory),
        }
    }

    /// Makes the changes of names in a directory certain, and with each the
    /// earlier ones of the same names: they may lie in a rename that leads into
    /// another directory, and the latest must have the last word.
    fn flush_names(&mut self, directory: &Directory) {
        let mut certain = BTreeSet::new();
        let names = std::mem::take(&mut self.names);
        let mut lasts: Vec<bool> = Vec::new();
        for naming in names.iter().rev() {
            let touches = |name: &Name| name.directory() == *directory || certain.contains(name);
            let falls = naming.iter().any(|(name, _)| touches(name));
            if falls {
                certain.extend(naming.iter().map(|(name, _)| name.clone()));
            }
            lasts.push(falls);
        }
        for (naming, falls) in names.into_iter().zip(lasts.into_iter().rev()) {
            match falls {
                true => rename(&mut self.certain, &naming),
                false => self.names.push(naming),
            }
        }
    }

    /// Returns one of the disks that may be found after a loss of power now.
    pub(super) fn cut(&self, way: usize, dice: &mut Dice) -> Image {
        let mut image = self.certain.clone();
        // Nothing of it, all of it, or some.
        let falls = |dice: &mut Dice| match way {
            0 => false,
            1 => true,
            _ => dice.roll(2) == 1,
        };
        for naming in &self.names {
            if falls(dice) {
                rename(&mut image, naming);
            }
        }
        for (number, bytes) in &self.bytes {
            if falls(dice) {
                let half = bytes.len() / 2;
                image.files[*number] = match dice.roll(4) {
                    0 if way > 1 => Arc::from(&bytes[..half]),
                    1 if way > 1 => Arc::from(vec![0; bytes.len()]),
                    _ => Arc::clone(bytes),
                };
            }
        }
        let more = image.records.len() - self.records;
        let kept = match way {
            0 => 0,
            1 => more,
            _ => dice.roll(more + 1),
        };
        image.records.truncate(self.records + kept);
        image
    }
}

/// Changes names. A name cannot last in a directory that does not, nor a
/// directory be gone that holds one.
fn rename(image: &mut Image, naming: &Naming) {
    for (name, node) in naming {
        match node {
            Some(node) => {
                house(image, name);
                image.names.insert(name.clone(), *node);
            }
            None if image.is_occupied(name) => {}
            None => {
                image.names.remove(name);
            }
        }
    }
}

/// Makes the directories that a name lies in.
fn house(image: &mut Image, name: &Name) {
    let mut directory = name.directory();
    while let Directory::Tree(path) = directory {
        if path.is_empty() {
            return;
        }
        let name = Name::Tree(path);
        directory = name.directory();
        image.names.insert(name, Node::Directory);
    }
}

/// Plays a recorded run and cuts the power `cuts` times after every event; calls
/// `found` with the number of events there had been, and what was found.
pub(super) fn play(
    start: Image,
    events: &[Event],
    cuts: usize,
    dice: &mut Dice,
    found: &mut dyn FnMut(usize, Image, &mut Dice),
) {
    play_on(Disk::over(start), events, cuts, dice, found);
}

/// Returns the disk on which a process was killed after these events, and what
/// programs see of it: nothing is lost, but not all of it is certain. The flushes
/// that were under way may have come or not.
pub(super) fn killed(start: Image, events: &[Event], dice: &mut Dice) -> (Disk, Image) {
    let mut disk = Disk::over(start);
    let is_flush = |event: &Event| matches!(event, Event::Flush(_));
    let last = events.iter().rposition(|event| !is_flush(event)).map_or(0, |at| at + 1);
    let lasts = |(at, _): &(usize, &Event)| *at < last || dice.roll(2) == 0;
    events.iter().enumerate().filter(lasts).for_each(|(_, event)| disk.apply(event));
    let seen = disk.cut(1, &mut Dice::new(0));
    (disk, seen)
}

/// Plays on, as `play` does, on a disk of which not all is certain.
pub(super) fn play_on(
    mut disk: Disk,
    events: &[Event],
    cuts: usize,
    dice: &mut Dice,
    found: &mut dyn FnMut(usize, Image, &mut Dice),
) {
    let mut flushes: Vec<Flush> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Flush(flush) => {
                flushes.push(flush.clone());
                // Which thread came first must not make a difference.
                flushes.sort();
            }
            other => {
                flushes.drain(..).for_each(|flush| disk.flush(&flush));
                disk.apply(other);
            }
        }
        let next_is_flush = matches!(events.get(index + 1), Some(Event::Flush(_)));
        if matches!(event, Event::Flush(_)) && next_is_flush {
            continue;
        }
        for way in 0..cuts {
            let mut partly = disk.clone();
            for flush in &flushes {
                if dice.roll(3) > 0 {
                    partly.flush(flush);
                }
            }
            found(index + 1, partly.cut(way, dice), dice);
        }
    }
}

/// Another program removes `d/n` and flushes nothing; then `a` becomes `d/n`,
/// and both directories are flushed. The removal, which came first, must not
/// come back over the move.
#[test]
fn the_latest_change_of_a_name_has_the_last_word() {
    let (a, n) = (Name::Tree("a".into()), Name::Tree("d/n".into()));
    let files = vec![Arc::from(*b"moved"), Arc::from(*b"removed")];
    let mut image = Image { files, ..Image::default() };
    let nodes = [(a.clone(), Node::File(0)), (n.clone(), Node::File(1))];
    image.names.extend(nodes);
    image.names.insert(Name::Tree("d".into()), Node::Directory);
    let removed = vec![(n.clone(), None)];
    let moved = vec![(a.clone(), None), (n.clone(), Some(Node::File(0)))];
    for order in [["", "d"], ["d", ""]] {
        let mut disk = Disk::over(image.clone());
        for naming in [&removed, &moved] {
            disk.apply(&Event::Names(naming.clone()));
        }
        for path in order {
            disk.apply(&Event::Flush(Flush::Directory(Directory::Tree(path.into()))));
        }
        for way in 0..5 {
            let found = disk.cut(way, &mut Dice::new(way as u64));
            assert_eq!(found.bytes(&n).map(|bytes| &bytes[..]), Some(&b"moved"[..]));
            assert_eq!(found.bytes(&a), None);
        }
    }
}
