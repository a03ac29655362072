//! Losses of power on real file systems: at a call the file system stops writing
//! to its disk, as it does when the power goes (an ioctl of ext4 and XFS), the
//! daemon is killed, and what the disk holds is mounted anew.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use crate::deaths::{AFTERWARDS, stride};
use crate::images;
use crate::mounts::Mount;
use crate::rig::{Rig, Verdict, Watch};
use crate::scenes::{SAVES, SCENES, Save, Scene, furnish};
use crate::world::World;

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
        let mut rig = Rig::around(daemon.pid().as_raw_nonzero().get(), watch);
        let answered = act.ask(&mut client);
        let saved = save.filter(|_| answered).map(|save| act.save(&world, save, cuts));
        if answered {
            std::thread::sleep(AFTERWARDS);
        }
        let died = rig.has_ended();
        if !died {
            shut_down(&File::open(&disk.at).unwrap()).unwrap();
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
