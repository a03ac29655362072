//! What safety costs: the compare-and-swap of one file beside the minimal program,
//! and transactions over more and more files, flushed, beside one over one file.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::store::{Cas, Expected, Fs, Like, OsFs, RelPath};
use serde_json::json;

use crate::clock::thread_ms;
use crate::server::Server;
use crate::{corpus, minimal};

/// How many files a transaction is over.
const COUNTS: [usize; 3] = [1, 5, 20];

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

/// Prints how long a flushed transaction takes, by the number of its files, and
/// how long the least that can be flushed for it takes on the same disk. Both are
/// taken in turns, since a disk is not always as quick.
pub(crate) fn transactions(repeats: usize) {
    let directory = tempfile::tempdir().expect("a directory on the disk");
    let root = corpus::root(directory.path(), 1_000);
    let content = corpus::content(1_000);
    let names: Vec<String> = (0..20).map(|file| format!("f{file}.txt")).collect();
    for name in &names {
        std::fs::write(root.join(name), &content).expect("a file");
    }
    println!("a transaction with durability full on the disk of the tests: wall ms, beside one");
    println!("over one file, and the least that has to be flushed for it, beside that of one");
    let log = File::create(directory.path().join("log")).expect("a log");
    let mut server = Server::start_with(directory.path(), &root, "full");
    let mut handles: Vec<String> = names.iter().map(|name| server.handle(name)).collect();
    let mut times = COUNTS.map(|_| (Vec::new(), Vec::new()));
    for repeat in 0..=repeats {
        for (count, (ours, least)) in COUNTS.into_iter().zip(&mut times) {
            let text = format!("edited {repeat}, {count} files\n");
            ours.push(transaction(&mut server, &names[..count], &mut handles, &text));
            let others: Vec<String> = (0..count).map(|file| format!("other{file}")).collect();
            let there = others.iter().try_for_each(|name| std::fs::write(root.join(name), ""));
            there.expect("files");
            least.push(minimal::transaction(&root, &log, &others, content.as_bytes()));
        }
    }
    let medians = times.map(|(ours, least)| (median(ours), median(least)));
    for (count, (ours, least)) in COUNTS.into_iter().zip(medians) {
        let (one, least_one) = medians[0];
        println!(
            "{count:>10} files {ours:>9.2} {:>7.2} {least:>9.2} {:>7.2}",
            ours / one,
            least / least_one
        );
    }
}

/// Edits these files in one transaction; returns how long that takes, in ms.
fn transaction(server: &mut Server, names: &[String], handles: &mut [String], text: &str) -> f64 {
    let files = names.iter().zip(&*handles).map(|(name, handle)| {
        let ops = json!([{"op": "replace", "lines": [500, 500], "text": text}]);
        json!({"path": name, "handle": handle, "ops": ops})
    });
    let verify = json!({"syntax": "off", "lint": "off"});
    let files: Vec<_> = files.collect();
    let edit = json!({"format": "anchor", "files": files, "verify": verify});
    let start = Instant::now();
    let applied = server.call("edit/apply", &edit);
    let time = start.elapsed().as_secs_f64() * 1e3;
    assert_eq!(applied["status"], "applied", "{applied}");
    for (handle, file) in handles.iter_mut().zip(applied["files"].as_array().expect("files")) {
        file["handle"].as_str().expect("a handle").clone_into(handle);
    }
    time
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
