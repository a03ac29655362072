//! Actions: what a server offers to do, and what doing it changes.
//!
//! An action is carried out through a transaction, so it must be an edit.
//! Commands are not run: what they do would come as requests of the server, and
//! nothing bounds it.

use std::ops::Range as Bytes;
use std::time::Duration;

use engine::error::{Code, Refusal};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bridge::Bridge;
use crate::collect::{Quest, raw_items};
use crate::error::BridgeError;
use crate::intelligence::{Answer, Asking, Wanted};
use crate::message::{Diagnostic, Range, WorkspaceEdit};
use crate::position::{byte_range, position};
use crate::source_change::{SourceChange, source_change};

/// The method by which servers offer actions.
const CODE_ACTION: &str = "textDocument/codeAction";

/// Actions that one answer may have.
const ACTIONS_MAX: usize = 200;

/// Something that a server offers to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// What it does, in the server's words.
    pub title: String,
    /// What kind of action it is, in the protocol's words.
    pub kind: String,
    /// Whether the server would choose it.
    pub is_preferred: bool,
    /// Why it cannot be carried out: the server says so, or it is a command.
    pub disabled: Option<String>,
    /// The action as the server sent it.
    raw: Value,
}

impl Bridge {
    /// Returns what the server offers to do about the bytes `range` of the file
    /// at `path`; of one kind only, where `only` names it.
    ///
    /// # Errors
    /// Why there is no server or no answer.
    pub fn code_actions(
        &self,
        path: &str,
        range: Bytes<usize>,
        only: Option<&str>,
        budget: Duration,
    ) -> Result<Answer<Vec<Action>>, BridgeError> {
        self.offers(None, path, range, only, budget)
    }

    /// Does as [`Bridge::code_actions`], for one of the servers that are for the
    /// file.
    ///
    /// # Errors
    /// As [`Bridge::code_actions`].
    pub fn code_actions_of(
        &self,
        server: &str,
        path: &str,
        range: Bytes<usize>,
        only: Option<&str>,
        budget: Duration,
    ) -> Result<Answer<Vec<Action>>, BridgeError> {
        self.offers(Some(server), path, range, only, budget)
    }

    fn offers(
        &self,
        server: Option<&str>,
        path: &str,
        range: Bytes<usize>,
        only: Option<&str>,
        budget: Duration,
    ) -> Result<Answer<Vec<Action>>, BridgeError> {
        let only = only.map(str::to_owned);
        let wanted = Wanted { method: CODE_ACTION, server };
        self.ask(path, wanted, budget, move |asking| async move {
            let mut params = asking.document();
            let encoding = asking.server.encoding;
            params["range"] = json!(Range {
                start: position(&asking.snapshot, range.start, encoding),
                end: position(&asking.snapshot, range.end, encoding),
            });
            let found = asking.findings_at(&range).await;
            params["context"] = json!({ "diagnostics": found, "triggerKind": 1 });
            if let Some(only) = only {
                params["context"]["only"] = json!([only]);
            }
            let answer = asking.ask(CODE_ACTION, params).await?;
            let actions = answer.as_array().into_iter().flatten().take(ACTIONS_MAX);
            Ok(actions.filter_map(|raw| asking.action(raw)).collect())
        })
    }

    /// Returns what an action does, which was offered for the file at `path`. It
    /// is of the contents of now.
    ///
    /// # Errors
    /// Why there is no server or no answer, or why the action cannot be carried
    /// out.
    pub fn action_change(
        &self,
        path: &str,
        action: &Action,
        budget: Duration,
    ) -> Result<Answer<SourceChange>, BridgeError> {
        self.done(None, path, action, budget)
    }

    /// Does as [`Bridge::action_change`], for one of the servers that are for the
    /// file.
    ///
    /// # Errors
    /// As [`Bridge::action_change`].
    pub fn action_change_of(
        &self,
        server: &str,
        path: &str,
        action: &Action,
        budget: Duration,
    ) -> Result<Answer<SourceChange>, BridgeError> {
        self.done(Some(server), path, action, budget)
    }

    fn done(
        &self,
        server: Option<&str>,
        path: &str,
        action: &Action,
        budget: Duration,
    ) -> Result<Answer<SourceChange>, BridgeError> {
        let action = action.clone();
        let wanted = Wanted { method: CODE_ACTION, server };
        self.ask(path, wanted, budget, move |asking| async move { asking.change(action).await })
    }

    /// Returns what putting the imports of the file at `path` in order does; an
    /// empty change where they are.
    ///
    /// # Errors
    /// As [`Bridge::action_change`].
    pub fn organize_imports(
        &self,
        path: &str,
        budget: Duration,
    ) -> Result<Answer<SourceChange>, BridgeError> {
        self.ask(path, Wanted::method(CODE_ACTION), budget, |asking| async move {
            let end =
                position(&asking.snapshot, asking.snapshot.bytes.len(), asking.server.encoding);
            let mut params = asking.document();
            params["range"] = json!(Range { start: Default::default(), end });
            params["context"] =
                json!({ "diagnostics": [], "only": ["source.organizeImports"], "triggerKind": 1 });
            let answer = asking.ask(CODE_ACTION, params).await?;
            let actions = answer.as_array().into_iter().flatten();
            let mut actions = actions.filter_map(|raw| asking.action(raw));
            match actions.find(|action| action.kind.starts_with("source.organizeImports")) {
                Some(action) => asking.change(action).await,
                None => Ok(SourceChange::default()),
            }
        })
    }
}

impl Asking {
    /// Returns the findings that touch the bytes, as the server has them.
    async fn findings_at(&self, range: &Bytes<usize>) -> Vec<Diagnostic> {
        let since = self.server.shown(&self.path).map_or_else(Instant::now, |shown| shown.at);
        let (path, snapshot) = (self.path.as_str(), self.snapshot.as_ref());
        // What takes longer than half the time is done without.
        let left = self.until.saturating_duration_since(Instant::now());
        let until = Instant::now() + left / 2;
        let quest = Quest { path, snapshot, since, checks: None, until };
        let mut items = raw_items(&self.server, quest).await.readable;
        items.retain(|item| {
            let at = byte_range(snapshot, item.range.unwrap_or_default(), self.server.encoding);
            at.start <= range.end && range.start <= at.end
        });
        items
    }

    fn action(&self, raw: &Value) -> Option<Action> {
        // An action that is a mere command bears its name where others bear the
        // command.
        let is_command = raw["command"].is_string();
        let resolves = self.server.known.look(|said| said.capabilities.resolves_code_actions());
        let has_edit = raw["edit"].is_object() || resolves && !raw["data"].is_null();
        let disabled = raw["disabled"]["reason"].as_str().map(str::to_owned);
        let command =
            (is_command || !has_edit).then(|| "it runs a command of the server".to_owned());
        Some(Action {
            title: raw["title"].as_str()?.chars().take(300).collect(),
            kind: raw["kind"].as_str().unwrap_or_default().to_owned(),
            is_preferred: raw["isPreferred"] == true,
            disabled: disabled.or(command),
            raw: raw.clone(),
        })
    }

    async fn change(&self, action: Action) -> Result<SourceChange, BridgeError> {
        let refused = |message: String| Refusal::new(Code::Unsupported, message).at(&self.path);
        if let Some(why) = action.disabled {
            return Err(refused(why).into());
        }
        let mut raw = action.raw;
        if !raw["edit"].is_object() {
            raw = self.server.ask("codeAction/resolve", raw, self.until).await?;
        }
        let edit: Option<WorkspaceEdit> = serde_json::from_value(raw["edit"].clone())
            .map_err(|error| refused(format!("its edit cannot be read: {error}")))?;
        let edit = edit.ok_or_else(|| refused("it has no edit".to_owned()))?;
        Ok(source_change(&edit, &self.server, self.inner.files.as_ref())?)
    }
}
