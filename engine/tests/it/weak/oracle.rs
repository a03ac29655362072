//! What must be found after a loss of power and a recovery.

use std::collections::{BTreeMap, BTreeSet};

use engine::store::StepKind;

use super::run::{Run, Tx};
use super::sim::{Bytes, Event, Image, Name, outcome_of};

/// What a caller and the other programs know at some moment of a run.
pub(super) struct Known<'a> {
    run: &'a Run,
    /// When each transaction was about to begin; none where it was not yet.
    started: Vec<Option<usize>>,
    /// When the caller was told, and what.
    answered: Vec<Option<(usize, bool)>>,
    saves: Vec<Saved<'a>>,
    /// Files whose bytes were once saved by somebody who did not flush them.
    loose: BTreeSet<&'a str>,
}

struct Saved<'a> {
    at: usize,
    path: &'a str,
    bytes: &'a Option<Bytes>,
    flushed: bool,
    /// Whether the bytes of the file became others, and its name stayed.
    in_place: bool,
}

impl<'a> Known<'a> {
    /// Returns what is known once the first `count` events have happened.
    pub(super) fn after(run: &'a Run, count: usize) -> Known<'a> {
        let none = run.transactions.len();
        let (mut started, mut answered) = (vec![None; none], vec![None; none]);
        let mut saves = Vec::new();
        for (at, event) in run.events[..count].iter().enumerate() {
            match event {
                Event::Started(index) => started[*index] = Some(at),
                Event::Answered(index, applied) => answered[*index] = Some((at, *applied)),
                Event::Saving(path) => {
                    saves.push(Saved { at, path, bytes: &None, flushed: false, in_place: true });
                }
                Event::Saved(path, bytes, flushed) => {
                    let began = saves.pop().map_or(at, |begun| begun.at);
                    let named = |event: &Event| matches!(event, Event::Names(_));
                    let in_place = !run.events[began..at].iter().any(named);
                    saves.push(Saved { at, path, bytes, flushed: *flushed, in_place });
                }
                _ => {}
            }
        }
        let loose = saves.iter().filter(|save| !save.flushed).map(|save| save.path);
        let mut loose: BTreeSet<&str> = loose.collect();
        for step in run.transactions.iter().flat_map(|tx| &tx.intent.steps) {
            if let StepKind::Move { to } = &step.kind
                && loose.contains(step.path.as_str())
            {
                loose.insert(to.as_str());
            }
        }
        Known { run, started, answered, saves, loose }
    }

    /// Holds a recovered disk against what is known.
    pub(super) fn check(&self, image: &Image) -> Result<(), String> {
        for (index, tx) in self.run.transactions.iter().enumerate() {
            if self.started[index].is_some() {
                self.check_transaction(index, tx, image)?;
            }
        }
        self.check_saves(image)
    }

    /// All of its files or none, and as the caller was told (P5, P6); what it
    /// displaced is there (P8).
    fn check_transaction(&self, index: usize, tx: &Tx, image: &Image) -> Result<(), String> {
        let rest: Vec<&String> =
            tx.before.keys().filter(|path| self.is_decided_by(path, index)).collect();
        let moved_again = self.moved_again(image);
        let is_told = |path: &&String| {
            !self.was_met_again(path, index, tx) && !moved_again.contains(path.as_str())
        };
        let rest: Vec<&String> = rest.into_iter().filter(is_told).collect();
        let is = |path: &String, state: &BTreeMap<String, Option<Bytes>>| {
            image.at(path) == state[path].as_ref()
        };
        let stuck = |path: &String| self.has_no_way_back(path, index, tx) && is(path, &tx.after);
        let before = rest.iter().all(|path| is(path, &tx.before) || stuck(path));
        let after = rest.iter().all(|path| is(path, &tx.after));
        let outcome = outcome_of(&image.records, tx.intent.tx);
        let answered = self.answered[index].map(|(_, applied)| applied);
        let about = || {
            let found: Vec<_> = rest
                .iter()
                .map(|path| {
                    let text = image.at(path).map(|bytes| String::from_utf8_lossy(bytes));
                    (path, text)
                })
                .collect();
            format!("transaction {index}, answered {answered:?}, journal {outcome:?}: {found:?}")
        };
        match answered {
            Some(true) if !after => return Err(format!("answered, but not kept: {}", about())),
            Some(false) if !before => return Err(format!("refused, but done: {}", about())),
            _ if !before && !after => return Err(format!("done by halves: {}", about())),
            _ => {}
        }
        let told = if outcome == Some(true) { after } else { before };
        if !told {
            return Err(format!("the journal says something else: {}", about()));
        }
        if outcome == Some(true) {
            self.check_displaced(index, tx, image)
                .map_err(|what| format!("{what}: {}", about()))?;
        }
        Ok(())
    }

    fn check_displaced(&self, index: usize, tx: &Tx, image: &Image) -> Result<(), String> {
        for step in &tx.intent.steps {
            let held = image.bytes(&Name::Slot(step.slot.name.clone()));
            let before = tx.before[step.path.as_str()].as_ref();
            let displaces = matches!(step.kind, StepKind::Modify | StepKind::Remove);
            // A save that nobody flushed may have come before the swap, or not.
            let decided = self.is_decided_by(step.path.as_str(), index);
            if displaces && decided && held != before {
                return Err(format!("what was displaced from {} is gone", step.path));
            }
        }
        Ok(())
    }

    /// Returns whether nobody else had to do with a path since the transaction
    /// was about to begin.
    fn is_decided_by(&self, path: &str, index: usize) -> bool {
        let since = self.started[index];
        let later = |(other, tx): (usize, &Tx)| {
            other != index && self.started[other] > since && tx.before.contains_key(path)
        };
        let by_others = self.run.transactions.iter().enumerate().any(later);
        let saved = self.saves.iter().filter(|save| save.path == path);
        let by_saves = saved.into_iter().any(|save| Some(save.at) > since);
        !by_others && !by_saves && !self.loose.contains(path)
    }

    /// Returns whether another program wrote to a file that was moved, or removed
    /// it: its bytes tell no more whether it had been moved before. The same goes
    /// for a name that it was moved to and that may be taken once more, since
    /// nobody flushed that it had become free.
    fn was_met_again(&self, path: &str, index: usize, tx: &Tx) -> bool {
        let targets = tx.intent.steps.iter().filter_map(|step| match &step.kind {
            StepKind::Move { to } if step.path.as_str() == path => Some(to.as_str()),
            _ => None,
        });
        let met = |to: &str| {
            let saves = self.saves.iter().filter(|save| save.path == to);
            let since = saves.into_iter().any(|save| Some(save.at) > self.started[index]);
            since || self.loose.contains(to)
        };
        targets.into_iter().any(met)
    }

    /// Returns whether a file was moved here, and another program then made a new
    /// one in the old place: it cannot be moved back any more.
    fn has_no_way_back(&self, path: &str, index: usize, tx: &Tx) -> bool {
        let since = |save: &Saved<'_>| Some(save.at) > self.started[index];
        tx.intent.steps.iter().any(|step| match &step.kind {
            StepKind::Move { to } if to.as_str() == path => {
                self.saves.iter().any(|save| save.path == step.path.as_str() && since(save))
            }
            _ => false,
        })
    }

    /// What other programs saved and flushed is there (P4): at its name, or, if
    /// that was saved in the midst of a transaction, at least in a slot.
    fn check_saves(&self, image: &Image) -> Result<(), String> {
        let paths: BTreeSet<&str> = self.saves.iter().map(|save| save.path).collect();
        let moved_again = self.moved_again(image);
        for path in paths {
            let saves: Vec<&Saved<'_>> =
                self.saves.iter().filter(|save| save.path == path).collect();
            let Some(last) = saves.last().filter(|_| saves.iter().all(|save| save.flushed)) else {
                continue;
            };
            let touching = |(index, tx): (usize, &Tx)| {
                let started = self.started[index].filter(|_| tx.before.contains_key(path))?;
                let ended = self.answered[index].map_or(usize::MAX, |(at, _)| at);
                Some((started, ended))
            };
            let touching: Vec<_> =
                self.run.transactions.iter().enumerate().filter_map(touching).collect();
            if touching.iter().any(|(started, _)| *started > last.at) {
                continue;
            }
            // It wrote into a file that somebody else had made and not flushed:
            // no name of it may be left.
            if last.in_place && self.loose.contains(path) {
                continue;
            }
            let in_the_midst = touching.iter().any(|(_, ended)| *ended > last.at);
            let Some(bytes) = last.bytes else { continue };
            // A file that was being moved may be found under its old name again.
            let elsewhere = image.names.keys().any(|name| image.bytes(name) == Some(bytes));
            let there = image.at(path) == Some(bytes) || (in_the_midst && elsewhere);
            if !there && !moved_again.contains(path) {
                let found = image.at(path).map(|bytes| String::from_utf8_lossy(bytes));
                return Err(format!("a save at {path} is lost: {found:?}"));
            }
        }
        Ok(())
    }

    /// Returns the names of files that another program moved back after a
    /// transaction had moved them, and that recovery moved once more. That the
    /// other program did so can only be told from names that were lost once it is
    /// written down that the transaction is settled, which is after the answer
    /// and may be lost itself: the README does not promise it.
    fn moved_again(&self, image: &Image) -> BTreeSet<&'a str> {
        let mut names = BTreeSet::new();
        for (tx, started) in self.run.transactions.iter().zip(&self.started) {
            let Some(started) = *started else { continue };
            let settled = image.records.iter().any(|record| record.settles(tx.intent.tx));
            if settled || outcome_of(&image.records, tx.intent.tx) != Some(true) {
                continue;
            }
            let last = |path: &str, bytes: &Option<Bytes>| {
                let mut saves =
                    self.saves.iter().filter(|save| save.path == path && save.at > started);
                saves.next_back().is_some_and(|save| save.bytes == bytes)
            };
            for step in &tx.intent.steps {
                let StepKind::Move { to } = &step.kind else { continue };
                let (from, to) = (step.path.as_str(), to.as_str());
                let moved = &tx.before[from];
                let again = image.at(from).is_none() && image.at(to) == moved.as_ref();
                if again && last(from, moved) && last(to, &None) {
                    names.extend([from, to]);
                }
            }
        }
        names
    }
}
