//! A place: the text of one operation and the lines around it.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::Range;

use super::balance::{Balance, Lexis, balance};
use super::{Fix, Lint, LintKind, LintSet};
use super::{boundary, elision, gutter, indentation, insertion};
use crate::anchor::{lines_of, span_of};
use crate::format::{Body, Op, OpKind};
use crate::snapshot::Snapshot;
use crate::text::lines_of_text;

/// The operations on one file, read for their lints.
pub(super) struct Work<'a> {
    pub(super) ops: &'a [Op],
    pub(super) seen: &'a Snapshot,
    /// How the language writes comments and strings, where that is known.
    pub(super) lexis: Option<Lexis>,
    /// The operations that write text, in their order.
    pub(super) places: Vec<Place<'a>>,
    /// By how much the brackets of the whole edit are out of balance; `None`
    /// where that cannot be told.
    pub(super) imbalance: Option<Balance>,
    /// Whether the file holds text for people, in which words are content.
    pub(super) is_prose: bool,
    /// The lines of every operation that go.
    gone: Vec<Range<usize>>,
    kept_notes: OnceCell<HashSet<&'a [u8]>>,
}

/// Endings of names of files that hold text for people.
const PROSE: [&str; 10] =
    ["md", "markdown", "mdx", "txt", "text", "rst", "adoc", "org", "tex", "typ"];

/// One operation that writes text.
pub(super) struct Place<'a> {
    /// Its index.
    pub(super) op: usize,
    /// The lines that go (0-based); none for an insertion.
    pub(super) old: Range<usize>,
    /// The rows of its text. Never empty.
    pub(super) rows: Vec<&'a str>,
    /// The lines above it that stay, up to the next operation.
    pub(super) above: Range<usize>,
    /// The lines below it that stay, down to the next operation.
    pub(super) below: Range<usize>,
}

impl<'a> Work<'a> {
    pub(super) fn new(path: &str, ops: &'a [Op], seen: &'a Snapshot) -> Work<'a> {
        let lexis = Lexis::of(path);
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        let mut work = Work {
            ops,
            seen,
            lexis,
            places: places(ops, seen),
            imbalance: None,
            is_prose: PROSE.iter().any(|prose| prose.eq_ignore_ascii_case(ending)),
            gone: ops.iter().map(|op| span(&op.kind)).filter(|s| is_there(s, seen)).collect(),
            kept_notes: OnceCell::new(),
        };
        work.imbalance = work.total();
        work
    }

    /// Returns line `line` (0-based) of what the author saw.
    pub(super) fn line(&self, line: usize) -> &'a [u8] {
        self.seen.line(line)
    }

    /// Returns the lines of `range`.
    pub(super) fn lines(&self, range: Range<usize>) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let seen = self.seen;
        range.map(|line| seen.line(line))
    }

    /// Returns the notes of an elision among the lines that go, trimmed.
    pub(super) fn kept_notes(&self) -> &HashSet<&'a [u8]> {
        self.kept_notes.get_or_init(|| {
            let gone = self.gone.iter().flat_map(|gone| self.lines(gone.clone()));
            elision::notes_in(self, gone)
        })
    }

    /// Returns by how much `place` changes the balance of brackets.
    pub(super) fn delta(&self, place: &Place<'_>) -> Option<Balance> {
        let lexis = self.lexis?;
        let new = balance(lexis, place.rows.iter().map(|row| row.as_bytes()))?;
        Some(new - balance(lexis, self.lines(place.old.clone()))?)
    }

    /// Returns the sum over all operations. What is moved by a register leaves
    /// one place and comes to others.
    fn total(&self) -> Option<Balance> {
        let lexis = self.lexis?;
        let mut sum = Balance::default();
        for place in &self.places {
            sum = sum + self.delta(place)?;
        }
        for op in self.ops {
            match &op.kind {
                OpKind::Delete { lines, register: None }
                    if is_there(&span_of(*lines), self.seen) =>
                {
                    sum = sum - balance(lexis, self.lines(span_of(*lines)))?;
                }
                OpKind::Delete { register: Some(_), .. }
                | OpKind::Replace { body: Body::Register(_), .. }
                | OpKind::Insert { body: Body::Register(_), .. } => return None,
                _ => {}
            }
        }
        Some(sum)
    }
}

/// Returns the lints of one operation. Where the rows bear numbers, nothing else
/// can be said of them.
pub(super) fn lints(work: &Work<'_>, place: &Place<'_>, set: LintSet) -> Vec<Lint> {
    let on = |kind| set.contains(kind);
    if let Some(lint) = on(LintKind::EchoedGutter).then(|| gutter::lint(work, place)).flatten() {
        return vec![lint];
    }
    let repeated = on(LintKind::RepeatedBoundary).then(|| boundary::lint(work, place)).flatten();
    let elided = on(LintKind::Elision).then(|| elision::lint(work, place)).flatten();
    // A text that begins with a line from outside is an insertion of another
    // kind, and what an elision leaves out resembles nothing.
    let whole = repeated.is_none() && elided.is_none();
    let inserted =
        (whole && on(LintKind::InsertAsReplace)).then(|| insertion::lint(work, place)).flatten();
    let indented = on(LintKind::Indentation).then(|| indentation::lint(work, place)).flatten();
    [repeated, elided, inserted, indented].into_iter().flatten().collect()
}

/// Returns the operation that `text` is as the new content of a whole file, so
/// that what is created or written can be held against the lints. Its fixes have
/// one operation of the same kind.
pub fn whole(text: &str, seen: &Snapshot) -> Op {
    let body = Body::Text(text.to_owned());
    match seen.line_count() {
        0 => OpKind::Insert { after: 0, body }.into(),
        count => OpKind::Replace { lines: (1, count), body }.into(),
    }
}

/// Returns the rows as the text of an operation; `None` where no text has these
/// rows: there are none, or one ends in a CR, which a newline would take in.
pub(super) fn text_of<R: AsRef<str>>(rows: &[R]) -> Option<String> {
    if rows.is_empty() || rows.iter().any(|row| row.as_ref().ends_with('\r')) {
        return None;
    }
    let len = rows.iter().map(|row| row.as_ref().len() + 1).sum();
    let mut text = String::with_capacity(len);
    for row in rows {
        text.push_str(row.as_ref());
        text.push('\n');
    }
    Some(text)
}

impl Place<'_> {
    /// Returns the fix that gives the operation other rows.
    pub(super) fn with_rows<R: AsRef<str>>(
        &self,
        work: &Work<'_>,
        what: impl Into<String>,
        rows: &[R],
    ) -> Option<Fix> {
        let body = Body::Text(text_of(rows)?);
        let expect = work.ops[self.op].expect.clone();
        let kind = match self.old.is_empty() {
            true => OpKind::Insert { after: self.old.start, body },
            false => OpKind::Replace { lines: lines_of(&self.old), body },
        };
        Some(Fix { what: what.into(), ops: vec![Op { kind, expect }] })
    }

    /// Returns the fix that inserts the whole text after line `after`.
    pub(super) fn inserted(&self, work: &Work<'_>, what: impl Into<String>, after: usize) -> Fix {
        let body = match &work.ops[self.op].kind {
            OpKind::Replace { body, .. } | OpKind::Insert { body, .. } => body.clone(),
            OpKind::Delete { .. } => Body::Text(String::new()),
        };
        Fix { what: what.into(), ops: vec![OpKind::Insert { after, body }.into()] }
    }
}

/// Returns the operations of `ops` that write text into lines that are there.
fn places<'a>(ops: &'a [Op], seen: &Snapshot) -> Vec<Place<'a>> {
    let spans: Vec<Range<usize>> = ops.iter().map(|op| span(&op.kind)).collect();
    let mut order: Vec<usize> = (0..ops.len()).filter(|&op| is_there(&spans[op], seen)).collect();
    order.sort_by_key(|&op| (spans[op].start, spans[op].end));
    let mut places = Vec::new();
    let mut free_from = 0;
    for (at, &op) in order.iter().enumerate() {
        let old = spans[op].clone();
        let free_to = order.get(at + 1).map_or(seen.line_count(), |&next| spans[next].start);
        if let Some(rows) = rows(&ops[op].kind) {
            let above = free_from.min(old.start)..old.start;
            let below = old.end..free_to.max(old.end);
            places.push(Place { op, old: old.clone(), rows, above, below });
        }
        free_from = free_from.max(old.end);
    }
    places.sort_by_key(|place| place.op);
    places
}

fn span(kind: &OpKind) -> Range<usize> {
    match kind {
        OpKind::Replace { lines, .. } | OpKind::Delete { lines, .. } => span_of(*lines),
        OpKind::Insert { after, .. } => *after..*after,
    }
}

fn is_there(span: &Range<usize>, seen: &Snapshot) -> bool {
    span.start <= span.end && span.end <= seen.line_count()
}

fn rows(kind: &OpKind) -> Option<Vec<&str>> {
    match kind {
        OpKind::Replace { lines, body: Body::Text(text) } if lines.0 >= 1 && lines.0 <= lines.1 => {
            lines_of_text(text).ok()
        }
        OpKind::Insert { body: Body::Text(text), .. } => lines_of_text(text).ok(),
        _ => None,
    }
}

/// Returns whether a line holds nothing but blanks.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}
