//! The suites of other programs: what their tests say must come out, held
//! against what we make of the same edit.
//!
//! They lie beside the tree, not in it. A row that comes out otherwise must
//! stand in the table of deviations with its reason, and a row that stands
//! there must deviate; no deviation may apply a change at all.

use std::collections::BTreeMap;

use engine::error::{Code, Refusal};
use engine::format::{Draft, Find, Given, Hunk, Row, Task, read};
use serde_json::Value;

use crate::world::World;

/// What is done on purpose otherwise than by the program of a suite.
struct Deviation {
    /// The rows, by their ids.
    ids: &'static [&'static str],
    /// What we answer.
    code: Code,
    /// Why: a policy, as `docs/formats.md` names it.
    policy: &'static str,
}

const fn deviation(ids: &'static [&'static str], code: Code, policy: &'static str) -> Deviation {
    Deviation { ids, code, policy }
}

/// A change of the outcome that is a policy, not a refusal: the row is applied,
/// and these are the bytes.
struct Policy {
    id: &'static str,
    after: &'static [(&'static str, &'static str)],
    /// Why, as `docs/formats.md` names it.
    policy: &'static str,
}

/// One row of a suite.
struct Foreign {
    id: String,
    before: BTreeMap<String, String>,
    /// The files that must be there afterwards; `None` where the edit must be
    /// refused.
    after: Option<BTreeMap<String, String>>,
    row: Value,
}

impl Foreign {
    fn world(&self) -> World {
        let mut world = World::default();
        for (path, text) in &self.before {
            world.add(path, text.clone().into_bytes(), None);
        }
        world
    }
}

/// Returns the rows of a suite beside the tree, if it is there.
#[expect(clippy::disallowed_methods, reason = "a file of test data, no user's file")]
fn rows(name: &str) -> Option<Vec<Foreign>> {
    let path = format!("{}/../../shared/cases/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(rows) = std::fs::read_to_string(path) else {
        println!("no {name} beside the tree: skipped");
        return None;
    };
    Some(rows.lines().map(foreign).collect())
}

fn foreign(row: &str) -> Foreign {
    let row: Value = serde_json::from_str(row).expect("a row is JSON");
    let files = |value: &Value| {
        let files = value.as_object()?.iter();
        Some(files.map(|(path, text)| (path.clone(), text.as_str().unwrap_or("").into())).collect())
    };
    Foreign {
        id: row["id"].as_str().expect("a name").to_owned(),
        before: files(&row["before"]).unwrap_or_default(),
        after: files(&row["after"]).filter(|_| row["error"].is_null()),
        row,
    }
}

/// What became of an edit: the files afterwards, or the code of the refusal.
type Outcome = Result<BTreeMap<String, String>, (Code, String)>;

fn outcome(row: &Foreign, draft: Result<Draft, Refusal>) -> Outcome {
    let refused = |refusal: Refusal| (refusal.code, refusal.to_string());
    let world = row.world();
    let draft = draft.map_err(refused)?;
    let script = world.resolve(&draft, &[]).map_err(|u| refused(u.refusal))?.script;
    let plan = world.plan(&script).map_err(|r| refused(r.refusal))?;
    let new = script.files.iter().flat_map(|file| {
        let to = file.action.destination().map(|(to, _)| to.to_owned());
        to.into_iter().chain([file.path.clone()])
    });
    let paths: std::collections::BTreeSet<String> = new.chain(row.before.keys().cloned()).collect();
    let text = |path: &String| Some((path.clone(), world.content_after(&plan, path)?));
    let files = paths.iter().filter_map(text);
    Ok(files.map(|(path, bytes)| (path, String::from_utf8(bytes).expect("it is text"))).collect())
}

/// Holds a suite against its deviations; `parse` makes a draft of a row.
#[track_caller]
fn hold(
    name: &str,
    deviations: &[Deviation],
    policies: &[Policy],
    parse: impl Fn(&Foreign) -> Result<Draft, Refusal>,
) {
    if let Some(rows) = rows(name) {
        hold_rows(name, &rows, deviations, policies, parse);
    }
}

#[track_caller]
fn hold_rows(
    name: &str,
    rows: &[Foreign],
    deviations: &[Deviation],
    policies: &[Policy],
    parse: impl Fn(&Foreign) -> Result<Draft, Refusal>,
) {
    let mut wrong = Vec::new();
    let (mut exact, mut refused, mut deviates) = (0, 0, 0);
    for row in rows {
        let found = outcome(row, parse(row));
        let deviation = deviations.iter().find(|d| d.ids.contains(&row.id.as_str()));
        let policy = policies.iter().find(|policy| policy.id == row.id);
        match (&found, &row.after, deviation, policy) {
            (Ok(files), Some(after), None, None) if files == after => exact += 1,
            (Err(_), Some(after), None, None) if *after == row.before => {
                refused += 1;
            }
            (Err(_), None, None, None) => refused += 1,
            (Err((code, _)), Some(_), Some(deviation), None) if *code == deviation.code => {
                deviates += 1;
            }
            (Ok(files), _, None, Some(policy)) if is(files, policy.after) => {
                deviates += 1;
            }
            (found, ..) => {
                wrong.push(format!("{}: {found:?}\n    expected: {:?}", row.id, row.after));
            }
        }
    }
    let named: usize = deviations.iter().map(|d| d.ids.len()).sum::<usize>() + policies.len();
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    assert_eq!(deviates, named, "{name}: a row of the table does not deviate");
    println!(
        "{name}: {} rows, {exact} exact, {refused} refused alike, {deviates} named deviations",
        rows.len()
    );
}

fn is(files: &BTreeMap<String, String>, expected: &[(&str, &str)]) -> bool {
    let expected = expected.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    *files == expected.collect()
}

/// The file of suites that have one without a name.
const F: Given<'static> = Given { path: Some("f"), handle: None };

const EXACT: &str = "exact text";
const NUMBERS: &str = "line numbers stay";
const BESIDE: &str = "no place beside the text";
const FIRST: &str = "no first of many";
const OVERWRITES: &str = "no overwriting by add or move";
const PHANTOM: &str = "no line behind the last newline";
const FITS: &str = "what an anchor says must fit";
const ONE: &str = "one line, one operation";
const SAME_PLACE: &str = "several inserts at one place";
const EMPTIES: &str = "an edit may empty a file";
const ENDED: &str = "an empty file that gets lines ends with a newline";
const AS_WRITTEN: &str = "lines land as they are written";

const ROO: [Deviation; 3] = [
    deviation(&["roo/0", "roo/1", "roo/2", "roo/3", "roo/4", "roo/38"], Code::NotFound, NUMBERS),
    deviation(&["roo/10", "roo/13", "roo/21", "roo/22", "roo/30", "roo/32"], Code::NotFound, EXACT),
    deviation(&["roo/29"], Code::Ambiguous, BESIDE),
];

const AIDER: [Deviation; 2] = [
    deviation(&["aider/test_replace_multiple_matches/12"], Code::Ambiguous, FIRST),
    deviation(
        &[
            "aider/test_replace_multiple_matches_missing_whitespace/13",
            "aider/test_replace_part_with_just_some_missing_leading_whitespace/14",
            "aider/test_replace_part_with_missing_leading_whitespace/15",
            "aider/test_replace_part_with_missing_leading_whitespace_including_blank_line/16",
            "aider/test_replace_part_with_missing_varied_leading_whitespace/17",
        ],
        Code::NotFound,
        EXACT,
    ),
];

const CODEX: [Deviation; 1] = [deviation(
    &["codex/010_move_overwrites_existing_destination", "codex/011_add_overwrites_existing_file"],
    Code::Exists,
    OVERWRITES,
)];

const PI: [Deviation; 4] = [
    deviation(&["pi-hashline-edit/74", "pi-hashline-edit/105"], Code::Malformed, PHANTOM),
    deviation(&["pi-hashline-edit/26"], Code::Stale, FITS),
    // The hash is that of no scheme.
    deviation(&["pi-hashline-edit/62"], Code::Stale, FITS),
    deviation(&["pi-hashline-edit/81"], Code::Overlap, ONE),
];

#[test]
fn roo_search_and_replace() {
    hold("roo-multi-search-replace.jsonl", &ROO, &[], |row| {
        read("blocks", row.row["edit"].as_str().expect("text"), F)
    });
}

/// Rows that say what aider reads in a reply, and rows that say what it makes
/// of one block.
#[test]
fn aider_blocks() {
    let Some(rows) = rows("aider-editblock.jsonl") else { return };
    let (parsed, applied): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.row["edit"].is_string());
    for row in &parsed {
        let draft = read("blocks", row.row["edit"].as_str().expect("a reply"), Given::default());
        match row.row["parsed"].as_array() {
            None => assert!(draft.is_err(), "{}: {draft:?}", row.id),
            Some(blocks) => assert_eq!(said(&draft), blocks_of(blocks), "{}", row.id),
        }
    }
    let ids: Vec<&str> = applied.iter().map(|row| row.id.as_str()).collect();
    println!("aider replies: {} read alike; blocks: {}", parsed.len(), ids.len());
    hold_rows("aider-editblock.jsonl", &applied, &AIDER, &[], |row| {
        let text = |key: &str| row.row["edit"][key].as_str().expect("text").to_owned();
        let (search, replace) = (text("search"), text("replace"));
        let block = format!("<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n");
        read("blocks", &block, F)
    });
}

/// Returns what a draft says, as path, search and replace of each block.
fn said(draft: &Result<Draft, Refusal>) -> Vec<[String; 3]> {
    let draft = draft.as_ref().expect("the reply is read");
    let rows = |hunk: &Hunk, pick: fn(&Row) -> Option<&str>| {
        hunk.rows.iter().filter_map(pick).map(|row| row.to_owned() + "\n").collect::<String>()
    };
    let mut said = Vec::new();
    for file in &draft.files {
        match &file.task {
            Task::Create { text } => said.push([file.path.clone(), String::new(), text.clone()]),
            Task::Edit { finds, .. } => said.extend(finds.iter().map(|find| match find {
                Find::Rows(hunk) => {
                    [file.path.clone(), rows(hunk, Row::before), rows(hunk, Row::after)]
                }
                other => panic!("blocks hold {other:?}"),
            })),
            other => panic!("blocks ask for {other:?}"),
        }
    }
    said
}

fn blocks_of(blocks: &[Value]) -> Vec<[String; 3]> {
    let text = |block: &Value, at: usize| block[at].as_str().expect("text").to_owned();
    blocks.iter().map(|block| [0, 1, 2].map(|at| text(block, at))).collect()
}

/// Row 015 expects a file of a patch that failed; like every row with an error
/// it must be refused here, and then nothing is written.
#[test]
fn codex_apply_patch_scenarios() {
    hold("codex-apply-patch-scenarios.jsonl", &CODEX, &[], |row| {
        read("patch", row.row["edit"].as_str().expect("text"), Given::default())
    });
}

const LETTERS: &[u8; 16] = b"ZPMQVRWSNKTXJBYH";

pub(crate) fn letters(byte: u8) -> String {
    [byte >> 4, byte & 15].iter().map(|half| char::from(LETTERS[usize::from(*half)])).collect()
}

/// Returns the edit of a suite whose hashes are of another kind with ours in
/// their place: right where theirs is right, else wrong.
fn rehashed(row: &Foreign) -> Value {
    let text = &row.before["f"];
    let lines: Vec<&str> = text.split('\n').collect();
    let theirs = |line: usize| {
        let at = |index: usize| lines.get(index).copied().unwrap_or_default();
        let before = line.checked_sub(1).map_or("", at);
        let text = [before, at(line), at(line + 1)].map(str::trim_end).join("\0");
        letters(xxhash_rust::xxh32::xxh32(text.as_bytes(), 0) as u8)
    };
    let mut edit = row.row["edit"].clone();
    for op in edit.as_array_mut().expect("operations") {
        for key in ["pos", "end"] {
            let Some(anchor) = op.get_mut(key).filter(|anchor| anchor.is_object()) else {
                continue;
            };
            let line = anchor["line"].as_u64().expect("a line") as usize;
            let hash = anchor["hash"].as_str().expect("a hash");
            let right = line <= lines.len() && hash.ends_with(&theirs(line - 1));
            let text = lines.get(line - 1).unwrap_or(&"").trim_end();
            let ours = xxhash_rust::xxh32::xxh32(text.as_bytes(), 0) as u8;
            anchor["hash"] = letters(if right { ours } else { ours ^ 1 }).into();
        }
    }
    edit
}

const fn policy(
    id: &'static str,
    after: &'static [(&'static str, &'static str)],
    policy: &'static str,
) -> Policy {
    Policy { id, after, policy }
}

const PI_POLICIES: [Policy; 9] = [
    policy("pi-hashline-edit/48", &[("f", "aaa\nbbb\nX\nY\nccc")], SAME_PLACE),
    policy("pi-hashline-edit/50", &[("f", "a\nb\nX\nY\n")], SAME_PLACE),
    policy("pi-hashline-edit/75", &[("f", "first\n")], ENDED),
    policy("pi-hashline-edit/78", &[("f", "first\n")], ENDED),
    policy("pi-hashline-edit/88", &[("f", "")], EMPTIES),
    policy("pi-hashline-edit/89", &[("f", "")], EMPTIES),
    policy("pi-hashline-edit/90", &[("f", "aaa\n")], ENDED),
    policy("pi-hashline-edit/104", &[("f", "P\nA\n")], ENDED),
    policy("pi-hashline-edit/106", &[("f", "a\nB\nC\n}\nX\n}")], AS_WRITTEN),
];

const MCP_POLICIES: [Policy; 2] = [
    policy(
        "mcp-hashline-edit-server/27",
        &[("f", "function hello() {\nfunction hello() {\n  // new comment\n  return 1;\n}")],
        AS_WRITTEN,
    ),
    policy("mcp-hashline-edit-server/28", &[("f", "aaa\naaa\nBBB\nCCC\nddd\nddd")], AS_WRITTEN),
];

const GSD_POLICIES: [Policy; 2] = [
    policy("gsd-2-hashline/19", &[("f", "if (ok) {\n  runSafe();\n}\n}\nafter();")], AS_WRITTEN),
    policy("gsd-2-hashline/20", &[("f", "root\n\tchild\n\\t\\treplaced\nend")], AS_WRITTEN),
];

const LISP_POLICIES: [Policy; 1] = [policy(
    "lispmeister/04_indentation_sensitive.json",
    &[("f", "fn example() {\n    if true {\nlet x = 2;\n    }\n}")],
    AS_WRITTEN,
)];

#[test]
fn pi_hashline_edit() {
    hold("pi-hashline-edit.jsonl", &PI, &PI_POLICIES, |row| {
        read("hashline", &rehashed(row).to_string(), F)
    });
}

#[test]
fn mcp_hashline_edit_server() {
    hold("mcp-hashline-edit-server.jsonl", &[], &MCP_POLICIES, |row| {
        read("hashline", &row.row["edit"].to_string(), F)
    });
}

#[test]
fn gsd_2_hashline() {
    hold("gsd-2-hashline.jsonl", &[], &GSD_POLICIES, |row| {
        read("hashline", &row.row["edit"].to_string(), F)
    });
}

#[test]
fn lispmeister_fixtures() {
    hold("lispmeister-fixtures.jsonl", &[], &LISP_POLICIES, |row| {
        read("hashline", &row.row["edit"].to_string(), F)
    });
}

/// Returns what comes of a row of a hashline suite if every operation is done to
/// the very lines whose numbers it bears, `shift` lines further down.
fn literal(row: &Foreign, shift: usize) -> String {
    let text = &row.before["f"];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let number = |at: &Value| match at {
        Value::String(at) => at.split(':').next().and_then(|line| line.parse().ok()),
        at => at["line"].as_u64().map(|line| line as usize),
    };
    let mut done: Vec<(usize, usize, Vec<String>)> = Vec::new();
    for op in row.row["edit"].as_array().expect("operations") {
        let named = op.as_object().and_then(|op| op.iter().next()).expect("an operation");
        let (kind, op) = match op["op"].as_str() {
            Some(kind) => (kind, op),
            None => (named.0.as_str(), named.1),
        };
        let new = ["lines", "text", "new_text", "newText"].map(|key| match &op[key] {
            Value::Array(new) => new.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Value::String(new) => new.lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        });
        let first = ["pos", "anchor", "start_anchor"].iter().find_map(|key| number(&op[*key]));
        let last = ["end", "end_anchor"].iter().find_map(|key| number(&op[*key])).or(first);
        let (start, end) = match (kind, first.zip(last)) {
            // It says the whole text of its file.
            ("replace_text", _) => (0, lines.len()),
            ("prepend", None) => (0, 0),
            (_, None) => (lines.len(), lines.len()),
            ("append" | "insert_after", Some((first, _))) => (first, first),
            ("prepend", Some((first, _))) => (first - 1, first - 1),
            (_, Some((first, last))) => (first - 1, last),
        };
        let at = if (kind, first) == ("prepend", None) { 0 } else { done.len() };
        done.insert(at, (start + shift, end + shift, new.concat()));
    }
    done.sort_by_key(|(start, ..)| *start);
    for (start, end, new) in done.into_iter().rev() {
        let len = lines.len();
        lines.splice(start.min(len)..end.min(len), new);
    }
    let end = if text.is_empty() || text.ends_with('\n') { "\n" } else { "" };
    if lines.is_empty() { String::new() } else { lines.join("\n") + end }
}

/// The bytes that stand in the tables of policies are those that the numbers of
/// the edit ask for, and would not be if it landed a line further down.
#[test]
fn what_deviates_and_is_applied_lands_where_its_numbers_say() {
    let suites = [
        ("pi-hashline-edit.jsonl", &PI_POLICIES[..]),
        ("mcp-hashline-edit-server.jsonl", &MCP_POLICIES),
        ("gsd-2-hashline.jsonl", &GSD_POLICIES),
        ("lispmeister-fixtures.jsonl", &LISP_POLICIES),
    ];
    for (name, policies) in suites {
        let rows = rows(name).unwrap_or_default();
        for row in &rows {
            let Some(policy) = policies.iter().find(|policy| policy.id == row.id) else { continue };
            let expected = [("f", &*literal(row, 0))];
            assert_eq!(policy.after, expected, "{}", row.id);
            // A line further down there is nothing in a file without lines.
            if !row.before["f"].is_empty() && row.row["edit"][0]["pos"].is_object() {
                assert_ne!(policy.after, [("f", &*literal(row, 1))], "{}", row.id);
            }
        }
    }
}

/// The page of the formats names every policy, with the rows that come out
/// otherwise by it, and no other.
#[test]
fn the_page_tells_every_deviation() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for deviation in ROO.iter().chain(&AIDER).chain(&CODEX).chain(&PI) {
        *counts.entry(deviation.policy).or_default() += deviation.ids.len();
    }
    let policies = PI_POLICIES.iter().chain(&MCP_POLICIES).chain(&GSD_POLICIES);
    for policy in policies.chain(&LISP_POLICIES) {
        *counts.entry(policy.policy).or_default() += 1;
    }
    let page = include_str!("../../../docs/formats.md");
    let (_, table) =
        page.split_once("| policy | they | we | rows |\n|---|---|---|---:|\n").expect("the table");
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for row in table.lines().take_while(|row| row.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (name, rows) = (cells[0], cells[cells.len() - 1]);
        // A policy without a row shows in the differential runs.
        match rows.parse() {
            Ok(rows) => assert_eq!(told.insert(name, rows), None, "{name} stands there twice"),
            Err(_) => assert!(crate::differential::NAMED.contains(&name), "{name} has no rows"),
        }
    }
    assert_eq!(told, counts);
}
