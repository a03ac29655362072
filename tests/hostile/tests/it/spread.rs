//! What the cases are made of, printed; and that nothing is missing.

use std::collections::BTreeMap;

use hostile::{Missing, StepKind, Style, Truth, cases};

/// Returns what a truth is called in the table.
fn called(truth: &Truth) -> &'static str {
    match truth {
        Truth::Valid { .. } => "valid",
        Truth::Loose { why: Missing::Neighbour, .. } => "loose, a neighbour",
        Truth::Loose { why: Missing::Terminators, .. } => "loose, terminators",
        Truth::Loose { why: Missing::History, .. } => "loose, another history",
        Truth::Already { .. } => "already",
        Truth::Gone => "gone",
    }
}

#[test]
fn every_kind_occurs() {
    let (mut styles, mut steps) = (BTreeMap::new(), BTreeMap::new());
    let (mut truths, mut sizes) = (BTreeMap::new(), BTreeMap::new());
    let (mut edits, mut ties, mut whole) = (0, 0, 0);
    for case in cases(0, crate::count()) {
        *styles.entry(case.style).or_insert(0) += 1;
        let size = case.seen.lines.len().checked_ilog2().map_or(0, |log| 1 << log);
        *sizes.entry(size).or_insert(0) += 1;
        case.steps.iter().for_each(|step| *steps.entry(*step).or_insert(0) += 1);
        case.edits.iter().for_each(|edit| *truths.entry(called(&edit.truth)).or_insert(0) += 1);
        edits += case.edits.len();
        ties += (0..case.edits.len()).filter(|edit| case.tie_place(*edit).is_some()).count();
        whole += usize::from(case.right().is_some());
    }
    println!("seeds 0 to {}: {edits} edits; {ties} could tie", crate::count() - 1);
    println!("{truths:?}; {whole} cases are right as a whole");
    println!("{styles:?}\n{steps:?}\nlines from {sizes:?}");
    assert!(Style::ALL.iter().all(|style| styles.contains_key(style)));
    assert!(StepKind::ALL.iter().all(|step| steps.contains_key(step)));
    let share = |name: &str| 100 * truths[name] / edits;
    assert!((25..75).contains(&share("valid")), "{truths:?}");
    assert!(share("gone") >= 5 && share("loose, a neighbour") >= 5, "{truths:?}");
    assert!(truths["already"] > 0 && truths["loose, terminators"] > 0, "{truths:?}");
}
