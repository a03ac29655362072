//! A source change: everything that a server wants to do to files, as values of
//! the engine.
//!
//! It is read strictly and as a whole: an edit that lies outside the root, that
//! speaks of another version, or that cannot be read refuses all of it. Nothing
//! has happened then, and nothing happens here: the change goes through a
//! transaction like any other.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;

use crate::edits::{Document, change_of, check_version};
use crate::files::Files;
use crate::message::{DocumentChange, OperationOptions, TextEdit, WorkspaceEdit};
use crate::server::Server;

/// Changes of files, and then operations on them.
#[derive(Debug, Clone, Default)]
pub struct SourceChange {
    /// The files that are changed, in the order of their paths, under the names
    /// that they have before the operations. Files that stay as they are are
    /// left out.
    pub files: Vec<FileChange>,
    /// What is done with files, in this order.
    pub operations: Vec<FileOperation>,
}

/// What is done to the content of one file.
#[derive(Debug, Clone)]
pub struct FileChange {
    /// The file.
    pub path: String,
    /// The content that the change is of.
    pub before: Arc<Snapshot>,
    /// The change.
    pub change: Change,
}

/// What is done with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOperation {
    /// It is created.
    Create {
        /// The file.
        path: String,
        /// Its content.
        text: Vec<u8>,
        /// Whether what is there already is replaced.
        overwrite: bool,
    },
    /// It is moved.
    Rename {
        /// Where it is.
        from: String,
        /// Where it goes.
        to: String,
        /// Whether what is there already is replaced.
        overwrite: bool,
    },
    /// It is deleted, and where it is a folder with all that lies in it.
    Delete {
        /// The file or folder.
        path: String,
    },
}

impl SourceChange {
    /// Returns whether nothing would be done.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.operations.is_empty()
    }

    /// Returns whether two changes do the same.
    pub fn is_same(&self, other: &SourceChange) -> bool {
        let same = |(a, b): (&FileChange, &FileChange)| {
            a.path == b.path && a.before.hash == b.before.hash && a.change == b.change
        };
        self.operations == other.operations
            && self.files.len() == other.files.len()
            && self.files.iter().zip(&other.files).all(same)
    }
}

/// Returns what `edit` of `server` does to `files`. Whoever calls holds the
/// turn.
///
/// # Errors
/// A refusal: `denied` for a place outside the root, `missing` for a file that
/// is not there, `exists` for one that is, and those of [`crate::edits`].
pub(crate) fn source_change(
    edit: &WorkspaceEdit,
    server: &Server,
    files: &dyn Files,
) -> Result<SourceChange, Refusal> {
    let mut reading = Reading { server, files, edits: BTreeMap::new(), operations: Vec::new() };
    match &edit.document_changes {
        Some(changes) => {
            for change in changes {
                reading.take(change)?;
            }
        }
        None => {
            for (uri, edits) in edit.changes.iter().flatten() {
                reading.take_edits(uri, None, edits)?;
            }
        }
    }
    reading.finish()
}

/// A workspace edit that is being read, in its order.
struct Reading<'a> {
    server: &'a Server,
    files: &'a dyn Files,
    /// Edits by path, under the name before the operations.
    edits: BTreeMap<String, Vec<&'a TextEdit>>,
    operations: Vec<FileOperation>,
}

impl<'a> Reading<'a> {
    fn take(&mut self, change: &'a DocumentChange) -> Result<(), Refusal> {
        let options = change.options.unwrap_or_default();
        match change.kind.as_deref() {
            None => {
                let Some(document) = &change.text_document else {
                    return Err(malformed("an edit of the server names no document"));
                };
                let edits = change.edits.as_deref().unwrap_or_default();
                self.take_edits(&document.uri, document.version, edits)
            }
            Some("create") => self.create(self.named(&change.uri)?, options),
            Some("rename") => {
                self.rename(self.named(&change.old_uri)?, self.named(&change.new_uri)?, options)
            }
            Some("delete") => self.delete(self.named(&change.uri)?, options),
            Some(kind) => {
                let message = format!("the server wants to {kind} a file");
                Err(Refusal::new(Code::Unsupported, message))
            }
        }
    }

    fn named(&self, uri: &Option<String>) -> Result<String, Refusal> {
        let uri = uri.as_deref();
        self.inside(uri.ok_or_else(|| malformed("an operation of the server names no file"))?)
    }

    fn inside(&self, uri: &str) -> Result<String, Refusal> {
        self.server.path(uri).ok_or_else(|| {
            let shown: String = uri.chars().take(200).collect();
            Refusal::new(Code::Denied, format!("the server edits {shown}, outside the root"))
        })
    }

    fn take_edits(
        &mut self,
        uri: &str,
        version: Option<i64>,
        edits: &'a [TextEdit],
    ) -> Result<(), Refusal> {
        let path = self.inside(uri)?;
        let path = self.before_operations(path);
        let ours = self.server.shown(&path).map(|shown| shown.version);
        check_version(version, ours).map_err(|refusal| refusal.at(&path))?;
        self.edits.entry(path).or_default().extend(edits);
        Ok(())
    }

    /// Returns the name that a file had before the operations so far.
    fn before_operations(&self, path: String) -> String {
        self.operations.iter().rev().fold(path, |path, operation| match operation {
            FileOperation::Rename { from, to, .. } if *to == path => from.clone(),
            _ => path,
        })
    }

    fn exists(&self, path: &str) -> bool {
        let created = self.operations.iter().any(|operation| {
            matches!(operation, FileOperation::Create { path: other, .. } if other == path)
        });
        created || self.files.snapshot(path).is_some()
    }

    fn create(&mut self, path: String, options: OperationOptions) -> Result<(), Refusal> {
        let exists = self.exists(&path);
        match exists && !options.overwrite {
            true if options.ignore_if_exists => Ok(()),
            true => Err(Refusal::new(Code::Exists, "the server creates it").at(&path)),
            false => {
                let overwrite = options.overwrite;
                self.operations.push(FileOperation::Create { path, text: Vec::new(), overwrite });
                Ok(())
            }
        }
    }

    fn rename(
        &mut self,
        from: String,
        to: String,
        options: OperationOptions,
    ) -> Result<(), Refusal> {
        if self.exists(&to) && !options.overwrite {
            return match options.ignore_if_exists {
                true => Ok(()),
                false => Err(Refusal::new(Code::Exists, "the server moves a file there").at(&to)),
            };
        }
        let overwrite = options.overwrite;
        self.operations.push(FileOperation::Rename { from, to, overwrite });
        Ok(())
    }

    fn delete(&mut self, path: String, options: OperationOptions) -> Result<(), Refusal> {
        if !self.exists(&path) && options.ignore_if_not_exists {
            return Ok(());
        }
        self.operations.push(FileOperation::Delete { path });
        Ok(())
    }

    fn finish(mut self) -> Result<SourceChange, Refusal> {
        let mut files = Vec::new();
        for (path, edits) in std::mem::take(&mut self.edits) {
            let content = self.content(&path)?;
            let document = Document {
                uri: &self.server.uri(&path),
                version: None,
                snapshot: &content,
                encoding: self.server.encoding,
            };
            let change = change_of(edits, &document).map_err(|refusal| refusal.at(&path))?;
            match self.created(&path) {
                Some(text) => *text = change.apply(b""),
                None if change.keeps(&content.bytes) => {}
                None => files.push(FileChange { path, before: content, change }),
            }
        }
        Ok(SourceChange { files, operations: self.operations })
    }

    /// Returns the content that edits of `path` are of.
    fn content(&mut self, path: &str) -> Result<Arc<Snapshot>, Refusal> {
        if self.created(path).is_some() {
            return Ok(Arc::new(Snapshot::of(Vec::new())));
        }
        let missing = || Refusal::new(Code::Missing, "the server edits it").at(path);
        self.files.snapshot(path).ok_or_else(missing)
    }

    fn created(&mut self, wanted: &str) -> Option<&mut Vec<u8>> {
        self.operations.iter_mut().find_map(|operation| match operation {
            FileOperation::Create { path, text, .. } if path == wanted => Some(text),
            _ => None,
        })
    }
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(Code::Malformed, message)
}
