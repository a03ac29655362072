//! The fake server's language: words, and what is wrong with a text.
//!
//! `def NAME` defines a name, `use NAME` uses one that some file must define.
//! `ERROR text` and `WARN text` are an error and a warning at that word.
//! Nothing else means anything.

/// One finding: the line, the bytes in it, the severity, the message.
pub(crate) struct Finding {
    pub(crate) line: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) severity: u32,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// Returns what is wrong with `text`, where `is_defined` knows the names that
/// any file defines.
pub(crate) fn findings(text: &str, is_defined: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for (line, row) in text.lines().enumerate() {
        for (word, severity, code) in [("ERROR", 1, "E1"), ("WARN", 2, "W1")] {
            if let Some(start) = row.find(word) {
                let end = start + word.len();
                let message = row[end..].trim().to_owned();
                found.push(Finding { line, start, end, severity, code, message });
            }
        }
        if let Some(name) = after_word(row, "use ").filter(|name| !is_defined(name)) {
            let start = row.find(name).unwrap_or_default();
            let message = format!("undefined name {name}");
            found.push(Finding {
                line,
                start,
                end: start + name.len(),
                severity: 1,
                code: "E2",
                message,
            });
        }
    }
    found
}

/// Returns the name that `row` defines or uses, by the word before it.
pub(crate) fn after_word<'a>(row: &'a str, word: &str) -> Option<&'a str> {
    let rest = row.trim_start().strip_prefix(word)?;
    rest.split_whitespace().next()
}

/// Returns the bytes of each whole word `name` in `row`.
pub(crate) fn places(row: &str, name: &str) -> Vec<(usize, usize)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let found = row.match_indices(name).filter(|(at, _)| {
        !row[..*at].chars().next_back().is_some_and(is_part)
            && !row[at + name.len()..].chars().next().is_some_and(is_part)
    });
    found.map(|(at, _)| (at, at + name.len())).collect()
}

/// Returns the word around byte `at` of `row`, with its bytes.
pub(crate) fn word_at(row: &str, at: usize) -> Option<(usize, usize)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let at = at.min(row.len());
    let start = row[..at]
        .rfind(|c| !is_part(c))
        .map_or(0, |before| before + row[before..].chars().next().map_or(1, char::len_utf8));
    let end = row[at..].find(|c| !is_part(c)).map_or(row.len(), |behind| at + behind);
    (start < end).then_some((start, end))
}
