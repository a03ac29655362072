//! The link: one connection to the daemon, made again whenever it breaks.
//! Requests go out one after another without waiting for answers; what comes
//! unasked goes to whoever holds the other end.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// Requests that may wait to be sent.
pub(super) const MOST_WAITING: usize = 1024;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before a connection is tried again: longer and longer.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One message of the daemon's protocol holds at most so many bytes.
const MESSAGE_BYTES: usize = 64 << 20;

/// What became of a request: its result, or why it has none.
pub(super) type Outcome = Result<Value, String>;

/// A request on its way.
pub(super) struct Job {
    method: &'static str,
    params: Value,
    answer: Answer,
}

/// What is to happen with the answer.
enum Answer {
    To(oneshot::Sender<Outcome>),
    /// It is about this document.
    About(String),
}

/// The near end of a link.
#[derive(Clone)]
pub(super) struct Link {
    jobs: mpsc::Sender<Job>,
}

/// Who is told what comes in.
pub(super) trait Owner: Send + Sync + 'static {
    /// Connects to the daemon.
    fn connect(&self) -> io::Result<std::os::unix::net::UnixStream>;

    /// Returns the requests with which every connection begins. What waits in
    /// `jobs` may be thrown away for them.
    fn begin(&self, jobs: &mut mpsc::Receiver<Job>) -> Vec<Job>;

    /// Takes in what came without having been asked for.
    fn heed(&self, method: &str, params: Value);

    /// Takes in the answer to a request about a document.
    fn answered(&self, document: &str, outcome: Outcome);

    /// Returns whether the daemon has to be told everything again.
    fn is_behind(&self) -> bool;
}

impl Job {
    /// Returns a request whose answer is about a document.
    pub(super) fn about(document: &str, method: &'static str, params: &impl Serialize) -> Job {
        let params = serde_json::to_value(params).unwrap_or_default();
        Job { method, params, answer: Answer::About(document.to_owned()) }
    }
}

impl Link {
    /// Returns the two ends of a link.
    pub(super) fn new() -> (Link, mpsc::Receiver<Job>) {
        let (jobs, waiting) = mpsc::channel(MOST_WAITING);
        (Link { jobs }, waiting)
    }

    /// Sends a request without waiting; returns whether there was room for it.
    pub(super) fn send(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&self, method: &'static str, params: Value) -> Outcome {
        let (answer, receiver) = oneshot::channel();
        let job = Job { method, params, answer: Answer::To(answer) };
        self.jobs.try_send(job).map_err(|_| "too many requests wait for the daemon".to_owned())?;
        match timeout(PATIENCE, receiver).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("the daemon went away; try again".to_owned()),
            Err(_) => Err("the daemon does not answer".to_owned()),
        }
    }
}

/// Carries a link until nobody holds its near end any more.
pub(super) async fn carry(owner: Arc<dyn Owner>, mut jobs: mpsc::Receiver<Job>) {
    let mut pause = FIRST_PAUSE;
    while !jobs.is_closed() {
        let connector = Arc::clone(&owner);
        let stream = tokio::task::spawn_blocking(move || connector.connect()).await;
        let stream = stream.map_err(io::Error::other).and_then(|stream| stream).and_then(adopt);
        match stream {
            Ok(stream) => {
                pause = FIRST_PAUSE;
                let ended = converse(&*owner, stream, &mut jobs).await;
                tracing::debug!("the daemon: {ended:?}");
            }
            Err(error) => tracing::warn!("the daemon: {error}"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn adopt(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// What was asked and not answered yet, on one connection.
#[derive(Default)]
struct Pending {
    waiting: Mutex<HashMap<u64, Answer>>,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Answer>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Speaks over one connection until it ends.
async fn converse(
    owner: &dyn Owner,
    stream: UnixStream,
    jobs: &mut mpsc::Receiver<Job>,
) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let pending = Pending::default();
    // Neither may wait for the other: the daemon reads no more while nobody reads
    // what it answers.
    tokio::select! {
        ended = write(owner, writer, jobs, &pending) => ended,
        ended = read(owner, reader, &pending) => ended,
    }
}

async fn write(
    owner: &dyn Owner,
    mut writer: OwnedWriteHalf,
    jobs: &mut mpsc::Receiver<Job>,
    pending: &Pending,
) -> io::Result<()> {
    let mut next = 0;
    for job in owner.begin(jobs) {
        put(&mut writer, job, &mut next, pending).await?;
    }
    while let Some(job) = jobs.recv().await {
        put(&mut writer, job, &mut next, pending).await?;
        if owner.is_behind() {
            for job in owner.begin(jobs) {
                put(&mut writer, job, &mut next, pending).await?;
            }
        }
    }
    Ok(())
}

async fn put(
    writer: &mut OwnedWriteHalf,
    job: Job,
    next: &mut u64,
    pending: &Pending,
) -> io::Result<()> {
    *next += 1;
    let Job { method, params, answer } = job;
    pending.lock().insert(*next, answer);
    let line = serde_json::json!({
        "jsonrpc": "2.0", "id": *next, "method": method, "params": params,
    });
    writer.write_all(format!("{line}\n").as_bytes()).await
}

async fn read(owner: &dyn Owner, reader: OwnedReadHalf, pending: &Pending) -> io::Result<()> {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if line.len() > MESSAGE_BYTES {
            return Err(io::Error::other("a message is too long"));
        }
        let message: Value = serde_json::from_slice(&line)?;
        take_in(owner, message, pending);
    }
}

fn take_in(owner: &dyn Owner, mut message: Value, pending: &Pending) {
    if let Some(method) = message["method"].as_str().map(str::to_owned) {
        return owner.heed(&method, message["params"].take());
    }
    let answer = message["id"].as_u64().and_then(|id| pending.lock().remove(&id));
    let outcome = match message["error"]["message"].as_str() {
        Some(text) => Err(text.to_owned()),
        None => Ok(message["result"].take()),
    };
    match answer {
        Some(Answer::To(sender)) => {
            let _nobody_waits = sender.send(outcome);
        }
        Some(Answer::About(document)) => owner.answered(&document, outcome),
        None => {}
    }
}
