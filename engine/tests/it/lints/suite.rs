//! The suite of `tests/cases/lints.md`.

use std::fmt::Write;

use engine::format::{Action, FileScript, Op, Script};
use engine::snapshot::Snapshot;
use engine::verify::lint::{Lint, LintSet, lints};

use crate::suite::{Block, Case, Suite};
use crate::world::{World, script};

/// A message has at most 60 tokens, which so many bytes never exceed in English.
const MESSAGE_BYTES: usize = 180;

#[test]
fn lints_suite() {
    check(("lints.md", include_str!("../../../../tests/cases/lints.md")));
}

/// Runs every case of the suite, and fails with all that do not hold.
#[track_caller]
fn check((name, page): (&'static str, &str)) {
    let suite = Suite::read(name, page);
    let cases = suite.cases.iter().filter(|case| !case.blocks.is_empty());
    let verdicts: Vec<_> = cases.map(|case| (case, run(case))).collect();
    let mut failures = String::new();
    for (case, verdict) in &verdicts {
        if let Err(why) = verdict {
            write!(failures, "\n{name}:{}: {}\n    {why}\n", case.row, case.heading)
                .expect("a string takes everything");
        }
    }
    assert!(failures.is_empty(), "{failures}");
    println!("{}: {} cases", suite.name, verdicts.len());
    assert_eq!(verdicts.len(), page.matches("\n```edit").count(), "a case was forgotten");
}

/// Returns what one case gets wrong, if anything.
fn run(case: &Case) -> Result<(), String> {
    let before = case.blocks.first().filter(|block| block.kind == "before");
    let before = before.ok_or("the case does not begin with a file")?;
    let path = before.option("path").unwrap_or("f");
    let edit = case.text("edit").ok_or("the heading has no edit")?;
    let expected = case.text("lint").ok_or("the case expects nothing")?;
    let script = script(edit).map_err(|refusal| refusal.to_string())?;
    let [FileScript { action: Action::Edit { ops, .. }, .. }] = &script.files[..] else {
        return Err("the edit changes lines of one file".to_owned());
    };
    let found = lints(path, ops, &Snapshot::of(before.bytes.clone()), LintSet::ALL);
    if let Some(long) = found.iter().find(|lint| lint.message.len() > MESSAGE_BYTES) {
        return Err(format!("too long: {}", long.message));
    }
    let shown: String = found.iter().map(shown).collect();
    if shown != expected {
        return Err(format!("found:\n{shown}\n    expected:\n{expected}"));
    }
    let fixes = found.iter().flat_map(|lint| lint.fixes.iter().map(move |fix| (lint.op, &fix.ops)));
    let blocks = case.all("fixed").map(Some).chain(std::iter::repeat(None));
    for ((op, fix), block) in fixes.zip(blocks) {
        let block = block.ok_or("a fix without its file")?;
        expect_fixed(path, before, &script, (op, fix), block)?;
    }
    Ok(())
}

/// A lint as the suite writes it.
fn shown(lint: &Lint) -> String {
    let (first, last) = lint.rows;
    let mut text =
        format!("{} op {} rows {first}-{last}\n{}\n", lint.kind.as_str(), lint.op, lint.message);
    for fix in &lint.fixes {
        text += &format!("fix: {}\n", fix.what);
    }
    text
}

/// Applies the edit with one operation replaced by those of a fix.
fn expect_fixed(
    path: &str,
    before: &Block,
    script: &Script,
    (op, fix): (usize, &[Op]),
    expected: &Block,
) -> Result<(), String> {
    let mut script = script.clone();
    if let Action::Edit { ops, .. } = &mut script.files[0].action {
        ops.splice(op..=op, fix.iter().cloned());
    }
    let mut world = World::default();
    world.add(path, before.bytes.clone(), None);
    let plan = world.plan(&script).map_err(|refused| refused.refusal.to_string())?;
    let found = world.content_after(&plan, path).unwrap_or_default();
    if found == expected.bytes {
        return Ok(());
    }
    let (found, expected) = (found.escape_ascii(), expected.bytes.escape_ascii());
    Err(format!("fixed: \"{found}\"\n    expected: \"{expected}\""))
}
