//! Which format a reply is in, for callers that do not know.
//!
//! Every reader tries; the one that can read the reply has recognised it. A
//! reply may be prose around one fenced edit.

use super::builder::{Given, is_fence};
use super::{NAMES, read};
use crate::error::{Code, Refusal};

/// The format of a reply, and the part of it that is the edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognised<'a> {
    /// The name of the format.
    pub name: &'static str,
    /// The text that [`read`] takes.
    pub text: &'a str,
}

/// Returns the format of `reply`. A whole file can hold an edit in any other
/// format, so `whole` is what is left when no other reads it.
///
/// # Errors
/// `malformed` where no format reads it, and where several do, with their
/// names.
pub fn recognise<'a>(reply: &'a str, given: Given<'_>) -> Result<Recognised<'a>, Refusal> {
    if let Some(found) = one_of(vec![reply], given)? {
        return Ok(found);
    }
    if let Some(found) = one_of(fenced(reply), given)? {
        return Ok(found);
    }
    match read("whole", reply, given) {
        Ok(_) => Ok(Recognised { name: "whole", text: reply }),
        Err(_) => {
            let text = format!("the reply is in none of the formats {}", NAMES.join(", "));
            Err(Refusal::new(Code::Malformed, text))
        }
    }
}

/// Returns the one format that reads one of `texts`; `None` where none does.
fn one_of<'a>(texts: Vec<&'a str>, given: Given<'_>) -> Result<Option<Recognised<'a>>, Refusal> {
    let mut found: Vec<Recognised<'a>> = Vec::new();
    for text in texts {
        let names = NAMES.into_iter().filter(|name| *name != "whole");
        let reads = names.filter(|name| read(name, text, given).is_ok());
        found.extend(reads.map(|name| Recognised { name, text }));
    }
    match found[..] {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        _ => {
            let mut names: Vec<&str> = found.iter().map(|found| found.name).collect();
            names.dedup();
            if let [only] = names[..] {
                let text = format!(
                    "the reply holds {} edits in the format {only}: send them as one",
                    found.len()
                );
                return Err(Refusal::new(Code::Malformed, text));
            }
            names.sort_by_key(|name| NAMES.iter().position(|known| known == name));
            names.dedup();
            let text = format!("the reply could be read as {}: say which", names.join(" or "));
            Err(Refusal::new(Code::Malformed, text))
        }
    }
}

/// Returns what stands in the fences of a reply.
fn fenced(reply: &str) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    let mut at = 0;
    for row in reply.split_inclusive('\n') {
        let mark = row.trim();
        let fence = &mark[..mark.len() - mark.trim_start_matches(['`', '~']).len()];
        open = match open {
            Some((start, opened)) if mark == opened => {
                texts.push(&reply[start..at]);
                None
            }
            None if is_fence(mark) => Some((at + row.len(), fence)),
            open => open,
        };
        at += row.len();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reply: &str, expected: Result<&str, &str>) {
        let found = recognise(reply, Given::default());
        let found = found.map(|found| found.name).map_err(|refusal| refusal.message);
        match expected {
            Ok(name) => assert_eq!(found, Ok(name)),
            Err(piece) => assert!(found.as_ref().is_err_and(|m| m.contains(piece)), "{found:?}"),
        }
    }

    #[test]
    fn a_reply_is_recognised_with_and_without_prose() {
        let edits = [
            ("anchor", "@f 481920\n1d\n"),
            ("replace", "{\"path\": \"f\", \"old_string\": \"a\", \"new_string\": \"b\"}\n"),
            ("blocks", "f\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"),
            ("udiff", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"),
            ("patch", "*** Begin Patch\n*** Update File: f\n@@\n-a\n+b\n*** End Patch\n"),
            ("hashline", "[f#481920]\nCUT 1\n"),
            (
                "hashline",
                "{\"path\": \"f\", \"edits\": [{\"op\": \"append\", \"lines\": [\"a\"]}]}\n",
            ),
            (
                "lines",
                "{\"path\": \"f\", \"edits\": [{\"start\": 1, \"end\": 1, \"text\": \"a\"}]}\n",
            ),
            ("lsp", "{\"documentChanges\": [{\"kind\": \"delete\", \"uri\": \"f\"}]}\n"),
            ("whole", "{\"path\": \"f\", \"text\": \"a\"}\n"),
        ];
        for (name, edit) in edits {
            check(edit, Ok(name));
            // A fence around the JSON of a whole file may be that file.
            if name != "whole" {
                check(&format!("```\n{edit}```\n"), Ok(name));
                check(&format!("Here it is:\n\n```text\n{edit}```\n\nDone.\n"), Ok(name));
            }
        }
        check("f\n```rust\nfn main() {}\n```\n", Ok("whole"));
    }

    #[test]
    fn what_is_none_or_several_is_refused() {
        check("I changed it.", Err("in none of the formats"));
        let two = "```\n@f 481920\n1d\n```\n```\n[f#481920]\nCUT 1\n```\n";
        check(two, Err("anchor or hashline"));
        let twice = "```\n@f 481920\n1d\n```\nand\n```\n@g 481920\n1d\n```\n";
        check(twice, Err("holds 2 edits in the format anchor"));
    }
}
