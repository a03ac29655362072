//! The thread that carries calls to the service, one after another, in the order
//! they came.

use std::io;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::protocol::framing::RpcError;
use crate::protocol::wire;

/// Calls that may wait for those before them.
const MOST_WAITING: usize = 64;

/// One who carries out calls: the daemon, at the other end of its socket.
pub trait Backend: Send + 'static {
    /// Carries out a call.
    ///
    /// # Errors
    /// Where nobody answers, or the answer is a fault.
    fn call(&mut self, caller: &Caller, call: &ToolCall) -> Result<wire::ToolResult, BackendError>;
}

/// The program that speaks MCP with us, as it calls itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A call of a tool.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    /// Its arguments, as JSON.
    pub arguments: String,
    /// Whether the result of the method is wanted as well.
    pub full: bool,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// Nobody carries it out.
    #[error("{0}")]
    Unreachable(String),
    /// It was answered with a fault of the protocol.
    #[error("{}", .0.message)]
    Fault(RpcError),
}

type Answer = Result<wire::ToolResult, BackendError>;

/// The way to the thread.
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

struct Job {
    caller: Caller,
    call: ToolCall,
    answer: oneshot::Sender<Answer>,
}

impl Worker {
    /// Starts the thread; it ends when this is dropped.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(mut backend: impl Backend) -> io::Result<Worker> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(MOST_WAITING);
        let work = move || {
            while let Some(Job { caller, call, answer }) = waiting.blocking_recv() {
                // Whoever cancelled a call no longer listens for its answer.
                if !answer.is_closed() {
                    let _nobody_listens = answer.send(backend.call(&caller, &call));
                }
            }
        };
        thread::Builder::new().name("mcp-calls".to_owned()).spawn(work)?;
        Ok(Worker { jobs })
    }

    /// Hands over a call and returns where its answer comes; to drop that is to
    /// cancel the call, if it has not begun.
    ///
    /// # Errors
    /// Where too many calls wait already, or the thread is gone.
    pub(super) fn send(
        &self,
        caller: Caller,
        call: ToolCall,
    ) -> Result<oneshot::Receiver<Answer>, BackendError> {
        let (answer, receiver) = oneshot::channel();
        let refused = |error: mpsc::error::TrySendError<Job>| {
            BackendError::Unreachable(match error {
                mpsc::error::TrySendError::Full(_) => {
                    format!("{MOST_WAITING} calls wait already; call again later")
                }
                mpsc::error::TrySendError::Closed(_) => gone(),
            })
        };
        self.jobs.try_send(Job { caller, call, answer }).map_err(refused)?;
        Ok(receiver)
    }
}

/// Returns what is said where the thread ended, which it does by a panic only.
pub(super) fn gone() -> String {
    "BUG: the thread that carries calls has ended; start the server again".to_owned()
}
