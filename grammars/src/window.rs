//! A window: the items around an edit, parsed alone.
//!
//! A file of thousands of lines is not parsed as a whole for an edit of one. What
//! stands at its top level is cut where a line begins in the first column after
//! an empty line or a closing bracket; some items around the edit are parsed
//! before and after it. A cut may have gone wrong, through a string or a comment:
//! so a window in which the parser finds errors before the edit is made wider,
//! and in the end given up.

use std::ops::Range;

use engine::edit::{Change, Edit};
use engine::snapshot::Snapshot;

/// From which size on, in bytes, an edit is judged by its window first.
pub(crate) const WINDOWS_FROM: usize = 64 << 10;

/// Items on either side of the edit.
const ITEMS: usize = 2;

/// The widths that are tried, in lines on either side of the edit.
pub(crate) const WIDTHS: [usize; 3] = [500, 2_000, 8_000];

/// The most bytes of a window.
const BYTES_MAX: usize = 512 << 10;

/// The items around an edit, before and after it.
pub(crate) struct Window {
    /// Where it begins, in bytes; the same before and after the edit.
    pub(crate) start: usize,
    /// Its content before.
    pub(crate) before: Snapshot,
    /// The edit, in its own bytes.
    pub(crate) change: Change,
}

/// Returns the window of `width` lines on either side of `change`; `None` where
/// the edit is spread too far, or no item begins that near.
pub(crate) fn window(before: &Snapshot, change: &Change, width: usize) -> Option<Window> {
    let (first, last) = (change.edits().first()?, change.edits().last()?);
    let touched = before.lines.line_at(first.range.start)..before.lines.line_at(last.range.end) + 1;
    let lines = above(before, touched.start, width)?..below(before, touched.end, width)?;
    let bytes = before.lines.bytes_of(lines);
    if touched.len() > width || bytes.len() > BYTES_MAX {
        return None;
    }
    let edits = change.edits().iter().map(|edit| Edit {
        range: edit.range.start - bytes.start..edit.range.end - bytes.start,
        text: edit.text.clone(),
    });
    let change = Change::new(edits.collect(), bytes.len()).ok()?;
    let start = bytes.start;
    Some(Window { start, before: Snapshot::of(before.bytes[bytes].to_vec()), change })
}

/// Returns the line at which the items begin that stand right above `line`.
fn above(before: &Snapshot, line: usize, width: usize) -> Option<usize> {
    let from = line.saturating_sub(width);
    // The top of the file is a cut like any other.
    let mut cuts = (from..=line.min(before.line_count())).rev().filter(|at| is_cut(before, *at));
    cuts.nth(ITEMS - 1).or((from == 0).then_some(0))
}

/// Returns the line at which the items end that stand right below `line`.
fn below(before: &Snapshot, line: usize, width: usize) -> Option<usize> {
    let count = before.line_count();
    let to = (line + width).min(count);
    let mut cuts = (line.min(count)..=to).filter(|at| is_cut(before, *at));
    cuts.nth(ITEMS - 1).or((to == count).then_some(count))
}

/// Returns whether an item may begin at `line`: it stands in the first column,
/// closes nothing, and comes after an empty line or after what closes something.
fn is_cut(before: &Snapshot, line: usize) -> bool {
    if line == 0 || line >= before.line_count() {
        return true;
    }
    let (this, above) = (before.line(line), before.line(line - 1));
    let begins = this.first().is_some_and(|byte| !b" \t)]}*".contains(byte));
    begins && !continues(this) && (above.trim_ascii().is_empty() || b")]}".contains(&above[0]))
}

/// Returns whether a line in the first column belongs to what stands above it.
fn continues(line: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] =
        [b"else", b"elif", b"endif", b"except", b"finally", b"catch", b"end", b"fi", b"done"];
    let line = line.strip_prefix(b"#").unwrap_or(line).trim_ascii_start();
    let word = line.split(|byte| !byte.is_ascii_alphabetic()).next().unwrap_or_default();
    WORDS.contains(&word)
}

impl Window {
    /// Returns where a range of the window stands in the whole content.
    pub(crate) fn place(&self, range: &Range<usize>) -> Range<usize> {
        range.start + self.start..range.end + self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the text of the window around an edit that puts `x` in place of
    /// the line that holds `«`.
    fn text(content: &str, width: usize) -> Option<String> {
        let line = content.lines().position(|line| line.contains('«')).expect("a line is marked");
        let before = Snapshot::of(content.replace('«', "").into());
        let range = before.lines.bytes_of(line..line + 1);
        let edits = vec![Edit { range, text: b"x\n".to_vec() }];
        let change = Change::new(edits, before.bytes.len()).expect("one edit");
        let window = window(&before, &change, width)?;
        assert_eq!(window.place(&(0..0)).start, window.start);
        Some(String::from_utf8_lossy(&window.before.bytes).into_owned())
    }

    const FILE: &str = "a {\n}\nb {\n}\nc {\n\n  1\n}\n\nd {\n  «2\n}\n# e\ne {\n}\nf {\n}\n";

    #[test]
    fn a_window_holds_whole_items() {
        assert_eq!(text(FILE, 100).as_deref(), Some("c {\n\n  1\n}\n\nd {\n  2\n}\n# e\ne {\n}\n"));
        assert_eq!(text(FILE, 2), None);
        assert_eq!(text("  a\n  «b\n", 100).as_deref(), Some("  a\n  b\n"));
    }
}
