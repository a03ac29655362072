//! The part of an operation that editors carry out: in documents that they have
//! open.
//!
//! What is promised of files holds here as far as an editor can keep it. Each
//! edit is asked for of one version of a document and believed only when the
//! document holds it. Several of them are not all or none, so an operation over
//! more than one file needs the word of its caller; what was made in documents
//! before one of them was refused is taken back by the inverse edit.

use std::sync::Arc;

use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::plan::{FilePlan, Planned};
use engine::snapshot::Snapshot;
use engine::store::RelPath;

use crate::service::Service;
use crate::service::api::EditorEdit;
use crate::service::buffers::{Held, Landed, Wanted, edits_for};
use crate::service::workspace::state_refusal;

/// What an editor is to make of a document.
pub(super) struct InEditor<'a> {
    pub(super) path: RelPath,
    pub(super) held: Held,
    pub(super) change: &'a Change,
    pub(super) after: Arc<Snapshot>,
}

/// Returns what an editor holds of the file that is planned to change, if its
/// change has to be made there.
///
/// # Errors
/// `stale` where the document is no longer what the plan was made for;
/// `conflict` where the plan would take away a file with unsaved text, or two
/// editors hold different text, or the text is not saved in an editor that would
/// overwrite it; `encoding` where the document cannot be followed.
pub(super) fn holder(
    service: &Service,
    path: &RelPath,
    file: &FilePlan,
) -> Result<Option<Held>, Refusal> {
    let buffers = &service.workspace.buffers;
    if !buffers.is_open(path) || matches!(file.action, Planned::Keep { .. }) {
        return Ok(None);
    }
    if let Some(obstacle) = buffers.obstacle(path) {
        return Err(obstacle);
    }
    let Some(held) = service.workspace.held(path)? else { return Ok(None) };
    let refuse = |code, text: &str| Err(Refusal::new(code, text).at(path.as_str()));
    if held.is_split {
        let text = "the file is open in two editors, which hold different text that is not saved; \
                    save or undo it in one of them";
        return refuse(Code::Conflict, text);
    }
    // What is typed in such an editor at this moment would be overwritten. A file
    // that is saved is changed on the disk, where its editor compares before it
    // writes.
    let is_careless = service.mail.is_careless(&held.editor);
    match &file.action {
        Planned::Modify { before, .. } if before.hash == held.content.hash => match is_careless {
            false => Ok(Some(held)),
            true if held.is_saved => Ok(None),
            true => refuse(
                Code::Conflict,
                "the file is open with text that is not saved, in an editor that does not see \
                 when an edit comes too late; save it there first",
            ),
        },
        Planned::Modify { .. } => {
            refuse(Code::Stale, "the file is open in an editor: somebody typed there meanwhile")
        }
        _ if held.is_saved => Ok(None),
        _ => refuse(
            Code::Conflict,
            "the file is open in an editor with text that is not saved; save it there first",
        ),
    }
}

/// Refuses an operation over several files of which some are open in editors.
/// Nothing speaks against it where that is `allowed`.
pub(super) fn check_mixed(
    open: &[InEditor<'_>],
    files: usize,
    allowed: bool,
) -> Result<(), Refusal> {
    match open {
        [first, ..] if files > 1 && !allowed => {
            let text = format!(
                "{} of {files} files are open in an editor, so the edit cannot be all or none; \
                 edit them one by one, or give allow_mixed",
                open.len()
            );
            Err(Refusal::new(Code::Unsupported, text).at(first.path.as_str()))
        }
        _ => Ok(()),
    }
}

/// Has the edits made, one document after the other.
///
/// # Errors
/// `stale` or `timeout` for the first that was not made; those before it have
/// been taken back then, or the message says which were not.
pub(super) fn carry_out(
    service: &Service,
    edits: &[InEditor<'_>],
    label: &str,
) -> Result<(), Refusal> {
    for (index, edit) in edits.iter().enumerate() {
        if let Err(mut refusal) = ask(service, edit, label) {
            let left = take_back(service, &edits[..index], label);
            if !left.is_empty() {
                let text = format!("; left changed in the editor: {}", left.join(", "));
                refusal.message.push_str(&text);
            }
            return Err(refusal);
        }
        let kept = service.workspace.held_in_editor(&edit.held.content, &edit.after);
        kept.map_err(|error| state_refusal(&error))?;
    }
    Ok(())
}

/// Takes back what was made in documents; returns the files where that failed.
pub(super) fn take_back(service: &Service, made: &[InEditor<'_>], label: &str) -> Vec<String> {
    let label = format!("{label} (taken back)");
    let failed = made.iter().rev().filter(|edit| {
        let back = edit.change.invert(&edit.held.content.bytes);
        let held = service.workspace.held(&edit.path).ok().flatten();
        let Some(held) = held.filter(|held| held.content.hash == edit.after.hash) else {
            return true;
        };
        let after = Arc::clone(&edit.held.content);
        let inverse = InEditor { path: edit.path.clone(), held, change: &back, after };
        ask(service, &inverse, &label).is_err()
    });
    failed.map(|edit| edit.path.as_str().to_owned()).collect()
}

fn ask(service: &Service, edit: &InEditor<'_>, label: &str) -> Result<Landed, Refusal> {
    let InEditor { path, held, change, after } = edit;
    let buffers = &service.workspace.buffers;
    let stale = |text: &str| Refusal::new(Code::Stale, text).at(path.as_str());
    let edits = edits_for(held, change, buffers, path)
        .ok_or_else(|| stale("the file is open in an editor: somebody typed there meanwhile"))?;
    let wanted = Wanted { path, held, after, change };
    let request = buffers.expect_answer(&wanted);
    let asked = EditorEdit {
        request,
        path: path.as_str().to_owned(),
        version: held.version,
        edits,
        label: label.to_owned(),
    };
    if !service.mail.ask(&held.editor, &asked) {
        buffers.answered(request, false, Some("the editor takes no more edits".to_owned()));
    }
    buffers.wait_for(request, &wanted)
}
