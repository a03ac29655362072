//! `stats/summary`: what the attempts came to, recomputed from the record.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::service::api::{Fault, Group, GroupBy, Reply, Response, Stats, Summary};
use crate::service::{Service, internal, plain};
use crate::state::{Cost, CostRow};
use crate::tokens;

/// Rows of the record that are summed up at a time: it grows for good, and others
/// want to write it meanwhile.
const ROWS: usize = 2_000;

/// Returns the summary asked for, after the ledger has caught up.
pub(in crate::service) fn stats(service: &Service, request: &Stats) -> Result<Reply, Fault> {
    service.ledger.catch_up();
    let (state, session) = (&service.workspace.state, request.session.as_deref());
    let mut groups: BTreeMap<String, Tally> = BTreeMap::new();
    let mut since = 0;
    loop {
        let rows = state.attempts(session, since, ROWS).map_err(internal)?;
        for row in &rows {
            let data: Value = serde_json::from_str(&row.event.data).unwrap_or_default();
            let Some(name) = name_of(row, &data, request.by) else { continue };
            groups.entry(name).or_default().add(row, &data);
        }
        match rows.last() {
            Some(last) if rows.len() == ROWS => since = last.event.seq,
            _ => break,
        }
    }
    let groups = groups.into_iter().map(|(name, tally)| tally.finish(name)).collect();
    Ok(plain(Response::Stats(Summary { tokenizer: tokens::DEFAULT, groups })))
}

fn name_of(row: &CostRow, data: &Value, by: GroupBy) -> Option<String> {
    let named = |name: &str| if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() };
    Some(match by {
        GroupBy::All => "all".to_owned(),
        GroupBy::Session => row.event.session.clone(),
        GroupBy::Agent => named(&row.agent),
        GroupBy::Model => named(&row.model),
        // A read is written in no format.
        GroupBy::Format if row.event.kind.starts_with("read.") => return None,
        GroupBy::Format => named(data["format"].as_str().unwrap_or("")),
    })
}

/// A group being summed up.
#[derive(Default)]
struct Tally {
    group: Group,
    /// Chains, by the event of their first attempt.
    chains: BTreeSet<i64>,
    landed: BTreeSet<i64>,
    rejected: BTreeMap<String, usize>,
    /// Streams that were stopped, by session and file: the tokens that were
    /// written of them. What the next edit of that file takes is what the whole
    /// of it would have taken.
    stopped: BTreeMap<(String, String), usize>,
}

impl Tally {
    fn add(&mut self, row: &CostRow, data: &Value) {
        match row.event.kind.as_str() {
            "read.served" | "read.unchanged" => self.group.reads += 1,
            _ => self.add_edit(row, data),
        }
        match &row.cost {
            None => self.group.uncounted += 1,
            Some(cost) => self.add_cost(row, cost),
        }
    }

    fn add_edit(&mut self, row: &CostRow, data: &Value) {
        self.add_saved(row, data);
        let retry_of = data["chain"].as_i64();
        let chain = retry_of.unwrap_or(row.event.seq);
        match row.event.kind.as_str() {
            "edit.applied" => {
                self.group.attempts += 1;
                self.group.first_try += usize::from(retry_of.is_none());
                self.group.undone += usize::from(row.undone);
                self.chains.insert(chain);
                self.landed.insert(chain);
            }
            "edit.rejected" => {
                self.group.attempts += 1;
                self.chains.insert(chain);
                let code = data["code"].as_str().unwrap_or("").to_owned();
                *self.rejected.entry(code).or_default() += 1;
            }
            _ => {}
        }
    }

    /// Notes a stream that was stopped, or what it has saved by now.
    fn add_saved(&mut self, row: &CostRow, data: &Value) {
        let cost = row.cost.as_ref().map_or(0, |cost| cost.tokens_in);
        let named = |path: &Value| {
            let path = path.as_str().unwrap_or("").to_owned();
            (row.event.session.clone(), path)
        };
        if data["stopped_at"].is_u64() {
            self.group.stopped += 1;
            *self.stopped.entry(named(&data["path"])).or_default() += cost;
            return;
        }
        let files = data["files"].as_array().into_iter().flatten().map(|file| &file["path"]);
        let paths = files.chain([&data["path"], &data["already"][0]]);
        for path in paths.filter(|path| path.is_string()) {
            if let Some(written) = self.stopped.remove(&named(path)) {
                self.group.saved += cost.saturating_sub(written);
            }
        }
    }

    fn add_cost(&mut self, row: &CostRow, cost: &Cost) {
        let group = &mut self.group;
        group.uncounted += usize::from(cost.estimated);
        group.bytes = (group.bytes.0 + cost.bytes_in, group.bytes.1 + cost.bytes_out);
        group.tokens = (group.tokens.0 + cost.tokens_in, group.tokens.1 + cost.tokens_out);
        let waste = &mut group.waste;
        waste.gutter += cost.gutter;
        waste.reread += cost.reread;
        match row.event.kind.as_str() {
            "edit.rejected" => {
                waste.rejected += cost.tokens_in;
                waste.errors += cost.tokens_out;
            }
            "read.rejected" => waste.errors += cost.tokens_out,
            "edit.applied" if row.undone => waste.reverted += cost.tokens_in,
            "edit.applied" => {
                waste.old_text += cost.old_text;
                let useful = cost.text + cost.old_text;
                waste.envelope += cost.tokens_in.saturating_sub(useful);
            }
            _ => {}
        }
    }

    fn finish(mut self, name: String) -> Group {
        self.group.name = name;
        self.group.edits = self.chains.len();
        self.group.landed = self.landed.len();
        self.group.rejected = self.rejected.into_iter().collect();
        self.group
    }
}
