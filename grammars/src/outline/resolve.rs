//! Name paths: which symbol is meant by `Part::new`.
//!
//! A path is read from its end: the last name is the symbol's own, each one
//! before it the name of what that stands in. A path may leave outer names out;
//! one that begins with `::` leaves none out. A name may bear its kind, as in
//! `impl Part > fn new`. None, one and many are three answers: nothing is ever
//! chosen among many.

use super::name::{SEPARATORS, parts, spellings};
use super::{Outline, Symbol};

/// The most symbols that a sentence names.
const TOLD: usize = 8;

/// What a name path means in an outline. Indices of symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// No symbol has this path.
    None,
    /// Exactly one has.
    One(usize),
    /// Several have, in the order of the file.
    Many(Vec<usize>),
}

impl Outline {
    /// Returns which symbols `path` may mean.
    pub fn resolve(&self, path: &str) -> Resolution {
        let path = path.trim();
        let (path, is_absolute) = match path.strip_prefix("::") {
            Some(rest) => (rest, true),
            None => (path, false),
        };
        let meant = |index: &usize| !path.is_empty() && self.ends(*index, path, is_absolute);
        let found: Vec<usize> = (0..self.symbols().len()).filter(meant).collect();
        match found[..] {
            [] => Resolution::None,
            [one] => Resolution::One(one),
            _ => Resolution::Many(found),
        }
    }

    /// Returns the symbols whose own name holds the last word of `path` or is held
    /// by it, letter case aside.
    pub fn alike(&self, path: &str) -> Vec<usize> {
        let word = |text: &str| {
            let words = text.rsplit(|c: char| !c.is_alphanumeric() && c != '_');
            words.map(str::to_lowercase).find(|word| !word.is_empty()).unwrap_or_default()
        };
        let asked = word(path);
        let is_alike = |own: &str| {
            own.len() >= 2 && asked.len() >= 2 && (own.contains(&asked) || asked.contains(own))
        };
        let symbols = self.symbols().iter().enumerate();
        symbols
            .filter(|(_, symbol)| is_alike(&word(&symbol.name)))
            .map(|(index, _)| index)
            .collect()
    }

    /// Returns the paths of symbols with their lines (1-based), the first few.
    pub fn told(&self, symbols: &[usize]) -> String {
        let told = symbols.iter().take(TOLD).map(|index| {
            let lines = self.symbols().get(*index).map_or(0..0, |symbol| symbol.lines.clone());
            format!("{} ({}-{})", self.path(*index), lines.start + 1, lines.end)
        });
        let more = match symbols.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", told.collect::<Vec<_>>().join(", "))
    }

    /// Returns whether `path` ends in symbol `index` and goes on in what that
    /// stands in.
    fn ends(&self, index: usize, path: &str, is_absolute: bool) -> bool {
        let symbol = &self.symbols()[index];
        let whole = [symbol.name.as_str()];
        let split = parts(&symbol.name);
        self.takes(symbol, &whole, path, is_absolute)
            || split.len() > 1 && self.takes(symbol, &split, path, is_absolute)
    }

    /// Returns whether `path` ends in the names of `chain`, which are the last
    /// parts of `symbol`'s own name.
    fn takes(&self, symbol: &Symbol, chain: &[&str], path: &str, is_absolute: bool) -> bool {
        let Some((last, before)) = chain.split_last() else {
            return symbol.parent.is_some_and(|parent| self.ends(parent, path, is_absolute));
        };
        let known = spellings(last).into_iter();
        let heads = known.filter_map(|spelling| path.strip_suffix(spelling));
        let mut heads = heads.flat_map(|head| {
            let of_kind = head.strip_suffix(' ').and_then(|head| head.strip_suffix(symbol.kind));
            [Some(head), of_kind.filter(|_| before.is_empty())].into_iter().flatten()
        });
        heads.any(|head| match head.is_empty() {
            true => !is_absolute || before.is_empty() && symbol.parent.is_none(),
            false => SEPARATORS
                .iter()
                .filter_map(|separator| head.strip_suffix(separator))
                .any(|head| !head.is_empty() && self.takes(symbol, before, head, is_absolute)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an outline of symbols given as paths, each within the one of a
    /// level less before it.
    fn outline(rows: &[&str]) -> Outline {
        let mut symbols: Vec<Symbol> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let depth = row.len() - row.trim_start().len();
            let level = |row: &&str| row.len() - row.trim_start().len() > depth;
            let len = 1 + rows[at + 1..].iter().take_while(|row| level(row)).count();
            let (kind, name) = row.trim_start().split_once(' ').expect("a kind and a name");
            let kind = *super::super::KINDS.iter().find(|known| **known == kind).expect("a kind");
            symbols.push(Symbol {
                kind,
                name: name.to_owned(),
                bytes: at * 10..(at + len) * 10 - depth,
                lines: at..at + len,
                line: at,
                body: None,
                signature: String::new(),
                parent: None,
                depth: 0,
            });
        }
        Outline::of(symbols)
    }

    #[track_caller]
    fn check(rows: &[&str], path: &str, expected: &[usize]) {
        let found = match outline(rows).resolve(path) {
            Resolution::None => vec![],
            Resolution::One(one) => vec![one],
            Resolution::Many(many) => many,
        };
        assert_eq!(found, expected, "{path}");
    }

    const RUST: [&str; 9] = [
        "struct Part",
        "impl Part",
        " fn new",
        " fn label",
        "impl fmt::Display for Part",
        " fn fmt",
        "fn new",
        "mod tests",
        " fn label",
    ];

    #[test]
    fn a_path_names_what_a_symbol_stands_in() {
        check(&RUST, "Part::new", &[2]);
        check(&RUST, "Part.new", &[2]);
        check(&RUST, "Part::fmt", &[5]);
        check(&RUST, "tests::label", &[8]);
        check(&RUST, "impl Part > fn new", &[2]);
        check(&RUST, "impl fmt::Display for Part", &[4]);
        check(&RUST, "fn Part", &[]);
        check(&RUST, "art::new", &[]);
        check(&RUST, "Part::", &[]);
        check(&RUST, "", &[]);
    }

    #[test]
    fn many_stay_many() {
        check(&RUST, "new", &[2, 6]);
        check(&RUST, "label", &[3, 8]);
        check(&RUST, "Part", &[0, 1, 4]);
        check(&RUST, "struct Part", &[0]);
        check(&RUST, "impl Part", &[1, 4]);
    }

    #[test]
    fn a_path_from_the_top_leaves_no_name_out() {
        check(&RUST, "::new", &[6]);
        check(&RUST, "::Part::new", &[2]);
        check(&RUST, "::label", &[]);
        check(&RUST, "::", &[]);
    }

    #[test]
    fn a_name_may_hold_its_own_path() {
        check(&["function Part::label", "class Part", " function label"], "Part::label", &[0, 2]);
        check(&["func Part.String"], "Part::String", &[0]);
        check(&["func Part.String"], "String", &[0]);
        check(&["func Part.String"], "func Part.String", &[0]);
        check(&["func Part.String"], "::String", &[]);
        check(&["func Part.String"], "::Part.String", &[0]);
        check(&["module Parts.Inventory", " def count"], "Inventory.count", &[1]);
    }

    #[test]
    fn names_with_separators_in_them_are_found_whole() {
        check(&["key a.b", " key c/d"], "a.b/c/d", &[1]);
        check(&["h1 1.2 How: to", " h2 A > B"], "1.2 How: to > A > B", &[1]);
        check(&["rule .part > a", "rule a"], ".part > a", &[0]);
    }
}
