//! What is asked and answered about code: what a file defines, and what has the
//! shape of a pattern.

use engine::anchor::{Handle, LineRange};

/// Asks for code that has the shape of a pattern.
#[derive(Debug, Clone, Default)]
pub struct PatternSearch {
    /// Code with holes, such as `foo($A, $$$REST)`.
    pub pattern: String,
    /// What matches becomes, with the same holes; nothing where it is only to be
    /// found.
    pub rewrite: Option<String>,
    /// The only language that is meant; that of each file where none is named.
    pub language: Option<String>,
    /// Files and directories to look in; the root where none are named.
    pub paths: Vec<String>,
    /// Patterns of paths, one of which must match, if there are any.
    pub globs: Vec<String>,
    /// Whether hidden and ignored files count as well.
    pub all: bool,
    /// How many rows to show before and after each match.
    pub context: usize,
    /// How many matches at most.
    pub limit: usize,
}

/// What a rewrite would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteAnswer {
    /// The files with matches, sorted by name.
    pub files: Vec<FileRewrite>,
    /// Number of matches in them.
    pub matches: usize,
    /// Whether there may be more, which are not rewritten.
    pub more: bool,
    /// Under which it can be applied; none where nothing would change.
    pub retry: Option<String>,
}

/// What a rewrite would do to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRewrite {
    /// The file.
    pub path: String,
    /// The name of its content.
    pub handle: Handle,
    /// Number of matches.
    pub matches: usize,
    /// The rows that go, with their numbers, and those that come.
    pub text: String,
}

/// Asks for what a file defines.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// Relative to the root, or absolute within it.
    pub path: String,
    /// The content to show, where it is not that of now.
    pub handle: Option<Handle>,
    /// The construct to show with what stands in it, by its name path; the whole
    /// file where none is named.
    pub symbol: Option<String>,
    /// How many levels to show; where nothing is said, all of a construct, and of
    /// a file as many as take little beside it.
    pub depth: Option<usize>,
    /// How many rows at most.
    pub limit: usize,
}

/// What a file defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineAnswer {
    /// The file, its symlinks followed.
    pub path: String,
    /// The name of its content.
    pub handle: Handle,
    /// The language it was read in.
    pub language: &'static str,
    /// How well that language's grammar reads healthy files.
    pub reading: &'static str,
    /// A row for each construct: its lines and its signature.
    pub text: String,
    /// The lines that rows show whole, as they are.
    pub shown: Vec<LineRange>,
    /// Number of lines.
    pub total_lines: usize,
    /// Whether there are more rows.
    pub more: bool,
}
