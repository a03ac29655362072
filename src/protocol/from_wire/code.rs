//! What is asked about code: outlines, edits of constructs, patterns.

use engine::error::Refusal;
use engine::format::{self, Act, Draft, Find, Side, Task};

use super::{Call, SEARCH_LIMIT, invalid, malformed, named, read, verify};
use crate::protocol::framing::RpcError;
use crate::protocol::wire;
use crate::service::api;

/// The format of edits of constructs.
const SYMBOL: &str = "symbol";

/// Matches of a rewrite unless the caller says how many.
const REWRITE_LIMIT: usize = 1000;

/// Rows of an outline unless the caller says how many.
const OUTLINE_LIMIT: usize = 1000;

/// Returns the request that a method about code stands for.
pub(super) fn call(method: &str, params: &str) -> Result<Call, RpcError> {
    let call = |session, request| Ok(Call { request, session });
    match method {
        "file/outline" => {
            let params: wire::OutlineParams = read(params)?;
            call(params.session.clone(), api::Request::Outline(outline(params)?))
        }
        "symbol/edit" => {
            let params: wire::SymbolParams = read(params)?;
            call(params.session.clone(), api::Request::Apply(symbol_edit(params)?))
        }
        _ => {
            let params: wire::PatternParams = read(params)?;
            let session = params.session.clone();
            call(session, api::Request::Pattern(pattern(params, method == "pattern/rewrite")?))
        }
    }
}

fn pattern(params: wire::PatternParams, rewrites: bool) -> Result<api::PatternSearch, RpcError> {
    match (rewrites, params.rewrite.is_some()) {
        (true, false) => {
            return Err(invalid("rewrite is missing; to find code use pattern/search"));
        }
        (false, true) => return Err(invalid("rewrite belongs to pattern/rewrite")),
        _ => {}
    }
    Ok(api::PatternSearch {
        pattern: params.pattern,
        rewrite: params.rewrite,
        language: params.language,
        paths: params.paths,
        globs: params.globs,
        all: params.all,
        context: params.context.unwrap_or(0),
        limit: params.limit.unwrap_or(if rewrites { REWRITE_LIMIT } else { SEARCH_LIMIT }),
    })
}

fn outline(params: wire::OutlineParams) -> Result<api::Outline, RpcError> {
    Ok(api::Outline {
        path: params.path,
        handle: named(params.handle)?,
        symbol: params.symbol,
        depth: params.depth,
        limit: params.limit.unwrap_or(OUTLINE_LIMIT),
    })
}

/// Returns the edit of a construct, in the format that has a text for it.
fn symbol_edit(params: wire::SymbolParams) -> Result<api::Apply, RpcError> {
    let handle = named(params.handle.clone())?;
    let mut verify = verify(params.verify.clone().unwrap_or_default());
    verify.usual_lint = Some(api::Policy::Warn);
    let written = act(&params).and_then(|act| {
        let find = Find::Symbol { name: params.symbol.clone(), act };
        let task = Task::Edit { finds: vec![find], final_newline: None, to: None };
        format::write(SYMBOL, &Draft::of_file(&params.path, handle, task))
    });
    Ok(api::Apply {
        source: written.map_or_else(api::Source::Malformed, api::Source::Text),
        format: SYMBOL.to_owned(),
        op_id: params.op_id,
        why: params.why,
        relocate: params.drift != Some(wire::Drift::Refuse),
        verify,
        dry_run: params.dry_run,
        allow_mixed: false,
    })
}

/// Returns what becomes of the construct.
fn act(params: &wire::SymbolParams) -> Result<Act, Refusal> {
    use wire::SymbolAction as Action;
    let action = params.action.ok_or_else(|| malformed("say what is to happen: action"))?;
    let takes = |text: bool, place: bool| match (params.text.is_some(), text) {
        (true, false) => Err(malformed("text is given, but not used here")),
        (false, true) => Err(malformed("the text is missing")),
        _ if params.before.is_some() && params.after.is_some() => {
            Err(malformed("give one of before and after"))
        }
        _ => match (params.before.is_some() || params.after.is_some(), place) {
            (true, false) => Err(malformed("before or after is given, but not used here")),
            (false, true) => Err(malformed("move needs before or after")),
            _ => Ok(()),
        },
    };
    let text = || params.text.clone().unwrap_or_default();
    takes(!matches!(action, Action::Delete | Action::Move), action == Action::Move)?;
    if params.text.as_deref() == Some("") {
        return Err(malformed("the text is empty; to remove a construct use delete"));
    }
    Ok(match (action, &params.before, &params.after) {
        (Action::Replace, ..) => Act::Replace(text()),
        (Action::Body, ..) => Act::Body(text()),
        (Action::InsertBefore, ..) => Act::Insert(Side::Before, text()),
        (Action::InsertAfter, ..) => Act::Insert(Side::After, text()),
        (Action::Delete, ..) => Act::Delete,
        (Action::Move, Some(to), _) => Act::Move { side: Side::Before, to: to.clone() },
        (Action::Move, None, to) => {
            Act::Move { side: Side::After, to: to.clone().unwrap_or_default() }
        }
    })
}
