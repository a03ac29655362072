//! The table of servers: which program serves which files, and how far it can
//! be trusted to say when it is done.
//!
//! The table is data. `servers.json` beside this file holds what was measured;
//! the configuration of the user changes rows of it or adds some. Nothing in a
//! repository does: a row is a program to run.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

const BUILTIN: &str = include_str!("servers.json");

/// All servers, the preferred ones first.
#[derive(Debug, Clone, Default)]
pub struct Table {
    servers: Vec<ServerSpec>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSpec {
    /// Its name: the key of its row.
    #[serde(skip)]
    pub name: String,
    /// The program and its arguments. A bare name is looked for on the search
    /// path.
    pub command: Vec<String>,
    /// The protocol's name of each language, and what its files are called: an
    /// ending that starts with a dot, or a whole name behind a slash.
    pub languages: BTreeMap<String, Vec<String>>,
    /// What the folder that a project starts at holds.
    #[serde(default)]
    pub root_markers: Vec<String>,
    /// Whether the outermost such folder counts, not the nearest.
    #[serde(default)]
    pub outermost_root: bool,
    /// What the server does for a file. Of several servers with one role, the
    /// first that is installed does it.
    #[serde(default)]
    pub role: Role,
    /// Whether the server runs what it finds in a repository: build scripts,
    /// plugins, compilers of the project's own.
    #[serde(default)]
    pub needs_trust: bool,
    /// Whether the server is used at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Sent with `initialize`.
    #[serde(default)]
    pub initialization_options: Value,
    /// What `workspace/configuration` is answered from, by section.
    #[serde(default)]
    pub settings: Value,
    /// Variables of its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How a person gets it.
    #[serde(default)]
    pub install: String,
    /// How it behaves.
    #[serde(default)]
    pub profile: Profile,
}

/// What a server does for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It knows the language: types, renames, references.
    #[default]
    Language,
    /// It has remarks.
    Lint,
}

/// How a server behaves, as far as that decides what its answers are worth.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// When it knows the whole project.
    pub ready: Ready,
    /// Where its findings come from; complete when all of these are in. A
    /// server that offers to be asked is asked, whatever stands here.
    pub findings: Vec<Source>,
    /// Whether what it publishes names the version, and the last of it for a
    /// version is all of it.
    pub versioned: bool,
    /// How long no newer publication may come until one is taken for the last,
    /// in milliseconds.
    pub settle_ms: u64,
    /// How the progress token of its check begins.
    pub check_token: String,
    /// Whether it publishes nothing where nothing is wrong and nothing was.
    pub silent_on_clean: bool,
    /// Whether what it finds in a document needs the whole project, so that it is
    /// not complete before the server is ready.
    pub findings_need_project: bool,
    /// The only unit of columns that it gets right, by its name.
    pub columns: Option<String>,
}

/// When a server knows the whole project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// From the start: it holds an answer back until it is right.
    Immediate,
    /// Once it has answered the first request for findings.
    FirstPull,
    /// Once `experimental/serverStatus` says so.
    Status,
    /// Once every progress that began has ended.
    Progress,
    /// It does not say. Two equal answers a second apart are the best there is.
    TwoAnswers,
}

/// Where findings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `textDocument/diagnostic`.
    Pull,
    /// The commands of tsserver that answer at once.
    Tsserver,
    /// `textDocument/publishDiagnostics`.
    Push,
    /// A compiler that runs on what is saved, between the two ends of a progress
    /// token.
    Check,
}

impl Default for Profile {
    fn default() -> Profile {
        Profile {
            ready: Ready::TwoAnswers,
            findings: vec![Source::Push],
            versioned: false,
            settle_ms: 250,
            check_token: String::new(),
            silent_on_clean: false,
            findings_need_project: true,
            columns: None,
        }
    }
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The configuration is no object of rows.
    #[error("the language servers are an object with one object a server")]
    Shape,
    /// A row cannot be read.
    #[error("the language server {name}: {error}")]
    Row {
        /// The row.
        name: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// A row names no program.
    #[error("the language server {0} has no command")]
    NoCommand(String),
}

impl Table {
    /// Returns the servers that are known without any configuration.
    ///
    /// # Errors
    /// None, as long as the project's own file can be read; a test holds that.
    pub fn builtin() -> Result<Table, TableError> {
        Table::with(&Value::Null)
    }

    /// Returns the known servers with the user's `changes`: an object by name.
    /// A row that is there already takes the fields that are given, options and
    /// settings merged member by member; a new row goes before all others.
    ///
    /// # Errors
    /// [`TableError`] where a row cannot be read.
    pub fn with(changes: &Value) -> Result<Table, TableError> {
        let builtin: Value = serde_json::from_str(BUILTIN).map_err(|_| TableError::Shape)?;
        let mut rows = object(&builtin)?.clone();
        let mut order = builtin_order();
        if !changes.is_null() {
            for (name, change) in object(changes)?.iter().rev() {
                object(change)?;
                match rows.get_mut(name) {
                    Some(row) => merge(row, change),
                    None => {
                        rows.insert(name.clone(), change.clone());
                        order.insert(0, name.clone());
                    }
                }
            }
        }
        let servers = order.into_iter().map(|name| {
            let row = rows.remove(&name).unwrap_or_default();
            spec(name, row)
        });
        Ok(Table { servers: servers.collect::<Result<_, _>>()? })
    }

    /// Returns a table of these servers alone.
    pub fn of(servers: Vec<ServerSpec>) -> Table {
        Table { servers }
    }

    /// Returns all servers, the preferred ones first.
    pub fn servers(&self) -> &[ServerSpec] {
        &self.servers
    }

    /// Returns the servers that are for the file at `path`, with the protocol's
    /// name of its language, the preferred ones first.
    pub fn for_path<'a>(
        &'a self,
        path: &'a str,
    ) -> impl Iterator<Item = (&'a ServerSpec, &'a str)> {
        let enabled = self.servers.iter().filter(|spec| spec.enabled);
        enabled.filter_map(move |spec| Some((spec, spec.language(path)?)))
    }
}

impl ServerSpec {
    /// Returns the protocol's name of the language of the file at `path`, if
    /// this server is for it.
    pub fn language(&self, path: &str) -> Option<&str> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_called = |pattern: &String| match pattern.strip_prefix('/') {
            Some(whole) => whole == name,
            None => name.len() > pattern.len() && name.ends_with(pattern.as_str()),
        };
        let found = self.languages.iter().find(|(_, patterns)| patterns.iter().any(is_called));
        found.map(|(language, _)| language.as_str())
    }
}

fn spec(name: String, row: Value) -> Result<ServerSpec, TableError> {
    let spec: Result<ServerSpec, _> = serde_json::from_value(row);
    match spec {
        Ok(spec) if spec.command.first().is_none_or(String::is_empty) => {
            Err(TableError::NoCommand(name))
        }
        Ok(spec) => Ok(ServerSpec { name, ..spec }),
        Err(error) => Err(TableError::Row { name, error }),
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, TableError> {
    value.as_object().ok_or(TableError::Shape)
}

/// Puts the members of `change` into `value`, at every depth; what is no object
/// replaces.
fn merge(value: &mut Value, change: &Value) {
    match (value, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(fields.entry(name.clone()).or_insert(Value::Null), change);
            }
        }
        (value, change) => *value = change.clone(),
    }
}

/// Returns the names of the rows as they stand in the file. The order of an
/// object does not survive its parser, and here it means preference.
fn builtin_order() -> Vec<String> {
    let rows = BUILTIN.lines().filter_map(|row| row.strip_prefix("  \""));
    rows.filter_map(|row| row.strip_suffix("\": {")).map(str::to_owned).collect()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(table: &Table, path: &str) -> Vec<String> {
        table.for_path(path).map(|(spec, language)| format!("{} {language}", spec.name)).collect()
    }

    #[test]
    fn every_known_server_is_read_in_the_order_of_the_file() {
        let table = Table::builtin().expect("the project's own table");
        let rows: Value = serde_json::from_str(BUILTIN).expect("JSON");
        assert_eq!(table.servers().len(), object(&rows).expect("rows").len());
        assert_eq!(table.servers()[0].name, "rust-analyzer");
        for spec in table.servers() {
            let has_token = !spec.profile.check_token.is_empty();
            assert_eq!(spec.profile.findings.contains(&Source::Check), has_token, "{}", spec.name);
            assert!(!spec.install.is_empty() && !spec.languages.is_empty(), "{}", spec.name);
        }
    }

    #[test]
    fn the_page_has_a_row_for_every_server() {
        let page = include_str!("../../docs/language-servers.md");
        for spec in Table::builtin().expect("the project's own table").servers() {
            let start = format!("| `{}` |", spec.name);
            let row = page.lines().find(|row| row.starts_with(&start));
            let cells: Vec<&str> = row.unwrap_or_default().split('|').map(str::trim).collect();
            let trust = if spec.needs_trust { "yes" } else { "no" };
            assert_eq!(cells.get(6), Some(&trust), "{}", spec.name);
        }
    }

    #[test]
    fn files_are_known_by_ending_or_by_name() {
        let table = Table::builtin().expect("the project's own table");
        assert_eq!(names(&table, "a/b.rs"), ["rust-analyzer rust"]);
        assert_eq!(names(&table, "a/go.mod"), ["gopls go.mod"]);
        assert_eq!(names(&table, "a/b.tsx")[0], "tsgo typescriptreact");
        assert_eq!(names(&table, ".rs"), [""; 0]);
        assert_eq!(names(&table, "rs"), [""; 0]);
    }

    #[test]
    fn the_user_changes_rows_and_adds_some() {
        let changes = json!({
            "ty": { "enabled": false },
            "gopls": { "initialization_options": { "gofumpt": true } },
            "mine": { "command": ["mine"], "languages": { "python": [".py"] } },
        });
        let table = Table::with(&changes).expect("readable rows");
        assert_eq!(names(&table, "a.py")[..2], ["mine python", "basedpyright python"]);
        let gopls = table.servers().iter().find(|spec| spec.name == "gopls").expect("a row");
        let options = json!({ "pullDiagnostics": true, "gofumpt": true });
        assert_eq!(gopls.initialization_options, options);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error() {
        for changes in [
            json!([]),
            json!({ "ty": 1 }),
            json!({ "ty": { "comand": ["x"] } }),
            json!({ "ty": { "profile": { "ready": "soon" } } }),
            json!({ "ty": { "command": [] } }),
            json!({ "mine": { "command": ["x"] } }),
        ] {
            assert!(Table::with(&changes).is_err(), "{changes}");
        }
    }
}
