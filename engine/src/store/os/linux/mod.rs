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
mod beneath;
mod compare;
mod flush;
mod lease;
mod slots;
mod swap;

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat, StatxFlags};
use rustix::io::Errno;

use crate::hash::ContentHash;
use crate::store::{Cas, Expected, Fs, FsError, Like, RelPath, Slot, Stamp};
use beneath::Links;
use compare::{digest, read_all};
use flush::flush_all;
use slots::SlotDir;
use swap::Swap;

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
    /// What may be used of what the system offers.
    facilities: Facilities,
}

/// What the system offers for safe swaps. Everything is used where it is there;
/// what is not is done without, as far as that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facilities {
    /// `openat2`: the kernel itself keeps a path beneath the root. Without it,
    /// every part of a path is opened and looked at by itself.
    pub beneath: bool,
    /// Leases. Without them a swap is `weak`.
    pub leases: bool,
    /// Exchanging two names, and renaming only to a free one. Without it a
    /// replaced file is kept by a second name first, and a swap is `weak`.
    pub exchange: bool,
    /// What is left out on purpose.
    #[cfg(feature = "mutants")]
    pub lacks: Option<Safeguard>,
}

impl Default for Facilities {
    fn default() -> Facilities {
        Facilities {
            beneath: true,
            leases: true,
            exchange: true,
            #[cfg(feature = "mutants")]
            lacks: None,
        }
    }
}

/// What a swap is made safe by. A build with the feature `mutants` can leave out
/// one of them, so that tests can show that they would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safeguard {
    /// The bytes are compared before the swap.
    Compare,
    /// A lease is taken.
    Lease,
    /// The lease is asked afterwards whether it was broken.
    WholeLease,
    /// What was displaced must be the file that was compared.
    Displaced,
    /// Without a lease, what was displaced is compared again.
    CompareAgain,
    /// What was displaced wrongly is put back.
    SwapBack,
    /// A save that comes in between the swap and the way back stays.
    NewestStays,
    /// A name is given only if it is free.
    FreeName,
    /// A displaced file goes only if it holds what it held.
    Retire,
    /// A file that changes while it is read is read again.
    ReadAgain,
    /// New bytes are flushed before the swap.
    SlotFlush,
    /// The names of slots are flushed before the swap.
    SlotNameFlush,
    /// The names of files are flushed after the swap.
    NameFlush,
}

impl Safeguard {
    /// All of them.
    pub const ALL: [Safeguard; 13] = [
        Safeguard::Compare,
        Safeguard::Lease,
        Safeguard::WholeLease,
        Safeguard::Displaced,
        Safeguard::CompareAgain,
        Safeguard::SwapBack,
        Safeguard::NewestStays,
        Safeguard::FreeName,
        Safeguard::Retire,
        Safeguard::ReadAgain,
        Safeguard::SlotFlush,
        Safeguard::SlotNameFlush,
        Safeguard::NameFlush,
    ];

    /// Returns the one with this name, as it is written in code.
    pub fn named(name: &str) -> Option<Safeguard> {
        Safeguard::ALL.into_iter().find(|safeguard| format!("{safeguard:?}") == name)
    }
}

impl Facilities {
    /// Returns whether a safeguard is left out, which it never is in an ordinary
    /// build.
    #[cfg_attr(not(feature = "mutants"), expect(unused_variables, reason = "all are there"))]
    fn lacks(self, safeguard: Safeguard) -> bool {
        #[cfg(feature = "mutants")]
        return self.lacks == Some(safeguard);
        #[cfg(not(feature = "mutants"))]
        false
    }
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
        OsFs::open_with(root, slots, prefix, Facilities::default())
    }

    /// Opens the tree as [`OsFs::open`] does, but uses no more than these
    /// facilities.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_with(
        root: &Path,
        slots: &Path,
        prefix: &str,
        facilities: Facilities,
    ) -> Result<OsFs, FsError> {
        lease::ignore_broken_lease_signal();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root_fd = fs::open(root, flags, Mode::empty()).map_err(io("open the root"))?;
        let slots_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let slots_fd =
            fs::open(slots, slots_flags, Mode::empty()).map_err(io("open the slot directory"))?;
        let stat = fs::fstat(&slots_fd).map_err(io("look at the slot directory"))?;
        check_ours(&stat)?;
        let root_path =
            root.canonicalize().map_err(|error| FsError::Io { action: "find the root", error })?;
        let beneath = facilities.beneath && beneath::is_offered(&root_fd);
        Ok(OsFs {
            facilities: Facilities { beneath, ..facilities },
            root: root_fd,
            root_path,
            slots_mount: mount_of(slots_fd.as_fd())?,
            slots: slots_fd,
            prefix: prefix.to_owned(),
        })
    }

    /// Returns what is used of what the system offers. Leases and exchange differ
    /// from one file system to the next; each answer tells.
    pub fn facilities(&self) -> Facilities {
        self.facilities
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
            let whole = stamp_of(&before) == stamp_of(&after) && bytes.len() as u64 == size;
            if whole || self.facilities.lacks(Safeguard::ReadAgain) {
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
                // Of the root itself it means that the root is gone.
                Err(FsError::Missing) if directory.is_some() => {
                    directory = directory.and_then(|path| path.parent());
                }
                Err(error) => return Err(error),
            }
        };
        Ok(match directory {
            Some(directory) if mount != self.slots_mount => {
                self.make_slot_dir(&directory)?;
                Slot { beside: Some(directory), name }
            }
            _ => Slot { beside: None, name },
        })
    }

    fn stage(&self, slot: &Slot, like: Option<Like<'_>>, bytes: &[u8]) -> Result<(), FsError> {
        let original = self.original(like)?;
        let directory = self.slot_dir(slot)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = if original.is_some() { 0o600 } else { 0o666 };
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
        let (file, stat) = self.open_slot(slot)?;
        let size = stat.st_size as u64;
        if size > limit {
            return Err(FsError::TooLarge { size, limit });
        }
        read_all(&file, size)
    }

    fn slot_hash(&self, slot: &Slot) -> Result<ContentHash, FsError> {
        digest(&self.open_slot(slot)?.0)
    }

    fn slots(&self, beside: &[RelPath]) -> Result<Vec<(Slot, u64)>, FsError> {
        let mut slots = self.slots_in(None)?;
        for directory in beside {
            match self.slots_in(Some(directory)) {
                Ok(more) => slots.extend(more),
                // What lay there went with it, or with its mount.
                Err(FsError::Missing | FsError::Outside) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(slots)
    }

    fn retire(&self, slot: &Slot, held: ContentHash) -> Result<(), FsError> {
        let directory = self.slot_dir(slot)?;
        let leased = match self.facilities.lacks(Safeguard::Retire) {
            true => None,
            false => Some(self.hold(&directory, &slot.name, Expected::Hash(held))?),
        };
        let gone = fs::unlinkat(&directory, slot.name.as_str(), AtFlags::empty());
        drop(leased);
        gone.map_err(io("remove a slot"))?;
        if let Some(beside) = &slot.beside {
            self.remove_slot_dir(beside);
        }
        Ok(())
    }

    fn discard(&self, slot: &Slot) -> Result<(), FsError> {
        let directory = self.slot_dir(slot)?;
        swap::finish_replacing(directory.as_fd(), &slot.name)?;
        match fs::unlinkat(directory, slot.name.as_str(), AtFlags::empty()) {
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
        Swap { fs: self, slots: slots.as_fd(), slot: &slot.name, parent: parent.as_fd(), name }
            .run(expected)
    }

    fn place(&self, slot: &Slot, path: &RelPath) -> Result<usize, FsError> {
        let made = self.make_parents(path)?;
        let placed = self.parent(path).and_then(|parent| {
            let slots = self.slot_dir(slot)?;
            let (from, to) = (slot.name.as_str(), path.split().1);
            self.rename_to_free((slots.as_fd(), from), (parent.as_fd(), to))
        });
        placed.map(|()| made).inspect_err(|_| self.prune(path, made))
    }

    fn take(&self, path: &RelPath, slot: &Slot, expected: Expected<'_>) -> Result<Cas, FsError> {
        let (parent, name) = (self.parent(path)?, path.split().1);
        let slots = self.slot_dir(slot)?;
        let take = || self.move_if((parent.as_fd(), name), (slots.as_fd(), &slot.name), expected);
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
            self.move_if((source.as_fd(), from.split().1), (target.as_fd(), to.split().1), expected)
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
        let lacks = |safeguard| self.facilities.lacks(safeguard);
        let directories = self.slot_dirs(slots)?;
        let open = |slot: &&Slot| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let directory = self.slot_dir(slot)?;
            let file = fs::openat(directory, slot.name.as_str(), flags, Mode::empty());
            file.map(File::from).map_err(open_error)
        };
        let files = slots.iter().filter(|_| !lacks(Safeguard::SlotFlush)).map(open);
        let files = files.collect::<Result<Vec<File>, _>>()?;
        files.iter().for_each(flush::begin);
        let directories = directories.iter().filter(|_| !lacks(Safeguard::SlotNameFlush));
        let all = files.iter().map(AsFd::as_fd).chain(directories.map(AsFd::as_fd));
        flush_all(&all.collect::<Vec<_>>())
    }

    fn sync_names(&self, paths: &[&RelPath], slots: &[&Slot]) -> Result<(), FsError> {
        let mut names: Vec<&str> = paths.iter().map(|path| path.split().0).collect();
        names.sort_unstable();
        names.dedup();
        if self.facilities.lacks(Safeguard::NameFlush) {
            return Ok(());
        }
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
        flush_all(&directories.iter().map(AsFd::as_fd).collect::<Vec<_>>())
    }
}

fn check_ours(stat: &Stat) -> Result<(), FsError> {
    match stat.st_uid == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => Err(FsError::Denied("the slot directory belongs to another user".into())),
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
