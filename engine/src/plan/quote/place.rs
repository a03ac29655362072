//! Where a quoted text stands: nowhere, in one place, or in many.
//!
//! Never the nearest of many, never the likeliest. What chooses among several
//! places is a fact: the author named the very line, or a line above that only
//! one of them stands under; or the author was shown only one of them.

use std::ops::Range;

use super::plain::{Needle, Plain};
use crate::anchor::View;
use crate::format::Hint;

/// The most places that are looked at where a hint could choose among them.
const LOOKED_AT: usize = 1000;

/// The most lines above that are looked at, and the most lines of a section.
const HEADERS: usize = 100;
const SECTION: usize = 10_000;

/// How the place of a quote was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The text stands there and nowhere else, or all of its places are meant,
    /// or it is a place that lines or positions name.
    Only,
    /// Of several places, at the line that the author named.
    Line,
    /// Of several places, below the lines that the author named.
    Under,
    /// Of several places, at the end of the file, as the author said.
    End,
    /// Of several places, the only one that the session was shown.
    Shown,
    /// Of several places, the one that was chosen.
    Chosen,
}

/// Where a text stands (bytes of the rows).
#[derive(Debug)]
pub(super) enum Places {
    /// In no place.
    None,
    /// Here.
    One(usize, Way),
    /// In several, of which the first are these.
    Many(Vec<usize>),
    /// Nowhere below a line of the hint, which stands in no line at all.
    NoHeader(String),
}

/// Returns where the text of `needle` is meant.
pub(super) fn place(plain: &Plain<'_>, needle: &Needle<'_>, hint: &Hint, view: &View) -> Places {
    let all = 0..plain.bytes().len();
    if hint.at_end {
        return at_end(plain, needle);
    }
    let headers = match headers(plain, &hint.under) {
        Ok(headers) => headers,
        Err(missing) => return Places::NoHeader(missing),
    };
    let from = headers.iter().map(|header| header.below).min().unwrap_or(0);
    let found = plain.find(needle, from..all.end, LOOKED_AT);
    match found[..] {
        [] => Places::None,
        [only] => Places::One(only, Way::Only),
        _ => choose(plain, needle, hint, view, &headers, found),
    }
}

fn choose(
    plain: &Plain<'_>,
    needle: &Needle<'_>,
    hint: &Hint,
    view: &View,
    headers: &[Header],
    found: Vec<usize>,
) -> Places {
    let named = hint.line.and_then(|line| named_line(plain, needle, line));
    if let Some(at) = named {
        return Places::One(at, Way::Line);
    }
    let in_section = |at: &usize| headers.iter().any(|header| header.section.contains(at));
    let below: Vec<usize> = found.iter().copied().filter(in_section).collect();
    if let ([only], true) = (&below[..], found.len() < LOOKED_AT) {
        return Places::One(*only, Way::Under);
    }
    match shown(plain, needle, view)[..] {
        [only] if headers.is_empty() => Places::One(only, Way::Shown),
        _ => Places::Many(if below.len() > 1 { below } else { found }),
    }
}

/// Returns the place in line `line` (1-based), if the text begins there once.
fn named_line(plain: &Plain<'_>, needle: &Needle<'_>, line: usize) -> Option<usize> {
    let line = line.checked_sub(1).filter(|line| *line < plain.count())?;
    let reach = (plain.start(line + 1) + needle.text.len()).min(plain.bytes().len());
    let found = plain.find(needle, plain.start(line)..reach, 2);
    match found[..] {
        [only] if plain.line_at(only) == line => Some(only),
        [first, next] if plain.line_at(first) == line && plain.line_at(next) > line => Some(first),
        _ => None,
    }
}

fn at_end(plain: &Plain<'_>, needle: &Needle<'_>) -> Places {
    let len = plain.bytes().len();
    // The last line is ended in the rows whether or not it is in the file.
    let ends = [len.checked_sub(needle.text.len()), len.checked_sub(needle.text.len() + 1)];
    let stands = |at: &usize| needle.stands_at(plain, *at);
    match ends.into_iter().flatten().find(stands) {
        None => Places::None,
        Some(at) if plain.find(needle, 0..len, 2).len() == 1 => Places::One(at, Way::Only),
        Some(at) => Places::One(at, Way::End),
    }
}

/// Returns the places that lie in shown lines, two at most.
fn shown(plain: &Plain<'_>, needle: &Needle<'_>, view: &View) -> Vec<usize> {
    let mut found = Vec::new();
    for lines in view.ranges() {
        let bytes = plain.start(lines.start)..plain.start(lines.end);
        found.extend(plain.find(needle, bytes, 2 - found.len()));
        if found.len() == 2 {
            break;
        }
    }
    found
}

/// A line that the author named as standing above, and what stands under it.
struct Header {
    /// Where the lines below it start.
    below: usize,
    /// The bytes of the lines that are indented deeper, and of the line that
    /// ends them.
    section: Range<usize>,
}

/// Returns the lines that read as the last of `names`, each below lines that
/// read as those before it.
///
/// # Errors
/// With the first name that no line bears in that order.
fn headers(plain: &Plain<'_>, names: &[String]) -> Result<Vec<Header>, String> {
    let Some((last, above)) = names.split_last() else { return Ok(Vec::new()) };
    let mut from = 0;
    for name in above {
        let found = (from..plain.count()).find(|line| reads(plain, *line, name));
        from = found.ok_or_else(|| name.clone())? + 1;
    }
    let lines = (from..plain.count()).filter(|line| reads(plain, *line, last));
    let headers: Vec<Header> = lines.take(HEADERS).map(|line| header(plain, line)).collect();
    if headers.is_empty() { Err(last.clone()) } else { Ok(headers) }
}

fn reads(plain: &Plain<'_>, line: usize, name: &str) -> bool {
    plain.line(line).trim_ascii() == name.as_bytes().trim_ascii()
}

fn header(plain: &Plain<'_>, line: usize) -> Header {
    let depth = depth(plain.line(line));
    let deeper = |line: &usize| {
        let text = plain.line(*line);
        text.trim_ascii().is_empty() || self::depth(text) > depth
    };
    let last = plain.count().min(line + 1 + SECTION);
    let end = (line + 1..last).find(|line| !deeper(line)).unwrap_or(last);
    Header {
        below: plain.start(line + 1),
        section: plain.start(line + 1)..plain.start((end + 1).min(plain.count())),
    }
}

fn depth(line: &[u8]) -> usize {
    line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}
