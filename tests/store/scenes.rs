//! What is done while the daemon dies: edits of one file and of five, files that
//! are made, removed and moved together, an undo; and what must be found then.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Value, json};

use crate::world::{Client, Daemon, World};

/// Every file of a root.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    One,
    Five,
    Mixed,
    Undo,
}

pub(crate) const SCENES: [Scene; 4] = [Scene::One, Scene::Five, Scene::Mixed, Scene::Undo];

/// How another program saves a file after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Save {
    InPlace,
    ByRename,
    /// It puts back what was there before.
    Revert,
}

pub(crate) const SAVES: [Option<Save>; 4] =
    [None, Some(Save::InPlace), Some(Save::ByRename), Some(Save::Revert)];

/// A request that the daemon may not survive.
pub(crate) struct Act {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
    /// The file that another program saves afterwards.
    pub(crate) file: &'static str,
    pub(crate) before: Tree,
    pub(crate) after: Tree,
}

/// Makes the files that the scenes begin with.
pub(crate) fn furnish(world: &World) {
    for name in ["one", "f0", "f1", "f2", "d/f3", "d/f4", "log"] {
        world.write(name, "0\n");
    }
    world.write("made-0", "made\n");
    world.write("moved-0", "moved\n");
}

impl Scene {
    /// Makes ready for the request of a round, which comes after all others.
    pub(crate) fn prepare(self, world: &World, client: &mut Client, round: usize) -> Act {
        let text = format!("{round}\n");
        let edit = |path: &str, handle: String| {
            let ops = json!([{"op": "replace", "lines": [1, 1], "text": text}]);
            json!({"path": path, "handle": handle, "ops": ops})
        };
        let before = world.tree();
        let mut after = before.clone();
        let mut edited = |client: &mut Client, path: &str| {
            after.insert(path.into(), text.clone().into_bytes());
            edit(path, client.handle(path))
        };
        let (file, files) = match self {
            Scene::One | Scene::Undo => ("one", vec![edited(client, "one")]),
            Scene::Five => {
                let names = ["f0", "f1", "f2", "d/f3", "d/f4"];
                ("f1", names.iter().map(|name| edited(client, name)).collect())
            }
            Scene::Mixed => {
                let mut files = vec![edited(client, "log")];
                files.extend(mixed(client, &before, &mut after, round));
                ("log", files)
            }
        };
        let params = json!({"format": "anchor", "op_id": format!("round {round}"), "files": files});
        if self != Scene::Undo {
            return Act { method: "edit/apply", params, file, before, after };
        }
        let done = client.call("edit/apply", params);
        assert_eq!(done["status"], "applied", "{done}");
        let params = json!({"operation": done["operation"]});
        Act { method: "edit/undo", params, file, before: after, after: before }
    }
}

/// One file made, the one that was made before removed, one moved.
fn mixed(client: &mut Client, before: &Tree, after: &mut Tree, round: usize) -> Vec<Value> {
    let find = |start: &str| before.keys().find(|name| name.starts_with(start)).unwrap().clone();
    let (made, moved) = (find("made-"), find("moved-"));
    let (make, to) = (format!("made-{round}"), format!("moved-{round}/deep/file"));
    after.remove(&made);
    let bytes = after.remove(&moved).unwrap();
    after.insert(make.clone(), b"made\n".to_vec());
    after.insert(to.clone(), bytes);
    vec![
        json!({"path": make, "op": "create", "text": "made\n"}),
        json!({"path": made, "handle": client.handle(&made), "op": "remove"}),
        json!({"path": moved, "handle": client.handle(&moved), "op": "move", "to": to}),
    ]
}

impl Act {
    /// Asks; returns whether it was answered, which must be that it was done.
    pub(crate) fn ask(&self, client: &mut Client) -> bool {
        if client.try_request(self.method, &self.params).is_err() {
            return false;
        }
        let Ok(Some(line)) = client.try_line() else { return false };
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["result"]["status"], "applied", "{answer}");
        true
    }

    /// Saves a file as another program does, once the answer has come. Fails where
    /// the disk is gone by then.
    pub(crate) fn save(&self, world: &World, save: Save, round: usize) -> io::Result<Vec<u8>> {
        let path = world.path(self.file);
        let bytes = match save {
            Save::Revert => self.before[self.file].clone(),
            _ => format!("another program, {round}\n").into_bytes(),
        };
        let target = match save {
            Save::ByRename => world.outside("saving"),
            _ => path.clone(),
        };
        let file = std::fs::File::create(&target)?;
        io::Write::write_all(&mut &file, &bytes)?;
        file.sync_all()?;
        if save == Save::ByRename {
            std::fs::rename(&target, &path)?;
            std::fs::File::open(path.parent().unwrap())?.sync_all()?;
        }
        Ok(bytes)
    }

    /// Checks what is found after the death: all of it or nothing (P5), all of it
    /// if it was answered (P6), and what was saved since (P4). Sends the request
    /// again, which must have one effect in all (P7). Where reads may be `forgotten`,
    /// as their notes are not flushed, what was not done may be refused for that.
    pub(crate) fn check(
        &self,
        world: &World,
        daemon: &Daemon,
        session: &str,
        (answered, saved): (bool, Option<Vec<u8>>),
        forgotten: bool,
    ) {
        let found = world.tree();
        let mut after = self.after.clone();
        if let Some(bytes) = &saved {
            after.insert(self.file.to_owned(), bytes.clone());
        }
        let done = found == after;
        assert!(done || !answered && found == self.before, "{}", self.about(&found, answered));
        let mut client = daemon.resume(session);
        let again = client.call(self.method, self.params.clone());
        let unknown = ["unknown_handle", "unseen"].map(Value::from);
        if forgotten && !done && unknown.contains(&again["rejection"]["code"]) {
            assert_eq!(world.tree(), self.before, "refused");
            return;
        }
        let known = match self.method {
            "edit/undo" if done => again["rejection"]["code"] == "no_change",
            _ => again["status"] == "applied",
        };
        assert!(known, "{again}");
        assert_eq!(world.tree(), after, "sent again");
    }

    fn about(&self, found: &Tree, answered: bool) -> String {
        let text = |tree: &Tree| {
            let files = tree.iter();
            let files: Vec<String> = files
                .map(|(name, bytes)| format!("{name}={:?}", String::from_utf8_lossy(bytes)))
                .collect();
            files.join(" ")
        };
        format!(
            "answered {answered}\nfound  {}\nbefore {}\nafter  {}",
            text(found),
            text(&self.before),
            text(&self.after)
        )
    }
}
