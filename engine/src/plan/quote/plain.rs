//! The content as its author was shown it: rows that all end in LF.
//!
//! What a model quotes it has read as rows, whatever ends the lines of the file
//! and whether the last of them is ended. So quotes are looked for in the rows.

use std::borrow::Cow;
use std::ops::Range;

use crate::snapshot::Snapshot;
use crate::text::{Eol, LineIndex};

/// The rows of a content, each ended by LF. Borrows where the content is just
/// that; otherwise holds a copy.
pub(super) struct Plain<'a> {
    bytes: Cow<'a, [u8]>,
    starts: Starts<'a>,
}

enum Starts<'a> {
    Same(&'a LineIndex),
    /// The start of each line, and the end of the last.
    Own(Vec<usize>),
}

impl<'a> Plain<'a> {
    /// Returns the rows of `snapshot`. Runs in O(n) at most.
    pub(super) fn of(snapshot: &'a Snapshot) -> Plain<'a> {
        let lines = &snapshot.lines;
        if lines.bom() == 0
            && lines.final_newline()
            && matches!(snapshot.eol(), Eol::Lf | Eol::None)
        {
            return Plain { bytes: Cow::Borrowed(&snapshot.bytes), starts: Starts::Same(lines) };
        }
        let mut bytes = Vec::with_capacity(snapshot.bytes.len() + 1);
        let mut starts = Vec::with_capacity(snapshot.line_count() + 1);
        for line in 0..snapshot.line_count() {
            starts.push(bytes.len());
            bytes.extend_from_slice(snapshot.line(line));
            bytes.push(b'\n');
        }
        starts.push(bytes.len());
        Plain { bytes: Cow::Owned(bytes), starts: Starts::Own(starts) }
    }

    /// Returns rows that stand in `bytes` already, each ended by LF; a last one
    /// that is not is one as well.
    pub(super) fn of_rows(bytes: Vec<u8>) -> Plain<'static> {
        let mut starts: Vec<usize> = std::iter::once(0).collect();
        starts.extend(memchr::memchr_iter(b'\n', &bytes).map(|at| at + 1));
        if starts.last() != Some(&bytes.len()) {
            starts.push(bytes.len());
        }
        Plain { bytes: Cow::Owned(bytes), starts: Starts::Own(starts) }
    }

    /// Returns all bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the number of lines.
    pub(super) fn count(&self) -> usize {
        match &self.starts {
            Starts::Same(lines) => lines.count(),
            Starts::Own(starts) => starts.len() - 1,
        }
    }

    /// Returns where line `line` (0-based) starts; the end for any line after
    /// the last.
    pub(super) fn start(&self, line: usize) -> usize {
        match &self.starts {
            Starts::Same(lines) => lines.start(line),
            Starts::Own(starts) => starts.get(line).copied().unwrap_or(self.bytes.len()),
        }
    }

    /// Returns the line that holds byte `at`; the number of lines at the end.
    pub(super) fn line_at(&self, at: usize) -> usize {
        match &self.starts {
            _ if at >= self.bytes.len() => self.count(),
            Starts::Same(lines) => lines.line_at(at),
            Starts::Own(starts) => starts.partition_point(|&start| start <= at) - 1,
        }
    }

    /// Returns whether a line starts at byte `at`, or the content ends there.
    pub(super) fn is_start(&self, at: usize) -> bool {
        at == 0 || self.bytes[at - 1] == b'\n'
    }

    /// Returns line `line` (0-based) without its LF.
    pub(super) fn line(&self, line: usize) -> &[u8] {
        let whole = &self.bytes[self.start(line)..self.start(line + 1)];
        whole.strip_suffix(b"\n").unwrap_or(whole)
    }

    /// Returns the lines that the bytes of `range` lie in; for an empty range
    /// at the start of a line, the place before it.
    pub(super) fn lines_of(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.line_at(range.start);
        if range.is_empty() && self.is_start(range.start) {
            return first..first;
        }
        let end = self.line_at(range.end);
        first..end + usize::from(!self.is_start(range.end))
    }

    /// Returns where `needle` stands within the bytes `within`, overlapping
    /// occurrences too, at most `most` of them. With `whole_lines` only where a
    /// line starts. Runs in O(`within` × `most`).
    pub(super) fn find(
        &self,
        needle: &Needle<'_>,
        within: Range<usize>,
        most: usize,
    ) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = within.start;
        while found.len() < most {
            let Some(next) = needle.next(&self.bytes[..within.end], at) else { break };
            found.push(next);
            at = next + 1;
        }
        found
    }

    /// Returns where `needle` stands, occurrences that overlap an earlier one
    /// left out. Runs in O(n).
    pub(super) fn find_disjoint(&self, needle: &Needle<'_>, most: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = 0;
        while found.len() < most {
            let Some(next) = needle.next(&self.bytes, at) else { break };
            found.push(next);
            at = next + needle.text.len().max(1);
        }
        found
    }
}

/// What is looked for.
pub(super) struct Needle<'n> {
    /// The text, its line breaks LF.
    pub(super) text: &'n [u8],
    /// Finds the text, or, where only whole lines count, LF and the text.
    finder: memchr::memmem::Finder<'n>,
    /// Whether only whole lines count.
    pub(super) whole_lines: bool,
}

impl<'n> Needle<'n> {
    /// Returns the needle for `text` anywhere.
    pub(super) fn anywhere(text: &'n [u8]) -> Needle<'n> {
        Needle { text, finder: memchr::memmem::Finder::new(text), whole_lines: false }
    }

    /// Returns the needle for `text` as whole lines; it ends in LF.
    pub(super) fn whole_lines(text: &'n [u8]) -> Needle<'n> {
        let with_break = [b"\n", text].concat();
        let finder = memchr::memmem::Finder::new(&with_break).into_owned();
        Needle { text, finder, whole_lines: true }
    }

    /// Returns the first place at `at` or behind it.
    fn next(&self, bytes: &[u8], at: usize) -> Option<usize> {
        if !self.whole_lines {
            return self.finder.find(bytes.get(at..)?).map(|found| at + found);
        }
        if at == 0 && bytes.starts_with(self.text) {
            return Some(0);
        }
        let from = at.saturating_sub(1);
        self.finder.find(bytes.get(from..)?).map(|found| from + found + 1)
    }

    /// Returns whether the text stands at `at`.
    pub(super) fn stands_at(&self, plain: &Plain<'_>, at: usize) -> bool {
        let here = plain.bytes().get(at..).is_some_and(|rest| rest.starts_with(self.text));
        here && (!self.whole_lines || plain.is_start(at))
    }
}
