//! scratch
use engine::drift::{Comparison, Doubt, Hunk, Verdict};
use engine::snapshot::Snapshot;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
type H = (usize, usize, Vec<String>);
fn hunks(v: &Value) -> Vec<H> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|h| {
            (
                h[0].as_u64().unwrap() as usize,
                h[1].as_u64().unwrap() as usize,
                h[2].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect(),
            )
        })
        .collect()
}
fn apply(text: &str, hs: &[H]) -> String {
    let p: Vec<&str> = text.split('\n').collect();
    let mut out: Vec<&str> = vec![];
    let mut at = 0;
    for (s, e, l) in hs {
        out.extend(&p[at..*s]);
        out.extend(l.iter().map(|x| x.as_str()));
        at = *e;
    }
    out.extend(&p[at..]);
    out.join("\n")
}
fn merge(read: &str, target: &str, now: &str, dir: &std::path::Path) -> Option<Vec<u8>> {
    let f = |n: &str, t: &str| {
        let p = dir.join(n);
        std::fs::File::create(&p).unwrap().write_all(t.as_bytes()).unwrap();
        p
    };
    let (r, t, n) = (f("r", read), f("t", target), f("n", now));
    let out = std::process::Command::new("git")
        .args(["merge-file", "-p", "-q"])
        .arg(t)
        .arg(r)
        .arg(n)
        .output()
        .unwrap();
    match out.status.code() {
        Some(0) => Some(out.stdout),
        _ => None,
    }
}
fn main() {
    let mut d = zstd::Decoder::new(
        std::fs::File::open("/work/shared/corpus/drift-triples.jsonl.zst").unwrap(),
    )
    .unwrap();
    d.window_log_max(27).unwrap();
    let dir = std::env::temp_dir().join(format!("scr{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let cache = std::path::Path::new("/tmp/merge-cache.json");
    let mut known: BTreeMap<String, Option<String>> =
        std::fs::read(cache).ok().map(|b| serde_json::from_slice(&b).unwrap()).unwrap_or_default();
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    for l in BufReader::new(d).lines() {
        let r: Value = serde_json::from_str(&l.unwrap()).unwrap();
        let id = r["id"].as_str().unwrap().to_owned();
        if std::env::var("ID").is_ok_and(|i| i != id) {
            continue;
        }
        let read = r["read"].as_str().unwrap();
        let edit = hunks(&r["edit"]);
        let drift = hunks(&r["drift"]);
        let now_t = apply(read, &drift);
        let target = apply(read, &edit);
        let right = known
            .entry(id.clone())
            .or_insert_with(|| {
                merge(read, &target, &now_t, &dir).map(|b| String::from_utf8(b).unwrap())
            })
            .clone();
        let seen = Snapshot::of(read.as_bytes().to_vec());
        let now = Snapshot::of(now_t.as_bytes().to_vec());
        let path = r["path"].as_str().unwrap();
        let c = Comparison::of(&seen, &now, path, None);
        let mut landed: Vec<H> = vec![];
        let mut doubts = vec![];
        for (s, e, lines) in &edit {
            let texts: Vec<&[u8]> = lines.iter().map(|l| l.as_bytes()).collect();
            if *e > seen.line_count() {
                doubts.push(format!("odd {s}..{e} of {}", seen.line_count()));
                continue;
            }
            match c.place(&Hunk { lines: *s..*e, text: &texts }) {
                Verdict::Lands(t) => landed.push((t.start, t.end, lines.clone())),
                Verdict::Done(_) => {}
                Verdict::Refused(d) => doubts.push(format!("{d:?} {s}..{e}")),
            }
        }
        let ordered = landed.windows(2).all(|w| w[0].1 <= w[1].0);
        let verdict = if !doubts.is_empty() {
            "refused"
        } else if !ordered {
            "unordered"
        } else {
            let got = apply(&now_t, &landed);
            match &right {
                Some(r) if *r == got => "right",
                Some(_) => "CORRUPT",
                None => "APPLIED",
            }
        };
        let kind = if right.is_some() { "clean" } else { "conflict" };
        *tally.entry(format!("{kind} {verdict}")).or_default() += 1;
        if (right.is_some()) != (verdict == "right")
            || verdict == "APPLIED"
            || verdict == "unordered"
            || verdict == "CORRUPT"
        {
            println!("{id} {path} {kind} {verdict} {doubts:?}");
        }
    }
    let _ = Doubt::Touched;
    std::fs::write(cache, serde_json::to_vec(&known).unwrap()).unwrap();
    println!("{tally:?}");
}
