//! Slips put into real edits: how many of them the lints catch, and whether a
//! fix brings back what was meant.

use std::cell::Cell;
use std::sync::Arc;

use engine::anchor::{Handle, View};
use engine::drift::Since;
use engine::format::{Action, FileScript, Op, Script};
use engine::plan::{FileState, Options, Planned, Seen, plan};
use engine::snapshot::Snapshot;
use engine::verify::lint::{LintKind, LintSet, lints};

use super::Dice;
use super::corpus::{Hunk, RealEdit, load, ops};

/// The seed of all slips.
const SEED: u64 = 1;

/// The notes that stand for lines left out, `@` for the mark of a comment.
const NOTES: [&str; 12] = [
    "@ ... existing code ...",
    "@ ... rest of the code remains unchanged ...",
    "@ ...existing code...",
    "@ ... (rest of the function unchanged)",
    "@ ... rest of the implementation ...",
    "@ Rest of the code remains the same...",
    "@ … unchanged …",
    "@ [... unchanged ...]",
    "@ rest of the method stays the same",
    "... rest of the code unchanged ...",
    "@ ...",
    "...",
];

/// Puts a slip into one of the hunks; `None` where the edit has no place for it.
type Slip = fn(&RealEdit, &mut Dice, Vec<Hunk>) -> Option<Vec<Hunk>>;

/// Each slip with the lint that should catch it, and the least shares in percent
/// that it must catch, and that one of its fixes must put right.
const SLIPS: [(&str, Slip, LintKind, [usize; 2]); 12] = [
    ("line above repeated", repeat_above, LintKind::RepeatedBoundary, [99, 99]),
    ("line below repeated", repeat_below, LintKind::RepeatedBoundary, [99, 99]),
    ("lines on both sides repeated", repeat_both, LintKind::RepeatedBoundary, [99, 98]),
    ("gutter echoed", echo_gutter, LintKind::EchoedGutter, [99, 97]),
    ("numbers and digests echoed", echo_digests, LintKind::EchoedGutter, [99, 99]),
    ("middle elided", elide, LintKind::Elision, [95, 70]),
    ("insert as replace", insert_as_replace, LintKind::InsertAsReplace, [40, 40]),
    ("indentation lost", lose_indentation, LintKind::Indentation, [70, 65]),
    ("one level lost", lose_level, LintKind::Indentation, [65, 60]),
    ("first row unindented", lose_first, LintKind::Indentation, [65, 60]),
    ("tabs for spaces or spaces for tabs", swap_blanks, LintKind::Indentation, [99, 70]),
    ("closing row lost", lose_closer, LintKind::Brackets, [85, 0]),
];

/// What became of the slips of one kind.
#[derive(Default)]
struct Score {
    made: usize,
    /// By the lint that should.
    caught: usize,
    /// By any lint.
    noticed: usize,
    first_fix_right: usize,
    any_fix_right: usize,
    missed: Vec<String>,
}

#[test]
fn slips_in_real_edits_are_caught() {
    let edits = load();
    if edits.is_empty() {
        return;
    }
    for most in [0, 3] {
        println!("hunks up to {most} lines wider on each side, seed {SEED}; percent");
        println!("| slip | made | caught | noticed | first fix right | a fix right |");
        println!("|---|---:|---:|---:|---:|---:|");
        for (name, slip, kind, [caught, fixed]) in SLIPS {
            let score = score(&edits, most, slip, kind);
            score.print(name);
            let share = |part: usize| part * 100 / score.made.max(1);
            let missed = &score.missed[..score.missed.len().min(5)];
            assert!(score.made > 0 && share(score.caught) >= caught, "{name}: {missed:#?}");
            assert!(share(score.any_fix_right) >= fixed, "{name}: fixes");
        }
    }
}

fn score(edits: &[RealEdit], most: usize, slip: Slip, kind: LintKind) -> Score {
    let mut dice = Dice(SEED);
    let mut score = Score::default();
    for edit in edits {
        let right = edit.widened(&edit.hunks, &mut dice, most);
        let Some(wrong) = slip(edit, &mut dice, right.clone()) else { continue };
        let meant = after(edit, &ops(&right));
        let made = ops(&wrong);
        if after(edit, &made) == meant {
            continue;
        }
        score.made += 1;
        let found = lints(&edit.path, &made, &edit.read, LintSet::ALL);
        score.noticed += usize::from(!found.is_empty());
        let Some(lint) = found.iter().find(|lint| lint.kind == kind) else {
            score.missed.push(edit.id.clone());
            continue;
        };
        score.caught += 1;
        let fixed = |fix: usize| {
            let fix = lint.fixes.get(fix)?;
            let mut fixed = made.clone();
            fixed.splice(lint.op..=lint.op, fix.ops.iter().cloned());
            after(edit, &fixed)
        };
        let rights: Vec<bool> =
            (0..lint.fixes.len()).map(|fix| meant.is_some() && fixed(fix) == meant).collect();
        score.first_fix_right += usize::from(rights.first() == Some(&true));
        score.any_fix_right += usize::from(rights.contains(&true));
    }
    score
}

impl Score {
    fn print(&self, name: &str) {
        let share = |part: usize| part as f64 * 100.0 / self.made.max(1) as f64;
        println!(
            "| {name} | {} | {:.1} | {:.1} | {:.1} | {:.1} |",
            self.made,
            share(self.caught),
            share(self.noticed),
            share(self.first_fix_right),
            share(self.any_fix_right)
        );
    }
}

/// Returns the content after `ops`.
fn after(edit: &RealEdit, ops: &[Op]) -> Option<Vec<u8>> {
    let now = Arc::new(Snapshot::of(edit.read.bytes.clone()));
    let view = View::all(now.line_count());
    let seen = Seen { snapshot: Arc::clone(&now), view, since: Since::Same };
    let state = FileState { now: Some(now), seen: Some(seen), to: None, to_seen: None };
    let handle = Handle::from_number(481_920);
    let action = Action::Edit { handle, ops: ops.to_vec(), final_newline: None };
    let script = Script { files: vec![FileScript { path: edit.path.clone(), action }] };
    let plan = plan(&script, &[state], &Options::default()).ok()?;
    match &plan.files.first()?.action {
        Planned::Modify { before, change, .. } => Some(change.apply(&before.bytes)),
        _ => None,
    }
}

/// Picks a hunk that `fits`.
fn pick(dice: &mut Dice, hunks: &[Hunk], fits: impl Fn(&Hunk) -> bool) -> Option<usize> {
    let all: Vec<usize> = (0..hunks.len()).filter(|at| fits(&hunks[*at])).collect();
    dice.pick(&all).copied()
}

fn is_text(row: &str) -> bool {
    !row.trim().is_empty()
}

/// Returns how many lines to repeat on one side: one, sometimes two, and further
/// until one is no blank; never into another hunk.
fn repeated(edit: &RealEdit, dice: &mut Dice, hunks: &[Hunk], at: usize, up: bool) -> Vec<String> {
    let old = &hunks[at].old;
    let free = match up {
        true => at.checked_sub(1).map_or(0, |before| hunks[before].old.end)..old.start,
        false => old.end..hunks.get(at + 1).map_or(edit.read.line_count(), |h| h.old.start),
    };
    let lines = edit.rows(free);
    let mut count = 1 + dice.roll(4) / 3;
    let side = |count: usize| match up {
        true => lines[lines.len().saturating_sub(count)..].to_vec(),
        false => lines[..count.min(lines.len())].to_vec(),
    };
    while count < lines.len() && !side(count).iter().any(|row| is_text(row)) {
        count += 1;
    }
    side(count)
}

fn repeat_on(
    edit: &RealEdit,
    dice: &mut Dice,
    mut hunks: Vec<Hunk>,
    sides: [bool; 2],
) -> Option<Vec<Hunk>> {
    let at = pick(dice, &hunks, |hunk| hunk.new.iter().any(|row| is_text(row)))?;
    let above = if sides[0] { repeated(edit, dice, &hunks, at, true) } else { Vec::new() };
    let below = if sides[1] { repeated(edit, dice, &hunks, at, false) } else { Vec::new() };
    let telling = |rows: &[String]| rows.iter().any(|row| is_text(row));
    if sides[0] && !telling(&above) || sides[1] && !telling(&below) {
        return None;
    }
    hunks[at].new = [above, hunks[at].new.clone(), below].concat();
    Some(hunks)
}

fn repeat_above(edit: &RealEdit, dice: &mut Dice, hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    repeat_on(edit, dice, hunks, [true, false])
}

fn repeat_below(edit: &RealEdit, dice: &mut Dice, hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    repeat_on(edit, dice, hunks, [false, true])
}

fn repeat_both(edit: &RealEdit, dice: &mut Dice, hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    repeat_on(edit, dice, hunks, [true, true])
}

fn number_rows(
    dice: &mut Dice,
    mut hunks: Vec<Hunk>,
    number: impl Fn(usize, &str) -> String,
) -> Option<Vec<Hunk>> {
    let at = pick(dice, &hunks, |hunk| !hunk.new.is_empty())?;
    let first = hunks[at].old.start + 1;
    for (row, line) in hunks[at].new.iter_mut().zip(first..) {
        *row = number(line, row);
    }
    Some(hunks)
}

fn echo_gutter(_: &RealEdit, dice: &mut Dice, hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    let style = dice.roll(6);
    let first = |line: usize, row: &str| format!("{line}\t{row}");
    let is_first = Cell::new(true);
    number_rows(dice, hunks, |line, row| match style {
        0 | 1 => first(line, row),
        2 => format!("{line}:{row}"),
        3 => format!("{line}|{row}"),
        4 => format!("{line:6}\t{row}"),
        _ if is_first.replace(false) || line % 10 == 0 => first(line, row),
        _ => format!("\t{row}"),
    })
}

fn echo_digests(_: &RealEdit, dice: &mut Dice, hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    let style = dice.roll(3);
    let digest =
        |row: &str| format!("{:02x}", row.bytes().fold(7_u8, |sum, b| sum.wrapping_mul(31) ^ b));
    number_rows(dice, hunks, |line, row| match style {
        0 => format!("{line}#{}:{row}", digest(row)),
        1 => format!("{line}:{}|{row}", digest(row)),
        _ => format!("{line}#{} {row}", digest(row).to_uppercase()),
    })
}

/// Leaves out at least three rows that stay as they are, so that the hunk must
/// be wide enough to have them.
fn elide(edit: &RealEdit, dice: &mut Dice, mut hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    let at = pick(dice, &hunks, |_| true)?;
    let (before, after) = (3 + dice.roll(6), 3 + dice.roll(6));
    let from = at.checked_sub(1).map_or(0, |before| hunks[before].old.end);
    let to = hunks.get(at + 1).map_or(edit.read.line_count(), |hunk| hunk.old.start);
    let hunk = hunks[at].clone();
    let start = hunk.old.start.saturating_sub(before).max(from);
    let end = (hunk.old.end + after).min(to);
    let (above, below) = (edit.rows(start..hunk.old.start), edit.rows(hunk.old.end..end));
    let note = note(edit, dice, &[&above[..], &below[..]].concat());
    // Above or below the change; one row of context stays on each side of it.
    let (above, below) = match (above.len() > below.len(), above.len().max(below.len())) {
        (_, 0..=3) => return None,
        (true, n) => ([&above[..1], &[note], &above[n - 1..]].concat(), below),
        (false, n) => (above, [&below[..1], &[note], &below[n - 1..]].concat()),
    };
    hunks[at] = Hunk { old: start..end, new: [above, hunk.new, below].concat() };
    Some(hunks)
}

fn note(edit: &RealEdit, dice: &mut Dice, rows: &[String]) -> String {
    let blanks = rows
        .iter()
        .find(|row| is_text(row))
        .map_or("", |row| &row[..row.len() - row.trim_start().len()]);
    let mark = if edit.path.ends_with(".py") { "#" } else { "//" };
    let note = dice.pick(&NOTES).expect("there are notes");
    format!("{blanks}{}", note.replace('@', mark))
}

fn insert_as_replace(edit: &RealEdit, dice: &mut Dice, mut hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    let many = |hunk: &Hunk| hunk.new.iter().filter(|row| is_text(row)).count() >= 2;
    let at = pick(dice, &hunks, |hunk| hunk.old.is_empty() && many(hunk))?;
    let place = hunks[at].old.start;
    let up = dice.roll(2) == 0;
    let line = if up { place.checked_sub(1)? } else { place };
    let taken = |hunk: &Hunk| {
        hunk.old.contains(&line)
            || hunk.old.is_empty()
                && hunk.old.start == line + usize::from(up)
                && hunk.old.start != place
    };
    if line >= edit.read.line_count() || hunks.iter().any(taken) {
        return None;
    }
    if !is_text(&edit.rows(line..line + 1)[0]) {
        return None;
    }
    hunks[at].old = line..line + 1;
    Some(hunks)
}

/// Takes up to `count` blanks away from every row of one hunk, as many from all.
fn dedent(
    dice: &mut Dice,
    mut hunks: Vec<Hunk>,
    count: impl Fn(&Hunk) -> usize,
) -> Option<Vec<Hunk>> {
    let least = |hunk: &Hunk| {
        let rows = hunk.new.iter().filter(|row| is_text(row));
        rows.map(|row| row.len() - row.trim_start().len()).min().unwrap_or(0)
    };
    let at = pick(dice, &hunks, |hunk| least(hunk) > 0)?;
    let count = count(&hunks[at]).min(least(&hunks[at]));
    for row in hunks[at].new.iter_mut().filter(|row| is_text(row)) {
        *row = row[count..].to_owned();
    }
    Some(hunks)
}

fn lose_indentation(_: &RealEdit, dice: &mut Dice, hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    dedent(dice, hunks, |_| usize::MAX)
}

fn lose_level(edit: &RealEdit, dice: &mut Dice, hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    let level = unit(edit);
    dedent(dice, hunks, |_| level)
}

/// Trims a text as a whole, which only its first row feels.
fn lose_first(_: &RealEdit, dice: &mut Dice, mut hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    let indented = |row: &String| row.starts_with([' ', '\t']) && is_text(row);
    let fits = |hunk: &Hunk| hunk.new.len() > 1 && indented(&hunk.new[0]);
    let at = pick(dice, &hunks, fits)?;
    hunks[at].new[0] = hunks[at].new[0].trim_start().to_owned();
    Some(hunks)
}

/// Returns how many blanks one level of a file takes: 1 for tabs.
fn unit(edit: &RealEdit) -> usize {
    let rows = edit.rows(0..edit.read.line_count());
    let columns = |row: &String| row.len() - row.trim_start_matches(' ').len();
    match () {
        () if rows.iter().filter(|row| row.starts_with('\t')).count() * 2
            > rows.iter().filter(|row| row.starts_with("  ")).count() =>
        {
            1
        }
        () if rows.iter().filter(|row| is_text(row) && columns(row) % 4 == 2).count() * 10
            > rows.len() =>
        {
            2
        }
        () => 4,
    }
}

/// Writes a hunk with the other blanks, a level for a level.
fn swap_blanks(edit: &RealEdit, dice: &mut Dice, mut hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    let level = " ".repeat(unit(edit));
    let (from, to) = if level.len() == 1 { ("\t", "    ") } else { (level.as_str(), "\t") };
    let at = pick(dice, &hunks, |hunk| hunk.new.iter().any(|row| row.starts_with(from)))?;
    for row in &mut hunks[at].new {
        let rest = row.trim_start();
        *row = row[..row.len() - rest.len()].replace(from, to) + rest;
    }
    Some(hunks)
}

/// Drops the last row that only closes.
fn lose_closer(_: &RealEdit, dice: &mut Dice, mut hunks: Vec<Hunk>) -> Option<Vec<Hunk>> {
    let closes = |row: &String| matches!(row.trim(), "}" | ")" | "});" | ");" | "]" | "}," | "),");
    let at = pick(dice, &hunks, |hunk| hunk.new.iter().any(closes))?;
    let row = hunks[at].new.iter().rposition(closes)?;
    hunks[at].new.remove(row);
    Some(hunks)
}
