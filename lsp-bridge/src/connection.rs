//! A connection: messages to and from one server, for as long as it lives.
//!
//! ```text
//! request, notify ─→ queue, bounded in bytes ─→ writer ─→ input
//!          answers ←─ owed, by id ←─ reader ←─ output, framed and bounded
//!          the host's answers ─→ queue
//! ```
//!
//! A server that does not read, sends what is no message too often, or sends
//! more than a frame may hold, is at the end of its connection. Whoever still
//! waits for an answer is told so.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot, watch};

use crate::framing::{FrameReader, framed};
use crate::message::{self, Id, Message, MessageError, ResponseError};
use crate::policy::Policy;

/// Rows of the standard error that are kept, for people.
const COMPLAINTS: usize = 50;

/// Characters of such a row.
const COMPLAINT_CHARS: usize = 400;

/// What a server says unasked, and asks.
pub(crate) trait Host: Send + Sync {
    /// Takes note.
    fn notified(&self, method: &str, params: Option<&RawValue>);

    /// Returns the answer to a request.
    fn asked(&self, method: &str, params: Option<&RawValue>) -> Result<Value, Fault>;

    /// Takes note that nothing more will come, and why.
    fn ended(&self, why: &str);
}

/// A request of the server that is not granted: the protocol's code and why.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: i64,
    pub(crate) message: String,
}

/// Why a request has no answer that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RequestError {
    /// The server refused it.
    #[error("the server answered: {0}")]
    Refused(ResponseError),
    /// It did not answer in time.
    #[error("the server did not answer {method} within {} ms", patience.as_millis())]
    Timeout {
        /// What was asked.
        method: String,
        /// How long was waited.
        patience: Duration,
    },
    /// The server is gone.
    #[error("the server is gone: {0}")]
    Ended(String),
    /// The server owes too many answers, or reads too little.
    #[error("the server is too far behind")]
    Busy,
    /// The answer has not the shape it should have.
    #[error("the answer to {method} cannot be read: {error}")]
    Unreadable {
        /// What was asked.
        method: String,
        /// What is wrong with the answer.
        error: String,
    },
}

/// One live connection. It ends when the last handle to it is dropped.
pub(crate) struct Connection {
    queue: mpsc::UnboundedSender<Vec<u8>>,
    shared: Arc<Shared>,
    ended: watch::Receiver<Option<String>>,
}

struct Shared {
    owed: Mutex<Owed>,
    queued_bytes: AtomicUsize,
    ended: watch::Sender<Option<String>>,
    complaints: Mutex<VecDeque<String>>,
    policy: Policy,
}

#[derive(Default)]
struct Owed {
    last_id: i64,
    answers: HashMap<i64, oneshot::Sender<Result<Box<RawValue>, RequestError>>>,
}

/// The three streams of a server.
pub(crate) struct Streams {
    pub(crate) input: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) errors: OwnedFd,
}

impl Connection {
    /// Returns a connection over `streams`, which are pipes. Needs a runtime.
    ///
    /// # Errors
    /// Where a stream is no pipe.
    pub(crate) fn open(
        streams: Streams,
        policy: &Policy,
        host: Arc<dyn Host>,
    ) -> io::Result<Connection> {
        let input = pipe::Sender::from_owned_fd(streams.input)?;
        let output = pipe::Receiver::from_owned_fd(streams.output)?;
        let errors = pipe::Receiver::from_owned_fd(streams.errors)?;
        let (queue, queued) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(None);
        let shared = Arc::new(Shared {
            owed: Mutex::default(),
            queued_bytes: AtomicUsize::new(0),
            ended: end,
            complaints: Mutex::default(),
            policy: policy.clone(),
        });
        tokio::spawn(write_all(input, queued, Arc::clone(&shared)));
        tokio::spawn(listen(errors, Arc::clone(&shared)));
        let reader = Reader { shared: Arc::clone(&shared), queue: queue.downgrade(), host };
        tokio::spawn(reader.run(output));
        Ok(Connection { queue, shared, ended })
    }

    /// Asks and waits for the answer, `patience` at most; then the request is
    /// withdrawn.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
        patience: Duration,
    ) -> Result<T, RequestError> {
        let (id, answer) = self.owe()?;
        // Once there is an answer, nothing is owed that could be withdrawn.
        let _withdrawn = Withdrawn { connection: self, id };
        self.send(json!({ "id": id, "method": method, "params": to_value(params) }))?;
        let answer = tokio::time::timeout(patience, answer).await;
        match answer {
            Ok(answered) => {
                let answer = answered.map_err(|_| RequestError::Ended(self.why()))??;
                message::read(Some(&answer)).map_err(|error| RequestError::Unreadable {
                    method: method.to_owned(),
                    error: error.to_string(),
                })
            }
            Err(_) => Err(RequestError::Timeout { method: method.to_owned(), patience }),
        }
    }

    /// Tells.
    ///
    /// # Errors
    /// Where the server is gone or too far behind.
    pub(crate) fn notify(&self, method: &str, params: impl Serialize) -> Result<(), RequestError> {
        self.send(json!({ "method": method, "params": to_value(params) }))
    }

    /// Returns why the connection ended, if it has.
    pub(crate) fn end(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    /// Waits for the end of the connection.
    pub(crate) async fn until_end(&self) {
        let mut ended = self.ended.clone();
        // An error means that the sender is gone, which is an end as well.
        let _end = ended.wait_for(Option::is_some).await;
    }

    /// Ends the connection for `why`.
    pub(crate) fn close(&self, why: &str) {
        self.shared.end(why);
    }

    /// Returns the last rows that the server wrote to its standard error.
    pub(crate) fn complaints(&self) -> Vec<String> {
        lock(&self.shared.complaints).iter().cloned().collect()
    }

    fn why(&self) -> String {
        self.end().unwrap_or_else(|| "its connection was closed".to_owned())
    }

    fn owe(&self) -> Result<(i64, Answer), RequestError> {
        let (sender, answer) = oneshot::channel();
        let mut owed = lock(&self.shared.owed);
        if let Some(why) = self.end() {
            return Err(RequestError::Ended(why));
        }
        if owed.answers.len() >= self.shared.policy.pending {
            return Err(RequestError::Busy);
        }
        owed.last_id += 1;
        let id = owed.last_id;
        owed.answers.insert(id, sender);
        Ok((id, answer))
    }

    fn send(&self, message: Value) -> Result<(), RequestError> {
        self.shared.send(&self.queue, message)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.end("its connection was closed");
    }
}

type Answer = oneshot::Receiver<Result<Box<RawValue>, RequestError>>;

/// A request whose answer nobody will take: the server is told, and what it
/// still sends is passed over.
struct Withdrawn<'a> {
    connection: &'a Connection,
    id: i64,
}

impl Drop for Withdrawn<'_> {
    fn drop(&mut self) {
        let owed = lock(&self.connection.shared.owed).answers.remove(&self.id);
        if owed.is_some() {
            // A server that is gone needs no word.
            let _gone = self.connection.notify("$/cancelRequest", json!({ "id": self.id }));
        }
    }
}

impl Shared {
    fn send(
        &self,
        queue: &mpsc::UnboundedSender<Vec<u8>>,
        mut message: Value,
    ) -> Result<(), RequestError> {
        let ended = || {
            let why = self.ended.borrow().clone();
            RequestError::Ended(why.unwrap_or_else(|| "its connection was closed".to_owned()))
        };
        if self.ended.borrow().is_some() {
            return Err(ended());
        }
        message["jsonrpc"] = json!("2.0");
        // No content is left out: strict servers take `null` for an error.
        if let Some(fields) = message.as_object_mut() {
            fields.retain(|name, value| name != "params" || !value.is_null());
        }
        let frame = framed(message.to_string().as_bytes());
        let length = frame.len();
        let waiting = self.queued_bytes.fetch_add(length, Ordering::Relaxed);
        // One message may be of any size that a document may have; what may not
        // grow is the number of those that nobody reads.
        if waiting > self.policy.queue_bytes {
            self.queued_bytes.fetch_sub(length, Ordering::Relaxed);
            return Err(RequestError::Busy);
        }
        queue.send(frame).map_err(|_| ended())
    }

    /// Notes the end, once, and tells all who wait.
    fn end(&self, why: &str) {
        let is_first = self.ended.send_if_modified(|end| match end {
            Some(_) => false,
            None => {
                *end = Some(why.to_owned());
                true
            }
        });
        if is_first {
            for (_, waiting) in lock(&self.owed).answers.drain() {
                // Whoever stopped waiting does not mind.
                let _left = waiting.send(Err(RequestError::Ended(why.to_owned())));
            }
        }
    }

    async fn until_end(&self) {
        let mut ended = self.ended.subscribe();
        let _end = ended.wait_for(Option::is_some).await;
    }
}

/// Writes what is queued until the connection ends or nobody can queue more.
async fn write_all(
    mut input: pipe::Sender,
    mut queued: mpsc::UnboundedReceiver<Vec<u8>>,
    shared: Arc<Shared>,
) {
    loop {
        let frame = tokio::select! {
            frame = queued.recv() => frame,
            () = shared.until_end() => None,
        };
        let Some(frame) = frame else { break };
        let written = tokio::time::timeout(shared.policy.write, input.write_all(&frame)).await;
        shared.queued_bytes.fetch_sub(frame.len(), Ordering::Relaxed);
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => break shared.end(&format!("it cannot be written to: {error}")),
            Err(_) => break shared.end("it stopped reading"),
        }
    }
}

/// Keeps the last rows of the standard error.
async fn listen(errors: pipe::Receiver, shared: Arc<Shared>) {
    let mut errors = BufReader::new(errors);
    let mut chunk = [0; 4096];
    let mut row = String::new();
    loop {
        let read = tokio::select! {
            read = errors.read(&mut chunk) => read.unwrap_or(0),
            () = shared.until_end() => 0,
        };
        if read == 0 {
            return;
        }
        for c in String::from_utf8_lossy(&chunk[..read]).chars() {
            match c {
                '\n' => keep(&shared.complaints, std::mem::take(&mut row)),
                c if row.len() < COMPLAINT_CHARS && !c.is_control() => row.push(c),
                _ => {}
            }
        }
    }
}

fn keep(complaints: &Mutex<VecDeque<String>>, row: String) {
    let mut complaints = lock(complaints);
    if complaints.len() == COMPLAINTS {
        complaints.pop_front();
    }
    complaints.push_back(row);
}

/// Takes what the server sends to whom it concerns.
struct Reader {
    shared: Arc<Shared>,
    queue: mpsc::WeakUnboundedSender<Vec<u8>>,
    host: Arc<dyn Host>,
}

impl Reader {
    async fn run(self, output: pipe::Receiver) {
        let mut frames = FrameReader::new(BufReader::new(output), self.shared.policy.frames);
        let mut faults = 0;
        let why = loop {
            let frame = tokio::select! {
                frame = frames.read() => frame,
                () = self.shared.until_end() => break "its connection was closed".to_owned(),
            };
            let fault = match frame {
                Ok(Some(body)) => self.take(&body).err().map(|error| error.to_string()),
                Ok(None) => break "it closed its output".to_owned(),
                Err(error) if error.is_recoverable() => Some(error.to_string()),
                Err(error) => break error.to_string(),
            };
            faults += usize::from(fault.is_some());
            if let Some(fault) = fault.filter(|_| faults > self.shared.policy.faults) {
                break format!("it sent junk too often, at last {fault}");
            }
        };
        self.shared.end(&why);
        let why = self.shared.ended.borrow().clone().unwrap_or(why);
        self.host.ended(&why);
    }

    fn take(&self, body: &[u8]) -> Result<(), MessageError> {
        match Message::parse(body)? {
            Message::Notification { method, params } => self.host.notified(&method, params),
            Message::Request { id, method, params } => self.answer(&id, &method, params),
            Message::Response { id, result } => self.settle(id, result),
        }
        Ok(())
    }

    fn answer(&self, id: &Id, method: &str, params: Option<&RawValue>) {
        let answer = match self.host.asked(method, params) {
            Ok(result) => json!({ "id": id, "result": result }),
            Err(Fault { code, message }) => {
                json!({ "id": id, "error": { "code": code, "message": message } })
            }
        };
        // A server that asks and does not read is stopped by the writer.
        let _answered = self.queue.upgrade().map(|queue| self.shared.send(&queue, answer));
    }

    /// Gives an answer to who waits for it. Nobody waits for a second answer, a
    /// late one, or one to what was never asked.
    fn settle(&self, id: Option<Id>, result: Result<Option<&RawValue>, ResponseError>) {
        let Some(Id::Number(id)) = id else { return };
        let Some(waiting) = lock(&self.shared.owed).answers.remove(&id) else { return };
        let answer = match result {
            Ok(Some(result)) => Ok(result.to_owned()),
            Ok(None) => Ok(RawValue::NULL.to_owned()),
            Err(error) => Err(RequestError::Refused(error)),
        };
        let _left = waiting.send(answer);
    }
}

fn to_value(params: impl Serialize) -> Value {
    // Only a map with keys that are no text fails, and there is none.
    serde_json::to_value(params).unwrap_or_default()
}

/// Locks what no panic can leave half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
