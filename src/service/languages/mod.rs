//! Language servers as the service has them: one bridge for the root, which all
//! sessions share, over the files as the service sees them.
//!
//! Nothing runs until something is asked, and a plain edit asks nothing. What we
//! write is told to the servers that run; what others wrote is looked for before
//! each question.

mod census;
mod changes;
mod configuration;
mod documents;
mod guests;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use engine::error::{Code, Refusal};
use engine::plan::{FilePlan, Planned};
use grammars::SyntaxCheck;
use lsp_bridge::FileEvent;
use lsp_bridge::bridge::{Bridge, Setup};
use lsp_bridge::files::Files;
use lsp_bridge::verify::{FileReport, LateReport};
use serde_json::json;

use super::api::{Late, LateFile};
use super::mail::Mail;
use super::now_ms;
use super::workspace::Workspace;
use changes::Changes;
use configuration::Configuration;
use guests::Guests;

pub(super) use census::Named;
pub(super) use configuration::Standard;
pub(super) use documents::{Documents, document};

/// What language servers are started with.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The user's configuration as it is written, or why it cannot be read;
    /// empty where there is none.
    pub configuration: Configured,
    /// The environment that they get; its `PATH` is where they are looked for.
    pub environment: Vec<(OsString, OsString)>,
    /// The program that sees to it that none outlives us.
    pub guard: Option<PathBuf>,
}

/// The text of the user's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configured {
    /// As it is written.
    Text(String),
    /// Why there is none to go by.
    Unreadable(String),
}

impl Default for Configured {
    fn default() -> Configured {
        Configured::Text(String::new())
    }
}

/// The language servers of the root.
pub(super) struct Languages {
    /// What holds for every edit, unless it says otherwise.
    pub(super) standard: Standard,
    bridge: Result<Bridge, String>,
    changes: Changes,
    workspace: Arc<Workspace>,
    syntax: Arc<SyntaxCheck>,
}

impl Languages {
    /// Returns the servers of a root; nothing runs yet.
    pub(super) fn new(
        workspace: &Arc<Workspace>,
        syntax: &Arc<SyntaxCheck>,
        mail: &Arc<Mail>,
        surroundings: &Surroundings,
    ) -> Languages {
        let files = Arc::new(Documents(Arc::clone(workspace)));
        let configuration = Configuration::read(&surroundings.configuration, &workspace.root);
        let standard = configuration.as_ref().map(|it| it.standard).unwrap_or_default();
        let bridge = configuration.map(|configuration| {
            let Configuration { trust, table, policy, .. } = configuration;
            let (listening, mail) = (Arc::clone(workspace), Arc::clone(mail));
            Bridge::new(Setup {
                root: workspace.root.clone(),
                trust,
                table,
                policy,
                spawner: Arc::new(Guests::new(surroundings, &workspace.root)),
                files,
                listener: Arc::new(move |late| heard(&listening, &mail, late)),
            })
        });
        let (workspace, syntax) = (Arc::clone(workspace), Arc::clone(syntax));
        Languages { standard, bridge, changes: Changes::default(), workspace, syntax }
    }

    /// Returns the way to the servers, who have been told what changed on disk.
    ///
    /// # Errors
    /// `unsupported` where the user's configuration cannot be used.
    pub(super) fn ask(&self) -> Result<&Bridge, Refusal> {
        let bridge = self.bridge.as_ref().map_err(|why| {
            Refusal::new(Code::Unsupported, format!("the configuration cannot be used: {why}"))
        })?;
        self.changes.tell(bridge, &self.workspace);
        Ok(bridge)
    }

    /// Returns the way to the servers as they are.
    pub(super) fn as_they_are(&self) -> Result<&Bridge, &str> {
        self.bridge.as_ref().map_err(String::as_str)
    }

    /// Returns who says where a name stands.
    pub(super) fn census(&self) -> Arc<Named> {
        let documents: Arc<dyn Files> = Arc::new(Documents(Arc::clone(&self.workspace)));
        Arc::new(Named { documents, syntax: Arc::clone(&self.syntax) })
    }

    /// Tells the servers that run what we have written.
    pub(super) fn wrote(&self, files: &[FilePlan]) {
        let Some(bridge) = self.bridge.as_ref().ok().filter(|bridge| bridge.is_running()) else {
            return;
        };
        let mut events = Vec::new();
        for file in files {
            let path = file.path.clone();
            match &file.action {
                Planned::Modify { .. } => events.push((path, FileEvent::Changed)),
                Planned::Create { .. } => events.push((path, FileEvent::Created)),
                Planned::Remove { .. } => events.push((path, FileEvent::Deleted)),
                Planned::Move { to, .. } | Planned::EditAndMove { to, .. } => {
                    bridge.renamed_file(&path, to);
                    self.changes.note(&self.workspace, &[&path, to]);
                }
                Planned::Keep { .. } => {}
            }
        }
        let paths: Vec<&str> = events.iter().map(|(path, _)| path.as_str()).collect();
        self.changes.note(&self.workspace, &paths);
        bridge.files_changed(&events);
    }

    /// Stops all servers.
    pub(super) fn stop(&self) {
        if let Ok(bridge) = &self.bridge {
            bridge.stop();
        }
    }
}

/// Records what came too late for an answer, and tells who listens.
fn heard(workspace: &Workspace, mail: &Mail, late: LateReport) {
    let messages = |found: &[engine::verify::Diagnostic]| -> Vec<String> {
        found.iter().map(|found| found.message.clone()).collect()
    };
    let file = |file: FileReport| LateFile {
        verdict: word(file.delta.verdict),
        new: messages(&file.delta.new),
        fixed: messages(&file.delta.fixed),
        unchanged: file.delta.unchanged,
        path: file.path,
        server: file.server,
    };
    let late = Late { pending: late.pending, files: late.files.into_iter().map(file).collect() };
    let files = late.files.iter().map(|file| {
        json!({
            "path": file.path, "server": file.server, "verdict": file.verdict,
            "new": file.new, "fixed": file.fixed, "unchanged": file.unchanged,
        })
    });
    let data = json!({ "pending": late.pending, "files": files.collect::<Vec<_>>() }).to_string();
    if let Err(error) = workspace.state.append_event(now_ms(), "lsp.late", "", None, &data) {
        tracing::warn!("what language servers said late: {error}");
    }
    mail.late(&late);
}

/// Returns the word for a verdict.
pub(super) fn word(verdict: engine::verify::Verdict) -> &'static str {
    use engine::verify::Verdict;
    match verdict {
        Verdict::Fresh => "fresh",
        Verdict::Partial => "partial",
        Verdict::Temporal => "temporal",
        Verdict::Inconclusive => "inconclusive",
    }
}
