//! What an edit and a read cost the server, as ratios to a minimal program, in
//! one run.
//!
//! The server is the real binary with `--durability none` on a tmpfs, spoken to
//! over its socket; its cost is CPU time of its process without the ledger's
//! thread (which counts tokens and packs contents after the answer and is
//! reported on its own). The minimal program reads the file, hashes it, checks
//! that it is UTF-8, indexes its lines, splices one line, writes a second file
//! and renames it.
//!
//! `cargo bench --bench latency` prints the tables; `-- --short` does less.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench plays the caller and other programs, and its tables are its product"
)]

mod clock;
mod corpus;
mod minimal;
mod peers;
mod server;
mod store;

use std::path::Path;

use server::Server;

/// Lines of a file, and how often an edit of it is repeated.
const SIZES: [(usize, usize); 4] = [(1_000, 400), (10_000, 200), (100_000, 40), (1_000_000, 12)];

/// Lines of a page.
const PAGE: usize = 2_000;

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    let directory = corpus::directory();
    let sizes = if short { &SIZES[..2] } else { &SIZES[..] };
    println!("server CPU in ms an operation, tmpfs, durability none; {} sizes", sizes.len());
    println!(
        "{:>10} {:>9} {:>9} {:>7} {:>9} {:>7} {:>9} {:>9}",
        "lines", "minimal", "1 edit", "ratio", "100 edits", "ratio", "ledger", "wall"
    );
    for &(lines, repeats) in sizes {
        one_size(&directory, lines, if short { repeats / 4 } else { repeats });
    }
    println!();
    pages(&directory, sizes);
    println!();
    many_files(&directory, if short { 1_000 } else { 10_000 });
    println!();
    store::swaps(&directory, sizes);
    println!();
    store::transactions(if short { 10 } else { 60 });
    println!();
    peers::compare(&directory, sizes);
    corpus::remove(&directory);
}

/// Prints the row of one size: one edit, and a hundred in one call.
fn one_size(directory: &Path, lines: usize, repeats: usize) {
    let root = corpus::root(directory, lines);
    let minimal = minimal::edits(&root, lines, repeats);
    let mut server = Server::start(directory, &root);
    server.read("f.rs", (lines / 2 - 100, lines / 2 + 100));
    server.edits(lines / 2, 1, repeats / 10 + 1);
    let one = server.edits(lines / 2, 1, repeats);
    let hundred = server.edits(lines / 2 - 99, 100, repeats);
    println!(
        "{lines:>10} {:>9.3} {:>9.3} {:>7.2} {:>9.3} {:>7.2} {:>9.3} {:>9.3}",
        minimal,
        one.cpu_ms,
        one.cpu_ms / minimal,
        hundred.cpu_ms,
        hundred.cpu_ms / one.cpu_ms,
        one.ledger_ms,
        one.wall_ms,
    );
    let peak = server.peak_bytes() as f64 / 1e6;
    let file = corpus::size(lines) as f64 / 1e6;
    println!(
        "{:>10} peak memory {peak:.0} MB, the file {file:.1} MB, bound {:.0} MB",
        "",
        3.0 * file + 30.0
    );
}

/// Prints what a warm page costs, by the size of the file.
fn pages(directory: &Path, sizes: &[(usize, usize)]) {
    println!("a warm page of {PAGE} lines: server CPU and wall, ms");
    for &(lines, _) in sizes.iter().filter(|(lines, _)| *lines >= PAGE) {
        let root = corpus::root(directory, lines);
        let mut server = Server::start(directory, &root);
        // The stamp of a file is trusted only once its last write is past.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let from = lines / 2 - PAGE / 2 + 1;
        server.read("f.rs", (from, from + PAGE - 1));
        // The content is packed and kept after the first answer; a summary waits for that.
        server.call("stats/summary", &serde_json::json!({}));
        let page = server.pages((from, from + PAGE - 1), 300);
        println!("{lines:>10} {:>9.3} {:>9.3}", page.cpu_ms, page.wall_ms);
    }
}

/// Prints what reading many files once costs, from the first to the last.
fn many_files(directory: &Path, count: usize) {
    let root = corpus::many(directory, count);
    let mut server = Server::start(directory, &root);
    let parts = 5;
    println!("{count} files of 50 lines read once: server CPU, ms a file, by fifths");
    for part in 0..parts {
        let files = part * count / parts..(part + 1) * count / parts;
        let cost = server.read_files(files);
        print!(" {:.3}", cost.cpu_ms);
    }
    println!();
}
