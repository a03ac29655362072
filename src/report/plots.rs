//! The four plots, as SVG that needs nothing else: colours come from the page.

use super::prices::Prices;
use super::stats::Share;
use super::summary::{Summary, Tally};
use crate::bench::apply::Applier;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 48.0;
const TOP: f64 = 16.0;
const RIGHT: f64 = 24.0;

/// Colours that differ also for people who see few of them.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8b6d00", "#7f7f7f"];

/// Returns text that can stand in a page.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn svg(label: &str, body: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">{body}</svg>\n",
        escaped(label)
    )
}

fn text(x: f64, y: f64, anchor: &str, class: &str, text: &str) -> String {
    let text = escaped(text);
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}</text>"
    )
}

fn rule(x1: f64, y1: f64, x2: f64, y2: f64, class: &str) -> String {
    format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>")
}

/// An axis that is linear near 0 and logarithmic beyond, so that 0 has a place.
#[derive(Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
    most: f64,
    bend: f64,
}

impl Axis {
    fn at(self, value: f64) -> f64 {
        let bent = |value: f64| (1.0 + value / self.bend).ln();
        self.from + (self.to - self.from) * bent(value.min(self.most)) / bent(self.most)
    }
}

/// Silent corruption (across) against false rejection (up), under drift.
pub(super) fn plane(summary: &Summary) -> Option<String> {
    let lanes: Vec<_> = summary.under("drift").collect();
    if lanes.is_empty() {
        return None;
    }
    let x = Axis { from: LEFT, to: WIDTH - RIGHT - 120.0, most: 100.0, bend: 0.2 };
    let y = Axis { from: HEIGHT - BOTTOM, to: TOP, most: 100.0, bend: 1.0 };
    let mut body = grid(x, y);
    body += &text(
        (x.from + x.to) / 2.0,
        HEIGHT - 8.0,
        "middle",
        "axis",
        "silently wrong, % of the edits that are still defined (logarithmic beyond 0.2)",
    );
    body += &format!(
        "<text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\" class=\"axis\">falsely rejected, %</text>",
        (y.from + y.to) / 2.0
    );
    // Lanes that fall on one point share a mark.
    let mut marks: Vec<(f64, f64, bool, Vec<String>)> = Vec::new();
    for (lane, tally) in lanes {
        let value = |share: Share| share.value() * 100.0;
        let at = (x.at(value(tally.corruption())), y.at(value(tally.false_rejection())));
        let name = format!("{} / {}", lane.format, lane.applier);
        let ours = Applier::is_ours(&lane.applier);
        let near = |mark: &&mut (f64, f64, bool, Vec<String>)| {
            (mark.0 - at.0).hypot(mark.1 - at.1) < 3.0 && mark.2 == ours
        };
        match marks.iter_mut().find(near) {
            Some(mark) => mark.3.push(name),
            None => marks.push((at.0, at.1, ours, vec![name])),
        }
    }
    body += &labelled(marks);
    Some(svg("silent corruption against false rejection", &body))
}

fn grid(x: Axis, y: Axis) -> String {
    let mut body = String::new();
    for tick in [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0] {
        body += &rule(x.at(tick), y.from, x.at(tick), y.to, "grid");
        body += &text(x.at(tick), y.from + 16.0, "middle", "tick", &tick.to_string());
    }
    for tick in [0.0, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0] {
        body += &rule(x.from, y.at(tick), x.to, y.at(tick), "grid");
        body += &text(x.from - 6.0, y.at(tick) + 4.0, "end", "tick", &tick.to_string());
    }
    body
}

/// Returns marks with labels that do not lie on each other.
fn labelled(mut marks: Vec<(f64, f64, bool, Vec<String>)>) -> String {
    // Ours get their labels first, next to their marks, and lie on top.
    marks.sort_by(|a, b| b.2.cmp(&a.2).then(a.1.total_cmp(&b.1)).then(a.0.total_cmp(&b.0)));
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    let mut drawn = Vec::new();
    for (x, y, ours, names) in marks {
        let mut body = String::new();
        let label = match names.as_slice() {
            [one] => one.clone(),
            [one, two] => format!("{one}, {two}"),
            [one, ..] => format!("{one} and {} more", names.len() - 1),
            [] => continue,
        };
        let width = label.chars().count() as f64 * 5.6;
        let free = |at: f64, left: f64| {
            taken.iter().all(|(start, end, row)| {
                (row - at).abs() >= 12.0 || left > *end || left + width < *start
            })
        };
        let left = if x + 10.0 + width > WIDTH { x - 10.0 - width } else { x + 8.0 };
        let steps = (0..30).flat_map(|step| [f64::from(step) * 6.0, f64::from(step) * -6.0]);
        let shift = steps
            .filter(|shift| (TOP..HEIGHT - BOTTOM + 6.0).contains(&(y + 4.0 + shift)))
            .find(|shift| free(y + 4.0 + shift, left))
            .unwrap_or(0.0);
        let row = y + 4.0 + shift;
        taken.push((left, left + width, row));
        let class = if ours { "ours" } else { "theirs" };
        if shift.abs() > 8.0 {
            body += &rule(x, y, left - 1.0, row - 4.0, "leader");
        }
        let title = escaped(&names.join("\n"));
        body += &format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" class=\"{class}\"><title>{title}</title></circle>"
        );
        body += &text(left, row, "start", &format!("label {class}"), &label);
        drawn.push(body);
    }
    drawn.into_iter().rev().collect()
}

/// Tokens of an edit, by part, a bar a format.
pub(super) fn parts(summary: &Summary) -> Option<String> {
    let formats: Vec<(&str, &Tally)> =
        summary.formats().into_iter().filter(|(name, _)| *name != "whole").collect();
    let of = |tally: &Tally| {
        let rest = tally.mean(tally.tokens.out)
            - tally.mean(tally.tokens.new)
            - tally.mean(tally.tokens.repeat);
        [tally.mean(tally.tokens.new), tally.mean(tally.tokens.repeat), rest.max(0.0)]
    };
    let most = formats.iter().map(|(_, tally)| of(tally).iter().sum()).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let (left, right) = (110.0, WIDTH - 70.0);
    let step = (HEIGHT - BOTTOM - TOP - 20.0) / formats.len() as f64;
    let mut body = String::new();
    for (index, (name, tally)) in formats.iter().enumerate() {
        let y = TOP + 24.0 + step * index as f64;
        body += &text(left - 8.0, y + step * 0.45, "end", "label", name);
        let mut x = left;
        for (part, colour) in of(tally).into_iter().zip(COLOURS) {
            let width = (right - left) * part / most;
            body += &format!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"><title>{part:.1}</title></rect>",
                step * 0.65
            );
            x += width;
        }
        let sum = format!("{:.0}", of(tally).iter().sum::<f64>());
        body += &text(x + 6.0, y + step * 0.45, "start", "label", &sum);
    }
    body += &legend(&["new text", "old text said again", "addresses and envelope"], left);
    Some(svg("tokens of an edit by part", &body))
}

fn legend(names: &[&str], left: f64) -> String {
    let mut x = left;
    let mut body = String::new();
    for (name, colour) in names.iter().zip(COLOURS) {
        body +=
            &format!("<rect x=\"{x:.1}\" y=\"6\" width=\"12\" height=\"12\" fill=\"{colour}\"/>");
        body += &text(x + 17.0, 16.0, "start", "label", name);
        x += 40.0 + name.chars().count() as f64 * 6.4;
    }
    body
}

/// What an edit costs by the number of lines that are read for it.
pub(super) fn break_even(summary: &Summary, prices: &[Prices]) -> Option<String> {
    let prices = prices.first()?;
    const MOST_LINES: f64 = 600.0;
    let shown = ["anchor", "lines", "hashline", "linehash", "replace", "blocks", "udiff", "patch"];
    let formats: Vec<(&str, &Tally)> =
        summary.formats().into_iter().filter(|(name, _)| shown.contains(name)).collect();
    let cost = |tally: &Tally, lines: f64| {
        let over = tally.tokens.read as f64 - tally.tokens.plain as f64;
        let line = over / tally.lines.max(1) as f64;
        prices.output * tally.mean(tally.tokens.out) + prices.read(0.0) * line * lines
    };
    let most = formats.iter().map(|(_, tally)| cost(tally, MOST_LINES)).fold(0.0, f64::max) * 1.05;
    if most <= 0.0 {
        return None;
    }
    let right = WIDTH - 110.0;
    let x = |lines: f64| LEFT + (right - LEFT) * lines / MOST_LINES;
    let y = |cost: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * cost / most;
    let mut body = String::new();
    for tick in 0..=6 {
        let lines = MOST_LINES * f64::from(tick) / 6.0;
        body += &rule(x(lines), y(0.0), x(lines), TOP, "grid");
        body += &text(x(lines), y(0.0) + 16.0, "middle", "tick", &format!("{lines:.0}"));
        let cost = most * f64::from(tick) / 6.0;
        body += &rule(LEFT, y(cost), right, y(cost), "grid");
        body += &text(LEFT - 6.0, y(cost) + 4.0, "end", "tick", &format!("{cost:.0}"));
    }
    let mut ends: Vec<(f64, &str, &str)> = Vec::new();
    for ((name, tally), colour) in formats.iter().zip(COLOURS) {
        let (start, end) = (y(cost(tally, 0.0)), y(cost(tally, MOST_LINES)));
        body += &format!(
            "<line x1=\"{:.1}\" y1=\"{start:.1}\" x2=\"{right:.1}\" y2=\"{end:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            x(0.0)
        );
        ends.push((end, name, colour));
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut last = f64::MIN;
    for (end, name, colour) in ends {
        last = (last + 13.0).max(end + 4.0);
        body += &format!(
            "<text x=\"{:.1}\" y=\"{last:.1}\" class=\"label\" style=\"fill:{colour}\">{name}</text>",
            right + 6.0
        );
    }
    let axis = format!("lines read for one edit (cost in input tokens, {})", prices.name);
    body += &text((LEFT + right) / 2.0, HEIGHT - 8.0, "middle", "axis", &axis);
    Some(svg("cost of an edit by lines read", &body))
}

/// The share of tasks that end right, by failed calls on the way.
pub(super) fn recovery(summary: &Summary) -> Option<String> {
    if summary.live.is_empty() {
        return None;
    }
    let right = WIDTH - 250.0;
    let x = |failed: usize| LEFT + 30.0 + (right - LEFT - 60.0) * failed as f64 / 3.0;
    let y = |share: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share;
    let mut body = String::new();
    for tick in 0..=5 {
        let share = f64::from(tick) / 5.0;
        body += &rule(LEFT, y(share), right, y(share), "grid");
        body +=
            &text(LEFT - 6.0, y(share) + 4.0, "end", "tick", &format!("{:.0} %", share * 100.0));
    }
    for (failed, name) in ["none", "one", "two", "three and more"].iter().enumerate() {
        body += &text(x(failed), y(0.0) + 16.0, "middle", "tick", name);
    }
    for (index, ((model, format, applier), live)) in summary.live.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<(f64, f64, String)> = live
            .failures
            .iter()
            .enumerate()
            .filter(|(_, (all, _))| *all > 0)
            .map(|(failed, (all, of))| {
                let share = Share { of: *of, all: *all };
                (x(failed), y(share.value()), format!("{of} of {all}"))
            })
            .collect();
        let path: Vec<String> = points.iter().map(|(x, y, _)| format!("{x:.1},{y:.1}")).collect();
        body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (x, y, title) in &points {
            body += &format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"><title>{title}</title></circle>"
            );
        }
        let row = TOP + 14.0 + 16.0 * index as f64;
        let name = escaped(&format!("{model} / {format} / {applier}"));
        body += &format!(
            "<text x=\"{:.1}\" y=\"{row:.1}\" class=\"label\" style=\"fill:{colour}\">{name}</text>",
            right + 12.0
        );
    }
    body +=
        &text((LEFT + right) / 2.0, HEIGHT - 8.0, "middle", "axis", "failed edit calls on the way");
    Some(svg("success after failures", &body))
}
