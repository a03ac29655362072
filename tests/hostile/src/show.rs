//! A case as text, for who has to find out why something went wrong.

use std::fmt::{self, Write};

use crate::case::Case;
use crate::file::File;
use crate::judge::Placed;

/// Returns the case with what was done with edit `index`: what was read, what
/// the file is now, each line of it with who it is, and the edit.
pub fn show(case: &Case, index: usize, placed: &Placed) -> String {
    let mut out = String::new();
    match write(&mut out, case, index, placed) {
        Ok(()) => out,
        Err(error) => error.to_string(),
    }
}

fn write(out: &mut String, case: &Case, index: usize, placed: &Placed) -> fmt::Result {
    let edit = &case.edits[index];
    writeln!(out, "seed {} edit {index}, {:?}: {:?}", case.seed, case.style, case.steps)?;
    writeln!(out, "lines {:?} -> {:?}, {:?}", edit.lines, placed, edit.truth)?;
    for line in &edit.text {
        writeln!(out, "    + {}", String::from_utf8_lossy(line))?;
    }
    let kept = |id: usize| case.now.lines.iter().position(|line| line.id as usize == id);
    writeln!(out, "seen: line, where it stands now")?;
    for line in 0..case.seen.lines.len() {
        let mark = if edit.lines.contains(&line) { "*" } else { "" };
        let there = kept(line).map_or("-".to_owned(), |at| at.to_string());
        writeln!(out, "{mark:1}{line:4} {there:>4} |{}", text(&case.seen, line))?;
    }
    writeln!(out, "now: line, which it was")?;
    for line in 0..case.now.lines.len() {
        let mark = match placed {
            Placed::At(at) | Placed::Already(at) if at.contains(&line) => "*",
            _ => "",
        };
        let id = case.now.lines[line].id as usize;
        let was = if id < case.seen.lines.len() { id.to_string() } else { "-".to_owned() };
        writeln!(out, "{mark:1}{line:4} {was:>4} |{}", text(&case.now, line))?;
    }
    Ok(())
}

fn text(file: &File, line: usize) -> String {
    let content = String::from_utf8_lossy(file.content(line));
    match file.lines[line].terminator {
        crate::file::Terminator::CrLf => format!("{content}\\r"),
        _ => content.into_owned(),
    }
}
