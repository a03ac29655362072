//! The disk, on systems that have no leases and no exchange of names: macOS,
//! Windows.
//!
//! Paths stay beneath the root (`cap-std`). A file is compared, kept by a second
//! name, replaced, and compared again. A save by another program between the
//! last look and the replacement is lost if it came by rename, and put back if
//! it came in place: every swap is `weak`, and the answer says so. Attributes
//! are kept as far as the system's own copying of files keeps them; a file of
//! another owner is refused.
//!
//! It compiles on Linux too, for its tests.

#![cfg_attr(
    target_os = "linux",
    expect(unreachable_pub, reason = "here it is there for its tests alone")
)]

use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use cap_fs_ext::{FollowSymlinks, MetadataExt, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use cap_std::time::SystemClock;

use super::{IGNORE, SLOT_DIR};
use crate::hash::ContentHash;
use crate::store::{Cas, Expected, Fs, FsError, Like, RelPath, Slot, Stamp};

/// The file system beneath one directory.
#[derive(Debug)]
pub struct PortableFs {
    root: Dir,
    slots: Dir,
    slots_device: u64,
    /// How the names of slots begin.
    prefix: String,
}

impl PortableFs {
    /// Opens the tree beneath `root`; slots go to the directory `slots`, which
    /// must exist. Their names begin with `prefix`, which tells them from those
    /// that an earlier journal left there.
    ///
    /// # Errors
    /// Where either is not a directory that can be opened.
    pub fn open(root: &Path, slots: &Path, prefix: &str) -> Result<PortableFs, FsError> {
        let open = |path| Dir::open_ambient_dir(path, ambient_authority());
        let root = open(root).map_err(io("open the root"))?;
        let slots = open(slots).map_err(io("open the slot directory"))?;
        let slots_device = device_of(&slots)?;
        Ok(PortableFs { root, slots, slots_device, prefix: prefix.to_owned() })
    }

    /// Opens the directory of a resolved path, and returns the name in it.
    fn parent<'a>(&self, path: &'a RelPath) -> Result<(Dir, &'a str), FsError> {
        let (directory, name) = path.split();
        let directory = if directory.is_empty() { "." } else { directory };
        Ok((self.root.open_dir(directory).map_err(open_error)?, name))
    }

    fn slot_dir(&self, beside: Option<&RelPath>) -> Result<Dir, FsError> {
        match beside {
            None => self.slots.try_clone().map_err(io("open the slot directory")),
            Some(directory) => {
                self.root.open_dir(directory.join(SLOT_DIR).as_str()).map_err(open_error)
            }
        }
    }

    fn slots_in(&self, beside: Option<&RelPath>) -> Result<Vec<(Slot, u64)>, FsError> {
        let entries = self.slot_dir(beside)?.entries().map_err(io("list the slots"))?;
        let mut slots = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io("list the slots"))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let slot = Slot { beside: beside.cloned(), name };
            if slot.name.starts_with(&self.prefix)
                && slot.owner().is_some()
                && let Ok(meta) = entry.metadata()
            {
                slots.push((slot, meta.len()));
            }
        }
        Ok(slots)
    }

    /// Makes the missing parent directories of `path`; returns their number.
    fn make_parents(&self, path: &RelPath) -> Result<usize, FsError> {
        let mut missing = Vec::new();
        let mut directory = path.parent();
        while let Some(path) = directory {
            match self.root.metadata(path.as_str()) {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::NotFound => missing.push(path.clone()),
                Err(error) => return Err(open_error(error)),
            }
            directory = path.parent();
        }
        let mut made = 0;
        for path in missing.iter().rev() {
            match self.root.create_dir(path.as_str()) {
                Ok(()) => made += 1,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io("make a directory")(error)),
            }
        }
        Ok(made)
    }
}

impl Fs for PortableFs {
    fn resolve(&self, path: &RelPath) -> Result<RelPath, FsError> {
        match self.root.canonicalize(path.as_str()) {
            Ok(real) => {
                let text = real.to_str().map(|text| text.replace('\\', "/"));
                let real = text.and_then(|text| RelPath::parse(&text).ok());
                real.ok_or(FsError::NotAFile("a directory, or a path not in plain text"))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if self.root.symlink_metadata(path.as_str()).is_ok_and(|meta| meta.is_symlink()) {
                    return Err(FsError::NotAFile("a symlink that leads nowhere"));
                }
                match path.parent() {
                    None => Ok(path.clone()),
                    Some(parent) => Ok(self.resolve(&parent)?.join(path.split().1)),
                }
            }
            Err(error) => Err(open_error(error)),
        }
    }

    fn stamp(&self, path: &RelPath) -> Result<Stamp, FsError> {
        let (parent, name) = self.parent(path)?;
        let meta = parent.symlink_metadata(name).map_err(open_error)?;
        check_regular(&meta)?;
        Ok(stamp_of(&meta))
    }

    fn read(&self, path: &RelPath, limit: u64) -> Result<(Vec<u8>, Stamp), FsError> {
        let (parent, name) = self.parent(path)?;
        read_file(&parent, name, limit)
    }

    fn check_writable(&self, path: &RelPath) -> Result<(), FsError> {
        let (parent, name) = self.parent(path)?;
        let meta = parent.symlink_metadata(name).map_err(open_error)?;
        check_regular(&meta)?;
        check_replaceable(&meta)
    }

    fn slot_for(&self, tx: u64, index: usize, path: &RelPath) -> Result<Slot, FsError> {
        let name = format!("{}-{tx}-{index}", self.prefix);
        let mut directory = path.parent();
        let device = loop {
            let at = directory.as_ref().map_or(".", RelPath::as_str);
            match self.root.open_dir(at) {
                Ok(open) => break device_of(&open)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    directory = directory.and_then(|path| path.parent());
                }
                Err(error) => return Err(open_error(error)),
            }
        };
        let Some(beside) = directory.filter(|_| device != self.slots_device) else {
            return Ok(Slot { beside: None, name });
        };
        let place = beside.join(SLOT_DIR);
        match self.root.create_dir(place.as_str()) {
            Ok(()) => self
                .root
                .write(place.join(IGNORE).as_str(), b"*\n")
                .map_err(io("make a slot directory"))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io("make a slot directory")(error)),
        }
        Ok(Slot { beside: Some(beside), name })
    }

    fn stage(&self, slot: &Slot, like: Option<Like<'_>>, bytes: &[u8]) -> Result<(), FsError> {
        let slots = self.slot_dir(slot.beside.as_ref())?;
        // Left by a death before its intent was written: nobody names it.
        self.discard(slot)?;
        let mut options = OpenOptions::new();
        options.write(true).follow(FollowSymlinks::No);
        // Whatever the system's own copy keeps is kept.
        let copied = match like {
            None => false,
            Some(Like::File(path)) => {
                self.check_writable(path)?;
                let (parent, name) = self.parent(path)?;
                parent.copy(name, &slots, &slot.name).map_err(io("make a slot"))?;
                check_same_owner(&parent, name, &slots, &slot.name)?;
                true
            }
            Some(Like::Slot(other)) => {
                let from = self.slot_dir(other.beside.as_ref());
                let there = from.ok().filter(|from| from.symlink_metadata(&other.name).is_ok());
                if let Some(from) = &there {
                    from.copy(&other.name, &slots, &slot.name).map_err(io("make a slot"))?;
                    check_same_owner(from, &other.name, &slots, &slot.name)?;
                }
                there.is_some()
            }
        };
        match copied {
            true => options.truncate(true),
            false => options.create_new(true),
        };
        let mut file = slots.open_with(&slot.name, &options).map_err(io("make a slot"))?;
        file.write_all(bytes).map_err(io("write a slot"))
    }

    fn read_slot(&self, slot: &Slot, limit: u64) -> Result<Vec<u8>, FsError> {
        let slots = self.slot_dir(slot.beside.as_ref())?;
        finish_replacing(&slots, &slot.name)?;
        read_file(&slots, &slot.name, limit).map(|(bytes, _)| bytes)
    }

    fn slots(&self, beside: &[RelPath]) -> Result<Vec<(Slot, u64)>, FsError> {
        let mut slots = self.slots_in(None)?;
        for directory in beside {
            match self.slots_in(Some(directory)) {
                Ok(more) => slots.extend(more),
                Err(FsError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(slots)
    }

    fn retire(&self, slot: &Slot, held: ContentHash) -> Result<(), FsError> {
        let slots = self.slot_dir(slot.beside.as_ref())?;
        expect(&slots, &slot.name, Expected::Hash(held))?;
        slots.remove_file(&slot.name).map_err(io("remove a slot"))
    }

    fn discard(&self, slot: &Slot) -> Result<(), FsError> {
        let slots = self.slot_dir(slot.beside.as_ref())?;
        finish_replacing(&slots, &slot.name)?;
        match slots.remove_file(&slot.name) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io("remove a slot")(error)),
            _ => Ok(()),
        }
    }

    fn exchange(
        &self,
        slot: &Slot,
        path: &RelPath,
        expected: Expected<'_>,
    ) -> Result<Cas, FsError> {
        let ((parent, name), slots) = (self.parent(path)?, self.slot_dir(slot.beside.as_ref())?);
        let slot = slot.name.as_str();
        let kept = kept_name(slot);
        expect(&parent, name, expected)?;
        parent.hard_link(name, &slots, &kept).map_err(open_error)?;
        if let Err(error) = expect(&slots, &kept, expected) {
            slots.remove_file(&kept).map_err(io("remove a second name"))?;
            return Err(error);
        }
        slots.rename(slot, &parent, name).map_err(io("replace the file"))?;
        let keep = slots.rename(&kept, &slots, slot);
        keep.map_err(|error| io("keep the replaced file")(error).by_halves())?;
        if let Err(error) = expect(&slots, slot, expected) {
            // Somebody wrote to it in place after all: it goes back.
            let back = slots.rename(slot, &parent, name);
            back.map_err(|why| io("put the file back")(why).by_halves())?;
            return Err(error);
        }
        Ok(Cas::Weak)
    }

    fn place(&self, slot: &Slot, path: &RelPath) -> Result<usize, FsError> {
        let made = self.make_parents(path)?;
        let placed = self.parent(path).and_then(|(parent, name)| {
            rename_to_free((&self.slot_dir(slot.beside.as_ref())?, &slot.name), (&parent, name))
        });
        placed.map(|()| made).inspect_err(|_| self.prune(path, made))
    }

    fn take(&self, path: &RelPath, slot: &Slot, expected: Expected<'_>) -> Result<Cas, FsError> {
        let ((parent, name), slots) = (self.parent(path)?, self.slot_dir(slot.beside.as_ref())?);
        self.discard(slot)?;
        move_if((&parent, name), (&slots, &slot.name), expected)
    }

    fn rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        expected: Expected<'_>,
    ) -> Result<(Cas, usize), FsError> {
        let made = self.make_parents(to)?;
        let renamed = self.parent(from).and_then(|(source, name)| {
            let (target, new) = self.parent(to)?;
            move_if((&source, name), (&target, new), expected)
        });
        renamed.map(|cas| (cas, made)).inspect_err(|_| self.prune(to, made))
    }

    fn prune(&self, path: &RelPath, count: usize) {
        let mut directory = path.parent();
        for _ in 0..count {
            let Some(path) = directory.filter(|path| self.root.remove_dir(path.as_str()).is_ok())
            else {
                return;
            };
            directory = path.parent();
        }
    }

    fn sync_slots(&self, slots: &[&Slot]) -> Result<(), FsError> {
        for slot in slots {
            let directory = self.slot_dir(slot.beside.as_ref())?;
            let mut options = OpenOptions::new();
            options.read(true).write(true).follow(FollowSymlinks::No);
            let file = directory.open_with(&slot.name, &options).map_err(open_error)?;
            file.sync_all().map_err(io("flush"))?;
            sync_directory(&directory)?;
        }
        Ok(())
    }

    fn sync_names(&self, paths: &[&RelPath], slots: &[&Slot]) -> Result<(), FsError> {
        for path in paths {
            match self.parent(path) {
                Ok((directory, _)) => sync_directory(&directory)?,
                Err(FsError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        slots.iter().try_for_each(|slot| sync_directory(&self.slot_dir(slot.beside.as_ref())?))
    }
}

/// Returns the second name that a file has while it is replaced.
fn kept_name(slot: &str) -> String {
    format!("{slot}.kept")
}

/// Ends what a death may have left of a replacement.
fn finish_replacing(slots: &Dir, slot: &str) -> Result<(), FsError> {
    let kept = kept_name(slot);
    match (slots.symlink_metadata(&kept).is_ok(), slots.symlink_metadata(slot).is_ok()) {
        (false, _) => Ok(()),
        (true, false) => slots.rename(&kept, slots, slot).map_err(io("keep the replaced file")),
        (true, true) => slots.remove_file(&kept).map_err(io("remove a second name")),
    }
}

fn rename_to_free(from: (&Dir, &str), to: (&Dir, &str)) -> Result<(), FsError> {
    // A second name can only be a free one.
    from.0.hard_link(from.1, to.0, to.1).map_err(open_error)?;
    from.0.remove_file(from.1).map_err(io("take the old name")).map_err(|error| {
        match to.0.remove_file(to.1) {
            Ok(()) => error,
            Err(_) => error.by_halves(),
        }
    })
}

fn move_if(from: (&Dir, &str), to: (&Dir, &str), expected: Expected<'_>) -> Result<Cas, FsError> {
    expect(from.0, from.1, expected)?;
    rename_to_free(from, to)?;
    match expect(to.0, to.1, expected) {
        Ok(()) => Ok(Cas::Weak),
        Err(error) => match rename_to_free(to, from) {
            Ok(()) | Err(FsError::Exists | FsError::Missing) => Err(error),
            Err(why) => Err(why.by_halves()),
        },
    }
}

/// Refuses a file that does not hold what is expected.
fn expect(directory: &Dir, name: &str, expected: Expected<'_>) -> Result<(), FsError> {
    let (bytes, _) = read_file(directory, name, u64::MAX)?;
    let same = match expected {
        Expected::Bytes(expected) => bytes == expected,
        Expected::Hash(hash) => ContentHash::of(&bytes) == hash,
    };
    if same { Ok(()) } else { Err(FsError::Changed) }
}

fn read_file(directory: &Dir, name: &str, limit: u64) -> Result<(Vec<u8>, Stamp), FsError> {
    // What would make an open wait is not opened at all.
    check_regular(&directory.symlink_metadata(name).map_err(open_error)?)?;
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No);
    for _ in 0..4 {
        let mut file = directory.open_with(name, &options).map_err(open_error)?;
        let before = file.metadata().map_err(io("look at the file"))?;
        check_regular(&before)?;
        if before.len() > limit {
            return Err(FsError::TooLarge { size: before.len(), limit });
        }
        let mut bytes = Vec::with_capacity(before.len() as usize + 1);
        let most = before.len() + 1;
        Read::by_ref(&mut file).take(most).read_to_end(&mut bytes).map_err(io("read the file"))?;
        let after = file.metadata().map_err(io("look at the file"))?;
        if stamp_of(&before) == stamp_of(&after) && bytes.len() as u64 == before.len() {
            return Ok((bytes, stamp_of(&after)));
        }
        std::thread::yield_now();
    }
    Err(FsError::Busy)
}

fn check_regular(meta: &Metadata) -> Result<(), FsError> {
    match meta {
        meta if meta.is_file() => Ok(()),
        meta if meta.is_dir() => Err(FsError::NotAFile("a directory")),
        meta if meta.is_symlink() => Err(FsError::NotAFile("a symlink")),
        _ => Err(FsError::NotAFile("a device or a pipe")),
    }
}

fn check_replaceable(meta: &Metadata) -> Result<(), FsError> {
    let links = MetadataExt::nlink(meta);
    if links > 1 {
        let text = format!("the file has {links} hard links, which an edit would part");
        return Err(FsError::Attribute(text));
    }
    match meta.permissions().readonly() {
        true => Err(FsError::Denied("the file is read-only".into())),
        false => Ok(()),
    }
}

/// Refuses a copy that has another owner or group than the file.
#[cfg(unix)]
fn check_same_owner(parent: &Dir, name: &str, slots: &Dir, slot: &str) -> Result<(), FsError> {
    use cap_std::fs::MetadataExt;
    let owner = |directory: &Dir, name: &str| {
        let meta = directory.symlink_metadata(name).map_err(open_error)?;
        Ok((meta.uid(), meta.gid()))
    };
    if owner(parent, name)? == owner(slots, slot)? {
        return Ok(());
    }
    slots.remove_file(slot).map_err(io("remove a slot"))?;
    Err(FsError::Attribute("its owner and group could not be kept".into()))
}

#[cfg(not(unix))]
fn check_same_owner(_: &Dir, _: &str, _: &Dir, _: &str) -> Result<(), FsError> {
    Ok(())
}

fn stamp_of(meta: &Metadata) -> Stamp {
    let modified = meta.modified().ok();
    let since = modified.and_then(|time| time.duration_since(SystemClock::UNIX_EPOCH).ok());
    let modified_ns = since.map_or(0, |since| since.as_nanos() as i128);
    let file = (MetadataExt::dev(meta), MetadataExt::ino(meta));
    Stamp { file, size: meta.len(), modified_ns, changed_ns: modified_ns }
}

fn device_of(directory: &Dir) -> Result<u64, FsError> {
    let meta = directory.dir_metadata().map_err(io("look at the directory"))?;
    Ok(MetadataExt::dev(&meta))
}

/// Flushes the names in a directory. Windows keeps them by itself.
#[cfg(unix)]
fn sync_directory(directory: &Dir) -> Result<(), FsError> {
    let open = directory.open(".").map_err(io("flush a directory"))?;
    open.sync_all().map_err(io("flush a directory"))
}

#[cfg(not(unix))]
fn sync_directory(_: &Dir) -> Result<(), FsError> {
    Ok(())
}

/// Returns the meaning of a failed open. What leads out of the root is refused by
/// cap-std as not permitted.
fn open_error(error: std::io::Error) -> FsError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FsError::Missing,
        ErrorKind::AlreadyExists => FsError::Exists,
        ErrorKind::CrossesDevices => {
            FsError::Denied("a file cannot move to another file system".into())
        }
        _ => io("open the file")(error),
    }
}

fn io(action: &'static str) -> impl Fn(std::io::Error) -> FsError {
    move |error| match error.kind() {
        ErrorKind::PermissionDenied => FsError::Denied(format!("{action}: {error}")),
        _ => FsError::Io { action, error },
    }
}
