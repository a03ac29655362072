//! The files that are edited: plain code-like lines, of a given number.

use std::path::{Path, PathBuf};

/// Returns a fresh directory on a tmpfs, or in the temporary directory where
/// there is none.
pub(crate) fn directory() -> PathBuf {
    let base = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
    let base = base.into_iter().find(|base| base.is_dir()).expect("a directory to work in");
    let directory = base.join(format!("anchord-latency-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory of our own");
    directory
}

pub(crate) fn remove(directory: &Path) {
    std::fs::remove_dir_all(directory).expect("our own directory goes");
}

/// Returns line `line` as it is in the file: 30 bytes on average.
pub(crate) fn line(line: usize) -> String {
    let indent = " ".repeat(4 * (line % 4));
    format!("{indent}let value_{line} = {};\n", line % 977)
}

pub(crate) fn content(lines: usize) -> String {
    (0..lines).map(line).collect()
}

pub(crate) fn size(lines: usize) -> usize {
    content(lines).len()
}

/// Returns a root with one file of so many lines.
pub(crate) fn root(directory: &Path, lines: usize) -> PathBuf {
    let root = directory.join(format!("root-{lines}"));
    std::fs::create_dir_all(&root).expect("a root");
    std::fs::write(root.join("f.rs"), content(lines)).expect("the file");
    root
}

/// Returns a root with many files of 50 lines.
pub(crate) fn many(directory: &Path, count: usize) -> PathBuf {
    let root = directory.join("root-many");
    for file in 0..count {
        let path = root.join(name(file));
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, format!("// {file}\n{}", content(50))).expect("a file");
    }
    root
}

pub(crate) fn name(file: usize) -> String {
    format!("d{}/f{file}.rs", file % 100)
}
