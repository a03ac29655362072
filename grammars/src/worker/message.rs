//! What a worker is asked and what it answers.

use std::io;
use std::ops::Range;

use engine::edit::{Change, Edit};
use engine::verify::{Delta, Diagnostic, Findings, Severity, Verdict};

use super::codec::{Reader, Writer, malformed};
use crate::check::Unread;
use crate::faults::SOURCE;
use crate::judge::{Confidence, Judgement};
use crate::outline::{KINDS, Outline, Symbol};

/// What a worker is asked about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What is wrong with this content?
    Findings(Vec<u8>),
    /// What did this change do to the syntax of this content?
    Judgement(Vec<u8>, Change),
    /// What does this content define?
    Outline(Vec<u8>),
}

/// What a worker answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What is wrong.
    Findings(Findings),
    /// What the change did.
    Judgement(Judgement),
    /// What is defined.
    Outline(Outline),
    /// It cannot be told.
    Unread(Unread),
}

/// Returns the frame that asks about a file named `path`.
pub(super) fn of_ask(path: &str, ask: &Ask) -> Vec<u8> {
    let mut frame = Writer::default();
    let (tag, content) = match ask {
        Ask::Findings(content) => (0, content),
        Ask::Judgement(content, _) => (1, content),
        Ask::Outline(content) => (2, content),
    };
    frame.tag(tag);
    frame.bytes(path.as_bytes());
    frame.bytes(content);
    if let Ask::Judgement(_, change) = ask {
        frame.number(change.edits().len());
        for edit in change.edits() {
            frame.range(&edit.range);
            frame.bytes(&edit.text);
        }
    }
    frame.0
}

/// Returns path and question of a frame.
pub(super) fn ask(frame: &[u8]) -> io::Result<(String, Ask)> {
    let mut frame = Reader(frame);
    let tag = frame.tag()?;
    let path = frame.text()?;
    let content = frame.bytes()?.to_vec();
    let ask = match tag {
        0 => Ask::Findings(content),
        1 => {
            let count = frame.count(24)?;
            let len = content.len();
            let edits: io::Result<Vec<Edit>> = (0..count)
                .map(|_| Ok(Edit { range: frame.range(len)?, text: frame.bytes()?.to_vec() }))
                .collect();
            let change = Change::new(edits?, len).map_err(|_| malformed())?;
            Ask::Judgement(content, change)
        }
        2 => Ask::Outline(content),
        _ => return Err(malformed()),
    };
    frame.end()?;
    Ok((path, ask))
}

/// Returns the frame of an answer.
pub(super) fn of_answer(answer: &Answer) -> Vec<u8> {
    let mut frame = Writer::default();
    match answer {
        Answer::Findings(findings) => {
            frame.tag(0);
            write_verdict(&mut frame, findings.verdict);
            write_diagnostics(&mut frame, &findings.diagnostics);
        }
        Answer::Judgement(judgement) => {
            frame.tag(1);
            frame.tag(u8::from(judgement.confidence == Confidence::High));
            write_verdict(&mut frame, judgement.delta.verdict);
            write_diagnostics(&mut frame, &judgement.delta.new);
            write_diagnostics(&mut frame, &judgement.delta.fixed);
            frame.number(judgement.delta.unchanged);
            write_optional(&mut frame, judgement.place.as_ref());
        }
        Answer::Outline(outline) => {
            frame.tag(2);
            frame.number(outline.symbols().len());
            outline.symbols().iter().for_each(|symbol| write_symbol(&mut frame, symbol));
        }
        Answer::Unread(why) => {
            frame.tag(3);
            let code = UNREAD.iter().position(|known| known == why).unwrap_or(UNREAD.len());
            frame.number(code);
        }
    }
    frame.0
}

/// Returns the answer of a frame about a content that has `len` bytes at most.
pub(super) fn answer(frame: &[u8], len: usize) -> io::Result<Answer> {
    let mut frame = Reader(frame);
    let answer = match frame.tag()? {
        0 => {
            let verdict = read_verdict(&mut frame)?;
            let diagnostics = read_diagnostics(&mut frame, len)?;
            Answer::Findings(Findings { verdict, diagnostics })
        }
        1 => Answer::Judgement(read_judgement(&mut frame, len)?),
        2 => {
            let count = frame.count(8)?;
            let symbols: io::Result<Vec<Symbol>> =
                (0..count).map(|_| read_symbol(&mut frame, len)).collect();
            Answer::Outline(Outline::of(symbols?))
        }
        3 => Answer::Unread(*UNREAD.get(frame.number()?).ok_or_else(malformed)?),
        _ => return Err(malformed()),
    };
    frame.end()?;
    Ok(answer)
}

/// Every reason, by its number on the wire.
const UNREAD: [Unread; 6] = [
    Unread::NoLanguage,
    Unread::Encoding,
    Unread::TooLarge,
    Unread::Unfit,
    Unread::TimedOut,
    Unread::NoWorker,
];

fn write_verdict(frame: &mut Writer, verdict: Verdict) {
    frame.tag(match verdict {
        Verdict::Fresh => 0,
        Verdict::Partial => 1,
        Verdict::Temporal => 2,
        Verdict::Inconclusive => 3,
    });
}

fn read_verdict(frame: &mut Reader<'_>) -> io::Result<Verdict> {
    match frame.tag()? {
        0 => Ok(Verdict::Fresh),
        1 => Ok(Verdict::Partial),
        2 => Ok(Verdict::Temporal),
        3 => Ok(Verdict::Inconclusive),
        _ => Err(malformed()),
    }
}

/// Writes errors of the syntax: what a parser finds is never less, and has no
/// other source.
fn write_diagnostics(frame: &mut Writer, diagnostics: &[Diagnostic]) {
    frame.number(diagnostics.len());
    for diagnostic in diagnostics {
        frame.range(&diagnostic.range);
        frame.bytes(diagnostic.message.as_bytes());
    }
}

fn read_diagnostics(frame: &mut Reader<'_>, len: usize) -> io::Result<Vec<Diagnostic>> {
    let count = frame.count(24)?;
    let diagnostics = (0..count).map(|_| {
        let range = frame.range(len)?;
        let (severity, source) = (Severity::Error, SOURCE.to_owned());
        Ok(Diagnostic { range, severity, source, message: frame.text()? })
    });
    diagnostics.collect()
}

fn read_judgement(frame: &mut Reader<'_>, len: usize) -> io::Result<Judgement> {
    let confidence = if frame.tag()? == 1 { Confidence::High } else { Confidence::Low };
    let verdict = read_verdict(frame)?;
    let new = read_diagnostics(frame, len)?;
    let fixed = read_diagnostics(frame, len)?;
    let unchanged = frame.number()?;
    let place = read_optional(frame, len)?;
    Ok(Judgement { delta: Delta { verdict, new, fixed, unchanged }, confidence, place })
}

/// Writes bytes that may be none.
fn write_optional(frame: &mut Writer, range: Option<&Range<usize>>) {
    frame.tag(u8::from(range.is_some()));
    frame.range(range.unwrap_or(&(0..0)));
}

fn read_optional(frame: &mut Reader<'_>, len: usize) -> io::Result<Option<Range<usize>>> {
    let is_some = frame.tag()? == 1;
    let range = frame.range(len)?;
    Ok(is_some.then_some(range))
}

fn write_symbol(frame: &mut Writer, symbol: &Symbol) {
    let kind = KINDS.binary_search(&symbol.kind).unwrap_or(KINDS.len());
    frame.number(kind);
    frame.bytes(symbol.name.as_bytes());
    frame.range(&symbol.bytes);
    frame.range(&symbol.lines);
    frame.number(symbol.line);
    write_optional(frame, symbol.body.as_ref());
    frame.bytes(symbol.signature.as_bytes());
}

/// Reads a symbol; what it stands in follows from the others.
fn read_symbol(frame: &mut Reader<'_>, len: usize) -> io::Result<Symbol> {
    let kind = *KINDS.get(frame.number()?).ok_or_else(malformed)?;
    let name = frame.text()?;
    let (bytes, lines) = (frame.range(len)?, frame.range(len + 1)?);
    let line = frame.number()?;
    let body = read_optional(frame, len)?;
    let signature = frame.text()?;
    Ok(Symbol { kind, name, bytes, lines, line, body, signature, parent: None, depth: 0 })
}
