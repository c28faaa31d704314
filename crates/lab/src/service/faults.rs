//! Which faults strike at a moment, by scope, count, dice and throttle.
//!
//! Every fault has dice of its own, which start from the world's seed and the fault's place in
//! the file: the same occurrences are hit in the same order on every run.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use crate::file::{FaultAction, FaultReply, FaultSpec, FaultStage, Throttle};
use crate::world::{Region, TenantIndex};

/// The faults of a service.
#[derive(Debug)]
pub(super) struct Faults {
    armed: Vec<Armed>,
}

/// What is to be done at a moment; of several faults all are executed, and the first reply and
/// the first action count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Strike {
    /// Wait before going on.
    pub(super) delay: Duration,
    /// Wait after what is to be done is done, before the answer.
    pub(super) late: Duration,
    /// Wait before every octet of the answer.
    pub(super) tarpit: Duration,
    pub(super) reply: Option<FaultReply>,
    pub(super) action: Option<FaultAction>,
    /// The reply is a throttle's.
    pub(super) throttled: bool,
}

#[derive(Debug)]
struct Armed {
    spec: FaultSpec,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    dice: Rng,
    /// Occurrences so far.
    seen: u64,
    /// Occurrences that were hit.
    hit: u64,
    bucket: Bucket,
}

/// Messages that may pass, refilled as time goes by.
#[derive(Debug, Default)]
struct Bucket {
    /// Absent: full, since nothing has passed.
    filled: Option<(f64, Instant)>,
}

impl Faults {
    pub(super) fn new(specs: Vec<FaultSpec>, seed: u64) -> Self {
        let armed = |(place, spec): (u64, FaultSpec)| Armed {
            spec,
            state: Mutex::new(State {
                // Neighbouring seeds must not give neighbouring dice.
                dice: Rng::with_seed(seed.wrapping_add(place).wrapping_mul(GOLDEN) ^ place),
                seen: 0,
                hit: 0,
                bucket: Bucket::default(),
            }),
        };
        Self {
            armed: (0..).zip(specs).map(armed).collect(),
        }
    }

    /// Whether anything can happen at a stage.
    pub(super) fn concern(&self, stage: FaultStage) -> bool {
        self.armed.iter().any(|fault| fault.spec.stage == stage)
    }

    /// Whether some fault does this.
    pub(super) fn include(&self, action: FaultAction) -> bool {
        self.armed
            .iter()
            .any(|fault| fault.spec.action == Some(action))
    }

    /// What happens at this occurrence of a stage.
    pub(super) fn strike(
        &self,
        stage: FaultStage,
        region: &Region,
        tenants: &[TenantIndex],
    ) -> Strike {
        let now = Instant::now();
        let mut strike = Strike::default();
        for fault in &self.armed {
            if fault.spec.is_for(stage, region, tenants) && fault.hits() {
                fault.spec.add_to(&mut strike);
                if let Some(throttle) = &fault.spec.throttle
                    && !fault.passes(throttle, now)
                {
                    strike.throttled |= strike.reply.is_none();
                    strike.reply.get_or_insert_with(|| throttle.reply.clone());
                }
            }
        }
        strike
    }
}

impl Strike {
    /// What it does to the connection or says, as the journal has it: `mail throttle`,
    /// `end-of-data drop`. Mere waiting is nothing.
    pub(super) fn word(&self, stage: FaultStage) -> Option<String> {
        let what = match (self.action, &self.reply) {
            (Some(action), _) => action.as_str(),
            (None, Some(_)) if self.throttled => "throttle",
            (None, Some(_)) => "reply",
            (None, None) => return None,
        };
        Some(format!("{} {what}", stage.as_str()))
    }
}

impl FaultSpec {
    fn is_for(&self, stage: FaultStage, region: &Region, tenants: &[TenantIndex]) -> bool {
        self.stage == stage
            && self.region.as_ref().is_none_or(|wanted| wanted == region)
            && self.tenant.is_none_or(|wanted| tenants.contains(&wanted))
    }

    fn add_to(&self, strike: &mut Strike) {
        let late = self.action == Some(FaultAction::LateReply);
        let wait = if late {
            &mut strike.late
        } else {
            &mut strike.delay
        };
        *wait = wait.saturating_add(self.delay);
        strike.tarpit = strike.tarpit.max(self.tarpit);
        strike.reply = strike.reply.take().or_else(|| self.reply.clone());
        strike.action = strike.action.or(self.action);
    }
}

impl Armed {
    fn hits(&self) -> bool {
        let mut state = self.state();
        state.seen += 1;
        if state.seen <= self.spec.after || self.spec.times.is_some_and(|times| state.hit >= times)
        {
            return false;
        }
        let hit = self.spec.probability >= 1.0 || state.dice.f64() < self.spec.probability;
        state.hit += u64::from(hit);
        hit
    }

    fn passes(&self, throttle: &Throttle, now: Instant) -> bool {
        self.state().bucket.take(throttle, now)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn take(&mut self, throttle: &Throttle, now: Instant) -> bool {
        let most = f64::from(throttle.burst);
        let level = match self.filled {
            None => most,
            Some((level, at)) => {
                let gained = now.duration_since(at).as_secs_f64() * throttle.messages_per_second;
                (level + gained).min(most)
            }
        };
        let passes = level >= 1.0;
        let left = if passes { level - 1.0 } else { level };
        self.filled = Some((left, now));
        passes
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(stage: FaultStage) -> FaultSpec {
        FaultSpec {
            tenant: None,
            region: None,
            stage,
            probability: 1.0,
            after: 0,
            times: None,
            delay: Duration::ZERO,
            tarpit: Duration::ZERO,
            reply: Some(FaultReply::Raw("451 4.3.2 later".to_owned())),
            action: None,
            throttle: None,
        }
    }

    fn hits(faults: &Faults, count: usize) -> Vec<bool> {
        let region = Region::new("EUR");
        let strike = |_| {
            faults
                .strike(FaultStage::Mail, &region, &[])
                .reply
                .is_some()
        };
        (0..count).map(strike).collect()
    }

    #[test]
    fn a_fault_begins_after_so_many_and_ends_after_so_many() {
        let fault = FaultSpec {
            after: 2,
            times: Some(3),
            ..spec(FaultStage::Mail)
        };
        let faults = Faults::new(vec![fault], 1);
        let expected = [false, false, true, true, true, false, false];
        assert_eq!(hits(&faults, 7), expected);
    }

    #[test]
    fn the_dice_fall_alike_for_one_seed_and_otherwise_for_another() {
        let fault = FaultSpec {
            probability: 0.5,
            ..spec(FaultStage::Mail)
        };
        let play = |seed| hits(&Faults::new(vec![fault.clone()], seed), 64);
        assert_eq!(play(7), play(7));
        assert_ne!(play(7), play(8));
        let hit = play(7).iter().filter(|hit| **hit).count();
        assert!((16..=48).contains(&hit), "{hit} of 64");
    }

    #[test]
    fn scopes_are_respected() {
        let tenant = FaultSpec {
            tenant: Some(TenantIndex(1)),
            ..spec(FaultStage::Rcpt)
        };
        let region = FaultSpec {
            region: Some(Region::new("NAM")),
            ..spec(FaultStage::Ehlo)
        };
        let faults = Faults::new(vec![tenant, region], 1);
        let [eur, nam] = ["EUR", "NAM"].map(Region::new);
        let struck = |stage, region, tenants: &[usize]| {
            let tenants: Vec<_> = tenants.iter().copied().map(TenantIndex).collect();
            faults.strike(stage, region, &tenants) != Strike::default()
        };
        assert!(struck(FaultStage::Rcpt, &eur, &[0, 1]));
        assert!(!struck(FaultStage::Rcpt, &eur, &[0]));
        assert!(!struck(FaultStage::Rcpt, &eur, &[]));
        assert!(struck(FaultStage::Ehlo, &nam, &[]));
        assert!(!struck(FaultStage::Ehlo, &eur, &[]));
        assert!(!struck(FaultStage::Mail, &nam, &[1]));
    }

    #[test]
    fn several_faults_of_a_moment_are_all_executed() {
        let delay = FaultSpec {
            delay: Duration::from_secs(2),
            reply: None,
            ..spec(FaultStage::Mail)
        };
        let late = FaultSpec {
            delay: Duration::from_secs(5),
            action: Some(FaultAction::LateReply),
            ..spec(FaultStage::Mail)
        };
        let faults = Faults::new(vec![delay.clone(), late, delay], 1);
        let strike = faults.strike(FaultStage::Mail, &Region::new("EUR"), &[]);
        assert_eq!(strike.delay, Duration::from_secs(4));
        assert_eq!(strike.late, Duration::from_secs(5));
        assert_eq!(strike.action, Some(FaultAction::LateReply));
        assert!(strike.reply.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_lets_the_burst_pass_and_then_its_rate() {
        let throttle = Throttle {
            messages_per_second: 2.0,
            burst: 3,
            reply: FaultReply::Raw("451 4.7.500 busy".to_owned()),
        };
        let fault = FaultSpec {
            reply: None,
            throttle: Some(throttle),
            ..spec(FaultStage::Mail)
        };
        let faults = Faults::new(vec![fault], 1);
        assert_eq!(hits(&faults, 5), [false, false, false, true, true]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(hits(&faults, 3), [false, false, true]);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(hits(&faults, 4), [false, false, false, true]);
    }
}
