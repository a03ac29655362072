//! Statistics: intervals of shares, paired tests, and a bootstrap that keeps
//! what belongs together together.

use crate::bench::dice::Dice;

/// The quantile of the normal distribution for 95 %.
const Z: f64 = 1.959_963_985;

/// How often a bootstrap draws.
const DRAWS: usize = 2_000;

/// A share of so many, with its 95 % interval (Wilson's, so that 0 of n has
/// one too).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Share {
    /// How many are.
    pub of: u64,
    /// Of so many.
    pub all: u64,
}

impl Share {
    /// Counts a word, unless it is empty: whether it is `yes`.
    pub fn count(&mut self, word: &str, yes: &str) {
        self.all += u64::from(!word.is_empty());
        self.of += u64::from(word == yes);
    }

    /// Returns the share, from 0 to 1; 0 of none is 0.
    pub fn value(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.of as f64 / self.all as f64 }
    }

    /// Returns the lower and upper end of the interval, from 0 to 1.
    pub fn interval(self) -> (f64, f64) {
        if self.all == 0 {
            return (0.0, 1.0);
        }
        let (n, p) = (self.all as f64, self.value());
        let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let spread = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((middle - spread).max(0.0), (middle + spread).min(1.0))
    }
}

/// Returns the two-sided exact probability of McNemar's test: that of `b` and
/// `c` pairs that differ one way and the other, if neither way is likelier.
pub fn mcnemar(b: u64, c: u64) -> f64 {
    let (less, n) = (b.min(c), b + c);
    if n == 0 {
        return 1.0;
    }
    // Sums of binomial terms, by their logarithms.
    let mut term = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = term.exp();
    for k in 0..less {
        term += ((n - k) as f64 / (k + 1) as f64).ln();
        sum += term.exp();
    }
    (2.0 * sum).min(1.0)
}

/// Pairs that belong together, such as all edits of one file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cluster {
    /// The sum of the differences of its pairs.
    pub sum: f64,
    /// The number of its pairs.
    pub pairs: u64,
}

/// Returns the mean difference of all pairs and its 95 % interval, from draws
/// of whole clusters.
pub fn bootstrap(clusters: &[Cluster], seed: u64) -> (f64, f64, f64) {
    let mean = |sum: f64, pairs: u64| if pairs == 0 { 0.0 } else { sum / pairs as f64 };
    let total = clusters.iter().fold(Cluster::default(), |total, cluster| Cluster {
        sum: total.sum + cluster.sum,
        pairs: total.pairs + cluster.pairs,
    });
    let mut dice = Dice::of(seed, &["bootstrap"]);
    let mut draw = || {
        let (mut sum, mut pairs) = (0.0, 0);
        for _ in 0..clusters.len() {
            let cluster = clusters[dice.roll(clusters.len())];
            sum += cluster.sum;
            pairs += cluster.pairs;
        }
        mean(sum, pairs)
    };
    let mut means: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((DRAWS - 1) as f64 * share) as usize];
    (mean(total.sum, total.pairs), at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 0.0005, "{found} is not {wanted}");
    }

    #[test]
    fn intervals_are_wilsons() {
        let (low, high) = Share { of: 8, all: 10 }.interval();
        near(low, 0.4902);
        near(high, 0.9433);
        let (low, high) = Share { of: 0, all: 100 }.interval();
        near(low, 0.0);
        near(high, 0.0370);
    }

    #[test]
    fn pairs_that_differ_are_tested_exactly() {
        near(mcnemar(0, 0), 1.0);
        near(mcnemar(1, 5), 0.21875);
        near(mcnemar(0, 10), 0.00195);
    }

    #[test]
    fn a_bootstrap_keeps_clusters_whole() {
        let one = Cluster { sum: 100.0, pairs: 100 };
        let none = Cluster { sum: 0.0, pairs: 100 };
        let (mean, low, high) = bootstrap(&[one, none, none, none], 1);
        near(mean, 0.25);
        assert_eq!((low, high >= 0.75), (0.0, true));
        assert_eq!(bootstrap(&[one, none], 7), bootstrap(&[one, none], 7));
    }
}
