//! Policy: the limits, and the paths that no request may touch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::error::{Code, Refusal};
use engine::store::RelPath;
use globset::{Glob, GlobMatcher};

use serde::Deserialize;

use super::api::Policy;
use super::languages::Configured;

/// The one table of limits. Each is a bound on one request, not a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Nesting of one message.
    pub depth: usize,
    /// Bytes of a file that is edited or read.
    pub file_bytes: u64,
    /// Bytes of the rows of one read.
    pub read_bytes: usize,
    /// Operations of one edit, over all its files.
    pub operations: usize,
    /// Files of one edit.
    pub files: usize,
    /// How long a request waits for its turn at a file, in milliseconds.
    pub wait_ms: u64,
    /// How long a search may look, in milliseconds.
    pub search_ms: u64,
    /// How long a rejected edit can be retried, in seconds.
    pub retry_seconds: i64,
    /// Requests of one connection that may be under way at once.
    pub in_flight: usize,
    /// Connections at once.
    pub connections: usize,
    /// Edits that may be under way in pieces at once.
    pub streams: usize,
    /// Bytes that may be kept of all of them together.
    pub stream_bytes: usize,
    /// How long an edit under way may wait for its next piece, in seconds.
    pub stream_seconds: u64,
    /// Bytes that the slots of past operations may take together.
    pub slot_bytes: u64,
    /// Bytes that contents which were shown may take together in the state.
    pub snapshot_bytes: u64,
    /// How long a removal can certainly be taken back, in seconds.
    pub undo_seconds: i64,
}

impl Limits {
    /// Returns all limits by name, in the order of `docs/protocol.md`.
    pub fn entries(&self) -> [(&'static str, u64); 17] {
        [
            ("message_bytes", self.message_bytes as u64),
            ("depth", self.depth as u64),
            ("file_bytes", self.file_bytes),
            ("read_bytes", self.read_bytes as u64),
            ("operations", self.operations as u64),
            ("files", self.files as u64),
            ("wait_ms", self.wait_ms),
            ("search_ms", self.search_ms),
            ("retry_seconds", self.retry_seconds as u64),
            ("in_flight", self.in_flight as u64),
            ("connections", self.connections as u64),
            ("streams", self.streams as u64),
            ("stream_bytes", self.stream_bytes as u64),
            ("stream_seconds", self.stream_seconds),
            ("slot_bytes", self.slot_bytes),
            ("snapshot_bytes", self.snapshot_bytes),
            ("undo_seconds", self.undo_seconds as u64),
        ]
    }

    /// Sets the limit called `name`; returns whether there is one.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        match name {
            "message_bytes" => self.message_bytes = value as usize,
            "depth" => self.depth = value as usize,
            "file_bytes" => self.file_bytes = value,
            "read_bytes" => self.read_bytes = value as usize,
            "operations" => self.operations = value as usize,
            "files" => self.files = value as usize,
            "wait_ms" => self.wait_ms = value,
            "search_ms" => self.search_ms = value,
            "retry_seconds" => self.retry_seconds = value as i64,
            "in_flight" => self.in_flight = value as usize,
            "connections" => self.connections = value as usize,
            "streams" => self.streams = value as usize,
            "stream_bytes" => self.stream_bytes = value as usize,
            "stream_seconds" => self.stream_seconds = value,
            "slot_bytes" => self.slot_bytes = value,
            "snapshot_bytes" => self.snapshot_bytes = value,
            "undo_seconds" => self.undo_seconds = value as i64,
            _ => return false,
        }
        true
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes: 32 << 20,
            depth: 64,
            file_bytes: 128 << 20,
            read_bytes: 4 << 20,
            operations: 10_000,
            files: 200,
            wait_ms: 10_000,
            search_ms: 10_000,
            retry_seconds: 24 * 3600,
            in_flight: 32,
            connections: 256,
            streams: 256,
            stream_bytes: 128 << 20,
            stream_seconds: 600,
            slot_bytes: 1 << 30,
            snapshot_bytes: 1 << 30,
            undo_seconds: 30 * 24 * 3600,
        }
    }
}

/// What is checked before a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Whether the result parses as well as what was there.
    Syntax,
    /// Whether the new text looks like a slip.
    Lint,
}

/// What a rule says of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// What holds where a request says nothing.
    Usual(Policy),
    /// A finding refuses, whatever a request says.
    Required,
}

/// The rules of a root: what checks lead to, path by path. The last one that
/// speaks of a path and a check holds.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// What is wrong with what the user wrote.
    pub(super) fault: Option<String>,
}

/// The parts of the user's configuration that hold rules.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    /// For every root.
    verify: Vec<String>,
    /// For some roots, by their absolute paths.
    roots: BTreeMap<PathBuf, OfRoot>,
}

/// What holds for one root.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OfRoot {
    verify: Vec<String>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// Which paths; all where there is none.
    paths: Option<GlobMatcher>,
    check: Checked,
    standing: Standing,
}

impl Rules {
    /// Returns the rules that the user's configuration has for `root`. Where it
    /// cannot be read, no request can loosen a check, since perhaps it says so.
    pub(super) fn configured(text: &Configured, root: &Path) -> Rules {
        Rules::read(text, root).unwrap_or_else(|fault| {
            let require = |check| Rule { paths: None, check, standing: Standing::Required };
            let rules = [Checked::Syntax, Checked::Lint].map(require).into();
            Rules { rules, fault: Some(fault) }
        })
    }

    fn read(text: &Configured, root: &Path) -> Result<Rules, String> {
        let written: Written = match text {
            Configured::Unreadable(why) => return Err(why.clone()),
            Configured::Text(text) if text.trim().is_empty() => Written::default(),
            Configured::Text(text) => {
                serde_json::from_str(text).map_err(|error| error.to_string())?
            }
        };
        let mut rules = Rules::default();
        let is_root =
            |path: &PathBuf| path == root || path.canonicalize().is_ok_and(|path| path == root);
        let of_root = written.roots.iter().filter(|(path, _)| is_root(path));
        let of_root = of_root.flat_map(|(_, of_root)| &of_root.verify);
        written.verify.iter().chain(of_root).try_for_each(|rule| rules.add(rule))?;
        Ok(rules)
    }

    /// Adds the rule written as `[PATTERN:]CHECK=POLICY`, such as
    /// `tests/**:syntax=warn` or `lint=require`.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let (pattern, rule) = match text.rsplit_once(':') {
            Some((pattern, rule)) => (Some(pattern), rule),
            None => (None, text),
        };
        let wrong = || {
            format!(
                "{text:?} is no rule: write [PATTERN:]CHECK=POLICY, where CHECK is syntax or lint, \
                 and POLICY is reject, warn, off or require"
            )
        };
        let (check, policy) = rule.split_once('=').ok_or_else(wrong)?;
        let check = match check {
            "syntax" => Checked::Syntax,
            "lint" => Checked::Lint,
            _ => return Err(wrong()),
        };
        let standing = match policy {
            "reject" => Standing::Usual(Policy::Reject),
            "warn" => Standing::Usual(Policy::Warn),
            "off" => Standing::Usual(Policy::Off),
            "require" => Standing::Required,
            _ => return Err(wrong()),
        };
        let paths = pattern.map(matcher).transpose().map_err(|error| error.to_string())?;
        self.rules.push(Rule { paths, check, standing });
        Ok(())
    }

    /// Returns what a finding in the file named `path` leads to, where a request
    /// asks for `asked` and `usual` holds without any rule; and whether nothing
    /// else is allowed.
    pub fn policy(
        &self,
        path: &str,
        check: Checked,
        asked: Option<Policy>,
        usual: Policy,
    ) -> (Policy, bool) {
        let speaks = |rule: &&Rule| {
            let of_path = rule.paths.as_ref().is_none_or(|paths| paths.is_match(path));
            rule.check == check && of_path
        };
        match self.rules.iter().rev().find(speaks).map(|rule| rule.standing) {
            Some(Standing::Required) => (Policy::Reject, true),
            Some(Standing::Usual(usual)) => (asked.unwrap_or(usual), false),
            None => (asked.unwrap_or(usual), false),
        }
    }
}

/// Returns what matches a pattern of paths; one without a slash is held against
/// the last part alone.
fn matcher(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    let anchored = match pattern.contains('/') {
        true => pattern.trim_start_matches('/').to_owned(),
        false => format!("**/{pattern}"),
    };
    Ok(Glob::new(&anchored)?.compile_matcher())
}

/// Directories whose content runs code or is the truth of another program.
const PROTECTED: [&str; 5] = [".git", ".hg", ".jj", ".svn", ".anchord"];

/// Refuses paths that lead into a protected directory. Names are compared
/// without case, since some file systems fold it.
pub fn check_path(path: &RelPath) -> Result<(), Refusal> {
    let protected = |part: &str| PROTECTED.iter().any(|name| part.eq_ignore_ascii_case(name));
    match path.parts().find(|part| protected(part)) {
        None => Ok(()),
        Some(part) => {
            let text = format!("{part} is protected: what lies in it is not ours to read or write");
            Err(Refusal::new(Code::Denied, text).at(path.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_speaks_of_a_path_holds() {
        let mut rules = Rules::default();
        for rule in ["syntax=warn", "tests/**:syntax=off", "*.sql:syntax=require", "lint=require"] {
            rules.add(rule).expect("a rule");
        }
        let policy = |path: &str, check, asked| rules.policy(path, check, asked, Policy::Reject);
        assert_eq!(policy("a.rs", Checked::Syntax, None), (Policy::Warn, false));
        assert_eq!(policy("a.rs", Checked::Syntax, Some(Policy::Reject)), (Policy::Reject, false));
        assert_eq!(policy("tests/a.rs", Checked::Syntax, None), (Policy::Off, false));
        assert_eq!(
            policy("tests/a.sql", Checked::Syntax, Some(Policy::Off)),
            (Policy::Reject, true)
        );
        assert_eq!(policy("a.rs", Checked::Lint, Some(Policy::Off)), (Policy::Reject, true));
        let none = Rules::default();
        let said = none.policy("a.rs", Checked::Lint, None, Policy::Warn);
        assert_eq!(said, (Policy::Warn, false));
        let text = r#"{"verify": ["lint=off"], "roots": {"/r": {"verify": ["lint=warn"]}}}"#;
        let configured = |text: &str, root: &str| {
            let text = Configured::Text(text.to_owned());
            let rules = Rules::configured(&text, Path::new(root));
            (rules.policy("a.rs", Checked::Lint, None, Policy::Reject), rules.fault.is_some())
        };
        assert_eq!(configured(text, "/r"), ((Policy::Warn, false), false));
        assert_eq!(configured(text, "/other"), ((Policy::Off, false), false));
        assert_eq!(configured("", "/r"), ((Policy::Reject, false), false));
        assert_eq!(configured("{", "/r"), ((Policy::Reject, true), true));
        for wrong in ["", "syntax", "syntax=maybe", "spelling=warn", "[:syntax=off"] {
            assert!(Rules::default().add(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_limit_can_be_set_by_its_name() {
        for (index, (name, default)) in Limits::default().entries().into_iter().enumerate() {
            let mut limits = Limits::default();
            assert!(limits.set(name, default + 1));
            assert_eq!(limits.entries()[index], (name, default + 1));
        }
        assert!(!Limits::default().set("nonsense", 1));
    }
}
