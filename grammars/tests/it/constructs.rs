//! Constructs and symbols as callers use them: the names around a line, and the
//! symbol that a path names.

use engine::drift::Constructs;
use engine::snapshot::Snapshot;
use grammars::SyntaxCheck;
use grammars::outline::Resolution;
use grammars::parse::Limits;

fn snapshot(text: &str) -> Snapshot {
    Snapshot::of(text.into())
}

/// Returns a check that needs no worker.
fn here() -> SyntaxCheck {
    SyntaxCheck::here(Limits::default())
}

/// Checks the names around the line of `text` that holds `«`.
#[track_caller]
fn check(path: &str, text: &str, names: &[&str]) {
    let line = text.lines().position(|line| line.contains('«')).expect("a line is marked");
    let snapshot = snapshot(&text.replace('«', ""));
    let nesting = here().constructs(path, &snapshot).expect("it is parsed");
    let lines = line..line + 1;
    let found = nesting.around(&lines).map(|one| one.name.as_str());
    assert_eq!(found.collect::<Vec<_>>(), names);
}

#[test]
fn lines_are_named_by_what_they_stand_in() {
    let rust = "impl A {\n    /// «Says it.\n    #[inline]\n    fn b() {}\n}\n";
    check("a.rs", rust, &["impl A", "fn b"]);
    check("a.py", "class A:\n    @x\n    def b(self):\n        «pass\n", &["class A", "def b"]);
    check("a.go", "package a\n\nfunc (a *A) B() {\n\t«a.c()\n}\n", &["func A.B"]);
    check("a.ts", "export class A {\n  b(): void {\n    «c();\n  }\n}\n", &["class A", "method b"]);
    check(
        "A.java",
        "class A {\n    int b() {\n        «return 1;\n    }\n}\n",
        &["class A", "method b"],
    );
    check("a.c", "static int\nb(void)\n{\n    «return 1;\n}\n", &["function b"]);
    check("a.sh", "b() {\n    «echo\n}\n", &["function b"]);
}

#[test]
fn data_is_named_by_its_keys() {
    let records =
        "[\n  {\n    \"id\": 1,\n    \"a\": 2\n  },\n  {\n    \"id\": 7,\n    «\"a\": 2\n  }\n]\n";
    check("a.json", records, &["record 7", "key a"]);
    check("a.json", "[\n  {\n    «\"a\": 2\n  }\n]\n", &["key a"]);
    check("a.json", "[\n  [\n    «2\n  ]\n]\n", &[]);
    let steps = "on: x\njobs:\n  a:\n    steps:\n      - name: T\n        run: |\n          «go\n";
    check("a.yaml", steps, &["key jobs", "key a", "key steps", "record T", "key run"]);
    check("a.toml", "[[bin]]\nname = \"b\"\npath = «\"c\"\n", &["table bin b", "key path"]);
    check("a.md", "# A\n\n## B\n\n«text\n\n## C\n", &["h1 A", "h2 B"]);
    check("a.css", "@media (x) {\n  .a {\n    «top: 0;\n  }\n}\n", &["media (x)", "rule .a"]);
    check("a.html", "<p id=a>\n<b id='c'>\n«x\n</b>\n</p>\n", &["element a", "element c"]);
}

#[test]
fn what_a_parser_cannot_read_has_no_constructs() {
    let check = SyntaxCheck::default();
    assert!(check.constructs("a.unknown", &snapshot("fn a() {}\n")).is_none());
    assert!(check.constructs("a.rs", &snapshot("fn a() {}\0")).is_none());
    assert!(check.constructs("a.rs", &snapshot("")).is_some());
}

#[test]
fn a_path_finds_its_symbol_and_the_bytes_of_its_body() {
    let text = "impl A {\n    // First.\n    fn b(&self) { 1; }\n}\nfn b() { 2; }\n";
    let snapshot = snapshot(text);
    let outline = SyntaxCheck::default().outline("a.rs", &snapshot).expect("it is parsed");
    let Resolution::One(index) = outline.resolve("A::b") else {
        panic!("the path names one symbol");
    };
    let symbol = &outline.symbols()[index];
    assert_eq!(&text[symbol.bytes.clone()], "// First.\n    fn b(&self) { 1; }");
    assert_eq!(symbol.body.clone().map(|body| &text[body]), Some("{ 1; }"));
    assert_eq!((symbol.lines.clone(), symbol.line), (1..3, 2));
    assert_eq!(outline.resolve("b"), Resolution::Many(vec![1, 2]));
    assert_eq!(outline.resolve("::b"), Resolution::One(2));
    assert_eq!(outline.resolve("c"), Resolution::None);
    assert_eq!(outline.text(1), "1-4\timpl A\n5\tfn b()\n");
}
