//! A toy language for the suites, in which constructs can be found without a
//! parser: `fn NAME {` and `mod NAME {` up to the `}` of the same indentation,
//! or on one line; `def NAME:` with the lines below that are indented deeper.
//! Lines that begin with `//` right above one belong to it.

use std::ops::Range;

use engine::drift::{Construct, Constructs, Named, Nesting};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;

/// Finds the constructs of the toy language.
pub(crate) struct Toy;

/// One of them.
struct One {
    lines: Range<usize>,
    /// The line of its name.
    head: usize,
    name: String,
    body: Option<Range<usize>>,
}

impl Constructs for Toy {
    fn constructs(&self, _: &str, snapshot: &Snapshot) -> Option<Nesting> {
        let all = all(snapshot);
        let construct =
            |one: One| Construct { header: one.lines.start, lines: one.lines, name: one.name };
        Some(Nesting::of(all.into_iter().map(construct).collect()))
    }

    fn named(&self, _: &str, snapshot: &Snapshot, name: &str) -> Result<Vec<Named>, Refusal> {
        let all = all(snapshot);
        let named = |one: &One| Named {
            path: path(&all, one),
            lines: one.lines.clone(),
            body: one.body.clone(),
            is_alone: is_alone(snapshot, &all, one),
        };
        let is_meant = |named: &Named| {
            let mut rest = named.path.strip_suffix(name).into_iter();
            rest.any(|rest| rest.is_empty() || rest.ends_with([' ', '>']))
        };
        let found: Vec<Named> = all.iter().map(named).filter(is_meant).collect();
        match found.is_empty() {
            true => Err(Refusal::new(Code::NotFound, format!("no construct is called {name:?}"))),
            false => Ok(found),
        }
    }
}

fn all(snapshot: &Snapshot) -> Vec<One> {
    (0..snapshot.line_count()).filter_map(|line| one(snapshot, line)).collect()
}

fn text(snapshot: &Snapshot, line: usize) -> &str {
    str::from_utf8(snapshot.line(line)).unwrap_or("")
}

fn indent(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn one(snapshot: &Snapshot, head: usize) -> Option<One> {
    let row = text(snapshot, head);
    let (kind, rest) = row.trim().split_once(' ')?;
    if !["fn", "mod", "def"].contains(&kind) {
        return None;
    }
    let name = rest.split(|c: char| !c.is_alphanumeric()).next()?;
    let below = head + 1..snapshot.line_count();
    let at = snapshot.lines.start(head);
    let (last, body) = match (row.find('{'), row.ends_with('{')) {
        (Some(open), true) => {
            let is_end = |line: &usize| {
                let other = text(snapshot, *line);
                indent(other) == indent(row) && other.trim_start().starts_with('}')
            };
            let last = below.into_iter().find(is_end)?;
            let close = snapshot.lines.start(last) + indent(row) + 1;
            (last, Some(at + open..close))
        }
        (Some(open), false) => (head, Some(at + open..at + row.rfind('}')? + 1)),
        (None, _) => {
            let deeper = |line: &usize| indent(text(snapshot, *line)) > indent(row);
            let last = below.take_while(deeper).last();
            let colon = row.find(':')? + 1;
            let body = match last {
                Some(last) => {
                    let end = snapshot.lines.start(last) + text(snapshot, last).len();
                    snapshot.lines.start(head + 1) + indent(text(snapshot, head + 1))..end
                }
                None => at + colon + indent(&row[colon..])..at + row.len(),
            };
            (last.unwrap_or(head), Some(body).filter(|body| !body.is_empty()))
        }
    };
    let is_lead = |line: &usize| text(snapshot, *line).trim_start().starts_with("//");
    let first = (0..head).rev().take_while(is_lead).last().unwrap_or(head);
    Some(One { lines: first..last + 1, head, name: format!("{kind} {name}"), body })
}

fn path(all: &[One], one: &One) -> String {
    let holds =
        |other: &&One| other.lines.start < one.lines.start && one.lines.end <= other.lines.end;
    let names: Vec<&str> =
        all.iter().filter(holds).chain([one]).map(|one| one.name.as_str()).collect();
    names.join(" > ")
}

/// Returns whether its lines hold nothing but it: no other begins there, and
/// nothing stands behind its bracket.
fn is_alone(snapshot: &Snapshot, all: &[One], one: &One) -> bool {
    let last = text(snapshot, one.lines.end - 1).trim_end();
    let ends = last.ends_with(['}', ';']) || one.body.is_none() || !last.contains('}');
    ends && !all.iter().any(|other| other.head != one.head && other.head == one.lines.start)
}
