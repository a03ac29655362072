//! The minimal program: read, hash, check, index, splice, write, rename.

use std::path::Path;

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
