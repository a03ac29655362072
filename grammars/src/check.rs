//! The syntax check: what an edit did to the syntax of a file.
//!
//! It tells what is new from what was there before better than it tells right
//! from wrong: some healthy files (a third of all C) do not parse without an
//! error, so its findings count as a difference only.

use std::ops::Range;
use std::{fmt, io};

use engine::edit::Change;
use engine::error::{Code, Refusal};
use engine::snapshot::Snapshot;
use engine::text::Eol;
use engine::verify::{Check, Findings};
use tree_sitter::Tree;

use crate::faults::{faults, findings};
use crate::judge::{Judgement, judge};
use crate::language::Language;
use crate::lexeme::{Lexeme, lexeme};
use crate::outline::{Collected, Outline, collect};
use crate::parse::{Limits, Parse, parse, reparse};
use crate::risk::{CONTENT_MAX, Risk};
use crate::trees::{Trees, edited};
use crate::window::{WIDTHS, WINDOWS_FROM, Window, window};
use crate::worker::{Answer, Ask, Workers};

/// Looks for syntax errors, in the languages of the registry, and for what is
/// defined. Risky content is given to workers, where there are any, else not
/// looked at.
#[derive(Debug, Default)]
pub struct SyntaxCheck {
    /// What the parse of one content may cost in this process.
    limits: Limits,
    trees: Trees,
    place: Place,
}

/// Where risky content is parsed.
#[derive(Debug, Default)]
enum Place {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In this process, which nobody will miss.
    Here,
    /// In processes that can be killed.
    Workers(Workers),
}

/// Why a content was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is in no language of the registry.
    NoLanguage,
    /// Grammars would not see the lines that the file has: they know UTF-8, and
    /// no line that is ended by CR alone.
    Encoding,
    /// It, one of its lines, or what was found in it, is over a limit.
    TooLarge,
    /// The grammar's scanner would not survive it.
    Unfit,
    /// The time was over.
    TimedOut,
    /// It is risky, and there is no worker, or the worker died of it.
    NoWorker,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unread::NoLanguage => "the file is in no language that has a grammar here",
            Unread::Encoding => "grammars read UTF-8 with lines that LF or CRLF ends",
            Unread::TooLarge => "the file is too large for its grammar",
            Unread::Unfit => "the file is not fit for the scanner of its grammar",
            Unread::TimedOut => "the parse took too long",
            Unread::NoWorker => "the process that parses risky files is missing or died of it",
        })
    }
}

impl Unread {
    /// Returns the refusal of a request that needs the constructs of a file.
    pub fn refusal(self) -> Refusal {
        let code = match self {
            Unread::NoLanguage | Unread::Unfit | Unread::NoWorker => Code::Unsupported,
            Unread::Encoding => Code::Encoding,
            Unread::TooLarge => Code::TooLarge,
            Unread::TimedOut => Code::Timeout,
        };
        Refusal::new(code, self.to_string())
    }
}

impl Check for SyntaxCheck {
    fn check(&self, path: &str, snapshot: &Snapshot) -> Findings {
        self.findings(path, snapshot).unwrap_or_else(|_| Findings::inconclusive())
    }
}

impl SyntaxCheck {
    /// Returns a check that gives risky content to `workers`.
    pub fn with_workers(workers: Workers) -> SyntaxCheck {
        SyntaxCheck { place: Place::Workers(workers), ..SyntaxCheck::default() }
    }

    /// Returns a check that looks at what is not risky, within `limits`.
    pub fn within(limits: Limits) -> SyntaxCheck {
        SyntaxCheck { limits, ..SyntaxCheck::default() }
    }

    /// Returns a check that parses everything in this process, within `limits`:
    /// what a worker does.
    pub fn here(limits: Limits) -> SyntaxCheck {
        SyntaxCheck { limits, place: Place::Here, ..SyntaxCheck::default() }
    }

    /// Returns what is wrong with `snapshot` as a file named `path`.
    ///
    /// # Errors
    /// [`Unread`] where it cannot be told.
    pub fn findings(&self, path: &str, snapshot: &Snapshot) -> Result<Findings, Unread> {
        let language = language_of(path, snapshot)?;
        if language.total {
            return Ok(findings(Vec::new()));
        }
        if self.is_risky(language, snapshot) {
            let ask = || Ask::Findings(snapshot.bytes.clone());
            return match self.elsewhere(path, ask)? {
                Answer::Findings(findings) => Ok(findings),
                _ => Err(Unread::NoWorker),
            };
        }
        let tree = self.tree(language, snapshot)?;
        Ok(faults(language, &tree, &snapshot.bytes, 0..snapshot.bytes.len()))
    }

    /// Returns what `change` did to the syntax of the file named `path`.
    ///
    /// # Errors
    /// [`Unread`] where it cannot be told.
    pub fn judge(
        &self,
        path: &str,
        before: &Snapshot,
        after: &Snapshot,
        change: &Change,
    ) -> Result<Judgement, Unread> {
        let language = language_of(path, after)?;
        if language.total || change.is_empty() {
            return Ok(Judgement::sound());
        }
        let around = self.judge_window(language, before, after, change);
        let is_large = before.bytes.len().min(after.bytes.len()) > CONTENT_MAX;
        let seems_broken = match around {
            // What seems broken is looked at in the whole file, unless that is too
            // large.
            Some(judgement) if is_large || judgement.delta.new.is_empty() => return Ok(judgement),
            around => around.is_some(),
        };
        if self.is_risky(language, after) || self.is_risky(language, before) {
            let ask = || Ask::Judgement(before.bytes.clone(), change.clone());
            return match self.elsewhere(path, ask)? {
                Answer::Judgement(judgement) => Ok(judgement),
                _ => Err(Unread::NoWorker),
            };
        }
        self.judge_whole(language, (before, after), change, seems_broken)
    }

    /// Judges an edit by the whole file. Where it does not seem broken, the tree of
    /// the content before is made and the other from it; else the other way round,
    /// since a broken content has to be parsed from nothing, and a sound one has the
    /// same tree wherever its parser began.
    fn judge_whole(
        &self,
        language: &'static Language,
        (before, after): (&Snapshot, &Snapshot),
        change: &Change,
        seems_broken: bool,
    ) -> Result<Judgement, Unread> {
        if !seems_broken || self.trees.has(language, before.hash) {
            let old = self.tree(language, before)?;
            let new = self.tree_after(language, (&old, before), after, change)?;
            let judgement = judge(language, (&old, before), (&new, after), change);
            if judgement.delta.new.is_empty() {
                return Ok(judgement);
            }
        }
        // Where the text is broken, what a parser finds depends on where it began,
        // and nobody is refused for that.
        let new = self.fresh(language, after)?;
        let undo = change.invert(&before.bytes);
        let old = self.tree_after(language, (&new, after), before, &undo)?;
        let old = if old.root_node().has_error() { self.fresh(language, before)? } else { old };
        Ok(judge(language, (&old, before), (&new, after), change))
    }

    /// Returns what `snapshot`, as a file named `path`, defines.
    ///
    /// # Errors
    /// [`Unread`] where it cannot be told.
    pub fn outline(&self, path: &str, snapshot: &Snapshot) -> Result<Outline, Unread> {
        let language = language_of(path, snapshot)?;
        if self.is_risky(language, snapshot) {
            return match self.elsewhere(path, || Ask::Outline(snapshot.bytes.clone()))? {
                Answer::Outline(outline) => Ok(outline),
                _ => Err(Unread::NoWorker),
            };
        }
        let tree = self.tree(language, snapshot)?;
        match collect(language, &tree, snapshot, self.limits.time) {
            Collected::Outline(outline) => Ok(outline),
            Collected::NoQuery => Err(Unread::NoLanguage),
            Collected::TooMany => Err(Unread::TooLarge),
            Collected::TimedOut => Err(Unread::TimedOut),
        }
    }

    /// Returns the tree of a content that can be parsed in this process.
    pub(crate) fn tree_of(
        &self,
        language: &'static Language,
        path: &str,
        snapshot: &Snapshot,
    ) -> Result<Tree, Unread> {
        if language_of(path, snapshot)?.id != language.id {
            return Err(Unread::NoLanguage);
        }
        match self.is_risky(language, snapshot) {
            true => Err(Unread::TooLarge),
            false => self.tree(language, snapshot),
        }
    }

    /// Returns what each of `ranges` is part of in `snapshot`, as a file named
    /// `path`. What is risky is not looked at.
    ///
    /// # Errors
    /// [`Unread`] where it cannot be told.
    pub fn lexemes(
        &self,
        path: &str,
        snapshot: &Snapshot,
        ranges: &[Range<usize>],
    ) -> Result<Vec<Lexeme>, Unread> {
        let language = language_of(path, snapshot)?;
        if self.is_risky(language, snapshot) {
            return Err(Unread::NoWorker);
        }
        let tree = self.tree(language, snapshot)?;
        Ok(ranges.iter().map(|range| lexeme(&tree, range)).collect())
    }

    /// Returns whether a content is not for this process. What was parsed here
    /// once is not looked at again.
    fn is_risky(&self, language: &Language, snapshot: &Snapshot) -> bool {
        !matches!(self.place, Place::Here)
            && !self.trees.has(language, snapshot.hash)
            && Risk::of(language, &snapshot.bytes) == Risk::High
    }

    fn elsewhere(&self, path: &str, ask: impl FnOnce() -> Ask) -> Result<Answer, Unread> {
        let Place::Workers(workers) = &self.place else {
            return Err(Unread::NoWorker);
        };
        match workers.ask(path, &ask()) {
            Ok(Answer::Unread(why)) => Err(why),
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Unread::TimedOut),
            Err(_) => Err(Unread::NoWorker),
        }
    }

    /// Judges an edit of a large file by the items around it; `None` where the
    /// file is not that large, or what stands around the edit cannot be told.
    fn judge_window(
        &self,
        language: &'static Language,
        before: &Snapshot,
        after: &Snapshot,
        change: &Change,
    ) -> Option<Judgement> {
        let size = before.bytes.len().min(after.bytes.len());
        if size <= WINDOWS_FROM || !language.has_windows {
            return None;
        }
        WIDTHS.into_iter().find_map(|width| {
            let window = window(before, change, width)?;
            self.judge_in(language, &window)
        })
    }

    /// Judges an edit in its window; `None` where that did not parse before.
    fn judge_in(&self, language: &'static Language, window: &Window) -> Option<Judgement> {
        let (before, after) = (&window.before, window.before.after(&window.change));
        if self.is_risky(language, before) || self.is_risky(language, &after) {
            return None;
        }
        let old = self.tree(language, before).ok()?;
        if old.root_node().has_error() {
            return None;
        }
        let new = self.tree_after(language, (&old, before), &after, &window.change).ok()?;
        let mut judgement = judge(language, (&old, before), (&new, &after), &window.change);
        for fault in judgement.delta.new.iter_mut().chain(&mut judgement.delta.fixed) {
            fault.range = window.place(&fault.range);
        }
        judgement.place = judgement.place.map(|place| window.place(&place));
        Some(judgement)
    }

    /// Returns the tree of a content, kept or made.
    fn tree(&self, language: &'static Language, snapshot: &Snapshot) -> Result<Tree, Unread> {
        match self.trees.get(language, snapshot.hash) {
            Some(tree) => Ok(tree),
            None => self.fresh(language, snapshot),
        }
    }

    fn fresh(&self, language: &'static Language, snapshot: &Snapshot) -> Result<Tree, Unread> {
        let tree = parsed(parse(language, &snapshot.bytes, self.limits))?;
        self.trees.put(language, snapshot.hash, &tree);
        Ok(tree)
    }

    fn tree_after(
        &self,
        language: &'static Language,
        (old, before): (&Tree, &Snapshot),
        after: &Snapshot,
        change: &Change,
    ) -> Result<Tree, Unread> {
        if let Some(tree) = self.trees.get(language, after.hash) {
            return Ok(tree);
        }
        let old = edited(old, before, change);
        let tree = parsed(reparse(language, &after.bytes, Some(&old), self.limits))?;
        self.trees.put(language, after.hash, &tree);
        Ok(tree)
    }
}

fn language_of(path: &str, snapshot: &Snapshot) -> Result<&'static Language, Unread> {
    let language = Language::of(path, &snapshot.bytes).ok_or(Unread::NoLanguage)?;
    match snapshot.encoding.is_text() && snapshot.eol() != Eol::Cr {
        true => Ok(language),
        false => Err(Unread::Encoding),
    }
}

fn parsed(parse: Parse) -> Result<Tree, Unread> {
    match parse {
        Parse::Parsed(tree) => Ok(tree),
        Parse::TooLarge => Err(Unread::TooLarge),
        Parse::Unfit => Err(Unread::Unfit),
        Parse::TimedOut => Err(Unread::TimedOut),
    }
}

#[cfg(all(test, feature = "core"))]
mod tests {
    use super::*;
    use crate::faults::{FINDINGS_MAX, findings};
    use crate::parse::Limits;
    use engine::edit::Edit;
    use engine::verify::{Delta, Verdict};
    use std::time::Duration;

    fn check_text(path: &str, text: &str) -> Findings {
        SyntaxCheck::default().check(path, &Snapshot::of(text.into()))
    }

    /// Checks that `text` is sound with the marks taken out, and that without
    /// what they enclose the first finding is in `row` (1-based).
    #[track_caller]
    fn check(path: &str, text: &str, row: usize) {
        let sound = text.replace(['«', '»'], "");
        assert_eq!(check_text(path, &sound), findings(vec![]), "sound");
        let crlf = sound.replace('\n', "\r\n");
        assert_eq!(check_text(path, &crlf), findings(vec![]), "sound, with CRLF");

        let (head, rest) = text.split_once('«').expect("a mark opens");
        let (_, tail) = rest.split_once('»').expect("a mark closes");
        let broken = Snapshot::of([head, tail].concat().into());
        let found = SyntaxCheck::default().check(path, &broken);
        let rows = (found.diagnostics.iter()).map(|at| 1 + broken.lines.line_at(at.range.start));
        assert_eq!(rows.min(), Some(row), "{found:?}");
        assert_eq!(found.verdict, Verdict::Fresh);
        assert!(found.diagnostics.iter().all(|fault| fault.message.chars().count() <= 53));
    }

    #[test]
    fn bash() {
        check("a.sh", "f() {\n  echo \"x\"\n}\n\nf 1 «'»b'\n", 5);
        check("a.sh", "f«(») {\n  echo x\n}\n", 1);
        check("a.sh", "if [ 1 -gt 2 «]»; then\n  echo x\nfi\n", 1);
        check("a.sh", "a=1\nf() {\n  echo x\n«}»\n", 3);
    }

    #[test]
    fn c() {
        check("a.c", "int f(int a«)» {\n    return a;\n}\n", 1);
        check("a.c", "int f(void) {\n    int x[3«]»;\n    return 1;\n}\n", 2);
        check("a.c", "int f(void) {\n    return 1«;»\n}\n", 2);
        check("a.c", "char *f(void) {\n    return «\"»x\";\n}\n", 2);
    }

    #[test]
    fn go() {
        check("a.go", "package a\n\nfunc f(a int«)» int {\n\treturn a\n}\n", 3);
        check("a.go", "package a\n\nfunc f() {\n\tg(\"x«\"»)\n}\n", 4);
        check("a.go", "package a\n\nfunc f() «{»\n\tg()\n}\n", 5);
    }

    #[test]
    fn java() {
        check("A.java", "class A {\n    int f(int a«)» {\n        return a;\n    }\n}\n", 2);
        check("A.java", "class A {\n    int f() {\n        return 1«;»\n    }\n}\n", 3);
        check("A.java", "class A {\n    int f() {\n        return 1;\n    «}»\n}\n", 5);
    }

    #[test]
    fn javascript() {
        check("a.js", "function f(a«)» {\n  return [a];\n}\n", 1);
        check("a.js", "function f(a) {\n  return [a«]»;\n}\n", 2);
        check("a.js", "const s = `a${b«}»`;\nconst t = 1;\n", 1);
        check("a.jsx", "const s = (\n  <a b={1}>\n    {c«}»\n  </a>\n);\n", 1);
    }

    #[test]
    fn json() {
        check("a.json", "{\n  \"a\": [1, 2«]»,\n  \"b\": 1\n}\n", 2);
        check("a.json", "{\n  \"a\": «\"»b\"\n}\n", 2);
        check("a.json", "{\n  \"a\": 1«,»\n  \"b\": 2\n}\n", 2);
        check("tsconfig.json", "{\n  // a\n  \"a\": [1,],\n  \"b\": {\"c\": 1«}»,\n}\n", 5);
        assert_eq!(check_text("a.json", "{\"a\": 1,}").diagnostics.len(), 1);
    }

    #[test]
    fn every_text_is_markdown() {
        let text = "# a\n\n[b](c\n\n```rs\nfn (\n";
        assert_eq!(check_text("a.md", text), findings(vec![]));
    }

    #[test]
    fn python() {
        check("a.py", "def f(a«)»:\n    return a\n", 1);
        check("a.py", "def f(a):\n    return [a«]»\n", 2);
        check("a.py", "def f(a):\n    s = \"x«\"»\n    return s\n", 2);
        check("a.py", "def f(a):\n    if a«:»\n        return 1\n", 2);
        check("a.py", "def f(a):\n    b = 1\n  «  »c = 2\n    return b\n", 3);
    }

    #[test]
    fn rust() {
        check("a.rs", "fn f(a: u8«)» -> u8 {\n    a\n}\n", 1);
        check("a.rs", "fn f() {\n    let s = \"x«\"»;\n}\n", 2);
        check("a.rs", "fn f() {\n    let s = 1«;»\n}\n", 2);
        check("a.rs", "struct S {\n    x: u8,\n«}»\n", 2);
        check("a.rs", "use a::b;\n\nfn f() {\n    if a «{»\n    }\n}\n\nfn g() {}\n", 3);
    }

    #[test]
    fn toml() {
        check("a.toml", "[a]\nb = \"c\"\nd = [1, 2«]»\n", 3);
        check("a.toml", "[a«]»\nb = \"c\"\n", 1);
        check("a.toml", "[a]\nb = «\"»c\"\n", 2);
    }

    #[test]
    fn typescript() {
        check("a.ts", "function f(a: number«)»: number {\n  return a;\n}\n", 1);
        check("a.ts", "interface A {\n  b: string;\n}\nconst s: string = «\"»b\";\n", 4);
        check("a.tsx", "const v = <a b={1}>{c}</a>;\nconst w = <a>{c«}»</a>;\n", 2);
    }

    #[test]
    fn yaml() {
        check("a.yaml", "a: 1\nb:\n  - c: \"d\"\n    e: [1, 2«]»\n", 4);
        check("a.yaml", "a: 'b«'»\nc: d\n", 1);
        check("a.yml", "a: 1\nb: 2\nc «:» 3\n", 3);
        check("a.yml", "a: 1\nb«:»\n  - c: 2\n  - d: 3\n", 2);
    }

    #[test]
    fn only_errors_that_an_edit_brings_in_are_new() {
        let before = Snapshot::of(b"fn f( {}\n\nfn g() {}\n\nfn h() { let x = ; }\n".to_vec());
        let edit = |range, text: &str| Edit { range, text: text.into() };
        let edits = vec![edit(0..0, "// A comment.\n"), edit(17..19, "{ 1 + }")];
        let change = Change::new(edits, before.bytes.len()).expect("the edits are in order");
        let after = before.after(&change);

        let check = SyntaxCheck::default();
        let (old, new) = (check.check("a.rs", &before), check.check("a.rs", &after));
        let delta = Delta::of(&old, &new, &change);
        assert_eq!((old.diagnostics.len(), delta.unchanged), (2, 2));
        assert_eq!((delta.new.len(), delta.fixed.len()), (1, 0));
        assert_eq!(delta.new[0].message, "missing identifier");
    }

    #[test]
    fn what_cannot_be_parsed_is_inconclusive() {
        assert_eq!(check_text("a.unknown", "fn f( {"), Findings::inconclusive());
        assert_eq!(check_text("a.rs", "fn f() {}\rfn g( {}\r"), Findings::inconclusive());
        assert_eq!(check_text("a.rs", "fn f( {\0}"), Findings::inconclusive());
        let utf16 = Snapshot::of(b"\xff\xfef\0n\0".to_vec());
        assert_eq!(SyntaxCheck::default().check("a.rs", &utf16), Findings::inconclusive());
    }

    #[test]
    fn no_time_is_inconclusive_and_never_an_empty_list() {
        let limits = Limits { time: Duration::ZERO, ..Limits::default() };
        let long = Snapshot::of("fn f() { let x = 1; }\n".repeat(1000).into());
        assert_eq!(
            SyntaxCheck { limits, ..SyntaxCheck::default() }.check("a.rs", &long),
            Findings::inconclusive()
        );
    }

    #[test]
    fn more_findings_than_anyone_reads_are_cut() {
        let found = check_text("a.json", &"{\"a\": 1,}\n".repeat(1000));
        assert_eq!(found.diagnostics.len(), FINDINGS_MAX);
        assert_eq!(found.verdict, Verdict::Partial);
    }

    #[test]
    fn an_edit_of_a_very_large_file_is_judged_by_what_stands_around_it() {
        let check = SyntaxCheck::default();
        let item = |number| format!("/// Says it.\nfn f{number}() {{\n    1;\n}}\n\n");
        let before = Snapshot::of((0..40_000).map(item).collect::<String>().into());
        assert_eq!(check.findings("a.rs", &before), Err(Unread::NoWorker));
        let judged = |line: usize, text: &str| {
            let range = before.lines.bytes_of(line..line + 1);
            let edits = vec![Edit { range, text: text.into() }];
            let change = Change::new(edits, before.bytes.len()).expect("one edit");
            let after = before.after(&change);
            let judged = check.judge("a.rs", &before, &after, &change).expect("a window is parsed");
            let rows = judged.delta.new.iter().map(|new| after.lines.line_at(new.range.start));
            (judged.is_broken(), rows.collect::<Vec<_>>())
        };
        assert_eq!(judged(100_002, "    2;\n"), (false, vec![]));
        assert_eq!(judged(100_002, "    2 3;\n"), (true, vec![100_002]));
        assert_eq!(judged(2, "    )\n"), (true, vec![2]));
        assert_eq!(judged(199_997, "    {\n"), (true, vec![199_996]));
    }

    /// Items with strings and comments that an edit may open or close.
    const ITEMS: [(&str, &str); 3] = [
        ("a.rs", "/* One\n * more. */\nfn f() {\n    let a = \"{ /*\";\n    g(a);\n}\n\n"),
        (
            "a.py",
            "def f(a):\n    \"\"\"Says it.\n\n    More.\n    \"\"\"\n    if a:\n        return \"b\"\n\n\n",
        ),
        (
            "a.c",
            "/* One\n * more. */\nint f(void)\n{\n    char *a = \"{\";\n    return g(a);\n}\n\n",
        ),
    ];

    /// What takes the place of a line.
    const SLIPS: [&str; 9] = [
        "",
        "}\n",
        "{\n",
        "/*\n",
        "*/\n",
        "    \"\"\"\n",
        "    g(\"x);\n",
        "    g(1));\n",
        "x = 1;\n",
    ];

    #[test]
    fn what_is_sound_in_a_window_is_sound_in_the_whole() {
        // However busy the machine is.
        let limits = Limits { time: Duration::from_secs(60), ..Limits::default() };
        let patient = || SyntaxCheck { limits, ..SyntaxCheck::default() };
        let mut broken = 0;
        for (path, item) in ITEMS {
            let items = WINDOWS_FROM / item.len() + 50;
            let before = Snapshot::of(item.repeat(items).into());
            let language = Language::of_path(path).expect("a language of the registry");
            let whole = patient();
            let old = whole.tree(language, &before).expect("the file is parsed");
            let lines = item.lines().count();
            let places = (0..lines).flat_map(|line| SLIPS.map(|slip| (line, slip)));
            for (line, slip) in places {
                let line = items / 2 * lines + line;
                let edit = Edit { range: before.lines.bytes_of(line..line + 1), text: slip.into() };
                let change = Change::new(vec![edit], before.bytes.len()).expect("one edit");
                let after = before.after(&change);
                let check = patient();
                let window = check.judge_window(language, &before, &after, &change);
                let new = whole.fresh(language, &after).expect("the file is parsed");
                let all = judge(language, (&old, &before), (&new, &after), &change);
                broken += usize::from(all.is_broken());
                assert!(
                    window.is_none_or(|window| !all.is_broken() || window.is_broken()),
                    "{path}: {slip:?} in the place of line {line}: {:?}",
                    all.delta.new
                );
            }
        }
        assert!(broken > 50, "{broken} of these edits break the whole");
    }
}
