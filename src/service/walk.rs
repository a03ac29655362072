//! The walk: the names of the files below a directory that are worth looking
//! at. Only names come from here; bytes come through the file system of the
//! engine.

use std::path::Path;

use engine::error::{Code, Refusal};
use engine::store::RelPath;
use globset::{Glob, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;

use super::policy::check_path;
use super::workspace::Workspace;

/// Which files to walk over.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// Files and directories, relative to the root or absolute; the whole root
    /// where there are none.
    pub(super) paths: Vec<String>,
    /// Patterns of paths, one of which must match; one without a slash is held
    /// against the last part alone.
    pub(super) globs: Vec<String>,
    /// Whether hidden and ignored files count as well.
    pub(super) all: bool,
    /// How many directories deep to go.
    pub(super) depth: Option<usize>,
}

/// One name that the walk came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A file.
    File(RelPath),
    /// A directory at the depth where the walk ends.
    Directory(RelPath),
}

/// Returns what is in scope, in the order of the names. Symlinks are not
/// followed, names that are not UTF-8 and protected directories are passed over,
/// and so are, unless all are asked for, hidden files and those that the ignore
/// files below the root name.
///
/// # Errors
/// `malformed` for a pattern that is none, or what speaks against a path.
pub(super) fn walk(
    workspace: &Workspace,
    scope: &Scope,
) -> Result<impl Iterator<Item = Found>, Refusal> {
    let globs = globs(&scope.globs)?;
    let mut starts = Vec::with_capacity(scope.paths.len().max(1));
    for path in &scope.paths {
        match path.trim_end_matches('/') {
            "" | "." => starts.push(workspace.root.clone()),
            path => starts.push(workspace.root.join(workspace.locate(path)?.as_str())),
        }
    }
    let first = starts.first().cloned().unwrap_or_else(|| workspace.root.clone());
    let mut builder = WalkBuilder::new(first);
    starts.iter().skip(1).for_each(|start| {
        builder.add(start);
    });
    let root = workspace.root.clone();
    let depth = scope.depth;
    builder
        .standard_filters(!scope.all)
        .git_global(false)
        .require_git(false)
        .follow_links(false)
        .max_depth(depth)
        .sort_by_file_name(Ord::cmp)
        .filter_entry(move |entry| match below(entry.path(), &root) {
            Some(path) => check_path(&path).is_ok(),
            None => entry.path() == root,
        });
    let root = workspace.root.clone();
    let found = builder.build().filter_map(Result::ok).filter_map(move |entry| {
        let path = below(entry.path(), &root)?;
        let kind = entry.file_type()?;
        let fits = globs.as_ref().is_none_or(|globs| globs.is_match(path.as_str()));
        match kind.is_file() {
            true => fits.then_some(Found::File(path)),
            false if kind.is_dir() && depth == Some(entry.depth()) => Some(Found::Directory(path)),
            false => None,
        }
    });
    Ok(found)
}

fn below(path: &Path, root: &Path) -> Option<RelPath> {
    RelPath::parse(path.strip_prefix(root).ok()?.to_str()?).ok()
}

fn globs(patterns: &[String]) -> Result<Option<GlobSet>, Refusal> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let wrong = |error: globset::Error| Refusal::new(Code::Malformed, error.to_string());
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anchored = match pattern.contains('/') {
            true => pattern.trim_start_matches('/').to_owned(),
            false => format!("**/{pattern}"),
        };
        set.add(Glob::new(&anchored).map_err(wrong)?);
    }
    set.build().map(Some).map_err(wrong)
}
