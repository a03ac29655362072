//! Cases are what they say they are: lines and bytes agree, identities are kept
//! by equal contents only, edits are edits.

use std::collections::HashMap;

use hostile::{Case, File, Options, Placed, StepKind, Style, Terminator, Verdict};
use hostile::{case, case_with, cases, judge, judge_bytes};

/// Splits bytes into contents and terminators, a byte at a time.
fn split(bytes: &[u8]) -> Vec<(Vec<u8>, Terminator)> {
    let mut lines = Vec::new();
    let mut content = Vec::new();
    for byte in bytes {
        match (byte, content.last()) {
            (b'\n', Some(b'\r')) => {
                content.pop();
                lines.push((std::mem::take(&mut content), Terminator::CrLf));
            }
            (b'\n', _) => lines.push((std::mem::take(&mut content), Terminator::Lf)),
            _ => content.push(*byte),
        }
    }
    if !content.is_empty() {
        lines.push((content, Terminator::None));
    }
    lines
}

#[track_caller]
fn check_file(file: &File, seed: u64) {
    let lines: Vec<(Vec<u8>, Terminator)> = (0..file.lines.len())
        .map(|line| (file.content(line).to_vec(), file.lines[line].terminator))
        .collect();
    assert_eq!(lines, split(&file.bytes), "seed {seed}");
    assert!(!file.bytes.is_empty() || file.lines.is_empty(), "seed {seed}");
    assert!(std::str::from_utf8(&file.bytes).is_ok(), "seed {seed}");
    let bare = |line: &(Vec<u8>, Terminator)| !line.0.contains(&b'\r');
    assert!(lines.iter().all(bare), "a lone CR in seed {seed}");
    assert_eq!(file.bytes_of(0..lines.len()), file.bytes, "seed {seed}");
}

#[test]
fn lines_and_bytes_agree() {
    for case in cases(0, crate::count()) {
        check_file(&case.seen, case.seed);
        check_file(&case.now, case.seed);
        assert_ne!(case.seen.bytes, case.now.bytes, "seed {}", case.seed);
    }
}

#[test]
fn a_line_keeps_its_identity_only_with_its_content() {
    for case in cases(0, crate::count()) {
        let seen = &case.seen;
        let numbered = (0..).zip(&seen.lines).all(|(index, line)| line.id == index);
        assert!(numbered, "seed {}", case.seed);
        let mut met = HashMap::new();
        for (index, line) in case.now.lines.iter().enumerate() {
            let before = met.insert(line.id, index);
            assert_eq!(before, None, "line {} twice in seed {}", line.id, case.seed);
            if (line.id as usize) < seen.lines.len() {
                let old = seen.content(line.id as usize);
                assert_eq!(case.now.content(index), old, "seed {}", case.seed);
            }
        }
    }
}

#[test]
fn edits_are_sorted_disjoint_and_have_an_effect() {
    for case in cases(0, crate::count()) {
        assert!(!case.edits.is_empty(), "seed {}", case.seed);
        for edit in &case.edits {
            let old: Vec<&[u8]> = edit.lines.clone().map(|line| case.seen.content(line)).collect();
            assert!(edit.lines.len() <= 5 && edit.text.len() <= 5, "seed {}", case.seed);
            assert_ne!(edit.text, old, "seed {}", case.seed);
            assert!(!edit.text.iter().any(|line| line.contains(&b'\n')), "seed {}", case.seed);
        }
        for pair in case.edits.windows(2) {
            let (one, other) = (&pair[0].lines, &pair[1].lines);
            assert!(one.end <= other.start && one != other, "seed {}: {pair:?}", case.seed);
        }
    }
}

/// Returns what a relocator that knows the truth does.
fn knowing(case: &Case) -> Vec<Placed> {
    use hostile::Truth::{Already, Gone, Loose, Valid};
    let place = |truth: &_| match truth {
        Valid { at } => Placed::At(at.clone()),
        Already { at } => Placed::Already(at.clone()),
        Loose { .. } | Gone => Placed::Refused,
    };
    case.edits.iter().map(|edit| place(&edit.truth)).collect()
}

#[test]
fn who_knows_the_truth_is_right() {
    for case in cases(0, crate::count()) {
        for (index, placed) in knowing(&case).iter().enumerate() {
            let verdict = judge(&case, index, placed);
            let fine = [Verdict::Right, Verdict::RefusedLoose, Verdict::RefusedGone];
            assert!(fine.contains(&verdict), "{verdict:?} for seed {}", case.seed);
        }
        if let Some(right) = case.right() {
            assert_eq!(judge_bytes(&case, Some(&right)), Verdict::Right, "seed {}", case.seed);
        }
    }
}

#[test]
fn options_restrict_what_cases_are_made_of() {
    let options = Options {
        styles: vec![Style::Go, Style::Css],
        steps: vec![StepKind::SwapBlocks, StepKind::RenameHeader],
        lines: Some(300..=400),
        edits: 2..=2,
        drift: 3..=3,
    };
    for seed in 0..200 {
        let case = case_with(seed, &options);
        assert!([Style::Go, Style::Css].contains(&case.style));
        let stray = |step: &&StepKind| !options.steps.contains(step);
        // What is added where the steps leave the bytes as they were.
        assert!(case.steps.iter().filter(stray).all(|step| *step == StepKind::InsertLines));
        assert!((200..450).contains(&case.seen.lines.len()), "{}", case.seen.lines.len());
        assert!(case.edits.len() <= 2 && case.steps.len() <= 4);
    }
    assert_eq!(case_with(5, &Options::default()), case(5));
}
