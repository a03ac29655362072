//! Tables of the counts, and the tables as text.

use super::prices::Prices;
use super::stats::Share;
use super::summary::{Lane, Summary, Tally};
use crate::bench::mistakes::{Rates, SLIPS};

/// A table: a title, a sentence that says how to read it, columns, rows.
#[derive(Debug, Clone)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// The heads of the columns.
    pub head: Vec<String>,
    /// The cells; the first column names the row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    fn new(title: &str, note: &str, head: &[&str]) -> Table {
        Table {
            title: title.to_owned(),
            note: note.to_owned(),
            head: head.iter().map(|&cell| cell.to_owned()).collect(),
            rows: Vec::new(),
        }
    }
}

/// Returns every table that the rows have something for.
pub fn all(summary: &Summary, prices: &[Prices]) -> Vec<Table> {
    let mut tables = vec![
        outcomes(summary, "drift", "Under real drift", DRIFT_NOTE),
        outcomes(summary, "clean", "Without drift or mistakes", CLEAN_NOTE),
        outcomes(summary, "replay", "Replayed calls", "Recorded calls, applied by other rules."),
        mistakes(summary, "strong"),
        mistakes(summary, "weak"),
        slips(summary),
        tokens(summary),
        costs(summary, prices),
        live(summary),
        recovery(summary),
    ];
    tables.retain(|table| !table.rows.is_empty());
    tables
}

const DRIFT_NOTE: &str = "Each edit meets the file as another commit left it. Right, silently wrong and falsely rejected are shares of the edits that are still well defined (a three-way merge by git has a result); applied anyway is the share of the others. 95 % intervals in brackets.";
const CLEAN_NOTE: &str =
    "Each edit meets the file as it was read. Whatever is not right here, the format cannot say.";

/// Returns a share in percent with its interval.
fn percent(share: Share) -> String {
    if share.all == 0 {
        return "–".to_owned();
    }
    let (low, high) = share.interval();
    format!("{:.1} ({:.1}–{:.1})", share.value() * 100.0, low * 100.0, high * 100.0)
}

fn name(lane: &Lane) -> String {
    format!("{} / {}", lane.format, lane.applier)
}

fn outcomes(summary: &Summary, condition: &str, title: &str, note: &str) -> Table {
    let head = [
        "format / applier",
        "right %",
        "silently wrong %",
        "falsely rejected %",
        "conflict applied anyway %",
        "n",
        "conflicts",
        "wrong lines",
    ];
    let mut table = Table::new(title, note, &head);
    for (lane, tally) in summary.under(condition) {
        table.rows.push(vec![
            name(lane),
            percent(tally.success()),
            percent(tally.corruption()),
            percent(tally.false_rejection()),
            percent(tally.blind_share()),
            tally.defined.to_string(),
            tally.conflicts.to_string(),
            tally.collateral.to_string(),
        ]);
    }
    table
}

fn mistakes(summary: &Summary, class: &str) -> Table {
    let title = format!("With the mistakes of {class} models");
    let note = "Calls carry mistakes at the rates that were counted for such models; counted is what failed there. The file is as it was read.";
    let head = [
        "format / applier",
        "rejected %",
        "counted %",
        "silently wrong %",
        "of it white space %",
        "right %",
        "n",
    ];
    let mut table = Table::new(&title, note, &head);
    let totals = &Rates::built_in().totals;
    for (lane, tally) in summary.under(class) {
        let family = crate::bench::format::Format::of(&lane.format).map(|format| format.family);
        let family = family.map(crate::bench::mistakes::name);
        let total = totals.iter().find(|total| Some(total.family.as_str()) == family);
        let counted = total.map(|total| if class == "strong" { total.strong } else { total.weak });
        table.rows.push(vec![
            name(lane),
            percent(tally.false_rejection()),
            counted.map_or("–".to_owned(), |counted| format!("{counted:.1}")),
            percent(tally.corruption()),
            percent(Share { of: tally.whitespace, all: tally.defined }),
            percent(tally.success()),
            tally.defined.to_string(),
        ]);
    }
    table
}

fn slips(summary: &Summary) -> Table {
    let note = "One slip in every edit that has room for it: the share that the applier notices, and rejects. What is not noticed is applied and wrong, save where another number says that it came out right.";
    let mut head = vec!["format / applier"];
    head.extend(SLIPS);
    let mut table = Table::new("Slips, and who notices", note, &head);
    for (lane, tally) in summary.under("slip") {
        let cell = |kind: &&str| match tally.mistakes.get(*kind) {
            None => "–".to_owned(),
            Some((made, rejected, right)) => {
                let noticed = format!("{:.1}", *rejected as f64 * 100.0 / *made as f64);
                match right {
                    0 => noticed,
                    right => {
                        format!("{noticed}; {:.1} right", *right as f64 * 100.0 / *made as f64)
                    }
                }
            }
        };
        let cells = SLIPS.iter().map(cell);
        table.rows.push(std::iter::once(name(lane)).chain(cells).collect());
    }
    table
}

fn tokens(summary: &Summary) -> Table {
    let note = "Mean tokens (o200k) of an edit that is written without a mistake, by part; repeated is old text said again, the rest is addresses and envelope. Read is what the gutter adds to a line of the file.";
    let head = [
        "format",
        "call",
        "new text",
        "repeated",
        "rest",
        "read: tokens a line",
        "read: over the text %",
    ];
    let mut table = Table::new("Tokens by part", note, &head);
    for (format, tally) in summary.formats() {
        let tokens = tally.tokens;
        let rest = tokens.out as i64 - tokens.new as i64 - tokens.repeat as i64;
        let over = tokens.read as f64 - tokens.plain as f64;
        table.rows.push(vec![
            format.to_owned(),
            format!("{:.1}", tally.mean(tokens.out)),
            format!("{:.1}", tally.mean(tokens.new)),
            format!("{:.1}", tally.mean(tokens.repeat)),
            format!("{:.1}", rest as f64 / tally.calls().max(1) as f64),
            format!("{:.2}", over / tally.lines.max(1) as f64),
            format!("{:.1}", over * 100.0 / tokens.plain.max(1) as f64),
        ]);
    }
    table
}

/// Returns the lines read per edit from which on a format costs more than
/// `replace` with plain reads; `None` where it never does or always does.
pub fn break_even(tally: &Tally, plain: &Tally, prices: &Prices) -> Option<f64> {
    let saved = plain.mean(plain.tokens.out) - tally.mean(tally.tokens.out);
    let over = (tally.tokens.read as f64 - tally.tokens.plain as f64) / tally.lines.max(1) as f64;
    // Less than this is the last line of a file without a newline, no gutter.
    (over > 0.01 && saved > 0.0).then(|| prices.output * saved / (prices.read(0.0) * over))
}

fn costs(summary: &Summary, prices: &[Prices]) -> Table {
    let note = "Break-even: so many lines may be read per edit until the numbers or hashes at each line cost what the shorter call saves against replace with plain reads. Cost of a right edit: a read of the whole file, the call, what a rejection says, and what failed, under drift, in input tokens of the first price profile.";
    let mut head = vec!["format / applier".to_owned()];
    head.extend(prices.iter().map(|prices| format!("break-even lines, {}", prices.name)));
    head.push("cost of a right edit under drift".to_owned());
    let mut table = Table::new("Break-even and cost", note, &[]);
    table.head = head;
    let formats = summary.formats();
    let plain = formats.iter().find(|(name, _)| *name == "replace").map(|(_, tally)| *tally);
    for (lane, drifted) in summary.under("drift") {
        let tally = formats.iter().find(|(name, _)| *name == lane.format).map(|(_, tally)| *tally);
        let (Some(tally), Some(plain), Some(first)) = (tally, plain, prices.first()) else {
            continue;
        };
        let lines = prices.iter().map(|prices| match break_even(tally, plain, prices) {
            Some(lines) => format!("{lines:.0}"),
            None => "–".to_owned(),
        });
        let tokens = drifted.tokens;
        let spent = first.read(0.0) * (tokens.read + tokens.error) as f64
            + first.output * tokens.out as f64;
        let cost = match drifted.right {
            0 => "–".to_owned(),
            right => format!("{:.0}", spent / right as f64),
        };
        table.rows.push(std::iter::once(name(lane)).chain(lines).chain([cost]).collect());
    }
    table
}

fn live(summary: &Summary) -> Table {
    let note = "Tasks given to a model with a read and an edit tool. Right is byte for byte at the end; a task counts once a repeat.";
    let head = [
        "model / format / applier",
        "right %",
        "right at first call %",
        "rejected calls %",
        "ended silently wrong %",
        "calls a task",
        "input tokens a right task",
        "of them cached %",
        "output tokens a right task",
        "tasks",
    ];
    let mut table = Table::new("With a model", note, &head);
    for ((model, format, applier), live) in &summary.live {
        let of = |part: u64| percent(Share { of: part, all: live.tasks });
        let per_right = |sum: u64| match live.right {
            0 => "–".to_owned(),
            right => format!("{:.0}", sum as f64 / right as f64),
        };
        table.rows.push(vec![
            format!("{model} / {format} / {applier}"),
            of(live.right),
            of(live.first),
            percent(Share { of: live.rejected, all: live.calls }),
            of(live.silent),
            format!("{:.2}", live.calls as f64 / live.tasks.max(1) as f64),
            per_right(live.tokens.0),
            format!("{:.0}", live.tokens.1 as f64 * 100.0 / live.tokens.0.max(1) as f64),
            per_right(live.tokens.2),
            live.tasks.to_string(),
        ]);
    }
    table
}

fn recovery(summary: &Summary) -> Table {
    let note =
        "The share of tasks that end right, by the number of edit calls that failed on the way.";
    let head = ["model / format / applier", "none", "one", "two", "three and more"];
    let mut table = Table::new("Success after failures", note, &head);
    for ((model, format, applier), live) in &summary.live {
        let cells = live.failures.iter().map(|(all, right)| {
            let share = percent(Share { of: *right, all: *all });
            if *all == 0 { share } else { format!("{share} of {all}") }
        });
        let name = format!("{model} / {format} / {applier}");
        table.rows.push(std::iter::once(name).chain(cells).collect());
    }
    table
}

/// Returns tables as Markdown whose columns also stand under each other in a
/// terminal.
pub fn markdown(tables: &[Table]) -> String {
    let one = |table: &Table| {
        let widths: Vec<usize> = (0..table.head.len())
            .map(|column| {
                let cells = table.rows.iter().map(|row| &row[column]);
                let all = cells.chain([&table.head[column]]);
                all.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: &[String]| {
            let padded =
                cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                });
            format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
        };
        let rule = widths.iter().enumerate().map(|(column, width)| match column {
            0 => "-".repeat(width + 2),
            _ => "-".repeat(width + 1) + ":",
        });
        let rule = format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
        let rows: String = table.rows.iter().map(|row| line(row)).collect();
        format!("## {}\n\n{}\n\n{}{rule}{rows}\n", table.title, table.note, line(&table.head))
    };
    tables.iter().map(one).collect()
}
