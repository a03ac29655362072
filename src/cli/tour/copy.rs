//! A copy of a directory, so that the tour touches nothing of anybody's.

use std::path::Path;

use engine::snapshot::Snapshot;
use engine::text::Encoding;

use crate::cli::CliError;

/// The most files that are copied; a tour needs no more.
const MOST_FILES: usize = 2000;

/// The most bytes of one file that is copied.
const MOST_BYTES: u64 = 4 << 20;

/// Copies what version control would keep of `from`; returns the number of files.
#[expect(clippy::disallowed_methods, reason = "the copy is made before anything is served")]
pub(super) fn copy(from: &Path, to: &Path) -> Result<usize, CliError> {
    if !from.is_dir() {
        return Err(CliError::Usage(format!("{} is no directory", from.display())));
    }
    std::fs::create_dir_all(to)?;
    let mut count = 0;
    for entry in ignore::WalkBuilder::new(from).build() {
        let Ok(entry) = entry else { continue };
        let Ok(below) = entry.path().strip_prefix(from) else { continue };
        let meta = entry.metadata().ok().filter(|meta| meta.is_file() && meta.len() <= MOST_BYTES);
        if meta.is_none() || count == MOST_FILES {
            continue;
        }
        let target = to.join(below);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(entry.path(), target)?;
        count += 1;
    }
    Ok(count)
}

/// Returns the text file with the most lines, relative to `root`, if it has at
/// least a dozen.
#[expect(clippy::disallowed_methods, reason = "a look at our own copy, to choose a file")]
pub(super) fn most_lines(root: &Path) -> Result<Option<String>, CliError> {
    let mut best: Option<(usize, String)> = None;
    for entry in ignore::WalkBuilder::new(root).build() {
        let Ok(entry) = entry else { continue };
        let Some(below) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) else {
            continue;
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let snapshot = Snapshot::of(std::fs::read(entry.path())?);
        let lines = snapshot.line_count();
        let better = best.as_ref().is_none_or(|(most, _)| lines > *most);
        if snapshot.encoding == Encoding::Utf8 && lines >= 12 && better {
            best = Some((lines, below.to_owned()));
        }
    }
    Ok(best.map(|(_, path)| path))
}
