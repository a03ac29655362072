//! A file in the making: rows that can be cut, copied and moved cheaply.

use std::ops::Range;

use crate::dice::Dice;
use crate::file::{Copied, File, Line, Role, Terminator};
use crate::style::{Around, NAMES, Style, Words};

/// A piece of the draft's text, with the place of a name in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    start: u32,
    len: u32,
    /// Offset and length of the name; the length is 0 where there is none.
    name: (u8, u8),
}

/// A line in the making.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) id: u32,
    pub(crate) text: Text,
    pub(crate) depth: u8,
    pub(crate) role: Role,
    pub(crate) crlf: bool,
    pub(crate) copied: Option<Copied>,
}

impl Row {
    /// Returns whether constructs can stand below the row.
    pub(crate) fn opens(&self) -> bool {
        matches!(self.role, Role::Header | Role::Open)
    }

    /// Returns whether the row is empty.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.len == 0
    }

    /// Returns whether the row says something within a construct.
    pub(crate) fn is_statement(&self) -> bool {
        self.role == Role::Body && self.depth > 0 && !self.is_blank()
    }

    /// Returns whether a name stands in the row.
    pub(crate) fn is_named(&self) -> bool {
        self.text.name.1 > 0
    }
}

/// Rows, and the text they point into.
pub(crate) struct Draft {
    pub(crate) style: Style,
    pub(crate) rows: Vec<Row>,
    /// Whether the last row ends in a newline.
    pub(crate) final_newline: bool,
    text: Vec<u8>,
    next_id: u32,
    /// The number of rows at the last [`Draft::settle`].
    settled: u32,
    copyings: u32,
}

impl Draft {
    /// Returns a draft without rows.
    pub(crate) fn new(style: Style) -> Draft {
        Draft {
            style,
            rows: Vec::with_capacity(256),
            final_newline: true,
            text: Vec::with_capacity(4096),
            next_id: 0,
            settled: 0,
            copyings: 0,
        }
    }

    pub(crate) fn words(&self) -> &'static Words {
        self.style.words()
    }

    /// Returns the content of a row.
    pub(crate) fn content(&self, row: &Row) -> &[u8] {
        &self.text[row.text.start as usize..(row.text.start + row.text.len) as usize]
    }

    /// Returns the content of row `index`.
    pub(crate) fn content_at(&self, index: usize) -> &[u8] {
        self.content(&self.rows[index])
    }

    /// Returns a row with its own identity and the given text.
    pub(crate) fn row(&mut self, text: Text, depth: u8, role: Role) -> Row {
        let id = self.next_id;
        self.next_id += 1;
        Row { id, text, depth, role, crlf: false, copied: None }
    }

    /// Returns copies of rows, with identities of their own.
    pub(crate) fn copies(&mut self, rows: Range<usize>) -> Vec<Row> {
        self.copyings += 1;
        let time = self.copyings;
        let mut copies = Vec::with_capacity(rows.len());
        for at in rows {
            let row = self.rows[at];
            let line = match row.id < self.settled {
                true => Some(row.id),
                false => row.copied.map(|copied| copied.line),
            };
            let copied = line.map(|line| Copied { line, time });
            copies.push(Row { copied, ..self.row(row.text, row.depth, row.role) });
        }
        copies
    }

    /// Gives row `index` another text, and so another identity.
    pub(crate) fn rewrite(&mut self, index: usize, text: Text) {
        let old = self.rows[index];
        self.rows[index] = Row { crlf: old.crlf, ..self.row(text, old.depth, old.role) };
    }

    /// Returns the text that is made of the parts.
    pub(crate) fn put(&mut self, parts: &[&[u8]]) -> Text {
        let start = self.text.len();
        parts.iter().for_each(|part| self.text.extend_from_slice(part));
        Text { start: start as u32, len: (self.text.len() - start) as u32, name: (0, 0) }
    }

    /// Returns `content` of row `index` cut in two, with `middle` between the
    /// parts in place of `cut`.
    pub(crate) fn replaced(&mut self, index: usize, cut: Range<usize>, middle: &[u8]) -> Text {
        let Text { start, len, .. } = self.rows[index].text;
        let (start, end) = (start as usize, (start + len) as usize);
        let new = self.text.len();
        self.text.extend_from_within(start..start + cut.start);
        self.text.extend_from_slice(middle);
        self.text.extend_from_within(start + cut.end..end);
        Text { start: new as u32, len: (self.text.len() - new) as u32, name: (0, 0) }
    }

    /// Returns the text of row `index` with another name.
    pub(crate) fn renamed(&mut self, index: usize, name: &[u8]) -> Text {
        let (at, len) = self.rows[index].text.name;
        let cut = usize::from(at)..usize::from(at) + usize::from(len);
        Text { name: (at, name.len() as u8), ..self.replaced(index, cut, name) }
    }

    /// Returns the name in row `index`.
    pub(crate) fn name(&self, index: usize) -> &[u8] {
        let (at, len) = self.rows[index].text.name;
        &self.content_at(index)[usize::from(at)..usize::from(at) + usize::from(len)]
    }

    /// Returns a header with the given name.
    pub(crate) fn header(&mut self, around: Around, name: &[u8], indent: u8) -> Text {
        let (before, after) = around;
        let unit = self.words().unit;
        let at = unit.len() * usize::from(indent) + before.len();
        let text = self.indented(indent, &[before.as_bytes(), name, after.as_bytes()]);
        Text { name: (at as u8, name.len() as u8), ..text }
    }

    /// Returns the parts behind `indent` indentations.
    pub(crate) fn indented(&mut self, indent: u8, parts: &[&[u8]]) -> Text {
        let start = self.text.len();
        let unit = self.words().unit;
        (0..indent).for_each(|_| self.text.extend_from_slice(unit.as_bytes()));
        parts.iter().for_each(|part| self.text.extend_from_slice(part));
        Text { start: start as u32, len: (self.text.len() - start) as u32, name: (0, 0) }
    }

    /// Returns a statement of the style behind `indent` indentations.
    pub(crate) fn statement(&mut self, dice: &mut Dice, indent: u8) -> Text {
        let words = self.words();
        let text = self.indented(indent, &[]);
        for byte in dice.pick(words.statements).bytes() {
            match byte {
                b'#' => self.text.push(b'0' + dice.below(4) as u8),
                b'@' => self.text.extend_from_slice(dice.pick(&NAMES).as_bytes()),
                _ => self.text.push(byte),
            }
        }
        self.text.extend_from_slice(words.separator.as_bytes());
        Text { len: self.text.len() as u32 - text.start, ..text }
    }

    /// Returns a row for a place between statements: most often a statement,
    /// sometimes a blank line or a comment.
    pub(crate) fn any_row(&mut self, dice: &mut Dice, depth: u8) -> Row {
        let comment = self.words().comment.as_bytes();
        let text = match dice.below(10) {
            0 => self.put(&[]),
            1 => self.indented(depth, &[comment]),
            _ => self.statement(dice, depth),
        };
        self.row(text, depth, Role::Body)
    }

    /// Returns where the construct that row `index` opens ends; behind the row
    /// itself where it opens none.
    pub(crate) fn end_of(&self, index: usize) -> usize {
        let depth = self.rows[index].depth;
        let below = self.rows[index + 1..].iter().take_while(|row| row.depth > depth);
        index + 1 + if self.rows[index].opens() { below.count() } else { 0 }
    }

    /// Returns the row that opens the construct around row `index`.
    pub(crate) fn opener_of(&self, index: usize) -> Option<usize> {
        let depth = self.rows[index].depth;
        (0..index).rev().find(|above| self.rows[*above].depth < depth && self.rows[*above].opens())
    }

    /// Puts rows at a place; they get the terminators of their neighbours.
    pub(crate) fn insert(&mut self, at: usize, rows: &[Row]) {
        let near = self.rows.get(at.saturating_sub(1)).is_some_and(|row| row.crlf);
        self.rows.splice(at..at, rows.iter().map(|row| Row { crlf: near, ..*row }));
    }

    /// Returns the file that the rows make.
    pub(crate) fn file(&self) -> File {
        let size = self.rows.iter().map(|row| row.text.len as usize + 2).sum();
        let mut file = File { bytes: Vec::with_capacity(size), lines: Vec::new() };
        file.lines.reserve_exact(self.rows.len());
        for (index, row) in self.rows.iter().enumerate() {
            let is_last = index + 1 == self.rows.len();
            // Without a terminator an empty last line would be none.
            let unended = is_last && !self.final_newline && row.text.len > 0;
            let terminator = match (unended, row.crlf) {
                (true, _) => Terminator::None,
                (false, true) => Terminator::CrLf,
                (false, false) => Terminator::Lf,
            };
            let start = file.bytes.len() as u32;
            file.bytes.extend_from_slice(self.content(row));
            let end = file.bytes.len() as u32;
            file.bytes.extend_from_slice(terminator.bytes());
            let Row { id, depth, role, copied, .. } = *row;
            let copied = copied.filter(|_| id >= self.settled);
            file.lines.push(Line { id, start, end, terminator, depth, role, copied });
        }
        file
    }

    /// Numbers the rows by their places and forgets every other identity.
    pub(crate) fn settle(&mut self) {
        self.next_id = self.rows.len() as u32;
        self.settled = self.next_id;
        (0..).zip(&mut self.rows).for_each(|(id, row)| row.id = id);
    }
}

/// Returns a name, most often one that others have too.
pub(crate) fn name<'a>(dice: &mut Dice, space: &'a mut [u8; 8]) -> &'a [u8] {
    let word = dice.pick(&NAMES).as_bytes();
    space[..word.len()].copy_from_slice(word);
    let digit = dice.chance(50);
    if digit {
        space[word.len()] = b'0' + dice.below(10) as u8;
    }
    &space[..word.len() + usize::from(digit)]
}
