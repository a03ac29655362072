//! What a server can do, by its answer to `initialize` and by what it registers
//! later.

use std::collections::HashMap;

use serde_json::Value;

use crate::position::PositionEncoding;

/// Registrations that one server may hold.
const REGISTRATIONS_MAX: usize = 1000;

/// What a server can do.
#[derive(Debug, Default)]
pub(crate) struct Capabilities {
    offered: Value,
    /// Method and options by the server's id for them.
    registered: HashMap<String, (String, Value)>,
}

/// How a server wants to hear of changes of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Not at all.
    None,
    /// The whole text.
    Full,
    /// What was replaced by what.
    Ranged,
}

impl Capabilities {
    /// Returns what the answer to `initialize` offers.
    pub(crate) fn of(answer: &Value) -> Capabilities {
        Capabilities { offered: answer["capabilities"].clone(), registered: HashMap::new() }
    }

    /// Takes over what was offered, and keeps what was registered before.
    pub(crate) fn take_offer(&mut self, offer: Capabilities) {
        self.offered = offer.offered;
    }

    /// Takes note of `client/registerCapability`.
    pub(crate) fn register(&mut self, params: &Value) {
        for one in params["registrations"].as_array().into_iter().flatten() {
            if self.registered.len() >= REGISTRATIONS_MAX {
                return;
            }
            if let (Some(id), Some(method)) = (one["id"].as_str(), one["method"].as_str()) {
                let entry = (method.to_owned(), one["registerOptions"].clone());
                self.registered.insert(id.to_owned(), entry);
            }
        }
    }

    /// Takes note of `client/unregisterCapability`, whose list is misspelt in
    /// the protocol.
    pub(crate) fn unregister(&mut self, params: &Value) {
        let lists = [&params["unregisterations"], &params["unregistrations"]];
        for one in lists.into_iter().filter_map(Value::as_array).flatten() {
            if let Some(id) = one["id"].as_str() {
                self.registered.remove(id);
            }
        }
    }

    /// Returns whether the server answers `method`.
    pub(crate) fn has(&self, method: &str) -> bool {
        let registered = self.registered.values().any(|(name, _)| name == method);
        registered || provider(method).is_some_and(|pointer| is_offered(self.at(pointer)))
    }

    /// Returns whether the server says where a rename may happen.
    pub(crate) fn has_prepare_rename(&self) -> bool {
        let mut registered = self.options("textDocument/rename");
        self.at("/renameProvider/prepareProvider") == &Value::Bool(true)
            || registered.any(|options| options["prepareProvider"] == true)
    }

    /// Returns whether a code action is to be asked for its edit.
    pub(crate) fn resolves_code_actions(&self) -> bool {
        let mut registered = self.options("textDocument/codeAction");
        self.at("/codeActionProvider/resolveProvider") == &Value::Bool(true)
            || registered.any(|options| options["resolveProvider"] == true)
    }

    /// Returns the identifiers under which findings are to be asked for: one
    /// request for each; `None` for a request without any.
    pub(crate) fn pull_identifiers(&self) -> Vec<Option<String>> {
        let identifier = |options: &Value| options["identifier"].as_str().map(str::to_owned);
        let offered = Some(self.at("/diagnosticProvider")).filter(|offer| is_offered(offer));
        let registered = self.options("textDocument/diagnostic");
        let mut identifiers: Vec<_> =
            offered.into_iter().chain(registered).map(identifier).collect();
        identifiers.sort();
        identifiers.dedup();
        identifiers
    }

    /// Returns how changes are to be sent.
    pub(crate) fn sync(&self) -> Sync {
        let kind = self.at("/textDocumentSync");
        match kind.as_u64().or_else(|| kind["change"].as_u64()) {
            Some(2) => Sync::Ranged,
            Some(1) => Sync::Full,
            _ => Sync::None,
        }
    }

    /// Returns whether the server wants to hear that a document was saved, and
    /// whether with its text.
    pub(crate) fn save(&self) -> Option<bool> {
        let offered = self.at("/textDocumentSync/save");
        let registered = self.options("textDocument/didSave").next();
        let options = Some(offered).filter(|offer| is_offered(offer)).or(registered)?;
        Some(options["includeText"] == true)
    }

    /// Returns the unit of columns that was agreed upon.
    pub(crate) fn encoding(&self) -> PositionEncoding {
        let name = self.at("/positionEncoding").as_str();
        name.and_then(PositionEncoding::parse).unwrap_or_default()
    }

    fn options<'a>(&'a self, method: &'a str) -> impl Iterator<Item = &'a Value> {
        let ours = self.registered.values().filter(move |(name, _)| name == method);
        ours.map(|(_, options)| options)
    }

    fn at(&self, pointer: &str) -> &Value {
        self.offered.pointer(pointer).unwrap_or(&Value::Null)
    }
}

fn is_offered(offer: &Value) -> bool {
    !matches!(offer, Value::Null | Value::Bool(false))
}

/// Returns where the offer of `method` stands.
fn provider(method: &str) -> Option<&'static str> {
    Some(match method {
        "textDocument/rename" => "/renameProvider",
        "textDocument/references" => "/referencesProvider",
        "textDocument/definition" => "/definitionProvider",
        "textDocument/declaration" => "/declarationProvider",
        "textDocument/typeDefinition" => "/typeDefinitionProvider",
        "textDocument/implementation" => "/implementationProvider",
        "textDocument/hover" => "/hoverProvider",
        "textDocument/documentSymbol" => "/documentSymbolProvider",
        "workspace/symbol" => "/workspaceSymbolProvider",
        "textDocument/prepareCallHierarchy" => "/callHierarchyProvider",
        "textDocument/codeAction" => "/codeActionProvider",
        "textDocument/formatting" => "/documentFormattingProvider",
        "textDocument/rangeFormatting" => "/documentRangeFormattingProvider",
        "textDocument/diagnostic" => "/diagnosticProvider",
        "workspace/executeCommand" => "/executeCommandProvider",
        "workspace/willRenameFiles" => "/workspace/fileOperations/willRename",
        "workspace/didRenameFiles" => "/workspace/fileOperations/didRename",
        _ => return None,
    })
}

/// Returns what we say of ourselves: all that makes a server's answers more
/// exact, and nothing that lets it do what we would have to refuse.
pub(crate) fn of_client(columns: Option<&str>) -> Value {
    let encodings = match columns {
        Some(only) => serde_json::json!([only]),
        None => serde_json::json!(["utf-8", "utf-16", "utf-32"]),
    };
    let dynamic = serde_json::json!({ "dynamicRegistration": true });
    serde_json::json!({
        "general": { "positionEncodings": encodings },
        "window": { "workDoneProgress": true },
        "workspace": {
            "applyEdit": false, "configuration": true, "workspaceFolders": true,
            "symbol": {}, "diagnostics": { "refreshSupport": true },
            "didChangeConfiguration": dynamic, "didChangeWatchedFiles": dynamic,
            "workspaceEdit": {
                "documentChanges": true,
                "resourceOperations": ["create", "rename", "delete"],
                "failureHandling": "abort",
            },
            "fileOperations": { "willRename": true, "didRename": true },
        },
        "textDocument": text_document(&dynamic),
        "experimental": { "serverStatusNotification": true },
    })
}

fn text_document(dynamic: &Value) -> Value {
    serde_json::json!({
        "synchronization": { "didSave": true },
        "publishDiagnostics": { "versionSupport": true, "codeDescriptionSupport": false },
        "diagnostic": { "dynamicRegistration": true, "relatedDocumentSupport": false },
        "rename": { "dynamicRegistration": true, "prepareSupport": true },
        "references": dynamic, "definition": dynamic, "typeDefinition": dynamic,
        "implementation": dynamic, "callHierarchy": dynamic,
        "hover": { "contentFormat": ["plaintext", "markdown"] },
        "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
        "formatting": dynamic, "rangeFormatting": dynamic,
        "codeAction": {
            "dynamicRegistration": true, "isPreferredSupport": true, "disabledSupport": true,
            "dataSupport": true, "resolveSupport": { "properties": ["edit"] },
            "codeActionLiteralSupport": { "codeActionKind": { "valueSet": [
                "", "quickfix", "refactor", "refactor.extract", "refactor.inline",
                "refactor.rewrite", "source", "source.organizeImports", "source.fixAll",
            ] } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn offers(capabilities: Value) -> Capabilities {
        Capabilities::of(&json!({ "capabilities": capabilities }))
    }

    #[test]
    fn an_offer_is_true_or_an_object() {
        let all = offers(json!({ "renameProvider": {}, "hoverProvider": true,
            "referencesProvider": false, "definitionProvider": null }));
        let has = |method| all.has(method);
        assert!(has("textDocument/rename") && has("textDocument/hover"));
        assert!(!has("textDocument/references") && !has("textDocument/definition"));
        assert!(!has("textDocument/unheardOf") && !Capabilities::default().has("x"));
    }

    #[test]
    fn registrations_come_and_go() {
        let mut all = offers(json!({}));
        all.register(&json!({ "registrations": [
            { "id": "1", "method": "textDocument/diagnostic",
              "registerOptions": { "identifier": "a" } },
            { "id": "2", "method": "textDocument/diagnostic", "registerOptions": {} }, 7] }));
        assert_eq!(all.pull_identifiers(), [None, Some("a".to_owned())]);
        all.unregister(&json!({ "unregisterations": [{ "id": "1" }] }));
        assert_eq!(all.pull_identifiers(), [None]);
        all.unregister(&json!({ "unregistrations": [{ "id": "2" }] }));
        assert!(!all.has("textDocument/diagnostic") && all.pull_identifiers().is_empty());
    }

    #[test]
    fn one_server_registers_so_much_and_no_more() {
        let mut all = offers(json!({}));
        let many =
            (0..2 * REGISTRATIONS_MAX).map(|id| json!({ "id": id.to_string(), "method": "m" }));
        all.register(&json!({ "registrations": many.collect::<Vec<_>>() }));
        assert_eq!(all.registered.len(), REGISTRATIONS_MAX);
    }

    #[test]
    fn the_old_and_the_new_form_of_sync_are_read() {
        assert_eq!(offers(json!({ "textDocumentSync": 2 })).sync(), Sync::Ranged);
        assert_eq!(offers(json!({ "textDocumentSync": { "change": 1 } })).sync(), Sync::Full);
        assert_eq!(offers(json!({ "textDocumentSync": { "change": 9 } })).sync(), Sync::None);
        let save = |save: Value| offers(json!({ "textDocumentSync": { "save": save } })).save();
        assert_eq!(save(json!({ "includeText": true })), Some(true));
        assert_eq!((save(json!(true)), save(json!(false))), (Some(false), None));
    }
}
