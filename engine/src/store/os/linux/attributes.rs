//! What a file has besides its bytes: mode, owner, group, ACL, extended
//! attributes, links. A replacement gets all of it, or is refused.

use std::ffi::{CStr, CString};
use std::fs::File;

use rustix::fs::{self, Gid, Mode, Stat, Uid, XattrFlags};
use rustix::io::Errno;

use crate::store::FsError;

/// The most bytes that the names of a file's attributes can have; the kernel
/// gives no more.
const LIST_BYTES: usize = 64 * 1024;

/// Refuses a file whose links or permissions speak against replacing it.
pub(super) fn check_replaceable(stat: &Stat) -> Result<(), FsError> {
    if stat.st_nlink > 1 {
        let text = format!("the file has {} hard links, which an edit would part", stat.st_nlink);
        return Err(FsError::Attribute(text));
    }
    if stat.st_mode & 0o222 == 0 {
        let text = format!("the file is read-only (mode {:04o})", stat.st_mode & 0o7777);
        return Err(FsError::Denied(text));
    }
    Ok(())
}

/// Gives `copy` the attributes of `original`.
///
/// # Errors
/// `Attribute`, naming the first one that could not be given.
pub(super) fn copy(original: &File, stat: &Stat, copy: &File) -> Result<(), FsError> {
    let have = fs::fstat(copy).map_err(|error| lost("its owner", error))?;
    if (have.st_uid, have.st_gid) != (stat.st_uid, stat.st_gid) {
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        fs::fchown(copy, Some(uid), Some(gid))
            .map_err(|error| lost("its owner and group", error))?;
    }
    // After the owner, since a change of owner takes set-user-id bits away.
    if have.st_mode & 0o7777 != stat.st_mode & 0o7777 || have.st_uid != stat.st_uid {
        let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
        fs::fchmod(copy, mode).map_err(|error| lost("its mode", error))?;
    }
    copy_extended(original, copy)
}

fn copy_extended(original: &File, copy: &File) -> Result<(), FsError> {
    let about = |name: &CStr| format!("its attribute {}", name.to_string_lossy());
    let wanted = list(original)?;
    for name in &wanted {
        let value = get(original, name).map_err(|error| lost(&about(name), error))?;
        if get(copy, name).is_ok_and(|have| have == value) {
            continue;
        }
        let set = fs::fsetxattr(copy, name.as_c_str(), &value, XattrFlags::empty());
        set.map_err(|error| lost(&about(name), error))?;
    }
    // An access list that the copy got from its directory is none of the file's.
    for name in list(copy)?.iter().filter(|name| !wanted.contains(name)) {
        let removed = fs::fremovexattr(copy, name.as_c_str());
        removed.map_err(|error| lost(&format!("the lack of {}", about(name)), error))?;
    }
    Ok(())
}

/// Returns the names of the attributes; none where the file system knows none.
fn list(file: &File) -> Result<Vec<CString>, FsError> {
    let mut names = vec![0; 256];
    let size = loop {
        match fs::flistxattr(file, &mut names[..]) {
            Ok(size) => break size,
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            Err(Errno::RANGE) if names.len() < LIST_BYTES => names.resize(names.len() * 4, 0),
            Err(error) => return Err(lost("its extended attributes", error)),
        }
    };
    let names = names[..size].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.filter_map(|name| CString::new(name).ok()).collect())
}

fn get(file: &File, name: &CStr) -> Result<Vec<u8>, Errno> {
    // An empty buffer asks for nothing, whatever the size.
    let mut value = vec![0; fs::fgetxattr_query(file, name)?];
    let size = fs::fgetxattr(file, name, &mut value[..])?;
    value.truncate(size);
    Ok(value)
}

fn lost(what: &str, error: Errno) -> FsError {
    let error = std::io::Error::from(error);
    FsError::Attribute(format!("{what} could not be kept: {error}"))
}
