//! A path beneath the root, checked once and then trusted to be harmless text.

use std::fmt;

/// A path relative to the root, with `/`. Invariant: not empty; no part is
/// empty, `.` or `..`; no control, bidirectional or zero-width character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelPath(String);

/// Why a text is no path beneath the root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing is left of it.
    #[error("the path names no file")]
    Empty,
    /// A part is `..`.
    #[error("a path must not hold ..")]
    Parent,
    /// A character could make the path look like another.
    #[error("the path holds the character U+{0:04X}")]
    Character(u32),
    /// The text is longer than any file system takes.
    #[error("the path is longer than 4096 bytes")]
    TooLong,
}

impl RelPath {
    /// Returns the path written as `text`: `./a//b` is `a/b`.
    ///
    /// # Errors
    /// `PathError` where it is no path beneath the root, whatever is on disk.
    pub fn parse(text: &str) -> Result<RelPath, PathError> {
        if text.len() > 4096 {
            return Err(PathError::TooLong);
        }
        if let Some(bad) = text.chars().find(|c| is_deceptive(*c)) {
            return Err(PathError::Character(bad as u32));
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return Err(PathError::Parent);
        }
        if parts.is_empty() {
            return Err(PathError::Empty);
        }
        Ok(RelPath(parts.join("/")))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the directory (`""` for the root itself) and the name in it.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// Returns the directory as a path; `None` for the root itself.
    pub fn parent(&self) -> Option<RelPath> {
        self.0.rsplit_once('/').map(|(directory, _)| RelPath(directory.to_owned()))
    }

    /// Returns the path's parts, outermost first.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the path of `name` in this directory.
    pub fn join(&self, name: &str) -> RelPath {
        RelPath(format!("{}/{name}", self.0))
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether a character can hide what a path really is.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_spellings_are_made_one() {
        for text in ["a/b", "./a/b", "a//b", "a/./b", "/a/b/"] {
            assert_eq!(RelPath::parse(text).map(|path| path.0), Ok("a/b".to_owned()), "{text}");
        }
    }

    #[test]
    fn what_leads_out_or_deceives_is_refused() {
        assert_eq!(RelPath::parse("a/../b"), Err(PathError::Parent));
        assert_eq!(RelPath::parse("./"), Err(PathError::Empty));
        assert_eq!(RelPath::parse("a\0b"), Err(PathError::Character(0)));
        assert_eq!(RelPath::parse("a\u{202e}b"), Err(PathError::Character(0x202e)));
        assert_eq!(RelPath::parse(&"a".repeat(5000)), Err(PathError::TooLong));
    }
}
