//! What is counted since the start: conflicts for each pair of tenants, and what the shadow makes of transactions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often certificates of one tenant sent for the domains of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictCount {
    /// The owner of the certificate.
    pub certificate_tenant: String,
    /// The owner of the sender's domain.
    pub sender_tenant: String,
    /// Transactions since the start.
    pub transactions: u64,
}

/// Transactions since the start that the shadow decided, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShadowCount {
    /// All of them.
    pub decided: u64,
    /// Those for which it would have changed owner, upstream, identity or the outcome of a recipient.
    pub different: u64,
}

/// The counters of one relay.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    conflicts: Mutex<Conflicts>,
    shadow_decided: AtomicU64,
    shadow_different: AtomicU64,
    /// `shadow_decided` as it was told last.
    shadow_told: AtomicU64,
}

#[derive(Debug, Default)]
struct Conflicts {
    /// Certificate tenant, then sender tenant.
    pairs: BTreeMap<String, BTreeMap<String, Count>>,
    known: usize,
    /// Of pairs that came when there were enough.
    others: Count,
}

#[derive(Debug, Default)]
struct Count {
    now: u64,
    /// As it was told last.
    told: u64,
}

impl Counters {
    /// Counts a conflict; how many of these two tenants there are now, unless they are counted with others.
    pub(crate) fn conflict(&self, certificate_tenant: &str, sender_tenant: &str) -> Option<u64> {
        let mut conflicts = self.conflicts();
        let counted = conflicts
            .pairs
            .get_mut(certificate_tenant)
            .and_then(|senders| senders.get_mut(sender_tenant));
        if let Some(count) = counted {
            count.now += 1;
            return Some(count.now);
        }
        if conflicts.known >= PAIRS {
            conflicts.others.now += 1;
            return None;
        }
        conflicts.known += 1;
        let senders = conflicts
            .pairs
            .entry(String::from(certificate_tenant))
            .or_default();
        senders.insert(String::from(sender_tenant), Count { now: 1, told: 0 });
        Some(1)
    }

    /// Counts what the shadow made of a transaction.
    pub(crate) fn shadow(&self, differs: bool) {
        self.shadow_decided.fetch_add(1, Ordering::Relaxed);
        if differs {
            self.shadow_different.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every pair of tenants with its conflicts, by name.
    pub(crate) fn conflict_counts(&self) -> Vec<ConflictCount> {
        let mut counts = Vec::new();
        for (certificate, senders) in &self.conflicts().pairs {
            for (sender, count) in senders {
                counts.push(ConflictCount::new(certificate, sender, count.now));
            }
        }
        counts
    }

    /// The pairs that have conflicts that were not told yet, with all they have, and those of the pairs beyond.
    pub(crate) fn tell_conflicts(&self) -> (Vec<ConflictCount>, Option<u64>) {
        let mut conflicts = self.conflicts();
        let mut news = Vec::new();
        for (certificate, senders) in &mut conflicts.pairs {
            for (sender, count) in senders {
                if let Some(now) = count.tell() {
                    news.push(ConflictCount::new(certificate, sender, now));
                }
            }
        }
        let others = conflicts.others.tell();
        (news, others)
    }

    /// What the shadow made of transactions.
    pub(crate) fn shadow_count(&self) -> ShadowCount {
        ShadowCount {
            decided: self.shadow_decided.load(Ordering::Relaxed),
            different: self.shadow_different.load(Ordering::Relaxed),
        }
    }

    /// The same, if it was not told yet.
    pub(crate) fn tell_shadow(&self) -> Option<ShadowCount> {
        let count = self.shadow_count();
        let told = self.shadow_told.swap(count.decided, Ordering::Relaxed);
        (told != count.decided).then_some(count)
    }

    fn conflicts(&self) -> MutexGuard<'_, Conflicts> {
        self.conflicts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn tell(&mut self) -> Option<u64> {
        (self.told != self.now).then(|| {
            self.told = self.now;
            self.now
        })
    }
}

impl ConflictCount {
    fn new(certificate_tenant: &str, sender_tenant: &str, transactions: u64) -> Self {
        ConflictCount {
            certificate_tenant: String::from(certificate_tenant),
            sender_tenant: String::from(sender_tenant),
            transactions,
        }
    }
}

/// Pairs of tenants that are told apart.
const PAIRS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(counts: &[ConflictCount]) -> Vec<(&str, &str, u64)> {
        counts
            .iter()
            .map(|count| {
                let (certificate, sender) = (&count.certificate_tenant, &count.sender_tenant);
                (certificate.as_str(), sender.as_str(), count.transactions)
            })
            .collect()
    }

    #[test]
    fn conflicts_are_counted_for_each_pair_of_tenants() {
        let counters = Counters::default();
        assert_eq!(counters.conflict("a", "b"), Some(1));
        assert_eq!(counters.conflict("b", "a"), Some(1));
        assert_eq!(counters.conflict("a", "b"), Some(2));
        assert_eq!(
            pairs(&counters.conflict_counts()),
            [("a", "b", 2), ("b", "a", 1)]
        );
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let counters = Counters::default();
        counters.conflict("a", "b");
        counters.conflict("b", "a");
        counters.shadow(true);
        counters.shadow(false);
        let (news, others) = counters.tell_conflicts();
        assert_eq!(pairs(&news), [("a", "b", 1), ("b", "a", 1)]);
        assert_eq!(others, None);
        let shadow = ShadowCount {
            decided: 2,
            different: 1,
        };
        assert_eq!(counters.tell_shadow(), Some(shadow));
        counters.conflict("a", "b");
        assert_eq!(pairs(&counters.tell_conflicts().0), [("a", "b", 2)]);
        assert_eq!(counters.tell_conflicts(), (Vec::new(), None));
        assert_eq!(counters.tell_shadow(), None);
    }

    #[test]
    fn pairs_beyond_the_bound_are_counted_together() {
        let counters = Counters::default();
        for number in 0..PAIRS {
            counters.conflict("a", &number.to_string());
        }
        assert_eq!(counters.conflict("b", "a"), None);
        assert_eq!(counters.conflict("a", "7"), Some(2));
        assert_eq!(counters.conflict_counts().len(), PAIRS);
        assert_eq!(counters.tell_conflicts().1, Some(1));
    }
}
