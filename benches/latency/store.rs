//! What safety costs: the compare-and-swap of one file beside the minimal program,
//! and transactions over more and more files, flushed, beside one over one file.

use std::path::Path;

use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{Cas, Expected, Fs, Like, OsFs, RelPath};
use serde_json::json;

use crate::clock::thread_ms;
use crate::server::Server;
use crate::{corpus, minimal};

/// Prints what an edit of one file costs through the store: read, index, splice,
/// stage with all attributes, lease, compare, exchange, compare, look at what was
/// displaced and let it go; as a ratio to the minimal program, neither flushed.
pub(crate) fn swaps(directory: &Path, sizes: &[(usize, usize)]) {
    println!("a strict swap without flushes: thread CPU in ms, and beside the minimal program");
    for &(lines, repeats) in sizes {
        let root = corpus::root(directory, lines);
        let minimal = minimal::edits(&root, lines, repeats);
        let slots = directory.join(format!("slots-{lines}"));
        std::fs::create_dir_all(&slots).expect("a directory for slots");
        let fs = OsFs::open(&root, &slots, "bench").expect("the files");
        let path = RelPath::parse("f.rs").expect("a path");
        swap(&fs, &path, lines / 2, 0);
        let before = thread_ms();
        (1..=repeats).for_each(|repeat| swap(&fs, &path, lines / 2, repeat));
        let ours = (thread_ms() - before) / repeats as f64;
        println!("{lines:>10} {minimal:>9.3} {ours:>9.3} {:>7.2}", ours / minimal);
    }
}

fn swap(fs: &OsFs, path: &RelPath, line: usize, repeat: usize) {
    let (bytes, _) = fs.read(path, u64::MAX).expect("the file");
    let now = Snapshot::of(bytes);
    assert!(std::str::from_utf8(&now.bytes).is_ok());
    let starts: Vec<u32> = memchr::memchr_iter(b'\n', &now.bytes).map(|at| at as u32 + 1).collect();
    let (from, to) = (starts[line - 1] as usize, starts[line] as usize);
    let text = format!("let edited = {repeat};\n");
    let after = [&now.bytes[..from], text.as_bytes(), &now.bytes[to..]].concat();
    let slot = fs.slot_for(repeat as u64 + 1, 0, path).expect("a slot");
    fs.stage(&slot, Some(Like::File(path)), &after).expect("a staged slot");
    let cas = fs.exchange(&slot, path, Expected::Bytes(&now.bytes)).expect("a swap");
    assert_eq!(cas, Cas::Strict, "the bench is about strict swaps");
    fs.retire(&slot, ContentHash(now.hash.0)).expect("nobody wrote to it");
}

/// Prints how long a flushed transaction takes, by the number of its files.
pub(crate) fn transactions(repeats: usize) {
    let directory = tempfile::tempdir().expect("a directory on the disk");
    let root = corpus::root(directory.path(), 1_000);
    let content = corpus::content(1_000);
    let names: Vec<String> = (0..20).map(|file| format!("f{file}.txt")).collect();
    for name in &names {
        std::fs::write(root.join(name), &content).expect("a file");
    }
    println!("a transaction with durability full on the disk of the tests: wall ms");
    let mut server = Server::start_with(directory.path(), &root, "full");
    let mut one = None;
    for count in [1, 5, 20] {
        let mut handles: Vec<String> =
            names[..count].iter().map(|name| server.handle(name)).collect();
        let mut times: Vec<f64> = (0..=repeats)
            .map(|repeat| {
                let files = names.iter().zip(&handles).map(|(name, handle)| {
                    let text = format!("edited {repeat}, {count} files\n");
                    let ops = json!([{"op": "replace", "lines": [500, 500], "text": text}]);
                    json!({"path": name, "handle": handle, "ops": ops})
                });
                let verify = json!({"syntax": "off", "lint": "off"});
                let files: Vec<_> = files.collect();
                let edit = json!({"format": "anchor", "files": files, "verify": verify});
                let start = std::time::Instant::now();
                let applied = server.call("edit/apply", &edit);
                let time = start.elapsed().as_secs_f64() * 1e3;
                assert_eq!(applied["status"], "applied", "{applied}");
                for (handle, file) in
                    handles.iter_mut().zip(applied["files"].as_array().expect("files"))
                {
                    file["handle"].as_str().expect("a handle").clone_into(handle);
                }
                time
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        let one = *one.get_or_insert(median);
        println!("{count:>10} files {median:>9.2} {:>7.2}", median / one);
    }
}
