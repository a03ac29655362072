//! The rules of text, written down a second time from their English and as
//! simply as possible: a file is a list of lines, an edit builds the list anew.
//! Nothing here is fast, and nothing is taken from the engine but the names of
//! refusals.

use engine::error::Code;

/// A file as a list of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    bom: bool,
    pub(crate) lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Which line of the first content it is, if it is one.
    pub(crate) id: Option<usize>,
    pub(crate) content: Vec<u8>,
    /// What ends it; only the last line of a file can have nothing.
    pub(crate) end: Option<&'static str>,
    /// Whether the last edit wrote it.
    fresh: bool,
}

/// A file after an edit.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) file: File,
    /// The lines of each operation in it, 1-based; `(n + 1, n)` for none.
    pub(crate) lines: Vec<(usize, usize)>,
}

/// One operation, its lines 1-based and inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    Replace(usize, usize, String),
    Insert(usize, String),
    Delete(usize, usize),
}

impl File {
    /// Returns the lines of `bytes`, found byte by byte.
    pub(crate) fn read(bytes: &[u8]) -> File {
        let bom = bytes.starts_with(b"\xef\xbb\xbf");
        let bytes = if bom { &bytes[3..] } else { bytes };
        let has_lf = bytes.contains(&b'\n');
        let mut lines = Vec::new();
        let mut content = Vec::new();
        for byte in bytes {
            let end = match byte {
                b'\n' if content.last() == Some(&b'\r') => {
                    content.pop();
                    "\r\n"
                }
                b'\n' => "\n",
                b'\r' if !has_lf => "\r",
                other => {
                    content.push(*other);
                    continue;
                }
            };
            push(&mut lines, std::mem::take(&mut content), Some(end));
        }
        if !content.is_empty() {
            push(&mut lines, content, None);
        }
        File { bom, lines }
    }

    /// Returns the bytes.
    pub(crate) fn render(&self) -> Vec<u8> {
        let mut bytes = if self.bom { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        for line in &self.lines {
            bytes.extend_from_slice(&line.content);
            bytes.extend_from_slice(line.end.unwrap_or("").as_bytes());
        }
        bytes
    }

    /// Returns the file read again, its lines known by the names they have here.
    pub(crate) fn read_again(&self) -> File {
        let mut again = File::read(&self.render());
        for (line, known) in again.lines.iter_mut().zip(&self.lines) {
            line.id = known.id;
        }
        again
    }

    /// Returns the file after the operations of an author who was shown some of
    /// its lines (1-based), or why they are refused.
    pub(crate) fn apply(
        &self,
        ops: &[Op],
        final_newline: Option<bool>,
        shown: impl Fn(usize) -> bool,
    ) -> Result<Edited, Code> {
        self.check_form(ops)?;
        let after = self.build(ops, final_newline);
        self.check_shown(ops, &after.file, shown)?;
        self.check_encoding(ops)?;
        let last = after.file.lines.last();
        if last.is_some_and(|line| line.end.is_none() && line.content.is_empty()) {
            // Without a terminator the empty line would be none.
            return Err(Code::Malformed);
        }
        let bytes = after.file.render();
        if File::read(&bytes).lines.len() != after.file.lines.len() {
            // A lone CR or U+FEFF could not stay content.
            return Err(Code::Encoding);
        }
        if bytes == self.render() {
            return Err(Code::NoChange);
        }
        Ok(after)
    }

    /// Refuses operations that name no lines of this file, or the same twice.
    pub(crate) fn check_form(&self, ops: &[Op]) -> Result<(), Code> {
        self.check_ranges(ops)?;
        check_overlap(ops)
    }

    fn check_ranges(&self, ops: &[Op]) -> Result<(), Code> {
        let total = self.lines.len();
        let fits = |op: &Op| match op {
            Op::Replace(first, last, text) => {
                *first >= 1 && first <= last && *last <= total && !text.is_empty()
            }
            Op::Insert(after, text) => *after <= total && !text.is_empty(),
            Op::Delete(first, last) => *first >= 1 && first <= last && *last <= total,
        };
        if ops.iter().all(fits) { Ok(()) } else { Err(Code::Malformed) }
    }

    fn check_encoding(&self, ops: &[Op]) -> Result<(), Code> {
        let bytes = self.render();
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(Code::Encoding);
        }
        if std::str::from_utf8(&bytes).is_ok() {
            return Ok(());
        }
        let text_is_ascii = ops.iter().all(Op::is_ascii);
        let lines_are_shown = ops.iter().filter_map(Op::range).all(|(first, last)| {
            let gone = &self.lines[first - 1..last];
            gone.iter().all(|line| std::str::from_utf8(&line.content).is_ok())
        });
        let editable = !bytes.contains(&0) && text_is_ascii && lines_are_shown;
        if editable { Ok(()) } else { Err(Code::Encoding) }
    }

    /// Every line that goes or changes must have been shown, and one of the two
    /// between which something is inserted.
    fn check_shown(
        &self,
        ops: &[Op],
        after: &File,
        shown: impl Fn(usize) -> bool,
    ) -> Result<(), Code> {
        let total = self.lines.len();
        let known = |op: &Op| match op {
            Op::Insert(after, _) => {
                let neighbours = [*after, after + 1];
                let mut there = neighbours.into_iter().filter(|line| (1..=total).contains(line));
                total == 0 || there.any(&shown)
            }
            Op::Replace(first, last, _) | Op::Delete(first, last) => (*first..=*last).all(&shown),
        };
        let last = after.lines.last().filter(|line| !line.fresh);
        let end_is_known = last.is_none_or(|line| {
            let mut before = (1..).zip(&self.lines).filter(|(_, old)| old.id == line.id);
            before.all(|(number, old)| old.end == line.end || shown(number))
        });
        let all = ops.iter().all(known) && end_is_known;
        if all { Ok(()) } else { Err(Code::Unseen) }
    }

    /// Walks over the places and lines of the file from the top, and writes
    /// down what stands there afterwards.
    fn build(&self, ops: &[Op], final_newline: Option<bool>) -> Edited {
        let mut lines: Vec<Line> = Vec::new();
        let mut answers = vec![(1, 0); ops.len()];
        for place in 0..=self.lines.len() {
            for (op, answer) in ops.iter().zip(&mut answers) {
                if matches!(op, Op::Insert(after, _) if *after == place) {
                    *answer = self.push_new(&mut lines, op, place);
                }
            }
            let number = place + 1;
            let gone = ops.iter().zip(&mut answers).find(|(op, _)| {
                op.range().is_some_and(|(first, last)| (first..=last).contains(&number))
            });
            match gone {
                None => lines.extend(
                    self.lines.get(place).map(|line| Line { fresh: false, ..line.clone() }),
                ),
                Some((op, answer)) if op.range().is_some_and(|(first, _)| first == number) => {
                    *answer = self.push_new(&mut lines, op, place);
                }
                Some(_) => {}
            }
        }
        self.end(&mut lines, final_newline);
        for (op, answer) in ops.iter().zip(&answers) {
            self.recognize(op, &mut lines[answer.0 - 1..answer.1]);
        }
        let file = File { bom: self.bom, lines };
        Edited { file, lines: answers }
    }

    /// Adds the lines that come at `place`, and returns where they stand.
    fn push_new(&self, lines: &mut Vec<Line>, op: &Op, place: usize) -> (usize, usize) {
        let start = lines.len();
        let gone = op.range().map_or(0, |(first, last)| last - first + 1);
        let mut end = self.terminator_at(place);
        for (index, content) in op.lines().into_iter().enumerate() {
            if index < gone {
                // A replaced line keeps its own, if it has one.
                end = self.lines[place + index].end.unwrap_or(end);
            }
            lines.push(Line {
                id: None,
                content: content.into_bytes(),
                end: Some(end),
                fresh: true,
            });
        }
        (start + 1, lines.len())
    }

    /// Lines that were replaced by themselves are the same lines.
    fn recognize(&self, op: &Op, new: &mut [Line]) {
        let Some((first, last)) = op.range() else {
            return;
        };
        let old = &self.lines[first - 1..last];
        let bytes = |line: &Line| (line.content.clone(), line.end);
        if old.iter().map(bytes).eq(new.iter().map(bytes)) {
            for (new, old) in new.iter_mut().zip(old) {
                new.id = old.id;
            }
        }
    }

    /// The terminator of the line before it, else after it, else LF. A last line
    /// without any does not count.
    fn terminator_at(&self, place: usize) -> &'static str {
        let before = self.lines[..place].iter().rev().find_map(|line| line.end);
        let after = self.lines[place..].iter().find_map(|line| line.end);
        before.or(after).unwrap_or("\n")
    }

    /// Gives the last line its newline, or takes it.
    fn end(&self, lines: &mut [Line], final_newline: Option<bool>) {
        let total = self.lines.len();
        let terminator = self.terminator_at(total);
        let ended = self.lines.last().is_none_or(|line| line.end.is_some());
        let Some((last, others)) = lines.split_last_mut() else {
            return;
        };
        for line in others {
            // What was appended to a file without final newline.
            line.end = line.end.or(Some(terminator));
        }
        last.end = match final_newline {
            Some(false) => None,
            Some(true) => last.end.or(Some(terminator)),
            None if last.fresh && !ended && !last.content.is_empty() => None,
            None => last.end,
        };
    }
}

impl Op {
    /// Returns the lines that go.
    pub(crate) fn range(&self) -> Option<(usize, usize)> {
        match self {
            Op::Replace(first, last, _) | Op::Delete(first, last) => Some((*first, *last)),
            Op::Insert(..) => None,
        }
    }

    /// Returns the lines that come: one final newline ends the last line, CRLF
    /// counts as LF, a lone CR is content.
    pub(crate) fn lines(&self) -> Vec<String> {
        let (Op::Replace(.., text) | Op::Insert(_, text)) = self else {
            return Vec::new();
        };
        let text = text.replace("\r\n", "\n");
        let text = text.strip_suffix('\n').unwrap_or(&text);
        text.split('\n').map(str::to_owned).collect()
    }

    fn is_ascii(&self) -> bool {
        self.lines().iter().all(|line| line.is_ascii())
    }
}

/// Numbers the lines, so that they can be followed.
fn push(lines: &mut Vec<Line>, content: Vec<u8>, end: Option<&'static str>) {
    lines.push(Line { id: Some(lines.len()), content, end, fresh: false });
}

/// Two ranges that share a line overlap; so does an insertion strictly inside.
fn check_overlap(ops: &[Op]) -> Result<(), Code> {
    for (index, one) in ops.iter().enumerate() {
        for other in &ops[index + 1..] {
            let clash = match (one, other) {
                (Op::Insert(..), Op::Insert(..)) => false,
                (Op::Insert(after, _), range) | (range, Op::Insert(after, _)) => {
                    range.range().is_some_and(|(a, b)| a <= *after && *after < b)
                }
                (one, other) => {
                    let (a, b) = one.range().unwrap_or((1, 0));
                    let (c, d) = other.range().unwrap_or((1, 0));
                    (a..=b).any(|line| c <= line && line <= d)
                }
            };
            if clash {
                return Err(Code::Overlap);
            }
        }
    }
    Ok(())
}
