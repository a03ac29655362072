//! The disk in all its ways: with everything Linux offers, with less and less of
//! it, and as other systems have it. All must do the same, and say how well.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "a test plays the programs that do not know us")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::linux::{Facilities, OsFs};
use super::portable::PortableFs;
use crate::hash::ContentHash;
use crate::store::{Cas, Expected, Fs, FsError, Like, RelPath, Slot};

pub(super) fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a plain path")
}

/// A root with its slots, and a file system of each kind over it.
pub(super) struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    fn new() -> Disk {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        fs::create_dir(directory.path().join("slots")).unwrap();
        Disk { directory }
    }

    pub(super) fn at(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.at("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at("root").join(name)).unwrap()
    }
}

/// Runs a check on each kind of file system; the name of the kind and how well it
/// swaps come with it.
#[track_caller]
pub(super) fn check(run: impl Fn(&str, Cas, &Disk, &dyn Fs)) {
    let all = Facilities::default();
    let kinds = [
        ("all", Cas::Strict, all),
        ("walking", Cas::Strict, Facilities { beneath: false, ..all }),
        ("no leases", Cas::Weak, Facilities { leases: false, ..all }),
        ("no exchange", Cas::Weak, Facilities { exchange: false, ..all }),
        (
            "nothing",
            Cas::Weak,
            Facilities { beneath: false, leases: false, ..Facilities { exchange: false, ..all } },
        ),
    ];
    for (name, cas, facilities) in kinds {
        let disk = Disk::new();
        let fs = OsFs::open_with(&disk.at("root"), &disk.at("slots"), "p", facilities).unwrap();
        assert_eq!(fs.facilities(), facilities);
        run(name, cas, &disk, &fs);
    }
    let disk = Disk::new();
    let fs = PortableFs::open(&disk.at("root"), &disk.at("slots"), "p").unwrap();
    run("portable", Cas::Weak, &disk, &fs);
}

/// Returns a slot that holds `text`, made like `like`.
#[track_caller]
fn staged(fs: &dyn Fs, like: Option<&str>, text: &str) -> Slot {
    let like = like.map(path);
    let slot = fs.slot_for(1, 0, &like.clone().unwrap_or_else(|| path("new"))).unwrap();
    fs.stage(&slot, like.as_ref().map(Like::File), text.as_bytes()).unwrap();
    slot
}

#[test]
fn a_file_is_swapped_if_it_holds_what_is_expected() {
    check(|kind, cas, disk, fs| {
        disk.write("d/f", "one");
        let slot = staged(fs, Some("d/f"), "two");
        let swap =
            |expected: &str| fs.exchange(&slot, &path("d/f"), Expected::Bytes(expected.as_bytes()));
        for wrong in ["on", "onee", "ONE", ""] {
            assert!(matches!(swap(wrong), Err(FsError::Changed)), "{kind}");
        }
        assert_eq!(disk.text("d/f"), "one", "{kind}");
        assert_eq!(swap("one").unwrap(), cas, "{kind}");
        assert_eq!(disk.text("d/f"), "two", "{kind}");
        assert_eq!(fs.read_slot(&slot, 99).unwrap(), b"one", "{kind}");
        assert_eq!(fs.slot_hash(&slot).unwrap(), ContentHash::of(b"one"), "{kind}");
        // And back again, by the digest.
        let back = fs.exchange(&slot, &path("d/f"), Expected::Hash(ContentHash::of(b"two")));
        assert_eq!((back.unwrap(), disk.text("d/f").as_str()), (cas, "one"), "{kind}");
        assert_eq!(fs.slots(&[]).unwrap(), [(slot.clone(), 3)], "{kind}");
        assert!(matches!(fs.retire(&slot, ContentHash::of(b"one")), Err(FsError::Changed)));
        fs.retire(&slot, ContentHash::of(b"two")).unwrap();
        assert!(matches!(fs.read_slot(&slot, 99), Err(FsError::Missing)), "{kind}");
        fs.discard(&slot).unwrap();
    });
}

#[test]
fn names_are_given_only_where_they_are_free() {
    check(|kind, _, disk, fs| {
        disk.write("taken", "theirs");
        let slot = staged(fs, None, "new");
        assert!(matches!(fs.place(&slot, &path("taken")), Err(FsError::Exists)), "{kind}");
        assert_eq!(fs.place(&slot, &path("a/b/made")).unwrap(), 2, "{kind}");
        assert_eq!(disk.text("a/b/made"), "new", "{kind}");
        let expected = Expected::Bytes(b"new");
        let moved = fs.rename(&path("a/b/made"), &path("taken"), expected);
        assert!(matches!(moved, Err(FsError::Exists)), "{kind}: {moved:?}");
        let (_, made) = fs.rename(&path("a/b/made"), &path("c/moved"), expected).unwrap();
        assert_eq!((made, disk.text("c/moved").as_str()), (1, "new"), "{kind}");
        fs.prune(&path("a/b/made"), 2);
        assert!(!disk.at("root/a").exists(), "{kind}");
        let wrong = fs.take(&path("c/moved"), &slot, Expected::Bytes(b"old"));
        assert!(matches!(wrong, Err(FsError::Changed)), "{kind}: {wrong:?}");
        fs.take(&path("c/moved"), &slot, expected).unwrap();
        assert!(!disk.at("root/c/moved").exists(), "{kind}");
        assert_eq!(fs.read_slot(&slot, 99).unwrap(), b"new", "{kind}");
        fs.sync_slots(&[&slot, &slot]).unwrap();
        fs.sync_names(&[&path("c/moved"), &path("gone/too"), &path("taken")], &[&slot]).unwrap();
    });
}

#[test]
fn a_slot_that_a_death_left_is_in_nobodys_way() {
    check(|kind, _, disk, fs| {
        disk.write("f", "one");
        staged(fs, Some("f"), "stray");
        let slot = staged(fs, Some("f"), "two");
        assert_eq!(fs.read_slot(&slot, 99).unwrap(), b"two", "{kind}");
        fs.take(&path("f"), &slot, Expected::Bytes(b"one")).unwrap();
        assert_eq!(fs.read_slot(&slot, 99).unwrap(), b"one", "{kind}");
    });
}

#[test]
fn paths_lead_where_links_lead_but_never_out() {
    check(|kind, _, disk, fs| {
        disk.write("real/f", "x");
        fs::write(disk.at("secret"), "secret").unwrap();
        let root = disk.at("root");
        let link = |to: &str, name: &str| symlink(to, root.join(name)).unwrap();
        link("real/f", "link");
        link("real", "dir");
        link("../link", "real/up");
        link("nowhere", "dangling");
        link("loop", "loop");
        link("../secret", "out");
        link("..", "above");
        link(disk.at("secret").to_str().unwrap(), "absolute");
        for (name, real) in [
            ("link", "real/f"),
            ("dir/f", "real/f"),
            ("dir/up", "real/f"),
            ("dir/new", "real/new"),
            ("dir/deep/new", "real/deep/new"),
            ("real/f", "real/f"),
            ("not/there", "not/there"),
        ] {
            let found = fs.resolve(&path(name));
            assert_eq!(found.map_err(|e| e.to_string()), Ok(path(real)), "{kind}: {name}");
        }
        for name in ["loop", "out", "above/secret", "absolute", "above", "dangling"] {
            let found = fs.resolve(&path(name));
            assert!(found.is_err(), "{kind}: {name}: {found:?}");
            assert!(fs.read(&path(name), 99).is_err(), "{kind}: {name}");
        }
        // What is resolved is resolved: no link is followed any more.
        assert!(fs.read(&path("link"), 99).is_err(), "{kind}");
        assert!(fs.stamp(&path("link")).is_err(), "{kind}");
        assert!(fs.check_writable(&path("link")).is_err(), "{kind}");
    });
}

#[test]
fn what_a_file_is_besides_its_bytes_stays_or_is_refused() {
    check(|kind, _, disk, fs| {
        disk.write("f", "one");
        let at = disk.at("root").join("f");
        fs::set_permissions(&at, fs::Permissions::from_mode(0o751)).unwrap();
        let slot = staged(fs, Some("f"), "two");
        fs.exchange(&slot, &path("f"), Expected::Bytes(b"one")).unwrap();
        assert_eq!(fs::metadata(&at).unwrap().mode() & 0o7777, 0o751, "{kind}");
        // One that comes after it was displaced is made like what was displaced.
        let again = fs.slot_for(2, 0, &path("f")).unwrap();
        fs.stage(&again, Some(Like::Slot(&slot)), b"three").unwrap();
        fs.place(&again, &path("again")).unwrap();
        let mode = |name: &str| fs::metadata(disk.at("root").join(name)).unwrap().mode() & 0o7777;
        assert_eq!((disk.text("again").as_str(), mode("again")), ("three", 0o751), "{kind}");
        fs.discard(&slot).unwrap();
        fs.stage(&again, Some(Like::Slot(&slot)), b"four").unwrap();
        fs.place(&again, &path("plain")).unwrap();
        assert_eq!(mode("plain") & 0o111, 0, "{kind}: nobody is left to tell");
        fs::hard_link(&at, disk.at("root").join("second")).unwrap();
        assert!(matches!(fs.check_writable(&path("f")), Err(FsError::Attribute(_))), "{kind}");
        disk.write("d/f", "one");
        assert!(matches!(fs.read(&path("d"), 99), Err(FsError::NotAFile(_))), "{kind}");
        let read = fs.read(&path("d/f"), 2);
        assert!(matches!(read, Err(FsError::TooLarge { size: 3, limit: 2 })), "{kind}: {read:?}");
        let (bytes, stamp) = fs.read(&path("d/f"), 3).unwrap();
        assert_eq!((bytes, stamp), (b"one".to_vec(), fs.stamp(&path("d/f")).unwrap()), "{kind}");
    });
}

/// Where names cannot be exchanged, a file has a second name while it is replaced.
/// A death may come before or after the slot has become the file.
#[test]
fn a_replacement_that_a_death_cut_short_is_ended() {
    check(|kind, _, disk, fs| {
        if !matches!(kind, "no exchange" | "nothing" | "portable") {
            return;
        }
        disk.write("f", "one");
        let slot = staged(fs, Some("f"), "two");
        let (at, slots) = (disk.at("root/f"), disk.at("slots"));
        let (staged, kept) = (slots.join(&slot.name), slots.join(format!("{}.kept", slot.name)));
        fs::hard_link(&at, &kept).unwrap();
        assert_eq!(fs.read_slot(&slot, 99).unwrap(), b"two", "{kind}");
        assert_eq!(links(&at), 1, "{kind}");
        fs::hard_link(&at, &kept).unwrap();
        fs::rename(&staged, &at).unwrap();
        assert_eq!(fs.read_slot(&slot, 99).unwrap(), b"one", "{kind}");
        assert_eq!((disk.text("f").as_str(), links(&at), kept.exists()), ("two", 1, false));
    });
}

fn links(path: &Path) -> u64 {
    fs::metadata(path).unwrap().nlink()
}
