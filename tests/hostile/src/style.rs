//! How files of a kind look: headers, statements, braces.

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Style {
    /// Functions and `impl` blocks in braces, four blanks an indentation.
    Rust,
    /// Functions and classes by indentation alone.
    Python,
    /// Classes with methods, functions, two blanks an indentation.
    TypeScript,
    /// Functions in braces, indented by tabs.
    Go,
    /// An array of records; the name of a record stands inside it.
    Json,
    /// Mappings by indentation.
    Yaml,
    /// Sections headed `[name]`.
    Toml,
    /// Headings of two levels with paragraphs and lists.
    Markdown,
    /// Lines without any structure: text, or `KEY=value`.
    Plain,
    /// Rules in braces, some within `@media`.
    Css,
}

impl Style {
    /// Every style.
    pub const ALL: [Style; 10] = [
        Style::Rust,
        Style::Python,
        Style::TypeScript,
        Style::Go,
        Style::Json,
        Style::Yaml,
        Style::Toml,
        Style::Markdown,
        Style::Plain,
        Style::Css,
    ];

    /// Returns the path of a file in this style, with the ending that tells
    /// what it is.
    pub fn path(self) -> &'static str {
        match self {
            Style::Rust => "src/alpha.rs",
            Style::Python => "alpha.py",
            Style::TypeScript => "src/alpha.ts",
            Style::Go => "alpha.go",
            Style::Json => "alpha.json",
            Style::Yaml => "alpha.yaml",
            Style::Toml => "alpha.toml",
            Style::Markdown => "alpha.md",
            Style::Plain => "alpha.env",
            Style::Css => "alpha.css",
        }
    }

    /// Returns the words of the style.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Style::Rust => &RUST,
            Style::Python => &PYTHON,
            Style::TypeScript => &TYPESCRIPT,
            Style::Go => &GO,
            Style::Json => &JSON,
            Style::Yaml => &YAML,
            Style::Toml => &TOML,
            Style::Markdown => &MARKDOWN,
            Style::Plain => &PLAIN,
            Style::Css => &CSS,
        }
    }
}

/// The names of constructs. There are few, so that twins come about.
pub(crate) const NAMES: [&str; 8] =
    ["alpha", "beta", "gamma", "delta", "prod", "dev", "user", "item"];

/// What stands before and after a name.
pub(crate) type Around = (&'static str, &'static str);

/// The words a file is written in.
pub(crate) struct Words {
    /// One indentation.
    pub(crate) unit: &'static str,
    /// The first and the last line of the file.
    pub(crate) frame: Option<(&'static str, &'static str)>,
    /// The header of a block that holds blocks.
    pub(crate) outer: Option<Around>,
    /// The header of a block that holds statements, at the outermost level.
    pub(crate) block: Option<Around>,
    /// The same within an outer block.
    pub(crate) member: Around,
    /// The line inside a block that names it, where its header does not.
    pub(crate) name_row: Option<Around>,
    /// The header of a nameless block among statements.
    pub(crate) inner: Option<&'static str>,
    /// The line that ends a block.
    pub(crate) close: Option<&'static str>,
    /// What stands between the statements of a block (not after the last).
    pub(crate) separator: &'static str,
    /// Statements; `#` stands for a digit, `@` for a name.
    pub(crate) statements: &'static [&'static str],
    /// What a comment begins with.
    pub(crate) comment: &'static str,
}

const RUST: Words = Words {
    unit: "    ",
    frame: None,
    outer: Some(("impl ", " {")),
    block: Some(("fn ", "(x: &mut u32) {")),
    member: ("fn ", "(&self, x: &mut u32) {"),
    name_row: None,
    inner: Some("if *x > 0 {"),
    close: Some("}"),
    separator: "",
    statements: &[
        "init();",
        "work(x);",
        "stop();",
        "*x += 1;",
        "*x = #;",
        "log(@#);",
        "let @ = #;",
        "@(x, #);",
        "return;",
    ],
    comment: "//",
};

const PYTHON: Words = Words {
    unit: "    ",
    frame: None,
    outer: Some(("class ", ":")),
    block: Some(("def ", "(x):")),
    member: ("def ", "(self, x):"),
    name_row: None,
    inner: Some("if x:"),
    close: None,
    separator: "",
    statements: &[
        "init()", "work(x)", "stop()", "x += 1", "x = #", "log(@#)", "@ = #", "@(x, #)", "return x",
    ],
    comment: "#",
};

const TYPESCRIPT: Words = Words {
    unit: "  ",
    frame: None,
    outer: Some(("class ", " {")),
    block: Some(("function ", "(x: number) {")),
    member: ("", "(x: number) {"),
    name_row: None,
    inner: Some("if (x > 0) {"),
    close: Some("}"),
    separator: "",
    statements: &[
        "init();",
        "work(x);",
        "stop();",
        "x += 1;",
        "x = #;",
        "log(@#);",
        "const @ = #;",
        "@(x, #);",
        "return x;",
    ],
    comment: "//",
};

const GO: Words = Words {
    unit: "\t",
    frame: None,
    outer: None,
    block: Some(("func ", "(x int) int {")),
    member: ("func ", "(x int) int {"),
    name_row: None,
    inner: Some("if x > 0 {"),
    close: Some("}"),
    separator: "",
    statements: &[
        "setup()", "work(x)", "stop()", "x++", "x = #", "log(@#)", "@ := #", "@(x, #)", "return x",
    ],
    comment: "//",
};

const JSON: Words = Words {
    unit: "  ",
    frame: Some(("[", "]")),
    outer: None,
    block: Some(("{", "")),
    member: ("{", ""),
    name_row: Some(("\"name\": \"", "\"")),
    inner: Some("\"env\": {"),
    close: Some("}"),
    separator: ",",
    statements: &[
        "\"port\": 80",
        "\"ttl\": #",
        "\"on\": true",
        "\"kind\": \"a\"",
        "\"tags\": []",
        "\"@\": #",
        "\"key#\": \"@\"",
        "\"caf\u{e9}\": #",
    ],
    comment: "\"note\": \"#\"",
};

const YAML: Words = Words {
    unit: "  ",
    frame: None,
    outer: Some(("", ":")),
    block: Some(("", ":")),
    member: ("", ":"),
    name_row: None,
    inner: Some("env:"),
    close: None,
    separator: "",
    statements: &[
        "port: 80", "ttl: #", "on: true", "kind: a", "tags: []", "@#: #", "key: @#", "- work",
        "- @",
    ],
    comment: "#",
};

const TOML: Words = Words {
    unit: "",
    frame: None,
    outer: None,
    block: Some(("[", "]")),
    member: ("[", "]"),
    name_row: None,
    inner: None,
    close: None,
    separator: "",
    statements: &[
        "port = 80",
        "ttl = #",
        "on = true",
        "kind = \"a\"",
        "tags = []",
        "@ = #",
        "key# = \"@\"",
        "x = #",
    ],
    comment: "#",
};

const MARKDOWN: Words = Words {
    unit: "",
    frame: None,
    outer: Some(("# ", "")),
    block: Some(("## ", "")),
    member: ("## ", ""),
    name_row: None,
    inner: None,
    close: None,
    separator: "",
    statements: &[
        "- work",
        "- stop",
        "- [ ] step #",
        "Some text about @.",
        "See @ below.",
        "Step # is @.",
        "> \u{4f8b}\u{3048}\u{3070} #",
        "| @ | # |",
    ],
    comment: "<!-- -->",
};

const PLAIN: Words = Words {
    unit: "",
    frame: None,
    outer: None,
    block: None,
    member: ("", ""),
    name_row: None,
    inner: None,
    close: None,
    separator: "",
    statements: &[
        "PORT=80",
        "ON=true",
        "KIND=a",
        "@#=#",
        "@#=@",
        "KEY_@=#",
        "work on @",
        "stop @ and @",
    ],
    comment: "#",
};

const CSS: Words = Words {
    unit: "  ",
    frame: None,
    outer: Some(("@media ", " {")),
    block: Some((".", " {")),
    member: (".", " {"),
    name_row: None,
    inner: None,
    close: Some("}"),
    separator: "",
    statements: &[
        "color: red;",
        "padding: 0;",
        "display: flex;",
        "margin: #px;",
        "top: #px;",
        "--@: #px;",
        "width: ##px;",
        "content: '@';",
    ],
    comment: "/* */",
};
