//! The bytes that edits give at known places.

use std::ops::Range;

use crate::file::{File, Terminator};

/// Lines of now that go, and the lines that come for them.
pub(crate) type Splice<'a> = (Range<usize>, &'a [Vec<u8>]);

/// Returns the file after the splices, or none where they are not in order,
/// share a line, or reach beyond the file.
///
/// A replaced line keeps its terminator, first by first. A new line takes that
/// of the line before it, else of the line after it, else LF. A file without
/// final newline keeps none where its last line is a new one, unless that is
/// empty and would be no line without.
pub(crate) fn apply(now: &File, splices: &[Splice<'_>]) -> Option<Vec<u8>> {
    let mut out = Out { bytes: Vec::with_capacity(now.bytes.len() + 64), unended: None };
    let mut done = 0;
    let mut last_is_new = None;
    for (lines, text) in splices {
        if lines.start < done || lines.end < lines.start || lines.end > now.lines.len() {
            return None;
        }
        for line in done..lines.start {
            out.line(now.content(line), now.lines[line].terminator, near(now, line));
            last_is_new = None;
        }
        let mut terminator = near(now, lines.start);
        for (index, line) in text.iter().enumerate() {
            let own = lines.clone().nth(index).map(|line| now.lines[line].terminator);
            terminator = own.filter(|own| *own != Terminator::None).unwrap_or(terminator);
            out.line(line, terminator, near(now, lines.start));
            last_is_new = Some((line.is_empty(), terminator));
        }
        done = lines.end;
    }
    for line in done..now.lines.len() {
        out.line(now.content(line), now.lines[line].terminator, near(now, line));
        last_is_new = None;
    }
    let ended = now.lines.last().is_none_or(|line| line.terminator != Terminator::None);
    if let Some((false, terminator)) = last_is_new.filter(|_| !ended) {
        let len = out.bytes.len() - terminator.bytes().len();
        out.bytes.truncate(len);
    }
    Some(out.bytes)
}

struct Out {
    bytes: Vec<u8>,
    /// The terminator that is owed if another line follows.
    unended: Option<Terminator>,
}

impl Out {
    fn line(&mut self, content: &[u8], terminator: Terminator, near: Terminator) {
        if let Some(owed) = self.unended.take() {
            self.bytes.extend_from_slice(owed.bytes());
        }
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(terminator.bytes());
        self.unended = (terminator == Terminator::None).then_some(near);
    }
}

/// Returns the terminator for a new line at `place`: that of the nearest line
/// before it that has one, else of the line after it, else LF.
fn near(now: &File, place: usize) -> Terminator {
    let some = |line: usize| {
        let terminator = now.lines.get(line)?.terminator;
        (terminator != Terminator::None).then_some(terminator)
    };
    let before = (0..place).rev().find_map(some);
    before.or_else(|| some(place)).unwrap_or(Terminator::Lf)
}

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::file::{File, Line, Role, Terminator};

    /// Reads a file whose lines are marked `|` for LF and `;` for CRLF.
    fn file(marked: &str) -> File {
        let mut file = File::default();
        for (id, part) in (0..).zip(marked.split_inclusive(['|', ';'])) {
            let (content, terminator) = match (part.strip_suffix('|'), part.strip_suffix(';')) {
                (Some(content), _) => (content, Terminator::Lf),
                (_, Some(content)) => (content, Terminator::CrLf),
                _ => (part, Terminator::None),
            };
            let start = file.bytes.len() as u32;
            file.bytes.extend_from_slice(content.as_bytes());
            let end = file.bytes.len() as u32;
            file.bytes.extend_from_slice(terminator.bytes());
            let (depth, role, copied) = (0, Role::Body, None);
            file.lines.push(Line { id, start, end, terminator, depth, role, copied });
        }
        file
    }

    #[track_caller]
    fn check(before: &str, splices: &[(std::ops::Range<usize>, &[&str])], after: Option<&str>) {
        let text = splices.iter().map(|(lines, text)| {
            let text: Vec<Vec<u8>> = text.iter().map(|line| line.as_bytes().to_vec()).collect();
            (lines.clone(), text)
        });
        let text: Vec<_> = text.collect();
        let splices: Vec<_> = text.iter().map(|(lines, text)| (lines.clone(), &text[..])).collect();
        let after = after.map(|after| file(after).bytes);
        assert_eq!(apply(&file(before), &splices), after);
    }

    #[test]
    fn terminators_stay_or_come_from_the_neighbour() {
        check("a|b;c|", &[(1..2, &["x"])], Some("a|x;c|"));
        check("a|b;c|", &[(1..2, &["x", "y"])], Some("a|x;y;c|"));
        check("a|b;c|", &[(0..2, &["x"])], Some("x|c|"));
        check("a;b|", &[(1..1, &["x"])], Some("a;x;b|"));
        check("a;b|", &[(0..0, &["x"])], Some("x;a;b|"));
        check("", &[(0..0, &["x"])], Some("x|"));
        check("a|b|c|", &[(0..0, &["x"]), (0..1, &[]), (2..2, &["y"])], Some("x|b|y|c|"));
    }

    #[test]
    fn a_missing_newline_stays_missing() {
        check("a;b", &[(1..2, &["x"])], Some("a;x"));
        check("a;b", &[(2..2, &["x", "y"])], Some("a;b;x;y"));
        check("a;b", &[(2..2, &["x", ""])], Some("a;b;x;;"));
        check("a;b", &[(1..2, &[])], Some("a;"));
        check("a", &[(1..1, &["x"])], Some("a|x"));
        check("a;b", &[(0..1, &["x"])], Some("x;b"));
        check("a;b", &[(0..2, &["x"])], Some("x"));
    }

    #[test]
    fn what_is_not_in_order_has_no_bytes() {
        check("a|b|", &[(1..2, &[]), (0..1, &[])], None);
        check("a|b|", &[(0..2, &[]), (1..2, &[])], None);
        check("a|b|", &[(1..3, &[])], None);
    }
}
