//! Which real files there are, and which of them are taken: by a rule that knows
//! nothing of how a file comes out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::snapshot::Snapshot;
use engine::text::Eol;
use grammars::Language;

/// Files that are looked at, of all there are.
const WALK_MAX: usize = 60_000;

/// A file that is in a language.
pub(super) struct RealFile {
    /// Its path below the folder.
    pub(super) path: String,
    /// What it holds.
    pub(super) content: Snapshot,
    /// What it is written in.
    pub(super) language: &'static Language,
}

/// Returns the files of `folder` by their languages, and of each language `each`
/// in the order of their paths: where there are more, those that stand at even
/// distances in that order.
pub(super) fn taken(folder: &Path, each: usize) -> BTreeMap<&'static str, Vec<RealFile>> {
    let mut paths = below(folder);
    paths.sort();
    let mut all: BTreeMap<&'static str, Vec<&PathBuf>> = BTreeMap::new();
    for path in &paths {
        if let Some(file) = file(folder, path) {
            all.entry(file.language.id).or_default().push(path);
        }
    }
    let take = |paths: Vec<&PathBuf>| {
        let count = paths.len();
        let taken = (0..each.min(count)).map(|at| paths[at * count / each.min(count)]);
        taken.filter_map(|path| file(folder, path)).collect()
    };
    all.into_iter().map(|(id, paths)| (id, take(paths))).collect()
}

/// Returns the folder of the published packages, else the one in which the package
/// manager keeps those that the project is built from.
pub(super) fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("ANCHORD_FILES") {
        return PathBuf::from(folder);
    }
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.unwrap_or_default().join("registry/src")
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut paths = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => paths.push(entry.path()),
                _ => {}
            }
        }
        if paths.len() > WALK_MAX {
            break;
        }
    }
    paths
}

/// Returns a file that is in a language of the registry and that somebody wrote:
/// what is minified, or generated in bulk, or next to nothing, is not what people
/// edit.
fn file(folder: &Path, path: &Path) -> Option<RealFile> {
    let name = path.strip_prefix(folder).ok()?.to_str()?.to_owned();
    if path.extension().is_some() && Language::of_path(&name).is_none() {
        return None;
    }
    let content = Snapshot::of(read(path)?);
    let language = Language::of(&name, &content.bytes)?;
    let (bytes, lines) = (content.bytes.len(), content.line_count());
    let is_plain = (200..200_000).contains(&bytes) && lines >= 10 && bytes / lines <= 200;
    let is_text = content.encoding.is_text() && content.eol() != Eol::Cr;
    (is_plain && is_text).then_some(RealFile { path: name, content, language })
}

#[expect(clippy::disallowed_methods, reason = "files of packages, no user's file")]
fn read(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}
