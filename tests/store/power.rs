//! Losses of power on real file systems: at a call the file system stops writing
//! to its disk, as it does when the power goes (an ioctl of ext4 and XFS), the
//! daemon is killed, and what the disk holds is mounted anew.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::deaths::{AFTERWARDS, Clearing, ask_and_die, death_at, serve, start_watched, stride};
use crate::images;
use crate::mounts::Mount;
use crate::rig::{Call, Rig, Verdict, Watch};
use crate::scenes::{SAVES, SCENES, Save, Scene, furnish};
use crate::world::{World, wait_for};

/// How many calls lie between two losses of power; `ANCHORD_POINTS` says otherwise.
const STRIDE: u64 = 32;

/// Stops a file system without writing its log (`EXT4_IOC_SHUTDOWN`, and
/// `XFS_IOC_GOINGDOWN`, which is the same number).
const SHUTDOWN: libc::Ioctl = 0x8004_587d_u32 as libc::Ioctl;

/// The argument that says so.
const WITHOUT_LOG: u32 = 2;

/// A disk from which the power can be taken.
struct Disk {
    at: PathBuf,
    image: PathBuf,
    mount: Option<Mount>,
}

impl Disk {
    fn new(kind: &str, place: &Path) -> Option<Disk> {
        let [at, image] = [kind.to_owned(), format!("{kind}.image")].map(|name| place.join(name));
        std::fs::create_dir(&at).unwrap();
        let mount = images::mount_new(kind, &at, &image)?;
        let disk = Disk { at, image, mount: Some(mount) };
        match shut_down(&File::open(&disk.at).unwrap()) {
            Ok(()) => {}
            Err(error) => {
                println!("left out: no loss of power on {kind}: {error}");
                return None;
            }
        }
        Some(disk.again())
    }

    /// Takes the file system off and mounts it anew, as a start does.
    fn again(mut self) -> Disk {
        images::take_off(self.mount.take().unwrap()).unwrap();
        self.mount = Some(images::mount(&self.at, &self.image).unwrap());
        self
    }
}

fn shut_down(directory: &File) -> std::io::Result<()> {
    let how = WITHOUT_LOG;
    // SAFETY: the argument is a number that the kernel reads.
    #[expect(unsafe_code, reason = "no safe wrapper of this ioctl exists")]
    let result = unsafe { libc::ioctl(directory.as_raw_fd(), SHUTDOWN, &raw const how) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Takes the power, unless that was just done.
fn cut(disk: &Path) {
    let _gone_already = File::open(disk).and_then(|directory| shut_down(&directory));
}

/// One disk is cut at a time: XFS is known by the number of its device, which another
/// one could take while it is taken off and mounted anew.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a watch that takes the power at call number `at`, from 1.
fn cut_at(at: u64, disk: &Path) -> Watch {
    let disk = disk.to_owned();
    let mut seen = 0;
    Box::new(move |_, result| {
        seen += u64::from(result.is_none());
        if result.is_some() || seen != at {
            return Verdict::Go;
        }
        shut_down(&File::open(&disk).unwrap()).unwrap();
        Verdict::End
    })
}

/// Takes the power at every so many calls of a scene; returns how often.
fn cut_at_every_call(
    mut disk: Disk,
    scene: Scene,
    save: Option<Save>,
    first: u64,
) -> (Disk, usize) {
    let world = World::below(&disk.at);
    furnish(&world);
    // What there is at the beginning is there for certain.
    rustix::fs::syncfs(File::open(&disk.at).unwrap()).unwrap();
    let (mut at, mut cuts) = (first, 0);
    let mut daemon = world.serve_with(&["--durability", "full"]);
    let session = daemon.open().session.clone();
    loop {
        cuts += 1;
        let act = scene.prepare(&world, &mut daemon.resume(&session), cuts);
        let mut client = daemon.resume(&session);
        let watch = cut_at(at, &disk.at);
        let mut rig = Rig::around(daemon.pid().as_raw_nonzero().get(), Call::is_change, watch);
        let answered = act.ask(&mut client);
        let save = save.filter(|_| answered).map(|save| act.save(&world, save, cuts));
        // One that was told that it failed has not saved.
        let is_cut = rig.has_ended();
        let saved = save.and_then(|saved| match saved {
            Err(_) if is_cut => None,
            saved => Some(saved.unwrap()),
        });
        if answered {
            std::thread::sleep(AFTERWARDS);
        }
        let died = rig.has_ended();
        if !died {
            cut(&disk.at);
        }
        rig.strike();
        rig.wait();
        daemon.was_reaped();
        drop(client);
        disk = disk.again();
        daemon = world.serve_with(&["--durability", "full"]);
        act.check(&world, &daemon, &session, (answered, saved), true);
        if !died {
            assert!(answered, "a request that nothing stopped is answered");
            daemon.kill();
            return (disk, cuts);
        }
        at += stride(STRIDE);
    }
}

#[test]
fn a_loss_of_power_at_any_call_leaves_all_or_nothing() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let mut all = 0;
    for kind in ["ext4", "xfs"] {
        let Some(mut disk) = Disk::new(kind, place.path()) else { continue };
        for (number, scene) in SCENES.into_iter().enumerate() {
            for (other, save) in SAVES.into_iter().enumerate() {
                let first = 1 + (number * SAVES.len() + other * 5) as u64 % stride(STRIDE);
                let (same, cuts) = cut_at_every_call(disk, scene, save, first);
                println!("{kind}, {scene:?}, {save:?}: {cuts} losses of power");
                (disk, all) = (same, all + cuts);
            }
        }
    }
    println!("losses of power: {all}, 0 lost, 0 by halves");
}

/// The power goes in the recovery of what a death left behind, at every so many
/// calls of it; returns how often.
fn cut_in_the_recovery(mut disk: Disk, death: u64) -> (Disk, usize) {
    let world = World::below(&disk.at);
    furnish(&world);
    rustix::fs::syncfs(File::open(&disk.at).unwrap()).unwrap();
    let mut daemon = serve(&world);
    let session = daemon.open().session.clone();
    let mut cuts = 0;
    for at in (1 + death % stride(STRIDE)..).step_by(stride(STRIDE) as usize) {
        cuts += 1;
        let act = Scene::Mixed.prepare(&world, &mut daemon.resume(&session), cuts);
        let (answered, _, _) = ask_and_die(&world, daemon, &session, &act, None, death_at(death));
        let mut rig = start_watched(&world, Call::is_change, cut_at(at, &disk.at));
        wait_for("a start", || rig.has_ended() || rig.is_over() || world.is_served());
        let ended = rig.has_ended();
        if !ended {
            cut(&disk.at);
        }
        rig.strike();
        rig.wait();
        disk = disk.again();
        daemon = serve(&world);
        act.check(&world, &daemon, &session, (answered, None), true);
        if !ended {
            break;
        }
    }
    daemon.kill();
    (disk, cuts)
}

#[test]
fn a_loss_of_power_in_the_recovery_is_recovered_from() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let mut all = 0;
    for kind in ["ext4", "xfs"] {
        let Some(mut disk) = Disk::new(kind, place.path()) else { continue };
        // From before the first slot to after the commit.
        for death in (1..=40).step_by(stride(12) as usize) {
            let (same, cuts) = cut_in_the_recovery(disk, death);
            println!("{kind}, recovery from a death at call {death}: {cuts} losses of power");
            (disk, all) = (same, all + cuts);
        }
    }
    println!("losses of power in the recovery: {all}, 0 lost, 0 by halves");
}

#[test]
fn a_loss_of_power_while_old_slots_are_cleared_away() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let mut all = 0;
    for kind in ["ext4", "xfs"] {
        let Some(mut disk) = Disk::new(kind, place.path()) else { continue };
        for at in (3..).step_by(stride(STRIDE) as usize) {
            let world = World::below(&disk.at);
            furnish(&world);
            rustix::fs::syncfs(File::open(&disk.at).unwrap()).unwrap();
            let clearing = Clearing::watched(&world, cut_at(at, &disk.at), |rig| {
                if !rig.has_ended() {
                    cut(&disk.at);
                }
            });
            disk = disk.again();
            clearing.check(&world, true);
            all += 1;
            if !clearing.died {
                break;
            }
        }
    }
    println!("losses of power while slots are cleared away: {all}, 0 lost");
}

/// A file is removed, and another program puts it back once the slot is gone that
/// held it; then the power goes. That nothing is left to do of the removal was
/// flushed before its slot went, or a recovery would remove the file once more.
#[test]
fn a_loss_of_power_after_the_sweep_removes_nothing_once_more() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    for kind in ["ext4", "xfs"] {
        let Some(disk) = Disk::new(kind, place.path()) else { continue };
        let world = World::below(&disk.at);
        world.write("f", "one\n");
        rustix::fs::syncfs(File::open(&disk.at).unwrap()).unwrap();
        let limits = ["--limit", "slot_bytes=1", "--limit", "undo_seconds=0"];
        let arguments = [&["--durability", "full"], &limits[..]].concat();
        let daemon = world.serve_with(&arguments);
        let mut client = daemon.open();
        let name = client.handle("f");
        let removed = client.apply(json!([{"path": "f", "handle": name, "op": "remove"}]));
        assert_eq!(removed["status"], "applied", "{removed}");
        let slots = world.path(".anchord");
        let is_slot = |name: &str| name.split('-').count() == 3;
        wait_for("the slot to go", || {
            let entries = std::fs::read_dir(&slots).unwrap();
            !entries.into_iter().any(|entry| is_slot(entry.unwrap().file_name().to_str().unwrap()))
        });
        world.write("f", "one\n");
        for flushed in [world.path("f"), world.root.clone()] {
            File::open(flushed).unwrap().sync_all().unwrap();
        }
        shut_down(&File::open(&disk.at).unwrap()).unwrap();
        daemon.kill();
        drop(client);
        let _disk = disk.again();
        let daemon = world.serve_with(&arguments);
        assert_eq!(world.tree().keys().collect::<Vec<_>>(), ["f"], "{kind}");
        daemon.kill();
    }
}
