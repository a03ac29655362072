//! The streams that are open: edits that their authors are still writing.
//!
//! They live in memory alone, and are bounded in number, in the bytes of all
//! their texts together, and in the time between two chunks.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::anchor::Handle;
use engine::error::{Code, Refusal};
use engine::format::Stream;

use super::api::{Apply, Firing, StreamStop};
use super::ops::judge::Judge;
use super::ops::rule::Watch;
use super::policy::Limits;

/// The open streams of a root.
#[derive(Default)]
pub(super) struct Streams {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    streams: HashMap<String, Entry>,
    /// Bytes of all their texts.
    bytes: usize,
}

struct Entry {
    session: String,
    bytes: usize,
    touched: Instant,
    live: Arc<Mutex<Live>>,
}

/// An edit in the making.
pub(super) struct Live {
    /// How it is to be carried out; its source is empty until the close.
    pub(super) apply: Apply,
    pub(super) text: Text,
    pub(super) judge: Judge,
    /// The user's rules over it.
    pub(super) watch: Watch,
    /// What fired and was not answered yet.
    pub(super) firings: Vec<Firing>,
    /// Why it can no longer succeed, once that is known.
    pub(super) stop: Option<StreamStop>,
    /// The lines (0-based) that were shown with it, and of which content; they
    /// count as shown once the edit is given up.
    pub(super) shown: Option<(Handle, Vec<Range<usize>>)>,
    /// Whether it was longer than an edit may be, so that its text is not
    /// whole.
    pub(super) too_long: bool,
}

/// What was written so far.
pub(super) enum Text {
    /// In a format that can be read as it comes.
    Read(Box<Stream>),
    /// In a format that is not known yet.
    Plain(String),
}

impl Text {
    /// Returns the bytes so far.
    pub(super) fn len(&self) -> usize {
        match self {
            Text::Read(stream) => stream.len(),
            Text::Plain(text) => text.len(),
        }
    }

    pub(super) fn into_string(self) -> String {
        match self {
            Text::Read(stream) => stream.into_text(),
            Text::Plain(text) => text,
        }
    }
}

impl Streams {
    /// Opens a stream under this name; returns whether the name was free.
    ///
    /// # Errors
    /// `busy` where as many are open as may be.
    pub(super) fn insert(
        &self,
        name: &str,
        session: &str,
        live: &Arc<Mutex<Live>>,
        limits: &Limits,
    ) -> Result<bool, Refusal> {
        let mut open = self.lock();
        if open.streams.len() >= limits.streams {
            let text = format!("{} streams are open; close or cancel one", open.streams.len());
            return Err(Refusal::new(Code::Busy, text));
        }
        if open.streams.contains_key(name) {
            return Ok(false);
        }
        let (session, live) = (session.to_owned(), Arc::clone(live));
        let entry = Entry { session, bytes: 0, touched: Instant::now(), live };
        open.streams.insert(name.to_owned(), entry);
        Ok(true)
    }

    /// Returns the stream of this name and session, `more` bytes of which are
    /// about to come, and whether there is room for them.
    pub(super) fn get(
        &self,
        name: &str,
        session: &str,
        more: usize,
        limits: &Limits,
    ) -> Option<(Arc<Mutex<Live>>, bool)> {
        let mut open = self.lock();
        let all = open.bytes;
        let entry = open.streams.get_mut(name).filter(|entry| entry.session == session)?;
        entry.touched = Instant::now();
        let fits = all + more <= limits.stream_bytes && entry.bytes + more <= limits.message_bytes;
        let live = Arc::clone(&entry.live);
        if fits {
            entry.bytes += more;
            open.bytes += more;
        }
        Some((live, fits))
    }

    /// Ends the stream of this name and session.
    pub(super) fn remove(&self, name: &str, session: &str) -> Option<Arc<Mutex<Live>>> {
        let mut open = self.lock();
        open.streams.get(name).filter(|entry| entry.session == session)?;
        open.take(name).map(|entry| entry.live)
    }

    /// Ends the streams to which nothing came for too long; returns each with
    /// its name and its session.
    pub(super) fn expired(&self, limits: &Limits) -> Vec<(String, String, Arc<Mutex<Live>>)> {
        let patience = Duration::from_secs(limits.stream_seconds);
        let mut open = self.lock();
        let old = open.streams.iter().filter(|(_, entry)| entry.touched.elapsed() > patience);
        let old: Vec<String> = old.map(|(name, _)| name.clone()).collect();
        let ended = old.into_iter().filter_map(|name| {
            let entry = open.take(&name)?;
            Some((name, entry.session, entry.live))
        });
        ended.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn take(&mut self, name: &str) -> Option<Entry> {
        let entry = self.streams.remove(name)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }
}
