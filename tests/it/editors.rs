//! Agents and editors at one file: an editor that is a model of one, and real
//! ones where they are installed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::model_editor::{Manner, Model};
use crate::world::{Client, Daemon, World, applied, handle, rejected, wait_for};

/// Where an answer says that a file was edited.
fn place(answer: &Value) -> &Value {
    &answer["files"][0]["where"]
}

/// A root with a daemon, an agent and an editor that has a file open.
struct Table {
    agent: Client,
    editor: Model,
    _daemon: Daemon,
    world: World,
}

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\n";

impl Table {
    fn laid() -> Table {
        Table::with("f.txt", TEXT)
    }

    fn with(name: &str, text: &str) -> Table {
        let world = World::with(&[(name, text)]);
        let daemon = world.serve();
        let agent = daemon.connect().opened(json!({
            "client": {"name": "it", "version": "1"}, "agent": {"name": "coder", "model": "m"},
        }));
        let mut table = Table { agent, editor: Model::start(&world), _daemon: daemon, world };
        table.editor.open(name, text);
        table.settle(name);
        table
    }

    /// Waits until the service knows what the editor holds.
    #[track_caller]
    fn settle(&mut self, name: &str) {
        let text = self.editor.texts[name].text.clone();
        // Rows have LF alone and no mark of byte order.
        let text = text.replace("\r\n", "\n").trim_start_matches('\u{feff}').to_owned();
        let agent = &mut self.agent;
        self.editor.listen_until("the service to know the document", |_| {
            whole(&agent.call("file/read", json!({"path": name, "gutter": "none"}))) == text
        });
    }

    /// Has the agent do something while the editor listens.
    fn while_listening(&mut self, act: impl FnOnce(&mut Client) -> Value + Send) -> Value {
        let (agent, editor) = (&mut self.agent, &mut self.editor);
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || act(agent));
            while !thread.is_finished() {
                editor.listen(Duration::from_millis(2));
            }
            thread.join().unwrap()
        })
    }
}

/// Returns the text of a read without gutter.
fn whole(read: &Value) -> String {
    read["text"].as_str().unwrap_or_default().to_owned()
}

fn replace(line: usize, text: &str) -> Value {
    json!([{"op": "replace", "lines": [line, line], "text": text}])
}

#[test]
fn unsaved_text_is_what_an_agent_reads_and_edits() {
    let mut table = Table::laid();
    table.editor.replace("f.txt", 0..3, "ONE");
    table.settle("f.txt");
    let name = table.agent.handle("f.txt");
    let answer = table.while_listening(|agent| agent.edit("f.txt", &name, replace(3, "3\n")));
    assert_eq!(place(&answer), "buffer", "{answer}");
    assert_eq!(table.editor.texts["f.txt"].text, "ONE\ntwo\n3\nfour\nfive\n");
    assert_eq!(table.world.text("f.txt"), TEXT, "nothing of it is on the disk");
    assert_eq!(table.agent.handle("f.txt"), applied(&answer));
    // The record has it, and the person's own undo takes it back.
    let log = table.agent.call("edit/log", json!({}));
    assert_eq!(log["operations"][0]["operation"], answer["operation"]);
    table.editor.undo("f.txt");
    table.settle("f.txt");
    assert_eq!(table.agent.handle("f.txt"), name);
    // So does that of the service, once it is made again.
    let answer = table.while_listening(|agent| agent.edit("f.txt", &name, replace(3, "3\n")));
    applied(&answer);
    table.editor.replace("f.txt", 0..3, "I");
    table.settle("f.txt");
    let undo = table.while_listening(|agent| agent.call("edit/undo", json!({})));
    assert_eq!(undo["status"], "applied", "{undo}");
    assert_eq!(table.editor.texts["f.txt"].text, "I\ntwo\nthree\nfour\nfive\n");
}

#[test]
fn a_saved_edit_is_a_file_again() {
    let mut table = Table::laid();
    let name = table.agent.handle("f.txt");
    let answer = table.while_listening(|agent| agent.edit("f.txt", &name, replace(1, "1\n")));
    assert_eq!(place(&answer), "buffer", "what is open is edited where it is open");
    table.editor.save("f.txt");
    assert_eq!(table.world.text("f.txt"), "1\ntwo\nthree\nfour\nfive\n");
    let next =
        table.while_listening(|agent| agent.edit("f.txt", &applied(&answer), replace(2, "2\n")));
    assert_eq!(place(&next), "buffer");
    table.editor.close("f.txt");
    wait_for("the document to be closed", || table.agent.handle("f.txt") == applied(&answer));
    let last = table.agent.edit("f.txt", &applied(&answer), replace(3, "3\n"));
    assert_eq!((place(&last), last["status"].as_str()), (&Value::Null, Some("applied")), "{last}");
    assert_eq!(table.world.text("f.txt"), "1\ntwo\n3\nfour\nfive\n");
}

/// The person types between the service's word and the editor's: the edit is
/// refused, with what stands there now, and nothing that was typed is lost.
#[test]
fn whoever_types_meanwhile_is_not_overwritten() {
    for manner in [Manner::Honest, Manner::Liar] {
        let mut table = Table::laid();
        table.editor.manner = manner;
        let name = table.agent.handle("f.txt");
        let (agent, editor) = (&mut table.agent, &mut table.editor);
        let answer = std::thread::scope(|scope| {
            let thread = scope.spawn(|| agent.edit("f.txt", &name, replace(2, "2\n")));
            // By now the request is on its way; it is read after the key.
            std::thread::sleep(Duration::from_millis(150));
            editor.replace("f.txt", 4..7, "TWO!");
            while !thread.is_finished() {
                editor.listen(Duration::from_millis(2));
            }
            thread.join().unwrap()
        });
        let rejection = rejected(&answer, "stale");
        assert!(rejection["rows"].as_str().unwrap().contains("2\tTWO!\n"), "{rejection}");
        assert_eq!(table.editor.texts["f.txt"].text, "one\nTWO!\nthree\nfour\nfive\n");
        assert_eq!(table.editor.made, 0);
        // The cure is that of any other stale edit.
        let token = rejection["retry"].clone();
        let answer = table.while_listening(|agent| agent.retry_at(&token, json!([[2, 2]])));
        assert_eq!(place(&answer), "buffer", "{answer}");
        assert_eq!(table.editor.texts["f.txt"].text, "one\n2\nthree\nfour\nfive\n");
    }
}

#[test]
fn an_editor_that_will_not_or_says_nothing_is_no_success() {
    let mut table = Table::laid();
    let name = table.agent.handle("f.txt");
    table.editor.manner = Manner::Unwilling;
    let answer = table.while_listening(|agent| agent.edit("f.txt", &name, replace(2, "2\n")));
    rejected(&answer, "stale");
    table.editor.manner = Manner::Silent;
    let answer = table.while_listening(|agent| agent.edit("f.txt", &name, replace(2, "2\n")));
    // Nobody knows whether it will make the edit yet, and nobody says so.
    let told = rejected(&answer, "timeout")["message"].as_str().unwrap().to_owned();
    assert!(told.contains("read the file to see whether it made the edit after all"), "{told}");
    assert_eq!(table.editor.texts["f.txt"].text, TEXT);
    assert_eq!(table.world.text("f.txt"), TEXT);
    // Nor is it the end of everything when it says something at last.
    table.editor.answer_late();
    table.editor.manner = Manner::Honest;
    let answer = table.while_listening(|agent| agent.edit("f.txt", &name, replace(2, "2\n")));
    assert_eq!(place(&answer), "buffer", "{answer}");
}

#[test]
fn an_editor_that_crashes_takes_its_text_along_and_nothing_else() {
    let mut table = Table::laid();
    table.editor.replace("f.txt", 0..3, "never saved");
    table.settle("f.txt");
    let name = table.agent.handle("f.txt");
    let answer = table.while_listening(|agent| agent.edit("f.txt", &name, replace(3, "3\n")));
    let unsaved = applied(&answer);
    let Table { mut agent, editor, _daemon, world } = table;
    editor.crash();
    wait_for("the documents to be dropped", || agent.handle("f.txt") != unsaved);
    assert_eq!(world.text("f.txt"), TEXT, "unsaved text is not ours to write");
    let read = agent.read("f.txt");
    assert!(read["text"].as_str().unwrap().contains("1\tone\n"), "{read}");
    // What was shown can still be looked at.
    let old = agent.call("file/read", json!({"path": "f.txt", "handle": unsaved}));
    assert!(old["text"].as_str().unwrap().contains("1\tnever saved\n"), "{old}");
    let answer = agent.edit("f.txt", &handle(&read), replace(1, "1\n"));
    assert_eq!(place(&answer), &Value::Null, "{answer}");
    assert_eq!(world.text("f.txt"), "1\ntwo\nthree\nfour\nfive\n");
}

/// A crash in the middle of an edit ends the wait for it: there is only the file
/// then, which holds what the agent saw.
#[test]
fn an_editor_that_crashes_with_an_edit_in_hand_ends_it() {
    let mut table = Table::laid();
    table.editor.manner = Manner::Silent;
    let name = table.agent.handle("f.txt");
    let Table { mut agent, mut editor, _daemon, world } = table;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| agent.edit("f.txt", &name, replace(2, "2\n")));
        editor.listen(Duration::from_millis(200));
        editor.crash();
        let answer = thread.join().unwrap();
        applied(&answer);
        assert_eq!(place(&answer), &Value::Null);
    });
    assert_eq!(world.text("f.txt"), "one\n2\nthree\nfour\nfive\n");
}

#[test]
fn what_is_open_and_unsaved_is_neither_moved_nor_removed() {
    let mut table = Table::laid();
    table.editor.replace("f.txt", 0..3, "ONE");
    table.settle("f.txt");
    let name = table.agent.handle("f.txt");
    for op in [
        json!([{"path": "f.txt", "op": "remove", "handle": name}]),
        json!([{"path": "f.txt", "op": "move", "to": "g.txt", "handle": name}]),
    ] {
        rejected(&table.agent.apply(op), "conflict");
    }
    assert_eq!(table.world.text("f.txt"), TEXT);
    table.editor.save("f.txt");
    table.settle("f.txt");
    wait_for("the service to know that it is saved", || {
        let moved = json!([{"path": "f.txt", "op": "move", "to": "g.txt", "handle": name}]);
        table.agent.apply(moved)["status"] == "applied"
    });
    assert_eq!(table.world.text("g.txt"), "ONE\ntwo\nthree\nfour\nfive\n");
    assert_eq!(table.editor.texts["f.txt"].text, "ONE\ntwo\nthree\nfour\nfive\n");
}

#[test]
fn files_and_documents_are_not_edited_as_one_unless_allowed() {
    let mut table = Table::laid();
    table.world.write("g.txt", "one\n");
    let (f, g) = (table.agent.handle("f.txt"), table.agent.handle("g.txt"));
    let both = json!([
        {"path": "f.txt", "handle": f, "ops": replace(1, "1\n")},
        {"path": "g.txt", "handle": g, "ops": replace(1, "1\n")},
    ]);
    let answer = table.agent.apply(both);
    let rejection = rejected(&answer, "unsupported");
    let token = rejection["retry"].clone();
    let retry = json!({"retry": token, "allow_mixed": true});
    let answer = table.while_listening(|agent| agent.call("edit/retry", retry));
    assert_eq!(answer["status"], "applied", "{answer}");
    assert_eq!(place(&answer), "buffer");
    assert_eq!(answer["files"][1]["where"], Value::Null);
    assert_eq!(table.editor.texts["f.txt"].text, "1\ntwo\nthree\nfour\nfive\n");
    assert_eq!((table.world.text("g.txt"), table.world.text("f.txt")), ("1\n".into(), TEXT.into()));
    // Where the editor will not, the file stays as well.
    table.editor.manner = Manner::Unwilling;
    let (f, g) = (table.agent.handle("f.txt"), table.agent.handle("g.txt"));
    let both = json!({"format": "anchor", "allow_mixed": true, "files": [
        {"path": "f.txt", "handle": f, "ops": replace(2, "2\n")},
        {"path": "g.txt", "handle": g, "ops": replace(1, "2\n")},
    ]});
    let answer = table.while_listening(|agent| agent.call("edit/apply", both));
    rejected(&answer, "stale");
    assert_eq!(table.world.text("g.txt"), "1\n");
    // The whole is taken back as one, where that is allowed.
    table.editor.manner = Manner::Honest;
    let undo = table.while_listening(|agent| agent.call("edit/undo", json!({"allow_mixed": true})));
    assert_eq!(undo["status"], "applied", "{undo}");
    assert_eq!(table.world.text("g.txt"), "one\n");
    assert_eq!(table.editor.texts["f.txt"].text, TEXT);
}

/// A program that writes the file under a document that holds nothing unsaved is
/// believed: the editor will read the file again.
#[test]
fn the_disk_is_the_truth_under_a_document_that_is_saved() {
    let mut table = Table::laid();
    table.world.write("f.txt", "other\n");
    let read = table.agent.read("f.txt");
    assert_eq!(read["text"], "1\tother\n");
    let answer = table.agent.edit("f.txt", &handle(&read), replace(1, "mine\n"));
    assert_eq!(place(&answer), &Value::Null, "{answer}");
    assert_eq!(table.world.text("f.txt"), "mine\n");
}

#[test]
fn two_editors_with_different_text_are_not_edited() {
    let mut table = Table::laid();
    let mut other = Model::start(&table.world);
    other.open("f.txt", TEXT);
    table.editor.replace("f.txt", 0..3, "ONE");
    table.settle("f.txt");
    other.replace("f.txt", 0..3, "UNO");
    wait_for("the other editor's text", || {
        table.agent.read("f.txt")["text"].as_str().unwrap().contains("UNO")
    });
    let name = table.agent.handle("f.txt");
    rejected(&table.agent.edit("f.txt", &name, replace(2, "2\n")), "conflict");
    // Once one of them has left, the other is asked.
    assert_eq!(other.leave(), 0);
    table.settle("f.txt");
    let name = table.agent.handle("f.txt");
    let answer = table.while_listening(|agent| agent.edit("f.txt", &name, replace(2, "2\n")));
    assert_eq!(place(&answer), "buffer", "{answer}");
}

/// Marks of byte order and CRLF are the file's, not the editor's.
#[test]
fn what_an_editor_does_not_send_is_kept() {
    let mut table = Table::with("f.txt", "\u{feff}one\r\ntwo\r\n");
    let name = table.agent.handle("f.txt");
    table.editor.close("f.txt");
    table.editor.open("f.txt", "one\ntwo\n");
    table.editor.replace("f.txt", 3..3, "!");
    wait_for("the key", || table.agent.handle("f.txt") != name);
    let read = table.agent.read("f.txt");
    assert_eq!((&read["eol"], &read["encoding"]), (&json!("crlf"), &json!("utf-8-bom")), "{read}");
    let ops = replace(2, "zwei\ndrei\n");
    let answer = table.while_listening(|agent| agent.edit("f.txt", &handle(&read), ops));
    assert_eq!(place(&answer), "buffer", "{answer}");
    assert_eq!(table.editor.texts["f.txt"].text, "one!\nzwei\ndrei\n");
}

#[test]
fn text_that_cannot_be_followed_is_not_edited() {
    let mut table = Table::laid();
    table.editor.replace("f.txt", 0..0, "\r");
    table.editor.listen(Duration::from_millis(50));
    wait_for("the document to be given up", || {
        let name = table.agent.handle("f.txt");
        let answer = table.agent.edit("f.txt", &name, replace(2, "2\n"));
        answer["rejection"]["code"] == "encoding"
    });
    assert_eq!(table.world.text("f.txt"), TEXT);
}

/// The daemon dies: the next one is told what is open.
#[test]
fn a_new_daemon_hears_of_what_is_open() {
    let mut table = Table::laid();
    table.editor.replace("f.txt", 0..3, "ONE");
    table.settle("f.txt");
    let name = table.agent.handle("f.txt");
    let Table { agent, mut editor, _daemon, world } = table;
    drop(agent);
    _daemon.kill();
    let daemon = world.serve();
    let mut agent = daemon.open();
    editor.listen_until("the document to be told again", |_| agent.handle("f.txt") == name);
    editor.replace("f.txt", 0..3, "I");
    editor.listen_until("the key", |_| {
        agent.read("f.txt")["text"].as_str().unwrap().starts_with("1\tI\n")
    });
}

#[test]
fn sessions_are_told_of_files_that_they_have_seen() {
    let world = World::with(&[("f.txt", TEXT), ("g.txt", TEXT)]);
    let daemon = world.serve();
    let (mut one, mut two) = (daemon.open(), daemon.open());
    let name = one.handle("f.txt");
    one.call("session/listen", json!({"files": true}));
    // By another session: some edits in a row are told as one.
    let mut theirs = two.handle("f.txt");
    for line in 2..4 {
        theirs = applied(&two.edit("f.txt", &theirs, replace(line, "x\n")));
    }
    let told = one.receive();
    assert_eq!(told["method"], "file/changed", "{told}");
    let told = &told["params"];
    assert_eq!((&told["path"], &told["seen"]), (&json!("f.txt"), &json!(name)), "{told}");
    assert_eq!(told["ranges"], json!([{"old": [2, 3], "new": [2, 3]}]), "{told}");
    // By a program that does not know us, of a file that is read now.
    one.read("g.txt");
    world.write("g.txt", "one\n");
    let told = one.receive();
    assert_eq!(told["params"]["path"], "g.txt", "{told}");
    std::fs::remove_file(world.path("g.txt")).unwrap();
    let told = one.receive();
    assert_eq!(told["params"]["gone"], true, "{told}");
    // Its own edits are no news.
    let own = one.handle("f.txt");
    applied(&one.edit("f.txt", &own, replace(1, "1\n")));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(one.exchange("file/read", &json!({"path": "f.txt"}))["result"]["status"], "ok");
}

/// Somebody types and takes back while an agent edits, in random order: nobody's
/// text is lost, and all agree in the end.
#[test]
fn typing_and_editing_in_any_order_lose_nothing() {
    let rounds = std::env::var("ANCHORD_CASES").ok().and_then(|count| count.parse().ok());
    let rounds: usize = rounds.unwrap_or(300);
    for seed in 0..4 {
        interleave(seed, rounds / 4);
    }
}

/// Returns how often an edit that was not answered as made may have been made all
/// the same: once, where the editor was busy for so long that nobody knows.
pub(crate) fn may_be_made(answer: &Value) -> usize {
    usize::from(answer["rejection"]["code"] == "timeout")
}

fn interleave(seed: u64, rounds: usize) {
    let mut table = Table::laid();
    let mut dice = Dice::new(seed);
    table.editor.manner = if seed.is_multiple_of(2) { Manner::Honest } else { Manner::Liar };
    table.editor.tells_first = (seed / 2).is_multiple_of(2);
    let mut typed = Vec::new();
    let (agent, editor) = (&mut table.agent, &mut table.editor);
    let (landed, refused) = std::thread::scope(|scope| {
        let mut agents = Dice::new(seed + 1000);
        let thread = scope.spawn(move || {
            let (mut landed, mut refused) = (Vec::new(), Vec::new());
            for round in 0..rounds {
                let read = agent.read("f.txt");
                let after = agents.roll(read["total_lines"].as_u64().unwrap() as usize + 1);
                let mark = format!("agent-{seed}-{round};");
                let ops = json!([{"op": "insert", "after": after, "text": format!("{mark}\n")}]);
                let answer = agent.edit("f.txt", &handle(&read), ops);
                match answer["status"] == "applied" {
                    true => landed.push(mark),
                    false => refused.push((mark, answer)),
                }
            }
            (landed, refused)
        });
        let mut number = 0;
        while !thread.is_finished() {
            match dice.roll(8) {
                0 => {
                    number += 1;
                    let mark = format!("typed-{seed}-{number};");
                    let text = &editor.texts["f.txt"].text;
                    // Into a line, or as one of its own.
                    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
                    let at = ends[dice.roll(ends.len())];
                    let new = if dice.roll(2) == 0 { mark.clone() } else { format!("\n{mark}") };
                    editor.replace("f.txt", at..at, &new);
                    typed.push(mark);
                }
                _ => editor.listen(Duration::from_millis(dice.roll(4) as u64)),
            }
        }
        thread.join().unwrap()
    });
    table.settle("f.txt");
    let text = table.editor.texts["f.txt"].text.clone();
    for mark in typed.iter().chain(&landed) {
        assert_eq!(text.matches(mark.as_str()).count(), 1, "seed {seed}: {mark}");
    }
    for (mark, answer) in &refused {
        let found = text.matches(mark.as_str()).count();
        assert!(found <= may_be_made(answer), "seed {seed}: {mark} was refused: {answer}");
    }
    let unknown = refused.iter().filter(|(_, answer)| may_be_made(answer) == 1).count();
    assert!(unknown * 100 <= rounds, "seed {seed}: {unknown} edits of which nobody knows");
    println!(
        "seed {seed}: {} typed, {} edits landed, {} refused",
        typed.len(),
        landed.len(),
        refused.len()
    );
    assert!(landed.len() * 4 > rounds, "seed {seed}: hardly anything lands");
}
