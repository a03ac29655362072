//! Brackets that the edit leaves open, or closes too often.
//!
//! For languages that no grammar can check. The lines that go and the rows that
//! come are counted over the whole edit, so that an opening row may be far from
//! its closing one; and only where the file was in balance by the same count, so
//! that a way of writing that the count does not understand stays silent.

use super::balance::{Balance, balance};
use super::place::{Place, Work};
use super::{Fix, Lint, LintKind};

pub(super) fn lint(work: &Work<'_>) -> Option<Lint> {
    let (lexis, total) = (work.lexis?, work.imbalance?);
    if total == Balance::EVEN || work.seen.line_count() == 0 {
        return None;
    }
    // Nearly every edit is done with here; the rest costs a look at the file.
    let place = culprit(work, total)?;
    let seen = balance(lexis, work.lines(0..work.seen.line_count()))?;
    if seen != Balance::EVEN {
        return None;
    }
    let message = format!("the edit leaves brackets without partner: {}", described(total));
    Some(Lint {
        kind: LintKind::Brackets,
        op: place.op,
        rows: (1, place.rows.len()),
        message,
        fixes: fix(work, place, total).into_iter().collect(),
    })
}

/// Returns the operation without which the edit would be nearest to balance.
fn culprit<'w, 'a>(work: &'w Work<'a>, total: Balance) -> Option<&'w Place<'a>> {
    let rest = |place: &&Place<'_>| work.delta(place).map_or(u64::MAX, |d| (total - d).weight());
    work.places.iter().min_by_key(rest)
}

/// Returns the fix where one row at the end makes the difference: the last line
/// of the range was to stay, or the last row of the text is one too many.
fn fix(work: &Work<'_>, place: &Place<'_>, total: Balance) -> Option<Fix> {
    let lexis = work.lexis?;
    let of = |row: &[u8]| balance(lexis, [row].into_iter()).filter(|_| is_closing(row));
    let last_row = place.rows.last().copied()?;
    if of(last_row.as_bytes()) == Some(total) {
        let rows = &place.rows[..place.rows.len() - 1];
        return place.with_rows(work, "without the last row", rows);
    }
    let last_line = work.line(place.old.clone().next_back()?);
    if of(last_line).is_some_and(|lost| total + lost == Balance::EVEN) {
        let mut rows = place.rows.clone();
        rows.push(std::str::from_utf8(last_line).ok()?);
        return place.with_rows(work, format!("keep line {}", place.old.end), &rows);
    }
    None
}

/// Returns whether a line does nothing but close.
fn is_closing(line: &[u8]) -> bool {
    line.trim_ascii().iter().all(|byte| b")]};,".contains(byte))
}

fn described(total: Balance) -> String {
    let names = ["()", "[]", "{}"];
    let parts = total.0.iter().zip(names).filter(|(count, _)| **count != 0);
    let parts: Vec<String> = parts
        .map(|(count, name)| {
            let (bracket, what) = match *count > 0 {
                true => (&name[..1], "opened and not closed"),
                false => (&name[1..], "closed and not opened"),
            };
            format!("{} {bracket} {what}", count.unsigned_abs())
        })
        .collect();
    parts.join(", ")
}
