//! Old text and new text, and what is done where the old text stands in
//! several places or in none.

use engine::error::Code;
use engine::format::{Find, Row};

use super::{Outcome, Rejected, Situation, finds_of};

/// How the place of old text is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It must stand in exactly one place.
    Unique,
    /// The first place counts.
    First,
    /// The first place counts; where there is none, the first run of lines that
    /// are equal but for the blanks at both ends.
    Trim,
}

/// Applies a call to the file as it is now, quote after quote.
pub(super) fn apply(format: &str, situation: &Situation, text: &str, rule: Rule) -> Outcome {
    let mut content = situation.now().to_owned();
    for find in finds_of(format, situation, text)? {
        let (old, new, whole_lines) = quote(find)?;
        if old == new {
            return Err(Rejected::new(Code::NoChange, "old and new text are the same"));
        }
        content = match place(&content, &old, whole_lines, rule)? {
            Some(at) => [&content[..at], &new, &content[at + old.len()..]].concat(),
            None => trimmed(&content, &old, &new)?,
        };
    }
    Ok(content)
}

/// Returns the old text, the new one, and whether it is made of whole lines.
fn quote(find: Find) -> Result<(String, String, bool), Rejected> {
    match find {
        Find::Text(quote) => Ok((quote.old, quote.new, false)),
        Find::Rows(hunk) => {
            let text = |side: fn(&Row) -> Option<&str>| -> String {
                hunk.rows.iter().filter_map(side).flat_map(|line| [line, "\n"]).collect()
            };
            Ok((text(Row::before), text(Row::after), true))
        }
        _ => Err(Rejected::new(Code::Unsupported, "this rule knows quotes only")),
    }
}

/// Returns where the old text stands; `None` where the rule goes on to look
/// for it without its blanks.
fn place(
    content: &str,
    old: &str,
    whole_lines: bool,
    rule: Rule,
) -> Result<Option<usize>, Rejected> {
    if old.is_empty() {
        return Err(Rejected::new(Code::Malformed, "the old text is empty"));
    }
    let starts = |at: &usize| !whole_lines || *at == 0 || content.as_bytes()[at - 1] == b'\n';
    let mut places = memchr::memmem::find_iter(content.as_bytes(), old.as_bytes()).filter(starts);
    match (places.next(), places.next(), rule) {
        (Some(_), Some(_), Rule::Unique) => {
            Err(Rejected::new(Code::Ambiguous, "the old text stands in several places"))
        }
        (Some(at), _, _) => Ok(Some(at)),
        (None, _, Rule::Trim) => Ok(None),
        (None, _, _) => Err(Rejected::new(Code::NotFound, "the old text is not in the file")),
    }
}

/// Returns the content after the first lines that equal the old ones but for
/// their blanks have become the new ones, as these are written.
fn trimmed(content: &str, old: &str, new: &str) -> Outcome {
    let lines: Vec<&str> = content.split('\n').collect();
    let wanted: Vec<&str> = old.strip_suffix('\n').unwrap_or(old).split('\n').collect();
    let is = |run: &[&str]| run.iter().zip(&wanted).all(|(a, b)| a.trim() == b.trim());
    let at = lines.windows(wanted.len()).position(is);
    let at = at.ok_or_else(|| Rejected::new(Code::NotFound, "the old text is not in the file"))?;
    let mut after: Vec<&str> = lines[..at].to_vec();
    if !new.is_empty() {
        after.extend(new.strip_suffix('\n').unwrap_or(new).split('\n'));
    }
    after.extend(&lines[at + wanted.len()..]);
    Ok(after.join("\n"))
}
