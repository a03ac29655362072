//! The minimal program: read, hash, check, index, splice, write, rename. And the
//! least that a transaction over several files can be on a disk.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Instant;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::clock::thread_ms;

/// Returns the CPU time of one edit, in milliseconds, on average.
pub(crate) fn edits(root: &Path, lines: usize, repeats: usize) -> f64 {
    let path = root.join("f.rs");
    edit(&path, lines / 2, "a line to warm up\n");
    let before = thread_ms();
    for repeat in 0..repeats {
        edit(&path, lines / 2, &format!("let edited = {repeat};\n"));
    }
    (thread_ms() - before) / repeats as f64
}

fn edit(path: &Path, line: usize, text: &str) {
    let bytes = std::fs::read(path).expect("the file");
    let hash = blake3::hash(&bytes);
    assert!(std::str::from_utf8(&bytes).is_ok());
    let starts: Vec<u32> = memchr::memchr_iter(b'\n', &bytes).map(|at| at as u32 + 1).collect();
    let (from, to) = (starts[line - 1] as usize, starts[line] as usize);
    let mut after = Vec::with_capacity(bytes.len() + text.len());
    after.extend_from_slice(&bytes[..from]);
    after.extend_from_slice(text.as_bytes());
    after.extend_from_slice(&bytes[to..]);
    let second = path.with_extension("new");
    std::fs::write(&second, &after).expect("a second file");
    std::fs::rename(&second, path).expect("a rename");
    std::hint::black_box(hash);
}

/// Returns how long it takes, in milliseconds, to replace files for good and at
/// once: new bytes are flushed together with a note in a log, names exchanged, and
/// directories flushed together with another note. Nothing is read or compared.
pub(crate) fn transaction(root: &Path, log: &File, names: &[String], content: &[u8]) -> f64 {
    let slots = root.join("slots");
    std::fs::create_dir_all(&slots).expect("a directory for new files");
    let begun = Instant::now();
    let note = vec![b'n'; 4096 * names.len()];
    let new = |name: &String| {
        let mut file = File::create(slots.join(name)).expect("a new file");
        file.write_all(content).expect("its bytes");
        file
    };
    let mut all: Vec<File> = names.iter().map(new).collect();
    all.iter().for_each(begin);
    let open = |path: &Path| File::open(path).expect("a directory");
    all.push(open(&slots));
    flush(&all, log, &note);
    for name in names {
        let (slot, path) = (slots.join(name), root.join(name));
        renameat_with(CWD, slot, CWD, path, RenameFlags::EXCHANGE).expect("an exchange");
    }
    flush(&[open(&slots), open(root)], log, &note);
    let time = begun.elapsed().as_secs_f64() * 1e3;
    std::fs::remove_dir_all(&slots).expect("the old files");
    time
}

/// Lets the disk begin with the bytes of a file, so that one entry of the file
/// system's log takes all of them.
fn begin(file: &File) {
    // SAFETY: the call takes a descriptor and numbers, and touches no memory.
    #[expect(unsafe_code, reason = "no safe wrapper of sync_file_range exists")]
    let _the_flush_tells =
        unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// Flushes all at once, with a note that goes into the log.
fn flush(all: &[File], mut log: &File, note: &[u8]) {
    log.write_all(note).expect("a note");
    std::thread::scope(|scope| {
        for file in all {
            scope.spawn(|| file.sync_all().expect("a flush"));
        }
        log.sync_data().expect("a flush of the log");
    });
}
