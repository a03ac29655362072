//! The queries: from a syntax tree to an outline.
//!
//! A pattern of `queries/*.scm` captures one definition under its kind, and
//! within it
//!
//! - `@name`, one or several: the name is all from the first to the last;
//! - `@owner`: what it belongs to without standing in it, as methods in Go;
//! - `@id`: what tells it from others of its name;
//! - `@body`: what can be left out of its signature.
//!
//! `@lead` captures what belongs to the definition that follows it at once, and
//! `@where` and `@call` serve the conditions of the query alone. Where two patterns
//! find the same definition, the one that comes first in the file counts; where
//! two definitions have the same name node, the outer one.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use engine::snapshot::Snapshot;
use engine::text::BOM;
use tree_sitter::{
    Query, QueryCursor, QueryCursorOptions, QueryCursorState, QueryMatch, StreamingIterator, Tree,
};

use super::name::{one_line, plain};
use super::{KINDS, Outline, Symbol};
use crate::language::Language;

/// Symbols beyond this number say nothing more to anyone.
const SYMBOLS_MAX: usize = 100_000;

/// States that a query may keep open at one time.
const MATCHES_MAX: u32 = 4096;

/// The most characters of a signature.
const SIGNATURE_MAX: usize = 160;

/// What became of an outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collected {
    /// The outline of the whole content.
    Outline(Outline),
    /// The language has no query.
    NoQuery,
    /// There are more symbols than anyone reads.
    TooMany,
    /// The time was over before the end was reached.
    TimedOut,
}

/// Returns the outline of `snapshot`, whose syntax tree is `tree`.
pub fn collect(language: &Language, tree: &Tree, snapshot: &Snapshot, time: Duration) -> Collected {
    let Some(pattern) = Pattern::of(language) else {
        return Collected::NoQuery;
    };
    let mut found = match run(pattern, tree, &snapshot.bytes, time) {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    found.drop_doubles();
    found.extend_sections(&snapshot.bytes);
    let leads = Leads::of(found.leads, &snapshot.bytes);
    let symbols = found.definitions.into_iter().map(|one| symbol(one, &leads, snapshot));
    let outline = Outline::of(symbols.collect());
    Collected::Outline(if language.has_clauses { join_clauses(outline) } else { outline })
}

/// A query, and what its captures mean.
struct Pattern {
    query: Query,
    roles: Vec<Role>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Kind(&'static str),
    Name,
    Owner,
    Id,
    Body,
    Lead,
    Condition,
}

impl Pattern {
    /// Returns the pattern of a language of the registry, compiled once.
    fn of(language: &Language) -> Option<&'static Pattern> {
        static PATTERNS: LazyLock<Vec<OnceLock<Option<Pattern>>>> =
            LazyLock::new(|| Language::all().iter().map(|_| OnceLock::new()).collect());
        let index = Language::all().iter().position(|other| other.id == language.id)?;
        let compile = || Pattern::compile(language).ok().flatten();
        PATTERNS.get(index)?.get_or_init(compile).as_ref()
    }

    /// Returns the compiled query of a language; `None` where it has none.
    fn compile(language: &Language) -> Result<Option<Pattern>, tree_sitter::QueryError> {
        if language.query.is_empty() {
            return Ok(None);
        }
        let query = Query::new(&language.grammar(), language.query)?;
        let roles = query.capture_names().iter().map(|name| role(name)).collect();
        Ok(Some(Pattern { query, roles }))
    }
}

fn role(capture: &str) -> Role {
    match capture {
        "name" => Role::Name,
        "owner" => Role::Owner,
        "id" => Role::Id,
        "body" => Role::Body,
        "lead" => Role::Lead,
        kind => match KINDS.binary_search(&kind) {
            Ok(index) => Role::Kind(KINDS[index]),
            Err(_) => Role::Condition,
        },
    }
}

/// A definition as a pattern found it.
struct Definition {
    kind: &'static str,
    bytes: Range<usize>,
    name: Range<usize>,
    owner: Option<Range<usize>>,
    id: Option<Range<usize>>,
    body: Option<Range<usize>>,
    pattern: usize,
}

#[derive(Default)]
struct Found {
    definitions: Vec<Definition>,
    leads: Vec<Range<usize>>,
}

fn run(pattern: &Pattern, tree: &Tree, bytes: &[u8], time: Duration) -> Result<Found, Collected> {
    let start = Instant::now();
    let mut watch = |_: &QueryCursorState| match start.elapsed() < time {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    let mut cursor = QueryCursor::new();
    cursor.set_match_limit(MATCHES_MAX);
    let options = QueryCursorOptions::new().progress_callback(&mut watch);
    let root = tree.root_node();
    let mut matches = cursor.matches_with_options(&pattern.query, root, bytes, options);
    let mut found = Found::default();
    while let Some(one) = matches.next() {
        found.take(pattern, one);
        if found.definitions.len() > SYMBOLS_MAX {
            return Err(Collected::TooMany);
        }
    }
    drop(matches);
    match start.elapsed() < time {
        true => Ok(found),
        false => Err(Collected::TimedOut),
    }
}

impl Found {
    fn take(&mut self, pattern: &Pattern, one: &QueryMatch<'_, '_>) {
        let role_of = |index: u32| pattern.roles[index as usize];
        let mut definition = None;
        for capture in one.captures() {
            match role_of(capture.index) {
                Role::Lead => self.leads.push(capture.node.byte_range()),
                Role::Kind(kind) => definition = Some((kind, capture.node.byte_range())),
                _ => {}
            }
        }
        let of_role = |role: Role| {
            let same = one.captures().iter().filter(move |capture| role_of(capture.index) == role);
            let ranges = same.map(|capture| capture.node.byte_range());
            ranges.reduce(|all, next| all.start.min(next.start)..all.end.max(next.end))
        };
        if let Some(((kind, bytes), name)) = definition.zip(of_role(Role::Name)) {
            self.definitions.push(Definition {
                kind,
                bytes,
                name,
                owner: of_role(Role::Owner),
                id: of_role(Role::Id),
                body: of_role(Role::Body),
                pattern: one.pattern_index,
            });
        }
    }

    /// Leaves one definition of those that are of the same node or have the same
    /// name node.
    fn drop_doubles(&mut self) {
        let order = |one: &Definition| {
            (one.bytes.start, std::cmp::Reverse(one.bytes.end), one.pattern, one.name.start)
        };
        self.definitions.sort_by_key(order);
        let (mut nodes, mut names) = (HashSet::new(), HashSet::new());
        self.definitions.retain(|one| {
            let is_new = names.insert((one.name.start, one.name.end));
            nodes.insert((one.bytes.start, one.bytes.end)) && is_new
        });
    }

    /// Extends what has no end of its own, a heading or a stage, to the next of
    /// its level. Those that do not begin a line stand in something else: a
    /// quotation, a list.
    fn extend_sections(&mut self, bytes: &[u8]) {
        if self.definitions.iter().all(|one| level(one.kind).is_none()) {
            return;
        }
        self.definitions
            .retain(|one| level(one.kind).is_none() || begins_line(one.bytes.start, bytes));
        let mut open: Vec<(usize, usize)> = Vec::new();
        for index in 0..self.definitions.len() {
            let Some(level) = level(self.definitions[index].kind) else {
                continue;
            };
            let start = self.definitions[index].bytes.start;
            while let Some((_, above)) = open.pop_if(|(outer, _)| *outer >= level) {
                self.definitions[above].bytes.end = start;
            }
            open.push((level, index));
        }
        for (_, above) in open {
            self.definitions[above].bytes.end = bytes.len();
        }
    }
}

/// Returns how deep a section lies that has no end of its own.
fn level(kind: &str) -> Option<usize> {
    match kind {
        "stage" => Some(0),
        _ => ["h1", "h2", "h3", "h4", "h5", "h6"].iter().position(|known| *known == kind),
    }
}

/// Returns whether nothing but blanks stands before `at` on its line.
fn begins_line(at: usize, bytes: &[u8]) -> bool {
    let line = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
    let before = bytes[line..at].trim_ascii();
    before.is_empty() || before == BOM
}

/// What belongs to the definition that follows it at once: comments, attributes.
struct Leads {
    /// Sorted; each begins its line.
    ranges: Vec<Range<usize>>,
}

impl Leads {
    fn of(mut ranges: Vec<Range<usize>>, bytes: &[u8]) -> Leads {
        ranges.retain(|range| begins_line(range.start, bytes));
        ranges.sort_by_key(|range| range.start);
        Leads { ranges }
    }

    /// Returns where a definition at `start` begins, with what leads it: each
    /// right above the next, without an empty line between them.
    fn before(&self, start: usize, bytes: &[u8]) -> usize {
        let mut start = start;
        let mut until = self.ranges.partition_point(|range| range.start < start);
        while let Some(lead) = until.checked_sub(1).and_then(|last| self.ranges.get(last)) {
            let end = lead.start + bytes[lead.clone()].trim_ascii_end().len();
            let gap = bytes.get(end..start).unwrap_or(b"?");
            let newlines = memchr::memchr_iter(b'\n', gap).count();
            if !gap.trim_ascii().is_empty() || newlines > 1 {
                break;
            }
            start = lead.start;
            until -= 1;
        }
        start
    }
}

fn symbol(found: Definition, leads: &Leads, snapshot: &Snapshot) -> Symbol {
    let bytes = &snapshot.bytes;
    let text = |range: Range<usize>| String::from_utf8_lossy(&bytes[range]);
    let own = plain(&text(found.name.clone()));
    let name = match (found.owner, found.id) {
        (Some(owner), _) => format!("{}.{own}", plain(&text(owner))),
        (None, Some(id)) => format!("{own} {}", plain(&text(id))),
        (None, None) => own,
    };
    let start = leads.before(found.bytes.start, bytes);
    let end = found.bytes.start + bytes[found.bytes.clone()].trim_ascii_end().len();
    let line_of = |at: usize| snapshot.lines.line_at(at);
    let line = line_of(found.name.start);
    let indented = snapshot.lines.start(line);
    let from = indented.max(found.bytes.start).min(found.name.start);
    let lines = line_of(start)..line_of(end.max(start + 1) - 1) + 1;
    let body_from = found.body.as_ref().and_then(|body| body.start.checked_sub(from));
    let signature = signature(&bytes[from..end], body_from);
    let (kind, body, bytes) = (found.kind, found.body, start..end);
    Symbol { kind, name, bytes, lines, line, body, signature, parent: None, depth: 0 }
}

/// Returns what comes before the body, or the first line where there is none.
fn signature(definition: &[u8], body: Option<usize>) -> String {
    let first_line = memchr::memchr(b'\n', definition).unwrap_or(definition.len());
    let head = &definition[..body.unwrap_or(first_line)];
    // No character has more than 4 bytes.
    let head = String::from_utf8_lossy(head.get(..4 * SIGNATURE_MAX).unwrap_or(head));
    let line = one_line(&head, SIGNATURE_MAX);
    line.trim_end_matches([' ', '{', '=']).to_owned()
}

/// Makes one of neighbours with one kind and name: the clauses by which some
/// languages define a function.
fn join_clauses(outline: Outline) -> Outline {
    let mut joined: Vec<Symbol> = Vec::new();
    // The last symbol within each that is still open, by its place in `joined`.
    let mut last: Vec<Option<usize>> = Vec::new();
    for next in outline.symbols {
        last.truncate(next.depth + 1);
        last.resize(next.depth + 1, None);
        let before = last[next.depth].and_then(|at| joined.get_mut(at));
        let same = before.filter(|one| (one.kind, &one.name) == (next.kind, &next.name));
        match same {
            Some(one) => {
                one.bytes.end = next.bytes.end;
                one.lines.end = next.lines.end;
                one.body = None;
            }
            None => {
                last[next.depth] = Some(joined.len());
                joined.push(next);
            }
        }
    }
    Outline::of(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_query_fits_its_grammar_and_names_known_kinds() {
        for language in Language::all() {
            let pattern = Pattern::compile(language)
                .unwrap_or_else(|error| panic!("{}: {error}", language.id))
                .unwrap_or_else(|| panic!("{}: no query", language.id));
            let names = pattern.query.capture_names().iter().zip(&pattern.roles);
            for (name, role) in names {
                let is_known = *role != Role::Condition || ["where", "call"].contains(name);
                assert!(is_known, "{}: no kind is called {name}", language.id);
            }
        }
    }
}
