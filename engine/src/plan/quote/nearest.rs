//! The lines that a quote was perhaps meant to be, where it stands nowhere.
//!
//! Only ever shown, never applied. The search is bounded whatever the input:
//! each line gets a signature of 128 bits, one for each pair of neighbouring
//! letters by their hash; the stretches whose signatures differ least are then
//! compared letter by letter.

use std::fmt;
use std::ops::Range;

use super::plain::Plain;
use crate::anchor::View;

/// The most bytes of a content that are looked at.
const BYTES: usize = 8 << 20;

/// The most rows of a quote that are compared; more are sampled evenly.
const SAMPLE: usize = 24;

/// The most pairs of a row and a line that are compared by signature.
const PAIRS: usize = 3_000_000;

/// How many stretches are compared letter by letter.
const FINALISTS: usize = 4;

/// The most bytes of a row that are compared letter by letter, and that count
/// for its signature.
const ROW: usize = 300;
const SIGNED: usize = 2000;

/// The most differences that are told.
const TOLD: usize = 3;

/// The most characters of a row that a difference quotes.
const QUOTED: usize = 80;

/// What a quote was perhaps meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The lines (0-based) of the content.
    pub lines: Range<usize>,
    /// How the quote differs from them: the first few rows that do.
    pub differences: Vec<Difference>,
}

/// How one row of a quote differs from the line in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The line (1-based) of the content.
    pub line: usize,
    /// What it is that differs.
    pub kind: Kind,
    /// The line as it stands there, cut where it is long.
    pub there: String,
    /// The row as it was quoted, cut where it is long.
    pub quoted: String,
}

/// What differs between a quoted row and a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The line begins with tabs where the row has spaces, or the other way
    /// around.
    Tabs,
    /// They begin with more or fewer blanks.
    Indentation,
    /// One has blanks at its end.
    TrailingBlanks,
    /// Blanks inside of them.
    Blanks,
    /// Typographic quotes, dashes or blanks stand for plain ones.
    Quotes,
    /// Upper and lower case.
    Case,
    /// One word: as it stands there, as it was quoted.
    Word(String, String),
    /// Something else, or more.
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Tabs => f.write_str("tabs for spaces"),
            Kind::Indentation => f.write_str("the indentation differs"),
            Kind::TrailingBlanks => f.write_str("blanks at the end differ"),
            Kind::Blanks => f.write_str("blanks inside differ"),
            Kind::Quotes => f.write_str("typographic signs for plain ones"),
            Kind::Case => f.write_str("upper and lower case differ"),
            Kind::Word(there, quoted) => write!(f, "{there:?} there, {quoted:?} quoted"),
            Kind::Text => f.write_str("the text differs"),
        }
    }
}

/// Returns the lines that differ least from `quoted`, if any are near enough;
/// `whole_lines` says that the quote does not begin or end inside of a line.
pub(super) fn nearest(
    plain: &Plain<'_>,
    view: &View,
    quoted: &str,
    whole_lines: bool,
) -> Option<Nearest> {
    let rows: Vec<&str> = quoted.strip_suffix('\n').unwrap_or(quoted).split('\n').collect();
    let within = looked_at(plain, view);
    if rows.iter().all(|row| row.trim().is_empty()) || within.is_empty() {
        return None;
    }
    let starts = finalists(plain, &rows, within);
    let scored = starts.into_iter().map(|start| (likeness(plain, &rows, start), start));
    // Of equals, the first.
    let (likeness, start) =
        scored.max_by_key(|(likeness, start)| (*likeness, usize::MAX - start))?;
    // Less than 6 letters of 10 alike is another text.
    (likeness >= 600).then(|| {
        let lines = start..(start + rows.len()).min(plain.count());
        Nearest { differences: differences(plain, &rows, start, whole_lines), lines }
    })
}

/// Returns the lines that are looked at: all, or, where they are too many, those
/// from the first that was shown.
fn looked_at(plain: &Plain<'_>, view: &View) -> Range<usize> {
    if plain.bytes().len() <= BYTES {
        return 0..plain.count();
    }
    let first = view.ranges().first().map_or(0, |range| range.start);
    first..plain.line_at((plain.start(first) + BYTES).min(plain.bytes().len()))
}

/// Returns the starts of the stretches whose signatures differ least.
fn finalists(plain: &Plain<'_>, rows: &[&str], within: Range<usize>) -> Vec<usize> {
    let lines: Vec<Signature> = within.clone().map(|line| signature(plain.line(line))).collect();
    let last = lines.len().saturating_sub(rows.len());
    let most = (PAIRS / (last + 1)).clamp(2, SAMPLE);
    let sample: Vec<(usize, Signature)> = (rows.iter().enumerate())
        .step_by(rows.len().div_ceil(most))
        .map(|(index, row)| (index, signature(row.as_bytes())))
        .collect();
    let mut best: Vec<(u32, usize)> = Vec::with_capacity(FINALISTS + 1);
    for start in 0..=last {
        let worst = best.get(FINALISTS - 1).map_or(u32::MAX, |(differs, _)| *differs);
        let mut differs = 0;
        for (index, row) in &sample {
            let line = lines.get(start + index).copied().unwrap_or_default();
            differs += (line[0] ^ row[0]).count_ones() + (line[1] ^ row[1]).count_ones();
            if differs >= worst {
                break;
            }
        }
        if differs < worst {
            let at = best.partition_point(|(known, _)| *known <= differs);
            best.insert(at, (differs, start));
            best.truncate(FINALISTS);
        }
    }
    best.into_iter().map(|(_, start)| within.start + start).collect()
}

/// One bit for each pair of neighbouring letters, by its hash.
type Signature = [u64; 2];

/// Returns the signature of a row, blanks left out.
fn signature(row: &[u8]) -> Signature {
    let mut bits = [0; 2];
    let mut last = 0;
    for byte in row.iter().take(SIGNED).filter(|byte| **byte > b' ') {
        let pair = u32::from(last) << 8 | u32::from(*byte);
        let hash = pair.wrapping_mul(0x9e37_79b1) >> 25;
        bits[(hash >> 6) as usize] |= 1 << (hash & 63);
        last = *byte;
    }
    bits
}

/// Returns how alike the rows and the lines from `start` are, in thousandths.
fn likeness(plain: &Plain<'_>, rows: &[&str], start: usize) -> usize {
    let step = rows.len().div_ceil(SAMPLE);
    let (mut alike, mut all) = (0, 0);
    for (index, row) in rows.iter().enumerate().step_by(step) {
        let there = match start + index < plain.count() {
            true => cut(plain.line(start + index).trim_ascii()),
            false => &[],
        };
        let row = cut(row.as_bytes().trim_ascii());
        alike += 2 * common(there, row);
        all += there.len() + row.len();
    }
    1000 * alike / all.max(1)
}

fn cut(row: &[u8]) -> &[u8] {
    &row[..row.len().min(ROW)]
}

/// Returns the length of the longest common subsequence. Runs in O(a × b).
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (at, y) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if x == y { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

fn differences(
    plain: &Plain<'_>,
    rows: &[&str],
    start: usize,
    whole_lines: bool,
) -> Vec<Difference> {
    let mut told = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let line = start + index;
        let there = match line < plain.count() {
            true => String::from_utf8_lossy(plain.line(line)),
            false => String::new().into(),
        };
        let row = *row;
        let inside = match (index, index + 1 == rows.len()) {
            _ if whole_lines => there == row,
            (0, true) => there.contains(row),
            (0, false) => there.ends_with(row),
            (_, true) => there.starts_with(row),
            _ => there == row,
        };
        if inside {
            continue;
        }
        if told.len() == TOLD {
            break;
        }
        let long = there.len().max(row.len()) > SIGNED;
        let kind = if long { Kind::Text } else { kind(&there, row) };
        let quoted = row.chars().take(QUOTED).collect();
        told.push(Difference {
            line: line + 1,
            kind,
            there: there.chars().take(QUOTED).collect(),
            quoted,
        });
    }
    told
}

/// Returns what differs between a line and a row.
fn kind(there: &str, quoted: &str) -> Kind {
    let indent = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
    let (a, b) = (there.trim(), quoted.trim());
    if a == b {
        let (lead, other) = (&there[..indent(there)], &quoted[..indent(quoted)]);
        return match () {
            () if lead == other => Kind::TrailingBlanks,
            () if lead.contains('\t') != other.contains('\t') => Kind::Tabs,
            () => Kind::Indentation,
        };
    }
    let plain = |text: &str| text.chars().map(plain_sign).collect::<String>();
    let without_blanks = |text: &str| text.split_whitespace().collect::<String>();
    if without_blanks(a) == without_blanks(b) {
        return Kind::Blanks;
    }
    if plain(a) == plain(b) {
        return Kind::Quotes;
    }
    if a.to_lowercase() == b.to_lowercase() {
        return Kind::Case;
    }
    one_word(a, b).unwrap_or(Kind::Text)
}

/// Returns the plain sign that a typographic one stands for.
fn plain_sign(sign: char) -> char {
    match sign {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{ab}' | '\u{bb}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    }
}

/// Returns the one word in which two rows differ.
fn one_word(there: &str, quoted: &str) -> Option<Kind> {
    let (a, b) = (words(there), words(quoted));
    let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(a, b)| a == b);
    let tail = tail.count();
    let (a, b) = (a[head..a.len() - tail].concat(), b[head..b.len() - tail].concat());
    let short = a.chars().count() <= 40 && b.chars().count() <= 40;
    (short && head + tail > 0).then_some(Kind::Word(a, b))
}

/// Returns the words of a row and what stands between them.
fn words(row: &str) -> Vec<&str> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = row;
    while let Some(first) = rest.chars().next() {
        let end = match part(first) {
            true => rest.find(|c| !part(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, others) = rest.split_at(end);
        words.push(word);
        rest = others;
    }
    words
}
