//! A listener's judge: evaluates certificates, and remembers for a moment whom it believed.
//!
//! Checking the signatures of a path costs as much as all the rest of a resumed session, and a
//! mail server that opens a connection for each message presents the same certificate every time.
//! So what was found of a chain is used again, for the same policy, the same octets, and a time at
//! which nothing that depends on time can have changed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rustls_pki_types::UnixTime;

use super::{ClientCertificate, ClientCertificatePolicy, PresentedChain, unix_time};
use crate::certificate::parse;
use crate::fingerprint::Fingerprint;

/// A policy with the chains that it has believed lately.
///
/// Only a verified certificate is remembered, at most for a minute, and never across the end of
/// validity of a certificate that was presented or of a revocation list, nor for an earlier time
/// than it was evaluated at. What is remembered belongs to this value: a reload makes a new one.
#[derive(Debug)]
pub struct Judge {
    policy: ClientCertificatePolicy,
    believed: Mutex<Generations>,
}

/// A verdict, and the times for which it holds, in seconds since 1970.
#[derive(Debug, Clone)]
struct Believed {
    from: u64,
    /// The first second for which it does not hold.
    until: u64,
    verdict: ClientCertificate,
}

/// At most twice [`GENERATION`] chains: when the young generation is full it becomes the old one,
/// and what is still asked for moves back.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Fingerprint, Believed>,
    old: HashMap<Fingerprint, Believed>,
}

impl Judge {
    /// A judge who has seen nothing yet.
    #[must_use]
    pub fn new(policy: ClientCertificatePolicy) -> Self {
        Self {
            policy,
            believed: Mutex::default(),
        }
    }

    /// How certificates are evaluated.
    #[must_use]
    pub const fn policy(&self) -> &ClientCertificatePolicy {
        &self.policy
    }

    /// Evaluates a chain as of now.
    #[must_use]
    pub fn evaluate(&self, chain: &PresentedChain) -> ClientCertificate {
        self.evaluate_as_of(chain, UnixTime::now())
    }

    /// Evaluates a chain as of some other time.
    #[must_use]
    pub fn evaluate_at(&self, chain: &PresentedChain, time: SystemTime) -> ClientCertificate {
        self.evaluate_as_of(chain, unix_time(time))
    }

    /// How many chains are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.with_believed(|believed| believed.young.len() + believed.old.len())
    }

    fn evaluate_as_of(&self, chain: &PresentedChain, now: UnixTime) -> ClientCertificate {
        let key = Fingerprint::of_all(chain.0.iter().map(AsRef::as_ref));
        let second = now.as_secs();
        if let Some(verdict) = self.with_believed(|believed| believed.find(key, second)) {
            return verdict;
        }
        let verdict = self.policy.evaluate_as_of(chain, now);
        if let Some(until) = self.holds_until(&verdict, chain, now) {
            let found = Believed {
                from: second,
                until,
                verdict: verdict.clone(),
            };
            self.with_believed(|believed| believed.keep(key, found));
        }
        verdict
    }

    /// The first second for which a verdict must be found anew. None: it is not remembered at all.
    fn holds_until(
        &self,
        verdict: &ClientCertificate,
        chain: &PresentedChain,
        now: UnixTime,
    ) -> Option<u64> {
        match verdict {
            ClientCertificate::Verified(verified) if verified.names().len() <= NAMES => {}
            ClientCertificate::Verified(_)
            | ClientCertificate::Untrusted(_)
            | ClientCertificate::NotPresented
            | ClientCertificate::NotOffered => return None,
        }
        let now_second = now.as_secs();
        let mut until = now_second.saturating_add(MOMENT);
        for certificate in &*chain.0 {
            let end = parse(certificate)?.validity().not_after.timestamp();
            // One that has ended already is not of the path that was found.
            let end = u64::try_from(end).unwrap_or(0);
            if end >= now_second {
                until = until.min(end);
            }
        }
        let list = self.policy.trust.next_list_expiry(now);
        Some(list.map_or(until, |list| until.min(list)))
    }

    fn with_believed<R>(&self, use_it: impl FnOnce(&mut Generations) -> R) -> R {
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(&mut believed)
    }
}

impl Generations {
    fn find(&mut self, key: Fingerprint, second: u64) -> Option<ClientCertificate> {
        let holds = |found: &&Believed| found.from <= second && second < found.until;
        if let Some(found) = self.young.get(&key) {
            return Some(found).filter(holds).map(|found| found.verdict.clone());
        }
        let found = self.old.remove(&key).filter(|found| holds(&found))?;
        let verdict = found.verdict.clone();
        self.keep(key, found);
        Some(verdict)
    }

    fn keep(&mut self, key: Fingerprint, found: Believed) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, found);
    }
}

/// Seconds that a verdict is used at most.
const MOMENT: u64 = 60;

/// Chains of one generation: some hundred octets each.
const GENERATION: usize = 4096;

/// A certificate with more names than this is evaluated every time, so that memory stays small.
const NAMES: usize = 100;
