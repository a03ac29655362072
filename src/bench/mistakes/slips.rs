//! Slips: mistakes that no count of failed calls can show, since most rules
//! take them. One of each is put into every edit, to see who notices.

use crate::bench::dice::Dice;
use crate::bench::format::{Family, Format};
use crate::bench::task::{Hunk, Task};

/// The slips, in the order of the tables.
pub const SLIPS: [&str; 6] =
    ["off-by-one", "range-short", "range-long", "line-repeated", "elided", "indentation-lost"];

/// Returns the call of `task` with one slip in it; `None` where it cannot be
/// made in this edit or format.
pub fn slip(format: &Format, task: &Task, kind: &str, dice: &mut Dice) -> Option<String> {
    let mut wrong = task.clone();
    let pieces: Vec<&str> = task.read.split('\n').collect();
    let last = pieces.len() - usize::from(pieces.last() == Some(&""));
    let free = |at: usize| at < last && task.hunks.iter().all(|hunk| !hunk.old.contains(&at));
    let chosen = dice.roll(wrong.hunks.len());
    let hunk = wrong.hunks.get_mut(chosen)?;
    match kind {
        // Quotes and diffs find their place by what stands there.
        "off-by-one" if !matches!(format.family, Family::Number | Family::Hash) => return None,
        "off-by-one" => {
            let down = free(hunk.old.end) && pieces.get(hunk.old.end) != pieces.get(hunk.old.start);
            if !down {
                return None;
            }
            hunk.old = hunk.old.start + 1..hunk.old.end + 1;
        }
        "range-short" if hunk.old.len() > 1 => hunk.old.end -= 1,
        "range-long" if !hunk.old.is_empty() && free(hunk.old.end) => hunk.old.end += 1,
        "line-repeated" if !hunk.new.is_empty() && free(hunk.old.end) => {
            hunk.new.push(pieces[hunk.old.end].to_owned());
        }
        "elided" => elide(hunk)?,
        "indentation-lost" => unindent(hunk)?,
        _ => return None,
    }
    if wrong.target() == task.target() {
        return None;
    }
    format.write(&format.say(&wrong).ok()?).ok()
}

fn elide(hunk: &mut Hunk) -> Option<()> {
    let end = hunk.new.len().checked_sub(1).filter(|end| *end > 2)?;
    let inner = hunk.new[1].len() - hunk.new[1].trim_start().len();
    let note = format!("{}// ... existing code ...", &hunk.new[1][..inner]);
    hunk.new.splice(1..end, [note]);
    Some(())
}

fn unindent(hunk: &mut Hunk) -> Option<()> {
    let indented = hunk.new.iter().any(|line| line.starts_with([' ', '\t']));
    hunk.new.iter_mut().for_each(|line| *line = line.trim_start().to_owned());
    indented.then_some(())
}
