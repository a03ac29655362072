//! Streams: whatever the chunks, the close says what the whole text says, and
//! nothing is called hopeless that would have been applied.

use std::collections::BTreeMap;

use engine::error::Refusal;
use engine::format::{Draft, Event, Find, Given, NAMES, Stream, read};
use engine::plan::foresee;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::cases::world;
use crate::model::config;
use crate::round_trip::corpus;
use crate::suite::Suite;
use crate::world::{World, with_handles};

/// The formats and their pages.
const PAGES: [(&str, &str); 9] = [
    ("anchor", include_str!("../../../tests/cases/anchor-text.md")),
    ("replace", include_str!("../../../tests/cases/replace.md")),
    ("blocks", include_str!("../../../tests/cases/blocks.md")),
    ("udiff", include_str!("../../../tests/cases/udiff.md")),
    ("patch", include_str!("../../../tests/cases/patch.md")),
    ("hashline", include_str!("../../../tests/cases/hashline.md")),
    ("lines", include_str!("../../../tests/cases/lines.md")),
    ("whole", include_str!("../../../tests/cases/whole.md")),
    ("lsp", include_str!("../../../tests/cases/lsp.md")),
];

/// Returns the pieces of `text` that the cuts make.
fn pieces<'a>(text: &'a str, cuts: &[usize]) -> Vec<&'a str> {
    let mut cuts: Vec<usize> =
        cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
    cuts.sort_unstable();
    let mut at = 0;
    let mut pieces = Vec::new();
    for cut in cuts.into_iter().chain([text.len()]) {
        pieces.push(&text[at..cut]);
        at = cut;
    }
    pieces
}

/// Where a stream was stopped: the bytes taken, and why.
type Stop = Option<(usize, String)>;

/// Streams an edit; returns where it was found to be hopeless, if it was.
fn stream(format: &str, given: Given<'_>, pieces: &[&str], world: &World) -> (Stop, Stream) {
    let mut stream = Stream::open(format, given).expect("it is a format");
    let mut stop: Stop = None;
    let mut earlier: BTreeMap<String, Vec<Find>> = BTreeMap::new();
    for piece in pieces {
        let events = match stream.push(piece) {
            Ok(events) => events,
            Err(refusal) => {
                stop.get_or_insert((stream.len(), refusal.to_string()));
                break;
            }
        };
        for event in events {
            let path = event.path().to_owned();
            let earlier = earlier.entry(path.clone()).or_default();
            if let Err(unresolved) = foresee(&event, &world.known(&path), earlier) {
                stop.get_or_insert((stream.len(), unresolved.refusal.to_string()));
            }
            if let Event::Change { find, .. } = event {
                earlier.push(find);
            }
        }
    }
    (stop, stream)
}

/// Returns the rows of new text that a stream tells, where it comes to its end.
fn told_rows(format: &str, given: Given<'_>, pieces: &[&str]) -> BTreeMap<String, Vec<String>> {
    let mut stream = Stream::open(format, given).expect("it is a format");
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // A row is told once it is ended.
    for piece in pieces.iter().chain([&"\n"]) {
        for event in stream.push(piece).unwrap_or_default() {
            if let Event::Row { path, text } = event {
                rows.entry(path).or_default().push(text);
            }
        }
    }
    if stream.close().is_ok() { rows } else { BTreeMap::new() }
}

/// Returns the rows of new text of a draft.
fn new_rows(draft: &Result<Draft, Refusal>) -> BTreeMap<String, Vec<String>> {
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, row) in draft.iter().flat_map(Draft::new_rows) {
        rows.entry(path.to_owned()).or_default().push(row.to_owned());
    }
    rows
}

/// Returns whether the edit as a whole is applied.
fn is_applied(format: &str, given: Given<'_>, text: &str, world: &World) -> bool {
    let draft = read(format, text, given);
    let resolved = draft.ok().and_then(|draft| world.resolve(&draft, &[]).ok());
    resolved.is_some_and(|resolved| world.plan(&resolved.script).is_ok())
}

#[test]
fn every_case_streams_as_it_stands() {
    let mut stops: Vec<f64> = Vec::new();
    for (format, page) in PAGES {
        for case in Suite::read("page", page).cases {
            let Some(edit) = case.blocks.iter().find(|block| block.kind == "edit") else {
                continue;
            };
            let given = Given { path: edit.option("path"), handle: None };
            let text = with_handles(edit.text());
            let world = world(&case);
            let applied = is_applied(format, given, &text, &world);
            let whole = read(format, &text, given);
            let config = Config { cases: 20, failure_persistence: None, ..config() };
            let verdict =
                TestRunner::new(config).run(&prop::collection::vec(any::<usize>(), 0..8), |cuts| {
                    let cut = pieces(&text, &cuts);
                    let (stop, mut stream) = stream(format, given, &cut, &world);
                    let hopeless = stop.is_some() && edit.option("choose").is_none();
                    prop_assert!(!(hopeless && applied), "{}: {stop:?}", case.heading);
                    if stream.len() < text.len() {
                        // It was stopped by its reader; the rest is taken anyway.
                        let _late = stream.push(&text[stream.len()..]);
                    }
                    prop_assert_eq!(stream.close(), whole.clone());
                    let (told, new) = (told_rows(format, given, &cut), new_rows(&whole));
                    // JSON within a string is read at the close alone.
                    let late = told.is_empty() && text.trim_start().starts_with(['{', '[', '"']);
                    prop_assert!(told == new || late || format == "lsp", "{:?} {:?}", told, new);
                    Ok(())
                });
            if let Err(failure) = verdict {
                panic!("{format}: {}: {failure}", case.heading);
            }
            let letters: Vec<&str> = text.split_inclusive(|_| true).collect();
            let (stop, _) = stream(format, given, &letters, &world);
            if let Some((taken, _)) = stop.filter(|_| !text.is_empty()) {
                stops.push(taken as f64 / text.len() as f64);
            }
        }
    }
    let mean = 100.0 * stops.iter().sum::<f64>() / stops.len() as f64;
    println!("{} hopeless cases stopped after {mean:.0} % of their text in the mean", stops.len());
}

/// An edit with a long new text whose place is stale or nowhere: what streaming
/// is for.
#[test]
fn a_hopeless_edit_is_stopped_before_its_new_text() {
    let mut world = World::default();
    world.add("f", b"one\ntwo\nthree\n".to_vec(), None);
    let new = "let something = new(\"that is longer than what it replaces\");\n".repeat(20);
    let plus = new.lines().map(|row| format!("+{row}\n")).collect::<String>();
    let json = new.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let edits = [
        ("anchor", format!("@f 481920\n7-8c\n{new}.\n")),
        ("replace", format!(r#"{{"path": "f", "old_string": "four", "new_string": "{json}"}}"#)),
        ("blocks", format!("f\n<<<<<<< SEARCH\nfour\n=======\n{new}>>>>>>> REPLACE\n")),
        ("udiff", format!("--- a/f\n+++ b/f\n@@ -1,2 +1,9 @@\n one\n-four\n{plus}")),
        (
            "patch",
            format!("*** Begin Patch\n*** Update File: f\n@@\n one\n-four\n{plus}*** End Patch\n"),
        ),
        ("hashline", format!("[f#481920]\nPUT 7.=8:\n{plus}")),
        ("lines", format!(r#"{{"path": "f", "start": 7, "end": 8, "text": "{json}"}}"#)),
        ("whole", format!(r#"{{"path": "g", "text": "{json}"}}"#)),
    ];
    world.write_outside("g", Some(b"never shown\n".to_vec()));
    for (format, text) in edits {
        let rows: Vec<&str> = text.split_inclusive(['\n', ',']).collect();
        let (stop, stream) = stream(format, Given::default(), &rows, &world);
        let (taken, why) =
            stop.unwrap_or_else(|| panic!("{format} is not stopped: {}", stream.len()));
        println!("{format}: stopped after {} of {} bytes: {why}", taken, text.len());
        assert!(taken < text.len() / 8, "{format} is stopped after {taken} of {}", text.len());
        assert!(!is_applied(format, Given::default(), &text, &world));
    }
}

/// Pieces of all formats, divided by `|`.
const PIECES: &str = concat!(
    "@f 481920\n|1c\n|.\n|\n|a\n|+a\n|-a\n| a\n|f\n|```\n|````|<<<<<<< SEARCH\n|",
    "=======\n|>>>>>>> REPLACE\n|:start_line:1\n|-------\n|--- a/f\n|+++ b/f\n|",
    "@@ -1,2 +1,2 @@\n|@@\n|\\ No newline at end of file\n|diff --git a/f b/f\n|",
    "rename from f\n|rename to g\n|new file mode 100644\n|*** Begin Patch\n|",
    "*** End Patch\n|*** Update File: f\n|*** Add File: f\n|*** Delete File: f\n|",
    "*** Move to: g\n|*** End of File\n|[f#481920]\n|PUT 1:\n|PUT >$\n|CUT 1.=2 @r\n|",
    "REM\n|MV g\n|replace fn a\n|body a\n|after a <<END\n|delete a\n|move a before b\n|{|}|[|]|,|:|\"path\"|\"f\"|\"old_string\"|\"new_string\"|\"edits\"|",
    "\"start\"|1|\"end\"|\"text\"|\"changes\"|\"range\"|\"documentChanges\"|true|null|",
    "\\u|\\ud800|\"|\r\n|\u{feff}|é|\0|99999999999999999999",
);

/// Pieces of all formats in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = PIECES.split('|').collect();
    let known = prop::sample::select(pieces).prop_map(str::to_owned);
    let piece = prop_oneof![8 => known, 1 => any::<String>()];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(config())]

    /// No text brings a reader down, a stream never contradicts the batch, and
    /// what is understood is understood the same once it is written again.
    #[test]
    fn any_text_is_read_or_refused(
        text in soup(),
        format in prop::sample::select(&NAMES[..]),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        path in any::<bool>(),
    ) {
        let given = Given { path: path.then_some("f"), handle: None };
        let mut world = World::default();
        world.add("f", b"a\nb\na\n".to_vec(), None);
        let whole = read(format, &text, given);
        let (stop, mut stream) = stream(format, given, &pieces(&text, &cuts), &world);
        if stop.is_some() {
            prop_assert!(!is_applied(format, given, &text, &world), "{:?}", stop);
        }
        let taken = stream.len();
        if taken < text.len() {
            let _late = stream.push(&text[taken..]);
        }
        prop_assert_eq!(stream.close(), whole.clone());
        if let Ok(draft) = whole
            && let Ok(text) = engine::format::write(format, &draft)
        {
            let given = Given::default();
            prop_assert_eq!(read(format, &text, given), Ok(draft), "{}", text);
        }
    }
}

/// The variable of the long form: 1,000,000 hunks, and 100 MB of text.
const LARGE: &str = "ANCHORD_LARGE";

/// Half of a character that takes two, as JSON writes it, is no text.
#[test]
fn half_characters_are_malformed() {
    for half in ["\\ud800", "\\udc00x", "\\ud83e\\ud83e"] {
        let edits = [
            ("replace", format!(r#"{{"path": "f", "old_string": "a{half}", "new_string": "b"}}"#)),
            ("lines", format!(r#"{{"path": "f", "start": 1, "end": 1, "text": "{half}"}}"#)),
            ("whole", format!(r#"{{"path": "f", "text": "{half}"}}"#)),
            ("hashline", format!(r#"{{"path": "{half}", "edits": []}}"#)),
            ("lsp", format!(r#"{{"documentChanges": [{{"kind": "delete", "uri": "{half}"}}]}}"#)),
        ];
        for (format, text) in edits {
            let refused = read(format, &text, Given::default()).expect_err("half a character");
            assert_eq!(refused.code, engine::error::Code::Malformed, "{text}");
            let mut stream = Stream::open(format, Given::default()).expect("it is a format");
            assert_eq!(stream.push(&text).expect_err("half a character").code, refused.code);
        }
    }
}

/// Returns texts of many parts, of large ones and of deep nesting.
fn large_and_deep(many: usize, bytes: usize) -> Vec<(&'static str, String)> {
    let times = |part: &str| part.repeat(many);
    let list = |part: &str| vec![part; many].join(",");
    let body = "x".repeat(bytes);
    let numbered = |part: fn(usize) -> String| (0..many).map(part).collect::<Vec<_>>().join(",");
    let head = "--- a/f\n+++ b/f\n";
    let begin = "*** Begin Patch\n*** Update File: f\n";
    let block = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n";
    let quotes = list(r#"{"old_string": "a", "new_string": "b"}"#);
    let ranges = list(r#"{"start": 1, "end": 1, "text": "b"}"#);
    let files = numbered(|n| format!(r#"{{"path": "{n}", "after": 1, "text": "b"}}"#));
    let deleted: String = (0..many).map(|n| format!("*** Delete File: {n}\n")).collect();
    let (kept, come) = (times(" a\n"), times("+b\n"));
    vec![
        ("udiff", format!("{head}{}", times("@@ -1 +1 @@\n-a\n+b\n"))),
        ("udiff", format!("{head}@@ -1 +1 @@\n{kept}{come}")),
        ("patch", format!("{begin}{}*** End Patch\n", times("@@\n-a\n+b\n"))),
        ("patch", format!("{begin}{kept}{come}")),
        ("patch", format!("*** Begin Patch\n{deleted}")),
        ("blocks", format!("f\n{}", times(block))),
        ("blocks", format!("f\n<<<<<<< SEARCH\n{body}\n=======\n{body}\n>>>>>>> REPLACE\n")),
        ("replace", format!(r#"{{"path": "f", "edits": [{quotes}]}}"#)),
        ("replace", times("[")),
        ("replace", times("{\"a\":")),
        ("lines", format!(r#"{{"path": "f", "edits": [{ranges}]}}"#)),
        ("lines", format!("[{files}]")),
        ("lsp", format!(r#"{{"changes": {{{}}}}}"#, numbered(|n| format!("\"{n}\": []")))),
        ("hashline", format!("[f#481920]\n{}", times("PUT 1:\n+x\n"))),
        ("whole", format!("f\n```\n{body}\n```\n")),
        ("anchor", format!("@f 481920\n{}", times("1c\nx\n.\n"))),
    ]
}

/// Large and deep texts end in an answer, and soon: a reader that looked at its
/// text more than a few times would not come back from these.
#[test]
fn large_and_deep_texts_are_answered() {
    let mut world = World::default();
    world.add("f", b"a\nb\n".repeat(10_000), None);
    let long = std::env::var(LARGE).is_ok();
    let (many, bytes) = if long { (1_000_000, 100 << 20) } else { (50_000, 5 << 20) };
    for (format, text) in large_and_deep(many, bytes) {
        let answer = read(format, &text, Given::default()).and_then(|draft| {
            let resolved = world.resolve(&draft, &[]).map_err(|unresolved| unresolved.refusal)?;
            let planned = world.plan(&resolved.script).map_err(|refused| refused.refusal)?;
            Ok(planned.files.len())
        });
        println!("{format}: {} bytes: {:?}", text.len(), answer.map_err(|refusal| refusal.code));
        let (_, stream) = stream(format, Given::default(), &[&text], &World::default());
        assert!(!stream.is_empty(), "it took what it was given");
    }
}

/// Real edits whose quotes do not stand in what was shown: every second line of
/// the file is another there. They come in pieces of four letters, as models
/// write them.
#[test]
fn hopeless_real_edits_are_stopped_early() {
    for format in ["replace", "blocks", "udiff", "patch"] {
        let (mut stopped, mut taken, mut all) = (0, 0.0, 0);
        for edit in corpus().iter().step_by(4) {
            let Some(text) = edit.said(format) else { continue };
            let mut world = World::default();
            let rows = edit.read.split_inclusive('\n').zip([true, false].into_iter().cycle());
            let shown: String =
                rows.map(|(row, kept)| if kept { row } else { "another line\n" }).collect();
            world.add(&edit.path, shown.into_bytes(), None);
            if is_applied(format, Given::default(), &text, &world) {
                continue;
            }
            let letters: Vec<char> = text.chars().collect();
            let pieces: Vec<String> =
                letters.chunks(4).map(|piece| piece.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let (stop, _) = stream(format, Given::default(), &pieces, &world);
            all += 1;
            stopped += usize::from(stop.is_some());
            taken += stop.map_or(1.0, |(at, _)| at as f64 / text.len() as f64);
        }
        let mean = 100.0 * taken / f64::from(all.max(1));
        println!("{format}: {stopped} of {all} stopped, after {mean:.0} % in the mean");
        assert!(mean < 50.0, "{format} is stopped after {mean:.0} %");
    }
}
