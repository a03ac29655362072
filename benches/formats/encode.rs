//! The formats: one edit, written as each of them would have it written.
//!
//! Every format gets its leanest form: the path once, minimal hunks, compact
//! JSON, no reply around it.

use engine::anchor::Handle;
use engine::format::{Action, Body, FileScript, Lines, OpKind, Script, draft_in, write};
use serde_json::{Value, json};

use crate::corpus::{Hunk, RealEdit};

/// A way of writing an edit.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) write: fn(&RealEdit, Handle) -> String,
}

/// The formats, in the order of the table.
pub(crate) const FORMATS: [Format; 12] = [
    format("anchor, text", anchor_text),
    format("  sent in JSON", anchor_text_in_json),
    format("anchor, JSON", anchor_json),
    format("hashline", |edit, handle| said("hashline", edit, handle)),
    format("LINE#HASH rows", line_hash),
    format("lines", |edit, handle| said("lines", edit, handle)),
    format("lsp", |edit, handle| said("lsp", edit, handle)),
    format("blocks", |edit, handle| said("blocks", edit, handle)),
    format("replace", |edit, handle| said("replace", edit, handle)),
    format("patch", |edit, handle| said("patch", edit, handle)),
    format("udiff", |edit, handle| said("udiff", edit, handle)),
    format("whole", |edit, handle| said("whole", edit, handle)),
];

const fn format(name: &'static str, write: fn(&RealEdit, Handle) -> String) -> Format {
    Format { name, write }
}

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

/// Returns `edit` as the engine writes it in the format called `name`.
fn said(name: &str, edit: &RealEdit, handle: Handle) -> String {
    let content = |_: &str| {
        let lines = edit.read.lines().collect();
        Some(Lines { lines, final_newline: edit.read.ends_with('\n') })
    };
    let draft = draft_in(name, &script(edit, handle), content);
    let text = draft.and_then(|draft| write(name, &draft));
    text.expect("every format can say an edit of lines")
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
