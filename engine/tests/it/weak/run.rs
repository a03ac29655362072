//! A recorded run: transactions over several files, one in the midst of another
//! now and then, and other programs that save before, in between and afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use engine::apply::{Contents, Context, Durability, Prepared, Transaction};
use engine::hash::ContentHash;
use engine::store::{Fs, Intent, RelPath, Step, StepKind};

use super::Omit;
use super::dice::Dice;
use super::sim::{ANSWER, Bytes, Event, Image, Name, Node, Sim};

/// A run, and what a caller knows of it.
pub(super) struct Run {
    /// The disk before anything happened.
    pub(super) start: Image,
    pub(super) events: Vec<Event>,
    pub(super) transactions: Vec<Tx>,
}

/// A transaction, and what it makes of each of its files.
pub(super) struct Tx {
    pub(super) intent: Intent,
    pub(super) before: BTreeMap<String, Option<Bytes>>,
    pub(super) after: BTreeMap<String, Option<Bytes>>,
}

/// Something another program does.
#[derive(Clone)]
struct Save {
    path: String,
    bytes: Option<Bytes>,
    in_place: bool,
    flushed: bool,
}

/// What is to become of a file.
#[derive(Clone)]
struct Wish {
    path: String,
    kind: StepKind,
    after: Option<Bytes>,
}

/// A transaction to come, with what happens after its answer.
#[derive(Clone)]
struct Plan {
    wishes: Vec<Wish>,
    afterwards: Vec<Save>,
}

/// What happens in the midst of a transaction.
enum Meddling {
    Save(Save),
    Nested(Plan),
}

#[derive(Default)]
struct Shared {
    transactions: Vec<Tx>,
    /// Those under way, innermost last, and whether each was answered.
    under_way: Vec<(usize, Vec<Save>, bool)>,
}

/// Files there are at first, and names that are free.
const FILES: [&str; 5] = ["a", "b", "c", "d/e", "d/f"];
const FREE: [&str; 5] = ["n", "d/n", "x/y/n", "x/m", "z/m"];

fn text(what: &str, number: usize) -> Bytes {
    Arc::from(format!("{what} {number}, and so that it can be torn: {what} {number}\n").as_bytes())
}

fn start() -> Image {
    let mut image = Image::default();
    image.names.insert(Name::Tree("d".into()), Node::Directory);
    for (number, path) in FILES.iter().enumerate() {
        image.files.push(text("old", number));
        image.names.insert(Name::Tree((*path).into()), Node::File(number));
    }
    image
}

/// Records the run of a seed, one step left out.
pub(super) fn record(seed: u64, omit: Omit) -> Run {
    let mut dice = Dice::new(seed);
    let sim = Sim::over(start(), omit);
    let shared = Arc::new(Mutex::new(Shared::default()));
    let mut fresh = 0;
    for _ in 0..1 + dice.roll(3) {
        if dice.roll(4) == 0 {
            let save = any_save(&mut dice, &mut fresh, &FILES);
            carry_out_save(&sim, &save);
        }
        let image = sim.image();
        let mut taken = BTreeSet::new();
        let plan = any_plan(&mut dice, &mut fresh, &image, &mut taken);
        let own: Vec<String> = taken.iter().cloned().collect();
        let mut meddlings: Vec<(usize, Meddling)> = Vec::new();
        if dice.roll(3) == 0 {
            let nested = any_plan(&mut dice, &mut fresh, &image, &mut taken);
            meddlings.push((dice.roll(12), Meddling::Nested(nested)));
        }
        if dice.roll(3) == 0 && !own.is_empty() {
            let own: Vec<&str> = own.iter().map(String::as_str).collect();
            let save = any_save(&mut dice, &mut fresh, &own);
            meddlings.push((dice.roll(12), Meddling::Save(save)));
        }
        meddle(&sim, &shared, meddlings);
        carry_out(&sim, &shared, &plan);
    }
    let transactions = std::mem::take(&mut shared.lock().unwrap().transactions);
    Run { start: start(), events: sim.events(), transactions }
}

fn any_plan(
    dice: &mut Dice,
    fresh: &mut usize,
    image: &Image,
    taken: &mut BTreeSet<String>,
) -> Plan {
    let mut wishes = Vec::new();
    let mut names: Vec<&str> = FILES.iter().chain(&FREE).copied().collect();
    for _ in 0..1 + dice.roll(4) {
        names.retain(|name| !taken.contains(*name));
        if names.is_empty() {
            break;
        }
        let path = names[dice.roll(names.len())].to_owned();
        taken.insert(path.clone());
        *fresh += 1;
        let after = Some(text("new", *fresh));
        let free = FREE.iter().find(|name| image.at(name).is_none() && !taken.contains(**name));
        let wish = match (image.at(&path), dice.roll(5), free) {
            (None, ..) => Wish { path, kind: StepKind::Create, after },
            (_, 0, _) => Wish { path, kind: StepKind::Remove, after: None },
            (_, 1, Some(to)) => {
                taken.insert((*to).to_owned());
                let to = RelPath::parse(to).unwrap();
                Wish { path, kind: StepKind::Move { to }, after: None }
            }
            _ => Wish { path, kind: StepKind::Modify, after },
        };
        wishes.push(wish);
    }
    let afterwards = any_aftermath(dice, fresh, image, &wishes);
    Plan { wishes, afterwards }
}

/// Returns what other programs do to these files after the answer, if anything.
fn any_aftermath(dice: &mut Dice, fresh: &mut usize, image: &Image, wishes: &[Wish]) -> Vec<Save> {
    let targets = wishes.iter().filter_map(|wish| match &wish.kind {
        StepKind::Move { to } => Some(to.as_str()),
        _ => None,
    });
    let touched: Vec<&str> = wishes.iter().map(|wish| wish.path.as_str()).chain(targets).collect();
    let mut saves = Vec::new();
    while saves.len() < 2 && !touched.is_empty() && dice.roll(2) == 0 {
        let path = touched[dice.roll(touched.len())];
        let mut save = any_save(dice, fresh, &[path]);
        if dice.roll(3) == 0
            && let Some(old) = image.at(path)
        {
            // Another program puts back what was there before.
            save.bytes = Some(Arc::clone(old));
        }
        saves.push(save);
    }
    saves
}

fn any_save(dice: &mut Dice, fresh: &mut usize, paths: &[&str]) -> Save {
    *fresh += 1;
    let bytes = (dice.roll(6) > 0).then(|| text("outside", *fresh));
    let path = paths[dice.roll(paths.len())].to_owned();
    Save { path, bytes, in_place: dice.roll(2) == 0, flushed: dice.roll(4) > 0 }
}

fn carry_out_save(sim: &Sim, save: &Save) {
    let Save { path, bytes, in_place, flushed } = save;
    let parent = super::sim::parent_of(path);
    let image = sim.image();
    let is_there = parent.is_empty() || image.names.contains_key(&Name::Tree(parent.into()));
    if is_there {
        sim.save(path, bytes.clone(), *in_place, *flushed);
    }
}

/// Lets these things happen at the calls that are to come.
fn meddle(sim: &Sim, shared: &Arc<Mutex<Shared>>, mut meddlings: Vec<(usize, Meddling)>) {
    let shared = Arc::clone(shared);
    let mut calls = 0;
    sim.hook(Box::new(move |sim, number| {
        if number == ANSWER {
            answer(sim, &shared, true);
            return;
        }
        calls += 1;
        while let Some(at) = meddlings.iter().position(|(at, _)| *at < calls) {
            match meddlings.swap_remove(at).1 {
                Meddling::Save(save) => carry_out_save(sim, &save),
                Meddling::Nested(plan) => carry_out(sim, &shared, &plan),
            }
        }
    }));
}

/// Carries out a transaction and notes what the caller was told.
fn carry_out(sim: &Sim, shared: &Mutex<Shared>, plan: &Plan) {
    let image = sim.image();
    let index = shared.lock().unwrap().transactions.len();
    let Some(tx) = describe(sim, &image, index as u64 + 1, plan) else { return };
    let intent = tx.intent.clone();
    let contents: Vec<(Option<Bytes>, Option<Bytes>)> = intent
        .steps
        .iter()
        .zip(&plan.wishes)
        .map(|(step, wish)| (image.at(step.path.as_str()).cloned(), wish.after.clone()))
        .collect();
    let contents = contents.iter().map(|(before, after)| Contents {
        before: before.as_deref(),
        after: after.as_deref(),
        like: None,
    });
    {
        let mut shared = shared.lock().unwrap();
        shared.transactions.push(tx);
        shared.under_way.push((index, plan.afterwards.clone(), false));
    }
    sim.note(Event::Started(index));
    let context = Context { fs: sim, journal: sim, durability: Durability::Full };
    let done =
        Transaction::new(context, intent, contents.collect()).prepare().and_then(Prepared::commit);
    answer(sim, shared, done.is_ok());
    shared.lock().unwrap().under_way.pop();
}

/// Tells the caller of the innermost transaction, unless that was done already,
/// and lets others at the disk who waited for that.
fn answer(sim: &Sim, shared: &Mutex<Shared>, applied: bool) {
    let (index, saves) = {
        let mut shared = shared.lock().unwrap();
        let Some((index, saves, told)) = shared.under_way.last_mut() else { return };
        if std::mem::replace(told, true) {
            return;
        }
        (*index, std::mem::take(saves))
    };
    sim.note(Event::Answered(index, applied));
    saves.iter().for_each(|save| carry_out_save(sim, save));
}

/// Returns the transaction of a plan, if its files are still as they were.
fn describe(sim: &Sim, image: &Image, tx: u64, plan: &Plan) -> Option<Tx> {
    let hash = |bytes: &Option<Bytes>| bytes.as_ref().map(|bytes| ContentHash::of(bytes));
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    let mut steps = Vec::new();
    for (number, wish) in plan.wishes.iter().enumerate() {
        let there = image.at(&wish.path).cloned();
        if there.is_some() == (wish.kind == StepKind::Create) {
            return None;
        }
        before.insert(wish.path.clone(), there.clone());
        after.insert(wish.path.clone(), wish.after.clone());
        if let StepKind::Move { to } = &wish.kind {
            let none = before.insert(to.as_str().to_owned(), None);
            assert!(none.is_none(), "BUG: a name is used twice");
            after.insert(to.as_str().to_owned(), there.clone());
        }
        let path = RelPath::parse(&wish.path).unwrap();
        let slot = sim.slot_for(tx, number, &path).unwrap();
        let (before, after) = (hash(&there), hash(&wish.after));
        steps.push(Step { path, kind: wish.kind.clone(), before, after, slot });
    }
    (!steps.is_empty()).then_some(Tx { intent: Intent { tx, steps }, before, after })
}
