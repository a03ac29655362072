//! The truth once more, as naively as its English reads: by search, for each
//! edit, through all places there are.

use std::ops::Range;

use hostile::{Case, Edit, File, Missing, Truth, cases};

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
    let (seen, now) = (who(&case.seen), who(&case.now));
    if let Some(at) = already(case, edit) {
        return Truth::Already { at };
    }
    // The ends shift every index by one: line a is seen[a + 1].
    let (a, b) = (edit.lines.start, edit.lines.end);
    if let [at] = find(&now, &seen[a..b + 2])[..] {
        let at = at..at + edit.lines.len();
        return match same_terminators(case, a..b, at.start) {
            true => Truth::Valid { at },
            false => Truth::Loose { at: Vec::from([at]), why: Missing::Terminators },
        };
    }
    let places: Vec<usize> = match edit.lines.is_empty() {
        true => {
            let after = find(&now, &seen[a..a + 1]);
            let before = find(&now, &seen[a + 1..a + 2]);
            after.into_iter().chain(before.into_iter().map(|at| at - 1)).collect()
        }
        false => find(&now, &seen[a + 1..b + 1]).into_iter().map(|at| at - 1).collect(),
    };
    let at: Vec<Range<usize>> = places.iter().map(|at| *at..at + edit.lines.len()).collect();
    match at.is_empty() {
        true => Truth::Gone,
        false => Truth::Loose { at, why: Missing::Neighbour },
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
fn already(case: &Case, edit: &Edit) -> Option<Range<usize>> {
    let lines = contents(&case.seen, 0..case.seen.lines.len());
    let after = |range: &Range<usize>, text: &[Vec<u8>]| {
        [&lines[..range.start], text, &lines[range.end..]].concat()
    };
    let want = after(&edit.lines, &edit.text);
    let window = twins(&lines, edit, &want);
    let (seen, now) = (who(&case.seen), who(&case.now));
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
