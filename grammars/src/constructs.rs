//! Constructs: the named parts of a file, as the engine asks for them.

use std::ops::Range;

use engine::drift::{Construct, Constructs, Named, Nesting};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;

use crate::check::SyntaxCheck;
use crate::outline::{Outline, Resolution};

impl Constructs for SyntaxCheck {
    fn constructs(&self, path: &str, snapshot: &Snapshot) -> Option<Nesting> {
        self.outline(path, snapshot).ok().map(|outline| nesting(&outline))
    }

    fn named(&self, path: &str, snapshot: &Snapshot, name: &str) -> Result<Vec<Named>, Refusal> {
        let outline = self.outline(path, snapshot).map_err(|why| why.refusal())?;
        let named = |index: usize| named(&outline, index, snapshot);
        match outline.resolve(name) {
            Resolution::None => Err(unknown(&outline, name)),
            Resolution::One(index) => Ok(vec![named(index)]),
            Resolution::Many(found) => Ok(found.into_iter().map(named).collect()),
        }
    }
}

/// Returns the symbols of an outline as constructs. Of those that begin on one
/// line only the outermost counts: the others give no line an identity of its
/// own.
pub fn nesting(outline: &Outline) -> Nesting {
    let mut constructs: Vec<Construct> = Vec::with_capacity(outline.symbols().len());
    for symbol in outline.symbols() {
        if constructs.last().is_none_or(|last| last.lines.start < symbol.lines.start) {
            let name = format!("{} {}", symbol.kind, symbol.name);
            constructs.push(Construct { lines: symbol.lines.clone(), header: symbol.line, name });
        }
    }
    Nesting::of(constructs)
}

/// Returns the refusal of a name that means nothing, with names that are alike.
pub fn unknown(outline: &Outline, name: &str) -> Refusal {
    let alike = match outline.alike(name) {
        alike if alike.is_empty() => String::new(),
        alike => format!("; alike are {}", outline.told(&alike)),
    };
    Refusal::new(Code::NotFound, format!("no construct is called {name:?}{alike}"))
}

fn named(outline: &Outline, index: usize, snapshot: &Snapshot) -> Named {
    let symbol = &outline.symbols()[index];
    Named {
        path: outline.path(index),
        lines: symbol.lines.clone(),
        body: symbol.body.clone(),
        is_alone: is_alone(outline, index, snapshot),
    }
}

/// Returns whether the lines of a symbol hold nothing else: before it only words,
/// such as `export const`, behind it only a comma or a semicolon, or a comment.
fn is_alone(outline: &Outline, index: usize, snapshot: &Snapshot) -> bool {
    let symbol = &outline.symbols()[index];
    let lines = &symbol.lines;
    let start = snapshot.lines.start(lines.start);
    let before = &snapshot.bytes[start..symbol.bytes.start.max(start)];
    let last = snapshot.lines.start(lines.end - 1);
    let after = snapshot.line(lines.end - 1).get(symbol.bytes.end.saturating_sub(last)..);
    let is_word = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'\t' | b'_');
    let before = before.strip_prefix(engine::text::BOM).unwrap_or(before);
    if !before.iter().all(is_word) || !is_end(after.unwrap_or_default()) {
        return false;
    }
    let within = outline.within(index);
    let shares = |other: &Range<usize>| other.start < lines.end && lines.start < other.end;
    let others = outline.symbols().iter().enumerate().filter(|(at, _)| !within.contains(at));
    !others.into_iter().any(|(_, other)| {
        let holds = other.bytes.start <= symbol.bytes.start && symbol.bytes.end <= other.bytes.end;
        match holds {
            // What holds it must not begin on its lines; where it ends on them with a
            // bracket of its own, that stands behind it.
            true => lines.contains(&other.line),
            false => shares(&other.lines),
        }
    })
}

/// Returns whether what stands behind a construct belongs to it.
fn is_end(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b",").or(text.strip_prefix(b";")).unwrap_or(text);
    let text = text.trim_ascii();
    let comments: [&[u8]; 5] = [b"//", b"#", b"--", b"/*", b";"];
    text.is_empty() || comments.iter().any(|comment| text.starts_with(comment))
}
