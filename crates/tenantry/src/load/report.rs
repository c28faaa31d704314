//! What came of a run, for people: text, and one HTML page. Also `tenantry load report`, which
//! shows a result that was kept as JSON.

mod html;
pub(crate) mod numbers;
pub(crate) mod plan;
pub(crate) mod table;
pub(crate) mod tables;
pub(crate) mod text;

#[cfg(test)]
pub(crate) mod sample;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tenantry_load::result::Outcome;

use crate::exit::{self, printed};

/// What `tenantry load report --help` begins with.
pub(crate) const ABOUT: &str = "\
Show a result that was kept as JSON: as text, or as an HTML page that needs nothing else.

The page has no script and makes no request: it can be mailed, archived and opened anywhere. Plots are SVG, each with its \
numbers as a table.";

/// What the exit codes mean.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 shown, whatever the result says (run, merge and compare judge), 64 wrong usage, a file that is no result, or \
a page that cannot be written.";

/// A result to show.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The result, as `load run --json` or `load merge` wrote it.
    #[arg(value_name = "RESULT.json")]
    result: PathBuf,
    /// Write the page here, instead of text to standard output.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Writes the result as text.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn text(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    text::write(outcome, out)
}

/// The result as an HTML page that needs nothing else.
pub(crate) fn html(outcome: &Outcome) -> String {
    html::page(outcome)
}

/// Shows a result.
pub(super) fn report(wanted: &Report) -> Result<u8, u8> {
    let outcome = Outcome::read(&wanted.result).map_err(|error| {
        exit::complain(&error);
        exit::USAGE
    })?;
    match &wanted.html {
        Some(path) => written(path, &html(&outcome)),
        None => printed(|out| text(&outcome, out)),
    }
}

fn written(path: &Path, page: &str) -> Result<u8, u8> {
    fs::write(path, page).map_err(|error| {
        exit::complain(&format_args!("cannot write {}: {error}", path.display()));
        exit::USAGE
    })?;
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tenantry_load::plan::{Pace, TenantMix};

    use super::*;

    #[test]
    fn text_says_everything_that_matters() {
        let mut out = Vec::new();
        text(&sample::outcome(30, 25), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for words in [
            "29,700 accepted in 30.0 s, 990/s",
            "WRONG: messages were taken for another tenant's",
            "open loop, 1,000/s (Poisson), at most 32 connections",
            "certificate 75.0 %, sender 25.0 %",
            "TLS, resumed",
            "550 5.7.64",
            "no reply to MAIL within 30 s",
            "1,500/s held",
            "the first 20 of 25; JSON has all",
            "(nobody)",
            "21.5 us",
            "intended tenant-1, found under tenant-2",
        ] {
            assert!(text.contains(words), "{words} is missing in:\n{text}");
        }
    }

    #[test]
    fn an_interrupted_run_is_called_so() {
        let mut outcome = sample::outcome(30, 3);
        outcome.interrupted = true;
        let mut out = Vec::new();
        text(&outcome, &mut out).unwrap();
        let words = "29,700 accepted in 30.0 s (interrupted), 990/s";
        assert!(String::from_utf8(out).unwrap().starts_with(words));
        assert!(html(&outcome).contains(words));
    }

    #[test]
    fn tenants_without_messages_have_no_latency() {
        let mut outcome = sample::outcome(30, 3);
        for row in &mut outcome.tenants {
            row.latency = sample::latencies(1, 0, 1);
        }
        let mut out = Vec::new();
        text(&outcome, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let row = text.lines().find(|line| line.starts_with("  tenant-1 "));
        assert!(row.unwrap().ends_with("-    -"), "{text}");
        assert!(html(&outcome).contains("p99 -<"));
    }

    #[test]
    fn what_is_told_of_connections_tenants_and_generators_fits_into_eighty_columns() {
        let mut out = Vec::new();
        text(&sample::outcome(30, 25), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let tables = text.split_once("\nconnections\n").unwrap().1;
        for line in tables.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn shares_that_follow_connections_are_not_called_equal() {
        let mut outcome = sample::outcome(10, 3);
        outcome.plan.tenants = TenantMix::Uniform;
        let written = |outcome: &Outcome| {
            let mut out = Vec::new();
            text(outcome, &mut out).unwrap();
            [String::from_utf8(out).unwrap(), html(outcome)]
        };
        for report in written(&outcome) {
            assert!(report.contains("all equally often"), "{report}");
        }
        outcome.plan.pace = Pace::Closed { connections: 16 };
        for report in written(&outcome) {
            assert!(!report.contains("equally often"), "{report}");
            assert!(
                report.contains("as far as connections can be shared"),
                "{report}"
            );
            assert!(
                report.contains("shares are not those of the plan"),
                "{report}"
            );
            assert!(report.contains("planned"), "{report}");
        }
    }

    #[test]
    fn the_page_escapes_whatever_others_wrote() {
        let mut outcome = sample::outcome(10, 3);
        let bad = "</title><script>alert(1)</script><img src=\"http://x.example/\" onerror='x'>";
        outcome.plan.target.address = bad.to_owned();
        outcome.run = bad.to_owned();
        outcome.started = bad.to_owned();
        outcome.program = bad.to_owned();
        outcome.errors.iter_mut().for_each(|row| {
            row.kind = bad.to_owned();
            row.text = bad.to_owned();
        });
        outcome.replies.iter_mut().for_each(|row| {
            row.enhanced = Some(bad.to_owned());
            row.text = bad.to_owned();
        });
        outcome
            .tenants
            .iter_mut()
            .for_each(|row| row.name = Some(bad.to_owned()));
        outcome.generators.iter_mut().for_each(|row| {
            row.machine.model = bad.to_owned();
            row.machine.system = bad.to_owned();
        });
        outcome.notes = vec![bad.to_owned()];
        let found = outcome.correctness.as_mut().unwrap();
        found.examples = vec![bad.to_owned()];
        found
            .tenants
            .iter_mut()
            .for_each(|row| row.name = Some(bad.to_owned()));
        let page = html(&outcome);
        for markup in ["<script", "<img", "http://x.example/\"", "onerror='"] {
            assert!(!page.contains(markup), "{markup}");
        }
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn the_page_asks_for_nothing_and_runs_nothing() {
        let page = html(&sample::outcome(30, 25));
        for word in [
            "<script",
            "<link",
            "<img",
            "<iframe",
            "src=",
            "href=",
            "url(",
            "@import",
            "http:",
            "https:",
            "style=\"",
            " onload=",
            " onclick=",
            " onerror=",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn the_page_stays_small_for_long_runs_and_many_tenants() {
        let small = html(&sample::outcome(300, 100)).len();
        let large = html(&sample::outcome(3_600, 10_000)).len();
        assert!(large < 400_000, "{large}");
        assert!(large < 2 * small, "{small} and {large}");
    }

    #[test]
    fn every_plot_has_marks_a_title_and_a_table() {
        let page = html(&sample::outcome(60, 30));
        for id in [
            "throughput-over-time",
            "latency-over-time",
            "levels-over-time",
            "latency-by-percentile",
            "trials",
            "replies",
            "tenants",
            "tenants-by-rank",
            "tenant-latency-by-rank",
        ] {
            let begin = page
                .find(&format!("<svg class=\"plot\" id=\"{id}\""))
                .unwrap();
            let plot = page.get(begin..).unwrap();
            let plot = plot.get(..plot.find("</svg>").unwrap()).unwrap();
            assert!(plot.contains("class=\"mark"), "{id}");
            assert!(plot.contains(&format!("<title id=\"{id}-title\">")), "{id}");
            assert!(
                !plot.contains("NaN") && !plot.contains("inf"),
                "{id}: {plot}"
            );
            let after = page.get(begin..).unwrap();
            assert!(after.contains("<table>"), "{id}");
        }
    }

    #[test]
    fn an_empty_result_is_still_a_page_and_a_text() {
        let mut outcome = sample::outcome(0, 0);
        outcome.phases.clear();
        outcome.replies.clear();
        outcome.errors.clear();
        outcome.steps.clear();
        outcome.generators.clear();
        outcome.knee = None;
        outcome.correctness = None;
        let page = html(&outcome);
        assert!(page.ends_with("</html>\n"));
        assert!(!page.contains("NaN"), "{page}");
        let mut out = Vec::new();
        text(&outcome, &mut out).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("NaN"));
    }

    #[test]
    fn absurd_numbers_do_no_harm() {
        let mut outcome = sample::outcome(5, 3);
        outcome.totals.seconds = 1e300;
        outcome.totals.rate = -1e300;
        outcome.totals.intended = u64::MAX;
        outcome.totals.accepted = u64::MAX;
        outcome.timeline.measured_from = 1e308;
        outcome.timeline.interval = u32::MAX;
        outcome.timeline.points.iter_mut().for_each(|point| {
            point.at = 1e308;
            point.accepted = u64::MAX;
            point.refused = u64::MAX;
            point.deferred = u64::MAX;
        });
        outcome
            .tenants
            .iter_mut()
            .for_each(|row| row.sent = u64::MAX);
        outcome
            .replies
            .iter_mut()
            .for_each(|row| row.count = u64::MAX);
        outcome
            .knee
            .as_mut()
            .unwrap()
            .trials
            .iter_mut()
            .for_each(|trial| trial.offered = 1e308);
        let page = html(&outcome);
        assert!(page.len() < 100_000);
        text(&outcome, &mut Vec::new()).unwrap();
    }
}
