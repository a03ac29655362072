//! What others do to the file meanwhile: one function a kind of step.
//!
//! Every function returns whether it did something; where the file offers no
//! place for its kind of step, it does nothing.

use std::ops::Range;

use crate::dice::Dice;
use crate::draft::{Draft, Row};
use crate::edit::Edit;
use crate::file::Role;
use crate::step::{self, StepKind};
use crate::write;

/// Takes steps until `count` of them did something, and returns their kinds.
pub(crate) fn drift(
    dice: &mut Dice,
    draft: &mut Draft,
    edits: &[Edit],
    kinds: &[StepKind],
    count: usize,
) -> Vec<StepKind> {
    let mut drift = Drift { dice, draft, edits };
    let mut steps = Vec::with_capacity(count + 1);
    // A file may be too small for most kinds.
    for _ in 0..8 * count {
        if steps.len() == count {
            break;
        }
        let kind = step::pick(drift.dice, kinds);
        if drift.step(kind) {
            steps.push(kind);
        }
    }
    steps
}

struct Drift<'a> {
    dice: &'a mut Dice,
    draft: &'a mut Draft,
    edits: &'a [Edit],
}

impl Drift<'_> {
    fn step(&mut self, kind: StepKind) -> bool {
        match kind {
            StepKind::InsertLines => self.insert_lines(),
            StepKind::DeleteLines => self.delete_lines(),
            StepKind::ChangeLine => self.change_line(),
            StepKind::RepeatLine => self.repeat_line(),
            StepKind::SwapLines => self.swap_lines(),
            StepKind::InsertBlock => self.insert_block(),
            StepKind::DeleteBlock => self.delete_block(),
            StepKind::SwapBlocks => self.swap_blocks(),
            StepKind::MoveBlock => self.move_block(),
            StepKind::DuplicateBlock => self.duplicate_block(),
            StepKind::RenameHeader => self.rename_header(),
            StepKind::SwapNames => self.swap_names(),
            StepKind::TakeName => self.take_name(),
            StepKind::Reindent => self.reindent(),
            StepKind::Reformat => self.reformat(),
            StepKind::Terminators => self.terminators(),
            StepKind::FinalNewline => self.final_newline(),
            StepKind::SameEdit => self.same_edit(),
        }
    }

    fn len(&self) -> usize {
        self.draft.rows.len()
    }

    /// Returns a row, often one near an edit.
    fn spot(&mut self) -> Option<usize> {
        if self.len() == 0 {
            return None;
        }
        let random = self.dice.below(self.len());
        if self.edits.is_empty() || self.dice.chance(60) {
            return Some(random);
        }
        let edit = &self.edits[self.dice.below(self.edits.len())].lines;
        let wanted = edit.start + self.dice.below(edit.len() + 1);
        // Lines of what was read are numbered by their places in it.
        let near = self.draft.rows.iter().position(|row| row.id as usize == wanted);
        let near = near.unwrap_or(random) + self.dice.below(4);
        Some(near.saturating_sub(2).min(self.len() - 1))
    }

    /// Returns a construct: often the one around an edit, else any; where there
    /// are none, a run of lines.
    fn block(&mut self) -> Option<Range<usize>> {
        let spot = self.spot()?;
        let opener = match self.draft.rows[spot].opens() {
            true => Some(spot),
            false => self.draft.opener_of(spot),
        };
        let mut next = (spot..self.len()).filter(|row| self.draft.rows[*row].opens());
        match opener.or_else(|| next.next()) {
            Some(start) if !(start == 0 && self.draft.words().frame.is_some()) => {
                Some(start..self.draft.end_of(start))
            }
            _ => Some(spot..self.len().min(spot + self.dice.between(1, 6))),
        }
    }

    /// Returns another construct that begins at the same depth, outside the
    /// first and not around it, in the order of the file.
    fn pair(&mut self) -> Option<(Range<usize>, Range<usize>)> {
        let one = self.block()?;
        let depth = self.draft.rows[one.start].depth;
        let other = self.sibling(&one, depth)?;
        let apart = one.end <= other.start || other.end <= one.start;
        apart.then_some(if one.start < other.start { (one, other) } else { (other, one) })
    }

    fn sibling(&mut self, one: &Range<usize>, depth: u8) -> Option<Range<usize>> {
        let rows = &self.draft.rows;
        let opens = |at: &usize| rows[*at].opens() && rows[*at].depth == depth;
        let others = (0..rows.len()).filter(|at| !one.contains(at)).filter(opens);
        let others: Vec<usize> = others.collect();
        if others.is_empty() {
            return None;
        }
        let start = self.dice.pick(&others);
        Some(start..self.draft.end_of(start))
    }

    /// Returns a place where a construct of the given depth can stand.
    fn gap(&mut self, depth: u8) -> usize {
        let from = self.dice.below(self.len() + 1);
        let fits = |at: &usize| self.draft.rows.get(*at).is_none_or(|row| row.depth <= depth);
        (from..=self.len()).find(fits).unwrap_or(from)
    }

    fn insert_lines(&mut self) -> bool {
        let spot = self.spot();
        let at = spot.map_or(0, |spot| spot + self.dice.below(2));
        let depth = at.checked_sub(1).or(spot).map_or(0, |near| {
            let near = self.draft.rows[near];
            near.depth + u8::from(near.opens())
        });
        for _ in 0..self.dice.between(1, 3) {
            let near = self.spot().filter(|_| self.dice.chance(35));
            let rows = match near {
                Some(near) => self.draft.copies(near..near + 1),
                None => Vec::from([self.draft.any_row(self.dice, depth)]),
            };
            self.draft.insert(at, &rows);
        }
        true
    }

    fn delete_lines(&mut self) -> bool {
        let Some(at) = self.spot() else { return false };
        let end = self.len().min(at + self.dice.between(1, 3));
        self.draft.rows.drain(at..end);
        true
    }

    fn change_line(&mut self) -> bool {
        let Some(at) = self.spot() else { return false };
        let row = self.draft.rows[at];
        let content = self.draft.content(&row);
        let indent = content.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let len = content.len();
        let digit = content.iter().position(u8::is_ascii_digit);
        let text = match (self.dice.below(4), digit) {
            (0, _) => self.draft.replaced(at, indent..indent, b"y"),
            (1, Some(digit)) => self.draft.replaced(at, digit..digit + 1, b"7"),
            (2, _) if row.role == Role::Body => self.draft.statement(self.dice, row.depth),
            _ => self.draft.replaced(at, len..len, b" y"),
        };
        self.draft.rewrite(at, text);
        true
    }

    fn repeat_line(&mut self) -> bool {
        let Some(at) = self.spot() else { return false };
        let copies = self.draft.copies(at..at + 1);
        let at = at + self.dice.below(2);
        self.draft.insert(at, &copies);
        true
    }

    fn swap_lines(&mut self) -> bool {
        let Some(at) = self.spot().filter(|at| at + 1 < self.len()) else { return false };
        self.draft.rows.swap(at, at + 1);
        true
    }

    fn insert_block(&mut self) -> bool {
        let depth = self.block().map_or(0, |block| self.draft.rows[block.start].depth);
        let twin = self.block().filter(|block| self.draft.rows[block.start].depth == depth);
        let rows = match twin.filter(|_| self.dice.chance(50)) {
            Some(twin) => self.draft.copies(twin),
            None => write::block(self.dice, self.draft, depth),
        };
        let at = self.gap(depth);
        self.draft.insert(at, &rows);
        if self.dice.chance(80) {
            write::rename(self.dice, self.draft, at);
        }
        true
    }

    fn delete_block(&mut self) -> bool {
        let Some(block) = self.block() else { return false };
        self.draft.rows.drain(block);
        true
    }

    fn swap_blocks(&mut self) -> bool {
        let Some((one, other)) = self.pair() else { return false };
        let rows = &mut self.draft.rows[one.start..other.end];
        // First ends first, then what is between and second: two rotations.
        rows.rotate_left(one.len());
        let rest = rows.len() - one.len();
        let between = other.start - one.end;
        rows[..rest].rotate_left(between);
        true
    }

    fn move_block(&mut self) -> bool {
        let Some(block) = self.block() else { return false };
        let depth = self.draft.rows[block.start].depth;
        let rows: Vec<Row> = self.draft.rows.drain(block.clone()).collect();
        let at = self.gap(depth);
        self.draft.rows.splice(at..at, rows);
        at != block.start
    }

    fn duplicate_block(&mut self) -> bool {
        let Some(block) = self.block() else { return false };
        let rows = self.draft.copies(block.clone());
        let at = match self.dice.below(3) {
            0 => block.start,
            1 => block.end,
            _ => self.gap(self.draft.rows[block.start].depth),
        };
        self.draft.insert(at, &rows);
        true
    }

    fn rename_header(&mut self) -> bool {
        let Some(block) = self.block() else { return false };
        write::rename(self.dice, self.draft, block.start)
    }

    fn swap_names(&mut self) -> bool {
        let Some((one, other)) = self.pair() else { return false };
        let (one, other) =
            (write::name_place(self.draft, one.start), write::name_place(self.draft, other.start));
        let (Some(one), Some(other)) = (one, other) else { return false };
        let names = (self.draft.name(one).to_vec(), self.draft.name(other).to_vec());
        self.take(one, &names.1);
        self.take(other, &names.0);
        names.0 != names.1
    }

    /// Gives row `at` a name.
    fn take(&mut self, at: usize, name: &[u8]) {
        let text = self.draft.renamed(at, name);
        self.draft.rewrite(at, text);
    }

    fn take_name(&mut self) -> bool {
        let Some((one, other)) = self.pair() else { return false };
        let (gone, left) = if self.dice.chance(50) { (one, other) } else { (other, one) };
        let places =
            (write::name_place(self.draft, gone.start), write::name_place(self.draft, left.start));
        let (Some(old), Some(new)) = places else { return false };
        let alike = |(a, b): (usize, usize)| {
            a == old || self.draft.content_at(a) == self.draft.content_at(b)
        };
        if gone.len() != left.len() || !gone.clone().zip(left).all(alike) {
            return false;
        }
        let name = self.draft.name(old).to_vec();
        self.take(new, &name);
        self.draft.rows.drain(gone);
        true
    }

    fn reindent(&mut self) -> bool {
        let Some(block) = self.block() else { return false };
        let deeper = self.dice.chance(50);
        let unit: &[u8] = match self.draft.words().unit.as_bytes() {
            b"" => b"  ",
            unit => unit,
        };
        let mut done = false;
        for at in block {
            let content = self.draft.content_at(at);
            if content.is_empty() || !deeper && !content.starts_with(unit) {
                continue;
            }
            let (cut, new) = if deeper { (0..0, unit) } else { (0..unit.len(), &b""[..]) };
            let text = self.draft.replaced(at, cut, new);
            self.draft.rewrite(at, text);
            done = true;
        }
        done
    }

    /// Writes the file as another formatter would: other indentation, blanks at
    /// the ends of lines, or other blank lines.
    fn reformat(&mut self) -> bool {
        match self.dice.below(3) {
            0 => self.rewrite_indents(),
            1 => self.rewrite_ends(),
            _ => self.rewrite_blank_lines(),
        }
    }

    fn rewrite_indents(&mut self) -> bool {
        let new: &[u8] = self.dice.pick(&[&b"\t"[..], b"   ", b"      "]);
        let mut done = false;
        for at in 0..self.len() {
            let content = self.draft.content_at(at);
            let indent = content.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            if indent > 0 {
                let indents = new.repeat(usize::from(self.draft.rows[at].depth).max(1));
                let text = self.draft.replaced(at, 0..indent, &indents);
                self.draft.rewrite(at, text);
                done = true;
            }
        }
        done
    }

    fn rewrite_ends(&mut self) -> bool {
        let mut done = false;
        for at in 0..self.len() {
            let len = self.draft.content_at(at).len();
            if self.draft.rows[at].role == Role::Body && len > 2 {
                let text = self.draft.replaced(at, len..len, b" ");
                self.draft.rewrite(at, text);
                done = true;
            }
        }
        done
    }

    fn rewrite_blank_lines(&mut self) -> bool {
        let before = self.len();
        if self.dice.chance(50) {
            self.draft.rows.retain(|row| !row.is_blank());
            return self.len() < before;
        }
        for at in (1..self.len()).rev() {
            let row = self.draft.rows[at];
            if row.opens() && !self.draft.rows[at - 1].is_blank() {
                let text = self.draft.put(&[]);
                let blank = self.draft.row(text, row.depth, Role::Body);
                self.draft.insert(at, &[blank]);
            }
        }
        self.len() > before
    }

    fn terminators(&mut self) -> bool {
        let Some(spot) = self.spot() else { return false };
        let to = !self.draft.rows[spot].crlf;
        let part = match self.dice.below(4) {
            0 => spot..self.len().min(spot + self.dice.between(1, 8)),
            _ => 0..self.len(),
        };
        self.draft.rows[part].iter_mut().for_each(|row| row.crlf = to);
        true
    }

    fn final_newline(&mut self) -> bool {
        self.draft.final_newline = !self.draft.final_newline;
        self.draft.rows.last().is_some_and(|row| !row.is_blank())
    }

    fn same_edit(&mut self) -> bool {
        if self.edits.is_empty() {
            return false;
        }
        let edit = &self.edits[self.dice.below(self.edits.len())];
        let Some(at) = self.place_of(&edit.lines) else { return false };
        let depth = self.draft.rows.get(at.start).map_or(0, |row| row.depth);
        let crlf = at.start.checked_sub(1).is_some_and(|before| self.draft.rows[before].crlf);
        let mut rows = Vec::with_capacity(edit.text.len());
        for line in &edit.text {
            let text = self.draft.put(&[line]);
            rows.push(Row { crlf, ..self.draft.row(text, depth, Role::Body) });
        }
        self.draft.rows.splice(at, rows);
        true
    }

    /// Returns where lines of what was read stand together, or where the place
    /// between two neighbours is.
    fn place_of(&self, lines: &Range<usize>) -> Option<Range<usize>> {
        let rows = &self.draft.rows;
        let line = |at: usize| rows.get(at).map(|row| row.id as usize);
        let start = match (lines.start.checked_sub(1), lines.is_empty()) {
            (_, false) => (0..rows.len()).find(|at| line(*at) == Some(lines.start))?,
            (Some(before), true) => (0..rows.len()).find(|at| line(*at) == Some(before))? + 1,
            (None, true) => 0,
        };
        let place = start..start + lines.len();
        place
            .clone()
            .zip(lines.clone())
            .all(|(at, wanted)| line(at) == Some(wanted))
            .then_some(place)
    }
}
