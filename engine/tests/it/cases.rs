//! The suites of `tests/cases/`, run through one [`check`].

use std::fmt::Write;
use std::ops::Range;

use engine::anchor::LineRange;
use engine::error::Refusal;
use engine::format::print;
use engine::plan::{Outcome, Plan, Planned, Refused};

use crate::sound;
use crate::suite::{Block, Case, Suite};
use crate::world::{World, script, without_handles};

/// The path of blocks that name none.
const PATH: &str = "f";

/// Sentences of the design's paragraph on text that are about paths; the plan
/// never sees one.
const OF_THE_SERVICE: [&str; 4] =
    ["One path twice", "Paths are relative", "absolute only inside", "a symlink is resolved"];

const TEXT_RULES: (&str, &str) =
    ("text-rules.md", include_str!("../../../tests/cases/text-rules.md"));
const ANCHOR_TEXT: (&str, &str) =
    ("anchor-text.md", include_str!("../../../tests/cases/anchor-text.md"));
const DRIFT: (&str, &str) = ("drift.md", include_str!("../../../tests/cases/drift.md"));

#[test]
fn text_rules() {
    check(TEXT_RULES, run);
}

#[test]
fn anchor_text() {
    check(ANCHOR_TEXT, run);
}

/// Every clause of the rule of drift, holding and refusing.
#[test]
fn drift_rules() {
    crate::shared::leave_out();
    check(DRIFT, run);
}

/// The rules are sentences, and every sentence stands as a heading with a case
/// of its own directly below it.
#[test]
fn every_sentence_of_the_text_rules_has_a_case() {
    let suite = Suite::read(TEXT_RULES.0, TEXT_RULES.1);
    let sentences = suite.cases.iter().filter(|case| case.level == 2);
    let bare: Vec<&str> = sentences
        .filter(|case| case.text("edit").is_none())
        .map(|case| case.heading.as_str())
        .collect();
    assert!(bare.is_empty(), "sentences without a case: {bare:#?}");
}

/// Where the design's page lies beside the tree, its paragraph and the headings
/// are held together.
#[test]
#[expect(clippy::disallowed_methods, reason = "a page of the design, no user's file")]
fn every_sentence_of_the_design_is_a_heading() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/DESIGN.md");
    let Ok(page) = std::fs::read_to_string(page) else {
        println!("no design page beside the tree: skipped");
        return;
    };
    let suite = Suite::read(TEXT_RULES.0, TEXT_RULES.1);
    let paragraph = page
        .lines()
        .find_map(|row| row.strip_prefix("**Text, exactly.** "))
        .expect("the design has the paragraph");
    for sentence in sentences(paragraph) {
        let ours = OF_THE_SERVICE.iter().all(|start| !sentence.starts_with(start));
        let quoted = suite.cases.iter().any(|case| case.heading == sentence);
        assert!(!ours || quoted, "no heading quotes {sentence:?}");
    }
}

/// Returns the sentences of a paragraph, divided at semicolons too.
fn sentences(paragraph: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    let divides = move |c: char| {
        in_code ^= c == '`';
        !in_code && matches!(c, '.' | ';')
    };
    paragraph.split(divides).map(str::trim).filter(|sentence| !sentence.is_empty())
}

/// Runs every case of a suite, and fails with all that do not hold.
#[track_caller]
pub(crate) fn check((name, page): (&'static str, &str), run: impl Fn(&Case) -> Result<(), String>) {
    let suite = Suite::read(name, page);
    let verdicts: Vec<_> = suite.cases.iter().map(|case| (case, run(case))).collect();
    let mut failures = String::new();
    for (case, verdict) in &verdicts {
        if let Err(why) = verdict {
            write!(failures, "\n{name}:{}: {}\n    {why}\n", case.row, case.heading)
                .expect("a string takes everything");
        }
    }
    assert!(failures.is_empty(), "{failures}");
    println!("{}: {} cases", suite.name, verdicts.len());
    assert!(verdicts.len() >= headings(page), "a heading was forgotten");
}

/// Returns the number of headings below the title, counted the simple way.
fn headings(page: &str) -> usize {
    page.lines().filter(|row| row.starts_with("## ") || row.starts_with("### ")).count()
}

/// Returns what one case gets wrong, if anything.
fn run(case: &Case) -> Result<(), String> {
    let edit = case.text("edit").ok_or("the heading has no edit")?;
    known_blocks(case, &[])?;
    let world = world(case);
    let script = match script(edit) {
        Ok(script) => script,
        Err(refusal) => return expect_refusal(case, &refusal),
    };
    if let Some(expected) = case.text("print") {
        same("print", &without_handles(&print(&script)), expected)?;
    }
    match world.plan(&script) {
        Err(refused) => {
            expect_refusal(case, &refused.refusal)?;
            expect_landings(case, &refused)
        }
        Ok(_) if case.text("error").is_some() => Err("applied, where an error is expected".into()),
        Ok(plan) => expect_plan(case, &world, &plan),
    }
}

/// A misspelt block would check nothing.
pub(crate) fn known_blocks(case: &Case, more: &[&str]) -> Result<(), String> {
    let known = [
        "before", "since", "outside", "edit", "after", "error", "landings", "answer", "plan",
        "print",
    ];
    let known = |kind: &str| known.contains(&kind) || more.contains(&kind);
    if let Some(block) = case.blocks.iter().find(|block| !known(&block.kind)) {
        return Err(format!("unknown block {:?}", block.kind));
    }
    let ends = ["after", "error", "plan"];
    let checks = case.blocks.iter().any(|block| ends.contains(&block.kind.as_str()));
    if checks { Ok(()) } else { Err("the case expects nothing".into()) }
}

pub(crate) fn world(case: &Case) -> World {
    let mut world = World::default();
    for block in &case.blocks {
        match block.kind.as_str() {
            "before" => world.add(path(block), block.bytes.clone(), shown(block)),
            "since" => world.edit_between(block.text()),
            "outside" => {
                let bytes = (!block.has("gone")).then(|| block.bytes.clone());
                world.write_outside(path(block), bytes);
            }
            _ => {}
        }
    }
    world
}

fn path(block: &Block) -> &str {
    block.option("path").unwrap_or(PATH)
}

/// Returns the lines of `shown=1-3,5`; `shown=none` is no line at all.
fn shown(block: &Block) -> Option<Vec<Range<usize>>> {
    let shown = block.option("shown")?;
    let number = |text: &str| text.parse::<usize>().expect("a line number");
    let range = |word: &str| match word.split_once('-') {
        Some((first, last)) => number(first) - 1..number(last),
        None => number(word) - 1..number(word),
    };
    let words = shown.split(',').filter(|word| *word != "none");
    Some(words.map(range).collect())
}

/// The block `error` holds the code, and perhaps a piece of the message.
pub(crate) fn expect_refusal(case: &Case, refusal: &Refusal) -> Result<(), String> {
    let expected = case.text("error").ok_or_else(|| format!("refused: {refusal}"))?.trim();
    let (code, piece) = expected.split_once(char::is_whitespace).unwrap_or((expected, ""));
    let right = refusal.code.as_str() == code && refusal.message.contains(piece.trim());
    if right { Ok(()) } else { Err(format!("refused: {refusal}\n    expected: {expected}")) }
}

pub(crate) fn expect_landings(case: &Case, refused: &Refused) -> Result<(), String> {
    let Some(expected) = case.text("landings") else {
        return Ok(());
    };
    let mut rows = String::new();
    for landing in &refused.landings {
        let row = match landing {
            None => "none".to_owned(),
            Some(there) => row_of((there.start + 1, there.end)),
        };
        rows.push_str(&row);
        rows.push('\n');
    }
    same("landings", &rows, expected)
}

pub(crate) fn expect_plan(case: &Case, world: &World, plan: &Plan) -> Result<(), String> {
    plan.files.iter().try_for_each(sound::check)?;
    for block in case.all("after") {
        let content = world.content_after(plan, path(block));
        let expected = (!block.has("gone")).then(|| block.bytes.clone());
        if content != expected {
            let show = |bytes: &Option<Vec<u8>>| match bytes {
                None => "no file".to_owned(),
                Some(bytes) => format!("\"{}\"", bytes.escape_ascii()),
            };
            let (found, wanted) = (show(&content), show(&expected));
            return Err(format!("after:    {found}\n    expected: {wanted}"));
        }
    }
    if let Some(expected) = case.text("answer") {
        let rows = plan.files.iter().flat_map(|file| &file.ops).map(answer_row);
        same("answer", &rows.collect::<String>(), expected)?;
    }
    if let Some(expected) = case.text("plan") {
        let rows = plan.files.iter().map(|file| plan_row(&file.path, &file.action));
        same("plan", &rows.collect::<String>(), expected)?;
    }
    Ok(())
}

/// An operation's answer: its lines, then what is special about it.
fn answer_row(op: &Outcome) -> String {
    let mut row = row_of(op.lines);
    if op.relocated != 0 {
        row.push_str(&format!(" relocated {:+}", op.relocated));
    }
    if op.already {
        row.push_str(" already");
    }
    row + "\n"
}

pub(crate) fn row_of((first, last): LineRange) -> String {
    match first > last {
        true => format!("after {last}"),
        false => format!("{first}-{last}"),
    }
}

/// What is to be done to one file, in a row.
fn plan_row(path: &str, action: &Planned) -> String {
    match action {
        Planned::Modify { .. } => format!("modify {path}\n"),
        Planned::Create { bytes } => format!("create {path} \"{}\"\n", bytes.escape_ascii()),
        Planned::Remove { .. } => format!("remove {path}\n"),
        Planned::Move { to, replaced, .. } => match replaced {
            None => format!("move {path} to {to}\n"),
            Some(_) => format!("move {path} to {to}, replacing it\n"),
        },
        Planned::EditAndMove { to, replaced, .. } => match replaced {
            None => format!("edit {path} and move it to {to}\n"),
            Some(_) => format!("edit {path} and move it to {to}, replacing it\n"),
        },
        Planned::Keep { .. } => format!("keep {path}\n"),
    }
}

pub(crate) fn same(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?}\n    expected: {expected:?}"))
}
