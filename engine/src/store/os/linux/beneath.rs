//! Paths: whatever is opened lies beneath the root, whoever moves what
//! meanwhile.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::{OsFs, attributes, check_regular, io, open_error};
use crate::store::{FsError, RelPath};

/// What keeps a path beneath the root.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// How many parts of a path, those of its symlinks among them, are walked. The
/// kernel itself follows 40 symlinks.
const WALK_STEPS: usize = 4096;

/// Whether symlinks in a path may be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    Refuse,
}

/// Returns whether the kernel can keep paths beneath `root`. One older than 5.6
/// cannot, and a container may forbid it.
pub(super) fn is_offered(root: &OwnedFd) -> bool {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::openat2(root, ".", flags, Mode::empty(), BENEATH).is_ok()
}

fn open_in(directory: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, FsError> {
    fs::openat(directory, name, flags | OFlags::CLOEXEC, Mode::empty()).map_err(open_error)
}

/// Returns the parts of a path, the last one first.
fn parts_of(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.rev().map(str::to_owned).collect()
}

/// Returns the parts of the path that a symlink holds, the last one first.
fn target_of(link: &OwnedFd) -> Result<Vec<String>, FsError> {
    let target = fs::readlinkat(link, "", Vec::new()).map_err(io("read a symlink"))?;
    match target.to_str() {
        Ok(target) if !target.starts_with('/') => Ok(parts_of(target)),
        _ => Err(FsError::Outside),
    }
}

impl OsFs {
    /// Opens `path` beneath the root, never through a magic link.
    pub(super) fn open_at(
        &self,
        path: &str,
        flags: OFlags,
        links: Links,
    ) -> Result<OwnedFd, FsError> {
        if !self.facilities.beneath {
            return self.walk(path, flags, links);
        }
        let mut resolve = BENEATH;
        if links == Links::Refuse {
            resolve |= ResolveFlags::NO_SYMLINKS;
        }
        let path = if path.is_empty() { "." } else { path };
        let mut tries = 0;
        loop {
            match fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                // A rename raced the walk; the kernel asks to walk again.
                Err(Errno::AGAIN) if tries < 8 => tries += 1,
                Err(Errno::INTR) => {}
                Err(error) => return Err(open_error(error)),
                Ok(fd) => return Ok(fd),
            }
        }
    }

    /// Opens `path` part by part, each in the directory that was opened before it
    /// and none through a symlink, so that no race leads out of the root either.
    fn walk(&self, path: &str, flags: OFlags, links: Links) -> Result<OwnedFd, FsError> {
        let mut left: Vec<String> = parts_of(path);
        let mut above: Vec<OwnedFd> = Vec::new();
        for _ in 0..WALK_STEPS {
            let here = above.last().map_or(self.root.as_fd(), AsFd::as_fd);
            let Some(name) = left.pop() else {
                return open_in(here, ".", flags);
            };
            if name == ".." {
                above.pop().ok_or(FsError::Outside)?;
                continue;
            }
            let part = open_in(here, &name, OFlags::PATH | OFlags::NOFOLLOW)?;
            let stat = fs::fstat(&part).map_err(io("look at the path"))?;
            let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
            let wants_link = left.is_empty() && flags.contains(OFlags::PATH | OFlags::NOFOLLOW);
            if is_link && !wants_link {
                if links == Links::Refuse {
                    return Err(FsError::Outside);
                }
                left.extend(target_of(&part)?);
            } else if left.is_empty() {
                return open_in(here, &name, flags | OFlags::NOFOLLOW);
            } else {
                above.push(open_in(
                    here,
                    &name,
                    OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW,
                )?);
            }
        }
        Err(FsError::Outside)
    }

    /// Opens the directory of a resolved path.
    pub(super) fn parent(&self, path: &RelPath) -> Result<OwnedFd, FsError> {
        self.open_at(path.split().0, OFlags::PATH | OFlags::DIRECTORY, Links::Refuse)
    }

    /// Opens a regular file beneath the root for reading.
    pub(super) fn open_file(&self, path: &RelPath, links: Links) -> Result<(File, Stat), FsError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.open_at(path.as_str(), flags, links)?;
        let stat = fs::fstat(&file).map_err(io("look at the file"))?;
        check_regular(&stat)?;
        Ok((File::from(file), stat))
    }

    /// Opens a file that may be replaced: it is ours to write, and so is its
    /// directory, and no link would be parted.
    pub(super) fn open_replaceable(&self, path: &RelPath) -> Result<(File, Stat), FsError> {
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
                // Removed since it was opened.
                Errno::NOENT => FsError::Missing,
                error => io("ask for permission")(error),
            }
        };
        access(name).map_err(denied("file"))?;
        access(".").map_err(denied("directory"))?;
        Ok((file, stat))
    }

    /// Makes the missing parent directories of `path`; returns their number.
    pub(super) fn make_parents(&self, path: &RelPath) -> Result<usize, FsError> {
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

    /// Resolves a path whose last part is not there.
    pub(super) fn resolve_missing(&self, path: &RelPath) -> Result<RelPath, FsError> {
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
    pub(super) fn is_symlink(&self, path: &RelPath) -> bool {
        let link = self.open_at(path.as_str(), OFlags::PATH | OFlags::NOFOLLOW, Links::Follow);
        let stat = link.ok().and_then(|link| fs::fstat(link).ok());
        stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    }

    /// Returns the path, beneath the root, of an open file; `None` for the root
    /// itself.
    pub(super) fn real_path(&self, file: &OwnedFd) -> Result<Option<RelPath>, FsError> {
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
