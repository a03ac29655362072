//! The balance of brackets, counted with one eye on strings and comments.
//!
//! This is no parser. It knows of a language only how comments and strings are
//! written, and says that it cannot tell wherever that is not enough: a string
//! or comment that does not end in the lines at hand, or a language that it does
//! not know.

use std::ops::{Add, Sub};

/// How a family of languages writes what is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lexis {
    /// What begins a comment that ends with the row.
    line_comments: &'static [&'static str],
    /// What begins and ends a comment that may take several rows.
    block_comment: Option<(&'static str, &'static str)>,
    single_quote: SingleQuote,
    /// A string between `"` may go on in the next row.
    long_strings: bool,
    /// Backquotes hold a string that may take several rows.
    backquotes: bool,
    /// Three quotes hold a string that may take several rows.
    triple_quotes: bool,
    /// A slash where an operand is expected begins a regular expression.
    regexes: bool,
}

/// What `'` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SingleQuote {
    /// One character, or nothing: a lifetime, a label, a quoted name.
    Character,
    /// A string that ends in the same row.
    String,
    /// Nothing.
    Plain,
}

const C: Lexis = Lexis {
    line_comments: &["//"],
    block_comment: Some(("/*", "*/")),
    single_quote: SingleQuote::Character,
    long_strings: false,
    backquotes: false,
    triple_quotes: false,
    regexes: false,
};
const RUST: Lexis = Lexis { long_strings: true, ..C };
const GO: Lexis = Lexis { backquotes: true, ..C };
const JAVA: Lexis = Lexis { triple_quotes: true, ..C };
const SCRIPT: Lexis =
    Lexis { single_quote: SingleQuote::String, backquotes: true, regexes: true, ..C };
const STYLE: Lexis = Lexis { single_quote: SingleQuote::String, ..C };
const CONFIG: Lexis = Lexis { line_comments: &["#", "//"], ..STYLE };
const HASH: Lexis = Lexis {
    line_comments: &["#"],
    block_comment: None,
    single_quote: SingleQuote::String,
    triple_quotes: true,
    ..C
};
const DASH: Lexis = Lexis {
    line_comments: &["--"],
    block_comment: Some(("/*", "*/")),
    single_quote: SingleQuote::String,
    ..C
};
const LISP: Lexis = Lexis {
    line_comments: &[";"],
    block_comment: None,
    single_quote: SingleQuote::Plain,
    long_strings: true,
    ..C
};

/// Endings of names, by how the language writes comments and strings. Languages
/// whose brackets come alone (`case x)` of shells) or whose strings need a
/// parser are left out.
const LANGUAGES: [(&[&str], Lexis); 10] = [
    (&["c", "h", "cc", "cpp", "cxx", "hpp", "hh", "m", "mm", "proto", "d", "v", "zig", "glsl"], C),
    (&["rs"], RUST),
    (&["go"], GO),
    (&["java", "kt", "kts", "cs", "swift", "scala", "dart", "groovy", "gradle"], JAVA),
    (&["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts"], SCRIPT),
    (&["css", "scss", "less", "json", "json5", "jsonc", "sol", "thrift"], STYLE),
    (&["tf", "hcl", "nomad"], CONFIG),
    (&["py", "pyi", "jl", "r", "nim", "toml", "cr", "gd", "cmake", "graphql", "gql", "bzl"], HASH),
    (&["lua", "elm", "sql"], DASH),
    (&["el", "clj", "cljs", "scm", "lisp", "rkt"], LISP),
];

impl Lexis {
    /// Returns what is known of the language of a file named `path`.
    pub(super) fn of(path: &str) -> Option<Lexis> {
        let (_, ending) = path.rsplit_once('.')?;
        let language = |(endings, _): &&(&[&str], Lexis)| {
            endings.iter().any(|known| known.eq_ignore_ascii_case(ending))
        };
        LANGUAGES.iter().find(language).map(|(_, lexis)| *lexis)
    }
}

/// A regular expression is looked for within so many bytes.
const REGEX_MAX: usize = 1000;

/// So often in vain at most: a text full of slashes that begin none costs no more
/// than others, and what they mean cannot be told.
const REGEX_MISSES_MAX: usize = 256;

/// How many brackets are opened beyond those closed: round, square, curly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Balance(pub(super) [i64; 3]);

impl Balance {
    /// Nothing is left open or closed too often.
    pub(super) const EVEN: Balance = Balance([0; 3]);

    /// Returns the number of brackets that have no partner, at the least.
    pub(super) fn weight(self) -> u64 {
        self.0.iter().map(|count| count.unsigned_abs()).sum()
    }
}

impl Add for Balance {
    type Output = Balance;

    fn add(self, other: Balance) -> Balance {
        let [a, b, c] = self.0;
        let [d, e, f] = other.0;
        Balance([a + d, b + e, c + f])
    }
}

impl Sub for Balance {
    type Output = Balance;

    fn sub(self, other: Balance) -> Balance {
        let [d, e, f] = other.0;
        self + Balance([-d, -e, -f])
    }
}

/// Returns the balance of `rows`, which begin in plain code; `None` where they
/// end within a string or a comment. Runs in O(n).
pub(super) fn balance<'a>(lexis: Lexis, rows: impl Iterator<Item = &'a [u8]>) -> Option<Balance> {
    let mut scan = Scan { lexis, balance: Balance::EVEN, until: None, misses: 0 };
    for row in rows {
        scan.row(row)?;
    }
    scan.until.is_none().then_some(scan.balance)
}

struct Scan {
    lexis: Lexis,
    balance: Balance,
    /// What ends the string or comment that the next row begins in.
    until: Option<&'static str>,
    /// How many slashes might have begun a regular expression and did not.
    misses: usize,
}

impl Scan {
    fn row(&mut self, row: &[u8]) -> Option<()> {
        let mut at = 0;
        // Whether a value may stand here, so that a slash is no division.
        let mut operand = true;
        while at < row.len() {
            if let Some(end) = self.until {
                at = skip_to(row, at, end).map_or(row.len(), |behind| {
                    self.until = None;
                    behind
                });
                continue;
            }
            let rest = &row[at..];
            if self.lexis.line_comments.iter().any(|mark| rest.starts_with(mark.as_bytes())) {
                return Some(());
            }
            if let Some((mark, end)) = self.long(rest) {
                self.until = Some(end);
                at += mark;
                continue;
            }
            at += self.token(rest, operand)?;
            if !rest[0].is_ascii_whitespace() {
                operand = b"(,=:[!&|?{};+-*%>~^".contains(&rest[0]);
            }
        }
        Some(())
    }

    /// Returns the length of the mark that begins a comment or string of several
    /// rows, and what ends it.
    fn long(&self, rest: &[u8]) -> Option<(usize, &'static str)> {
        if let Some((begin, end)) = self.lexis.block_comment
            && rest.starts_with(begin.as_bytes())
        {
            return Some((begin.len(), end));
        }
        let triple = |mark: &'static str| {
            (self.lexis.triple_quotes && rest.starts_with(mark.as_bytes())).then_some((3, mark))
        };
        let backquote = (self.lexis.backquotes && rest[0] == b'`').then_some((1, "`"));
        let long = (self.lexis.long_strings && rest[0] == b'"').then_some((1, "\""));
        triple("\"\"\"").or_else(|| triple("'''")).or(backquote).or(long)
    }

    /// Counts what stands first in `rest`, and returns its length; `None` for a
    /// string that does not end.
    fn token(&mut self, rest: &[u8], operand: bool) -> Option<usize> {
        let counts = &mut self.balance.0;
        match rest[0] {
            b'(' => counts[0] += 1,
            b')' => counts[0] -= 1,
            b'[' => counts[1] += 1,
            b']' => counts[1] -= 1,
            b'{' => counts[2] += 1,
            b'}' => counts[2] -= 1,
            b'\\' => return Some(2.min(rest.len())),
            b'"' => return skip_to(rest, 1, "\""),
            b'\'' => return self.single_quote(rest),
            b'/' if self.lexis.regexes && operand => return self.regex(rest),
            _ => {}
        }
        Some(1)
    }

    /// Returns the length of the regular expression at the start of `rest`, or of
    /// its slash where it is none; `None` once too many were none.
    fn regex(&mut self, rest: &[u8]) -> Option<usize> {
        let found = regex(rest);
        self.misses += usize::from(found.is_none());
        (self.misses <= REGEX_MISSES_MAX).then(|| found.unwrap_or(1))
    }

    fn single_quote(&self, rest: &[u8]) -> Option<usize> {
        match self.lexis.single_quote {
            SingleQuote::Plain => Some(1),
            SingleQuote::String => skip_to(rest, 1, "'"),
            SingleQuote::Character => {
                let escaped = rest.get(1) == Some(&b'\\');
                // A character has at most four bytes, an escape ten characters.
                let window = &rest[..rest.len().min(if escaped { 14 } else { 6 })];
                match skip_to(window, 1, "'") {
                    Some(end) if escaped || end > 2 && is_one_char(&window[1..end - 1]) => {
                        Some(end)
                    }
                    _ => Some(1),
                }
            }
        }
    }
}

fn is_one_char(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1)
}

/// Returns the place behind the next `end` at or after `at`, escapes passed
/// over.
fn skip_to(row: &[u8], mut at: usize, end: &str) -> Option<usize> {
    while at < row.len() {
        if row[at..].starts_with(end.as_bytes()) {
            return Some(at + end.len());
        }
        let escape = row[at] == b'\\' && end != "*/";
        at += 1 + usize::from(escape);
    }
    None
}

/// Returns the length of the regular expression at the start of `rest`, if it
/// ends in this row.
fn regex(rest: &[u8]) -> Option<usize> {
    let mut in_class = false;
    let mut at = 1;
    while at < rest.len().min(REGEX_MAX) {
        match rest[at] {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'/' if !in_class => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expected: Option<[i64; 3]>) {
        let lexis = Lexis::of(path).expect("a language that is known");
        let found = balance(lexis, text.split('\n').map(str::as_bytes));
        assert_eq!(found.map(|balance| balance.0), expected, "{path}: {text}");
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        check("a.c", "f(a[0]) { // (((\n", Some([0, 0, 1]));
        check("a.c", "x = '('; y = \")\\\")\"; /* ( */ ]", Some([0, -1, 0]));
        check("a.rs", "fn f<'a>(x: &'a str) -> (char, char) { ('(', '\\'') }", Some([0; 3]));
        check("a.rs", "let s = \"(\n(\";", Some([0; 3]));
        check("a.py", "x = '(' # (\ny = \"\"\"(\n(\"\"\"\nz = [", Some([0, 1, 0]));
        check("a.js", "s.split(/[(/]\\//).map(`(${a}\n(`) / (b)", Some([0; 3]));
        check("a.tsx", "<div>(</div>)</a>", Some([0; 3]));
        check("a.js", "const half = (a + b) / 2 / c; f(", Some([1, 0, 0]));
        check("a.el", "(defun f (x) '(1 ?\\( \"(\") ; (\n", Some([1, 0, 0]));
        check("a.toml", "a = [\n  '[', # ]\n]", Some([0; 3]));
    }

    #[test]
    fn what_does_not_end_cannot_be_told() {
        check("a.c", "/* (", None);
        check("a.c", "x = \"(", None);
        check("a.go", "x := `(", None);
        check("a.py", "'''", None);
        check("a.js", &"/[".repeat(1000), None);
        assert_eq!(Lexis::of("a.sh").or(Lexis::of("README")).or(Lexis::of("a.md")), None);
    }
}
