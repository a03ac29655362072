//! What files hold along a transcript, by what was shown, written and replaced.

use std::collections::{BTreeMap, HashMap};

use super::calls::{Edit, Kind, in_reply, kind, relative};
use super::events::Event;
use crate::bench::replay::{FileState, Recorded};

/// The most rows that tools show by themselves; a file of so many may go on.
const ROWS: usize = 2000;

/// The edits of a transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Those that can be replayed.
    pub calls: Vec<Recorded>,
    /// Those that cannot, by the reason.
    pub passed: BTreeMap<&'static str, usize>,
}

/// Reads the edits of a conversation.
pub(super) fn follow(events: Vec<Event>) -> Transcript {
    let mut state = Follower::default();
    for event in events {
        match event {
            Event::Model(model) => state.model = model,
            Event::Told(text) => state.shown_in_prose(&text),
            Event::Said(text) => {
                if let Some(edit) = in_reply(&text) {
                    state.edited("reply", edit, None);
                }
            }
            Event::Call { id, name, arguments } => {
                let kind = kind(&name, &arguments);
                state.open.insert(id, (name, kind));
            }
            Event::Result { id, text, failed } => {
                if let Some((name, kind)) = state.open.remove(&id) {
                    state.ended(&name, kind, &text, failed);
                }
            }
        }
    }
    // A call that nobody answered was asked for all the same.
    let open: BTreeMap<String, (String, Kind)> = state.open.drain().collect();
    for (name, kind) in open.into_values() {
        if let Kind::Edit(edit) = kind {
            state.edited(&name, edit, None);
        }
    }
    state.found
}

#[derive(Default)]
struct Follower {
    model: String,
    /// Calls without an answer so far.
    open: HashMap<String, (String, Kind)>,
    /// What files hold, of those of which that is known.
    files: HashMap<String, String>,
    /// The last edit of a file, while nobody has seen what it made of it.
    unseen: HashMap<String, usize>,
    found: Transcript,
}

impl Follower {
    /// Takes the answer to a call.
    fn ended(&mut self, name: &str, kind: Kind, text: &str, failed: Option<bool>) {
        let failed = failed.unwrap_or_else(|| sounds_failed(text));
        match kind {
            Kind::Read { path, whole } if !failed => {
                if let Some(content) = shown(text).filter(|_| whole) {
                    self.seen(path, content);
                }
            }
            Kind::Write { path, content } if !failed => self.written(path, content),
            Kind::Unfollowed(path) if !failed => self.lose(&path),
            Kind::Edit(edit) => self.edited(name, edit, Some(!failed)),
            _ => {}
        }
    }

    /// A file was shown whole.
    fn seen(&mut self, path: String, content: String) {
        if let Some(file) = self
            .unseen
            .remove(&path)
            .and_then(|at| self.found.calls[at].files.iter_mut().find(|file| file.path == path))
        {
            file.after = Some(content.clone());
        }
        self.files.insert(path, content);
    }

    fn written(&mut self, path: String, content: String) {
        self.unseen.remove(&path);
        self.files.insert(path, content);
    }

    fn lose(&mut self, path: &str) {
        self.unseen.remove(path);
        self.files.remove(path);
    }

    /// An edit was asked for, and taken or not, or nobody said.
    fn edited(&mut self, tool: &str, edit: Edit, taken: Option<bool>) {
        let known = |path: &String| Some((path.clone(), self.files.get(path)?.clone()));
        let before: Option<Vec<(String, String)>> = edit.paths.iter().map(known).collect();
        let Some(before) = before else {
            *self.found.passed.entry("its file was never shown whole").or_default() += 1;
            if taken != Some(false) {
                edit.paths.iter().for_each(|path| self.lose(path));
            }
            return;
        };
        let file = |(path, before): (String, String)| {
            let after = taken.filter(|taken| *taken).and_then(|_| replaced(&before, &edit));
            FileState { path, before, after }
        };
        let files: Vec<FileState> = before.into_iter().map(file).collect();
        for file in files.iter().filter(|_| taken != Some(false)) {
            self.lose(&file.path);
            match &file.after {
                Some(after) => drop(self.files.insert(file.path.clone(), after.clone())),
                None if taken.is_some() => {
                    self.unseen.insert(file.path.clone(), self.found.calls.len());
                }
                None => {}
            }
        }
        let (tool, model) = (tool.to_owned(), self.model.clone());
        let Edit { format, text, .. } = edit;
        self.found.calls.push(Recorded { tool, model, format, text, files, taken });
    }

    /// Reads the files that a user shows: a path, and behind it a fence.
    fn shown_in_prose(&mut self, text: &str) {
        let rows: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while at + 1 < rows.len() {
            let (path, fence) = (rows[at].trim(), rows[at + 1]);
            let is_path = !path.is_empty() && !path.contains(char::is_whitespace);
            let marks = fence.len() - fence.trim_start_matches('`').len();
            let end =
                rows[at + 1..].iter().skip(1).position(|row| row.trim_end() == &fence[..marks]);
            match end.filter(|_| is_path && marks >= 3 && path.contains('.')) {
                Some(len) => {
                    let content: String =
                        rows[at + 2..at + 2 + len].iter().flat_map(|row| [*row, "\n"]).collect();
                    self.written(relative(path.trim_matches('`')), content);
                    at += len + 3;
                }
                None => at += 1,
            }
        }
    }
}

/// Returns what becomes of a text where each old text stands there once, or all
/// of its places are meant; `None` where the edit says more, or less.
fn replaced(before: &str, edit: &Edit) -> Option<String> {
    let mut text = before.to_owned();
    for (old, new, all) in &edit.quotes {
        let places = text.matches(old.as_str()).count();
        if old.is_empty() || places == 0 || (places > 1 && !all) {
            return None;
        }
        text = text.replace(old.as_str(), new);
    }
    (!edit.quotes.is_empty()).then_some(text)
}

/// Returns the content that the answer of a tool shows, numbers of lines taken
/// off; `None` where it may go on.
fn shown(text: &str) -> Option<String> {
    // Some tools say more behind the file.
    let text = text.split("\n\n<system-reminder>").next().unwrap_or(text);
    let rows: Vec<&str> = text.lines().collect();
    // A sentence may stand before the numbered rows.
    let first = rows.iter().take(2).position(|row| numbered(row).is_some_and(|(n, _)| n == 1));
    let bare: Option<Vec<&str>> = first.and_then(|first| {
        rows[first..]
            .iter()
            .zip(1..)
            .map(|(row, number)| numbered(row).filter(|(n, _)| *n == number).map(|(_, row)| row))
            .collect()
    });
    let rows = bare.unwrap_or(rows);
    if rows.len() >= ROWS || text.trim().is_empty() {
        return None;
    }
    Some(rows.into_iter().flat_map(|row| [row, "\n"]).collect())
}

/// Returns the number and the text of a row that bears one.
fn numbered(row: &str) -> Option<(usize, &str)> {
    let row = row.trim_start_matches(' ');
    let row = row.strip_prefix('L').unwrap_or(row);
    let digits = row.len() - row.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number = row[..digits].parse().ok()?;
    let rest = &row[digits..];
    let marks = ["→", "\t", ": ", ":", " | ", "|"];
    let text = marks.iter().find_map(|mark| rest.strip_prefix(mark));
    // An empty row may have lost the blank behind its mark.
    text.or_else(|| rest.is_empty().then_some("")).map(|text| (number, text))
}

/// Returns whether an answer says that the call failed, in a form that has no
/// field for it.
fn sounds_failed(text: &str) -> bool {
    let head = text.trim_start().get(..200).unwrap_or(text.trim_start()).to_lowercase();
    let begins = ["error", "failed", "invalid", "no match", "not found", "could not", "cannot"];
    let says = ["did not match", "not found in", "was not found", "no replacement was performed"];
    let code = head.strip_prefix("exit code: ").is_some_and(|rest| !rest.starts_with('0'));
    code || begins.iter().any(|begin| head.starts_with(begin))
        || says.iter().any(|saying| head.contains(saying))
        || head.contains("verification failed")
}
