//! What the lab took and refused, as numbers: now and then, and at the end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Instant;

use tenantry_lab::journal::Journal;
use tenantry_lab::service::{LabService, TenantStatistics};
use tenantry_lab::world::{Tenant, World};

use crate::table;

/// A tenant's counts, and what has changed since the last look.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The tenant; absent in the row of what belonged to nobody.
    pub(super) tenant: String,
    /// Its region.
    pub(super) region: String,
    /// Messages taken, refused by code, octets, and what decided last.
    pub(super) counts: TenantStatistics,
    /// Messages since the last look, taken or refused.
    pub(super) new: u64,
    /// Messages a second since the last look.
    pub(super) rate: f64,
}

/// Remembers the last look.
#[derive(Debug, Default)]
pub(super) struct Progress {
    before: Option<(Instant, BTreeMap<Option<String>, u64>)>,
}

impl Progress {
    /// Rows for the counts of now.
    pub(super) fn take(&mut self, statistics: Vec<TenantStatistics>) -> Vec<Row> {
        let now = Instant::now();
        let (since, before) = self.before.take().unwrap_or((now, BTreeMap::new()));
        let seconds = now.duration_since(since).as_secs_f64();
        let mut seen = BTreeMap::new();
        let mut rows = Vec::with_capacity(statistics.len());
        for counts in statistics {
            let messages = messages(&counts);
            let known = before.get(&counts.tenant).copied().unwrap_or_default();
            let new = messages.saturating_sub(known);
            seen.insert(counts.tenant.clone(), messages);
            rows.push(Row {
                tenant: counts.tenant.clone().unwrap_or_else(|| NOBODY.to_owned()),
                region: counts
                    .region
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                rate: rate(new, seconds),
                new,
                counts,
            });
        }
        self.before = Some((now, seen));
        rows
    }
}

impl Row {
    /// Messages, taken or refused.
    pub(super) fn messages(&self) -> u64 {
        messages(&self.counts)
    }

    /// `550 5.7.64: 3, 451 4.4.62: 1`.
    pub(super) fn refusals(&self) -> String {
        let refused = self.counts.refused.iter();
        let each: Vec<String> = refused
            .map(|(code, count)| format!("{code}: {count}"))
            .collect();
        each.join(", ")
    }

    /// What decided about the last message, and through which connector: `certificate/Mail server`.
    pub(super) fn decided(&self) -> String {
        let basis = self.counts.last_basis.map_or("", |basis| basis.as_str());
        match &self.counts.last_connector {
            Some(connector) => format!("{basis}/{}", connector.escape_debug()),
            None => basis.to_owned(),
        }
    }
}

/// Where everybody is to send their mail.
pub(super) fn doors(mut out: &mut dyn Write, service: &LabService) -> io::Result<()> {
    let forest = service.forest();
    let of = |tenant: &Tenant| match service.address(&tenant.region) {
        Some(address) => address.to_string(),
        None => "no endpoint".to_owned(),
    };
    let rows = forest.world().tenants.iter();
    let rows = rows.map(|tenant| {
        let region = tenant.region.to_string();
        [tenant.name.clone(), endpoint(tenant), region, of(tenant)]
    });
    let head = ["tenant", "endpoint", "region", "address"];
    table::first(&mut out, "endpoints", head, rows)?;
    writeln!(out, "\nthe lab listens; SIGTERM or SIGINT ends it")
}

/// One line for each tenant that got something.
pub(super) fn lines(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    for row in rows.iter().filter(|row| row.new > 0) {
        let (tenant, accepted, octets) = (&row.tenant, row.counts.accepted, row.counts.octets);
        write!(out, "{tenant}: {accepted} accepted, {octets} octets")?;
        let refusals = row.refusals();
        if !refusals.is_empty() {
            write!(out, ", refused {refusals}")?;
        }
        let decided = row.decided();
        if !decided.is_empty() {
            write!(out, ", last by {decided}")?;
        }
        writeln!(out, ", {:.1}/s", row.rate)?;
    }
    Ok(())
}

/// What it came to.
pub(super) fn totals(mut out: &mut dyn Write, world: &World, journal: &Journal) -> io::Result<()> {
    let rows = Progress::default().take(TenantStatistics::of(world, journal));
    let busy = rows.iter().filter(|row| row.messages() > 0).map(|row| {
        [
            row.tenant.clone(),
            row.region.clone(),
            row.counts.accepted.to_string(),
            row.counts.octets.to_string(),
            row.refusals(),
        ]
    });
    let head = ["tenant", "region", "accepted", "octets", "refused"];
    table::write(&mut out, "totals", head, busy)?;
    let sum = journal.totals();
    writeln!(out, "\n{} accepted, {} refused", sum.accepted, sum.refused)
}

fn messages(counts: &TenantStatistics) -> u64 {
    counts.accepted + counts.refused.values().sum::<u64>()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate for people; counts stay far below 2^52"
)]
fn rate(new: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        new as f64 / seconds
    } else {
        0.0
    }
}

/// The name that Exchange Online would have for the tenant's endpoint.
fn endpoint(tenant: &Tenant) -> String {
    let domains = &tenant.accepted_domains;
    let main = domains
        .iter()
        .find(|domain| domain.default)
        .or(domains.first());
    main.map_or_else(
        || "-".to_owned(),
        |main| format!("{}.{SERVICE}", main.domain.as_str().replace('.', "-")),
    )
}

const NOBODY: &str = "(nobody)";
const SERVICE: &str = "mail.protection.outlook.com";
