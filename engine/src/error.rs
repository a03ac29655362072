//! Every reason for which a request about files is refused, as one closed list.
//!
//! A refusal is an expected outcome, not a failure of the program: the code is
//! for the caller that branches, the message for the one who must act.
//! `docs/errors.md` documents each code, and a test holds page and list
//! together.

use std::fmt;

/// The closed list of rejection codes, in the order of `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The file changed since it was read, and the edit does not map exactly.
    Stale,
    /// Later work stands where the change would land.
    Conflict,
    /// The edit fits several places.
    Ambiguous,
    /// What the edit names is not there.
    NotFound,
    /// The edit touches lines this session was never shown.
    Unseen,
    /// No such handle was ever given out for this path.
    UnknownHandle,
    /// The handle is genuine, but the bytes behind it are gone.
    ExpiredHandle,
    /// The edit would leave every byte as it is.
    NoChange,
    /// Two operations of one edit share a line.
    Overlap,
    /// The new text looks like a slip, see the fixes.
    Lint,
    /// The edit would break the syntax of a file that parsed before.
    Syntax,
    /// The bytes cannot be edited as text, or the new text cannot be written
    /// in the file's encoding.
    Encoding,
    /// A file to be created, or the destination of a move, is already there.
    Exists,
    /// The file is not there.
    Missing,
    /// Somebody else holds the file at this moment.
    Busy,
    /// Policy, scope or the file system's permissions forbid it.
    Denied,
    /// A destructive change needs consent first.
    Approval,
    /// A limit of size or number was passed.
    TooLarge,
    /// A limit of time was passed.
    Timeout,
    /// The request does not follow the format.
    Malformed,
    /// The request is well formed, but names something this version lacks.
    Unsupported,
    /// A language server answered for another version of a document.
    LspVersion,
    /// An attribute of the file (owner, links, …) could not be kept.
    Attribute,
}

impl Code {
    /// All codes, in the order of the documentation.
    pub const ALL: [Code; 23] = [
        Code::Stale,
        Code::Conflict,
        Code::Ambiguous,
        Code::NotFound,
        Code::Unseen,
        Code::UnknownHandle,
        Code::ExpiredHandle,
        Code::NoChange,
        Code::Overlap,
        Code::Lint,
        Code::Syntax,
        Code::Encoding,
        Code::Exists,
        Code::Missing,
        Code::Busy,
        Code::Denied,
        Code::Approval,
        Code::TooLarge,
        Code::Timeout,
        Code::Malformed,
        Code::Unsupported,
        Code::LspVersion,
        Code::Attribute,
    ];

    /// Returns the code as it is written on the wire and in the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Stale => "stale",
            Code::Conflict => "conflict",
            Code::Ambiguous => "ambiguous",
            Code::NotFound => "not_found",
            Code::Unseen => "unseen",
            Code::UnknownHandle => "unknown_handle",
            Code::ExpiredHandle => "expired_handle",
            Code::NoChange => "no_change",
            Code::Overlap => "overlap",
            Code::Lint => "lint",
            Code::Syntax => "syntax",
            Code::Encoding => "encoding",
            Code::Exists => "exists",
            Code::Missing => "missing",
            Code::Busy => "busy",
            Code::Denied => "denied",
            Code::Approval => "approval",
            Code::TooLarge => "too_large",
            Code::Timeout => "timeout",
            Code::Malformed => "malformed",
            Code::Unsupported => "unsupported",
            Code::LspVersion => "lsp_version",
            Code::Attribute => "attribute",
        }
    }

    /// Returns the code written as `text`, if it is one.
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: the fact and its nouns, before any face has dressed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For the caller that branches.
    pub code: Code,
    /// For the one who must act: one sentence, without the path.
    pub message: String,
    /// The file that is refused, relative to the root.
    pub path: Option<String>,
    /// The operation that is refused, counted from 0 within its file.
    pub op: Option<usize>,
}

impl Refusal {
    /// Returns a refusal that names no file yet.
    pub fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), path: None, op: None }
    }

    /// Returns the refusal with `path` as its file, unless it names one already.
    #[must_use]
    pub fn at(mut self, path: &str) -> Refusal {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Returns the refusal with `op` as its operation.
    #[must_use]
    pub fn op(mut self, op: usize) -> Refusal {
        self.op = Some(op);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(path) = &self.path {
            write!(f, ": {path}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Refusal {}
