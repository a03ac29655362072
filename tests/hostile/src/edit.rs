//! Pending edits, in the lines of what was read.

use std::ops::Range;

use crate::dice::Dice;
use crate::draft::Draft;
use crate::truth::Truth;

/// An edit that its author has written for what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The lines that go, counted from 0, the end excluded; an empty range is
    /// the place of an insert.
    pub lines: Range<usize>,
    /// The lines that come, without terminators.
    pub text: Vec<Vec<u8>>,
    /// Where the edit belongs now.
    pub truth: Truth,
}

/// Returns the edits of a case: sorted, disjoint, none without effect.
pub(crate) fn edits(dice: &mut Dice, draft: &Draft, count: usize) -> Vec<Edit> {
    let mut places: Vec<Range<usize>> = Vec::with_capacity(count);
    for _ in 0..count {
        let place = place(dice, draft, places.last().map(|last| last.end));
        if !places.iter().any(|other| meets(other, &place)) {
            places.push(place);
        }
    }
    places.sort_by_key(|place| (place.start, place.end));
    let alone = |index: usize| {
        let before = index > 0 && places[index - 1].end == places[index].start;
        let after = places.get(index + 1).is_some_and(|next| next.start == places[index].end);
        !before && !after
    };
    let edits = places.iter().enumerate().map(|(index, lines)| {
        // Beside another edit only new text: a deletion and an insertion of
        // equal lines would be no edit at all.
        let text = text(dice, draft, lines, alone(index));
        Edit { lines: lines.clone(), text, truth: Truth::Gone }
    });
    edits.collect()
}

/// Returns whether two ranges share a line, or one is a place inside the other
/// or the same place.
fn meets(one: &Range<usize>, other: &Range<usize>) -> bool {
    one == other || one.start < other.end && other.start < one.end
}

/// Returns a range of up to 5 lines, or a place between lines: most often of
/// statements, also at the edges of the file and of other edits.
fn place(dice: &mut Dice, draft: &Draft, last: Option<usize>) -> Range<usize> {
    let total = draft.rows.len();
    let start = match (dice.below(20), last) {
        (0, _) => 0,
        (1, _) => total.saturating_sub(1),
        (2, _) => total,
        (3..=8, Some(last)) => last,
        (9.., _) => {
            let random = dice.below(total + 1);
            let is_statement = |at: &usize| draft.rows[*at].is_statement();
            (random..total).find(is_statement).unwrap_or(random)
        }
        _ => dice.below(total + 1),
    };
    let most = match dice.below(10) {
        0..=2 => 0,
        3..=6 => 1,
        7 => 2,
        _ => dice.between(1, 5),
    };
    start..total.min(start + most)
}

/// Returns the lines that come: none for a third of the deletions, else 1 to 5,
/// not the ones that go.
fn text(dice: &mut Dice, draft: &Draft, lines: &Range<usize>, alike: bool) -> Vec<Vec<u8>> {
    if !lines.is_empty() && dice.chance(33) {
        return Vec::new();
    }
    let count = if dice.chance(55) { 1 } else { dice.between(1, 5) };
    let new = |dice: &mut Dice, fresh| new_line(dice, draft, lines, fresh);
    let mut text: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let fresh = !alike || dice.chance(50);
            new(dice, fresh)
        })
        .collect();
    let same = |(index, line): (usize, &Vec<u8>)| {
        lines.len() > index && draft.content_at(lines.start + index) == line
    };
    if text.len() == lines.len() && text.iter().enumerate().all(same) {
        text[0] = new(dice, true);
    }
    text
}

/// Returns a line that no file holds, or one that looks like the lines around.
fn new_line(dice: &mut Dice, draft: &Draft, lines: &Range<usize>, fresh: bool) -> Vec<u8> {
    let total = draft.rows.len();
    let near = match (dice.below(4), lines.start.checked_sub(1)) {
        (0 | 1, Some(before)) => before,
        (2, _) => lines.end,
        _ => lines.start,
    };
    let near = (near < total).then(|| draft.content_at(near));
    match near {
        Some(near) if !fresh => near.to_vec(),
        None if !fresh => Vec::new(),
        _ => {
            let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
            let mut line: Vec<u8> = near.unwrap_or(b"").iter().take_while(blank).copied().collect();
            line.extend_from_slice(b"edited");
            line.push(b'a' + dice.below(26) as u8);
            line.push(b'a' + dice.below(26) as u8);
            line
        }
    }
}
