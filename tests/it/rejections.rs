//! Refusals over the wire: every code that this version gives, with its cure.
//!
//! P3: a failed edit never has to be written twice. Whatever is refused here,
//! the files stay as they were, byte for byte.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::world::{Client, Daemon, World, applied, handle, rejected};

const SIX: &str = "1\n2\n3\n4\n5\n6\n";

/// A world with one file of six lines, and a client that has read it.
struct Scene {
    world: World,
    daemon: Daemon,
    client: Client,
    name: String,
}

impl Scene {
    fn new() -> Scene {
        let world = World::with(&[("a", SIX)]);
        let daemon = world.serve();
        let mut client = daemon.open();
        let name = client.handle("a");
        Scene { world, daemon, client, name }
    }

    /// Asks for an edit of the file under the handle of the first read.
    #[track_caller]
    fn edit(&mut self, ops: Value) -> Value {
        self.client.edit("a", &self.name, ops)
    }

    /// Checks that an edit of several files is refused so, and nothing written.
    #[track_caller]
    fn refuses(&mut self, files: Value, code: &str, message: &str) -> Value {
        let before = self.world.text("a");
        let rejection = rejected(&self.client.apply(files), code);
        let told = rejection["message"].as_str().unwrap();
        assert!(told.contains(message), "{rejection}");
        assert_eq!(self.world.text("a"), before);
        rejection
    }
}

fn replace(line: usize, text: &str) -> Value {
    json!([{"op": "replace", "lines": [line, line], "text": text}])
}

#[test]
fn stale_shows_what_is_there_and_says_under_which_name() {
    let mut scene = Scene::new();
    scene.world.write("a", "0\n1\n2\n3\nFOUR\n5\n6\n");
    let stale = rejected(&scene.edit(replace(4, "four\n")), "conflict");
    assert_eq!((&stale["path"], &stale["op"]), (&json!("a"), &json!(0)));
    assert_eq!(stale["rows"], "3\t2\n4\t3\n5\tFOUR\n6\t5\n7\t6\n");
    assert_eq!(stale["drift"], json!([{"old": [4, 4], "new": [5, 5], "text": "5\tFOUR\n"}]));
    // Another program wrote to it: there is nothing that could be accepted.
    assert_eq!(stale["landings"], json!([null]));
    assert_eq!(scene.client.handle("a"), stale["handle"]);
    rejected(&scene.client.accept(&stale["retry"]), "conflict");
    let edit = scene.client.retry_at(&stale["retry"], json!([[5, 5]]));
    assert_eq!(edit["files"][0]["ops"][0]["lines"], json!([5, 5]));
    assert_eq!(scene.world.text("a"), "0\n1\n2\n3\nfour\n5\n6\n");
}

#[test]
fn stale_again_if_the_file_changed_again() {
    let mut scene = Scene::new();
    scene.world.write("a", "0\n1\n2\n3\nIV\n5\n6\n");
    let first = rejected(&scene.edit(replace(4, "four\n")), "conflict");
    scene.world.write("a", "00\n0\n1\n2\n3\nFOUR\n5\n6\n");
    let second = rejected(&scene.client.retry_at(&first["retry"], json!([[5, 5]])), "conflict");
    assert_ne!(second["retry"], first["retry"]);
    applied(&scene.client.retry_at(&second["retry"], json!([[6, 6]])));
    assert_eq!(scene.world.text("a"), "00\n0\n1\n2\n3\nfour\n5\n6\n");
}

#[test]
fn stale_proposes_a_landing_where_only_we_wrote() {
    let mut scene = Scene::new();
    scene.daemon.open();
    let mut other = scene.daemon.open();
    let theirs = other.handle("a");
    applied(&other.edit("a", &theirs, json!([
        {"op": "insert", "after": 1, "text": "+\n"}, {"op": "replace", "lines": [4, 4], "text": "FOUR\n"},
    ])));
    let ops = json!([
        {"op": "replace", "lines": [4, 4], "text": "four\n"}, {"op": "delete", "lines": [6, 6]},
    ]);
    let stale = rejected(&scene.edit(ops), "stale");
    assert_eq!((&stale["op"], &stale["landings"]), (&json!(0), &json!([[5, 5], [7, 7]])));
    assert_eq!(stale["rows"], "3\t2\n4\t3\n5\tFOUR\n6\t5\n7\t6\n");
    let edit = scene.client.accept(&stale["retry"]);
    assert_eq!(edit["status"], "applied", "{edit}");
    assert_eq!(scene.world.text("a"), "1\n+\n2\n3\nfour\n5\n");
}

#[test]
fn what_we_wrote_elsewhere_in_the_file_is_no_reason_to_refuse() {
    let mut scene = Scene::new();
    let mut other = scene.daemon.open();
    let theirs = other.handle("a");
    applied(&other.edit("a", &theirs, json!([{"op": "insert", "after": 1, "text": "+\n+\n"}])));
    let edit = scene.edit(replace(4, "four\n"));
    let op = &edit["files"][0]["ops"][0];
    assert_eq!((&op["lines"], &op["relocated"]), (&json!([6, 6]), &json!("+2")), "{edit}");
    assert_eq!(edit["files"][0]["window"], "4\t2\n5\t3\n6\tfour\n7\t5\n8\t6\n");
    assert_eq!(scene.world.text("a"), "1\n+\n+\n2\n3\nfour\n5\n6\n");
}

#[test]
fn an_edit_that_may_not_move_is_stale_instead() {
    let mut scene = Scene::new();
    let mut other = scene.daemon.open();
    let theirs = other.handle("a");
    applied(&other.edit("a", &theirs, json!([{"op": "insert", "after": 1, "text": "+\n"}])));
    let edit = json!({
        "format": "anchor", "drift": "refuse",
        "files": [{"path": "a", "handle": scene.name, "ops": replace(4, "four\n")}],
    });
    rejected(&scene.client.call("edit/apply", edit), "stale");
}

#[test]
fn what_is_there_already_is_no_conflict() {
    let mut scene = Scene::new();
    let mut other = scene.daemon.open();
    let theirs = other.handle("a");
    let done = applied(&other.edit("a", &theirs, replace(4, "four\n")));
    let edit = scene.edit(replace(4, "four\n"));
    assert_eq!(edit["files"][0]["ops"], json!([{"lines": [4, 4], "already": true}]), "{edit}");
    assert_eq!((applied(&edit), edit.get("operation")), (done, None));
    // Together with work that is still to do.
    let ops = json!([
        {"op": "replace", "lines": [4, 4], "text": "four\n"}, {"op": "delete", "lines": [1, 1]},
    ]);
    let edit = scene.edit(ops);
    let expected = json!([{"lines": [3, 3], "already": true}, {"lines": [1, 0]}]);
    assert_eq!((&edit["files"][0]["ops"], edit["operation"].is_u64()), (&expected, true));
    assert_eq!(scene.world.text("a"), "2\n3\nfour\n5\n6\n");
}

#[test]
fn a_whole_file_never_relocates() {
    let mut scene = Scene::new();
    scene.world.write("b", "b\n");
    let b = scene.client.handle("b");
    scene.world.write("a", "changed\n");
    scene.world.write("b", "changed\n");
    let name = scene.name.clone();
    let of_a = json!({"path": "a", "handle": name});
    let with = |more: Value| {
        let mut file = of_a.clone();
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([file])
    };
    for more in [
        json!({"op": "write", "text": "new\n"}),
        json!({"op": "remove"}),
        json!({"op": "move", "to": "c"}),
    ] {
        let stale = scene.refuses(with(more), "stale", "changed since it was read");
        assert_eq!(stale["rows"], "1\tchanged\n");
        assert_eq!(stale.get("landings"), None, "{stale}");
    }
    let name = scene.client.handle("a");
    let over = json!([{"path": "a", "handle": name, "op": "move", "to": "b", "to_handle": b}]);
    scene.refuses(over, "stale", "b changed since it was read");
    // Whoever has seen what is there now may mean it all the same.
    let write = with(json!({"op": "write", "text": "new\n"}));
    let stale = scene.refuses(write, "stale", "changed");
    applied(&scene.client.accept(&stale["retry"]));
    assert_eq!(scene.world.text("a"), "new\n");
}

#[test]
fn unseen_lines_are_shown_first() {
    let scene = Scene::new();
    let mut other = scene.daemon.open();
    // A handle that another one passes on is understood, but licenses nothing.
    let unseen = rejected(&other.edit("a", &scene.name, replace(6, "six\n")), "unseen");
    assert_eq!(
        (&unseen["rows"], &unseen["handle"]),
        (&json!("4\t4\n5\t5\n6\t6\n"), &json!(scene.name))
    );
    for more in [json!({"op": "remove"}), json!({"op": "move", "to": "b"})] {
        let mut file = json!({"path": "a", "handle": scene.name});
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        // It has been shown some lines now, which is enough to name the file.
        let checked =
            other.call("edit/apply", json!({"format": "anchor", "files": [file], "dry_run": true}));
        assert_eq!(checked["status"], "checked", "{checked}");
        rejected(&scene.daemon.open().apply(json!([file])), "unseen");
    }
    // All of a range counts, not only its ends.
    let ends = json!({"path": "a", "lines": [[1, 2], [5, 6]]});
    let mut third = scene.daemon.open();
    third.call("file/read", ends);
    rejected(&third.edit("a", &scene.name, json!([{"op": "delete", "lines": [1, 6]}])), "unseen");
    // A place between two lines is known once one of them is.
    applied(&third.edit("a", &scene.name, json!([{"op": "insert", "after": 2, "text": "+\n"}])));
    applied(&other.accept(&unseen["retry"]));
    assert_eq!(scene.world.text("a"), "1\n2\n+\n3\n4\n5\nsix\n");
}

#[test]
fn an_unknown_handle_is_never_promoted() {
    let mut scene = Scene::new();
    scene.world.write("b", SIX);
    let of_b = scene.client.handle("b");
    let invented = (100_000..).map(|number| number.to_string());
    let invented = invented.into_iter().find(|name| *name != scene.name && *name != of_b).unwrap();
    for (handle, message) in [
        (invented, "never given out"),
        ("123456789".into(), "never given out"),
        (of_b, "belongs to b"),
    ] {
        let edit = json!([{"path": "a", "handle": handle, "ops": replace(1, "x\n")}]);
        let rejection = scene.refuses(edit, "unknown_handle", message);
        assert_eq!((rejection.get("retry"), &rejection["path"]), (None, &json!("a")));
        let removal = json!([{"path": "a", "handle": handle, "op": "remove"}]);
        scene.refuses(removal, "unknown_handle", message);
    }
}

#[test]
fn an_expired_handle_says_so() {
    let Scene { world, daemon, mut client, name } = Scene::new();
    let made = applied(&client.edit("a", &name, replace(1, "one\n")));
    let session = client.session.clone();
    daemon.kill();
    // What our edit wrote was in the file and nowhere else.
    world.write("a", "0\none\n2\n3\n4\n5\n6\n");
    let daemon = world.serve();
    let mut client = daemon.resume(&session);
    let expired = rejected(&client.edit("a", &made, replace(2, "two\n")), "expired_handle");
    assert_eq!(expired["path"], "a");
    // What it displaced was kept. The line before was changed, so nothing is offered.
    let stale = rejected(&client.edit("a", &name, replace(2, "two\n")), "conflict");
    rejected(&client.accept(&stale["retry"]), "conflict");
    applied(&client.retry_at(&stale["retry"], json!([[3, 3]])));
    assert_eq!(world.text("a"), "0\none\ntwo\n3\n4\n5\n6\n");
}

#[test]
fn ranges_that_meet_are_refused() {
    let mut scene = Scene::new();
    let name = scene.name.clone();
    let mut check = |ops: Value, message: &str| {
        let rejection =
            scene.refuses(json!([{"path": "a", "handle": name, "ops": ops}]), "overlap", message);
        assert_eq!(rejection.get("retry"), None);
    };
    check(
        json!([{"op": "delete", "lines": [2, 4]}, {"op": "replace", "lines": [4, 5], "text": "x\n"}]),
        "operations 0 and 1 meet at line 4",
    );
    check(
        json!([{"op": "insert", "after": 3, "text": "x\n"}, {"op": "delete", "lines": [3, 4]}]),
        "operations 0 and 1 meet",
    );
}

#[test]
fn an_edit_that_changes_nothing_is_refused() {
    let mut scene = Scene::new();
    let name = scene.name.clone();
    let mut check = |file: Value| {
        let mut file = file;
        file["path"] = json!("a");
        file["handle"] = json!(name);
        scene.refuses(json!([file]), "no_change", "every byte would stay");
    };
    check(json!({"ops": replace(2, "2\n")}));
    check(json!({"op": "write", "text": SIX}));
    check(json!({"ops": [], "final_newline": true}));
}

#[test]
fn missing_and_exists_are_told_apart() {
    let mut scene = Scene::new();
    scene.world.write("b", "b\n");
    let (a, b) = (scene.name.clone(), scene.client.handle("b"));
    let gone = rejected(&scene.client.call("file/read", json!({"path": "no/such"})), "missing");
    assert_eq!(gone["path"], "no/such");
    scene.refuses(json!([{"path": "a", "op": "create", "text": ""}]), "exists", "there already");
    let over = json!([{"path": "a", "handle": a, "op": "move", "to": "b"}]);
    scene.refuses(over, "exists", "give its handle as to_handle");
    let onto = json!([{"path": "a", "handle": a, "op": "move", "to": "c", "to_handle": b}]);
    rejected(&scene.client.apply(onto), "unknown_handle");

    fs::rename(scene.world.path("a"), scene.world.outside("kept")).unwrap();
    let missing = rejected(&scene.edit(replace(1, "one\n")), "missing");
    // It waits until the file is back.
    rejected(&scene.client.accept(&missing["retry"]), "missing");
    fs::rename(scene.world.outside("kept"), scene.world.path("a")).unwrap();
    applied(&scene.client.accept(&missing["retry"]));
    assert_eq!(scene.world.text("a"), "one\n2\n3\n4\n5\n6\n");
}

#[test]
fn nothing_of_a_rejected_edit_is_done() {
    let mut scene = Scene::new();
    scene.world.write("b", "b\n");
    scene.world.write("c", "c\n");
    let (a, b, c) = (scene.name.clone(), scene.client.handle("b"), scene.client.handle("c"));
    scene.world.write("c", "changed\n");
    let files = json!([
        {"path": "a", "handle": a, "ops": replace(1, "one\n")},
        {"path": "b", "handle": b, "op": "remove"},
        {"path": "new", "op": "create", "text": "x"},
        {"path": "c", "handle": c, "ops": replace(1, "C\n")},
    ]);
    let stale = scene.refuses(files, "conflict", "");
    assert_eq!(stale["path"], "c");
    assert_eq!((scene.world.text("b"), scene.world.path("new").exists()), ("b\n".into(), false));
    // And all of it by its token.
    let edit = scene.client.retry_at(&stale["retry"], json!([[1, 1]]));
    assert_eq!(edit["status"], "applied", "{edit}");
    assert_eq!(scene.world.text("a"), "one\n2\n3\n4\n5\n6\n");
    assert_eq!((scene.world.text("c"), scene.world.text("new")), ("C\n".into(), "x".into()));
    assert!(!scene.world.path("b").exists());
}

#[test]
fn bytes_that_are_no_text_are_refused_as_such() {
    let mut scene = Scene::new();
    let mut check = |name: &str, bytes: &[u8], ops: Value, message: &str| {
        scene.world.write(name, bytes);
        let handle = scene.client.handle(name);
        let files = json!([{"path": name, "handle": handle, "ops": ops}]);
        scene.refuses(files, "encoding", message);
        assert_eq!(scene.world.bytes(name), bytes);
    };
    let insert = json!([{"op": "insert", "after": 0, "text": "x\n"}]);
    check("utf-16", b"\xff\xfea\0\n\0", insert.clone(), "utf-16le");
    check("utf-16", b"\xff\xfea\0\n\0", replace(1, "x\n"), "utf-16le");
    check("binary", b"\x89PNG\0\n", replace(1, "x\n"), "binary");
    check("latin-1", b"caf\xe9\nx\n", replace(1, "x\n"), "line 1 is not UTF-8");
    check("latin-1", b"caf\xe9\nx\n", replace(2, "\u{e9}\n"), "only ASCII");
}

#[test]
fn limits_are_named() {
    let mut scene = Scene::new();
    let a = scene.name.clone();
    let ops: Vec<Value> =
        (0..10_001).map(|_| json!({"op": "insert", "after": 0, "text": "x\n"})).collect();
    let edit = json!([{"path": "a", "handle": a, "ops": ops}]);
    scene.refuses(edit, "too_large", "10001 operations on 1 files; the limits are 10000 and 200");
    let files: Vec<Value> = (0..201)
        .map(|number| json!({"path": format!("new-{number}"), "op": "create", "text": ""}))
        .collect();
    scene.refuses(json!(files), "too_large", "201");
    assert!(!scene.world.path("new-0").exists());
    // 100 operations and 200 files are none of them.
    let ops: Vec<Value> =
        (0..100).map(|_| json!({"op": "insert", "after": 3, "text": "x\n"})).collect();
    applied(&scene.edit(json!(ops)));
    assert_eq!(scene.client.apply(json!(files[..200]))["status"], "applied");
}

#[test]
fn a_file_never_grows_beyond_the_limit() {
    let world = World::new();
    let file = File::create(world.path("a")).unwrap();
    let line = [b"x".repeat((1 << 20) - 1), b"\n".to_vec()].concat();
    (0..128).for_each(|_| std::io::Write::write_all(&mut &file, &line).unwrap());
    drop(file);
    let daemon = world.serve();
    let mut client = daemon.open();
    let part = client.call("file/read", json!({"path": "a", "lines": [[1, 1]]}));
    let ops = json!([{"op": "insert", "after": 1, "text": "y\n"}]);
    let edit = client.edit("a", &handle(&part), ops);
    let message = rejected(&edit, "too_large")["message"].clone();
    assert_eq!(message, "the file would have 134217730 bytes, the limit is 134217728");
    applied(&client.edit("a", &handle(&part), json!([{"op": "delete", "lines": [1, 1]}])));
    assert_eq!(fs::metadata(world.path("a")).unwrap().len(), 127 << 20);
}

#[test]
fn what_makes_no_sense_is_malformed_and_counted() {
    let mut scene = Scene::new();
    let a = scene.name.clone();
    let mut check = |files: Value, message: &str| {
        scene.refuses(files, "malformed", message);
    };
    let of = |ops: Value| json!([{"path": "a", "handle": a, "ops": ops}]);
    check(json!([]), "names no file");
    check(of(json!([])), "no operation");
    check(of(replace(1, "")), "delete");
    check(of(json!([{"op": "insert", "after": 7, "text": "x\n"}])), "beyond the 6 lines");
    check(of(json!([{"op": "delete", "lines": [0, 1]}])), "no range");
    check(of(json!([{"op": "delete", "lines": [1, 2], "text": "x"}])), "delete takes lines alone");
    check(
        of(json!([{"op": "insert", "lines": [1, 2], "text": "x"}])),
        "insert takes after and text",
    );
    check(of(json!([{"op": "replace", "lines": [1, 2]}])), "replace takes lines and text");
    check(json!([{"path": "a", "ops": replace(1, "x\n")}]), "needs the handle");
    check(json!([{"path": "b", "op": "create"}]), "need text");
    check(json!([{"path": "a", "handle": a, "op": "move"}]), "move needs to");
    check(json!([{"path": "a", "handle": a, "op": "remove", "to": "b"}]), "not used here");
    check(json!([{"path": "a", "handle": a, "op": "remove", "text": "x"}]), "text belongs");
    let twice = json!([
        {"path": "a", "handle": a, "ops": replace(1, "x\n")}, {"path": "./a", "handle": a, "op": "remove"},
    ]);
    check(twice, "twice");
    let onto = json!([
        {"path": "a", "handle": a, "op": "move", "to": "b"}, {"path": "b", "op": "create", "text": "x"},
    ]);
    check(onto, "twice");
    let Scene { world, mut client, .. } = scene;
    for params in
        [json!({"format": "anchor"}), json!({"format": "anchor", "files": [], "text": ""})]
    {
        rejected(&client.call("edit/apply", params), "malformed");
    }
    let text = format!("@a {a}\n1c\nhalf a body\n");
    rejected(&client.edit_text(&text), "malformed");
    let stats = client.call("stats/summary", json!({}));
    assert_eq!(stats["groups"][0]["rejected"], json!({"malformed": 18}));
    assert_eq!(world.text("a"), SIX);
}

/// Lays traps: links out of the root and into what is protected.
fn lay_traps(world: &World) {
    fs::create_dir(world.outside("out")).unwrap();
    fs::write(world.outside("out/secret"), "secret\n").unwrap();
    world.write(".git/config", "secret\n");
    world.write("sub/.hg/hgrc", "secret\n");
    let link = |to: &str, name: &str| symlink(to, world.path(name)).unwrap();
    link(world.outside("out/secret").to_str().unwrap(), "link");
    link(world.outside("out").to_str().unwrap(), "dir");
    link("../out/secret", "relative");
    link("../../root/../out/secret", "sub/winding");
    link(".git/config", "innocent");
    link("/proc/self/root/etc/passwd", "magic");
    link("loop", "loop");
}

const DENIED: &str = "link dir/secret dir/new relative sub/winding innocent magic loop / /etc/passwd \
    .git .git/config .git/new .GIT/config sub/.hg/hgrc sub/.jj/new .svn/x .anchord/root .anchord/new";

const MALFORMED: [&str; 8] =
    ["../out/secret", "sub/../a", "..", "", ".", "a\0b", "a\u{202e}b", "a\nb"];

#[test]
fn nothing_outside_the_root_can_be_named() {
    let mut scene = Scene::new();
    lay_traps(&scene.world);
    let secret = scene.world.outside("out/secret").to_str().unwrap().to_owned();
    let mut check = |path: &str, code: &str| {
        let read = scene.client.call("file/read", json!({"path": path}));
        let rejection = rejected(&read, code);
        assert!(!rejection.to_string().contains("secret\\n"), "{rejection}");
        let create = json!([{"path": path, "op": "create", "text": "x"}]);
        rejected(&scene.client.apply(create), code);
        let away = json!([{"path": "a", "handle": scene.name, "op": "move", "to": path}]);
        rejected(&scene.client.apply(away), code);
    };
    DENIED.split_whitespace().chain([secret.as_str()]).for_each(|path| check(path, "denied"));
    MALFORMED
        .into_iter()
        .chain(["x".repeat(5000).as_str()])
        .for_each(|path| check(path, "malformed"));
    assert_eq!(scene.world.text("a"), SIX);
    assert_eq!(fs::read_dir(scene.world.outside("out")).unwrap().count(), 1);
    // Names that only look so are files like any other.
    for path in [".gitignore", ".github/x", "git", "..a", "a..b"] {
        let create = json!([{"path": path, "op": "create", "text": "x"}]);
        assert_eq!(scene.client.apply(create)["status"], "applied", "{path}");
    }
}

#[test]
fn a_link_to_a_directory_without_a_plain_name_leads_nowhere_else() {
    use std::os::unix::ffi::OsStrExt;
    let mut scene = Scene::new();
    for name in [&b"not utf-8 \xff"[..], "zero\u{200b}width".as_bytes()] {
        let name = std::ffi::OsStr::from_bytes(name);
        fs::create_dir(scene.world.root.join(name)).unwrap();
        let link = scene.world.path("link");
        symlink(name, &link).unwrap();
        let create = json!([{"path": "link/new", "op": "create", "text": "x"}]);
        scene.refuses(create, "denied", "");
        assert!(!scene.world.path("new").exists());
        fs::remove_file(link).unwrap();
    }
    // One that leads to the root itself does lead somewhere.
    symlink(".", scene.world.path("here")).unwrap();
    let create = json!([{"path": "here/new", "op": "create", "text": "x"}]);
    let edit = scene.client.apply(create);
    assert_eq!((&edit["status"], &edit["files"][0]["path"]), (&json!("applied"), &json!("new")));
}

#[test]
fn a_file_that_somebody_writes_to_is_busy() {
    let mut scene = Scene::new();
    let writer = File::options().write(true).open(scene.world.path("a")).unwrap();
    let busy = rejected(&scene.edit(replace(1, "one\n")), "busy");
    assert_eq!(scene.world.text("a"), SIX);
    drop(writer);
    applied(&scene.client.accept(&busy["retry"]));
    assert_eq!(scene.world.text("a"), "one\n2\n3\n4\n5\n6\n");
}

/// P5: what was swapped before the one file that could not be is put back.
#[test]
fn what_was_begun_is_taken_back() {
    let mut scene = Scene::new();
    for name in ["edited", "removed", "moved", "over", "written"] {
        scene.world.write(name, format!("{name}\n"));
    }
    let name = |scene: &mut Scene, path: &str| scene.client.handle(path);
    let files = json!([
        {"path": "edited", "handle": name(&mut scene, "edited"), "ops": replace(1, "x\n")},
        {"path": "deep/er/new", "op": "create", "text": "x"},
        {"path": "removed", "handle": name(&mut scene, "removed"), "op": "remove"},
        {"path": "moved", "handle": name(&mut scene, "moved"), "op": "move", "to": "over",
         "to_handle": name(&mut scene, "over")},
        {"path": "written", "handle": name(&mut scene, "written"), "op": "write", "text": "x"},
        {"path": "a", "handle": scene.name, "ops": replace(1, "one\n")},
    ]);
    let before = scene.world.tree();
    let writer = File::options().write(true).open(scene.world.path("a")).unwrap();
    let busy = scene.refuses(files, "busy", "open for writing");
    assert_eq!((&busy["path"], scene.world.tree()), (&json!("a"), before));
    assert!(!scene.world.path("deep").exists());
    assert_eq!(scene.client.call("edit/log", json!({}))["operations"], json!([]));
    drop(writer);
    assert_eq!(scene.client.accept(&busy["retry"])["status"], "applied");
    let paths: Vec<String> = scene.world.tree().into_keys().collect();
    assert_eq!(paths, ["a", "deep/er/new", "edited", "over", "written"]);
}

#[test]
fn what_could_not_be_kept_is_named_before_anything_is_written() {
    let mut scene = Scene::new();
    fs::hard_link(scene.world.path("a"), scene.world.path("b")).unwrap();
    let attribute = rejected(&scene.edit(replace(1, "one\n")), "attribute");
    assert!(attribute["message"].as_str().unwrap().contains("2 hard links"), "{attribute}");
    fs::remove_file(scene.world.path("b")).unwrap();
    applied(&scene.client.accept(&attribute["retry"]));

    let read_only = fs::Permissions::from_mode(0o444);
    scene.world.write("ro", "x\n");
    fs::set_permissions(scene.world.path("ro"), read_only).unwrap();
    let name = scene.client.handle("ro");
    let edit = json!([{"path": "ro", "handle": name, "ops": replace(1, "y\n")}]);
    let denied = scene.refuses(edit, "denied", "read-only (mode 0444)");
    fs::set_permissions(scene.world.path("ro"), fs::Permissions::from_mode(0o644)).unwrap();
    applied(&scene.client.accept(&denied["retry"]));
    assert_eq!(scene.world.text("ro"), "y\n");
}

#[test]
fn a_move_over_a_file_asks_as_much_of_it_as_of_the_file_that_moves() {
    let mut scene = Scene::new();
    scene.world.write("ro", "x\n");
    fs::set_permissions(scene.world.path("ro"), fs::Permissions::from_mode(0o444)).unwrap();
    let ro = scene.client.handle("ro");
    let a = scene.name.clone();
    let over = json!([{"path": "a", "handle": a, "op": "move", "to": "ro", "to_handle": ro}]);
    let denied = scene.refuses(over, "denied", "read-only");
    assert_eq!(denied["path"], "ro");
    assert_eq!(scene.world.text("ro"), "x\n");
}

#[test]
fn an_undo_never_loses_later_work() {
    let mut scene = Scene::new();
    applied(&scene.edit(json!([{"op": "replace", "lines": [2, 4], "text": "a\nb\nc\n"}])));
    let mut other = scene.daemon.open();
    let theirs = other.handle("a");
    applied(&other.edit("a", &theirs, replace(3, "B\n")));
    let check = |scene: &mut Scene, operation: u64, message: &str| {
        let before = fs::read(scene.world.path("a")).ok();
        let undo = scene.client.call("edit/undo", json!({"operation": operation}));
        let conflict = rejected(&undo, "conflict");
        assert!(conflict["message"].as_str().unwrap().contains(message), "{conflict}");
        assert_eq!(fs::read(scene.world.path("a")).ok(), before);
    };
    check(&mut scene, 1, "changed by a later operation");
    assert_eq!(other.call("edit/undo", json!({}))["status"], "applied");
    scene.world.write("a", "all new\n");
    check(&mut scene, 1, "another program wrote");
    fs::remove_file(scene.world.path("a")).unwrap();
    check(&mut scene, 1, "the file is gone");

    let create = json!([{"path": "new", "op": "create", "text": "x\n"}]);
    let edit = scene.client.apply(create);
    scene.world.write("new", "y\n");
    check(&mut scene, edit["operation"].as_u64().unwrap(), "changed since");
    assert_eq!(scene.world.text("new"), "y\n");
    let name = scene.client.handle("new");
    let edit = scene.client.apply(json!([{"path": "new", "handle": name, "op": "remove"}]));
    scene.world.write("new", "z\n");
    check(&mut scene, edit["operation"].as_u64().unwrap(), "stands there again");
    assert_eq!(scene.world.text("new"), "z\n");
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut scene = Scene::new();
    let mut check = |method: &str, params: Value| {
        rejected(&scene.client.call(method, params), "not_found");
    };
    check("edit/undo", json!({}));
    check("edit/redo", json!({}));
    check("edit/undo", json!({"operation": 7}));
    check("edit/undo", json!({"operation": u64::MAX}));
    check("edit/show", json!({"operation": 7}));
    check("edit/retry", json!({"retry": "r12345678", "accept": true}));
    check("edit/retry", json!({"retry": "", "at": [[1, 1]]}));
    let text = format!("@a {}\n2c \"two\"\nx\n.\n", scene.name);
    rejected(&scene.client.edit_text(&text), "not_found");
    assert_eq!(scene.world.text("a"), SIX);
    // A token is its session's own.
    scene.world.write("a", "changed\n");
    let stale = rejected(&scene.edit(replace(1, "x\n")), "conflict");
    let at = json!({"retry": stale["retry"], "at": [[1, 1]]});
    rejected(&scene.daemon.open().call("edit/retry", at), "not_found");
}

#[test]
fn a_retry_says_which_of_the_two_it_is() {
    let mut scene = Scene::new();
    scene.world.write("a", "changed\n");
    let stale = rejected(&scene.edit(replace(1, "x\n")), "conflict");
    let token = &stale["retry"];
    for params in [
        json!({"retry": token}),
        json!({"retry": token, "accept": true, "at": [[1, 1]]}),
        json!({"retry": token, "accept": false}),
    ] {
        rejected(&scene.client.call("edit/retry", params), "malformed");
    }
    applied(&scene.client.retry_at(token, json!([[1, 1]])));
}

#[test]
fn undoing_twice_changes_nothing() {
    let mut scene = Scene::new();
    applied(&scene.edit(replace(1, "one\n")));
    applied(&scene.client.call("edit/undo", json!({"operation": 1})));
    let again = scene.client.call("edit/undo", json!({"operation": 1}));
    let again = rejected(&again, "no_change");
    assert_eq!(again["message"], "operation 1 was taken back by operation 2");
    assert_eq!(scene.world.text("a"), SIX);
}

/// The text form of a replacement of line 3 that writes line 4 once more.
fn repeating(name: &str) -> Value {
    let text = format!("@a {name}\n3c\nlet three = 3;\nlet four = 4;\n.\n");
    json!({"format": "anchor", "text": text})
}

const LETS: &str = "let one = 1;\nlet two = 2;\n3\nlet four = 4;\nlet five = 5;\n";

#[test]
fn a_slip_is_refused_with_what_was_probably_meant() {
    for (choice, after) in [
        (
            json!({"fix": 1}),
            "let one = 1;\nlet two = 2;\nlet three = 3;\nlet four = 4;\nlet five = 5;\n",
        ),
        (
            json!({"accept": true}),
            "let one = 1;\nlet two = 2;\nlet three = 3;\nlet four = 4;\nlet four = 4;\nlet five = 5;\n",
        ),
    ] {
        let mut scene = Scene::new();
        scene.world.write("a", LETS);
        let name = scene.client.handle("a");
        let lint = rejected(&scene.client.call("edit/apply", repeating(&name)), "lint");
        assert_eq!((&lint["path"], &lint["op"]), (&json!("a"), &json!(0)));
        assert!(!lint["fixes"].as_array().unwrap().is_empty(), "{lint}");
        assert_eq!(scene.world.text("a"), LETS);
        let mut params = choice;
        params["retry"] = lint["retry"].clone();
        applied(&scene.client.call("edit/retry", params));
        assert_eq!(scene.world.text("a"), after);
    }
}

#[test]
fn a_choice_that_was_not_offered_is_malformed() {
    let mut scene = Scene::new();
    scene.world.write("a", LETS);
    let name = scene.client.handle("a");
    let lint = rejected(&scene.client.call("edit/apply", repeating(&name)), "lint");
    for choice in [
        json!({}),
        json!({"fix": 0}),
        json!({"fix": 9}),
        json!({"candidate": 1}),
        json!({"accept": true, "fix": 1}),
    ] {
        let mut params = choice;
        params["retry"] = lint["retry"].clone();
        rejected(&scene.client.call("edit/retry", params), "malformed");
    }
    // The token is still good.
    applied(&scene.client.accept(&lint["retry"]));
}

#[test]
fn a_slip_in_fields_is_let_pass_with_a_word_unless_the_policy_differs() {
    let mut scene = Scene::new();
    scene.world.write("a", LETS);
    let name = scene.client.handle("a");
    let files = json!([{"path": "a", "handle": name, "ops": [
        {"op": "replace", "lines": [3, 3], "text": "let three = 3;\nlet four = 4;\n"}
    ]}]);
    let with = |policy: &str| json!({"format": "anchor", "files": files, "verify": {"lint": policy}, "dry_run": true});
    rejected(&scene.client.call("edit/apply", with("reject")), "lint");
    let off = scene.client.call("edit/apply", with("off"));
    assert_eq!((&off["status"], &off["lints"]), (&json!("checked"), &Value::Null));
    let usual = scene.client.call("edit/apply", json!({"format": "anchor", "files": files}));
    assert_eq!(usual["status"], "applied");
    assert_eq!(usual["lints"][0]["lint"], "repeated-boundary");
    assert_eq!((&usual["lints"][0]["path"], &usual["lints"][0]["op"]), (&json!("a"), &json!(0)));
}

#[test]
fn what_breaks_the_syntax_is_refused_with_its_rows() {
    let world = World::with(&[("lib.rs", "fn one() {\n    two();\n}\n\nfn two() {}\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("lib.rs");
    let ops = json!([{"op": "replace", "lines": [2, 2], "text": "    if two() {\n"}]);
    let before = world.text("lib.rs");
    let syntax = rejected(&client.edit("lib.rs", &name, ops.clone()), "syntax");
    assert!(syntax["rows"].as_str().unwrap().contains("\t    if two() {\n"), "{syntax}");
    assert_eq!((&syntax["path"], syntax.get("handle")), (&json!("lib.rs"), None));
    // Wherever the parser noticed, the line of the edit is named.
    let message = syntax["message"].as_str().unwrap();
    assert!(message.starts_with("new syntax error in line 2, noticed in line "), "{message}");
    assert_eq!(world.text("lib.rs"), before);
    applied(&client.accept(&syntax["retry"]));
    assert!(world.text("lib.rs").contains("if two() {"));
    // It does not parse now, so nothing makes it worse.
    let name = client.handle("lib.rs");
    let more = json!([{"op": "replace", "lines": [1, 1], "text": "fn one( {\n"}]);
    applied(&client.edit("lib.rs", &name, more));
}

#[test]
fn a_broken_syntax_is_named_or_let_pass_as_the_policy_says() {
    let world = World::with(&[("lib.rs", "fn one() {\n    two();\n}\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("lib.rs");
    let files = json!([{"path": "lib.rs", "handle": name, "ops": [
        {"op": "replace", "lines": [2, 2], "text": "    if two() {\n"}
    ]}]);
    let mut with = |policy: &str| {
        let verify = json!({"syntax": policy});
        let params = json!({"format": "anchor", "files": files, "verify": verify, "dry_run": true});
        client.call("edit/apply", params)
    };
    rejected(&with("reject"), "syntax");
    assert_eq!(with("warn")["lints"][0]["lint"], "syntax");
    let off = with("off");
    assert_eq!((&off["status"], &off["lints"]), (&json!("checked"), &Value::Null));
}

#[test]
fn a_new_file_that_does_not_parse_is_named_and_refused_where_that_is_asked() {
    let world = World::with(&[]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut create = |path: &str, text: &str, verify: Value| {
        let file = json!({"path": path, "op": "create", "text": text});
        let params = json!({"format": "anchor", "files": [file], "verify": verify});
        client.call("edit/apply", params)
    };
    let broken = "fn one() {\n    if two() {\n}\n";
    let named = create("a.rs", broken, json!({}));
    applied(&named);
    assert_eq!(
        (&named["lints"][0]["lint"], &named["lints"][0]["path"]),
        (&json!("syntax"), &json!("a.rs"))
    );
    // Its language is known by its first line alone.
    let script = create("run", "#!/bin/sh\nif true; then\n", json!({}));
    assert_eq!(script["lints"][0]["lint"], "syntax", "{script}");
    assert_eq!(create("b.rs", broken, json!({"syntax": "off"}))["lints"], Value::Null);
    assert_eq!(create("c.rs", "fn one() {}\n", json!({}))["lints"], Value::Null);
    assert_eq!(create("notes.txt", broken, json!({}))["lints"], Value::Null);
    let syntax = rejected(&create("d.rs", broken, json!({"syntax": "reject"})), "syntax");
    assert!(syntax["rows"].as_str().unwrap().contains("\t    if two() {\n"), "{syntax}");
    assert!(!world.path("d.rs").exists());
    applied(&client.accept(&syntax["retry"]));
    assert_eq!(world.text("d.rs"), broken);
}

#[test]
fn what_could_be_meant_in_several_places_is_ambiguous_until_one_is_named() {
    let mut scene = Scene::new();
    let quote = "one\nx = 1\ntwo\nx = 1\nthree\n";
    scene.world.write("q", quote);
    scene.client.handle("q");
    let text = json!({"path": "q", "old_string": "x = 1", "new_string": "x = 2"}).to_string();
    let params = json!({"format": "replace", "text": text});
    let ambiguous = rejected(&scene.client.call("edit/apply", params), "ambiguous");
    assert_eq!(ambiguous["candidates"], json!([[2, 2], [4, 4]]));
    let retry = json!({"retry": ambiguous["retry"], "candidate": 2});
    applied(&scene.client.call("edit/retry", retry));
    assert_eq!(scene.world.text("q"), "one\nx = 1\ntwo\nx = 2\nthree\n");
}

#[test]
fn another_program_may_move_lines_but_not_change_them() {
    let mut scene = Scene::new();
    scene.world.write("a", "0\n1\n2\n3\n4\n5\n6\n");
    let edit = scene.edit(replace(4, "four\n"));
    applied(&edit);
    assert_eq!(edit["files"][0]["ops"], json!([{"lines": [5, 5], "relocated": "+1"}]));
    assert_eq!(scene.world.text("a"), "0\n1\n2\n3\nfour\n5\n6\n");
    let mut strict = Scene::new();
    strict.world.write("a", "0\n1\n2\n3\n4\n5\n6\n");
    let files = json!([{"path": "a", "handle": strict.name, "ops": replace(4, "four\n")}]);
    let params = json!({"format": "anchor", "files": files, "drift": "refuse"});
    rejected(&strict.client.call("edit/apply", params), "stale");
}

#[test]
fn what_this_version_lacks_is_unsupported() {
    let mut scene = Scene::new();
    fs::create_dir(scene.world.path("dir")).unwrap();
    let read = scene.client.call("file/read", json!({"path": "dir"}));
    assert!(rejected(&read, "unsupported")["message"].as_str().unwrap().contains("a directory"));
    let a = scene.name.clone();
    let files = json!([{"path": "a", "handle": a, "ops": replace(1, "x\n")}]);
    for params in [json!({"format": "ed", "text": "1d\n"}), json!({"format": "", "text": ""})] {
        rejected(&scene.client.call("edit/apply", params), "unsupported");
    }
    assert_eq!(scene.world.text("a"), SIX);
    let off =
        json!({"format": "anchor", "files": files, "verify": {"lint": "off", "syntax": "off"}});
    applied(&scene.client.call("edit/apply", off));
}

#[test]
fn a_dry_run_writes_nothing_and_leaves_nothing_to_retry() {
    let mut scene = Scene::new();
    let dry =
        |files: Value| json!({"format": "anchor", "files": files, "dry_run": true, "op_id": "dry"});
    let a = scene.name.clone();
    let files = json!([
        {"path": "a", "handle": a, "ops": replace(4, "four\nand a half\n")},
        {"path": "new", "op": "create", "text": "x"},
    ]);
    let checked = scene.client.call("edit/apply", dry(files));
    assert_eq!((&checked["status"], checked.get("operation")), (&json!("checked"), None));
    assert_eq!(checked["files"][0]["ops"], json!([{"lines": [4, 5]}]));
    assert_eq!((scene.world.text("a"), scene.world.path("new").exists()), (SIX.into(), false));
    assert_eq!(scene.client.call("edit/log", json!({}))["operations"], json!([]));
    scene.world.write("a", "changed\n");
    let files = json!([{"path": "a", "handle": a, "ops": replace(4, "four\n")}]);
    let stale = rejected(&scene.client.call("edit/apply", dry(files)), "conflict");
    assert_eq!((stale.get("retry"), &stale["rows"]), (None, &json!("1\tchanged\n")));
}
