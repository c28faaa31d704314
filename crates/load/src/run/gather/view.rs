//! What a view is told while a run lasts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Gathered, Latest, Shown, name, per_second};
use crate::pace::duration;
use crate::plan::{Length, Pace};
use crate::result::{
    Histogram, Live, LivePhase, Phase, ReplyClasses, Stage, TenantShare, Totals, share,
};
use crate::worker::Shared;

impl Gathered {
    /// Tells a view, if there is one.
    pub(super) fn publish(&mut self, shared: &Shared, live: &watch::Sender<Arc<Live>>) {
        let elapsed = shared.start.elapsed();
        let mut recent = std::mem::take(&mut self.recent);
        recent.sort_by_key(|(phase, _)| *phase);
        let Latest {
            gauges,
            mut totals,
            classes,
        } = self.sums();
        let moment = elapsed.as_secs_f64();
        let measured = moment.min(shared.profile.ends.unwrap_or(moment));
        totals.seconds = (measured - shared.profile.measured_from).max(0.0);
        totals.rate = per_second(totals.accepted, totals.seconds);
        let view = Live {
            elapsed,
            planned: shared.profile.ends.map(duration),
            planned_messages: match shared.plan.length {
                Length::Messages(messages) => Some(messages),
                Length::Seconds(_) => None,
            },
            stage: self.stage(shared, moment),
            offered: match shared.plan.pace {
                Pace::Open { .. } => {
                    let part = f64::from(shared.plan.shard.count);
                    // The rate is one of the interval that ends now, in whose middle this was.
                    let middle = (moment + self.shown.at.as_secs_f64()) / 2.0;
                    Some(shared.profile.at(middle) / part)
                }
                Pace::Closed { .. } => None,
            },
            rate: self.shown.rate(classes.accepted, elapsed),
            totals,
            in_flight: gauges.in_flight,
            queued: gauges.queued,
            connections: gauges.connections,
            phases: recent
                .iter()
                .map(|(phase, seen)| live_phase(*phase, seen))
                .collect(),
            replies: classes,
            tenants: self.shares(shared),
            tenants_total: shared.roster.tenants.len(),
            last_problem: self.shown.problem.clone(),
        };
        live.send_replace(Arc::new(view));
    }

    /// What all workers have together.
    fn sums(&self) -> Latest {
        let mut sums = Latest::default();
        for latest in &self.latest {
            sums.totals.add(&latest.totals);
            sums.classes.add(&latest.classes);
            sums.gauges.add(&latest.gauges);
        }
        sums
    }

    fn stage(&self, shared: &Shared, moment: f64) -> Stage {
        if self.shown.fixed || self.shown.stage == Stage::Check {
            return self.shown.stage;
        }
        if shared.over.is_cancelled() {
            return Stage::Drain;
        }
        let ramp = shared.plan.ramp.as_secs_f64();
        if moment < shared.profile.measured_from {
            return if moment < ramp {
                Stage::Ramp
            } else {
                Stage::WarmUp
            };
        }
        let of = shared.profile.steps.len();
        match shared.profile.step_at(moment) {
            Some(step) => Stage::Step {
                number: step + 1,
                of,
            },
            None => Stage::Ramp,
        }
    }

    fn shares(&self, shared: &Shared) -> Vec<TenantShare> {
        let all: u64 = self.sent_by_tenant.iter().sum();
        let sent = self.sent_by_tenant.iter().copied().enumerate();
        let mut most: Vec<(usize, u64)> = sent.filter(|(_, sent)| *sent > 0).collect();
        most.sort_by_key(|(index, sent)| (std::cmp::Reverse(*sent), *index));
        let shown = most.into_iter().take(MOST_SHOWN);
        shown
            .map(|(index, sent)| TenantShare {
                name: name(shared, index),
                sent,
                share: share(sent, all),
            })
            .collect()
    }
}

impl Shown {
    /// Accepted messages per second since the last time this was asked.
    fn rate(&mut self, accepted: u64, now: Duration) -> f64 {
        let span = now.saturating_sub(self.at).as_secs_f64();
        let rate = per_second(accepted.saturating_sub(self.accepted), span);
        self.accepted = accepted;
        self.at = now;
        rate
    }
}

/// What a view is told before there is anything to tell.
pub(in crate::run) fn nothing_yet() -> Live {
    Live {
        elapsed: Duration::ZERO,
        planned: None,
        planned_messages: None,
        stage: Stage::WarmUp,
        offered: None,
        rate: 0.0,
        totals: Totals::default(),
        in_flight: 0,
        queued: 0,
        connections: 0,
        phases: Vec::new(),
        replies: ReplyClasses::default(),
        tenants: Vec::new(),
        tenants_total: 0,
        last_problem: None,
    }
}

fn live_phase(phase: Phase, seen: &Histogram) -> LivePhase {
    LivePhase {
        phase,
        count: seen.count(),
        p50: seen.quantile(0.5),
        p90: seen.quantile(0.9),
        p99: seen.quantile(0.99),
        max: seen.max(),
    }
}

const MOST_SHOWN: usize = 20;
