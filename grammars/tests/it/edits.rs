//! Real edits, as they are and broken: a sound one is never refused, a broken
//! one is noticed.

use std::collections::BTreeMap;
use std::ops::Range;

use engine::edit::Change;
use grammars::check::Unread;
use grammars::judge::Judgement;
use grammars::parse::{Limits, Parse, parse};
use grammars::{Language, SyntaxCheck};

use crate::corpus::{RealEdit, edits};

/// The seed of what is broken and where.
const SEED: u64 = 20_261_122;

/// Broken edits of each kind.
const BROKEN: usize = 250;

fn judge(check: &SyntaxCheck, edit: &RealEdit, change: &Change) -> Result<Judgement, Unread> {
    check.judge(&edit.path, &edit.before, &edit.before.after(change), change)
}

#[test]
fn no_sound_edit_is_refused() {
    let Some(edits) = edits() else {
        println!("the corpus is not here");
        return;
    };
    let check = SyntaxCheck::default();
    let mut counts: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    let mut refused = 0;
    for edit in &edits {
        let count = counts.entry(edit.lang.clone()).or_default();
        count[0] += 1;
        match judge(&check, edit, &edit.change(&edit.hunks)) {
            Ok(judgement) if judgement.is_broken() => {
                refused += 1;
                count[1] += 1;
                println!("refused {} {} {:?}", edit.id, edit.path, judgement.delta.new);
            }
            Ok(judgement) => count[2] += usize::from(!judgement.delta.new.is_empty()),
            Err(_) => count[3] += 1,
        }
    }
    println!("{} real edits, by language: all, refused, warned of, not read", edits.len());
    println!("{counts:?}");
    assert!(refused * 200 <= edits.len(), "{refused} sound edits are refused");
}

/// A way to break an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mistake {
    BracketLost,
    BoundaryDoubled,
    Elision,
    IndentationLost,
}

#[test]
fn broken_edits_are_noticed() {
    let Some(edits) = edits() else {
        println!("the corpus is not here");
        return;
    };
    let check = SyntaxCheck::default();
    let mut dice = Dice(SEED);
    println!("seed {SEED}; by mistake: all, refused, warned of, not read");
    use Mistake::{BoundaryDoubled, BracketLost, Elision, IndentationLost};
    for mistake in [BracketLost, BoundaryDoubled, Elision, IndentationLost] {
        let mut counts = [0; 4];
        let mut missed: BTreeMap<String, usize> = BTreeMap::new();
        while counts[0] < BROKEN {
            let edit = &edits[dice.below(edits.len())];
            let Some(hunks) = broken(edit, mistake, &mut dice) else {
                continue;
            };
            counts[0] += 1;
            match judge(&check, edit, &edit.change(&hunks)) {
                Ok(judgement) if judgement.is_broken() => counts[1] += 1,
                Ok(judgement) if !judgement.delta.new.is_empty() => counts[2] += 1,
                Ok(_) => *missed.entry(edit.lang.clone()).or_default() += 1,
                Err(_) => counts[3] += 1,
            }
        }
        println!("{mistake:?} {counts:?}, missed {missed:?}");
        let noticed = counts[1] + counts[2];
        assert!(mistake != BracketLost || noticed * 10 >= BROKEN * 9, "{mistake:?}: {noticed}");
    }
}

/// Returns the hunks of an edit with one mistake in them; `None` where the edit
/// has no room for it.
fn broken(
    edit: &RealEdit,
    mistake: Mistake,
    dice: &mut Dice,
) -> Option<Vec<(Range<usize>, Vec<String>)>> {
    let mut hunks = edit.hunks.clone();
    let at = dice.below(hunks.len());
    let (lines, text) = &mut hunks[at];
    match mistake {
        Mistake::BracketLost => {
            let all = text.concat();
            let places = brackets(edit, lines.start, &all);
            let place = *places.get(dice.below(places.len()))?;
            *text = vec![[&all[..place], &all[place + 1..]].concat()];
        }
        Mistake::BoundaryDoubled => {
            let next = line(edit, lines.end)?;
            text.push(next);
        }
        Mistake::Elision => {
            let from = dice.below(text.len());
            let to = from + 2 + dice.below(text.len());
            let mark = if edit.lang == "Python" { "#" } else { "//" };
            text.get(from..to)?;
            text.splice(from..to, [format!("{mark} ... rest of the code unchanged ...\n")]);
        }
        Mistake::IndentationLost => {
            let before = text.concat();
            text.iter_mut().for_each(|line| *line = line.trim_start_matches([' ', '\t']).into());
            (before != text.concat()).then_some(())?;
        }
    }
    Some(hunks)
}

/// Returns the places in the new lines `text`, to stand at line `start`, of the
/// brackets that are code: none in a string or a comment.
fn brackets(edit: &RealEdit, start: usize, text: &str) -> Vec<usize> {
    let after = edit.before.after(&edit.change(&edit.hunks));
    let language =
        Language::of(&edit.path, &after.bytes).expect("the corpus is in known languages");
    let Parse::Parsed(tree) = parse(language, &after.bytes, Limits::default()) else {
        return Vec::new();
    };
    let earlier = edit.hunks.iter().filter(|(lines, _)| lines.start < start);
    let line = earlier.fold(start, |line, (lines, text)| line + text.len() - lines.len());
    let from = after.lines.start(line);
    let is_code = |at: usize| {
        let leaf = tree.root_node().descendant_for_byte_range(from + at, from + at + 1);
        leaf.is_some_and(|leaf| leaf.child_count() == 0 && leaf.byte_range().len() == 1)
    };
    let all = text.char_indices().filter(|(_, c)| "(){}[]".contains(*c));
    all.map(|(at, _)| at).filter(|at| is_code(*at)).collect()
}

/// Returns a line of the content before, if it is there and not blank.
fn line(edit: &RealEdit, number: usize) -> Option<String> {
    let text = (number < edit.before.line_count()).then(|| edit.before.line(number))?;
    let text = String::from_utf8_lossy(text);
    (!text.trim().is_empty()).then(|| format!("{text}\n"))
}

/// Numbers by chance, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}
