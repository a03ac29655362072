//! Constructs: the named parts of a file, as the engine's drift asks for them.

use engine::drift::{Construct, Constructs, Nesting};
use engine::snapshot::Snapshot;

use crate::check::SyntaxCheck;
use crate::outline::Outline;

impl Constructs for SyntaxCheck {
    fn constructs(&self, path: &str, snapshot: &Snapshot) -> Option<Nesting> {
        self.outline(path, snapshot).ok().map(|outline| nesting(&outline))
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
            constructs.push(Construct { lines: symbol.lines.clone(), name });
        }
    }
    Nesting::of(constructs)
}
