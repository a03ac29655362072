//! A script, said in another format: the draft that its author would have
//! written, for benches and for display.
//!
//! A script names lines; where a format quotes them, they come from the content
//! the script is about. A quote is the fewest lines that stand in one place.

use std::ops::Range;

use super::{
    Action, Body, Destination, Draft, DraftFile, FileScript, Find, Hint, Hunk, Op, OpKind,
    Position, Quote, Row, Script, Task,
};
use crate::error::{Code, Refusal};
use crate::text::lines_of_text;

/// The rows of context around a change in a diff or patch.
const CONTEXT: usize = 3;

/// The lines of a content, without their terminators.
#[derive(Debug, Clone, Default)]
pub struct Lines<'a> {
    /// The lines.
    pub lines: Vec<&'a str>,
    /// Whether the last of them is ended.
    pub final_newline: bool,
}

/// Returns the draft in the format called `name` that says what `script` says;
/// `content` gives the content behind a file's handle.
///
/// # Errors
/// `unsupported` where the format cannot say it, or needs a content that is not
/// given.
pub fn draft_in<'a>(
    name: &str,
    script: &Script,
    content: impl Fn(&str) -> Option<Lines<'a>>,
) -> Result<Draft, Refusal> {
    let file = |file: &FileScript| {
        let plain = DraftFile::from(file.clone());
        match &file.action {
            Action::Edit { ops, final_newline, .. } => {
                say(name, plain, ops, *final_newline, None, &content)
            }
            Action::EditAndMove { ops, final_newline, to, to_handle, .. } => {
                let to = Destination { path: to.clone(), handle: *to_handle };
                say(name, plain, ops, *final_newline, Some(to), &content)
            }
            _ => Ok(plain),
        }
    };
    Ok(Draft { files: script.files.iter().map(file).collect::<Result<_, _>>()? })
}

/// Returns one edited file as the format says it.
fn say<'a>(
    name: &str,
    file: DraftFile,
    ops: &[Op],
    final_newline: Option<bool>,
    to: Option<Destination>,
    content: &impl Fn(&str) -> Option<Lines<'a>>,
) -> Result<DraftFile, Refusal> {
    if matches!(name, "anchor" | "hashline" | "lines") {
        return Ok(file);
    }
    let refuse = || super::unsayable(&file, name);
    let Some(content) = content(&file.path) else {
        let text = "the content that is to be quoted is not given";
        return Err(Refusal::new(Code::Unsupported, text).at(&file.path));
    };
    let edit = Edit::of(content, ops).ok_or_else(refuse)?;
    let finds = match name {
        "lsp" => Some(edit.changes.iter().map(|change| edit.span(change)).collect()),
        "replace" => edit.quotes(),
        "blocks" => edit.blocks(),
        "udiff" => Some(edit.hunks(|_| true)),
        "patch" => {
            // It has no numbers, so the lines alone must say the place.
            let hunks = edit.hunks(|lines| lines.is_empty() || edit.stands_once(lines));
            let bare = |find| match find {
                Find::Rows(hunk) => Find::Rows(Hunk { rows: hunk.rows, ..Hunk::default() }),
                find => find,
            };
            Some(hunks.into_iter().map(bare).collect())
        }
        "whole" if to.is_none() => {
            let text = edit.result(final_newline).ok_or_else(refuse)?;
            return Ok(DraftFile { task: Task::Write { text }, ..file });
        }
        _ => None,
    };
    match finds.filter(|_| final_newline.is_none()) {
        None => Err(refuse()),
        Some(finds) => {
            let task = Task::Edit { finds, final_newline: None, to };
            let handle = file.handle.filter(|_| matches!(name, "lsp" | "replace"));
            Ok(DraftFile { handle, task, ..file })
        }
    }
}

/// Lines that go and lines that come.
struct Change {
    old: Range<usize>,
    new: Vec<String>,
}

/// An edit of one content.
struct Edit<'a> {
    content: Lines<'a>,
    /// Sorted and disjoint.
    changes: Vec<Change>,
    /// The rows of the content, each ended by LF, and where each starts.
    text: String,
    starts: Vec<usize>,
}

impl<'a> Edit<'a> {
    /// Returns the edit that `ops` make, unless they paste registers.
    fn of(content: Lines<'a>, ops: &[Op]) -> Option<Edit<'a>> {
        let mut changes: Vec<Change> = ops.iter().map(change).collect::<Option<_>>()?;
        changes.sort_by_key(|change| (change.old.start, change.old.end));
        let mut text = String::new();
        let mut starts = vec![0];
        for line in &content.lines {
            text.extend([line, "\n"]);
            starts.push(text.len());
        }
        let disjoint = changes.windows(2).all(|pair| pair[0].old.end <= pair[1].old.start);
        let within = changes.last().is_none_or(|last| last.old.end <= content.lines.len());
        (disjoint && within).then_some(Edit { content, changes, text, starts })
    }

    /// Returns the lines of `range` after the changes that lie in it.
    fn new_lines<'s>(&'s self, range: &Range<usize>, changes: &'s [Change]) -> Vec<&'s str> {
        let mut lines: Vec<&str> = Vec::new();
        let mut at = range.start;
        for change in changes {
            lines.extend(&self.content.lines[at..change.old.start]);
            lines.extend(change.new.iter().map(String::as_str));
            at = change.old.end;
        }
        lines.extend(&self.content.lines[at..range.end]);
        lines
    }

    fn old_text(&self, lines: &Range<usize>) -> &str {
        &self.text[self.starts[lines.start]..self.starts[lines.end]]
    }

    /// Returns the text after the edit.
    fn result(&self, final_newline: Option<bool>) -> Option<String> {
        let lines = self.new_lines(&(0..self.content.lines.len()), &self.changes);
        let mut text: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
        let ended = self.content.final_newline || self.content.lines.is_empty();
        if !final_newline.unwrap_or(ended) {
            text.pop();
        }
        Some(text)
    }

    fn span(&self, change: &Change) -> Find {
        let at = |line: usize| Position { line, character: 0 };
        let new = change.new.iter().flat_map(|line| [line, "\n"]).collect();
        Find::Span { start: at(change.old.start), end: at(change.old.end), new }
    }

    /// Returns the changes in groups, each with the fewest lines around it that
    /// satisfy `enough`; groups whose lines meet become one.
    fn grown(&self, enough: impl Fn(&Range<usize>) -> bool) -> Vec<(Range<usize>, &[Change])> {
        let total = self.content.lines.len();
        let mut groups: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        for (index, change) in self.changes.iter().enumerate() {
            let mut lines = grow(change.old.clone(), total, &enough);
            let mut changes = index..index + 1;
            while let Some((last, earlier)) = groups.pop_if(|(last, _)| lines.start < last.end) {
                lines = last.start.min(lines.start)..last.end.max(lines.end);
                changes.start = earlier.start;
            }
            groups.push((lines, changes));
        }
        groups.into_iter().map(|(lines, range)| (lines, &self.changes[range])).collect()
    }

    /// Returns whether the lines stand as whole lines in one place.
    fn stands_once(&self, lines: &Range<usize>) -> bool {
        let old = self.old_text(lines);
        let starts = |at: &usize| *at == 0 || self.text.as_bytes()[at - 1] == b'\n';
        !old.is_empty() && places(&self.text, old).filter(starts).nth(1).is_none()
    }

    /// Returns quotes that stand in one place as text.
    fn quotes(&self) -> Option<Vec<Find>> {
        let once = |lines: &Range<usize>| {
            let old = self.old_text(lines).trim_end_matches('\n');
            !old.is_empty() && places(&self.text, old).nth(1).is_none()
        };
        let quote = |(lines, changes): (Range<usize>, &[Change])| {
            let (old, new) = (self.old_text(&lines), self.new_lines(&lines, changes));
            // A quote that only removes lines takes their last line break too.
            let old = if new.is_empty() { old } else { old.strip_suffix('\n').unwrap_or(old) };
            let (old, new) = (old.to_owned(), new.join("\n"));
            (!old.is_empty()).then_some(Find::Text(Quote { old, new, ..Quote::default() }))
        };
        self.grown(once).into_iter().map(quote).collect()
    }

    /// Returns blocks whose old lines stand in one place.
    fn blocks(&self) -> Option<Vec<Find>> {
        let block = |(lines, changes): (Range<usize>, &[Change])| {
            let new = self.new_lines(&lines, changes);
            let gone = self.content.lines[lines.clone()].iter();
            let gone = gone.map(|line| Row::Remove((*line).to_owned()));
            let come = new.into_iter().map(|line| Row::Add(line.to_owned()));
            let rows: Vec<Row> = gone.chain(come).collect();
            let hunk = Hunk { rows, ..Hunk::default() };
            (!lines.is_empty()).then_some(Find::Rows(hunk))
        };
        self.grown(|lines| self.stands_once(lines)).into_iter().map(block).collect()
    }

    /// Returns hunks with their context: three lines, and more where `enough`
    /// is not satisfied.
    fn hunks(&self, enough: impl Fn(&Range<usize>) -> bool) -> Vec<Find> {
        let total = self.content.lines.len();
        let around = |lines: &Range<usize>| {
            lines.start.saturating_sub(CONTEXT)..(lines.end + CONTEXT).min(total)
        };
        let mut groups: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        for (index, change) in self.changes.iter().enumerate() {
            let mut lines = grow(around(&change.old), total, &enough);
            let mut changes = index..index + 1;
            while let Some((last, earlier)) = groups.pop_if(|(last, _)| lines.start <= last.end) {
                lines = last.start.min(lines.start)..last.end.max(lines.end);
                changes.start = earlier.start;
            }
            groups.push((lines, changes));
        }
        let find = |(lines, changes): (Range<usize>, Range<usize>)| {
            Find::Rows(self.hunk(lines, &self.changes[changes]))
        };
        groups.into_iter().map(find).collect()
    }

    fn hunk(&self, lines: Range<usize>, changes: &[Change]) -> Hunk {
        let keep = |lines: Range<usize>| {
            self.content.lines[lines].iter().map(|line| Row::Keep((*line).to_owned()))
        };
        let mut rows = Vec::new();
        let mut at = lines.start;
        for change in changes {
            rows.extend(keep(at..change.old.start));
            let gone = self.content.lines[change.old.clone()].iter();
            rows.extend(gone.map(|line| Row::Remove((*line).to_owned())));
            rows.extend(change.new.iter().cloned().map(Row::Add));
            at = change.old.end;
        }
        rows.extend(keep(at..lines.end));
        let to_end = lines.end == self.content.lines.len();
        let bare = to_end && !self.content.final_newline && !self.content.lines.is_empty();
        let newline = if bare { (Some(false), Some(false)) } else { (None, None) };
        let hint = Hint { line: Some(lines.start + 1), ..Hint::default() };
        Hunk { rows, newline, hint }
    }
}

fn change(op: &Op) -> Option<Change> {
    let lines = |body: &Body| match body {
        Body::Text(text) => {
            Some(lines_of_text(text).ok()?.into_iter().map(str::to_owned).collect())
        }
        Body::Register(_) => None,
    };
    match &op.kind {
        OpKind::Replace { lines: (first, last), body } => {
            Some(Change { old: first.checked_sub(1)?..*last, new: lines(body)? })
        }
        OpKind::Insert { after, body } => Some(Change { old: *after..*after, new: lines(body)? }),
        OpKind::Delete { lines: (first, last), register: None } => {
            Some(Change { old: first.checked_sub(1)?..*last, new: Vec::new() })
        }
        OpKind::Delete { .. } => None,
    }
}

/// Returns the fewest lines around `lines` that satisfy `enough`, those before
/// it first; all lines where none do.
fn grow(
    lines: Range<usize>,
    total: usize,
    enough: &impl Fn(&Range<usize>) -> bool,
) -> Range<usize> {
    let widest = lines.start + (total - lines.end);
    for more in 0..=widest {
        let fewest_after = more.saturating_sub(lines.start);
        let most_after = more.min(total - lines.end);
        for after in fewest_after..=most_after {
            let wider = lines.start - (more - after)..lines.end + after;
            if enough(&wider) {
                return wider;
            }
        }
    }
    0..total
}

/// Returns where `part` stands in `text`, overlapping places too.
fn places<'t>(text: &'t str, part: &'t str) -> impl Iterator<Item = usize> + 't {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = at + memchr::memmem::find(text.as_bytes().get(at..)?, part.as_bytes())?;
        at = found + 1;
        Some(found)
    })
}
