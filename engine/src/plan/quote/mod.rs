//! A draft, resolved: what its quotes, hashes and positions mean in the content
//! that its author saw.
//!
//! A pure function. Text is exact; none, one and many are three answers. What
//! stands only in the file as it is now, and not in what the session was shown,
//! is not accepted, for its author looked at something else.

mod construct;
mod foresee;
mod nearest;
mod place;
mod plain;
mod refuse;
mod splice;

use std::ops::Range;
use std::sync::Arc;

pub use foresee::foresee;
pub use nearest::{Difference, Kind, Nearest};
pub use place::Way;

use crate::anchor::{Handle, View};
use crate::drift::Constructs;
use crate::edit::{Change, Edit};
use crate::error::{Code, Refusal};
use crate::format::{
    Action, Anchor, Body, Draft, DraftFile, FileScript, Find, Hint, Hunk, LAST, Op, OpKind,
    Position, Quote, Row, Script, Task,
};
use crate::snapshot::Snapshot;
use crate::text::{Eol, byte_column, lines_of_text, utf16_column};
use place::{Places, place};
use plain::{Needle, Plain};
use refuse::{ambiguous, never_shown, nowhere, unseen};
use splice::Splice;

/// The most places that one quote may replace at once, and the most
/// operations that one file may come to.
const OPERATIONS: usize = 10_000;

/// The most bytes that the finds of one file may look through, all together.
const WORK: usize = 8 << 30;

/// The most candidates that an answer names.
const CANDIDATES: usize = 8;

/// Of a candidate of more lines than the first, only as many as the second say
/// are shown.
const LONG: usize = 20;
const BEGINNING: usize = 3;

/// What is known of one file of a draft.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The content behind the draft's handle, or, where it has none, the one
    /// that the session was shown last of this path; `None` where it was shown
    /// none.
    pub shown: Option<Shown>,
    /// Its content at this moment; `None` where there is no such file.
    pub now: Option<Arc<Snapshot>>,
}

/// A content and what the session was shown of it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its name.
    pub handle: Handle,
    /// The content.
    pub snapshot: Arc<Snapshot>,
    /// The lines of it that the session was shown.
    pub view: View,
}

/// The place of one quote, as somebody chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Index of the file in the draft.
    pub file: usize,
    /// Index of the find in the file.
    pub find: usize,
    /// The lines (0-based) of the content that was shown: one of the
    /// candidates, whose text must stand there.
    pub lines: Range<usize>,
}

/// A draft and everything known of its files.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The same edit in lines.
    pub script: Script,
    /// For each file, how the place of each of its finds was settled.
    pub ways: Vec<Vec<Way>>,
    /// For each file and each of its operations, the find it comes from.
    pub finds: Vec<Vec<usize>>,
}

/// A draft that names no place, or too many.
#[derive(Debug, Clone)]
pub struct Unresolved {
    /// The reason, with its file and, as operation, its find.
    pub refusal: Refusal,
    /// Index of the refused file in the draft.
    pub file: usize,
    /// Whether the lines below are those of now, not of what was shown.
    pub of_now: bool,
    /// The lines (0-based) of every place that fits, the first few of them.
    pub candidates: Vec<Range<usize>>,
    /// What a quote that fits nowhere was perhaps meant to be.
    pub nearest: Option<Nearest>,
}

impl Unresolved {
    /// Returns the lines that the author has to look at; of long candidates, how
    /// they begin.
    pub fn rows(&self) -> Vec<Range<usize>> {
        let nearest = self.nearest.iter().map(|nearest| nearest.lines.clone());
        let begin = |lines: &Range<usize>| match lines.len() > LONG {
            true => lines.start..lines.start + BEGINNING,
            false => lines.clone(),
        };
        self.candidates.iter().map(begin).chain(nearest).collect()
    }
}

impl From<Refusal> for Unresolved {
    fn from(refusal: Refusal) -> Unresolved {
        Unresolved { refusal, file: 0, of_now: false, candidates: Vec::new(), nearest: None }
    }
}

/// Returns the script that `draft` comes to; `known` holds one entry a file.
///
/// # Errors
/// [`Unresolved`] with the first find that cannot be settled: `not_found`,
/// `ambiguous`, `unseen` where it stands only in what the session was never
/// shown, `stale` where a hash is not that of its line, `overlap` where two
/// meet, `missing`, `exists`, `encoding`, `malformed`.
pub fn resolve(
    draft: &Draft,
    known: &[Known],
    choices: &[Choice],
) -> Result<Resolved, Box<Unresolved>> {
    resolve_with(draft, known, choices, None)
}

/// Returns what [`resolve`] does; `constructs` finds what is named by a name path.
///
/// # Errors
/// As [`resolve`]; `unsupported` where such a name cannot be looked up.
pub fn resolve_with(
    draft: &Draft,
    known: &[Known],
    choices: &[Choice],
    constructs: Option<&dyn Constructs>,
) -> Result<Resolved, Box<Unresolved>> {
    let mut resolved = Resolved { script: Script::default(), ways: Vec::new(), finds: Vec::new() };
    for (index, (file, known)) in draft.files.iter().zip(known).enumerate() {
        let chosen = choices.iter().filter(|choice| choice.file == index);
        let chosen: Vec<&Choice> = chosen.collect();
        let found = resolve_file(file, known, &chosen, constructs).map_err(|mut unresolved| {
            unresolved.file = index;
            unresolved.refusal = unresolved.refusal.clone().at(&file.path);
            unresolved
        })?;
        resolved.script.files.push(FileScript { path: file.path.clone(), action: found.action });
        resolved.ways.push(found.ways);
        resolved.finds.push(found.finds);
    }
    Ok(resolved)
}

/// What one file of a draft comes to.
struct Found {
    action: Action,
    ways: Vec<Way>,
    finds: Vec<usize>,
}

impl From<Action> for Found {
    fn from(action: Action) -> Found {
        Found { action, ways: Vec::new(), finds: Vec::new() }
    }
}

fn resolve_file(
    file: &DraftFile,
    known: &Known,
    chosen: &[&Choice],
    constructs: Option<&dyn Constructs>,
) -> Result<Found, Box<Unresolved>> {
    match &file.task {
        Task::Create { text } => Ok(Action::Create { text: text.clone() }.into()),
        Task::Write { text } => write(text, known).map_err(boxed),
        Task::Remove { old } => remove(old.as_ref(), known).map_err(boxed),
        Task::Edit { finds, final_newline, to } if finds.is_empty() && final_newline.is_none() => {
            let handle = shown(known).map_err(boxed)?.handle;
            let to = to.clone().ok_or_else(|| {
                boxed(Refusal::new(Code::Malformed, "no operation for this file"))
            })?;
            Ok(Action::Move { handle, to: to.path, to_handle: to.handle }.into())
        }
        Task::Edit { finds, final_newline, to } => {
            let mut found = match finds.iter().any(|find| matches!(find, Find::Symbol { .. })) {
                false => Finder::of(known, chosen)?.edit(finds, *final_newline)?,
                true => {
                    let finder = Finder::of(known, &[])?;
                    let expanded = construct::expand(&file.path, finds, known, chosen, constructs)?;
                    finder.edit_of(&expanded, *final_newline)?
                }
            };
            if let (Action::Edit { handle, ops, final_newline }, Some(to)) = (&found.action, to) {
                found.action = Action::EditAndMove {
                    handle: *handle,
                    ops: ops.clone(),
                    final_newline: *final_newline,
                    to: to.path.clone(),
                    to_handle: to.handle,
                };
            }
            Ok(found)
        }
    }
}

fn boxed(refusal: Refusal) -> Box<Unresolved> {
    Box::new(refusal.into())
}

/// Returns what the session was shown, where the file is still there.
fn shown(known: &Known) -> Result<&Shown, Refusal> {
    match (&known.shown, &known.now) {
        (_, None) => Err(Refusal::new(Code::Missing, "the file is not there")),
        (None, Some(_)) => {
            Err(Refusal::new(Code::Unseen, "this session was never shown the file; read it first"))
        }
        (Some(shown), Some(_)) => Ok(shown),
    }
}

/// A whole file comes to be where the session saw none, and replaces what it
/// saw.
fn write(text: &str, known: &Known) -> Result<Found, Refusal> {
    let text = text.to_owned();
    match (&known.shown, &known.now) {
        (None, None) => Ok(Action::Create { text }.into()),
        _ => Ok(Action::Write { handle: shown(known)?.handle, text }.into()),
    }
}

/// A file goes, if it holds the lines that its author says it holds.
fn remove(old: Option<&Hunk>, known: &Known) -> Result<Found, Refusal> {
    let shown = shown(known)?;
    if let Some(hunk) = old {
        let rows = bytes(hunk.rows.iter().filter_map(Row::before));
        let newline = shown.snapshot.lines.final_newline();
        let same = Plain::of(&shown.snapshot).bytes() == rows;
        if !same || hunk.newline.0.is_some_and(|said| said != newline && !rows.is_empty()) {
            let text = "the file holds other lines than those that are to be removed";
            return Err(Refusal::new(Code::NotFound, text));
        }
    }
    Ok(Action::Remove { handle: shown.handle }.into())
}

/// Looks up the finds of one file.
struct Finder<'a> {
    handle: Option<Handle>,
    /// What the session was shown.
    plain: Option<Plain<'a>>,
    snapshot: Option<&'a Snapshot>,
    view: View,
    /// What stands there now, where that is something else.
    now: Option<&'a Snapshot>,
    chosen: &'a [&'a Choice],
    splices: Vec<Splice>,
    ways: Vec<Way>,
    newline: Option<bool>,
    /// The bytes that were looked through so far.
    work: usize,
}

impl<'a> Finder<'a> {
    fn of(known: &'a Known, chosen: &'a [&'a Choice]) -> Result<Finder<'a>, Box<Unresolved>> {
        let Some(now) = &known.now else {
            return Err(boxed(Refusal::new(Code::Missing, "the file is not there")));
        };
        let shown = known.shown.as_ref();
        let snapshot = shown.map(|shown| &*shown.snapshot);
        let encoding = snapshot.unwrap_or(now).encoding;
        if !encoding.is_text() {
            let text =
                format!("the file is {}, which cannot be edited as lines", encoding.as_str());
            return Err(boxed(Refusal::new(Code::Encoding, text)));
        }
        let is_other = snapshot.is_none_or(|snapshot| snapshot.hash != now.hash);
        Ok(Finder {
            handle: shown.map(|shown| shown.handle),
            plain: snapshot.map(Plain::of),
            snapshot,
            view: shown.map(|shown| shown.view.clone()).unwrap_or_default(),
            now: is_other.then_some(&**now).filter(|now| now.encoding.is_text()),
            chosen,
            splices: Vec::new(),
            ways: Vec::new(),
            newline: None,
            work: 0,
        })
    }

    /// Settles finds that were constructs, and tells of those.
    fn edit_of(
        self,
        expanded: &construct::Expanded,
        final_newline: Option<bool>,
    ) -> Result<Found, Box<Unresolved>> {
        let origins = &expanded.origins;
        let origin = |index: &usize| origins.get(*index).copied().unwrap_or(0);
        let mut found = self.edit(&expanded.finds, final_newline).map_err(|mut unresolved| {
            unresolved.refusal.op = unresolved.refusal.op.as_ref().map(origin);
            unresolved
        })?;
        found.finds = found.finds.iter().map(origin).collect();
        let firsts = (0..origins.len()).filter(|at| *at == 0 || origins[at - 1] != origins[*at]);
        found.ways = firsts.filter_map(|at| found.ways.get(at).cloned()).collect();
        Ok(found)
    }

    fn edit(
        mut self,
        finds: &[Find],
        final_newline: Option<bool>,
    ) -> Result<Found, Box<Unresolved>> {
        if let Some(mut ops) = plain_ops(finds) {
            let count = self.plain.as_ref().map_or(0, Plain::count);
            let mut indices: Vec<usize> = (0..ops.len()).collect();
            if count == 0 {
                // The start and the end are one place then, in this order.
                indices.sort_by_key(|index| ops[*index].lines().1 == LAST);
                ops.sort_by_key(|op| op.lines().1 == LAST);
            }
            ops.iter_mut().for_each(|op| settle_last(op, count));
            for (index, find) in finds.iter().enumerate() {
                if let Find::Hashed { anchors, .. } = find {
                    self.check_hashes(index, anchors)?;
                }
            }
            let handle = self.handle.ok_or_else(never_shown)?;
            self.ways.resize(finds.len(), Way::Only);
            return Ok(Found {
                action: Action::Edit { handle, ops, final_newline },
                ways: self.ways,
                finds: indices,
            });
        }
        for (index, find) in finds.iter().enumerate() {
            let way = self.find(index, find)?;
            self.ways.push(way);
            self.check_work().map_err(|refusal| boxed(refusal.op(index)))?;
        }
        let (Some(handle), Some(plain)) = (self.handle, &self.plain) else {
            return Err(never_shown());
        };
        let ended = self.snapshot.is_none_or(|snapshot| snapshot.lines.final_newline());
        let lines = splice::lines(plain, self.splices, ended).map_err(boxed)?;
        if lines.ops.is_empty() {
            return Err(boxed(Refusal::new(Code::NoChange, "every byte would stay as it is")));
        }
        let newline = final_newline.or(self.newline).or(lines.newline);
        let action = Action::Edit { handle, ops: lines.ops, final_newline: newline };
        Ok(Found { action, ways: self.ways, finds: lines.finds })
    }

    /// Refuses an edit that would take too long.
    fn check_work(&mut self) -> Result<(), Refusal> {
        self.work += self.plain.as_ref().map_or(0, |plain| plain.bytes().len());
        let text = match () {
            () if self.splices.len() > OPERATIONS => {
                format!("more than {OPERATIONS} places would change")
            }
            () if self.work > WORK => "too many edits for a file of this size".to_owned(),
            () => return Ok(()),
        };
        Err(Refusal::new(Code::TooLarge, text))
    }

    /// Settles one find, and keeps what it changes.
    fn find(&mut self, index: usize, find: &Find) -> Result<Way, Box<Unresolved>> {
        match find {
            Find::Text(quote) => self.quote(index, quote),
            Find::Rows(hunk) => self.hunk(index, hunk),
            Find::Span { start, end, new } => self.span(index, *start, *end, new),
            Find::Hashed { op, anchors } => {
                self.check_hashes(index, anchors)?;
                self.op(index, op)
            }
            Find::Lines(op) => self.op(index, op),
            Find::Symbol { name, .. } => {
                let text = format!("nobody here knows which lines {name:?} is");
                Err(boxed(Refusal::new(Code::Unsupported, text).op(index)))
            }
        }
    }

    fn quote(&mut self, index: usize, quote: &Quote) -> Result<Way, Box<Unresolved>> {
        let old = with_lf(&quote.old);
        let new = with_lf(&quote.new);
        if old.is_empty() {
            let text = "the old text is empty: quote the text that is to change";
            return Err(boxed(Refusal::new(Code::Malformed, text).op(index)));
        }
        let needle = Needle::anywhere(old.as_bytes());
        let pieces = vec![(0..old.len(), new.into_bytes())];
        match quote.all {
            true => self.everywhere(index, &old, &needle, &pieces),
            false => self.once(index, &old, &needle, &quote.hint, &pieces),
        }
    }

    fn hunk(&mut self, index: usize, hunk: &Hunk) -> Result<Way, Box<Unresolved>> {
        let old = bytes(hunk.rows.iter().filter_map(Row::before));
        let pieces = pieces(&hunk.rows);
        if old.is_empty() {
            let at = self.place_of_nothing(index, hunk)?;
            self.check_newline(index, hunk, at)?;
            self.keep_at(index, at, &pieces);
            return Ok(Way::Only);
        }
        let needle = Needle::whole_lines(&old);
        let old_text = String::from_utf8_lossy(&old);
        let known = self.splices.len();
        let way = self.once(index, &old_text, &needle, &hunk.hint, &pieces)?;
        if hunk.newline != (None, None) {
            let plain = self.plain.as_ref().map_or(0, |plain| plain.bytes().len());
            let first = self.splices.get(known).map_or(plain, |splice| splice.range.start);
            let lead = pieces.first().map_or(0, |(range, _)| range.start);
            self.check_newline(index, hunk, first - lead.min(first) + old.len())?;
        }
        Ok(way)
    }

    /// Changes the one place where a text stands; where it stands in none, or
    /// in several, perhaps it stands in one after the edits before it.
    fn once(
        &mut self,
        index: usize,
        old: &str,
        needle: &Needle<'_>,
        hint: &Hint,
        pieces: &[Piece],
    ) -> Result<Way, Box<Unresolved>> {
        match self.place(index, old, needle, hint) {
            Ok((at, way)) => {
                self.keep_at(index, at, pieces);
                Ok(way)
            }
            Err(unresolved) => {
                let later = self.after_earlier();
                self.work += later.as_ref().map_or(0, |(plain, _)| 4 * plain.bytes().len());
                let found = later.as_ref().map(|(plain, change)| {
                    (plain.find(needle, 0..plain.bytes().len(), 2), plain, change)
                });
                let Some((&[only], plain, change)) =
                    found.as_ref().map(|(at, plain, change)| (&at[..], plain, change))
                else {
                    return Err(unresolved);
                };
                let next = change_of(&[only], pieces, plain.bytes().len());
                self.splices = composed(&self.splices, index, &change.compose(&next));
                Ok(Way::Only)
            }
        }
    }

    /// Changes every place where a text stands, after the edits before it.
    fn everywhere(
        &mut self,
        index: usize,
        old: &str,
        needle: &Needle<'_>,
        pieces: &[Piece],
    ) -> Result<Way, Box<Unresolved>> {
        let Some(plain) = &self.plain else { return Err(self.not_found(index, old, needle)) };
        let Some((later, change)) = self.after_earlier() else {
            let found = plain.find_disjoint(needle, OPERATIONS + 1);
            if found.is_empty() {
                return Err(self.not_found(index, old, needle));
            }
            found.into_iter().for_each(|at| self.keep_at(index, at, pieces));
            return Ok(Way::Only);
        };
        self.work += 4 * later.bytes().len();
        let found = later.find_disjoint(needle, OPERATIONS + 1);
        if found.is_empty() {
            return Err(self.not_found(index, old, needle));
        }
        let next = change_of(&found, pieces, later.bytes().len());
        self.splices = composed(&self.splices, index, &change.compose(&next));
        Ok(Way::Only)
    }

    /// Returns the rows after the finds so far, and what they change; `None`
    /// where nothing changes yet, or two of them meet, which is refused later.
    fn after_earlier(&self) -> Option<(Plain<'static>, Change)> {
        let plain = self.plain.as_ref().filter(|_| !self.splices.is_empty())?;
        let mut edits: Vec<Edit> = (self.splices.iter())
            .map(|splice| Edit { range: splice.range.clone(), text: splice.text.clone() })
            .collect();
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        let change = Change::new(edits, plain.bytes().len()).ok()?;
        Some((Plain::of_rows(change.apply(plain.bytes())), change))
    }

    /// Returns where rows come that stand between no others: at the line that
    /// the hunk names, else at the end.
    fn place_of_nothing(&self, index: usize, hunk: &Hunk) -> Result<usize, Box<Unresolved>> {
        let plain = self.plain.as_ref().ok_or_else(never_shown)?;
        let refuse = |text: &str| boxed(Refusal::new(Code::Malformed, text).op(index));
        match (hunk.hint.line, hunk.hint.under.is_empty()) {
            (_, false) => Err(refuse("lines come below a header; quote the line they come after")),
            (Some(line), _) if line > plain.count() + 1 || line == 0 => {
                Err(refuse(&format!("line {line} lies beyond the {} lines", plain.count())))
            }
            (Some(line), _) => Ok(plain.start(line - 1)),
            (None, _) => Ok(plain.bytes().len()),
        }
    }

    /// Holds what a hunk says of the end of the file against the file.
    fn check_newline(
        &mut self,
        index: usize,
        hunk: &Hunk,
        end: usize,
    ) -> Result<(), Box<Unresolved>> {
        let (Some(plain), Some(snapshot)) = (&self.plain, self.snapshot) else { return Ok(()) };
        let (before, after) = hunk.newline;
        if before.is_none() && after.is_none() {
            return Ok(());
        }
        let reaches = end == plain.bytes().len();
        let right = before.is_none_or(|newline| newline == snapshot.lines.final_newline());
        if !reaches || !right {
            let text = match reaches {
                false => "the end of the file is not where the hunk says",
                true => "the file ends otherwise: with or without a newline",
            };
            return Err(boxed(Refusal::new(Code::NotFound, text).op(index)));
        }
        self.newline = after.filter(|newline| *newline != snapshot.lines.final_newline());
        Ok(())
    }

    /// Returns where a text stands that must stand in one place.
    fn place(
        &self,
        index: usize,
        old: &str,
        needle: &Needle<'_>,
        hint: &Hint,
    ) -> Result<(usize, Way), Box<Unresolved>> {
        let Some(plain) = &self.plain else { return Err(self.not_found(index, old, needle)) };
        if let Some(choice) = self.chosen.iter().find(|choice| choice.find == index) {
            return chosen(plain, needle, choice).map_err(boxed);
        }
        match place(plain, needle, hint, &self.view) {
            Places::One(at, way) => Ok((at, way)),
            Places::None => Err(self.not_found(index, old, needle)),
            Places::NoHeader(name) => {
                let text = format!("no line reads {name:?}, below which the edit is to be");
                Err(boxed(Refusal::new(Code::NotFound, text).op(index)))
            }
            Places::Many(found) => Err(ambiguous(plain, index, needle, &found, false)),
        }
    }

    /// Returns the refusal of a text that does not stand in what was shown:
    /// perhaps it stands in the file as it is now.
    fn not_found(&self, index: usize, old: &str, needle: &Needle<'_>) -> Box<Unresolved> {
        if let Some(now) = self.now.map(Plain::of) {
            let found = now.find(needle, 0..now.bytes().len(), CANDIDATES + 1);
            match found[..] {
                [] => {}
                [_] => return unseen(&now, index, needle, &found),
                _ => return ambiguous(&now, index, needle, &found, true),
            }
            if self.plain.is_none() {
                return nowhere(&now, &View::default(), (index, old), needle, true);
            }
        }
        match &self.plain {
            Some(plain) => nowhere(plain, &self.view, (index, old), needle, false),
            None => never_shown(),
        }
    }

    fn span(
        &mut self,
        index: usize,
        start: Position,
        end: Position,
        new: &str,
    ) -> Result<Way, Box<Unresolved>> {
        let plain = self.plain.as_ref().ok_or_else(never_shown)?;
        let refuse = |text: String| boxed(Refusal::new(Code::Malformed, text).op(index));
        if end < start {
            return Err(refuse("the range ends before it begins".into()));
        }
        // A server ends a line at a lone CR as well, and so counts others.
        let is_cr = self.snapshot.is_some_and(|snapshot| snapshot.eol() == Eol::Cr);
        if !is_cr && memchr::memchr(b'\r', plain.bytes()).is_some() {
            let text = "a lone CR stands in the file, so positions are not certain";
            return Err(boxed(Refusal::new(Code::Encoding, text).op(index)));
        }
        let offset = |at: Position| offset(plain, at).map_err(refuse);
        let range = offset(start)?..offset(end)?;
        self.keep(index, range, with_lf(new).into_bytes());
        Ok(Way::Only)
    }

    fn check_hashes(&self, index: usize, anchors: &[Anchor]) -> Result<(), Box<Unresolved>> {
        let plain = self.plain.as_ref().ok_or_else(never_shown)?;
        let refuse = |code, text: String| boxed(Refusal::new(code, text).op(index));
        for anchor in anchors {
            let line = anchor.line;
            if line == 0 || line > plain.count() {
                let text = format!("line {line} lies beyond the {} lines", plain.count());
                return Err(refuse(Code::Malformed, text));
            }
            if !anchor.fits(plain.line(line - 1)) {
                let text = format!("line {line} is not the line of that hash");
                let mut unresolved = refuse(Code::Stale, text);
                unresolved.candidates.push(line - 1..line);
                return Err(unresolved);
            }
        }
        Ok(())
    }

    /// Keeps an operation that names its lines by number, among others that do
    /// not.
    fn op(&mut self, index: usize, op: &Op) -> Result<Way, Box<Unresolved>> {
        let plain = self.plain.as_ref().ok_or_else(never_shown)?;
        let mut op = op.clone();
        settle_last(&mut op, plain.count());
        let refuse = |text: String| boxed(Refusal::new(Code::Malformed, text).op(index));
        let (first, last) = op.lines();
        let count = plain.count();
        let is_range = matches!(op.kind, OpKind::Insert { .. }) || first <= last;
        if first == 0 || last > count || first > count + 1 || !is_range {
            return Err(refuse(format!("lines {first}-{last} are no range of {count} lines")));
        }
        let range = plain.start(first - 1)..plain.start(last);
        let text = match &op.kind {
            OpKind::Replace { body, .. } | OpKind::Insert { body, .. } => match body {
                Body::Text(text) => lines_of_text(text),
                Body::Register(name) => {
                    return Err(refuse(format!("no delete of this call fills register {name}")));
                }
            },
            OpKind::Delete { .. } => Ok(Vec::new()),
        };
        let rows = text.map_err(|refusal| boxed(refusal.op(index)))?;
        self.keep(index, range, bytes(rows.into_iter()));
        Ok(Way::Only)
    }

    fn keep_at(&mut self, find: usize, at: usize, pieces: &[Piece]) {
        for (range, text) in pieces {
            self.keep(find, at + range.start..at + range.end, text.clone());
        }
    }

    fn keep(&mut self, find: usize, range: Range<usize>, text: Vec<u8>) {
        if !(range.is_empty() && text.is_empty()) {
            self.splices.push(Splice { range, text, find });
        }
    }
}

/// Puts what comes behind the last line behind line `count`.
fn settle_last(op: &mut Op, count: usize) {
    if let OpKind::Insert { after: after @ LAST, .. } = &mut op.kind {
        *after = count;
    }
}

/// Returns the operations of finds that all name lines by number.
fn plain_ops(finds: &[Find]) -> Option<Vec<Op>> {
    let op = |find: &Find| match find {
        Find::Lines(op) | Find::Hashed { op, .. } => Some(op.clone()),
        _ => None,
    };
    finds.iter().map(op).collect()
}

/// Returns the byte at a position; a column beyond its line is the end of it.
fn offset(plain: &Plain<'_>, at: Position) -> Result<usize, String> {
    let (line, count) = (at.line, plain.count());
    if line > count || line == count && at.character > 0 {
        return Err(format!("line {} lies beyond the {count} lines", line.saturating_add(1)));
    }
    if line == count {
        return Ok(plain.bytes().len());
    }
    let text = plain.line(line);
    let column = byte_column(text, at.character);
    if column < text.len() && utf16_column(text, column) != at.character {
        let (column, line) = (at.character, line + 1);
        return Err(format!("column {column} of line {line} lies inside of a character"));
    }
    Ok(plain.start(line) + column)
}

/// What becomes of a part of a quoted text, in bytes of it.
type Piece = (Range<usize>, Vec<u8>);

/// Returns what rows change of the text that they stand for.
fn pieces(rows: &[Row]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for run in
        rows.chunk_by(|one, next| matches!(one, Row::Keep(_)) == matches!(next, Row::Keep(_)))
    {
        let gone = bytes(run.iter().filter_map(Row::before)).len();
        if !matches!(run[0], Row::Keep(_)) {
            pieces.push((at..at + gone, bytes(run.iter().filter_map(Row::after))));
        }
        at += gone;
    }
    pieces
}

/// Returns the change of `pieces` at each of these places, of a text of `len`
/// bytes.
fn change_of(places: &[usize], pieces: &[Piece], len: usize) -> Change {
    let edit = |at: &usize, (range, text): &Piece| Edit {
        range: at + range.start..at + range.end,
        text: text.clone(),
    };
    let edits = places.iter().flat_map(|at| pieces.iter().map(move |piece| edit(at, piece)));
    Change::new(edits.collect(), len).expect("BUG: places are sorted and disjoint")
}

/// Returns the splices that a change makes which goes beyond `earlier` ones by
/// what find `index` asks for.
fn composed(earlier: &[Splice], index: usize, change: &Change) -> Vec<Splice> {
    let find = |edit: &Edit| {
        let touches = |splice: &&Splice| {
            splice.range.start <= edit.range.end && edit.range.start <= splice.range.end
        };
        earlier.iter().find(touches).map_or(index, |splice| splice.find)
    };
    let splice = |edit: &Edit| Splice {
        range: edit.range.clone(),
        text: edit.text.clone(),
        find: find(edit),
    };
    change.edits().iter().map(splice).collect()
}

/// Returns rows, each ended by LF.
fn bytes<'a>(rows: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        bytes.extend_from_slice(row.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Returns where the text stands that was chosen among candidates.
fn chosen(
    plain: &Plain<'_>,
    needle: &Needle<'_>,
    choice: &Choice,
) -> Result<(usize, Way), Refusal> {
    let Range { start, end } = choice.lines;
    let within = plain.start(start)..plain.start(end.min(plain.count()));
    let found = match within.start <= within.end {
        true => plain.find(needle, within, 2),
        false => Vec::new(),
    };
    match found[..] {
        [only] => Ok((only, Way::Chosen)),
        [] => Err(Refusal::new(Code::NotFound, "the text does not stand there").op(choice.find)),
        _ => Err(Refusal::new(Code::Ambiguous, "the text stands there twice").op(choice.find)),
    }
}
