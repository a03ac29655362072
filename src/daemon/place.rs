//! The place of a root: where its state and its slots lie, and who it is.
//!
//! State lies outside the tree, where a hostile repository cannot forge it and
//! secrets do not travel; slots lie on the root's own file system, because only
//! there can names be exchanged. A root is known by its device, its inode and a
//! random id beside the slots, so that a copied root starts fresh.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use engine::hash::Hasher;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use crate::state::fill_random;

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
        let id = identity(&meta, &random_id(&slots)?);
        let state = home.join("anchord").join(id);
        make_private(&state)?;
        Ok(Place { root, state, slots })
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
/// on the same mount, else `.anchord` in the root with its own ignore file.
fn slots_of(root: &Path) -> io::Result<PathBuf> {
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
    let slots = root.join(".anchord");
    make_private(&slots)?;
    write_once(&slots.join(".gitignore"), "*\n")?;
    Ok(slots)
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
    write_once(&path, &fresh)?;
    fs::read_to_string(path)
}

fn identity(meta: &fs::Metadata, random: &str) -> String {
    let mut hasher = Hasher::default();
    hasher.update(&meta.dev().to_le_bytes());
    hasher.update(&meta.ino().to_le_bytes());
    hasher.update(random.as_bytes());
    hasher.finish().to_hex()[..16].to_owned()
}

/// Writes a file that is not there yet; one that is there stays.
fn write_once(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    if path.exists() {
        return Ok(());
    }
    // Two processes may come here at once: the first whole file wins.
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&draft)?
        .write_all(text.as_bytes())?;
    let linked = fs::hard_link(&draft, path);
    let _gone = rustix::fs::unlink(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Makes a directory that only we can enter, with its parents.
fn make_private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
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
