//! The judgement: what an edit did to the syntax of a file, and how much that
//! proves.
//!
//! A parser that finds an error where there was none is right nearly always,
//! in a file that it could read before. Where it could not, because of macros, of
//! a dialect, of an earlier mistake, new errors are common in healthy edits: then
//! they prove something only together with brackets that the edit left unpaired.

use std::ops::Range;

use engine::edit::{Bias, Change};
use engine::snapshot::Snapshot;
use engine::verify::{Delta, Diagnostic, Verdict};
use tree_sitter::Tree;

use crate::cause::{balance, cause, hidden};
use crate::faults::faults;
use crate::language::{Language, Reading};

/// Lines over which an error may wander when the text around it is edited.
const WANDER_LINES: usize = 3;

/// Lines before and after an edit whose layout it can spoil: the statements next
/// to it, with empty lines and comments between.
const NEAR_LINES: usize = 12;

/// How much it proves that errors are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Too little to refuse an edit: the parser was lost before, or gets lost in
    /// healthy files of this language as well.
    Low,
    /// The edit broke what was sound.
    High,
}

/// What an edit did to the syntax of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The errors that are new (in the content after), gone, and still there.
    pub delta: Delta,
    /// What the new ones prove.
    pub confidence: Confidence,
    /// Where the edit broke the file, in the content after: a new error that stands
    /// in its lines or, where the parser noticed elsewhere only, the part of the
    /// edit to which that is owed. `None` where nothing is new.
    pub place: Option<Range<usize>>,
}

impl Judgement {
    /// Returns whether the edit broke the file, as far as its parser can prove.
    pub fn is_broken(&self) -> bool {
        !self.delta.new.is_empty() && self.confidence == Confidence::High
    }

    /// Returns the line of `after` (0-based) in which the edit broke it.
    pub fn line(&self, after: &Snapshot) -> Option<usize> {
        let last = after.line_count().saturating_sub(1);
        self.place.as_ref().map(|place| after.lines.line_at(place.start).min(last))
    }

    /// Returns the judgement on an edit that broke nothing.
    pub(crate) fn sound() -> Judgement {
        let delta =
            Delta { verdict: Verdict::Fresh, new: Vec::new(), fixed: Vec::new(), unchanged: 0 };
        Judgement { delta, confidence: Confidence::High, place: None }
    }
}

/// Returns what `change` did, by the trees of the contents before and after.
pub(crate) fn judge(
    language: &Language,
    (old, before): (&Tree, &Snapshot),
    (new, after): (&Tree, &Snapshot),
    change: &Change,
) -> Judgement {
    let (first, last) = ends(change);
    let old_lines = near(before, first..last);
    let new_lines = near(after, first..change.map_pos(last, Bias::After));
    let old_faults = faults(language, old, &before.bytes, old_lines);
    let new_faults = faults(language, new, &after.bytes, new_lines);
    let mut delta = Delta::of(&old_faults, &new_faults, change);
    pair_wanderers(&mut delta, after);
    let is_sound = old_faults.diagnostics.is_empty();
    let mut confidence = confidence(language, &delta, is_sound, (before, after), change);
    if delta.new.is_empty() && !is_sound {
        let mends = !delta.fixed.is_empty();
        delta.new.extend(hidden((old, before), (new, after), change, mends));
        // What the parser finds where it was lost is told, and no more.
        confidence = Confidence::Low;
    }
    let place = cause(&mut delta.new, new, (before, after), change);
    Judgement { delta, confidence, place }
}

/// Returns where `change` begins and ends, in the content before.
fn ends(change: &Change) -> (usize, usize) {
    let first = change.edits().first().map_or(0, |edit| edit.range.start);
    let last = change.edits().last().map_or(change.before_len(), |edit| edit.range.end);
    (first, last)
}

/// Returns the bytes of the lines around a range whose layout an edit of that
/// range can have spoilt.
fn near(snapshot: &Snapshot, range: Range<usize>) -> Range<usize> {
    let line = |at| snapshot.lines.line_at(at);
    let first = line(range.start).saturating_sub(NEAR_LINES);
    let last = line(range.end).saturating_add(NEAR_LINES);
    snapshot.lines.start(first)..snapshot.lines.start(last)
}

/// Returns what it proves that errors are new in a content that was sound before or
/// was not.
fn confidence(
    language: &Language,
    delta: &Delta,
    is_sound: bool,
    (before, after): (&Snapshot, &Snapshot),
    change: &Change,
) -> Confidence {
    let proves = match language.reading {
        Reading::Exact => is_sound,
        Reading::Preprocessed => {
            is_sound && !delta.new.iter().all(|fault| is_of_the_preprocessor(fault, after))
        }
        Reading::Loose => false,
    };
    let proves = proves || unpairs(before, change) && delta.new.len() > delta.fixed.len();
    if proves { Confidence::High } else { Confidence::Low }
}

/// Counts an error as unchanged that is new here and gone a few lines away: the
/// parser stumbles over the same thing, which the edit moved.
fn pair_wanderers(delta: &mut Delta, after: &Snapshot) {
    let line = |fault: &Diagnostic| after.lines.line_at(fault.range.start);
    let mut new = std::mem::take(&mut delta.new);
    new.retain(|fault| {
        let near = |other: &&Diagnostic| line(other).abs_diff(line(fault)) <= WANDER_LINES;
        let same = |other: &Diagnostic| other.message == fault.message && near(&other);
        match delta.fixed.iter().position(same) {
            Some(at) => {
                delta.fixed.swap_remove(at);
                delta.unchanged += 1;
                false
            }
            None => true,
        }
    });
    delta.new = new;
}

/// Returns whether an error stands in a line with a directive or a macro, by its
/// name: what they stand for, only the preprocessor knows.
fn is_of_the_preprocessor(fault: &Diagnostic, after: &Snapshot) -> bool {
    let line = after.line(after.lines.line_at(fault.range.start).min(after.line_count() - 1));
    let is_macro = |word: &[u8]| {
        word.len() > 2
            && word.iter().any(u8::is_ascii_uppercase)
            && !word.iter().any(u8::is_ascii_lowercase)
    };
    line.trim_ascii_start().starts_with(b"#")
        || line.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').any(is_macro)
}

/// Returns whether `change` opens more brackets than it closes or the other way
/// round, wherever they stand.
fn unpairs(before: &Snapshot, change: &Change) -> bool {
    let mut sum = [0_i64; 3];
    for edit in change.edits() {
        let (old, new) = (balance(&before.bytes[edit.range.clone()]), balance(&edit.text));
        for kind in 0..sum.len() {
            sum[kind] += new[kind] - old[kind];
        }
    }
    sum != [0; 3]
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;
    use crate::check::SyntaxCheck;

    /// Judges the change from `before` to `after`: how many errors are new, and
    /// whether they prove that it broke the file.
    #[track_caller]
    fn check(path: &str, before: &str, after: &str, new: usize, is_broken: bool) {
        let change = Change::whole(before.as_bytes(), after.as_bytes());
        let (before, after) = (Snapshot::of(before.into()), Snapshot::of(after.into()));
        let judgement = SyntaxCheck::default().judge(path, &before, &after, &change);
        let judgement = judgement.expect("both are parsed");
        assert_eq!((judgement.delta.new.len(), judgement.is_broken()), (new, is_broken));
    }

    #[test]
    fn what_broke_a_sound_file_is_refused() {
        check("a.rs", "fn f() {}\n", "fn f() {\n", 1, true);
        check("a.rs", "fn f() {}\n", "fn f() { g() }\n", 0, false);
        check("a.py", "if a:\n    b\n", "if a\n    b\n", 1, true);
        check(
            "a.c",
            "int f(void) {\n    return 1;\n}\n",
            "int f(void) {\n    return 1\n}\n",
            1,
            true,
        );
        check("a.md", "# a\n", "# [a\n", 0, false);
    }

    #[test]
    fn in_a_file_that_did_not_parse_only_brackets_prove() {
        let lost = "fn f( {}\n\nfn g() { 1 }\n";
        check("a.rs", lost, &lost.replace("1", "1 2"), 1, false);
        check("a.rs", lost, &lost.replace("1 }", "(1 }"), 1, true);
        check("a.rs", lost, &lost.replace("1", "2"), 0, false);
    }

    #[test]
    fn a_macro_that_the_parser_does_not_know_proves_nothing() {
        let text = "int f(void) {\n    return 1;\n}\n";
        let with = text.replace("int f", "API_EXPORT static API_CALL int f");
        let change = Change::whole(text.as_bytes(), with.as_bytes());
        let (before, after) = (Snapshot::of(text.into()), Snapshot::of(with.into()));
        let judgement = SyntaxCheck::default().judge("a.c", &before, &after, &change);
        assert!(!judgement.expect("both are parsed").is_broken());
    }

    #[test]
    fn an_error_that_wanders_is_not_new() {
        let text = "fn f() { let x = ; }\n";
        check("a.rs", text, &text.replace("x =", "long_name ="), 0, false);
    }
}
