//! What a tenant may send in a window of time (5.7.232, 5.7.233, 5.7.236, 5.7.750).
//!
//! The window slides, in sixty steps: what was counted is forgotten after the window, at most a
//! sixtieth of it later. Only messages that were accepted count. Time is the runtime's clock.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::reply::Refusal;
use crate::world::{Quota, TenantIndex};

/// The counts of all tenants.
#[derive(Debug)]
pub(super) struct Quotas {
    tenants: Vec<Mutex<Used>>,
    start: Instant,
}

/// What a message would use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Demand {
    /// Recipients outside the tenant.
    pub(super) external: u64,
    /// Whether its sender is in an initial domain.
    pub(super) initial_sender: bool,
    /// Whether nobody has registered its sender's domain.
    pub(super) unregistered_sender: bool,
}

#[derive(Debug, Default)]
struct Used {
    external: Window,
    initial: Window,
    unregistered: Window,
}

/// A count that forgets.
#[derive(Debug, Default)]
struct Window {
    /// Steps since the start, oldest first, with what was counted in each; never many more than
    /// [`STEPS`].
    steps: VecDeque<(u128, u64)>,
    sum: u64,
}

impl Quotas {
    pub(super) fn new(tenants: usize) -> Self {
        Self {
            tenants: std::iter::repeat_with(Mutex::default)
                .take(tenants.saturating_add(SPARE))
                .collect(),
            start: Instant::now(),
        }
    }

    /// How many tenants it can count for.
    pub(super) fn room(&self) -> usize {
        self.tenants.len()
    }

    /// Why a message with this demand would be refused now.
    pub(super) fn refusal(
        &self,
        tenant: TenantIndex,
        quota: &Quota,
        demand: Demand,
    ) -> Option<Refusal> {
        let mut used = self.used(tenant)?;
        used.refusal(quota, demand, self.step(quota))
    }

    /// Counts a message, all of it or nothing.
    ///
    /// # Errors
    /// When it is more than the tenant has left.
    pub(super) fn take(
        &self,
        tenant: TenantIndex,
        quota: &Quota,
        demand: Demand,
    ) -> Result<(), Refusal> {
        let Some(mut used) = self.used(tenant) else {
            return Ok(());
        };
        let step = self.step(quota);
        match used.refusal(quota, demand, step) {
            Some(refusal) => Err(refusal),
            None => {
                used.count(quota, demand, step);
                Ok(())
            }
        }
    }

    fn used(&self, tenant: TenantIndex) -> Option<MutexGuard<'_, Used>> {
        let used = self.tenants.get(tenant.0)?;
        Some(used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn step(&self, quota: &Quota) -> u128 {
        let length = (quota.window / STEPS).max(Duration::from_nanos(1));
        self.start.elapsed().as_nanos() / length.as_nanos()
    }
}

impl Used {
    fn refusal(&mut self, quota: &Quota, demand: Demand, step: u128) -> Option<Refusal> {
        let unregistered = u64::from(demand.unregistered_sender);
        let initial = if demand.initial_sender {
            demand.external
        } else {
            0
        };
        let external = match quota.trial {
            true => Refusal::TrialExternalRecipients,
            false => Refusal::ExternalRecipients,
        };
        let limits = [
            (
                &mut self.unregistered,
                quota.unregistered_senders,
                unregistered,
                Refusal::UnregisteredDomains,
            ),
            (
                &mut self.initial,
                quota.initial_domain_recipients,
                initial,
                Refusal::InitialDomainSender,
            ),
            (
                &mut self.external,
                quota.external_recipients,
                demand.external,
                external,
            ),
        ];
        for (window, limit, wanted, refusal) in limits {
            let over = |limit| window.sum(step).saturating_add(wanted) > limit;
            if wanted > 0 && limit.is_some_and(over) {
                return Some(refusal);
            }
        }
        None
    }

    fn count(&mut self, quota: &Quota, demand: Demand, step: u128) {
        if quota.unregistered_senders.is_some() && demand.unregistered_sender {
            self.unregistered.add(1, step);
        }
        if quota.initial_domain_recipients.is_some() && demand.initial_sender {
            self.initial.add(demand.external, step);
        }
        if quota.external_recipients.is_some() {
            self.external.add(demand.external, step);
        }
    }
}

impl Window {
    fn sum(&mut self, step: u128) -> u64 {
        while let Some((oldest, count)) = self.steps.front().copied() {
            if oldest + u128::from(STEPS) >= step {
                break;
            }
            self.sum = self.sum.saturating_sub(count);
            self.steps.pop_front();
        }
        self.sum
    }

    fn add(&mut self, count: u64, step: u128) {
        if count == 0 {
            return;
        }
        self.sum = self.sum(step).saturating_add(count);
        match self.steps.back_mut() {
            Some((newest, counted)) if *newest == step => *counted = counted.saturating_add(count),
            Some(_) | None => self.steps.push_back((step, count)),
        }
    }
}

const STEPS: u32 = 60;

/// Tenants that may come while the service runs.
const SPARE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const T: TenantIndex = TenantIndex(0);

    fn recipients(external: u64) -> Demand {
        Demand {
            external,
            ..Demand::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_forgets_what_is_older_than_itself() {
        let quotas = Quotas::new(1);
        let quota = Quota {
            external_recipients: Some(10),
            window: Duration::from_secs(60),
            ..Quota::default()
        };
        assert_eq!(quotas.take(T, &quota, recipients(6)), Ok(()));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(quotas.take(T, &quota, recipients(4)), Ok(()));
        let refused = Err(Refusal::ExternalRecipients);
        assert_eq!(quotas.take(T, &quota, recipients(1)), refused);
        assert_eq!(quotas.take(T, &quota, recipients(0)), Ok(()));
        tokio::time::advance(Duration::from_secs(32)).await;
        assert_eq!(quotas.take(T, &quota, recipients(7)), refused);
        assert_eq!(quotas.take(T, &quota, recipients(6)), Ok(()));
        assert_eq!(quotas.take(T, &quota, recipients(1)), refused);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(quotas.take(T, &quota, recipients(10)), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn each_limit_has_its_own_reply_and_a_refused_message_uses_nothing_up() {
        let quotas = Quotas::new(1);
        let quota = Quota {
            external_recipients: Some(3),
            initial_domain_recipients: Some(2),
            unregistered_senders: Some(1),
            trial: true,
            ..Quota::default()
        };
        let initial = Demand {
            initial_sender: true,
            ..recipients(3)
        };
        assert_eq!(
            quotas.refusal(T, &quota, initial),
            Some(Refusal::InitialDomainSender)
        );
        let too_many = recipients(4);
        assert_eq!(
            quotas.take(T, &quota, too_many),
            Err(Refusal::TrialExternalRecipients)
        );
        let unregistered = Demand {
            unregistered_sender: true,
            ..recipients(1)
        };
        assert_eq!(quotas.take(T, &quota, unregistered), Ok(()));
        assert_eq!(
            quotas.take(T, &quota, unregistered),
            Err(Refusal::UnregisteredDomains)
        );
        assert_eq!(quotas.take(T, &quota, recipients(2)), Ok(()));
        assert_eq!(
            quotas.refusal(TenantIndex(usize::MAX), &quota, too_many),
            None
        );
    }
}
