//! Where an edit belongs, by the identity of lines.

use std::ops::Range;

use crate::edit::Edit;
use crate::file::File;

/// Where an edit belongs now. The first that fits, in the order of
/// [`Truth::Already`], [`Truth::Valid`], [`Truth::Loose`], [`Truth::Gone`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    /// All lines of the range stand unchanged, together and in order, between
    /// the neighbours they had; the place of an insert stands between its two
    /// neighbours. The beginning and the end of a file are neighbours like
    /// lines, and never change. Every line named here has its terminator too.
    Valid {
        /// The range in the lines of now.
        at: Range<usize>,
    },
    /// The place is known, but it is not proved that the edit is still meant:
    /// it may be refused, and it may be applied at one of these places where
    /// somebody chooses so.
    Loose {
        /// The places: one for a range, and beside each surviving neighbour for
        /// an insert.
        at: Vec<Range<usize>>,
        /// What is missing.
        why: Missing,
    },
    /// The drift has done just this: between lines that survive stands byte for
    /// byte what the edit would have made there. It does not matter on which
    /// of several equal lines.
    Already {
        /// Where the text of the edit stands, in the lines of now.
        at: Range<usize>,
    },
    /// There is no right place.
    Gone,
}

/// What keeps a place from being proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Missing {
    /// A neighbour has changed, gone, or moved away.
    Neighbour,
    /// Only terminators have changed, of the lines or of their neighbours.
    Terminators,
}

/// Where the lines of what was read stand now.
pub(crate) struct Places {
    /// By line of what was read.
    now: Vec<Option<usize>>,
    now_len: usize,
}

impl Places {
    /// Finds every line that survives.
    pub(crate) fn new(seen: &File, now: &File) -> Places {
        let mut places = Places { now: vec![None; seen.lines.len()], now_len: now.lines.len() };
        for (index, line) in now.lines.iter().enumerate() {
            if let Some(place) = places.now.get_mut(line.id as usize) {
                *place = Some(index);
            }
        }
        places
    }

    /// Returns how many lines of now stand up to and with the line before
    /// `place`: 0 for the beginning of the file.
    fn after(&self, place: usize) -> Option<usize> {
        let Some(line) = place.checked_sub(1) else { return Some(0) };
        self.now[line].map(|at| at + 1)
    }

    /// Returns the index of the line after `place`: the number of lines for the
    /// end of the file.
    fn before(&self, place: usize) -> Option<usize> {
        self.now.get(place).copied().unwrap_or(Some(self.now_len))
    }

    /// Returns where a range of lines stands together and in order.
    fn range(&self, lines: &Range<usize>) -> Option<Range<usize>> {
        let start = self.now[lines.start]?;
        let mut run = lines.clone().zip(start..);
        run.all(|(line, at)| self.now[line] == Some(at)).then(|| start..start + lines.len())
    }
}

/// Returns where an edit belongs.
pub(crate) fn truth(seen: &File, now: &File, places: &Places, edit: &Edit) -> Truth {
    let Edit { lines, text, .. } = edit;
    if let Some(at) = already(seen, now, places, lines, text) {
        return Truth::Already { at };
    }
    let (after, before) = (places.after(lines.start), places.before(lines.end));
    let loose = |starts: &[usize]| {
        let at = starts.iter().map(|start| *start..start + lines.len()).collect();
        Truth::Loose { at, why: Missing::Neighbour }
    };
    if lines.is_empty() {
        return match (after, before) {
            (Some(after), Some(before)) if after == before => proved(seen, now, lines, after),
            (Some(after), Some(before)) => loose(&[after, before]),
            (Some(place), None) | (None, Some(place)) => loose(&[place]),
            (None, None) => Truth::Gone,
        };
    }
    match places.range(lines) {
        Some(at) if after == Some(at.start) && before == Some(at.end) => {
            proved(seen, now, lines, at.start)
        }
        Some(at) => loose(&[at.start]),
        None => Truth::Gone,
    }
}

/// Returns the truth of a place whose lines are the same, if their terminators
/// are too.
fn proved(seen: &File, now: &File, lines: &Range<usize>, at: usize) -> Truth {
    let place = at..at + lines.len();
    let around = lines.start.saturating_sub(1)..seen.lines.len().min(lines.end + 1);
    let first = at - (lines.start - around.start);
    let same = |(line, now_line): (usize, usize)| {
        seen.lines[line].terminator == now.lines[now_line].terminator
    };
    match around.zip(first..).all(same) {
        true => Truth::Valid { at: place },
        false => Truth::Loose { at: vec![place], why: Missing::Terminators },
    }
}

/// Returns where the text of the edit stands if the drift has done the same.
fn already(
    seen: &File,
    now: &File,
    places: &Places,
    lines: &Range<usize>,
    text: &[Vec<u8>],
) -> Option<Range<usize>> {
    let window = window(seen, lines, text);
    let (start, end) = (places.after(window.start)?, places.before(window.end)?);
    if start + window.len() + text.len() != end + lines.len() {
        return None;
    }
    let before = (window.start..lines.start).map(|line| seen.content(line));
    let after = (lines.end..window.end).map(|line| seen.content(line));
    let want = before.chain(text.iter().map(Vec::as_slice)).chain(after);
    let at = start + lines.start - window.start;
    want.eq((start..end).map(|line| now.content(line))).then(|| at..at + text.len())
}

/// Returns the lines within which the edit could as well stand elsewhere,
/// because it removes or adds one of several equal runs.
fn window(seen: &File, lines: &Range<usize>, text: &[Vec<u8>]) -> Range<usize> {
    let old = |line: usize| seen.content(line);
    let most = lines.len().min(text.len());
    let head = (0..most).take_while(|k| old(lines.start + k) == text[*k]).count();
    let tail =
        (0..most - head).take_while(|k| old(lines.end - 1 - k) == text[text.len() - 1 - k]).count();
    let (mut start, mut end) = (lines.start + head, lines.end - tail);
    let text = &text[head..text.len() - tail];
    if start < end && !text.is_empty() {
        return lines.clone();
    }
    let total = seen.lines.len();
    match start == end {
        // An insert can stand lower where the line it passes is the line it
        // begins with, and so on around.
        true => {
            let run = text.len();
            let up = |k: usize| start > k && old(start - 1 - k) == text[run - 1 - k % run];
            let down = |k: usize| end + k < total && old(end + k) == text[k % run];
            let (up, down) =
                ((0..).take_while(|k| up(*k)).count(), (0..).take_while(|k| down(*k)).count());
            (start, end) = (start - up, end + down);
        }
        false => {
            let run = end - start;
            let up =
                (0..).take_while(|k| start > *k && old(start - 1 - k) == old(start + run - 1 - k));
            let down = (0..).take_while(|k| end + k < total && old(end + k) == old(start + k));
            (start, end) = (start - up.count(), end + down.count());
        }
    }
    start.min(lines.start)..end.max(lines.end)
}
