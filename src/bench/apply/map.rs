//! Numbers of lines, carried from what was seen to what is there by a plain
//! line diff, or held against the lines that were seen.
//!
//! The rules that ours grew out of, written apart from it: without slides,
//! satisfied hunks and the identity of look-alikes, so that what these add can
//! be measured.

use std::ops::Range;

use engine::error::Code;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{Outcome, Piece, Rejected, Situation, numbered, put};

/// The range must be unchanged.
pub(super) fn range(situation: &Situation, text: &str) -> Outcome {
    mapped(situation, text, false)
}

/// The range and the lines next to it must be unchanged.
pub(super) fn neighbours(situation: &Situation, text: &str) -> Outcome {
    mapped(situation, text, true)
}

fn mapped(situation: &Situation, text: &str, neighbours: bool) -> Outcome {
    let map = Map::of(situation.seen(), situation.now());
    let carry = |piece: Piece| {
        let old = map.carry(&piece.old, neighbours);
        old.map(|old| Piece { old, new: piece.new })
            .ok_or_else(|| Rejected::new(Code::Conflict, "the lines changed since they were read"))
    };
    let pieces: Result<Vec<Piece>, Rejected> =
        numbered("lines", situation, text)?.into_iter().map(carry).collect();
    put(situation.now(), &pieces?)
}

/// Where each line stands now, those that are gone left out.
struct Map {
    lines: Vec<Option<usize>>,
    now: usize,
}

impl Map {
    fn of(seen: &str, now: &str) -> Map {
        let (seen, now): (Vec<&str>, Vec<&str>) =
            (seen.split('\n').collect(), now.split('\n').collect());
        let mut lines = vec![None; seen.len()];
        let (mut old, mut new) = (0, 0);
        let mut pair = |from: usize, to: usize, at: usize| {
            (from..to).for_each(|line| lines[line] = Some(at + line - from));
        };
        let ops = capture_diff_slices(Algorithm::Myers, &seen, &now);
        let changes: Vec<(Range<usize>, Range<usize>)> = ops
            .iter()
            .filter(|op| !matches!(op, DiffOp::Equal { .. }))
            .map(|op| (op.old_range(), op.new_range()))
            .collect();
        for (index, (gone, come)) in changes.iter().enumerate() {
            let room = changes.get(index + 1).map_or(seen.len(), |next| next.0.start) - gone.end;
            let down = slide(&seen, gone, &now, come, room);
            pair(old, gone.start + down, new);
            (old, new) = (gone.end + down, come.end + down);
        }
        pair(old, seen.len(), new);
        Map { lines, now: now.len() }
    }

    /// Returns where a range stands now, if it is still in one piece.
    fn carry(&self, old: &Range<usize>, neighbours: bool) -> Option<Range<usize>> {
        // One before the first line, and one behind the last, are places too;
        // counted from 1 here, so that the start of the file is 0.
        let before = match old.start {
            0 => Some(0),
            start => self.lines.get(start - 1).copied().flatten().map(|line| line + 1),
        };
        let behind = match old.end == self.lines.len() {
            true => Some(self.now),
            false => self.lines.get(old.end).copied().flatten(),
        };
        let inside: Option<Vec<usize>> = self.lines.get(old.clone())?.iter().copied().collect();
        let inside = inside?;
        if inside.windows(2).any(|pair| pair[1] != pair[0] + 1) {
            return None;
        }
        let place = match (inside.first(), before, behind) {
            (Some(&first), ..) => first..first + inside.len(),
            (None, Some(before), _) => before..before,
            (None, None, Some(behind)) => behind..behind,
            (None, None, None) => return None,
        };
        let beside = before == Some(place.start) && behind == Some(place.end);
        (beside || !neighbours).then_some(place)
    }
}

/// Returns by how many lines an insertion or a deletion can stand further down
/// and mean the same: as far as it goes is where git puts it.
fn slide(
    seen: &[&str],
    gone: &Range<usize>,
    now: &[&str],
    come: &Range<usize>,
    room: usize,
) -> usize {
    let same = |down: &usize| match (gone.is_empty(), come.is_empty()) {
        (true, false) => now[come.start + down] == now[come.end + down],
        (false, true) => seen[gone.start + down] == seen[gone.end + down],
        _ => false,
    };
    (0..room).take_while(same).count()
}

/// Every line of the range must stand there as it was seen; else it goes to the
/// only place where they all do.
pub(super) fn verified(situation: &Situation, text: &str) -> Outcome {
    let seen: Vec<&str> = situation.seen().split('\n').collect();
    let now: Vec<&str> = situation.now().split('\n').collect();
    let carry = |piece: Piece| {
        // An insertion is held by the line before it.
        let held = match piece.old.is_empty() {
            true => piece.old.start.saturating_sub(1)..piece.old.start,
            false => piece.old.clone(),
        };
        let wanted = seen.get(held.clone()).unwrap_or_default();
        let at = stands(wanted, &now, held.start)?;
        let start = if piece.old.is_empty() { at + wanted.len() } else { at };
        Ok(Piece { old: start..start + piece.old.len(), new: piece.new })
    };
    let pieces: Result<Vec<Piece>, Rejected> =
        numbered("lines", situation, text)?.into_iter().map(carry).collect();
    put(situation.now(), &pieces?)
}

fn stands(wanted: &[&str], now: &[&str], at: usize) -> Result<usize, Rejected> {
    if now.get(at..at + wanted.len()) == Some(wanted) {
        return Ok(at);
    }
    let mut places = (0..(now.len() + 1).saturating_sub(wanted.len()))
        .filter(|at| now[*at..].starts_with(wanted));
    match (places.next(), places.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Rejected::new(Code::Stale, "the lines are not there any more")),
        _ => Err(Rejected::new(Code::Ambiguous, "the lines stand in several places")),
    }
}
