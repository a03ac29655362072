//! `buffer/…`: what editors tell of their documents.

use engine::error::Refusal;

use super::reject::Rejected;
use crate::service::Service;
use crate::service::api::{Buffer, BufferEvent, BufferState, EditorAnswer, Fault, Reply, Response};
use crate::service::plain;
use crate::service::session::Session;

/// Takes in what happened to a document.
pub(in crate::service) fn heed(
    service: &Service,
    buffer: Buffer,
    session: &Session,
) -> Result<Reply, Fault> {
    if !service.mail.has_editor(&session.row.id) {
        let text = "only an editor has documents: call session/listen with editor first";
        return Err(Fault::InvalidParams(text.to_owned()));
    }
    match take_in(service, buffer, session) {
        Ok(state) => Ok(plain(Response::Buffer(state))),
        Err(refusal) => Rejected::of(refusal).answer(service, session, "buffer.rejected"),
    }
}

fn take_in(service: &Service, buffer: Buffer, session: &Session) -> Result<BufferState, Refusal> {
    let workspace = &service.workspace;
    let path = workspace.locate(&buffer.path)?;
    let disk = match buffer.event {
        BufferEvent::Opened { .. } => workspace.on_disk(&path, true)?,
        BufferEvent::Saved => {
            workspace.forget(&path);
            workspace.on_disk(&path, true)?
        }
        BufferEvent::Changed { .. } | BufferEvent::Closed => None,
    };
    workspace.buffers.heed(&session.row.id, &path, buffer.event, disk.as_ref())?;
    service.mail.touched(&path, Some(&session.row.id), None);
    Ok(BufferState { path: path.as_str().to_owned() })
}

/// Takes in what an editor says of an edit.
pub(in crate::service) fn answered(
    service: &Service,
    answer: EditorAnswer,
) -> Result<Reply, Fault> {
    let EditorAnswer { request, applied, reason } = answer;
    service.workspace.buffers.answered(request, applied, reason);
    Ok(plain(Response::Done))
}

/// Ends a listener; with an editor's last one, its documents are forgotten. What
/// was not saved in them was never ours to write.
pub(in crate::service) fn hang_up(service: &Service, listener: u64) {
    let Some(editor) = service.mail.hang_up(listener) else { return };
    for path in service.workspace.buffers.drop_editor(&editor) {
        service.mail.touched(&path, Some(&editor), None);
    }
}
