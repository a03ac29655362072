//! The report as one page that needs nothing else: no server, no network.

use super::plots::{self, escaped};
use super::prices::Prices;
use super::summary::Summary;
use super::tables::Table;
use crate::bench::apply::Applier;

const PAGE: &str = include_str!("page.html");

/// Returns the page of `tables` and plots; `about` says what was measured, and on what.
pub fn page(summary: &Summary, prices: &[Prices], tables: &[Table], about: &str) -> String {
    let mut body = String::new();
    let plots = [
        (
            "Corruption against rejection",
            "Each point is a format with an applier, under real drift: the nearer to the lower left corner, the better. Blue is anchord.",
            plots::plane(summary),
        ),
        (
            "Tokens of an edit, by part",
            "Mean of the real edits, o200k. The whole file is left out.",
            plots::parts(summary),
        ),
        (
            "Break-even",
            "What the call and the gutter of the lines read for it cost together. Where two lines cross, the shorter call is paid for by the longer read.",
            plots::break_even(summary, prices),
        ),
        (
            "Success after failures",
            "Tasks of live runs that end right, by the number of edit calls that failed.",
            plots::recovery(summary),
        ),
    ];
    for (title, note, plot) in plots {
        let (title, note) = (escaped(title), escaped(note));
        let plot = plot.map_or_else(
            || "<p class=\"faint\">No rows of this kind.</p>\n".to_owned(),
            |plot| format!("<div class=\"plot\">{plot}</div>\n"),
        );
        body += &format!("<h2>{title}</h2>\n<p class=\"faint\">{note}</p>\n{plot}");
    }
    body += &tables.iter().map(table).collect::<String>();
    PAGE.replace("{{about}}", &escaped(about)).replace("{{body}}", &body)
}

fn table(table: &Table) -> String {
    let head: String =
        table.head.iter().map(|cell| format!("<th>{}</th>", escaped(cell))).collect();
    let row = |row: &Vec<String>| {
        let ours = row[0].split(" / ").any(Applier::is_ours);
        let class = if ours { " class=\"ours\"" } else { "" };
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
        format!("<tr{class}>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<h2>{}</h2>\n<p class=\"faint\">{}</p>\n<div class=\"scroll\"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n",
        escaped(&table.title),
        escaped(&table.note)
    )
}
