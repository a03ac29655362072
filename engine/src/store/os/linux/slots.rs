//! Slots: where they lie, and which there are.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, Mode, OFlags, Stat};

use super::beneath::Links;
use super::swap::finish_replacing;
use super::{OsFs, check_ours, check_regular, io, open_error};
use crate::store::os::{IGNORE, SLOT_DIR};
use crate::store::{FsError, Like, RelPath, Slot};

/// The directory of a slot, ours or opened for this call.
pub(super) enum SlotDir<'a> {
    Main(BorrowedFd<'a>),
    Beside(OwnedFd),
}

impl AsFd for SlotDir<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            SlotDir::Main(fd) => *fd,
            SlotDir::Beside(fd) => fd.as_fd(),
        }
    }
}

impl OsFs {
    /// Opens the directory that holds a slot.
    pub(super) fn slot_dir(&self, slot: &Slot) -> Result<SlotDir<'_>, FsError> {
        match &slot.beside {
            None => Ok(SlotDir::Main(self.slots.as_fd())),
            Some(directory) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let path = directory.join(SLOT_DIR);
                Ok(SlotDir::Beside(self.open_at(path.as_str(), flags, Links::Refuse)?))
            }
        }
    }

    /// Opens a slot.
    pub(super) fn open_slot(&self, slot: &Slot) -> Result<(File, Stat), FsError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let directory = self.slot_dir(slot)?;
        finish_replacing(directory.as_fd(), &slot.name)?;
        let file =
            fs::openat(&directory, slot.name.as_str(), flags, Mode::empty()).map_err(open_error)?;
        let stat = fs::fstat(&file).map_err(io("look at a slot"))?;
        check_regular(&stat)?;
        Ok((File::from(file), stat))
    }

    /// Opens the file whose attributes a new one gets.
    pub(super) fn original(&self, like: Option<Like<'_>>) -> Result<Option<(File, Stat)>, FsError> {
        match like {
            None => Ok(None),
            Some(Like::File(path)) => self.open_replaceable(path).map(Some),
            Some(Like::Slot(slot)) => match self.open_slot(slot) {
                Err(FsError::Missing) => Ok(None),
                opened => opened.map(Some),
            },
        }
    }

    /// Makes the slot directory beside the files of `directory`, if it is not
    /// there: ours alone, and nothing that version control should see.
    pub(super) fn make_slot_dir(&self, directory: &RelPath) -> Result<(), FsError> {
        let path = directory.join(SLOT_DIR);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let made = match self.open_at(path.as_str(), flags, Links::Refuse) {
            Err(FsError::Missing) => {
                let parent = self.parent(&path)?;
                let made = fs::mkdirat(parent, SLOT_DIR, Mode::from_raw_mode(0o700));
                made.map_err(io("make a slot directory"))?;
                self.open_at(path.as_str(), flags, Links::Refuse)?
            }
            opened => {
                let stat = fs::fstat(opened?).map_err(io("look at the slot directory"))?;
                return check_ours(&stat);
            }
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let ignore = fs::openat(&made, IGNORE, flags, Mode::from_raw_mode(0o600));
        let ignore = ignore.map_err(io("make a slot directory"))?;
        let written = File::from(ignore).write_all(b"*\n");
        written.map_err(|error| FsError::Io { action: "make a slot directory", error })
    }

    /// Removes the slot directory beside the files of `directory`, if no slot is
    /// left in it.
    pub(super) fn remove_slot_dir(&self, directory: &RelPath) {
        let path = directory.join(SLOT_DIR);
        let empty = self.slots_in(Some(directory)).is_ok_and(|slots| slots.is_empty());
        let (Ok(parent), true) = (self.parent(&path), empty) else { return };
        let _not_there = fs::unlinkat(&parent, format!("{SLOT_DIR}/{IGNORE}"), AtFlags::empty());
        let _more_in_it = fs::unlinkat(&parent, SLOT_DIR, AtFlags::REMOVEDIR);
    }

    /// Returns the slots of one directory, with their sizes.
    pub(super) fn slots_in(&self, beside: Option<&RelPath>) -> Result<Vec<(Slot, u64)>, FsError> {
        let slot = |name: String| Slot { beside: beside.cloned(), name };
        let directory = self.slot_dir(&slot(String::new()))?;
        let entries = fs::Dir::read_from(&directory).map_err(io("list the slots"))?;
        let mut slots = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io("list the slots"))?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let slot = slot(name.to_owned());
            if !name.starts_with(&self.prefix) || slot.owner().is_none() {
                continue;
            }
            // One that went meanwhile takes no room.
            if let Ok(stat) = fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                slots.push((slot, stat.st_size as u64));
            }
        }
        Ok(slots)
    }

    /// Opens each directory that holds some of these slots, once.
    pub(super) fn slot_dirs(&self, slots: &[&Slot]) -> Result<Vec<SlotDir<'_>>, FsError> {
        let mut seen: Vec<&Option<RelPath>> = Vec::new();
        let mut directories = Vec::new();
        for slot in slots {
            if !seen.contains(&&slot.beside) {
                seen.push(&slot.beside);
                directories.push(self.slot_dir(slot)?);
            }
        }
        Ok(directories)
    }
}
