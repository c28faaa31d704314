//! The search for the highest rate at which latency and errors stay within bounds.
//!
//! A rate that does not hold gets a second trial, so that one hiccup of the machine does not end
//! the search too low.

use std::sync::Arc;
use std::time::Duration;

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
    outcome.interrupted |= ends.stop.is_cancelled();
    outcome.knee = Some(search.found());
    outcome.notes = outcome.remarks();
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
        Pace::Closed { connections } => (Arrivals::Constant, connections, 10_000),
    };
    Plan {
        pace: Pace::Open {
            rate,
            arrivals,
            connections,
            outstanding,
        },
        length: Length::Seconds(plan.knee.trial),
        // Opening connections is not what a rate is about.
        warm_up: plan.warm_up.max(LEAST_WARM_UP),
        steps: Vec::new(),
        ramp: Duration::ZERO,
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
    /// Did not hold once.
    again: Option<f64>,
    trials: Vec<Trial>,
}

impl Search {
    const fn new(bounds: Knee) -> Self {
        Self {
            bounds,
            low: None,
            high: None,
            again: None,
            trials: Vec::new(),
        }
    }

    /// The next rate to try.
    fn next(&self) -> Option<f64> {
        if self.trials.len() >= MOST_TRIALS {
            return None;
        }
        if let Some(rate) = self.again {
            return Some(rate);
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
        let p99_us = latency.map_or(0, |_| p99_us);
        self.note(rate, p99_us, errors, outcome.totals.rate, held);
        held
    }

    fn note(&mut self, offered: f64, p99_us: u64, errors: f64, accepted: f64, held: bool) {
        self.trials.push(Trial {
            offered,
            accepted,
            p99_us,
            errors,
            held,
        });
        match (held, self.again.take()) {
            (true, _) => self.low = Some(offered),
            (false, None) => self.again = Some(offered),
            (false, Some(_)) => self.high = Some(offered),
        }
    }

    fn found(self) -> KneeFound {
        KneeFound {
            rate: self.low,
            at_most: self.low.is_some_and(|low| low >= self.bounds.most),
            trials: self.trials,
        }
    }
}

const LEAST_WARM_UP: Duration = Duration::from_secs(1);
const MOST_TRIALS: usize = 60;
/// The first rate is halved so far before the search gives up.
const SMALLEST: f64 = 1.0 / 64.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches against a target that holds up to a rate.
    fn searched(holds: f64, hiccup: usize) -> (KneeFound, Vec<f64>) {
        let mut search = Search::new(Knee {
            p99: Duration::from_millis(100),
            errors: 0.0,
            start: 100.0,
            most: 10_000.0,
            trial: Duration::from_secs(1),
            precision: 0.05,
        });
        let mut rates = Vec::new();
        while let Some(rate) = search.next() {
            rates.push(rate);
            let held = rate <= holds && rates.len() != hiccup;
            search.note(rate, 10, 0.0, rate, held);
        }
        (search.found(), rates)
    }

    #[test]
    fn the_knee_is_found_as_near_as_was_asked_for() {
        for holds in [3.0, 99.0, 100.0, 777.0, 9_999.0] {
            let (found, _) = searched(holds, 0);
            let rate = found.rate.unwrap_or_default();
            assert!(
                rate <= holds && rate * 1.05 >= holds * 0.999,
                "{holds}: {rate}"
            );
            assert!(!found.at_most);
        }
    }

    #[test]
    fn a_target_that_holds_everything_ends_at_the_most() {
        let (found, rates) = searched(1e9, 0);
        assert_eq!(found.rate, Some(10_000.0));
        assert!(found.at_most);
        assert_eq!(rates.len(), 8);
    }

    #[test]
    fn a_target_that_holds_nothing_is_given_up() {
        let (found, rates) = searched(0.0, 0);
        assert_eq!(found.rate, None);
        assert!(rates.len() < 20);
    }

    #[test]
    fn one_hiccup_does_not_end_the_search() {
        let (found, _) = searched(777.0, 2);
        assert!(found.rate.is_some_and(|rate| rate > 730.0));
    }
}
