//! The search for the highest rate at which latency and errors stay within bounds.

use std::sync::Arc;

use tokio::sync::watch;

use super::gather::{Ends, measure};
use super::{Prepared, RunError};
use crate::plan::{Arrivals, Knee, Length, Pace, Plan};
use crate::result::{Correctness, KneeFound, Live, Outcome, Phase, Stage, Trial};

/// Doubles the rate until it does not hold, then halves the gap until it is small.
pub(super) fn find(
    prepared: &Arc<Prepared>,
    plan: &Plan,
    ends: &Ends,
    live: &watch::Sender<Arc<Live>>,
) -> Result<Outcome, RunError> {
    let mut search = Search::new(plan.knee);
    let mut best: Option<Outcome> = None;
    let mut correctness: Option<Correctness> = None;
    while let Some(rate) = search.next() {
        let number = search.trials.len() + 1;
        let stage = Stage::Trial { number, rate };
        let mut outcome = measure(prepared, trial(plan, rate), ends, live, Some(stage))?;
        if ends.stop.is_cancelled() && !search.trials.is_empty() {
            break;
        }
        correctness = match (correctness.take(), outcome.correctness.take()) {
            (Some(all), Some(one)) => Some(all.with(&one)),
            (all, one) => all.or(one),
        };
        let held = search.judge(rate, &outcome);
        if held || best.is_none() {
            best = Some(outcome);
        }
        if ends.stop.is_cancelled() {
            break;
        }
    }
    let mut outcome = best.ok_or(RunError::Panicked)?;
    outcome.plan.knee = plan.knee;
    outcome.correctness = correctness;
    outcome.knee = Some(search.found());
    Ok(outcome)
}

/// The plan of one trial.
fn trial(plan: &Plan, rate: f64) -> Plan {
    let (arrivals, connections, outstanding) = match plan.pace {
        Pace::Open {
            arrivals,
            connections,
            outstanding,
            ..
        } => (arrivals, connections, outstanding),
        Pace::Closed { connections } => (Arrivals::Poisson, connections, 10_000),
    };
    Plan {
        pace: Pace::Open {
            rate,
            arrivals,
            connections,
            outstanding,
        },
        length: Length::Seconds(plan.knee.trial),
        steps: Vec::new(),
        ramp: std::time::Duration::ZERO,
        ..plan.clone()
    }
}

/// What is known so far.
#[derive(Debug)]
struct Search {
    bounds: Knee,
    /// The highest rate that held.
    low: Option<f64>,
    /// The lowest that did not.
    high: Option<f64>,
    trials: Vec<Trial>,
}

impl Search {
    const fn new(bounds: Knee) -> Self {
        Self {
            bounds,
            low: None,
            high: None,
            trials: Vec::new(),
        }
    }

    /// The next rate to try.
    fn next(&self) -> Option<f64> {
        if self.trials.len() >= MOST_TRIALS {
            return None;
        }
        match (self.low, self.high) {
            (None, None) => Some(self.bounds.start),
            (Some(low), None) if low >= self.bounds.most => None,
            (Some(low), None) => Some((low * 2.0).min(self.bounds.most)),
            (None, Some(high)) if high <= self.bounds.start * SMALLEST => None,
            (None, Some(high)) => Some(high / 2.0),
            (Some(low), Some(high)) if high <= low * (1.0 + self.bounds.precision) => None,
            (Some(low), Some(high)) => Some((low * high).sqrt()),
        }
    }

    fn judge(&mut self, rate: f64, outcome: &Outcome) -> bool {
        let latency = outcome.phase(Phase::Latency);
        let p99_us = latency.map_or(u64::MAX, |latency| latency.quantile(0.99));
        let errors = outcome.error_share();
        let bound = u64::try_from(self.bounds.p99.as_micros()).unwrap_or(u64::MAX);
        let held = latency.is_some() && p99_us <= bound && errors <= self.bounds.errors;
        self.trials.push(Trial {
            offered: rate,
            accepted: outcome.totals.rate,
            p99_us: latency.map_or(0, |_| p99_us),
            errors,
            held,
        });
        match held {
            true => self.low = Some(rate),
            false => self.high = Some(rate),
        }
        held
    }

    fn found(self) -> KneeFound {
        KneeFound {
            rate: self.low,
            at_most: self.low.is_some_and(|low| low >= self.bounds.most),
            trials: self.trials,
        }
    }
}

const MOST_TRIALS: usize = 40;
/// The first rate is halved so far before the search gives up.
const SMALLEST: f64 = 1.0 / 64.0;
