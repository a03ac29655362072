//! Which seeds a run takes.

use std::ops::RangeInclusive;

/// Returns the seeds that are asked for by what the environment holds: those of
/// `ANCHORD_SEEDS=3000001..4000000`, both ends included, so that a rule can be
/// tried on cases that nobody has looked at; else the first `ANCHORD_CASES`,
/// else the first `count`.
///
/// # Panics
/// Where what is asked for is not understood: a run over other seeds than were
/// meant would prove nothing.
#[expect(clippy::panic, reason = "only tests call it, and none is to go on")]
pub fn seeds(var: impl Fn(&str) -> Option<String>, count: u64) -> RangeInclusive<u64> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    if let Some(text) = var("ANCHORD_SEEDS") {
        let ends = text.split_once("..").and_then(|(a, b)| Some((number(a)?, number(b)?)));
        let Some((first, last)) = ends.or_else(|| number(&text).map(|one| (one, one))) else {
            panic!("ANCHORD_SEEDS is not FIRST..LAST: {text:?}");
        };
        return first..=last;
    }
    let Some(text) = var("ANCHORD_CASES") else { return 1..=count };
    let Some(count) = number(&text) else { panic!("ANCHORD_CASES is no number: {text:?}") };
    1..=count
}

#[cfg(test)]
mod tests {
    use super::seeds;

    #[test]
    fn seeds_are_a_range_or_the_first_ones() {
        let only = |name: &'static str, text: &'static str| {
            seeds(move |asked| (asked == name).then(|| text.to_owned()), 7)
        };
        assert_eq!(only("", ""), 1..=7);
        assert_eq!(only("ANCHORD_CASES", "12"), 1..=12);
        assert_eq!(only("ANCHORD_SEEDS", "3000001..4000000"), 3_000_001..=4_000_000);
        assert_eq!(only("ANCHORD_SEEDS", "6167"), 6167..=6167);
    }
}
