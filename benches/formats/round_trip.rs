//! The round trip: an edit, written in the text form of `anchor` and read back,
//! must make the very bytes that its ranges make.

use std::sync::Arc;

use engine::anchor::{Handle, View};
use engine::drift::Since;
use engine::format::{Script, parse, print};
use engine::plan::{FileState, Options, Planned, Seen, plan};
use engine::snapshot::Snapshot;

use crate::corpus::RealEdit;
use crate::encode::script;

/// Returns what is wrong with `edit` after the round trip, if anything is.
pub(crate) fn fault(edit: &RealEdit, handle: Handle) -> Option<String> {
    let written = script(edit, handle);
    let read = match parse(&print(&written)) {
        Ok(read) => read,
        Err(refusal) => return Some(refusal.to_string()),
    };
    if read != written {
        return Some("the script read is not the script written".to_owned());
    }
    match apply(&read, edit) {
        Ok(bytes) if bytes == edit.result().as_bytes() => None,
        Ok(_) => Some("the bytes are not those of the edit".to_owned()),
        Err(reason) => Some(reason),
    }
}

fn apply(script: &Script, edit: &RealEdit) -> Result<Vec<u8>, String> {
    let snapshot = Arc::new(Snapshot::of(edit.read.clone().into_bytes()));
    let state = FileState {
        now: Some(Arc::clone(&snapshot)),
        seen: Some(Seen { view: View::all(snapshot.line_count()), snapshot, since: Since::Same }),
        to: None,
        to_seen: None,
    };
    let plan = plan(script, &[state], &Options::default())
        .map_err(|refused| refused.refusal.to_string())?;
    match &plan.files[0].action {
        Planned::Modify { before, change, .. } => Ok(change.apply(&before.bytes)),
        other => Err(format!("no modification: {other:?}")),
    }
}
