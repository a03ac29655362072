//! What the edit formats cost: tokens of real edits, written in each of them,
//! and of reads with each gutter.
//!
//! `cargo bench --bench formats` prints two tables (tokenizer o200k, exact) and
//! fails unless every edit survives the round trip through the text form of
//! `anchor`. No model is asked: each format is written without a slip and as
//! lean as it allows, so the figures are lower bounds.

mod corpus;
mod encode;
mod round_trip;
mod table;

use std::io::{self, Write};

use engine::anchor::{Gutter, Handle, render};
use engine::snapshot::Snapshot;

use corpus::{Corpus, RealEdit};
use encode::FORMATS;
use table::{Column, Formats, Gutters, Read};

/// The gutters, plain text last.
const GUTTERS: [(&str, Gutter); 4] = [
    ("tab", Gutter::Tab),
    ("colon", Gutter::Colon),
    ("sparse", Gutter::Sparse),
    ("none", Gutter::None),
];

fn main() -> io::Result<()> {
    let corpus = corpus::load()?;
    let mut out = io::stdout().lock();
    let Corpus { edits, origin } = &corpus;
    writeln!(out, "{} {origin}, tokenizer o200k\n", edits.len())?;
    writeln!(out, "{}", format_table(edits))?;
    writeln!(out, "{}", gutter_table(edits))?;
    let faults = each(edits, round_trip::fault);
    for (edit, fault) in edits.iter().zip(&faults) {
        if let Some(fault) = fault {
            writeln!(out, "{}: {fault}", edit.path)?;
        }
    }
    let exact = faults.iter().filter(|fault| fault.is_none()).count();
    writeln!(out, "round trip of anchor, text: {exact} of {} exact", edits.len())?;
    if exact < edits.len() {
        return Err(io::Error::other("an edit did not survive the round trip"));
    }
    Ok(())
}

fn format_table(edits: &[RealEdit]) -> String {
    let new_text =
        Column { name: "new text alone", counts: each(edits, |edit, _| tokens(&edit.new_text())) };
    let columns = FORMATS.map(|format| Column {
        name: format.name,
        counts: each(edits, |edit, handle| tokens(&(format.write)(edit, handle))),
    });
    let table = Formats { new_text: &new_text, columns: &columns };
    table.to_string()
}

fn gutter_table(edits: &[RealEdit]) -> String {
    let counts = each(edits, |edit, _| {
        let snapshot = Snapshot::of(edit.read.clone().into_bytes());
        let all = 0..snapshot.line_count();
        GUTTERS.map(|(_, gutter)| tokens(&render(&snapshot, std::slice::from_ref(&all), gutter)))
    });
    let read = |(index, (name, _)): (usize, (&'static str, Gutter))| Read {
        gutter: name,
        tokens: counts.iter().map(|count| count[index]).sum(),
    };
    let reads: Vec<Read> = GUTTERS.into_iter().enumerate().map(read).collect();
    let table = Gutters { lines: edits.iter().map(RealEdit::line_count).sum(), reads: &reads };
    table.to_string()
}

fn tokens(text: &str) -> usize {
    bpe_openai::o200k_base().count(text)
}

/// Returns what `of` makes of every edit, in order; two threads share the work.
/// Every edit has a handle of its own, the same in every run.
fn each<T: Send>(edits: &[RealEdit], of: impl Fn(&RealEdit, Handle) -> T + Sync) -> Vec<T> {
    let run = |from: usize, edits: &[RealEdit]| -> Vec<T> {
        let numbered = edits.iter().zip(from as u64..);
        numbered.map(|(edit, number)| of(edit, handle(number))).collect()
    };
    let (front, back) = edits.split_at(edits.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(front.len(), back));
        let mut all = run(0, front);
        all.extend(other.join().expect("BUG: a thread of the bench panicked"));
        all
    })
}

fn handle(number: u64) -> Handle {
    Handle::mint(&[7; 32], number).expect("a thousand handles are there")
}
