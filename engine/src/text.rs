//! Bytes as lines: where each line starts, what ends it, and what cannot be
//! shown as text.
//!
//! Line numbers are 1-based wherever people or agents see them and 0-based
//! inside. A line ends at LF or CRLF; a CR alone ends a line only in a file
//! without any LF. Form feed, NEL and U+2028 never end one. The byte-order mark
//! is not part of line 1. `"a\n"` has one line, `"a"` one, `""` none.

use std::ops::Range;

use crate::error::{Code, Refusal};

/// The UTF-8 byte-order mark.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Terminator {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`, only in a file without any `\n`.
    Cr,
}

impl Terminator {
    /// Returns the terminator's bytes.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Terminator::Lf => b"\n",
            Terminator::CrLf => b"\r\n",
            Terminator::Cr => b"\r",
        }
    }
}

/// How the lines of a whole file end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Eol {
    /// Every terminator is LF.
    Lf,
    /// Every terminator is CRLF.
    CrLf,
    /// Every terminator is CR.
    Cr,
    /// LF and CRLF both occur.
    Mixed,
    /// No line is terminated.
    None,
}

impl Eol {
    /// Returns the name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Eol::Lf => "lf",
            Eol::CrLf => "crlf",
            Eol::Cr => "cr",
            Eol::Mixed => "mixed",
            Eol::None => "none",
        }
    }
}

/// How the bytes of a whole file stand for characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Valid UTF-8 throughout.
    Utf8,
    /// Some bytes are not UTF-8 and none is NUL: Latin-1, a code page, or a
    /// damaged file. Lines that are valid UTF-8 can be edited with ASCII text.
    Unknown8Bit,
    /// UTF-16, little-endian, by its byte-order mark. Not editable as text.
    Utf16Le,
    /// UTF-16, big-endian, by its byte-order mark. Not editable as text.
    Utf16Be,
    /// Neither of these: not UTF-8, and it holds NUL. Not editable as text.
    Binary,
}

impl Encoding {
    /// Returns the encoding that `bytes` are in. Runs in O(n).
    pub fn of(bytes: &[u8]) -> Encoding {
        if bytes.starts_with(b"\xff\xfe") {
            return Encoding::Utf16Le;
        }
        if bytes.starts_with(b"\xfe\xff") {
            return Encoding::Utf16Be;
        }
        if simdutf8::basic::from_utf8(bytes).is_ok() {
            return Encoding::Utf8;
        }
        match memchr::memchr(0, bytes) {
            Some(_) => Encoding::Binary,
            None => Encoding::Unknown8Bit,
        }
    }

    /// Returns the name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Unknown8Bit => "unknown-8bit",
            Encoding::Utf16Le => "utf-16le",
            Encoding::Utf16Be => "utf-16be",
            Encoding::Binary => "binary",
        }
    }

    /// Returns whether the file's lines can be shown and edited.
    pub fn is_text(self) -> bool {
        matches!(self, Encoding::Utf8 | Encoding::Unknown8Bit)
    }
}

/// Where the lines of one content start. Holds 4 bytes a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    /// The end of the byte-order mark, then the place after each newline.
    /// Invariant: ascending; the last is the end of the file exactly where the
    /// file is empty or its last line is terminated.
    breaks: Vec<u32>,
    /// Length of the content in bytes.
    len: u32,
    /// The byte that ends lines: `\n`, or `\r` in a file without any `\n`.
    newline: u8,
}

impl LineIndex {
    /// Returns the index of `bytes`. Runs in O(n).
    ///
    /// Contents of 4 GiB and more have no index; the limits refuse them long
    /// before.
    pub fn of(bytes: &[u8]) -> LineIndex {
        let newline = newline_of(bytes);
        let mut breaks = Vec::with_capacity(bytes.len() / 32 + 1);
        breaks.push(bom_len(bytes) as u32);
        breaks.extend(memchr::memchr_iter(newline, bytes).map(|at| at as u32 + 1));
        LineIndex { breaks, len: bytes.len() as u32, newline }
    }

    /// Returns the index of `after`, which is this content with `pieces`
    /// replaced: sorted, disjoint ranges of the old bytes, each with its new
    /// text. Looks at no unchanged byte, so it runs in O(lines + new text),
    /// unless the meaning of a lone CR may have changed.
    pub fn spliced<'a>(
        &self,
        after: &[u8],
        pieces: impl Iterator<Item = (Range<usize>, &'a [u8])>,
    ) -> LineIndex {
        if self.newline != b'\n' || bom_len(after) != self.bom() {
            return LineIndex::of(after);
        }
        let mut breaks = Vec::with_capacity(self.breaks.len() + 16);
        breaks.push(self.bom() as u32);
        let mut rest = &self.breaks[1..];
        let mut shift = 0_i64;
        let moved = |at: u32, shift: i64| (i64::from(at) + shift) as u32;
        for (range, text) in pieces {
            // A break belongs to the newline just before it.
            let (kept, behind) = rest.split_at(count_up_to(rest, range.start));
            breaks.extend(kept.iter().map(|&at| moved(at, shift)));
            rest = &behind[count_up_to(behind, range.end)..];
            let start = moved(range.start as u32, shift);
            breaks.extend(memchr::memchr_iter(b'\n', text).map(|nl| start + nl as u32 + 1));
            shift += text.len() as i64 - range.len() as i64;
        }
        breaks.extend(rest.iter().map(|&at| moved(at, shift)));
        if breaks.len() < 2 {
            return LineIndex::of(after);
        }
        LineIndex { breaks, len: after.len() as u32, newline: b'\n' }
    }

    /// Returns the number of lines.
    pub fn count(&self) -> usize {
        self.breaks.len() - usize::from(self.final_newline())
    }

    /// Returns whether the last line is terminated; `true` for an empty file.
    pub fn final_newline(&self) -> bool {
        self.breaks.last() == Some(&self.len)
    }

    /// Returns the length of the byte-order mark: 3 or 0.
    pub fn bom(&self) -> usize {
        self.breaks[0] as usize
    }

    /// Returns the length of the content in bytes.
    pub fn byte_len(&self) -> usize {
        self.len as usize
    }

    /// Returns where line `line` (0-based) starts; the end of the file for the
    /// line after the last.
    pub fn start(&self, line: usize) -> usize {
        self.breaks.get(line).map_or(self.len as usize, |&at| at as usize)
    }

    /// Returns the bytes of the 0-based half-open range of lines, terminators
    /// included.
    pub fn bytes_of(&self, lines: Range<usize>) -> Range<usize> {
        self.start(lines.start)..self.start(lines.end)
    }

    /// Returns the line (0-based) that holds byte `offset`; the number of lines
    /// at the end of a terminated file. Runs in O(log lines).
    pub fn line_at(&self, offset: usize) -> usize {
        self.breaks.partition_point(|&at| at as usize <= offset).saturating_sub(1)
    }

    /// Returns the line (0-based) that starts at byte `offset`, or the number
    /// of lines for the end of the file; `None` inside a line.
    pub fn line_starting_at(&self, offset: usize) -> Option<usize> {
        if offset == self.len as usize {
            return Some(self.count());
        }
        self.breaks.binary_search(&u32::try_from(offset).ok()?).ok()
    }

    /// Returns the content of line `line` (0-based) without its terminator.
    pub fn content<'a>(&self, bytes: &'a [u8], line: usize) -> &'a [u8] {
        let whole = &bytes[self.start(line)..self.start(line + 1)];
        &whole[..whole.len() - terminator_len(whole, self.newline)]
    }

    /// Returns what ends line `line` (0-based); `None` for a last line without
    /// a terminator, and for lines that are not there.
    pub fn terminator(&self, bytes: &[u8], line: usize) -> Option<Terminator> {
        let whole = &bytes[self.start(line)..self.start(line + 1)];
        match (terminator_len(whole, self.newline), self.newline) {
            (0, _) => None,
            (2, _) => Some(Terminator::CrLf),
            (_, b'\r') => Some(Terminator::Cr),
            _ => Some(Terminator::Lf),
        }
    }

    /// Returns how the lines of `bytes` end. Runs in O(n) only where both CR
    /// and LF occur.
    pub fn eol(&self, bytes: &[u8]) -> Eol {
        let terminated = self.count() - usize::from(!self.final_newline());
        if terminated == 0 {
            return Eol::None;
        }
        if self.newline == b'\r' {
            return Eol::Cr;
        }
        if memchr::memchr(b'\r', bytes).is_none() {
            return Eol::Lf;
        }
        let crlf = memchr::memmem::find_iter(bytes, b"\r\n").count();
        match crlf {
            0 => Eol::Lf,
            n if n == terminated => Eol::CrLf,
            _ => Eol::Mixed,
        }
    }
}

/// Returns how many of the ascending `breaks` lie at `place` or before. Runs in
/// O(log of that number): pieces often follow each other closely.
fn count_up_to(breaks: &[u32], place: usize) -> usize {
    let is_before = |at: &u32| *at as usize <= place;
    let mut reach = 1;
    while breaks.get(reach - 1).is_some_and(is_before) {
        reach *= 2;
    }
    let known = reach / 2;
    known + breaks[known..breaks.len().min(reach)].partition_point(is_before)
}

/// Returns the length of the UTF-8 byte-order mark of `bytes`: 3 or 0.
pub fn bom_len(bytes: &[u8]) -> usize {
    if bytes.starts_with(BOM) { BOM.len() } else { 0 }
}

/// Returns the byte that ends lines in `bytes`.
fn newline_of(bytes: &[u8]) -> u8 {
    if memchr::memchr(b'\n', bytes).is_none() && memchr::memchr(b'\r', bytes).is_some() {
        b'\r'
    } else {
        b'\n'
    }
}

/// Returns the length of the terminator at the end of one whole line.
fn terminator_len(whole: &[u8], newline: u8) -> usize {
    match whole {
        [.., b'\r', b'\n'] if newline == b'\n' => 2,
        [.., last] if *last == newline => 1,
        _ => 0,
    }
}

/// Returns the lines of an operation's `text`, without terminators.
///
/// One final newline ends the last line; CRLF counts as LF; a lone CR is
/// content. `"\n"` is one empty line.
///
/// # Errors
/// `malformed` for `""`, which names no line at all.
pub fn lines_of_text(text: &str) -> Result<Vec<&str>, Refusal> {
    Ok(each_line_of_text(text)?.collect())
}

/// Returns the same lines one by one, for whoever has a place for them.
///
/// # Errors
/// As [`lines_of_text`].
pub fn each_line_of_text(text: &str) -> Result<impl Iterator<Item = &str>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new(
            Code::Malformed,
            "empty text: to remove lines use delete, for one empty line use \"\\n\"",
        ));
    }
    let mut rest = text;
    Ok(std::iter::from_fn(move || {
        let Some(end) = memchr::memchr(b'\n', rest.as_bytes()) else {
            // What no newline follows may end in a CR that is content.
            return Some(std::mem::take(&mut rest)).filter(|line| !line.is_empty());
        };
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line.strip_suffix('\r').unwrap_or(line))
    }))
}

/// Returns the column of byte `column` of a line in UTF-16 code units; invalid
/// bytes count one unit each, as editors show them.
pub fn utf16_column(line: &[u8], column: usize) -> usize {
    utf16_units(line).take_while(|(at, _)| *at < column).map(|(_, units)| units).sum()
}

/// Returns the byte column of UTF-16 column `column` of a line, or the line's
/// length where the column lies beyond its end.
pub fn byte_column(line: &[u8], column: usize) -> usize {
    let mut seen = 0;
    for (at, units) in utf16_units(line) {
        if seen >= column {
            return at;
        }
        seen += units;
    }
    line.len()
}

/// Returns the offset and the UTF-16 length of each character of a line.
fn utf16_units(line: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    line.utf8_chunks().flat_map(move |chunk| {
        let start = at;
        at += chunk.valid().len() + chunk.invalid().len();
        let valid = chunk.valid().char_indices().map(move |(i, c)| (start + i, c.len_utf16()));
        let bad_from = start + chunk.valid().len();
        let invalid = (0..chunk.invalid().len()).map(move |i| (bad_from + i, 1));
        valid.chain(invalid)
    })
}
