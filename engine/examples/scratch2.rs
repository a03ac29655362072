//! scratch
use engine::drift::{Comparison, Hunk, Verdict as V};
use engine::snapshot::Snapshot;
use hostile::*;
use std::collections::BTreeMap;
/// Gives equal lines that changed places their places back, where that makes the history simpler.
fn canon(case: &Case) -> Vec<usize> {
    let n = case.seen.lines.len();
    let mut ids: Vec<usize> = case.now.lines.iter().map(|l| l.id as usize).collect();
    let c = |k: usize| case.now.content(k);
    let sc = |k: usize| case.seen.content(k);
    let ok = |ids: &[usize], i: usize| -> bool {
        // joint between i-1 and i
        let a = if i == 0 { None } else { Some(ids[i - 1]) };
        let b = if i == ids.len() { None } else { Some(ids[i]) };
        match (a, b) {
            (None, Some(b)) => b == 0,
            (Some(a), None) => a == n - 1,
            (Some(a), Some(b)) => a < n && b == a + 1,
            _ => true,
        }
    };
    let joints = |ids: &[usize]| (0..=ids.len()).filter(|&i| ok(ids, i)).count();
    for _ in 0..20 {
        let mut changed = false;
        for dir in 0..2 {
            for i in 0..ids.len() {
                let want = if dir == 0 {
                    if i == 0 {
                        0
                    } else if ids[i - 1] < n {
                        ids[i - 1] + 1
                    } else {
                        continue;
                    }
                } else {
                    let i2 = i + 1;
                    if i2 == ids.len() {
                        if n == 0 {
                            continue;
                        }
                        n - 1
                    } else if ids[i2] < n && ids[i2] > 0 {
                        ids[i2] - 1
                    } else {
                        continue;
                    }
                };
                if want >= n || ids[i] == want || c(i) != sc(want) {
                    continue;
                }
                let before = joints(&ids);
                let j = ids.iter().position(|&x| x == want);
                let mut best: Option<(usize, Vec<usize>)> = None;
                let mut t = ids.clone();
                for k in 0..60usize {
                    let (a, w) = if dir == 0 {
                        (i + k, want + k)
                    } else {
                        if k > i || k > want {
                            break;
                        }
                        (i - k, want - k)
                    };
                    if a >= t.len() || w >= n || c(a) != sc(w) {
                        break;
                    }
                    match j {
                        Some(_) => match t.iter().position(|&x| x == w) {
                            Some(b) => {
                                if b == a {
                                    break;
                                }
                                if c(a) != c(b) {
                                    break;
                                }
                                t.swap(a, b);
                            }
                            None => {
                                t[a] = w;
                            }
                        },
                        None => {
                            if t.contains(&w) {
                                break;
                            }
                            t[a] = w;
                        }
                    }
                    let g = joints(&t);
                    if g > before && best.as_ref().is_none_or(|b| g > b.0) {
                        best = Some((g, t.clone()));
                    }
                }
                if let Some((_, b)) = best {
                    ids = b;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    ids
}
fn canon_right(case: &Case, ids: &[usize], e: &Edit, p: &Placed) -> bool {
    let n = case.seen.lines.len();
    match p {
        Placed::At(at) => {
            let up = if e.lines.start == 0 {
                at.start == 0
            } else {
                at.start > 0 && ids[at.start - 1] == e.lines.start - 1
            };
            let down = if e.lines.end == n {
                at.end == ids.len()
            } else {
                at.end < ids.len() && ids[at.end] == e.lines.end
            };
            up && down && at.clone().zip(e.lines.clone()).all(|(a, b)| ids[a] == b)
        }
        Placed::Already(at) => {
            let up = if e.lines.start == 0 {
                at.start == 0
            } else {
                at.start > 0 && ids[at.start - 1] == e.lines.start - 1
            };
            let down = if e.lines.end == n {
                at.end == ids.len()
            } else {
                at.end < ids.len() && ids[at.end] == e.lines.end
            };
            up && down
        }
        _ => false,
    }
}
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let show: usize = std::env::args().nth(2).map_or(0, |s| s.parse().unwrap());
    let from: u64 = std::env::args().nth(3).map_or(1, |s| s.parse().unwrap());
    let mut t: BTreeMap<String, usize> = BTreeMap::new();
    let mut by: BTreeMap<String, usize> = BTreeMap::new();
    let mut shown = 0;
    let only = std::env::var("ONLY").unwrap_or("Wrong".into());
    for case in cases(from, n) {
        let seen = Snapshot::of(case.seen.bytes.clone());
        let now = Snapshot::of(case.now.bytes.clone());
        let c = Comparison::of(&seen, &now, case.path, None);
        for (i, e) in case.edits.iter().enumerate() {
            let text: Vec<&[u8]> = e.text.iter().map(|l| &l[..]).collect();
            let v = c.place(&Hunk { lines: e.lines.clone(), text: &text });
            let p = match &v {
                V::Lands(r) => Placed::At(r.clone()),
                V::Done(r) => Placed::Already(r.clone()),
                V::Refused(_) => Placed::Refused,
            };
            let j = judge(&case, i, &p);
            let ids;
            let canon_ok = matches!(j, Verdict::Wrong | Verdict::Tie) && {
                ids = canon(&case);
                canon_right(&case, &ids, e, &p)
            };
            let why = if let V::Refused(d) = &v { format!("{d:?}") } else { String::new() };
            *t.entry(format!("{j:?}")).or_default() += 1;
            if j == Verdict::RefusedValid {
                *t.entry(format!("  RV {why}")).or_default() += 1;
                let steps: std::collections::BTreeSet<String> =
                    case.steps.iter().map(|s| format!("{s:?}")).collect();
                if case.steps.len() == 1 {
                    for s in steps {
                        *by.entry(format!("RV1 {s}")).or_default() += 1;
                    }
                }
            }
            let lv = if matches!(v, V::Done(_)) { 9 } else { 0 };
            if matches!(j, Verdict::Right) {
                *by.entry(format!("OK level {lv}")).or_default() += 1;
            }
            let lf = std::env::var("LV").ok().and_then(|s| s.parse::<u32>().ok());
            if lf.is_some_and(|l| l != lv) && shown < show {
                if matches!(j, Verdict::Wrong | Verdict::Tie) {
                    if canon_ok {
                        *by.entry(format!("{j:?} canon level {lv}")).or_default() += 1;
                        if show == 0 {
                            continue;
                        }
                        if show > 0 {
                            continue;
                        }
                    }
                    *by.entry(format!("{j:?} level {lv}")).or_default() += 1;
                }
                continue;
            }
            if matches!(j, Verdict::Wrong | Verdict::Tie) {
                if canon_ok {
                    *by.entry(format!("{j:?} canon level {lv}")).or_default() += 1;
                    if show == 0 {
                        continue;
                    }
                    if show > 0 {
                        continue;
                    }
                }
                *by.entry(format!("{j:?} level {lv}")).or_default() += 1;
                *by.entry(format!("{j:?} {:?}", case.style)).or_default() += 1;
            }
            if format!("{j:?}") == only && shown < show {
                shown += 1;
                println!(
                    "---- seed {} {:?} {} edit {i} {:?} truth {:?} got {:?} steps {:?} lines {:?}",
                    case.seed,
                    j,
                    case.path,
                    e.lines,
                    e.truth,
                    v,
                    case.steps,
                    e.text
                        .iter()
                        .map(|t| String::from_utf8_lossy(t).into_owned())
                        .collect::<Vec<_>>()
                );
                println!("level {lv}");
                for k in 0..seen.line_count().max(now.line_count()) {
                    if show > 1 && seen.line_count() > 60 {
                        break;
                    }
                    let f = |s: &Snapshot| {
                        if k < s.line_count() {
                            String::from_utf8_lossy(s.line(k)).into_owned()
                        } else {
                            "~".into()
                        }
                    };
                    let id = case.now.lines.get(k).map_or(String::new(), |l| {
                        if (l.id as usize) < seen.line_count() {
                            l.id.to_string()
                        } else {
                            "+".into()
                        }
                    });
                    println!("{k:3} {:40} | {id:>4} {}", f(&seen), f(&now));
                }
            }
        }
    }
    for (k, v) in &t {
        println!("{k} {v}");
    }
    let g = |k: &str| t.get(k).copied().unwrap_or(0) as f64;
    println!(
        "valid applied {:.2}%",
        100.0 * (g("Right") + g("SameBytes"))
            / (g("Right") + g("SameBytes") + g("RefusedValid") + g("RefusedAlready"))
    );
    for (k, v) in &by {
        println!("    {k} {v}");
    }
}
