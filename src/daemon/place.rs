//! The place of a root: where its state and its slots lie, and who it is.
//!
//! State lies outside the tree, where a hostile repository cannot forge it and
//! secrets do not travel; slots lie on the root's own file system, because only
//! there can names be exchanged. A root is known by its device, its inode and a
//! random id beside the slots, so that a copied root starts fresh.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use engine::hash::Hasher;
use rustix::fs::{AtFlags, CWD, StatxFlags, statvfs, statx};

use super::DaemonError;
use crate::state::fill_random;

/// The longest path that is read from a lock, in bytes.
const LONGEST_PATH: u64 = 4096;

/// Where things of one root lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The root, absolute, its symlinks followed.
    pub root: PathBuf,
    /// The directory of its state, 0700.
    pub state: PathBuf,
    /// The directory of its slots, 0700.
    pub slots: PathBuf,
}

impl Place {
    /// Returns the place of `root`, making its directories where they are
    /// missing; states lie in `home`, a directory each.
    ///
    /// # Errors
    /// Where the root is no directory, or a directory cannot be made or belongs
    /// to somebody else.
    pub fn of(root: &Path, home: &Path) -> io::Result<Place> {
        let root = root.canonicalize()?;
        let meta = fs::metadata(&root)?;
        if !meta.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "the root is no directory"));
        }
        let slots = slots_of(&root)?;
        let id = identity(&root, &meta, &random_id(&slots)?);
        let state = home.join("anchord").join(id);
        make_private(&state)?;
        Ok(Place { root, state, slots })
    }

    /// Takes the lock of the root, which lies beside the slots: whoever would
    /// swap files with them needs it, with whatever state. It goes with the file,
    /// and with the process.
    ///
    /// # Errors
    /// `Taken` where another process holds it, `Elsewhere` where that has its
    /// state in another place than this.
    pub fn lock(&self) -> Result<fs::File, DaemonError> {
        let path = self.slots.join("lock");
        write_once(&path, "")?;
        // Not open for writing, or the file system could not be made read-only.
        let lock = fs::File::options().read(true).open(&path)?;
        let ours = self.state.as_os_str().as_bytes();
        match lock.try_lock() {
            Ok(()) => {
                // Only a hint for others, so it may as well not be written.
                let hint = fs::File::options().write(true).truncate(true).open(&path);
                let _no_hint = hint.and_then(|mut hint| hint.write_all(ours));
                Ok(lock)
            }
            Err(fs::TryLockError::WouldBlock) => {
                let mut theirs = Vec::new();
                (&lock).take(LONGEST_PATH).read_to_end(&mut theirs)?;
                match theirs.is_empty() || theirs == ours {
                    true => Err(DaemonError::Taken),
                    false => Err(DaemonError::Elsewhere(OsString::from_vec(theirs).into())),
                }
            }
            Err(fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Returns the path of the daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.state.join("socket")
    }
}

/// Returns the nearest directory at or above `from` that a version-control
/// system calls its root, else `from` itself.
pub fn nearest_root(from: &Path) -> PathBuf {
    let is_root = |directory: &&Path| {
        [".git", ".hg", ".jj", ".svn"].iter().any(|name| directory.join(name).exists())
    };
    from.ancestors().find(is_root).unwrap_or(from).to_owned()
}

/// Returns the slot directory: `anchord` in the real git directory, if that is
/// on the same mount, else `.anchord` in the root with its own ignore file. A
/// root that was served before it had a git directory stays with the latter.
fn slots_of(root: &Path) -> io::Result<PathBuf> {
    let beside = root.join(".anchord");
    if was_used(&beside) {
        return Ok(beside);
    }
    let mount = mount_of(root)?;
    let in_git = git_directory(root).filter(|git| {
        fs::metadata(git).is_ok_and(|meta| meta.is_dir() && is_ours(&meta))
            && mount_of(git).is_ok_and(|other| other == mount)
    });
    if let Some(git) = in_git {
        let slots = git.join("anchord");
        make_private(&slots)?;
        return Ok(slots);
    }
    make_private(&beside)?;
    write_once(&beside.join(".gitignore"), "*\n")?;
    Ok(beside)
}

/// Returns whether a directory is one of ours that has been a root's slot
/// directory; version control brings none that only we can enter.
fn was_used(slots: &Path) -> bool {
    fs::symlink_metadata(slots).is_ok_and(|meta| {
        meta.is_dir() && is_ours(&meta) && meta.mode() & 0o077 == 0 && slots.join("root").exists()
    })
}

/// Returns what tells one mount from another: device and number. One file system
/// may be mounted in several places, and names can be exchanged within one only.
fn mount_of(directory: &Path) -> io::Result<(u32, u32, u64)> {
    let stat = statx(CWD, directory, AtFlags::empty(), StatxFlags::MNT_ID)?;
    Ok((stat.stx_dev_major, stat.stx_dev_minor, stat.stx_mnt_id))
}

/// Returns the git directory of a root: `.git` itself, or where the file `.git`
/// of a worktree or submodule points.
#[expect(clippy::disallowed_methods, reason = "a pointer of git's, read before the root is served")]
fn git_directory(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    let meta = fs::symlink_metadata(&git).ok()?;
    if meta.is_dir() {
        return Some(git);
    }
    if !meta.is_file() || meta.len() > 4096 {
        return None;
    }
    let text = fs::read_to_string(&git).ok()?;
    let target = text.strip_prefix("gitdir:")?.trim();
    root.join(target).canonicalize().ok()
}

#[expect(clippy::disallowed_methods, reason = "a file of ours, read before the root is served")]
fn random_id(slots: &Path) -> io::Result<String> {
    let path = slots.join("root");
    let mut bits = [0; 16];
    fill_random(&mut bits)?;
    let fresh: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    if fs::metadata(&path).is_ok_and(|meta| meta.len() != fresh.len() as u64) {
        // Nothing that we wrote whole: it would be the id of many roots.
        rustix::fs::unlink(&path)?;
    }
    write_once(&path, &fresh)?;
    fs::read_to_string(path)
}

/// Returns the id of a root. A copy of it, on another file system too, is another
/// root. The number of a device may be another one after a new start of the system,
/// and what a loss of power left behind must be found then: the file system's own id
/// is used where there is one.
fn identity(root: &Path, meta: &fs::Metadata, random: &str) -> String {
    let system = statvfs(root).map(|system| system.f_fsid).ok().filter(|id| *id != 0);
    let mut hasher = Hasher::default();
    hasher.update(&system.unwrap_or(meta.dev()).to_le_bytes());
    hasher.update(&meta.ino().to_le_bytes());
    hasher.update(random.as_bytes());
    hasher.finish().to_hex()[..16].to_owned()
}

/// Writes a file that is not there yet, for good; one that is there stays. Were
/// the id of a root lost with the power, so would be all that is known of it.
fn write_once(path: &Path, text: &str) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    // Two processes may come here at once: the first whole file wins.
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    let mut file = fs::File::options().write(true).create(true).truncate(true).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    let _gone = rustix::fs::unlink(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => path.parent().map_or(Ok(()), flush_directory),
    }
}

/// Makes the names in a directory survive a loss of power.
#[expect(clippy::disallowed_methods, reason = "a directory of ours, or one that holds it")]
fn flush_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

/// Makes a directory that only we can enter, with its parents.
fn make_private(path: &Path) -> io::Result<()> {
    if !path.exists() {
        let there = path.ancestors().skip(1).find(|parent| parent.exists());
        let there = there.map(Path::to_owned);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        for parent in path.ancestors().skip(1) {
            flush_directory(parent)?;
            if there.as_deref() == Some(parent) {
                break;
            }
        }
    }
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() || !is_ours(&meta) {
        let text = format!("{} is not a directory of ours", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    if meta.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn is_ours(meta: &fs::Metadata) -> bool {
    meta.uid() == rustix::process::geteuid().as_raw()
}
