//! Two runs, or two lanes of them, held against each other call by call.

use std::collections::HashMap;

use super::stats::{Cluster, bootstrap, mcnemar};
use super::tables::Table;
use crate::bench::row::{Key, Row};

/// What is held against each other.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// `format/applier` of the first rows; all lanes, each with itself, where
    /// it is not given.
    pub lane_a: Option<String>,
    /// The same for the second rows.
    pub lane_b: Option<String>,
    /// Chooses the draws of the bootstrap.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// A row for each lane and condition.
    pub table: Table,
    /// Pairs that were compared.
    pub pairs: u64,
    /// The lanes in which B is worse than chance explains.
    pub worse: Vec<String>,
}

/// Pairs of calls of one lane and condition.
#[derive(Debug, Default)]
struct Pairs {
    /// By repository and file: differences of right, and of silently wrong.
    clusters: HashMap<(String, String), (Cluster, Cluster)>,
    /// Right in A alone, right in B alone.
    only: (u64, u64),
    right: (u64, u64),
    silent: (u64, u64),
    pairs: u64,
}

/// Compares the calls that both runs have.
pub fn compare(a: &[Row], b: &[Row], question: &Question) -> Comparison {
    let is_of = |row: &Row, lane: &Option<String>| {
        // The files of a call about several are in its row.
        row.defined && !row.is_part() && lane.as_ref().is_none_or(|lane| *lane == row.lane())
    };
    let crossed = question.lane_a.is_some() || question.lane_b.is_some();
    let firsts: HashMap<_, &Row> = a
        .iter()
        .filter(|row| is_of(row, &question.lane_a))
        .map(|row| (key_of(row, crossed), row))
        .collect();
    let mut order = Vec::new();
    let mut lanes: HashMap<(String, String), Pairs> = HashMap::new();
    for second in b.iter().filter(|row| is_of(row, &question.lane_b)) {
        let Some(first) = firsts.get(&key_of(second, crossed)) else { continue };
        let name = match crossed {
            true => format!("{} against {}", second.lane(), first.lane()),
            false => second.lane(),
        };
        let lane = (second.condition.clone(), name);
        if !lanes.contains_key(&lane) {
            order.push(lane.clone());
        }
        lanes.entry(lane).or_default().add(first, second);
    }
    finish(&order, &lanes, question.seed)
}

/// Returns what a row is about, whatever its lane where lanes are crossed.
fn key_of(row: &Row, crossed: bool) -> Key<'_> {
    match crossed {
        // Where formats differ, so do the mistakes that were put in.
        true => Key { format: "", applier: "", mistake: "", ..row.key() },
        false => row.key(),
    }
}

/// Returns a table of every lane under `condition`, each held against `lane`
/// edit by edit, if that was run.
pub fn against(rows: &[Row], lane: &str, condition: &str, seed: u64) -> Table {
    let rows: Vec<Row> =
        rows.iter().filter(|row| row.condition == condition && row.files == 1).cloned().collect();
    let mut lanes: Vec<String> = Vec::new();
    for name in rows.iter().map(Row::lane) {
        if !lanes.contains(&name) {
            lanes.push(name);
        }
    }
    let hold = |other: &String| {
        let (lane_a, lane_b) = (Some(lane.to_owned()), Some(other.clone()));
        compare(&rows, &rows, &Question { lane_a, lane_b, seed }).table
    };
    let others = lanes.iter().filter(|other| *other != lane);
    let mut all: Option<Table> = None;
    for table in others.map(hold) {
        match &mut all {
            Some(all) => all.rows.extend(table.rows),
            None => all = Some(table),
        }
    }
    let mut all = all.unwrap_or_default();
    all.title = format!("Each lane against {lane}, edit by edit ({condition})");
    all.note += &format!(" A is {lane}, B the lane of the row; {seed} is the seed of the draws.");
    all
}

impl Pairs {
    fn add(&mut self, first: &Row, second: &Row) {
        let silent = |row: &Row| row.accepted && !row.right;
        let bit = f64::from;
        let cluster = (first.repo.clone(), first.path.clone());
        let (right, wrong) = self.clusters.entry(cluster).or_default();
        right.sum += bit(u8::from(second.right)) - bit(u8::from(first.right));
        wrong.sum += bit(u8::from(silent(second))) - bit(u8::from(silent(first)));
        right.pairs += 1;
        wrong.pairs += 1;
        self.only.0 += u64::from(first.right && !second.right);
        self.only.1 += u64::from(second.right && !first.right);
        self.right.0 += u64::from(first.right);
        self.right.1 += u64::from(second.right);
        self.silent.0 += u64::from(silent(first));
        self.silent.1 += u64::from(silent(second));
        self.pairs += 1;
    }

    /// Returns the clusters by file, and those by repository, in an order that
    /// does not depend on hashing.
    fn clusters(&self, of: impl Fn(&(Cluster, Cluster)) -> Cluster) -> [Vec<Cluster>; 2] {
        let mut files: Vec<_> = self.clusters.iter().collect();
        files.sort_by_key(|(name, _)| *name);
        let mut repos: Vec<(&str, Cluster)> = Vec::new();
        for ((repo, _), both) in &files {
            let cluster = of(both);
            match repos.last_mut().filter(|(last, _)| last == repo) {
                Some((_, sum)) => {
                    sum.sum += cluster.sum;
                    sum.pairs += cluster.pairs;
                }
                None => repos.push((repo, cluster)),
            }
        }
        [
            files.iter().map(|(_, both)| of(both)).collect(),
            repos.into_iter().map(|(_, c)| c).collect(),
        ]
    }
}

fn finish(
    order: &[(String, String)],
    lanes: &HashMap<(String, String), Pairs>,
    seed: u64,
) -> Comparison {
    let head = [
        "condition, lane",
        "right A",
        "right B",
        "B - A, points (by file)",
        "(by repository)",
        "p (McNemar)",
        "silently wrong A",
        "B",
        "B - A, points (by file)",
        "pairs",
    ];
    let mut table = Table {
        title: "B against A".to_owned(),
        note: "Pairs of calls with the same task and condition. Intervals of 95 % from draws of whole files, and of whole repositories; the test takes every pair for itself.".to_owned(),
        head: head.iter().map(|&cell| cell.to_owned()).collect(),
        rows: Vec::new(),
    };
    let mut worse = Vec::new();
    let mut all = 0;
    for lane in order {
        let pairs = &lanes[lane];
        let [files, repos] = pairs.clusters(|both| both.0);
        let [wrong, _] = pairs.clusters(|both| both.1);
        let (right, by_repo) = (bootstrap(&files, seed), bootstrap(&repos, seed));
        let silent = bootstrap(&wrong, seed);
        let name = format!("{}, {}", lane.0, lane.1);
        if right.2 < 0.0 || silent.1 > 0.0 {
            worse.push(name.clone());
        }
        all += pairs.pairs;
        let points = |(mean, low, high): (f64, f64, f64)| {
            format!("{:+.1} ({:+.1} to {:+.1})", mean * 100.0, low * 100.0, high * 100.0)
        };
        table.rows.push(vec![
            name,
            pairs.right.0.to_string(),
            pairs.right.1.to_string(),
            points(right),
            points(by_repo),
            format!("{:.3}", mcnemar(pairs.only.0, pairs.only.1)),
            pairs.silent.0.to_string(),
            pairs.silent.1.to_string(),
            points(silent),
            pairs.pairs.to_string(),
        ]);
    }
    Comparison { table, pairs: all, worse }
}
