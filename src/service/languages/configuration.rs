//! The user's configuration of language servers. It is the user's alone: nothing
//! that lies in a root changes it, and it says which roots are trusted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lsp_bridge::Trust;
use lsp_bridge::policy::Policy as Bounds;
use lsp_bridge::table::Table;
use serde::Deserialize;
use serde_json::Value;

use super::Configured;
use crate::service::api::Policy;

/// How long an edit that is to be verified may wait for language servers, in
/// milliseconds, unless somebody says otherwise.
const VERIFY_MS: u64 = 1500;

/// What the configuration comes to, for one root.
pub(super) struct Configuration {
    pub(super) trust: Trust,
    pub(super) table: Table,
    pub(super) policy: Bounds,
    pub(super) standard: Standard,
}

/// What holds for every edit, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) struct Standard {
    /// Whether language servers are asked about edits.
    pub(in crate::service) verify: Policy,
    /// How long that may take, in milliseconds.
    pub(in crate::service) verify_ms: u64,
}

impl Default for Standard {
    fn default() -> Standard {
        Standard { verify: Policy::Off, verify_ms: VERIFY_MS }
    }
}

/// The part of the file that is ours.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    enabled: bool,
    trusted: Vec<PathBuf>,
    servers: Value,
    verify: Verify,
    verify_ms: u64,
    idle_seconds: Option<u64>,
    memory_mib: Option<u64>,
    at_once: Option<usize>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verify {
    Off,
    Warn,
    Reject,
}

impl Default for Section {
    fn default() -> Section {
        Section {
            enabled: true,
            trusted: Vec::new(),
            servers: Value::Null,
            verify: Verify::Off,
            verify_ms: VERIFY_MS,
            idle_seconds: None,
            memory_mib: None,
            at_once: None,
        }
    }
}

impl Configuration {
    /// Reads the configuration for `root`.
    ///
    /// # Errors
    /// What is wrong with it, in words. A part that cannot be read is never
    /// passed over: what it forbids would be done.
    pub(super) fn read(text: &Configured, root: &Path) -> Result<Configuration, String> {
        let section = match text {
            Configured::Unreadable(why) => return Err(why.clone()),
            Configured::Text(text) if text.trim().is_empty() => Section::default(),
            Configured::Text(text) => section(text)?,
        };
        if !section.enabled {
            return Err("language servers are switched off there".to_owned());
        }
        if let Some(path) = section.trusted.iter().find(|path| !path.is_absolute()) {
            return Err(format!("trusted: {} is not absolute", path.display()));
        }
        let holds = |path: &PathBuf| {
            root.starts_with(path) || path.canonicalize().is_ok_and(|path| root.starts_with(path))
        };
        let trust = match section.trusted.iter().any(holds) {
            true => Trust::Trusted,
            false => Trust::Untrusted,
        };
        let table = Table::with(&section.servers).map_err(|error| error.to_string())?;
        Ok(Configuration { trust, table, policy: section.bounds(), standard: section.standard() })
    }
}

fn section(text: &str) -> Result<Section, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match whole.get("language_servers") {
        None if whole.is_object() => Ok(Section::default()),
        None => Err("it is no object".to_owned()),
        Some(section) => serde_json::from_value(section.clone())
            .map_err(|error| format!("language_servers: {error}")),
    }
}

impl Section {
    fn bounds(&self) -> Bounds {
        let usual = Bounds::default();
        Bounds {
            idle: self.idle_seconds.map_or(usual.idle, Duration::from_secs),
            memory_bytes: self
                .memory_mib
                .map_or(usual.memory_bytes, |mib| mib.saturating_mul(1 << 20)),
            servers: self.at_once.unwrap_or(usual.servers),
            ..usual
        }
    }

    fn standard(&self) -> Standard {
        let verify = match self.verify {
            Verify::Off => Policy::Off,
            Verify::Warn => Policy::Warn,
            Verify::Reject => Policy::Reject,
        };
        Standard { verify, verify_ms: self.verify_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Configuration, String> {
        Configuration::read(&Configured::Text(text.to_owned()), Path::new("/home/me/src/a"))
    }

    #[test]
    fn nothing_is_trusted_that_the_user_does_not_name() {
        let trust = |text: &str| read(text).map(|configuration| configuration.trust);
        let trusted = |path: &str| format!(r#"{{"language_servers": {{"trusted": ["{path}"]}}}}"#);
        assert_eq!(trust(""), Ok(Trust::Untrusted));
        assert_eq!(trust("{}"), Ok(Trust::Untrusted));
        assert_eq!(trust(&trusted("/home/me/src")), Ok(Trust::Trusted));
        assert_eq!(trust(&trusted("/home/me/src/a")), Ok(Trust::Trusted));
        assert_eq!(trust(&trusted("/home/me/sr")), Ok(Trust::Untrusted));
        assert!(trust(&trusted("src")).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_passed_over() {
        for text in [
            "[]",
            "{",
            r#"{"language_servers": {"trust": ["/"]}}"#,
            r#"{"language_servers": {"verify": "perhaps"}}"#,
            r#"{"language_servers": {"servers": {"ty": {"comand": []}}}}"#,
            r#"{"language_servers": {"enabled": false}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let gone = Configured::Unreadable("no permission".to_owned());
        assert_eq!(Configuration::read(&gone, Path::new("/")).err(), Some("no permission".into()));
    }

    #[test]
    fn bounds_and_standards_are_the_users() {
        let text = r#"{"language_servers": {"idle_seconds": 5, "memory_mib": 1, "at_once": 2,
            "verify": "warn", "verify_ms": 300}}"#;
        let Ok(Configuration { policy, standard, .. }) = read(text) else {
            panic!("it can be read");
        };
        assert_eq!((policy.idle.as_secs(), policy.memory_bytes, policy.servers), (5, 1 << 20, 2));
        assert_eq!(standard, Standard { verify: Policy::Warn, verify_ms: 300 });
    }
}
