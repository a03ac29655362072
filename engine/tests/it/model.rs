//! The engine against the naive model, on random files and edits.
//!
//! `ANCHORD_CASES` is the number of cases of each property; the default takes a
//! few seconds.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use engine::anchor::{Handle, LineRange, View};
use engine::drift::Since;
use engine::edit::Change;
use engine::error::Code;
use engine::format::{Action, Body, FileScript, OpKind, Script};
use engine::plan::{FilePlan, FileState, Options, Outcome, Planned, Refused, Seen, plan};
use engine::snapshot::Snapshot;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use crate::naive::{Edited, File, Op};
use crate::sound;

const PATH: &str = "f";

/// Returns how many cases to run.
pub(crate) fn config() -> Config {
    let cases = std::env::var("ANCHORD_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: cases.unwrap_or(50_000), failure_persistence: None, ..Config::default() }
}

/// Counts how often each kind of end was met, so that a run shows whether it
/// tried what it was meant to try.
#[derive(Default)]
pub(crate) struct Tally(RefCell<BTreeMap<String, usize>>);

impl Tally {
    pub(crate) fn count(&self, what: impl Into<String>) {
        *self.0.borrow_mut().entry(what.into()).or_default() += 1;
    }

    pub(crate) fn of(&self, what: &str) -> usize {
        self.0.borrow().get(what).copied().unwrap_or_default()
    }

    pub(crate) fn print(&self, name: &str) {
        let counts = self.0.borrow();
        let counts: Vec<String> = counts.iter().map(|(what, n)| format!("{what} {n}")).collect();
        println!("{name}: {}", counts.join(", "));
    }
}

/// Runs a property, and says what its cases came to.
#[track_caller]
fn hold<S: Strategy>(
    name: &str,
    strategy: S,
    property: impl Fn(S::Value, &Tally) -> TestCaseResult,
) {
    let tally = Tally::default();
    let verdict = TestRunner::new(config()).run(&strategy, |value| property(value, &tally));
    tally.print(name);
    if let Err(failure) = verdict {
        panic!("{failure}");
    }
}

/// An edit before it is fitted to a file: kind, place, length and text of each
/// operation, and how they are turned around.
#[derive(Debug, Clone)]
struct Raw {
    ops: Vec<(u8, usize, usize, String)>,
    turn: Index,
    final_newline: Option<bool>,
    /// Whether ranges are taken as they come, valid or not.
    wild: bool,
}

impl Raw {
    /// Returns the operations on a file of `total` lines.
    fn fit(&self, total: usize) -> Vec<Op> {
        let mut ops = match self.wild {
            true => self.ops.iter().map(|op| wild(op, total)).collect(),
            false => self.tidy(total),
        };
        let turn = self.turn.index(ops.len().max(1));
        ops.rotate_left(turn);
        ops
    }

    /// Returns disjoint operations, several of them perhaps at one place.
    fn tidy(&self, total: usize) -> Vec<Op> {
        let mut at = 0;
        let fit = |(kind, skip, more, text): &(u8, usize, usize, String)| {
            let start = (at + skip % 3).min(total);
            let text = if text.is_empty() { "b\n".to_owned() } else { text.clone() };
            let last = (start + 1 + more % 3).min(total);
            at = if *kind == 0 || start == total { start } else { last };
            match kind {
                1 if start < total => Op::Replace(start + 1, last, text),
                2 if start < total => Op::Delete(start + 1, last),
                _ => Op::Insert(start, text),
            }
        };
        self.ops.iter().map(fit).collect()
    }
}

fn wild((kind, at, more, text): &(u8, usize, usize, String), total: usize) -> Op {
    let at = at % (total + 2);
    // A quarter of the ranges ends before it begins.
    let last = (at + more).saturating_sub(1);
    let text = if *more == 3 { text.clone() } else { format!("{text}\n") };
    match kind {
        0 => Op::Insert(at, text),
        1 => Op::Replace(at, last, text),
        _ => Op::Delete(at, last),
    }
}

/// Pieces of a small alphabet, with the terminators given.
fn soup(
    ends: &'static [&'static str],
    rare: &'static [&'static [u8]],
) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        5 => select(&["a", "b"][..]).prop_map(|text| text.as_bytes()),
        6 => select(ends).prop_map(|text| text.as_bytes()),
        1 => select(rare),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

const ODD: &[&[u8]] =
    &[b"\xc3\xa9", b"\0", b"\xef\xbb\xbf", b"\x0c", b"\xc2\x85", b"\xe2\x80\xa8", b"\r", b" "];
const DIRTY: &[&[u8]] = &[b"\xe9", b"\xff", b"\0", b"\xc3\xa9", b"\xe2\x80"];

/// Random bytes of a file, in every style of line ends.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let clean = prop_oneof![
        3 => soup(&["\n"], ODD),
        2 => soup(&["\r\n"], ODD),
        1 => soup(&["\r"], ODD),
        3 => soup(&["\n", "\r\n", "\r"], ODD),
        1 => soup(&["\n", "\r\n"], DIRTY),
    ];
    let head = prop_oneof![
        30 => Just(&b""[..]),
        4 => Just(&b"\xef\xbb\xbf"[..]),
        1 => Just(&b"\xff\xfe"[..]),
    ];
    (head, clean).prop_map(|(head, rest)| [head, &rest].concat())
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => select(&["a", "b", "c"][..]),
        8 => select(&["\n", "\n", "\r\n"][..]),
        1 => select(&["\r", "é", "\0", "\u{feff}", "\u{2028}", " "][..]),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn raw(wild: impl Strategy<Value = bool>) -> impl Strategy<Value = Raw> {
    let op = (0..3_u8, 0..7_usize, 0..4_usize, text());
    let wish = || prop_oneof![6 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    let some = (prop::collection::vec(op, 1..5), wish());
    let none = any::<bool>().prop_map(|wanted| (Vec::new(), Some(wanted)));
    let ops = prop_oneof![19 => some, 1 => none];
    (ops, any::<Index>(), wild).prop_map(|((ops, final_newline), turn, wild)| Raw {
        ops,
        turn,
        final_newline,
        wild,
    })
}

/// Returns the script that the operations make.
fn script(ops: &[Op], final_newline: Option<bool>) -> Script {
    let kind = |op: &Op| match op.clone() {
        Op::Replace(first, last, text) => {
            OpKind::Replace { lines: (first, last), body: Body::Text(text) }
        }
        Op::Insert(after, text) => OpKind::Insert { after, body: Body::Text(text) },
        Op::Delete(first, last) => OpKind::Delete { lines: (first, last), register: None },
    };
    let action = Action::Edit {
        handle: Handle::from_number(481_920),
        ops: ops.iter().map(|op| kind(op).into()).collect(),
        final_newline,
    };
    let path = PATH.to_owned();
    Script { files: vec![FileScript { path, action }] }
}

/// Returns the one file of the plan for an author who saw `seen`.
fn plan_one(
    ops: &[Op],
    final_newline: Option<bool>,
    seen: Seen,
    now: &Arc<Snapshot>,
) -> Result<FilePlan, Box<Refused>> {
    let state = FileState { now: Some(Arc::clone(now)), seen: Some(seen), to: None, to_seen: None };
    let plan =
        plan(&script(ops, final_newline), &[state], &Options::default()).map_err(Box::new)?;
    Ok(plan.files.into_iter().next().expect("one file was asked for"))
}

fn wholly_seen(snapshot: &Arc<Snapshot>, since: Since) -> Seen {
    Seen { snapshot: Arc::clone(snapshot), view: View::all(snapshot.line_count()), since }
}

/// Returns the content after the plan of one file.
fn content_after(file: &FilePlan) -> Vec<u8> {
    match &file.action {
        Planned::Modify { before, change, .. } => change.apply(&before.bytes),
        Planned::Keep { now } => now.bytes.clone(),
        other => panic!("an edit of lines became {other:?}"),
    }
}

/// An edit of what was just read: the engine and the model agree on the bytes,
/// on the lines answered, and on every refusal.
#[test]
fn plans_agree_with_the_model() {
    let view = prop::option::weighted(0.2, prop::collection::vec(any::<bool>(), 16));
    let wild = prop::bool::weighted(0.25);
    hold("fresh edits", (content(), raw(wild), view), |(bytes, raw, view), tally| {
        let now = Arc::new(Snapshot::of(bytes.clone()));
        let model = File::read(&bytes);
        prop_assert_eq!(model.lines.len(), now.line_count());
        prop_assert_eq!(model.render(), bytes);
        let ops = raw.fit(model.lines.len());
        let shown = |line: usize| view.as_ref().is_none_or(|view| view[line % view.len()]);
        let lines = (1..=model.lines.len()).filter(|line| shown(*line));
        let seen = Seen {
            view: View::of(lines.map(|line| line - 1..line)),
            ..wholly_seen(&now, Since::Same)
        };
        let expected = model.apply(&ops, raw.final_newline, shown);
        let found = plan_one(&ops, raw.final_newline, seen, &now);
        agree(&found, &expected, tally)
    });
}

fn agree(
    found: &Result<FilePlan, Box<Refused>>,
    expected: &Result<Edited, Code>,
    tally: &Tally,
) -> TestCaseResult {
    match (found, expected) {
        (Ok(file), Ok(edited)) => {
            tally.count("applied");
            prop_assert_eq!(sound::check(file), Ok(()));
            let after = content_after(file);
            let wanted = edited.file.render();
            prop_assert!(after == wanted, "found {after:?}, wanted {wanted:?}");
            let answered: Vec<LineRange> = file.ops.iter().map(|op| op.lines).collect();
            prop_assert_eq!(&answered, &edited.lines);
            prop_assert!(file.ops.iter().all(|op| !op.already && op.relocated == 0));
        }
        (Err(refused), Err(code)) => {
            tally.count(code.as_str());
            prop_assert_eq!(refused.refusal.code, *code, "{}", refused.refusal);
        }
        (Ok(_), Err(code)) => prop_assert!(false, "applied, the model says {code}"),
        (Err(refused), Ok(_)) => prop_assert!(false, "refused: {}", refused.refusal),
    }
    Ok(())
}

/// A file that was read, then edited by us, and then edited by one who still
/// has the first handle.
struct Drifted {
    seen: Arc<Snapshot>,
    first: File,
    change: Change,
    now: Arc<Snapshot>,
    /// The file of now; its lines are known by their place in `first`.
    model: File,
    /// Whether an edit in between gave or took a final newline.
    end_was_set: bool,
}

impl Drifted {
    /// Returns the file after those of the edits that are applied.
    fn of(bytes: Vec<u8>, between: &[Raw]) -> Result<Drifted, TestCaseError> {
        let seen = Arc::new(Snapshot::of(bytes));
        let first = File::read(&seen.bytes);
        let mut drifted = Drifted {
            change: Change::new(Vec::new(), seen.bytes.len()).expect("no edit"),
            now: Arc::clone(&seen),
            model: first.clone(),
            end_was_set: false,
            seen,
            first,
        };
        for raw in between {
            drifted.edit(raw)?;
        }
        if drifted.now.hash == drifted.seen.hash {
            // The same bytes are the same lines, however they came about.
            drifted.model = drifted.first.clone();
        }
        Ok(drifted)
    }

    fn edit(&mut self, raw: &Raw) -> TestCaseResult {
        let ops = raw.fit(self.model.lines.len());
        let Ok(edited) = self.model.apply(&ops, raw.final_newline, |_| true) else {
            return Ok(());
        };
        let seen = wholly_seen(&self.now, Since::Same);
        let file = plan_one(&ops, raw.final_newline, seen, &self.now)
            .map_err(|refused| TestCaseError::fail(refused.refusal.to_string()))?;
        let Planned::Modify { change, .. } = &file.action else {
            return Err(TestCaseError::reject("nothing is applied without ops"));
        };
        self.change = self.change.compose(change);
        self.now = Arc::new(self.now.after(change));
        self.model = edited.file.read_again();
        self.end_was_set |= raw.final_newline.is_some();
        prop_assert_eq!(&self.change.apply(&self.seen.bytes), &self.now.bytes);
        prop_assert_eq!(&self.model.render(), &self.now.bytes);
        Ok(())
    }

    fn since(&self) -> Since {
        match self.now.hash == self.seen.hash {
            true => Since::Same,
            false => Since::Own(self.change.clone()),
        }
    }

    /// Returns where line `id` of the first content is now, counted from 0.
    fn position(&self, id: usize) -> Option<usize> {
        self.model.lines.iter().position(|line| line.id == Some(id))
    }

    /// Returns where the lines (1-based) stand now, if all are there, side by
    /// side.
    fn follow_range(&self, first: usize, last: usize) -> Option<LineRange> {
        let places: Option<Vec<usize>> = (first - 1..last).map(|id| self.position(id)).collect();
        let places = places?;
        let side_by_side = places.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        side_by_side.then(|| (places[0] + 1, places[places.len() - 1] + 1))
    }

    /// Returns the places between which what was inserted after `line` must
    /// stand: behind the nearest kept line above and before the one below.
    fn follow_place(&self, line: usize) -> (usize, usize) {
        let above = (0..line).rev().find_map(|id| self.position(id));
        let below = (line..self.first.lines.len()).find_map(|id| self.position(id));
        (above.map_or(0, |at| at + 1), below.unwrap_or(self.model.lines.len()))
    }

    /// Returns whether an operation stands on nothing that was written to since.
    /// The newline of a line that was last for a while may have come and gone,
    /// and U+FEFF may have become a byte-order mark.
    fn is_untouched(&self, op: &Op) -> bool {
        if self.end_was_set || self.seen.lines.bom() != self.now.lines.bom() {
            return false;
        }
        match op.range() {
            Some((first, last)) => {
                let kept = self.follow_range(first, last).is_some();
                kept && (first - 1..last).all(|id| self.keeps_its_bytes(id))
            }
            None => {
                let Op::Insert(after, _) = op else {
                    return false;
                };
                let total = self.first.lines.len();
                let (above, below) = self.follow_place(*after);
                let left = *after == 0 || self.position(after - 1).is_some();
                let right = *after == total || self.position(*after).is_some();
                let at_open_end = *after == total && !self.seen.lines.final_newline();
                left && right && above == below && !at_open_end
            }
        }
    }

    /// Returns whether line `id` is what it was; an unterminated one may have
    /// got a newline because something was appended.
    fn keeps_its_bytes(&self, id: usize) -> bool {
        let before = &self.first.lines[id];
        let mut now = self.model.lines.iter().filter(|line| line.id == Some(id));
        now.all(|now| {
            let ends_so = before.end.is_none() || now.end == before.end;
            now.content == before.content && ends_so
        })
    }
}

/// An edit of what was read before others of ours: it lands on the very lines
/// it was written for, or is refused; and it is not refused where nothing
/// touched them.
#[test]
fn own_edits_are_followed_by_line() {
    let tidy = || raw(Just(false));
    let between = prop::collection::vec(tidy(), 1..4);
    let edit = raw(prop::bool::weighted(0.1));
    hold("edits after our own", (content(), between, edit), |(bytes, between, raw), tally| {
        let drifted = Drifted::of(bytes, &between)?;
        let ops = raw.fit(drifted.first.lines.len());
        let seen = wholly_seen(&drifted.seen, drifted.since());
        match plan_one(&ops, raw.final_newline, seen, &drifted.now) {
            Ok(file) => landed_right(&drifted, &ops, raw.final_newline, &file, tally),
            Err(refused) => refused_rightly(&drifted, &ops, raw.final_newline, &refused, tally),
        }
    });
}

fn landed_right(
    drifted: &Drifted,
    ops: &[Op],
    final_newline: Option<bool>,
    file: &FilePlan,
    tally: &Tally,
) -> TestCaseResult {
    prop_assert_eq!(sound::check(file), Ok(()));
    let after = Snapshot::of(content_after(file));
    let mut moved = Vec::new();
    for (op, outcome) in ops.iter().zip(&file.ops) {
        if outcome.already {
            tally.count("already");
            is_there(&after, op, outcome)?;
        } else {
            tally.count(if outcome.relocated == 0 { "landed" } else { "relocated" });
            moved.push(moved_op(drifted, op, outcome)?);
        }
    }
    if matches!(file.action, Planned::Keep { .. }) {
        prop_assert!(moved.is_empty(), "kept, with {moved:?} to be done");
        return Ok(());
    }
    match drifted.model.apply(&moved, final_newline, |_| true) {
        Ok(edited) => prop_assert_eq!(after.bytes, edited.file.render()),
        Err(code) => prop_assert!(false, "applied, the model says {code}"),
    }
    Ok(())
}

/// The text of a satisfied operation stands where the answer says.
fn is_there(after: &Snapshot, op: &Op, outcome: &Outcome) -> TestCaseResult {
    let (first, last) = outcome.lines;
    let found: Vec<&[u8]> = (first - 1..last).map(|line| after.line(line)).collect();
    let texts = op.lines();
    let wanted: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
    prop_assert_eq!(found, wanted);
    Ok(())
}

/// Returns the operation in the lines of now, if the engine put it where its
/// lines are.
fn moved_op(drifted: &Drifted, op: &Op, outcome: &Outcome) -> Result<Op, TestCaseError> {
    let shift = |line: usize| (line as i64 + outcome.relocated) as usize;
    if let Some((first, last)) = op.range() {
        let there = drifted.follow_range(first, last);
        prop_assert_eq!(there, Some((shift(first), shift(last))), "{:?}", op);
    }
    Ok(match op.clone() {
        Op::Replace(first, last, text) => Op::Replace(shift(first), shift(last), text),
        Op::Delete(first, last) => Op::Delete(shift(first), shift(last)),
        Op::Insert(after, text) => {
            let (above, below) = drifted.follow_place(after);
            let there = shift(after);
            prop_assert!((above..=below).contains(&there), "{there} in {above}..={below}");
            Op::Insert(there, text)
        }
    })
}

fn refused_rightly(
    drifted: &Drifted,
    ops: &[Op],
    final_newline: Option<bool>,
    refused: &Refused,
    tally: &Tally,
) -> TestCaseResult {
    let code = refused.refusal.code;
    tally.count(code.as_str());
    let count = drifted.now.line_count();
    prop_assert!(refused.rows.iter().all(|rows| rows.start <= rows.end && rows.end <= count));
    if let Err(form) = drifted.first.check_form(ops) {
        prop_assert_eq!(code, form);
        return Ok(());
    }
    let end_is_asked = final_newline.is_some() && !drifted.since().is_same();
    let touched = end_is_asked || !ops.iter().all(|op| drifted.is_untouched(op));
    if touched {
        return Ok(());
    }
    // Nothing was written to the lines, so the same edit of now is refused too.
    let moved: Vec<Op> = ops.iter().map(|op| follow(drifted, op)).collect();
    let expected = drifted.model.apply(&moved, final_newline, |_| true);
    prop_assert_eq!(Some(code), expected.err(), "{}", refused.refusal);
    Ok(())
}

fn follow(drifted: &Drifted, op: &Op) -> Op {
    let range = |first, last| drifted.follow_range(first, last).expect("it is untouched");
    match op.clone() {
        Op::Replace(first, last, text) => {
            let (first, last) = range(first, last);
            Op::Replace(first, last, text)
        }
        Op::Delete(first, last) => {
            let (first, last) = range(first, last);
            Op::Delete(first, last)
        }
        Op::Insert(after, text) => Op::Insert(drifted.follow_place(after).0, text),
    }
}
