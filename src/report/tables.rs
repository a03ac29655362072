//! Tables of the counts, and the tables as text.

use super::prices::Prices;
use super::stats::Share;
use super::summary::{Lane, Summary, Tally, Tokens};
use crate::bench::mistakes::{Rates, SLIPS};

/// A table: a title, a sentence that says how to read it, columns, rows.
#[derive(Debug, Clone, Default)]
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
        levels(summary, "drift"),
        together(summary),
        replayed(summary),
        mistakes(summary, "strong"),
        mistakes(summary, "weak"),
        levels(summary, "weak"),
        slips(summary),
        tokens(summary),
        costs(summary, prices),
        waste(summary, "drift"),
        waste(summary, "weak"),
        live(summary, prices),
        repeats(summary),
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

fn replayed(summary: &Summary) -> Table {
    let note = "Recorded calls, applied by other rules. Right, silently wrong and falsely rejected are shares of the calls whose right result is known: by the corpus, or by what the recording shows afterwards. The last two columns are all calls, by what the recorded tool did with them.";
    let head = [
        "format / applier",
        "right %",
        "silently wrong %",
        "falsely rejected %",
        "n",
        "taken, of those the tool took %",
        "taken, of those the tool refused %",
    ];
    let mut table = Table::new("Replayed calls", note, &head);
    let lanes = summary.under("replay");
    for (lane, tally) in
        lanes.chain(&summary.together).filter(|(lane, _)| lane.condition == "replay")
    {
        let recorded = |word: &str| {
            let share = tally.recorded.get(word).copied().unwrap_or_default();
            if share.all == 0 {
                percent(share)
            } else {
                format!("{} of {}", percent(share), share.all)
            }
        };
        table.rows.push(vec![
            name(lane),
            percent(tally.success()),
            percent(tally.corruption()),
            percent(tally.false_rejection()),
            tally.defined.to_string(),
            recorded("yes"),
            recorded("no"),
        ]);
    }
    table
}

fn levels(summary: &Summary, condition: &str) -> Table {
    let title = format!("From bytes to syntax ({condition})");
    let note = "The same shares by weaker standards: right but for white space; with the syntax tree of the right result, places and comments left out. Syntax broken is the share of the applied calls that brought a syntax error in; builds, of those that were built and whose right result builds. Lanes that are never silently wrong are left out: all their columns are the first. Where no grammar is there, a wrong result has not the right tree.";
    let head = [
        "format / applier",
        "right %",
        "but for blanks %",
        "same tree %",
        "syntax broken %",
        "builds %",
        "n",
    ];
    let mut table = Table::new(&title, note, &head);
    for (lane, tally) in summary.under(condition) {
        if tally.silent() > 0 {
            table.rows.push(vec![
                name(lane),
                percent(tally.success()),
                percent(tally.blank_success()),
                percent(tally.tree_success()),
                percent(tally.broken),
                percent(tally.builds),
                tally.defined.to_string(),
            ]);
        }
    }
    table
}

fn together(summary: &Summary) -> Table {
    let note = "Edits of several files, said as one call by the formats that can. A call is right where every file is, rejected where none was changed, and partial where some were changed and others refused. The last three columns count the files of the same calls.";
    let head = [
        "condition, format / applier",
        "right %",
        "silently wrong %",
        "falsely rejected %",
        "partial %",
        "conflict applied anyway %",
        "calls",
        "conflicts",
        "files right %",
        "files silently wrong %",
        "files",
    ];
    let mut table = Table::new("Several files in one call", note, &head);
    for (lane, tally) in summary.together.iter().filter(|(lane, _)| lane.condition != "replay") {
        let parts = summary.parts.iter().find(|(other, _)| other == lane).map(|(_, tally)| tally);
        let (right, wrong, files) = parts.map_or_else(Default::default, |parts| {
            (percent(parts.success()), percent(parts.corruption()), parts.defined)
        });
        table.rows.push(vec![
            format!("{}, {}", lane.condition, name(lane)),
            percent(tally.success()),
            percent(tally.corruption()),
            percent(tally.false_rejection()),
            percent(Share { of: tally.partial, all: tally.calls() }),
            percent(tally.blind_share()),
            tally.defined.to_string(),
            tally.conflicts.to_string(),
            right,
            wrong,
            files.to_string(),
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
    let note = "Break-even: so many lines may be read per edit until the numbers or hashes at each line cost what the shorter call saves against replace with plain reads. Net tokens and cost of a right edit: a read of the whole file, the call, what a rejection says, and what failed, under drift; cost in input tokens, where what comes in is put into the cache once.";
    let mut table = Table::new("Break-even and cost", note, &["format / applier"]);
    let per_profile = |what: &str| -> Vec<String> {
        prices.iter().map(|prices| format!("{what}, {}", prices.name)).collect()
    };
    table.head.extend(per_profile("break-even lines"));
    table.head.push("net tokens of a right edit".to_owned());
    table.head.extend(per_profile("cost of a right edit"));
    let formats = summary.formats();
    let plain = formats.iter().find(|(name, _)| *name == "replace").map(|(_, tally)| *tally);
    for (lane, drifted) in summary.under("drift") {
        let tally = formats.iter().find(|(name, _)| *name == lane.format).map(|(_, tally)| *tally);
        let (Some(tally), Some(plain)) = (tally, plain) else { continue };
        let lines = prices.iter().map(|prices| match break_even(tally, plain, prices) {
            Some(lines) => format!("{lines:.0}"),
            None => "–".to_owned(),
        });
        let Tokens { read, error, out, .. } = drifted.tokens;
        let number = |sum: Option<f64>| sum.map_or("–".to_owned(), |sum| format!("{sum:.0}"));
        let net = number(drifted.per_right(read + error + out));
        let cost = prices.iter().map(|prices| {
            let right = drifted.per_right(1);
            let cost = prices.of(read + error, 0, read + error, out);
            number(right.map(|one| one * cost))
        });
        let cells = lines.chain([net]).chain(cost);
        table.rows.push(std::iter::once(name(lane)).chain(cells).collect());
    }
    table
}

fn waste(summary: &Summary, condition: &str) -> Table {
    let title = format!("Waste by part ({condition})");
    let note = "Tokens of a right edit, by part: the new text, which is of use; in calls that came out right, old text said again, and addresses and envelope; calls that failed or went wrong; what was said of rejections; and what the gutter added to the reads. Rereads need a conversation, so only live runs count them.";
    let head = [
        "format / applier",
        "new text",
        "repeated",
        "addresses, envelope",
        "failed calls",
        "rejections",
        "gutter",
        "right",
    ];
    let mut table = Table::new(&title, note, &head);
    for (lane, tally) in summary.under(condition).filter(|(_, tally)| tally.right > 0) {
        let (all, useful) = (tally.tokens, tally.useful);
        let parts = [
            useful.new,
            useful.repeat,
            useful.out.saturating_sub(useful.new + useful.repeat),
            all.out - useful.out,
            all.error,
            all.read.saturating_sub(all.plain),
        ];
        let cells = parts.map(|part| format!("{:.1}", tally.per_right(part).unwrap_or(0.0)));
        let right = tally.right.to_string();
        table.rows.push(std::iter::once(name(lane)).chain(cells).chain([right]).collect());
    }
    table
}

fn live(summary: &Summary, prices: &[Prices]) -> Table {
    let note = "Tasks given to a model with a read and an edit tool. Right is byte for byte at the end; a task counts once a repeat. Net tokens are what the endpoint counted, in and out; cost is in input tokens of each price profile, with what it says was cached. Failed, said and reread are tokens by our count, a task: calls that failed, what was said of them, lines shown again.";
    let head = [
        "model / format / applier",
        "right %",
        "right at first call %",
        "rejected calls %",
        "ended silently wrong %",
        "calls a task",
        "net tokens a right task",
        "of the input cached %",
        "output tokens a right task",
        "failed",
        "said",
        "reread",
        "tasks",
    ];
    let mut table = Table::new("With a model", note, &head);
    let costs = prices.iter().map(|prices| format!("cost a right task, {}", prices.name));
    table.head.extend(costs);
    for ((model, format, applier), live) in &summary.live {
        let of = |part: u64| percent(Share { of: part, all: live.tasks });
        let per_right = |sum: f64| match live.right {
            0 => "–".to_owned(),
            right => format!("{:.0}", sum / right as f64),
        };
        let spent = live.spent;
        let tasks = live.tasks.max(1) as f64;
        let per_task = |sum: u64| format!("{:.1}", sum as f64 / tasks);
        let mut row = vec![
            format!("{model} / {format} / {applier}"),
            of(live.right),
            of(live.first),
            percent(Share { of: live.rejected, all: live.calls }),
            of(live.silent),
            format!("{:.2}", live.calls as f64 / tasks),
            per_right((spent.input + spent.output) as f64),
            format!("{:.0}", spent.cached as f64 * 100.0 / spent.input.max(1) as f64),
            per_right(spent.output as f64),
            per_task(live.wasted.0),
            per_task(live.wasted.1),
            per_task(live.wasted.2),
            live.tasks.to_string(),
        ];
        row.extend(prices.iter().map(|prices| {
            per_right(prices.of(spent.input, spent.cached, spent.written, spent.output))
        }));
        table.rows.push(row);
    }
    table
}

fn repeats(summary: &Summary) -> Table {
    let note = "pass^k: the chance that so many repeats of one task, drawn at random, are all right, in the mean of the tasks.";
    let most = summary.live.values().map(super::Live::least_repeats).max().unwrap_or(0);
    let mut table = Table::new("Right every time", note, &["model / format / applier"]);
    table.head.extend((1..=most).map(|k| format!("pass^{k} %")));
    table.head.push("tasks".to_owned());
    // With one repeat it says what the table before says.
    for ((model, format, applier), live) in summary.live.iter().filter(|_| most > 1) {
        let cell = |k: u64| match k <= live.least_repeats() {
            true => format!("{:.1}", live.pass_all(k) * 100.0),
            false => "–".to_owned(),
        };
        let name = format!("{model} / {format} / {applier}");
        let cells = (1..=most).map(cell).chain([live.repeats.len().to_string()]);
        table.rows.push(std::iter::once(name).chain(cells).collect());
    }
    table
}

fn recovery(summary: &Summary) -> Table {
    let note = "The share of tasks that end right, by the number of edit calls that failed on the way; and of those that came right after a failed call, what that took from the first failed call on.";
    let head = [
        "model / format / applier",
        "none",
        "one",
        "two",
        "three and more",
        "calls to recover",
        "tokens to recover",
        "recovered",
    ];
    let mut table = Table::new("Success after failures", note, &head);
    for ((model, format, applier), live) in &summary.live {
        let cells = live.failures.iter().map(|(all, right)| {
            let share = percent(Share { of: *right, all: *all });
            if *all == 0 { share } else { format!("{share} of {all}") }
        });
        let (tasks, calls, tokens) = live.recovered;
        let mean = |sum: u64, digits: usize| match tasks {
            0 => "–".to_owned(),
            tasks => format!("{:.digits$}", sum as f64 / tasks as f64),
        };
        let mending = [mean(calls, 2), mean(tokens, 0), tasks.to_string()];
        let name = format!("{model} / {format} / {applier}");
        table.rows.push(std::iter::once(name).chain(cells).chain(mending).collect());
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
