//! Real edits, as they are and broken: a sound one is never refused, a broken
//! one is noticed.

use std::collections::BTreeMap;
use std::ops::Range;

use engine::edit::Change;
use engine::format::{Body, Op, OpKind};
use engine::snapshot::Snapshot;
use engine::verify::lint::{LintKind, LintSet, lints};
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

/// How broken edits of one kind were noticed.
#[derive(Debug, Default)]
struct Noticed {
    all: usize,
    /// By the syntax, so surely that it is refused.
    refused: usize,
    /// By the syntax, but only so that the answer names it.
    warned: usize,
    /// By a lint.
    linted: usize,
    /// By the syntax, in the row in which the edit was broken.
    at_its_row: usize,
    /// By either.
    caught: usize,
    /// By neither, for each language.
    missed: BTreeMap<String, usize>,
}

#[test]
fn broken_edits_are_noticed() {
    let Some(edits) = edits() else {
        println!("the corpus is not here");
        return;
    };
    let check = SyntaxCheck::default();
    let mut dice = Dice(SEED);
    println!("seed {SEED}");
    use Mistake::{BoundaryDoubled, BracketLost, Elision, IndentationLost};
    let mut caught = 0;
    for mistake in [BracketLost, BoundaryDoubled, Elision, IndentationLost] {
        let mut noticed = Noticed::default();
        while noticed.all < BROKEN {
            let edit = &edits[dice.below(edits.len())];
            let Some(hunks) = broken(edit, mistake, &mut dice) else {
                continue;
            };
            notice(&check, edit, &hunks, &mut noticed);
        }
        println!("{mistake:?} {noticed:?}");
        let by_syntax = noticed.refused + noticed.warned;
        assert!(mistake != BracketLost || by_syntax * 10 >= BROKEN * 9, "{mistake:?}: {by_syntax}");
        caught += noticed.caught;
    }
    println!("caught in all: {caught} of {}", 4 * BROKEN);
    assert!(caught * 10 >= 4 * BROKEN * 9, "{caught} broken edits are caught");
}

/// Looks at a broken edit as the service does.
fn notice(
    check: &SyntaxCheck,
    edit: &RealEdit,
    hunks: &[(Range<usize>, Vec<String>)],
    noticed: &mut Noticed,
) {
    noticed.all += 1;
    let lints = lints(&edit.path, &ops(hunks), &edit.before, LINTS);
    noticed.linted += usize::from(!lints.is_empty());
    let change = edit.change(hunks);
    let by_syntax = match judge(check, edit, &change) {
        Ok(judgement) if !judgement.delta.new.is_empty() => {
            let count =
                if judgement.is_broken() { &mut noticed.refused } else { &mut noticed.warned };
            *count += 1;
            let after = edit.before.after(&change);
            let row = first_difference(edit, &after);
            noticed.at_its_row += usize::from(judgement.line(&after) == Some(row));
            true
        }
        _ => false,
    };
    match by_syntax || !lints.is_empty() {
        true => noticed.caught += 1,
        false => {
            *noticed.missed.entry(edit.lang.clone()).or_default() += 1;
            if std::env::var_os("ANCHORD_SHOW").is_some() {
                println!("missed {} {} {hunks:?}", edit.id, edit.path);
            }
        }
    }
}

/// Returns the row of `broken` in which it differs from what the edit was to make.
fn first_difference(edit: &RealEdit, broken: &Snapshot) -> usize {
    let meant = edit.before.after(&edit.change(&edit.hunks));
    let same = meant.bytes.iter().zip(&broken.bytes).take_while(|(a, b)| a == b).count();
    broken.lines.line_at(same)
}

/// The lints that run where there is a grammar.
const LINTS: LintSet = LintSet::ALL.without(LintKind::Brackets);

/// Returns hunks as operations on lines.
fn ops(hunks: &[(Range<usize>, Vec<String>)]) -> Vec<Op> {
    let op = |(lines, text): &(Range<usize>, Vec<String>)| {
        let (lines, after, body) =
            ((lines.start + 1, lines.end), lines.start, Body::Text(text.concat()));
        Op::from(match (lines.1 < lines.0, text.is_empty()) {
            (true, _) => OpKind::Insert { after, body },
            (false, true) => OpKind::Delete { lines, register: None },
            (false, false) => OpKind::Replace { lines, body },
        })
    };
    hunks.iter().map(op).collect()
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
