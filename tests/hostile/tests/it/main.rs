//! The generator held against itself: what it says of its cases must follow
//! from their texts and identities, and naive rules must fail on them.

mod naive;
mod rules;
mod same;
mod sound;
mod spread;
mod verdicts;

/// Returns how many cases a property takes, `ANCHORD_CASES` or a few.
fn count() -> u64 {
    let wanted = std::env::var("ANCHORD_CASES").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(20_000)
}
