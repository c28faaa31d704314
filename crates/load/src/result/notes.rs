//! What has to be known to read the numbers of a result.

use super::{Outcome, TenantRow};
use crate::plan::{Pace, Plan, Shard};

impl Plan {
    /// Whether a tenant has the messages of its connections and no others: with a certificate as
    /// evidence a connection is one tenant's, and in a closed loop those that last stay it.
    #[must_use]
    pub fn shares_follow_connections(&self) -> bool {
        let closed = matches!(self.pace, Pace::Closed { .. });
        closed && self.is_by_certificate() && self.session.messages_per_connection == 0
    }

    fn is_by_certificate(&self) -> bool {
        self.evidence.certificate + self.evidence.conflicting > 0.0
    }
}

impl Outcome {
    /// The part of the messages that would have to be other tenants' for the shares to be those of
    /// the plan. One shard of several has the tenants that fall to it, so only the whole can tell.
    fn off_plan(&self) -> f64 {
        let sent: u64 = self.tenants.iter().map(|row| row.sent).sum();
        let known = self.tenants.iter().all(|row| row.planned.is_some());
        if sent == 0 || !known || self.plan.shard != Shard::WHOLE || !self.missing_shards.is_empty()
        {
            return 0.0;
        }
        let off = |row: &TenantRow| (measured(row, sent) - row.planned.unwrap_or(0.0)).abs();
        self.tenants.iter().map(off).sum::<f64>() / 2.0
    }

    /// The result's notes: what is missing in it, and where the tenants' shares are not those of
    /// the plan, and why.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(self.early());
        notes.extend(self.partial());
        if let Some(found) = self
            .correctness
            .as_ref()
            .filter(|found| found.unchecked > 0)
        {
            notes.push(format!(
                "{} accepted messages were looked for, {} were not: their part of the load had no journal",
                found.expected, found.unchecked
            ));
        }
        notes.extend(self.astray());
        notes
    }

    /// That it ended before its plan said so.
    fn early(&self) -> Option<String> {
        self.interrupted.then(|| match self.knee {
            Some(_) => "interrupted: the search was ended before it was over".to_owned(),
            None => format!(
                "interrupted: {:.2} s were measured, which is less than the plan says",
                self.totals.seconds
            ),
        })
    }

    /// Which parts of the load are not in it.
    fn partial(&self) -> Option<String> {
        let missing = self.missing_shards.len();
        let count = self.generators.first()?.shard.count;
        if missing == 0 {
            return None;
        }
        let shards = self.missing_shards.iter().take(NAMED);
        let mut named: Vec<String> = shards.map(|index| format!("{index}/{count}")).collect();
        if missing > NAMED {
            named.push("...".to_owned());
        }
        Some(format!(
            "{} of {count} parts: shard {} is missing, so this is not the whole load of the plan",
            self.generators.len(),
            named.join(", ")
        ))
    }

    /// Where the tenants' shares are not those of the plan, and why.
    fn astray(&self) -> Vec<String> {
        let off = self.off_plan();
        if off <= TOLERATED {
            return Vec::new();
        }
        let planned = || self.tenants.iter().filter(|row| row.planned > Some(0.0));
        let (all, none) = (
            planned().count(),
            planned().filter(|row| row.sent == 0).count(),
        );
        let mut what = format!(
            "the tenants' shares are not those of the plan: {:.1} % of the messages would have to be other tenants'",
            off * 100.0
        );
        if none > 0 {
            what.push_str(&format!(", and {none} of {all} tenants had none"));
        }
        vec![what, self.remedy()]
    }

    /// Why shares are not those of the plan, and what to do about it.
    fn remedy(&self) -> String {
        match self.plan.pace {
            Pace::Closed { connections } if self.plan.shares_follow_connections() => format!(
                "with a certificate as evidence each connection is one tenant's, and {connections} lasting ones are not \
                 shared as planned; let them end: session.messages_per_connection = 100, say"
            ),
            Pace::Closed { .. } if self.plan.is_by_certificate() => format!(
                "with a certificate as evidence each connection is one tenant's, and {} were too few; let the run be \
                 longer, or session.messages_per_connection smaller",
                self.totals.connections
            ),
            Pace::Closed { .. } | Pace::Open { .. } => format!(
                "{} messages are too few for so many tenants, or not all that were due were sent",
                self.totals.sent
            ),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is no exact number")]
fn measured(row: &TenantRow, sent: u64) -> f64 {
    row.sent as f64 / sent as f64
}

/// How many missing shards are named.
const NAMED: usize = 5;
/// Up to this part of the messages may be other tenants' than the plan says before it is worth a
/// note.
const TOLERATED: f64 = 0.02;
