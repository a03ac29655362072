//! Corpora: where tasks come from.
//!
//! The project holds no foreign code. Its own history is always there; edits
//! between published versions of packages are fetched and kept on first use, by
//! a manifest with checksums; any repository, any pair of directories and any
//! file of drift triples can be named.

mod directory;
mod git;
mod published;
mod triples;

use std::path::{Path, PathBuf};

use super::BenchError;
use super::task::Task;

pub use published::{Package, Published};

/// Where tasks come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The commits of a repository.
    Git(PathBuf),
    /// The files of one directory that another one has otherwise.
    Directories(PathBuf, PathBuf),
    /// Rows of `{id, repo, path, read, edit, drift}`.
    Triples(PathBuf),
    /// Published versions of packages, by the manifest of the project or
    /// another one.
    Published(Option<PathBuf>),
}

/// What a corpus may need.
pub struct Surroundings<'a> {
    /// Where downloaded packages are kept.
    pub cache: &'a Path,
    /// The most tasks; a seeded choice where there are more.
    pub limit: Option<usize>,
    /// Chooses among them.
    pub seed: u64,
    /// Told what is being done, for people who wait.
    pub say: &'a (dyn Fn(&str) + Sync),
}

impl Source {
    /// Returns the source that `text` names: `git:DIR`, `dir:BEFORE:AFTER`,
    /// `published`, `published:FILE`, or a file of triples.
    ///
    /// # Errors
    /// Where it names none.
    pub fn parse(text: &str) -> Result<Source, BenchError> {
        match text.split_once(':') {
            Some(("git", folder)) => Ok(Source::Git(folder.into())),
            Some(("published", file)) => Ok(Source::Published(Some(file.into()))),
            Some(("dir", rest)) => match rest.split_once(':') {
                Some((before, after)) => Ok(Source::Directories(before.into(), after.into())),
                None => Err(BenchError::Usage("dir:BEFORE:AFTER names two directories".into())),
            },
            _ if text == "published" => Ok(Source::Published(None)),
            _ => Ok(Source::Triples(text.into())),
        }
    }

    /// Returns the tasks, in an order that depends on the source alone.
    ///
    /// # Errors
    /// Where they cannot be had.
    pub fn load(&self, around: &Surroundings<'_>) -> Result<Vec<Task>, BenchError> {
        let tasks = match self {
            Source::Git(folder) => git::load(folder, around)?,
            Source::Directories(before, after) => directory::load(before, after)?,
            Source::Triples(file) => triples::load(file)?,
            Source::Published(manifest) => published::load(manifest.as_deref(), around)?,
        };
        match tasks.is_empty() {
            true => Err(BenchError::Malformed("the corpus holds no edit that is measured".into())),
            false => Ok(chosen(tasks, around)),
        }
    }
}

/// Returns at most so many tasks, by the order of a digest of seed and name, so
/// that the same ones are chosen whatever came before.
fn chosen(mut tasks: Vec<Task>, around: &Surroundings<'_>) -> Vec<Task> {
    let Some(limit) = around.limit.filter(|limit| *limit < tasks.len()) else { return tasks };
    let mut ranked: Vec<(u64, usize)> = tasks
        .iter()
        .enumerate()
        .map(|(at, task)| (super::dice::Dice::of(around.seed, &["choose", &task.id]).bits(), at))
        .collect();
    ranked.sort_unstable();
    let mut keep: Vec<usize> = ranked[..limit].iter().map(|(_, at)| *at).collect();
    keep.sort_unstable();
    let mut at = 0;
    tasks.retain(|_| {
        at += 1;
        keep.binary_search(&(at - 1)).is_ok()
    });
    tasks
}

/// Returns whether a path is that of a file people edit by hand, in a language
/// that the corpus is about.
fn is_source(path: &str) -> bool {
    const ENDINGS: [&str; 24] = [
        "rs", "py", "js", "jsx", "mjs", "cjs", "ts", "tsx", "go", "c", "h", "cc", "cpp", "hpp",
        "java", "rb", "php", "cs", "kt", "swift", "md", "toml", "sh", "css",
    ];
    const MADE: [&str; 6] = ["node_modules/", "vendor/", "dist/", "target/", ".min.", "generated"];
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str()).unwrap_or("");
    ENDINGS.contains(&ending) && !MADE.iter().any(|made| path.contains(made))
}
