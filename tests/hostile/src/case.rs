//! A case: what was read, what the file is now, and the edits that are pending.

use std::ops::Range;

use crate::apply::{Splice, apply};
use crate::dice::Dice;
use crate::draft::Draft;
use crate::drift::drift;
use crate::edit::{Edit, edits};
use crate::file::{File, Role};
use crate::judge::Sight;
use crate::options::Options;
use crate::step::StepKind;
use crate::style::Style;
use crate::truth::{Truth, tell};
use crate::write;

/// One case, made from its seed alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What the case was made from.
    pub seed: u64,
    /// The kind of file.
    pub style: Style,
    /// Where the file would lie; its ending fits the style.
    pub path: &'static str,
    /// The file as the author of the edits read it.
    pub seen: File,
    /// The file as others have left it; its bytes are never those of `seen`.
    pub now: File,
    /// What is pending: sorted, disjoint, at least one.
    pub edits: Vec<Edit>,
    /// What others did, in order.
    pub steps: Vec<StepKind>,
}

/// Returns the case of a seed.
pub fn case(seed: u64) -> Case {
    case_with(seed, &Options::default())
}

/// Returns `count` cases, of the seeds from `first` on.
pub fn cases(first: u64, count: u64) -> impl Iterator<Item = Case> {
    (first..first.saturating_add(count)).map(case)
}

/// Returns the case of a seed, made of what the options allow.
pub fn case_with(seed: u64, options: &Options) -> Case {
    let mut dice = Dice::new(seed);
    let styles = if options.styles.is_empty() { &Style::ALL[..] } else { &options.styles };
    let style = dice.pick(styles);
    let size = size(&mut dice, options);
    let mut draft = write::draft(&mut dice, style, size);
    let seen = draft.file();
    let count = most_often_few(&mut dice, &options.edits);
    let mut edits = edits(&mut dice, &draft, count.max(1));
    // Two edits can undo each other: to delete a line, and to write it again
    // below the next one, which is equal.
    if edits.len() > 1 && applied(&seen, &edits).is_some_and(|bytes| bytes == seen.bytes) {
        edits.truncate(1);
    }
    let count = most_often_few(&mut dice, &options.drift);
    let mut steps = drift(&mut dice, &mut draft, &edits, &options.steps, count.max(1));
    recognize(&mut draft, &seen);
    let mut now = draft.file();
    if now.bytes == seen.bytes {
        insert_one(&mut dice, &mut draft);
        steps.push(StepKind::InsertLines);
        recognize(&mut draft, &seen);
        now = draft.file();
    }
    tell(&seen, &now, &mut edits);
    Case { seed, style, path: style.path(), seen, now, edits, steps }
}

/// Returns what the edits make of the file for which they were written.
fn applied(seen: &File, edits: &[Edit]) -> Option<Vec<u8>> {
    let splices: Vec<Splice<'_>> =
        edits.iter().map(|edit| (edit.lines.clone(), &edit.text[..])).collect();
    apply(seen, &splices)
}

fn size(dice: &mut Dice, options: &Options) -> usize {
    if let Some(lines) = &options.lines {
        return dice.between(*lines.start(), *lines.end());
    }
    match dice.below(100) {
        0 => 0,
        1..=2 => 1,
        3..=6 => dice.between(2, 5),
        7..=76 => dice.between(6, 40),
        77..=94 => dice.between(40, 90),
        _ => dice.between(90, 200),
    }
}

/// Returns a number of the range, in half of the cases the lowest.
fn most_often_few(dice: &mut Dice, range: &std::ops::RangeInclusive<usize>) -> usize {
    if dice.chance(50) { *range.start() } else { dice.between(*range.start(), *range.end()) }
}

/// Adds a line that is in no file.
fn insert_one(dice: &mut Dice, draft: &mut Draft) {
    let at = dice.below(draft.rows.len() + 1);
    let text = draft.put(&[b"another hand"]);
    let depth = draft.rows.get(at).map_or(0, |row| row.depth);
    let row = draft.row(text, depth, Role::Body);
    draft.insert(at, &[row]);
}

/// Gives a line that went and came again in its old place its identity back: a
/// line with the content of a line that is gone, directly below the line it
/// stood below, or directly above the line it stood above.
///
/// That a line was taken out and put back is no change to anybody.
fn recognize(draft: &mut Draft, seen: &File) {
    let total = seen.lines.len();
    let mut is_gone = vec![true; total];
    for row in &draft.rows {
        if let Some(gone) = is_gone.get_mut(row.id as usize) {
            *gone = false;
        }
    }
    let mut take = |draft: &mut Draft, at: usize, wanted: usize| {
        let is_new = draft.rows[at].id as usize >= total;
        if is_new
            && wanted < total
            && is_gone[wanted]
            && draft.content_at(at) == seen.content(wanted)
        {
            is_gone[wanted] = false;
            draft.rows[at].id = wanted as u32;
        }
    };
    for at in 0..draft.rows.len() {
        let wanted = at.checked_sub(1).map_or(0, |above| draft.rows[above].id as usize + 1);
        take(draft, at, wanted);
    }
    for at in (0..draft.rows.len()).rev() {
        let below = draft.rows.get(at + 1).map(|below| below.id as usize);
        let is_new = below.is_some_and(|below| below >= total);
        if let Some(wanted) = below.unwrap_or(total).checked_sub(1).filter(|_| !is_new) {
            take(draft, at, wanted);
        }
    }
}

impl Case {
    /// Returns the bytes that all edits together give, if every one of them is
    /// valid or done already and their places are in the order of what was
    /// read.
    pub fn right(&self) -> Option<Vec<u8>> {
        let mut splices: Vec<Splice<'_>> = Vec::with_capacity(self.edits.len());
        for edit in &self.edits {
            match &edit.truth {
                Truth::Valid { at } => splices.push((at.clone(), &edit.text)),
                Truth::Already { .. } => {}
                Truth::Loose { .. } | Truth::Gone => return None,
            }
        }
        apply(&self.now, &splices)
    }

    /// Returns whether no text tells the place from the right one: edit `index`
    /// would replace lines there that have the same bytes, the same neighbours
    /// and the same headers around them as those that were read, and there was
    /// exactly one such place then and is exactly one now. Terminators count
    /// among the bytes or not, as it suits the place.
    ///
    /// So there is another history of the same two texts in which the place is
    /// the right one.
    pub fn tie(&self, index: usize, at: &Range<usize>) -> bool {
        [true, false].into_iter().any(|bytes| self.only_place(index, bytes).as_ref() == Some(at))
            && !self.edits[index].truth.places().contains(at)
    }

    /// Returns the place for edit `index` that looks as the right one must
    /// look, if there was exactly one then, is exactly one now, and the edit
    /// does not belong there.
    pub fn tie_place(&self, index: usize) -> Option<Range<usize>> {
        let places = [true, false].into_iter().filter_map(|bytes| self.only_place(index, bytes));
        let known = self.edits[index].truth.places();
        places.into_iter().find(|place| !known.contains(place))
    }

    fn only_place(&self, index: usize, terminators: bool) -> Option<Range<usize>> {
        let lines = &self.edits[index].lines;
        let seen = Sight::new(&self.seen, terminators);
        seen.only(&seen, lines)?;
        let start = Sight::new(&self.now, terminators).only(&seen, lines)?;
        Some(start..start + lines.len())
    }
}
