//! Anchors: the names under which contents are shown and addressed.
//!
//! A [`Handle`] names one content of one path; a [`View`] says which of its
//! lines a session has been shown; [`render`] shows those lines. None of them
//! proves anything: the proof is the bytes kept behind the handle.

mod handle;
mod rows;
mod view;

pub use handle::Handle;
pub use rows::{Gutter, render, row_text};
pub use view::View;

/// Lines as agents and people write them: 1-based, both ends included.
pub type LineRange = (usize, usize);

/// Returns the 0-based half-open form of `lines`.
pub fn span_of(lines: LineRange) -> std::ops::Range<usize> {
    lines.0.saturating_sub(1)..lines.1
}

/// Returns the 1-based inclusive form of `span`; an empty span `n..n` gives
/// `(n + 1, n)`, which reads as "after line n".
pub fn lines_of(span: &std::ops::Range<usize>) -> LineRange {
    (span.start + 1, span.end)
}
