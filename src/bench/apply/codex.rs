//! `*** Begin Patch`, by the rule of the program it comes from: the old lines
//! are looked for behind the last hunk, exactly, then without trailing blanks,
//! then without any at both ends, then with typographic characters as ASCII.

use engine::error::Code;
use engine::format::{Find, Hunk, Row};

use super::{Outcome, Piece, Rejected, Situation, finds_of, put};

/// The ways in which two lines count as equal, the strictest first.
const EQUALS: [fn(&str, &str) -> bool; 4] = [
    |a, b| a == b,
    |a, b| a.trim_end() == b.trim_end(),
    |a, b| a.trim() == b.trim(),
    |a, b| plain(a) == plain(b),
];

/// Applies a patch to the file as it is now.
pub(super) fn apply(situation: &Situation, text: &str) -> Outcome {
    let finds = finds_of("patch", situation, text)?;
    let mut lines: Vec<&str> = situation.now().split('\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let mut pieces = Vec::new();
    let mut from = 0;
    for find in finds {
        let Find::Rows(hunk) = find else {
            return Err(Rejected::new(Code::Unsupported, "this rule knows hunks only"));
        };
        let piece = piece(&hunk, &lines, &mut from)?;
        pieces.push(piece);
    }
    pieces.sort_by_key(|piece| (piece.old.start, piece.old.end));
    // The program ends every file with a newline.
    let after = put(&lines.join("\n"), &pieces)?;
    Ok(if after.is_empty() || after.ends_with('\n') { after } else { after + "\n" })
}

fn piece(hunk: &Hunk, lines: &[&str], from: &mut usize) -> Result<Piece, Rejected> {
    for under in &hunk.hint.under {
        let at = seek(lines, &[under], *from, false);
        let at = at.ok_or_else(|| {
            Rejected::new(Code::NotFound, format!("the context {under:?} is not in the file"))
        })?;
        *from = at + 1;
    }
    let mut old: Vec<&str> = hunk.rows.iter().filter_map(Row::before).collect();
    let mut new: Vec<String> = hunk.rows.iter().filter_map(Row::after).map(str::to_owned).collect();
    if old.is_empty() {
        return Ok(Piece { old: lines.len()..lines.len(), new });
    }
    let mut at = seek(lines, &old, *from, hunk.hint.at_end);
    if at.is_none() && old.last().is_some_and(|last| last.is_empty()) {
        old.pop();
        if new.last().is_some_and(String::is_empty) {
            new.pop();
        }
        at = seek(lines, &old, *from, hunk.hint.at_end);
    }
    let at =
        at.ok_or_else(|| Rejected::new(Code::NotFound, "the old lines are not in the file"))?;
    *from = at + old.len();
    Ok(Piece { old: at..at + old.len(), new })
}

/// Returns where `old` stands at or behind `from`.
fn seek(lines: &[&str], old: &[&str], from: usize, at_end: bool) -> Option<usize> {
    let last = lines.len().checked_sub(old.len())?;
    let from = if at_end { last } else { from };
    EQUALS.iter().find_map(|equal| {
        (from..=last).find(|at| lines[*at..].iter().zip(old).all(|(a, b)| equal(a, b)))
    })
}

fn plain(line: &str) -> String {
    let ascii = |c: char| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        c => c,
    };
    line.trim().chars().map(ascii).collect()
}
