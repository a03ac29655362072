//! What can be said of an edit before it is written to the end.

use super::{Choice, Finder, Known, Unresolved, Way, boxed, never_shown};
use crate::error::{Code, Refusal};
use crate::format::{Action, Event, Find, Op, OpKind, Quote, Verb};

/// The most earlier changes of a file with which a later one is looked at.
const EARLIER: usize = 64;

/// Returns the lines that a change will touch, as deletes of them, where an
/// event tells a place and nothing speaks against it; a plan of them tells
/// whether they are stale. `earlier` are the changes of the same file that were
/// told before: what one writes, a later one may quote.
///
/// # Errors
/// [`Unresolved`] where the edit can no longer succeed, however it goes on.
pub fn foresee(
    event: &Event,
    known: &Known,
    earlier: &[Find],
) -> Result<Option<Action>, Box<Unresolved>> {
    match event {
        Event::File { handle: _, verb, .. } => of_file(*verb, known).map(|()| None),
        Event::Place { find, complete, .. } => place(find, known, earlier, *complete),
        Event::Change { find, .. } => place(find, known, earlier, true),
        Event::Row { .. } => Ok(None),
    }
}

fn of_file(verb: Verb, known: &Known) -> Result<(), Box<Unresolved>> {
    let refuse = |code, text: &str| Err(boxed(Refusal::new(code, text)));
    match (verb, &known.now, &known.shown) {
        // That a file is to come may be said in the rows that follow.
        (Verb::Edit, ..) => Ok(()),
        (Verb::Create, Some(_), _) => refuse(Code::Exists, "the file is there already"),
        (Verb::Create, None, _) | (Verb::Write, None, None) => Ok(()),
        (Verb::Write | Verb::Remove, None, _) => refuse(Code::Missing, "the file is not there"),
        (Verb::Write | Verb::Remove, Some(_), None) => Err(never_shown()),
        (Verb::Write | Verb::Remove, Some(_), Some(_)) => Ok(()),
    }
}

fn place(
    find: &Find,
    known: &Known,
    earlier: &[Find],
    complete: bool,
) -> Result<Option<Action>, Box<Unresolved>> {
    if matches!(find, Find::Symbol { .. }) {
        // Nobody here can parse.
        return Ok(None);
    }
    let no_choice: [&Choice; 0] = [];
    let mut finder = Finder::of(known, &no_choice)?;
    let by_number = matches!(find, Find::Lines(_) | Find::Hashed { .. } | Find::Span { .. });
    let index = earlier.len();
    if !by_number {
        let done = |(index, find): (usize, &Find)| finder.find(index, find).is_ok();
        // So many are looked at when they are all there.
        if index > EARLIER || !earlier.iter().enumerate().all(done) {
            return Ok(None);
        }
    }
    let known = finder.splices.len();
    let found = match find {
        // What was not complete yet may have been meant for all places.
        Find::Text(quote) if quote.all || !complete => {
            let quote = Quote { new: String::new(), all: true, ..quote.clone() };
            finder.find(index, &Find::Text(quote))
        }
        Find::Lines(op) => lines(&mut finder, index, op),
        find => finder.find(index, find),
    };
    let certain = |code: Code| complete || code == Code::NotFound || code == Code::Unseen;
    match found {
        Err(unresolved) if by_number || certain(unresolved.refusal.code) => Err(unresolved),
        Err(_) => Ok(None),
        // Which of several places is meant is not known yet.
        Ok(_) if matches!(find, Find::Text(_)) && finder.splices.len() > known + 1 => Ok(None),
        Ok(_) => Ok(touched(&finder, index)),
    }
}

/// Settles an operation that names lines, without its text.
fn lines(finder: &mut Finder<'_>, index: usize, op: &Op) -> Result<Way, Box<Unresolved>> {
    let kind = match &op.kind {
        OpKind::Replace { lines, .. } | OpKind::Delete { lines, .. } => {
            OpKind::Delete { lines: *lines, register: None }
        }
        OpKind::Insert { .. } => {
            let mut op = op.clone();
            if let OpKind::Insert { body, .. } = &mut op.kind {
                *body = crate::format::Body::Text("\n".to_owned());
            }
            return finder.op(index, &op);
        }
    };
    finder.op(index, &kind.into())
}

/// Returns the lines that a find touches, as deletes of them.
fn touched(finder: &Finder<'_>, index: usize) -> Option<Action> {
    let (handle, plain) = (finder.handle?, finder.plain.as_ref()?);
    let own = finder.splices.iter().filter(|splice| splice.find == index);
    let lines = own.map(|splice| plain.lines_of(&splice.range));
    let mut ops: Vec<Op> = Vec::new();
    let mut reach = 0;
    for lines in lines.filter(|lines| !lines.is_empty()) {
        let start = lines.start.max(reach);
        if start < lines.end {
            ops.push(OpKind::Delete { lines: (start + 1, lines.end), register: None }.into());
            reach = lines.end;
        }
    }
    (!ops.is_empty()).then_some(Action::Edit { handle, ops, final_newline: None })
}
