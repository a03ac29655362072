//! The chain of contents: what the events say became of each file, link by link
//! (P13). It must be whole, and end in the files on disk.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::world::World;

/// The digest of a content, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// The content of each file, as far as the events tell.
pub(crate) struct Chain {
    files: BTreeMap<String, String>,
    /// How many links there were.
    pub(crate) links: usize,
}

impl Chain {
    /// Returns the chain that begins with the files as they are.
    pub(crate) fn from(world: &World) -> Chain {
        let named = world.tree().into_iter().map(|(path, bytes)| (path, digest(&bytes)));
        Chain { files: named.collect(), links: 0 }
    }

    /// Follows all links of these events, which must be all there are from number
    /// `first` on, but for those of a file that others write to as well.
    #[track_caller]
    pub(crate) fn follow(&mut self, events: &[Value], first: i64, others: &str) {
        for (event, number) in events.iter().zip(first..) {
            assert_eq!(event["seq"], number, "no gap");
            let files = event["data"]["files"].as_array().into_iter().flatten();
            files.filter(|file| file["path"] != others).for_each(|file| self.link(file, event));
        }
    }

    #[track_caller]
    fn link(&mut self, file: &Value, event: &Value) {
        self.links += 1;
        let text = |key: &str| file[key].as_str().map(str::to_owned);
        let path = text("path").unwrap();
        assert_eq!(self.files.remove(&path), text("before"), "{path}: {event}");
        let after = match file["kind"].as_str().unwrap() {
            "modify" | "create" => Some((path, text("after").unwrap())),
            "move" => Some((text("to").unwrap(), text("before").unwrap())),
            _ => None,
        };
        let replaced = after.and_then(|(path, after)| self.files.insert(path, after));
        assert_eq!(replaced, None, "a file was lost: {event}");
    }

    /// Checks that the chain ends in the files of the world, all of them.
    #[track_caller]
    pub(crate) fn ends_in(&self, world: &World) {
        let there: BTreeMap<String, String> =
            world.tree().into_iter().map(|(path, bytes)| (path, digest(&bytes))).collect();
        assert_eq!(there, self.files);
    }
}
