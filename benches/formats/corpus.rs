//! The corpus: real edits, each one file as it was read and what became of it.
//!
//! A row of the corpus holds drift as well; it is left out here, where only the
//! writing of an edit is measured. Without the corpus a small sample is made
//! from the project's own source, so that the bench always runs.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;

/// Where the corpus lies, from the root of the project.
const CORPUS: &str = "../shared/corpus/drift-triples.jsonl.zst";

/// The window of the compressed corpus, as a power of two: above what a
/// decoder allows by itself.
const WINDOW_LOG: u32 = 27;

/// Edits and where they come from.
pub(crate) struct Corpus {
    pub(crate) edits: Vec<RealEdit>,
    pub(crate) origin: String,
}

/// An edit of one file.
pub(crate) struct RealEdit {
    pub(crate) path: String,
    /// The file as its author read it.
    pub(crate) read: String,
    /// Minimal line hunks, sorted and disjoint.
    pub(crate) hunks: Vec<Hunk>,
}

/// Lines that go and lines that come.
pub(crate) struct Hunk {
    /// 0-based and half-open, in the pieces of the text split at LF.
    pub(crate) old: Range<usize>,
    pub(crate) new: Vec<String>,
}

impl RealEdit {
    /// Returns the pieces of the text split at LF; the last is empty where the
    /// text ends with a newline.
    pub(crate) fn pieces(&self) -> Vec<&str> {
        self.read.split('\n').collect()
    }

    /// Returns the number of lines.
    pub(crate) fn line_count(&self) -> usize {
        self.read.lines().count()
    }

    /// Returns the text afterwards, by nothing but the ranges of the hunks.
    pub(crate) fn result(&self) -> String {
        let pieces = self.pieces();
        self.replaced(0..pieces.len(), &self.hunks).join("\n")
    }

    /// Returns the lines of `range` with `hunks`, all of them within it, done.
    pub(crate) fn replaced<'a>(&'a self, range: Range<usize>, hunks: &'a [Hunk]) -> Vec<&'a str> {
        let pieces = self.pieces();
        let mut lines = Vec::new();
        let mut at = range.start;
        for hunk in hunks {
            lines.extend(&pieces[at..hunk.old.start]);
            lines.extend(hunk.new.iter().map(String::as_str));
            at = hunk.old.end;
        }
        lines.extend(&pieces[at..range.end]);
        lines
    }

    /// Returns the new lines alone: what any format has to say at least.
    pub(crate) fn new_text(&self) -> String {
        self.hunks.iter().map(Hunk::text).collect()
    }
}

impl Hunk {
    /// Returns the new lines, each ended by LF.
    pub(crate) fn text(&self) -> String {
        self.new.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Returns the corpus, or a sample of the project's own source where it is not
/// there.
pub(crate) fn load() -> io::Result<Corpus> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match open(&root.join(CORPUS)) {
        Ok(file) => Ok(Corpus {
            edits: read_rows(file)?,
            origin: "real edits of public repositories".to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Corpus {
            edits: sample(&root.join("engine/src"))?,
            origin: "made-up edits of this project's source (the corpus is not here)".to_owned(),
        }),
        Err(error) => Err(error),
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench reads its own data, no file of a user")]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[derive(Deserialize)]
struct Row {
    path: String,
    read: String,
    edit: Vec<(usize, usize, Vec<String>)>,
}

fn read_rows(file: File) -> io::Result<Vec<RealEdit>> {
    let mut decoder = zstd::Decoder::new(file)?;
    decoder.window_log_max(WINDOW_LOG)?;
    let rows = BufReader::new(decoder).lines();
    rows.map(|row| Ok(real_edit(serde_json::from_str(&row?)?))).collect()
}

fn real_edit(row: Row) -> RealEdit {
    let hunks = row.edit.into_iter().map(|(start, end, new)| Hunk { old: start..end, new });
    RealEdit { path: row.path, read: row.read, hunks: hunks.collect() }
}

/// Returns four edits of every file in `folder`: lines of one place of the file
/// take the place of others, the same ones in every run.
fn sample(folder: &Path) -> io::Result<Vec<RealEdit>> {
    let mut edits = Vec::new();
    let mut paths: Vec<_> = ignore::Walk::new(folder)
        .filter_map(Result::ok)
        .map(ignore::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    paths.sort();
    for path in paths {
        let read = io::read_to_string(open(&path)?)?;
        let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR"));
        let path = path.unwrap_or(folder).to_string_lossy().into_owned();
        edits.extend((1..=4).map(|stride| made_up(&path, &read, stride)));
    }
    edits.retain(|edit| edit.read != edit.result());
    Ok(edits)
}

fn made_up(path: &str, read: &str, stride: usize) -> RealEdit {
    let lines: Vec<&str> = read.lines().collect();
    let middle = lines.len() / 2;
    let hunk = |at: usize| Hunk {
        old: at..at + stride - 1,
        new: lines[middle..(middle + 2 * stride).min(lines.len())]
            .iter()
            .map(|&line| line.to_owned())
            .collect(),
    };
    RealEdit {
        path: path.to_owned(),
        read: read.to_owned(),
        hunks: (0..middle.saturating_sub(stride)).step_by(40).map(hunk).collect(),
    }
}
