//! The result of what was gathered.

use super::{Gathered, float, name, per_second};
use crate::plan::Length;
use crate::result::{
    FORMAT, Generator, Machine, Outcome, Phase, PhaseRow, Step, TenantRow, Totals, peak_memory_kib,
};
use crate::worker::Shared;

impl Gathered {
    pub(super) fn outcome(&self, shared: &Shared, started: jiff::Timestamp) -> Outcome {
        let recorder = &self.recorder;
        let from = shared.profile.measured_from;
        let until = match shared.plan.length {
            Length::Messages(_) => self.last.as_secs_f64(),
            Length::Seconds(_) => {
                let over = self.over_at.as_secs_f64();
                over.min(shared.profile.ends.unwrap_or(over))
            }
        };
        let mut totals = recorder.totals;
        totals.seconds = (until - from).max(0.0);
        totals.rate = per_second(totals.accepted, totals.seconds);
        let phases = Phase::ALL.into_iter().zip(&recorder.phases);
        let started = started.to_string();
        let run = format!("{:08x}", shared.run);
        let mut outcome = Outcome {
            format: FORMAT,
            program: format!("tenantry {}", env!("CARGO_PKG_VERSION")),
            run: run.clone(),
            started: started.clone(),
            generators: vec![self.generator(shared, &totals, run, started)],
            interrupted: self.interrupted,
            totals,
            phases: phases
                .filter(|(_, histogram)| !histogram.is_empty())
                .map(|(phase, histogram)| PhaseRow {
                    phase,
                    histogram: histogram.clone(),
                })
                .collect(),
            timeline: self.timeline.clone(),
            steps: self.steps(shared, until),
            knee: None,
            replies: recorder.reply_rows(),
            errors: recorder.error_rows(),
            tenants: self.tenants(shared),
            correctness: None,
            missing_shards: Vec::new(),
            plan: shared.plan.clone(),
            notes: Vec::new(),
        };
        outcome.notes = outcome.remarks();
        outcome
    }

    fn generator(
        &self,
        shared: &Shared,
        totals: &Totals,
        run: String,
        started: String,
    ) -> Generator {
        let cpu = self.cpu.1.saturating_sub(self.cpu.0).as_secs_f64();
        let answered = totals.accepted + totals.refused + totals.deferred;
        Generator {
            shard: shared.plan.shard,
            run,
            started,
            machine: Machine::here(),
            workers: shared.workers,
            cpu_seconds: cpu,
            cpu_us_per_message: if answered == 0 {
                0.0
            } else {
                cpu * 1e6 / float(answered)
            },
            peak_memory_kib: peak_memory_kib(),
            lateness: self.recorder.lateness.clone(),
        }
    }

    fn steps(&self, shared: &Shared, until: f64) -> Vec<Step> {
        let part = f64::from(shared.plan.shard.count);
        let spans = shared.profile.steps.iter().zip(&self.recorder.steps);
        let begun = spans.filter(|(span, _)| span.begins < until);
        begun
            .map(|(span, tally)| {
                let seconds = span.ends.min(until) - span.begins;
                Step {
                    pace: span.pace / part,
                    begins: span.begins,
                    seconds,
                    intended: tally.intended,
                    accepted: tally.accepted,
                    not_accepted: tally.intended.saturating_sub(tally.accepted),
                    rate: per_second(tally.accepted, seconds),
                    latency: tally.latency.clone(),
                }
            })
            .collect()
    }

    fn tenants(&self, shared: &Shared) -> Vec<TenantRow> {
        let planned = shared.mixer.planned();
        let tallies = self.recorder.tenants.iter().enumerate();
        let seen =
            tallies.filter(|(index, tally)| *index < shared.roster.tenants.len() || tally.sent > 0);
        seen.map(|(index, tally)| TenantRow {
            name: name(shared, index),
            planned: planned.get(index).copied(),
            sent: tally.sent,
            accepted: tally.accepted,
            refused: tally.refused,
            deferred: tally.deferred,
            failed: tally.failed,
            octets: tally.octets,
            latency: tally.latency.clone(),
        })
        .collect()
    }
}
