//! Other histories: whether a place that is not the right one would be, if
//! lines of the same contents were others than they are.

use std::ops::Range;

use crate::case::Case;
use crate::edit::Edit;
use crate::judge::Placed;

/// Returns what kind of tie a place is that is not the right one, if it is one:
/// there is another history of the same two texts in which it is, and which
/// parts no more lines that were neighbours.
///
/// The other history is found by giving the lines of the place, with their
/// neighbours, the identities that the edit is about, and as many lines on
/// both sides as have the same contents.
pub fn tie(case: &Case, edit: &Edit, placed: &Placed) -> Option<&'static str> {
    let (at, len) = match placed {
        Placed::At(at) => (at.clone(), edit.lines.len()),
        Placed::Already(at) => (at.clone(), 0),
        Placed::Refused => return None,
    };
    let really: Vec<usize> = case.now.lines.iter().map(|line| line.id as usize).collect();
    let before = joints(case, &really);
    let mut best = None;
    for reach in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, usize::MAX] {
        let mut ids = really.clone();
        let inner = at.start..at.start + if matches!(placed, Placed::At(_)) { len } else { 0 };
        for (now, was) in inner.zip(edit.lines.clone()) {
            exchange(case, &mut ids, now, was)?;
        }
        spread(case, &mut ids, (at.end, edit.lines.end), 1, reach.max(1));
        spread(case, &mut ids, (at.start, edit.lines.start), -1, reach.max(1));
        if is_right(case, &ids, edit, &at, placed) {
            best = best.max(Some(joints(case, &ids)));
        }
    }
    match best {
        Some(joints) if joints > before => Some("tie, with a simpler history"),
        Some(joints) if joints == before => Some("tie, with as simple a history"),
        _ => None,
    }
}

/// Gives line `now` the identity `was`, and its own to whoever had that.
fn exchange(case: &Case, ids: &mut [usize], now: usize, was: usize) -> Option<()> {
    if case.now.content(now) != case.seen.content(was) {
        return None;
    }
    let own = ids[now];
    if let Some(other) = ids.iter().position(|id| *id == was) {
        ids[other] = own;
    }
    ids[now] = was;
    Some(())
}

/// Exchanges up to `reach` lines from a place on, as long as they are equal.
fn spread(case: &Case, ids: &mut [usize], (now, was): (usize, usize), step: i64, reach: usize) {
    let (mut now, mut was) = (now as i64, was as i64);
    if step < 0 {
        (now, was) = (now - 1, was - 1);
    }
    for _ in 0..reach {
        let inside = 0 <= now && now < ids.len() as i64;
        let known = 0 <= was && was < case.seen.lines.len() as i64;
        if !inside || !known || ids[now as usize] == was as usize {
            return;
        }
        if exchange(case, ids, now as usize, was as usize).is_none() {
            return;
        }
        (now, was) = (now + step, was + step);
    }
}

/// Returns whether the place is the right one if lines are who `ids` says.
fn is_right(case: &Case, ids: &[usize], edit: &Edit, at: &Range<usize>, placed: &Placed) -> bool {
    let total = case.seen.lines.len();
    let above = match (edit.lines.start, at.start) {
        (0, place) => place == 0,
        (_, 0) => false,
        (line, place) => ids[place - 1] == line - 1,
    };
    let below = match edit.lines.end == total {
        true => at.end == ids.len(),
        false => ids.get(at.end) == Some(&edit.lines.end),
    };
    let within = matches!(placed, Placed::Already(_))
        || ids[at.clone()].iter().copied().eq(edit.lines.clone());
    above && below && within
}

/// Returns how many neighbours of what was read are neighbours now.
fn joints(case: &Case, ids: &[usize]) -> usize {
    let total = case.seen.lines.len();
    let pairs = ids.windows(2).filter(|pair| pair[0] < total && pair[1] == pair[0] + 1).count();
    let first = usize::from(ids.first() == Some(&0));
    let last = usize::from(total > 0 && ids.last() == Some(&(total - 1)));
    pairs + first + last
}
