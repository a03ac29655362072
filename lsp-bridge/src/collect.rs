//! Findings of one server about one document, with the evidence that they are
//! about these bytes.
//!
//! Most servers say nothing of when they are done. What proves it is, best
//! first: an answer to a request that was sent after the change and arrived
//! before the next one; a publication that names our version, after which no
//! other came for a while; a compiler's run that began after the file was saved
//! and has ended. A publication without a version proves only that it came
//! later. Silence proves nothing: what has not come in time is `inconclusive`,
//! and so is an empty answer of a server that has not loaded its project.

use std::sync::Arc;
use std::time::Duration;

use engine::hash::ContentHash;
use engine::snapshot::Snapshot;
use engine::verify::{Findings, Verdict};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::diagnostics;
use crate::error::BridgeError;
use crate::known::{CheckRuns, Published};
use crate::message::{DiagnosticReport, Items};
use crate::server::{Readiness, Server};
use crate::table::{Ready, Source};
use crate::tsserver;

/// How long a check may take until it begins.
const CHECK_BEGINS: Duration = Duration::from_secs(2);

/// How long after the end of a check no other may begin.
const CHECK_SETTLES: Duration = Duration::from_millis(300);

/// How long a server that registers what it does may take for it, behind its
/// handshake, before what it publishes counts in place of it.
const REGISTERS: Duration = Duration::from_secs(2);

/// What one server found in one content, and what that is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The server.
    pub server: String,
    /// The life of the server that it belongs to.
    pub epoch: u64,
    /// The file.
    pub path: String,
    /// The version under which the server had the content; 0 where it had none.
    pub version: i64,
    /// The content.
    pub hash: ContentHash,
    /// How it was come by.
    pub kind: Kind,
    /// The findings, with their verdict.
    pub findings: Findings,
    /// Why the verdict is not better.
    pub reason: Option<String>,
}

/// How findings were come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By a request for them.
    Pull,
    /// By a command that answers at once.
    Command,
    /// By a publication that names the version.
    Versioned,
    /// By a publication that came later.
    Settled,
    /// By a run of a compiler.
    Check,
    /// By the silence of a server that is silent where nothing is wrong.
    Inferred,
    /// Not at all.
    Nothing,
}

/// What is collected for, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quest<'a> {
    pub(crate) path: &'a str,
    pub(crate) snapshot: &'a Snapshot,
    /// The moment of the change that may have moved the findings.
    pub(crate) since: Instant,
    /// The runs of the check before the document was saved; `None` where it was
    /// not.
    pub(crate) checks: Option<CheckRuns>,
    pub(crate) until: Instant,
}

/// What one source gave.
struct Gathered {
    kind: Kind,
    items: Items,
    verdict: Verdict,
    reason: Option<String>,
}

impl Gathered {
    fn nothing(reason: impl Into<String>) -> Gathered {
        let reason = Some(reason.into());
        Gathered {
            kind: Kind::Nothing,
            items: Items::default(),
            verdict: Verdict::Inconclusive,
            reason,
        }
    }
}

impl Evidence {
    /// Returns the evidence of a server that gave none, because of `reason`.
    pub fn none(server: &str, path: &str, hash: ContentHash, reason: String) -> Evidence {
        Evidence {
            server: server.to_owned(),
            epoch: 0,
            path: path.to_owned(),
            version: 0,
            hash,
            kind: Kind::Nothing,
            findings: Findings::inconclusive(),
            reason: Some(reason),
        }
    }
}

/// Returns what `server` finds in a document that it was shown. Whoever calls
/// holds the turn.
pub(crate) async fn collect(server: &Server, quest: Quest<'_>) -> Evidence {
    let nothing =
        |reason: String| Evidence::none(&server.spec.name, quest.path, quest.snapshot.hash, reason);
    let Some(shown) = server.shown(quest.path).filter(|shown| shown.hash == quest.snapshot.hash)
    else {
        return nothing("the server was not shown this content".into());
    };
    if let Some(kept) = server.kept(quest.path, quest.snapshot.hash) {
        return kept;
    }
    let gathered = match gather(server, &quest, shown.version).await {
        Ok(gathered) => gathered,
        Err(error) => return nothing(error.to_string()),
    };
    let findings = diagnostics::findings(
        &gathered.items,
        &server.spec.name,
        quest.snapshot,
        server.encoding,
        gathered.verdict,
    );
    let evidence = Evidence {
        server: server.spec.name.clone(),
        epoch: server.epoch,
        path: quest.path.to_owned(),
        version: shown.version,
        hash: quest.snapshot.hash,
        kind: gathered.kind,
        findings,
        reason: gathered.reason,
    };
    // A publication is looked at again; only what was asked for would be asked
    // for twice.
    if evidence.findings.verdict == Verdict::Fresh {
        server.keep(evidence.clone());
    }
    evidence
}

/// Returns the findings as the server has them, to be sent back to it.
pub(crate) async fn raw_items(server: &Server, quest: Quest<'_>) -> Items {
    let version = server.shown(quest.path).map_or(0, |shown| shown.version);
    gather(server, &quest, version).await.map(|gathered| gathered.items).unwrap_or_default()
}

/// Asks all sources of the server, and holds what they say against what the
/// server is ready for.
async fn gather(server: &Server, quest: &Quest<'_>, version: i64) -> Result<Gathered, BridgeError> {
    let sources = sources(server, quest.path, quest.until).await;
    wait_while_loading(server, quest.until).await;
    let mut whole: Option<Gathered> = None;
    for source in sources {
        let gathered = match source {
            Source::Pull => pull(server, quest, version).await?,
            Source::Tsserver => command(server, quest, version).await?,
            Source::Push => push(server, quest, version).await,
            Source::Check => check(server, quest).await,
        };
        whole = Some(match whole {
            None => gathered,
            Some(first) => joined(first, gathered),
        });
    }
    let whole = whole.unwrap_or_else(|| Gathered::nothing("the server gives no findings"));
    Ok(held_against_readiness(server, whole))
}

/// Returns where the findings of the server come from, as far as it offers it.
async fn sources(server: &Server, path: &str, until: Instant) -> Vec<Source> {
    let pulls = |server: &Server| server.has("textDocument/diagnostic");
    let profile = &server.spec.profile;
    let expects = profile.findings.contains(&Source::Pull);
    if expects && !pulls(server) {
        server.until(until.min(server.started + REGISTERS), pulls).await;
        // Behind that, whatever comes first: on a busy machine, registering may
        // take as long as the rest of the start.
        let has_published =
            |server: &Server| server.known.look(|said| said.published.contains_key(path));
        server.until(until, |server| pulls(server) || has_published(server)).await;
    }
    let other = |source: &&Source| !matches!(source, Source::Pull | Source::Push);
    match pulls(server) {
        true => {
            let others = profile.findings.iter().filter(other).copied();
            // A command that answers at once is as good as being asked.
            let others = others.filter(|source| *source != Source::Tsserver);
            [Source::Pull].into_iter().chain(others).collect()
        }
        false if expects => vec![Source::Push],
        false => profile.findings.clone(),
    }
}

/// Puts together what two sources gave: all of both, and whole only where both
/// are in.
fn joined(first: Gathered, second: Gathered) -> Gathered {
    let (first_is_in, second_is_in) = (first.kind != Kind::Nothing, second.kind != Kind::Nothing);
    let mut items = first.items;
    items.unreadable += second.items.unreadable;
    for item in second.items.readable {
        if !items.readable.contains(&item) {
            items.readable.push(item);
        }
    }
    let verdict = match (first_is_in, second_is_in) {
        (true, true) => weaker(first.verdict, second.verdict),
        (false, false) => Verdict::Inconclusive,
        _ => Verdict::Partial,
    };
    let kind = if second_is_in { second.kind } else { first.kind };
    Gathered { kind, items, verdict, reason: first.reason.or(second.reason) }
}

/// Returns the worse of two verdicts.
pub(crate) fn weaker(a: Verdict, b: Verdict) -> Verdict {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Fresh => 0,
        Verdict::Partial => 1,
        Verdict::Temporal => 2,
        Verdict::Inconclusive => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}

/// Takes back what a server that has not loaded its project, or is unwell,
/// cannot know: that there is nothing.
fn held_against_readiness(server: &Server, gathered: Gathered) -> Gathered {
    if !server.spec.profile.findings_need_project {
        return gathered;
    }
    let Readiness::NotReady(why) = server.readiness() else { return gathered };
    let reason = Some(format!("the server is not ready: {why}"));
    let verdict = match gathered.items.readable.is_empty() {
        true => Verdict::Inconclusive,
        false => weaker(gathered.verdict, Verdict::Partial),
    };
    Gathered { verdict, reason, ..gathered }
}

/// Asks by `textDocument/diagnostic`, once for each name under which the server
/// wants to be asked.
async fn pull(server: &Server, quest: &Quest<'_>, version: i64) -> Result<Gathered, BridgeError> {
    let mut is_last = false;
    loop {
        let refreshes = server.known.look(|said| said.refreshes);
        let mut items = Items::default();
        for identifier in server.known.look(|said| said.capabilities.pull_identifiers()) {
            let mut params = json!({ "textDocument": { "uri": server.uri(quest.path) } });
            if let Some(identifier) = identifier {
                params["identifier"] = json!(identifier);
            }
            let report: DiagnosticReport =
                server.ask("textDocument/diagnostic", params, quest.until).await?;
            let Some(found) = report.items else {
                // We never say what we hold, so nothing can be unchanged.
                return Ok(Gathered::nothing("the server speaks of an answer it never gave"));
            };
            items.readable.extend(found.readable);
            items.unreadable += found.unreadable;
        }
        check_unmoved(server, quest, version)?;
        server.known.look(|said| said.has_answered_pull = true);
        // A server that asks to be asked again has heard something meanwhile.
        if is_last || server.known.look(|said| said.refreshes) == refreshes {
            return Ok(Gathered { kind: Kind::Pull, items, verdict: Verdict::Fresh, reason: None });
        }
        is_last = true;
    }
}

/// Waits for a server that says that it is loading, within the time there is.
async fn wait_while_loading(server: &Server, until: Instant) {
    let profile = &server.spec.profile;
    let says_so = matches!(profile.ready, Ready::Status | Ready::Progress);
    if says_so && profile.findings_need_project {
        let is_loading = |server: &Server| matches!(server.readiness(), Readiness::NotReady(_));
        let is_unwell = |server: &Server| {
            server.status().is_some_and(|status| status.is_quiescent && status.health != "ok")
        };
        server.until(until, |server| !is_loading(server) || is_unwell(server)).await;
    }
}

/// Asks tsserver through the command of the servers that wrap it.
async fn command(
    server: &Server,
    quest: &Quest<'_>,
    version: i64,
) -> Result<Gathered, BridgeError> {
    let file = server.absolute(quest.path);
    let mut items = Items::default();
    for name in tsserver::COMMANDS {
        let params = tsserver::request(name, &file);
        let answer: Value = server.ask("workspace/executeCommand", params, quest.until).await?;
        match tsserver::items(&answer) {
            Some(found) => {
                items.readable.extend(found.readable);
                items.unreadable += found.unreadable;
            }
            None => return Ok(Gathered::nothing(format!("tsserver did not answer {name}"))),
        }
    }
    check_unmoved(server, quest, version)?;
    Ok(Gathered { kind: Kind::Command, items, verdict: Verdict::Fresh, reason: None })
}

/// Checks that the document was not moved while the server was asked.
fn check_unmoved(server: &Server, quest: &Quest<'_>, version: i64) -> Result<(), BridgeError> {
    match server.shown(quest.path) {
        Some(shown) if shown.version == version => Ok(()),
        _ => Err(BridgeError::Superseded {
            server: server.spec.name.clone(),
            path: quest.path.to_owned(),
        }),
    }
}

/// Waits for a publication that no other follows for a while.
async fn push(server: &Server, quest: &Quest<'_>, version: i64) -> Gathered {
    let profile = &server.spec.profile;
    let settle = Duration::from_millis(profile.settle_ms);
    let mut words = server.known.words();
    loop {
        words.borrow_and_update();
        let counts = published(server, quest, version);
        let settles = counts.as_ref().map(|published| published.at.max(quest.since) + settle);
        let now = Instant::now();
        match (counts, settles) {
            (Some(published), Some(settles)) if settles <= now => {
                return of_publication(&published, profile.versioned);
            }
            _ if quest.until <= now || server.end().is_some() => break,
            _ => {
                let next = settles.unwrap_or(quest.until).min(quest.until);
                // Whatever ends the wait, the next round looks at what there is.
                let _word = tokio::time::timeout_at(next, words.changed()).await;
            }
        }
    }
    silence(server, quest).await
}

/// Returns the last publication about the document, where it may be about the
/// version that the server has, and came after the change in question.
fn published(server: &Server, quest: &Quest<'_>, version: i64) -> Option<Published> {
    let shown = server.shown(quest.path)?;
    let published = server.known.look(|said| said.published.get(quest.path).cloned())?;
    let counts = match published.version {
        Some(theirs) => theirs == version,
        None => published.at >= shown.at,
    };
    counts.then_some(published)
}

fn of_publication(published: &Published, versioned: bool) -> Gathered {
    let (kind, verdict, reason) = match (published.version, versioned) {
        (Some(_), true) => (Kind::Versioned, Verdict::Fresh, None),
        (Some(_), false) => {
            let reason = "it is not known whether the server publishes a version once";
            (Kind::Versioned, Verdict::Partial, Some(reason))
        }
        (None, _) => {
            let reason = "the server does not say which version it speaks of";
            (Kind::Settled, Verdict::Temporal, Some(reason))
        }
    };
    let items = Items::clone(&published.items);
    Gathered { kind, items, verdict, reason: reason.map(str::to_owned) }
}

/// Returns what the silence of the server means: nothing is wrong, where it is
/// silent in that case, nothing was wrong before, and it has answered something
/// else since.
async fn silence(server: &Server, quest: &Quest<'_>) -> Gathered {
    let nothing = Gathered::nothing("the server published nothing in time");
    let before = server.known.look(|said| said.published.get(quest.path).cloned());
    let was_clean = before.is_none_or(|published| published.items.readable.is_empty());
    if !server.spec.profile.silent_on_clean || !was_clean {
        return nothing;
    }
    let params = json!({ "textDocument": { "uri": server.uri(quest.path) } });
    let until = quest.until.max(Instant::now() + Duration::from_millis(200));
    match server.ask::<Value>("textDocument/documentSymbol", params, until).await {
        Ok(_) => Gathered {
            kind: Kind::Inferred,
            items: Items::default(),
            verdict: Verdict::Temporal,
            reason: Some("the server is silent where nothing is wrong".to_owned()),
        },
        Err(_) => nothing,
    }
}

/// Waits for the run of a compiler that began after the file was saved. A run
/// that was cut off by the next one ends as well, so the last end counts behind
/// which none begins.
async fn check(server: &Server, quest: &Quest<'_>) -> Gathered {
    let Some(before) = quest.checks else {
        return Gathered::nothing("the compiler looks at what is saved, and this is not");
    };
    let runs = |server: &Server| server.known.look(|said| said.progress.checks());
    let begins = quest.until.min(quest.since + CHECK_BEGINS);
    if !server.until(begins, |server| runs(server).begun > before.begun).await {
        return Gathered::nothing("the compiler did not begin");
    }
    loop {
        let has_ended = |server: &Server| runs(server).ended >= runs(server).begun;
        if !server.until(quest.until, has_ended).await {
            return Gathered::nothing("the compiler did not end in time");
        }
        let begun = runs(server).begun;
        let settles = quest.until.min(Instant::now() + CHECK_SETTLES);
        if server.until(settles, |server| runs(server).begun > begun).await {
            continue;
        }
        let published = server.known.look(|said| said.published.get(quest.path).cloned());
        let items = published.map(|published| Arc::clone(&published.items)).unwrap_or_default();
        let items = Items::clone(&items);
        return Gathered { kind: Kind::Check, items, verdict: Verdict::Fresh, reason: None };
    }
}
