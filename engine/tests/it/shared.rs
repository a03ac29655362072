//! Data that lies beside the tree, and an edit of one file as such data holds
//! it: what was read, what is there now, and operations on lines.

use std::io::Read;
use std::sync::Arc;

use engine::anchor::{Handle, View};
use engine::drift::Since;
use engine::format::{Action, Body, FileScript, Op, OpKind, Script};
use engine::plan::{FilePlan, FileState, Options, Planned, Refused, Seen, plan};
use engine::snapshot::Snapshot;

/// The window of compressed data, as a power of two: above what a decoder
/// allows by itself.
const WINDOW_LOG: u32 = 27;

/// Returns a file of `../shared`, unpacked by its ending; `None`, and a line
/// that says so, where it does not lie beside the tree.
#[expect(clippy::disallowed_methods, reason = "a file of test data, no user's file")]
pub(crate) fn read(path: &str) -> Option<String> {
    let whole = format!("{}/../../shared/{path}", env!("CARGO_MANIFEST_DIR"));
    let Ok(bytes) = std::fs::read(whole) else {
        println!("no {path} beside the tree: skipped");
        return None;
    };
    let mut text = String::new();
    if path.ends_with(".zst") {
        let mut decoder = zstd::Decoder::new(&bytes[..]).expect("a frame");
        decoder.window_log_max(WINDOW_LOG).expect("a window the library knows");
        decoder.read_to_string(&mut text).expect("packed text");
    } else if path.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("packed text");
    } else {
        text = String::from_utf8(bytes).expect("text");
    }
    Some(text)
}

/// An edit of one file that others may have changed since it was read.
pub(crate) struct Drifted {
    /// Its ending says what language it is in.
    pub(crate) path: String,
    /// What was read.
    pub(crate) seen: Arc<Snapshot>,
    /// What is there.
    pub(crate) now: Arc<Snapshot>,
}

impl Drifted {
    pub(crate) fn new(path: &str, seen: Vec<u8>, now: Vec<u8>) -> Drifted {
        Drifted {
            path: path.to_owned(),
            seen: Arc::new(Snapshot::of(seen)),
            now: Arc::new(Snapshot::of(now)),
        }
    }

    /// Returns what the operations come to for an author who was shown all of
    /// what was read.
    pub(crate) fn plan(&self, ops: Vec<Op>) -> Result<FilePlan, Box<Refused>> {
        let since = match self.seen.hash == self.now.hash {
            true => Since::Same,
            false => Since::Outside,
        };
        let view = View::all(self.seen.line_count());
        let state = FileState {
            now: Some(Arc::clone(&self.now)),
            seen: Some(Seen { snapshot: Arc::clone(&self.seen), view, since }),
            to: None,
            to_seen: None,
        };
        let handle = Handle::from_number(481_920);
        let action = Action::Edit { handle, ops, final_newline: None };
        let script = Script { files: vec![FileScript { path: self.path.clone(), action }] };
        let plan = plan(&script, &[state], &Options::default()).map_err(Box::new)?;
        Ok(plan.files.into_iter().next().expect("one file was asked for"))
    }
}

/// Returns whether an author could have all of a refused edit carried out by taking
/// what is offered, naming no place.
pub(crate) fn can_be_taken(refused: &Refused) -> bool {
    let offers = refused.landings.iter().zip(&refused.candidates);
    !refused.landings.is_empty()
        && offers.into_iter().all(|(landing, others)| landing.is_some() || !others.is_empty())
}

/// Returns the operation that puts `text` in the place of lines (0-based,
/// half-open) of what was read.
pub(crate) fn op(lines: std::ops::Range<usize>, text: &[impl AsRef<str>]) -> Op {
    let rows: String = text.iter().map(|line| format!("{}\n", line.as_ref())).collect();
    let numbers = (lines.start + 1, lines.end);
    match (lines.is_empty(), text.is_empty()) {
        (true, _) => OpKind::Insert { after: lines.start, body: Body::Text(rows) }.into(),
        (false, true) => OpKind::Delete { lines: numbers, register: None }.into(),
        (false, false) => OpKind::Replace { lines: numbers, body: Body::Text(rows) }.into(),
    }
}

/// Returns the content of the file after its plan.
pub(crate) fn content_after(file: &FilePlan) -> Vec<u8> {
    match &file.action {
        Planned::Modify { before, change, .. } => change.apply(&before.bytes),
        Planned::Keep { now } => now.bytes.clone(),
        other => panic!("an edit of lines became {other:?}"),
    }
}

/// Leaves out the clauses of the rule of drift that `ANCHORD_LACKS` names, in a
/// build that can.
pub(crate) fn leave_out() {
    #[cfg(feature = "mutants")]
    for name in std::env::var("ANCHORD_LACKS").iter().flat_map(|names| names.split(',')) {
        engine::drift::Clause::named(name).expect("a clause").leave_out();
    }
}
