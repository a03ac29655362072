//! Random edits: whatever is asked, the lints answer, and a fix of an edit that
//! can be carried out can be carried out.

use engine::anchor::Handle;
use engine::format::{Action, Body, FileScript, Op, OpKind, Script};
use engine::snapshot::Snapshot;
use engine::verify::lint::{LintSet, lints};
use proptest::prelude::*;
use proptest::sample::select;

use crate::model::config;
use crate::world::World;

/// Rows that the lints have something to say to.
const ROWS: [&str; 22] = [
    "",
    " ",
    "a",
    "b",
    "}",
    "    }",
    "{",
    "  x(",
    "\ta",
    "    a = 1",
    "end",
    "*/",
    "#endif",
    "...",
    "// ... existing code ...",
    "1\ta",
    "2:b",
    "3#ZP:a",
    "\tb",
    "it's \"",
    "/[/[`",
    "é …",
];

fn rows(most: usize) -> impl Strategy<Value = String> {
    let row = select(&ROWS[..]);
    let end = select(&["\n", "\n", "\n", "\r\n", "\r", ""][..]);
    prop::collection::vec((row, end), 0..most)
        .prop_map(|rows| rows.into_iter().flat_map(|(row, end)| [row, end]).collect())
}

fn op() -> impl Strategy<Value = Op> {
    let body =
        || prop_oneof![9 => rows(6).prop_map(Body::Text), 1 => Just(Body::Register("r".into()))];
    let lines = || {
        (0..9_usize, 0..4_usize).prop_map(|(first, more)| (first, (first + more).saturating_sub(1)))
    };
    prop_oneof![
        4 => (lines(), body()).prop_map(|(lines, body)| OpKind::Replace { lines, body }),
        2 => (0..9_usize, body()).prop_map(|(after, body)| OpKind::Insert { after, body }),
        1 => (lines(), select(&[None, Some("r")][..])).prop_map(|(lines, register)| OpKind::Delete {
            lines,
            register: register.map(str::to_owned),
        }),
    ]
    .prop_map(Op::from)
}

#[test]
fn a_fix_can_be_carried_out_where_the_edit_can() {
    let paths = select(&["a.c", "a.py", "a.js", "a.md", "a.rs", "f"][..]);
    let edit = (paths, rows(8), prop::collection::vec(op(), 1..4));
    let verdict =
        proptest::test_runner::TestRunner::new(config()).run(&edit, |(path, file, ops)| {
            let found = lints(path, &ops, &Snapshot::of(file.clone().into_bytes()), LintSet::ALL);
            let can = |ops: &[Op]| is_possible(path, &file, ops);
            for lint in &found {
                prop_assert!(lint.op < ops.len() && 1 <= lint.rows.0 && lint.rows.0 <= lint.rows.1);
                for fix in &lint.fixes {
                    let mut fixed = ops.clone();
                    fixed.splice(lint.op..=lint.op, fix.ops.iter().cloned());
                    prop_assert!(!can(&ops) || can(&fixed), "{lint:?} in {ops:?}");
                }
            }
            Ok(())
        });
    if let Err(failure) = verdict {
        panic!("{failure}");
    }
}

/// Returns whether the edit is one, whatever comes of it.
fn is_possible(path: &str, file: &str, ops: &[Op]) -> bool {
    let mut world = World::default();
    world.add(path, file.as_bytes().to_vec(), None);
    let action = Action::Edit {
        handle: Handle::from_number(481_920),
        ops: ops.to_vec(),
        final_newline: None,
    };
    let script = Script { files: vec![FileScript { path: path.to_owned(), action }] };
    match world.plan(&script) {
        Ok(_) => true,
        Err(refused) => refused.refusal.code == engine::error::Code::NoChange,
    }
}
