//! The delta: which findings an edit brought in, and which are gone.
//!
//! Findings have no names, so those before and after must be matched. A finding
//! is what it is by its source, severity and message, with numbers of places
//! masked; where it stands is carried through the edit. What does not match
//! exactly may still be the same one: its line was touched by the edit, or moved
//! as a whole. Both sides are counted: one new error never hides behind one that
//! is fixed.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use engine::edit::{Bias, Change, Edit};
use engine::snapshot::Snapshot;
use engine::verify::{Delta, Diagnostic, Findings, Severity, Verdict};
use similar::{Algorithm, DiffTag, capture_diff_slices, capture_diff_slices_deadline};

use crate::collect::weaker;

/// How alike two lines are that hold one finding before and after.
const ALIKE: f32 = 0.6;

/// Bytes of a line that are compared.
const LINE_BYTES: usize = 400;

/// Lines of one hunk that are compared with each other.
const HUNK_LINES: usize = 60;

/// How long touched lines may be compared.
const MATCHING: Duration = Duration::from_millis(200);

/// How long the lines of a large replacement may be matched.
const REFINING: Duration = Duration::from_millis(200);

/// A content and what was found in it.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The content.
    pub snapshot: &'a Snapshot,
    /// The findings.
    pub findings: &'a Findings,
}

/// Returns what `change` did to the findings. Its verdict is the worse of both;
/// where there are no findings before that can be held against those after, the
/// delta is `inconclusive` and nothing is called new.
pub fn delta(before: Side<'_>, after: Side<'_>, change: &Change) -> Delta {
    let verdict = weaker(before.findings.verdict, after.findings.verdict);
    if verdict == Verdict::Inconclusive {
        return Delta { verdict, new: Vec::new(), fixed: Vec::new(), unchanged: 0 };
    }
    let change = refined(change, before.snapshot, after.snapshot);
    let mut matching = Matching::new(before, after, &change);
    matching.by_place(Bias::After);
    matching.by_place(Bias::Before);
    matching.by_touched_line();
    matching.by_moved_line();
    matching.delta(verdict)
}

/// The findings of both sides that have no partner yet.
struct Matching<'a> {
    before: Side<'a>,
    after: Side<'a>,
    change: &'a Change,
    old: Vec<&'a Diagnostic>,
    new: Vec<&'a Diagnostic>,
    unchanged: usize,
}

/// What a finding is, wherever it stands.
type Identity<'a> = (&'a str, Severity, String);

fn identity(finding: &Diagnostic) -> Identity<'_> {
    (&finding.source, finding.severity, masked(&finding.message))
}

impl<'a> Matching<'a> {
    fn new(before: Side<'a>, after: Side<'a>, change: &'a Change) -> Matching<'a> {
        let old = before.findings.diagnostics.iter().collect();
        let new = after.findings.diagnostics.iter().collect();
        Matching { before, after, change, old, new, unchanged: 0 }
    }

    /// Matches what stands where the edit carried it.
    fn by_place(&mut self, bias: Bias) {
        let mut places: HashMap<(Identity<'a>, usize), Vec<&'a Diagnostic>> = HashMap::new();
        for finding in self.new.iter().rev() {
            places.entry((identity(finding), finding.range.start)).or_default().push(finding);
        }
        let mut met: HashSet<*const Diagnostic> = HashSet::new();
        let change = self.change;
        self.old.retain(|finding| {
            let at = change.map_pos(finding.range.start, bias);
            let partner = places.get_mut(&(identity(finding), at)).and_then(Vec::pop);
            met.extend(partner.map(std::ptr::from_ref));
            partner.is_none()
        });
        self.meet(&met);
    }

    /// Matches what stands on lines that one hunk of the edit touched, the most
    /// alike first. A line before and a line after are the same one only where
    /// neither is more like another line of the hunk: else what is mended in one
    /// would hide what is broken in the next.
    ///
    /// Whatever is not matched when the time is over counts as new and as fixed.
    fn by_touched_line(&mut self) {
        let deadline = Instant::now() + MATCHING;
        let mut alike = Alike::new(self.before.snapshot, self.after.snapshot);
        let mut pairs = Vec::new();
        for hunk in hunks(self.change) {
            let old_lines = lines_of(self.before.snapshot, &hunk.old);
            let new_lines = lines_of(self.after.snapshot, &hunk.new);
            let left = on_lines(&self.old, self.before.snapshot, &old_lines);
            let right = on_lines(&self.new, self.after.snapshot, &new_lines);
            for (left, old_line) in left {
                let wanted = identity(self.old[left]);
                for (right, new_line) in &right {
                    if Instant::now() > deadline {
                        return;
                    }
                    let ratio = alike.ratio(old_line, *new_line);
                    if ratio >= ALIKE
                        && identity(self.new[*right]) == wanted
                        && alike.are_best((old_line, *new_line), &old_lines, &new_lines)
                    {
                        pairs.push((ratio, left, *right));
                    }
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        self.pair_up(pairs.into_iter().map(|(_, left, right)| (left, right)));
    }

    /// Matches what stands on a line that occurs once on each side.
    fn by_moved_line(&mut self) {
        if self.old.is_empty() || self.new.is_empty() {
            return;
        }
        let once_before = lines_that_occur_once(self.before.snapshot);
        let once_after = lines_that_occur_once(self.after.snapshot);
        let mut places: HashMap<(&[u8], Identity<'_>), Vec<usize>> = HashMap::new();
        for (right, new) in self.new.iter().enumerate().rev() {
            let text = line(self.after.snapshot, new);
            if once_before.contains(text) && once_after.contains(text) {
                places.entry((text, identity(new))).or_default().push(right);
            }
        }
        let mut pairs = Vec::new();
        for (left, old) in self.old.iter().enumerate() {
            let key = (line(self.before.snapshot, old), identity(old));
            pairs.extend(places.get_mut(&key).and_then(Vec::pop).map(|right| (left, right)));
        }
        self.pair_up(pairs.into_iter());
    }

    /// Takes the pairs out, each finding once.
    fn pair_up(&mut self, pairs: impl Iterator<Item = (usize, usize)>) {
        let (mut left_used, mut right_used) = (HashSet::new(), HashSet::new());
        for (left, right) in pairs {
            if !left_used.contains(&left) && !right_used.contains(&right) {
                left_used.insert(left);
                right_used.insert(right);
            }
        }
        self.unchanged += left_used.len();
        remove(&mut self.old, &left_used);
        remove(&mut self.new, &right_used);
    }

    fn meet(&mut self, met: &HashSet<*const Diagnostic>) {
        self.unchanged += met.len();
        self.new.retain(|finding| !met.contains(&std::ptr::from_ref(*finding)));
    }

    fn delta(self, verdict: Verdict) -> Delta {
        let carried = |old: &&Diagnostic| {
            let start = self.change.map_pos(old.range.start, Bias::After);
            let end = self.change.map_pos(old.range.end, Bias::Before);
            Diagnostic { range: start..end.max(start), ..(*old).clone() }
        };
        Delta {
            verdict,
            new: self.new.iter().map(|finding| (*finding).clone()).collect(),
            fixed: self.old.iter().map(carried).collect(),
            unchanged: self.unchanged,
        }
    }
}

fn remove(findings: &mut Vec<&Diagnostic>, used: &HashSet<usize>) {
    let mut index = 0;
    findings.retain(|_| {
        index += 1;
        !used.contains(&(index - 1))
    });
}

/// One replacement, by its bytes on both sides.
struct Hunk {
    old: Range<usize>,
    new: Range<usize>,
}

fn hunks(change: &Change) -> Vec<Hunk> {
    let mut shift = 0_i64;
    let hunks = change.edits().iter().map(|edit| {
        let start = (edit.range.start as i64 + shift) as usize;
        shift += edit.text.len() as i64 - edit.range.len() as i64;
        Hunk { old: edit.range.clone(), new: start..start + edit.text.len() }
    });
    hunks.collect()
}

fn line_of(snapshot: &Snapshot, at: usize) -> usize {
    snapshot.lines.line_at(at.min(snapshot.bytes.len()))
}

/// Returns the line that a finding starts on, without white space at its ends.
fn line<'a>(snapshot: &'a Snapshot, finding: &Diagnostic) -> &'a [u8] {
    row(snapshot, line_of(snapshot, finding.range.start))
}

fn row(snapshot: &Snapshot, line: usize) -> &[u8] {
    match line < snapshot.line_count() {
        true => snapshot.line(line).trim_ascii(),
        false => b"",
    }
}

fn lines_that_occur_once(snapshot: &Snapshot) -> HashSet<&[u8]> {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for line in 0..snapshot.line_count() {
        *counts.entry(snapshot.line(line).trim_ascii()).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count == 1).map(|(line, _)| line).collect()
}

/// Returns the lines that a hunk touches, as many as are compared.
fn lines_of(snapshot: &Snapshot, bytes: &Range<usize>) -> Range<usize> {
    let first = line_of(snapshot, bytes.start);
    first..(line_of(snapshot, bytes.end) + 1).min(first + HUNK_LINES)
}

/// Returns the findings on these lines, by index, with the line of each.
fn on_lines(
    findings: &[&Diagnostic],
    snapshot: &Snapshot,
    lines: &Range<usize>,
) -> Vec<(usize, usize)> {
    let all = findings.iter().map(|finding| line_of(snapshot, finding.range.start));
    all.enumerate().filter(|(_, line)| lines.contains(line)).collect()
}

/// Compares the lines of two contents, each pair once.
struct Alike<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
    ratios: HashMap<(usize, usize), f32>,
}

impl<'a> Alike<'a> {
    fn new(before: &'a Snapshot, after: &'a Snapshot) -> Alike<'a> {
        Alike { before, after, ratios: HashMap::new() }
    }

    fn ratio(&mut self, old_line: usize, new_line: usize) -> f32 {
        let (before, after) = (self.before, self.after);
        let ratio = || likeness(row(before, old_line), row(after, new_line));
        *self.ratios.entry((old_line, new_line)).or_insert_with(ratio)
    }

    /// Returns whether no other line of the hunk is more like either of two.
    fn are_best(
        &mut self,
        (old_line, new_line): (usize, usize),
        old_lines: &Range<usize>,
        new_lines: &Range<usize>,
    ) -> bool {
        let ratio = self.ratio(old_line, new_line);
        old_lines.clone().all(|other| self.ratio(other, new_line) <= ratio)
            && new_lines.clone().all(|other| self.ratio(old_line, other) <= ratio)
    }
}

/// Returns how alike two lines are, from 0 to 1.
fn likeness(a: &[u8], b: &[u8]) -> f32 {
    let head = |line: &[u8]| line[..line.len().min(LINE_BYTES)].to_vec();
    let (a, b) = (head(a), head(b));
    if a.is_empty() && b.is_empty() {
        return 1.0;
    }
    let ops = capture_diff_slices(Algorithm::Myers, &a, &b);
    let same: usize =
        ops.iter().filter(|op| op.tag() == DiffTag::Equal).map(|op| op.old_range().len()).sum();
    2.0 * same as f32 / (a.len() + b.len()) as f32
}

/// Returns `message` with what moves with an edit masked: numbers behind `line`,
/// and places written as `12:34`.
fn masked(message: &str) -> String {
    let mut masked = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let len = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        masked.push_str(before);
        let is_place = before.ends_with(':') && !before.ends_with("::")
            || number[len..].strip_prefix(':').is_some_and(|rest| rest.starts_with(digit))
            || ["line ", "Line ", "column "].iter().any(|word| before.ends_with(word));
        masked.push_str(if is_place { "#" } else { &number[..len] });
        rest = &number[len..];
    }
    masked.push_str(rest);
    masked
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// Returns the change with large replacements cut along the lines that they
/// keep: a tool that writes a file anew moves nothing.
pub(crate) fn refined(change: &Change, before: &Snapshot, after: &Snapshot) -> Change {
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    let is_large =
        |edit: &Edit| lines(&before.bytes[edit.range.clone()]) > 2 && lines(&edit.text) > 2;
    if !change.edits().iter().any(is_large) || change.before_len() != before.bytes.len() {
        return change.clone();
    }
    let deadline = Instant::now() + REFINING;
    let edits = change.edits().iter().flat_map(|edit| match is_large(edit) {
        true => split(edit, &before.bytes, deadline),
        false => vec![edit.clone()],
    });
    let refined = Change::new(edits.collect(), before.bytes.len());
    let is_same = |refined: &Change| refined.after_len() == after.bytes.len();
    refined.ok().filter(is_same).unwrap_or_else(|| change.clone())
}

/// Returns the edits of whole lines that do what `edit` does.
fn split(edit: &Edit, before: &[u8], deadline: Instant) -> Vec<Edit> {
    let rows = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    let (old, new) = (rows(&before[edit.range.clone()]), rows(&edit.text));
    let starts = |rows: &[Vec<u8>]| -> Vec<usize> {
        let mut at = 0;
        let ends = rows.iter().map(|row| {
            at += row.len();
            at
        });
        std::iter::once(0).chain(ends.collect::<Vec<_>>()).collect()
    };
    let (old_at, new_at) = (starts(&old), starts(&new));
    let ops = capture_diff_slices_deadline(Algorithm::Patience, &old, &new, Some(deadline));
    let changed = ops.iter().filter(|op| op.tag() != DiffTag::Equal);
    let edits = changed.map(|op| {
        let (old, new) = (op.old_range(), op.new_range());
        let start = edit.range.start + old_at[old.start];
        Edit {
            range: start..edit.range.start + old_at[old.end],
            text: edit.text[new_at[new.start]..new_at[new.end]].to_vec(),
        }
    });
    edits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(text: &str, word: &str, nth: usize, message: &str) -> Diagnostic {
        let (at, _) = text.match_indices(word).nth(nth).expect("the word");
        Diagnostic {
            range: at..at + word.len(),
            severity: Severity::Error,
            source: "srv".into(),
            message: message.into(),
        }
    }

    /// Findings stand at each `!`, with the word before it as their message.
    fn findings(text: &str) -> Findings {
        let marks = text.match_indices('!').map(|(at, _)| {
            let start = text[..at].rfind([' ', '\n']).map_or(0, |before| before + 1);
            Diagnostic {
                range: start..at,
                severity: Severity::Error,
                source: "srv".into(),
                message: text[start..at].into(),
            }
        });
        Findings { verdict: Verdict::Fresh, diagnostics: marks.collect() }
    }

    #[track_caller]
    fn check(before: &str, after: &str, new: &[&str], fixed: &[&str], unchanged: usize) {
        let change = Change::whole(before.as_bytes(), after.as_bytes());
        let (old, now) = (Snapshot::of(before.into()), Snapshot::of(after.into()));
        let (old_found, new_found) = (findings(before), findings(after));
        let delta = delta(
            Side { snapshot: &old, findings: &old_found },
            Side { snapshot: &now, findings: &new_found },
            &change,
        );
        let names = |found: &[Diagnostic]| -> Vec<String> {
            found.iter().map(|one| one.message.clone()).collect()
        };
        let found = (names(&delta.new), names(&delta.fixed), delta.unchanged);
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(found, (owned(new), owned(fixed), unchanged));
    }

    #[test]
    fn what_moves_with_the_edit_is_the_same() {
        check("a! x\n", "z\na! x\n", &[], &[], 1);
        check("z\na! x\n", "a! x\n", &[], &[], 1);
        check("a! x\nb\nc\n", "b\nc\na! x\n", &[], &[], 1);
    }

    #[test]
    fn each_finding_counts_once() {
        check("a! x\n", "a! x\na! y\n", &["a"], &[], 1);
        check("a! x\na! y\n", "a! y\n", &[], &["a"], 1);
        // One that is mended hides none that is new.
        check("a! x\nb\nc\nd\n", "x\nb\nc\na! much longer than the other\n", &["a"], &["a"], 0);
        check("a! x\n", "b! x\n", &["b"], &["a"], 0);
    }

    #[test]
    fn a_touched_line_keeps_its_finding() {
        check("let value = a! of(1)\n", "let values = a! of(1)\n", &[], &[], 1);
    }

    #[test]
    fn a_file_written_anew_keeps_its_findings() {
        check("1\na! x\n2\nb! y\n3\nb! y\n4\n", "0\n1\na! x\n2\nb! y\n33\nb! y\n44\n", &[], &[], 3);
    }

    #[test]
    fn without_findings_before_nothing_is_new() {
        let text = "a! x\n";
        let snapshot = Snapshot::of(text.into());
        let after = findings(text);
        let change = Change::whole(text.as_bytes(), text.as_bytes());
        let before = Side { snapshot: &snapshot, findings: &Findings::inconclusive() };
        let delta = delta(before, Side { snapshot: &snapshot, findings: &after }, &change);
        assert_eq!((delta.verdict, delta.new.len()), (Verdict::Inconclusive, 0));
    }

    #[test]
    fn places_in_messages_are_masked() {
        assert_eq!(masked("see /a/b.h:12:5 and line 7"), "see /a/b.h:#:# and line #");
        assert_eq!(
            masked("E0308: expected 2 arguments, got 13"),
            "E0308: expected 2 arguments, got 13"
        );
        assert_eq!(masked("std::v2 ä5"), "std::v2 ä5");
        let old = finding("x y", "x", 0, "first used at line 3");
        let new = finding("x y", "x", 0, "first used at line 9");
        assert_eq!(identity(&old), identity(&new));
    }

    /// Numbers that look random and are the same each time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % sides
        }
    }

    /// A line and the identity of its finding, which no edit but its own loses.
    #[derive(Clone)]
    struct Row {
        text: String,
        finding: Option<u64>,
    }

    /// A text under edits, and the findings that are truly in it.
    struct World {
        dice: Dice,
        rows: Vec<Row>,
        last_finding: u64,
    }

    impl World {
        fn row(&mut self) -> Row {
            let text = match self.dice.roll(8) {
                0 => "}".to_owned(),
                1 => String::new(),
                _ => format!("let v{} = f{}(x)", self.dice.roll(5000), self.dice.roll(40)),
            };
            let is_bad = text.len() > 1 && self.dice.roll(5) == 0;
            self.last_finding += u64::from(is_bad);
            Row { text, finding: is_bad.then_some(self.last_finding) }
        }

        /// Changes some rows and returns the new rows and the edits, as rows
        /// replaced by rows.
        fn edit(&mut self) -> Vec<(Range<usize>, Vec<Row>)> {
            let mut edits = Vec::new();
            let mut at = 0;
            for _ in 0..1 + self.dice.roll(3) {
                let start = at + self.dice.roll(12);
                let end = (start + self.dice.roll(5)).min(self.rows.len());
                if start > end {
                    break;
                }
                let old = self.rows[start..end].to_vec();
                edits.push((start..end, self.replacement(old)));
                at = end + 1;
            }
            edits
        }

        fn replacement(&mut self, mut rows: Vec<Row>) -> Vec<Row> {
            match self.dice.roll(4) {
                // Some are inserted.
                0 => {
                    let at = self.dice.roll(rows.len() + 1);
                    for _ in 0..1 + self.dice.roll(4) {
                        let row = self.row();
                        rows.insert(at, row);
                    }
                }
                // All go.
                1 => rows.clear(),
                // Some are touched and keep what is wrong with them.
                2 => {
                    for row in &mut rows {
                        if row.text.len() > 1 {
                            row.text.push_str(" + 1");
                        }
                    }
                }
                // Some are mended, some broken.
                _ => {
                    for row in rows.iter_mut().filter(|row| row.text.len() > 1) {
                        row.finding = match row.finding {
                            Some(_) => None,
                            None => {
                                self.last_finding += 1;
                                Some(self.last_finding)
                            }
                        };
                        row.text = row.text.replace("let", "var");
                    }
                }
            }
            rows
        }
    }

    fn text_of(rows: &[Row]) -> String {
        rows.iter().map(|row| format!("{}\n", row.text)).collect()
    }

    /// Returns the findings of rows. There are few kinds of them, as in life.
    fn found_in(rows: &[Row]) -> (Findings, Vec<(u64, usize)>) {
        let mut at = 0;
        let mut all = Findings { verdict: Verdict::Fresh, diagnostics: vec![] };
        let mut truth = Vec::new();
        for row in rows {
            if let Some(id) = row.finding {
                let start = at + row.text.find('f').unwrap_or(0);
                all.diagnostics.push(Diagnostic {
                    range: start..start + 1,
                    severity: Severity::Error,
                    source: "srv".into(),
                    message: format!("kind {}", id % 7),
                });
                truth.push((id, start));
            }
            at += row.text.len() + 1;
        }
        (all, truth)
    }

    /// Returns whether the delta of one random edit is exactly the truth, and
    /// whether it shows nothing new where something is.
    fn is_exact(dice: u64) -> (bool, bool) {
        let mut world = World { dice: Dice(dice), rows: Vec::new(), last_finding: 0 };
        world.rows = (0..40).map(|_| world.row()).collect();
        let before = world.rows.clone();
        let starts: Vec<usize> = (0..=before.len()).map(|n| text_of(&before[..n]).len()).collect();
        let edits = world.edit();
        let mut after = before.clone();
        for (range, rows) in edits.iter().rev() {
            after.splice(range.clone(), rows.iter().cloned());
        }
        let edits = edits.iter().map(|(range, rows)| Edit {
            range: starts[range.start]..starts[range.end],
            text: text_of(rows).into_bytes(),
        });
        let change = Change::new(edits.collect(), starts[before.len()]).expect("sorted");
        let (old, now) =
            (Snapshot::of(text_of(&before).into()), Snapshot::of(text_of(&after).into()));
        let ((old_found, old_truth), (new_found, new_truth)) =
            (found_in(&before), found_in(&after));
        let delta = delta(
            Side { snapshot: &old, findings: &old_found },
            Side { snapshot: &now, findings: &new_found },
            &change,
        );
        let is_in = |truth: &[(u64, usize)], id: u64| truth.iter().any(|(other, _)| *other == id);
        let new: Vec<usize> =
            new_truth.iter().filter(|(id, _)| !is_in(&old_truth, *id)).map(|(_, at)| *at).collect();
        let fixed = old_truth.iter().filter(|(id, _)| !is_in(&new_truth, *id)).count();
        let found: Vec<usize> = delta.new.iter().map(|one| one.range.start).collect();
        (found == new && delta.fixed.len() == fixed, found.is_empty() && !new.is_empty())
    }

    #[test]
    fn the_delta_of_random_edits_is_the_truth() {
        const EDITS: u64 = 4000;
        let results: Vec<(bool, bool)> = (0..EDITS).map(|dice| is_exact(dice * 7919)).collect();
        let exact = results.iter().filter(|(exact, _)| *exact).count();
        let falsely_clean = results.iter().filter(|(_, clean)| *clean).count();
        println!("{exact} of {EDITS} exact, {falsely_clean} falsely clean");
        assert!(exact as u64 * 100 >= EDITS * 99, "{exact} of {EDITS} exact");
        assert_eq!(falsely_clean, 0);
    }
}
