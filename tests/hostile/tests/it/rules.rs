//! Rules that seem good enough, and what the cases make of them.

use std::ops::Range;

use hostile::{Case, File, Placed, Verdict, cases, judge};

/// Returns how many edits a rule lands at a wrong place, and how many at the
/// right one.
fn tally(rule: impl Fn(&Case, &Range<usize>) -> Option<usize>) -> (u64, u64) {
    let (mut wrong, mut right) = (0, 0);
    for case in cases(0, crate::count() / 4) {
        for (index, edit) in case.edits.iter().enumerate() {
            let at = rule(&case, &edit.lines).map(|at| at..at + edit.lines.len());
            let placed = at.map_or(Placed::Refused, Placed::At);
            match judge(&case, index, &placed) {
                Verdict::Wrong => wrong += 1,
                Verdict::Right | Verdict::SameBytes | Verdict::Unproved => right += 1,
                _ => {}
            }
        }
    }
    (wrong, right)
}

/// Returns whether the same lines stand at two places.
fn same(case: &Case, lines: Range<usize>, at: usize) -> bool {
    lines.zip(at..).all(|(line, at)| {
        at < case.now.lines.len() && case.seen.content(line) == case.now.content(at)
    })
}

/// Returns the range with up to `more` lines on both sides.
fn around(file: &File, lines: &Range<usize>, more: usize) -> Range<usize> {
    lines.start.saturating_sub(more)..file.lines.len().min(lines.end + more)
}

/// Returns where the lines stand in now, by their contents.
fn places(case: &Case, lines: Range<usize>) -> Vec<usize> {
    (0..case.now.lines.len()).filter(|at| same(case, lines.clone(), *at)).collect()
}

#[test]
fn the_same_number_is_wrong() {
    let (wrong, right) =
        tally(|case, lines| (lines.end <= case.now.lines.len()).then_some(lines.start));
    println!("same number: {wrong} wrong, {right} right");
    assert!(wrong * 10 > right);
}

#[test]
fn the_nearest_equal_text_is_wrong() {
    let (wrong, right) = tally(|case, lines| {
        let wide = around(&case.seen, lines, 1);
        let places = places(case, wide.clone());
        let nearest = places.into_iter().min_by_key(|at| at.abs_diff(wide.start));
        nearest.map(|at| at + lines.start - wide.start)
    });
    println!("nearest equal text with its neighbours: {wrong} wrong, {right} right");
    assert!(wrong * 100 > right);
}

#[test]
fn a_window_that_is_unique_is_wrong() {
    let (wrong, right) = tally(|case, lines| {
        (1..30).find_map(|more| {
            let wide = around(&case.seen, lines, more);
            let seen = (0..case.seen.lines.len()).filter(|at| {
                let mut all = wide.clone().zip(*at..);
                all.all(|(one, other)| {
                    other < case.seen.lines.len()
                        && case.seen.content(one) == case.seen.content(other)
                })
            });
            if seen.count() != 1 {
                return None;
            }
            match places(case, wide.clone())[..] {
                [at] => Some(Some(at + lines.start - wide.start)),
                _ => Some(None),
            }
        })?
    });
    println!("smallest window that is unique: {wrong} wrong, {right} right");
    assert!(wrong * 1000 > right);
}
