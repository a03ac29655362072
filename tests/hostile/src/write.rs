//! Writes files of look-alikes: many equal bodies, the same names twice.

use std::ops::Range;

use crate::dice::Dice;
use crate::draft::{Draft, Row, name};
use crate::file::Role;
use crate::style::{Around, Style};

/// Returns a file of about `size` rows; of exactly `size` where that is below 4.
pub(crate) fn draft(dice: &mut Dice, style: Style, size: usize) -> Draft {
    let mut writer = Writer { draft: Draft::new(style), dice, size, blocks: Vec::new() };
    writer.file();
    let mut draft = writer.draft;
    // Also constructs that nobody closes are met in the field.
    if size < 4 || dice.chance(25) {
        draft.rows.truncate(size);
    }
    terminate(dice, &mut draft);
    draft.settle();
    draft
}

/// Gives the rows their terminators: LF, CRLF or both.
fn terminate(dice: &mut Dice, draft: &mut Draft) {
    let style = dice.below(20);
    for row in &mut draft.rows {
        row.crlf = match style {
            0..=1 => true,
            2 => dice.chance(50),
            3 => dice.chance(5),
            _ => false,
        };
    }
    draft.final_newline = !dice.chance(15);
}

/// Returns the rows of a new block with a header of its own.
pub(crate) fn block(dice: &mut Dice, draft: &mut Draft, depth: u8) -> Vec<Row> {
    let mut rows = Vec::with_capacity(12);
    let words = draft.words();
    let around = if depth > 0 { Some(words.member) } else { words.block };
    let Some(around) = around else {
        (0..dice.between(1, 6)).for_each(|_| rows.push(draft.any_row(dice, depth)));
        return rows;
    };
    open(dice, draft, &mut rows, around, depth);
    body(dice, draft, &mut rows, depth + 1);
    close(draft, &mut rows, depth);
    rows
}

/// Adds a header, and the row that names the construct where the header does
/// not.
fn open(dice: &mut Dice, draft: &mut Draft, rows: &mut Vec<Row>, around: Around, depth: u8) {
    let mut space = [0; 8];
    let name = name(dice, &mut space);
    let words = draft.words();
    let Some(named) = words.name_row else {
        let text = draft.header(around, name, depth);
        rows.push(draft.row(text, depth, Role::Header));
        return;
    };
    let text = draft.indented(depth, &[around.0.as_bytes()]);
    rows.push(draft.row(text, depth, Role::Open));
    let text = draft.header((named.0, "\","), name, depth + 1);
    rows.push(draft.row(text, depth + 1, Role::Name));
}

/// Adds statements, now and then with a nameless block among them.
fn body(dice: &mut Dice, draft: &mut Draft, rows: &mut Vec<Row>, depth: u8) {
    for _ in 0..dice.between(1, 5) {
        match draft.words().inner {
            Some(header) if dice.chance(10) => {
                let text = draft.indented(depth, &[header.as_bytes()]);
                rows.push(draft.row(text, depth, Role::Open));
                for _ in 0..dice.between(1, 2) {
                    let text = draft.statement(dice, depth + 1);
                    rows.push(draft.row(text, depth + 1, Role::Body));
                }
                close(draft, rows, depth);
            }
            _ => rows.push(draft.any_row(dice, depth)),
        }
    }
}

/// Adds the row that closes a construct of the given depth, if there is one.
fn close(draft: &mut Draft, rows: &mut Vec<Row>, depth: u8) {
    let words = draft.words();
    if let Some(close) = words.close {
        let text = draft.indented(depth, &[close.as_bytes(), words.separator.as_bytes()]);
        rows.push(draft.row(text, depth + 1, Role::Body));
    }
}

/// From how many of the last blocks copies are taken.
const TWINS: usize = 32;

/// Writes one file.
struct Writer<'a> {
    draft: Draft,
    dice: &'a mut Dice,
    size: usize,
    /// Blocks to take copies of, at most [`TWINS`].
    blocks: Vec<Range<usize>>,
}

impl Writer<'_> {
    fn file(&mut self) {
        let frame = self.draft.words().frame;
        if let Some((first, _)) = frame {
            self.frame_row(first, 0, Role::Open);
        }
        let depth = u8::from(frame.is_some());
        while self.draft.rows.len() < self.size {
            self.part(depth);
        }
        if let Some((_, last)) = frame {
            self.frame_row(last, 1, Role::Body);
        }
    }

    fn frame_row(&mut self, text: &str, depth: u8, role: Role) {
        let text = self.draft.put(&[text.as_bytes()]);
        let row = self.draft.row(text, depth, role);
        self.draft.rows.push(row);
    }

    /// Adds what can stand at the outermost level.
    fn part(&mut self, depth: u8) {
        match self.draft.words().outer {
            Some(around) if self.dice.chance(15) => self.outer(around, depth),
            _ => self.block(depth),
        }
        let is_plain = self.draft.style == Style::Plain;
        if !is_plain && self.dice.chance(70) {
            self.frame_row("", depth, Role::Body);
        }
        if self.dice.chance(8) {
            let row = self.draft.any_row(self.dice, depth);
            self.draft.rows.push(row);
        }
    }

    /// Adds a block that holds blocks.
    fn outer(&mut self, around: Around, depth: u8) {
        let mut rows = Vec::new();
        open(self.dice, &mut self.draft, &mut rows, around, depth);
        self.draft.rows.append(&mut rows);
        for _ in 0..self.dice.between(1, 4) {
            self.block(depth + 1);
            if self.dice.chance(50) {
                self.frame_row("", depth + 1, Role::Body);
            }
        }
        close(&mut self.draft, &mut rows, depth);
        self.draft.rows.append(&mut rows);
    }

    /// Adds a block, often a copy of an earlier one.
    fn block(&mut self, depth: u8) {
        let start = self.draft.rows.len();
        let twins = self.blocks.iter().filter(|block| self.draft.rows[block.start].depth == depth);
        let twins: Vec<Range<usize>> = twins.cloned().collect();
        if !twins.is_empty() && self.dice.chance(40) {
            let twin = twins[self.dice.below(twins.len())].clone();
            self.draft.rows.extend_from_within(twin);
            if self.dice.chance(85) {
                rename(self.dice, &mut self.draft, start);
            }
        } else {
            let mut rows = block(self.dice, &mut self.draft, depth);
            self.draft.rows.append(&mut rows);
        }
        if self.blocks.len() == TWINS {
            self.blocks.remove(0);
        }
        self.blocks.push(start..self.draft.rows.len());
    }
}

/// Gives the construct that begins at a row another name; returns whether it
/// has a name.
pub(crate) fn rename(dice: &mut Dice, draft: &mut Draft, at: usize) -> bool {
    let Some(at) = name_place(draft, at) else { return false };
    let mut space = [0; 8];
    let text = draft.renamed(at, name(dice, &mut space));
    draft.rewrite(at, text);
    true
}

/// Returns the row that holds the name of the construct that begins at a row.
pub(crate) fn name_place(draft: &Draft, at: usize) -> Option<usize> {
    let mut near = at..draft.rows.len().min(at + 2);
    near.find(|row| draft.rows[*row].is_named())
}
