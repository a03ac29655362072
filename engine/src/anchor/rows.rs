//! Rows: lines as they are shown, with or without their numbers.

use std::borrow::Cow;
use std::ops::Range;

use crate::snapshot::Snapshot;

/// How a row bears its line number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gutter {
    /// `12<TAB>text`, 1.5 tokens a line (o200k).
    #[default]
    Tab,
    /// `12:text`, 2.3 tokens a line.
    Colon,
    /// A number on every tenth line and on the first of each range, 0.2 to 0.4
    /// tokens a line; the other rows begin with the tab alone.
    Sparse,
    /// No number, the text alone.
    None,
}

/// Returns the rows of `lines` (0-based), each ended by LF, joined with the
/// rows of the other ranges in order. Bytes that are not UTF-8 are shown as
/// U+FFFD; such a line can be seen, but not edited.
pub fn render(snapshot: &Snapshot, ranges: &[Range<usize>], gutter: Gutter) -> String {
    let bytes: usize =
        ranges.iter().map(|range| snapshot.lines.bytes_of(range.clone()).len()).sum();
    let rows: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    let mut text = String::with_capacity(bytes + 8 * rows);
    for range in ranges {
        // One look at the encoding of a whole range is cheaper than one a line.
        let plain = std::str::from_utf8(&snapshot.bytes[snapshot.lines.bytes_of(range.clone())]);
        let start = snapshot.lines.start(range.start);
        for line in range.clone() {
            push_number(&mut text, line, line == range.start, gutter);
            let at = snapshot.lines.start(line);
            let len = snapshot.line(line).len();
            match plain.ok().and_then(|plain| plain.get(at - start..at - start + len)) {
                Some(row) => text.push_str(row),
                None => text.push_str(&row_text(snapshot, line)),
            }
            text.push('\n');
        }
    }
    text
}

/// Returns line `line` (0-based) as text, without its terminator.
pub fn row_text(snapshot: &Snapshot, line: usize) -> Cow<'_, str> {
    String::from_utf8_lossy(snapshot.line(line))
}

fn push_number(text: &mut String, line: usize, first: bool, gutter: Gutter) {
    let number = line + 1;
    match gutter {
        Gutter::None => return,
        Gutter::Sparse if !first && !number.is_multiple_of(10) => {}
        _ => push_decimal(text, number),
    }
    text.push(if gutter == Gutter::Colon { ':' } else { '\t' });
}

/// Appends a number in decimal. Half of what a page costs would go into the
/// formatting machinery otherwise.
fn push_decimal(text: &mut String, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(gutter: Gutter, ranges: &[(usize, usize)], rows: &str) {
        let content = "a\r\n\nc\n".to_owned() + &"x\n".repeat(8);
        let ranges: Vec<Range<usize>> = ranges.iter().map(|&(start, end)| start..end).collect();
        assert_eq!(render(&Snapshot::of(content.into_bytes()), &ranges, gutter), rows);
    }

    #[test]
    fn each_gutter() {
        check(Gutter::Tab, &[(0, 2), (2, 3)], "1\ta\n2\t\n3\tc\n");
        check(Gutter::Colon, &[(0, 2)], "1:a\n2:\n");
        check(Gutter::None, &[(0, 3)], "a\n\nc\n");
        check(Gutter::Sparse, &[(7, 11)], "8\tx\n\tx\n10\tx\n\tx\n");
    }

    #[test]
    fn what_is_not_utf8_is_replaced() {
        let snapshot = Snapshot::of(b"caf\xe9\n".to_vec());
        assert_eq!(
            render(&snapshot, std::slice::from_ref(&(0..1)), Gutter::Tab),
            "1\tcaf\u{fffd}\n"
        );
    }
}
