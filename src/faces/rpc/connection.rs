//! One connection: lines in, lines out, in order.
//!
//! Requests of a connection are answered one after another, in the order they
//! came; other connections go on meanwhile. A cancellation is heeded while its
//! request waits its turn. While more requests wait than the limit allows,
//! nothing more is read.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{Conversation, Roots};
use crate::protocol::framing::{self, RpcError};
use crate::protocol::wire::CancelParams;
use crate::service::api::{Cancel, Limits};

/// How long a message may stay unfinished, and an answer unread.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much is read at a time, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Serves one connection until its end.
///
/// # Errors
/// Where the connection breaks, stalls in the middle of a message, or does not
/// take its answers.
pub async fn serve<R, W>(mut reader: R, mut writer: W, roots: Arc<dyn Roots>) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let limits = roots.main().limits();
    let woken = Arc::new(Notify::new());
    let theirs = Arc::clone(&woken);
    let wake = Arc::new(move || theirs.notify_one());
    let mut conversation = Conversation::new(roots).with_wake(wake);
    let mut inbox = Inbox::new(&limits);
    loop {
        while let Some(message) = inbox.next() {
            if let Some(answer) = answer(&mut conversation, &message, &limits) {
                send(&mut writer, &answer).await?;
            }
            // A cancellation may have come in while the request was carried out.
            if !inbox.is_empty() && !inbox.is_full() {
                inbox.take_what_is_there(&mut reader).await?;
            }
        }
        let again = tell(&conversation, &mut writer).await?;
        tokio::select! {
            more = inbox.read_more(&mut reader) => if !more? { return Ok(()) },
            () = woken.notified() => {}
            () = later(again) => {}
        }
    }
}

/// Sends the notes that wait; returns how long until there may be more.
async fn tell(
    conversation: &Conversation,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<Option<Duration>> {
    if !conversation.listens() {
        return Ok(None);
    }
    // To tell of a file is to read it.
    let (lines, again) = tokio::task::block_in_place(|| conversation.notes());
    for line in lines {
        send(writer, &line).await?;
    }
    Ok(again)
}

async fn later(again: Option<Duration>) {
    match again {
        Some(again) => tokio::time::sleep(again).await,
        None => std::future::pending().await,
    }
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), answer: &str) -> io::Result<()> {
    let write = async {
        writer.write_all(answer.as_bytes()).await?;
        writer.flush().await
    };
    timeout(PATIENCE, write).await.map_err(|_| stalled("the caller does not read"))?
}

fn stalled(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what.to_owned())
}

/// A message that waits its turn.
enum Message {
    /// A line that is perhaps a request.
    Line(Vec<u8>, Cancel),
    /// What stands for a line that was too long.
    TooLong,
}

/// Returns whether a request may take long, whatever it waits for: it looks at
/// any number of files, or asks language servers.
fn is_long(method: &str, params: &str) -> bool {
    let may_ask = matches!(method, "edit/apply" | "edit/retry");
    matches!(method, "file/list" | "file/search" | "tool/call" | "edit/retry")
        || method.starts_with("lsp/")
        || may_ask && memchr::memmem::find(params.as_bytes(), b"\"lsp\"").is_some()
}

/// Returns the line that answers a message; none for a notification.
fn answer(conversation: &mut Conversation, message: &Message, limits: &Limits) -> Option<String> {
    let (line, cancel) = match message {
        Message::Line(line, cancel) => (line, cancel),
        Message::TooLong => {
            let text = format!("a message has at most {} bytes", limits.message_bytes);
            return Some(framing::error_line("null", &RpcError::new(RpcError::OVER_LIMIT, text)));
        }
    };
    let incoming = match framing::read(line, limits.depth) {
        Ok(incoming) => incoming,
        Err(error) => return Some(framing::error_line("null", &error)),
    };
    let params = incoming.params.unwrap_or("{}");
    let result = match (cancel.is_cancelled(), incoming.id) {
        (true, Some(_)) => Err(RpcError::new(RpcError::CANCELLED, "cancelled before it began")),
        (_, None) if incoming.method.starts_with("$/") => return None,
        // A request that waits for no disk is over before another thread has taken
        // over what else this one has to do.
        _ if conversation.is_quick() && !is_long(&incoming.method, params) => {
            conversation.answer(&incoming.method, params, cancel)
        }
        _ => tokio::task::block_in_place(|| conversation.answer(&incoming.method, params, cancel)),
    };
    let id = incoming.id?;
    Some(match result.map_err(|error| (framing::check(line), error)) {
        Ok(result) => framing::result_line(id, &result),
        // What is no JSON at all is no request, whatever else is wrong with it.
        Err((Err(fault), _)) => framing::error_line("null", &fault),
        Err((Ok(()), error)) => framing::error_line(id, &error),
    })
}

/// What has come in and waits.
struct Inbox {
    bytes: Vec<u8>,
    /// How far `bytes` holds no line end.
    searched: usize,
    waiting: VecDeque<Message>,
    /// Whether the rest of a line that was too long is being skipped.
    skipping: bool,
    most_bytes: usize,
    most_waiting: usize,
}

impl Inbox {
    fn new(limits: &Limits) -> Inbox {
        Inbox {
            bytes: Vec::new(),
            searched: 0,
            waiting: VecDeque::new(),
            skipping: false,
            most_bytes: limits.message_bytes,
            most_waiting: limits.in_flight,
        }
    }

    fn next(&mut self) -> Option<Message> {
        let message = self.waiting.pop_front();
        // Lines that were held back come in as places become free.
        self.sort_out();
        message
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= self.most_waiting
    }

    /// Waits for more; returns whether there can be more.
    async fn read_more(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        self.bytes.reserve(READ_BYTES);
        let between_messages = self.bytes.is_empty() && !self.skipping;
        let read = reader.read_buf(&mut self.bytes);
        let count = match between_messages {
            true => read.await?,
            false => {
                timeout(PATIENCE, read).await.map_err(|_| stalled("an unfinished message"))??
            }
        };
        self.sort_out();
        Ok(count > 0)
    }

    /// Takes what can be had without waiting.
    async fn take_what_is_there(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<()> {
        self.bytes.reserve(READ_BYTES);
        tokio::select! {
            biased;
            count = reader.read_buf(&mut self.bytes) => { count?; }
            () = std::future::ready(()) => {}
        }
        self.sort_out();
        Ok(())
    }

    /// Moves whole lines from the bytes to the queue.
    fn sort_out(&mut self) {
        while !self.is_full() {
            let Some(end) = memchr::memchr(b'\n', &self.bytes[self.searched..]) else {
                self.searched = self.bytes.len();
                if self.bytes.len() > self.most_bytes && !self.skipping {
                    self.skipping = true;
                    self.waiting.push_back(Message::TooLong);
                }
                if self.skipping {
                    self.bytes.clear();
                    self.searched = 0;
                }
                return;
            };
            let line = self.take_line(self.searched + end + 1);
            self.searched = 0;
            if !std::mem::take(&mut self.skipping) {
                self.accept(line);
            }
        }
    }

    /// Takes the first `len` bytes. Short ones are copied, so that the room to read
    /// into stays and is not asked for with every message; long ones go with it.
    fn take_line(&mut self, len: usize) -> Vec<u8> {
        if len < READ_BYTES / 2 {
            let line = self.bytes[..len].to_vec();
            self.bytes.drain(..len);
            return line;
        }
        let rest = self.bytes.split_off(len);
        std::mem::replace(&mut self.bytes, rest)
    }

    fn accept(&mut self, line: Vec<u8>) {
        if line.len() > self.most_bytes {
            self.waiting.push_back(Message::TooLong);
        } else if let Some(id) = cancelled_id(&line) {
            self.cancel(&id);
        } else if !line.trim_ascii().is_empty() {
            self.waiting.push_back(Message::Line(line, Cancel::default()));
        }
    }

    /// Raises the flag of the waiting request with this id.
    fn cancel(&self, id: &str) {
        for message in &self.waiting {
            let Message::Line(line, cancel) = message else { continue };
            let theirs = framing::read(line, usize::MAX).ok().and_then(|incoming| incoming.id);
            if theirs.is_some_and(|theirs| theirs == id) {
                cancel.cancel();
            }
        }
    }
}

/// Returns the id that a `$/cancelRequest` notification names.
fn cancelled_id(line: &[u8]) -> Option<String> {
    // Most lines are no cancellation, and looking closely costs a parse.
    memchr::memmem::find(&line[..line.len().min(256)], b"$/cancelRequest")?;
    let incoming = framing::read(line, 8).ok()?;
    if incoming.method != "$/cancelRequest" {
        return None;
    }
    let params: CancelParams<'_> = serde_json::from_str(incoming.params?).ok()?;
    Some(params.id.get().to_owned())
}
