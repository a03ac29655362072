//! Unified diffs, by the rules of `git apply` and of GNU `patch`.
//!
//! Both look for the old lines of a hunk outward from where its header says.
//! Git wants every context line; patch leaves up to two of them off at each
//! end. A hunk without trailing context belongs at the end of the file.

use engine::error::Code;
use engine::format::{Find, Hunk, Row};

use super::{Outcome, Rejected, Situation, finds_of};

/// Whose rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// That of `git apply`.
    Git,
    /// That of `patch`, with so many context lines to leave off.
    Fuzz(usize),
}

/// Applies a diff to the file as it is now.
pub(super) fn apply(situation: &Situation, text: &str, rule: Rule) -> Outcome {
    let finds = finds_of("udiff", situation, text)?;
    let mut file = File::of(situation.now());
    for (index, find) in finds.into_iter().enumerate() {
        let Find::Rows(hunk) = find else {
            return Err(Rejected::new(Code::Unsupported, "this rule knows hunks only"));
        };
        if !file.take(&Sides::of(&hunk), rule) {
            return Err(Rejected::new(
                Code::NotFound,
                format!("hunk {} does not apply", index + 1),
            ));
        }
    }
    Ok(file.text())
}

/// A hunk as the two programs see it.
struct Sides<'a> {
    rows: &'a [Row],
    old: Vec<&'a str>,
    /// Context lines before the first change and behind the last.
    leading: usize,
    trailing: usize,
    /// The line (0-based) of its header.
    line: usize,
}

impl<'a> Sides<'a> {
    fn of(hunk: &'a Hunk) -> Sides<'a> {
        let kept = |row: &&Row| matches!(row, Row::Keep(_));
        Sides {
            rows: &hunk.rows,
            old: hunk.rows.iter().filter_map(Row::before).collect(),
            leading: hunk.rows.iter().take_while(kept).count(),
            trailing: hunk.rows.iter().rev().take_while(kept).count(),
            line: hunk.hint.line.unwrap_or(1).saturating_sub(1),
        }
    }
}

/// The file so far.
struct File {
    /// Lines, and whether a hunk put them there.
    lines: Vec<(String, bool)>,
    final_newline: bool,
    /// What the hunks so far have added; where patch looks first.
    shift: isize,
    /// The end of the last hunk: patch looks only behind it.
    frozen: usize,
}

impl File {
    fn of(text: &str) -> File {
        let lines = text.lines().map(|line| (line.to_owned(), false)).collect();
        File { lines, final_newline: text.ends_with('\n'), shift: 0, frozen: 0 }
    }

    fn text(&self) -> String {
        let mut text: String =
            self.lines.iter().flat_map(|(line, _)| [line.as_str(), "\n"]).collect();
        if !self.final_newline {
            text.pop();
        }
        text
    }

    /// Puts a hunk where it belongs and returns whether there is such a place.
    fn take(&mut self, hunk: &Sides<'_>, rule: Rule) -> bool {
        let most = match rule {
            Rule::Git => 0,
            Rule::Fuzz(most) => most.min(hunk.leading.max(hunk.trailing)),
        };
        (0..=most).any(|fuzz| match self.place(hunk, rule, fuzz) {
            Some((at, cut)) => {
                self.put(hunk, at, cut);
                true
            }
            None => false,
        })
    }

    /// Returns the line where the old lines stand, without so many at their
    /// start and end, and how many those are.
    fn place(&self, hunk: &Sides<'_>, rule: Rule, fuzz: usize) -> Option<(usize, (usize, usize))> {
        let context = hunk.leading.max(hunk.trailing);
        // The side with less context gives up less.
        let head = (fuzz + hunk.leading).saturating_sub(context);
        let tail = (fuzz + hunk.trailing).saturating_sub(context);
        let old = &hunk.old[head..hunk.old.len() - tail];
        let first = (hunk.line as isize + self.shift).max(0) as usize + head;
        let at_start = match rule {
            Rule::Git => hunk.line == 0,
            Rule::Fuzz(_) => fuzz + hunk.leading < context,
        };
        let at_end = match rule {
            Rule::Git => hunk.trailing == 0,
            Rule::Fuzz(_) => fuzz + hunk.trailing < context,
        };
        let least = if matches!(rule, Rule::Git) { 0 } else { self.frozen };
        let fits = |at: usize| {
            at >= least
                && (!at_start || at == 0)
                && (!at_end || at + old.len() == self.lines.len())
                && self.stands(old, at, rule)
        };
        outward(first, self.lines.len().checked_sub(old.len())?, rule)
            .find(|at| fits(*at))
            .map(|at| (at, (head, tail)))
    }

    fn stands(&self, old: &[&str], at: usize, rule: Rule) -> bool {
        let lines = &self.lines[at..at + old.len()];
        // Git never matches what an earlier hunk wrote.
        let fresh = |is_new: bool| !is_new || !matches!(rule, Rule::Git);
        lines.iter().zip(old).all(|((line, is_new), old)| line == old && fresh(*is_new))
    }

    /// Does a hunk at `at`, its first and last context lines left off.
    fn put(&mut self, hunk: &Sides<'_>, at: usize, (head, tail): (usize, usize)) {
        let rows = &hunk.rows[head..hunk.rows.len() - tail];
        let new: Vec<(String, bool)> =
            rows.iter().filter_map(Row::after).map(|line| (line.to_owned(), true)).collect();
        let old = hunk.old.len() - head - tail;
        self.frozen = at + new.len();
        let moved = at as isize - (hunk.line + head) as isize;
        self.shift = moved + new.len() as isize - old as isize;
        self.lines.splice(at..at + old, new);
    }
}

/// Returns the places from `first` outward, from 0 to `last`.
fn outward(first: usize, last: usize, rule: Rule) -> impl Iterator<Item = usize> {
    let first = first.min(last);
    let git = matches!(rule, Rule::Git);
    (0..=last.max(first)).flat_map(move |far| {
        let before = first.checked_sub(far);
        let behind = Some(first + far).filter(|at| *at <= last && far > 0);
        // Git tries the place before at each distance, patch the one behind.
        if git { [before, behind] } else { [behind, before] }.into_iter().flatten()
    })
}
