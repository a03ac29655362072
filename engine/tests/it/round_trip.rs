//! Real edits in every format: said, read back and applied, each must make the
//! bytes that its bare ranges make, and say the same when it is written again.
//!
//! The edits are those of the corpus beside the tree; without it, made-up edits
//! of the engine's own source.

use std::ops::Range;
use std::sync::Arc;

use engine::anchor::{Handle, View};
use engine::drift::Since;
use engine::format::{
    Action, Body, Draft, FileScript, Given, Lines, NAMES, OpKind, Script, draft_in, read, write,
};
use engine::plan::{FileState, Known, Options, Planned, Seen, Shown, plan, resolve};
use engine::snapshot::Snapshot;
use serde_json::Value;

/// Where the corpus lies, from the crate.
const CORPUS: &str = "/../../shared/corpus/drift-triples.jsonl.zst";

/// The window of the compressed corpus, as a power of two: above what a decoder
/// allows by itself.
const WINDOW_LOG: u32 = 27;

/// One real edit.
pub(crate) struct RealEdit {
    pub(crate) path: String,
    pub(crate) read: String,
    /// 0-based, half-open ranges of lines, sorted and disjoint, and what comes.
    hunks: Vec<(Range<usize>, Vec<String>)>,
}

#[expect(clippy::disallowed_methods, reason = "a file of test data, no user's file")]
pub(crate) fn corpus() -> Vec<RealEdit> {
    let Ok(bytes) = std::fs::read(format!("{}{CORPUS}", env!("CARGO_MANIFEST_DIR"))) else {
        println!("no corpus beside the tree: made-up edits of one file");
        return made_up(include_str!("../../src/plan/mod.rs"));
    };
    let mut decoder = zstd::Decoder::new(&bytes[..]).expect("it is compressed");
    decoder.window_log_max(WINDOW_LOG).expect("a window");
    let rows = std::io::read_to_string(decoder).expect("it is text");
    rows.lines().map(real_edit).collect()
}

fn real_edit(row: &str) -> RealEdit {
    let row: Value = serde_json::from_str(row).expect("a row is JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let number = |value: &Value| value.as_u64().expect("a number") as usize;
    let hunk = |hunk: &Value| {
        let new = hunk[2].as_array().expect("lines").iter().map(text).collect();
        (number(&hunk[0])..number(&hunk[1]), new)
    };
    let hunks = row["edit"].as_array().expect("hunks").iter().map(hunk).collect();
    RealEdit { path: text(&row["path"]), read: text(&row["read"]), hunks }
}

fn made_up(text: &str) -> Vec<RealEdit> {
    let count = text.lines().count();
    let edit = |stride: usize| RealEdit {
        path: "made/up.rs".to_owned(),
        read: text.to_owned(),
        hunks: (0..count - stride)
            .step_by(40)
            .map(|at| (at..at + stride - 1, vec![format!("line {at}"), "}".to_owned()]))
            .collect(),
    };
    (1..6).map(edit).collect()
}

impl RealEdit {
    /// Returns the text afterwards, by nothing but the ranges.
    fn result(&self) -> String {
        let pieces: Vec<&str> = self.read.split('\n').collect();
        let mut lines: Vec<&str> = Vec::new();
        let mut at = 0;
        for (old, new) in &self.hunks {
            lines.extend(&pieces[at..old.start]);
            lines.extend(new.iter().map(String::as_str));
            at = old.end;
        }
        lines.extend(&pieces[at..]);
        lines.join("\n")
    }

    /// Returns the edit as text in the format called `name`.
    pub(crate) fn said(&self, name: &str) -> Option<String> {
        let content = |_: &str| {
            let lines = self.read.lines().collect();
            Some(Lines { lines, final_newline: self.read.ends_with('\n') })
        };
        let draft = draft_in(name, &self.script(Handle::from_number(481_920)), content).ok()?;
        write(name, &draft).ok()
    }

    fn script(&self, handle: Handle) -> Script {
        let op = |(old, new): &(Range<usize>, Vec<String>)| {
            let lines = (old.start + 1, old.end);
            let body = Body::Text(new.iter().map(|line| line.clone() + "\n").collect());
            match (old.is_empty(), new.is_empty()) {
                (true, _) => OpKind::Insert { after: old.start, body },
                (_, true) => OpKind::Delete { lines, register: None },
                _ => OpKind::Replace { lines, body },
            }
        };
        let ops = self.hunks.iter().map(|hunk| op(hunk).into()).collect();
        let action = Action::Edit { handle, ops, final_newline: None };
        Script { files: vec![FileScript { path: self.path.clone(), action }] }
    }
}

/// Returns what is wrong with `edit` in the format called `name`, if anything.
fn fault(name: &str, edit: &RealEdit) -> Option<String> {
    let handle = Handle::from_number(481_920);
    let content = |_: &str| {
        let lines = edit.read.lines().collect();
        Some(Lines { lines, final_newline: edit.read.ends_with('\n') })
    };
    let said = |refusal: engine::error::Refusal| Some(refusal.to_string());
    let draft = match draft_in(name, &edit.script(handle), content) {
        Ok(draft) => draft,
        Err(refusal) => return said(refusal),
    };
    let text = match write(name, &draft) {
        Ok(text) => text,
        Err(refusal) => return said(refusal),
    };
    match read(name, &text, Given::default()) {
        Err(refusal) => said(refusal),
        Ok(again) if again != draft => Some(format!("read otherwise: {again:?}\nfrom {text}")),
        Ok(again) => applied(&again, edit, handle),
    }
}

fn applied(draft: &Draft, edit: &RealEdit, handle: Handle) -> Option<String> {
    let snapshot = Arc::new(Snapshot::of(edit.read.clone().into_bytes()));
    let view = View::all(snapshot.line_count());
    let shown = Shown { handle, snapshot: Arc::clone(&snapshot), view: view.clone() };
    let known = Known { shown: Some(shown), now: Some(Arc::clone(&snapshot)) };
    let resolved = match resolve(draft, &[known], &[]) {
        Ok(resolved) => resolved,
        Err(unresolved) => return Some(unresolved.refusal.to_string()),
    };
    let seen = Seen { snapshot: Arc::clone(&snapshot), view, since: Since::Same };
    let state = FileState { now: Some(snapshot), seen: Some(seen), to: None, to_seen: None };
    match plan(&resolved.script, &[state], &Options::default()) {
        Err(refused) => Some(refused.refusal.to_string()),
        Ok(plan) => match &plan.files[0].action {
            Planned::Modify { before, change, .. }
                if change.apply(&before.bytes) == edit.result().as_bytes() =>
            {
                None
            }
            _ => Some("other bytes".to_owned()),
        },
    }
}

#[test]
fn real_edits_in_every_format() {
    let edits = corpus();
    let mut wrong = Vec::new();
    // One of them names constructs and no lines.
    for name in NAMES.into_iter().filter(|name| *name != "symbol") {
        let faults: Vec<String> = edits
            .iter()
            .enumerate()
            .filter_map(|(row, edit)| Some(format!("{name} {row}: {}", fault(name, edit)?)))
            .collect();
        println!("{name}: {} of {} exact", edits.len() - faults.len(), edits.len());
        wrong.extend(faults);
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
