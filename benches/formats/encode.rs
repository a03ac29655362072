//! The formats: one edit, written as each of them would have it written.
//!
//! Every format gets its leanest form: the path once, minimal hunks, compact
//! JSON, no reply around it.

use std::ops::Range;

use engine::anchor::Handle;
use engine::format::{Action, Body, FileScript, OpKind, Script};
use serde_json::{Value, json};

use crate::corpus::{Hunk, RealEdit};
use crate::quote::{Quote, Search, quotes};

/// A way of writing an edit.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) write: fn(&RealEdit, Handle) -> String,
}

/// The formats, in the order of the table.
pub(crate) const FORMATS: [Format; 10] = [
    format("anchor, text", anchor_text),
    format("  sent in JSON", anchor_text_in_json),
    format("anchor, JSON", anchor_json),
    format("LINE#HASH rows", line_hash),
    format("line range, JSON", line_range),
    format("SEARCH/REPLACE", search_replace),
    format("str_replace, JSON", str_replace),
    format("V4A patch", v4a),
    format("unified diff", unified_diff),
    format("whole file", whole_file),
];

const fn format(name: &'static str, write: fn(&RealEdit, Handle) -> String) -> Format {
    Format { name, write }
}

/// Lines of context on each side of a hunk in a diff or patch.
const CONTEXT: usize = 3;

/// Returns `edit` as a script of ours.
pub(crate) fn script(edit: &RealEdit, handle: Handle) -> Script {
    let action = Action::Edit {
        handle,
        ops: edit.hunks.iter().map(|hunk| op(hunk).into()).collect(),
        final_newline: None,
    };
    Script { files: vec![FileScript { path: edit.path.clone(), action }] }
}

fn op(hunk: &Hunk) -> OpKind {
    let lines = (hunk.old.start + 1, hunk.old.end);
    let body = Body::Text(hunk.text());
    if hunk.old.is_empty() {
        return OpKind::Insert { after: hunk.old.start, body };
    }
    if hunk.new.is_empty() {
        return OpKind::Delete { lines, register: None };
    }
    OpKind::Replace { lines, body }
}

fn anchor_text(edit: &RealEdit, handle: Handle) -> String {
    engine::format::print(&script(edit, handle))
}

/// The text form as the arguments of a tool call, where a provider has no raw
/// ones.
fn anchor_text_in_json(edit: &RealEdit, handle: Handle) -> String {
    json!({"format": "anchor", "text": anchor_text(edit, handle)}).to_string()
}

fn anchor_json(edit: &RealEdit, handle: Handle) -> String {
    let op = |hunk: &Hunk| {
        let lines = [hunk.old.start + 1, hunk.old.end];
        match (hunk.old.is_empty(), hunk.new.is_empty()) {
            (true, _) => json!({"op": "insert", "after": hunk.old.start, "text": hunk.text()}),
            (_, true) => json!({"op": "delete", "lines": lines}),
            _ => json!({"op": "replace", "lines": lines, "text": hunk.text()}),
        }
    };
    let ops: Vec<Value> = edit.hunks.iter().map(op).collect();
    let handle = handle.to_string();
    let file = json!({"path": edit.path, "handle": handle, "ops": ops});
    json!({"format": "anchor", "files": [file]}).to_string()
}

/// Anchors of number and two letters, as in the text form that oh-my-pi had
/// before it dropped hashes of lines; each new row behind a `~`.
fn line_hash(edit: &RealEdit, _: Handle) -> String {
    let pieces = edit.pieces();
    let anchor = |line: usize| format!("{}#{}", line + 1, letters(pieces[line]));
    let mut out = format!("@@ {}\n", edit.path);
    for hunk in &edit.hunks {
        let (start, end) = (hunk.old.start, hunk.old.end);
        let verb = if hunk.new.is_empty() { '-' } else { '=' };
        out += &match (hunk.old.len(), start) {
            (0, 0) => "+ BOF\n".to_owned(),
            (0, _) => format!("+ {}\n", anchor(start - 1)),
            (1, _) => format!("{verb} {}\n", anchor(start)),
            _ => format!("{verb} {}..{}\n", anchor(start), anchor(end - 1)),
        };
        out.extend(hunk.new.iter().map(|row| format!("~{row}\n")));
    }
    out
}

/// Returns the hash of a line in the alphabet of that format.
fn letters(line: &str) -> String {
    const ALPHABET: &[u8; 16] = b"ZPMQVRWSNKTXJBYH";
    // FNV-1a: any even spread of letters costs the same.
    let hash = line
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let nibble = |shift: u32| char::from(ALPHABET[(hash >> shift & 15) as usize]);
    [nibble(4), nibble(0)].iter().collect()
}

fn line_range(edit: &RealEdit, _: Handle) -> String {
    let edits: Vec<Value> = (edit.hunks.iter())
        .map(|hunk| json!({"start": hunk.old.start + 1, "end": hunk.old.end, "text": hunk.text()}))
        .collect();
    json!({"path": edit.path, "edits": edits}).to_string()
}

fn search_replace(edit: &RealEdit, _: Handle) -> String {
    let mut out = format!("{}\n", edit.path);
    for quote in quotes(edit, Search::Lines) {
        let old = ended(&quote.old);
        let new = ended(&quote.new);
        out += &format!("<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n");
    }
    out
}

/// Returns `text` with a newline at its end; nothing stays nothing.
fn ended(text: &str) -> String {
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{newline}")
}

fn str_replace(edit: &RealEdit, _: Handle) -> String {
    let call = |quote: Quote| {
        json!({"path": edit.path, "old_string": quote.old, "new_string": quote.new}).to_string()
    };
    let calls: Vec<String> = quotes(edit, Search::Substring).into_iter().map(call).collect();
    calls.join("\n")
}

fn v4a(edit: &RealEdit, _: Handle) -> String {
    let mut out = format!("*** Begin Patch\n*** Update File: {}\n", edit.path);
    for hunks in near(edit) {
        out += "@@\n";
        out += &rows(edit, hunks);
    }
    out + "*** End Patch\n"
}

fn unified_diff(edit: &RealEdit, _: Handle) -> String {
    let mut out = format!("--- a/{}\n+++ b/{}\n", edit.path, edit.path);
    let mut shift = 0_i64;
    for hunks in near(edit) {
        let span = around(edit, hunks);
        let gone: usize = hunks.iter().map(|hunk| hunk.old.len()).sum();
        let come: usize = hunks.iter().map(|hunk| hunk.new.len()).sum();
        let (old, new) = (span.len(), span.len() - gone + come);
        // A side without lines names the line before it.
        let first = |start: usize, len: usize| start + usize::from(len > 0);
        let there = (span.start as i64 + shift) as usize;
        let (from, to) = (first(span.start, old), first(there, new));
        out += &format!("@@ -{from},{old} +{to},{new} @@\n");
        out += &rows(edit, hunks);
        if span.end == edit.line_count() && !edit.read.ends_with('\n') {
            out += "\\ No newline at end of file\n";
        }
        shift += come as i64 - gone as i64;
    }
    out
}

/// Returns the hunks in groups whose lines of context meet.
fn near(edit: &RealEdit) -> impl Iterator<Item = &[Hunk]> {
    edit.hunks.chunk_by(|one, next| next.old.start - one.old.end <= 2 * CONTEXT)
}

/// Returns the lines of a group with its context.
fn around(edit: &RealEdit, hunks: &[Hunk]) -> Range<usize> {
    let first = hunks.first().map_or(0, |hunk| hunk.old.start);
    let last = hunks.last().map_or(0, |hunk| hunk.old.end);
    first.saturating_sub(CONTEXT)..(last + CONTEXT).min(edit.line_count())
}

/// Returns the rows of a group as diffs write them.
fn rows(edit: &RealEdit, hunks: &[Hunk]) -> String {
    let pieces = edit.pieces();
    let mut out = String::new();
    let mut push = |mark: char, row: &str| out.extend([&mark.to_string(), row, "\n"]);
    let span = around(edit, hunks);
    let mut at = span.start;
    for hunk in hunks {
        pieces[at..hunk.old.start].iter().for_each(|row| push(' ', row));
        pieces[hunk.old.clone()].iter().for_each(|row| push('-', row));
        hunk.new.iter().for_each(|row| push('+', row));
        at = hunk.old.end;
    }
    pieces[at..span.end].iter().for_each(|row| push(' ', row));
    out
}

fn whole_file(edit: &RealEdit, _: Handle) -> String {
    format!("{}\n```\n{}```\n", edit.path, ended(&edit.result()))
}
