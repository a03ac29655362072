//! Places: from what a caller says of a symbol to its bytes in the content of
//! now. None, one and many are three answers.

use std::ops::Range;
use std::sync::Arc;

use engine::anchor::Handle;
use engine::drift::{Since, Trail};
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::store::RelPath;
use grammars::outline::Resolution;
use lsp_bridge::census::in_snapshot;

use super::reject::{Cure, Rejected, Rows};
use crate::service::Service;
use crate::service::api::Spot;
use crate::service::languages::document;
use crate::service::workspace::state_refusal;

/// Candidates of one answer.
const CANDIDATES_MAX: usize = 20;

/// A symbol where it stands.
pub(super) struct Place {
    pub(super) path: RelPath,
    /// The bytes of its name.
    pub(super) range: Range<usize>,
    pub(super) name: String,
}

/// Returns the place that `spot` means.
///
/// # Errors
/// `not_found` or `ambiguous`, with the rows of the lines that could be meant;
/// `stale` where the line of an older content was changed since.
pub(super) fn find(service: &Service, spot: &Spot) -> Result<Place, Rejected> {
    let (path, snapshot) = now(service, &spot.path)?;
    let search = Search { service, spot, path: &path, snapshot: &snapshot };
    let range = match (&spot.symbol, spot.line, &spot.name) {
        (Some(symbol), None, _) => search.by_symbol(symbol)?,
        (None, Some(line), name) => search.in_line(line, name.as_deref())?,
        (None, None, Some(name)) => search.by_name(name)?,
        _ => {
            let text = "say where the symbol stands: line and name, symbol, or name";
            return Err(search.refuse(Code::Malformed, text));
        }
    };
    let name = String::from_utf8_lossy(&snapshot.bytes[range.clone()]).into_owned();
    Ok(Place { path, range, name })
}

/// Returns the file that is meant with its content of now.
///
/// # Errors
/// `missing` where there is none, or what speaks against the path.
pub(super) fn now(service: &Service, path: &str) -> Result<(RelPath, Arc<Snapshot>), Refusal> {
    let path = service.workspace.locate(path)?;
    let snapshot = document(&service.workspace, &path)?;
    match snapshot {
        Some(snapshot) => Ok((path, snapshot)),
        None => Err(Refusal::new(Code::Missing, "the file is not there").at(path.as_str())),
    }
}

/// Returns the lines of the content of now that `lines` (from 0) of the content
/// behind `handle` are.
///
/// # Errors
/// `stale` where they were changed since, and what speaks against the handle.
pub(super) fn carried(
    service: &Service,
    (path, now): (&RelPath, &Snapshot),
    handle: Handle,
    lines: &Range<usize>,
) -> Result<Range<usize>, Refusal> {
    let workspace = &service.workspace;
    let hash = workspace.named(path, handle)?;
    if hash == now.hash {
        return Ok(lines.clone());
    }
    let seen = workspace.content(path, &hash)?;
    let since = workspace.since(path, &hash, &now.hash).map_err(|error| state_refusal(&error))?;
    let moved = match &since {
        Since::Same => Some(lines.clone()),
        since => Trail::of(since, &seen, now, path.as_str(), Some(&*service.syntax)).follow(lines),
    };
    moved.ok_or_else(|| {
        let text = "the line was changed since it was read";
        Refusal::new(Code::Stale, text).at(path.as_str())
    })
}

struct Search<'a> {
    service: &'a Service,
    spot: &'a Spot,
    path: &'a RelPath,
    snapshot: &'a Arc<Snapshot>,
}

impl Search<'_> {
    fn in_line(&self, line: usize, name: Option<&str>) -> Result<Range<usize>, Rejected> {
        let total = self.snapshot.line_count();
        let index = line.checked_sub(1).filter(|_| line <= total || self.spot.handle.is_some());
        let Some(index) = index else {
            let text = format!("there is no line {line}; the file has {total}");
            return Err(self.refuse(Code::NotFound, &text));
        };
        let index = match self.spot.handle {
            None => index,
            Some(handle) => {
                let lines = index..index + 1;
                let moved = carried(self.service, (self.path, self.snapshot), handle, &lines);
                moved.map_err(|refusal| self.stale(refusal, index))?.start
            }
        };
        match name {
            Some(name) => self.named_in(index, name),
            None => self.at_column(index),
        }
    }

    /// Returns where the name stands in a line (from 0), at the column where one
    /// is given.
    fn named_in(&self, line: usize, name: &str) -> Result<Range<usize>, Rejected> {
        let found = in_snapshot(name, self.path.as_str(), self.snapshot);
        let found = found.into_iter().filter(|found| found.line == line).map(|found| found.range);
        let found: Vec<Range<usize>> = found.collect();
        let at = self.spot.column.map(|column| self.byte(line, column));
        let meant =
            |range: &&Range<usize>| at.is_none_or(|at| range.start <= at && at <= range.end);
        let mut meant = found.iter().filter(meant);
        match (meant.next(), meant.next()) {
            (Some(one), None) => Ok(one.clone()),
            (None, _) => {
                let text = format!("{name:?} does not stand in line {}", line + 1);
                Err(self.show(Code::NotFound, &text, std::iter::once(line)))
            }
            (Some(_), Some(_)) => {
                let columns = found.iter().map(|range| self.column(range.start).to_string());
                let columns = columns.collect::<Vec<_>>().join(", ");
                let text = format!(
                    "{name:?} stands in the line several times; give its column: {columns}"
                );
                Err(self.show(Code::Ambiguous, &text, std::iter::once(line)))
            }
        }
    }

    fn at_column(&self, line: usize) -> Result<Range<usize>, Rejected> {
        let Some(column) = self.spot.column else {
            let text = "give the name of the symbol in the line, or its column";
            return Err(self.show(Code::Malformed, text, std::iter::once(line)));
        };
        let at = self.byte(line, column);
        let bytes = &self.snapshot.bytes;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        let start = (0..at).rev().take_while(|&at| is_part(bytes[at])).last().unwrap_or(at);
        let end = (at..bytes.len()).take_while(|&at| is_part(bytes[at])).last();
        match end.map_or(at, |last| last + 1) {
            end if end > start => Ok(start..end),
            _ => {
                let text = format!("no name stands at column {column}");
                Err(self.show(Code::NotFound, &text, std::iter::once(line)))
            }
        }
    }

    /// Returns the byte of a character in a line (from 0); the end of the line
    /// where it has fewer.
    fn byte(&self, line: usize, column: usize) -> usize {
        let start = self.snapshot.lines.start(line).max(self.bom(line));
        let row = String::from_utf8_lossy(self.snapshot.line(line));
        let row = row.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        let ends = row.char_indices().map(|(at, _)| at).chain([row.len()]);
        start + ends.clone().nth(column.saturating_sub(1)).unwrap_or(row.len())
    }

    fn bom(&self, line: usize) -> usize {
        if line == 0 { self.snapshot.lines.bom() } else { 0 }
    }

    fn column(&self, at: usize) -> usize {
        let line = self.snapshot.lines.line_at(at);
        let start = self.snapshot.lines.start(line).max(self.bom(line)).min(at);
        String::from_utf8_lossy(&self.snapshot.bytes[start..at]).chars().count() + 1
    }

    /// Returns the name of the symbol that has this path.
    fn by_symbol(&self, symbol: &str) -> Result<Range<usize>, Rejected> {
        let outline = self.service.syntax.outline(self.path.as_str(), self.snapshot);
        let outline = outline.map_err(|_| {
            let text = "nobody here knows what the file defines; give line and name";
            self.refuse(Code::Unsupported, text)
        })?;
        let symbols = outline.symbols();
        match outline.resolve(symbol) {
            Resolution::One(index) => {
                let found = &symbols[index];
                let last = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$');
                let written = self.spot.name.as_deref();
                let name = symbol.rsplit(last).find(|part| !part.is_empty());
                self.named_in(found.line, written.or(name).unwrap_or(&found.name))
            }
            Resolution::None => {
                let text = format!("the file defines no {symbol:?}");
                Err(self.refuse(Code::NotFound, &text))
            }
            Resolution::Many(found) => {
                let text = format!("{symbol:?} could be one of several; name what it lies in");
                let lines = found.into_iter().map(|index| symbols[index].line);
                Err(self.show(Code::Ambiguous, &text, lines))
            }
        }
    }

    /// Returns where a name stands that is defined once in the file, or stands
    /// there once.
    fn by_name(&self, name: &str) -> Result<Range<usize>, Rejected> {
        let outline = self.service.syntax.outline(self.path.as_str(), self.snapshot).ok();
        let symbols = outline.as_ref().map_or(&[][..], |outline| outline.symbols());
        let defined = symbols.iter().filter(|symbol| symbol.name == name).map(|symbol| symbol.line);
        let defined: Vec<usize> = defined.collect();
        if let [line] = defined[..] {
            return self.named_in(line, name);
        }
        let found = in_snapshot(name, self.path.as_str(), self.snapshot);
        match &found[..] {
            [] => Err(self.refuse(Code::NotFound, &format!("{name:?} does not stand in the file"))),
            [one] => Ok(one.range.clone()),
            several => {
                let text = format!("{name:?} stands in several lines; name one");
                let all = several.iter().map(|one| one.line);
                let lines = if defined.is_empty() { all.collect() } else { defined };
                Err(self.show(Code::Ambiguous, &text, lines.into_iter()))
            }
        }
    }

    fn refuse(&self, code: Code, text: &str) -> Rejected {
        Rejected::of(Refusal::new(code, text).at(self.path.as_str()))
    }

    /// Returns a refusal that shows lines (from 0).
    fn show(&self, code: Code, text: &str, lines: impl Iterator<Item = usize>) -> Rejected {
        let mut lines: Vec<usize> = lines.take(CANDIDATES_MAX).collect();
        lines.dedup();
        let candidates = match code {
            Code::Ambiguous => lines.iter().map(|&line| line..line + 1).collect(),
            _ => Vec::new(),
        };
        let lines = lines.into_iter().map(|line| line..line + 1).collect();
        self.refuse(code, text).with(Cure { rows: self.rows(lines), candidates, ..Cure::default() })
    }

    fn stale(&self, refusal: Refusal, line: usize) -> Rejected {
        let total = self.snapshot.line_count();
        let line = line.min(total.saturating_sub(1));
        let rows = (refusal.code == Code::Stale)
            .then(|| self.rows(std::iter::once(line..line + 1).collect()))
            .flatten();
        Rejected::of(refusal).with(Cure { rows, ..Cure::default() })
    }

    fn rows(&self, lines: Vec<Range<usize>>) -> Option<Rows> {
        let handle = self.service.workspace.handle_of(self.path, &self.snapshot.hash).ok()?;
        Some(Rows { snapshot: Arc::clone(self.snapshot), handle, lines })
    }
}
