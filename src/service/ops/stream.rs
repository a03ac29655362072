//! `edit/stream`: an edit that comes in pieces, as its author writes it, and is
//! judged meanwhile. At its close it is carried out like any other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::error::{Code, Refusal};
use engine::format::{self, Event, Given};
use serde_json::json;

use super::apply::{AUTO, apply_watched};
use super::judge::{Bench, Judge, too_long};
use super::reject::Rejected;
use super::rule::{self, Watch};
use crate::service::api::{
    Apply, Attempt, Call, Fault, Firing, Rejection, Reply, Response, Source, StreamAnswer,
    StreamStep, StreamStop, Texts, Traffic,
};
use crate::service::session::Session;
use crate::service::streams::{Live, Text};
use crate::service::{Service, internal, now_ms};
use crate::state::fill_random;

/// Returns what became of the stream.
pub(in crate::service) fn stream(
    service: &Service,
    step: StreamStep,
    session: &Session,
) -> Result<Reply, Fault> {
    for (name, owner, live) in service.streams.expired(&service.workspace.limits) {
        tracing::info!("stream {name}: nothing came for too long");
        if let Some(owner) =
            service.sessions.get(&owner, &service.workspace.state).map_err(internal)?
        {
            let ended = give_up(service, &owner, &name, &live)?;
            // Nobody is there to be answered.
            ended.attempt.into_iter().for_each(|attempt| count(service, attempt));
        }
    }
    match step {
        StreamStep::Open(apply) => open(service, *apply, session),
        StreamStep::Chunk { stream, text } => chunk(service, session, &stream, &text),
        StreamStep::Close { stream, text } => close(service, session, &stream, &text),
        StreamStep::Cancel { stream } => match service.streams.remove(&stream, &session.row.id) {
            Some(live) => give_up(service, session, &stream, &live),
            None => no_such(service, session, &stream),
        },
    }
}

fn count(service: &Service, attempt: Attempt) {
    service.count(attempt, Traffic::default());
}

fn lock(live: &Mutex<Live>) -> MutexGuard<'_, Live> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(service: &Service, mut apply: Apply, session: &Session) -> Result<Reply, Fault> {
    let reject = |refusal: Refusal| {
        let rejected = Rejected::of(refusal).of_edit(&apply.format, Texts::default(), None);
        rejected.answer(service, session, "stream.rejected")
    };
    let first = match std::mem::replace(&mut apply.source, Source::Text(String::new())) {
        Source::Text(text) => text,
        Source::Malformed(refusal) => return reject(refusal),
        Source::Script(_) => {
            let text = "a stream takes text, not files";
            return reject(Refusal::new(Code::Malformed, text));
        }
    };
    let text = match apply.format.as_str() {
        AUTO => Ok(Text::Plain(String::new())),
        format => {
            format::Stream::open(format, Given::default()).map(|text| Text::Read(Box::new(text)))
        }
    };
    let text = match text {
        Ok(text) => text,
        Err(refusal) => return reject(refusal),
    };
    let live = Live {
        apply: apply.clone(),
        text,
        judge: Judge::default(),
        watch: Watch::new(apply.dry_run),
        firings: Vec::new(),
        stop: None,
        shown: None,
        too_long: false,
    };
    let live = Arc::new(Mutex::new(live));
    let limits = &service.workspace.limits;
    loop {
        let name = new_name()?;
        match service.streams.insert(&name, &session.row.id, &live, limits) {
            Ok(true) => return chunk(service, session, &name, &first),
            Ok(false) => {}
            Err(refusal) => return reject(refusal),
        }
    }
}

/// Returns a name for a stream: 8 decimal digits, not to be guessed.
fn new_name() -> Result<String, Fault> {
    let mut bits = [0; 8];
    fill_random(&mut bits).map_err(|error| Fault::Internal(error.to_string()))?;
    Ok(format!("s{:08}", u64::from_le_bytes(bits) % 100_000_000))
}

fn no_such(service: &Service, session: &Session, stream: &str) -> Result<Reply, Fault> {
    let text = format!("no stream of this session is open as {stream}");
    let refusal = Refusal::new(Code::NotFound, text);
    Rejected::of(refusal).answer(service, session, "stream.rejected")
}

fn chunk(service: &Service, session: &Session, name: &str, text: &str) -> Result<Reply, Fault> {
    let limits = &service.workspace.limits;
    let found = service.streams.get(name, &session.row.id, text.len(), limits);
    let Some((live, fits)) = found else { return no_such(service, session, name) };
    let mut live = lock(&live);
    take(service, session, &mut live, text, fits)?;
    let (taken, stop) = (live.text.len(), live.stop.clone());
    let firings = std::mem::take(&mut live.firings);
    let answer = StreamAnswer { stream: name.to_owned(), open: true, taken, stop, firings };
    Ok(Reply { response: Response::Stream(answer), attempt: None })
}

/// Takes a piece of the text and judges what it tells.
fn take(
    service: &Service,
    session: &Session,
    live: &mut Live,
    text: &str,
    fits: bool,
) -> Result<(), Fault> {
    live.too_long |= !fits;
    if live.too_long {
        let rejected = Rejected::of(too_long(live.text.len()));
        return stop(service, session, live, rejected);
    }
    for piece in pieces(text) {
        let Live { text, judge, apply, stop: stopped, watch, firings, .. } = &mut *live;
        let reader = match text {
            Text::Plain(plain) => {
                plain.push_str(piece);
                continue;
            }
            Text::Read(reader) => reader,
        };
        let told = reader.push(piece);
        if stopped.is_some() {
            continue;
        }
        let events = match told {
            Ok(events) => events,
            Err(refusal) => {
                stop(service, session, live, Rejected::of(refusal))?;
                continue;
            }
        };
        let named_late = reader.names_content_late();
        let bench = Bench { service, session, apply, named_late };
        let mut verdict = events.iter().try_for_each(|event| judge.hear(event, &bench));
        let fired = heed(service, session, watch, &events)?;
        if let (Ok(()), Some(rejected)) = (&verdict, rule::stops(&fired)) {
            verdict = Err(rejected);
        }
        firings.extend(fired);
        if let Err(rejected) = verdict {
            stop(service, session, live, rejected)?;
        }
    }
    Ok(())
}

/// Returns the rules that fire at what was told.
fn heed(
    service: &Service,
    session: &Session,
    watch: &mut Watch,
    events: &[Event],
) -> Result<Vec<Firing>, Fault> {
    let mut firings = Vec::new();
    // Where they cannot be read, the edit is refused at its close.
    let Some(rules) = service.user_rules().ok().filter(|rules| !rules.is_empty()) else {
        return Ok(firings);
    };
    let by = (service, rules);
    for event in events {
        firings.extend(match event {
            Event::Row { path, text } => watch.row(by, session, path, text)?,
            event => watch.path(by, session, event.path())?,
        });
    }
    Ok(firings)
}

/// Divides a piece behind every character that can complete a part of an edit,
/// so that a stop is told with the byte it came with.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['\n', '"', ',', '}', ']'])
}

/// Notes that a stream can no longer succeed.
fn stop(
    service: &Service,
    session: &Session,
    live: &mut Live,
    rejected: Rejected,
) -> Result<(), Fault> {
    if live.stop.is_some() {
        return Ok(());
    }
    let at = live.text.len();
    live.shown = rejected.looks_at();
    let rejected = rejected.of_edit(&live.apply.format, Texts::default(), None).stopped_at(at);
    let reply = rejected.answer(service, session, "stream.stopped")?;
    if let Response::Rejected(rejection) = reply.response {
        live.stop = Some(StreamStop { at, rejection });
    }
    Ok(())
}

fn close(service: &Service, session: &Session, name: &str, text: &str) -> Result<Reply, Fault> {
    let limits = &service.workspace.limits;
    let found = service.streams.get(name, &session.row.id, text.len(), limits);
    let Some((live, fits)) = found else { return no_such(service, session, name) };
    take(service, session, &mut lock(&live), text, fits)?;
    service.streams.remove(name, &session.row.id);
    let mut live = lock(&live);
    let written = std::mem::replace(&mut live.text, Text::Plain(String::new())).into_string();
    let source = match live.too_long {
        true => Source::Malformed(too_long(written.len())),
        false => Source::Text(written.clone()),
    };
    let edit = Apply { source, ..live.apply.clone() };
    let mut reply = apply_watched(service, edit, session, live.watch.again())?;
    if let Some(attempt) = &mut reply.attempt {
        attempt.written = written;
    }
    Ok(reply)
}

/// Ends a stream that is not to be carried out. One that could no longer
/// succeed was a rejected edit, and is counted as one.
fn give_up(
    service: &Service,
    session: &Session,
    name: &str,
    live: &Mutex<Live>,
) -> Result<Reply, Fault> {
    let mut live = lock(live);
    let written = std::mem::replace(&mut live.text, Text::Plain(String::new())).into_string();
    let taken = written.len();
    let attempt = match &live.stop {
        Some(stop) => {
            if let Some((handle, lines)) = &live.shown {
                let state = &service.workspace.state;
                session.show(*handle, lines, state).map_err(internal)?;
            }
            let mut attempt = reject(service, session, &live.apply.format, stop)?;
            attempt.written = written;
            Some(attempt)
        }
        None => {
            let data = json!({ "format": live.apply.format, "taken": taken }).to_string();
            let state = &service.workspace.state;
            let event =
                state.append_event(now_ms(), "stream.cancelled", &session.row.id, None, &data);
            event.map_err(internal)?;
            None
        }
    };
    let stop = live.stop.clone();
    let firings = std::mem::take(&mut live.firings);
    let answer = StreamAnswer { stream: name.to_owned(), open: false, taken, stop, firings };
    Ok(Reply { response: Response::Stream(answer), attempt })
}

/// Records a stream that was stopped as a rejected edit.
fn reject(
    service: &Service,
    session: &Session,
    format: &str,
    stop: &StreamStop,
) -> Result<Attempt, Fault> {
    let Rejection { code, message, path, op, .. } = stop.rejection.clone();
    let rejected = Rejected::of(Refusal { code, message, path, op });
    let rejected = rejected.of_edit(format, Texts::default(), None).stopped_at(stop.at);
    let reply = rejected.answer(service, session, "edit.rejected")?;
    Ok(reply.attempt.unwrap_or_default())
}
