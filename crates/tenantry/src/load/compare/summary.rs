//! Results of any plans in one table: a line for each, with what everybody looks for.

use tenantry_load::result::{Outcome, Phase};

use crate::load::report::numbers::{count, duration, nanoseconds, rate, share, text};
use crate::load::report::table::Table;

/// One line for each result.
pub(super) fn table(names: &[String], outcomes: &[Outcome]) -> Table {
    let columns = [
        "result",
        "#accepted/s",
        "#p50",
        "#p99",
        "#not accepted",
        "#TLS full",
        "#TLS resumed",
        "#generator's CPU",
        "#right",
        "#wrong",
    ];
    let mut table = Table::new("results", &columns);
    for (name, outcome) in names.iter().zip(outcomes) {
        let totals = &outcome.totals;
        let latency = |part| {
            let latency = outcome.phase(Phase::Latency);
            latency.map_or_else(String::new, |latency| duration(latency.quantile(part)))
        };
        let found = outcome.correctness.as_ref();
        table.row([
            text(name),
            rate(totals.rate),
            latency(0.5),
            latency(0.99),
            share(totals.error_share()),
            count(totals.tls_full),
            count(totals.tls_resumed),
            cost(outcome),
            found.map_or_else(String::new, |found| count(found.right)),
            found.map_or_else(String::new, |found| count(found.wrong)),
        ]);
    }
    table
}

/// What all generators together needed for a message.
fn cost(outcome: &Outcome) -> String {
    let totals = &outcome.totals;
    let parts = [totals.accepted, totals.refused, totals.deferred];
    let answered = parts.into_iter().fold(0, u64::saturating_add);
    let seconds: f64 = outcome.generators.iter().map(|row| row.cpu_seconds).sum();
    match answered {
        0 => String::new(),
        answered => nanoseconds(seconds * 1e9 / answered as f64),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tenantry_load::plan::Pace;

    use super::*;
    use crate::load::report::sample;

    #[test]
    fn each_result_has_a_line_whatever_its_plan() {
        let mut other = sample::outcome(10, 3);
        other.plan.pace = Pace::Closed { connections: 8 };
        other.correctness = None;
        other.phases.clear();
        other.totals.accepted = 0;
        other.totals.refused = 0;
        other.totals.deferred = 0;
        let names = ["steady", "nothing\u{1b}"].map(str::to_owned);
        let table = table(&names, &[sample::outcome(30, 3), other]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        for words in ["steady", "990", "29,699", "50.1 us", "nothing\\u{1b}"] {
            assert!(out.contains(words), "{words} is missing in:\n{out}");
        }
        assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
    }
}
