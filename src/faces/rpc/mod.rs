//! The JSON-RPC face: one conversation, whatever carries it.

mod connection;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::mcp;
use crate::protocol::framing::{self, RpcError};
use crate::protocol::{from_wire, to_wire, wire};
use crate::service::api::{
    Call, Cancel, Context, Reply, Request, Response, StreamStep, Traffic, Wake,
};

pub use connection::serve;

/// The roots that a conversation can be about.
pub trait Roots: Send + Sync {
    /// Returns the service of the root that the conversation came to.
    fn main(&self) -> Arc<dyn Call>;

    /// Returns the service of another root.
    ///
    /// # Errors
    /// Where the root cannot be served here.
    fn other(&self, root: &str) -> Result<Arc<dyn Call>, RpcError>;
}

/// One service and nothing else.
pub struct OneRoot(pub Arc<dyn Call>);

impl Roots for OneRoot {
    fn main(&self) -> Arc<dyn Call> {
        Arc::clone(&self.0)
    }

    fn other(&self, root: &str) -> Result<Arc<dyn Call>, RpcError> {
        Err(RpcError::new(RpcError::INVALID_PARAMS, format!("{root} is not served here")))
    }
}

/// What one caller has opened.
pub struct Conversation {
    roots: Arc<dyn Roots>,
    sessions: HashMap<String, Arc<dyn Call>>,
    current: Option<String>,
    /// Those of its sessions that listen.
    listeners: Vec<(Arc<dyn Call>, u64)>,
    /// Called when there may be notes for them; none where nobody could be told.
    wake: Option<Wake>,
    /// The edits that are still being written here: they end with it.
    streams: Vec<(Arc<dyn Call>, Context, String)>,
}

/// How many listeners one conversation may have.
const MOST_LISTENERS: usize = 64;

impl Conversation {
    /// Returns a conversation in which nothing is open yet.
    pub fn new(roots: Arc<dyn Roots>) -> Conversation {
        let (sessions, listeners) = (HashMap::new(), Vec::new());
        let streams = Vec::new();
        Conversation { roots, sessions, current: None, listeners, wake: None, streams }
    }

    /// Lets sessions of this conversation listen; `wake` is called when there may
    /// be notes.
    pub fn with_wake(mut self, wake: Wake) -> Conversation {
        self.wake = Some(wake);
        self
    }

    /// Returns whether its requests wait for nothing but the processor.
    pub fn is_quick(&self) -> bool {
        self.roots.main().is_quick() && self.sessions.values().all(|service| service.is_quick())
    }

    /// Returns whether any of its sessions listens.
    pub fn listens(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Returns the notes that wait, as lines, and how long until there may be
    /// more.
    pub fn notes(&self) -> (Vec<String>, Option<Duration>) {
        let (mut lines, mut again) = (Vec::new(), None::<Duration>);
        for (service, listener) in &self.listeners {
            let notes = service.notes(*listener);
            again = again.into_iter().chain(notes.again).min();
            let written = notes.notes.into_iter().filter_map(|note| to_wire::note(note).ok());
            lines.extend(
                written.map(|(method, params)| framing::notification_line(method, &params)),
            );
        }
        (lines, again)
    }

    /// Carries out one request and returns its result as JSON.
    ///
    /// # Errors
    /// The protocol's faults; a refused edit is a result.
    pub fn answer(
        &mut self,
        method: &str,
        params: &str,
        cancel: &Cancel,
    ) -> Result<String, RpcError> {
        match method {
            "tool/call" => return self.answer_tool(params, cancel),
            "session/listen" => return self.listen(params),
            _ => {}
        }
        let call = from_wire::call(method, params)?;
        let (service, reply) = self.carry_out(call, params, cancel)?;
        let result = to_wire::response(reply.response)?;
        if let Some(attempt) = reply.attempt {
            let traffic = Traffic { request: params.to_owned(), response: result.clone() };
            service.count(attempt, traffic);
        }
        Ok(result)
    }

    /// Begins to tell a session what happens.
    fn listen(&mut self, params: &str) -> Result<String, RpcError> {
        let (session, interest) = from_wire::listen(params)?;
        let session = session.or_else(|| self.current.clone());
        let session =
            session.ok_or_else(|| RpcError::new(RpcError::NOT_OPENED, "open a session first"))?;
        let wake = self.wake.clone().filter(|_| self.listeners.len() < MOST_LISTENERS);
        let wake = wake.ok_or_else(|| {
            RpcError::new(RpcError::OVER_LIMIT, "nobody can listen on this connection any more")
        })?;
        let service = self.service_of(&session);
        let listener = service.listen(&session, interest, wake);
        let listener = listener.map_err(|fault| to_wire::fault(&fault))?;
        self.listeners.push((service, listener));
        to_wire::done()
    }

    /// Carries out a call of a tool: what its model wrote and reads is counted,
    /// not what carries it.
    fn answer_tool(&mut self, params: &str, cancel: &Cancel) -> Result<String, RpcError> {
        let (call, asked) = match mcp::asked(from_wire::tool(params)?)? {
            Ok(asked) => asked,
            Err(unfit) => return to_wire::tool(&unfit),
        };
        let (service, reply) = self.carry_out(call, params, cancel)?;
        let answer = asked.answer(reply.response)?;
        if let Some(attempt) = reply.attempt {
            let traffic = Traffic { request: asked.arguments, response: answer.text.clone() };
            service.count(attempt, traffic);
        }
        to_wire::tool(&answer)
    }

    /// Carries out a request; returns the service that did, and its reply.
    fn carry_out(
        &mut self,
        call: from_wire::Call,
        params: &str,
        cancel: &Cancel,
    ) -> Result<(Arc<dyn Call>, Reply), RpcError> {
        let from_wire::Call { request, session } = call;
        let opens = matches!(request, Request::Open(_));
        let session = session.or_else(|| self.current.clone());
        let service = match (opens, &session) {
            (true, _) => self.service_of_root(params)?,
            (false, Some(session)) => self.service_of(session),
            (false, None) => self.roots.main(),
        };
        let closed = match &request {
            Request::Stream(StreamStep::Close { stream, .. }) => Some(stream.clone()),
            _ => None,
        };
        let context = Context { session, cancel: cancel.clone() };
        // One bad request ends one request.
        let reply = catch_unwind(AssertUnwindSafe(|| service.call(request, &context)))
            .map_err(|_| RpcError::new(RpcError::INTERNAL, "BUG: the request ended in a panic"))?
            .map_err(|fault| to_wire::fault(&fault))?;
        if let Response::Opened(opened) = &reply.response {
            self.current = Some(opened.session.clone());
            self.sessions.insert(opened.session.clone(), Arc::clone(&service));
        }
        self.note_streams(&service, context, closed, &reply.response);
        Ok((service, reply))
    }

    /// Notes which streams are open now.
    fn note_streams(
        &mut self,
        service: &Arc<dyn Call>,
        context: Context,
        closed: Option<String>,
        response: &Response,
    ) {
        let known = |name: &String| self.streams.iter().position(|(.., known)| known == name);
        let ended = match (response, closed) {
            (Response::Stream(answer), _) if answer.open => {
                if known(&answer.stream).is_none() {
                    self.streams.push((Arc::clone(service), context, answer.stream.clone()));
                }
                return;
            }
            (Response::Stream(answer), _) => Some(answer.stream.clone()),
            (_, closed) => closed,
        };
        if let Some(index) = ended.as_ref().and_then(known) {
            self.streams.swap_remove(index);
        }
    }

    /// Gives up the edits that nobody will write to their end any more.
    fn end_streams(&mut self) {
        for (service, context, stream) in std::mem::take(&mut self.streams) {
            let context = Context { cancel: Cancel::default(), ..context };
            let step = Request::Stream(StreamStep::Cancel { stream });
            let ended = catch_unwind(AssertUnwindSafe(|| service.call(step, &context)));
            if let Ok(Ok(Reply { attempt: Some(attempt), .. })) = ended {
                service.count(attempt, Traffic::default());
            }
        }
    }

    fn service_of(&self, session: &str) -> Arc<dyn Call> {
        self.sessions.get(session).cloned().unwrap_or_else(|| self.roots.main())
    }

    fn service_of_root(&self, params: &str) -> Result<Arc<dyn Call>, RpcError> {
        let params: wire::OpenParams = serde_json::from_str(params)
            .map_err(|error| RpcError::new(RpcError::INVALID_PARAMS, error.to_string()))?;
        match params.root {
            None => Ok(self.roots.main()),
            Some(root) => self.roots.other(&root),
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        for (service, listener) in &self.listeners {
            service.hang_up(*listener);
        }
        self.end_streams();
    }
}
