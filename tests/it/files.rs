//! Files as they are found: whatever is edited, every byte and every attribute
//! outside the edit stays (P2), or nothing is written at all.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, getxattr, mknodat, setxattr};
use serde_json::{Value, json};

use crate::world::{NOBODY, Output, World, applied, handle, program, rejected, run};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says why a part of a test is left out.
fn skip(why: &str) {
    println!("left out: {why}");
}

fn replace(line: usize, text: &str) -> Value {
    json!([{"op": "replace", "lines": [line, line], "text": text}])
}

/// Checks how a file is described, and what an edit makes of its bytes; an undo
/// brings the very bytes back.
#[track_caller]
fn check(before: &[u8], facts: Value, ops: Value, after: &[u8]) {
    let world = World::new();
    world.write("f", before);
    let daemon = world.serve();
    let mut client = daemon.open();
    let read = client.read("f");
    for (fact, value) in facts.as_object().unwrap() {
        assert_eq!(&read[fact], value, "{fact}: {read}");
    }
    assert_eq!(read["bytes"], before.len());
    applied(&client.edit("f", &handle(&read), ops));
    let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
    assert_eq!(show(&world.bytes("f")), show(after));
    applied(&client.call("edit/undo", json!({})));
    assert_eq!(show(&world.bytes("f")), show(before));
}

#[test]
fn each_line_keeps_its_end() {
    let insert = |after: usize| json!([{"op": "insert", "after": after, "text": "new\n"}]);
    let lf = json!({"eol": "lf", "final_newline": true, "encoding": "utf-8", "total_lines": 2});
    check(b"a\nb\n", lf, replace(2, "B\n"), b"a\nB\n");
    let open = json!({"eol": "lf", "final_newline": false, "total_lines": 2});
    check(b"a\nb", open.clone(), replace(2, "B\n"), b"a\nB");
    check(b"a\nb", open, insert(2), b"a\nb\nnew");
    let crlf = json!({"eol": "crlf", "final_newline": true, "total_lines": 2});
    check(b"a\r\nb\r\n", crlf.clone(), replace(1, "x\ny\n"), b"x\r\ny\r\nb\r\n");
    check(b"a\r\nb\r\n", crlf, insert(0), b"new\r\na\r\nb\r\n");
    let mixed = json!({"eol": "mixed", "final_newline": true, "total_lines": 3});
    check(b"a\r\nb\nc\r\n", mixed.clone(), insert(2), b"a\r\nb\nnew\nc\r\n");
    check(b"a\r\nb\nc\r\n", mixed, insert(1), b"a\r\nnew\r\nb\nc\r\n");
    let cr = json!({"eol": "cr", "final_newline": true, "total_lines": 2});
    check(b"a\rb\r", cr, insert(1), b"a\rnew\rb\r");
    let none = json!({"eol": "none", "final_newline": false, "total_lines": 1});
    check(b"a", none, insert(0), b"new\na");
    let empty = json!({"eol": "none", "total_lines": 0, "text": "", "encoding": "utf-8"});
    check(b"", empty, insert(0), b"new\n");
    let newline = json!({"eol": "lf", "final_newline": true, "total_lines": 1, "text": "1\t\n"});
    check(b"\n", newline, insert(1), b"\nnew\n");
}

#[test]
fn bytes_that_are_no_characters_stay() {
    let latin = json!({"encoding": "unknown-8bit", "text": "1\tcaf\u{fffd}\n2\tx\n"});
    check(b"caf\xe9\nx\n", latin, replace(2, "y\n"), b"caf\xe9\ny\n");
    let bom = json!({"encoding": "utf-8-bom", "text": "1\ta\n2\tb\n"});
    check(b"\xef\xbb\xbfa\nb\n", bom, replace(1, "A\n"), b"\xef\xbb\xbfA\nb\n");
    let nul = json!({"encoding": "utf-8", "total_lines": 2});
    check(b"a\0b\nc\n", nul.clone(), replace(2, "C\n"), b"a\0b\nC\n");
    check(b"a\0b\nc\n", nul, replace(1, "a\0B\n"), b"a\0B\nc\n");
    let seps = json!({"total_lines": 2, "eol": "lf"});
    let (before, after) = ("a\x0cb\u{85}c\u{2028}d\rx\ne\n", "a\x0cb\u{85}c\u{2028}d\rx\nE\n");
    check(before.as_bytes(), seps, replace(2, "E\n"), after.as_bytes());
}

/// A file that no line can be shown of can still be removed, moved and brought
/// back.
#[test]
fn what_is_no_text_can_be_removed_and_moved_and_comes_back() {
    let world = World::new();
    let daemon = world.serve();
    let mut client = daemon.open();
    let kinds: [(&[u8], &str); 4] = [
        (b"\xff\xfea\0\r\0\n\0", "utf-16le"),
        (b"\xfe\xff\0a\0\n", "utf-16be"),
        (b"\x89PNG\0\x01\n\xff", "binary"),
        (b"\x80\x81\xfe", "unknown-8bit"),
    ];
    for (bytes, encoding) in kinds {
        world.write("f", bytes);
        let read = client.read("f");
        assert_eq!((&read["encoding"], &read["bytes"]), (&json!(encoding), &json!(bytes.len())));
        let name = handle(&read);
        let moved = client.apply(json!([{"path": "f", "handle": name, "op": "move", "to": "g"}]));
        let name = applied(&moved);
        assert_eq!(world.bytes("g"), bytes);
        let removed = client.apply(json!([{"path": "g", "handle": name, "op": "remove"}]));
        assert_eq!(removed["status"], "applied", "{removed}");
        assert!(!world.path("g").exists());
        for _ in 0..2 {
            assert_eq!(client.call("edit/undo", json!({}))["status"], "applied");
        }
        assert_eq!(world.bytes("f"), bytes);
    }
}

#[test]
fn a_file_of_a_million_lines() {
    let line = |number: usize| format!("line {number}\n");
    let text: String = (1..=1_000_000).map(line).collect();
    let world = World::with(&[("f", &text)]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let read = client.call("file/read", json!({"path": "f", "lines": [[499_999, 500_001]]}));
    assert_eq!(read["text"], "499999\tline 499999\n500000\tline 500000\n500001\tline 500001\n");
    assert_eq!((&read["total_lines"], &read["bytes"]), (&json!(1_000_000), &json!(text.len())));
    applied(&client.edit("f", &handle(&read), replace(500_000, "half a million\n")));
    let after = text.replacen("line 500000\n", "half a million\n", 1);
    assert!(world.bytes("f") == after.as_bytes());
    applied(&client.call("edit/undo", json!({})));
    assert!(world.bytes("f") == text.as_bytes());
}

#[test]
fn ten_gigabytes_of_one_line_are_refused_by_the_limit() {
    let world = World::new();
    let file = File::create(world.path("f")).unwrap();
    (&file).write_all(b"one line").unwrap();
    file.set_len(10 << 30).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let told = "the file has 10737418240 bytes, the limit is 134217728";
    let read = client.call("file/read", json!({"path": "f"}));
    assert_eq!(rejected(&read, "too_large")["message"], told);
    let read = client.call("file/read", json!({"path": "f", "lines": [[1, 1]]}));
    assert_eq!(rejected(&read, "too_large")["message"], told);
    let edit = client.edit("f", "123456", replace(1, "x\n"));
    assert_eq!(rejected(&edit, "too_large")["message"], told);
    let refused = world.run(&["read", "f"]);
    assert_eq!((refused.code, refused.out.trim()), (1, format!("too_large: f: {told}").as_str()));
    assert_eq!(file.metadata().unwrap().len(), 10 << 30);
    assert!(file.metadata().unwrap().blocks() < 100);
}

#[test]
fn a_symlink_is_followed_and_shown_and_stays() {
    let world = World::with(&[("real/target", "a\n")]);
    symlink("real/target", world.path("link")).unwrap();
    symlink("real", world.path("dir")).unwrap();
    symlink("../link", world.path("real/again")).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let mut name = String::new();
    for (step, way) in ["link", "dir/target", "real/again", "dir/again"].iter().enumerate() {
        let read = client.read(way);
        assert_eq!(read["path"], "real/target");
        assert_eq!(client.handle("real/target"), handle(&read));
        let edit = client.edit(way, &handle(&read), replace(1, &format!("{step}\n")));
        assert_eq!(edit["files"][0]["path"], "real/target", "{edit}");
        assert_eq!(world.text("real/target"), format!("{step}\n"));
        name = applied(&edit);
    }
    assert_eq!(fs::read_link(world.path("link")).unwrap(), Path::new("real/target"));
    assert_eq!(fs::read_link(world.path("dir")).unwrap(), Path::new("real"));
    // A new file lands where the link leads.
    let edit = client.apply(json!([{"path": "dir/new/file", "op": "create", "text": "x"}]));
    assert_eq!(edit["files"][0]["path"], "real/new/file", "{edit}");
    assert_eq!(world.text("real/new/file"), "x");
    // One file by two names is one file.
    let twice = json!([
        {"path": "link", "handle": name, "ops": replace(1, "x\n")},
        {"path": "dir/target", "handle": name, "ops": replace(1, "y\n")},
    ]);
    rejected(&client.apply(twice), "malformed");
}

#[test]
fn a_symlink_that_leads_nowhere_is_no_file() {
    let world = World::new();
    symlink("nowhere", world.path("link")).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let read = client.call("file/read", json!({"path": "link"}));
    assert_eq!(
        rejected(&read, "unsupported")["message"],
        "it is a symlink that leads nowhere, not a regular file"
    );
    let create = json!([{"path": "link", "op": "create", "text": "x"}]);
    rejected(&client.apply(create), "unsupported");
    assert!(!world.path("nowhere").exists());
    assert_eq!(fs::read_link(world.path("link")).unwrap(), Path::new("nowhere"));
}

#[test]
fn a_script_stays_one() {
    let world = World::with(&[("run", "#!/bin/sh\necho before\n")]);
    fs::set_permissions(world.path("run"), fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("run");
    applied(&client.edit("run", &name, replace(2, "echo after\n")));
    let output = run(Command::new(world.path("run")), "");
    assert_eq!((output.code, output.out.as_str()), (0, "after\n"));
}

#[test]
fn every_bit_of_the_mode_stays() {
    let world = World::new();
    let daemon = world.serve();
    let mut client = daemon.open();
    for mode in [0o755, 0o600, 0o640, 0o666, 0o200, 0o1644, 0o2755, 0o4755, 0o6711] {
        world.write("f", "before\n");
        fs::set_permissions(world.path("f"), fs::Permissions::from_mode(mode)).unwrap();
        if mode & 0o400 == 0 && !is_root() {
            continue;
        }
        let name = client.handle("f");
        applied(&client.edit("f", &name, replace(1, "after\n")));
        let is = fs::metadata(world.path("f")).unwrap().mode() & 0o7777;
        assert_eq!((format!("{is:o}"), world.text("f")), (format!("{mode:o}"), "after\n".into()));
        fs::remove_file(world.path("f")).unwrap();
    }
    // A new file is like any that this user makes.
    world.write("made", "x");
    client.apply(json!([{"path": "new", "op": "create", "text": "x"}]));
    let mode = |name| fs::metadata(world.path(name)).unwrap().mode();
    assert_eq!(mode("new"), mode("made"));
}

#[test]
fn a_read_only_file_is_read_but_not_changed() {
    let world = World::with(&[("f", "x\n")]);
    fs::set_permissions(world.path("f"), fs::Permissions::from_mode(0o444)).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("f");
    for more in [
        json!({"ops": replace(1, "y\n")}),
        json!({"op": "remove"}),
        json!({"op": "move", "to": "g"}),
    ] {
        let mut file = json!({"path": "f", "handle": name});
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rejected(&client.apply(json!([file])), "denied");
    }
    let is = fs::metadata(world.path("f")).unwrap().mode() & 0o7777;
    assert_eq!((is, world.text("f"), world.path("g").exists()), (0o444, "x\n".into(), false));
}

/// Returns an access list: the owner, user 1234, the group, the mask and others.
fn access_list(user: u16, mask: u16) -> Vec<u8> {
    let entry = |tag: u16, rights: u16, id: u32| {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let none = u32::MAX;
    let entries = [
        entry(1, 6, none),
        entry(2, user, 1234),
        entry(4, 4, none),
        entry(16, mask, none),
        entry(32, 0, none),
    ];
    [&2_u32.to_le_bytes()[..], &entries.concat()].concat()
}

/// Returns the value of an extended attribute.
fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 2000];
    let size = getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(size);
    Some(value)
}

/// What an undo or a redo makes again has all that it had: of a file that was
/// removed, that was moved away with an edit, that was made and taken back.
#[test]
fn a_file_that_comes_back_has_what_it_had() {
    let world = World::with(&[("tool", "#!/bin/sh\n"), ("moved", "#!/bin/sh\n")]);
    for name in ["tool", "moved"] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(world.path(name), mode).unwrap();
    }
    let marked = setxattr(world.path("tool"), "user.kept", b"yes", XattrFlags::empty()).is_ok();
    let has_all = |name: &str| {
        let mode = fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o755, "{name}");
        let kept = attribute(&world.path(name), "user.kept");
        assert!(!marked || name != "tool" || kept.as_deref() == Some(b"yes"), "{kept:?}");
    };
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("tool");
    let removed = client.apply(json!([{"path": "tool", "handle": name, "op": "remove"}]));
    assert_eq!(removed["status"], "applied", "{removed}");
    for _ in 0..2 {
        assert_eq!(client.call("edit/undo", json!({}))["status"], "applied");
        has_all("tool");
        assert_eq!(client.call("edit/redo", json!({}))["status"], "applied");
        assert!(!world.path("tool").exists());
    }
    let name = client.handle("moved");
    let moved = client.edit_text(&format!("@moved {name} move to\n1a\n:\n.\n"));
    assert_eq!(moved["status"], "applied", "{moved}");
    has_all("to");
    assert_eq!(client.call("edit/undo", json!({}))["status"], "applied");
    has_all("moved");
    assert_eq!(client.call("edit/redo", json!({}))["status"], "applied");
    has_all("to");
}

#[test]
fn extended_attributes_and_access_lists_stay() {
    let world = World::with(&[("f", "before\n")]);
    let path = world.path("f");
    let attributes = [
        ("user.anchord.test", b"value\0with NUL".to_vec()),
        ("user.empty", Vec::new()),
        ("user.long", vec![b'x'; 1000]),
        ("system.posix_acl_access", access_list(4, 4)),
    ];
    let give = |(name, value): &(&str, Vec<u8>)| match setxattr(
        &path,
        *name,
        value,
        XattrFlags::empty(),
    ) {
        Ok(()) => true,
        Err(error) => {
            skip(&format!("{name}: {error}"));
            false
        }
    };
    let given: Vec<_> = attributes.into_iter().filter(give).collect();
    let mode = fs::metadata(&path).unwrap().mode();
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("f");
    applied(&client.edit("f", &name, replace(1, "after\n")));
    for (name, value) in given {
        assert_eq!(attribute(&path, name), Some(value), "{name}");
    }
    assert_eq!((fs::metadata(&path).unwrap().mode(), world.text("f")), (mode, "after\n".into()));
}

#[test]
fn no_access_list_comes_from_where_we_keep_our_things() {
    let world = World::with(&[("f", "before\n")]);
    let inherited = "system.posix_acl_default";
    if let Err(error) = setxattr(&world.root, inherited, &access_list(6, 6), XattrFlags::empty()) {
        return skip(&format!("{inherited}: {error}"));
    }
    let mode = fs::metadata(world.path("f")).unwrap().mode();
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("f");
    applied(&client.edit("f", &name, replace(1, "after\n")));
    assert_eq!(attribute(&world.path("f"), "system.posix_acl_access"), None);
    assert_eq!(fs::metadata(world.path("f")).unwrap().mode(), mode);
    // A new file gets what its directory gives.
    world.write("made", "x");
    client.apply(json!([{"path": "new", "op": "create", "text": "x"}]));
    let given = |name| attribute(&world.path(name), "system.posix_acl_access");
    assert_eq!(given("new"), given("made"));
}

#[test]
fn owner_and_group_stay() {
    if !is_root() {
        return skip("only root can give files away");
    }
    let world = World::with(&[("f", "before\n")]);
    chown(world.path("f"), Some(1234), Some(5678)).unwrap();
    fs::set_permissions(world.path("f"), fs::Permissions::from_mode(0o4750)).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("f");
    applied(&client.edit("f", &name, replace(1, "after\n")));
    let meta = fs::metadata(world.path("f")).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (1234, 5678, 0o4750));
    assert_eq!(world.text("f"), "after\n");
}

#[test]
fn what_is_no_regular_file_is_refused_and_nobody_hangs() {
    let world = World::with(&[("was", "x\n")]);
    fs::create_dir(world.path("directory")).unwrap();
    let pipe = |name: &str| {
        mknodat(CWD, world.path(name), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap()
    };
    pipe("pipe");
    let _listener = UnixListener::bind(world.path("socket")).unwrap();
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("was");
    fs::remove_file(world.path("was")).unwrap();
    pipe("was");
    for (path, what) in [
        ("directory", "a directory"),
        ("pipe", "a pipe"),
        ("socket", "a socket"),
        ("was", "a pipe"),
    ] {
        let told = format!("it is {what}, not a regular file");
        let read = client.call("file/read", json!({"path": path}));
        assert_eq!(rejected(&read, "unsupported")["message"], told);
        let edit = client.edit(path, &name, replace(1, "y\n"));
        assert_eq!(rejected(&edit, "unsupported")["message"], told);
        rejected(
            &client.apply(json!([{"path": path, "op": "create", "text": "x"}])),
            "unsupported",
        );
    }
    // Nor is anything beneath a file.
    world.write("file", "x\n");
    rejected(&client.call("file/read", json!({"path": "file/beneath"})), "missing");
    let edit = client.apply(json!([{"path": "file/beneath", "op": "create", "text": "x"}]));
    assert_eq!(edit["status"], "rejected", "{edit}");
    assert_eq!(world.text("file"), "x\n");
}

#[test]
fn a_vanished_file_is_missing_and_nothing_is_made_in_its_place() {
    let world = World::with(&[("dir/f", "x\n"), ("g", "x\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let [f, g] = ["dir/f", "g"].map(|path| client.handle(path));
    fs::remove_dir_all(world.path("dir")).unwrap();
    fs::remove_file(world.path("g")).unwrap();
    rejected(&client.edit("dir/f", &f, replace(1, "y\n")), "missing");
    rejected(&client.edit("g", &g, replace(1, "y\n")), "missing");
    rejected(
        &client.apply(json!([{"path": "g", "handle": g, "op": "write", "text": "y\n"}])),
        "missing",
    );
    rejected(&client.apply(json!([{"path": "g", "handle": g, "op": "remove"}])), "missing");
    rejected(
        &client.apply(json!([{"path": "g", "handle": g, "op": "move", "to": "h"}])),
        "missing",
    );
    assert!(!world.path("dir").exists() && !world.path("g").exists() && !world.path("h").exists());
}

/// A name, and how a program so called saves the file `f`.
type Save = (&'static str, fn(&World, &str));

/// Ways in which another program may save a file.
fn saves() -> [Save; 3] {
    [
        ("in place", |world, text| world.write("f", text)),
        ("by rename", |world, text| {
            world.write("f.new", text);
            fs::rename(world.path("f.new"), world.path("f")).unwrap();
        }),
        ("with its time put back", |world, text| {
            let file = File::options().write(true).truncate(true).open(world.path("f")).unwrap();
            (&file).write_all(text.as_bytes()).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }),
    ]
}

/// P1 and P4: neither size nor time tells whether a file was written to.
#[test]
fn no_save_of_another_program_goes_unnoticed() {
    let world = World::with(&[("f", "0000\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    for (how, save) in saves() {
        for round in 0..50 {
            let (one, two) = (format!("{round:04}\n"), format!("{round:03}x\n"));
            save(&world, &one);
            // At once, within one tick of the file system's clock.
            let read = client.read("f");
            assert_eq!(read["text"], format!("1\t{one}"), "{how}");
            save(&world, &two);
            rejected(&client.edit("f", &handle(&read), replace(1, "mine\n")), "conflict");
            assert_eq!(world.text("f"), two, "{how}");
            let again = client.call("file/read", json!({"path": "f", "known": handle(&read)}));
            assert_eq!(again["text"], format!("1\t{two}"), "{how}");
        }
    }
}

#[test]
fn nothing_of_ours_is_left_in_the_tree() {
    let world = World::with(&[("a/f", "x\n"), ("b/g", "x\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let [f, g] = ["a/f", "b/g"].map(|path| client.handle(path));
    applied(&client.edit("a/f", &f, replace(1, "y\n")));
    applied(&client.apply(json!([{"path": "b/g", "handle": g, "op": "move", "to": "c/d/g"}])));
    assert_eq!(client.call("edit/undo", json!({}))["status"], "applied");
    let names = |path: &str| {
        let mut names: Vec<_> = fs::read_dir(world.path(path))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("a"), ["f"]);
    assert_eq!(names("b"), ["g"]);
    assert_eq!(names("."), [".anchord", "a", "b", "c"]);
}

#[test]
fn a_repository_keeps_our_things_for_us() {
    let world = World::with(&[("f", "x\n"), (".git/HEAD", "ref: refs/heads/main\n")]);
    let daemon = world.serve();
    let mut client = daemon.open();
    let name = client.handle("f");
    applied(&client.edit("f", &name, replace(1, "y\n")));
    assert!(world.path(".git/anchord").is_dir() && !world.path(".anchord").exists());
    drop(client);
    drop(daemon);
    // A worktree knows where its repository is.
    let tree = World::with(&[("f", "x\n")]);
    tree.write(".git", format!("gitdir: {}\n", world.path(".git").display()));
    let daemon = tree.serve();
    let mut client = daemon.open();
    let name = client.handle("f");
    applied(&client.edit("f", &name, replace(1, "y\n")));
    assert!(!tree.path(".anchord").exists());
}

#[test]
fn a_slot_directory_that_somebody_else_made_is_refused() {
    let refused = |world: &World| {
        let output = world.run(&["serve"]);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.err.contains("is not a directory of ours"), "{output:?}");
    };
    let world = World::new();
    fs::create_dir(world.outside("elsewhere")).unwrap();
    symlink(world.outside("elsewhere"), world.path(".anchord")).unwrap();
    let output = world.run(&["serve"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert_eq!(fs::read_dir(world.outside("elsewhere")).unwrap().count(), 0);
    fs::remove_file(world.path(".anchord")).unwrap();
    if !is_root() {
        return skip("only root can give directories away");
    }
    fs::create_dir(world.path(".anchord")).unwrap();
    chown(world.path(".anchord"), Some(1234), Some(1234)).unwrap();
    refused(&world);
}

#[test]
fn what_a_user_may_not_write_is_denied_or_named() {
    let world =
        World::with(&[("locked/f", "x\n"), ("foreign", "x\n"), ("given", "x\n"), ("mine", "x\n")]);
    if world.command_as_nobody().is_none() {
        return;
    }
    for path in ["locked/f", "mine"] {
        chown(world.path(path), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let as_nobody = |input: &str, arguments: &[&str]| {
        let mut command = world.command_as_nobody().unwrap();
        command.args(arguments);
        run(command, input)
    };
    fs::set_permissions(world.path("given"), fs::Permissions::from_mode(0o666)).unwrap();
    let check = |path: &str, told: &str| {
        let read = as_nobody("", &["--json", "read", path]);
        assert_eq!(read.code, 0, "{read:?}");
        let edit = format!("@{path} {}\n1c\ny\n.\n", handle(&read.json()));
        let edit = as_nobody(&edit, &["edit"]);
        let first = edit.out.lines().next().unwrap_or_default();
        assert_eq!(first, told, "{edit:?}");
        assert_eq!(world.text(path), if edit.code == 0 { "y\n" } else { "x\n" });
    };
    check("locked/f", "denied: locked/f: the directory is not writable for us");
    check("foreign", "denied: foreign: the file is not writable for us");
    let lost = "attribute: given: its owner and group could not be kept: Operation not permitted (os error 1)";
    check("given", lost);
    check("mine", "applied as operation 1");
    let create = "@locked/new create\nx\n.\n";
    let create = as_nobody(create, &["edit"]);
    assert_eq!((create.code, world.path("locked/new").exists()), (1, false), "{create:?}");
    let secret = world.path("secret");
    File::options().create(true).write(true).truncate(true).mode(0o600).open(&secret).unwrap();
    let read = as_nobody("", &["read", "secret"]);
    assert_eq!(read.code, 1);
    assert!(read.out.starts_with("denied: secret: "), "{read:?}");
}

/// Runs a shell script, in which `$0` is the program, where it can mount things;
/// `None` where nobody can.
fn run_with_mounts(world: &World, script: &str) -> Option<Output> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", script]).arg(program());
    world.settle(&mut command);
    let output = run(command, "");
    if output.err.contains("unshare") || output.code == 127 {
        skip(&format!("no mounts of our own: {}", output.err.trim()));
        return None;
    }
    Some(output)
}

/// Slots must lie on the mount of their file: names cannot be exchanged from one
/// to another, not even where both show the same file system.
#[test]
fn files_of_another_mount_are_edited_too() {
    let world = World::with(&[("tmpfs/f", "hidden\n"), ("bind/f", "hidden\n")]);
    fs::create_dir(world.outside("bound")).unwrap();
    fs::write(world.outside("bound/f"), "x\n").unwrap();
    let script = r#"
        mount -t tmpfs none tmpfs
        mount --bind ../bound bind
        echo x > tmpfs/f
        for path in tmpfs/f bind/f; do
            handle=$("$0" read $path | sed -n '1s/.* //p')
            printf '@%s %s\n1c\ny\n.\n' $path $handle | "$0" edit | head -1
            cat $path
            "$0" undo | head -1
            cat $path
        done
        handle=$("$0" read tmpfs/f | sed -n '1s/.* //p')
        printf '@tmpfs/f %s move g\n' $handle | "$0" edit | head -1
        cat tmpfs/f
        test ! -e g
    "#;
    let Some(output) = run_with_mounts(&world, script) else { return };
    let done = |edit: u32| {
        format!("applied as operation {edit}\ny\napplied as operation {}\nx\n", edit + 1)
    };
    let moved = "denied: tmpfs/f: a file cannot move to another file system\nx\n";
    assert_eq!(output.out, done(1) + &done(3) + moved, "{output:?}");
}

#[test]
fn a_repository_on_another_mount_is_of_no_use_to_us() {
    let world = World::with(&[("f", "x\n"), (".git/HEAD", "ref: refs/heads/main\n")]);
    let script = r#"
        mount --bind .git .git
        handle=$("$0" read f | sed -n '1s/.* //p')
        printf '@f %s\n1c\ny\n.\n' $handle | "$0" edit | head -1
        cat f
    "#;
    let Some(output) = run_with_mounts(&world, script) else { return };
    assert_eq!(output.out, "applied as operation 1\ny\n", "{output:?}");
    assert!(world.path(".anchord").is_dir() && !world.path(".git/anchord").exists());
}
