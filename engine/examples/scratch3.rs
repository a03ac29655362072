//! scratch
use base64::Engine as _;
use engine::drift::{Comparison, Hunk, Verdict as V};
use engine::snapshot::Snapshot;
use std::io::Read;
fn main() {
    let mut t = String::new();
    flate2::read::GzDecoder::new(
        std::fs::File::open("/work/shared/cases/drift-fuzz.jsonl.gz").unwrap(),
    )
    .read_to_string(&mut t)
    .unwrap();
    let mut n = 0;
    for l in t.lines() {
        let r: serde_json::Value = serde_json::from_str(l).unwrap();
        let b = |k: &str| {
            r[k].as_str().map(|s| base64::engine::general_purpose::STANDARD.decode(s).unwrap())
        };
        let (seen, now, want) =
            (Snapshot::of(b("base").unwrap()), Snapshot::of(b("current").unwrap()), b("want"));
        let c = Comparison::of(&seen, &now, "x.rs", None);
        for o in r["edit"].as_array().unwrap() {
            let s = o["s"].as_u64().unwrap() as usize - 1;
            let e = o["e"].as_u64().unwrap() as usize;
            let lines: Vec<&[u8]> = o["lines"]
                .as_array()
                .unwrap()
                .iter()
                .map(|l| l.as_str().unwrap().as_bytes())
                .collect();
            let v = c.place(&Hunk { lines: s..e, text: &lines });
            if want.is_some() && matches!(v, V::Refused(_)) {
                n += 1;
                if matches!(v, V::Refused(engine::drift::Doubt::Ambiguous)) {
                    println!("---- {} {:?} {s}..{e}", r["id"], v);
                    let mut at = 0;
                    let w = Snapshot::of(want.clone().unwrap());
                    while at < w.line_count() && at < now.line_count() && w.line(at) == now.line(at)
                    {
                        at += 1;
                    }
                    for k in s.saturating_sub(4)..(e + 4).min(seen.line_count()) {
                        println!("  seen {k} {}", String::from_utf8_lossy(seen.line(k)));
                    }
                    for k in at.saturating_sub(4)..(at + 8).min(now.line_count()) {
                        println!("  now  {k} {}", String::from_utf8_lossy(now.line(k)));
                    }
                }
            }
        }
    }
    println!("{n}");
}
