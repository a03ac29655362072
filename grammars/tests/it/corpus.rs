//! Real edits of public repositories. They lie beside the tree, where there are
//! any; a test that needs them passes over their absence.

use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;

use engine::edit::{Change, Edit};
use engine::snapshot::Snapshot;

/// The window of the compressed corpus, as a power of two.
const WINDOW_LOG: u32 = 27;

/// One edit of one file.
pub(crate) struct RealEdit {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) lang: String,
    pub(crate) before: Snapshot,
    /// Lines that go (0-based) and lines that come, each ended by LF.
    pub(crate) hunks: Vec<(Range<usize>, Vec<String>)>,
}

impl RealEdit {
    /// Returns the change that `hunks` make of the content before.
    pub(crate) fn change(&self, hunks: &[(Range<usize>, Vec<String>)]) -> Change {
        let edits = hunks.iter().map(|(lines, text)| Edit {
            range: self.before.lines.bytes_of(lines.clone()),
            text: text.concat().into_bytes(),
        });
        Change::new(edits.collect(), self.before.bytes.len()).expect("hunks are in order")
    }
}

/// Returns the edits; `None` where there is no corpus.
pub(crate) fn edits() -> Option<Vec<RealEdit>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = open(&root.join("../shared/corpus/drift-triples.jsonl.zst"))?;
    let mut decoder = zstd::Decoder::new(file).expect("the corpus is compressed");
    decoder.window_log_max(WINDOW_LOG).expect("the window is allowed");
    let rows = BufReader::new(decoder).lines();
    Some(rows.map(|row| edit(&row.expect("the corpus can be read"))).collect())
}

#[expect(clippy::disallowed_methods, reason = "data beside the project, no user's file")]
fn open(path: &Path) -> Option<std::fs::File> {
    std::fs::File::open(path).ok()
}

fn edit(row: &str) -> RealEdit {
    let row: serde_json::Value = serde_json::from_str(row).expect("a row is JSON");
    let text = |name: &str| row[name].as_str().expect("a row has its texts").to_owned();
    let before = Snapshot::of(text("read").into_bytes());
    let hunks = row["edit"].as_array().expect("a row has hunks").iter();
    let hunks = hunks.map(|hunk| {
        let number = |at: usize| hunk[at].as_u64().expect("a hunk has two numbers") as usize;
        let lines = hunk[2].as_array().expect("a hunk has lines").iter();
        let lines = lines.map(|line| line.as_str().expect("a line is text").to_owned() + "\n");
        (number(0)..number(1), lines.collect())
    });
    let (id, path, lang) = (text("id"), text("path"), text("lang"));
    RealEdit { id, path, lang, hunks: hunks.collect(), before }
}
