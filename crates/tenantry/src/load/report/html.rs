//! A result as one HTML page that needs nothing else: no script, no request, nothing embedded but
//! its own style and plots as SVG.
//!
//! Everything that a target, a plan or a file of results had a hand in is escaped where it is
//! written. The page's size does not depend on how long a run was or how many tenants it had:
//! plots and tables have a bounded number of points and rows.

mod chart;
mod course;
mod escape;
mod plots;
mod scale;

use std::fmt::Write as _;

use tenantry_load::result::{Outcome, Phase};

use self::course::Course;
use self::escape::Escaped;
use super::numbers::{count, duration, nanoseconds, rate, share};
use super::table::{Align, Table};
use super::{plan, tables, text};

/// The whole page.
pub(crate) fn page(outcome: &Outcome) -> String {
    let mut page = Page::default();
    page.head(outcome);
    page.time(outcome);
    page.latency(outcome);
    page.knee(outcome);
    page.answers(outcome);
    page.tenants(outcome);
    page.correctness(outcome);
    page.rest(outcome);
    page.out.push_str("</main>\n</body>\n</html>\n");
    page.out
}

#[derive(Default)]
struct Page {
    out: String,
}

const STYLE: &str = include_str!("html/style.css");
/// The page may do nothing but show itself.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

impl Page {
    fn head(&mut self, outcome: &Outcome) {
        let target = Escaped(&outcome.plan.target.address).to_string();
        self.put(format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>Load test of {target}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>Load test of {target}</h1>\n<p>{}</p>\n<p class=\"note\">Run {}, began {}, made by {}.</p>\n",
            Escaped(&text::headline(outcome)),
            Escaped(&outcome.run),
            Escaped(&outcome.started),
            Escaped(&outcome.program),
        ));
        self.tiles(outcome);
        self.out.push_str("<dl>\n");
        for (name, words) in plan::described(&outcome.plan) {
            self.put(format_args!(
                "<dt>{name}</dt><dd>{}</dd>\n",
                Escaped(&words)
            ));
        }
        for note in outcome.notes.iter().take(text::NOTES) {
            self.put(format_args!("<dt>note</dt><dd>{}</dd>\n", Escaped(note)));
        }
        self.out.push_str("</dl>\n");
        self.open(&tables::messages(outcome));
    }

    /// The numbers that everybody looks for.
    fn tiles(&mut self, outcome: &Outcome) {
        let totals = &outcome.totals;
        let mut tiles = vec![("messages accepted per second", rate(totals.rate))];
        if let Some(latency) = outcome.phase(Phase::Latency) {
            for (name, part) in [("latency p50", 0.5), ("latency p99", 0.99)] {
                tiles.push((name, duration(latency.quantile(part))));
            }
        }
        tiles.push(("not accepted", share(totals.error_share())));
        if let Some(found) = &outcome.correctness {
            tiles.push(("under a wrong tenant", count(found.wrong)));
        }
        if let [only] = outcome.generators.as_slice() {
            let cost = nanoseconds(only.cpu_us_per_message * 1e3);
            tiles.push(("generator's CPU a message", cost));
        }
        self.out.push_str("<ul class=\"tiles\">\n");
        for (name, value) in tiles {
            let value = Escaped(&value);
            self.put(format_args!(
                "<li><b>{value}</b> <span>{name}</span></li>\n"
            ));
        }
        self.out.push_str("</ul>\n");
    }

    fn time(&mut self, outcome: &Outcome) {
        if outcome.timeline.points.is_empty() {
            return;
        }
        let course = Course::of(outcome);
        self.section("Throughput over time");
        self.out.push_str(&course.throughput().svg());
        self.section("Latency over time");
        self.out.push_str(&course.latency().svg());
        self.section("Connections over time");
        self.out.push_str(&course.levels().svg());
        self.folded("The numbers of the plots over time", &course.table());
    }

    fn latency(&mut self, outcome: &Outcome) {
        if outcome.phases.is_empty() {
            return;
        }
        self.section("Latency by percentile");
        self.out.push_str(&plots::percentiles(outcome).svg());
        self.folded(
            "Latency by percentile as a table",
            &plots::percentile_table(outcome),
        );
        self.open(&tables::phases(outcome));
    }

    fn knee(&mut self, outcome: &Outcome) {
        if let Some(chart) = plots::trials(outcome) {
            self.section("Search for the highest rate");
            self.out.push_str(&chart.svg());
            self.open(&tables::knee(outcome));
        }
        let steps = tables::steps(outcome);
        if !steps.rows.is_empty() {
            self.section("Steps");
            self.open(&steps);
        }
    }

    fn answers(&mut self, outcome: &Outcome) {
        self.section("Reply codes");
        self.out.push_str(&plots::replies(outcome).svg());
        self.open(&tables::replies(outcome));
        self.open(&tables::errors(outcome));
    }

    fn tenants(&mut self, outcome: &Outcome) {
        if outcome.tenants.is_empty() {
            return;
        }
        self.section("Tenants");
        self.out.push_str(&plots::tenants(outcome).svg());
        for chart in plots::ranks(outcome).into_iter().flatten() {
            self.put(format_args!("<h3>{}</h3>\n", Escaped(&chart.title)));
            self.out.push_str(&chart.svg());
        }
        let table = tables::tenants(outcome, tables::TENANTS);
        self.folded("The tenants as a table", &table);
    }

    fn correctness(&mut self, outcome: &Outcome) {
        let Some(found) = &outcome.correctness else {
            return;
        };
        self.section("Whose the messages became");
        let class = if found.is_perfect() { "good" } else { "bad" };
        let verdict = tables::verdict(found);
        self.put(format_args!("<p class=\"verdict {class}\">{verdict}</p>\n"));
        let mut table = tables::correctness(outcome);
        table.note = None;
        self.open(&table);
        self.open(&tables::mistaken(outcome));
        if !found.examples.is_empty() {
            self.out.push_str("<ul>\n");
            for example in found.examples.iter().take(20) {
                self.put(format_args!("<li>{}</li>\n", Escaped(example)));
            }
            self.out.push_str("</ul>\n");
        }
    }

    fn rest(&mut self, outcome: &Outcome) {
        self.section("Connections and generators");
        self.open(&tables::connections(outcome));
        self.open(&tables::generators(outcome));
        self.open(&tables::machines(outcome));
    }

    fn section(&mut self, title: &str) {
        self.put(format_args!("<h2>{title}</h2>\n"));
    }

    /// A table that waits to be opened.
    fn folded(&mut self, summary: &str, table: &Table) {
        self.put(format_args!("<details><summary>{summary}</summary>\n"));
        self.open(table);
        self.out.push_str("</details>\n");
    }

    fn open(&mut self, table: &Table) {
        if table.rows.is_empty() {
            return;
        }
        self.out
            .push_str("<div class=\"scroll\" tabindex=\"0\"><table>\n");
        self.put(format_args!("<caption>{}", Escaped(&table.title)));
        if let Some(note) = &table.note {
            self.put(format_args!(" ({})", Escaped(note)));
        }
        self.out.push_str("</caption>\n<thead><tr>");
        for column in &table.columns {
            let class = class(column.align);
            let name = Escaped(&column.name);
            self.put(format_args!("<th scope=\"col\"{class}>{name}</th>"));
        }
        self.out.push_str("</tr></thead>\n<tbody>\n");
        for row in &table.rows {
            self.row(table, row);
        }
        self.out.push_str("</tbody></table></div>\n");
    }

    fn row(&mut self, table: &Table, row: &[String]) {
        self.out.push_str("<tr>");
        for (index, (column, cell)) in table.columns.iter().zip(row).enumerate() {
            let (class, cell) = (class(column.align), Escaped(cell));
            if index == 0 {
                self.put(format_args!("<th scope=\"row\"{class}>{cell}</th>"));
            } else {
                self.put(format_args!("<td{class}>{cell}</td>"));
            }
        }
        self.out.push_str("</tr>\n");
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(text);
    }
}

fn class(align: Align) -> &'static str {
    match align {
        Align::Left => "",
        Align::Right => " class=\"n\"",
    }
}
