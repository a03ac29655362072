//! A right call made wrong, in the ways that were counted.

use engine::format::{Find, Row, Task as DraftTask};

use crate::bench::dice::Dice;
use crate::bench::format::{Format, Said};
use crate::bench::linehash::{self, Edits};
use crate::bench::task::Task;

/// How often the number is right where number and hash disagree by a line: 164
/// of the 188 cases that could be told.
const NUMBER_RIGHT: f64 = 0.87;

/// The most variants of a mistake that are tried.
const VARIANTS: usize = 6;

/// Returns the call of `task` with the mistake `kind` in it, in the first of a
/// few variants that `fails`; where none does, the last variant. `None` where
/// the mistake cannot be made in this format.
pub fn inject(
    format: &Format,
    task: &Task,
    kind: &str,
    dice: &mut Dice,
    fails: impl Fn(&str) -> bool,
) -> Option<String> {
    let mut text = None;
    for variant in 0..VARIANTS {
        // Where a kind has no place in this call, another reading of it has.
        let kind = if variant < VARIANTS - 2 { kind } else { instead(kind) };
        let Some(wrong) = make(format, task, kind, variant, dice) else { continue };
        let done = fails(&wrong);
        text = Some(wrong);
        if done {
            break;
        }
    }
    text
}

/// Returns what a mistake comes to where it cannot be made to fail as such.
fn instead(kind: &str) -> &str {
    match kind {
        "malformed" | "cut-off" => "cut-off",
        "hash-of-next" | "hash-of-other" => "hash-invented",
        "lines-omitted" | "context-wrong" | "already-applied" | "indentation" | "escaping"
        | "reflowed" | "other-state" | "header-unknown" | "not-unique" => "paraphrased",
        kind => kind,
    }
}

fn make(
    format: &Format,
    task: &Task,
    kind: &str,
    variant: usize,
    dice: &mut Dice,
) -> Option<String> {
    match kind {
        "no-op" => {
            let mut same = task.clone();
            let pieces: Vec<&str> = task.read.split('\n').collect();
            for hunk in &mut same.hunks {
                // Nothing to insert is no call: the line before is said again.
                if hunk.old.is_empty() {
                    hunk.old = hunk.old.start.saturating_sub(1)..hunk.old.start.max(1);
                }
                hunk.new = pieces[hunk.old.clone()].iter().map(|&s| s.to_owned()).collect();
            }
            same.hunks.dedup_by(|later, first| later.old.start < first.old.end);
            written(format, &same)
        }
        "off-by-one" => super::slip(format, task, "off-by-one", dice),
        "cut-off" => cut_off(&written(format, task)?, variant, dice),
        _ => match format.say(task).ok()? {
            Said::Hashes(edits) => hashes(format, task, edits, kind, dice),
            said => drafted(format, task, said, kind, variant, dice),
        },
    }
}

fn written(format: &Format, task: &Task) -> Option<String> {
    format.write(&format.say(task).ok()?).ok()
}

fn cut_off(text: &str, variant: usize, dice: &mut Dice) -> Option<String> {
    // A text may end where a row does and still be whole; a first row never is.
    let most = if variant < 3 { text.len() } else { text.find('\n').unwrap_or(text.len()) };
    let mut at = most / 2 + dice.roll(most / 2);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    Some(text[..at].to_owned())
}

fn hashes(
    format: &Format,
    task: &Task,
    mut edits: Edits,
    kind: &str,
    dice: &mut Dice,
) -> Option<String> {
    let pieces: Vec<&str> = task.read.split('\n').collect();
    let mut anchors: Vec<&mut String> =
        edits.edits.iter_mut().flat_map(|edit| [&mut edit.pos, &mut edit.end]).flatten().collect();
    let chosen = dice.roll(anchors.len());
    let anchor = anchors.get_mut(chosen)?;
    let (line, hash) = linehash::parts(anchor)?;
    let (at, width) = (line - 1, linehash::width(hash));
    let said = |number: usize, of: usize| {
        let text = pieces.get(of)?;
        Some(format!("{}#{}", number + 1, linehash::hash(text, width)))
    };
    **anchor = match kind {
        "malformed" => anchor.replace('#', ""),
        "hash-of-next" if dice.share() < NUMBER_RIGHT => said(at, at + 1)?,
        "hash-of-next" => said(at.checked_sub(1)?, at)?,
        "hash-of-other" if dice.share() < NUMBER_RIGHT => {
            let other = [at.checked_sub(1), at.checked_sub(2), Some(at + 2)];
            said(at, other[dice.roll(3)]?)?
        }
        "hash-of-other" => said(at + 1, at)?,
        "hash-invented" => {
            let invented = format!("{:x}", dice.bits());
            format!("{line}#{}", linehash::hash(&invented, width))
        }
        _ => return None,
    };
    format.write(&Said::Hashes(edits)).ok()
}

fn drafted(
    format: &Format,
    task: &Task,
    mut said: Said,
    kind: &str,
    variant: usize,
    dice: &mut Dice,
) -> Option<String> {
    if kind == "malformed" {
        return Some(malformed(&format.write(&said).ok()?));
    }
    let Said::Draft(draft) = &mut said else { return None };
    let file = draft.files.first_mut()?;
    if kind == "wrong-path" {
        file.path = format!("src/{}", file.path);
        return format.write(&said).ok();
    }
    let DraftTask::Edit { finds, .. } = &mut file.task else { return None };
    let find = finds.get_mut(0)?;
    match kind {
        "not-unique" => *find = vague(find, task, variant)?,
        "already-applied" => apply_already(find),
        "header-unknown" => match find {
            Find::Rows(hunk) => hunk.hint.under = vec!["fn nothing_is_called_so() {".to_owned()],
            _ => return None,
        },
        _ => wrong_old(find, kind, variant, dice)?,
    }
    format.write(&said).ok()
}

/// Returns a text whose envelope is broken: the rows that say the file are
/// gone, or the first bracket is.
fn malformed(text: &str) -> String {
    let rows: Vec<&str> = text.split_inclusive('\n').collect();
    match rows.first() {
        Some(first) if first.starts_with("---") => rows[2..].concat(),
        Some(first) if first.starts_with("*** Begin") => [&rows[..1], &rows[2..]].concat().concat(),
        Some(first) if first.starts_with(['@', '[']) => rows[1..].concat(),
        _ => text.replacen(['{', '['], "", 1),
    }
}

/// Writes the new text where the old one belongs.
fn apply_already(find: &mut Find) {
    match find {
        Find::Text(quote) => quote.old = quote.new.clone(),
        Find::Rows(hunk) => {
            for row in &mut hunk.rows {
                if let Row::Add(line) = row {
                    *row = Row::Keep(std::mem::take(line));
                }
            }
        }
        _ => {}
    }
}

/// Returns the change with so little old text that it stands in several places.
fn vague(find: &Find, task: &Task, variant: usize) -> Option<Find> {
    let repeated = |text: &str| !text.is_empty() && task.read.matches(text).nth(1).is_some();
    let whole = |line: &&str| task.read.split('\n').filter(|other| other == line).nth(1).is_some();
    match find {
        Find::Text(quote) => {
            let line = quote.old.lines().find(|line| !line.trim().is_empty())?;
            // The longest beginning of the line that stands elsewhere too.
            let mut ends: Vec<usize> =
                line.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
            ends.reverse();
            let end = ends.into_iter().filter(|end| repeated(&line[..*end])).nth(variant)?;
            let mut quote = quote.clone();
            quote.old = line[..end].to_owned();
            Some(Find::Text(quote))
        }
        Find::Rows(hunk) => {
            let lines = task.read.split('\n').filter(|line| !line.is_empty());
            let line = lines.clone().filter(whole).nth(variant).or_else(|| lines.clone().next())?;
            let mut hunk = hunk.clone();
            hunk.rows.retain(|row| matches!(row, Row::Add(_)));
            hunk.rows.insert(0, Row::Keep(line.to_owned()));
            Some(Find::Rows(hunk))
        }
        _ => None,
    }
}

/// Makes the old text of a change say what does not stand there.
fn wrong_old(find: &mut Find, kind: &str, variant: usize, dice: &mut Dice) -> Option<()> {
    let old: Vec<String> = match &*find {
        Find::Text(quote) => quote.old.split('\n').map(str::to_owned).collect(),
        Find::Rows(hunk) => hunk.rows.iter().filter_map(Row::before).map(str::to_owned).collect(),
        _ => return None,
    };
    let chosen = chosen_line(find, &old, kind, dice)?;
    let said = |at: usize| wrong_line(&old, at, chosen, kind, variant);
    match find {
        Find::Text(quote) => {
            let lines: Vec<String> = (0..old.len()).flat_map(said).collect();
            quote.old = lines.join("\n");
        }
        Find::Rows(hunk) => {
            let mut at = 0;
            let mut rows = Vec::new();
            for row in std::mem::take(&mut hunk.rows) {
                let keep: fn(String) -> Row = match row {
                    Row::Add(_) => {
                        rows.push(row);
                        continue;
                    }
                    Row::Keep(_) => Row::Keep,
                    Row::Remove(_) => Row::Remove,
                };
                rows.extend(said(at).into_iter().map(keep));
                at += 1;
            }
            hunk.rows = rows;
        }
        _ => return None,
    }
    Some(())
}

/// Returns the index of the old line that the mistake is made in.
fn chosen_line(find: &Find, old: &[String], kind: &str, dice: &mut Dice) -> Option<usize> {
    let says_something = |at: &usize| !old[*at].trim().is_empty();
    let mut lines: Vec<usize> = (0..old.len()).filter(says_something).collect();
    if kind == "lines-omitted" && old.len() > 2 {
        lines.retain(|at| *at > 0 && at + 1 < old.len());
    }
    if let ("context-wrong", Find::Rows(hunk)) = (kind, find) {
        let before = hunk.rows.iter().filter(|row| row.before().is_some());
        let kept: Vec<bool> = before.map(|row| matches!(row, Row::Keep(_))).collect();
        if lines.iter().any(|at| kept[*at]) {
            lines.retain(|at| kept[*at]);
        }
    }
    lines.get(dice.roll(lines.len())).copied()
}

/// Returns what is said in the place of old line `at`.
fn wrong_line(old: &[String], at: usize, chosen: usize, kind: &str, variant: usize) -> Vec<String> {
    let line = &old[at];
    let is_it = at == chosen;
    match kind {
        "indentation" if variant.is_multiple_of(2) => vec![format!("  {line}")],
        "indentation" => vec![line.trim_start().to_owned()],
        "numbers-copied" => vec![format!("{}:{line}", at + 1)],
        "escaping" if line.contains('"') => vec![line.replace('"', "\\\"")],
        "escaping" if is_it => vec![format!("{line}\\n")],
        "lines-omitted" if is_it && old.len() > 2 => Vec::new(),
        "reflowed" if is_it && at + 1 < old.len() => {
            vec![format!("{line} {}", old[at + 1].trim_start())]
        }
        "reflowed" if at == chosen + 1 => Vec::new(),
        _ if is_it => vec![paraphrased(line)],
        _ => vec![line.clone()],
    }
}

/// Returns a line that says nearly the same: its longest word under another
/// name.
fn paraphrased(line: &str) -> String {
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    match words.max_by_key(|word| word.len()).filter(|word| !word.is_empty()) {
        Some(word) => line.replacen(word, &format!("the_{word}"), 1),
        None => format!("{line} ..."),
    }
}
