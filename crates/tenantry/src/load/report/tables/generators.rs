//! Who sent, on what, and what that cost.

use tenantry_load::result::Outcome;

use super::{ROWS, more, quantile};
use crate::load::report::numbers::{nanoseconds, octets, seconds, text};
use crate::load::report::table::Table;

/// Who sent, and what that cost.
pub(crate) fn generators(outcome: &Outcome) -> Table {
    let columns = [
        "shard",
        "#threads",
        "#CPU a message",
        "#CPU",
        "#peak memory",
        "#late p50",
        "#late p99",
    ];
    let mut table = Table::new("generators", &columns)
        .with_note("late: how long after the intended time the generator turned to messages");
    for row in outcome.generators.iter().take(ROWS) {
        table.row([
            row.shard.to_string(),
            row.workers.to_string(),
            nanoseconds(row.cpu_us_per_message * 1e3),
            seconds(row.cpu_seconds),
            octets(row.peak_memory_kib.saturating_mul(1024)),
            quantile(&row.lateness, 0.5),
            quantile(&row.lateness, 0.99),
        ]);
    }
    more(table, outcome.generators.len(), ROWS)
}

/// What they ran on.
pub(crate) fn machines(outcome: &Outcome) -> Table {
    let mut table = Table::new("machines", &["shard", "#processors", "model", "system"]);
    for row in outcome.generators.iter().take(ROWS) {
        let machine = &row.machine;
        table.row([
            row.shard.to_string(),
            machine.processors.to_string(),
            text(&machine.model),
            text(&machine.system),
        ]);
    }
    more(table, outcome.generators.len(), ROWS)
}
