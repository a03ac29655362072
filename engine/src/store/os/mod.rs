//! The disk, on Linux: paths opened beneath the root, files compared and
//! swapped.
//!
//! A swap takes a read lease on the file (nobody has it open for writing, and
//! we hear of it if somebody tries), compares its bytes, exchanges names with
//! `RENAME_EXCHANGE`, and looks at what was displaced: it must be the leased
//! file with its lease unbroken. Otherwise the names are exchanged back. Where
//! no lease can be had (another owner's file), the displaced bytes are compared
//! instead and the answer says `weak`.
//!
//! # Limits
//! A program that resolved the path before the swap and opens it afterwards
//! writes into the displaced file, which is the slot; its bytes are kept there,
//! not applied. Readers that open the path between a failed swap and its way
//! back see the new bytes for some microseconds.

mod attributes;
mod lease;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    self, AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, StatxFlags,
};
use rustix::io::{Errno, retry_on_intr};

use super::{Cas, Expected, Fs, FsError, RelPath, Slot, Stamp};
use crate::hash::{ContentHash, Hasher};
use lease::Leased;

/// The name of the slot directory that lies beside a target on another file
/// system.
pub const SLOT_DIR: &str = ".anchord";

/// How much of a file is held against the expected bytes at a time.
const COMPARE_BYTES: usize = 64 * 1024;

/// The file system beneath one directory.
#[derive(Debug)]
pub struct OsFs {
    root: OwnedFd,
    root_path: PathBuf,
    slots: OwnedFd,
    /// The mount of the slot directory.
    slots_mount: Mount,
    /// How the names of slots begin.
    prefix: String,
}

impl OsFs {
    /// Opens the tree beneath `root`; slots go to the directory `slots`, which
    /// must exist and belong to us. Their names begin with `prefix`, which tells
    /// them from those that an earlier journal left there.
    ///
    /// The death signal of a broken lease (SIGIO) is ignored from here on, for
    /// the whole process.
    ///
    /// # Errors
    /// Where either is not a directory that can be opened, or `slots` belongs to
    /// somebody else.
    pub fn open(root: &Path, slots: &Path, prefix: &str) -> Result<OsFs, FsError> {
        lease::ignore_broken_lease_signal();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root_fd = fs::open(root, flags, Mode::empty()).map_err(io("open the root"))?;
        let slots_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let slots_fd =
            fs::open(slots, slots_flags, Mode::empty()).map_err(io("open the slot directory"))?;
        let stat = fs::fstat(&slots_fd).map_err(io("look at the slot directory"))?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(FsError::Denied("the slot directory belongs to another user".into()));
        }
        let root_path =
            root.canonicalize().map_err(|error| FsError::Io { action: "find the root", error })?;
        Ok(OsFs {
            root: root_fd,
            root_path,
            slots_mount: mount_of(slots_fd.as_fd())?,
            slots: slots_fd,
            prefix: prefix.to_owned(),
        })
    }

    /// Opens `path` beneath the root, never through a magic link.
    fn open_at(&self, path: &str, flags: OFlags, links: Links) -> Result<OwnedFd, FsError> {
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        if links == Links::Refuse {
            resolve |= ResolveFlags::NO_SYMLINKS;
        }
        let path = if path.is_empty() { "." } else { path };
        let mut tries = 0;
        loop {
            match fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                // A rename raced the walk; the kernel asks to walk again.
                Err(Errno::AGAIN) if tries < 8 => tries += 1,
                Err(error) => return Err(open_error(error)),
                Ok(fd) => return Ok(fd),
            }
        }
    }

    /// Opens the directory of a resolved path.
    fn parent(&self, path: &RelPath) -> Result<OwnedFd, FsError> {
        self.open_at(path.split().0, OFlags::PATH | OFlags::DIRECTORY, Links::Refuse)
    }

    /// Opens a regular file beneath the root for reading.
    fn open_file(&self, path: &RelPath, links: Links) -> Result<(File, Stat), FsError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.open_at(path.as_str(), flags, links)?;
        let stat = fs::fstat(&file).map_err(io("look at the file"))?;
        check_regular(&stat)?;
        Ok((File::from(file), stat))
    }

    /// Opens a file that may be replaced: it is ours to write, and so is its
    /// directory, and no link would be parted.
    fn open_replaceable(&self, path: &RelPath) -> Result<(File, Stat), FsError> {
        let (file, stat) = self.open_file(path, Links::Refuse)?;
        attributes::check_replaceable(&stat)?;
        let (parent, name) = (self.parent(path)?, path.split().1);
        let access =
            |name: &str| fs::accessat(&parent, name, fs::Access::WRITE_OK, AtFlags::EACCESS);
        let denied = |what: &'static str| {
            move |error| match error {
                Errno::ACCESS | Errno::PERM => {
                    FsError::Denied(format!("the {what} is not writable for us"))
                }
                error => io("ask for permission")(error),
            }
        };
        access(name).map_err(denied("file"))?;
        access(".").map_err(denied("directory"))?;
        Ok((file, stat))
    }

    /// Opens the directory that holds a slot.
    fn slot_dir(&self, slot: &Slot) -> Result<SlotDir<'_>, FsError> {
        match &slot.beside {
            None => Ok(SlotDir::Main(self.slots.as_fd())),
            Some(directory) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let path = directory.join(SLOT_DIR);
                Ok(SlotDir::Beside(self.open_at(path.as_str(), flags, Links::Refuse)?))
            }
        }
    }

    /// Opens each directory that holds some of these slots, once.
    fn slot_dirs(&self, slots: &[&Slot]) -> Result<Vec<SlotDir<'_>>, FsError> {
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

    /// Makes the missing parent directories of `path`; returns their number.
    fn make_parents(&self, path: &RelPath) -> Result<usize, FsError> {
        let mut missing = Vec::new();
        let mut directory = path.parent();
        while let Some(path) = directory {
            match self.open_at(path.as_str(), OFlags::PATH | OFlags::DIRECTORY, Links::Refuse) {
                Ok(_) => break,
                Err(FsError::Missing) => missing.push(path.clone()),
                Err(error) => return Err(error),
            }
            directory = path.parent();
        }
        let mut made = 0;
        for path in missing.iter().rev() {
            match fs::mkdirat(self.parent(path)?, path.split().1, Mode::from_raw_mode(0o777)) {
                Ok(()) => made += 1,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(io("make a directory")(error)),
            }
        }
        Ok(made)
    }

    /// Opens the file, takes a lease if one can be had, and compares its bytes.
    fn hold(&self, parent: &OwnedFd, name: &str, expected: Expected<'_>) -> Result<Held, FsError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(parent, name, flags, Mode::empty()).map_err(open_error)?;
        let stat = fs::fstat(&file).map_err(io("look at the file"))?;
        check_regular(&stat)?;
        let leased = Leased::take(File::from(file))?;
        compare(&leased.file, &stat, expected)?;
        Ok(Held { inode: (stat.st_dev, stat.st_ino), leased })
    }
}

/// Whether symlinks in a path may be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Follow,
    Refuse,
}

/// The directory of a slot, ours or opened for this call.
enum SlotDir<'a> {
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

/// A file whose bytes were compared, and which nobody can change unheard.
struct Held {
    inode: (u64, u64),
    leased: Leased,
}

impl Held {
    /// Returns how good the swap was, or `Changed` where what now stands at
    /// `name` is not what was compared.
    fn verify(
        &self,
        directory: impl AsFd,
        name: &str,
        expected: Expected<'_>,
    ) -> Result<Cas, FsError> {
        let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(io("look at the displaced file"))?;
        if (stat.st_dev, stat.st_ino) != self.inode {
            return Err(FsError::Changed);
        }
        match self.leased.is_whole() {
            Some(true) => Ok(Cas::Strict),
            Some(false) => Err(FsError::Changed),
            None => compare(&self.leased.file, &stat, expected).map(|()| Cas::Weak),
        }
    }
}

impl Fs for OsFs {
    fn resolve(&self, path: &RelPath) -> Result<RelPath, FsError> {
        match self.open_at(path.as_str(), OFlags::PATH, Links::Refuse) {
            Ok(_) => return Ok(path.clone()),
            Err(FsError::Outside) => {}
            Err(FsError::Missing) => return self.resolve_missing(path),
            Err(error) => return Err(error),
        }
        match self.open_at(path.as_str(), OFlags::PATH, Links::Follow) {
            Ok(file) => self.real_path(&file)?.ok_or(FsError::NotAFile("a directory")),
            Err(FsError::Missing) if self.is_symlink(path) => {
                Err(FsError::NotAFile("a symlink that leads nowhere"))
            }
            Err(FsError::Missing) => self.resolve_missing(path),
            Err(error) => Err(error),
        }
    }

    fn stamp(&self, path: &RelPath) -> Result<Stamp, FsError> {
        let file = self.open_at(path.as_str(), OFlags::PATH, Links::Refuse)?;
        let stat = fs::fstat(&file).map_err(io("look at the file"))?;
        check_regular(&stat)?;
        Ok(stamp_of(&stat))
    }

    fn read(&self, path: &RelPath, limit: u64) -> Result<(Vec<u8>, Stamp), FsError> {
        for _ in 0..4 {
            let (file, before) = self.open_file(path, Links::Refuse)?;
            let size = before.st_size as u64;
            if size > limit {
                return Err(FsError::TooLarge { size, limit });
            }
            let bytes = read_all(&file, size)?;
            let after = fs::fstat(&file).map_err(io("look at the file"))?;
            // A file that is being written in place is read again, never shown torn.
            if stamp_of(&before) == stamp_of(&after) && bytes.len() as u64 == size {
                return Ok((bytes, stamp_of(&after)));
            }
            std::thread::yield_now();
        }
        Err(FsError::Busy)
    }

    fn check_writable(&self, path: &RelPath) -> Result<(), FsError> {
        self.open_replaceable(path).map(|_| ())
    }

    fn slot_for(&self, tx: u64, index: usize, path: &RelPath) -> Result<Slot, FsError> {
        let name = format!("{}-{tx}-{index}", self.prefix);
        let mut directory = path.parent();
        let mount = loop {
            let at = directory.as_ref().map_or("", RelPath::as_str);
            match self.open_at(at, OFlags::PATH | OFlags::DIRECTORY, Links::Refuse) {
                Ok(fd) => break mount_of(fd.as_fd())?,
                Err(FsError::Missing) => directory = directory.and_then(|path| path.parent()),
                Err(error) => return Err(error),
            }
        };
        Ok(match directory {
            Some(directory) if mount != self.slots_mount => {
                let made = self.make_parents(&directory.join(SLOT_DIR).join(&name))?;
                debug_assert!(made <= 1);
                Slot { beside: Some(directory), name }
            }
            _ => Slot { beside: None, name },
        })
    }

    fn stage(&self, slot: &Slot, like: Option<&RelPath>, bytes: &[u8]) -> Result<(), FsError> {
        let original = like.map(|path| self.open_replaceable(path)).transpose()?;
        let directory = self.slot_dir(slot)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = if like.is_some() { 0o600 } else { 0o666 };
        let make = || fs::openat(&directory, slot.name.as_str(), flags, Mode::from_raw_mode(mode));
        let file = match make() {
            // Left by a death before its intent was written: no journal names it,
            // so it holds nothing but bytes that were never applied.
            Err(Errno::EXIST) => {
                self.discard(slot)?;
                make()
            }
            made => made,
        };
        let mut file = File::from(file.map_err(io("make a slot"))?);
        let written = file.write_all(bytes);
        written.map_err(|error| FsError::Io { action: "write a slot", error })?;
        match original {
            Some((original, stat)) => attributes::copy(&original, &stat, &file),
            None => Ok(()),
        }
    }

    fn read_slot(&self, slot: &Slot, limit: u64) -> Result<Vec<u8>, FsError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::openat(self.slot_dir(slot)?, slot.name.as_str(), flags, Mode::empty())
            .map_err(open_error)?;
        let stat = fs::fstat(&file).map_err(io("look at a slot"))?;
        check_regular(&stat)?;
        let size = stat.st_size as u64;
        if size > limit {
            return Err(FsError::TooLarge { size, limit });
        }
        read_all(&file, size)
    }

    fn slots(&self) -> Result<Vec<(Slot, u64)>, FsError> {
        let entries = fs::Dir::read_from(&self.slots).map_err(io("list the slots"))?;
        let mut slots = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io("list the slots"))?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let slot = Slot { beside: None, name: name.to_owned() };
            if !name.starts_with(&self.prefix) || slot.owner().is_none() {
                continue;
            }
            // One that went meanwhile takes no room.
            if let Ok(stat) = fs::statat(&self.slots, name, AtFlags::SYMLINK_NOFOLLOW) {
                slots.push((slot, stat.st_size as u64));
            }
        }
        Ok(slots)
    }

    fn discard(&self, slot: &Slot) -> Result<(), FsError> {
        match fs::unlinkat(self.slot_dir(slot)?, slot.name.as_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(io("remove a slot")(error)),
        }
    }

    fn exchange(
        &self,
        slot: &Slot,
        path: &RelPath,
        expected: Expected<'_>,
    ) -> Result<Cas, FsError> {
        let (parent, name) = (self.parent(path)?, path.split().1);
        let slots = self.slot_dir(slot)?;
        let held = self.hold(&parent, name, expected)?;
        let swap =
            || fs::renameat_with(&slots, slot.name.as_str(), &parent, name, RenameFlags::EXCHANGE);
        let staged = inode(&slots, &slot.name)?;
        swap().map_err(io("exchange the file"))?;
        held.verify(&slots, &slot.name, expected).inspect_err(|_| {
            // What came back is somebody's newer work: it goes back to its place.
            let back = match swap() {
                Err(Errno::NOENT) => fs::renameat_with(
                    &slots,
                    slot.name.as_str(),
                    &parent,
                    name,
                    RenameFlags::NOREPLACE,
                ),
                result => result,
            };
            let ours_came_back = inode(&slots, &slot.name).is_ok_and(|inode| inode == staged);
            if back.is_ok() && !ours_came_back && inode(&slots, &slot.name).is_ok() {
                // Yet another save replaced ours meanwhile: the newest stays, the
                // older one is kept in the slot.
                let _newest_stays = swap();
            }
        })
    }

    fn place(&self, slot: &Slot, path: &RelPath) -> Result<usize, FsError> {
        let made = self.make_parents(path)?;
        let placed = self.parent(path).and_then(|parent| {
            let slots = self.slot_dir(slot)?;
            let (from, to) = (slot.name.as_str(), path.split().1);
            fs::renameat_with(&slots, from, &parent, to, RenameFlags::NOREPLACE)
                .map_err(rename_error)
        });
        placed.map(|()| made).inspect_err(|_| self.prune(path, made))
    }

    fn take(&self, path: &RelPath, slot: &Slot, expected: Expected<'_>) -> Result<Cas, FsError> {
        let (parent, name) = (self.parent(path)?, path.split().1);
        let slots = self.slot_dir(slot)?;
        let take = || move_if(self, (&parent, name), (&slots, &slot.name), expected);
        match take() {
            // As in `stage`.
            Err(FsError::Exists) => {
                self.discard(slot)?;
                take()
            }
            taken => taken,
        }
    }

    fn rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        expected: Expected<'_>,
    ) -> Result<(Cas, usize), FsError> {
        let made = self.make_parents(to)?;
        let renamed = self.parent(from).and_then(|source| {
            let target = self.parent(to)?;
            move_if(self, (&source, from.split().1), (&target, to.split().1), expected)
        });
        renamed.map(|cas| (cas, made)).inspect_err(|_| self.prune(to, made))
    }

    fn prune(&self, path: &RelPath, count: usize) {
        let mut directory = path.parent();
        for _ in 0..count {
            let Some(path) = directory else { return };
            let removed = self.parent(&path).is_ok_and(|parent| {
                fs::unlinkat(parent, path.split().1, AtFlags::REMOVEDIR).is_ok()
            });
            if !removed {
                return;
            }
            directory = path.parent();
        }
    }

    fn sync_slots(&self, slots: &[&Slot]) -> Result<(), FsError> {
        let directories = self.slot_dirs(slots)?;
        let directories = directories.iter().map(Flush::Directory);
        let files = slots.iter().map(|slot| Flush::Slot(slot));
        flush_all(self, &files.chain(directories).collect::<Vec<_>>())
    }

    fn sync_names(&self, paths: &[&RelPath], slots: &[&Slot]) -> Result<(), FsError> {
        let mut names: Vec<&str> = paths.iter().map(|path| path.split().0).collect();
        names.sort_unstable();
        names.dedup();
        let mut directories = self.slot_dirs(slots)?;
        for name in names {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            match self.open_at(name, flags, Links::Refuse) {
                Ok(directory) => directories.push(SlotDir::Beside(directory)),
                // Somebody removed it, and with it the names there were.
                Err(FsError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        flush_all(self, &directories.iter().map(Flush::Directory).collect::<Vec<_>>())
    }
}

/// Something to be flushed.
enum Flush<'a> {
    Slot(&'a Slot),
    Directory(&'a SlotDir<'a>),
}

impl Flush<'_> {
    fn run(&self, fs: &OsFs) -> Result<(), FsError> {
        let flush = |file: BorrowedFd<'_>| retry_on_intr(|| fs::fsync(file)).map_err(io("flush"));
        match self {
            Flush::Directory(directory) => flush(directory.as_fd()),
            Flush::Slot(slot) => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let directory = fs.slot_dir(slot)?;
                let file = fs::openat(directory, slot.name.as_str(), flags, Mode::empty());
                flush(file.map_err(open_error)?.as_fd())
            }
        }
    }
}

/// The most flushes under way at once.
const FLUSHERS: usize = 24;

/// Flushes all at once: a flush is nearly all waiting, and the disk gathers
/// those that wait together.
fn flush_all(fs: &OsFs, all: &[Flush<'_>]) -> Result<(), FsError> {
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    let run = |some: &[Flush<'_>]| some.iter().try_for_each(|one| one.run(fs));
    std::thread::scope(|scope| {
        let share = others.len().div_ceil(FLUSHERS).max(1);
        let begin = |some| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, move || run(some));
            thread.map_err(|_| some)
        };
        let threads: Vec<_> = others.chunks(share).map(begin).collect();
        let mut result = first.run(fs);
        for thread in threads {
            let other = match thread {
                Ok(thread) => thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p)),
                // The system has no thread to give: one after the other, then.
                Err(some) => run(some),
            };
            result = result.and(other);
        }
        result
    })
}

impl OsFs {
    /// Resolves a path whose last part is not there.
    fn resolve_missing(&self, path: &RelPath) -> Result<RelPath, FsError> {
        let (directory, name) = path.split();
        if directory.is_empty() {
            return Ok(path.clone());
        }
        match self.open_at(directory, OFlags::PATH | OFlags::DIRECTORY, Links::Follow) {
            Ok(parent) => match self.real_path(&parent)? {
                Some(parent) => Ok(parent.join(name)),
                None => RelPath::parse(name).map_err(|_| FsError::Outside),
            },
            Err(FsError::Missing) => {
                let parent = RelPath::parse(directory).map_err(|_| FsError::Outside)?;
                Ok(self.resolve_missing(&parent)?.join(name))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns whether a symlink stands at `path`, whatever it leads to.
    fn is_symlink(&self, path: &RelPath) -> bool {
        let link = self.open_at(path.as_str(), OFlags::PATH | OFlags::NOFOLLOW, Links::Follow);
        let stat = link.ok().and_then(|link| fs::fstat(link).ok());
        stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    }

    /// Returns the path, beneath the root, of an open file; `None` for the root
    /// itself.
    fn real_path(&self, file: &OwnedFd) -> Result<Option<RelPath>, FsError> {
        use std::os::fd::AsRawFd;
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        let real = fs::readlink(link, Vec::new()).map_err(io("resolve the path"))?;
        let real = Path::new(OsStr::from_bytes(real.as_bytes()));
        let below = real.strip_prefix(&self.root_path).map_err(|_| FsError::Outside)?;
        if below.as_os_str().is_empty() {
            return Ok(None);
        }
        let path = below.to_str().and_then(|text| RelPath::parse(text).ok());
        let text = "it leads to a path that cannot be written in plain text";
        path.map(Some).ok_or_else(|| FsError::Denied(text.into()))
    }
}

/// Moves a file to a free name, if it holds what is expected.
fn move_if(
    fs: &OsFs,
    from: (&OwnedFd, &str),
    to: (impl AsFd, &str),
    expected: Expected<'_>,
) -> Result<Cas, FsError> {
    let held = fs.hold(from.0, from.1, expected)?;
    fs::renameat_with(from.0, from.1, &to.0, to.1, RenameFlags::NOREPLACE).map_err(rename_error)?;
    held.verify(&to.0, to.1, expected).inspect_err(|_| {
        // If the name is taken again, what we hold stays where it is, unharmed.
        let _back = fs::renameat_with(&to.0, to.1, from.0, from.1, RenameFlags::NOREPLACE);
    })
}

fn inode(directory: impl AsFd, name: &str) -> Result<(u64, u64), FsError> {
    let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(open_error)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Reads a file of about `size` bytes; at most one byte more, so that one that
/// grows is noticed and one that never ends is left.
fn read_all(file: impl AsFd, size: u64) -> Result<Vec<u8>, FsError> {
    let most = size as usize + 1;
    let mut bytes = Vec::with_capacity(most);
    while bytes.len() < most {
        let spare = rustix::buffer::spare_capacity(&mut bytes);
        match rustix::io::read(&file, spare) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(io("read the file")(error)),
        }
    }
    Ok(bytes)
}

/// Compares the bytes of an open file with what is expected, a piece at a time.
fn compare(file: &File, stat: &Stat, expected: Expected<'_>) -> Result<(), FsError> {
    let mut buffer = vec![0; (stat.st_size as usize).clamp(1, COMPARE_BYTES)];
    let mut comparison = Comparison::of(expected);
    if let Expected::Bytes(bytes) = expected
        && bytes.len() as u64 != stat.st_size as u64
    {
        return Err(FsError::Changed);
    }
    let mut at = 0;
    loop {
        let count = rustix::io::pread(file, &mut buffer[..], at).map_err(io("compare the file"))?;
        at += count as u64;
        if count == 0 {
            return if comparison.ends_well() { Ok(()) } else { Err(FsError::Changed) };
        }
        if !comparison.accepts(&buffer[..count]) {
            return Err(FsError::Changed);
        }
    }
}

/// A comparison under way: what is still expected.
enum Comparison<'a> {
    Bytes(&'a [u8]),
    Hash(ContentHash, Box<Hasher>),
}

impl<'a> Comparison<'a> {
    fn of(expected: Expected<'a>) -> Comparison<'a> {
        match expected {
            Expected::Bytes(bytes) => Comparison::Bytes(bytes),
            Expected::Hash(hash) => Comparison::Hash(hash, Box::default()),
        }
    }

    fn accepts(&mut self, piece: &[u8]) -> bool {
        match self {
            Comparison::Bytes(rest) => rest.strip_prefix(piece).map(|left| *rest = left).is_some(),
            Comparison::Hash(_, hasher) => {
                hasher.update(piece);
                true
            }
        }
    }

    fn ends_well(&self) -> bool {
        match self {
            Comparison::Bytes(rest) => rest.is_empty(),
            Comparison::Hash(hash, hasher) => hasher.finish() == *hash,
        }
    }
}

fn check_regular(stat: &Stat) -> Result<(), FsError> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(FsError::NotAFile("a directory")),
        FileType::Symlink => Err(FsError::NotAFile("a symlink")),
        FileType::Fifo => Err(FsError::NotAFile("a pipe")),
        FileType::Socket => Err(FsError::NotAFile("a socket")),
        _ => Err(FsError::NotAFile("a device")),
    }
}

fn stamp_of(stat: &Stat) -> Stamp {
    let ns = |seconds: i64, nanos: u64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Stamp {
        file: (stat.st_dev, stat.st_ino),
        size: stat.st_size as u64,
        modified_ns: ns(stat.st_mtime, stat.st_mtime_nsec),
        changed_ns: ns(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// What tells one mount from another: its device and its number.
type Mount = (u32, u32, u64);

/// Returns the mount of a directory. One file system may be mounted in several
/// places, and names can be exchanged within one only.
fn mount_of(directory: BorrowedFd<'_>) -> Result<Mount, FsError> {
    let stat = fs::statx(directory, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)
        .map_err(io("look at the directory"))?;
    Ok((stat.stx_dev_major, stat.stx_dev_minor, stat.stx_mnt_id))
}

/// Returns the meaning of a failed rename.
fn rename_error(error: Errno) -> FsError {
    match error {
        Errno::XDEV => FsError::Denied("a file cannot move to another file system".into()),
        error => open_error(error),
    }
}

/// Returns the meaning of a failed open.
fn open_error(error: Errno) -> FsError {
    match error {
        Errno::NOENT | Errno::NOTDIR => FsError::Missing,
        Errno::EXIST => FsError::Exists,
        Errno::XDEV | Errno::LOOP => FsError::Outside,
        Errno::NXIO => FsError::NotAFile("a socket"),
        error => io("open the file")(error),
    }
}

fn io(action: &'static str) -> impl Fn(Errno) -> FsError {
    move |error| match error {
        Errno::ACCESS | Errno::PERM => {
            FsError::Denied(format!("{action}: {}", std::io::Error::from(error)))
        }
        error => FsError::Io { action, error: error.into() },
    }
}
