//! Rows indented unlike what stands around them.
//!
//! Three slips: tabs in a file of spaces, or spaces in one of tabs; a text that
//! stands as a whole in another column than the lines it takes the place of,
//! while those around it stay; a first row that lost its blanks when the text was
//! cut out of something. Code that is indented anew on purpose, because a block
//! around it came or went, begins or ends at the old column, and passes.

use std::collections::HashMap;

use super::place::{Place, Work, is_blank};
use super::{Fix, Lint, LintKind};

/// So many lines on each side tell how a file is indented.
const AROUND_MAX: usize = 24;

/// Blanks that may stand for one tab, the commonest first.
const WIDTHS: [usize; 4] = [4, 2, 8, 3];

pub(super) fn lint(work: &Work<'_>, place: &Place<'_>) -> Option<Lint> {
    let rows: Vec<(usize, &str)> = place.rows.iter().copied().enumerate().collect();
    let rows: Vec<(usize, &str)> =
        rows.into_iter().filter(|(_, row)| !is_blank(row.as_bytes())).collect();
    if rows.is_empty() || work.is_prose {
        return None;
    }
    other_blanks(work, place, &rows).or_else(|| shifted(work, place, &rows))
}

/// Returns the blanks a line begins with.
fn indent(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &line[..blanks]
}

/// How lines are indented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blanks {
    Tabs,
    Spaces,
}

/// Returns what all of `lines` are indented with, those at the margin or by a
/// single blank left out, and how many they are; `None` for both or neither.
fn blanks<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<(Blanks, usize)> {
    let (mut tabs, mut spaces) = (0, 0);
    for indent in lines.filter(|line| !is_blank(line)).map(indent) {
        match indent {
            [b'\t', ..] => tabs += 1,
            [b' ', b' ', ..] => spaces += 1,
            _ => {}
        }
    }
    match (tabs, spaces) {
        (0, 0) => None,
        (tabs, 0) => Some((Blanks::Tabs, tabs)),
        (0, spaces) => Some((Blanks::Spaces, spaces)),
        _ => None,
    }
}

/// Tabs against spaces.
fn other_blanks(work: &Work<'_>, place: &Place<'_>, rows: &[(usize, &str)]) -> Option<Lint> {
    let (usual, lines) = blanks(around(work, place))?;
    let (other, written, usual) = match usual {
        Blanks::Spaces => ("\t", "tabs", "spaces"),
        Blanks::Tabs => ("  ", "spaces", "tabs"),
    };
    if lines < 3 || !rows.iter().any(|(_, row)| row.starts_with(other)) {
        return None;
    }
    let message = format!("the text is indented with {written}, the lines around it with {usual}");
    let fix = translated(work, place, rows, usual == "tabs");
    Some(found(place, rows, message, fix))
}

/// Returns the lines that go, and some on both sides.
fn around<'a>(work: &Work<'a>, place: &Place<'_>) -> impl Iterator<Item = &'a [u8]> {
    let from = place.old.start.saturating_sub(AROUND_MAX);
    let to = (place.old.end + AROUND_MAX).min(work.seen.line_count());
    work.lines(from..to)
}

/// Returns the text with the other blanks, where one width alone brings its
/// first indented row into a column that the lines at hand stand in: the first
/// that goes, or those on both sides of an insertion.
fn translated(
    work: &Work<'_>,
    place: &Place<'_>,
    rows: &[(usize, &str)],
    to_tabs: bool,
) -> Option<Fix> {
    let full = |line: &&[u8]| !is_blank(line);
    let first = work.lines(place.old.clone()).find(full);
    let above = || work.lines(place.above.clone()).rev().take(AROUND_MAX).find(full);
    let below = || work.lines(place.below.clone()).take(AROUND_MAX).find(full);
    let near: Vec<&[u8]> = match first {
        Some(first) => vec![indent(first)],
        None => [above(), below()].into_iter().flatten().map(indent).collect(),
    };
    let fits = |width: &usize| {
        let all = rows.iter().map(|(_, row)| blanks_for(row, *width, to_tabs));
        let all: Option<Vec<String>> = all.collect();
        all.is_some_and(|all| near.contains(&all[0].as_bytes()))
    };
    let mut widths = WIDTHS.iter().filter(|width| fits(width));
    let (width, None) = (*widths.next()?, widths.next()) else { return None };
    let text = place.rows.iter().map(|row| {
        let rest = row.trim_start_matches([' ', '\t']);
        Some(if rest.is_empty() { String::new() } else { blanks_for(row, width, to_tabs)? + rest })
    });
    let text: Vec<String> = text.collect::<Option<_>>()?;
    let what = if to_tabs { "indent with tabs" } else { "indent with spaces" };
    place.with_rows(work, format!("{what}, {width} blanks a level"), &text)
}

fn blanks_for(row: &str, width: usize, to_tabs: bool) -> Option<String> {
    let old = indent(row.as_bytes());
    let other = if to_tabs { b' ' } else { b'\t' };
    if old.iter().any(|byte| *byte != other) {
        return None;
    }
    match to_tabs {
        true => old.len().is_multiple_of(width).then(|| "\t".repeat(old.len() / width)),
        false => Some(" ".repeat(old.len() * width)),
    }
}

/// A text in another column, or its first row.
fn shifted(work: &Work<'_>, place: &Place<'_>, rows: &[(usize, &str)]) -> Option<Lint> {
    let columns = Columns::of(work, place)?;
    let (first, last) = (rows.first()?.1, rows.last()?.1);
    let strange = |row: &str| indent(row.as_bytes()).iter().any(|byte| *byte != columns.blank);
    if strange(first) || strange(last) || is_only_moved(work, place, rows) {
        return None;
    }
    let by = columns.first as i64 - column(first) as i64;
    let is_left = |row| column(row) < columns.least;
    let fits = columns.fits(by, column(last));
    let sides = columns.fits(by, usize::MAX) && !columns.is_last;
    let moved = sides && columns.moved_by(work, place, rows) == Some(-by);
    if moved || fits && !is_free(first) && is_left(first) && is_left(last) {
        let side = if by > 0 { "left" } else { "right" };
        let off = by.unsigned_abs();
        let message = format!("the text stands {off} columns {side} of where its lines belong");
        let fix = (moved || columns.is_sure).then(|| shift(work, place, columns.blank, by));
        return Some(found(place, rows, message, fix.flatten()));
    }
    let only_first = rows.len() > 1 && rows[1..].iter().all(|(_, row)| !is_left(row));
    if only_first
        && is_left(first)
        && fits
        && (!is_free(first) || is_first_line(work, place, first))
    {
        let message = "the first row of the text has lost its indentation".to_owned();
        let fix = columns.is_sure.then(|| indented_first(work, place, rows[0], &columns));
        return Some(found(place, &rows[..1], message, fix.flatten()));
    }
    None
}

/// Returns whether the text is the lines that go and nothing else: then its
/// columns are what the edit is about.
fn is_only_moved(work: &Work<'_>, place: &Place<'_>, rows: &[(usize, &str)]) -> bool {
    let old = work.lines(place.old.clone()).filter(|line| !is_blank(line)).map(<[u8]>::trim_ascii);
    !place.old.is_empty() && old.eq(rows.iter().map(|(_, row)| row.as_bytes().trim_ascii()))
}

/// Returns whether `row` is the first line that goes, but for its indentation.
fn is_first_line(work: &Work<'_>, place: &Place<'_>, row: &str) -> bool {
    let first = work.lines(place.old.clone()).find(|line| !is_blank(line));
    let row = row.as_bytes().trim_ascii();
    row != b"{" && first.is_some_and(|first| first.trim_ascii() == row)
}

fn indented_first(
    work: &Work<'_>,
    place: &Place<'_>,
    (at, row): (usize, &str),
    columns: &Columns,
) -> Option<Fix> {
    let mut text: Vec<String> = place.rows.iter().map(|&row| row.to_owned()).collect();
    text[at] = blanks_of(columns.blank, columns.first) + row.trim_start();
    place.with_rows(work, "indent the first row", &text)
}

fn column(row: &str) -> usize {
    indent(row.as_bytes()).len()
}

fn blanks_of(blank: u8, count: usize) -> String {
    char::from(blank).to_string().repeat(count)
}

/// Returns whether a row may stand in any column: directives, labels, what only
/// closes, the middle of a string.
fn is_free(row: &str) -> bool {
    let row = row.trim();
    let directive = row.strip_prefix('#').is_some_and(|rest| {
        rest.trim_start().starts_with(|c: char| c.is_ascii_lowercase()) && !rest.starts_with(' ')
    });
    directive
        || row.starts_with(['{', '}', ')', ']', '*', '"', '\'', '`'])
        || row.ends_with([':', '\\'])
}

/// The columns that the lines of a place stand in, counted in blanks of one kind.
struct Columns {
    /// A tab or a space.
    blank: u8,
    /// Where the first row should stand.
    first: usize,
    /// The leftmost column of what goes, or of what is around an insertion.
    least: usize,
    /// The column of the line above, that of a block it opens counted as inside.
    above: usize,
    /// The column of the line below, that of a block it closes counted as inside.
    below: usize,
    /// Whether the block ends below.
    is_last: bool,
    /// Whether `first` can only be this.
    is_sure: bool,
}

impl Columns {
    /// Returns the columns around a place; `None` at the edges of the file and
    /// next to other operations, where nothing on one side stays as it is.
    fn of(work: &Work<'_>, place: &Place<'_>) -> Option<Columns> {
        let (kind, _) = blanks(around(work, place))?;
        let staying = work.lines(place.above.clone()).rev().take(AROUND_MAX);
        let mut staying = staying.filter(|line| !is_blank(line));
        let (above, before) = (staying.next()?, staying.next());
        let below = work.lines(place.below.clone()).take(AROUND_MAX).find(|l| !is_blank(l))?;
        let (up, down) = (indent(above).len(), indent(below).len());
        let old: Vec<usize> = work
            .lines(place.old.clone())
            .filter(|line| !is_blank(line))
            .map(|line| indent(line).len())
            .collect();
        let (first, least, is_sure) = match (old.first(), old.iter().min()) {
            (Some(first), Some(least)) => (*first, *least, true),
            _ => match (opens(above), closes(below)) {
                (true, true) => return None,
                (true, false) => (down, down, down > up),
                // All that is right of the closing line is inside; where exactly,
                // only a line that goes on with no other can tell.
                (false, true) => {
                    let alone = before.is_none_or(|l| indent(l).len() >= up || opens(l));
                    (up, down + 1, alone && up > down)
                }
                (false, false) => (up.min(down), up.min(down), up == down),
            },
        };
        let above = if opens(above) { up.max(least) } else { up };
        let below = if closes(below) { down.max(least) } else { down };
        let blank = if kind == Blanks::Tabs { b'\t' } else { b' ' };
        let is_last = down < least;
        Some(Columns { blank, first, least, above, below, is_last, is_sure })
    }

    /// Returns whether the lines around say that a text whose last row stands at
    /// `last` is off by `by` columns: one too far left has both sides farther
    /// right, one too far right neither.
    fn fits(&self, by: i64, last: usize) -> bool {
        match by > 0 {
            true => self.above >= self.least && (self.below >= self.least || last < self.below),
            false => by < 0 && self.above <= self.least && self.below <= self.least,
        }
    }

    /// Returns by how many columns the text was moved, if lines that go come
    /// again in it, all moved by the same number, and its leftmost row with them.
    fn moved_by(&self, work: &Work<'_>, place: &Place<'_>, rows: &[(usize, &str)]) -> Option<i64> {
        let mut known: HashMap<&[u8], Option<usize>> = HashMap::new();
        for line in work.lines(place.old.clone()).filter(|line| !is_blank(line)) {
            let column = indent(line).len();
            known.entry(line.trim_ascii()).and_modify(|at| *at = None).or_insert(Some(column));
        }
        let mut moves = rows.iter().filter_map(|(_, row)| {
            let was = (*known.get(row.trim().as_bytes())?)?;
            (row.trim().len() >= 3).then(|| column(row) as i64 - was as i64)
        });
        let by = moves.next().filter(|by| *by != 0)?;
        let least = rows.iter().map(|(_, row)| column(row)).min()?;
        (moves.all(|other| other == by) && least as i64 - self.least as i64 == by).then_some(by)
    }
}

fn opens(line: &[u8]) -> bool {
    matches!(line.trim_ascii_end().last(), Some(b':' | b'{' | b'(' | b'['))
}

fn closes(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'}' | b')' | b']'))
}

/// Returns the text moved by so many columns, where every row can be.
fn shift(work: &Work<'_>, place: &Place<'_>, blank: u8, by: i64) -> Option<Fix> {
    let move_row = |row: &&str| match by {
        _ if is_blank(row.as_bytes()) => Some((*row).to_owned()),
        by if by >= 0 => Some(blanks_of(blank, by as usize) + row),
        by => row.strip_prefix(&blanks_of(blank, by.unsigned_abs() as usize)).map(str::to_owned),
    };
    let text: Option<Vec<String>> = place.rows.iter().map(move_row).collect();
    let side = if by > 0 { "right" } else { "left" };
    place.with_rows(work, format!("{} columns to the {side}", by.unsigned_abs()), &text?)
}

fn found(place: &Place<'_>, rows: &[(usize, &str)], message: String, fix: Option<Fix>) -> Lint {
    let (first, last) = (rows.first(), rows.last());
    let number = |row: Option<&(usize, &str)>| row.map_or(1, |(at, _)| at + 1);
    Lint {
        kind: LintKind::Indentation,
        op: place.op,
        rows: (number(first), number(last)),
        message,
        fixes: fix.into_iter().collect(),
    }
}
