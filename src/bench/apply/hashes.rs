//! Anchors with a hash for every line, and what is done where number and hash
//! disagree.

use engine::error::Code;

use super::{Outcome, Piece, Rejected, Situation, put};
use crate::bench::linehash::{Edit, Edits, Verb, hash, parts, width};

/// What is done with an anchor whose line has another hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It is refused.
    Strict,
    /// It goes to the line with its hash, if there is only one this near.
    Within(usize),
    /// It goes to the line with its hash, if there is only one in the file.
    Anywhere,
    /// It goes to the only line with its hash, else to the nearest of them if that
    /// is so near.
    Nearest(usize),
    /// Its number counts, if its hash is that of a line next to it.
    Number,
}

/// Applies a call to the file as it is now; each anchor is held against that.
pub(super) fn apply(situation: &Situation, text: &str, rule: Rule) -> Outcome {
    let edits: Edits = serde_json::from_str(text)
        .map_err(|error| Rejected::new(Code::Malformed, error.to_string()))?;
    if edits.path != situation.path {
        return Err(Rejected::new(Code::Missing, "there is no such file"));
    }
    let now: Vec<&str> = situation.now().split('\n').collect();
    let pieces: Result<Vec<Piece>, Rejected> =
        edits.edits.iter().map(|edit| piece(edit, &now, rule)).collect();
    let mut pieces = pieces?;
    pieces.sort_by_key(|piece| (piece.old.start, piece.old.end));
    let after = put(situation.now(), &pieces)?;
    // The program with this rule does not look.
    match after == situation.now() && !matches!(rule, Rule::Nearest(_)) {
        true => Err(Rejected::new(Code::NoChange, "the edit changes nothing")),
        false => Ok(after),
    }
}

fn piece(edit: &Edit, now: &[&str], rule: Rule) -> Result<Piece, Rejected> {
    let new = edit.lines.clone();
    let line = |anchor: &Option<String>| match anchor {
        None => Ok(None),
        Some(anchor) => place(anchor, now, rule).map(Some),
    };
    let old = match (edit.op, line(&edit.pos)?, line(&edit.end)?) {
        (Verb::Prepend, None, None) => 0..0,
        (Verb::Append, Some(line), None) => line + 1..line + 1,
        (Verb::Replace, Some(line), None) => line..line + 1,
        (Verb::Replace, Some(first), Some(last)) if first <= last => first..last + 1,
        (Verb::Replace, Some(_), Some(_)) => {
            return Err(Rejected::new(Code::Malformed, "the range ends before it begins"));
        }
        _ => return Err(Rejected::new(Code::Malformed, "an edit without its anchors")),
    };
    Ok(Piece { old, new })
}

/// Returns the line (0-based) that an anchor is taken to mean.
fn place(anchor: &str, now: &[&str], rule: Rule) -> Result<usize, Rejected> {
    let (line, said) = parts(anchor)
        .ok_or_else(|| Rejected::new(Code::Malformed, format!("{anchor:?} is no anchor")))?;
    let at = line - 1;
    let is = |line: usize| now.get(line).is_some_and(|text| hash(text, width(said)) == said);
    if is(at) {
        return Ok(at);
    }
    let stale = || {
        let text = format!("line {line} has another hash than {said}; read the file again");
        Rejected::new(Code::Stale, text)
    };
    let lines = match rule {
        Rule::Strict => return Err(stale()),
        Rule::Number => {
            let beside = at.checked_sub(1).is_some_and(is) || is(at + 1);
            return if beside && at < now.len() { Ok(at) } else { Err(stale()) };
        }
        Rule::Nearest(_) if at >= now.len() => return Err(stale()),
        Rule::Nearest(lines) => {
            let found: Vec<usize> = (0..now.len()).filter(|line| is(*line)).collect();
            let nearest = found.iter().copied().min_by_key(|line| line.abs_diff(at));
            let is_near = |line: &usize| found.len() == 1 || line.abs_diff(at) <= lines;
            return nearest.filter(is_near).ok_or_else(stale);
        }
        Rule::Within(lines) => at.saturating_sub(lines)..(at + lines + 1).min(now.len()),
        Rule::Anywhere => 0..now.len(),
    };
    let mut found = lines.filter(|line| is(*line));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            Err(Rejected::new(Code::Ambiguous, format!("several lines have the hash {said}")))
        }
        (None, _) => Err(stale()),
    }
}
