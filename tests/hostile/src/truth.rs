//! Where an edit belongs, by the identity of lines.

use std::ops::Range;

use crate::edit::Edit;
use crate::file::File;
use crate::reading::{Ids, readings};

/// Where an edit belongs now, in every history that gives the same texts and
/// leaves a line where it was if it can. In one history it is the first that
/// fits, in the order of [`Truth::Already`], [`Truth::Valid`],
/// [`Truth::Loose`], [`Truth::Gone`]. Where the histories do not agree it is
/// [`Truth::Loose`], but [`Truth::Already`] if some say so and none says
/// [`Truth::Valid`].
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
        /// The places: where the lines of a range stand, and beside each
        /// surviving neighbour for an insert, in each of the histories.
        at: Vec<Range<usize>>,
        /// Where the text of the edit stands, if in one of the histories the
        /// edit is done already.
        done: Option<Range<usize>>,
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
    /// Another history gives the same texts, and says something else.
    History,
}

impl Truth {
    /// Returns the places where the edit can be applied.
    pub fn places(&self) -> &[Range<usize>] {
        match self {
            Truth::Valid { at } => std::slice::from_ref(at),
            Truth::Loose { at, .. } => at,
            Truth::Already { .. } | Truth::Gone => &[],
        }
    }
}

/// Where the lines of what was read stand now, in one reading.
struct Places {
    /// By line of what was read.
    now: Vec<Option<usize>>,
    now_len: usize,
}

impl Places {
    /// Finds every line that survives.
    fn new(seen: &File, ids: &Ids) -> Places {
        let mut places = Places { now: vec![None; seen.lines.len()], now_len: ids.len() };
        for (index, id) in ids.iter().enumerate() {
            if let Some(place) = places.now.get_mut(*id as usize) {
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

/// Tells every edit where it belongs.
pub(crate) fn tell(seen: &File, now: &File, edits: &mut [Edit]) {
    let readings = readings(seen, now);
    let all: Vec<Places> = readings.iter().map(|ids| Places::new(seen, ids)).collect();
    for edit in edits {
        let told = all.iter().map(|one| match already(seen, now, one, &edit.lines, &edit.text) {
            Some(at) => Truth::Already { at },
            None => truth(seen, now, one, &edit.lines),
        });
        edit.truth = agreed(told.collect());
    }
}

/// Returns what holds in every reading. Where the edit is done in one of them
/// it is so in all, save those in which it is valid.
fn agreed(mut all: Vec<Truth>) -> Truth {
    let done = all.iter().find(|one| matches!(one, Truth::Already { .. })).cloned();
    if done.is_some() {
        all.retain(|one| matches!(one, Truth::Valid { .. }));
    }
    let (first, done) = match (all.first(), done) {
        (None, Some(done)) => return done,
        (None, None) => return Truth::Gone,
        (Some(first), done) => (first, done),
    };
    if done.is_none() && all.iter().all(|one| one == first) {
        return first.clone();
    }
    let mut at: Vec<Range<usize>> = Vec::new();
    for place in all.iter().flat_map(Truth::places) {
        if !at.contains(place) {
            at.push(place.clone());
        }
    }
    let done = match done {
        Some(Truth::Already { at }) => Some(at),
        _ => None,
    };
    Truth::Loose { at, done, why: Missing::History }
}

/// Returns where an edit belongs in one reading, if it is not done already.
fn truth(seen: &File, now: &File, places: &Places, lines: &Range<usize>) -> Truth {
    let (after, before) = (places.after(lines.start), places.before(lines.end));
    let loose = |starts: &[usize]| {
        let at = starts.iter().map(|start| *start..start + lines.len()).collect();
        Truth::Loose { at, done: None, why: Missing::Neighbour }
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
        false => Truth::Loose { at: vec![place], done: None, why: Missing::Terminators },
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

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::{Missing, Truth, tell};
    use crate::edit::Edit;
    use crate::file::{Terminator, sample};

    /// Returns where an edit belongs that was written for the lines `seen`.
    fn told(seen: &str, lines: Range<usize>, text: &[&str], now: &[(&str, u32)]) -> Truth {
        let seen: Vec<(&str, u32)> = seen.split(' ').zip(0..).collect();
        let text = text.iter().map(|line| line.as_bytes().to_vec()).collect();
        let mut edits = [Edit { lines, text, truth: Truth::Gone }];
        tell(&sample(&seen), &sample(now), &mut edits);
        edits[0].truth.clone()
    }

    fn loose<const N: usize>(at: [(usize, usize); N], why: Missing) -> Truth {
        let at = at.map(|(start, end)| start..end).to_vec();
        Truth::Loose { at, done: None, why }
    }

    #[test]
    fn a_range_is_valid_between_its_neighbours() {
        let now = [("new", 4), ("a", 0), ("b", 1), ("c", 2), ("y", 5)];
        assert_eq!(told("a b c d", 1..2, &["x"], &now), Truth::Valid { at: 2..3 });
        assert_eq!(told("a b c d", 1..1, &["x"], &now), Truth::Valid { at: 2..2 });
        let missing = Missing::Neighbour;
        assert_eq!(told("a b c d", 2..3, &["x"], &now), loose([(3, 4)], missing));
        assert_eq!(told("a b c d", 0..1, &["x"], &now), loose([(1, 2)], missing));
        assert_eq!(told("a b c d", 0..0, &["x"], &now), loose([(0, 0), (1, 1)], missing));
        assert_eq!(told("a b c d", 3..3, &["x"], &now), loose([(4, 4)], missing));
        assert_eq!(told("a b c d", 2..4, &["x"], &now), Truth::Gone);
        assert_eq!(told("a b c d", 3..4, &["x"], &now), Truth::Gone);
    }

    #[test]
    fn lines_that_were_torn_apart_have_no_place() {
        let now = [("a", 0), ("b", 1), ("new", 3), ("c", 2)];
        assert_eq!(told("a b c", 1..3, &["x"], &now), Truth::Gone);
        let now = [("b", 1), ("a", 0), ("c", 2)];
        assert_eq!(told("a b c", 0..2, &["x"], &now), Truth::Gone);
    }

    #[test]
    fn what_the_drift_has_done_is_done() {
        let now = [("a", 0), ("x", 4), ("c", 2), ("new", 5), ("d", 3)];
        assert_eq!(told("a b c d", 1..2, &["x"], &now), Truth::Already { at: 1..2 });
        assert_eq!(told("a b c d", 1..2, &["y"], &now), Truth::Gone);
        // Whether it was the first or the second of two equal lines.
        for gone in [1, 2] {
            let now = [("a", 0), ("b", 3 - gone), ("c", 3)];
            assert_eq!(told("a b b c", 1..2, &[], &now), Truth::Already { at: 1..1 });
            assert_eq!(told("a b b c", 2..3, &[], &now), Truth::Already { at: 2..2 });
        }
        let now = [("a", 0), ("b", 1), ("b", 3), ("c", 2)];
        assert_eq!(told("a b c", 1..1, &["b"], &now), Truth::Already { at: 1..2 });
    }

    #[test]
    fn what_has_two_histories_is_loose() {
        let now = [("a", 0), ("b", 3), ("b", 1), ("c", 2)];
        assert_eq!(told("a b c", 1..2, &["x"], &now), loose([(2, 3), (1, 2)], Missing::History));
    }

    #[test]
    fn what_is_done_in_one_history_and_valid_in_another_is_loose() {
        // Either the old line was changed as the edit would, and a copy of the
        // old lines written below; or the other way round.
        let seen = [("a", 0), ("b", 1), ("c", 2)];
        let mut now = sample(&[("a", 0), ("x", 3), ("c", 2), ("a", 4), ("b", 5), ("c", 6)]);
        for (line, copied) in now.lines[3..].iter_mut().zip(0..) {
            line.copied = Some(crate::file::Copied { line: copied, time: 1 });
        }
        let text = Vec::from([b"x".to_vec()]);
        let mut edits = [Edit { lines: 1..2, text, truth: Truth::Gone }];
        tell(&sample(&seen), &now, &mut edits);
        let at = std::iter::once(4..5).collect();
        let want = Truth::Loose { at, done: Some(1..2), why: Missing::History };
        assert_eq!(edits[0].truth, want);
    }

    #[test]
    fn terminators_count() {
        let seen = sample(&[("a", 0), ("b", 1), ("c", 2)]);
        let edit = Edit { lines: 1..2, text: Vec::new(), truth: Truth::Gone };
        for line in 0..3 {
            let mut now = sample(&[("new", 3), ("a", 0), ("b", 1), ("c", 2)]);
            now.lines[line + 1].terminator = Terminator::CrLf;
            let mut edits = [edit.clone()];
            tell(&seen, &now, &mut edits);
            assert_eq!(edits[0].truth, loose([(2, 3)], Missing::Terminators));
        }
    }
}
