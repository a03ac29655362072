//! The files of the benchmark: corpora, caches and results. It touches no
//! file of a user but to read the corpus it was pointed at.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::BenchError;

/// The window of a compressed corpus, as a power of two: above what a decoder
/// allows by itself.
const WINDOW_LOG: u32 = 27;

/// The most bytes of one file that are read into memory, unpacked.
const MOST_BYTES: u64 = 2 << 30;

/// Returns a file as text, unpacked where it ends in `.zst`.
///
/// # Errors
/// Where it cannot be read or is no UTF-8.
#[expect(clippy::disallowed_methods, reason = "a corpus or a result, no user's file to edit")]
pub fn text(path: &Path) -> Result<String, BenchError> {
    let failed = || BenchError::io(path.display().to_string());
    let file = File::open(path).map_err(failed())?;
    let mut text = String::new();
    match path.extension().is_some_and(|ending| ending == "zst") {
        true => {
            let mut decoder = zstd::Decoder::new(file).map_err(failed())?;
            decoder.window_log_max(WINDOW_LOG).map_err(failed())?;
            decoder.take(MOST_BYTES).read_to_string(&mut text).map_err(failed())?;
        }
        false => {
            file.take(MOST_BYTES).read_to_string(&mut text).map_err(failed())?;
        }
    }
    Ok(text)
}

/// Returns the bytes of a file.
///
/// # Errors
/// Where it cannot be read.
#[expect(clippy::disallowed_methods, reason = "a corpus or an archive, no user's file to edit")]
pub fn bytes(path: &Path) -> Result<Vec<u8>, BenchError> {
    fs::read(path).map_err(BenchError::io(path.display().to_string()))
}

/// Writes a file of the benchmark whole, and its directory where it is missing.
///
/// # Errors
/// Where it cannot be written.
#[expect(clippy::disallowed_methods, reason = "a result of ours")]
pub fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), BenchError> {
    let failed = || BenchError::io(path.display().to_string());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed())?;
    }
    fs::write(path, text).map_err(failed())
}

/// Makes a directory and those above it.
///
/// # Errors
/// Where that is refused.
pub fn make_folder(path: &Path) -> Result<(), BenchError> {
    fs::create_dir_all(path).map_err(BenchError::io(path.display().to_string()))
}

/// Returns whether a file or directory is there.
pub fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Gives a directory that was filled aside its name, in one step.
///
/// # Errors
/// Where that is refused.
#[expect(clippy::disallowed_methods, reason = "a cache of ours")]
pub fn publish(from: &Path, to: &Path) -> Result<(), BenchError> {
    fs::rename(from, to).map_err(BenchError::io(to.display().to_string()))
}

/// Removes a directory of ours with all it holds, if it is there.
pub fn remove_folder(path: &Path) {
    let _gone = fs::remove_dir_all(path);
}

/// Returns the files below `folder`, relative to it and sorted; links are not
/// followed, and what cannot be listed is left out.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let walk = ignore::WalkBuilder::new(folder).standard_filters(false).build();
    let files = walk.filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    let mut paths: Vec<PathBuf> = files
        .filter_map(|entry| entry.path().strip_prefix(folder).ok().map(Path::to_owned))
        .collect();
    paths.sort();
    paths
}

/// A directory that goes with its value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Returns a new, empty directory beneath `parent`, named after this
    /// process and `name`.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(parent: &Path, name: &str) -> Result<Scratch, BenchError> {
        let path = parent.join(format!("anchord-bench-{}-{name}", std::process::id()));
        remove_folder(&path);
        make_folder(&path)?;
        Ok(Scratch(path))
    }

    /// Returns where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove_folder(&self.0);
    }
}

/// A file of lines that grows: what a run has found so far.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// Opens the file, or makes it, and returns its whole lines; what a death
    /// left of a line is cut off.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn open(path: &Path) -> Result<(Log, Vec<String>), BenchError> {
        let failed = || BenchError::io(path.display().to_string());
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder)?;
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(failed())?;
        let mut log = Log { file, path: path.to_owned() };
        let lines = log.whole_lines().map_err(failed())?;
        Ok((log, lines))
    }

    fn whole_lines(&mut self) -> io::Result<Vec<String>> {
        let mut reader = BufReader::new(&mut self.file);
        let (mut lines, mut line, mut end) = (Vec::new(), Vec::new(), 0);
        while reader.read_until(b'\n', &mut line)? > 0 {
            let Some(whole) = line.strip_suffix(b"\n") else { break };
            end += line.len() as u64;
            lines.push(String::from_utf8_lossy(whole).into_owned());
            line.clear();
        }
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        Ok(lines)
    }

    /// Keeps only the first `bytes` bytes.
    ///
    /// # Errors
    /// Where it cannot be cut.
    pub fn cut(&mut self, bytes: u64) -> Result<(), BenchError> {
        let cut = self.file.set_len(bytes).and_then(|()| self.file.seek(SeekFrom::Start(bytes)));
        cut.map(drop).map_err(BenchError::io(self.path.display().to_string()))
    }

    /// Appends whole lines with one write.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn append(&mut self, lines: &str) -> Result<(), BenchError> {
        let written = self.file.write_all(lines.as_bytes());
        written.map_err(BenchError::io(self.path.display().to_string()))
    }
}

/// Removes a file of ours, if it is there.
#[expect(clippy::disallowed_methods, reason = "a file of the benchmark's own scratch directory")]
pub fn remove_file(path: &Path) {
    let _gone = fs::remove_file(path);
}
