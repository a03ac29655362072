//! Constructs by their names: which lines of what was shown they are, and which
//! operations on lines an edit of them comes to.

use std::ops::Range;

use super::{CANDIDATES, Choice, Known, Unresolved, boxed, refuse::never_shown};
use crate::anchor::{View, lines_of};
use crate::drift::{Constructs, Named};
use crate::error::{Code, Refusal};
use crate::format::{Act, Body, Find, Op, OpKind, Side};
use crate::snapshot::Snapshot;

/// What finds are, once every name in them is lines.
pub(super) struct Expanded {
    pub(super) finds: Vec<Find>,
    /// For each of them, the find it comes from.
    pub(super) origins: Vec<usize>,
}

/// Returns `finds` without names.
///
/// # Errors
/// `not_found`, `ambiguous` with the lines of each that a name may mean,
/// `unsupported` where nobody can tell or where a construct shares its lines.
pub(super) fn expand(
    path: &str,
    finds: &[Find],
    known: &Known,
    chosen: &[&Choice],
    constructs: Option<&dyn Constructs>,
) -> Result<Expanded, Box<Unresolved>> {
    let mut expanded = Expanded { finds: Vec::new(), origins: Vec::new() };
    for (index, find) in finds.iter().enumerate() {
        let ops = match find {
            Find::Symbol { name, act } => {
                let shown = known.shown.as_ref().ok_or_else(never_shown)?;
                let constructs = constructs.ok_or_else(|| {
                    let text = "constructs are found by a parser, and there is none here";
                    boxed(Refusal::new(Code::Unsupported, text))
                })?;
                let (snapshot, view) = (&*shown.snapshot, &shown.view);
                let choice = chosen.iter().find(|choice| choice.find == index);
                let file =
                    File { path, snapshot, view, constructs, index, choice: choice.copied() };
                file.ops(name, act)?.into_iter().map(Find::Lines).collect()
            }
            find => vec![find.clone()],
        };
        expanded.origins.extend(ops.iter().map(|_| index));
        expanded.finds.extend(ops);
    }
    Ok(expanded)
}

/// The content in which one name is looked up.
struct File<'a> {
    path: &'a str,
    snapshot: &'a Snapshot,
    view: &'a View,
    constructs: &'a dyn Constructs,
    /// The find that is settled, and what its author chose.
    index: usize,
    choice: Option<&'a Choice>,
}

impl File<'_> {
    /// Returns the operations on lines that an edit of a construct comes to.
    fn ops(&self, name: &str, act: &Act) -> Result<Vec<Op>, Box<Unresolved>> {
        let one = self.named(name, self.choice)?;
        let kinds = match act {
            Act::Body(text) => vec![self.body(&one, text)?],
            act => {
                self.check_alone(&one)?;
                self.whole(&one, act)?
            }
        };
        Ok(kinds.into_iter().map(Op::from).collect())
    }

    fn whole(&self, one: &Named, act: &Act) -> Result<Vec<OpKind>, Box<Unresolved>> {
        let lines = lines_of(&one.lines);
        Ok(match act {
            Act::Replace(text) | Act::Body(text) => {
                vec![OpKind::Replace { lines, body: Body::Text(text.clone()) }]
            }
            Act::Insert(side, text) => {
                vec![OpKind::Insert { after: beside(one, *side), body: Body::Text(text.clone()) }]
            }
            Act::Delete => {
                let mut kinds = vec![OpKind::Delete { lines, register: None }];
                kinds.extend(self.gap(one));
                kinds
            }
            Act::Move { side, to } => self.moved(one, *side, to)?,
        })
    }

    /// Returns the operations of a move. Where empty lines divide both constructs
    /// from their neighbours, one divides them from each other.
    fn moved(&self, one: &Named, side: Side, to: &str) -> Result<Vec<OpKind>, Box<Unresolved>> {
        let to = self.named(to, None)?;
        self.check_alone(&to)?;
        if one.lines.start < to.lines.end && to.lines.start < one.lines.end {
            let text = format!("{} cannot go beside {}", one.path, to.path);
            return Err(self.refuse(Code::Malformed, text));
        }
        let after = beside(&to, side);
        let register = format!("construct{}", self.index);
        let paste = OpKind::Insert { after, body: Body::Register(register.clone()) };
        let gap = OpKind::Insert { after, body: Body::Text("\n".to_owned()) };
        let cut = OpKind::Delete { lines: lines_of(&one.lines), register: Some(register) };
        let mut kinds = vec![cut];
        kinds.extend(self.gap(one));
        match (self.is_divided(one) && self.is_divided(&to), side) {
            (false, _) => kinds.push(paste),
            (true, Side::Before) => kinds.extend([paste, gap]),
            (true, Side::After) => kinds.extend([gap, paste]),
        }
        Ok(kinds)
    }

    /// Returns the operation that takes the empty line below a construct that goes,
    /// where there is one above as well and the session was shown both.
    fn gap(&self, one: &Named) -> Option<OpKind> {
        let (above, below) = (one.lines.start.checked_sub(1)?, one.lines.end);
        let seen = |line: usize| self.view.contains(line..line + 1) && self.is_empty(line);
        (seen(above) && seen(below))
            .then_some(OpKind::Delete { lines: (below + 1, below + 1), register: None })
    }

    fn is_divided(&self, one: &Named) -> bool {
        let above = one.lines.start.checked_sub(1);
        above.is_some_and(|line| self.is_empty(line)) || self.is_empty(one.lines.end)
    }

    fn is_empty(&self, line: usize) -> bool {
        line < self.snapshot.line_count() && self.snapshot.line(line).trim_ascii().is_empty()
    }

    /// Returns the operation that puts `text` into a construct.
    fn body(&self, one: &Named, text: &str) -> Result<OpKind, Box<Unresolved>> {
        let Some(body) = one.body.clone().filter(|body| !body.is_empty()) else {
            return Err(self.refuse(Code::Malformed, format!("{} has no body", one.path)));
        };
        let inner = Inner::of(self.snapshot, body);
        if inner.has_brackets && is_bracketed(text) {
            let text = "the body is what stands between the brackets: leave them out";
            return Err(self.refuse(Code::Malformed, text.to_owned()));
        }
        let new = || Body::Text(text.to_owned());
        match inner.lines {
            Some(lines) if lines.is_empty() => {
                Ok(OpKind::Insert { after: lines.start, body: new() })
            }
            Some(lines) => Ok(OpKind::Replace { lines: lines_of(&lines), body: new() }),
            None => {
                let text = inner.joined(text).ok_or_else(|| {
                    let text = format!("{} shares the lines of its body; replace it", one.path);
                    self.refuse(Code::Unsupported, text)
                })?;
                Ok(OpKind::Replace { lines: lines_of(&inner.all), body: Body::Text(text) })
            }
        }
    }

    /// Returns the construct that `name` means.
    fn named(&self, name: &str, choice: Option<&Choice>) -> Result<Named, Box<Unresolved>> {
        let found = self.constructs.named(self.path, self.snapshot, name);
        let mut found = found.map_err(|refusal| boxed(refusal.op(self.index)))?;
        if let Some(choice) = choice {
            found.retain(|one| one.lines == choice.lines);
        }
        if found.len() == 1 {
            return Ok(found.swap_remove(0));
        }
        let told: Vec<String> = found.iter().take(CANDIDATES).map(told).collect();
        let more = if found.len() > CANDIDATES { " and others" } else { "" };
        let text = format!("{name:?} may mean {}{more}", told.join(", "));
        let mut unresolved = self.refuse(Code::Ambiguous, text);
        unresolved.candidates = found.into_iter().take(CANDIDATES).map(|one| one.lines).collect();
        Err(unresolved)
    }

    fn check_alone(&self, one: &Named) -> Result<(), Box<Unresolved>> {
        if one.is_alone {
            return Ok(());
        }
        let text = format!("{} shares its lines with other text; edit the lines", told(one));
        Err(self.refuse(Code::Unsupported, text))
    }

    fn refuse(&self, code: Code, text: String) -> Box<Unresolved> {
        boxed(Refusal::new(code, text).op(self.index))
    }
}

/// Returns the line (1-based) after which text comes that goes beside a construct.
fn beside(one: &Named, side: Side) -> usize {
    match side {
        Side::Before => one.lines.start,
        Side::After => one.lines.end,
    }
}

fn told(one: &Named) -> String {
    let (first, last) = lines_of(&one.lines);
    format!("{} ({first}-{last})", one.path)
}

/// Words that open and close a body.
const BRACKETS: [(&[u8], &[u8]); 6] = [
    (b"{", b"}"),
    (b"do", b"end"),
    (b"begin", b"end"),
    (b"(", b")"),
    (b"[", b"]"),
    (b"then", b"end"),
];

/// Where the inside of a body lies.
struct Inner<'a> {
    snapshot: &'a Snapshot,
    /// The bytes of the body, brackets included.
    body: Range<usize>,
    /// The lines that hold them.
    all: Range<usize>,
    /// Whether it stands between brackets.
    has_brackets: bool,
    /// The lines between the brackets, or those of a body that has none, where
    /// nothing else stands on them.
    lines: Option<Range<usize>>,
}

impl<'a> Inner<'a> {
    fn of(snapshot: &'a Snapshot, body: Range<usize>) -> Inner<'a> {
        let line_of = |at: usize| snapshot.lines.line_at(at);
        let all = line_of(body.start)..line_of(body.end - 1) + 1;
        let text = &snapshot.bytes[body.clone()];
        let is_pair = |(open, close): &(&[u8], &[u8])| {
            text.len() >= open.len() + close.len()
                && text.starts_with(open)
                && text.ends_with(close)
        };
        let pair = BRACKETS.iter().find(|pair| is_pair(pair));
        let mut inner =
            Inner { snapshot, body, all: all.clone(), has_brackets: pair.is_some(), lines: None };
        let (before, after) = inner.around();
        inner.lines = match pair {
            Some((open, close)) => {
                let first = snapshot.line(all.start);
                let opens = first[before.len()..].trim_ascii_end() == *open;
                let last = snapshot.line(all.end - 1);
                let closes = last[..last.len() - after.len()].trim_ascii_start() == *close;
                (opens && closes && all.len() > 1).then_some(all.start + 1..all.end - 1)
            }
            None => {
                let is_blank = |text: &[u8]| text.trim_ascii().is_empty();
                (is_blank(before) && is_blank(after)).then_some(all)
            }
        };
        inner
    }

    /// Returns what stands on its first line before it, and on its last after it.
    fn around(&self) -> (&'a [u8], &'a [u8]) {
        let first = self.snapshot.lines.start(self.all.start);
        let last = self.snapshot.line(self.all.end - 1);
        let end = self.body.end - self.snapshot.lines.start(self.all.end - 1);
        (&self.snapshot.bytes[first..self.body.start], last.get(end..).unwrap_or_default())
    }

    /// Returns the lines of the body with `text` in it, where it shares them with
    /// its signature.
    fn joined(&self, text: &str) -> Option<String> {
        let (before, after) = self.around();
        let (before, after) = (str::from_utf8(before).ok()?, str::from_utf8(after).ok()?);
        let indent = &before[..before.len() - before.trim_start().len()];
        let text = text.trim_end();
        if self.has_brackets {
            let inside = str::from_utf8(&self.snapshot.bytes[self.body.clone()]).ok()?;
            let (open, close) = (inside.chars().next()?, inside.chars().next_back()?);
            // Words cannot be told from what stands beside them.
            return (!open.is_alphabetic())
                .then(|| format!("{before}{open}\n{text}\n{indent}{close}{after}\n"));
        }
        match before.trim_end() {
            signature if text.contains('\n') && signature.ends_with(':') => {
                after.trim().is_empty().then(|| format!("{signature}\n{text}\n"))
            }
            _ => Some(format!("{before}{}{after}\n", text.trim_start())),
        }
    }
}

/// Returns whether a text brings the braces of a body along.
fn is_bracketed(text: &str) -> bool {
    let text = text.trim();
    text.lines().next().is_some_and(|first| first.trim() == "{") && text.ends_with('}')
}
