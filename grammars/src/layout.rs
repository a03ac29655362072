//! Layout that is nested deeper than the state of a scanner can hold.
//!
//! The scanner of a grammar is written by hand in C and may keep 1,024 bytes of
//! state. Those of YAML (0.7.2) and Python (0.25.0) write on past that: the
//! process is aborted, at 254 levels and at 511.

use std::collections::BTreeSet;

use crate::language::Nesting;
use crate::parse::lines;

/// Returns whether the scanner of a grammar would not survive `bytes`.
pub(crate) fn is_too_deep(nesting: Nesting, bytes: &[u8]) -> bool {
    match nesting {
        Nesting::Safe => false,
        Nesting::Indents => has_many_indents(bytes),
        Nesting::Blocks => has_deep_blocks(bytes),
    }
}

/// Returns whether a Python file has more indentations than its scanner can
/// remember: 1,024 bytes hold 383 of them beside 255 open strings. Those that
/// are open at one time are all different, so different ones are counted.
fn has_many_indents(bytes: &[u8]) -> bool {
    const MOST: usize = 256;
    let mut widths = BTreeSet::new();
    let mut carried = 0_u16;
    for line in lines(bytes) {
        let (width, continued) = indent_width(carried, line);
        widths.insert(width);
        carried = if continued { width } else { 0 };
        if widths.len() > MOST {
            return true;
        }
    }
    false
}

/// Returns the indentation of `line` as Python's scanner counts it, and whether
/// nothing but a backslash follows, so that it goes on in the next line.
fn indent_width(carried: u16, line: &[u8]) -> (u16, bool) {
    let mut width = carried;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b' ' => width = width.wrapping_add(1),
            b'\t' => width = width.wrapping_add(8),
            b'\r' | b'\x0c' => width = 0,
            b'\\' => return (width, matches!(&line[at + 1..], b"" | b"\r")),
            _ => break,
        }
    }
    (width, false)
}

/// Returns whether a YAML file may have more blocks open than its scanner can
/// remember: 1,024 bytes hold 253. The lines that stand around a line are those
/// before it with less and less indentation; each opens at most one block for
/// each of its indicators, and two for its own indentation.
fn has_deep_blocks(bytes: &[u8]) -> bool {
    const MOST: usize = 250;
    let mut around: Vec<(usize, usize)> = Vec::new();
    for line in lines(bytes) {
        let indent = line.iter().take_while(|&&byte| byte == b' ').count();
        if line[indent..].trim_ascii().is_empty() {
            continue;
        }
        while around.pop_if(|(outer, _)| *outer >= indent).is_some() {}
        around.push((indent, 2 + indicators(line)));
        if around.iter().map(|(_, blocks)| blocks).sum::<usize>() > MOST {
            return true;
        }
    }
    false
}

/// Returns how often `-`, `?` or `:` stands before a blank or the line's end.
fn indicators(line: &[u8]) -> usize {
    let starts_block = |pair: &&[u8]| {
        matches!(pair[0], b'-' | b'?' | b':') && matches!(pair[1], b' ' | b'\t' | b'\r')
    };
    let at_end = matches!(line.last(), Some(b'-' | b'?' | b':'));
    line.windows(2).filter(starts_block).count() + usize::from(at_end)
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use crate::language::Language;
    use crate::parse::{Limits, Parse, parse};

    fn parse_as(path: &str, text: &str) -> Parse {
        let language = Language::of_path(path).expect("the registry has the language");
        parse(language, text.as_bytes(), Limits::default())
    }

    #[test]
    fn layout_that_its_scanner_could_not_hold_is_never_parsed_as_yaml() {
        let nested = |levels| (0..levels).map(|n| format!("{:n$}a:\n", "")).collect::<String>();
        assert!(matches!(parse_as("a.yaml", &nested(300)), Parse::Unfit));
        assert!(matches!(parse_as("a.yaml", &"- ".repeat(400)), Parse::Unfit));
        assert!(matches!(parse_as("a.yaml", &nested(80)), Parse::Parsed(_)));
        assert!(matches!(parse_as("a.yaml", &"- a: b: c\n".repeat(1000)), Parse::Parsed(_)));
    }

    #[test]
    fn layout_that_its_scanner_could_not_hold_is_never_parsed_as_python() {
        let nested = |levels| (0..levels).map(|n| format!("{:n$}if x:\n", "")).collect::<String>();
        assert!(matches!(parse_as("a.py", &nested(600)), Parse::Unfit));
        assert!(matches!(parse_as("a.py", &nested(200)), Parse::Parsed(_)));
        // The scanner adds up indentation over lines that a backslash joins.
        let mut sum = String::new();
        for n in 0..600 {
            sum.extend(["\\\n", &" \\\n".repeat(n), "if x:\n"]);
        }
        assert!(matches!(parse_as("a.py", &sum), Parse::Unfit));
    }
}
