//! The policies by which we deviate from other programs never land an edit in a
//! wrong place: what we answer is a refusal, or exactly the bytes that are right.
//!
//! For each policy that `docs/formats.md` names, edits are made up that tempt to
//! what the others do. The lines of a file are all different unless a policy is
//! about lines that are not, so what is right is known from the making. What the
//! others do is made up too, and must be called wrong: that shows that the test
//! can fail.

use std::collections::BTreeMap;

use engine::error::Code;
use engine::format::{Given, read};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::foreign::letters;
use crate::world::World;

/// Edits that are made up for each policy.
const CASES: u64 = 300;

/// Files, by their paths.
type Files = BTreeMap<String, String>;

/// What may become of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Right {
    /// A refusal with this code.
    Refused(Code),
    /// Exactly these files.
    Becomes(Files),
}

/// An edit that tempts to a deviation.
#[derive(Debug)]
struct Tempting {
    format: &'static str,
    edit: String,
    before: Files,
    right: Right,
    /// What another program makes of it.
    theirs: Files,
}

/// How an edit that tempts is made up.
type Make = fn(&mut Dice) -> Tempting;

/// Every policy, as `docs/formats.md` names it.
const POLICIES: [(&str, Make); 16] = [
    ("exact text", nearly_the_text),
    ("no first of many", first_of_many),
    ("line numbers stay", numbered_rows),
    ("no place beside the text", place_beside),
    ("all or nothing", one_file_fails),
    ("no overwriting by add or move", taken_name),
    ("no final newline added", no_final_newline),
    ("the line whose number a hunk bears", numbered_hunk),
    ("mixed terminators kept", mixed_terminators),
    ("lines land as they are written", repeated_boundary),
    ("one line, one operation", line_twice),
    ("several inserts at one place", two_inserts),
    ("no line behind the last newline", phantom_line),
    ("an edit may empty a file", emptied),
    ("an empty file that gets lines ends with a newline", into_empty),
    ("what an anchor says must fit", unfit_anchor),
];

impl Dice {
    /// Returns lines that are all different, some of them indented.
    fn lines(&mut self, least: usize) -> Vec<String> {
        let count = least + self.roll(12);
        let line =
            |index| format!("{}call_{index}(\"{}\");", "    ".repeat(self.roll(3)), index * 7);
        (0..count).map(line).collect()
    }

    /// Returns lines of which one stands in several places, the first two of
    /// which come back too.
    fn repeated(&mut self) -> (Vec<String>, Vec<usize>) {
        let mut lines = self.lines(6);
        let step = 2 + self.roll(2);
        let places: Vec<usize> = (self.roll(2)..lines.len()).step_by(step).collect();
        places.iter().for_each(|place| lines[*place] = "    return target;".into());
        (lines, places)
    }
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| line.clone() + "\n").collect()
}

fn file(text: String) -> Files {
    Files::from([("f".to_owned(), text)])
}

/// Returns the lines with those of a range replaced.
fn with(lines: &[String], range: std::ops::Range<usize>, new: &[&str]) -> Vec<String> {
    let mut lines = lines.to_vec();
    lines.splice(range, new.iter().map(|line| (*line).to_owned()));
    lines
}

fn block(line: Option<usize>, search: &str, replace: &str) -> String {
    let line = line.map_or(String::new(), |line| format!(":start_line:{line}\n-------\n"));
    format!("f\n<<<<<<< SEARCH\n{line}{search}\n=======\n{replace}\n>>>>>>> REPLACE\n")
}

/// Returns an anchor of the older form of `hashline`: a line and its hash.
fn anchor(lines: &[String], index: usize) -> Value {
    let line = lines.get(index).map_or("", |line| line.trim_end());
    let hash = letters(xxhash_rust::xxh32::xxh32(line.as_bytes(), 0) as u8);
    json!(format!("{}#{hash}", index + 1))
}

fn hashline(edits: Value) -> String {
    json!({ "path": "f", "edits": edits }).to_string()
}

/// The text differs from a line by what a lenient program passes over.
fn nearly_the_text(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(4);
    let at = dice.roll(lines.len());
    let old = lines[at].clone();
    let search = match dice.roll(5) {
        0 => format!("  {old}"),
        1 => format!("{old} "),
        2 => old.replace('(', " ("),
        3 => old.replace('"', "\u{201c}"),
        _ => old.replace("call", "cal"),
    };
    let theirs = file(text(&with(&lines, at..at + 1, &["new();"])));
    let (format, edit) = match dice.roll(4) {
        0 => ("blocks", block(None, &search, "new();")),
        1 => ("blocks", block(Some(at + 1), &search, "new();")),
        2 => {
            let edit = json!({"path": "f", "old_string": search, "new_string": "new();"});
            ("replace", edit.to_string())
        }
        _ => ("patch", updated(&format!("@@\n-{search}\n+new();\n"))),
    };
    let before = file(text(&lines));
    Tempting { format, edit, before, right: Right::Refused(Code::NotFound), theirs }
}

fn updated(hunks: &str) -> String {
    format!("*** Begin Patch\n*** Update File: f\n{hunks}*** End Patch\n")
}

/// The text stands in several places, and nothing says which.
fn first_of_many(dice: &mut Dice) -> Tempting {
    let (lines, places) = dice.repeated();
    let search = lines[places[0]].clone();
    let first = places[0]..places[0] + 1;
    let theirs = file(text(&with(&lines, first, &["    return other;"])));
    let (format, edit) = match dice.roll(3) {
        0 => ("blocks", block(None, &search, "    return other;")),
        1 => {
            let edit =
                json!({"path": "f", "old_string": search, "new_string": "    return other;"});
            ("replace", edit.to_string())
        }
        _ => ("patch", updated(&format!("@@\n-{search}\n+    return other;\n"))),
    };
    let before = file(text(&lines));
    Tempting { format, edit, before, right: Right::Refused(Code::Ambiguous), theirs }
}

/// The rows of a search have numbers before them, right ones or not.
fn numbered_rows(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(4);
    let (at, shift) = (dice.roll(lines.len() - 1), dice.roll(2));
    let row = |index: usize| format!("{} | {}", index + 1 + shift, lines[index]);
    let edit = block(None, &format!("{}\n{}", row(at), row(at + 1)), "new();");
    let theirs = file(text(&with(&lines, at..at + 2, &["new();"])));
    let before = file(text(&lines));
    Tempting { format: "blocks", edit, before, right: Right::Refused(Code::NotFound), theirs }
}

/// Another program is told beside the text which of several places is meant.
fn place_beside(dice: &mut Dice) -> Tempting {
    let (lines, places) = dice.repeated();
    let place = places[dice.roll(places.len())];
    let edit = block(None, &lines[place], "    return other;");
    let theirs = file(text(&with(&lines, place..place + 1, &["    return other;"])));
    let before = file(text(&lines));
    Tempting { format: "blocks", edit, before, right: Right::Refused(Code::Ambiguous), theirs }
}

/// A patch of two files, the second of which does not fit.
fn one_file_fails(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(3);
    let at = dice.roll(lines.len());
    let mut before = file(text(&lines));
    before.insert("g".into(), text(&dice.lines(3)));
    let first = format!("@@\n-{}\n+new();\n*** Update File: g\n@@\n-gone();\n+new();\n", lines[at]);
    let mut theirs = before.clone();
    theirs.insert("f".into(), text(&with(&lines, at..at + 1, &["new();"])));
    let edit = updated(&first);
    Tempting { format: "patch", edit, before, right: Right::Refused(Code::NotFound), theirs }
}

/// A file is added, or moved, to a name that is taken.
fn taken_name(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(3);
    let mut before = file(text(&lines));
    before.insert("g".into(), text(&dice.lines(3)));
    let (edit, theirs) = if dice.roll(2) == 0 {
        let edit = "*** Begin Patch\n*** Add File: g\n+new();\n*** End Patch\n".to_owned();
        let mut theirs = before.clone();
        theirs.insert("g".into(), "new();\n".into());
        (edit, theirs)
    } else {
        let at = dice.roll(lines.len());
        let edit = updated(&format!("*** Move to: g\n@@\n-{}\n+new();\n", lines[at]));
        let moved = text(&with(&lines, at..at + 1, &["new();"]));
        (edit, Files::from([("g".to_owned(), moved)]))
    };
    Tempting { format: "patch", edit, before, right: Right::Refused(Code::Exists), theirs }
}

/// A file that does not end with a newline, changed anywhere.
fn no_final_newline(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(3);
    let at = dice.roll(lines.len());
    let edit = updated(&format!("@@\n-{}\n+new();\n", lines[at]));
    let theirs = text(&with(&lines, at..at + 1, &["new();"]));
    let ended = |text: &str| file(text.trim_end_matches('\n').to_owned());
    let (before, right) = (ended(&text(&lines)), Right::Becomes(ended(&theirs)));
    Tempting { format: "patch", edit, before, right, theirs: file(theirs) }
}

/// A hunk with more rows before its change than behind it, whose rows stand in
/// several places: the header has the number of one, which is not the last.
fn numbered_hunk(dice: &mut Dice) -> Tempting {
    let unit = ["begin();", "middle();", "end();"].map(str::to_owned);
    let count = 2 + dice.roll(4);
    let mut lines = dice.lines(1);
    let first = lines.len();
    (0..count).for_each(|_| lines.extend(unit.clone()));
    let chosen = dice.roll(count - 1);
    let at = first + 3 * chosen;
    let [one, two, three] = &unit;
    let header = format!("@@ -{0},3 +{0},3 @@", at + 1);
    let edit = format!("--- a/f\n+++ b/f\n{header}\n {one}\n {two}\n-{three}\n+new();\n");
    let right = text(&with(&lines, at + 2..at + 3, &["new();"]));
    let last = lines.len() - 1;
    let theirs = file(text(&with(&lines, last..last + 1, &["new();"])));
    let right = Right::Becomes(file(right));
    Tempting { format: "udiff", edit, before: file(text(&lines)), right, theirs }
}

/// A file whose lines end in two ways.
fn mixed_terminators(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(4);
    let mut ends: Vec<&str> = (0..lines.len()).map(|_| ["\n", "\r\n"][dice.roll(2)]).collect();
    (ends[0], ends[1]) = ("\n", "\r\n");
    let joined = |lines: &[String], ends: &[&str]| -> String {
        lines.iter().zip(ends).map(|(line, end)| format!("{line}{end}")).collect()
    };
    let at = dice.roll(lines.len());
    let new = with(&lines, at..at + 1, &["new();"]);
    let (format, edit) = match dice.roll(2) {
        0 => ("blocks", block(None, &lines[at], "new();")),
        _ => (
            "hashline",
            hashline(json!([
                {"op": "replace", "pos": anchor(&lines, at), "lines": ["new();"]}
            ])),
        ),
    };
    let theirs = file(joined(&new, &vec!["\n"; lines.len()]));
    let right = Right::Becomes(file(joined(&new, &ends)));
    Tempting { format, edit, before: file(joined(&lines, &ends)), right, theirs }
}

/// The new lines repeat the line before or behind the range, or are indented
/// otherwise: a program that takes that for a slip writes something else.
fn repeated_boundary(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(5);
    let at = 1 + dice.roll(lines.len() - 2);
    let (before, behind) = (lines[at - 1].as_str(), lines[at + 1].as_str());
    let (new, theirs) = match dice.roll(3) {
        0 => (vec![before, "new();"], vec!["new();"]),
        1 => (vec!["new();", behind], vec!["new();"]),
        _ => (vec!["new();"], vec!["        new();"]),
    };
    let edit =
        hashline(json!([{"op": "replace", "pos": anchor(&lines, at), "lines": new.clone()}]));
    let becomes = |new: &[&str]| file(text(&with(&lines, at..at + 1, new)));
    let right = Right::Becomes(becomes(&new));
    let theirs = becomes(&theirs);
    Tempting { format: "hashline", edit, before: file(text(&lines)), right, theirs }
}

/// Two operations over the same line.
fn line_twice(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(4);
    let at = dice.roll(lines.len());
    let second = ["new();", "other();"][dice.roll(2)];
    let pos = anchor(&lines, at);
    let edit = hashline(json!([
        {"op": "replace", "pos": pos.clone(), "lines": ["new();"]},
        {"op": "replace", "pos": pos, "lines": [second]},
    ]));
    let theirs = file(text(&with(&lines, at..at + 1, &["new();"])));
    let before = file(text(&lines));
    Tempting { format: "hashline", edit, before, right: Right::Refused(Code::Overlap), theirs }
}

/// Two inserts between the same two lines.
fn two_inserts(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(4);
    let at = dice.roll(lines.len() - 1);
    let behind = |line: &str| json!({"op": "append", "pos": anchor(&lines, at), "lines": [line]});
    let ahead =
        |line: &str| json!({"op": "prepend", "pos": anchor(&lines, at + 1), "lines": [line]});
    let edits = match dice.roll(3) {
        0 => json!([behind("one();"), ahead("two();")]),
        1 => json!([ahead("one();"), behind("two();")]),
        _ => json!([behind("one();"), behind("two();")]),
    };
    let place = at + 1..at + 1;
    let right = Right::Becomes(file(text(&with(&lines, place.clone(), &["one();", "two();"]))));
    let theirs = file(text(&with(&lines, place, &["two();", "one();"])));
    let before = file(text(&lines));
    Tempting { format: "hashline", edit: hashline(edits), before, right, theirs }
}

/// An anchor on the empty line that some see behind the last newline.
fn phantom_line(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(2);
    let pos = anchor(&lines, lines.len());
    let op = ["append", "prepend", "replace"][dice.roll(3)];
    let edit = hashline(json!([{"op": op, "pos": pos, "lines": ["new();"]}]));
    let theirs = file(text(&lines) + "new();\n");
    let before = file(text(&lines));
    Tempting { format: "hashline", edit, before, right: Right::Refused(Code::Malformed), theirs }
}

/// All lines are to go.
fn emptied(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(1);
    let (pos, end) = (anchor(&lines, 0), anchor(&lines, lines.len() - 1));
    let edit = hashline(json!([{"op": "replace", "pos": pos, "end": end, "lines": []}]));
    let before = file(text(&lines));
    let theirs = before.clone();
    Tempting {
        format: "hashline",
        edit,
        before,
        right: Right::Becomes(file(String::new())),
        theirs,
    }
}

/// An empty file gets lines.
fn into_empty(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(1);
    let op = ["append", "prepend"][dice.roll(2)];
    let edit = hashline(json!([{"op": op, "lines": lines.clone()}]));
    let before = file(String::new());
    let right = Right::Becomes(file(text(&lines)));
    let theirs = file(lines.join("\n"));
    Tempting { format: "hashline", edit, before, right, theirs }
}

/// An anchor whose hash, or whose text, is not that of its line.
fn unfit_anchor(dice: &mut Dice) -> Tempting {
    let lines = dice.lines(4);
    let at = dice.roll(lines.len());
    let other = (at + 1 + dice.roll(lines.len() - 1)) % lines.len();
    let hash = |index| anchor(&lines, index).as_str().unwrap_or_default().to_owned();
    let of =
        |index: usize| hash(index).split_once('#').map_or(String::new(), |(_, hash)| hash.into());
    let pos = match dice.roll(2) {
        0 if of(at) != of(other) => format!("{}#{}", at + 1, of(other)),
        1 => format!("{}:...{}", hash(at), lines[other].trim()),
        _ => format!("{}:{}", hash(at), lines[at].replace('"', "\u{201c}")),
    };
    let edit = hashline(json!([{"op": "replace", "pos": pos, "lines": ["new();"]}]));
    let theirs = file(text(&with(&lines, at..at + 1, &["new();"])));
    let before = file(text(&lines));
    Tempting { format: "hashline", edit, before, right: Right::Refused(Code::Stale), theirs }
}

/// Returns what we make of an edit: the files afterwards, or why not.
fn ours(case: &Tempting) -> Result<Files, (Code, String)> {
    let refused = |refusal: engine::error::Refusal| (refusal.code, refusal.to_string());
    let mut world = World::default();
    case.before.iter().for_each(|(path, text)| world.add(path, text.clone().into_bytes(), None));
    let draft = read(case.format, &case.edit, Given::default()).map_err(refused)?;
    let script = world.resolve(&draft, &[]).map_err(|why| refused(why.refusal))?.script;
    let plan = world.plan(&script).map_err(|why| refused(why.refusal))?;
    let after = |path: &str| Some((path.to_owned(), world.content_after(&plan, path)?));
    let files = ["f", "g"].into_iter().filter_map(after);
    Ok(files.map(|(path, bytes)| (path, String::from_utf8(bytes).expect("it is text"))).collect())
}

/// Says what is wrong with an outcome, if anything.
fn judge(case: &Tempting, outcome: &Result<Files, (Code, String)>) -> Option<String> {
    match (outcome, &case.right) {
        (Err((code, _)), Right::Refused(right)) if code == right => None,
        (Ok(files), Right::Becomes(right)) if files == right => None,
        (Ok(_), _) => Some("it landed in a wrong place".into()),
        (Err((code, why)), _) => Some(format!("refused as {code}: {why}")),
    }
}

fn made(index: usize, seed: u64) -> Tempting {
    POLICIES[index].1(&mut Dice(((index as u64) << 32) + seed))
}

#[test]
fn no_deviation_lands_an_edit_in_a_wrong_place() {
    let (mut applied, mut refused) = (0, 0);
    for (index, (policy, _)) in POLICIES.iter().enumerate() {
        for seed in 0..CASES {
            let case = made(index, seed);
            let outcome = ours(&case);
            let wrong = judge(&case, &outcome);
            assert_eq!(wrong, None, "{policy}, seed {seed}: {case:#?}\nours: {outcome:?}");
            *(if outcome.is_ok() { &mut applied } else { &mut refused }) += 1;
        }
    }
    println!("deviations: {} policies, {applied} edits exact, {refused} refused", POLICIES.len());
}

/// What the others do would be noticed, of every policy and in every case.
#[test]
fn what_the_others_do_is_called_wrong() {
    for (index, (policy, _)) in POLICIES.iter().enumerate() {
        for seed in 0..CASES {
            let case = made(index, seed);
            let wrong = judge(&case, &Ok(case.theirs.clone()));
            assert!(wrong.is_some(), "{policy}, seed {seed}: {case:#?}");
        }
    }
}

/// The page of the formats has these policies and no others, and where it says
/// what we answer by a code, that is what we answer.
#[test]
fn the_page_names_these_policies() {
    let page = include_str!("../../../docs/formats.md");
    let (_, table) =
        page.split_once("| policy | they | we | rows |\n|---|---|---|---:|\n").expect("the table");
    let mut told = Vec::new();
    for row in table.lines().take_while(|row| row.starts_with('|')) {
        // A bar in a cell has a backslash before it.
        let row = row.replace("\\|", "");
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let index = POLICIES.iter().position(|(name, _)| *name == cells[0]);
        let index = index.unwrap_or_else(|| panic!("{} has no edits here", cells[0]));
        let code = cells[2].strip_prefix('`').and_then(|rest| rest.split_once('`'));
        if let Some((code, _)) = code {
            let right = made(index, 0).right;
            assert!(matches!(right, Right::Refused(ours) if ours.as_str() == code), "{row}");
        }
        told.push(cells[0].to_owned());
    }
    assert_eq!(told.len(), POLICIES.len(), "a policy is no longer on the page");
}
