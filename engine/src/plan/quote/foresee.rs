//! What can be said of an edit before it is written to the end.

use super::{Choice, Finder, Known, Unresolved, Way, boxed, never_shown};
use crate::error::{Code, Refusal};
use crate::format::{Action, Event, Find, Op, OpKind, Quote, Verb};

/// Returns the lines that a change will touch, as deletes of them, where an
/// event tells a place and nothing speaks against it; a plan of them tells
/// whether they are stale. `first` says that no change of the same file came
/// before: what one writes, a later one may quote.
///
/// # Errors
/// [`Unresolved`] where the edit can no longer succeed, however it goes on.
pub fn foresee(
    event: &Event,
    known: &Known,
    first: bool,
) -> Result<Option<Action>, Box<Unresolved>> {
    match event {
        Event::File { handle: _, verb, .. } => of_file(*verb, known).map(|()| None),
        Event::Place { find, complete, .. } => place(find, known, first, *complete),
        Event::Change { find, .. } => place(find, known, first, true),
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
    first: bool,
    complete: bool,
) -> Result<Option<Action>, Box<Unresolved>> {
    let no_choice: [&Choice; 0] = [];
    let mut finder = Finder::of(known, &no_choice)?;
    let by_number = matches!(find, Find::Lines(_) | Find::Hashed { .. } | Find::Span { .. });
    let found = match find {
        // What was not complete yet may have been meant for all places.
        Find::Text(quote) if quote.all || !complete => {
            let quote = Quote { new: String::new(), all: true, ..quote.clone() };
            finder.find(0, &Find::Text(quote))
        }
        Find::Lines(op) => lines(&mut finder, op),
        find => finder.find(0, find),
    };
    let certain = |code: Code| complete || code == Code::NotFound || code == Code::Unseen;
    match found {
        Err(unresolved) if by_number || first && certain(unresolved.refusal.code) => {
            Err(unresolved)
        }
        Err(_) => Ok(None),
        // Which of several places is meant is not known yet.
        Ok(_) if matches!(find, Find::Text(_)) && finder.splices.len() > 1 => Ok(None),
        Ok(_) => Ok(touched(&finder)),
    }
}

/// Settles an operation that names lines, without its text.
fn lines(finder: &mut Finder<'_>, op: &Op) -> Result<Way, Box<Unresolved>> {
    let kind = match &op.kind {
        OpKind::Replace { lines, .. } | OpKind::Delete { lines, .. } => {
            OpKind::Delete { lines: *lines, register: None }
        }
        OpKind::Insert { .. } => {
            let mut op = op.clone();
            if let OpKind::Insert { body, .. } = &mut op.kind {
                *body = crate::format::Body::Text("\n".to_owned());
            }
            return finder.op(0, &op);
        }
    };
    finder.op(0, &kind.into())
}

/// Returns the lines that are touched, as deletes of them.
fn touched(finder: &Finder<'_>) -> Option<Action> {
    let (handle, plain) = (finder.handle?, finder.plain.as_ref()?);
    let lines = finder.splices.iter().map(|splice| plain.lines_of(&splice.range));
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
