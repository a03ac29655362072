//! A world of a few files for one case: what was read of each, what happened
//! since, and what stands there now. It does what the service does around
//! [`plan()`], with nothing but maps.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use engine::anchor::View;
use engine::drift::{By, Link, Since};
use engine::error::Refusal;
use engine::format::Draft;
use engine::format::{Action, Script, parse};
use engine::plan::{
    Choice, FileState, Known, Options, Plan, Planned, Refused, Resolved, Seen, Shown, Unresolved,
    plan, resolve_with,
};
use engine::snapshot::Snapshot;

use crate::constructs::Toy;

/// Every case calls its handles `HANDLE`; since a handle resolves only together
/// with its path, one number serves all.
const HANDLE: &str = "481920";

/// The files of one case, by path.
#[derive(Default)]
pub(crate) struct World {
    files: BTreeMap<String, File>,
}

/// One file of it.
struct File {
    seen: Option<Arc<Snapshot>>,
    view: View,
    /// What happened since it was read, oldest first.
    links: Vec<Link>,
    now: Option<Arc<Snapshot>>,
}

impl World {
    /// Adds a file that was read, `shown` of it.
    pub(crate) fn add(&mut self, path: &str, bytes: Vec<u8>, shown: Option<Vec<Range<usize>>>) {
        let snapshot = Arc::new(Snapshot::of(bytes));
        let view = match shown {
            Some(ranges) => View::of(ranges),
            None => View::all(snapshot.line_count()),
        };
        let file = File {
            seen: Some(Arc::clone(&snapshot)),
            view,
            links: Vec::new(),
            now: Some(snapshot),
        };
        self.files.insert(path.to_owned(), file);
    }

    /// Lets another program write a file, or remove it.
    pub(crate) fn write_outside(&mut self, path: &str, bytes: Option<Vec<u8>>) {
        let file = self.files.entry(path.to_owned()).or_insert_with(|| File {
            seen: None,
            view: View::default(),
            links: Vec::new(),
            now: None,
        });
        file.now = bytes.map(|bytes| Arc::new(Snapshot::of(bytes)));
        let link = |now: &Arc<Snapshot>| Link { by: By::Outside, to: Arc::clone(now) };
        file.links.extend(file.now.as_ref().map(link));
    }

    /// Applies an edit of ours, made by one who read everything just before.
    pub(crate) fn edit_between(&mut self, text: &str) {
        let script = script(text).expect("an edit in between is well formed");
        let fresh = World {
            files: self.files.iter().map(|(p, file)| (p.clone(), file.read_again())).collect(),
        };
        let made = fresh.plan(&script).expect("an edit in between is applied");
        for file in made.files {
            let Planned::Modify { change, before, .. } = file.action else {
                panic!("an edit in between changes lines");
            };
            let known = self.files.get_mut(&file.path).expect("it was planned");
            let now = Arc::new(before.after(&change));
            known.now = Some(Arc::clone(&now));
            known.links.push(Link { by: By::Own(change), to: now });
        }
    }

    /// Returns what `draft` comes to here.
    pub(crate) fn resolve(
        &self,
        draft: &Draft,
        choices: &[Choice],
    ) -> Result<Resolved, Box<Unresolved>> {
        let known: Vec<Known> = draft.files.iter().map(|file| self.known(&file.path)).collect();
        resolve_with(draft, &known, choices, Some(&Toy))
    }

    pub(crate) fn known(&self, path: &str) -> Known {
        let Some(file) = self.files.get(path) else { return Known::default() };
        let shown = file.seen.as_ref().map(|snapshot| Shown {
            handle: HANDLE.parse().expect("it is a handle"),
            snapshot: Arc::clone(snapshot),
            view: file.view.clone(),
        });
        Known { shown, now: file.now.clone() }
    }

    /// Returns what `script` comes to here.
    pub(crate) fn plan(&self, script: &Script) -> Result<Plan, Box<Refused>> {
        let states: Vec<FileState> =
            script.files.iter().map(|file| self.state(&file.path, &file.action)).collect();
        plan(script, &states, &Options::default()).map_err(Box::new)
    }

    /// Returns the content of a file after `plan`; `None` where it is not there.
    pub(crate) fn content_after(&self, plan: &Plan, path: &str) -> Option<Vec<u8>> {
        let now = self.files.get(path).and_then(|file| file.now.as_ref());
        let mut content = now.map(|now| now.bytes.clone());
        for file in &plan.files {
            match &file.action {
                Planned::Move { before, to, .. } if to == path => {
                    content = Some(before.bytes.clone());
                }
                Planned::EditAndMove { before, change, to, .. } if to == path => {
                    content = Some(change.apply(&before.bytes));
                }
                _ if file.path != path => {}
                Planned::Modify { before, change, .. } => {
                    content = Some(change.apply(&before.bytes));
                }
                Planned::Create { bytes } => content = Some(bytes.clone()),
                Planned::Remove { .. } | Planned::Move { .. } | Planned::EditAndMove { .. } => {
                    content = None;
                }
                Planned::Keep { now } => content = Some(now.bytes.clone()),
            }
        }
        content
    }

    fn state(&self, path: &str, action: &Action) -> FileState {
        let file = self.files.get(path);
        let seen = file.filter(|_| action.handle().is_some()).and_then(File::seen);
        let (to, to_handle) = match action.destination() {
            Some((to, to_handle)) => (self.files.get(to), to_handle),
            None => (None, None),
        };
        FileState {
            now: file.and_then(|file| file.now.clone()),
            seen,
            to: to.and_then(|to| to.now.clone()),
            to_seen: to.filter(|_| to_handle.is_some()).and_then(|to| to.seen.clone()),
        }
    }
}

impl File {
    fn seen(&self) -> Option<Seen> {
        let snapshot = self.seen.clone()?;
        // Equal bytes are the same content, however they came about.
        let same = self.now.as_ref().is_some_and(|now| now.hash == snapshot.hash);
        Some(Seen {
            snapshot,
            view: self.view.clone(),
            since: if same { Since::Same } else { self.since() },
        })
    }

    /// Returns the links, those of ours that follow each other made one.
    fn since(&self) -> Since {
        let mut links: Vec<Link> = Vec::new();
        for link in &self.links {
            match (links.last_mut(), &link.by) {
                (Some(Link { by: By::Own(earlier), to }), By::Own(change)) => {
                    *earlier = earlier.compose(change);
                    *to = Arc::clone(&link.to);
                }
                _ => links.push(link.clone()),
            }
        }
        match &links[..] {
            [] => Since::Same,
            [Link { by: By::Own(change), .. }] => Since::Own(change.clone()),
            [Link { by: By::Outside, .. }] => Since::Outside,
            _ => Since::Chain(links),
        }
    }

    fn read_again(&self) -> File {
        let count = self.now.as_ref().map_or(0, |now| now.line_count());
        File {
            seen: self.now.clone(),
            view: View::all(count),
            links: Vec::new(),
            now: self.now.clone(),
        }
    }
}

/// Returns the script written in `text`, in which `HANDLE` stands for a handle.
pub(crate) fn script(text: &str) -> Result<Script, Refusal> {
    parse(&with_handles(text))
}

/// Returns the text with `HANDLE` as a handle.
pub(crate) fn with_handles(text: &str) -> String {
    text.replace("HANDLE", HANDLE)
}

/// Returns the text with its handles called `HANDLE` again.
pub(crate) fn without_handles(text: &str) -> String {
    text.replace(HANDLE, "HANDLE")
}
