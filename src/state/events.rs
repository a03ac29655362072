//! Events: an append-only record, each link carrying the digest of all before.

use engine::hash::Hasher;
use rusqlite::{Connection, OptionalExtension, params};

use super::{State, StateError};

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number; there are no gaps.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What happened: `edit.applied`, `read.served` …
    pub kind: String,
    /// The session it happened in; empty for the service itself.
    pub session: String,
    /// The operation it is about.
    pub operation: Option<i64>,
    /// The particulars, as JSON.
    pub data: String,
    /// BLAKE3 over the chain before it and the event itself.
    pub chain: [u8; 32],
}

/// What an attempt cost, counted after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Bytes of the request's parameters.
    pub bytes_in: usize,
    /// Bytes of the answer.
    pub bytes_out: usize,
    /// Tokens of the request's parameters, as the model wrote them.
    pub tokens_in: usize,
    /// Tokens of the answer, as the model reads them.
    pub tokens_out: usize,
    /// Of either: tokens of the text that matters (new lines, lines read).
    pub text: usize,
    /// Of the answer: tokens of line numbers.
    pub gutter: usize,
    /// Of the answer: tokens of lines that the session had been shown.
    pub reread: usize,
    /// Of the request: tokens of old text that was written again.
    pub old_text: usize,
    /// Whether bytes were counted instead, because there was too much text.
    pub estimated: bool,
}

/// An event with its cost and the particulars of its session.
#[derive(Debug, Clone)]
pub struct CostRow {
    /// The event.
    pub event: EventRow,
    /// What it cost; `None` where the service died before counting.
    pub cost: Option<Cost>,
    /// The agent of its session.
    pub agent: String,
    /// The model of its session.
    pub model: String,
    /// Whether its operation was undone later, and not redone.
    pub undone: bool,
}

impl State {
    /// Appends an event; returns its number, or 0 where the state is in trouble.
    pub fn append_event(
        &self,
        at_ms: i64,
        kind: &str,
        session: &str,
        operation: Option<u64>,
        data: &str,
    ) -> Result<i64, StateError> {
        self.note(0, |db| self.append(db, at_ms, kind, session, operation, data))
    }

    /// Appends an event within a transaction.
    pub(super) fn append(
        &self,
        db: &Connection,
        at_ms: i64,
        kind: &str,
        session: &str,
        operation: Option<u64>,
        data: &str,
    ) -> Result<i64, StateError> {
        let last = *self.chain.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut pending = self.lock_pending();
        let operation = operation.map(|id| id as i64);
        let next = link(&pending.chain.unwrap_or(last), at_ms, kind, session, operation, data);
        db.prepare_cached(
            "INSERT INTO event (at, type, session, operation, data, chain) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![at_ms, kind, session, operation, data, &next[..]])?;
        pending.chain = Some(next);
        Ok(db.last_insert_rowid())
    }

    /// Returns up to `limit` events after number `since`, oldest first.
    pub fn events(&self, since: i64, limit: usize) -> Result<Vec<EventRow>, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT seq, at, type, session, operation, data, chain FROM event
             WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows = select.query_map(params![since, limit as i64], event_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Returns the rules of the user that events of this kind in a session are about.
    pub fn rules_of_events(&self, kind: &str, session: &str) -> Result<Vec<String>, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT DISTINCT json_extract(data, '$.rule') FROM event
             WHERE type = ?1 AND session = ?2",
            )?;
            let rows = select.query_map(params![kind, session], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Returns the operations that events of this kind are about.
    pub fn operations_of_events(&self, kind: &str) -> Result<Vec<u64>, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT operation FROM event WHERE type = ?1 AND operation IS NOT NULL",
            )?;
            let rows = select.query_map([kind], |row| row.get::<_, i64>(0).map(|id| id as u64))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Stores what the attempts of some events cost.
    pub fn put_costs(&self, costs: &[(i64, Cost)]) -> Result<(), StateError> {
        let written = costs.iter().filter(|(event, _)| *event > 0);
        let put =
            |db: &Connection| written.clone().try_for_each(|(e, cost)| put_cost(db, *e, cost));
        self.note((), put)
    }

    /// Returns the first `limit` reads and edits after event `since` with what they
    /// cost, oldest first; only those of `session`, if one is named.
    pub fn attempts(
        &self,
        session: Option<&str>,
        since: i64,
        limit: usize,
    ) -> Result<Vec<CostRow>, StateError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT e.seq, e.at, e.type, e.session, e.operation, e.data, e.chain,
                    c.event, c.bytes_in, c.bytes_out, c.tokens_in, c.tokens_out,
                    c.text, c.gutter, c.reread, c.old_text, c.estimated,
                    coalesce(s.agent, ''), coalesce(s.model, ''),
                    -- Undone, and not redone: the chain of what took it back is odd.
                    (WITH RECURSIVE back (id) AS (
                       SELECT o.undone UNION ALL
                       SELECT b.undone FROM back JOIN operation b ON b.id = back.id
                     ) SELECT count(id) % 2 FROM back)
             FROM event e LEFT JOIN cost c ON c.event = e.seq
                          LEFT JOIN session s ON s.id = e.session
                          LEFT JOIN operation o ON o.id = e.operation
             WHERE (e.type LIKE 'edit.%' OR e.type LIKE 'read.%')
                   AND (?1 IS NULL OR e.session = ?1) AND e.seq > ?2
             ORDER BY e.seq LIMIT ?3",
            )?;
            let rows = select.query_map(params![session, since, limit as i64], |row| {
                let counted: Option<i64> = row.get(7)?;
                let number = |index: usize| row.get::<_, i64>(index).map(|count| count as usize);
                let cost = match counted {
                    None => None,
                    Some(_) => Some(Cost {
                        bytes_in: number(8)?,
                        bytes_out: number(9)?,
                        tokens_in: number(10)?,
                        tokens_out: number(11)?,
                        text: number(12)?,
                        gutter: number(13)?,
                        reread: number(14)?,
                        old_text: number(15)?,
                        estimated: row.get(16)?,
                    }),
                };
                let event = event_row(row)?;
                Ok(CostRow {
                    event,
                    cost,
                    agent: row.get(17)?,
                    model: row.get(18)?,
                    undone: row.get(19)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Returns the number of the first event whose chain does not follow from
    /// the one before it; `None` where the record is whole.
    pub fn broken_link(&self) -> Result<Option<i64>, StateError> {
        self.read(|db| {
            let mut select = db.prepare(
                "SELECT seq, at, type, session, operation, data, chain FROM event ORDER BY seq",
            )?;
            let mut chain = [0; 32];
            let mut seq = 0;
            for event in select.query_map([], event_row)? {
                let event = event?;
                let EventRow { at_ms, kind, session, operation, data, .. } = &event;
                chain = link(&chain, *at_ms, kind, session, *operation, data);
                seq += 1;
                if chain != event.chain || seq != event.seq {
                    return Ok(Some(event.seq));
                }
            }
            Ok(None)
        })
    }
}

fn put_cost(db: &Connection, event: i64, cost: &Cost) -> Result<(), StateError> {
    let number = |count: usize| count as i64;
    db.prepare_cached("INSERT OR REPLACE INTO cost VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)")?
        .execute(params![
            event,
            number(cost.bytes_in),
            number(cost.bytes_out),
            number(cost.tokens_in),
            number(cost.tokens_out),
            number(cost.text),
            number(cost.gutter),
            number(cost.reread),
            number(cost.old_text),
            cost.estimated,
        ])?;
    Ok(())
}

pub(super) fn last_chain(db: &Connection) -> Result<[u8; 32], StateError> {
    let last =
        db.query_row("SELECT chain FROM event ORDER BY seq DESC LIMIT 1", [], |row| row.get(0));
    Ok(last.optional()?.unwrap_or([0; 32]))
}

fn event_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        seq: row.get(0)?,
        at_ms: row.get(1)?,
        kind: row.get(2)?,
        session: row.get(3)?,
        operation: row.get(4)?,
        data: row.get(5)?,
        chain: row.get(6)?,
    })
}

fn link(
    chain: &[u8; 32],
    at_ms: i64,
    kind: &str,
    session: &str,
    operation: Option<i64>,
    data: &str,
) -> [u8; 32] {
    let mut hasher = Hasher::default();
    hasher.update(chain);
    hasher.update(&at_ms.to_le_bytes());
    hasher.update(&operation.unwrap_or(0).to_le_bytes());
    for part in [kind, session, data] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finish().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rolled_back_leaves_the_chain_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::open(directory.path(), false).unwrap();
        let append = |data| state.append_event(1, "kind", "", None, data).unwrap();
        assert_eq!(append("one"), 1);
        let failed = state.write(|db| {
            state.append(db, 2, "kind", "", None, "never")?;
            Err::<(), _>(StateError::Damaged("nothing"))
        });
        assert!(failed.is_err());
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _never = state.write(|db| {
                state.append(db, 2, "kind", "", None, "never")?;
                panic!("in the middle of it");
                #[expect(unreachable_code, reason = "it says what the closure returns")]
                Ok(())
            });
        }));
        assert!(died.is_err());
        // In one transaction, each follows from the one before it.
        let both = state.write(|db| {
            state.append(db, 3, "kind", "", None, "two")?;
            state.append(db, 3, "kind", "", None, "three")
        });
        assert_eq!((both.unwrap(), append("four")), (3, 4));
        assert_eq!(state.broken_link().unwrap(), None);
        drop(state);
        let state = State::open(directory.path(), false).unwrap();
        assert_eq!(state.append_event(5, "kind", "", None, "five").unwrap(), 5);
        assert_eq!(state.broken_link().unwrap(), None);
    }
}
