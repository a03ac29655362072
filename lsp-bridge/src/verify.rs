//! Verification by language servers: what an edit broke and what it fixed.
//!
//! A server is shown the contents before the edit, asked for its findings, shown
//! those after it, and asked again. What it found before is kept from the last
//! edit where nothing has changed since. Files that the edit does not touch may
//! be broken by it; those that are named are asked about in the same way.
//!
//! Where the time is over, what is proved is answered, the rest is
//! `inconclusive`, and the servers are waited for a while longer: their listener
//! hears of what came late, unless the files have changed again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::edit::Change;
use engine::snapshot::Snapshot;
use engine::verify::{Delta, Findings, Verdict};
use tokio::time::Instant;

use crate::bridge::{Bridge, Inner, until};
use crate::collect::{Evidence, Quest, collect, weaker};
use crate::delta::{Side, delta};
use crate::error::BridgeError;
use crate::server::{FileEvent, Server};
use crate::supervisor::Candidate;

/// Files without an edit that one question looks at.
pub const DEPENDENTS_MAX: usize = 20;

/// One file of an edit.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The file.
    pub path: String,
    /// Its content before; empty where it is new.
    pub before: Arc<Snapshot>,
    /// Its content after.
    pub after: Arc<Snapshot>,
    /// What turns one into the other.
    pub change: Change,
}

/// How an edit is to be verified.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long the answer may take.
    pub budget: Duration,
    /// How long is waited for what comes late; zero for not at all.
    pub late: Duration,
    /// Whether the contents after the edit are on disk. A compiler that looks
    /// only at what is saved is not waited for otherwise.
    pub is_saved: bool,
    /// Other files that the edit may break or mend.
    pub dependents: Vec<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            budget: Duration::from_millis(1500),
            late: Duration::from_secs(30),
            is_saved: true,
            dependents: Vec::new(),
        }
    }
}

/// What the servers say of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One entry for each file and server, by path and then by server.
    pub files: Vec<FileReport>,
    /// The name under which the listener will hear of what is not in yet.
    pub pending: Option<u64>,
}

/// What one server says of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: String,
    /// The server.
    pub server: String,
    /// What the edit did to its findings.
    pub delta: Delta,
    /// What was found before.
    pub before: Evidence,
    /// What was found after.
    pub after: Evidence,
}

/// What came after the answer to a question was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateReport {
    /// The name that the answer gave.
    pub pending: u64,
    /// What the servers say now.
    pub files: Vec<FileReport>,
}

impl Report {
    /// Returns the worst of all verdicts; `Inconclusive` where no server was
    /// asked. Only where it is `Fresh` do empty lists mean that nothing is new.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.files.iter().map(|file| file.delta.verdict);
        verdicts.reduce(weaker).unwrap_or(Verdict::Inconclusive)
    }
}

impl Bridge {
    /// Returns what `edits`, which are one transaction, did to the findings of
    /// all servers that are for these files. A server that cannot be asked gives
    /// an `inconclusive` entry that says why; a file that no server is for gives
    /// none. Takes `options.budget` and little more.
    pub fn verify(&self, edits: Vec<Edited>, options: Options) -> Report {
        let inner = Arc::clone(&self.inner);
        let none = Report { files: Vec::new(), pending: None };
        self.wait(async move { inner.verify(edits, options).await }).unwrap_or(none)
    }

    /// Returns the findings of all servers for these files as they are now. A
    /// file that no server is for gives no entry.
    pub fn diagnostics(&self, paths: Vec<String>, budget: Duration) -> Vec<Evidence> {
        let inner = Arc::clone(&self.inner);
        let asked = async move { inner.diagnostics(paths, until(budget)).await };
        self.wait(asked).unwrap_or_default()
    }
}

/// What one server is asked about.
struct Share {
    candidate: Candidate,
    edits: Vec<Arc<Edited>>,
    dependents: Vec<String>,
}

impl Inner {
    async fn verify(self: &Arc<Self>, edits: Vec<Edited>, options: Options) -> Report {
        let budget = until(options.budget);
        let last = until(options.budget.max(options.late));
        let options = Arc::new(options);
        let pending = self.late.fetch_add(1, Ordering::Relaxed) + 1;
        let mut files = Vec::new();
        let mut is_pending = false;
        let shares: Vec<Share> = self.shares(edits, &options);
        let asked: Vec<_> = shares
            .into_iter()
            .map(|share| {
                let none = none(&share, "the server needs more time");
                let (inner, options) = (Arc::clone(self), Arc::clone(&options));
                let work = async move { inner.ask(share, &options, budget, last).await };
                (none, tokio::spawn(work))
            })
            .collect();
        for (none, mut work) in asked {
            match tokio::time::timeout_at(budget, &mut work).await {
                Ok(found) => files.extend(found.unwrap_or(none)),
                Err(_) => {
                    files.extend(none);
                    is_pending = true;
                    self.report_late(pending, work);
                }
            }
        }
        files.sort_by(|a, b| (&a.path, &a.server).cmp(&(&b.path, &b.server)));
        Report { files, pending: is_pending.then_some(pending) }
    }

    /// Hands what comes late to the listener, if it is worth anything.
    fn report_late(self: &Arc<Self>, pending: u64, work: tokio::task::JoinHandle<Vec<FileReport>>) {
        let listener = Arc::clone(&self.listener);
        tokio::spawn(async move {
            let mut files = work.await.unwrap_or_default();
            files.retain(|file| file.delta.verdict != Verdict::Inconclusive);
            if !files.is_empty() {
                listener(LateReport { pending, files });
            }
        });
    }

    /// Returns which server is asked about which files.
    fn shares(&self, edits: Vec<Edited>, options: &Options) -> Vec<Share> {
        let mut shares: BTreeMap<(String, String), Share> = BTreeMap::new();
        for edit in edits.into_iter().map(Arc::new) {
            for candidate in self.supervisor.candidates(&edit.path).into_iter().flatten() {
                let share = Share { candidate, edits: Vec::new(), dependents: Vec::new() };
                let share = shares.entry(share.candidate.key()).or_insert(share);
                share.edits.push(Arc::clone(&edit));
            }
        }
        for path in options.dependents.iter().take(DEPENDENTS_MAX) {
            for candidate in self.supervisor.candidates(path).into_iter().flatten() {
                if let Some(share) = shares.get_mut(&candidate.key())
                    && !share.edits.iter().any(|edit| edit.path == *path)
                {
                    share.dependents.push(path.clone());
                }
            }
        }
        shares.into_values().collect()
    }

    /// Asks one server, which may take until `last`; behind `budget` it makes
    /// room for whoever asks next.
    async fn ask(
        &self,
        share: Share,
        options: &Options,
        budget: Instant,
        last: Instant,
    ) -> Vec<FileReport> {
        let gone = none(&share, "the files changed again");
        let started = match self.running(share.candidate.clone(), last).await {
            Ok(server) => server,
            Err(error) => return none(&share, &error.to_string()),
        };
        let server = started.as_ref();
        let make_room = async {
            tokio::time::sleep_until(budget).await;
            server.until(last, Server::is_wanted).await
        };
        tokio::select! {
            found = self.ask_in_turn(server, &share, options, last) => {
                found.unwrap_or_else(|error| none(&share, &error.to_string()))
            }
            true = make_room => gone,
        }
    }

    async fn ask_in_turn(
        &self,
        server: &Server,
        share: &Share,
        options: &Options,
        last: Instant,
    ) -> Result<Vec<FileReport>, BridgeError> {
        let _turn = self.turn(server, last).await?;
        let _used = server.in_use();
        let edited: Vec<&str> = share.edits.iter().map(|edit| edit.path.as_str()).collect();
        self.catch_up(server, &edited)?;
        let mut subjects: Vec<Subject> = Vec::new();
        for edit in &share.edits {
            let (before, after) = (Arc::clone(&edit.before), Arc::clone(&edit.after));
            let change = edit.change.clone();
            subjects.push(Subject { path: edit.path.clone(), before, after, change });
        }
        for path in &share.dependents {
            let Some(snapshot) = self.files.snapshot(path) else { continue };
            let change = Change::whole(&snapshot.bytes, &snapshot.bytes);
            let (before, after) = (Arc::clone(&snapshot), snapshot);
            subjects.push(Subject { path: path.clone(), before, after, change });
        }
        before_and_after(server, &subjects, options.is_saved, last).await
    }

    async fn diagnostics(self: &Arc<Self>, paths: Vec<String>, until: Instant) -> Vec<Evidence> {
        let mut shares: BTreeMap<(String, String), Share> = BTreeMap::new();
        let mut found = Vec::new();
        for path in paths {
            match self.supervisor.candidates(&path) {
                Ok(candidates) => {
                    for candidate in candidates {
                        let share = Share { candidate, edits: vec![], dependents: vec![] };
                        let share = shares.entry(share.candidate.key()).or_insert(share);
                        share.dependents.push(path.clone());
                    }
                }
                Err(BridgeError::NoServer { .. }) => {}
                Err(error) => found.push(self.no_evidence("", &path, &error.to_string())),
            }
        }
        let asked: Vec<_> = shares
            .into_values()
            .map(|share| {
                let inner = Arc::clone(self);
                tokio::spawn(async move { inner.find(&share, until).await })
            })
            .collect();
        for work in asked {
            found.extend(work.await.unwrap_or_default());
        }
        found.sort_by(|a, b| (&a.path, &a.server).cmp(&(&b.path, &b.server)));
        found
    }

    /// Returns what one server finds in the files of its share.
    async fn find(&self, share: &Share, until: Instant) -> Vec<Evidence> {
        let name = &share.candidate.spec.name;
        let found = async {
            let server = self.running(share.candidate.clone(), until).await?;
            let _turn = self.turn(&server, until).await?;
            let _used = server.in_use();
            self.catch_up(&server, &[])?;
            let mut found = Vec::new();
            for path in &share.dependents {
                let Some(snapshot) = self.files.snapshot(path) else {
                    found.push(self.no_evidence(name, path, "there is no such file"));
                    continue;
                };
                let shown = server.show(path, &snapshot);
                let since = server.shown(path).map_or_else(Instant::now, |shown| shown.at);
                let quest = Quest { path, snapshot: &snapshot, since, checks: None, until };
                match shown {
                    Ok(_) => found.push(collect(&server, quest).await),
                    Err(error) => found.push(self.no_evidence(name, path, &error.to_string())),
                }
            }
            Ok::<_, BridgeError>(found)
        };
        found.await.unwrap_or_else(|error| {
            let none = share.dependents.iter();
            none.map(|path| self.no_evidence(name, path, &error.to_string())).collect()
        })
    }

    fn no_evidence(&self, server: &str, path: &str, why: &str) -> Evidence {
        let hash = self.files.snapshot(path).map(|snapshot| snapshot.hash);
        let hash = hash.unwrap_or_else(|| engine::hash::ContentHash::of(b""));
        Evidence::none(server, path, hash, why.to_owned())
    }
}

/// One file that a server is asked about, before and after.
struct Subject {
    path: String,
    before: Arc<Snapshot>,
    after: Arc<Snapshot>,
    change: Change,
}

/// Shows the server all contents before, asks, shows all contents after, and
/// asks again.
async fn before_and_after(
    server: &Server,
    subjects: &[Subject],
    is_saved: bool,
    last: Instant,
) -> Result<Vec<FileReport>, BridgeError> {
    let mut before = Vec::new();
    for subject in subjects {
        server.show(&subject.path, &subject.before)?;
    }
    for subject in subjects {
        let since = server.shown(&subject.path).map_or_else(Instant::now, |shown| shown.at);
        let quest = Quest {
            path: &subject.path,
            snapshot: &subject.before,
            since,
            checks: None,
            until: last,
        };
        before.push(collect(server, quest).await);
    }
    let since = Instant::now();
    let checks = server.known.look(|said| said.progress.checks());
    for subject in subjects {
        server.show(&subject.path, &subject.after)?;
    }
    if is_saved {
        tell_saved(server, subjects)?;
    }
    let mut reports = Vec::new();
    for (subject, before) in subjects.iter().zip(before) {
        let quest = Quest {
            path: &subject.path,
            snapshot: &subject.after,
            since,
            checks: is_saved.then_some(checks),
            until: last,
        };
        let after = collect(server, quest).await;
        reports.push(report(subject, before, after));
    }
    Ok(reports)
}

fn tell_saved(server: &Server, subjects: &[Subject]) -> Result<(), BridgeError> {
    let saved: Vec<&Subject> =
        subjects.iter().filter(|subject| !subject.change.is_empty()).collect();
    for subject in &saved {
        server.saved(&subject.path, &subject.after)?;
    }
    let changes = saved.iter().map(|subject| {
        // Of a file that was not there, the content before is empty.
        let event = match subject.before.bytes.is_empty() {
            true => FileEvent::Created,
            false => FileEvent::Changed,
        };
        (subject.path.clone(), event)
    });
    server.files_changed(&changes.collect::<Vec<_>>())
}

fn report(subject: &Subject, before: Evidence, after: Evidence) -> FileReport {
    let old = Side { snapshot: &subject.before, findings: &before.findings };
    let new = Side { snapshot: &subject.after, findings: &after.findings };
    let delta = delta(old, new, &subject.change);
    FileReport { path: subject.path.clone(), server: after.server.clone(), delta, before, after }
}

/// Returns the entries of a server that was not asked, and why.
fn none(share: &Share, why: &str) -> Vec<FileReport> {
    let name = &share.candidate.spec.name;
    let entries = share.edits.iter().map(|edit| {
        let evidence =
            |snapshot: &Snapshot| Evidence::none(name, &edit.path, snapshot.hash, why.to_owned());
        FileReport {
            path: edit.path.clone(),
            server: name.clone(),
            delta: Delta {
                verdict: Findings::inconclusive().verdict,
                new: Vec::new(),
                fixed: Vec::new(),
                unchanged: 0,
            },
            before: evidence(&edit.before),
            after: evidence(&edit.after),
        }
    });
    entries.collect()
}
