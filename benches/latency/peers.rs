//! Other programs, where they are installed: one edit by GNU patch, and by the
//! `hashline` command of crates.io, as whole processes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::corpus;

/// Prints what one edit costs each program, wall time in milliseconds.
pub(crate) fn compare(directory: &Path, sizes: &[(usize, usize)]) {
    println!("one edit by other programs, a process each: wall ms (the least of 5)");
    for &(lines, _) in sizes {
        let root = corpus::root(directory, lines);
        let (patch, hashline) = (patch(&root, lines), hashline(&root, lines));
        let show = |ms: Option<f64>| ms.map_or("not installed".to_owned(), |ms| format!("{ms:.2}"));
        println!("{lines:>10} patch {:>14} hashline {:>14}", show(patch), show(hashline));
    }
}

fn patch(root: &Path, lines: usize) -> Option<f64> {
    let line = lines / 2;
    let old = corpus::line(line - 1);
    let diff = format!("--- f.rs\n+++ f.rs\n@@ -{line},1 +{line},1 @@\n-{old}+edited\n");
    std::fs::write(root.join("f.patch"), diff).expect("the patch");
    least(root, lines, "patch", &["-s", "-p0", "--no-backup-if-mismatch", "-i", "f.patch"])
}

fn hashline(root: &Path, lines: usize) -> Option<f64> {
    let line = lines / 2;
    std::fs::write(root.join("f.rs"), corpus::content(lines)).expect("the file");
    let shown = Command::new("hashline").args(["read", "f.rs"]).current_dir(root).output().ok()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let row = shown.lines().find(|row| row.trim_start().starts_with(&format!("{line}:")))?;
    let anchor = row.trim_start().split(['|', ' ', '\t']).next()?.to_owned();
    least(root, lines, "hashline", &["edit", "f.rs", &anchor, "edited"])
}

/// Returns the least wall time of five runs, each on the file as it was.
fn least(root: &Path, lines: usize, program: &str, arguments: &[&str]) -> Option<f64> {
    let content = corpus::content(lines);
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        std::fs::write(root.join("f.rs"), &content).expect("the file");
        let start = Instant::now();
        let status = Command::new(program)
            .args(arguments)
            .current_dir(root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok()?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
        if !status.success() {
            return None;
        }
    }
    Some(best)
}
