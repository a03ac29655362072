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
use super::task::{Group, Task};

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

/// Edits to measure.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// Of one file each.
    pub tasks: Vec<Task>,
    /// Of several files each, where the source knows which belong together.
    pub groups: Vec<Group>,
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

    /// Returns the tasks and groups, in an order that depends on the source alone.
    ///
    /// # Errors
    /// Where they cannot be had.
    pub fn load(&self, around: &Surroundings<'_>) -> Result<Corpus, BenchError> {
        let tasks = |tasks| Corpus { tasks, groups: Vec::new() };
        let corpus = match self {
            Source::Git(folder) => git::load(folder, around)?,
            Source::Directories(before, after) => directory::load(before, after)?,
            Source::Triples(file) => tasks(triples::load(file)?),
            Source::Published(manifest) => tasks(published::load(manifest.as_deref(), around)?),
        };
        if corpus.tasks.is_empty() {
            let text = "the corpus holds no edit that is measured";
            return Err(BenchError::Malformed(text.into()));
        }
        Ok(Corpus {
            tasks: chosen(corpus.tasks, |task| &task.id, around),
            groups: chosen(corpus.groups, |group| &group.id, around),
        })
    }
}

/// Returns at most so many, by the order of a digest of seed and name, so that
/// the same ones are chosen whatever came before.
fn chosen<T>(mut all: Vec<T>, name: fn(&T) -> &str, around: &Surroundings<'_>) -> Vec<T> {
    let Some(limit) = around.limit.filter(|limit| *limit < all.len()) else { return all };
    let rank = |one: &T| super::dice::Dice::of(around.seed, &["choose", name(one)]).bits();
    let mut ranked: Vec<(u64, usize)> = all.iter().map(rank).zip(0..).collect();
    ranked.sort_unstable();
    let mut keep: Vec<usize> = ranked[..limit].iter().map(|(_, at)| *at).collect();
    keep.sort_unstable();
    let mut at = 0;
    all.retain(|_| {
        at += 1;
        keep.binary_search(&(at - 1)).is_ok()
    });
    all
}

/// The most files of one group.
const GROUP_FILES: usize = 20;

/// Returns the group of tasks that were made together, if they are one: several
/// files, and no more than an agent edits at once.
fn group(id: String, mut files: Vec<Task>) -> Option<Group> {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    (2..=GROUP_FILES).contains(&files.len()).then_some(Group { id, files })
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
