//! Agents and people at one file, where the people sit at real editors: Neovim
//! and Emacs, as far as they are installed. What holds for every editor, and
//! more of it, is tried with the model of one in `editors.rs`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::editors::may_be_made;
use crate::real_editor::{Kind, Real, texts};
use crate::world::{Client, Daemon, World, applied, handle, rejected, wait_for};

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\n";

/// A root with a daemon, an agent, and a person who has a file open.
struct Table {
    agent: Client,
    person: Real,
    _daemon: Daemon,
    world: World,
}

impl Table {
    fn laid(kind: Kind) -> Table {
        Table::with(kind, Real::start)
    }

    fn with(kind: Kind, start: impl FnOnce(Kind, &World) -> Real) -> Table {
        let world = World::with(&[("f.txt", TEXT)]);
        let daemon = world.serve();
        let agent = daemon.connect().opened(json!({
            "client": {"name": "it", "version": "1"}, "agent": {"name": "coder", "model": "m"},
        }));
        let mut person = start(kind, &world);
        person.open(&world.path("f.txt"));
        Table { agent, person, _daemon: daemon, world }
    }

    /// Returns what an agent reads, once that is this text.
    #[track_caller]
    fn read_as(&mut self, text: &str) -> Value {
        wait_for("the agent to read what the person wrote", || whole(&mut self.agent) == text);
        self.agent.read("f.txt")
    }

    /// Has the agent replace a line, which must succeed in the buffer.
    #[track_caller]
    fn replace(&mut self, line: usize, text: &str) -> Value {
        let name = self.agent.handle("f.txt");
        let answer = self.agent.edit("f.txt", &name, replace(line, text));
        applied(&answer);
        assert_eq!(answer["files"][0]["where"], "buffer", "{answer}");
        answer
    }

    /// Waits until the buffer holds a text.
    #[track_caller]
    fn holds(&mut self, text: &str) {
        wait_for("the buffer", || self.person.text() == text);
    }
}

/// Returns the text of the file as an agent reads it.
fn whole(agent: &mut Client) -> String {
    let read = agent.call("file/read", json!({"path": "f.txt", "gutter": "none"}));
    read["text"].as_str().unwrap_or_default().to_owned()
}

fn replace(line: usize, text: &str) -> Value {
    json!([{"op": "replace", "lines": [line, line], "text": text}])
}

#[test]
fn unsaved_text_is_shared_until_it_is_saved() {
    for kind in Kind::all() {
        let mut table = Table::laid(kind);
        table.person.insert(1, "typed ");
        let mine = "typed one\ntwo\nthree\nfour\nfive\n";
        let seen = table.read_as(mine);
        assert_eq!(table.world.text("f.txt"), TEXT, "{kind:?}: nothing is on the disk");
        // What is not saved is neither moved nor removed.
        let moved =
            json!([{"path": "f.txt", "op": "move", "to": "g.txt", "handle": handle(&seen)}]);
        rejected(&table.agent.apply(moved), "conflict");
        // The agent's edit is in the buffer when the answer says so.
        let both = "typed one\ntwo\n3\nfour\nfive\n";
        let answer = table.replace(3, "3\n");
        assert_eq!(table.person.text(), both, "{kind:?}");
        assert_eq!(table.world.text("f.txt"), TEXT, "{kind:?}: nothing is on the disk");
        assert_eq!(table.agent.handle("f.txt"), applied(&answer));
        // The person takes back that and nothing else.
        table.person.undo();
        assert_eq!(table.person.text(), mine, "{kind:?}");
        assert_eq!(handle(&table.read_as(mine)), handle(&seen), "{kind:?}");
        // What is saved is on the disk, and still goes through the editor.
        table.replace(3, "3\n");
        table.person.save();
        assert_eq!(table.world.text("f.txt"), both, "{kind:?}");
        table.replace(4, "4\n");
        assert_eq!(table.person.text(), "typed one\ntwo\n3\n4\nfive\n", "{kind:?}");
        assert_eq!(table.world.text("f.txt"), both, "{kind:?}");
    }
}

/// The editor is busy while the edit comes in, and then hears the keys first.
#[test]
fn nothing_that_is_typed_meanwhile_is_lost() {
    for kind in Kind::installed() {
        let mut table = Table::laid(kind);
        let name = table.agent.handle("f.txt");
        let typing = table.person.freeze_and_type(2, "typed ");
        std::thread::sleep(Duration::from_millis(100));
        let answer = table.agent.edit("f.txt", &name, replace(2, "2\n"));
        table.person.answer(&typing);
        let mine = "one\ntyped two\nthree\nfour\nfive\n";
        assert_eq!(table.person.text(), mine, "{kind:?}: {answer}");
        let token = rejected(&answer, "stale")["retry"].clone();
        table.read_as(mine);
        // The cure is that of any other stale edit.
        applied(&table.agent.retry_at(&token, json!([[2, 2]])));
        assert_eq!(table.person.text(), "one\n2\nthree\nfour\nfive\n", "{kind:?}");
        // Elsewhere in the file it may land all the same.
        let name = table.agent.handle("f.txt");
        let typing = table.person.freeze_and_type(1, "typed ");
        std::thread::sleep(Duration::from_millis(100));
        let answer = table.agent.edit("f.txt", &name, replace(4, "4\n"));
        table.person.answer(&typing);
        let landed = answer["status"] == "applied";
        println!("{kind:?}: an edit beside what is typed: {}", answer["status"]);
        if !landed {
            rejected(&answer, "stale");
        }
        let fourth = if landed { "4" } else { "four" };
        table.holds(&format!("typed one\n2\nthree\n{fourth}\nfive\n"));
        assert_eq!(table.world.text("f.txt"), TEXT, "{kind:?}");
    }
}

#[test]
fn a_person_undoes_and_accepts_from_the_menu() {
    for kind in Kind::all() {
        let mut table = Table::laid(kind);
        let answer = table.replace(3, "3\n");
        let operation = answer["operation"].as_u64().unwrap();
        let hover = table.person.hover(3);
        assert!(hover.contains(&format!("(m), operation {operation}")), "{kind:?}: {hover}");
        table.person.choose(3, "Undo this operation");
        table.holds(TEXT);
        wait_for("the operation to be undone", || {
            let log = table.agent.call("edit/log", json!({}));
            log["operations"][0]["target"] == operation
        });
        table.replace(2, "2\n");
        let accepts = |table: &mut Table| {
            let offers = table.person.offers(2);
            offers.iter().filter(|offer| offer.starts_with("Accept: coder")).count()
        };
        assert_eq!(accepts(&mut table), 1, "{kind:?}");
        table.person.choose(2, "Accept: coder");
        wait_for("the change to be accepted", || accepts(&mut table) == 0);
        assert_eq!(table.person.text(), "one\n2\nthree\nfour\nfive\n", "{kind:?}");
        table.person.choose(2, "Copy anchor");
        let anchor = format!("@f.txt {} 2", table.agent.handle("f.txt"));
        wait_for("the anchor to be copied", || table.person.copied() == anchor);
    }
}

#[test]
fn a_refused_edit_is_a_diagnostic_until_the_agent_gets_its_way() {
    for kind in Kind::all() {
        let mut table = Table::laid(kind);
        let name = table.agent.handle("f.txt");
        table.person.insert(2, "typed ");
        table.read_as("one\ntyped two\nthree\nfour\nfive\n");
        let answer = table.agent.edit("f.txt", &name, replace(2, "2\n"));
        let token = rejected(&answer, "conflict")["retry"].clone();
        wait_for("the diagnostic", || !table.person.diagnostics().is_empty());
        let found = table.person.diagnostics().join("\n");
        assert!(found.starts_with("2 "), "{kind:?}: {found}");
        assert!(found.contains("an edit by coder was refused"), "{kind:?}: {found}");
        applied(&table.agent.retry_at(&token, json!([[2, 2]])));
        wait_for("the diagnostic to go", || table.person.diagnostics().is_empty());
    }
}

/// Such a Neovim makes an edit whatever was typed since, and says nothing of what it
/// overwrote. So it is asked for none: a file that is saved is edited on the disk,
/// one that is not stays as it is.
#[test]
fn neovim_without_the_package_overwrites_nothing() {
    for kind in Kind::neovims() {
        let mut table = Table::with(kind, Real::start_bare);
        let name = table.agent.handle("f.txt");
        let typing = table.person.freeze_and_type(2, "typed ");
        std::thread::sleep(Duration::from_millis(100));
        let answer = table.agent.edit("f.txt", &name, replace(2, "2\n"));
        applied(&answer);
        assert_eq!(answer["files"][0]["where"], Value::Null, "{answer}");
        table.person.answer(&typing);
        let (mine, theirs) = ("one\ntyped two\nthree\nfour\nfive\n", "one\n2\nthree\nfour\nfive\n");
        assert_eq!((&table.person.text()[..], &table.world.text("f.txt")[..]), (mine, theirs));
        // Now there is unsaved text, which agents see and nobody touches.
        let seen = table.read_as(mine);
        let answer = table.agent.edit("f.txt", &handle(&seen), replace(4, "4\n"));
        let told = rejected(&answer, "conflict")["message"].as_str().unwrap().to_owned();
        assert!(told.contains("does not see when an edit comes too late"), "{told}");
        assert_eq!(table.person.text(), mine, "{kind:?}");
        // Neovim asks before it writes over what the agent wrote. A person who takes
        // that up has a file again that agents edit.
        table.person.ask("vim.cmd('edit!')");
        let name = handle(&table.read_as(theirs));
        applied(&table.agent.edit("f.txt", &name, replace(4, "4\n")));
        assert_eq!(table.world.text("f.txt"), theirs.replace("four", "4"));
    }
}

#[test]
fn a_crash_takes_the_unsaved_text_along() {
    for kind in Kind::installed() {
        let mut table = Table::laid(kind);
        table.person.insert(1, "typed ");
        table.read_as("typed one\ntwo\nthree\nfour\nfive\n");
        table.replace(3, "3\n");
        let Table { mut agent, person, _daemon, world } = table;
        person.crash();
        wait_for("the document to be dropped", || whole(&mut agent) == TEXT);
        assert_eq!(world.text("f.txt"), TEXT, "{kind:?}: unsaved text is not ours to write");
        let name = agent.handle("f.txt");
        let answer = agent.edit("f.txt", &name, replace(3, "3\n"));
        applied(&answer);
        assert_eq!(world.text("f.txt"), "one\ntwo\n3\nfour\nfive\n", "{kind:?}: {answer}");
    }
}

/// What only Neovim has: lenses, run from the keyboard, and progress.
#[test]
fn neovim_shows_what_agents_did_and_do() {
    for kind in Kind::neovims() {
        shows_what_agents_did_and_do(kind);
    }
}

fn shows_what_agents_did_and_do(kind: Kind) {
    let mut table = Table::laid(kind);
    table.replace(3, "3\n");
    wait_for("the lenses", || lenses(&mut table.person).len() == 3);
    assert!(lenses(&mut table.person)[0].starts_with("3 coder: "));
    let shown = "return #vim.api.nvim_buf_get_extmarks(0, \
                 vim.lsp.codelens.__namespaces[vim.lsp.get_active_clients()[1].id], 0, -1, {})";
    assert_eq!(table.person.ask(shown), 1, "a line has lenses");
    wait_for("the progress", || {
        let told = texts(&table.person.ask("return it.progress"));
        told.iter().any(|told| told.starts_with("coder "))
    });
    table
        .person
        .ask("vim.api.nvim_win_set_cursor(0, { 3, 0 }) it.choice = 'undo' vim.lsp.codelens.run()");
    table.holds(TEXT);
    wait_for("the lenses to go", || lenses(&mut table.person).is_empty());
    assert_eq!(table.person.ask(shown), 0, "no line has lenses");
    let notified = texts(&table.person.ask("return it.notified"));
    assert!(notified.iter().all(|told| !told.contains("codeLens")), "{notified:?}");
}

/// What VS Code shows above a line, followed by a click; and keys that are pressed
/// while an agent edits.
#[test]
fn vscode_shows_what_agents_did() {
    if !Kind::VsCode.is_there() {
        return;
    }
    let mut table = Table::laid(Kind::VsCode);
    table.replace(3, "3\n");
    let lenses = |table: &mut Table| texts(&table.person.ask("return it.lenses()"));
    wait_for("the lenses", || lenses(&mut table).len() == 3);
    let who = &lenses(&mut table)[0];
    assert!(who.starts_with("coder: "), "{who}");
    table.person.ask("return it.follow('undo')");
    table.holds(TEXT);
    wait_for("the lenses to go", || lenses(&mut table).is_empty());
    // Nothing is lost of what either writes, whoever comes first.
    let mut landed = Vec::new();
    for round in 0..10 {
        let read = table.agent.read("f.txt");
        table.person.tell("return it.type(2, 'typed ')");
        std::thread::sleep(Duration::from_millis(20 * round));
        let mark = format!("agent-{round};");
        let ops = json!([{"op": "insert", "after": round % 5, "text": format!("{mark}\n")}]);
        let answer = table.agent.edit("f.txt", &handle(&read), ops);
        table.person.answer("typing");
        if answer["status"] == "applied" {
            landed.push(mark);
        }
    }
    let text = table.person.text();
    assert_eq!(text.matches("typed ").count(), 10, "{text}");
    assert_eq!(text.matches("agent-").count(), landed.len(), "{landed:?}: {text}");
    println!("VS Code: {} of 10 edits beside keys landed", landed.len());
    table.read_as(&text);
}

/// Returns the lenses of the buffer: line and text of each.
fn lenses(person: &mut Real) -> Vec<String> {
    texts(&person.ask(
        "return vim.tbl_map(function(lens) return (lens.range.start.line + 1) .. ' ' .. \
         lens.command.title end, vim.lsp.codelens.get(vim.api.nvim_get_current_buf()))",
    ))
}

/// Somebody types while an agent edits, in random order: nobody's text is lost,
/// and all agree in the end.
#[test]
fn typing_and_editing_in_any_order_lose_nothing_in_real_editors() {
    let rounds = std::env::var("ANCHORD_CASES").ok().and_then(|count| count.parse().ok());
    for kind in Kind::installed() {
        interleave(kind, rounds.unwrap_or(100));
    }
}

fn interleave(kind: Kind, rounds: usize) {
    let mut table = Table::laid(kind);
    let mut dice = Dice::new(1);
    let (agent, person) = (&mut table.agent, &mut table.person);
    let (typed, landed, refused) = std::thread::scope(|scope| {
        let thread = scope.spawn(|| edit_at_random(agent, rounds));
        let mut typed = Vec::new();
        while !thread.is_finished() {
            let mark = format!("typed-{};", typed.len());
            person.insert(1 + dice.roll(5), &mark);
            typed.push(mark);
            std::thread::sleep(Duration::from_millis(dice.roll(80) as u64));
        }
        let (landed, refused) = thread.join().unwrap();
        (typed, landed, refused)
    });
    let text = table.person.text();
    for mark in typed.iter().chain(&landed) {
        assert_eq!(text.matches(mark.as_str()).count(), 1, "{kind:?}: {mark}");
    }
    for (mark, answer) in &refused {
        let found = text.matches(mark.as_str()).count();
        assert!(found <= may_be_made(answer), "{kind:?}: {mark} was refused: {answer}");
    }
    let unknown = refused.iter().filter(|(_, answer)| may_be_made(answer) == 1).count();
    assert!(unknown * 100 <= rounds, "{kind:?}: {unknown} edits of which nobody knows");
    table.read_as(&text);
    let counts = [typed.len(), landed.len(), refused.len()];
    println!("{kind:?}: {counts:?} typed, landed, refused");
    assert!(landed.len() * 8 > rounds, "{kind:?}: hardly anything lands: {counts:?}");
}

/// Has an agent insert lines; returns which landed, and which were refused.
fn edit_at_random(agent: &mut Client, rounds: usize) -> (Vec<String>, Vec<(String, Value)>) {
    let mut dice = Dice::new(1000);
    let (mut landed, mut refused) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let read = agent.read("f.txt");
        let after = dice.roll(read["total_lines"].as_u64().unwrap() as usize + 1);
        let mark = format!("agent-{round};");
        let ops = json!([{"op": "insert", "after": after, "text": format!("{mark}\n")}]);
        let answer = agent.edit("f.txt", &handle(&read), ops);
        match answer["status"] == "applied" {
            true => landed.push(mark),
            false => refused.push((mark, answer)),
        }
    }
    (landed, refused)
}
