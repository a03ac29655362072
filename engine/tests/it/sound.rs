//! What holds of every plan, whatever was asked: checked wherever a test makes
//! one.

use engine::anchor::span_of;
use engine::drift::line_hunks;
use engine::edit::Change;
use engine::plan::{FilePlan, Outcome, Planned};
use engine::snapshot::Snapshot;

/// Returns what is wrong with one file of a plan, if anything is.
pub(crate) fn check(file: &FilePlan) -> Result<(), String> {
    let Planned::Modify { before, change, hunks } = &file.action else {
        return Ok(());
    };
    let after = before.after(change);
    check_bytes(before, change, &after)?;
    let grown: i64 = hunks.iter().map(|(old, new)| *new as i64 - old.len() as i64).sum();
    let expected = before.line_count() as i64 + grown;
    ensure(after.line_count() as i64 == expected, || {
        format!("{} lines where the hunks make {expected}", after.line_count())
    })?;
    let sorted = hunks.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start);
    ensure(sorted, || format!("hunks out of order: {hunks:?}"))?;
    check_kept_lines(before, hunks, &after)?;
    let recomputed = line_hunks(change, before, &after);
    check_kept_lines(before, &recomputed, &after)
        .map_err(|why| format!("{why}, by the line hunks {recomputed:?} of {change:?}"))?;
    file.ops.iter().try_for_each(|op| check_outcome(op, &after))
}

/// Bytes outside the edited ranges are identical, and the way back is exact.
fn check_bytes(before: &Snapshot, change: &Change, after: &Snapshot) -> Result<(), String> {
    let mut at = 0;
    let mut rest = after.bytes.as_slice();
    for edit in change.edits() {
        let kept = &before.bytes[at..edit.range.start];
        rest = rest.strip_prefix(kept).ok_or("bytes before an edit changed")?;
        rest = rest.strip_prefix(edit.text.as_slice()).ok_or("an edit's text is missing")?;
        at = edit.range.end;
    }
    ensure(rest == &before.bytes[at..], || "bytes behind the last edit changed".into())?;
    let back = change.invert(&before.bytes).apply(&after.bytes);
    ensure(back == before.bytes, || "inverting does not return the bytes".into())?;
    let fresh = Snapshot::of(after.bytes.clone());
    ensure(fresh.lines == after.lines, || "the spliced line index differs".into())
}

/// Lines outside the hunks keep their content.
fn check_kept_lines(
    before: &Snapshot,
    hunks: &[(std::ops::Range<usize>, usize)],
    after: &Snapshot,
) -> Result<(), String> {
    let mut shift = 0_i64;
    let mut hunks = hunks.iter().peekable();
    let mut line = 0;
    while line < before.line_count() {
        if let Some((old, new)) = hunks.next_if(|(old, _)| old.start <= line) {
            shift += *new as i64 - old.len() as i64;
            line = old.end.max(line);
            continue;
        }
        let there = (line as i64 + shift) as usize;
        // U+FEFF that comes to stand at the very start is a byte-order mark.
        let mark = if there == 0 { after.lines.bom() - before.lines.bom() } else { 0 };
        let found = &after.bytes[after.lines.start(there)..];
        ensure(found.starts_with(&before.line(line)[mark..]), || {
            format!("line {} is kept, but not at line {}", line + 1, there + 1)
        })?;
        line += 1;
    }
    Ok(())
}

fn check_outcome(op: &Outcome, after: &Snapshot) -> Result<(), String> {
    let span = span_of(op.lines);
    ensure(span.start <= span.end && span.end <= after.line_count(), || {
        format!("an operation answers lines {:?} of {}", op.lines, after.line_count())
    })
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}
