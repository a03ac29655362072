//! The tools: what each is called, what a model is told of it, what it takes.
//!
//! Every word here is paid for in every conversation, so the core set has a
//! budget of 450 tokens (`tests/it/mcp.rs` counts them). Tools that few tasks
//! need stand in the extended set, which is listed on demand.

use serde_json::{Value, json};

/// A tool.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What the model is told of it.
    pub description: &'static str,
    /// The method of the protocol that it stands for.
    pub method: &'static str,
    /// The names of its arguments, the required ones first.
    pub arguments: &'static [Argument],
    /// Whether it is listed from the start.
    pub core: bool,
    /// Whether it leaves every file as it is.
    pub read_only: bool,
}

/// An argument of a tool.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What kind of value it is.
    pub kind: Kind,
    /// What the model is told of it; nothing where the name says it.
    pub description: &'static str,
    /// Whether a call must have it.
    pub required: bool,
    /// Whether it stands in the schema; one that does not is understood all
    /// the same.
    pub listed: bool,
}

/// The kind of an argument's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
}

/// The name of the tool that lists the extended set. It is answered by the
/// server itself and asks nothing of the service.
pub const MORE: &str = "more";

/// What the model is told of [`MORE`].
pub const MORE_DESCRIPTION: &str =
    "More tools: search, outline, symbol, rewrite, rename, diagnostics";

/// All tools, in the order in which they are listed.
pub const ALL: [Tool; 21] = [
    Tool {
        name: "read",
        description: READ,
        method: "file/read",
        arguments: &[
            required("path", Kind::Text, ""),
            optional("lines", Kind::Text, "like 1-80,120"),
            optional("known", Kind::Text, "your handle: show only changes"),
            unlisted("handle", Kind::Text),
            unlisted("symbol", Kind::Text),
            unlisted("around", Kind::Number),
        ],
        core: true,
        read_only: true,
    },
    Tool {
        name: "edit",
        description: EDIT,
        method: "edit/apply",
        arguments: &[
            required("text", Kind::Text, ""),
            optional("why", Kind::Text, ""),
            optional("format", Kind::Text, "default anchor"),
            unlisted("lsp", Kind::Text),
        ],
        core: true,
        read_only: false,
    },
    Tool {
        name: "retry",
        description: RETRY,
        method: "edit/retry",
        arguments: &[required("token", Kind::Text, ""), optional("choice", Kind::Text, CHOICE)],
        core: true,
        read_only: false,
    },
    Tool {
        name: "undo",
        description: "Take back your last edit, or the operation named",
        method: "edit/undo",
        arguments: &[optional("operation", Kind::Number, "")],
        core: true,
        read_only: false,
    },
    Tool {
        name: "list",
        description: "List files that are neither hidden nor ignored",
        method: "file/list",
        arguments: &[
            optional("path", Kind::Text, "directory"),
            optional("glob", Kind::Text, ""),
            optional("limit", Kind::Number, "default 1000"),
        ],
        core: false,
        read_only: true,
    },
    Tool {
        name: "search",
        description: "Find lines by regular expression: `@path handle`, then rows, ready for an edit",
        method: "file/search",
        arguments: &[
            required("pattern", Kind::Text, ""),
            optional("path", Kind::Text, "directory or file"),
            optional("glob", Kind::Text, ""),
            optional("context", Kind::Number, "rows around each match"),
            optional("limit", Kind::Number, "default 100"),
        ],
        core: false,
        read_only: true,
    },
    Tool {
        name: "outline",
        description: OUTLINE,
        method: "file/outline",
        arguments: &[
            required("path", Kind::Text, ""),
            optional("symbol", Kind::Text, "only what stands in this construct"),
            optional("depth", Kind::Number, "levels to show"),
            unlisted("handle", Kind::Text),
        ],
        core: false,
        read_only: true,
    },
    Tool {
        name: "symbol",
        description: "Edit one construct by its name, as lines you were shown",
        method: "symbol/edit",
        arguments: &[
            required("path", Kind::Text, ""),
            required("symbol", Kind::Text, "like impl Foo > fn bar"),
            required("action", Kind::Text, ACTION),
            optional("text", Kind::Text, "its new rows, as they are to stand there"),
            optional("after", Kind::Text, "construct to move it below"),
            optional("before", Kind::Text, "construct to move it above"),
            optional("handle", Kind::Text, "default: the content shown last"),
            optional("why", Kind::Text, ""),
        ],
        core: false,
        read_only: false,
    },
    Tool {
        name: "match",
        description: "Find code by its shape, however it is laid out: `@path handle`, then rows",
        method: "pattern/search",
        arguments: &[
            required("pattern", Kind::Text, HOLES),
            optional("path", Kind::Text, "directory or file"),
            optional("glob", Kind::Text, ""),
            optional("language", Kind::Text, ""),
            optional("context", Kind::Number, "rows around each match"),
            optional("limit", Kind::Number, "default 100"),
        ],
        core: false,
        read_only: true,
    },
    Tool {
        name: "rewrite",
        description: "Preview a rewrite of code by its shape in many files; `retry` with the token applies it, all or none",
        method: "pattern/rewrite",
        arguments: &[
            required("pattern", Kind::Text, HOLES),
            required("rewrite", Kind::Text, "what it becomes, with the same holes"),
            optional("path", Kind::Text, "directory or file"),
            optional("glob", Kind::Text, ""),
            optional("language", Kind::Text, ""),
            optional("limit", Kind::Number, "default 1000"),
        ],
        core: false,
        read_only: true,
    },
    Tool {
        name: "rename",
        description: "Rename a symbol in all files by language server: complete, or refused",
        method: "lsp/rename",
        arguments: &[
            required("path", Kind::Text, "file that has the symbol"),
            required("to", Kind::Text, "new name"),
            optional("name", Kind::Text, "old name"),
            optional("line", Kind::Number, "where the old name stands"),
            optional("symbol", Kind::Text, "instead of line and name, like Part::new"),
            optional("dry_run", Kind::Flag, "show the diff only"),
            optional("accept_uncovered", Kind::Flag, "places left out are meant to stay"),
            unlisted("handle", Kind::Text),
            unlisted("column", Kind::Number),
            unlisted("plan", Kind::Text),
            unlisted("why", Kind::Text),
        ],
        core: false,
        read_only: false,
    },
    Tool {
        name: "rename_file",
        description: "Move a file, and fix what imports it",
        method: "lsp/rename_file",
        arguments: &[
            required("path", Kind::Text, ""),
            required("to", Kind::Text, "new path"),
            optional("dry_run", Kind::Flag, "show the diff only"),
            unlisted("plan", Kind::Text),
            unlisted("why", Kind::Text),
        ],
        core: false,
        read_only: false,
    },
    Tool {
        name: "diagnostics",
        description: "Errors and warnings of language servers: `@path handle`, then rows, ready for an edit",
        method: "lsp/diagnostics",
        arguments: &[
            optional("path", Kind::Text, "file or directory; default: what you changed last"),
            optional("wait_ms", Kind::Number, "default 10000"),
        ],
        core: false,
        read_only: true,
    },
    Tool {
        name: "lookup",
        description: "Ask a language server: rows of all places, each file under its handle",
        method: "lsp/ask",
        arguments: &[
            required(
                "what",
                Kind::Text,
                "definition, type_definition, implementation, references, hover, callers, callees, or symbols",
            ),
            required("path", Kind::Text, ""),
            optional("line", Kind::Number, ""),
            optional("name", Kind::Text, "the symbol in that line"),
            optional("symbol", Kind::Text, "instead of line and name, like Part::new"),
            optional("query", Kind::Text, "symbols of the project that fit"),
            unlisted("handle", Kind::Text),
            unlisted("column", Kind::Number),
            unlisted("wait_ms", Kind::Number),
        ],
        core: false,
        read_only: true,
    },
    Tool {
        name: "actions",
        description: "List what language servers offer to do about lines, or do one of them",
        method: "lsp/actions",
        arguments: &[
            required("path", Kind::Text, ""),
            optional("lines", Kind::Text, "like 12-14; default: all"),
            optional("kind", Kind::Text, "like quickfix, source.organizeImports"),
            optional("title", Kind::Text, "of the action to do"),
            optional("apply", Kind::Flag, "do it"),
            optional("dry_run", Kind::Flag, "show the diff only"),
            unlisted("handle", Kind::Text),
            unlisted("plan", Kind::Text),
            unlisted("why", Kind::Text),
        ],
        core: false,
        read_only: false,
    },
    Tool {
        name: "format",
        description: "Format a file by its language server",
        method: "lsp/format",
        arguments: &[
            required("path", Kind::Text, ""),
            optional("lines", Kind::Text, "like 12-40"),
            optional("changed", Kind::Flag, "only what you changed last"),
            optional("dry_run", Kind::Flag, "show the diff only"),
            unlisted("plan", Kind::Text),
            unlisted("why", Kind::Text),
        ],
        core: false,
        read_only: false,
    },
    Tool {
        name: "servers",
        description: "Which language servers run, and which are installed",
        method: "lsp/status",
        arguments: &[],
        core: false,
        read_only: true,
    },
    Tool {
        name: "redo",
        description: "Take back your last undo",
        method: "edit/redo",
        arguments: &[],
        core: false,
        read_only: false,
    },
    Tool {
        name: "log",
        description: "List operations, newest first: who changed which files, and why",
        method: "edit/log",
        arguments: &[
            optional("path", Kind::Text, "only of this file"),
            optional("limit", Kind::Number, "default 20"),
            optional("before", Kind::Number, "only before this operation"),
        ],
        core: false,
        read_only: true,
    },
    Tool {
        name: "show",
        description: "Show an operation with its diff",
        method: "edit/show",
        arguments: &[required("operation", Kind::Number, "")],
        core: false,
        read_only: true,
    },
    Tool {
        name: "stats",
        description: "Edit-success rate and wasted tokens",
        method: "stats/summary",
        arguments: &[
            optional("by", Kind::Text, "session, agent, model or format"),
            optional("session", Kind::Text, "only of this session"),
        ],
        core: false,
        read_only: true,
    },
];

const READ: &str = "Read a file: `@path handle`, then rows `N<TAB>text`. The handle names these exact \
bytes, for edits.";

const EDIT: &str = "Change files, all or none. `text` has a section per file:
@path handle
12-14c
new rows for lines 12-14
.
20a
rows to insert after line 20 (0: top)
.
30-35d

A lone dot ends rows; for rows with such a dot, head them 12-14c <<END and end with END. Numbers are \
the handle's lines, whatever else the edit does; only lines you were shown. Whole files: \
`@path create` or `@path handle write`, rows, dot; `@path handle remove`; \
`@path handle move newpath`. Answers with new handles. If rejected, nothing was written: see retry.";

const RETRY: &str = "Apply a rejected edit without rewriting it";

const CHOICE: &str = "`accept` (default), `fix 1`, `candidate 1`, or `at 12-14 20`: lines of the rejection's handle, one range \
per operation";

const OUTLINE: &str = "Show what a file defines: `@path handle`, then rows `first-last<TAB>signature`. `read` shows \
one construct whole with symbol \"impl Foo > fn bar\" instead of lines, or what is around a line with around 42";

const HOLES: &str = "code with holes, like foo($A, $$$REST)";

const ACTION: &str = "replace (with the comments above it), body (what stands between its brackets), insert_before, \
insert_after, delete or move";

const fn required(name: &'static str, kind: Kind, description: &'static str) -> Argument {
    Argument { name, kind, description, required: true, listed: true }
}

const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Argument {
    Argument { name, kind, description, required: false, listed: true }
}

const fn unlisted(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, description: "", required: false, listed: false }
}

/// Returns the tool of this name.
pub fn find(name: &str) -> Option<&'static Tool> {
    ALL.iter().find(|tool| tool.name == name)
}

impl Tool {
    /// Returns the JSON schema of its arguments.
    pub fn schema(&self) -> Value {
        let listed = self.arguments.iter().filter(|argument| argument.listed);
        let properties = listed.map(|argument| (argument.name.to_owned(), argument.schema()));
        let properties: serde_json::Map<String, Value> = properties.collect();
        // Some clients refuse a schema without properties.
        let mut schema = json!({"type": "object", "properties": properties});
        let required = self.arguments.iter().filter(|argument| argument.required);
        let required: Vec<&str> = required.map(|argument| argument.name).collect();
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }
}

impl Argument {
    fn schema(&self) -> Value {
        let kind = match self.kind {
            Kind::Text => "string",
            Kind::Number => "integer",
            Kind::Flag => "boolean",
        };
        match self.description {
            "" => json!({"type": kind}),
            description => json!({"type": kind, "description": description}),
        }
    }
}
