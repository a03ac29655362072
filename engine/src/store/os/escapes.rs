//! Races of symlinks: while a directory and a file of the root change places with
//! symlinks that lead out of it, as fast as they can, nothing outside is read,
//! written, made, moved or removed, whatever the system offers.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "a test plays the program that means harm")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::tests::{Disk, check, path};
use crate::store::{Expected, Fs, FsError, RelPath, Slot};

/// How often every way is gone, on each kind of file system.
const TRIES: u64 = 300;

const SECRET: &[u8] = b"secret\n";
const MINE: &[u8] = b"mine\n";

/// Lets two names change places until it is over; returns how often they did.
fn change_places(root: &Path, over: &AtomicBool) -> u64 {
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        for (one, other) in [("d", "d-link"), ("g", "g-link")] {
            let (one, other) = (root.join(one), root.join(other));
            // One that is just being moved away is let be.
            let changed = renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE);
            count += u64::from(changed.is_ok());
        }
    }
    count
}

/// Ends the race, also where a check fails.
struct Race<'a>(&'a AtomicBool);

impl Drop for Race<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What is outside, and must stay as it is.
fn outside(disk: &Disk) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(disk.at("outside")).unwrap().map(Result::unwrap);
    let mut found: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap_or_default())
        })
        .collect();
    found.sort();
    found
}

/// Counts what led outside and was refused for that.
fn count<T>(result: Result<T, FsError>, refused: &AtomicU64) -> Option<T> {
    let is_outside = matches!(&result, Err(FsError::Outside | FsError::NotAFile(_)));
    refused.fetch_add(u64::from(is_outside), Ordering::Relaxed);
    result.ok()
}

/// Goes every way to a file once.
fn go_every_way(kind: &str, fs: &dyn Fs, file: &RelPath, made: &RelPath, refused: &AtomicU64) {
    let slot = |index: usize| Slot { beside: None, name: format!("p-1-{index}") };
    let secret = Expected::Bytes(SECRET);
    if let Some(real) = count(fs.resolve(file), refused) {
        assert!(!real.as_str().contains("outside"), "{kind}: {real}");
    }
    count(fs.stamp(file), refused);
    if let Some((bytes, _)) = count(fs.read(file, 99), refused) {
        assert_ne!(bytes, SECRET, "{kind}: read {file}");
    }
    fs.stage(&slot(0), None, MINE).unwrap();
    let swapped = count(fs.exchange(&slot(0), file, secret), refused);
    assert_eq!(swapped, None, "{kind}: exchanged {file}");
    let taken = count(fs.take(file, &slot(1), secret), refused);
    assert_eq!(taken, None, "{kind}: took {file}");
    let moved = count(fs.rename(file, made, secret), refused);
    assert_eq!(moved, None, "{kind}: moved {file}");
    if count(fs.place(&slot(0), made), refused).is_some() {
        // It lies in the root, where it was put, or where it has been moved since.
        let _moved_meanwhile = fs.take(made, &slot(0), Expected::Bytes(MINE));
    }
    let _not_there = fs.discard(&slot(0));
}

#[test]
fn no_race_of_symlinks_leads_out_of_the_root() {
    let (all, changes, refused) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    check(|kind, _, disk, fs| {
        fs::create_dir(disk.at("outside")).unwrap();
        fs::write(disk.at("outside/f"), SECRET).unwrap();
        disk.write("d/f", "mine\n");
        disk.write("g", "mine\n");
        let root = disk.at("root");
        symlink("../outside", root.join("d-link")).unwrap();
        symlink(disk.at("outside/f"), root.join("g-link")).unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let racer = scope.spawn(|| change_places(&root, &over));
            let race = Race(&over);
            for _ in 0..TRIES {
                go_every_way(kind, fs, &path("d/f"), &path("d/made/deep"), &refused);
                go_every_way(kind, fs, &path("g"), &path("d/made-too"), &refused);
                let found = outside(disk);
                assert_eq!(found, [("f".to_owned(), SECRET.to_vec())], "{kind}");
            }
            drop(race);
            changes.fetch_add(racer.join().unwrap(), Ordering::Relaxed);
        });
        all.fetch_add(TRIES * 16, Ordering::Relaxed);
    });
    let [all, changes, refused] = [all, changes, refused].map(AtomicU64::into_inner);
    assert!(refused > 0, "the race was never met");
    println!("races of symlinks: {all} tries, {changes} changes, {refused} refused, 0 escapes");
}
