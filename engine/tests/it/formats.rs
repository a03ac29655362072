//! The suites of the formats, each run through one [`check`](crate::cases):
//! text in, bytes or a refusal out.

use engine::format::{Given, read, write};
use engine::plan::{Choice, Resolved, Unresolved, Way};

use crate::cases::{
    check, expect_landings, expect_plan, expect_refusal, known_blocks, row_of, same, world,
};
use crate::suite::Case;
use crate::world::{with_handles, without_handles};

macro_rules! suite {
    ($test:ident, $format:literal, $page:literal) => {
        #[test]
        fn $test() {
            let page = include_str!(concat!("../../../tests/cases/", $page));
            check(($page, page), |case| run($format, case));
        }
    };
}

suite!(replace, "replace", "replace.md");
suite!(blocks, "blocks", "blocks.md");
suite!(udiff, "udiff", "udiff.md");
suite!(patch, "patch", "patch.md");
suite!(hashline, "hashline", "hashline.md");
suite!(lines, "lines", "lines.md");
suite!(whole, "whole", "whole.md");
suite!(lsp, "lsp", "lsp.md");
suite!(symbol, "symbol", "symbol.md");

/// Returns what one case gets wrong, if anything.
fn run(format: &str, case: &Case) -> Result<(), String> {
    let edit = case.blocks.iter().find(|block| block.kind == "edit");
    let edit = edit.ok_or("the heading has no edit")?;
    known_blocks(case, &["candidates", "nearest", "ways"])?;
    let given = Given { path: edit.option("path"), handle: None };
    let draft = match read(format, &with_handles(edit.text()), given) {
        Ok(draft) => draft,
        Err(refusal) => return expect_refusal(case, &refusal),
    };
    if let Some(expected) = case.text("print") {
        let text = write(format, &draft).map_err(|refusal| refusal.to_string())?;
        same("print", &without_handles(&text), expected)?;
    }
    let world = world(case);
    let resolved = match world.resolve(&draft, &choices(edit.option("choose"))) {
        Ok(resolved) => resolved,
        Err(unresolved) => return expect_unresolved(case, &unresolved),
    };
    expect_ways(case, &resolved)?;
    match world.plan(&resolved.script) {
        Err(refused) => {
            expect_refusal(case, &refused.refusal)?;
            expect_landings(case, &refused)
        }
        Ok(_) if case.text("error").is_some() => Err("applied, where an error is expected".into()),
        Ok(plan) => expect_plan(case, &world, &plan),
    }
}

/// Returns the choice of `choose=find:first-last`, in the first file.
fn choices(word: Option<&str>) -> Vec<Choice> {
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let choice = |word: &str| {
        let (find, lines) = word.split_once(':').expect("find:first-last");
        let (first, last) = lines.split_once('-').expect("first-last");
        Choice { file: 0, find: number(find), lines: number(first) - 1..number(last) }
    };
    word.into_iter().map(choice).collect()
}

fn expect_ways(case: &Case, resolved: &Resolved) -> Result<(), String> {
    let Some(expected) = case.text("ways") else { return Ok(()) };
    let name = |way: &Way| format!("{way:?}\n").to_lowercase();
    same("ways", &resolved.ways.iter().flatten().map(name).collect::<String>(), expected)
}

fn expect_unresolved(case: &Case, unresolved: &Unresolved) -> Result<(), String> {
    expect_refusal(case, &unresolved.refusal)?;
    if let Some(expected) = case.text("candidates") {
        let mut rows = if unresolved.of_now { "now\n" } else { "" }.to_owned();
        rows.extend(unresolved.candidates.iter().map(|c| row_of((c.start + 1, c.end)) + "\n"));
        same("candidates", &rows, expected)?;
    }
    if let Some(expected) = case.text("nearest") {
        let mut rows = "none\n".to_owned();
        if let Some(nearest) = &unresolved.nearest {
            rows = row_of((nearest.lines.start + 1, nearest.lines.end)) + "\n";
            let differences = nearest.differences.iter();
            rows.extend(differences.map(|d| format!("line {}: {}\n", d.line, d.kind)));
        }
        same("nearest", &rows, expected)?;
    }
    Ok(())
}
