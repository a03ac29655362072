//! File systems in files, mounted for a test alone.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use rustix::mount::{UnmountFlags, unmount};

use crate::mounts::{Mount, alone};

/// The size of a file system in a file, in bytes; xfs takes no less than 300 MB.
/// Of the file, only what is used takes room.
const IMAGE_BYTES: u64 = 400 << 20;

/// Makes a file system of a kind in a file and mounts it at `at`, for this thread
/// and what it starts; `None` where we may not, or its tools are not there.
pub(crate) fn mount_new(kind: &str, at: &Path, image: &Path) -> Option<Mount> {
    let made = make(kind, image).and_then(|()| mount(at, image));
    made.inspect_err(|why| println!("left out: no {kind} of our own: {why}")).ok()
}

/// Makes a file system of a kind in a file.
pub(crate) fn make(kind: &str, image: &Path) -> Result<(), String> {
    let file = File::create(image).map_err(|error| error.to_string())?;
    file.set_len(IMAGE_BYTES).map_err(|error| error.to_string())?;
    said(Command::new(format!("mkfs.{kind}")).arg("-q").arg(image))
}

/// Mounts a file system that was made in a file.
pub(crate) fn mount(at: &Path, image: &Path) -> Result<Mount, String> {
    alone().map_err(|error| error.to_string())?;
    said(Command::new("mount").args(["-o", "loop"]).arg(image).arg(at))?;
    Ok(Mount { at: at.to_owned() })
}

/// Takes a file system off, wholly, so that nothing of it stays in memory.
pub(crate) fn take_off(mount: Mount) -> Result<(), String> {
    let mut tries = 0;
    loop {
        match unmount(&mount.at, UnmountFlags::empty()) {
            Ok(()) => return Ok(()),
            // A process that was killed lets go of its files only by and by.
            Err(rustix::io::Errno::BUSY) if tries < 2000 => tries += 1,
            Err(error) => return Err(error.to_string()),
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Runs a command; what it said is the error.
fn said(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
