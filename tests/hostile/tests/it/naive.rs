//! The truth once more, as naively as its English reads: by search, for each
//! edit, through all places there are.

use std::collections::BTreeSet;
use std::ops::Range;

use hostile::{Case, Edit, File, Missing, Role, Truth, cases};

/// A line by its identity; the ends of a file are lines of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Beginning,
    Line(u32),
    End,
}

/// Returns the lines of a file between its two ends.
fn who(file: &File) -> Vec<Who> {
    let lines = file.lines.iter().map(|line| Who::Line(line.id));
    std::iter::once(Who::Beginning).chain(lines).chain([Who::End]).collect()
}

/// Returns the lines that open the constructs around a line, from inside out:
/// each less deep than everything between it and the line.
fn openers(file: &File, line: usize) -> Vec<usize> {
    let mut depth = file.lines[line].depth;
    let mut openers = Vec::new();
    for above in (0..line).rev().filter(|above| file.lines[*above].depth < file.lines[line].depth) {
        let other = file.lines[above];
        if other.depth < depth && matches!(other.role, Role::Header | Role::Open) {
            openers.push(above);
        }
        depth = depth.min(other.depth);
    }
    openers
}

/// Returns the headers around each line: what opens a construct around it, and
/// the names above it that stand directly in one of those.
fn headers(file: &File) -> Vec<Vec<&[u8]>> {
    let all: Vec<Vec<usize>> = (0..file.lines.len()).map(|line| openers(file, line)).collect();
    let of = |line: usize| {
        let names = |above: &usize| {
            let inside = all[*above].first();
            file.lines[*above].role == Role::Name
                && inside.is_some_and(|one| all[line].contains(one))
        };
        let above = (0..line).filter(|above| all[line].contains(above) || names(above));
        above.map(|above| file.content(above)).collect()
    };
    (0..file.lines.len()).map(of).collect()
}

/// What the readings of a case are made from.
struct Readings<'a> {
    case: &'a Case,
    seen: Vec<Who>,
    old: Vec<Vec<&'a [u8]>>,
    new: Vec<Vec<&'a [u8]>>,
}

impl Readings<'_> {
    /// Returns whether line `at` of a reading can be the line `wanted`.
    fn alike(&self, at: usize, wanted: Who) -> bool {
        let Who::Line(line) = wanted else { return false };
        let line = line as usize;
        let same = self.case.seen.content(line) == self.case.now.content(at - 1);
        same && self.old[line] == self.new[at - 1]
    }

    /// Lets line `at` be the line `wanted`, if it can be.
    fn take(&self, reading: &mut [Who], at: usize, wanted: Who) {
        if self.alike(at, wanted) {
            match reading.iter().position(|line| *line == wanted) {
                Some(other) => reading.swap(at, other),
                None => reading[at] = wanted,
            }
        }
    }

    /// Lets lines follow the lines they followed, forth or back.
    fn settle(&self, reading: &mut [Who], forth: isize) {
        let mut order: Vec<usize> = (1..reading.len() - 1).collect();
        if forth < 0 {
            order.reverse();
        }
        for at in order {
            let before = reading[at.wrapping_add_signed(-forth)];
            let Some(there) = self.seen.iter().position(|line| *line == before) else { continue };
            let Some(wanted) = self.seen.get(there.wrapping_add_signed(forth)) else { continue };
            self.take(reading, at, *wanted);
        }
    }

    /// Lets the copies of a time be what was copied, where that does not stand
    /// as it stood.
    fn inherit(&self, reading: &mut [Who], time: u32) {
        let of = |(at, line): (usize, &hostile::Line)| {
            line.copied.filter(|copied| copied.time == time).map(|copied| (at + 1, copied.line))
        };
        let copies: Vec<(usize, u32)> =
            self.case.now.lines.iter().enumerate().filter_map(of).collect();
        let first = copies.iter().map(|copy| copy.1).min().unwrap_or(0) as usize;
        let last = copies.iter().map(|copy| copy.1).max().unwrap_or(0) as usize;
        let whole = find(reading, &self.seen[first..last + 3]);
        let stands = |start: usize| {
            (first..last + 1).all(|line| self.alike(start + 1 + line - first, self.seen[line + 1]))
        };
        if !whole.into_iter().any(stands) {
            copies.into_iter().for_each(|(at, line)| self.take(reading, at, Who::Line(line)));
        }
    }
}

/// Returns the lines of now as they happened, and in the other readings.
fn readings(case: &Case) -> Vec<Vec<Who>> {
    let (seen, now) = (who(&case.seen), who(&case.now));
    let (old, new) = (headers(&case.seen), headers(&case.now));
    let made = Readings { case, seen, old, new };
    let mut all = vec![now.clone(); 3];
    made.settle(&mut all[1], -1);
    made.settle(&mut all[1], 1);
    made.settle(&mut all[2], 1);
    made.settle(&mut all[2], -1);
    let times: BTreeSet<u32> =
        case.now.lines.iter().filter_map(|line| Some(line.copied?.time)).collect();
    for time in times {
        let mut reading = now.clone();
        made.inherit(&mut reading, time);
        all.push(reading);
    }
    all
}

/// Returns the contents of some lines, the ends of the file being none.
fn contents(file: &File, lines: Range<usize>) -> Vec<Vec<u8>> {
    lines.map(|line| file.content(line).to_vec()).collect()
}

/// Returns every place of `now` at which `run` stands.
fn find(now: &[Who], run: &[Who]) -> Vec<usize> {
    let places = 0..(now.len() + 1).saturating_sub(run.len());
    places.filter(|at| now[*at..].starts_with(run)).collect()
}

fn truth(case: &Case, edit: &Edit) -> Truth {
    let readings = readings(case);
    let done: Vec<Option<Range<usize>>> =
        readings.iter().map(|now| already(case, now, edit)).collect();
    let first_done = done.iter().flatten().next().cloned();
    let open = readings.iter().zip(&done).filter(|(_, done)| done.is_none());
    let mut all: Vec<Truth> = open.map(|(now, _)| truth_in(case, now, edit)).collect();
    if let Some(at) = &first_done {
        all.retain(|one| matches!(one, Truth::Valid { .. }));
        if all.is_empty() {
            return Truth::Already { at: at.clone() };
        }
    } else if all.iter().all(|one| *one == all[0]) {
        return all[0].clone();
    }
    let mut at: Vec<Range<usize>> = Vec::new();
    for place in all.iter().flat_map(Truth::places) {
        if !at.contains(place) {
            at.push(place.clone());
        }
    }
    Truth::Loose { at, done: first_done, why: Missing::History }
}

fn truth_in(case: &Case, now: &[Who], edit: &Edit) -> Truth {
    let seen = who(&case.seen);
    // The ends shift every index by one: line a is seen[a + 1].
    let (a, b) = (edit.lines.start, edit.lines.end);
    if let [at] = find(now, &seen[a..b + 2])[..] {
        let at = at..at + edit.lines.len();
        return match same_terminators(case, a..b, at.start) {
            true => Truth::Valid { at },
            false => Truth::Loose { at: Vec::from([at]), done: None, why: Missing::Terminators },
        };
    }
    let places: Vec<usize> = match edit.lines.is_empty() {
        true => {
            let after = find(now, &seen[a..a + 1]);
            let before = find(now, &seen[a + 1..a + 2]);
            after.into_iter().chain(before.into_iter().map(|at| at - 1)).collect()
        }
        false => find(now, &seen[a + 1..b + 1]).into_iter().map(|at| at - 1).collect(),
    };
    let at: Vec<Range<usize>> = places.iter().map(|at| *at..at + edit.lines.len()).collect();
    match at.is_empty() {
        true => Truth::Gone,
        false => Truth::Loose { at, done: None, why: Missing::Neighbour },
    }
}

fn same_terminators(case: &Case, lines: Range<usize>, at: usize) -> bool {
    let last = case.seen.lines.len();
    let around = lines.start.saturating_sub(1)..last.min(lines.end + 1);
    around.into_iter().all(|line| {
        let now = line + at - lines.start;
        case.seen.lines[line].terminator == case.now.lines[now].terminator
    })
}

/// Returns where the text of the edit stands if the drift has done it.
///
/// Every edit that gives the same lines is written down, and the widest stretch
/// any of them touches is held against the file.
fn already(case: &Case, now: &[Who], edit: &Edit) -> Option<Range<usize>> {
    let lines = contents(&case.seen, 0..case.seen.lines.len());
    let after = |range: &Range<usize>, text: &[Vec<u8>]| {
        [&lines[..range.start], text, &lines[range.end..]].concat()
    };
    let want = after(&edit.lines, &edit.text);
    let window = twins(&lines, edit, &want);
    let seen = who(&case.seen);
    let start = now.iter().position(|line| *line == seen[window.start])?;
    let end = now.iter().position(|line| *line == seen[window.end + 1])?;
    let made = window.len() + edit.text.len() - edit.lines.len();
    if end != start + 1 + made {
        return None;
    }
    let same = contents(&case.now, start..start + made) == want[window.start..window.start + made];
    let at = start + edit.lines.start - window.start;
    same.then(|| at..at + edit.text.len())
}

/// Returns the hull of all stretches which the edit can be said to touch.
fn twins(lines: &[Vec<u8>], edit: &Edit, want: &[Vec<u8>]) -> Range<usize> {
    let (mut low, mut high) = (edit.lines.start, edit.lines.end);
    let (old, new) = (edit.lines.len(), edit.text.len());
    // Only an edit that does nothing but remove or add lines can slide.
    let grow = new.saturating_sub(old);
    let shrink = old.saturating_sub(new);
    if grow == shrink {
        return edit.lines.clone();
    }
    for at in 0..=lines.len() - shrink {
        let rest = [&lines[..at], &want[at..at + grow], &lines[at + shrink..]].concat();
        if rest == want {
            (low, high) = (low.min(at), high.max(at + shrink));
        }
    }
    low..high
}

#[test]
fn the_truth_is_what_its_words_say() {
    for case in cases(0, crate::count() / 4) {
        for (index, edit) in case.edits.iter().enumerate() {
            let want = truth(&case, edit);
            assert_eq!(edit.truth, want, "edit {index} of seed {}: {edit:?}", case.seed);
        }
    }
}
