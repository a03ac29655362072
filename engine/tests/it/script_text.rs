//! The text form of `anchor` on random scripts and random text: what is printed
//! is read again as the same script, and no text whatever brings the parser
//! down.

use engine::anchor::Handle;
use engine::format::{Action, Body, Expect, FileScript, Op, OpKind, Script, parse, print};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::model::config;

fn handle() -> impl Strategy<Value = Handle> {
    prop_oneof![
        (100_000..1_000_000_u32).prop_map(Handle::from_number),
        (100_000_000..1_000_000_000_u32).prop_map(Handle::from_number),
    ]
}

/// Anything but a newline, which no header can hold.
fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,4}(/[a-z]{1,3})?\\.rs",
        "[a \\t@\"\\\\<>.`é\u{3000}\u{85}\u{a0}\r]{1,6}",
        "[^\n]{1,8}",
        Just("create".to_owned()),
    ]
}

/// Rows that look like everything the format knows.
fn row() -> impl Strategy<Value = String> {
    let known = [
        "",
        ".",
        "..",
        " .",
        "END1",
        "END2",
        "3d",
        "3c",
        "12-14c",
        "5d >x",
        "@f 481920",
        "@",
        "```",
        "newline",
        "no newline",
        "@f create",
        "\u{feff}",
        ".\r",
    ];
    prop_oneof![
        select(known.to_vec()).prop_map(str::to_owned),
        "[a \\t\r.\"\\\\]{0,5}",
        "[^\n]{0,8}",
    ]
}

/// The text of an operation: rows that are all ended, or nothing.
fn rows() -> impl Strategy<Value = String> {
    let rows = prop::collection::vec(row(), 0..5);
    rows.prop_map(|rows| rows.into_iter().map(|row| row + "\n").collect())
}

/// The text of a whole file, which may lack its final newline.
fn whole() -> impl Strategy<Value = String> {
    (rows(), prop::option::of(row())).prop_map(|(rows, last)| rows + &last.unwrap_or_default())
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,3}"
}

fn lines() -> impl Strategy<Value = (usize, usize)> {
    let number = prop_oneof![4 => 0..50_usize, 1 => any::<usize>()];
    prop_oneof![(number.clone(), number.clone()), number.prop_map(|line| (line, line))]
}

fn op() -> impl Strategy<Value = Op> {
    let body =
        || prop_oneof![3 => rows().prop_map(Body::Text), 1 => name().prop_map(Body::Register)];
    let word = || "[a \"\\\\<>\r\té.]{0,5}";
    let expect = (word(), prop::option::of(word()));
    let expect = prop::option::of(expect.prop_map(|(first, last)| Expect { first, last }));
    let replace = (lines(), body()).prop_map(|(lines, body)| OpKind::Replace { lines, body });
    let delete = (lines(), prop::option::of(name()))
        .prop_map(|(lines, register)| OpKind::Delete { lines, register });
    let insert = (lines(), body()).prop_map(|((after, _), body)| OpKind::Insert { after, body });
    prop_oneof![
        2 => (prop_oneof![replace, delete], expect).prop_map(|(kind, expect)| Op { kind, expect }),
        1 => insert.prop_map(Op::from),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let edit = (handle(), prop::collection::vec(op(), 0..4), any::<Option<bool>>());
    prop_oneof![
        4 => edit.prop_map(|(handle, ops, final_newline)| Action::Edit { handle, ops, final_newline }),
        1 => whole().prop_map(|text| Action::Create { text }),
        1 => (handle(), whole()).prop_map(|(handle, text)| Action::Write { handle, text }),
        1 => handle().prop_map(|handle| Action::Remove { handle }),
        1 => (handle(), path(), prop::option::of(handle()))
            .prop_map(|(handle, to, to_handle)| Action::Move { handle, to, to_handle }),
    ]
}

/// A script in which no path occurs twice.
fn script() -> impl Strategy<Value = Script> {
    prop::collection::btree_map(path(), action(), 1..4).prop_map(|files| Script {
        files: files.into_iter().map(|(path, action)| FileScript { path, action }).collect(),
    })
}

/// Pieces of the format in any order.
fn fragments() -> impl Strategy<Value = String> {
    let pieces = [
        "@",
        "f",
        " ",
        "\t",
        "481920",
        "12345",
        "create",
        "write",
        "remove",
        "move",
        "1",
        "0",
        "-",
        ",",
        "..",
        "c",
        "a",
        "i",
        "d",
        "\"",
        "\\",
        "<<",
        "<",
        ">",
        "END",
        ".",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "```",
        "newline",
        "no newline",
        "é",
        "\u{3000}",
        "\u{2028}",
        "\0",
        "99999999999999999999",
    ];
    prop::collection::vec(select(pieces.to_vec()), 0..30).prop_map(|pieces| pieces.concat())
}

/// The text of a script with a few characters taken out, doubled or exchanged.
fn mutated() -> impl Strategy<Value = String> {
    let change = (
        any::<Index>(),
        0..3_u8,
        prop_oneof![select(vec!['\n', '.', '"', '@', '<']), any::<char>()],
    );
    (script(), prop::collection::vec(change, 1..4)).prop_map(|(script, changes)| {
        let mut text: Vec<char> = print(&script).chars().collect();
        for (at, kind, c) in changes {
            let at = at.index(text.len().max(1));
            match kind {
                0 if at < text.len() => drop(text.remove(at)),
                1 if at < text.len() => text[at] = c,
                _ => text.insert(at, c),
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_printed_is_read_again(script in script()) {
        let text = print(&script);
        prop_assert_eq!(parse(&text), Ok(script), "{}", text);
    }

    /// Whatever is understood is understood the same once it is printed.
    #[test]
    fn what_is_understood_stays_the_same(
        text in prop_oneof![mutated(), fragments(), any::<String>()],
    ) {
        if let Ok(script) = parse(&text) {
            prop_assert_eq!(parse(&print(&script)), Ok(script));
        }
    }
}
