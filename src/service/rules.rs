//! The user's own rules: patterns over the new text and the paths of edits, each
//! with a word for the model and with what is to happen.
//!
//! They come from the user's configuration, never from a root: what a
//! repository says cannot loosen them. Patterns take time linear in the text.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::{RegexSet, RegexSetBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::api::RuleAction;
use super::languages::Configured;

/// The most rules there can be.
const RULES: usize = 100;

/// The longest pattern, and the longest name or message, in bytes.
const PATTERN_BYTES: usize = 4096;
const WORDS_BYTES: usize = 4096;

/// How large the patterns together may become, in bytes.
const COMPILED_BYTES: usize = 8 << 20;

/// How many bytes of a row are looked at. More is no row that anybody reads.
const ROW_BYTES: usize = 64 << 10;

/// The rules of the user, as the service was started with them.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    texts: Patterns,
    paths: Patterns,
}

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Its name.
    pub(super) name: String,
    /// What is to happen.
    pub(super) action: RuleAction,
    /// What the model is told.
    pub(super) message: String,
    /// Whether it fires at every edit, not once a session.
    pub(super) repeat: bool,
    /// The files it is about; all of them if none.
    files: Option<GlobSet>,
}

/// The patterns of some rules, which are looked for together.
#[derive(Debug, Clone, Default)]
struct Patterns {
    set: RegexSet,
    /// For each pattern, its rule.
    rules: Vec<usize>,
}

/// Why rules cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct RulesError(String);

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    name: String,
    pattern: String,
    #[serde(default)]
    over: Over,
    #[serde(default)]
    files: Vec<String>,
    action: WrittenAction,
    message: String,
    #[serde(default)]
    repeat: bool,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Over {
    #[default]
    Text,
    Path,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WrittenAction {
    Stop,
    Warn,
    Ask,
}

impl Rules {
    /// Returns the rules of the user's configuration.
    ///
    /// # Errors
    /// Where they cannot be read, or are more or larger than may be. Such rules
    /// are never passed over: what they forbid would be done.
    pub(super) fn of(configured: &Configured) -> Result<Rules, RulesError> {
        match configured {
            Configured::Unreadable(why) => Err(RulesError(why.clone())),
            Configured::Text(text) if text.trim().is_empty() => Ok(Rules::default()),
            Configured::Text(text) => Rules::read(text),
        }
    }

    fn read(text: &str) -> Result<Rules, RulesError> {
        let wrong = |error: serde_json::Error| RulesError(error.to_string());
        let whole: Value = serde_json::from_str(text).map_err(wrong)?;
        let Some(written) = whole.get("rules") else { return Ok(Rules::default()) };
        let written: Vec<WrittenRule> = serde_json::from_value(written.clone()).map_err(wrong)?;
        let mut rules = Rules::default();
        let mut patterns: BTreeMap<bool, Vec<(String, usize)>> = BTreeMap::new();
        if written.len() > RULES {
            return Err(RulesError(format!("there are more than {RULES} rules")));
        }
        for (index, rule) in written.into_iter().enumerate() {
            let wrong = |text: &str| RulesError(format!("rule {:?}: {text}", rule.name));
            if rules.rules.iter().any(|known| known.name == rule.name) {
                return Err(wrong("there are two of that name"));
            }
            if rule.name.is_empty() || rule.message.is_empty() {
                return Err(wrong("a rule needs a name and a message"));
            }
            if rule.name.len() + rule.message.len() > WORDS_BYTES
                || rule.pattern.len() > PATTERN_BYTES
            {
                return Err(wrong("it is too long"));
            }
            let files = globs(&rule.files).map_err(|error| wrong(&error.to_string()))?;
            // A pattern alone tells best what is wrong with it.
            compile([&rule.pattern]).map_err(|error| wrong(&error.to_string()))?;
            let over = rule.over == Over::Text;
            patterns.entry(over).or_default().push((rule.pattern, index));
            let action = match rule.action {
                WrittenAction::Stop => RuleAction::Stop,
                WrittenAction::Warn => RuleAction::Warn,
                WrittenAction::Ask => RuleAction::Ask,
            };
            let WrittenRule { name, message, repeat, .. } = rule;
            rules.rules.push(Rule { name, action, message, repeat, files });
        }
        rules.texts = Patterns::of(patterns.remove(&true))?;
        rules.paths = Patterns::of(patterns.remove(&false))?;
        Ok(rules)
    }

    /// Returns whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the rules that the path of a file falls under.
    pub(super) fn of_path<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Rule> {
        self.found(&self.paths, path, path)
    }

    /// Returns the rules that a row of new text of a file falls under.
    pub(super) fn of_row<'a>(&'a self, path: &'a str, row: &str) -> impl Iterator<Item = &'a Rule> {
        let row = &row[..row.floor_char_boundary(ROW_BYTES)];
        self.found(&self.texts, path, row)
    }

    fn found<'a>(
        &'a self,
        patterns: &'a Patterns,
        path: &'a str,
        text: &str,
    ) -> impl Iterator<Item = &'a Rule> {
        let found = match patterns.rules.is_empty() {
            true => BTreeSet::new(),
            false => patterns.set.matches(text).into_iter().collect(),
        };
        let rules = found.into_iter().map(|index: usize| &self.rules[patterns.rules[index]]);
        rules.filter(move |rule| rule.files.as_ref().is_none_or(|files| files.is_match(path)))
    }
}

impl Patterns {
    fn of(patterns: Option<Vec<(String, usize)>>) -> Result<Patterns, RulesError> {
        let (patterns, rules): (Vec<String>, Vec<usize>) =
            patterns.unwrap_or_default().into_iter().unzip();
        let set = compile(&patterns).map_err(|error| RulesError(error.to_string()))?;
        Ok(Patterns { set, rules })
    }
}

fn compile<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).size_limit(COMPILED_BYTES).dfa_size_limit(COMPILED_BYTES).build()
}

/// Returns the patterns of paths; one without `/` is held against the last part
/// alone.
fn globs(patterns: &[String]) -> Result<Option<GlobSet>, globset::Error> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        match pattern.contains('/') {
            true => set.add(Glob::new(pattern)?),
            false => set.add(Glob::new(&format!("**/{pattern}"))?),
        };
    }
    set.build().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn wrong(text: &str, piece: &str) {
        let error = Rules::read(text).expect_err("it cannot be read");
        assert!(error.to_string().contains(piece), "{error}");
    }

    #[test]
    fn rules_are_found_by_row_path_and_file() {
        let text = r#"{"rules": [
            {"name": "a", "pattern": "\\.unwrap\\(\\)", "files": ["*.rs"], "action": "warn", "message": "m"},
            {"name": "b", "pattern": "^vendor/", "over": "path", "action": "stop", "message": "m"},
            {"name": "c", "pattern": "unwrap", "action": "ask", "message": "m", "repeat": true}]}"#;
        let rules = Rules::read(text).unwrap();
        let of_row = |path, row| -> Vec<&str> {
            rules.of_row(path, row).map(|rule| rule.name.as_str()).collect()
        };
        assert_eq!(of_row("src/x.rs", "let a = b.unwrap();"), ["a", "c"]);
        assert_eq!(of_row("x.py", "b.unwrap()"), ["c"]);
        assert_eq!(of_row("x.py", "nothing"), [""; 0]);
        assert_eq!(rules.of_path("vendor/x.rs").count(), 1);
        assert_eq!(rules.of_path("src/vendor/x.rs").count(), 0);
        // A row beyond every bound is looked at as far as the bound goes.
        assert_eq!(of_row("x", &format!("{}unwrap", "ü".repeat(1 << 20))), [""; 0]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let rule =
            |rest: &str| format!(r#"{{"rules": [{{"name": "a", "message": "m", {rest}}}]}}"#);
        wrong("[", "EOF");
        wrong(r#"{"rules": {}}"#, "expected a sequence");
        wrong(&rule(r#""pattern": "a", "action": "stop", "often": true"#), "unknown field");
        wrong(&rule(r#""pattern": "(", "action": "stop""#), "unclosed group");
        wrong(&rule(r#""pattern": "a", "action": "shout""#), "unknown variant");
        wrong(&rule(r#""pattern": "(a{1000}){1000}", "action": "stop""#), "size limit");
        wrong(&rule(r#""pattern": "a", "action": "stop", "files": ["["]"#), "rule \"a\"");
        let many: Vec<String> = (0..101)
            .map(|n| {
                format!(r#"{{"name": "{n}", "message": "m", "pattern": "a", "action": "stop"}}"#)
            })
            .collect();
        wrong(&format!(r#"{{"rules": [{}]}}"#, many.join(",")), "more than 100");
        // No pattern takes more than linear time: this one would not come back.
        let text = rule(r#""pattern": "^(a*)*b$", "action": "stop""#);
        let rules = Rules::read(&text).unwrap();
        assert_eq!(rules.of_row("f", &"a".repeat(60_000)).count(), 0);
    }
}
