//! Other programs at the very moment for which a safeguard of the swap is there.
//!
//! Nothing is left to luck. The bytes that the file is held against lie in memory
//! that cannot be read at first: the swap stops there, with the lease taken and
//! the names not yet exchanged, until the other program has done its part. In a
//! build with the feature `mutants` each schedule is also run without its
//! safeguard, which must be noticed.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "a test plays the programs that do not know us")]

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use super::linux::{Facilities, OsFs, Safeguard};
use crate::store::{Cas, Expected, Fs, FsError, Like, RelPath, Slot};

/// The bytes of the file: whole pages, however large these are.
const SIZE: usize = 64 << 10;

/// Says what is wrong if the promise is broken.
type Schedule = fn(Facilities) -> Result<(), String>;

const SCHEDULES: [(Safeguard, Schedule); 5] = [
    (Safeguard::Lease, a_writer_has_the_file_open),
    (Safeguard::WholeLease, a_writer_opens_the_file_meanwhile),
    (Safeguard::Displaced, a_saver_renames_over_the_file_meanwhile),
    (Safeguard::FreeName, a_name_is_taken),
    (Safeguard::NameFlush, a_directory_cannot_be_flushed),
];

#[test]
fn no_save_is_lost_at_the_moments_that_matter() {
    for (safeguard, schedule) in SCHEDULES {
        assert_eq!(schedule(Facilities::default()), Ok(()), "{safeguard:?}");
    }
}

#[cfg(feature = "mutants")]
#[test]
fn each_safeguard_is_missed_where_it_is_left_out() {
    for (safeguard, schedule) in SCHEDULES {
        let without = Facilities { lacks: Some(safeguard), ..Facilities::default() };
        let noticed = schedule(without);
        println!("{safeguard:?}: {noticed:?}");
        assert!(noticed.is_err(), "{safeguard:?} is not missed");
    }
}

/// Where the gate lies, and how it stands.
static PLACE: AtomicUsize = AtomicUsize::new(0);
static REACHED: AtomicBool = AtomicBool::new(false);
static OPEN: AtomicBool = AtomicBool::new(false);
static ONE: Mutex<()> = Mutex::new(());

/// Bytes that nobody can read until they are let go: who tries waits. There is
/// one at a time.
struct Gate {
    place: *mut libc::c_void,
    _one: MutexGuard<'static, ()>,
}

impl Gate {
    fn before(bytes: &[u8; SIZE]) -> Gate {
        static HANDLER: Once = Once::new();
        HANDLER.call_once(wait_at_the_gate);
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: a new mapping of our own, which is filled before it is shut.
        #[expect(unsafe_code, reason = "no safe wrapper of mmap and mprotect exists")]
        let place = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let place = libc::mmap(std::ptr::null_mut(), SIZE, access, flags, -1, 0);
            assert_ne!(place, libc::MAP_FAILED);
            place.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), SIZE);
            assert_eq!(libc::mprotect(place, SIZE, libc::PROT_NONE), 0);
            place
        };
        REACHED.store(false, Ordering::SeqCst);
        OPEN.store(false, Ordering::SeqCst);
        PLACE.store(place as usize, Ordering::SeqCst);
        Gate { place, _one: one }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is as long, is filled, and lives as long as we.
        #[expect(unsafe_code, reason = "the bytes lie in a mapping")]
        unsafe {
            std::slice::from_raw_parts(self.place.cast::<u8>(), SIZE)
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        PLACE.store(0, Ordering::SeqCst);
        // SAFETY: the mapping is ours, and nobody borrows it any more.
        #[expect(unsafe_code, reason = "no safe wrapper of munmap exists")]
        unsafe {
            libc::munmap(self.place, SIZE);
        }
    }
}

/// Lets every reader of the gate wait until it is open.
fn wait_at_the_gate() {
    extern "C" fn wait(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel gives what it says; all that is called here may be
        // called in a handler.
        #[expect(unsafe_code, reason = "a handler of a signal")]
        unsafe {
            let (place, at) = (PLACE.load(Ordering::SeqCst), (*info).si_addr() as usize);
            if place == 0 || !(place..place + SIZE).contains(&at) {
                // A fault of somebody else, who meets it once more.
                libc::signal(signal, libc::SIG_DFL);
                return;
            }
            REACHED.store(true, Ordering::SeqCst);
            let little = libc::timespec { tv_sec: 0, tv_nsec: 100_000 };
            while !OPEN.load(Ordering::SeqCst) {
                libc::nanosleep(&little, std::ptr::null_mut());
            }
            libc::mprotect(place as *mut libc::c_void, SIZE, libc::PROT_READ);
        }
    }
    // SAFETY: the handler has the form that SA_SIGINFO asks for.
    #[expect(unsafe_code, reason = "no safe wrapper of sigaction exists")]
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = wait as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()), 0);
    }
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a plain path")
}

/// A root with a file `f`, and a slot that holds what is to take its place.
struct Scene {
    directory: tempfile::TempDir,
    fs: OsFs,
    slot: Slot,
}

static OLD: [u8; SIZE] = [b'o'; SIZE];

impl Scene {
    fn new(facilities: Facilities) -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("root")).unwrap();
        fs::create_dir(at("slots")).unwrap();
        fs::write(at("root/f"), OLD).unwrap();
        let fs = OsFs::open_with(&at("root"), &at("slots"), "p", facilities).unwrap();
        let slot = fs.slot_for(1, 0, &path("f")).unwrap();
        fs.stage(&slot, Some(Like::File(&path("f"))), b"new").unwrap();
        Scene { directory, fs, slot }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join("root").join(name)
    }

    /// Says what is wrong if the file does not begin with what another program
    /// wrote, or the swap did not give way to it.
    fn judge(&self, swapped: &Result<Cas, FsError>) -> Result<(), String> {
        let bytes = fs::read(self.at("f")).unwrap();
        let found = String::from_utf8_lossy(&bytes[..bytes.len().min(7)]);
        match (&*found, swapped) {
            ("outside", Err(FsError::Busy | FsError::Changed)) => Ok(()),
            _ => Err(format!("{swapped:?}, and the file begins with {found:?}")),
        }
    }

    /// Swaps the file. Once it is leased, and before the names are exchanged,
    /// another program does `during`; `after` it does when the swap goes on.
    fn swap_while(
        &self,
        during: impl FnOnce() + Send,
        after: impl FnOnce() + Send,
    ) -> Result<Cas, FsError> {
        let gate = Gate::before(&OLD);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !REACHED.load(Ordering::SeqCst) && !over.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_micros(100));
                }
                // Whatever becomes of the other program, the swap must go on.
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(during));
                OPEN.store(true, Ordering::SeqCst);
                done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                after();
            });
            let swapped = self.fs.exchange(&self.slot, &path("f"), Expected::Bytes(gate.bytes()));
            over.store(true, Ordering::SeqCst);
            swapped
        })
    }
}

/// A program had the file open before the swap, and writes to it afterwards.
fn a_writer_has_the_file_open(facilities: Facilities) -> Result<(), String> {
    let scene = Scene::new(facilities);
    let writer = fs::OpenOptions::new().write(true).open(scene.at("f")).unwrap();
    let swapped = scene.fs.exchange(&scene.slot, &path("f"), Expected::Bytes(&OLD));
    writer.write_all_at(b"outside", 0).unwrap();
    scene.judge(&swapped)
}

/// A program opens the file while it is compared, is held up by the lease, and
/// writes once it is let go.
fn a_writer_opens_the_file_meanwhile(facilities: Facilities) -> Result<(), String> {
    let scene = Scene::new(facilities);
    // It has found the file before the swap, as one has that waits in open(2).
    let found = fs::File::open(scene.at("f")).unwrap();
    let name = format!("/proc/self/fd/{}", found.as_raw_fd());
    let open = |flags| fs::OpenOptions::new().write(true).custom_flags(flags).open(&name);
    let swapped = scene.swap_while(
        || {
            let held_up = open(libc::O_NONBLOCK).map(|_| ()).map_err(|error| error.kind());
            assert_eq!(held_up, Err(ErrorKind::WouldBlock), "there is no lease");
        },
        || open(0).unwrap().write_all(b"outside").unwrap(),
    );
    scene.judge(&swapped)
}

/// A program saves by a rename while the file is compared, which breaks no lease.
fn a_saver_renames_over_the_file_meanwhile(facilities: Facilities) -> Result<(), String> {
    let scene = Scene::new(facilities);
    let (file, beside) = (scene.at("f"), scene.at("beside"));
    fs::write(&beside, "outside").unwrap();
    scene.judge(&scene.swap_while(|| fs::rename(&beside, &file).unwrap(), || {}))
}

/// A file is made, or moved, where another one stands.
fn a_name_is_taken(facilities: Facilities) -> Result<(), String> {
    let scene = Scene::new(facilities);
    fs::write(scene.at("taken"), "theirs").unwrap();
    let moved = scene.fs.rename(&path("f"), &path("taken"), Expected::Bytes(&OLD));
    let placed = scene.fs.place(&scene.slot, &path("taken"));
    let found = fs::read(scene.at("taken")).unwrap();
    match (&*found, &moved, &placed) {
        (b"theirs", Err(FsError::Exists), Err(FsError::Exists)) => Ok(()),
        _ => Err(format!("{moved:?}, {placed:?}, and {} bytes stand there", found.len())),
    }
}

/// A directory that knows no flush: asked for one, it says so, and so must we.
fn a_directory_cannot_be_flushed(facilities: Facilities) -> Result<(), String> {
    let slots = tempfile::tempdir().unwrap();
    let fs = OsFs::open_with(Path::new("/proc"), slots.path(), "p", facilities).unwrap();
    match fs.sync_names(&[&path("sys/name")], &[]) {
        Err(FsError::Io { action: "flush", .. }) => Ok(()),
        other => Err(format!("{other:?}, though no such flush can be done")),
    }
}
