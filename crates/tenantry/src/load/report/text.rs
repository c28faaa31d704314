//! A result as text.

use std::io::{self, Write};

use tenantry_load::result::{Outcome, Phase};

use super::numbers::{count, duration, rate, seconds, share, text};
use super::{plan, tables};

/// How many tenants text names.
const TENANTS: usize = 20;
/// How many notes a report has room for.
pub(crate) const NOTES: usize = 10;

/// Writes the whole result: what was asked for, what came of it, and what went wrong.
pub(crate) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", headline(outcome))?;
    writeln!(
        out,
        "  run {}, began {}",
        text(&outcome.run),
        text(&outcome.started)
    )?;
    for (name, words) in plan::described(&outcome.plan) {
        writeln!(out, "  {name:<8} {words}")?;
    }
    for note in outcome.notes.iter().take(NOTES) {
        writeln!(out, "  note     {}", text(note))?;
    }
    for table in [
        tables::messages(outcome),
        tables::phases(outcome),
        tables::replies(outcome),
        tables::errors(outcome),
        tables::steps(outcome),
        tables::knee(outcome),
        tables::connections(outcome),
        tables::tenants(outcome, TENANTS),
        tables::correctness(outcome),
        tables::mistaken(outcome),
        tables::generators(outcome),
        tables::machines(outcome),
    ] {
        table.write(out)?;
    }
    examples(outcome, out)
}

/// The result in one line.
pub(crate) fn headline(outcome: &Outcome) -> String {
    let totals = &outcome.totals;
    let early = if outcome.interrupted {
        " (interrupted)"
    } else {
        ""
    };
    let mut words = format!(
        "{} accepted in {}{early}, {}/s",
        count(totals.accepted),
        seconds(totals.seconds),
        rate(totals.rate)
    );
    if let Some(latency) = outcome.phase(Phase::Latency) {
        let (p50, p99) = (latency.quantile(0.5), latency.quantile(0.99));
        words.push_str(&format!(", p50 {}, p99 {}", duration(p50), duration(p99)));
    }
    words.push_str(&format!(", {} not accepted", share(totals.error_share())));
    if let Some(found) = &outcome.correctness {
        words.push_str(&format!("; {}", tables::verdict(found)));
    }
    words
}

fn examples(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let Some(found) = &outcome.correctness else {
        return Ok(());
    };
    if !found.examples.is_empty() {
        writeln!(out, "\nexamples")?;
    }
    for example in found.examples.iter().take(20) {
        writeln!(out, "  {}", text(example))?;
    }
    Ok(())
}
