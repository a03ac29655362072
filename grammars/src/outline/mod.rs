//! An outline: what a file defines, by kind, name and place.
//!
//! It holds functions, types, tables, headings and whatever else has a name of
//! its own in the language; what that is, a query for each language says
//! (`queries/*.scm`). Comments and attributes that stand right before a
//! definition belong to it.

mod collect;
mod name;
mod resolve;

use std::fmt::{self, Write};
use std::ops::Range;

pub use collect::{Collected, collect};
use name::one_line;
pub use resolve::Resolution;

/// Every kind of symbol, as the queries name them. The languages' own keywords
/// where they have one.
pub const KINDS: [&str; 72] = [
    "actor",
    "annotation",
    "arg",
    "class",
    "column",
    "concept",
    "const",
    "constructor",
    "data",
    "declaration",
    "def",
    "deinit",
    "delegate",
    "destructor",
    "element",
    "enum",
    "error",
    "event",
    "extension",
    "field",
    "fn",
    "fun",
    "func",
    "function",
    "given",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "impl",
    "index",
    "init",
    "initializer",
    "instance",
    "interface",
    "key",
    "keyframes",
    "macro",
    "media",
    "method",
    "mod",
    "module",
    "namespace",
    "newtype",
    "object",
    "operator",
    "property",
    "protocol",
    "record",
    "rule",
    "schema",
    "sequence",
    "stage",
    "static",
    "struct",
    "subscript",
    "supports",
    "table",
    "test",
    "trait",
    "trigger",
    "type",
    "typealias",
    "typedef",
    "union",
    "using",
    "val",
    "var",
    "variant",
    "view",
];

/// The most characters of a signature in a row.
const ROW_MAX: usize = 90;

/// How far signatures are cut short where not even the outermost rows fit.
const NARROW: [usize; 2] = [50, 30];

/// How much an outline shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// Symbols are shown that stand in fewer others than this.
    pub depth: usize,
    /// The most characters of a signature.
    width: usize,
}

impl Detail {
    /// Shows so many levels, with whole signatures.
    pub fn of_depth(depth: usize) -> Detail {
        Detail { depth, width: ROW_MAX }
    }
}

/// One definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// One of [`KINDS`].
    pub kind: &'static str,
    /// Its own name; where several make it up, as in `Display for Part`, all of
    /// them as they are written.
    pub name: String,
    /// The bytes it takes, comments and attributes before it included, blanks
    /// at its end not.
    pub bytes: Range<usize>,
    /// The lines that hold these bytes (0-based).
    pub lines: Range<usize>,
    /// The line that holds its name (0-based).
    pub line: usize,
    /// The bytes of its body, brackets included where the language has them.
    pub body: Option<Range<usize>>,
    /// What stands between the beginning of that line and the body, as one line
    /// of 160 characters at most.
    pub signature: String,
    /// The index of the symbol it stands in.
    pub parent: Option<usize>,
    /// The number of symbols it stands in.
    pub depth: usize,
}

/// The definitions of one content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// Invariant: sorted by first byte, outer before inner; any two are disjoint
    /// or one within the other, and `parent` and `depth` say how.
    symbols: Vec<Symbol>,
}

impl Outline {
    /// Returns the outline of `symbols`, in any order, and sets what each stands
    /// in. One that overlaps another without lying within it is left out.
    pub fn of(mut symbols: Vec<Symbol>) -> Outline {
        symbols.sort_by_key(|one| (one.bytes.start, std::cmp::Reverse(one.bytes.end)));
        let mut outline = Outline { symbols: Vec::with_capacity(symbols.len()) };
        let mut open: Vec<usize> = Vec::new();
        for mut symbol in symbols {
            let ends = |&index: &usize| outline.symbols[index].bytes.end;
            while open.last().is_some_and(|last| ends(last) <= symbol.bytes.start) {
                open.pop();
            }
            if open.last().is_some_and(|last| ends(last) < symbol.bytes.end) {
                continue;
            }
            symbol.parent = open.last().copied();
            symbol.depth = open.len();
            open.push(outline.symbols.len());
            outline.symbols.push(symbol);
        }
        outline
    }

    /// Returns the symbols, sorted by first byte, outer before inner.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Returns the symbols that stand in fewer than `depth` others.
    pub fn to_depth(&self, depth: usize) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter().filter(move |symbol| symbol.depth < depth)
    }

    /// Returns the deepest symbol that holds `line` (0-based); its index.
    pub fn around(&self, line: usize) -> Option<usize> {
        let until = self.symbols.partition_point(|symbol| symbol.lines.start <= line);
        self.symbols[..until].iter().rposition(|symbol| line < symbol.lines.end)
    }

    /// Returns the path of a symbol, outermost first, such as `impl Part > fn
    /// new`; empty where there is no such symbol.
    pub fn path(&self, index: usize) -> String {
        let mut names: Vec<String> = Vec::new();
        let mut at = self.symbols.get(index);
        while let Some(symbol) = at {
            names.push(format!("{} {}", symbol.kind, symbol.name));
            at = symbol.parent.and_then(|parent| self.symbols.get(parent));
        }
        names.reverse();
        names.join(" > ")
    }

    /// Returns the outline as rows: the lines of each symbol (1-based), and its
    /// signature, indented by what it stands in. Plain values that take one line
    /// are left out: such a row would only repeat the file.
    pub fn text(&self, depth: usize) -> String {
        let mut text = String::new();
        for row in self.rows(0..self.symbols.len(), Detail::of_depth(depth)) {
            // Writing to a string cannot fail.
            let _written = writeln!(text, "{row}");
        }
        text
    }

    /// Returns the rows of [`Outline::text`] for some symbols: those that stand in
    /// fewer than `detail.depth` others of them.
    pub fn rows(&self, symbols: Range<usize>, detail: Detail) -> impl Iterator<Item = Row<'_>> {
        let some = self.symbols.get(symbols).unwrap_or_default();
        let top = some.first().map_or(0, |symbol| symbol.depth);
        let Detail { depth, width } = detail;
        let rows = some.iter().map(move |symbol| Row { symbol, depth: symbol.depth - top, width });
        rows.filter(move |row| row.depth < depth && !row.symbol.is_plain_value())
    }

    /// Returns the most that rows of all symbols can show in `room` bytes; where
    /// nothing fits, the least that they can.
    pub fn detail_within(&self, room: usize) -> Detail {
        let deepest = self.symbols.iter().map(|symbol| symbol.depth + 1).max().unwrap_or(1);
        let narrow = NARROW.map(|width| Detail { depth: 1, width });
        let fits = |detail: &Detail| {
            let rows = self.rows(0..self.symbols.len(), *detail);
            let left = |left: usize, row: Row<'_>| left.checked_sub(row.to_string().len() + 1);
            { rows }.try_fold(room, left).is_some()
        };
        let details = (1..=deepest).rev().map(Detail::of_depth).chain(narrow);
        let least = Detail { depth: 1, width: NARROW[NARROW.len() - 1] };
        { details }.find(fits).unwrap_or(least)
    }

    /// Returns whether symbols that have rows stand in so many others or more.
    pub fn is_deeper_than(&self, depth: usize) -> bool {
        self.symbols.iter().any(|symbol| symbol.depth >= depth && !symbol.is_plain_value())
    }

    /// Returns a symbol and all that stand in it, by their indices.
    pub fn within(&self, index: usize) -> Range<usize> {
        let depth = self.symbols.get(index).map_or(0, |symbol| symbol.depth);
        let rest = self.symbols.get(index + 1..).unwrap_or_default();
        index..index + 1 + rest.iter().take_while(|symbol| symbol.depth > depth).count()
    }
}

/// One row of an outline: the lines of a symbol and its signature.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The symbol.
    pub symbol: &'a Symbol,
    /// How far the signature is indented, in steps.
    depth: usize,
    /// The most characters of the signature.
    width: usize,
}

impl Row<'_> {
    /// Returns the signature as the row shows it.
    pub fn signature(&self) -> String {
        format!("{}{}", "  ".repeat(self.depth), one_line(&self.symbol.signature, self.width))
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.symbol.lines.start + 1, self.symbol.lines.end);
        match first == last {
            true => write!(f, "{first}\t{}", self.signature()),
            false => write!(f, "{first}-{last}\t{}", self.signature()),
        }
    }
}

/// Kinds of symbols that hold a value and nothing else.
const VALUES: [&str; 14] = [
    "arg",
    "column",
    "const",
    "event",
    "field",
    "key",
    "macro",
    "property",
    "record",
    "static",
    "val",
    "var",
    "variant",
    "declaration",
];

impl Symbol {
    fn is_plain_value(&self) -> bool {
        self.lines.len() == 1 && VALUES.contains(&self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(bytes: Range<usize>, name: &str) -> Symbol {
        let lines = bytes.start / 10..bytes.end.div_ceil(10);
        Symbol {
            kind: "fn",
            name: name.into(),
            line: lines.start,
            lines,
            bytes,
            body: None,
            signature: format!("fn {name}()"),
            parent: None,
            depth: 0,
        }
    }

    fn outline() -> Outline {
        let places = [(40..50, "c"), (0..100, "a"), (10..35, "b"), (12..15, "d"), (45..120, "x")];
        Outline::of(places.map(|(bytes, name)| symbol(bytes, name)).into())
    }

    #[test]
    fn symbols_know_what_they_stand_in() {
        let outline = outline();
        let paths: Vec<String> = (0..5).map(|index| outline.path(index)).collect();
        assert_eq!(paths, ["fn a", "fn a > fn b", "fn a > fn b > fn d", "fn a > fn c", ""]);
        assert_eq!(outline.to_depth(2).count(), 3);
        let depth = |room| outline.detail_within(room).depth;
        let whole = outline.text(usize::MAX).len();
        let deepest = outline.symbols().iter().map(|symbol| symbol.depth + 1).max();
        assert_eq!(Some(depth(whole)), deepest);
        assert!(Some(depth(whole - 1)) < deepest);
        assert_eq!((depth(outline.text(1).len()), depth(0)), (1, 1));
    }

    #[test]
    fn the_deepest_symbol_around_a_line_is_found() {
        let outline = outline();
        let name = |line| outline.around(line).map(|index| outline.symbols()[index].name.as_str());
        assert_eq!([name(0), name(1), name(2)], [Some("a"), Some("d"), Some("b")]);
        assert_eq!([name(4), name(9), name(10)], [Some("c"), Some("a"), None]);
    }

    #[test]
    fn kinds_are_sorted() {
        assert!(KINDS.is_sorted());
    }
}
